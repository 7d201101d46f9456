"""Decide whether a table can answer a query. Read a query and a table; return its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

import pandas as pd

from sanctlib.codes.actions import sender_of
from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import PERIODS, period_start
from sanctlib.engines import Opened, fetched
from sanctlib.errors import CuratedError, SanctlibError, check_columns
from sanctlib.query import Dated, Query, TargetRule, Unit
from sanctlib.schema import COUNTED_SANCTIONS

UNITS: dict[str, tuple[Unit, ...]] = {
    "events": ("act", "dyad"),
    "cells": ("act",),
    "cases": ("case", "coalition"),
    "listings": ("entity", "designation"),
    "list_changes": ("entity", "designation"),
    "listing_counts": ("designation",),
}
RULES: dict[str, tuple[TargetRule, ...]] = {
    "events": ("programme", "conduct", "address"),
    "cells": ("programme",),
    "cases": ("programme",),
    "listings": ("programme", "address"),
    "list_changes": ("programme",),
    "listing_counts": ("programme",),
}
TARGET_COLUMN = {"programme": "target", "conduct": "conduct", "address": "located_in"}
"""The column of events that answers whom an act targets, by rule."""

DATES: tuple[Dated, ...] = ("date", "announced", "effective")

FLAGS = {"measure": "measures", "objective": "objectives", "trade_extent": "trade_extent"}
"""Keys of which one thing may have several, and their columns: such counts do not add up."""


UNIT_WORDS: dict[Unit, str] = {
    "act": "acts of sanction",
    "dyad": "acts of sanction, one per sender and target",
    "case": "cases of sanctions",
    "coalition": "cases of sanctions, one per coalition and first day",
    "entity": "entities first listed",
    "designation": "new designations",
}
"""What is counted, in words and in the plural."""


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


def absent_from(source: Opened, states: Iterable[str], rows: pd.DataFrame) -> list[str]:
    """
    Return the states that are a party of no row of machine-coded events.

    Those in `rows`, which were read already, are not looked for again.

    Such a source is silent about them: they have no zero. Where the coverage names its
    states, or a list or a register is read, absence is a zero.
    """
    known = source.coverage
    sides = [rows[c] for c in ("sender", "target", "first", "second") if c in rows]
    unseen = sorted({*states}.difference(*sides))
    counted = source.kind in ("events", "cells")
    if not unseen or not counted or (known and known.states is not None):
        return []
    parties = source.relation(["sender", "target"])
    seen = {
        code
        for side in ("sender", "target")
        for code in fetched(parties.aggregate(side, side))[side]
    }
    return [state for state in unseen if state not in seen]


def silent_on(source: Opened, states: Sequence[str]) -> tuple[str, ...]:
    """Return the note on states that a source does not name."""
    if not states:
        return ()
    names = f"{name_of(states[0])} ({states[0]}) is"
    if states[1:]:
        names = ", ".join(f"{name_of(state)} ({state})" for state in states) + " are"
    return (f"{names} a party of no row of {source.name}: counts are missing, not 0.",)


def with_sender(table: pd.DataFrame) -> pd.DataFrame:
    """Return a list with the party whose list it is, where the table does not name one."""
    if "sender" in table or "list" not in table:
        return table
    return table.assign(sender=sender_of(table["list"]))


def coverage_of(source: Opened) -> Coverage | None:
    """Return the coverage of a table: a list names no sender but the party whose list it is."""
    known, columns = source.coverage, source.columns
    if known is None or known.senders is not None or "sender" in columns or "list" not in columns:
        return known
    lists = fetched(source.relation(["list"]))["list"].drop_duplicates()
    return replace(known, senders=frozenset(sender_of(lists).dropna()))


def wanted(query: Query) -> pd.DataFrame | None:
    """Return the groups that are laid out even if no row has them: those asked for by name."""
    lists = {"sender": query.senders, "target": query.targets}
    asked = [lists.get(key) for key in query.by]
    if not query.by or any(names is None for names in asked):
        return None
    rows = [row for row in product(*(names or () for names in asked)) if len({*row}) == len(row)]
    return pd.DataFrame(rows, columns=list(query.by), dtype="str")


def check_unit(source: Opened, query: Query) -> None:
    """Check that the table can be counted in this unit."""
    unit = query.unit
    if unit not in UNITS.get(source.kind, ()):
        tables = " or ".join(kind for kind, units in UNITS.items() if unit in units)
        has = " or ".join(repr(u) for u in UNITS.get(source.kind, ())) or "none of the units"
        msg = f"unit is {unit!r}, which is counted on {tables}. {source.name!r} holds"
        raise SanctlibError(f"{msg} {source.kind}, which have {has}.")
    if unit in ("entity", "designation") and not set(query.actions) & set(COUNTED_SANCTIONS):
        asked = ", ".join(repr(action) for action in query.actions)
        msg = f"actions is {asked}, and a list holds only impositions. Removals are"
        raise SanctlibError(f"{msg} the column 'removed' of active_sanctions.")
    counted = {*COUNTED_SANCTIONS, "threaten"}
    if source.kind == "cases" and not set(query.actions) & counted:
        asked = ", ".join(repr(action) for action in query.actions)
        msg = f"actions is {asked}, and cases are threatened or imposed. Their ends are"
        raise SanctlibError(f"{msg} the column 'removed' of active_sanctions.")


def check_dated(source: Opened, query: Query) -> None:
    """Check that the table tells the days asked for apart."""
    dated = query.dated
    if dated != "date" and source.kind != "events":
        msg = f"dated is {dated!r}, which only events can answer. {source.name!r} holds"
        raise SanctlibError(f'{msg} {source.kind}. Use dated="date".')


def check_rule(source: Opened, query: Query) -> None:
    """Check that the table knows its targets by this rule."""
    rule = query.target_rule
    if rule not in RULES[source.kind]:
        known = " or ".join(map(repr, RULES[source.kind]))
        msg = f"target_rule is {rule!r}. {source.name!r} holds {source.kind}, which have the rule"
        raise SanctlibError(f"{msg} {known}.")


def check_width(source: Opened, query: Query) -> None:
    """Check that some case is dated to a period: of cases known to a year, no month has a count."""
    if source.kind != "cases":
        return
    days = source.small()
    fits = [
        every
        for every in PERIODS
        if period_start(days["start"], every=every)
        .eq(period_start(days["start_last"], every=every))
        .any()
    ]
    if fits and query.every not in fits:
        msg = f"every is {query.every!r}, and no case of {source.name!r} is dated that closely."
        raise SanctlibError(f"{msg} Use every={fits[0]!r}.")


def of_senders(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the rows of the senders asked for."""
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
    """Return the cases against the targets asked for, written out by the flags among the keys."""
    if query.targets is not None:
        table = table[table["target"].isin(query.targets)]
    for key in FLAGS.keys() & set(query.by):
        check_columns(table, [FLAGS[key]])
        table = parts(table, FLAGS[key], name=key)
    check_columns(table, query.by)
    return table


def by_programme(table: pd.DataFrame, *, also: str | None = None) -> pd.DataFrame:
    """
    Write out entries under a set of programmes: one row per programme, each with all n.

    `also` names a column of "PROGRAMME:n;PROGRAMME:n", whose counts become rows too.
    """
    rows = parts(table, "programmes", name="programme")
    if also is None or also not in table.columns:
        return rows
    named = parts(table.dropna(subset=also), also, name="pair")
    # A programme's name may hold a colon; its number is behind the last.
    split = named["pair"].str.rsplit(":", n=1)
    gained = named.assign(programme=split.str[0], n=split.str[1].astype("int64"))
    return pd.concat([rows, gained.drop(columns="pair")], ignore_index=True)


def by_target(table: pd.DataFrame, query: Query, *, column: str) -> pd.DataFrame:
    """
    Keep the entries about the targets asked for, one row per target where it is a key.

    An entry about two states has a row for each: such rows do not add up. Entries about
    no state, or under a programme that is not known, have a missing target. `column`
    holds the programme of a row, or its whole set.
    """
    wanted = [c for c in query.by if c != "target"]
    check_columns(table, wanted)
    if "target" not in query.by and query.targets is None:
        return table
    table = table.reset_index(drop=True)
    named = table.assign(target=_states(table, query, column))
    rows = parts(named, "target", name="target")
    if query.targets is not None:
        rows = rows[rows["target"].isin(query.targets)]
    # Where the target is no key, an entry about two of the states asked for is one entry.
    return rows if "target" in query.by else rows[~rows.index.duplicated()]


def _states(table: pd.DataFrame, query: Query, column: str) -> pd.Series:
    if query.target_rule == "address":
        check_columns(table, ["entity_country"])
        if table["entity_country"].isna().all() and len(table):
            # Zeros would say that nobody listed has an address in any state.
            msg = "target_rule is 'address', and no entry has an address."
            raise SanctlibError(f"{msg} Use target_rule='programme'.")
        return table["entity_country"]
    if "programme_state" in table.columns:
        return table["programme_state"]
    from sanctlib.codes.actions import states_of

    named = pd.Series(pd.NA, index=table.index, dtype="str")
    for name, rows in table.groupby("list"):
        named[rows.index] = states_of(rows[column], list=str(name))
    return named
