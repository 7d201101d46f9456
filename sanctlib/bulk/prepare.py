"""Clean many files of coded acts in bounded memory. Return a folder of Parquet files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.bulk.months import Told, merge
from sanctlib.bulk.numbers import later_acts
from sanctlib.bulk.pieces import Batch, clean
from sanctlib.cleaning.draft import unmatched
from sanctlib.errors import SourceError, check_choice
from sanctlib.processes import mapping
from sanctlib.query import whole_of
from sanctlib.reading import Audit, sha256
from sanctlib.showing import progress_bar
from sanctlib.sources.checksums import expected
from sanctlib.sources.events import covered
from sanctlib.sources.files import paths_of
from sanctlib.sources.producers import provenance
from sanctlib.sources.registry import STREAMED
from sanctlib.store import manifest
from sanctlib.writing import save_frame, writing


def prepare_files(
    key: str,
    paths: Iterable[str | Path],
    *,
    out: str | Path,
    workers: int = 1,
    progress: bool = False,
) -> Path:
    """
    Clean files of coded acts into a folder of Parquet files by month.

    The table is that of ``sl.read(key, paths)``, in another order: sorted by sender, target
    and day within each month of the act, so that a measure of one pair reads little.
    Each worker has only part of a file or one month in memory. Each file is
    cleaned by itself and kept in the hidden folder ``.KEY`` of the store, by its hash; then
    the rows of each month are merged, in the order of the files. Parts that the same version
    made from the same files are not made again: an interrupted run goes on where it stopped,
    and a new file costs only its own months.

    Parameters
    ----------
    key : {"gdelt", "icews", "polecat"}
        The source.
    paths : iterable of path
        Its files, compressed or not, in the order in which their repeats are merged. A folder
        means the files in it, by name.
    out : path
        The store. ``KEY/YYYY-MM.parquet`` is written there, ``KEY.rejected.csv``, and last
        the manifest ``KEY.json``.
    workers : int, default 1
        Processes. The result does not depend on their number.
    progress : bool, default False
        Show a bar.

    Returns
    -------
    Path
        The folder of the table, which every measure takes.

    Raises
    ------
    SourceError
        For a file that is not of this source; the others stay prepared.
    SanctlibError
        For a store that cannot be written, or a worker that was killed.
    """
    check_choice(key, STREAMED, what="key")
    whole_of(workers, what="workers", least=1)
    given = paths_of(list(paths), what="files")
    files = [file for path in given for file in _files(path)]
    if not files:
        raise SourceError(f"files has no file: the folder {given[0].name!r} is empty.")
    store = Path(out)
    kept = store / f".{key}"
    with writing(kept):
        pass  # a folder that cannot be written is an error before hours of work
    cleaned, merged = (partial(f, key=key, kept=kept) for f in (clean, merge))
    with mapping(workers) as mapped:
        tasks = list(expected(files))
        parts = list(_shown(mapped(cleaned, tasks), len(tasks), unit="file", progress=progress))
        batches = [Batch(*batch) for part in parts for batch in part["batches"]]
        told = list(zip(batches, later_acts(batches, kept), strict=True))
        months: dict[str, list[Told]] = {m: [] for m in sorted({b.day[:7] for b in batches})}
        for batch, later in told:
            months[batch.day[:7]].append((batch, later))
        every = list(months.items())
        merges = list(_shown(mapped(merged, every), len(every), unit="month", progress=progress))
    return _finish(key, files, parts, merges, store=store, kept=kept)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # What `sanctlib fetch` keeps beside the files is text.
    return sorted(
        p for p in path.iterdir() if p.is_file() and p.suffix != ".txt" and p.name[0] != "."
    )


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
        raise SourceError(f"{files[0].name!r} and the files after it hold no act to keep.")
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
        save_frame(rejected, path)
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
