"""Notebook 04: each number of its page is that of its tables, and says what it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

import sanctlib as sl
from sanctlib.reports.run import NotebookError, Run, run_notebook
from tests.test_bulk import GDELT

NAME = "04_pressure_and_partnership"


def page(out: Path, **given: object) -> tuple[Run, str]:
    run = run_notebook(NAME, parameters=given, out=out)
    soup = BeautifulSoup((run.folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    return run, " ".join(soup.get_text(" ").split())


def test_the_page_of_2018_says_what_its_tables_hold(tmp_path: Path) -> None:
    run, text = page(tmp_path, n_moves=3, n_draws=39)

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(run.folder / f"{name}.csv")

    # As counted from the shipped table, the cut last week left out.
    cells = sl.load("icews_2018_weekly").table
    cells = cells[cells["period"].lt("2018-10-29")]
    hits = cells[cells["family"].eq("sanction") & cells["action"].isin(["impose", "amend"])]
    on = hits[hits["sender"].eq("USA")].groupby("target")["n_acts"].sum()
    assert table("data")["n"].tolist()[-2:] == on[["RUS", "IRN"]].tolist() == [64, 57]
    assert "sanctions of USA on RUS 64 acts" in text
    assert table("series")["sanctions"].sum() == 64 + 57
    order, curves = table("lead_lag"), table("curves").query("~contaminated").iloc[0]
    assert f"are not found to help foretell co-operation (p {order['p_value'][0]:.2f})" in text
    panel = table("panel").set_index(["effects", "term"])
    both = panel.loc[("pair, week", "both_lately")]
    assert f"with both {both['ratio']:.2f} times the acts" in text
    apart = panel.loc[("pair, state's week", "both_lately"), "ratio"]
    assert f"taken out, with both {apart:.2f} times the acts" in text
    assert {"one_ahead", "both_ahead"} <= {*table("panel")["term"]}
    moved = table("moved").query("term == 'both_lately'")
    t = (moved["estimate"] / moved["std_error"]).abs().ge(both["estimate"] / both["std_error"])
    ranks = (1 + t.groupby(moved["moved"]).sum()) / 4
    assert f"moved: {ranks['together']:.2f} together" in text
    assert f"{ranks['each by itself']:.2f} each by itself" in text
    n = table("onsets").iloc[0]
    assert f"Around {n['n_onsets']:.0f} onsets of {n['n_targets']:.0f} targets" in text
    pairs = table("pairs")
    own = pairs.query("first == 'IRN' and second == 'RUS'")["change"].iloc[0]
    share = pairs["change"].abs().ge(abs(own)).mean()
    assert f"Of {len(pairs)} pairs with an act a week or more, {share:.0%} changed" in text
    assert f"Over 36 specifications the median is {curves['median']:+.2f} deviations" in text
    assert (len(table("specifications")), len(table("deals"))) == (72, 39)
    assert "sanctioned states are less likely to co-operate with each other" in text
    assert "One pair is a description" in text
    assert not re.search(r"\b(nan|proves?)\b", text)
    figures = {p.stem for p in run.folder.glob("*.png")}
    assert figures == {"series", "responses", "onsets", "specifications"}


def test_where_nothing_can_be_estimated_the_page_says_why(tmp_path: Path) -> None:
    run, text = page(
        tmp_path, pair=("DEU", "FRA"), senders=["RUS"], every="month", n_moves=1, n_draws=9
    )
    assert "Our list has no act of these states in this span." in text
    assert "at least 12 periods before the date" in text
    assert "Refused: lead_lag needs" in text
    assert "No curve: no sanctions of RUS on DEU-FRA that differ by month." in text
    assert not (run.folder / "specifications.png").exists()


def test_a_sender_is_none_of_the_pair(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="A sender of the sanctions is one of the pair: IRN"):
        page(tmp_path, senders=["IRN"])


def test_a_store_without_a_whole_week_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sl.prepare_files("gdelt", GDELT, out=tmp_path / "store")
    monkeypatch.setenv("SANCTLIB_STORE", str(tmp_path / "store"))
    with pytest.raises(NotebookError, match=r"covers no whole week|covers .* and no day"):
        page(tmp_path, source="gdelt")
