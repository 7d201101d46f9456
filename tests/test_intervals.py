"""Intervals. Reference values: R `poisson.test` (137 in 24.19893; horse kicks, 196 in 280)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.errors import SanctlibError
from sanctlib.metrics.intervals import poisson_dispersion, poisson_interval, wilson_interval


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
    "call",
    [
        lambda: poisson_interval([-1]),
        lambda: poisson_interval([1], exposure=0),
        lambda: poisson_interval([1], dispersion=0.5),
        lambda: poisson_interval([1], level=95),
        lambda: wilson_interval([5], total=4),
    ],
)
def test_impossible_inputs_are_refused(call: object) -> None:
    with pytest.raises(SanctlibError, match=r"needs counts|level of an interval"):
        call()


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
