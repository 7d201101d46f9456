"""GDELT, events of 1.0 (57 or 58 columns) and 2.0 (61 columns)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from sanctlib.cleaning.distinct import distinct_rows, spread
from sanctlib.cleaning.draft import Draft, mentions
from sanctlib.cleaning.rules import empty_to_null
from sanctlib.codes.countries import resolve
from sanctlib.codes.labels import UNKNOWN
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.events import ACTORS, EventSource, read_acts
from sanctlib.sources.files import head_of
from sanctlib.sources.lines import read_lines

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
_TAKEN = {
    "GLOBALEVENTID": "event_id",
    "SQLDATE": "date",
    "EventCode": "code",
    "GoldsteinScale": "goldstein",
    "DATEADDED": "_stamp",
}
_NEEDED = (
    *_TAKEN,
    *(f"Actor{n}{part}" for n in (1, 2) for part in ("Code", "CountryCode", "KnownGroupCode")),
)
WITHOUT_COUNTRY = ("IMN", "MNE", "ROU", "SSD", "TLS", "XKX")
"""States of which GDELT has actors, but that its own table of countries lacks."""
_SHOWN = 200


def read_events(*paths: Path) -> Reading:
    """
    Read event files into events: what news of a day say that somebody did to somebody.

    A row is a machine's reading of a sentence, mentioned by one article or many. The
    version is told by the number of columns, and rows of 57 and 58 may stand in one file;
    a row of any other width is rejected, and a file without one that fits is refused.

    ``date`` is the day of the act (SQLDATE), not that on which it was coded (DATEADDED):
    an article on "a year ago" is placed a year back. The coverage is of the days of
    coding, since these are what a file holds; files of history (57 columns) go by the day
    of the act. A day without a row is a gap, and so is one of which not all 96 files of
    GDELT 2.0 are there. Volume grows with the number of sources: use
    shares or rates, never raw counts over years.

    A party is the actor's country code: people, firms and bodies of a state count for it.
    Where there is none, or a region of the world, a known body (EU, UN, NATO and others of
    `blocs`) is the party. Romania, South Sudan, Montenegro, East Timor, Kosovo and the Isle
    of Man lack a country code in GDELT and are told by the actor's code. All other actors,
    a police or a senate of nowhere among them, are unknown: kept, null, listed by their
    code. GDELT writes the past in codes of today: one that was no state on the day stands for
    the state whose place it took ("RUS" in 1985 is SUN), or is unknown ("HRV" in 1985).

    Sender and target are as GDELT has them, and it errs: of "North Korea, sanctioned by the
    Security Council" it often makes a sanction by North Korea. Rows of one day, both actor
    codes and code are merged, whatever their address; 40 % of rows are such repeats, and
    two true acts of one day may be among them.

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
    return read_acts(SOURCE, *paths)


def drafts(path: Path) -> Iterator[Draft]:
    """
    Read a file in blocks, with the parties of each row.

    Raises
    ------
    SourceError
        When no line is a row of an event file.
    """
    n, first = 0, ""
    for draft in raw_rows(path):
        n += len(draft.rows)
        if not n:
            first = first or draft.rejected["reason"].iloc[0]
        yield _parties(empty_to_null(draft))
    if not n:
        msg = f"{path.name!r} holds no row of a GDELT event file: {first}. Mentions and GKG files "
        raise SourceError(msg + "hold no events.")


def raw_rows(path: Path) -> Iterator[Draft]:
    """Read the columns that are needed, unchanged, under GDELT's own names."""
    head = head_of(path)
    return read_lines(
        path,
        layouts=LAYOUTS,
        needed=_NEEDED,
        number="GLOBALEVENTID",
        # Some copies are separated by Ctrl-A.
        delimiter="\x01" if head.count("\x01") > head.count("\t") else "\t",
        # All that is kept is ASCII: a damaged place name must not cost the file.
        encodings=("utf-8", "latin-1"),
        shown=_SHOWN,
    )


def _parties(draft: Draft) -> Draft:
    rows = draft.rows.rename(columns=_TAKEN)
    names = [draft.names]
    for n, side, actor in ((1, "sender", ACTORS[0]), (2, "target", ACTORS[1])):
        parts = [f"Actor{n}{part}" for part in ("Code", "CountryCode", "KnownGroupCode")]
        few, group = distinct_rows(rows, parts)
        code, country, body = (few[part] for part in parts)
        start = code.str.slice(0, 3)
        country = country.fillna(start.where(start.isin(WITHOUT_COUNTRY)))
        is_state = resolve(country, system="cameo")["code"].notna()
        party = country.where(is_state | body.isna(), body)
        # Such a code is never resolved: "ukr" is a people, and "SUN" would be a faith.
        unknown = party.isna() & code.notna()
        names.append(mentions(side, code[unknown], UNKNOWN, np.bincount(group)[unknown]))
        found = {side: party, actor: code.fillna("")}
        spreads = {name: spread(f, group, like=rows[parts[0]]) for name, f in found.items()}
        rows = rows.drop(columns=parts).assign(**spreads)
    return replace(draft, rows=rows, names=pd.concat(names, ignore_index=True))


SOURCE = EventSource(
    key="gdelt",
    drafts=drafts,
    date_format="%Y%m%d",
    date_basis="occurred",
    parties="cameo",
    succession="dominant",
    files_a_day=96,
    breaks=(
        (date(2013, 4, 1), "daily files by day of coding in place of files by day of the act"),
        (date(2015, 2, 18), "GDELT 2.0: translated sources, and files of 15 minutes"),
    ),
)
