"""Check what a model is given. Read a frame or Result; return days, finite numbers and series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from sanctlib.codes.countries import names_of
from sanctlib.dates import Period, in_words, period_end, period_of
from sanctlib.errors import (
    CuratedError,
    MissingColumnsError,
    SanctlibError,
    SchemaError,
    check_columns,
    check_flat,
)
from sanctlib.query import Day, State, day_of, parties_of, whole_of
from sanctlib.result import Result, Source, frame_of

Floats = NDArray[np.float64]

_COVERED = ("covered", "covered_x", "covered_y")
"""Columns that say whether a source covers a period; the last two are of merged tables."""
_LARGEST = 1e100
"""Numbers beyond it are refused, because their squares and sums have no finite value."""
_MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")
"""The time of day that some programs write behind a day."""
_NOT_NUMBERS = (
    ((date, pd.Period), "days", "the year, such as table[{!r}].dt.year"),
    (timedelta, "lengths of time", "table[{!r}].dt.days"),
    (complex, "complex numbers", "real ones"),
    (object, "text", "pd.to_numeric(table[{!r}])"),
)


def frame(
    table: object, columns: Iterable[object], *, what: str = "table", curated: bool = False
) -> pd.DataFrame:
    """Return a frame, or that of a Result, with these columns; categories become plain values."""
    rows = frame_of(table)
    if not isinstance(rows, pd.DataFrame):
        hint = " Pass its .table." if hasattr(rows, "table") else ""
        if isinstance(rows, pd.Series):
            hint = " Make one: series.rename_axis('period').reset_index(name='n')."
        shown = f" is {rows!r:.60}. It" if rows is None or isinstance(rows, str | Real) else ""
        raise SchemaError(f"The {what}{shown} must be a pandas table or a Result.{hint}")
    listed = [source.key for source in sources_of(table) if source.curated]
    if listed and not curated:
        msg = f"{listed[0]!r} is a hand-picked list, so it has no model. Use it as a timeline."
        raise CuratedError(msg)
    check_flat(rows.columns.nlevels, what=what)
    rows = rows.set_axis([str(name) for name in rows.columns], axis=1)
    wanted = [column_of(name, what="The name of a column") for name in columns]
    try:
        check_columns(rows, wanted)
    except MissingColumnsError as error:
        where = "" if what == "table" else f"In {what}: "
        raise MissingColumnsError(f"{where}{error}") from None
    repeated = rows.columns[rows.columns.duplicated()].intersection([*wanted, *_COVERED])
    if len(repeated):
        raise SchemaError(f"The {what} has several columns {repeated[0]!r}. Keep one of them.")
    categories = rows[wanted].select_dtypes("category")
    return rows.astype({name: rows[name].cat.categories.dtype for name in categories})


def confirmed(onsets: object) -> tuple[object, tuple[str, ...]]:
    """Return onsets, reported acts only where a second one confirms them, and notes on that."""
    if not isinstance(onsets, Result):
        return onsets, ()
    of_acts = "unit" in onsets.query.given and onsets.query.unit == "act"
    of_acts &= onsets.kind == "counts" and {"target", "period", "n"} <= {*onsets.table}
    if of_acts and not any(source.curated for source in onsets.sources):
        onsets = confirmed_onsets(onsets)
    return onsets, (*onsets.notes, *onsets.findings) if onsets.kind == "onsets" else ()


def column_of(value: object, *, what: str) -> str:
    """Return the name of a column."""
    if isinstance(value, str):
        return value
    raise SanctlibError(f"{what} is {value!r}. It must be the name of a column, such as 'n'.")


def sources_of(*tables: object) -> tuple[Source, ...]:
    """Return the sources of the Results among these tables, each once."""
    named = [source for table in tables if isinstance(table, Result) for source in table.sources]
    return tuple(source for i, source in enumerate(named) if source not in named[:i])


def numbers(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return columns as numbers (float64); missing values stay missing."""
    return pd.DataFrame({name: _numbers(rows[name], name) for name in columns}, index=rows.index)


def _numbers(values: pd.Series, name: str) -> pd.Series:
    if not types.is_any_real_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype):
        for value in values.dropna():
            if not isinstance(value, Real | Decimal | np.bool_):
                holds, use = next((h, use) for of, h, use in _NOT_NUMBERS if isinstance(value, of))
                msg = (
                    f"Column {name!r} holds {holds}. It must hold numbers: use {use.format(name)}."
                )
                raise SchemaError(msg)
        values = values.astype("object").where(values.notna(), np.nan)
    values = values.astype("float64")
    n_infinite = int(np.isinf(values).sum())
    if n_infinite:
        msg = f"Column {name!r} is infinite in {n_infinite:,} of {len(values):,} rows. A logarithm"
        raise SchemaError(f"{msg} of 0 is: use np.log1p, or drop these rows.")
    if values.abs().gt(_LARGEST).any():
        msg = f"Column {name!r} holds numbers beyond {_LARGEST:g}. Divide it by a constant first."
        raise SchemaError(msg)
    return values


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
    kind = types.infer_dtype(both)
    if kind.startswith(("mixed", "datetime")):
        msg = "Columns 'first' and 'second' must hold the states of one system of codes, as text"
        raise SchemaError(f"{msg} or numbers.")


def check_labels(values: pd.Series, *, what: str, filled: bool = False) -> None:
    """Check that the names of units, such as states, are all text, or all numbers."""
    n_missing = int(values.isna().sum())
    if filled and n_missing:
        raise SchemaError(f"Column {what!r} is missing in {n_missing:,} rows. Fill or drop them.")
    if values.dtype == "object" and types.infer_dtype(values, skipna=True).startswith("mixed"):
        msg = f"Column {what!r} holds values of several types, such as text and numbers. Make all"
        raise SchemaError(f"{msg} text: .astype(str).")


def days(values: pd.Series, *, what: str = "period") -> pd.Series:
    """
    Return periods as their first days, or as the numbers they are.

    ISO text, dates and pandas Periods become days (datetime64); missing ones stay missing.
    """
    dtype: Any = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        msg = f"Column {what!r} has the time zone {dtype.tz}. A day has none:"
        raise SchemaError(f"{msg} use table[{what!r}].dt.tz_localize(None).")
    if isinstance(dtype, pd.PeriodDtype):
        starts: pd.Series = values.dt.start_time
        return starts.astype("datetime64[us]")
    known = pd.unique(values.dropna())
    # Whole numbers with a missing one among them are floats in a CSV file.
    if len(known) and all(isinstance(v, Real) and _is_number(v) and v % 1 == 0 for v in known):
        return values.astype("Int64" if values.isna().any() else "int64")
    if are_days(values) or types.is_any_real_numeric_dtype(dtype):
        return values
    texts = [_MIDNIGHT.sub("", v.strip()) if isinstance(v, str) else v for v in known]
    first = {v: pd.Timestamp(day_of(t, what=what)) for v, t in zip(known, texts, strict=True)}
    return values.map(first).astype("datetime64[us]")


def _is_number(value: object) -> bool:
    return not isinstance(value, bool | np.bool_)


def with_periods(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a period, with it as a day or a number."""
    rows = rows.assign(period=days(rows["period"]))
    rows = rows[rows["period"].notna()]
    whole = types.is_integer_dtype(rows["period"].dtype)
    return rows.astype({"period": "int64"}) if whole else rows


def are_days(periods: pd.Series | pd.Index) -> bool:
    """Return whether periods are days, and not numbers."""
    return bool(types.is_datetime64_dtype(periods))


def span_of(periods: pd.Index | pd.Series, every: Period | None) -> str:
    """Return the first to the last period, in words."""
    first, last = periods.min(), periods.max()
    return in_words(first, last, every=every) if every else f"periods {first} to {last}"


@dataclass(frozen=True, kw_only=True)
class Series:
    """
    Columns of a table in order of time.

    `numbers` are n x columns, `every` is the length of the periods (None where they are
    numbered), `dropped` how many periods at the ends had no value.
    """

    periods: pd.Series
    numbers: Floats
    every: Period | None
    dropped: int

    @property
    def unit(self) -> str:
        """What the periods are, in the plural."""
        return f"{self.every}s" if self.every else "periods"

    @property
    def span(self) -> str:
        """The first to the last period, in words."""
        return span_of(self.periods, self.every)

    @property
    def given(self) -> dict[str, Any]:
        """The length of the periods as an argument of `ask`, where they have one."""
        return {"every": self.every} if self.every else {}

    @property
    def note(self) -> str:
        """The sentence on what was read."""
        span = self.span.removeprefix("periods ")
        text = f"The series has {n_of(len(self.periods), self.unit[:-1])}, {span}."
        if self.dropped:
            text += f" Periods at its ends without a value or full coverage: {self.dropped}."
        return text

    def place(self, value: Day | int, *, what: str = "onset") -> int:
        """Return the number, from 0, of the period that holds a day."""
        first, last = self.periods.iloc[0], self.periods.iloc[-1]
        moment: Any = value
        if self.every is not None:
            moment = np.datetime64(day_of(value, what=what))
            last = period_end(self.periods.iloc[[-1]], every=self.every).iloc[0]
        elif not isinstance(value, Integral) or isinstance(value, bool):
            msg = f"{what} is {value!r}. It must be a whole number, as the periods are."
            raise SanctlibError(msg)
        if not first <= moment <= last:
            msg = f"{what} is {moment!s}. It must lie in the periods that have values,"
            raise SanctlibError(f"{msg} {first!s:.10} to {last!s:.10}.")
        return int(np.searchsorted(self.periods.to_numpy(), moment, side="right")) - 1

    def named(self, period: Any) -> str:
        """Return one of the periods in words."""
        if self.every is None:
            return f"period {period}"
        text = in_words(period, period, every=self.every)
        return f"the {text}" if self.every == "week" else text


def series_of(table: object, columns: Sequence[str]) -> Series:
    """
    Return columns of a table as one series each.

    A period that the source does not fully cover has no value, because its count is a lower
    bound. At the ends such periods are dropped and counted; between others they are refused.
    """
    rows = with_periods(frame(table, ["period", *columns]))
    rows = rows.sort_values("period").reset_index(drop=True)
    repeated = rows.loc[rows["period"].duplicated(), "period"]
    if len(repeated):
        msg = f"Period {str(repeated.iloc[0])[:10]!r} has several rows. It must have one:"
        raise SanctlibError(f"{msg} keep one group of the table first.")
    values = numbers(rows, columns)[list(columns)]
    has_value = values.notna().all(axis=1)
    for name in rows.columns.intersection([*_COVERED]):
        has_value &= flags(rows[name], what=name)
    valued = np.flatnonzero(has_value)
    if not len(valued):
        msg = "No period has a value that is known to be covered. A table made without coverage,"
        raise SanctlibError(f"{msg} or of a hand-picked list, is not a series.")
    inside = slice(valued[0], valued[-1] + 1)
    periods = rows["period"].iloc[inside].reset_index(drop=True)
    if not has_value[inside].all():
        at = str(periods.iloc[int(has_value[inside].argmin())])[:10]
        msg = f"Period {at!r} has no value or is not fully covered. A series has no gaps:"
        raise SanctlibError(f"{msg} choose a span without this period.")
    every = period_of(periods) if are_days(periods) else None
    if every is None and (are_days(periods) or not periods.diff().iloc[1:].eq(1).all()):
        shown = ", ".join(str(p)[:10] for p in periods.head(3))
        msg = f"The periods {shown} are not in a row. They must be days, weeks, months, quarters"
        raise SanctlibError(f"{msg} or years without gaps, or whole numbers.")
    return Series(
        periods=periods,
        numbers=np.asarray(values.iloc[inside], dtype="float64"),
        every=every,
        dropped=len(rows) - len(periods),
    )


def p_in_words(p: float) -> str:
    """Return a p-value as it is written: "p = 0.03", or "p < 0.001"."""
    if np.isnan(p):
        return "no p-value"
    return "p < 0.001" if p < 0.001 else f"p = {p_number(p)}"


def p_number(p: float) -> str:
    """Return a p-value with two digits, or three where it is small: "0.03", "0.004"."""
    return f"{p:.2f}" if p >= 0.01 else f"{p:.3f}"


def n_of(n: int, word: str) -> str:
    """Return a number with its unit in the singular or plural: "1 lag", "2 lags"."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def with_interval(estimate: float, lower: float, upper: float, level: float) -> str:
    """Return an estimate with its interval, or only the estimate where it has none."""
    text = f"{estimate:,.3g}"
    if np.isnan([lower, upper]).any():
        return text
    return f"{text} ({level:.0%} interval {lower:,.3g} to {upper:,.3g})"


def origin(sources: Sequence[Source]) -> str:
    """Return the sources in brackets, with a space before, or nothing."""
    described = "; ".join(dict.fromkeys(source.described() for source in sources))
    return f" ({described})" if described else ""


def confirmed_onsets(counts: Result, *, listed: Sequence[State] = (), least: int = 2) -> Result:
    """
    Keep reported sanctions that a second act or a source of sanctions confirms.

    A machine codes a tariff, a threat against another state or the fine of a firm as a
    sanction now and then. So one reported act is not an onset: a target has an onset in a
    period with `least` acts or more, or in any period with an act if a source of sanctions
    names it. `event_study` and `sanctioned_pairs` apply this rule with its defaults to counts
    of reported acts.

    Parameters
    ----------
    counts : Result
        Of `sanction_counts` by target, in the unit ``act``.
    listed : sequence of states, default ()
        Targets that a source of sanctions names in the span, as codes or names, such as those
        of a case in the GSDB, or of a country programme in force (see `programmes`).
    least : int, default 2
        Acts on a target in a period, by all senders together, from 1.

    Returns
    -------
    Result
        Its table has the rows of the counts that are confirmed, with ``confirmed`` ("2 acts"
        or "listed"). ``tables["targets"]`` has ``target``, ``n`` (acts), ``n_onsets``
        (periods kept) and ``confirmed``, "not confirmed" if there is none.

    Raises
    ------
    MissingColumnsError
        For counts without targets.
    SanctlibError
        For a listed state that is misspelt, or `least` below 1.

    Examples
    --------
    >>> import sanctlib as sl
    >>> counts = sl.sanction_counts(sl.load("icews_weekly"), every="week", unit="act",
    ...     by=["target"], senders=["USA"], targets=["BLR", "CHE", "MMR"], end="2018-10-28")
    >>> sl.models.confirmed_onsets(counts, listed=["BLR"]).tables["targets"]
      target  n  n_onsets      confirmed
    0    MMR  2         1         2 acts
    1    BLR  1         1         listed
    2    CHE  1         0  not confirmed
    """
    whole_of(least, what="least", least=1)
    rows = counts.table
    check_columns(rows, ["target", "period", "n"])
    rows = rows[rows["n"].gt(0).fillna(value=False) & rows["target"].notna()]
    rows = rows[rows["period"].notna()]
    named = parties_of(listed, what="listed") or ()
    together = rows.groupby(["target", "period"])["n"].transform("sum")
    confirmed = (together.astype("str") + " acts").where(together.ge(least))
    confirmed = confirmed.mask(rows["target"].isin(named), "listed")
    rows = rows.assign(confirmed=confirmed.astype("str"))
    sums = rows.groupby("target").agg(n=("n", "sum"), confirmed=("confirmed", "first"))
    kept = rows[rows["confirmed"].notna()].reset_index(drop=True)
    sums["n_onsets"] = kept.groupby("target")["period"].nunique().reindex(sums.index).fillna(0)
    sums = sums.astype({"n_onsets": "int64"}).sort_values("n", ascending=False, kind="stable")
    sums["confirmed"] = sums["confirmed"].fillna("not confirmed")
    none = sums.index[sums["n_onsets"].eq(0)]
    findings = [f"Targets of confirmed sanctions: {names_of(sums.index.difference(none))}."]
    if len(none):
        findings.append(
            f"Not confirmed, and no onsets: {names_of(none)} (fewer than {least} acts in every "
            "period, and not listed)."
        )
    targets = sums.reset_index()[["target", "n", "n_onsets", "confirmed"]]
    return replace(
        counts,
        table=kept,
        kind="onsets",
        name="Onsets of reported sanctions",
        n=int(kept["n"].sum()),
        notes=(
            f"An onset has {least} reported acts or more on a target in a period, or a target "
            "that a source of sanctions names.",
        ),
        findings=tuple(findings),
        tables={"targets": targets},
    )
