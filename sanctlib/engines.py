"""Open any table for SQL: a frame, a path, a Reading, a table of a cluster or a warehouse."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.checks import check_acts, check_dates, check_names, check_table, table_kind
from sanctlib.coverage import Coverage, check_coverage
from sanctlib.database import Database
from sanctlib.errors import SanctlibError, SourceError, check_columns, in_words
from sanctlib.reading import Provenance, Reading
from sanctlib.result import Result, Source
from sanctlib.schema import TABLES, TableKind

_LOG = logging.getLogger(__name__)
_TABLE = "sanctlib_table"

AnyTable: TypeAlias = object
"""A frame of pandas, polars, pyarrow, PySpark or Ibis, a relation, a path, Reading or Result."""

_FRAMES = (
    *("pandas.DataFrame", "polars.DataFrame", "polars.LazyFrame", "pyarrow.Table"),
    *("duckdb.DuckDBPyRelation", "pyspark.DataFrame", "ibis.Table"),
)


def _type_of(table: object) -> str:
    """Return library and class of a frame; no library is imported to ask this."""
    if isinstance(table, pd.DataFrame):
        return "pandas.DataFrame"
    return f"{type(table).__module__.split('.')[0].lstrip('_')}.{type(table).__name__}"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """
    A table that is open for queries.

    With `acts_are_rows` the store found one row for each act: they need not be made distinct.
    `checked` tables were made by a reader of ours; `relations` keeps them by their columns.
    """

    name: str
    kind: TableKind
    columns: tuple[str, ...]
    coverage: Coverage | None = None
    curated: bool = False
    acts_are_rows: bool = False
    provenance: Provenance | None = None
    checked: bool = False
    native: Any
    connection: Any
    relations: dict[tuple[str, ...], Any] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """Where the numbers come from, for results."""
        return Source(
            key=self.name,
            coverage=self.coverage,
            curated=self.curated,
            provenance=self.provenance,
        )

    def relation(self, columns: Iterable[str], *, where: Sequence[str] = ()) -> Any:
        """Return these columns of the rows that meet all conditions: a relation or `SqlTable`."""
        # A repeated name would be read twice, and become "name_1".
        wanted = tuple(dict.fromkeys(columns))
        check_columns(self.columns, wanted)
        if where and _type_of(self.native) == "polars.LazyFrame":
            frame, where = scanned(self.native.select(wanted), where)
            rows = self.connection.from_arrow(_Stream(frame))
        else:
            # A text column of pandas is converted each time that a relation is made of it.
            if wanted not in self.relations:
                self.relations[wanted] = self._read(list(wanted))
            rows = self.relations[wanted]
        for condition in where:
            rows = rows.filter(condition)
        return rows

    def _read(self, columns: list[str]) -> Any:
        kind, native, connection = _type_of(self.native), self.native, self.connection
        if kind == "pandas.DataFrame":
            import duckdb

            try:
                return connection.from_df(native[columns])
            except duckdb.Error:  # columns that run backwards in memory, as those of frame[::-1]
                return connection.from_df(native[columns].copy())
        if kind == "pyspark.DataFrame":
            return _of_spark(native, columns)
        if kind == "ibis.Table":
            return _of_ibis(native, columns, connection)
        if kind == "duckdb.DuckDBPyRelation":
            return native.project(", ".join(map(quoted, columns)))
        frame = native.select(columns)
        if kind == "polars.LazyFrame":
            frame = _Stream(frame)
        elif kind == "polars.DataFrame":
            frame = frame.to_arrow()
        return connection.from_arrow(frame)

    def types(self, columns: Iterable[str]) -> dict[str, str]:
        """Return the types of columns, as SQL names them."""
        rows = self.relation(columns)
        return {c: str(t) for c, t in zip(rows.columns, rows.types, strict=True)}

    def small(self, *, also: Iterable[str] = ()) -> pd.DataFrame:
        """Return the declared columns, and `also`, in pandas: lists and cases, checked here."""
        schema = TABLES[self.kind]
        taken = [c for c in self.columns if c in {*schema.names, "sender", *also}]
        types = self.types(taken)
        check_dates(types, [c for c in taken if "ZONE" in types[c]])
        return check_table(fetched(self.relation(taken)), schema)


@contextmanager
def opened(table: AnyTable, *, coverage: Coverage | None = None) -> Iterator[Opened]:
    """
    Open a table for queries, and check acts that no reader of ours made.

    `coverage` goes before that of a Reading, a Result or a path of the store, but a list of
    survivors stays one, and a source names no more senders.
    """
    import duckdb

    check_coverage(coverage)
    with closing(Database()) as database:
        database.run("SET preserve_insertion_order = false")
        source = _source(table, database.connection)
        if coverage is not None:
            own = source.coverage or coverage
            survivors = coverage.survivors or own.survivors
            given = replace(coverage, survivors=survivors, senders=coverage.senders or own.senders)
            source = replace(source, coverage=given)
        try:
            if source.kind in ("events", "cells") and not source.checked:
                _check(source)
            yield source
        except duckdb.Error as error:
            # The second file of a folder is opened when its rows are needed, not before.
            full = isinstance(error, duckdb.OutOfMemoryException)
            hint = " The environment variable SANCTLIB_MEMORY sets the limit." if full else ""
            raise SourceError(f"{source.name!r} cannot be read: {error}{hint}") from error


def _check(source: Opened) -> None:
    """Check acts, but where a scan of all rows would cost as much as the count itself."""
    kind = _type_of(source.native)
    if kind in ("pyspark.DataFrame", "ibis.Table"):
        return
    columns = [c for c in TABLES[source.kind].names if c in source.columns]
    rows = source.kind == "cells" or kind != "polars.LazyFrame"
    keys = kind in ("pandas.DataFrame", "polars.DataFrame", "pyarrow.Table")
    check_acts(source.kind, source.types(columns), source.relation, rows=rows, keys=keys)
    source.relations.clear()  # they can hold copies of the columns


def _source(table: AnyTable, connection: Any) -> Opened:
    """Return a table with what is known about it."""
    native: Any = table
    facts: dict[str, Any] = {"name": "own table"}
    if isinstance(table, Result):
        # Its numbers come from the sources that it names, and its coverage is theirs.
        native, makers = table.table, [s.provenance for s in table.sources]
        facts = {
            "name": " and ".join(dict.fromkeys(s.key for s in table.sources)) or "own table",
            "coverage": table.coverage,
            "curated": any(s.curated for s in table.sources),
            "provenance": makers[0] if len(makers) == 1 else None,
        }
    elif isinstance(table, Reading):
        native = table.table
        facts = {name: getattr(table, name) for name in ("coverage", "curated", "kind")}
        facts |= {"name": table.provenance.key, "provenance": table.provenance, "checked": True}
    elif isinstance(table, str | Path):
        native, path = _parquet(str(table), connection), Path(table).absolute()  # "." has no name
        facts = {"name": path.stem, **_manifest(path)}
    elif _type_of(table) not in _FRAMES:
        msg = f"The table is {in_words(table)}. It must be a pandas, polars, pyarrow, PySpark or"
        msg = f"{msg} Ibis frame, a DuckDB relation, a path to Parquet, a Reading or a Result."
        raise SanctlibError(msg)
    kind = _type_of(native)
    names = native.collect_schema() if kind == "polars.LazyFrame" else native.columns
    columns = tuple(map(str, native.column_names if kind == "pyarrow.Table" else names))
    check_names(columns)
    if "kind" not in facts:
        # Cells may be grouped by fewer keys than the shipped ones.
        made = {"period", "n_acts"} <= set(columns) and "act_id" not in columns
        facts["kind"] = "cells" if made else table_kind(columns)
    return Opened(native=native, connection=connection, columns=columns, **facts)


_ELSE = " Parquet is read in place; other files by sl.read_table, a producer's by sl.read."


def _parquet(given: str, connection: Any) -> Any:
    import duckdb

    path, shown = Path(given), f"{given!r:.200}"
    # No file has a name as long as some: to look for it is an error of the system.
    if not given or not os.path.exists(path):  # noqa: PTH110 - Path.exists would raise it
        raise SourceError(f"There is no file or folder {shown}.{_ELSE}")
    files = sorted(str(p) for p in path.rglob("*.parquet")) if path.is_dir() else [given]
    if not files:
        raise SourceError(f"The folder {shown} holds no file named *.parquet.")
    try:
        return connection.read_parquet(files)
    except duckdb.Error as error:
        raise SourceError(f"{shown} cannot be read as Parquet: {error}.{_ELSE}") from error


def _manifest(path: Path) -> dict[str, Any]:
    """Return what the store states about a table; nothing about one of another maker."""
    name = path.name if path.is_dir() else path.name.removesuffix(".parquet")
    manifest = path.parent / f"{name}.json"
    if not manifest.is_file():
        return {}
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    maker = stated.get("provenance")
    return {
        "coverage": stated["coverage"] and Coverage(**stated["coverage"]),
        "provenance": maker and Provenance(**maker),
        "curated": stated["curated"],
        "acts_are_rows": stated["acts_are_rows"],
        "checked": True,
    }


def fetched(relation: Any) -> pd.DataFrame:
    """Return the rows in pandas, with dates as datetime64 and text as str."""
    rows = relation.to_arrow_table()
    frame: pd.DataFrame = rows.to_pandas(date_as_object=False)
    for name, values in frame.items():
        kind, is_object = str(rows.schema.field(name).type), values.dtype == "object"
        if is_object and kind == "bool":
            # A flag with a missing value: as text it would be the word "False".
            frame[name] = values.astype("boolean")
        elif kind.startswith("decimal"):
            frame[name] = values.astype("float64")
        elif pd.api.types.is_datetime64_any_dtype(values):
            frame[name] = values.astype("datetime64[us]")
        elif is_object or isinstance(values.dtype, pd.CategoricalDtype):
            frame[name] = values.astype("str")
    return frame


def quoted(column: str) -> str:
    """Return a column's name as SQL writes it."""
    return '"' + column.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """Return a text, number, flag or day as SQL writes it."""
    if pd.isna(value):
        return "NULL"
    if isinstance(value, date):
        return f"DATE '{value:%Y-%m-%d}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).upper()


def scanned(frame: Any, where: Sequence[str]) -> tuple[Any, list[str]]:
    """Give a lazy frame the conditions that its own scan understands; return the others too."""
    import polars as pl

    left = []
    for condition in where:
        try:
            frame = frame.filter(pl.sql_expr(condition))
        except pl.exceptions.SQLInterfaceError:  # it has no word for a pair of columns
            left.append(condition)
    return frame, left


@dataclass(frozen=True)
class _Stream:
    """A lazy polars frame that DuckDB reads batch by batch, again in each query."""

    frame: Any

    def __arrow_c_stream__(self, requested: object = None) -> object:
        import polars as pl
        import pyarrow as pa

        schema = pl.DataFrame(schema=self.frame.collect_schema()).to_arrow().schema
        reader = pa.RecordBatchReader.from_batches(schema, self._batches())
        return reader.__arrow_c_stream__(requested)

    def _batches(self) -> Iterator[Any]:
        with _answering("polars"):
            for batch in self.frame.collect_batches():
                yield from batch.to_arrow().to_batches()


@dataclass(frozen=True, kw_only=True)
class SqlTable:
    """
    A table of another engine, with the part of a DuckDB relation that counting needs.

    The query on `sanctlib_table` grows as text, in DuckDB's words; `run` sends it once.
    """

    query: str
    run: Callable[[str], Any]
    columns: Sequence[str]
    types: Sequence[str]

    def filter(self, condition: str) -> SqlTable:
        """Keep the rows for which the condition holds."""
        return replace(self, query=f"SELECT * FROM ({self.query}) AS t WHERE {condition}")

    def project(self, columns: str) -> SqlTable:
        """Take these columns."""
        return replace(self, query=f"SELECT {columns} FROM ({self.query}) AS t")

    def aggregate(self, columns: str, groups: str) -> SqlTable:
        """Take these columns, a row per group; no groups make one row, or none of no rows."""
        grouped = f" GROUP BY {groups}" if groups else " HAVING count(*) > 0"
        return replace(self, query=f"SELECT {columns} FROM ({self.query}) AS t{grouped}")

    def to_arrow_table(self) -> Any:
        """Run the query and return its rows."""
        return self.run(self.query)


def _of_spark(frame: Any, columns: Sequence[str]) -> SqlTable:
    """Take columns of a PySpark frame; a time with a zone has its day in that of the session."""
    kinds = {name: kind.upper().replace("_NTZ", "") for name, kind in frame.dtypes}

    def run(query: str) -> Any:
        text = in_words_of("spark", query)
        text = text.replace("{", "{{").replace("}", "}}").replace(_TABLE, "{table}")
        with _answering("PySpark"):
            rows = frame.sparkSession.sql(text, table=frame)
            zoned = [name for name, kind in rows.dtypes if kind == "timestamp"]
            return rows.withColumns({c: rows[c].cast("timestamp_ntz") for c in zoned}).toArrow()

    query = f"SELECT {', '.join(map(quoted, columns))} FROM {_TABLE}"
    return SqlTable(query=query, run=run, columns=columns, types=[kinds[c] for c in columns])


def _of_ibis(table: Any, columns: Sequence[str], connection: Any) -> SqlTable:
    """Take columns of an Ibis table; its backend (BigQuery, Postgres, …) does the counting."""
    chosen = table.select(*columns)
    schema = chosen.schema()
    # Columns and answers have the types that DuckDB gives them, whatever the backend would.
    empty = connection.from_arrow(schema.to_pyarrow().empty_table())

    def run(query: str) -> Any:
        with _answering("Ibis"):
            typed = type(schema).from_pyarrow(empty.query(_TABLE, query).to_arrow_table().schema)
            backend = chosen.get_backend()
            text = in_words_of(backend.dialect, query)
            whole = f"WITH {_TABLE} AS ({backend.compile(chosen)}) {text}"
            return backend.sql(whole, schema=typed).to_pyarrow()

    return SqlTable(query=f"SELECT * FROM {_TABLE}", run=run, columns=columns, types=empty.types)


def in_words_of(dialect: Any, query: str) -> str:
    """Return a query of ours in the SQL of an engine, as sqlglot translates it, and log it."""
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
