"""Rate the reported co-operation of all pairs of states at once. Read rows; return a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.acts import kept_rows
from sanctlib.engines import fetched
from sanctlib.metrics.bands import ALL, PER, Denominator, exposure_of
from sanctlib.metrics.pairs import way_columns
from sanctlib.schema import COMPONENTS

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
