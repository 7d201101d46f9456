"""Read the lists of the UK, Canada, the EU, the UN and OpenSanctions. Return designations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from sanctlib.codes.actions import states_of
from sanctlib.codes.countries import System
from sanctlib.reading import Reading
from sanctlib.sources.draft import ORIGIN_COLUMNS, empty_to_null
from sanctlib.sources.files import head_of
from sanctlib.sources.listings import (
    NO_DAYS,
    as_listings,
    country_of,
    day_of_copy,
    is_xml,
    latest_day,
    one_of_each,
    read_xml,
    without_remarks,
)
from sanctlib.sources.text import read_text

_OWN_DATES = "the list's own dates, survivors only"


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """One of the two lists of the UK: its header, our columns by its own, its day of the copy."""

    list_name: str
    header_starts: str
    columns: Mapping[str, str]
    countries: tuple[str, ...]
    day: str


_CONLIST = _Layout(
    list_name="UK ConList",
    header_starts="Name 6",
    columns={
        "Group ID": "listing_id",
        "Group Type": "entity_type",
        "Regime": "programme",
        "Listed On": "listed",
    },
    countries=("Nationality", "Country"),
    day="%d/%m/%Y",
)
_SANCTIONS_LIST = _Layout(
    list_name="UK Sanctions List",
    header_starts="Last Updated",
    columns={
        "Unique ID": "listing_id",
        "Designation Type": "entity_type",
        "Regime Name": "programme",
        "Date Designated": "listed",
    },
    countries=("Nationality(/ies)", "Current believed flag of ship", "Address Country"),
    day="%d-%b-%Y",
)
# The header itself: the words may be in a remark of the other list.
_NEWER = re.compile(r'^"?Last Updated"?,"?Unique ID', re.MULTILINE)
_DAY = re.compile(r"\d{1,2}[/-]\w{2,3}[/-]\d{4}")
# "(1) Tripoli (2) Tunis", and elsewhere "1) Tripoli 2) Tunis".
_NUMBER = re.compile(r"\(?\b\d{1,2}\)")


def read_uk(path: Path) -> Reading:
    """
    Read a copy of a UK list into listings, one per entry and regime.

    Three layouts are recognised by their header and read by column name: the Consolidated
    List (ConList) with 29 columns (2016-2020) and 36 (2022 on), and the UK Sanctions List
    (58 columns). They are two lists: one numbers groups (Group ID), the other entries
    (Unique ID), and they name regimes differently, so copies of one are never compared with
    copies of the other.

    **What is counted.** The file has a row per alias, date of birth and address. Rows of one
    group under one regime are one listing; a group under three regimes is one entity with three
    listings, each with its own day. In the UK Sanctions List a person under two regimes has two
    Unique IDs, and so counts as two entities.

    **Days.** ``Listed On`` is the day of the listing under the regime, also where EU law
    listed first; ``Date Designated`` of the UK Sanctions List is often 31 December 2020 for
    those taken over from EU law: a change of law, not a wave of sanctions. Both are of
    survivors. A day of which a part is unknown (``00/00/2014``, ``dd/mm/2014``) is null: the
    entry is kept, and counts as not assigned. The banner gives the day of the copy.

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
    draft = read_text(
        path,
        needed=[*layout.columns, *layout.countries],
        header_starts=layout.header_starts,
        encoding=("utf-8", "cp1252"),
        shown=list(layout.columns),
    )
    rows = draft.rows.rename(columns=layout.columns)
    for column in layout.countries:
        cells = without_remarks(rows[column])
        rows[column] = cells.str.replace(_NUMBER, ";", regex=True).str.strip("; ")
    rows["listed"] = rows["listed"].mask(rows["listed"].str.match(r"\s*(00|dd)/"))
    draft = empty_to_null(replace(draft, rows=rows))
    return as_listings(
        draft.assign(entity_country=country_of(draft.rows, layout.countries)),
        key="uk",
        list_name=layout.list_name,
        paths=[path],
        types={"Individual": "individual", "Entity": "entity", "Ship": "vessel"},
        date_basis=_OWN_DATES,
        date_format="%d/%m/%Y",
        taken=latest_day(_DAY.findall(draft.head), layout.day),
    )


_KEY = ["Country", "Schedule", "Item"]
# Names show whether it is a person, and are never kept.
_RECORD = [*_KEY, "DateOfListing", "ShipIMONumber", "LastName", "GivenName"]


def read_canada(path: Path) -> Reading:
    """
    Read the list of one day: the entries still listed, by their own days of listing.

    Entries removed before that day are not in the file, so counts by day of listing
    are of survivors. The regime names the programme, not the country of the person:
    those under ``Ukraine`` mostly act for Russia. No name is kept; two records may
    be one person under two regimes, so the unit is the designation. Lists of before 2021
    give no days: ``listed`` is null.

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
        columns={name: name for name in _RECORD} | {"name": "LastName|EntityOrShip|Entity"},
        key=_KEY,
        needed=["Country", "Item", "name"],
        shown=(*_KEY, "DateOfListing"),
    )
    rows = draft.rows.fillna("")
    key = rows[_KEY].agg("|".join, axis=1)
    person = rows["LastName"].ne("") | rows["GivenName"].ne("")
    kind = pd.Series("entity", index=rows.index).mask(rows["ShipIMONumber"].ne(""), "vessel")
    draft = draft.assign(
        listing_id=key,
        entity_type=kind.mask(person, "individual"),
        # "Russia / Russie": the regime is bilingual; its English name is the programme.
        programme=rows["Country"].str.split(" / ").str[0].str.strip(),
        listed=rows["DateOfListing"],
    )
    nameless = rows["Country"].eq("") | rows["Item"].eq("")
    draft = draft.reject(
        (nameless, "no country or no item: nothing tells the record from others"),
        step="check records",
    )
    return as_listings(
        draft,
        key="canada_sema",
        list_name="Canada SEMA",
        paths=[path],
        types={kind: kind for kind in ("individual", "entity", "vessel")},
        date_basis=_OWN_DATES if rows["DateOfListing"].any() else NO_DAYS,
    )


_CSV = {
    "Entity_LogicalId": "listing_id",
    "Entity_SubjectType": "entity_type",
    "Entity_Regulation_Programme": "programme",
    "Citizenship_CountryIso2Code": "citizenship",
    "Address_CountryIso2Code": "address",
}
# The header varies by version: the day of designation is not in all.
_CSV_ALSO = {"Entity_DesignationDate": "listed", "fileGenerationDate": "made"}
_XML_1_0 = {
    "listing_id": "@Id",
    "entity_type": "@Type",
    "programme": "@programme",
    "citizenship": "CITIZEN/COUNTRY",
    "address": "ADDRESS/COUNTRY",
}
_XML_1_1 = {
    "listing_id": "@logicalId",
    "entity_type": "subjectType/@classificationCode",
    "programme": "regulation/@programme",
    "listed": "@designationDate",
    "citizenship": "citizenship/@countryIso2Code",
    "address": "address/@countryIso2Code",
}
_UNKNOWN = r"(?:^|;)00(?=;|$)"
_SHOWN = ("listing_id", "entity_type", "programme", "listed")
_EU_KEYS = {"key": ["listing_id"], "needed": _SHOWN[:3], "shown": _SHOWN}


def read_eu(path: Path) -> Reading:
    """
    Read a copy of the EU list into listings, one per entity and programme.

    The three layouts are recognised by their content. Ids agree between them.

    **What is counted.** The csv has a row per alias, address, birth date, document and
    citizenship: rows far exceed entities, which are identified by their logical id. The programme
    is the tag of the regulation of the entity as a whole; the regulations of its single
    aliases and addresses count nothing. An entity whose rows have two tags has two listings.
    Ships are not distinguished from firms.

    **Days.** ``PublicationDate`` and ``reg_date`` are those of the last act that amended
    the entry, so old listings would appear as new: they are never a day of listing.
    ``listed`` is the day of designation where the file gives one, which is often that of
    the UN for its listings, and null elsewhere and in all of XML 1.0. Days of listings come
    from dated copies: ``sl.compare_copies``.

    **Programmes.** ``UKR`` is the tag of Regulation 269/2014, which answers Russia's war:
    its state is Russia. Those who took public money under the former rule of Ukraine
    (208/2014) may have the same tag.

    **Countries.** ``entity_country`` is the citizenship, and the address only where an
    entity has none; the place of birth is neither. ``00`` is unknown.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        For a file of another layout.
    MissingColumnsError
        For a column of the csv that is not there.
    """
    date_format = "%d/%m/%Y"
    system: System = "iso2"
    made: Sequence[str] | pd.Series = []
    if not is_xml(path):
        columns = _CSV | _CSV_ALSO
        draft = read_text(
            path,
            needed=list(_CSV),
            also=list(_CSV_ALSO),
            delimiter=";",
            shown=[theirs for theirs, ours in columns.items() if ours in _SHOWN],
        )
        draft = replace(draft, rows=draft.rows.rename(columns=columns))
        made = draft.rows.get("made", made)
    elif "<WHOLE" in head_of(path):
        draft, outside = read_xml(path, records=["ENTITY"], columns=_XML_1_0, **_EU_KEYS)
        made, system = [outside.get("@Date", "")], "iso3"
    else:
        draft, outside = read_xml(path, records=["sanctionEntity"], columns=_XML_1_1, **_EU_KEYS)
        # "2026-08-05T16:47:04.449+02:00": the day where it was made.
        made, date_format = [outside.get("@generationDate", "")[:10]], "%Y-%m-%d"
    countries = ("citizenship", "address")
    known = {c: draft.rows[c].str.replace(_UNKNOWN, "", regex=True) for c in countries}
    draft = empty_to_null(draft.assign(**known))
    return as_listings(
        draft.assign(entity_country=country_of(draft.rows, countries)),
        key="eu",
        list_name="EU",
        paths=[path],
        types={"P": "individual", "person": "individual", "E": "entity", "enterprise": "entity"},
        date_basis="day of designation where the list gives one, survivors only",
        taken=latest_day(made, date_format),
        countries=system,
    )


_PLACES = ["NATIONALITY/VALUE", "INDIVIDUAL_ADDRESS/COUNTRY", "ENTITY_ADDRESS/COUNTRY"]
_PATHS = {
    "entity_type": ".",
    "listing_id": "REFERENCE_NUMBER",
    "programme": "UN_LIST_TYPE",
    "listed": "LISTED_ON",
    **{place: place for place in _PLACES},
}
_ZONE = r"^(\d{4}-\d\d-\d\d)(?:Z|[+-]\d\d:\d\d)$"


def read_un(path: Path) -> Reading:
    """
    Read the list of one day: persons and entities, each under one regime.

    The key is the reference number: the other one, DATAID, changes while the entry stays.
    ``LISTED_ON`` is the day of the first listing, also after a removal and a second
    listing. Counts by it are of survivors: entries that the Council removed, such as all
    under Iran in 2025, are not in the file. Compare dated copies (`compare_copies`) for
    additions and removals. Where the day has a time zone, it is the day there.

    The programme is the list's name of the regime: ``GB`` is Guinea-Bissau.
    ``entity_country`` joins a person's nationalities and the countries of all addresses,
    since half of the persons have no address. A remark such as ``(in custody)`` is taken off;
    "Sudanese by birth" is none and is listed as unknown. No name is kept.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        When the file is not this list, or does not say which day it was made.
    """
    draft, outside = read_xml(
        path,
        records=["INDIVIDUAL", "ENTITY"],
        columns=_PATHS,
        key=["listing_id"],
        needed=["listing_id", "programme", "listed"],
        shown=["listing_id", "programme", "listed"],
    )
    places = without_remarks(draft.rows[_PLACES].fillna("").agg(";".join, axis=1))
    made = outside.get("@dateGenerated", "")
    return as_listings(
        draft.assign(
            listed=draft.rows["listed"].str.replace(_ZONE, r"\1", regex=True),
            entity_country=places.str.strip(";"),
        ),
        key="un",
        list_name="UN",
        paths=[path],
        types={"INDIVIDUAL": "individual", "ENTITY": "entity"},
        date_basis="first listing, which survives a removal; survivors only",
        taken=day_of_copy(made.partition("T")[0], form="%Y-%m-%d", path=path),
    )


_SCHEMAS = {
    "Person": "individual",
    **dict.fromkeys(("Company", "Organization", "LegalEntity", "PublicBody"), "entity"),
    "Vessel": "vessel",
    "Airplane": "aircraft",
}


def read_targets(path: Path) -> Reading:
    """
    Read ``targets.simple.csv`` into listings, one per target and programme.

    **What is counted.** A row is a target as the aggregator sees it: one person on five
    lists is one row, and two rows may become one when it finds that they are the same, which
    a comparison of copies shows as a removal. A collection may hold politicians who are not
    sanctioned (``default`` does, ``sanctions`` does not), and targets delisted meanwhile.
    Schemas that are no person, body, ship or aircraft, such as a security or a wallet, are
    rejected.

    **Programmes** are the ``program_ids``; of a target without any, the datasets that name
    it stand for them. The state of a programme is null where `programmes.csv`
    does not have it, as for most. ``list`` is the dataset where the file has one,
    and ``OpenSanctions`` where it has several: the file does not distinguish them.

    **Days.** ``first_seen`` is when the aggregator first saw the record, often years after
    the designation; it is no day of listing, so ``listed`` is null throughout and counts by
    time need dated copies (``sl.compare_copies``). The latest ``last_seen`` is the day of
    the copy.

    **Countries** are all those that the aggregator connects with the target: nationality,
    address, registration or flag.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError, MissingColumnsError
        When the file is not this export.
    """
    draft = read_text(
        path,
        needed=("id", "schema", "countries", "dataset"),
        also=("program_ids", "last_seen", "name"),
        shown=("id", "schema", "program_ids", "dataset"),
    )
    names = {"id": "listing_id", "schema": "entity_type", "countries": "entity_country"}
    draft = empty_to_null(replace(draft, rows=draft.rows.rename(columns=names)))
    rows = draft.rows
    same = rows.drop(columns=[*ORIGIN_COLUMNS, "last_seen"], errors="ignore").fillna("")
    draft = one_of_each(draft, ["listing_id"], same.agg("|".join, axis=1))
    rows = draft.rows
    datasets = set(rows["dataset"].dropna().str.split(";").explode().str.strip()) - {""}
    reading = as_listings(
        draft.assign(programme=rows.get("program_ids", rows["dataset"]).fillna(rows["dataset"])),
        key="opensanctions",
        list_name=datasets.pop() if len(datasets) == 1 else "OpenSanctions",
        paths=[path],
        types=_SCHEMAS,
        date_basis="none: the aggregator says only when it first saw an entry",
        taken=latest_day(rows.get("last_seen", pd.Series(dtype="str")).str[:10], "%Y-%m-%d"),
        countries="iso2",
    )
    states = states_of(reading.table["programme"], list="OpenSanctions")
    return replace(reading, table=reading.table.assign(programme_state=states))
