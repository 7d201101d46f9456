"""Kind C: zeros, coverage and hand-picked lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import sanctlib as sl
from tests.known_faults import frame, given, outcome, pages, said_by
from tests.known_faults.made import YEAR, cases, events, year_of_events
from tests.news import news_of_2018

PAIR = ("IRN", "RUS")


NOT_ON_IT = [
    ("IRN", "ISR"),
    ("IRN", "VEN"),
    ("IRN", "SYR"),
    ("IRN", "SAU"),
    ("IRN", "PRK"),
    ("RUS", "USA"),
    ("DEU", "RUS"),
    ("RUS", "VEN"),
    ("BRA", "FRA"),
]


@pytest.mark.parametrize("pair", NOT_ON_IT, ids="-".join)
def test_agreements_of_a_pair_that_the_list_does_not_cover_are_missing(
    pair: tuple[str, str],
) -> None:
    found = frame(
        given(lambda: sl.agreements(sl.load("russia_iran"), pair=pair, every="year", half_life=1))
    )
    counts = ["n_in_force", "n_possible", "n_through_blocs", "n_new", "recent"]
    assert found[counts].isna().all(axis=None)
    assert not found["covered"].fillna(value=False).any()


@pytest.mark.parametrize(
    ("pair", "blocs"),
    [
        (("IRN", "VEN"), []),
        (("IRN", "USA"), []),
        (("IRN", "UN"), []),
        (("IND", "IRN"), ["IO-BRICS", "IO-SCO"]),
        (PAIR, ["IO-BRICS", "IO-EAEU", "IO-SCO"]),
    ],
    ids=str,
)
def test_a_bloc_of_which_the_other_is_no_member_has_no_agreement_of_the_pair(
    pair: tuple[str, str], blocs: list[str]
) -> None:
    result = sl.agreements(sl.load("russia_iran"), pair=pair, every="year", half_life=1)
    stages = result.tables["stages"]
    assert sorted({*stages["first"], *stages["second"]} - {*pair}) == blocs


def test_agreements_of_the_pair_that_the_list_is_about_are_counted() -> None:
    found = frame(sl.agreements(sl.load("russia_iran"), pair=PAIR, every="year", half_life=1))
    assert found["covered"].any()
    assert found["n_in_force"].notna().any()


def test_a_page_of_a_pair_with_one_act_says_that_there_is_nothing_to_show(
    page: pages.Page,
) -> None:
    asked = {"pair": ("IRN", "VEN"), "every": "month", "among": None, "end": date(2018, 10, 31)}
    shown = page("03_partnership_intensity", until="stages.csv", **asked)
    assert "Eurasian" not in shown.text
    assert "EAEU" not in shown.text
    assert "1 act" in shown.text
    assert "nothing to show" in shown.text


@pytest.mark.parametrize("year", [2013, 2017, 2026])
def test_senders_on_a_state_without_an_act_on_a_hand_picked_list_are_missing(year: int) -> None:
    found = frame(sl.shared_sanctioners(sl.load("russia_iran"), pair=PAIR, every="year"))
    row = found[found["period"].dt.year.eq(year)]
    sides = row[["n_first", "n_second"]]
    # The list names senders on one of the two in that year, and nothing on the other.
    assert (sides.isna() | sides.gt(0)).all(axis=None)
    assert row["jaccard"].isna().all()
    assert row["n_shared"].isna().all()


def test_senders_on_two_states_with_acts_are_compared() -> None:
    found = frame(sl.shared_sanctioners(sl.load("russia_iran"), pair=PAIR, every="year"))
    row = found[found["period"].dt.year.eq(2024)].iloc[0]
    assert row["n_shared"] > 0
    assert 0 < row["jaccard"] < 1


STRANGER = ("RUS", "TUV")


def test_intensity_of_a_state_in_no_row_is_missing_and_says_so() -> None:
    found, said = said_by(
        lambda: sl.partnership_intensity(
            year_of_events(), pair=STRANGER, every="month", coverage=YEAR
        )
    )
    assert "TUV" in said
    if not isinstance(found, sl.SanctlibError):
        table = frame(found)
        assert table[["n", "rate", "lower", "upper"]].isna().all(axis=None)
        assert not table["covered"].fillna(value=False).any()


def test_intensity_of_a_state_in_no_row_says_so_without_a_coverage_too() -> None:
    _, said = said_by(
        lambda: sl.partnership_intensity(year_of_events(), pair=STRANGER, every="month")
    )
    assert "TUV" in said


def test_intensity_of_a_state_that_the_coverage_names_is_zero() -> None:
    named = replace(YEAR, states=frozenset({"IRN", "RUS", "TUR", "TUV", "USA"}))
    found, _ = said_by(
        lambda: sl.partnership_intensity(
            year_of_events(), pair=STRANGER, every="month", coverage=named
        )
    )
    assert frame(found)["n"].eq(0).all()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (
            "observed_expected",
            lambda: sl.observed_expected(
                year_of_events(), pair=STRANGER, every="year", block="month", n_replicates=19,
                coverage=YEAR,
            ),
        ),
        (
            "dyad_panel",
            lambda: sl.dyad_panel(
                year_of_events(), every="month", states=["IRN", "RUS", "TUV"], directed=False,
                coverage=YEAR,
            ),
        ),
    ],
)  # fmt: skip
def test_other_measures_of_a_state_in_no_row_say_so(name: str, call: Callable[[], Any]) -> None:
    found, said = said_by(call)
    assert "TUV" in said
    if not isinstance(found, sl.SanctlibError) and name == "dyad_panel":
        table = frame(found)
        of_it = table[table["second"].eq("TUV") | table["first"].eq("TUV")]
        assert not of_it["covered"].fillna(value=False).any()


def test_a_page_of_years_before_the_coverage_gives_no_count(page: pages.Page) -> None:
    span = {"start": date(1998, 1, 1), "end": date(1999, 12, 31)}
    shown = page("02_sanctions_over_time", **span, until="new_us_entities")
    said = "\n".join([shown.text, *shown.figures.values()])
    assert "n = 0 " not in said
    assert "not covered" in said


def test_no_state_sanctions_itself_in_a_count_by_sender_and_target() -> None:
    table = cases([("RUS", "USA", "2018-02-01", None), ("USA", "RUS", "2018-03-01", None)])
    both = ["RUS", "USA"]
    keys = {"by": ["sender", "target"], "senders": both, "targets": both, "coverage": YEAR}
    found = frame(sl.active_sanctions(table, every="month", at="any_day", **keys))
    assert set(found["sender"] + found["target"]) == {"RUSUSA", "USARUS"}


def test_no_state_of_gsdb_sanctions_itself(real_data: Path) -> None:
    reading = sl.read("gsdb", real_data / "cases" / "GSDB_V3.csv")
    years = {"start": date(2014, 1, 1), "end": date(2015, 12, 31)}
    keys = ["sender", "target"]
    found = frame(sl.active_sanctions(reading, every="year", at="any_day", by=keys, **years))
    # One case is of a bloc with itself in the file: ECOWAS, whose members are meant.
    assert set(found.loc[found["sender"].eq(found["target"]), "sender"]) == {"IO-ECOWAS"}


def test_the_brief_of_the_united_states_does_not_count_its_own_list(page: pages.Page) -> None:
    shown = page("country_brief", states=["USA"], until="acts on our list")
    headline = shown.table("headline").set_index("label")["value"]
    assert headline.get("on the US list") != 0
    assert "does not apply" in shown.text
    assert "On its list" not in shown.text
    # Russia's bans of 2022 are acts on the United States, so this column has a sentence.


# A kind's own question: what a source does not cover is asked of each measure.
UNCOVERED: dict[str, Callable[[], Any]] = {
    "US list before its first copy": lambda: sl.sanction_counts(
        sl.load("ofac_sdn"), every="year", unit="entity", by=["target"], targets=["RUS"],
        start=date(2012, 1, 1), end=date(2012, 12, 31),
    ),
    "US list after its last copy": lambda: sl.active_sanctions(
        sl.load("ofac_sdn"), every="year", at="end_of_period", targets=["RUS"],
        start=date(2031, 1, 1), end=date(2031, 12, 31),
    ),
    "Canadian list before its first day": lambda: sl.sanction_counts(
        sl.load("canada_sema"), every="year", unit="designation", by=["target"],
        targets=["RUS"], start=date(2001, 1, 1), end=date(2001, 12, 31),
    ),
    "news of another year": lambda: sl.partnership_intensity(
        news_of_2018("month"), pair=PAIR, every="month", band=False,
        start=date(2031, 1, 1), end=date(2031, 3, 31),
    ),
    "a year after the chronology": lambda: sl.agreements(
        sl.load("russia_iran"), pair=PAIR, every="year", half_life=1,
        start=date(2031, 1, 1), end=date(2031, 12, 31),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNCOVERED)
def test_a_period_that_the_source_does_not_cover_is_never_zero(name: str) -> None:
    found = outcome(UNCOVERED[name])
    if isinstance(found, sl.SanctlibError):
        assert "cover" in str(found)
        return
    table = frame(found)
    assert not table["covered"].fillna(value=False).any()
    counts = [c for c in ("n", "n_in_force", "upper") if c in table]
    assert table[counts].isna().all(axis=None)


@pytest.mark.parametrize("sender", ["EU", "GBR"])
def test_a_sender_that_the_source_cannot_name_has_no_zero(sender: str) -> None:
    known = replace(YEAR, senders=frozenset({"USA"}))
    found = frame(
        sl.sanction_counts(
            year_of_events().query("sender == 'USA'"), every="month", unit="act",
            by=["sender"], senders=[sender], coverage=known,
        )
    )  # fmt: skip
    assert found["n"].isna().all()


# Russia acts in May only, and Iran with Turkey in every month.
_OF_MAY = events(
    [
        *((f"2018-{month:02d}-10", "IRN", "TUR", "consult") for month in range(1, 13)),
        *((f"2018-{month:02d}-11", "USA", "IRN", "impose") for month in range(1, 13)),
        ("2018-05-20", "RUS", "IRN", "consult"),
        ("2018-05-21", "USA", "RUS", "impose"),
    ]
)
_EACH = {"every": "month", "coverage": YEAR}
_IN_A_WINDOW: dict[str, Callable[..., Any]] = {
    "by target": lambda **span: sl.sanction_counts(
        _OF_MAY, unit="act", by=["target"], targets=["RUS"], **_EACH, **span
    ),
    "by dyad": lambda **span: sl.sanction_counts(
        _OF_MAY, unit="act", by=["sender", "target"], senders=["USA"], targets=["RUS"], **_EACH,
        **span,
    ),
    "a sum": lambda **span: sl.sanction_counts(
        _OF_MAY, unit="act", by=[], targets=["RUS"], **_EACH, **span
    ),
    "a sum over a sender": lambda **span: sl.sanction_counts(
        _OF_MAY, unit="act", by=["target"], senders=["RUS"], targets=["IRN"], **_EACH, **span
    ),
    "intensity": lambda **span: sl.partnership_intensity(
        _OF_MAY, pair=PAIR, band=False, **_EACH, **span
    ),
    "dyad_panel": lambda **span: sl.dyad_panel(
        _OF_MAY, states=PAIR, directed=False, **_EACH, **span
    ),
    "shared_sanctioners": lambda **span: sl.shared_sanctioners(
        _OF_MAY, pair=PAIR, **_EACH, **span
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _IN_A_WINDOW)
def test_a_state_without_an_act_in_the_span_has_no_zero_there(name: str) -> None:
    outside, said = said_by(lambda: _IN_A_WINDOW[name](start="2018-01", end="2018-04"))
    table = frame(outside)
    numbers = {"n", "rate", "upper", "jaccard", "n_second", "n_shared", "meetings", "sanctions"}
    assert len(table)
    assert "RUS" in said
    assert table[sorted(numbers & {*table})].isna().all(axis=None)
    assert not table["covered"].fillna(value=False).any()
    # In the whole year it is a party of two acts: its other months are zeros.
    whole = frame(_IN_A_WINDOW[name](start="2018", end="2018"))
    assert whole["covered"].fillna(value=False).any()


def test_units_of_a_state_without_an_act_in_the_span_are_missing() -> None:
    known = sl.read_table(
        _OF_MAY.astype({"date": "str"}),
        columns={c: c for c in ("date", "sender", "target", "action")},
        parties="iso3",
        coverage=YEAR,
    )
    found = frame(sl.compare_units([known], start="2018-01", end="2018-04", targets=["RUS"]))
    assert found["n"].isna().all()
    assert not found["covered"].any()


def test_a_state_that_a_register_does_not_name_is_a_true_zero() -> None:
    span = {"start": "2022", "end": "2022", "targets": ["NOR"], "every": "year"}
    us = sl.load("ofac_sdn")
    for found in (
        sl.sanction_counts(us, unit="entity", by=["target"], **span),
        sl.active_sanctions(us, at="end_of_period", by=["target"], **span),
    ):
        assert frame(found)[["n", "covered"]].to_numpy().tolist() == [[0, True]]


def test_russia_in_a_file_that_never_names_it_is_missing(real_data: Path) -> None:
    path = real_data / "events" / "icews14_named.tsv.gz"
    columns = {"date": "date", "sender": "source", "target": "target", "code": "cameo"}
    known = sl.Coverage(source="own", first="2014", last="2014")
    reading = sl.read_table(path, columns=columns, codes="cameo", coverage=known)
    for found in (
        sl.sanction_counts(reading, every="year", unit="act", by=["target"], targets=["RUS"]),
        sl.partnership_intensity(reading, pair=PAIR, every="year", band=False),
        sl.dyad_panel(reading, states=PAIR, every="year", columns={"n": ["consult"]}),
    ):
        assert frame(found)["n"].isna().all()
        assert "Russia (RUS)" in found.notes[0]
