"""The same table in each shape that sanctlib reads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

ENGINES = ("pandas", "polars", "polars_lazy", "pyarrow", "duckdb", "file", "folder")


def as_engine(table: pd.DataFrame, engine: str, folder: Path) -> object:
    """Return `table` as a frame of `engine`, or the path of its Parquet."""
    if engine == "polars":
        import polars as pl

        return pl.from_pandas(table)
    if engine == "polars_lazy":
        import polars as pl

        return pl.from_pandas(table).lazy()
    if engine == "pyarrow":
        import pyarrow as pa

        return pa.Table.from_pandas(table, preserve_index=False)
    if engine == "duckdb":
        import duckdb

        return duckdb.connect().from_df(table)
    if engine == "file":
        table.to_parquet(folder / "table.parquet", index=False)
        return str(folder / "table.parquet")
    if engine == "folder":
        half = len(table) // 2
        table.iloc[:half].to_parquet(folder / "a.parquet", index=False)
        table.iloc[half:].to_parquet(folder / "b.parquet", index=False)
        return folder
    return table
