"""OpenSanctions: targets by programme, without days of listing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SourceError
from sanctlib.reading import Reading
from tests.conftest import ROOT

SAMPLE = ROOT / "tests" / "samples" / "opensanctions" / "targets.simple.csv"
EU, UK = "EU Financial Sanctions Files (FSF)", "UK FCDO Sanctions List"


@pytest.fixture(scope="module")
def reading() -> Reading:
    return sl.read("opensanctions", SAMPLE)


def copy_of(folder: Path, *changes: tuple[str, str], without: str = "\0") -> Path:
    text = SAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        text = text.replace(old, new)
    path = folder / f"{len(list(folder.iterdir()))}.csv"
    path.write_text("\n".join(x for x in text.split("\n") if without not in x), encoding="utf-8")
    return path


def test_a_target_has_a_listing_for_each_programme_or_else_each_dataset(reading: Reading) -> None:
    columns = ["listing_id", "entity_type", "programme", "programme_state", "entity_country"]
    assert reading.table[columns].astype("object").fillna("").to_numpy().tolist() == [
        ["NK-a1", "individual", "EU-UKR", "RUS", "RUS;UKR"],
        ["NK-a1", "individual", "GB-RUS", "RUS", "RUS;UKR"],
        ["NK-a2", "entity", "EU-UKR", "RUS", "RUS"],
        ["NK-a3", "vessel", "GB-RUS", "RUS", "GAB;PAN"],
        ["NK-a4", "aircraft", "EU-IRN", "IRN", "IRN"],
        ["NK-a5", "entity", UK, "", "IRN"],
        ["NK-a6", "individual", EU, "", "NAM"],
        ["NK-a6", "individual", UK, "", "NAM"],
        ["NK-a7", "entity", "EU-TAQA-EUAQ", "", ""],
        ["NK-b2", "individual", "UN-SCSO", "", "SOM"],
    ]
    assert set(reading.table["list"]) == {"OpenSanctions"}


def test_first_seen_is_no_day_of_listing_and_last_seen_the_day_of_the_copy(
    reading: Reading,
) -> None:
    assert reading.table["listed"].isna().all()
    assert reading.coverage is not None
    assert (reading.coverage.first, reading.coverage.last) == (date(2026, 1, 13),) * 2


def test_schemas_that_are_nobody_are_rejected_by_the_line_after_a_broken_field(
    reading: Reading,
) -> None:
    assert reading.rejected[["line", "reason"]].to_numpy().tolist() == [
        [11, "unknown type of entry 'CryptoWallet'"],
        [12, "unknown type of entry 'Security'"],
        [13, "no programme"],
    ]
    assert not reading.rejected["raw"].str.contains("Echo").any()


def test_a_file_of_one_dataset_is_that_list(tmp_path: Path) -> None:
    path = copy_of(tmp_path, (EU, "Example List"), (UK, "Example List"), (";Example List", ""))
    assert set(sl.read("opensanctions", path).table["list"]) == {"Example List"}


def test_an_export_from_before_program_ids_has_its_datasets_as_programmes(tmp_path: Path) -> None:
    table = sl.read("opensanctions", copy_of(tmp_path, ("program_ids", "programs"))).table
    assert set(table["programme"]) == {EU, UK}


def test_targets_of_programmes_not_reviewed_are_counted_under_no_state(reading: Reading) -> None:
    span = {"start": date(2026, 1, 13), "end": date(2026, 1, 13), "targets": ["RUS", "IRN"]}
    units = sl.compare_units([reading], **span).table.set_index(["unit", "target_rule"])
    # No day is known, so that all are in the upper bound alone.
    assert units["n"].to_list() == [0, 0, 0, 0]
    assert units["upper"].to_dict() == {
        ("entity", "programme"): 4,
        ("entity", "address"): 4,
        ("designation", "programme"): 5,
        ("designation", "address"): 5,
    }


def test_copies_show_what_was_added_and_removed(tmp_path: Path) -> None:
    sound = (("CryptoWallet", "Company"), ("Security", "Company"), ('"",""\n', '"X"\n'))
    gone = "NK-b1"
    first = sl.read("opensanctions", copy_of(tmp_path, *sound, without=gone))
    later = (("2026-01-13", "2026-01-20"), ("NK-a4", "NK-c4"))
    second = sl.read("opensanctions", copy_of(tmp_path, *sound, *later, without=gone))
    changes = sl.compare_copies([first, second]).table
    rows = changes[changes["from"].ne(changes["to"])]
    columns = ["programmes", "entity_type", "added", "removed"]
    assert rows[columns].to_numpy().tolist() == [["EU-IRN", "aircraft", 1, 1]]


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "targets.csv"
    path.write_text('"id","schema","name"\n"1","Person","A"\n')
    with pytest.raises(MissingColumnsError, match="no column 'countries'"):
        sl.read("opensanctions", path)
    with pytest.raises(SourceError, match=r"sl\.read\('uk', …\)"):
        sl.read("opensanctions", ROOT / "tests" / "samples" / "uk" / "ConList.csv")
