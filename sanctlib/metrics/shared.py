"""Name the senders that sanction both states of a pair. Read tables; return a Result."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period
from sanctlib.engines import AnyTable, opened
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.stocks import active_sanctions
from sanctlib.query import Day, Pair, ask, one_pair
from sanctlib.result import Result, Source

_EVENTS = ("events", "cells")


def shared_sanctioners(
    tables: AnyTable | Mapping[str, AnyTable],
    *,
    pair: Pair,
    every: Period,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Name the senders that sanction both states of a pair, per period and source.

    Of cases and lists: those with a sanction in force on any day of the period. Of events:
    those that imposed one in the period, since an act has no end. A bloc counts once under
    its own code; expand it first with `expand_blocs` to count its members of that day (of a
    reading its ``table``, and pass on its ``coverage``): for
    Iran and Russia in 2022 the two answers differ by an order of magnitude. Sources
    disagree, so give several: ``disputed`` names what one says and another that covers the
    period does not, though it names that sender elsewhere: a source of three senders does
    not deny the others.

    Parameters
    ----------
    tables : table, or mapping of name to table
        Cases, events, cells, listings or list_changes.
    pair : tuple of two states
        Codes or names, in either order.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        Of one table; readings bring their own.

    Returns
    -------
    Result
        Its table has ``source``, ``period``, ``first``, ``second``, ``n_first``, ``n_second``,
        ``n_shared``, ``jaccard`` (0-1; missing where neither is sanctioned), ``shared`` and
        ``disputed`` (senders joined by ``;``), ``covered``. Counts of periods that are not
        covered, and show nothing, are missing, and so are those of a state without a sender
        on a hand-picked list.

    Raises
    ------
    SanctlibError
        For one state twice, or a table that holds no sanctions.

    Examples
    --------
    >>> cells = pd.DataFrame({
    ...     "period": pd.Timestamp("2018-01-01"), "sender": ["USA", "USA", "CAN"],
    ...     "target": ["RUS", "IRN", "RUS"], "mutual": False, "family": "sanction",
    ...     "action": "impose", "n_acts": 1,
    ... })
    >>> found = shared_sanctioners(cells, pair=("IRN", "RUS"), every="year")
    >>> found.table[["n_first", "n_second", "n_shared", "jaccard", "shared"]].to_dict("records")
    [{'n_first': 1, 'n_second': 2, 'n_shared': 1, 'jaccard': 0.5, 'shared': 'USA'}]
    """
    query = ask(pair=pair, every=every, start=start, end=end)
    first, second = one_pair(query)
    several = isinstance(tables, Mapping)
    named = dict(tables) if isinstance(tables, Mapping) else {"": tables}
    found = []
    known: dict[str, set[str]] = {}
    sources: list[Source] = []
    for name, table in named.items():
        with opened(table, coverage=coverage) as source:
            kind, label = source.kind, name if several else source.name
            sources.append(source.source)
            curated = source.curated
        span = {"every": every, "start": query.start, "end": query.end, "coverage": coverage}
        held, named_by = _held(table, kind, (first, second), span, curated=curated)
        found.append(held.assign(source=label))
        known[label] = named_by
    rows = pd.concat(found, ignore_index=True)
    rows["disputed"] = _disputed(rows, known)
    columns = ["source", "period", "first", "second", "n_first", "n_second", "n_shared"]
    joined = {c: rows[c].map(";".join, na_action="ignore") for c in ("shared", "disputed")}
    shown = rows.assign(first=first, second=second, **joined)
    types = {**dict.fromkeys(("n_first", "n_second", "n_shared"), "Int64"), "jaccard": "Float64"}
    types |= dict.fromkeys(("source", "shared", "disputed"), "str")
    table = shown[[*columns, "jaccard", "shared", "disputed", "covered"]].astype(types)
    names = f"{name_of(first)} and {name_of(second)}"
    everyone = {sender for text in table["shared"].dropna() for sender in text.split(";") if sender}
    return Result(
        table=table,
        kind="shared",
        name=f"Senders that sanction both {names}",
        query=query,
        unit=f"senders that sanction both {names}",
        n=len(everyone),
        sources=tuple(sources),
        notes=("A bloc counts once, under its own code.",),
    )


def _held(
    table: AnyTable, kind: str, pair: Pair, span: Mapping[str, object], *, curated: bool
) -> tuple[pd.DataFrame, set[str]]:
    """Return per period the senders on each state of the pair, and all senders seen on one."""
    by = {"by": ["sender", "target"], "targets": list(pair), **span}
    if kind in _EVENTS:
        counts = sanction_counts(table, unit="act", **by).table  # type: ignore[arg-type]
        counts = counts[counts["period"].notna()]
    else:
        counts = active_sanctions(table, at="any_day", **by).table  # type: ignore[arg-type]
    rows = []
    for period, group in counts.groupby("period", sort=True):
        held = group[group["n"].gt(0) & group["sender"].notna()]
        on_first, on_second = (set(held.loc[held["target"].eq(s), "sender"]) for s in pair)
        covered = group["covered"].all() if group["covered"].notna().all() else pd.NA
        both, either = sorted(on_first & on_second), on_first | on_second
        blank = group["n"].isna().all()
        # A hand-picked list that has no sender on a state does not say that there is none.
        silent = [blank or (curated and not found) for found in (on_first, on_second)]
        rows.append(
            {
                "period": period,
                "n_first": pd.NA if silent[0] else len(on_first),
                "n_second": pd.NA if silent[1] else len(on_second),
                "n_shared": pd.NA if any(silent) else len(both),
                "jaccard": len(both) / len(either) if either and not any(silent) else pd.NA,
                "shared": None if any(silent) else both,
                "covered": covered,
            }
        )
    columns = ["period", "n_first", "n_second", "n_shared", "jaccard", "shared", "covered"]
    types = {"period": "datetime64[us]", "covered": "boolean"}
    return pd.DataFrame(rows, columns=columns).astype(types), set(counts["sender"].dropna())


def _disputed(rows: pd.DataFrame, named: Mapping[str, set[str]]) -> pd.Series:
    """Return what a source says of a period, and one that knows the sender does not."""
    said = {
        (source, period): set(shared)
        for source, period, shared in zip(
            rows["source"], rows["period"], rows["shared"], strict=True
        )
        if isinstance(shared, list)
    }
    known = rows["covered"].fillna(value=False)
    covering = set(zip(rows.loc[known, "source"], rows.loc[known, "period"], strict=True))

    def against(source: str, period: pd.Timestamp) -> list[str] | None:
        if (source, period) not in said:
            return None
        others = [key for key in covering if key[1] == period and key[0] != source]
        mine = said[source, period]
        denied = [(mine & named[key[0]]) - said.get(key, set()) for key in others]
        return sorted(set().union(*denied))

    pairs = zip(rows["source"], rows["period"], strict=True)
    return pd.Series([against(s, p) for s, p in pairs], index=rows.index, dtype="object")
