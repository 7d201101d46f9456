"""Kind F: intensity, the index of components, and observed over expected."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import frame, pages, said_by
from tests.known_faults.made import YEAR, year_of_events
from tests.news import news_of_2018

PAIR = ("IRN", "RUS")
PARTS = ["material", "meetings", "agreements", "other_cooperation"]


@cache
def rated() -> Any:
    return sl.partnership_intensity(news_of_2018("week"), pair=PAIR, every="week")


@cache
def weekly() -> pd.DataFrame:
    return frame(rated())


def weeks(*, whole: bool) -> pd.Series:
    """Return the weeks that are covered, with or without those covered in part."""
    found = weekly()
    return found.loc[found["n_days"].eq(7) if whole else found["covered"], "period"]


@cache
def index(*, whole: bool) -> pd.DataFrame:
    """Return the parts of the index, in the mean over the covered weeks."""
    found = frame(rated().decompose())
    numbers = found.select_dtypes("number").columns
    covered = found[found["period"].isin(weeks(whole=whole))]
    return covered.groupby("component")[list(numbers)].mean().loc[PARTS]


def test_the_page_states_the_rule_of_comparable_pairs_as_the_code_has_it() -> None:
    text = pages.source("03_partnership_intensity")
    assert "once a period on average" not in text
    assert "once a month on average" in text


def test_comparable_pairs_are_those_with_an_act_a_month() -> None:
    week = weekly()[weekly()["component"].eq("all_cooperation") & weekly()["covered"]]
    assert week["n_comparable"].unique().tolist() == [61]
    assert int(week["rate"].gt(week["band_high"]).sum()) == 28
    assert week["band_high"].median() == pytest.approx(0.31, abs=0.005)


@cache
def range_of_means(*, whole: bool) -> tuple[float, float]:
    """Return the range of the mean index over weights of 0.5 to 1.5 that sum to 4."""
    covered = weekly()["period"].isin(weeks(whole=whole)) & weekly()["component"].isin(PARTS)
    means = weekly()[covered].groupby("component")["rate"].mean().loc[PARTS].to_numpy()
    means_of = [
        (np.array(weights) * 4 / sum(weights) * means).sum()
        for weights in itertools.product([0.5, 1.5], repeat=4)
    ]
    return min(means_of), max(means_of)


def test_no_weights_give_a_mean_index_outside_the_range_of_means() -> None:
    assert range_of_means(whole=True) == pytest.approx((0.416, 0.928), abs=0.0006)


def test_the_band_of_the_mean_index_is_the_range_of_its_mean() -> None:
    means = rated().decompose().tables["means"]
    # The last week has three covered days, so it is one of the mean.
    bounds = range_of_means(whole=False)
    for side, bound in zip(("weight_low", "weight_high"), bounds, strict=True):
        assert means[side].to_numpy() == pytest.approx([bound] * 4)
    assert means["part"].tolist() == pytest.approx(index(whole=False)["part"].tolist())
    # The page shows these means, and says that those of the file are wider.
    text = pages.source("03_partnership_intensity")
    assert 'index.tables["means"]' in text
    assert "own extreme" in text
    low, high = index(whole=True)[["weight_low", "weight_high"]].mean()
    assert (low, high) == pytest.approx((0.383, 0.984), abs=0.001)


def test_the_index_without_a_part_is_plain_or_says_that_weights_are_scaled_up() -> None:
    found = index(whole=True)["index_without"].to_numpy()
    if "scaled up" not in pages.source("03_partnership_intensity"):
        assert found == pytest.approx([0.643, 0.450, 0.596, 0.297], abs=0.0006)


def test_the_page_says_that_the_interval_of_a_week_is_conservative() -> None:
    assert "conservative" in pages.source("03_partnership_intensity")


@pytest.mark.parametrize(
    "what",
    [
        "observed_expected",
        "block_bootstrap",
    ],
)
def test_the_coverage_of_a_bootstrap_is_in_the_page_on_inference(what: str) -> None:
    assert what in (ROOT / "docs" / "inference.md").read_text(encoding="utf-8")


def test_a_block_bootstrap_of_few_periods_warns() -> None:
    _, said = said_by(
        lambda: sl.sanction_counts(
            year_of_events(), every="week", unit="act", by=["target"], targets=["IRN"],
            coverage=YEAR, interval="block_bootstrap",
        )
    )  # fmt: skip
    assert "period" in said


def test_an_interval_that_is_missing_has_no_text() -> None:
    asked: dict[str, Any] = {"pair": PAIR, "every": "quarter", "block": "week", "n_replicates": 50}
    found = frame(sl.observed_expected(news_of_2018("week"), **asked))
    without = found["lower"].isna()
    assert without.tolist() == [False, False, False, True]
    assert found["interval"].isna().tolist() == without.tolist()


def test_the_page_does_not_say_that_an_imprecise_estimate_shows_nothing_moves() -> None:
    text = pages.source("03_partnership_intensity")
    assert "nothing here says that the rate moves with the volume of news" not in text.replace(
        '"\n', ""
    )


@pytest.mark.parametrize("words", ["the pair's own acts", "Goldstein", "ICEWS18"])
def test_the_page_of_intensity_names_its_limits(words: str) -> None:
    assert words in pages.source("03_partnership_intensity")


def test_the_news_of_2018_cite_those_who_sampled_them() -> None:
    assert "Jin" in sl.cite(["icews_weekly"])
