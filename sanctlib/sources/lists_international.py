"""Read the lists of the EU, the UN and OpenSanctions. Return readings of designations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.codes.countries import System
from sanctlib.codes.programmes import states_of
from sanctlib.reading import Reading
from sanctlib.sources.draft import Draft, empty_to_null
from sanctlib.sources.files import head_of
from sanctlib.sources.listings import (
    as_listings,
    country_of,
    day_of_copy,
    is_xml,
    latest_day,
    read_xml,
)
from sanctlib.sources.text import read_text

_CSV = {
    "listing_id": "Entity_LogicalId",
    "entity_type": "Entity_SubjectType",
    "programme": "Entity_Regulation_Programme",
    "citizenship": "Citizenship_CountryIso2Code",
    "address": "Address_CountryIso2Code",
}
# The header varies by version: the day of designation is not in all.
_CSV_ALSO = {"listed": "Entity_DesignationDate", "made": "fileGenerationDate"}
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
_COUNTRIES = ("citizenship", "address")
_SHOWN = ("listing_id", "entity_type", "programme", "listed")
_TYPES = {"P": "individual", "person": "individual", "E": "entity", "enterprise": "entity"}
_UNKNOWN = r"(?:^|;)00(?=;|$)"


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
    if is_xml(path):
        draft, made, date_format, system = _from_xml(path)
    else:
        draft, made, date_format, system = _from_csv(path)
    rows = draft.rows.copy()
    for column in _COUNTRIES:
        rows[column] = rows[column].str.replace(_UNKNOWN, "", regex=True)
    draft = empty_to_null(replace(draft, rows=rows))
    countries = country_of(draft.rows, _COUNTRIES)
    return as_listings(
        replace(draft, rows=draft.rows.assign(entity_country=countries)),
        key="eu",
        list_name="EU",
        paths=[path],
        types=_TYPES,
        date_basis="day of designation where the list gives one, survivors only",
        taken=latest_day(made, date_format),
        countries=system,
    )


def _from_csv(path: Path) -> tuple[Draft, pd.Series, str, System]:
    columns = _CSV | _CSV_ALSO
    draft = read_text(
        path,
        needed=tuple(_CSV.values()),
        also=tuple(_CSV_ALSO.values()),
        delimiter=";",
        shown=[columns[name] for name in _SHOWN],
    )
    rows = draft.rows.rename(columns={theirs: ours for ours, theirs in columns.items()})
    made = rows.get("made", pd.Series(dtype="str"))
    return replace(draft, rows=rows), made, "%d/%m/%Y", "iso2"


def _from_xml(path: Path) -> tuple[Draft, pd.Series, str, System]:
    old = "<WHOLE" in head_of(path)
    draft, outside = read_xml(
        path,
        records=["ENTITY"] if old else ["sanctionEntity"],
        columns=_XML_1_0 if old else _XML_1_1,
        shown=_SHOWN,
    )
    made = pd.Series([outside.get("@Date" if old else "@generationDate", "")], dtype="str")
    if old:
        return draft, made, "%d/%m/%Y", "iso3"
    # "2026-08-05T16:47:04.449+02:00": the day where it was made.
    return draft, made.str.slice(0, 10), "%Y-%m-%d", "iso2"


_PLACES = ("NATIONALITY/VALUE", "INDIVIDUAL_ADDRESS/COUNTRY", "ENTITY_ADDRESS/COUNTRY")
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
    since half of the persons have no address; "Sudanese by birth" is none and is listed as
    unknown. No name is kept.

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
        shown=["listing_id", "programme", "listed"],
    )
    places = draft.rows[list(_PLACES)]
    rows = draft.rows.drop(columns=list(_PLACES)).assign(
        listed=draft.rows["listed"].str.replace(_ZONE, r"\1", regex=True),
        entity_country=places.fillna("").agg(";".join, axis=1).str.strip(";"),
    )
    made = outside.get("@dateGenerated", "")
    return as_listings(
        replace(draft, rows=rows),
        key="un",
        list_name="UN",
        paths=[path],
        types={"INDIVIDUAL": "individual", "ENTITY": "entity"},
        date_basis="first listing, which survives a removal; survivors only",
        taken=day_of_copy(made.partition("T")[0], form="%Y-%m-%d", path=path),
    )


_COLUMNS = ("id", "schema", "countries", "dataset")
_ALSO = ("program_ids", "last_seen")
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
        needed=_COLUMNS,
        also=_ALSO,
        shown=("id", "schema", "program_ids", "dataset"),
    )
    draft = empty_to_null(draft)
    rows = draft.rows
    named = rows.get("program_ids", pd.Series(pd.NA, index=rows.index, dtype="str"))
    datasets = set(rows["dataset"].dropna().str.split(";").explode().str.strip()) - {""}
    listings = rows.rename(
        columns={"id": "listing_id", "schema": "entity_type", "countries": "entity_country"}
    ).assign(programme=named.fillna(rows["dataset"]))
    seen = rows.get("last_seen", pd.Series(dtype="str"))
    reading = as_listings(
        replace(draft, rows=listings),
        key="opensanctions",
        list_name=datasets.pop() if len(datasets) == 1 else "OpenSanctions",
        paths=[path],
        types=_SCHEMAS,
        date_basis="none: the aggregator says only when it first saw an entry",
        taken=latest_day(seen.str.slice(0, 10), "%Y-%m-%d"),
        countries="iso2",
    )
    states = states_of(reading.table["programme"], list="OpenSanctions")
    return replace(reading, table=reading.table.assign(programme_state=states))
