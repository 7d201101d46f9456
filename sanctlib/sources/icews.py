"""ICEWS: the raw event files of 20 columns, and the named quadruples of 2018."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import pandas as pd

from sanctlib.cleaning.distinct import by_value
from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.rules import empty_to_null
from sanctlib.reading import Reading
from sanctlib.sources.events import ACTORS, EventSource, read_acts
from sanctlib.sources.lines import read_lines

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
    return read_acts(SOURCE, *paths)


def drafts(path: Path) -> Iterator[Draft]:
    """Read the columns that are needed, with the days in one form and the parties of each row."""
    form = _date_form(path)
    for draft in raw_rows(path):
        named = replace(draft, rows=draft.rows.rename(columns=_RAW))
        draft = empty_to_null(named, marks=_NULLS)
        rows = draft.rows.assign(date=by_value(draft.rows["date"], partial(_iso, form=form)))
        for side, actor in zip(("sender", "target"), ACTORS, strict=True):
            name = rows[actor].astype("str")
            rows = rows.assign(**{side: rows[side].astype("str").fillna(name)})
        names = {c: rows[c].astype("category") for c in ("sender", "target")}
        yield replace(draft, rows=rows.assign(**names))


def raw_rows(path: Path) -> Iterator[Draft]:
    """Read the columns that are needed as they stand, under the names of ICEWS."""
    return read_lines(path, needed=tuple(_RAW), number="Event ID")


def _date_form(path: Path) -> str:
    """Return the form that most days of the file have: a day alone may fit two."""
    fits = dict.fromkeys(_DATE_FORMS, 0)
    for draft in raw_rows(path):
        found = draft.rows["Event Date"].value_counts()
        text = pd.Series(found.index.astype("str")).str.strip()
        for form in _DATE_FORMS:
            known = pd.to_datetime(text, format=form, errors="coerce").notna()
            fits[form] += int(found.to_numpy()[known].sum())
    return max(fits, key=lambda form: fits[form])


def _iso(text: pd.Series, *, form: str) -> pd.Series:
    days = pd.to_datetime(text.str.strip(), format=form, errors="coerce")
    return days.dt.strftime("%Y-%m-%d").fillna(text)


SOURCE = EventSource(key="icews", drafts=drafts)


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
    source = EventSource(
        key="icews_2018", drafts=partial(_quadruples, actors=actors), not_yet="reject"
    )
    return read_acts(source, path)


def _quadruples(path: Path, *, actors: Actors) -> Iterator[Draft]:
    for draft in read_lines(path, needed=QUADRUPLES, number=""):
        rows = draft.rows.rename(columns={"source": "sender", "cameo": "code"})
        named = dict(zip(ACTORS, (rows["sender"], rows["target"]), strict=True))
        rows = rows.assign(event_id="L" + rows["_line"].astype("str"), **named)
        for side in ("sender", "target") if actors == "label" else ():
            rows[side] = by_value(rows[side], _label)
        yield replace(draft, rows=rows.drop(columns="relation"))


def _label(names: pd.Series) -> pd.Series:
    # The last bracket names the country: "Citizen (Russia)".
    return names.str.extract(r"\(([^()]*)\)\s*$", expand=False).fillna(names)
