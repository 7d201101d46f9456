"""Start the kernel of a notebook: a fresh process of this very Python, on sockets of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from sanctlib.reports.folders import private_folder

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
"""Configuration of a kernel: no runner's death leaves it behind, and prints have a bound."""

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


@contextmanager
def private_kernel(work: Path, *, environment: Mapping[str, str]) -> Iterator[Any]:
    """
    Give the class of a kernel manager, whose `process` is the kernel's; end what it leaves.

    Sockets, connection file and settings are in a private folder of short name, so that kernels
    running side by side never meet, and none of the user's own settings enters a report.
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
