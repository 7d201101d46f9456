"""Pressure undecayed and recent sanctions decayed: worked by hand, and the closed form."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, MissingColumnsError, SanctlibError
from sanctlib.metrics.pressure import sanction_pressure

KNOWN = Coverage(source="own", first=date(2018, 1, 1), last=date(2020, 12, 31))


def cases() -> pd.DataFrame:
    rows = [
        # case, sender, target, start, end
        ("1", "USA", "RUS", "2018-03-01", None),
        ("2", "EU", "RUS", "2019-05-01", "2019-12-31"),
        ("3", "USA", "RUS", "2019-06-01", None),
        ("4", "USA", "IRN", "2018-05-08", None),
    ]
    table = pd.DataFrame(rows, columns=["case_id", "sender", "target", "start", "end"])
    days = {c: pd.to_datetime(table[c]) for c in ("start", "end")}
    return table.assign(
        source="own",
        **days,
        start_last=days["start"],
        end_last=days["end"],
        ongoing=days["end"].isna(),
    )


def cells(n_acts: list[int]) -> pd.DataFrame:
    periods = pd.date_range("2018-01-01", periods=len(n_acts), freq="MS")
    return pd.DataFrame({"period": periods, "n_acts": n_acts}).assign(
        sender="USA", target="RUS", mutual=False, family="sanction", action="impose"
    )


def test_the_stock_is_summed_over_senders_and_does_not_fade() -> None:
    found = sanction_pressure(cases(), every="year", targets=["RUS", "IRN"], coverage=KNOWN).table
    assert found.drop(columns=["unit", "covered"]).assign(period=found["period"].dt.year).to_dict(
        "list"
    ) == {
        "period": [2018, 2018, 2019, 2019, 2020, 2020],
        "target": ["IRN", "RUS"] * 3,
        "n": [1, 1, 1, 3, 1, 2],
        "n_senders": [1, 1, 1, 2, 1, 1],
    }
    assert found["covered"].all()


def test_a_state_that_nobody_sanctions_is_under_no_pressure() -> None:
    found = sanction_pressure(cases(), every="year", targets=["RUS", "CUB"], coverage=KNOWN).table
    cuba = found[found["target"].eq("CUB")]
    assert cuba[["n", "n_senders"]].to_numpy().tolist() == [[0, 0]] * 3


def test_a_hand_picked_list_has_no_flow() -> None:
    with pytest.raises(CuratedError, match="hand-picked list, so it has no flow"):
        sanction_pressure(sl.load("russia_iran"), every="year", unit="act", half_life=1)


def test_each_case_counts_by_its_senders_weight_of_that_year() -> None:
    weights = pd.DataFrame(
        [
            ("USA", "RUS", "2018-01-01", 0.10),
            ("USA", "RUS", "2020-01-01", 0.02),
            ("EU", "RUS", "2018-01-01", 0.50),
        ],
        columns=["sender", "target", "date", "weight"],
    )
    found = sanction_pressure(
        cases(), every="year", targets=["RUS", "IRN"], weights=weights, coverage=KNOWN
    ).table
    russia = found[found["target"].eq("RUS")]
    assert russia["pressure"].round(10).tolist() == [0.10, 0.70, 0.04]
    assert russia["n_unweighted"].tolist() == [0, 0, 0]
    # Nobody weighed the United States for Iran: its case adds nothing, and is counted.
    iran = found[found["target"].eq("IRN")]
    assert (iran["pressure"].tolist(), iran["n_unweighted"].tolist()) == ([0, 0, 0], [1, 1, 1])


def test_weights_are_shares_and_need_their_columns() -> None:
    asked = {"every": "year", "targets": ["RUS"], "coverage": KNOWN}
    weights = pd.DataFrame({"sender": ["USA"], "target": ["RUS"], "weight": [5.0]})
    with pytest.raises(SanctlibError, match="a weight below 0 or above 1"):
        sanction_pressure(cases(), weights=weights, **asked)
    with pytest.raises(MissingColumnsError, match="no column 'weight'"):
        sanction_pressure(cases(), weights=weights.drop(columns="weight"), **asked)


def test_the_sender_of_a_list_is_weighed_by_its_code() -> None:
    us = sl.load("ofac_sdn")
    half = pd.DataFrame({"sender": ["USA"], "target": ["RUS"], "weight": [0.5]})
    asked = {"every": "month", "targets": ["RUS"], "at": "end_of_period"}
    stock = sanction_pressure(us, weights=half, **asked).table
    same = sl.active_sanctions(us, by=["target"], **asked).table
    assert stock["n"].tolist() == same["n"].tolist()
    assert stock["pressure"].tolist() == (same["n"] / 2).tolist()


def test_one_sanction_halves_with_each_half_life() -> None:
    """R27: unit impulse, h = 3: 1, .5, .25, .125 at t = 0, 3, 6, 9."""
    known = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 12, 31))
    found = sanction_pressure(
        cells([1]), every="month", unit="act", half_life=3, coverage=known
    ).table
    assert found["recent"].iloc[[0, 3, 6, 9]].tolist() == pytest.approx([1, 0.5, 0.25, 0.125])
    assert found["unseen"].iloc[[2, 5]].tolist() == pytest.approx([0.5, 0.25])


def test_a_constant_flow_tends_to_its_limit() -> None:
    """R27: constant w tends to w / (1 - 2^(-1/h))."""
    known = Coverage(source="own", first=date(2018, 1, 1), last=date(2027, 12, 31))
    found = sanction_pressure(
        cells([2] * 120), every="month", unit="act", half_life=3, coverage=known
    ).table
    assert found["recent"].iloc[-1] == pytest.approx(2 / (1 - 2 ** (-1 / 3)))


def test_a_gap_ends_what_is_known() -> None:
    known = Coverage(
        source="own",
        first=date(2018, 1, 1),
        last=date(2018, 6, 30),
        gaps=((date(2018, 4, 1), date(2018, 4, 10), "lost"),),
    )
    found = sanction_pressure(
        cells([4, 0, 0, 1, 0, 1]), every="month", unit="act", half_life=1, coverage=known
    ).table
    assert found["recent"].tolist()[:3] == [4, 2, 1]
    assert found["recent"].iloc[3:].isna().all()


def test_a_span_cuts_the_answer_and_not_what_came_before() -> None:
    asked = {"every": "month", "unit": "act", "half_life": 1, "coverage": KNOWN}
    whole = sanction_pressure(cells([8, 0, 0, 2]), **asked).table
    part = sanction_pressure(
        cells([8, 0, 0, 2]), start=date(2018, 3, 1), end=date(2018, 4, 30), **asked
    ).table
    assert part["recent"].tolist() == whole["recent"].iloc[2:4].tolist() == [2, 3]


def test_without_coverage_or_half_life_there_is_no_answer() -> None:
    with pytest.raises(SanctlibError, match="It is not known what 'own table' covers"):
        sanction_pressure(cells([1]), every="month", unit="act", half_life=3)
    with pytest.raises(SanctlibError, match="Pass their unit"):
        sanction_pressure(cells([1]), every="month", half_life=3, coverage=KNOWN)
    with pytest.raises(SanctlibError, match="without half_life the unit"):
        sanction_pressure(cases(), every="year", unit="case", coverage=KNOWN)
    with pytest.raises(SanctlibError, match=r"half_life is 0. It must be a number above 0"):
        sanction_pressure(cells([1]), every="month", unit="act", half_life=0)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=20),
    st.floats(0.5, 24, allow_nan=False),
)
def test_the_recursion_is_the_weighted_sum_of_the_past(flow: list[int], half_life: float) -> None:
    last = pd.Timestamp("2018-01-01") + pd.DateOffset(months=len(flow), days=-1)
    known = Coverage(source="own", first=date(2018, 1, 1), last=last.date())
    found = sanction_pressure(
        cells(flow), every="month", unit="act", half_life=half_life, coverage=known
    ).table
    direct = [
        sum(n * 2 ** (-(t - s) / half_life) for s, n in enumerate(flow[: t + 1]))
        for t in range(len(flow))
    ]
    assert found["recent"].tolist() == pytest.approx(direct)
