"""List what a query counts, with the periods of each. Read a table; return pieces."""

from __future__ import annotations

import pandas as pd

from sanctlib.acts import counted_rows, grouped
from sanctlib.engines import Opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics.questions import (
    TARGET_COLUMN,
    by_programme,
    by_target,
    cases_by,
    check_dated,
    check_rule,
    check_unit,
    of_senders,
)
from sanctlib.periods import period_start
from sanctlib.query import Query


def pieces_of(source: Opened, query: Query) -> pd.DataFrame:
    """Count the things asked for by keys and by the periods that each can lie in."""
    check_unit(source, query)
    check_rule(source, query)
    check_dated(source, query)
    if source.kind in ("events", "cells"):
        return _of_events(source, query)
    table = of_senders(source.small(), query)
    if source.kind == "cases":
        things = _of_cases(table, query)
    elif source.kind == "listings":
        things = _of_listings(table, query)
    elif source.kind == "listing_counts":
        split = by_target(table, query, column="programme")
        things = split.rename(columns={"date": "begun", "date_last": "over", "n_listings": "n"})
    else:
        things = _of_list_changes(table, query)
    return _periods(things, query, by_copy=source.kind == "list_changes")


def _of_events(source: Opened, query: Query) -> pd.DataFrame:
    target = TARGET_COLUMN[query.target_rule]
    taken = {"measure": "measures", "target": target} if source.kind == "events" else {}
    ids = ["source", "act_id"]
    if query.unit == "dyad":
        ids += ["sender", "target"] if target == "target" else ["sender"]
        if target != "target" and "target" not in query.by:
            msg = f"unit is 'dyad' and target_rule is {query.target_rule!r}. Add 'target' to by:"
            raise SanctlibError(f"{msg} the pairs of such an act have no other name.")
    keys = {key: taken.get(key, key) for key in query.by}
    dated = None if query.dated == "date" else f"date_{query.dated}"
    rows = counted_rows(
        source,
        every=query.every,
        keys=keys,
        start=query.start,
        end=query.end,
        keep={
            "family": ("sanction",),
            "action": query.actions,
            "sender": query.senders,
            target: query.targets,
        },
        distinct=ids,
        dated=dated,
    )
    pieces = grouped(rows, keys=keys, dated=dated)
    return pieces.assign(counted=pieces["placed"], unplaced=~pieces["placed"])


def _of_cases(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    imposed = table.get("imposed", pd.Series(pd.NA, table.index, dtype="boolean"))
    # A source of sanctions imposed, like the GSDB, does not say so in each row.
    kept = imposed.fillna(value=True) & bool({"impose", "amend"} & set(query.actions))
    if "threaten" in query.actions:
        check_columns(table, ["threatened"])
        kept |= table["threatened"].fillna(value=False)
    ids = ["source", "case_id"]
    if query.unit == "coalition":
        # The same senders against the same targets, beginning on the same days.
        for side in ("sender", "target"):
            sides = table.groupby(ids)[side].agg(lambda names: ";".join(sorted({*names.dropna()})))
            table = table.join(sides.rename(f"all_{side}s"), on=ids)
        ids = ["source", "all_senders", "all_targets", "start", "start_last"]
    table = cases_by(table.loc[kept.to_numpy(dtype=bool)], query)
    first, last = table["start"], table["start_last"]
    if "threaten" not in query.actions and "imposed_start" in table:
        # A case that was threatened first begins, as a sanction, when it was imposed.
        first, last = table["imposed_start"].fillna(first), table["imposed_start_last"].fillna(last)
    begun = table.assign(begun=first, over=last)
    group = begun.groupby([*{**dict.fromkeys(query.by), **dict.fromkeys(ids)}], dropna=False)
    return group[["begun", "over"]].min().reset_index().assign(n=1)


def _of_listings(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    entity = ["source", "list", "entity_id"]
    if query.unit == "entity":
        # An entity counts on its first day on the list, under the programmes of that day.
        first = table.groupby(entity)["listed"].transform("min")
        table = table[table["listed"].eq(first) | first.isna()]
    table = by_target(table, query, column="programme")
    more = ["programme"] if query.unit == "designation" else []
    once = table.drop_duplicates(list(dict.fromkeys([*query.by, *entity, *more, "listed"])))
    return once.assign(begun=once["listed"], over=once["listed"], n=1)


def _of_list_changes(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    table, column = table.assign(n=table["added"]), "programme"
    if query.unit == "designation":
        table = by_programme(table, also="programmes_added")
    elif "programme" in query.by:
        table = by_programme(table)
    else:
        column = "programmes"
    split = by_target(table, query, column=column)
    return split[split["n"].gt(0)].rename(columns={"from": "begun", "to": "over"})


def _periods(things: pd.DataFrame, query: Query, *, by_copy: bool) -> pd.DataFrame:
    start, end = query.start, query.end
    low = pd.Timestamp.min if start is None else pd.Timestamp(start)
    # Copies carry hours, so the end is the morning after.
    high = pd.Timestamp.max if end is None else pd.Timestamp(end) + pd.Timedelta(days=1)
    begun, over = things["begun"], things["over"]
    table = things.assign(
        first=period_start(begun, every=query.every),
        last=period_start(over, every=query.every),
        inside=begun.ge(low) & over.lt(high),
    )
    placed = table["inside"] & table["first"].eq(table["last"])
    # A change between copies counts where the copy is that first shows it.
    seen = over.ge(low) & over.lt(high)
    table = table.assign(counted=seen if by_copy else placed, unplaced=~(placed | by_copy))
    table = table[~(over.lt(low) | begun.ge(high))]
    order = [*query.by, "first", "last", "inside", "counted", "unplaced"]
    return table.groupby(order, dropna=False, sort=False)["n"].sum().reset_index()
