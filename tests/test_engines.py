"""Engines: every measure has one answer, whichever library holds the table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import sanctlib as sl
from sanctlib.acts import between, span
from sanctlib.engines import in_words_of, opened, scanned
from sanctlib.errors import MissingColumnsError, SanctlibError, SchemaError, SourceError
from tests.engines import IGNORED_OF_IBIS, WITH_ZONES, Shaped
from tests.test_counts import CHANGES, LISTINGS, frame
from tests.test_counts import events as sanctions
from tests.test_stocks import CASES

SPRING = sl.Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 4, 30))
YEARS = sl.Coverage(source="own", first=date(1999, 1, 1), last=date(2004, 12, 31))
BOTH = ("RUS", "IRN")


def events() -> pd.DataFrame:
    """Return sanctions and dealings: acts of two targets, of no known party, of a whole month."""
    dealings = frame(
        "act_id date date_last sender target action mutual",
        [
            ("6", "2022-01-10", "2022-01-10", "IRN", "RUS", "agree", True),
            ("7", "2022-01-16", "2022-01-17", "RUS", "IRN", "visit", False),
            ("8", "2022-02-01", "2022-02-28", "RUS", "IRN", "economic", False),
            ("9", "2022-02-28", "2022-02-28", "IRN", "RUS", "arms", False),
            ("10", "2022-03-20", "2022-03-20", "CHN", "IRN", "consult", True),
            ("11", "2022-03-21", "2022-03-21", "CHN", "RUS", "economic", False),
            ("12", "2022-03-21", "2022-03-21", None, "IRN", "material", False),
            ("13", "2022-03-22", "2022-03-22", "IND", "CHN", "visit", False),
            ("14", "2022-03-23", "2022-03-23", "RUS", "IND", "aid", False),
            ("15", "1949-12-31", "1949-12-31", "RUS", "IRN", "visit", False),
        ],
    )
    # A day can carry hours: this one is the last of its month.
    dealings.loc[3, ["date", "date_last"]] += pd.Timedelta(hours=23, minutes=30)
    family = {"material": "conflict"}
    named = dealings.assign(
        source="own",
        event_id=dealings["act_id"],
        family=[family.get(a, "cooperation") for a in dealings["action"]],
    )
    both = pd.concat([sanctions(), named], ignore_index=True)
    return both.assign(n_reports=range(1, len(both) + 1), mutual=both["mutual"].astype("bool"))


EVENTS = events()
MONTHS = sl.cells(EVENTS, every="month").drop(columns="n_unassigned").dropna(subset="period")
COUNTS = frame(
    "date date_last programme entity_type n_listings",
    [("2022-01-01", "2022-01-31", "Russia", "entity", 3)],
).assign(source="canada_sema", list="Canada SEMA")
TIES = frame(
    "first second date date_last value",
    [
        ("IRN", "RUS", "2002-01-01", "2002-12-31", 2.0),
        ("RUS", "IRN", "2002-01-01", "2002-12-31", 1),
    ],
).assign(source="own", measure="trade", lower=float("nan"), upper=float("nan"))

MEASURES: dict[str, tuple[pd.DataFrame, Callable[[object], pd.DataFrame]]] = {
    "cells by every key": (EVENTS, lambda t: sl.cells(t, every="month")),
    "cells by none": (EVENTS, lambda t: sl.cells(t, every="day", by=())),
    "cells of a pair, by week": (
        EVENTS,
        lambda t: sl.cells(t, every="week", by=["action"], pairs=[BOTH], start=date(2022, 1, 11)),
    ),
    "cells of none": (EVENTS, lambda t: sl.cells(t, every="year", by=(), targets=["USA"])),
    "cells of cells": (
        MONTHS,
        lambda t: sl.cells(t, every="month", start=date(2022, 2, 1), end=date(2022, 3, 31)),
    ),
    "acts": (
        EVENTS,
        lambda t: sl.sanction_counts(t, every="month", unit="act", coverage=SPRING).table,
    ),
    "acts by measure": (
        EVENTS,
        lambda t: (
            sl.sanction_counts(
                t, every="quarter", unit="act", by=["measure"], end=date(2022, 3, 31)
            ).table
        ),
    ),
    "acts on those named in the reasons": (
        EVENTS,
        lambda t: (
            sl.sanction_counts(
                t, every="year", unit="act", by=["target"], targets=["IRN"], target_rule="conduct"
            ).table
        ),
    ),
    "dyads": (
        EVENTS,
        lambda t: sl.sanction_counts(t, every="week", unit="dyad", by=["sender"]).table,
    ),
    "acts of cells": (
        MONTHS,
        lambda t: sl.sanction_counts(t, every="month", unit="act", senders=["USA"]).table,
    ),
    "cases": (
        CASES,
        lambda t: sl.sanction_counts(t, every="year", unit="case", coverage=YEARS).table,
    ),
    "entities": (
        LISTINGS,
        lambda t: (
            sl.sanction_counts(t, every="month", unit="entity", by=["target", "programme"]).table
        ),
    ),
    "designations of copies": (
        CHANGES,
        lambda t: sl.sanction_counts(t, every="month", unit="designation", by=["programme"]).table,
    ),
    "cases in force": (
        CASES,
        lambda t: (
            sl.active_sanctions(
                t, every="year", at="any_day", stock="in_force", coverage=YEARS
            ).table
        ),
    ),
    "entities on a list": (
        LISTINGS,
        lambda t: sl.active_sanctions(t, every="month", at="end_of_period").table,
    ),
    "the stock of copies": (
        CHANGES,
        lambda t: sl.active_sanctions(t, every="month", at="end_of_period", targets=["IRN"]).table,
    ),
    "pressure": (
        CASES,
        lambda t: sl.sanction_pressure(t, every="year", targets=["RUS"], coverage=YEARS).table,
    ),
    "recent sanctions": (
        EVENTS,
        lambda t: (
            sl.sanction_pressure(
                t, every="month", unit="act", half_life=2.0, coverage=SPRING, targets=["RUS"]
            ).table
        ),
    ),
    "shared sanctioners by acts": (
        EVENTS,
        lambda t: sl.shared_sanctioners({"own": t}, pair=BOTH, every="year").table,
    ),
    "shared sanctioners by cases": (
        CASES,
        lambda t: sl.shared_sanctioners({"own": t}, pair=BOTH, every="year", coverage=YEARS).table,
    ),
    "intensity": (
        EVENTS,
        lambda t: sl.partnership_intensity(t, pair=BOTH, every="month", coverage=SPRING).table,
    ),
    "intensity of cells": (
        MONTHS,
        lambda t: sl.partnership_intensity(t, pair=BOTH, every="month", coverage=SPRING).table,
    ),
    "observed over expected": (
        EVENTS,
        lambda t: (
            sl.observed_expected(
                t, pair=BOTH, every="quarter", block="week", n_replicates=20, coverage=SPRING
            ).table
        ),
    ),
    "a panel of acts": (
        EVENTS,
        lambda t: (
            sl.dyad_panel(
                t, every="month", states=["RUS", "IRN", "CHN"], directed=True, coverage=SPRING
            ).table
        ),
    ),
    "a panel of values": (
        TIES,
        lambda t: (
            sl.dyad_panel(
                t, every="year", states=["RUS", "IRN"], directed=False, coverage=YEARS
            ).table
        ),
    ),
}
for _name, _table in {
    "events": EVENTS,
    "cases": CASES,
    "listings": LISTINGS,
    "counts": COUNTS,
}.items():
    MEASURES[f"units side by side: {_name}"] = (
        _table,
        lambda t: (
            sl.compare_units(
                {"own": t}, start=date(2001, 1, 1), end=date(2022, 3, 31), targets=["RUS", "BLR"]
            ).table
        ),
    )


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_has_one_answer(name: str, as_engine: Shaped) -> None:
    table, measure = MEASURES[name]
    expected = measure(table)
    assert len(expected) or name == "cells of none"
    # No table has an order of rows: here they come from the last to the first.
    found = measure(as_engine(table.iloc[::-1].reset_index(drop=True)))
    pd.testing.assert_frame_equal(found, expected)


def awkward() -> pa.Table:
    """Return the sanctions in types that stores and engines use: text five ways, days three."""
    plain = pa.Table.from_pandas(EVENTS.iloc[:6], preserve_index=False)
    types = {
        **dict.fromkeys(("source", "sender", "family"), pa.dictionary(pa.int32(), pa.string())),
        "act_id": pa.large_string(),
        "target": pa.string(),
        "date": pa.date32(),
        "date_last": pa.timestamp("ms"),
        "n_reports": pa.uint32(),
    }
    for name, kind in types.items():
        at = plain.column_names.index(name)
        cast = plain[name].cast(pa.string()) if pa.types.is_dictionary(kind) else plain[name]
        held = cast.dictionary_encode() if pa.types.is_dictionary(kind) else cast.cast(kind)
        plain = plain.set_column(at, name, held)
    at = plain.column_names.index("measures")
    return plain.set_column(at, "measures", pa.nulls(len(plain)))


@pytest.mark.parametrize("by", [["sender", "target", "mutual"], ["measure"]])
def test_categories_days_and_columns_without_any_value_are_read(
    by: list[str], as_engine: Shaped
) -> None:
    plain = EVENTS.iloc[:6].assign(measures=pd.Series([None] * 6, dtype="str"))
    asked = {"every": "month", "by": by, "senders": ["USA", "EU"], "start": date(2022, 1, 5)}
    found = sl.cells(as_engine(awkward()), **asked)
    pd.testing.assert_frame_equal(found, sl.cells(plain, **asked))


def test_counts_kept_as_decimals_are_counts(as_engine: Shaped) -> None:
    plain = pa.Table.from_pandas(CHANGES, preserve_index=False)
    for name in ("opening", "added", "removed", "moved_in", "moved_out", "closing"):
        tens = plain[name].cast(pa.decimal128(22, 2))
        plain = plain.set_column(plain.column_names.index(name), name, tens)
    asked = {"every": "month", "unit": "entity", "by": ["target"]}
    found = sl.sanction_counts(as_engine(plain), **asked).table
    pd.testing.assert_frame_equal(found, sl.sanction_counts(CHANGES, **asked).table)


def test_a_long_query_writes_no_bar_into_what_a_program_prints() -> None:
    with opened(EVENTS) as held:
        rows = held.relation(["date"])
        bar = rows.query("rows", "SELECT DISTINCT current_setting('enable_progress_bar') FROM rows")
        assert bar.fetchall() == [(False,)]


def test_a_missing_column_is_named(as_engine: Shaped) -> None:
    with pytest.raises(MissingColumnsError, match=r"no column 'programme'"):
        sl.cells(as_engine(EVENTS), every="month", by=["programme"])


@pytest.mark.parametrize("as_engine", WITH_ZONES, indirect=True)
def test_times_with_a_zone_are_refused(as_engine: Shaped) -> None:
    zoned = EVENTS.assign(date=EVENTS["date"].dt.tz_localize("UTC"))
    with pytest.raises(SchemaError, match=r"Column 'date' holds TIME"):
        sl.cells(as_engine(zoned), every="month")
    cases = CASES.assign(end=CASES["end"].dt.tz_localize("UTC"))
    with pytest.raises(SchemaError, match="Column 'end' holds TIME"):
        sl.active_sanctions(as_engine(cases), every="year", at="any_day")


def test_days_as_text_are_refused(as_engine: Shaped) -> None:
    text = EVENTS.assign(date=EVENTS["date"].dt.strftime("%d.%m.%Y"))
    with pytest.raises(SchemaError, match=r"Column 'date' holds (VARCHAR|STRING)"):
        sl.cells(as_engine(text), every="month")


def test_a_lazy_polars_frame_reads_the_columns_and_rows_that_are_needed(tmp_path: Path) -> None:
    EVENTS.to_parquet(tmp_path / "events.parquet")
    frame = pl.scan_parquet(tmp_path / "events.parquet")
    where = [*span(None, date(2022, 3, 31), "date", "date_last")[0], *between([("RUS", "USA")])]
    columns = ["sender", "target", "date"]
    filtered, left = scanned(frame.select(columns), where)
    plan = filtered.explain()
    assert "PROJECT 3/" in plan
    assert all(f'col("{name}")' in plan.split("SELECTION")[1] for name in columns)
    # The pair itself is left to DuckDB: two columns at once have no word in polars.
    assert left == where[-1:]
    with opened(frame) as table:
        rows = table.relation(columns, where=where)
        assert rows.project("target").fetchall() == [("RUS",)] * 2
        assert rows.project("target").fetchall() == [("RUS",)] * 2


def test_a_lazy_frame_that_cannot_be_read_is_a_source_error(tmp_path: Path) -> None:
    EVENTS.to_parquet(tmp_path / "events.parquet")
    frame = pl.scan_parquet(tmp_path / "events.parquet")
    frame.collect_schema()
    (tmp_path / "events.parquet").unlink()
    with pytest.raises(SourceError, match=r"polars cannot read the table"):
        sl.cells(frame, every="month")


@pytest.mark.filterwarnings(IGNORED_OF_IBIS)
def test_the_query_is_logged_and_has_words_in_bigquery(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ibis, sqlglot = (pytest.importorskip(name) for name in ("ibis", "sqlglot"))
    EVENTS.to_parquet(tmp_path / "events.parquet")
    table = ibis.duckdb.connect().read_parquet(tmp_path / "events.parquet")
    with caplog.at_level("DEBUG", logger="sanctlib"):
        sl.cells(table, every="week", by=["sender"], pairs=[BOTH], start=date(2022, 1, 1))
        sl.sanction_counts(table, every="day", unit="act", by=["measure"], targets=["RUS"])
    # Before each count the words of the table are checked, by queries of their own.
    counts = [sent for sent in caplog.messages if "n_rows" in sent and "inside" in sent]
    week, *others = (in_words_of("bigquery", sent) for sent in counts)
    # In BigQuery a week begins on Sunday, and an ISO week on Monday.
    assert "CAST(DATE_TRUNC(CAST(date AS DATE), ISOWEEK) AS DATE) AS `first`" in week
    assert "(sender, target) IN (('IRN', 'RUS'), ('RUS', 'IRN'))" in week
    assert "(date_last >= CAST('2022-01-01' AS DATE) OR date_last IS NULL)" in week
    assert "UNNEST(SPLIT(COALESCE(CAST(`measures` AS STRING), ''), ';')) AS `measure`" in others[0]
    for text in (week, *others):
        assert sqlglot.parse_one(text, read="bigquery").sql(dialect="bigquery") == text


def test_a_backend_that_cannot_answer_is_a_source_error() -> None:
    ibis = pytest.importorskip("ibis")
    schema = {name: "date" if "date" in name else "string" for name in EVENTS}
    unbound = ibis.table(schema | {"mutual": "boolean", "n_reports": "int64"}, name="events")
    with pytest.raises(SourceError, match=r"Ibis cannot read the table: .*unbound"):
        sl.cells(unbound, every="month")


def test_without_sqlglot_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(SanctlibError, match=r"pip install 'sanctlib\[spark\]'"):
        in_words_of("spark", "SELECT 1")
