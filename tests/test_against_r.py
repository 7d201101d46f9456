"""Our numbers and those of R, where R is present: `make test-r` says what to install."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl

RSCRIPT = shutil.which("Rscript")
PACKAGES = ("survival", "strucchange", "sandwich", "MASS", "gnm")


def missing() -> str:
    """Return why nothing can be compared, or nothing."""
    if RSCRIPT is None:
        return "Rscript is not installed: `make test-r` says what to install"
    lacking = f"cat(setdiff(c{PACKAGES}, rownames(installed.packages())))"
    found = subprocess.run([RSCRIPT, "-e", lacking], capture_output=True, text=True, check=True)
    return found.stdout and f"R has no {found.stdout}: `make test-r` says what to install"


@pytest.fixture(autouse=True, scope="module")
def _r() -> None:
    if reason := missing():
        pytest.skip(reason)


pytestmark = pytest.mark.slow


def in_r(table: pd.DataFrame, folder: Path, script: str) -> list[float]:
    """Return the numbers that a script prints about a table, which it reads as `d`."""
    table.to_csv(folder / "d.csv", index=False)
    text = f"options(digits = 12, warn = -1); d <- read.csv('{folder}/d.csv'); {script}"
    command = [str(RSCRIPT), "--vanilla", "-e", text]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return [float(number) for number in found.stdout.split()]


def steps(n: int = 80) -> pd.DataFrame:
    y = np.random.default_rng(1).normal(size=n) + 2 * (np.arange(n) >= 30) - (np.arange(n) >= 55)
    return pd.DataFrame({"period": range(n), "y": y})


def test_breaks_are_those_of_strucchange(tmp_path: Path) -> None:
    fit = sl.models.breaks(steps(), dependent="y")
    after = in_r(
        steps(), tmp_path, "cat(strucchange::breakpoints(y ~ 1, data = d, h = .15)$breakpoints)"
    )
    assert [period + 1 for period in fit.table["break_after"]] == after


def pairs() -> pd.DataFrame:
    """Counts of pairs of 12 states in 6 periods with a regressor."""
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(itertools.combinations("ABCDEFGHIJKL", 2), columns=["first", "second"])
    rows = rows.merge(pd.DataFrame({"period": range(6)}), how="cross")
    rows["x"] = rng.normal(size=len(rows))
    of_pair = rows.groupby(["first", "second"]).ngroup() / 60
    return rows.assign(y=rng.poisson(np.exp(0.5 + of_pair + 0.3 * rows["x"])))


def test_a_panel_of_counts_is_that_of_glm_and_gnm_with_errors_of_sandwich(tmp_path: Path) -> None:
    fit = sl.models.count_panel(pairs(), dependent="y", regressors=["x"], vcov=["dyad"]).table
    estimate, eliminated, error = in_r(
        pairs(),
        tmp_path,
        "d$dyad <- factor(paste(d$first, d$second)); "
        "f <- glm(y ~ x + dyad + factor(period), poisson, d, epsilon = 1e-12); "
        "g <- gnm::gnm(y ~ x + factor(period), eliminate = dyad, family = poisson, data = d); "
        "v <- sandwich::vcovCL(f, cluster = d$dyad, type = 'HC0', cadjust = TRUE); "
        "cat(coef(f)['x'], coef(g)['x'], sqrt(v['x', 'x']))",
    )
    assert fit["estimate"].item() == pytest.approx(estimate, rel=1e-6)
    assert fit["estimate"].item() == pytest.approx(eliminated, rel=1e-5)
    assert fit["std_error"].item() == pytest.approx(error, rel=1e-4)


def test_expected_acts_are_those_of_a_poisson_model_off_the_diagonal(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    cells = pd.DataFrame(
        itertools.permutations(["CHN", "IRN", "RUS", "TUR", "USA"], 2), columns=["sender", "target"]
    )
    cells = cells.assign(n_acts=rng.poisson(20, len(cells)), period=pd.Timestamp("2018-01-01"))
    cells = cells.assign(mutual=False, family="cooperation", action="visit")
    asked = {"pair": ("IRN", "RUS"), "every": "month", "block": "day", "directed": True}
    found = sl.observed_expected(cells, **asked).table.set_index("sender")["expected"]
    both = in_r(
        cells,
        tmp_path,
        "d$e <- fitted(glm(n_acts ~ sender + target, poisson, d, epsilon = 1e-12)); "
        "of <- function(s, t) d$e[d$sender == s & d$target == t]; "
        "cat(of('IRN', 'RUS'), of('RUS', 'IRN'))",
    )
    assert found[["IRN", "RUS"]].tolist() == pytest.approx(both, rel=1e-6)


def test_a_negative_binomial_level_is_that_of_mass(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    t = np.arange(80)
    rate = np.exp(1.5 + 0.01 * t + 0.5 * (t >= 40)) * rng.gamma(3, 1 / 3, 80)
    table = pd.DataFrame({"period": t, "y": rng.poisson(rate)})
    fit = sl.models.interrupted_series(table, dependent="y", onset=40, model="negative_binomial")
    level = fit.table[fit.table["term"].eq("level")]["estimate"].iloc[0]
    in_mass = in_r(
        table,
        tmp_path,
        "d$t <- d$period - 40; d$after <- as.numeric(d$t >= 0); "
        "f <- MASS::glm.nb(y ~ t + after + t:after, d, control = glm.control(1e-12, 200)); "
        "cat(exp(coef(f)['after']))",
    )
    assert level == pytest.approx(in_mass[0], rel=1e-3)


def test_tied_durations_have_the_ratios_of_survival_and_errors_close_to_them(
    tmp_path: Path,
) -> None:
    """As the recipe says: equal estimates (Efron); errors clustered by target differ with ties."""
    lifelines = pytest.importorskip("lifelines")
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"targets": rng.integers(45, size=300), "x": rng.normal(size=300)})
    time = np.ceil(rng.exponential(5 * np.exp(-0.3 * rows["x"])))
    rows = rows.assign(time=np.minimum(time, 12), ended=(time <= 12).astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = lifelines.CoxPHFitter().fit(rows.drop(columns="targets"), "time", "ended")
        within = lifelines.CoxPHFitter().fit(rows, "time", "ended", cluster_col="targets")
    estimate, error, clustered = in_r(
        rows,
        tmp_path,
        "library(survival); f <- coxph(Surv(time, ended) ~ x, d); "
        "g <- coxph(Surv(time, ended) ~ x + cluster(targets), d); "
        "cat(coef(f), sqrt(vcov(f)), sqrt(vcov(g)))",
    )
    assert plain.params_["x"] == pytest.approx(estimate, rel=1e-4)
    assert plain.standard_errors_["x"] == pytest.approx(error, rel=1e-4)
    assert within.standard_errors_["x"] == pytest.approx(clustered, rel=0.1)
