"""How often the models' tests reject (`python -m benchmarks.size`, all or the studies named).

Series without any effect (size) and with one (power), autoregressive of order one. A share p of R
runs has the Monte Carlo error sqrt(p (1 - p) / R). One seed a cell; two processes. With `small` a
fiftieth of the runs.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

# One thread a process: two processes share two cores, and small matrices gain nothing from more.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
from scipy.special import stdtr

import sanctlib as sl
from sanctlib.metrics.intervals import block_interval, poisson_dispersion, poisson_interval

LENGTHS = (60, 120, 240)
RHOS = (0.0, 0.3, 0.6, 0.8)
BEFORE = 0.6  # the share of periods before the date
Rows = dict[str, list[float]]


def interrupted(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return p-values of the jump and the level: without a step, and with one of 2 deviations."""
    noise = drawn(rng, n, rho)
    found: Rows = {}
    for name, step in (("size", 0.0), ("power", 2.0)):
        for term, vcov, p in linear(noise, step, at=round(BEFORE * n)):
            found[f"{term}, {vcov}: {name}"] = [p]
    return found


def linear(noise: np.ndarray, step: float, at: int) -> list[tuple[str, str, float]]:
    """Return term, standard errors and p-value of each row of a linear fit."""
    y = noise + step * (np.arange(len(noise)) >= at)
    fit = sl.models.interrupted_series(table_of(y=y), dependent="y", onset=at)
    kept = fit.table[fit.table["term"].ne("slope")]
    return [(r.term, r.vcov.split(",")[0], r.p_value) for r in kept.itertuples()]


def counts(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return p-values for overdispersed counts (mean 8, alpha 0.5) whose log rate is persistent."""
    found: Rows = {}
    at = round(BEFORE * n)
    rate = 8 * np.exp(0.3 * drawn(rng, n, rho)) if rho else np.full(n, 8.0)
    n_acts = rng.poisson(rate * rng.gamma(2.0, 0.5, n))
    for model in ("poisson", "negative_binomial"):
        fit = sl.models.interrupted_series(table_of(y=n_acts), dependent="y", onset=at, model=model)
        for row in fit.table[fit.table["term"].ne("slope")].itertuples():
            words = row.vcov.split(",")[0].split(" ")[0]
            found[f"{model}: {row.term}, {words}: size"] = [row.p_value]
    return found


def dynamics(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return p-values of lead and lag, and of responses, of two independent series."""
    x, y = drawn(rng, n, rho), drawn(rng, n, rho)
    moved = y + 0.3 * np.concatenate([[0.0], x[:-1]])
    found: Rows = {}
    for name, response in (("size", y), ("power", moved)):
        table = table_of(x=x, y=response)
        tests = sl.models.lead_lag(table, x="x", y="y", n_replicates=199).table
        found[f"lead_lag, bootstrap: {name}"] = [tests["p_value"][0]]
        found[f"lead_lag, chi-squared: {name}"] = [tests["p_chi2"][0]]
        projected = sl.models.local_projection(table, dependent="y", impulse="x").table
        for horizon in (1, 6) if name == "size" else (1,):
            found[f"local projection, horizon {horizon}: {name}"] = [projected["p_value"][horizon]]
    return found


def breaks(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return 0 where breaks are found in a series that has none, else 1."""
    table = table_of(y=drawn(rng, n, rho))
    found = {c: sl.models.breaks(table, dependent="y", criterion=c).table for c in ("bic", "lwz")}
    return {f"breaks, {c}: size": [float(table.empty)] for c, table in found.items()}


def onsets(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return p-values of event studies: n states in 12 years, a tenth of them sanctioned once.

    What power finds is an effect of one deviation; of the trend, the sanctioned rise by 0.3 of
    one each year without any. The bounds say 0 where they leave 0 out.
    """
    years, treated = 12, n // 10
    noise = np.stack([drawn(rng, years, rho) for _ in range(n)]) + rng.normal(size=years)
    starts = rng.integers(3, 10, treated)
    since = np.arange(years) - np.append(starts, np.full(n - treated, years))[:, None]
    keys = {"target": np.repeat(np.arange(n), years), "period": np.tile(np.arange(years), n)}
    events = pd.DataFrame({"target": np.arange(treated), "period": starts})
    found: Rows = {}
    for name, effect, trend in (("size", 0.0, 0.0), ("power", 1.0, 0.0), ("trend", 0.0, 0.3)):
        own = effect * (since >= 0) + trend * np.arange(years) * (np.arange(n) < treated)[:, None]
        panel = pd.DataFrame(keys | {"y": (noise + own).ravel()})
        rules: Any = {"before": 3, "after": 2, "target_columns": ["target"], "n_replicates": 19}
        fit = sl.models.event_study(panel, dependent="y", onsets=events, **rules)
        mean = fit.tables["average"].iloc[0]
        found[f"event study, t: {name}"] = [mean["p_value"]]
        found[f"event study, placebos: {name}"] = [mean["p_placebo"]]
        for m in (0.5, 1.0):
            found[f"event study, bounds at M = {m}: {name}"] = [float(mean["breakdown_mbar"] < m)]
    return found


def pairs(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return p-values of event studies of pairs: n / 2 states with shocks, a fifth sanctioned."""
    years, states = 12, n // 2
    shocks = np.stack([drawn(rng, years, rho) for _ in range(states)])
    first, second = np.triu_indices(states, 1)
    y = shocks[first] + shocks[second] + rng.normal(size=(len(first), years))
    keys = {"first": first, "second": second}
    panel = pd.DataFrame({k: np.repeat(v, years) for k, v in keys.items()} | {"y": y.ravel()})
    panel["period"] = np.tile(np.arange(years), len(first))
    starts = rng.integers(3, 10, states // 5)
    events = pd.DataFrame({"target": np.arange(states // 5), "period": starts})
    found: Rows = {}
    for name, vcov in (("dyadic", "dyadic"), ("by dyad", ["dyad"])):
        rules: Any = {"before": 3, "after": 2, "n_replicates": 19, "vcov": vcov}
        mean = sl.models.event_study(panel, dependent="y", onsets=events, **rules).tables["average"]
        found[f"event study of pairs, t, {name}: size"] = [mean["p_value"][0]]
        found[f"event study of pairs, placebos, {name}: size"] = [mean["p_placebo"][0]]
    return found


def specifications(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return joint p-values of eight specifications, without an effect, with one, all growing."""
    x, y, other = (drawn(rng, n, rho) for _ in range(3))
    moved, trend = 0.3 * np.concatenate([[0.0], x[:-1]]), np.linspace(0, 3, n)
    found: Rows = {}
    for name, effect, grown in (("size", 0.0, 0.0), ("power", moved, 0.0), ("trend", trend, trend)):
        outcomes = {"first": y + effect, "second": 0.7 * y + 0.7 * other + effect}
        fit = sl.models.specification_curve(
            partial(slope, outcomes=outcomes),
            {"outcome": [*outcomes], "lag": [1, 2], "past": [0, 1]},
            sanctions=pd.Series(x + grown),
            n_replicates=199,
        )
        for statistic in ("median", "share", "stouffer"):
            found[f"curve, {statistic}: {name}"] = [fit.table[f"p_{statistic}"][0]]
    return found


def synthetic(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return placebo p-values of one unit of 20 that share a walk, alike or noisier than others."""
    walk = np.cumsum(rng.normal(size=n)) * 3 / n**0.5
    shares = rng.uniform(size=(20, 1))
    noise = np.stack([drawn(rng, n, rho) for _ in range(20)])
    treated = np.arange(20) == 0
    after = np.arange(n) >= round(BEFORE * n)
    found: Rows = {}
    for name, scale, effect in (("size", 1, 0), ("size, twice the noise", 2, 0), ("power", 1, 2)):
        values = shares * walk + noise * np.where(treated, scale, 1)[:, None]
        values += effect * np.outer(treated, after)
        panel = pd.DataFrame(values).rename_axis("unit").reset_index().melt("unit")
        panel = panel.assign(period=panel["variable"].astype("int64"), unit=panel["unit"].map(str))
        fit = sl.models.synthetic_control(
            panel, dependent="value", treated="0", onset=round(BEFORE * n), units="unit"
        )
        for row in fit.table.itertuples():
            found[f"{row.term}: {name}"] = [row.p_value]
            found[f"{row.term}, ratio: {name}"] = [row.p_ratio]
    return found


def pulses(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return p-values of responses to an impulse that is not 0 in one to 24 periods."""
    y, found = drawn(rng, n, rho), {}
    for pulsed in (1, 2, 3, 4, 6, 8, 12, 24):
        x = np.zeros(n)
        x[rng.choice(n, pulsed, replace=False)] = 1.0
        try:
            fit = sl.models.local_projection(
                table_of(x=x, y=y), dependent="y", impulse="x", horizons=3
            )
            p_values = fit.table["p_value"].tolist()
        except sl.SanctlibError:
            p_values = [np.nan] * 4
        found |= {f"{pulsed} pulses, horizon {h}": [p] for h, p in enumerate(p_values)}
    return found


def intervals(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return 0 where an interval of counts excludes its truth, else 1: counts of mean 5 and 20."""
    found: Rows = {}
    state = drawn(rng, n, rho)
    for mean in (5, 20):
        # The log rate has the deviation 0.5 and the autocorrelation rho; then all are alike.
        for name, rate in (
            ("rate moves", mean * np.exp(0.5 * state - 0.125)),
            ("gamma", mean * rng.gamma(2.0, 0.5, n)),
            ("Poisson", np.full(n, float(mean))),
        ):
            y = rng.poisson(rate)
            edges = block_interval(y, seed=int(rng.integers(1 << 30))).iloc[0]
            covers = edges["lower"] <= mean <= edges["upper"]
            found[f"block_bootstrap, mean {mean}, {name}"] = [float(covers)]
            each = poisson_interval(y, dispersion=poisson_dispersion(y)).iloc[n // 2]
            covers = each["lower"] <= mean <= each["upper"]
            found[f"dispersion of one period, its mean {mean}, {name}"] = [float(covers)]
            covers = each["lower"] <= rate[n // 2] <= each["upper"]
            found[f"dispersion of one period, its own rate, {mean}, {name}"] = [float(covers)]
    return found


def expected(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return 0 where the interval of `observed_expected` excludes 1, of 10 states alike, else 1."""
    n_weeks, every = {60: (13, "quarter"), 120: (26, "year"), 240: (52, "year")}[n]
    weeks = pd.date_range("2018-01-01", periods=n_weeks, freq="7D")
    states = [*("BRA", "CHN", "DEU", "FRA", "IND", "IRN", "JPN", "RUS", "TUR", "USA")]
    first, second = np.triu_indices(len(states), 1)
    found: Rows = {}
    for name in ("Poisson", "gamma", "rates move"):
        # Of each pair the rate of a week moves by itself, and 8 acts a week are the mean.
        shape = (n_weeks, len(first))
        rate = np.full(shape, 8.0)
        if name == "gamma":
            rate *= rng.gamma(2.0, 0.5, shape)
        elif name == "rates move":
            moves = [drawn(rng, n_weeks, rho) for _ in first]
            rate *= np.exp(0.5 * np.column_stack(moves) - 0.125)
        cells = pd.DataFrame(
            {
                "period": np.repeat(weeks, len(first)),
                "sender": np.tile(np.array(states)[first], n_weeks),
                "target": np.tile(np.array(states)[second], n_weeks),
                "n_acts": rng.poisson(rate).ravel(),
            }
        ).assign(mutual=True, family="cooperation", action="agree")
        ratio = sl.observed_expected(
            cells[cells["n_acts"].gt(0)], pair=("IRN", "RUS"), every=every, block="week"
        ).table.iloc[0]
        found[f"observed_expected, {n_weeks} weeks, {name}"] = [
            float(ratio["lower"] <= 1 <= ratio["upper"])
        ]
    return found


def changes(rng: np.random.Generator, n: int, rho: float) -> Rows:
    """Return 0 where the interval of `before_after` excludes 1 without a change, else 1."""
    months = pd.date_range("2000-01-01", periods=n, freq="MS")
    found: Rows = {}
    state = drawn(rng, n, rho)
    for mean in (1, 13):
        for name, rate in (
            ("rate moves", mean * np.exp(0.5 * state - 0.125)),
            ("gamma", mean * rng.gamma(2.0, 0.5, n)),
            ("Poisson", np.full(n, float(mean))),
        ):
            acts = {"period": months, "n": rng.poisson(rate), "exposure": 1.0, "covered": True}
            counts = sl.Result(table=pd.DataFrame(acts), kind="intensity")
            compared = sl.metrics.before_after({name: counts}, date=months[n // 2], least=n // 2)
            low, high = compared.table.loc[0, ["lower", "upper"]]
            found[f"before_after, mean {mean}, {name}"] = [float(low <= 1 <= high)]
    return found


def slope(
    sanctions: pd.Series, *, outcomes: dict[str, np.ndarray], outcome: str, lag: int, past: int
) -> dict[str, float]:
    """Return the slope of an outcome on sanctions `lag` before, beside `past` lags of its own."""
    x, y = sanctions.to_numpy(), outcomes[outcome] / outcomes[outcome].std()
    at = np.arange(2, len(y))
    design = np.column_stack([x[at - lag], np.ones(len(at)), *[y[at - k] for k in (1, 2)[:past]]])
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ (design.T @ y[at])
    residuals, free = y[at] - design @ slopes, len(at) - design.shape[1]
    t = slopes[0] / np.sqrt(inverse[0, 0] * (residuals @ residuals) / free)
    return {"estimate": float(slopes[0]), "p_value": float(2 * stdtr(free, -abs(t)))}


def drawn(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    """Return an autoregressive series of deviation 1."""
    noise = rng.normal(size=n + 100)
    for t in range(1, len(noise)):
        noise[t] += rho * noise[t - 1]
    return noise[100:] * np.sqrt(1 - rho**2)


def table_of(**columns: Any) -> pd.DataFrame:
    """Return columns with numbered periods."""
    return pd.DataFrame(columns).rename_axis("period").reset_index()


STUDIES = {"interrupted": (interrupted, 1000), "counts": (counts, 200)}
STUDIES |= {"dynamics": (dynamics, 400), "breaks": (breaks, 400), "onsets": (onsets, 200)}
STUDIES |= {"pairs": (pairs, 100)}
STUDIES |= {"pulses": (pulses, 300), "intervals": (intervals, 400), "expected": (expected, 100)}
STUDIES |= {"changes": (changes, 200)}
STUDIES |= {"specifications": (specifications, 200), "synthetic": (synthetic, 200)}
# A study is seeded by its place here: append new ones.
SEEDED = ["breaks", "counts", "dynamics", "interrupted", "onsets", "pairs", "specifications"]
SEEDED += ["synthetic", "pulses", "intervals", "expected", "changes"]


def cell(study: str, n: int, rho: float, runs: int) -> pd.DataFrame:
    """Return the share of runs that reject at 5%, a row per test."""
    rng = np.random.default_rng([1, n, round(10 * rho), SEEDED.index(study)])
    tests = pd.concat([pd.DataFrame(STUDIES[study][0](rng, n, rho)) for _ in range(runs)])
    shares = (
        tests.le(0.05)
        .where(tests.notna())
        .mean()
        .rename("rejects")
        .rename_axis("test")
        .reset_index()
    )
    return shares.assign(n=n, rho=rho, runs=runs)


def main(asked: list[str]) -> None:
    """Print a table: tests, lengths and autocorrelations, and the share that rejects."""
    for study in [s for s in STUDIES if s in asked] or STUDIES:
        runs = STUDIES[study][1] // (50 if "small" in asked else 1)
        cells = [(n, rho) for n in LENGTHS for rho in RHOS]
        with ProcessPoolExecutor(2) as pool:
            found = pool.map(partial(cell, study, runs=runs), *zip(*cells, strict=True))
            table = pd.concat(found)
        wide = table.pivot_table(index=["test", "n"], columns="rho", values="rejects", sort=False)
        print(f"\n{study}, {runs} runs a cell\n{wide.round(3).to_string()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
