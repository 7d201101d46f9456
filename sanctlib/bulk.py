"""Bulk: thousands of files of coded acts, cleaned in bounded memory into a folder of Parquet."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sanctlib.cleaning.distinct import Numbers, in_one_order, is_category, one_after_the_other
from sanctlib.cleaning.draft import Draft, unmatched
from sanctlib.cleaning.repeats import content_columns
from sanctlib.errors import SanctlibError, SourceError, check_choice
from sanctlib.reading import Audit, no_rejects, sha256
from sanctlib.schema import EVENTS
from sanctlib.showing import progress_bar
from sanctlib.sources.checksums import check_same, expected
from sanctlib.sources.events import acts_of, covered, merged
from sanctlib.sources.files import check_there
from sanctlib.sources.producers import provenance
from sanctlib.sources.registry import STREAMED
from sanctlib.store import made_by, manifest
from sanctlib.writing import writing

_AT_ONCE = 1_000_000
_ROWS_IN_GROUP = 100_000
_IDS = ("event_id", "act_id")

# Room for the numbers of acts: two that share a slot are compared, so fewer only cost time.
_SLOTS = 1 << 30

_Batch: TypeAlias = tuple[str, int]
_Later: TypeAlias = tuple[Numbers, Numbers]
"""Places in a batch, and which act of its number stands there: the second or a later one."""


def prepare_files(
    key: str,
    paths: Iterable[str | Path],
    *,
    out: str | Path,
    workers: int = 1,
    progress: bool = False,
) -> Path:
    """
    Clean files of coded acts, however many, into a folder of Parquet files by month.

    The table is that of ``sl.read(key, paths)``, in another order: sorted by sender, target
    and day within each month of the act, so that a measure asked for one pair reads little.
    No more than a part of a file or one month is in memory for each worker. Each file is
    cleaned by itself and kept in the hidden folder ``.KEY`` of the store, by its hash; then
    each month's rows are merged, in the order of the files. What was done before, by the
    same version and from the same files, is not done again: a run that was cut goes on,
    and new files cost only their own months.

    Parameters
    ----------
    key : {"gdelt", "icews", "polecat"}
        The source.
    paths : iterable of path
        Its files, packed or not, in the order in which their repeats are merged. A folder
        stands for the files in it, by name.
    out : path
        The store. ``KEY/YYYY-MM.parquet`` is written there, ``KEY.rejected.csv``, and last
        the manifest ``KEY.json``.
    workers : int
        Processes. The result does not depend on their number.

    Returns
    -------
    Path
        The folder of the table, which every measure takes.

    Raises
    ------
    SourceError
        When a file is not what the key says; the others stay prepared.
    SanctlibError
        When the store cannot be written, or a worker was killed.
    """
    check_choice(key, STREAMED, what="source", needed_by="sl.prepare_files")
    files = [file for path in map(Path, paths) for file in _files(path)]
    if not files:
        raise SourceError(f"sl.prepare_files({key!r}, …) was given no files.")
    store = Path(out)
    kept = store / f".{key}"
    with writing(kept):
        pass  # a folder that cannot be written is told before hours of work
    clean, merge = (partial(f, key=key, kept=kept) for f in (_clean, _merge))
    with _mapping(workers) as mapped:
        tasks = list(expected(files))
        parts = list(_shown(mapped(clean, tasks), len(tasks), unit="file", progress=progress))
        batches = [(month, (piece, i)) for part in parts for month, piece, i in part["batches"]]
        nth = _nth_acts([batch for _, batch in batches], kept)
        months: dict[str, list[tuple[_Batch, _Later | None]]] = {m: [] for m, _ in sorted(batches)}
        for month, batch in batches:
            months[month].append((batch, nth.get(batch)))
        every = list(months.items())
        merges = list(_shown(mapped(merge, every), len(every), unit="month", progress=progress))
    return _finish(key, files, parts, merges, store=store, kept=kept)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # What `sanctlib fetch` keeps beside the files is text.
    return sorted(
        p for p in path.iterdir() if p.is_file() and p.suffix != ".txt" and p.name[0] != "."
    )


@contextmanager
def _mapping(workers: int) -> Iterator[Any]:
    """Give a `map` that these many processes do; what they give comes in order."""
    if workers == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool.map
    except BrokenProcessPool as error:
        msg = "A worker was killed (out of memory?). Run the same again: it goes on."
        raise SanctlibError(msg) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _shown(results: Iterable[Any], n: int, *, unit: str, progress: bool) -> Iterator[Any]:
    """Pass on results under a bar of rows a second and time left."""
    n_rows = 0
    with progress_bar(n, name="prepare", unit=unit, progress=progress) as bar:
        for result in results:
            n_rows += result["n_rows"]
            seconds = bar.format_dict["elapsed"] or 1
            bar.set_postfix_str(f"{n_rows:,} rows, {n_rows / seconds:,.0f}/s", refresh=False)
            bar.update()
            yield result


def _clean(task: tuple[Path, str], *, key: str, kept: Path) -> dict[str, Any]:
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
def _opened(kept: Path, batch: _Batch) -> Iterator[Any]:
    import pyarrow as pa

    piece, i = batch
    with pa.memory_map(str(kept / piece)) as held, pa.ipc.open_file(held) as file:
        yield file.get_batch(i)


def _read_batch(kept: Path, batch: _Batch) -> pd.DataFrame:
    with _opened(kept, batch) as held:
        frame: pd.DataFrame = held.to_pandas()
    for name, column in frame.items():
        if is_category(column) and len(column) < len(column.cat.categories):
            frame[name] = column.cat.remove_unused_categories()
    return frame


def _nth_acts(batches: Sequence[_Batch], kept: Path) -> dict[_Batch, _Later]:
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
            rows = _read_batch(kept, batch).iloc[at]
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


def _ids(kept: Path, batch: _Batch) -> pd.Series:
    with _opened(kept, batch) as rows:
        return pd.Series(rows.column("act_id").to_pandas())


def _bits(ids: pd.Series) -> tuple[Numbers, npt.NDArray[np.uint8]]:
    """Return the byte and the bit in it that a number has."""
    whole = ids if ids.dtype == "int64" else pd.util.hash_pandas_object(ids, index=False)
    slot = whole.to_numpy().astype("int64") & (_SLOTS - 1)
    return slot >> 3, (1 << (slot & 7)).astype("uint8")


def _merge(
    task: tuple[str, list[tuple[_Batch, _Later | None]]], *, key: str, kept: Path
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


def _told_apart(kept: Path, batch: _Batch, later: _Later | None) -> pd.DataFrame:
    rows = _read_batch(kept, batch).drop(columns="_row")
    rows["_nth"] = np.int32(1)
    if later is not None:
        rows.loc[later[0], "_nth"] = later[1].astype("int32")
    return rows


def _finish(
    key: str,
    files: Sequence[Path],
    parts: Sequence[dict[str, Any]],
    months: Sequence[dict[str, Any]],
    *,
    store: Path,
    kept: Path,
) -> Path:
    """Put the months under their final names, and write the manifest last."""
    if not months:
        raise SourceError(f"{files[0].name!r} and what follows hold no act that can be kept.")
    table, new, old = store / key, kept / "new", kept / "old"
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir()
    for month in months:
        _link(kept / month["parquet"], new / f"{month['month']}.parquet")
    audits = [Audit(pd.DataFrame(part["audit"])) for part in (*parts, *months)]
    cleaning, merging = (Audit.added(some) for some in (audits[: len(parts)], audits[len(parts) :]))
    steps = pd.concat([cleaning.steps, merging.steps[1:]], ignore_index=True)
    names = pd.concat([pd.DataFrame(part["names"]) for part in parts])
    rejected = pd.concat([_rejected(kept / part["rejected"], part["file"]) for part in parts])
    hashes = {f"{key}/{month['month']}.parquet": month["sha256"] for month in months}
    (store / f"{key}.json").unlink(missing_ok=True)
    if table.exists():
        table.rename(old)
    new.rename(table)
    with writing(store) as into:
        path = into / f"{key}.rejected.csv"
        rejected.to_csv(path, index=False, lineterminator="\n")
        text = manifest(
            kind="events",
            curated=False,
            acts_are_rows=STREAMED[key].joined is None,
            hashes=hashes | {path.name: sha256(path)},
            audit=Audit(steps),
            unmatched=unmatched(names),
            coverage=covered(STREAMED[key], pd.Series([s for p in parts for s in p["stamps"]])),
            provenance=provenance(key, ((part["file"], part["sha256"]) for part in parts)),
        )
        (into / f"{key}.json").write_text(text, encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    return table


def _link(path: Path, to: Path) -> None:
    try:
        os.link(path, to)
    except OSError:  # not every file system has them
        shutil.copyfile(path, to)


def _rejected(path: Path, file: str) -> pd.DataFrame:
    # The same content may come under another name the next time.
    rejected = pd.read_csv(path, dtype="str", keep_default_na=False)
    return rejected.assign(file=file)
