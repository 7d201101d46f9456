"""Gravity: trade lost between the parties of sanctions, and where it would have gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_columns, check_list
from sanctlib.models.clusters import Errors, Floats, group_numbers, quantile
from sanctlib.models.ppml import Ppml, ppml
from sanctlib.models.result import Fit

_KEYS = ["period", "first", "second"]
_STEPS = 10_000


def fit_gravity(
    panel: pd.DataFrame,
    *,
    trade: str,
    sanctions: pd.DataFrame,
    types: Sequence[str] = ("measure",),
    directed: bool = False,
    leads: int = 0,
    controls: Sequence[str] = (),
    targets: Sequence[str] | None = None,
    errors: Errors = "dyadic",
    level: float = 0.95,
) -> Fit:
    """
    Fit a gravity model of trade with sanctions by type, and tell trade lost from diverted.

    Poisson pseudo-maximum likelihood with effects of exporter and period, importer and
    period, and pair and direction (Santos Silva and Tenreyro 2006; Baier and Bergstrand
    2007). The effects hold all that a state is to everyone in a period, so a coefficient
    compares trade of sender and target with what both trade with third parties. It cannot
    tell trade lost from trade diverted: that takes an assumption, and the two usual ones
    stand side by side. With ``effects_held`` nothing else adjusts, and third parties trade
    as they do. With ``totals_held`` every state exports and imports as much in all, so what
    is lost between the parties is what others gain (the conditional equilibrium of
    Anderson and van Wincoop 2003, as in Head and Mayer 2014).

    Parameters
    ----------
    panel : DataFrame
        Directed, ``first`` exports to ``second``, as from `dyad_panel`; rows of a state with
        itself are domestic trade. Values in levels, zeros among them.
    trade : str
        The column of values.
    sanctions : DataFrame
        As from `active_sanctions` by sender, target and `types`, on the periods of the
        panel and of its leads; bodies written out with `expand_blocs`.
    types : sequence of str
        The columns of `sanctions` that name a type, such as ``measure``, or ``trade_extent``
        for complete and partial ones (``no_trade_extent`` where it is missing). Types that no
        flow of the panel has are left out.
    directed : bool
        A term for what the sender exports to the target and one for what it imports; or
        one for both, 1 whichever of the two imposed it.
    leads : int
        How many periods ahead sanctions are looked up too: ``trade_sanctions_lead1`` is 1 where a
        sanction is in force a period later. What differs from 0 is no effect: trade that
        fell before, or that was expected to end.
    controls : sequence of str
        Further columns of the panel, such as a trade agreement in force.
    targets : sequence of str, optional
        Whose sanctions are taken away to find what was lost; by default all.
    errors, level
        As in `fit_count_panel`.

    Returns
    -------
    Fit
        `table` as in `fit_count_panel`. `details` hold ``"trade"``, in the unit of the panel:
        ``period``, ``relation`` (sender and target; target and third; sender and third;
        third parties), ``rule`` (effects_held, totals_held), ``n`` flows, ``fitted``,
        ``without`` sanctions, ``change`` (below 0 is lost, above 0 diverted to) with
        ``lower`` and ``upper`` (delta method).

    Raises
    ------
    SanctlibError
        As `fit_count_panel`; when no pair of the panel is sanctioned.
    MissingColumnsError
        When a table lacks a column.
    """
    who = "fit_gravity"
    check_list(types, what="types", needed_by=who)
    check_columns(panel, [*_KEYS, trade], needed_by=who)
    if not panel["first"].gt(panel["second"]).any():
        msg = f"{who} needs trade in both directions: dyad_panel(…, directed=True) has them."
        raise SanctlibError(msg)
    given = (
        f"{who}: sanctions, as from active_sanctions by sender, target and {' and '.join(types)},"
    )
    check_columns(sanctions, ["period", "sender", "target", *types, "n"], needed_by=given)
    told = sanctions[sanctions["n"].notna()]
    periods = pd.Index(told["period"].drop_duplicates().sort_values())
    named = told[list(types)].astype("str").fillna({name: f"no_{name}" for name in types})
    kinds = named.agg("_".join, axis=1) + "_sanctions"
    there = told.assign(kind=kinds)[told["n"].gt(0)]
    there = there.assign(first=there["sender"], second=there["target"])
    back = there.rename(columns={"first": "second", "second": "first"})
    if directed:
        there["kind"], back["kind"] = there["kind"] + "_exports", back["kind"] + "_imports"
    active = pd.concat([there, back], ignore_index=True)
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
        raise SanctlibError(f"{who}: no pair of the panel is sanctioned in its periods.")
    found = ppml(
        rows,
        outcome=trade,
        regressors=[*terms, *controls],
        effects=["first^period", "second^period", "first^second"],
        errors=errors,
        needed_by=who,
    )
    flows = active[_KEYS].drop_duplicates()
    placed = flows.merge(found.rows[_KEYS], on=_KEYS)
    return Fit(
        name=f"Gravity model of {trade}",
        table=found.table(level),
        notes=(
            "Association: trade of sender and target against their trade with others. States "
            "sanction when relations break, and that moves trade by itself: leads show it.",
            f"Of {len(flows)} sanctioned flows {len(placed)} are in the rows used; "
            "bodies that are no states are not.",
            "Trade diverted follows from holding all totals, not from the data; without domestic "
            "trade in the panel, all that is lost is diverted.",
            *found.notes,
        ),
        fitted=found.model,
        details={"trade": _traded(found, active, names, targets, level)},
    )


def _between(rows: pd.DataFrame, active: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return a column per type: 1 where it is in force for the flow, missing off periods."""
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
    gone = active[active["target"].isin(active["target"] if targets is None else targets)]
    taken = _between(rows, active, names) - _between(rows, active.drop(gone.index), names)
    ends = [pd.MultiIndex.from_frame(rows[["period", end]]) for end in ("first", "second")]
    sides = {}
    for side in ("target", "sender"):
        states = pd.MultiIndex.from_frame(gone[["period", side]])
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
    raise SanctlibError(f"fit_gravity: the totals of trade were not met in {_STEPS} rounds.")
