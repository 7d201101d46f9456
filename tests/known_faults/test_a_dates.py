"""Kind A: dates given as arguments, and dates in data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import frame, given, outcome, params, refused
from tests.known_faults.made import (
    DECADE,
    YEAR,
    cases,
    cells_of_a_year,
    events,
    listings,
    months,
    on_days,
    own,
    units,
    year_of_events,
)

SAMPLES = ROOT / "tests" / "samples"
PAIR = ("IRN", "RUS")
CASES = cases([("USA", "IRN", "2018-02-01", None), ("EU", "IRN", "2018-04-01", "2018-06-30")])
LISTED = listings(
    [
        ("1", "IRAN", "2018-02-01", None),
        ("2", "RUSSIA-EO14024", "2018-04-05", None),
        ("3", "IRAN", "2018-07-05", None),
    ]
)
AGREED = events(
    [("2018-01-10", "IRN", "RUS", "agree"), ("2018-06-10", "RUS", "IRN", "visit")],
    agreement_id=pd.Series(["pact", None], dtype="str"),
    agreement_stage=pd.Series(["in_force", None], dtype="str"),
)
MONTHLY: dict[str, Any] = {"every": "month", "coverage": YEAR}

Dated = Callable[[Any, Any], Any]

# Every public function with a first and a last day, on a small table of its own.
DATED: dict[str, Dated] = {
    "partnership_intensity": lambda a, b: sl.partnership_intensity(
        cells_of_a_year(), pair=PAIR, start=a, end=b, **MONTHLY
    ),
    "observed_expected": lambda a, b: sl.observed_expected(
        year_of_events(), pair=PAIR, block="week", n_replicates=19, start=a, end=b, **MONTHLY
    ),
    "dyad_panel": lambda a, b: sl.dyad_panel(
        year_of_events(), states=["IRN", "RUS"], directed=False, start=a, end=b, **MONTHLY
    ),
    "cells": lambda a, b: sl.cells(year_of_events(), every="month", start=a, end=b),
    "shared_sanctioners": lambda a, b: sl.shared_sanctioners(
        CASES, pair=PAIR, start=a, end=b, **MONTHLY
    ),
    "sanction_counts of events": lambda a, b: sl.sanction_counts(
        year_of_events(), unit="act", start=a, end=b, **MONTHLY
    ),
    "sanction_counts of cells": lambda a, b: sl.sanction_counts(
        cells_of_a_year(), unit="act", start=a, end=b, **MONTHLY
    ),
    "sanction_counts of a list": lambda a, b: sl.sanction_counts(
        LISTED, unit="entity", by=["target"], start=a, end=b, **MONTHLY
    ),
    "sanction_counts of cases": lambda a, b: sl.sanction_counts(
        CASES, unit="case", start=a, end=b, **MONTHLY
    ),
    "sanction_counts as announced": lambda a, b: sl.sanction_counts(
        year_of_events().assign(date_announced=lambda t: t["date"]),
        unit="act",
        dated="announced",
        start=a,
        end=b,
        **MONTHLY,
    ),
    "compare_units": lambda a, b: sl.compare_units(
        {"news": year_of_events()}, start=a, end=b, targets=["IRN"]
    ),
    "active_sanctions": lambda a, b: sl.active_sanctions(
        CASES, at="any_day", start=a, end=b, **MONTHLY
    ),
    "sanction_pressure": lambda a, b: sl.sanction_pressure(
        CASES, targets=["IRN"], start=a, end=b, **MONTHLY
    ),
    "sanction_pressure with a half-life": lambda a, b: sl.sanction_pressure(
        year_of_events(), unit="act", half_life=2, start=a, end=b, **MONTHLY
    ),
    "agreements": lambda a, b: sl.agreements(
        AGREED, pair=PAIR, half_life=2, start=a, end=b, **MONTHLY
    ),
}
FIRST, LAST = "2018-03-05", "2018-08-31"

ON_EVENTS = {
    "partnership_intensity",
    "observed_expected",
    "dyad_panel",
    "cells",
    "sanction_counts of events",
    "sanction_counts of cells",
    "sanction_counts as announced",
    "compare_units",
}
WAYS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "Timestamp": pd.Timestamp,
    "numpy day": np.datetime64,
    "Period": lambda text: pd.Period(text, freq="D"),
}


@cache
def of_dates(name: str) -> pd.DataFrame:
    return frame(DATED[name](date.fromisoformat(FIRST), date.fromisoformat(LAST)))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        pytest.param(name, write, id=f"{name}, {way}")
        for way, write in WAYS.items()
        for name in (DATED if way == "text" else ["cells", "sanction_counts of a list"])
    ],
)
def test_a_day_is_the_same_day_however_it_is_written(
    name: str, write: Callable[[str], Any]
) -> None:
    expected = of_dates(name)
    assert len(expected)
    found = frame(given(lambda: DATED[name](write(FIRST), write(LAST))))
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("call", params(DATED))
def test_a_day_with_a_time_zone_is_refused_in_words(call: Dated) -> None:
    day = pd.Timestamp(FIRST, tz="Asia/Tehran")
    refused(lambda: call(day, date(2018, 8, 31)), match="zone")


@pytest.mark.parametrize("call", params(DATED))
def test_a_number_is_refused_as_a_day(call: Dated) -> None:
    refused(lambda: call(2018, date(2018, 8, 31)), match=r"\b2018\b")


def test_a_year_as_a_number_is_refused_for_a_list() -> None:
    refused(
        lambda: sl.sanction_counts(LISTED, unit="entity", by=["target"], start=2018, **MONTHLY),
        match=r"\b2018\b",
    )


ODD = ["13/02/2018", "2018-02-30", "spring", ""]


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, "01/02/2018") for name in DATED]
    + [("sanction_counts of a list", text) for text in ODD],
)
def test_text_that_is_not_an_iso_day_is_refused_with_an_example(name: str, text: str) -> None:
    refused(lambda: DATED[name](text, date(2018, 8, 31)), match=r"20\d\d-\d\d-\d\d")


@pytest.mark.parametrize(
    ("first", "last"), [(2010, 2012), ("2010", 2012), (2010.0, 2012.0), (None, None)]
)
def test_a_coverage_of_numbers_is_refused(first: Any, last: Any) -> None:
    refused(lambda: sl.Coverage(source="own", first=first, last=last), match="first|last|day")


# The others return a row for each month to the end: 95,000 months take their time.
@pytest.mark.parametrize("name", sorted(ON_EVENTS))
def test_the_last_day_of_the_calendar_is_a_day_or_is_refused(name: str) -> None:
    outcome(lambda: DATED[name](date(2018, 3, 1), date(9999, 12, 31)))


@pytest.mark.parametrize("call", params(DATED))
def test_an_end_before_the_start_is_refused_in_one_wording(call: Dated) -> None:
    refused(lambda: call(date(2018, 8, 31), date(2018, 3, 5)), match="2018-08-31.*2018-03-05")


@pytest.mark.parametrize("onset", params({"before": 1990, "first": 2000, "after": 2040}))
def test_an_onset_outside_the_panel_is_refused(onset: int) -> None:
    refused(
        lambda: sl.models.synthetic_control(
            units(), dependent="y", treated="U0", onset=onset, units="unit"
        ),
        match="onset",
    )


SERIES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "interrupted_series": lambda t: sl.models.interrupted_series(
        t, dependent="y", onset=date(2013, 1, 1)
    ),
    "local_projection": lambda t: sl.models.local_projection(
        t, impulse="x", dependent="y", horizons=2, lags=1
    ),
    "lead_lag": lambda t: sl.models.lead_lag(t, x="x", y="y", lags=1, n_replicates=19),
}


@pytest.mark.parametrize("call", params(SERIES))
def test_a_series_read_back_from_its_csv_is_the_same_series(
    call: Callable[[pd.DataFrame], Any],
) -> None:
    table = months()
    expected = frame(call(table))
    found = outcome(lambda: call(table.assign(period=table["period"].dt.strftime("%Y-%m-%d"))))
    if isinstance(found, sl.SanctlibError):
        assert "text" in str(found)
    else:
        pd.testing.assert_frame_equal(frame(found), expected)


def test_a_synthetic_control_of_periods_as_text_is_the_same() -> None:
    table = units().astype({"period": "str"}).assign(period=lambda t: t["period"] + "-01-01")
    dated = table.assign(period=pd.to_datetime(table["period"]))

    def fit(rows: pd.DataFrame) -> Any:
        return sl.models.synthetic_control(
            rows, dependent="y", treated="U0", onset=date(2012, 1, 1), units="unit"
        )

    expected = frame(fit(dated))
    found = outcome(lambda: fit(table))
    if isinstance(found, sl.SanctlibError):
        assert "text" in str(found)
    else:
        pd.testing.assert_frame_equal(frame(found), expected)


def test_an_event_study_of_periods_as_text_is_the_same_or_says_so() -> None:
    rng = np.random.default_rng(1)
    periods = pd.date_range("2018-01-01", periods=10, freq="MS")
    panel = pd.DataFrame(
        [(f"U{i:02d}", p, rng.normal()) for i in range(20) for p in periods],
        columns=["target", "period", "y"],
    )
    onsets = pd.DataFrame({"target": [f"U{i:02d}" for i in range(6)], "period": periods[5]})

    def fit(as_text: bool) -> Any:
        written = (
            (lambda t: t.assign(period=t["period"].dt.strftime("%Y-%m-%d")))
            if as_text
            else (lambda t: t)
        )
        return sl.models.event_study(
            written(panel), onsets=written(onsets), dependent="y", before=2, after=1,
            target_columns=["target"], n_replicates=1,
        )  # fmt: skip

    expected = frame(fit(as_text=False))
    found = outcome(lambda: fit(as_text=True))
    if isinstance(found, sl.SanctlibError):
        assert "text" in str(found)
    else:
        pd.testing.assert_frame_equal(frame(found), expected)


@pytest.mark.parametrize("call", params(SERIES))
def test_periods_of_pandas_are_periods(call: Callable[[pd.DataFrame], Any]) -> None:
    table = months()
    expected = frame(call(table))
    found = given(lambda: call(table.assign(period=table["period"].dt.to_period("M"))))
    pd.testing.assert_frame_equal(frame(found), expected)


@pytest.mark.parametrize("call", params(SERIES))
def test_a_series_with_a_time_zone_is_refused_by_name(
    call: Callable[[pd.DataFrame], Any],
) -> None:
    table = months()
    zoned = table.assign(period=table["period"].dt.tz_localize("UTC"))
    refused(lambda: call(zoned), match="time zone")


def active(table: pd.DataFrame) -> Any:
    return sl.active_sanctions(table, every="year", at="any_day", coverage=DECADE)


HELD = [("USA", "IRN", "2012-01-01", "2013-06-30"), ("EU", "IRN", "2013-01-01", None)]


def test_cases_with_days_as_text_are_read_as_days_or_refused() -> None:
    table = cases(HELD)
    days = ["start", "start_last", "end", "end_last"]
    text = table.assign(**{d: table[d].dt.strftime("%Y-%m-%d") for d in days})
    found = outcome(lambda: active(text))
    if isinstance(found, sl.SanctlibError):
        assert "'start'" in str(found)
    else:
        pd.testing.assert_frame_equal(frame(found), frame(active(table)))


def test_cases_with_a_time_zone_are_refused_in_words() -> None:
    table = cases(HELD)
    zoned = table.assign(start=table["start"].dt.tz_localize("UTC"))
    refused(lambda: active(zoned), match="time zone")


def test_cases_without_an_end_have_an_end_that_is_not_known() -> None:
    table = cases(HELD).assign(end=pd.NaT, end_last=pd.NaT)
    table = table.astype({"end": "datetime64[us]", "end_last": "datetime64[us]"})
    expected = frame(active(table))
    found = given(lambda: active(table.drop(columns=["end", "end_last"])))
    pd.testing.assert_frame_equal(frame(found), expected)


def test_shared_sanctioners_take_cases_without_an_end() -> None:
    table = cases([("USA", "IRN", "2012-01-01", None), ("USA", "RUS", "2014-01-01", None)])
    found = given(
        lambda: sl.shared_sanctioners(
            table.drop(columns=["end", "end_last"]), pair=PAIR, every="year", coverage=DECADE
        )
    )
    shared = frame(found).set_index(frame(found)["period"].dt.year)["n_shared"]
    assert shared.loc[[2013, 2014]].tolist() == [0, 1]


BACKWARDS = cases([("USA", "IRN", "2012-01-01", "2010-01-01")])
BACKWARD: dict[str, Callable[[], Any]] = {
    "active_sanctions": lambda: active(BACKWARDS),
    "sanction_pressure": lambda: sl.sanction_pressure(
        BACKWARDS, every="year", targets=["IRN"], coverage=DECADE
    ),
    "sanction_spells": lambda: sl.models.sanction_spells(BACKWARDS, every="year", coverage=DECADE),
    "sanction_counts": lambda: sl.sanction_counts(
        BACKWARDS, every="year", unit="case", coverage=DECADE
    ),
}


@pytest.mark.parametrize("call", params(BACKWARD))
def test_a_case_that_ends_before_it_starts_is_refused(call: Callable[[], Any]) -> None:
    refused(call, match="'start' after 'end")


@pytest.mark.parametrize("word", ["now", "today", "Now", "TODAY"])
def test_a_word_for_the_day_of_the_run_is_not_a_date(word: str) -> None:
    reading = on_days(word, "2018-05-08")
    assert reading.table["date"].dt.strftime("%Y-%m-%d").tolist() == ["2018-05-08"]
    (reason,) = reading.rejected["reason"]
    assert repr(word) in reason


@pytest.mark.parametrize(
    ("key", "sample"),
    [
        ("icews", "icews/events.2018.20190104.tab"),
        ("icews_2018", "icews_2018/icews18_named.tsv"),
        ("polecat", "polecat/ngecEventsDV-2022-Jan.txt"),
    ],
)
@pytest.mark.parametrize("word", ["now", "today"])
def test_a_reader_takes_no_word_for_a_date(
    key: str, sample: str, word: str, tmp_path: Path
) -> None:
    path = tmp_path / Path(sample).name
    raw = (SAMPLES / sample).read_bytes().splitlines(keepends=True)
    cells = raw[1].split(b"\t")
    cells[0 if key == "icews_2018" else 1] = word.encode()
    path.write_bytes(b"".join([raw[0], b"\t".join(cells), *raw[2:]]))
    reading = given(lambda: sl.read(key, path))
    assert reading.table["date"].max() < pd.Timestamp("2023-01-01")
    assert reading.rejected["line"].tolist().count(2) == 1
    assert reading.rejected["reason"].str.contains(repr(word)).sum() == 1


MONTH_FIRST = ("05/08/2018", "05/13/2018", "12/31/2018", "01/02/2018")


def test_a_month_first_column_is_never_read_day_first() -> None:
    found = outcome(lambda: on_days(*MONTH_FIRST))
    if isinstance(found, sl.SanctlibError):
        assert "month" in str(found)
    else:
        days = set(found.table["date"].dt.strftime("%Y-%m-%d"))
        assert days <= {"2018-05-08", "2018-05-13", "2018-12-31", "2018-01-02"}


def test_a_day_first_column_is_read_day_first() -> None:
    days = on_days("08/05/2018", "13/05/2018").table["date"].dt.strftime("%Y-%m-%d")
    assert days.tolist() == ["2018-05-08", "2018-05-13"]


def test_a_month_first_column_is_read_with_its_own_format() -> None:
    days = on_days(*MONTH_FIRST, date_formats=["%m/%d/%Y"]).table["date"]
    assert days.dt.strftime("%Y-%m-%d").tolist() == [
        "2018-05-08",
        "2018-05-13",
        "2018-12-31",
        "2018-01-02",
    ]


def test_formats_that_read_one_text_in_two_ways_are_refused() -> None:
    formats = ["%d/%m/%Y", "%m/%d/%Y"]
    refused(lambda: on_days("03/04/2018", "03/18/2018", date_formats=formats), match="%m/%d/%Y")


def test_years_of_two_digits_are_not_put_into_the_future() -> None:
    found = outcome(lambda: on_days("16-07-68", "16-07-69", date_formats=["%d-%m-%y"]))
    if isinstance(found, sl.SanctlibError):
        assert "%y" in str(found)
    else:
        assert "2068-07-16" not in set(found.table["date"].dt.strftime("%Y-%m-%d"))


@pytest.mark.parametrize("day", ["0000-01-01", "0018-05-08", "1397-02-18", "9999-12-31"])
def test_a_day_outside_a_plausible_span_is_rejected(day: str) -> None:
    reading = on_days(day, "2018-05-08")
    assert reading.table["date"].dt.strftime("%Y-%m-%d").tolist() == ["2018-05-08"]
    assert day in reading.rejected["reason"].iloc[0]
    # Year 0 is in no calendar that is read.
    assert "outside the years" in reading.rejected["reason"].iloc[0] or day.startswith("0000")


def test_two_offsets_of_one_place_keep_the_day_of_the_place() -> None:
    days = ("2018-01-08T23:30:00+01:00", "2018-07-08T23:30:00+02:00")
    found = outcome(lambda: on_days(*days, date_formats=["%Y-%m-%dT%H:%M:%S%z"]))
    if not isinstance(found, sl.SanctlibError):
        assert found.table["date"].dt.strftime("%Y-%m-%d").tolist() == ["2018-01-08", "2018-07-08"]


def test_one_offset_keeps_the_day_of_the_place() -> None:
    reading = on_days("2018-01-08T23:30:00-05:00", date_formats=["%Y-%m-%dT%H:%M:%S%z"])
    assert reading.table["date"].dt.strftime("%Y-%m-%d").tolist() == ["2018-01-08"]


@pytest.mark.parametrize(
    "form",
    ["%YQ%q", "%Y-%m-%", "dd/mm/yyyy", ""],
)
def test_an_impossible_date_format_is_refused_by_name(form: str) -> None:
    refused(lambda: on_days("2018Q2", date_formats=[form]), match=f"{form!r}")


@pytest.mark.parametrize("text", ["16.09.2022", "08 September 1995"])
def test_a_date_in_no_known_format_is_not_called_impossible(text: str) -> None:
    reason = on_days(text, "2018-05-08").rejected["reason"].iloc[0]
    assert "impossible" not in reason
    assert text in reason
    assert "date_formats" in reason


def test_a_month_is_a_month_whichever_format_read_it() -> None:
    wide = {"first": "2018-05-01", "last": "2018-05-31"}
    for text, formats in {"2018-05": ["%Y-%m-%d"], "05/2018": ["%m/%Y"]}.items():
        table = on_days(text, date_formats=formats).table
        found = {"first": table["date"].iloc[0], "last": table["date_last"].iloc[0]}
        assert {name: f"{day:%Y-%m-%d}" for name, day in found.items()} == wide


WRITTEN = {
    "a time": ("2018-05-08 14:30:00", "day"),
    "a time in UTC": ("2018-05-08T23:30:00Z", "day"),
    "an offset": ("2018-05-08T23:30:00.5-05:00", "day"),
    "a number": (20180508, "day"),
    "a number in a column with gaps": (20180508.0, "day"),
    "a Timestamp": (pd.Timestamp("2018-05-08 23:00"), "day"),
    "a Timestamp with an offset": (pd.Timestamp("2018-05-08 23:30", tz="US/Eastern"), "day"),
    "a date": (date(2018, 5, 8), "day"),
    "a year": (2018, "year"),
    "a year in a column with gaps": (2018.0, "year"),
    "the text of such a year": ("2018.0", "year"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_day_or_year_is_read_in_whichever_type_it_is_written(name: str) -> None:
    day, width = WRITTEN[name]
    first, last = ("2018-05-08", "2018-05-08") if width == "day" else ("2018-01-01", "2018-12-31")
    rows = pd.DataFrame({"d": pd.Series([day, None], dtype="object"), "s": "France", "t": "Iran"})
    reading = own(rows)
    assert reading.table[["date", "date_last"]].astype("str").to_numpy().tolist() == [[first, last]]
    assert reading.rejected["reason"].tolist() == ["no date"]


def test_days_of_a_frame_are_days_whatever_the_formats() -> None:
    days = pd.Series(pd.to_datetime(["2018-05-08", "2018-05-13"]))
    rows = pd.DataFrame({"d": days, "s": "France", "t": "Iran"})
    assert own(rows, date_formats=["%d/%m/%Y"]).table["date"].tolist() == days.tolist()


@pytest.mark.parametrize("days", [["05/08/2018"], ["05/13/2018", "13/05/2018", "01/02/2018"]])
def test_slash_dates_that_do_not_show_their_order_need_a_format(days: list[str]) -> None:
    refused(lambda: on_days(*days), match="whether day or month.*'%d/%m/%Y'.*'%m/%d/%Y'")
    assert len(on_days(*days, date_formats=["%d/%m/%Y"]).table)


def test_slash_dates_with_one_meaning_need_no_format() -> None:
    assert len(on_days("05/05/2018", "12/12/2018").table) == 2


@pytest.mark.parametrize("form", ["%d %B", "%H:%M", "%Y W%W", "%Y %d", "%G-W%V", "%x", "%D"])
def test_a_format_that_gives_no_year_month_or_day_is_refused(form: str) -> None:
    refused(lambda: on_days("2018-05-08", date_formats=[form]), match=f"{form!r}")


def test_a_row_outside_the_coverage_is_rejected_with_this_reason() -> None:
    known = sl.Coverage(source="own", first="2018-03", last="2018-06")
    reading = on_days("2018", "2018-05", "2018-02-28", "2019", "2018-07-01", coverage=known)
    # A year has days inside.
    assert reading.table["date"].astype("str").tolist() == ["2018-01-01", "2018-05-01"]
    assert reading.rejected["reason"].tolist() == [
        f"date {day!r} is outside the coverage, 2018-03-01 to 2018-06-30"
        for day in ("2018-02-28", "2019", "2018-07-01")
    ]


@pytest.mark.parametrize("coverage", ["x", ("2018", "2019")])
def test_a_coverage_that_is_none_is_refused(coverage: Any) -> None:
    refused(lambda: on_days("2018-05-08", coverage=coverage), match="must be a Coverage")
