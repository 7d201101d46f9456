"""Keep the days and states that a source covers. Return which periods can have a true zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TypeAlias

import numpy as np
import pandas as pd

from sanctlib.dates import Day, Period, day_of, period_end
from sanctlib.errors import CoverageError, UnknownChoiceError
from sanctlib.showing import Shown

Span: TypeAlias = tuple[date, date, str]
Break: TypeAlias = tuple[date, str]
Window: TypeAlias = tuple[date, date, int]


@dataclass(frozen=True, init=False, repr=False)
class Coverage(Shown):
    """
    State what a source covers: its days, its states, and its gaps.

    A count is 0 only inside the coverage. Outside it, and in a gap, the count is missing,
    because the source does not report on these days.

    Parameters
    ----------
    source : str
        Key or name of the source.
    first, last : day
        First and last day covered: ISO text ("2022", "2022-03" or "2022-03-01"; of a year or
        month, `first` is its first day and `last` its last), a date or a datetime.
    states : sequence of str, optional
        Codes of the states that the source covers; all states by default.
    senders : sequence of str, optional
        Codes of the parties that the source can name as senders; any party by default. The
        counts of other senders are missing, never 0.
    gaps : sequence of (first day, last day, reason), default none
        Days inside the coverage on which the source does not report.
    breaks : sequence of (day, reason), default none
        Changes in how the source is made: counts before and after are not comparable.
    windows : sequence of (first day, last day, number), default none
        Days of which the source was drawn separately, and how many actors each draw names.
        Rates per all acts cannot be compared between windows with different actors.
    uncoded : sequence of (first day, last day, action), default none
        Actions that the source does not code on these days. Their counts are missing there,
        never 0.
    survivors : bool, default False
        Whether the source lists only the entries still there on its last day. Entries removed
        before are then missing, and counts of earlier periods are lower bounds.

    Raises
    ------
    SanctlibError
        For a day that is a number or another text, or that has a time zone.
    UnknownChoiceError
        For `states` or `senders` that are one text.
    CoverageError
        For a first day after the last.

    Examples
    --------
    >>> Coverage(source="my list", first="2018", last="2018-10")
    my list: 2018-01-01 to 2018-10-31, all states
    """

    source: str
    first: date
    last: date
    states: frozenset[str] | None
    senders: frozenset[str] | None
    gaps: tuple[Span, ...]
    breaks: tuple[Break, ...]
    windows: tuple[Window, ...]
    uncoded: tuple[Span, ...]
    survivors: bool

    def __init__(
        self,
        *,
        source: str,
        first: Day,
        last: Day,
        states: Iterable[str] | None = None,
        senders: Iterable[str] | None = None,
        gaps: Iterable[tuple[Day, Day, str]] = (),
        breaks: Iterable[tuple[Day, str]] = (),
        windows: Iterable[tuple[Day, Day, int]] = (),
        uncoded: Iterable[tuple[Day, Day, str]] = (),
        survivors: bool = False,
    ) -> None:
        begun, ended = _span(first, last, f"The coverage of {source!r}")
        of_gap = partial(_span, what=f"A gap of {source!r}", of=" of a gap")
        of_window = partial(_span, what=f"A window of {source!r}", of=" of a window")
        of_kind = partial(_span, what=f"Uncoded days of {source!r}", of=" of uncoded days")
        values: dict[str, object] = {
            "source": source,
            "first": begun,
            "last": ended,
            "states": _codes(states, "states"),
            "senders": _codes(senders, "senders"),
            "gaps": tuple((*of_gap(a, b), why) for a, b, why in gaps),
            "breaks": tuple((day_of(day, what="The day of a break"), why) for day, why in breaks),
            "windows": tuple((*of_window(a, b), int(n)) for a, b, n in windows),
            "uncoded": tuple((*of_kind(a, b), action) for a, b, action in uncoded),
            "survivors": survivors,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _shown(self) -> list[str]:
        gaps = [f"Gap {first} to {last}: {why}" for first, last, why in self.gaps]
        breaks = [f"Break on {day}: {why}" for day, why in self.breaks]
        drawn = [f"Window {first} to {last}: {n:,} actors" for first, last, n in self.windows]
        kinds = [f"Not coded {first} to {last}: {action}" for first, last, action in self.uncoded]
        return ["\n".join([self.describe(), *drawn, *gaps, *breaks, *kinds])]

    def covers(self, starts: pd.Series, *, every: Period) -> pd.Series:
        """
        Return for each period whether the source covers every day of it.

        A period that the first or last day of the source, or a gap, interrupts is not
        covered: its count is a lower bound.

        Parameters
        ----------
        starts : Series of datetime64
            First days of periods.
        every : {"day", "week", "month", "quarter", "year"}
            Length of a period.

        Returns
        -------
        Series of bool
            On the index of `starts`.
        """
        ends = period_end(starts, every=every)
        return self.days(starts, ends).eq((ends - starts).dt.days + 1)

    def days(self, firsts: pd.Series, lasts: pd.Series) -> pd.Series:
        """
        Return how many days the source covers from each first day to its last day.

        Parameters
        ----------
        firsts, lasts : Series of datetime64
            First and last days, on one index. A missing day, or a last day before the first,
            gives 0.

        Returns
        -------
        Series of int64
            On the index of `firsts`.
        """
        # Days are numbered from the first one covered; `upto` counts the covered ones before each.
        covered = np.ones((self.last - self.first).days + 1, dtype=bool)
        for first, last, _ in self.gaps:
            begin, end = ((day - self.first).days for day in (first, last))
            covered[max(begin, 0) : max(end + 1, 0)] = False
        upto = np.concatenate([[0], covered.cumsum()])
        begins, ends = (
            (days - pd.Timestamp(self.first)).dt.days.add(more).clip(0, len(covered)).fillna(0)
            for days, more in ((firsts, 0), (lasts, 1))
        )
        n = upto[ends.astype("int64")] - upto[begins.astype("int64")]
        return pd.Series(np.where(firsts.isna() | lasts.isna(), 0, n.clip(0)), index=firsts.index)

    def between(self, start: date | None, end: date | None) -> Coverage:
        """
        Return the coverage of these days only.

        Raises
        ------
        CoverageError
            For days that the source does not cover.
        """
        first, last = max(start or self.first, self.first), min(end or self.last, self.last)
        if first > last:
            days = f"{start or 'its first day'} to {end or 'its last day'}"
            msg = f"{self.source!r} covers {self.first} to {self.last}"
            raise CoverageError(f"{msg}, which has no day of {days}.")
        gaps = [gap for gap in self.gaps if gap[0] <= last and gap[1] >= first]
        breaks = [turn for turn in self.breaks if first <= turn[0] <= last]
        kinds = [kind for kind in self.uncoded if kind[0] <= last and kind[1] >= first]
        return replace(
            self,
            first=first,
            last=last,
            gaps=tuple(gaps),
            breaks=tuple(breaks),
            windows=self.windows_in(first, last),
            uncoded=tuple(kinds),
        )

    def windows_in(self, start: date | None, end: date | None) -> tuple[Window, ...]:
        """Return the windows that have a day from `start` to `end`."""
        return tuple(
            window
            for window in self.windows
            if (end is None or window[0] <= end) and (start is None or window[1] >= start)
        )

    def describe(self) -> str:
        """Return the coverage in one line, for captions."""
        n = "all states" if self.states is None else _number(len(self.states), "state")
        text = f"{self.source}: {self.first} to {self.last}, {n}"
        if self.windows:
            text += f", {_number(len(self.windows), 'window')}"
        if self.gaps:
            text += f", {_number(len(self.gaps), 'gap')}"
        return text + (", survivors only" if self.survivors else "")


def _number(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _span(first: object, last: object, what: str, *, of: str = "") -> tuple[date, date]:
    begun = day_of(first, what=f"first{of}")
    ended = day_of(last, what=f"last{of}", last=True)
    if ended < begun:
        msg = f"{what} goes from {begun} to {ended}. Its first day must not be after its last."
        raise CoverageError(msg)
    return begun, ended


def _codes(values: Iterable[str] | None, what: str) -> frozenset[str] | None:
    if isinstance(values, str):
        raise UnknownChoiceError(f"{what} is {values!r}. It must be a list, such as [{values!r}].")
    return None if values is None else frozenset(values)


def check_coverage(coverage: object) -> None:
    """Check that an argument is a coverage, or was left out."""
    if coverage is not None and not isinstance(coverage, Coverage):
        msg = f"coverage is {coverage!r:.80}. It must be a Coverage"
        raise UnknownChoiceError(f"{msg}: sl.Coverage(source=…, first=…, last=…).")
