"""Pairs: two states that were both there, and a question about them that has an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import check_states, countries
from sanctlib.errors import CoverageError, SanctlibError
from sanctlib.metrics.grid import check_order, lived_groups
from sanctlib.metrics.intervals import check_level
from sanctlib.periods import Period, period_end
from sanctlib.reading import Reading
from sanctlib.schema import Pair

Flags = NDArray[np.bool_]


def pairs_of(pair: Pair | Sequence[Pair], *, needed_by: str, ordered: bool = True) -> list[Pair]:
    """
    Return the pairs asked for, each checked: one, or several.

    Raises
    ------
    SanctlibError
        For no pair, a pair that is none, or the same twice; in either order unless `ordered`.
    UnknownChoiceError
        For a code that is no state's.
    """
    single = bool(pair) and isinstance(pair[0], str)
    asked = cast("list[Pair]", [pair] if single else list(pair))
    if not asked:
        raise SanctlibError(f"{needed_by} needs one pair of states or more, like ('RUS', 'IRN').")
    named: list[Pair] = []
    for one in asked:
        check_pair(one, needed_by=needed_by)
        first, second = one if ordered else sorted(one)
        if (first, second) in named:
            raise SanctlibError(f"{needed_by}: the pair {first} and {second} is named twice.")
        named.append((first, second))
    return named


def check_pair(pair: Pair, *, needed_by: str) -> None:
    """
    Check that a pair is two different states or territories.

    Raises
    ------
    SanctlibError
        For one state twice, or more than two.
    UnknownChoiceError
        For a code that is no state's, with the closest one.
    """
    if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
        msg = f"{needed_by} needs a pair of two states, like ('RUS', 'IRN'), got {pair!r}."
        raise SanctlibError(msg)
    check_states(pair, needed_by=needed_by)


def lived_together(
    pairs: Sequence[Pair], starts: pd.DatetimeIndex, *, every: Period, needed_by: str
) -> Flags:
    """
    Tell for each pair and period whether both states existed on one of its days.

    Raises
    ------
    SanctlibError
        When two did in none: a zero would be an answer about a state that was not there.
    """
    named = pd.DataFrame(pairs, columns=["first", "second"])
    inside: Flags = lived_groups(named, starts, every=every)
    never = [pair for pair, lived in zip(pairs, inside, strict=True) if not lived.any()]
    if len(starts) and never:
        pair = never[0]
        last = period_end(pd.Series(starts[-1:]), every=every)[0]
        span = f"between {starts[0]:%Y-%m-%d} and {last:%Y-%m-%d}"
        msg = f"{needed_by}: {pair[0]} and {pair[1]} did not both exist on any day {span}"
        raise SanctlibError(f"{msg} ({'; '.join(map(_lives, pair))}).")
    return inside


def check_asked(
    reading: Reading,
    *,
    start: date,
    end: date,
    pair: Pair | None = None,
    level: float | None = None,
) -> None:
    """
    Check a question before anything is computed: its days, its pair and its level.

    A span that the source covers in part passes: what lies outside will be missing, not
    zero. One that lies wholly outside has no answer.

    Parameters
    ----------
    reading : Reading
        The source that will be asked.
    start, end : date
        First and last day.
    pair : tuple of two states, optional
    level : float, optional
        Of an interval.

    Raises
    ------
    SanctlibError
        When `start` lies after `end`, the level outside 0-1, or the states of the pair did
        not both exist on any day of the span.
    UnknownChoiceError
        For a code that is no state's.
    CoverageError
        When the source covers no day of the span.

    Examples
    --------
    >>> from datetime import date
    >>> import sanctlib as sl
    >>> news = sl.load("icews_2018_monthly")
    >>> sl.check_asked(news, start=date(2018, 1, 1), end=date(2018, 10, 31), pair=("RUS", "IRN"))
    """
    name, known = reading.provenance.key, reading.coverage
    check_order(start, end)
    if level is not None:
        check_level(level)
    if known is not None and (end < known.first or start > known.last):
        msg = f"{name!r} covers {known.first} to {known.last}, and no day of {start} to {end}."
        raise CoverageError(msg)
    if pair is not None:
        check_pair(pair, needed_by=name)
        days = pd.date_range(start, end, freq="D")
        lived_together([pair], days, every="day", needed_by=name)


def _lives(state: str) -> str:
    spells = countries()
    of_state = spells[spells["code"].eq(state)]
    days = zip(of_state["from"], of_state["until"], strict=True)
    lives = [
        f"{'…' if pd.isna(a) else a.date()} to {'…' if pd.isna(b) else b.date()}" for a, b in days
    ]
    return f"{state} existed {', '.join(lives)}"
