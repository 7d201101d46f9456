"""Periods: Mondays, month ends, and how finely an act is dated."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sanctlib.coverage import Coverage
from sanctlib.dates import period_end, period_range, period_start, precision
from sanctlib.errors import CoverageError, SanctlibError, UnknownChoiceError


def days(*text: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(text)))


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("day", "2018-05-09"),
        ("week", "2018-05-07"),
        ("month", "2018-05-01"),
        ("quarter", "2018-04-01"),
        ("year", "2018-01-01"),
    ],
)
def test_a_wednesday_falls_into_its_periods(every: str, expected: str) -> None:
    assert period_start(days("2018-05-09"), every=every).tolist() == [pd.Timestamp(expected)]


def test_a_week_ends_on_sunday_and_may_cross_the_year() -> None:
    assert period_start(days("2019-01-01"), every="week").tolist() == [pd.Timestamp("2018-12-31")]
    assert period_end(days("2018-12-31"), every="week").tolist() == [pd.Timestamp("2019-01-06")]


def test_a_range_holds_every_period_once() -> None:
    months = period_range(date(2018, 11, 15), date(2019, 2, 1), every="month")
    assert months.strftime("%Y-%m").tolist() == ["2018-11", "2018-12", "2019-01", "2019-02"]


def test_a_range_the_wrong_way_round_is_an_error() -> None:
    with pytest.raises(SanctlibError, match="cannot go from 2019-01-01 to 2018-01-01"):
        period_range(date(2019, 1, 1), date(2018, 1, 1), every="month")


def test_an_unknown_period_is_an_error_with_a_hint() -> None:
    with pytest.raises(UnknownChoiceError, match="Did you mean 'month'"):
        period_start(days("2018-01-01"), every="months")  # type: ignore[arg-type]


def test_precision_is_derived_from_the_two_days() -> None:
    first = days("2018-05-08", "2022-08-01", "2022-01-01", "2022-08-01", "2022-09-15")
    last = days("2018-05-08", "2022-08-31", "2022-12-31", "2022-09-30", "2022-09-16")
    assert precision(first, last).tolist() == ["day", "month", "year", "range", "range"]


def test_a_period_is_covered_only_when_every_day_of_it_is() -> None:
    coverage = Coverage(
        source="mine",
        first=date(2018, 1, 1),
        last=date(2018, 10, 30),
        gaps=((date(2018, 3, 10), date(2018, 3, 12), "server down"),),
    )
    months = pd.Series(period_range(date(2017, 12, 1), date(2018, 11, 1), every="month"))
    covered = months[coverage.covers(months, every="month")].dt.month.tolist()
    assert covered == [1, 2, 4, 5, 6, 7, 8, 9]


def test_a_coverage_that_ends_before_it_begins_is_an_error() -> None:
    with pytest.raises(CoverageError, match="must not be after its last"):
        Coverage(source="mine", first=date(2019, 1, 1), last=date(2018, 1, 1))


def test_a_gap_that_ends_before_it_begins_is_an_error() -> None:
    day = date.fromisoformat
    with pytest.raises(CoverageError, match=r"A gap of 'x' goes from .* to 2018-03-05"):
        Coverage(
            source="x",
            first=day("2018-01-01"),
            last=day("2018-12-31"),
            gaps=((day("2018-03-06"), day("2018-03-05"), "down"),),
        )


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2018", "2018"),
        ("2018-01", "2018-12-31"),
        (date(2018, 1, 1), datetime(2018, 12, 31, 12)),
        (pd.Timestamp("2018-01-01"), np.datetime64("2018-12-31")),
        (pd.Period("2018", "Y"), pd.Period("2018-12", "M")),
    ],
)
def test_every_kind_of_day_is_the_same_day_of_a_coverage(first: Any, last: Any) -> None:
    known = Coverage(source="x", first=first, last=last, breaks=[(first, "new coder")])
    assert (known.first, known.last) == (date(2018, 1, 1), date(2018, 12, 31))
    assert {type(known.first), type(known.last), type(known.breaks[0][0])} == {date}
    assert known == Coverage(
        source="x", first="2018", last="2018-12", breaks=((date(2018, 1, 1), "new coder"),)
    )


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ({"first": 2010, "last": 2012}, "first is 2010. A number can be a year or a count"),
        ({"first": "2010", "last": 2012.0}, "last is 2012.0. A number can be a year"),
        ({"first": "01/02/2010", "last": "2012"}, "first is '01/02/2010'. Write a day as '2022'"),
        ({"first": "2010-02-30", "last": "2012"}, "'2010-02-30', which is no day"),
        ({"first": None, "last": "2012"}, "first is None. Write a day"),
        ({"first": "2010", "last": pd.NaT}, "last is NaT. Write a day"),
        (
            {"first": "2010", "last": pd.Timestamp("2012-01-01", tz="UTC")},
            "last has the time zone UTC. A day has none",
        ),
        ({"first": "2010", "last": "2012", "states": "IRN"}, "states is 'IRN'. It must be a list"),
        (
            {"first": "2010", "last": "2012", "gaps": [(2011, "2011", "down")]},
            "first of a gap is 2011. A number",
        ),
    ],
)
def test_what_is_no_day_is_refused_by_a_coverage(days: dict[str, Any], message: str) -> None:
    with pytest.raises(SanctlibError, match=re.escape(message)):
        Coverage(source="x", **days)
