"""A warehouse: GDELT's own table, mapped and merged in one query, is what the reader gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SchemaError
from sanctlib.sources.gdelt import raw_rows
from sanctlib.warehouse import gdelt_events
from tests.engines import IGNORED_OF_IBIS
from tests.test_gdelt import CTRL_A, HISTORY, MIXED, TWO

ibis = pytest.importorskip("ibis", reason="no ibis-framework")
sqlglot = pytest.importorskip("sqlglot")
pytestmark = pytest.mark.filterwarnings(IGNORED_OF_IBIS)

ACTORS = [f"Actor{n}{p}" for n in (1, 2) for p in ("Code", "CountryCode", "KnownGroupCode")]
TYPES = {"GLOBALEVENTID": "int64", "SQLDATE": "int64", "EventCode": "string"}
SCHEMA = TYPES | dict.fromkeys(ACTORS, "string") | {"AvgTone": "float64", "SOURCEURL": "string"}
# A sanction told twice, a meeting told from both sides, a visit made and hosted, one by Moscow
# of 1985, one by nobody, and two rows that the reader rejects.
ROWS = [
    (1, 20220224, "163", ("USAGOV", "USA", None), ("RUS", "RUS", None)),
    (2, 20220224, "163", ("USA", "USA", ""), ("RUSMIL", "RUS", "")),
    (3, 20220301, "040", ("RUS", "RUS", None), ("IRN", "IRN", None)),
    (4, 20220301, "040", ("IRN", "IRN", None), ("RUS", "RUS", None)),
    (5, 20220401, "043", ("RUS", "RUS", None), ("IRN", "IRN", None)),
    (6, 20220401, "042", ("IRN", "IRN", None), ("RUS", "RUS", None)),
    (7, 19850502, "042", ("RUS", "RUS", None), ("CUB", "CUB", None)),
    (8, 20220401, "163", ("IGOEUREEC", "EUR", "EEC"), ("RUS", "RUS", None)),
    (9, 20220401, "163", ("COP", None, None), ("RUS", "RUS", None)),
    (10, 20220431, "163", ("USA", "USA", None), ("RUS", "RUS", None)),
    (11, 20220401, "999", ("USA", "USA", None), ("RUS", "RUS", None)),
]
SPRING = sl.Coverage(source="gdelt", first=date(2022, 2, 1), last=date(2022, 4, 30))


def raw() -> pd.DataFrame:
    rows = [(n, day, code, *one, *two) for n, day, code, one, two in ROWS]
    table = pd.DataFrame(rows, columns=[*TYPES, *ACTORS])
    return table.assign(AvgTone=0.0, SOURCEURL="https://example.org")


def on_duckdb(table: pd.DataFrame) -> Any:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    return ibis.duckdb.connect().create_table("events", arrow)


class OnPaper:
    """BigQuery without Google: its words are kept, put into DuckDB's, and run there."""

    dialect = "bigquery"

    def __init__(self, table: pd.DataFrame) -> None:
        self.sent: list[str] = []
        self._held = duckdb.connect()
        self._held.execute("""attach ':memory:' as "gdelt-bq"; create schema "gdelt-bq".gdeltv2""")
        self._held.register("given", table)
        self._held.execute("""create table "gdelt-bq".gdeltv2.events as from given""")

    def compile(self, table: Any) -> str:
        return str(ibis.to_sql(table, dialect="bigquery"))

    def sql(self, words: str, **_: Any) -> OnPaper:
        self.sent.append(words)
        return self

    def to_pyarrow(self) -> Any:
        text = sqlglot.transpile(self.sent[-1], read="bigquery", write="duckdb")[0]
        return self._held.sql(text).to_arrow_table()


def test_rows_become_acts_as_the_reader_would_have_them() -> None:
    acts = gdelt_events(on_duckdb(raw())).order_by(["date", "event_id"])
    columns = ["event_id", "sender", "target", "mutual", "family", "action", "n_reports"]
    table = acts.to_pyarrow().to_pandas()
    assert list(table[columns].fillna("-").itertuples(index=False, name=None)) == [
        ("7", "SUN", "CUB", False, "cooperation", "visit", 1),
        ("1", "USA", "RUS", False, "sanction", "impose", 2),
        ("3", "IRN", "RUS", True, "cooperation", "consult", 2),
        ("5", "IRN", "RUS", False, "cooperation", "visit", 2),
        ("8", "EU", "RUS", False, "sanction", "impose", 1),
        ("9", "-", "RUS", False, "sanction", "impose", 1),
    ]


def as_read(table: pd.DataFrame) -> pd.DataFrame:
    columns = ["date", "date_last", "sender", "target", "mutual", "family", "action", "n_reports"]
    days = {c: table[c].astype("datetime64[us]") for c in columns[:2]}
    text = dict.fromkeys(("sender", "target", "family", "action"), "str")
    typed = table[columns].assign(**days).astype(text | {"mutual": "bool", "n_reports": "int64"})
    return typed.sort_values(columns, ignore_index=True)


def same_as_the_reader(path: Path) -> None:
    drafts = [draft.rows.astype("str") for draft in raw_rows(path)]
    rows = pd.concat(drafts)[[*TYPES, *ACTORS, "GoldsteinScale"]].drop_duplicates()
    # What is no number cannot stand in a table of numbers: the reader rejects it.
    rows = rows[pd.to_numeric(rows["GoldsteinScale"], errors="coerce").notna()]
    table = on_duckdb(rows.astype({"GLOBALEVENTID": "int64", "SQLDATE": "int64"}))
    found = gdelt_events(table).to_pyarrow().to_pandas()
    pd.testing.assert_frame_equal(as_read(found), as_read(sl.read("gdelt", path).table))


@pytest.mark.parametrize("path", [TWO, MIXED, HISTORY, CTRL_A], ids=lambda p: p.name)
def test_hand_made_files_give_the_acts_of_the_reader(path: Path) -> None:
    same_as_the_reader(path)


def test_a_real_file_gives_the_acts_of_the_reader(real_data: Path) -> None:
    same_as_the_reader(real_data / "events" / "20180101000000.export.CSV.zip")


def test_cells_are_one_query_of_bigquery_that_scans_nine_columns_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = {"name": "events", "catalog": "gdelt-bq", "database": "gdeltv2"}
    events, paper = gdelt_events(ibis.table(SCHEMA, **place)), OnPaper(raw())
    monkeypatch.setattr(ibis.expr.types.Table, "get_backend", lambda _: paper)
    cells = sl.cells(events, every="month", targets=["RUS"], start=date(2022, 2, 1))
    (words,) = paper.sent
    assert len(words) < 1_000_000  # BigQuery takes no longer ones
    query = sqlglot.parse_one(words, read="bigquery")
    (scan,) = (t for t in query.find_all(sqlglot.exp.Table) if t.db)
    assert (scan.catalog, scan.db, scan.name) == ("gdelt-bq", "gdeltv2", "events")
    columns = {c.name for c in query.find_all(sqlglot.exp.Column) if c.table == scan.alias}
    assert columns == {*TYPES, *ACTORS}
    assert "WHERE (`target` IN ('RUS'))" in words
    assert "date_last >= CAST('2022-02-01' AS DATE)" in words

    asked = {"every": "month", "unit": "act", "by": ["sender"]}
    counts = sl.sanction_counts(cells, **asked).table
    assert counts["sender"].fillna("-").tolist() == ["EU", "USA", "-"]
    assert counts["n"].tolist() == [1, 1, 1]
    pair = sl.partnership_intensity(
        cells, pair=("RUS", "IRN"), every="month", coverage=SPRING
    ).table
    assert pair.loc[pair["component"].eq("meetings"), "n"].tolist() == [0, 1, 1]
    whole = sl.sanction_counts(events, targets=["RUS"], start=date(2022, 2, 1), **asked).table
    pd.testing.assert_frame_equal(whole, counts)


def test_a_table_of_other_columns_or_of_codes_as_numbers_is_refused() -> None:
    with pytest.raises(MissingColumnsError, match="no column 'Actor1CountryCode'"):
        gdelt_events(ibis.table(TYPES, name="events"))
    with pytest.raises(SchemaError, match="'EventCode' holds numbers, so leading zeros are lost"):
        gdelt_events(ibis.table(SCHEMA | {"EventCode": "int64"}, name="events"))
