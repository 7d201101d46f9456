"""What several test modules need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ENVIRONMENT
from tests.engines import ENGINES, shaped

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SANCTLIB_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder.name!r} (set SANCTLIB_REAL_DATA)")
    return folder


@pytest.fixture(params=ENGINES)
def as_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Any], object]:
    """Give a table the shape of each library in turn."""
    return lambda table: shaped(
        table, request.param, tmp_path, lambda: request.getfixturevalue("spark")
    )


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session of Spark on this machine; the test is skipped where it cannot be had."""
    sql = pytest.importorskip("pyspark.sql", reason="no pyspark: `make test-spark` brings it")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java, and there is none")
    os.environ |= ENVIRONMENT
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("spark")),
    }
    session = sql.SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
