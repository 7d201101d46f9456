"""Panels of dyads: who is in them, where a zero stands, and what is never one."""

from __future__ import annotations

import re
from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import CoverageError, CuratedError, SanctlibError, UnknownChoiceError
from sanctlib.metrics import panels
from tests.news import news_of_2018

KNOWN = Coverage(
    source="own",
    first=date(2018, 1, 1),
    last=date(2018, 3, 31),
    gaps=((date(2018, 2, 5), date(2018, 2, 9), "lost"),),
)


def cells() -> pd.DataFrame:
    rows = [
        ("2018-01-01", "RUS", "IRN", False, "cooperation", "visit", 3),
        ("2018-01-01", "IRN", "RUS", True, "cooperation", "agree", 2),
        ("2018-02-01", "IRN", "RUS", False, "cooperation", "visit", 1),
        ("2018-01-01", "USA", "IRN", False, "sanction", "impose", 4),
        ("2018-01-01", "USA", None, False, "sanction", "impose", 9),
        ("2018-01-01", "EU", "IRN", False, "sanction", "impose", 9),
    ]
    names = ["period", "sender", "target", "mutual", "family", "action", "n_acts"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(period=pd.to_datetime(table["period"]))


def dyad_panel(table: object, **options: object) -> pd.DataFrame:
    return panels.dyad_panel(table, **options).table


COLUMNS = {"visits": ["visit"], "agreements": ["agree"], "sanctions": ["impose"]}


def shown(panel: pd.DataFrame) -> list[list[object]]:
    table = panel.assign(period=panel["period"].dt.month).astype("object")
    return table.where(table.notna(), None).to_numpy().tolist()


def test_an_undirected_panel_counts_each_act_once_and_zeros_inside_coverage() -> None:
    panel = dyad_panel(
        cells(), every="month", states=["RUS", "IRN", "USA"], directed=False, columns=COLUMNS,
        coverage=KNOWN,
    )  # fmt: skip
    assert shown(panel) == [
        [1, "IRN", "RUS", 3, 2, 0, True],
        [2, "IRN", "RUS", 1, None, None, False],
        [3, "IRN", "RUS", 0, 0, 0, True],
        [1, "IRN", "USA", 0, 0, 4, True],
        [2, "IRN", "USA", None, None, None, False],
        [3, "IRN", "USA", 0, 0, 0, True],
        [1, "RUS", "USA", 0, 0, 0, True],
        [2, "RUS", "USA", None, None, None, False],
        [3, "RUS", "USA", 0, 0, 0, True],
    ]


def test_a_directed_panel_has_both_ways_and_mutual_acts_in_each() -> None:
    panel = dyad_panel(
        cells(), every="month", states=["RUS", "IRN"], directed=True, columns=COLUMNS,
        end=date(2018, 1, 31), coverage=KNOWN,
    )  # fmt: skip
    assert shown(panel) == [
        [1, "IRN", "RUS", 0, 2, 0, True],
        [1, "RUS", "IRN", 3, 2, 0, True],
    ]


def test_an_undirected_panel_is_the_directed_one_summed_with_mutual_acts_once() -> None:
    news = news_of_2018("month")
    asked = {"every": "month", "states": ["RUS", "IRN", "CHN", "USA", "TUR"]}
    one = dyad_panel(news, directed=False, **asked)
    two = dyad_panel(news, directed=True, **asked)
    assert len(two) == 2 * len(one) == 2 * 10 * 10
    assert one["covered"].all()
    low = two.assign(
        pair=two[["first", "second"]].min(axis=1) + two[["first", "second"]].max(axis=1)
    )
    summed = low.groupby(["pair", "period"])["sanctions"].sum()
    flat = one.assign(pair=one["first"] + one["second"]).set_index(["pair", "period"])["sanctions"]
    # Sanctions are never mutual: both ways add up.
    assert summed.sort_index().tolist() == flat.sort_index().tolist()


def test_only_states_that_existed_together_are_a_dyad() -> None:
    known = Coverage(source="own", first=date(2010, 1, 1), last=date(2012, 12, 31))
    empty = cells().iloc[:0]
    panel = dyad_panel(
        empty, every="year", states=["SSD", "SDN", "KEN"], directed=False, columns=COLUMNS,
        coverage=known,
    )  # fmt: skip
    years = panel.groupby(["first", "second"])["period"].agg(lambda p: p.dt.year.tolist())
    assert years.to_dict() == {
        ("KEN", "SDN"): [2010, 2011, 2012],
        ("KEN", "SSD"): [2011, 2012],
        ("SDN", "SSD"): [2011, 2012],
    }


def test_two_states_of_one_year_that_never_met_are_no_dyad() -> None:
    known = Coverage(source="own", first=date(1990, 1, 1), last=date(1990, 12, 31))
    panel = dyad_panel(
        cells().iloc[:0], every="year", states=["DDR", "NAM", "YEM", "YMD"], directed=False,
        columns=COLUMNS, coverage=known,
    )  # fmt: skip
    pairs = set(zip(panel["first"], panel["second"], strict=True))
    # Namibia: 21 March; one Yemen: 22 May; the German Democratic Republic to 2 October.
    assert pairs == {
        ("DDR", "NAM"), ("DDR", "YEM"), ("DDR", "YMD"), ("NAM", "YEM"), ("NAM", "YMD"),
    }  # fmt: skip


def test_a_successor_carries_on_when_asked() -> None:
    table = cells().iloc[:1].assign(sender="SUN", period=pd.Timestamp("1985-01-01"))
    known = Coverage(source="own", first=date(1985, 1, 1), last=date(1985, 1, 31))
    asked = {"every": "month", "directed": True, "columns": COLUMNS, "coverage": known}
    strict = dyad_panel(table, states=["RUS", "SUN", "IRN"], **asked)
    assert set(strict["first"]) == {"SUN", "IRN"}
    carried = dyad_panel(table, states=["RUS", "IRN"], succession="dominant", **asked)
    assert carried.set_index("first")["visits"].to_dict() == {"IRN": 0, "RUS": 3}


def dyads(*rows: tuple[str, str, float, bool]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["first", "second", "value", "directed"])
    return table.assign(
        source="own", measure="trade", date=pd.Timestamp("2018-01-01"),
        date_last=pd.Timestamp("2018-12-31"), lower=None, upper=None,
    )  # fmt: skip


YEAR = Coverage(
    source="own", first=date(2018, 1, 1), last=date(2018, 12, 31), states=frozenset({"IRN", "RUS"})
)


def test_values_that_a_source_does_not_give_are_missing_unless_counts() -> None:
    table = dyads(("RUS", "IRN", 5.0, True))
    asked = {"every": "year", "states": ["IRN", "RUS", "USA"], "coverage": YEAR}
    missing = dyad_panel(table, directed=True, **asked).set_index(["first", "second"])["trade"]
    assert missing["RUS", "IRN"] == 5
    assert missing.drop(("RUS", "IRN")).isna().all()
    zero = dyad_panel(table, directed=True, absent="zero", **asked)
    zero = zero.set_index(["first", "second"])
    assert zero.loc[("IRN", "RUS"), "trade"] == 0
    # The source does not speak of the United States.
    assert pd.isna(zero.loc[("IRN", "USA"), "trade"])
    assert not zero.loc[("IRN", "USA"), "covered"]


def test_yearly_values_make_no_months() -> None:
    asked = {"states": ["IRN", "RUS"], "directed": True, "coverage": YEAR}
    with pytest.raises(
        SanctlibError,
        match="every is 'month', and 'own table' has a value of 2018-01-01 to 2018-12-31",
    ):
        dyad_panel(dyads(("RUS", "IRN", 5.0, True)), every="month", **asked)


def test_half_of_a_directed_value_is_no_sum() -> None:
    asked = {"every": "year", "states": ["IRN", "RUS"], "directed": False, "coverage": YEAR}
    half = dyad_panel(dyads(("RUS", "IRN", 5.0, True)), **asked)
    assert half["trade"].isna().all()
    whole = dyad_panel(dyads(("RUS", "IRN", 5.0, True), ("IRN", "RUS", 2.0, True)), **asked)
    assert whole["trade"].tolist() == [7]
    undirected = dyad_panel(dyads(("IRN", "RUS", 5.0, False)), **asked)
    assert undirected["trade"].tolist() == [5]


def test_a_pair_without_direction_has_its_value_both_ways() -> None:
    gaps = sl.load("un_ideal_points")
    panel = dyad_panel(gaps, every="year", states=["RUS", "IRN"], directed=True)
    wide = panel.pivot_table("ideal_point_gap 2023-07", "period", "first")
    assert wide["RUS"].equals(wide["IRN"].rename("RUS"))
    assert round(wide["RUS"][pd.Timestamp("2022-01-01")], 4) == 1.6144


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"states": ["RUS", "IRM"]}, UnknownChoiceError, "Did you mean"),
        ({"states": ["RUS"]}, SanctlibError, "states holds 'RUS' only. Name two states or more"),
        ({"states": []}, SanctlibError, "states is empty"),
        ({"states": "RUS"}, SanctlibError, "states is 'RUS'. It must be a list"),
        ({"states": [1, 2]}, UnknownChoiceError, "states holds 1. A state is a code"),
        ({"columns": {"x": ["vist"]}}, UnknownChoiceError, "Did you mean 'visit'"),
        ({"columns": {"x": "visit"}}, SanctlibError, "columns['x'] is 'visit'. It must be a list"),
        ({"columns": ["visit"]}, SanctlibError, "columns is ['visit']. It must name columns"),
        ({"columns": {"first": ["visit"]}}, SanctlibError, "columns names 'first'"),
        ({"coverage": None}, SanctlibError, "so zero and missing look alike. Pass coverage="),
        ({"absent": "none"}, UnknownChoiceError, "absent is 'none'. It must be one of"),
        ({"start": "2020"}, CoverageError, "covers 2018-01-01 to 2018-03-31, and no day from 2020"),
    ],
)
def test_what_cannot_be_laid_out_is_said(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    asked = {
        "every": "month",
        "states": ["RUS", "IRN"],
        "directed": True,
        "columns": COLUMNS,
        "coverage": KNOWN,
    }
    with pytest.raises(error, match=re.escape(message)):
        dyad_panel(cells(), **(asked | changed))


def test_a_hand_picked_list_makes_no_panel() -> None:
    with pytest.raises(CuratedError, match="is a hand-picked list, so it has no panel"):
        dyad_panel(sl.load("russia_iran"), every="year", states=["RUS", "IRN"], directed=True)


def test_a_panel_is_undirected_by_default_and_knows_its_rows() -> None:
    asked = {"every": "month", "columns": COLUMNS, "coverage": KNOWN}
    panel = sl.dyad_panel(cells(), states=["Russia", "IRN", "RUS"], **asked)
    both = sl.dyad_panel(cells(), states=["RUS", "IRN"], directed=True, **asked)
    assert shown(panel.table) == shown(
        dyad_panel(cells(), states=["IRN", "RUS"], directed=False, **asked)
    )
    assert (panel.kind, panel.n, panel.unit) == ("panel", 3, "dyad-months")
    assert (both.n, both.unit) == (6, "directed dyad-months")
    assert panel.findings == (
        "1 dyad in 3 months: 2 of 3 rows are covered in full "
        "(own table, 1 January 2018 to 31 March 2018).",
    )
    again = sl.dyad_panel(sl.Result(table=cells()), states=["RUS", "IRN"], **asked)
    pd.testing.assert_frame_equal(again.table, panel.table)
