"""Tables and results as notebooks, pages and consoles show them: text is text."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from sanctlib.coverage import Coverage
from sanctlib.reading import Audit, Provenance
from sanctlib.reports.batch import Outcome
from sanctlib.reports.folders import Record
from sanctlib.reports.index import write_index
from sanctlib.reports.run import NOTEBOOK, Run, available, find_notebook, run_notebook
from sanctlib.reports.verify import Verdict
from sanctlib.result import Fit
from sanctlib.schema import TABLES
from sanctlib.showing import Shown, progress_bar, show_table
from tests.small_notebooks import small_notebook

DASH = "\N{EN DASH}"


def cells(table: pd.DataFrame, *, digits: int = 2) -> BeautifulSoup:
    return BeautifulSoup(show_table(table, digits=digits)._repr_html_(), "html.parser")


def test_names_and_headings_are_text_and_no_markup() -> None:
    name = "<img src=x onerror=alert(1)>&\"'"
    soup = cells(pd.DataFrame({name: [name]}))
    assert soup.select("img") == []
    assert [soup.th.text, soup.td.text] == [name, name]  # type: ignore[union-attr]


def test_numbers_are_grouped_days_are_days_and_missing_is_a_dash() -> None:
    table = pd.DataFrame(
        {
            "n": pd.array([4680, None], dtype="Int64"),
            "rate": [1234.567, float("nan")],
            "flag": [True, False],
            "day": [pd.Timestamp("2022-02-24"), pd.NaT],
        }
    )
    rows = [[td.text for td in tr.select("td")] for tr in cells(table, digits=1).select("tbody tr")]
    assert rows == [["4,680", "1,234.6", "True", "2022-02-24"], [*(2 * [DASH]), "False", DASH]]


def test_the_same_table_is_shown_alike_twice() -> None:
    table = pd.DataFrame({"a": [1], "b": ["x"]})
    assert show_table(table)._repr_html_() == show_table(table)._repr_html_()
    assert repr(show_table(table)) == " a b\n 1 x"


X = "<b>x</b>"
DAY = date(2022, 2, 24)
RECORD = Record(
    notebook=X,
    notebook_sha256="",
    title="",
    status="done",
    parameters={},
    changed={},
    inputs={},
    started=datetime(2026, 1, 1, tzinfo=UTC),
    finished=datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
    outputs={"report.html": "ab"},
    versions={},
)


@pytest.mark.parametrize(
    ("result", "said", "n_tables"),
    [
        (Coverage(source=X, first=DAY, last=DAY, gaps=((DAY, DAY, X),)), f"24: {X}", 0),
        (Provenance(key="k", title=X, producer=X, licence=X, citation=X), f"Cite: {X}", 1),
        (Audit.begin(3).then(X, n_rejected=1, n_out=2), X, 1),
        (TABLES["cells"], "a row is one period, sender, target and action", 1),
        (Fit(name=X, table=pd.DataFrame({"p": [0.012]}), notes=(X,)), X, 1),
        (Run(folder=Path("f"), record=RECORD), f"{X}: done in 60 s, in f", 1),
        (Outcome(n_runs=3, failures={"r": X}), "0 done, 1 failed, 2 left", 1),
        (Verdict(changes=[X], differences=[X], n_files=2), f"differs: {X}", 0),
        (Verdict(changes=[], differences=[], n_files=2), "equal: 2 files", 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_result_says_the_same_in_a_console_and_as_text_in_a_notebook(
    result: Shown, said: str, n_tables: int
) -> None:
    soup = BeautifulSoup(result._repr_html_(), "html.parser")
    for line_end in soup.select("br"):
        line_end.replace_with("\n")
    assert said in repr(result)
    assert said in soup.text
    assert soup.select("b") == []
    assert len(soup.select("table")) == n_tables
    assert f"{type(result).__name__}(" not in repr(result)


HOSTILE = "=<img src=x onerror=alert(1)><script>alert(2)</script>"
CELL = """\
import pandas as pd
from pathlib import Path
import sanctlib as sl
from sanctlib.result import save_frame
from sanctlib.showing import show_table
mine = pd.DataFrame({"when": ["2022-02-30"], "who": [label], "whom": ["Iran"]})
reading = sl.read_table(
    mine,
    columns={"date": "when", "sender": "who", "target": "whom"},
    constants={"action": "impose"},
)
headline = pd.DataFrame({"label": [label], "value": [label], "unit": [label]})
save_frame(headline, Path("headline.csv"))
display(reading, reading.rejected, show_table(reading.rejected))
show_table(pd.DataFrame({label: [label]}))"""


def test_markup_in_data_and_parameters_is_text_in_page_index_and_csv(tmp_path: Path) -> None:
    path = small_notebook(tmp_path / "brief.ipynb", "# Title", CELL)
    run = run_notebook(path, parameters={"label": HOSTILE}, out=tmp_path / "out")
    page = BeautifulSoup((run.folder / "report.html").read_text("utf-8"), "html.parser")
    assert page.select("img, script, [onerror]") == []
    assert page.text.count(HOSTILE) == 5  # the command has it too
    index = BeautifulSoup(write_index(tmp_path / "out").read_text("utf-8"), "html.parser")
    assert index.select("img, [onerror]") == []
    assert len(index.select("script")) == 1
    assert index.dt.text == f"'{HOSTILE}"  # type: ignore[union-attr]
    assert f"'{HOSTILE},'{HOSTILE}" in (run.folder / "headline.csv").read_text("utf-8")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stderr", "progress", "seen"),
    [(Terminal, True, True), (Terminal, False, False), (io.StringIO, True, False)],
)
def test_a_bar_is_seen_at_a_terminal_by_who_asks_for_it(
    stderr: type[io.StringIO], progress: bool, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stderr())
    with progress_bar(3, name="gdelt", unit="file", progress=progress) as bar:
        bar.update()
        bar.refresh()
        shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert bool(re.search(r"gdelt: +33%.* 1/3 \[\d\d:\d\d<\d\d:\d\d", shown)) == seen
    assert bool(shown) == seen


def test_a_report_holds_no_bar(tmp_path: Path) -> None:
    cell = """\
import sanctlib as sl
from tqdm import tqdm
summary = sl.prepare(["russia_iran"], out="store", progress=True)
summary = [n for n in tqdm([1])]"""
    run = run_notebook(
        small_notebook(tmp_path / "bar.ipynb", cell), parameters={}, out=tmp_path / "out"
    )
    executed = json.loads((run.folder / NOTEBOOK).read_text("utf-8"))
    assert [c["outputs"] for c in executed["cells"]] == [[], []]


@pytest.mark.parametrize("name", available())
def test_our_notebooks_show_and_write_tables_by_the_one_way_that_is_safe(name: str) -> None:
    text = find_notebook(name).read_text(encoding="utf-8")
    # A Styler escapes nothing, and has random names; a plain to_csv keeps formulas.
    assert ".style" not in text
    assert ".to_csv" not in text
    assert ".to_html" not in text
