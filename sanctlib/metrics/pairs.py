"""Check that a pair and a span can have an answer. Read a query; raise, or return flags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import countries, name_of
from sanctlib.engines import Opened
from sanctlib.errors import CoverageError, SanctlibError
from sanctlib.metrics.grid import lived_groups
from sanctlib.periods import Period, period_end
from sanctlib.query import Pair, Query, keys_of, state_of

Flags = NDArray[np.bool_]

_NAMED = 3
"""How many pairs a title names."""


def check_span(source: Opened, query: Query) -> None:
    """
    Check that a source covers some day of the span requested: otherwise there is no answer.

    A span that is covered in part passes: what lies outside is missing in the result, not 0.
    """
    known, start, end = source.coverage, query.start, query.end
    if known is None:
        return
    before = end is not None and end < known.first
    if not before and not (start is not None and start > known.last):
        return
    if start is None or end is None:
        span = f"up to {end}" if start is None else f"from {start} on"
    else:
        span = f"of {start} to {end}"
    msg = f"{source.name!r} covers {known.first} to {known.last}, and no day {span}."
    raise CoverageError(f"{msg} Choose start and end within it.")


def lived_together(pairs: Sequence[Pair], starts: pd.DatetimeIndex, *, every: Period) -> Flags:
    """Return for each pair and period whether both states existed on one of its days."""
    named = pd.DataFrame(list(pairs), columns=["first", "second"])
    inside: Flags = lived_groups(named, starts, every=every)
    never = [pair for pair, existed in zip(pairs, inside, strict=True) if not existed.any()]
    if len(starts) and never:
        pair = never[0]
        last = period_end(pd.Series(starts[-1:]), every=every)[0]
        span = f"between {starts[0]:%Y-%m-%d} and {last:%Y-%m-%d}"
        msg = f"{pair[0]} and {pair[1]} did not both exist on any day {span}"
        raise SanctlibError(f"{msg} ({'; '.join(map(_lives, pair))}). Choose another pair or span.")
    return inside


def states_of(values: object, *, what: str) -> tuple[str, ...]:
    """Return the codes of two or more states, given as codes or names."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        keys_of(values, what=what)
    named = tuple(dict.fromkeys(state_of(value, what=what) for value in values))  # type: ignore[attr-defined]
    if len(named) < 2:
        found = f"holds {named[0]!r} only" if named else "is empty"
        raise SanctlibError(f"{what} {found}. Name two states or more, such as ['IRN', 'RUS'].")
    return named


def between(acts: pd.DataFrame, pairs: Sequence[Pair]) -> pd.Series:
    """Return which acts are between the two states of a pair, in either direction."""
    ways = [way for two in pairs for way in (two, two[::-1])]
    named = pd.MultiIndex.from_frame(acts[["sender", "target"]])
    return pd.Series(named.isin(ways), index=acts.index)


def in_names(pairs: Sequence[Pair] | None, *, directed: bool = False) -> str:
    """Return the pairs of a query in words, for titles."""
    if pairs is None or len(pairs) > _NAMED:
        text = f"{len(pairs)} pairs of states" if pairs else "all pairs of states"
    else:
        text = "; ".join(f"{name_of(first)} and {name_of(second)}" for first, second in pairs)
    return f"{text}, by direction" if directed else text


def way_in_names(row: Sequence[object], *, directed: bool) -> str:
    """Return a pair, or a sender and its target, in words."""
    first, second = map(name_of, row)
    return f"{first} towards {second}" if directed else f"{first} and {second}"


def periods_of(rows: pd.DataFrame, query: Query) -> str:
    """Return in words how many periods the rows of one pair are: "43 weeks"."""
    return f"{len(rows):,} {query.every}{'' if len(rows) == 1 else 's'}"


def way_columns(*, directed: bool) -> list[str]:
    """Return the names of the two columns that hold a pair in a result."""
    return ["sender", "target"] if directed else ["first", "second"]


def _lives(state: str) -> str:
    spells = countries()
    of_state = spells[spells["code"].eq(state)]
    days = zip(of_state["from"], of_state["until"], strict=True)
    lives = [
        f"{'…' if pd.isna(a) else a.date()} to {'…' if pd.isna(b) else b.date()}" for a, b in days
    ]
    return f"{state} existed {', '.join(lives)}"
