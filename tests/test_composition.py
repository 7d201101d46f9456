"""Shares, elasticity and components of an intensity: by hand, by simulation, on real data."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.metrics.composition import decompose, exposure_elasticity, intensity_shares


def intensity(rates: dict[str, list[float]], *, exposure: list[int] | None = None) -> pd.DataFrame:
    n = len(next(iter(rates.values())))
    parts = [
        pd.DataFrame(
            {
                "period": pd.date_range("2018-01-01", periods=n, freq="MS"),
                "first": "IRN",
                "second": "RUS",
                "component": component,
                "rate": values,
                "n_acts": pd.array([round(v) for v in values], dtype="Int64"),
                "exposure": pd.array(exposure or [1000] * n, dtype="Int64"),
                "dispersion": 1.0,
                "covered": pd.array([True] * n, dtype="boolean"),
            }
        )
        for component, values in rates.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_share_has_wilsons_interval_and_dispersion_widens_it() -> None:
    """Wilson 1927: 5 of 10 is 0.2366 to 0.7634."""
    table = intensity({"material": [5]}, exposure=[10])
    narrow = intensity_shares(table).iloc[0]
    assert (round(narrow["lower"], 4), round(narrow["upper"], 4)) == (0.2366, 0.7634)
    wide = intensity_shares(table.assign(dispersion=2.0)).iloc[0]
    assert wide["share"] == narrow["share"]
    assert wide["lower"] < narrow["lower"]
    assert wide["upper"] > narrow["upper"]


def test_log_odds_of_none_are_missing_not_minus_infinity() -> None:
    found = intensity_shares(intensity({"material": [0, 500]}))
    assert found["log_odds"].isna().tolist() == [True, False]
    assert found["log_odds"].iloc[1] == pytest.approx(0)
    assert np.isfinite(found["log_odds_upper"].iloc[0])


def cells_of_growing_news(share: float, *, seed: int = 1) -> pd.DataFrame:
    """A pair with a constant share of news that grow from 10,000 to 200,000 acts a month."""
    draw = np.random.default_rng(seed)
    total = np.round(np.exp(np.linspace(np.log(1e4), np.log(2e5), 120))).astype(int)
    ours = draw.poisson(share * total)
    periods = pd.date_range("2009-01-01", periods=120, freq="MS")
    shape = {"mutual": False, "family": "cooperation", "action": "visit"}
    pair = pd.DataFrame({"period": periods, "sender": "RUS", "target": "IRN", "n_acts": ours})
    rest = pd.DataFrame(
        {"period": periods, "sender": "USA", "target": "GBR", "n_acts": total - ours}
    )
    return pd.concat([pair, rest], ignore_index=True).assign(**shape)


def test_growing_news_look_like_a_growing_partnership_only_without_the_denominator() -> None:
    """R28: true share constant, news times 20: a step of 4.03 without offset, of 0.945 with."""
    import statsmodels.api as sm

    known = Coverage(source="own", first=date(2009, 1, 1), last=date(2018, 12, 31))
    table = sl.partnership_intensity(
        cells_of_growing_news(2e-4), pair=("RUS", "IRN"), every="month", coverage=known
    ).query("component == 'meetings'")
    n, exposure = (table[c].to_numpy(dtype="float64") for c in ("n_acts", "exposure"))
    step = sm.add_constant((np.arange(120) >= 70).astype(float))
    family = sm.families.Poisson()
    without = sm.GLM(n, step, family=family).fit(scale="X2")
    offset = sm.GLM(n, step, family=family, offset=np.log(exposure)).fit(scale="X2")
    assert np.exp(without.params[1]) > 3
    low, high = np.exp(offset.conf_int()[1])
    assert low < 1 < high
    assert 0.8 < np.exp(offset.params[1]) < 1.2


def test_a_constant_share_has_an_elasticity_of_one_and_is_not_flagged() -> None:
    known = Coverage(source="own", first=date(2009, 1, 1), last=date(2018, 12, 31))
    table = sl.partnership_intensity(
        cells_of_growing_news(2e-3), pair=("RUS", "IRN"), every="month", coverage=known
    )
    found = exposure_elasticity(table).set_index("component")
    assert found.loc["meetings", "lower"] < 1 < found.loc["meetings", "upper"]
    assert not found.loc["meetings", "flagged"]
    assert pd.isna(found.loc["material", "elasticity"])


def test_acts_that_do_not_grow_with_the_news_are_flagged() -> None:
    exposure = [1000 * 2**i for i in range(13)]
    found = exposure_elasticity(intensity({"meetings": [20.0] * 13}, exposure=exposure)).iloc[0]
    assert found["elasticity"] == pytest.approx(0, abs=1e-6)
    assert found["flagged"]


@pytest.mark.parametrize(
    ("meetings", "exposure", "reason"),
    [
        ([1, 2, 3], [1, 2, 3], "fewer than 12 covered periods"),
        ([0] * 12, [*range(1, 13)], "no act"),
        ([1] * 12, [1000] * 12, "all reporting hardly changes"),
    ],
)
def test_an_elasticity_that_is_missing_has_its_reason(
    meetings: list[float], exposure: list[int], reason: str
) -> None:
    found = exposure_elasticity(intensity({"meetings": meetings}, exposure=exposure)).iloc[0]
    assert np.isnan(found["elasticity"])
    assert found["flagged"] is pd.NA
    assert found["reason"] == reason


def test_an_elasticity_that_is_there_has_no_reason() -> None:
    exposure = [1000 * 2**i for i in range(13)]
    found = exposure_elasticity(intensity({"meetings": [20.0] * 13}, exposure=exposure))
    assert found["reason"].isna().all()


def test_an_index_is_the_sum_of_its_parts() -> None:
    table = intensity({"material": [1, 0], "meetings": [3, 2], "agreements": [2, 2]})
    found = decompose(table, weights={"material": 2, "meetings": 1, "agreements": 1})
    january = found[found["period"].eq("2018-01-01")].set_index("component")
    assert january["part"].to_dict() == {"material": 2, "meetings": 3, "agreements": 2}
    assert january["index"].unique().tolist() == [7]
    # Without material: (3 + 2) of weight 2, scaled to 4.
    assert january["index_without"].to_dict() == {
        "material": 10,
        "meetings": pytest.approx(16 / 3),
        "agreements": pytest.approx(20 / 3),
    }


def test_the_band_holds_the_index_and_closes_without_spread() -> None:
    table = intensity({"material": [1], "meetings": [3]})
    found = decompose(table, spread=0.5).iloc[0]
    # Weights 0.5 and 1.5 of 2: (0.5 * 3 + 1.5 * 1) and (1.5 * 3 + 0.5 * 1).
    assert (found["weight_low"], found["weight_high"]) == (3, 5)
    closed = decompose(table, spread=0).iloc[0]
    assert closed["weight_low"] == closed["weight_high"] == closed["index"] == 4


def test_an_empty_selection_has_no_index() -> None:
    with pytest.raises(SanctlibError, match=r"two or more components .* the intensity holds \[\]"):
        decompose(intensity({"material": [1], "meetings": [3]}).iloc[:0])


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"weights": {"material": 1}}, r"weights lack \['meetings'\]"),
        ({"weights": {"material": 1, "meeting": 1}}, "Did you mean 'meetings'"),
        ({"weights": {"material": -1, "meetings": 1}}, "weights from 0, not all 0"),
        ({"weights": {"material": 0, "meetings": 0}}, "weights from 0, not all 0"),
        ({"spread": 2}, "a spread of 0-1"),
    ],
)
def test_weights_that_are_none_are_refused(changed: dict[str, object], match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        decompose(intensity({"material": [1], "meetings": [3]}), **changed)


@pytest.mark.parametrize("function", [intensity_shares, exposure_elasticity, decompose])
def test_another_table_is_refused(function: object) -> None:
    with pytest.raises(MissingColumnsError, match="needs the column"):
        function(pd.DataFrame({"period": []}))  # type: ignore[operator]


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    st.lists(st.floats(0, 50), min_size=3, max_size=3),
    st.lists(st.floats(0.1, 5), min_size=3, max_size=3),
    st.floats(0, 1),
)
def test_the_index_lies_in_its_band(
    rates: list[float], weights: list[float], spread: float
) -> None:
    names = ["material", "meetings", "agreements"]
    table = intensity({name: [rate] for name, rate in zip(names, rates, strict=True)})
    found = decompose(table, weights=dict(zip(names, weights, strict=True)), spread=spread)
    assert found["part"].sum() == pytest.approx(found["index"].iloc[0])
    slack = 1e-9 * (1 + found["index"].iloc[0])
    assert found["weight_low"].iloc[0] <= found["index"].iloc[0] + slack
    assert found["weight_high"].iloc[0] >= found["index"].iloc[0] - slack


def test_russia_and_iran_in_2018_meet_more_than_they_do() -> None:
    news = sl.load("icews_2018_monthly")
    table = sl.partnership_intensity(news, pair=("RUS", "IRN"), every="month")
    found = decompose(table)
    share = (
        found.groupby("component")["part"].sum() / found.groupby("component")["part"].sum().sum()
    )
    assert share["material"] < 0.05
    assert intensity_shares(table)["share"].dropna().lt(0.01).all()
