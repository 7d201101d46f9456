"""GDELT, ICEWS and POLECAT: how their files are read. Return readings of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

from sanctlib.coverage import Coverage
from sanctlib.database import Database
from sanctlib.errors import SourceError
from sanctlib.reading import Reading, sha256
from sanctlib.schema import TABLES
from sanctlib.sources.draft import unmatched
from sanctlib.sources.producers import provenance
from sanctlib.sources.rules import EventSource, events
from sanctlib.sources.steps import Cleaning, day_of_stamp

Actors: TypeAlias = Literal["state", "label"]
"""`state`: the actor is named as the state itself; `label`: also ``… (Russia)``."""

_DATES = ("GLOBALEVENTID", "SQLDATE", "MonthYear", "Year", "FractionDate")
_ACTOR = (
    *("Code", "Name", "CountryCode", "KnownGroupCode", "EthnicCode"),
    *("Religion1Code", "Religion2Code", "Type1Code", "Type2Code", "Type3Code"),
)
_ACT = (
    *("IsRootEvent", "EventCode", "EventBaseCode", "EventRootCode", "QuadClass"),
    *("GoldsteinScale", "NumMentions", "NumSources", "NumArticles", "AvgTone"),
)
_PLACE = ("Type", "FullName", "CountryCode", "ADM1Code", "Lat", "Long", "FeatureID")
_PLACE_2 = (*_PLACE[:4], "ADM2Code", *_PLACE[4:])


def _layout(place: tuple[str, ...], *end: str) -> list[str]:
    actors = [f"Actor{n}{part}" for n in (1, 2) for part in _ACTOR]
    places = [f"{of}Geo_{part}" for of in ("Actor1", "Actor2", "Action") for part in place]
    return [*_DATES, *actors, *_ACT, *places, *end]


LAYOUTS = {
    # The files of history were all made at one time: that day says nothing of what they cover.
    57: _layout(_PLACE, "DATEADDED (history)"),
    58: _layout(_PLACE, "DATEADDED", "SOURCEURL"),
    61: _layout(_PLACE_2, "DATEADDED", "SOURCEURL"),
}

WITHOUT_COUNTRY = ("IMN", "MNE", "ROU", "SSD", "TLS", "XKX")
"""States of which GDELT has actors, but that its own table of countries lacks."""
_START = f"CASE WHEN left(actor, 3) IN {WITHOUT_COUNTRY} THEN left(actor, 3) END"
_COUNTRY = f"coalesce(country, {_START})"
_GDELT_SIDES = {
    f"{ours}{n}": f"Actor{n}{theirs}"
    for n in (1, 2)
    for ours, theirs in (("actor", "Code"), ("country", "CountryCode"), ("body", "KnownGroupCode"))
}

GDELT = EventSource(
    key="gdelt",
    columns={
        "id": "GLOBALEVENTID",
        "date": "SQLDATE",
        "code": "EventCode",
        "score": "GoldsteinScale",
        "stamp": "DATEADDED",
        **_GDELT_SIDES,
    },
    layouts=LAYOUTS,
    # Some copies are separated by Ctrl-A.
    delimiters=("\t", "\x01"),
    # All that is kept is ASCII: a damaged place name must not cost the file.
    encodings=("utf-8", "latin-1"),
    formats=("%Y%m%d",),
    date_basis="occurred",
    system="cameo",
    succession="dominant",
    # An actor's own code is never resolved: "ukr" is a people, and "SUN" would be a faith.
    label=f"CASE WHEN {_COUNTRY} IN (SELECT text FROM names WHERE code IS NOT NULL)"
    f" OR body IS NULL THEN {_COUNTRY} ELSE body END",
    texts=("country", "body", _START),
    unknown="coalesce(label, actor)",
    actor_key="coalesce(actor, '')",
    shown=200,
    files_a_day=96,
    breaks=(
        (date(2013, 4, 1), "daily files by day of coding in place of files by day of the act"),
    ),
    breaks_timed=((date(2015, 2, 18), "GDELT 2.0: translated sources, and files of 15 minutes"),),
)

ICEWS = EventSource(
    key="icews",
    columns={
        "id": "Event ID",
        "date": "Event Date",
        "code": "CAMEO Code",
        "score": "Intensity",
        "actor1": "Source Name",
        "country1": "Source Country",
        "actor2": "Target Name",
        "country2": "Target Country",
    },
    nulls=("NA", ""),
    # Month first: the files of "12/1/2017" are American.
    formats=("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y"),
)

QUADRUPLES = EventSource(
    key="icews_2018",
    columns={"date": "date", "code": "cameo", "actor1": "source", "actor2": "target"},
    also=("relation",),
    checks=("check dates", "map action codes", "check numbers", "resolve parties"),
    must_exist=True,
)
# The last bracket names the country: "Citizen (Russia)".
_IN_BRACKETS = r"nullif(regexp_extract(actor, '[(]([^()]*)[)]\s*$', 1), '')"

POLECAT = EventSource(
    key="polecat",
    columns={
        "id": "Event ID",
        "date": "Event Date",
        "code": ("Event Type", "Event Mode", "Contexts"),
        "actor1": "Actor Name",
        "country1": "Actor Country",
        "actor2": "Recipient Name",
        "country2": "Recipient Country",
    },
    encodings=("latin-1",),
    nulls=("", "None"),
    codes="plover",
    system="iso3",
    label="country",
    actor_key="coalesce(actor, '') || '|' || coalesce(country, '')",
    joined=";",
    checks=("map event types", "check dates", "check numbers"),
)

STREAMED = {source.key: source for source in (GDELT, ICEWS, POLECAT)}
"""The sources of events whose files `sl.prepare` takes, however many."""


def read_gdelt(*paths: Path) -> Reading:
    """
    Read event files into events: what news of a day say that somebody did to somebody.

    A row is a machine's reading of a sentence, mentioned by one article or many. The number of
    columns shows the version; rows of 57 and 58 may be in one file, and others are rejected.

    ``date`` is the day of the act (SQLDATE), not that of its coding (DATEADDED): an article on
    "a year ago" is placed a year back. The coverage is of the days of coding, which a file
    holds; files of history (57 columns) go by the day of the act. A day without a row is a gap,
    and so is one without all 96 files of GDELT 2.0. Volume grows with the number of sources:
    use shares or rates, never raw counts over years.

    A party is the actor's country code: people, firms and bodies of a state count for it. Where
    there is none, or a region of the world, a known body (EU, UN, NATO and others of `blocs`) is
    the party. Romania, South Sudan, Montenegro, East Timor, Kosovo and the Isle of Man lack a
    country code in GDELT; the actor's code shows them. All other actors are unknown: kept, null,
    listed by their code. GDELT writes the past in codes of today: one that was no state on the
    day is the state whose place it took ("RUS" in 1985 is SUN), or unknown ("HRV" in 1985).

    Sender and target are as GDELT has them, and it errs: of "North Korea, sanctioned by the
    Security Council" it often makes a sanction by North Korea. Rows of one day, both actor
    codes and code are merged, whatever their address; 40 % of rows are such repeats, and two
    true acts of one day may be among them.

    Returns
    -------
    Reading
        Of kind ``"events"``; ``goldstein`` is the row's own, ``n_reports`` the number of
        rows merged into an act (not of articles).

    Raises
    ------
    SourceError
        When a file holds no event row: a GKG or mentions file, or none of GDELT's.
    """
    return _read(GDELT, paths)


def read_icews(*paths: Path) -> Reading:
    """
    Read the event files of the archive into events, one row per act.

    A row is a machine's reading of one sentence of one story. The party is the country that
    ICEWS gives the actor: people, ministries, firms and rebels of a state count for it, and
    nearly half of all rows are domestic. An actor without a country (``NA``) is its own name
    where that is a known body (UN Security Council is UN) and otherwise unknown: kept, null,
    listed by its name. "Russian Federation" and "Russia" both resolve.

    Rows of one day, both actors as named, and code are one act of several stories: a quarter of
    the rows is merged so, and two true acts of one day may be among them. Then one act a day of
    two parties, and an act reported from both its sides, are one. Event ids are not unique in
    the full archive: a later row with the id of another, and another content, becomes ``id#2``;
    a row that two files share is read once.

    Each file writes its days in one form, that which most of its rows fit: ISO, or
    ``12/1/2017``, read month first unless the file has a 13th month. Days without a row are
    gaps of the coverage. ICEWS is not a census: what is reported varies with its sources.

    Returns
    -------
    Reading
        Of kind ``"events"``; ``goldstein`` is the row's own Intensity.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    return _read(ICEWS, paths)


def read_quadruples(path: Path, *, actors: Actors = "state") -> Reading:
    """
    Read the named quadruples into events, one row per act.

    Which names are a state is a choice: ``actors="state"`` takes only the state named
    as such ("Russia"), ``"label"`` also its labelled people and bodies ("Citizen
    (Russia)"). A person or a ministry without a label is unknown and stays as a row
    with a null party, which volumes need. The file holds no repeats of its own, so a
    row is an act on a day, never a report.

    Returns
    -------
    Reading
        Of kind ``"events"``; ``n_reports`` is the number of rows merged into an act.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    label = f"coalesce({_IN_BRACKETS}, actor)" if actors == "label" else "actor"
    return _read(replace(QUADRUPLES, label=label), [path])


def read_polecat(*paths: Path) -> Reading:
    """
    Read event files into events. Provisional: no file of the producer could be tested.

    A row is a machine's reading of a story. Its countries are lists: an act of several
    actors or recipients is expanded under one ``act_id``, so count acts, not rows; a
    state in both lists is never expanded against itself. ``n_reports`` of a mutual act
    with both states in both lists counts it twice.

    Event type, mode and contexts show what was done, through the crosswalk of
    `crosswalk`: ``SANCTION`` is reduced relations and no sanction, and ``COERCE,
    restrict`` is one in an economic or diplomatic context alone. ``code`` is the type and
    mode. Agreements signed cannot be distinguished from support, nor who visited whom, so neither
    is counted as such. The scores of PLOVER are another scale than Goldstein's: none is
    kept.

    Parties are codes of states. What is none (``IGO``, and codes of PLOVER's own such as
    ``JAP`` or ``ITL``, of which no list could be had) is unknown: kept, null, listed.
    Event types in small letters are rejected: tables that have them are made up, though
    they circulate as samples of POLECAT.

    Returns
    -------
    Reading
        Of kind ``"events"``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    return _read(POLECAT, paths)


def _read(source: EventSource, paths: Sequence[Path]) -> Reading:
    """Read files into events, in the order in which the files tell of them."""
    with closing(Database(as_written=True)) as engine:
        cleaning = Cleaning(source, engine)
        for number, path in enumerate(paths):
            cleaning.take(path, number=number)
        if not cleaning.n_kept:
            why = f" The first: {cleaning.rejected[0][-1]}." if cleaning.rejected else ""
            raise SourceError(f"{paths[0].name!r} holds no act that can be kept.{why}")
        cleaning.merge()
        table = engine.frame(events(source))
        audit = cleaning.merged(cleaning.audit())
    if "score" not in source.columns:
        table = table.drop(columns="goldstein")
    return Reading(
        kind="events",
        table=table[[c for c in TABLES["events"].names if c in table]],
        rejected=cleaning.rejected_rows(),
        audit=audit,
        coverage=covered(source, cleaning.stamps),
        provenance=provenance(source.key, ((path.name, sha256(path)) for path in paths)),
        unmatched=unmatched(cleaning.unmatched()),
    )


def covered(source: EventSource, stamps: Iterable[str]) -> Coverage:
    """Cover the days of the stamps; those without a row, or with too few files, are gaps."""
    day_of = {stamp: day for stamp in stamps if (day := day_of_stamp(stamp))}
    days = sorted(set(day_of.values()))
    timed = Counter(day for stamp, day in day_of.items() if len(stamp) == 14 and stamp.isdigit())
    gaps = [
        (day, day, f"{n} of {source.files_a_day} files of 15 minutes")
        for day, n in timed.items()
        if n < source.files_a_day
    ]
    one = timedelta(days=1)
    gaps += [
        (day + one, following - one, "the files have no row of these days")
        for day, following in pairwise(days)
        if following - day > one
    ]
    known = (*source.breaks, *(source.breaks_timed if timed else ()))
    breaks = tuple((day, why) for day, why in known if days[0] <= day <= days[-1])
    return Coverage(
        source=source.key, first=days[0], last=days[-1], gaps=tuple(sorted(gaps)), breaks=breaks
    )
