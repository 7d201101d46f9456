"""Count acts, cases, designations or entities. Return the counts of several units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import product

import pandas as pd

from sanctlib.acts import counted_rows, grouped, periods_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, in_words, period_end, period_start
from sanctlib.engines import AnyTable, Opened, fetched, opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics._flows import after_version, between_versions, check_between
from sanctlib.metrics._questions import (
    UNITS,
    absent_from,
    by_target,
    cases_by,
    check_kind,
    check_one_measure,
    check_rule,
    of_senders,
    parts,
    rules_of,
)
from sanctlib.query import Day, Query, TargetRule, Unit, ask
from sanctlib.reading import Reading
from sanctlib.result import Result
from sanctlib.schema import COUNTED_SANCTIONS

_TARGET_COLUMN = {"programme": "target", "conduct": "conduct", "address": "located_in"}
"""The column of events that answers whom an act targets, by rule."""

_RULE = {
    ("events", "act"): "acts of a sender; an act against three targets counts once",
    ("events", "dyad"): "acts, once for each sender and target",
    ("cells", "act"): "acts of a sender, added up over the days and pairs of the cells",
    ("cases", "case"): "cases, by their first day",
    ("cases", "coalition"): (
        "distinct senders, targets and first days: a case begun on three days is three"
    ),
    ("listings", "entity"): (
        "persons, firms, ships first listed; an entry under three programmes counts once"
    ),
    ("listings", "designation"): "entries under a programme; one under three counts three times",
    ("list_changes", "entity"): (
        "persons, firms, ships new to the list; an entry under three programmes counts once; "
        "surely in the span where both copies around the change are"
    ),
    ("list_changes", "designation"): (
        "entry and programme newly together, also for an existing entry; surely in the span "
        "where both copies around the change are"
    ),
    ("listing_counts", "designation"): "entries under a programme, by the list's own dates",
}
_WORDS: dict[Unit, str] = {
    "act": "acts of sanction",
    "dyad": "acts of sanction, one per sender and target",
    "case": "cases of sanctions",
    "coalition": "cases of sanctions, one per coalition and first day",
    "entity": "entities first listed",
    "designation": "new designations",
}
"""What is counted, in words and in the plural."""

_BASES = {
    "carried_over": "carried over from other law",
    "earlier": "dated by an earlier listing or by the UN",
    "restored": "restored to the list",
    "undated": "without a day",
}
_TARGET = {
    "programme": "targets: the states at which the programmes are directed, as reviewed",
    "conduct": "targets: the states whose conduct the reasons name",
    "address": "targets: the places of those listed, sanctioned or not",
}


def compare_units(
    readings: Mapping[str, AnyTable] | Sequence[Reading],
    *,
    start: Day,
    end: Day,
    targets: Sequence[str],
) -> Result:
    """
    Count the sanctions of one span in every unit and under every target rule.

    The numbers are all correct and all different: that is the point of the table. Each
    counts what concerns any of the targets once. Cells whose periods the span cuts are
    excluded.

    Parameters
    ----------
    readings : mapping of name to table, or sequence of Reading
        Anything that `sanction_counts` takes.
    start, end : day
        First and last day of the span, as ISO text ("2022", "2022-03", "2022-03-01"), date,
        datetime, Timestamp, datetime64 or Period.
    targets : sequence of str
        States, as codes or names.

    Returns
    -------
    Result
        Its table has ``source``, ``unit``, ``target_rule``, ``n``, ``lower``, ``upper`` (the
        band of the possible dates), ``covered`` (the source covers the whole span, which a
        hand-picked list never does; missing where coverage is not known; elsewhere nothing
        seen is missing, not zero) and ``rule``, in words. A list of current entries has no
        ``upper`` before its own day.

    Raises
    ------
    SanctlibError
        When a table holds nothing that counts.

    Examples
    --------
    >>> import pandas as pd
    >>> from sanctlib.metrics.units import compare_units
    >>> listings = pd.DataFrame({
    ...     "source": "own", "list": "L", "listing_id": ["1", "1"], "entity_id": "A",
    ...     "entity_type": "entity", "programme": ["P", "Q"], "programme_state": "RUS",
    ...     "listed": pd.Timestamp("2023-12-05"), "delisted": pd.NaT,
    ... })
    >>> units = compare_units({"own": listings}, start="2023-12", end="2023-12", targets=["RUS"])
    >>> units.table[["source", "unit", "n"]]
      source         unit  n
    0    own       entity  1
    1    own  designation  2
    """
    query = ask(start=start, end=end, targets=targets)
    if query.start is None or query.end is None:
        raise SanctlibError("start and end are needed: the span is counted as a whole.")
    named = readings if isinstance(readings, Mapping) else _named(readings)
    rows: list[dict[str, object]] = []
    sources = []
    for name, table in named.items():
        with opened(table) as source:
            check_kind(source, *UNITS)
            sources.append(source.source)
            rows += [{"source": name, **row} for row in _rows(source, query)]
    counts = pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)
    # Where the source does not cover the whole span, nothing seen is not nothing.
    cut = ~counts["covered"].fillna(value=True)
    counts.loc[cut & counts["n"].eq(0), ["n", "lower"]] = pd.NA
    counts.loc[cut, "upper"] = pd.NA
    return Result(
        table=counts,
        kind="units",
        name=f"Sanctions from {query.start} to {query.end}, in every unit",
        query=query,
        unit="counts, each in its own unit",
        sources=tuple(sources),
        notes=("Bands over the possible dates.",),
    )


_TYPES = {
    **dict.fromkeys(("source", "unit", "target_rule"), "str"),
    **dict.fromkeys(("n", "lower", "upper"), "Int64"),
    "covered": "boolean",
    "rule": "str",
}


def _named(readings: Reading | Sequence[Reading]) -> dict[str, AnyTable]:
    listed = [readings] if isinstance(readings, Reading) else readings
    keys = [reading.provenance.key for reading in listed]
    if len({*keys}) < len(keys):
        msg = f"compare_units needs readings of different keys, got {keys}: name them in a mapping."
        raise SanctlibError(msg)
    return dict(zip(keys, listed, strict=True))


def _rows(source: Opened, query: Query) -> Iterator[dict[str, object]]:
    """Return the counts of one source, in each unit and by each rule that it can answer."""
    known, kind = source.coverage, source.kind
    every = periods_of(source)[1][-1] if kind == "cells" else "day"
    # What is not on a hand-picked list may have happened all the same.
    covered = False if source.curated else _covered(known, query, every=every)
    of_span = replace(query, every=every)
    silent = absent_from(source, query.targets or (), pd.DataFrame(), of_span)
    covered = False if silent else covered
    for unit, rule in product(UNITS[kind], _rules(source)):
        one = replace(
            query,
            every=every,
            by=("target",) if unit == "dyad" else (),
            unit=unit,
            target_rule=rule,
        )
        check_one_measure(source, one)
        pieces = pieces_of(source, one)
        # Over the whole span, what is dated more widely than a day is assigned all the same.
        inside = pieces["inside"].to_numpy(dtype=bool)
        counted = inside | pieces["counted"].to_numpy(dtype=bool)
        target = _TARGET[rule]
        if rule == "programme" and kind in ("events", "cells", "cases") and not source.curated:
            target = "targets: the states the source names"
        words = f"{_RULE[kind, unit]}; {target}"
        if source.curated:
            words = f"on our list, a timeline, not an outcome: {words}"
        if silent:
            words = f"{words}; not covered: {', '.join(silent)} (a party of no act)"
        upper: object = int(pieces["n"].sum())
        if known is not None and known.survivors and query.start < known.last:  # type: ignore[operator]
            # What was removed before the day of the list is not in it.
            upper, words = pd.NA, f"{words}; current entries only"
        # A change of a list that may lie outside the span leaves only bounds.
        unsure = kind == "list_changes" and not inside[pieces["n"].gt(0)].all()
        yield {
            "covered": covered,
            "unit": unit,
            "target_rule": rule,
            "n": pd.NA if unsure else int(pieces.loc[counted, "n"].sum()),
            "lower": int(pieces.loc[inside, "n"].sum()),
            "upper": upper,
            "rule": words,
        }


def _rules(source: Opened) -> list[TargetRule]:
    """Return the rules for which a table has a column; without any address, none says it."""
    rules = list(rules_of(source))
    if source.kind == "events":
        return [rule for rule in rules if _TARGET_COLUMN[rule] in source.columns]
    if "address" in rules:
        column = "entity_country"
        rows = source.relation([column]) if column in source.columns else None
        if rows is None or not fetched(rows.aggregate(f"count({column}) AS n", ""))["n"].sum():
            rules.remove("address")
    return rules


def _covered(coverage: Coverage | None, query: Query, *, every: Period) -> bool | None:
    if coverage is None or query.start is None or query.end is None:
        return None
    # Cells that the span cuts are left out, unless the source itself ends there.
    first, last = (pd.Series([pd.Timestamp(day)]) for day in (query.start, query.end))
    begins = period_start(first, every=every).eq(first).iloc[0] or query.start <= coverage.first
    ends = period_end(period_start(last, every=every), every=every).eq(last).iloc[0]
    if not begins or not (ends or query.end >= coverage.last):
        return False
    cut = any(first <= query.end and last >= query.start for first, last, _ in coverage.gaps)
    return coverage.first <= query.start and query.end <= coverage.last and not cut


def _check(source: Opened, query: Query) -> None:
    """Check that the table can be counted in this unit, by this rule and these days."""
    unit, kind, has = query.unit, source.kind, UNITS.get(source.kind, ())
    if unit not in has:
        tables = " or ".join(other for other, units in UNITS.items() if unit in units)
        msg = f"unit is {unit!r}, which is counted on {tables}. {source.name!r} holds {kind},"
        raise SanctlibError(
            f"{msg} which have {' or '.join(map(repr, has)) or 'none of the units'}."
        )
    holds, counted = "", {*COUNTED_SANCTIONS}
    if unit in ("entity", "designation"):
        holds = "a list holds only impositions. Removals"
    elif kind == "cases":
        holds = "cases are threatened or imposed. Their ends"
        counted.add("threaten")
    if holds and not counted & {*query.actions}:
        msg = f"actions is {', '.join(map(repr, query.actions))}, and {holds} are"
        raise SanctlibError(f"{msg} the column 'removed' of active_sanctions.")
    check_rule(source, query)
    if query.dated != "date" and kind != "events":
        msg = f"dated is {query.dated!r}, which only events can answer. {source.name!r} holds"
        raise SanctlibError(f'{msg} {kind}. Use dated="date".')


def named(source: Opened, query: Query) -> tuple[str, str]:
    """Return the words for what is counted, and for the title of its picture."""
    known, words = source.coverage, _WORDS[query.unit]
    if source.kind in ("listings", "listing_counts") and known is not None and known.survivors:
        last = pd.Timestamp(known.last)
        still = f"Entries still on the list on {in_words(last, last, every='day')}"
        return "entries still listed", f"{still}, by the day of their listing, per {query.every}"
    return words, f"{words[0].upper()}{words[1:]} per {query.every}"


def basis_note(source: Opened, query: Query) -> tuple[str, ...]:
    """Say of how many entries the day is not that of a listing."""
    if "basis" not in source.columns:
        return ()
    rows = by_target(of_senders(source.small(), query), query, column="programme")
    low, high = (pd.Timestamp(day) for day in (query.start or date.min, query.end or date.max))
    rows = rows[rows["date_last"].ge(low) & rows["date"].le(high)]
    sums = rows.groupby("basis")["n_listings"].sum()
    said = [f"{int(sums[basis]):,} {words}" for basis, words in _BASES.items() if basis in sums]
    return (f"The day is not that of a new listing: {', '.join(said)}.",) if said else ()


def pieces_of(source: Opened, query: Query) -> pd.DataFrame:
    """Count the units of a query by keys and by the periods that each can lie in."""
    _check(source, query)
    if source.kind in ("events", "cells"):
        return _of_events(source, query)
    check_between(source, query)
    table = source.small()
    if query.between is not None:
        table, _ = between_versions(table, every=query.every)
    table = of_senders(table, query)
    if source.kind == "cases":
        units = _of_cases(table, query)
    elif source.kind == "listings":
        units = _of_listings(table, query)
    elif source.kind == "listing_counts":
        split = by_target(table, query, column="programme")
        units = split.rename(columns={"date": "begun", "date_last": "over", "n_listings": "n"})
    else:
        units = _of_list_changes(table, query)
    return _periods(units, query)


def _of_events(source: Opened, query: Query) -> pd.DataFrame:
    target = _TARGET_COLUMN[query.target_rule]
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
    table, column = table.assign(n=table["added"]), "programmes"
    if query.unit == "designation" or "programme" in query.by:
        column = "programme"
        by_programme = parts(table, "programmes", name=column)
        if query.unit == "designation" and "programmes_added" in table:
            # Existing entries that gained a programme, as "PROGRAMME:n;PROGRAMME:n". A
            # programme's name may hold a colon; its number is behind the last.
            gained = parts(table.dropna(subset="programmes_added"), "programmes_added", name="pair")
            pair = gained.pop("pair").str.rsplit(":", n=1)
            gained = gained.assign(programme=pair.str[0], n=pair.str[1].astype("int64"))
            by_programme = pd.concat([by_programme, gained], ignore_index=True)
        table = by_programme
    split = by_target(table, query, column=column)
    split = split[split["n"].gt(0)].rename(columns={"from": "begun", "to": "over"})
    return split if query.between else split.assign(begun=after_version(split["begun"]))


def _periods(units: pd.DataFrame, query: Query) -> pd.DataFrame:
    start, end = query.start, query.end
    low = pd.Timestamp.min if start is None else pd.Timestamp(start)
    # Copies carry hours, so the end is the morning after.
    high = pd.Timestamp.max if end is None else pd.Timestamp(end) + pd.Timedelta(days=1)
    begun, over = units["begun"], units["over"]
    table = units.assign(
        first=period_start(begun, every=query.every),
        last=period_start(over, every=query.every),
        inside=begun.ge(low) & over.lt(high),
    )
    placed = table["inside"] & table["first"].eq(table["last"])
    table = table.assign(counted=placed, unplaced=~placed)
    table = table[~(over.lt(low) | begun.ge(high))]
    order = [*query.by, "first", "last", "inside", "counted", "unplaced"]
    return table.groupby(order, dropna=False, sort=False)["n"].sum().reset_index()
