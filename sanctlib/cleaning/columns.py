"""Turn text into the declared types of columns. Return the draft, wrong rows rejected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from sanctlib.cleaning.distinct import by_value, is_now, shown
from sanctlib.cleaning.draft import Draft
from sanctlib.errors import did_you_mean
from sanctlib.schema import Column

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def type_columns(draft: Draft, columns: Sequence[Column]) -> Draft:
    """
    Give text columns their declared types; a row with a wrong cell is rejected.

    A flag is yes, true or 1, or no, false or 0. Joined values are sorted, once each. A
    missing cell is wrong only where the column must be filled.
    """
    rows = draft.rows.copy(deep=False)
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    for column in columns:
        text = rows[column.name]
        values = by_value(text, partial(typed, column=column))
        wrong = values.isna() & text.notna()
        reasons[wrong] = (f"{column.name} is no {column.kind}: " + shown(text[wrong])).to_numpy()
        if column.choices:
            reasons = reasons.where(reasons.notna(), _unknown(values, column))
        if column.filled:
            reasons[text.isna()] = f"no {column.name}"
        rows[column.name] = values
    return replace(draft, rows=rows).reject(reasons, step="check types")


def typed(text: pd.Series, column: Column) -> pd.Series:
    """Return text as values of a column, missing where it is none."""
    text = text.str.strip()
    return _sorted_parts(text) if column.joined else _parse(text, column)


def _parse(text: pd.Series, column: Column) -> pd.Series:
    if column.kind == "date":
        days = pd.to_datetime(text.where(~is_now(text)), format="ISO8601", errors="coerce")
        return days.astype("datetime64[us]")
    if column.kind == "flag":
        return text.str.casefold().map(_FLAGS).astype("boolean")
    if column.kind in ("integer", "number"):
        numbers = pd.to_numeric(text, errors="coerce")
        count = numbers.mod(1).eq(0) & numbers.ge(0)
        if column.kind == "number":
            return numbers.astype("float64").where(numbers.abs().lt(math.inf))
        return numbers.where(numbers.abs().lt(math.inf) & count)
    return text


def _sorted_parts(text: pd.Series) -> pd.Series:
    def ordered(value: str) -> str | None:
        return ";".join(sorted({part.strip() for part in value.split(";")} - {""})) or None

    return text.map({value: ordered(value) for value in text.dropna().unique()}).astype("str")


def _unknown(text: pd.Series, column: Column) -> pd.Series:
    """Return a reason for each value that is not one of the column's choices."""

    def reason(value: str) -> str | None:
        for part in value.split(";") if column.joined else [value]:
            if part not in column.choices:
                hint = did_you_mean(part, column.choices)
                return f"{column.name} does not know {part!r}.{hint}"
        return None

    return text.map({value: reason(value) for value in text.dropna().unique()}).astype("object")
