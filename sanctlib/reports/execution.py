"""Execute a notebook in a fresh kernel. Return its cells with outputs, and which failed and why."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop

from sanctlib.reports.folders import private_folder
from sanctlib.reports.parameters import cell_source, parameters_cell, to_source

LONGEST_SOCKET = 90
"""A socket's path has 107 characters on Linux, 103 on macOS, `k-12345` among them."""

CONFIG = """\
import ctypes, os, signal, sys

# ipykernel looks for its parent once a second, and not before it is up.
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.name == "posix" and os.getppid() != int(os.environ["JPY_PARENT_PID"]):
    os._exit(1)
get_config().IPKernelApp.outstream_class = "sanctlib.reports.printed.BoundedStream"
"""
"""Configuration of a kernel: it ends with its runner, and what it prints has a bound."""

FIXED = {
    "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "1",  # nothing is imported from the working folder
    "SOURCE_DATE_EPOCH": "315532800",
    "TZ": "UTC",
    "TQDM_DISABLE": "1",  # a bar holds times
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # Sums split over threads end in other last digits.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def with_parameters(
    notebook: Mapping[str, Any], values: Mapping[str, object], *, name: str
) -> dict[str, Any]:
    """Return a notebook without outputs, with an id in every cell, and `values` injected."""
    at = parameters_cell(notebook, name=name)
    cells = [_bare(cell, f"cell-{i}") for i, cell in enumerate(notebook["cells"], 1)]
    if values:
        tag = "injected-parameters"
        injected = {"cell_type": "code", "metadata": {"tags": [tag]}, "source": to_source(values)}
        cells.insert(at + 1, _bare(injected, tag))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def _bare(cell: Mapping[str, Any], number: str) -> dict[str, Any]:
    kept = {key: cell[key] for key in ("cell_type", "id", "attachments") if key in cell}
    tags = {k: v for k, v in cell.get("metadata", {}).items() if k == "tags"}
    bare = {"id": number} | kept | {"metadata": tags, "source": cell_source(cell)}
    return bare | ({"execution_count": None, "outputs": []} if bare["cell_type"] == "code" else {})


def _code_cells(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the code cells that have anything to run."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code" and cell_source(c).strip()]


def notebook_text(notebook: Mapping[str, Any]) -> str:
    """Return a notebook as it is written to a file."""
    return f"{nbformat.writes(nbformat.from_dict(notebook))}\n"  # type: ignore[no-untyped-call]


@dataclass(kw_only=True)
class Executed:
    """The notebook as last saved, the cells begun, what stopped it, its kernel's exit code."""

    notebook: Mapping[str, Any]
    n_begun: int = 0
    error: BaseException | None = None
    code: int | None = None

    @property
    def kernel_died(self) -> bool:
        """Whether another try may go well."""
        never_up = self.n_begun == 0 and self.error is not None
        return never_up or type(self.error).__name__ == "DeadKernelError"

    @property
    def failure(self) -> str | None:
        """
        Which cell failed and why, or None when every code cell ran to its end.

        Read from the cells: papermill reports success after `sys.exit(0)`, and marks the cells
        of a killed kernel as completed.
        """
        cells = _code_cells(self.notebook)

        def cell_name(number: int) -> str:
            first = cell_source(cells[number - 1]).strip().splitlines()[0]
            return f"code cell {number} of {len(cells)} ({first[:60]!r})"

        stopped = {
            "DeadKernelError": _death(self.code),
            "CellTimeoutError": "the time allowed for the notebook was over.",
        }.get(type(self.error).__name__)
        if stopped and self.n_begun:
            return f"{cell_name(self.n_begun)} did not run to its end: {stopped}"
        for number, cell in enumerate(cells, 1):
            for output in cell["outputs"]:
                if output["output_type"] == "error":
                    what = f"{output['ename']}: {output['evalue']}".rstrip(": ")
                    return f"{cell_name(number)} raised {what}"
        if self.error is not None:
            where = f"{cell_name(self.n_begun)} broke off" if self.n_begun else "no cell ran"
            why = str(self.error).strip() or "no message"
            return f"{where}: {type(self.error).__name__}: {why}"
        never = [i for i, cell in enumerate(cells, 1) if cell["execution_count"] is None]
        return f"{cell_name(never[0])} was never run." if never else None


def _death(code: int | None) -> str:
    if code is None or code == -9:  # the signal of a system that has no memory left
        return "its process died (killed, or out of memory)."
    if code >= 0:
        return f"its process ended with exit code {code}."
    return f"its process was ended by signal {-code}."


def execute(
    planned: Mapping[str, Any],
    work: Path,
    environment: Mapping[str, str],
    *,
    timeout: int,
    progress: Callable[[int, int], None] | None,
) -> Executed:
    """Run the cells by papermill, in a thread: signals stay with the one who called."""
    tell = progress or (lambda *_: None)
    n_cells, n_done, executed = len(_code_cells(planned)), 0, Executed(notebook=planned)
    deadline, saved = time.monotonic() + timeout, work.with_name("executed.ipynb")

    def cell_begun(**_: object) -> None:
        executed.n_begun += 1

    def cell_done(**_: object) -> None:
        nonlocal n_done
        n_done += 1
        tell(n_done, n_cells)

    tell(0, n_cells)
    with _kernel(work, environment) as kernel, ThreadPoolExecutor(1) as thread:
        running = thread.submit(
            _run_papermill,
            nbformat.from_dict(planned),  # type: ignore[no-untyped-call]
            saved,
            kernel_manager_class=kernel,
            # nbclient counts a time-out per cell: each gets what is left of the whole.
            timeout_func=lambda _cell: max(deadline - time.monotonic(), 0.01),
            on_cell_execute=cell_begun,
            on_cell_executed=cell_done,
        )
        try:
            executed.error = running.exception()
        except BaseException:  # interrupted: the thread ends with its kernel
            while not running.done():
                if kernel.process is not None:
                    kernel.process.kill()
                time.sleep(0.05)
            raise
        executed.code = kernel.process.poll() if kernel.process is not None else None
    with suppress(OSError, ValueError):  # a full disk leaves nothing, or half a notebook
        executed.notebook = nbformat.read(saved, as_version=4)  # type: ignore[no-untyped-call]
    return executed


def _run_papermill(notebook: Any, into: Path, **options: Any) -> None:
    """Run papermill in a thread, and close the event loop of that thread."""
    # Without a handler Python prints its errors, which are in ours already.
    logging.getLogger("papermill").addHandler(logging.NullHandler())
    fixed = {"kernel_name": "python3", "progress_bar": False, "autosave_cell_every": 0}
    loop = ensure_event_loop()
    try:
        papermill.execute_notebook(notebook, into, **fixed, **options)
    finally:
        loop.close()


@contextmanager
def _kernel(work: Path, environment: Mapping[str, str]) -> Iterator[Any]:
    """
    Give the class of a kernel manager, whose `process` is the kernel's; end what it leaves.

    Sockets and settings are in a private folder: kernels that run side by side never meet, and
    no setting of the user enters a report.
    """
    with private_folder() as home:
        # Without a fixed salt the ids inside an SVG differ from run to run.
        (home / "matplotlibrc").write_text("svg.hashsalt: sanctlib\n", encoding="utf-8")
        profile = home / "ipython" / "profile_default"
        profile.mkdir(parents=True)
        (profile / "ipython_kernel_config.py").write_text(CONFIG, encoding="utf-8")
        own = {"MATPLOTLIBRC": str(home / "matplotlibrc"), "IPYTHONDIR": str(home / "ipython")}
        settings: dict[str, Any] = {
            # Without folders to look in, the one kernel left is ipykernel's own: this
            # interpreter. A kernelspec of the same name in a home folder may be another's.
            "kernel_spec_manager": KernelSpecManager(kernel_dirs=[]),
            "connection_file": str(home / "kernel.json"),
            "shutdown_wait_time": 2.0,
        }
        if os.name == "posix" and len(str(home)) <= LONGEST_SOCKET:
            # Kernels that start together race for ports of TCP.
            settings |= {"transport": "ipc", "ip": str(home / "k")}

        class PrivateKernel(AsyncKernelManager):
            process: subprocess.Popen[bytes] | None = None

            def __init__(self, **given: Any) -> None:
                super().__init__(**given | settings)

            async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
                # What cells print arrives as messages; the rest is the kernel's talk with itself.
                options |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                options |= {"cwd": str(work), "env": {**environment, **FIXED, **own}}
                await super().start_kernel(**options)
                PrivateKernel.process = getattr(self.provisioner, "process", None)

        try:
            yield PrivateKernel
        finally:
            if PrivateKernel.process is not None and os.name == "posix":
                # The kernel leads a group of its own, which may be empty by now.
                with suppress(OSError):
                    os.killpg(PrivateKernel.process.pid, signal.SIGKILL)
