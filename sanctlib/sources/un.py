"""The Consolidated List of the United Nations Security Council, as XML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sanctlib.reading import Reading
from sanctlib.sources.listings import as_listings, day_of_copy
from sanctlib.sources.xml import read_xml

_PLACES = ("NATIONALITY/VALUE", "INDIVIDUAL_ADDRESS/COUNTRY", "ENTITY_ADDRESS/COUNTRY")
_PATHS = {
    "entity_type": ".",
    "listing_id": "REFERENCE_NUMBER",
    "programme": "UN_LIST_TYPE",
    "listed": "LISTED_ON",
    **{place: place for place in _PLACES},
}
_ZONE = r"^(\d{4}-\d\d-\d\d)(?:Z|[+-]\d\d:\d\d)$"


def read_list(path: Path) -> Reading:
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
