"""Records: what a run was made of, so that it can be found again, resumed and proved."""

from __future__ import annotations

import hashlib
import json
import platform
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from sanctlib.errors import ReportError
from sanctlib.reading import sha256
from sanctlib.reports.folders import write_whole

RECORD = "record.json"
PACKAGES = (
    *("sanctlib", "pandas", "numpy", "pyarrow", "duckdb", "matplotlib", "scipy", "statsmodels"),
    *("papermill", "nbconvert"),
)


@cache
def versions() -> dict[str, str]:
    """
    Return the versions of Python and of the packages that make the numbers.

    Ours has the first digits of the sha256 of all its files: between two releases the
    code changes and its version does not.
    """
    packages = {name: version(name) for name in PACKAGES}
    package = Path(__file__).parents[1]
    hashes = [
        (path.relative_to(package).as_posix(), sha256(path))
        for path in sorted(package.rglob("*"))
        # What it ships has hashes of its own.
        if path.is_file() and not {"__pycache__", "_shipped"} & set(path.parts)
    ]
    packages["sanctlib"] += f"+{hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:8]}"
    return {"python": platform.python_version()} | packages


class Record(BaseModel):
    """
    One run: notebook, parameters, data, versions, times and files.

    Times are kept here only: notebook and page of two equal runs are equal bytes.
    """

    model_config = ConfigDict(frozen=True)

    notebook: str
    notebook_sha256: str
    title: str
    status: Literal["done", "failed"]
    parameters: dict[str, Any]
    """All values the notebook ran with, as JSON holds them."""
    changed: dict[str, str]
    """Those that are not the defaults, as readers write them."""
    inputs: dict[str, str]
    """Datasets and files read, and their sha256."""
    started: datetime
    finished: datetime
    error: str | None = None
    outputs: dict[str, str] = {}
    """Files of the run's folder and their sha256, except for the record."""
    versions: dict[str, str] = Field(default_factory=versions)
    source: str | None = None
    """The notebook's file as it was asked for, or None for one of ours."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (self.finished - self.started).total_seconds()


def output_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file in `folder` and below, except for the record."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / RECORD)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def write_record(record: Record, path: Path) -> None:
    """Write a record as JSON; a ReportError if the disk refuses."""
    content = record.model_dump(mode="json")
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_record(path: Path) -> Record:
    """Read a record that `write_record` wrote; a ReportError if the file is none."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ReportError(f"{str(path)!r} is not the record of a run: {error}") from error
