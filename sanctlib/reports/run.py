"""Run a notebook: checked parameters, a fresh process, proof of success, all files or none."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.catalogue import STORE_VARIABLE
from sanctlib.shipped import shipped_path
from sanctlib.errors import ReportError, did_you_mean
from sanctlib.reports.executed import (
    code_cells,
    failure,
    leak,
    private_paths,
    tidied,
    with_parameters,
    without_traces,
)
from sanctlib.reports.folders import fresh_sibling, publish, write_whole
from sanctlib.reports.parameters import read_notebook
from sanctlib.reports.record import RECORD, Record, output_hashes, write_record
from sanctlib.reports.request import GIVEN, request
from sanctlib.showing import Shown, ShownTable, show_table

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of code cells done and of all, from the start to the end of a run."""

_SILENT = logging.NullHandler()
NOTEBOOK = "notebook.ipynb"
PAGE = "report.html"


@dataclass(frozen=True, kw_only=True, repr=False)
class Run(Shown):
    """One run of a notebook: where its files are, and the record of it."""

    folder: Path
    record: Record

    def _shown(self) -> list[str | ShownTable]:
        record = self.record
        files = pd.DataFrame(record.outputs.items(), columns=["file", "sha256"])
        said = f"{record.notebook}: {record.status} in {record.seconds:.0f} s, in {self.folder}"
        return [said, show_table(files)]


class NotebookError(ReportError):
    """
    A notebook that failed in its kernel; `run` says where the failed notebook is kept.

    `kernel_died` tells a kernel that was killed or never came up, which may go well
    when tried again, from a cell that failed.
    """

    def __init__(self, run: Run, *, kernel_died: bool = False) -> None:
        super().__init__(f"The notebook {run.record.notebook!r} failed: {run.record.error}")
        self.run = run
        self.kernel_died = kernel_died


def notebooks_folder() -> Path:
    """Return the folder of our notebooks: the checkout's, or the one inside the package."""
    return shipped_path("notebooks")


def available() -> list[str]:
    """Return the names of our notebooks, in order."""
    return sorted(p.stem for p in notebooks_folder().glob("[!._]*.ipynb"))


def find_notebook(name_or_path: str | Path) -> Path:
    """
    Return the file of one of our notebooks by its name, or of anyone's by its path.

    Raises
    ------
    ReportError
        When there is none, with the names there are.
    """
    name = str(name_or_path)
    if name in available():
        return notebooks_folder() / f"{name}.ipynb"
    path = Path(name_or_path)
    # A run's folder bears the name: of a hidden one no index would know.
    if path.suffix == ".ipynb" and path.is_file() and not path.name.startswith("."):
        return path
    known = available()
    shown = ", ".join(repr(k) for k in known) or "none"
    msg = f"There is no notebook {name!r}. Known: {shown}; or the path of an .ipynb file."
    raise ReportError(msg + did_you_mean(path.stem, known))


def run_notebook(
    name_or_path: str | Path,
    *,
    parameters: Mapping[str, object],
    out: str | Path,
    timeout: int = 900,
    store: Path | None = None,
    progress: Progress | None = None,
    fast: bool = False,
) -> Run:
    """
    Run a notebook with `parameters` and keep its files in ``out/<notebook>/<parameters>/``.

    The folder then holds what the notebook wrote, `notebook.ipynb`, `report.html` and
    `record.json`: all of it or, after a failure, the last good files with
    ``<notebook>.failed.ipynb`` beside them. Same notebook, parameters and data, same
    bytes, the record aside.

    Parameters
    ----------
    parameters
        Values by name, of the types the notebook declares. A path is a file to read:
        the notebook finds it under a plain name, and the record has its hash.
    timeout
        Seconds for the whole notebook.
    store
        Folder of the processed data, handed on as the variable SANCTLIB_STORE; by default
        the one it names here.
    fast
        Whether to fork the kernel from a process that has imported the libraries, on
        Linux; elsewhere it makes no difference.

    Raises
    ------
    ParameterError
        Before a kernel starts: an unknown name, a value of another type, no state.
    ReportError
        Before a kernel starts: no such notebook, no place to write.
    NotebookError
        When a cell raises, exits, is killed or runs out of time.
    """
    from sanctlib.reports.html import render, title_of
    from sanctlib.reports.kernels import kernel_config

    asked = request(find_notebook(name_or_path), parameters=parameters, out=Path(out))
    if store is None and (named := os.environ.get(STORE_VARIABLE)):
        store = Path(named)
    name, final, given = asked.notebook.stem, asked.folder, asked.given
    planned = with_parameters(read_notebook(asked.notebook), asked.named, name=name)
    begun = datetime.now(UTC)
    record = Record(
        notebook=name,
        notebook_sha256=asked.notebook_sha256,
        title=title_of(planned, otherwise=name),
        status="done",
        parameters=asked.values,
        changed=tuple(asked.changed),
        inputs=asked.inputs,
        started=begun,
        finished=begun,
        source=None if asked.notebook.parent == notebooks_folder() else str(name_or_path),
    )
    with fresh_sibling(final) as fresh:
        work, notes = fresh / "work", fresh / "inputs"
        _lay_out(work, given)
        notes.mkdir()
        with kernel_config(work, store=store, notes=notes) as config:
            executed, n_begun, error = _execute(
                planned,
                fresh / NOTEBOOK,
                config=config,
                timeout=timeout,
                progress=progress,
                fast=fast,
            )
        read = {note.name: note.read_text("utf-8") for note in sorted(notes.glob("*"))}
        record = replace(record, inputs=asked.inputs | read)
        private = private_paths(work, store=store, given=given)
        done = tidied(executed, planned, private=private)
        shutil.rmtree(work / GIVEN, ignore_errors=True)
        gone = not work.is_dir()  # then no cell is to blame where saving broke off
        why = leak(work) if gone else failure(executed, n_begun=n_begun, error=error) or leak(work)
        if why is not None:
            why = without_traces(why, private)
            record = replace(record, status="failed", error=why, finished=datetime.now(UTC))
            write_whole(asked.failed[0], _as_text(done))
            write_record(record, asked.failed[1])
            died = type(error).__name__ == "DeadKernelError" or (n_begun == 0 and error is not None)
            raise NotebookError(Run(folder=final, record=record), kernel_died=died)
        write_whole(work / NOTEBOOK, _as_text(done))
        files = [*output_hashes(work), RECORD]
        write_whole(work / PAGE, render(done, name=name, parameters=asked.values, files=files))
        record = replace(record, outputs=output_hashes(work), finished=datetime.now(UTC))
        write_record(record, work / RECORD)
        publish(work, final)
    return Run(folder=final, record=record)


def _lay_out(work: Path, given: Mapping[str, Path]) -> None:
    work.mkdir()
    for alias, file in given.items():
        (work / alias).parent.mkdir(parents=True, exist_ok=True)
        try:
            (work / alias).symlink_to(file)
        except OSError:  # Windows allows links to some users only
            shutil.copyfile(file, work / alias)


def _execute(
    planned: dict[str, Any],
    saved: Path,
    *,
    config: Any,
    timeout: int,
    progress: Progress | None,
    fast: bool,
) -> tuple[dict[str, Any], int, Exception | None]:
    """Run the cells; return the notebook as last saved, the cells begun, what stopped it."""
    import nbformat
    import papermill

    from sanctlib.reports.client import engine
    from sanctlib.reports.kernels import PrivateKernel

    kernel = PrivateKernel
    if fast:
        from sanctlib.reports.forks import ForkedKernel as kernel
    # Without a handler Python prints its errors, which stand in ours already.
    logging.getLogger("papermill").addHandler(_SILENT)
    n_cells, n_begun, n_done = len(code_cells(planned)), 0, 0
    deadline = time.monotonic() + timeout

    def cell_begun(**_: object) -> None:
        nonlocal n_begun
        n_begun += 1

    def cell_done(**_: object) -> None:
        nonlocal n_done
        n_done += 1
        if progress is not None:
            progress(n_done, n_cells)

    if progress is not None:
        progress(0, n_cells)
    error: Exception | None = None
    try:
        papermill.execute_notebook(
            _as_node(planned),
            saved,
            engine_name=engine(),
            kernel_name="python3",
            progress_bar=False,
            kernel_manager_class=kernel,
            config=config,
            # nbclient counts a time-out per cell: each gets what is left of the whole.
            timeout_func=lambda _cell: max(deadline - time.monotonic(), 0.01),
            on_cell_execute=cell_begun,
            on_cell_executed=cell_done,
        )
    except Exception as stopped:  # whatever it is, it is the run's error
        error = stopped
    try:
        executed = nbformat.read(saved, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError):  # a full disk leaves nothing, or half a notebook
        return planned, n_begun, error
    return executed, n_begun, error


def _as_node(notebook: dict[str, Any]) -> Any:
    import nbformat

    return nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]


def _as_text(notebook: dict[str, Any]) -> str:
    import nbformat

    text: str = nbformat.writes(_as_node(notebook))  # type: ignore[no-untyped-call]
    return text + "\n"
