"""Notebook 03: its words and figures follow the pair and the days that were asked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

import sanctlib as sl
from sanctlib.errors import ParameterError
from sanctlib.reports.parameters import declared
from sanctlib.reports.run import Run, find_notebook, run_notebook

NAME = "03_partnership_intensity"


def page(out: Path, **given: object) -> tuple[Run, str, list[str]]:
    run = run_notebook(NAME, parameters={"every": "month", **given}, out=out)
    soup = BeautifulSoup((run.folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert soup.select("main pre") == []
    text = " ".join(soup.text.split())
    return run, text, sorted(p.name for p in run.folder.glob("timeline*.png"))


def test_the_page_of_another_pair_speaks_of_that_pair(tmp_path: Path) -> None:
    run, text, timelines = page(tmp_path, pair=("DEU", "FRA"))
    assert f"Command: sanctlib report {NAME} -p pair=DEU,FRA -p every=month" in text
    assert "The gap of DEU-FRA itself is not among those we ship" in text
    said = text.split("Cite:")[0]
    assert not [word for word in ("RUS", "Iran", "Soviet", "Ukraine") if word in said]
    # As counted from the shipped table: 277,130 of 453,501 acts without any coded party.
    table = sl.load("icews_2018_monthly").table
    none = table.loc[table["sender"].isna() & table["target"].isna(), "n_acts"].sum()
    assert (int(none), int(table["n_acts"].sum())) == (277_130, 453_501)
    assert "Of 453,501 acts of the whole source, 61 % have no coded party" in text
    assert timelines == []
    assert (run.folder / "gap.png").is_file()


@pytest.mark.slow
def test_a_long_timeline_is_drawn_in_parts_that_hold_every_act(tmp_path: Path) -> None:
    run, text, timelines = page(tmp_path)
    acts = pd.read_csv(run.folder / "timeline.csv")
    assert len(timelines) == -(-len(acts) // 36) > 1
    assert "Sanctions that their senders imposed because of the partnership" in text
    assert f"Of the {len(acts)} acts of the timeline" in text


def test_the_timeline_ends_by_default_where_its_data_do() -> None:
    ends = declared(find_notebook(NAME))["timeline_end"].default
    assert ends == sl.load("russia_iran").coverage.last  # type: ignore[union-attr]


def test_days_in_the_wrong_order_are_refused_before_a_kernel_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papermill.execute_notebook", lambda *_, **__: pytest.fail("started"))
    with pytest.raises(ParameterError, match="'timeline_start'"):
        run_notebook(NAME, parameters={"timeline_start": date(2025, 12, 1)}, out=tmp_path)
