"""Errors say what was needed, what was found and the likely fix."""

from __future__ import annotations

import pytest

from sanctlib.codes.countries import check_states
from sanctlib.errors import (
    MissingColumnsError,
    UnknownChoiceError,
    check_choice,
    check_columns,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("slip", "known", "meant"),
    [
        ("sendr", ["sender", "target"], "sender"),
        ("rus", ["RUS", "RWA"], "RUS"),
        ("IRM", ["VIR", "IRN", "ARM"], "IRN"),
        ("zzz", ["sender"], None),
    ],
)
def test_the_closest_name_is_offered(slip: str, known: list[str], meant: str | None) -> None:
    expected = f" Did you mean {meant!r}?" if meant else ""
    assert did_you_mean(slip, known) == expected


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
