"""Records: what a run was made of, so that it can be found again, resumed and proved."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeAlias

from sanctlib.errors import ReportError
from sanctlib.reading import sha256
from sanctlib.reports.folders import write_whole
from sanctlib.reports.values import from_json, to_json

Status: TypeAlias = Literal["done", "failed"]

RECORD = "record.json"
PACKAGES = (
    "sanctlib",
    "pandas",
    "numpy",
    "pyarrow",
    "duckdb",
    "matplotlib",
    "scipy",
    "statsmodels",
    "papermill",
    "nbconvert",
)


@cache
def versions() -> dict[str, str]:
    """
    Return the versions of Python and of the packages that make the numbers.

    Ours bears the first digits of the sha256 of all its files: between two releases the
    code changes and its version does not.
    """
    packages = {name: version(name) for name in PACKAGES}
    packages["sanctlib"] += f"+{_code_hash(Path(__file__).parents[1])[:8]}"
    return {"python": platform.python_version()} | packages


def _code_hash(package: Path) -> str:
    """Return one hash of the files of a package; what it ships has hashes of its own."""
    hashes = [
        (path.relative_to(package).as_posix(), sha256(path))
        for path in sorted(package.rglob("*"))
        if path.is_file() and not {"__pycache__", "_shipped"} & set(path.parts)
    ]
    return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Record:
    """
    One run: notebook, parameters, data, versions, times and files.

    Times stand here only: notebook and page of two equal runs are equal bytes.
    """

    notebook: str
    notebook_sha256: str
    title: str
    status: Status
    parameters: dict[str, object]
    """All values the notebook ran with."""
    changed: tuple[str, ...]
    """The names of those that are not the defaults."""
    inputs: dict[str, str]
    """Datasets and files read, and their sha256."""
    started: datetime
    finished: datetime
    error: str | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    """Files of the run's folder and their sha256, the record aside."""
    versions: dict[str, str] = field(default_factory=versions)
    source: str | None = None
    """The notebook's file as it was asked for, or None for one of ours."""

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (self.finished - self.started).total_seconds()


def output_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file in `folder` and below, the record aside."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / RECORD)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def write_record(record: Record, path: Path) -> None:
    """
    Write a record as JSON.

    Raises
    ------
    ReportError
        When the disk refuses.
    """
    content: Mapping[str, object] = vars(record) | {
        "parameters": {name: to_json(value) for name, value in record.parameters.items()},
        "changed": list(record.changed),
        "started": record.started.isoformat(),
        "finished": record.finished.isoformat(),
        "seconds": record.seconds,
    }
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_record(path: Path) -> Record:
    """
    Read a record that `write_record` wrote.

    Raises
    ------
    ReportError
        When the file is not there or not a record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content.pop("seconds")
        return Record(
            **content
            | {
                "parameters": {n: from_json(v) for n, v in content["parameters"].items()},
                "changed": tuple(content["changed"]),
                "started": datetime.fromisoformat(content["started"]),
                "finished": datetime.fromisoformat(content["finished"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{str(path)!r} is not the record of a run: {error}"
        raise ReportError(msg) from error
