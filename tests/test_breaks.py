"""Breaks in the mean: published partitions, criteria and intervals; what cannot be searched."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError, SchemaError, UnknownChoiceError
from sanctlib.models import breaks


@pytest.fixture
def nile() -> pd.DataFrame:
    import statsmodels.api as sm

    data = sm.datasets.nile.load_pandas().data
    return pd.DataFrame({"period": data["year"].astype(int), "n": data["volume"]})


def numbered(values: object) -> pd.DataFrame:
    return (
        pd.DataFrame({"n": np.asarray(values, dtype="float64")}).rename_axis("period").reset_index()
    )


def test_the_nile_breaks_in_1898(nile: pd.DataFrame) -> None:
    """R8, strucchange's reference output: RSS, BIC and partitions for 0 to 5 breaks, h = 15."""
    found = breaks(nile, dependent="n", shortest=15)
    numbers = found.tables["numbers"]
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
    numbers = breaks(numbered(values), dependent="n", shortest=15).tables["numbers"]
    assert numbers["rss"].round(1).tolist() == [1214.9, 645.0, 456.0, 445.2, 444.9, 449.6]
    assert numbers["bic"].round(1).tolist() == [555.7, 499.8, 473.3, 480.1, 489.3, 499.7]
    assert numbers["positions"][3] == [24, 47, 79]
    ends = [0, 24, 47, 79, 103]
    means = [values.iloc[a:b].mean() for a, b in itertools.pairwise(ends)]
    assert means == pytest.approx([1.8236167, 0.8660848, -1.7961384, 5.6428896], abs=5e-8)


def test_the_stricter_criterion_finds_no_more_breaks(nile: pd.DataFrame) -> None:
    by_bic, by_lwz = (breaks(nile, dependent="n", criterion=c) for c in ("bic", "lwz"))
    assert len(by_lwz.table) <= len(by_bic.table)


def test_a_constant_series_has_no_break() -> None:
    found = breaks(numbered(np.random.default_rng(1).normal(size=120)), dependent="n")
    assert found.table.empty
    assert found.tables["numbers"]["chosen"].tolist()[0]


def test_a_result_says_that_it_is_description(nile: pd.DataFrame) -> None:
    found = breaks(nile, dependent="n")
    assert "Breaks describe when the mean changed, not why." in repr(found)
    assert found.summary() == [
        "The mean of n changed from 1.1e+03 to 850 after period 1898 (interval period 1895 to "
        "period 1901)."
    ]
    assert (found.kind, found.n, found.unit) == ("series", 100, "periods")
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize(
    ("values", "changed", "error", "message"),
    [
        ([1.0, None, 3.0, 4.0], {}, SanctlibError, "'1' has no value"),
        ([1.0, 2.0, 3.0], {"shortest": 2}, SanctlibError, "3 periods. .* need at least 4"),
        ([1.0, 2.0] * 9, {"shortest": -1}, SanctlibError, "shortest is -1"),
        ([1.0, 2.0] * 9, {"most": 0}, SanctlibError, "most is 0. It must be a whole number"),
        ([1.0, 2.0] * 9, {"level": 95}, SanctlibError, "level is 95.* Did you mean 0.95"),
        ([1.0] * 20, {"criterion": "aic"}, UnknownChoiceError, "criterion"),
    ],
)
def test_what_cannot_be_searched_is_said(
    values: list[float], changed: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        breaks(numbered(values), dependent="n", **changed)  # type: ignore[arg-type]


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=12, max_size=30), st.floats(-100, 100))
def test_a_shift_of_the_whole_series_moves_no_break(values: list[float], shift: float) -> None:
    """Least squares of a mean do not know where zero is; more breaks never fit worse."""
    plain = breaks(numbered(values), dependent="n", shortest=3, most=3).tables["numbers"]
    moved = breaks(numbered(np.add(values, shift)), dependent="n", shortest=3, most=3).tables[
        "numbers"
    ]
    assert moved["rss"].to_numpy() == pytest.approx(plain["rss"].to_numpy(), abs=1e-6)


def test_what_is_no_table_with_periods_is_refused(nile: pd.DataFrame) -> None:
    with pytest.raises(SchemaError, match=r"must be a pandas table or a Result\. Make one: series"):
        breaks(nile["n"], dependent="n")
    with pytest.raises(SchemaError, match="must be a pandas table"):
        breaks([1.0, 2.0], dependent="n")
    with pytest.raises(MissingColumnsError, match="no column 'period'"):
        breaks(nile[["n"]], dependent="n")
    with pytest.raises(SchemaError, match="'n' holds text"):
        breaks(nile.assign(n="a"), dependent="n")
    with pytest.raises(SanctlibError, match=r"dependent is 5. It must be the name of a column"):
        breaks(nile, dependent=5)  # type: ignore[arg-type]


def test_a_result_brings_its_sources_and_dates() -> None:
    counts = sl.sanction_counts(
        sl.load("ofac_sdn"),
        every="month",
        unit="entity",
        by=["target"],
        targets=["RUS"],
        between="versions",
        start="2021-09",
        end="2024-04",
    ).filter(target="RUS")
    rows = counts.table[counts.table["covered"].fillna(value=False)]
    found = breaks(sl.Result(table=rows, sources=counts.sources), dependent="n", level=0.9)
    assert found.sources == counts.sources
    assert repr(found.query) == (
        "Query(every='month', level=0.9, dependent='n', shortest=0.15, most=5, criterion='bic')"
    )
    assert found.caption.startswith(f"n = {len(rows)} months. Source: US SDN list")
    assert found.tables["series"]["period"].dtype == "datetime64[us]"
