"""Breaks in the mean: published partitions, criteria and intervals; what cannot be searched."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.errors import SanctlibError, UnknownChoiceError
from sanctlib.models.breaks import find_breaks


@pytest.fixture
def nile() -> pd.Series:
    import statsmodels.api as sm

    data = sm.datasets.nile.load_pandas().data
    return pd.Series(data["volume"].to_numpy(), index=data["year"].astype(int))


def test_the_nile_breaks_in_1898(nile: pd.Series) -> None:
    """R8, strucchange's reference output: RSS, BIC and partitions for 0 to 5 breaks, h = 15."""
    found = find_breaks(nile, shortest=15)
    numbers = found.details["numbers"]
    assert numbers["rss"].round().tolist() == [2835157, 1597457, 1552924, 1538097, 1507888, 1659994]
    assert numbers["bic"].round(1).tolist() == [1318.2, 1270.1, 1276.5, 1284.7, 1291.9, 1310.8]
    assert numbers["positions"].tolist() == [
        [],
        [28],
        [28, 83],
        [28, 68, 83],
        [28, 45, 68, 83],
        [15, 30, 45, 68, 83],
    ]
    assert found.table[["break_after", "lower", "upper"]].to_numpy().tolist() == [
        [1898, 1895, 1901]
    ]


def test_the_us_real_interest_rate_breaks_as_published(real_data: Path) -> None:
    """R9, Bai and Perron 2003: h = 15, n = 103; three breaks at 24, 47, 79."""
    values = pd.read_csv(real_data / "series" / "real_interest_us.csv").iloc[:, -1]
    numbers = find_breaks(values, shortest=15).details["numbers"]
    assert numbers["rss"].round(1).tolist() == [1214.9, 645.0, 456.0, 445.2, 444.9, 449.6]
    assert numbers["bic"].round(1).tolist() == [555.7, 499.8, 473.3, 480.1, 489.3, 499.7]
    assert numbers["positions"][3] == [24, 47, 79]
    ends = [0, 24, 47, 79, 103]
    means = [values.iloc[a:b].mean() for a, b in itertools.pairwise(ends)]
    assert means == pytest.approx([1.8236167, 0.8660848, -1.7961384, 5.6428896], abs=5e-8)


def test_the_stricter_criterion_finds_no_more_breaks(nile: pd.Series) -> None:
    by_bic, by_lwz = (find_breaks(nile, criterion=c) for c in ("bic", "lwz"))
    assert len(by_lwz.table) <= len(by_bic.table)


def test_a_constant_series_has_no_break() -> None:
    found = find_breaks(pd.Series(np.random.default_rng(1).normal(size=120)))
    assert found.table.empty
    assert found.details["numbers"]["chosen"].tolist()[0]


def test_a_result_says_that_it_is_description(nile: pd.Series) -> None:
    found = find_breaks(nile)
    assert "Description: when the mean changed, not why." in repr(found)
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize(
    ("values", "changed", "error", "message"),
    [
        ([1.0, None, 3.0, 4.0], {}, SanctlibError, "without gaps"),
        ([1.0, 2.0, 3.0], {"shortest": 2}, SanctlibError, "at least 4 values"),
        ([1.0] * 20, {"criterion": "aic"}, UnknownChoiceError, "criterion"),
    ],
)
def test_what_cannot_be_searched_is_said(
    values: list[float], changed: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        find_breaks(pd.Series(values, dtype="float64"), **changed)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=12, max_size=30), st.floats(-100, 100))
def test_a_shift_of_the_whole_series_moves_no_break(values: list[float], shift: float) -> None:
    """Least squares of a mean do not know where zero is; more breaks never fit worse."""
    plain = find_breaks(pd.Series(values), shortest=3, most=3).details["numbers"]
    moved = find_breaks(pd.Series(values) + shift, shortest=3, most=3).details["numbers"]
    assert moved["rss"].to_numpy() == pytest.approx(plain["rss"].to_numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("series", "got"),
    [
        (pd.DataFrame({"period": [1, 2], "n": [1, 2]}), "a table with the columns 'period', 'n'"),
        ([1.0, 2.0], "a list"),
        (pd.Series(["a", "b"]), "a Series"),
    ],
)
def test_what_is_no_series_of_numbers_is_refused(series: object, got: str) -> None:
    with pytest.raises(SanctlibError, match=f"got {got}. From a table .*set_index"):
        find_breaks(series)  # type: ignore[arg-type]
