"""Fit a gravity model of trade under sanctions. Read a panel and sanctions; return a Fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.models.clusters import Floats, Vcov, group_numbers, quantile
from sanctlib.models.inputs import (
    are_days,
    check_bool,
    check_sides,
    column_of,
    frame,
    numbers,
    sources_of,
    with_periods,
)
from sanctlib.models.panel import ratios_in_words
from sanctlib.models.ppml import Ppml, ppml
from sanctlib.models.sentences import origin
from sanctlib.query import ask, keys_of, whole_of
from sanctlib.result import Fit

_KEYS = ["period", "first", "second"]
_STEPS = 10_000


def gravity(
    table: object,
    *,
    dependent: str,
    sanctions: object,
    types: Sequence[str] = ("measure",),
    directed: bool = False,
    leads: int = 0,
    controls: Sequence[str] = (),
    targets: Sequence[str] | None = None,
    vcov: Vcov = "dyadic",
    level: float = 0.95,
) -> Fit:
    """
    Fit a gravity model of trade with sanctions by type.

    Poisson pseudo-maximum likelihood with fixed effects of exporter and period, importer and
    period, and directed pair (Santos Silva and Tenreyro 2006; Baier and Bergstrand 2007).
    They absorb whatever a state does with all partners in a period. So a coefficient compares
    the trade of sender and target with the trade of both with third parties, and cannot
    distinguish trade lost from trade diverted. That needs an assumption, and the two usual
    ones are computed: with ``effects_held`` nothing else adjusts, and third parties trade as
    before; with ``totals_held`` each state exports and imports the same total, so others gain
    what the parties lose (the conditional equilibrium of Anderson and van Wincoop 2003, as in
    Head and Mayer 2014).

    Parameters
    ----------
    table : DataFrame or Result
        A directed panel, such as from `dyad_panel`: ``period``, ``first`` exports to
        ``second``, and values in levels, zeros included. Rows of a state with itself are
        domestic trade.
    dependent : str
        Column of the trade values, from 0.
    sanctions : DataFrame or Result
        Such as from `active_sanctions` by sender, target and `types`, on the periods of the
        panel and of its leads. Expand bodies with `expand_blocs` first.
    types : sequence of str, default ("measure",)
        Columns of `sanctions` that name a type, such as ``measure``, or ``trade_extent`` for
        complete and partial ones (``no_trade_extent`` where it is missing). Types without a
        flow in the panel are excluded.
    directed : bool, default False
        Separate terms for what the sender exports to the target and what it imports; or one
        term for both, 1 whichever of the two imposed it.
    leads : int, default 0
        Periods ahead for which there is also a term: ``trade_sanctions_lead1`` is 1 where a
        sanction is in force one period later. A lead that differs from 0 is not an effect:
        trade fell before, or the sanction was expected.
    controls : sequence of str, default none
        Further columns of the panel, such as a trade agreement in force.
    targets : sequence of str, optional
        Only sanctions on these states, as codes or names, are removed to compute the trade
        lost. By default all.
    vcov : {"dyadic"} or sequence of str, default "dyadic"
        Standard errors: dyadic-robust, or clustered by one or two columns; ``dyad`` is the
        pair in both directions.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Its table has a row per term: ``term``, ``estimate`` (of the logarithm of the mean),
        ``std_error``, ``p_value``, ``lower``, ``upper`` (t with G - 1 degrees of freedom),
        ``ratio`` (by which the mean is multiplied), ``n`` (flows) and ``n_clusters``. Its
        `tables` are ``"trade"``, in the unit of the panel: ``period``, ``relation`` (sender
        and target; target and third; sender and third; third parties), ``rule``
        (effects_held, totals_held), ``n`` (flows), ``fitted``, ``without`` sanctions,
        ``change`` (below 0 lost, above 0 diverted to) with ``lower`` and ``upper`` (delta
        method). `fitted` is pyfixest's result.

    Raises
    ------
    SanctlibError
        When the panel has one direction, no pair of it is sanctioned, or there are too few
        states or clusters.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.
    """
    kinds, more = keys_of(types, what="types"), keys_of(controls, what="controls")
    if not kinds:
        raise SanctlibError("types is empty. Name at least one column, such as ['measure'].")
    check_bool(directed, what="directed")
    whole_of(leads, what="leads", least=0)
    query = ask(
        level=level,
        targets=targets,
        dependent=dependent,
        types=kinds,
        directed=directed,
        leads=leads,
        controls=more,
        vcov=vcov,
    )
    needed = [*_KEYS, column_of(dependent, what="dependent"), *more]
    panel = with_periods(frame(table, needed))
    check_sides(panel)
    ends = panel[["first", "second"]].dropna().to_numpy("object")
    if not (ends[:, 0] > ends[:, 1]).any():
        msg = "The panel has one direction of each pair. Trade needs both: use"
        raise SanctlibError(f"{msg} sl.dyad_panel(…, directed=True).")
    active, periods = _active(sanctions, kinds, panel, directed=directed)
    if leads >= max(len(periods), 1):
        msg = f"leads is {leads}, and sanctions has {len(periods)} periods. It must be smaller."
        raise SanctlibError(msg)
    names = sorted(active["kind"].unique())
    rows = panel.reset_index(drop=True)
    for lead in range(leads + 1):
        ahead = dict(zip(periods, periods[lead:], strict=False))
        held = _between(rows.assign(period=rows["period"].map(ahead)), active, names)
        rows[[f"{name}_lead{lead}" if lead else name for name in names]] = held
    terms = [f"{name}_lead{lead}" if lead else name for lead in range(leads + 1) for name in names]
    terms = [term for term in terms if rows[term].any()]
    names = [name for name in names if name in terms]
    if not names:
        msg = "No pair of the panel is sanctioned in its periods. Check the codes and periods of"
        raise SanctlibError(f"{msg} sanctions.")
    found = ppml(
        rows,
        dependent=dependent,
        regressors=[*terms, *more],
        fixed_effects=["first^period", "second^period", "first^second"],
        vcov=vcov,
    )
    flows = active[_KEYS].drop_duplicates()
    placed = flows.merge(found.rows[_KEYS], on=_KEYS)
    estimates, sources = found.table(query.level), sources_of(table, sanctions)
    return Fit(
        table=estimates,
        name=f"Gravity model of {dependent} under sanctions",
        kind="estimates",
        query=query,
        unit="trade flows",
        n=len(found.rows),
        sources=sources,
        notes=(
            "The estimates are associations: trade of sender and target compared with their trade "
            "with others. States impose sanctions when relations break down, which reduces trade "
            "by itself; leads show this.",
            f"Of {len(flows)} sanctioned flows, {len(placed)} are in the rows used; those of "
            "bodies that are not states are not.",
            "Diverted trade follows from the assumption of fixed totals, not from the data. "
            "Without domestic trade in the panel, all trade lost is diverted.",
            *found.notes,
        ),
        findings=ratios_in_words(estimates, dependent, query.level, origin(sources)),
        fitted=found.model,
        tables={"trade": _traded(found, active, names, query.targets, query.level)},
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


def _between(rows: pd.DataFrame, active: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return a column per type: 1 where it is in force for the flow; missing without a period."""
    held = active.assign(one=1.0).pivot_table(
        index=_KEYS, columns="kind", values="one", aggfunc="max"
    )
    held = held.reindex(columns=list(names)).reset_index()
    found = rows[_KEYS].merge(held, how="left", on=_KEYS)
    return found[list(names)].fillna(0.0).where(rows["period"].notna(), axis=0).to_numpy()


def _traded(
    found: Ppml,
    active: pd.DataFrame,
    names: Sequence[str],
    targets: Sequence[str] | None,
    level: float,
) -> pd.DataFrame:
    rows = found.rows.reset_index(drop=True)
    removed = active[active["target"].isin(active["target"] if targets is None else targets)]
    taken = _between(rows, active, names) - _between(rows, active.drop(removed.index), names)
    ends = [pd.MultiIndex.from_frame(rows[["period", end]]) for end in ("first", "second")]
    sides = {}
    for side in ("target", "sender"):
        states = pd.MultiIndex.from_frame(removed[["period", side]])
        sides[side] = ends[0].isin(states) | ends[1].isin(states)
    relation = np.select(
        [taken.any(axis=1), sides["target"], sides["sender"]],
        ["sender and target", "target and third", "sender and third"],
        "third parties",
    )
    groups = rows.assign(relation=relation).groupby(["period", "relation"])
    mean = rows["mean"].to_numpy()
    codes = [group_numbers(rows, f"{side}^period") for side in ("first", "second")]
    where = groups.ngroup().to_numpy()
    at = [found.terms.index(name) for name in names]
    estimate, variance = found.estimate[at], found.variance[np.ix_(at, at)]

    def changes(b: Floats) -> Floats:
        without = mean * np.exp(-taken @ b)
        both = without, _balanced(without, mean, codes)
        return np.array([np.bincount(where, weights=mean - flows) for flows in both])

    change = changes(estimate)
    steps = np.diag(np.sqrt(np.abs(np.diag(variance)))) / 100
    slopes = [(changes(estimate + s) - changes(estimate - s)) / (2 * s.sum()) for s in steps]
    spread = np.einsum("kir,kl,lir->ir", slopes, variance, slopes)
    reach = quantile(level, found.n_clusters) * np.sqrt(np.maximum(spread, 0))
    base = groups["mean"].agg(n="size", fitted="sum").reset_index()
    tables = [
        base.assign(
            rule=rule,
            without=base["fitted"] - change[i],
            change=change[i],
            lower=change[i] - reach[i],
            upper=change[i] + reach[i],
        )
        for i, rule in enumerate(("effects_held", "totals_held"))
    ]
    first = ["period", "relation", "rule"]
    table = pd.concat(tables).sort_values(first, ignore_index=True)
    return table[[*first, *(c for c in table if c not in first)]]


def _balanced(flows: Floats, wanted: Floats, codes: Sequence[NDArray[np.int64]]) -> Floats:
    """Scale flows by exporter and by importer until each has the totals of `wanted`."""
    for _ in range(_STEPS):
        worst = 0.0
        for code in codes:
            share = np.bincount(code, weights=wanted) / np.bincount(code, weights=flows)
            flows = flows * share[code]
            worst = max(worst, float(np.abs(share - 1).max()))
        if worst < 1e-10:
            return flows
    msg = (
        f"The totals of trade were not matched in {_STEPS:,} rounds. Exclude states with few flows."
    )
    raise SanctlibError(msg)
