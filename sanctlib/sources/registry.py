"""The readers by key: what `sl.read` can be asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path

from sanctlib.errors import MissingColumnsError, SourceError, UnknownChoiceError, check_choice
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
from sanctlib.sources.icews import Actors
from sanctlib.sources.producers import mistaken_for


def _one(key: str, read_file: Callable[[Path], Reading]) -> Callable[..., Reading]:
    @wraps(read_file)
    def read_one(*paths: Path, **options: Actors) -> Reading:
        if len(paths) != 1:
            raise SourceError(f"{key!r} is read from one file, and {len(paths)} were given.")
        return read_file(paths[0], **options)

    return read_one


def _paths(key: str, path: object) -> list[Path]:
    """Return what `sl.read` was given as paths, or say what it is instead."""
    one = isinstance(path, str | os.PathLike)
    given = [path] if one else list(path) if isinstance(path, Iterable) else []
    wrong = hasattr(path, "columns") or not all(isinstance(p, str | os.PathLike) for p in given)
    if wrong or not given:
        found = "none" if given == [] and isinstance(path, Iterable) else type(path).__name__
        msg = f"sl.read({key!r}, …) needs the path of a file, or several, and found {found}."
        raise SourceError(msg + " A table of your own goes to sl.read_table." * wrong)
    for text in map(str, given):
        if "://" in text:
            msg = f"{text!r} is an address: download the file (`sanctlib fetch` brings some)."
            raise SourceError(msg)
    return [Path(str(p)) for p in given]


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


def read(
    key: str, path: str | Path | Iterable[str | Path] = (), *, actors: Actors | None = None
) -> Reading:
    """
    Read a producer's file into one of our tables.

    Parameters
    ----------
    key : str
        One of the keys of `sanctlib datasets` that has a reader.
    path : path or several
        The file as it comes from its producer, packed or not; event data also as many
        files, in the order in which their repeats are merged: the first stays.

    actors : {"state", "label"}, optional
        Of the quadruples of ICEWS alone: whether only a state named as such is a party, or
        also its labelled people and bodies ("Citizen (Russia)").

    Raises
    ------
    UnknownChoiceError
        For an unknown key, with the closest one, or a choice that the source has not.
    SourceError
        When the file is not what the key says; it names the source it looks like. When a
        file that `sl.fetch` brought has changed since.
    """
    hint = " What comes with sanctlib is loaded by sl.load; any other table by sl.read_table."
    check_choice(key, READERS, what="source", needed_by="sl.read", hint=hint)
    if actors is not None and key != "icews_2018":
        raise UnknownChoiceError(f"sl.read: the source {key!r} has no choice of actors.")
    options = {} if actors is None else {"actors": actors}
    paths = _paths(key, path)
    check_recorded(paths)
    try:
        reading = READERS[key](*paths, **options)
    except (SourceError, MissingColumnsError) as error:
        hint = next((h for h in (mistaken_for(p, key, str(error)) for p in paths) if h), "")
        if hint:
            raise SourceError(f"{error}\n{hint}") from error
        raise
    note_used(reading.provenance)
    return reading
