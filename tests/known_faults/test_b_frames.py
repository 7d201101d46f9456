"""Kind B: tables given as frames."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pycountry
import pytest

import sanctlib as sl
from tests.known_faults import frame, given, outcome, refused
from tests.known_faults.made import (
    DECADE,
    YEAR,
    cases,
    cells_of_a_year,
    frame_of_cells,
    listings,
    own,
    panel,
    year_of_events,
)
from tests.news import news_of_2018

PAIR = ("IRN", "RUS")
MONTHLY: dict[str, Any] = {"every": "month", "coverage": YEAR}
Use = Callable[[pd.DataFrame], Any]

COUNTED: dict[str, Use] = {
    "sanction_counts": lambda t: sl.sanction_counts(
        t, unit="act", by=["target"], targets=["IRN"], **MONTHLY
    ),
    "sanction_pressure": lambda t: sl.sanction_pressure(
        t, unit="act", half_life=2, targets=["IRN"], **MONTHLY
    ),
    "dyad_panel": lambda t: sl.dyad_panel(
        t, states=["IRN", "RUS", "USA"], directed=True, columns={"n": ["impose"]}, **MONTHLY
    ),
    "partnership_intensity": lambda t: sl.partnership_intensity(t, pair=PAIR, **MONTHLY),
    "observed_expected": lambda t: sl.observed_expected(
        t, pair=PAIR, every="year", block="month", n_replicates=19, coverage=YEAR
    ),
    "cells": lambda t: sl.cells(t, every="month"),
}


def worded(column: str, old: str, new: str) -> Callable[[], pd.DataFrame]:
    return lambda: year_of_events().assign(**{column: lambda t: t[column].replace({old: new})})


# A word of a column in place of ours, and what the message offers.
WORDS: dict[str, tuple[Callable[[], pd.DataFrame], str]] = {
    "Impose": (worded("action", "impose", "Impose"), "'Impose'.*'impose'"),
    "Sanction": (worded("family", "sanction", "Sanction"), "'Sanction'.*'sanction'"),
    "a blank before USA": (worded("target", "IRN", " IRN"), "' IRN'.*'IRN'"),
    "a name": (worded("target", "IRN", "Iran"), "'Iran'.*'IRN'"),
    "lower case": (worded("sender", "USA", "usa"), "'usa'.*'USA'"),
}


@pytest.mark.parametrize(
    ("word", "name"),
    [(word, name) for word in ("Impose", "a name") for name in COUNTED]
    + [(word, "sanction_counts") for word in ("Sanction", "a blank before USA", "lower case")],
)
def test_a_frame_with_other_words_is_refused_and_never_zero(word: str, name: str) -> None:
    made, message = WORDS[word]
    refused(lambda: COUNTED[name](made()), match=message)


CODED = {"columns": {"date": "d", "sender": "s", "target": "t", "code": "c"}, "codes": "cameo"}


def coded(codes: list[Any]) -> Any:
    rows = [("2018-05-08", "United States", "Iran", code) for code in codes]
    return own(rows, "d s t c", **CODED)


@pytest.mark.parametrize("codes", [[10, 18, 19, 163], [163.0, 40.0], [163], [40, 163]])
def test_action_codes_as_numbers_are_refused(codes: list[Any]) -> None:
    refused(lambda: coded(codes), match="leading zero")


def test_action_codes_as_text_are_read() -> None:
    found = coded(["010", "018", "019", "163"]).table
    assert found["family"].tolist() == ["other", "other", "other", "sanction"]


ICEWS = {
    "columns": {
        "date": "Event Date",
        "sender": "Source Country",
        "target": "Target Country",
        "code": "CAMEO Code",
    },
    "codes": "cameo",
}


def test_a_real_sample_read_as_text_has_its_conflict_and_cooperation(real_data: Path) -> None:
    path = real_data / "events" / "icews_events_2018_sample.tab"
    rows = pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False)
    reading = given(lambda: sl.read_table(rows, **ICEWS))
    families = reading.table.drop_duplicates("act_id")["family"].value_counts()
    assert families[["conflict", "cooperation"]].tolist() == [962, 1196]
    assert len(reading.rejected) == 0


def test_a_real_sample_with_codes_as_numbers_is_refused(real_data: Path) -> None:
    path = real_data / "events" / "icews_events_2018_sample.tab"
    rows = pd.read_csv(path, sep="\t", keep_default_na=False)
    refused(lambda: sl.read_table(rows, **ICEWS), match="leading zero")


NOT_COUNTS: dict[str, Any] = {
    "a half": pd.array([0.5] * 60),
    "missing": pd.array([None] * 60, dtype="Int64"),
    "not a number": pd.array([float("nan")] * 60, dtype="float64"),
    "negative": pd.array([-1] * 60),
    "text": pd.array(["1"] * 60, dtype="str"),
}
OF_CELLS = {name: use for name, use in COUNTED.items() if name != "cells"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in ("a half", "missing") for name in OF_CELLS]
    + [(kind, "sanction_counts") for kind in ("not a number", "negative", "text")],
)
def test_a_count_of_cells_that_is_no_count_is_refused(kind: str, name: str) -> None:
    table = cells_of_a_year().assign(n_acts=NOT_COUNTS[kind])
    refused(lambda: OF_CELLS[name](table), match="n_acts")


def test_cells_with_missing_mutual_are_refused_or_not_mutual() -> None:
    table = cells_of_a_year()
    some = pd.array([None, *[False] * 59], dtype="boolean")
    found = outcome(lambda: COUNTED["partnership_intensity"](table.assign(mutual=some)))
    if isinstance(found, sl.SanctlibError):
        assert "mutual" in str(found)
    else:
        expected = frame(COUNTED["partnership_intensity"](table))
        pd.testing.assert_frame_equal(frame(found), expected)


@pytest.mark.parametrize("day", ["datetime64[us]", "datetime64[ns]"])
def test_a_day_as_regressor_of_a_count_panel_is_refused(day: str) -> None:
    rows = panel(12)
    days = pd.Timestamp("2010-01-01") + pd.to_timedelta(np.arange(len(rows)) % 97, unit="D")
    rows["since"] = pd.Series(days, index=rows.index).astype(day)
    refused(
        lambda: sl.models.count_panel(rows, dependent="y", regressors=["since"]),
        match="'since'.*(day|date)",
    )


def test_a_sanction_of_a_state_on_itself_is_rejected() -> None:
    reading = own([("2018-05-08", "Iran", "Iran"), ("2018-05-08", "France", "Iran")])
    assert reading.table["sender"].tolist() == ["FRA"]
    assert "itself" in reading.rejected["reason"].iloc[0]


@pytest.mark.parametrize("names", ["USA, EU", "United States; France", "France and Germany"])
def test_two_names_in_one_cell_are_named_as_two(names: str) -> None:
    reading = own([("2018-05-08", names, "Iran"), ("2018-05-08", "France", "Iran")])
    reasons = [*reading.rejected["reason"], *reading.unmatched["reason"]]
    assert any("two names" in str(reason) for reason in reasons)
    assert reading.table["sender"].tolist() == ["FRA"]


@pytest.mark.parametrize(
    "name",
    ["Korea, Republic of", "Bosnia and Herzegovina", "Iran (Islamic Republic of)",
     "Trinidad & Tobago", "Guinea-Bissau", "Paris, France", "Smith and Sons"],
)  # fmt: skip
def test_a_name_with_a_comma_or_an_and_is_one_name(name: str) -> None:
    assert own([("2018-05-08", name, "France")]).rejected.empty


@pytest.mark.parametrize("names", ["USA;RUS", "FRA/DEU", "USA, RUS, CHN"])
def test_two_codes_in_one_cell_are_rejected(names: str) -> None:
    reading = own([("2018-05-08", "CUB", names), ("2018-05-08", "FRA", "IRN")], parties="iso3")
    assert reading.table["target"].tolist() == ["IRN"]
    assert "give one row each" in reading.rejected["reason"].iloc[0]


@pytest.mark.parametrize(
    ("action", "kept"), [("visit", 0), ("impose", 0), ("domestic", 1), ("statement", 1)]
)
def test_an_act_within_a_state_is_no_act_of_a_pair(action: str, kept: int) -> None:
    rows = [("2018-05-08", "Iran", "Persia")]
    assert len(own(rows, constants={"action": action}).table) == kept


NAMES = {
    "Russian Federation (the)": "RUS",
    "United States of America (the)": "USA",
    "Netherlands (the)": "NLD",
    "Kosovo, Republic of": "XKX",
    "Kingdom of Eswatini": "SWZ",
    "Korea, DPR": "PRK",
    "Korea, Dem. Rep.": "PRK",
    "China, Hong Kong SAR": "HKG",
    "FR Yugoslavia": "YUG",
    "EU-27": "EU",
    "EU27": "EU",
    "S. Sudan": "SSD",
    "Germany, East": "DDR",
    "Man, Isle of": "IMN",
    "Cote dIvoire": "CIV",
    "I\N{ZERO WIDTH SPACE}ran": "IRN",
    "Ir\N{SOFT HYPHEN}an": "IRN",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_use_is_resolved(name: str) -> None:
    assert sl.resolve(pd.Series([name]))["code"].tolist() == [NAMES[name]]


@pytest.mark.parametrize("name", [c.name for c in pycountry.countries])
def test_every_name_of_iso_is_resolved_also_with_its_article_and_in_full(name: str) -> None:
    state = pycountry.countries.get(name=name)
    full = getattr(state, "official_name", name)
    names = pd.Series([name, f"{name} (the)", full, f"The {full.removeprefix('the ')}"])
    assert set(sl.resolve(names)["code"]) == {state.alpha_3}


@pytest.mark.parametrize(
    "name", ["State of Georgia", "Union of Journalists", "Republic of Iran Army"]
)
def test_a_name_that_only_holds_a_state_is_none(name: str) -> None:
    assert sl.resolve(pd.Series([name]))["code"].isna().all()


OLD_CODES = {
    ("cow", "002"): "USA",
    ("iso2", "UK"): "GBR",
    ("iso2", "EL"): "GRC",
    ("iso3", "ROM"): "ROU",
    ("iso3", "ZAR"): "COD",
    ("iso3", "TMP"): "TLS",
    ("iso3", "KSV"): "XKX",
}


@pytest.mark.parametrize(("system", "code"), OLD_CODES)
def test_a_padded_old_or_eurostat_code_is_accepted_or_its_successor_named(
    system: Any, code: str
) -> None:
    found = sl.resolve(pd.Series([code]), system=system).iloc[0]
    said = " ".join(str(cell) for cell in found)
    assert OLD_CODES[system, code] in said


MISSPELT = {
    "Iraan": "Iran",
    "Russian Fed.": "Russian Federation",
    "Germny (East)": "East Germany",
    "Islamc Republic of Iran": "Iran (Islamic Republic of)",
    "Sout Korea": "Korea South",
    "England": "United Kingdom",
}


@pytest.mark.parametrize("name", MISSPELT)
def test_an_unknown_name_comes_with_the_closest_names(name: str) -> None:
    found = sl.resolve(pd.Series([name])).iloc[0]
    assert pd.isna(found["code"])
    assert MISSPELT[name] in " ".join(str(cell) for cell in found)


@pytest.mark.parametrize("name", ["Wiranto", "Barack Obama", "Ministry of Defence", ""])
def test_a_name_that_resembles_no_state_has_no_closest_name(name: str) -> None:
    assert sl.resolve(pd.Series([name]))["closest"].isna().all()


def test_a_reversed_mapping_is_refused_with_the_right_one() -> None:
    rows = pd.DataFrame([("2018-05-08", "France", "Iran")], columns=["When", "From", "To"])
    mapping = {"When": "date", "From": "sender", "To": "target"}
    refused(
        lambda: sl.read_table(rows, columns=mapping, constants={"action": "impose"}),
        match="revers.*'date': 'When'",
    )


def test_an_unknown_constant_is_refused() -> None:
    rows = [("2018-05-08", "France", "Iran"), ("2018-05-09", "France", "Iran")]
    refused(lambda: own(rows, constants={"action": "trade"}), match="'trade'")


def test_a_reading_has_the_length_of_its_table() -> None:
    reading = sl.load("russia_iran")
    assert len(reading) == len(reading.table)


def test_a_reading_shows_its_columns_and_first_rows() -> None:
    reading = sl.load("russia_iran")
    assert list(reading.columns) == list(reading.table.columns)
    pd.testing.assert_frame_equal(frame(reading.head(2)), reading.table.head(2))


def test_a_part_of_a_reading_has_its_coverage_and_its_mark() -> None:
    whole = sl.load("russia_iran")
    part = whole.filter(target="IRN", start=date(2012, 1, 1), end=date(2013, 12, 31))
    assert set(part.table["target"]) == {"IRN"}
    assert 0 < len(part) < len(whole)
    assert part.curated
    assert part.coverage is not None
    assert (part.coverage.first, part.coverage.last) == (date(2012, 1, 1), date(2013, 12, 31))


@pytest.mark.parametrize(("every", "n"), [("quarter", [3, 3, 3, 3]), ("year", [12])])
def test_monthly_cells_become_longer_periods(every: Any, n: list[int]) -> None:
    found = given(
        lambda: sl.sanction_counts(
            cells_of_a_year(), every=every, unit="act", by=["target"], targets=["IRN"],
            coverage=YEAR,
        )
    )  # fmt: skip
    assert frame(found)["n"].tolist() == n


def test_weekly_cells_do_not_become_months_and_the_monthly_data_is_named() -> None:
    refused(
        lambda: sl.sanction_counts(news_of_2018("week"), every="month", unit="act"),
        match="icews_monthly",
    )


# One column of each of our tables damaged; the use that must refuse it.
def of_events(**changed: Any) -> Callable[[], Any]:
    return lambda: COUNTED["sanction_counts"](year_of_events().assign(**changed))


def of_cases(**changed: Any) -> Callable[[], Any]:
    table = cases([("USA", "IRN", "2012-01-01", None), ("EU", "IRN", "2013-01-01", "2014-01-01")])
    return lambda: sl.active_sanctions(
        table.assign(**changed), every="year", at="any_day", coverage=DECADE
    )


def of_listings(**changed: Any) -> Callable[[], Any]:
    table = listings([("1", "IRAN", "2018-02-01", None), ("2", "IRAN", "2018-03-01", None)])
    return lambda: sl.sanction_counts(
        table.assign(**changed), unit="entity", by=["target"], **MONTHLY
    )


def of_dyads(**changed: Any) -> Callable[[], Any]:
    table = pd.DataFrame(
        {
            "source": "own",
            "measure": "ideal_point_gap",
            "first": ["IRN", "IRN"],
            "second": ["RUS", "RUS"],
            "date": pd.to_datetime(["2018-01-01", "2019-01-01"]),
            "date_last": pd.to_datetime(["2018-12-31", "2019-12-31"]),
            "value": [1.0, 2.0],
            "lower": [0.5, 1.5],
            "upper": [1.5, 2.5],
        }
    )
    return lambda: sl.voting_gap(table.assign(**changed), pair=PAIR)


UNKNOWN_CODE = pd.Series(["ZZZ", "IRN"])
DAMAGED: dict[str, tuple[Callable[[], Any], str]] = {
    "events without an act": (of_events(act_id=None), "act_id"),
    "events with days as text": (of_events(date="2018-05-08"), "'date'"),
    "events that end before they begin": (
        of_events(date_last=pd.Timestamp("2017-01-01")),
        "date_last",
    ),
    "events with an unknown state": (of_events(target="ZZZ"), "'ZZZ'"),
    "events with another family": (of_events(family="conflict"), "family"),
    "events of numbers as states": (of_events(target=365), "target"),
    "cases with one id twice": (of_cases(case_id="1", sender="USA"), "case_id"),
    "cases without a start": (of_cases(start=pd.NaT), "'start'"),
    "cases with an unknown state": (of_cases(target=UNKNOWN_CODE), "'ZZZ'"),
    "cases with ongoing as words": (of_cases(ongoing="yes"), "ongoing"),
    "listings with one key twice": (of_listings(listing_id="1"), "listing_id"),
    "listings without an entity": (of_listings(entity_id=None), "entity_id"),
    "listings removed before listed": (
        of_listings(delisted=pd.Timestamp("2017-01-01")),
        "delisted",
    ),
    "listings of an unknown type": (of_listings(entity_type="ship"), "'ship'"),
    "dyads with bounds that cross": (of_dyads(lower=3.0), "lower"),
    "dyads with one key twice": (of_dyads(date=pd.Timestamp("2018-01-01")), "date"),
}


@pytest.mark.parametrize("name", list(DAMAGED))
def test_a_damaged_column_is_refused_by_name(name: str) -> None:
    call, column = DAMAGED[name]
    refused(call, match=column)


def test_acts_without_a_day_are_refused_or_in_no_period() -> None:
    found = outcome(of_events(date=pd.NaT))
    if isinstance(found, sl.SanctlibError):
        assert "'date'" in str(found)
    else:
        table = frame(found)
        assert table["n_unassigned"].sum() == 12
        assert table["n"].dropna().eq(0).all()
        assert table.loc[table["covered"].fillna(value=False), "upper"].eq(12).all()


SAME: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "categories": lambda t: t.astype({"sender": "category", "target": "category"}),
    "objects": lambda t: t.astype({"sender": "object", "action": "object"}),
    "another order of rows": lambda t: t.iloc[::-1],
    "an index of its own": lambda t: t.set_index(pd.Index(range(100, 100 + len(t)))),
    "a column more": lambda t: t.assign(note_of_mine=1),
    "days of another unit": lambda t: t.assign(
        date=t["date"].astype("datetime64[ns]"), date_last=t["date_last"].astype("datetime64[s]")
    ),
}


@cache
def expected_of(use: str) -> pd.DataFrame:
    return frame(COUNTED[use](year_of_events()))


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("use", ["sanction_counts", "dyad_panel"])
def test_a_table_in_another_form_gives_the_same_numbers(name: str, use: str) -> None:
    expected = expected_of(use)
    found = frame(given(lambda: COUNTED[use](SAME[name](year_of_events()))))
    pd.testing.assert_frame_equal(found, expected)


def test_a_repeated_row_of_cells_is_refused_or_counted_once() -> None:
    once = frame_of_cells([("2018-01-01", "USA", "IRN", "impose", 3)])
    found = outcome(lambda: COUNTED["sanction_counts"](pd.concat([once, once])))
    if not isinstance(found, sl.SanctlibError):
        expected = COUNTED["sanction_counts"](once)
        pd.testing.assert_frame_equal(frame(found), frame(expected))


def test_a_coverage_covers_from_its_first_to_its_last_day() -> None:
    known = sl.Coverage(source="own", first=date(2018, 2, 1), last=date(2018, 3, 31))
    found = frame(
        sl.sanction_counts(
            year_of_events(), every="month", unit="act", by=["target"], targets=["IRN"],
            coverage=known,
        )
    )  # fmt: skip
    assert found.loc[found["covered"], "period"].dt.month.tolist() == [2, 3]
