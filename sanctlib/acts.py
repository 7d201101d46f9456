"""Count acts by period and key. Read any frame, path or reading; return cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from sanctlib.checks import check_dates
from sanctlib.coverage import Coverage
from sanctlib.dates import PERIODS, Period, period_end, period_start
from sanctlib.engines import AnyTable, Opened, fetched, literal, opened, quoted
from sanctlib.errors import SanctlibError
from sanctlib.query import Day, Pair, ask
from sanctlib.store import shipped

KEYS = ("sender", "target", "mutual", "family", "action")
ACT = ("source", "act_id")
"""What names an act."""
_JOINED = ("measures", "conduct", "located_in")
"""Columns of `;`-joined parts: a key taken from one counts a row once under each part."""
_FEW = {"mutual", "family", "action"}
_ADD_UP = {"day": PERIODS[1:], "month": ("quarter", "year"), "quarter": ("year",)}
"""Periods, and those that they add up to: weeks add up to no others."""
_ENOUGH_TO_TELL = 3


def cells(
    table: AnyTable,
    *,
    every: Period,
    by: Sequence[str] = KEYS,
    start: Day | None = None,
    end: Day | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    pairs: Sequence[Pair] | None = None,
    actions: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Count acts per period and key, in one pass over the table.

    Acts are distinct (``source``, ``act_id``), never rows: an act with three targets counts
    once by sender and three times by target. Ask for exactly the keys you need: counts by few
    keys are not sums of counts by many. An act that may lie in more than one period, or only
    partly in the span, is not assigned to one. No zeros are filled in.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events (a pandas, polars, pyarrow, PySpark or Ibis frame, a DuckDB relation, a
        Parquet file or folder, or a Reading), or cells with every key requested, of the same
        periods or of shorter ones that add up: days to any period, months to quarters and
        years. Cells are added up, which is right where an act has one row; an act not assigned
        to a month stays unassigned in quarters. Only the columns needed are read.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    by : sequence of str, default ("sender", "target", "mutual", "family", "action")
        Columns of the table; ``"measure"`` gives one row per part of ``measures``. May be
        empty.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. Cells count where their period is fully inside.
    senders, targets : sequence of str, optional
        Only these states or bodies, as codes or names.
    pairs : sequence of pairs, optional
        Only acts between the two states of a pair, in either direction.
    actions : sequence of str, optional
        Only these actions.

    Returns
    -------
    DataFrame
        ``period`` (first day; missing for acts not assigned to one), the keys, ``n_acts``,
        ``n_rows`` (rows of the source) and ``n_unassigned`` (acts without one period), sorted
        by period and keys, missing last.

    Raises
    ------
    MissingColumnsError, SchemaError, SourceError
        When the table lacks a column, holds a wrong value or cannot be read.
    SanctlibError
        When it is of another kind, or cells of periods that do not add up to those requested.

    Examples
    --------
    >>> import pandas as pd
    >>> import sanctlib as sl
    >>> day = pd.Timestamp("2018-05-08")
    >>> row = dict(source="own", date=day, date_last=day, sender="USA", mutual=False,
    ...            family="sanction", action="impose")
    >>> acts = pd.DataFrame([
    ...     row | dict(event_id="1:USA>IRN", act_id="1", target="IRN"),
    ...     row | dict(event_id="1:USA>SYR", act_id="1", target="SYR"),
    ... ])
    >>> sl.cells(acts, every="month", by=["sender"])[["period", "sender", "n_acts", "n_rows"]]
          period sender  n_acts  n_rows
    0 2018-05-01    USA       1       2
    """
    query = ask(
        every=every, by=by, start=start, end=end, senders=senders, targets=targets, pairs=pairs
    )
    with opened(table) as source:
        return cells_of(
            source,
            every=query.every,
            by=query.by,
            start=query.start,
            end=query.end,
            keep={"sender": query.senders, "target": query.targets, "action": actions},
            pairs=query.pairs,
        )


def cells_of(source: Opened, *, every: Period, by: Sequence[str], **options: Any) -> pd.DataFrame:
    """Return the cells of an open table; `options` are arguments of `counted_rows`."""
    keys = {key: {"measure": "measures"}.get(key, key) for key in by}
    rows = counted_rows(source, every=every, keys=keys, **options)
    period = 'CASE WHEN inside AND "first" = "last" THEN "first" END AS period'
    sums = {
        "n_acts": "CASE WHEN period IS NULL THEN 0 ELSE n END",
        "n_rows": "n_rows",
        "n_unassigned": "CASE WHEN period IS NULL THEN n ELSE 0 END",
    }
    names = _listed(["period", *by])
    columns = ", ".join([names, *(f"sum({n})::BIGINT AS {name}" for name, n in sums.items())])
    placed = rows.project(", ".join([period, *map(quoted, by), "n", "n_rows"]))
    table = _named(fetched(placed.aggregate(columns, names)), keys)
    return table.sort_values(["period", *by], ignore_index=True)


def grouped(rows: Any, *, keys: Mapping[str, str], dated: str | None = None) -> pd.DataFrame:
    """Add up `counted_rows` by keys and periods; ``placed`` is inside, and in one period."""
    totals = ["n", "n_rows", *(["n_fallback"] if dated else [])]
    names = _listed([*keys, "first", "last", "inside"])
    sums = ", ".join(f"sum({c})::BIGINT AS {c}" for c in totals)
    pieces = _named(fetched(rows.aggregate(f"{names}, {sums}", names)), keys)
    return pieces.assign(placed=pieces["inside"] & pieces["first"].eq(pieces["last"]))


def _named(table: pd.DataFrame, keys: Mapping[str, str]) -> pd.DataFrame:
    """Give parts without a name, which an engine has as empty text, a missing one."""
    parts = [name for name, column in keys.items() if _is_part(name, column)]
    return table.assign(**{name: table[name].mask(table[name].eq("")) for name in parts})


def counted_rows(
    source: Opened,
    *,
    every: Period,
    keys: Mapping[str, str],
    start: date | None = None,
    end: date | None = None,
    keep: Mapping[str, Sequence[str] | None] | None = None,
    pairs: Sequence[Pair] | None = None,
    touching: Sequence[str] | None = None,
    distinct: Sequence[str] = ACT,
    dated: str | None = None,
) -> Any:
    """
    Return acts with the periods they can lie in, ``first`` to ``last``, as a relation.

    A row is an act, or several to be added up: ``n``, ``n_rows``, ``inside`` (fully in the span)
    and with `dated` ``n_fallback`` (that day is missing).
    """
    if source.kind not in ("events", "cells"):
        msg = f"The table holds {source.kind}. Acts are counted on events or cells."
        raise SanctlibError(msg)
    are_cells = source.kind == "cells"
    taken = {name: name for name in keys} if are_cells else keys
    kept = {column: list(values) for column, values in (keep or {}).items() if values is not None}
    one_row = are_cells or source.acts_are_rows
    ids = [] if one_row else [c for c in distinct if c not in keys]
    days = ["period"] if are_cells else ["date", "date_last", *([dated] if dated else [])]
    numbers = ["n_acts", "n_unassigned", "n_rows"] if are_cells else ["n_reports"]
    numbers = [c for c in numbers if c in source.columns]
    sides = ("sender", "target") if pairs or touching else ()
    used = [*taken.values(), *ids, *kept, *sides, *days, *numbers]
    types = source.types(used)
    check_dates(types, days)
    if are_cells:
        own = _own_periods(source, every)
        where, inside = [_span_of_cells(start, end, own, source.coverage)], "period IS NOT NULL"
        first = last = "period"
        # A sum, so that counts in text are refused by every engine.
        n = f"n_acts + {'coalesce(n_unassigned, 0)' if 'n_unassigned' in numbers else 0}"
        n_rows = "n_rows" if "n_rows" in numbers else "n_acts"
    else:
        first, last = (f"coalesce({dated}, {c})" if dated else c for c in ("date", "date_last"))
        where, inside = span(start, end, first, last)
        n, n_rows = "1", "coalesce(n_reports, 1)" if numbers else "1"
    rows = source.relation(used, where=[*kept_rows(kept), *where, *between(pairs, touching)])
    if source.acts_are_rows and not dated and set(keys) <= _FEW:
        # Days are few compared with acts, and to find their periods costs more than a group-by.
        each = _listed(list(dict.fromkeys([*taken.values(), *days])))
        rows = rows.aggregate(f"{each}, count(*) AS n, sum({n_rows}) AS n_rows", each)
        n, n_rows = "n", "n_rows"
    chosen = [f"{_key(name, column, types)} AS {quoted(name)}" for name, column in taken.items()]
    chosen += [*map(quoted, ids), f"{inside} AS inside"]
    chosen += [f'{_begin(first, every)} AS "first"', f'{_begin(last, every)} AS "last"']
    chosen += [f"({n})::BIGINT AS n", f"({n_rows})::BIGINT AS n_rows"]
    chosen += [f"({dated} IS NULL)::BIGINT AS n_fallback"] if dated else []
    rows = rows.project(", ".join(chosen))
    parts = {
        n: kept[column] for n, column in taken.items() if _is_part(n, column) and column in kept
    }
    for condition in kept_rows(parts):
        rows = rows.filter(condition)
    if one_row:
        return rows
    # Two groupings cost half of one count(DISTINCT (source, act_id)) in DuckDB.
    each = _listed([*keys, "first", "last", "inside", *ids])
    fell = ", max(n_fallback) AS n_fallback" if dated else ""
    return rows.aggregate(f"{each}, 1 AS n, sum(n_rows) AS n_rows{fell}", each)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))


def _begin(day: str, every: Period) -> str:
    # Of days, not of times: in the zone of a Spark session some days have no midnight.
    return f"{day}::DATE" if every == "day" else f"date_trunc('{every}', {day}::DATE)::DATE"


def _is_part(name: str, column: str) -> bool:
    return column in _JOINED and name != column


def _key(name: str, column: str, types: Mapping[str, str]) -> str:
    if _is_part(name, column):
        # unnest drops a row without a list: a missing value stays, as one part without a name.
        return f"unnest(string_split(coalesce({quoted(column)}::VARCHAR, ''), ';'))"
    if name == "mutual":
        return "mutual::BOOLEAN"
    # Categories and columns without any value come in types of their own.
    return quoted(column) + ("" if types[column] == "BOOLEAN" else "::VARCHAR")


def kept_rows(kept: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what holds for rows that have one of the values kept in each column."""
    conditions = []
    for column, values in kept.items():
        condition = f"{quoted(column)} IN ({', '.join(map(literal, values))})"
        if column in _JOINED:
            # In words that every engine has: an array operator is not one of them.
            parts = f"';' || {quoted(column)} || ';'"
            condition = " OR ".join(f"strpos({parts}, {literal(f';{v};')}) > 0" for v in values)
        conditions.append(f"({condition})" if values else "FALSE")
    return conditions


def between(pairs: Sequence[Pair] | None, touching: Sequence[str] | None = None) -> list[str]:
    """Return what holds for acts within the pairs, and with one of these states on a side."""
    conditions = []
    if touching is not None:
        conditions += [" OR ".join(kept_rows({"sender": touching, "target": touching}))]
    if pairs is not None:
        # A scan knows no pairs of columns: what it can do is done first.
        states = sorted({state for pair in pairs for state in pair})
        conditions += kept_rows({"sender": states, "target": states})
        ways = [f"({literal(a)}, {literal(b)})" for pair in pairs for a, b in (pair, pair[::-1])]
        conditions += [f"(sender, target) IN ({', '.join(ways)})"]
    return conditions


def span(start: date | None, end: date | None, first: str, last: str) -> tuple[list[str], str]:
    """Return what holds for acts that can lie in the span, and for those that must."""
    can, must = [], []
    if start is not None:
        # Written with OR, which reaches the scan of a Parquet file; coalesce does not.
        can.append(f"({last} >= {literal(start)} OR {last} IS NULL)")
        must.append(f"{first} >= {literal(start)}")
    if end is not None:
        # Days can have hours, so the end is the morning after.
        after = literal(end + timedelta(days=1))
        can.append(f"({first} < {after} OR {first} IS NULL)")
        must.append(f"{last} < {after}")
    return can, f"coalesce({' AND '.join(must) or 'TRUE'}, FALSE)"


def _span_of_cells(
    start: date | None, end: date | None, own: Period, coverage: Coverage | None
) -> str:
    """
    Return what holds for cells of periods fully inside the span, and of no period.

    A period is inside too if the source covers none of its days outside the span.
    """
    bounds, one = ["TRUE"], timedelta(days=1)
    if start is not None:
        begun = _first_day(start, own)
        cut = coverage is not None and not _n_days(coverage, begun, start - one)
        bounds.append(f"period >= {literal(begun if cut else start)}")
    if end is not None:
        after = end + one
        begun = _first_day(after, own)
        last = period_end(pd.Series([pd.Timestamp(begun)]), every=own).iloc[0]
        cut = coverage is not None and not _n_days(coverage, after, last)
        bounds.append(f"period < {literal(after if cut else begun)}")
    return f"(period IS NULL OR ({' AND '.join(bounds)}))"


def _n_days(coverage: Coverage, first: date, last: date) -> int:
    """Return how many days a source covers from `first` to `last`."""
    return int(coverage.days(*(pd.Series([pd.Timestamp(day)]) for day in (first, last))).iloc[0])


def _first_day(day: date, every: Period) -> date:
    begun: pd.Timestamp = period_start(pd.Series([pd.Timestamp(day)]), every=every).iloc[0]
    return begun.date()


def periods_of(source: Opened) -> tuple[pd.Series, list[Period]]:
    """Return the periods of cells, and the lengths that they can have: all begin such a one."""
    day = "period::DATE"
    starts = fetched(source.relation(["period"]).aggregate(f"{day} AS period", day))["period"]
    starts = starts.dropna().sort_values()
    return starts, [p for p in PERIODS if starts.eq(period_start(starts, every=p)).all()]


def _own_periods(source: Opened, every: Period) -> Period:
    """
    Return the length of the periods of cells, where they add up to those requested.

    Three or more that all begin a longer one ("2018-01-01", "2018-04-01", …) are the longer one.
    """
    starts, fits = periods_of(source)
    own = fits[-1]
    if every in fits and (own == every or len(starts) < _ENOUGH_TO_TELL):
        return every
    if every in _ADD_UP.get(own, ()):
        return own
    msg = f"All cells begin a {own}, and every is {every!r}."
    if every not in fits:
        off = starts[starts.ne(period_start(starts, every=every))].iloc[0].date()
        msg = f"The cells have a period from {off}, where no {every} begins."
    remedy = [f"sl.cells(events, every={every!r})"]
    for key, dataset in shipped().items():
        if dataset.every is not None and every in (dataset.every, *_ADD_UP.get(dataset.every, ())):
            remedy.insert(0, f"sl.load({key!r})")
    msg = f"{msg} {own.capitalize()}s do not add up to {every}s. Use {', or '.join(remedy)}."
    raise SanctlibError(msg)
