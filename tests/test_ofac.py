"""The US list of one day: csv with its companions, XML of two namespaces, no name kept."""

from __future__ import annotations

import lzma
import shutil
import tarfile
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SourceError
from sanctlib.reading import sha256
from sanctlib.sources.files import record
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples" / "ofac"
NAMES = ("ALPHA", "Adam", "BRAVO", "DELTA", "JULIET", "BETA", "NORTHERN", "SOUTHERN")


def entries(reading: sl.Reading) -> dict[str, tuple[str, str, str | None]]:
    """Return programmes, type and countries by number, each entry once."""
    grouped = reading.table.groupby("listing_id", sort=False)
    return {
        str(number): (";".join(rows["programme"]), kind, None if pd.isna(places) else places)
        for number, rows in grouped
        for kind, places in [rows[["entity_type", "entity_country"]].iloc[0]]
    }


EXPECTED = {
    "101": ("CUBA", "entity", "CUB"),
    "102": ("IFSR;IRAN;IRGC;SDGT", "entity", "IRN;LBN"),
    "103": ("RUSSIA-EO14024", "individual", None),
    "104": ("RUSSIA-EO14024;UKRAINE-EO13661", "individual", "RUS;UKR-CR"),
    "90001": ("RUSSIA-EO14024", "vessel", None),
    "106": ("IFSR;IRAN", "aircraft", None),
    "107": ("CAATSA - RUSSIA", "entity", None),
    "108": ("IRAN-EO13902", "entity", "ARE"),
    "109": ("DPRK2;NPWMD", "entity", "PRK"),
    "110": ("IRAN-HR;SDGT", "individual", None),
    "111": ("GLOMAG", "entity", "NAM"),
    "114": ("ZIMBABWE", "entity", None),
}
IN_XML = {number: entry for number, entry in EXPECTED.items() if number not in ("107", "114")}


def test_entries_take_the_countries_of_their_addresses() -> None:
    reading = sl.read("ofac", SAMPLES / "sdn.csv")
    assert entries(reading) == EXPECTED
    assert reading.table["listed"].isna().all()
    assert reading.coverage is None
    assert list(reading.provenance.files) == [
        *("sdn.csv", "add.csv", "alt.csv", "sdn_comments.csv"),
    ]


def test_rows_of_the_companions_are_merged_or_rejected_and_add_up() -> None:
    reading = sl.read("ofac", SAMPLES / "sdn.csv")
    audit = reading.audit
    # 16 rows, 12 addresses, 4 aliases and 1 comment are read.
    assert (audit.n_read, audit.n_merged, audit.n_rejected, audit.n_added) == (33, 15, 6, 7)
    assert reading.rejected[["file", "line", "raw", "reason"]].to_numpy().tolist() == [
        ["sdn.csv", 15, "", "5 fields where there should be 12"],
        ["sdn.csv", 12, "ent_num=112", "it has no programme"],
        ["sdn.csv", 13, "ent_num=113", "its type is not known"],
        ["sdn.csv", 16, "ent_num=101", "its number is that of an earlier row"],
        ["add.csv", 11, "ent_num=112", "joins no entry kept of 'sdn.csv'"],
        ["add.csv", 12, "ent_num=999", "joins no entry kept of 'sdn.csv'"],
    ]


def test_companions_in_capitals_are_found_and_those_of_another_file_are_not(tmp_path: Path) -> None:
    for name in ("sdn", "add", "alt", "sdn_comments"):
        shutil.copy(SAMPLES / f"{name}.csv", tmp_path / f"{name}.csv".upper())
    assert entries(sl.read("ofac", tmp_path / "SDN.CSV")) == EXPECTED
    shutil.copy(SAMPLES / "sdn.csv", tmp_path / "sdn_of_may.csv")
    assert sl.read("ofac", tmp_path / "sdn_of_may.csv").table["entity_country"].isna().all()


def test_line_feeds_and_no_closing_mark_read_the_same() -> None:
    reading = sl.read("ofac", SAMPLES / "sdn.lf.csv")
    plain = {n: (p, kind, None) for n, (p, kind, _) in EXPECTED.items() if n != "114"}
    assert entries(reading) == plain
    assert reading.rejected.empty


@pytest.mark.parametrize(
    ("name", "day"), [("sdn.xml", date(2024, 2, 29)), ("sdn.old.xml", date(2018, 5, 9))]
)
def test_both_namespaces_of_the_xml_file_read_the_same(name: str, day: date) -> None:
    reading = sl.read("ofac", SAMPLES / name)
    assert entries(reading) == IN_XML
    assert reading.coverage is not None
    assert (reading.coverage.first, reading.coverage.last) == (day, day)
    assert reading.rejected["raw"].tolist() == ["listing_id=112"]


@pytest.mark.parametrize("name", ["sdn.csv", "sdn.lf.csv", "sdn.xml", "sdn.old.xml"])
def test_no_name_is_kept(name: str) -> None:
    reading = sl.read("ofac", SAMPLES / name)
    shown = reading.table.to_csv() + reading.rejected.to_csv() + reading.unmatched.to_csv()
    assert not [n for n in NAMES if n in shown]


def test_a_name_in_the_place_of_the_number_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "sdn.csv"
    shifted = '"ALPHA, Adam",36,-0- ,"CUBA"' + ",-0- " * 8
    path.write_text(f'36,"X",-0- ,"CUBA"{",-0- " * 8}\n{shifted}\n', encoding="ascii")
    rejected = sl.read("ofac", path).rejected
    assert rejected[["raw", "reason"]].to_numpy().tolist() == [["", "its number is no number"]]


@pytest.mark.parametrize("said", ["12", "10", "", "eleven"])
def test_another_number_of_entries_than_the_file_says_is_an_error(
    tmp_path: Path, said: str
) -> None:
    text = (SAMPLES / "sdn.xml").read_text(encoding="utf-8")
    path = tmp_path / "sdn.xml"
    path.write_text(text.replace("Count>11<", f"Count>{said}<"), encoding="utf-8")
    with pytest.raises(
        SourceError, match=r"says it holds .* entries, and holds 11: it is truncated"
    ):
        sl.read("ofac", path)


def test_an_xml_file_without_its_day_is_an_error(tmp_path: Path) -> None:
    text = (SAMPLES / "sdn.xml").read_text(encoding="utf-8")
    path = tmp_path / "sdn.xml"
    path.write_text(text.replace("02/29/2024", "29/02/2024"), encoding="utf-8")
    with pytest.raises(SourceError, match="does not say which day it was made: it has '29/02/2024"):
        sl.read("ofac", path)


def test_the_empty_capture_is_an_error_never_a_list_without_entries(tmp_path: Path) -> None:
    for content in (b"", b"\x1a", b"\r\n\x1a"):
        path = tmp_path / "sdn.csv"
        path.write_bytes(content)
        with pytest.raises(SourceError, match="an empty file is an error"):
            sl.read("ofac", path)


def test_another_file_is_an_error_that_names_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("case_id,sanctioned_state,sanctioning_state\n1,Iran,Iraq\n")
    with pytest.raises(SourceError, match=r"holds no entry that can be kept.*\n.*sl\.read\('gsdb'"):
        sl.read("ofac", path)
    with pytest.raises(SourceError, match=r"sl\.read\('ofac', …\)"):
        sl.read("un", SAMPLES / "sdn.xml")
    copies = ROOT / "tests" / "samples" / "ofac_sdn" / "sdn_copies.tar.gz"
    with pytest.raises(SourceError, match="an archive of several files"):
        sl.read("ofac", copies)


def test_an_undated_list_is_possibly_in_force_and_nothing_surely() -> None:
    reading = sl.read("ofac", SAMPLES / "sdn.csv")
    known = sl.Coverage(source="ofac", first=date(2024, 1, 1), last=date(2024, 12, 31))
    asked = {"every": "year", "by": ["target"], "targets": ["RUS", "IRN"], "coverage": known}
    stocks = sl.active_sanctions(reading, at="end_of_period", **asked).table
    # Of Russia 103, 104, 107 and 90001; of Iran 102, 106, 108 and 110.
    bounds = stocks.set_index("target")[["n", "lower", "upper"]]
    assert bounds.T.to_dict("list") == {"IRN": [0, 0, 4], "RUS": [0, 0, 4]}
    counts = sl.sanction_counts(reading, unit="entity", **asked).table
    assert counts.loc[counts["period"].isna(), "n_unassigned"].tolist() == [4, 4]
    by_place = sl.active_sanctions(
        reading, at="end_of_period", target_rule="address", **asked
    ).table
    assert by_place.set_index("target")["upper"].to_dict() == {"IRN": 1, "RUS": 1}


@pytest.fixture(scope="module")
def first_and_last(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[sl.Reading, sl.Reading]:
    folder = tmp_path_factory.mktemp("copies")
    names = ("sdn_2021-08-18T0939Z.csv", "sdn_2024-05-03T1843Z.csv")
    archive = real_data / "lists" / "sdn_csv_all308_2021-08_2024-05.tar.xz"
    with lzma.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if member.name in names:
                tar.extract(member, folder, filter="data")
    first, last = (sl.read("ofac", folder / name) for name in names)
    return first, last


def test_the_first_and_the_last_real_copy_have_the_known_entries(
    first_and_last: tuple[sl.Reading, sl.Reading],
) -> None:
    for reading, n, types in zip(
        first_and_last,
        (9083, 14965),
        ((4688, 3711, 407, 277), (6854, 6884, 851, 376)),
        strict=True,
    ):
        once = reading.table.drop_duplicates("entity_id")
        kinds = once["entity_type"].value_counts()
        assert len(once) == n
        assert tuple(kinds[["individual", "entity", "vessel", "aircraft"]]) == types
        assert reading.rejected.empty


def test_the_first_and_the_last_real_copy_compared_close(
    first_and_last: tuple[sl.Reading, sl.Reading],
) -> None:
    changes = sl.compare_copies(
        list(first_and_last), dates=[date(2021, 8, 18), date(2024, 5, 3)]
    ).table
    opening = changes.loc[changes["from"].eq(changes["to"]), "closing"].sum()
    later = changes[changes["from"].lt(changes["to"])]
    added, removed = later["added"].sum(), later["removed"].sum()
    assert (opening, opening + added - removed) == (9083, 14965)
    # 48 entries came and went between the two days: two copies do not show them.
    assert (added, removed) == (6809 - 48, 927 - 48)


def test_a_companion_that_changed_since_it_was_fetched_is_refused(tmp_path: Path) -> None:
    for path in SAMPLES.glob("*.csv"):
        shutil.copy(path, tmp_path)
    record(tmp_path, {p.name: sha256(p) for p in tmp_path.glob("*.csv")})
    assert sl.read("ofac", tmp_path / "sdn.csv").kind == "listings"
    (tmp_path / "add.csv").write_text('101,1,"-0-","-0-","Cuba",-0- \n', encoding="utf-8")
    with pytest.raises(SourceError, match=r"'add\.csv' is not the file that was fetched"):
        sl.read("ofac", tmp_path / "sdn.csv")
