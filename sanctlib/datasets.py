"""The datasets we ship: where they lie, how they are read, cleaned, prepared and cited."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError, check_choice, did_you_mean
from sanctlib.reading import Provenance, Reading, note_used, sha256, used
from sanctlib.schema import TableKind
from sanctlib.showing import progress_bar
from sanctlib.sources.chronology import read_chronology
from sanctlib.sources.own import read_own
from sanctlib.sources.producers import producers
from sanctlib.sources.registry import STREAMED
from sanctlib.store import OtherVersionError, load_stored, save

_COUNTS = ("n_read", "n_added", "n_merged", "n_rejected", "n_kept")

STORE_VARIABLE = "SANCTLIB_STORE"
"""Environment variable that names the folder of prepared tables."""

AUDIT = "audit.csv"
"""File with the steps from the producer's rows to a table that was computed from them."""

STORE = "data/processed"
"""That folder where nothing else is said, below the working folder."""

NOTES_VARIABLE = "SANCTLIB_NOTES"
"""Environment variable that names a folder: it gets a file per dataset read, with its sha256."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One shipped table: its file, what it is, and what its source says of it."""

    key: str
    folder: str
    file: str
    sha256: str
    kind: TableKind
    curated: bool
    coverage: Coverage
    provenance: Provenance
    how: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return shipped_path("raw") / self.folder / self.file


def shipped_path(name: str) -> Path:
    """
    Return the folder of what we ship: ``"raw"`` or ``"notebooks"``.

    An installed package carries both; an editable install finds the checkout's.

    Raises
    ------
    SourceError
        When neither is there.
    """
    package = Path(__file__).parent
    checkout = {"raw": package.parent / "data" / "raw", "notebooks": package.parent / "notebooks"}
    check_choice(name, checkout, what="folder", needed_by="shipped_path")
    for folder in (package / "_shipped" / name, checkout[name]):
        if folder.is_dir():
            return folder
    raise SourceError(f"This installation of sanctlib lacks its folder {name!r}: install it again.")


@cache
def shipped() -> dict[str, Dataset]:
    """Return the shipped datasets by key, in the order of their folders."""
    found: dict[str, Dataset] = {}
    for path in sorted(shipped_path("raw").glob("*/source.toml")):
        source = tomllib.loads(path.read_text(encoding="utf-8"))
        for key, table in source["tables"].items():
            found[key] = _dataset(key, path.parent.name, source, table)
    return found


def catalogue() -> pd.DataFrame:
    """
    List the shipped datasets: a row each.

    Returns
    -------
    DataFrame
        ``key``, ``title``, ``kind``, ``first``, ``last`` (days covered), ``curated``,
        ``licence``, ``how`` (how the table was made).
    """
    rows = [
        {
            "key": d.key,
            "title": d.provenance.title,
            "kind": d.kind,
            "first": d.coverage.first,
            "last": d.coverage.last,
            "curated": d.curated,
            "licence": d.provenance.licence,
            "how": d.how,
        }
        for d in shipped().values()
    ]
    return pd.DataFrame(rows)


def readers() -> pd.DataFrame:
    """
    List the sources that `sl.read` can read from a producer's file: a row each.

    Returns
    -------
    DataFrame
        ``key``, ``title``, ``kind`` (of table), ``status`` (real file: tested on one;
        layout only: on hand-made files; provisional: the layout itself is not certain),
        ``tested`` (on what), ``licence``, ``fetch`` (what `sanctlib fetch` calls it, empty
        where it cannot), ``where`` to get it.
    """
    columns = ("key", "title", "kind", "status", "tested", "licence", "where")
    rows = [{c: getattr(p, c) for c in columns} for p in producers().values()]
    table = pd.DataFrame(rows)
    names = [p.fetch.get("name", "") for p in producers().values()]
    table.insert(len(columns) - 1, "fetch", pd.Series(names, dtype="str"))
    return table


def upstream_audit() -> pd.DataFrame:
    """
    Return the audits of the producers' files that shipped tables were computed from.

    Returns
    -------
    DataFrame
        ``folder``, ``step``, ``n_in``, ``n_added``, ``n_merged``, ``n_rejected``,
        ``n_out``: what became of the producer's rows before they were counted.
    """
    paths = sorted(shipped_path("raw").glob(f"*/{AUDIT}"))
    steps = [pd.read_csv(path).assign(folder=path.parent.name) for path in paths]
    table = pd.concat(steps, ignore_index=True)
    return table[["folder", *[c for c in table.columns if c != "folder"]]]


def load(key: str, *, store: str | Path | None = None) -> Reading:
    """
    Return a shipped dataset, cleaned.

    A prepared copy is taken from `store` (or the folder that SANCTLIB_STORE names) when
    it was made from the very file we ship; otherwise the file is read and cleaned now,
    with the same result, and nothing is written.

    Raises
    ------
    UnknownChoiceError
        For an unknown key.
    SourceError
        When the shipped file is not the one its ``source.toml`` names.

    Examples
    --------
    >>> load("ofac_sdn").table["added"].sum()
    np.int64(6809)
    """
    hint = f" Its file does not come with sanctlib: sl.read({key!r}, path) reads it; sl.readers()"
    hint = f"{hint} says where to get it." if key in producers() else ""
    check_choice(key, shipped(), what="dataset", needed_by="sl.load", hint=hint)
    dataset = shipped()[key]
    note_read(dataset.key, dataset.sha256)
    named = store or os.environ.get(STORE_VARIABLE)
    reading = None
    if named and (Path(named) / f"{key}.json").is_file():
        # What another version stored is cleaned anew: it may have cleaned otherwise.
        with suppress(OtherVersionError):
            reading = load_stored(key, Path(named))
    if reading is None or reading.provenance.files != {dataset.file: dataset.sha256}:
        reading = _clean(dataset)
    note_used(dataset.provenance)
    return reading


def prepare(
    keys: Iterable[str] | None = None, *, out: str | Path | None = None, progress: bool = False
) -> pd.DataFrame:
    """
    Clean shipped datasets into a store of Parquet files with manifests.

    Parameters
    ----------
    keys : iterable of str, optional
        Which; all by default.
    out : path, optional
        The folder of the store: by default the one that SANCTLIB_STORE names, else
        ``data/processed``.
    progress : bool
        Show a bar, at a terminal or in a notebook.

    Returns
    -------
    DataFrame
        A row per dataset: ``key``, ``kind``, ``n_read``, ``n_added``, ``n_merged``,
        ``n_rejected``, ``n_kept``.

    Raises
    ------
    UnknownChoiceError, SanctlibError
    """
    wanted = list(shipped()) if keys is None else list(keys)
    for key in wanted:
        near = did_you_mean(key, STREAMED)
        hint = f"{near} Of that its files are named too: sl.prepare_files." if near else ""
        check_choice(key, shipped(), what="dataset", needed_by="sl.prepare", hint=hint)
    folder = store_folder(out)
    rows = []
    with progress_bar(len(wanted), name="prepare", unit="dataset", progress=progress) as bar:
        for key in wanted:
            note_read(key, shipped()[key].sha256)
            reading = _clean(shipped()[key])
            save(reading, folder)
            counts = {n: getattr(reading.audit, n) for n in _COUNTS}
            rows.append({"key": key, "kind": reading.kind, **counts})
            bar.update()
    return pd.DataFrame(rows)


def cite(keys: Iterable[str] | None = None) -> str:
    """
    Return the citations of datasets, one a line.

    Parameters
    ----------
    keys : iterable of str, optional
        Shipped datasets or sources that `sl.read` knows; by default all that this process
        has read or loaded, in order of first use.

    Raises
    ------
    UnknownChoiceError
        For an unknown key.
    """
    if keys is None:
        return "\n".join(dict.fromkeys(used().values()))
    known = {key: source.citation for key, source in producers().items()}
    known |= {key: dataset.provenance.citation for key, dataset in shipped().items()}
    wanted = list(keys)
    for key in wanted:
        check_choice(key, known, what="dataset", needed_by="sl.cite")
    return "\n".join(dict.fromkeys(known[key] for key in wanted))


def store_folder(named: str | Path | None) -> Path:
    """Return the folder of the store: the one named, else that of SANCTLIB_STORE, else ours."""
    return Path(named or os.environ.get(STORE_VARIABLE) or STORE)


def note_read(key: str, digest: str) -> None:
    """Tell whoever runs a notebook what it read, by its sha256."""
    if folder := os.environ.get(NOTES_VARIABLE):
        (Path(folder) / key).write_text(digest, encoding="utf-8")


def read_now(key: str, store: Path | None) -> str | None:
    """Return the sha256 that `note_read` would be told of a key today, if it is there."""
    path = shipped()[key].path if key in shipped() else store_folder(store) / f"{key}.json"
    return sha256(path) if path.is_file() else None


def _clean(dataset: Dataset) -> Reading:
    found = sha256(dataset.path)
    if found != dataset.sha256:
        msg = (
            f"{dataset.file!r} of {dataset.key!r} has the sha256 {found[:12]}…, its source.toml "
            f"names {dataset.sha256[:12]}…: the file was changed; `make data` writes both."
        )
        raise SourceError(msg)
    if dataset.curated:
        return read_chronology(
            dataset.path, provenance=dataset.provenance, coverage=dataset.coverage
        )
    return read_own(
        dataset.path,
        kind=dataset.kind,
        provenance=dataset.provenance,
        coverage=dataset.coverage,
    )


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
    )
