"""What a program costs, in a process of its own: CPU, time, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Spent:
    """Seconds of CPU and of time, and the most memory that one of its processes held."""

    cpu: float
    wall: float
    peak_mb: float
    printed: str


def spent_by(code: str, *arguments: str) -> Spent:
    """
    Run code in a fresh process, its own children counted in.

    Raises
    ------
    CalledProcessError
    """
    begun = time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command[:2])
    wall = time.perf_counter() - begun
    return Spent(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, printed)
