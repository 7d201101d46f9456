"""A cluster: a master and two workers of Spark answer as this machine does; one left does, too."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from tests.cluster import CALLS, ENVIRONMENT, N_FILES, SAMPLES, cluster, write_events
from tests.conftest import ROOT

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    held = tmp_path_factory.mktemp("cluster")
    write_events(held / "events")
    return held


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, Any]:
    """What another process, given the master's address, got from the cluster."""
    pytest.importorskip("pyspark", reason="no pyspark: `make test-spark` brings it")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java, and there is none")
    out = folder / "answers"
    with cluster(folder) as started:
        asked = [started.master, str(started.workers[1]), str(folder / "events"), str(out)]
        subprocess.run(
            [sys.executable, "-m", "tests.cluster", *asked],
            check=True,
            timeout=600,
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
        )
    found: dict[str, Any] = pickle.loads(out.read_bytes())
    return found


@pytest.mark.parametrize("name", CALLS)
def test_a_cluster_gives_the_table_of_this_machine(
    name: str, folder: Path, answers: dict[str, Any]
) -> None:
    pd.testing.assert_frame_equal(answers[name], CALLS[name](folder / "events"))


def test_a_worker_killed_at_work_does_not_change_the_result(
    folder: Path, answers: dict[str, Any]
) -> None:
    assert 0 < answers["done before"] < N_FILES
    assert answers["left"] == 1
    pd.testing.assert_frame_equal(answers["after the kill"], CALLS["cells"](folder / "events"))


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("store", ["cleaned", "cleaned by one"])
@pytest.mark.parametrize("key", SAMPLES)
def test_a_cluster_cleans_as_this_machine_does(key: str, store: str, folder: Path) -> None:
    reading = sl.read(key, SAMPLES[key])
    expected = reading.table.sort_values("event_id", ignore_index=True)
    found = pd.read_parquet(folder / store / key).sort_values("event_id", ignore_index=True)
    pd.testing.assert_frame_equal(found.astype(expected.dtypes.to_dict())[list(expected)], expected)
    said = json.loads((folder / store / f"{key}.json").read_text(encoding="utf-8"))
    assert said["audit"] == reading.audit.steps.to_dict("list")
    assert said["unmatched"] == reading.unmatched.to_dict("list")
    assert said["provenance"]["files"] == reading.provenance.files
    rejected = pd.read_csv(
        folder / store / f"{key}.rejected.csv", dtype="str", keep_default_na=False
    )
    pd.testing.assert_frame_equal(rejected.astype({"line": "int64"}), reading.rejected)
