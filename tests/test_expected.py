"""Observed over expected: solved by hand, against statsmodels, and on the news of 2018."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import CoverageError, CuratedError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.expected import observed_expected
from sanctlib.metrics.intervals import bootstrap_edges
from tests.news import news_of_2018

STATES = ["CHN", "IRN", "RUS", "USA", "TUR"]


def acts(counts: dict[tuple[str, str], int], *, mutual: bool = False) -> pd.DataFrame:
    # A mutual act is written with its sender before its target in the alphabet.
    rows = [(*(sorted(two) if mutual else two), n) for two, n in counts.items()]
    table = pd.DataFrame(rows, columns=["sender", "target", "n_acts"])
    return table.assign(
        period=pd.Timestamp("2018-01-01"), mutual=mutual, family="cooperation", action="agree"
    )


def expected(table: object, **options: object) -> pd.DataFrame:
    return observed_expected(table, **options).table


ASKED = {"pair": ("RUS", "IRN"), "every": "year", "block": "month"}


def test_the_expectation_is_that_of_a_poisson_model_without_the_diagonal() -> None:
    """statsmodels' Poisson regression on sender and target effects, self-pairs left out."""
    import statsmodels.api as sm

    draw = np.random.default_rng(3)
    pairs = [(a, b) for a in STATES for b in STATES if a != b]
    counts = dict(zip(pairs, draw.poisson(20, len(pairs)).tolist(), strict=True))
    table = acts(counts)
    design = pd.get_dummies(table[["sender", "target"]], drop_first=True, dtype=float)
    model = sm.GLM(table["n_acts"], sm.add_constant(design), family=sm.families.Poisson()).fit()
    fitted = dict(zip(pairs, model.fittedvalues, strict=True))
    found = expected(table, directed=True, **ASKED)
    assert found[["sender", "target"]].to_numpy().tolist() == [["IRN", "RUS"], ["RUS", "IRN"]]
    for way, row in found.set_index(["sender", "target"]).iterrows():
        assert row["n"] == counts[way]
        assert row["expected"] == pytest.approx(fitted[way], rel=1e-6)
        assert row["ratio"] == pytest.approx(counts[way] / fitted[way])


def test_a_pair_as_its_activity_has_a_ratio_of_one() -> None:
    activity = {"CHN": 5, "IRN": 2, "RUS": 3, "USA": 7, "TUR": 1}
    pairs = [(a, b) for i, a in enumerate(STATES) for b in STATES[i + 1 :]]
    table = acts({(a, b): activity[a] * activity[b] for a, b in pairs}, mutual=True)
    for pair in (("RUS", "IRN"), ("USA", "TUR")):
        found = expected(table, **(ASKED | {"pair": pair})).iloc[0]
        assert found["ratio"] == pytest.approx(1, abs=1e-6)


def test_a_state_in_more_than_half_of_all_acts_has_no_expectation() -> None:
    table = acts({("USA", "RUS"): 9, ("USA", "IRN"): 9, ("RUS", "IRN"): 1}, mutual=True)
    alone = acts({("USA", "RUS"): 9, ("USA", "IRN"): 9, ("USA", "CHN"): 9}, mutual=True)
    assert expected(table, **ASKED)["ratio"].notna().all()
    assert expected(alone, **(ASKED | {"pair": ("USA", "RUS")}))["ratio"].isna().all()


def test_acts_of_a_state_with_itself_or_with_nobody_do_not_count() -> None:
    base = {("CHN", "IRN"): 4, ("CHN", "RUS"): 4, ("IRN", "RUS"): 4, ("USA", "RUS"): 2}
    more = acts(base | {("RUS", "RUS"): 50, ("EU", "RUS"): 50})
    assert expected(more, **ASKED)["expected"].tolist() == pytest.approx(
        expected(acts(base), **ASKED)["expected"].tolist()
    )


def test_the_same_seed_gives_the_same_interval_and_one_block_none() -> None:
    news = news_of_2018("month")
    asked = {"pair": ("RUS", "IRN"), "every": "quarter", "block": "month", "n_replicates": 50}
    one, two = (expected(news, **asked) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert expected(acts({("RUS", "IRN"): 1}), **ASKED)[["lower", "upper"]].isna().all(axis=None)


def test_russia_and_iran_co_operated_more_than_their_activity_explains_in_2018() -> None:
    news = news_of_2018("week")
    found = expected(
        news, pair=("RUS", "IRN"), every="year", block="week", end=date(2018, 10, 31)
    ).iloc[0]
    assert found["n"] == 303
    assert found["lower"] > 1
    assert found["lower"] < found["ratio"] < found["upper"]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"pair": ("RUS", "RUS")}, SanctlibError, "A pair is two different states"),
        (
            {"block": "year"},
            SanctlibError,
            "block is 'year' and every is 'year'. A block must be shorter",
        ),
        ({"pair": ("RUS", "IRM")}, UnknownChoiceError, "Did you mean"),
        ({"pair": None}, SanctlibError, "pair is None. Name one pair"),
        ({"components": ["visits"]}, UnknownChoiceError, "components is 'visits'"),
        ({"n_replicates": 0}, SanctlibError, "n_replicates is 0. It must be a whole number from 1"),
        ({"seed": -1}, SanctlibError, "seed is -1"),
    ],
)
def test_what_cannot_be_expected_is_said(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        expected(acts({("RUS", "IRN"): 1}), **(ASKED | changed))


def test_a_hand_picked_list_has_no_expectation() -> None:
    with pytest.raises(CuratedError):
        expected(sl.load("russia_iran"), **ASKED)


def test_few_blocks_give_no_interval_and_none_seen_that_of_poisson() -> None:
    days = pd.date_range("2018-01-01", "2018-01-09")
    known = {"mutual": True, "family": "cooperation", "action": "agree", "n_acts": 5}
    pairs = [("CHN", "IRN"), ("CHN", "RUS"), ("IRN", "USA"), ("RUS", "USA"), ("CHN", "USA")]
    acts = pd.concat(
        [pd.DataFrame({"period": days, "sender": a, "target": b, **known}) for a, b in pairs]
    )
    ask = {"every": "month", "block": "day"}
    seen = expected(acts, pair=("CHN", "RUS"), **ask).iloc[0]
    assert seen[["n", "n_blocks"]].tolist() == [45, 9]
    assert seen[["lower", "upper", "interval"]].isna().all()
    none = expected(acts, pair=("RUS", "IRN"), **ask).iloc[0]
    assert (none["n"], none["ratio"], none["lower"]) == (0, 0, 0)
    # Poisson allows 3.689 acts where none was seen, at 95 %.
    assert none["upper"] * none["expected"] == pytest.approx(3.688879)
    assert none["interval"] == "exact Poisson, 95%"


def test_the_interval_is_named_only_where_there_is_one() -> None:
    found = observed_expected(
        news_of_2018("week"), pair=("RUS", "IRN"), every="quarter", block="week"
    )
    rows = found.table
    # The quarter that begins in October 2018 holds five weeks: too few to resample.
    assert rows["lower"].isna().tolist() == rows["interval"].isna().tolist() == [False] * 3 + [True]
    assert rows["interval"].iloc[0] == "bootstrap over weeks, 95%, 500 replicates"
    assert (found.kind, found.n) == ("expected", 303)
    assert found.findings == (
        "Iran and Russia, quarter 3 of 2018: 104 acts, 2.5 times those expected (95% interval "
        "1.8 to 3.2) (ICEWS, 1 January 2018 to 31 October 2018).",
    )


def test_few_blocks_widen_the_interval_of_the_bootstrap() -> None:
    """Worked by hand for 13 weeks: 2.1788 is the quantile of t with 12 degrees of freedom."""
    draws = np.random.default_rng(1).normal(2, 0.1, 5000)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    wider = 2.178813 / 1.959964 * np.sqrt(13 / 12)
    by_hand = [2 + wider * (lower - 2), 2 + wider * (upper - 2)]
    assert bootstrap_edges(2, draws, 13).tolist() == pytest.approx(by_hand)


def test_a_span_of_which_no_day_is_covered_has_no_expectation() -> None:
    with pytest.raises(CoverageError, match="covers 2018-01-01 to 2018-10-31, and no day of 2020"):
        expected(news_of_2018("week"), **ASKED | {"block": "week"}, start="2020", end="2021")
