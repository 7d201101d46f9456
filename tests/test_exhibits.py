"""Exhibits: the figure shows the numbers of the table, and what is not known is visible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.query import ask
from sanctlib.result import Fit, Result

mpl.use("Agg")
GREEN = "#009E73"


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def result(table: pd.DataFrame, kind: str) -> Result:
    return Result(table=table, kind=kind, name="Acts", query=ask(every="year"))


def units(n: list[int | None], upper: list[int | None]) -> Result:
    table = pd.DataFrame(
        {
            "source": ["a", "a", "b"][: len(n)],
            "unit": ["entity", "designation", "act"][: len(n)],
            "target_rule": "programme",
            "n": pd.array(n, dtype="Int64"),
            "lower": pd.array(n, dtype="Int64"),
            "upper": pd.array(upper, dtype="Int64"),
        }
    )
    return result(table, "units")


def test_each_unit_has_a_row_and_its_number() -> None:
    found = units([1926, 2017, 30], [1926, 2017, 30])
    ax = found.plot(labels={"b": "our list"})
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == [
        "acts, by programme (our list)",
        "designations, by programme (a)",
        "entities, by programme (a)",
    ]
    texts = {t.get_text() for t in ax.texts}
    assert {"1,926", "2,017", "30"} <= texts
    assert ax.get_legend() is None


def test_a_lower_bound_is_an_open_mark_and_a_missing_count_no_row() -> None:
    ax = units([5, None, 3], [None, None, 3]).plot()
    assert len(ax.get_yticklabels()) == 2
    faces = [line.get_markerfacecolor() for line in ax.lines if len(line.get_xdata())]
    assert sorted(face == "white" for face in faces) == [False, True]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["lower bound"]


def test_a_table_of_no_counts_says_so() -> None:
    ax = units([None], [None]).plot()
    assert any(t.get_text() == "no values" for t in ax.texts)


def test_the_stock_is_above_the_flow_with_what_began_before_shaded() -> None:
    rows = [
        ("1", "USA", "2015-03-01", None),
        ("2", "USA", "2019-06-01", "2020-02-01"),
    ]
    cases = pd.DataFrame(rows, columns=["case_id", "sender", "start", "end"])
    days = {c: pd.to_datetime(cases[c]) for c in ("start", "end")}
    cases = cases.assign(
        source="own", target="RUS", **days, start_last=days["start"], end_last=days["end"],
        ongoing=days["end"].isna(),
    )  # fmt: skip
    known = sl.Coverage(source="own", first=date(2018, 1, 1), last=date(2021, 12, 31))
    stocks = sl.active_sanctions(
        cases, every="year", at="end_of_period", by=["sender"], coverage=known
    )
    above = stocks.plot(view="flows", marks=[("2020-02-01", "End")])
    whole = above.figure.axes[0]
    assert above.lines[0].get_ydata().tolist()[:4] == [1, 2, 1, 1]
    heights = [bar.get_height() for bar in whole.child_axes[1].patches]
    assert heights == [0, 1, 0, 0, 0, 0, -1, 0]
    labels = [t.get_text() for t in above.get_legend().get_texts()]
    assert labels == ["United States", "began before the data"]
    assert any(t.get_text().startswith("n = 1 cases of sanctions") for t in whole.texts)
    assert "End" in {t.get_text() for t in above.texts}
    assert len(stocks.plot().figure.axes[0].child_axes) == 0


def shared() -> Result:
    table = pd.DataFrame(
        {
            "source": ["a", "a", "b"],
            "period": pd.to_datetime(["2018-01-01", "2019-01-01", "2019-01-01"]),
            "shared": ["USA", "CAN;USA", "USA"],
            "disputed": ["", "CAN", ""],
        }
    )
    return result(table, "shared")


def test_a_sender_that_another_source_does_not_name_is_an_open_mark() -> None:
    ax = shared().plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["United States", "Canada"]
    drawn = {
        line.get_label(): (len(line.get_xdata()), line.get_markerfacecolor()) for line in ax.lines
    }
    assert drawn["a"][0] == 2
    assert drawn["a, not in another source"] == (1, "white")
    assert drawn["b"][0] == 1


def test_nobody_on_both_says_so() -> None:
    ax = result(shared().table.assign(shared="", disputed=""), "shared").plot()
    assert any(t.get_text() == "no values" for t in ax.texts)


def specifications() -> pd.DataFrame:
    """Three specifications, of which the last is confounded; one choice has one option."""
    rows = {"lag": [1, 2, 2], "model": "linear", "estimate": [-0.1, 0.4, 0.3], "lower": -0.3}
    rows |= {"upper": 0.8, "p_value": [0.3, 0.01, 0.02], "null_lower": -0.2, "null_upper": 0.2}
    return pd.DataFrame(rows | {"confounded": [False, False, True]})


def curve(rows: pd.DataFrame, *keys: str) -> Fit:
    table = rows[[*keys, "confounded"]].drop_duplicates(ignore_index=True)
    return Fit(table=table, kind="curve", name="A curve", tables={"specifications": rows})


def test_specifications_are_in_order_above_their_choices_the_confounded_separate() -> None:
    found = curve(specifications())
    above = found.plot()
    clean, apart = above.figure.axes[0].child_axes[::2], above.figure.axes[0].child_axes[1::2]
    assert clean[0] is above
    _, below, from_ = clean[0].lines
    assert np.asarray(below.get_xydata()).tolist() == [[1, 0.4]]
    assert np.asarray(from_.get_xydata()).tolist() == [[0, -0.1]]
    assert from_.get_markerfacecolor() == "white"
    assert [label.get_text() for label in clean[1].get_yticklabels()] == ["lag: 1", "lag: 2"]
    assert [np.asarray(line.get_xdata()).tolist() for line in clean[1].lines] == [[0], [1]]
    assert [np.asarray(line.get_xdata()).tolist() for line in apart[1].lines] == [[], [0]]
    assert apart[0].get_title(loc="right") == "confounded"
    assert apart[0].lines[1].get_color() == GREEN
    assert len(found.filter(confounded=False).plot().figure.axes[0].child_axes) == 2


def test_two_curves_are_not_drawn_as_one() -> None:
    two = pd.concat([specifications().assign(model=model) for model in ("linear", "Poisson")])
    both = curve(two, "model")
    with pytest.raises(SanctlibError, match=r"several options of 'model'.*filter\(model=…\)"):
        both.plot()
    assert len(both.filter(model="linear").plot().figure.axes[0].child_axes) == 4
    with pytest.raises(MissingColumnsError, match="no column 'p_value'"):
        curve(specifications().drop(columns="p_value")).plot()


def test_a_data_appendix_accounts_for_every_row() -> None:
    readings = [sl.load(key) for key in ("ofac_sdn", "icews_weekly", "russia_iran")]
    table = sl.data_appendix(*readings)
    added = table["n_read"] + table["n_added"]
    assert (added == table["n_kept"] + table["n_merged"] + table["n_rejected"]).all()
    assert table["curated"].tolist() == [False, False, True]
    assert table["files"].str.contains(r" [0-9a-f]{12}$").all()
