"""The readers by key: what `sl.read` can be asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path

from sanctlib.errors import MissingColumnsError, SourceError, check_choice
from sanctlib.reading import Reading, note_used
from sanctlib.sources import (
    alliances,
    canada,
    dyads,
    eu,
    eusanct,
    gdelt,
    gsdb,
    icews,
    ideal_points,
    ofac,
    ofac_copies,
    opensanctions,
    polecat,
    sipri,
    ties,
    trade,
    uk,
    un,
)
from sanctlib.sources.checksums import check_recorded
from sanctlib.sources.producers import mistaken_for


def _one(key: str, read_file: Callable[[Path], Reading]) -> Callable[..., Reading]:
    @wraps(read_file)
    def read_one(*paths: Path) -> Reading:
        if len(paths) != 1:
            raise SourceError(f"{key!r} is read from one file, and {len(paths)} were given.")
        return read_file(paths[0])

    return read_one


READERS: Mapping[str, Callable[..., Reading]] = {
    "gdelt": gdelt.read_events,
    "icews": icews.read_events,
    "polecat": polecat.read_events,
    "gsdb": _one("gsdb", gsdb.read_cases),
    "ties": _one("ties", ties.read_cases),
    "eusanct": _one("eusanct", eusanct.read_cases),
    "icews_2018": _one("icews_2018", icews.read_quadruples),
    "ofac_sdn": _one("ofac_sdn", ofac_copies.read_copies),
    "ofac": _one("ofac", ofac.read_list),
    "un": _one("un", un.read_list),
    "canada_sema": _one("canada_sema", canada.read_list),
    "uk": _one("uk", uk.read_list),
    "eu": _one("eu", eu.read_list),
    "opensanctions": _one("opensanctions", opensanctions.read_targets),
    "un_ideal_points": _one("un_ideal_points", ideal_points.read_gaps),
    "icews_dyad_years": _one("icews_dyad_years", dyads.read_icews),
    "sipri": _one("sipri", sipri.read_register),
    "cow_alliances": _one("cow_alliances", alliances.read_cow_alliances),
    "atop": _one("atop", alliances.read_atop),
    "trade": _one("trade", trade.read_trade),
}


def read(key: str, path: str | Path | Iterable[str | Path]) -> Reading:
    """
    Read a producer's file into one of our tables.

    Parameters
    ----------
    key : str
        One of the keys of `sanctlib datasets` that has a reader.
    path : path or several
        The file as it comes from its producer, packed or not; event data also as many
        files, in the order in which their repeats are merged: the first stays.

    Raises
    ------
    UnknownChoiceError
        For an unknown key, with the closest one.
    SourceError
        When the file is not what the key says; it names the source it looks like. When a
        file that `sl.fetch` brought has changed since.
    """
    check_choice(key, READERS, what="source", needed_by="sl.read")
    several = [path] if isinstance(path, str | os.PathLike) else list(path)
    paths = [Path(p) for p in several]
    check_recorded(paths)
    if not paths:
        raise SourceError(f"{key!r} is read from files, and none was given.")
    try:
        reading = READERS[key](*paths)
    except (SourceError, MissingColumnsError) as error:
        hint = next((h for h in (mistaken_for(p, key) for p in paths) if h), "")
        if hint:
            raise SourceError(f"{error}{hint}") from error
        raise
    note_used(reading.provenance)
    return reading
