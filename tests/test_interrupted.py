"""Interrupted series: published estimates, ranks worked by hand, and what cannot be fitted."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sanctlib.errors import SanctlibError, UnknownChoiceError
from sanctlib.models import interrupted_series


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
    fit = interrupted_series(
        sicily,
        dependent="aces",
        onset=date(2005, 1, 1),
        model="poisson",
        exposure="stdpop",
        slope=False,
        harmonics=harmonics,
    )
    row = fit.table.set_index("vcov").loc[f"Poisson, dispersion {dispersion}"]
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
    fit = interrupted_series(numbered(y), dependent="y", onset=8, window=1, slope=False)
    jumps = fit.tables["placebo"]
    slope = -5.5 / 42
    assert jumps["jump"].tolist() == pytest.approx(np.diff(y[:9]) - slope)
    assert jumps["period"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    head = fit.table.iloc[0]
    # 1.5 less the slope is 1.63: of seven placebo jumps -2 (1.87) and 2 (2.13) are as large.
    assert head[["term", "n", "vcov"]].tolist() == ["jump", 7, "placebo dates"]
    assert head["p_value"] == 3 / 8
    assert head["estimate"] == pytest.approx(1.5 - slope)
    assert "cannot be below 0.125" in repr(fit)


def test_a_step_is_found_and_what_it_would_have_been_is_shown() -> None:
    noise = np.random.default_rng(1).normal(size=80)
    y = 10 + 0.1 * np.arange(80) + 5 * (np.arange(80) >= 50) + noise
    fit = interrupted_series(numbered(y), dependent="y", onset=50)
    rows = fit.table.set_index(["term", "vcov"])
    assert fit.table["term"].tolist() == ["jump", "level", "slope", "level", "slope"]
    assert rows.loc[("jump", "placebo dates"), "p_value"] == 1 / 46
    own = fit.table.iloc[1]
    assert own["lower"] < 5 < own["upper"]
    series = fit.tables["series"]
    assert series["expected"].isna().sum() == 50
    after = series.iloc[50]
    assert after["fitted"] - after["expected"] == pytest.approx(own["estimate"])


def test_the_errors_of_newey_and_west_come_with_a_warning() -> None:
    fit = interrupted_series(
        numbered(np.random.default_rng(1).normal(size=60)), dependent="y", onset=35
    )
    assert fit.table["vcov"].tolist()[3] == "HAC, 3 lags: too small"
    assert "HAC errors are too small in series of this length" in repr(fit)


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
        interrupted_series(table, dependent="y", onset=60, model="poisson", exposure=e).table.iloc[
            1
        ]
        for e in ("total", None)
    )
    assert without["lower"] > 2
    assert with_it["lower"] < 1 < with_it["upper"]


def test_dispersion_widens_the_interval_and_never_narrows_it() -> None:
    rng = np.random.default_rng(1)
    wide = rng.negative_binomial(2, 0.2, size=80)
    narrow = np.tile([8, 8, 9, 7], 20)
    words = [
        interrupted_series(numbered(y), dependent="y", onset=50, model="poisson").table["vcov"][1]
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
    fit = interrupted_series(
        numbered(y), dependent="y", onset=70, model="negative_binomial", slope=False
    )
    design = np.column_stack([np.ones(120), time / 100, after])
    own = sm.NegativeBinomial(y, design).fit(start_params=[2, 0, 0, 0.5], disp=0, maxiter=200)
    assert fit.table["vcov"][1] == f"negative binomial, alpha {own.params[3]:.3f}"
    assert np.log(fit.table["estimate"][1]) == pytest.approx(own.params[2], abs=1e-3)
    # Expected and observed information differ in small samples.
    assert fit.table["p_value"][1] == pytest.approx(own.pvalues[2], abs=0.02)


def test_a_season_is_no_interruption() -> None:
    months = pd.date_range("2010-01-01", periods=120, freq="MS")
    season = 5 * np.cos(2 * np.pi * np.arange(120) / 12)
    y = season + np.random.default_rng(1).normal(size=120, scale=0.1)
    table = pd.DataFrame({"period": months, "y": y})
    flat = interrupted_series(table, dependent="y", onset=date(2016, 10, 1), harmonics=1)
    assert abs(flat.table["estimate"][0]) < 0.5
    raw = interrupted_series(table, dependent="y", onset=date(2016, 10, 1))
    assert raw.table["estimate"][0] > 2


@pytest.mark.parametrize("onset", ["2016-10", pd.Period("2016-10"), np.datetime64("2016-10-01")])
def test_an_onset_is_a_day_of_any_form(onset: object) -> None:
    months = pd.date_range("2010-01-01", periods=120, freq="MS")
    y = np.random.default_rng(1).normal(size=120)
    table = pd.DataFrame({"period": months.strftime("%Y-%m"), "y": y})
    plain = interrupted_series(
        pd.DataFrame({"period": months, "y": y}), dependent="y", onset=date(2016, 10, 1)
    )
    found = interrupted_series(table, dependent="y", onset=onset)
    pd.testing.assert_frame_equal(found.table, plain.table)
    assert found.query.every == "month"
    assert (found.n, found.unit, found.kind) == (120, "months", "series")
    assert found.name == "y before and after October 2016"
    assert found.findings[0].startswith("Jump in October 2016: difference ")


@pytest.mark.parametrize(
    ("y", "changed", "error", "message"),
    [
        ([1.0] * 20, {"onset": 5}, SanctlibError, "5 periods before the onset and 15 from it on"),
        ([1.0] * 20, {"onset": 18}, SanctlibError, "18 periods before .* must have 12 and 3"),
        ([1.0] * 20, {"onset": -4}, SanctlibError, r"onset is -4\. It must lie in .* 0 to 19"),
        ([1.0] * 20, {"onset": "2016"}, SanctlibError, "onset is '2016'.* a whole number"),
        ([1.0] * 20, {"window": 0}, SanctlibError, "window is 0"),
        ([1.0] * 20, {"harmonics": -1}, SanctlibError, "harmonics is -1"),
        ([1.0] * 20, {"slope": "no"}, SanctlibError, "slope is 'no'. It must be True or False"),
        ([-1.0] * 20, {"model": "poisson"}, SanctlibError, "'y' holds -1.*needs values from 0"),
        ([1.0] * 20, {"exposure": "y"}, SanctlibError, "model='poisson'"),
        ([1.0] * 20, {"harmonics": 1}, SanctlibError, "no season"),
        ([1.0] * 20, {"model": "probit"}, UnknownChoiceError, "model is 'probit'"),
        ([1.0] * 20, {"level": 95}, SanctlibError, r"between 0 and 1\. Did you mean 0.95"),
        ([1.0] * 12 + [4.0] * 8, {}, SanctlibError, "nothing to compare"),
        ([1.0, 2.0] * 6 + [0.0] * 8, {"model": "poisson"}, SanctlibError, "nothing to"),
        ([5.0, 6.0] * 10, {"model": "negative_binomial"}, SanctlibError, "no more than"),
        (list(range(20)), {}, SanctlibError, "follows its trend exactly before the onset"),
        ([np.inf] * 20, {}, SanctlibError, "'y' is infinite in 20 of 20 rows"),
        (["a"] * 20, {}, SanctlibError, "'y' holds text"),
    ],
)
def test_what_cannot_be_fitted_is_said(
    y: list[float], changed: dict[str, object], error: type[Exception], message: str
) -> None:
    table = pd.DataFrame({"period": range(len(y)), "y": y})
    with pytest.raises(error, match=message):
        interrupted_series(table, **{"dependent": "y", "onset": 12, **changed})  # type: ignore[arg-type]


def test_harmonics_beyond_half_a_year_are_refused() -> None:
    months = pd.date_range("2010-01-01", periods=120, freq="MS")
    table = pd.DataFrame({"period": months, "y": np.random.default_rng(1).normal(size=120)})
    with pytest.raises(
        SanctlibError, match=r"harmonics is 6\. It must be a whole number from 0 to 5"
    ):
        interrupted_series(table, dependent="y", onset="2016", harmonics=6)
