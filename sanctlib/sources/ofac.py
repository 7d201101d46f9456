"""Read the US list: one day of it, or an archive of dated copies. Return readings."""

from __future__ import annotations

import csv
import io
import posixpath
import re
import tarfile
import tempfile
import zlib
from collections.abc import Container, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

import pandas as pd

from sanctlib.errors import SourceError
from sanctlib.reading import REJECTED_COLUMNS, Reading, no_rejects, sha256
from sanctlib.sources.copies import Comparison, Entry
from sanctlib.sources.draft import Draft
from sanctlib.sources.files import UNREADABLE, Bounded, check_recorded, open_bytes
from sanctlib.sources.listings import NO_DAYS, as_listings, day_of_copy, is_xml, read_xml
from sanctlib.sources.producers import provenance
from sanctlib.sources.text import read_text

_LIST = "US SDN"
# SDNs have these tags of the other list only next to one of their own.
_NON_SDN = re.compile(r"(?:(?:NS-|FSE-|CMIC-|561)[^;]*(?:;|$))+")
_NULL = "-0-"
_TYPES = {"individual": "individual", "vessel": "vessel", "aircraft": "aircraft", "": "entity"}
_COLUMNS = (
    *("ent_num", "SDN_Name", "SDN_Type", "Program", "Title", "Call_Sign", "Vess_type"),
    *("Tonnage", "GRT", "Vess_flag", "Vess_owner", "Remarks"),
)
_SDN_ONLY = ("CUBA", "IRAN", "SDGT", "SDNTK", "SYRIA")
_JOINED = (
    ("ent_num", "add_num", "address", "city", "country", "remarks"),
    ("ent_num", "alt_num", "alt_type", "alt_name", "remarks"),
    ("ent_num", "remarks"),
)
_COMPANIONS = {
    "sdn.csv": ("add.csv", "alt.csv", "sdn_comments.csv"),
    "cons_prim.csv": ("cons_add.csv", "cons_alt.csv", "cons_comments.csv"),
}
_PATHS = {
    "listing_id": "uid",
    "entity_type": "sdnType",
    "programme": "programList/program",
    "entity_country": "addressList/address/country",
}
_MEMBER = re.compile(r"sdn_(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})Z\.csv$")
_LIKE = "sdn_YYYY-MM-DDTHHMMZ.csv"
_LARGEST = 64 << 20
_CLOSED = b"\x1a"


def read_ofac(path: Path) -> Reading:
    """
    Read the list of one day, from ``sdn.csv`` with its companions or from ``sdn.xml``.

    OFAC's list of others than SDNs has the same layout (``consolidated.xml``, ``cons_prim.csv``).
    Its ``list`` is "US non-SDN": the file is named so, or has entries of its programmes alone.

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
        When the file is not this list, holds entries of both lists, or the XML file says
        another number of entries than it holds.
    """
    return _read_xml(path) if is_xml(path) else _read_csv(path)


def _read_csv(path: Path) -> Reading:
    columns = dict(zip(_COMPANIONS.get(path.name.lower(), ()), _JOINED, strict=False))
    beside = sorted(path.parent.glob("*.[cC][sS][vV]")) if columns else []
    paths = [path, *(p for p in beside if p.name.lower() in columns)]
    check_recorded(paths)
    drafts = [
        read_text(
            p,
            columns=_COLUMNS if p == path else columns[p.name.lower()],
            needed=("ent_num",),
            also=("SDN_Type", "Program", "country"),
            encoding=("utf-8", "latin-1"),
            shown=("ent_num",),
        )
        for p in paths
    ]
    draft = Draft.joined(drafts)
    rows = draft.rows
    is_entry = rows["_file"].eq(path.name)
    numbers: set[str] = set()
    faults: dict[int, str] = {}
    for i, number, kind, programmes in rows.loc[
        is_entry, ["ent_num", "SDN_Type", "Program"]
    ].itertuples():
        fault = _fault(number, kind, programmes, numbers)
        if fault:
            faults[i] = fault
        else:
            numbers.add(number)
    # A cell that is not a number may be a name.
    draft = draft.assign(_raw=rows["_raw"].where(rows["ent_num"].str.isdecimal(), ""))
    draft = draft.reject(
        pd.Series(faults, dtype="object").reindex(rows.index),
        (~is_entry & ~rows["ent_num"].isin(numbers), f"joins no entry kept of {path.name!r}"),
        step="check entries and what joins them",
    )
    draft = _with_countries(draft, path.name)
    return as_listings(
        draft,
        key="ofac",
        list_name=_list_of(path, draft.rows["programme"]),
        paths=paths,
        types=_TYPES,
        date_basis=NO_DAYS,
        nulls=("", _NULL),
    )


def _list_of(path: Path, programmes: pd.Series) -> str:
    """Name the list: the file of the other one has the same layout, and does not say its name."""
    other = programmes.str.fullmatch(_NON_SDN).any()
    if other and programmes.isin(_SDN_ONLY).any():
        msg = f"{path.name!r} holds entries of the SDN list and of the non-SDN list. Read the file"
        raise SourceError(f"{msg} of each list for itself.")
    return "US non-SDN" if other or path.name.lower().startswith("cons") else _LIST


def _with_countries(draft: Draft, name: str) -> Draft:
    """Merge the rows of the companions into their entries, which take the countries."""
    is_entry = draft.rows["_file"].eq(name)
    others = draft.rows[~is_entry].reindex(columns=["ent_num", "country"]).dropna()
    others = others[others["country"].map(_value).ne("")]
    countries = others.groupby("ent_num")["country"].agg(";".join)
    entries = draft.rows[is_entry].rename(
        columns={"ent_num": "listing_id", "SDN_Type": "entity_type"}
    )
    entries = entries.assign(
        programme=entries["Program"].map(_programmes),
        entity_country=entries["listing_id"].map(countries).astype("str"),
    )
    return draft.take(entries, step="merge the other files into their entries")


def _read_xml(path: Path) -> Reading:
    draft, outside = read_xml(
        path,
        records=["sdnEntry"],
        columns=_PATHS,
        key=["listing_id"],
        needed=["listing_id", "entity_type", "programme"],
        shown=["listing_id"],
    )
    stated = outside.get("Record_Count", "no number of")
    if stated != str(draft.audit.n_read):
        msg = (
            f"{path.name!r} says it holds {stated} entries, and holds {draft.audit.n_read}: it is "
        )
        raise SourceError(msg + "truncated or altered. Download it again.")
    return as_listings(
        draft,
        key="ofac",
        list_name=_list_of(path, draft.rows["programme"]),
        paths=[path],
        types={(kind or "entity").capitalize(): kind or "entity" for kind in _TYPES},
        date_basis=NO_DAYS,
        taken=day_of_copy(outside.get("Publish_Date"), form="%m/%d/%Y", path=path),
    )


def _fault(number: str, kind: str, programmes: str, known: Container[str]) -> str | None:
    """Say why a row of ``sdn.csv`` is no entry, given the numbers before it; None where it is."""
    if not number.isdecimal():
        return "its number is no number"
    if number in known:
        return "its number is that of an earlier row"
    if _value(kind) not in _TYPES:
        return "its type is not known"
    return None if _programmes(programmes) else "it has no programme"


def _value(text: str) -> str:
    """Return what a cell says, nothing where it says ``-0- ``."""
    stripped = text.strip()
    return "" if stripped == _NULL else stripped


@lru_cache(maxsize=4096)
def _programmes(text: str) -> str:
    """Return the programmes of a cell, sorted and joined by ``;``."""
    return ";".join(sorted({part.strip() for part in _value(text).split("] [")} - {""}))


def read_copies(path: Path) -> Reading:
    """
    Compare dated copies of the list, in order of time, into changes per interval.

    The archive (``.tar``, ``.tar.xz``, ``.tar.gz``) may hold the copies in any order, and as
    links to others of it; one at a time is in memory. A member of another name is rejected.
    A copy that is empty, cut off, or has one unreadable row is set
    aside whole: comparing it would report delistings that did not happen. So is one
    without the closing mark (0x1A) that the copy before it has. Entries are
    identified by their number: a re-listing under another number is a removal and an
    addition, counted in ``relisted`` where name and type are those of an entry removed.
    A change is dated by the copy that first shows it, not by the day of the decision. No
    name is kept, not even of a row that could not be read.

    Returns
    -------
    Reading
        Of kind ``"list_changes"``: one row per interval, whole programme set and entity
        type in which something changed, and the first copy as opening balance. Each row
        closes: closing = opening + added - removed + moved_in - moved_out.

    Raises
    ------
    SourceError
        When no copy can be read, or two of one time differ.
    """
    rejected: list[tuple[str, int, str, str]] = []
    comparison = Comparison()
    closed = False
    before = b""
    for name, taken, content, why in _copies(path):
        if taken is None:
            rejected.append((name, 0, "", why))
            continue
        if comparison.times and taken == comparison.times[-1] and content == before:
            continue  # a file twice in the archive
        before = content
        entries, fault = _entries(content)
        n_before = len(comparison.entries)
        if fault is None and closed and not content.endswith(_CLOSED):
            fault = (0, "", "no closing mark, which the copy before it has: the copy is cut off")
        if fault is None and len(entries) < n_before / 2:
            fault = (0, "", f"{len(entries)} entries after {n_before}: the copy is cut off")
        if fault is not None:
            rejected.append((name, fault[0], fault[1], f"copy set aside: {fault[2]}"))
            continue
        comparison.take(name, taken, entries)
        closed = content.endswith(_CLOSED)
    if not comparison.times:
        raise SourceError(f"{path.name!r} holds no readable copy named {_LIKE}.")
    lost = pd.DataFrame(rejected, columns=list(REJECTED_COLUMNS)) if rejected else no_rejects()
    return Reading(
        kind="list_changes",
        table=pd.DataFrame(comparison.changes).assign(source="ofac_sdn", list=_LIST),
        rejected=lost,
        audit=comparison.audit(n_set_aside=len(rejected)),
        coverage=comparison.coverage("ofac_sdn"),
        provenance=provenance("ofac_sdn", [(path.name, sha256(path))]),
    )


def _copies(path: Path) -> Iterator[tuple[str, pd.Timestamp | None, bytes, str]]:
    """Yield name, time and content of each copy, in order of time; the fault of what is none."""
    with tempfile.TemporaryFile() as spool:
        try:
            members = list(_members(path, spool))
        except (tarfile.TarError, *UNREADABLE) as error:
            raise SourceError(f"{path.name!r} cannot be read as an archive: {error}") from error
        places = {name: place for name, place, _ in members if place}
        links = {name: link for name, _, link in members if link}
        copies = []
        for name, place, _ in members:
            stamp, target = _MEMBER.search(name), name
            for _ in links:
                target = links.get(target, target)
            place = place or places.get(target)
            if stamp and place:
                copies.append((_time_of_copy(stamp), stamp[0], place))
            elif stamp:
                fault = "it is neither a file nor a link to one of the archive"
                yield stamp[0], None, b"", fault
            elif name not in links.values():
                yield posixpath.basename(name), None, b"", f"its name is not like {_LIKE}"
        for time, name, (start, size) in sorted(copies):
            spool.seek(start)
            yield name, time, zlib.decompress(spool.read(size)), ""


def _members(path: Path, spool: IO[bytes]) -> Iterator[tuple[str, tuple[int, int] | None, str]]:
    """Write the files of an archive to `spool`, compressed; yield name, place and link of each."""
    with (
        Bounded(open_bytes(path, archive=True), path.name, limit=2 * _LARGEST) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for member in archive:
            stream.seen = 0
            name, place, link = posixpath.normpath(member.name), None, ""
            if member.size > _LARGEST:
                raise SourceError(f"{member.name!r} has {member.size:,} bytes, as no copy has.")
            if member.isdir() or posixpath.basename(name).startswith("._"):
                continue
            if file := archive.extractfile(member) if member.isfile() else None:
                packed = zlib.compress(file.read(), 1)
                place = spool.tell(), len(packed)
                spool.write(packed)
            elif member.islnk() or member.issym():
                # A symbolic link is relative to its folder, a hard link to the archive.
                folder = posixpath.dirname(name) * member.issym()
                link = posixpath.normpath(posixpath.join(folder, member.linkname))
            yield name, place, link
        # tarfile takes a damaged header for the end, and never meets the checksum.
        while rest := stream.read(1 << 20):
            if rest.strip(b"\0"):
                msg = f"{path.name!r} is a damaged archive: it cannot be read to its end."
                raise SourceError(msg)


def _time_of_copy(stamp: re.Match[str]) -> pd.Timestamp:
    try:
        return pd.Timestamp(f"{stamp[1]}T{stamp[2]}:{stamp[3]}")
    except ValueError as error:
        raise SourceError(
            f"The name {stamp[0]!r} has a day or time that does not exist."
        ) from error


def _entries(content: bytes) -> tuple[dict[str, Entry], tuple[int, str, str] | None]:
    """Return the entries of a copy, or the line, raw text and reason why it cannot be read."""
    text = content.decode("latin-1").rstrip("\r\n\x1a ")
    if not text:
        return {}, (0, "", "it is empty")
    entries: dict[str, Entry] = {}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if len(row) == len(_COLUMNS):
                number, name, kind, programmes, *_ = row
                fault = _fault(number, kind, programmes, entries)
            else:
                number = row[0] if row else ""
                fault = f"{len(row)} fields where there should be {len(_COLUMNS)}"
            if fault:
                # A cell that is not a number may be a name.
                shown = f"ent_num={number[:200]}" if number.isdecimal() else ""
                return {}, (reader.line_num, shown, fault)
            kind = _TYPES[_value(kind)]
            entries[number] = Entry(_programmes(programmes), kind, hash(name.strip()))
    except csv.Error as error:
        return {}, (reader.line_num, "", str(error))
    if any(map(_NON_SDN.fullmatch, {entry.programmes for entry in entries.values()})):
        return {}, (0, "", "it is a copy of the non-SDN list")
    return entries, None
