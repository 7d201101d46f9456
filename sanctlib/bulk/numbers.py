"""Numbers: acts whose number another act has had before, in whichever file or month."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sanctlib.bulk.pieces import Batch, opened, read_batch
from sanctlib.cleaning.distinct import Numbers
from sanctlib.cleaning.repeats import content_columns

# Room for the numbers of acts: two that share a slot are compared, so fewer only cost time.
_SLOTS = 1 << 30

Later: TypeAlias = tuple[Numbers, Numbers]
"""Places in a batch, and which act of its number stands there: the second or a later one."""


def later_acts(batches: Sequence[Batch], kept: Path) -> dict[Batch, Later]:
    """
    Find the acts whose number another act has had before, in the order of files and lines.

    Numbers leave their mark in a set of bits, as large however many there are; the rows of
    those seen twice are then compared.
    """
    seen, again = (np.zeros(_SLOTS >> 3, dtype="uint8") for _ in range(2))
    for batch in batches:
        byte, bit = _bits(_ids(kept, batch))
        twice = (seen[byte] & bit) > 0
        twice |= pd.Series(byte << 8 | bit).duplicated(keep=False).to_numpy()
        np.bitwise_or.at(again, byte[twice], bit[twice])
        np.bitwise_or.at(seen, byte, bit)
    some = []
    for batch in batches:
        byte, bit = _bits(_ids(kept, batch))
        at = np.flatnonzero(again[byte] & bit)
        if len(at):
            rows = read_batch(kept, batch).iloc[at]
            what = rows[["act_id", *content_columns(rows)]].astype("str")
            found = {"act_id": what["act_id"], "row": rows["_row"], "at": at}
            content = pd.util.hash_pandas_object(what, index=False)
            some.append(pd.DataFrame(found).assign(content=content, piece=batch[0], i=batch[1]))
    if not some:
        return {}
    rows = pd.concat(some, ignore_index=True)
    order = {piece: n for n, piece in enumerate(dict.fromkeys(piece for piece, _ in batches))}
    rows = rows.assign(order=rows["piece"].map(order)).sort_values(["order", "row"])
    first = rows.drop_duplicates(["act_id", "content"])
    first = first.assign(nth=first.groupby("act_id").cumcount() + 1)
    rows = rows.merge(first[["act_id", "content", "nth"]], on=["act_id", "content"])
    later = rows[rows["nth"].gt(1)]
    places: dict[Any, Any] = later.groupby(["piece", "i"]).indices
    at, nth = later["at"].to_numpy(), later["nth"].to_numpy()
    return {batch: (at[places[batch]], nth[places[batch]]) for batch in places}


def _ids(kept: Path, batch: Batch) -> pd.Series:
    with opened(kept, batch) as rows:
        return pd.Series(rows.column("act_id").to_pandas())


def _bits(ids: pd.Series) -> tuple[Numbers, npt.NDArray[np.uint8]]:
    """Return the byte and the bit in it that a number has."""
    whole = ids if ids.dtype == "int64" else pd.util.hash_pandas_object(ids, index=False)
    slot = whole.to_numpy().astype("int64") & (_SLOTS - 1)
    return slot >> 3, (1 << (slot & 7)).astype("uint8")
