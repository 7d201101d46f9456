"""Tables given as frames: one gate for all, before anything is counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, SchemaError
from tests.news import news_of_2018

KNOWN = sl.Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 3, 31))
DAYS = pd.to_datetime(["2018-01-05", "2018-02-05", "2018-03-05"]).astype("datetime64[us]")


def events() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": "own",
            "event_id": ["1", "2", "3"],
            "act_id": ["1", "2", "3"],
            "date": DAYS,
            "date_last": DAYS,
            "sender": ["USA", "IRN", "RUS"],
            "target": ["IRN", "RUS", "CHN"],
            "mutual": [False, True, False],
            "family": ["sanction", "cooperation", "cooperation"],
            "action": ["impose", "visit", "agree"],
            "code": ["163", "042", "057"],
        }
    )


def cells() -> pd.DataFrame:
    counted = sl.cells(events(), every="month")
    return counted.drop(columns="n_unassigned")


DAMAGES: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a word in capitals": (
        "both",
        lambda t: t.assign(action=t["action"].str.title()),
        "Did you mean 'impose'",
    ),
    "a family in capitals": (
        "both",
        lambda t: t.assign(family=t["family"].str.upper()),
        "Did you mean 'sanction'",
    ),
    "an unknown word": ("both", lambda t: t.assign(action="embargo"), "holds 'embargo'"),
    "an action of another family": (
        "both",
        lambda t: t.assign(family="conflict"),
        "has the family 'conflict'",
    ),
    "a blank in a code": ("both", lambda t: t.assign(sender=" " + t["sender"]), "holds ' "),
    "a name": ("both", lambda t: t.assign(target="United States"), "holds 'United States'"),
    "a code in small letters": ("both", lambda t: t.assign(sender="usa"), "holds 'usa'"),
    "no id": ("events", lambda t: t.assign(act_id=None), "no 'act_id'"),
    "an empty id": ("events", lambda t: t.assign(event_id=""), "no 'event_id'"),
    "an id twice": ("events", lambda t: t.assign(event_id="1"), "repeat the key"),
    "a row twice": ("both", lambda t: pd.concat([t, t]), "repeat the key"),
    "codes as numbers": (
        "events",
        lambda t: t.assign(code=t["code"].astype("int64")),
        "leading zeros are lost",
    ),
    "codes as floats": (
        "events",
        lambda t: t.assign(code=t["code"].astype("float64")),
        "leading zeros are lost",
    ),
    "half an act": ("cells", lambda t: t.assign(n_acts=0.5), "not a whole number"),
    "fewer than no acts": ("cells", lambda t: t.assign(n_acts=-1), "not a whole number"),
    "an unknown number": ("cells", lambda t: t.assign(n_acts=np.nan), "no 'n_acts'"),
    "an endless number": ("cells", lambda t: t.assign(n_acts=np.inf), "not a whole number"),
    "numbers as text": ("cells", lambda t: t.assign(n_acts="two"), "n_acts"),
    "an unknown flag": ("both", lambda t: t.assign(mutual=None), "no 'mutual'"),
    "a mutual act out of order": (
        "both",
        lambda t: t.assign(mutual=True, sender=t["target"], target=t["sender"]),
        "sender not before target",
    ),
    "days as text": ("events", lambda t: t.assign(date="2018-01-05"), "Column 'date' holds"),
    "days as numbers": ("events", lambda t: t.assign(date=20180105), "Column 'date' holds"),
    "days in the wrong order": (
        "events",
        lambda t: t.assign(date_last=t["date"] - pd.Timedelta(days=1)),
        "'date' after 'date_last'",
    ),
    "a column twice": ("both", lambda t: pd.concat([t, t[["sender"]]], axis=1), "sender"),
}
CALLS: dict[str, Callable[[pd.DataFrame], object]] = {
    "cells": lambda t: sl.cells(t, every="month"),
    "sanction_counts": lambda t: sl.sanction_counts(
        t, every="month", unit="act", coverage=KNOWN, targets=["IRN"]
    ),
    "compare_units": lambda t: sl.compare_units(
        {"own": t}, start="2018-01", end="2018-03", targets=["IRN"]
    ),
    "sanction_pressure": lambda t: sl.sanction_pressure(
        t, every="month", half_life=2, unit="act", coverage=KNOWN
    ),
    "shared_sanctioners": lambda t: sl.shared_sanctioners(
        t, pair=("IRN", "RUS"), every="month", coverage=KNOWN
    ),
    "partnership_intensity": lambda t: sl.partnership_intensity(
        t, pair=("IRN", "RUS"), every="month", coverage=KNOWN
    ),
    "observed_expected": lambda t: sl.observed_expected(
        t, pair=("IRN", "RUS"), every="quarter", block="month", coverage=KNOWN, n_replicates=9
    ),
    "dyad_panel": lambda t: sl.dyad_panel(
        t, every="month", states=["IRN", "RUS", "CHN"], coverage=KNOWN
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_frame_is_refused_and_never_counted(damage: str, call: str) -> None:
    kinds, spoil, match = DAMAGES[damage]
    for kind, table in (("events", events()), ("cells", cells())):
        if kinds in (kind, "both"):
            CALLS[call](table)  # the table itself can be counted
            with pytest.raises(SanctlibError, match=match):
                CALLS[call](spoil(table))


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "polars_lazy"])
def test_frames_of_other_libraries_pass_the_same_gate(kind: str) -> None:
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    make = {
        "polars": lambda t: polars.from_pandas(t),
        "pyarrow": lambda t: pyarrow.Table.from_pandas(t),
        "polars_lazy": lambda t: polars.from_pandas(t).lazy(),
    }[kind]
    for damage in ("a word in capitals", "a name", "codes as numbers"):
        _, spoil, match = DAMAGES[damage]
        with pytest.raises(SchemaError, match=match):
            CALLS["sanction_counts"](make(spoil(events())))


def test_a_reading_is_not_checked_again_and_counts_the_same() -> None:
    reading = news_of_2018("month")
    asked = {"every": "month", "unit": "act", "targets": ["IRN"], "coverage": reading.coverage}
    by_frame = sl.sanction_counts(reading.table, **asked).table
    pd.testing.assert_frame_equal(by_frame, sl.sanction_counts(reading, **asked).table)
