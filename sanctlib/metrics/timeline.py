"""Choose the acts of a list for a timeline. Read events; return a Result."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sanctlib.codes.countries import name_of
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics.questions import check_kind
from sanctlib.query import Day, Pair, Query, ask, one_pair
from sanctlib.result import Result
from sanctlib.schema import COUNTED_SANCTIONS, PARTNERSHIP


def timeline(
    events: AnyTable,
    *,
    pair: Pair | None = None,
    targets: Sequence[str] | None = None,
    senders: Sequence[str] | None = None,
    start: Day | None = None,
    end: Day | None = None,
) -> Result:
    """
    Choose the acts of two states together, or the sanctions on some states.

    With `pair`: what the two did with or to each other, and, for the partnership that the
    list was made for (Iran and Russia), the sanctions that their senders imposed because of
    it, in whole or in part. With `pair` and `senders`: what the two did with or to each other,
    and the sanctions and statements of these senders towards either. With `targets`: acts of
    sanction (impose, amend) on these states.
    A hand-picked list is denser where it was made more closely: its timeline is no rate.

    Parameters
    ----------
    events : frame, path, Reading or Result
        Events with ``title`` and ``status``.
    pair : tuple of two states, optional
        Codes or names, in either order.
    targets : sequence of str, optional
        States or bodies, as codes or names. Either `pair` or `targets` is needed.
    senders : sequence of str, optional
        States or bodies, as codes or names. Only together with `pair`.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default all.

    Returns
    -------
    Result
        Its table has the columns of `events` and ``side``, the heading under which an act is
        shown: the names of the pair or "Sanctions because of the partnership" (a row per
        act), "Sanctions and statements" of senders, "Acts of sanction" for targets (a row per
        act, sender and target).

    Raises
    ------
    SanctlibError
        For a table that holds no events, or both or none of `pair` and `targets`, or `senders`
        without a pair.

    Examples
    --------
    >>> import sanctlib as sl
    >>> january = {"start": "2025-01", "end": "2025-01"}
    >>> acts = timeline(sl.load("russia_iran"), pair=("IRN", "RUS"), **january)
    >>> acts.table[["date", "side", "action"]].to_dict("records")
    [{'date': Timestamp('2025-01-17 00:00:00'), 'side': 'Iran and Russia', 'action': 'agree'}]
    """
    query = ask(pair=pair, targets=targets, senders=senders, start=start, end=end)
    if (query.pairs is None) == (query.targets is None):
        raise SanctlibError("A timeline is of a pair or on targets. Pass pair=… or targets=….")
    if query.senders is not None and query.pairs is None:
        raise SanctlibError("senders needs pair=…: a timeline on targets has all their senders.")
    with opened(events) as source:
        check_kind(source, "events")
        check_columns(source.columns, ["title", "status"])
        rows = source.small()
    low = pd.Timestamp(query.start) if query.start else rows["date"].min()
    high = pd.Timestamp(query.end) if query.end else rows["date"].max()
    rows = rows[rows["date"].between(low, high)].sort_values("date", kind="stable")
    table, name = _of_pair(rows, query) if query.pairs else _on_targets(rows, query)
    n = int(table["act_id"].nunique())
    notes = ("Selected events; not a sample.",) if source.curated else ()
    return Result(
        table=table.reset_index(drop=True),
        kind="timeline",
        name=name,
        query=query,
        unit="acts",
        n=n,
        sources=(source.source,),
        notes=notes,
        findings=(f"{name}: {n:,} acts ({source.source.described()}).",),
    )


def _of_pair(rows: pd.DataFrame, query: Query) -> tuple[pd.DataFrame, str]:
    pair = one_pair(query)
    both = f"{name_of(pair[0])} and {name_of(pair[1])}"
    side = pd.Series(pd.NA, index=rows.index, dtype="str")
    if query.senders is not None:
        meant = rows["family"].eq("sanction") | rows["action"].eq("statement")
        towards = rows["sender"].isin(query.senders) & rows["target"].isin(pair)
        side[towards & meant] = "Sanctions and statements"
    elif pair == PARTNERSHIP and "because_of_partnership" in rows:
        because = rows["because_of_partnership"].isin(["yes", "partly"])
        side[because & rows["family"].eq("sanction")] = "Sanctions because of the partnership"
    side[rows["sender"].isin(pair) & rows["target"].isin(pair)] = both
    chosen = rows.assign(side=side)[side.notna()].drop_duplicates("act_id")
    return chosen, f"Acts of {both}"


def _on_targets(rows: pd.DataFrame, query: Query) -> tuple[pd.DataFrame, str]:
    counted = rows["family"].eq("sanction") & rows["action"].isin(COUNTED_SANCTIONS)
    chosen = rows[counted & rows["target"].isin(query.targets or ())].assign(
        side="Acts of sanction"
    )
    return chosen, f"Acts of sanction on {' and '.join(map(name_of, query.targets or ()))}"
