"""Series: columns of a tidy table as numbers, one per period, without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.periods import Period, period_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Series:
    """
    Columns of a table in order of time.

    `numbers` are n x columns, `every` says of what length the periods are (None for
    numbered ones), `dropped` how many periods at the ends had no value.
    """

    periods: pd.Series
    numbers: Floats
    every: Period | None
    dropped: int

    def place(self, at: date | int, *, needed_by: str) -> int:
        """
        Return the number, from 0, of the period that holds a date; -1 where it is before all.

        Raises
        ------
        SanctlibError
            For a number where periods are dates, or a date where they are numbers.
        """
        if isinstance(at, int) != (self.every is None):
            kind = "a number" if self.every is None else "a date"
            raise SanctlibError(f"{needed_by} needs {kind}, as the periods are, got {at!r}.")
        moment = at if isinstance(at, int) else np.datetime64(at)
        return int(np.searchsorted(self.periods.to_numpy(), moment, side="right")) - 1

    def note(self) -> str:
        """Return the sentence on what was read."""
        first, last = (str(p)[:10] for p in (self.periods.iloc[0], self.periods.iloc[-1]))
        return (
            f"{len(self.periods)} periods, {first} to {last}; {self.dropped} at the ends dropped: "
            "no value, or not wholly covered."
        )


def series_of(
    table: pd.DataFrame, columns: Sequence[str], *, period: str, needed_by: str
) -> Series:
    """
    Return columns of a table as one series each.

    A period that the source does not wholly cover (``covered``, or ``covered_x`` and
    ``covered_y`` of merged tables) has no value: what was seen there is a lower bound.
    At the ends such periods are dropped and counted, between others they are refused.

    Raises
    ------
    SanctlibError
        For a period that occurs twice, a gap, or no value at all.
    MissingColumnsError
    """
    if not isinstance(table, pd.DataFrame):
        msg = f"{needed_by} needs a table with a row per period, as sanction_counts returns it"
        raise SanctlibError(f"{msg}, got a {type(table).__name__}.")
    check_columns(table, [period, *columns], needed_by=needed_by)
    rows = table[table[period].notna()].sort_values(period).reset_index(drop=True)
    twice = rows.loc[rows[period].duplicated(), period]
    if len(twice):
        msg = f"{needed_by} needs one row per period, and {str(twice.iloc[0])[:10]!r} has several"
        raise SanctlibError(f"{msg}: choose one group of the table first.")
    values = rows[list(columns)].astype("float64")
    for covered in (c for c in rows if str(c) in ("covered", "covered_x", "covered_y")):
        values = values[rows[covered].fillna(value=False).astype("bool")].reindex(values.index)
    known = values.notna().all(axis=1).to_numpy()
    if not known.any():
        msg = f"{needed_by} finds no period with a value that is known to be covered. A table made"
        raise SanctlibError(f"{msg} without coverage, or of a hand-picked list, is no series.")
    first, after = int(known.argmax()), len(known) - int(known[::-1].argmax())
    inside = slice(first, after)
    periods = rows[period].iloc[inside].reset_index(drop=True)
    gap = f"{needed_by} needs every period between the first and the last"
    if not known[inside].all():
        at = str(periods[int(known[inside].argmin())])[:10]
        raise SanctlibError(f"{gap}, and {at!r} has no value or is not wholly covered.")
    dated = pd.api.types.is_datetime64_dtype(periods)
    every = period_of(periods) if dated else None
    if every is None and (dated or not periods.diff().iloc[1:].eq(1).all()):
        raise SanctlibError(f"{gap}: days, weeks, months, quarters or years in a row, or numbers.")
    return Series(
        periods=periods,
        numbers=np.asarray(values.iloc[inside], dtype="float64"),
        every=every,
        dropped=len(known) - (after - first),
    )
