"""Processes: work that several do at once, each a fresh interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from sanctlib.errors import SanctlibError


@contextmanager
def mapping(workers: int) -> Iterator[Any]:
    """
    Give a `map` that these many processes do; what they give comes in order.

    Raises
    ------
    SanctlibError
        When a worker was killed.
    """
    if workers == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool.map
    except BrokenProcessPool as error:
        msg = "A worker was killed (out of memory?). Run the same again: it goes on."
        raise SanctlibError(msg) from error
    finally:
        pool.shutdown(cancel_futures=True)
