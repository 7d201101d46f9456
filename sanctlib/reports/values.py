"""Parameter values: their types, their text on a command line, their checks."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from sanctlib.errors import ParameterError, SanctlibError, did_you_mean

KindName: TypeAlias = Literal[
    "int", "float", "bool", "str", "date", "State", "Pair", "Path", "Literal", "list"
]

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The type of a parameter, as far as a command line and a record can carry it."""

    name: KindName
    choices: tuple[str, ...] = ()
    item: Kind | None = None
    optional: bool = False

    def __str__(self) -> str:
        text: str = self.name
        if self.name == "Literal":
            text = "Literal[" + ", ".join(repr(c) for c in self.choices) + "]"
        elif self.item is not None:
            text = f"list[{self.item}]"
        return f"{text} | None" if self.optional else text


def parse(text: str, kind: Kind) -> object:
    """
    Read the text of a command line as a value of `kind`.

    A pair is ``RUS,IRN``; days are ISO dates; lists are split at commas (lists of
    pairs at semicolons), with quotes around an item that holds one; ``none`` or
    nothing is None where the type allows it. Text is never guessed at: NO stays
    the text "NO" unless the type is bool.

    Raises
    ------
    ParameterError
        When the text is not a value of that type.

    Examples
    --------
    >>> parse("RUS,IRN", Kind(name="Pair"))
    ('RUS', 'IRN')
    >>> parse("NO,IS", Kind(name="list", item=Kind(name="str")))
    ['NO', 'IS']
    """
    stripped = text.strip()
    if kind.optional and stripped.casefold() in ("", "none"):
        return None
    try:
        return _parsed(stripped if kind.name != "str" else text, kind)
    except (ValueError, csv.Error) as error:
        msg = f"{text!r} is not {_wanted(kind)}."
        raise ParameterError(msg) from error


def _parsed(text: str, kind: Kind) -> object:
    if kind.item is not None:
        mark = ";" if kind.item.name == "Pair" else ","
        return [parse(part, kind.item) for part in _split(text, mark)]
    match kind.name:
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "bool":
            if text.casefold() not in _TRUE + _FALSE:
                raise ValueError(text)
            return text.casefold() in _TRUE
        case "date":
            return date.fromisoformat(text)
        case "Pair":
            first, second = _split(text, ",")
            return first, second
        case "Path":
            return Path(text)
        case _:
            return text


def _split(text: str, mark: str) -> list[str]:
    if not text:
        return []
    (parts,) = csv.reader([text], delimiter=mark, skipinitialspace=True, strict=True)
    return [part.strip() for part in parts]


def _wanted(kind: Kind) -> str:
    forms = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "str": "text",
        "date": "a day such as 2022-02-24",
        "State": "a state such as IRN",
        "Pair": "a pair of states such as RUS,IRN",
        "Path": "a path",
        "Literal": "one of " + ", ".join(repr(c) for c in kind.choices),
        "list": f"a list (its items: {_wanted(kind.item)})" if kind.item is not None else "",
    }
    return forms[kind.name] + (", or none" if kind.optional else "")


def check_value(value: object, kind: Kind, *, what: str) -> object:
    """
    Return `value` in the one form its type has: a pair a tuple, a list a list.

    The codes of states are not looked up here: see `check_state_codes`.

    Raises
    ------
    ParameterError
        Naming `what`, the type wanted and the value found.
    """
    if value is None and kind.optional:
        return None
    if kind.item is not None and isinstance(value, (list, tuple)):
        return [check_value(v, kind.item, what=f"{what}, item {i}") for i, v in enumerate(value, 1)]
    if _fits(value, kind):
        if kind.name == "float" and isinstance(value, (int, float)):
            return float(value)
        return tuple(value) if isinstance(value, list) else value
    hint = did_you_mean(value, kind.choices) if isinstance(value, str) else ""
    msg = f"{what} needs {_wanted(kind)} ({kind}), found {value!r} ({type(value).__name__}).{hint}"
    raise ParameterError(msg)


def _fits(value: object, kind: Kind) -> bool:
    match kind.name:
        case "int":
            return type(value) is int
        case "float":
            return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
        case "bool":
            return type(value) is bool
        case "date":
            # A datetime is a date to Python, and would lose its time of day.
            return isinstance(value, date) and not isinstance(value, datetime)
        case "Path":
            return isinstance(value, Path) and _is_unicode(str(value))
        case "Pair":
            parts = value if isinstance(value, (list, tuple)) else ()
            return len(parts) == 2 and all(type(p) is str for p in parts) and parts[0] != parts[1]
        case "Literal":
            return type(value) is str and value in kind.choices
        case "str" | "State":
            return type(value) is str and _is_unicode(value)
        case "list":
            return False


def _is_unicode(text: str) -> bool:
    # Bytes that are not UTF-8 reach a program as lone surrogates: no file could hold them.
    return not any("\ud800" <= c <= "\udfff" for c in text)


def check_state_codes(value: object, kind: Kind, *, what: str) -> None:
    """
    Check that the states in `value` are states.

    Raises
    ------
    ParameterError
        Naming `what` and the unknown code.
    """
    codes = _states(value, kind)
    if not codes:
        return
    from sanctlib.codes.countries import check_states

    try:
        check_states(codes, needed_by=what)
    except SanctlibError as error:
        raise ParameterError(str(error)) from error


def _states(value: object, kind: Kind) -> list[str]:
    if value is None:
        return []
    if kind.item is not None and isinstance(value, list):
        return [code for v in value for code in _states(v, kind.item)]
    if kind.name == "Pair" and isinstance(value, tuple):
        return [str(code) for code in value]
    return [str(value)] if kind.name == "State" else []
