import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from sanctlib.cli import _progress, main
from sanctlib.reports.batch import Event
from sanctlib.reports.folders import read_record
from tests.small_notebooks import small_notebook

TABLE = """\
from pathlib import Path
Path("table.csv").write_text(f"label,n\\n{label},{len(label)}\\n")"""
# The first of several runs that comes here meets its fate; the others do not.
ONCE = """\
import os, signal
def once(name):
    try:
        os.close(os.open(os.environ["ONCE"] + "/" + name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True"""
KILLED = "if once('kernel'): os.kill(os.getpid(), signal.SIGKILL)"
ORPHANED = "if once('worker'): os.kill(os.getppid(), signal.SIGKILL)"
GRID = """
[[batch]]
notebook = "good.ipynb"
grid.label = ["a", "a \\"b\\" 'c'\\n<b>&</b> </script> Ω"]
[[batch]]
notebook = "bad.ipynb"
[[batch]]
notebook = "leaves.ipynb"
[[batch]]
notebook = "killed.ipynb"
[[batch]]
notebook = "orphaned.ipynb"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Notebooks that go well, fail, exit, lose their kernel once and their worker once."""
    home = tmp_path_factory.mktemp("batch")
    small_notebook(home / "good.ipynb", TABLE)
    small_notebook(home / "bad.ipynb", TABLE, "1 / 0")
    small_notebook(home / "leaves.ipynb", "import sys\nsys.exit(0)")
    small_notebook(home / "killed.ipynb", TABLE, ONCE, KILLED)
    small_notebook(home / "orphaned.ipynb", TABLE, ONCE, ORPHANED)
    (home / "briefs.toml").write_text(GRID)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ONCE", str(home))
        patched.chdir(home)
        yield home


def batch(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["batch", "briefs.toml", *arguments])


@pytest.fixture(scope="module")
def first(folder: Path) -> Result:
    """The batch on two processes, told in JSON lines."""
    assert folder == Path.cwd()
    return batch("--jobs", "2", "--log", "json")


def events(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def odd() -> Path:
    """The run whose parameter is hard to write down."""
    (folder,) = Path("reports/good").glob("label=a_*")
    return folder


def contents(out: Path) -> dict[str, bytes]:
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != "record.json")
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}


def test_a_batch_carries_on_after_failures_and_ends_with_one(first: Result) -> None:
    assert first.exit_code == 1
    plan, *_, end = events(first)
    assert (plan["event"], plan["n_runs"], plan["n_done"]) == ("plan", 6, 0)
    assert (end["event"], end["n_done"], end["n_failed"], end["n_left"]) == ("end", 4, 2, 0)
    failed = {e["run"]: e["error"] for e in events(first) if e["event"] == "failed"}
    assert "raised ZeroDivisionError" in str(failed["bad/default"])
    assert "raised SystemExit: 0" in str(failed["leaves/default"])
    assert sorted(failed) == ["bad/default", "leaves/default"]


def test_a_dead_kernel_and_a_dead_worker_cost_one_try_and_no_run(first: Result) -> None:
    again = {e["run"]: e["error"] for e in events(first) if e["event"] == "again"}
    assert sorted(again) == ["killed/default", "orphaned/default"]
    assert "its process died" in str(again["killed/default"])
    assert again["orphaned/default"] == "its worker died (killed, or out of memory)."
    for name in ("killed", "orphaned"):
        folder = Path("reports") / name
        assert [p.name for p in folder.iterdir()] == ["default"]
        assert not list((folder / "default").glob("*.failed.*"))


def test_each_run_begins_before_it_ends(first: Result) -> None:
    seen = [(e["event"], e["run"]) for e in events(first)[1:-1]]
    for ended, run in seen:
        if ended != "begun":
            assert ("begun", run) in seen[: seen.index((ended, run))]
    assert [e for e, run in seen if run == "killed/default"] == ["begun", "again", "begun", "done"]


@pytest.mark.usefixtures("first")
def test_finished_runs_are_skipped_and_the_plan_says_why_others_are_not() -> None:
    table = Path("reports/good/label=a/table.csv")
    good = table.read_bytes()
    table.unlink()
    plan = batch("--dry-run")
    assert (plan.exit_code, plan.stderr) == (0, "")
    lines = plan.stdout.splitlines()
    assert lines[0] == "good/label=a  stale: table.csv is missing"
    assert lines[1] == f"good/{odd().name}  done"
    assert lines[2].startswith("bad/default  failed before: code cell 3 of 3 ('1 / 0') raised")
    assert lines[-1] == "6 runs: 1 stale, 3 done, 2 failed before"
    before = read_record(odd() / "record.json")
    again = batch("--jobs", "1", "--where", "notebook=good", "--where", "label=a")
    assert again.exit_code == 0
    assert again.stderr.splitlines()[0] == "1 run, 0 done before"
    assert again.stderr.splitlines()[1].startswith("good/label=a: done in ")
    assert again.stdout == "reports/index.html\n"
    assert table.read_bytes() == good
    assert read_record(odd() / "record.json") == before


@pytest.mark.usefixtures("first")
def test_failures_are_a_table_at_the_end_and_quiet_says_nothing_else() -> None:
    result = batch("--where", "notebook=bad", "--where", "notebook=good", "--quiet")
    assert result.exit_code == 1
    assert result.stdout == "reports/index.html\n"
    lines = [line for line in result.stderr.splitlines() if line]
    assert lines[0] == "1 of 1 failed:"
    assert lines[1].startswith("  bad/default  code cell 3 of 3 ('1 / 0') raised ZeroDivision")
    assert len(lines) == 2


def test_the_bar_of_a_batch_says_what_ended_what_failed_what_runs_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", shown)
    one, two, three = (SimpleNamespace(name=n, folder=Path("reports", n)) for n in "abc")
    with _progress(4, quiet=False) as tell:
        for event in (
            Event("begun", one),
            Event("cell", one, n_done=5, n_cells=12),
            Event("again", one, error="its process died"),
            Event("done", one, seconds=3),
            Event("failed", two, error="boom"),
            Event("cell", three, n_done=2, n_cells=9),
        ):
            tell(event)
        frame = shown.getvalue().split("\r")[-1]
    assert re.search(r"50%.* 2/4 \[\d\d:\d\d<\d\d:\d\d, .*, 1 failed; c 2/9\]", frame), frame
    lines = re.split("[\r\n]+", shown.getvalue())
    assert "a: tried again, its process died" in lines
    assert "b: failed, boom" in lines
    assert any(line.endswith("a 5/12]") for line in lines)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with _progress(4, quiet=True) as tell:
        tell(Event("failed", two, error="boom"))
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.usefixtures("first")
def test_a_parameter_with_quotes_lines_and_markup_arrives_as_it_is() -> None:
    label = read_record(odd() / "record.json").parameters["label"]
    assert label == "a \"b\" 'c'\n<b>&</b> </script> Ω"
    assert (odd() / "table.csv").read_text() == f"label,n\n{label},30\n"
    page = (odd() / "report.html").read_text()
    assert "</script>" not in page
    assert "&lt;/script&gt; Ω" in page


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_runs_after_a_death_have_the_bytes_of_undisturbed_ones() -> None:
    # By now kernel and worker have died once, and the notebooks run undisturbed.
    where = ["--where", "notebook=killed", "--where", "notebook=orphaned"]
    result = batch("--out", "undisturbed", "--jobs", "2", *where)
    assert result.exit_code == 0, result.output
    for name in ("killed", "orphaned"):
        assert contents(Path("undisturbed", name)) == contents(Path("reports", name))


@pytest.mark.usefixtures("folder")
def test_a_wrong_grid_or_place_is_one_message_before_a_process_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(*_: object, **__: object) -> None:
        pytest.fail("a worker was started")

    monkeypatch.setattr("sanctlib.reports.batch._work", start)
    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", start)
    Path("wrong.toml").write_text('notebook = "good.ipynb"\ngrid.every = ["weak", "yeer"]')
    result = CliRunner().invoke(main, ["batch", "wrong.toml", "--out", "new"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "'wrong.toml' has 2 errors, nothing was run:\n  grid, every, value 1:" in result.stderr
    assert not Path("new").exists()
    result = batch("--where", "evry=week")
    assert "Did you mean 'every'" in result.stderr
    Path("taken").write_text("x")
    result = batch("--out", "taken")
    assert result.exit_code == 1
    assert "The batch into 'taken' ended: File exists." in result.stderr
