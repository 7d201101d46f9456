"""Workers: processes that run notebooks side by side, and whose death costs one try."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sanctlib.processes import end_with_parent
from sanctlib.reports.folders import private_folder
from sanctlib.reports.request import Request

GRACE = 120.0
"""Seconds over a notebook's own time after which its worker is taken for stuck."""

_LOOK = 0.5  # seconds between two looks at whether to stop, and at who is stuck


class Event(NamedTuple):
    """
    What became of a run: begun, one cell further, done, failed, or to be tried again.

    `unforked` says why its kernel, and the next ones of its worker, start the ordinary way.
    """

    what: Literal["begun", "cell", "done", "failed", "again", "unforked"]
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
    fast: bool = False
    """Whether kernels are forked from a process that has imported the libraries."""


@dataclass(kw_only=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    run: Request | None = None
    n_tried: int = 0
    begun: float = 0.0

    def begin(self, run: Request, n_tried: int) -> None:
        self.run, self.n_tried, self.begun = run, n_tried, time.monotonic()
        with suppress(OSError):  # a worker that died just now is found out when asked
            self.pipe.send(run)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def execute(
    runs: Sequence[Request], how: Running, *, stopped: Callable[[], bool]
) -> Generator[Event]:
    """
    Run notebooks in `how.jobs` processes, and tell what becomes of each.

    A run whose kernel or worker died is tried again, `how.retries` times, after the
    others; a failed cell is not. When `stopped` says so, or the caller leaves, workers
    are killed: they own nothing that outlives them, and their kernels end with them.
    """
    waiting = deque((run, 0) for run in runs)
    workers: list[_Worker] = []
    # Sockets of kernels lie in here, so that those of a killed worker go too.
    with private_folder() as private:
        try:
            while (waiting or any(w.run for w in workers)) and not stopped():
                while waiting and sum(w.run is not None for w in workers) < how.jobs:
                    run, n_tried = waiting.popleft()
                    _free(workers, how, private).begin(run, n_tried + 1)
                    yield Event("begun", run)
                busy = [w for w in workers if w.run is not None]
                ready = wait([w.pipe for w in busy], timeout=_LOOK)
                for worker in busy:
                    for event in _events(worker, how, ready=worker.pipe in ready):
                        if event.what == "again":
                            waiting.append((event.run, worker.n_tried))
                        yield event
                workers = [w for w in workers if not w.pipe.closed]
        finally:
            for worker in workers:
                worker.end()


def _free(workers: list[_Worker], how: Running, private: Path) -> _Worker:
    """Return a worker that waits, or a new one."""
    for worker in workers:
        if worker.run is None and worker.process.is_alive():
            return worker
    # A forked child would inherit threads and sockets half alive.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, how, private), daemon=True)
    process.start()
    theirs.close()
    worker = _Worker(process=process, pipe=ours)
    workers.append(worker)
    return worker


def _events(worker: _Worker, how: Running, *, ready: bool) -> Iterator[Event]:
    run = worker.run
    if run is None:
        return
    seconds = time.monotonic() - worker.begun
    died = ""
    if ready:
        try:
            what, told = worker.pipe.recv()
        except (EOFError, OSError):
            died = "its worker died (killed, or out of memory)."
        else:
            if what == "cell":
                yield Event("cell", run, n_done=told[0], n_cells=told[1])
                return
            if what == "unforked":
                yield Event("unforked", run, error=told)
                return
            worker.run = None
            if what == "done":
                yield Event("done", run, seconds=seconds)
                return
            may_go_well, error = told
            again = may_go_well and worker.n_tried <= how.retries
            yield Event("again" if again else "failed", run, seconds=seconds, error=error)
    elif seconds > how.timeout + GRACE:
        died = f"its worker gave no sign for {GRACE:.0f} s after the time allowed."
    if died:
        worker.end()
        again = worker.n_tried <= how.retries
        yield Event("again" if again else "failed", run, seconds=seconds, error=died)


def _work(pipe: Connection, how: Running, private: Path) -> None:
    """Run what comes through the pipe, one notebook after the other, until it closes."""
    if hasattr(os, "setsid"):
        # Ctrl-C is for the one who started us: a kernel it hits looks like one that died.
        os.setsid()
    end_with_parent()
    tempfile.tempdir = str(private)
    # A grammar that takes a second to build, for a kind of address that notebooks' schema lacks.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from sanctlib.reports.run import NotebookError, run_notebook

    while True:
        try:
            run: Request = pipe.recv()
        except EOFError:
            return
        told: tuple[str, Any] = ("done", None)
        try:
            run_notebook(
                run.notebook,
                parameters=run.changed,
                out=how.out,
                timeout=how.timeout,
                store=how.store,
                fast=how.fast,
                progress=lambda n_done, n_cells: pipe.send(("cell", (n_done, n_cells))),
            )
        except NotebookError as error:
            told = ("failed", (error.kernel_died, str(error.run.record.error)))
        except Exception as error:  # one run's error is no other's
            told = ("failed", (False, str(error) or type(error).__name__))
        if how.fast:
            from sanctlib.reports.forks import refused

            if why := refused():
                pipe.send(("unforked", why))
                how = replace(how, fast=False)
        pipe.send(told)
