"""Read source.toml. Return who made each source and what can be fetched of it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pandas as pd

from sanctlib.errors import NotPublishedError, SanctlibError, SourceError
from sanctlib.reading import Provenance, named_apart
from sanctlib.schema import TableKind
from sanctlib.sources.files import head_of


@dataclass(frozen=True, kw_only=True)
class Producer:
    """One source as `source.toml` declares it."""

    key: str
    title: str
    kind: TableKind
    producer: str
    licence: str
    citation: str
    where: str
    status: str
    tested: str
    marks: tuple[str, ...]
    others: Sequence[Sequence[str]] = ()
    instead: str = ""
    fetch: Mapping[str, Any] = field(default_factory=dict)


@cache
def producers() -> dict[str, Producer]:
    """Return every source, by key."""
    text = files("sanctlib.sources").joinpath("source.toml").read_text(encoding="utf-8")
    return {
        key: Producer(key=key, **{**entry, "marks": tuple(entry["marks"])})
        for key, entry in tomllib.loads(text).items()
    }


def provenance(key: str, hashes: Iterable[tuple[str, str]]) -> Provenance:
    """Return whom to cite for `key`, with the names and hashes of the files that were read."""
    source = producers()[key]
    return Provenance(
        key=key,
        title=source.title,
        producer=source.producer,
        licence=source.licence,
        citation=source.citation,
        files=named_apart(hashes),
    )


def mistaken_for(path: Path, key: str, columns: Sequence[str]) -> str:
    """
    Say which other source or layout a file looks like; else nothing.

    It goes by the first lines and, for a workbook, by the columns that its reader found.
    """
    try:
        head = head_of(path)
    except SourceError:
        return ""
    head += "\n" + "\t".join(columns)
    for source in producers().values():
        for mark, what in source.others:
            if re.search(mark, head):
                return f"It looks like {what}."
    for source in producers().values():
        if source.key != key and source.marks and all(re.search(m, head) for m in source.marks):
            take = f": read it with sl.read({source.key!r}, …)."
            return (
                f"It looks like {source.title}{f'. {source.instead}' if source.instead else take}"
            )
    return ""


Get = Callable[[str], bytes]  # reads a producer's list of files


class Wanted(NamedTuple):
    """One file to fetch: the first arguments of `pooch.retrieve`."""

    url: str
    known: str | None
    file: str


class Series(NamedTuple):
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

    def urls(self, first: date, last: date) -> list[str]:
        """Return the addresses of the files that hold a part of the days."""
        begin = max(pd.Timestamp(first), pd.Timestamp(self.first))
        # The last day includes its last file of 15 minutes.
        end = pd.Timestamp(min(last, self.last or last)) + pd.Timedelta(hours=23, minutes=59)
        spans = pd.period_range(begin, end, freq=self.every)
        return [span.start_time.strftime(self.address) for span in spans]


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
        addresses = [*(s.address for s in self.series), *self.lists.values()] or [self.server]
        return list(dict.fromkeys(urlsplit(a).netloc for a in addresses))

    def wanted(
        self, first: date | None, last: date | None, *, version: int, today: date, get: Get
    ) -> list[Wanted]:
        """Return the files that a request means, by the producer's own list where it has one."""
        versions = sorted({s.version for s in self.series}) or [1]
        if version not in versions:
            known = " and ".join(map(str, versions))
            raise SanctlibError(f"version is {version!r}. {self.name!r} has version {known}.")
        if first and last and last < first:
            msg = f"first is {first} and last is {last}. first must not be after last."
            raise SanctlibError(msg)
        if self.dataset:
            return self._of_dataset(first.year if first else 0, last.year if last else 9999, get)
        if self.lists:
            if first or last:
                msg = f"{self.name!r} is published as the current list only."
                raise SanctlibError(f"{msg} Leave out the first and the last day.")
            return [Wanted(url, None, file) for file, url in self.lists.items()]
        if first is None or last is None:
            msg = f"The files of {self.name!r} are by day. Give the first and the last day"
            raise SanctlibError(f"{msg} (first= and last=, or --from and --to).")
        if last > today:
            raise SanctlibError(f"last is {last}. It must not be after today, {today} (UTC).")
        return self._of_series([s for s in self.series if s.version == version], first, last, get)

    def _of_series(self, series: list[Series], first: date, last: date, get: Get) -> list[Wanted]:
        urls = {url: s.checksums for s in series for url in s.urls(first, last)}
        if not urls:
            msg = f"{self.name!r} has no file from {first} to {last}. Its files begin on"
            raise SanctlibError(f"{msg} {min(s.first for s in series):%Y-%m-%d}.")
        sums: dict[str, str] = {}
        for address in {*urls.values()} - {""}:
            with suppress(NotPublishedError):  # the producer then gives no checksums
                lines = get(address).decode("utf-8", errors="replace").splitlines()
                words = [line.split() for line in lines]
                sums |= {w[1].lstrip("*"): f"md5:{w[0]}" for w in words if len(w) == 2}
        files = {url: urlsplit(url).path.rsplit("/", 1)[-1] for url in urls}
        return [Wanted(url, sums.get(file), file) for url, file in files.items()]

    def _of_dataset(self, low: int, high: int, get: Get) -> list[Wanted]:
        address = f"{self.server}/api/datasets/:persistentId/?persistentId={self.dataset}"
        try:
            entries = json.loads(get(address))["data"]["latestVersion"]["files"]
            files = [self._of_dataverse(entry["dataFile"]) for entry in entries]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"The answer of {address} is not a list of files as Dataverse writes it."
            raise SourceError(msg) from error
        wanted = []
        for file in files:
            match = re.match(self.pick, file.file, re.IGNORECASE)
            if match and low <= int(match.groupdict().get("year") or low) <= high:
                wanted.append(file)
                if not re.fullmatch(r"\w[\w .,()+-]*", file.file, re.ASCII):
                    msg = f"{address} lists the file {file.file!r}, which is not a plain file name."
                    raise SourceError(msg)
        if not wanted:
            shown = ", ".join(f.file for f in files[:8]) or "nothing"
            msg = f"{self.dataset} has no file of {self.name!r} for these days. It has: {shown}."
            raise SanctlibError(msg)
        return wanted

    def _of_dataverse(self, data: Mapping[str, Any]) -> Wanted:
        url, file = f"{self.server}/api/access/datafile/{int(data['id'])}", str(data["filename"])
        # Dataverse turns tables it understands into another layout; the checksum it gives is
        # that of the file as it was deposited, which is also what readers expect.
        if data.get("originalFileFormat"):
            url += "?format=original"
            file = str(data.get("originalFileName") or file)
        checksum = data.get("checksum") or {"type": "MD5", "value": data.get("md5")}
        kind = str(checksum["type"]).lower().replace("-", "")
        return Wanted(url, f"{kind}:{checksum['value']}" if checksum["value"] else None, file)


@cache
def fetchables() -> dict[str, Fetchable]:
    """Return what can be fetched, by the name that `sl.fetch` takes."""
    found = {}
    for producer in producers().values():
        if producer.fetch:
            series = tuple(Series(**s) for s in producer.fetch.get("series", ()))
            declared = {**producer.fetch, "title": producer.title, "series": series}
            found[producer.key] = Fetchable(name=producer.key, **declared)
    return found
