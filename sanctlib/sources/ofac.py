"""The US list of Specially Designated Nationals, as dated copies of `sdn.csv` compared."""

from __future__ import annotations

import csv
import io
import lzma
import re
import tarfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import REJECTED_COLUMNS, Audit, Provenance, Reading, no_rejects, sha256
from sanctlib.sources.text import open_bytes

Entries: TypeAlias = dict[str, tuple[str, str]]
"""Entry number to (whole programme set, entity type)."""

CITATION = (
    "US Department of the Treasury, Office of Foreign Assets Control: "
    "Specially Designated Nationals and Blocked Persons List (sdn.csv), dated copies."
)
_MEMBER = re.compile(r"sdn_(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})Z\.csv$")
_TYPES = {"individual": "individual", "vessel": "vessel", "aircraft": "aircraft", "": "entity"}
_FIELDS = 12
_NULL = "-0-"
_CLOSED = b"\x1a"


def read_copies(path: Path) -> Reading:
    """
    Compare dated copies of the list, in order of time, into changes per interval.

    The archive (``.tar``, ``.tar.xz``, ``.tar.gz``) is read as a stream, one copy in
    memory at a time. A copy that is empty, cut off, or has one unreadable row is set
    aside whole: comparing it would report delistings that did not happen. So is one
    without the closing mark (0x1A) that the copy before it has. Entries are
    identified by their number; a re-listing under another number is a removal and an
    addition. No name is read.

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
    path = Path(path)
    changes: list[dict[str, object]] = []
    rejected: list[tuple[str, int, str, str]] = []
    before: Entries | None = None
    stock: Counter[tuple[str, str]] = Counter()
    previous = first = pd.Timestamp(0)
    n_read, closed = 0, False
    for name, taken, content in _copies(path):
        entries, bad = _entries(content)
        if bad is None and closed and not content.endswith(_CLOSED):
            bad = (0, "", "no closing mark, which the copy before it has: the copy is cut off")
        if bad is None and before is not None and len(entries) < len(before) / 2:
            bad = (0, "", f"{len(entries)} entries after {len(before)}: the copy is cut off")
        if bad is not None:
            rejected.append((name, bad[0], bad[1], f"copy set aside: {bad[2]}"))
            continue
        n_read += len(entries)
        if before is None:
            previous = first = taken
            changes += _opening(entries, taken)
        elif taken <= previous:
            raise SourceError(f"{name!r} is not later than the copy before it, {previous}.")
        else:
            changes += _changes(before, entries, stock, previous, taken)
        stock = Counter(entries.values())
        before, previous, closed = entries, taken, content.endswith(_CLOSED)
    if before is None:
        raise SourceError(f"{path.name!r} holds no readable copy named sdn_YYYY-MM-DDTHHMMZ.csv.")
    table = pd.DataFrame(changes).assign(source="ofac_sdn", list="US SDN")
    audit = Audit.begin(n_read + len(rejected))
    if rejected:
        audit = audit.then("check copies", n_rejected=len(rejected), n_out=n_read)
    # Short lists that change a lot have more rows of change than entries.
    fewer = n_read - len(table)
    audit = audit.then(
        "compare copies", n_merged=max(fewer, 0), n_added=max(-fewer, 0), n_out=len(table)
    )
    lost = pd.DataFrame(rejected, columns=list(REJECTED_COLUMNS)) if rejected else no_rejects()
    return Reading(
        kind="list_changes",
        table=table,
        rejected=lost,
        audit=audit,
        coverage=Coverage(source="ofac_sdn", first=first.date(), last=previous.date()),
        provenance=Provenance(
            key="ofac_sdn",
            title="US list of Specially Designated Nationals, dated copies compared",
            producer="US Department of the Treasury, OFAC",
            licence="US government work",
            citation=CITATION,
            files={path.name: sha256(path)},
        ),
    )


def _copies(path: Path) -> Iterator[tuple[str, pd.Timestamp, bytes]]:
    try:
        with open_bytes(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                stamp = _MEMBER.search(member.name)
                file = archive.extractfile(member) if member.isfile() else None
                if stamp is None or file is None:
                    continue
                yield stamp[0], _time(stamp), file.read()
            # tarfile takes a damaged header for the end, and never meets the checksum.
            while rest := stream.read(1 << 20):
                if rest.strip(b"\0"):
                    msg = f"{path.name!r} cannot be read as an archive to its end: it is damaged."
                    raise SourceError(msg)
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise SourceError(f"{path.name!r} cannot be read as an archive: {error}") from error


def _time(stamp: re.Match[str]) -> pd.Timestamp:
    try:
        return pd.Timestamp(f"{stamp[1]}T{stamp[2]}:{stamp[3]}")
    except ValueError as error:
        raise SourceError(f"{stamp[0]!r} names no day and time.") from error


def _entries(content: bytes) -> tuple[Entries, tuple[int, str, str] | None]:
    text = content.decode("latin-1").rstrip("\r\n\x1a ")
    if not text:
        return {}, (0, "", "it is empty")
    entries: Entries = {}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if len(row) != _FIELDS:
                found = f"{len(row)} fields where there should be {_FIELDS}"
                return {}, (reader.line_num, ",".join(row), found)
            kind = _TYPES.get(_value(row[2]))
            if kind is None or not row[0].isdigit() or row[0] in entries:
                return {}, (reader.line_num, ",".join(row), "its number or type is not valid")
            programmes = sorted({p.strip() for p in _value(row[3]).split("] [")})
            if programmes == [""]:
                return {}, (reader.line_num, ",".join(row), "it has no programme")
            entries[row[0]] = (";".join(programmes), kind)
    except csv.Error as error:
        return {}, (reader.line_num, "", str(error))
    return entries, None


def _value(text: str) -> str:
    stripped = text.strip()
    return "" if stripped == _NULL else stripped


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
        "programmes_added": None,
        "programmes_dropped": None,
    }


def _opening(entries: Entries, taken: pd.Timestamp) -> list[dict[str, object]]:
    stock = Counter(entries.values())
    return [_row(group, n, taken, taken) for group, n in sorted(stock.items())]


def _changes(
    before: Entries,
    after: Entries,
    stock: Counter[tuple[str, str]],
    since: pd.Timestamp,
    taken: pd.Timestamp,
) -> list[dict[str, object]]:
    flows: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    gained: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    lost: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for number in after.keys() - before.keys():
        flows[after[number]]["added"] += 1
    for number in before.keys() - after.keys():
        flows[before[number]]["removed"] += 1
    for number in before.keys() & after.keys():
        old, new = before[number], after[number]
        if old == new:
            continue
        flows[new]["moved_in"] += 1
        flows[old]["moved_out"] += 1
        had, has = set(old[0].split(";")), set(new[0].split(";"))
        gained[new].update(has - had)
        lost[old].update(had - has)
    rows = []
    for group, flow in sorted(flows.items()):
        row = _row(group, stock[group], since, taken) | dict(flow)
        net = flow["added"] - flow["removed"] + flow["moved_in"] - flow["moved_out"]
        row["closing"] = stock[group] + net
        row["programmes_added"] = _listed(gained[group])
        row["programmes_dropped"] = _listed(lost[group])
        rows.append(row)
    return rows


def _listed(counts: Counter[str]) -> str | None:
    return ";".join(f"{name}:{n}" for name, n in sorted(counts.items())) or None
