"""Kind K: interruptions and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import sanctlib as sl
from tests.small_notebooks import small_notebook
from tests.web import running, stall

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")

_LOOK = threading.Event()  # never set: waiting for it is a pause between two looks
SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"]
REPORT = "from sanctlib.cli import main; main()"
FETCH = """
import sys
from datetime import date
import sanctlib as sl
from sanctlib import download
from sanctlib.sources.producers import Fetchable, Series
series = Series(address=sys.argv[1] + "/%Y%m%d.csv", every="D", first=date(2018, 1, 1))
source = Fetchable(name="days", title="Days", series=(series,), pause=0, timeout=30)
download.fetchables = lambda: {"days": source}
sl.fetch("days", first="2018-01-01", last="2018-01-02", out="fetched")
"""


@dataclass
class Ended:
    """A process that was interrupted: how it ended, what it printed, and its folders."""

    code: int | None
    said: str
    out: Path
    temporary: Path

    def left(self) -> list[str]:
        """Return what it left: nothing but whole reports is right."""
        files = [*self.out.rglob("*"), *self.temporary.rglob("*")]
        return sorted(path.name for path in files)


def wait_until(happened: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:  # type: ignore[operator]
        _LOOK.wait(0.05)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:  # noqa: C901 - one interruption after the other
    """Reports and a fetch, all at once, each interrupted when it is at work."""
    home = tmp_path_factory.mktemp("interrupted")
    started: dict[str, subprocess.Popen[str]] = {}

    def start(name: str, *command: str) -> None:
        (home / f"tmp-{name}").mkdir()
        started[name] = subprocess.Popen(
            [sys.executable, "-c", *command],
            cwd=home,
            env=os.environ | {"TMPDIR": str(home / f"tmp-{name}"), "NO_PROXY": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def report(name: str, cell: str) -> None:
        small_notebook(home / f"{name}.ipynb", cell)
        start(name, REPORT, "report", f"{name}.ipynb", "--out", f"out-{name}")

    try:
        with running() as web:
            for day in ("20180101", "20180102"):
                web.says(f"/{day}.csv", stall)
            start("fetch", FETCH, web.address)
            for name in SIGNALS:
                marker = home / f"at-{name}"
                wait = f"import time\nopen({str(marker)!r}, 'w').close()\ntime.sleep(60)"
                report(name, wait)
            # A run that was killed before has left a folder; its successor crashes by itself.
            (home / "out-crash" / "crash" / ".default.running-0123abcd").mkdir(parents=True)
            report("crash", "import os\nos.abort()")
            wait_until(lambda: web.n_requests >= 2 or started["fetch"].poll() is not None, 60)
            if web.n_requests < 2:
                raise RuntimeError(f"nothing was asked for: {started['fetch'].communicate()[0]}")
            started["fetch"].send_signal(signal.SIGINT)
            asked = time.monotonic()
            for name in SIGNALS:
                wait_until((home / f"at-{name}").exists, 60)
                started[name].send_signal(getattr(signal, name))
            found = {}
            for name in (*SIGNALS, "crash", "fetch"):
                process = started[name]
                limit = 30 if name != "fetch" else max(0.1, asked + 5 - time.monotonic())
                try:
                    said, _ = process.communicate(timeout=limit)
                    code: int | None = process.returncode
                except subprocess.TimeoutExpired:
                    said, code = "", None
                found[name] = Ended(code, said, home / f"out-{name}", home / f"tmp-{name}")
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        yield found
    finally:
        for process in started.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.mark.parametrize("name", SIGNALS)
def test_an_interrupted_report_leaves_nothing(name: str, ended: dict[str, Ended]) -> None:
    assert ended[name].left() == []


def test_a_report_that_is_interrupted_by_hand_ends_with_130(ended: dict[str, Ended]) -> None:
    assert ended["SIGINT"].code == 130


def test_a_report_sweeps_what_a_killed_one_left(ended: dict[str, Ended]) -> None:
    assert ended["crash"].code == 1
    assert not [name for name in ended["crash"].left() if ".running-" in name]


def test_a_native_crash_is_called_an_abort(ended: dict[str, Ended]) -> None:
    said = ended["crash"].said
    assert "signal 6" in said or "aborted" in said
    assert "out of memory" not in said


def test_a_fetch_that_is_interrupted_ends_at_once(ended: dict[str, Ended]) -> None:
    assert ended["fetch"].code is not None


def test_prepare_sweeps_what_a_killed_one_left(tmp_path: Path) -> None:
    left = tmp_path / ".writing-0123abcd"
    left.mkdir()
    (left / "russia_iran.parquet").write_bytes(b"PAR1")
    sl.prepare(["russia_iran"], out=tmp_path)
    assert not left.exists()
