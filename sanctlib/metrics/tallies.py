"""Tallies: the things each table can count, and the first and last period they can lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

import pandas as pd

from sanctlib.cells import grouped
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.frames import Opened
from sanctlib.metrics.targets import SplitBy, by_programme, by_target
from sanctlib.periods import Period, period_start

Unit: TypeAlias = Literal["act", "dyad", "case", "coalition", "entity", "designation"]
TargetRule: TypeAlias = Literal["programme", "conduct", "address"]

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


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is counted, by what, over which days."""

    every: Period
    by: tuple[str, ...]
    unit: Unit
    actions: tuple[str, ...]
    target_rule: TargetRule = "programme"
    start: date | None = None
    end: date | None = None
    senders: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    needed_by: str = "sanction_counts"


def pieces_of(source: Opened, question: Question) -> pd.DataFrame:
    """
    Count the things asked for by keys and by the periods that each can lie in.

    Returns
    -------
    pieces : DataFrame
        The keys, ``first`` and ``last`` (periods; missing when not known), ``n``,
        ``inside`` (wholly in the span), ``counted`` (n counts in the period ``last``),
        ``sure`` (under every defensible date), ``unplaced`` (wider than a period,
        counted in none).

    Raises
    ------
    SanctlibError
        When the table does not have the unit or the target rule.
    """
    check_possible(source, question)
    if source.kind in ("events", "cells"):
        return _of_events(source, question)
    table = source.small(needed_by=question.needed_by)
    if question.senders is not None:
        check_columns(table.columns, ["sender"], needed_by="The choice of senders")
        table = table[table["sender"].isin(question.senders)]
    if source.kind == "cases":
        return _placed(_of_cases(table, question), question)
    if source.kind == "listings":
        return _placed(_of_listings(table, question), question)
    if source.kind == "listing_counts":
        return _placed(_of_listing_counts(table, question), question)
    return _first_seen(_of_list_changes(table, question), question)


def check_possible(source: Opened, question: Question) -> None:
    """
    Check that the table can be counted in this unit and under this target rule.

    Raises
    ------
    SanctlibError
        Naming the tables that have the unit, or the rules that the table has.
    """
    who, unit, rule = question.needed_by, question.unit, question.target_rule
    known = list(dict.fromkeys(u for units in UNITS.values() for u in units))
    check_choice(unit, known, what="unit", needed_by=who)
    check_choice(rule, TARGET_COLUMN, what="target rule", needed_by=who)
    if unit not in UNITS.get(source.kind, ()):
        tables = " or ".join(kind for kind, units in UNITS.items() if unit in units)
        has = " or ".join(repr(u) for u in UNITS.get(source.kind, ())) or "none of the units"
        msg = f"{who}: the unit {unit!r} is counted on {tables}; {source.name!r} holds"
        raise SanctlibError(f"{msg} {source.kind}, which have {has}.")
    if rule not in RULES[source.kind]:
        msg = f"{who}: {source.kind} know their targets by {' or '.join(RULES[source.kind])}"
        raise SanctlibError(f"{msg}, not by {rule!r}.")


def _of_events(source: Opened, question: Question) -> pd.DataFrame:
    target = TARGET_COLUMN[question.target_rule]
    taken = {"measure": "measures", "target": target} if source.kind == "events" else {}
    ids = ["source", "act_id"]
    if question.unit == "dyad":
        ids += ["sender", "target"] if target == "target" else ["sender"]
        if target != "target" and "target" not in question.by:
            msg = f"{question.needed_by}: dyads under the rule {question.target_rule!r} need the"
            raise SanctlibError(f"{msg} key 'target' in `by`.")
    pieces = grouped(
        source,
        every=question.every,
        keys={key: taken.get(key, key) for key in question.by},
        start=question.start,
        end=question.end,
        keep={
            "family": ("sanction",),
            "action": question.actions,
            "sender": question.senders,
            target: question.targets,
        },
        distinct=ids,
        needed_by=question.needed_by,
    )
    placed = pieces["placed"]
    return pieces.assign(counted=placed, sure=placed, unplaced=~placed)


def _of_cases(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    imposed = table.get("imposed", pd.Series(pd.NA, table.index, dtype="boolean"))
    # A source of sanctions imposed, like the GSDB, does not say so in each row.
    kept = imposed.fillna(value=True) & bool({"impose", "amend"} & set(question.actions))
    if "threaten" in question.actions:
        check_columns(table.columns, ["threatened"], needed_by="The count of threats")
        kept |= table["threatened"].fillna(value=False)
    case = ["source", "case_id"]
    for side in ("sender", "target"):
        sides = table.groupby(case)[side].agg(lambda names: ";".join(sorted(set(names.dropna()))))
        table = table.join(sides.rename(f"all_{side}s"), on=case)
    table = table.loc[kept.to_numpy(dtype=bool)]
    if question.targets is not None:
        table = table[table["target"].isin(question.targets)]
    if "measure" in question.by:
        check_columns(table.columns, ["measures"], needed_by="The key 'measure'")
        table = table.assign(measure=table["measures"].str.split(";")).explode("measure")
    dates = ["start", "start_last"]
    # A coalition: the same senders against the same targets, beginning on the same days.
    ids = case if question.unit == "case" else ["source", "all_senders", "all_targets", *dates]
    check_columns(table.columns, question.by, needed_by=question.needed_by)
    group = list(dict.fromkeys([*question.by, *ids]))
    begun = table.assign(day_first=table["start"], day_last=table["start_last"])
    first = begun.groupby(group, dropna=False, sort=False)[["day_first", "day_last"]].min()
    return first.reset_index().assign(n=1)


def _of_listings(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    entity = ["source", "list", "entity_id"]
    if question.unit == "entity":
        # An entity counts on its first day on the list, under the programmes of that day.
        first = table.groupby(entity)["listed"].transform("min")
        table = table[table["listed"].eq(first) | first.isna()]
    table = by_target(table, _split(question), states="rows")
    more = ["programme"] if question.unit == "designation" else []
    group = list(dict.fromkeys([*question.by, *entity, *more, "listed"]))
    once = table.drop_duplicates(group)
    return once.assign(day_first=once["listed"], day_last=once["listed"], n=1)


def _of_listing_counts(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    split = by_target(table, _split(question), states="rows")
    return split.assign(day_first=split["date"], day_last=split["date_last"], n=split["n_listings"])


def _of_list_changes(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    table = table.assign(n=table["added"])
    if question.unit == "designation":
        rows = by_programme(table, also="programmes_added")
        split = by_target(rows, _split(question), states="rows")
    elif "programme" in question.by:
        split = by_target(by_programme(table), _split(question), states="rows")
    else:
        split = by_target(table, _split(question), states="sets")
    split = split[split["n"].gt(0)]
    return split.assign(day_first=split["from"], day_last=split["to"])


def _split(question: Question) -> SplitBy:
    return SplitBy(
        by=question.by,
        address=question.target_rule == "address",
        targets=question.targets,
        needed_by=question.needed_by,
    )


def _bounds(question: Question) -> tuple[pd.Timestamp, pd.Timestamp]:
    start = pd.Timestamp.min if question.start is None else pd.Timestamp(question.start)
    # Copies carry hours, so the end is the morning after.
    days = pd.Timedelta(days=1)
    end = pd.Timestamp.max if question.end is None else pd.Timestamp(question.end) + days
    if end <= start:
        msg = f"A span needs start <= end, got {question.start!s} and {question.end!s}."
        raise SanctlibError(msg)
    return start, end


def _periods(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    start, end = _bounds(question)
    first, last = table["day_first"], table["day_last"]
    outside = last.lt(start) | first.ge(end)
    table = table.assign(
        first=period_start(first, every=question.every),
        last=period_start(last, every=question.every),
        inside=first.ge(start) & last.lt(end),
    )
    return table[~outside]


def _placed(things: pd.DataFrame, question: Question) -> pd.DataFrame:
    table = _periods(things, question)
    placed = table["inside"] & table["first"].eq(table["last"])
    return _summed(table.assign(counted=placed, sure=placed, unplaced=~placed), question.by)


def _first_seen(changes: pd.DataFrame, question: Question) -> pd.DataFrame:
    start, end = _bounds(question)
    table = _periods(changes, question)
    seen = table["day_last"].ge(start) & table["day_last"].lt(end)
    sure = table["inside"] & table["first"].eq(table["last"])
    return _summed(table.assign(counted=seen, sure=sure, unplaced=False), question.by)


def _summed(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    order = [*by, "first", "last", "inside", "counted", "sure", "unplaced"]
    return table.groupby(order, dropna=False, sort=False)["n"].sum().reset_index()
