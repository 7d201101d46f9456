"""Read columns of a tidy table as series: one number per period, without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.models.inputs import COVERED, are_days, flags, frame, moment_of, numbers, with_periods
from sanctlib.models.sentences import n_of
from sanctlib.periods import Period, in_words, period_end, period_of
from sanctlib.query import Day

Floats = NDArray[np.float64]


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
        first, last = self.periods.iloc[0], self.periods.iloc[-1]
        if self.every is None:
            return f"periods {first} to {last}"
        return in_words(first, last, every=self.every)

    def place(self, value: Day | int, *, what: str = "onset") -> int:
        """Return the number, from 0, of the period that holds a day."""
        moment = moment_of(value, dated=self.every is not None, what=what)
        first, last = self.periods.iloc[0], self.periods.iloc[-1]
        if self.every is not None:
            last = period_end(self.periods.iloc[[-1]], every=self.every).iloc[0]
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

    def arguments(self) -> dict[str, Any]:
        """Return the length of the periods as an argument of `ask`, where they have one."""
        return {"every": self.every} if self.every else {}

    def note(self) -> str:
        """Return the sentence on what was read."""
        span = self.span.removeprefix("periods ")
        text = f"The series has {n_of(len(self.periods), self.unit[:-1])}, {span}."
        if self.dropped:
            text += f" Periods at its ends without a value or full coverage: {self.dropped}."
        return text


def series_of(table: object, columns: Sequence[str]) -> Series:
    """
    Return columns of a table as one series each.

    A period that the source does not fully cover (``covered``, or ``covered_x`` and
    ``covered_y`` of merged tables) has no value, because its count is a lower bound. At the
    ends such periods are dropped and counted; between others they are refused.
    """
    rows = with_periods(frame(table, ["period", *columns]))
    rows = rows.sort_values("period").reset_index(drop=True)
    twice = rows.loc[rows["period"].duplicated(), "period"]
    if len(twice):
        msg = f"Period {str(twice.iloc[0])[:10]!r} has several rows. It must have one:"
        raise SanctlibError(f"{msg} keep one group of the table first.")
    values = numbers(rows, columns)[list(columns)]
    for name in (c for c in rows if c in COVERED):
        values = values[flags(rows[name], what=name)].reindex(values.index)
    known = values.notna().all(axis=1).to_numpy()
    if not known.any():
        msg = "No period has a value that is known to be covered. A table made without coverage,"
        raise SanctlibError(f"{msg} or of a hand-picked list, is not a series.")
    first, after = int(known.argmax()), len(known) - int(known[::-1].argmax())
    inside = slice(first, after)
    periods = rows["period"].iloc[inside].reset_index(drop=True)
    if not known[inside].all():
        at = str(periods[int(known[inside].argmin())])[:10]
        msg = f"Period {at!r} has no value or is not fully covered. A series has no gaps:"
        raise SanctlibError(f"{msg} choose a span without this period.")
    dated = are_days(periods)
    every = period_of(periods) if dated else None
    if every is None and (dated or not periods.diff().iloc[1:].eq(1).all()):
        shown = ", ".join(str(p)[:10] for p in periods.head(3))
        msg = f"The periods {shown} are not in a row. They must be days, weeks, months, quarters"
        raise SanctlibError(f"{msg} or years without gaps, or whole numbers.")
    return Series(
        periods=periods,
        numbers=np.asarray(values.iloc[inside], dtype="float64"),
        every=every,
        dropped=len(known) - (after - first),
    )
