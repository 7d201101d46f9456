"""Read the US list of Specially Designated Nationals of one day, csv or XML."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import Draft
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.checksums import check_recorded
from sanctlib.sources.listings import as_listings, day_of_copy
from sanctlib.sources.text import read_text
from sanctlib.sources.xml import is_xml, read_xml

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


def read_list(path: Path) -> Reading:
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
