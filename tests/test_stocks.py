"""Stocks: two definitions, their identities, bounds where days are not known."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.coverage import Coverage
from sanctlib.errors import MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.stocks import active_sanctions
from tests.engines import Shaped
from tests.test_counts import CHANGES, COPIES, LISTINGS, events, frame, shown

YEARS = Coverage(source="own", first=date(2000, 1, 1), last=date(2004, 12, 31))


def yearly(rows: list[tuple]) -> pd.DataFrame:
    """Return cases dated by year: number, sender, target, first, last year, ongoing, exit."""

    def day(year: int | None, text: str) -> str | None:
        return None if year is None else f"{year}-{text}"

    table = frame(
        "case_id sender target start start_last end end_last ongoing exit",
        [
            (
                *row[:3],
                *(day(row[3], "01-01"), day(row[3], "12-31")),
                *(day(row[4], "01-01"), day(row[4], "12-31")),
                *row[5:],
            )
            for row in rows
        ],
    )
    return table.assign(source="own", ongoing=table["ongoing"].astype("boolean"))


CASES = yearly(
    [
        ("1", "USA", "RUS", 1999, 2001, False, "lifted"),
        ("1", "EU", "RUS", 1999, 2001, False, "lifted"),
        ("2", "USA", "RUS", 2001, 2001, False, "expired"),
        ("3", "USA", "RUS", 2002, None, True, None),
        ("4", "USA", "RUS", 2002, None, False, "unknown"),
        ("5", "USA", "RUS", 2000, 2002, False, "suspended"),
    ]
)


def test_a_case_is_active_in_the_year_it_ends(as_engine: Shaped) -> None:
    table = as_engine(CASES)
    found = active_sanctions(
        table, every="year", at="any_day", stock="in_force", coverage=YEARS
    ).table
    columns = ["n", "lower", "upper", "opening", "added", "removed", "closing"]
    assert shown(found, *columns) == [
        (2, 2, 2, 1, 1, 0, 2),
        (3, 3, 3, 2, 1, 2, 1),
        # Case 4 began in 2002, and nobody knows when it ended.
        (3, 3, 3, 1, 2, 2, 1),
        (1, 1, 2, 1, 0, 0, 1),
        (1, 1, 2, 1, 0, 0, 1),
    ]
    assert shown(found, "left_censored", "right_censored") == [
        (1, 0),
        (1, 0),
        (0, 1),
        (0, 1),
        (0, 1),
    ]


def test_after_the_last_day_of_a_year_what_ended_in_it_is_gone() -> None:
    found = active_sanctions(
        CASES, every="year", at="end_of_period", stock="in_force", coverage=YEARS
    ).table
    assert shown(found, "n", "lower", "upper") == [
        (2, 2, 2),
        (1, 1, 1),
        (1, 1, 2),
        (1, 1, 2),
        (1, 1, 2),
    ]


def test_a_suspended_case_stays_in_law() -> None:
    found = active_sanctions(CASES, every="year", at="any_day", coverage=YEARS).table
    assert found["n"].tolist() == [2, 3, 3, 2, 2]


def test_a_case_cut_by_the_end_of_coverage_is_open_if_its_source_says_so() -> None:
    cut = yearly(
        [("1", "USA", "RUS", 2003, 2004, True, None), ("2", "EU", "RUS", 2003, 2004, False, None)]
    )
    found = active_sanctions(cut, every="year", at="end_of_period", coverage=YEARS).table
    assert shown(found, "n", "right_censored")[-2:] == [(2, 1), (1, 1)]


def test_a_target_that_no_case_names_has_a_stock_of_zero_inside_coverage() -> None:
    asked = {"every": "year", "targets": ["RUS", "CUB"], "coverage": YEARS}
    stocks = active_sanctions(CASES, at="any_day", **asked).table
    assert stocks.loc[stocks["target"].eq("CUB"), "n"].tolist() == [0] * 5
    counts = sanction_counts(CASES, unit="case", by=["target"], **asked).table
    inside = counts[counts["period"].ge("2000-01-01")]
    assert shown(inside, "period", "target") == shown(stocks, "period", "target")
    known = Coverage(source="own", first=YEARS.first, last=YEARS.last, states=frozenset({"RUS"}))
    other = active_sanctions(CASES, at="any_day", **(asked | {"coverage": known})).table
    assert shown(other[other["target"].eq("CUB")], "n", "covered") == [(None, False)] * 5
    assert not active_sanctions(CASES, every="year", at="any_day", targets=["CUB"]).table.size


def test_objectives_of_one_case_do_not_add_up() -> None:
    table = CASES.iloc[[0, 2, 4]].assign(objectives=["democracy;end_war", "end_war", None])
    found = active_sanctions(
        table, every="year", at="any_day", by=["objective"], coverage=YEARS
    ).table
    first = found[found["period"].eq("2001-01-01")]
    assert shown(first, "objective", "n", "additive") == [
        ("democracy", 1, False),
        ("end_war", 2, False),
        (None, 0, False),
    ]


def test_senders_of_one_case_do_not_add_up() -> None:
    by_sender = active_sanctions(
        CASES, every="year", at="any_day", by=["sender"], coverage=YEARS
    ).table
    assert by_sender.loc[by_sender["sender"].eq("EU"), "n"].tolist() == [1, 1, 0, 0, 0]
    assert not by_sender["additive"].any()
    assert (
        active_sanctions(CASES, every="year", at="any_day", coverage=YEARS).table["additive"].all()
    )


# One case of a day lets the others be asked for by quarter.
OF_A_DAY = frame(
    "case_id sender target start start_last end end_last ongoing exit",
    [("d", "USA", "CUB", *["2001-02-03"] * 2, *["2001-02-04"] * 2, False, "lifted")],
).assign(source="own")


def test_a_year_is_not_a_month() -> None:
    with pytest.raises(SanctlibError, match=r"dated that closely. Use every='year'"):
        active_sanctions(CASES, every="quarter", at="any_day")
    found = active_sanctions(
        pd.concat([CASES.iloc[[2]], OF_A_DAY]),
        every="quarter",
        at="any_day",
        targets=["RUS"],
        start=date(2000, 10, 1),
        end=date(2002, 3, 31),
        coverage=YEARS,
    ).table
    # Begun and ended in 2001, nobody knows in which quarter.
    assert shown(found, "n", "upper") == [(0, 0), *[(0, 1)] * 4, (0, 0)]


def test_a_bare_table_has_no_zeros_and_no_left_censoring() -> None:
    found = active_sanctions(CASES.iloc[[0, 1]], every="year", at="any_day").table
    assert shown(found, "period", "n", "left_censored", "covered") == [
        ("1999-01", 1, None, None),
        ("2001-01", 1, None, None),
    ]


def test_outside_coverage_and_without_a_copy_the_stock_is_missing() -> None:
    found = active_sanctions(
        CHANGES, every="month", at="end_of_period", by=(), start=date(2021, 12, 1), coverage=COPIES
    ).table
    assert shown(found, "period", "n", "covered") == [
        ("2021-12", None, False),
        # Versions without a time show their whole day: what came later is of the next month.
        ("2022-01", 5, False),
        ("2022-02", 10, True),
        ("2022-03", 14, True),
    ]


def test_entries_that_move_within_a_group_have_not_moved(as_engine: Shaped) -> None:
    table = as_engine(CHANGES)
    found = active_sanctions(
        table, every="month", at="end_of_period", targets=["IRN", "RUS"], coverage=COPIES
    ).table
    columns = ["target", "n", "lower", "upper", "opening", "added", "moved_in", "moved_out"]
    assert shown(found, *columns) == [
        ("IRN", 5, 5, 5, 5, 0, 0, 0),
        ("IRN", 8, 8, 8, 5, 2, 1, 0),
        ("IRN", 8, 8, 8, 8, 0, 0, 0),
        # January has one day in the coverage, and no entry.
        ("RUS", *[None] * 7),
        ("RUS", 5, 5, 5, 0, 5, 0, 0),
        ("RUS", 5, 5, 5, 5, 0, 0, 0),
    ]
    assert not found["additive"].any()


def test_an_entity_under_two_programmes_is_held_once_until_the_last_ends() -> None:
    spells = frame(
        "listing_id entity_id programme listed delisted",
        [
            ("a", "A", "P", "2022-01-05", "2022-02-10"),
            ("b", "A", "Q", "2022-02-10", "2022-03-20"),
            ("c", "A", "P", "2022-05-02", None),
            ("d", "B", "P", None, "2022-02-01"),
        ],
    ).assign(source="own", list="L", entity_type="entity", programme_state="RUS")
    known = Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 5, 31))
    found = active_sanctions(spells, every="month", at="any_day", coverage=known).table
    assert shown(found, "n", "upper", "added", "removed", "closing", "right_censored") == [
        (1, 2, 1, 0, 1, 0),
        (1, 2, 0, 0, 1, 0),
        (1, 1, 0, 1, 0, 0),
        (0, 0, 0, 0, 0, 0),
        (1, 1, 1, 0, 1, 1),
    ]
    by_programme = active_sanctions(
        spells, every="month", at="any_day", by=["programme"], coverage=known
    ).table
    assert by_programme.loc[by_programme["programme"].eq("P"), "n"].tolist() == [1, 1, 0, 0, 1]
    by_list = active_sanctions(
        spells, every="month", at="any_day", by=["sender"], coverage=known
    ).table
    assert list(by_list)[:2] == ["period", "sender"]


def test_a_listing_of_unknown_day_does_not_hide_one_that_is_known() -> None:
    spells = frame(
        "listing_id entity_id programme listed delisted",
        [("a", "A", "P", None, None), ("b", "A", "Q", "2022-02-05", "2022-04-10")],
    ).assign(source="own", list="L", entity_type="entity", programme_state="RUS")
    known = Coverage(source="own", first=date(2022, 1, 1), last=date(2022, 5, 31))
    found = active_sanctions(spells, every="month", at="end_of_period", coverage=known).table
    # Under P perhaps all along, under Q surely from 5 February to 10 April.
    assert shown(found, "n", "upper") == [(0, 1), (1, 1), (1, 1), (0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("table", "options", "error", "match"),
    [
        (events(), {}, SanctlibError, "a day and no end: count them with sl.sanction_counts"),
        (LISTINGS, {"stock": "in_force"}, SanctlibError, "do not state what is suspended"),
        (CHANGES, {"target_rule": "address"}, SanctlibError, "target_rule is 'address'"),
        (CHANGES, {"by": ["measure"]}, MissingColumnsError, "'measure'"),
        (CASES, {"at": "end_of_perio"}, UnknownChoiceError, "Did you mean 'end_of_period'"),
        (CASES.drop(columns="exit"), {"stock": "in_force"}, MissingColumnsError, "'exit'"),
    ],
)
def test_what_has_no_stock_is_refused_in_words(
    table: pd.DataFrame, options: dict, error: type, match: str
) -> None:
    with pytest.raises(error, match=match):
        active_sanctions(table, every="year", **({"at": "any_day"} | options))


def identities_hold(every: str, table: pd.DataFrame, coverage: Coverage, **options: object) -> None:
    stocks = {
        at: active_sanctions(table, every=every, at=at, coverage=coverage, **options).table
        for at in ("any_day", "end_of_period")
    }
    any_day, closing = stocks["any_day"], stocks["end_of_period"]
    came = any_day["added"] + any_day["moved_in"]
    left = any_day["removed"] + any_day["moved_out"]
    keys = [c for c in ("target", "programme") if c in any_day]
    named = any_day[keys].astype("str").agg("|".join, axis=1) if keys else any_day["unit"]
    for rows in any_day.groupby(named).groups.values():
        n, enters, leaves = any_day.loc[rows, "n"], came[rows], left[rows]
        assert (n.diff() == enters - leaves.shift()).iloc[1:].all()
        end = closing.loc[rows, "n"]
        assert (end.diff() == enters - leaves).iloc[1:].all()
        assert end.tolist() == closing.loc[rows, "closing"].tolist()
    for found in stocks.values():
        assert (found["lower"] <= found["n"]).all()
        assert (found["n"] <= found["upper"]).all()


some_years = st.integers(1998, 2004)
some_cases = st.lists(
    st.tuples(
        some_years,
        st.one_of(st.none(), st.integers(0, 5)),
        st.booleans(),
        st.sampled_from(["RUS", "IRN"]),
        st.sampled_from(["lifted", "suspended", None]),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(
    cases=some_cases,
    every=st.sampled_from(["quarter", "year"]),
    stock=st.sampled_from(["legal", "in_force"]),
)
def test_both_identities_hold_for_cases(cases: list[tuple], every: str, stock: str) -> None:
    rows = [
        (str(i), "USA", target, begin, length if length is None else begin + length, going, end)
        for i, (begin, length, going, target, end) in enumerate(cases)
    ]
    identities_hold(every, pd.concat([yearly(rows), OF_A_DAY]), YEARS, stock=stock)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 40), st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)),
        min_size=1,
        max_size=10,
    ),
    every=st.sampled_from(["week", "month"]),
    by=st.sampled_from([(), ("target",), ("programme",)]),
)
def test_both_identities_hold_for_dated_copies(steps: list[tuple], every: str, by: tuple) -> None:
    day, iran, both = pd.Timestamp("2022-01-03"), 50, 20
    first, rows = day, []
    start = [("IRAN", iran), ("IRAN;SDGT", both)]
    rows += [(day, day, s, "entity", n, 0, 0, 0, 0, n, None, None) for s, n in start]
    for days, added, removed, moved in steps:
        since, day = day, day + pd.Timedelta(days=days)
        gone = min(removed, iran - moved)
        after = iran + added - gone - moved
        rows.append((since, day, "IRAN", "entity", iran, added, gone, 0, moved, after, None, None))
        rows.append(
            (since, day, "IRAN;SDGT", "entity", both, 0, 0, moved, 0, both + moved, "SDGT:1", None)
        )
        iran, both = after, both + moved
    table = frame(" ".join(CHANGES.columns[:12]), rows).assign(source="x", list="US SDN")
    copies = Coverage(source="x", first=first.date(), last=day.date())
    identities_hold(every, table, copies, by=by)
    if by != ("programme",):
        last = (
            active_sanctions(table, every=every, at="end_of_period", by=by, coverage=copies)
            .table["n"]
            .iloc[-1]
        )
        assert last == iran + both


def test_a_case_threatened_first_is_a_sanction_from_its_imposition_on() -> None:
    days = pd.to_datetime(["2018-05-01", "2020-03-01", "2021-06-01"])
    case = pd.DataFrame(
        {
            "source": "own", "case_id": ["1"], "sender": "USA", "target": "IRN",
            "start": days[0], "start_last": days[0], "end": days[2], "end_last": days[2],
            "ongoing": False, "threatened": True, "imposed": True,
            "imposed_start": days[1], "imposed_start_last": days[1],
        }
    )  # fmt: skip
    known = Coverage(source="own", first=date(2018, 1, 1), last=date(2021, 12, 31))
    stocks = active_sanctions(case, every="year", at="any_day", coverage=known).table
    assert stocks["n"].tolist() == [0, 0, 1, 1]
    asked = {"every": "year", "unit": "case", "coverage": known}
    assert sanction_counts(case, **asked).table["n"].tolist() == [0, 0, 1, 0]
    assert sanction_counts(case, actions=["threaten"], **asked).table["n"].tolist() == [1, 0, 0, 0]
