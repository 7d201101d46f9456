"""A cluster of Spark on this machine, and the program that asks it: `python -m tests.cluster`."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import sanctlib as sl
from sanctlib.cluster import prepare_on_spark

N_ROWS = 300_000
N_FILES = 48
DECADE = sl.Coverage(source="made", first=date(2010, 1, 1), last=date(2019, 12, 31))
CALLS: dict[str, Callable[[Any], pd.DataFrame]] = {
    "cells": lambda t: sl.cells(t, every="month"),
    "sanction_counts": lambda t: (
        sl.sanction_counts(t, every="quarter", unit="act", by=["target"], coverage=DECADE).table
    ),
    "partnership_intensity": lambda t: (
        sl.partnership_intensity(t, pair=("RUS", "IRN"), every="month", coverage=DECADE).table
    ),
}
_PATIENCE = 180
SAMPLES = {
    key: sorted(
        p for p in (Path(__file__).parent / "samples" / key).iterdir() if p.suffix != ".toml"
    )
    for key in ("gdelt", "icews", "polecat")
}
"""Files of each source, with every form of a day that it has."""
ENVIRONMENT = {
    "PYSPARK_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "127.0.0.1",
    # A Java that lives a minute is better not optimised: half the time.
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def write_events(folder: Path) -> None:
    """Write seeded events into parts of a folder; every tenth act has two rows, in two parts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(2018)
    day = pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 3652, N_ROWS), unit="D")
    last = day + pd.to_timedelta(rng.choice([0, 0, 0, 20], N_ROWS), unit="D")
    sender, target = (rng.choice(["RUS", "IRN", "CHN", "USA", None], N_ROWS) for _ in "st")
    actions = {"impose": "sanction", "visit": "cooperation", "arms": "cooperation"}
    action = rng.choice([*actions, "verbal"], N_ROWS)
    number = np.arange(N_ROWS)
    events = pd.DataFrame(
        {
            "source": "made",
            "event_id": number.astype("str"),
            "act_id": (number - (number % 10 == 1)).astype("str"),
            "date": day.astype("datetime64[us]"),
            "date_last": last.astype("datetime64[us]"),
            "sender": sender,
            "target": target,
            "mutual": False,
            "family": [actions.get(a, "conflict") for a in action],
            "action": action,
            "n_reports": rng.integers(1, 9, N_ROWS),
        }
    )
    for i, part in events.groupby(number % N_FILES):
        held = folder / f"part={i}"
        held.mkdir(parents=True)
        pq.write_table(pa.Table.from_pandas(part, preserve_index=False), held / "a.parquet")


@dataclass(frozen=True)
class Cluster:
    """Where the master listens, and the processes of the workers."""

    master: str
    workers: tuple[int, ...]


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a master and two workers on the loopback; none of them outlives the block."""
    import pyspark

    home = Path(pyspark.__file__).parent
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> tuple[int, Path]:
        log = folder / f"{name}.log"
        command = [str(home / "bin" / "spark-class"), *arguments]
        with log.open("wb") as out:
            # A group of its own: the executors that a worker starts end with it.
            process = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **ENVIRONMENT, "SPARK_HOME": str(home)},
            )
        started.append(process)
        return process.pid, log

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    alone = ("--host", "127.0.0.1", "--webui-port", "0")
    of = "org.apache.spark.deploy"
    address = f"spark://127.0.0.1:{port}"
    try:
        _, told = start("master", f"{of}.master.Master", *alone, "--port", str(port))
        _await(told, "I have been elected leader", 1)
        size = ("--cores", "1", "--memory", "1g")
        workers = [
            start(f"w{n}", f"{of}.worker.Worker", *alone, *size, "--work-dir", str(work), address)
            for n in (1, 2)
            for work in [folder / f"work{n}"]
        ]
        _await(told, "Registering worker", 2)
        yield Cluster(address, tuple(pid for pid, _ in workers))
    finally:
        for process in started:
            _kill(process.pid)
            process.wait()


def _await(log: Path, words: str, times: int) -> None:
    until = time.monotonic() + _PATIENCE
    while log.read_text(errors="replace").count(words) < times:
        if time.monotonic() > until:
            raise TimeoutError(f"no {words!r} in:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def main(master: str, doomed: str, data: str, out: str) -> None:
    """Ask everything of the cluster, and the cells once more while a worker is killed."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.cores.max": "2",
        "spark.scheduler.minRegisteredResourcesRatio": "1",  # no job before both workers are there
        "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{_PATIENCE}s",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.files.openCostInBytes": "128m",  # each file is a task
        "spark.shuffle.io.retryWait": "100ms",
        "spark.sql.warehouse.dir": str(Path(out).parent / "warehouse"),
    }
    session = SparkSession.builder.master(master).config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    events = session.read.parquet(data)
    answers: dict[str, Any] = {name: call(events) for name, call in CALLS.items()}
    folder = Path(out).parent
    for key, files in SAMPLES.items():
        prepare_on_spark(session, key, files, out=folder / "cleaned")
    killer = threading.Thread(target=_kill_at_work, args=(session, int(doomed), answers))
    killer.start()
    answers["after the kill"] = CALLS["cells"](events)
    killer.join()
    for key, files in SAMPLES.items():
        prepare_on_spark(session, key, files, out=folder / "cleaned by one")
    # The driver is one of them.
    answers["left"] = session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
    Path(out).write_bytes(pickle.dumps(answers))
    session.stop()


def _kill_at_work(session: Any, worker: int, answers: dict[str, Any]) -> None:
    tracker = session.sparkContext.statusTracker()
    while "after the kill" not in answers:
        for number in tracker.getActiveStageIds():
            stage = tracker.getStageInfo(number)
            if stage and stage.numTasks == N_FILES and 4 < stage.numCompletedTasks < N_FILES // 2:
                _kill(worker)
                answers["done before"] = stage.numCompletedTasks
                return
        time.sleep(0.005)


if __name__ == "__main__":
    main(*sys.argv[1:])
