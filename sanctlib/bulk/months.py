"""Months: the rows of one, from all pieces, merged into a file of Parquet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.bulk.numbers import Later
from sanctlib.bulk.pieces import Batch, read_batches
from sanctlib.cleaning.distinct import Numbers, constant, in_one_order
from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.repeats import merge_copies, name_apart
from sanctlib.reading import Audit, sha256
from sanctlib.schema import EVENTS
from sanctlib.sources.events import merged
from sanctlib.sources.registry import STREAMED
from sanctlib.writing import writing

_ROWS_IN_GROUP = 100_000
_IDS = ("event_id", "act_id")

# Few enough that the groups of a merge are found in a processor's own memory.
_AT_ONCE = 200_000

Told: TypeAlias = tuple[Batch, Later | None]
"""A batch, and those of its rows that are not the first act of their number."""


def merge(task: tuple[str, list[Told]], *, key: str, kept: Path) -> dict[str, Any]:
    """Merge the rows of one month, or take what was made of the same rows before."""
    import pyarrow as pa
    from pyarrow import parquet

    month, batches = task
    known = [(b, [a.tolist() for a in later] if later else None) for b, later in batches]
    digest = hashlib.sha256(json.dumps([key, known]).encode()).hexdigest()[:20]
    name = f"{month}-{digest}"
    if (kept / f"{name}.json").is_file():
        found: dict[str, Any] = json.loads((kept / f"{name}.json").read_text(encoding="utf-8"))
        return found
    rows, audit = _joined(batches, kept)
    rows = rows.iloc[_by_parties(rows)]
    of_all = {"source": key, "date_basis": STREAMED[key].date_basis}
    rows = name_apart(rows).assign(**{c: constant(v, len(rows)) for c, v in of_all.items()})
    rows = rows[[c for c in EVENTS.names if c in rows]]
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
            "n_rows": len(rows),
            "audit": audit.steps.to_dict("list"),
        }
        (into / f"{name}.json").write_text(json.dumps(about), encoding="utf-8")
    return about


def _by_parties(rows: pd.DataFrame) -> Numbers:
    """Return the order by sender, target and day, so that a pair is found in few row groups."""
    sides, parties = in_one_order(rows["sender"], rows["target"])
    # Unknown parties stand last.
    sender, target = (np.where(side < 0, len(parties), side) for side in sides)
    places, days = pd.factorize(rows["date"], sort=True)
    key = ((sender * (len(parties) + 1) + target) * len(days) + places) * len(rows)
    # One sort of whole numbers that say where each row stood: the cheapest stable one.
    return np.sort(key + np.arange(len(rows))) % len(rows)


def _some_days(batches: Sequence[Told]) -> Iterator[list[Told]]:
    """Part the batches of a month by whole days: no rows of two days are ever merged."""
    some: list[Told] = []
    n_rows = 0
    by_day = sorted(batches, key=lambda told: told[0].day)
    for i, (batch, later) in enumerate(by_day):
        if n_rows >= _AT_ONCE and batch.day != by_day[i - 1][0].day:
            yield some
            some, n_rows = [], 0
        some.append((batch, later))
        n_rows += batch.n_rows
    yield some


def _joined(batches: Sequence[Told], kept: Path) -> tuple[pd.DataFrame, Audit]:
    # What was joined is let go here: a month is held once.
    draft = Draft.joined([_merged(some, kept) for some in _some_days(batches)])
    return draft.rows, draft.audit


def _merged(batches: Sequence[Told], kept: Path) -> Draft:
    rows = read_batches(kept, [batch for batch, _ in batches])
    nth = np.ones(len(rows), dtype="int32")
    begin = 0
    for batch, later in batches:
        if later is not None:
            nth[begin + later[0]] = later[1]
        begin += batch.n_rows
    draft = Draft(rows=rows.drop(columns="_line").assign(_nth=nth), audit=Audit.begin(len(rows)))
    draft = merged(merge_copies(draft))
    return replace(draft, rows=draft.rows.drop(columns=["_actor", "_acted_on"]))
