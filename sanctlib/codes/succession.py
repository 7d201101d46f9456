"""Read the tables of codes. Return when each code was a state's, and what it passed to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Days: TypeAlias = npt.NDArray[np.int64]

# Days since 1970-01-01: the calendar of four digits, 1000-01-01 to 9999-12-31.
FIRST_DAY, LAST_DAY = -354_285, 2_932_896


class Spell(NamedTuple):
    """The days on which a code is that of a state or territory."""

    first: int
    last: int
    successors: tuple[str, ...]
    predecessor: str


@cache
def table_of_states() -> pd.DataFrame:
    """Return the table of `countries`, not to be changed."""
    table = read_codes("countries.csv", dates=("from", "until"))
    table["cow"] = pd.to_numeric(table["cow"]).astype("Int64")
    return table


def read_codes(name: str, *, dates: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return one of the tables of this folder as text, with the days of `dates` parsed."""
    # NA is Namibia: nothing but an empty cell is missing, and that only in a date.
    table = pd.read_csv(Path(__file__).with_name(name), dtype=str, keep_default_na=False)
    for column in dates:
        days = pd.to_datetime(table[column].replace("", None), format="%Y-%m-%d")
        table[column] = days.astype("datetime64[us]")
    return table


def day_numbers(dates: pd.Series, missing: int = FIRST_DAY) -> Days:
    """Return days since 1970-01-01, within the calendar."""
    days = dates.to_numpy().astype("datetime64[D]").astype("int64")
    return np.where(dates.isna(), missing, days.clip(FIRST_DAY, LAST_DAY))


def ends_of(table: pd.DataFrame) -> tuple[list[int], list[int]]:
    """Return the first and the last day of each row, in days since 1970-01-01."""
    last = day_numbers(table["until"], missing=LAST_DAY)
    return day_numbers(table["from"]).tolist(), last.tolist()


@cache
def spells_of_codes() -> dict[str, list[Spell]]:
    """Return the spells of each code, in order of time."""
    table = table_of_states()
    spells: dict[str, list[Spell]] = {}
    columns = (table["code"], *ends_of(table), table["successor"], table["predecessor"])
    for code, first, last, heirs, predecessor in sorted(zip(*columns, strict=True)):
        spell = Spell(first, last, tuple(heirs.split(";")) if heirs else (), predecessor)
        spells.setdefault(code, []).append(spell)
    return spells


@cache
def _parents() -> dict[str, set[str]]:
    """Return the codes that passed to each code."""
    parents: dict[str, set[str]] = {}
    for code, spells in spells_of_codes().items():
        for child in {c for s in spells for c in s.successors if c != code}:
            parents.setdefault(child, set()).add(code)
    return parents


def exists_on(code: str, day: int) -> bool:
    """Return whether the code is valid on the day; codes of blocs always are."""
    spells = spells_of_codes().get(code)
    return spells is None or any(s.first <= day <= s.last for s in spells)


def heirs_of(code: str, day: int, *, all_lines: bool) -> set[str]:
    """Return the codes valid on the day that the code passed to, or came from before its start."""

    def near(code: str) -> set[str]:
        spells = spells_of_codes()[code]
        if exists_on(code, day):
            return set()
        over = [s for s in spells if s.last < day]
        if not over:
            return _parents().get(code, set()) if all_lines else {spells[0].predecessor} - {""}
        return {c for s in over for c in s.successors} if all_lines else {*over[-1].successors[:1]}

    return {c for c in _reached([code], near) if exists_on(c, day)}


def related(codes: Iterable[str]) -> set[str]:
    """Return the codes and all that any line of succession leads to."""

    def near(code: str) -> set[str]:
        return _parents().get(code, set()).union(*(s.successors for s in spells_of_codes()[code]))

    return _reached((c for c in codes if c in spells_of_codes()), near)


def _reached(codes: Iterable[str], near: Callable[[str], set[str]]) -> set[str]:
    """Return the codes and all that steps from one to those near it reach."""
    reached = set(codes)
    ahead = list(reached)
    while ahead:
        new = near(ahead.pop()) - reached
        reached |= new
        ahead.extend(new)
    return reached


def is_state_code(code: str) -> bool:
    """Return whether the code is in the table of states and territories, in any year."""
    return code in spells_of_codes()
