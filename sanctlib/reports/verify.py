"""Verifying: a run executed again from its record, and the first number that differs."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from sanctlib.errors import ParameterError, ReportError
from sanctlib.reading import sha256
from sanctlib.reports.record import RECORD, read_record
from sanctlib.reports.request import request
from sanctlib.reports.resume import changes, damage
from sanctlib.reports.run import Progress, find_notebook, run_notebook
from sanctlib.showing import Shown

_TABLES = {".csv": ",", ".tsv": "\t"}
_WIDEST = 2**31 - 1


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
    Execute a run again from the record in its folder, and compare every file.

    Tables are compared cell by cell, as text: a number equal but for its last digit
    differs. The run goes into a temporary folder; its own is not touched.

    Parameters
    ----------
    notebook
        The notebook's file, where it is not the one that the record names.

    Raises
    ------
    ReportError
        When the folder holds no finished run or the notebook is not there.
    NotebookError
        When the notebook fails this time.
    """
    record = read_record(folder / RECORD)
    path = find_notebook(notebook or record.source or record.notebook)
    changed = [] if sha256(path) == record.notebook_sha256 else ["the notebook changed"]
    with tempfile.TemporaryDirectory(prefix="sanctlib-verify-") as temporary:
        out = Path(temporary)
        try:
            asked = request(path, parameters=record.parameters, out=out)
        except ParameterError as error:
            msg = "; ".join([*changed, str(error)])
            raise ReportError(f"The run cannot be executed from its record: {msg}") from error
        changed = [*changes(record, asked, store=store), *damage(record, folder)]
        again = run_notebook(
            path,
            parameters=record.parameters,
            out=out,
            store=store,
            timeout=timeout,
            progress=progress,
        )
        names = sorted(
            {*record.outputs, *again.record.outputs},
            key=lambda name: (Path(name).suffix.lower() not in _TABLES, name),
        )
        found = [first_difference(folder / name, again.folder / name) for name in names]
    differences = [f"{name}{what}" for name, what in zip(names, found, strict=True) if what]
    return Verdict(changes=changed, differences=differences, n_files=len(names))


def first_difference(before: Path, after: Path) -> str:
    """
    Say where two files first differ: row, column and both cells of a table; else nothing.

    Rows are counted from 1 below the header.
    """
    there = [path.is_file() for path in (before, after)]
    if not all(there):
        return " is missing in the run's folder" if there[1] else " is not written any more"
    old, new = before.read_bytes(), after.read_bytes()
    if old == new:
        return ""
    mark = _TABLES.get(before.suffix.lower())
    cell = "" if mark is None else _first_cell(_rows(old, mark), _rows(new, mark))
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    return cell or f", byte {min(len(old), len(new)) if at is None else at}"


def _rows(content: bytes, mark: str) -> list[list[str]]:
    csv.field_size_limit(_WIDEST)
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
