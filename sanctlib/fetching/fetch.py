"""Fetch what producers publish: politely, whole, with checksums, and where a cut left off."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from sanctlib.errors import FetchError, SanctlibError, UnknownChoiceError, check_choice
from sanctlib.fetching.batch import Batch
from sanctlib.fetching.download import silent_pooch
from sanctlib.fetching.fetchable import Fetchable, Version, Wanted, day, fetchables
from sanctlib.reading import sha256
from sanctlib.sources.checksums import CHECKSUMS, recorded
from sanctlib.sources.producers import producers

FETCHED = "data/fetched"
"""Where files go if nothing else is said, below the working folder."""

MOST_JOBS = 4


def fetch(
    name: str,
    *,
    first: date | str | None = None,
    last: date | str | None = None,
    version: Version = 1,
    out: str | Path | None = None,
    jobs: int = 2,
    again: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """
    Fetch a producer's files into a folder, with their checksums.

    Files that are there with the checksum recorded in the folder's ``checksums.txt`` are
    not fetched again, so a call that was cut goes on where it stopped; a file there without
    one is replaced. `sl.read` checks each of them against it. No file is ever half there.

    Lists that change from day to day (OFAC, UN, UK, EU, Canada) go into a folder for each
    day of fetching, in UTC, and stay apart: only copies of different days, given to
    `compare_copies`, show removals. A file of a series that its producer does not have
    (404) is a gap, not an error and not a zero: it is "not published" in the result and
    named in ``missing.txt``.

    Parameters
    ----------
    name : str
        As `sanctlib fetch` lists them: ``"gdelt"``, ``"ofac"``, ``"un"``, ….
    first, last : date or str, optional
        The days to fetch, both included. ``"gdelt"`` needs both: daily files from
        2013-04-01, by the day of the news; before, files of a month (2006 on) or a year,
        by the day of the event, are fetched whole. ``"icews"`` takes the years they fall in.
    version : {1, 2}
        Of GDELT: daily files, or from 2015-02-18 files of 15 minutes, 96 a day.
    out : path, optional
        The folder, by default ``data/fetched/NAME``.
    jobs : int
        Connections at once, at most 4.
    again : bool
        Fetch what is there too.
    progress : bool
        Say on standard error how many files there are, and show a bar at a terminal or in a
        notebook.

    Returns
    -------
    DataFrame
        ``file`` (its path), ``url``, ``bytes``, ``sha256``, ``status``: fetched, already
        there, not published.

    Raises
    ------
    UnknownChoiceError
        For a name that is none.
    FetchError
        When files could not be fetched, after the others were: call again for them alone.
        When the producer cannot be reached, or has none of the files.
    SanctlibError
        For days that do not fit, or a file there that is not the one that was fetched.

    Examples
    --------
    >>> fetch("ofak")
    Traceback (most recent call last):
    ...
    sanctlib.errors.UnknownChoiceError: sl.fetch does not know the name 'ofak'. Known: 'gdelt',
    'icews', 'ofac', 'un', 'uk', 'eu', 'canada', 'ideal-points'. Did you mean 'ofac'?
    """
    if name in producers() and not producers()[name].fetch:
        where = producers()[name].where
        raise UnknownChoiceError(f"{name!r} cannot be fetched: get it by hand. {where}.")
    check_choice(name, fetchables(), what="name", needed_by="sl.fetch")
    return fetch_from(
        fetchables()[name],
        first=day(first, "first"),
        last=day(last, "last"),
        version=version,
        out=Path(FETCHED) / name if out is None else Path(out),
        jobs=jobs,
        again=again,
        progress=progress,
    )


def fetch_from(
    source: Fetchable,
    *,
    out: Path,
    first: date | None = None,
    last: date | None = None,
    version: int = 1,
    jobs: int = 2,
    again: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """Fetch from a declared source; `fetch` has the parameters and what is raised."""
    if not 1 <= jobs <= MOST_JOBS:
        raise SanctlibError(f"jobs needs to be 1 to {MOST_JOBS}, out of politeness; found {jobs}.")
    today = datetime.now(UTC).date()
    folder = out / today.isoformat() if source.lists else out
    with silent_pooch(), _staging(folder) as staging:
        batch = Batch(source, folder, staging)
        try:
            wanted = source.wanted(first, last, version=version, today=today, get=batch.listing)
        except FetchError as error:
            raise FetchError(batch.nothing_done(error)) from error
        there = {} if again else _there(wanted, folder)
        todo = [w for w in wanted if w.file not in there]
        if progress:
            sys.stderr.write(f"{source.name}: {len(todo)} to fetch, {len(there)} already there\n")
        batch.fetch(todo, jobs=jobs, progress=progress)
    if batch.failed:
        raise FetchError(batch.failures(len(wanted)))
    if len(batch.missing) == len(wanted):
        msg = f"none of the {len(wanted)} files asked for is published, {wanted[0].url} first"
        raise FetchError(f"{source.name}: {msg}.")
    return _table(wanted, folder, there | batch.done, fetched=batch.done.keys())


@contextlib.contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Give a folder inside `folder` for what is not whole yet; leave no new empty one behind."""
    new = [f for f in (folder, *folder.parents) if not f.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder)
    except OSError as error:
        msg = f"{str(folder)!r} cannot be written ({error.strerror}). Choose another folder."
        raise SanctlibError(msg) from error
    try:
        with staging as name:
            yield Path(name)
    finally:
        with contextlib.suppress(OSError):
            for empty in new:
                empty.rmdir()


def _there(wanted: list[Wanted], folder: Path) -> dict[str, str]:
    """Return the files that need no fetching, after checking that they are what was fetched."""
    known = recorded(folder)
    there = {w.file: known[w.file] for w in wanted if w.file in known}
    there = {file: sha for file, sha in there.items() if (folder / file).is_file()}
    changed = [file for file, sha in there.items() if sha256(folder / file) != sha]
    if changed:
        msg = (
            f"{_some(changed)} in {str(folder)!r} changed since fetched: the sha256 is not the one "
            f"in {CHECKSUMS!r}. Fetch again what you asked for with --again (again=True)."
        )
        raise SanctlibError(msg)
    return there


def _table(
    wanted: list[Wanted], folder: Path, held: Mapping[str, str], *, fetched: Container[str]
) -> pd.DataFrame:
    rows = []
    for w in wanted:
        path, sha = folder / w.file, held.get(w.file)
        status = "fetched" if w.file in fetched else "already there" if sha else "not published"
        rows.append((str(path), w.url, path.stat().st_size if sha else None, sha, status))
    table = pd.DataFrame(rows, columns=["file", "url", "bytes", "sha256", "status"])
    return table.astype({"bytes": "Int64", "sha256": "str"})


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(n) for n in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
