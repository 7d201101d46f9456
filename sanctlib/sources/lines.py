"""Read files of plain lines, block by block. Return the cells that are needed, as Arrow."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sanctlib.errors import SourceError
from sanctlib.sources.files import UNREADABLE, open_bytes
from sanctlib.sources.text import checked_header

BLOCK = 64 << 20
"""Bytes read at a time."""
_LONGEST = 8 << 20
_PIECE = 1 << 20  # what is parsed at a time: smaller than a processor's own memory
JOIN = "\x1f"
"""What stands between the cells of a column that joins several."""
_MARK = b"\xef\xbb\xbf"
_NONE_OF = 10_000

Numbers = npt.NDArray[np.int64]
Names = Mapping[str, Sequence[str]]
"""Our name of each cell, and the names of the columns in the file that it is joined of."""


@dataclass(kw_only=True)
class Block:
    """Lines of a file: the cells of the records with the number of each, and the others."""

    content: Any
    ends: Numbers
    n_before: int
    table: Any = None
    """The cells, and ``row``: the number of the line in the file."""
    rejected: list[tuple[int, str]] = field(default_factory=list)
    """The number of each line that is no record, and the reason."""

    def line(self, number: int) -> bytes:
        """Return the bytes of a line, by its number in the file."""
        begin, end = self._place(number)
        return bytes(self.content[begin:end])

    def damaged(self) -> Numbers:
        """Return the numbers of the lines that are not UTF-8."""
        byte = np.frombuffer(self.content, dtype="uint8")
        found = (np.flatnonzero(piece > 127) + i for i, piece in pieces_of(byte))
        far = np.unique(np.searchsorted(self.ends, np.concatenate(list(found))))
        numbers = (far + self.n_before + 1).tolist()
        return np.array([n for n in numbers if not is_text(self.line(n))], dtype="int64")

    def without(self, numbers: Numbers, content: Any, after: int) -> Any:
        """Return `content`, the lines after the first `after` bytes, but for some lines."""
        if not len(numbers):
            return content
        parts, begin = [], after
        for number in numbers.tolist():
            first, end = self._place(number)
            if first >= after:
                parts.append(self.content[begin:first])
                begin = end + 1
        return b"".join([*parts, self.content[begin:]])

    def _place(self, number: int) -> tuple[int, int]:
        at = number - self.n_before - 1
        return (int(self.ends[at - 1]) + 1 if at else 0), int(self.ends[at])


@dataclass
class Lines:
    """
    The lines of one file.

    Nothing is interpreted; a line that has another number of cells than its layout is
    rejected, and an empty one is none.

    Attributes
    ----------
    columns : mapping
        The cells that are needed.
    layouts : mapping
        Names of the cells by their number; where there is none, the first line names them.
    encodings : sequence of str
        Tried in turn on a line that is not in the first.
    needed : sequence of str
        Columns that the first line must name; without any, those of `columns`.
    """

    path: Path
    columns: Names
    layouts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    delimiter: str = "\t"
    encodings: Sequence[str] = ("utf-8",)
    needed: Sequence[str] = ()
    header: list[str] = field(default_factory=list)
    n_lines: int = 0
    n_kept: int = 0
    n_rejected: int = 0

    def blocks(self) -> Iterator[Block]:
        """Read the file."""
        with open_bytes(self.path) as stream:
            try:
                for content in _blocks(stream, self.path.name):
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
        ends = [np.flatnonzero(piece == ord("\n")) + i for i, piece in pieces_of(byte)]
        block = Block(content=content, ends=np.concatenate(ends), n_before=self.n_lines)
        numbers = np.flatnonzero(np.diff(block.ends, prepend=-1) > 1) + self.n_lines + 1
        self.n_lines += len(block.ends)
        after = 0
        if not self.layouts:
            self._begin(self._text(block.line(1), 1).split(self.delimiter))
            after, numbers = int(block.ends[0]) + 1, numbers[numbers > 1]
        if not len(numbers):
            return None
        table, odd = self._parsed(block, numbers, after=after)
        block.table = table.append_column("row", [numbers[~odd]])
        self._take_odd(block, numbers[odd].tolist())
        self.n_kept += len(block.table)
        self.n_rejected += len(block.rejected)
        return block

    def _begin(self, header: list[str]) -> None:
        """Take the names from the first line."""
        needed = self.needed or [name for names in self.columns.values() for name in names]
        self.header = checked_header(header, needed, name=self.path.name)
        self.layouts = {len(header): self.header}

    def _parsed(
        self, block: Block, numbers: Numbers, *, after: int
    ) -> tuple[Any, npt.NDArray[np.bool_]]:
        """Return the cells of lines that have as many as the first, and which have not."""
        import pyarrow as pa

        mark = self.delimiter.encode()
        widths = (block.line(n).count(mark) + 1 for n in numbers.tolist())
        names = next((self.layouts[n] for n in widths if n in self.layouts), None)
        if names is None:
            return self._cells({}, 0), np.ones(len(numbers), dtype="bool")
        content, damaged = block.content[after:], np.array([], dtype="int64")
        if self.encodings[0] != "utf-8":
            content = bytes(content).decode(self.encodings[0]).encode()
        elif not is_text(content):
            damaged = block.damaged()
        # What is parsed at a time has room for the longest line; in UTF-8 a letter takes more.
        size = max(_PIECE, 2 * int(np.diff(block.ends, prepend=-1).max()))
        # A damaged line whose width is right is one whose other cells may be good.
        short = [block.line(n).count(mark) + 1 != len(names) for n in damaged.tolist()]
        odd = np.isin(numbers, damaged[short])
        try:
            found = self._table(block.without(damaged[short], content, after), names, odd, size)
        except pa.ArrowInvalid:
            odd = np.isin(numbers, damaged)
            found = self._table(block.without(damaged, content, after), names, odd, size)
        if self.header:
            again = self._repeats_header(found)
            odd[np.flatnonzero(~odd)[again]] = True
            found = found.filter(pa.array(~again))
        return found, odd

    def _table(
        self, content: Any, names: Sequence[str], odd: npt.NDArray[np.bool_], size: int
    ) -> Any:
        """Parse lines; those that have other cells than `names` are marked as odd too."""
        import pyarrow as pa
        from pyarrow import csv

        wanted = {name for each in self.columns.values() for name in each} & {*names}
        left = np.flatnonzero(~odd)
        if not len(left):
            return self._cells({}, 0)

        def skip(row: Any) -> str:
            odd[left[row.number - 1]] = True
            return "skip"

        table = csv.read_csv(
            pa.BufferReader(pa.py_buffer(content)),
            csv.ReadOptions(column_names=list(names), block_size=size, use_threads=False),
            csv.ParseOptions(delimiter=self.delimiter, quote_char=False, invalid_row_handler=skip),
            csv.ConvertOptions(
                include_columns=sorted(wanted),
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )
        return self._cells({name: table[name] for name in wanted}, len(table))

    def _cells(self, columns: Mapping[str, Any], n: int) -> Any:
        """Return our cells, empty where the layout of the lines lacks a column."""
        import pyarrow as pa
        from pyarrow import compute as pc

        empty = pa.array([""] * n, pa.string())
        given = {
            ours: [columns.get(name, empty) for name in names]
            for ours, names in self.columns.items()
        }
        return pa.table(
            {
                ours: parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, JOIN)
                for ours, parts in given.items()
            }
        )

    def _repeats_header(self, table: Any) -> npt.NDArray[np.bool_]:
        from pyarrow import compute as pc

        again = np.ones(len(table), dtype="bool")
        for ours, names in self.columns.items():
            again &= pc.equal(table[ours], JOIN.join(names)).to_numpy()
        return again

    def _take_odd(self, block: Block, numbers: Sequence[int]) -> None:
        """Take lines one by one: those of another layout are records, the others rejected."""
        import pyarrow as pa

        records: dict[int, list[bytes]] = {}
        for number in numbers:
            line = block.line(number)
            cells = line.split(self.delimiter.encode())
            if not line.strip(b" "):
                continue
            if self.header and line.decode(errors="replace").split(self.delimiter) == self.header:
                reason = "the header line, repeated inside the data"
            elif len(cells) in self.layouts:
                records[number] = cells
                continue
            else:
                widths = " or ".join(str(w) for w in sorted(self.layouts))
                where = "the header has" if self.header else "there should be"
                reason = f"{len(cells)} fields where {where} {widths}"
            block.rejected.append((number, reason))
            if not (self.n_kept or len(block.table) or records):
                self._check_some(self.n_rejected + len(block.rejected), number, reason)
        if records:
            names = {name for each in self.columns.values() for name in each}
            columns = {name: pa.array(self._texts(records, name), pa.string()) for name in names}
            more = self._cells(columns, len(records)).append_column("row", [list(records)])
            table = pa.concat_tables([block.table, more.cast(block.table.schema)])
            block.table = table.sort_by("row")

    def _texts(self, records: Mapping[int, Sequence[bytes]], name: str) -> list[str]:
        """Return one cell of each record as text, empty where its layout lacks the column."""
        layouts = {n: names.index(name) for n, names in self.layouts.items() if name in names}
        return [
            self._text(cells[layouts[len(cells)]], number) if len(cells) in layouts else ""
            for number, cells in records.items()
        ]

    def _check_some(self, n: int, number: int, reason: str) -> None:
        if n == _NONE_OF:
            # A file of zeros, or of something else: its lines are not worth keeping.
            msg = f"None of the first {n:,} lines of {self.path.name!r} is a record; line "
            raise SourceError(f"{msg}{number}: {reason}.")

    def _text(self, line: bytes, number: int) -> str:
        """Return a line as text, in the first encoding that fits."""
        for encoding in self.encodings:
            try:
                return line.decode(encoding)
            except UnicodeDecodeError as error:
                wrong = error
        msg = f"{self.path.name!r} is not {self.encodings[-1]} near line {number}: {wrong.reason}"
        raise SourceError(f"{msg} (byte {wrong.object[wrong.start]:#04x}).") from wrong


def pieces_of(byte: npt.NDArray[np.uint8]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yield pieces of bytes that a processor's own memory holds, and where each begins."""
    yield from ((i, byte[i : i + _PIECE]) for i in range(0, len(byte), _PIECE))


def is_text(content: Any) -> bool:
    """Tell whether bytes are UTF-8, without a copy of them."""
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(content)], dtype="int32"))
    whole = pa.Array.from_buffers(pa.binary(), 1, [None, ends, pa.py_buffer(content)])
    try:
        whole.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _blocks(stream: Any, name: str) -> Iterator[Any]:
    """Cut a stream after whole lines, each ended by a line feed alone."""
    # One buffer for all: new memory costs as much as reading.
    room, head = mmap.mmap(-1, BLOCK), stream.read(len(_MARK)).removeprefix(_MARK)
    held = len(head)
    room[:held] = head
    while True:
        n = held
        while n < BLOCK and (read := stream.readinto(memoryview(room)[n : n + _PIECE])):
            n += read
        end = room.rfind(b"\n", 0, n) + 1
        held = n - end
        if held >= min(_LONGEST, BLOCK):
            msg = f"{name!r} has a line of more than {_LONGEST >> 20} million characters. It is"
            raise SourceError(f"{msg} not a table of lines.")
        if end:
            yield _fed(room, end)
        room[:held] = room[end:n]
        if n < BLOCK:
            break
    rest = room[:held].rstrip(b"\x1a")
    if rest:
        yield _fed(rest + b"\n", len(rest) + 1)


def _fed(room: Any, end: int) -> Any:
    if room.find(b"\r", 0, end) < 0:
        return memoryview(room)[:end]
    return bytes(room[:end]).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
