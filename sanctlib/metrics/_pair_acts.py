"""Count the acts of pairs, their denominators and comparable pairs. Return arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.acts import kept_rows
from sanctlib.engines import fetched
from sanctlib.metrics._grid import way_columns
from sanctlib.query import Pair
from sanctlib.schema import COMPONENTS

Component: TypeAlias = Literal["material", "meetings", "agreements", "other_cooperation"]
Denominator: TypeAlias = Literal["all", "either", "no_war"]
Counts: TypeAlias = NDArray[np.int64]

EVERY_COMPONENT: tuple[Component, ...] = (
    "material",
    "meetings",
    "agreements",
    "other_cooperation",
)
ALL = "all_cooperation"
"""The name of the sum of the components requested."""

DIVIDED_BY: dict[Denominator, tuple[str, ...]] = {
    "all": (),
    "either": ("sender", "target"),
    "no_war": ("family", "action"),
}
"""The keys that decide which acts are in the denominator."""

DENOMINATOR_WORDS: dict[Denominator, str] = {
    "all": "reported acts of the source",
    "either": "reported acts of either state",
    "no_war": "reported acts other than material conflict",
}

PER = 1000
BAND = (0.1, 0.9)
_PARTS = {action: part for part, actions in COMPONENTS.items() for action in actions}


@dataclass(frozen=True, kw_only=True)
class Acts:
    """
    The acts of a pair and of its comparable pairs, with their denominators.

    Row 0 is the pair; the others are the pairs of either state with a third that have
    an act in the span.
    """

    n: Counts
    """Of shape (pairs, components and their sum, periods)."""
    exposure: Counts
    """Of shape (pairs, periods)."""
    unassigned: Counts
    """Acts of the pair that are in no period, by component and in all."""


def placed_acts(
    near: pd.DataFrame, *, periods: pd.DatetimeIndex, components: Sequence[str], directed: bool
) -> pd.DataFrame:
    """
    Return cells from sender to target, and also from target to sender if not `directed`.

    ``at`` is the number of the period, and ``part`` that of the component; -1 where there
    is none.
    """
    parts = near["action"].map(_PARTS).where(near["family"].eq("cooperation"))
    number = {component: i for i, component in enumerate(components)}
    near = near.assign(
        at=periods.get_indexer(pd.DatetimeIndex(near["period"])),
        part=parts.map(number).fillna(-1).astype("int64"),
    )
    back = near.rename(columns={"sender": "target", "target": "sender"})
    return pd.concat([near, back[back["mutual"].astype("bool") | (not directed)]])


def acts_of(
    done: pd.DataFrame,
    dividing: pd.DataFrame,
    way: Pair,
    *,
    periods: pd.DatetimeIndex,
    components: Sequence[str],
    denominator: Denominator,
) -> Acts:
    """
    Return the acts of the first of `way` towards the second, and of their comparable pairs.

    `done` is what `placed_acts` returns for cells with one of the two on either side, and
    `dividing` the cells of all acts, by the keys of `DIVIDED_BY`.
    """
    # What the first did to others, and what others did to the second.
    by_first, to_second = done["sender"].eq(way[0]), done["target"].eq(way[1])
    third = done["target"].where(by_first, done["sender"])
    is_state = third.str.fullmatch("[A-Z]{3}").fillna(value=False).astype("bool")
    beside = done[(by_first ^ to_second) & is_state & ~third.isin(way)]
    beside = beside[beside["at"].ge(0) & beside["n_acts"].gt(0)]
    others = sorted(set(zip(beside["sender"], beside["target"], strict=True)))
    pairs = pd.MultiIndex.from_tuples([way, *others], names=["sender", "target"])

    own = done[by_first & to_second & done["part"].ge(0)]
    unassigned = np.zeros(len(components) + 1, dtype=np.int64)
    np.add.at(unassigned, own["part"].to_numpy(), own["n_unassigned"].to_numpy())
    unassigned[-1] = unassigned.sum()
    n = np.zeros((len(pairs), len(components) + 1, len(periods)), dtype=np.int64)
    placed = pd.concat([beside, own[own["at"].ge(0)]])
    placed = placed[placed["part"].ge(0)]
    places = (_numbers(placed, pairs), placed["part"].to_numpy(), placed["at"].to_numpy())
    np.add.at(n, places, placed["n_acts"].to_numpy())
    n[:, -1] = n.sum(axis=1)
    exposure = exposure_of(dividing, pairs, periods, denominator)
    return Acts(n=n, exposure=exposure, unassigned=unassigned)


def _numbers(rows: pd.DataFrame, pairs: pd.MultiIndex) -> Counts:
    return pairs.get_indexer(pd.MultiIndex.from_frame(rows[["sender", "target"]]))


def exposure_of(
    cells: pd.DataFrame, pairs: pd.MultiIndex, periods: pd.DatetimeIndex, denominator: Denominator
) -> Counts:
    """Return the denominator of each pair, of shape (pairs, periods)."""
    at, n_periods = periods.get_indexer(pd.DatetimeIndex(cells["period"])), len(periods)
    cells = cells.assign(at=at)[at >= 0]
    if denominator == "no_war":
        cells = cells[~(cells["family"].eq("conflict") & cells["action"].eq("material"))]
    exposure = np.zeros((len(pairs), n_periods), dtype=np.int64)
    if denominator != "either":
        np.add.at(exposure.T, cells["at"].to_numpy(), cells[["n_acts"]].to_numpy())
        return exposure
    # The acts of one state and of the other, less those of both, which are in each.
    back = cells.rename(columns={"sender": "target", "target": "sender"})
    back = back[back["sender"].ne(back["target"])]
    sides = pd.concat([cells, back])
    of_party = sides.pivot_table("n_acts", "sender", "at", aggfunc="sum", fill_value=0)
    of_party = of_party.reindex(columns=range(n_periods), fill_value=0)
    for side in ("sender", "target"):
        exposure += of_party.reindex(pairs.get_level_values(side), fill_value=0).to_numpy()
    numbers = _numbers(sides, pairs)
    both = sides[numbers >= 0]
    np.subtract.at(
        exposure, (numbers[numbers >= 0], both["at"].to_numpy()), both["n_acts"].to_numpy()
    )
    return exposure


def band_of(acts: Acts, *, from_mean: float) -> tuple[NDArray[np.float64], int]:
    """
    Return the band of comparable pairs, and their number.

    A pair of either state with a third is comparable if its acts of co-operation are at
    least `from_mean` a period on average.
    """
    _, *shape = acts.n.shape
    kept = acts.n[1:, -1].sum(axis=1) / max(shape[1], 1) >= from_mean
    if not kept.any():
        return np.full((2, *shape), np.nan), 0
    exposure = np.where(acts.exposure == 0, np.nan, acts.exposure)[1:][kept]
    rates = PER * acts.n[1:][kept] / exposure[:, None, :]
    edges = pd.DataFrame(rates.reshape(len(rates), -1)).quantile(list(BAND))
    return edges.to_numpy().reshape(2, *shape), len(rates)


Numbers = NDArray[np.int64]
Covers = Callable[[pd.DataFrame], NDArray[np.bool_]]


def rates_of_all(
    rows: object,
    dividing: pd.DataFrame,
    *,
    periods: pd.DatetimeIndex,
    components: Sequence[str],
    denominator: Denominator,
    directed: bool,
    covers: Covers | None,
) -> tuple[pd.DataFrame, int]:
    """Return the rates of all pairs of states in periods with acts, and the number of acts."""
    names, key, at, n, n_once = _sums(rows, periods, components, directed=directed)
    order = np.argsort(key * len(periods) + at)
    key, at, n = key[order], at[order], n[order]
    begins = np.diff(key, prepend=-1) != 0
    pair, of_pair = np.cumsum(begins) - 1, key[begins]
    sides = {
        "first": names.take(of_pair // len(names)),
        "second": names.take(of_pair % len(names)),
    }
    pairs = pd.DataFrame(sides, dtype="str")
    named = pd.MultiIndex.from_frame(pairs, names=["sender", "target"])
    exposure = exposure_of(dividing, named, periods, denominator)
    row, part = np.nonzero(n)
    pair, at, n_acts = pair[row], at[row], n[row, part]
    divided_by, none = exposure[pair, at], np.zeros(len(row), dtype=bool)
    covered = none if covers is None else covers(pairs)[pair, at]
    ways = dict(zip(way_columns(directed=directed), pairs, strict=True))
    table = pd.DataFrame(
        {
            "period": periods.to_numpy()[at],
            **{name: pairs[side].array.take(pair) for name, side in ways.items()},
            "component": pd.array([*components, ALL], dtype="str").take(part),
            "n": pd.arrays.IntegerArray(n_acts, none.copy()),
            "exposure": pd.arrays.IntegerArray(divided_by, none.copy()),
            "rate": PER * n_acts / divided_by,
            "denominator": pd.array([denominator], dtype="str").take(np.zeros_like(part)),
            "covered": pd.arrays.BooleanArray(covered, none | (covers is None)),
        },
        copy=False,
    )
    return table, n_once


def _sums(
    rows: object, periods: pd.DatetimeIndex, components: Sequence[str], *, directed: bool
) -> tuple[pd.Index, Numbers, Numbers, Numbers, int]:
    """
    Return the states, the numbers of pairs and periods, and acts by component and in all.

    The last is the number of acts, each counted once also where it has two directions.
    """
    ways = ["mutual OR sender < target", "mutual OR sender > target"] if directed else ["TRUE"]
    sums = [
        f"sum(CASE WHEN {kept_rows({'action': COMPONENTS[c]})[0]} AND ({way}) THEN n ELSE 0 END)"
        for way in ways
        for c in components
    ]
    keys = '"first", least(sender, target), greatest(sender, target)'
    named = '"first" AS period, least(sender, target) AS a, greatest(sender, target) AS b'
    columns = ", ".join([named, *(f"{s}::BIGINT AS n_{i}" for i, s in enumerate(sums))])
    columns += ", sum(n)::BIGINT AS once"
    placed = rows.filter('inside AND "first" = "last" AND sender <> target')  # type: ignore[attr-defined]
    found = fetched(placed.aggregate(columns, keys))
    coded = [pd.factorize(found[side]) for side in ("a", "b")]
    states = pd.Index(sorted({name for _, names in coded for name in names}), dtype="str")
    states = states[states.str.fullmatch("[A-Z]{3}")]
    one, other = (states.get_indexer(names)[codes] for codes, names in coded)
    at = periods.get_indexer(pd.DatetimeIndex(found["period"]))
    kept = (one >= 0) & (other >= 0) & (at >= 0)
    n = found.filter(like="n_").to_numpy().reshape(len(found), len(ways), len(components))[kept]
    n = np.concatenate([n, n.sum(axis=2, keepdims=True)], axis=2)
    pairs = [one * len(states) + other, other * len(states) + one][: len(ways)]
    key = np.concatenate([pair[kept] for pair in pairs])
    acts = np.concatenate(np.moveaxis(n, 1, 0))
    return states, key, np.tile(at[kept], len(ways)), acts, int(found["once"][kept].sum())
