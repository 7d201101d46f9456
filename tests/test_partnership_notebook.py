"""Notebook 03: its words and figures follow the pair and the days requested."""

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
    run = run_notebook(NAME, parameters=given, out=out)
    soup = BeautifulSoup((run.folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert soup.select("main pre") == []
    text = " ".join(soup.text.split())
    return run, text, sorted(p.name for p in run.folder.glob("timeline*.png"))


def test_the_page_of_another_pair_is_about_that_pair(tmp_path: Path) -> None:
    run, text, timelines = page(tmp_path, pair=("DEU", "FRA"))
    assert f"Command: sanctlib report {NAME} -p pair=DEU,FRA" in text
    found = text.split("Cite:")[0]
    assert not [word for word in ("RUS", "IRN", "Ukraine") if word in found]
    n = sl.partnership_intensity(
        sl.load("icews_monthly"),
        pair=("DEU", "FRA"),
        every="month",
        band=False,
        among="common_states",
    ).n
    assert f"Germany and France: {n} reported acts of co-operation in 33 months covered" in text
    # The end of the nuclear deal, of which both were parties.
    assert "Acts of Germany and France: 1 act" in text
    assert timelines == ["timeline.png"]
    gaps = pd.read_csv(run.folder / "gap.csv")
    pairs = set(zip(gaps["first"], gaps["second"], strict=True))
    assert pairs == {("DEU", "USA"), ("FRA", "USA")}


@pytest.mark.slow
def test_a_long_timeline_is_drawn_in_parts(tmp_path: Path) -> None:
    run, text, timelines = page(tmp_path)
    acts = pd.read_csv(run.folder / "timeline.csv")
    # A part has at most 25 acts, and whole years where it can.
    assert len(timelines) >= -(-len(acts) // 25) > 1
    assert timelines == [f"timeline_{i}.png" for i in range(1, len(timelines) + 1)]
    sides = {"Iran and Russia", "Sanctions because of the partnership"}
    assert set(acts["side"]) == sides
    assert f"Of the {len(acts)} acts of the timeline" in text


def test_the_timeline_ends_by_default_where_its_data_do() -> None:
    ends = declared(find_notebook(NAME))["timeline_end"].default
    assert ends == sl.load("russia_iran").coverage.last  # type: ignore[union-attr]


def test_days_in_the_wrong_order_are_refused_before_a_kernel_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papermill.execute_notebook", lambda *_, **__: pytest.fail("started"))
    with pytest.raises(ParameterError, match="timeline_start must not be after"):
        run_notebook(NAME, parameters={"timeline_start": date(2026, 4, 1)}, out=tmp_path)
