"""Intervals. Reference values: R `poisson.test` (137 in 24.19893; horse kicks, 196 in 280)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.intervals import (
    block_interval,
    percent,
    poisson_dispersion,
    poisson_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("n", "exposure", "expected"),
    [
        (137, 24.19893, (5.661407, 4.753125, 6.692709)),
        (196, 280, (0.7, 0.605427, 0.805157)),
        (0, 1, (0, 0, -math.log(0.025))),
    ],
)
def test_the_exact_interval_is_that_of_the_reference(
    n: int, exposure: float, expected: tuple[float, float, float]
) -> None:
    found = poisson_interval([n], exposure=exposure)
    assert found.iloc[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_dispersion_scales_the_count_and_then_the_bounds() -> None:
    wide = poisson_interval([40], exposure=4, dispersion=4)
    ten = poisson_interval([10], exposure=1)
    assert wide["rate"].tolist() == ten["rate"].tolist() == [10]
    assert wide.iloc[0].tolist() == pytest.approx(ten.iloc[0].tolist())


def test_missing_counts_exposures_and_dispersions_give_missing_bounds() -> None:
    found = poisson_interval([np.nan, 3], exposure=[1, np.nan])
    assert found.isna().all(axis=None)
    single = poisson_interval([3], dispersion=poisson_dispersion([3]))
    assert single["rate"].tolist() == [3]
    assert single[["lower", "upper"]].isna().all(axis=None)


def test_pearson_dispersion_worked_by_hand() -> None:
    # Rate 20 in 4: expected 5, 5, 10; 9/5 + 4/5 + 1/10, over 2.
    found = poisson_dispersion([8, 3, 9], exposure=[1, 1, 2])
    assert found == pytest.approx((9 / 5 + 4 / 5 + 1 / 10) / 2)
    assert poisson_dispersion([5, 5, 5]) == 1
    assert poisson_dispersion([0, 0]) == 1
    # A period in which nothing was reported shows nothing.
    assert poisson_dispersion([0, 8, 3, 9], exposure=[0, 1, 1, 2]) == found


def test_wilson_worked_by_hand() -> None:
    z = 1.959963984540054
    found = wilson_interval([1, 0, 4, 0], total=[4, 4, 4, 0])
    middle, half = 0.25 + z**2 / 8, z * math.sqrt(0.25 * 0.75 / 4 + (z / 8) ** 2)
    assert found["lower"][0] == pytest.approx((middle - half) / (1 + z**2 / 4))
    assert found["upper"][0] == pytest.approx((middle + half) / (1 + z**2 / 4))
    assert found["lower"][1] == 0
    assert found["upper"][2] == 1
    assert found.iloc[3].isna().all()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: poisson_interval([2, -1]), "n holds -1. A count is 0 or more"),
        (lambda: poisson_interval([1], exposure=0), "exposure holds 0. An exposure is above 0"),
        (lambda: poisson_interval([1], dispersion=0.5), "dispersion is 0.5. It must be a number"),
        (lambda: poisson_interval([1], level=95), "level is 95. It must lie between 0 and 1"),
        (lambda: poisson_interval(["a"]), "n is ['a']. It must hold numbers"),
        (lambda: poisson_interval([1, 2], exposure=[1, 2, 3]), "n has 2 values and exposure has 3"),
        (lambda: wilson_interval([5], total=4), "n holds 5. A count lies between 0 and its total"),
        (lambda: wilson_interval([5], total="x"), "total is 'x'. It must hold numbers"),
        (lambda: poisson_interval([[1]]), "n has 2 dimensions. Pass one list"),
        (lambda: block_interval(["a"]), "n is ['a']. It must hold numbers"),
    ],
)
def test_impossible_inputs_are_refused(call: Callable[[], object], match: str) -> None:
    with pytest.raises(SanctlibError, match=re.escape(match)):
        call()


def test_the_intervals_are_public_and_a_level_is_written_in_full() -> None:
    assert sl.metrics.poisson_interval is poisson_interval
    assert sl.metrics.wilson_interval is wilson_interval
    assert [percent(level) for level in (0.95, 0.9, 0.999)] == ["95%", "90%", "99.9%"]


@settings(deadline=None, derandomize=True, max_examples=25)
@given(n=st.integers(0, 1000), phi=st.floats(1, 20), exposure=st.floats(0.1, 1e6))
def test_the_interval_holds_the_rate_and_widens_with_dispersion(
    n: int, phi: float, exposure: float
) -> None:
    narrow = poisson_interval([n], exposure=exposure).iloc[0]
    wide = poisson_interval([n], exposure=exposure, dispersion=phi).iloc[0]
    assert wide["lower"] <= narrow["lower"] * (1 + 1e-9)
    assert narrow["lower"] <= narrow["rate"] <= narrow["upper"]
    assert wide["upper"] >= narrow["upper"] * (1 - 1e-9)


def test_the_block_bootstrap_draws_what_can_be_drawn() -> None:
    """Six counts: three blocks of two, the last followed by the first; then t with 2 degrees."""
    n = [0, 3, 9, 1, 2, 9]
    ring = [*n, n[0]]
    sums = [ring[a] + ring[a + 1] for a in range(6)]
    means = np.array([sum(of) / 6 for of in product(sums, repeat=3)])
    # Quantiles of t with 2 degrees of freedom have a closed form.
    p = 2 * 0.9995 - 1
    wider = p * np.sqrt(2 / (1 - p**2)) / 3.290526731 * np.sqrt(3 / 2)
    found = block_interval(n, level=0.999).iloc[0]
    assert found["mean"] == 4
    assert found["lower"] == max(0, 4 + wider * (means.min() - 4))
    assert found["upper"] == pytest.approx(4 + wider * (means.max() - 4))


def test_counts_that_come_in_runs_widen_the_block_bootstrap() -> None:
    """Independent counts: the t interval of a mean; in runs of four, up to twice as wide."""
    one = np.random.default_rng(3).poisson(10, size=64)
    alone = block_interval(one).iloc[0]
    # Blocks of eight: eight of them, and 2.365 is the quantile of t with 7 degrees of freedom.
    half = 2.365 * one.std(ddof=1) / 8
    assert alone["lower"] == pytest.approx(one.mean() - half, abs=0.25)
    assert alone["upper"] == pytest.approx(one.mean() + half, abs=0.25)
    runs = block_interval(np.sort(one.reshape(16, 4), axis=None)[::4].repeat(4)).iloc[0]
    assert runs["upper"] - runs["lower"] > 1.4 * (alone["upper"] - alone["lower"])


@pytest.mark.parametrize("size", [2, 3, 5, 12, 40])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_a_block_interval_of_counts_holds_the_mean_and_is_not_below_0(
    size: int, level: float
) -> None:
    n = np.random.default_rng(size).poisson(1.0, size)
    found = block_interval(n, level=level).iloc[0]
    assert 0 <= found["lower"] <= found["mean"] <= found["upper"]
    assert block_interval([4] * size).iloc[0].tolist() == pytest.approx([4, 4, 4])


def test_one_count_has_no_block_interval() -> None:
    found = block_interval([5]).iloc[0]
    assert (found["mean"], np.isnan(found["lower"])) == (5, True)


FOUR = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 4, 30))


def cells(n_acts: dict[str, list[int]]) -> pd.DataFrame:
    rows = [
        {"period": pd.Timestamp(2018, month, 1), "sender": sender, "n_acts": n}
        for sender, counts in n_acts.items()
        for month, n in enumerate(counts, start=1)
        if n
    ]
    return pd.DataFrame(rows).assign(target="RUS", mutual=False, family="sanction", action="impose")


TWO = cells({"EU": [0, 10, 0, 10, 7], "USA": [3, 3, 3, 3]})


def test_each_count_has_an_interval_of_its_own_groups_dispersion() -> None:
    found = sanction_counts(
        TWO, every="month", unit="act", by=["sender"], coverage=FOUR, interval="dispersion"
    ).table
    eu, usa = (found[found["sender"].eq(s)] for s in ("EU", "USA"))
    # Worked above: the dispersion of 0, 10, 0, 10 is 20 / 3. May is not covered.
    by_hand = poisson_interval([0, 10, 0, 10], dispersion=20 / 3)
    columns = ["interval_lower", "interval_upper"]
    assert eu[columns].iloc[:4].to_numpy() == pytest.approx(by_hand[["lower", "upper"]].to_numpy())
    assert eu["interval"].iloc[0] == "of each count: Poisson with dispersion 6.67, 95%"
    assert eu["interval_lower"].isna().tolist() == [False] * 4 + [True]
    assert usa[columns].iloc[0].tolist() == pytest.approx(
        poisson_interval([3])[["lower", "upper"]].iloc[0].tolist()
    )
    plain = sanction_counts(TWO, every="month", unit="act", by=["sender"], coverage=FOUR).table
    pd.testing.assert_frame_equal(found[list(plain)], plain)


def test_the_bootstrap_is_of_the_mean_and_the_same_for_a_seed_and_any_order() -> None:
    asked = {"every": "month", "unit": "act", "by": ["sender"], "coverage": FOUR}
    asked |= {"interval": "block_bootstrap", "seed": 7}
    found = sanction_counts(TWO, **asked).table
    eu = found[found["sender"].eq("EU") & found["covered"]]
    assert eu["mean"].unique().tolist() == [5.0]
    ends = block_interval([0, 10, 0, 10], seed=7).iloc[0]
    assert eu["interval_lower"].unique().tolist() == [ends["lower"]]
    assert eu["interval"].iloc[0] == "of the mean: bootstrap over blocks of 1 period, 95%"
    pd.testing.assert_frame_equal(
        sanction_counts(TWO.sample(frac=1, random_state=1), **asked).table, found
    )


def test_a_census_has_no_interval_unless_it_is_asked_for_and_can_be_made() -> None:
    asked = {"every": "month", "unit": "act"}
    assert "interval" not in sanction_counts(TWO, coverage=FOUR, **asked).table
    with pytest.raises(SanctlibError, match="not known what 'own table' covers"):
        sanction_counts(TWO, interval="dispersion", **asked)
    with pytest.raises(CuratedError, match="is a hand-picked list, so it has no interval"):
        sanction_counts(sl.load("russia_iran"), interval="dispersion", **asked)
    with pytest.raises(UnknownChoiceError, match="interval is 'poisson'"):
        sanction_counts(TWO, coverage=FOUR, interval="poisson", **asked)
