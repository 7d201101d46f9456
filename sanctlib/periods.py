"""Periods: the weeks, months, quarters and years that counts are laid out on."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from numbers import Real
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_choice

Period: TypeAlias = Literal["day", "week", "month", "quarter", "year"]
PERIODS: tuple[Period, ...] = ("day", "week", "month", "quarter", "year")

# Weeks run from Monday, as in ISO 8601 and in every engine's date_trunc('week').
_FREQUENCIES = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


Day: TypeAlias = str | date | np.datetime64 | pd.Period
"""A day: ISO text of a year, month or day, a date, datetime, Timestamp, datetime64 or Period."""

FIRST_YEAR, LAST_YEAR = 1700, 2200
"""The years in which a day of a query may lie: others are slips or another calendar."""

_ISO = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_AS_TEXT = "Write a day as '2022', '2022-03' or '2022-03-01'."


def day_of(value: object, *, what: str, last: bool = False) -> date:
    """Return the day that an argument means: the first day of a year or month, or its last."""
    if isinstance(value, np.datetime64) and not np.isnat(value):
        # A datetime64 of a year or month is as wide as its text: "2022" or "2022-03".
        value = str(value)[:10]
    if isinstance(value, pd.Period):
        value = (value.end_time if last else value.start_time).date()
    if isinstance(value, str):
        day = _of_text(value.strip(), what=what, last=last)
    elif isinstance(value, date) and not pd.isna(value):
        if getattr(value, "tzinfo", None) is not None:
            msg = f"{what} has the time zone {value.tzinfo}. A day has none."  # type: ignore[attr-defined]
            raise SanctlibError(f"{msg} {_AS_TEXT}")
        day = date(value.year, value.month, value.day)
    else:
        why = "A number can be a year or a count of seconds. " if isinstance(value, Real) else ""
        raise SanctlibError(f"{what} is {value!r}. {why}{_AS_TEXT}")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        msg = f"{what} is {day}. It must lie in the years {FIRST_YEAR} to {LAST_YEAR}"
        raise SanctlibError(f"{msg} of the Gregorian calendar.")
    return day


def optional_day(value: object, *, what: str, last: bool = False) -> date | None:
    """Return the day that an argument means, None where it was left out."""
    return None if value is None else day_of(value, what=what, last=last)


def _of_text(text: str, *, what: str, last: bool) -> date:
    found = _ISO.fullmatch(text)
    if found:
        year, month, day = (int(part or 0) for part in found.groups())
        month = month or (12 if last else 1)
        try:
            return date(year, month, day or (monthrange(year, month)[1] if last else 1))
        except ValueError:
            raise SanctlibError(f"{what} is {text!r}, which is no day. {_AS_TEXT}") from None
    raise SanctlibError(f"{what} is {text!r}. {_AS_TEXT}")


def period_start(dates: pd.Series, *, every: Period) -> pd.Series:
    """
    Return the first day of the period that each date falls in (datetime64, no zone).

    Weeks begin on Monday. Missing dates stay missing.
    """
    check_choice(every, PERIODS, what="every")
    starts: pd.Series = dates.dt.to_period(_FREQUENCIES[every]).dt.start_time
    return starts.astype("datetime64[us]")


def period_range(
    first: date | pd.Timestamp, last: date | pd.Timestamp, *, every: Period
) -> pd.DatetimeIndex:
    """Return the first days of all periods from the one of `first` to the one of `last`."""
    check_choice(every, PERIODS, what="every")
    if pd.Timestamp(last) < pd.Timestamp(first):
        msg = f"A range of periods cannot go from {first!s} to {last!s}."
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


def in_words(first: pd.Timestamp, last: pd.Timestamp, *, every: Period) -> str:
    """
    Return the span of periods from one to another in words, such as "March to May 2022".

    Both are first days of a period.
    """

    def named(day: pd.Timestamp) -> str:
        month = f"{day.month_name()} {day.year}"
        if every == "year":
            return str(day.year)
        if every == "quarter":
            return f"quarter {day.quarter} of {day.year}"
        return month if every == "month" else f"{day.day} {month}"

    if first == last:
        return f"week of {named(first)}" if every == "week" else named(first)
    end = last
    if every == "week":
        end = last + pd.Timedelta(days=6)
    return f"{named(first)} to {named(end)}"


def period_end(starts: pd.Series, *, every: Period) -> pd.Series:
    """Return the last day of the periods that begin on `starts`."""
    check_choice(every, PERIODS, what="every")
    ends: pd.Series = starts.dt.to_period(_FREQUENCIES[every]).dt.end_time
    days: pd.Series = ends.dt.normalize()
    return days.astype("datetime64[us]")


def period_number(dates: pd.Series, *, every: Period) -> pd.Series:
    """Return the running number of the period of each date; a difference counts periods."""
    check_choice(every, PERIODS, what="every")
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
