"""Name the folder of a report and record what made it. Return paths and records."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from sanctlib.codes.succession import is_state_code
from sanctlib.errors import ReportError, SanctlibError
from sanctlib.reading import sha256
from sanctlib.reports.parameters import leaves, to_json
from sanctlib.writing import claimed, remove_claimed, sweep_dead, writing

LONGEST_NAME = 80
_PRIVATE = "sanctlib-k-"


def folder_name(changed: Mapping[str, object], *, contents: Mapping[str, str]) -> str:
    """
    Name the folder of a run after the parameters that differ from their defaults.

    Two runs never share one, not even where a file system ignores case: a long or unsafe name
    gets a hash of the exact values and of the `contents` of files.
    """
    texts = {
        name: [v.name if isinstance(v, Path) else str(v) for v in leaves(value)]
        for name, value in changed.items()
    }
    readable = ",".join(f"{name}={'-'.join(parts)}" for name, parts in texts.items())
    if len(readable) <= LONGEST_NAME and all(_is_safe(part) for part in changed.items()):
        return readable or "default"
    exact = json.dumps([to_json(changed), dict(contents)], sort_keys=True)
    short = hashlib.sha256(exact.encode()).hexdigest()[:8]
    shown = re.sub(r"[^A-Za-z0-9._=,-]+", "_", readable)[: LONGEST_NAME - len(short) - 1]
    return f"{shown}-{short}"


def _is_safe(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(_is_safe(v) for v in value)
    if isinstance(value, str):
        # "none" and "rus" would differ from None and RUS by their case only.
        plain = value != "none" and not is_state_code(value.upper())
        return is_state_code(value) or (plain and re.fullmatch("[a-z0-9_]+", value) is not None)
    return not isinstance(value, Path)


@contextmanager
def fresh_sibling(final: Path) -> Iterator[Path]:
    """
    Make an empty folder next to `final`, on the same file system; remove it at the end.

    It is locked as long as this process lives: see `sweep`.
    """
    if final.exists() and not final.is_dir():
        msg = f"{str(final)!r} is a file, and the report writes a folder there. Move the file."
        raise ReportError(msg)
    try:
        fresh, lock = claimed(final.parent, f".{final.name}.running-")
    except OSError as error:
        msg = f"The report cannot write into {str(final.parent)!r}: {error.strerror}."
        raise ReportError(msg) from error
    try:
        yield fresh
    except OSError as error:
        msg = f"The report for {str(final)!r} cannot be written: {error.strerror or error}."
        raise ReportError(msg) from error
    finally:
        remove_claimed(fresh, lock)
        with suppress(OSError):
            final.parent.rmdir()  # an interrupted first run leaves nothing


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder for sockets among the system's temporary ones; `sweep` removes dead ones."""
    # Sockets have short paths only.
    folder, lock = claimed(Path(tempfile.gettempdir()), _PRIVATE)
    try:
        yield folder
    finally:
        remove_claimed(folder, lock)


def sweep(out: Path) -> None:
    """
    Remove what killed runs left in the folder of reports `out` and among temporary files.

    A report that a killed run had just moved aside goes back. Where folders cannot be locked
    (Windows, some network disks) unfinished ones stay.
    """
    for earlier in out.glob("*/.*.earlier-*"):
        final = earlier.with_name(earlier.name[1:].rpartition(".earlier-")[0])
        with suppress(OSError):
            earlier.rename(final)
        shutil.rmtree(earlier, ignore_errors=True)
    temporary = Path(tempfile.gettempdir()).glob(f"{_PRIVATE}*")
    sweep_dead([*out.glob("*/.*.running-*"), *temporary])


def publish(fresh: Path, final: Path) -> None:
    """
    Put the finished folder `fresh` in the place of `final`; of two runs the last stays.

    Everything is on disk before the names change; `final` stays if the disk refuses.
    """
    earlier: list[Path] = []
    try:
        for path in [*fresh.rglob("*"), fresh]:
            _to_disk(path)
        while fresh.exists():
            earlier.append(final.parent / f".{final.name}.earlier-{secrets.token_hex(4)}")
            with suppress(FileNotFoundError):
                final.rename(earlier[-1])
            try:
                fresh.rename(final)
            except OSError:
                # Another run may have put its folder there in between: take its place.
                if not final.is_dir():
                    raise
        _to_disk(final.parent)
    except OSError as error:
        msg = f"The report cannot be moved to {str(final)!r}: {error.strerror}."
        raise ReportError(msg) from error
    finally:
        if earlier and earlier[-1].exists() and not final.exists():
            earlier[-1].rename(final)
        for path in earlier:
            shutil.rmtree(path, ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all (a ReportError), making its folder."""
    try:
        with writing(path.parent) as into:
            (into / path.name).write_text(text, encoding="utf-8", newline="\n")
    except (SanctlibError, UnicodeError) as error:
        why = getattr(error.__cause__, "strerror", None) or error
        raise ReportError(f"{str(path)!r} cannot be written: {why}.") from error


def _to_disk(path: Path) -> None:
    if path.is_symlink() or (path.is_dir() and os.name == "nt"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


RECORD = "record.json"
_PACKAGES = (
    *("sanctlib", "pandas", "numpy", "pyarrow", "duckdb", "matplotlib", "scipy", "statsmodels"),
    *("papermill", "nbconvert"),
)


@cache
def versions() -> dict[str, str]:
    """
    Return the versions of Python and of the packages that make the numbers.

    Ours has a hash of its files: between two releases the code changes, its version does not.
    """
    packages = {name: version(name) for name in _PACKAGES}
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
    """One run: notebook, parameters, data, versions and files; only the record has its times."""

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
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_whole(path, f"{text}\n")


def read_record(path: Path) -> Record:
    """Read a record that `write_record` wrote; a ReportError if the file is none."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ReportError(f"{str(path)!r} is not the record of a run: {error}") from error
