"""What marks a fault does not hide a mistake of the test itself."""

from __future__ import annotations

from typing import Any

import pytest

import sanctlib as sl
from tests.known_faults import blames_nobody, given, refused

library: Any = sl


@pytest.mark.parametrize("check", [given, refused])
def test_a_function_that_does_not_exist_is_no_fault(check: Any) -> None:
    with pytest.raises(AttributeError):
        check(lambda: library.no_such_function())


@pytest.mark.parametrize("check", [given, refused])
def test_a_parameter_that_does_not_exist_is_no_fault(check: Any) -> None:
    with pytest.raises(TypeError):
        check(lambda: library.cite(no_such_parameter=1))


def test_a_raw_error_from_inside_is_a_fault() -> None:
    inside: dict[str, Any] = {"__name__": "sanctlib.made"}
    exec("def broken():\n    raise ValueError('inside')", inside)
    with pytest.raises(AssertionError, match="a raw ValueError came: inside"):
        refused(inside["broken"])


def test_a_call_that_works_is_not_refused() -> None:
    with pytest.raises(AssertionError, match="not refused"):
        refused(lambda: library.cite(["ofac_sdn"]))


def test_a_message_that_names_a_function_or_a_type_blames() -> None:
    blames_nobody(sl.SanctlibError("level is 95. Call sl.metrics.poisson_interval(3, level=0.95)."))
    for text in ("sanction_counts needs a level", "got a NoneType"):
        with pytest.raises(AssertionError, match="names"):
            blames_nobody(sl.SanctlibError(text))
