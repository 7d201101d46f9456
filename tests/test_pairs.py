"""Pairs: two states that were both there, and questions that have an answer."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import CoverageError, SanctlibError, UnknownChoiceError
from sanctlib.metrics._pair_acts import existed_together
from sanctlib.query import Pair
from tests.news import news_of_2018
from tests.test_intensity import events, monthly

SPAN = {"start": date(2018, 1, 1), "end": date(2018, 10, 31)}


@pytest.mark.parametrize(
    ("pair", "years", "expected"),
    [
        # South Sudan was founded in July 2011, the Soviet Union ended in December 1991.
        (("SSD", "SDN"), (2010, 2012), [False, True, True]),
        (("IRN", "SUN"), (1990, 1992), [True, True, False]),
        (("IRN", "RUS"), (1990, 1992), [False, True, True]),
    ],
)
def test_a_period_counts_when_both_existed_on_one_of_its_days(
    pair: tuple[str, str], years: tuple[int, int], expected: list[bool]
) -> None:
    starts = pd.to_datetime([f"{y}-01-01" for y in range(years[0], years[1] + 1)])
    found = existed_together([("IRN", "USA"), pair], starts, every="year")
    assert found.tolist() == [[True] * 3, expected]


def test_two_states_of_one_year_that_never_met_are_no_pair() -> None:
    starts = pd.DatetimeIndex(["1991-01-01"])
    with pytest.raises(SanctlibError, match="RUS existed 1991-12-26 to …; SUN existed … to 1991"):
        existed_together([("IRN", "RUS"), ("RUS", "SUN")], starts, every="year")


def test_what_a_state_did_before_it_existed_is_missing_not_zero() -> None:
    acts = events([("2011-08-01", "SSD", "SDN", "visit", False)])
    known = sl.Coverage(source="own", first=date(2011, 6, 1), last=date(2011, 8, 31))
    found = monthly(acts, pair=("SDN", "SSD"), coverage=known, components=["meetings"])
    meetings = found[found["component"].eq("meetings")]
    assert meetings["covered"].tolist() == [False, True, True]
    assert meetings["n"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"end": "2017"}, SanctlibError, "start is 2018-01-01 and end is 2017-12-31. start must"),
        (
            {"start": date(2020, 1, 1), "end": date(2021, 1, 1)},
            CoverageError,
            "'icews_weekly' covers 2018-01-01 to 2018-10-31, and no day of 2020-01-01 to 2021",
        ),
        ({"pair": ("RUS", "RUS")}, SanctlibError, "A pair is two different states"),
        ({"pair": ("RUS", "Irann")}, UnknownChoiceError, "'Irann', which is no state"),
        ({"pair": ("RUS", "SUN")}, SanctlibError, "did not both exist on any day between 2018"),
    ],
)
def test_a_question_without_an_answer_is_refused_in_all_measures_alike(
    options: dict, error: type, match: str
) -> None:
    asked = {"pair": ("RUS", "IRN"), **SPAN, **options}
    news = news_of_2018("week")
    with pytest.raises(error, match=re.escape(match)):
        sl.partnership_intensity(news, every="week", **asked)
    with pytest.raises(error, match=re.escape(match)):
        sl.observed_expected(news, every="year", block="week", **asked)
    states = {"states": asked.pop("pair")}
    if "pair" not in options:
        with pytest.raises(error, match=re.escape(match)):
            sl.dyad_panel(news, every="week", **states, **asked)


def test_a_question_that_is_covered_in_part_passes() -> None:
    news = news_of_2018("week")
    asked = {"start": "2016", "end": "2018-01-01", "pair": ("RUS", "IRN"), "level": 0.9}
    found = sl.partnership_intensity(news, every="week", **asked).table
    assert not found["covered"].any()
    assert found["n"].isna().all()


def test_a_pair_is_two_and_not_three() -> None:
    with pytest.raises(SanctlibError, match="A pair is two states"):
        sl.partnership_intensity(news_of_2018("week"), pair=("RUS", "IRN", "CHN"), every="week")


def test_results_of_all_pair_measures_merge_on_period_and_pair() -> None:
    """Whatever the order in which the pair is named: a merge finds every row."""
    acts, votes = sl.load("russia_iran"), sl.load("un_ideal_points")
    votes = votes.filter(measure="ideal_point_gap 2023-07")
    ties = votes.table.assign(value=votes.table["value"].clip(upper=5))
    asked, yearly = {"pair": ("RUS", "IRN")}, {"every": "year", "start": "2014", "end": "2020"}
    machine = replace(acts, curated=False)
    found = [
        sl.partnership_intensity(machine, **asked, **yearly).filter(component="all_cooperation"),
        sl.observed_expected(machine, block="month", **asked, **yearly),
        sl.shared_sanctioners(machine, **asked, **yearly),
        sl.agreements(acts, half_life=4, **asked, **yearly),
        sl.voting_gap(votes, **asked),
        sl.portfolio_similarity(ties, top=5, **asked),
        sl.dyad_panel(votes, states=["RUS", "IRN"], **yearly),
    ]
    keys = ["period", "first", "second"]
    merged = found[0].table[keys]
    for result in found:
        assert list(result.table[["first", "second"]].iloc[0]) == ["IRN", "RUS"], result.kind
        one = result.table.drop(columns=["source"], errors="ignore")
        merged = merged.merge(one, on=keys, suffixes=("", f"_{result.kind}"), validate="1:1")
        assert len(merged) == 7, result.kind
    assert merged["period"].dt.year.tolist() == list(range(2014, 2021))


def test_directed_results_merge_on_period_sender_and_target() -> None:
    news = news_of_2018("week")
    asked = {"pair": ("RUS", "IRN"), "directed": True}
    rates = sl.partnership_intensity(
        news_of_2018("month"), every="month", components=["meetings"], **asked
    )
    ratios = sl.observed_expected(news, every="month", block="week", n_replicates=10, **asked)
    keys = ["period", "sender", "target"]
    one = rates.filter(component="meetings").table
    assert len(one.merge(ratios.table, on=keys, validate="1:1")) == 20


PAIRS = [("RUS", "IRN"), ("CHN", "RUS"), ("IRN", "TUR")]


@pytest.mark.parametrize("directed", [False, True])
def test_several_pairs_have_the_rows_each_has_alone(*, directed: bool) -> None:
    news = news_of_2018("week")

    def rates(pair: Pair | list[Pair]) -> pd.DataFrame:
        return sl.partnership_intensity(news, pair=pair, every="week", directed=directed).table

    def ratios(pair: Pair | list[Pair]) -> pd.DataFrame:
        ask = {"every": "year", "block": "week", "n_replicates": 50, "directed": directed}
        return sl.observed_expected(news, pair=pair, **ask).table

    for measure in (rates, ratios):
        alone = [measure(pair) for pair in PAIRS]
        pd.testing.assert_frame_equal(measure(PAIRS), pd.concat(alone, ignore_index=True))


@pytest.mark.parametrize(
    ("pairs", "match"),
    [
        ([], "pair is empty. Name one pair of states or more"),
        ("RUS", "pair is 'RUS'. It must be two states"),
        ([("RUS", "IRN"), "RUS"], "pair holds 'RUS'. A pair is two states"),
        ([("RUS", "IRN"), ("IRN", "RUS")], "pair holds the pair IRN and RUS twice"),
    ],
)
def test_pairs_that_are_none_or_named_twice_are_refused(pairs: list, match: str) -> None:
    with pytest.raises(SanctlibError, match=re.escape(match)):
        sl.partnership_intensity(news_of_2018("week"), pair=pairs, every="week")
