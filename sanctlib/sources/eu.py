"""The EU consolidated list of financial sanctions: csv 1.1, XML 1.0 and XML 1.1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import Draft, empty_to_null
from sanctlib.codes.countries import System
from sanctlib.reading import Reading
from sanctlib.sources.files import head_of
from sanctlib.sources.listings import as_listings, country_of, latest_day
from sanctlib.sources.text import read_text
from sanctlib.sources.xml import is_xml, read_xml

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


def read_list(path: Path) -> Reading:
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
