"""`listings_by_sender`: new entries of several lists next to each other."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import sanctlib as sl

KEYS = ("ofac_sdn", "eu_listings", "uk_listings", "canada_sema")


def by_sender(*keys: str, **asked: Any) -> sl.Result:
    lists = [sl.load(key) for key in keys]
    return sl.metrics.listings_by_sender(lists, **{"targets": ["RUS", "IRN"], **asked})


@pytest.fixture(scope="module")
def everyone() -> sl.Result:
    return by_sender(*KEYS, start="2014", end="2026")


def years(result: sl.Result, sender: str, target: str) -> dict[tuple[int, str], int]:
    table = result.table
    rows = table[table["sender"].eq(sender) & table["target"].eq(target) & table["n"].notna()]
    rows = rows[rows["period"].notna()]
    keys = zip(rows["period"].dt.year, rows["basis"], strict=True)
    return dict(zip(keys, rows["n"].astype("int64"), strict=True))


def test_the_numbers_are_those_of_each_list(everyone: sl.Result) -> None:
    of_us = years(everyone, "USA", "IRN")
    assert {year: of_us[year, "made"] for year in range(2022, 2027)} == {
        2022: 151,
        2023: 244,
        2024: 305,
        2025: 851,
        2026: 542,
    }
    assert years(everyone, "GBR", "RUS") == {
        (2020, "carried_over"): 226,
        (2022, "listed"): 1383,
        (2023, "listed"): 328,
        (2024, "listed"): 275,
        (2025, "listed"): 743,
        (2026, "listed"): 297,
    }
    assert years(everyone, "EU", "IRN")[2025, "restored"] == 103
    assert years(everyone, "EU", "RUS")[2022, "listed"] == 1284


def test_a_long_interval_between_versions_has_no_number_of_a_year(everyone: sl.Result) -> None:
    table = everyone.table
    rows = table[table["sender"].eq("USA") & table["target"].eq("RUS") & table["n"].isna()]
    assert rows["period"].dt.year.tolist() == [2015, 2016, 2017, 2018]
    assert rows["upper"].tolist() == [295] * 4
    assert {str(day.date()) for day in rows["from"]} == {"2015-01-17"}


def test_a_sentence_per_sender_names_the_last_years(everyone: sl.Result) -> None:
    sentences = everyone.summary()
    assert [text.split(",")[0] for text in sentences] == [
        "United States",
        "European Union",
        "United Kingdom",
        "Canada",
    ]
    assert "on Russia 2022 1,810, 2023 1,682, 2024 2,281, 2025 637, 2026 7" in sentences[0]
    assert "2025 103 restored" in sentences[1]
    assert "to 20 March 2025" in sentences[3]


def test_no_entry_is_said() -> None:
    found = by_sender("uk_listings", targets=["FJI"])
    assert found.summary() == ["No entry on Fiji in these lists."]
    assert found.table.empty
    assert found.plot() is not None


def test_the_area_of_a_bar_is_the_number_of_entries() -> None:
    only = sl.metrics.listings_by_sender(
        [sl.load("ofac_sdn")], targets=["RUS"], start="2014", end="2026"
    )
    panel = only.plot().child_axes[0]
    areas = [bar.get_width() / 0.92 * bar.get_height() / 365.25 for bar in panel.patches]
    rows = only.table.drop_duplicates("from")
    n = rows["n"].fillna(rows["upper"])
    assert sorted(round(area) for area in areas) == sorted(n.tolist())
    widest = max(panel.patches, key=lambda bar: bar.get_width())
    assert widest.get_width() > 0.92 * 4 * 360


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([], "holds no list"),
        ([pd.DataFrame({"n": [1]})], "must hold readings"),
        ([sl.load("un_ideal_points")], "dyads"),
    ],
)
def test_what_is_no_list_is_refused(lists: list[Any], message: str) -> None:
    with pytest.raises(sl.SanctlibError, match=message):
        sl.metrics.listings_by_sender(lists, targets=["RUS"])
