"""Kind D: agreements, and the rows of the chronology."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import frame, pages

PAIR = ("IRN", "RUS")


@cache
def rows() -> pd.DataFrame:
    """Return the chronology, a row per act, sender and target."""
    return sl.load("russia_iran").table


def act(act_id: str) -> pd.DataFrame:
    found = rows()[rows()["act_id"].eq(act_id)]
    assert len(found), f"the chronology has no act {act_id}"
    return found


def value(act_id: str, column: str) -> Any:
    """Return the one value of an act in a column; None where it is empty."""
    (found,) = set(act(act_id)[column].astype("object").where(lambda c: c.notna(), None))
    return found


def stages(agreement: str, first: str, second: str) -> pd.Series:
    table = frame(sl.agreements(sl.load("russia_iran")))
    of_pair = table["first"].eq(first) & table["second"].eq(second)
    found = table[of_pair & table["agreement_id"].eq(agreement)]
    assert len(found) == 1, f"the chronology has no agreement {agreement}"
    return found.iloc[0]


@cache
def active() -> pd.DataFrame:
    asked: dict[str, Any] = {"pair": PAIR, "every": "month", "half_life": 4}
    return frame(sl.agreements(sl.load("russia_iran"), **asked)).set_index("period")


def test_agreements_in_force_through_a_bloc_are_four_at_the_end() -> None:
    months = ["2019-10", "2022-10", "2023-07", "2024-01", "2024-12", "2025-05"]
    found = [int(active()["n_through_blocs"].loc[f"{month}-01"]) for month in months]
    assert found == [1, 1, 2, 3, 4, 4]


def test_the_interim_agreement_ended_when_the_free_trade_area_began() -> None:
    interim = stages("eaeu-iran-interim", "IO-EAEU", "IRN")
    assert interim["ended"] == pd.Timestamp("2025-05-15")
    assert stages("eaeu-iran-fta", "IO-EAEU", "IRN")["in_force"] == pd.Timestamp("2025-05-15")


def test_the_protocol_is_a_stage_of_the_interim_agreement() -> None:
    ids = set(rows()["agreement_id"].dropna())
    assert "eaeu-iran-interim" in ids
    assert "eaeu-iran-interim-protocol" not in ids
    assert value("E100", "agreement_id") == "eaeu-iran-interim"


def test_some_agreement_is_known_to_have_ended() -> None:
    assert rows()["agreement_stage"].eq("ended").any()


@pytest.mark.parametrize("act_id", ["E330", "E331", "E333"])
def test_the_approval_of_a_chamber_is_no_ratification(act_id: str) -> None:
    assert value(act_id, "agreement_stage") is None


def test_russia_ratified_the_treaty_by_the_law_of_april() -> None:
    assert value("E332", "agreement_stage") == "ratified"
    assert value("E332", "date") == pd.Timestamp("2025-04-21")
    assert stages("strategic-treaty-2025", *PAIR)["ratified"] == pd.Timestamp("2025-04-21")


def test_the_guardian_council_approved_the_treaty() -> None:
    day = rows()[rows()["date"].eq("2025-06-11") & rows()["sender"].eq("IRN")]
    assert day["title"].str.contains("Guardian Council").any()


@pytest.mark.parametrize("year", [2011, 2015, 2020])
def test_the_treaty_of_2001_is_in_force_from_the_beginning(year: int) -> None:
    assert active()["n_in_force"].loc[f"{year}-06-01"] >= 1


def test_the_card_link_was_delivered() -> None:
    assert value("E149", "agreement_stage") == "delivered"
    assert pd.isna(stages("mir-shetab", *PAIR)["in_force"])


def test_two_memoranda_of_the_same_firms_have_the_same_stage() -> None:
    assert value("E089", "agreement_stage") == value("E137", "agreement_stage")


def test_the_joint_plan_of_action_took_effect_in_january_2014() -> None:
    assert stages("JPOA", *PAIR)["in_force"] == pd.Timestamp("2014-01-20")


def test_the_nuclear_deal_took_effect_and_its_end_is_disputed() -> None:
    deal = stages("JCPOA", *PAIR)
    assert deal["in_force"] in {pd.Timestamp("2015-10-18"), pd.Timestamp("2016-01-16")}
    assert deal["ended"] == pd.Timestamp("2025-10-18")
    assert bool(deal["disputed"])


def test_the_ban_of_october_2012_is_dated_by_the_decision() -> None:
    assert value("E010", "date") == pd.Timestamp("2012-10-15")
    assert value("E010", "date_effective") == pd.Timestamp("2012-12-23")
    assert value("E010", "date_basis") == "adopted"
    assert value("E010", "date_announced") is None


def test_other_acts_of_the_european_union_are_dated_by_the_decision() -> None:
    assert value("E003", "date") == pd.Timestamp("2012-03-15")
    assert value("E114", "date") == pd.Timestamp("2023-07-20")


TRAVEL = ["E204", "E213b", "E221", "E270", "E272", "E273", "E205", "E228"]
TRAVEL += ["E016b", "E213a", "E220", "E235"]


@pytest.mark.parametrize("act_id", TRAVEL)
def test_an_order_that_suspends_entry_has_travel_in_all_its_rows(act_id: str) -> None:
    assert {"financial", "travel"} <= set(str(value(act_id, "measures")).split(";"))


def test_the_lifting_of_january_2019_was_announced_in_december() -> None:
    assert value("E050", "date_announced") == pd.Timestamp("2018-12-19")


def test_the_lifting_of_january_2019_has_its_programmes() -> None:
    programmes = str(value("E050", "programme")).split(";")
    assert set(programmes) == {"UKRAINE-EO13661", "UKRAINE-EO13662"}


NO_PROGRAMME = [
    "E007",
    "E201",
    "E008",
    "E011",
    "E009b",
    "E014a",
    "E014b",
    "E033",
    "E054",
    "E102d",
    "E108c",
    "E140",
    "E141a",
    "E206",
    "E210",
    "E215",
]


@pytest.mark.parametrize("act_id", NO_PROGRAMME)
def test_a_sanction_has_its_programme(act_id: str) -> None:
    assert value(act_id, "programme")


TARGETS = {
    "E041": {"RUS", "SYR"},
    "E251": {"IRN", "RUS"},
    "E141b": {"IRN", "RUS"},
    "E216": {"RUS"},
    "E217": {"RUS"},
}


@pytest.mark.parametrize("act_id", list(TARGETS))
def test_targets_are_the_states_of_the_programmes(act_id: str) -> None:
    # One rule: the state of the legal programme, as in the counts of the US list.
    assert set(act(act_id)["target"]) == TARGETS[act_id]


def test_a_programme_has_one_name() -> None:
    names = rows()["programme"].dropna().str.split(";").explode()
    assert set(names[names.str.contains("833/2014")]) == {"EU Russia sectoral (833/2014)"}


def test_bans_of_russia_on_named_states_are_of_one_kind() -> None:
    kinds = {(value(i, "family"), value(i, "action")) for i in ("E209", "E230", "E264")}
    assert kinds == {("sanction", "impose")}


@pytest.mark.parametrize("act_id", ["E099", "E312", "E103", "E311", "E314", "E317", "E319"])
def test_an_act_of_the_european_union_has_a_reference(act_id: str) -> None:
    assert "20" in str(value(act_id, "reference"))


def test_the_extension_of_october_2023_refers_to_its_decision() -> None:
    assert "CFSP" in str(value("E120", "reference"))


def test_the_iran_regulations_of_the_united_kingdom_were_announced() -> None:
    assert value("E259", "date_announced") is not None


def test_the_example_of_a_suspension_is_not_a_lifting() -> None:
    text = (ROOT / "docs" / "what_is_counted.md").read_text(encoding="utf-8")
    example = text.partition("## Suspended or lifted")[2].partition("\n## ")[0]
    assert "suspended" in example
    assert "2016-01-16" not in example
    assert value("E032", "action") == "lift"


@pytest.mark.parametrize("name", ["README", "03_partnership_intensity"])
def test_the_end_of_the_list_is_stated_in_words(name: str) -> None:
    last = sl.load("russia_iran").coverage.last
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = readme if name == "README" else pages.source(name)
    assert "at the end" not in text.split("half-life")[-1]
    assert f"ends on {last.day} {last:%B %Y}" in text


# From day, to day, sender, target and a word of its title: each is on a page of a source.
MISSING: dict[str, tuple[str, str, str, str, str]] = {
    "Iranian oil to Syria": ("2018-11-20", "2018-11-20", "USA", "RUS;IRN;SYR", "oil|Syria"),
    "oil network of the Quds Force": ("2022-05-25", "2022-05-25", "USA", "RUS;IRN", "oil"),
    "Iran admits drones": ("2022-11-05", "2022-11-05", "IRN", "RUS;UKR", "drone"),
    "Patrushev in Tehran": ("2022-11-09", "2022-11-09", "RUS;IRN", "RUS;IRN", "Patrushev"),
    "EU lists HESA": ("2023-01-30", "2023-01-30", "EU", "RUS;IRN", "HESA"),
    "Ukraine lists Iranian firms": ("2023-03-18", "2023-03-18", "UKR", "IRN", "Shahed|Mahan|list"),
    "Ukraine's fifty years on Iran": ("2023-05-27", "2023-05-29", "UKR", "IRN", "50|fifty"),
    "Araghchi with Putin": ("2025-06-23", "2025-06-23", "RUS;IRN", "RUS;IRN", "Araghchi"),
    "presidents in Tianjin": ("2025-09-01", "2025-09-01", "RUS;IRN", "RUS;IRN", "Tianjin"),
    "US after the snapback": ("2025-10-01", "2025-10-01", "USA", "IRN", "list|sanction"),
    "presidents in Ashgabat": ("2025-12-12", "2025-12-12", "RUS;IRN", "RUS;IRN", "Ashgabat"),
    "plan of consultations": ("2025-12-17", "2025-12-17", "RUS;IRN", "RUS;IRN", "consultation"),
    "EU on support of the war": ("2026-01-29", "2026-01-29", "EU", "RUS;IRN", "list"),
    "arms contract": ("2025-12-01", "2026-02-22", "RUS;IRN", "RUS;IRN", "Verba|arms"),
    "EU renewal": ("2026-02-23", "2026-02-23", "EU", "RUS", "renew|prolong|extend"),
    "Russia on the strikes": ("2026-02-28", "2026-03-31", "RUS", "USA;ISR;IRN", "strike|condemn"),
}


@pytest.mark.parametrize("name", MISSING)
def test_an_act_on_a_page_of_a_source_is_on_the_list(name: str) -> None:
    first, last, senders, targets, words = MISSING[name]
    table = rows()[rows()["date"].between(pd.Timestamp(first), pd.Timestamp(last))]
    of_parties = table["sender"].isin(senders.split(";")) & table["target"].isin(targets.split(";"))
    found = table[of_parties & table["title"].str.contains(words, case=False)]
    assert len(found) > 0
    assert found["reference"].notna().any() or found["evidence"].notna().any()


def test_an_agreement_in_force_was_signed_or_says_why_not() -> None:
    table = frame(sl.agreements(sl.load("russia_iran")))
    unsigned = table[table["in_force"].notna() & table["signed"].isna()]
    ids = set(unsigned["agreement_id"])
    known = rows()[rows()["agreement_id"].isin(ids)]
    assert known.groupby("agreement_id")["note"].count().gt(0).all()


# Programmes of other senders, by a word of their name; US tags are those of `sl.programmes()`.
STATES = {
    "Belarus": "BLR",
    "Crimea": "RUS",
    "DNR-LNR": "RUS",
    "EO13574": "IRN",
    "EO13590": "IRN",
    "EO13622": "IRN",
    "EO13645": "IRN",
    "Iran": "IRN",
    "North Korea": "PRK",
    "RUSSIA": "RUS",
    "Russia": "RUS",
    "Syria": "SYR",
    "Ukraine": "RUS",
}
THEMATIC = {"EAR", "EAR Entity List", "EU chemical weapons (2018/1542)", "US CBW Act Russia"}
THEMATIC |= {"UKR NSDC lists"}


def test_every_target_is_the_state_of_a_programme_or_of_a_thematic_one() -> None:
    tags = sl.programmes()
    tags = tags[tags["list"].eq("US SDN")].set_index("programme")["states"].fillna("")
    imposed = rows()[rows()["family"].eq("sanction") & rows()["sender"].ne("RUS")]
    imposed = imposed[imposed["action"].isin(["authorise", "impose", "amend", "extend"])]
    for act_id, act_rows in imposed.groupby("act_id"):
        programmes = str(act_rows["programme"].iloc[0]).split(";")
        states: set[str] = set()
        for programme in programmes:
            named = {code for word, code in STATES.items() if word in programme}
            assert programme in tags or named or programme in THEMATIC, (act_id, programme)
            own = named if programme not in tags else set(tags[programme].split(";")) - {""}
            states |= own if programme not in THEMATIC else set()
        targets = set(act_rows["target"])
        thematic = [p for p in programmes if p in THEMATIC or (p in tags and not tags[p])]
        assert states <= targets if thematic else states == targets, (act_id, states, targets)


def test_every_act_of_sanction_has_a_reference_and_a_programme() -> None:
    sanctions = rows()[rows()["family"].eq("sanction")]
    assert sanctions[["reference", "programme", "evidence", "status"]].notna().all(axis=None)


def test_an_approval_is_no_stage_and_a_successor_ends_what_it_replaces() -> None:
    table = frame(sl.agreements(sl.load("russia_iran"))).set_index("agreement_id")
    for old, new in (
        ("eaeu-iran-interim", "eaeu-iran-fta"),
        ("basic-treaty-2001", "strategic-treaty-2025"),
    ):
        assert table.loc[old, "ended"] == table.loc[new, "in_force"]
