"""Coverage: the days and states a source speaks of, outside which a zero means nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import pandas as pd

from sanctlib.errors import CoverageError
from sanctlib.periods import Period, period_end
from sanctlib.showing import Shown

Span: TypeAlias = tuple[date, date, str]


@dataclass(frozen=True, kw_only=True, repr=False)
class Coverage(Shown):
    """
    What a source covers: first and last day, states, gaps and breaks in its making.

    `states` is None when the source speaks of all states, `senders` when it can name any
    party as a sender: of one that it cannot name it has no zeros. A gap is (first day, last
    day, reason): days of which nothing is known. A break is (day, reason): counts
    before and after it are not of one kind. `survivors` is true of a list as it stood on
    its last day: what was removed before is not in it, and counts of the past have a
    lower bound alone.
    """

    source: str
    first: date
    last: date
    states: frozenset[str] | None = None
    senders: frozenset[str] | None = None
    gaps: tuple[Span, ...] = ()
    breaks: tuple[tuple[date, str], ...] = ()
    survivors: bool = False

    def __post_init__(self) -> None:
        if self.last < self.first:
            msg = f"Coverage of {self.source!r} ends {self.last} before it begins {self.first}."
            raise CoverageError(msg)
        for first, last, why in self.gaps:
            if last < first:
                msg = f"A gap of {self.source!r} ends {last} before it begins {first}: {why}."
                raise CoverageError(msg)

    def _shown(self) -> list[str]:
        gaps = [f"Gap {first} to {last}: {why}" for first, last, why in self.gaps]
        breaks = [f"Break on {day}: {why}" for day, why in self.breaks]
        return ["\n".join([self.describe(), *gaps, *breaks])]

    def covers(self, starts: pd.Series, *, every: Period) -> pd.Series:
        """
        Tell for each period whether the source covers every day of it.

        A period cut by the first or last day of the source, or by a gap, is not
        covered: its count is a lower bound, and its zero is not a zero.
        """
        ends = period_end(starts, every=every)
        inside = starts.ge(pd.Timestamp(self.first)) & ends.le(pd.Timestamp(self.last))
        for first, last, _ in self.gaps:
            inside &= ~(starts.le(pd.Timestamp(last)) & ends.ge(pd.Timestamp(first)))
        return inside

    def describe(self) -> str:
        """Return the coverage in one line, for captions."""
        n = "all states" if self.states is None else f"{len(self.states)} states"
        text = f"{self.source}: {self.first} to {self.last}, {n}"
        if self.gaps:
            text += f", {len(self.gaps)} gaps"
        return text + (", survivors only" if self.survivors else "")
