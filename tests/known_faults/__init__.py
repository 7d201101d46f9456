"""
Tests of known faults, by kind: what is right, marked xfail while the fault exists.

Mark a fault with `fault("A1: ...")`. Its test must fail by an `AssertionError`, so that a
renamed function or a wrong call is a failure and not hidden. When the fault is corrected the
test passes, the strict mark fails, and the mark is removed.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from types import FunctionType, TracebackType
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl

# Python types and private words that no message for a user needs.
_OF_PYTHON = re.compile(
    r"\b(NoneType|DataFrame|Series|ndarray|dict|tuple|Literal|TypeError|ValueError|str|int)\b"
)


def fault(reason: str) -> pytest.MarkDecorator:
    """Mark a test that fails while the fault exists: its id and a short text."""
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason)


def functions() -> dict[str, FunctionType]:
    """Return the public functions by name, those of the namespaces included."""
    return {
        name: public
        for space in (sl, sl.models, sl.metrics)
        for name in space.__all__
        if inspect.isfunction(public := getattr(space, name))
    }


def frame(found: Any) -> pd.DataFrame:
    """Return the table of a result, or the frame itself."""
    table = None if isinstance(found, pd.DataFrame) else getattr(found, "table", None)
    return table if isinstance(table, pd.DataFrame) else found


def outcome(call: Callable[[], Any]) -> Any:
    """
    Return what the call gives, or the `SanctlibError` that it raises.

    An error from inside sanctlib of any other type is an AssertionError that names it. One
    from the call itself, such as a function that does not exist, is raised as it is.
    """
    try:
        return call()
    except sl.SanctlibError as error:
        return error
    except Exception as error:
        if not _passed_through_sanctlib(error.__traceback__):
            raise
        text = str(error).partition("\n")[0][:200]
        raise AssertionError(f"a raw {type(error).__name__} came: {text}") from error


def refused(call: Callable[[], Any], match: str | None = None) -> sl.SanctlibError:
    """Assert that the call raises a SanctlibError whose message matches; return the error."""
    found = outcome(call)
    assert isinstance(found, sl.SanctlibError), f"not refused: {_shown(found)}"
    if match is not None:
        said = re.search(match, str(found), flags=re.IGNORECASE | re.DOTALL)
        assert said, f"the message does not match {match!r}: {found}"
    return found


def given(call: Callable[[], Any]) -> Any:
    """Assert that the call works, and return what it gives."""
    found = outcome(call)
    assert not isinstance(found, sl.SanctlibError), f"refused: {found}"
    return found


def said_by(call: Callable[[], Any]) -> tuple[Any, str]:
    """Return what a call gives, or its error, and the words of its warnings and notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = outcome(call)
    notes = getattr(found, "notes", ())
    said = [str(w.message) for w in caught] + [str(note) for note in notes]
    return found, " ".join([*said, str(found) if isinstance(found, sl.SanctlibError) else ""])


def blames_nobody(error: sl.SanctlibError, caller: str = "") -> None:
    """Assert that a message names no function but the caller, and no type of Python."""
    text = re.sub(r"(sl|pd)\.[\w.]+(\([^)]*\))?", "", str(error))  # the fix may be a call
    others = [name for name in functions() if "_" in name and name != caller]
    named = [name for name in others if re.search(rf"\b{name}\b", text)]
    assert not named, f"the message names {named[0]}: {text}"
    typed = _OF_PYTHON.search(text)
    assert typed is None, f"the message names the type {typed[0]}: {text}"


def _shown(found: Any) -> str:
    table = frame(found)
    return str(table.head(3).to_dict("list") if isinstance(table, pd.DataFrame) else table)[:300]


def _passed_through_sanctlib(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").startswith("sanctlib."):
            return True
        traceback = traceback.tb_next
    return False


def params(
    values: Mapping[str, Any] | Iterable[str], broken: Collection[str] = (), reason: str = ""
) -> list[Any]:
    """Return parameters by name; those that are broken today are marked with the reason."""
    named = values if isinstance(values, Mapping) else {name: name for name in values}
    unknown = set(broken) - set(named)
    assert not unknown, f"no parameter is named {unknown}"
    return [
        pytest.param(value, id=name, marks=[fault(reason)] if name in broken else [])
        for name, value in named.items()
    ]
