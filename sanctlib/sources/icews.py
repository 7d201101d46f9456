"""ICEWS: the raw event files of 20 columns, and the named quadruples of 2018."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

import pandas as pd

from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.rules import empty_to_null
from sanctlib.reading import Reading
from sanctlib.sources.events import ACTORS, as_events
from sanctlib.sources.text import read_text

Actors: TypeAlias = Literal["state", "label"]
"""`state`: the actor is named as the state itself; `label`: also ``… (Russia)``."""

_RAW = {
    "Event ID": "event_id",
    "Event Date": "date",
    "Source Name": ACTORS[0],
    "Source Country": "sender",
    "CAMEO Code": "code",
    "Intensity": "goldstein",
    "Target Name": ACTORS[1],
    "Target Country": "target",
}
_NULLS = ("NA", "")
# A form is that of a whole file. Month first: the files of "12/1/2017" are American.
_DATE_FORMS = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y")
QUADRUPLES = ("date", "source", "cameo", "relation", "target")


def read_events(*paths: Path) -> Reading:
    """
    Read the event files of the archive into events, one row per act.

    A row is a machine's reading of one sentence of one story. The party is the country
    that ICEWS gives the actor, so that people, ministries, firms and rebels of a state
    count for it: nearly half of all rows are domestic, and stay. An actor without a
    country (``NA``) is its own name where that is a known body (UN Security Council is UN,
    European Union is EU) and otherwise unknown: kept, null, listed by its name. The same
    state is spelled in three ways in these files ("Russian Federation" as a country,
    "Russia" as an actor); all resolve.

    Rows of one day, both actors as named, and code are one act reported by several
    stories: a quarter of the rows is merged so, and two true acts of one day may be among
    them. Then one act a day of two parties, and an act told from both its sides, are one.
    Event ids are not unique in the full archive: a later row with the id of another, and
    another content, becomes ``id#2``; a row that two files share is read once.

    Each file writes its days in one form, that which most of its rows fit: ISO, or
    ``12/1/2017``, read month first unless the file has a 13th month. Days without a row
    are gaps of the coverage. ICEWS is not a census: what is reported varies with its
    sources.

    Returns
    -------
    Reading
        Of kind ``"events"``; ``goldstein`` is the row's own Intensity.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    draft = read_draft(*paths)
    rows = draft.rows.rename(columns=_RAW)
    draft = empty_to_null(replace(draft, rows=rows), marks=_NULLS)
    rows = draft.rows
    for side, actor in zip(("sender", "target"), ACTORS, strict=True):
        name = rows[actor].mask(rows[actor].isin(_NULLS))
        rows = rows.assign(**{side: rows[side].fillna(name)})
    return as_events(replace(draft, rows=rows), key="icews", paths=paths)


def read_draft(*paths: Path) -> Draft:
    """Read the columns that are needed as they stand, with the days in one form."""
    return Draft.joined([_read_file(path) for path in paths])


def _read_file(path: Path) -> Draft:
    draft = read_text(
        path,
        delimiter="\t",
        quoted=False,
        needed=tuple(_RAW),
        needed_by="The reader of ICEWS events",
    )
    text = draft.rows["Event Date"].str.strip()
    tried = [pd.to_datetime(text, format=form, errors="coerce") for form in _DATE_FORMS]
    days = max(tried, key=lambda found: int(found.notna().sum()))
    iso = days.dt.strftime("%Y-%m-%d").fillna(text)
    return replace(draft, rows=draft.rows.assign(**{"Event Date": iso}))


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
    draft = read_text(
        path,
        delimiter="\t",
        quoted=False,
        needed=QUADRUPLES,
        needed_by="The reader of ICEWS quadruples",
    )
    rows = draft.rows.rename(columns={"source": "sender", "cameo": "code"})
    named = dict(zip(ACTORS, (rows["sender"], rows["target"]), strict=True))
    rows = rows.assign(event_id="L" + rows["_line"].astype("str"), **named)
    draft = replace(draft, rows=rows.drop(columns="relation"))
    draft = _labels(draft) if actors == "label" else draft
    return as_events(draft, key="icews_2018", paths=[path], not_yet="reject")


def _labels(draft: Draft) -> Draft:
    rows = draft.rows.copy()
    for side in ("sender", "target"):
        # The last bracket names the country: "Citizen (Russia)".
        label = rows[side].str.extract(r"\(([^()]*)\)\s*$", expand=False)
        rows[side] = label.fillna(rows[side])
    return replace(draft, rows=rows)
