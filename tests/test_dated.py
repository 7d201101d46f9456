"""The day that counts: an act's own, that of its announcement, that of its effect."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.counts import sanction_counts
from tests.engines import Shaped
from tests.test_counts import CASES, events, shown

DAYS = ("date", "announced", "effective")
SPRING = Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 4, 30))


def dated(announced: list[str | None], effective: list[str | None]) -> pd.DataFrame:
    days = {"date_announced": announced, "date_effective": effective}
    typed = {k: pd.to_datetime(pd.Series(v)).astype("datetime64[us]") for k, v in days.items()}
    return events().assign(**typed)


# Act 1 (two rows) announced before, act 2 the month after, act 4 (wider than a month) on a day.
ACTS = dated(
    ["2021-12-30", "2021-12-30", "2022-04-02", None, "2022-02-21", None],
    [None, None, "2022-04-01", None, None, "2022-06-01"],
)


def by_each_day(table: object, *, every: str, by: tuple = (), **asked: object) -> pd.DataFrame:
    """Count by each of the three days in turn; by its own day no act falls back."""
    asked |= {"every": every, "unit": "act", "by": by}
    found = [sanction_counts(table, dated=day, **asked).table.assign(dated=day) for day in DAYS]
    return pd.concat([found[0].assign(n_fallback=0), *found[1:]])


def test_every_engine_counts_by_the_day_announced(as_engine: Shaped) -> None:
    table = as_engine(ACTS)
    found = sanction_counts(
        table, every="month", by=[], unit="act", dated="announced", coverage=SPRING
    ).table
    assert shown(found, "period", "n", "lower", "upper", "n_unassigned", "n_fallback") == [
        # December lies before the coverage.
        ("2021-12", 1, 1, None, 0, 0),
        ("2022-01", 0, 0, 0, 0, 0),
        ("2022-02", 1, 1, 1, 0, 0),
        ("2022-03", 0, 0, 0, 0, 0),
        # Act 5 has no such day, and counts by its own.
        ("2022-04", 2, 2, 2, 0, 1),
    ]


def test_the_span_asked_for_is_one_of_the_days_that_count() -> None:
    april = {"start": date(2022, 4, 1), "end": date(2022, 4, 30)}
    asked = {"every": "month", "by": ["sender"], "unit": "act", **april}
    by_day = {
        day: sanction_counts(ACTS, dated=day, **asked).table for day in ("announced", "effective")
    }
    assert shown(by_day["announced"], "sender", "n", "n_fallback") == [("EU", 1, 0), ("USA", 1, 1)]
    assert shown(by_day["effective"], "sender", "n", "n_fallback") == [("EU", 1, 0)]
    assert "n_fallback" not in sanction_counts(ACTS, **asked).table


def test_an_act_with_the_day_in_one_of_its_rows_is_one_act_that_fell_back() -> None:
    mixed = dated(["2022-01-20", None, *[None] * 4], [None] * 6)
    found = sanction_counts(mixed, every="year", by=[], unit="act", dated="announced").table
    assert shown(found, "n", "n_fallback") == [(4, 4)]


def test_an_act_without_a_place_is_unplaced_by_any_day_it_lacks() -> None:
    found = sanction_counts(ACTS, every="month", by=[], unit="act", dated="effective").table
    assert shown(found, "period", "n", "n_unassigned", "n_fallback")[-1] == (None, None, 1, 1)


def test_three_days_side_by_side() -> None:
    found = by_each_day(ACTS, every="month", by=["sender"], senders=["EU"])
    assert shown(found, "dated", "period", "sender", "n", "n_fallback") == [
        ("date", "2022-03", "EU", 1, 0),
        ("announced", "2022-04", "EU", 1, 0),
        ("effective", "2022-04", "EU", 1, 0),
    ]


@pytest.mark.parametrize(
    ("table", "options", "error", "match"),
    [
        (sl.cells(events().iloc[:2], every="month"), {}, SanctlibError, "holds cells"),
        (CASES, {"unit": "case"}, SanctlibError, "only events can answer. 'own table' holds cases"),
        (events(), {}, MissingColumnsError, "'date_announced'"),
        (ACTS, {"dated": "adopted"}, UnknownChoiceError, "dated is 'adopted'"),
    ],
)
def test_a_day_that_is_not_told_is_refused(
    table: pd.DataFrame, options: dict, error: type, match: str
) -> None:
    with pytest.raises(error, match=match):
        sanction_counts(table, every="month", **{"unit": "act", "dated": "announced"} | options)


def test_the_return_of_the_us_sanctions_was_announced_in_may_2018() -> None:
    asked = {"by": ["sender"], "senders": ["USA"], "targets": ["IRN"]}
    span = {"start": date(2018, 1, 1), "end": date(2018, 12, 31)}
    found = by_each_day(sl.load("russia_iran"), every="month", **asked, **span)
    assert shown(found, "dated", "period", "n") == [
        # The listings of 20 November 2018 were announced on their day.
        ("date", "2018-08", 1),
        ("date", "2018-11", 2),
        ("announced", "2018-05", 2),
        ("announced", "2018-11", 1),
        ("effective", "2018-08", 1),
        ("effective", "2018-11", 2),
    ]


def test_most_acts_of_the_chronology_have_one_day_alone() -> None:
    found = by_each_day(sl.load("russia_iran"), every="year")
    sums = found.groupby("dated", sort=False)[["n", "n_fallback"]].sum()
    assert sums.T.to_dict("list") == {
        "date": [194, 0],
        "announced": [194, 144],
        "effective": [194, 143],
    }


def test_a_hand_picked_list_has_no_zeros() -> None:
    acts = sl.load("russia_iran")
    found = sanction_counts(
        acts, every="month", unit="act", by=["target"], targets=["RUS", "IRN"]
    ).table
    assert found["n"].dropna().gt(0).all()
    assert found["covered"].isna().all()
    asked = {"every": "month", "unit": "act", "by": ["target"], "targets": ["RUS", "IRN"]}
    said = sanction_counts(acts, coverage=acts.coverage, **asked).table
    pd.testing.assert_frame_equal(said, found)


some_days = st.one_of(st.none(), st.dates(date(2022, 1, 1), date(2022, 6, 30)))


@settings(deadline=None, derandomize=True, max_examples=10)
@given(
    announced=st.lists(some_days, min_size=6, max_size=6),
    order=st.permutations(range(6)),
    by=st.sampled_from(["sender", "action"]),
)
def test_no_act_is_lost_by_another_day_or_another_order(
    announced: list[date | None], order: list[int], by: str
) -> None:
    announced[1] = announced[0]  # both rows of act 1
    table = dated([None if d is None else d.isoformat() for d in announced], [None] * 6)
    asked = {"every": "month", "unit": "act", "dated": "announced"}
    found = sanction_counts(table, by=[by], **asked).table
    assert found["additive"].all()
    assert found["n"].sum() + found["n_unassigned"].sum() == 4
    # Of the acts that count (1, 2, 4 and 5).
    lacking = sum(announced[i] is None for i in (0, 2, 4, 5))
    assert found["n_fallback"].sum() == lacking
    turned = sanction_counts(table.iloc[order], by=[by], **asked).table
    pd.testing.assert_frame_equal(turned, found)
