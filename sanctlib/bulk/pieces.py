"""Pieces: one file cleaned by itself, and kept in batches of a day each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sanctlib.cleaning.distinct import Numbers, as_text, is_category, one_after_the_other
from sanctlib.cleaning.draft import Draft, unmatched
from sanctlib.reading import Audit, no_rejects, sha256
from sanctlib.sources.checksums import check_same
from sanctlib.sources.events import acts_of
from sanctlib.sources.files import check_there
from sanctlib.sources.registry import STREAMED
from sanctlib.store import made_by
from sanctlib.writing import writing

_AT_ONCE = 1_000_000

# What a piece leaves out where all of its rows have what the other column has.
_SAME = {"event_id": "act_id", "date_last": "date"}


class Batch(NamedTuple):
    """The rows of a piece that have one day: which piece, which of its batches, how many."""

    day: str
    piece: str
    number: int
    n_rows: int


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
    pieces: list[list[Batch]] = []
    audits, rejected, names, stamps, n_held = [], [], [], [], 0
    with writing(kept) as into:

        def flush() -> None:
            rows = one_after_the_other([part.rows for part in parts])
            pieces.append(_write_days(rows, into / f"{name}-{len(pieces)}.arrow"))
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
            "batches": [batch for batches in pieces for batch in batches],
        }
        (into / f"{name}.json").write_text(json.dumps(about), encoding="utf-8")
    return about | {"file": path.name}


def _write_days(rows: pd.DataFrame, path: Path) -> list[Batch]:
    """Write rows as a batch for each day of the act, and say which."""
    import pyarrow as pa

    left_out = [name for name, other in _SAME.items() if rows[name].equals(rows[other])]
    rows = rows.drop(columns=["n_reports", *left_out])
    places, days = pd.factorize(rows["date"])
    in_time = days.argsort()
    # Sorted by small integers, which costs least.
    order = np.argsort(in_time.argsort().astype("int16")[places], kind="stable")
    table = pa.Table.from_pandas(rows.iloc[order], preserve_index=False).combine_chunks()
    batches: list[Batch] = []
    begin = 0
    with pa.ipc.new_file(path, table.schema) as out:
        for day, n in zip(days[in_time], np.bincount(places)[in_time].tolist(), strict=True):
            out.write_batch(table.slice(begin, n).to_batches()[0])
            batches.append(Batch(f"{day:%Y-%m-%d}", path.name, len(batches), n))
            begin += n
    return batches


def read_batches(kept: Path, batches: Iterable[Batch], at: Numbers | None = None) -> pd.DataFrame:
    """Return the rows of batches one after the other, or of these those at some places."""
    import pyarrow as pa

    held = [pa.table(_few_values(batch)) for batch in _batches(kept, batches)]
    if len({table.schema.field("act_id").type for table in held}) > 1:
        held = [_numbers_as_text(table) for table in held]
    table = pa.concat_tables(held, promote_options="permissive").unify_dictionaries()
    if at is not None:
        table = pa.table(_few_values(table.take(pa.array(at)).combine_chunks().to_batches()[0]))
    rows: pd.DataFrame = table.to_pandas(split_blocks=True)
    for name in rows:
        # Of no values it is not known that they are text.
        if is_category(rows[name]) and rows[name].cat.categories.empty:
            rows[name] = rows[name].astype(pd.CategoricalDtype(pd.Index([], dtype="str")))
    for name, other in _SAME.items():
        if name not in rows:
            rows[name] = rows[other]
        elif rows[name].isna().any():
            whole = rows[other] if name == "date_last" else as_text(rows[other])
            rows[name] = rows[name].fillna(whole)
    return rows.assign(n_reports=1)


def read_numbers(kept: Path, batches: Iterable[Batch]) -> pd.DataFrame:
    """Return the number of the act, and the line, of each row of batches."""
    wanted = ["act_id", "_line"]
    held: list[pd.DataFrame] = [b.select(wanted).to_pandas() for b in _batches(kept, batches)]
    return pd.concat(held, ignore_index=True)


def _batches(kept: Path, batches: Iterable[Batch]) -> Iterator[Any]:
    import pyarrow as pa

    for piece, some in groupby(batches, key=lambda batch: batch.piece):
        with pa.memory_map(str(kept / piece)) as held, pa.ipc.open_file(held) as file:
            for batch in some:
                yield file.get_batch(batch.number)


def _numbers_as_text(table: Any) -> Any:
    import pyarrow as pa

    i = table.schema.get_field_index("act_id")
    return table.set_column(i, "act_id", table.column(i).cast(pa.large_string()))


def _few_values(batch: Any) -> dict[str, Any]:
    """Return columns whose categories, of a whole piece, are no more than their rows need."""
    import pyarrow as pa

    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, column in columns.items():
        if pa.types.is_dictionary(column.type) and len(column) < len(column.dictionary):
            columns[name] = column.dictionary_decode().dictionary_encode()
    return columns
