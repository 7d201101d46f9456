"""Lay counts out over periods and keys. Return zeros only inside coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import countries, existed, name_of, resolve
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, period_end, period_range, period_start
from sanctlib.engines import Opened
from sanctlib.errors import CoverageError, SanctlibError
from sanctlib.query import Pair, Query, keys_of, state_of

Flags = NDArray[np.bool_]


def periods_asked(
    observed: pd.Series,
    *,
    every: Period,
    start: date | None,
    end: date | None,
    coverage: Coverage | None,
) -> tuple[pd.DatetimeIndex, Flags]:
    """
    Return the periods of a result, in order, and which are in coverage and span on every day.

    With coverage: all periods of the span requested, by default those of the coverage
    and of anything observed. Without: only the observed ones, none of them covered.
    """
    seen = pd.DatetimeIndex(observed.dropna().drop_duplicates().sort_values(), name="period")
    since, until = (None if day is None else pd.Timestamp(day) for day in (start, end))
    if coverage is None:
        low, high = period_start(pd.Series([since, until], dtype="datetime64[us]"), every=every)
        kept = (pd.isna(low) | (seen >= low)) & (pd.isna(high) | (seen <= high))
        return seen[kept], np.zeros(int(kept.sum()), dtype=bool)
    first, last = pd.Timestamp(coverage.first), pd.Timestamp(coverage.last)
    first = since or min([first, *seen[:1]])
    last = until or max([first, last, *seen[-1:]])
    periods = period_range(min(first, last), last, every=every)
    starts = pd.Series(periods)
    whole = coverage.covers(starts, every=every)
    if since is not None:
        whole &= starts.ge(since)
    if until is not None:
        whole &= period_end(starts, every=every).le(until)
    return periods, whole.to_numpy(dtype=bool)


def covered_groups(
    groups: pd.DataFrame,
    *,
    coverage: Coverage | None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> Flags:
    """
    Return which groups a source covers: those with a party that is a state it covers.

    `senders` and `targets` are those that the query was narrowed to: where the source
    covers all of one of them, it covers every group of the result. A group is not covered
    if the source cannot name its sender, nor is a sum over senders that it cannot all name.
    """
    told = np.ones(len(groups), dtype=bool)
    if coverage is None:
        return told
    states, nameable = coverage.states, coverage.senders
    if nameable is not None and "sender" in groups:
        told = groups["sender"].isin([*nameable, pd.NA]).to_numpy()
    elif nameable is not None:
        told &= set(senders or ()) <= nameable
    parties = [c for c in ("sender", "target", "first", "second") if c in groups]
    narrowed = [set(names) for names in (senders, targets) if names]
    if states is None or not parties or any(names <= states for names in narrowed):
        return told
    return told & groups[parties].isin(states).any(axis=1).to_numpy()


def groups_that_existed(
    groups: pd.DataFrame,
    periods: pd.DatetimeIndex,
    *,
    every: Period,
    succession: Literal["strict", "dominant"] = "strict",
) -> Flags:
    """
    Return for each group and period whether its states existed together on one of its days.

    A state that did not exist has no zero. Blocs and unknown parties count as existing.
    """
    there = np.zeros((len(groups), len(periods)), dtype=bool)
    if periods.empty:
        return there
    parties = [c for c in ("sender", "target", "first", "second") if c in groups]
    states = countries().query("kind != 'region'")
    named = {code for side in parties for code in groups[side].unique()}
    states = states[states["code"].isin(named)]
    # Spells overlap from the later of their first days on, or from the period's.
    last = period_end(pd.Series(periods[-1:]), every=every)[0]
    born = states["from"][states["from"].between(periods[0], last)]
    days = pd.Series(sorted({*periods, *born}), dtype="datetime64[us]")
    at = periods.get_indexer(pd.DatetimeIndex(period_start(days, every=every)))
    days, at = days[at >= 0], at[at >= 0]
    codes = pd.Index(states["code"].unique())
    alive = np.vstack([_existed(codes, days, succession), np.ones((1, len(days)), dtype=bool)])
    # A party that is no state takes the last row, which is true on all days.
    sides = [alive[codes.get_indexer(groups[side])] for side in parties]
    together = np.logical_and.reduce([np.ones((len(groups), len(days)), dtype=bool), *sides])
    first = np.flatnonzero(np.diff(at, prepend=-1))
    there[:, at[first]] = np.logical_or.reduceat(together, first, axis=1)
    return there


def _existed(codes: pd.Index, days: pd.Series, succession: str) -> Flags:
    """Return whether each state existed on each day, of shape (states, days)."""
    names = pd.Series(np.repeat(codes, len(days)), dtype="str")
    dates = pd.Series(np.tile(days, len(codes)), dtype="datetime64[us]")
    if succession == "strict":
        alive = existed(names, dates)
    else:
        alive = resolve(names, dates=dates, system="iso3", succession="dominant")["code"].notna()
    return alive.to_numpy(dtype=bool).reshape(len(codes), len(days))


def group_codes(
    table: pd.DataFrame, by: Sequence[str], *, more: pd.DataFrame | None = None
) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Give each group of a table a number, in the order of the keys, missing last."""
    if not by:
        return np.zeros(len(table), dtype=np.int64), pd.DataFrame(index=range(1))
    keys = list(by)
    found = table[keys].drop_duplicates()
    if more is not None:
        found = pd.concat([found, more[keys].astype(found.dtypes.to_dict())]).drop_duplicates()
    groups = found.sort_values(keys, na_position="last", ignore_index=True)
    # A merge on missing keys matches them with each other, as a group-by does.
    numbered = groups.assign(_code=np.arange(len(groups)))
    codes = table[keys].merge(numbered, on=keys, how="left", validate="many_to_one")["_code"]
    return codes.to_numpy(dtype=np.int64), groups


def laid_out(
    groups: pd.DataFrame,
    periods: pd.DatetimeIndex,
    at: NDArray[np.int64],
    columns: Mapping[str, object],
) -> pd.DataFrame:
    """
    Return one row per cell of `at`: the number of a group times the periods, plus the period.

    The columns are taken as they are, not copied: a table of all dyads is large.
    """
    # Half as wide, numbers divide six times faster.
    width = max(len(periods), 1)
    at = at.astype(np.min_scalar_type(at.max(initial=width)))
    period = periods.to_numpy()[at % width]
    group = at // width
    laid: dict[str, object] = {"period": period}
    laid |= {str(key): groups[key].array.take(group) for key in groups}
    return pd.DataFrame(laid | dict(columns), copy=False)


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


def existed_together(pairs: Sequence[Pair], starts: pd.DatetimeIndex, *, every: Period) -> Flags:
    """Return for each pair and period whether both states existed on one of its days."""
    named = pd.DataFrame(list(pairs), columns=["first", "second"])
    inside: Flags = groups_that_existed(named, starts, every=every)
    never = [pair for pair, existed in zip(pairs, inside, strict=True) if not existed.any()]
    if len(starts) and never:
        pair = never[0]
        last = period_end(pd.Series(starts[-1:]), every=every)[0]
        span = f"between {starts[0]:%Y-%m-%d} and {last:%Y-%m-%d}"
        msg = f"{pair[0]} and {pair[1]} did not both exist on any day {span}"
        raise SanctlibError(
            f"{msg} ({'; '.join(map(_years_of, pair))}). Choose another pair or span."
        )
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


def _years_of(state: str) -> str:
    spells = countries()
    of_state = spells[spells["code"].eq(state)]
    days = zip(of_state["from"], of_state["until"], strict=True)
    lives = [
        f"{'…' if pd.isna(a) else a.date()} to {'…' if pd.isna(b) else b.date()}" for a, b in days
    ]
    return f"{state} existed {', '.join(lives)}"
