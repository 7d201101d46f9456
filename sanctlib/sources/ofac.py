"""Read the US list: one day of it, or an archive of dated copies. Return readings."""

from __future__ import annotations

import csv
import hashlib
import heapq
import io
import posixpath
import re
import tarfile
from collections import Counter, deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zlib import compress, decompress

import pandas as pd

from sanctlib.errors import SourceError, check_columns
from sanctlib.query import day_of
from sanctlib.reading import REJECTED_COLUMNS, Reading, no_rejects, sha256
from sanctlib.sources.copies import Comparison, Entry, unknown_programmes
from sanctlib.sources.draft import Draft
from sanctlib.sources.files import check_recorded, members, open_bytes
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
    for i, number, kind, tags in rows.loc[
        is_entry, ["ent_num", "SDN_Type", "Program"]
    ].itertuples():
        fault = _fault(number, kind, tags, numbers)
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


def _fault(number: str, kind: str, tags: str, known: Container[str]) -> str | None:
    """Say why a row of ``sdn.csv`` is no entry, given the numbers before it; None where it is."""
    if not number.isdecimal():
        return "its number is no number"
    if number in known:
        return "its number is that of an earlier row"
    if _value(kind) not in _TYPES:
        return "its type is not known"
    return None if _programmes(tags) else "it has no programme"


def _value(text: str) -> str:
    """Return what a cell says, nothing where it says ``-0- ``."""
    stripped = text.strip()
    return "" if stripped == _NULL else stripped


@lru_cache(maxsize=4096)
def _programmes(text: str) -> str:
    """Return the programmes of a cell, sorted and joined by ``;``."""
    return ";".join(sorted({part.strip() for part in _value(text).split("] [")} - {""}))


def read_copies(*paths: Path) -> Reading:
    """
    Compare dated copies of the list, in order of time, into changes per interval.

    Each archive (``.tar``, ``.tar.xz``, ``.tar.gz``) is read as a stream, one copy in
    memory at a time. Copies are taken in order of the time in their names, over all archives;
    a link to another copy is a copy of its own day, and one given twice counts once. A copy
    that is empty, cut off, or has one unreadable row is set aside whole: comparing it would
    report delistings that did not happen. So is one without the closing mark (0x1A) that the
    copy before it has, and one that is byte for byte an older copy although the list had
    changed since. Entries are identified by their number: a re-listing under another number
    is a removal and an addition, counted in ``relisted`` where name and type are those of an
    entry removed. A change is dated by the copy that first shows it, not by the day of the
    decision. No name is kept, not even of a row that could not be read.

    A csv with the columns ``copy_seen`` (day) and ``uid`` has copies of numbers alone. Their
    entries have the programmes of the whole copy before; new ones those of the whole copy
    after, or else the programme and type ``unknown``. A change of programmes is then known
    only to lie between the two whole copies, and is a row from the one to the other: added
    at its end it gives the stock by the last whole copy, at its beginning that by the next.

    Returns
    -------
    Reading
        Of kind ``"list_changes"``: one row per interval, whole programme set and entity
        type in which something changed, and the first copy as opening balance. Each row
        closes: closing = opening + added - removed + moved_in - moved_out. A programme that
        `programmes` does not have is a step of the audit, and is in ``unmatched``.

    Raises
    ------
    SourceError
        When no copy can be read, or two different copies are of one time.
    """
    found = _Found()
    comparison = found.comparison
    for copy in heapq.merge(*(found.copies(path) for path in paths), key=lambda copy: copy.taken):
        found.take(copy)
    comparison.compare_waiting({})
    if not comparison.times:
        names = ", ".join(repr(path.name) for path in paths)
        raise SourceError(f"{names} holds no readable copy named {_LIKE}.")
    rejected, table = found.rejected, pd.DataFrame(comparison.changes)
    lost = pd.DataFrame(rejected, columns=list(REJECTED_COLUMNS)) if rejected else no_rejects()
    audit = comparison.audit(n_set_aside=len(rejected), n_twice=found.n_twice)
    unknown = unknown_programmes(table, list_name=_LIST)
    for name, n in zip(unknown["name"], unknown["n"], strict=True):
        audit = audit.then(f"no reviewed programme: {name} ({n} entries)", n_out=len(table))
    return Reading(
        kind="list_changes",
        table=table.assign(source="ofac_sdn", list=_LIST),
        rejected=lost,
        audit=audit,
        coverage=comparison.coverage("ofac_sdn"),
        provenance=provenance("ofac_sdn", [(path.name, sha256(path)) for path in paths]),
        unmatched=unknown,
    )


class _Copy(NamedTuple):
    """A copy of the list: its content, or only the numbers of its entries."""

    taken: pd.Timestamp
    name: str
    content: bytes | dict[str, None]


@dataclass
class _Found:
    """What the copies so far gave, and what of them was set aside."""

    comparison: Comparison = field(default_factory=Comparison)
    rejected: list[tuple[str, int, str, str]] = field(default_factory=list)
    n_twice: int = 0
    _seen: dict[bytes, str] = field(default_factory=dict)
    _last: tuple[pd.Timestamp, bytes] | None = None
    _n_before: int = 0
    _closed: bool = False

    def take(self, copy: _Copy) -> None:
        """Compare the next copy, or set it aside."""
        if not isinstance(copy.content, bytes):
            self._n_before = len(copy.content)
            self.comparison.take_numbers(copy.name, copy.taken, copy.content)
            return
        entries, fault = _entries(copy.content)
        mark = hashlib.sha256(copy.content).digest()
        if fault is None and self._last == (copy.taken, mark):
            self.n_twice += len(entries)
            return
        closed = copy.content.endswith(_CLOSED)
        if fault is None and self._closed and not closed:
            fault = (0, "", "no closing mark, which the copy before it has: the copy is cut off")
        if fault is None and len(entries) < self._n_before / 2:
            msg = f"{len(entries)} entries after {self._n_before}: the copy is cut off"
            fault = (0, "", msg)
        if fault is None and mark in self._seen and self._last and self._last[1] != mark:
            msg = f"byte for byte {self._seen[mark]!r}, and the list had changed since"
            fault = (0, "", msg)
        if fault is not None:
            self.rejected.append((copy.name, *fault[:2], f"copy set aside: {fault[2]}"))
            return
        self.comparison.take(copy.name, copy.taken, entries)
        self._seen.setdefault(mark, copy.name)
        self._last, self._n_before, self._closed = (copy.taken, mark), len(entries), closed

    def copies(self, path: Path) -> Iterator[_Copy]:
        """Yield the copies of a file, in order of time."""
        with open_bytes(path, archive=True) as stream:
            head = stream.read(16)
        if head.startswith(b"copy_seen,"):
            yield from _numbers(path)
            return
        waiting = self._in_order(path)
        # What comes before its turn, or is linked to later, waits compressed.
        wanted, kept = Counter(place for _, _, place in waiting), dict[int, bytes]()
        for member, content in members(path):
            if not wanted[member.offset]:
                continue
            data = content()
            while waiting and waiting[0][2] in (member.offset, *kept):
                taken, name, place = waiting.popleft()
                wanted[place] -= 1
                here = place == member.offset
                yield _Copy(taken, name, data if here else decompress(kept[place]))
                if not wanted[place]:
                    kept.pop(place, None)
            if wanted[member.offset]:
                kept[member.offset] = compress(data, level=1)

    def _in_order(self, path: Path) -> deque[tuple[pd.Timestamp, str, int]]:
        """Return time, name and place of the copies in an archive; reject its other members."""
        listed = [(member, _MEMBER.search(member.name)) for member, _ in members(path)]
        # A file is known by its place: two copies in one archive can have one name.
        files = {member.name: member.offset for member, _ in listed if member.isfile()}
        waiting = list[tuple[pd.Timestamp, str, int]]()
        linked = {_linked(member) for member, _ in listed}
        for member, stamp in listed:
            place = member.offset if member.isfile() else files.get(_linked(member))
            if stamp and place is None:
                reason = "it is neither a file nor a link to one of the archive"
                self.rejected.append((stamp[0], 0, "", reason))
            elif not stamp and not member.isdir() and member.name not in linked:
                name = posixpath.basename(member.name)
                if not name.startswith("._"):
                    self.rejected.append((name, 0, "", f"its name is not like {_LIKE}"))
            elif stamp and place is not None:
                waiting.append((_time_of_copy(stamp), stamp[0], place))
        return deque(sorted(waiting))


def _numbers(path: Path) -> Iterator[_Copy]:
    """Yield the copies of numbers alone in a csv, in order of their days."""
    with open_bytes(path) as stream:
        table = pd.read_csv(stream, dtype="str", keep_default_na=False)
    check_columns(table, ["copy_seen", "uid"])
    wrong = table[~table["uid"].str.isdecimal() | table.duplicated(["copy_seen", "uid"])]
    if len(wrong):
        row = wrong.iloc[0]
        msg = f"{path.name!r} has the number {row['uid']!r} on {row['copy_seen']!r}. It must be"
        raise SourceError(f"{msg} digits, once per copy_seen. Correct the row or leave it out.")
    for day, rows in table.groupby("copy_seen"):
        taken = pd.Timestamp(day_of(day, what="copy_seen"))
        yield _Copy(taken, f"{path.name}: {day}", dict.fromkeys(rows["uid"]))


def _linked(member: tarfile.TarInfo) -> str:
    """Return the name of the file that a link leads to; nothing of what is no link."""
    if member.issym():
        return posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
    return member.linkname if member.islnk() else ""


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
                number, name, kind, tags, *_ = row
                fault = _fault(number, kind, tags, entries)
            else:
                number = row[0] if row else ""
                fault = f"{len(row)} fields where there should be {len(_COLUMNS)}"
            if fault:
                # A cell that is not a number may be a name.
                shown = f"ent_num={number[:200]}" if number.isdecimal() else ""
                return {}, (reader.line_num, shown, fault)
            kind = _TYPES[_value(kind)]
            entries[number] = Entry(_programmes(tags), kind, hash(name.strip()))
    except csv.Error as error:
        return {}, (reader.line_num, "", str(error))
    if any(map(_NON_SDN.fullmatch, {entry.programmes for entry in entries.values()})):
        return {}, (0, "", "it is a copy of the non-SDN list")
    return entries, None
