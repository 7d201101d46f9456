"""OpenSanctions: one export of targets, whatever lists it was put together from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import empty_to_null
from sanctlib.codes.programmes import states_of
from sanctlib.reading import Reading
from sanctlib.sources.listings import as_listings, latest_day
from sanctlib.sources.text import read_text

_COLUMNS = ("id", "schema", "countries", "dataset")
_ALSO = ("program_ids", "last_seen")
_TYPES = {
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
        types=_TYPES,
        date_basis="none: the aggregator says only when it first saw an entry",
        taken=latest_day(seen.str.slice(0, 10), "%Y-%m-%d"),
        countries="iso2",
    )
    states = states_of(reading.table["programme"], list="OpenSanctions")
    return replace(reading, table=reading.table.assign(programme_state=states))
