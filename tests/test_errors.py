"""Errors say what was needed, what was found and the likely fix."""

from __future__ import annotations

from typing import Any

import pytest

import sanctlib as sl
from sanctlib.codes.countries import check_states
from sanctlib.errors import (
    MissingColumnsError,
    SanctlibError,
    UnknownChoiceError,
    check_choice,
    check_columns,
    check_list,
    did_you_mean,
)
from tests.test_counts import CASES
from tests.test_counts import events as some_acts

WORDS = {"caption": "", "title": ""}
ACTS = some_acts().assign(title="", status="confirmed")


@pytest.mark.parametrize(
    ("slip", "known", "meant"),
    [
        ("sendr", ["sender", "target"], "sender"),
        ("rus", ["RUS", "RWA"], "RUS"),
        ("IRM", ["VIR", "IRN", "ARM"], "IRN"),
        ("IRM", ["ISR", "IRN", "VIR"], "IRN"),
        ("zzz", ["sender"], None),
    ],
)
def test_the_closest_name_is_offered(slip: str, known: list[str], meant: str | None) -> None:
    expected = f" Did you mean {meant!r}?" if meant else ""
    assert did_you_mean(slip, known) == expected


def test_names_as_close_as_each_other_are_all_offered() -> None:
    assert did_you_mean("IRM", ["ISR", "IRQ", "IRN"]) == " Did you mean 'IRN' or 'IRQ'?"


def test_a_list_is_no_text_and_holds_nothing_twice() -> None:
    with pytest.raises(SanctlibError, match=r"like \['target'\], and got 'target'"):
        check_list("target", what="keys", needed_by="f")
    with pytest.raises(SanctlibError, match="each of its keys once"):
        check_list(["target", "target"], what="keys", needed_by="f")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: sl.expand_blocs(sl.load("russia_iran")), "expand_blocs .* pass its .table"),
        (lambda: sl.plot_gap(sl.load("un_ideal_points"), **WORDS), "plot_gap .* pass its .table"),
        (lambda: sl.plot_timeline(ACTS, sides=None, **WORDS), "got None"),
        (lambda: sl.plot_timeline("acts.csv", sides={}, **WORDS), "pandas table.* given 'str'"),
        (
            lambda: sl.sanction_pressure(CASES, every="year", targets=["RUS"], weights={"USA": 1}),
            "weights needs a pandas table, and was given 'dict'",
        ),
        (
            lambda: sl.active_sanctions(sl.load("canada_sema"), every="year", at="any_day"),
            "listing_counts. Those have a day and no end: sanction_counts",
        ),
        (lambda: sl.load("gsdb"), r"sl.read\('gsdb', path\) reads it"),
        (lambda: sl.read("russia_iran"), "loaded by sl.load"),
        (lambda: sl.read("gsdb"), "needs the path of a file"),
        (lambda: sl.sanction_counts("x.csv", every="year", unit="act"), "sl.read_table"),
        (
            lambda: sl.sanction_counts(CASES, every="year", unit="case", by="target"),
            r"keys, like \['target'\]",
        ),
    ],
)
def test_what_a_measure_cannot_use_is_answered_with_what_it_can(call: Any, match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        call()


def test_missing_columns_are_named_with_the_found_ones() -> None:
    with pytest.raises(
        MissingColumnsError,
        match=r"f needs the columns 'b', 'c', and the table lacks them\.\nColumns found: 'a'\.",
    ):
        check_columns(["a"], ["a", "b", "c"], needed_by="f")


def test_a_choice_comes_back_or_the_known_ones_are_named() -> None:
    assert check_choice("week", ["week", "month"], what="period", needed_by="f") == "week"
    with pytest.raises(UnknownChoiceError, match="f does not know the period 'day'"):
        check_choice("day", ["week", "month"], what="period", needed_by="f")


def test_of_many_columns_the_first_are_shown() -> None:
    with pytest.raises(MissingColumnsError, match=r"'c11' and 8 more\."):
        check_columns([f"c{i}" for i in range(20)], ["sender"], needed_by="a reader")


def test_a_bloc_is_told_from_a_misspelt_state() -> None:
    with pytest.raises(UnknownChoiceError, match=r"'EU'\. That is a bloc or a region"):
        check_states(["EU"], needed_by="a panel")
