"""The rules as a script: run on a producer's own table, it makes the events of the reader."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest
import sqlglot
from click.testing import CliRunner

import sanctlib as sl
from sanctlib.cli import main
from sanctlib.cluster import events_sql
from sanctlib.errors import SourceError, UnknownChoiceError
from sanctlib.sources.events import LAYOUTS

SAMPLES = sorted((Path(__file__).parent / "samples" / "gdelt").glob("*.*[vV]"))
ACTORS = [f"Actor{n}{p}" for n in (1, 2) for p in ("Code", "CountryCode", "KnownGroupCode")]
COLUMNS = ["GLOBALEVENTID", "SQLDATE", "EventCode", "GoldsteinScale", "DATEADDED", *ACTORS]


def raw(path: Path) -> pd.DataFrame:
    """Return the lines of a file under GDELT's own names."""
    text = pd.read_csv(path, sep="\x00", header=None, dtype="str", engine="python")[0]
    mark = "\x01" if text.str.contains("\x01").any() else "\t"
    cells = [line.split(mark) for line in text]
    rows = [dict(zip(LAYOUTS[len(c)], c, strict=True)) for c in cells if len(c) in LAYOUTS]
    return pd.DataFrame(rows).reindex(columns=COLUMNS).astype("str").fillna("")


def made_by_script(table: pd.DataFrame) -> pd.DataFrame:
    with duckdb.connect() as warehouse:
        warehouse.register("raw", table)
        warehouse.execute(events_sql("gdelt", table="raw", dialect="duckdb"))
        return warehouse.sql("SELECT * FROM events ORDER BY event_id").df()


def same(path: Path) -> None:
    expected = sl.read("gdelt", path).table.sort_values("event_id", ignore_index=True)
    found = made_by_script(raw(path))[list(expected)]
    kinds = {c: kind for c, kind in expected.dtypes.items() if str(kind) == "str"}
    days = dict.fromkeys(("date", "date_last"), "datetime64[us]")
    pd.testing.assert_frame_equal(found.astype(kinds | days), expected)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_script_makes_the_events_of_the_reader(path: Path) -> None:
    same(path)


def test_a_script_makes_the_events_of_a_real_file(real_data: Path) -> None:
    same(real_data / "events" / "20180101000000.export.CSV.zip")


def test_the_script_of_bigquery_reads_the_table_once_and_eleven_columns_of_it() -> None:
    script = CliRunner().invoke(main, ["sql", "gdelt", "--dialect", "bigquery"]).output
    statements = sqlglot.parse(script, read="bigquery")
    scans = [t for s in statements if s for t in s.find_all(sqlglot.exp.Table) if t.db]
    assert [(t.catalog, t.db, t.name) for t in scans] == [("gdelt-bq", "gdeltv2", "events")]
    (lines,) = (s for s in statements if s and "gdeltv2" in s.sql())
    assert {c.name for c in lines.find_all(sqlglot.exp.Column)} == set(COLUMNS)
    assert len(script) < 1_000_000  # BigQuery takes no longer ones
    assert "SAFE_CAST" in script
    assert "CREATE TABLE `events` AS" in script


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "spark", "duckdb"])
def test_a_script_is_one_of_its_dialect(dialect: str) -> None:
    script = events_sql("gdelt", table="lake.raw", dialect=dialect, out="lake.events")
    statements = [s for s in sqlglot.parse(script, read=dialect) if s]
    assert len(statements) == script.count(";\n")
    assert all(isinstance(s, sqlglot.exp.Create) for s in statements)


def test_a_dialect_without_what_a_script_needs_is_refused() -> None:
    with pytest.raises(SourceError, match=r"'sqlite' cannot .*Named columns are not supported"):
        events_sql("gdelt", table="raw", dialect="sqlite")


def test_a_source_whose_names_cannot_be_listed_is_refused() -> None:
    with pytest.raises(UnknownChoiceError, match=r"key.*'icews'.*'gdelt'"):
        events_sql("icews", table="raw", dialect="bigquery")
