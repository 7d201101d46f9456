"""Similarity of portfolios: published values, and what each measure must do."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.metrics import similarity

DAY = pd.Timestamp("1914-01-01")
SYSTEM = [f"S{chr(65 + i)}" + chr(65 + i) for i in range(13)]


def ties(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["first", "second", "value"]).assign(date=DAY)


def portfolio_similarity(table: object, **options: object) -> pd.DataFrame:
    return similarity.portfolio_similarity(table, **options).table


@pytest.fixture
def of_1914() -> pd.DataFrame:
    """Levels 0-3 of 20 states, read off the joint counts of Signorino and Ritter, Table 6."""
    return ties(
        *[("DEU", s, 3) for s in ("AUH", "ROU", "ITA")],
        *[("RUS", s, v) for s, v in (("FRA", 3), ("GBR", 1), ("ITA", 1))],
    )


def test_germany_and_russia_in_1914_are_the_published_values(of_1914: pd.DataFrame) -> None:
    """fpsim (srs, cohenk, spi) on Signorino and Ritter 1999, Table 6."""
    states = ["DEU", "AUH", "ROU", "ITA", "RUS", "FRA", "GBR", *SYSTEM]
    found = portfolio_similarity(of_1914, pair=("DEU", "RUS"), top=3, states=states).iloc[0]
    assert found["n_states"] == 20
    assert found["s_absolute"] == pytest.approx(0.4)
    assert found["s_squared"] == pytest.approx(0.4444444, abs=5e-8)
    assert found["kappa"] == pytest.approx(-0.07758621, abs=5e-9)
    assert found["pi_nominal"] == pytest.approx(-0.04477612, abs=5e-9)
    # 1 - 50 / (29 + 17) by hand: squared distances around the pooled mean 0.5.
    assert found["pi"] == pytest.approx(1 - 50 / 46)


def test_s_rises_with_states_that_have_no_ties_and_pi_says_why(of_1914: pd.DataFrame) -> None:
    few = portfolio_similarity(of_1914, pair=("DEU", "RUS"), top=3).iloc[0]
    more = [*set(of_1914["first"]), *set(of_1914["second"]), *SYSTEM]
    many = portfolio_similarity(of_1914, pair=("DEU", "RUS"), top=3, states=more).iloc[0]
    assert few["s_absolute"] < many["s_absolute"]
    assert many["pi"] < 0


def test_a_directed_tie_counts_one_way() -> None:
    one_way = ties(("RUS", "IRN", 2), ("CHN", "RUS", 2)).assign(directed=True)
    both = one_way.assign(directed=False)
    asked = {"pair": ("RUS", "CHN"), "top": 2, "states": ["CHN", "IRN", "RUS"]}
    # Russia (CHN 0, IRN 2, RUS 2), China (CHN 2, IRN 0, RUS 2): distances 1, 1, 0.
    assert portfolio_similarity(one_way, **asked)["s_absolute"].iloc[0] == pytest.approx(-1 / 3)
    # Russia (2, 2, 2), China (2, 0, 2): distances 0, 1, 0.
    assert portfolio_similarity(both, **asked)["s_absolute"].iloc[0] == pytest.approx(1 / 3)


def test_a_weight_makes_a_state_count_more() -> None:
    table = ties(("RUS", "IRN", 1), ("CHN", "KAZ", 1))
    asked = {"pair": ("RUS", "CHN"), "top": 1, "states": ["IRN", "KAZ"]}
    equal = portfolio_similarity(table, **asked)["s_absolute"].iloc[0]
    weighted = portfolio_similarity(
        ties(("RUS", "IRN", 1), ("CHN", "IRN", 1), ("CHN", "KAZ", 1)),
        weights=pd.Series({"IRN": 3.0, "KAZ": 1.0}),
        **asked,
    )["s_absolute"].iloc[0]
    assert (equal, weighted) == (-1.0, 0.5)


def test_each_date_has_its_own_system() -> None:
    table = pd.concat([ties(("RUS", "IRN", 1)), ties(("RUS", "CHN", 1)).assign(date="1915-01-01")])
    found = portfolio_similarity(
        table.assign(date=pd.to_datetime(table["date"])), pair=("RUS", "IRN"), top=1
    )
    assert found["period"].dt.year.tolist() == [1914, 1915]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (ties(("RUS", "IRN", 4)), "Column 'value' holds 4. A tie must lie between 0 and 3"),
        (
            ties(("RUS", "IRN", 1), ("RUS", "CHN", 1)).assign(measure=["a", "b"]),
            "The ties have the measures 'a', 'b'. Keep one of them",
        ),
        (ties(("RUS", "IRN", 1)).assign(date="1914-01-01"), "'date' holds '1914-01-01'"),
        (ties(("RUS", "IRN", 1)).assign(value="1"), "'value' must hold numbers"),
    ],
)
def test_what_is_no_scale_is_refused(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(SanctlibError, match=message):
        portfolio_similarity(table, pair=("RUS", "IRN"), top=3)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MissingColumnsError, match="'value'"):
        portfolio_similarity(ties().drop(columns="value"), pair=("RUS", "IRN"), top=3)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=12))
def test_similarity_is_symmetric_and_one_for_equal_portfolios(
    levels: list[tuple[int, int]],
) -> None:
    states = SYSTEM[: len(levels)]
    rows = [("RUS", s, x) for s, (x, _) in zip(states, levels, strict=True)]
    rows += [("IRN", s, y) for s, (_, y) in zip(states, levels, strict=True)]
    asked = {"top": 3, "states": states}
    there = portfolio_similarity(ties(*rows), pair=("RUS", "IRN"), **asked).iloc[0]
    back = portfolio_similarity(ties(*rows), pair=("IRN", "RUS"), **asked).iloc[0]
    for measure in ("s_absolute", "s_squared", "kappa", "pi"):
        assert there[measure] == pytest.approx(back[measure], nan_ok=True)
    equal = [(a, b, v) for a, b, v in rows if a == "RUS"]
    equal += [("IRN", b, v) for _, b, v in equal]
    same = portfolio_similarity(ties(*equal), pair=("RUS", "IRN"), **asked).iloc[0]
    assert same["s_absolute"] == same["s_squared"] == 1
    assert -1 <= there["s_absolute"] <= there["s_squared"] <= 1 or np.isclose(
        there["s_absolute"], there["s_squared"]
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pair": ("RUS", "RUS")}, "A pair is two different states"),
        ({"pair": None}, "pair is None"),
        ({"top": 0}, "top is 0. It must be a number above 0"),
        ({"top": "3"}, "top is '3'"),
        ({"self_tie": -1}, "self_tie is -1"),
        ({"states": "RUS"}, "states is 'RUS'. It must be a list"),
        ({"states": []}, "states is empty"),
        ({"weights": {"IRN": 1.0}}, "weights has no 'RUS'. Give each state of the system a weight"),
        ({"weights": {"IRN": -1.0, "RUS": 2.0}}, "weights must be numbers from 0, and not all 0"),
        ({"weights": {"IRN": "a"}}, "weights is {'IRN': 'a'}. It must hold a number"),
    ],
)
def test_what_cannot_be_compared_is_refused(changed: dict, message: str) -> None:
    with pytest.raises(SanctlibError, match=re.escape(message)):
        portfolio_similarity(
            ties(("RUS", "IRN", 1)), **({"pair": ("RUS", "IRN"), "top": 3} | changed)
        )


def test_several_pairs_are_the_pairs_one_by_one_in_alphabetical_order(
    of_1914: pd.DataFrame,
) -> None:
    pairs = [("RUS", "DEU"), ("Italy", "FRA")]
    found = similarity.portfolio_similarity(of_1914, pair=pairs, top=3)
    alone = [portfolio_similarity(of_1914, pair=pair, top=3) for pair in pairs]
    pd.testing.assert_frame_equal(found.table, pd.concat(alone, ignore_index=True))
    assert found.table[["first", "second"]].to_numpy().tolist() == [["DEU", "RUS"], ["FRA", "ITA"]]
    assert (found.kind, found.n) == ("similarity", 2)
    assert found.findings[0].startswith("Germany and Russia, 1914-01-01: S -0.")


def test_a_reading_and_a_result_are_ties_too() -> None:
    votes = sl.load("un_ideal_points")
    asked = {"pair": ("IRN", "RUS"), "top": 10}
    with pytest.raises(SanctlibError, match=r"have the measures .* Keep one of them"):
        similarity.portfolio_similarity(votes, **asked)
    votes = votes.filter(measure="ideal_point_gap 2023-07")
    found = similarity.portfolio_similarity(votes, **asked)
    assert found.sources[0].key == "un_ideal_points"
    by_result = similarity.portfolio_similarity(sl.Result(table=votes.table), **asked)
    pd.testing.assert_frame_equal(found.table, by_result.table)
    with pytest.raises(SanctlibError, match=r"'russia_iran' holds events\. It must hold dyads"):
        similarity.portfolio_similarity(sl.load("russia_iran"), **asked)
