"""Conditions: the questions of a count, written for the scan of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError
from sanctlib.frames import quoted
from sanctlib.periods import Period, period_start
from sanctlib.query import Pair

JOINED = ("measures", "conduct", "located_in")
"""Columns of `;`-joined parts: a key taken from one counts a row once under each part."""


class Span:
    """The days asked for, as SQL conditions on `date` and `date_last`."""

    def __init__(self, start: date | None, end: date | None) -> None:
        if start is not None and end is not None and end < start:
            raise SanctlibError(f"A span needs start <= end, got {start!s} and {end!s}.")
        self.start, self.end = start, end
        # Days can carry hours, so the end is the morning after.
        self.first = None if start is None else _day(start)
        self.after = None if end is None else _day(end + timedelta(days=1))

    def touched(self) -> list[str]:
        """Return what holds for rows that can lie in the span: those of no known day too."""
        # Written with OR, which reaches the scan of a Parquet file; coalesce does not.
        first, after = self.first, self.after
        bounds = [] if first is None else [f"(date_last >= {first} OR date_last IS NULL)"]
        return bounds + ([] if after is None else [f"(date < {after} OR date IS NULL)"])

    def held(self) -> str:
        """Return what holds for rows that must lie in the span."""
        bounds = [] if self.first is None else [f"date >= {self.first}"]
        bounds += [] if self.after is None else [f"date_last < {self.after}"]
        return f"coalesce({' AND '.join(bounds) or 'TRUE'}, FALSE)"

    def of_cells(self, every: Period, known: Coverage | None) -> str:
        """
        Return what holds for cells of periods wholly inside, and of none.

        A period that the source's own first or last day cuts is inside with that day.
        """
        # In days alone, on the grid that the cells are on: intervals are an engine's own.
        bounds = ["TRUE"]
        if self.start is not None:
            cut = known is not None and self.start <= known.first
            first = _begun(self.start, every) if cut else self.start
            bounds.append(f"period >= {_day(first)}")
        if self.end is not None:
            cut = known is not None and self.end >= known.last
            after = self.end + timedelta(days=1)
            bounds.append(f"period < {_day(after if cut else _begun(after, every))}")
        return f"(period IS NULL OR ({' AND '.join(bounds)}))"


def _begun(day: date, every: Period) -> date:
    begun: pd.Timestamp = period_start(pd.Series([pd.Timestamp(day)]), every=every).iloc[0]
    return begun.date()


def _day(day: date) -> str:
    return f"DATE '{day:%Y-%m-%d}'"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def kept_rows(kept: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what holds for rows that have one of the values kept in each column."""
    conditions = []
    for column, values in kept.items():
        listed = ", ".join(_text(v) for v in values)
        condition = f"{quoted(column)} IN ({listed})"
        if column in JOINED:
            # In words that every engine has: an array operator is not one of them.
            held = f"';' || {quoted(column)} || ';'"
            condition = " OR ".join(f"strpos({held}, {_text(f';{v};')}) > 0" for v in values)
        conditions.append(f"({condition})" if values else "FALSE")
    return conditions


def between(pairs: Sequence[Pair] | None) -> list[str]:
    """Return what holds for acts between the two states of a pair, in either direction."""
    if pairs is None:
        return []
    ways = [
        f"({_text(a)}, {_text(b)})" for one, other in pairs for a, b in ((one, other), (other, one))
    ]
    # A scan knows no pairs of columns: what it can do is done first.
    states = sorted({state for pair in pairs for state in pair})
    both = kept_rows({"sender": states, "target": states})
    return [*both, f"(sender, target) IN ({', '.join(ways)})"] if ways else ["FALSE"]


def on_a_side(states: Sequence[str] | None) -> list[str]:
    """Return what holds for acts with one of the states on either side."""
    sides = [] if states is None else kept_rows({"sender": states, "target": states})
    return [" OR ".join(sides)] if sides else []
