"""POLECAT: event data coded in PLOVER, 40 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.rules import empty_to_null
from sanctlib.codes.actions import map_plover
from sanctlib.reading import Reading
from sanctlib.sources.events import ACTORS, EventSource, read_acts
from sanctlib.sources.lines import read_lines

_COLUMNS = {
    "Event ID": "event_id",
    "Event Date": "date",
    "Event Type": "type",
    "Event Mode": "mode",
    "Contexts": "contexts",
    "Actor Name": "actor_name",
    "Actor Country": "sender",
    "Recipient Name": "recipient_name",
    "Recipient Country": "target",
}


def read_events(*paths: Path) -> Reading:
    """
    Read event files into events. Provisional: no file of the producer could be tested.

    A row is a machine's reading of a story. Its countries are lists: an act of several
    actors or recipients is written out under one ``act_id``, so count acts, not rows; a
    state in both lists is never written out against itself. ``n_reports`` of a mutual act
    with both states in both lists counts it twice.

    What was done is told by event type, mode and contexts through the crosswalk of
    `crosswalk`: ``SANCTION`` is reduced relations and no sanction, and ``COERCE,
    restrict`` is one in an economic or diplomatic context alone. ``code`` is the type and
    mode. Agreements signed cannot be told from support, nor who visited whom, so neither
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
    return read_acts(SOURCE, *paths)


def drafts(path: Path) -> Iterator[Draft]:
    """Read the columns that are needed, with what was done and both actors of each row."""
    for draft in read_lines(
        path,
        needed=tuple(_COLUMNS),
        number="Event ID",
        encodings=("latin-1",),
    ):
        named = replace(draft, rows=draft.rows.rename(columns=_COLUMNS).astype("str"))
        named.rows["_line"] = draft.rows["_line"]
        yield _coded(empty_to_null(named, marks=("", "None")))


SOURCE = EventSource(key="polecat", drafts=drafts, parties="iso3", joined=";")


def _coded(draft: Draft) -> Draft:
    rows = draft.rows
    kind, mode = rows["type"].str.strip(), rows["mode"].str.strip()
    mapped = map_plover(kind, modes=mode, contexts=rows["contexts"])
    reasons = ("unknown event type " + kind.map(repr)).where(mapped["action"].isna())
    small = kind.str.islower().fillna(value=False)
    reasons[small] = "event type in small letters, as in made-up samples: POLECAT writes capitals"
    rows = rows.assign(
        code=kind + (", " + mode).fillna(""),
        family=mapped["family"],
        action=mapped["action"],
        # As in the crosswalk of CAMEO: co-operation may be told from either side.
        _mirror=mapped["family"].eq("cooperation").fillna(value=False).astype("bool"),
        **{
            ACTORS[0]: _named(rows["actor_name"], rows["sender"]),
            ACTORS[1]: _named(rows["recipient_name"], rows["target"]),
        },
    )
    rows = rows.drop(columns=["type", "mode", "contexts", "actor_name", "recipient_name"])
    return replace(draft, rows=rows).reject(reasons, step="map event types")


def _named(name: pd.Series, country: pd.Series) -> pd.Series:
    return name.fillna("") + "|" + country.fillna("")
