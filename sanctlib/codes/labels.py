"""What a label means on each day: folding of names, spells of states, lines of succession."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Succession: TypeAlias = Literal["strict", "dominant", "all"]
Days: TypeAlias = npt.NDArray[np.int64]

# Days since 1970-01-01; the ends are far outside any record and keep keys within int64.
FIRST_DAY, LAST_DAY = -1_000_000, 1_000_000
_WIDTH = 4_000_000
_THE = re.compile(r"\s*\(the\)\s*$", re.IGNORECASE)
# "State of" is none of them: that of Georgia is one of the United States.
_FORM = re.compile(
    r"^(the )?(((islamic|federal|federative|co operative) )?"
    r"(republic|kingdom|commonwealth|principality|sultanate|grand duchy|union) of (the )?)?"
)
NO_STATE = "not a state on that day"
UNKNOWN = "unknown name"


def fold(name: str) -> str:
    """Return a label without accents, case, marks, double blanks and an ISO name's "(the)"."""
    plain = unicodedata.normalize("NFKD", _THE.sub("", name).replace("&", " and "))
    # Marks of accents, and what nobody sees: zero-width blanks, soft hyphens.
    bare = "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf")).casefold()
    return " ".join(re.split(r"[\W_]+", bare)).strip()


def day_numbers(dates: pd.Series) -> Days:
    """Return days since 1970-01-01, the missing ones as the first day."""
    days = dates.to_numpy().astype("datetime64[D]").astype("int64")
    clipped: Days = np.clip(days, FIRST_DAY, LAST_DAY)
    return clipped


class Spell(NamedTuple):
    """The days on which a code is that of a state or territory."""

    first: int
    last: int
    successors: tuple[str, ...]
    predecessor: str


class Meaning(NamedTuple):
    """A code that a label stands for between two days."""

    code: str
    first: int
    last: int
    how: str


class Answer(NamedTuple):
    """What a label resolves to on a day."""

    code: str | None
    how: str | None
    reason: str | None


@dataclass(frozen=True)
class Spells:
    """All spells by code, in order of time, with the lines of succession between them."""

    by_code: dict[str, tuple[Spell, ...]]

    @cached_property
    def parents(self) -> dict[str, set[str]]:
        """The codes that passed to each code."""
        parents: dict[str, set[str]] = {}
        for code, spells in self.by_code.items():
            for child in {c for s in spells for c in s.successors if c != code}:
                parents.setdefault(child, set()).add(code)
        return parents

    def exists(self, code: str, day: int) -> bool:
        """Tell whether the code is valid on the day; codes of blocs always are."""
        spells = self.by_code.get(code)
        return spells is None or any(s.first <= day <= s.last for s in spells)

    def heirs(self, code: str, day: int, *, all_lines: bool) -> set[str]:
        """
        Return the codes valid on the day that the code passed to, or came from before its start.

        One at most, the dominant one, unless `all_lines` are asked for.
        """
        found: set[str] = set()
        seen = {code}
        ahead = [code]
        while ahead:
            current = ahead.pop()
            if self.exists(current, day):
                found.add(current)
                continue
            near = self._next(current, day, all_lines=all_lines) - seen
            seen |= near
            ahead.extend(near)
        return found

    def _next(self, code: str, day: int, *, all_lines: bool) -> set[str]:
        spells = self.by_code[code]
        over = [s for s in spells if s.last < day]
        if over:
            if all_lines:
                return {heir for s in over for heir in s.successors}
            return set(over[-1].successors[:1])
        if all_lines:
            return self.parents.get(code, set())
        return {s.predecessor for s in spells[:1] if s.predecessor}

    def related(self, codes: Iterable[str]) -> set[str]:
        """Return the codes and all that any line of succession leads to."""
        seen: set[str] = set()
        ahead = [c for c in codes if c in self.by_code]
        while ahead:
            code = ahead.pop()
            if code not in seen:
                seen.add(code)
                ahead.extend(self.parents.get(code, ()))
                ahead.extend(c for s in self.by_code[code] for c in s.successors)
        return seen


def _answer(meanings: list[Meaning], spells: Spells, day: int, *, succession: Succession) -> Answer:
    for m in meanings:
        if m.first <= day <= m.last and spells.exists(m.code, day):
            return Answer(m.code, m.how, None)
    if succession != "strict":
        # The meaning nearest in time leads: "Yemen" of 1980 is not asked for in 2000.
        for m in sorted(meanings, key=lambda m: max(m.first - day, day - m.last)):
            heirs = spells.heirs(m.code, day, all_lines=succession == "all")
            if heirs:
                return Answer(";".join(sorted(heirs)), m.how, None)
    return Answer(None, None, NO_STATE)


class Timelines:
    """For every label the stretches of days on which it has one meaning; asked in bulk."""

    def __init__(
        self, labels: dict[str, list[Meaning]], spells: Spells, *, succession: Succession
    ) -> None:
        self._number = {label: i for i, label in enumerate(labels)}
        keys: list[int] = []
        found: list[Answer] = []
        last: list[Answer] = []
        for i, meanings in enumerate(labels.values()):
            stretches = _stretches(meanings, spells, succession=succession)
            keys.extend(i * _WIDTH + first - FIRST_DAY for first, _ in stretches)
            found.extend(answer for _, answer in stretches)
            last.append(_undated(meanings, spells))
        self._found = found
        unknown = Answer(None, None, UNKNOWN)
        self._keys = np.array(keys, dtype="int64")
        self._n = len(found)
        answers = [*found, *last, unknown]
        self.answers = pd.DataFrame(answers, columns=["code", "matched", "reason"]).astype("str")

    def _number_of(self, key: str) -> int:
        """Return the number of a label, or of the name that follows a state's form; -1 for none."""
        number = self._number.get(key)
        return self._number.get(_FORM.sub("", key), -1) if number is None else number

    def spells(self, key: str) -> Iterator[tuple[int, int, Answer]]:
        """Yield each stretch of days on which a label has one meaning: first, last, meaning."""
        number = self._number_of(key)
        if number < 0:
            return
        a, b = np.searchsorted(self._keys, [number * _WIDTH, (number + 1) * _WIDTH]).tolist()
        begins = (self._keys[a:b] - number * _WIDTH + FIRST_DAY).tolist()
        ends = [*(day - 1 for day in begins[1:]), LAST_DAY]
        yield from zip(begins, ends, self._found[a:b], strict=True)

    def rows(
        self, labels: pd.Series, days: pd.Series | None, *, key: Callable[[object], str] = str
    ) -> Days:
        """Return the row of `answers` for the key of each label, on its day where it has one."""
        codes, distinct = pd.factorize(labels)
        known = [self._number_of(key(label)) for label in distinct]
        numbers = np.array([*known, -1], dtype="int64")[codes]
        undated = np.where(numbers < 0, len(self.answers) - 1, self._n + numbers)
        if days is None:
            return undated
        keys = numbers * _WIDTH + (day_numbers(days) - FIRST_DAY)
        at = np.searchsorted(self._keys, keys, side="right") - 1
        return np.where((numbers < 0) | days.isna(), undated, at)


def _stretches(
    meanings: list[Meaning], spells: Spells, *, succession: Succession
) -> list[tuple[int, Answer]]:
    turns = {FIRST_DAY}
    turns.update(d for m in meanings for d in (m.first, m.last + 1))
    for code in spells.related(m.code for m in meanings):
        turns.update(d for s in spells.by_code[code] for d in (s.first, s.last + 1))
    stretches: list[tuple[int, Answer]] = []
    for day in sorted(d for d in turns if d <= LAST_DAY):
        answer = _answer(meanings, spells, day, succession=succession)
        if not stretches or stretches[-1][1] != answer:
            stretches.append((day, answer))
    return stretches


def _undated(meanings: list[Meaning], spells: Spells) -> Answer:
    valid = [a for _, a in _stretches(meanings, spells, succession="strict") if a.code]
    return valid[-1] if valid else Answer(None, None, NO_STATE)
