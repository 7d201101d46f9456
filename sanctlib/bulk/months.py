"""Months: the rows of one, from all pieces, merged into a file of Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sanctlib.bulk.numbers import Later
from sanctlib.bulk.pieces import Batch, read_batch
from sanctlib.cleaning.distinct import in_one_order, one_after_the_other
from sanctlib.cleaning.draft import Draft
from sanctlib.reading import Audit, sha256
from sanctlib.schema import EVENTS
from sanctlib.sources.events import merged
from sanctlib.sources.registry import STREAMED
from sanctlib.writing import writing

_ROWS_IN_GROUP = 100_000
_IDS = ("event_id", "act_id")


def merge(
    task: tuple[str, list[tuple[Batch, Later | None]]], *, key: str, kept: Path
) -> dict[str, Any]:
    """Merge the rows of one month, or take what was made of the same rows before."""
    import hashlib

    import pyarrow as pa
    from pyarrow import parquet

    month, batches = task
    known = [(b, [a.tolist() for a in later] if later else None) for b, later in batches]
    digest = hashlib.sha256(json.dumps([key, known]).encode()).hexdigest()[:20]
    name = f"{month}-{digest}"
    if (kept / f"{name}.json").is_file():
        found: dict[str, Any] = json.loads((kept / f"{name}.json").read_text(encoding="utf-8"))
        return found
    rows = one_after_the_other([_told_apart(kept, b, later) for b, later in batches])
    draft = merged(Draft(rows=rows, audit=Audit.begin(len(rows))))
    rows = draft.rows.assign(source=key, date_basis=STREAMED[key].date_basis)
    rows = rows[[c for c in EVENTS.names if c in rows]]
    sides, _ = in_one_order(rows["sender"], rows["target"])
    # Unknown parties stand last, so that a pair asked for is found in few row groups.
    last = [np.where(side < 0, len(rows), side) for side in sides]
    rows = rows.iloc[np.lexsort((rows["date"].to_numpy(), last[1], last[0]))]
    with writing(kept) as into:
        path = into / f"{name}.parquet"
        parquet.write_table(
            pa.Table.from_pandas(rows, preserve_index=False),
            path,
            row_group_size=_ROWS_IN_GROUP,
            use_dictionary=[c for c in rows if c not in _IDS],
            store_schema=False,
        )
        about = {
            "month": month,
            "parquet": path.name,
            "sha256": sha256(path),
            "n_rows": len(draft.rows),
            "audit": draft.audit.steps.to_dict("list"),
        }
        (into / f"{name}.json").write_text(json.dumps(about), encoding="utf-8")
    return about


def _told_apart(kept: Path, batch: Batch, later: Later | None) -> pd.DataFrame:
    rows = read_batch(kept, batch).drop(columns="_row")
    rows["_nth"] = np.int32(1)
    if later is not None:
        rows.loc[later[0], "_nth"] = later[1].astype("int32")
    return rows
