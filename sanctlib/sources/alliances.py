"""Formal alliances by dyad and year: Correlates of War and ATOP."""

from __future__ import annotations

from pathlib import Path

from sanctlib.reading import Reading
from sanctlib.sources.dyads import DyadLayout, read_layout

COW_ALLIANCES = DyadLayout(
    key="cow_alliances",
    sides={("ccode1", "ccode2"): None},
    year="year",
    measures={
        "defense": "alliance_defence",
        "neutrality": "alliance_neutrality",
        "nonaggression": "alliance_nonaggression",
        "entente": "alliance_entente",
    },
    system="cow",
    holds="flag",
    repeats="max",
)

ATOP = DyadLayout(
    key="atop",
    sides={("stateA", "stateB"): True, ("mem1", "mem2"): False},
    year="year",
    measures={
        "atopally": "alliance_any",
        "defense": "alliance_defence",
        "offense": "alliance_offence",
        "neutral": "alliance_neutrality",
        "nonagg": "alliance_nonaggression",
        "consul": "alliance_consultation",
        "shareob": "alliance_shared_obligation",
    },
    optional=("shareob",),
    system="cow",
    holds="flag",
    repeats="max",
)


def read_cow_alliances(path: Path) -> Reading:
    """
    Read the formal alliances of the Correlates of War, by dyad and year, directed or not.

    A row of the file is a treaty: several of one dyad-year are one dyad-year here, with 1
    where any of them has the pledge. Both files of the producer have the same columns, so a
    file is directed where most of its dyads stand in both orders; otherwise the pair is
    written in the order of the alphabet, and must be looked up so. The file names allies
    only: an absent dyad is no alliance among its states and years, but a state that never
    allied is not among them and is missing. Years before 1945 are rejected, since our codes
    do not date the states of those days.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, value 0 or 1: ``alliance_defence``, ``alliance_neutrality``,
        ``alliance_nonaggression``, ``alliance_entente``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    return read_layout(path, COW_ALLIANCES)


def read_atop(path: Path) -> Reading:
    """
    Read alliance obligations of ATOP by dyad and year, directed (ddyr) or not (dy).

    In the directed file ``first`` has the obligation towards ``second``; they differ
    where an alliance is asymmetric, so look up both orders. ``alliance_any`` can be 1 with
    no obligation of the first at all. In the other file the pair is in the order of the
    alphabet. The data end in 2018: later years are missing, not zero. Years before 1945
    are rejected, since our codes do not date the states of those days.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, value 0 or 1: ``alliance_any``, ``alliance_defence``,
        ``alliance_offence``, ``alliance_neutrality``, ``alliance_nonaggression``,
        ``alliance_consultation`` and, where the file has it, ``alliance_shared_obligation``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    return read_layout(path, ATOP)
