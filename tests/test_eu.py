"""The EU list: one entity however many rows it has, and days only where the list has them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SourceError
from sanctlib.reading import Reading
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples" / "eu"
CSV, XML_1_0, XML_1_1 = (
    *("20260805-FULL-1_1.csv", "20160211-FULL-1_0.xml", "20260805-FULL-1_1.xml"),
)
COLUMNS = ["listing_id", "entity_type", "programme", "entity_country", "listed"]
# What the two layouts of one day say alike.
ALIKE = [
    ["1001", "individual", "UKR", "RUS", "2014-03-17"],
    ["1003", "entity", "UKR", "CYP;RUS", "2022-02-23"],
    ["1004", "individual", "IRQ", "", ""],
    ["1005", "individual", "AFG", "NAM", "2001-01-25"],
    ["1006", "entity", "TAQA", "", "2002-11-21"],
]


def sample(name: str) -> Reading:
    return sl.read("eu", SAMPLES / name)


def rows(reading: Reading) -> list[list[object]]:
    table = reading.table.assign(listed=reading.table["listed"].dt.strftime("%Y-%m-%d"))
    return table[COLUMNS].astype("object").fillna("").to_numpy().tolist()


def changed(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = (SAMPLES / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_csv_has_an_entity_once_and_a_listing_for_each_of_its_tags() -> None:
    reading = sample(CSV)
    assert rows(reading) == [
        ALIKE[0],
        ["1002", "individual", "IRN", "IRN", "2023-12-11"],
        ["1002", "individual", "UKR", "IRN", "2023-12-11"],
        ["1003", "entity", "UKR", "RUS", "2022-02-23"],
        *ALIKE[2:],
    ]
    audit = reading.audit
    assert (audit.n_read, audit.n_merged, audit.n_rejected, audit.n_kept) == (17, 7, 3, 7)
    assert reading.coverage is not None
    assert reading.coverage.last == date(2026, 8, 5)


def test_rows_of_the_csv_that_cannot_be_kept_show_no_name() -> None:
    rejected = sample(CSV).rejected
    assert rejected[["line", "reason"]].to_numpy().tolist() == [
        [18, "unknown type of entry 'X'"],
        [19, "no programme"],
        [20, "impossible day of listing: '2006-13-20'"],
    ]
    assert not rejected["raw"].str.contains("Echo|Fred|Golf").any()


def test_xml_1_1_says_what_the_csv_says() -> None:
    reading = sample(XML_1_1)
    both = ["1002", "individual", "IRN", "IRN;IRQ", "2023-12-11"]
    assert rows(reading) == [ALIKE[0], both, *ALIKE[1:]]
    assert reading.coverage is not None
    assert reading.coverage.last == date(2026, 8, 5)
    assert reading.rejected["line"].tolist() == [7, 8]


def test_xml_1_0_has_no_day_of_listing_since_reg_date_is_of_the_last_amendment() -> None:
    reading = sample(XML_1_0)
    assert rows(reading) == [
        ["1001", "individual", "UKR", "RUS;UKR", ""],
        ["1003", "entity", "UKR", "RUS", ""],
        ["1004", "individual", "IRQ", "", ""],
    ]
    assert reading.coverage is not None
    assert (reading.coverage.first, reading.coverage.last) == (date(2016, 2, 11),) * 2


def test_the_tag_ukr_is_about_russia() -> None:
    units = sl.compare_units(
        [sample(CSV)], start=date(2014, 1, 1), end=date(2026, 8, 5), targets=["RUS"]
    ).table
    by_rule = units.set_index(["unit", "target_rule"])["n"].to_dict()
    # By address, 1002 is Iran's alone.
    assert by_rule == {
        ("entity", "programme"): 3,
        ("entity", "address"): 2,
        ("designation", "programme"): 3,
        ("designation", "address"): 2,
    }


def test_an_entry_without_a_day_of_designation_is_unplaced() -> None:
    counts = sl.sanction_counts(
        sample(CSV), every="year", unit="entity", by=["target"], targets=["IRQ"]
    ).table
    assert (counts["n"].sum(), counts["n_unassigned"].max()) == (0, 1)


def test_two_copies_show_changes_that_no_date_of_the_list_shows(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    sound = ('programme=""', 'programme="IRN"')
    before = changed(tmp_path / "a", XML_1_0, sound)
    after = changed(
        tmp_path / "b", XML_1_0, sound, ("11/02/2016", "12/02/2016"), ('"1003"', '"1013"')
    )
    changes = sl.compare_copies([sl.read("eu", before), sl.read("eu", after)]).table
    row = changes[changes["from"].ne(changes["to"])].iloc[0]
    assert (row["programmes"], row["entity_type"]) == ("UKR", "entity")
    assert (row["opening"], row["added"], row["removed"], row["closing"]) == (1, 1, 1, 1)


def test_a_spelling_of_a_header_that_nobody_needs_changes_nothing(tmp_path: Path) -> None:
    path = changed(tmp_path, CSV, ("Entity_UnitedNationId", "Entity_UN_ReferenceNumber"))
    assert rows(sl.read("eu", path)) == rows(sample(CSV))


def test_a_copy_without_days_of_designation_has_none(tmp_path: Path) -> None:
    path = changed(tmp_path, CSV, ("Entity_DesignationDate", "Entity_Designation"))
    assert sl.read("eu", path).table["listed"].isna().all()


def test_another_delimiter_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError, match="one cell, separated by ','"):
        sl.read("eu", changed(tmp_path, CSV, (";", ",")))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = changed(tmp_path, CSV, ("Entity_LogicalId", "Entity_LogicalID"))
    with pytest.raises(MissingColumnsError, match="Did you mean 'Entity_LogicalID'"):
        sl.read("eu", path)


def test_another_xml_file_is_refused_with_what_it_looks_like(tmp_path: Path) -> None:
    path = tmp_path / "list.xml"
    path.write_text("<data-set><record><DateOfListing/></record></data-set>")
    with pytest.raises(SourceError, match=r"no record <sanctionEntity>.*\n.*'canada_sema'"):
        sl.read("eu", path)


def test_the_real_entity_of_2016_is_read(real_data: Path) -> None:
    reading = sl.read("eu", real_data / "lists" / "eu_v1_0_2016-02-11_excerpt.xml")
    assert rows(reading) == [["13", "individual", "IRQ", "IRQ", ""]]
    assert reading.coverage is not None
    assert reading.coverage.last == date(2016, 2, 11)
