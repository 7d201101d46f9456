"""Errors say what was needed, what was found and the likely fix."""

from __future__ import annotations

from typing import Any

import pytest

import sanctlib as sl
from sanctlib.errors import (
    MissingColumnsError,
    SanctlibError,
    UnknownChoiceError,
    check_choice,
    check_columns,
    did_you_mean,
)
from sanctlib.query import check_state, keys_of
from tests.test_counts import CASES


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
    with pytest.raises(SanctlibError, match=r"by is 'target'. It must be a list, .*\['target'\]"):
        keys_of("target", what="by")
    with pytest.raises(SanctlibError, match="by holds 'target' twice"):
        keys_of(["target", "target"], what="by")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: sl.expand_blocs(sl.load("russia_iran")),
            "must be a pandas table: pass its .table",
        ),
        (
            lambda: sl.sanction_pressure(CASES, every="year", targets=["RUS"], weights={"USA": 1}),
            "The table is something else. It must be a pandas table",
        ),
        (
            lambda: sl.active_sanctions(sl.load("canada_sema"), every="year", at="any_day"),
            "holds listing_counts.*count them with sl.sanction_counts",
        ),
        (lambda: sl.load("gsdb"), r"not shipped: get it .* read it with sl.read\('gsdb', path\)"),
        (lambda: sl.read("russia_iran"), "loaded by sl.load"),
        (lambda: sl.read("gsdb"), "path is empty"),
        (lambda: sl.sanction_counts("x.csv", every="year", unit="act"), "sl.read_table"),
        (
            lambda: sl.sanction_counts(CASES, every="year", unit="case", by="target"),
            r"by is 'target'. It must be a list, such as \['target'\]",
        ),
    ],
)
def test_what_a_measure_cannot_use_is_answered_with_what_it_can(call: Any, match: str) -> None:
    with pytest.raises(SanctlibError, match=match):
        call()


def test_missing_columns_are_named_with_the_found_ones() -> None:
    with pytest.raises(
        MissingColumnsError, match=r"has no column 'b' and no column 'c'\. Columns found: 'a'\."
    ):
        check_columns(["a"], ["a", "b", "c"])


def test_a_choice_comes_back_or_the_known_ones_are_named() -> None:
    assert check_choice("week", ["week", "month"], what="period") == "week"
    with pytest.raises(UnknownChoiceError, match=r"period is 'day'\. It must be one of"):
        check_choice("day", ["week", "month"], what="period")


def test_of_many_columns_the_first_are_shown() -> None:
    with pytest.raises(MissingColumnsError, match=r"'c11' and 8 more\."):
        check_columns([f"c{i}" for i in range(20)], ["sender"])


def test_a_bloc_is_told_from_a_misspelt_state() -> None:
    with pytest.raises(UnknownChoiceError, match=r"'EU' is not a state.*It is a bloc or a region"):
        check_state("EU")
