"""Durations: published survival, a worked case of competing ends, who is left out, refusals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
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
    fit = sl.models.duration(leukemia, every="month", by="arm", coverage=KNOWN)
    assert fit.table.drop(columns=["lower", "upper"]).to_dict("list") == {
        "arm": ["control", "treated"],
        "n": [21, 21],
        "n_ended": [21, 9],
        "n_censored": [0, 12],
        "median": [8, 23],
    }
    treated = fit.tables["survival"].query("arm == 'treated'")
    assert treated["time"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert treated["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    published = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert treated["survival"].round(3).tolist() == published
    assert fit.tables["logrank"]["chi2"].round(2).tolist() == [16.79]


def test_hazards_are_coxs_as_published(leukemia: pd.DataFrame) -> None:
    """Efron's ties: 1.572 less in the logarithm of the hazard, in textbooks and R's survival."""
    fit = sl.models.duration(leukemia, every="month", regressors=["arm"], coverage=KNOWN)
    row = fit.table.iloc[0]
    assert (row["term"], row["n"], row["n_ended"], row["n_clusters"]) == ("arm_treated", 42, 30, 42)
    assert row["estimate"] == pytest.approx(-1.572, abs=5e-4)
    assert row["ratio"] == pytest.approx(0.208, abs=5e-4)


def test_ways_to_end_compete() -> None:
    """Of 4, one fails in month 1, one succeeds in 2, one is open after 2, one succeeds in 3."""
    outcomes = ["failed", "success_total", "ongoing", "success_part"]
    table = cases(["1", "2", "2+", "3"], outcomes=outcomes).assign(source="gsdb")
    found = sl.models.duration(table, every="month", coverage=KNOWN).tables["incidence"]
    shares = found.groupby("exit")["incidence"].agg(list).to_dict()
    assert shares["failed"] == pytest.approx([0.25, 0.25, 0.25])
    assert shares["success"] == pytest.approx([0, 0.25, 0.75])


def test_cases_that_are_all_open_have_no_median() -> None:
    rows = cases(["2+", "3+"], outcomes="ongoing", kind=["a", "b"]).assign(source="gsdb")
    fit = sl.models.duration(rows, every="month", by="kind", coverage=KNOWN)
    assert fit.table[["n", "n_censored"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    assert fit.table["median"].isna().all()
    assert fit.tables["survival"].empty
    assert "incidence" not in fit.tables


def test_sources_are_compared() -> None:
    rows = cases(["1", "3"]).assign(source=["gsdb", "ties"])
    fit = sl.models.duration(rows, every="month", by="source", coverage=KNOWN)
    assert fit.table[["source", "median"]].to_numpy().tolist() == [["gsdb", 1], ["ties", 3]]


def test_a_case_counts_once_from_its_first_to_its_last_day() -> None:
    rows = cases(["5", "5"]).assign(case_id="1", target=["IRN", "RUS"])
    rows.loc[1, ["start", "start_last"]] = pd.Timestamp("2010-12-01")
    assert sl.models.duration(rows, every="month", coverage=KNOWN).table["median"].tolist() == [5]


def test_who_is_left_out_is_counted() -> None:
    """One began before 2000, one has no end, one is dated to the year, one is never imposed."""
    rows = cases([*"22222"]).assign(imposed=[True, True, True, True, False])
    rows.loc[0, ["start", "start_last"]] = pd.Timestamp("1999-01-01")
    rows.loc[1, ["end", "end_last"]] = pd.NaT
    rows.loc[2, "start"] = pd.Timestamp("2010-01-01")
    fit = sl.models.duration(rows, every="month", coverage=KNOWN)
    assert fit.table[["n", "n_ended", "median"]].to_numpy().tolist() == [[1, 1, 2]]
    assert fit.notes[1] == (
        "Of 4 cases imposed, 1 are used: 1 began before the coverage, 1 have no end and are not "
        "marked as open, 1 are dated more widely than a month, 0 lack a column. 1 of them ended, "
        "and the others are open on 2010-12-31."
    )
    assert (fit.n, fit.unit) == (1, "cases of sanctions")
    assert fit.findings == (
        "Median duration: 2 months, 1 case (own table, 2000-01-01 to 2010-12-31).",
    )


def test_real_cases_are_all_accounted_for(real_data: Path) -> None:
    """GSDB R3: 1,325 cases, none without years; each measure is a column of its own."""
    table = sl.read("gsdb", real_data / "cases" / "GSDB_V3.csv")
    fit = sl.models.duration(table, every="year", by="multilaterality", regressors=["measure"])
    assert fit.table["term"].tolist()[:2] == ["measure_arms", "measure_financial"]
    assert fit.notes[1].startswith("Of 1,325 cases imposed, 1,323 are used: 0 began before")
    last = fit.tables["incidence"].groupby(["multilaterality", "exit"])["incidence"].last()
    assert last.groupby("multilaterality").sum().le(1).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"regressors": ["x"]}, r"2 cases ended, too few for 1 column .* least 10 are needed"),
        ({"by": "target"}, "several values of 'target'. A case must have one"),
        ({"targets": ["CUB"]}, "No case is left. Of 0 cases imposed"),
        ({"coverage": None}, "It is not known what 'own table' covers"),
        ({"by": "measure"}, r"several values in 'measures'.* Use regressors=\['measure'\]"),
        ({"by": "objective"}, r"several values in 'objectives'.* Use regressors=\['objective'\]"),
        (
            {"regressors": ["measures"]},
            r"Use regressors=\['measure'\], which has a column for each",
        ),
        ({"regressors": ["stage"]}, "'stage' has one value in the cases used"),
        ({"regressors": "stage"}, "regressors is 'stage'. It must be a list"),
        ({"regressors": ["start"]}, "'start' holds days. It must hold numbers"),
        ({"by": "outcomes"}, "'outcomes' describes how or when a case ended"),
        ({"regressors": ["state"]}, "'state' describes how or when a case ended"),
        ({"by": ["sender"]}, r"by is \['sender'\]. It must be the name of a column"),
        ({"several": "some"}, "several is 'some'"),
        ({"success": []}, "success is empty"),
        ({"level": 95}, r"level is 95.* Did you mean 0.95"),
        ({"level": 0}, "level is 0. It must lie between 0 and 1"),
        ({"every": "fortnight"}, "every is 'fortnight'"),
        ({"senders": "USA"}, "senders is 'USA'. It must be a list"),
    ],
)
def test_what_cannot_be_estimated_is_said(changed: dict[str, object], message: str) -> None:
    rows = cases(["1", "2", "2"], x=[1, 2, 2], measures="arms;trade", outcomes="failed").assign(
        source="gsdb", case_id=[*"011"], target=["IRN", "RUS", "IRN"]
    )
    with pytest.raises(SanctlibError, match=message):
        sl.models.duration(rows, **{"every": "month", "coverage": KNOWN, **changed})


def test_a_regressor_told_by_another_is_refused(leukemia: pd.DataFrame) -> None:
    rows = leukemia.assign(y=leukemia["arm"].eq("treated").astype("int64"))
    with pytest.raises(SanctlibError, match="is a combination of others"):
        sl.models.duration(rows, every="month", regressors=["arm", "y"], coverage=KNOWN)


def test_an_infinite_regressor_and_equal_lengths_are_refused(leukemia: pd.DataFrame) -> None:
    rows = leukemia.assign(x=np.where(leukemia.index == 3, -np.inf, 1.0))
    with pytest.raises(SanctlibError, match="'x' is infinite in 1 of 42 rows"):
        sl.models.duration(rows, every="month", regressors=["x"], coverage=KNOWN)
    rows = cases(["2"] * 20, half=["a", "b"] * 10)
    with pytest.raises(SanctlibError, match=r"'half' cannot be compared, .* equally long"):
        sl.models.duration(rows, every="month", by="half", coverage=KNOWN)


def test_a_fit_of_hazards_and_one_of_groups_are_of_two_kinds(leukemia: pd.DataFrame) -> None:
    hazards = sl.models.duration(leukemia, every="month", regressors=["arm"], coverage=KNOWN)
    assert (hazards.kind, hazards.query.options["regressors"]) == ("estimates", ("arm",))
    assert hazards.findings[0].startswith(
        "arm_treated: the hazard of ending is multiplied by 0.208"
    )
    groups = sl.models.duration(leukemia, every="month", by="arm", coverage=KNOWN)
    assert (groups.kind, groups.query.by) == ("table", ("arm",))
    assert groups.findings[0].startswith("Median duration of control: 8 (95% interval 4 to 11)")
