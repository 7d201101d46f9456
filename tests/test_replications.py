"""The notebook of replications: published counts come out, and differ where it says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sanctlib.reports.run import run_notebook


def test_the_count_of_2022_is_the_published_one_and_differs_by_rule(tmp_path: Path) -> None:
    """CNAS, Sanctions by the Numbers: 2022 Year in Review: 2,275 persons, 1,698 for Russia."""
    run = run_notebook("replications", parameters={}, out=tmp_path)
    table = pd.read_csv(run.folder / "cnas_2022.csv", index_col=0)
    assert table["all"].tolist() == [2275, 2275, 2275]
    assert table["Russia-related"].tolist() == [1698, 1697, 1704]
    assert "No file was named" in (run.folder / "report.html").read_text(encoding="utf-8")
    assert not (run.folder / "gsdb_cases_by_type.csv").exists()


def test_cases_by_type_come_from_ones_own_copy(tmp_path: Path, real_data: Path) -> None:
    """GSDB release R3: types are flags, 1,325 cases."""
    file = real_data / "cases" / "GSDB_V3.csv"
    run = run_notebook("replications", parameters={"gsdb": file}, out=tmp_path)
    table = pd.read_csv(run.folder / "gsdb_cases_by_type.csv", index_col=0)
    assert table["cases begun"].to_dict() == {
        "arms": 265,
        "financial": 724,
        "military": 241,
        "other": 214,
        "trade": 513,
        "travel": 346,
    }
    assert table["active_in_last_year"].tolist() == [82, 295, 68, 52, 184, 193]
    assert "1,325 cases counted" in (run.folder / "report.html").read_text(encoding="utf-8")
