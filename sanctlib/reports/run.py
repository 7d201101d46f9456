"""Run a notebook: checked parameters, a fresh process, proof of success, all files or none."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.catalogue import NOTES_VARIABLE, STORE_VARIABLE
from sanctlib.errors import ParameterError, ReportError, did_you_mean
from sanctlib.reading import sha256
from sanctlib.reports.executed import (
    as_node,
    as_text,
    code_cells,
    failure,
    leak,
    private_paths,
    tidied,
    with_parameters,
    without_traces,
)
from sanctlib.reports.folders import folder_name, fresh_sibling, publish, write_whole
from sanctlib.reports.parameters import check, declared, read_notebook, shown, to_json
from sanctlib.reports.folders import RECORD, Record, output_hashes, write_record
from sanctlib.store import shipped_path
from sanctlib.showing import Shown, ShownTable, show_table

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of code cells done and of all, from the start to the end of a run."""

NOTEBOOK = "notebook.ipynb"
PAGE = "report.html"
GIVEN = "given"
"""The folder in which a notebook finds the files it was given, under plain names."""

_SILENT = logging.NullHandler()


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
    """A notebook that failed; one whose kernel died may go well when tried again."""

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
    """Return the file of one of our notebooks by its name, or of anyone's by its path."""
    name, path, known = str(name_or_path), Path(name_or_path), available()
    if name in known:
        return notebooks_folder() / f"{name}.ipynb"
    # A run's folder has the name of its notebook: no index would list a hidden one.
    if path.suffix == ".ipynb" and path.is_file() and not path.name.startswith("."):
        return path
    names = ", ".join(repr(k) for k in known) or "none"
    msg = f"There is no notebook {name!r}. Known: {names}; or the path of an .ipynb file."
    raise ReportError(msg + did_you_mean(path.stem, known))


@dataclass(frozen=True, kw_only=True)
class Request:
    """One run that was asked for: its notebook, its values, the folder it will have."""

    notebook: Path
    notebook_sha256: str
    changed: dict[str, object]
    """The values that are not the defaults."""
    values: dict[str, object]
    """All values the notebook will run with."""
    named: dict[str, object]
    """`changed`, with plain names in the place of paths."""
    given: dict[str, Path]
    """The file of each plain name."""
    inputs: dict[str, str]
    """The sha256 of each plain name."""
    folder: Path

    @property
    def name(self) -> str:
        """Notebook and folder, as on the index page."""
        return f"{self.notebook.stem}/{self.folder.name}"

    @property
    def failed(self) -> tuple[Path, Path]:
        """Where the notebook and the record of a failure are kept."""
        stem = self.notebook.stem
        return self.folder / f"{stem}.failed.ipynb", self.folder / f"{stem}.failed.json"


def request(notebook: Path, *, parameters: Mapping[str, object], out: Path) -> Request:
    """Check the parameters of a run and name its folder; nothing is executed or written."""
    known = declared(notebook)
    changed = check(parameters, known)
    given: dict[str, Path] = {}
    inputs: dict[str, str] = {}

    def plain(name: str, value: object) -> object:
        """Return the value with plain names for paths, and note the file and sha256 of each."""
        if isinstance(value, list):
            return [plain(name, v) for v in value]
        if not isinstance(value, Path):
            return value
        alias = f"{GIVEN}/{name}/{value.name}"
        if given.setdefault(alias, value.absolute()) != value.absolute():
            msg = f"{name} holds two files named {value.name!r}. Rename one of them."
            raise ParameterError(msg)
        try:
            if not value.is_file():
                raise ParameterError(f"{name} must be an existing file, got {str(value)!r}.")
            inputs[alias] = sha256(value)
        except OSError as error:
            msg = f"{name}: {str(value)!r} cannot be read: {error.strerror}."
            raise ParameterError(msg) from error
        return Path(alias)

    named = {name: plain(name, value) for name, value in changed.items()}
    return Request(
        notebook=notebook,
        notebook_sha256=sha256(notebook),
        changed=changed,
        values={name: changed.get(name, p.default) for name, p in known.items()},
        named=named,
        given=given,
        inputs=inputs,
        folder=(out / notebook.stem / folder_name(named, contents=inputs)).absolute(),
    )


def run_notebook(
    name_or_path: str | Path,
    *,
    parameters: Mapping[str, object],
    out: str | Path,
    timeout: int = 900,
    store: Path | None = None,
    progress: Progress | None = None,
) -> Run:
    """
    Run a notebook with `parameters` and keep its files in ``out/<notebook>/<parameters>/``.

    The folder then holds what the notebook wrote, `notebook.ipynb`, `report.html` and
    `record.json`: all of it or, after a failure (a NotebookError), the last good files with
    ``<notebook>.failed.ipynb`` beside them. Same notebook, parameters and data, same bytes,
    except for the record. Wrong parameters are refused before a kernel starts. A path among them
    is a file to read: the notebook finds it under a plain name, and the record has its hash.
    `timeout` is in seconds, for the whole notebook; `store` is by default what SANCTLIB_STORE names.
    """
    from sanctlib.reports.page import render, title_of

    asked = request(find_notebook(name_or_path), parameters=parameters, out=Path(out))
    if store is None and (variable := os.environ.get(STORE_VARIABLE)):
        store = Path(variable)
    name, final = asked.notebook.stem, asked.folder
    planned = with_parameters(read_notebook(asked.notebook), asked.named, name=name)
    begun = datetime.now(UTC)
    about: dict[str, Any] = {
        "notebook": name,
        "notebook_sha256": asked.notebook_sha256,
        "title": title_of(planned, otherwise=name),
        "parameters": to_json(asked.values),
        "changed": {key: shown(value) for key, value in asked.changed.items()},
        "started": begun,
        "source": None if asked.notebook.parent == notebooks_folder() else str(name_or_path),
    }
    with fresh_sibling(final) as fresh:
        work, notes = fresh / "work", fresh / "inputs"
        _lay_out(work, asked.given)
        notes.mkdir()
        environment = dict(os.environ) | {NOTES_VARIABLE: str(notes.absolute())}
        environment.pop(STORE_VARIABLE, None)
        if store is not None:
            environment[STORE_VARIABLE] = str(store.absolute())
        ended = _execute(planned, fresh, environment, timeout=timeout, progress=progress)
        read = {note.name: note.read_text("utf-8") for note in sorted(notes.glob("*"))}
        about["inputs"] = asked.inputs | read
        private = private_paths(work, store=store, given=asked.given)
        done = tidied(ended.notebook, planned, private=private)
        shutil.rmtree(work / GIVEN, ignore_errors=True)
        why = leak(work)
        if work.is_dir():  # else no cell is to blame where saving broke off
            cells, begun_cells = ended.notebook, ended.n_begun
            why = failure(cells, n_begun=begun_cells, error=ended.error, code=ended.code) or why
        if why is not None:
            why, now = without_traces(why, private), datetime.now(UTC)
            record = Record(**about, status="failed", error=why, finished=now)
            write_whole(asked.failed[0], as_text(done))
            write_record(record, asked.failed[1])
            raise NotebookError(Run(folder=final, record=record), kernel_died=ended.kernel_died)
        write_whole(work / NOTEBOOK, as_text(done))
        files = [*output_hashes(work), RECORD]
        page = render(done, name=name, parameters=asked.values, changed=asked.changed, files=files)
        write_whole(work / PAGE, page)
        outputs = output_hashes(work)
        record = Record(**about, status="done", outputs=outputs, finished=datetime.now(UTC))
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


@dataclass(kw_only=True)
class _Ended:
    """The notebook as last saved, the cells begun, what stopped it, its kernel's exit code."""

    notebook: dict[str, Any]
    n_begun: int = 0
    error: BaseException | None = None
    code: int | None = None

    @property
    def kernel_died(self) -> bool:
        never_up = self.n_begun == 0 and self.error is not None
        return never_up or type(self.error).__name__ == "DeadKernelError"


def _execute(
    planned: dict[str, Any],
    fresh: Path,
    environment: Mapping[str, str],
    *,
    timeout: int,
    progress: Progress | None,
) -> _Ended:
    """Run the cells by papermill, in a thread: signals stay with the one who called."""
    import nbformat

    from sanctlib.reports.kernel import private_kernel

    tell = progress or (lambda *_: None)
    n_cells, n_done, ended = len(code_cells(planned)), 0, _Ended(notebook=planned)
    deadline = time.monotonic() + timeout

    def cell_begun(**_: object) -> None:
        ended.n_begun += 1

    def cell_done(**_: object) -> None:
        nonlocal n_done
        n_done += 1
        tell(n_done, n_cells)

    tell(0, n_cells)
    with (
        private_kernel(fresh / "work", environment=environment) as kernel,
        ThreadPoolExecutor(1) as thread,
    ):
        running = thread.submit(
            _run_papermill,
            as_node(planned),
            fresh / NOTEBOOK,
            kernel_manager_class=kernel,
            # nbclient counts a time-out per cell: each gets what is left of the whole.
            timeout_func=lambda _cell: max(deadline - time.monotonic(), 0.01),
            on_cell_execute=cell_begun,
            on_cell_executed=cell_done,
        )
        try:
            ended.error = running.exception()
        except BaseException:  # interrupted: the thread ends with its kernel
            while not running.done():
                if kernel.process is not None:
                    kernel.process.kill()
                time.sleep(0.05)
            raise
        ended.code = kernel.process.poll() if kernel.process is not None else None
    with suppress(OSError, ValueError):  # a full disk leaves nothing, or half a notebook
        ended.notebook = nbformat.read(fresh / NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return ended


def _run_papermill(notebook: Any, into: Path, **options: Any) -> None:
    """Run papermill in a thread that closes its event loop."""
    import papermill
    from jupyter_core.utils import ensure_event_loop

    # Without a handler Python prints its errors, which are in ours already.
    logging.getLogger("papermill").addHandler(_SILENT)
    fixed = {"kernel_name": "python3", "progress_bar": False, "autosave_cell_every": 0}
    loop = ensure_event_loop()
    try:
        papermill.execute_notebook(notebook, into, **fixed, **options)
    finally:
        loop.close()
