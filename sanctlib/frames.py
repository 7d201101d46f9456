"""Frames: any frame, path or reading, opened for DuckDB where it lies."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.checks import check_names, check_table, check_words, table_kind
from sanctlib.coverage import Coverage
from sanctlib.engines import from_ibis, from_polars, from_spark
from sanctlib.errors import SanctlibError, SchemaError, SourceError, check_columns, in_words
from sanctlib.reading import Provenance, Reading
from sanctlib.result import Result, Source
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
    provenance: Provenance | None
    native: Any
    _connection: Any

    @property
    def source(self) -> Source:
        """Where the numbers come from, for results."""
        return Source(
            key=self.name,
            coverage=self.coverage,
            curated=self.curated,
            provenance=self.provenance,
        )

    def relation(self, columns: Iterable[str]) -> Any:
        """
        Return a DuckDB relation of these columns alone.

        Raises
        ------
        MissingColumnsError
            When the table lacks one of them.
        """
        # A repeated name would be read twice, and become "name_1".
        wanted = list(dict.fromkeys(columns))
        check_columns(self.columns, wanted)
        if isinstance(self.native, pd.DataFrame):
            return _of_pandas(self.native[wanted], self._connection)
        family = _family(self.native)
        if type(self.native).__name__ == "LazyFrame":
            return from_polars(self.native, wanted, self._connection)
        if family == "polars":
            return self._connection.from_arrow(self.native.select(wanted).to_arrow())
        if family == "pyarrow":
            return self._connection.from_arrow(self.native.select(wanted))
        if family == "pyspark":
            return from_spark(self.native, wanted)
        if family == "ibis":
            return from_ibis(self.native, wanted)
        return self.native.project(", ".join(quoted(c) for c in wanted))

    def small(self, *, also: Iterable[str] = ()) -> pd.DataFrame:
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
        relation = self.relation(taken)
        types = types_of(relation)
        check_dates(types, [c for c in taken if "ZONE" in types[c]])
        return check_table(fetched(relation), schema)


@contextmanager
def opened(table: AnyTable, *, coverage: Coverage | None = None) -> Iterator[Opened]:
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

    if coverage is not None and not isinstance(coverage, Coverage):
        msg = f"coverage is {coverage!r}. It must be a Coverage"
        raise SanctlibError(f"{msg}: sl.Coverage(source=…, first=…, last=…).")
    with (
        tempfile.TemporaryDirectory(prefix="sanctlib-") as spill,
        _connected(spill) as held,
    ):
        held.execute("set preserve_insertion_order = false")
        # In a notebook there is none without ipywidgets, and it cannot be set either.
        with suppress(duckdb.InvalidInputException):
            held.execute("set enable_progress_bar = false")
        native, name, known, marks, provenance = _native(table, held)
        if coverage is not None and known is not None:
            survivors = coverage.survivors or known.survivors
            coverage = replace(
                coverage, survivors=survivors, senders=coverage.senders or known.senders
            )
        found = _columns(native)
        columns = tuple(str(c) for c in found)
        check_names(columns)
        try:
            found_table = Opened(
                name=name,
                kind=table.kind if isinstance(table, Reading) else _kind(columns),
                columns=columns,
                coverage=coverage or known,
                curated=marks.get("curated", False),
                acts_are_rows=marks.get("acts_are_rows", False),
                provenance=provenance,
                native=native,
                _connection=held,
            )
            # A cluster's or a warehouse's table is not scanned an extra time for this.
            if not marks and _family(native) not in ("pyspark", "ibis"):
                check_acts(found_table, in_memory=_in_memory(native))
            yield found_table
        except duckdb.Error as error:
            # A folder's second file is opened when its rows are asked for, not before.
            full = isinstance(error, duckdb.OutOfMemoryException)
            hint = " The environment variable SANCTLIB_MEMORY sets the limit." if full else ""
            raise SourceError(f"{name!r} cannot be read: {error}{hint}") from error


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
    table: AnyTable, connection: Any
) -> tuple[Any, str, Coverage | None, dict[str, bool], Provenance | None]:
    if isinstance(table, Result):
        # Its numbers come from the sources that it names, and its coverage is theirs.
        names = " and ".join(dict.fromkeys(s.key for s in table.sources)) or "own table"
        marks = {"curated": True} if any(source.curated for source in table.sources) else {}
        maker = table.sources[0].provenance if len(table.sources) == 1 else None
        return table.table, names, table.coverage, marks, maker
    if isinstance(table, Reading):
        marks = {"curated": table.curated}
        return table.table, table.provenance.key, table.coverage, marks, table.provenance
    if isinstance(table, str | Path):
        path = Path(table).absolute()  # "." has no name
        relation = _parquet(str(table), connection)
        coverage, marks, provenance = _manifest(path)
        return relation, path.stem, coverage, marks, provenance
    if isinstance(table, pd.DataFrame) or (_family(table), type(table).__name__) in _FRAMES:
        return table, "own table", None, {}, None
    msg = (
        f"The table is {in_words(table)}. It must be a pandas, polars, pyarrow, PySpark or Ibis "
        "frame, a DuckDB relation, a path to Parquet, a Reading or a Result."
    )
    raise SanctlibError(msg)


_FRAMES = {
    *(("polars", "DataFrame"), ("polars", "LazyFrame"), ("pyarrow", "Table")),
    *(("duckdb", "DuckDBPyRelation"), ("pyspark", "DataFrame"), ("ibis", "Table")),
}


_EAGER = {"pandas", "pyarrow"}


def _in_memory(native: Any) -> bool:
    eager_polars = _family(native) == "polars" and type(native).__name__ == "DataFrame"
    return _family(native) in _EAGER or eager_polars


def check_acts(source: Opened, *, in_memory: bool) -> None:
    """
    Check a frame of events or cells that no reader of ours made, before it is counted.

    Words are of the vocabulary, parties are codes, days and ids are filled, counts are whole
    numbers from 0. Frames in memory repeat no key. Small tables are checked by `small`.

    Raises
    ------
    SchemaError
        Naming the first wrong value, and a close one that is right.
    """
    if source.kind not in ("events", "cells"):
        return
    schema = TABLES[source.kind]
    declared = [c for c in schema.columns if c.name in source.columns]
    rows = source.relation([c.name for c in declared])
    types = types_of(rows)
    days = [c.name for c in declared if c.kind == "date"]
    check_dates(types, [c for c in days if c in ("date", "date_last", "period")])
    code = types.get("code", "VARCHAR")
    if _NUMBER.fullmatch(code):
        msg = "Column 'code' holds numbers, so leading zeros are lost (010 became 10). Read it"
        raise SchemaError(f'{msg} as text: pd.read_csv(path, dtype={{"code": str}}).')
    words = [c for c in ("family", "action") if c in types]
    parties = [c for c in ("sender", "target") if c in types]
    groups: list[list[str]] = [list(words), *[[str(side)] for side in parties]]
    for names in groups:
        if not names:
            continue
        listed = ", ".join(quoted(c) for c in names)
        check_words(fetched(source.relation(names).project(listed).distinct()))
    if source.kind == "events" and type(source.native).__name__ == "LazyFrame":
        return  # its rows are too many to bring here: what is counted of them is checked
    wrong = {}
    for column in declared:
        name = quoted(column.name)
        # Acts of no known day are counted too, as not assigned to a period.
        if column.filled and column.required and column.kind != "date":
            empty = f" OR {name}::VARCHAR = ''" if column.kind == "text" else ""
            wrong[f"has no {column.name!r}"] = f"{name} IS NULL{empty}"
        if column.kind == "integer":
            if not _NUMBER.fullmatch(types[column.name]):
                msg = f"Column {column.name!r} holds {types[column.name]}. It must hold whole"
                raise SchemaError(f"{msg} numbers from 0.")
            text = f"has a number in {column.name!r} that is not a whole number from 0"
            number = f"{name}::DOUBLE"
            wrong[text] = f"{number} < 0 OR {number} > {_MOST} OR {number} <> floor({number})"
    if {"date", "date_last"} <= types.keys():
        wrong["has 'date' after 'date_last'"] = "date > date_last"
    if {"mutual", *parties} <= types.keys() and len(parties) == 2:
        wrong["is mutual with sender not before target"] = "mutual::BOOLEAN AND sender >= target"
    ones = [f"CASE WHEN {c} THEN 1 ELSE 0 END AS w{i}" for i, c in enumerate(wrong.values())]
    sums = ", ".join(f"sum(w{i})::BIGINT AS w{i}" for i in range(len(ones)))
    flags = rows.project(", ".join(ones))
    found = fetched(flags.aggregate(f"count(*)::BIGINT AS n_rows, {sums}", ""))
    n_rows = int(found["n_rows"].sum())
    for i, what in enumerate(wrong):
        n = int(found[f"w{i}"].sum())
        if n:
            raise SchemaError(f"{n:,} of {n_rows:,} rows are wrong: each {what}.")
    key = [c for c in schema.key if c in types]
    if in_memory and key:
        listed = ", ".join(quoted(c) for c in key)
        each = rows.aggregate(f"{listed}, count(*)::BIGINT AS n", listed).filter("n > 1")
        again = fetched(each.aggregate("sum(n)::BIGINT AS n", ""))["n"].fillna(0).sum()
        if again:
            msg = f"{int(again):,} of {n_rows:,} rows repeat the key ({', '.join(key)})."
            raise SchemaError(f"{msg} Keep one row for each.")


_MOST = 1 << 53
"""The greatest count that is exact as a float; above it lies infinity."""
# As DuckDB, PySpark and Ibis name them: BIGINT, UINTEGER, INT, INT64, FLOAT64, DECIMAL(18,3).
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?\d*|FLOAT\d*|DOUBLE|DECIMAL.*")


def _columns(native: Any) -> Iterable[object]:
    if _family(native) == "pyarrow":
        return list(native.column_names)
    if type(native).__name__ == "LazyFrame":
        return list(native.collect_schema().names())
    return list(native.columns)


def _family(table: object) -> str:
    # The engines are not imported to ask this: what was not imported cannot be here.
    return type(table).__module__.split(".")[0].lstrip("_")


def _kind(columns: Sequence[str]) -> TableKind:
    # Cells may be grouped by fewer keys than the shipped ones.
    if {"period", "n_acts"} <= set(columns) and "act_id" not in columns:
        return "cells"
    return table_kind(columns)


_ELSE = " Parquet is read in place; other files by sl.read_table, a producer's by sl.read."


def _parquet(given: str, connection: Any) -> Any:
    import duckdb

    path, shown = Path(given), f"{given!r:.200}"
    try:
        there = given != "" and path.exists()
    except OSError:  # a name longer than any file's
        there = False
    if not there:
        raise SourceError(f"There is no file or folder {shown}.{_ELSE}")
    files = sorted(str(p) for p in path.rglob("*.parquet")) if path.is_dir() else [given]
    if not files:
        raise SourceError(f"The folder {shown} holds no file named *.parquet.")
    try:
        return connection.read_parquet(files)
    except duckdb.Error as error:
        raise SourceError(f"{shown} cannot be read as Parquet: {error}.{_ELSE}") from error


def _manifest(path: Path) -> tuple[Coverage | None, dict[str, bool], Provenance | None]:
    name = path.name if path.is_dir() else path.name.removesuffix(".parquet")
    manifest = path.parent / f"{name}.json"
    if not manifest.is_file():
        return None, {}, None
    stored = json.loads(manifest.read_text(encoding="utf-8"))
    coverage = stored["coverage"]
    maker = stored.get("provenance")
    known = None if coverage is None else coverage_from(coverage)
    return known, stored, None if maker is None else Provenance(**maker)


def check_dates(types: dict[str, str], columns: Iterable[str]) -> None:
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
                f"Column {column!r} holds {held}. It must hold days without a time zone. "
                "sl.read_table parses and checks them."
            )
            raise SchemaError(msg)
