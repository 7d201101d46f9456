"""Fetch the files that producers publish. Return their paths, checksums and states."""

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
from sanctlib.fetching.fetchable import Fetchable, Version, Wanted, fetchables
from sanctlib.query import Day, optional_day, whole_of
from sanctlib.reading import sha256
from sanctlib.sources.checksums import CHECKSUMS, recorded
from sanctlib.sources.producers import producers

FETCHED = "data/fetched"
"""The default folder of files, below the working folder."""

MOST_JOBS = 4


def fetch(
    name: str,
    *,
    first: Day | None = None,
    last: Day | None = None,
    version: Version = 1,
    out: str | Path | None = None,
    jobs: int = 2,
    again: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """
    Fetch a producer's files into a folder, with their checksums.

    Existing files with the checksum recorded in the folder's ``checksums.txt`` are not
    fetched again, so an interrupted call goes on where it stopped; other existing files are
    replaced. `sl.read` checks each file against its checksum. No file is ever incomplete.

    Lists that change from day to day (OFAC, UN, UK, EU, Canada) go into a separate folder for
    each day of fetching, in UTC: only copies of different days, given to `compare_copies`,
    show removals. A file of a series that its producer does not have (404) is a gap, not an
    error and not a zero: its status is "not published", and ``missing.txt`` lists it.

    Parameters
    ----------
    name : str
        A name in the column ``fetch`` of `sl.datasets()`: ``"gdelt"``, ``"ofac"``, ``"un"``, ….
    first, last : day, optional
        First and last day to fetch: ISO text ("2022", "2022-03" or "2022-03-01"), a date or a
        datetime. ``"gdelt"`` needs both: daily files from 2013-04-01, by the day of the news;
        before, whole files of a month (from 2006) or a year, by the day of the event.
        ``"icews"`` takes the years in which they lie. Lists have no days.
    version : {1, 2}, default 1
        Of GDELT: daily files, or from 2015-02-18 files of 15 minutes, 96 a day.
    out : path, optional
        The folder, by default ``data/fetched/NAME``.
    jobs : int, default 2
        Connections at the same time, 1 to 4.
    again : bool, default False
        Download existing files again.
    progress : bool, default False
        Print on standard error how many files there are, and show a bar at a terminal or in a
        notebook.

    Returns
    -------
    DataFrame
        A row per file: ``file`` (its path), ``url``, ``bytes``, ``sha256``, ``status``
        ("fetched", "already there" or "not published").

    Raises
    ------
    UnknownChoiceError
        If `name` is not a known source.
    FetchError
        For files that could not be fetched, after the others were: the same call fetches only
        these. For a file of more than 2 GiB or an hour. For a producer that cannot be reached,
        or has none of the files.
    SanctlibError
        For days that do not fit, and an existing file that changed since it was fetched.

    Examples
    --------
    >>> fetch("ofak")
    Traceback (most recent call last):
    ...
    sanctlib.errors.UnknownChoiceError: name is 'ofak'. It must be one of 'gdelt', 'icews',
    'ofac', 'un', 'uk', 'eu', 'canada', 'ideal-points'. Did you mean 'ofac'?
    """
    if name in producers() and not producers()[name].fetch:
        where = producers()[name].where
        raise UnknownChoiceError(f"{name!r} cannot be fetched. Download it by hand: {where}.")
    check_choice(name, fetchables(), what="name")
    return fetch_from(
        fetchables()[name],
        first=optional_day(first, what="first"),
        last=optional_day(last, what="last", last=True),
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
    """Fetch from a declared source; `fetch` documents the parameters and errors."""
    whole_of(jobs, what="jobs", least=1, most=MOST_JOBS)
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
        msg = f"{source.name}: the producer has none of the {len(wanted)} files requested."
        raise FetchError(f"{msg} The first is {wanted[0].url}.")
    return _table(wanted, folder, there | batch.done, fetched=batch.done.keys())


@contextlib.contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Give a folder inside `folder` for incomplete files; leave no new empty folder."""
    new = [f for f in (folder, *folder.parents) if not f.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(
            prefix=".fetching-", dir=folder, ignore_cleanup_errors=True
        )
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
    """Return the existing files, after checking that they did not change."""
    known = recorded(folder)
    there = {w.file: known[w.file] for w in wanted if w.file in known}
    there = {file: sha for file, sha in there.items() if (folder / file).is_file()}
    changed = [file for file, sha in there.items() if sha256(folder / file) != sha]
    if changed:
        msg = (
            f"{_some(changed)} in {str(folder)!r} changed after fetching: the sha256 is not the "
            f"one in {CHECKSUMS!r}. Fetch the files again with again=True (--again)."
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
