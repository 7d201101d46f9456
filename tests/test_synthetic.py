"""Synthetic controls: Proposition 99 as published, weights that are best, a known effect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.errors import SanctlibError, UnknownChoiceError
from sanctlib.models.synthetic import _simplex


def test_proposition_99_is_as_published(real_data: Path) -> None:
    """R25: DiD, SC of outcomes alone, SDID of Arkhangelsky and others 2021; DiD's rank 4 of 39."""
    panel = pd.read_csv(real_data / "series" / "california_prop99.csv", sep=";")
    fit = sl.models.synthetic_control(
        panel.rename(columns={"Year": "period"}),
        dependent="PacksPerCapita",
        treated="California",
        onset=1989,
        units="State",
    )
    did, synthetic, both = fit.table["estimate"]
    assert did == pytest.approx(-27.34911, abs=5e-6)
    assert synthetic == pytest.approx(-19.51, abs=5e-3)
    assert both == pytest.approx(-15.6, abs=5e-2)
    assert fit.table["p_value"][0] == 4 / 39
    assert fit.table["n"].tolist() == [39, 39, 39]
    weights = fit.tables["weights"].query("term == 'synthetic control' and weight > 0.001")
    assert weights.set_index("control")["weight"].round(3).to_dict() == {
        "Utah": 0.394,
        "Montana": 0.232,
        "Nevada": 0.205,
        "Connecticut": 0.109,
        "New Hampshire": 0.045,
        "Colorado": 0.015,
    }


@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), ridge=st.sampled_from([0.0, 1.0]))
def test_no_other_weights_come_closer(seed: int, ridge: float) -> None:
    """At the best weights the loss falls towards no corner of the simplex."""
    rng = np.random.default_rng(seed)
    x, y = 100 * rng.normal(size=(8, 5)), 100 * rng.normal(size=8)
    weights = _simplex(x, y, ridge=ridge)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    slope = x.T @ (x @ weights - y) + ridge**2 * weights
    assert (slope - slope @ weights).min() > -1e-6 * np.abs(slope).max()


def panel_of(effect: float, *, seed: int = 1) -> pd.DataFrame:
    """Twenty dyads that follow one trend by their own shares of it; the first, most of all."""
    rng = np.random.default_rng(seed)
    shares = np.linspace(2, 0, 20)
    shares[0] = shares[1]
    months = pd.date_range("2020-01-01", periods=30, freq="MS")
    values = shares[:, None] * np.linspace(0, 10, 30) + rng.normal(scale=0.1, size=(20, 30))
    values[0, 20:] += effect
    names = [f"RUS,A{i:02d}" for i in range(20)]
    index = pd.MultiIndex.from_product([names, months], names=["dyad", "period"])
    return pd.Series(values.ravel(), index=index, name="trade").reset_index()


ASKED = {"dependent": "trade", "treated": "RUS,A00", "units": "dyad"}
ONSET = pd.Timestamp("2021-09-15").date()


def test_an_effect_is_found_where_trends_differ() -> None:
    fit = sl.models.synthetic_control(panel_of(-3.0), **ASKED, onset=ONSET)
    did, *weighted = fit.table["estimate"]
    assert did > 0, "all others grow more slowly"
    # The ridge spreads the weights of the third over units that grow more slowly.
    assert weighted == pytest.approx([-3, -3], abs=0.25)
    assert fit.table["p_value"].tolist()[1:] == [1 / 20, 1 / 20]
    series = fit.tables["series"]
    assert (series["value"] - series["expected"])[20:].mean() == pytest.approx(weighted[0])
    assert series.columns.tolist() == ["period", "value", "expected"]
    assert (fit.kind, fit.n, fit.unit, fit.query.every) == ("series", 20, "units", "month")
    assert fit.name == "trade of RUS,A00 and its synthetic control from September 2021 on"
    assert fit.findings[1].startswith(
        f"Synthetic control: trade of RUS,A00 differs by {weighted[0]:.3g} from September 2021 on, "
        "placebo p = 0.05, 20 units, January 2020 to June 2022"
    )


def test_a_rough_unit_has_a_large_effect_by_chance_and_no_large_ratio() -> None:
    """The treated dyad swings by 4 around its mean, which rises by 2; the others run smoothly."""
    panel = panel_of(0.0)
    rough = 5 + 4.0 * (-1.0) ** np.arange(30) + 2.0 * (np.arange(30) >= 20)
    panel.loc[panel["dyad"].eq("RUS,A00"), "trade"] = rough
    row = sl.models.synthetic_control(panel, **ASKED, onset=ONSET).table.iloc[1]
    assert row["p_value"] == 1 / 20
    assert row["p_ratio"] > 0.5


def test_units_that_lack_a_period_are_left_out_and_counted() -> None:
    panel = panel_of(0.0)
    panel["covered"] = ~(panel["dyad"].eq("RUS,A05") & panel["period"].eq("2020-03-01"))
    fit = sl.models.synthetic_control(panel.drop(index=100), **ASKED, onset=ONSET)
    assert fit.table["n"].tolist() == [18] * 3
    assert fit.notes[2] == (
        "The series has 20 months before the onset and 10 from it on; 2 units that lack a period "
        "are excluded."
    )


def test_a_perfect_fit_says_that_other_weights_may_fit_too() -> None:
    panel = panel_of(0.0)
    same = panel["dyad"].eq("RUS,A01")
    panel.loc[panel["dyad"].eq("RUS,A00"), "trade"] = panel.loc[same, "trade"].to_numpy()
    assert (
        "fits without error" in sl.models.synthetic_control(panel, **ASKED, onset=ONSET).notes[-1]
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"treated": "RUS,A0"}, "treated is 'RUS,A0'. It must be one of the values of 'dyad'"),
        ({"dependent": "trad"}, "Did you mean 'trade'"),
        ({"onset": 2021}, "onset is 2021. A number can be a year"),
        ({"onset": "2020-03"}, "2 periods before the onset, and 19 other units"),
        ({"onset": "2019"}, "onset is 2019-01-01. It must lie in .* 2020-01-01 to 2022-06-30"),
        ({"onset": "2022-07"}, "onset is 2022-07-01. It must lie in"),
        ({"onset": "2040"}, "onset is 2040-01-01. It must lie in"),
        ({"units": "trade"}, "They and 'period' must be three columns"),
    ],
)
def test_what_cannot_be_compared_is_said(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SanctlibError, match=message):
        sl.models.synthetic_control(panel_of(0.0), **{**ASKED, "onset": ONSET, **changed})


def test_two_rows_of_a_unit_and_period_are_refused() -> None:
    panel = panel_of(0.0)
    with pytest.raises(
        SanctlibError,
        match=r"RUS,A19 has several rows in 2022-06-01. It must have one row per dyad",
    ):
        sl.models.synthetic_control(pd.concat([panel, panel.tail(1)]), **ASKED, onset=ONSET)


def test_an_onset_outside_numbered_periods_is_refused() -> None:
    rng = np.random.default_rng(0)
    panel = pd.DataFrame({"u": np.repeat(range(8), 20), "period": np.tile(range(2000, 2020), 8)})
    panel["y"] = rng.normal(size=160)
    asked = {"dependent": "y", "units": "u"}
    with pytest.raises(SanctlibError, match=r"onset is 2040\. It must lie in .* 2000 to 2019"):
        sl.models.synthetic_control(panel, **asked, treated=0, onset=2040)
    with pytest.raises(UnknownChoiceError, match=r"treated is '0'.* Did you mean 0\?"):
        sl.models.synthetic_control(panel, **asked, treated="0", onset=2010)
    with pytest.raises(SanctlibError, match="'y' is infinite in 1 of 160 rows"):
        sl.models.synthetic_control(
            panel.assign(y=panel["y"].mask(panel.index == 5, -np.inf)),
            **asked,
            treated=0,
            onset=2010,
        )
    with pytest.raises(SanctlibError, match="one value in all units but 0"):
        sl.models.synthetic_control(panel.assign(y=1.0), **asked, treated=0, onset=2010)


def test_text_periods_and_a_result_give_the_same() -> None:
    panel = panel_of(-3.0)
    plain = sl.models.synthetic_control(panel, **ASKED, onset=ONSET)
    text = panel.assign(period=panel["period"].dt.strftime("%Y-%m-%d"))
    found = sl.models.synthetic_control(sl.Result(table=text), **ASKED, onset="2021-09-15")
    pd.testing.assert_frame_equal(found.table, plain.table)
