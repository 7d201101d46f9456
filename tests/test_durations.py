"""Spells of cases: times, ends, columns, who is left out, refusals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError

KNOWN = sl.Coverage(source="own", first=date(2000, 1, 1), last=date(2010, 12, 31))
# Months of remission, those still in it marked; Freireich and others 1963, as in Cox 1972.
TREATED = "6 6 6 7 10 13 16 22 23 6+ 9+ 10+ 11+ 17+ 19+ 20+ 25+ 32+ 32+ 34+ 35+"
CONTROL = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def cases(times: list[str], **columns: object) -> pd.DataFrame:
    """Cases of so many months, open to the end of coverage where marked."""
    months = [int(time.rstrip("+")) for time in times]
    last = pd.Period("2010-12", freq="M")
    start = pd.to_datetime([(last - (n - 1)).start_time for n in months]).as_unit("us")
    end = pd.Series(pd.Timestamp("2010-12-15"), index=range(len(times)))
    is_open = [time.endswith("+") for time in times]
    made = {"source": "own", "case_id": [str(i) for i in range(len(times))], "sender": "USA"}
    rows = pd.DataFrame(made | {"target": "IRN", "start": start, "start_last": start})
    # An end on the last day would be one that the end of coverage cut.
    return rows.assign(
        end=end.mask(is_open), end_last=end.mask(is_open), ongoing=is_open, **columns
    )


@pytest.fixture
def leukemia() -> pd.DataFrame:
    times = [*TREATED.split(), *CONTROL.split()]
    arm = ["treated"] * 21 + ["control"] * 21
    return cases(times, arm=arm).assign(target=[f"IO-{i}" for i in range(42)])


def spells(table: object, **options: object) -> sl.Result:
    asked = {"every": "month", "coverage": KNOWN, **options}
    return sl.models.sanction_spells(table, **asked)  # type: ignore[arg-type]


def test_times_and_ends_are_those_of_the_cases(leukemia: pd.DataFrame) -> None:
    found = spells(leukemia, columns=["arm"]).table
    times = [*TREATED.split(), *CONTROL.split()]
    assert found["time"].tolist() == [int(time.rstrip("+")) for time in times]
    assert found["ended"].tolist() == [int(not time.endswith("+")) for time in times]
    assert found["arm"].tolist() == leukemia["arm"].tolist()
    assert found["targets"].tolist() == leukemia["target"].tolist()
    assert "exit" not in found


def test_ways_to_end_are_named_and_open_cases_have_none() -> None:
    outcomes = ["failed", "success_total", "ongoing", "success_part", "nego_settlement", ""]
    rows = cases(["1", "2", "2+", "3", "1", "1"], outcomes=outcomes).assign(source="gsdb")
    rows["outcomes"] = rows["outcomes"].replace("", None)
    found = spells(rows).table["exit"]
    assert found.isna().tolist() == [False, False, True, False, False, False]
    assert found.dropna().tolist() == ["failed", "success", "success", "failed", "unknown"]
    settled = spells(rows, success=["nego_settlement"]).table["exit"]
    assert settled.dropna().tolist() == ["failed", "failed", "failed", "success", "unknown"]


def test_a_key_of_several_values_has_a_column_for_each() -> None:
    rows = cases(["1", "2", "3"], measures=["arms;trade", "trade", None], outcomes="failed")
    found = spells(rows.assign(source="gsdb"), columns=["measure", "stage"]).table
    assert found["measure_arms"].tolist() == [1, 0, pd.NA]
    assert found["measure_trade"].tolist() == [1, 1, pd.NA]
    assert found["stage"].tolist() == ["imposed"] * 3


def test_a_case_counts_once_from_its_first_to_its_last_day() -> None:
    rows = cases(["5", "5"]).assign(case_id="1", target=["IRN", "RUS"])
    rows.loc[1, ["start", "start_last"]] = pd.Timestamp("2010-12-01")
    found = spells(rows).table
    assert found[["time", "targets"]].to_numpy().tolist() == [[5, "IRN;RUS"]]


def test_who_is_left_out_is_counted() -> None:
    """One began before 2000, one has no end, one is dated to the year, one is never imposed."""
    rows = cases([*"22222"]).assign(imposed=[True, True, True, True, False])
    rows.loc[0, ["start", "start_last"]] = pd.Timestamp("1999-01-01")
    rows.loc[1, ["end", "end_last"]] = pd.NaT
    rows.loc[2, "start"] = pd.Timestamp("2010-01-01")
    found = spells(rows)
    assert found.table[["time", "ended"]].to_numpy().tolist() == [[2, 1]]
    assert found.notes[1] == (
        "Of 4 cases imposed, 1 are used: 1 began before the coverage, 1 have no end and are not "
        "marked as open, 1 are dated more widely than a month. 1 of them ended, and the others "
        "are open on 2010-12-31."
    )
    assert (found.kind, found.n, found.unit) == ("table", 1, "cases of sanctions")
    assert found.findings == ("1 of 1 case ended, and 0 are open (own table).",)


def test_real_cases_are_all_accounted_for(real_data: Path) -> None:
    """GSDB R3: 1,325 cases, none without years; 920 ended; each measure has a column."""
    table = sl.read("gsdb", real_data / "cases" / "GSDB_V3.csv")
    found = sl.models.sanction_spells(table, every="year", columns=["multilaterality", "measure"])
    assert [c for c in found.table if c.startswith("measure_")][:2] == [
        "measure_arms",
        "measure_financial",
    ]
    assert found.notes[1].startswith("Of 1,325 cases imposed, 1,325 are used: 0 began before")
    assert found.table["ended"].sum() == 920


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"columns": ["sender"]}, "several values of 'sender'. A case must have one"),
        ({"targets": ["CUB"]}, "No case is left. Of 0 cases imposed"),
        ({"coverage": None}, "It is not known what 'own table' covers"),
        ({"columns": "stage"}, "columns is 'stage'. It must be a list"),
        ({"columns": ["x2"]}, "no column 'x2'"),
        ({"columns": ["outcomes"]}, "'outcomes' describes how or when a case ended"),
        ({"columns": ["state"]}, "'state' describes how or when a case ended"),
        ({"several": "some"}, "several is 'some'"),
        ({"success": []}, "success is empty"),
        ({"every": "fortnight"}, "every is 'fortnight'"),
        ({"senders": "USA"}, "senders is 'USA'. It must be a list"),
    ],
)
def test_what_cannot_be_said_of_a_case_is_refused(changed: dict[str, object], message: str) -> None:
    rows = cases(["1", "2", "2"], x=[1, 2, 2], measures="arms;trade", outcomes="failed").assign(
        source="gsdb", case_id=[*"011"], target=["IRN", "RUS", "IRN"], sender=["USA", "GBR", "USA"]
    )
    with pytest.raises(SanctlibError, match=message):
        spells(rows, **changed)
