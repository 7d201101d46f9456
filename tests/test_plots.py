"""Figures show what the table holds: every group, gaps where values are missing, no overlap."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from sanctlib.coverage import Coverage
from sanctlib.errors import MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.plots import PICTURES, can_draw
from sanctlib.plots.rows import _spread
from sanctlib.query import ask
from sanctlib.result import Fit, Result, Source

mpl.use("Agg")
BLUE, VERMILION, BLACK = "#0072B2", "#D55E00", "#000000"
UNCOVERED = "not fully covered: a blank is not 0"
GAP = "gap in a line: no value, not 0"


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def result(table: pd.DataFrame, kind: str, *, every: str = "month", **fields: Any) -> Result:
    by = fields.pop("by", ())
    return Result(
        table=table,
        kind=kind,
        query=ask(every=every, by=by, **fields.pop("query", {})),
        **{"name": "Acts", "unit": "acts", "n": 3, **fields},
    )


def periods(n: list[int | None], *, covered: list[bool] | None = None) -> pd.DataFrame:
    numbers = pd.array(n, dtype="Int64")
    return pd.DataFrame(
        {
            "period": pd.date_range("2022-01-01", periods=len(n), freq="MS"),
            "target": "RUS",
            "n": numbers,
            "lower": numbers,
            "upper": numbers,
            "covered": pd.array(covered or [True] * len(n), dtype="boolean"),
        }
    )


def counts(
    n: list[int | None], *, covered: list[bool] | None = None, by: tuple[str, ...] = ("target",)
) -> Result:
    return result(periods(n, covered=covered), "counts", by=by)


def legend(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.get_legend().get_texts()]  # type: ignore[union-attr]


def texts(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.texts]


def xdata(line: Any) -> list[Any]:
    return list(np.asarray(line.get_xdata()))


def test_counts_are_drawn_as_steps_with_a_gap_where_a_value_is_missing() -> None:
    ax = counts([1, None, 3]).plot()
    drawn = np.asarray(ax.lines[0].get_ydata(), dtype="float64")
    assert np.isnan(drawn).tolist() == [False, True, False, False]
    assert ax.get_ylabel() == "acts per month"
    assert ax.get_title(loc="left") == "Acts"
    assert "n = 3 acts." in texts(ax)
    assert legend(ax) == ["Russia", GAP]


def test_a_period_without_a_row_is_a_gap_and_the_legend_says_so() -> None:
    table = periods([1, 2, 3]).drop(index=1)
    ax = result(table, "counts", by=["target"]).plot()
    assert np.isnan(np.asarray(ax.lines[0].get_ydata(), dtype="float64")).sum() == 1
    assert legend(ax)[-1] == GAP


def test_a_period_outside_coverage_is_hatched() -> None:
    ax = counts([1, 2], covered=[False, True]).plot()
    assert len([p for p in ax.patches if p.get_hatch()]) == 1
    assert legend(ax) == ["Russia", UNCOVERED]


def test_a_blank_is_explained_once() -> None:
    # A missing value in a hatched period is explained by the hatching.
    assert legend(counts([None, 2], covered=[False, True]).plot()) == ["Russia", UNCOVERED]
    both = counts([None, 2, None], covered=[False, True, True]).plot()
    assert legend(both) == ["Russia", UNCOVERED, GAP]
    assert legend(counts([0, 0]).plot()) == ["Russia"]


def test_a_list_of_current_entries_is_not_hatched() -> None:
    known = Coverage(source="own", first=date(2020, 1, 1), last=date(2023, 1, 1), survivors=True)
    source = Source(key="own", coverage=known)
    table = periods([1, 2], covered=[False, False])
    ax = result(table, "counts", by=["target"], sources=(source,)).plot()
    assert not [p for p in ax.patches if p.get_hatch()]


def test_a_stock_and_pressure_have_the_unit_on_the_axis() -> None:
    table = periods([4, 5])
    stock = result(table, "stock", by=["target"], unit="entities on the list").plot()
    assert stock.get_ylabel() == "entities on the list"
    weighted = table.assign(pressure=[0.1, 0.2])
    ax = result(weighted, "pressure", by=["target"], unit="cases in force").plot()
    assert ax.get_ylabel() == "weighted sum of cases in force"
    assert np.asarray(ax.lines[0].get_ydata()).tolist() == [0.1, 0.2, 0.2]
    recent = result(table.assign(recent=[1.0, 1.5]), "recent", by=["target"]).plot()
    assert recent.get_ylabel() == "acts, decayed"
    assert np.asarray(recent.lines[0].get_ydata()).tolist() == [1.0, 1.5, 1.5]


def test_iran_russia_and_the_pair_have_their_colours_in_every_figure() -> None:
    three = pd.concat([periods([1]).assign(target=t) for t in ("CHN", "IRN", "RUS")])
    ax = result(three, "counts", by=["target"]).plot()
    assert [line.get_color() for line in ax.lines] == ["#009E73", BLUE, VERMILION]
    assert legend(ax) == ["China", "Iran", "Russia"]
    alone = result(three[three["target"].eq("RUS")], "counts", by=["target"]).plot()
    both = result(three[three["target"].ne("CHN")], "counts", by=["target"]).plot()
    styles = [line.get_linestyle() for line in both.lines]
    assert styles == ["-", "--"]
    assert alone.lines[0].get_linestyle() == "--"
    total = result(periods([1]), "counts", query={"targets": ["IRN", "RUS"]}).plot()
    assert total.lines[0].get_color() == BLACK
    one = result(periods([1]), "counts", query={"targets": ["IRN"]}).plot()
    assert one.lines[0].get_color() == BLUE
    assert gap([2000, 2001]).plot().lines[0].get_color() == BLACK


def test_seven_groups_have_seven_colours_and_styles() -> None:
    many = pd.concat([periods([1]).assign(target=f"S{i:02}") for i in range(7)])
    lines = result(many, "counts", by=["target"]).plot().lines
    assert len({line.get_color() for line in lines}) == 7
    assert len({str(line._dash_pattern) for line in lines}) == 7  # type: ignore[attr-defined]


def test_more_groups_than_colours_are_refused_unless_the_largest_are_chosen() -> None:
    many = pd.concat([periods([i]).assign(target=f"S{i:02}") for i in range(8)])
    found = result(many, "counts", by=["target"])
    with pytest.raises(SanctlibError, match=r"8 groups of 'target'.*distinguish 7: S00, S01.*top="):
        found.plot()
    assert legend(found.plot(top=2)) == ["S06", "S07"]
    with pytest.raises(SanctlibError, match="top is 0"):
        found.plot(top=0)


def test_several_keys_need_one_and_never_a_raw_error() -> None:
    two = pd.concat([periods([1, 2]).assign(sender=s) for s in ("USA", "EU")])
    found = result(two, "counts", by=["sender", "target"])
    with pytest.raises(SanctlibError, match=r"keys 'sender' and 'target'.*plot\(by='sender'\)"):
        found.plot()
    with pytest.raises(SanctlibError, match=r"several rows per period and target.*by target alone"):
        found.plot(by="target")
    assert legend(found.plot(by="sender")) == ["United States", "European Union"]
    with pytest.raises(MissingColumnsError, match="no column 'senders'"):
        found.plot(by="senders")
    more = pd.concat([two, two.assign(target="IRN")])
    with pytest.raises(SanctlibError, match=r"several rows per period and sender"):
        result(more, "counts", by=["sender", "target"]).plot()
    with pytest.raises(SanctlibError, match=r"several rows per period, and by is not given"):
        result(two, "counts").plot()


def test_a_failed_plot_leaves_no_figure_open() -> None:
    with pytest.raises(SanctlibError):
        counts([1]).plot(by="target", view="flows")
    with pytest.raises(MissingColumnsError):
        counts([1]).plot(by="sender")
    assert plt.get_fignums() == []


def test_labels_name_the_groups_and_no_two_are_equal() -> None:
    two = pd.concat([periods([1]).assign(target=t) for t in ("IRN", "RUS")])
    found = result(two, "counts", by=["target"])
    assert legend(found.plot(labels={"IRN": "on Iran"})) == ["on Iran", "Russia"]
    with pytest.raises(SanctlibError, match="'IRN' and 'RUS' the same name, 'both'"):
        found.plot(labels={"IRN": "both", "RUS": "both"})
    with pytest.raises(SanctlibError, match="'IRN' and 'RUS' the same name, 'Russia'"):
        found.plot(labels={"IRN": "Russia"})


def test_a_group_that_is_not_known_is_named_so() -> None:
    table = pd.concat([periods([1]), periods([2]).assign(target=pd.NA)])
    ax = result(table.astype({"target": "str"}), "counts", by=["target"]).plot()
    assert legend(ax) == ["Russia", "not known"]


def rows_of_marks(ax: Axes) -> dict[str, float]:
    """Return how far above the axes the text of each mark is."""
    annotations = [t for t in ax.texts if isinstance(t, Annotation) and t.xyann[1] > 0]
    return {t.get_text(): t.xyann[1] for t in annotations}


def test_marks_are_dashed_lines_with_their_text_inside_the_axes_only() -> None:
    days = [("2022-02-24", "Invasion"), (date(2022, 3, 28), "Ban"), ("1979", "long before")]
    ax = counts([1, 2, 3]).plot(marks=days)
    assert list(rows_of_marks(ax)) == ["Invasion", "Ban"]
    assert len(ax.lines) == 3
    # Texts that would overlap are in different rows.
    assert len(set(rows_of_marks(ax).values())) == 1
    near = counts([1, 2, 3]).plot(marks=[("2022-02-24", "A long text"), ("2022-02-25", "Another")])
    assert len(set(rows_of_marks(near).values())) == 2
    with pytest.raises(SanctlibError, match=r"marks holds '2022'.*a day and its text"):
        counts([1]).plot(marks=["2022"])  # type: ignore[list-item]
    with pytest.raises(SanctlibError, match="marks is 'soon'"):
        counts([1]).plot(marks=[("soon", "War")])


def test_a_table_of_something_else_is_refused() -> None:
    for kind in PICTURES:
        table = pd.DataFrame({"a": [1]})
        with pytest.raises(SanctlibError, match=r"has no column|needs its further table"):
            result(table, kind).plot()
    with pytest.raises(MissingColumnsError, match="no column 'covered'"):
        result(periods([1]).drop(columns="covered"), "counts", by=["target"]).plot()


def test_a_result_without_a_picture_says_where_its_table_is() -> None:
    found = result(periods([1]), "table", name="Lead and lag")
    with pytest.raises(SanctlibError, match=r"'Lead and lag' has no picture; its table is in"):
        found.plot()
    assert not can_draw(found)
    assert can_draw(counts([1]))
    assert not can_draw(counts([1], by=("sender", "target")))
    assert can_draw(counts([1], by=("sender", "target")), by="target")


def test_an_argument_that_the_picture_does_not_use_is_refused() -> None:
    with pytest.raises(SanctlibError, match="does not use top"):
        ratios([1.0]).plot(top=3)
    with pytest.raises(SanctlibError, match="view is 'flows', and this result has only one"):
        counts([1]).plot(view="flows")
    with pytest.raises(UnknownChoiceError, match=r"view is 'flow'.*Did you mean 'flows'"):
        result(periods([1]), "stock", by=["target"]).plot(view="flow")


def test_dollars_are_amounts_not_a_formula() -> None:
    found = result(
        periods([1, 2]), "counts", by=["target"], name="Drones for $1.7bn and $2bn_x", n=None,
        unit="", notes=("$1 and $2.",),
    )  # fmt: skip
    ax = found.plot(labels={"RUS": "$a$"})
    shown = [ax.get_title(loc="left"), *texts(ax), *legend(ax)]
    assert [t.count("\\$") for t in shown] == [2, 2, 2]


def test_a_long_title_is_broken_into_lines() -> None:
    ax = counts([1]).plot(title="a long title " * 12)
    assert max(len(line) for line in ax.get_title(loc="left").split("\n")) <= 90
    assert counts([1]).plot(title="").get_title(loc="left") == ""


def test_an_empty_table_says_so() -> None:
    ax = counts([]).plot()
    assert "no values" in texts(ax)
    ax.figure.savefig(io.BytesIO())
    assert not any(t.get_visible() for t in ax.get_xticklabels() if t.get_text())
    assert "no values" in texts(gap([]).plot())


def test_periods_that_are_not_covered_are_one_sentence() -> None:
    ax = counts([None, None], covered=[False, False]).plot()
    assert "no values: the source does not cover these periods" in texts(ax)
    assert ax.get_legend() is None
    assert not ax.patches


def test_the_length_of_a_period_is_read_from_a_table_without_a_query() -> None:
    own = Result(table=periods([1, 2]).drop(columns="target"), kind="counts", unit="visits")
    ax = own.plot()
    assert ax.get_ylabel() == "visits per month"
    assert len(xdata(ax.lines[0])) == 3


def gap(years: list[int], **also: Any) -> Result:
    days = pd.to_datetime([f"{year}-01-01" for year in years])
    table = pd.DataFrame({"period": days, "value": 1.0, "lower": 0.5, "upper": 2.0})
    text = {"first": "str", "second": "str"}
    table = table.assign(**{"first": "IRN", "second": "RUS", **also}).astype(text)
    return result(table, "gap", every="year")


def test_a_year_between_gaps_is_a_mark_with_its_interval() -> None:
    ax = gap([2000, 2001, 2005]).plot()
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert [list(map(int, xdata(line))) for line in marks] == [[2005]]


def test_a_year_without_votes_is_a_gap_in_the_line_and_hatched() -> None:
    ax = gap([1962, 1963, 1965, 1966]).plot(marks=[("1964-07", "no votes")])
    values = np.asarray(ax.lines[0].get_ydata(), dtype="float64")
    assert np.asarray(xdata(ax.lines[0]))[np.isnan(values)].tolist() == [1964]
    assert legend(ax) == ["Iran and Russia", "no value: a blank is not 0"]
    assert "no votes" in texts(ax)
    # A year that one pair lacks and another has is a gap in a line, and not hatched.
    one = gap([2000, 2002]).table
    two = gap([2000, 2001, 2002], second="USA").table
    both = result(pd.concat([one, two]), "gap").plot()
    assert legend(both) == ["Iran and Russia", "Iran and United States", GAP]


def test_two_values_of_one_pair_and_year_are_an_error() -> None:
    with pytest.raises(SanctlibError, match="several rows per year and pair"):
        gap([2000, 2000]).plot()


def test_a_line_of_zeros_differs_from_the_axis_and_from_fractions() -> None:
    bottom, top = counts([0, 0]).plot().get_ylim()
    assert bottom < 0
    assert top == 1


def rates(*, too_few: bool = False, n: int = 3, **also: Any) -> Result:
    table = pd.DataFrame(
        {
            "period": pd.date_range("2018-01-01", periods=n, freq="W-MON"),
            "first": "IRN",
            "second": "RUS",
            "component": "material",
            "rate": [1.0, 2.0, 3.0][:n],
            "lower": [0.5, 1.0, 2.0][:n],
            "upper": [2.0, 3.0, 4.0][:n],
            "band_low": 0.1,
            "band_high": 1.5,
            "too_few": too_few,
            "denominator": "all",
            "covered": True,
        }
    ).assign(**also)
    return result(table, "intensity", every="week")


@pytest.mark.parametrize("too_few", [True, False])
def test_few_acts_are_points_without_a_line_and_said_to_be_few(*, too_few: bool) -> None:
    ax = rates(too_few=too_few).plot()
    assert ("fewer than 5 acts a period" in texts(ax)) is too_few
    assert ax.lines[0].get_linestyle() == ("None" if too_few else "-")
    assert ax.lines[0].get_color() == BLACK


def test_one_period_of_co_operation_has_a_width() -> None:
    ax = rates(n=1).plot()
    left, right = ax.get_xlim()
    assert right - left == 7
    ax.figure.savefig(io.BytesIO())


def test_of_several_components_their_sum_is_drawn() -> None:
    parts = [rates(component=c).table for c in ("material", "meetings")]
    with pytest.raises(SanctlibError, match=r"'material', 'meetings'.*component='material'"):
        result(pd.concat(parts), "intensity", every="week").plot()
    whole = rates(component="all_cooperation", rate=5.0).table
    ax = result(pd.concat([*parts, whole]), "intensity", every="week").plot()
    assert list(ax.lines[0].get_ydata()) == [5.0, 5.0, 5.0]
    assert ax.get_ylabel() == "co-operation acts per 1,000\nreported acts, weekly"


def test_several_pairs_are_refused_by_name() -> None:
    two = result(pd.concat([rates().table, rates(second="USA").table]), "intensity")
    with pytest.raises(SanctlibError, match="Iran and Russia; Iran and United States"):
        two.plot()
    sides = {"first": "sender", "second": "target"}
    directed = pd.concat(
        [rates().table, rates(first="RUS", second="IRN").table], ignore_index=True
    ).rename(columns=sides)
    with pytest.raises(SanctlibError, match="Iran towards Russia; Russia towards Iran"):
        result(directed, "intensity").plot()
    assert not can_draw(two)
    one = result(directed, "intensity").filter(sender="RUS")
    assert can_draw(one)
    assert legend(one.plot())[-1] == "Russia towards Iran,\nwith interval"


def test_a_rate_names_what_divides_it_and_two_divisors_are_two_panels() -> None:
    found = rates(denominator="either")
    assert "acts of either state, weekly" in found.plot().get_ylabel().replace("\n", " ")
    both = result(pd.concat([found.table, rates().table]), "intensity", every="week")
    with pytest.raises(SanctlibError, match=r"denominators 'either', 'all'.*by='denominator'"):
        both.plot()
    above = both.plot(by="denominator")
    panels = above.figure.axes[0].child_axes
    assert len(panels) == 2
    assert panels[0] is above
    labels = [panel.get_ylabel().replace("\n", " ") for panel in panels]
    assert ["either state" in label for label in labels] == [True, False]
    with pytest.raises(UnknownChoiceError, match="by is 'state'"):
        both.plot(by="state")


def test_uncovered_weeks_of_co_operation_are_hatched_once() -> None:
    assert legend(rates(covered=[True, False, False]).plot()).count(UNCOVERED) == 1
    assert UNCOVERED not in legend(rates().plot())


def ratios(ratio: list[float | None]) -> Result:
    starts = pd.date_range("2018-01-01", periods=len(ratio), freq="QS")
    table = pd.DataFrame({"period": starts, "ratio": pd.Series(ratio, dtype="float64")})
    table = table.assign(lower=table["ratio"] / 2, upper=table["ratio"] + 1, covered=True)
    return result(table.assign(first="IRN", second="RUS"), "expected", every="quarter")


def test_a_ratio_is_drawn_around_one_and_a_missing_one_differs_from_zero() -> None:
    ax = ratios([2.0, None, 0.0]).plot()
    assert ax.get_yscale() == "log"
    assert legend(ax) == [
        "as the activity of both explains",
        "observed over expected, with interval",
        "0: no act",
        "no mark: no value, not 0",
    ]
    low, high = ax.get_ylim()
    assert 0 < low < 1 < high
    ax.figure.savefig(io.BytesIO())
    assert "no values" in texts(ratios([None]).plot())


def agreements() -> Result:
    table = periods([1, 2]).assign(
        n_in_force=[1, 2], n_possible=[1, 3], n_through_blocs=[0, 1], recent=[1.0, 0.5],
        half_life=1.0,
    )  # fmt: skip
    source = Source(key="own", curated=True)
    return result(table.drop(columns=["lower", "upper"]), "agreements", sources=(source,))


def test_agreements_in_force_and_what_decays_are_lines() -> None:
    ax = agreements().plot()
    assert legend(ax) == [
        "known to be in force",
        "in force through a bloc",
        "visits, declarations, memoranda,\nhalf-life 1 month",
    ]
    assert np.asarray(ax.lines[0].get_ydata(), dtype="float64").tolist() == [1, 2, 2]
    assert ax.lines[0].get_color() == BLACK
    assert ax.get_ylabel() == "number on the hand-picked list"
    empty = agreements().table.assign(recent=np.nan)
    assert "no values" in texts(result(empty, "agreements").plot())


def test_partners_are_drawn_before_their_band_and_few_acts_are_open() -> None:
    table = pd.DataFrame(
        {
            "state": "IRN",
            "partner": ["CHN", "TCD"],
            "n": [1225, 11],
            "rate": [0.5, 0.1],
            "rate_low": [0.2, 0.0],
            "rate_high": [0.9, 0.3],
            "band_low": [0.0, 0.0],
            "band_high": [0.3, 0.2],
            "too_few": [False, True],
        }
    )
    ax = result(table, "partners").plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Chad (11)", "China (1,225)"]
    assert [patch.get_width() for patch in ax.patches] == [0.2, 0.3]
    assert [(xdata(line)[0], line.get_markerfacecolor()) for line in ax.lines] == [
        (0.5, BLUE),
        (0.1, "white"),
    ]
    assert len(result(table, "partners").plot(top=1).get_yticklabels()) == 1
    result(table.assign(too_few=pd.NA), "partners").plot()
    assert "no values" in texts(result(table.iloc[:0], "partners").plot())


def acts(days: list[str], *, last: list[str] | None = None, **also: Any) -> Result:
    n = len(days)
    table = pd.DataFrame({"act_id": [f"a{i}" for i in range(n)], "title": "drones"})
    table = table.assign(
        date=pd.to_datetime(days), date_last=pd.to_datetime(last or days), status="confirmed",
        sender="RUS", side="Iran and Russia",
    )  # fmt: skip
    return result(table.assign(**also), "timeline", every="day")


def test_an_act_of_several_rows_is_one_label_and_partly_confirmed_ones_are_open() -> None:
    found = acts(
        ["2022-02-25", "2022-02-25", "2022-03-01"],
        act_id=["1", "1", "2"],
        title=["First act", "First act", "Second act"],
        status=["confirmed", "confirmed", "partly"],
    )
    ax = found.plot()
    assert sum("First act" in t for t in texts(ax)) == 1
    assert any("Second act (partly" in t.replace("\n", " ") for t in texts(ax))
    marks = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    assert marks.count("white") == 1
    assert marks.count(BLACK) == 1


def test_a_timeline_without_acts_says_so() -> None:
    assert "no acts" in texts(acts([]).plot())


def test_the_two_sides_of_a_timeline_are_its_headings() -> None:
    found = acts(["2022-02-25", "2022-03-01"], side=["Sanctions", "Iran and Russia"])
    ax = found.plot()
    headings = {t.get_text(): t.get_position()[0] for t in ax.texts}
    assert headings["Sanctions"] < 0 < headings["Iran and Russia"]
    three = acts(["2022-02-25"] * 3, side=["a", "b", "c"])
    with pytest.raises(SanctlibError, match="'side' has 3 values: 'a', 'b', 'c'"):
        three.plot()
    with pytest.raises(SanctlibError, match=r"this one is vertical.*view='rows'"):
        found.plot(marks=[("2022-02-26", "War")])


def test_a_timeline_of_many_acts_has_parts_of_whole_years(tmp_path: Path) -> None:
    days = [f"{year}-{month:02}-01" for year in (2019, 2020, 2021) for month in range(1, 13)]
    found = acts([*days, *[f"2022-01-{day:02}" for day in range(1, 32)]])
    ax = found.plot()
    assert ax.get_title(loc="left") == "Acts, part 1 of 4"
    assert sum("drones" in t for t in texts(ax)) == 24
    written = found.save(tmp_path / "timeline.png")
    assert [path.name for path in written] == [f"timeline_{i}.png" for i in range(1, 5)]
    assert all(path.stat().st_size > 1000 for path in written)
    dense = acts([f"2022-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 21)])
    files = dense.save(tmp_path / "dense.pdf")
    assert [path.name for path in files] == ["dense_1.pdf", "dense_2.pdf"]
    one = acts(["2022-01-01"]).save(tmp_path / "one.svg")
    assert [path.name for path in one] == ["one.svg"]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=25), st.data())
def test_labels_keep_their_order_and_never_overlap(days: list[float], data: st.DataObject) -> None:
    at = np.sort(np.asarray(days))
    size = st.floats(0.5, 4)
    heights = np.asarray(data.draw(st.lists(size, min_size=len(at), max_size=len(at))))
    places = _spread(at, heights, 0.0, 100.0)
    apart = np.diff(places) - (heights[:-1] + heights[1:]) / 2
    assert (apart >= -1e-9).all()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=12, unique=True))
def test_labels_with_room_stay_at_their_days(days: list[int]) -> None:
    at = np.sort(np.asarray(days, dtype="float64")) * 10 + 5
    places = _spread(at, np.full(len(at), 2.0), 0.0, 520.0)
    assert np.allclose(places, at)


def test_a_timeline_claims_no_day_that_is_not_known() -> None:
    first = ["2022-08-01", "2022-01-01", "2022-08-19", "2022-08-18"]
    last = ["2022-08-31", "2022-12-31", "2022-08-19", "2022-08-20"]
    ax = acts(first, last=last).plot()
    labels = [t.replace("\n", " ") for t in texts(ax) if "drones" in t]
    assert sorted(labels) == [
        "18 Aug 2022 to 20 Aug 2022  drones",
        "19 Aug 2022  drones",
        "2022  drones",
        "Aug 2022  drones",
    ]


def test_a_timeline_within_a_year_has_its_months_on_the_axis() -> None:
    ax = acts(["2023-09-10", "2023-12-05"]).plot()
    ax.figure.canvas.draw()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert {"Oct 2023", "Nov 2023", "Dec 2023"} <= set(labels)


def test_a_timeline_of_decades_has_no_more_years_than_fit() -> None:
    ax = acts(["1979-01-01", "2018-01-01"]).plot()
    assert 2 <= len(ax.get_yticks()) <= 12


def test_acts_are_a_row_of_marks_per_sender_the_one_with_most_on_top() -> None:
    days = ["2022-02-24", "2022-02-24", "2022-03-01", "2022-04-01"]
    found = acts(
        days,
        act_id=["1", "1", "2", "3"],
        sender=["USA", "USA", "USA", "EU"],
        status=["confirmed", "confirmed", "partly", "confirmed"],
    )
    ax = found.plot(view="rows", marks=[("2022-03-15", "War")])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["European Union (1)", "United States (2)"]
    confirmed, partly = ax.lines[:2]
    assert list(confirmed.get_ydata()) == [1, 0]
    assert list(partly.get_ydata()) == [1]
    assert partly.get_markerfacecolor() == "white"
    assert "War" in texts(ax)
    assert len(found.plot(view="rows", top=1).get_yticklabels()) == 1
    assert "no values" in texts(acts([]).plot(view="rows"))


def step() -> pd.DataFrame:
    y = np.random.default_rng(1).normal(size=40) + 5.0 * (np.arange(40) >= 25)
    starts = pd.date_range("2020-01-01", periods=40, freq="MS")
    expected = np.where(np.arange(40) < 25, np.nan, 0.0)
    return pd.DataFrame({"period": starts, "value": y, "fitted": y, "expected": expected})


def fit(table: pd.DataFrame, kind: str, **fields: Any) -> Fit:
    return Fit(table=table, kind=kind, name="own", **fields)


def test_a_fit_of_a_series_is_drawn_with_what_would_have_been_expected() -> None:
    found = fit(
        pd.DataFrame(), "series", tables={"series": step()}, query=ask(dependent="new_acts")
    )
    ax = found.plot(marks=[("2022-02", "War")])
    assert legend(ax) == ["observed", "fitted", "expected"]
    assert np.isnan(np.asarray(ax.lines[2].get_ydata(), dtype="float64")).sum() == 25
    assert ax.get_ylabel() == "new acts"
    assert "War" in texts(ax)
    numbered = fit(pd.DataFrame(), "series", tables={"series": step().assign(period=range(40))})
    assert len(numbered.plot().lines) == 3
    with pytest.raises(SanctlibError, match="marks needs an axis of dates"):
        numbered.plot(marks=[("2022-02", "War")])
    with pytest.raises(SanctlibError, match=r"further table 'series'\. Tables found: none"):
        fit(pd.DataFrame(), "series").plot()


def test_responses_are_drawn_by_horizon_and_estimates_below_each_other() -> None:
    horizons = pd.DataFrame({"horizon": range(4), "estimate": 1.0, "lower": 0.5, "upper": 3.0})
    ax = fit(horizons, "responses", query=ask(every="week", dependent="rate")).plot()
    assert xdata(ax.lines[1]) == [0, 1, 2, 3]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weeks later", "response of\nrate")
    rows = pd.DataFrame({"term": ["a", "b"], "estimate": [1.0, 2.0], "lower": 0.5, "upper": 3.0})
    ax = fit(rows.assign(scale="rate ratio", vcov="HC1"), "estimates").plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b, HC1", "a, HC1"]
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "ratio (log scale)")


def test_an_event_study_has_its_reference_period_open() -> None:
    rows = pd.DataFrame({"event_time": [-2, -1, 0], "estimate": [0.1, 0.0, -2.0]})
    rows = rows.assign(lower=[-1.0, np.nan, -3.0], upper=[1.0, np.nan, -1.0])
    ax = fit(rows.assign(n_onsets=8, n_targets=7), "event_study", query=ask(every="year")).plot()
    _, _, filled, reference = ax.lines
    assert xdata(filled) == [-2, 0]
    assert xdata(reference) == [-1]
    assert reference.get_markerfacecolor() == "white"
    assert "8 onsets of 7 targets" in ax.get_ylabel()
    assert ax.get_xlabel() == "years since the onset (open mark: reference)"


def test_files_are_the_same_bytes_and_leave_nothing_behind(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    found = counts([1, 2])
    for folder in ("a", "b"):
        for suffix in ("png", "svg", "pdf"):
            marks = iter([("2022-01-15", "War")])
            found.save(tmp_path / folder / f"counts.{suffix}", marks=marks)
    for suffix in ("png", "svg", "pdf"):
        one, two = ((tmp_path / f / f"counts.{suffix}").read_bytes() for f in "ab")
        assert one == two
    assert b"dc:date" not in (tmp_path / "a" / "counts.svg").read_bytes()
    assert b"CreationDate" not in (tmp_path / "a" / "counts.pdf").read_bytes()
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_nothing_is_cut_off_a_saved_figure(tmp_path: Path) -> None:
    from PIL import Image

    long = result(periods([1, 2]), "counts", by=["target"], notes=("A long note. " * 40,))
    long.save(tmp_path / "long.png", labels={"RUS": "a long name of a group " * 3})
    with Image.open(tmp_path / "long.png") as image:
        pixels = np.asarray(image.convert("L"))
    edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    assert all((edge == 255).all() for edge in edges)


def test_a_picture_can_be_part_of_another_figure() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    stock = periods([4, 5]).assign(added=[1, 1], removed=0, left_censored=[3, 3])
    assert counts([1, 2]).plot(left) is left
    above = result(stock, "stock", by=["target"]).plot(right, view="flows")
    assert above in right.child_axes
    assert tuple(figure.get_size_inches()) == (8, 3)
    figure.savefig(io.BytesIO())
