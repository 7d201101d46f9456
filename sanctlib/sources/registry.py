"""The readers by key: what `sl.read` can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sanctlib.errors import check_choice
from sanctlib.reading import Reading
from sanctlib.schema import TableKind
from sanctlib.sources import canada, gsdb, icews, ideal_points, ofac


@dataclass(frozen=True, kw_only=True)
class Source:
    """A producer's file that can be read: what it becomes, and where to get it."""

    key: str
    title: str
    kind: TableKind
    read: Callable[[Path], Reading]
    where: str


SOURCES: Mapping[str, Source] = {
    s.key: s
    for s in (
        Source(
            key="gsdb",
            title="Global Sanctions Data Base, case file (release R3)",
            kind="cases",
            read=gsdb.read_cases,
            where="globalsanctionsdatabase.com, on request",
        ),
        Source(
            key="icews_2018",
            title="ICEWS coded events, named quadruples, January to October 2018",
            kind="events",
            read=icews.read_quadruples,
            where="public benchmark copies of ICEWS18 with names",
        ),
        Source(
            key="ofac_sdn",
            title="US list of Specially Designated Nationals, dated copies of sdn.csv",
            kind="list_changes",
            read=ofac.read_copies,
            where="an archive of sdn_YYYY-MM-DDTHHMMZ.csv files",
        ),
        Source(
            key="canada_sema",
            title="Consolidated Canadian Autonomous Sanctions List (XML)",
            kind="listings",
            read=canada.read_list,
            where="Global Affairs Canada, sanctions pages",
        ),
        Source(
            key="un_ideal_points",
            title="UN General Assembly ideal points (all votes)",
            kind="dyads",
            read=ideal_points.read_gaps,
            where="Harvard Dataverse, United Nations General Assembly Voting Data",
        ),
    )
}


def read(key: str, path: str | Path) -> Reading:
    """
    Read a producer's file into one of our tables.

    Parameters
    ----------
    key : str
        One of the keys of `sanctlib datasets` that has a reader.
    path : path
        The file as it comes from its producer.

    Raises
    ------
    UnknownChoiceError
        For an unknown key, with the closest one.
    SourceError
        When the file is not what the key says.
    """
    check_choice(key, SOURCES, what="source", needed_by="sl.read")
    return SOURCES[key].read(Path(path))
