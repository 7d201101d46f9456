"""Pairs: two states that were both there, and questions that have an answer."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import CoverageError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.pairs import check_asked, check_pair, lived_together
from sanctlib.schema import Pair
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
    found = lived_together([("IRN", "USA"), pair], starts, every="year", needed_by="test")
    assert found.tolist() == [[True] * 3, expected]


def test_two_states_of_one_year_that_never_met_are_no_pair() -> None:
    starts = pd.DatetimeIndex(["1991-01-01"])
    with pytest.raises(SanctlibError, match="RUS existed 1991-12-26 to …; SUN existed … to 1991"):
        lived_together([("IRN", "RUS"), ("RUS", "SUN")], starts, every="year", needed_by="test")


def test_what_a_state_did_before_it_existed_is_missing_not_zero() -> None:
    acts = events([("2011-08-01", "SSD", "SDN", "visit", False)])
    known = sl.Coverage(source="own", first=date(2011, 6, 1), last=date(2011, 8, 31))
    found = monthly(acts, pair=("SDN", "SSD"), coverage=known, components=["meetings"])
    meetings = found[found["component"].eq("meetings")]
    assert meetings["covered"].tolist() == [False, True, True]
    assert meetings["n_acts"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"end": date(2017, 1, 1)}, SanctlibError, "needs start <= end, got start=2018-01-01"),
        (
            {"start": date(2020, 1, 1), "end": date(2021, 1, 1)},
            CoverageError,
            "'icews_2018_weekly' covers 2018-01-01 to 2018-10-31, and no day of 2020-01-01 to 2021",
        ),
        ({"level": 95}, SanctlibError, "between 0 and 1, got 95"),
        ({"pair": ("RUS", "RUS")}, SanctlibError, "a pair of two states"),
        ({"pair": ("RUS", "Iran")}, UnknownChoiceError, "Did you mean 'IRN'"),
        ({"pair": ("RUS", "SUN")}, SanctlibError, "did not both exist on any day between 2018"),
    ],
)
def test_a_question_without_an_answer_is_refused_before_it_is_computed(
    options: dict, error: type, match: str
) -> None:
    with pytest.raises(error, match=match):
        check_asked(sl.load("icews_2018_weekly"), **(SPAN | options))


def test_a_question_that_is_covered_in_part_passes() -> None:
    news = sl.load("icews_2018_weekly")
    check_asked(news, start=date(2016, 1, 1), end=date(2018, 1, 1), pair=("RUS", "IRN"), level=0.9)


def test_a_pair_is_two_and_not_three() -> None:
    with pytest.raises(SanctlibError, match="a pair of two states"):
        check_pair(("RUS", "IRN", "CHN"), needed_by="test")  # type: ignore[arg-type]


PAIRS = [("RUS", "IRN"), ("CHN", "RUS"), ("IRN", "TUR")]


@pytest.mark.parametrize("directed", [False, True])
def test_several_pairs_have_the_rows_each_has_alone(*, directed: bool) -> None:
    news = sl.load("icews_2018_weekly")

    def rates(pair: Pair | list[Pair]) -> pd.DataFrame:
        return sl.partnership_intensity(news, pair=pair, every="week", directed=directed)

    def ratios(pair: Pair | list[Pair]) -> pd.DataFrame:
        ask = {"every": "year", "block": "week", "n_draws": 50, "directed": directed}
        return sl.observed_expected(news, pair=pair, **ask)

    for measure in (rates, ratios):
        alone = [measure(pair) for pair in PAIRS]
        pd.testing.assert_frame_equal(measure(PAIRS), pd.concat(alone, ignore_index=True))


@pytest.mark.parametrize(
    ("pairs", "match"),
    [
        ([], "needs one pair of states or more"),
        (["RUS-IRN"], "needs a pair of two states"),
        ([("RUS", "IRN"), "RUS"], "needs a pair of two states"),
        ([("RUS", "IRN"), ("IRN", "RUS")], "the pair IRN and RUS is named twice"),
    ],
)
def test_pairs_that_are_none_or_named_twice_are_refused(pairs: list, match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        sl.partnership_intensity(sl.load("icews_2018_weekly"), pair=pairs, every="week")
