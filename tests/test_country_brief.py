"""The country brief: a page for any state or pair, which says what its data do not cover."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from sanctlib.reports.index import write_index
from sanctlib.reports.run import Run, run_notebook


def brief(out: Path, *states: str, **given: object) -> tuple[Run, BeautifulSoup]:
    run = run_notebook("country_brief", parameters={"states": list(states), **given}, out=out)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    # Neither a warning nor a stray value.
    assert soup.select("main pre") == []
    return run, soup


def headline(run: Run) -> dict[str, float]:
    table = pd.read_csv(run.folder / "headline.csv")
    assert list(table) == ["label", "value", "unit"]
    return dict(zip(table["label"], table["value"], strict=True))


def files(run: Run, kind: str) -> list[str]:
    return sorted(p.stem for p in run.folder.glob(f"*.{kind}"))


def test_a_pair_has_its_rate_its_ratio_and_both_lists(tmp_path: Path) -> None:
    run, soup = brief(tmp_path, "RUS", "IRN")
    assert headline(run) == {
        "reported co-operation of the two": 859,
        "observed over expected co-operation": 3.0,
        "Russia: on the US list": 6873,
        "Iran: on the US list": 3853,
        "Russia: new on the US list": 6899,
        "Iran: new on the US list": 3370,
        "Russia: still listed by the EU": 3007,
        "Iran: still listed by the EU": 709,
        "Russia: still listed by the UK": 3252,
        "Iran: still listed by the UK": 557,
        "Russia: still listed by Canada": 3002,
        "Iran: still listed by Canada": 460,
        "Russia: on the UN list": 0,
        "Iran: on the UN list": 121,
        "Russia: reported co-operation": 10125,
        "Iran: reported co-operation": 4039,
    }
    drawn = ["acts", "gap", "intensity", "partners_IRN", "partners_RUS", "us_list", "us_new"]
    assert files(run, "png") == drawn
    assert soup.select("main h2")[0].text == "Answer"
    # The caption of a figure is its alternative text.
    assert (
        "target: the state at which the programme is directed, as reviewed. Source: US SDN list"
        in str(soup.select("img")[0]["alt"])
    )
    index = BeautifulSoup(write_index(tmp_path).read_text(encoding="utf-8"), "html.parser")
    assert index.select("dd")[0].text == "859 acts in the days covered, 2018 to 2023"


def test_the_page_gives_the_parts_of_its_numbers(tmp_path: Path) -> None:
    _, soup = brief(tmp_path, "RUS")
    assert "regime: Russia 2,426; Ukraine 553; Moldova 23." in soup.text


def test_a_state_is_not_on_its_own_list(tmp_path: Path) -> None:
    run, soup = brief(tmp_path, "USA", "IRN")
    numbers = headline(run)
    assert pd.isna(numbers["United States: on the US list"])
    assert numbers["Iran: on the US list"] == 3853
    assert "The US list does not apply to the United States." in soup.text
    assert "USA" not in set(pd.read_csv(run.folder / "us_list.csv")["target"])


def test_a_state_that_nobody_sanctions_has_no_sender(tmp_path: Path) -> None:
    run, soup = brief(tmp_path, "BRA")
    listed = {f"still listed by {by}": 0 for by in ("the EU", "the UK", "Canada")}
    assert {label: n for label, n in headline(run).items() if label != "reported co-operation"} == {
        "on the US list": 0,
        "new on the US list": 0,
        "on the UN list": 0,
        **listed,
    }
    assert files(run, "png") == ["gap", "partners_BRA"]
    for sentence in (
        "No entry under a programme on Brazil is known.",
        "Our list of acts is about Russia and Iran. It does not cover acts on other states.",
    ):
        assert sentence in soup.text


SAID = {
    "RUS": "RUSSIA-EO14024 6,349",
    "IRN": "IRAN-EO13902",
    "PRK": "DPRK4",
    "VEN": "VENEZUELA",
    "XKX": "No voting position of Kosovo in the UN General Assembly is known.",
    "TUV": "No partner of Tuvalu has one reported act a month on average.",
}


@pytest.mark.slow
@pytest.mark.parametrize("state", SAID)
def test_the_brief_reads_for_states_of_every_sort(tmp_path: Path, state: str) -> None:
    _, soup = brief(tmp_path, state)
    assert SAID[state] in soup.text


@pytest.mark.slow
def test_two_states_that_never_meet_have_no_figure_of_it(tmp_path: Path) -> None:
    run, soup = brief(tmp_path, "BRA", "TUV")
    assert "No act of co-operation of Brazil and Tuvalu was reported." in soup.text
    assert files(run, "png") == ["gap"]


@pytest.mark.slow
def test_ones_own_copies_are_read_and_cited(tmp_path: Path, real_data: Path) -> None:
    own = {
        "gsdb": real_data / "cases" / "GSDB_V3.csv",
        "icews": real_data / "events" / "icews18_named.tsv.gz",
    }
    run, soup = brief(tmp_path, "IRN", **own)
    assert headline(run)["reported co-operation"] == 1381
    assert "cases of GSDB, 2022" in soup.text
    assert "The Global Sanctions Data Base" in soup.text
