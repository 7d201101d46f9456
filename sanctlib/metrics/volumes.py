"""Volumes: all acts of a source, numbered, to count any pair and what it is divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.schema import COMPONENTS, Pair

Denominator: TypeAlias = Literal["all", "either", "no_war"]
Counts: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Edge: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]

PER = 1000
BAND = (10, 90)
_PARTS = {action: part for part, actions in COMPONENTS.items() for action in actions}


def is_state(party: object) -> bool:
    """Tell whether a party is a state: three capital letters."""
    text = str(party)
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


@dataclass(frozen=True)
class Volume:
    """The acts of a source, numbered: everything after the count of cells is numpy."""

    components: tuple[str, ...]
    parties: pd.Index
    n_periods: int
    sender: Counts
    target: Counts
    mutual: Flags
    period: Counts
    part: Counts
    war: Flags
    n: Counts
    lost: Counts

    @classmethod
    def of(cls, acts: pd.DataFrame, periods: pd.DatetimeIndex, components: Sequence[str]) -> Volume:
        """Return the volume of cells, with parties, periods and components as numbers."""
        codes, parties = pd.factorize(pd.concat([acts["sender"], acts["target"]]))
        # Missing actions of a component are -1, and so are parties not known.
        parts = acts["action"].map(_PARTS).where(acts["family"].eq("cooperation"))
        place = {component: i for i, component in enumerate(components)}
        war = acts["family"].eq("conflict") & acts["action"].eq("material")
        return cls(
            components=tuple(components),
            parties=pd.Index(parties),
            n_periods=len(periods),
            sender=codes[: len(acts)],
            target=codes[len(acts) :],
            mutual=acts["mutual"].astype("str").str.lower().eq("true").to_numpy(dtype=bool),
            period=periods.get_indexer(pd.DatetimeIndex(acts["period"])),
            part=np.asarray(parts.map(place).fillna(-1), dtype=np.int64),
            war=war.to_numpy(dtype=bool),
            n=acts["n_acts"].to_numpy(dtype=np.int64),
            lost=acts["n_unplaced"].to_numpy(dtype=np.int64),
        )

    def unplaced(self, way: Pair, *, directed: bool) -> list[int]:
        """Return the acts of the pair in no period, per component and in all."""
        pairs = self._pairs([way], directed=directed)
        here = np.logical_or.reduce([numbers >= 0 for numbers in pairs])
        sums = [int(self.lost[here & (self.part == i)].sum()) for i in range(len(self.components))]
        return [*sums, sum(sums)]

    def counts(self, ways: Sequence[Pair], *, directed: bool) -> Counts:
        """Return acts of shape (pairs, components and their sum, periods)."""
        pair = self._pairs(ways, directed=directed)
        shape = (len(ways), len(self.components) + 1, self.n_periods)
        found = np.zeros(shape, dtype=np.int64)
        for numbers in pair:
            kept = (numbers >= 0) & (self.part >= 0) & (self.period >= 0)
            at = (numbers[kept], self.part[kept], self.period[kept])
            np.add.at(found, at, self.n[kept])
        found[:, -1] = found[:, :-1].sum(axis=1)
        return found

    def exposure(self, ways: Sequence[Pair], denominator: Denominator) -> Counts:
        """Return the acts that divide, of shape (pairs, periods)."""
        kept = (self.period >= 0) & ~(self.war & (denominator == "no_war"))
        total = np.bincount(self.period[kept], self.n[kept], minlength=self.n_periods)
        if denominator != "either":
            return np.tile(total.astype(np.int64), (len(ways), 1))
        own = np.zeros((len(self.parties) + 1, self.n_periods), dtype=np.int64)
        # Row -1 takes the unknown parties, and an act of a state with itself counts once.
        np.add.at(own, (self.sender[kept], self.period[kept]), self.n[kept])
        two = kept & (self.sender != self.target)
        np.add.at(own, (self.target[two], self.period[two]), self.n[two])
        own[-1] = 0
        ends = self.parties.get_indexer(pd.Index([s for w in ways for s in w])).reshape(-1, 2)
        both = np.zeros((len(ways), self.n_periods), dtype=np.int64)
        numbers = self._pairs(ways, directed=False)[0]
        shared = kept & (numbers >= 0)
        np.add.at(both, (numbers[shared], self.period[shared]), self.n[shared])
        divisor: Counts = own[ends[:, 0]] + own[ends[:, 1]] - both
        return divisor

    def _pairs(self, ways: Sequence[Pair], *, directed: bool) -> list[Counts]:
        # The number of the pair of each cell, or -1; a mutual act has one per direction.
        size = len(self.parties) + 1
        ends = self.parties.get_indexer(pd.Index([s for way in ways for s in way])).reshape(-1, 2)
        numbers = np.arange(len(ways))
        known = (ends >= 0).all(axis=1)
        keys = [ends[known, 0] * size + ends[known, 1]]
        keys += [] if directed else [ends[known, 1] * size + ends[known, 0]]
        table = pd.Series(np.tile(numbers[known], len(keys)), index=np.concatenate(keys))

        def numbered(one: Counts, other: Counts) -> Counts:
            # Unknown parties are -1, and make no pair.
            key = np.where((one < 0) | (other < 0), -1, one * size + other)
            return np.asarray(table.reindex(key, fill_value=-1), dtype=np.int64)

        forth = numbered(self.sender, self.target)
        if not directed:
            return [forth]
        return [forth, np.where(self.mutual, numbered(self.target, self.sender), -1)]

    def comparable(self, way: Pair, *, directed: bool) -> list[Pair]:
        """Return the pairs of either state with a third that have an act in the span."""
        found: list[Pair] = []
        ends = self.parties.get_indexer(pd.Index(way, dtype=self.parties.dtype))
        placed = (self.period >= 0) & (self.n > 0)
        for place, (state, code) in enumerate(zip(way, ends, strict=True)):
            if code < 0:
                continue
            out, into = placed & (self.sender == code), placed & (self.target == code)
            # Of the first what it did to others, of the second what others did to it.
            dealt = [self.target[out & (self.mutual | (not directed) | (place == 0))]]
            dealt += [self.sender[into & (self.mutual | (not directed) | (place == 1))]]
            others = {str(self.parties[c]) for c in np.unique(np.concatenate(dealt)) if c >= 0}
            thirds = sorted(o for o in others - set(way) if is_state(o))
            found += [(state, o) if place == 0 else (o, state) for o in thirds]
        return found


def band_of(
    volume: Volume, way: Pair, denominator: Denominator, *, directed: bool, from_mean: float
) -> tuple[list[Edge], int]:
    """
    Return the band of comparable pairs, and how many there are.

    Comparable is a pair of either state with a third whose acts of co-operation are at
    least `from_mean` a period on average.

    Returns
    -------
    edges, n
        Low and high rate per 1,000 for each component and their sum: percentiles of
        the comparable pairs in each period, pairs without acts in it included.
    """
    ways = volume.comparable(way, directed=directed)
    n_parts = len(volume.components) + 1
    if not ways:
        return no_band(volume), 0
    counts = volume.counts(ways, directed=directed)
    enough = counts[:, -1, :].mean(axis=1) >= from_mean
    if not enough.any():
        return no_band(volume), 0
    ways, counts = [way for way, kept in zip(ways, enough, strict=True) if kept], counts[enough]
    exposure = volume.exposure(ways, denominator).astype("float64")
    exposure[exposure == 0] = np.nan
    rates = PER * counts / exposure[:, None, :]
    edges = []
    for i in range(n_parts):
        of = pd.DataFrame(rates[:, i, :])
        low, high = (of.quantile(q / 100).to_numpy() for q in BAND)
        edges.append((low, high))
    return edges, len(ways)


def no_band(volume: Volume) -> list[Edge]:
    """Return a missing band for each component and their sum."""
    nothing = np.full(volume.n_periods, np.nan)
    return [(nothing, nothing)] * (len(volume.components) + 1)
