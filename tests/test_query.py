"""Arguments: each value is understood in one place, or refused with what is needed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, UnknownChoiceError
from sanctlib.query import ask, day_of, pairs_of, state_of

FIFTH = date(2018, 3, 5)


@pytest.mark.parametrize(
    "value",
    [
        "2018-03-05",
        " 2018-03-05 ",
        date(2018, 3, 5),
        datetime(2018, 3, 5, 17, 30),
        pd.Timestamp("2018-03-05 23:59"),
        np.datetime64("2018-03-05"),
        np.datetime64("2018-03-05T12:00"),
        pd.Period("2018-03-05", "D"),
    ],
    ids=str,
)
def test_a_day_is_the_same_in_every_type(value: object) -> None:
    assert day_of(value, what="start") == day_of(value, what="end", last=True) == FIFTH


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2018", date(2018, 1, 1), date(2018, 12, 31)),
        ("2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        (np.datetime64("2018"), date(2018, 1, 1), date(2018, 12, 31)),
        (np.datetime64("2018-02"), date(2018, 2, 1), date(2018, 2, 28)),
        (pd.Period("2018Q2"), date(2018, 4, 1), date(2018, 6, 30)),
        (pd.Period("2018-03-05", "W-SUN"), date(2018, 3, 5), date(2018, 3, 11)),
    ],
    ids=str,
)
def test_a_year_or_month_is_its_first_day_or_its_last(
    value: object, first: date, last: date
) -> None:
    assert day_of(value, what="start") == first
    assert day_of(value, what="end", last=True) == last


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (2018, "A number can be a year"),
        (20180305, "A number can be a year"),
        (2018.0, "A number can be a year"),
        (np.int64(2018), "A number can be a year"),
        (True, "start is True"),
        ("01/02/2022", "'01/02/2022'"),
        ("5 March 2018", "'5 March 2018'"),
        ("today", "'today'"),
        ("", "start is ''"),
        ("2018-13", "no day"),
        ("2018-02-30", "no day"),
        ("2018-3-5", "'2018-3-5'"),
        (pd.NaT, "start is NaT"),
        (np.datetime64("NaT"), "NaT"),
        (None, "start is None"),
        ([date(2018, 1, 1)], "start is"),
        (datetime(2018, 3, 5, tzinfo=UTC), "time zone UTC"),
        (pd.Timestamp("2018-03-05", tz="Asia/Tehran"), "time zone Asia/Tehran"),
        ("1397", "1700 to 2200"),
        (date(9999, 12, 31), "1700 to 2200"),
        (date(1, 1, 1), "1700 to 2200"),
    ],
    ids=str,
)
def test_what_is_no_day_is_refused_with_an_example(value: object, match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        day_of(value, what="start")


NEWS = sl.cells(
    pd.DataFrame(
        {
            "source": "own",
            "event_id": ["1", "2", "3"],
            "act_id": ["1", "2", "3"],
            "date": pd.to_datetime(["2022-03-05", "2022-03-05", "2022-03-06"]),
            "date_last": pd.to_datetime(["2022-03-05", "2022-03-05", "2022-03-06"]),
            "sender": ["USA", "RUS", "RUS"],
            "target": ["IRN", "IRN", "CHN"],
            "mutual": False,
            "family": ["sanction", "cooperation", "cooperation"],
            "action": ["impose", "visit", "agree"],
        }
    ),
    every="day",
)
KNOWN = sl.Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 12, 31))
PAIR = {"pair": ("RUS", "IRN"), "coverage": KNOWN}
DATED = {
    "cells": lambda **span: sl.cells(NEWS, every="day", **span),
    "sanction_counts": lambda **span: sl.sanction_counts(
        NEWS, every="day", unit="act", coverage=KNOWN, **span
    ),
    "compare_units": lambda **span: sl.compare_units({"own": NEWS}, targets=["IRN"], **span),
    "active_sanctions": lambda **span: sl.active_sanctions(
        sl.load("ofac_sdn"), every="month", at="any_day", targets=["IRN"], **span
    ),
    "sanction_pressure": lambda **span: sl.sanction_pressure(
        sl.load("ofac_sdn"), every="month", targets=["IRN"], **span
    ),
    "recent": lambda **span: sl.sanction_pressure(
        NEWS, every="day", half_life=1, unit="act", coverage=KNOWN, **span
    ),
    "shared_sanctioners": lambda **span: sl.shared_sanctioners(NEWS, every="day", **PAIR, **span),
    "partnership_intensity": lambda **span: sl.partnership_intensity(
        NEWS, every="day", **PAIR, **span
    ),
    "observed_expected": lambda **span: sl.observed_expected(
        NEWS, every="month", block="day", n_replicates=9, **PAIR, **span
    ),
    "agreements": lambda **span: sl.agreements(
        sl.load("russia_iran"), pair=("RUS", "IRN"), every="month", half_life=1, **span
    ),
    "dyad_panel": lambda **span: sl.dyad_panel(
        NEWS, every="day", states=["RUS", "IRN", "CHN"], coverage=KNOWN, **span
    ),
}


@pytest.mark.parametrize("name", DATED)
def test_every_function_takes_every_type_of_day(name: str) -> None:
    days = (
        date(2022, 3, 5),
        "2022-03-05",
        datetime(2022, 3, 5, 8),
        pd.Timestamp("2022-03-05"),
        np.datetime64("2022-03-05"),
        pd.Period("2022-03-05", "D"),
    )
    results = [DATED[name](start=day, end=day) for day in days]
    first, *others = (r if isinstance(r, pd.DataFrame) else r.table for r in results)
    assert len(first)
    for other in others:
        pd.testing.assert_frame_equal(other, first)


@pytest.mark.parametrize("name", DATED)
@pytest.mark.parametrize("wrong", [2018, "01/02/2018", pd.Timestamp("2018-03-05", tz="UTC")])
def test_every_function_refuses_what_is_no_day(name: str, wrong: object) -> None:
    with pytest.raises(SanctlibError, match=r"start (is|has)"):
        DATED[name](start=wrong, end="2018-12-31")


@pytest.mark.parametrize("name", DATED)
def test_every_function_refuses_a_start_after_the_end(name: str) -> None:
    with pytest.raises(SanctlibError, match=r"start is 2018-12-01 and end is 2018-01-31"):
        DATED[name](start="2018-12", end="2018-01")


@pytest.mark.parametrize(
    ("value", "hint"),
    [(95, "Did you mean 0.95"), (1, ""), (0, ""), (-0.1, ""), ("0.9", ""), (True, ""), (None, "")],
)
def test_a_level_lies_between_0_and_1(value: object, hint: str) -> None:
    with pytest.raises(SanctlibError, match=f"must lie between 0 and 1.{hint and ' '}{hint}"):
        ask(level=value)


def test_states_are_codes_or_names_that_mean_one() -> None:
    assert state_of("IRN", what="targets") == state_of("Iran", what="targets") == "IRN"
    assert ask(targets=["Russia", "IRN"], senders=["European Union", "EU"]).targets == (
        "RUS",
        "IRN",
    )
    assert ask(senders=["European Union", "IO-SCO"]).senders == ("EU", "IO-SCO")
    for wrong in ("Irann", "irn", 1, None, "EU"):
        with pytest.raises(UnknownChoiceError, match="targets holds"):
            state_of(wrong, what="targets")


def test_pairs_come_back_in_alphabetical_order() -> None:
    assert pairs_of(("RUS", "IRN"), what="pair") == (("IRN", "RUS"),)
    assert pairs_of([("RUS", "IRN"), ("CHN", "Iran")], what="pair") == (
        ("IRN", "RUS"),
        ("CHN", "IRN"),
    )


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("RUS", "must be two states"),
        (("RUS",), "A pair is two states"),
        (("RUS", "IRN", "CHN"), "A pair is two states"),
        (("RUS", "RUS"), "two different states"),
        ((1, 2), "pair holds 1"),
        ([], "pair is empty"),
        ([("RUS", "IRN"), ("IRN", "RUS")], "twice"),
        (("RUS", "IO-SCO"), "bloc"),
        (5, "must be two states"),
    ],
    ids=str,
)
def test_what_is_no_pair_is_refused(value: object, match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        pairs_of(value, what="pair")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"every": "fortnight"}, "every is 'fortnight'. It must be one of 'day', 'week'"),
        ({"every": 7}, "every is 7"),
        ({"by": "sender"}, r"by is 'sender'. It must be a list, such as \['sender'\]"),
        ({"by": [1]}, "by holds 1"),
        ({"by": ["sender", "sender"]}, "by holds 'sender' twice"),
        ({"targets": "IRN"}, r"targets is 'IRN'. It must be a list, such as \['IRN'\]"),
        ({"targets": 5}, "targets is 5"),
        ({"unit": "acts"}, "Did you mean 'act'"),
        ({"target_rule": "law"}, "target_rule is 'law'"),
    ],
)
def test_lists_and_choices_have_one_wording(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        ask(**arguments)


def test_a_query_shows_what_was_asked() -> None:
    query = ask(every="year", start="2022", targets=["IRN"], half_life=3)
    assert repr(query) == (
        "Query(every='year', start=datetime.date(2022, 1, 1), targets=('IRN',), half_life=3)"
    )
