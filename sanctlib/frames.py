"""Frames: any frame, path or reading, opened for DuckDB where it lies."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.checks import check_table, table_kind
from sanctlib.coverage import Coverage
from sanctlib.engines import from_ibis, from_polars, from_spark
from sanctlib.errors import SanctlibError, SchemaError, SourceError, check_columns
from sanctlib.reading import Reading
from sanctlib.schema import TABLES, TableKind
from sanctlib.store import coverage_from

AnyTable: TypeAlias = object
"""A pandas, polars, pyarrow, PySpark or Ibis frame, a DuckDB relation, a path or a Reading.

Only the columns needed are read. DuckDB counts what lies on this machine, in place: frames in
memory, and Parquet, whose scan is asked for the rows needed. A lazy polars frame is asked for
these rows and columns, and collected without the others. PySpark and Ibis count where their
table lies, and send a small answer.
"""

MEMORY_LIMIT = "2GB"
"""Unless the environment variable SANCTLIB_MEMORY names another, when a table is opened."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """
    A table that DuckDB can read in place.

    `relation` is a DuckDB relation, or a frame that becomes one when columns are taken.
    `coverage` is None where nobody said what the source covers. `acts_are_rows` where the
    store found one row for each act: counting them, no act needs to be told from another.
    """

    name: str
    kind: TableKind
    columns: tuple[str, ...]
    coverage: Coverage | None
    curated: bool
    acts_are_rows: bool
    _native: Any
    _connection: Any

    def relation(self, columns: Iterable[str], *, needed_by: str) -> Any:
        """
        Return a DuckDB relation of these columns alone.

        Raises
        ------
        MissingColumnsError
            When the table lacks one of them.
        """
        # A repeated name would be read twice, and become "name_1".
        wanted = list(dict.fromkeys(columns))
        check_columns(self.columns, wanted, needed_by=needed_by)
        if isinstance(self._native, pd.DataFrame):
            return _of_pandas(self._native[wanted], self._connection)
        family = _family(self._native)
        if type(self._native).__name__ == "LazyFrame":
            return from_polars(self._native, wanted, self._connection)
        if family == "polars":
            return self._connection.from_arrow(self._native.select(wanted).to_arrow())
        if family == "pyarrow":
            return self._connection.from_arrow(self._native.select(wanted))
        if family == "pyspark":
            return from_spark(self._native, wanted)
        if family == "ibis":
            return from_ibis(self._native, wanted)
        return self._native.project(", ".join(quoted(c) for c in wanted))

    def small(self, *, needed_by: str, also: Iterable[str] = ()) -> pd.DataFrame:
        """
        Return the whole table in pandas, checked: cases, listings and lists are small.

        Columns that the schema does not know are left where they are, but for those of `also`.

        Raises
        ------
        SchemaError
            When a value, key, order of dates or sum is not what was declared.
        """
        schema = TABLES[self.kind]
        wanted = {*schema.names, "sender", *also}
        taken = [c for c in self.columns if c in wanted]
        relation = self.relation(taken, needed_by=needed_by)
        types = types_of(relation)
        check_dates(types, [c for c in taken if "ZONE" in types[c]], needed_by=needed_by)
        return check_table(fetched(relation), schema, needed_by=needed_by)


@contextmanager
def opened(
    table: AnyTable, *, needed_by: str, coverage: Coverage | None = None
) -> Iterator[Opened]:
    """
    Open a table for reading, as `AnyTable` says; nothing is written beside it.

    A reading brings its coverage, and so does a path that `sanctlib prepare` wrote;
    the argument goes before both, but a list of survivors stays one, and a source names no
    more senders. The engine works under a memory limit and spills into a temporary folder.
    A DuckDB relation keeps its own connection and limits.

    Raises
    ------
    SanctlibError
        When the table is none of the kinds that can be read, or SANCTLIB_MEMORY no size.
    SchemaError
        When its columns are those of none of our tables.
    SourceError
        When a path is not there or is not Parquet.
    """
    import duckdb

    with (
        tempfile.TemporaryDirectory(prefix="sanctlib-") as spill,
        _connected(spill) as held,
    ):
        held.execute("set preserve_insertion_order = false")
        # In a notebook there is none without ipywidgets, and it cannot be set either.
        with suppress(duckdb.InvalidInputException):
            held.execute("set enable_progress_bar = false")
        native, name, known, marks = _native(table, held, needed_by=needed_by)
        if coverage is not None and known is not None:
            survivors = coverage.survivors or known.survivors
            coverage = replace(
                coverage, survivors=survivors, senders=coverage.senders or known.senders
            )
        found = _columns(native)
        columns = tuple(str(c) for c in found)
        try:
            yield Opened(
                name=name,
                kind=table.kind if isinstance(table, Reading) else _kind(columns, needed_by),
                columns=columns,
                coverage=coverage or known,
                curated=marks.get("curated", False),
                acts_are_rows=marks.get("acts_are_rows", False),
                _native=native,
                _connection=held,
            )
        except duckdb.Error as error:
            # A folder's second file is opened when its rows are asked for, not before.
            full = isinstance(error, duckdb.OutOfMemoryException)
            hint = " The environment variable SANCTLIB_MEMORY sets the limit." if full else ""
            raise SourceError(f"{needed_by} cannot read {name!r}: {error}{hint}") from error


def _connected(spill: str) -> Any:
    import duckdb

    limit = os.environ.get("SANCTLIB_MEMORY", MEMORY_LIMIT)
    try:
        return duckdb.connect(config={"memory_limit": limit, "temp_directory": spill})
    except duckdb.Error as error:
        msg = f"SANCTLIB_MEMORY needs a size such as '2GB' or '512MB', and is {limit!r}."
        raise SanctlibError(msg) from error


def _of_pandas(frame: pd.DataFrame, connection: Any) -> Any:
    import duckdb

    try:
        return connection.from_df(frame)
    except duckdb.Error:
        # Columns that run backwards in memory, as those of frame[::-1] do, it cannot read.
        return connection.from_df(frame.copy())


def fetched(relation: Any) -> pd.DataFrame:
    """Return a relation's rows in pandas, with dates as datetime64 and text as str."""
    rows = relation.to_arrow_table()
    frame: pd.DataFrame = rows.to_pandas(date_as_object=False)
    for name, values in frame.items():
        held = str(rows.schema.field(name).type)
        if values.dtype == "object" and held == "bool":
            # A flag with a missing value: as text it would be the word "False".
            frame[name] = values.astype("boolean")
        elif held.startswith("decimal"):
            frame[name] = values.astype("float64")
        elif pd.api.types.is_datetime64_any_dtype(values):
            frame[name] = values.astype("datetime64[us]")
        elif values.dtype == "object" or isinstance(values.dtype, pd.CategoricalDtype):
            frame[name] = values.astype("str")
    return frame


def types_of(relation: Any) -> dict[str, str]:
    """Return the type of each column, as SQL names it."""
    return {c: str(t) for c, t in zip(relation.columns, relation.types, strict=True)}


def quoted(column: str) -> str:
    """Return a column's name as SQL writes it."""
    return '"' + column.replace('"', '""') + '"'


def _native(
    table: AnyTable, connection: Any, *, needed_by: str
) -> tuple[Any, str, Coverage | None, dict[str, bool]]:
    if isinstance(table, Reading):
        return table.table, table.provenance.key, table.coverage, {"curated": table.curated}
    if isinstance(table, str | Path):
        path = Path(table)
        relation = _parquet(path, connection)
        coverage, marks = _manifest(path)
        return relation, path.stem, coverage, marks
    family = _family(table)
    kind = type(table).__name__
    if isinstance(table, pd.DataFrame) or (family, kind) in _FRAMES:
        return table, family, None, {}
    msg = (
        f"{needed_by} reads a pandas, polars, pyarrow, PySpark or Ibis frame, a DuckDB relation, "
        f"a path to Parquet or a Reading, and was given {kind!r}."
    )
    raise SanctlibError(msg)


_FRAMES = {
    *(("polars", "DataFrame"), ("polars", "LazyFrame"), ("pyarrow", "Table")),
    *(("duckdb", "DuckDBPyRelation"), ("pyspark", "DataFrame"), ("ibis", "Table")),
}


def _columns(native: Any) -> Iterable[object]:
    if _family(native) == "pyarrow":
        return list(native.column_names)
    if type(native).__name__ == "LazyFrame":
        return list(native.collect_schema().names())
    return list(native.columns)


def _family(table: object) -> str:
    # The engines are not imported to ask this: what was not imported cannot be here.
    return type(table).__module__.split(".")[0].lstrip("_")


def _kind(columns: Sequence[str], needed_by: str) -> TableKind:
    # Cells may be grouped by fewer keys than the shipped ones.
    if {"period", "n_acts"} <= set(columns) and "act_id" not in columns:
        return "cells"
    return table_kind(columns, needed_by=needed_by)


_ELSE = " Parquet is read in place; other files by sl.read_table, a producer's by sl.read."


def _parquet(path: Path, connection: Any) -> Any:
    import duckdb

    if not path.exists():
        raise SourceError(f"There is no file or folder {str(path)!r}.{_ELSE}")
    files = sorted(str(p) for p in path.rglob("*.parquet")) if path.is_dir() else [str(path)]
    if not files:
        raise SourceError(f"The folder {str(path)!r} holds no file named *.parquet.")
    try:
        return connection.read_parquet(files)
    except duckdb.Error as error:
        raise SourceError(f"{str(path)!r} cannot be read as Parquet: {error}.{_ELSE}") from error


def _manifest(path: Path) -> tuple[Coverage | None, dict[str, bool]]:
    name = path.name if path.is_dir() else path.name.removesuffix(".parquet")
    manifest = path.with_name(f"{name}.json")
    if not manifest.is_file():
        return None, {}
    stored = json.loads(manifest.read_text(encoding="utf-8"))
    coverage = stored["coverage"]
    return None if coverage is None else coverage_from(coverage), stored


def check_dates(types: dict[str, str], columns: Iterable[str], *, needed_by: str) -> None:
    """
    Check that these columns hold dates without a time zone.

    Raises
    ------
    SchemaError
        Naming the first that does not, and what it holds.
    """
    for column in columns:
        held = types[column]
        if held != "DATE" and not (held.startswith("TIMESTAMP") and "ZONE" not in held):
            msg = (
                f"{needed_by} needs dates without a time zone in {column!r}, which holds {held}. "
                "sl.read_table parses and checks them."
            )
            raise SchemaError(msg)
