"""Understand the arguments of public functions. Read values; return a frozen Query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from functools import partial
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from sanctlib.codes.countries import code_of, is_party_code, name_of, party_meant
from sanctlib.codes.succession import is_state_code
from sanctlib.dates import PERIODS, Period
from sanctlib.dates import Day as Day
from sanctlib.dates import day_of as day_of
from sanctlib.dates import optional_day as optional_day
from sanctlib.errors import SanctlibError, UnknownChoiceError, check_choice

State: TypeAlias = str
"""A state: three capital letters, as in `countries.csv`."""

Pair: TypeAlias = tuple[str, str]
"""Two states; written ``RUS,IRN`` on a command line."""

Unit: TypeAlias = Literal["act", "dyad", "case", "coalition", "entity", "designation"]
TargetRule: TypeAlias = Literal["programme", "conduct", "address"]
Dated: TypeAlias = Literal["date", "announced", "effective"]
Between: TypeAlias = Literal["versions"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Query:
    """
    The arguments of a call, each checked and in one form.

    `given` names those that the call set; the others have the value that means "all" or
    "not requested". `options` holds the arguments that one measure alone has.
    """

    every: Period = "year"
    start: date | None = None
    end: date | None = None
    by: tuple[str, ...] = ()
    unit: Unit = "act"
    actions: tuple[str, ...] = ("impose", "amend")
    target_rule: TargetRule = "programme"
    dated: Dated = "date"
    between: Between | None = None
    senders: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    pairs: tuple[Pair, ...] | None = None
    level: float = 0.95
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    given: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end < self.start:
            msg = f"start is {self.start} and end is {self.end}. start must not be after end."
            raise SanctlibError(msg)

    def __repr__(self) -> str:
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name in self.given}
        shown = ", ".join(f"{name}={value!r}" for name, value in {**named, **self.options}.items())
        return f"Query({shown})"


def ask(**arguments: object) -> Query:
    """Return the query that a call makes: each argument understood by its name."""
    understood: dict[str, Callable[..., object]] = {
        "every": partial(check_choice, known=PERIODS),
        "start": optional_day,
        "end": partial(optional_day, last=True),
        "by": keys_of,
        "unit": partial(check_choice, known=get_args(Unit)),
        "actions": keys_of,
        "target_rule": partial(check_choice, known=get_args(TargetRule)),
        "dated": partial(check_choice, known=get_args(Dated)),
        "between": _between,
        "senders": parties_of,
        "targets": parties_of,
        "pairs": pairs_of,
        "pair": pairs_of,
        "level": level_of,
    }
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        if name in ("pair", "pairs") and value is None:
            given[name] = None
        elif name in understood:
            given[name] = understood[name](value, what=name)
    if "pair" in given:
        given["pairs"] = given.pop("pair")
    options = {name: value for name, value in arguments.items() if name not in understood}
    return Query(**given, options=MappingProxyType(options), given=tuple(given))


def _between(value: object, *, what: str) -> object:
    return None if value is None else check_choice(value, get_args(Between), what=what)


def level_of(value: object, *, what: str = "level") -> float:
    """Return the level of an interval."""
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if 0 < number < 1:
        return number
    hint = f" Did you mean {number / 100:g}?" if 1 < number < 100 else ""
    raise SanctlibError(f"{what} is {value!r}. It must lie between 0 and 1.{hint}")


def number_of(
    value: object, *, what: str, least: float, most: float = np.inf, above: bool = False
) -> float:
    """Return a number from `least` to `most`, or above `least`."""
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if (number > least if above else number >= least) and number <= most:
        return number
    span = f"above {least:g}" if above else f"from {least:g}"
    span += f" to {most:g}" if np.isfinite(most) else ""
    raise SanctlibError(f"{what} is {value!r}. It must be a number {span}.")


def whole_of(value: object, *, what: str, least: int, most: int | None = None) -> int:
    """Return a whole number from `least` to `most`."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if least <= number and (most is None or number <= most):
            return number
    span = f"from {least}" if most is None else f"from {least} to {most}"
    raise SanctlibError(f"{what} is {value!r}. It must be a whole number {span}.")


def flag_of(value: object, *, what: str) -> bool:
    """Return True or False: a word such as "no" would count as true."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise SanctlibError(f"{what} is {value!r}. It must be True or False.")


def _several(values: object, *, what: str) -> list[Any]:
    """Return several values as a list; one text is refused."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        example = repr(values) if isinstance(values, str) else "'RUS'"
        raise SanctlibError(f"{what} is {values!r}. It must be a list, such as [{example}].")
    return list(values)


def keys_of(values: object, *, what: str) -> tuple[str, ...]:
    """Return a list of names, such as columns, each once."""
    names = _several(values, what=what)
    for name in names:
        if not isinstance(name, str):
            raise UnknownChoiceError(f"{what} holds {name!r}. Its parts must be text.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SanctlibError(f"{what} holds {twice!r} twice. Name it once.")
    return tuple(names)


def listed(values: object) -> list[Any]:
    """Return one value, or several, as a list."""
    several = isinstance(values, Iterable) and not isinstance(values, str)
    return list(values) if several else [values]  # type: ignore[call-overload]


def choices_of(values: object, known: Sequence[str], *, what: str) -> tuple[str, ...]:
    """Return a list of known names, one or more, each once."""
    names = keys_of(values, what=what)
    if not names:
        raise SanctlibError(f"{what} is empty. Name at least one of {', '.join(map(repr, known))}.")
    for name in names:
        check_choice(name, known, what=what)
    return names


def state_of(value: object, *, what: str) -> str:
    """Return the code of a state, given as its code or as an unambiguous name."""
    if not isinstance(value, str):
        raise UnknownChoiceError(f"{what} holds {value!r}. A state is a code such as 'IRN'.")
    code = value if is_state_code(value) else code_of(value)
    if code and is_state_code(code):
        return code
    if code or name_of(value) != value:
        msg = f"{what} holds {value!r}, which is a bloc or a region. It must be a state"
        raise UnknownChoiceError(f"{msg}, such as 'IRN'.")
    msg = f"{what} holds {value!r}, which is no state. A state is a code such as 'IRN'."
    raise UnknownChoiceError(msg + party_meant(value))


def check_state(code: str) -> None:
    """Check that a text is the code of a state or territory; a name is not enough."""
    if not is_state_code(code):
        bloc = " It is a bloc or a region." if code_of(code) == code else party_meant(code)
        msg = f"{code!r} is not a state. A state is three capital letters, such as 'IRN'."
        raise UnknownChoiceError(msg + bloc)


def states_of(values: object, *, what: str) -> tuple[str, ...]:
    """Return the codes of two or more states, given as codes or names."""
    named = tuple(dict.fromkeys(state_of(v, what=what) for v in _several(values, what=what)))
    if len(named) < 2:
        found = f"holds {named[0]!r} only" if named else "is empty"
        raise SanctlibError(f"{what} {found}. Name two states or more, such as ['IRN', 'RUS'].")
    return named


def parties_of(values: object, *, what: str) -> tuple[str, ...] | None:
    """
    Return the codes of states and other parties, given as codes or names; None stays None.

    A misspelt state is refused: it would get zeros that look like a finding.
    """
    if values is None:
        return None
    return tuple(dict.fromkeys(party_of(v, what=what) for v in _several(values, what=what)))


def party_of(value: object, *, what: str) -> str:
    """Return the code of a state, or of a bloc or other body by its code or name."""
    if isinstance(value, str):
        return value if is_party_code(value) else code_of(value) or state_of(value, what=what)
    return state_of(value, what=what)


def pairs_of(value: object, *, what: str) -> tuple[Pair, ...]:
    """Return the pairs requested, one or several, each in alphabetical order."""
    example = "such as ('IRN', 'RUS')"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise SanctlibError(f"{what} is {value!r}. It must be two states, {example}.")
    several = list(value)
    if several and not isinstance(several[0], (list, tuple)):
        several = [several]
    pairs: list[Pair] = []
    for one in several:
        if isinstance(one, str) or not isinstance(one, Iterable) or len(list(one)) != 2:
            raise SanctlibError(f"{what} holds {one!r}. A pair is two states, {example}.")
        first, second = sorted(state_of(state, what=what) for state in one)
        if first == second:
            raise SanctlibError(f"{what} holds {first!r} twice. A pair is two different states.")
        pairs.append((first, second))
    if not pairs:
        raise SanctlibError(f"{what} is empty. Name one pair of states or more, {example}.")
    for first, second in pairs:
        if pairs.count((first, second)) > 1:
            raise SanctlibError(f"{what} holds the pair {first} and {second} twice. Name it once.")
    return tuple(pairs)


def one_pair(query: Query) -> Pair:
    """Return the only pair of a query."""
    pairs = query.pairs or ()
    if len(pairs) != 1:
        raise SanctlibError(f"pair names {len(pairs)} pairs. Name one, such as ('IRN', 'RUS').")
    return pairs[0]
