"""Kernels: one fresh process per notebook, of this very Python, on sockets of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict, Unicode, default
from traitlets.config import Config

from sanctlib.catalogue import NOTES_VARIABLE, STORE_VARIABLE

LONGEST_SOCKET = 90
"""A socket's path has 107 characters on Linux, 103 on macOS, `k-12345` among them."""

ENDS_WITH_ITS_RUNNER = """\
import ctypes, os, signal, sys

# ipykernel looks for its parent once a second, and not before it is up.
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.name == "posix" and os.getppid() != int(os.environ["JPY_PARENT_PID"]):
    os._exit(1)
"""
"""Configuration of a kernel, which Python reads: no runner's death leaves it behind."""


class PrivateKernel(AsyncKernelManager):
    """A kernel with its own working folder, environment and sockets."""

    folder = Unicode(help="working folder of the kernel").tag(config=True)
    environment = Dict(help="all of its environment variables").tag(config=True)

    @default("kernel_spec_manager")
    def _only_this_python(self) -> KernelSpecManager:
        # Without folders to look in, the one kernel left is ipykernel's own: this
        # interpreter. A kernelspec of the same name in a home folder may be another's.
        return KernelSpecManager(kernel_dirs=[], parent=self)

    # The parent's type is that of its blocking twin.
    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
        """Start the process in its folder, with its environment."""
        options |= {"cwd": self.folder, "env": dict(self.environment)}
        # What cells print arrives as messages; the rest is the kernel's talk with itself.
        options |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        await super().start_kernel(**options)

    async def cleanup_resources(self, restart: bool = False) -> None:  # type: ignore[override]  # noqa: FBT001, FBT002
        """Remove sockets, and end the processes that cells have left running."""
        group = getattr(self.provisioner, "pgid", None)
        await self._async_cleanup_resources(restart=restart)
        if group is not None and not restart:
            # The kernel leads a group of its own, which may be empty by now.
            with suppress(OSError):
                os.killpg(group, signal.SIGKILL)


@contextmanager
def kernel_config(folder: Path, *, store: Path | None, notes: Path) -> Iterator[Config]:
    """
    Give the configuration of a kernel that works in `folder`.

    Sockets, connection file and settings lie in a private folder of short name, so
    that kernels running side by side never meet, and nothing of the user's own
    IPython or matplotlib settings enters a report. `notes` is a folder in which the
    datasets that cells read are noted.
    """
    with tempfile.TemporaryDirectory(prefix="sanctlib-", ignore_cleanup_errors=True) as private:
        home = Path(private)
        # Without a fixed salt the ids inside an SVG differ from run to run.
        (home / "matplotlibrc").write_text("svg.hashsalt: sanctlib\n", encoding="utf-8")
        profile = home / "ipython" / "profile_default"
        profile.mkdir(parents=True)
        (profile / "ipython_kernel_config.py").write_text(ENDS_WITH_ITS_RUNNER, encoding="utf-8")
        config = Config()
        config.PrivateKernel.folder = str(folder)
        config.PrivateKernel.environment = _environment(home, store=store) | {
            NOTES_VARIABLE: str(notes.absolute())
        }
        config.PrivateKernel.connection_file = str(home / "kernel.json")
        config.PrivateKernel.shutdown_wait_time = 2.0
        if os.name == "posix" and len(private) <= LONGEST_SOCKET:
            # Kernels that start together race for ports of TCP.
            config.PrivateKernel.transport = "ipc"
            config.PrivateKernel.ip = str(home / "k")
        yield config


def _environment(home: Path, *, store: Path | None) -> dict[str, str]:
    fixed = {
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": "315532800",
        "TZ": "UTC",
        "TQDM_DISABLE": "1",  # a bar holds times
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(home / "matplotlibrc"),
        "IPYTHONDIR": str(home / "ipython"),
        # Sums split over threads end in other last digits.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    environment = dict(os.environ) | fixed
    environment.pop(STORE_VARIABLE, None)
    if store is not None:
        environment[STORE_VARIABLE] = str(store.absolute())
    return environment
