"""Read delimited text. Return rows of text and the lines that could not be read."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TextIO

import pandas as pd

from sanctlib.errors import MissingColumnsError, SourceError, UnknownChoiceError, check_columns
from sanctlib.reading import REJECTED_COLUMNS, Audit, no_rejects
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft
from sanctlib.sources.files import UNREADABLE, open_bytes

_RAW_LIMIT = 2000
NONE_OF = 10_000
"""As many lines that are no records, and no other before them, are not a table."""


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
        if len(fields) == len(self.header) and (self.given or fields != self.header):
            self.kept.append((line, raw, [fields[place] for place in self._places]))
            return
        n = len(self.header)
        where = f"there should be {n}" if self.given else f"the header has {n}"
        reason = f"{len(fields)} fields where {where}"
        if fields == self.header:
            reason = "the header line, repeated inside the data"
        self.bad.append((line, raw, reason))
        if not self.kept and len(self.bad) == NONE_OF:
            # A file of zeros, or of something else: its lines are not worth keeping.
            msg = f"None of the first {NONE_OF:,} lines of {self.name!r} is a record; line "
            raise SourceError(f"{msg}{line}: {reason}.")

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


def checked_header(header: Sequence[str], needed: Iterable[str], *, name: str) -> list[str]:
    """Return the names of a header line without blanks around them."""
    names = [text.strip() for text in header]
    repeated = sorted(text for text, n in Counter(names).items() if text and n > 1)
    if repeated:
        shown = ", ".join(repr(text) for text in repeated)
        raise SourceError(f"The header line of {name!r} repeats {shown}: name columns once.")
    try:
        check_columns(names, needed)
    except MissingColumnsError as error:
        raise MissingColumnsError(f"{name!r}: {error}") from None
    return names


def keys_only(rows: pd.DataFrame, shown: Sequence[str]) -> pd.Series:
    """Return ``column=value`` of the columns `shown`: raw text that names nobody."""
    found = [c for c in shown if c in rows]
    if not found or rows.empty:
        return pd.Series("", index=rows.index, dtype="str")
    parts = [f"{c}=" + rows[c].fillna("").str.slice(0, 200) for c in found]
    return reduce(lambda before, part: before + "; " + part, parts).astype("str")


_FIELD_LIMIT = 1 << 20
_LINE_LIMIT = 1 << 25
_HEAD_LINES = 40
_ENCODING_HINT = "Older files are often 'cp1252' or 'latin-1': sl.read_table(…, encoding='cp1252')."


class _Lines:
    """The physical lines of a file, remembering those of the record being read."""

    def __init__(self, text: TextIO, name: str) -> None:
        self._text, self._name = text, name
        self.pending: list[str] = []
        self.number = 0
        self._again = ""

    def before(self, starts: str) -> str:
        """Return what stands before the header line, which comes next."""
        head: list[str] = []
        for line in self:
            if line.lstrip("\ufeff\"' ").startswith(starts):
                self._again = line
                self.number -= 1
                return "".join(head)
            head.append(line)
            if len(head) > _HEAD_LINES:
                break
        msg = f"{self._name!r} has no header line that begins with {starts!r} in its first"
        raise SourceError(f"{msg} {len(head)} lines.")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self._again = self._again or self._text.readline(_LINE_LIMIT), ""
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == _LINE_LIMIT:
            msg = f"{self._name!r} has more than {_LINE_LIMIT >> 20} million characters in line"
            raise SourceError(f"{msg} {self.number}. It is not a table of lines.")
        # Some producers end a file with the old mark 0x1A: it is no part of the last cell.
        if line.endswith("\x1a"):
            line = line.rstrip("\x1a")
        self.pending.append(line)
        return line


def read_text(
    path: Path,
    *,
    columns: Sequence[str] | None = None,
    needed: Sequence[str] = (),
    also: Sequence[str] = (),
    header_starts: str | None = None,
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
    for tried in encodings:
        try:
            codecs.lookup(tried)
        except LookupError as error:
            msg = f"encoding is {tried!r}. It must be a known one, such as 'utf-8' or 'cp1252'."
            raise UnknownChoiceError(msg) from error
        records = Records(name=path.name, needed=needed, also=also, given=columns is not None)
        if columns is not None:
            records.begin(columns)
        try:
            head = _read(path, records, tried, delimiter, starts=header_starts)
            break
        except _WrongEncodingError as error:
            if tried == encodings[-1]:
                raise SourceError(str(error)) from error
    if not records.kept and not records.bad:
        raise SourceError(f"{path.name!r} has a header line and no records.")
    return records.draft(head=head, shown=shown)


def check_header(draft: Draft, needed: Sequence[str]) -> None:
    """Check that the columns `needed` were found in the file."""
    found = [c for c in draft.rows.columns if c not in ORIGIN_COLUMNS]
    check_columns(found, needed)


def delimiter_of(path: Path) -> str:
    """Return the delimiter that the name of a file tells: tabs for .tsv and .tab, else commas."""
    suffixes = {s.lower() for s in path.suffixes}
    return "\t" if suffixes & {".tsv", ".tab"} else ","


class _WrongEncodingError(Exception):
    """A byte that is no text in the encoding tried."""


def _read(
    path: Path, records: Records, encoding: str, delimiter: str, *, starts: str | None
) -> str:
    """Fill `records` from the file and return what stood before its header."""
    name = records.name
    form = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    with io.TextIOWrapper(open_bytes(path), encoding=form, newline="") as text:
        lines = _Lines(text, name)
        # The limit is that of the whole process: whoever set another gets it back.
        before = csv.field_size_limit(_FIELD_LIMIT)
        try:
            head = lines.before(starts) if starts else ""
            _fill(records, lines, delimiter)
        except UnicodeDecodeError as error:
            msg = (
                f"{name!r} is not {encoding} near line {lines.number + 1}: {error.reason} "
                f"(byte {error.object[error.start]:#04x}). {_ENCODING_HINT}"
            )
            raise _WrongEncodingError(msg) from error
        except UNREADABLE as error:
            msg = f"{name!r} is truncated after line {lines.number}: {error}"
            raise SourceError(msg) from error
        finally:
            csv.field_size_limit(before)
    return head


def _fill(records: Records, lines: _Lines, delimiter: str) -> None:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.pending.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not records.header:
                msg = (
                    f"The header line of {records.name!r}, line {lines.number}, is not readable: "
                    f"{error}. Is its delimiter {delimiter!r}?"
                )
                raise SourceError(msg) from error
            # A quote that is never closed swallows what follows: every line it took is named.
            first = lines.number - len(lines.pending) + 1
            records.bad += [
                (first + i, raw.rstrip("\r\n"), f"not readable as a record: {error}")
                for i, raw in enumerate(lines.pending)
            ]
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        raw = "".join(lines.pending).rstrip("\r\n")
        # A line of tabs is a record of empty cells where tabs part the cells.
        if not raw.strip(" " if delimiter == "\t" else " \t"):
            continue
        if records.header:
            records.take(lines.number - len(lines.pending) + 1, raw, fields)
        else:
            records.begin(fields)
