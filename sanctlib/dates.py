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


def day_in_words(day: date) -> str:
    """Return a day as text has it, in English whatever the locale: "5 December 2023"."""
    return f"{day.day} {pd.Timestamp(day).month_name()} {day.year}"


def in_words(first: pd.Timestamp, last: pd.Timestamp, *, every: Period) -> str:
    """Return the periods that begin from one day to another in words: "March to May 2022"."""

    def named(day: pd.Timestamp) -> str:
        if every == "year":
            return str(day.year)
        if every == "quarter":
            return f"quarter {day.quarter} of {day.year}"
        return f"{day.month_name()} {day.year}" if every == "month" else day_in_words(day)

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
# A day with a time: what a Timestamp is as text. Its day is that of the place, whatever the offset.
_TIMED = r"(\d{4}-\d\d-\d\d)[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)? ?(?:Z|[+-]\d\d:?\d\d)?"
_FORMAT_NEEDED = "A format is text with directives such as '%d/%m/%Y'."


def first_and_last(
    text: pd.Series, formats: Sequence[str], *, partial: bool = True
) -> pd.DataFrame:
    """
    Return ``first`` and ``last``, the days that each text can mean; missing where it means none.

    A format without a day means a month, one without a month a year; with `partial`, so does
    text as ``2022-08`` or ``2022``, and ``2022-08-05`` means that day, whatever the formats.
    """
    found = _read(text, formats, partial=partial)
    year = found["first"].dt.year
    return found.where(year.ge(POSSIBLE[0]) & year.lt(POSSIBLE[1]))


def _read(text: pd.Series, formats: Sequence[str], *, partial: bool) -> pd.DataFrame:
    """Return `first_and_last` of any year."""
    found = pd.DataFrame(
        {"first": pd.NaT, "last": pd.NaT}, index=text.index, dtype="datetime64[us]"
    )
    # Years in a column with gaps are fractions: 2018.0.
    text = text.astype("str").str.strip().str.replace(r"^(\d{4}|\d{8})\.0$", r"\1", regex=True)
    forms = [(form, text, text.notna()) for form in formats]
    timed = text.str.extract(f"^{_TIMED}$", expand=False)
    forms.append(("%Y-%m-%d", timed, timed.notna()))
    if partial:
        digits = text.str.fullmatch(r"[\d-]+").fillna(value=False)
        days = {} if any(form.startswith("%Y-%d") for form in formats) else {10: "%Y-%m-%d"}
        lengths = text.str.len()
        forms += [(f, text, digits & lengths.eq(n)) for n, f in (_PARTIAL | days).items()]
    for form, written, may in forms:
        missing = may & found["first"].isna() & ~text.str.casefold().isin(["now", "today"])
        # The parser also takes "2018011", cut short, for the first of January.
        missing &= text.str.len().eq(8) if form == "%Y%m%d" else True
        if missing.any():
            found.loc[missing] = _fitting(written[missing], form)
    return found


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
    wrong = text[found["first"].isna() & text.notna()]
    why = _why_none(wrong, formats, column="date", partial=partial).reindex(text.index)
    return found.assign(why=why.where(text.notna(), "no date"))


def days_in(
    rows: pd.DataFrame,
    formats: Sequence[str],
    *,
    named: bool = False,
    within: tuple[date, date] | None = None,
) -> tuple[dict[str, pd.Series], pd.Series]:
    """
    Return the days of text columns, and why a row has none.

    The first column must be filled. It and ``date_last`` may be months or years, whose last day
    becomes ``date_last``. With `named` a reason says which text is in none of the formats. A row
    must have a day of `within`, the first and the last day of a coverage.
    """
    columns = [str(column) for column in rows]
    first = columns[0]
    why = pd.Series(pd.NA, index=rows.index, dtype="object")
    ends: dict[str, pd.Series] = {}
    days: dict[str, pd.Series] = {}
    for column in columns:
        text, partial = rows[column], column in (first, "date_last")
        found = first_and_last(text, formats, partial=partial)
        days[column], ends[column] = found["first"], found["last"]
        wrong = text[text.notna() & found["first"].isna()]
        if column == first:
            why[text.isna()] = f"no {column}"
        reasons = _why_none(wrong, formats, column=column, partial=partial, named=named)
        why[wrong.index] = reasons.astype("object")
    last = ends.get("date_last", ends[first]).fillna(ends[first])
    why[last.lt(days[first]) & why.isna()] = f"date_last is before {first}"
    if within is not None:
        out = last.lt(pd.Timestamp(within[0])) | days[first].gt(pd.Timestamp(within[1]))
        outside = f" is outside the coverage, {within[0]} to {within[1]}"
        why = why.mask(out & why.isna(), f"{first} " + rows[first].str.strip().map(repr) + outside)
    return days | {"date_last": last}, why


def _why_none(
    text: pd.Series, formats: Sequence[str], *, column: str, partial: bool, named: bool = False
) -> pd.Series:
    """Return the reason why each text is not a day of `column`."""
    shown = text.str.strip().map(repr)
    other = f"{column} " + shown
    why = f"impossible {column}: " + shown
    if named:
        forms = _forms(formats)
        strange = ~text.str.strip().map(_form).isin(forms)
        why = why.mask(strange, other + " is in none of the date_formats")
    far = _read(text, formats, partial=partial)["first"].notna()
    years = f"{POSSIBLE[0]} to {POSSIBLE[1] - 1} of the Gregorian calendar"
    return why.mask(far, other + f" is outside the years {years}")


def _forms(formats: Sequence[str]) -> set[str]:
    """Return the form of each text that a format reads; names of months are a form each."""
    days = [datetime(2018, month, 28, tzinfo=UTC) for month in range(1, 13)]
    return {"9999", "9999-99", *(_form(day.strftime(form)) for day in days for form in formats)}


def _form(text: str) -> str:
    """Return text with 9 for each digit; a day or month may have one digit, any offset is one."""
    text = re.sub(r"([+-]\d\d:?\d\d|z)$", "+0000", text.casefold())
    return re.sub(r"\d", "9", re.sub(r"(?<!\d)\d(?!\d)", "99", text))


def check_order(text: pd.Series, formats: Sequence[str], *, guessed: bool = False) -> None:
    """
    Check that a column of days is not written month first where a format has the day first.

    With `guessed` formats, which the user did not choose, a day must show which it is.
    """
    for form in formats:
        other = form.replace("%d", "%\\0").replace("%m", "%d").replace("%\\0", "%m")
        if other == form or form.startswith("%Y"):
            continue
        day, turned = (first_and_last(text, [f], partial=False)["first"] for f in (form, other))
        only, only_turned = day.notna() & turned.isna(), turned.notna() & day.isna()
        either = text[day.notna() & turned.notna() & day.ne(turned)]
        if only_turned.sum() > only.sum():
            order = "month" if other.index("%m") < other.index("%d") else "day"
            msg = f"The column has {text[only_turned].iloc[0]!r}, so its days are written {order}"
            raise SourceError(f"{msg} first. Give date_formats=[{other!r}].")
        if guessed and len(either) and only_turned.sum() == only.sum():
            msg = f"The column has {either.iloc[0]!r}, and does not show whether day or month is"
            raise SourceError(f"{msg} first. Give date_formats=[{form!r}] or [{other!r}].")


def check_formats(formats: object) -> list[str]:
    """Return formats of days, one or several, each checked."""
    several = isinstance(formats, Iterable) and not isinstance(formats, str)
    given: list[Any] = list(formats) if several else [formats]  # type: ignore[call-overload]
    if not given or not all(isinstance(form, str) for form in given):
        raise UnknownChoiceError(f"date_formats is {formats!r}. {_FORMAT_NEEDED}")
    for form in given:
        found = f"date_formats holds {form!r}"
        if re.search("%[yxDg]", form.replace("%%", "")):
            raise UnknownChoiceError(f"{found}, whose year has two digits. Use '%Y', with four.")
        # What a format writes it must read as the same day, month or year.
        day = datetime(2018, 11, 28, tzinfo=UTC)
        read = None if "%" not in form else _local(day.strftime(form), form)
        width = {"D": 10, "M": 7, "Y": 4}[_unit(form)]
        if read is None:
            raise UnknownChoiceError(f"{found}. {_FORMAT_NEEDED}")
        if str(read)[:width] != str(day)[:width]:
            msg = f"{found}, from which no year, month and day follow."
            raise UnknownChoiceError(f"{msg} {_FORMAT_NEEDED}")
    for one, other in combinations(given, 2):
        day = datetime(2018, 3, 4, tzinfo=UTC)
        if _local(day.strftime(one), other) not in (None, _local(day.strftime(one), one)):
            msg = f"date_formats holds {one!r} and {other!r}, which read one text as two days."
            raise UnknownChoiceError(f"{msg} Give the one that the column is written in.")
    return given
