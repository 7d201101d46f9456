"""Periods: the weeks, months, quarters and years that counts are laid out on."""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeAlias

import pandas as pd

from sanctlib.errors import SanctlibError, check_choice

Period: TypeAlias = Literal["day", "week", "month", "quarter", "year"]
PERIODS: tuple[Period, ...] = ("day", "week", "month", "quarter", "year")

# Weeks run from Monday, as in ISO 8601 and in every engine's date_trunc('week').
_FREQUENCIES = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


def period_start(dates: pd.Series, *, every: Period) -> pd.Series:
    """
    Return the first day of the period that each date falls in (datetime64, no zone).

    Weeks begin on Monday. Missing dates stay missing.
    """
    check_choice(every, PERIODS, what="period", needed_by="period_start")
    starts: pd.Series = dates.dt.to_period(_FREQUENCIES[every]).dt.start_time
    return starts.astype("datetime64[us]")


def period_range(
    first: date | pd.Timestamp, last: date | pd.Timestamp, *, every: Period
) -> pd.DatetimeIndex:
    """
    Return the first days of all periods from the one of `first` to the one of `last`.

    Raises
    ------
    SanctlibError
        When `last` is before `first`.
    """
    check_choice(every, PERIODS, what="period", needed_by="period_range")
    if pd.Timestamp(last) < pd.Timestamp(first):
        msg = f"A range of periods needs first <= last, got {first!s} and {last!s}."
        raise SanctlibError(msg)
    starts = pd.period_range(first, last, freq=_FREQUENCIES[every]).start_time
    return pd.DatetimeIndex(starts.to_numpy().astype("datetime64[us]"), name="period")


def period_of(starts: pd.Series) -> Period | None:
    """Return the period that each date begins the next one of; None where one is missing."""
    for every in reversed(PERIODS):
        numbers = starts.dt.to_period(_FREQUENCIES[every]).astype("int64")
        if numbers.diff().iloc[1:].eq(1).all():
            return every
    return None


def period_end(starts: pd.Series, *, every: Period) -> pd.Series:
    """Return the last day of the periods that begin on `starts`."""
    check_choice(every, PERIODS, what="period", needed_by="period_end")
    ends: pd.Series = starts.dt.to_period(_FREQUENCIES[every]).dt.end_time
    days: pd.Series = ends.dt.normalize()
    return days.astype("datetime64[us]")


def period_number(dates: pd.Series, *, every: Period) -> pd.Series:
    """Return the running number of the period of each date; a difference counts periods."""
    check_choice(every, PERIODS, what="period", needed_by="period_number")
    numbers: pd.Series = dates.dt.to_period(_FREQUENCIES[every]).astype("int64")
    return numbers


def precision(date_first: pd.Series, date_last: pd.Series) -> pd.Series:
    """
    Name how finely an act is dated: day, month, year or range.

    A month is the whole of one calendar month, a year the whole of one calendar
    year; any other interval wider than a day is a range.
    """
    first_of_month = date_first.dt.day.eq(1)
    month_end = date_last.dt.is_month_end
    same_month = date_first.dt.to_period("M").eq(date_last.dt.to_period("M"))
    same_year = date_first.dt.year.eq(date_last.dt.year)
    whole_year = first_of_month & date_first.dt.month.eq(1) & date_last.dt.is_year_end & same_year
    named = pd.Series("range", index=date_first.index, dtype="str")
    named[whole_year] = "year"
    named[first_of_month & month_end & same_month] = "month"
    named[date_first.eq(date_last)] = "day"
    return named
