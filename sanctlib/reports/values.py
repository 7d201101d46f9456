"""Read the values of parameters from text, Python and JSON, check them, and write them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from sanctlib.codes.countries import check_states
from sanctlib.errors import ParameterError, UnknownChoiceError, did_you_mean

KindName: TypeAlias = Literal[
    "int", "float", "bool", "str", "date", "State", "Pair", "Path", "Literal", "list"
]

WANTED: dict[KindName, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "date": "a day such as 2022-02-24",
    "State": "a state such as IRN",
    "Pair": "a pair of states such as RUS,IRN",
    "Path": "a path",
}
"""The types that hold one value and have no choices, in words."""

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The type of a parameter, one that a command line and a record can hold."""

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

    @property
    def wanted(self) -> str:
        """What a value of this type must be, in words."""
        if self.item is not None:
            text = f"a list (its items: {self.item.wanted})"
        else:
            text = WANTED.get(self.name) or _or(self.choices)
        return text + (", or none" if self.optional else "")


def _or(choices: Sequence[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def parse(text: str, kind: Kind, *, what: str = "The value") -> object:
    """
    Read the text of a command line as a value of `kind`.

    A pair is ``RUS,IRN``; days are ISO dates; lists are split at commas (lists of
    pairs at semicolons), with quotes around an item that has one; ``none`` or
    nothing is None where the type allows it. Text is never guessed: NO is
    the text "NO" unless the type is bool.

    Raises
    ------
    ParameterError
        For text that is not a value of that type, with the name `what`.

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
        return _parsed(stripped if kind.name != "str" else text, kind, what=what)
    except (ValueError, csv.Error) as error:
        msg = f"{what} must be {kind.wanted}, got {text!r}."
        raise ParameterError(msg) from error


def _parsed(text: str, kind: Kind, *, what: str) -> object:
    if kind.item is not None:
        mark = ";" if kind.item.name == "Pair" else ","
        parts = _split(text, mark)
        return [parse(p, kind.item, what=f"{what}, item {i},") for i, p in enumerate(parts, 1)]
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


def check_value(value: object, kind: Kind, *, what: str) -> object:
    """
    Return `value` in the one form its type has: a pair a tuple, a list a list.

    The codes of states are checked by `check_state_codes`.

    Raises
    ------
    ParameterError
        With the name `what`, what it must be and the value found.
    """
    if value is None and kind.optional:
        return None
    if kind.item is not None and isinstance(value, (list, tuple)):
        named = [(f"{what}, item {i},", v) for i, v in enumerate(value, 1)]
        return [check_value(v, kind.item, what=name) for name, v in named]
    if _fits(value, kind):
        if kind.name == "float" and isinstance(value, (int, float)):
            return float(value)
        return tuple(value) if isinstance(value, list) else value
    hint = did_you_mean(value, kind.choices) if isinstance(value, str) else ""
    found = f"the time {value}" if isinstance(value, datetime) else repr(value)
    raise ParameterError(f"{what} must be {kind.wanted}, got {found}.{hint}")


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
    Check that the codes of states in `value` are known.

    Raises
    ------
    ParameterError
        With the name `what` and the unknown code.
    """
    if (kind.item or kind).name in ("State", "Pair"):
        try:
            check_states([str(v) for v in leaves(value) if v is not None])
        except UnknownChoiceError as error:
            raise ParameterError(f"{what}: {error}") from error


def leaves(value: object) -> list[object]:
    """Return the single values in a value: the items of lists and pairs, or itself."""
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in leaves(v)]
    return [value]


def shown(value: object) -> str:
    """
    Return a parameter's value as readers write it.

    Examples
    --------
    >>> shown(("RUS", "IRN")), shown(None), shown(["week", "month"])
    ('RUS, IRN', 'none', 'week, month')
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(f"({shown(v)})" if isinstance(v, tuple) else shown(v) for v in value)
    if isinstance(value, Path):
        return value.name
    return "none" if value is None else str(value)


def as_text(value: object) -> str:
    """
    Return a value as one would type it after `-p key=`; `parse` reads it back.

    Examples
    --------
    >>> as_text([("RUS", "IRN"), ("RUS", "CHN")]), as_text(None), as_text(["a,b", "c"])
    ('RUS,IRN;RUS,CHN', 'none', '"a,b",c')
    """
    if isinstance(value, (list, tuple)):
        mark = ";" if any(isinstance(v, tuple) for v in value) else ","
        return mark.join(_quoted(as_text(v), mark) for v in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def _quoted(text: str, mark: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if mark in text or '"' in text else text


def to_source(values: Mapping[str, object]) -> str:
    """
    Write values as the Python source of a notebook cell, without loss.

    Examples
    --------
    >>> print(to_source({"start": date(2022, 2, 24), "pair": ("RUS", "IRN")}))
    from datetime import date
    <BLANKLINE>
    start = date(2022, 2, 24)
    pair = ('RUS', 'IRN')
    """
    lines = [f"{name} = {_source(value)}" for name, value in values.items()]
    parts = leaves(list(values.values()))
    modules = {"datetime": date, "pathlib": Path}
    imports = [
        f"from {module} import {kind.__name__}"
        for module, kind in modules.items()
        if any(isinstance(part, kind) for part in parts)
    ]
    return "\n".join([*imports, "", *lines] if imports else lines)


def _source(value: object) -> str:
    if isinstance(value, date):
        return repr(value).removeprefix("datetime.")
    if isinstance(value, Path):
        return f"Path({value.as_posix()!r})"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_source(v) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return repr(value)


def to_json(value: object) -> object:
    """
    Turn a value into what JSON can hold, without loss.

    Days, pairs and paths become ``{"date": "2022-02-24"}``, ``{"tuple": […]}`` and
    ``{"path": "…"}``: no parameter is a mapping itself, so nothing is confused.

    Examples
    --------
    >>> to_json([("RUS", "IRN"), date(2022, 2, 24)])
    [{'tuple': ['RUS', 'IRN']}, {'date': '2022-02-24'}]
    """
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Path):
        return {"path": value.as_posix()}
    if isinstance(value, tuple):
        return {"tuple": [to_json(v) for v in value]}
    return [to_json(v) for v in value] if isinstance(value, list) else value


def from_json(value: object) -> object:
    """
    Read back what `to_json` wrote.

    Examples
    --------
    >>> from_json([{"tuple": ["RUS", "IRN"]}, {"date": "2022-02-24"}])
    [('RUS', 'IRN'), datetime.date(2022, 2, 24)]
    """
    match value:
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case {"path": str(text)}:
            return Path(text)
        case {"tuple": list(parts)}:
            return tuple(from_json(v) for v in parts)
        case list(items):
            return [from_json(v) for v in items]
        case _:
            return value
