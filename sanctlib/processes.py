"""Share work among processes, each a fresh interpreter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

from sanctlib.errors import SanctlibError


@contextmanager
def mapping(workers: int) -> Iterator[Any]:
    """
    Give a `map` that these many processes share; their results are in order.

    Raises
    ------
    SanctlibError
        For a worker that was killed.
    """
    if workers == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=end_with_parent)
    try:
        yield pool.map
    except BrokenProcessPool as error:
        msg = "A worker process ended early, perhaps out of memory. The same call goes on where it"
        msg += " stopped; in a script, put it under `if __name__ == '__main__':`."
        raise SanctlibError(msg) from error
    finally:
        pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """Let this process end when its parent is killed."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_wait_and_end, args=[parent], daemon=True).start()


def _wait_and_end(parent: Any) -> None:
    parent.join()
    os._exit(1)
