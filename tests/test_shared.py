"""Shared sanctioners: by hand, on the real cases, and where sources disagree."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError
from sanctlib.metrics.pressure import shared_sanctioners

KNOWN = Coverage(source="own", first=date(2018, 1, 1), last=date(2019, 12, 31))


def cases(*rows: tuple[str, str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["sender", "target", "start"])
    start = pd.to_datetime(table["start"])
    return table.assign(
        source="own",
        case_id=[str(i) for i in range(len(table))],
        start=start,
        start_last=start,
        end=pd.NaT,
        end_last=pd.NaT,
        ongoing=True,
    )


OURS = cases(
    ("USA", "RUS", "2018-02-01"),
    ("USA", "IRN", "2018-02-01"),
    ("EU", "RUS", "2018-02-01"),
    ("EU", "IRN", "2019-02-01"),
    ("CAN", "RUS", "2019-02-01"),
)


def test_senders_on_both_are_counted_and_named() -> None:
    found = shared_sanctioners(OURS, pair=("RUS", "IRN"), every="year", coverage=KNOWN).table
    columns = ["n_first", "n_second", "n_shared", "jaccard", "shared"]
    assert found[columns].to_dict("list") == {
        "n_first": [1, 2],
        "n_second": [2, 3],
        "n_shared": [1, 2],
        "jaccard": [0.5, pytest.approx(2 / 3)],
        "shared": ["USA", "EU;USA"],
    }
    turned = shared_sanctioners(OURS, pair=("IRN", "RUS"), every="year", coverage=KNOWN).table
    pd.testing.assert_frame_equal(turned, found)


def test_what_one_source_says_and_another_does_not_is_named() -> None:
    theirs = cases(
        ("USA", "RUS", "2018-02-01"), ("USA", "IRN", "2018-02-01"), ("EU", "RUS", "2018-02-01")
    )
    found = shared_sanctioners(
        {"ours": OURS, "theirs": theirs}, pair=("RUS", "IRN"), every="year", coverage=KNOWN
    ).table
    assert found.set_index(["source", found["period"].dt.year])["disputed"].to_dict() == {
        ("ours", 2018): "",
        ("ours", 2019): "EU",
        ("theirs", 2018): "",
        ("theirs", 2019): "",
    }


def test_a_source_of_few_senders_does_not_deny_the_others() -> None:
    american = cases(("USA", "RUS", "2018-02-01"), ("USA", "IRN", "2018-02-01"))
    tables = {"ours": OURS, "american": american}
    found = shared_sanctioners(tables, pair=("RUS", "IRN"), every="year", coverage=KNOWN).table
    assert found["disputed"].eq("").all()


def test_a_table_without_either_state_keeps_its_types() -> None:
    other = cases(("USA", "SYR", "2018-02-01"))
    found = shared_sanctioners(
        {"ours": OURS, "other": other}, pair=("RUS", "IRN"), every="year", coverage=KNOWN
    ).table
    assert found["period"].dt.year.isin([2018, 2019]).all()


def test_where_neither_is_sanctioned_the_share_is_missing() -> None:
    early = Coverage(source="own", first=date(2017, 1, 1), last=date(2018, 12, 31))
    found = shared_sanctioners(
        OURS, pair=("RUS", "IRN"), every="year", end=date(2018, 12, 31), coverage=early
    ).table
    assert found["n_shared"].tolist() == [0, 1]
    assert found["jaccard"].isna().tolist() == [True, False]


def test_one_state_is_no_pair() -> None:
    with pytest.raises(SanctlibError, match="two different states"):
        shared_sanctioners(OURS, pair=("RUS", "RUS"), every="year")


def test_both_lists_that_are_shipped_sanction_both_states() -> None:
    """The sender of a list has a code; Canada's counts are no spells."""
    found = shared_sanctioners(
        sl.load("ofac_sdn"),
        pair=("RUS", "IRN"),
        every="year",
        start=date(2022, 1, 1),
        end=date(2022, 12, 31),
    ).table
    assert found[["shared", "n_shared"]].to_numpy().tolist() == [["USA", 1]]


def test_senders_on_russia_and_iran_in_release_3(real_data: Path) -> None:
    """GSDB R3: senders of active cases on both: 2014 twelve, 2017 and 2022 as named."""
    cases = sl.read("gsdb", real_data / "cases" / "GSDB_V3.csv")
    found = shared_sanctioners(cases, pair=("RUS", "IRN"), every="year").table
    by_year = found.set_index(found["period"].dt.year)
    assert by_year.loc[2014, "n_shared"] == 12
    assert {"EU", "USA", "CAN"} <= set(by_year.loc[2014, "shared"].split(";"))
    assert by_year.loc[2017, "shared"] == "CAN;USA"
    assert by_year.loc[2022, "shared"] == "CAN;KOR;USA"
    assert by_year.loc[1980, "n_shared"] == 0


def test_members_of_a_bloc_are_counted_after_writing_it_out() -> None:
    members = sl.expand_blocs(OURS)
    found = shared_sanctioners(members, pair=("RUS", "IRN"), every="year", coverage=KNOWN).table
    # 28 members of the EU each year, the United States, and Canada on Russia alone.
    assert found[["n_second", "n_shared"]].to_numpy().tolist() == [[29, 1], [30, 29]]
