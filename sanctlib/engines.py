"""Query tables of a cluster, a warehouse or a lazy frame where they are stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sanctlib.errors import SanctlibError, SourceError

_LOG = logging.getLogger(__name__)
_TABLE = "sanctlib_table"


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


@dataclass(frozen=True, kw_only=True)
class LazyTable:
    """A lazy polars frame: its own scan does the filtering, and DuckDB all else."""

    frame: Any
    connection: Any
    columns: tuple[str, ...]
    types: tuple[Any, ...]

    def filter(self, condition: str) -> Any:
        """Keep the rows for which the condition holds."""
        import polars as pl

        try:
            return replace(self, frame=self.frame.filter(pl.sql_expr(condition)))
        except pl.exceptions.SQLInterfaceError:  # it has no word for a pair of columns
            return self._collected().filter(condition)

    def project(self, columns: str) -> Any:
        """Take these columns."""
        return self._collected().project(columns)

    def aggregate(self, columns: str, keys: str) -> Any:
        """Group by the keys."""
        return self._collected().aggregate(columns, keys)

    def to_arrow_table(self) -> Any:
        """Return the rows."""
        return self._collected().to_arrow_table()

    def _collected(self) -> Any:
        with _answering("polars"):
            return self.connection.from_arrow(self.frame.collect().to_arrow())


def from_polars(frame: Any, columns: Sequence[str], connection: Any) -> LazyTable:
    """Take columns of a lazy polars frame; the others are not read."""
    import polars as pl

    chosen = frame.select(columns)
    empty = connection.from_arrow(pl.DataFrame(schema=chosen.collect_schema()).to_arrow())
    return LazyTable(
        frame=chosen, connection=connection, columns=tuple(columns), types=tuple(empty.types)
    )


def from_spark(frame: Any, columns: Sequence[str]) -> SqlTable:
    """
    Take columns of a PySpark frame; its own cluster does the counting.

    The day of a time that Spark keeps with a zone is its day in the zone of the session.
    """
    kinds = {"timestamp_ntz": "TIMESTAMP"}
    types = {name: kinds.get(kind, kind.upper()) for name, kind in frame.dtypes}

    def run(query: str) -> Any:
        text = in_words_of("spark", query)
        text = text.replace("{", "{{").replace("}", "}}").replace(_TABLE, "{table}")
        with _answering("PySpark"):
            rows = frame.sparkSession.sql(text, table=frame)
            zoned = [name for name, kind in rows.dtypes if kind == "timestamp"]
            return rows.withColumns({c: rows[c].cast("timestamp_ntz") for c in zoned}).toArrow()

    names = ", ".join('"' + c.replace('"', '""') + '"' for c in columns)
    return SqlTable(
        query=f"SELECT {names} FROM {_TABLE}",
        run=run,
        columns=tuple(columns),
        types=tuple(types[c] for c in columns),
    )


def from_ibis(table: Any, columns: Sequence[str]) -> SqlTable:
    """Take columns of an Ibis table; its backend (BigQuery, Postgres, …) does the counting."""
    chosen = table.select(*columns)
    schema = chosen.schema()

    def run(query: str) -> Any:
        import duckdb

        with _answering("Ibis"), duckdb.connect() as local:
            # The answer has the types that DuckDB gives it, whatever the backend would.
            empty: Any = local.from_arrow(schema.to_pyarrow().empty_table())
            typed = type(schema).from_pyarrow(empty.query(_TABLE, query).to_arrow_table().schema)
            backend = chosen.get_backend()
            text = in_words_of(backend.dialect, query)
            whole = f"WITH {_TABLE} AS ({backend.compile(chosen)}) {text}"
            return backend.sql(whole, schema=typed).to_pyarrow()

    return SqlTable(
        query=f"SELECT * FROM {_TABLE}",
        run=run,
        columns=tuple(columns),
        types=tuple(_type_of(schema[c]) for c in columns),
    )


def _type_of(kind: Any) -> str:
    zoned = kind.is_timestamp() and kind.timezone is not None
    return type(kind).__name__.upper() + (" WITH TIME ZONE" if zoned else "")


def in_words_of(dialect: Any, query: str) -> str:
    """
    Return a query of ours in an engine's words, which are logged as they are sent.

    Raises
    ------
    SanctlibError
        Where sqlglot, which knows them, is not installed.
    SourceError
        When the engine has no words for it.
    """
    try:
        from sqlglot import Dialect, ErrorLevel, exp, parse_one
        from sqlglot.dialects import BigQuery
    except ImportError as error:
        msg = "The package sqlglot is not installed. Run pip install 'sanctlib[spark]'."
        raise SanctlibError(msg) from error
    parsed = parse_one(query, read="duckdb")
    if isinstance(Dialect.get_or_raise(dialect), BigQuery):
        for node in parsed.find_all(exp.DateTrunc):
            if node.unit.name == "WEEK":  # there, a week begins on Sunday
                node.set("unit", exp.var("ISOWEEK"))
    with _answering(f"The engine {dialect!r}"):
        text = str(parsed.sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE))
    _LOG.debug("%s", text)
    return text


@contextmanager
def _answering(engine: str) -> Iterator[None]:
    try:
        yield
    except SanctlibError:
        raise
    except Exception as error:  # each backend has errors of its own
        words = str(error).strip().split("\n")[0]
        raise SourceError(f"{engine} cannot read the table: {words}") from error
