"""Interrupted series: published estimates, ranks worked by hand, and what cannot be fitted."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sanctlib.errors import SanctlibError, UnknownChoiceError
from sanctlib.models.interrupted import fit_interrupted_series


def numbered(y: list[float] | np.ndarray, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"period": range(len(y)), "y": np.asarray(y, dtype="float64"), **more})


@pytest.fixture
def sicily(real_data: Path) -> pd.DataFrame:
    rows = pd.read_csv(real_data / "series" / "sicily.csv")
    first = pd.to_datetime(rows[["year", "month"]].assign(day=1))
    return rows.assign(period=first.astype("datetime64[us]"))


@pytest.mark.parametrize(
    ("harmonics", "expected", "dispersion"),
    [
        (0, [0.894377, 0.839189, 0.953193], "3.56"),
        (2, [0.885072, 0.839401, 0.933227], "2.26"),
    ],
)
def test_the_smoking_ban_in_sicily(
    sicily: pd.DataFrame, harmonics: int, expected: list[float], dispersion: str
) -> None:
    """R24, data of Lopez Bernal 2017: coronary events, offset log of the standard population."""
    fit = fit_interrupted_series(
        sicily,
        value="aces",
        at=date(2005, 1, 1),
        model="poisson",
        exposure="stdpop",
        slope=False,
        harmonics=harmonics,
    )
    row = fit.table.set_index("errors").loc[f"Poisson, dispersion {dispersion}"]
    found = row[["estimate", "lower", "upper"]].astype("float64").to_numpy()
    assert found == pytest.approx(expected, abs=1e-6)
    assert fit.table["scale"].eq("rate ratio").all()


def test_the_rank_among_placebo_dates_is_as_worked_by_hand() -> None:
    """
    Windows of 1 in 8 periods before: y is flat but for 1 at 3 and -2 at 6, which a line
    fitted to 0, 0, 0, 1, 0, 0, -2, 0 leaves as jumps of y less the slope.
    The slope is sum((t - 3.5) y) / 42 = (-0.5 - 5) / 42 = -0.130952.
    """
    y = [0, 0, 0, 1, 0, 0, -2, 0, 1.5, 0, 0]
    fit = fit_interrupted_series(numbered(y), value="y", at=8, window=1, slope=False)
    jumps = fit.details["placebo"]
    slope = -5.5 / 42
    assert jumps["jump"].tolist() == pytest.approx(np.diff(y[:9]) - slope)
    assert jumps["period"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    head = fit.table.iloc[0]
    # 1.5 less the slope is 1.63: of seven placebo jumps -2 (1.87) and 2 (2.13) are as large.
    assert head[["term", "n", "errors"]].tolist() == ["jump", 7, "placebo dates"]
    assert head["p_value"] == 3 / 8
    assert head["estimate"] == pytest.approx(1.5 - slope)
    assert "cannot be below 0.125" in repr(fit)


def test_a_step_is_found_and_what_it_would_have_been_is_shown() -> None:
    noise = np.random.default_rng(1).normal(size=80)
    y = 10 + 0.1 * np.arange(80) + 5 * (np.arange(80) >= 50) + noise
    fit = fit_interrupted_series(numbered(y), value="y", at=50)
    rows = fit.table.set_index(["term", "errors"])
    assert fit.table["term"].tolist() == ["jump", "level", "slope", "level", "slope"]
    assert rows.loc[("jump", "placebo dates"), "p_value"] == 1 / 46
    own = fit.table.iloc[1]
    assert own["lower"] < 5 < own["upper"]
    series = fit.details["series"]
    assert series["expected"].isna().sum() == 50
    after = series.iloc[50]
    assert after["fitted"] - after["expected"] == pytest.approx(own["estimate"])


def test_the_errors_of_newey_and_west_come_with_a_warning() -> None:
    fit = fit_interrupted_series(
        numbered(np.random.default_rng(1).normal(size=60)), value="y", at=35
    )
    assert fit.table["errors"].tolist()[3] == "HAC, 3 lags: too small"
    assert "HAC errors are too small in samples of this size" in repr(fit)


def test_the_errors_of_newey_and_west_are_those_published(real_data: Path) -> None:
    """R11, Greene's investment data in sandwich's test output: variances at lag 4."""
    import statsmodels.api as sm

    rows = pd.read_csv(real_data / "series" / "greene_investment.csv").dropna()
    x = sm.add_constant(rows[["RealGNP", "RealInt"]].to_numpy())
    kinds = {"maxlags": 4, "use_correction": False}
    fit = sm.OLS(rows["RealInv"].to_numpy(), x).fit(cov_type="HAC", cov_kwds=kinds)
    assert fit.params == pytest.approx([-12.53360, 0.16914, -1.00144], abs=1e-5)
    assert np.diag(fit.cov_params()) == pytest.approx(
        [359.4170681, 0.0002805888, 11.171472998], rel=1e-7
    )


def test_growth_of_the_whole_passes_for_a_jump_without_an_exposure() -> None:
    """A constant share of a total that triples at the date: no step of the share."""
    rng = np.random.default_rng(1)
    total = np.where(np.arange(90) < 60, 1e4, 3e4)
    table = numbered(rng.poisson(0.002 * total), total=total)
    with_it, without = (
        fit_interrupted_series(table, value="y", at=60, model="poisson", exposure=e).table.iloc[1]
        for e in ("total", None)
    )
    assert without["lower"] > 2
    assert with_it["lower"] < 1 < with_it["upper"]


def test_dispersion_widens_the_interval_and_never_narrows_it() -> None:
    rng = np.random.default_rng(1)
    wide = rng.negative_binomial(2, 0.2, size=80)
    narrow = np.tile([8, 8, 9, 7], 20)
    words = [
        fit_interrupted_series(numbered(y), value="y", at=50, model="poisson").table["errors"][1]
        for y in (wide, narrow)
    ]
    assert float(words[0].removeprefix("Poisson, dispersion ")) > 2
    assert words[1] == "Poisson, dispersion 1.00"


def test_the_negative_binomial_is_that_of_maximum_likelihood() -> None:
    """statsmodels' own search for alpha, on a trend in hundreds so that it converges."""
    import statsmodels.api as sm

    y = np.random.default_rng(2).negative_binomial(2, 0.2, size=120).astype("float64")
    time = np.arange(120.0)
    after = (time >= 70).astype("float64")
    fit = fit_interrupted_series(
        numbered(y), value="y", at=70, model="negative_binomial", slope=False
    )
    design = np.column_stack([np.ones(120), time / 100, after])
    own = sm.NegativeBinomial(y, design).fit(start_params=[2, 0, 0, 0.5], disp=0, maxiter=200)
    assert fit.table["errors"][1] == f"negative binomial, alpha {own.params[3]:.3f}"
    assert np.log(fit.table["estimate"][1]) == pytest.approx(own.params[2], abs=1e-3)
    # Expected and observed information differ in small samples.
    assert fit.table["p_value"][1] == pytest.approx(own.pvalues[2], abs=0.02)


def test_a_season_is_no_interruption() -> None:
    months = pd.date_range("2010-01-01", periods=120, freq="MS")
    season = 5 * np.cos(2 * np.pi * np.arange(120) / 12)
    y = season + np.random.default_rng(1).normal(size=120, scale=0.1)
    table = pd.DataFrame({"period": months, "y": y})
    flat = fit_interrupted_series(table, value="y", at=date(2016, 10, 1), harmonics=1)
    assert abs(flat.table["estimate"][0]) < 0.5
    raw = fit_interrupted_series(table, value="y", at=date(2016, 10, 1))
    assert raw.table["estimate"][0] > 2


@pytest.mark.parametrize(
    ("y", "changed", "error", "message"),
    [
        ([1.0] * 20, {"at": 5}, SanctlibError, "at least 12 periods before .* got 5 and 15"),
        ([1.0] * 20, {"at": 18}, SanctlibError, "3 from it on .* got 18 and 2"),
        ([1.0] * 20, {"at": -4}, SanctlibError, "got -1 and 21"),
        ([1.0] * 20, {"at": 12, "window": 0}, SanctlibError, "window 0"),
        ([-1.0] * 20, {"at": 12, "model": "poisson"}, SanctlibError, "counts from 0"),
        ([1.0] * 20, {"at": 12, "exposure": "y"}, SanctlibError, "model='poisson'"),
        ([1.0] * 20, {"at": 12, "harmonics": 1}, SanctlibError, "no season"),
        ([1.0] * 20, {"at": 12, "model": "probit"}, UnknownChoiceError, "probit"),
        ([1.0] * 20, {"at": 12, "level": 95}, SanctlibError, "between 0 and 1"),
        ([1.0] * 12 + [4.0] * 8, {"at": 12}, SanctlibError, "nothing to compare"),
        ([1.0, 2.0] * 6 + [0.0] * 8, {"at": 12, "model": "poisson"}, SanctlibError, "nothing to"),
        ([5.0, 6.0] * 10, {"at": 12, "model": "negative_binomial"}, SanctlibError, "no more than"),
    ],
)
def test_what_cannot_be_fitted_is_said(
    y: list[float], changed: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit_interrupted_series(numbered(y), value="y", **changed)  # type: ignore[arg-type]
