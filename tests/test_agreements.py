"""Agreements: stages as their rows say, what is in force undecayed, what was said fading."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import CoverageError, MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.agreements import agreements
from tests.test_counts import CASES

YEAR = Coverage(source="own", first=date(2020, 1, 1), last=date(2020, 12, 31))

# first and last day, sender, target, mutual, action, agreement, stage
ACTS = [
    ("2020-01-10", "2020-01-10", "IRN", "RUS", True, "agree", "treaty", "signed"),
    ("2020-02-01", "2020-02-29", "RUS", "IRN", False, "agree", "treaty", "ratified"),
    ("2020-02-20", "2020-02-20", "IRN", "RUS", False, "agree", "treaty", "ratified"),
    ("2020-03-20", "2020-04-10", "IRN", "RUS", True, "agree", "treaty", "in_force"),
    ("2020-09-30", "2020-09-30", "RUS", "IRN", False, "agree", "treaty", "ended"),
    ("2020-02-05", "2020-02-05", "IO-EAEU", "IRN", True, "agree", "zone", "in_force"),
    ("2020-02-07", "2020-02-07", "IRN", "RUS", True, "agree", "memo", "signed"),
    ("2020-03-05", "2020-03-05", "RUS", "IRN", False, "visit", None, None),
    ("2020-05-05", "2020-06-04", "IRN", "RUS", False, "visit", None, None),
    ("2020-04-05", "2020-04-05", "RUS", "IRN", False, "arms", "rifles", "delivered"),
]


def events(acts: list[tuple] = ACTS) -> pd.DataFrame:
    columns = ["date", "date_last", "sender", "target", "mutual", "action", "agreement_id"]
    table = pd.DataFrame(acts, columns=[*columns, "agreement_stage"])
    for day in ("date", "date_last"):
        table[day] = pd.to_datetime(table[day]).astype("datetime64[us]")
    numbers = [str(i) for i in range(len(acts))]
    texts = dict.fromkeys(("sender", "target", "agreement_id", "agreement_stage"), "str")
    return table.astype(texts).assign(
        source="own", event_id=numbers, act_id=numbers, family="cooperation", title=numbers
    )


def agreement_stages(table: object) -> pd.DataFrame:
    return agreements(table).table


def of_pair(table: object, **options: object) -> sl.Result:
    asked = {"pair": ("RUS", "IRN"), "every": "month", "half_life": 1, "coverage": YEAR}
    return agreements(table, **(asked | options))


def active(table: object, **options: object) -> pd.DataFrame:
    return of_pair(table, **options).table


def days(row: pd.Series, *columns: str) -> list[str | None]:
    return [None if pd.isna(row[c]) else str(row[c].date()) for c in columns]


def test_each_stage_has_its_earliest_day_and_the_latest_it_can_have_been() -> None:
    stages = agreement_stages(events()).set_index("agreement_id")
    assert stages[["first", "second", "stage", "n"]].to_dict("index") == {
        "memo": {"first": "IRN", "second": "RUS", "stage": "signed", "n": 1},
        "rifles": {"first": "IRN", "second": "RUS", "stage": "delivered", "n": 1},
        "treaty": {"first": "IRN", "second": "RUS", "stage": "ended", "n": 5},
        "zone": {"first": "IO-EAEU", "second": "IRN", "stage": "in_force", "n": 1},
    }
    treaty = stages.loc["treaty"]
    # The first ratification was in February, on the 20th at the latest.
    assert days(treaty, "signed", "ratified", "ratified_last") == [
        "2020-01-10",
        "2020-02-01",
        "2020-02-20",
    ]
    assert treaty["ratified_by"] == "RUS;IRN"
    assert days(treaty, "in_force", "in_force_last", "ended", "delivered") == [
        "2020-03-20",
        "2020-04-10",
        "2020-09-30",
        None,
    ]
    assert days(stages.loc["memo"], "signed", "in_force", "ended") == ["2020-02-07", None, None]


def test_an_agreement_of_three_has_a_row_for_each_of_its_pairs() -> None:
    three = [
        ("2020-01-10", "2020-01-10", a, b, True, "agree", "pact", "signed")
        for a, b in [("IRN", "RUS"), ("CHN", "RUS"), ("CHN", "IRN")]
    ]
    stages = agreement_stages(events(three))
    pairs = list(zip(stages["first"], stages["second"], strict=True))
    assert pairs == [("CHN", "IRN"), ("CHN", "RUS"), ("IRN", "RUS")]
    assert stages["n_parties"].tolist() == [3, 3, 3]


def test_a_step_counts_as_little_confirmed_as_its_weakest_act() -> None:
    status = ["confirmed"] * 4 + ["partly"] + ["confirmed"] * 5
    table = events().assign(status=status, evidence=["a; b"] * 3 + ["b"] * 7)
    stages = agreement_stages(table).set_index("agreement_id")
    assert stages["status"].to_dict() == {
        "memo": "confirmed",
        "rifles": "confirmed",
        "treaty": "partly",
        "zone": "confirmed",
    }
    assert stages.loc["treaty", "evidence"] == "a; b"


def test_what_is_announced_is_in_force_from_its_day_of_effect() -> None:
    table = events().assign(date_effective=pd.NaT)
    table.loc[3, "date_effective"] = pd.Timestamp("2020-07-01")
    treaty = agreement_stages(table).set_index("agreement_id").loc["treaty"]
    assert days(treaty, "in_force", "in_force_last") == ["2020-07-01", "2020-07-01"]


def test_treaties_count_in_full_and_words_fade() -> None:
    found = active(events(), end=date(2020, 10, 31))
    # Surely in force from 10 April, possibly from 20 March; ended on 30 September.
    assert found["n_in_force"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 0, 0]
    assert found["n_possible"].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 0, 0]
    assert found["n_new"].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    # Half-life one month: treaty 1, 1/2, 1/4, then in force; memorandum from February,
    # visit from March. Ratification, delivery and entry into force are no words.
    expected = [1, 0.5 + 1, 0.25 + 0.5 + 1, 0.25 + 0.5, 0.125 + 0.25, 0.0625 + 0.125]
    assert found["recent"].tolist()[:6] == pytest.approx(expected)
    # The visit between 5 May and 4 June is in no month.
    assert found["n_unassigned"].unique().tolist() == [1]
    assert found["basis"].unique().tolist() == ["as the source lists them"]


def test_an_accord_of_a_bloc_is_none_of_its_members_and_stands_beside() -> None:
    found = active(events())
    assert found["n_through_blocs"].tolist() == [0] + [1] * 11
    whole = active(events(), pair=("IO-EAEU", "IRN"))
    assert whole["n_in_force"].tolist() == [0] + [1] * 11
    assert whole["n_through_blocs"].eq(0).all()
    written = sl.expand_blocs(events(), sides=("sender", "target"))
    asked = agreement_stages(written)
    zone = asked[asked["agreement_id"].eq("zone")]
    assert sorted(zone["first"] + zone["second"]) == [
        "ARMIRN",
        "BLRIRN",
        "IRNKAZ",
        "IRNKGZ",
        "IRNRUS",
    ]


def test_what_was_before_the_span_counts_and_outside_the_coverage_nothing_is_zero() -> None:
    late = active(events(), start=date(2020, 4, 1), end=date(2021, 1, 31))
    whole = active(events())
    same = ["n_in_force", "n_through_blocs", "n_new", "recent"]
    pd.testing.assert_frame_equal(
        late[same].head(9), whole[same].tail(9).reset_index(drop=True), check_like=True
    )
    after = late.iloc[-1]
    assert not after["covered"]
    assert after[same].isna().all()
    cut = active(
        events(), coverage=Coverage(source="own", first=YEAR.first, last=date(2020, 4, 15))
    )
    # A month that is covered in part is told as far as it goes.
    assert cut[["n_in_force", "covered"]].iloc[-1].tolist() == [1, False]
    silent = replace(YEAR, states=frozenset({"USA"}))
    assert active(events(), coverage=silent)["n_in_force"].isna().all()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"half_life": 0}, SanctlibError, "half_life is 0. It must be a number above 0"),
        ({"half_life": None}, SanctlibError, "half_life is None. With a pair"),
        ({"every": None}, SanctlibError, "every is None. With a pair"),
        ({"pair": ("RUS", "RUS")}, SanctlibError, "two different states or blocs"),
        ({"pair": ("RUS", "IRN", "CHN")}, SanctlibError, "two different states or blocs"),
        ({"pair": "RUS,IRN"}, SanctlibError, "pair is 'RUS,IRN'. It must be two different"),
        ({"pair": ("RUS", "IRM")}, UnknownChoiceError, "'IRM', which is no state"),
        ({"pair": None}, SanctlibError, "every is 'month', and without a pair there are no"),
        ({"every": "decade"}, UnknownChoiceError, "every is 'decade'. It must be one of"),
        ({"start": "2021"}, CoverageError, "covers 2020-01-01 to 2020-12-31, and no day from 2021"),
        ({"coverage": None}, SanctlibError, "so zero and missing look alike. Pass coverage="),
        ({"events": CASES}, SanctlibError, "holds cases. It must hold events"),
        (
            {"events": events().drop(columns="agreement_stage")},
            MissingColumnsError,
            "'agreement_stage'",
        ),
    ],
)
def test_what_cannot_be_asked_is_said(options: dict, error: type, match: str) -> None:
    table = options.pop("events", events())
    with pytest.raises(error, match=match):
        active(table, **options)


def test_an_agreement_that_ended_before_it_began_is_an_error() -> None:
    table = events()
    table.loc[4, ["date", "date_last"]] = pd.Timestamp("2020-01-01")
    with pytest.raises(SanctlibError, match="'treaty' ended before it began"):
        agreement_stages(table)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(order=st.permutations(range(len(ACTS))), turned=st.booleans())
def test_neither_the_order_of_rows_nor_of_the_pair_matters(order: list[int], turned: bool) -> None:
    shuffled = events().iloc[order]
    pd.testing.assert_frame_equal(agreement_stages(shuffled), agreement_stages(events()))
    pair = ("IRN", "RUS") if turned else ("RUS", "IRN")
    pd.testing.assert_frame_equal(active(shuffled, pair=pair), active(events()))


# Read by hand from data/raw/russia_iran/chronology.csv.
STAGES = {
    "strategic-treaty-2025": ("IRN", "RUS", None, "2025-01-17", "2025-04-21", "2025-10-02"),
    "ucm-declaration-2023": ("IRN", "RUS", None, "2023-12-05", None, None),
    "gazprom-iran-gas": ("IRN", "RUS", None, "2022-07-19", None, None),
    "mir-shetab": ("IRN", "RUS", None, None, None, None),
    "su-35": ("IRN", "RUS", "2023-11-28", None, None, None),
    "eaeu-iran-interim": ("IO-EAEU", "IRN", None, "2018-05-17", None, "2019-10-27"),
    "eaeu-iran-fta": ("IO-EAEU", "IRN", None, "2023-12-25", None, "2025-05-15"),
    "iran-sco": ("IO-SCO", "IRN", "2021-09-17", "2022-09-15", None, "2023-07-04"),
    "iran-brics": ("IO-BRICS", "IRN", "2023-08-24", None, None, "2024-01-01"),
}


def test_the_stages_of_russia_and_iran_are_those_of_our_list() -> None:
    stages = agreement_stages(sl.load("russia_iran"))
    kept = stages[stages["first"].isin(["IRN", "IO-EAEU", "IO-SCO", "IO-BRICS"])]
    kept = kept[kept["second"].isin(["IRN", "RUS"])].set_index("agreement_id")
    found = {
        key: (
            *kept.loc[key, ["first", "second"]],
            *days(kept.loc[key], "intended", "signed", "ratified", "in_force"),
        )
        for key in STAGES
    }
    assert found == STAGES
    treaty, sco = kept.loc["strategic-treaty-2025"], kept.loc["iran-sco"]
    assert (treaty["stage"], treaty["ratified_by"], treaty["n"]) == ("in_force", "RUS", 3)
    assert (treaty["status"], treaty["reference"]) == ("confirmed", "Treaty of 17 January 2025")
    # Two days are possible for the signature at Samarkand, and it is partly confirmed.
    assert days(sco, "signed", "signed_last") == ["2022-09-15", "2022-09-16"]
    assert sco["status"] == "partly"
    deal = stages[stages["agreement_id"].eq("JCPOA")]
    assert (len(deal), deal["n_parties"].unique().tolist()) == (28, [8])
    # A successor ends its predecessor.
    ended = kept["ended"].dropna().dt.strftime("%Y-%m-%d").to_dict()
    assert ended == {
        "JCPOA": "2025-10-18",
        "JPOA": "2016-01-16",
        "basic-treaty-2001": "2025-10-02",
        "eaeu-iran-interim": "2025-05-15",
    }


def steps(table: pd.DataFrame, column: str) -> dict[str, int]:
    """Return the months in which a count changes, with its new value."""
    changed = table[table[column].diff().fillna(1).ne(0)]
    return dict(zip(changed["period"].dt.strftime("%Y-%m"), changed[column], strict=True))


def test_in_force_between_russia_and_iran_are_one_agreement_and_four_through_blocs() -> None:
    found = agreements(
        sl.load("russia_iran"), pair=("RUS", "IRN"), every="month", half_life=12
    ).table
    # The treaty of 2001, the interim nuclear plan and the nuclear deal, then the treaty of 2025.
    assert steps(found, "n_in_force") == {
        "2010-06": 1,
        "2014-01": 2,
        "2015-10": 3,
        "2016-01": 2,
        "2025-10": 1,
    }
    # Interim accord, the SCO, BRICS, observer of the EAEU; free trade replaces the interim accord.
    assert steps(found, "n_through_blocs") == {
        "2010-06": 0,
        "2019-10": 1,
        "2023-07": 2,
        "2024-01": 3,
        "2024-12": 4,
    }
    assert found["basis"].unique().tolist() == ["on a hand-picked list: a timeline, never a rate"]
    # The list ends on 28 February 2026, which it covers whole.
    assert found[["n_in_force", "covered"]].iloc[-1].tolist() == [1, True]


def test_a_pair_that_is_not_on_a_hand_picked_list_has_no_zero() -> None:
    found = agreements(sl.load("russia_iran"), pair=("SAU", "TUR"), every="year", half_life=1).table
    assert found[["n_in_force", "n_through_blocs", "n_new", "recent"]].isna().all(axis=None)
    assert not found["covered"].any()


def test_the_stages_beside_a_pair_are_its_own_and_those_of_an_organisation_with_one() -> None:
    three = [
        ("2020-01-10", "2020-01-10", a, b, True, "agree", "pact", "signed")
        for a, b in [("IRN", "RUS"), ("CHN", "RUS"), ("CHN", "IRN"), ("IO-EAEU", "IO-SCO")]
    ]
    found = of_pair(events(ACTS + three))
    stages = found.tables["stages"]
    assert stages[["agreement_id", "first", "second"]].to_numpy().tolist() == [
        ["memo", "IRN", "RUS"],
        ["pact", "IRN", "RUS"],
        ["rifles", "IRN", "RUS"],
        ["treaty", "IRN", "RUS"],
        ["zone", "IO-EAEU", "IRN"],
    ]
    assert stages.loc[1, "n_parties"] == 5
    assert (found.kind, found.n) == ("agreements", 4)
    assert found.query.pairs == (("IRN", "RUS"),)


def test_the_stages_of_russia_and_iran_are_those_that_the_notebook_shows() -> None:
    acts = sl.load("russia_iran")
    whole = agreements(acts)
    beside = agreements(acts, pair=("Russia", "Iran"), every="year", half_life=1).tables["stages"]
    pair = ["IRN", "RUS"]
    table = whole.table
    sides = [table[s].isin(pair) | table[s].str.startswith("IO-") for s in ("first", "second")]
    pd.testing.assert_frame_equal(beside, table[sides[0] & sides[1]].reset_index(drop=True))
    assert (whole.kind, whole.n, len(beside)) == ("stages", table["agreement_id"].nunique(), 31)


def test_agreements_say_that_the_list_is_selected_and_what_is_in_force() -> None:
    found = agreements(sl.load("russia_iran"), pair=("IRN", "RUS"), every="month", half_life=12)
    assert "Selected events; not a sample." in found.caption
    assert found.findings == (
        "Iran and Russia, February 2026: 1 agreement known to be in force, and 4 through a bloc "
        "(Our list of acts, 9 June 2010 to 28 February 2026).",
    )
    none = agreements(sl.load("russia_iran"), pair=("SAU", "TUR"), every="year", half_life=1)
    assert none.n is None
    assert none.findings[0].startswith("russia_iran has no agreement of Saudi Arabia and")


def test_a_result_of_events_has_agreements_too() -> None:
    pd.testing.assert_frame_equal(
        active(sl.Result(table=events())), active(events()), check_like=True
    )
