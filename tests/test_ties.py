"""TIES cases: dates as far as known, senders written out, codes as words, counted figures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SourceError
from sanctlib.reading import Reading
from sanctlib.sources.cases import read_ties
from sanctlib.sources.sheets import read_sheet
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples" / "ties"
# Cases by the year of their start, 1945 to 2005, counted by another program.
STARTS = """1 6 15 10 13 15 13 6 15 2 7 18 11 4 6 14 6 26 10 3 14 2 25 11 20 7 5 4 22 6 6 5 23 7 26
13 16 50 17 23 19 19 28 22 19 34 43 73 87 74 75 39 49 34 39 86 47 65 25 18 14"""


@pytest.fixture(scope="module")
def small() -> Reading:
    return read_ties(SAMPLES / "TIESv4-1.xls")


@pytest.fixture(scope="module")
def ties(real_data: Path) -> Reading:
    return read_ties(real_data / "cases" / "TIESv4-1.xls")


@pytest.fixture(scope="module")
def cases(ties: Reading) -> pd.DataFrame:
    return ties.table.drop_duplicates("case_id").set_index("case_id")


def rows_of(reading: Reading, case: str, *columns: str) -> list[list[object]]:
    table = reading.table[reading.table["case_id"].eq(case)].fillna({"sender": "?", "target": "?"})
    days = table.select_dtypes("datetime").columns
    table = table.assign(**{d: table[d].dt.strftime("%Y-%m-%d") for d in days})
    return table[list(columns)].to_numpy().tolist()


def test_the_sheet_and_its_export_are_the_same_cases(small: Reading) -> None:
    pd.testing.assert_frame_equal(sl.read("ties", SAMPLES / "TIESv4-1.csv").table, small.table)


def test_a_missing_day_is_a_month_and_a_missing_month_a_year(small: Reading) -> None:
    dates = ("start", "start_last", "end", "end_last")
    assert rows_of(small, "1960030001", *dates) == [
        ["1960-03-01", "1960-03-31", "1961-01-01", "1961-12-31"]
    ]
    # 31 June.
    assert rows_of(small, "1985063101", *dates) == [
        ["1985-06-01", "1985-06-30", "1996-06-01", "1996-06-30"]
    ]


def test_a_sentence_in_place_of_the_year_of_imposition_is_its_year(small: Reading) -> None:
    dates = ("imposed_start", "imposed_start_last")
    assert rows_of(small, "1971999901", *dates) == [["1971-01-01", "1971-12-31"]] * 2
    # A day of "?".
    assert rows_of(small, "1983101401", *dates) == [["1983-11-01", "1983-11-30"]]


def test_every_sender_is_a_row_once_and_states_are_those_of_the_day(small: Reading) -> None:
    sides = ("sender", "target")
    assert rows_of(small, "1952041701", *sides) == [["FRA", "EGY"], ["USA", "EGY"]]
    assert rows_of(small, "1971999901", *sides) == [["DEU", "SUN"], ["FRA", "SUN"]]
    assert rows_of(small, "1992050101", *sides) == [["DEU", "YUG"], ["RUS", "YUG"]]
    assert rows_of(small, "1999093001", *sides) == [["USA", "KOR"], ["JPN", "KOR"]]


def test_institutions_are_unknown_parties_and_listed_by_their_number(small: Reading) -> None:
    sides = ("sender", "target")
    assert rows_of(small, "1993042801", *sides) == [["?", "CHN"]]
    assert rows_of(small, "1994070701", *sides) == [["?", "VEN"]]
    assert rows_of(small, "1995010101", *sides) == [["USA", "?"], ["CAN", "?"]]
    assert small.unmatched.to_numpy().tolist() == [
        ["target", "institution 1000", "unknown name", 2],
        ["sender", "institution 1653", "unknown name", 1],
        ["sender", "institution 1830 3750", "unknown name", 1],
        ["sender", "institution 3450", "unknown name", 1],
        ["target", "998", "unknown name", 1],
    ]


def test_a_case_without_a_word_on_its_end_is_neither_open_nor_over(small: Reading) -> None:
    cases = small.table.drop_duplicates("case_id").set_index("case_id")
    assert cases.loc[["1952041701", "1992050101"], "ongoing"].tolist() == [False, True]
    assert pd.isna(cases.loc["1971999901", "ongoing"])
    assert cases.loc[["1992050101", "1971999901"], "end"].isna().all()


def test_a_stock_holds_an_unknown_end_in_its_upper_bound_alone(small: Reading) -> None:
    soviet = sl.active_sanctions(small, every="year", at="any_day", by=[], targets=["SUN"]).table
    n = soviet.set_index(soviet["period"].dt.year)[["n", "lower", "upper"]]
    assert n.loc[[1971, 1972]].to_numpy().tolist() == [[1, 1, 1], [0, 0, 1]]


def test_codes_are_words_sorted_and_once_each(small: Reading) -> None:
    words = ("measures", "objectives", "outcomes")
    assert rows_of(small, "1983101401", *words) == [
        ["trade;travel", "non_state_actors", "stalemate"]
    ]
    assert rows_of(small, "1996020201", *words)[0] == [
        "other;travel",
        "human_rights;proliferation",
        "target_gave_in_partly",
    ]


def test_impossible_cases_are_rejected_with_their_row(small: Reading) -> None:
    assert small.rejected[["line", "reason"]].to_numpy().tolist() == [
        [14, "impossible start: '2004-13-01'"],
        [15, "ends before it begins"],
    ]
    audit = small.audit
    assert (audit.n_read, audit.n_added, audit.n_merged, audit.n_rejected) == (14, 6, 0, 2)
    assert audit.n_kept == len(small.table) == 18


def test_a_code_that_is_none_rejects_its_case(tmp_path: Path) -> None:
    text = (SAMPLES / "TIESv4-1.csv").read_text(encoding="utf-8")
    path = tmp_path / "ties.csv"
    path.write_text(text.replace("3 5 6 9", "3 12").replace(",14,1,0", ",14,x,0"), "utf-8")
    assert read_ties(path).rejected["reason"].str.startswith("measures does not know '12'").any()


def test_another_file_is_refused_and_named() -> None:
    with pytest.raises(MissingColumnsError, match="no column 'caseid'"):
        read_ties(ROOT / "tests" / "samples" / "gsdb" / "GSDB_V3.csv")
    with pytest.raises(SourceError, match=r"It looks like EUSANCT.*sl\.read\('eusanct'"):
        sl.read("ties", SAMPLES.parent / "eusanct" / "EUSANCT_Dataset_Case-level.csv")


def test_no_real_case_is_lost(ties: Reading, cases: pd.DataFrame) -> None:
    assert (len(cases), len(ties.rejected), len(ties.table)) == (1412, 0, 2009)
    threatened, imposed = cases["threatened"], cases["imposed"]
    assert (imposed.sum(), threatened.sum()) == (845, 1053)
    both, threat_only, no_threat = (
        threatened & imposed,
        threatened & ~imposed,
        imposed & ~threatened,
    )
    assert (both.sum(), threat_only.sum(), no_threat.sum()) == (486, 567, 359)
    measured = cases["measures"].notna()
    assert ((measured & ~imposed).sum(), (imposed & ~measured).sum()) == (12, 10)


def test_real_cases_start_in_the_counted_years(ties: Reading, cases: pd.DataFrame) -> None:
    counts = sl.sanction_counts(
        ties, every="year", unit="case", by=[], actions=["impose", "threaten"]
    ).table
    assert counts["n"].tolist() == [int(n) for n in STARTS.split()]
    decades = cases["start"].dt.year.floordiv(10).value_counts().sort_index()
    assert decades.tolist() == [45, 97, 131, 111, 226, 547, 255]
    # The number of a case need not begin with its year.
    assert cases.loc["1988042901", "start"].year == 1989


def test_real_ends_are_known_open_or_unknown(cases: pd.DataFrame) -> None:
    assert cases["end"].isna().sum() == 451
    assert (cases["ongoing"].sum(), cases["ongoing"].isna().sum()) == (165, 286)


def test_real_targets_are_the_counted_ones(ties: Reading, cases: pd.DataFrame) -> None:
    # COW 365 is the Soviet Union and Russia.
    russia = cases[cases["target"].isin(["SUN", "RUS"])]
    assert (len(russia), russia["imposed"].sum()) == (33, 23)
    assert russia["start"].dt.year.ge(1990).sum() == 19
    iran = cases[cases["target"].eq("IRN")]
    assert (len(iran), iran["imposed"].sum()) == (9, 7)
    counted = cases["target"].value_counts()
    assert counted[["USA", "JPN", "KOR", "CHN", "CAN"]].tolist() == [103, 80, 58, 45, 41]
    institutions = ties.unmatched[ties.unmatched["name"].eq("institution 1000")]
    assert institutions["side"].tolist() == ["target"]


def test_real_primary_senders_and_institutions_are_the_counted_ones(real_data: Path) -> None:
    rows = read_sheet(real_data / "cases" / "TIESv4-1.xls").rows
    assert rows["primarysender"].eq("2").sum() == 681
    assert rows["targetstate"].eq("1000").sum() == 44


def test_real_sentences_are_years(ties: Reading, real_data: Path) -> None:
    rows = read_sheet(real_data / "cases" / "TIESv4-1.xls").rows
    said = rows[rows["sancimpositionstartyear"].str.len().gt(4)]
    table = ties.table.drop_duplicates("case_id").set_index("case_id").loc[said["caseid"]]
    assert table["imposed_start"].dt.strftime("%Y-%m-%d").tolist() == [
        "1949-01-01",
        "1955-01-01",
        "1969-01-01",
    ]


def test_a_bloc_that_the_codes_cannot_name_has_no_zero(small: Reading) -> None:
    asked = {"every": "year", "unit": "case"}
    found = sl.sanction_counts(small, by=["sender"], senders=["EU", "CAN"], **asked).table
    assert found.loc[found["sender"].eq("EU"), ["n", "lower", "upper"]].isna().all(axis=None)
    assert found.loc[found["sender"].eq("CAN"), "n"].notna().all()
    # A sum over senders of which one cannot be named is not known either.
    whole = sl.sanction_counts(small, by=[], senders=["EU", "CAN"], **asked).table
    assert not whole["covered"].any()
    stocks = sl.active_sanctions(
        small, every="year", at="any_day", by=["sender"], senders=["EU"]
    ).table
    assert stocks[["n", "upper"]].isna().all(axis=None)
    other = sl.Coverage(source="ties", first=date(1950, 1, 1), last=date(1951, 12, 31))
    again = sl.sanction_counts(small, by=["sender"], senders=["EU"], coverage=other, **asked).table
    assert again["n"].isna().all()
