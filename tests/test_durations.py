"""Durations: published survival, a worked case of competing ends, who is left out, refusals."""

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


def test_survival_is_kaplan_and_meiers_as_published(leukemia: pd.DataFrame) -> None:
    """Kaplan-Meier estimates, medians and the log-rank test of the remission data in textbooks."""
    fit = sl.fit_duration(leukemia, every="month", by="arm", coverage=KNOWN)
    assert fit.table.drop(columns=["lower", "upper"]).to_dict("list") == {
        "arm": ["control", "treated"],
        "n": [21, 21],
        "n_ended": [21, 9],
        "n_censored": [0, 12],
        "median": [8, 23],
    }
    treated = fit.details["survival"].query("arm == 'treated'")
    assert treated["time"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert treated["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    published = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert treated["survival"].round(3).tolist() == published
    assert fit.details["logrank"]["chi2"].round(2).tolist() == [16.79]


def test_hazards_are_coxs_as_published(leukemia: pd.DataFrame) -> None:
    """Efron's ties: 1.572 less in the logarithm of the hazard, in textbooks and R's survival."""
    fit = sl.fit_duration(leukemia, every="month", regressors=["arm"], coverage=KNOWN)
    row = fit.table.iloc[0]
    assert (row["term"], row["n"], row["n_ended"], row["n_clusters"]) == ("arm_treated", 42, 30, 42)
    assert row["estimate"] == pytest.approx(-1.572, abs=5e-4)
    assert row["ratio"] == pytest.approx(0.208, abs=5e-4)


def test_ways_to_end_compete() -> None:
    """Of 4, one fails in month 1, one succeeds in 2, one is open after 2, one succeeds in 3."""
    outcomes = ["failed", "success_total", "ongoing", "success_part"]
    table = cases(["1", "2", "2+", "3"], outcomes=outcomes).assign(source="gsdb")
    found = sl.fit_duration(table, every="month", coverage=KNOWN).details["incidence"]
    shares = found.groupby("exit")["incidence"].agg(list).to_dict()
    assert shares["failed"] == pytest.approx([0.25, 0.25, 0.25])
    assert shares["success"] == pytest.approx([0, 0.25, 0.75])


def test_cases_that_are_all_open_have_no_median() -> None:
    rows = cases(["2+", "3+"], outcomes="ongoing", kind=["a", "b"]).assign(source="gsdb")
    fit = sl.fit_duration(rows, every="month", by="kind", coverage=KNOWN)
    assert fit.table[["n", "n_censored"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    assert fit.table["median"].isna().all()
    assert fit.details["survival"].empty
    assert "incidence" not in fit.details


def test_sources_are_compared() -> None:
    rows = cases(["1", "3"]).assign(source=["gsdb", "ties"])
    fit = sl.fit_duration(rows, every="month", by="source", coverage=KNOWN)
    assert fit.table[["source", "median"]].to_numpy().tolist() == [["gsdb", 1], ["ties", 3]]


def test_a_case_counts_once_from_its_first_to_its_last_day() -> None:
    rows = cases(["5", "5"]).assign(case_id="1", target=["IRN", "RUS"])
    rows.loc[1, ["start", "start_last"]] = pd.Timestamp("2010-12-01")
    assert sl.fit_duration(rows, every="month", coverage=KNOWN).table["median"].tolist() == [5]


def test_who_is_left_out_is_counted() -> None:
    """One began before 2000, one has no end, one is dated to the year, one is never imposed."""
    rows = cases([*"22222"]).assign(imposed=[True, True, True, True, False])
    rows.loc[0, ["start", "start_last"]] = pd.Timestamp("1999-01-01")
    rows.loc[1, ["end", "end_last"]] = pd.NaT
    rows.loc[2, "start"] = pd.Timestamp("2010-01-01")
    fit = sl.fit_duration(rows, every="month", coverage=KNOWN)
    assert fit.table[["n", "n_ended", "median"]].to_numpy().tolist() == [[1, 1, 2]]
    assert fit.notes[1] == (
        "Of 4 cases imposed 1 began before the coverage, 1 have no end and are not marked open, "
        "1 are dated more widely than a month, 0 lack a column; of the 1 used 1 ended and the "
        "others are open on 2010-12-31."
    )


def test_real_cases_are_all_accounted_for(real_data: Path) -> None:
    """GSDB R3: 1,325 cases, none without years; each measure is a column of its own."""
    table = sl.read("gsdb", real_data / "cases" / "GSDB_V3.csv")
    fit = sl.fit_duration(table, every="year", by="multilaterality", regressors=["measure"])
    assert fit.table["term"].tolist()[:2] == ["measure_arms", "measure_financial"]
    assert fit.notes[1].startswith("Of 1325 cases imposed 0 began before the coverage")
    last = fit.details["incidence"].groupby(["multilaterality", "exit"])["incidence"].last()
    assert last.groupby("multilaterality").sum().le(1).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"regressors": ["x"]}, "10 ended cases per regressor: 1 of them need 10, and 2 ended"),
        ({"by": "target"}, "one 'target' per case"),
        ({"targets": ["CUB"]}, "no case imposed of which begin and end are known"),
        ({"coverage": None}, "what they cover"),
        ({"by": "measure"}, r"several in 'measures', .*: use regressors=\['measure'\]"),
        ({"by": "objective"}, r"several in 'objectives', .*: use regressors=\['objective'\]"),
        ({"regressors": ["measures"]}, r"use regressors=\['measure'\], a column for each"),
        ({"regressors": ["stage"]}, "'stage' adds nothing: constant"),
        ({"regressors": "stage"}, "needs a list of regressors"),
        ({"regressors": ["start"]}, "'start' is a day: make it a number"),
        ({"by": "outcomes"}, "'outcomes' is how or when a case ended"),
        ({"regressors": ["state"]}, "'state' is how or when a case ended"),
    ],
)
def test_what_cannot_be_estimated_is_said(changed: dict[str, object], message: str) -> None:
    rows = cases(["1", "2", "2"], x=[1, 2, 2], measures="arms;trade", outcomes="failed").assign(
        source="gsdb", case_id=[*"011"], target=["IRN", "RUS", "IRN"]
    )
    with pytest.raises(SanctlibError, match=message):
        sl.fit_duration(rows, **{"every": "month", "coverage": KNOWN, **changed})


def test_a_regressor_told_by_another_is_refused(leukemia: pd.DataFrame) -> None:
    rows = leukemia.assign(y=leukemia["arm"].eq("treated").astype("int64"))
    with pytest.raises(SanctlibError, match="adds nothing"):
        sl.fit_duration(rows, every="month", regressors=["arm", "y"], coverage=KNOWN)
