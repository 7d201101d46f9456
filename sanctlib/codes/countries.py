"""List states and territories, each valid in its years, and resolve names to their codes."""

from __future__ import annotations

import re
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
from sanctlib.showing import listed

System: TypeAlias = Literal["name", "iso3", "iso2", "cow", "cameo", "fips"]
SYSTEMS: tuple[System, ...] = get_args(System)
SUCCESSIONS: tuple[Succession, ...] = get_args(Succession)
_COLUMN = {"name": "name", "iso3": "code", "iso2": "iso2"} | {s: s for s in SYSTEMS[3:]}


def countries() -> pd.DataFrame:
    """
    Return the table of states and territories, one row per spell.

    A code may have several spells, which never overlap: DEU is West Germany until
    1990-10-02 and Germany after it, with two COW numbers. `kind` follows a rule: a *state* is
    a member of the UN or of the COW system of states, and the Holy See; a *territory* is any
    other place with a code; *former* ones do not exist any more.

    Returns
    -------
    DataFrame
        A row per spell: ``code``, ``name``, ``from`` and ``until`` (first and last day;
        missing where the spell began before 1945 or goes on), ``kind``, ``iso2``, ``cow``
        (Int64), ``cameo``, ``fips``, ``successor`` (joined by ";", the dominant one first),
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

    Whole labels are compared, without case, accents and punctuation: "Wiranto" contains
    "iran" and is not Iran. The meaning of a label depends on the day, and `succession` decides
    which state represents a former one: "Soviet Union" in 2000 is missing ("strict"), RUS
    ("dominant"), or fifteen states joined by ";" ("all"). A name without a date means the last
    state of that name.

    Parameters
    ----------
    names : Series
        Names, or codes of `system`; COW numbers as numbers or text.
    dates : Series of days, optional
        On the index of `names`. For data by year take the last day of the year: a state
        founded in a year then exists in it.
    system : {"name", "iso3", "iso2", "cow", "cameo", "fips"}, default "name"
        What `names` holds. Only "name" also finds regions, "name" and "cameo" also blocs.
    succession : {"strict", "dominant", "all"}, default "strict"
        Only the state of that day, the dominant successor or predecessor, or all of them.

    Returns
    -------
    DataFrame
        On the index of `names`: ``code`` (missing where nothing is known), ``matched``
        ("name", "alias" or "code"), ``reason`` ("unknown name" or "not a state on that day"
        where the code of a name is missing).

    Raises
    ------
    UnknownChoiceError
        For another system or succession.
    SchemaError
        For `names` that are not a Series, and `dates` on another index or without days: the
        number 2000 could be a year or a moment of 1970.

    Examples
    --------
    >>> names = pd.Series(["Soviet Union", "Russia", "Wiranto"])
    >>> days = pd.Series(pd.to_datetime(["2000-01-01", "2000-01-01", "2000-01-01"]))
    >>> resolve(names, dates=days, succession="dominant")["code"].to_list()
    ['RUS', 'RUS', nan]
    """
    check_choice(system, SYSTEMS, what="system")
    check_choice(succession, SUCCESSIONS, what="succession")
    if not isinstance(names, pd.Series):
        msg = f"names is {names!r}. It must be a column of names, such as pd.Series(['Iran'])."
        raise SchemaError(msg)
    lines = _timelines(system, succession)
    days = None if dates is None else _days(dates, names)
    rows = lines.rows(names, days, key=partial(_key, system=system))
    found = lines.answers.take(rows).set_axis(names.index)
    found.loc[names.isna(), "reason"] = None
    return found


def spells_of(labels: Iterable[str], *, system: System, succession: Succession) -> pd.DataFrame:
    """Return what labels mean over time, for a join on days; unknown ones have no row."""
    lines = _timelines(system, succession)
    rows = [
        (label, *_in_calendar(first, last), answer.code, answer.reason, repr(label.strip()))
        for label in labels
        for first, last, answer in lines.spells(_key(label, system))
    ]
    names = ["text", "since", "until", "code", "reason", "shown"]
    table = pd.DataFrame(rows, columns=names)
    text = dict.fromkeys(["text", "code", "reason", "shown"], "str")
    return table.astype(text | {"since": "datetime64[s]", "until": "datetime64[s]"})


def texts_of(system: System) -> list[str]:
    """Return every text that means a party in a system of codes."""
    held = _countries()[_COLUMN[system]].dropna().astype("str")
    aliases = read_codes("aliases.csv")
    named = aliases.loc[aliases["system"].eq(system), "name"]
    return sorted({*held, *named} - {""})


def _in_calendar(first: int, last: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    begin, end = pd.Timestamp("1000-01-01"), pd.Timestamp("9999-12-31")
    days = (pd.Timestamp(day, unit="D") if abs(day) < _FAR else None for day in (first, last))
    since, until = days
    return (begin if since is None else max(since, begin)), (end if until is None else until)


_FAR = 300_000
"""Days since 1970 beyond the calendar of four digits."""


_DAYS_NEEDED = (
    "It must hold days. Of a year take a day, such as its last: pd.to_datetime(f'{year}-12-31')."
)


def _days(dates: pd.Series, labels: pd.Series) -> pd.Series:
    """Return the day of each label, without time zone: the day it was where it happened."""
    if not labels.index.equals(dates.index):
        msg = (
            f"dates has {len(dates)} days and names has {len(labels)} labels on another index. "
            "Give one day for each label, on the same index."
        )
        raise SchemaError(msg)
    if dates.dtype.kind != "M" or isinstance(dates.dtype, pd.ArrowDtype):
        known = dates.dropna()
        # A number would be taken for nanoseconds since 1970.
        if infer_dtype(known) not in ("date", "datetime", "datetime64", "string", "empty"):
            raise SchemaError(f"dates holds {known.iloc[0]!s} first. {_DAYS_NEEDED}")
        texts = dates.astype("object")
        try:
            dates = pd.to_datetime(texts)
        except ValueError as error:
            wrong = texts[pd.to_datetime(texts, errors="coerce", format="mixed").isna()].dropna()
            found = f"{wrong.iloc[0]!r}" if len(wrong) else "days of several forms"
            raise SchemaError(f"dates holds {found}. {_DAYS_NEEDED}") from error
    days: pd.Series = dates.dt.tz_localize(None)
    return days


def _key(value: object, system: System) -> str:
    if system == "name":
        return fold(str(value))
    text = str(value).strip().upper()
    return text.removesuffix(".0").lstrip("0") if system == "cow" else text


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
def _years_of() -> Timelines:
    life = {code: [Meaning(code, FIRST_DAY, LAST_DAY, "code")] for code in _spells().by_code}
    return Timelines(life, _spells(), succession="strict")


def existed(codes: pd.Series, dates: pd.Series) -> pd.Series:
    """
    Return for each code whether it was that of a state or territory on its day.

    False for codes of blocs, for unknown codes, and where the code or the day is missing.
    """
    days = _days(dates, codes)
    lives = _years_of().answers["code"].notna().to_numpy()[_years_of().rows(codes, days)]
    return pd.Series(lives & days.notna().to_numpy(), index=codes.index, dtype="bool")


def is_state_code(code: str) -> bool:
    """Return whether the code is in the table of states and territories, in any year."""
    return code in _spells().by_code


def is_party_code(code: str) -> bool:
    """Return whether the code can be a party's: a state's, or of a bloc or another body."""
    return is_state_code(code) or _BODY.fullmatch(code) is not None


_BODY = re.compile(r"[A-Z]{2}|[A-Z0-9]+(-[A-Za-z0-9_]+)+")


@cache
def _names() -> dict[str, str]:
    bodies = read_codes("blocs.csv").set_index("code")["name"].to_dict()
    states = _countries().drop_duplicates("code", keep="last").set_index("code")["name"]
    return bodies | states.to_dict()


def name_of(code: object) -> str:
    """Return the English name of a state or body, the text itself where it is neither."""
    if not isinstance(code, str):
        return "not known" if pd.isna(code) else str(code)  # type: ignore[call-overload]
    return _names().get(code, code)


def names_of(codes: Iterable[object]) -> str:
    """
    Return the names of states or bodies as a list in words.

    Parameters
    ----------
    codes : iterable of str
        Codes; a text that is no code stays as it is.

    Returns
    -------
    str

    Examples
    --------
    >>> names_of(["IRN", "RUS", "EU"])
    'Iran, Russia and European Union'
    """
    return listed([name_of(code) for code in codes])


def state_codes() -> Iterable[str]:
    """Return all codes of states and territories, in any year."""
    return _spells().by_code


def check_states(codes: Iterable[str]) -> None:
    """Check that all codes are those of states or territories."""
    for code in codes:
        if is_state_code(code):
            continue
        named = resolve(pd.Series([code], dtype="str"))["code"].iloc[0]
        hint = did_you_mean(code, _spells().by_code)
        if named == code:
            hint = " It is a bloc or a region."
        elif isinstance(named, str):
            hint = f" Did you mean {named!r}?"
        msg = f"{code!r} is not a state. A state is three capital letters, such as 'IRN'."
        raise UnknownChoiceError(msg + hint)
