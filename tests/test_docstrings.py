"""Every parameter of a public function is documented, and every function has an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any

import pytest

import sanctlib as sl
from sanctlib.result import Fit


def public() -> Iterator[tuple[str, Any]]:
    """Yield the names that users write, and what each is."""
    for space in (sl, sl.models, sl.metrics):
        for name in space.__all__:
            thing = getattr(space, name)
            if not isinstance(thing, ModuleType):
                yield f"{space.__name__}.{name}".replace("sanctlib", "sl", 1), thing
    for kind in (sl.Result, Fit, sl.Reading):
        for name, thing in inspect.getmembers(kind, inspect.isfunction):
            # Methods are documented once, in the class that defines them.
            if not name.startswith("_") and name in vars(kind):
                yield f"{kind.__name__}.{name}", thing


PUBLIC = dict(public())
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}


def section(thing: Any, *names: str) -> str:
    """Return the text below one of these headings of a numpydoc docstring."""
    doc = inspect.getdoc(thing) or ""
    for name in names:
        found = re.search(
            rf"^{name}\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", doc, re.MULTILINE | re.DOTALL
        )
        if found:
            return found[1]
    return ""


def documented(thing: Any) -> dict[str, str]:
    """Return the parameters of a docstring, and the text of the type of each."""
    found: dict[str, str] = {}
    for line in section(thing, "Parameters", "Attributes").splitlines():
        head = re.match(r"(\S.*?)(?: : (.*))?$", line)
        if head:
            found |= {name.strip(): head[2] or "" for name in head[1].split(",")}
    return found


def parameters(thing: Any) -> list[inspect.Parameter]:
    """Return the parameters of a signature, as a docstring writes them."""
    given = list(inspect.signature(thing).parameters.values())
    return [p for p in given if p.name != "self"]


def written(parameter: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return stars.get(parameter.kind, "") + parameter.name


@pytest.mark.parametrize("name", PUBLIC)
def test_every_parameter_is_documented_and_no_other(name: str) -> None:
    thing = PUBLIC[name]
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return
    wanted = [written(p) for p in parameters(thing)]
    if inspect.isclass(thing) and is_dataclass(thing):
        # A class that adds to another one documents what it adds.
        inherited = {f for base in thing.__mro__[1:] for f in getattr(base, "__annotations__", {})}
        wanted = [p for p in wanted if p not in inherited]
    assert sorted(documented(thing)) == sorted(wanted)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_has_a_type_and_its_default(name: str) -> None:
    stated = documented(FUNCTIONS[name])
    for parameter in parameters(FUNCTIONS[name]):
        if parameter.kind is inspect.Parameter.VAR_KEYWORD or written(parameter) not in stated:
            continue
        kind = stated[written(parameter)]
        assert kind, f"{parameter.name} has no type"
        if parameter.default is None:
            assert "optional" in kind or "default None" in kind, f"{parameter.name}: {kind}"
        elif isinstance(parameter.default, (bool, int, float, str)):
            assert f"default {parameter.default!r}".replace("'", '"') in kind, (
                f"{parameter.name}: {kind}"
            )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_begins_with_a_short_line_and_has_the_sections(name: str) -> None:
    doc = inspect.getdoc(FUNCTIONS[name]) or ""
    first = doc.partition("\n")[0]
    assert 0 < len(first) < 80
    assert first.endswith(".")
    assert section(FUNCTIONS[name], "Returns")


EXAMPLES = [name for name in FUNCTIONS if name.startswith("sl.")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_public_function_has_a_short_example(name: str) -> None:
    example = section(FUNCTIONS[name], "Examples")
    assert ">>> " in example
    assert len([line for line in example.splitlines() if line[:3] in (">>>", "...")]) <= 10
