"""The readers by key: what `sl.read` can be asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sanctlib.errors import MissingColumnsError, SourceError, check_choice
from sanctlib.reading import Reading, note_used
from sanctlib.sources import canada, gsdb, icews, ideal_points, ofac, ofac_copies, un
from sanctlib.sources.producers import mistaken_for


def _one(key: str, read_file: Callable[[Path], Reading]) -> Callable[..., Reading]:
    def read_one(*paths: Path) -> Reading:
        if len(paths) != 1:
            raise SourceError(f"{key!r} is read from one file, and {len(paths)} were given.")
        return read_file(paths[0])

    return read_one


READERS: Mapping[str, Callable[..., Reading]] = {
    "gsdb": _one("gsdb", gsdb.read_cases),
    "icews_2018": _one("icews_2018", icews.read_quadruples),
    "ofac_sdn": _one("ofac_sdn", ofac_copies.read_copies),
    "ofac": _one("ofac", ofac.read_list),
    "un": _one("un", un.read_list),
    "canada_sema": _one("canada_sema", canada.read_list),
    "un_ideal_points": _one("un_ideal_points", ideal_points.read_gaps),
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
        When the file is not what the key says; it names the source it looks like.
    """
    check_choice(key, READERS, what="source", needed_by="sl.read")
    several = [path] if isinstance(path, str | os.PathLike) else list(path)
    paths = [Path(p) for p in several]
    try:
        reading = READERS[key](*paths)
    except (SourceError, MissingColumnsError) as error:
        hint = next((h for h in (mistaken_for(p, key) for p in paths) if h), "")
        if hint:
            raise SourceError(f"{error}{hint}") from error
        raise
    note_used(reading.provenance)
    return reading
