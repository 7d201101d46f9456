"""Lead, lag and response: published statistics, known answers, and series that are too short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sanctlib.errors import SanctlibError
from sanctlib.models import lead_lag, local_projection
from sanctlib.models._autoregressions import _order, same_period, wald


@pytest.fixture
def canada(real_data: Path) -> pd.DataFrame:
    rows = pd.read_csv(real_data / "series" / "canada.csv")
    return rows.rename_axis("period").reset_index()


def table_of(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"period": range(len(x)), "x": x, "y": y})


def test_the_statistics_of_macrodata_are_those_of_jmulti() -> None:
    """R17, JMulTi: VAR(4) in levels, GDP to consumption and investment; F with 8 and 558."""
    import statsmodels.api as sm

    values = sm.datasets.macrodata.load_pandas().data[["realgdp", "realcons", "realinv"]]
    numbers = values.to_numpy()
    statistic, _ = wald(numbers, lags=4, added=0, causes=[0], effects=[1, 2])
    assert statistic / 8 == pytest.approx(3.7090, abs=5e-5)
    residuals = np.asarray(sm.tsa.VAR(numbers).fit(4).resid)
    at_once = same_period(residuals, causes=[0], effects=[1, 2])
    assert at_once == pytest.approx(86.2439, abs=5e-5)


def test_the_statistics_of_canada_are_those_of_vars(canada: pd.DataFrame) -> None:
    """R16, the documentation of vars: VAR(2), employment to the rest; F with 6 and 292."""
    import statsmodels.api as sm

    numbers = canada[["e", "prod", "rw", "U"]].to_numpy()
    statistic, _ = wald(numbers, lags=2, added=0, causes=[0], effects=[1, 2, 3])
    assert statistic / 6 == pytest.approx(6.2768, abs=5e-5)
    residuals = np.asarray(sm.tsa.VAR(numbers).fit(2).resid)
    assert same_period(residuals, causes=[0], effects=[1, 2, 3]) == pytest.approx(26.0685, abs=5e-5)


@pytest.mark.parametrize(
    ("x", "y", "controls", "statistic", "p_chi2"),
    [
        ("e", "U", ["prod", "rw"], 26.0811, None),
        ("prod", "e", ["rw", "U"], 9.7399, 0.0077),
        ("rw", "e", ["prod", "U"], 5.8074, 0.0548),
    ],
)
def test_toda_and_yamamoto_on_canada(  # noqa: PLR0917 - the columns of the table above
    canada: pd.DataFrame,
    x: str,
    y: str,
    controls: list[str],
    statistic: float,
    p_chi2: float | None,
) -> None:
    """Computed beside R16, not published: two lags and one added, in the four series."""
    found = lead_lag(canada, x=x, y=y, controls=controls, lags=2, integration=1, n_replicates=99)
    row = found.table.iloc[0]
    assert row["statistic"] == pytest.approx(statistic, abs=5e-5)
    assert (row["lags"], row["added"], row["df"], row["n"]) == (2, 1, 2, 81)
    if p_chi2 is not None:
        assert row["p_chi2"] == pytest.approx(p_chi2, abs=5e-5)


def test_the_leader_is_found_in_one_direction_with_its_sign() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=100)
    y = -2.0 * np.concatenate([[0, 0], x[:-2]]) + rng.normal(size=100)
    found = lead_lag(table_of(x, y), x="x", y="y", integration=0, n_replicates=199)
    forth, back, same = (found.table.iloc[i] for i in range(3))
    assert forth[["cause", "effect", "lags"]].tolist() == ["x", "y", 2]
    assert forth["p_value"] == 1 / 200
    assert forth["sum"] == pytest.approx(-2, abs=0.5)
    assert back["p_value"] > 0.05
    assert same["effect"] == "y, same period"
    assert found.notes[1] == (
        "The test of Toda and Yamamoto has 2 lags, chosen by BIC, at most 6, and 0 added; "
        "p-values are from 199 bootstrap replicates, seed 1."
    )
    assert found.summary() == [
        "The past of x is found to help predict y, p = 0.005, periods 0 to 99.",
        f"The past of y is not found to help predict x, p = {back['p_value']:.2f}, "
        "periods 0 to 99.",
    ]
    assert (found.kind, found.n) == ("tests", 98)


def test_what_answers_within_the_period_is_seen_in_the_third_row_alone() -> None:
    """As statsmodels' test of two series: n r^2 / (1 + r^2) of the residuals."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=120)
    found = lead_lag(table_of(x, x + rng.normal(size=120)), x="x", y="y", lags=1, n_replicates=99)
    same = found.table.iloc[2]
    assert same["p_chi2"] < 1e-6
    published = found.fitted.test_inst_causality(causing=0)
    assert same["statistic"] == pytest.approx(published.test_statistic)
    assert found.table["p_value"][:2].min() > 0.05


def test_units_move_no_statistic_and_draws_follow_their_seed() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 60)).cumsum(axis=1)
    asked = {"x": "x", "y": "y", "lags": 1, "n_replicates": 99}
    plain = lead_lag(table_of(x, y), **asked).table
    scaled = lead_lag(table_of(1e6 + 1000 * x, y), **asked).table
    for column in ("statistic", "p_value"):
        assert scaled[column].to_numpy() == pytest.approx(plain[column].to_numpy(), nan_ok=True)
    assert scaled["sum"][0] == pytest.approx(plain["sum"][0] / 1000)
    assert plain["added"].tolist() == [1, 1, 1]


def test_the_order_of_integration_is_that_of_the_series_made() -> None:
    steps = np.random.default_rng(6).normal(size=200)
    made = [steps, steps.cumsum(), steps.cumsum().cumsum()]
    assert [_order(series) for series in made] == [0, 1, 2]


def test_the_response_of_a_made_series_is_found_at_its_horizon() -> None:
    """y answers x with 3 after two periods and with nothing before or after."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=200)
    y = 3 * np.concatenate([[0, 0], x[:-2]]) + 0.5 * rng.normal(size=200)
    table = local_projection(table_of(x, y), dependent="y", impulse="x", horizons=4, lags=2).table
    assert table["horizon"].tolist() == [0, 1, 2, 3, 4]
    assert table["n"].tolist() == [197, 196, 195, 194, 193]
    holds = table["lower"].le([0, 0, 3, 0, 0]) & table["upper"].ge([0, 0, 3, 0, 0])
    assert holds.all()
    assert table["p_value"].lt(0.001).tolist() == [False, False, True, False, False]


def test_a_response_is_the_regression_on_the_past_of_both() -> None:
    """Least squares written out at horizon 1, one lag and one added."""
    import statsmodels.api as sm

    x, y = np.random.default_rng(8).normal(size=(2, 60))
    table = local_projection(table_of(x, y), dependent="y", impulse="x", horizons=1, lags=1).table
    past = [x[1:-2], y[1:-2], x[:-3], y[:-3]]
    fit = sm.OLS(y[3:], np.column_stack([x[2:-1], np.ones(57), *past])).fit(cov_type="HC3")
    assert table["estimate"][1] == pytest.approx(fit.params[0])
    assert (table["upper"][1] - table["lower"][1]) / 2 == pytest.approx(
        2.0086 * fit.bse[0], rel=1e-3
    )


def test_the_errors_of_white_are_those_published(real_data: Path) -> None:
    """R12, Greene's public schools in sandwich's documentation: HC0, income in 10,000."""
    import statsmodels.api as sm

    rows = pd.read_csv(real_data / "series" / "public_schools.csv").dropna()
    income = rows["Income"].to_numpy() / 1e4
    design = np.column_stack([np.ones(len(rows)), income, income**2])
    fit = sm.OLS(rows["Expenditure"].to_numpy(), design).fit(cov_type="HC0")
    assert fit.bse == pytest.approx([460.8917, 1243.0430, 829.9927], abs=5e-5)


@pytest.mark.parametrize(
    ("n", "changed", "message"),
    [
        (30, {"lags": 2, "integration": 1}, "30 periods. 2 lags and 1 added need 31"),
        (20, {"integration": 1}, "20 periods. 1 lag and 1 added need 22"),
        (60, {"lags": 0, "integration": 0}, "lags is 0. It must be a whole number from 1"),
        (60, {"lags": "hq"}, "lags is 'hq'"),
        (60, {"integration": 3}, "integration is 3. .* from 0 to 2"),
        (60, {"most": 0}, "most is 0"),
        (60, {"n_replicates": 0}, "n_replicates is 0"),
        (60, {"seed": -1}, "seed is -1"),
        (60, {"controls": "x"}, "controls is 'x'. It must be a list"),
        (3, {}, "order of integration of 'x' cannot be tested"),
    ],
)
def test_a_series_too_short_and_a_wrong_number_are_refused(
    n: int, changed: dict[str, object], message: str
) -> None:
    x, y = np.random.default_rng(9).normal(size=(2, n))
    with pytest.raises(SanctlibError, match=message):
        lead_lag(table_of(x, y), **{"x": "x", "y": "y", **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n", "changed", "message"),
    [
        (40, {"horizons": 30}, "10 periods of 40 that have all 30 horizons. 1 lag and 1 added"),
        (40, {"horizons": 60}, "horizons is 60, and the series has 40 periods"),
        (40, {"horizons": -1}, "horizons is -1"),
        (40, {"level": 95}, "level is 95.* Did you mean 0.95"),
    ],
)
def test_a_horizon_beyond_the_series_is_refused(
    n: int, changed: dict[str, object], message: str
) -> None:
    x, y = np.random.default_rng(10).normal(size=(2, n))
    with pytest.raises(SanctlibError, match=message):
        local_projection(table_of(x, y), dependent="y", impulse="x", **changed)  # type: ignore[arg-type]


def test_a_constant_and_a_single_pulse_are_refused() -> None:
    x, pulse = np.random.default_rng(10).normal(size=40), (np.arange(40) == 37) * 1.0
    with pytest.raises(SanctlibError, match=r"'y' has one value\. A series must vary"):
        lead_lag(table_of(x, np.ones(40)), x="x", y="y")
    with pytest.raises(SanctlibError, match="'y' has one value in the 34 periods of 40 that have"):
        local_projection(table_of(x, pulse), dependent="x", impulse="y")
    with pytest.raises(
        SanctlibError, match=r"horizon . has no finite interval: changes of .* are too rare"
    ):
        local_projection(table_of(x, np.roll(pulse, -20)), dependent="x", impulse="y", lags=1)


COPIES = {
    "equal": lambda y: y,
    "mirrored": lambda y: -y,
    "scaled": lambda y: 3 * y + 7,
    "lagged": lambda y: np.append(0.0, y[:-1]),
    "led": lambda y: np.append(y[1:], 0.0),
    "a trend": lambda y: np.arange(len(y)) * 1.0,
    "doubling": lambda y: 2.0 ** np.arange(len(y)),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_series_that_follows_from_another_is_refused(copy: str) -> None:
    y = np.random.default_rng(0).poisson(5, 60) * 1.0
    table = table_of(COPIES[copy](y), y)
    message = "'.' is an exact combination of the other columns and of the past"
    with pytest.raises(SanctlibError, match=message):
        lead_lag(table, x="x", y="y", n_replicates=19)
    for impulse, dependent in (("x", "y"), ("y", "x")):
        with pytest.raises(SanctlibError, match=message):
            local_projection(table, dependent=dependent, impulse=impulse)


def test_a_series_beside_itself_is_refused() -> None:
    table = pd.DataFrame({"period": range(80), "x": np.random.default_rng(1).normal(size=80)})
    with pytest.raises(SanctlibError, match="'x' is named twice"):
        lead_lag(table, x="x", y="x")
    with pytest.raises(SanctlibError, match="'x' is named twice"):
        local_projection(table, dependent="x", impulse="x")
