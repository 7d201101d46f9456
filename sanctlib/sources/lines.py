"""Long files of plain lines, read block by block: cells without quotes, parted by one character."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from sanctlib.cleaning.distinct import Numbers, one_after_the_other
from sanctlib.cleaning.draft import Draft
from sanctlib.errors import SourceError
from sanctlib.reading import Audit
from sanctlib.sources.files import UNREADABLE, open_bytes
from sanctlib.sources.records import Layouts, Records

BLOCK = 96 << 20
"""Bytes read at a time; no line may be longer."""
# What pyarrow parses at a time: smaller than a processor's own memory.
_PIECE = 1 << 20

_MARK = b"\xef\xbb\xbf"
_FEED = ord("\n")
_ASCII = 127


def read_lines(
    path: Path,
    *,
    needed: Sequence[str],
    needed_by: str,
    number: str,
    layouts: Layouts | None = None,
    delimiter: str = "\t",
    encodings: Sequence[str] = ("utf-8",),
    shown: int = 2000,
) -> Iterator[Draft]:
    """
    Read a file into drafts of a block each, whose columns are categories of text.

    Nothing is interpreted; a line that has another number of cells is rejected.

    Parameters
    ----------
    number : str
        The one of `needed` that is different in every line: it is text, no category.
    layouts : mapping, optional
        Names of the cells by their number; without it the first line names them.
    encodings : sequence of str
        Tried in turn on the cells that are needed.
    shown : int
        Characters kept of a line that is rejected.

    Raises
    ------
    SourceError
        When the file cannot be read, or holds no line.
    MissingColumnsError
        When the first line lacks a column of `needed`.
    """
    lines = _Lines(
        name=path.name,
        needed=needed,
        needed_by=needed_by,
        number=number,
        layouts=layouts or {},
        delimiter=delimiter,
        encodings=encodings,
        shown=shown,
    )
    with open_bytes(path) as stream:
        try:
            for block in _blocks(stream, path.name):
                rest = block if lines.layouts else lines.after_header(block)
                if rest:
                    yield lines.draft(rest)
        except UNREADABLE as error:
            msg = f"{path.name!r} is cut off after line {lines.n_lines}: {error}"
            raise SourceError(msg) from error
    if lines.n_lines == len(lines.header[:1]):
        raise SourceError(f"{path.name!r} has a header line and no records.")


def _blocks(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Cut a stream after whole lines, and end each by a line feed alone."""
    # Nothing is copied without need: a block may be a whole file.
    block = stream.read(BLOCK).removeprefix(_MARK)
    while block:
        end = b"" if block.endswith(b"\n") else stream.readline(BLOCK)
        if len(end) == BLOCK:
            msg = f"{name!r} has a line of more than {BLOCK >> 20} million characters: that is no "
            raise SourceError(msg + "table of lines.")
        block = block + end if end else block
        if not block.endswith(b"\n"):
            block = block.rstrip(b"\x1a") + b"\n"
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
        block = stream.read(BLOCK)


def _where(block: bytes, holds: Callable[[Any], Any]) -> Numbers:
    """Return the places of bytes for which a condition holds, piece by piece as parsed."""
    byte = np.frombuffer(block, dtype="uint8")
    pieces = range(0, len(byte), _PIECE)
    return np.concatenate([np.flatnonzero(holds(byte[i : i + _PIECE])) + i for i in pieces])


@dataclass(kw_only=True)
class _Lines:
    """The lines of one file on their way out."""

    name: str
    needed: Sequence[str]
    needed_by: str
    number: str
    layouts: Layouts
    delimiter: str
    encodings: Sequence[str]
    shown: int
    header: Sequence[str] = ()
    n_lines: int = 0
    n_kept: int = 0

    def after_header(self, block: bytes) -> bytes:
        """Take the names from the first line and return the others."""
        line, _, rest = block.partition(b"\n")
        self.n_lines = 1
        self.header = self.text(line, 1).split(self.delimiter)
        self.layouts = {len(self.header): self.records().header}
        return rest

    def records(self) -> Records:
        """Return what takes lines one by one."""
        records = Records(
            name=self.name,
            layouts={} if self.header else self.layouts,
            needed=self.needed,
            needed_by=self.needed_by,
            n_before=self.n_kept,
        )
        if self.header:
            records.begin(list(self.header))
        else:
            records.begin_without_header()
        return records

    def draft(self, block: bytes) -> Draft:
        """Read the lines of a block; those that are no records are rejected."""
        ends = _where(block, lambda byte: byte == _FEED)
        begins = np.append(0, ends[:-1] + 1)
        before, self.n_lines = self.n_lines, self.n_lines + len(ends)

        def raw(lines: Numbers) -> list[str]:
            at = lines - before - 1
            last = np.minimum(ends[at], begins[at] + self.shown)
            spans = zip(begins[at].tolist(), last.tolist(), strict=True)
            return [block[a:b].decode(self.encodings[-1], errors="replace") for a, b in spans]

        filled = np.flatnonzero(ends > begins)
        rows, odd = self.parsed(block, filled, begins, ends)
        rows["_line"] = before + 1 + filled[~odd]
        if self.header:
            again = np.logical_and.reduce([rows[name].eq(name) for name in self.needed])
            odd[np.flatnonzero(~odd)[again]] = True
            rows = rows[~again]
        self.n_kept += len(rows)
        records = self.records()
        for at in filled[odd].tolist():
            text = self.text(block[begins[at] : ends[at]], before + at + 1)
            if text.strip(" "):
                records.take(before + at + 1, text, text.split(self.delimiter))
        others = records.draft(shown_to=self.shown)
        self.n_kept += len(others.rows)
        if len(others.rows):
            rows = one_after_the_other([rows, others.rows[list(rows)]]).sort_values("_line")
        audit = Audit.begin(others.audit.n_read + len(rows) - len(others.rows))
        n_bad = len(others.rejected)
        audit = audit.then("split lines", n_rejected=n_bad, n_out=len(rows))
        rows = rows.reset_index(drop=True).assign(_file=self.name)
        return Draft(rows=rows, audit=audit, rejected=others.rejected, raw=raw)

    def parsed(
        self, block: bytes, filled: Numbers, begins: Numbers, ends: Numbers
    ) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
        """Return the rows of lines that have as many cells as the first, and which have not."""
        import pyarrow as pa
        from pyarrow import csv

        spans = zip(begins[filled].tolist(), ends[filled].tolist(), strict=True)
        widths = (block[a:b].count(self.delimiter.encode()) + 1 for a, b in spans)
        names = next((self.layouts[n] for n in widths if n in self.layouts), None)
        odd = np.zeros(len(filled), dtype="bool")
        if names is None:
            return self.frame({}, 0), ~odd
        # Names of a header may repeat or be empty; places do not.
        places = {name: f"c{names.index(name)}" for name in self.needed if name in names}
        category = pa.dictionary(pa.int32(), pa.binary())
        types = {c: pa.binary() if n == self.number else category for n, c in places.items()}

        for at in self.no_text(block, begins[filled], ends[filled], len(names)):
            odd[at] = True
        left = np.flatnonzero(~odd)
        if len(left) < len(filled):
            spans = zip(begins[filled][~odd].tolist(), ends[filled][~odd].tolist(), strict=True)
            block = b"".join(block[a : b + 1] for a, b in spans)

        def skip(row: Any) -> str:
            odd[left[row.number - 1]] = True
            return "skip"

        try:
            table = csv.read_csv(
                io.BytesIO(block),
                csv.ReadOptions(
                    column_names=[f"c{i}" for i in range(len(names))],
                    block_size=_PIECE,
                    use_threads=False,
                ),
                csv.ParseOptions(
                    delimiter=self.delimiter, quote_char=False, invalid_row_handler=skip
                ),
                csv.ConvertOptions(
                    include_columns=list(places.values()),
                    column_types=types,
                    strings_can_be_null=False,
                ),
            )
            cells = dict(zip(places, table.unify_dictionaries().columns, strict=True))
            return self.frame(cells, len(table)), odd
        except (pa.ArrowInvalid, SourceError):
            # Line by line it is told which one is wrong.
            return self.frame({}, 0), np.ones(len(filled), dtype="bool")

    def no_text(self, block: bytes, begins: Numbers, ends: Numbers, width: int) -> Iterator[int]:
        """
        Find the lines beyond ASCII that have another number of cells.

        Where their text is no UTF-8, pyarrow would not say which they are.
        """
        far = _where(block, lambda byte: byte > _ASCII)
        for at in np.unique(np.searchsorted(ends, far)).tolist():
            if block[begins[at] : ends[at]].count(self.delimiter.encode()) + 1 != width:
                yield at

    def frame(self, cells: Mapping[str, Any], n: int) -> pd.DataFrame:
        """Return the columns that are needed, those that the layout lacks missing."""
        nothing = pd.Series(pd.Categorical.from_codes([-1] * n, pd.Index([], dtype="str")))
        columns = {c: self.column(cells[c]) if c in cells else nothing for c in self.needed}
        return pd.DataFrame(columns)

    def column(self, cells: Any) -> pd.Series:
        """Return cells as text, in categories where their values repeat."""
        import pyarrow as pa

        values = cells.combine_chunks()
        if not pa.types.is_dictionary(values.type):
            return pd.Series(self.texts(values))
        numbers, texts = values.indices.to_numpy(), self.texts(values.dictionary)
        return pd.Series(pd.Categorical.from_codes(numbers, pd.Index(texts)))

    def texts(self, values: Any) -> pd.Series:
        """Return binary cells as text, in the first encoding that fits all of them."""
        import pyarrow as pa

        try:
            text: pd.Series = values.cast(pa.string()).to_pandas()
            return text.astype("str")
        except pa.ArrowInvalid:
            return pd.Series([self.text(v, 0) for v in values.to_pylist()], dtype="str")

    def text(self, line: bytes, number: int) -> str:
        """Return a line or a cell as text."""
        for encoding in self.encodings:
            try:
                return line.decode(encoding)
            except UnicodeDecodeError as error:
                wrong = error
        msg = (
            f"{self.name!r} is not {self.encodings[-1]} near line {number}: {wrong.reason} "
            f"(byte {wrong.object[wrong.start]:#04x})."
        )
        raise SourceError(msg) from wrong
