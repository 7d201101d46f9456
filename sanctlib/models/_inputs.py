"""Check what a model is given. Read a frame or Result; return days and finite numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from sanctlib.errors import (
    CuratedError,
    MissingColumnsError,
    SanctlibError,
    SchemaError,
    check_flat,
)
from sanctlib.errors import check_columns as check_names
from sanctlib.query import Day, day_of
from sanctlib.result import Result, Source, frame_of

COVERED = ("covered", "covered_x", "covered_y")
"""Columns that say whether a source covers a period; the last two are of merged tables."""

LARGEST = 1e100
"""Numbers beyond it are refused, because their squares and sums have no finite value."""

_MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")
"""The time of day that some programs write behind a day."""


def frame(
    table: object, columns: Iterable[object], *, what: str = "table", curated: bool = False
) -> pd.DataFrame:
    """Return a frame, or that of a Result, with these columns; categories become plain values."""
    rows = frame_of(table)
    if not isinstance(rows, pd.DataFrame):
        hint = ""
        found = f" is {rows!r:.60}. It" if rows is None or isinstance(rows, str | Real) else ""
        if isinstance(rows, pd.Series):
            hint = " Make one: series.rename_axis('period').reset_index(name='n')."
        elif hasattr(rows, "table"):
            hint = " Pass its .table."
        raise SchemaError(f"The {what}{found} must be a pandas table or a Result.{hint}")
    chosen = [source.key for source in sources_of(table) if source.curated]
    if chosen and not curated:
        msg = f"{chosen[0]!r} is a hand-picked list, so it has no model. Use it as a timeline."
        raise CuratedError(msg)
    check_flat(rows.columns.nlevels, what=what)
    rows = rows.set_axis([str(name) for name in rows.columns], axis=1)
    wanted = [column_of(name, what="The name of a column") for name in columns]
    try:
        check_names(rows, wanted)
    except MissingColumnsError as error:
        raise MissingColumnsError(
            f"In {what}: {error}" if what != "table" else str(error)
        ) from None
    again = rows.columns[rows.columns.duplicated()]
    twice = [name for name in (*wanted, *COVERED) if name in again]
    if twice:
        raise SchemaError(f"The {what} has several columns {twice[0]!r}. Keep one of them.")
    grouped = [
        name for name in dict.fromkeys(wanted) if isinstance(rows[name].dtype, pd.CategoricalDtype)
    ]
    return rows.astype({name: rows[name].cat.categories.dtype for name in grouped})


def column_of(value: object, *, what: str) -> str:
    """Return the name of a column."""
    if isinstance(value, str):
        return value
    raise SanctlibError(f"{what} is {value!r}. It must be the name of a column, such as 'n'.")


def check_bool(value: object, *, what: str) -> None:
    """Check that an argument is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise SanctlibError(f"{what} is {value!r}. It must be True or False.")


def sources_of(*tables: object) -> tuple[Source, ...]:
    """Return the sources of the Results among these tables, each once."""
    found = [source for table in tables if isinstance(table, Result) for source in table.sources]
    return tuple(source for i, source in enumerate(found) if source not in found[:i])


def numbers(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return columns as numbers (float64); missing values stay missing."""
    return pd.DataFrame({c: _numbers(rows[c], c) for c in columns}, index=rows.index)


def _numbers(values: pd.Series, name: str) -> pd.Series:
    dtype: Any = values.dtype
    if types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        msg = f"Column {name!r} holds days. It must hold numbers: use table[{name!r}].dt.year."
        raise SchemaError(msg)
    if types.is_timedelta64_dtype(dtype):
        msg = f"Column {name!r} holds lengths of time. It must hold numbers: use"
        raise SchemaError(f"{msg} table[{name!r}].dt.days.")
    if not types.is_numeric_dtype(dtype):
        known = values.dropna()
        if not known.map(lambda v: isinstance(v, Real | Decimal | np.bool_)).all():
            days = known.map(lambda v: isinstance(v, date | pd.Period)).any()
            what, use = (
                ("days", "the year") if days else ("text", f"pd.to_numeric(table[{name!r}])")
            )
            raise SchemaError(f"Column {name!r} holds {what}. It must hold numbers: use {use}.")
    if types.is_complex_dtype(dtype):
        raise SchemaError(f"Column {name!r} holds complex numbers. It must hold real ones.")
    if dtype == "object":
        values = values.where(values.notna(), np.nan)
    found = values.astype("float64")
    n = int(np.isinf(found.to_numpy()).sum())
    if n:
        msg = f"Column {name!r} is infinite in {n:,} of {len(found):,} rows. A logarithm of 0 is:"
        raise SchemaError(f"{msg} use np.log1p, or drop these rows.")
    if found.abs().gt(LARGEST).any():
        msg = f"Column {name!r} holds numbers beyond {LARGEST:g}. Divide it by a constant first."
        raise SchemaError(msg)
    return found


def flags(values: pd.Series, *, what: str) -> pd.Series:
    """Return a column of yes and no as booleans; missing is no."""
    plain = types.is_bool_dtype(values.dtype) or types.is_numeric_dtype(values.dtype)
    if not plain and not values.dropna().map(lambda v: isinstance(v, bool | np.bool_)).all():
        raise SchemaError(f"Column {what!r} holds text. It must hold True or False.")
    return values.fillna(value=False).astype("bool")


def covered(rows: pd.DataFrame) -> pd.Series:
    """Return in which rows of a panel the source covers the period; all where it is not stated."""
    if "covered" not in rows:
        return pd.Series(data=True, index=rows.index)
    return flags(rows["covered"], what="covered")


def check_sides(rows: pd.DataFrame) -> None:
    """Check that the states of both columns, ``first`` and ``second``, are of one kind."""
    both = pd.concat([rows["first"], rows["second"]]).dropna()
    kind = types.infer_dtype(both) if both.dtype == "object" else ""
    if kind.startswith("mixed") or are_days(both) or isinstance(both.dtype, pd.DatetimeTZDtype):
        msg = "Columns 'first' and 'second' must hold the states of one system of codes, as text"
        raise SchemaError(f"{msg} or numbers.")


def labels(values: pd.Series, *, what: str, filled: bool = False) -> pd.Series:
    """Return the names of units, such as states: all text, or all numbers."""
    n = int(values.isna().sum())
    if filled and n:
        raise SchemaError(f"Column {what!r} is missing in {n:,} rows. Fill or drop them.")
    if values.dtype == "object" and types.infer_dtype(values, skipna=True).startswith("mixed"):
        msg = f"Column {what!r} holds values of several types, such as text and numbers. Make all"
        raise SchemaError(f"{msg} text: .astype(str).")
    return values


def days(values: pd.Series, *, what: str = "period") -> pd.Series:
    """
    Return periods as their first days, or as the numbers they are.

    ISO text, dates and pandas Periods become days (datetime64); missing ones stay missing.
    """
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values = values.astype(dtype.categories.dtype)
        dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        msg = f"Column {what!r} has the time zone {dtype.tz}. A day has none:"
        raise SchemaError(f"{msg} use table[{what!r}].dt.tz_localize(None).")
    if isinstance(dtype, pd.PeriodDtype):
        starts: pd.Series = values.dt.start_time
        return starts.astype("datetime64[us]")
    if types.is_float_dtype(dtype) and (values.dropna() % 1).eq(0).all():
        # Whole numbers with a missing one among them, as a CSV file gives them.
        return values.astype("Int64" if values.isna().any() else "int64")
    if types.is_datetime64_dtype(dtype) or _counts(dtype):
        return values
    known = pd.unique(values.dropna())
    if len(known) and all(isinstance(v, Integral) and not isinstance(v, bool) for v in known):
        return values.astype("Int64" if values.isna().any() else "int64")
    first = {v: pd.Timestamp(day_of(_without_time(v), what=what)) for v in known}
    return values.map(first).astype("datetime64[us]")


def with_periods(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a period, with it as a day or a number."""
    rows = rows.assign(period=days(rows["period"]))
    rows = rows[rows["period"].notna()]
    whole = types.is_integer_dtype(rows["period"].dtype)
    return rows.astype({"period": "int64"}) if whole else rows


def _counts(dtype: Any) -> bool:
    return types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype)


def _without_time(value: object) -> object:
    return _MIDNIGHT.sub("", value.strip()) if isinstance(value, str) else value


def are_days(periods: pd.Series | pd.Index) -> bool:
    """Return whether periods are days, and not numbers."""
    return bool(types.is_datetime64_dtype(periods))


def moment_of(value: Day | int, *, dated: bool, what: str) -> Any:
    """Return a day or a number, as the periods are, that numpy compares with them."""
    if dated:
        return np.datetime64(day_of(value, what=what))
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    raise SanctlibError(f"{what} is {value!r}. It must be a whole number, as the periods are.")


def p_in_words(p: float) -> str:
    """Return a p-value as it is written: "p = 0.03", or "p < 0.001"."""
    if p != p:
        return "no p-value"
    return "p < 0.001" if p < 0.001 else f"p = {p_number(p)}"


def p_number(p: float) -> str:
    """Return a p-value with two digits, or three where it is small: "0.03", "0.004"."""
    return f"{p:.2f}" if p >= 0.01 else f"{p:.3f}"


def n_of(n: int, word: str) -> str:
    """Return a number with its unit in the singular or plural: "1 lag", "2 lags"."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def with_interval(estimate: float, lower: float, upper: float, level: float) -> str:
    """Return an estimate with its interval, or alone where it has none."""
    text = f"{estimate:,.3g}"
    if lower != lower or upper != upper:
        return text
    return f"{text} ({level:.0%} interval {lower:,.3g} to {upper:,.3g})"


def ratio_with_interval(row: Mapping[Any, Any], level: float) -> str:
    """Return the ratio of a row whose bounds are logarithms, with its interval."""
    with np.errstate(over="ignore"):
        lower, upper = np.exp([row["lower"], row["upper"]])
    return with_interval(row["ratio"], lower, upper, level)


def origin(sources: Sequence[Source]) -> str:
    """Return the sources in brackets, with a space before, or nothing."""
    described = "; ".join(dict.fromkeys(source.described() for source in sources))
    return f" ({described})" if described else ""
