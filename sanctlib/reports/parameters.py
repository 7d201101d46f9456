"""Read the parameters that a notebook declares in its parameters cell, and check values."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sanctlib.errors import ParameterError, ReportError, did_you_mean
from sanctlib.reports.values import WANTED, Kind, check_state_codes, check_value, parse

TAG = "parameters"

_TYPES = ", ".join([*WANTED, "Literal[...] of text", "list[X]", "X | None"])


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a notebook: name, type, default and the comment that explains it."""

    name: str
    type: Kind
    default: object
    help: str


def read_notebook(path: Path) -> dict[str, Any]:
    """
    Read a notebook file as JSON.

    Raises
    ------
    ReportError
        For a file that is not there, or not a notebook of format 4.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"The notebook {path.name!r} cannot be read: {error}"
        raise ReportError(msg) from error
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or "cells" not in notebook:
        msg = f"{path.name!r} is not a notebook of format 4."
        raise ReportError(msg)
    return notebook


def parameters_cell(notebook: Mapping[str, Any], *, name: str) -> int:
    """
    Return the position of the one cell tagged `parameters`.

    Raises
    ------
    ParameterError
        Unless one cell has the tag: a run would keep the defaults, or overwrite its values,
        without a message.
    """
    tagged = [
        i
        for i, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code" and TAG in cell.get("metadata", {}).get("tags", [])
    ]
    if len(tagged) != 1:
        found = "no code cell"
        if tagged:
            found = f"{len(tagged)} code cells ({', '.join(str(i + 1) for i in tagged)})"
        msg = f"The notebook {name!r} has {found} with the tag {TAG!r}. It must have one."
        raise ParameterError(msg)
    return tagged[0]


def cell_source(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell, which a file may hold as text or as a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def declared(notebook: Path) -> dict[str, Parameter]:
    """
    Read the parameters that a notebook declares; nothing is executed.

    The cell tagged `parameters` holds imports and annotated assignments only, each
    with a comment on its line, which becomes the help text::

        pair: Pair = ("RUS", "IRN")  # the two states
        every: Literal["week", "month"] = "week"  # length of a period

    Types: int, float, bool, str, date, State, Pair, Path, Literal[...] of text,
    list[X] and X | None. State and Pair are in `sanctlib.query`.

    Raises
    ------
    ReportError
        For a file that is not a notebook.
    ParameterError
        For a missing tag, a line that is not an annotated assignment, and a default that is
        missing, computed or of another type.
    """
    return declared_in(read_notebook(notebook), name=notebook.stem)


def declared_in(content: Mapping[str, Any], *, name: str) -> dict[str, Parameter]:
    """Read the parameters that the content of the notebook `name` declares, as `declared` does."""
    source = cell_source(content["cells"][parameters_cell(content, name=name)])
    try:
        statements = ast.parse(source).body
        comments = _comments(source)
    except (SyntaxError, tokenize.TokenError) as error:
        msg = f"The parameters cell of {name!r} is not Python: {error}"
        raise ParameterError(msg) from error
    found: dict[str, Parameter] = {}
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        parameter = _parameter(statement, comments, notebook=name)
        if parameter.name in found:
            msg = f"The notebook {name!r} declares {parameter.name!r} twice."
            raise ParameterError(msg)
        found[parameter.name] = parameter
    return found


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        t.start[0]: t.string.lstrip("# ").rstrip() for t in tokens if t.type == tokenize.COMMENT
    }


def _parameter(statement: ast.stmt, comments: Mapping[int, str], *, notebook: str) -> Parameter:
    text = ast.unparse(statement)
    where = f"The parameters cell of {notebook!r}, line {statement.lineno} ({text!r}),"
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        msg = f"{where} must be an assignment with a type: 'limit: int = 10  # rows shown'."
        raise ParameterError(msg)
    if statement.value is None:
        msg = f"{where} has no default. Add one: 'limit: int = 10'."
        raise ParameterError(msg)
    kind = _kind(statement.annotation)
    if kind is None:
        msg = f"{where} has another type than parameters can have. Known: {_TYPES}."
        raise ParameterError(msg)
    try:
        default = _value(statement.value)
    except (ValueError, TypeError) as error:
        msg = f"{where} has a default that is computed or impossible: {error}"
        raise ParameterError(msg) from error
    last = statement.end_lineno or statement.lineno
    return Parameter(
        name=statement.target.id,
        type=kind,
        default=check_value(default, kind, what=f"{where} the default"),
        help=comments.get(last, comments.get(statement.lineno, "")),
    )


def _kind(node: ast.expr) -> Kind | None:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            inner = _kind(left)
            return None if inner is None or inner.optional else replace(inner, optional=True)
        case ast.Subscript(value=outer, slice=inside) if _name(outer) == "list":
            item = _kind(inside)
            plain = item is not None and item.item is None and not item.optional
            return Kind(name="list", item=item) if plain else None
        case ast.Subscript(value=outer, slice=inside) if _name(outer) == "Literal":
            parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
            texts = [p.value for p in parts if isinstance(p, ast.Constant)]
            choices = tuple(t for t in texts if isinstance(t, str))
            return Kind(name="Literal", choices=choices) if len(choices) == len(parts) else None
        case _:
            return next((Kind(name=name) for name in WANTED if name == _name(node)), None)


def _name(node: ast.expr) -> str:
    """Return the last name of a dotted one: `query.Pair` and `Pair` are the same type."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _value(node: ast.expr) -> object:
    match node:
        case ast.Call(func=func, args=args, keywords=[]) if _name(func) in ("date", "Path"):
            values = [ast.literal_eval(a) for a in args]
            return date(*values) if _name(func) == "date" else Path(*values)
        case ast.Tuple(elts=parts):
            return tuple(_value(p) for p in parts)
        case ast.List(elts=parts):
            return [_value(p) for p in parts]
        case _:
            return ast.literal_eval(node)


def check_name(name: str, declared: Mapping[str, Parameter]) -> None:
    """
    Check that a notebook declares the parameter `name`.

    Raises
    ------
    ParameterError
        With the declared names and the closest of them.
    """
    if name not in declared:
        known = ", ".join(repr(k) for k in declared) or "none"
        msg = f"There is no parameter {name!r}. Known: {known}."
        raise ParameterError(msg + did_you_mean(name, declared))


def parse_parameter(name: str, text: str, declared: Mapping[str, Parameter]) -> object:
    """
    Read the text of a command line or a table as the value of the parameter `name`.

    Raises
    ------
    ParameterError
        For a name that is not declared, and a text of another type.
    """
    check_name(name, declared)
    return parse(text, declared[name].type, what=name)


def check(values: Mapping[str, object], declared: Mapping[str, Parameter]) -> dict[str, object]:
    """
    Return the values of a run that differ from the defaults of its notebook.

    A value equal to its default is left out, so that a run requested in two ways is
    one run in one folder.

    Raises
    ------
    ParameterError
        For a name that is not declared, a value of another type, a code that is not a
        state's, and a first day after the last (parameters named ``start`` and ``end``, or
        ``…_start`` and ``…_end``).
    """
    for name in values:
        check_name(name, declared)
    changed: dict[str, object] = {}
    # In the order of the declaration: the order of a command line is no part of a run.
    for name, parameter in declared.items():
        if name not in values:
            continue
        value = check_value(values[name], parameter.type, what=name)
        check_state_codes(value, parameter.type, what=name)
        if value != parameter.default:
            changed[name] = value
    for name, parameter in declared.items():
        if parameter.type.name == "date" and name.endswith("start"):
            last = name.removesuffix("start") + "end"
            _check_order(name, last, {n: changed.get(n, p.default) for n, p in declared.items()})
    return changed


def _check_order(first: str, last: str, values: Mapping[str, object]) -> None:
    begun, ended = values[first], values.get(last)
    if isinstance(begun, date) and isinstance(ended, date) and begun > ended:
        msg = f"{first} is {begun} and {last} is {ended}. {first} must not be after {last}."
        raise ParameterError(msg)
