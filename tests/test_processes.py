"""Processes: workers end with whoever started them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sanctlib.processes import mapping
from tests.conftest import ROOT


def say_and_wait(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def main(folder: str) -> None:
    with mapping(2) as mapped:
        list(mapped(say_and_wait, [folder, folder]))


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not stat.rpartition(") ")[2].startswith("Z")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_of_a_process_that_was_killed_end(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "tests.test_processes", str(tmp_path)]
    started = subprocess.Popen(call, cwd=ROOT)
    until = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    started.kill()
    started.wait()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, workers))


if __name__ == "__main__":
    main(sys.argv[1])
