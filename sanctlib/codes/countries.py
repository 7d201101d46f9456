"""List states and territories, each valid in its years, and resolve names to their codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from sanctlib.codes.succession import (
    FIRST_DAY,
    LAST_DAY,
    Days,
    day_numbers,
    ends_of,
    exists_on,
    heirs_of,
    is_state_code,
    read_codes,
    related,
    spells_of_codes,
    table_of_states,
)
from sanctlib.errors import SchemaError, check_choice, did_you_mean
from sanctlib.showing import listed

System: TypeAlias = Literal["name", "iso3", "iso2", "cow", "cameo", "fips"]
Succession: TypeAlias = Literal["strict", "dominant", "all"]
SYSTEMS: tuple[System, ...] = get_args(System)
_COLUMN = {"name": "name", "iso3": "code", "iso2": "iso2"} | {s: s for s in SYSTEMS[3:]}
NO_STATE, UNKNOWN = "not a state on that day", "unknown name"

_WIDTH = 4_000_000  # more than the days of the calendar
_THE = re.compile(r"\s*\(the\)\s*$", re.IGNORECASE)
_BODY = re.compile(r"[A-Z]{2}|[A-Z0-9]+(-[A-Za-z0-9_]+)+")
# "State of" is not among them: that of Georgia is one of the United States.
_FORM = re.compile(
    r"^(the )?(((islamic|federal|federative|co operative) )?"
    r"(republic|kingdom|commonwealth|principality|sultanate|grand duchy|union) of (the )?)?"
)


class _Meaning(NamedTuple):
    """A code that a label stands for between two days."""

    code: str
    first: int
    last: int
    how: str


class _Answer(NamedTuple):
    """What a label resolves to on a day."""

    code: str | None
    matched: str | None
    reason: str | None


_NO_ANSWER = _Answer(None, None, NO_STATE)


def countries() -> pd.DataFrame:
    """
    Return the table of states and territories, one row per spell.

    A code may have several spells, which never overlap: DEU is West Germany until 1990-10-02
    and then Germany. A *state* (column ``kind``) is a member of the UN or of the COW system of
    states, or the Holy See; a *territory* any other place with a code; *former* ones are past.

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
    return table_of_states().copy()


def resolve(
    names: pd.Series,
    *,
    dates: pd.Series | None = None,
    system: System = "name",
    succession: Succession = "strict",
) -> pd.DataFrame:
    """
    Resolve names or codes to our codes of states, territories and blocs.

    Whole labels are compared, without case, accents and punctuation: "Wiranto" contains "iran"
    and is not Iran. A label is resolved as of its day, without a day to its last state.

    Parameters
    ----------
    names : Series
        Names, or codes of `system`; COW numbers as numbers or text.
    dates : Series of days, optional
        On the index of `names`. Of a year take the last day: a state founded in it exists then.
    system : {"name", "iso3", "iso2", "cow", "cameo", "fips"}, default "name"
        What `names` holds. Only "name" also finds regions, "name" and "cameo" also blocs.
    succession : {"strict", "dominant", "all"}, default "strict"
        Which state represents a former one: none, its dominant successor or predecessor, or
        all of them. "Soviet Union" in 2000 is missing, RUS, or fifteen codes joined by ";".

    Returns
    -------
    DataFrame
        On the index of `names`: ``code`` (missing where nothing is known), ``matched``
        ("name", "alias" or "code"), ``reason`` ("unknown name" or "not a state on that day"
        where the code of a name is missing), ``closest`` (up to three known names that resemble
        an unknown one, joined by ";", for the first 1,000 of them: check before use).

    Raises
    ------
    UnknownChoiceError
        For another system or succession.
    SchemaError
        For `names` that are not a Series, and `dates` on another index or that hold no days.

    Examples
    --------
    >>> names = pd.Series(["Soviet Union", "Russia", "Wiranto"])
    >>> days = pd.Series(["2000-01-01"] * 3)
    >>> resolve(names, dates=days, succession="dominant")["code"].to_list()
    ['RUS', 'RUS', nan]
    """
    check_choice(system, SYSTEMS, what="system")
    check_choice(succession, get_args(Succession), what="succession")
    if not isinstance(names, pd.Series):
        msg = f"names is {names!r}. It must be a column of names, such as pd.Series(['Iran'])."
        raise SchemaError(msg)
    lines, days = _Timelines(system, succession), None if dates is None else _days(dates, names)
    answers = lines.answers.take(lines.rows(names, days)).set_axis(names.index)
    answers.loc[names.isna(), "reason"] = None
    unknown = names[answers["reason"].eq(UNKNOWN) & (system == "name")]
    near = {name: _closest(str(name)) for name in unknown.drop_duplicates().head(_MOST_UNKNOWN)}
    return answers.assign(closest=unknown.map(near).reindex(names.index).astype("str"))


def _closest(name: str) -> str | None:
    """Return names like this one, whatever the order of their words; None where there is none."""
    folded = fold(name)
    if folded in _PARTS_OF_STATES:
        return _PARTS_OF_STATES[folded]
    known = _by_words()
    near = get_close_matches(_words(folded), known, n=3, cutoff=0.75)
    return ";".join(known[words] for words in near) or None


@cache
def _by_words() -> dict[str, str]:
    """Return a name for each set of words that names a party, in alphabetical order."""
    return {_words(fold(name)): name for name in reversed(texts_of("name"))}


def _words(folded: str) -> str:
    return " ".join(sorted(folded.split()))


def spells_of(labels: Iterable[str], *, system: System, succession: Succession) -> pd.DataFrame:
    """Return what labels mean over time, for a join on days; unknown ones have no row."""
    lines = _Timelines(system, succession)
    text = pd.Series(list(labels), dtype="str", name="text")
    shown = text.str.strip().map(repr).astype("str")
    texts = pd.DataFrame({"text": text, "number": text.map(lines.number_of), "shown": shown})
    spells = texts.merge(lines.stretches, on="number")
    for end in ("since", "until"):
        spells[end] = spells[end].to_numpy().astype("datetime64[D]").astype("datetime64[s]")
    return spells[["text", "since", "until", "code", "reason", "shown"]]


def texts_of(system: System) -> list[str]:
    """Return every text that means a party in a system of codes."""
    return sorted(set(_labels(system)["label"]))


@cache
def _labels(system: System) -> pd.DataFrame:
    """Return the labels of states and their aliases: ``label``, ``code``, ``from``, ``until``."""
    states = table_of_states()
    states = states.assign(label=states[_COLUMN[system]].astype("str"), how="name")
    aliases = read_codes("aliases.csv", dates=("from", "until")).assign(how="alias")
    aliases = aliases[aliases["system"].eq(system)].rename(columns={"name": "label"})
    labels = pd.concat([states, aliases])[["label", "code", "from", "until", "how"]]
    return labels[labels["label"].notna() & labels["label"].ne("")]


def fold(name: str) -> str:
    """Return a label without accents, case, marks, double blanks and an ISO name's "(the)"."""
    plain = unicodedata.normalize("NFKD", _THE.sub("", name).replace("&", " and "))
    # Marks of accents, and what nobody sees: zero-width blanks, soft hyphens.
    bare = "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf")).casefold()
    return " ".join(re.split(r"[\W_]+", bare)).strip()


_MOST_UNKNOWN = 1000
_PARTS_OF_STATES = dict.fromkeys(
    ("england", "scotland", "wales", "northern ireland", "ulster"), "United Kingdom"
)


def _days(dates: pd.Series, labels: pd.Series) -> pd.Series:
    """Return the day of each label, without time zone: the day it was where it happened."""
    if not labels.index.equals(dates.index):
        msg = f"dates has {len(dates)} days and names has {len(labels)} labels on another index."
        raise SchemaError(f"{msg} Give one day for each label, on the same index.")
    if dates.dtype.kind != "M" or isinstance(dates.dtype, pd.ArrowDtype):
        needed = "It must hold days. Of a year take a day, such as its last:"
        needed += " pd.to_datetime(f'{year}-12-31')."
        known = dates.dropna()
        # A number would be taken for nanoseconds since 1970.
        if infer_dtype(known) not in ("date", "datetime", "datetime64", "string", "empty"):
            raise SchemaError(f"dates holds {known.iloc[0]!s} first. {needed}")
        texts = dates.astype("object")
        try:
            dates = pd.to_datetime(texts)
        except ValueError as error:
            wrong = texts[pd.to_datetime(texts, errors="coerce", format="mixed").isna()].dropna()
            found = f"{wrong.iloc[0]!r}" if len(wrong) else "days of several forms"
            raise SchemaError(f"dates holds {found}. {needed}") from error
    days: pd.Series = dates.dt.tz_localize(None)
    return days


def _meanings(system: System) -> dict[str, list[_Meaning]]:
    """Return what each label, in the form in which labels are compared, can mean."""
    labels = _labels(system)
    meanings: dict[str, list[_Meaning]] = {}
    columns = (labels["label"], labels["code"], *ends_of(labels), labels["how"])
    for label, code, first, last, how in zip(*columns, strict=True):
        meaning = _Meaning(code, first, last, how if system == "name" else "code")
        meanings.setdefault(_key(label, system), []).append(meaning)
    return meanings


def _key(label: object, system: System) -> str:
    if system == "name":
        return fold(str(label))
    code = str(label).strip().upper()
    return code.removesuffix(".0").lstrip("0") if system == "cow" else code


@cache
class _Timelines:
    """For every label the stretches of days on which it has one meaning; looked up in bulk."""

    def __init__(self, system: System, succession: Succession) -> None:
        labels = _meanings(system)
        self._system = system
        self._number = {label: i for i, label in enumerate(labels)}
        rows = [
            (i, first, *answer)
            for i, meanings in enumerate(labels.values())
            for first, answer in _stretches(meanings, succession)
        ]
        text = dict.fromkeys(_Answer._fields, "str")
        table = pd.DataFrame(rows, columns=["number", "since", *text]).astype(text)
        next_day = table.groupby("number")["since"].shift(-1, fill_value=LAST_DAY + 1)
        self.stretches = table.assign(until=next_day - 1)
        # One sorted number for a label and a day: a look-up is a search among them.
        self._keys = (table["number"] * _WIDTH + table["since"]).to_numpy()
        # Without a day, a label has the last meaning that it had.
        undated = [
            next((a for _, a in reversed(_stretches(m, "strict")) if a.code), _NO_ANSWER)
            for m in labels.values()
        ]
        others = pd.DataFrame([*undated, _Answer(None, None, UNKNOWN)]).astype(text)
        self.answers = pd.concat([table[[*text]], others])

    def number_of(self, label: object) -> int:
        """Return the number of a label, or of the name that follows a state's form; -1 for none."""
        key = _key(label, self._system)
        number = self._number.get(key)
        return self._number.get(_FORM.sub("", key), -1) if number is None else number

    def rows(self, labels: pd.Series, days: pd.Series | None) -> Days:
        """Return the row of `answers` for each label, on its day where it has one."""
        codes, distinct = pd.factorize(labels)
        numbers = np.array([*map(self.number_of, distinct), -1], dtype="int64")[codes]
        undated = np.where(numbers < 0, len(self.answers) - 1, len(self._keys) + numbers)
        if days is None:
            return undated
        keys = numbers * _WIDTH + day_numbers(days)
        at = np.searchsorted(self._keys, keys, side="right") - 1
        return np.where((numbers < 0) | days.isna(), undated, at)


def _stretches(meanings: list[_Meaning], succession: Succession) -> list[tuple[int, _Answer]]:
    """Return the first days of the stretches on which a label has one meaning, with it."""
    changes = {FIRST_DAY}
    changes.update(d for m in meanings for d in (m.first, m.last + 1))
    for code in related(m.code for m in meanings):
        changes.update(d for s in spells_of_codes()[code] for d in (s.first, s.last + 1))
    stretches: list[tuple[int, _Answer]] = []
    for day in sorted(d for d in changes if d <= LAST_DAY):
        answer = _answer(meanings, day, succession)
        if not stretches or stretches[-1][1] != answer:
            stretches.append((day, answer))
    return stretches


def _answer(meanings: list[_Meaning], day: int, succession: Succession) -> _Answer:
    for m in meanings:
        if m.first <= day <= m.last and exists_on(m.code, day):
            return _Answer(m.code, m.how, None)
    if succession != "strict":
        # The meaning nearest in time leads: "Yemen" of 1980 is not wanted in 2000.
        for m in sorted(meanings, key=lambda m: max(m.first - day, day - m.last)):
            heirs = heirs_of(m.code, day, all_lines=succession == "all")
            if heirs:
                return _Answer(";".join(sorted(heirs)), m.how, None)
    return _NO_ANSWER


def existed(codes: pd.Series, dates: pd.Series) -> pd.Series:
    """Return for each code whether it was that of a state or territory on its day."""
    same = resolve(codes, dates=dates, system="iso3")["code"].eq(codes.astype("str"))
    return same & dates.notna()


def is_party_code(code: str) -> bool:
    """Return whether the code can be a party's: a state's, or of a bloc or another body."""
    return is_state_code(code) or _BODY.fullmatch(code) is not None


@cache
def _names() -> dict[str, str]:
    bodies = read_codes("blocs.csv").set_index("code")["name"].to_dict()
    states = table_of_states().drop_duplicates("code", keep="last").set_index("code")["name"]
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


def code_of(name: str) -> str | None:
    """Return the code of one name of a state, bloc or region; None for another text."""
    code = resolve(pd.Series([name], dtype="str"))["code"].iloc[0]
    return code if isinstance(code, str) else None


def party_meant(word: str) -> str:
    """Return " Did you mean '…'?" for the name of a party or a code close to one."""
    code = code_of(word)
    return f" Did you mean {code!r}?" if code else did_you_mean(word.strip(), spells_of_codes())
