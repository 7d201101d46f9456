"""Kind E: counts, units, labels and the rules of targets."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import frame, functions, given, pages
from tests.known_faults.made import YEAR, year_of_events

YEAR_2023: dict[str, Any] = {
    "every": "year",
    "start": date(2023, 1, 1),
    "end": date(2023, 12, 31),
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


LISTS = {"ofac_sdn": ("entity", "USA"), "canada_sema": ("designation", "CAN")}


@pytest.mark.parametrize("key", LISTS)
def test_counts_of_a_list_have_its_state_as_sender(key: str) -> None:
    unit, sender = LISTS[key]
    found = frame(
        given(
            lambda: sl.sanction_counts(
                sl.load(key), unit=unit, senders=[sender], targets=["RUS"], **YEAR_2023
            )
        )
    )
    found = found[found["period"].notna()]
    assert found["sender"].tolist() == [sender]
    assert found["target"].tolist() == ["RUS"]


@cache
def of_pairs() -> dict[str, pd.DataFrame]:
    """Return what each measure of a pair gives for Russia and Iran, asked in this order."""
    pair = ("RUS", "IRN")
    span: dict[str, Any] = {"every": "year", "coverage": YEAR}
    news = year_of_events()
    listed = sl.load("russia_iran")
    found = {
        "partnership_intensity": sl.partnership_intensity(news, pair=pair, **span),
        "observed_expected": sl.observed_expected(
            news, pair=pair, block="month", n_replicates=19, **span
        ),
        "shared_sanctioners": sl.shared_sanctioners(listed, pair=pair, every="year"),
        "agreements": sl.agreements(listed, pair=pair, every="year", half_life=1),
        "voting_gap": sl.voting_gap(sl.load("un_ideal_points"), pair=pair),
    }
    return {name: frame(table) for name, table in found.items()}


MEASURES = [
    "partnership_intensity",
    "agreements",
    "observed_expected",
    "shared_sanctioners",
    "voting_gap",
]


@pytest.mark.parametrize("name", MEASURES)
def test_measures_of_a_pair_have_the_same_keys(name: str) -> None:
    table = of_pairs()[name]
    assert {"period", "first", "second"} <= set(table)
    assert table[["first", "second"]].drop_duplicates().to_numpy().tolist() == [["IRN", "RUS"]]


def test_measures_of_a_pair_merge_on_their_keys() -> None:
    keys = ["period", "first", "second"]
    both = of_pairs()["shared_sanctioners"], of_pairs()["agreements"]
    merged = both[0].merge(both[1], on=keys)
    assert len(merged) >= 14


def test_the_page_of_the_us_list_counts_entries_of_no_state(page: pages.Page) -> None:
    # Of 2,685 additions of 2023, 553 have a thematic programme only.
    found = frame(
        sl.sanction_counts(
            sl.load("ofac_sdn"), unit="entity", by=["target"], between="versions", **YEAR_2023
        )
    )
    assert found.loc[found["target"].isna(), "n"].tolist() == [553]
    assert "553" in page("02_sanctions_over_time").text


PAGES = ["02_sanctions_over_time", "country_brief"]


@pytest.mark.parametrize(
    "name",
    PAGES,
)
def test_a_page_says_that_some_programmes_have_no_state(name: str) -> None:
    text = pages.source(name).casefold()
    assert "no state" in text
    assert "sdn list" in text


def test_the_brief_splits_canadas_designations_by_regime(page: pages.Page) -> None:
    shown = page("country_brief")
    assert "Russia 2,426; Ukraine 553; Moldova 23." in shown.text


@pytest.mark.parametrize("name", PAGES)
def test_the_rule_of_a_programme_is_named_as_reviewed(name: str, page: pages.Page) -> None:
    shown = page(name)
    assert "states the law is about" not in shown.text
    assert "as reviewed" in shown.text


def test_the_brief_has_one_column_per_unit(page: pages.Page) -> None:
    senders = page("country_brief").table("senders")
    assert senders.groupby("counted")["sender"].apply(set).ne({"USA", "CAN"}).all()


def test_a_plot_of_counts_has_the_period_of_the_counts() -> None:
    monthly = sl.sanction_counts(
        year_of_events(), every="month", unit="act", by=["target"], coverage=YEAR
    )
    drawn = monthly.plot(by="target")
    assert "month" in drawn.get_ylabel()
    assert "year" not in drawn.get_ylabel()


def test_the_figure_of_active_cases_counts_the_cases_drawn(
    real_data: Path, page: pages.Page
) -> None:
    shown = page("replications", gsdb=real_data / "cases" / "GSDB_V3.csv")
    assert "n = 1,325 cases active" not in shown.figures["gsdb_active_by_type.png"]


def test_the_figure_of_acts_says_that_acts_of_several_senders_count_for_each(
    page: pages.Page,
) -> None:
    said = page("country_brief").figures["acts.png"]
    assert "for each" in said


def test_senders_in_the_figure_of_acts_are_in_the_table(page: pages.Page) -> None:
    shown = page("country_brief")
    drawn = shown.figures["acts.png"]
    assert "CHE" in drawn or "Switzerland" in drawn
    assert "Switzerland" in shown.text


def test_the_figure_and_the_table_of_intensity_hold_the_same_acts(page: pages.Page) -> None:
    shown = page("03_partnership_intensity", until="components.csv")
    parts = shown.table("components").set_index("component")["n"]
    caption = shown.figures["intensity.png"]
    assert f"n = {parts['all_cooperation']} " in caption or "part-week" in caption


def test_the_audit_of_archived_versions_says_which_entries_did_not_change() -> None:
    steps = sl.load("ofac_sdn").upstream
    assert steps is not None
    merged = steps.loc[steps["n_merged"].gt(0), "step"]
    assert merged.tolist() == ["copies given twice", "unchanged between versions"]


def test_the_steps_of_an_audit_have_different_names() -> None:
    sample = ROOT / "tests" / "samples" / "gsdb" / "GSDB_V3.csv"
    assert sl.read("gsdb", sample).audit.steps["step"].is_unique


def test_the_page_of_the_us_list_says_since_when_an_entry_is_new() -> None:
    text = pages.source("02_sanctions_over_time")
    assert "27 May 2014" in text
    assert "relist" in text


def test_the_figure_of_units_has_names_in_words(page: pages.Page) -> None:
    drawn = page("02_sanctions_over_time").figures["units.png"]
    labels = drawn.replace("Source: ", "\nSource: ").split("\n")
    assert not [label for label in labels if "russia_iran" in label and "Source" not in label]


def parameters() -> Iterator[tuple[str, inspect.Parameter]]:
    for name, public in functions().items():
        for parameter in inspect.signature(public).parameters.values():
            yield name, parameter


@pytest.mark.parametrize("name", ["every", "at", "directed"])
def test_a_parameter_has_the_same_default_everywhere(name: str) -> None:
    # None is no default: without periods there is no `every` in agreements and load.
    given = [p.default for _, p in parameters() if p.name == name and p.default is not None]
    defaults = {str(default) for default in given}
    assert len(defaults) == 1


@pytest.mark.parametrize(
    "words",
    [
        {"n_replicates", "n_draws", "n_placebos", "n_moves"},
        {"dependent", "outcome", "value", "trade"},
    ],
    ids=["replicates", "outcome"],
)
def test_one_thing_has_one_word(words: set[str]) -> None:
    assert len({p.name for _, p in parameters()} & words) == 1


def columns_of_counts() -> set[str]:
    found = [
        sl.sanction_counts(year_of_events(), every="year", unit="act", coverage=YEAR),
        sl.partnership_intensity(
            year_of_events(), pair=("IRN", "RUS"), every="year", coverage=YEAR
        ),
    ]
    return {column for table in found for column in frame(table)}


def test_a_count_of_acts_has_one_name() -> None:
    assert len(columns_of_counts() & {"n", "n_acts"}) == 1
