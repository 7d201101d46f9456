"""Cells: one count by exactly the keys asked for, the same from every engine."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.acts import span
from sanctlib.engines import opened
from sanctlib.errors import (
    MissingColumnsError,
    SanctlibError,
    SchemaError,
    SourceError,
    UnknownChoiceError,
)
from sanctlib.reading import Audit
from sanctlib.store import save
from tests.engines import Shaped
from tests.news import news_of_2018
from tests.test_store import reading

# act, first day, last day, sender, target, action, n_reports
ACTS = [
    ("1", "2018-01-01", "2018-01-01", "USA", "IRN", "impose", 3),
    ("1", "2018-01-01", "2018-01-01", "USA", "RUS", "impose", 3),
    ("2", "2018-01-31", "2018-02-01", "USA", "IRN", "amend", 1),
    ("3", "2018-02-01", "2018-02-28", "RUS", None, "consult", 1),
    ("4", "2018-02-28", "2018-02-28", "RUS", "IRN", "agree", 2),
]


def events(acts: list[tuple]) -> pd.DataFrame:
    family = {"impose": "sanction", "amend": "sanction"}
    return pd.DataFrame(
        {
            "source": "own",
            "event_id": [f"{i}:{a[0]}" for i, a in enumerate(acts)],
            "act_id": [a[0] for a in acts],
            "date": pd.to_datetime([a[1] for a in acts]),
            "date_last": pd.to_datetime([a[2] for a in acts]),
            "sender": pd.Series([a[3] for a in acts], dtype="str"),
            "target": pd.Series([a[4] for a in acts], dtype="str"),
            "mutual": False,
            "family": [family.get(a[5], "cooperation") for a in acts],
            "action": [a[5] for a in acts],
            "n_reports": [a[6] for a in acts],
        }
    )


def rows(table: pd.DataFrame) -> list[tuple]:
    return [
        tuple(
            None if pd.isna(v) else f"{v:%Y-%m-%d}" if isinstance(v, pd.Timestamp) else v for v in r
        )
        for r in table.itertuples(index=False)
    ]


def test_every_engine_gives_the_same_months(as_engine: Shaped) -> None:
    table = as_engine(events(ACTS))
    found = sl.cells(table, every="month", by=["sender", "target"])
    assert list(found) == ["period", "sender", "target", "n_acts", "n_rows", "n_unassigned"]
    assert found["period"].dtype == "datetime64[us]"
    assert rows(found) == [
        ("2018-01-01", "USA", "IRN", 1, 3, 0),
        ("2018-01-01", "USA", "RUS", 1, 3, 0),
        ("2018-02-01", "RUS", "IRN", 1, 2, 0),
        ("2018-02-01", "RUS", None, 1, 1, 0),
        (None, "USA", "IRN", 0, 1, 1),
    ]


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("day", [("2018-01-01", 1, 0), ("2018-02-28", 1, 0), (None, 0, 2)]),
        # 31 January and 1 February 2018 are of one week.
        ("week", [("2018-01-01", 1, 0), ("2018-01-29", 1, 0), ("2018-02-26", 1, 0), (None, 0, 1)]),
        ("quarter", [("2018-01-01", 4, 0)]),
        ("year", [("2018-01-01", 4, 0)]),
    ],
)
def test_an_act_wider_than_the_period_is_never_placed(every: str, expected: list) -> None:
    found = sl.cells(events(ACTS), every=every, by=())
    assert rows(found[["period", "n_acts", "n_unassigned"]]) == expected


def test_an_act_with_two_targets_is_one_act_of_its_sender() -> None:
    found = sl.cells(events(ACTS), every="month", by=["sender"], senders=["USA"])
    assert rows(found) == [("2018-01-01", "USA", 1, 6, 0), (None, "USA", 0, 1, 1)]


def test_the_span_keeps_what_can_lie_in_it_and_places_what_must() -> None:
    found = sl.cells(
        events(ACTS), every="month", by=["action"], start=date(2018, 2, 1), end=date(2018, 2, 27)
    )
    # Act 2 may be of 31 January, act 3 of 28 February; act 4 is outside.
    assert rows(found) == [(None, "amend", 0, 1, 1), (None, "consult", 0, 1, 1)]


def test_pairs_hold_both_directions_and_nothing_else() -> None:
    both = events([*ACTS, ("5", "2018-01-02", "2018-01-02", "IRN", "RUS", "agree", 1)])
    found = sl.cells(both, every="year", by=["sender"], pairs=[("RUS", "IRN")])
    assert rows(found[["sender", "n_acts"]]) == [("IRN", 1), ("RUS", 1)]
    with pytest.raises(SanctlibError, match="pairs is empty"):
        sl.cells(both, every="year", by=["sender"], pairs=[])
    assert sl.cells(both, every="year", by=["sender"], targets=[]).empty


def test_measures_are_written_out_and_missing_ones_kept() -> None:
    table = events(ACTS[:2]).assign(measures=["financial;trade", None])
    table["act_id"] = ["1", "2"]
    found = sl.cells(table, every="year", by=["measure"])
    assert rows(found[["measure", "n_acts"]]) == [("financial", 1), ("trade", 1), (None, 1)]


def test_cells_make_the_same_cells_with_fewer_keys() -> None:
    acts = events(ACTS[2:])
    first = sl.cells(acts, every="month")
    assert rows(sl.cells(first, every="month", by=["sender"])) == rows(
        sl.cells(acts, every="month", by=["sender"])
    )


DATED = [a for a in ACTS if a[1] == a[2]] + [
    ("5", "2018-04-30", "2018-04-30", "RUS", "IRN", "agree", 1),
    ("6", "2018-05-01", "2018-05-01", "RUS", "IRN", "agree", 2),
    ("7", "2019-01-01", "2019-01-01", "RUS", "IRN", "agree", 1),
]


@pytest.mark.parametrize(
    ("of", "every"),
    [
        *[("day", every) for every in ("week", "month", "quarter", "year")],
        *[("month", "quarter"), ("month", "year"), ("quarter", "year")],
    ],
)
def test_cells_of_shorter_periods_add_up(of: str, every: str, as_engine: Shaped) -> None:
    acts = events(DATED)
    short = sl.cells(acts, every=of)
    found = sl.cells(as_engine(short), every=every)
    pd.testing.assert_frame_equal(found, sl.cells(acts, every=every))


def test_an_act_without_a_month_stays_without_a_quarter() -> None:
    months = sl.cells(events(ACTS), every="month", by=())
    found = sl.cells(months, every="quarter", by=())
    # Of events, act 2 (31 January or 1 February) lies in the first quarter; months do not say so.
    assert rows(found) == [("2018-01-01", 3, 9, 0), (None, 0, 1, 1)]


def test_months_count_in_a_quarter_where_they_are_inside_the_span() -> None:
    months = sl.cells(events(DATED), every="month", by=())
    found = sl.cells(months, every="quarter", by=(), start=date(2018, 1, 2), end=date(2018, 4, 30))
    assert rows(found) == [("2018-01-01", 1, 2, 0), ("2018-04-01", 1, 1, 0)]


def test_weekly_cells_are_refused_as_months_and_the_monthly_dataset_is_named() -> None:
    remedy = r"Weeks do not add up to {}s. Use {}sl.cells\(events, every='{}'\)"
    weekly = news_of_2018("week")
    for every in ("month", "quarter", "year"):
        named = remedy.format(every, r"sl.load\('icews_monthly'\), or ", every)
        with pytest.raises(SanctlibError, match=named):
            sl.cells(weekly, every=every)
    with pytest.raises(SanctlibError, match=r"Months .* Use sl.load\('icews_weekly'\), or"):
        sl.cells(news_of_2018("month"), every="week")
    with pytest.raises(SanctlibError, match=r"Weeks do not add up to days. Use sl.cells\(events"):
        sl.cells(weekly, every="day")


def test_cells_of_other_periods_are_refused() -> None:
    weeks = sl.cells(events(ACTS), every="week")
    with pytest.raises(SanctlibError, match=r"a period from 2018-01-29, where no month begins"):
        sl.cells(weeks, every="month")
    days = [
        (str(i), f"20{i}-05-05", f"20{i}-05-05", "USA", "IRN", "impose", 1) for i in (16, 17, 18)
    ]
    years = sl.cells(events(days), every="year")
    with pytest.raises(SanctlibError, match="All cells begin a year"):
        sl.cells(years, every="month")


def test_cells_lack_the_keys_they_were_not_made_with() -> None:
    few = sl.cells(events(ACTS), every="month", by=["sender"])
    with pytest.raises(MissingColumnsError, match="no column 'target'"):
        sl.cells(few, every="month", by=["target"])


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (pl.LazyFrame({"a": [1]}), SchemaError, "The closest is"),
        ([1, 2], SanctlibError, "The table is something else. It must be a pandas"),
        (pd.DataFrame({"date": [1]}), SchemaError, "The closest is"),
        ("nowhere.parquet", SourceError, "no file or folder 'nowhere.parquet'"),
    ],
)
def test_what_cannot_be_read_is_named(table: object, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        sl.cells(table, every="month")


def test_a_file_that_is_not_parquet_and_a_folder_without_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no file named \*.parquet"):
        sl.cells(tmp_path, every="month")
    events(ACTS).to_parquet(tmp_path / "a.parquet", index=False)
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"cannot (be )?read"):
        sl.cells(tmp_path / "b.parquet", every="month")
    with pytest.raises(SourceError, match=r"cannot (be )?read"):
        sl.cells(tmp_path, every="month")


def test_dates_in_text_or_with_a_zone_are_refused() -> None:
    table = events(ACTS)
    with pytest.raises(SchemaError, match="Column 'date' holds VARCHAR"):
        sl.cells(table.assign(date=table["date"].astype("str")), every="month")
    with pytest.raises(SchemaError, match="Column 'date' holds TIMESTAMP WITH TIME ZONE"):
        sl.cells(table.assign(date=table["date"].dt.tz_localize("UTC")), every="month")

    weeks = sl.cells(table, every="week")
    with pytest.raises(SchemaError, match="Column 'period' holds VARCHAR"):
        sl.cells(weeks.assign(period=weeks["period"].astype("str")), every="week")


def test_a_row_that_does_not_say_its_reports_is_one_report() -> None:
    table = events(ACTS[3:]).assign(n_reports=[None, 2])
    assert sl.cells(table, every="year", by=())["n_rows"].tolist() == [3]


def test_flags_written_as_numbers_are_flags() -> None:
    table = events(ACTS[3:])
    numbers = table.assign(mutual=table["mutual"].astype("int64"))
    pd.testing.assert_frame_equal(sl.cells(numbers, every="year"), sl.cells(table, every="year"))


def test_a_key_twice_and_a_backward_span_are_refused() -> None:
    with pytest.raises(SanctlibError, match=r"by holds .* twice"):
        sl.cells(events(ACTS), every="month", by=["sender", "sender"])
    with pytest.raises(SanctlibError, match="start must not be after end"):
        sl.cells(events(ACTS), every="month", start=date(2019, 1, 1), end=date(2018, 1, 1))


def test_categories_day_dates_and_empty_columns_count_alike() -> None:
    table = events(ACTS).assign(code=None)
    odd = table.astype({"sender": "category", "target": "object"})
    odd["date"], odd["date_last"] = odd["date"].dt.date, odd["date_last"].dt.date
    by = ["sender", "target", "code"]
    pd.testing.assert_frame_equal(
        sl.cells(odd, every="month", by=by), sl.cells(table, every="month", by=by)
    )


def test_a_quote_in_a_value_is_a_value() -> None:
    with pytest.raises(UnknownChoiceError, match="no state"):
        sl.cells(events(ACTS), every="year", by=["sender"], senders=["U'SA"])
    odd = events(ACTS).assign(programme="E.O. 'x'")
    assert sl.cells(odd, every="year", by=["programme"])["programme"].unique().tolist() == [
        "E.O. 'x'"
    ]


def test_the_scan_of_parquet_is_asked_for_the_span(tmp_path: Path) -> None:
    events(ACTS).to_parquet(tmp_path / "t.parquet", index=False)
    relation = duckdb.read_parquet(str(tmp_path / "t.parquet"))
    with opened(relation) as source:
        where, _ = span(date(2018, 2, 1), date(2018, 2, 3), "date", "date_last")
        plan = source.relation(["date", "date_last", "sender"], where=where).explain()
    scan = plan[plan.index("SCAN") :]
    assert "2018-02-01" in scan
    assert "FILTER" not in plan[: plan.index("SCAN")]


def test_a_path_of_the_store_brings_coverage_and_the_mark_of_a_picked_list(tmp_path: Path) -> None:
    events(ACTS).to_parquet(tmp_path / "own.parquet", index=False)
    coverage = {
        "source": "own",
        "first": "2018-01-01",
        "last": "2018-02-28",
        "states": None,
        "gaps": [],
        "breaks": [],
    }
    stored = {"coverage": coverage, "curated": True, "acts_are_rows": False}
    (tmp_path / "own.json").write_text(json.dumps(stored), encoding="utf-8")
    with opened(tmp_path / "own.parquet") as source:
        assert source.curated
        assert source.coverage is not None
        assert source.coverage.last == date(2018, 2, 28)


@pytest.mark.parametrize(("acts", "rows"), [(ACTS, False), (ACTS[1:], True)])
def test_the_store_says_whether_acts_are_rows_and_the_counts_are_the_same(
    acts: list[tuple], rows: bool, tmp_path: Path
) -> None:
    table = events(acts)
    audit = Audit.begin(len(table) + 1).then("check", n_rejected=1, n_out=len(table))
    path = save(replace(reading(), table=table, audit=audit), tmp_path)
    with opened(path) as source:
        assert source.acts_are_rows is rows
    for by in ([], ["sender"], ["sender", "target", "action"]):
        pd.testing.assert_frame_equal(
            sl.cells(path, every="month", by=by), sl.cells(table, every="month", by=by)
        )


def test_a_pair_asked_for_reaches_the_scan_and_skips_the_other_row_groups(tmp_path: Path) -> None:
    path, said = tmp_path / "t.parquet", tmp_path / "plan.json"
    day, states = "2018-01-01", sl.countries()["code"].drop_duplicates().head(50).tolist()
    acts = [(f"{a}{i}", day, day, a, "IRN", "agree", 1) for a in states for i in range(100)]
    events(acts).to_parquet(path, index=False, row_group_size=100)
    held = duckdb.connect()
    held.execute(f"SET enable_profiling = 'json'; SET profiling_output = '{said}'")
    n_read = {}
    for pairs, expected in (([(states[7], "IRN")], 100), (None, 5000)):
        found = sl.cells(held.read_parquet(str(path)), every="month", by=(), pairs=pairs)
        assert found["n_acts"].tolist() == [expected]
        n_read[expected] = json.loads(said.read_text())["io"]["total_bytes_read"]
    assert n_read[100] < n_read[5000] / 2


def test_the_limit_of_memory_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCTLIB_MEMORY", "64MB")
    with opened(events(ACTS)) as source:
        held = source.relation(["date"])
        limit = held.query("t", "SELECT current_setting('memory_limit')").fetchall()
    assert limit == [("61.0 MiB",)]
    monkeypatch.setenv("SANCTLIB_MEMORY", "much")
    with pytest.raises(SanctlibError, match="SANCTLIB_MEMORY needs a size such as '2GB'"):
        sl.cells(events(ACTS), every="month")


some_acts = st.lists(
    st.tuples(
        st.integers(1, 6).map(str),
        st.integers(0, 80),
        st.integers(0, 40),
        st.sampled_from(["USA", "RUS", None]),
        st.sampled_from(["IRN", "RUS", None]),
        st.sampled_from(["impose", "agree"]),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=20,
)


def dated(acts: list[tuple]) -> pd.DataFrame:
    # All rows of one act share its days.
    days = {a[0]: (a[1], a[2]) for a in acts}
    start = pd.Timestamp("2018-01-01")
    first = [start + pd.Timedelta(days=days[a[0]][0]) for a in acts]
    last = [f + pd.Timedelta(days=days[a[0]][1]) for f, a in zip(first, acts, strict=True)]
    return events([(a[0], f, t, *a[3:]) for a, f, t in zip(acts, first, last, strict=True)])


@settings(deadline=None, derandomize=True, max_examples=25)
@given(acts=some_acts, every=st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_no_act_and_no_row_is_lost_or_invented(acts: list[tuple], every: str) -> None:
    table = dated(acts)
    found = sl.cells(table, every=every, by=())
    assert found["n_acts"].sum() + found["n_unassigned"].sum() == table["act_id"].nunique()
    assert found["n_rows"].sum() == table["n_reports"].sum()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(acts=some_acts, data=st.data())
def test_the_order_of_rows_does_not_matter(acts: list[tuple], data: st.DataObject) -> None:
    shuffled = dated(acts).iloc[data.draw(st.permutations(range(len(acts))))]
    pd.testing.assert_frame_equal(
        sl.cells(shuffled, every="month"), sl.cells(dated(acts), every="month")
    )


@pytest.mark.parametrize("span", [{}, {"start": date(2018, 1, 1), "end": date(2018, 2, 28)}])
def test_an_act_of_no_known_day_is_counted_as_unplaced_not_lost(span: dict[str, date]) -> None:
    table = events(ACTS)
    table.loc[0, ["date", "date_last"]] = pd.NaT
    found = sl.cells(table, every="month", by=["sender", "target"], **span)
    unplaced = found[found["n_unassigned"].gt(0) & found["target"].eq("IRN")]
    # Acts 1, without a day, and 2, which lies in January or February.
    assert unplaced[["sender", "n_unassigned"]].to_numpy().tolist() == [["USA", 2]]
