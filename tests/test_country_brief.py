"""The country brief: a page for any state or pair, which says what its data do not cover."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from sanctlib.reports.index import write_index
from sanctlib.reports.run import Run, run_notebook
from tests.news import news_of_2018


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
        "reported co-operation of the two": 303,
        "observed over expected co-operation": 2.5,
        "Russia: on the US list": 4680,
        "Iran: on the US list": 2296,
        "Russia: new on the US list": 4119,
        "Iran: new on the US list": 523,
        "Russia: listed by Canada": 3002,
        "Iran: listed by Canada": 460,
        "Russia: reported co-operation": 3108,
        "Iran: reported co-operation": 1381,
    }
    assert files(run, "png") == ["acts", "gap", "intensity", "us_list"]
    assert soup.select("main h2")[0].text == "Russia and Iran"
    # The caption of a figure is its alternative text.
    assert (
        "target: the state at which the programme is directed, as reviewed. Source: US SDN list"
        in str(soup.select("img")[0]["alt"])
    )
    index = BeautifulSoup(write_index(tmp_path).read_text(encoding="utf-8"), "html.parser")
    assert index.select("dd")[0].text == "303 acts, Jan-Oct 2018"
    assert index.select("dd")[2].text == "4,680 entities on 2024-04-30"


def test_the_page_gives_the_parts_of_its_numbers(tmp_path: Path) -> None:
    _, soup = brief(tmp_path, "RUS")
    assert "regime: Russia 2,426; Ukraine 553; Moldova 23." in soup.text
    # As counted from the shipped table: 277,130 of 453,501 acts without any coded party.
    table = news_of_2018("month").table
    sender, target = table["sender"].notna(), table["target"].notna()
    n = [int(table.loc[rows, "n_acts"].sum()) for rows in (~sender & ~target, sender & target)]
    assert (*n, int(table["n_acts"].sum())) == (277_130, 37_957, 453_501)
    assert "8% of 453,501 reported acts are between two coded parties" in soup.text


def test_a_state_is_not_on_its_own_list(tmp_path: Path) -> None:
    run, soup = brief(tmp_path, "USA", "IRN")
    numbers = headline(run)
    assert pd.isna(numbers["United States: on the US list"])
    assert numbers["Iran: on the US list"] == 2296
    assert "The US list does not apply to the United States." in soup.text
    assert "USA" not in set(pd.read_csv(run.folder / "us_list.csv")["target"])


def test_a_state_that_nobody_sanctions_has_no_sender(tmp_path: Path) -> None:
    run, soup = brief(tmp_path, "BRA")
    assert headline(run) == {
        "on the US list": 0,
        "new on the US list": 0,
        "listed by Canada": 0,
        "reported co-operation": 265,
    }
    assert files(run, "png") == ["gap", "partners"]
    for sentence in (
        "The US list has no entry under a programme on Brazil.",
        "No source names a sender of sanctions on Brazil.",
        "Our list of acts is about Russia and Iran. It does not cover acts on other states.",
    ):
        assert sentence in soup.text


SAID = {
    "RUS": "RUSSIA-EO14024 4,149",
    "IRN": "IRAN-HR",
    "PRK": "DPRK4 174",
    "VEN": "VENEZUELA 123",
    "XKX": "No voting position of Kosovo in the UN General Assembly is known.",
    "TUV": "Reported acts of co-operation of Tuvalu: 1 in all. No partner has one a month",
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
