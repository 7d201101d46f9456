"""Numbers: which act of its number each row has, in whichever file or month the others are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sanctlib.bulk.pieces import Batch, read_batches, read_numbers
from sanctlib.cleaning.distinct import Numbers, as_text, numbered
from sanctlib.cleaning.repeats import PARTIES, content_columns, nth_acts

# Room for the numbers of acts: two that share a slot are compared, so fewer only cost time.
_SLOTS = 1 << 30

Later: TypeAlias = tuple[Numbers, Numbers]
"""Places in a batch, and which act of its number stands there: 0 for a copy, or from 2."""


def later_acts(batches: Sequence[Batch], kept: Path) -> list[Later | None]:
    """
    Find the acts whose number was there before, in the order of files and lines.

    Numbers leave their mark in a set of bits, as large however many there are; the rows of
    those seen twice are then compared. What is found is aligned with `batches`.
    """
    seen, again = (np.zeros(_SLOTS >> 3, dtype="uint8") for _ in range(2))
    pieces = [list(some) for _, some in groupby(batches, key=lambda batch: batch.piece)]
    for batch in batches:
        byte, bit, line = _bits([batch], kept)
        # An act written out has several rows, and its number once.
        first = np.diff(line, prepend=-1) != 0
        byte, bit = byte[first], bit[first]
        twice = (seen[byte] & bit) > 0
        slots = byte << 8 | bit
        if (np.diff(slots) <= 0).any():
            twice |= pd.Series(slots).duplicated(keep=False).to_numpy()
        np.bitwise_or.at(again, byte[twice], bit[twice])
        np.bitwise_or.at(seen, byte, bit)
    some = []
    for n, piece in enumerate(pieces):
        byte, bit, _ = _bits(piece, kept)
        at = np.flatnonzero(again[byte] & bit)
        if len(at):
            some.append(_compared(read_batches(kept, piece, at)).assign(piece=n, at=at))
    if not some:
        return [None] * len(batches)
    rows = pd.concat(some, ignore_index=True).sort_values(["piece", "_line"], kind="stable")
    act = numbered(rows, ["act_id"])
    content, row = (numbered(rows.assign(act=act), ["act", c]) for c in ("content", "whole"))
    rows = rows.assign(nth=nth_acts(act, content, row))
    later = rows[rows["nth"].ne(1)].sort_values(["piece", "at"])
    return list(_by_batch(pieces, later))


def _by_batch(pieces: Sequence[Sequence[Batch]], later: pd.DataFrame) -> Iterator[Later | None]:
    of_piece = later.groupby("piece").indices
    for n, piece in enumerate(pieces):
        found = later.iloc[of_piece.get(n, [])]
        at, nth = found["at"].to_numpy(), found["nth"].to_numpy()
        begin = 0
        for batch in piece:
            a, b = np.searchsorted(at, [begin, begin + batch.n_rows])
            yield (at[a:b] - begin, nth[a:b]) if a < b else None
            begin += batch.n_rows


def _compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the number of each row, and a number for its content, without parties and with."""
    content = content_columns(rows)
    for name in (*content, *PARTIES):
        if isinstance(rows[name].dtype, pd.StringDtype):
            rows[name] = rows[name].astype("category")
    hashed = rows[["_line", *PARTIES]].assign(
        act_id=as_text(rows["act_id"]),
        content=pd.util.hash_pandas_object(rows[content], index=False),
    )
    whole = pd.util.hash_pandas_object(hashed[["content", *PARTIES]], index=False)
    return hashed.drop(columns=list(PARTIES)).assign(whole=whole)


def _bits(batches: Sequence[Batch], kept: Path) -> tuple[Numbers, npt.NDArray[np.uint8], Numbers]:
    """Return the byte and the bit in it that each number has, and its line."""
    rows = read_numbers(kept, batches)
    ids = rows["act_id"]
    if ids.dtype != "int64":
        # One number is one slot, also where another piece has integers alone.
        is_whole = ids.str.fullmatch(r"[1-9]\d{0,17}")
        hashed = pd.util.hash_pandas_object(ids, index=False).astype("int64")
        ids = hashed.mask(is_whole, ids.where(is_whole, "0").astype("int64"))
    slot = ids.to_numpy() & (_SLOTS - 1)
    return slot >> 3, (1 << (slot & 7)).astype("uint8"), rows["_line"].to_numpy()
