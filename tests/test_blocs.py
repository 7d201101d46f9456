"""Blocs, their members in their days, and parties of each kind."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.checks import check_table
from sanctlib.codes.blocs import blocs, expand_blocs, members
from sanctlib.codes.countries import existed, resolve
from sanctlib.codes.succession import is_state_code, read_codes
from sanctlib.errors import MissingColumnsError, UnknownChoiceError
from sanctlib.schema import EVENTS


def events(*rows):
    columns = ["event_id", "act_id", "date", "sender", "target", "mutual", "family", "action"]
    table = pd.DataFrame(list(rows), columns=columns)
    table["date"] = pd.to_datetime(table["date"])
    return table.assign(source="test", date_last=table["date"])


def imposed(event_id, day, sender, target):
    return (event_id, event_id.split(":")[0], day, sender, target, False, "sanction", "impose")


def agreed(event_id, day, first, second):
    return (event_id, event_id, day, first, second, True, "cooperation", "agree")


def pairs(table):
    return list(zip(table["sender"], table["target"], strict=True))


def test_the_union_has_its_members_of_the_day():
    assert len(members("EU", day=date(2014, 7, 31))) == 28
    assert len(members("EU", day=date(2020, 1, 31))) == 28
    assert len(members("EU", day=date(2022, 2, 24))) == 27
    assert len(members("EU", day=date(2003, 12, 31))) == 15
    assert members("EU", day=date(1993, 10, 31)) == []
    assert len(members("IO-EEC", day=date(1993, 10, 31))) == 12
    assert members("IO-EEC", day=date(1958, 1, 1)) == ["BEL", "DEU", "FRA", "ITA", "LUX", "NLD"]


def test_sanctions_of_the_union_bound_the_united_kingdom_to_the_end_of_2020():
    assert "GBR" not in members("EU", day=date(2020, 6, 1))
    assert "GBR" in members("EU", day=date(2020, 6, 1), for_sanctions=True)
    assert "GBR" in members("EU", day=date(2020, 12, 31), for_sanctions=True)
    assert "GBR" not in members("EU", day=date(2021, 1, 1), for_sanctions=True)
    # A state that left without a transition is bound no longer than it was a member.
    assert "QAT" not in members("IO-OPEC", day=date(2019, 1, 1), for_sanctions=True)


def test_iran_joined_the_shanghai_organization_on_4_july_2023():
    assert "IRN" not in members("IO-SCO", day=date(2023, 7, 3))
    assert members("IO-SCO", day=date(2023, 7, 4)) == [
        "CHN",
        "IND",
        "IRN",
        "KAZ",
        "KGZ",
        "PAK",
        "RUS",
        "TJK",
        "UZB",
    ]
    assert "BLR" in members("IO-SCO", day=date(2024, 7, 4))


@pytest.mark.parametrize(
    ("day", "n"),
    [
        ("1945-12-31", 51),
        ("1955-12-31", 76),
        ("1960-12-31", 99),
        ("1970-12-31", 127),
        ("1990-12-31", 159),
        ("1993-12-31", 183),
        ("2002-12-31", 191),
        ("2006-12-31", 192),
        ("2011-12-31", 193),
        ("2024-12-31", 193),
    ],
)
def test_the_united_nations_have_as_many_members_as_they_say(day, n):
    # The United Nations' own table of growth; it counts Yugoslavia on until 2000, we do not.
    assert len(members("UN", day=pd.Timestamp(day))) == n


@pytest.mark.parametrize(
    ("bloc", "day", "n"),
    [
        ("IO-NATO", "2022-02-24", 30),
        ("IO-NATO", "2024-03-07", 32),
        ("IO-EAEU", "2023-12-25", 5),
        ("IO-BRICS", "2023-12-31", 5),
        ("IO-BRICS", "2025-01-06", 10),
        ("IO-LAS", "1994-01-01", 22),
        ("IO-AU", "2017-01-30", 55),
        ("IO-ECOWAS", "2025-01-29", 12),
        ("IO-G8", "2014-03-23", 8),
        ("IO-G8", "2014-03-24", 0),
        ("IO-GCC", "2017-06-05", 6),
        ("IO-CSTO", "2022-01-01", 6),
        ("IO-ASEAN", "2000-01-01", 10),
        ("IO-P5P1", "2018-05-08", 5),
    ],
)
def test_other_blocs_have_as_many_members_as_they_had(bloc, day, n):
    assert len(members(bloc, day=pd.Timestamp(day))) == n


def test_members_existed_all_the_time_that_they_were_members():
    table = read_codes("members.csv", dates=("from", "until", "sanctions_until"))
    assert existed(table["state"], table["from"]).all()
    last = table["until"].fillna(pd.Timestamp("2025-12-31"))
    assert existed(table["state"], last).all()
    assert not (table["from"] > table["until"]).any()
    assert not (table["until"] > table["sanctions_until"]).any()


def test_spells_of_one_member_do_not_overlap():
    table = read_codes("members.csv", dates=("from", "until")).sort_values(
        ["bloc", "state", "from"]
    )
    before = table.groupby(["bloc", "state"])["until"].shift()
    later = table.duplicated(["bloc", "state"])
    assert (before[later] < table.loc[later, "from"]).all()
    assert later.sum() > 0


def test_codes_of_blocs_are_never_three_letters_and_every_name_resolves():
    table = blocs()
    assert table["code"].is_unique
    assert not table["code"].str.fullmatch("[A-Z]{3}").any()
    assert set(read_codes("members.csv")["bloc"]) <= set(table["code"])
    named = table[~table["code"].isin(["IO-COCOM", "IO-KP", "IO-NAFTA"])]
    assert resolve(named["name"])["code"].eq(named["code"]).all()
    assert table.set_index("code").loc[["EU", "UN", "IO-LAS", "IO-AU"], "can_sanction"].all()
    assert not table.set_index("code").loc[["IO-G7", "IO-E3", "IO-P5P1"], "can_sanction"].any()


def test_an_act_of_the_union_becomes_one_row_per_member():
    before = events(
        imposed("7", "2022-02-25", "EU", "RUS"), imposed("8", "2022-02-25", "USA", "RUS")
    )
    after = expand_blocs(before)
    assert len(after) == 28
    assert after["act_id"].nunique() == 2
    assert after["event_id"].iloc[0] == "7:AUT>RUS"
    assert after["event_id"].iloc[-1] == "8"
    assert after.columns.to_list() == before.columns.to_list()
    check_table(after, EVENTS)
    assert before["sender"].to_list() == ["EU", "USA"]


def test_a_state_that_left_still_sends_sanctions_but_makes_no_agreements():
    table = events(imposed("1", "2020-06-01", "EU", "RUS"), agreed("2", "2020-06-01", "EU", "JPN"))
    after = expand_blocs(table)
    assert "GBR" in set(after.loc[after["act_id"].eq("1"), "sender"])
    assert not after.loc[after["act_id"].eq("2"), ["sender", "target"]].isin(["GBR"]).any(axis=None)


def test_a_mutual_act_keeps_its_parties_in_the_order_of_the_alphabet():
    after = expand_blocs(events(agreed("1", "2023-12-25", "IO-EAEU", "IRN")))
    assert pairs(after) == [
        ("ARM", "IRN"),
        ("BLR", "IRN"),
        ("IRN", "KAZ"),
        ("IRN", "KGZ"),
        ("IRN", "RUS"),
    ]
    assert after["event_id"].to_list()[2] == "1:IRN>KAZ"
    check_table(after, EVENTS)


def test_a_member_is_never_written_out_against_itself():
    after = expand_blocs(events(imposed("1", "2011-11-27", "IO-LAS", "SYR")))
    assert len(after) == 21
    assert ("SYR", "SYR") not in pairs(after)


def test_both_sides_are_written_out_when_asked_and_no_pair_repeats():
    table = events(agreed("1", "2010-01-01", "IO-BRICS", "IO-EAEU"))
    assert pairs(expand_blocs(table, sides=("target",))) == [("IO-BRICS", "IO-EAEU")]
    table = events(agreed("1", "2016-01-01", "IO-BRICS", "IO-EAEU"))
    after = expand_blocs(table, sides=("sender", "target"))
    # 5 by 5 pairs, less Russia with itself.
    assert len(after) == 24
    assert not after.duplicated(["sender", "target"]).any()
    assert pairs(expand_blocs(table, sides=("target",)))[0] == ("ARM", "IO-BRICS")


def test_a_member_that_the_act_names_beside_its_bloc_stays_once():
    table = events(
        imposed("1:EU>RUS", "2018-01-01", "EU", "RUS"),
        imposed("1:GBR>RUS", "2018-01-01", "GBR", "RUS"),
    )
    after = expand_blocs(table)
    assert len(after) == 28
    assert after["event_id"].is_unique
    assert after["event_id"].iloc[0] == "1:AUT>RUS"


def test_a_row_without_dated_members_stays_whole():
    table = events(
        imposed("1", "1990-01-01", "EU", "ZAF"),
        imposed("2", "1990-01-01", "IO-OIC", "AFG"),
        imposed("3", "1990-01-01", None, "AFG"),
    )
    after = expand_blocs(table)
    assert after["event_id"].to_list() == ["1", "2", "3"]
    assert after["sender"].fillna("-").to_list() == ["EU", "IO-OIC", "-"]


def test_only_the_blocs_asked_for_are_written_out():
    table = events(
        imposed("1", "2022-02-25", "EU", "RUS"), imposed("2", "2022-02-25", "IO-E3", "RUS")
    )
    assert expand_blocs(table, only=["IO-E3"])["sender"].to_list() == ["EU", "DEU", "FRA", "GBR"]
    with pytest.raises(UnknownChoiceError, match="only is 'E3'"):
        expand_blocs(table, only=["E3"])


def test_one_side_or_bloc_needs_no_brackets_and_a_key_may_be_a_number():
    table = events(imposed("1", "2022-02-25", "IO-E3", "RUS")).assign(event_id=1)
    after = expand_blocs(table, sides="sender", only="IO-E3")  # type: ignore[arg-type]
    assert after["event_id"].to_list() == ["1:DEU>RUS", "1:FRA>RUS", "1:GBR>RUS"]


def test_an_index_with_the_name_of_a_column_changes_nothing():
    table = events(imposed("1", "2022-02-25", "IO-E3", "RUS"))
    after = expand_blocs(table.set_index("event_id", drop=False))
    pd.testing.assert_frame_equal(after, expand_blocs(table))


def test_a_missing_column_and_a_wrong_side_are_named():
    table = events(imposed("1", "2022-02-25", "EU", "RUS"))
    with pytest.raises(MissingColumnsError, match="no column 'act_id'"):
        expand_blocs(table.drop(columns="act_id"))
    with pytest.raises(UnknownChoiceError, match="Did you mean 'sender'"):
        expand_blocs(table, sides=("sendr",))  # type: ignore[arg-type]
    with pytest.raises(UnknownChoiceError, match=r"bloc is 'SCO'.*mean 'IO-SCO'"):
        members("SCO", day=date(2023, 7, 4))


def test_an_empty_table_is_written_out_to_an_empty_table():
    none = events(imposed("1", "2022-02-25", "EU", "RUS")).iloc[:0]
    assert expand_blocs(none).empty


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["EU", "UN", "IO-SCO", "IO-G7", "USA"]),
            st.sampled_from(["IRN", "RUS", "PRK", "EU"]),
            st.dates(date(1990, 1, 1), date(2024, 12, 31)),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_writing_out_keeps_every_act_and_is_done_once(rows):
    table = events(*(imposed(str(i), d, s, t) for i, (s, t, d) in enumerate(rows)))
    after = expand_blocs(table)
    assert set(after["act_id"]) == set(table["act_id"])
    assert after["event_id"].is_unique
    pd.testing.assert_frame_equal(expand_blocs(after), after)
    written = after[after["event_id"].str.contains(":")]
    assert written["sender"].map(is_state_code).all()
    assert existed(written["sender"], written["date"]).all()


def test_a_case_is_written_out_to_the_members_of_its_first_day():
    case = {"source": "own", "case_id": "1", "sender": "EU", "target": "RUS", "ongoing": True}
    days = {c: pd.Timestamp("2014-03-17") for c in ("start", "start_last")}
    own = case | days | {"sender": "HRV"}
    table = pd.DataFrame([case | days, own, own | {"sender": None, "target": None}])
    found = expand_blocs(table)
    assert list(found) == list(table)
    # Croatia, which the case also names, stays once.
    senders = found["sender"].dropna()
    assert (len(found), len(senders), senders.nunique()) == (29, 28, 28)
    assert found["case_id"].unique().tolist() == ["1"]
    assert "GBR" in set(senders)
