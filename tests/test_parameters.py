import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.errors import ParameterError, ReportError
from sanctlib.reports.parameters import (
    as_text,
    check,
    declared,
    kind_of,
    shown,
    to_json,
    to_source,
)
from tests.conftest import ROOT

CELL = """\
from datetime import date
from typing import Literal
from sanctlib import query
pair: query.Pair = ("RUS", "IRN")  # two states
start: date = date(2018, 1, 1)  # first day
every: Literal["week", "month"] = "week"  # length of a period
states: list[State] = [
    "RUS",
    "IRN",
]  # senders
limit: int | None = None
level: float = 1  # of the interval
show: bool = True  # draw it
label: str = "#1"
file: Path | None = None  # own table
"""


def notebook(folder: Path, source: str, *, tags: list[str] | None = None, copies: int = 1) -> Path:
    cell = {
        "cell_type": "code",
        "metadata": {"tags": ["parameters"] if tags is None else tags},
        "source": source.splitlines(keepends=True),
        "outputs": [],
        "execution_count": None,
    }
    path = folder / "brief.ipynb"
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell] * copies}
    path.write_text(json.dumps(content))
    return path


def test_names_types_defaults_and_comments_are_read_from_the_cell(tmp_path: Path) -> None:
    found = declared(notebook(tmp_path, CELL))
    assert {name: (p.kind.name, p.default, p.help) for name, p in found.items()} == {
        "pair": ("Pair", ("RUS", "IRN"), "two states"),
        "start": ("date", date(2018, 1, 1), "first day"),
        "every": ("Literal['week', 'month']", "week", "length of a period"),
        "states": ("list[State]", ["RUS", "IRN"], "senders"),
        "limit": ("int | None", None, ""),
        "level": ("float", 1.0, "of the interval"),
        "show": ("bool", True, "draw it"),
        "label": ("str", "#1", ""),
        "file": ("Path | None", None, "own table"),
    }


def test_reading_the_declaration_executes_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source = f"limit: int = open({str(marker)!r}, 'w').write('x')"
    with pytest.raises(ParameterError, match="computed or impossible"):
        declared(notebook(tmp_path, source))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("limit = 3", "must be an assignment with a type"),
        ("print('x')", "must be an assignment with a type"),
        ("limit: int", "has no default"),
        ("limit: dict = {}", "another type than parameters can have"),
        ("limit: list[list[int]] = []", "another type than parameters can have"),
        ("limit: Literal[1, 2] = 1", "another type than parameters can have"),
        ("limit: Annotated[int, Gt(0)] = 1", r"Gt\(0\) must be the key of a dataset, or Field"),
        ("day: Annotated[date, 'ofac_sdm'] = date(2022, 1, 1)", "Did you mean 'ofac_sdn'"),
        ("day: Annotated[date, '{evry}ly'] = date(2022, 1, 1)", "braces those of parameters"),
        ("limit: Annotated[int, Field(ge=2)] = 1", "the default must be greater than or equal"),
        ("limit: int = 'three'", "the default must be a whole number, got 'three'"),
        ("limit: bool = 1", "must be true or false"),
        ("start: date = date(2018, 2, 30)", "computed or impossible"),
        ("every: Literal['week'] = 'wek'", "Did you mean 'week'"),
        ("limit: int = 1\nlimit: int = 2", "declares 'limit' twice"),
        ("limit: int = ", "is not Python"),
    ],
)
def test_a_cell_that_cannot_be_read_is_refused(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        declared(notebook(tmp_path, source))


def test_the_tag_must_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no code cell with the tag 'parameters'"):
        declared(notebook(tmp_path, CELL, tags=[]))
    with pytest.raises(ParameterError, match=r"has 2 code cells \(1, 2\)"):
        declared(notebook(tmp_path, CELL, copies=2))


def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "brief.ipynb"
    path.write_text("{}")
    with pytest.raises(ReportError, match="is not a notebook of format 4"):
        declared(path)
    path.write_text("not json")
    with pytest.raises(ReportError, match="cannot be read"):
        declared(path)


def test_values_are_checked_and_those_equal_to_the_default_left_out(tmp_path: Path) -> None:
    parameters = declared(notebook(tmp_path, CELL))
    values = {"level": 2, "every": "week", "pair": ["RUS", "CHN"], "start": date(2019, 1, 1)}
    changed = check(values, parameters)
    # In the order of the declaration, a pair a tuple, a float a float.
    assert list(changed.items()) == [
        ("pair", ("RUS", "CHN")),
        ("start", date(2019, 1, 1)),
        ("level", 2.0),
    ]
    assert type(changed["level"]) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"evry": "week"}, "no parameter 'evry'.*Did you mean 'every'"),
        ({"every": "wek"}, "Did you mean 'week'"),
        ({"limit": "3"}, "limit must be a whole number, or none"),
        ({"limit": True}, "limit must be a whole number"),
        ({"level": float("nan")}, "level must be a number"),
        ({"start": datetime(2019, 1, 1, 12)}, "start must be a day"),
        ({"start": "2019-01-01"}, "start must be a day"),
        ({"pair": ("RUS", "RUS")}, "pair must be a pair of states"),
        ({"pair": ("RUS", "IRN", "CHN")}, "pair must be a pair of states"),
        ({"pair": ("RUS", "XQX")}, "pair: 'XQX' is not a state.*three capital letters"),
        ({"states": ["RUS", "Iran"]}, "states: 'Iran' is not a state.*Did you mean 'IRN'"),
        ({"states": "RUS"}, "states must be a list"),
        ({"states": ["RUS", 3]}, "states, item 2, must be a state"),
        ({"label": "\udc80"}, "label must be text"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check(values, declared(notebook(tmp_path, CELL)))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("RUS,IRN", "Pair", ("RUS", "IRN")),
        ("RUS, IRN", "Pair", ("RUS", "IRN")),
        ("2022-02-24", "date", date(2022, 2, 24)),
        ("NO", "str", "NO"),
        ("NO", "State", "NO"),
        ("no", "bool", False),
        ("True", "bool", True),
        ("-3", "int", -3),
        ("0.95", "float", 0.95),
        ("none", "int | None", None),
        ("", "str | None", None),
        ("none", "str", "none"),
        ("NO,IS", "list[str]", ["NO", "IS"]),
        ('"a,b",c', "list[str]", ["a,b", "c"]),
        ("", "list[str]", []),
        ("1,2", "list[int]", [1, 2]),
        (
            "RUS,IRN;RUS,CHN",
            "list[Pair]",
            [("RUS", "IRN"), ("RUS", "CHN")],
        ),
        ("a/b.csv", "Path", Path("a/b.csv")),
    ],
)
def test_the_text_of_a_command_line_becomes_the_typed_value(
    text: str, kind: str, value: object
) -> None:
    parsed = kind_of(kind).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("abc", "int", "must be a whole number, got 'abc'"),
        ("24.2.2022", "date", "must be a day .*, got '24.2.2022'"),
        ("RUS", "Pair", "must be a pair of states .*, got 'RUS'"),
        ("maybe", "bool", "must be true or false, got 'maybe'"),
        (
            "1,x",
            "list[int]",
            "item 2, must be a whole number, got 'x'",
        ),
        ("a\nb", "list[str]", "must be a list"),
    ],
)
def test_text_of_another_type_is_refused(text: str, kind: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        kind_of(kind).parse(text)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SINGLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.dates()
    | st.tuples(TEXT, TEXT)
    | TEXT.filter(lambda t: "\0" not in t).map(Path)
)
VALUES = st.dictionaries(
    st.sampled_from(["pair", "start", "every", "x"]), SINGLE | st.lists(SINGLE), max_size=3
)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(values=VALUES)
def test_the_injected_source_gives_the_same_values_and_types(values: dict[str, object]) -> None:
    names: dict[str, object] = {}
    exec(to_source(values), names)
    assert repr({name: names[name] for name in values}) == repr(values)


OF_KIND = {
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "str": TEXT,
    "date": st.dates(),
    "Pair": st.permutations(["RUS", "IRN", "NOR"]).map(lambda states: tuple(states[:2])),
    "State": st.sampled_from(["RUS", "IRN"]),
    "Path": TEXT.filter(lambda t: "\0" not in t).map(Path),
    "Literal['a', 'b']": st.sampled_from(["a", "b"]),
}


@settings(deadline=None, derandomize=True, max_examples=100)
@given(data=st.data(), name=st.sampled_from(sorted(OF_KIND)), form=st.sampled_from("xlo"))
def test_json_gives_the_same_value_and_type(data: Any, name: str, form: str) -> None:
    values = {"x": OF_KIND[name], "l": st.lists(OF_KIND[name]), "o": OF_KIND[name] | st.none()}
    value = data.draw(values[form])
    kind = kind_of({"x": name, "l": f"list[{name}]", "o": f"{name} | None"}[form])
    written = json.loads(json.dumps(to_json({"p": value})))["p"]
    assert repr(kind.check(written, what="p", from_json=True)) == repr(value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (("RUS", "IRN"), "Pair"),
        ([("RUS", "IRN"), ("RUS", "CHN")], "list[Pair]"),
        (['a "b", c', "d"], "list[str]"),
        (date(2018, 5, 8), "date"),
        (True, "bool"),
        (None, "int | None"),
        ([], "list[State]"),
    ],
)
def test_what_one_would_type_is_read_back(value: object, kind: str) -> None:
    assert kind_of(kind).parse(as_text(value)) == value


def test_a_first_day_after_the_last_is_refused_against_the_default_too(tmp_path: Path) -> None:
    cell = """from datetime import date
start: date = date(2018, 1, 1)
end: date = date(2018, 10, 31)
list_start: date = date(2022, 1, 1)
list_end: date | None = None
restart: date = date(2030, 1, 1)"""
    parameters = declared(notebook(tmp_path, cell))
    assert check({"end": date(2018, 1, 1), "list_start": date(2025, 1, 1)}, parameters)
    with pytest.raises(ParameterError, match="start is 2019-01-01 and end is 2018-10"):
        check({"start": date(2019, 1, 1)}, parameters)
    with pytest.raises(ParameterError, match="list_start is 2022-01-01 and list_end is"):
        check({"list_end": date(2021, 1, 1)}, parameters)


LIMITED = """\
level: Annotated[float, Field(gt=0, lt=1)] = 0.95
states: Annotated[list[State], Field(min_length=1, max_length=2)] = ["RUS"]
n: Annotated[int, Field(ge=1)] | None = None
every: Literal["week", "month"] = "week"
start: Annotated[date, "icews_{every}ly"] = date(2018, 1, 1)
end: Annotated[date, "icews_{every}ly"] = date(2018, 10, 31)
event: Annotated[date, "ofac_sdn"] = date(2022, 2, 24)
own: Annotated[date, "{every}_of_mine"] = date(1900, 1, 1)"""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"level": 95}, "level must be less than 1, got 95. Did you mean 0.95?"),
        ({"level": 0.0}, "level must be greater than 0, got 0.0."),
        ({"states": []}, "states must have at least 1 item, got 0."),
        ({"states": ["RUS", "IRN", "CHN"]}, "states must have at most 2 items, got 3."),
        ({"n": 0}, "n must be greater than or equal to 1, got 0."),
        (
            {"start": date(2024, 1, 1), "end": date(2024, 12, 31)},
            "start is 2024-01-01. icews_weekly covers 2018-01-01 to 2023-04-10.",
        ),
        (
            {"start": date(2017, 1, 1), "end": date(2017, 12, 31), "every": "month"},
            "end is 2017-12-31. icews_monthly covers 2018-01-01 to 2023-04-10.",
        ),
        ({"event": date(2014, 3, 1)}, "event is 2014-03-01. ofac_sdn covers"),
    ],
)
def test_values_outside_their_limits_or_the_data_are_refused(
    tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        check(values, declared(notebook(tmp_path, LIMITED)))


def test_a_period_may_begin_before_the_data_and_end_after_them(tmp_path: Path) -> None:
    values = {"start": date(2017, 1, 1), "end": date(2019, 1, 1), "n": 3, "own": date(1, 1, 1)}
    assert check(values, declared(notebook(tmp_path, LIMITED))) == values


def test_the_cell_of_the_docs_declares_parameters(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    (cell,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    found = declared(notebook(tmp_path, cell))
    assert found["level"].help == "level of the intervals"
    with pytest.raises(ParameterError, match="icews_monthly covers 2018-01-01"):
        check({"every": "month", "start": date(2024, 1, 1)}, found)


def test_readers_see_values_as_they_write_them() -> None:
    assert shown([("RUS", "IRN"), ("RUS", "CHN")]) == "(RUS, IRN), (RUS, CHN)"
    assert shown(Path("/home/someone/own.csv")) == "own.csv"
