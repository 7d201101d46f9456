"""Run a batch: notebooks side by side in processes, through failures, ready to go on."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import Pipe, active_children, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import pandas as pd

from sanctlib.errors import ReportError
from sanctlib.processes import end_with_parent, safe_path, signals
from sanctlib.reports.folders import sweep
from sanctlib.reports.run import NotebookError, Request, run_notebook
from sanctlib.showing import Shown, ShownTable, show_table

MOST_JOBS = 64
USUAL_JOBS = 8
"""At most so many notebooks side by side unless more are asked for: each takes memory."""

GRACE = 120.0
"""Seconds over a notebook's own time after which its worker counts as stuck."""

_Ending: TypeAlias = Literal["done", "failed", "died"]
_What: TypeAlias = Literal["begun", "cell", "done", "failed", "again"]

_LOOK = 0.2  # seconds between two looks at what was told, whether to stop, and who is stuck


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
    """How notebooks are run, the same for all of a batch."""

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
        said = f"{len(self.done)} done, {len(self.failures)} failed, {self.n_left} left"
        failed = pd.DataFrame(self.failures.items(), columns=["failed", "why"])
        return [said] + [show_table(failed)] * bool(self.failures)

    @property
    def n_left(self) -> int:
        """How many runs were neither done nor failed."""
        return self.n_runs - len(self.done) - len(self.failures)


def usual_jobs() -> int:
    """Return how many notebooks run side by side where nothing else is said."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), USUAL_JOBS)
    return min(os.cpu_count() or 1, USUAL_JOBS)


def run_batch(
    runs: Iterable[Request], how: Running, *, tell: Callable[[Event], None] = lambda _: None
) -> Outcome:
    """
    Run notebooks in parallel, carry on after failures, and leave nothing behind.

    SIGINT, SIGTERM and SIGHUP end it early, with all its processes: finished runs stay, and
    interrupted runs start again next time. Files that killed batches left are removed first.
    """
    wanted = list(runs)
    outcome = Outcome(n_runs=len(wanted))
    received: list[int] = []
    try:
        how.out.mkdir(parents=True, exist_ok=True)
        sweep(how.out)
        with (
            signals(received.append),
            closing(_execute(wanted, how, stopped=lambda: bool(received))) as events,
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


class _Worker:
    """A pool of one process, so that the death of one costs no other its notebook."""

    def __init__(self, how: Running) -> None:
        # Our copy of their end stays open: that a process ended is told by its future.
        self._told, self._theirs = Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            1, get_context("spawn"), initializer=_prepare, initargs=(self._theirs,)
        )
        self._how, self._is_broken = how, False
        self._process: BaseProcess | None = None
        self.run: Request | None = None

    @property
    def is_free(self) -> bool:
        """Whether it waits for work; one that was killed meanwhile does not."""
        alive = self._process is not None and not self._is_broken and self._process.is_alive()
        return self.run is None and alive

    def begin(self, run: Request, n_tried: int) -> None:
        before = active_children()
        self.run, self.n_tried, self.since = run, n_tried, time.monotonic()
        self.future: Future[tuple[_Ending, str]] = Future()
        try:
            self.future = self._pool.submit(_work, self._how, run.notebook, run.changed)
        except BrokenProcessPool as error:  # killed in this very moment
            self.future.set_exception(error)
        self._process = next((p for p in active_children() if p not in before), self._process)

    def events(self, run: Request) -> Iterator[Event]:
        """Tell what became of its run since the last look."""
        seconds = time.monotonic() - self.since
        stuck = not self.future.done() and seconds > self._how.timeout + GRACE
        if stuck and self._process is not None:
            self._process.kill()
        over = stuck or self.future.done()
        while self._told.poll():
            n_done, n_cells = self._told.recv()
            yield Event("cell", run, n_done=n_done, n_cells=n_cells)
        if not over:
            return
        self.run = None
        try:
            what, error = self.future.result()
        except BrokenProcessPool:
            self._is_broken = True
            what, error = "died", "its worker died (killed, or out of memory)."
        if stuck:
            error = f"its worker gave no sign for {GRACE:.0f} s after the time allowed."
        again = what == "died" and self.n_tried <= self._how.retries
        ended: _What = "again" if again else "done" if what == "done" else "failed"
        yield Event(ended, run, seconds=seconds, error=error)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._pool.shutdown(cancel_futures=True)
        self._told.close()
        self._theirs.close()


def _execute(
    runs: Iterable[Request], how: Running, *, stopped: Callable[[], bool]
) -> Generator[Event]:
    """
    Run notebooks in `how.jobs` processes, and tell what becomes of each.

    A run whose kernel or worker died is tried again, `how.retries` times, after the
    others; a failed cell is not. When `stopped` says so, or the caller leaves, workers
    are killed: they own nothing that outlives them, and their kernels end with them.
    """
    waiting = deque((run, 1) for run in runs)
    workers: list[_Worker] = []
    with safe_path():
        try:
            while not stopped():
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
                wait([w.future for w, _ in busy], _LOOK, return_when="FIRST_COMPLETED")
                for worker, run in busy:
                    for event in worker.events(run):
                        if event.what == "again":
                            waiting.append((run, worker.n_tried + 1))
                        yield event
        finally:
            for worker in workers:
                worker.end()


_pipe: Connection
"""Where the process of a worker tells what it does."""


def _prepare(pipe: Connection) -> None:
    global _pipe  # noqa: PLW0603 - a process of a pool has no other place
    if hasattr(os, "setsid"):
        # Ctrl-C is for the one who started us: a kernel it hits looks like one that died.
        os.setsid()
    end_with_parent()
    _pipe = pipe


def _work(how: Running, notebook: Path, parameters: Mapping[str, object]) -> tuple[_Ending, str]:
    """Run a notebook in a worker; return how it ended, and the words of its error."""
    try:
        run_notebook(
            notebook,
            parameters=parameters,
            out=how.out,
            timeout=how.timeout,
            store=how.store,
            progress=lambda n_done, n_cells: _pipe.send((n_done, n_cells)),
        )
    except NotebookError as error:
        return "died" if error.kernel_died else "failed", str(error.run.record.error)
    except Exception as error:  # one run's error is no other's
        return "failed", str(error) or type(error).__name__
    return "done", ""
