"""Shares, elasticity and components of an intensity: by hand, by simulation, on real data."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.metrics.composition import Intensity
from sanctlib.query import ask
from sanctlib.result import Result
from tests.news import news_of_2018
from tests.test_counts import shown


def intensity(rates: dict[str, list[float]], *, exposure: list[int] | None = None) -> Intensity:
    n = len(next(iter(rates.values())))
    parts = [
        pd.DataFrame(
            {
                "period": pd.date_range("2018-01-01", periods=n, freq="MS"),
                "first": "IRN",
                "second": "RUS",
                "component": component,
                "rate": values,
                "n": pd.array([round(v) for v in values], dtype="Int64"),
                "exposure": pd.array(exposure or [1000] * n, dtype="Int64"),
                "dispersion": 1.0,
                "covered": pd.array([True] * n, dtype="boolean"),
            }
        )
        for component, values in rates.items()
    ]
    return Intensity(table=pd.concat(parts, ignore_index=True))


def test_a_share_has_wilsons_interval_and_dispersion_widens_it() -> None:
    """Wilson 1927: 5 of 10 is 0.2366 to 0.7634."""
    found = intensity({"material": [5]}, exposure=[10])
    narrow = found.shares().table.iloc[0]
    assert (round(narrow["lower"], 4), round(narrow["upper"], 4)) == (0.2366, 0.7634)
    wide = replace(found, table=found.table.assign(dispersion=2.0)).shares().table.iloc[0]
    assert wide["share"] == narrow["share"]
    assert wide["lower"] < narrow["lower"]
    assert wide["upper"] > narrow["upper"]


def test_log_odds_of_none_are_missing_not_minus_infinity() -> None:
    found = intensity({"material": [0, 500]}).shares().table
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
    rates = sl.partnership_intensity(
        cells_of_growing_news(2e-4), pair=("RUS", "IRN"), every="month", coverage=known
    )
    table = rates.filter(component="meetings").table
    n, exposure = (table[c].to_numpy(dtype="float64") for c in ("n", "exposure"))
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
    rates = sl.partnership_intensity(
        cells_of_growing_news(2e-3), pair=("RUS", "IRN"), every="month", coverage=known
    )
    found = rates.elasticity().table.set_index("component")
    assert found.loc["meetings", "lower"] < 1 < found.loc["meetings", "upper"]
    assert not found.loc["meetings", "flagged"]
    assert pd.isna(found.loc["material", "elasticity"])


def test_acts_that_do_not_grow_with_the_news_are_flagged() -> None:
    exposure = [1000 * 2**i for i in range(13)]
    found = intensity({"meetings": [20.0] * 13}, exposure=exposure).elasticity().table.iloc[0]
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
    found = intensity({"meetings": meetings}, exposure=exposure).elasticity().table.iloc[0]
    assert np.isnan(found["elasticity"])
    assert found["flagged"] is pd.NA
    assert found["reason"] == reason


def test_an_elasticity_that_is_there_has_no_reason() -> None:
    exposure = [1000 * 2**i for i in range(13)]
    found = intensity({"meetings": [20.0] * 13}, exposure=exposure).elasticity().table
    assert found["reason"].isna().all()


def test_an_index_is_the_sum_of_its_parts() -> None:
    rates = intensity({"material": [1, 0], "meetings": [3, 2], "agreements": [2, 2]})
    found = rates.decompose({"material": 2, "meetings": 1, "agreements": 1}).table
    january = found[found["period"].eq("2018-01-01")].set_index("component")
    assert january["part"].to_dict() == {"material": 2, "meetings": 3, "agreements": 2}
    assert january["index"].unique().tolist() == [7]
    # Without material: (3 + 2) of weight 2, scaled to 4.
    assert january["index_without"].to_dict() == {
        "material": 10,
        "meetings": pytest.approx(16 / 3),
        "agreements": pytest.approx(20 / 3),
    }


def test_an_index_has_the_pairs_in_the_order_of_the_rates() -> None:
    rates = intensity({"material": [1, 0], "meetings": [3, 2]})
    later = rates.table.assign(first="CHN", rate=rates.table["rate"] + 4)
    both = replace(rates, table=pd.concat([rates.table, later], ignore_index=True))
    found = both.decompose().table.drop_duplicates(["first", "period"])
    assert shown(found, "first", "index") == [("IRN", 4), ("CHN", 12), ("IRN", 2), ("CHN", 10)]


def test_the_band_holds_the_index_and_closes_without_spread() -> None:
    rates = intensity({"material": [1], "meetings": [3]})
    found = rates.decompose(spread=0.5).table.iloc[0]
    # Weights 0.5 and 1.5 of 2: (0.5 * 3 + 1.5 * 1) and (1.5 * 3 + 0.5 * 1).
    assert (found["weight_low"], found["weight_high"]) == (3, 5)
    closed = rates.decompose(spread=0).table.iloc[0]
    assert closed["weight_low"] == closed["weight_high"] == closed["index"] == 4


def test_the_means_are_of_covered_periods_under_one_set_of_weights() -> None:
    """Parts 4, 0 and 0, 4: own extremes are 2 and 6 in each, and the mean index is always 4."""
    rates = intensity({"material": [4, 0, 9], "meetings": [0, 4, 9]})
    known = rates.table["period"].rank(method="dense").lt(3)
    found = replace(rates, table=rates.table.assign(covered=known)).decompose()
    assert found.table[["weight_low", "weight_high"]].head(4).mean().tolist() == [2, 6]
    assert found.tables["means"].drop(columns=["first", "second"]).to_dict("list") == {
        "component": ["material", "meetings"],
        "part": [2, 2],
        "index": [4, 4],
        "index_without": [4, 4],
        "weight_low": [4, 4],
        "weight_high": [4, 4],
    }


@pytest.mark.parametrize("method", ["components", "shares", "elasticity", "decompose"])
def test_rates_of_several_denominators_are_not_mixed(method: str) -> None:
    asked = {"pair": ("RUS", "IRN"), "every": "month", "denominator": ["all", "no_war"]}
    rates = sl.partnership_intensity(news_of_2018("month"), **asked)
    with pytest.raises(SanctlibError, match=r"2 denominators.*filter\(denominator='all'\)"):
        getattr(rates, method)()
    getattr(rates.filter(denominator="no_war"), method)()


def test_an_empty_selection_has_no_index() -> None:
    rates = intensity({"material": [1], "meetings": [3]})
    with pytest.raises(SanctlibError, match=r"no component\. An index needs two or more"):
        replace(rates, table=rates.table.iloc[:0]).decompose()
    with pytest.raises(SanctlibError, match="only the component 'material'"):
        rates.filter(component="material").decompose()


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"weights": {"material": 1}}, "weights has no 'meetings'"),
        ({"weights": {"material": 1, "meeting": 1}}, "Did you mean 'meetings'"),
        ({"weights": {"material": -1, "meetings": 1}}, "weight of 'material' is -1"),
        ({"weights": {"material": "1", "meetings": 1}}, "weight of 'material' is '1'"),
        ({"weights": {"material": 0, "meetings": 0}}, "All weights are 0"),
        ({"weights": [1, 1]}, r"weights is \[1, 1\]. It must name each component"),
        ({"spread": 2}, "spread is 2. It must be a number from 0 to 1"),
    ],
)
def test_weights_that_are_none_are_refused(changed: dict[str, object], match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        intensity({"material": [1], "meetings": [3]}).decompose(**changed)


@pytest.mark.parametrize("method", ["shares", "elasticity", "decompose"])
def test_another_table_is_refused(method: str) -> None:
    with pytest.raises(MissingColumnsError, match="no column 'first'"):
        getattr(Intensity(table=pd.DataFrame({"period": []})), method)()


@pytest.mark.parametrize("method", ["shares", "elasticity", "decompose"])
def test_the_intensity_of_all_pairs_has_no_zeros_and_is_refused(method: str) -> None:
    rates = sl.partnership_intensity(news_of_2018("month"), pair=None, every="month")
    with pytest.raises(SanctlibError, match=r"all pairs has only rows with acts.*Name the pairs"):
        getattr(rates, method)()


def test_the_level_is_that_of_the_intensity_unless_another_is_given() -> None:
    rates = replace(intensity({"material": [5]}, exposure=[10]), query=ask(level=0.9))
    narrow, wide = rates.shares(), rates.shares(level=0.95)
    assert (narrow.query.level, wide.query.level) == (0.9, 0.95)
    assert wide.table["lower"].iloc[0] < narrow.table["lower"].iloc[0]
    with pytest.raises(SanctlibError, match=r"level is 95\. It must lie between 0 and 1"):
        rates.elasticity(level=95)


def test_what_an_intensity_is_made_of_keeps_its_sources_pairs_and_unit() -> None:
    asked = {"pair": ("RUS", "IRN"), "every": "month", "directed": True}
    rates = sl.partnership_intensity(news_of_2018("month"), **asked)
    for found, kind in (
        (rates.shares(), "shares"),
        (rates.elasticity(), "elasticity"),
        (rates.decompose(), "parts"),
    ):
        assert type(found) is Result
        assert found.kind == kind
        assert (found.sources, found.unit, found.n) == (rates.sources, rates.unit, rates.n)
        assert {"sender", "target", "component"} <= set(found.table)
        assert found.name.endswith(": Iran and Russia, by direction")
    assert rates.elasticity().findings[0].startswith("Iran towards Russia: ")


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
    made = intensity({name: [rate] for name, rate in zip(names, rates, strict=True)})
    found = made.decompose(dict(zip(names, weights, strict=True)), spread).table
    assert found["part"].sum() == pytest.approx(found["index"].iloc[0])
    slack = 1e-9 * (1 + found["index"].iloc[0])
    assert found["weight_low"].iloc[0] <= found["index"].iloc[0] + slack
    assert found["weight_high"].iloc[0] >= found["index"].iloc[0] - slack


def test_russia_and_iran_in_2018_meet_more_than_they_do() -> None:
    news = news_of_2018("month")
    rates = sl.partnership_intensity(news, pair=("RUS", "IRN"), every="month")
    found = rates.decompose().table
    share = (
        found.groupby("component")["part"].sum() / found.groupby("component")["part"].sum().sum()
    )
    assert share["material"] < 0.05
    assert rates.shares().table["share"].dropna().lt(0.01).all()
