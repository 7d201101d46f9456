"""Kind L: errors that blame the wrong function, and raw errors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from tests.known_faults import blames_nobody, frame, given, outcome, refused
from tests.known_faults.made import (
    DECADE,
    YEAR,
    cases,
    cells_of_a_year,
    months,
    own,
    panel,
    units,
    year_of_events,
)
from tests.news import news_of_2018
from tests.web import fetch_from, running

PAIR = ("IRN", "RUS")
MONTHLY: dict[str, Any] = {"every": "month", "coverage": YEAR}
HELD = cases([("USA", "IRN", "2012-01-01", "2013-06-30"), ("EU", "RUS", "2013-01-01", None)])
FORTNIGHT: Any = "fortnight"


@functools.cache
def weekly() -> pd.DataFrame:
    return news_of_2018("week").table.query("family == 'sanction'")


BLAMED: dict[str, tuple[str, Callable[[], Any]]] = {
    "recent sanctions by fortnight": (
        "sanction_pressure",
        lambda: sl.sanction_pressure(
            year_of_events(), every=FORTNIGHT, unit="act", half_life=2, coverage=YEAR
        ),
    ),
    "shared_sanctioners by fortnight": (
        "shared_sanctioners",
        lambda: sl.shared_sanctioners(HELD, pair=PAIR, every=FORTNIGHT, coverage=DECADE),
    ),
    "recent sanctions of entities": (
        "sanction_pressure",
        lambda: sl.sanction_pressure(year_of_events(), unit="entity", half_life=2, **MONTHLY),
    ),
    "shared_sanctioners of weekly cells": (
        "shared_sanctioners",
        lambda: sl.shared_sanctioners(weekly(), pair=PAIR, every="month", coverage=YEAR),
    ),
    "sanction_pressure of news": (
        "sanction_pressure",
        lambda: sl.sanction_pressure(year_of_events(), targets=["IRN"], **MONTHLY),
    ),
    "spells of own cases": (
        "sanction_spells",
        lambda: sl.models.sanction_spells(
            HELD.assign(outcomes="failed"), every="year", coverage=DECADE
        ),
    ),
}


@pytest.mark.parametrize("name", list(BLAMED))
def test_an_error_names_no_other_function(name: str) -> None:
    caller, call = BLAMED[name]
    blames_nobody(refused(call), caller)


def counted(rows: pd.DataFrame, *regressors: str, **options: Any) -> Any:
    how: dict[str, Any] = {"vcov": ["dyad"]} | options
    return sl.models.count_panel(rows, dependent="y", regressors=list(regressors) or ["x"], **how)


def followed(rows: pd.DataFrame) -> Any:
    onsets = pd.DataFrame({"target": [f"U{i}" for i in range(6)], "period": 2005})
    return sl.models.event_study(
        rows.rename(columns={"unit": "target"}), dependent="y", onsets=onsets, before=2, after=1,
        target_columns=["target"], n_replicates=1,
    )  # fmt: skip


TEXT: dict[str, tuple[str, Callable[[], Any]]] = {
    "a regressor of a count panel": ("'x'", lambda: counted(panel(12).assign(x="much"))),
    "the outcome of a count panel": ("'y'", lambda: counted(panel(12).assign(y="much"))),
    "the outcome of an event study": ("'y'", lambda: followed(units(20, 12).assign(y="much"))),
    "the value of an interrupted series": (
        "'y'",
        lambda: sl.models.interrupted_series(
            months().assign(y="much"), dependent="y", onset=date(2013, 1, 1)
        ),
    ),
    "counts of an interval": ("n is", lambda: sl.metrics.poisson_interval(["a"])),
}


@pytest.mark.parametrize("name", TEXT)
def test_text_where_numbers_are_needed_is_refused(name: str) -> None:
    column, call = TEXT[name]
    refused(call, match=rf"{column}.*(text|numbers)|(text|numbers).*{column}")


def test_a_model_without_effects_is_refused() -> None:
    refused(lambda: counted(panel(12), fixed_effects=[]), match="effect")


@pytest.mark.parametrize("name", ["a|b", "a`b", "1", "a b", "a+b", "C(a)"])
def test_any_name_of_a_column_works(name: str) -> None:
    rows = panel(12)
    expected = frame(counted(rows))["estimate"].item()
    found = frame(given(lambda: counted(rows.rename(columns={"x": name}), name)))
    assert found["estimate"].item() == pytest.approx(expected)


@pytest.mark.parametrize("horizons", [60, 100])
def test_more_horizons_than_periods_are_refused(horizons: int) -> None:
    refused(
        lambda: sl.models.local_projection(
            months(60), impulse="x", dependent="y", horizons=horizons, lags=1
        ),
        match=rf"horizons.*{horizons}|{horizons}.*horizons",
    )


def test_the_periods_that_a_message_counts_are_those_of_the_table() -> None:
    error = refused(
        lambda: sl.models.local_projection(
            months(60), impulse="x", dependent="y", horizons=40, lags=6
        )
    )
    assert "60" in str(error)


def test_a_pulse_near_the_end_is_refused_in_words() -> None:
    table = months(60).assign(x=np.where(np.arange(60) == 58, 1.0, 0.0))
    found = outcome(
        lambda: sl.models.local_projection(table, impulse="x", dependent="y", horizons=6, lags=1)
    )
    if isinstance(found, sl.SanctlibError):
        assert "trend=" not in str(found)
        assert "'x'" in str(found)


@pytest.mark.parametrize("n", [0, -1])
def test_no_replicates_are_refused(n: int) -> None:
    refused(
        lambda: sl.models.lead_lag(months(), x="x", y="y", lags=1, n_replicates=n),
        match=rf"is {n}\b",
    )


@pytest.mark.parametrize("scale", [1e8, 1e-8])
def test_a_regressor_of_another_scale_gives_the_same_model_or_advice(scale: float) -> None:
    rows = panel(12)
    rows["x"] = np.exp(2 * np.random.default_rng(1).normal(size=len(rows)))
    expected = frame(counted(rows))["estimate"].item()
    found = outcome(lambda: counted(rows.assign(x=rows["x"] * scale)))
    if isinstance(found, sl.SanctlibError):
        assert "logarithm" in str(found) or "scale" in str(found)
    else:
        assert frame(found)["estimate"].item() * scale == pytest.approx(expected, rel=1e-3)


def test_columns_of_several_levels_are_refused_or_read() -> None:
    levels = pd.MultiIndex.from_tuples([("a", "d"), ("a", "s"), ("a", "t")])
    rows = pd.DataFrame([["2018-05-08", "Iran", "Iraq"]], columns=levels)
    names: Any = {"date": ("a", "d"), "sender": ("a", "s"), "target": ("a", "t")}
    outcome(lambda: sl.read_table(rows, columns=names, constants={"action": "impose"}))


def test_states_as_categories_are_states() -> None:
    rows = panel(12)
    expected = frame(counted(rows))
    found = given(lambda: counted(rows.astype({"first": "category", "second": "category"})))
    pd.testing.assert_frame_equal(frame(found), expected)


def test_a_unit_as_text_of_numbered_units_is_refused() -> None:
    table = units().assign(unit=lambda t: t["unit"].str[1:].astype("int64"))
    refused(
        lambda: sl.models.synthetic_control(
            table, dependent="y", treated="0", onset=2012, units="unit"
        ),
        match="'0'",
    )


@pytest.mark.parametrize("name", [".", "x" * 5_000, ""])
def test_an_impossible_path_is_refused_as_it_was_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet("x.parquet")
    error = refused(lambda: sl.sanction_counts(name, every="year", unit="act"))
    assert repr(name[:40])[:-1] in str(error)


WRONG: Any = None  # the types below are wrong on purpose
VALUES: dict[str, tuple[str, Callable[[], Any]]] = {
    "targets of numbers": (
        r"\[1\]|\b1\b",
        lambda: sl.sanction_counts(year_of_events(), unit="act", targets=[1], **MONTHLY),  # type: ignore[list-item]
    ),
    "a pair of numbers": (
        r"\b1\b",
        lambda: sl.partnership_intensity(year_of_events(), pair=(1, 2), **MONTHLY),  # type: ignore[arg-type]
    ),
    "a level as text": (
        "0.9",
        lambda: sl.partnership_intensity(year_of_events(), pair=PAIR, level="0.9", **MONTHLY),  # type: ignore[arg-type]
    ),
    "a coverage as text": (
        "'x'",
        lambda: sl.sanction_counts(
            year_of_events(),
            every="month",
            unit="act",
            coverage="x",  # type: ignore[arg-type]
        ),
    ),
    "a table that is a list": (
        "list|table",
        lambda: sl.sanction_counts([1, 2], unit="act", **MONTHLY),
    ),
    "a table that is a number": (
        "7|table",
        lambda: sl.partnership_intensity(7, pair=PAIR, **MONTHLY),
    ),
    "no table": ("None|table", lambda: sl.active_sanctions(WRONG, at="any_day", **MONTHLY)),
    "a period that is a number": (
        r"\b7\b",
        lambda: sl.sanction_counts(year_of_events(), every=7, unit="act"),  # type: ignore[arg-type]
    ),
    "no period": (
        "None|every",
        lambda: sl.sanction_counts(year_of_events(), every=WRONG, unit="act"),
    ),
    "a pair of three": (
        "CHN|pair|two",
        lambda: sl.observed_expected(
            year_of_events(),
            pair=("IRN", "RUS", "CHN"),
            every="year",
            block="month",  # type: ignore[arg-type]
        ),
    ),
    "a pair of one state twice": (
        "IRN",
        lambda: sl.partnership_intensity(year_of_events(), pair=("IRN", "IRN"), **MONTHLY),
    ),
    "an unknown state": (
        "'RSU'.*'RUS'",
        lambda: sl.partnership_intensity(year_of_events(), pair=("IRN", "RSU"), **MONTHLY),
    ),
    "a key that is unknown": (
        "'tarket'.*'target'",
        lambda: sl.sanction_counts(year_of_events(), unit="act", by=["tarket"], **MONTHLY),
    ),
    "a half-life of 0": (
        r"\b0\b",
        lambda: sl.sanction_pressure(year_of_events(), unit="act", half_life=0, **MONTHLY),
    ),
    "a half-life that is missing": (
        "nan|half",
        lambda: sl.sanction_pressure(
            year_of_events(), unit="act", half_life=float("nan"), **MONTHLY
        ),
    ),
    "a half-life as text": (
        "'2'",
        lambda: sl.sanction_pressure(year_of_events(), unit="act", half_life="2", **MONTHLY),  # type: ignore[arg-type]
    ),
    "replicates as text": (
        "'many'",
        lambda: sl.observed_expected(
            year_of_events(),
            pair=PAIR,
            every="year",
            block="month",
            n_replicates="many",  # type: ignore[arg-type]
            coverage=YEAR,
        ),
    ),
    "a negative band": (
        "-1",
        lambda: sl.partnership_intensity(
            year_of_events(), pair=PAIR, comparable_from=-1, **MONTHLY
        ),
    ),
    "names that are a text": ("list|'Iran'", lambda: sl.resolve("Iran")),  # type: ignore[arg-type]
    "a mapping that is a list": (
        "column|mapping",
        lambda: own([("2018-05-08", "France", "Iran")], columns=["date"], constants={}),
    ),
    "an empty table": (
        "row|empty|column",
        lambda: sl.partnership_intensity(pd.DataFrame(), pair=PAIR, **MONTHLY),
    ),
    "no states of a panel": (
        "state",
        lambda: sl.dyad_panel(year_of_events(), states=[], directed=False, **MONTHLY),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_wrong_value_is_refused_with_what_was_given(name: str) -> None:
    message, call = VALUES[name]
    refused(call, match=message)


@pytest.mark.parametrize("name", VALUES)
def test_a_refusal_names_no_function_and_no_type_of_python(name: str) -> None:
    blames_nobody(refused(VALUES[name][1]))


def test_a_fetch_of_one_file_speaks_of_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sanctlib.sources.producers import Fetchable

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as web:
        lists = {"a.xml": f"{web.address}/a.xml"}
        source = Fetchable(name="lists", title="Lists", lists=lists, pause=0)
        error = refused(lambda: fetch_from(source, out=tmp_path))
    assert "others" not in str(error)


def test_cells_of_a_year_are_the_events_of_a_year() -> None:
    found = frame(sl.cells(year_of_events(), every="month"))
    assert int(found["n_acts"].sum()) == int(cells_of_a_year()["n_acts"].sum()) == 60
