"""Outcomes of cases: success by hand, open cases apart, and the real registers."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.errors import CuratedError, MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.outcomes import sanction_outcomes
from sanctlib.sources.sheets import read_sheet
from tests.test_counts import events, frame, shown

DAY = pd.Timestamp("2001-01-01")
COUNTS = ("n_cases", "n_ongoing", "n_unknown", "n_decided", "n")


def cases(rows: list[tuple], source: str = "gsdb") -> pd.DataFrame:
    columns = "case_id sender target threatened imposed measures objectives outcomes ongoing"
    return frame(columns, rows).assign(source=source, start=DAY, start_last=DAY)


CASES = cases(
    [
        ("1", "USA", "IRN", False, True, "trade", "democracy", "success_total", False),
        ("2", "USA", "IRN", True, True, "arms;trade", "democracy", "failed", False),
        ("2", "EU", "IRN", True, True, "arms;trade", "democracy", "failed", False),
        ("3", "USA", "RUS", True, False, None, "end_war;other", "failed;success_part", False),
        ("3", "CAN", "RUS", True, False, None, "end_war;other", "failed;success_part", False),
        ("4", "USA", "RUS", False, True, "trade", "end_war", "ongoing", True),
        ("5", "USA", "RUS", False, True, "trade", "end_war", "nego_settlement", False),
        ("6", "USA", "RUS", False, True, "trade", "end_war", None, False),
        ("7", None, "RUS", False, True, "trade", "end_war", "ongoing;success_part", True),
    ]
)


def test_the_share_is_of_the_decided_and_its_bounds_are_of_all() -> None:
    found = sanction_outcomes(CASES, by=[]).table
    # Cases 4 and 7 are open, of 6 nothing is told.
    assert shown(found, *COUNTS) == [(7, 2, 1, 4, 2)]
    assert found[["share", "lower", "upper"]].iloc[0].tolist() == [0.5, 2 / 7, 5 / 7]
    assert "interval" not in found


@pytest.mark.parametrize(
    ("key", "expected", "additive"),
    [
        (
            "stage",
            [("imposed", 5, 2, 1), ("threatened", 1, 1, 1), ("threatened_and_imposed", 1, 1, 0)],
            True,
        ),
        (
            "multilaterality",
            [("bloc", 1, 1, 0), ("one", 4, 2, 1), ("several", 1, 1, 1), (None, 1, 0, 0)],
            True,
        ),
        ("target", [("IRN", 2, 2, 1), ("RUS", 5, 2, 1)], True),
        # Cases with several senders and measures are in several groups.
        ("sender", [("CAN", 1, 1, 1), ("EU", 1, 1, 0), ("USA", 6, 4, 2), (None, 1, 0, 0)], False),
        ("measure", [("arms", 1, 1, 0), ("trade", 6, 3, 1), (None, 1, 1, 1)], False),
        ("objective", [("democracy", 2, 2, 1), ("end_war", 5, 2, 1), ("other", 1, 1, 1)], False),
    ],
)
def test_cases_are_told_apart_by_the_whole_case(key: str, expected: list, additive: bool) -> None:
    found = sanction_outcomes(CASES, by=[key]).table
    assert shown(found, key, "n_cases", "n_decided", "n") == expected
    assert found["additive"].unique().tolist() == [additive]


def test_without_columns_of_stages_all_cases_are_of_sanctions_imposed() -> None:
    for left_out in (["threatened"], ["threatened", "imposed"]):
        imposed = CASES[CASES["imposed"]].drop(columns=left_out)
        found = sanction_outcomes(imposed, by=["stage"]).table
        assert shown(found, "stage", "n_cases") == [("imposed", 6)]


def test_a_sender_asked_for_does_not_make_a_coalition_of_one() -> None:
    found = sanction_outcomes(CASES, by=["multilaterality"], senders=["USA"], targets=["IRN"]).table
    assert shown(found, "multilaterality", "n_cases") == [("bloc", 1), ("one", 1)]


def test_each_choice_moves_the_share() -> None:
    def share(**options: object) -> tuple[int, int]:
        found = sanction_outcomes(CASES, by=[], **options).table.iloc[0]
        return int(found["n"]), int(found["n_decided"])

    assert share(several="all") == (1, 4)
    assert share(success=["success_total", "success_part", "nego_settlement"]) == (3, 4)
    # Case 7 has succeeded in one thing so far, and case 4 has nothing to count by.
    assert share(ongoing="as_coded") == (3, 5)
    assert share(ongoing="as_coded", several="all") == (2, 5)


def test_outcomes_as_a_key_are_counted_side_by_side() -> None:
    found = sanction_outcomes(CASES, by=["outcome", "target"]).table
    assert shown(found, "target", "outcome", "n", "n_decided") == [
        ("IRN", "failed", 1, 2),
        ("IRN", "success_total", 1, 2),
        ("RUS", "failed", 1, 2),
        ("RUS", "nego_settlement", 1, 2),
        ("RUS", "success_part", 1, 2),
    ]
    assert not found["additive"].any()


def test_an_interval_is_only_there_when_asked_for_and_names_its_process() -> None:
    """Wilson's interval of 2 in 4 at 95 %: 0.15 to 0.85 (Wilson 1927)."""
    found = sanction_outcomes(CASES, by=[], interval="wilson").table
    assert found["interval"].tolist() == ["Wilson, independent cases of one chance, 95%"]
    assert found[["interval_lower", "interval_upper"]].round(2).to_numpy().tolist() == [
        [0.15, 0.85]
    ]


def test_where_nothing_is_decided_the_share_is_missing() -> None:
    found = sanction_outcomes(CASES.iloc[[5]], by=[], interval="wilson").table
    assert found[["share", "interval_lower"]].isna().all().all()
    assert found[["lower", "upper"]].to_numpy().tolist() == [[0.0, 1.0]]
    assert sanction_outcomes(CASES, targets=["CUB"]).table.empty


def test_numbers_of_outcomes_are_read_when_asked_for_and_else_the_flag() -> None:
    table = cases(
        [
            ("1", "USA", "IRN", True, True, None, None, "finaloutcome_10;no_success", False),
            ("2", "USA", "IRN", True, True, None, None, "finaloutcome_7;success", False),
        ],
        source="eusanct",
    )
    for options, n in (({}, 1), ({"success": ["finaloutcome_10", "finaloutcome_7"]}, 2)):
        for several in ("any", "all"):
            assert sanction_outcomes(table, by=[], several=several, **options).table[
                "n"
            ].tolist() == [n]


@pytest.mark.parametrize(
    ("table", "options", "error", "match"),
    [
        (events(), {}, SanctlibError, "'own table' holds events. It must hold cases"),
        (CASES.drop(columns="outcomes"), {}, SanctlibError, "no column 'outcomes'"),
        (CASES.assign(source="own"), {}, SanctlibError, "which outcomes of 'own' are success"),
        (CASES, {"success": ["succes_total"]}, UnknownChoiceError, "Did you mean 'success_total'"),
        (CASES, {"several": "some"}, UnknownChoiceError, "several is 'some'"),
        (CASES, {"interval": "normal"}, UnknownChoiceError, "interval is 'normal'"),
        (CASES, {"by": ["stages"]}, MissingColumnsError, "Did you mean 'stage'"),
        (sl.load("russia_iran"), {}, CuratedError, "hand-picked list, so it has no rate"),
    ],
)
def test_what_has_no_outcome_is_refused_in_words(
    table: object, options: dict, error: type, match: str
) -> None:
    with pytest.raises(error, match=match):
        sanction_outcomes(table, **options)


some_cases = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["USA", "CAN", "EU"]), min_size=1),
        st.sampled_from(["RUS", "IRN"]),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["failed", "success_total", "failed;success_part", "ongoing", None]),
    ),
    min_size=1,
    max_size=10,
)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(drawn=some_cases, order=st.randoms(use_true_random=False), key=st.sampled_from(
    ["stage", "multilaterality", "target"]
))  # fmt: skip
def test_disjoint_groups_add_up_whatever_the_order_of_rows(
    drawn: list[tuple], order: object, key: str
) -> None:
    rows = [
        (str(i), sender, target, threat, imposed, None, None, outcome, outcome == "ongoing")
        for i, (senders, target, threat, imposed, outcome) in enumerate(drawn)
        for sender in sorted(senders)
    ]
    table = cases(rows)
    whole, parts = sanction_outcomes(table, by=[]).table, sanction_outcomes(table, by=[key]).table
    assert parts["additive"].all()
    assert parts[list(COUNTS)].sum().tolist() == whole[list(COUNTS)].iloc[0].tolist()
    assert (whole["lower"] <= whole["share"].fillna(whole["lower"])).all()
    assert (whole["upper"] >= whole["share"].fillna(whole["upper"])).all()
    order.shuffle(rows)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(sanction_outcomes(cases(rows), by=[key]).table, parts)


def test_release_3_of_the_gsdb_as_counted_from_the_file(real_data: Path) -> None:
    path = real_data / "cases" / "GSDB_V3.csv"
    with path.open(encoding="ascii", newline="") as file:
        told = [row["success"].split(",") for row in csv.DictReader(file)]
    decided = [words for words in told if "ongoing" not in words]
    any_, all_ = (sum(f(w.startswith("success") for w in c) for c in decided) for f in (any, all))
    assert (len(told), len(decided), any_, all_) == (1325, 912, 580, 554)
    reading = sl.read("gsdb", path)
    found = sanction_outcomes(reading).table
    assert shown(found, "stage", *COUNTS) == [("imposed", 1325, 413, 0, 912, 580)]
    assert sanction_outcomes(reading, several="all").table["n"].tolist() == [554]
    words = sanction_outcomes(reading, by=["outcome"]).table
    assert dict(zip(words["outcome"], words["n"], strict=True)) == {
        word: sum(word in case for case in decided)
        for word in ("failed", "nego_settlement", "success_part", "success_total")
    }
    sides = sanction_outcomes(reading, by=["multilaterality"]).table
    assert sides["n_cases"].sum() == 1325


def test_stages_of_ties_are_the_counted_ones(real_data: Path) -> None:
    path = real_data / "cases" / "TIESv4-1.xls"
    reading = sl.read("ties", path)
    found = sanction_outcomes(reading).table.set_index("stage")
    n = found["n_cases"]
    assert n.to_dict() == {"imposed": 359, "threatened": 567, "threatened_and_imposed": 486}
    assert n["imposed"] + n["threatened_and_imposed"] == 845
    assert n["threatened"] + n["threatened_and_imposed"] == 1053
    # From the file: outcomes 1, 2, 6 and 7, of cases with an outcome that are not open.
    rows = read_sheet(path).rows
    is_open = rows["endyear"].eq("") & rows["ongoingasofyear"].ne("")
    outcome = rows.loc[~is_open & rows["finaloutcome"].ne(""), "finaloutcome"]
    gave_in = outcome.isin(["1", "2", "6", "7"])
    assert (is_open.sum(), len(outcome), gave_in.sum()) == (165, 986, 379)
    assert found[["n_ongoing", "n_decided", "n"]].sum().tolist() == [165, 986, 379]
    settled = ["nego_settlement", "threat_nego_settlement"]
    wider = [*sl.metrics.outcomes.SUCCESS["ties"], *settled]
    assert sanction_outcomes(reading, by=[], success=wider).table["n"].tolist() == [379 + 132 + 60]


def test_success_of_eusanct_is_its_own_flag(real_data: Path) -> None:
    path = real_data / "cases" / "EUSANCT_Dataset_Case-level.xls"
    reading = sl.read("eusanct", path)
    found = sanction_outcomes(reading, by=[], ongoing="as_coded").table
    assert shown(found, *COUNTS) == [(326, 0, 0, 326, 188)]
    apart = sanction_outcomes(reading, by=[]).table
    assert shown(apart, *COUNTS) == [(326, 43, 0, 283, 182)]
    # The flag is one where the target gave in, upon the threat or the sanction.
    gave_in = [f"finaloutcome_{i}" for i in (1, 2, 6, 7)]
    same = sanction_outcomes(reading, by=[], ongoing="as_coded", success=gave_in).table
    assert same["n"].tolist() == [188]
    blocs = sanction_outcomes(reading, by=["multilaterality"]).table
    assert shown(blocs, "multilaterality", "n_cases") == [("bloc", 131), ("one", 195)]
