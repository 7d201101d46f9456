"""The US list month by month: published and independently counted figures come out."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, UnknownChoiceError
from tests.news import news_of_2018

# Last copy of each month: its day, entries, those under Russian and Iranian programmes and
# under both, additions, removals, programme changes since the row before. Counted from the
# 308 dated copies by another program; the first and the last month are cut.
SNAPSHOTS = """
2021-08-24 9124 497 1788 0 41 0 36 | 2021-09-30 9118 499 1801 0 55 61 2
2021-10-29 9130 499 1805 0 14 2 0 | 2021-11-23 9107 499 1805 0 38 61 24
2021-12-30 9008 499 1817 0 165 264 25 | 2022-01-31 9052 503 1817 0 45 1 1
2022-02-28 9222 630 1817 0 170 0 5 | 2022-03-31 9847 1179 1822 0 627 2 21
2022-04-29 10025 1359 1822 0 207 29 9 | 2022-05-27 10177 1483 1836 0 177 25 8
2022-06-28 10409 1694 1845 0 236 4 4 | 2022-07-29 10432 1699 1862 0 24 1 0
2022-08-19 10478 1749 1869 0 62 16 0 | 2022-09-30 10875 2120 1904 0 409 12 68
2022-10-28 10960 2143 1928 0 86 1 1 | 2022-11-30 11122 2199 1951 2 164 2 4
2022-12-28 11430 2299 1963 2 348 40 3 | 2023-01-31 11531 2352 1980 2 102 1 4
2023-02-28 11848 2624 1998 2 324 7 4 | 2023-03-31 11965 2626 2087 2 141 24 1
2023-04-27 12209 2770 2089 2 259 15 2 | 2023-05-30 12579 3092 2089 3 391 21 2
2023-06-29 12631 3106 2106 3 65 13 1 | 2023-07-31 12802 3234 2106 3 201 30 1
2023-08-31 12864 3251 2106 3 65 3 5 | 2023-09-28 13098 3417 2152 4 248 14 6
2023-10-31 13092 3421 2177 8 89 95 10 | 2023-11-30 13427 3671 2181 8 337 2 0
2023-12-28 13821 3973 2198 8 463 69 2 | 2024-01-31 13901 3995 2211 8 85 5 0
2024-02-28 14510 4568 2226 9 613 4 10 | 2024-03-27 14561 4591 2240 9 141 90 15
2024-04-26 14668 4593 2295 13 112 5 6 | 2024-05-03 14965 4883 2295 13 305 8 0
"""
COLUMNS = ("day", "closing", "russia", "iran", "both", "added", "removed", "changes")
FIRST, LAST = date(2021, 9, 1), date(2024, 4, 30)
BETWEEN = {"between": "versions"}


@pytest.fixture(scope="module")
def snapshots() -> pd.DataFrame:
    rows = [r.split() for line in SNAPSHOTS.split("\n") for r in line.split("|") if r]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(COLUMNS[1:], "int64"))


@pytest.fixture(scope="module")
def months(snapshots: pd.DataFrame) -> pd.DataFrame:
    return snapshots.iloc[1:-1]


@pytest.fixture(scope="module")
def changes() -> pd.DataFrame:
    """The shipped changes to May 2024, with the two groups of programmes of the figures."""
    table = sl.load("ofac_sdn").table
    table = table[table["to"].lt("2024-05-04")]
    first = table["from"].eq(table["to"])
    tokens = table["programmes"].str.split(";")
    return table.assign(
        month=table["to"].dt.to_period("M"),
        later=table["from"].ge("2021-08-18T09:00"),
        net=(table["closing"] - table["opening"]).mask(first, table["closing"]),
        russia=tokens.map(lambda ts: any("RUSSIA" in t or t.startswith("UKRAINE") for t in ts)),
        iran=table["programmes"].str.contains("IRAN|IRGC|IFSR|IFCA|FSE-IR|HRIT-IR"),
    )


def test_every_month_has_the_counted_stocks_by_state_and_flows(
    snapshots: pd.DataFrame, changes: pd.DataFrame
) -> None:
    net = changes["net"]
    found = pd.DataFrame(
        {
            name: net[group].groupby(changes["month"]).sum().reindex(months_of(changes)).cumsum()
            for name, group in {
                "closing": changes["closing"].ge(0),
                "russia": changes["russia"],
                "iran": changes["iran"],
                "both": changes["russia"] & changes["iran"],
            }.items()
        }
    ).ffill()
    flows = changes[changes["later"]].groupby("month")[["added", "removed", "moved_in"]].sum()
    found = found.join(flows.rename(columns={"moved_in": "changes"})).fillna(0).astype("int64")
    found = found[found.index >= pd.Period("2021-08")]
    assert (
        found[list(COLUMNS[1:])].to_numpy().tolist()
        == snapshots[list(COLUMNS[1:])].to_numpy().tolist()
    )


def months_of(changes: pd.DataFrame) -> pd.PeriodIndex:
    return pd.PeriodIndex(changes["month"].drop_duplicates().sort_values())


def test_the_days_of_most_additions_and_removals(changes: pd.DataFrame) -> None:
    later = changes[changes["later"]]
    by_copy = later.groupby(later["to"].dt.strftime("%Y-%m-%d"))[["added", "removed"]].sum()
    assert by_copy["added"].nlargest(5).to_dict() == {
        "2024-02-23": 553,
        "2022-03-24": 397,
        "2023-05-19": 323,
        "2024-05-01": 298,
        "2022-09-30": 296,
    }
    assert by_copy["removed"].nlargest(3).to_dict() == {
        "2021-12-30": 150,
        "2021-12-02": 112,
        "2023-10-31": 93,
    }


def test_the_whole_span_closes_and_an_entry_came_back_twice(changes: pd.DataFrame) -> None:
    later = changes[changes["later"]]
    opening = changes.loc[~changes["later"], "net"].sum()
    assert (opening, later["added"].sum(), later["removed"].sum()) == (9083, 6809, 927)
    assert later["moved_in"].sum() == later["moved_out"].sum() == 280
    # Under another number: a firm listed again, and a mixer of coins on the day it went. The
    # others were removed before August 2021.
    again = later[later["relisted"].gt(0)].groupby(later["to"].dt.strftime("%Y-%m-%d"))
    found = again["relisted"].sum()
    assert found[["2022-08-02", "2022-11-09"]].tolist() == [1, 1]
    assert found.sum() == len(found) == 9


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2022, {"individual": 1351, "entity": 924, "vessel": 266, "aircraft": 14}),
        (2023, {"individual": 880, "entity": 1622, "vessel": 98, "aircraft": 85}),
    ],
)
def test_additions_per_year_by_type(year: int, expected: dict[str, int]) -> None:
    span = {"start": date(year, 1, 1), "end": date(year, 12, 31)}
    counts = sl.sanction_counts(
        sl.load("ofac_sdn"), every="year", unit="entity", by=["entity_type"], **BETWEEN, **span
    ).table
    assert counts.set_index("entity_type")["n"].to_dict() == expected


def test_the_additions_of_2022_are_russian_in_1697_of_the_published_1698(
    changes: pd.DataFrame,
) -> None:
    in_2022 = changes["later"] & changes["to"].dt.year.eq(2022)
    persons = changes["entity_type"].isin(["individual", "entity"])
    added = changes["added"][in_2022 & persons]
    assert added.sum() == 2275
    assert added[changes["russia"]].sum() == 1697
    # By the reviewed states of the programmes: five more under MAGNIT and two under PEESA-EO14039.
    counts = sl.sanction_counts(
        sl.load("ofac_sdn"),
        every="year",
        unit="entity",
        by=["target", "entity_type"],
        targets=["RUS"],
        start=date(2022, 1, 1),
        end=date(2022, 12, 31),
        between="versions",
    ).table.set_index("entity_type")["n"]
    assert counts["individual"] + counts["entity"] == 1704


def test_additions_per_month_hold_the_counted_ones_between_their_bounds(
    months: pd.DataFrame,
) -> None:
    # The counted figures date a change by the copy that first shows it.
    counts = sl.sanction_counts(
        sl.load("ofac_sdn"), every="month", unit="entity", by=[], start=FIRST, end=LAST
    ).table
    counts = counts[counts["period"].notna()]
    assert counts["covered"].all()
    added = months["added"].to_numpy()
    assert (counts["lower"].to_numpy() <= added).all()
    assert (added <= counts["upper"].to_numpy()).all()
    known = counts["n"].notna().to_numpy()
    assert counts["n"][known].tolist() == added[known].tolist()


def test_stocks_and_removals_per_month_are_the_counted_ones(months: pd.DataFrame) -> None:
    stocks = sl.active_sanctions(
        sl.load("ofac_sdn"), every="month", at="end_of_period", by=[], start=FIRST, end=LAST
    ).table
    closing, removed = months["closing"].to_numpy(), months["removed"].to_numpy()
    assert (stocks["lower"].to_numpy() <= closing).all()
    assert (closing <= stocks["upper"].to_numpy()).all()
    for name, counted in (("n", closing), ("removed", removed)):
        known = stocks[name].notna().to_numpy()
        assert known.any()
        assert stocks[name][known].tolist() == counted[known].tolist()


def test_both_identities_of_the_stock_hold_for_russia_and_iran() -> None:
    asked = {"every": "month", "by": ["target"], "targets": ["RUS", "IRN"], "start": FIRST}
    for at in ("any_day", "end_of_period"):
        stocks = sl.active_sanctions(sl.load("ofac_sdn"), at=at, end=LAST, **asked, **BETWEEN)
        stocks = stocks.table
        for _, rows in stocks.groupby("target"):
            came, went = rows["added"] + rows["moved_in"], rows["removed"] + rows["moved_out"]
            before = rows["n"].shift()
            expected = (
                before + came - went if at == "end_of_period" else before + came - went.shift()
            )
            assert rows["n"].iloc[1:].tolist() == expected.iloc[1:].tolist()


def test_december_2023_differs_by_unit_as_reported() -> None:
    span = {"start": date(2023, 12, 1), "end": date(2023, 12, 31), "targets": ["RUS", "IRN"]}
    units = sl.compare_units([sl.load("ofac_sdn"), sl.load("russia_iran")], **span).table
    n = units.set_index(["source", "unit", "target_rule"])[["n", "lower", "upper"]]
    found = n.loc[[("ofac_sdn", unit, "programme") for unit in ("entity", "designation")]]
    assert found["lower"].le(found["upper"]).all()
    assert found["lower"].tolist()[0] <= 319 <= found["upper"].tolist()[0]
    assert found["lower"].tolist()[1] <= 335 <= found["upper"].tolist()[1]
    n = n["n"]
    assert n["russia_iran", "act", "programme"] == 6
    assert n["russia_iran", "dyad", "conduct"] == 9


def test_a_belgian_firm_does_not_make_belgium_a_sanctioned_state() -> None:
    acts = sl.load("russia_iran")
    day = {"start": date(2023, 12, 5), "end": date(2023, 12, 5)}
    by_law = sl.sanction_counts(acts, every="day", unit="act", by=["target"], **day).table
    assert by_law[by_law["n"].gt(0)]["target"].tolist() == ["RUS"]
    by_place = sl.sanction_counts(
        acts, every="day", unit="act", by=["target"], target_rule="address", **day
    ).table
    places = set(by_place[by_place["n"].gt(0)]["target"])
    assert {"BEL", "HKG", "SWE"} <= places


def test_a_span_that_a_source_does_not_cover_is_missing_not_zero() -> None:
    span = {"start": date(2013, 1, 1), "end": date(2013, 12, 31), "targets": ["RUS"]}
    units = sl.compare_units([sl.load("ofac_sdn")], **span).table
    assert units[["n", "lower", "upper"]].isna().all(axis=None)
    assert units["covered"].tolist() == [False, False]


def test_cells_that_the_span_cuts_are_not_covered() -> None:
    span = {"start": date(2018, 5, 3), "end": date(2018, 5, 12), "targets": ["IRN"]}
    units = sl.compare_units([news_of_2018("week")], **span).table
    assert units["covered"].tolist() == [False]
    assert units["n"].isna().all()


def test_a_misspelt_target_is_refused_not_counted_as_zero() -> None:
    asked = {"every": "year", "unit": "entity"}
    with pytest.raises(UnknownChoiceError, match="Did you mean 'RUS'"):
        sl.sanction_counts(sl.load("ofac_sdn"), targets=["rus"], **asked)
    by_name = sl.sanction_counts(sl.load("ofac_sdn"), targets=["Russia"], **asked).table
    by_code = sl.sanction_counts(sl.load("ofac_sdn"), targets=["RUS"], **asked).table
    pd.testing.assert_frame_equal(by_name, by_code)


def test_a_list_is_not_asked_for_lifted_sanctions() -> None:
    with pytest.raises(SanctlibError, match="a list holds only impositions"):
        sl.sanction_counts(sl.load("ofac_sdn"), every="year", unit="entity", actions=["lift"])


@pytest.mark.parametrize("by", [["sender"], []])
def test_a_list_has_no_zero_of_another_sender(by: list[str]) -> None:
    asked = {"every": "year", "by": by, "senders": ["EU"], "targets": ["RUS"]}
    for result in (
        sl.sanction_counts(sl.load("ofac_sdn"), unit="entity", **asked),
        sl.active_sanctions(sl.load("ofac_sdn"), at="end_of_period", **asked),
    ):
        found = result.table
        assert result.findings == ("What is requested is not covered (source: US SDN list).",)
        assert len(found)
        assert found[["n", "lower", "upper"]].isna().all(axis=None)
        assert not found["covered"].any()
    asked["senders"] = ["EU", "USA"]
    found = sl.sanction_counts(sl.load("ofac_sdn"), unit="entity", **asked, **BETWEEN).table
    own = found[found["sender"].eq("USA")] if by else found
    # From May 2014 on, by year: 57, 36, 69, 25, 1,810, 1,682, 2,281, 637 and 7; 295 in 2015-2018.
    assert own["n"].sum() == 6604
    assert own["covered"].any() == bool(by)


def test_the_sender_of_a_list_chooses_all_of_it() -> None:
    asked = {"every": "year", "by": ["target"], "targets": ["RUS"]}
    for measure, more in (
        (sl.sanction_counts, {"unit": "entity"}),
        (sl.active_sanctions, {"at": "any_day"}),
    ):
        of_list = measure(sl.load("ofac_sdn"), **asked, **more).table
        of_sender = measure(sl.load("ofac_sdn"), senders=["USA"], **asked, **more).table
        pd.testing.assert_frame_equal(of_sender, of_list)


def test_no_act_over_many_periods_is_an_empty_table() -> None:
    asked = {"every": "day", "unit": "entity", "by": ["programme"]}
    found = sl.sanction_counts(sl.load("ofac_sdn"), senders=["EU"], **asked).table
    assert found.empty
