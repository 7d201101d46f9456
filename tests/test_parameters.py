import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.errors import ParameterError, ReportError
from sanctlib.reports.parameters import check, declared
from sanctlib.reports.values import Kind, as_text, from_json, parse, shown, to_json, to_source

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
    assert {name: (str(p.type), p.default, p.help) for name, p in found.items()} == {
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
        ("RUS,IRN", Kind(name="Pair"), ("RUS", "IRN")),
        ("RUS, IRN", Kind(name="Pair"), ("RUS", "IRN")),
        ("2022-02-24", Kind(name="date"), date(2022, 2, 24)),
        ("NO", Kind(name="str"), "NO"),
        ("NO", Kind(name="State"), "NO"),
        ("no", Kind(name="bool"), False),
        ("True", Kind(name="bool"), True),
        ("-3", Kind(name="int"), -3),
        ("0.95", Kind(name="float"), 0.95),
        ("none", Kind(name="int", optional=True), None),
        ("", Kind(name="str", optional=True), None),
        ("none", Kind(name="str"), "none"),
        ("NO,IS", Kind(name="list", item=Kind(name="str")), ["NO", "IS"]),
        ('"a,b",c', Kind(name="list", item=Kind(name="str")), ["a,b", "c"]),
        ("", Kind(name="list", item=Kind(name="str")), []),
        ("1,2", Kind(name="list", item=Kind(name="int")), [1, 2]),
        (
            "RUS,IRN;RUS,CHN",
            Kind(name="list", item=Kind(name="Pair")),
            [("RUS", "IRN"), ("RUS", "CHN")],
        ),
        ("a/b.csv", Kind(name="Path"), Path("a/b.csv")),
    ],
)
def test_the_text_of_a_command_line_becomes_the_typed_value(
    text: str, kind: Kind, value: object
) -> None:
    parsed = parse(text, kind)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("abc", Kind(name="int"), "must be a whole number, got 'abc'"),
        ("24.2.2022", Kind(name="date"), "must be a day .*, got '24.2.2022'"),
        ("RUS", Kind(name="Pair"), "must be a pair of states .*, got 'RUS'"),
        ("maybe", Kind(name="bool"), "must be true or false, got 'maybe'"),
        (
            "1,x",
            Kind(name="list", item=Kind(name="int")),
            "item 2, must be a whole number, got 'x'",
        ),
        ("a\nb", Kind(name="list", item=Kind(name="str")), "must be a list"),
    ],
)
def test_text_of_another_type_is_refused(text: str, kind: Kind, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse(text, kind)


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


@settings(deadline=None, derandomize=True, max_examples=100)
@given(value=SINGLE | st.lists(SINGLE))
def test_json_gives_the_same_value_and_type(value: object) -> None:
    assert repr(from_json(json.loads(json.dumps(to_json(value))))) == repr(value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (("RUS", "IRN"), Kind(name="Pair")),
        ([("RUS", "IRN"), ("RUS", "CHN")], Kind(name="list", item=Kind(name="Pair"))),
        (['a "b", c', "d"], Kind(name="list", item=Kind(name="str"))),
        (date(2018, 5, 8), Kind(name="date")),
        (True, Kind(name="bool")),
        (None, Kind(name="int", optional=True)),
        ([], Kind(name="list", item=Kind(name="State"))),
    ],
)
def test_what_one_would_type_is_read_back(value: object, kind: Kind) -> None:
    assert parse(as_text(value), kind) == value


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


def test_readers_see_values_as_they_write_them() -> None:
    assert shown([("RUS", "IRN"), ("RUS", "CHN")]) == "(RUS, IRN), (RUS, CHN)"
    assert shown(Path("/home/someone/own.csv")) == "own.csv"
