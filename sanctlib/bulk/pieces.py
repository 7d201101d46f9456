"""Pieces: one file cleaned by itself, and kept in batches of a month each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.cleaning.distinct import is_category, one_after_the_other
from sanctlib.cleaning.draft import Draft, unmatched
from sanctlib.reading import Audit, no_rejects, sha256
from sanctlib.sources.checksums import check_same
from sanctlib.sources.events import acts_of
from sanctlib.sources.files import check_there
from sanctlib.sources.registry import STREAMED
from sanctlib.store import made_by
from sanctlib.writing import writing

_AT_ONCE = 1_000_000

Batch: TypeAlias = tuple[str, int]
"""A piece, and the number of a batch in it."""


def clean(task: tuple[Path, str], *, key: str, kept: Path) -> dict[str, Any]:
    """Clean one file, or take what was kept of it."""
    path, recorded = task
    check_there(path)
    digest = sha256(path)
    check_same(path, digest, recorded)
    name = f"{digest[:20]}-{made_by()}"
    if (kept / f"{name}.json").is_file():
        found: dict[str, Any] = json.loads((kept / f"{name}.json").read_text(encoding="utf-8"))
        return found | {"file": path.name}
    source = STREAMED[key]
    parts: list[Draft] = []
    pieces: list[tuple[str, list[str]]] = []
    audits, rejected, names, stamps, n_held = [], [], [], [], 0
    with writing(kept) as into:

        def flush() -> None:
            rows = one_after_the_other([part.rows for part in parts])
            piece = f"{name}-{len(pieces)}.arrow"
            pieces.append((piece, _write_months(rows, into / piece)))
            parts.clear()

        for draft in source.drafts(path):
            acts = acts_of(draft, source)
            audits.append(acts.draft.audit)
            rejected.append(acts.draft.rejected)
            names.append(acts.draft.names)
            stamps.append(acts.stamps)
            parts.append(acts.draft)
            n_held += len(acts.draft.rows)
            if n_held >= _AT_ONCE:
                flush()
                n_held = 0
        if parts:
            flush()
        audit = Audit.added(audits)
        pd.concat([no_rejects(), *rejected]).to_csv(
            into / f"{name}.rejected.csv", index=False, lineterminator="\n"
        )
        about = {
            "sha256": digest,
            "n_rows": audit.n_read,
            "audit": audit.steps.to_dict("list"),
            "names": unmatched(pd.concat(names)).to_dict("list"),
            "stamps": sorted(set(pd.concat(stamps).dropna())),
            "rejected": f"{name}.rejected.csv",
            "batches": [(m, piece, i) for piece, months in pieces for i, m in enumerate(months)],
        }
        (into / f"{name}.json").write_text(json.dumps(about), encoding="utf-8")
    return about | {"file": path.name}


def _write_months(rows: pd.DataFrame, path: Path) -> list[str]:
    """Write rows as a batch for each month of the act, and return the months."""
    import pyarrow as pa

    rows = rows.assign(_row=np.arange(len(rows), dtype="int32"))
    if rows["event_id"].equals(rows["act_id"]):
        rows = rows.drop(columns="event_id")
    month = rows["date"].dt.year * 12 + rows["date"].dt.month - 1
    order = np.argsort(month.to_numpy(), kind="stable")
    found, begins = np.unique(month.to_numpy()[order], return_index=True)
    table = pa.Table.from_pandas(rows.iloc[order], preserve_index=False).combine_chunks()
    ends = [*begins[1:].tolist(), len(rows)]
    with pa.ipc.new_file(path, table.schema) as out:
        for begin, end in zip(begins.tolist(), ends, strict=True):
            out.write_batch(table.slice(begin, end - begin).to_batches()[0])
    return [f"{m // 12:04d}-{m % 12 + 1:02d}" for m in found.tolist()]


@contextmanager
def opened(kept: Path, batch: Batch) -> Iterator[Any]:
    import pyarrow as pa

    piece, i = batch
    with pa.memory_map(str(kept / piece)) as held, pa.ipc.open_file(held) as file:
        yield file.get_batch(i)


def read_batch(kept: Path, batch: Batch) -> pd.DataFrame:
    with opened(kept, batch) as held:
        frame: pd.DataFrame = held.to_pandas()
    for name, column in frame.items():
        if is_category(column) and len(column) < len(column.cat.categories):
            frame[name] = column.cat.remove_unused_categories()
    return frame
