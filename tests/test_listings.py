"""Entries of a list to listings: programmes written out, repeats merged, countries resolved."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from sanctlib.errors import SourceError
from sanctlib.reading import Audit, Reading
from sanctlib.sources.draft import Draft
from sanctlib.sources.listings import as_listings, day_of_copy
from sanctlib.sources.lists import read_targets

FILE = Path("list.csv")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / FILE
    path.write_text("a list", encoding="ascii")
    return path


def listed(file: Path, *rows: dict[str, str | None], **options: object) -> Reading:
    table = pd.DataFrame(list(rows), dtype="str")
    origin = {"_file": file.name, "_line": range(1, len(rows) + 1), "_raw": ""}
    draft = Draft(rows=table.assign(**origin), audit=Audit.begin(len(rows)))
    asked = {"types": {"P": "individual", "E": "entity", "": "entity"}, "date_basis": "own"}
    return as_listings(draft, key="un", list_name="L", paths=[file], **(asked | options))


def row(
    number: str | None = "1",
    programme: str | None = "IRAN",
    kind: str | None = "P",
    **more: str | None,
) -> dict[str, str | None]:
    return {"listing_id": number, "programme": programme, "entity_type": kind, **more}


def shown(reading: Reading, *columns: str) -> list[list[object]]:
    table = reading.table.assign(listed=reading.table["listed"].dt.strftime("%Y-%m-%d"))
    return table[list(columns)].fillna("").to_numpy().tolist()


def test_an_entry_is_a_row_for_each_programme_once_in_order(file: Path) -> None:
    reading = listed(file, row(programme=" SDGT ;IRAN;SDGT; "), row("2", kind=""))
    assert shown(reading, "listing_id", "entity_id", "programme", "entity_type") == [
        ["1", "1", "IRAN", "individual"],
        ["1", "1", "SDGT", "individual"],
        ["2", "2", "IRAN", "entity"],
    ]
    assert (reading.audit.n_read, reading.audit.n_added, reading.audit.n_merged) == (2, 1, 0)


def test_rows_of_one_entry_and_programme_are_merged_with_all_their_countries(file: Path) -> None:
    reading = listed(
        file,
        row(entity_country="Iran", listed="2020-01-05"),
        row(entity_country="Lebanon;Iran", listed="2020-01-05"),
        row(entity_country=None, listed=None),
    )
    assert shown(reading, "listing_id", "listed", "entity_country") == [
        ["1", "2020-01-05", "IRN;LBN"],
    ]
    assert reading.audit.n_merged == 2


def test_rows_of_one_entry_that_differ_in_day_or_type_are_rejected(file: Path) -> None:
    reading = listed(
        file,
        row(listed="2020-01-05"),
        row(listed="2021-01-05"),
        row(kind="E", listed="2020-01-05"),
        row(programme="SDGT", listed="2021-01-05"),
    )
    assert shown(reading, "programme", "listed") == [["IRAN", "2020-01-05"], ["SDGT", "2021-01-05"]]
    assert reading.rejected[["line", "reason"]].to_numpy().tolist() == [
        [2, "another day of listing than the first row of its entry and programme"],
        [3, "another type than the first row of its entry and programme"],
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(number=" "), "no listing_id"),
        (row(number=None), "no listing_id"),
        (row(programme=""), "no programme"),
        (row(programme=" ; ;"), "no programme"),
        (row(kind="Charity"), "unknown type of entry 'Charity'"),
        (row(kind="Son of Adam"), "its type is not one word: the cells of the row may be shifted"),
        (row(listed="2020-02-30"), "impossible day of listing: '2020-02-30'"),
        (row(listed="5 May 2020"), "impossible day of listing: '5 May 2020'"),
    ],
)
def test_a_row_that_is_no_entry_is_rejected(
    file: Path, bad: dict[str, str | None], reason: str
) -> None:
    reading = listed(file, row("2", listed="2020-01-05"), bad)
    assert reading.rejected[["line", "reason"]].to_numpy().tolist() == [[2, reason]]


def test_a_list_without_days_has_none_and_covers_the_day_of_its_copy(file: Path) -> None:
    made = date(2024, 2, 29)
    reading = listed(file, row(), taken=made)
    assert reading.table["listed"].isna().all()
    assert reading.coverage is not None
    assert (reading.coverage.first, reading.coverage.last) == (made, made)
    assert listed(file, row()).coverage is None


def test_a_list_with_days_covers_from_the_first_of_them_to_the_copy(file: Path) -> None:
    rows = row(listed="2020-01-05"), row("2", listed="2021-03-01")
    for taken, last in ((None, date(2021, 3, 1)), (date(2022, 1, 1), date(2022, 1, 1))):
        coverage = listed(file, *rows, taken=taken).coverage
        assert coverage is not None
        assert (coverage.first, coverage.last) == (date(2020, 1, 5), last)


def test_days_are_read_in_the_format_of_the_list(file: Path) -> None:
    reading = listed(file, row(listed="05/01/2020"), date_format="%d/%m/%Y")
    assert shown(reading, "listed") == [["2020-01-05"]]


def test_the_null_mark_of_a_list_is_missing_and_na_is_namibia(file: Path) -> None:
    rows = row(entity_country="NA", listed="-0- "), row("2", entity_country=" -0- ")
    reading = listed(file, *rows, countries="iso2", nulls=("", "-0-"))
    assert shown(reading, "listed", "entity_country") == [["", "NAM"], ["", ""]]


def test_names_of_countries_mean_what_they_meant_on_the_day_of_the_copy(file: Path) -> None:
    rows = (row(entity_country="Yugoslavia"),)
    for taken, code in ((date(1985, 1, 1), "YUG"), (date(2024, 1, 1), "SRB")):
        assert shown(listed(file, *rows, taken=taken), "entity_country") == [[code]]


def test_an_unknown_country_is_null_and_listed_and_the_known_one_stays(file: Path) -> None:
    reading = listed(file, row(entity_country="Iran;Atlantis"), row("2", entity_country="Atlantis"))
    assert shown(reading, "entity_country") == [["IRN"], [""]]
    assert reading.unmatched.to_dict("records") == [
        {"side": "entity_country", "name": "Atlantis", "reason": "unknown name", "n": 2},
    ]


def test_entries_of_one_entity_share_its_id(file: Path) -> None:
    reading = listed(file, row(entity_id="A"), row("2", entity_id="A"), row("3", entity_id=""))
    assert shown(reading, "listing_id", "entity_id") == [["1", "A"], ["2", "A"], ["3", "3"]]


def test_a_list_of_which_nothing_can_be_kept_is_an_error(file: Path) -> None:
    with pytest.raises(SourceError, match=r"'list\.csv' holds no entry that can be kept"):
        listed(file, row(programme=None), row(kind="ship"))


@pytest.mark.parametrize("text", [None, "", "yesterday", "2024-02-30", "29/02/2024"])
def test_a_copy_that_does_not_say_its_day_is_an_error(text: str | None) -> None:
    assert day_of_copy("2024-02-29", form="%Y-%m-%d", path=FILE) == date(2024, 2, 29)
    with pytest.raises(SourceError, match=r"'list\.csv' does not say which day it was made"):
        day_of_copy(text, form="%Y-%m-%d", path=FILE)


def test_a_row_of_shifted_cells_shows_no_name(tmp_path: Path) -> None:
    header = "id,schema,countries,dataset,program_ids,name,remark\n"
    whole = "N1,Person,ru,L,P1,Adam Test,\n"
    path = tmp_path / "targets.csv"
    path.write_text(header + whole + "Adam Test,Son of Adam,,ru,L,P1,x\n", encoding="utf-8")
    rejected = read_targets(path).rejected
    assert rejected[["line", "raw"]].to_numpy().tolist() == [[3, ""]]
    assert not rejected["reason"].str.contains("Adam").any()
