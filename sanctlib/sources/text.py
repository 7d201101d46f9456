"""Read delimited text. Return rows of text and the lines that could not be read."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import pandas as pd

from sanctlib.errors import MissingColumnsError, SourceError, UnknownChoiceError, check_columns
from sanctlib.reading import REJECTED_COLUMNS, Audit, no_rejects
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft
from sanctlib.sources.files import UNREADABLE, open_bytes

_RAW_LIMIT = 2000
_NONE_OF = 10_000


@dataclass(kw_only=True)
class Records:
    """The records of a file, and the lines that are no records."""

    name: str
    needed: Sequence[str] = ()
    also: Sequence[str] = ()
    header: list[str] = field(default_factory=list)
    given: bool = False
    """Whether the names are given, and the file has no header line."""
    names: list[str] = field(default_factory=list)
    _places: list[int] = field(default_factory=list)
    kept: list[tuple[int, str, list[str]]] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)

    def begin(self, header: Sequence[str]) -> None:
        """Take the header line: check it, and find the columns that are wanted."""
        self.header = checked_header(header, self.needed, name=self.name)
        wanted = {*self.needed, *self.also}
        self.names = [h for h in self.header if not self.needed or h in wanted]
        self._places = [self.header.index(name) for name in self.names]

    def take(self, line: int, raw: str, fields: list[str]) -> None:
        """Keep a record, or note a line that is no record."""
        reason = why_no_record(fields, [] if self.given else self.header, [len(self.header)])
        if not reason:
            self.kept.append((line, raw, [fields[place] for place in self._places]))
            return
        self.bad.append((line, raw, reason))
        if not self.kept:
            check_some(len(self.bad), name=self.name, line=line, reason=reason)

    def draft(self, *, head: str = "", shown: Sequence[str] | None = None) -> Draft:
        """Return the records as a draft; lines that are no records are rejected."""
        kept, bad = self.kept, self.bad
        rows = pd.DataFrame([fields for _, _, fields in kept], columns=self.names, dtype="str")
        rows = rows.assign(
            _file=pd.Series([self.name] * len(kept), dtype="str"),
            _line=pd.Series([line for line, _, _ in kept], dtype="int64"),
            _raw=pd.Series([raw for _, raw, _ in kept], dtype="str"),
        )
        if shown is not None:
            rows["_raw"] = keys_only(rows, shown)
            bad = [(line, "", reason) for line, _, reason in bad]
        lost = pd.DataFrame(
            [(self.name, line, raw[:_RAW_LIMIT], reason) for line, raw, reason in bad],
            columns=list(REJECTED_COLUMNS),
        )
        audit = Audit.begin(len(rows) + len(bad))
        if bad:
            audit = audit.then("split lines", n_rejected=len(bad), n_out=len(rows))
        return Draft(rows=rows, audit=audit, rejected=lost if bad else no_rejects(), head=head)


def why_no_record(fields: list[str], header: list[str], widths: Iterable[int]) -> str:
    """Return why the fields of a line are no record; nothing where they may be one."""
    if fields == header:
        return "the header line, repeated inside the data"
    if len(fields) in widths:
        return ""
    needed = " or ".join(map(str, sorted(widths)))
    where = f"the header has {needed}" if header else f"there should be {needed}"
    return f"{len(fields)} fields where {where}"


def check_some(n_bad: int, *, name: str, line: int, reason: str) -> None:
    """Check that a file has records: of one of zeros the lines are not worth keeping."""
    if n_bad == _NONE_OF:
        msg = f"None of the first {n_bad:,} lines of {name!r} is a record; line {line}: {reason}."
        raise SourceError(msg)


def checked_header(header: Sequence[str], needed: Iterable[str], *, name: str) -> list[str]:
    """Return the names of a header line without blanks around them."""
    names = [text.strip() for text in header]
    check_found(names, needed, name=name)
    # Cells of a first line that is no header may be names of persons: their places are shown.
    places = [n for n, text in enumerate(names, start=1) if text and names.count(text) > 1]
    if places:
        shown = " and ".join(map(str, places))
        raise SourceError(
            f"The header line of {name!r} has one name in columns {shown}: rename them."
        )
    return names


def keys_only(rows: pd.DataFrame, shown: Sequence[str]) -> pd.Series:
    """Return ``column=value`` of the columns `shown`: raw text that names nobody."""
    columns = [c for c in shown if c in rows]
    if not columns or rows.empty:
        return pd.Series("", index=rows.index, dtype="str")
    parts = [f"{c}=" + rows[c].fillna("").str.slice(0, 200) for c in columns]
    return reduce(lambda before, part: before + "; " + part, parts).astype("str")


_FIELD_LIMIT = 1 << 20
_LINE_LIMIT = 1 << 25
_HEAD_LINES = 40
_ENCODING_HINT = "Older files are often 'cp1252' or 'latin-1': sl.read_table(…, encoding='cp1252')."


def read_text(
    path: Path,
    *,
    columns: Sequence[str] | None = None,
    needed: Sequence[str] = (),
    also: Sequence[str] = (),
    header_starts: str | tuple[str, ...] = (),
    delimiter: str = ",",
    encoding: str | Sequence[str] = "utf-8",
    shown: Sequence[str] | None = None,
) -> Draft:
    """
    Read delimited text into a draft of text columns; several encodings are tried in turn.

    Nothing is interpreted. Lines before a header that `header_starts` finds become the draft's
    head, `columns` are the names where no header is, and `shown` the only text of rejected rows.
    """
    encodings = [encoding] if isinstance(encoding, str) else encoding
    if len(delimiter) != 1:
        raise UnknownChoiceError(f"delimiter is {delimiter!r}. It must be one character.")
    lines = _lines(path, encodings)
    records = Records(name=path.name, needed=needed, also=also, given=columns is not None)
    if columns is not None:
        records.begin(columns)
    n_head = _n_head(lines, header_starts, name=path.name) if header_starts else 0
    # The limit is that of the whole process: whoever set another gets it back.
    before = csv.field_size_limit(_FIELD_LIMIT)
    try:
        _fill(records, lines, n_head, delimiter)
    finally:
        csv.field_size_limit(before)
    if not records.kept and not records.bad:
        raise SourceError(f"{path.name!r} has a header line and no records.")
    if not records.kept and columns is None and len({why for _, _, why in records.bad}) == 1:
        line, _, reason = records.bad[0]
        msg = f"{path.name!r} has no record as wide as its header line; line {line}: {reason}. Its"
        raise SourceError(f"{msg} columns would be shifted: correct the header line.")
    return records.draft(head="".join(lines[:n_head]), shown=shown)


def check_header(draft: Draft, needed: Sequence[str]) -> None:
    """Check that the columns `needed` were found in the file."""
    check_found([c for c in draft.rows.columns if c not in ORIGIN_COLUMNS], needed)


def check_found(names: Sequence[str], needed: Iterable[str], *, name: str = "") -> None:
    """Check the columns of a file; where it has none of those `needed`, its cells are not shown."""
    wanted = list(needed)
    try:
        check_columns(names, wanted)
    except MissingColumnsError as error:
        msg = str(error)
        if not set(wanted) & set(names) and "one cell, separated" not in msg:
            msg = f"{msg.partition(' Columns found:')[0]} None of the cells of its first line is"
            msg += " a column needed: is that line a header?"
            for mark in (m for m in ";\t|," if len(names) == 1 and m in names[0]):
                msg += f" It is one cell that holds {mark!r}: is that the delimiter?"
        found = MissingColumnsError(f"{name!r}: {msg}" if name else msg)
        found.columns = tuple(names)
        raise found from None


def delimiter_of(path: Path) -> str:
    """Return the delimiter that the name of a file tells: tabs for .tsv and .tab, else commas."""
    suffixes = {s.lower() for s in path.suffixes}
    return "\t" if suffixes & {".tsv", ".tab"} else ","


def _check_is_text(path: Path, encodings: Sequence[str]) -> None:
    """Check by its first bytes that a file is not JSON, UTF-16 or a file of another program."""
    head = b""
    with open_bytes(path) as stream, suppress(*UNREADABLE):  # a damaged file is named below
        head = stream.read(512)
    if head.lstrip(b"\xef\xbb\xbf \r\n").startswith((b'{"', b'[{"')):
        msg = f"{path.name!r} is a JSON file: pass pd.read_json(path, dtype=False) to"
        raise SourceError(f"{msg} sl.read_table, or save it as .csv.")
    if b"\0" in head and not any(wide in e.lower() for e in encodings for wide in ("16", "32")):
        what = "is not text, but a file of another program: read it yourself, and pass a frame to"
        what = f"{what} sl.read_table"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            what = "is text in UTF-16: save it as UTF-8, or sl.read_table(…, encoding='utf-16')"
        raise SourceError(f"{path.name!r} {what}.")


def _lines(path: Path, encodings: Sequence[str]) -> list[str]:
    """Return the lines of a file, as they end, in the first encoding that fits."""
    _check_is_text(path, encodings)
    for encoding in encodings:
        try:
            utf8 = codecs.lookup(encoding).name == "utf-8"
        except LookupError as error:
            msg = f"encoding is {encoding!r}. It must be a known one, such as 'utf-8' or 'cp1252'."
            raise UnknownChoiceError(msg) from error
        lines: list[str] = []
        form = "utf-8-sig" if utf8 else encoding
        with io.TextIOWrapper(open_bytes(path), encoding=form, newline="") as text:
            try:
                while line := text.readline(_LINE_LIMIT):
                    lines.append(line)
                    if len(line) == _LINE_LIMIT:
                        msg = f"{path.name!r} has more than {_LINE_LIMIT >> 20} million characters"
                        msg = f"{msg} in line {len(lines)}. It is not a table of lines."
                        raise SourceError(msg)
                break
            except UnicodeDecodeError as error:
                if encoding == encodings[-1]:
                    msg = f"{path.name!r} is not {encoding} near line {len(lines) + 1}: "
                    msg += f"{error.reason} (byte {error.object[error.start]:#04x})."
                    raise SourceError(f"{msg} {_ENCODING_HINT}") from error
            except UNREADABLE as error:
                msg = f"{path.name!r} is truncated after line {len(lines)}: {error}"
                raise SourceError(msg) from error
    # Some producers end a file with the old mark 0x1A: it is no part of the last cell.
    lines[-1] = lines[-1].rstrip("\x1a")
    return lines


def _n_head(lines: Sequence[str], starts: str | tuple[str, ...], *, name: str) -> int:
    """Return the number of lines before the header."""
    first = lines[: _HEAD_LINES + 1]
    for n, line in enumerate(first):
        # An empty cell before the header's first is a slip by hand, which the widths show.
        if line.lstrip("\ufeff\"',; \t").startswith(starts):
            return n
    wanted = repr(starts) if isinstance(starts, str) else " or ".join(map(repr, starts))
    msg = f"{name!r} has no header line that begins with {wanted} in its first {len(first)} lines"
    raise SourceError(f"{msg}.")


def _fill(records: Records, lines: Sequence[str], done: int, delimiter: str) -> None:
    """Take the records of lines, but for the first `done`."""
    rest = iter(lines[done:])
    reader, begun = csv.reader(rest, delimiter=delimiter, strict=True), done
    while True:
        wrong = ""
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            wrong = str(error)
        first, done = done + 1, begun + reader.line_num
        if wrong:
            if not records.header:
                msg = f"The header line of {records.name!r}, line {done}, is not readable: {wrong}"
                raise SourceError(f"{msg}. Is its delimiter {delimiter!r}?")
            # A quote that is never closed swallows what follows: every line it took is named.
            records.bad += [
                (number, line.rstrip("\r\n"), f"not readable as a record: {wrong}")
                for number, line in enumerate(lines[first - 1 : done], first)
            ]
            reader, begun = csv.reader(rest, delimiter=delimiter, strict=True), done
            continue
        raw = "".join(lines[first - 1 : done]).rstrip("\r\n")
        # A line of tabs is a record of empty cells where tabs part the cells.
        if not raw.strip(" " if delimiter == "\t" else " \t"):
            continue
        if records.header:
            records.take(first, raw, fields)
        else:
            records.begin(fields)
