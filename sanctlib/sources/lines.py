"""Read a file of events, block by block. Return the cells that the rules use, as Arrow."""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sanctlib.dates import first_and_last
from sanctlib.errors import SourceError
from sanctlib.sources.files import UNREADABLE, head_of, open_bytes
from sanctlib.sources.rules import CELLS, EventSource
from sanctlib.sources.text import check_some, checked_header, why_no_record

BLOCK = 64 << 20
"""Bytes read at a time."""
_LONGEST = 8 << 20
_PIECE = 1 << 20  # what is parsed at a time: smaller than a processor's own memory
JOIN = "\x1f"
"""What stands between the cells of a column that joins several."""
_MARK = b"\xef\xbb\xbf"

Numbers = npt.NDArray[np.int64]


@dataclass(kw_only=True)
class Block:
    """Lines of a file: the cells of the records with the number of each, and the others."""

    content: Any
    ends: Numbers
    n_before: int
    table: Any = None
    """`CELLS`, and ``row``: the number of the line in the file."""
    rejected: list[tuple[int, str]] = field(default_factory=list)
    """The number of each line that is no record, and the reason."""

    def line(self, number: int) -> bytes:
        """Return the bytes of a line, by its number in the file."""
        begin, end = self._place(number)
        return bytes(self.content[begin:end])

    def damaged(self) -> Numbers:
        """Return the numbers of the lines that are not UTF-8."""
        byte = np.frombuffer(self.content, dtype="uint8")
        high = (np.flatnonzero(piece > 127) + i for i, piece in _pieces(byte))
        far = np.unique(np.searchsorted(self.ends, np.concatenate(list(high))))
        numbers = (far + self.n_before + 1).tolist()
        return np.array([n for n in numbers if not _is_text(self.line(n))], dtype="int64")

    def without(self, numbers: Numbers, content: Any, after: int) -> Any:
        """Return `content`, the lines from byte `after` on, but for those of `numbers`."""
        parts, begin = [], after
        for number in numbers.tolist():
            first, end = self._place(number)
            if first >= after:
                parts.append(self.content[begin:first])
                begin = end + 1
        return b"".join([*parts, self.content[begin:]]) if parts else content

    def _place(self, number: int) -> tuple[int, int]:
        at = number - self.n_before - 1
        return (int(self.ends[at - 1]) + 1 if at else 0), int(self.ends[at])


class Lines:
    """
    The lines of one file of a source.

    A line that has another number of cells than its layout is rejected, and an empty one is none.
    """

    def __init__(self, source: EventSource, path: Path, cells: Sequence[str] = CELLS) -> None:
        head = head_of(path) if len(source.delimiters) > 1 else ""
        names = {c: source.columns[c] for c in CELLS if c in source.columns}
        self.columns = {c: (n,) if isinstance(n, str) else n for c, n in names.items()}
        self.source, self.path, self.layouts = source, path, dict(source.layouts)
        self.needed = [*(name for each in self.columns.values() for name in each), *source.also]
        self.columns = {c: each for c, each in self.columns.items() if c in cells}
        self.delimiter = max(source.delimiters, key=head.count)
        self.header: list[str] = []
        self.n_lines = self.n_kept = self.n_rejected = 0

    def blocks(self) -> Iterator[Block]:
        """Read the file; its days come in the first format of the source."""
        form = self._form() if len(self.source.formats) > 1 else ""
        first = ""
        for block in self._blocks():
            first = first or next((why for _, why in block.rejected), "")
            if form not in ("", self.source.formats[0]):
                at = block.table.column_names.index("date")
                dates = self._in_first_form(block.table["date"], form)
                block.table = block.table.set_column(at, "date", dates)
            yield block
        if self.source.layouts and not self.n_kept:
            what = f"no row of a {self.source.key.upper()} event file: {first}"
            msg = f"{self.path.name!r} holds {what}. Mentions and GKG files hold no events."
            raise SourceError(msg)

    def _form(self) -> str:
        """Return the format that most days of the file have: a day alone may fit two."""
        days: Counter[str] = Counter()
        for block in Lines(self.source, self.path, ("date",))._blocks():
            for day in block.table["date"].value_counts().to_pylist():
                days[day["values"]] += day["counts"]
        text, n = pd.Series(list(days), dtype="str"), pd.Series(list(days.values()), dtype="int64")
        fits = {
            form: int(n[first_and_last(text, [form], partial=False)["first"].notna()].sum())
            for form in self.source.formats
        }
        return max(fits, key=lambda form: fits[form])

    def _in_first_form(self, dates: Any, form: str) -> Any:
        """Write days in the first format of the source, and leave what is none."""
        import pyarrow as pa

        each = dates.combine_chunks().dictionary_encode()
        text = pd.Series(each.dictionary.to_pylist(), dtype="str")
        days = first_and_last(text, [form], partial=False)["first"]
        turned = pa.array(days.dt.strftime(self.source.formats[0]).fillna(text), pa.string())
        return pa.DictionaryArray.from_arrays(each.indices, turned).cast(pa.string())

    def _blocks(self) -> Iterator[Block]:
        with open_bytes(self.path) as stream:
            try:
                for content in _contents(stream, self.path.name):
                    block = self._block(content)
                    if block is not None:
                        yield block
            except UNREADABLE as error:
                msg = f"{self.path.name!r} is truncated after line {self.n_lines}: {error}"
                raise SourceError(msg) from error
        if self.header and self.n_lines == 1:
            raise SourceError(f"{self.path.name!r} has a header line and no records.")

    def _block(self, content: Any) -> Block | None:
        byte = np.frombuffer(content, dtype="uint8")
        ends = [np.flatnonzero(piece == ord("\n")) + i for i, piece in _pieces(byte)]
        block = Block(content=content, ends=np.concatenate(ends), n_before=self.n_lines)
        numbers = np.flatnonzero(np.diff(block.ends, prepend=-1) > 1) + self.n_lines + 1
        self.n_lines += len(block.ends)
        after = 0
        if not self.layouts:
            # The first line names the cells.
            header = self._text(block.line(1), 1).split(self.delimiter)
            self.header = checked_header(header, self.needed, name=self.path.name)
            self.layouts = {len(header): self.header}
            after, numbers = int(block.ends[0]) + 1, numbers[numbers > 1]
        if not len(numbers):
            return None
        odd = self._parse(block, numbers, after)
        self._take_odd(block, numbers[odd].tolist())
        self.n_kept += len(block.table)
        self.n_rejected += len(block.rejected)
        return block

    def _parse(self, block: Block, numbers: Numbers, after: int) -> npt.NDArray[np.bool_]:
        """Take the lines that have as many cells as the first, and return which have not."""
        import pyarrow as pa
        from pyarrow import compute as pc
        from pyarrow import csv

        def width(number: int) -> int:
            return block.line(number).count(self.delimiter.encode()) + 1

        each = map(width, numbers.tolist())
        names = next((self.layouts[n] for n in each if n in self.layouts), ())
        content, damaged = block.content[after:], numbers[:0]
        if self.source.encodings[0] != "utf-8":
            content = bytes(content).decode(self.source.encodings[0]).encode()
        elif not _is_text(content):
            damaged = block.damaged()
        wanted = sorted({name for each in self.columns.values() for name in each} & {*names})
        # What is parsed at a time has room for the longest line; in UTF-8 a letter takes more.
        size = max(_PIECE, 2 * int(np.diff(block.ends, prepend=-1).max()))

        def parsed(left_out: Numbers) -> tuple[Any, npt.NDArray[np.bool_]]:
            odd = np.isin(numbers, left_out) if names else np.ones(len(numbers), dtype="bool")
            plain = np.flatnonzero(~odd)

            def skip(row: Any) -> str:
                odd[plain[row.number - 1]] = True
                return "skip"

            if not len(plain):
                return {}, odd
            return csv.read_csv(
                pa.BufferReader(pa.py_buffer(block.without(left_out, content, after))),
                csv.ReadOptions(column_names=list(names), block_size=size, use_threads=False),
                csv.ParseOptions(
                    delimiter=self.delimiter, quote_char=False, invalid_row_handler=skip
                ),
                csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(wanted, pa.string()),
                    strings_can_be_null=False,
                ),
            ), odd

        try:
            # Of a damaged line whose width is right, the cells needed may be good.
            table, odd = parsed(damaged[[width(n) != len(names) for n in damaged.tolist()]])
        except pa.ArrowInvalid:
            table, odd = parsed(damaged)
        if self.header and len(table):
            # A line whose day is the name of the column may be the header again.
            again = pc.equal(table[self.columns["date"][0]], self.columns["date"][0])
            odd[np.flatnonzero(~odd)[again.to_numpy()]] = True
            table = table.filter(pc.invert(again))
        columns = {name: table[name] for name in wanted} if len(table) else {}
        block.table = self._cells(columns, numbers[~odd])
        return odd

    def _cells(self, columns: dict[str, Any], numbers: Numbers | list[int]) -> Any:
        """Return all of `CELLS`: empty ones that the source or the layout of the lines lacks."""
        import pyarrow as pa
        from pyarrow import compute as pc

        row, empty = pa.array(numbers, pa.int64()), pa.repeat("", len(numbers))
        cells = {}
        for cell in CELLS:
            parts = [columns.get(name, empty) for name in self.columns.get(cell, ())] or [empty]
            joined = len(parts) > 1
            cells[cell] = pc.binary_join_element_wise(*parts, JOIN) if joined else parts[0]
        if "id" not in self.source.columns:
            cells["id"] = pc.binary_join_element_wise("L", row.cast(pa.string()), "")
        return pa.table(cells | {"row": row})

    def _take_odd(self, block: Block, numbers: Sequence[int]) -> None:
        """Take lines one by one: those of another layout are records, the others rejected."""
        import pyarrow as pa

        records: dict[int, list[bytes]] = {}
        for number in numbers:
            line = block.line(number)
            if not line.strip(b" "):
                continue
            fields = line.decode(errors="replace").split(self.delimiter)
            reason = why_no_record(fields, self.header, self.layouts)
            if not reason:
                records[number] = line.split(self.delimiter.encode())
                continue
            block.rejected.append((number, reason))
            if not (self.n_kept or len(block.table) or records):
                n_bad = self.n_rejected + len(block.rejected)
                check_some(n_bad, name=self.path.name, line=number, reason=reason)
        if not records:
            return
        columns = {}
        for name in {name for each in self.columns.values() for name in each}:
            at = {n: names.index(name) for n, names in self.layouts.items() if name in names}
            texts = [
                self._text(cells[at[len(cells)]], number) if len(cells) in at else ""
                for number, cells in records.items()
            ]
            columns[name] = pa.array(texts, pa.string())
        more = self._cells(columns, list(records))
        block.table = pa.concat_tables([block.table, more]).sort_by("row")

    def _text(self, line: bytes, number: int) -> str:
        """Return a line as text, in the first encoding of the source that fits."""
        for encoding in self.source.encodings:
            try:
                return line.decode(encoding)
            except UnicodeDecodeError as error:
                wrong = error
        msg = f"{self.path.name!r} is not {encoding} near line {number}: {wrong.reason}"
        raise SourceError(f"{msg} (byte {wrong.object[wrong.start]:#04x}).") from wrong


def _pieces(byte: npt.NDArray[np.uint8]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yield pieces of bytes that a processor's own memory holds, and where each begins."""
    yield from ((i, byte[i : i + _PIECE]) for i in range(0, len(byte), _PIECE))


def _is_text(content: Any) -> bool:
    """Tell whether bytes are UTF-8, without a copy of them."""
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(content)], dtype="int32"))
    whole = pa.Array.from_buffers(pa.binary(), 1, [None, ends, pa.py_buffer(content)])
    try:
        whole.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _contents(stream: Any, name: str) -> Iterator[Any]:
    """Cut a stream after whole lines, each ended by a line feed alone."""
    # One buffer for all: new memory costs as much as reading.
    room, head = mmap.mmap(-1, BLOCK), stream.read(len(_MARK)).removeprefix(_MARK)
    n_left = len(head)
    room[:n_left] = head
    while True:
        n = n_left
        while n < BLOCK and (read := stream.readinto(memoryview(room)[n : n + _PIECE])):
            n += read
        end = room.rfind(b"\n", 0, n) + 1
        n_left = n - end
        if n_left >= min(_LONGEST, BLOCK):
            msg = f"{name!r} has a line of more than {_LONGEST >> 20} million characters. It is"
            raise SourceError(f"{msg} not a table of lines.")
        if end:
            yield _with_line_feeds(room, end)
        room[:n_left] = room[end:n]
        if n < BLOCK:
            break
    rest = room[:n_left].rstrip(b"\x1a")
    if rest:
        yield _with_line_feeds(rest + b"\n", len(rest) + 1)


def _with_line_feeds(room: Any, end: int) -> Any:
    if room.find(b"\r", 0, end) < 0:
        return memoryview(room)[:end]
    return bytes(room[:end]).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
