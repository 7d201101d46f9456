"""The recipes with pyfixest and lifelines: their blocks run, with the published figures."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines.exceptions import ConvergenceWarning

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults.made import DECADE
from tests.known_faults.made import cases as decade_of_cases
from tests.test_dummies import YEARS, in_force, made, struck
from tests.test_durations import KNOWN, cases, leukemia  # noqa: F401

PAGE = (ROOT / "docs" / "recipes.md").read_text("utf-8")
# R survival 3.5.3, coxph with Efron's ties and errors clustered by target, GSDB by year.
ERRORS = [0.0930, 0.0886, 0.1001, 0.1040, 0.0993, 0.1075]
ZPH = {"arms": 0.0091, "financial": 0.0067, "military": 0.158, "trade": 0.770, "travel": 0.0039}


def run(
    heading: str, *, swapped: Mapping[str, str] = MappingProxyType({}), **names: object
) -> dict[str, Any]:
    """Run the blocks of a section, with words swapped, and return its names."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    code = "\n".join(re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL))
    for word, other in swapped.items():
        assert word in code
        code = code.replace(word, other)
    found: dict[str, Any] = {"sl": sl, **names}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # lifelines', of pandas
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", message="Tied event times")
        exec(compile(code, heading, "exec"), found)
    return found


MONTHS = {'every="year"': 'every="month", coverage=known'}
ONE_COLUMN = {'columns=["measure"]': 'columns=["x"]', 'name.startswith("measure_")': 'name == "x"'}


def test_gravity_finds_known_ratios_and_the_trade_lost() -> None:
    """Without sanctions trade is twice as much; with totals held, others lose what these gain."""
    found = run("Gravity of trade", flows=struck(made()), held=in_force())
    table = found["gravity"].table.set_index("term")
    assert table.loc[["arms_sanctions", "trade_sanctions"], "ratio"].tolist() == pytest.approx(
        [0.8, 0.5], abs=1e-6
    )
    assert found["gravity"].n == 30 * 29 * 4
    lost = found["lost"].loc[YEARS[1]]
    pair = lost.loc["sender and target"]
    assert pair["effects_held"] == pytest.approx(2 * pair["fitted"], rel=1e-6)
    others = lost.drop(index="sender and target")
    assert others["effects_held"].tolist() == pytest.approx(others["fitted"].tolist())
    change = lost["fitted"] - lost["totals_held"]
    assert change.sum() == pytest.approx(0, abs=1e-6)
    assert change["sender and target"] < 0
    for side in ("sender", "target"):
        assert change[f"{side} and third"] == pytest.approx(-change["sender and target"], rel=1e-5)


def test_survival_is_kaplan_and_meiers_as_published(leukemia: pd.DataFrame) -> None:  # noqa: F811
    """Kaplan-Meier estimates, medians and the log-rank test of the remission data in textbooks."""
    from lifelines.statistics import multivariate_logrank_test

    medians = {}
    for arm, rows in leukemia.groupby("arm"):
        found = run("How long sanctions last", swapped=MONTHS, cases=rows, known=KNOWN)
        medians[arm] = found["median"]
        curve = found["survival"].survival_function_["KM_estimate"]
    assert medians == {"control": 8, "treated": 23}
    published = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert curve[[6, 7, 10, 13, 16, 22, 23]].round(3).tolist() == published
    spells = sl.models.sanction_spells(
        leukemia, every="month", columns=["arm"], coverage=KNOWN
    ).table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test = multivariate_logrank_test(spells["time"], spells["arm"], spells["ended"])
    assert test.test_statistic == pytest.approx(16.79, abs=5e-3)


def test_ways_to_end_compete() -> None:
    """Of 4, one fails in month 1, one succeeds in 2, one is open after 2, one succeeds in 3."""
    outcomes = ["failed", "success_total", "ongoing", "success_part"]
    table = cases(["1", "2", "2+", "3"], outcomes=outcomes).assign(source="gsdb")
    spells = sl.models.sanction_spells(table, every="month", coverage=KNOWN).table
    found = run("Ways to end", spells=spells)["incidence"]
    assert sorted(found) == ["failed", "success"]
    shares = {way: fit.cumulative_density_.iloc[:, 0] for way, fit in found.items()}
    assert [shares["failed"].asof(t + 0.1) for t in (1, 2, 3)] == pytest.approx([0.25] * 3)
    assert [shares["success"].asof(t + 0.1) for t in (1, 2, 3)] == pytest.approx([0, 0.25, 0.75])


def test_hazards_of_two_groups_are_coxs_as_published(leukemia: pd.DataFrame) -> None:  # noqa: F811
    """Efron's ties: 1.572 less in the logarithm of the hazard, in textbooks and R's survival."""
    rows = leukemia.assign(x=leukemia["arm"].eq("treated").astype("int64"))
    swapped = MONTHS | ONE_COLUMN
    found = run("What goes with an early end", swapped=swapped, cases=rows, known=KNOWN)
    assert found["hazards"].params_["x"] == pytest.approx(-1.572, abs=5e-4)
    assert found["hazards"].hazard_ratios_["x"] == pytest.approx(0.208, abs=5e-4)


def test_hazards_of_the_gsdb_are_those_of_r_within_the_limits_that_the_page_names(
    real_data: Path,
) -> None:
    """R survival 3.5.3; estimates are equal, errors and the test with ties are not."""
    table = sl.read("gsdb", real_data / "cases" / "GSDB_V3.csv")
    found = run("What goes with an early end", cases=table)
    hazards = found["hazards"].summary
    assert len(found["rows"]) == 1325
    assert hazards["coef"].tolist() == pytest.approx(
        [-0.440882, -0.232742, 0.105693, -0.018947, -0.249462, -0.540797], abs=5e-6
    )
    off = hazards["se(coef)"].to_numpy() / ERRORS - 1
    assert (off.min(), off.max()) == pytest.approx((-0.035, 0.014), abs=1e-3)
    assert "between 3.5 % smaller and 1.4 % larger" in " ".join(PAGE.split())
    tests = found["proportional"].summary["p"].rename(lambda name: name.removeprefix("measure_"))
    factors = tests[list(ZPH)].to_numpy() / [*ZPH.values()]
    assert np.exp(np.abs(np.log(factors))).max() < 4
    survival = run("How long sanctions last", cases=table)
    assert survival["median"] == 6
    assert survival["spells"]["ended"].sum() == 920


def test_cases_that_a_regressor_separates_are_an_error_of_the_recipe() -> None:
    rows = []
    for i in range(60):
        end = f"{2011 + i % 4}-06-01" if i % 2 else f"{2016 + i % 4}-06-01"
        rows.append(("USA", f"IO-{i % 30}", "2010-03-01", end))
    table = decade_of_cases(rows).assign(x=[i % 2 for i in range(60)])
    swapped = {'every="year"': 'every="year", coverage=known'} | ONE_COLUMN
    with pytest.raises(ConvergenceWarning, match="non-unique"):
        run("What goes with an early end", swapped=swapped, cases=table, known=DECADE)
