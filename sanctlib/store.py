"""The store: cleaned tables as Parquet beside a manifest, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_object_dtype, is_string_dtype

from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Audit, Provenance, Reading, sha256
from sanctlib.schema import TableKind
from sanctlib.writing import writing

_FORM = 4

# Full-width signs too: spreadsheets of East Asia read them alike. Blanks before are dropped.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d[\d,]*)?\.?\d*([eE][+-]?\d+)?%?")


class OtherVersionError(SourceError):
    """A stored table was made by another sanctlib."""


def made_by() -> str:
    """Return which sanctlib cleans and stores here: another one may clean otherwise."""
    return f"{version('sanctlib')}-{_FORM}"


def save(reading: Reading, folder: Path) -> Path:
    """
    Write a reading into `folder` and return the path of its table.

    Three files: ``KEY.parquet``, ``KEY.rejected.csv`` and ``KEY.json``, the manifest
    with audit, coverage, provenance and the hashes of the two. Each is written under
    another name and then renamed, the manifest last: a folder cut off half way still
    holds the old table, or is told from a whole one by its hashes.

    Raises
    ------
    SanctlibError
        When the folder cannot be written.
    """
    key = reading.provenance.key
    table, rejected = folder / f"{key}.parquet", folder / f"{key}.rejected.csv"
    with writing(folder) as into:
        reading.table.to_parquet(into / table.name, index=False)
        reading.rejected.to_csv(into / rejected.name, index=False, lineterminator="\n")
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
    """
    Read a reading back from `folder`.

    Raises
    ------
    SourceError
        When it is not there, was written by another version, or a file of it is not
        the one its manifest names.
    """
    manifest = manifest_of(key, folder)
    held = {name: _held(folder / name, of) for name, of in manifest["hashes"].items()}
    rejected = pd.read_csv(held[f"{key}.rejected.csv"], dtype="str", keep_default_na=False)
    coverage = manifest["coverage"]
    return Reading(
        kind=manifest["kind"],
        table=pd.read_parquet(held[f"{key}.parquet"]),
        rejected=rejected.astype({"line": "int64"}),
        audit=Audit(pd.DataFrame(manifest["audit"])),
        coverage=None if coverage is None else coverage_from(coverage),
        provenance=Provenance(**manifest["provenance"]),
        unmatched=pd.DataFrame(manifest["unmatched"], columns=["side", "name", "reason", "n"]),
        curated=manifest["curated"],
    )


def manifest_of(key: str, folder: Path) -> dict[str, Any]:
    """
    Return what the manifest of a stored table says.

    Raises
    ------
    SourceError
        When it is not there, is none, or was written by another version.
    """
    path = folder / f"{key}.json"
    if not path.is_file():
        raise SourceError(f"The store has no {key!r}. `sanctlib prepare {key}` writes it.")
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        stored_by = said["version"]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path.name!r} in the store is no manifest: run `sanctlib prepare`."
        raise SourceError(msg) from error
    if stored_by != made_by():
        msg = f"The stored {key!r} is of another version: run `sanctlib prepare`."
        raise OtherVersionError(msg)
    return said


def _held(path: Path, expected: str) -> io.BytesIO:
    """Return a file of the store as read once: what was hashed is what is parsed."""
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != expected:
        msg = (
            f"{path.name!r} in the store is not the file its manifest names: run `sanctlib "
            "prepare`; if one is running now, read again when it is done."
        )
        raise SourceError(msg)
    return io.BytesIO(content)


def write(table: pd.DataFrame, path: str | Path, *, citation: str | None = None) -> Path:
    """
    Save a result as CSV that no spreadsheet runs, and a text file that says whom to cite.

    A spreadsheet takes text that begins with ``=``, ``+``, ``-`` or ``@`` for a formula,
    and such text can come from anyone's data. It gets an apostrophe before it, which says
    "text" there; so do the names of columns. Numbers stay as they are, -5 among them, even
    where they are held as text.

    Parameters
    ----------
    table : DataFrame
        Its index is not written.
    citation : str, optional
        Goes beside the table, into ``NAME.csv.citation.txt``.

    Raises
    ------
    SanctlibError
        When the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> table = pd.DataFrame({"name": ["=1+1", "Iran"], "change": [-5, 3]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write(table, f"{folder}/changes.csv").read_text())
    name,change
    '=1+1,-5
    Iran,3
    <BLANKLINE>
    """
    target = Path(path)
    with writing(target.parent) as into:
        _without_formulas(table).to_csv(into / target.name, index=False, lineterminator="\n")
        if citation is not None:
            (into / f"{target.name}.citation.txt").write_text(citation + "\n", encoding="utf-8")
    return target


def _without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    # By place, not by name: two columns may share one.
    columns = {
        i: column.astype("object").map(_as_text) if _holds_text(column.dtype) else column
        for i, (_, column) in enumerate(table.items())
    }
    plain = pd.DataFrame(columns, index=table.index)
    return plain.set_axis([_as_text(c) for c in table.columns], axis=1)


def _holds_text(dtype: Any) -> bool:
    kinds = (is_object_dtype, is_string_dtype)
    return any(is_kind(dtype) for is_kind in kinds) or isinstance(dtype, pd.CategoricalDtype)


def _as_text(value: Any) -> Any:
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


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
    """Return what is said beside a stored table, as JSON."""
    said = {
        "version": made_by(),
        "kind": kind,
        "curated": curated,
        "acts_are_rows": acts_are_rows,
        "hashes": hashes,
        "audit": audit.steps.to_dict("list"),
        "unmatched": unmatched.to_dict("list"),
        "coverage": coverage
        and {
            "source": coverage.source,
            "first": coverage.first.isoformat(),
            "last": coverage.last.isoformat(),
            "states": None if coverage.states is None else sorted(coverage.states),
            "senders": None if coverage.senders is None else sorted(coverage.senders),
            "gaps": [(a.isoformat(), b.isoformat(), why) for a, b, why in coverage.gaps],
            "breaks": [(day.isoformat(), why) for day, why in coverage.breaks],
            "survivors": coverage.survivors,
        },
        "provenance": asdict(provenance),
    }
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def coverage_from(stored: dict[str, Any]) -> Coverage:
    """Return the coverage that a manifest holds."""
    day = date.fromisoformat
    return Coverage(
        source=stored["source"],
        first=day(stored["first"]),
        last=day(stored["last"]),
        states=None if stored["states"] is None else frozenset(stored["states"]),
        senders=None if stored.get("senders") is None else frozenset(stored["senders"]),
        gaps=tuple((day(a), day(b), why) for a, b, why in stored["gaps"]),
        breaks=tuple((day(d), why) for d, why in stored["breaks"]),
        survivors=stored.get("survivors", False),
    )
