"""The same table in each shape that sanctlib reads: one test body runs on all of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pytest

Shaped: TypeAlias = Callable[[Any], object]

# Ibis 12 asks DuckDB for its answers in words that DuckDB 2 would rather not hear.
IGNORED_OF_IBIS = "ignore:fetch_arrow_table.. is deprecated:DeprecationWarning"
_IGNORED_OF_SPARK = "ignore:PySpark does not yet fully support pandas >= 3:FutureWarning"
SPARK = [pytest.mark.spark, pytest.mark.filterwarnings(_IGNORED_OF_SPARK)]
WITH_ZONES = (
    *("pandas", "polars", "polars_lazy", "pyarrow", "duckdb", "file", "folder"),
    pytest.param("ibis", marks=pytest.mark.filterwarnings(IGNORED_OF_IBIS)),
)
ENGINES = (*WITH_ZONES, pytest.param("spark", marks=SPARK))
_NUMBER = itertools.count()


def shaped(table: Any, engine: str, folder: Path, spark: Callable[[], Any]) -> object:  # noqa: PLR0911 - one return per engine
    """Return a pandas or pyarrow table as a frame of `engine`, or as the path of its Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame = isinstance(table, pd.DataFrame)
    arrow = pa.Table.from_pandas(table, preserve_index=False) if frame else table
    if engine in ("polars", "polars_lazy"):
        import polars as pl

        held = pl.from_arrow(arrow)
        return held.lazy() if engine == "polars_lazy" else held
    if engine == "pyarrow":
        return arrow
    if engine == "duckdb":
        import duckdb

        return duckdb.connect().from_arrow(arrow)
    if engine in ("file", "folder", "ibis", "spark"):
        held = folder / f"table_{next(_NUMBER)}"
        held.mkdir()
        half = arrow.num_rows // 2
        pq.write_table(arrow.slice(half), held / "a.parquet")
        pq.write_table(arrow.slice(0, half), held / "b.parquet")
        if engine == "folder":
            return held
        if engine == "ibis":
            ibis = pytest.importorskip("ibis", reason="no ibis-framework")
            return ibis.duckdb.connect().read_parquet(str(held / "*.parquet"))
        if engine == "spark":
            return spark().read.parquet(str(held))
        pq.write_table(arrow, held / "a.parquet")
        return str(held / "a.parquet")
    return table if frame else arrow.to_pandas()
