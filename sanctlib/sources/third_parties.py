"""Read lists as third parties prepared them. Return EU and UK listings, US listings by address."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from sanctlib.codes.succession import read_codes
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.draft import Draft, as_reading, resolve_parties
from sanctlib.sources.files import members
from sanctlib.sources.listings import as_listings, latest_day
from sanctlib.sources.text import read_text

_ANNEXES = re.compile(r"consolidated/(\d{5}[A-Z]\d{4}\.csv)$")
_ANNEX = ("celex", "annex", "recordId", "schema", "measure", "startDate")
_CELEX = r"3(?P<year>\d{4})(?P<kind>[RD])0*(?P<number>\d+)"
_YEAR_FIRST = 2015
"""Since this year an act is named by its year and number, before by its number and year."""
_SCHEMAS = {
    "Person": "individual",
    **dict.fromkeys(("LegalEntity", "Organization", "Company", "Asset"), "entity"),
    "Vessel": "vessel",
}
_LISTED_UNDER = {
    "Asset freeze": "asset_freeze",
    "Export control": "export_control",
    "Financial restrictions": "finance",
    "Investment ban": "investment",
    "Services ban": "services",
    "Transportation restrictions": "transport",
}


def read_annexes(path: Path) -> Reading:
    """
    Read the annexes of the EU's acts into listings, one per entry of an annex.

    The archive is a transcription of the consolidated acts: a csv file per act, named by its
    CELEX number, with a ``startDate`` per entry. Its rows may not be passed on; counts may,
    with credit. Acts whose annexes are empty now are read and have no row. Amending acts in
    the archive, not yet in the consolidated ones, are not read.

    **What is counted.** A row is an entry: a person under two acts has two. The programme is
    the act ("269/2014"). ``measure`` says what the entry is under: Regulation 833/2014 lists firms
    for export control, banks, ships and ports, which are never added to asset freezes. Ports,
    airports and crypto-assets count as entities.

    **Days.** ``startDate`` has two spellings (``12.3.2024``, ``12 March 2024``); an entry
    without one is kept, and counts as not assigned to a period. All are of survivors: entries
    removed before are not in the file. ``date_basis`` says what the day is: under 267/2012 the
    103 entries of 29 September 2025 were restored, and older days are of earlier listings.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        For an archive without such files, or a damaged one.
    MissingColumnsError
        When a column is not there.
    """
    found: dict[str, Draft] = {}
    with TemporaryDirectory() as folder:
        for member, content in members(path):
            name = _ANNEXES.search(member.name)
            # An act without entries has a header line only.
            if name and member.isfile() and (data := content()).strip().count(b"\n"):
                file = Path(folder) / name[1]
                file.write_bytes(data)
                found[name[1]] = read_text(file, needed=_ANNEX, shown=_ANNEX)
    if not found:
        raise SourceError(f"{path.name!r} holds no entry in a file such as 32014R0269.csv.")
    draft = Draft.joined([found[name] for name in sorted(found)])
    rows = draft.rows
    # Not every annex numbers its entries: the line of the file tells the others apart.
    number = rows["recordId"].where(rows["recordId"].ne(""), "line " + rows["_line"].astype("str"))
    measure = rows["measure"].map(_LISTED_UNDER)
    draft = draft.assign(
        listing_id=rows["celex"] + "|" + rows["annex"] + "|" + number + "|" + rows["schema"],
        entity_type=rows["schema"],
        programme=_acts(rows["celex"]),
        listed=_iso_days(rows["startDate"]),
        measure=measure,
    )
    reading = as_listings(
        draft.reject((measure.isna(), "unknown measure ", rows["measure"]), step="check measures"),
        key="eu_listings",
        list_name="EU",
        paths=[path],
        types=_SCHEMAS,
        date_basis="listed",
    )
    return _with_bases(reading)


def _acts(celex: pd.Series) -> pd.Series:
    """Return acts as they are cited: 32014R0269 is 269/2014, 32015R0735 is 2015/735."""
    parts = celex.str.extract(_CELEX)
    year, number = parts["year"], parts["number"]
    decision, late = parts["kind"].eq("D"), pd.to_numeric(year).ge(_YEAR_FIRST)
    act = (number + "/" + year).mask(late | decision, year + "/" + number)
    return act.mask(decision, act + "/CFSP").astype("str")


def _iso_days(text: pd.Series) -> pd.Series:
    """Return days in words or numbers as ISO text; other text stays as it is, to be rejected."""
    plain = text.str.replace(r"[.\s]+", " ", regex=True).str.strip()
    words = plain.str.replace(r"^(\d+) ([A-Za-z]{3})[a-z]* (\d{4})$", r"\1 \2 \3", regex=True)
    days = pd.to_datetime(words, format="%d %b %Y", errors="coerce")
    days = days.fillna(pd.to_datetime(plain, format="%d %m %Y", errors="coerce"))
    return days.dt.strftime("%Y-%m-%d").fillna(text).astype("str")


def _with_bases(reading: Reading) -> Reading:
    """Say of each entry what its day is, by `bases.csv`: of rows that fit, the last."""
    table = reading.table
    basis = pd.Series("listed", index=table.index).mask(table["listed"].isna(), "undated")
    for row in read_codes("bases.csv", dates=("first", "last")).to_dict("records"):
        fits = table["list"].eq(row["list"]) & table["programme"].isin(
            [row["programme"]] if row["programme"] else table["programme"]
        )
        fits &= ~table["listed"].lt(row["first"]) & table["listed"].le(row["last"])
        basis = basis.mask(fits, row["basis"])
    return replace(reading, table=table.assign(date_basis=basis.astype("str")))


_SUBJECT = {
    "unique_id": "listing_id",
    "subject_type": "entity_type",
    "date_designated": "listed",
    "last_updated": "updated",
}


def read_subjects(path: Path) -> Reading:
    """
    Read the subjects of the UK Sanctions List into listings, one per subject.

    The file has a row per subject and no names. It has no column for the regime: the programme
    is the letters of ``unique_id`` (``RUS0001`` is under Russia, ``INU`` is Iran's nuclear
    programme, ``BEL`` is Belarus). A person under two regimes has two subjects.

    **Days.** ``date_designated`` is 31 December 2020 for what the UK took over from EU law, and
    earlier for what the UN lists: the UN's day. These are no UK designations of that day, nor
    are those under ``INU`` of 18 October 2023 (taken over from the UN) and 28 and 29 September
    2025 (restored). ``date_basis`` says so. Under ``CHW`` eight entries have the days from 1 to
    6 January 2021, one after the other: they may be of 31 December 2020 too, and are left as
    they are. All days are of survivors; the day of the copy is that of the latest update.

    Returns
    -------
    Reading
        Of kind ``"listings"``.

    Raises
    ------
    SourceError
        When no row can be kept.
    MissingColumnsError
        When a column is not there.
    """
    draft = read_text(path, needed=list(_SUBJECT), shown=list(_SUBJECT))
    rows = draft.rows.rename(columns=_SUBJECT)
    days = pd.to_datetime(rows["listed"].str.strip(), format="%d/%m/%Y", errors="coerce")
    letters = rows["listing_id"].str.extract(r"^\s*([A-Z]{3})\d+\s*$")[0]
    rows = rows.assign(
        programme=letters, listed=days.dt.strftime("%Y-%m-%d").fillna(rows["listed"])
    )
    reading = as_listings(
        replace(draft, rows=rows),
        key="uk_listings",
        list_name="UK subjects",
        paths=[path],
        types={"individual": "individual", "entity": "entity", "ship": "vessel"},
        date_basis="listed",
        taken=latest_day(rows["updated"], "%d/%m/%Y"),
    )
    return _with_bases(reading)


_PANEL = ("Country", "Date", "levels", "additions", "removals")
_PANEL_MEASURES = {
    "levels": "listed_by_address",
    "additions": "added_by_address",
    "removals": "removed_by_address",
}


def read_panel(path: Path) -> Reading:
    """
    Read a third party's monthly panel of US listings by country of address into dyads.

    Its author compares the US lists (SDN and others) of month ends. **What is counted** are
    pairs of an entry and a country in its addresses: a firm with addresses in two countries
    counts in both, one without an address in none, and a Chinese supplier of Iran counts for
    China. That is another rule than the programmes of `ofac_sdn`, so the two are never one
    series. A name changed by the agency may be a removal and an addition: in May 2022 the panel
    has 508 removals, the list itself 25.

    **Measures.** ``listed_by_address`` (at the end of the month), ``added_by_address`` and
    ``removed_by_address`` (in the month, not known of the first). ``first`` is the United
    States, ``second`` the country; there is no interval.

    Returns
    -------
    Reading
        Of kind ``"dyads"``.

    Raises
    ------
    SourceError
        When no row can be kept.
    MissingColumnsError
        When a column is not there.
    """
    draft = read_text(path, needed=_PANEL, shown=_PANEL)
    rows = draft.rows
    end = pd.to_datetime(rows["Date"].str.strip(), format="%Y-%m-%d", errors="coerce")
    numbers = rows[list(_PANEL_MEASURES)].apply(pd.to_numeric, errors="coerce")
    wrong = ~(numbers.ge(0) & numbers.mod(1).eq(0)).all(axis=1)
    twice = rows.assign(Date=end).duplicated(["Country", "Date"], keep=False)
    draft = draft.assign(
        first="USA",
        second=rows["Country"],
        date=end.dt.to_period("M").dt.start_time.astype("datetime64[us]"),
        date_last=end.dt.to_period("M").dt.end_time.dt.normalize().astype("datetime64[us]"),
        **numbers.rename(columns=_PANEL_MEASURES),
    ).reject(
        (wrong, "a number of listings that is not a whole number from 0"),
        (twice, "two rows of one country and month"),
        (end.isna(), "impossible month: ", rows["Date"]),
        step="check rows",
    )
    draft = resolve_parties(draft, ("second",), succession="dominant")
    nowhere = draft.rows["second"].isna()
    draft = draft.reject((nowhere, "no code for ", draft.rows["Country"]), step="check countries")
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} holds no row that can be kept.")
    kept = ["first", "second", "date", "date_last"]
    long = draft.rows.melt(kept, [*_PANEL_MEASURES.values()], "measure", "value")
    opening = long["date"].eq(long["date"].min()) & long["measure"].ne("listed_by_address")
    long = long[~opening].sort_values(["measure", "second", "date"], ignore_index=True)
    days = long["date"].min(), long["date_last"].max()
    known = Coverage(source="us_by_address", first=days[0].date(), last=days[1].date())
    long = long.assign(directed=True, value=long["value"].astype("float64"))
    draft = draft.take(long.assign(lower=float("nan"), upper=float("nan")), step="expand measures")
    return as_reading(draft, "dyads", key="us_by_address", paths=[path], coverage=known)
