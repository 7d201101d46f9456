"""Kind I: saving, plotting, the command line, parameters and pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import statsmodels.formula.api as sm
from click.testing import CliRunner
from click.testing import Result as Ended

import sanctlib as sl
from sanctlib.cli import main
from tests.conftest import ROOT
from tests.known_faults import fault, frame, given, outcome, pages, refused
from tests.known_faults.made import YEAR, events, year_of_events
from tests.small_notebooks import small_notebook

NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


# What a file of each format begins with.
MAGIC = {".xlsx": b"PK", ".parquet": b"PAR1", ".dta": b"<stata_dta>", ".tex": b"\\"}


@pytest.mark.parametrize("suffix", MAGIC)
def test_a_table_is_written_in_the_format_of_its_name_or_refused(
    suffix: str, tmp_path: Path
) -> None:
    counts = sl.Result(table=pd.DataFrame({"state": ["IRN", "RUS"], "n": [1, 2]}))
    found = outcome(lambda: counts.save(tmp_path / f"table{suffix}"))
    if isinstance(found, sl.SanctlibError):
        assert suffix in str(found)
    else:
        assert (tmp_path / f"table{suffix}").read_bytes().startswith(MAGIC[suffix])


def test_a_reading_is_written_as_its_table(tmp_path: Path) -> None:
    reading: Any = sl.load("russia_iran")
    given(lambda: sl.Result(table=reading).save(tmp_path / "reading.csv"))
    sl.Result(table=reading.table).save(tmp_path / "table.csv")
    texts = [(tmp_path / name).read_bytes() for name in ("reading.csv", "table.csv")]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("word", ["Stata", "LaTeX", "BibTeX", "Excel"])
def test_a_page_says_how_to_take_results_to_other_programs(word: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")]
    assert any("results elsewhere" in text.casefold() and word in text for text in texts)


def test_a_text_is_one_key_to_cite() -> None:
    assert given(lambda: sl.cite("ofac_sdn")) == sl.cite(["ofac_sdn"])


def test_sources_are_cited_as_bibtex() -> None:
    assert sl.cite("ofac_sdn", style="bibtex").startswith("@misc{ofac_sdn,")
    counts = sl.sanction_counts(sl.load("ofac_sdn"), every="year", unit="entity", by=["target"])
    assert counts.cite("bibtex").startswith("@misc{ofac_sdn,")


def two_senders() -> sl.Result:
    acts = [("2018-01-05", "USA", "IRN", "impose"), ("2018-02-05", "FRA", "IRN", "impose")]
    return sl.sanction_counts(events(acts), every="month", unit="act", coverage=YEAR)


def test_a_plot_of_several_rows_per_period_and_group_is_refused() -> None:
    refused(
        lambda: two_senders().plot(by="target"),
        match=r"several rows|by=\['target'\]|target alone|only by target",
    )


def test_a_plot_with_one_label_for_two_lines_is_refused() -> None:
    counts = sl.sanction_counts(
        year_of_events(), every="month", unit="act", by=["target"], coverage=YEAR
    )
    labels = {"IRN": "a state", "RUS": "a state"}
    refused(
        lambda: counts.plot(by="target", labels=labels),
        match="a state",
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each notebook that papermill is asked to run, and run none."""
    asked: list[str] = []

    def execute(*_: object, **__: object) -> None:
        asked.append("started")
        raise RuntimeError("a notebook was started")

    monkeypatch.setattr("papermill.execute_notebook", execute)
    return asked


def reported(folder: Path, *arguments: str) -> Ended:
    store = ["--out", str(folder / "out"), "--store", str(folder / "store")]
    return CliRunner().invoke(main, ["report", *arguments, *store])


WRONG = {
    "a level above 1": ("03_partnership_intensity", "level=95"),
    "three states": ("country_brief", "states=RUS,IRN,CHN"),
    "years after the news": ("03_partnership_intensity", "start=2024-01-01", "end=2024-12-31"),
    "years between windows": ("03_partnership_intensity", "start=2019-01-01", "end=2020-12-31"),
    "no states": ("02_sanctions_over_time", "states="),
    "days in the wrong order": ("03_partnership_intensity", "start=2018-09-01", "end=2018-02-01"),
    "an unknown state": ("02_sanctions_over_time", "states=RSU"),
    "an unknown period": ("03_partnership_intensity", "every=fortnight"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_parameter_is_refused_before_anything_runs(
    name: str, started: list[str], tmp_path: Path
) -> None:
    notebook, *values = WRONG[name]
    result = reported(tmp_path, notebook, *(arg for value in values for arg in ("-p", value)))
    assert started == []
    assert result.exit_code != 0


def test_an_unknown_choice_is_refused_in_words(started: list[str], tmp_path: Path) -> None:
    result = reported(tmp_path, "03_partnership_intensity", "-p", "every=fortnight")
    assert started == []
    assert "fortnight" in result.output
    assert re.search(r"'?week'? or '?month'?", result.output)
    assert not re.search(r"Literal|\(str\)", result.output)


def changed(path: Path, **metadata: Any) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"] |= metadata
    path.write_text(json.dumps(notebook), encoding="utf-8")


def test_a_notebook_of_another_language_is_refused_by_name(
    started: list[str], tmp_path: Path
) -> None:
    path = small_notebook(tmp_path / "in_r.ipynb", "1 + 1")
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    changed(path, kernelspec=spec, language_info={"name": "R"})
    result = reported(tmp_path, str(path))
    assert started == []
    assert re.search(r"\bR\b", result.output)


def test_a_notebook_with_a_byte_order_mark_is_read(started: list[str], tmp_path: Path) -> None:
    path = small_notebook(tmp_path / "marked.ipynb", "1 + 1")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    reported(tmp_path, str(path))
    assert started == ["started"]


WITH_HEADLINE = {
    "02_sanctions_over_time",
    "03_partnership_intensity",
    "04_pressure_and_partnership",
    "country_brief",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[] if n in WITH_HEADLINE else fault("I7: no headline numbers"))
        for n in NOTEBOOKS
    ],
)
def test_each_page_writes_its_headline_numbers(name: str) -> None:
    assert "headline.csv" in pages.source(name)


def test_the_page_of_intensity_is_by_month_by_default() -> None:
    assert re.search(r'^every: .*= "month"', pages.source("03_partnership_intensity"), flags=re.M)


def test_figures_name_states_in_words(page: pages.Page) -> None:
    drawn = page("02_sanctions_over_time").figures["new_us_entities.png"]
    assert "Russia" in drawn
    assert "Iran" in drawn
    assert not re.search(r"\b(RUS|IRN)\b", drawn)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_uses_public_names_only(name: str) -> None:
    private = r"from sanctlib\.(?!query import )|import sanctlib\."
    assert not re.search(private, pages.source(name))


def test_results_go_into_a_formula_of_statsmodels_or_the_docs_say_how() -> None:
    found = frame(sl.sanction_counts(year_of_events(), every="month", unit="act", coverage=YEAR))
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")]
    assert found["n"].dtype == "float64" or any("astype(float)" in text for text in texts)
    # The recipe, with a period that is not covered.
    some = found.assign(n=found["n"].mask(found.index == 0), t=range(len(found)))
    some[["n"]] = some[["n"]].astype(float)
    fit = sm.ols("n ~ t", some.dropna(subset=["n"])).fit()
    assert fit.nobs == len(found) - 1


def test_codes_of_other_systems_are_added_to_a_result() -> None:
    counts = sl.Result(table=pd.DataFrame({"target": ["RUS", "IRN"], "n": [1, 2]}))
    assert counts.to_frame(codes=["cow"])["target_cow"].tolist() == [365, 630]


def test_the_readme_has_a_line_to_install_on_any_system() -> None:
    assert "pip install" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_page_of_pressure_cites_studies_in_full() -> None:
    text = pages.source("04_pressure_and_partnership")
    assert "University at Albany" not in text or re.search(r"\(\d{4}\)", text.split("Albany")[0])
