"""The UK lists: OFSI's Consolidated List and the newer UK Sanctions List, as csv."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import empty_to_null
from sanctlib.reading import Reading
from sanctlib.sources.files import head_of
from sanctlib.sources.listings import as_listings, country_of, latest_day
from sanctlib.sources.text import read_text


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """One of the two lists: how its header begins, its columns by ours, its day of the copy."""

    list_name: str
    header_starts: str
    columns: Mapping[str, str]
    countries: tuple[str, ...]
    day: str


_CONLIST = _Layout(
    list_name="UK ConList",
    header_starts="Name 6",
    columns={
        "listing_id": "Group ID",
        "entity_type": "Group Type",
        "programme": "Regime",
        "listed": "Listed On",
    },
    countries=("Nationality", "Country"),
    day="%d/%m/%Y",
)
_SANCTIONS_LIST = _Layout(
    list_name="UK Sanctions List",
    header_starts="Last Updated",
    columns={
        "listing_id": "Unique ID",
        "entity_type": "Designation Type",
        "programme": "Regime Name",
        "listed": "Date Designated",
    },
    countries=("Nationality(/ies)", "Current believed flag of ship", "Address Country"),
    day="%d-%b-%Y",
)
_TYPES = {"Individual": "individual", "Entity": "entity", "Ship": "vessel"}
# The header itself: the words may stand in a remark of the other list.
_NEWER = re.compile(r'^"?Last Updated"?,"?Unique ID', re.MULTILINE)
_DAY = re.compile(r"\d{1,2}[/-]\w{2,3}[/-]\d{4}")
# "(1) Tripoli (2) Tunis", and elsewhere "1) Tripoli 2) Tunis".
_NUMBER = re.compile(r"\(?\b\d{1,2}\)")
_BRACKET = re.compile(r"\(([^()]*)\)")
# "Iraq (previous)" is Iraq; what "Congo (Democratic Republic)" adds in brackets is its name.
_ASIDE = re.compile(
    r"previous|listing|address|domicile|residence|location|prison|since|citizen", re.IGNORECASE
)


def read_list(path: Path) -> Reading:
    """
    Read a copy of a UK list into listings, one per entry and regime.

    Three layouts are recognised by their header and read by column name: the Consolidated
    List (ConList) with 29 columns (2016-2020) and 36 (2022 on), and the UK Sanctions List
    (58 columns). They are two lists: one numbers groups (Group ID), the other entries
    (Unique ID), and they name regimes differently, so copies of one are never compared with
    copies of the other.

    **What is counted.** The file has a row per alias, date of birth and address. Rows of
    one group under one regime are one listing; a group under three regimes is one entity
    with three listings, each with its own day. No row is chosen by ``Prime Alias``, which
    some groups lack. In the UK Sanctions List a person under two regimes has two Unique
    IDs, and so counts as two entities.

    **Days.** ``Listed On`` is the day of the listing under the regime, also where EU law
    listed first; ``Date Designated`` of the UK Sanctions List is often 31 December 2020 for
    those taken over from EU law: a change of law, not a wave of sanctions. Both are of
    survivors. A day of which a part is unknown (``00/00/2014``, ``dd/mm/2014``) is left
    null: the entry stands, and counts as unplaced. The banner gives the day of the copy.

    **Countries.** ``entity_country`` is the nationality of a person or the flag of a ship,
    and the address only where an entry has neither; several values of a cell are all kept.
    A remark such as ``(previous)`` is taken off; a cell that is prose stays unmatched.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        When no row can be kept: of a copy edited by hand whose header has a cell more than
        its rows, none is, since its columns would be shifted.
    MissingColumnsError
        When a column is not there.
    """
    layout = _SANCTIONS_LIST if _NEWER.search(head_of(path)) else _CONLIST
    names = [*layout.columns.values(), *layout.countries]
    draft = read_text(
        path,
        needed=names,
        header_starts=layout.header_starts,
        encoding=("utf-8", "cp1252"),
        shown=tuple(layout.columns.values()),
    )
    rows = draft.rows.rename(columns={theirs: ours for ours, theirs in layout.columns.items()})
    for column in layout.countries:
        rows[column] = _values(rows[column])
    rows = rows.assign(listed=rows["listed"].mask(rows["listed"].str.match(r"\s*(00|dd)/")))
    draft = empty_to_null(replace(draft, rows=rows))
    countries = country_of(draft.rows, layout.countries)
    stamp = pd.Series(_DAY.findall(draft.head), dtype="str")
    return as_listings(
        replace(draft, rows=draft.rows.assign(entity_country=countries)),
        key="uk",
        list_name=layout.list_name,
        paths=[path],
        types=_TYPES,
        date_basis="the list's own dates, survivors only",
        date_format="%d/%m/%Y",
        taken=latest_day(stamp, layout.day),
    )


def _values(cells: pd.Series) -> pd.Series:
    """Return the values of each cell joined by ``;``, without numbers and remarks."""
    bare = cells.str.replace(_BRACKET, _without_aside, regex=True)
    return bare.str.replace(_NUMBER, ";", regex=True).str.strip("; ")


def _without_aside(bracket: re.Match[str]) -> str:
    return "" if _ASIDE.search(bracket[1]) else bracket[0]
