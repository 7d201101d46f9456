"""Read days written as text, each format in full. Return the first and last day of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pandas as pd

from sanctlib.errors import SourceError, UnknownChoiceError

POSSIBLE = (1600, 2100)
"""The years that a day of our data can have: 1397 is a year of the Iranian calendar."""
_PARTIAL = {4: "%Y", 7: "%Y-%m"}
_FORMAT_NEEDED = "A format is text with directives such as '%d/%m/%Y'."


def first_and_last(
    text: pd.Series, formats: Sequence[str], *, partial: bool = True
) -> pd.DataFrame:
    """
    Return ``first`` and ``last``, the days that each text can mean; missing where it means none.

    A format without a day means a month, one without a month a year; with `partial`, so does
    text as ``2022-08`` or ``2022``, whatever the formats.
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

    The first column must be filled. It and ``date_last`` may be months or years, whose last day
    becomes ``date_last``. With `named` a reason says which text is in none of the formats.
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
            msg = (
                f"The column has {day!r}, so its days are written {order} first. Give date_formats="
            )
            raise SourceError(f"{msg}[{other!r}].")


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
