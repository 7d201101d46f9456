"""Batches: what there is to do, done in parallel, through failures, and ready to go on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from types import FrameType

import pandas as pd

from sanctlib.errors import ReportError
from sanctlib.reports.folders import sweep
from sanctlib.reports.request import Request
from sanctlib.reports.workers import Event, Running, execute
from sanctlib.showing import Shown, ShownTable, show_table

MOST_JOBS = 64
USUAL_JOBS = 8
"""At most so many notebooks side by side unless more are asked for: each takes memory."""


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

    SIGINT and SIGTERM end it early, with all its processes: finished runs stay, and
    interrupted runs start again next time. Files that killed batches left are removed first.

    Raises
    ------
    ReportError
        For a folder that cannot be written, or a system without more processes.
    """
    wanted = list(runs)
    outcome = Outcome(n_runs=len(wanted))
    try:
        how.out.mkdir(parents=True, exist_ok=True)
        sweep(how.out)
        with _signals() as received:
            with closing(execute(wanted, how, stopped=lambda: bool(received))) as events:
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


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect the signals that ask this process to end, instead of ending at once."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    earlier = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
