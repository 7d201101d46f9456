"""Lists as they stand: what was removed is not in them, so the past has a lower bound alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.dates import day_in_words
from sanctlib.errors import SanctlibError
from sanctlib.reading import Reading
from tests.conftest import ROOT
from tests.test_counts import LISTINGS, shown

SAMPLES = ROOT / "tests" / "samples"
KNOWN = Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 3, 31), survivors=True)


@pytest.fixture(scope="module")
def uk() -> Reading:
    return sl.read("uk", SAMPLES / "uk" / "ConList.csv")


def test_counts_by_day_of_listing_have_no_upper_bound() -> None:
    asked = {"every": "month", "unit": "entity", "by": ["target"], "targets": ["RUS"]}
    found = sl.sanction_counts(LISTINGS, coverage=KNOWN, **asked).table
    assert shown(found[found["period"].notna()], "n", "lower", "upper", "covered") == [
        (1, 1, None, False),
        (None, None, None, False),
        (1, 1, None, False),
    ]
    assert found["additive"].all()


def test_a_stock_has_an_upper_bound_from_the_day_of_the_list_on() -> None:
    spells = LISTINGS.iloc[[0]]
    for at, upper in (("end_of_period", [None, None, 1]), ("any_day", [None, None, None])):
        found = sl.active_sanctions(spells, every="month", at=at, coverage=KNOWN).table
        assert found["n"].tolist() == [1, 1, 1]
        assert shown(found, "upper") == [(n,) for n in upper]


def test_every_list_read_as_it_stands_is_of_survivors_and_says_so(uk: Reading) -> None:
    assert uk.coverage is not None
    assert uk.coverage.survivors
    assert "survivors only" in repr(uk)
    result = sl.sanction_counts(uk, every="year", unit="designation", by=["programme"])
    assert f"entries still listed on {day_in_words(uk.coverage.last)}" in result.caption
    counts = result.table
    assert counts["upper"].isna().all()
    assert counts["additive"].all()


def test_other_days_of_coverage_do_not_bring_back_what_was_removed(uk: Reading) -> None:
    other = Coverage(source="uk", first=date(2000, 1, 1), last=date(2022, 8, 16))
    counts = sl.sanction_counts(uk, every="year", unit="entity", by=[], coverage=other).table
    assert counts["upper"].isna().all()
    assert counts["period"].min() == pd.Timestamp("2000-01-01")


def test_the_shipped_list_of_canada_is_of_survivors_stored_or_not(tmp_path: Path) -> None:
    sl.prepare(["canada_sema"], out=tmp_path)
    listed = sl.load("canada_sema").table
    n = int(listed.loc[listed["date"].dt.year.eq(2022), "n_listings"].sum())
    year = {"start": date(2022, 1, 1), "end": date(2022, 12, 31)}
    for table in (
        sl.load("canada_sema"),
        sl.load("canada_sema", store=tmp_path),
        tmp_path / "canada_sema.parquet",
    ):
        counts = sl.sanction_counts(table, every="year", unit="designation", by=[], **year).table
        assert shown(counts, "lower", "upper", "covered", "additive") == [(n, None, False, True)]


def test_units_side_by_side_say_that_a_list_is_of_survivors() -> None:
    found = sl.compare_units(
        [sl.load("canada_sema"), sl.load("ofac_sdn")],
        start=date(2022, 1, 1),
        end=date(2022, 12, 31),
        targets=["RUS"],
    ).table
    assert found["upper"].isna().tolist() == [True, False, False]
    assert found["rule"].str.endswith("current entries only").tolist() == [True, False, False]


def test_on_the_day_of_the_list_itself_nothing_is_missing() -> None:
    day = {"start": KNOWN.last, "end": KNOWN.last}
    found = sl.sanction_counts(
        LISTINGS, every="day", unit="entity", by=[], coverage=KNOWN, **day
    ).table
    # The entry of unknown day can be of that one.
    assert shown(found[found["period"].notna()], "n", "upper") == [(0, 1)]


def test_a_lower_bound_has_no_interval() -> None:
    with pytest.raises(SanctlibError, match=r"its counts are lower bounds"):
        sl.sanction_counts(
            sl.load("canada_sema"), every="year", unit="designation", interval="dispersion"
        )


def test_the_stock_of_a_list_without_days_is_known_on_its_own_day() -> None:
    us = sl.read("ofac", SAMPLES / "ofac" / "sdn.xml")
    n = us.table["entity_id"].nunique()
    for every, at, upper in (
        ("day", "any_day", n),
        ("month", "end_of_period", n),
        # Of the other days of the month the list says what stayed.
        ("month", "any_day", None),
    ):
        found = sl.active_sanctions(us, every=every, at=at, by=[]).table
        expected = [(n, n, upper, None, None, n, every == "day")]
        columns = ("n", "lower", "upper", "opening", "added", "closing", "covered")
        assert shown(found, *columns) == expected


def test_a_list_was_seen_on_its_own_day_though_nothing_changed() -> None:
    known = Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 4, 10), survivors=True)
    found = sl.active_sanctions(
        LISTINGS.iloc[[0]], every="month", at="any_day", coverage=known
    ).table
    assert shown(found.tail(1), "n", "covered") == [(1, False)]
