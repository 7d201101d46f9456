"""Compare runs with their records: which are done, and the first number that differs."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, NamedTuple

from sanctlib.catalogue import read_now
from sanctlib.errors import ParameterError, ReportError
from sanctlib.reading import sha256
from sanctlib.reports.folders import RECORD, Record, read_record, versions
from sanctlib.reports.parameters import declared, named, shown, to_json
from sanctlib.reports.run import GIVEN, Progress, Request, find_notebook, request, run_notebook
from sanctlib.showing import Shown

_TABLES = {".csv": ",", ".tsv": "\t"}


class Standing(NamedTuple):
    """Where a run stands, and why it has to run again."""

    state: Literal["done", "stale", "failed before", "to do"]
    why: str = ""


def standing(run: Request, *, store: Path | None = None) -> Standing:
    """Compare a run with its record: notebook, parameters, data, packages and files."""
    failed, record = run.failed[1], run.folder / RECORD
    try:
        if failed.is_file():
            return Standing("failed before", read_record(failed).error or "")
        if not record.is_file():
            return Standing("to do")
        earlier = read_record(record)
    except ReportError:
        return Standing("stale", "its record is damaged")
    why = [*_changes(earlier, run, store), *_damage(earlier, run.folder)]
    return Standing("stale", "; ".join(why)) if why else Standing("done")


def _changes(record: Record, run: Request, store: Path | None) -> Iterator[str]:
    """Name what a run was made of then and is not now: notebook, parameters, data, packages."""
    if record.notebook_sha256 != run.notebook_sha256:
        yield "the notebook changed"
    for name, value in run.values.items():
        then = record.parameters.get(name)
        if not _same(then, value):
            yield f"{name}: {shown(then)} → {shown(value)}"
    for name in dict.fromkeys([*record.inputs, *run.inputs]):
        own = name in run.inputs or name.startswith(f"{GIVEN}/")
        old, new = record.inputs.get(name), run.inputs.get(name) if own else read_now(name, store)
        if old != new:
            what = "changed" if old and new else "is new" if new else "is gone"
            yield f"{name.removeprefix(f'{GIVEN}/')} {what}"
    packages = versions()
    for name in dict.fromkeys([*record.versions, *packages]):
        was, is_now = record.versions.get(name, "none"), packages.get(name, "none")
        if was != is_now:
            yield f"{name} {was} → {is_now}"


def _same(then: object, now: object) -> bool:
    """Whether a recorded value is that of now; files are compared by name here, else by content."""
    if isinstance(now, Path):
        return isinstance(then, str) and Path(then).name == now.name
    if isinstance(now, list) and isinstance(then, list):
        return len(then) == len(now) and all(map(_same, then, now))
    return bool(then == to_json({"": now})[""])


def _damage(record: Record, folder: Path) -> Iterator[str]:
    """Name the files of a finished run that are missing or not as the run wrote them."""
    for name, digest in record.outputs.items():
        try:
            if sha256(folder / name) != digest:
                yield f"{name} is not as the run wrote it"
        except OSError:
            yield f"{name} is missing"


@dataclass(frozen=True, kw_only=True, repr=False)
class Verdict(Shown):
    """What executing a run again gave."""

    changes: list[str]
    """What is not as the record says: notebook, data, packages, files of the run."""
    differences: list[str]
    """The first difference of each file that is not equal, tables first."""
    n_files: int

    def _shown(self) -> list[str]:
        lines = [f"not as recorded: {change}" for change in self.changes]
        lines += [f"differs: {difference}" for difference in self.differences]
        return ["\n".join(lines + [f"equal: {self.n_files} files"] * self.equal)]

    @property
    def equal(self) -> bool:
        """Whether every file came out the same."""
        return not self.differences


def verify(
    folder: Path,
    *,
    notebook: Path | None = None,
    store: Path | None = None,
    timeout: int = 900,
    progress: Progress | None = None,
) -> Verdict:
    """
    Execute a run again from its record, in a temporary folder, and compare every file.

    `notebook` is by default the one that the record names.
    """
    record = read_record(folder / RECORD)
    path = find_notebook(notebook or record.source or record.notebook)
    changed = [] if sha256(path) == record.notebook_sha256 else ["the notebook changed"]
    with tempfile.TemporaryDirectory(prefix="sanctlib-verify-") as temporary:
        out = Path(temporary)
        try:
            known = declared(path)
            values = {
                name: named(name, known).check(value, what=name, from_json=True)
                for name, value in record.parameters.items()
            }
            run = request(path, parameters=values, out=out)
        except ParameterError as error:
            msg = "; ".join([*changed, str(error)])
            raise ReportError(f"The run cannot be executed from its record: {msg}") from error
        changed = [*_changes(record, run, store), *_damage(record, folder)]
        again = run_notebook(
            path, parameters=values, out=out, store=store, timeout=timeout, progress=progress
        )
        names = sorted(
            {*record.outputs, *again.record.outputs},
            key=lambda name: (Path(name).suffix.lower() not in _TABLES, name),
        )
        places = {name: first_difference(folder / name, again.folder / name) for name in names}
    differences = [f"{name}{place}" for name, place in places.items() if place]
    return Verdict(changes=changed, differences=differences, n_files=len(names))


def first_difference(before: Path, after: Path) -> str:
    """Return where two files first differ: row (from 1), column and both cells of a table."""
    if not after.is_file():
        return " is not written any more"
    if not before.is_file():
        return " is missing in the run's folder"
    old, new = before.read_bytes(), after.read_bytes()
    if old == new:
        return ""
    mark = _TABLES.get(before.suffix.lower())
    cell = "" if mark is None else _first_cell(_rows(old, mark), _rows(new, mark))
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    return cell or f", byte {min(len(old), len(new)) if at is None else at}"


def _rows(content: bytes, mark: str) -> list[list[str]]:
    csv.field_size_limit(2**31 - 1)  # the widest that every system takes
    text = io.StringIO(content.decode("utf-8", errors="replace"), newline="")
    return list(csv.reader(text, delimiter=mark))


def _first_cell(old: list[list[str]], new: list[list[str]]) -> str:
    header = old[0] if old else []
    for i, (a, b) in enumerate(zip_longest(old, new)):
        if a is None or b is None:
            return f": {max(len(old) - 1, 0)} → {max(len(new) - 1, 0)} rows"
        for j, (x, y) in enumerate(zip_longest(a, b, fillvalue="no cell")):
            if x != y:
                column = header[j] if j < len(header) else str(j + 1)
                where = f"row {i}, column {column!r}" if i else f"header, column {j + 1}"
                return f", {where}: {x} → {y}"
    return ""
