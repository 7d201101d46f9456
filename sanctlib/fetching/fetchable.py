"""Name the files that a request means, by the addresses that producers publish."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import pandas as pd

from sanctlib.errors import NotPublishedError, SanctlibError, SourceError
from sanctlib.sources.producers import producers

Version = Literal[1, 2]
Get = Callable[[str], bytes]
"""Fetches a producer's list of files; a list is read and not kept."""

_PLAIN = re.compile(r"\w[\w .,()+-]*", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """One file to fetch, with the checksum its producer gives, as ``"md5:…"``."""

    file: str
    url: str
    known: str | None = None


@dataclass(frozen=True, kw_only=True)
class Series:
    """
    Files that each hold a span of time, named by its beginning.

    `address` is a strftime pattern, `every` a period of pandas (Y, M, D, 15min). `checksums`
    is the address of the producer's md5 sums, in the format of `md5sum`.
    """

    address: str
    every: str
    first: date
    last: date | None = None
    version: int = 1
    checksums: str = ""

    def wanted(self, first: date, last: date) -> Iterator[Wanted]:
        """Return the files that hold a part of the days from `first` to `last`."""
        begin = max(pd.Timestamp(first), pd.Timestamp(self.first))
        final = last if self.last is None else min(last, self.last)
        end = pd.Timestamp(final) + pd.Timedelta(hours=23, minutes=59)
        if begin > end:
            return
        for period in pd.period_range(begin, end, freq=self.every):
            url = period.start_time.strftime(self.address)
            yield Wanted(_name(url), url)


@dataclass(frozen=True, kw_only=True)
class Fetchable:
    """
    One producer's files as `source.toml` declares them, in one of three ways.

    `series`: files by time. `lists`: file names with their addresses, each the current list
    of the day. `dataset`: a DOI on a Dataverse `server`; `pick` is a pattern for the
    names of its data files, and where it has a group ``year``, days choose among them. A file
    of more than `most_bytes`, or that takes more than `most_seconds`, is refused.
    """

    name: str
    key: str
    title: str
    series: tuple[Series, ...] = ()
    lists: Mapping[str, str] = field(default_factory=dict)
    dataset: str = ""
    server: str = "https://dataverse.harvard.edu"
    pick: str = ""
    note: str = ""
    timeout: float = 30.0
    retries: int = 3
    pause: float = 1.0
    most_bytes: int = 2 << 30
    most_seconds: float = 3600.0

    @property
    def hosts(self) -> list[str]:
        """Return the machines that are called, each once."""
        addresses = [s.address for s in self.series] + list(self.lists.values())
        found = [urlsplit(a).netloc for a in addresses or [self.server]]
        return list(dict.fromkeys(found))

    def wanted(
        self, first: date | None, last: date | None, *, version: int, today: date, get: Get
    ) -> list[Wanted]:
        """
        Return the files that a request means, by the producer's own list where it has one.

        Raises
        ------
        SanctlibError
            For days that are wrong for this source, or of which it has no file.
        SourceError
            For an answer of the producer that is not a list of files.
        """
        if version not in ({s.version for s in self.series} or {1}):
            known = " and ".join(str(v) for v in sorted({s.version for s in self.series} or {1}))
            raise SanctlibError(f"version is {version!r}. {self.name!r} has version {known}.")
        if first and last and last < first:
            msg = f"first is {first} and last is {last}. first must not be after last."
            raise SanctlibError(msg)
        if self.lists:
            if first or last:
                msg = f"{self.name!r} is published as the current list only."
                raise SanctlibError(f"{msg} Leave out the first and the last day.")
            return [Wanted(file, url) for file, url in self.lists.items()]
        if self.dataset:
            return self._of_dataset(first, last, get)
        return self._of_series(first, last, version, today, get)

    def _of_series(
        self, first: date | None, last: date | None, version: int, today: date, get: Get
    ) -> list[Wanted]:
        if first is None or last is None:
            msg = f"The files of {self.name!r} are by day. Give the first and the last day"
            raise SanctlibError(f"{msg} (first= and last=, or --from and --to).")
        if last > today:
            raise SanctlibError(f"last is {last}. It must not be after today, {today} (UTC).")
        parts = [(s, list(s.wanted(first, last))) for s in self.series if s.version == version]
        lists = dict.fromkeys(s.checksums for s, files in parts if files and s.checksums)
        sums = {file: md5 for url in lists for file, md5 in _md5s(url, get).items()}
        wanted = [Wanted(w.file, w.url, sums.get(w.file)) for _, files in parts for w in files]
        if not wanted:
            begin = min(pd.Timestamp(s.first) for s, _ in parts)
            msg = (
                f"{self.name!r} has no file from {first} to {last}. Its files begin on "
                f"{begin:%Y-%m-%d}."
            )
            raise SanctlibError(msg)
        return wanted

    def _of_dataset(self, first: date | None, last: date | None, get: Get) -> list[Wanted]:
        address = f"{self.server}/api/datasets/:persistentId/?persistentId={self.dataset}"
        try:
            entries = json.loads(get(address))["data"]["latestVersion"]["files"]
            files = [self._dataverse_file(entry["dataFile"]) for entry in entries]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"The answer of {address} is not a list of files as Dataverse writes it."
            raise SourceError(msg) from error
        low, high = first.year if first else 0, last.year if last else 9999
        wanted = []
        for file in files:
            match = re.match(self.pick, file.file, re.IGNORECASE)
            year = int((match and match.groupdict().get("year")) or low)
            if match and low <= year <= high:
                wanted.append(file)
        odd = next((w.file for w in wanted if not _PLAIN.fullmatch(w.file)), None)
        if odd is not None:
            raise SourceError(f"{address} lists the file {odd!r}, which is not a plain file name.")
        if not wanted:
            shown = ", ".join(f.file for f in files[:8]) or "nothing"
            msg = f"{self.dataset} has no file of {self.name!r} for these days. It has: {shown}."
            raise SanctlibError(msg)
        return wanted

    def _dataverse_file(self, data: Mapping[str, Any]) -> Wanted:
        url = f"{self.server}/api/access/datafile/{int(data['id'])}"
        file = str(data["filename"])
        # Dataverse turns tables it understands into another layout; the checksum it gives is
        # that of the file as it was deposited, which is also what readers expect.
        if data.get("originalFileFormat"):
            url += "?format=original"
            file = str(data.get("originalFileName") or file)
        checksum = data.get("checksum") or {"type": "MD5", "value": data.get("md5")}
        if not checksum["value"]:
            return Wanted(file, url)
        kind = str(checksum["type"]).lower().replace("-", "")
        return Wanted(file, url, f"{kind}:{checksum['value']}")


@cache
def fetchables() -> dict[str, Fetchable]:
    """Return what can be fetched, by the name that `sl.fetch` takes."""
    found = {}
    for producer in producers().values():
        if producer.fetch:
            declared = dict(producer.fetch)
            series = tuple(Series(**s) for s in declared.pop("series", ()))
            source = Fetchable(key=producer.key, title=producer.title, series=series, **declared)
            found[source.name] = source
    return found


def _name(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1]


def _md5s(url: str, get: Get) -> dict[str, str]:
    """Return the checksums that a producer publishes; nothing where it does not."""
    try:
        text = get(url).decode("utf-8", errors="replace")
    except NotPublishedError:
        return {}
    lines = (line.split() for line in text.splitlines())
    return {words[1].lstrip("*"): f"md5:{words[0]}" for words in lines if len(words) == 2}
