"""The UK lists: groups, regimes and their days, in the three layouts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError, SourceError
from sanctlib.reading import Reading
from sanctlib.sources.text import read_text
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples" / "uk"
REAL = Path("lists", "uk_conlist_2016-02-12.csv.gz")
# Groups by regime, counted from the file by another program.
GROUPS = {
    "Al-Qaida": 150,
    "Syria": 59,
    "Iraq": 57,
    "Afghanistan": 49,
    "Iran (nuclear proliferation)": 40,
    "Ukraine (Sovereignty)": 30,
    "North Korea (Democratic People's Republic of Korea)": 13,
    "Terrorism and Terrorist Financing": 12,
    "Somalia": 9,
    "Iran (human rights)": 8,
}


def sample(name: str) -> Reading:
    return sl.read("uk", SAMPLES / name)


def rows(reading: Reading, *columns: str) -> list[list[object]]:
    table = reading.table.assign(listed=reading.table["listed"].dt.strftime("%Y-%m-%d"))
    return table[list(columns)].astype("object").fillna("").to_numpy().tolist()


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """Write a copy of a sample with texts replaced and, if asked, without some lines."""

    def write(name: str, *changes: tuple[str, str], without: tuple[str, ...] = ()) -> Path:
        text = (SAMPLES / name).read_bytes().decode("cp1252" if "2016" in name else "utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        lines = [x for x in text.split("\n") if not any(word in x for word in without)]
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}_{name}"
        path.write_bytes("\n".join(lines).encode("utf-8"))
        return path

    return write


def test_a_group_under_three_regimes_is_one_entity_with_three_days() -> None:
    table = sample("ConList_2016.csv").table
    group = table[table["entity_id"].eq("102")].assign(listed=lambda t: t["listed"].astype("str"))
    assert group[["programme", "listed"]].to_numpy().tolist() == [
        ["Iran (nuclear proliferation)", "2008-06-24"],
        ["Iran (human rights)", "2011-04-14"],
        ["Syria", "2011-08-24"],
    ]


def test_the_layout_of_29_columns_gives_a_listing_per_group_and_regime() -> None:
    reading = sample("ConList_2016.csv")
    columns = ("listing_id", "entity_type", "entity_country", "listed")
    assert rows(reading, *columns) == [
        ["101", "individual", "RUS", "2014-07-31"],
        ["102", "individual", "IRN", "2008-06-24"],
        ["102", "individual", "IRN", "2011-04-14"],
        ["102", "individual", "IRN", "2011-08-24"],
        ["103", "individual", "LBY;TUN", "2002-04-24"],
        ["104", "entity", "RUS", "2014-07-25"],
        ["105", "entity", "IRQ;JOR", "2004-03-07"],
        ["106", "individual", "", ""],
        ["108", "individual", "SOM", "2010-04-12"],
        ["109", "individual", "RWA", "2005-11-01"],
    ]
    assert set(reading.table["list"]) == {"UK ConList"}
    assert reading.coverage is not None
    assert reading.coverage.last == date(2016, 2, 12)
    assert reading.unmatched["name"].tolist() == ["In Syria as at June 2013"]


def test_rows_that_cannot_be_kept_are_rejected_by_number_and_never_by_name() -> None:
    rejected = sample("ConList_2016.csv").rejected
    assert rejected[["line", "reason"]].to_numpy().tolist() == [
        [14, "impossible day of listing: '31/02/2015'"],
        [18, "unknown type of entry 'Charity'"],
        [16, "another day of listing than the first row of its entry and programme"],
    ]
    key = "Group ID=107; Group Type=Individual; Regime=Belarus; Listed On=31/02/2015"
    assert rejected["raw"].iloc[0] == key


def test_the_layout_of_36_columns_has_ships_and_days_of_unknown_parts() -> None:
    reading = sample("ConList.csv")
    assert rows(reading, "listing_id", "programme", "entity_type", "entity_country", "listed") == [
        ["101", "Russia", "individual", "RUS", "2014-07-31"],
        ["102", "Iran (Nuclear)", "individual", "IRN", "2008-06-24"],
        ["102", "Iran", "individual", "IRN", "2011-04-14"],
        ["201", "Democratic People's Republic of Korea", "vessel", "", "2018-03-30"],
        ["104", "Russia", "entity", "RUS", "2014-07-25"],
        ["202", "Russia", "entity", "BLR;RUS", "2022-02-24"],
        ["203", "Global Human Rights", "individual", "MMR", ""],
        ["109", "Democratic Republic of the Congo", "individual", "COD", "2005-11-01"],
        ["204", "Cyber", "individual", "CHN", ""],
    ]
    assert reading.rejected["reason"].tolist() == ["no listing_id"]


def test_the_sanctions_list_of_58_columns_is_another_list_with_its_own_regimes() -> None:
    reading = sample("UK-Sanctions-List.csv")
    assert rows(reading, "listing_id", "entity_type", "entity_country", "listed") == [
        ["RUS9001", "individual", "RUS", "2020-12-31"],
        ["BEL9001", "individual", "RUS", "2023-06-20"],
        ["RUS9002", "vessel", "GAB", "2024-07-31"],
        ["RUS9003", "entity", "ARE;RUS", "2022-02-24"],
        ["IRN9001", "individual", "IRN;IRQ", "2023-12-14"],
        ["INU9001", "entity", "IRN", "2020-12-31"],
        ["AFG9001", "individual", "AFG", "2001-01-25"],
        ["GHR9001", "individual", "NAM", ""],
    ]
    assert set(reading.table["list"]) == {"UK Sanctions List"}
    assert reading.coverage is not None
    assert reading.coverage.last == date(2026, 2, 13)
    assert reading.rejected["line"].tolist() == [14, 15]


@pytest.mark.parametrize("name", ["ConList_2016.csv", "ConList.csv", "UK-Sanctions-List.csv"])
def test_every_regime_of_the_samples_has_its_states(name: str) -> None:
    counts = sl.sanction_counts(
        sample(name), every="year", unit="designation", by=["programme", "target"]
    ).table
    thematic = {"Al-Qaida", "Cyber", "Global Human Rights"}
    unknown = counts[counts["target"].isna() & counts["n"].gt(0)]
    assert set(unknown["programme"]) <= thematic | {
        "The Global Human Rights Sanctions Regulations 2020"
    }


def test_entities_designations_and_addresses_are_counted_by_the_states_of_the_law() -> None:
    reading = sample("ConList.csv")
    span = {"start": date(2005, 1, 1), "end": date(2022, 8, 16), "targets": ["RUS", "IRN", "BLR"]}
    units = sl.compare_units([reading], **span).table.set_index(["unit", "target_rule"])
    assert units["n"].to_dict() == {
        ("entity", "programme"): 4,
        ("entity", "address"): 4,
        ("designation", "programme"): 5,
        ("designation", "address"): 5,
    }


def test_an_entry_without_a_known_day_is_unplaced_and_not_lost() -> None:
    counts = sl.sanction_counts(
        sample("ConList.csv"),
        every="year",
        unit="entity",
        by=["target"],
        targets=["MMR"],
        target_rule="address",
    ).table
    assert (counts["n"].sum(), counts["n_unassigned"].max()) == (0, 1)


def test_two_copies_show_who_was_added_removed_and_moved(edited: Callable[..., Path]) -> None:
    bad = ("OSCAR",)
    before = edited("ConList.csv", without=bad)
    after = edited(
        "ConList.csv",
        ("16/08/2022", "17/08/2022"),
        (",Cyber,", ",Russia,"),
        (",201\n", ",205\n"),
        without=(*bad, "INDIA"),
    )
    changes = sl.compare_copies([sl.read("uk", before), sl.read("uk", after)]).table
    shown = changes[changes["from"].ne(changes["to"])].set_index(["programmes", "entity_type"])
    flows = shown[["added", "removed", "moved_in", "moved_out"]]
    assert flows.T.to_dict("list") == {
        ("Cyber", "individual"): [0, 0, 0, 1],
        ("Democratic People's Republic of Korea", "vessel"): [1, 1, 0, 0],
        ("Democratic Republic of the Congo", "individual"): [0, 1, 0, 0],
        ("Russia", "individual"): [0, 0, 1, 0],
    }
    assert shown["to"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2022-08-17"]


def test_a_copy_of_one_list_is_not_compared_with_one_of_the_other() -> None:
    copies = [sample("ConList.csv"), sample("UK-Sanctions-List.csv")]
    with pytest.raises(SanctlibError, match="must be listings of one list"):
        sl.compare_copies(copies)


def test_a_header_cell_too_many_shifts_no_column(edited: Callable[..., Path]) -> None:
    path = edited("ConList_2016.csv", ("Name 5,", "Name 5,,"))
    with pytest.raises(SourceError, match="line 3: 29 fields where the header has 30"):
        sl.read("uk", path)


def test_an_empty_column_in_header_and_rows_changes_nothing(tmp_path: Path) -> None:
    text = (SAMPLES / "ConList_2016.csv").read_bytes().decode("cp1252")
    banner, header, *lines = text.rstrip("\n").split("\n")
    path = tmp_path / "ConList.csv"
    wide = [banner, header + ",", *(f"{line}," for line in lines)]
    path.write_text("\n".join(wide), encoding="utf-8")
    assert rows(sl.read("uk", path), "listing_id") == rows(sample("ConList_2016.csv"), "listing_id")


def test_a_remark_that_names_the_other_list_does_not_change_the_layout(
    edited: Callable[..., Path],
) -> None:
    path = edited("ConList.csv", ("(IMO number):0000000", "Unique ID RUS0000"))
    assert set(sl.read("uk", path).table["list"]) == {"UK ConList"}


def test_a_copy_without_its_banner_has_no_day_of_its_own(edited: Callable[..., Path]) -> None:
    reading = sl.read("uk", edited("ConList.csv", ("Last Updated,16/08/2022\n", "")))
    assert reading.coverage is not None
    assert reading.coverage.last == date(2022, 2, 24)


def test_a_missing_column_and_another_file_are_named(edited: Callable[..., Path]) -> None:
    with pytest.raises(MissingColumnsError, match="no column 'Reg"):
        sl.read("uk", edited("ConList.csv", (",Regime,", ",Regimes,")))
    other = ROOT / "tests" / "samples" / "eu" / "20260805-FULL-1_1.csv"
    with pytest.raises(SourceError, match=r"read it with sl\.read\('eu', …\)"):
        sl.read("uk", other)


def test_the_real_file_has_the_counted_rows_and_groups(real_data: Path) -> None:
    draft = read_text(real_data / REAL, header_starts="Name 6", encoding=("utf-8", "cp1252"))
    assert len(draft.rows) == 800
    aliases = draft.rows["Alias Type"].value_counts().to_dict()
    assert aliases == {"AKA": 552, "Prime Alias": 246, "FKA": 2}
    types = draft.rows["Group Type"].value_counts().to_dict()
    assert types == {"Individual": 567, "Entity": 233}
    with_prime = draft.rows[draft.rows["Alias Type"].eq("Prime Alias")]["Group ID"].nunique()
    reading = sl.read("uk", real_data / REAL)
    table = reading.table
    assert (reading.audit.n_read, reading.audit.n_rejected) == (800, 0)
    assert table["entity_id"].nunique() == 463
    assert 463 - with_prime == 228
    assert reading.coverage is not None
    assert reading.coverage.last == date(2016, 2, 12)


def test_the_real_file_has_the_counted_groups_by_regime(real_data: Path) -> None:
    table = sl.read("uk", real_data / REAL).table
    first = table.drop_duplicates("entity_id")["programme"].value_counts()
    assert first[list(GROUPS)].to_dict() == GROUPS
    assert first.drop(list(GROUPS)).max() <= 8
    each = table["programme"].value_counts()[list(GROUPS)].to_dict()
    assert each == GROUPS | {"Syria": 60, "Somalia": 10, "Iran (human rights)": 9}


def test_a_group_of_the_real_file_has_a_day_for_each_regime(real_data: Path) -> None:
    table = sl.read("uk", real_data / REAL).table
    per_group = table.groupby("entity_id")["listed"].nunique()
    assert per_group[["10638", "6995"]].tolist() == [3, 2]
    assert sorted(per_group[per_group.gt(1)].index) == ["10638", "6995"]


def test_only_cells_of_prose_stay_without_a_country(real_data: Path) -> None:
    reading = sl.read("uk", real_data / REAL)
    assert reading.unmatched["n"].sum() == 8
    assert reading.table["entity_country"].notna().sum() == 286
