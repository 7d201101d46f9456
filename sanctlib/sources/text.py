"""Delimited text as text: every record with its line, every bad line with its reason."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pandas as pd

from sanctlib.cleaning.draft import ORIGIN_COLUMNS, Draft
from sanctlib.errors import SourceError, UnknownChoiceError, check_columns
from sanctlib.reading import REJECTED_COLUMNS, Audit, no_rejects

_RAW_LIMIT = 2000
_FIELD_LIMIT = 1 << 20
_HINTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (b"<!doctype html", "a saved web page, not the file itself: download it again"),
    (b"<html", "a saved web page, not the file itself: download it again"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
)


class _Lines:
    """The physical lines of a file, remembering those of the record being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.pending: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        # Some producers end a file with the old mark 0x1A: it is no part of the last cell.
        if line.endswith("\x1a"):
            line = line.rstrip("\x1a")
        self.pending.append(line)
        return line


def open_bytes(path: Path) -> BinaryIO:
    """
    Open a file for reading, unpacking .gz and .xz.

    Raises
    ------
    SourceError
        When there is no such file, or a folder, an empty file, a saved web page or a
        Git LFS pointer in its place.
    """
    path = Path(path)
    if path.is_dir():
        raise SourceError(f"{path.name!r} is a folder; a file is needed.")
    if not path.exists():
        known = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
        near = f" The folder holds: {', '.join(known[:8])}." if known else ""
        raise SourceError(f"There is no file {path.name!r}.{near}")
    openers: dict[str, Callable[..., object]] = {".gz": gzip.open, ".xz": lzma.open}
    stream = cast("BinaryIO", openers.get(path.suffix.lower(), open)(path, "rb"))
    try:
        head = stream.read(512)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        stream.close()
        raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error
    if not head.strip(b"\xef\xbb\xbf \r\n\t\x1a"):
        stream.close()
        raise SourceError(f"{path.name!r} is empty: an empty file is an error, never 'no records'.")
    for mark, hint in _HINTS:
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(mark.lower()):
            stream.close()
            raise SourceError(f"{path.name!r} is {hint}.")
    stream.seek(0)
    return stream


def read_text(
    path: Path,
    *,
    columns: Sequence[str] | None = None,
    delimiter: str = ",",
    quoted: bool = True,
    encoding: str = "utf-8",
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

    Raises
    ------
    SourceError
        When the file cannot be read at all; text that is not in `encoding` is shown
        with its line.
    UnknownChoiceError
        For an encoding or delimiter that there is not.
    """
    path = Path(path)
    _check_known(delimiter, encoding)
    stream = open_bytes(path)
    name = path.name
    with io.TextIOWrapper(stream, encoding=_with_bom(encoding), newline="") as text:
        lines = _Lines(iter(text))
        try:
            header, records, bad = _records(lines, columns, delimiter, quoted=quoted)
        except UnicodeDecodeError as error:
            msg = (
                f"{name!r} is not {encoding} near line {lines.number + 1}: {error.reason} "
                f"(byte {error.object[error.start]:#04x}). Older lists are often "
                "encoding='cp1252' or 'latin-1'."
            )
            raise SourceError(msg) from error
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            msg = f"{name!r} is cut off after line {lines.number}: {error}"
            raise SourceError(msg) from error
    if not records and not bad:
        raise SourceError(f"{name!r} has a header line and no records.")
    rows = pd.DataFrame(
        [fields for _, _, fields in records], columns=list(header), dtype="str"
    ).assign(
        _file=pd.Series([name] * len(records), dtype="str"),
        _line=pd.Series([line for line, _, _ in records], dtype="int64"),
        _raw=pd.Series([raw for _, raw, _ in records], dtype="str"),
    )
    lost = pd.DataFrame([(name, *b) for b in bad], columns=list(REJECTED_COLUMNS))
    audit = Audit.begin(len(rows) + len(bad))
    if bad:
        audit = audit.then("split lines", n_rejected=len(bad), n_out=len(rows))
    return Draft(rows=rows, audit=audit, rejected=lost if bad else no_rejects())


def check_header(draft: Draft, needed: Sequence[str], *, needed_by: str) -> None:
    """
    Check that the columns `needed` were found in the file.

    Raises
    ------
    MissingColumnsError
        With the columns found and the closest of them.
    """
    found = [c for c in draft.rows.columns if c not in ORIGIN_COLUMNS]
    check_columns(found, needed, needed_by=needed_by)


def _check_known(delimiter: str, encoding: str) -> None:
    if len(delimiter) != 1:
        raise UnknownChoiceError(f"A delimiter is one character, and {delimiter!r} is not.")
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        msg = f"There is no encoding {encoding!r}. Files are mostly 'utf-8', 'cp1252' or 'latin-1'."
        raise UnknownChoiceError(msg) from error


def _with_bom(encoding: str) -> str:
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _records(
    lines: _Lines, columns: Sequence[str] | None, delimiter: str, *, quoted: bool
) -> tuple[list[str], list[tuple[int, str, list[str]]], list[tuple[int, str, str]]]:
    csv.field_size_limit(_FIELD_LIMIT)

    def fresh() -> Iterator[list[str]]:
        if quoted:
            return csv.reader(lines, delimiter=delimiter, strict=True)
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)

    reader = fresh()
    header = list(columns) if columns else []
    records: list[tuple[int, str, list[str]]] = []
    bad: list[tuple[int, str, str]] = []
    while True:
        lines.pending.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return header, records, bad
        except csv.Error as error:
            if not header:
                msg = f"The header line, line {lines.number}, is not readable: {error}."
                raise SourceError(msg) from error
            bad += _each_line(lines, str(error))
            reader = fresh()
            continue
        first = lines.number - len(lines.pending) + 1
        raw = "".join(lines.pending).rstrip("\r\n")
        # A line of tabs is a record of empty cells where tabs part the cells.
        if not raw.strip(" " if delimiter == "\t" else " \t"):
            continue
        if not header:
            header = [h.strip() for h in fields]
            _check_names(header)
        elif fields == header:
            bad += [(first, raw[:_RAW_LIMIT], "the header line, repeated inside the data")]
        elif len(fields) != len(header):
            reason = f"{len(fields)} fields where the header has {len(header)}"
            bad += [(first, raw[:_RAW_LIMIT], reason)]
        else:
            records.append((first, raw, fields))


def _each_line(lines: _Lines, reason: str) -> list[tuple[int, str, str]]:
    # A quote that is never closed swallows what follows: every line it took is named.
    first = lines.number - len(lines.pending) + 1
    return [
        (first + i, raw.rstrip("\r\n")[:_RAW_LIMIT], f"not readable as a record: {reason}")
        for i, raw in enumerate(lines.pending)
    ]


def _check_names(header: list[str]) -> None:
    repeated = sorted({h for h in header if header.count(h) > 1})
    if repeated:
        msg = f"The header line repeats {', '.join(repr(r) for r in repeated)}: name columns once."
        raise SourceError(msg)
