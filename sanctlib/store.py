"""Keep readings as Parquet with a manifest, and find the files that sanctlib ships."""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.dates import Period
from sanctlib.errors import SourceError, check_choice
from sanctlib.reading import Audit, Provenance, Reading, sha256
from sanctlib.schema import TableKind
from sanctlib.writing import save_frame, writing

_FORM = 6
_OF_COVERAGE = ("first", "last", "gaps", "breaks", "windows", "uncoded", "survivors")

_GUARDED = r"^'(?=\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
"""The apostrophe that `without_formulas` puts before text that a spreadsheet would run."""


class OtherVersionError(SourceError):
    """A stored table was made by another version of sanctlib."""


def made_by() -> str:
    """Return the version that cleans and stores here: another one may clean in another way."""
    return f"{version('sanctlib')}-{_FORM}"


def save(reading: Reading, folder: Path) -> Path:
    """
    Write a reading into `folder` and return the path of its table.

    Beside it are ``KEY.rejected.csv``, without formulas, and the manifest ``KEY.json``, which is
    renamed last: an interruption leaves the old table, or hashes that do not agree.
    """
    key = reading.provenance.key
    table, rejected = folder / f"{key}.parquet", folder / f"{key}.rejected.csv"
    with writing(folder) as into:
        reading.table.to_parquet(into / table.name, index=False)
        save_frame(reading.rejected, into / rejected.name)
        hashes = {p.name: sha256(into / p.name) for p in (table, rejected)}
        text = manifest(
            kind=reading.kind,
            curated=reading.curated,
            acts_are_rows=reading.kind == "events"
            and not reading.table.duplicated(["source", "act_id"]).any(),
            hashes=hashes,
            audit=reading.audit,
            unmatched=reading.unmatched,
            coverage=reading.coverage,
            provenance=reading.provenance,
        )
        (into / f"{key}.json").write_text(text, encoding="utf-8")
    return table


def load_stored(key: str, folder: Path) -> Reading:
    """Read a reading back from `folder`."""
    manifest = manifest_of(key, folder)
    held = {name: _held(folder / name, of) for name, of in manifest["hashes"].items()}
    rejected = pd.read_csv(held[f"{key}.rejected.csv"], dtype="str", keep_default_na=False)
    rejected = rejected.replace(_GUARDED, "", regex=True)
    return Reading(
        kind=manifest["kind"],
        table=pd.read_parquet(held[f"{key}.parquet"]),
        rejected=rejected.astype({"line": "int64"}),
        audit=Audit(pd.DataFrame(manifest["audit"])),
        coverage=manifest["coverage"] and Coverage(**manifest["coverage"]),
        provenance=Provenance(**manifest["provenance"]),
        unmatched=pd.DataFrame(manifest["unmatched"], columns=["side", "name", "reason", "n"]),
        curated=manifest["curated"],
    )


def manifest_of(key: str, folder: Path) -> dict[str, Any]:
    """Return the content of the manifest of a stored table."""
    path = folder / f"{key}.json"
    if not path.is_file():
        raise SourceError(f"The store has no {key!r}. Run `sanctlib prepare {key}`.")
    try:
        stated: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        stored_by = stated["version"]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path.name!r} in the store is not a manifest. Run `sanctlib prepare` again."
        raise SourceError(msg) from error
    if stored_by != made_by():
        msg = f"The stored {key!r} is of another version of sanctlib. Run `sanctlib prepare {key}`."
        raise OtherVersionError(msg)
    return stated


def _held(path: Path, expected: str) -> io.BytesIO:
    """Return a file of the store, read once: the bytes hashed are the bytes parsed."""
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != expected:
        msg = (
            f"{path.name!r} in the store is not the file that its manifest names. Run `sanctlib "
            "prepare`; if it is running now, wait until it has ended."
        )
        raise SourceError(msg)
    return io.BytesIO(content)


def manifest(
    *,
    kind: TableKind,
    curated: bool,
    acts_are_rows: bool,
    hashes: dict[str, str],
    audit: Audit,
    unmatched: pd.DataFrame,
    coverage: Coverage | None,
    provenance: Provenance,
) -> str:
    """Return the manifest of a stored table, as JSON."""
    stated = {
        "version": made_by(),
        "kind": kind,
        "curated": curated,
        "acts_are_rows": acts_are_rows,
        "hashes": hashes,
        "audit": audit.steps.to_dict("list"),
        "unmatched": unmatched.to_dict("list"),
        "coverage": coverage and asdict(coverage),
        "provenance": asdict(provenance),
    }
    return json.dumps(stated, indent=1, ensure_ascii=False, default=_as_json) + "\n"


def _as_json(value: date | frozenset[str]) -> str | list[str]:
    return value.isoformat() if isinstance(value, date) else sorted(value)


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
    # Tables of one file of acts share their coverage.
    known = {**source, **table}
    stated = {name: known[name] for name in _OF_COVERAGE if name in known}
    made = {name: source[name] for name in ("producer", "licence", "citation")}
    return Dataset(
        key=key,
        folder=folder,
        file=table["file"],
        sha256=table["sha256"],
        kind=table["kind"],
        curated=source.get("curated", False),
        coverage=Coverage(source=key, **stated),
        provenance=Provenance(key=key, title=table["title"], **made),
        how=source["how"],
        every=table.get("every"),
    )
