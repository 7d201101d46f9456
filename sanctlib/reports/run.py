"""Run a notebook. Checked parameters come in; a folder with page, files and record goes out."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.catalogue import NOTES_VARIABLE, STORE_VARIABLE
from sanctlib.errors import ParameterError, ReportError, did_you_mean
from sanctlib.reading import sha256
from sanctlib.reports.folders import (
    RECORD,
    Record,
    folder_name,
    fresh_sibling,
    output_hashes,
    publish,
    write_record,
    write_whole,
)
from sanctlib.reports.parameters import check, declared, read_notebook, shown, to_json
from sanctlib.showing import Shown, ShownTable, show_table
from sanctlib.store import shipped_path

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of code cells done and of all, from the start to the end of a run."""

NOTEBOOK = "notebook.ipynb"
PAGE = "report.html"
GIVEN = "given"
"""The folder in which a notebook finds the files it was given, under plain names."""

_TEXT_FILES = (".csv", ".tsv", ".txt", ".json", ".svg", ".html", ".md")
_IPYKERNEL = re.compile(r"(/[\w./+-]*)?/ipykernel_\d+/\d+\.py")
_STYLED = re.compile(r'<table id="(T_[0-9a-f]{5})"')
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+(?=>|&gt;)")


@dataclass(frozen=True, kw_only=True, repr=False)
class Run(Shown):
    """One run of a notebook: where its files are, and the record of it."""

    folder: Path
    record: Record

    def _shown(self) -> list[str | ShownTable]:
        record = self.record
        files = pd.DataFrame(record.outputs.items(), columns=["file", "sha256"])
        head = f"{record.notebook}: {record.status} in {record.seconds:.0f} s, in {self.folder}"
        return [head, show_table(files)]


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
    """One run that was requested: its notebook, its values, the folder it will have."""

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
    Run a notebook, and keep its files, page and record in ``out/<notebook>/<parameters>/``.

    After a failure (a NotebookError) the folder has the last good files and
    ``<notebook>.failed.ipynb``. `timeout` is in seconds, for the whole notebook.
    """
    # They load nbconvert and papermill.
    from sanctlib.reports.execution import execute, notebook_text, with_parameters
    from sanctlib.reports.page import render, title_of

    run = request(find_notebook(name_or_path), parameters=parameters, out=Path(out))
    if store is None and (variable := os.environ.get(STORE_VARIABLE)):
        store = Path(variable)
    name = run.notebook.stem
    planned = with_parameters(read_notebook(run.notebook), run.named, name=name)
    about: dict[str, Any] = {
        "notebook": name,
        "notebook_sha256": run.notebook_sha256,
        "title": title_of(planned, otherwise=name),
        "parameters": to_json(run.values),
        "changed": {key: shown(value) for key, value in run.changed.items()},
        "started": datetime.now(UTC),
        "source": None if run.notebook.parent == notebooks_folder() else str(name_or_path),
    }
    with fresh_sibling(run.folder) as fresh:
        work, notes = fresh / "work", fresh / "inputs"
        _lay_out(work, run.given)
        notes.mkdir()
        environment = dict(os.environ) | {NOTES_VARIABLE: str(notes.absolute())}
        environment.pop(STORE_VARIABLE, None)
        if store is not None:
            environment[STORE_VARIABLE] = str(store.absolute())
        executed = execute(planned, work, environment, timeout=timeout, progress=progress)
        read = {note.name: note.read_text("utf-8") for note in sorted(notes.glob("*"))}
        about["inputs"] = run.inputs | read
        private = private_paths(work, store=store, given=run.given)
        done = tidied(executed.notebook, planned, private=private)
        shutil.rmtree(work / GIVEN, ignore_errors=True)
        why = leak(work)
        if work.is_dir():  # else no cell is to blame where saving broke off
            why = executed.failure or why
        if why is not None:
            why, now = without_traces(why, private), datetime.now(UTC)
            record = Record(**about, status="failed", error=why, finished=now)
            write_whole(run.failed[0], notebook_text(done))
            write_record(record, run.failed[1])
            raise NotebookError(
                Run(folder=run.folder, record=record), kernel_died=executed.kernel_died
            )
        write_whole(work / NOTEBOOK, notebook_text(done))
        files = [*output_hashes(work), RECORD]
        page = render(done, name=name, parameters=run.values, changed=run.changed, files=files)
        write_whole(work / PAGE, page)
        outputs = output_hashes(work)
        record = Record(**about, status="done", outputs=outputs, finished=datetime.now(UTC))
        write_record(record, work / RECORD)
        publish(work, run.folder)
    return Run(folder=run.folder, record=record)


def _lay_out(work: Path, given: Mapping[str, Path]) -> None:
    work.mkdir()
    for alias, file in given.items():
        (work / alias).parent.mkdir(parents=True, exist_ok=True)
        try:
            (work / alias).symlink_to(file)
        except OSError:  # Windows allows links to some users only
            shutil.copyfile(file, work / alias)


def tidied(
    executed: Mapping[str, Any], planned: Mapping[str, Any], *, private: Mapping[str, str]
) -> dict[str, Any]:
    """Return the executed notebook without timings, and without what only this machine has."""
    # papermill writes cells of its own around an error.
    marker = "papermill-error-cell-tag"
    own = [c for c in executed["cells"] if marker not in c["metadata"].get("tags", [])]
    cells = []
    for plan, done in zip(planned["cells"], own, strict=True):
        cell = dict(plan)
        if cell["cell_type"] == "code":
            cell["execution_count"] = done["execution_count"]
            cell["outputs"] = without_traces(_joined(done["outputs"]), private)
        cells.append(cell)
    return dict(planned) | {"cells": cells}


def _joined(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Join printed pieces that follow each other, whose sizes and order are chance."""
    joined: list[dict[str, Any]] = []
    for is_printed, group in groupby(outputs, lambda o: o["output_type"] == "stream"):
        pieces = [dict(output) for output in group]
        for name in ("stdout", "stderr") if is_printed else ():
            texts = ["".join(piece["text"]) for piece in pieces if piece["name"] == name]
            if texts:
                joined.append({"output_type": "stream", "name": name, "text": "".join(texts)})
        joined += [] if is_printed else pieces
    return joined


def without_traces(value: Any, private: Mapping[str, str]) -> Any:
    """Return a text, or the texts of an output, without what only this machine has."""
    if isinstance(value, str):
        return _with_steady_ids(_without_paths(value, private))
    if isinstance(value, list):
        return [without_traces(v, private) for v in value]
    if isinstance(value, Mapping):
        return {
            key: inner if key in ("image/png", "image/jpeg") else without_traces(inner, private)
            for key, inner in value.items()
            if not key.startswith("application/vnd.jupyter.widget")
        }
    return value


def _with_steady_ids(text: str) -> str:
    """Name the styled tables of pandas after their content: their own ids are random."""
    ids = dict.fromkeys(_STYLED.findall(text))
    for number, chance in enumerate(ids):
        text = text.replace(chance, f"T_\0{number}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return text.replace("\0", f"{digest}_") if ids else text


def _without_paths(text: str, private: Mapping[str, str]) -> str:
    text = _ADDRESS.sub("", _IPYKERNEL.sub("[cell]", text))
    for path, instead in private.items():
        # Only whole names: /root is not in /rooted, nor in https://example.org/root.
        whole = re.compile(rf"(?<![\w.:/-]){re.escape(path)}(?![\w-])")
        text = instead.join(whole.split(text))
    return text


def private_paths(work: Path, *, store: Path | None, given: Mapping[str, Path]) -> dict[str, str]:
    """Return the paths that no report may show, longest first, and what replaces each."""
    known = {".": work, "..": work.parent, **given}
    known |= {} if store is None else {STORE_VARIABLE: store}
    paths = {
        str(form): instead for instead, p in known.items() for form in (p.absolute(), p.resolve())
    }
    package = Path(__file__).resolve().parents[2]
    paths |= {str(package): "[package]", str(Path.cwd()): "[here]", str(Path.home()): "~"}
    if sys.prefix != sys.base_prefix:
        paths[sys.prefix] = "[python]"
    long = [(path, instead) for path, instead in paths.items() if len(path) > 3]
    return dict(sorted(long, key=lambda item: -len(item[0])))


def leak(folder: Path) -> str | None:
    """Return which text file in `folder` has the folder's own path, or that it was removed."""
    if not folder.is_dir():
        return "the notebook removed its own working folder."
    needle = str(folder.resolve()).encode()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _TEXT_FILES and path.is_file() and needle in path.read_bytes():
            return f"the notebook wrote the path of its working folder into {path.name!r}."
    return None
