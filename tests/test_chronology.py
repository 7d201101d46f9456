"""The chronology: an act is written out for its sides, and none is lost on the way."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from sanctlib.coverage import Coverage
from sanctlib.reading import Reading
from sanctlib.sources.chronology import COLUMNS, read_chronology
from tests.test_reading import PROVENANCE


def read(folder: Path, *rows: dict[str, str]) -> Reading:
    path = folder / "chronology.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS), restval="", lineterminator="\n")
        writer.writeheader()
        for number, row in enumerate(rows, start=1):
            writer.writerow(
                {"act_id": f"a{number}", "date": "2022-03-01", "action": "impose"} | row
            )
    year = Coverage(source="mine", first=date(2022, 1, 1), last=date(2022, 12, 31))
    return read_chronology(path, provenance=PROVENANCE, coverage=year)


def test_several_sides_are_rows_of_one_act_and_a_mutual_act_is_one_row(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {"sender": "USA;GBR", "target": "RUS"},
        {"sender": "RUS;IRN", "action": "agree", "mutual": "yes"},
    )
    columns = ["event_id", "sender", "target", "mutual"]
    assert reading.table[columns].to_numpy().tolist() == [
        ["a1:GBR>RUS", "GBR", "RUS", False],
        ["a1:USA>RUS", "USA", "RUS", False],
        ["a2:IRN>RUS", "IRN", "RUS", True],
    ]
    assert reading.audit.n_added == 1


def test_an_act_without_two_sides_is_rejected_not_lost(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {"sender": "USA;GBR;FRA", "target": "RUS"},
        {"sender": "RUS", "action": "agree", "mutual": "yes"},
        {"sender": "RUS", "target": "RUS"},
        {"target": "RUS"},
    )
    assert reading.rejected["line"].tolist() == [3, 4, 5]
    said = {"it names no sender, or nobody but the sender"}
    assert set(reading.rejected["reason"]) == said
    assert len(reading.table) == 3


def test_a_state_code_that_is_none_is_rejected(tmp_path: Path) -> None:
    reading = read(tmp_path, {"sender": "USA", "target": "IRQ;IRX"})
    assert reading.rejected["reason"].tolist() == ["target 'IRX' is not a state code"]


def test_a_year_in_which_a_state_was_founded_is_not_before_it(tmp_path: Path) -> None:
    row = {"sender": "USA", "target": "SSD", "date": "2011-01-01", "date_last": "2011-12-31"}
    reading = read(tmp_path, row, row | {"date_last": "2011-02-01"})
    assert reading.table["act_id"].tolist() == ["a1"]
    assert reading.rejected["reason"].tolist() == ["target 'SSD' was not a state on that day"]
