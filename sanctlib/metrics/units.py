"""Count one span in every unit and under every target rule. Read tables; return a Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from sanctlib.acts import periods_of
from sanctlib.coverage import Coverage
from sanctlib.engines import AnyTable, Opened, fetched, opened
from sanctlib.errors import SanctlibError
from sanctlib.metrics.questions import RULES, TARGET_COLUMN, UNITS, check_kind
from sanctlib.metrics.tallies import pieces_of
from sanctlib.periods import Period, period_end, period_start
from sanctlib.query import Day, Query, TargetRule, ask
from sanctlib.reading import Reading
from sanctlib.result import Result

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
        "dated by the copy that first shows it"
    ),
    ("list_changes", "designation"): (
        "entry and programme newly together, also for an existing entry; dated by the copy that "
        "first shows it"
    ),
    ("listing_counts", "designation"): "entries under a programme, by the list's own dates",
}
_TARGET = {
    "programme": "targets: the states the law is about",
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
    if isinstance(readings, Reading):
        readings = [readings]
    named = readings if isinstance(readings, Mapping) else _named(readings)
    rows, sources = [], []
    for name, table in named.items():
        with opened(table) as source:
            sources.append(source.source)
            check_kind(source, *UNITS)
            units = UNITS[source.kind]
            for unit in units:
                for rule in _rules(source):
                    one = ask(
                        every=periods_of(source)[1][-1] if source.kind == "cells" else "day",
                        by=("target",) if unit == "dyad" else (),
                        unit=unit,
                        target_rule=rule,
                        start=query.start,
                        end=query.end,
                        targets=targets,
                    )
                    known = source.coverage
                    whole = _covered(known, query.start, query.end, every=one.every)
                    # What is not on a hand-picked list may have happened all the same.
                    whole = False if source.curated else whole
                    row = {"source": name, "covered": whole, **_row(source, one)}
                    if known is not None and known.survivors and query.start < known.last:
                        # What was removed before the day of the list is not in it.
                        row |= {"upper": pd.NA, "rule": f"{row['rule']}; current entries only"}
                    rows.append(row)
    table = pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)
    # Where the source does not cover the whole span, nothing seen is not nothing.
    cut = ~table["covered"].fillna(value=True)
    table.loc[cut & table["n"].eq(0), ["n", "lower"]] = pd.NA
    table.loc[cut, "upper"] = pd.NA
    return Result(
        table=table,
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


def _named(readings: Sequence[Reading]) -> dict[str, AnyTable]:
    keys = [reading.provenance.key for reading in readings]
    if len(set(keys)) < len(keys):
        msg = f"compare_units needs readings of different keys, got {keys}: name them in a mapping."
        raise SanctlibError(msg)
    return dict(zip(keys, readings, strict=True))


def _rules(source: Opened) -> list[TargetRule]:
    known = RULES[source.kind]
    if source.kind == "events":
        return [rule for rule in known if TARGET_COLUMN[rule] in source.columns]
    return [rule for rule in known if rule != "address" or _addressed(source)]


def _addressed(source: Opened) -> bool:
    """Tell whether any entry of a list has an address: a column without any says nothing."""
    if "entity_country" not in source.columns:
        return False
    rows = source.relation(["entity_country"]).aggregate("count(entity_country) AS n", "")
    return bool(fetched(rows)["n"].sum())


def _covered(coverage: Coverage | None, start: date, end: date, *, every: Period) -> bool | None:
    if coverage is None:
        return None
    # Cells that the span cuts are left out, unless the source itself ends there.
    first, last = (pd.Series([pd.Timestamp(day)]) for day in (start, end))
    begins = period_start(first, every=every).eq(first).iloc[0] or start <= coverage.first
    ends = period_end(period_start(last, every=every), every=every).eq(last).iloc[0]
    if not begins or not (ends or end >= coverage.last):
        return False
    cut = any(first <= end and last >= start for first, last, _ in coverage.gaps)
    return coverage.first <= start and end <= coverage.last and not cut


def _row(source: Opened, query: Query) -> dict[str, object]:
    pieces = pieces_of(source, query)
    # Over the whole span, a thing wider than a day has its place all the same.
    inside = pieces["inside"].to_numpy(dtype=bool)
    counted = inside | pieces["counted"].to_numpy(dtype=bool)
    target = _TARGET[query.target_rule]
    if source.kind in ("events", "cells", "cases") and not source.curated:
        target = "targets: the states the source names" if "law" in target else target
    rule = f"{_RULE[source.kind, query.unit]}; {target}"
    if source.curated:
        rule = f"on our list, a timeline, not an outcome: {rule}"
    return {
        "unit": query.unit,
        "target_rule": query.target_rule,
        "n": int(pieces.loc[counted, "n"].sum()),
        "lower": int(pieces.loc[inside, "n"].sum()),
        "upper": int(pieces["n"].sum()),
        "rule": rule,
    }
