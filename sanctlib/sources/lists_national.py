"""Read the lists of the US, the UK and Canada. Return readings of designations."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import pandas as pd

from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.draft import Draft, empty_to_null
from sanctlib.sources.files import check_recorded, head_of
from sanctlib.sources.listings import (
    as_listings,
    country_of,
    day_of_copy,
    is_xml,
    latest_day,
    read_xml,
)
from sanctlib.sources.text import read_text

LIST = "US SDN"
NULL = "-0-"
TYPES = {"individual": "individual", "vessel": "vessel", "aircraft": "aircraft", "": "entity"}
COLUMNS = (
    *("ent_num", "SDN_Name", "SDN_Type", "Program", "Title", "Call_Sign", "Vess_type"),
    *("Tonnage", "GRT", "Vess_flag", "Vess_owner", "Remarks"),
)
_COMPANIONS = {
    "add.csv": ("ent_num", "add_num", "address", "city", "country", "remarks"),
    "alt.csv": ("ent_num", "alt_num", "alt_type", "alt_name", "remarks"),
    "sdn_comments.csv": ("ent_num", "remarks"),
}
_PATHS = {
    "listing_id": "uid",
    "entity_type": "sdnType",
    "programme": "programList/program",
    "entity_country": "addressList/address/country",
}


def read_ofac(path: Path) -> Reading:
    """
    Read the list of one day, from ``sdn.csv`` with its companions or from ``sdn.xml``.

    Who is listed on that day, and nothing of when: neither file gives a day of listing, so
    ``listed`` is null. The remarks name days for some measures under an order ("Listing
    Date (EO 14024 Directive 2)"): a day of a measure is not that of the entry, and is left
    out. Additions and removals come from `compare_copies`. The XML file says which day it
    was made, so that `active_sanctions` knows the stock of that day; the csv file does not:
    pass ``coverage=Coverage(…, survivors=True)`` of its day alone.

    An entry counts once for each programme. The csv file joins programmes by ``] [`` and
    writes ``-0-`` where it has nothing: a null type is an entity. ``entity_country`` is
    where the addresses lie, all of them; a nationality, a birthplace or the flag of a ship
    is no address. In csv the addresses stand in ``add.csv``. That file, ``alt.csv`` and
    ``sdn_comments.csv`` are read when they lie beside a file named ``sdn.csv``, in capitals
    or not; a row of theirs whose number is no entry is rejected: the files are not of one
    day. Of the last two no more is taken: they hold names and the rest of long remarks. No
    name is kept.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        When the file is not this list, or the XML file says another number of entries than
        it holds.
    """
    return _read_xml(path) if is_xml(path) else _read_csv(path)


def fault(number: str, kind: str, programmes: str, known: Container[str]) -> str | None:
    """Say why a row of ``sdn.csv`` is no entry, given the numbers before it; None where it is."""
    if not number.isdecimal():
        return "its number is no number"
    if number in known:
        return "its number is that of an earlier row"
    if value(kind) not in TYPES:
        return "its type is not known"
    return None if programmes_of(programmes) else "it has no programme"


def value(text: str) -> str:
    """Return what a cell says, nothing where it says ``-0- ``."""
    stripped = text.strip()
    return "" if stripped == NULL else stripped


@lru_cache(maxsize=4096)
def programmes_of(text: str) -> str:
    """Return the programmes of a cell, sorted and joined by ``;``."""
    return ";".join(sorted({part.strip() for part in value(text).split("] [")} - {""}))


def _read_csv(path: Path) -> Reading:
    beside = sorted(path.parent.glob("*.[cC][sS][vV]")) if path.name.lower() == "sdn.csv" else []
    paths = [path, *(p for p in beside if p.name.lower() in _COMPANIONS)]
    check_recorded(paths)
    draft = Draft.joined(
        [_lines(p, COLUMNS if p == path else _COMPANIONS[p.name.lower()]) for p in paths]
    )
    rows = draft.rows
    is_entry = rows["_file"].eq(path.name)
    known: set[str] = set()
    faults: dict[int, str] = {}
    entries = rows.loc[is_entry, ["ent_num", "SDN_Type", "Program"]]
    for i, number, kind, programmes in entries.itertuples():
        wrong = fault(number, kind, programmes, known)
        if wrong:
            faults[i] = wrong
        else:
            known.add(number)
    reasons = pd.Series(faults, dtype="object").reindex(rows.index)
    reasons[~is_entry & ~rows["ent_num"].isin(known)] = f"joins no entry kept of {path.name!r}"
    # A cell that is no number may be a name.
    rows = rows.assign(_raw=rows["_raw"].where(rows["ent_num"].str.isdecimal(), ""))
    draft = replace(draft, rows=rows).reject(reasons, step="check entries and what joins them")
    return as_listings(
        _with_countries(draft, path.name),
        key="ofac",
        list_name=LIST,
        paths=paths,
        types=TYPES,
        date_basis="none: the list gives no days",
        nulls=("", NULL),
    )


def _lines(path: Path, columns: tuple[str, ...]) -> Draft:
    return read_text(
        path,
        columns=columns,
        needed=("ent_num",),
        also=("SDN_Type", "Program", "country"),
        encoding=("utf-8", "latin-1"),
        shown=("ent_num",),
    )


def _with_countries(draft: Draft, name: str) -> Draft:
    """Merge the rows of the companions into their entries, which take the countries."""
    rows = draft.rows
    is_entry = rows["_file"].eq(name)
    entries = rows[is_entry].rename(columns={"ent_num": "listing_id", "SDN_Type": "entity_type"})
    said = rows[~is_entry].reindex(columns=["ent_num", "country"]).dropna()
    said = said[said["country"].map(value).ne("")]
    countries = said.groupby("ent_num")["country"].agg(";".join)
    entries = entries.assign(
        programme=entries["Program"].map(programmes_of),
        entity_country=entries["listing_id"].map(countries).astype("str"),
    )
    entries = entries.drop(columns=["Program", "country"], errors="ignore")
    return draft.merged_into(entries, step="merge the other files into their entries")


def _read_xml(path: Path) -> Reading:
    draft, outside = read_xml(
        path,
        records=["sdnEntry"],
        columns=_PATHS,
        shown=["listing_id"],
    )
    said = outside.get("Record_Count", "no number of")
    if said != str(len(draft.rows)):
        msg = f"{path.name!r} says it holds {said} entries, and holds {len(draft.rows)}: it is "
        raise SourceError(msg + "truncated or altered. Download it again.")
    return as_listings(
        draft,
        key="ofac",
        list_name=LIST,
        paths=[path],
        types={(kind or "entity").capitalize(): kind or "entity" for kind in TYPES},
        date_basis="none: the list gives no days",
        taken=day_of_copy(outside.get("Publish_Date"), form="%m/%d/%Y", path=path),
    )


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


def read_uk(path: Path) -> Reading:
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


_KEY = ("Country", "Schedule", "Item")
_COLUMNS = {
    **{name: name for name in (*_KEY, "DateOfListing", "ShipIMONumber")},
    # Whether a name is a person's, and that two records of one key are one: never kept.
    **{name: name for name in ("LastName", "GivenName", "EntityOrShip")},
}


def read_canada(path: Path) -> Reading:
    """
    Read the list of one day: the entries still listed, by their own days of listing.

    Entries removed before that day are not in the file, so counts by day of listing
    are of survivors. The regime names the programme, not the country of the person:
    those under ``Ukraine`` mostly act for Russia. No name is kept; two records may
    be one person under two regimes, so the unit is the designation.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        For a file that is not this list.
    """
    draft, _ = read_xml(
        path,
        records=["record"],
        columns=_COLUMNS,
        shown=(*_KEY, "DateOfListing"),
    )
    rows = draft.rows.fillna("")
    key = rows[list(_KEY)].agg("|".join, axis=1)
    person = rows["LastName"].ne("") | rows["GivenName"].ne("")
    kind = pd.Series("entity", index=rows.index).mask(rows["ShipIMONumber"].ne(""), "vessel")
    record = rows[list(_COLUMNS)].agg("|".join, axis=1)
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    other = record.ne(record.groupby(key).transform("first"))
    reasons[other] = "another record has its country, schedule and item"
    nameless = rows["Country"].eq("") | rows["Item"].eq("")
    reasons[nameless] = "no country or no item: nothing tells the record from others"
    reasons[rows["DateOfListing"].eq("")] = "no day of listing"
    listings = rows.assign(
        listing_id=key,
        entity_type=kind.mask(person, "individual"),
        # "Russia / Russie": the regime is bilingual; its English name is the programme.
        programme=rows["Country"].str.split(" / ").str[0].str.strip(),
        listed=rows["DateOfListing"],
    )
    draft = replace(draft, rows=listings.drop(columns=list(_COLUMNS)))
    return as_listings(
        draft.reject(reasons, step="check records"),
        key="canada_sema",
        list_name="Canada SEMA",
        paths=[path],
        types={kind: kind for kind in ("individual", "entity", "vessel")},
        date_basis="the list's own dates, survivors only",
    )


def monthly_counts(listings: pd.DataFrame) -> pd.DataFrame:
    """Count listings per month, programme and entity type (the table we ship)."""
    month = listings["listed"].dt.to_period("M")
    counts = (
        listings.assign(date=month.dt.start_time, date_last=month.dt.end_time.dt.normalize())
        .groupby(["source", "list", "date", "date_last", "programme", "entity_type"])
        .size()
        .rename("n_listings")
        .reset_index()
    )
    return counts.sort_values(["date", "programme", "entity_type"], ignore_index=True)
