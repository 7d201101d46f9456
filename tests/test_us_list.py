"""The US list month by month: published and independently counted figures come out."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, UnknownChoiceError

# Last copy of each month from September 2021 to April 2024: entries, additions, removals.
# Counted from the 308 dated copies by another program; 2021-08 and 2024-05 are cut.
MONTHS = """
9118 55 61|9130 14 2|9107 38 61|9008 165 264|9052 45 1|9222 170 0|9847 627 2|10025 207 29
10177 177 25|10409 236 4|10432 24 1|10478 62 16|10875 409 12|10960 86 1|11122 164 2|11430 348 40
11531 102 1|11848 324 7|11965 141 24|12209 259 15|12579 391 21|12631 65 13|12802 201 30|12864 65 3
13098 248 14|13092 89 95|13427 337 2|13821 463 69|13901 85 5|14510 613 4|14561 141 90|14668 112 5
"""
FIRST, LAST = date(2021, 9, 1), date(2024, 4, 30)


@pytest.fixture(scope="module")
def months() -> pd.DataFrame:
    rows = [r.split() for line in MONTHS.split("\n") for r in line.split("|") if r]
    return pd.DataFrame(rows, columns=["closing", "added", "removed"]).astype("int64")


def test_additions_per_month_are_the_counted_ones(months: pd.DataFrame) -> None:
    counts = sl.sanction_counts(
        sl.load("ofac_sdn"), every="month", unit="entity", by=[], start=FIRST, end=LAST
    )
    assert counts["n"].tolist() == months["added"].tolist()
    assert counts["covered"].all()


def test_stocks_and_removals_per_month_are_the_counted_ones(months: pd.DataFrame) -> None:
    stocks = sl.active_sanctions(
        sl.load("ofac_sdn"), every="month", at="end_of_period", by=[], start=FIRST, end=LAST
    )
    assert stocks["n"].tolist() == months["closing"].tolist()
    assert stocks["removed"].tolist() == months["removed"].tolist()


def test_both_identities_of_the_stock_hold_for_russia_and_iran() -> None:
    asked = {"every": "month", "by": ["target"], "targets": ["RUS", "IRN"], "start": FIRST}
    for at in ("any_day", "end_of_period"):
        stocks = sl.active_sanctions(sl.load("ofac_sdn"), at=at, end=LAST, **asked)
        for _, rows in stocks.groupby("target"):
            came, went = rows["added"] + rows["moved_in"], rows["removed"] + rows["moved_out"]
            before = rows["n"].shift()
            expected = (
                before + came - went if at == "end_of_period" else before + came - went.shift()
            )
            assert rows["n"].iloc[1:].tolist() == expected.iloc[1:].tolist()


def test_the_published_count_of_persons_added_in_2022_comes_out() -> None:
    counts = sl.sanction_counts(
        sl.load("ofac_sdn"),
        every="year",
        unit="entity",
        by=["entity_type"],
        start=date(2022, 1, 1),
        end=date(2022, 12, 31),
    )
    by_type = counts.set_index("entity_type")["n"]
    assert by_type["individual"] + by_type["entity"] == 2275
    assert counts["n"].sum() == 2555


def test_december_2023_differs_by_unit_as_reported() -> None:
    span = {"start": date(2023, 12, 1), "end": date(2023, 12, 31), "targets": ["RUS", "IRN"]}
    units = sl.compare_units([sl.load("ofac_sdn"), sl.load("russia_iran")], **span)
    n = units.set_index(["source", "unit", "target_rule"])["n"]
    assert n["ofac_sdn", "entity", "programme"] == 319
    assert n["ofac_sdn", "designation", "programme"] == 335
    assert n["russia_iran", "act", "programme"] == 6
    assert n["russia_iran", "dyad", "conduct"] == 9


def test_a_belgian_firm_does_not_make_belgium_a_sanctioned_state() -> None:
    acts = sl.load("russia_iran")
    day = {"start": date(2023, 12, 5), "end": date(2023, 12, 5)}
    by_law = sl.sanction_counts(acts, every="day", unit="act", by=["target"], **day)
    assert by_law[by_law["n"].gt(0)]["target"].tolist() == ["RUS"]
    by_place = sl.sanction_counts(
        acts, every="day", unit="act", by=["target"], target_rule="address", **day
    )
    places = set(by_place[by_place["n"].gt(0)]["target"])
    assert {"BEL", "HKG", "SWE"} <= places


def test_a_span_that_a_source_does_not_cover_is_missing_not_zero() -> None:
    span = {"start": date(2015, 1, 1), "end": date(2015, 12, 31), "targets": ["RUS"]}
    units = sl.compare_units([sl.load("ofac_sdn")], **span)
    assert units[["n", "lower", "upper"]].isna().all(axis=None)
    assert units["covered"].tolist() == [False, False]


def test_cells_that_the_span_cuts_are_not_covered() -> None:
    span = {"start": date(2018, 5, 3), "end": date(2018, 5, 12), "targets": ["IRN"]}
    units = sl.compare_units([sl.load("icews_2018_weekly")], **span)
    assert units["covered"].tolist() == [False]
    assert units["n"].isna().all()


@pytest.mark.parametrize(("target", "hint"), [("Russia", "RUS"), ("rus", "RUS")])
def test_a_misspelt_target_is_refused_not_counted_as_zero(target: str, hint: str) -> None:
    with pytest.raises(UnknownChoiceError, match=f"Did you mean '{hint}'"):
        sl.sanction_counts(sl.load("ofac_sdn"), every="year", unit="entity", targets=[target])


def test_a_list_is_not_asked_for_lifted_sanctions() -> None:
    with pytest.raises(SanctlibError, match="a list holds impositions alone"):
        sl.sanction_counts(sl.load("ofac_sdn"), every="year", unit="entity", actions=["lift"])
