"""Poisson models of panels: published results, statsmodels' dummies, rows left out, refusals."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.models.clusters import variance_of
from sanctlib.models.ppml import Ppml

STATES = [f"{a}{b}Q" for a in "ABCDEFG" for b in "ABCDE"]


def made(n_states: int = 32, n_periods: int = 2, *, directed: bool = True) -> pd.DataFrame:
    """A panel whose outcomes share shocks of states."""
    rng = np.random.default_rng(1)
    pairs = itertools.product(range(n_states), range(n_states), range(n_periods))
    rows = pd.DataFrame(pairs, columns=["i", "j", "period"])
    rows = rows[rows["i"].ne(rows["j"]) if directed else rows["i"].lt(rows["j"])]
    shocks = rng.normal(scale=0.6, size=(2, n_states, n_periods))
    seen, done = (
        shock[rows["i"], rows["period"]] + shock[rows["j"], rows["period"]] for shock in shocks
    )
    rows["x"] = rng.normal(size=len(rows)) + seen
    rows["y"] = rng.poisson(np.exp(0.5 + 0.3 * rows["x"] + done)).astype("float64")
    named = {f"{i}": STATES[i] for i in range(n_states)}
    rows["first"], rows["second"] = (rows[c].astype("str").map(named) for c in "ij")
    return rows.drop(columns=["i", "j"]).reset_index(drop=True)


def dummies(rows: pd.DataFrame, columns: list[pd.DataFrame]) -> tuple[np.ndarray, np.ndarray]:
    """Statsmodels' estimate of x beside dummies, and the larger of its errors by double loops."""
    design = pd.concat([rows[["x"]], *columns], axis=1).to_numpy(dtype="float64")
    fit = sm.Poisson(rows["y"].to_numpy(), design).fit(disp=False)
    mean = fit.predict()
    bread = np.linalg.pinv(design.T @ (design * mean[:, None]))
    scores = design * (rows["y"].to_numpy() - mean)[:, None]
    ends = np.searchsorted(STATES, rows[["first", "second"]].to_numpy())
    same = (ends[:, None, :, None] == ends[None, :, None, :]).any(axis=3)
    variances = []
    for shared, n in (
        (same.any(axis=2), len(np.unique(ends))),
        (same.all(axis=2), len(np.unique(np.sort(ends), axis=0))),
    ):
        meat = scores.T @ shared.astype("float64") @ scores
        variances.append((bread @ meat @ bread * n / (n - 1))[0, 0])
    return fit.params[0], np.sqrt(max(variances))


def test_clustered_poisson_is_as_published(real_data: Path) -> None:
    """R13: Aghion and others 2013, table I column 3, as in sandwich's documentation."""
    firms = pd.read_csv(real_data / "series" / "inst_innovation.csv.gz")
    firms["log_capital"] = np.log(firms["capital"] / firms["employment"])
    firms["log_sales"] = np.log(firms["sales"])
    found = sl.fit_count_panel(
        firms,
        outcome="cites",
        regressors=["institutions", "log_capital", "log_sales"],
        effects=["industry", "year"],
        errors=["company"],
    ).table
    assert found["estimate"].tolist() == pytest.approx(
        [0.009687237, 0.482883549, 0.820317600], rel=1e-6
    )
    assert found["std_error"].tolist() == pytest.approx(
        [0.002406388, 0.135953255, 0.041523405], rel=1e-5
    )


@pytest.mark.parametrize(
    ("errors", "n_parameters", "published"),
    [(["Origin", "Destination"], 30, 0.130734), (["Product"], 39, 0.098294)],
)
def test_trade_by_ppml_is_as_published(
    real_data: Path, errors: list[str], n_parameters: int, published: float
) -> None:
    """R14: fixest's walkthrough, times (n - 1) / (n - k), k without the effects nested."""
    trade = pd.read_csv(real_data / "series" / "trade.csv.gz")
    trade["log distance"] = np.log(trade["dist_km"])
    effects = ["Origin", "Destination", "Product", "Year"]
    row = sl.fit_count_panel(
        trade, outcome="Euros", regressors=["log distance"], effects=effects, errors=errors
    ).table.iloc[0]
    assert row["estimate"] == pytest.approx(-1.52787, abs=5e-6)
    factor = np.sqrt((row["n"] - 1) / (row["n"] - n_parameters))
    assert row["std_error"] * factor == pytest.approx(published, abs=5e-7)


def test_effects_are_what_dummies_are_and_errors_the_double_loop() -> None:
    rows = made()
    rows = rows[(rows.groupby(["first", "period"])["y"].transform("sum")).gt(0)]
    effects = ["first^period", "second"]
    columns = [
        pd.get_dummies(rows["first"] + rows["period"].astype("str")),
        pd.get_dummies(rows["second"], drop_first=True),
    ]
    found = sl.fit_count_panel(rows, outcome="y", regressors=["x"], effects=effects).table.iloc[0]
    assert (found["estimate"], found["std_error"]) == pytest.approx(
        dummies(rows, columns), rel=1e-5
    )


def test_the_effect_of_a_state_holds_on_whichever_side_it_stands() -> None:
    rows = made(directed=False)
    states = [pd.get_dummies(rows[c] + rows["period"].astype("str")) for c in ("first", "second")]
    both = [states[0].add(states[1], fill_value=0)]
    fit = sl.fit_count_panel(rows, outcome="y", regressors=["x"], effects=["state^period"])
    found = fit.table.iloc[0]
    assert (found["estimate"], found["std_error"]) == pytest.approx(dummies(rows, both), rel=1e-5)
    assert found["n"] == len(rows)


def test_errors_of_dyads_alone_miss_what_states_share() -> None:
    """The regressor and the outcome have shocks of states: errors by dyad are far too small."""
    rows = made()
    errors = [
        sl.fit_count_panel(rows, outcome="y", regressors=["x"], errors=e).table["std_error"][0]
        for e in ("dyadic", ["dyad"])
    ]
    assert errors[0] > 1.5 * errors[1]


def test_rows_that_decide_nothing_are_counted() -> None:
    """A dyad of zeros has 3 rows; another lacks 2 of its 3 values, and the third is alone."""
    rows = made(n_periods=3)
    dyads = [g.index for _, g in rows.groupby(["first", "second"])]
    rows.loc[dyads[0], "y"] = 0.0
    rows.loc[dyads[2], "y"] = [2.0, np.nan, np.nan]
    rows["y"] += rows["y"].eq(0) & ~rows.index.isin(dyads[0])
    rows["y"] = rows["y"].astype("Float64")
    fit = sl.fit_count_panel(rows, outcome="y", regressors=["x"])
    n = len(rows)
    said = f"Of {n} rows 2 lack a value or are not covered, 3 are in groups of zeros alone, "
    said += "1 alone in a group; "
    assert f"{said}{n - 6} are used." in fit.notes
    assert fit.table["n"].tolist() == [n - 6]
    assert "Fewer than 40 clusters: the intervals are likely too short." in fit.notes


def test_a_period_seen_in_part_is_left_out() -> None:
    """Its acts stand in a panel of dyads and its zeros do not: rows chosen by their outcome."""
    rows = made(n_periods=3)
    whole = sl.fit_count_panel(rows[rows["period"].lt(2)], outcome="y", regressors=["x"])
    part = rows[rows["period"].lt(2) | rows["y"].gt(0)].assign(covered=rows["period"].lt(2))
    found = sl.fit_count_panel(part, outcome="y", regressors=["x"])
    pd.testing.assert_frame_equal(found.table, whole.table)
    n = int(part["period"].eq(2).sum())
    assert f"{n} lack a value or are not covered" in found.notes[1]


def test_a_panel_of_event_counts_goes_straight_in(real_data: Path) -> None:
    """Of 40 states' directed dyads in 13 years none lacks a value inside the coverage."""
    table = sl.read(
        "icews_dyad_years", real_data / "partnership" / "icews_dyad_year_2002_2014.csv.gz"
    )
    states = sorted(table.table["first"].value_counts().index[:40])
    panel = sl.dyad_panel(table, every="year", states=states, directed=True, absent="zero")
    measures = [c for c in panel if c not in ("period", "first", "second", "covered")]
    fit = sl.fit_count_panel(panel, outcome=measures[0], regressors=[measures[1]])
    assert fit.table["n_clusters"].tolist() == [40]
    assert f"Of {len(panel)} rows 0 lack a value" in fit.notes[1]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"outcome": "z"}, MissingColumnsError, "fit_count_panel needs the column 'z'"),
        ({"errors": "dyad"}, SanctlibError, "errors='dyadic' or a list"),
        ({"effects": ["state^period"]}, SanctlibError, "for one row per pair"),
        ({"regressors": "any"}, SanctlibError, r"needs a list of regressors, like \['any'\]"),
        ({"regressors": []}, SanctlibError, "needs a regressor"),
        ({"regressors": ["of_dyad"]}, SanctlibError, "'of_dyad' does not vary within"),
        ({"regressors": ["x", "of_dyad"]}, SanctlibError, "'of_dyad' does not vary within"),
        ({"regressors": ["never"]}, SanctlibError, "'y' is zero wherever 'never' is not"),
        ({"regressors": ["x", "huge"]}, SanctlibError, "logarithms"),
        ({"outcome": "below"}, SanctlibError, "an outcome from 0; 'below' has -1"),
    ],
)
def test_what_cannot_be_estimated_is_said(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    rows = made()
    rows = rows.assign(
        of_dyad=rows.groupby(["first", "second"]).ngroup() * 1.0,
        never=rows["y"].eq(0) & rows["period"].eq(1),
        below=-1.0,
        huge=np.exp(rows["x"] * 5 + 20),
    )
    with pytest.raises(error, match=message):
        sl.fit_count_panel(rows, **{"outcome": "y", "regressors": ["x"], **changed})


def test_few_states_have_no_dyadic_errors() -> None:
    with pytest.raises(SanctlibError, match="need 30 states, and the rows used have 12"):
        sl.fit_count_panel(made(12), outcome="y", regressors=["x"])


def test_dyadic_errors_are_not_below_those_by_dyad() -> None:
    """Round a ring of 30 states scores of 1 and -1 cancel at each: 0, less 30 dyads of 1."""
    ring = pd.DataFrame({"first": range(30), "second": [*range(1, 30), 0]})
    scores = np.tile([[1.0], [-1.0]], (15, 1))
    variance, n, said = variance_of(scores, np.ones((1, 1)), ring, "dyadic", "fit_count_panel")
    assert (n, variance.item()) == (30, pytest.approx(30 * 30 / 29))
    assert "Of 1 variances 1 would be below those clustered by dyad" in said[1]


def test_a_variance_that_is_not_positive_gives_no_interval() -> None:
    """Rows a1, a2, b1, b2 of scores 1, -1, -1, 1: each side cancels, less four rows of 1."""
    rows = pd.DataFrame({"first": [*"aabb"], "second": [1, 2, 1, 2]})
    scores = np.array([[1.0], [-1.0], [-1.0], [1.0]])
    variance, n, said = variance_of(scores, np.ones((1, 1)), rows, ["first", "second"], "own")
    assert variance.item() == pytest.approx(-4 * 2)
    assert said[-1] == "A variance is not positive: too few clusters for these regressors."
    found = Ppml(
        terms=["x"],
        estimate=np.array([1.0]),
        variance=variance,
        n_clusters=n,
        rows=rows,
        notes=(),
        model=None,
    )
    assert found.table(0.95)[["std_error", "p_value", "lower", "upper"]].isna().all(axis=None)


def test_sides_are_no_clusters_where_there_is_no_direction() -> None:
    with pytest.raises(SanctlibError, match=r"'dyadic' or \['dyad'\]"):
        sl.fit_count_panel(
            made(directed=False),
            outcome="y",
            regressors=["x"],
            effects=["state^period"],
            errors=["first", "second"],
        )


def test_the_extra_is_named_where_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyfixest.estimation", None)
    with pytest.raises(SanctlibError, match=r"pip install 'sanctlib\[fixest\]'"):
        sl.fit_count_panel(made(), outcome="y", regressors=["x"])


def test_an_outcome_cannot_explain_itself() -> None:
    panel = pd.DataFrame({"first": ["A"], "second": ["B"], "period": [1], "n": [2.0]})
    with pytest.raises(SanctlibError, match="'n' cannot explain itself"):
        sl.fit_count_panel(panel, outcome="n", regressors=["n"])
