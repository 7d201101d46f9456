"""Read delimited text. Return rows of text and the lines that could not be read."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TextIO, TypeAlias

import pandas as pd

from sanctlib.errors import MissingColumnsError, SourceError, UnknownChoiceError, check_columns
from sanctlib.reading import REJECTED_COLUMNS, Audit, no_rejects
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft
from sanctlib.sources.files import UNREADABLE, open_bytes

_RAW_LIMIT = 2000
_NONE_OF = 10_000

Layouts: TypeAlias = Mapping[int, Sequence[str]]
"""The names of a file without a header line, by the number of fields of a record."""


@dataclass(kw_only=True)
class Records:
    """The records of a file, and the lines that are no records."""

    name: str
    layouts: Layouts = field(default_factory=dict)
    needed: Sequence[str] = ()
    also: Sequence[str] = ()
    header: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    kept: list[tuple[int, str, list[str | None]]] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    _places: dict[int, list[int]] = field(default_factory=dict)

    def begin(self, header: list[str]) -> None:
        """Take the header line: check it, and find the columns that are wanted."""
        self.header = checked_header(header, self.needed, name=self.name)
        wanted = {*self.needed, *self.also}
        self.names = [h for h in self.header if not self.needed or h in wanted]
        self._places = {len(header): [self.header.index(n) for n in self.names]}

    def begin_without_header(self) -> None:
        """Take the names from the layouts: those asked for, or all of the widest."""
        widest = self.layouts[max(self.layouts)]
        self.names = [n for n in widest if not self.needed or n in {*self.needed, *self.also}]
        self._places = {
            width: [names.index(n) if n in names else -1 for n in self.names]
            for width, names in ((w, list(ns)) for w, ns in self.layouts.items())
        }

    def take(self, line: int, raw: str, fields: list[str]) -> None:
        """Keep a record, or note a line that is no record."""
        places = self._places.get(len(fields))
        if fields == self.header:
            self.bad.append((line, raw, "the header line, repeated inside the data"))
        elif places is None:
            reason = f"{len(fields)} fields where the header has {len(self.header)}"
            if self.layouts:
                widths = " or ".join(str(w) for w in sorted(self.layouts))
                reason = f"{len(fields)} fields where there should be {widths}"
            self.bad.append((line, raw, reason))
            if not self.kept and len(self.bad) == _NONE_OF:
                # A file of zeros, or of something else: its lines are not worth keeping.
                msg = f"None of the first {_NONE_OF:,} lines of {self.name!r} is a record; line "
                raise SourceError(f"{msg}{line}: {reason}.")
        else:
            self.kept.append((line, raw, [fields[p] if p >= 0 else None for p in places]))

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
        self._text = text
        self._name = name
        self.pending: list[str] = []
        self.number = 0
        self._again = ""

    def again(self, line: str) -> None:
        """Give a line once more: the header that was looked for."""
        self._again = line
        self.pending.clear()
        self.number -= 1

    def __iter__(self) -> _Lines:
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
    Read delimited text into a draft of text columns.

    Nothing is interpreted: `NA`, `0612` and an empty cell stay what they are. A
    record whose number of fields differs from the header's, or whose quote is never
    closed, is rejected line by line.

    Parameters
    ----------
    columns : sequence of str, optional
        The names, for a file without a header line.
    needed, also : sequence of str
        Columns that must be there, and those kept where they are; all without `needed`.
    header_starts : str, optional
        First cell of the header, where lines stand before it: they become `Draft.head`.
    encoding : str or sequence of str
        Several are tried in turn.
    shown : sequence of str, optional
        The columns that stand as the raw text of a rejected row, where a whole line would
        hold names of persons.

    Raises
    ------
    SourceError
        When the file cannot be read at all; text that is not in `encoding` is shown
        with its line.
    MissingColumnsError
        When a column of `needed` is not there.
    UnknownChoiceError
        For an encoding or delimiter that there is not.
    """
    encodings = [encoding] if isinstance(encoding, str) else list(encoding)
    _check_known(delimiter, encodings)
    layouts: Layouts = {} if columns is None else {len(columns): columns}
    for tried in encodings:
        records = Records(name=path.name, layouts=layouts, needed=needed, also=also)
        try:
            head = _read(path, records, tried, delimiter, starts=header_starts)
        except _WrongEncodingError as error:
            if tried == encodings[-1]:
                raise SourceError(str(error)) from error
            continue
        break
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


def _check_known(delimiter: str, encodings: Sequence[str]) -> None:
    if len(delimiter) != 1:
        raise UnknownChoiceError(f"delimiter is {delimiter!r}. It must be one character.")
    for name in encodings:
        try:
            codecs.lookup(name)
        except LookupError as error:
            msg = f"encoding is {name!r}. It must be a known one, such as 'utf-8' or 'cp1252'."
            raise UnknownChoiceError(msg) from error


def _with_bom(encoding: str) -> str:
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _read(
    path: Path,
    records: Records,
    encoding: str,
    delimiter: str,
    *,
    starts: str | None,
) -> str:
    """Fill `records` from the file and return what stood before its header."""
    name = records.name
    with io.TextIOWrapper(open_bytes(path), encoding=_with_bom(encoding), newline="") as text:
        lines = _Lines(text, name)
        # The limit is that of the whole process: whoever set another gets it back.
        before = csv.field_size_limit(_FIELD_LIMIT)
        try:
            head = _before_header(lines, starts, name)
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


def _before_header(lines: _Lines, starts: str | None, name: str) -> str:
    if starts is None:
        return ""
    head: list[str] = []
    for line in lines:
        if line.lstrip("\ufeff\"' ").startswith(starts):
            lines.again(line)
            return "".join(head)
        head.append(line)
        if len(head) > _HEAD_LINES:
            break
    msg = f"{name!r} has no header line that begins with {starts!r} in its first {len(head)} lines."
    raise SourceError(msg)


def _fill(records: Records, lines: _Lines, delimiter: str) -> None:
    if records.layouts:
        records.begin_without_header()
    begun = bool(records.layouts)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.pending.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not begun:
                msg = (
                    f"The header line of {records.name!r}, line {lines.number}, is not readable: "
                    f"{error}. Is its delimiter {delimiter!r}?"
                )
                raise SourceError(msg) from error
            records.bad += _each_line(lines, str(error))
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        raw = "".join(lines.pending).rstrip("\r\n")
        # A line of tabs is a record of empty cells where tabs part the cells.
        if not raw.strip(" " if delimiter == "\t" else " \t"):
            continue
        if not begun:
            records.begin(fields)
            begun = True
        else:
            records.take(lines.number - len(lines.pending) + 1, raw, fields)


def _each_line(lines: _Lines, reason: str) -> list[tuple[int, str, str]]:
    # A quote that is never closed swallows what follows: every line it took is named.
    first = lines.number - len(lines.pending) + 1
    return [
        (first + i, raw.rstrip("\r\n"), f"not readable as a record: {reason}")
        for i, raw in enumerate(lines.pending)
    ]
