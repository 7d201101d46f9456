from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sanctlib.cli import main
from sanctlib.reports.run import run_notebook
from sanctlib.reports.verify import first_difference
from tests.small_notebooks import small_notebook

CELL = """\
import pandas as pd
pd.DataFrame({"state": ["RUS", "IRN"], "n": [len(label), 5]}).to_csv("table.csv", index=False)"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    notebook = small_notebook(folder / "brief.ipynb", CELL)
    done = run_notebook(notebook, parameters={"label": "NO"}, out=folder / "out")
    return done.folder


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments])


def test_a_run_is_equal_to_its_record(run: Path) -> None:
    result = verify(str(run))
    assert (result.exit_code, result.stdout) == (0, "equal: 3 files\n")
    assert [p.name for p in run.parent.iterdir()] == [run.name]


def test_what_changed_is_named_before_the_first_differing_number(run: Path, tmp_path: Path) -> None:
    table = run / "table.csv"
    good = table.read_text()
    table.write_text(good.replace("IRN,5", "IRN,6"))
    other = small_notebook(tmp_path / "brief.ipynb", CELL, "2 + 2")
    result = verify(str(run), "--notebook", str(other))
    table.write_text(good)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:3] == [
        "not as recorded: the notebook changed",
        "not as recorded: table.csv is not as the run wrote it",
        "differs: table.csv, row 2, column 'n': 6 → 5",
    ]
    assert [line.split(",")[0] for line in result.stdout.splitlines()[3:]] == [
        "differs: notebook.ipynb",
        "differs: report.html",
    ]


def test_a_run_whose_notebook_or_parameter_is_gone_is_a_clear_error(
    run: Path, tmp_path: Path
) -> None:
    bare = small_notebook(tmp_path / "brief.ipynb", parameters="n: int = 1")
    result = verify(str(run), "--notebook", str(bare))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "from its record: the notebook changed; There is no parameter 'every'" in result.stderr
    result = verify(str(run), "--notebook", str(tmp_path / "gone.ipynb"))
    assert "There is no notebook" in result.stderr
    (tmp_path / "empty").mkdir()
    result = verify(str(tmp_path / "empty"))
    assert "is not the record of a run" in result.stderr


@pytest.mark.parametrize(
    ("name", "before", "after", "found"),
    [
        ("a.csv", "x,n\nRUS,1\nIRN,2\n", "x,n\nRUS,1\nIRN,3\n", ", row 2, column 'n': 2 → 3"),
        ("a.csv", "n\n1.0\n", "n\n1.00\n", ", row 1, column 'n': 1.0 → 1.00"),
        ("a.csv", "n\n1\n", "m\n1\n", ", header, column 1: n → m"),
        ("a.csv", "n\n1\n", "n\n1\n2\n", ": 1 → 2 rows"),
        ("a.csv", "n\n1\n2\n", "n\n3\n", ", row 1, column 'n': 1 → 3"),
        ("a.csv", "n\n1\n", "n,m\n1,2\n", ", header, column 2: no cell → m"),
        ("a.csv", 'n\n"1"\n', "n\n1\n", ", byte 2"),
        ("a.csv", 'n\n"a\u2028b"\n1\n', 'n\n"a\u2028b"\n2\n', ", row 2, column 'n': 1 → 2"),
        ("a.csv", "", "n\n1\n", ": 0 → 1 rows"),
        ("a.tsv", "x\tn\n1,0\t1\n", "x\tn\n1,0\t2\n", ", row 1, column 'n': 1 → 2"),
        ("a.html", "abc", "abd", ", byte 2"),
        ("a.html", "abc", "abcd", ", byte 3"),
        ("a.csv", "same", "same", ""),
    ],
)
def test_the_first_difference_is_named(
    tmp_path: Path, name: str, before: str, after: str, found: str
) -> None:
    for folder, text in (("before", before), ("after", after)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text, encoding="utf-8")
    assert first_difference(tmp_path / "before" / name, tmp_path / "after" / name) == found


def test_a_file_that_only_one_run_has_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert first_difference(tmp_path / "a", tmp_path / "b") == " is not written any more"
    assert first_difference(tmp_path / "b", tmp_path / "a") == " is missing in the run's folder"
