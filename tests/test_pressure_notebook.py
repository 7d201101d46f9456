"""Notebook 04: each number of its page is that of its tables, with what it does not show."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from sanctlib.months import prepare_files
from sanctlib.reports.run import NotebookError, Run, run_notebook
from tests.news import news_of_2018
from tests.test_bulk import GDELT

NAME = "04_pressure_and_partnership"


def page(out: Path, **given: object) -> tuple[Run, str]:
    run = run_notebook(NAME, parameters=given, out=out)
    soup = BeautifulSoup((run.folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    # Neither a warning nor a stray value.
    assert soup.select("main pre") == []
    return run, " ".join(soup.get_text(" ").split())


def test_the_page_of_2018_says_what_its_tables_hold(tmp_path: Path) -> None:
    run, text = page(tmp_path, n_shifts=3, n_replicates=39)

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(run.folder / f"{name}.csv")

    # As counted from the shipped table, without the incomplete last week.
    cells = news_of_2018("week").table
    cells = cells[cells["period"].lt("2018-10-29")]
    hits = cells[cells["family"].eq("sanction") & cells["action"].isin(["impose", "amend"])]
    on = hits[hits["sender"].eq("USA")].groupby("target")["n_acts"].sum()
    assert on[["RUS", "IRN"]].tolist() == [64, 57]
    assert table("series")["sanctions"].sum() == 64 + 57
    order, curves = table("lead_lag"), table("curves").query("~confounded").iloc[0]
    past = "The past of sanctions is not found to help predict rate"
    assert f"Russia and Iran. {past}, p = {order['p_value'][0]:.2f}" in text
    panel = table("panel").set_index(["fixed_effects", "term"])
    both = panel.loc[("pair, week", "both_lag")]
    assert f"after sanctions on both {both['ratio']:.2f} times the acts" in text
    within = panel.loc[("pair, state and week", "both_lag"), "ratio"]
    of_state = "With a fixed effect per state and week, after sanctions on both"
    assert f"{of_state} {within:.2f} times the acts" in text
    assert {"one_lead", "both_lead"} <= {*table("panel")["term"]}
    shifted = table("shifted").query("term == 'both_lag'")
    t = (shifted["estimate"] / shifted["std_error"]).abs().ge(both["estimate"] / both["std_error"])
    ranks = (1 + t.groupby(shifted["shift"]).sum()) / 4
    assert f"shifted in time: {ranks['together']:.2f} together" in text
    assert f"{ranks['each by itself']:.2f} each by itself" in text
    n = table("onsets").iloc[0]
    assert f"{n['n_onsets']:.0f} onsets of {n['n_targets']:.0f} targets, 1 January" in text
    pairs = table("pairs")
    own = pairs.query("first == 'IRN' and second == 'RUS'")["change"].iloc[0]
    share = pairs["change"].abs().ge(abs(own)).mean()
    assert f"Of {len(pairs)} pairs with an act a week or more, {share:.0%} changed" in text
    assert f"The median of 36 specifications is {curves['median']:+.2f} standard dev" in text
    assert (len(table("specifications")), len(table("onsets_placebo"))) == (72, 39)
    assert "sanctioned states co-operate less" in text
    assert "Early, B. R. 2012" in text
    assert "One pair is a description" in text
    # The event date 5, which comes first 3, the models 7, shifts 2, onsets 1, the reverse 2,
    # the rank among pairs 1, two curves with 3 each.
    p = table("p_values")
    assert len(p) == 27
    assert f"Of 27 p-values and ranks, {p['p_value'].lt(0.05).sum()} are below 0.05" in text
    assert f"and {p['p_holm'].lt(0.05).sum()} after Holm's correction" in text
    assert p["p_holm"].ge(p["p_value"]).all()
    assert not re.search(r"\b(nan|proves?)\b", text)
    figures = {p.stem for p in run.folder.glob("*.png")}
    responses = {"rate_after_sanctions", "sanctions_after_rate"}
    drawn = {"cooperation", "sanctions", "event_date", "onsets", "curves"}
    assert figures == drawn | responses


def test_where_nothing_can_be_estimated_the_page_says_why(tmp_path: Path) -> None:
    run, text = page(
        tmp_path, pair=("DEU", "FRA"), senders=["RUS"], every="month", n_shifts=1, n_replicates=9
    )
    assert "No comparison before and after 2018-05-08. The series has 4 months before" in text
    assert "No model of the pair. Column 'sanctions' has one value." in text
    assert "No event study. Of " in text
    unvaried = "The sanctions on Germany and France do not vary between periods"
    assert f"No curve. {unvaried}." in text
    assert not (run.folder / "curves.png").exists()


def test_a_sender_in_the_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="senders and pair both hold IRN"):
        page(tmp_path, senders=["IRN"])


def test_a_store_without_a_whole_week_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_files("gdelt", GDELT, out=tmp_path / "store")
    monkeypatch.setenv("SANCTLIB_STORE", str(tmp_path / "store"))
    with pytest.raises(NotebookError, match=r"covers no full week|covers .* and no day"):
        page(tmp_path, source="gdelt")
