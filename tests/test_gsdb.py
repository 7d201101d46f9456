"""GSDB cases: names that hold commas, open ends, and the published figures of release R3."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SourceError
from sanctlib.reading import Reading
from sanctlib.sources.cases import read_gsdb, split_names
from sanctlib.sources.text import read_text
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples" / "gsdb"
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
    return read_gsdb(path)


@pytest.fixture(scope="module")
def release_3(real_data: Path) -> Reading:
    return read_gsdb(real_data / "cases" / "GSDB_V3.csv")


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
    for end in ("end", "end_last"):
        assert cases[end].isna().to_dict() == {"1": True, "2": False, "3": False, "4": False}
    assert cases["ongoing"].to_dict() == {"1": True, "2": False, "3": True, "4": False}
    assert cases["end_last"]["2"] == pd.Timestamp("2022-12-31")


def test_groups_and_colonies_are_kept_as_unknown_and_listed(small: Reading) -> None:
    table = small.table
    assert table["target"].isna().sum() == 2
    assert small.unmatched[["name", "reason"]].to_numpy().tolist() == [
        ["Mozambique", "not a state on that day"],
        ["Terrorist Organizations (ISIL)", "unknown name"],
    ]


def test_impossible_years_are_rejected_with_their_line(small: Reading) -> None:
    assert small.rejected[["line", "reason"]].to_numpy().tolist() == [
        [6, "impossible start: '20x6'"],
        [7, "ends before it begins"],
    ]
    audit = small.audit
    assert audit.n_read + audit.n_added == audit.n_kept + audit.n_rejected == 8


def test_a_name_written_twice_is_one_sender(tmp_path: Path) -> None:
    path = tmp_path / "gsdb.csv"
    row = '1,Poland,"Germany, West Germany, Germany",1985,1986,0,,0,0,1,0,0,0,1,other,failed'
    path.write_text(HEAD + row, encoding="ascii")
    reading = read_gsdb(path)
    assert reading.table["sender"].tolist() == ["DEU"]
    assert (reading.audit.n_added, reading.audit.n_merged) == (2, 2)


def test_a_flag_that_is_none_rejects_its_case(tmp_path: Path) -> None:
    path = tmp_path / "gsdb.csv"
    text = (HEAD + ROWS).replace("2022,0,,0,0,1,1", "2022,0,,0,0,x,1")
    path.write_text(text, encoding="ascii", newline="")
    assert "financial is no flag: 'x'" in read_gsdb(path).rejected["reason"].tolist()


def test_columns_of_other_releases_are_known_by_their_names() -> None:
    second, fourth = (sl.read("gsdb", SAMPLES / f) for f in ("GSDB_V2.xls", "GSDB_V4.csv"))
    cases = fourth.table.drop_duplicates("case_id").set_index("case_id")
    # The last year of the release is another one, and so is an open end.
    assert cases["end"].isna().to_dict() == {
        **dict.fromkeys(["8", "9", "10", "12", "16"], True),
        **dict.fromkeys(["11", "13"], False),
    }
    assert cases["measures"][["9", "13"]].tolist() == ["arms;financial;travel", "financial"]
    assert second.table[["case_id", "sender", "target"]].to_numpy().tolist() == [
        ["1", "DEU", "DDR"],
        ["4", "IO-EEC", "POL"],
        ["4", "IO-EEC", "HUN"],
        ["11", "USA", "IRN"],
    ]


def test_the_dyadic_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "GSDB_V4_dyadic.csv"
    head = "case_id,sanctioned_state,sanctioned_state_iso3,sanctioning_state,year,trade"
    path.write_text(f'{head}\n"595,471,574",Iran,IRN,Canada,2010-01-01,1\n', encoding="ascii")
    with pytest.raises(SourceError, match=r"is the dyadic file of the GSDB.*read the case file"):
        sl.read("gsdb", path)
    (tmp_path / "GSDB_V4_dyadic.dta").write_bytes(b"<stata_dta><header>")
    with pytest.raises(SourceError, match=r"is a Stata file: save it as \.csv"):
        sl.read("gsdb", tmp_path / "GSDB_V4_dyadic.dta")


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MissingColumnsError, match="no column 'case_id'"):
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
    extents = table.drop_duplicates("case_id")["trade_extent"].str.split(";").explode()
    assert extents.value_counts().to_dict() == {
        "exp_part": 327,
        "imp_part": 253,
        "imp_compl": 87,
        "exp_compl": 84,
    }
    targets = table.drop_duplicates(["case_id", "target"])["target"].value_counts()
    assert targets[["RUS", "IRN", "SUN"]].tolist() == [31, 32, 9]


def test_new_and_active_cases_of_release_3_are_the_counted_ones(release_3: Reading) -> None:
    asked = {"every": "year", "at": "any_day"}
    stocks = sl.active_sanctions(release_3, by=[], **asked).table
    assert stocks["n"].tolist() == [int(n) for n in ACTIVE.split()]
    new = sl.sanction_counts(release_3, every="year", unit="case", by=[]).table
    assert new["n"].tolist() == [int(n) for n in NEW.split()]
    russia = sl.active_sanctions(release_3, by=["target"], targets=["RUS"], **asked).table
    by_year = russia.set_index(russia["period"].dt.year)["n"]
    assert by_year[range(2013, 2023)].tolist() == [0, 8, 8, 8, 9, 9, 10, 11, 12, 29]


@pytest.fixture(scope="module")
def cases(release_3: Reading) -> pd.DataFrame:
    return release_3.table.drop_duplicates("case_id").set_index("case_id")


@pytest.fixture(scope="module")
def written(real_data: Path) -> pd.DataFrame:
    """The file as it is written."""
    return read_text(real_data / "cases" / "GSDB_V3.csv").rows


def active_in(table: pd.DataFrame, year: int) -> pd.DataFrame:
    ends = table["end_last"].dt.year.fillna(year)
    return table[table["start"].dt.year.le(year) & ends.ge(year)]


def test_release_3_has_the_counted_types_and_decades(cases: pd.DataFrame) -> None:
    types = cases["measures"].str.split(";").str.len().value_counts().sort_index()
    assert types.to_dict() == {1: 740, 2: 346, 3: 131, 4: 67, 5: 36, 6: 5}
    decades = cases["start"].dt.year.floordiv(10).value_counts().sort_index()
    assert decades.tolist() == [2, 52, 91, 105, 118, 269, 211, 288, 189]
    assert cases["start"].dt.year.le(2019).sum() == 1136
    assert cases["measures"].str.contains("financial").eq(False).sum() == 601


def test_cases_active_in_2022_have_the_counted_types(release_3: Reading) -> None:
    asked = {"every": "year", "at": "any_day", "by": ["measure"]}
    stocks = sl.active_sanctions(release_3, **asked).table
    last = stocks[stocks["period"].dt.year.eq(2022)].set_index("measure")["n"]
    assert last.to_dict() == {
        "trade": 184,
        "arms": 82,
        "military": 68,
        "financial": 295,
        "travel": 193,
        "other": 52,
    }


def test_cases_by_objective_are_the_counted_ones(release_3: Reading, written: pd.DataFrame) -> None:
    objectives = written["objective"].str.split(",").explode()
    new = sl.sanction_counts(release_3, every="year", unit="case", by=["objective"]).table
    assert new.groupby("objective")["n"].sum().to_dict() == objectives.value_counts().to_dict()
    assert not new["additive"].any()
    active = sl.active_sanctions(release_3, every="year", at="any_day", by=["objective"]).table
    for year in (1990, 2022):
        held = written["begin"].astype(int).le(year) & written["end"].astype(int).ge(year)
        by_hand = objectives[held[objectives.index]].value_counts().to_dict()
        found = active[active["period"].dt.year.eq(year)].set_index("objective")["n"]
        assert found[found.gt(0)].to_dict() == by_hand


def test_objectives_and_outcomes_of_release_3_are_the_counted_ones(
    cases: pd.DataFrame, written: pd.DataFrame
) -> None:
    assert cases["objectives"].str.split(";").explode().value_counts().to_dict() == {
        "human_rights": 382,
        "democracy": 333,
        "policy_change": 246,
        "end_war": 232,
        "other": 166,
        "prevent_war": 128,
        "terrorism": 118,
        "destab_regime": 86,
        "territorial_conflict": 69,
    }
    # Outcomes stand beside objectives, so one case may write "ongoing" twice; we keep it once.
    assert written["success"].str.split(",").explode().value_counts().to_dict() == {
        "ongoing": 597,
        "success_total": 526,
        "failed": 340,
        "success_part": 208,
        "nego_settlement": 88,
    }
    assert written[["target_mult", "sender_mult"]].eq("1").sum().tolist() == [49, 359]


@pytest.mark.parametrize(
    ("target", "n", "types", "active"),
    [
        (
            "RUS",
            31,
            {"trade": 25, "arms": 4, "military": 6, "financial": 27, "travel": 16, "other": 12},
            {
                **dict.fromkeys([*range(1993, 1997), *range(2008, 2012)], 1),
                **dict.fromkeys([2014, 2015, 2016], 8),
                **dict.fromkeys([2017, 2018], 9),
                **{2019: 10, 2020: 11, 2021: 12, 2022: 29},
            },
        ),
        (
            "IRN",
            32,
            {"trade": 24, "arms": 6, "military": 2, "financial": 18, "travel": 10, "other": 1},
            {
                **{2005: 3, 2006: 5, 2007: 7, 2008: 9, 2009: 9, 2010: 12, 2011: 15},
                **{2012: 18, 2013: 18, 2014: 18, 2015: 18, 2016: 20, 2017: 3, 2018: 5},
                **{2019: 7, 2020: 8, 2021: 9, 2022: 9},
            },
        ),
    ],
)
def test_cases_against_a_state_are_the_counted_ones(
    release_3: Reading, target: str, n: int, types: dict[str, int], active: dict[int, int]
) -> None:
    table = release_3.table
    mine = table[table["target"].eq(target)].drop_duplicates("case_id")
    assert len(mine) == n
    assert mine["measures"].str.split(";").explode().value_counts().to_dict() == types
    first = 1949 if target == "RUS" else min(active)
    counted = {year: len(active_in(mine, year)) for year in range(first, 2023)}
    assert {year: k for year, k in counted.items() if k} == active


def test_senders_of_release_3_are_the_counted_ones(release_3: Reading) -> None:
    table = release_3.table
    senders = table.drop_duplicates(["case_id", "sender"])["sender"].value_counts()
    assert senders[["IRN", "EU", "UN", "IO-LAS", "IO-AU", "IO-EEC"]].tolist() == [
        *(1, 138, 83, 17, 15, 14)
    ]

    def on_both(year: int) -> set[str]:
        now = active_in(table, year)
        on = now.groupby("target")["sender"].agg(set)
        return on["RUS"] & on["IRN"]

    assert len(on_both(2014)) == 12
    assert {"EU", "USA", "CAN"} < on_both(2014)
    assert on_both(2017) == {"CAN", "USA"}
    assert on_both(2022) == {"CAN", "KOR", "USA"}


def test_names_of_release_3_are_split_as_counted(written: pd.DataFrame) -> None:
    sides = ("sanctioned_state", "sanctioning_state")
    names = [written[side].map(split_names) for side in sides]
    assert [len({n for cell in side for n in cell}) for side in names] == [171, 138]
    assert names[1].explode().eq("Russia").sum() == 35
    assert (names[0].str.len() * names[1].str.len()).sum() == 1889
    # Without the names that hold a comma.
    naive = [written[side].str.split(",").str.len() for side in sides]
    assert (naive[0] * naive[1]).sum() == 2011


def test_active_cases_are_those_of_the_year_before_less_the_ended_and_the_new(
    cases: pd.DataFrame,
) -> None:
    begun, ended = cases["start"].dt.year, cases["end_last"].dt.year
    active = [int(n) for n in ACTIVE.split()]
    for i, year in enumerate(range(1950, 2023), start=1):
        gone, new = ended.eq(year - 1).sum(), begun.eq(year).sum()
        assert active[i] == active[i - 1] + new - gone
