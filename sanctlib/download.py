"""Fetch the files that producers publish. Return their paths, checksums and states."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from itertools import chain
from multiprocessing.pool import ThreadPool
from pathlib import Path
from threading import Event
from typing import Any, Literal
from urllib.parse import urlsplit

import pandas as pd

from sanctlib.errors import (
    FetchError,
    NotPublishedError,
    SanctlibError,
    SourceError,
    UnknownChoiceError,
    UnreachableError,
    check_choice,
)
from sanctlib.query import Day, optional_day, whole_of
from sanctlib.reading import sha256
from sanctlib.showing import progress_bar
from sanctlib.sources.files import CHECKSUMS, open_bytes, record, recorded
from sanctlib.sources.producers import Fetchable, Wanted, fetchables, producers
from sanctlib.writing import writing

FETCHED = "data/fetched"
"""The default folder of files, below the working folder."""

MOST_JOBS = 4

_SHOWN = 20
_RECORDS = 100  # how often a long run writes its checksums: a killed one loses one part of these


def fetch(
    name: str,
    *,
    first: Day | None = None,
    last: Day | None = None,
    version: Literal[1, 2] = 1,
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
    'ofac', 'un', 'uk', 'eu', 'canada_sema', 'un_ideal_points'. Did you mean 'ofac'?
    """
    if name in producers() and not producers()[name].fetch:
        msg = f"{name!r} cannot be fetched. Download it by hand: {producers()[name].where}."
        raise UnknownChoiceError(msg)
    check_choice(name, fetchables(), what="name")
    whole_of(jobs, what="jobs", least=1, most=MOST_JOBS)
    source, today = fetchables()[name], datetime.now(UTC).date()
    begin, end = optional_day(first, what="first"), optional_day(last, what="last", last=True)
    folder = Path(FETCHED) / name if out is None else Path(out)
    if source.lists:
        folder /= today.isoformat()
    with _staging(folder) as staging:
        files = _Files(source, staging)
        try:
            wanted = source.wanted(begin, end, version=version, today=today, get=files.read)
        except FetchError as error:
            raise FetchError(f"{name}: {error}. No file was changed.") from error
        held = {} if again else _there(wanted, folder)
        todo = [w for w in wanted if w.file not in held]
        if progress:
            sys.stderr.write(f"{name}: {len(todo)} to fetch, {len(held)} already there\n")
        done, failed = files.fetch(todo, folder, jobs=jobs, progress=progress)
    if failed:
        raise FetchError(_failures(name, failed, n_wanted=len(wanted), n_done=len(done)))
    held |= done
    if not held:
        msg = f"{name}: the producer has none of the {len(wanted)} files requested."
        raise FetchError(f"{msg} The first is {wanted[0].url}.")
    rows = []
    for w in wanted:
        path, sha = folder / w.file, held.get(w.file)
        status = "fetched" if w.file in done else "already there" if sha else "not published"
        rows.append((str(path), w.url, path.stat().st_size if sha else None, sha, status))
    table = pd.DataFrame(rows, columns=["file", "url", "bytes", "sha256", "status"])
    return table.astype({"bytes": "Int64", "sha256": "str"})


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Give a folder inside `folder` for incomplete files; leave no new empty folder."""
    import pooch

    new = [f for f in (folder, *folder.parents) if not f.exists()]
    with writing(folder):
        pass  # it is made, or the reason why not is given
    staging = tempfile.TemporaryDirectory(
        prefix=".fetching-", dir=folder, ignore_cleanup_errors=True
    )
    log = pooch.get_logger()
    level = log.level
    log.setLevel("ERROR")  # else pooch prints a line per file
    try:
        with staging as name:
            yield Path(name)
    finally:
        log.setLevel(level)
        with suppress(OSError):
            for empty in new:
                empty.rmdir()


def _there(wanted: list[Wanted], folder: Path) -> dict[str, str]:
    """Return the existing files, after checking that they did not change."""
    known = recorded(folder)
    files = [w.file for w in wanted if w.file in known and (folder / w.file).is_file()]
    changed = [repr(file) for file in files if sha256(folder / file) != known[file]]
    if changed:
        more = f" and {len(changed) - 8} more" if len(changed) > 8 else ""
        raise SanctlibError(
            f"{', '.join(changed[:8])}{more} in {str(folder)!r} changed after fetching: the sha256 "
            f"is not the one in {CHECKSUMS!r}. Fetch the files again with again=True (--again)."
        )
    return {file: known[file] for file in files}


class _Files:
    """The downloads of one call."""

    def __init__(self, source: Fetchable, staging: Path) -> None:
        self.source, self.staging, self.stop = source, staging, Event()
        self.down: dict[str, str] = {}  # machines that cannot be reached, with the message

    def read(self, url: str) -> bytes:
        """Return the content of an address, without keeping it."""
        try:
            path = self._download(Wanted(url, None, "listing"))
        except UnreachableError:
            raise
        except FetchError as error:
            raise type(error)(f"{url}: {error}") from error
        content = path.read_bytes()
        path.unlink()
        return content

    def fetch(
        self, todo: list[Wanted], folder: Path, *, jobs: int, progress: bool
    ) -> tuple[dict[str, str], dict[str, FetchError]]:
        """Fetch files, some at the same time; return checksums and failures by file."""
        done: dict[str, str] = {}
        failed: dict[str, FetchError] = {}
        missing: set[str] = set()
        n_bytes, part = 0, max(1, len(todo) // _RECORDS)
        bar = progress_bar(len(todo), name=self.source.name, unit="file", progress=progress)
        # Unlike those of concurrent.futures, these threads keep no interrupted process waiting.
        with ThreadPool(jobs) as pool, bar:
            try:
                for n, (file, found) in enumerate(pool.imap_unordered(self._outcome, todo), 1):
                    if isinstance(found, str):
                        try:
                            path = (self.staging / file).replace(folder / file)
                            done[file] = found
                            n_bytes += path.stat().st_size
                        except OSError as error:
                            msg = f"it cannot be put in its place: {error.strerror}"
                            failed[file] = FetchError(msg)
                    # A gap in a series is a fact about the data. A list that is missing has moved.
                    elif isinstance(found, NotPublishedError) and self.source.series:
                        missing.add(file)
                    else:
                        failed[file] = found
                    bar.update()
                    words = f", {len(failed)} failed" if failed else ""
                    bar.set_postfix_str(f"{n_bytes / 1e6:.1f} MB{words}")
                    if n % part == 0:
                        record(folder, done)
            finally:
                self.stop.set()
                record(folder, done)
                _note_missing(folder, missing, done)
        return done, failed

    def _outcome(self, wanted: Wanted) -> tuple[str, str | FetchError]:
        """Download a file; return its checksum or its error."""
        try:
            return wanted.file, sha256(self._download(wanted))
        except FetchError as error:
            return wanted.file, error

    def _download(self, wanted: Wanted) -> Path:
        """Download one file whole or not at all; try again after faults that may pass."""
        import pooch
        import requests

        attempt, pause, host = 0, 0.0, urlsplit(wanted.url).netloc
        while not self.stop.wait(pause):
            if host in self.down:
                raise UnreachableError(self.down[host])
            try:
                path = Path(pooch.retrieve(*wanted, self.staging, downloader=self._write))
                path.chmod(0o644)  # the temporary files of pooch are for their owner only
                open_bytes(path).close()
            except requests.RequestException as error:
                fault, may_pass = _explained(error, wanted.url, self.source.timeout)
                if not may_pass or attempt == self.source.retries:
                    if isinstance(fault, UnreachableError):
                        self.down[host] = str(fault)
                    raise fault from error
            except SourceError as error:
                raise FetchError(f"no data came: {error}") from error
            except ValueError as error:
                msg = f"its checksum is not the one that the producer gives, {wanted.known}"
                raise FetchError(msg) from error
            except OSError as error:
                raise FetchError(f"it cannot be written: {error.strerror or error}") from error
            else:
                return path
            pause, attempt = self.source.pause * 2**attempt, attempt + 1
        raise FetchError("it was interrupted")

    def _write(self, url: str, path: str, _: object) -> None:
        """Write what an address answers, within the limits; pooch calls this."""
        import requests

        source, begun, n_bytes = self.source, time.monotonic(), 0
        head = {"User-Agent": f"sanctlib/{version_of('sanctlib')} (research on sanctions; pooch)"}
        wait = (min(10, source.timeout), source.timeout)
        with (
            requests.get(url, headers=head, timeout=wait, stream=True) as answer,
            Path(path).open("wb") as file,
        ):
            if answer.status_code in (404, 410):
                raise NotPublishedError(f"not published ({answer.status_code})")
            answer.raise_for_status()
            announced = int(answer.headers.get("Content-Length", 0))
            for chunk in chain([b""], answer.iter_content(1 << 16)):
                n_bytes += file.write(chunk)
                if self.stop.is_set():
                    raise FetchError("it was interrupted")
                if max(n_bytes, announced) > source.most_bytes:
                    limit = f"{source.most_bytes / 1e6:,.0f} MB"
                    raise FetchError(f"it is larger than {limit}, the limit of a file")
                if time.monotonic() - begun > source.most_seconds:
                    limit = f"{source.most_seconds:,.0f} s"
                    raise FetchError(f"it took longer than {limit}, the limit of a file")


def _explained(error: Any, url: str, timeout: float) -> tuple[FetchError, bool]:
    """Return what went wrong in words, and whether it may pass in a moment."""
    import requests.exceptions as of
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

    if isinstance(error, of.HTTPError) and error.response is not None:
        code, reason = error.response.status_code, str(error.response.reason or "")
        words = "".join(c for c in reason if c.isprintable())
        fault = FetchError(f"the server answered {code} {words}".rstrip())
        return fault, code == 429 or code >= 500
    # After a redirect it is another machine that fails.
    host = urlsplit(getattr(error.request, "url", None) or url).netloc
    cause = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    unreached = (NewConnectionError, ConnectTimeoutError)
    if isinstance(error, of.ProxyError) or isinstance(cause, unreached):
        return UnreachableError(f"{host} cannot be reached"), True
    return next(
        (FetchError(words), may_pass)
        for kinds, words, may_pass in (
            (of.InvalidSchema, "it leads to an address that is neither http nor https", False),
            (of.SSLError, f"{host} has no valid certificate: {cause}", False),
            ((of.Timeout, ReadTimeoutError), f"{host} did not answer for {timeout:g} s", True),
            ((of.ConnectionError, of.ChunkedEncodingError), "the connection was interrupted", True),
            (Exception, str(error).partition("\n")[0] or type(error).__name__, False),
        )
        if isinstance(error, kinds) or isinstance(cause, kinds)
    )


def _note_missing(folder: Path, missing: set[str], done: dict[str, str]) -> None:
    """List in a folder the files that its producer does not have."""
    path = folder / "missing.txt"
    before = path.read_text(encoding="utf-8").split() if path.is_file() else []
    names = sorted({*before, *missing} - done.keys())
    if names:
        with writing(folder) as into:
            (into / path.name).write_text("".join(f"{n}\n" for n in names), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def _failures(name: str, failed: dict[str, FetchError], *, n_wanted: int, n_done: int) -> str:
    """Return the message on the files that could not be fetched."""
    reasons = list(map(str, failed.values()))
    if not n_done and all(isinstance(e, UnreachableError) for e in failed.values()):
        return f"{name}: {reasons[0]}. No file was changed."
    width = max(map(len, failed))
    lines = [f"  {file:<{width}}  {error}" for file, error in sorted(failed.items())]
    if len(lines) > _SHOWN:
        [(why, n)] = Counter(reasons).most_common(1)
        lines[_SHOWN:] = [f"  and {len(lines) - _SHOWN} more; most often ({n} times): {why}"]
    head = f"{len(failed)} of {n_wanted} files of {name} could not be fetched."
    if len(failed) < n_wanted:
        head += " The same call without --again fetches only these:"
    return "\n".join([head, *lines])
