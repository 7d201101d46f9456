"""Read each source.toml below data/raw. Return the datasets that sanctlib ships, by key."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError, check_choice
from sanctlib.periods import Period
from sanctlib.reading import Provenance
from sanctlib.schema import TableKind


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One shipped table: its file, its kind, its coverage and its source."""

    key: str
    folder: str
    file: str
    sha256: str
    kind: TableKind
    curated: bool
    coverage: Coverage
    provenance: Provenance
    how: str
    every: Period | None
    """Of cells: the length of their periods."""

    @property
    def path(self) -> Path:
        """Where the file is stored."""
        return shipped_path("raw") / self.folder / self.file


def shipped_path(name: str) -> Path:
    """
    Return the folder of what we ship: ``"raw"`` or ``"notebooks"``.

    An installed package has both; an editable install finds those of the checkout.
    """
    package = Path(__file__).parent
    checkout = {"raw": package.parent / "data" / "raw", "notebooks": package.parent / "notebooks"}
    check_choice(name, checkout, what="folder")
    for folder in (package / "_shipped" / name, checkout[name]):
        if folder.is_dir():
            return folder
    raise SourceError(f"This installation of sanctlib has no folder {name!r}. Install it again.")


@cache
def shipped() -> dict[str, Dataset]:
    """Return the shipped datasets by key, in the order of their folders."""
    found: dict[str, Dataset] = {}
    for path in sorted(shipped_path("raw").glob("*/source.toml")):
        source = tomllib.loads(path.read_text(encoding="utf-8"))
        for key, table in source["tables"].items():
            found[key] = _dataset(key, path.parent.name, source, table)
    return found


def _dataset(key: str, folder: str, source: dict[str, Any], table: dict[str, Any]) -> Dataset:
    first, last = table["first"], table["last"]
    if not isinstance(first, date) or not isinstance(last, date):
        raise SourceError(f"source.toml of {folder!r}: first and last of {key!r} must be days.")
    return Dataset(
        key=key,
        folder=folder,
        file=table["file"],
        sha256=table["sha256"],
        kind=table["kind"],
        curated=source.get("curated", False),
        coverage=Coverage(
            source=key,
            first=first,
            last=last,
            gaps=tuple((a, b, why) for a, b, why in table.get("gaps", [])),
            survivors=table.get("survivors", False),
        ),
        provenance=Provenance(
            key=key,
            title=table["title"],
            producer=source["producer"],
            licence=source["licence"],
            citation=source["citation"],
        ),
        how=source["how"],
        every=table.get("every"),
    )
