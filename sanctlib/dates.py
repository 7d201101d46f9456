"""Turn days written as text into first and last days, and days into weeks to years."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import combinations
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, SourceError, UnknownChoiceError, check_choice

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
        value = str(value)[:10]  # of a year or month "2022" or "2022-03"
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
    """Return the first day of the period of each date; weeks begin on Monday."""
    check_choice(every, PERIODS, what="every")
    starts: pd.Series = dates.dt.to_period(_FREQUENCIES[every]).dt.start_time
    return starts.astype("datetime64[us]")


def period_range(
    first: date | pd.Timestamp, last: date | pd.Timestamp, *, every: Period
) -> pd.DatetimeIndex:
    """Return the first days of all periods from the one of `first` to the one of `last`."""
    check_choice(every, PERIODS, what="every")
    if pd.Timestamp(last) < pd.Timestamp(first):
        raise SanctlibError(f"A range of periods cannot go from {first!s} to {last!s}.")
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
    """Return the periods that begin from one day to another in words: "March to May 2022"."""

    def named(day: pd.Timestamp) -> str:
        if every == "year":
            return str(day.year)
        if every == "quarter":
            return f"quarter {day.quarter} of {day.year}"
        return f"{'' if every == 'month' else f'{day.day} '}{day.month_name()} {day.year}"

    if first == last:
        return f"week of {named(first)}" if every == "week" else named(first)
    return f"{named(first)} to {named(last + pd.Timedelta(days=6 if every == 'week' else 0))}"


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
    """Name how finely acts are dated: a day, a whole month, a whole year or another range."""
    named = pd.Series("range", index=date_first.index, dtype="str")
    for unit, name in (("Y", "year"), ("M", "month")):
        period = date_first.dt.to_period(unit).dt
        whole = date_first.eq(period.start_time) & date_last.eq(period.end_time.dt.normalize())
        named[whole] = name
    named[date_first.eq(date_last)] = "day"
    return named


POSSIBLE = (1600, 2100)
"""The years that a day of our data can have: 1397 is a year of the Iranian calendar."""
_PARTIAL = {4: "%Y", 7: "%Y-%m"}
_FORMAT_NEEDED = "A format is text with directives such as '%d/%m/%Y'."


def first_and_last(
    text: pd.Series, formats: Sequence[str], *, partial: bool = True
) -> pd.DataFrame:
    """
    Return ``first`` and ``last``, the days that each text can mean; missing where it means none.

    With `partial` a text such as ``2022-08`` or ``2022`` is a month or a year in any format.
    """
    found = pd.DataFrame(
        {"first": pd.NaT, "last": pd.NaT}, index=text.index, dtype="datetime64[us]"
    )
    text = text.astype("str").str.strip()
    forms = [(form, text.notna()) for form in formats]
    if partial:
        digits = text.str.fullmatch(r"[\d-]+").fillna(value=False)
        forms += [(form, digits & text.str.len().eq(n)) for n, form in _PARTIAL.items()]
    for form, may in forms:
        missing = may & found["first"].isna() & ~text.str.casefold().isin(["now", "today"])
        # The parser also takes "2018011", cut short, for the first of January.
        missing &= text.str.len().eq(8) if form == "%Y%m%d" else True
        if missing.any():
            found.loc[missing] = _fitting(text[missing], form)
    year = found["first"].dt.year
    return found.where(year.ge(POSSIBLE[0]) & year.lt(POSSIBLE[1]))


def _fitting(text: pd.Series, form: str) -> pd.DataFrame:
    try:
        day = pd.to_datetime(text, format=form, errors="coerce")
    except ValueError:  # several offsets from UTC: the day is that of the place
        local = [_local(value, form) for value in text]
        day = pd.Series(local, index=text.index, dtype="datetime64[us]")
    first = day.dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    unit = _unit(form)
    last = first if unit == "D" else first.dt.to_period(unit).dt.end_time.dt.normalize()
    return pd.DataFrame({"first": first, "last": last.astype("datetime64[us]")})


def _unit(form: str) -> str:
    """Return how wide a date is that a format reads: a day, a month or a year."""
    if any(part in form for part in ("%d", "%j", "%x", "%c", "%D", "%F", "%e", "%U", "%W", "%V")):
        return "D"
    return "M" if any(part in form for part in ("%m", "%b", "%B", "%h")) else "Y"


def _local(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=None)
    except ValueError:
        return None


def days_of(text: pd.Series, formats: Sequence[str], *, partial: bool = True) -> pd.DataFrame:
    """Return `first_and_last` of texts without null marks, and ``why`` of those that mean none."""
    found = first_and_last(text, formats, partial=partial)
    wrong = found["first"].isna()
    why = ("impossible date: " + text[wrong].str.strip().map(repr)).reindex(text.index)
    return found.assign(why=why.where(text.notna(), "no date"))


def days_in(
    rows: pd.DataFrame, formats: Sequence[str], *, named: bool = False
) -> tuple[dict[str, pd.Series], pd.Series]:
    """
    Return the days of text columns, and why a row has none.

    The first, which must be filled, and ``date_last`` may be months or years, up to their last
    day. With `named` a reason says which text is in none of the formats.
    """
    columns = [str(column) for column in rows]
    first = columns[0]
    why = pd.Series(pd.NA, index=rows.index, dtype="object")
    ends: dict[str, pd.Series] = {}
    days: dict[str, pd.Series] = {}
    forms = _forms(formats) if named else None
    for column in columns:
        found = first_and_last(rows[column], formats, partial=column in (first, "date_last"))
        days[column], ends[column] = found["first"], found["last"]
        wrong = rows[column].notna() & found["first"].isna()
        if column == first:
            why[rows[column].isna()] = f"no {column}"
        why[wrong] = [_wrong(column, text, forms) for text in rows[column][wrong]]
    last = ends.get("date_last", ends[first]).fillna(ends[first])
    why[last.lt(days[first]) & why.isna()] = f"date_last is before {first}"
    return days | {"date_last": last}, why


def _wrong(column: str, text: str, forms: set[str] | None) -> str:
    text = text.strip()
    if forms is not None and _form(text) not in forms:
        return f"{column} {text!r} is in none of the date_formats"
    return f"impossible {column}: {text!r}"


def _forms(formats: Sequence[str]) -> set[str]:
    """Return the form of each text that a format reads; names of months are a form each."""
    days = [datetime(2018, month, 28, tzinfo=UTC) for month in range(1, 13)]
    return {"9999", "9999-99", *(_form(day.strftime(form)) for day in days for form in formats)}


def _form(text: str) -> str:
    """Return text with 9 for each digit; a day or month may have one digit, any offset is one."""
    text = re.sub(r"([+-]\d\d:?\d\d|z)$", "+0000", text.casefold())
    return re.sub(r"\d", "9", re.sub(r"(?<!\d)\d(?!\d)", "99", text))


def check_order(text: pd.Series, formats: Sequence[str]) -> None:
    """Check that a column of days is not written month first where a format has the day first."""
    for form in formats:
        other = form.replace("%d", "%\\0").replace("%m", "%d").replace("%\\0", "%m")
        if other == form or form.startswith("%Y"):
            continue
        fits, turned = (
            first_and_last(text, [f], partial=False)["first"].notna() for f in (form, other)
        )
        if (turned & ~fits).sum() > (fits & ~turned).sum():
            day = text[turned & ~fits].iloc[0]
            order = "month" if other.index("%m") < other.index("%d") else "day"
            msg = f"The column has {day!r}, so its days are written {order} first."
            raise SourceError(f"{msg} Give date_formats=[{other!r}].")


def check_formats(formats: object) -> list[str]:
    """Return formats of days, one or several, each checked."""
    several = isinstance(formats, Iterable) and not isinstance(formats, str)
    given: list[Any] = list(formats) if several else [formats]  # type: ignore[call-overload]
    if not given or not all(isinstance(form, str) for form in given):
        raise UnknownChoiceError(f"date_formats is {formats!r}. {_FORMAT_NEEDED}")
    for form in given:
        found = f"date_formats holds {form!r}"
        if "%y" in form.replace("%%", ""):
            raise UnknownChoiceError(f"{found}, whose year has two digits. Use '%Y', with four.")
        try:
            datetime.strptime("", form)
        except ValueError as error:
            if "directive" in str(error) or "stray" in str(error):
                raise UnknownChoiceError(f"{found}. {_FORMAT_NEEDED}") from None
        if "%" not in form:
            raise UnknownChoiceError(f"{found}. {_FORMAT_NEEDED}")
    for one, other in combinations(given, 2):
        day = datetime(2018, 3, 4, tzinfo=UTC)
        if _local(day.strftime(one), other) not in (None, _local(day.strftime(one), one)):
            msg = f"date_formats holds {one!r} and {other!r}, which read one text as two days."
            raise UnknownChoiceError(f"{msg} Give the one that the column is written in.")
    return given
