"""EUSANCT cases: each sender with its own dates, open ends in words, counted figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.codes.succession import read_codes
from sanctlib.errors import MissingColumnsError
from sanctlib.reading import Reading
from sanctlib.sources.cases import read_eusanct
from sanctlib.sources.sheets import read_sheet
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples" / "eusanct"
FILE = "EUSANCT_Dataset_Case-level.xls"


@pytest.fixture(scope="module")
def small() -> Reading:
    return read_eusanct(SAMPLES / FILE)


@pytest.fixture(scope="module")
def eusanct(real_data: Path) -> Reading:
    return read_eusanct(real_data / "cases" / FILE)


def rows_of(reading: Reading, case: str, *columns: str) -> list[list[object]]:
    table = reading.table[reading.table["case_id"].eq(case)]
    days = table.select_dtypes("datetime").columns
    table = table.assign(**{d: table[d].dt.strftime("%Y-%m-%d") for d in days})
    return table[list(columns)].astype("object").fillna("?").to_numpy().tolist()


def test_the_sheet_and_its_export_are_the_same_cases(small: Reading) -> None:
    path = (SAMPLES / FILE).with_suffix(".csv")
    pd.testing.assert_frame_equal(sl.read("eusanct", path).table, small.table)


def test_each_sender_of_a_case_has_its_own_dates_flags_and_measures(small: Reading) -> None:
    columns = ("sender", "start", "end", "threatened", "imposed_start", "measures")
    assert rows_of(small, "1965110901", *columns) == [
        ["EU", "1971-05-12", "1974-06-07", True, "1972-09-16", "financial;trade"],
        ["USA", "1966-03-07", "1974-07-27", False, "1966-03-07", "arms;other;trade"],
        ["UN", "1965-11-09", "1974-08-25", True, "1967-12-04", "arms"],
    ]
    assert rows_of(small, "2012100801", "sender", "imposed", "imposed_start") == [
        ["USA", True, "2013-01-19"],
        ["UN", False, "?"],
    ]


def test_an_open_end_is_a_word_and_a_missing_one_is_not_known(small: Reading) -> None:
    ends = ("end", "end_last", "ongoing")
    assert rows_of(small, "2004081501", *ends) == [["?", "?", True]]
    assert rows_of(small, "2010051901", *ends) == [["?", "?", "?"]]
    assert rows_of(small, "2004081502", *ends) == [["2004-11-28", "2004-11-28", False]]
    # Only the year of the end is told.
    assert rows_of(small, "2008030401", *ends) == [["2011-01-01", "2011-12-31", False]]


def test_targets_are_those_of_the_day(small: Reading) -> None:
    assert rows_of(small, "1985020201", "sender", "target") == [["EU", "SUN"]]
    assert rows_of(small, "2013060301", "target") == [["RUS"], ["RUS"]]


def test_types_hold_letters_and_outcomes_are_not_guessed(small: Reading) -> None:
    words = ("measures", "objectives", "outcomes")
    assert rows_of(small, "2011042101", *words) == [
        [
            "arms;financial;travel",
            "human_rights;leadership_change",
            "finaloutcome_9;no_success",
        ],
        ["financial;travel", "human_rights;leadership_change", "finaloutcome_9;no_success"],
    ]


def test_impossible_cases_are_rejected_with_their_row(small: Reading) -> None:
    assert small.rejected[["line", "reason"]].to_numpy().tolist() == [
        [14, "none of EU, US and UN takes part"],
        [13, "impossible start: '31feb2015'"],
        [15, "ends before it begins"],
    ]
    assert small.audit.n_kept == len(small.table) == 16


def test_a_sender_beside_the_three_has_no_zero(small: Reading) -> None:
    asked = {"every": "year", "unit": "case", "by": ["sender"], "senders": ["CAN", "UN"]}
    found = sl.sanction_counts(small, **asked).table
    assert found["n"].isna().groupby(found["sender"]).all().to_dict() == {"CAN": True, "UN": False}


def test_another_file_is_refused() -> None:
    with pytest.raises(MissingColumnsError, match="no column 'success'"):
        read_eusanct(ROOT / "tests" / "samples" / "ties" / "TIESv4-1.xls")


def test_real_cases_are_the_published_ones(eusanct: Reading) -> None:
    table = eusanct.table
    assert (table["case_id"].nunique(), len(eusanct.rejected)) == (326, 0)
    assert table["sender"].value_counts().to_dict() == {"USA": 276, "EU": 103, "UN": 57}
    combined = table.groupby("case_id")["sender"].agg("-".join).value_counts()
    assert combined.to_dict() == {
        "USA": 195,
        "EU-USA": 54,
        "UN": 21,
        "EU": 20,
        "EU-USA-UN": 20,
        "EU-UN": 9,
        "USA-UN": 7,
    }
    by_case = table.groupby("case_id")[["threatened", "imposed"]].any()
    assert by_case.sum().tolist() == [265, 209]
    imposed = table[table["imposed"]]
    assert imposed["sender"].value_counts().to_dict() == {"USA": 182, "EU": 81, "UN": 34}
    success = table.drop_duplicates("case_id")["outcomes"].str.endswith(";success")
    assert success.sum() == 188


def test_real_targets_and_the_day_of_many_impositions(eusanct: Reading) -> None:
    cases = eusanct.table.drop_duplicates("case_id")
    # COW 365, which is the Soviet Union before 1992.
    assert cases["target"].isin(["RUS", "SUN"]).sum() == 9
    assert cases["target"].eq("IRN").sum() == 6
    day = eusanct.table[eusanct.table["imposed_start"].eq("2003-07-01")]
    assert (len(day), day["sender"].unique().tolist()) == (36, ["USA"])


def test_real_ends_are_open_where_the_word_says_so(eusanct: Reading) -> None:
    table = eusanct.table
    open_ends = table[table["ongoing"].fillna(value=False)]["sender"].value_counts()
    assert open_ends.to_dict() == {"USA": 36, "EU": 18, "UN": 9}
    # The one end before its start: kept, not known, and said in the audit.
    assert table[table["ongoing"].isna()]["case_id"].tolist() == ["2005031502"]
    assert "take 1 end before its start as not known" in eusanct.audit.steps["step"].tolist()


def test_single_types_mean_what_the_file_s_own_scale_says(real_data: Path) -> None:
    # 1 visa bans, 2 targeted financial sanctions, 3 arms embargoes, 4 aid, 5 trade, 6 embargo.
    # One aid cut of all stands under targeted financial sanctions.
    scale = {"7": "2", "7b": "2", "9": "1", "12": "3", "8": "4"}
    rows = read_sheet(real_data / "cases" / FILE).rows
    found = pd.concat(
        rows[[f"imposition{s}_type", f"imposition{s}_target"]].set_axis(["type", "scale"], axis=1)
        for s in ("EU", "US", "UN")
    )
    alone = found[found["type"].isin(list(scale))]
    agree = alone["type"].map(scale).eq(alone["scale"])
    assert (len(alone), (~agree).sum()) == (179, 1)
    words = read_codes("cases.csv").query("source == 'eusanct' and column == 'measures'")
    assert words.set_index("code")["words"][list(scale)].to_dict() == {
        "7": "financial",
        "7b": "financial",
        "9": "travel",
        "12": "arms",
        "8": "financial",
    }
