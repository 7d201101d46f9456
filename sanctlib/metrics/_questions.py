"""Decide whether a table can answer a query, and lay counts out. Read both; return rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.acts import cells_of
from sanctlib.codes.actions import sender_of, states_of
from sanctlib.codes.countries import countries, existed, name_of, resolve
from sanctlib.coverage import Coverage
from sanctlib.dates import (
    PERIODS,
    Period,
    day_in_words,
    period_end,
    period_range,
    period_start,
)
from sanctlib.engines import Opened, fetched
from sanctlib.errors import CoverageError, CuratedError, SanctlibError, check_columns
from sanctlib.query import Query, TargetRule, Unit

Flags = NDArray[np.bool_]

UNITS: dict[str, tuple[Unit, ...]] = {
    "events": ("act", "dyad"),
    "cells": ("act",),
    "cases": ("case", "coalition"),
    "listings": ("entity", "designation"),
    "list_changes": ("entity", "designation"),
    "listing_counts": ("designation",),
}
"""The units in which each kind of table can be counted."""

_RULES: dict[str, tuple[TargetRule, ...]] = {
    "events": ("programme", "conduct", "address"),
    "listings": ("programme", "address"),
}

FLAGS = {"measure": "measures", "objective": "objectives", "trade_extent": "trade_extent"}
"""Keys of which one case may have several, and their columns: such counts do not add up."""

_PARTIES = ("sender", "target", "first", "second")


def are_states(codes: pd.Series) -> pd.Series:
    """Return which codes are those of states: three capital letters."""
    return codes.str.fullmatch("[A-Z]{3}").fillna(value=False).astype("bool")


def check_not_curated(source: Opened, *, what: str) -> None:
    """Check that a table is no hand-picked list: of such a list there is no rate or test."""
    if source.curated:
        msg = f"{source.name!r} is a hand-picked list, so it has no {what}. Use it as a timeline."
        raise CuratedError(msg)


def check_kind(source: Opened, *kinds: str, hint: str = "") -> None:
    """Check that a table is of one of these kinds."""
    if source.kind not in kinds:
        msg = f"{source.name!r} holds {source.kind}. It must hold {' or '.join(kinds)}.{hint}"
        raise SanctlibError(msg)


def check_covered(source: Opened) -> None:
    """Check that it is known what a table covers: elsewhere a zero is not known."""
    if source.coverage is None:
        msg = f"It is not known what {source.name!r} covers, so zero and missing look alike."
        raise SanctlibError(f"{msg} Pass coverage=sl.Coverage(…).")


def rules_of(source: Opened) -> tuple[TargetRule, ...]:
    """Return the rules by which a table of this kind knows its targets."""
    return _RULES.get(source.kind, ("programme",))


def check_rule(source: Opened, query: Query) -> None:
    """Check that the table knows its targets by this rule."""
    if query.target_rule not in rules_of(source):
        has = " or ".join(map(repr, rules_of(source)))
        msg = f"target_rule is {query.target_rule!r}. {source.name!r} holds {source.kind},"
        raise SanctlibError(f"{msg} which have the rule {has}.")


def check_width(source: Opened, query: Query) -> None:
    """Check that some case is dated to a period: of cases known to a year, no month has a count."""
    if source.kind != "cases":
        return
    first, last = (source.small()[day] for day in ("start", "start_last"))
    fits = [
        p for p in PERIODS if period_start(first, every=p).eq(period_start(last, every=p)).any()
    ]
    if fits and query.every not in fits:
        msg = f"every is {query.every!r}, and no case of {source.name!r} is dated that closely."
        raise SanctlibError(f"{msg} Use every={fits[0]!r}.")


def check_span(source: Opened, query: Query) -> None:
    """Check that a source covers some day of the span; other days of it are missing, not 0."""
    known, start, end = source.coverage, query.start, query.end
    if known is None or (
        (end is None or end >= known.first) and (start is None or start <= known.last)
    ):
        return
    span = f"from {start} on" if end is None else f"up to {end}"
    if start is not None and end is not None:
        span = f"of {start} to {end}"
    msg = f"{source.name!r} covers {known.first} to {known.last}, and no day {span}."
    raise CoverageError(f"{msg} Choose start and end within it.")


def absent_from(
    source: Opened, states: Iterable[str], rows: pd.DataFrame, query: Query
) -> list[str]:
    """
    Return the states that are a party of no act of events in the span: they have no zero there.

    Where the coverage names its states or these senders, or a list or a register is read,
    absence is a zero. States in `rows`, which were read already, are not looked for again.
    """
    unseen = sorted({*states}.difference(*(rows[c] for c in _PARTIES if c in rows)))
    named = False
    if source.coverage is not None:
        named = source.coverage.states is not None
        unseen = [state for state in unseen if state not in (source.coverage.senders or ())]
    if not unseen or named or source.curated or source.kind not in ("events", "cells"):
        return []
    span = {"touching": unseen, "start": query.start, "end": query.end}
    parties = cells_of(source, every=query.every, by=["sender", "target"], **span)
    return sorted({*unseen}.difference(parties["sender"], parties["target"]))


def uncoded_in(source: Opened, query: Query, actions: Iterable[str]) -> tuple[str, ...]:
    """Return the notes on actions that a source does not code on some days of the span."""
    spans: dict[tuple[date, date], list[str]] = {}
    for first, last, action in source.coverage.uncoded if source.coverage else ():
        late = query.end is not None and first > query.end
        early = query.start is not None and last < query.start
        if action in actions and not late and not early:
            spans.setdefault((first, last), []).append(action)
    return tuple(
        f"{source.source.name} does not code the action{'s' * (len(names) > 1)} "
        f"{', '.join(name.replace('_', ' ') for name in names)} from {day_in_words(first)} to "
        f"{day_in_words(last)}: such acts are missing there, not 0."
        for (first, last), names in spans.items()
    )


def silent_on(source: Opened, states: Sequence[str]) -> tuple[str, ...]:
    """Return the note on states that a source does not name."""
    if not states:
        return ()
    names = ", ".join(f"{name_of(state)} ({state})" for state in states)
    names += " are" if states[1:] else " is"
    note = f"{names} a party of no act of {source.name} in the span: counts are missing, not 0."
    return (f"{note} If the source covers them, name them: sl.Coverage(states=…).",)


def check_one_measure(source: Opened, query: Query) -> None:
    """Check that entries under different measures, such as asset freezes and ships, stay apart."""
    kinds = ("listings", "listing_counts")
    if source.kind not in kinds or "measure" in query.by or "measure" not in source.columns:
        return
    rows = by_target(of_senders(source.small(), query), query, column="programme")
    found = sorted(rows["measure"].dropna().unique())
    if len(found) > 1:
        msg = f"{source.name!r} holds entries under {', '.join(map(repr, found))}, which do not add"
        msg += f" up. Add 'measure' to by, or keep one: .filter(measure={found[0]!r})."
        raise SanctlibError(msg)


def coverage_of(source: Opened) -> Coverage | None:
    """Return the coverage of a table: a list names no sender but the party whose list it is."""
    known, columns = source.coverage, source.columns
    if known is None or known.senders is not None or "sender" in columns or "list" not in columns:
        return known
    lists = fetched(source.relation(["list"]))["list"].drop_duplicates()
    return replace(known, senders=frozenset(sender_of(lists).dropna()))


def with_sender(table: pd.DataFrame) -> pd.DataFrame:
    """Return a list with the party whose list it is, where the table does not name one."""
    if "sender" in table or "list" not in table:
        return table
    return table.assign(sender=sender_of(table["list"]))


def of_senders(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the rows of the senders requested."""
    table = with_sender(table)
    if query.senders is None:
        return table
    check_columns(table, ["sender"])
    return table[table["sender"].isin(query.senders)]


def parts(table: pd.DataFrame, column: str, *, name: str) -> pd.DataFrame:
    """Write out a `;`-joined column: a row for each part, one without any for a missing value."""
    rows = table.assign(**{name: table[column].str.split(";")}).explode(name)
    return rows.assign(**{name: rows[name].astype("str").mask(rows[name].eq(""))})


def cases_by(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the cases against the targets requested, a row for each flag among the keys."""
    if query.targets is not None:
        table = table[table["target"].isin(query.targets)]
    for key in FLAGS.keys() & {*query.by}:
        check_columns(table, [FLAGS[key]])
        table = parts(table, FLAGS[key], name=key)
    check_columns(table, query.by)
    return table


def by_target(table: pd.DataFrame, query: Query, *, column: str) -> pd.DataFrame:
    """
    Keep the entries about the targets requested, one row per target where it is a key.

    An entry about two states has a row for each; one about no state, or under a programme that
    is not known, a missing target. `column` holds the programme of a row, or its whole set.
    """
    check_columns(table, [key for key in query.by if key != "target"])
    if "target" not in query.by and query.targets is None:
        return table
    table = table.reset_index(drop=True)
    rows = parts(table.assign(target=_targets(table, query, column)), "target", name="target")
    if query.targets is not None:
        rows = rows[rows["target"].isin(query.targets)]
    # Where the target is no key, an entry about two of the states requested is one entry.
    return rows if "target" in query.by else rows[~rows.index.duplicated()]


def _targets(table: pd.DataFrame, query: Query, column: str) -> pd.Series:
    if query.target_rule == "address":
        check_columns(table, ["entity_country"])
        if table["entity_country"].isna().all() and len(table):
            # Zeros would say that nobody listed has an address in any state.
            msg = "target_rule is 'address', and no entry has an address."
            raise SanctlibError(f"{msg} Use target_rule='programme'.")
        return table["entity_country"]
    if "programme_state" in table.columns:
        return table["programme_state"]
    named = pd.Series(pd.NA, index=table.index, dtype="str")
    for name, rows in table.groupby("list"):
        named[rows.index] = states_of(rows[column], list=str(name))
    return named


def periods_asked(
    observed: pd.Series, query: Query, coverage: Coverage | None, *, in_part: bool = False
) -> tuple[pd.DatetimeIndex, Flags]:
    """
    Return the periods of a result, in order, and which are in coverage and span on every day.

    With `in_part`, for rates: also those with fewer covered days, all of them in the span.

    With coverage: all periods of the span requested, by default those of the coverage
    and of anything observed. Without: only the observed ones, none of them covered.
    """
    every = query.every
    seen = pd.DatetimeIndex(observed.dropna().drop_duplicates().sort_values(), name="period")
    since, until = (None if day is None else pd.Timestamp(day) for day in (query.start, query.end))
    if coverage is None:
        low, high = period_start(pd.Series([since, until], dtype="datetime64[us]"), every=every)
        kept = (pd.isna(low) | (seen >= low)) & (pd.isna(high) | (seen <= high))
        return seen[kept], np.zeros(int(kept.sum()), dtype=bool)
    first, last = pd.Timestamp(coverage.first), pd.Timestamp(coverage.last)
    first = since or min([first, *seen[:1]])
    last = until or max([first, last, *seen[-1:]])
    periods = period_range(min(first, last), last, every=every)
    starts = pd.Series(periods)
    ends = period_end(starts, every=every)
    n_days = coverage.days(starts, ends)
    # A day outside the span is covered, but not asked for.
    begun = starts if since is None else starts.mask(starts.lt(since), since)
    over = ends if until is None else ends.mask(ends.gt(until), until)
    asked = coverage.days(begun, over)
    least = 1 if in_part else (ends - starts).dt.days + 1
    return periods, (n_days.ge(least) & asked.eq(n_days)).to_numpy(dtype=bool)


def coded(
    groups: pd.DataFrame, query: Query, periods: pd.DatetimeIndex, coverage: Coverage
) -> Flags:
    """Return for each group and period whether the source codes all its actions on every day."""
    told = np.ones((len(groups), len(periods)), dtype=bool)
    starts = pd.Series(periods)
    ends = period_end(starts, every=query.every)
    for first, last, action in coverage.uncoded:
        cut = starts.le(pd.Timestamp(last)) & ends.ge(pd.Timestamp(first))
        whose = groups["action"].eq(action) if "action" in groups else action in query.actions
        told &= ~np.outer(np.broadcast_to(whose, len(groups)), cut)
    return told


def named_groups(query: Query) -> pd.DataFrame | None:
    """Return the groups that are laid out even if no row has them: those requested by name."""
    lists = {"sender": query.senders, "target": query.targets}
    names = [lists.get(key) for key in query.by]
    if not names or None in names:
        return None
    rows = [row for row in product(*(n or () for n in names)) if len({*row}) == len(row)]
    return pd.DataFrame(rows, columns=list(query.by), dtype="str")


def covered_groups(
    groups: pd.DataFrame, query: Query, coverage: Coverage | None, silent: Sequence[str] = ()
) -> Flags:
    """
    Return which groups a source covers: those with a party that is a state it covers.

    Where the source covers all senders or all targets requested, it covers every group. A group
    is not covered if the source cannot name its sender, nor is a sum over senders of whom it
    cannot name one. The same holds of `silent` states, as `absent_from` returns them.
    """
    parties = [c for c in _PARTIES if c in groups]
    told = ~groups[parties].isin(silent).any(axis=1).to_numpy(dtype=bool)
    for key, names in (("sender", query.senders), ("target", query.targets)):
        told &= key in groups or not {*(names or ())} & {*silent}
    if coverage is None:
        return told
    states, nameable = coverage.states, coverage.senders
    if nameable is not None and "sender" in groups:
        told &= groups["sender"].isin([*nameable, pd.NA]).to_numpy()
    elif nameable is not None:
        told &= {*(query.senders or ())} <= nameable
    narrowed = [{*names} for names in (query.senders, query.targets) if names]
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
    parties = [c for c in _PARTIES if c in groups]
    states = countries().query("kind != 'region'")
    states = states[
        states["code"].isin({code for side in parties for code in groups[side].unique()})
    ]
    # Spells overlap from the later of their first days on, or from the period's.
    last = period_end(pd.Series(periods[-1:]), every=every)[0]
    born = states["from"][states["from"].between(periods[0], last)]
    days = pd.Series(sorted({*periods, *born}), dtype="datetime64[us]")
    at = periods.get_indexer(pd.DatetimeIndex(period_start(days, every=every)))
    days, at = days[at >= 0], at[at >= 0]
    codes = pd.Index(states["code"].unique())
    names = pd.Series(np.repeat(codes, len(days)), dtype="str")
    dates = pd.Series(np.tile(days, len(codes)), dtype="datetime64[us]")
    if succession == "strict":
        alive = existed(names, dates)
    else:
        alive = resolve(names, dates=dates, system="iso3", succession="dominant")["code"].notna()
    # A row per state. A party that is no state takes the last row, which is true on all days.
    on_day = alive.to_numpy(dtype=bool).reshape(len(codes), len(days))
    on_day = np.vstack([on_day, np.ones((1, len(days)), dtype=bool)])
    sides = [on_day[codes.get_indexer(groups[side])] for side in parties]
    together = np.logical_and.reduce([np.ones((len(groups), len(days)), dtype=bool), *sides])
    first = np.flatnonzero(np.diff(at, prepend=-1))
    there[:, at[first]] = np.logical_or.reduceat(together, first, axis=1)
    return there


def group_codes(
    table: pd.DataFrame, by: Sequence[str], *, more: pd.DataFrame | None = None
) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Give each group of a table a number, in the order of the keys, missing last."""
    if not by:
        return np.zeros(len(table), dtype=np.int64), pd.DataFrame(index=range(1))
    keys = list(by)
    groups = table[keys].drop_duplicates()
    if more is not None:
        groups = pd.concat([groups, more[keys].astype(groups.dtypes.to_dict())]).drop_duplicates()
    groups = groups.sort_values(keys, na_position="last", ignore_index=True)
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
    laid: dict[str, object] = {"period": periods.to_numpy()[at % width]}
    laid |= {str(key): groups[key].array.take(at // width) for key in groups}
    return pd.DataFrame(laid | dict(columns), copy=False)
