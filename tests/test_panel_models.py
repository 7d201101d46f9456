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
from sanctlib.errors import CuratedError, MissingColumnsError, SanctlibError, SchemaError
from sanctlib.models._clusters import intervals, variance_of
from sanctlib.result import Source, frame_of

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
    found = sl.models.count_panel(
        firms,
        dependent="cites",
        regressors=["institutions", "log_capital", "log_sales"],
        fixed_effects=["industry", "year"],
        vcov=["company"],
    ).table
    assert found["estimate"].tolist() == pytest.approx(
        [0.009687237, 0.482883549, 0.820317600], rel=1e-6
    )
    assert found["std_error"].tolist() == pytest.approx(
        [0.002406388, 0.135953255, 0.041523405], rel=1e-5
    )


@pytest.mark.parametrize(
    ("vcov", "n_parameters", "published"),
    [(["Origin", "Destination"], 30, 0.130734), (["Product"], 39, 0.098294)],
)
def test_trade_by_ppml_is_as_published(
    real_data: Path, vcov: list[str], n_parameters: int, published: float
) -> None:
    """R14: fixest's walkthrough, times (n - 1) / (n - k), k without the effects nested."""
    trade = pd.read_csv(real_data / "series" / "trade.csv.gz")
    trade["log distance"] = np.log(trade["dist_km"])
    effects = ["Origin", "Destination", "Product", "Year"]
    row = sl.models.count_panel(
        trade, dependent="Euros", regressors=["log distance"], fixed_effects=effects, vcov=vcov
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
    found = sl.models.count_panel(
        rows, dependent="y", regressors=["x"], fixed_effects=effects
    ).table.iloc[0]
    assert (found["estimate"], found["std_error"]) == pytest.approx(
        dummies(rows, columns), rel=1e-5
    )


def test_the_effect_of_a_state_holds_on_whichever_side_it_stands() -> None:
    rows = made(directed=False)
    states = [pd.get_dummies(rows[c] + rows["period"].astype("str")) for c in ("first", "second")]
    both = [states[0].add(states[1], fill_value=0)]
    fit = sl.models.count_panel(
        rows, dependent="y", regressors=["x"], fixed_effects=["state^period"]
    )
    found = fit.table.iloc[0]
    assert (found["estimate"], found["std_error"]) == pytest.approx(dummies(rows, both), rel=1e-5)
    assert found["n"] == len(rows)


def test_errors_of_dyads_alone_miss_what_states_share() -> None:
    """The regressor and the outcome have shocks of states: errors by dyad are far too small."""
    rows = made()
    errors = [
        sl.models.count_panel(rows, dependent="y", regressors=["x"], vcov=e).table["std_error"][0]
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
    fit = sl.models.count_panel(rows, dependent="y", regressors=["x"])
    n = len(rows)
    assert (
        f"Of {n:,} rows, {n - 6:,} are used: 2 lack a value or are not covered, 3 are in groups "
        "with zeros only, 1 are the only row of a group, 0 are separated (the regressors predict "
        "0)."
    ) in fit.notes
    assert fit.table["n"].tolist() == [n - 6]
    assert "There are fewer than 40 clusters, so the intervals are likely too short." in fit.notes


def test_rows_that_fixed_effects_separate_do_not_move_the_estimate() -> None:
    """Where a is 1 and b is 1 all is 0, and no row has 2 and 2: that 0 says nothing about x."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"a": [1, 1, 2], "b": [1, 2, 1]}).loc[np.repeat([0, 1, 2], 50)]
    rows = rows.assign(x=rng.normal(size=150), firm=np.arange(150) % 50).reset_index(drop=True)
    rows["y"] = rng.poisson(np.exp(rows["x"])).astype("float64")
    rows.loc[:49, "y"] = 0.0
    asked = {"dependent": "y", "regressors": ["x"], "vcov": ["firm"], "fixed_effects": ["a", "b"]}
    columns = ["estimate", "std_error"]
    found, whole = (sl.models.count_panel(r, **asked).table[columns] for r in (rows[50:], rows))
    assert whole.to_numpy() == pytest.approx(found.to_numpy(), rel=1e-6)


def test_a_period_seen_in_part_is_left_out() -> None:
    """Its acts stand in a panel of dyads and its zeros do not: rows chosen by their outcome."""
    rows = made(n_periods=3)
    whole = sl.models.count_panel(rows[rows["period"].lt(2)], dependent="y", regressors=["x"])
    part = rows[rows["period"].lt(2) | rows["y"].gt(0)].assign(covered=rows["period"].lt(2))
    found = sl.models.count_panel(part, dependent="y", regressors=["x"])
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
    rows = frame_of(panel)
    measures = [c for c in rows if c not in ("period", "first", "second", "covered")]
    fit = sl.models.count_panel(panel, dependent=measures[0], regressors=[measures[1]])
    assert fit.table["n_clusters"].tolist() == [40]
    assert f"Of {len(rows):,} rows" in fit.notes[1]
    assert ": 0 lack a value or are not covered" in fit.notes[1]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"dependent": "z"}, MissingColumnsError, "The table has no column 'z'"),
        ({"vcov": "dyad"}, SanctlibError, "vcov is 'dyad'. It must be 'dyadic' or a list"),
        (
            {"fixed_effects": ["state^period"]},
            SanctlibError,
            "needs one row per pair, and the table has both",
        ),
        ({"regressors": "any"}, SanctlibError, r"regressors is 'any'\. It must be a list"),
        ({"regressors": []}, SanctlibError, "regressors is empty"),
        ({"regressors": ["of_dyad"]}, SanctlibError, "'of_dyad' does not vary within"),
        ({"regressors": ["x", "of_dyad"]}, SanctlibError, "'of_dyad' does not vary within"),
        (
            {"regressors": ["never"]},
            SanctlibError,
            "'never' has no finite estimate: the regre",
        ),
        ({"regressors": ["x", "huge"]}, SanctlibError, "logarithms"),
        ({"fixed_effects": []}, SanctlibError, "fixed_effects is empty"),
        ({"fixed_effects": "period"}, SanctlibError, "fixed_effects is 'period'"),
        ({"vcov": ["dyad", "first", "second"]}, SanctlibError, "a list of one or two columns"),
        ({"vcov": 5}, SanctlibError, "vcov is 5"),
        ({"level": 95}, SanctlibError, "level is 95.* Did you mean 0.95"),
        ({"level": 0}, SanctlibError, "level is 0. It must lie between 0 and 1"),
        ({"regressors": ["word"]}, SchemaError, "'word' holds text. It must hold numbers"),
        ({"dependent": "word"}, SchemaError, "'word' holds text. It must hold numbers"),
        ({"regressors": ["day"]}, SchemaError, "'day' holds days. It must hold numbers"),
        ({"regressors": ["log"]}, SchemaError, r"'log' is infinite in \d+ of 1,984 rows"),
        ({"dependent": "log"}, SchemaError, r"'log' is infinite in \d+ of 1,984 rows"),
        ({"dependent": "one"}, SanctlibError, "'one' has one value in all 1,984 rows used"),
        ({"dependent": "zero"}, SanctlibError, "No row is left"),
        ({"regressors": ["zero"]}, SanctlibError, "'zero' is 0 in all .* rows used"),
        ({"regressors": ["large"]}, SanctlibError, "did not converge.* use their logarithms"),
        ({"dependent": "below"}, SanctlibError, "'below' has values below 0, such as -1"),
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
        large=rows["x"] * 1e10,
        word="a",
        day=pd.Timestamp("2022-01-01"),
        one=1,
        zero=0,
    )
    with np.errstate(divide="ignore"):
        rows["log"] = np.log(rows["y"])
    with pytest.raises(error, match=message):
        sl.models.count_panel(rows, **{"dependent": "y", "regressors": ["x"], **changed})


def test_few_states_have_no_dyadic_errors() -> None:
    with pytest.raises(SanctlibError, match=r"have 12 states\. Dyadic-robust errors need 30"):
        sl.models.count_panel(made(12), dependent="y", regressors=["x"])


def test_dyadic_errors_are_not_below_those_by_dyad() -> None:
    """Round a ring of 30 states scores of 1 and -1 cancel at each: 0, less 30 dyads of 1."""
    ring = pd.DataFrame({"first": range(30), "second": [*range(1, 30), 0]})
    scores = np.tile([[1.0], [-1.0]], (15, 1))
    variance, n, said = variance_of(scores, np.ones((1, 1)), ring, "dyadic")
    assert (n, variance.item()) == (30, pytest.approx(30 * 30 / 29))
    assert said[1].startswith(
        "The variance matrix was raised to be no smaller than the one clustered"
    )
    assert "so it is not that of Aronow, Samii and Assenova" in said[1]


def test_a_variance_that_is_not_positive_gives_no_interval() -> None:
    """Rows a1, a2, b1, b2 of scores 1, -1, -1, 1: each side cancels, less four rows of 1."""
    rows = pd.DataFrame({"first": [*"aabb"], "second": [1, 2, 1, 2]})
    scores = np.array([[1.0], [-1.0], [-1.0], [1.0]])
    variance, n, said = variance_of(scores, np.ones((1, 1)), rows, ["first", "second"])
    assert variance.item() == pytest.approx(-4 * 2)
    assert said[-1] == "A variance is not positive: there are too few clusters for the regressors."
    found = pd.DataFrame(intervals(np.array([1.0]), np.diag(variance), n, 0.95))
    assert found[["std_error", "p_value", "lower", "upper"]].isna().all(axis=None)


def test_sides_are_no_clusters_where_there_is_no_direction() -> None:
    with pytest.raises(SanctlibError, match=r"'dyadic' or \['dyad'\]"):
        sl.models.count_panel(
            made(directed=False),
            dependent="y",
            regressors=["x"],
            fixed_effects=["state^period"],
            vcov=["first", "second"],
        )


def test_the_extra_is_named_where_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyfixest", None)
    with pytest.raises(SanctlibError, match=r"pip install 'sanctlib\[fixest\]'"):
        sl.models.count_panel(made(), dependent="y", regressors=["x"])


def test_an_outcome_cannot_explain_itself() -> None:
    panel = pd.DataFrame({"first": ["A"], "second": ["B"], "period": [1], "n": [2.0]})
    with pytest.raises(SanctlibError, match=r"'n' is dependent and a regressor. It cannot be both"):
        sl.models.count_panel(panel, dependent="n", regressors=["n"])


@pytest.mark.parametrize("name", ["a|b", "a ~ b", "x[1]", "`x`", "_outcome", "C", "log(x)", "é"])
def test_any_name_of_a_column_works(name: str) -> None:
    rows = made()
    plain = sl.models.count_panel(rows, dependent="y", regressors=["x"]).table
    named = rows.rename(columns={"x": name})
    found = sl.models.count_panel(named, dependent="y", regressors=[name]).table
    assert found["term"].tolist() == [name]
    assert found["estimate"].tolist() == pytest.approx(plain["estimate"].tolist(), rel=1e-6)


def test_categories_results_and_other_numbers_give_the_same() -> None:
    rows = made()
    plain = sl.models.count_panel(rows, dependent="y", regressors=["x"])
    forms = rows.astype({"first": "category", "second": "category", "y": "Int64"})
    forms["x"] = forms["x"].astype("object")
    result = sl.Result(table=forms, unit="rows")
    found = sl.models.count_panel(result, dependent="y", regressors=["x"])
    columns = ["estimate", "std_error", "lower", "upper"]
    assert found.table[columns].to_numpy() == pytest.approx(
        plain.table[columns].to_numpy(), rel=1e-6
    )
    assert (found.kind, found.n, found.unit) == (
        "estimates",
        found.table["n"][0],
        "rows of the panel",
    )
    assert found.name == "Poisson model of y"
    assert found.findings[0].startswith("A unit more of x goes with 1.")
    assert found.query.options["fixed_effects"] == ("first^second", "period")


def test_states_of_several_types_are_refused() -> None:
    rows = made()
    mixed = rows.assign(first=[1 if i % 2 else "A" for i in range(len(rows))])
    with pytest.raises(SchemaError, match="'first' holds values of several types"):
        sl.models.count_panel(mixed, dependent="y", regressors=["x"])
    with pytest.raises(SchemaError, match="of one system of codes"):
        sl.models.count_panel(rows.assign(first=1), dependent="y", regressors=["x"])


def test_a_hand_picked_list_has_no_model() -> None:
    acts = sl.load("russia_iran")
    source = Source(key="russia_iran", coverage=acts.coverage, curated=True)
    with pytest.raises(CuratedError, match="is a hand-picked list, so it has no model"):
        sl.models.count_panel(
            sl.Result(table=made(), sources=(source,)), dependent="y", regressors=["x"]
        )
