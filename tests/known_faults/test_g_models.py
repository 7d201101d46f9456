"""Kind G: models on damaged, separated, rare or constant inputs, and their reference values."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import frame, given, outcome, pages, params, refused, said_by
from tests.known_faults.made import months, panel, units

SEPARATED = "finite estimate|separat"


def counted(rows: pd.DataFrame, *regressors: str, **options: Any) -> Any:
    how: dict[str, Any] = {"vcov": ["dyad"]} | options
    return sl.models.count_panel(rows, dependent="y", regressors=list(regressors) or ["x"], **how)


def in_a_process(code: str, *, seconds: float = 60) -> str:
    """Run a program in a process of its own and return what it prints; a signal fails."""
    program = "import numpy as np, pandas as pd, sanctlib as sl\n" + textwrap.dedent(code)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AssertionError(f"no end within {seconds} s") from None
    assert done.returncode >= 0, f"the process was ended by signal {-done.returncode}"
    assert done.returncode == 0, done.stderr.splitlines()[-1]
    return done.stdout


def test_an_infinite_regressor_is_refused_by_name_and_number() -> None:
    said = in_a_process(
        """
        from tests.known_faults.made import panel
        rows = panel(12)
        with np.errstate(divide="ignore"):
            rows["log_x"] = np.log(np.random.default_rng(1).poisson(3, len(rows)))
        print("infinite:", int(np.isinf(rows["log_x"]).sum()))
        try:
            sl.models.count_panel(rows, dependent="y", regressors=["log_x"], vcov=["dyad"])
        except sl.SanctlibError as error:
            print("refused:", error)
        """
    )
    n = said.split()[1]
    assert "refused:" in said
    assert "'log_x'" in said.partition("refused:")[2]
    assert n in said.partition("refused:")[2]


def put(table: pd.DataFrame, column: str, value: float) -> pd.DataFrame:
    values = table[column].astype("float64").to_numpy(copy=True)
    values[5] = value
    return table.assign(**{column: values})


JULY = pd.Timestamp("2013-01-01").date()
SERIES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "interrupted_series": lambda t: sl.models.interrupted_series(t, dependent="y", onset=JULY),
    "local_projection": lambda t: sl.models.local_projection(
        t, impulse="x", dependent="y", horizons=2, lags=1
    ),
    "lead_lag": lambda t: sl.models.lead_lag(t, x="x", y="y", lags=1, n_replicates=19),
    "breaks": lambda t: sl.models.breaks(t, dependent="y"),
}


@pytest.mark.parametrize("call", params(SERIES))
def test_an_infinite_value_of_a_series_is_refused(call: Callable[[pd.DataFrame], Any]) -> None:
    refused(lambda: call(put(months(), "y", np.inf)), match="infinite|finite")


def test_an_infinite_value_of_a_synthetic_control_is_refused() -> None:
    refused(
        lambda: sl.models.synthetic_control(
            put(units(), "y", np.inf), dependent="y", treated="U0", onset=2012, units="unit"
        ),
        match="infinite|finite",
    )


def test_a_missing_value_inside_a_series_is_refused() -> None:
    for call in SERIES.values():
        refused(lambda call=call: call(put(months(), "y", np.nan)), match="no value|gap")


# Separation: the outcome leaves a regressor without a finite estimate.
def only_where_one(rows: pd.DataFrame) -> pd.Series:
    return (rows["y"] > 0).astype("float64")


def only_where_zero(rows: pd.DataFrame) -> pd.Series:
    return (rows["y"] == 0).astype("float64")


def test_an_outcome_above_zero_only_where_a_regressor_is_one_is_refused() -> None:
    rows = panel(14)
    refused(lambda: counted(rows.assign(x=only_where_one(rows))), match=SEPARATED)


def test_an_outcome_of_zero_wherever_a_regressor_is_one_is_refused() -> None:
    rows = panel(14)
    refused(lambda: counted(rows.assign(x=only_where_zero(rows))), match=SEPARATED)


def test_an_outcome_that_stops_with_the_regressor_of_one_state_is_refused() -> None:
    rows = panel(14)
    always = rows["first"].eq("S00")
    later = rows["first"].eq("S01") & rows["period"].dt.year.ge(2013)
    rows = rows.assign(x=(always | later).astype("float64"), y=rows["y"].mask(later, 0))
    found = outcome(lambda: counted(rows))
    if isinstance(found, sl.SanctlibError):
        assert "finite estimate" in str(found) or "separat" in str(found)
    else:  # or the separated rows are left out, and counted
        assert abs(frame(found)["estimate"].iloc[0]) < 5
        assert "separat" in " ".join(found.notes)


def test_two_regressors_that_separate_together_are_refused() -> None:
    # u - v is 1 where y is 0, and 0 where it is not: no row has v without u.
    rng = np.random.default_rng(3)
    rows = panel(14)
    rows["u"], drawn = rng.integers(0, 2, (2, len(rows))).astype("float64")
    rows["v"] = rows["u"] * drawn
    rows["y"] = (rows["y"] + 1).where(rows["u"].eq(rows["v"]), 0)
    found = outcome(lambda: counted(rows, "u", "v"))
    if not isinstance(found, sl.SanctlibError):
        assert "separat" in " ".join(found.notes)


@pytest.mark.parametrize("n_pulses", [1, 2, 5])
def test_a_projection_on_a_rare_regressor_is_refused_or_warned_of(n_pulses: int) -> None:
    x = np.zeros(120)
    x[np.linspace(20, 100, n_pulses).astype("int64")] = 1
    found, said = said_by(
        lambda: sl.models.local_projection(
            months(120).assign(x=x), impulse="x", dependent="y", horizons=3, lags=1
        )
    )
    assert re.search("not 0|differs from 0|rare|few periods", said)
    if not isinstance(found, sl.SanctlibError):
        assert np.isfinite(frame(found)[["lower", "upper"]]).all(axis=None)


def step(at: int = 40, n: int = 80, level: float = 0) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    values = rng.normal(20, 3, n) + 12 * (np.arange(n) >= at) + level
    return pd.DataFrame({"period": range(n), "y": values})


def broken(table: pd.DataFrame, **options: Any) -> Any:
    return sl.models.breaks(table, dependent="y", **options)


def test_a_break_is_found_at_any_level_of_the_series() -> None:
    low, high = (broken(step(level=level), most=2) for level in (0, 1e9))
    for column in ("positions", "chosen"):
        assert high.tables["numbers"][column].tolist() == low.tables["numbers"][column].tolist()
    rss = high.tables["numbers"]["rss"].to_numpy()
    assert rss == pytest.approx(low.tables["numbers"]["rss"].to_numpy(), rel=1e-4)


def test_a_break_is_found_where_it_was_made() -> None:
    assert frame(broken(step(), most=2))["position"].tolist() == [40]


def test_a_long_series_is_searched_within_a_gigabyte_or_refused() -> None:
    said = in_a_process(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
        values = np.random.default_rng(1).normal(size=9_000)
        table = pd.DataFrame({"period": range(len(values)), "y": values})
        try:
            sl.models.breaks(table, dependent="y", most=1)
        except sl.SanctlibError as error:
            print("refused:", error)
        else:
            print("found")
        """
    )
    assert said.startswith(("refused:", "found"))


def test_lwz_is_that_of_liu_wu_and_zidek() -> None:
    n = 43
    numbers = broken(step(20, n), most=3).tables["numbers"]
    expected = []
    for m, rss in zip(numbers["n_breaks"], numbers["rss"], strict=True):
        p = 2 * m + 1
        expected.append(np.log(rss / (n - p)) + p * 0.299 * np.log(n) ** 2.1 / n)
    assert numbers["lwz"].to_numpy() == pytest.approx(expected)


def test_counts_that_are_zero_after_the_date_have_no_finite_slope() -> None:
    table = months(60)
    table["y"] = table["y"].mask(table.index >= 37, 0)
    found = outcome(
        lambda: sl.models.interrupted_series(table, dependent="y", onset=JULY, model="poisson")
    )
    if isinstance(found, sl.SanctlibError):
        assert "converge" in str(found) or "finite" in str(found)
    else:
        slope = frame(found).query("term == 'slope'")
        assert slope["p_value"].isna().all() or slope["p_value"].gt(0.5).all()


def test_n_of_an_autoregressive_fit_is_that_of_the_fit() -> None:
    table = frame(sl.models.interrupted_series(months(90), dependent="y", onset=date(2014, 1, 1)))
    fitted = table[table["vcov"].str.startswith("AR(1)")]
    assert fitted["n"].eq(89).all() or fitted["vcov"].str.contains("REML").all()


def test_the_larger_variance_is_taken_for_each_regressor_or_the_note_says_how() -> None:
    rows = panel(32, 4)
    rows["z"] = np.random.default_rng(0).normal(size=len(rows))
    both = counted(rows, "x", "z", vcov="dyadic")
    by_dyad = frame(counted(rows, "x", "z"))["std_error"]
    if "in any direction" not in " ".join(both.notes):
        # Of one of the two the variance by dyad is the larger: it is taken as it is.
        assert np.isclose(frame(both)["std_error"], by_dyad, rtol=1e-9).sum() == 1


def ties_of_1914() -> pd.DataFrame:
    """Levels 0-3 of Germany and Russia, from the counts of Signorino and Ritter (1999)."""
    rows = [("DEU", state, 3) for state in ("AUH", "ROU", "ITA")]
    rows += [("RUS", "FRA", 3), ("RUS", "GBR", 1), ("RUS", "ITA", 1)]
    table = pd.DataFrame(rows, columns=["first", "second", "value"])
    return table.assign(date=pd.Timestamp("1914-01-01"))


def similar(pair: tuple[str, str]) -> pd.Series:
    others = [f"S{chr(65 + i)}{chr(65 + i)}" for i in range(13)]
    states = ["DEU", "AUH", "ROU", "ITA", "RUS", "FRA", "GBR", *others]
    return frame(sl.portfolio_similarity(ties_of_1914(), pair=pair, top=3, states=states)).iloc[0]


def test_pi_is_of_squared_distances_as_kappa_is() -> None:
    # 1 - 50 / (29 + 17) by hand, with the pooled mean 0.5 of 20 states.
    assert similar(("DEU", "RUS"))["pi"] == pytest.approx(1 - 50 / 46)


def test_nominal_pi_has_its_own_name() -> None:
    found = similar(("DEU", "RUS"))
    named = [column for column in found.index if "nominal" in str(column)]
    assert [found[column] for column in named] == [pytest.approx(-0.04477612, abs=5e-9)]


@pytest.mark.parametrize(
    "pair",
    [("DEU", "RSU"), ("BRA", "ARG")],
    ids=["a code of no state", "two others"],
)
def test_states_that_are_in_no_tie_are_refused(pair: tuple[str, str]) -> None:
    refused(lambda: sl.portfolio_similarity(ties_of_1914(), pair=pair, top=3), match=pair[1])


def test_the_ratio_of_a_constant_synthetic_control_is_missing() -> None:
    found = outcome(
        lambda: sl.models.synthetic_control(
            units().assign(y=1.0), dependent="y", treated="U0", onset=2012, units="unit"
        )
    )
    if not isinstance(found, sl.SanctlibError):
        assert frame(found)["p_ratio"].isna().all()


def test_the_test_of_the_same_period_does_not_depend_on_the_level_of_the_series() -> None:
    p_values = []
    for level in (0, 1e12):
        table = months()[["x", "y"]].add(level).assign(period=months()["period"])
        tests = frame(sl.models.lead_lag(table, x="x", y="y", lags=1, n_replicates=19))
        same = tests[tests["effect"].str.contains("same period")]
        p_values.append(same["p_chi2"].item())
    assert p_values[1] == pytest.approx(p_values[0], rel=1e-3)


LEVELS: dict[str, Callable[[float], Any]] = {
    "count_panel": lambda level: counted(panel(12), level=level),
    "interrupted_series": lambda level: sl.models.interrupted_series(
        months(), dependent="y", onset=JULY, level=level
    ),
    "local_projection": lambda level: sl.models.local_projection(
        months(), impulse="x", dependent="y", horizons=2, lags=1, level=level
    ),
    "breaks": lambda level: broken(step(), most=1, level=level),
    "poisson_interval": lambda level: sl.metrics.poisson_interval([3], level=level),
    "wilson_interval": lambda level: sl.metrics.wilson_interval([3], total=[9], level=level),
}


@pytest.mark.parametrize("call", params(LEVELS))
@pytest.mark.parametrize("level", [95, 0, 1, -0.95, float("nan")])
def test_a_level_outside_0_to_1_is_refused(call: Callable[[float], Any], level: float) -> None:
    refused(lambda: call(level), match="level")


RELATED: dict[str, Callable[[pd.Series], pd.Series]] = {
    "equal": lambda y: y,
    "mirrored": lambda y: -y,
    "lagged": lambda y: y.shift(1).fillna(3),
    "a trend": lambda y: y * 0 + np.arange(len(y)),
    "powers of two": lambda y: y * 0 + 2.0 ** np.arange(len(y)),
}


@pytest.mark.parametrize("name", RELATED)
@pytest.mark.parametrize("model", ["lead_lag", "local_projection"])
def test_a_series_that_is_a_combination_of_the_other_is_refused(name: str, model: str) -> None:
    table = months()
    table["x"] = RELATED[name](table["y"])
    calls = {
        "lead_lag": lambda: sl.models.lead_lag(table, x="x", y="y", n_replicates=19),
        "local_projection": lambda: sl.models.local_projection(table, impulse="x", dependent="y"),
    }
    refused(
        calls[model],
        match="combination|collinear|determined|equal|trend",
    )


PAGE = "04_pressure_and_partnership"


# What an onset is coded from; that controls share a state with the treated; what share is.
@pytest.mark.parametrize("words", ["CAMEO 163", "interference", "sign of the median"])
def test_the_page_of_pressure_names_what_it_rests_on(words: str) -> None:
    assert words in pages.source(PAGE)


def test_the_rule_of_not_yet_treated_controls_is_named() -> None:
    text = inspect.getdoc(sl.models.event_study) + (ROOT / "docs" / "designs.md").read_text("utf-8")
    assert "Callaway" in text
    assert "clean" in text


def test_a_test_without_added_lags_is_a_granger_test() -> None:
    fit = given(
        lambda: sl.models.lead_lag(months(), x="x", y="y", lags=1, integration=0, n_replicates=19)
    )
    assert frame(fit)["added"].eq(0).all()
    assert "Toda" not in fit.name


def test_repeated_rows_of_a_panel_are_refused() -> None:
    rows = panel(14)
    twice = pd.concat([rows, rows.head(20)])
    refused(lambda: counted(twice), match="several|twice|repeat|one row")


@pytest.mark.parametrize("model", SERIES)
def test_a_constant_series_is_refused_or_has_no_interval(model: str) -> None:
    found = outcome(lambda: SERIES[model](months().assign(y=1.0)))
    if not isinstance(found, sl.SanctlibError):
        table = frame(found)
        p_values = table.get("p_value", pd.Series(dtype="float64")).dropna()
        assert p_values.eq(1).all()
