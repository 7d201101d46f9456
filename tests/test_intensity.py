"""Intensity: reported co-operation of a pair, its divisor and its comparable pairs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import (
    CoverageError,
    CuratedError,
    SanctlibError,
    SchemaError,
    UnknownChoiceError,
)
from sanctlib.metrics.composition import Intensity
from sanctlib.metrics.intensity import partnership_intensity
from sanctlib.reading import Audit, Provenance, Reading, no_rejects
from sanctlib.schema import ACTIONS, COMPONENTS, COUNTED_SANCTIONS
from tests.engines import Shaped
from tests.test_counts import CASES, shown

SPRING = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 3, 31))
FAMILY = {"verbal": "conflict", "material": "conflict", "impose": "sanction"}
BOTH = ("RUS", "IRN")

# day, sender, target, action, mutual
ACTS = [
    ("2018-01-02", "RUS", "IRN", "visit", False),
    ("2018-01-03", "IRN", "RUS", "agree", True),
    ("2018-01-04", "IRN", "RUS", "economic", False),
    ("2018-01-05", "RUS", "CHN", "consult", False),
    ("2018-01-06", "IRN", "IRN", "consult", False),
    ("2018-01-07", "USA", None, "material", False),
    ("2018-01-08", "USA", "RUS", "impose", False),
    ("2018-01-09", "RUS", "IRN", "verbal", False),
    ("2018-01-10", "RUS", "IO-SCO", "agree", False),
    ("2018-02-01", "TUR", "IRN", "aid", False),
    ("2018-03-01", "RUS", "IRN", "arms", False),
]


def events(acts: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(acts, columns=["date", "sender", "target", "action", "mutual"])
    # A mutual act is written with its sender before its target in the alphabet.
    table["date"] = pd.to_datetime(table["date"]).astype("datetime64[us]")
    numbers = [str(i) for i in range(len(acts))]
    return table.assign(
        date_last=table["date"],
        source="own",
        event_id=numbers,
        act_id=numbers,
        sender=table["sender"].astype("str"),
        target=table["target"].astype("str"),
        family=table["action"].map(FAMILY).fillna("cooperation"),
    )


def of_pair(table: object, **options: object) -> Intensity:
    return partnership_intensity(
        table, **({"pair": BOTH, "every": "month", "coverage": SPRING} | options)
    )


def monthly(table: object, **options: object) -> pd.DataFrame:
    return of_pair(table, **options).table


def test_where_no_period_is_covered_whether_acts_are_few_is_missing() -> None:
    found = monthly(events(ACTS), start="2018-03-02", end="2018-04-28")
    assert found["covered"].eq(False).all()
    assert found["too_few"].isna().all()


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ({"start": "2030", "end": "2031-02"}, "of 2030-01-01 to 2031-02-28"),
        ({"start": "2018-04-01"}, "from 2018-04-01 on"),
        ({"end": "2017"}, "up to 2017-12-31"),
    ],
)
def test_a_span_of_which_no_day_is_covered_is_refused(span: dict, found: str) -> None:
    match = f"'own table' covers 2018-01-01 to 2018-03-31, and no day {found}"
    with pytest.raises(CoverageError, match=match):
        monthly(events(ACTS), **span)


def test_a_day_means_the_same_in_every_form() -> None:
    asked = {"start": date(2018, 2, 1), "end": date(2018, 3, 31)}
    by_date = of_pair(events(ACTS), **asked)
    for start, end in [
        ("2018-02", "2018-03"),
        (pd.Timestamp("2018-02-01"), pd.Period("2018-03", freq="M")),
        (np.datetime64("2018-02-01"), np.datetime64("2018-03-31")),
    ]:
        found = of_pair(events(ACTS), start=start, end=end)
        assert found.query == by_date.query
        pd.testing.assert_frame_equal(found.table, by_date.table)


def test_states_can_be_named_and_a_result_is_a_table() -> None:
    found = monthly(events(ACTS), pair=("Russia", "Iran"))
    pd.testing.assert_frame_equal(found, monthly(events(ACTS)))
    wrapped = sl.Result(table=events(ACTS))
    pd.testing.assert_frame_equal(monthly(wrapped), found)


def test_an_intensity_knows_what_it_counts() -> None:
    found = of_pair(events(ACTS), components=["meetings", "agreements"])
    assert (found.kind, found.n) == ("intensity", 2)
    assert found.name == "Reported co-operation of Iran and Russia"
    assert found.unit == "reported acts of co-operation (meetings, agreements)"
    assert found.query.pairs == (("IRN", "RUS"),)
    assert found.query.options["denominator"] == "all"
    assert "covers" not in found.caption
    assert found.caption.startswith(f"n = 2 {found.unit}. Source: own table, 1 January 2018 to")
    assert found.findings[0].startswith(
        "Iran and Russia: 2 reported acts of co-operation (meetings, agreements) in 3 months "
        "covered in full, January 2018 to March 2018; 181.82 per 1,000 reported acts of the source"
    )
    # An act of both counts in each direction, and once in n.
    directed = of_pair(events(ACTS), components=["meetings", "agreements"], directed=True)
    assert (directed.table["n"].sum() / 2, directed.n) == (3, 2)
    assert of_pair(events(ACTS), pair=None, directed=True).n == 6


def test_every_engine_gives_the_same_rates(as_engine: Shaped) -> None:
    found = monthly(as_engine(events(ACTS)))
    january = found[found["period"].eq("2018-01-01")]
    # Nine acts in January, unknown parties too; conflict and sanctions are no co-operation.
    assert shown(january, "component", "n", "exposure") == [
        ("material", 1, 9),
        ("meetings", 1, 9),
        ("agreements", 1, 9),
        ("other_cooperation", 0, 9),
        ("all_cooperation", 3, 9),
    ]
    every = found[found["component"].eq("all_cooperation")]
    assert every["rate"].tolist() == pytest.approx([1000 / 3, 0, 1000])
    assert every["n"].tolist() == [3, 0, 1]
    assert (every["lower"] <= every["rate"]).all()
    assert (every["rate"] <= every["upper"]).all()
    assert every["interval"].unique().tolist() == ["Poisson scaled by dispersion, 95%"]
    assert every["too_few"].all()
    assert found[["first", "second"]].drop_duplicates().to_numpy().tolist() == [["IRN", "RUS"]]


@pytest.mark.parametrize("denominator", ["all", "either", "no_war"])
@pytest.mark.parametrize("directed", [False, True])
def test_all_pairs_at_once_are_the_pairs_one_by_one(
    as_engine: Shaped, denominator: str, directed: bool
) -> None:
    acts = as_engine(events(ACTS))
    asked = {"denominator": denominator, "directed": directed, "components": ["meetings"]}
    found = monthly(acts, pair=None, **asked)
    pairs = [("IRN", "RUS"), ("CHN", "RUS"), ("IRN", "TUR")]
    alone = pd.concat([monthly(acts, pair=pair, band=False, **asked) for pair in pairs])
    way = ["sender", "target"] if directed else ["first", "second"]
    alone = alone[alone["n"].gt(0)].sort_values([*way, "period"], kind="stable")
    pd.testing.assert_frame_equal(found, alone[list(found)].reset_index(drop=True))


def test_of_all_pairs_blocs_and_unknown_parties_are_none() -> None:
    found = monthly(events(ACTS), pair=None, coverage=None)
    assert shown(found[found["component"].eq("all_cooperation")], "first", "second", "n") == [
        ("CHN", "RUS", 1),
        ("IRN", "RUS", 3),
        ("IRN", "RUS", 1),
        ("IRN", "TUR", 1),
    ]
    assert found["covered"].isna().all()
    assert monthly(events(ACTS[6:8]), pair=None).empty


@pytest.mark.parametrize(
    ("denominator", "january"),
    # Either state: all but the act of the USA against nobody known. Without war: that too.
    [("all", 9), ("either", 8), ("no_war", 8)],
)
def test_the_divisor_is_the_one_named(denominator: str, january: int) -> None:
    found = monthly(events(ACTS), denominator=denominator)
    assert found["exposure"].tolist()[0] == january
    assert set(found["denominator"]) == {denominator}


def test_material_conflict_is_not_material_cooperation() -> None:
    table = events([("2018-01-02", "RUS", "IRN", "material", False)])
    found = monthly(table)
    assert found["n"].sum() == 0


def test_mutual_acts_count_in_both_directions_and_others_in_one() -> None:
    found = monthly(events(ACTS), directed=True)
    january = found[found["period"].eq("2018-01-01") & found["n"].gt(0)]
    assert shown(january, "sender", "component", "n") == [
        ("IRN", "material", 1),
        ("IRN", "agreements", 1),
        ("IRN", "all_cooperation", 2),
        ("RUS", "meetings", 1),
        ("RUS", "agreements", 1),
        ("RUS", "all_cooperation", 2),
    ]


def test_pairs_hardly_ever_reported_are_not_comparable() -> None:
    # RUS-CHN meets in each of the three months, IRN-TUR once.
    often = [(f"2018-0{m}-05", "RUS", "CHN", "consult", False) for m in (1, 2, 3)]
    table = events([*often, ("2018-02-01", "TUR", "IRN", "consult", False)])
    by_default = monthly(table, components=["meetings"])
    assert by_default["n_comparable"].unique().tolist() == [1]
    assert by_default["band_high"].tolist() == pytest.approx([1000.0, 500.0, 1000.0] * 2)
    rarely = monthly(table, components=["meetings"], comparable_from=0.3)
    assert rarely["n_comparable"].unique().tolist() == [2]
    never = monthly(table, components=["meetings"], comparable_from=2)
    assert never["n_comparable"].unique().tolist() == [0]
    assert never["band_high"].isna().all()


def test_the_band_is_of_third_states_with_an_act() -> None:
    found = monthly(events(ACTS), components=["meetings"], comparable_from=0)
    # RUS-CHN, RUS-USA and IRN-TUR; not the organisation, not Iran with itself.
    assert found["n_comparable"].unique().tolist() == [3]
    january = found[found["period"].eq("2018-01-01")].iloc[0]
    # Rates 0, 0 and 1 in 9: the 90th percentile lies 80 % of the way to the last.
    assert january["band_low"] == 0
    assert january["band_high"] == pytest.approx(0.8 * 1000 / 9)
    without = monthly(events(ACTS), components=["meetings"], band=False)
    assert without[["band_low", "band_high", "n_comparable"]].isna().all(axis=None)
    # Directed from Iran to Russia: Iran to anyone, anyone to Russia.
    directed = monthly(events(ACTS), components=["meetings"], directed=True, comparable_from=0)
    assert directed.groupby("sender")["n_comparable"].first().tolist() == [1, 2]


def test_without_coverage_there_is_no_zero_and_no_interval() -> None:
    found = monthly(events(ACTS), coverage=None)
    every = found[found["component"].eq("all_cooperation")]
    assert every["n"].tolist() == [3, 1]
    assert found[["lower", "upper", "covered"]].isna().all(axis=None)
    assert set(found["interval"]) == {"none: coverage not known"}


def test_a_span_without_acts_or_coverage_has_no_rows() -> None:
    found = of_pair(events(ACTS), coverage=None, every="month", start="2030-01-01")
    assert (len(found.table), found.n) == (0, 0)
    assert "rate" in found.table


def test_a_period_cut_by_the_coverage_keeps_what_was_seen() -> None:
    cut = replace(SPRING, last=date(2018, 3, 30))
    found = monthly(events(ACTS), coverage=cut)
    march = found[found["period"].eq("2018-03-01")]
    assert shown(march, "component", "n", "covered") == [
        ("material", 1, True),
        ("meetings", 0, True),
        ("agreements", 0, True),
        ("other_cooperation", 0, True),
        ("all_cooperation", 1, True),
    ]
    # A rate is of the days covered; what is not in the span is not in the rate.
    assert march["n_days"].eq(30).all()
    part = monthly(events(ACTS), coverage=SPRING, end="2018-03-30")
    assert not part.loc[part["period"].eq("2018-03-01"), "covered"].any()


def test_a_source_that_speaks_of_neither_state_writes_no_zero() -> None:
    found = monthly(events(ACTS), coverage=replace(SPRING, states=frozenset({"USA"})))
    assert not found["covered"].any()
    assert found["n"].dropna().gt(0).all()


def test_one_period_shows_no_dispersion_and_the_exact_interval_says_its_name() -> None:
    one = {"start": date(2018, 1, 1), "end": date(2018, 1, 31)}
    found = monthly(events(ACTS), **one)
    assert found[["lower", "upper"]].isna().all(axis=None)
    assert found["interval"].str.contains("one period").all()
    exact = monthly(events(ACTS), **one, dispersion=False)
    assert exact["interval"].unique().tolist() == ["exact Poisson, 95%"]
    zero = exact[exact["n"].eq(0)].iloc[0]
    # -log(0.025) is the upper bound of no act in one unit of exposure.
    assert zero["upper"] == pytest.approx(3.688879 / 9 * 1000, rel=1e-6)


def test_five_a_period_are_enough() -> None:
    many = [
        (f"2018-0{m}-0{d}", "RUS", "IRN", "visit", False) for m in (1, 2, 3) for d in range(1, 6)
    ]
    found = monthly(events(many))
    few = found.groupby("component")["too_few"].first()
    assert few[few].index.tolist() == ["agreements", "material", "other_cooperation"]


def test_an_act_without_a_month_is_told_and_not_placed() -> None:
    table = events(ACTS)
    table.loc[0, "date_last"] = pd.Timestamp("2018-02-02")
    found = monthly(table)
    assert found.groupby("component")["n_unassigned"].first().to_dict() == {
        "agreements": 0,
        "all_cooperation": 1,
        "material": 0,
        "meetings": 1,
        "other_cooperation": 0,
    }


def test_a_hand_picked_list_gives_no_rate() -> None:
    picked = Reading(
        kind="events",
        table=events(ACTS),
        rejected=no_rejects(),
        audit=Audit.begin(len(ACTS)),
        coverage=SPRING,
        provenance=Provenance(key="own", title="", producer="", licence="", citation=""),
        curated=True,
    )
    with pytest.raises(
        CuratedError, match="'own' is a hand-picked list, so it has no rate, interval or test"
    ):
        monthly(picked, coverage=None)
    machine = monthly(replace(picked, curated=False), coverage=None)
    pd.testing.assert_frame_equal(machine, monthly(events(ACTS)))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"components": ["meeting"]}, UnknownChoiceError, "Did you mean 'meetings'"),
        ({"components": []}, SanctlibError, "components is empty. Name at least one of"),
        ({"denominator": "war"}, UnknownChoiceError, "denominator is 'war'"),
        ({"pair": ("RUS", "RUS")}, SanctlibError, "A pair is two different states"),
        ({"pair": ("RUS", "EU")}, UnknownChoiceError, "'EU', which is a bloc or a region"),
        ({"pair": ("RUS", "IRM")}, UnknownChoiceError, "'IRM', which is no state.*Did you mean"),
        ({"pair": (1, 2)}, UnknownChoiceError, "A state is a code such as 'IRN'"),
        ({"pair": ("RUS", "SUN")}, SanctlibError, "RUS and SUN did not both exist on any day"),
        ({"start": "2018-03", "end": "2018-01"}, SanctlibError, "start must not be after"),
        ({"start": 2018}, SanctlibError, "start is 2018. A number can be a year"),
        ({"coverage": "x"}, SanctlibError, "coverage is 'x'. It must be a Coverage"),
        ({"directed": "no"}, SanctlibError, "directed is 'no'. It must be True or False"),
        ({"level": 95}, SanctlibError, "level is 95.*Did you mean 0.95"),
        ({"comparable_from": "1"}, SanctlibError, "comparable_from is '1'. It must be a number"),
        ({"every": "fortnight"}, UnknownChoiceError, "every is 'fortnight'. It must be one of"),
        ({"table": CASES}, SanctlibError, "holds cases"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(options: dict, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        monthly(**({"table": events(ACTS)} | options))


some_acts = st.lists(
    st.tuples(
        st.integers(1, 28).map(lambda d: f"2018-0{1 + d % 3}-{d:02}"),
        st.sampled_from(["IRN", "RUS", "USA", "EU", None]),
        st.sampled_from(["IRN", "RUS", "CHN", None]),
        st.sampled_from(["visit", "agree", "arms", "verbal", "material", "impose"]),
        st.just(False),
    ),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(acts=some_acts, directed=st.booleans(), data=st.data())
def test_neither_the_order_of_the_pair_nor_of_the_rows_matters(
    acts: list[tuple], directed: bool, data: st.DataObject
) -> None:
    table = events(acts)
    shuffled = table.iloc[data.draw(st.permutations(range(len(acts))))]
    pd.testing.assert_frame_equal(
        monthly(table, directed=directed),
        monthly(shuffled, pair=("IRN", "RUS"), directed=directed),
    )


@settings(deadline=None, derandomize=True, max_examples=20)
@given(acts=some_acts)
def test_components_and_directions_add_up_and_cells_give_the_same(acts: list[tuple]) -> None:
    table = events(acts)
    found = monthly(table)
    sums = found.groupby("component")["n"].sum()
    assert sums.drop("all_cooperation").sum() == sums["all_cooperation"]
    both = monthly(table, directed=True).groupby("component")["n"].sum()
    assert both.to_dict() == sums.to_dict()
    pd.testing.assert_frame_equal(found, monthly(sl.cells(table, every="month")))


@settings(deadline=None, derandomize=True, max_examples=20)
@given(acts=some_acts)
def test_a_mutual_act_counts_the_same_in_both_directions(acts: list[tuple]) -> None:
    both = [(d, *sorted((a, b)), action, True) for d, a, b, action, _ in acts if a and b and a != b]
    found = of_pair(events(both), directed=True)
    one, other = (found.filter(sender=s).table for s in ("IRN", "RUS"))
    assert one["n"].tolist() == other["n"].tolist() == monthly(events(both))["n"].tolist()


def test_a_mutual_act_is_named_in_one_order_only() -> None:
    turned = events([("2018-01-03", "RUS", "IRN", "agree", True)])
    with pytest.raises(SchemaError, match="is mutual with sender not before target"):
        monthly(turned)


def test_no_action_feeds_both_co_operation_and_sanctions() -> None:
    fed = [action for actions in COMPONENTS.values() for action in actions]
    assert len(fed) == len(set(fed))
    assert set(fed) == set(ACTIONS["cooperation"])
    assert not set(fed) & set(ACTIONS["sanction"])
    assert set(COUNTED_SANCTIONS) <= set(ACTIONS["sanction"])
    # No name of an action belongs to two families, so none can be read as the other.
    named = [action for actions in ACTIONS.values() for action in actions]
    assert len(named) == len(set(named))


def test_a_declaration_about_sanctions_is_co_operation_and_no_sanction() -> None:
    acts = sl.load("russia_iran")
    day = {"every": "day", "start": date(2023, 12, 5), "end": date(2023, 12, 5)}
    declared = acts.table[acts.table["act_id"].eq("E123")]
    assert declared[["sender", "target", "family", "action"]].to_numpy().tolist() == [
        ["IRN", "RUS", "cooperation", "agree"]
    ]
    machine = replace(acts, curated=False)
    found = partnership_intensity(machine, pair=BOTH, **day, dispersion=False).table
    assert dict(zip(found["component"], found["n"], strict=True)) == {
        "material": 0,
        "meetings": 0,
        "agreements": 1,
        "other_cooperation": 0,
        "all_cooperation": 1,
    }
    # On that day sanctions were imposed on Russia, by others: none by either on the other.
    sanctions = sl.sanction_counts(acts, unit="act", by=["sender", "target"], **day).table
    imposed = sanctions[sanctions["n"].gt(0)]
    assert not (imposed["sender"].isin(BOTH) & imposed["target"].isin(BOTH)).any()
    alone = sl.sanction_counts(declared, unit="act", coverage=acts.coverage, by=[], **day)
    assert alone.table["n"].tolist() == [0]
