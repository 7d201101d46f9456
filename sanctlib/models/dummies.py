"""Add sanctions in force to a panel of dyads, as columns of 0 and 1. Read both; return a Result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError
from sanctlib.models.inputs import (
    are_days,
    check_bool,
    check_sides,
    frame,
    numbers,
    sources_of,
    with_periods,
)
from sanctlib.query import ask, keys_of, whole_of
from sanctlib.result import Result

_KEYS = ["period", "first", "second"]


def sanction_dummies(
    table: object,
    *,
    sanctions: object,
    types: Sequence[str] = ("measure",),
    directed: bool = False,
    leads: int = 0,
) -> Result:
    """
    Add sanctions in force to a panel of dyads, as columns of 0 and 1.

    A column is 1 where a sanction of its type is in force between the two states.
    With these columns a gravity model of trade is a `count_panel` with fixed effects of
    exporter and period, importer and period, and directed pair (`docs/recipes.md`). Its
    coefficients compare the trade of sender and target with the trade of both with third
    parties, so they cannot distinguish trade lost from trade diverted.

    Parameters
    ----------
    table : DataFrame or Result
        A panel, such as from `dyad_panel`: ``period``, ``first`` (the exporter), ``second``.
    sanctions : DataFrame or Result
        Such as from `active_sanctions` by sender, target and `types`, on the periods of the
        panel and of its leads. Expand bodies with `expand_blocs` first.
    types : sequence of str, default ("measure",)
        Columns of `sanctions` that name a type, such as ``measure``, or ``trade_extent`` for
        complete and partial ones (``no_trade_extent`` where it is missing). Types without a
        row in the panel have no column.
    directed : bool, default False
        Separate columns for what the sender exports to the target and what it imports; or one
        column for both, 1 whichever of the two imposed it.
    leads : int, default 0
        Periods ahead for which there is also a column: ``trade_sanctions_lead1`` is 1 where a
        sanction is in force one period later. A lead with an estimate that differs from 0 is
        not an effect: trade fell before, or the sanction was expected.

    Returns
    -------
    Result
        Its table is the panel with a column per type and lead (0 or 1; missing in periods that
        `sanctions` does not have) and ``relation``: ``sender and target``; ``target and
        third`` and ``sender and third``, where one of the two is under or imposes a sanction
        on another state in that period; or ``third parties``.

    Raises
    ------
    SanctlibError
        When no pair of the panel is sanctioned, or the panel has one direction and `directed`
        is True.
    MissingColumnsError, SchemaError
        For a column that is missing, or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> panel = pd.DataFrame({"period": 2014, "first": ["RUS", "RUS"], "second": ["USA", "IRN"]})
    >>> held = pd.DataFrame({
    ...     "period": [2014], "sender": "USA", "target": "RUS", "measure": "trade", "n": 1})
    >>> sl.models.sanction_dummies(panel, sanctions=held).table
       period first second  trade_sanctions           relation
    0    2014   RUS    USA              1.0  sender and target
    1    2014   RUS    IRN              0.0   target and third
    """
    kinds = keys_of(types, what="types")
    if not kinds:
        raise SanctlibError("types is empty. Name at least one column, such as ['measure'].")
    check_bool(directed, what="directed")
    whole_of(leads, what="leads", least=0)
    query = ask(types=kinds, directed=directed, leads=leads)
    panel = with_periods(frame(table, _KEYS)).reset_index(drop=True)
    check_sides(panel)
    ends = panel[["first", "second"]].dropna().to_numpy("object")
    if directed and not (ends[:, 0] > ends[:, 1]).any():
        msg = "The panel has one direction of each pair. Columns by direction need both: use"
        raise SanctlibError(f"{msg} sl.dyad_panel(…, directed=True).")
    active, periods = _active(sanctions, kinds, panel, directed=directed)
    if leads >= max(len(periods), 1):
        msg = f"leads is {leads}, and sanctions has {len(periods)} periods. It must be smaller."
        raise SanctlibError(msg)
    now = _between(panel, active, panel["period"].where(panel["period"].isin(periods)))
    now = now.loc[:, now.eq(1).any()]
    if now.empty or now.columns.empty:
        msg = "No pair of the panel is sanctioned in its periods. Check the codes and periods of"
        raise SanctlibError(f"{msg} sanctions.")
    pieces = [panel, now]
    for lead in range(1, leads + 1):
        ahead = dict(zip(periods, periods[lead:], strict=False))
        later = _between(panel, active, panel["period"].map(ahead))
        pieces.append(later.loc[:, later.eq(1).any()].add_suffix(f"_lead{lead}"))
    flows = active[_KEYS].drop_duplicates()
    n_placed = len(flows.merge(panel[_KEYS], on=_KEYS))
    return Result(
        table=pd.concat([*pieces, _relations(panel, active, now)], axis=1),
        name="Panel with sanctions in force",
        query=query,
        unit="rows of the panel",
        n=len(panel),
        sources=sources_of(table, sanctions),
        notes=(
            f"Of {len(flows):,} sanctioned flows, {n_placed:,} are in the panel; those of bodies "
            "that are not states are not.",
        ),
    )


def _active(
    sanctions: object, types: Sequence[str], panel: pd.DataFrame, *, directed: bool
) -> tuple[pd.DataFrame, pd.Index]:
    """Return a row per sanctioned flow and kind, and the periods that are known."""
    columns = ["period", "sender", "target", *types, "n"]
    given = with_periods(frame(sanctions, columns, what="sanctions", curated=True))
    if are_days(given["period"]) != are_days(panel["period"]):
        msg = "The periods of sanctions and of the table are of two kinds. Both must be days, or"
        raise SanctlibError(f"{msg} both numbers.")
    known = given.assign(**numbers(given, ["n"]))
    known = known[known["n"].notna()]
    named = known[list(types)].astype("str").fillna({name: f"no_{name}" for name in types})
    kinds = named.agg("_".join, axis=1) + "_sanctions" if len(named) else pd.Series(dtype="str")
    there = known.assign(kind=kinds)[known["n"].gt(0)]
    there = there.assign(first=there["sender"], second=there["target"])
    back = there.rename(columns={"first": "second", "second": "first"})
    if directed:
        there["kind"], back["kind"] = there["kind"] + "_exports", back["kind"] + "_imports"
    periods = pd.Index(known["period"].drop_duplicates().sort_values())
    return pd.concat([there, back], ignore_index=True), periods


def _between(rows: pd.DataFrame, active: pd.DataFrame, periods: pd.Series) -> pd.DataFrame:
    """Return a column per kind: 1 where it is in force then; missing where no period is known."""
    held = active.assign(one=1.0).pivot_table(
        index=_KEYS, columns="kind", values="one", aggfunc="max"
    )
    found = rows[_KEYS].assign(period=periods).merge(held.reset_index(), how="left", on=_KEYS)
    return found.drop(columns=_KEYS).fillna(0.0).where(periods.notna(), axis=0)


def _relations(rows: pd.DataFrame, active: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """Return whether a row is of sender and target, of one of them, or of third parties."""
    sides = {}
    for side in ("target", "sender"):
        states = pd.MultiIndex.from_frame(active[["period", side]])
        sides[side] = np.logical_or(
            *(pd.MultiIndex.from_frame(rows[["period", end]]).isin(states) for end in _KEYS[1:])
        )
    relation = np.select(
        [now.eq(1).any(axis=1), sides["target"], sides["sender"]],
        ["sender and target", "target and third", "sender and third"],
        "third parties",
    )
    return pd.Series(relation, index=rows.index, name="relation", dtype="str")
