"""Counts of sanctions: one unit at a time, zeros inside coverage, the band of the dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.units import compare_units
from tests.engines import Shaped

SPRING = Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 4, 15))


def frame(columns: str, rows: list[tuple]) -> pd.DataFrame:
    names = columns.split()
    table = pd.DataFrame(rows, columns=names)
    for name in names:
        if name in {"date", "date_last", "start", "start_last", "end", "end_last", "listed"} | {
            "delisted",
            "from",
            "to",
        }:
            table[name] = pd.to_datetime(table[name]).astype("datetime64[us]")
        elif table[name].dtype == object or table[name].isna().all():
            table[name] = table[name].astype("str")
    return table


def events() -> pd.DataFrame:
    # Act 1 lists firms for RUS and BLR, with firms in Belgium; act 4 is dated by month.
    rows = [
        ("1", "2022-01-10", "2022-01-10", "USA", "RUS", "impose", "financial;trade", "RUS", "BEL"),
        ("1", "2022-01-10", "2022-01-10", "USA", "BLR", "impose", "financial;trade", "RUS", "BEL"),
        ("2", "2022-03-01", "2022-03-01", "EU", "RUS", "amend", "trade", "IRN;RUS", None),
        ("3", "2022-03-02", "2022-03-02", "USA", "RUS", "lift", "trade", None, None),
        ("4", "2022-02-20", "2022-03-05", "USA", None, "impose", None, None, None),
        ("5", "2022-04-01", "2022-04-01", "USA", "RUS", "impose", None, None, None),
    ]
    table = frame("act_id date date_last sender target action measures conduct located_in", rows)
    ids = table["act_id"] + [f":{i}" for i in range(len(rows))]
    return table.assign(source="own", event_id=ids, mutual=False, family="sanction")


def shown(table: pd.DataFrame, *columns: str) -> list[tuple]:
    picked = table[list(columns)] if columns else table
    return [
        tuple(
            None if pd.isna(v) else f"{v:%Y-%m}" if isinstance(v, pd.Timestamp) else v for v in row
        )
        for row in picked.itertuples(index=False)
    ]


def test_every_engine_counts_the_same_with_zeros_inside_coverage(as_engine: Shaped) -> None:
    table = as_engine(events())
    found = sanction_counts(table, every="month", by=["target"], unit="act", coverage=SPRING).table
    assert list(found) == [
        *("period", "target", "unit", "n", "lower", "upper", "n_unassigned", "covered", "additive")
    ]
    assert shown(found, "period", "target", "n", "lower", "upper", "n_unassigned", "covered") == [
        ("2022-01", "BLR", 1, 1, 1, 0, True),
        ("2022-02", "BLR", 0, 0, 0, 0, True),
        ("2022-03", "BLR", 0, 0, 0, 0, True),
        # April is cut by the end of coverage: no zero, and no upper bound.
        ("2022-04", "BLR", None, None, None, 0, False),
        ("2022-01", "RUS", 1, 1, 1, 0, True),
        ("2022-02", "RUS", 0, 0, 0, 0, True),
        ("2022-03", "RUS", 1, 1, 1, 0, True),
        ("2022-04", "RUS", 1, 1, None, 0, False),
        # Act 4 is of February or of March, against a target not known.
        ("2022-01", None, 0, 0, 0, 0, True),
        ("2022-02", None, 0, 0, 1, 0, True),
        ("2022-03", None, 0, 0, 1, 0, True),
        ("2022-04", None, None, None, None, 0, False),
        (None, None, None, None, None, 1, None),
    ]
    assert not found["additive"].any()


def test_a_bare_frame_gives_what_was_seen_and_says_so() -> None:
    found = sanction_counts(events(), every="month", by=["target"], unit="act").table
    assert shown(found, "period", "target", "n", "n_unassigned", "covered") == [
        ("2022-01", "BLR", 1, 0, None),
        ("2022-01", "RUS", 1, 0, None),
        ("2022-03", "RUS", 1, 0, None),
        ("2022-04", "RUS", 1, 0, None),
        (None, None, None, 1, None),
    ]


@pytest.mark.parametrize(
    ("unit", "by", "expected", "additive"),
    [
        ("act", ["sender"], [("EU", 1), ("USA", 2)], True),
        ("dyad", ["sender"], [("EU", 1), ("USA", 3)], True),
        ("act", ["measure"], [("financial", 1), ("trade", 2), (None, 1)], False),
        ("act", ["action"], [("amend", 1), ("impose", 2)], True),
    ],
)
def test_units_and_keys_of_events(unit: str, by: list, expected: list, additive: bool) -> None:
    found = sanction_counts(events(), every="year", by=by, unit=unit, end=date(2022, 4, 30)).table
    sums = found.groupby(by, dropna=False)["n"].sum().reset_index()
    # Act 4 lies in the year 2022: it is placed there, without a measure.
    more = {"sender": "USA", "action": "impose", "measure": None}[by[0]]
    assert shown(sums) == [(key, n + (key == more)) for key, n in expected]
    assert found["additive"].unique().tolist() == [additive]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("programme", [("BLR", 1), ("RUS", 3), (None, 1)]),
        ("conduct", [("IRN", 1), ("RUS", 2), (None, 2)]),
        ("address", [("BEL", 1), (None, 3)]),
    ],
)
def test_a_belgian_firm_does_not_make_belgium_a_target(rule: str, expected: list) -> None:
    found = sanction_counts(
        events(), every="year", by=["target"], unit="act", target_rule=rule
    ).table
    assert shown(found, "target", "n") == expected


def test_a_reason_left_empty_names_no_state() -> None:
    table = events().assign(conduct="")
    found = sanction_counts(
        table, every="year", by=["target"], unit="act", target_rule="conduct"
    ).table
    assert shown(found, "target", "n") == [(None, 4)]


def test_only_the_actions_asked_for_count() -> None:
    found = sanction_counts(events(), every="year", by=(), unit="act", actions=["lift"]).table
    assert shown(found, "n", "additive") == [(1, True)]
    with pytest.raises(UnknownChoiceError, match="actions is 'visit'"):
        sanction_counts(events(), every="year", unit="act", actions=["visit"])


def test_zeros_are_written_for_senders_and_targets_asked_for() -> None:
    found = sanction_counts(
        events(),
        every="quarter",
        unit="act",
        senders=["EU"],
        targets=["RUS", "IRN"],
        end=date(2022, 3, 31),
        coverage=replace(SPRING, states=frozenset({"IRN", "RUS"})),
    ).table
    assert shown(found, "sender", "target", "n") == [("EU", "IRN", 0), ("EU", "RUS", 1)]


def test_states_outside_the_coverage_get_no_zero() -> None:
    known = Coverage(
        source="own", first=date(2022, 1, 1), last=date(2022, 12, 31), states=frozenset({"RUS"})
    )
    found = sanction_counts(events(), every="year", by=["target"], unit="act", coverage=known).table
    assert shown(found, "target", "n", "covered") == [
        ("BLR", 1, False),
        ("RUS", 3, True),
        (None, 1, False),
    ]
    by_sender = sanction_counts(
        events(), every="month", by=["sender"], unit="act", coverage=known, targets=["RUS"]
    ).table
    assert by_sender["covered"].all()


def test_a_month_cut_by_the_span_is_marked() -> None:
    found = sanction_counts(
        events(),
        every="month",
        by=(),
        unit="act",
        start=date(2022, 1, 5),
        end=date(2022, 2, 28),
        coverage=SPRING,
    ).table
    # Act 4 can lie in the span, and need not.
    assert shown(found, "period", "n", "n_unassigned", "covered") == [
        ("2022-01", 1, 0, False),
        ("2022-02", 0, 0, True),
        (None, None, 1, None),
    ]


def test_cells_give_the_counts_of_their_events() -> None:
    few = events().iloc[2:]
    from_cells = sanction_counts(
        sl.cells(few, every="month"), every="month", unit="act", coverage=SPRING
    ).table
    direct = sanction_counts(few, every="month", unit="act", coverage=SPRING).table
    # Cells do not say where an act that is not placed could lie.
    pd.testing.assert_frame_equal(from_cells.drop(columns="upper"), direct.drop(columns="upper"))
    unknown = from_cells["target"].isna() & from_cells["covered"]
    assert from_cells.loc[unknown, "upper"].tolist() == [1, 1, 1]


CASES = frame(
    "case_id sender target start start_last end end_last measures imposed",
    [
        ("1", "USA", "RUS", "2022-02-01", "2022-02-28", None, None, "trade", True),
        ("1", "EU", "RUS", "2022-02-01", "2022-02-28", None, None, "trade", True),
        ("2", "USA", "RUS", "2022-02-01", "2022-02-28", None, None, "arms;trade", True),
        ("2", "EU", "RUS", "2022-02-01", "2022-02-28", None, None, "arms;trade", True),
        ("3", "USA", "IRN", "2022-01-01", "2022-12-31", None, None, "trade", True),
        ("4", "USA", "IRN", "2022-03-03", "2022-03-03", None, None, None, False),
    ],
).assign(source="own", ongoing=True, threatened=[False] * 5 + [True])
CASES["objectives"] = pd.Series(
    [*["end_war"] * 2, *["democracy;end_war"] * 2, None, None], dtype="str"
)


@pytest.mark.parametrize(
    ("unit", "by", "expected"),
    [
        ("case", ["target"], [("IRN", 1), ("RUS", 2)]),
        ("case", ["sender"], [("EU", 2), ("USA", 3)]),
        ("coalition", ["target"], [("IRN", 1), ("RUS", 1)]),
        ("case", ["measure"], [("arms", 1), ("trade", 3)]),
        ("case", ["objective"], [("democracy", 1), ("end_war", 2), (None, 1)]),
    ],
)
def test_cases_count_once_and_coalitions_once_for_twin_cases(
    unit: str, by: list, expected: list
) -> None:
    found = sanction_counts(CASES, every="year", by=by, unit=unit).table
    assert shown(found, by[0], "n") == expected


def test_a_case_dated_by_year_has_no_month() -> None:
    found = sanction_counts(CASES, every="month", by=["target"], unit="case").table
    assert shown(found, "period", "target", "n", "n_unassigned") == [
        (None, "IRN", None, 1),
        ("2022-02", "RUS", 2, 0),
    ]
    with pytest.raises(
        SanctlibError, match=r"no case of 'own table' is dated that closely. Use every='year'"
    ):
        sanction_counts(CASES.iloc[[4]], every="month", by=["target"], unit="case")


def test_threats_are_counted_when_asked_for() -> None:
    found = sanction_counts(
        CASES, every="month", by=["target"], unit="case", actions=["threaten"]
    ).table
    assert shown(found, "period", "target", "n") == [("2022-03", "IRN", 1)]


LISTINGS = frame(
    "listing_id entity_id entity_type programme programme_state entity_country listed delisted",
    [
        ("a", "A", "entity", "P1", "RUS", "BEL", "2022-01-05", None),
        ("a", "A", "entity", "P2", "IRN;RUS", "BEL", "2022-01-05", None),
        ("a", "A", "entity", "P3", "", "BEL", "2022-03-01", None),
        ("b", "B", "individual", "P1", "RUS", "RUS", "2022-03-01", "2022-03-20"),
        ("c", "C", "individual", "P1", "RUS", None, None, None),
    ],
).assign(source="own", list="US SDN")


@pytest.mark.parametrize(
    ("unit", "by", "rule", "expected"),
    [
        ("entity", (), "programme", [("2022-01", 1), ("2022-03", 1)]),
        ("designation", (), "programme", [("2022-01", 2), ("2022-03", 2)]),
        (
            "entity",
            ("target",),
            "programme",
            [("2022-01", "IRN", 1), ("2022-01", "RUS", 1), ("2022-03", "RUS", 1)],
        ),
        (
            "designation",
            ("target",),
            "programme",
            [
                ("2022-01", "IRN", 1),
                ("2022-01", "RUS", 2),
                ("2022-03", "RUS", 1),
                ("2022-03", None, 1),
            ],
        ),
        ("entity", ("target",), "address", [("2022-01", "BEL", 1), ("2022-03", "RUS", 1)]),
        ("entity", ("sender",), "programme", [("2022-01", "USA", 1), ("2022-03", "USA", 1)]),
    ],
)
def test_an_entity_under_three_programmes_is_three_designations(
    unit: str, by: tuple, rule: str, expected: list
) -> None:
    found = sanction_counts(LISTINGS, every="month", by=by, unit=unit, target_rule=rule).table
    placed = found[found["period"].notna()].sort_values("period", kind="stable")
    keys = [c for c in ("sender", "list", "target") if c in found]
    assert shown(placed, "period", *keys, "n") == expected
    assert found["n_unassigned"].sum() == 1


# Copies of 31 January, 15 February, 28 February and 10 March.
CHANGES = frame(
    "from to programmes entity_type opening added removed moved_in moved_out closing "
    "programmes_added programmes_dropped",
    [
        ("2022-01-31", "2022-01-31", "IRAN", "entity", 5, 0, 0, 0, 0, 5, None, None),
        ("2022-01-31", "2022-02-15", "RUSSIA-EO14024", "entity", 0, 3, 0, 0, 0, 3, None, None),
        (
            "2022-02-15",
            "2022-02-28",
            "IRAN;RUSSIA-EO14024",
            "entity",
            0,
            2,
            0,
            1,
            0,
            3,
            "IRAN:1",
            None,
        ),
        ("2022-02-15", "2022-02-28", "RUSSIA-EO14024", "entity", 3, 0, 0, 0, 1, 2, None, None),
        ("2022-02-28", "2022-03-10", "SDGT", "individual", 0, 4, 0, 0, 0, 4, None, None),
    ],
).assign(source="ofac_sdn", list="US SDN")
COPIES = Coverage(source="ofac_sdn", first=date(2022, 1, 31), last=date(2022, 3, 31))

# The same with copies of the last day but one of January and of February.
_DAYS = {pd.Timestamp("2022-01-31"): "2022-01-30", pd.Timestamp("2022-02-28"): "2022-02-27"}
EARLIER = CHANGES.assign(
    **{
        end: pd.to_datetime(CHANGES[end]).replace(
            {day: pd.Timestamp(before) for day, before in _DAYS.items()}
        )
        for end in ("from", "to")
    }
)


def test_a_copy_of_the_last_day_of_a_month_leaves_no_doubt_about_the_month() -> None:
    # A copy without a time shows its whole day, so what came later came in the next month.
    found = sanction_counts(CHANGES, every="month", by=["target"], unit="entity", coverage=COPIES)
    assert shown(found.table, "period", "target", "n", "lower", "upper") == [
        ("2022-01", "IRN", None, None, None),
        ("2022-02", "IRN", 2, 2, 2),
        ("2022-03", "IRN", 0, 0, 0),
        ("2022-01", "RUS", None, None, None),
        ("2022-02", "RUS", 5, 5, 5),
        ("2022-03", "RUS", 0, 0, 0),
        ("2022-01", None, None, None, None),
        ("2022-02", None, 0, 0, 0),
        ("2022-03", None, 4, 4, 4),
    ]
    assert found.table["n_unassigned"].eq(0).all()


def test_a_change_that_may_be_of_two_months_is_a_count_of_neither(as_engine: Shaped) -> None:
    table = as_engine(EARLIER)
    known = replace(COPIES, first=date(2022, 1, 30))
    found = sanction_counts(
        table, every="month", by=["target"], unit="entity", coverage=known
    ).table
    assert shown(found, "period", "target", "n", "lower", "upper", "covered") == [
        ("2022-01", "IRN", None, None, None, False),
        ("2022-02", "IRN", 2, 2, 2, True),
        ("2022-03", "IRN", 0, 0, 0, True),
        # Three were seen on 15 February and not on 30 January: they may be of the day after it.
        ("2022-01", "RUS", None, 0, 3, False),
        ("2022-02", "RUS", None, 2, 5, True),
        ("2022-03", "RUS", 0, 0, 0, True),
        (None, "RUS", None, None, None, None),
        ("2022-01", None, None, None, None, False),
        ("2022-02", None, None, 0, 4, True),
        ("2022-03", None, None, 0, 4, True),
        (None, None, None, None, None, None),
    ]
    unassigned = found.loc[found["period"].isna(), "n_unassigned"]
    assert unassigned.tolist() == [3, 4]
    assert not found["additive"].any()


def test_designations_of_copies_are_new_pairs_of_entry_and_programme() -> None:
    by_programme = sanction_counts(
        CHANGES, every="quarter", by=["programme"], unit="designation"
    ).table
    # Two new entries under two programmes, and an entry of old that gained one.
    assert shown(by_programme, "programme", "n", "additive") == [
        ("IRAN", 3, True),
        ("RUSSIA-EO14024", 5, True),
        ("SDGT", 4, True),
    ]
    of_iran = sanction_counts(
        CHANGES, every="quarter", by=(), unit="designation", targets=["IRN"]
    ).table
    assert shown(of_iran, "n") == [(3,)]
    either = sanction_counts(
        CHANGES, every="quarter", by=(), unit="entity", targets=["IRN", "RUS"]
    ).table
    assert shown(either, "n") == [(5,)]


def test_copies_between_which_no_entry_moved_have_designations() -> None:
    unmoved = CHANGES[CHANGES["programmes_added"].isna()]
    found = sanction_counts(unmoved, every="year", by=(), unit="designation").table
    assert shown(found, "n") == [(7,)]


def test_a_span_after_the_coverage_holds_no_period_before_it() -> None:
    found = sanction_counts(
        events(), every="month", by=(), unit="act", start=date(2022, 6, 1), coverage=SPRING
    ).table
    assert shown(found, "period", "n", "covered") == [("2022-06", None, False)]


def test_a_week_that_the_first_day_of_the_coverage_cuts_counts_from_cells_too() -> None:
    # 12 January 2022 is a Wednesday.
    table = events().assign(date=pd.Timestamp("2022-01-12"), date_last=pd.Timestamp("2022-01-12"))
    known = Coverage(source="own", first=date(2022, 1, 12), last=date(2022, 1, 30))
    asked = {"every": "week", "unit": "act", "start": known.first, "coverage": known}
    direct = sanction_counts(table.iloc[2:], **asked).table
    from_cells = sanction_counts(sl.cells(table.iloc[2:], every="week"), **asked).table
    pd.testing.assert_frame_equal(from_cells, direct)
    assert direct["n"].sum() == 3


def test_listings_per_month_make_quarters_and_no_weeks() -> None:
    counted = frame(
        "date date_last programme entity_type n_listings",
        [
            ("2022-01-01", "2022-01-31", "Russia", "individual", 3),
            ("2022-02-01", "2022-02-28", "Russia", "individual", 4),
            ("2022-02-01", "2022-02-28", "Iran", "entity", 1),
        ],
    ).assign(source="canada_sema", list="Canada SEMA")
    quarters = sanction_counts(counted, every="quarter", by=["target"], unit="designation").table
    assert shown(quarters, "target", "n") == [("IRN", 1), ("RUS", 7)]
    weeks = sanction_counts(counted, every="week", by=(), unit="designation").table
    assert shown(weeks, "period", "n_unassigned") == [(None, 8)]


@pytest.mark.parametrize(
    ("table", "options", "error", "match"),
    [
        (events(), {"unit": "entity"}, SanctlibError, "counted on listings or list_changes"),
        (CASES, {"unit": "act"}, SanctlibError, "cases, which have 'case' or 'coalition'"),
        (
            CHANGES,
            {"unit": "entity", "target_rule": "address"},
            SanctlibError,
            "target_rule is 'address'",
        ),
        (events(), {"unit": "actt"}, UnknownChoiceError, r"Did you mean 'act'\?"),
        (events(), {"unit": "act", "by": ["programme"]}, MissingColumnsError, "'programme'"),
        (CHANGES, {"unit": "entity", "by": ["measure"]}, MissingColumnsError, "'measure'"),
        (events(), {"unit": "act", "by": ["objective"]}, MissingColumnsError, "'objective'"),
        (events(), {"unit": "act", "by": ["sender"] * 2}, SanctlibError, "by holds 'sender' twice"),
        (
            events(),
            {"unit": "dyad", "by": ["sender"], "target_rule": "conduct"},
            SanctlibError,
            "Add 'target' to by",
        ),
        (
            CASES,
            {"unit": "case", "start": date(2023, 1, 1), "end": date(2022, 1, 1)},
            SanctlibError,
            "start must not be after end",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused_in_words(
    table: pd.DataFrame, options: dict, error: type, match: str
) -> None:
    with pytest.raises(error, match=match):
        sanction_counts(table, every="month", **options)


def test_units_side_by_side_with_the_rule_in_words() -> None:
    found = compare_units(
        {"list": EARLIER, "acts": events()},
        start=date(2022, 2, 1),
        end=date(2022, 2, 28),
        targets=["RUS"],
    ).table
    assert shown(found, "source", "unit", "target_rule", "n", "lower", "upper") == [
        ("list", "entity", "programme", None, 2, 5),
        ("list", "designation", "programme", None, 2, 5),
        # Russia is a party of no act of that month.
        *(
            ("acts", unit, rule, None, None, None)
            for unit in ("act", "dyad")
            for rule in ("programme", "conduct", "address")
        ),
    ]
    assert found["rule"].iloc[2].endswith("not covered: RUS (a party of no act)")
    assert "under three programmes counts once" in found["rule"][0]
    none = compare_units({}, start=date(2022, 2, 1), end=date(2022, 2, 28), targets=["RUS"]).table
    assert none.empty
    assert none.dtypes.equals(found.dtypes)


def test_a_hand_picked_list_covers_no_span() -> None:
    inside = {"start": date(2022, 2, 1), "end": date(2022, 2, 28)}
    found = compare_units([sl.load("russia_iran")], targets=["RUS", "NOR"], **inside).table
    assert found["covered"].eq(other=False).all()
    none = compare_units([sl.load("russia_iran")], targets=["NOR"], **inside).table
    assert none[["n", "upper"]].isna().all(axis=None)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 40), st.integers(0, 9), st.sampled_from(["IRAN", "IRAN;SDGT"])),
        min_size=1,
        max_size=12,
    ),
    every=st.sampled_from(["week", "month", "quarter"]),
)
def test_the_band_holds_the_count_and_no_entry_is_lost(steps: list[tuple], every: str) -> None:
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(
        pd.Series([0, *(s[0] for s in steps)]).cumsum(), unit="D"
    )
    rows = [
        (a, b, s[2], "entity", 0, s[1], 0, 0, 0, s[1], None, None)
        for (a, b), s in zip(pairwise(days), steps, strict=True)
    ]
    table = frame(" ".join(CHANGES.columns[:12]), rows).assign(source="x", list="US SDN")
    whole = Coverage(source="x", first=date(2021, 1, 1), last=date(2023, 12, 31))
    found = sanction_counts(table, every=every, by=["list"], unit="entity", coverage=whole).table
    total = sum(s[1] for s in steps)
    assert found["n"].fillna(found["lower"]).sum() + found["n_unassigned"].sum() == total
    known = found[found["covered"].fillna(value=False)]
    sure = known[known["n"].notna()]
    assert sure["lower"].eq(sure["n"]).all()
    assert sure["upper"].eq(sure["n"]).all()
    assert known.loc[known["n"].isna(), "lower"].lt(known["upper"]).all()
    between = sanction_counts(
        table, every=every, by=["list"], unit="entity", coverage=whole, between="versions"
    ).table
    spread = between["n"].fillna(between["lower"]).sum() + between["n_unassigned"].sum()
    assert spread == total
    by_type = sanction_counts(table, every=every, by=["entity_type"], unit="entity").table
    assert by_type["additive"].all()
    assert by_type["n_unassigned"].sum() == found["n_unassigned"].sum()


def test_a_list_without_addresses_is_not_counted_by_them() -> None:
    bare = LISTINGS.assign(entity_country=None)
    with pytest.raises(SanctlibError, match="no entry has an address"):
        sanction_counts(bare, every="month", unit="entity", by=["target"], target_rule="address")
    span = {"start": date(2022, 1, 1), "end": date(2022, 12, 31), "targets": ["RUS"]}
    rules = compare_units({"own": bare}, **span).table["target_rule"]
    assert rules.unique().tolist() == ["programme"]


def test_cases_are_not_asked_for_what_was_lifted() -> None:
    with pytest.raises(SanctlibError, match="cases are threatened or imposed"):
        sanction_counts(CASES, every="year", unit="case", actions=["lift"])


def test_a_state_that_was_not_there_has_no_zero() -> None:
    known = Coverage(source="own", first=date(1990, 1, 1), last=date(1993, 12, 31))
    case = CASES.iloc[:1].assign(
        target="SUN", **dict.fromkeys(("start", "start_last"), pd.Timestamp("1990-05-01")),
        **dict.fromkeys(("end", "end_last"), pd.Timestamp("1990-06-01")),
    )  # fmt: skip
    asked = {"every": "year", "by": ["target"], "targets": ["SUN", "RUS"], "coverage": known}
    counts = sanction_counts(case, unit="case", **asked).table
    by_state = counts.groupby("target")["n"].agg(list)
    assert by_state["SUN"] == [1, 0, pd.NA, pd.NA]
    assert [pd.isna(n) for n in by_state["RUS"]] == [True, False, False, False]
    assert counts.loc[counts["n"].isna(), "covered"].eq(other=False).all()
