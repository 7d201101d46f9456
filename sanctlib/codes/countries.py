"""States and territories, each valid in its years, and the names that data give them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from sanctlib.codes.labels import (
    FIRST_DAY,
    LAST_DAY,
    Meaning,
    Spell,
    Spells,
    Succession,
    Timelines,
    day_numbers,
    fold,
)
from sanctlib.errors import SchemaError, UnknownChoiceError, check_choice, did_you_mean

System: TypeAlias = Literal["name", "iso3", "iso2", "cow", "cameo", "fips"]
SYSTEMS: tuple[System, ...] = get_args(System)
SUCCESSIONS: tuple[Succession, ...] = get_args(Succession)
_COLUMN = {"name": "name", "iso3": "code", "iso2": "iso2"} | {s: s for s in SYSTEMS[3:]}


def countries() -> pd.DataFrame:
    """
    Return the table of states and territories, one row per spell.

    A code may have several spells, which never overlap: DEU is West Germany until
    1990-10-02 and Germany after it, with two COW numbers. `kind` follows a rule and
    takes no side: a *state* is a member of the UN or of the COW system of states, and
    the Holy See; a *territory* is any other place with a code; *former* ones are gone.

    Returns
    -------
    table : DataFrame
        ``code``, ``name``, ``from`` and ``until`` (first and last day; missing where
        the spell began before 1945 or goes on), ``kind``, ``iso2``, ``cow`` (Int64),
        ``cameo``, ``fips``, ``successor`` (`;`-joined, the dominant one first),
        ``predecessor`` (the dominant one), ``note``.

    Examples
    --------
    >>> table = countries()
    >>> table.loc[table["code"].eq("DEU"), ["name", "cow"]].to_dict("list")
    {'name': ['West Germany', 'Germany'], 'cow': [260, 255]}
    """
    return _countries().copy()


@cache
def _countries() -> pd.DataFrame:
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


def resolve(
    names: pd.Series,
    *,
    dates: pd.Series | None = None,
    system: System = "name",
    succession: Succession = "strict",
) -> pd.DataFrame:
    """
    Resolve names or codes to our codes of states, territories and blocs.

    Whole labels only, without case, accents and punctuation: "Wiranto" holds "iran" and
    is not Iran. What a label means depends on the day, and who stands for a state that
    is gone is the reader's choice. "Soviet Union" in 2000 is nobody (``strict``), RUS
    (``dominant``), or the fifteen states `;`-joined (``all``); "Russia" in 1985 is nobody,
    SUN and SUN. A name without a date means the last state that bore it.

    Parameters
    ----------
    names : Series
        Names, or codes of `system`; COW numbers as numbers or text.
    dates : Series, optional
        Days, on the index of `names`. Take the last day of a year for data by year: a
        state founded in a year then exists in it.
    system : str
        What `names` holds. Only "name" also finds regions, "name" and "cameo" also blocs.
    succession : str
        "strict" (the state of that day or none), "dominant" or "all".

    Returns
    -------
    resolved : DataFrame
        On the index of `names`: ``code`` (missing where nothing is known), ``matched``
        (name, alias or code), ``reason`` ("unknown name" or "not a state on that day"
        where the code is missing; missing too where the name is).

    Raises
    ------
    UnknownChoiceError
        For a system or policy of succession that is not one of the known ones.
    SchemaError
        When `names` is no Series, or `dates` has another index or holds no days: the
        number 2000 is a year to a reader, and a moment of 1970 to a computer.

    Examples
    --------
    >>> names = pd.Series(["Soviet Union", "Russia", "Wiranto"])
    >>> days = pd.Series(pd.to_datetime(["2000-01-01", "2000-01-01", "2000-01-01"]))
    >>> resolve(names, dates=days, succession="dominant")["code"].to_list()
    ['RUS', 'RUS', nan]
    """
    check_choice(system, SYSTEMS, what="system", needed_by="resolve")
    check_choice(succession, SUCCESSIONS, what="succession", needed_by="resolve")
    if not isinstance(names, pd.Series):
        msg = f"resolve needs a Series, and got {names!r}: wrap names as in pd.Series(['Iran'])."
        raise SchemaError(msg)
    lines = _timelines(system, succession)
    days = None if dates is None else _days(dates, names, needed_by="resolve")
    rows = lines.rows(names, days, key=partial(_key, system=system))
    found = lines.answers.take(rows).set_axis(names.index)
    found.loc[names.isna(), "reason"] = None
    return found


def _days(dates: pd.Series, labels: pd.Series, *, needed_by: str) -> pd.Series:
    """Return the day of each label, without time zone: the day it was where it happened."""
    if not labels.index.equals(dates.index):
        msg = (
            f"{needed_by} needs one day for each label, on the same index, and got "
            f"{len(labels)} labels and {len(dates)} days on another index."
        )
        raise SchemaError(msg)
    if dates.dtype.kind != "M" or isinstance(dates.dtype, pd.ArrowDtype):
        known = dates.dropna()
        # A number would be taken for nanoseconds since 1970.
        if infer_dtype(known) not in ("date", "datetime", "datetime64", "string", "empty"):
            msg = (
                f"{needed_by} needs days, and found {known.iloc[0]!r} ({dates.dtype}) first. "
                "Of a year take a day, such as its last: pd.to_datetime(f'{year}-12-31')."
            )
            raise SchemaError(msg)
        try:
            dates = pd.to_datetime(dates.astype("object"))
        except ValueError as error:
            msg = f"{needed_by} needs days, and found {error}"
            raise SchemaError(msg) from error
    days: pd.Series = dates.dt.tz_localize(None)
    return days


def _key(value: object, system: System) -> str:
    if system == "name":
        return fold(str(value))
    text = str(value).strip().upper()
    return text.removesuffix(".0") if system == "cow" else text


@cache
def _timelines(system: System, succession: Succession) -> Timelines:
    labels: dict[str, list[Meaning]] = {}
    spells = _countries()
    texts = spells[_COLUMN[system]].astype("str")
    aliases = read_codes("aliases.csv", dates=("from", "until"))
    aliases = aliases[aliases["system"].eq(system)]
    for table, values, how in ((spells, texts, "name"), (aliases, aliases["name"], "alias")):
        for value, code, first, last in zip(values, table["code"], *_ends(table), strict=True):
            if not pd.isna(value) and value:
                meaning = Meaning(code, first, last, how if system == "name" else "code")
                labels.setdefault(_key(value, system), []).append(meaning)
    return Timelines(labels, _spells(), succession=succession)


def _ends(table: pd.DataFrame) -> tuple[list[int], list[int]]:
    first = np.where(table["from"].isna(), FIRST_DAY, day_numbers(table["from"]))
    last = np.where(table["until"].isna(), LAST_DAY, day_numbers(table["until"]))
    return first.tolist(), last.tolist()


@cache
def _spells() -> Spells:
    table = _countries()
    spells: dict[str, list[Spell]] = {}
    columns = (table["code"], *_ends(table), table["successor"], table["predecessor"])
    for code, first, last, successors, predecessor in sorted(zip(*columns, strict=True)):
        heirs = tuple(s for s in successors.split(";") if s)
        spells.setdefault(code, []).append(Spell(first, last, heirs, predecessor))
    return Spells({code: tuple(s) for code, s in spells.items()})


@cache
def _lives() -> Timelines:
    life = {code: [Meaning(code, FIRST_DAY, LAST_DAY, "code")] for code in _spells().by_code}
    return Timelines(life, _spells(), succession="strict")


def existed(codes: pd.Series, dates: pd.Series) -> pd.Series:
    """
    Tell for each code whether it was that of a state or territory on its day.

    False for codes of blocs, for unknown codes, and where the code or the day is missing.

    Raises
    ------
    SchemaError
        When the days have another index than the codes.

    Examples
    --------
    >>> days = pd.Series(pd.to_datetime(["1985-01-01", "1985-01-01"]))
    >>> existed(pd.Series(["SUN", "RUS"]), days).to_list()
    [True, False]
    """
    days = _days(dates, codes, needed_by="existed")
    lives = _lives().answers["code"].notna().to_numpy()[_lives().rows(codes, days)]
    return pd.Series(lives & days.notna().to_numpy(), index=codes.index, dtype="bool")


def is_state_code(code: str) -> bool:
    """Tell whether the code is in the table of states and territories, of whatever years."""
    return code in _spells().by_code


def check_states(codes: Iterable[str], *, needed_by: str) -> None:
    """
    Check that all codes are those of states or territories.

    Raises
    ------
    UnknownChoiceError
        With the first wrong code and the closest known one. A name is met with its code.
    """
    for code in codes:
        if is_state_code(code):
            continue
        named = resolve(pd.Series([code], dtype="str"))["code"].iloc[0]
        hint = did_you_mean(code, _spells().by_code)
        if named == code:
            hint = " That is a bloc or a region: it stays whole, and is no state here."
        elif isinstance(named, str):
            hint = f" Did you mean {named!r}?"
        msg = f"{needed_by} needs states as three capital letters, like 'IRN', and got {code!r}."
        raise UnknownChoiceError(msg + hint)
