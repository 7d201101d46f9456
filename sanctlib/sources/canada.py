"""Canada's list under the Special Economic Measures Act: one XML record per listing."""

from __future__ import annotations

import lzma
import zlib
from pathlib import Path

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import REJECTED_COLUMNS, Audit, Provenance, Reading, no_rejects, sha256
from sanctlib.sources.text import open_bytes

CITATION = (
    "Global Affairs Canada: Consolidated Canadian Autonomous Sanctions List "
    "(Special Economic Measures Act)."
)
_KEY = ("Country", "Schedule", "Item")


def read_list(path: Path) -> Reading:
    """
    Read the list as it stands on one day: the survivors, by their own days of listing.

    What was removed before that day is not in the file, so counts by day of listing
    are of survivors. The regime names the programme, not the country of the person:
    those under ``Ukraine`` are mostly Russia-backed. No name is read; two records may
    be one person under two regimes, so the unit is the designation.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        When the file is not this list.
    """
    path = Path(path)
    kept: list[dict[str, object]] = []
    rejected: list[tuple[str, int, str, str]] = []
    seen: dict[object, dict[str, str]] = {}
    for number, record in enumerate(_records(path), start=1):
        row = _listing(record)
        reason = _fault(row, record, seen.setdefault(row["listing_id"], record))
        if reason:
            raw = str({k: v for k, v in record.items() if k in (*_KEY, "DateOfListing")})
            rejected.append((path.name, number, raw, reason))
        else:
            kept.append(row)
    if not kept:
        raise SourceError(f"{path.name!r} holds no record of Canada's list (data-set/record).")
    table = pd.DataFrame(kept)
    repeats = table.duplicated("listing_id", keep="first")
    audit = Audit.begin(len(kept) + len(rejected))
    audit = audit.then("check records", n_rejected=len(rejected), n_out=len(kept))
    table = table[~repeats]
    audit = audit.then("merge repeats", n_merged=int(repeats.sum()), n_out=len(table))
    lost = pd.DataFrame(rejected, columns=list(REJECTED_COLUMNS)) if rejected else no_rejects()
    return Reading(
        kind="listings",
        table=table,
        rejected=lost,
        audit=audit,
        coverage=Coverage(
            source="canada_sema",
            first=table["listed"].min().date(),
            last=table["listed"].max().date(),
        ),
        provenance=Provenance(
            key="canada_sema",
            title="Canadian Autonomous Sanctions List, survivors by day of listing",
            producer="Global Affairs Canada",
            licence="Open Government Licence - Canada",
            citation=CITATION,
            files={path.name: sha256(path)},
        ),
    )


def _records(path: Path) -> list[dict[str, str]]:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    records = []
    try:
        with open_bytes(path) as file:
            for _, element in iterparse(file, forbid_dtd=True):
                if element.tag == "record":
                    records.append({child.tag: (child.text or "").strip() for child in element})
                    element.clear()
    # LookupError and ValueError: an encoding that there is not, or that the parser has not.
    except (
        ParseError,
        DefusedXmlException,
        OSError,
        EOFError,
        LookupError,
        ValueError,
        lzma.LZMAError,
        zlib.error,
    ) as error:
        raise SourceError(f"{path.name!r} cannot be read as XML: {error!r}") from error
    return records


def _fault(row: dict[str, object], record: dict[str, str], first: dict[str, str]) -> str | None:
    """Say why a record cannot be kept; `first` is the first of its key."""
    if row["listed"] is pd.NaT:
        return "impossible or missing day of listing"
    if not row["programme"] or not record.get("Item"):
        return "no country or no item: nothing tells the record from others"
    return None if record == first else "another record has its country, schedule and item"


def _listing(record: dict[str, str]) -> dict[str, object]:
    # "Russia / Russie": the regime is bilingual; its English name is the programme.
    regime = record.get("Country", "").split(" / ")[0].strip()
    key = "|".join(record.get(k, "") for k in _KEY)
    person = record.get("LastName") or record.get("GivenName")
    kind = "individual" if person else "vessel" if record.get("ShipIMONumber") else "entity"
    return {
        "source": "canada_sema",
        "list": "Canada SEMA",
        "listing_id": key,
        "entity_id": key,
        "entity_type": kind,
        "programme": regime,
        "listed": pd.to_datetime(
            record.get("DateOfListing", ""), format="%Y-%m-%d", errors="coerce"
        ),
        "delisted": pd.NaT,
        "date_basis": "the list's own dates, survivors only",
    }


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
