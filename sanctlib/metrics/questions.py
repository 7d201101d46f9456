"""Questions: what is counted, and whether the table can say; the rows that it takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Literal, TypeAlias

import pandas as pd

from sanctlib.errors import SanctlibError, check_choice, check_columns, check_list
from sanctlib.frames import Opened, fetched
from sanctlib.periods import PERIODS, Period, period_start
from sanctlib.schema import COUNTED_SANCTIONS

Unit: TypeAlias = Literal["act", "dyad", "case", "coalition", "entity", "designation"]
TargetRule: TypeAlias = Literal["programme", "conduct", "address"]
Dated: TypeAlias = Literal["date", "announced", "effective"]

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


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is counted, by what, over which days."""

    every: Period
    by: tuple[str, ...]
    unit: Unit
    actions: Sequence[str] = COUNTED_SANCTIONS
    target_rule: TargetRule = "programme"
    dated: Dated = "date"
    start: date | None = None
    end: date | None = None
    senders: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    needed_by: str = "sanction_counts"

    def __post_init__(self) -> None:
        for side in (self.senders, self.targets):
            check_parties_asked(side, needed_by=self.needed_by)


def check_parties_asked(parties: Sequence[str] | None, *, needed_by: str) -> None:
    """
    Check that the parties asked for are known states, or are written as other bodies.

    A misspelt state would be answered with zeros that look like a finding.

    Raises
    ------
    UnknownChoiceError
        For a code or name that is no state's, with the closest code.
    SanctlibError
        For a text in place of a sequence.
    """
    from sanctlib.codes.countries import check_states

    check_list(parties or (), what="parties", needed_by=needed_by, once=False)
    bodies = r"[A-Z]{2}|[A-Z0-9]+(-[A-Za-z0-9_]+)+"
    states = [p for p in parties or () if not re.fullmatch(bodies, p)]
    check_states(states, needed_by=needed_by)


def keys_of(source: Opened, by: Sequence[str], *, needed_by: str) -> tuple[str, ...]:
    """Return the keys, each once; the name of a list stands for its one sender."""
    check_list(by, what="keys", needed_by=needed_by)
    is_list = source.kind in ("listings", "list_changes", "listing_counts")
    named = is_list and "sender" not in source.columns
    return tuple(dict.fromkeys("list" if named and key == "sender" else key for key in by))


def wanted(question: Question) -> pd.DataFrame | None:
    """Return the groups that are laid out even if no row has them: those asked for by name."""
    lists = {"sender": question.senders, "target": question.targets}
    asked = [lists.get(key) for key in question.by]
    if not question.by or any(names is None for names in asked):
        return None
    rows = list(product(*(names or () for names in asked)))
    return pd.DataFrame(rows, columns=list(question.by), dtype="str")


def check_unit(source: Opened, question: Question) -> None:
    """
    Check that the table can be counted in this unit.

    Raises
    ------
    SanctlibError
        Naming the tables that have the unit.
    """
    who, unit = question.needed_by, question.unit
    known = list(dict.fromkeys(u for units in UNITS.values() for u in units))
    check_choice(unit, known, what="unit", needed_by=who)
    if unit not in UNITS.get(source.kind, ()):
        tables = " or ".join(kind for kind, units in UNITS.items() if unit in units)
        has = " or ".join(repr(u) for u in UNITS.get(source.kind, ())) or "none of the units"
        msg = f"{who}: the unit {unit!r} is counted on {tables}; {source.name!r} holds"
        raise SanctlibError(f"{msg} {source.kind}, which have {has}.")
    if unit in ("entity", "designation") and not set(question.actions) & set(COUNTED_SANCTIONS):
        asked = ", ".join(repr(action) for action in question.actions)
        msg = f"{who}: a list holds impositions alone, and was asked for {asked}. Removals are"
        raise SanctlibError(f"{msg} the flow 'removed' of active_sanctions.")
    counted = {*COUNTED_SANCTIONS, "threaten"}
    if source.kind == "cases" and not set(question.actions) & counted:
        asked = ", ".join(repr(action) for action in question.actions)
        msg = f"{who}: cases are threatened or imposed, and it was asked for {asked}. Their ends"
        raise SanctlibError(f"{msg} are the flow 'removed' of active_sanctions.")


def check_dated(source: Opened, question: Question) -> None:
    """
    Check that the table tells the days asked for apart.

    Raises
    ------
    SanctlibError
        When it does not have events.
    """
    who, dated = question.needed_by, question.dated
    check_choice(dated, DATES, what="day", needed_by=who)
    if dated != "date" and source.kind != "events":
        msg = f"{who}: announced and effective days are told apart by events; {source.name!r} holds"
        raise SanctlibError(f'{msg} {source.kind}. Ask for dated="date".')


def check_rule(source: Opened, question: Question) -> None:
    """
    Check that the table knows its targets by this rule.

    Raises
    ------
    SanctlibError
        Naming the rules that the table has.
    """
    who, rule = question.needed_by, question.target_rule
    check_choice(rule, TARGET_COLUMN, what="target rule", needed_by=who)
    if rule not in RULES[source.kind]:
        msg = f"{who}: {source.kind} know their targets by {' or '.join(RULES[source.kind])}"
        raise SanctlibError(f"{msg}, not by {rule!r}.")


def check_width(source: Opened, question: Question) -> None:
    """
    Check that some case is dated to a period: of cases known to a year, no month has a count.

    Raises
    ------
    SanctlibError
        Naming the shortest period that has a case.
    """
    if source.kind != "cases":
        return
    columns = ["start", "start_last"]
    days = fetched(source.relation(columns, needed_by=question.needed_by))
    fits = [
        every
        for every in PERIODS
        if period_start(days["start"], every=every)
        .eq(period_start(days["start_last"], every=every))
        .any()
    ]
    if fits and question.every not in fits:
        msg = f"{question.needed_by} was asked for every {question.every!r}, and no case of"
        raise SanctlibError(f"{msg} {source.name!r} is dated that closely: ask for {fits[0]!r}.")


def of_senders(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Return the rows of the senders asked for."""
    if question.senders is None:
        return table
    check_columns(table, ["sender"], needed_by="The choice of senders")
    return table[table["sender"].isin(question.senders)]


def parts(table: pd.DataFrame, column: str, *, name: str) -> pd.DataFrame:
    """Write out a `;`-joined column: a row for each part, one without any for a missing value."""
    rows = table.assign(**{name: table[column].str.split(";")}).explode(name)
    return rows.assign(**{name: rows[name].astype("str").mask(rows[name].eq(""))})


def cases_by(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Return the cases against the targets asked for, written out by the flags among the keys."""
    if question.targets is not None:
        table = table[table["target"].isin(question.targets)]
    for key in FLAGS.keys() & set(question.by):
        check_columns(table, [FLAGS[key]], needed_by=f"The key {key!r}")
        table = parts(table, FLAGS[key], name=key)
    check_columns(table, question.by, needed_by=question.needed_by)
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


def by_target(table: pd.DataFrame, question: Question, *, column: str) -> pd.DataFrame:
    """
    Keep the entries about the targets asked for, one row per target where it is a key.

    An entry about two states has a row for each: such rows do not add up. Entries about
    no state, or under a programme that is not known, have a missing target. `column`
    holds the programme of a row, or its whole set.

    Raises
    ------
    MissingColumnsError
        When the table lacks a key, or ``entity_country`` under the rule "address".
    """
    wanted = [c for c in question.by if c != "target"]
    check_columns(table, wanted, needed_by=question.needed_by)
    if "target" not in question.by and question.targets is None:
        return table
    table = table.reset_index(drop=True)
    named = table.assign(target=_states(table, question, column))
    rows = parts(named, "target", name="target")
    if question.targets is not None:
        rows = rows[rows["target"].isin(question.targets)]
    # Where the target is no key, an entry about two of the states asked for is one entry.
    return rows if "target" in question.by else rows[~rows.index.duplicated()]


def _states(table: pd.DataFrame, question: Question, column: str) -> pd.Series:
    if question.target_rule == "address":
        check_columns(table, ["entity_country"], needed_by="The target rule 'address'")
        if table["entity_country"].isna().all() and len(table):
            # Zeros would say that nobody listed has an address in any state.
            msg = f"{question.needed_by}: no entry has an address here; ask for another target rule"
            raise SanctlibError(f"{msg} than 'address'.")
        return table["entity_country"]
    if "programme_state" in table.columns:
        return table["programme_state"]
    from sanctlib.codes.programmes import states_of

    named = pd.Series(pd.NA, index=table.index, dtype="str")
    for name, rows in table.groupby("list"):
        named[rows.index] = states_of(rows[column], list=str(name))
    return named
