"""Share work among processes, each a fresh interpreter."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any

from sanctlib.errors import SanctlibError


@contextmanager
def mapping(workers: int) -> Iterator[Any]:
    """Give a `map` that these many processes share; their results are in order."""
    if workers == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    with safe_path():
        pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=end_with_parent)
        try:
            yield pool.map
        except BrokenProcessPool as error:
            msg = "A worker process ended early, perhaps out of memory. The same call goes on where"
            msg += " it stopped; in a script, put it under `if __name__ == '__main__':`."
            raise SanctlibError(msg) from error
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def safe_path() -> Iterator[None]:
    """Let the processes that start meanwhile import nothing from the working folder."""
    earlier = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if earlier is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = earlier


@contextmanager
def signals(handle: Callable[[int], object]) -> Iterator[None]:
    """Call `handle` with the number of each signal that asks this process to end."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    in_main = threading.current_thread() is threading.main_thread()
    earlier = {number: signal.getsignal(number) for number in numbers if in_main}
    # A closed terminal that is ignored stays so: nohup keeps a batch alive.
    if earlier.get(getattr(signal, "SIGHUP", 0)) == signal.SIG_IGN:
        del earlier[signal.SIGHUP]
    for number in earlier:
        signal.signal(number, lambda received, _frame: handle(received))
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def end_with_parent() -> None:
    """Let this process end when its parent is killed."""
    parent = parent_process()

    def wait_and_end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()
