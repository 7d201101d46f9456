"""Read long files of plain lines, block by block: cells without quotes, one delimiter."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from sanctlib.cleaning.distinct import Numbers, constant, one_after_the_other, whole
from sanctlib.cleaning.draft import Draft
from sanctlib.errors import SourceError
from sanctlib.reading import Audit
from sanctlib.sources.files import UNREADABLE, open_bytes
from sanctlib.sources.records import Layouts, Records

BLOCK = 8 << 20
"""Bytes read at a time; no line may be longer."""
# Blocks of this size are put where the last ones were; of a draft's they would be new memory.
_BLOCKS_OF_DRAFT = 12
# What pyarrow parses at a time: smaller than a processor's own memory.
_PIECE = 1 << 20

_MARK = b"\xef\xbb\xbf"
_FEED = ord("\n")
_ASCII = 127


def read_lines(
    path: Path,
    *,
    needed: Sequence[str],
    number: str,
    layouts: Layouts | None = None,
    delimiter: str = "\t",
    encodings: Sequence[str] = ("utf-8",),
    shown: int = 2000,
) -> Iterator[Draft]:
    """
    Read a file into drafts of some blocks each, whose columns are categories of text.

    Nothing is interpreted; a line that has another number of cells is rejected.

    Parameters
    ----------
    number : str
        The one of `needed` that is different in every line: integers where all are written
        as such, else text.
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
        number=number,
        layouts=layouts or {},
        delimiter=delimiter,
        encodings=encodings,
        shown=shown,
    )
    with open_bytes(path) as stream:
        try:
            blocks: list[_Block] = []
            for block in _blocks(stream, path.name):
                rest = block if lines.layouts else lines.after_header(block)
                blocks += [lines.cut(rest)] if rest else []
                if len(blocks) == _BLOCKS_OF_DRAFT:
                    yield lines.draft(blocks)
                    blocks = []
            if blocks:
                yield lines.draft(blocks)
        except UNREADABLE as error:
            msg = f"{path.name!r} is truncated after line {lines.n_lines}: {error}"
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
            msg = f"{name!r} has a line of more than {BLOCK >> 20} million characters. It is not a"
            raise SourceError(f"{msg} table of lines.")
        block = block + end if end else block
        if not block.endswith(b"\n"):
            block = block.rstrip(b"\x1a") + b"\n"
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
        block = stream.read(BLOCK)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Whole lines of a file: where each begins and ends, and which are beyond ASCII."""

    content: bytes
    n_before: int
    begins: Numbers
    ends: Numbers
    far: Numbers

    def lines(self, at: Numbers) -> Iterator[bytes]:
        """Return some lines by their places in the block."""
        return (self.content[self.begins[i] : self.ends[i]] for i in at)


@dataclass(kw_only=True)
class _Lines:
    """The lines of one file on their way out."""

    name: str
    needed: Sequence[str]
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
            n_before=self.n_kept,
        )
        if self.header:
            records.begin(list(self.header))
        else:
            records.begin_without_header()
        return records

    def cut(self, content: bytes) -> _Block:
        """Find the lines of a block."""
        byte = np.frombuffer(content, dtype="uint8")
        pieces = [(i, byte[i : i + _PIECE]) for i in range(0, len(byte), _PIECE)]
        found = [np.flatnonzero((piece == _FEED) | (piece > _ASCII)) + i for i, piece in pieces]
        at = np.concatenate(found)
        is_end = byte[at] == _FEED
        ends = at[is_end]
        far = np.unique(np.searchsorted(ends, at[~is_end]))
        before, self.n_lines = self.n_lines, self.n_lines + len(ends)
        begins = np.append(0, ends[:-1] + 1)
        return _Block(content=content, n_before=before, begins=begins, ends=ends, far=far)

    def draft(self, blocks: Sequence[_Block]) -> Draft:
        """Read the lines of blocks; those that are no records are rejected."""

        def line(number: int) -> bytes:
            block = blocks[bisect_left(blocks, number, key=lambda b: b.n_before) - 1]
            return next(block.lines(np.array([number - block.n_before - 1])))

        def raw(numbers: Numbers) -> list[str]:
            shown = (line(number)[: self.shown] for number in numbers.tolist())
            return [text.decode(self.encodings[-1], errors="replace") for text in shown]

        filled = [np.flatnonzero(b.ends > b.begins) for b in blocks]
        parsed = [self.parsed(b, at) for b, at in zip(blocks, filled, strict=True)]
        odd = np.concatenate([of_block for _, of_block in parsed])
        each = [b.n_before + 1 + at for b, at in zip(blocks, filled, strict=True)]
        numbers = np.concatenate(each)
        try:
            rows = self.frame([table for table, _ in parsed])
        except SourceError:
            # Line by line it is told which one is wrong.
            rows, odd = self.frame([]), np.ones(len(numbers), dtype="bool")
        rows["_line"] = numbers[~odd]
        if self.header:
            again = np.logical_and.reduce([rows[name].eq(name) for name in self.needed])
            odd[np.flatnonzero(~odd)[again]] = True
            rows = rows[~again]
        self.n_kept += len(rows)
        records = self.records()
        for number in numbers[odd].tolist():
            text = self.text(line(number), number)
            if text.strip(" "):
                records.take(number, text, text.split(self.delimiter))
        others = records.draft(shown_to=self.shown)
        self.n_kept += len(others.rows)
        if len(others.rows):
            rows = one_after_the_other([rows, others.rows[list(rows)]]).sort_values("_line")
        audit = Audit.begin(others.audit.n_read + len(rows) - len(others.rows))
        n_bad = len(others.rejected)
        audit = audit.then("split lines", n_rejected=n_bad, n_out=len(rows))
        rows = rows.reset_index(drop=True).assign(_file=constant(self.name, len(rows)))
        return Draft(rows=rows, audit=audit, rejected=others.rejected, raw=raw)

    def parsed(self, block: _Block, filled: Numbers) -> tuple[Any, npt.NDArray[np.bool_]]:
        """Return the cells of lines that have as many as the first, and which have not."""
        import pyarrow as pa
        from pyarrow import csv

        mark = self.delimiter.encode()
        widths = (line.count(mark) + 1 for line in block.lines(filled))
        names = next((self.layouts[n] for n in widths if n in self.layouts), None)
        odd = np.zeros(len(filled), dtype="bool")
        if names is None:
            return pa.table({}), ~odd
        # Names of a header may repeat or be empty; places do not.
        places = {name: f"c{names.index(name)}" for name in self.needed if name in names}
        category = pa.dictionary(pa.int32(), pa.binary())
        types = {c: pa.binary() if n == self.number else category for n, c in places.items()}

        # Where their text is no UTF-8, pyarrow would not say which lines have other widths.
        far = [line.count(mark) + 1 != len(names) for line in block.lines(block.far)]
        odd[np.searchsorted(filled, block.far[far])] = True
        left = np.flatnonzero(~odd)
        content = block.content
        if len(left) < len(filled):
            content = b"".join(line + b"\n" for line in block.lines(filled[left]))

        def skip(row: Any) -> str:
            odd[left[row.number - 1]] = True
            return "skip"

        try:
            table = csv.read_csv(
                pa.BufferReader(content),
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
            return table.rename_columns(list(places)), odd
        except pa.ArrowInvalid:
            return pa.table({}), np.ones(len(filled), dtype="bool")

    def frame(self, tables: Sequence[Any]) -> pd.DataFrame:
        """Return the columns that are needed, those that a layout lacks missing."""
        import pyarrow as pa

        cells = pa.concat_tables([pa.table({}), *tables], promote_options="default")
        cells = cells.unify_dictionaries()
        nothing = pa.chunked_array([pa.nulls(len(cells), pa.dictionary(pa.int32(), pa.binary()))])
        held = cells.column_names
        columns = {c: self.column(cells[c] if c in held else nothing) for c in self.needed}
        return pd.DataFrame(columns, copy=False)

    def column(self, cells: Any) -> pd.Series:
        """Return cells as categories of text or, of `number`, as integers where all are."""
        import pyarrow as pa

        values = cells.combine_chunks()
        if not pa.types.is_dictionary(values.type):
            return whole(self.texts(values))
        places, texts = pd.factorize(self.texts(values.dictionary))
        numbers = np.append(places, -1)[values.indices.fill_null(-1).to_numpy()]
        return pd.Series(pd.Categorical.from_codes(numbers, texts))

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
