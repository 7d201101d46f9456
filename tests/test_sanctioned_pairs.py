"""Pairs after sanctions on one or both states: indicators, ratios and shifts worked by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.result import Fit

N_PERIODS = 6
KEYS = ["first", "second"]


def panel(n_states: int = 30) -> pd.DataFrame:
    """Pairs of numbered states with 2 meetings in each of the periods 0 to 5."""
    rows = pd.DataFrame(itertools.combinations(range(n_states), 2), columns=KEYS)
    rows = rows.merge(pd.DataFrame({"period": range(N_PERIODS)}), how="cross")
    return rows.assign(meetings=2)


def fit(rows: pd.DataFrame, sanctions: object, **asked: object) -> Fit:
    asked = {"around": 1, "n_shifts": 1} | asked
    return sl.models.sanctioned_pairs(rows, dependent="meetings", sanctions=sanctions, **asked)  # type: ignore[arg-type]


def after_both() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nine states sanctioned in period 2; their pairs meet some 6 times in period 3, others 2."""
    rows = panel(31)
    after = rows["second"].lt(9) & rows["period"].eq(3)
    rows["meetings"] = np.random.default_rng(1).poisson(np.where(after, 6, 2))
    return rows, pd.DataFrame({"target": range(9), "period": 2})


def test_indicators_are_of_the_periods_before_and_after() -> None:
    """State 0 is sanctioned in period 1, state 1 in period 2; two periods count."""
    rows = panel()
    rows.loc[rows["second"].eq(29), "meetings"] = 0
    rows["meetings"] += rows["first"].eq(0) & rows["period"].eq(3)
    sanctions = pd.DataFrame({"target": [0, 1, 2, 99], "period": [1, 2, 2, 2], "n": [1, 2, 0, 1]})
    found = fit(rows, sanctions, around=2)
    used = found.tables["panel"].set_index(KEYS)
    indicators = ["period", "one_lag", "both_lag", "one_lead", "both_lead"]
    assert used.loc[(0, 1), indicators].fillna(-1).to_dict("list") == {
        "period": [2, 3, 4, 5],
        "one_lag": [1, 0, 1, 0],
        "both_lag": [0, 1, 0, 0],
        "one_lead": [0, 0, -1, -1],
        "both_lead": [0, 0, -1, -1],
    }
    assert used.loc[(0, 5), "one_lag"].tolist() == [1, 1, 0, 0]
    assert used.loc[(2, 5), "one_lag"].tolist() == [0, 0, 0, 0]
    # The pairs of state 29 have no meeting, but that of state 0 in period 3.
    assert f"Pairs with a value above 0: {435 - 28} of 435." in found.notes
    assert "States sanctioned at all: 2 (0 and 1)." in found.findings
    # Of one pair the second model has no estimate, and without a lead the third has none.
    assert {*found.table["fixed_effects"]} == {"pair, period"}
    assert "No model with fixed effects of pair, period; with leads. 'one_lead' is 0" in str(
        found.notes
    )


def test_the_ratio_is_that_of_the_pairs_after_and_every_state_left_out_leaves_it() -> None:
    rows, sanctions = after_both()
    found = fit(rows, sanctions, allies=[0, "no state of the panel"])
    main = found.table.set_index(["fixed_effects", "term"])["ratio"]
    # Poisson counts of mean 6 and 2; their p-values are no rounding errors of an exact fit.
    assert main["pair, period", "one_lag"] == pytest.approx(1, abs=0.2)
    assert main["pair, period", "both_lag"] == pytest.approx(3, abs=0.3)
    assert found.table["p_value"].between(1e-12, 1).all()
    assert found.tables["without_one"]["state"].tolist() == list(range(9))
    used = found.tables["panel"]

    def without(*states: int) -> float:
        kept = used[~used[KEYS].isin(states).any(axis=1)]
        again = sl.models.count_panel(
            kept,
            dependent="meetings",
            regressors=["one_lag", "both_lag"],
            fixed_effects=["first^second", "period"],
        )
        return again.table.set_index("term")["ratio"]["both_lag"]

    assert found.tables["without_one"]["ratio"].iloc[3] == pytest.approx(without(3))
    assert found.tables["without_allies"].set_index("term")["ratio"]["both_lag"] == pytest.approx(
        without(0)
    )
    text = " ".join(found.summary())
    assert f"after sanctions on both {main['pair, period', 'both_lag']:.2f} times" in text
    assert f"Without allies: {without(0):.2f}." in text
    assert "in the previous 1 period: 36, in 36 of" in found.summary()[2]


def test_the_models_are_those_of_count_panel() -> None:
    rows, sanctions = after_both()
    found = fit(rows, sanctions, level=0.9)
    own = found.tables["panel"]
    for effects, terms in (
        (["first^second", "period"], ["one_lag", "both_lag"]),
        (["first^second", "state^period"], ["both_lag"]),
    ):
        plain = sl.models.count_panel(
            own, dependent="meetings", regressors=terms, fixed_effects=effects, level=0.9
        ).table
        name = "pair, period" if "period" in effects else "pair, state and period"
        same = found.tables["estimates"]["fixed_effects"].eq(name)
        made = found.tables["estimates"][same].drop(columns="fixed_effects")
        pd.testing.assert_frame_equal(made.reset_index(drop=True), plain)
        bounds = found.table.loc[same, ["lower", "upper"]]
        np.testing.assert_allclose(bounds, np.exp(plain[["lower", "upper"]]))


def test_a_shift_of_all_is_the_fit_of_sanctions_moved_round_the_periods() -> None:
    rows, sanctions = after_both()
    found = fit(rows, sanctions, n_shifts=9)
    shifted = found.tables["shifted"]
    # Together there are no more shifts than periods less 1.
    assert shifted.groupby("shift")["replicate"].nunique().to_dict() == {
        "each by itself": 9,
        "together": 5,
    }
    step = int(np.random.default_rng(1).permutation(np.arange(1, N_PERIODS))[0])
    moved = sanctions.assign(period=(sanctions["period"] + step) % N_PERIODS)
    first = shifted.query("shift == 'together' and replicate == 0 and term == 'both_lag'")
    again = fit(rows, moved).tables["estimates"]
    again = again[again["fixed_effects"].eq("pair, period") & again["term"].eq("both_lag")]
    assert first["estimate"].iloc[0] == pytest.approx(again["estimate"].iloc[0], rel=1e-6)
    # The p-value is the rank of t among the shifts that have an estimate.
    own = found.tables["estimates"].iloc[1]
    t = shifted["estimate"].div(shifted["std_error"]).abs()[shifted["term"].eq("both_lag")]
    as_far = t.ge(abs(own["estimate"] / own["std_error"]))
    placebo = found.tables["placebo"].set_index("shift")
    for way, ranks in as_far.groupby(shifted["shift"]):
        n = t[shifted["shift"].eq(way)].count()
        assert placebo.loc[way].tolist() == [n, pytest.approx((1 + ranks.sum()) / (1 + n))]


def test_days_count_in_their_period() -> None:
    rows, sanctions = after_both()
    months = pd.date_range("2022-01-01", periods=N_PERIODS, freq="MS")
    dated = rows.assign(period=months[rows["period"]])
    found = fit(dated, sanctions.assign(period=pd.Timestamp("2022-03-17")))
    assert found.table["fixed_effects"].iloc[0] == "pair, month"
    assert found.table["ratio"].tolist() == pytest.approx(fit(rows, sanctions).table["ratio"])


def test_what_has_no_estimate_is_refused() -> None:
    rows, sanctions = after_both()
    with pytest.raises(SanctlibError, match="'both_lag' is 0 in all"):
        fit(rows, sanctions.iloc[:1])
    days = pd.to_datetime([f"2022-{day}" for day in ("01-01", "01-02", "03-01", "04-01")])
    few = rows[rows["period"].lt(4)]
    with pytest.raises(SanctlibError, match="not in a row"):
        fit(few.assign(period=days[few["period"]]), sanctions)
    with pytest.raises(MissingColumnsError):
        fit(rows.drop(columns="meetings"), sanctions)
    with pytest.raises(SanctlibError, match="around is 0"):
        fit(rows, sanctions, around=0)
