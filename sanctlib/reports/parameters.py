"""Read the typed parameters of a notebook without running it. Return them, and checked values."""

from __future__ import annotations

import ast
import csv
import io
import json
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError, to_jsonable_python

from sanctlib.errors import ParameterError, ReportError, SanctlibError, did_you_mean
from sanctlib.query import check_state
from sanctlib.store import shipped

TAG = "parameters"

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
_LIMITS = ("gt", "ge", "lt", "le", "min_length", "max_length")
_TRUTH = {"true": True, "yes": True, "on": True, "1": True}
_TRUTH |= {"false": False, "no": False, "off": False, "0": False}


def _utf8(value: Any) -> Any:
    # Bytes that are not UTF-8 reach a program as lone surrogates: no file could hold them.
    if any("\ud800" <= c <= "\udfff" for c in str(value)):
        raise PydanticCustomError("not_utf8", "not UTF-8")
    return value


def _state(code: str) -> str:
    try:
        check_state(code)
    except SanctlibError as error:
        raise ValueError(str(error)) from None
    return code


def _two(pair: tuple[str, str]) -> tuple[str, str]:
    if pair[0] == pair[1]:
        raise PydanticCustomError("one_state", "one state")
    return pair


def _split(text: str, mark: str = ",") -> list[str]:
    (parts,) = csv.reader([text], delimiter=mark, skipinitialspace=True, strict=True)
    return [part.strip() for part in parts]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_Text = Annotated[str, AfterValidator(_utf8)]
_State = Annotated[_Text, AfterValidator(_state)]
_Pair = Annotated[tuple[_State, _State], BeforeValidator(_tuple), AfterValidator(_two)]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The type of a parameter: as pydantic checks it, as readers name it, as text is read."""

    name: str
    type: Any
    words: str
    read: Callable[[str], object] = str.strip
    item: Kind | None = None
    choices: tuple[str, ...] = ()
    dataset: str = ""
    """Key of the data that cover a day; it may hold names of parameters in braces."""

    def check(self, value: object, *, what: str, from_json: bool = False) -> object:
        """Return `value`, given as Python or as JSON holds it, in the one form its type has."""
        value = list(value) if self.item is not None and isinstance(value, tuple) else value
        adapter: TypeAdapter[object] = TypeAdapter(self.type, config=_STRICT)
        try:
            if from_json:
                return adapter.validate_json(json.dumps(value))
            return adapter.validate_python(value)
        except ValidationError as error:
            raise ParameterError(self._refusal(error, what)) from None

    def _refusal(self, error: ValidationError, what: str) -> str:
        """Say in our words what pydantic found."""
        first = error.errors(include_url=False)[0]
        found, where, more = first["input"], first["loc"], first.get("ctx", {})
        if first["type"] == "value_error":
            return f"{what}: {more['error']}"
        if self.item is not None and not where and isinstance(found, list):
            bound = " ".join(first["msg"].split()[3:7])  # at least 1 item
            return f"{what} must have {bound}, got {len(found)}."
        if more.keys() & {"gt", "ge", "lt", "le"}:
            meant = f" Did you mean {found / 100}?" if more.get("lt") == 1 < found < 100 else ""
            return f"{what} must be {first['msg'].partition(' be ')[2]}, got {found!r}.{meant}"
        kind = self
        if self.item is not None and where:
            kind, what = self.item, f"{what}, item {int(where[0]) + 1},"
        hint = did_you_mean(found, kind.choices) if isinstance(found, str) else ""
        said = f"the time {found}" if isinstance(found, datetime) else repr(found)
        return f"{what} must be {kind.words}, got {said}.{hint}"

    def parse(self, text: str, *, what: str = "The value") -> object:
        """
        Read the text of a command line or a table as a value, which `check` has to see yet.

        Lists are split at commas, those of pairs at semicolons; ``none`` or nothing is None where
        the type allows it. NO is the text "NO" unless the type is bool.
        """
        if self.name.endswith("None") and text.strip().casefold() in ("", "none"):
            return None
        try:
            if self.item is None:
                return self.read(text)
            mark = ";" if self.item.name == "Pair" else ","
            parts = _split(text.strip(), mark) if text.strip() else []
        except (ValueError, KeyError, csv.Error):
            raise ParameterError(f"{what} must be {self.words}, got {text!r}.") from None
        return [self.item.parse(p, what=f"{what}, item {i},") for i, p in enumerate(parts, 1)]


def _pair(text: str) -> tuple[str, str]:
    first, second = _split(text)
    return first, second


_SINGLE: dict[str, tuple[Any, str, Callable[[str], object]]] = {
    "int": (int, "a whole number", int),
    "float": (float, "a number", float),
    "bool": (bool, "true or false", lambda text: _TRUTH[text.strip().casefold()]),
    "str": (_Text, "text", str),
    "date": (date, "a day such as 2022-02-24", lambda text: date.fromisoformat(text.strip())),
    "State": (_State, "a state such as IRN", str.strip),
    "Pair": (_Pair, "a pair of states such as RUS,IRN", _pair),
    "Path": (Annotated[Path, AfterValidator(_utf8)], "a path", lambda text: Path(text.strip())),
}
_KNOWN = ", ".join([*_SINGLE, "Literal[...] of text", "list[X]", "X | None", "Annotated[X, ...]"])


def kind_of(annotation: str | ast.expr) -> Kind:
    """Return the type that an annotation names, as text or parsed."""
    node = ast.parse(annotation, mode="eval").body if isinstance(annotation, str) else annotation
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            inner = kind_of(left)
            name, words = f"{inner.name} | None", f"{inner.words}, or none"
            return replace(inner, name=name, words=words, type=Optional[inner.type])  # noqa: UP045
        case ast.Subscript(value=outer, slice=ast.Tuple(elts=[inside, *marks])) if (
            _name(outer) == "Annotated"
        ):
            return _limited(kind_of(inside), marks)
        case ast.Subscript(value=outer, slice=inside) if _name(outer) == "list":
            item = kind_of(inside)
            if item.item is None and not item.name.endswith("None"):
                words = f"a list (its items: {item.words})"
                kind = list[item.type]  # type: ignore[name-defined]
                return Kind(name=f"list[{item.name}]", type=kind, words=words, item=item)
        case ast.Subscript(value=outer, slice=inside) if _name(outer) == "Literal":
            texts = tuple(ast.literal_eval(part) for part in getattr(inside, "elts", [inside]))
            if all(isinstance(text, str) for text in texts):
                words = " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
                name = f"Literal[{', '.join(map(repr, texts))}]"
                return Kind(name=name, type=Literal[texts], words=words, choices=texts)
        case _ if (name := _name(node)) in _SINGLE:
            kind, words, read = _SINGLE[name]
            return Kind(name=name, type=kind, words=words, read=read)
    msg = f"{ast.unparse(node)} is another type than parameters can have. Known: {_KNOWN}."
    raise ParameterError(msg)


def _limited(kind: Kind, marks: list[ast.expr]) -> Kind:
    """Return the kind with the limits of a `Field` and the key of a dataset."""
    for mark in marks:
        match mark:
            case ast.Constant(value=str(key)):
                kind = replace(kind, dataset=key)
            case ast.Call(args=[], keywords=given) if all(k.arg in _LIMITS for k in given):
                limits: dict[str, Any] = {str(k.arg): ast.literal_eval(k.value) for k in given}
                kind = replace(kind, type=Annotated[kind.type, Field(**limits)])
            case _:
                msg = f"{ast.unparse(mark)} must be the key of a dataset, or Field with a limit"
                raise ParameterError(f"{msg} ({', '.join(_LIMITS)}).")
    return kind


def _name(node: ast.expr) -> str:
    """Return the last name of a dotted one: `query.Pair` and `Pair` are the same type."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a notebook: name, type, default and the comment that explains it."""

    name: str
    kind: Kind
    default: object
    help: str


def read_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook file as JSON; a ReportError unless it is of Python and of format 4."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ReportError(f"The notebook {path.name!r} cannot be read: {error}") from error
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or "cells" not in notebook:
        raise ReportError(f"{path.name!r} is not a notebook of format 4.")
    language = notebook.get("metadata", {}).get("language_info", {}).get("name", "python")
    if language != "python":
        raise ReportError(f"{path.name!r} is a notebook of {language}. It must be of Python.")
    return notebook


def parameters_cell(notebook: Mapping[str, Any], *, name: str) -> int:
    """Return the position of the cell tagged `parameters`, of which there must be one."""
    tagged = [
        i
        for i, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code" and TAG in cell.get("metadata", {}).get("tags", [])
    ]
    if len(tagged) == 1:
        return tagged[0]
    numbers = ", ".join(str(i + 1) for i in tagged)
    found = f"{len(tagged)} code cells ({numbers})" if tagged else "no code cell"
    # Without the tag a run would keep the defaults, or overwrite its values, in silence.
    msg = f"The notebook {name!r} has {found} with the tag {TAG!r}. It must have one."
    raise ParameterError(msg)


def cell_source(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell, which a file may hold as text or as a list of lines."""
    return "".join(cell["source"])


def declared(notebook: Path) -> dict[str, Parameter]:
    """
    Read the parameters that a notebook declares (docs/batch.md); nothing is executed.

    The comment on the line of an assignment is its help text.
    """
    content, name = read_notebook(notebook), notebook.stem
    source = cell_source(content["cells"][parameters_cell(content, name=name)])
    try:
        statements = ast.parse(source).body
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        comments = {t.start[0]: t.string for t in tokens if t.type == tokenize.COMMENT}
    except (SyntaxError, tokenize.TokenError) as error:
        raise ParameterError(f"The parameters cell of {name!r} is not Python: {error}") from error
    found: dict[str, Parameter] = {}
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        parameter = _parameter(statement, comments, notebook=name)
        if parameter.name in found:
            raise ParameterError(f"The notebook {name!r} declares {parameter.name!r} twice.")
        found[parameter.name] = parameter
    for parameter in found.values():
        _check_key(parameter, found)
    return found


def _check_key(parameter: Parameter, known: Mapping[str, Parameter]) -> None:
    """Refuse the key of no dataset; one with names in braces may be that of prepared data."""
    key = parameter.kind.dataset
    fits = not key or key in shipped()
    if "{" in key:
        try:
            fits = bool(key.format_map({name: p.default for name, p in known.items()}))
        except (LookupError, ValueError, AttributeError):
            fits = False
    if not fits:
        msg = f"{parameter.name} has the key {key!r}. It must be that of a shipped dataset, and"
        hint = did_you_mean(key, shipped())
        raise ParameterError(f"{msg} names in braces those of parameters.{hint}")


def _parameter(statement: ast.stmt, comments: Mapping[int, str], *, notebook: str) -> Parameter:
    text = ast.unparse(statement)
    where = f"The parameters cell of {notebook!r}, line {statement.lineno} ({text!r}),"
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        msg = f"{where} must be an assignment with a type: 'limit: int = 10  # rows shown'."
        raise ParameterError(msg)
    if statement.value is None:
        raise ParameterError(f"{where} has no default. Add one: 'limit: int = 10'.")
    try:
        kind, default = kind_of(statement.annotation), _value(statement.value)
    except ParameterError as error:
        raise ParameterError(f"{where} cannot be used: {error}") from error
    except (ValueError, TypeError) as error:
        msg = f"{where} has a default that is computed or impossible: {error}"
        raise ParameterError(msg) from error
    last = statement.end_lineno or statement.lineno
    return Parameter(
        name=statement.target.id,
        kind=kind,
        default=kind.check(default, what=f"{where} the default"),
        help=comments.get(last, comments.get(statement.lineno, "")).lstrip("# ").rstrip(),
    )


def _value(node: ast.expr) -> object:
    match node:
        case ast.Call(func=func, args=args, keywords=[]) if _name(func) in ("date", "Path"):
            return {"date": date, "Path": Path}[_name(func)](*map(ast.literal_eval, args))
        case ast.Tuple(elts=parts):
            return tuple(_value(p) for p in parts)
        case ast.List(elts=parts):
            return [_value(p) for p in parts]
        case _:
            return ast.literal_eval(node)


def named(name: str, known: Mapping[str, Parameter]) -> Kind:
    """Return the type of a parameter; a ParameterError with the closest name where none is."""
    if name in known:
        return known[name].kind
    names = ", ".join(repr(k) for k in known) or "none"
    msg = f"There is no parameter {name!r}. Known: {names}."
    raise ParameterError(msg + did_you_mean(name, known))


def check(values: Mapping[str, object], known: Mapping[str, Parameter]) -> dict[str, object]:
    """
    Check the values of a run, and return those that are not the defaults, in the notebook's order.

    A run requested in two ways is so one run in one folder.
    """
    checked = {name: named(name, known).check(value, what=name) for name, value in values.items()}
    of_run = {name: checked.get(name, p.default) for name, p in known.items()}
    days = {name: value for name, value in of_run.items() if isinstance(value, date)}
    for name, day in days.items():
        end = name.removesuffix("start") + "end"
        if name.endswith("start") and day > days.get(end, date.max):
            msg = f"{name} is {day} and {end} is {days[end]}. {name} must not be after {end}."
            raise ParameterError(msg)
        dataset = shipped().get(known[name].kind.dataset.format_map(of_run))
        if dataset is None:  # prepared data, or none
            continue
        first, last = dataset.coverage.first, dataset.coverage.last
        # A period may begin before the data and end after them.
        from_day = date.min if name.endswith("start") else first
        to_day = date.max if name.endswith("end") else last
        if not from_day <= day <= to_day:
            msg = f"{name} is {day}. {dataset.key} covers {first} to {last}. Choose days in it."
            raise ParameterError(msg)
        for begin, until, reason in dataset.coverage.gaps:
            if begin <= day and days.get(end, date.max) <= until:
                msg = f"{name} is {day} and {end} is {days[end]}. {dataset.key} does not cover"
                msg = f"{msg} {begin} to {until} ({reason}). Choose other days."
                raise ParameterError(msg)
    return {name: value for name, value in of_run.items() if value != known[name].default}


def leaves(value: object) -> list[object]:
    """Return the single values in a value: the items of lists and pairs, or itself."""
    nested = isinstance(value, (list, tuple))
    return [leaf for v in value for leaf in leaves(v)] if nested else [value]  # type: ignore[attr-defined]


def shown(value: object) -> str:
    """Return a parameter's value as readers write it: RUS, IRN; none; week, month."""
    if isinstance(value, (list, tuple)):
        return ", ".join(f"({shown(v)})" if isinstance(v, tuple) else shown(v) for v in value)
    return value.name if isinstance(value, Path) else "none" if value is None else str(value)


def as_text(value: object) -> str:
    """Return a value as one would type it after `-p key=`, a file by its name."""
    if isinstance(value, (list, tuple)):
        mark = ";" if any(isinstance(v, tuple) for v in value) else ","
        line = io.StringIO()
        csv.writer(line, delimiter=mark, lineterminator="").writerow([as_text(v) for v in value])
        return line.getvalue()
    text = "none" if value is None else value.name if isinstance(value, Path) else str(value)
    return text.lower() if isinstance(value, bool) else text


def to_json(values: Mapping[str, object]) -> dict[str, Any]:
    """Return values as JSON holds them; `Kind.check` reads each back without loss."""
    found: dict[str, Any] = to_jsonable_python(dict(values))
    return found


def to_source(values: Mapping[str, object]) -> str:
    """Write values as the Python source of a notebook cell, without loss."""
    lines = [f"{name} = {_source(value)}" for name, value in values.items()]
    kinds = {kind for part in leaves(list(values.values())) for kind in type(part).__mro__}
    modules = {"datetime": date, "pathlib": Path}
    imports = [f"from {m} import {k.__name__}" for m, k in modules.items() if k in kinds]
    return "\n".join([*imports, "", *lines] if imports else lines)


def _source(value: object) -> str:
    match value:
        case Path():
            return f"Path({value.as_posix()!r})"
        case tuple():
            return f"({', '.join(map(_source, value))})"
        case list():
            return f"[{', '.join(map(_source, value))}]"
        case _:
            return repr(value).removeprefix("datetime.")
