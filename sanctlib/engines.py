"""Engines: the tables of a cluster or a warehouse, asked in SQL where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sanctlib.errors import SanctlibError

_TABLE = "sanctlib_table"
_SPARK_TYPES = {"date": "DATE", "timestamp_ntz": "TIMESTAMP", "timestamp": "TIMESTAMP"}


@dataclass(frozen=True, kw_only=True)
class SqlTable:
    """
    A table of another engine, with the part of a DuckDB relation that counting needs.

    The query grows as text, in DuckDB's words, and reaches the engine once, when its small
    answer is fetched: a lazy frame is a recipe, and referring to it twice scans it twice.
    """

    query: str
    run: Callable[[str], Any]
    """Runs a query on the table named `sanctlib_table` and returns a pyarrow table."""
    columns: tuple[str, ...]
    types: tuple[str, ...]

    def filter(self, condition: str) -> SqlTable:
        """Keep the rows for which the condition holds."""
        return self._then(f"SELECT * FROM ({self.query}) AS t WHERE {condition}")

    def project(self, columns: str) -> SqlTable:
        """Take these columns."""
        return self._then(f"SELECT {columns} FROM ({self.query}) AS t")

    def aggregate(self, columns: str, groups: str) -> SqlTable:
        """Take these columns, a row per group; no groups make one row, or none of no rows."""
        grouped = f" GROUP BY {groups}" if groups else " HAVING count(*) > 0"
        return self._then(f"SELECT {columns} FROM ({self.query}) AS t{grouped}")

    def distinct(self) -> SqlTable:
        """Keep each row once."""
        return self._then(f"SELECT DISTINCT * FROM ({self.query}) AS t")

    def to_arrow_table(self) -> Any:
        """Run the query and return its rows."""
        return self.run(self.query)

    def _then(self, query: str) -> SqlTable:
        return replace(self, query=query)


def from_spark(frame: Any, columns: Sequence[str]) -> SqlTable:
    """
    Take columns of a PySpark frame; its own cluster does the counting.

    Raises
    ------
    SanctlibError
        Where sqlglot, which writes the query in Spark's words, is not installed.
    """
    types = dict(frame.dtypes)

    def run(query: str) -> Any:
        text = _transpiled(query, "spark").replace(_TABLE, "{table}")
        return frame.sparkSession.sql(text, table=frame).toArrow()

    return SqlTable(
        query=_selected(columns),
        run=run,
        columns=tuple(columns),
        types=tuple(_SPARK_TYPES.get(types[c], types[c].upper()) for c in columns),
    )


def from_ibis(table: Any, columns: Sequence[str]) -> SqlTable:
    """Take columns of an Ibis table; its backend (BigQuery, Postgres, …) does the counting."""
    schema = table.schema()

    def run(query: str) -> Any:
        return table.alias(_TABLE).sql(query, dialect="duckdb").to_pyarrow()

    kinds = {"timestamp": "TIMESTAMP", "date": "DATE", "string": "VARCHAR", "boolean": "BOOLEAN"}
    return SqlTable(
        query=_selected(columns),
        run=run,
        columns=tuple(columns),
        types=tuple(kinds.get(str(schema[c]), str(schema[c]).upper()) for c in columns),
    )


def _selected(columns: Sequence[str]) -> str:
    names = ", ".join('"' + c.replace('"', '""') + '"' for c in columns)
    return f"SELECT {names} FROM {_TABLE}"


def _transpiled(query: str, dialect: str) -> str:
    try:
        import sqlglot
    except ImportError as error:
        msg = "A PySpark frame needs the package sqlglot: pip install 'sanctlib[spark]'."
        raise SanctlibError(msg) from error
    return str(sqlglot.transpile(query, read="duckdb", write=dialect)[0])
