"""Forked kernels: each a fresh process, copied from one that has imported the libraries (Linux)."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

import ipykernel
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

import sanctlib
from sanctlib.reports.kernels import ENDS_WITH_ITS_RUNNER, PrivateKernel

LIBRARIES = ("duckdb", "matplotlib.pyplot", "pyarrow.parquet", "scipy.stats")
"""What is imported ahead beside ours. Not statsmodels: it brings polars, where that is
installed, and polars runs threads, which no fork has."""

LONGEST_START = 60.0
"""Seconds for the imports, and for a fork; after them the server is taken for stuck."""

_ONE_THREAD = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
SERVER = f"""\
import sys

sys.path[:] = [path for path in sys.path if path]  # without the folder it was started in
{ENDS_WITH_ITS_RUNNER}
import builtins, types

import IPython, ipykernel.ipkernel, ipykernel.kernelapp, ipykernel.zmqshell

# pandas and DuckDB ask at import whether they are in a notebook.
shell = types.SimpleNamespace(kernel=True, config={{"IPKernelApp": {{}}}})
found = IPython.get_ipython
IPython.get_ipython = builtins.get_ipython = lambda: shell
from sanctlib.reports import forks

forks.import_libraries()
IPython.get_ipython = found
del builtins.get_ipython
forks.serve(int(sys.argv[1]))
"""


def import_libraries() -> None:
    """Import what notebooks use."""
    for name in LIBRARIES:
        import_module(name)
    for name in sanctlib.__all__:
        getattr(sanctlib, name)


def serve(channel: int) -> None:
    """
    Fork a kernel for each request that comes, until the worker closes its end.

    The first answer is the number of threads: with more than one nothing can be forked.
    """
    requests: Connection[Any, Any] = Connection(channel)
    gc.freeze()
    requests.send(len(os.listdir("/proc/self/task")))
    with suppress(EOFError):
        while True:
            request = requests.recv()
            with suppress(ChildProcessError):  # bury kernels that have ended
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork() == 0:
                _become_kernel(requests, *request)
                return


def _become_kernel(
    requests: Connection[Any, Any], arguments: list[str], environment: dict[str, str], folder: str
) -> None:
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    requests.send(os.getpid())
    requests.close()
    os.environ.clear()
    os.environ.update(environment | {"JPY_PARENT_PID": str(os.getppid())})
    time.tzset()
    os.chdir(folder)
    np.random.seed()  # noqa: NPY002
    sys.argv = [str(Path(ipykernel.__file__).parents[1] / "ipykernel_launcher.py"), *arguments]
    IPKernelApp.launch_instance()


class _Server:
    """
    The process that forks, as its worker sees it.

    It ends with the worker, and its kernels with it, by the same signal.
    """

    def __init__(self, python: list[str], environment: dict[str, str]) -> None:
        if sys.platform != "linux":
            msg = "it needs Linux"
            raise OSError(msg)
        self._channel, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [*python, "-c", SERVER, str(number)],
                env=environment | _ONE_THREAD | {"JPY_PARENT_PID": str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[number],
            )
        if self._answer() != 1:
            self.end()
            msg = "a library runs threads of its own"
            raise OSError(msg)

    def fork(self, arguments: list[str], environment: dict[str, str], folder: str) -> int:
        """Fork a kernel and return its process id."""
        self._channel.send((arguments, environment, folder))
        return self._answer()

    def _answer(self) -> int:
        try:
            if self._channel.poll(LONGEST_START):
                return int(self._channel.recv())
        except EOFError:
            pass
        self.end()
        msg = "its process ended or gave no sign"
        raise OSError(msg)

    def alive(self) -> bool:
        """Whether it can be asked for another kernel."""
        return self._process.poll() is None

    def end(self) -> None:
        """End the process, and with it its kernels."""
        self._channel.close()
        self._process.kill()
        self._process.wait()


class _Process:
    """A kernel that is no child of ours, with what `LocalProvisioner` asks of one that is."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def __del__(self) -> None:
        os.close(self._handle)

    def poll(self) -> int | None:
        return 0 if select.select([self._handle], [], [], 0)[0] else None

    def wait(self) -> int:
        select.select([self._handle], [], [])
        return 0

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)


class Provisioner(LocalProvisioner):
    """Has kernels forked by the one server of this process; without it they start as ever."""

    server: ClassVar[_Server | None] = None
    refused: ClassVar[str] = ""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        kind = type(self)
        module = cmd.index("-m")
        environment = options["env"]
        if not kind.refused:
            try:
                if kind.server is None or not kind.server.alive():
                    kind.server = _Server(cmd[:module], environment)
                pid = kind.server.fork(cmd[module + 2 :], environment, options["cwd"])
                self.process = _Process(pid)  # type: ignore[assignment]
            except OSError as error:
                kind.refused = error.strerror or str(error)
            else:
                self.pid = self.pgid = pid  # it leads a session of its own
                self.cwd = options["cwd"]
                return self.connection_info
        return await super().launch_kernel(cmd, **options)


class ForkedKernel(PrivateKernel):
    """A `PrivateKernel` whose process is forked, where that can be."""

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
        """Start the process in its folder, with its environment."""
        self.provisioner = Provisioner(kernel_spec=self.kernel_spec, parent=self)
        await super().start_kernel(**options)


def refused() -> str:
    """Return why kernels of this process were not forked, or nothing."""
    return Provisioner.refused
