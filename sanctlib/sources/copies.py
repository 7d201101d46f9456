"""Read archived versions of a list. Return the entries that were added and removed."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.query import Day, day_of
from sanctlib.reading import REJECTED_COLUMNS, Audit, Reading, named_apart, no_rejects, sha256
from sanctlib.sources.files import UNREADABLE, Bounded, open_bytes
from sanctlib.sources.lists_national import COLUMNS, LIST, TYPES, fault, programmes_of, value
from sanctlib.sources.producers import provenance


class Entry(NamedTuple):
    """An entry of a copy: its whole programme set, its type, and a hash of its name."""

    programmes: str
    entity_type: str
    name: int = 0


@dataclass(kw_only=True)
class Comparison:
    """
    Compare copies one after the other, in order of time, with one in memory.

    A removal and an addition may be one entry under another number: an addition with the
    name and type of an entry removed in this interval or before is counted in ``relisted``,
    a part of ``added``. Namesakes that are listed at the same time are not.
    """

    changes: list[dict[str, object]] = field(default_factory=list)
    times: list[pd.Timestamp] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    n_entries: int = 0
    _stock: Counter[tuple[str, str]] = field(default_factory=Counter)
    _gone: set[tuple[int, str]] = field(default_factory=set)

    def take(self, name: str, taken: pd.Timestamp, entries: dict[str, Entry]) -> None:
        """Compare the next copy with the one before."""
        if self.times and taken <= self.times[-1]:
            msg = f"{name!r} is not later than the copy before it, {self.times[-1]}."
            raise SourceError(msg)
        if self.times:
            self.changes += self._flows(entries, taken)
        else:
            stock = Counter(_group(e) for e in entries.values())
            self.changes += [_row(group, n, taken, taken) for group, n in sorted(stock.items())]
        self._stock = Counter(_group(e) for e in entries.values())
        self.times.append(taken)
        self.entries = entries
        self.n_entries += len(entries)

    def _flows(self, after: dict[str, Entry], taken: pd.Timestamp) -> Iterator[dict[str, object]]:
        before = self.entries
        flows: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        gained: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        lost: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        removed = [before[number] for number in before.keys() - after.keys()]
        self._gone |= {(e.name, e.entity_type) for e in removed if e.name}
        for entry in removed:
            flows[_group(entry)]["removed"] += 1
        for number in after.keys() - before.keys():
            entry = after[number]
            flows[_group(entry)]["added"] += 1
            flows[_group(entry)]["relisted"] += (entry.name, entry.entity_type) in self._gone
        for number in before.keys() & after.keys():
            old, new = _group(before[number]), _group(after[number])
            if old == new:
                continue
            flows[new]["moved_in"] += 1
            flows[old]["moved_out"] += 1
            had, has = set(old[0].split(";")), set(new[0].split(";"))
            gained[new].update(has - had)
            lost[old].update(had - has)
        for group, flow in sorted(flows.items()):
            row = _row(group, self._stock[group], self.times[-1], taken) | dict(flow)
            net = flow["added"] - flow["removed"] + flow["moved_in"] - flow["moved_out"]
            row["closing"] = self._stock[group] + net
            row["programmes_added"] = _listed(gained[group])
            row["programmes_dropped"] = _listed(lost[group])
            yield row

    def audit(self, *, n_set_aside: int = 0) -> Audit:
        """Account for the entries of all copies; an excluded copy is one row."""
        audit = Audit.begin(self.n_entries + n_set_aside)
        if n_set_aside:
            audit = audit.then("check copies", n_rejected=n_set_aside, n_out=self.n_entries)
        # Short lists that change a lot have more rows of change than entries.
        fewer = self.n_entries - len(self.changes)
        return audit.then(
            "compare copies",
            n_merged=max(fewer, 0),
            n_added=max(-fewer, 0),
            n_out=len(self.changes),
        )

    def coverage(self, source: str) -> Coverage:
        """Return the days from the first copy to the last."""
        return Coverage(source=source, first=self.times[0].date(), last=self.times[-1].date())


def compare_copies(copies: Sequence[Reading], *, dates: Sequence[Day] | None = None) -> Reading:
    """
    Return the changes between dated copies of one list.

    Only copies show removals: the day of listing that a list states is the same after a
    removal and a second listing. A change is known to lie between two copies, and not when.
    Entries are identified by the key of the list (`entity_id`).

    Parameters
    ----------
    copies : sequence of Reading
        Two or more readings of one list, of kind ``"listings"``, in order of time.
    dates : sequence of days, optional
        When each copy was made: ISO text, dates or datetimes; by default the last day of its
        coverage, which is that day for lists that print it.

    Returns
    -------
    Reading
        Of kind ``"list_changes"``: a row per interval between copies, set of programmes and
        type. Each row closes: closing = opening + added - removed + moved_in - moved_out.

    Raises
    ------
    SanctlibError
        For fewer than two copies, copies of several lists, a copy without a day, and a copy
        with rejected rows, whose entries would count as removed.
    SourceError
        For copies that are not in order of time.

    Examples
    --------
    >>> import sanctlib as sl, pathlib, tempfile
    >>> def copy_of(*items):
    ...     entry = "<record><Country>Iran</Country><Item>{}</Item>{}</record>"
    ...     day = "<DateOfListing>2024-01-01</DateOfListing>"
    ...     with tempfile.TemporaryDirectory() as folder:
    ...         path = pathlib.Path(folder) / "list.xml"
    ...         _ = path.write_text(f"<a>{''.join(entry.format(i, day) for i in items)}</a>")
    ...         return sl.read("canada_sema", path)
    >>> changes = compare_copies([copy_of(1, 2), copy_of(2, 3)], dates=["2024-02", "2024-03"])
    >>> changes.table[["opening", "added", "removed", "closing"]].iloc[-1].to_dict()
    {'opening': 2, 'added': 1, 'removed': 1, 'closing': 2}
    """
    copies = [copies] if isinstance(copies, Reading) else list(copies)
    wrong = next((copy for copy in copies if not isinstance(copy, Reading)), None)
    if wrong is not None:
        msg = f"copies holds {wrong!r:.80}. Read each copy first: sl.read('un', path)."
        raise SanctlibError(msg)
    if len(copies) < 2:
        raise SanctlibError(f"copies holds {len(copies)} readings. Give two or more of one list.")
    lists = sorted({str(x) for copy in copies for x in copy.table.get("list", ["no list"])})
    if len(lists) > 1 or any(copy.kind != "listings" for copy in copies):
        found = ", ".join(f"{copy.kind} of {copy.provenance.key!r}" for copy in copies)
        raise SanctlibError(f"copies holds {found}. They must be listings of one list.")
    if dates is None:
        days = [pd.Timestamp(c.coverage.last) for c in copies if c.coverage]
        found = f"{len(copies) - len(days)} of the copies have no day of their own"
    else:
        days = [_time(day) for day in dates]
        found = f"dates has {len(days)} days for {len(copies)} copies"
    if len(days) != len(copies):
        raise SanctlibError(f"{found}. Give the day of each: dates=['2024-01-31', …].")
    comparison = Comparison()
    for copy, day in zip(copies, days, strict=True):
        name = ", ".join(copy.provenance.files) or copy.provenance.key
        if len(copy.rejected):
            msg = f"{name!r} has {len(copy.rejected)} rejected rows, whose entries would count as"
            raise SanctlibError(f"{msg} removed. Correct the file, or take another copy.")
        comparison.take(name, day, _entries(copy.table))
    first = copies[0].provenance
    # Copies of a list mostly have one name, each in the folder of its day.
    files = named_apart(item for copy in copies for item in copy.provenance.files.items())
    # A reading has no names, so additions cannot be compared with earlier entries.
    changes = pd.DataFrame(comparison.changes).drop(columns="relisted")
    return Reading(
        kind="list_changes",
        table=changes.assign(source=first.key, list=lists[0]),
        rejected=no_rejects(),
        audit=comparison.audit(),
        coverage=comparison.coverage(first.key),
        provenance=replace(first, files=files),
    )


def _time(value: object) -> pd.Timestamp:
    """Return when a copy was made: two of one day differ in the time of day."""
    if isinstance(value, datetime) and not pd.isna(value) and value.tzinfo is None:
        return pd.Timestamp(value)
    return pd.Timestamp(day_of(value, what="dates"))


def _entries(listings: pd.DataFrame) -> dict[str, Entry]:
    grouped = listings.groupby("entity_id", sort=False)
    programmes = grouped["programme"].agg(lambda p: ";".join(sorted(set(p))))
    types = grouped["entity_type"].first()
    return {
        str(key): Entry(programme, kind)
        for key, programme, kind in zip(programmes.index, programmes, types, strict=True)
    }


def _group(entry: Entry) -> tuple[str, str]:
    return entry.programmes, entry.entity_type


def _row(
    group: tuple[str, str], opening: int, since: pd.Timestamp, taken: pd.Timestamp
) -> dict[str, object]:
    return {
        "from": since,
        "to": taken,
        "programmes": group[0],
        "entity_type": group[1],
        "opening": opening,
        "added": 0,
        "removed": 0,
        "moved_in": 0,
        "moved_out": 0,
        "closing": opening,
        "relisted": 0,
        "programmes_added": None,
        "programmes_dropped": None,
    }


def _listed(counts: Counter[str]) -> str | None:
    return ";".join(f"{name}:{n}" for name, n in sorted(counts.items())) or None


_MEMBER = re.compile(r"sdn_(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})Z\.csv$")
_LARGEST = 64 << 20
_CLOSED = b"\x1a"


def read_copies(path: Path) -> Reading:
    """
    Compare dated copies of the list, in order of time, into changes per interval.

    The archive (``.tar``, ``.tar.xz``, ``.tar.gz``) is read as a stream, one copy in
    memory at a time. A copy that is empty, cut off, or has one unreadable row is set
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
        When no copy can be read, or copies are out of order.
    """
    rejected: list[tuple[str, int, str, str]] = []
    comparison = Comparison()
    closed = False
    for name, taken, content in _copies(path):
        entries, bad = _entries_of_copy(content)
        n_before = len(comparison.entries)
        if bad is None and closed and not content.endswith(_CLOSED):
            bad = (0, "", "no closing mark, which the copy before it has: the copy is cut off")
        if bad is None and len(entries) < n_before / 2:
            bad = (0, "", f"{len(entries)} entries after {n_before}: the copy is cut off")
        if bad is not None:
            rejected.append((name, bad[0], bad[1], f"copy set aside: {bad[2]}"))
            continue
        comparison.take(name, taken, entries)
        closed = content.endswith(_CLOSED)
    if not comparison.times:
        raise SourceError(f"{path.name!r} holds no readable copy named sdn_YYYY-MM-DDTHHMMZ.csv.")
    lost = pd.DataFrame(rejected, columns=list(REJECTED_COLUMNS)) if rejected else no_rejects()
    return Reading(
        kind="list_changes",
        table=pd.DataFrame(comparison.changes).assign(source="ofac_sdn", list=LIST),
        rejected=lost,
        audit=comparison.audit(n_set_aside=len(rejected)),
        coverage=comparison.coverage("ofac_sdn"),
        provenance=provenance("ofac_sdn", [(path.name, sha256(path))]),
    )


def _copies(path: Path) -> Iterator[tuple[str, pd.Timestamp, bytes]]:
    try:
        with (
            Bounded(open_bytes(path, archive=True), path.name, limit=2 * _LARGEST) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                stream.seen = 0
                stamp = _MEMBER.search(member.name)
                file = archive.extractfile(member) if member.isfile() else None
                if stamp is None or file is None:
                    continue
                if member.size > _LARGEST:
                    raise SourceError(f"{stamp[0]!r} has {member.size:,} bytes, as no copy has.")
                yield stamp[0], _time_of_copy(stamp), file.read()
            # tarfile takes a damaged header for the end, and never meets the checksum.
            while rest := stream.read(1 << 20):
                if rest.strip(b"\0"):
                    msg = f"{path.name!r} is a damaged archive: it cannot be read to its end."
                    raise SourceError(msg)
    except (tarfile.TarError, *UNREADABLE) as error:
        raise SourceError(f"{path.name!r} cannot be read as an archive: {error}") from error


def _time_of_copy(stamp: re.Match[str]) -> pd.Timestamp:
    try:
        return pd.Timestamp(f"{stamp[1]}T{stamp[2]}:{stamp[3]}")
    except ValueError as error:
        raise SourceError(
            f"The name {stamp[0]!r} has a day or time that does not exist."
        ) from error


def _entries_of_copy(content: bytes) -> tuple[dict[str, Entry], tuple[int, str, str] | None]:
    text = content.decode("latin-1").rstrip("\r\n\x1a ")
    if not text:
        return {}, (0, "", "it is empty")
    entries: dict[str, Entry] = {}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if len(row) == len(COLUMNS):
                number, name, kind, programmes, *_ = row
                wrong = fault(number, kind, programmes, entries)
            else:
                number = row[0] if row else ""
                wrong = f"{len(row)} fields where there should be {len(COLUMNS)}"
            if wrong:
                # A cell that is no number may be a name.
                shown = f"ent_num={number[:200]}" if number.isdecimal() else ""
                return {}, (reader.line_num, shown, wrong)
            kind = TYPES[value(kind)]
            entries[number] = Entry(programmes_of(programmes), kind, hash(name.strip()))
    except csv.Error as error:
        return {}, (reader.line_num, "", str(error))
    return entries, None
