"""The producers: what each source is, whose, under which licence, how far its reader was tried."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sanctlib.cleaning import Draft, unmatched
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Provenance, Reading, named_apart, sha256
from sanctlib.schema import TABLES, TableKind
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
    fetch: Mapping[str, Any] = field(default_factory=dict)


@cache
def producers() -> dict[str, Producer]:
    """Return every source that can be read, by key."""
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


def as_reading(
    draft: Draft, kind: TableKind, *, key: str, paths: Sequence[Path], coverage: Coverage | None
) -> Reading:
    """Return a draft that is done as the reading of its source, with the columns of the table."""
    table = draft.table.assign(source=key)
    return Reading(
        kind=kind,
        table=table[[c for c in TABLES[kind].names if c in table]],
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=provenance(key, ((path.name, sha256(path)) for path in paths)),
        unmatched=unmatched(draft.names),
    )


def mistaken_for(path: Path, key: str, said: str) -> str:
    """
    Say which other source a file looks like; else nothing.

    It goes by the words in the first lines and, for a workbook, in the columns that the
    reader `said` it found.
    """
    try:
        head = head_of(path)
    except SourceError:
        return ""
    head += said.partition("Columns found:")[2]
    for other in producers().values():
        marks = [mark.split("|") for mark in other.marks]
        if other.key != key and marks and all(any(m in head for m in forms) for forms in marks):
            return f"It looks like {other.title}: read it with sl.read({other.key!r}, …)."
    return ""
