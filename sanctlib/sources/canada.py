"""Canada's list under the Special Economic Measures Act: one XML record per listing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.reading import Reading
from sanctlib.sources.listings import as_listings
from sanctlib.sources.xml import read_xml

_KEY = ("Country", "Schedule", "Item")
_COLUMNS = {
    **{name: name for name in (*_KEY, "DateOfListing", "ShipIMONumber")},
    # Whether a name is a person's, and that two records of one key are one: never kept.
    **{name: name for name in ("LastName", "GivenName", "EntityOrShip")},
}


def read_list(path: Path) -> Reading:
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
