"""Count the acts of pairs, their denominators and comparable pairs. Return arrays and words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.acts import cells_of, kept_rows, periods_of
from sanctlib.codes.countries import countries, name_of
from sanctlib.dates import Period, period_end
from sanctlib.engines import Opened, fetched
from sanctlib.errors import CoverageError, SanctlibError, check_choice
from sanctlib.metrics._questions import Flags, are_states, groups_that_existed
from sanctlib.metrics.intervals import percent, poisson_dispersion, poisson_interval
from sanctlib.query import Pair, Query
from sanctlib.schema import COMPONENTS

Component: TypeAlias = Literal["material", "meetings", "agreements", "other_cooperation"]
Denominator: TypeAlias = Literal["all", "either", "no_war"]
Among: TypeAlias = Literal["common_states"]
Counts: TypeAlias = NDArray[np.int64]
Covers: TypeAlias = Callable[[pd.DataFrame], Flags]

EVERY_COMPONENT: tuple[Component, ...] = tuple(COMPONENTS)  # type: ignore[arg-type]
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


def words_of(denominator: Denominator, common: Sequence[str] | None) -> str:
    """Return in words the acts that rates are per 1,000 of."""
    if common is None:
        return DENOMINATOR_WORDS[denominator]
    whose = " of either state" if denominator == "either" else ""
    return f"reported acts of co-operation{whose} between {len(common)} common states"


PER = 1000
_BAND = (0.1, 0.9)
_IN_TITLE, _IN_FINDINGS = 3, 8
"""How many pairs a title names, and how many have sentences."""
_TOO_FEW = 5
# Weeks and months are compared with the same pairs.
_MONTHS = {"day": 12 / 365.25, "week": 84 / 365.25, "month": 1.0, "quarter": 3.0, "year": 12.0}
_COLUMNS = (
    *("component", "n", "exposure", "rate", "lower", "upper", "interval", "dispersion"),
    *("too_few", "band_low", "band_high", "n_comparable", "denominator", "n_unassigned"),
    "covered",
)
_SIDES = ("sender", "target")
_PARTS = {action: part for part, actions in COMPONENTS.items() for action in actions}


def way_columns(*, directed: bool) -> list[str]:
    """Return the names of the two columns that hold a pair in a result."""
    return ["sender", "target"] if directed else ["first", "second"]


def ways_of(pairs: Sequence[Pair], *, directed: bool) -> list[Pair]:
    """Return the pairs, or both directions of each."""
    return [way for two in pairs for way in ([two, two[::-1]] if directed else [two])]


def in_names(pairs: Sequence[Pair] | None, *, directed: bool = False) -> str:
    """Return the pairs of a query in words, for titles."""
    if pairs is None or len(pairs) > _IN_TITLE:
        text = f"{len(pairs)} pairs of states" if pairs else "all pairs of states"
    else:
        text = "; ".join(f"{name_of(first)} and {name_of(second)}" for first, second in pairs)
    return f"{text}, by direction" if directed else text


def rows_by_pair(
    table: pd.DataFrame, *, directed: bool = False
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Return the rows of each of the first pairs, with its name in words, for findings."""
    word = "towards" if directed else "and"
    groups = table.groupby(way_columns(directed=directed), sort=False)
    for way, rows in islice(groups, _IN_FINDINGS):
        yield f" {word} ".join(map(name_of, way)), rows


def existed_together(pairs: Sequence[Pair], starts: pd.DatetimeIndex, *, every: Period) -> Flags:
    """Return for each pair and period whether both states existed on one of its days."""
    named = pd.DataFrame(list(pairs), columns=["first", "second"])
    inside: Flags = groups_that_existed(named, starts, every=every)
    never = [pair for pair, existed in zip(pairs, inside, strict=True) if not existed.any()]
    if len(starts) and never:
        last = period_end(pd.Series(starts[-1:]), every=every)[0]
        msg = f"{never[0][0]} and {never[0][1]} did not both exist on any day between"
        msg += f" {starts[0]:%Y-%m-%d} and {last:%Y-%m-%d} ({'; '.join(map(_spells, never[0]))})."
        raise SanctlibError(f"{msg} Choose another pair or span.")
    return inside


def _spells(state: str) -> str:
    of_state = countries().query("code == @state")[["from", "until"]]
    spells = [
        " to ".join("…" if pd.isna(day) else str(day.date()) for day in spell)
        for spell in of_state.itertuples(index=False)
    ]
    return f"{state} existed {', '.join(spells)}"


def both_ways(cells: pd.DataFrame, *, directed: bool) -> pd.DataFrame:
    """Return cells with each mutual act, or each act if not `directed`, in both directions."""
    back = cells.rename(columns={"sender": "target", "target": "sender"})
    return pd.concat([cells, back[back["mutual"].astype("bool") | (not directed)]])


def acts_once(acts: pd.DataFrame, query: Query, periods: pd.DatetimeIndex) -> int:
    """Return the acts between the pairs of a query, each counted once also where it is mutual."""
    ways = pd.MultiIndex.from_frame(acts[["sender", "target"]])
    between = ways.isin(ways_of(query.pairs or (), directed=True))
    counted = acts["family"].eq("cooperation") & acts["action"].isin(actions_of(query))
    return int(acts.loc[counted & between & acts["period"].isin(periods), "n_acts"].sum())


def actions_of(query: Query) -> list[str]:
    """Return the actions of the components requested."""
    return [action for component in query.options["components"] for action in COMPONENTS[component]]  # type: ignore[attr-defined]


def common_states(
    source: Opened, query: Query, among: Among | None, divided: Sequence[Denominator]
) -> list[str] | None:
    """
    Return the states that are a party of an act in each window of a source; None for all acts.

    A source that names no windows has one, the span of the query.
    """
    known = source.coverage
    if among is None:
        _check_windows(source, query)
        return None
    check_choice(among, get_args(Among), what="among")
    if "no_war" in divided:
        msg = "denominator is 'no_war', and among='common_states' divides by acts of co-operation"
        raise SanctlibError(f"{msg} only. Leave one of them out.")
    windows = known.windows if known else ()
    span = {} if windows else {"start": query.start, "end": query.end}
    every = periods_of(source)[1][-1] if source.kind == "cells" else "day"
    sides = cells_of(source, every=every if windows else query.every, by=_SIDES, **span)
    # A period belongs to the first window that ends after it begins.
    ends = pd.DatetimeIndex([window[1] for window in windows])
    sides = sides.assign(window=ends.searchsorted(sides["period"]) if windows else 0)
    named = pd.concat(
        [sides[["window", side]].set_axis(["window", "state"], axis=1) for side in _SIDES]
    )
    named = named[are_states(named["state"])].drop_duplicates()
    found = named["state"].value_counts()
    common = sorted(found.index[found.ge(max(len(windows), 1))])
    for state in sorted({state for two in query.pairs or () for state in two} - {*common}):
        msg = f"{name_of(state)} ({state}) is not a party of an act in every window of"
        raise CoverageError(f"{msg} {source.name!r}. Leave out among, and choose one window.")
    return common


def _check_windows(source: Opened, query: Query) -> None:
    """Check that a span has one set of actors: rates per all acts of several are not comparable."""
    windows = source.coverage.windows_in(query.start, query.end) if source.coverage else ()
    if len({n for *_, n in windows}) > 1:
        most, fewest = (f(windows, key=lambda window: window[2]) for f in (max, min))
        named = " and ".join(f"{n:,} actors from {a} to {b}" for a, b, n in (most, fewest))
        msg = f"{source.name!r} names {named}, so rates per all its acts cannot be compared."
        raise CoverageError(f"{msg} Use among='common_states', or start and end in one window.")


@dataclass(frozen=True, kw_only=True)
class Acts:
    """The acts of a pair (row 0) and of its comparable pairs, with their denominators."""

    n: Counts
    """Of shape (pairs, components and their sum, periods)."""
    exposure: Counts
    """Of shape (pairs, periods)."""
    unassigned: Counts
    """Acts of the pair that are in no period, by component and in all."""


def placed_acts(
    near: pd.DataFrame, *, periods: pd.DatetimeIndex, components: Sequence[str], directed: bool
) -> pd.DataFrame:
    """Return cells `both_ways`, with the numbers of their period and component; -1 for none."""
    parts = near["action"].map(_PARTS).where(near["family"].eq("cooperation"))
    near = near.assign(
        at=periods.get_indexer(pd.DatetimeIndex(near["period"])),
        part=pd.Index(components).get_indexer(pd.Index(parts)),
    )
    return both_ways(near, directed=directed)


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
    # What the first did to third states, and what these did to the second.
    by_first, to_second = done["sender"].eq(way[0]), done["target"].eq(way[1])
    third = done["target"].where(by_first, done["sender"])
    others = done[(by_first ^ to_second) & are_states(third) & ~third.isin(way)]
    others = others[others["at"].ge(0) & others["n_acts"].gt(0)]
    ways = sorted({*zip(others["sender"], others["target"], strict=True)})
    pairs = pd.MultiIndex.from_tuples([way, *ways], names=["sender", "target"])

    own = done[by_first & to_second & done["part"].ge(0)]
    unassigned = np.zeros(len(components) + 1, dtype=np.int64)
    np.add.at(unassigned, own["part"].to_numpy(), own["n_unassigned"].to_numpy())
    unassigned[-1] = unassigned.sum()
    n = np.zeros((len(pairs), len(components) + 1, len(periods)), dtype=np.int64)
    placed = pd.concat([others[others["part"].ge(0)], own[own["at"].ge(0)]])
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
    sides = pd.concat([cells, back[back["sender"].ne(back["target"])]])
    of_party = sides.pivot_table("n_acts", "sender", "at", aggfunc="sum", fill_value=0)
    of_party = of_party.reindex(columns=range(n_periods), fill_value=0)
    for side in ("sender", "target"):
        exposure += of_party.reindex(pairs.get_level_values(side), fill_value=0).to_numpy()
    number = _numbers(sides, pairs)
    both = sides[number >= 0]
    places = (number[number >= 0], both["at"].to_numpy())
    np.subtract.at(exposure, places, both["n_acts"].to_numpy())
    return exposure


def band_of(acts: Acts, *, from_mean: float) -> tuple[NDArray[np.float64], int]:
    """
    Return the band of comparable pairs, and their number.

    A pair of either state with a third is comparable if its acts of co-operation are at
    least `from_mean` a period on average.
    """
    _, *shape = acts.n.shape
    # A period without an act of the source, such as a gap, is in no average.
    n_periods = max(int(acts.exposure.any(axis=0).sum()), 1)
    kept = acts.n[1:, -1].sum(axis=1) / n_periods >= from_mean
    if not kept.any():
        return np.full((2, *shape), np.nan), 0
    exposure = np.where(acts.exposure == 0, np.nan, acts.exposure)[1:][kept]
    rates = PER * acts.n[1:][kept] / exposure[:, None, :]
    edges = pd.DataFrame(rates.reshape(len(rates), -1)).quantile(list(_BAND))
    return edges.to_numpy().reshape(2, *shape), len(rates)


def rates_of_pairs(
    acts: pd.DataFrame,
    dividing: Mapping[Denominator, pd.DataFrame],
    query: Query,
    periods: pd.DatetimeIndex,
    covers: Covers | None,
) -> pd.DataFrame:
    """Return the rows of each pair, or of both its directions, by denominator."""
    options = query.options
    components: tuple[Component, ...] = options["components"]  # type: ignore[assignment]
    directed, band = bool(options["directed"]), bool(options["band"])
    least = float(options["comparable_from"]) * _MONTHS[query.every]  # type: ignore[arg-type]
    done = placed_acts(acts, periods=periods, components=components, directed=directed)
    ways, columns = ways_of(query.pairs or (), directed=directed), way_columns(directed=directed)
    named = pd.DataFrame(ways, columns=["first", "second"])
    covered = [None] * len(ways) if covers is None else covers(named)
    rows = []
    for denominator, cells in dividing.items():
        for way, inside in zip(ways, covered, strict=True):
            found = acts_of(
                done,
                cells,
                way,
                periods=periods,
                components=components,
                denominator=denominator,
            )
            edges, n_comparable = band_of(found, from_mean=least if band else np.inf)
            of_way: dict[str, Any] = dict(zip(columns, way, strict=True))
            for i, component in enumerate([*components, ALL]):
                of_component = _rated(found.n[0, i], found.exposure[0], inside, query)
                rows.append(
                    of_component.assign(
                        period=periods,
                        **of_way,
                        component=component,
                        band_low=edges[0, i],
                        band_high=edges[1, i],
                        n_comparable=n_comparable if band else None,
                        denominator=denominator,
                        n_unassigned=found.unassigned[i],
                    )
                )
    text = (*columns, "component", "interval", "denominator")
    table = pd.concat(rows, ignore_index=True)[["period", *columns, *_COLUMNS]]
    return table.astype({**dict.fromkeys(text, "str"), "n_comparable": "Int64"})


def _rated(counts: Counts, exposure: Counts, covered: Flags | None, query: Query) -> pd.DataFrame:
    """Return the rates of one pair and component with their intervals."""
    # Without coverage every period counts. A period that is not covered and has no act is missing.
    inside = np.ones(len(counts), dtype=bool) if covered is None else covered
    blank = (counts == 0) & (True if covered is None else ~inside)
    n = np.where(blank, np.nan, counts)
    exposed = np.where(blank | (exposure == 0), np.nan, exposure)
    scaled, level = query.options["dispersion"], query.level
    phi = poisson_dispersion(n[inside], exposure=exposed[inside]) if scaled else 1.0
    rates = poisson_interval(n, exposure=exposed, level=level, dispersion=phi)
    process = "Poisson scaled by dispersion" if scaled else "exact Poisson"
    name = f"{process}, {percent(level)}"
    if covered is None:
        rates[["lower", "upper"]] = np.nan
        phi, name = float("nan"), "none: coverage not known"
    elif np.isnan(phi):
        name = "none: one period has no dispersion"
    rates[["rate", "lower", "upper"]] *= PER
    few = float(counts[inside].mean()) < _TOO_FEW if inside.any() else pd.NA
    return rates.assign(
        n=pd.array(n, dtype="Int64"),
        exposure=pd.array(np.where(blank & (exposure == 0), np.nan, exposure), dtype="Int64"),
        interval=name,
        dispersion=phi,
        too_few=pd.array([few] * len(n), dtype="boolean"),
        covered=pd.array([pd.NA] * len(n) if covered is None else covered, dtype="boolean"),
    )


def rates_of_all(
    rows: Any,
    dividing: Mapping[Denominator, pd.DataFrame],
    query: Query,
    periods: pd.DatetimeIndex,
    covers: Covers | None,
) -> tuple[pd.DataFrame, int]:
    """Return the rates of all pairs of states in periods with acts, and the number of acts."""
    components: tuple[str, ...] = query.options["components"]  # type: ignore[assignment]
    directed = bool(query.options["directed"])
    names, key, at, n, n_once = _sums(rows, periods, components, directed=directed)
    order = np.argsort(key * len(periods) + at)
    key, at, n = key[order], at[order], n[order]
    begins = np.diff(key, prepend=-1) != 0
    pair, of_pair = np.cumsum(begins) - 1, key[begins]
    first, second = names.take(of_pair // len(names)), names.take(of_pair % len(names))
    pairs = pd.DataFrame({"first": first, "second": second}, dtype="str")
    named = pd.MultiIndex.from_frame(pairs, names=["sender", "target"])
    row, part = np.nonzero(n)
    pair, at, n_acts = pair[row], at[row], n[row, part]
    none = np.zeros(len(row), dtype=bool)
    ways = zip(way_columns(directed=directed), pairs, strict=True)
    columns = {
        "period": periods.to_numpy()[at],
        **{name: pairs[side].array.take(pair) for name, side in ways},
        "component": pd.array([*components, ALL], dtype="str").take(part),
        "n": pd.arrays.IntegerArray(n_acts, none),
    }
    covered = none if covers is None else covers(pairs)[pair, at]
    tables = []
    for denominator, cells in dividing.items():
        exposure = exposure_of(cells, named, periods, denominator)[pair, at]
        of_denominator = columns | {
            "exposure": pd.arrays.IntegerArray(exposure, none.copy()),
            "rate": PER * n_acts / exposure,
            "denominator": pd.array([denominator], dtype="str").take(np.zeros_like(part)),
            "covered": pd.arrays.BooleanArray(covered, none | (covers is None)),
        }
        tables.append(pd.DataFrame(of_denominator, copy=False))
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True), n_once


def _sums(
    rows: Any, periods: pd.DatetimeIndex, components: Sequence[str], *, directed: bool
) -> tuple[pd.Index, Counts, Counts, Counts, int]:
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
    placed = rows.filter('inside AND "first" = "last" AND sender <> target')
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
