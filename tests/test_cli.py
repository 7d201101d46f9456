import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from sanctlib.catalogue import datasets
from sanctlib.cli import main
from sanctlib.errors import SanctlibError
from sanctlib.reports.folders import read_record
from sanctlib.store import shipped
from tests.small_notebooks import small_notebook


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with three notebooks of ours beside it."""
    ours = tmp_path / "ours"
    small_notebook(ours / "01_good.ipynb", "# Good", "print(label)")
    small_notebook(ours / "02_bad.ipynb", "# Bad", "1 / 0")
    small_notebook(ours / "03_untagged.ipynb", "1", parameters=None)
    monkeypatch.setattr("sanctlib.reports.run.notebooks_folder", lambda: ours)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return ours


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test that starts a kernel."""

    def start(*_: object, **__: object) -> None:
        pytest.fail("a kernel was started")

    monkeypatch.setattr("papermill.execute_notebook", start)


def test_the_version_is_that_of_the_package() -> None:
    result = call("--version")
    assert result.exit_code == 0
    assert result.output.startswith("sanctlib 0.")


def test_the_package_is_a_command() -> None:
    command = [sys.executable, "-m", "sanctlib", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == call("--version").output


def test_a_misspelt_source_of_files_is_suggested() -> None:
    result = call("prepare", "gdlt", "a.csv")
    assert result.exit_code == 1
    assert "Did you mean 'gdelt'? Its files are needed too" in result.output


def test_the_command_line_loads_no_heavy_library() -> None:
    code = (
        "import sanctlib.cli, sys; heavy = {'matplotlib', 'papermill', 'nbconvert', 'nbformat', "
        "'duckdb', 'jupyter_client', 'IPython'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.usefixtures("folder")
def test_a_report_ends_with_the_path_of_the_index() -> None:
    result = call("report", "01_good", "-p", "label=NO", "-p", "every=month")
    assert result.exit_code == 0, result.output
    assert result.stdout == "reports/index.html\n"
    assert "01_good: running 3 cells" in result.stderr
    (record,) = Path("reports/01_good").glob("*/record.json")
    assert record.parent.name.startswith("every=month,label=NO-")
    assert read_record(record).parameters == {"every": "month", "label": "NO"}
    assert '<pre class="stdout">NO\n</pre>' in (record.parent / "report.html").read_text()
    assert read_record(record).inputs == {}
    assert "Good" in Path("reports/index.html").read_text()


@pytest.mark.usefixtures("folder")
def test_the_number_of_cells_is_printed_before_the_first_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no kernel")

    monkeypatch.setattr("papermill.execute_notebook", fail)
    assert "01_good: running 2 cells\n" in call("report", "01_good").stderr


@pytest.mark.usefixtures("folder")
def test_all_carries_on_after_a_failure_and_ends_in_a_table_of_failures() -> None:
    result = call("report", "--all", "--out", "pages")
    assert result.exit_code == 1
    assert result.stdout == "pages/index.html\n"
    assert "2 of 3 failed:" in result.stderr
    assert "02_bad       code cell 2 of 2 ('1 / 0') raised ZeroDivisionError" in result.stderr
    assert "03_untagged  The notebook '03_untagged' has no code cell with the tag" in result.stderr
    assert "Traceback" not in result.output
    assert Path("pages/01_good/default/report.html").is_file()
    assert Path("pages/02_bad/default/02_bad.failed.ipynb").is_file()
    assert "1 failed" in Path("pages/index.html").read_text()


@pytest.mark.usefixtures("folder", "no_kernel")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["01_good", "-p", "evry=week"], "There is no parameter 'evry'.*Did you mean 'every'"),
        (["01_good", "-p", "every=weak"], "every must be week or month, got 'weak'"),
        (["01_good", "-p", "label=a", "-p", "label=b"], "the parameter 'label' twice"),
        (["01_god"], "There is no notebook '01_god'.*Did you mean '01_good'"),
        (["03_untagged"], "has no code cell with the tag 'parameters'"),
        (["../ours/nothing.ipynb"], "There is no notebook"),
    ],
)
def test_a_wrong_request_is_one_message_before_a_kernel_starts(
    arguments: list[str], message: str
) -> None:
    result = call("report", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert pd.Series([result.stderr]).str.contains(message, regex=True).all(), result.stderr
    assert result.stdout == ""
    assert not Path("reports").exists()


@pytest.mark.usefixtures("folder", "no_kernel")
def test_a_file_where_the_reports_should_go_is_one_message() -> None:
    Path("taken").write_text("x")
    result = call("report", "01_good", "--out", "taken")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The report cannot write into ")


@pytest.mark.usefixtures("folder", "no_kernel")
@pytest.mark.parametrize(
    "arguments",
    [[], ["01_good", "--all"], ["--all", "-p", "label=x"], ["01_good", "-p", "label"],
     ["01_good", "--timeout", "0"], ["--nonsense"]],
)  # fmt: skip
def test_wrong_usage_ends_with_two(arguments: list[str]) -> None:
    result = call("report", *arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


@pytest.mark.usefixtures("folder", "no_kernel")
def test_help_prints_the_parameters_of_the_notebook() -> None:
    result = call("report", "01_good", "--help")
    assert result.exit_code == 0
    assert "every: Literal['week', 'month'] (default: week)\n      length of a period" in (
        result.stdout
    )
    assert "KEY=VALUE" in result.stdout
    assert "Parameters of" not in call("report", "--help").stdout


@pytest.mark.usefixtures("no_kernel")
def test_the_list_names_notebooks_with_their_parameters(folder: Path) -> None:
    (folder / "03_untagged.ipynb").unlink()
    result = call("report", "--list")
    assert result.stdout == "01_good  every, label\n02_bad  every, label\n"


def test_prepare_prints_what_was_kept_and_takes_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def prepare(keys: object, *, out: Path, progress: bool) -> pd.DataFrame:
        seen.append((keys, out, progress))
        return pd.DataFrame({"key": ["a"], "n_kept": [3], "path": ["x/y/a.parquet"]})

    monkeypatch.setattr("sanctlib.catalogue.prepare", prepare)
    result = call("prepare", "a", "--out", "x/y")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [["key", "n_kept"], ["a", "3"]]
    call("prepare")
    assert seen == [(("a",), Path("x/y"), True), (None, Path("data/processed"), True)]


def test_an_error_of_ours_is_one_message_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: object, **__: object) -> None:
        raise SanctlibError("The file 'x' is empty.")

    monkeypatch.setattr("sanctlib.catalogue.prepare", prepare)
    result = call("prepare")
    assert (result.exit_code, result.stderr) == (1, "Error: The file 'x' is empty.\n")


def test_every_dataset_is_listed_in_a_hundred_columns() -> None:
    listed = call("datasets")
    assert listed.exit_code == 0, listed.output
    lines = listed.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert [key for key in datasets()["key"] if key not in listed.stdout] == []
    at = next(i for i, line in enumerate(lines) if line.startswith("icews_weekly"))
    assert lines[at].split()[1:5] == ["cells", "2018-01", "to", "2023-04"]
    assert lines[at + 1] == "    ICEWS: acts between states per week, sender, target and action"


def test_a_dataset_asked_for_is_told_in_full() -> None:
    told = call("datasets", "ofac_sdn")
    assert told.exit_code == 0, told.output
    assert "Shipped: sl.load('ofac_sdn')" in told.stdout
    assert "Read from a producer's file: sl.read('ofac_sdn', path)" in told.stdout
    assert "rows: 2,208\n" in told.stdout
    assert "cite: US Department of the Treasury" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 100
    unknown = call("datasets", "ofac_sdm")
    assert unknown.exit_code == 1
    assert "Did you mean 'ofac_sdn'" in unknown.stderr


def test_citations_are_printed_alone_where_asked_for_and_else_by_key() -> None:
    cited = call("cite", "ofac_sdn")
    assert cited.stdout.startswith(
        "US Department of the Treasury, Office of Foreign Assets Control"
    )
    every = call("cite")
    heads = [line.split(":")[0] for line in every.stdout.splitlines() if line[0] != " "]
    assert heads == list(shipped())
    assert call("cite", "ofac_sdn", "--style", "bibtex").stdout.startswith("@misc{ofac_sdn,")
    unknown = call("cite", "ofac_sdm")
    assert unknown.exit_code == 1
    assert "Did you mean 'ofac_sdn'" in unknown.stderr
