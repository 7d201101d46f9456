"""Read producers' files by key. Return readings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import get_args

from sanctlib.errors import MissingColumnsError, SourceError, UnknownChoiceError, check_choice
from sanctlib.reading import Reading, note_used
from sanctlib.sources import cases, dyads, events, ideal_points, lists, ofac, third_parties
from sanctlib.sources.events import Actors
from sanctlib.sources.files import check_recorded, paths_of
from sanctlib.sources.producers import mistaken_for, producers

READERS: Mapping[str, Callable[..., Reading]] = {
    "gdelt": events.read_gdelt,
    "icews": events.read_icews,
    "polecat": events.read_polecat,
    "gsdb": cases.read_gsdb,
    "ties": cases.read_ties,
    "eusanct": cases.read_eusanct,
    "icews_2018": events.read_quadruples,
    "ofac_sdn": ofac.read_copies,
    "ofac": ofac.read_ofac,
    "un": lists.read_un,
    "canada_sema": lists.read_canada,
    "uk": lists.read_uk,
    "eu": lists.read_eu,
    "eu_listings": third_parties.read_annexes,
    "uk_listings": third_parties.read_subjects,
    "us_by_address": third_parties.read_panel,
    "opensanctions": lists.read_targets,
    "un_ideal_points": ideal_points.read_gaps,
    "icews_dyad_years": dyads.read_icews,
    "sipri": dyads.read_register,
    "cow_alliances": dyads.read_cow_alliances,
    "atop": dyads.read_atop,
    "trade": dyads.read_trade,
}
_OF_SEVERAL_FILES = ("gdelt", "icews", "polecat", "ofac_sdn")


def read(
    key: str, path: str | Path | Iterable[str | Path] = (), *, actors: Actors | None = None
) -> Reading:
    """
    Read a producer's file into one of our tables.

    The kind of table depends on the source (`sl.datasets()` has it): events, cases, listings
    of entities, changes of a list, or dyads. Every row of the file is kept, merged into
    another, or rejected with its reason.

    Parameters
    ----------
    key : str
        A key of `sl.datasets()` with a reader (whose ``status`` is not empty).
    path : path or sequence of paths
        The file as its producer publishes it, compressed or not. For "gdelt", "icews" and
        "polecat" also several files; of rows given twice, the first in this order is kept. For
        "ofac_sdn" also several archives, whose copies are read in order of time.
    actors : {"state", "label"}, optional
        Only for "icews_2018", default "state": whether only states named as such are parties,
        or also their labelled persons and bodies, such as "Citizen (Russia)".

    Returns
    -------
    Reading
        The table with its coverage, rejected rows, audit and citation.

    Raises
    ------
    UnknownChoiceError
        For an unknown key, and for `actors` with another source.
    SourceError, MissingColumnsError
        For a file that is not of this source, with the source that it looks like, and for a
        file that changed after `sl.fetch`.

    Examples
    --------
    >>> import tempfile
    >>> rows = [["source", "cameo", "relation", "target", "date"]]
    >>> rows += [["Iran", "057", "Sign formal agreement", "Russia", "2018-02-01"]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "events.tsv"
    ...     _ = path.write_text(chr(10).join(map(chr(9).join, rows)))
    ...     reading = read("icews_2018", path)
    >>> reading.table[["sender", "target", "action"]].to_dict("records")
    [{'sender': 'IRN', 'target': 'RUS', 'action': 'agree'}]
    """
    hint = " Shipped datasets are loaded by sl.load; tables of your own are read by sl.read_table."
    if key in producers() and key not in READERS:
        raise UnknownChoiceError(f"{key!r} has no reader here. {producers()[key].instead}")
    check_choice(key, READERS, what="key", hint=hint)
    options = {} if actors is None else {"actors": actors}
    if options and key != "icews_2018":
        msg = f"actors is {actors!r}. Leave it out: only 'icews_2018' has a choice of actors."
        raise UnknownChoiceError(msg)
    if options:
        check_choice(actors, get_args(Actors), what="actors")
    paths = paths_of(path, what="path")
    if len(paths) != 1 and key not in _OF_SEVERAL_FILES:
        raise SourceError(f"path names {len(paths)} files. {key!r} is read from one file.")
    check_recorded(paths)
    try:
        reading = READERS[key](*paths, **options)
    except (SourceError, MissingColumnsError) as error:
        columns = getattr(error, "columns", ())
        hint = next((h for h in (mistaken_for(p, key, columns) for p in paths) if h), "")
        if hint:
            raise SourceError(f"{error}\n{hint}") from error
        raise
    note_used(reading.provenance)
    return reading
