"""The US list of Specially Designated Nationals, as dated copies of `sdn.csv` compared."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from sanctlib.errors import SourceError
from sanctlib.reading import REJECTED_COLUMNS, Reading, no_rejects, sha256
from sanctlib.sources.copies import Comparison, Entry
from sanctlib.sources.files import UNREADABLE, Bounded, open_bytes
from sanctlib.sources.ofac import COLUMNS, LIST, TYPES, fault, programmes_of, value
from sanctlib.sources.producers import provenance

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
        entries, bad = _entries(content)
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
                yield stamp[0], _time(stamp), file.read()
            # tarfile takes a damaged header for the end, and never meets the checksum.
            while rest := stream.read(1 << 20):
                if rest.strip(b"\0"):
                    msg = f"{path.name!r} is a damaged archive: it cannot be read to its end."
                    raise SourceError(msg)
    except (tarfile.TarError, *UNREADABLE) as error:
        raise SourceError(f"{path.name!r} cannot be read as an archive: {error}") from error


def _time(stamp: re.Match[str]) -> pd.Timestamp:
    try:
        return pd.Timestamp(f"{stamp[1]}T{stamp[2]}:{stamp[3]}")
    except ValueError as error:
        raise SourceError(
            f"The name {stamp[0]!r} has a day or time that does not exist."
        ) from error


def _entries(content: bytes) -> tuple[dict[str, Entry], tuple[int, str, str] | None]:
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
