"""Hold tables in DuckDB under a limit of memory, and query them."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import Any

import pandas as pd

from sanctlib.errors import SanctlibError


def arrow_of(table: Any) -> Any:
    """Return a frame as Arrow, its times as days."""
    import pyarrow as pa

    if not isinstance(table, pd.DataFrame):
        return table
    result = pa.Table.from_pandas(table, preserve_index=False)
    kinds = [pa.date32() if pa.types.is_timestamp(f.type) else f.type for f in result.schema]
    return result.cast(pa.schema(list(zip(result.column_names, kinds, strict=True))))


class Database:
    """
    A database of DuckDB in memory; rows that find no room there go to a folder of their own.

    The limit of memory is `memory` ("500MB"), or what SANCTLIB_MEMORY says, or 2GB. With
    `as_written`, tables are joined in the order of a statement: the one with most rows first.
    """

    ordered = False
    """Whether numbers of rows must be given in an order: a table is never made twice here."""
    key_type = "BIGINT"
    """The type of the key of an actor."""

    def __init__(self, *, threads: int = 0, memory: str = "", as_written: bool = False) -> None:
        import duckdb

        self._room = tempfile.TemporaryDirectory(prefix="sanctlib-")
        limit = memory or os.environ.get("SANCTLIB_MEMORY", "2GB")
        settings: dict[str, Any] = {"memory_limit": limit, "temp_directory": self._room.name}
        settings |= {"threads": threads} if threads else {}
        if as_written:
            settings["disabled_optimizers"] = "join_order,build_side_probe_side"
        try:
            self.connection = duckdb.connect(config=settings)
        except duckdb.Error as error:
            self._room.cleanup()
            msg = f"SANCTLIB_MEMORY needs a size such as '2GB' or '512MB', and is {limit!r}."
            raise SanctlibError(msg) from error
        # In a notebook there is no bar without ipywidgets, and it cannot be set either.
        with suppress(duckdb.InvalidInputException):
            self.run("SET enable_progress_bar = false")

    def close(self) -> None:
        """Give back the memory and the folder."""
        self.connection.close()
        self._room.cleanup()

    def show(self, name: str, table: Any) -> None:
        """Let queries read an Arrow table where it is."""
        self.connection.register(name, table)

    def empty(self, name: str, columns: str) -> None:
        """Make a table without rows."""
        self.run(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")

    def give(self, name: str, table: Any) -> None:
        """Make a frame or Arrow table a table."""
        self.connection.register("given", arrow_of(table))
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM given")
        self.connection.unregister("given")

    def run(self, statement: str) -> int:
        """Run a statement, and return the number of the rows that it wrote."""
        result = self.connection.execute(statement).fetchone()
        return int(result[0]) if result else 0

    def make(self, name: str, query: str) -> None:
        """Make the rows of a query a table."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def number_words(self) -> None:
        """Hold what parties and codes are called as numbers, moved and compared faster."""
        words = "SELECT party AS word FROM parties UNION SELECT code FROM codes"
        words = f"SELECT word FROM ({words} UNION SELECT action FROM codes) WHERE word IS NOT NULL"
        # In order, so that words compare as texts do.
        self.run(f"CREATE OR REPLACE TYPE word AS ENUM ({words} ORDER BY word)")
        # Of an actor's name only its hash is needed: those of a million names differ.
        actor_key = "if(actor_key IS NULL, NULL, hash(actor_key) >> 1)::BIGINT AS actor_key"
        party = f"SELECT * REPLACE (party::word AS party, {actor_key}) FROM parties"
        self.make("parties", party)
        code = "SELECT * REPLACE (code::word AS code, action::word AS action) FROM codes"
        self.make("codes", code)

    def table(self, query: str) -> Any:
        """Return the rows of a query as Arrow."""
        return self.connection.sql(query).to_arrow_table()

    def frame(self, query: str) -> pd.DataFrame:
        """Return the rows of a query in pandas: text as str, days as datetime64."""
        frame: pd.DataFrame = self.table(query).to_pandas(date_as_object=False)
        days = frame.select_dtypes("datetime").columns
        return frame.astype(dict.fromkeys(days, "datetime64[us]"))

    def rows(self, query: str) -> list[Any]:
        """Return the rows of a query."""
        return self.connection.execute(query).fetchall()
