"""GSDB cases: names that hold commas, open ends, and the published figures of release R3."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError
from sanctlib.reading import Reading
from sanctlib.sources.gsdb import read_cases, split_names

HEAD = (
    "case_id,sanctioned_state,sanctioning_state,begin,end,trade,descr_trade,arms,military,"
    "financial,travel,other,target_mult,sender_mult,objective,success\r\n"
)
ROWS = (
    '1,"Korea, North","Egypt, Arab Rep., United  States",2006,2022,1,exp_part,1,0,0,0,0,0,1,'
    '"human_rights,democracy","ongoing,failed"\r\n'
    "2,Poland,EU,2010,2022,0,,0,0,1,1,0,0,0,democracy,success_total\r\n"
    '3,"Syria, Terrorist Organizations (ISIL)",UN,2012,2015,0,,1,0,0,0,0,0,0,terrorism,ongoing\r\n'
    "4,Mozambique,UN,1970,1975,1,exp_part,0,0,0,0,0,0,0,other,failed\r\n"
    "5,Iran,United States,20x6,2010,1,exp_part,0,0,0,0,0,0,0,other,failed\r\n"
    "6,Iran,United States,2011,2010,1,exp_part,0,0,0,0,0,0,0,other,failed"
)

# New and active cases per year, 1949 to 2022, counted from the file by another program
# (active in a year: begin <= year <= end).
NEW = """2 18 7 3 0 10 2 2 5 4 1 8 6 12 16 9 11 6 10 10 3 3 5 1 21 8 13 6 19 14 15 4 9 26 6 5 10 15
18 8 17 29 25 48 33 18 24 27 21 27 17 22 16 19 36 10 20 34 13 12 29 23 47 38 23 46 14 12 30 27 28 38
89 62"""
ACTIVE = """2 20 27 28 27 35 31 31 34 36 34 38 40 47 60 58 63 65 66 73 73 71 68 62 79 84 76 76 90 98
106 90 97 115 107 103 93 102 113 114 124 136 136 161 167 158 142 148 151 154 148 148 147 132 152
138 143 157 155 155 171 178 214 234 242 271 252 253 235 241 252 282 365 411"""


@pytest.fixture
def small(tmp_path: Path) -> Reading:
    path = tmp_path / "gsdb.csv"
    path.write_text(HEAD + ROWS, encoding="ascii", newline="")
    return read_cases(path)


@pytest.fixture(scope="module")
def release_3(real_data: Path) -> Reading:
    return read_cases(real_data / "cases" / "GSDB_V3.csv")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Korea, North, Poland,Hungary", ["Korea, North", "Poland", "Hungary"]),
        ("Congo, Democratic Republic of the", ["Congo, Democratic Republic of the"]),
        ("Gambia, The, Senegal", ["Gambia, The", "Senegal"]),
        ("United  States ", ["United States"]),
    ],
)
def test_a_comma_inside_a_name_separates_nothing(text: str, names: list[str]) -> None:
    assert split_names(text) == names


def test_a_case_is_written_out_by_sender_and_target(small: Reading) -> None:
    first = small.table[small.table["case_id"].eq("1")]
    assert first[["sender", "target"]].to_numpy().tolist() == [["EGY", "PRK"], ["USA", "PRK"]]
    assert first["measures"].unique().tolist() == ["arms;trade"]
    assert first["objectives"].unique().tolist() == ["democracy;human_rights"]


def test_only_an_ongoing_case_at_the_end_of_the_release_has_no_end(small: Reading) -> None:
    cases = small.table.drop_duplicates("case_id").set_index("case_id")
    assert cases["end"].isna().to_dict() == {"1": True, "2": False, "3": False, "4": False}
    assert cases["ongoing"].to_dict() == {"1": True, "2": False, "3": True, "4": False}
    assert cases["end_last"]["2"] == pd.Timestamp("2022-12-31")


def test_groups_and_colonies_are_kept_as_unknown_and_listed(small: Reading) -> None:
    table = small.table
    assert table["target"].isna().sum() == 2
    assert small.unmatched["name"].tolist() == ["Mozambique", "Terrorist Organizations (ISIL)"]


def test_impossible_years_are_rejected_with_their_line(small: Reading) -> None:
    assert small.rejected[["line", "reason"]].to_numpy().tolist() == [
        [6, "begin is no year: '20x6'"],
        [7, "ends before it begins"],
    ]
    audit = small.audit
    assert audit.n_read + audit.n_added == audit.n_kept + audit.n_rejected == 8


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MissingColumnsError, match="reader of GSDB needs"):
        sl.read("gsdb", tmp_path / "other.csv")


def test_release_3_has_the_published_cases_and_the_counted_dyads(release_3: Reading) -> None:
    table = release_3.table
    assert (table["case_id"].nunique(), len(table), len(release_3.rejected)) == (1325, 1889, 0)
    by_type = table.drop_duplicates("case_id")["measures"].str.split(";").explode().value_counts()
    assert by_type.to_dict() == {
        "financial": 724,
        "trade": 513,
        "travel": 346,
        "arms": 265,
        "military": 241,
        "other": 214,
    }
    targets = table.drop_duplicates(["case_id", "target"])["target"].value_counts()
    assert targets[["RUS", "IRN", "SUN"]].tolist() == [31, 32, 9]


def test_new_and_active_cases_of_release_3_are_the_counted_ones(release_3: Reading) -> None:
    asked = {"every": "year", "at": "any_day"}
    stocks = sl.active_sanctions(release_3, by=[], **asked)
    assert stocks["n"].tolist() == [int(n) for n in ACTIVE.split()]
    new = sl.sanction_counts(release_3, every="year", unit="case", by=[])
    assert new["n"].tolist() == [int(n) for n in NEW.split()]
    russia = sl.active_sanctions(release_3, by=["target"], targets=["RUS"], **asked)
    by_year = russia.set_index(russia["period"].dt.year)["n"]
    assert by_year[range(2013, 2023)].tolist() == [0, 8, 8, 8, 9, 9, 10, 11, 12, 29]
