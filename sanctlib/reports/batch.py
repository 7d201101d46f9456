"""Run many notebooks side by side. A grid of values comes in, what became of each run goes out."""

from __future__ import annotations

import csv
import os
import time
import tomllib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import combinations, product
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import pandas as pd

from sanctlib.errors import ParameterError, ReportError, SanctlibError, did_you_mean
from sanctlib.processes import end_with_parent, safe_path, signals
from sanctlib.reports.folders import sweep
from sanctlib.reports.parameters import Kind, Parameter, declared, kind_of, named, shown
from sanctlib.reports.run import (
    NotebookError,
    Request,
    available,
    find_notebook,
    request,
    run_notebook,
)
from sanctlib.showing import Shown, ShownTable, show_table

_SHAPES: dict[str, tuple[type, str]] = {
    "notebook": (str, "name or path"),
    "fixed": (dict, "values by name"),
    "grid": (dict, "lists of values by name"),
    "run": (list, "[[run]] tables"),
}
_AMONG = "pairs_among"

_Axes: TypeAlias = dict[str, list[tuple[str, object]]]
"""The values of each parameter as the file has them, each with its place."""

MOST_JOBS = 64
GRACE = 120.0
"""Seconds over a notebook's own time after which its worker counts as stuck."""

_PAUSE = 0.2  # seconds between two looks at the workers and at signals


@dataclass(kw_only=True)
class _Grid:
    """A file being read: the runs that it requests, and all its errors."""

    path: Path
    out: Path
    runs: dict[Path, Request] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Note an error with its place, and go on after it."""
        try:
            yield
        except SanctlibError as error:
            self.errors.append(f"{where}: {error}")

    def read_csv(self) -> None:
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            for row in rows:
                where = f"line {rows.line_num}"
                with self.noting(where):
                    if None in row or None in row.values():
                        n = len(rows.fieldnames or ())
                        msg = f"The row has more or fewer cells than the header, which has {n}."
                        raise ReportError(msg)
                    self.read_run(row, where, {name: text for name, text in row.items() if text})

    def read_toml(self) -> None:
        content = tomllib.loads(self.path.read_text(encoding="utf-8"))
        batches = content.pop("batch", None)
        if batches is None:
            self.read_table(content, where="")
        elif content or not _fits(batches, list):
            msg = "batch: it must be [[batch]] tables, with no other key next to them"
            self.errors.append(msg)
        else:
            for i, table in enumerate(batches, 1):
                self.read_table(table, where=f"batch {i}, ")

    def read_table(self, table: dict[str, Any], *, where: str) -> None:
        wrong = [k for k, v in table.items() if k not in _SHAPES or not _fits(v, _SHAPES[k][0])]
        wanted = ", ".join(f"{name} ({words})" for name, (_, words) in _SHAPES.items())
        for key in wrong:
            hint = "" if key in _SHAPES else did_you_mean(key, _SHAPES)
            self.errors.append(f"{where}{key}: a batch has {wanted}.{hint}")
        if wrong:
            return
        fixed, runs = table.get("fixed", {}), table.get("run", [])
        if table.get("grid") or not runs:
            with self.noting(f"{where}notebook"):
                notebook = self.notebook(table)
                axes = self.axes(fixed, table.get("grid", {}), declared(notebook), where=where)
                self.request(f"{where}grid", notebook, axes)
        for i, row in enumerate(runs, 1):
            self.read_run(table | row, f"{where}run {i}", fixed | row)

    def read_run(
        self, table: Mapping[str, object], where: str, values: Mapping[str, object]
    ) -> None:
        """Request the one run of a line or of a [[run]] table."""
        with self.noting(where):
            axes: _Axes = {k: [(where, raw)] for k, raw in values.items() if k != "notebook"}
            self.request(where, self.notebook(table), axes)

    def notebook(self, table: Mapping[str, object]) -> Path:
        name = table.get("notebook")
        if not isinstance(name, str) or not name:
            msg = "The key 'notebook' must name one of our notebooks or an .ipynb file."
            raise ReportError(msg)
        return find_notebook(name if name in available() else self.path.parent / name)

    def axes(
        self,
        fixed: Mapping[str, object],
        grid: Mapping[str, object],
        known: Mapping[str, Parameter],
        *,
        where: str,
    ) -> _Axes:
        """Return the values of a grid: those of `fixed`, and each of a list."""
        axes: _Axes = {name: [(f"{where}fixed", raw)] for name, raw in fixed.items()}
        lists = dict(grid)
        with self.noting(f"{where}grid"):
            if _AMONG in lists:
                lists = _pairs(lists.pop(_AMONG), lists, known) | lists
        for name, raws in lists.items():
            place = f"{where}grid, {name}"
            if not isinstance(raws, list) or not raws or name in fixed:
                msg = "it must be a list of values, and not be in [fixed] too"
                self.errors.append(f"{place}: {msg}")
            else:
                axes[name] = [(f"{place}, value {i}", raw) for i, raw in enumerate(raws, 1)]
        return axes

    def request(self, where: str, notebook: Path, axes: _Axes) -> None:
        """Request every combination of the values, if none of them is wrong."""
        known, n_errors = declared(notebook), len(self.errors)
        values: dict[str, list[object]] = {name: [] for name in axes}
        for name, axis in axes.items():
            for place, raw in axis:
                with self.noting(place):
                    kind = named(name, known)
                    values[name].append(kind.check(self.value(raw, kind, name), what=name))
        for one in product(*values.values()) if len(self.errors) == n_errors else ():
            with self.noting(where):
                parameters = dict(zip(values, one, strict=True))
                run = request(notebook, parameters=parameters, out=self.out)
                earlier = self.runs.setdefault(run.folder, run)
                if earlier.notebook.resolve() != notebook.resolve():
                    msg = f"Two notebooks are named {notebook.stem!r} and would share a folder."
                    raise ReportError(f"{msg} Rename one.")

    def value(self, raw: object, kind: Kind, name: str) -> object:
        """Return a value: text may be of any type, and paths are seen from the file."""
        value = kind.parse(raw, what=name) if isinstance(raw, str) else raw
        if isinstance(value, list) and kind.item is not None:
            return [self.value(v, kind.item, name) for v in value]
        return self.path.parent / value if isinstance(value, Path) else value


def _fits(value: object, kind: type) -> bool:
    tables = not isinstance(value, list) or all(isinstance(v, dict) for v in value)
    return isinstance(value, kind) and tables


def _pairs(
    states: object, others: Iterable[str], known: Mapping[str, Parameter]
) -> dict[str, object]:
    """Return all pairs of `states` as the values of the one parameter that is a pair."""
    names = [name for name, p in known.items() if p.kind.name == "Pair"]
    if len(names) != 1 or names[0] in others:
        msg = f"{_AMONG!r} is for a notebook with one parameter that is a pair, without its list."
        raise ParameterError(msg)
    texts = [str(s) for s in states] if isinstance(states, list) else []
    if len(set(texts)) < max(len(texts), 2):
        msg = f"{_AMONG} must be a list of two or more states, each once, got {states!r}."
        raise ParameterError(msg)
    kind_of("list[State]").check(texts, what=_AMONG)
    return {names[0]: [list(pair) for pair in combinations(texts, 2)]}


def read_grid(path: Path, *, out: Path) -> list[Request]:
    """
    Read the runs of a TOML or CSV file (docs/batch.md), all checked before one starts.

    All errors are listed in one ReportError; a run requested twice is one run.
    """
    grid = _Grid(path=path, out=out)
    try:
        if path.suffix.lower() == ".csv":
            grid.read_csv()
        else:
            grid.read_toml()
    except (OSError, ValueError, csv.Error) as error:
        raise ReportError(f"The grid {str(path)!r} cannot be read: {error}") from error
    if not grid.runs and not grid.errors:
        grid.errors.append("it has no run")
    if n := len(grid.errors):
        lines = "\n".join(f"  {line}" for line in grid.errors)
        msg = f"{path.name!r} has {n} error{'s' * (n > 1)}, nothing was run:\n{lines}"
        raise ReportError(msg)
    return list(grid.runs.values())


def only(runs: Iterable[Request], where: Iterable[str]) -> list[Request]:
    """
    Return the runs with the values of `where`: ``name=value``, ``notebook=NAME`` among them.

    Conditions on one name are alternatives; those on different names must all hold.
    """
    kept = list(runs)
    known = {run.notebook: declared(run.notebook) for run in kept}
    wanted: dict[str, list[str]] = {}
    for condition in where:
        name, equals, text = condition.partition("=")
        if not equals:
            raise ParameterError(f"--where is {condition!r}. It must be NAME=VALUE.")
        if name != "notebook":
            named(name, {n: p for names in known.values() for n, p in names.items()})
        wanted.setdefault(name, []).append(text)
    for name, texts in wanted.items():
        if name == "notebook":
            kept = [run for run in kept if run.notebook.stem in texts]
            continue
        fitting = {
            notebook: {shown(names[name].kind.parse(text, what=name)) for text in texts}
            for notebook, names in known.items()
            if name in names
        }
        kept = [
            run
            for run in kept
            if shown(run.values.get(name)) in fitting.get(run.notebook, ())  # noqa: PD011 - a Request
        ]
    return kept


_What: TypeAlias = Literal["begun", "cell", "done", "failed", "again"]


class Event(NamedTuple):
    """What became of a run: begun, one cell further, done, failed, or to be tried again."""

    what: _What
    run: Request
    n_done: int = 0
    n_cells: int = 0
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Running:
    """How the notebooks of a batch are run."""

    out: Path
    store: Path | None = None
    timeout: int = 900
    retries: int = 1
    jobs: int = 1


@dataclass(kw_only=True, repr=False)
class Outcome(Shown):
    """What became of a batch."""

    n_runs: int
    done: list[Request] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    """Why, by the name of the run."""
    stopped_by: int | None = None
    """The signal that ended the batch early."""

    def _shown(self) -> list[str | ShownTable]:
        counts = f"{len(self.done)} done, {len(self.failures)} failed, {self.n_left} left"
        failed = pd.DataFrame(self.failures.items(), columns=["failed", "why"])
        return [counts] + [show_table(failed)] * bool(self.failures)

    @property
    def n_left(self) -> int:
        """How many runs were neither done nor failed."""
        return self.n_runs - len(self.done) - len(self.failures)


def usual_jobs() -> int:
    """Return how many notebooks run side by side by default: each takes memory."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(n_cores or 1, 8)


def run_batch(
    runs: Iterable[Request], how: Running, *, tell: Callable[[Event], None] = lambda _: None
) -> Outcome:
    """
    Run notebooks in parallel, and carry on after failures.

    SIGINT, SIGTERM and SIGHUP end it early, with all its processes; finished runs stay.
    """
    wanted = list(runs)
    outcome = Outcome(n_runs=len(wanted))
    received: list[int] = []
    try:
        how.out.mkdir(parents=True, exist_ok=True)
        sweep(how.out)
        with (
            signals(received.append),
            safe_path(),
            closing(_execute(wanted, how, received)) as events,
        ):
            for event in events:
                if event.what == "done":
                    outcome.done.append(event.run)
                elif event.what == "failed":
                    outcome.failures[event.run.name] = event.error
                tell(event)
        sweep(how.out)
        outcome.stopped_by = next(iter(received), None)
    except OSError as error:
        msg = f"The batch into {str(how.out)!r} ended: {error.strerror or error}."
        raise ReportError(msg) from error
    return outcome


def _execute(runs: Iterable[Request], how: Running, received: list[int]) -> Generator[Event]:
    """
    Run notebooks in `how.jobs` processes, until a signal is received.

    A run whose kernel or worker died is tried again after the others, `how.retries` times.
    """
    waiting = deque((run, 1) for run in runs)
    workers: list[_Worker] = []
    try:
        while not received:
            while waiting and sum(w.run is not None for w in workers) < how.jobs:
                worker = next((w for w in workers if w.is_free), None)
                if worker is None:
                    worker = _Worker(how)
                    workers.append(worker)
                run, n_tried = waiting.popleft()
                worker.begin(run, n_tried)
                yield Event("begun", run)
            busy = [(w, w.run) for w in workers if w.run is not None]
            if not busy:
                return
            wait([w.pipe for w, _ in busy], _PAUSE)
            for worker, run in busy:
                for event in worker.events(run):
                    if event.what == "again":
                        waiting.append((run, worker.n_tried + 1))
                    yield event
    finally:
        # Workers own nothing that outlives them, and their kernels end with them.
        for worker in workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()


class _Worker:
    """A process that runs one notebook after the other, and the run it is at."""

    def __init__(self, how: Running) -> None:
        self.pipe, theirs = Pipe()
        self.process = get_context("spawn").Process(target=_work, args=(theirs, how), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self._how = how
        self.run: Request | None = None

    @property
    def is_free(self) -> bool:
        """Whether it waits for a run; one that was killed meanwhile does not."""
        return self.run is None and self.process.is_alive()

    def begin(self, run: Request, n_tried: int) -> None:
        self.run, self.n_tried, self._since = run, n_tried, time.monotonic()
        with suppress(OSError):  # killed in this very moment, as `events` will find
            self.pipe.send((run.notebook, run.changed))

    def events(self, run: Request) -> Iterator[Event]:
        """Tell what became of its run since the last look."""
        seconds = time.monotonic() - self._since
        ended, error = "", ""
        try:
            while not ended and self.pipe.poll():
                ended, error, counts = self.pipe.recv()
                if not ended:
                    yield Event("cell", run, *counts)
        except (EOFError, OSError):
            ended, error = "died", "its worker died (killed, or out of memory)."
        if not ended and seconds > self._how.timeout + GRACE:
            ended = "died"
            error = f"its worker gave no sign for {GRACE:.0f} s after the time allowed."
        if not ended:
            return
        self.run = None
        if ended == "died":
            self.process.kill()
            self.process.join()
        again = ended == "died" and self.n_tried <= self._how.retries
        what: _What = "again" if again else "done" if ended == "done" else "failed"
        yield Event(what, run, seconds=seconds, error=error)


def _work(pipe: Connection, how: Running) -> None:
    """Run the notebooks that the pipe names; send the cells done, and how each run ended."""
    if hasattr(os, "setsid"):
        # Ctrl-C is for the one who started us: a kernel it hits looks like one that died.
        os.setsid()
    end_with_parent()
    while True:
        notebook, parameters = pipe.recv()
        try:
            run_notebook(
                notebook,
                parameters=parameters,
                out=how.out,
                timeout=how.timeout,
                store=how.store,
                progress=lambda *counts: pipe.send(("", "", counts)),
            )
            ended, why = "done", ""
        except NotebookError as error:
            ended, why = "died" if error.kernel_died else "failed", str(error.run.record.error)
        except Exception as error:  # one run's error is no other's
            ended, why = "failed", str(error) or type(error).__name__
        pipe.send((ended, why, ()))
