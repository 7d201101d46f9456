"""Count acts by period and key. Read any frame, path or reading; return cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.conditions import JOINED, Span, between, kept_rows, on_a_side
from sanctlib.errors import SanctlibError
from sanctlib.frames import AnyTable, Opened, check_dates, fetched, opened, quoted, types_of
from sanctlib.periods import PERIODS, Period, period_start
from sanctlib.query import Day, Pair, ask

KEYS = ("sender", "target", "mutual", "family", "action")
_FEW = {"mutual", "family", "action"}
ACT = ("source", "act_id")
"""What names an act."""
_ROOM = 1 << 62
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

    Acts are distinct (``source``, ``act_id``), never rows: an act with three targets
    counts once by sender and three times by target. So counts by few keys are not sums
    of counts by many; ask for exactly the keys you need. An act that may lie in more
    than one period (its ``date`` and ``date_last`` differ that much, or ``start`` or
    ``end`` cuts it) is placed in none: it is counted in ``n_unassigned``, in the row of
    its keys whose period is missing. Only what was observed is returned: no zeros.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events (a pandas, polars, pyarrow, PySpark or Ibis frame, a DuckDB relation, a
        Parquet file or folder, or a Reading), or cells of the same periods with every key
        requested. Cells are added up, which is right where an act has one row, as in
        machine-coded sources. Only the columns needed are read.
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
        ``n_rows`` (rows of the source) and ``n_unassigned`` (acts dated more widely than a
        period), sorted by period and keys, missing last.

    Raises
    ------
    MissingColumnsError, SchemaError, SourceError
        When the table lacks a column, holds a wrong value or cannot be read.
    SanctlibError
        When it is of another kind, or cells of other periods.

    Examples
    --------
    >>> import pandas as pd
    >>> from sanctlib.counting import cells
    >>> day = pd.Timestamp("2018-05-08")
    >>> row = dict(source="own", date=day, date_last=day, sender="USA", mutual=False,
    ...            family="sanction", action="impose")
    >>> acts = pd.DataFrame([
    ...     row | dict(event_id="1:USA>IRN", act_id="1", target="IRN"),
    ...     row | dict(event_id="1:USA>SYR", act_id="1", target="SYR"),
    ... ])
    >>> cells(acts, every="month", by=["sender"])[["period", "sender", "n_acts", "n_rows"]]
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


def cells_of(
    source: Opened,
    *,
    every: Period,
    by: Sequence[str],
    start: date | None,
    end: date | None,
    keep: Mapping[str, Sequence[str] | None] | None = None,
    pairs: Sequence[Pair] | None = None,
    touching: Sequence[str] | None = None,
    distinct: Sequence[str] = ACT,
) -> pd.DataFrame:
    """Return the cells of an opened table; see `cells` and `counted_rows`."""
    keys = {key: {"measure": "measures"}.get(key, key) for key in by}
    rows = counted_rows(
        source,
        every=every,
        keys=keys,
        start=start,
        end=end,
        keep=keep,
        pairs=pairs,
        touching=touching,
        distinct=distinct,
    )
    period = 'CASE WHEN inside AND "first" = "last" THEN "first" END AS period'
    kept = ", ".join([period, *(quoted(c) for c in by), "n", "n_rows"])
    sums = {
        "n_acts": "CASE WHEN period IS NULL THEN 0 ELSE n END",
        "n_rows": "n_rows",
        "n_unassigned": "CASE WHEN period IS NULL THEN n ELSE 0 END",
    }
    names = ", ".join(quoted(c) for c in ["period", *by])
    columns = ", ".join([names, *(f"sum({n})::BIGINT AS {name}" for name, n in sums.items())])
    table = _named(fetched(rows.project(kept).aggregate(columns, names)), keys)
    return table.iloc[_order(table, ["period", *by])].reset_index(drop=True)


def _order(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    """Return the order of the rows by these columns, missing last: text by its numbers."""
    key, size = np.zeros(len(table), dtype=np.int64), 1
    for column in columns:
        codes, known = pd.factorize(table[column], sort=True)
        if size * (len(known) + 1) > _ROOM:
            distinct, key = np.unique(key, return_inverse=True)
            size = len(distinct)
        # One number orders faster than several.
        key = key * (len(known) + 1) + np.where(codes < 0, len(known), codes)
        size *= len(known) + 1
    return np.argsort(key, kind="stable")


def _named(table: pd.DataFrame, keys: Mapping[str, str]) -> pd.DataFrame:
    """Give parts without a name, which an engine has as empty text, a missing one."""
    joined = [name for name, column in keys.items() if _joined(name, column)]
    return table.assign(**{name: table[name].mask(table[name].eq("")) for name in joined})


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
    Ask for the distinct things of an opened table, with the periods they can lie in.

    Parameters
    ----------
    keys : mapping
        Name of the key to the column it is taken from.
    keep : mapping
        Column to the values kept; None keeps all. A `;`-joined column is kept where it
        holds one of them.
    touching : sequence of str, optional
        Keep acts with one of these on either side.
    distinct : sequence of str
        What names a counted thing; keys count as columns here.
    dated : str, optional
        Of events: a column of days that stands for ``date`` and ``date_last`` where it is
        filled.

    Returns
    -------
    rows : DuckDB relation, or what stands for one
        A row per thing, or several to be added up: the keys, ``first`` and ``last``
        (periods), ``inside`` (it lies wholly in the span), ``n``, ``n_rows``, and with
        `dated` also ``n_fallback`` (1 where it is not filled).

    Raises
    ------
    SanctlibError
        When the table has neither events nor cells.
    """
    if source.kind not in ("events", "cells"):
        msg = f"The table holds {source.kind}. Acts are counted on events or cells."
        raise SanctlibError(msg)
    made, span = source.kind == "cells", Span(start, end)
    taken = {name: name for name in keys} if made else keys
    kept = {column: list(values) for column, values in (keep or {}).items() if values is not None}
    ids = [] if made or source.acts_are_rows else [c for c in distinct if c not in keys]
    dates = ["period"] if made else ["date", "date_last"]
    numbers = ("n_acts",) if made else ()
    more = [c for c in ("n_rows", "n_reports", "n_unassigned") if c in source.columns]
    sides = ("sender", "target") if pairs or touching else ()
    days = [*dates, *([dated] if dated else [])]
    used = [*taken.values(), *ids, *kept, *sides, *days, *numbers, *more]
    rows = source.relation(used)
    types = types_of(rows)
    check_dates(types, days)
    if dated:
        rest = [quoted(c) for c in types if c not in dates]
        rows = rows.project(", ".join([*rest, *(f"coalesce({dated}, {c}) AS {c}" for c in dates)]))
    if made:
        known = fetched(rows.project("period::DATE AS period").distinct())["period"]
        check_grid(known, every=every)
        conditions, first, last = [span.of_cells(every, source.coverage)], "period", "period"
        inside, unplaced = "period IS NOT NULL", "n_unassigned" if "n_unassigned" in more else "0"
        n, n_rows = f"n_acts + coalesce({unplaced}, 0)", "n_rows" if "n_rows" in more else "n_acts"
    else:
        conditions, inside = span.touched(), span.held()
        first, last = (_begin(c, every) for c in dates)
        n, n_rows = "1", "coalesce(n_reports, 1)" if "n_reports" in more else "1"
    conditions += [*between(pairs), *on_a_side(touching)]
    for condition in [*kept_rows(kept), *conditions]:
        rows = rows.filter(condition)
    if source.acts_are_rows and not dated and set(keys) <= _FEW:
        # Days are few beside acts, and where their periods begin costs more than a group-by.
        each = ", ".join(quoted(c) for c in dict.fromkeys([*taken.values(), *dates]))
        rows = rows.aggregate(f"{each}, count(*) AS n, sum({n_rows}) AS n_rows", each)
        n, n_rows = "n", "n_rows"
    chosen = [f"{_key(name, column, types)} AS {quoted(name)}" for name, column in taken.items()]
    chosen += [quoted(c) for c in ids]
    chosen += [f'{first}::DATE AS "first"', f'{last}::DATE AS "last"']
    chosen += [f"{inside} AS inside", f"({n})::BIGINT AS n", f"({n_rows})::BIGINT AS n_rows"]
    chosen += [f"({dated} IS NULL)::BIGINT AS n_fallback"] if dated else []
    rows = rows.project(", ".join(chosen))
    parts = {name: kept[column] for name, column in taken.items() if _joined(name, column) in kept}
    for condition in kept_rows(parts):
        rows = rows.filter(condition)
    if made or source.acts_are_rows:
        return rows
    # Two groupings cost half of one count(DISTINCT (source, act_id)) in DuckDB.
    names = [*keys, "first", "last", "inside", *ids]
    each = ", ".join(quoted(c) for c in names)
    fell = ", max(n_fallback) AS n_fallback" if dated else ""
    return rows.aggregate(f"{each}, 1 AS n, sum(n_rows) AS n_rows{fell}", each)


def grouped(rows: Any, *, keys: Mapping[str, str], dated: str | None = None) -> pd.DataFrame:
    """
    Add up what `counted_rows` gave, by its keys and periods.

    Returns
    -------
    pieces : DataFrame
        The columns of `rows`, and ``placed`` (inside, and in one period).
    """
    totals = ["n", "n_rows", *(["n_fallback"] if dated else [])]
    names = ", ".join(quoted(c) for c in [*keys, "first", "last", "inside"])
    sums = ", ".join(f"sum({c})::BIGINT AS {c}" for c in totals)
    pieces = _named(fetched(rows.aggregate(f"{names}, {sums}", names)), keys)
    return pieces.assign(placed=pieces["inside"] & pieces["first"].eq(pieces["last"]))


def _begin(day: str, every: Period) -> str:
    # Of days, not of times: in the zone of a Spark session some days have no midnight.
    return day if every == "day" else f"date_trunc('{every}', {day}::DATE)"


def _joined(name: str, column: str) -> str | None:
    return column if column in JOINED and name != column else None


def _key(name: str, column: str, types: Mapping[str, str]) -> str:
    if _joined(name, column):
        # unnest drops a row without a list: a missing value stays, as one part without a name.
        return f"unnest(string_split(coalesce({quoted(column)}::VARCHAR, ''), ';'))"
    if name == "mutual":
        return "mutual::BOOLEAN"
    # Categories and columns without any value come in types of their own.
    return quoted(column) + ("" if types[column] == "BOOLEAN" else "::VARCHAR")


def check_grid(periods: pd.Series, *, every: Period) -> None:
    """
    Check that cells were made for the period asked for: weeks cannot make months.

    Three or more periods that all begin a longer one ("2018-01-01", "2018-04-01", …)
    are taken for the longer one: quarters asked for as months would put a quarter's
    acts into its first month.

    Raises
    ------
    SanctlibError
        Naming the first period that does not begin one of those asked for.
    """
    known = periods.dropna().drop_duplicates().sort_values()
    off = known[known.ne(period_start(known, every=every))]
    remedy = (
        "Cells of shorter periods do not add up to it: use sl.load('icews_2018_monthly'), or "
        f"sl.cells(events, every={every!r})."
    )
    if len(off):
        found = off.iloc[0].date()
        msg = f"The cells have a period from {found}, where no {every} begins."
        raise SanctlibError(f"{msg} {remedy}")
    longer = PERIODS[PERIODS.index(every) + 1 :]
    for period in reversed(longer) if len(known) >= _ENOUGH_TO_TELL else ():
        if known.eq(period_start(known, every=period)).all():
            msg = f"All cells begin a {period}, and every is {every!r}."
            raise SanctlibError(f"{msg} {remedy}")
