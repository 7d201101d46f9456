"""Fetch many files, some at the same time. Record each when it is in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from urllib.parse import urlsplit

from sanctlib.errors import FetchError, NotPublishedError, UnreachableError
from sanctlib.fetching.download import download
from sanctlib.fetching.fetchable import Fetchable, Wanted
from sanctlib.reading import sha256
from sanctlib.showing import progress_bar
from sanctlib.sources.checksums import record
from sanctlib.writing import writing

MISSING = "missing.txt"
"""The file of a folder that lists the files that its producer does not have."""

_SHOWN = 20
_RECORDS = 100  # how often a long run writes its checksums: an interruption loses one part of these


@dataclass
class Batch:
    """The files of one call, and the outcome of each."""

    source: Fetchable
    folder: Path
    staging: Path
    done: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    failed: dict[str, FetchError] = field(default_factory=dict)
    _down: set[str] = field(default_factory=set)
    _stop: Event = field(default_factory=Event)

    def listing(self, url: str) -> bytes:
        """Return the content of an address, without keeping it."""
        try:
            path = download(Wanted("listing", url), self.staging, self.source, self._stop)
        except UnreachableError:
            raise
        except FetchError as error:
            raise type(error)(f"{url}: {error}") from error
        content = path.read_bytes()
        path.unlink()
        return content

    def fetch(self, todo: list[Wanted], *, jobs: int, progress: bool) -> None:
        """Fetch files, some at the same time; record them as they arrive."""
        n_bytes, since = 0, 0
        waiting, arrived = iter(todo), SimpleQueue[tuple[str, str | Exception]]()
        # Unlike those of a pool, these threads do not keep an interrupted process waiting.
        for _ in range(jobs):
            Thread(target=self._work, args=(waiting, arrived), daemon=True).start()
        bar = progress_bar(len(todo), name=self.source.name, unit="file", progress=progress)
        with bar:
            try:
                for _ in todo:
                    n_bytes += self._take(*arrived.get())
                    bar.update()
                    failed = f", {len(self.failed)} failed" if self.failed else ""
                    bar.set_postfix_str(f"{n_bytes / 1e6:.1f} MB{failed}")
                    since += 1
                    if since * _RECORDS >= len(todo):
                        record(self.folder, self.done)
                        since = 0
            finally:
                self._stop.set()
                record(self.folder, self.done)
                self._note_missing()

    def _work(
        self, waiting: Iterator[Wanted], arrived: SimpleQueue[tuple[str, str | Exception]]
    ) -> None:
        """Fetch files until none is left, and tell of each its checksum or its error."""
        while not self._stop.is_set() and (wanted := next(waiting, None)) is not None:
            try:
                arrived.put((wanted.file, self._download(wanted)))
            except Exception as error:  # raised where the files are taken
                arrived.put((wanted.file, error))

    def _download(self, wanted: Wanted) -> str:
        host = urlsplit(wanted.url).netloc
        if host in self._down:
            raise UnreachableError(f"{host} cannot be reached")
        try:
            return sha256(download(wanted, self.staging, self.source, self._stop))
        except UnreachableError:
            self._down.add(host)
            raise

    def _take(self, file: str, found: str | Exception) -> int:
        """Put a file in its place, or note why it failed; return its size."""
        try:
            if isinstance(found, Exception):
                raise found
            size = (self.staging / file).replace(self.folder / file).stat().st_size
        except NotPublishedError as error:
            # A gap in a series is a fact about the data. A list that is missing has moved.
            if self.source.series:
                self.missing.append(file)
            else:
                self.failed[file] = error
        except FetchError as error:
            self.failed[file] = error
        except OSError as error:
            self.failed[file] = FetchError(f"it cannot be put in its place: {error.strerror}")
        else:
            self.done[file] = str(found)
            return size
        return 0

    def _note_missing(self) -> None:
        path = self.folder / MISSING
        before = path.read_text(encoding="utf-8").split() if path.is_file() else []
        names = sorted({*before, *self.missing} - self.done.keys())
        if not names:
            path.unlink(missing_ok=True)
        elif names != before:
            with writing(self.folder) as into:
                (into / MISSING).write_text("".join(f"{n}\n" for n in names), encoding="utf-8")

    def failures(self, n_wanted: int) -> str:
        """Return the message on the files that could not be fetched."""
        errors = list(self.failed.values())
        if not self.done and all(isinstance(e, UnreachableError) for e in errors):
            return self.nothing_done(errors[0])
        width = max(len(file) for file in self.failed)
        lines = [f"  {file:<{width}}  {error}" for file, error in sorted(self.failed.items())]
        if len(lines) > _SHOWN:
            (why, n), *_ = Counter(str(e) for e in errors).most_common(1)
            lines[_SHOWN:] = [f"  and {len(lines) - _SHOWN} more; most often ({n} times): {why}"]
        head = f"{len(errors)} of {n_wanted} files of {self.source.name} could not be fetched."
        if len(errors) < n_wanted:
            head += " The same call without --again fetches only these:"
        return "\n".join([head, *lines])

    def nothing_done(self, error: FetchError) -> str:
        """Return the message where no file arrived."""
        return f"{self.source.name}: {error}. No file was changed."
