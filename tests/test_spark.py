"""Spark: days are those of the session's zone, and its errors are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SourceError
from tests.engines import SPARK
from tests.test_engines import EVENTS
from tests.test_stocks import CASES

pytestmark = SPARK


@pytest.fixture(params=["America/Sao_Paulo", "Asia/Tokyo", "UTC"])
def in_zone(spark: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """Set the zone of the session, which is otherwise left as it is."""
    name = "spark.sql.session.timeZone"
    before = spark.conf.get(name)
    spark.conf.set(name, request.param)
    yield
    spark.conf.set(name, before)


@pytest.fixture
def stored(spark: Any, tmp_path: Path) -> Callable[[pd.DataFrame], Any]:
    def store(table: pd.DataFrame) -> Any:
        table.to_parquet(tmp_path / "table.parquet", index=False)
        return spark.read.parquet(str(tmp_path / "table.parquet"))

    return store


@pytest.mark.usefixtures("in_zone")
@pytest.mark.parametrize("kind", ["timestamp_ntz", "timestamp", "date"])
def test_days_are_the_same_in_every_zone_and_type(
    kind: str, stored: Callable[[pd.DataFrame], Any]
) -> None:
    # On 4 November 2018 Brazil had no midnight: clocks went from 23:59:59 to 01:00.
    day = pd.Timestamp("2018-11-04")
    more = EVENTS.iloc[:1].assign(event_id="b", act_id="b", date=day, date_last=day)
    table = pd.concat([EVENTS, more], ignore_index=True)
    frame = stored(table)
    for name in ("date", "date_last"):
        frame = frame.withColumn(name, frame[name].cast(kind))
    assert dict(frame.dtypes)["date"] == kind
    for every in ("day", "week", "month"):
        found = sl.cells(frame, every=every, end=date(2022, 2, 28))
        pd.testing.assert_frame_equal(found, sl.cells(table, every=every, end=date(2022, 2, 28)))


@pytest.mark.usefixtures("in_zone")
@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_spells_begin_and_end_on_the_same_days(
    kind: str, stored: Callable[[pd.DataFrame], Any]
) -> None:
    third = CASES["case_id"].eq("3")
    days = {name: CASES[name].mask(third, "2002-11-03") for name in ("start", "start_last")}
    cases = CASES.assign(**days)
    frame = stored(cases)
    for name in ("start", "start_last", "end", "end_last"):
        frame = frame.withColumn(name, frame[name].cast(kind))
    asked = {"every": "day", "at": "any_day", "start": date(2001, 12, 30), "end": date(2003, 1, 2)}
    known = sl.Coverage(source="own", first=date(2000, 1, 1), last=date(2004, 12, 31))
    found = sl.active_sanctions(frame, coverage=known, **asked).table
    pd.testing.assert_frame_equal(found, sl.active_sanctions(cases, coverage=known, **asked).table)


def test_a_frame_made_from_pandas_or_arrow_is_read(spark: Any) -> None:
    import pyarrow as pa

    frame = spark.createDataFrame(pa.Table.from_pandas(EVENTS, preserve_index=False))
    assert dict(frame.dtypes)["date"] == "timestamp"
    found = sl.cells(frame.repartition(3), every="month")
    pd.testing.assert_frame_equal(found, sl.cells(EVENTS, every="month"))


def test_a_value_in_braces_is_a_value(stored: Callable[[pd.DataFrame], Any]) -> None:
    odd = "{table}'s \\ {0}"
    table = EVENTS.assign(action=EVENTS["action"].replace("impose", odd))
    found = sl.cells(stored(table), every="year", by=["action"], actions=[odd])
    same = sl.cells(EVENTS, every="year", by=["action"], actions=["impose"])
    pd.testing.assert_frame_equal(found, same.assign(action=same["action"].replace("impose", odd)))
    assert found["n_acts"].tolist() == [3]


def test_a_file_that_is_gone_is_a_source_error(
    tmp_path: Path, stored: Callable[[pd.DataFrame], Any]
) -> None:
    frame = stored(EVENTS)
    (tmp_path / "table.parquet").unlink()
    with pytest.raises(SourceError, match=r"PySpark cannot read the table: .*") as raised:
        sl.cells(frame, every="month")
    assert "\n" not in str(raised.value)


def test_a_value_that_is_no_number_is_a_source_error(
    stored: Callable[[pd.DataFrame], Any],
) -> None:
    with pytest.raises(SourceError, match=r"PySpark cannot read the table: .*CAST_INVALID_INPUT"):
        sl.cells(stored(EVENTS.assign(n_reports="many")), every="month")
