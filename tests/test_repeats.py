"""Repeats and mirrors against a slow reference that forms the acts one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple, TypeAlias

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.sources.events import LAYOUTS

Repeats: TypeAlias = Literal["none", "one_a_day"]
Row: TypeAlias = tuple[str, str | None, str | None, str]


class Report(NamedTuple):
    """One row, with its parties as they are after a hosted visit is turned round."""

    name: str
    day: str
    sender: str | None
    target: str | None
    code: str
    n: int = 1


class Act(NamedTuple):
    """What is found of an act: it has the name and the code of its first report."""

    name: str
    day: str
    sender: str | None
    target: str | None
    code: str
    action: str
    mutual: bool
    n: int


class Line(NamedTuple):
    """One line of a file: its number, and the actors as it names them."""

    id: str
    day: str
    actor1: str
    actor2: str
    code: str


# 042 and 043 are one visit, made and hosted; 040 has a mirror; 163 has none.
_ACTION = {"040": "consult", "057": "agree", "042": "visit", "043": "visit", "163": "impose"}
_CODES = st.sampled_from(sorted(_ACTION))
_PARTIES = st.sampled_from(["RUS", "IRN", None])
_DAYS = st.sampled_from(["2018-01-01", "2018-01"])
_REPORTS = st.lists(st.tuples(_DAYS, _PARTIES, _PARTIES, _CODES), max_size=40)

# Each actor: how a source writes its name and its country, and the party that it is.
_ICEWS = {
    "state": ("Russia", "Russian Federation", "RUS"),
    "person": ("Vladimir Putin", "Russian Federation", "RUS"),
    "other state": ("Iran", "Iran", "IRN"),
    "namesake there": ("Ali", "Iran", "IRN"),
    "namesake here": ("Ali", "Russian Federation", "RUS"),
    "group": ("Armed Gang", "NA", None),
    "nobody": ("NA", "NA", None),
}
_GDELT = {
    "state": ("RUS", "RUS", "RUS"),
    "person": ("RUSGOV", "RUS", "RUS"),
    "other state": ("IRN", "IRN", "IRN"),
    "namesake there": ("COP", "IRN", "IRN"),
    "namesake here": ("COP", "RUS", "RUS"),
    "group": ("ALQ", "", None),
    "nobody": ("", "", None),
}
_ACTORS = st.sampled_from(sorted(_ICEWS))
_LINES = st.lists(
    st.builds(
        Line,
        st.sampled_from(["1", "2", "3", "4"]),
        st.sampled_from(["2018-01-01", "2018-02-02"]),
        _ACTORS,
        _ACTORS,
        _CODES,
    ),
    min_size=1,
    max_size=40,
)


def reference(reports: Sequence[Report], *, one_a_day: bool) -> list[Act]:
    """Form the acts as the docstrings say, a report at a time."""
    heard: list[Report] = []
    for report in reports:
        same = [i for i, other in enumerate(heard) if other[1:5] == report[1:5]]
        if one_a_day and same and None not in report:
            heard[same[0]] = heard[same[0]]._replace(n=heard[same[0]].n + report.n)
        else:
            heard.append(report)
    acts: list[Act] = []
    while heard:
        name, day, sender, target, code, n = heard.pop(0)
        visit = _ACTION[code] == "visit"
        sides = (sender, target) if visit else (target, sender)
        others = {"042": "043", "043": "042"} if visit else {code: code}
        twin = (day, *sides, others[code])
        known = sender is not None and target is not None and sender != target
        at = next((i for i, other in enumerate(heard) if other[1:5] == twin), None)
        mutual = False
        if at is not None and known and code != "163":
            n += heard.pop(at).n
            if not visit and sender is not None and target is not None:
                sender, target, mutual = min(sender, target), max(sender, target), True
        acts.append(Act(name, day, sender, target, code, _ACTION[code], mutual, n))
    return acts


def found(reading: sl.Reading) -> list[Act]:
    acts: list[Act] = []
    for row in reading.table.to_dict("records"):
        wide = row["date"] != row["date_last"]
        day = f"{row['date']:%Y-%m}" if wide else f"{row['date']:%Y-%m-%d}"
        sender, target = (None if pd.isna(row[s]) else str(row[s]) for s in ("sender", "target"))
        told = (row["event_id"], day, sender, target, row["code"], row["action"])
        acts.append(Act(*told, bool(row["mutual"]), int(row["n_reports"])))
    return acts


def read(rows: Sequence[Row], repeats: Repeats) -> sl.Reading:
    """Read a table of one's own; the host of a visit is its sender there."""
    written = [(day, t, s, c) if c == "043" else (day, s, t, c) for day, s, t, c in rows]
    columns = ["date", "sender", "target", "code"]
    table = pd.DataFrame(written, columns=columns, dtype="str")
    return sl.read_table(
        table, columns={c: c for c in columns}, codes="cameo", parties="iso3", repeats=repeats
    )


@settings(deadline=None, derandomize=True, max_examples=40)
@given(_REPORTS, st.sampled_from(["none", "one_a_day"]))
@example([("2018-01-01", "RUS", "RUS", code) for code in ("042", "043", "040", "040")], "none")
def test_acts_are_those_of_the_reference_and_no_report_is_lost(
    rows: list[Row], repeats: Repeats
) -> None:
    reading = read(rows, repeats)
    reports = [Report(f"L{n}", *row) for n, row in enumerate(rows, 1)]
    assert found(reading) == reference(reports, one_a_day=repeats == "one_a_day")
    assert reading.table["n_reports"].sum() == reading.audit.n_read == len(rows)
    assert reading.audit.n_read == len(reading.table) + reading.audit.n_merged


@settings(deadline=None, derandomize=True, max_examples=15)
@given(_REPORTS)
def test_the_order_of_the_reports_does_not_change_the_acts(
    rows: list[Row],
) -> None:
    # The first report alone gives an act its name, and a visit its code.
    def acts(given_rows: Sequence[Row]) -> list[str]:
        every = found(read(given_rows, "one_a_day"))
        return sorted(
            repr(act._replace(name="", code="" if act.action == "visit" else act.code))
            for act in every
        )

    assert acts(rows) == acts(sorted(rows, key=repr, reverse=True))


def of_icews(path: Path, lines: Sequence[Line]) -> Path:
    head = ["Event ID", "Event Date", "Source Name", "Source Country", "CAMEO Code"]
    cells = [
        [line.id, line.day, *_ICEWS[line.actor1][:2], line.code, "1.0", *_ICEWS[line.actor2][:2]]
        for line in lines
    ]
    rows = [[*head, "Intensity", "Target Name", "Target Country"], *cells]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def of_gdelt(path: Path, lines: Sequence[Line]) -> Path:
    rows = []
    for line in lines:
        cells = dict.fromkeys(LAYOUTS[58], "")
        cells |= {"GLOBALEVENTID": line.id, "SQLDATE": line.day.replace("-", "")}
        cells |= {"EventCode": line.code, "GoldsteinScale": "1.0", "DATEADDED": "20180301"}
        for n, actor in ((1, line.actor1), (2, line.actor2)):
            cells[f"Actor{n}Code"], cells[f"Actor{n}CountryCode"] = _GDELT[actor][:2]
        rows.append("\t".join(cells.values()) + "\n")
    path.write_text("".join(rows), encoding="utf-8")
    return path


def rows_of(lines: Sequence[Line], key: str) -> tuple[list[Act], dict[str, int]]:
    """Return the acts of lines of a source, and how many rows each step merges."""
    actors = {"icews": _ICEWS, "gdelt": _GDELT}[key]
    contents: dict[str, list[tuple[object, ...]]] = {}
    reports: dict[object, Report] = {}
    n_copies = 0
    for place, line in enumerate(lines):
        (told1, _, first), (told2, _, second) = actors[line.actor1], actors[line.actor2]
        sides = (second, first) if line.code == "043" else (first, second)
        same = (line.day, told1, told2, *sides, line.code)
        known = contents.setdefault(line.id, [])
        if same in known:  # a row given twice
            n_copies += 1
            continue
        known.append(same)
        name = line.id if len(known) == 1 else f"{line.id}#{len(known)}"
        # ICEWS has NA for many actors; of GDELT's rows without one nothing tells them apart.
        repeat = place if "NA" in (told1, told2) else same
        before = reports.get(repeat)
        if before is None:
            reports[repeat] = Report(name, line.day, *sides, line.code)
        else:
            reports[repeat] = before._replace(n=before.n + 1)
    acts = reference(list(reports.values()), one_a_day=True)
    n_kept = len(lines) - n_copies
    return acts, {
        "merge rows given twice": n_copies,
        "merge repeats of the source": n_kept - len(reports),
        "the rest": len(reports) - len(acts),
    }


@pytest.mark.parametrize("key", ["icews", "gdelt"])
def test_acts_of_a_source_are_those_of_the_reference(key: str) -> None:
    write = {"icews": of_icews, "gdelt": of_gdelt}[key]

    @settings(deadline=None, derandomize=True, max_examples=25)
    @given(_LINES, st.integers(0, 40))
    def check(lines: list[Line], first: int) -> None:
        acts, merged = rows_of(lines, key)
        with TemporaryDirectory() as folder:
            parts = [part for part in (lines[:first], lines[first:]) if part]
            paths = [write(Path(folder, f"{n}.tab"), part) for n, part in enumerate(parts)]
            reading = sl.read(key, paths)
        assert found(reading) == acts
        n_merged = reading.audit.steps.set_index("step")["n_merged"].to_dict()
        told = list(merged)[:2]
        assert {step: n_merged[step] for step in told} == {step: merged[step] for step in told}
        assert reading.audit.n_merged == sum(merged.values())

    check()


def test_a_row_given_twice_is_one_and_an_id_of_two_contents_is_two(tmp_path: Path) -> None:
    day = "2018-01-01"
    lines = [
        Line("1", day, "state", "other state", "163"),
        Line("2", day, "person", "nobody", "163"),
        Line("1", day, "state", "other state", "163"),
        Line("NA", day, "state", "other state", "163"),
        Line("1", day, "state", "other state", "040"),
        Line("1", day, "state", "other state", "057"),
    ]
    reading = sl.read("icews", of_icews(tmp_path / "events.tab", lines))
    assert reading.table["event_id"].tolist() == ["1", "2", "1#2", "1#3"]
    assert reading.table["act_id"].tolist() == ["1", "2", "1#2", "1#3"]
    assert reading.table["code"].tolist() == ["163", "163", "040", "057"]
    assert reading.rejected["reason"].tolist() == ["no number of the event"]
    assert (reading.audit.n_merged, reading.audit.n_rejected) == (1, 1)


def test_an_id_of_one_content_and_two_parties_is_two(tmp_path: Path) -> None:
    lines = [
        Line("1", "2018-01-01", "namesake there", "other state", "163"),
        Line("1", "2018-01-01", "namesake here", "other state", "163"),
    ]
    table = sl.read("icews", of_icews(tmp_path / "events.tab", lines)).table
    assert table[["event_id", "sender"]].to_numpy().tolist() == [["1", "IRN"], ["1#2", "RUS"]]


def test_repeats_by_the_names_of_the_source_merge_actors_without_a_state(tmp_path: Path) -> None:
    lines = [
        Line("1", "2018-01-01", "group", "other state", "163"),
        Line("2", "2018-01-01", "group", "other state", "163"),
        Line("3", "2018-01-01", "nobody", "other state", "163"),
        Line("4", "2018-01-01", "nobody", "other state", "163"),
    ]
    reading = sl.read("icews", of_icews(tmp_path / "events.tab", lines))
    # By party nobody knows whether the others are one.
    assert reading.table["event_id"].tolist() == ["1", "3", "4"]
    assert reading.table["n_reports"].tolist() == [2, 1, 1]
    merged = reading.audit.steps.set_index("step")["n_merged"]
    assert merged[merged.gt(0)].to_dict() == {"merge repeats of the source": 1}


@pytest.mark.parametrize("repeats", ["none", "one_a_day"])
def test_a_table_without_rows_is_read(repeats: Repeats) -> None:
    reading = read([], repeats)
    assert (len(reading.table), len(reading.rejected), reading.audit.n_read) == (0, 0, 0)
    assert {"date", "sender", "target", "code", "n_reports"} <= set(reading.table)
