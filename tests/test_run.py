import json
import os
from datetime import date
from pathlib import Path

import pytest

from sanctlib.errors import ParameterError, ReportError
from sanctlib.reports.execution import Executed, with_parameters
from sanctlib.reports.folders import folder_name, fresh_sibling, publish, read_record, write_whole
from sanctlib.reports.run import (
    NotebookError,
    Run,
    available,
    find_notebook,
    leak,
    notebooks_folder,
    run_notebook,
    tidied,
    without_traces,
)
from sanctlib.store import shipped
from tests.small_notebooks import small_notebook

HEADING = "# Acts per week\n\nThe rate is $n / t$."
TABLE = """\
import os
import sys
from pathlib import Path
import pandas as pd
table = pd.DataFrame({"every": [every], "label": [label], "n": [len(label)]})
table.to_csv("table.csv", index=False)
print(Path.cwd(), Path.home() / "x", os.environ["SANCTLIB_STORE"], sys.flags.hash_randomization)
table"""
FIGURE = """\
import warnings
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2], [1, 3])
figure.savefig("figure.png")
figure.savefig("figure.svg")
warnings.warn("looked at")
print(object())
table.style.highlight_max()"""
LABEL = "a \"b\" 'c'\n<b>&</b> Ω"


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run, list[tuple[int, int]]]:
    """One notebook, run in two folders of different names and lengths."""
    runs = []
    seen: list[tuple[int, int]] = []
    # A kernel of the same name elsewhere must not be taken: it may be another Python.
    elsewhere = tmp_path_factory.mktemp("jupyter")
    spec = {"argv": ["/nowhere/python"], "display_name": "x", "language": "python"}
    (elsewhere / "kernels" / "python3").mkdir(parents=True)
    (elsewhere / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JUPYTER_PATH", str(elsewhere))
        for name in ("one", "another-folder"):
            home = tmp_path_factory.mktemp(name)
            patched.setenv("PYTHONHASHSEED", str(len(runs)))
            patched.setenv("MPLBACKEND", "agg")
            patched.setenv("SANCTLIB_STORE", str(home / "store"))
            seen.clear()
            run = run_notebook(
                small_notebook(home / "brief.ipynb", HEADING, TABLE, FIGURE),
                parameters={"every": "month", "label": LABEL},
                out=home / "out" if name == "one" else str(home / "out"),
                store=home / "store" if name == "one" else None,  # the one SANCTLIB_STORE names
                progress=lambda done, of: seen.append((done, of)),
            )
            runs.append(run)
    return runs[0], runs[1], seen


def test_a_run_leaves_notebook_page_record_and_the_files_it_wrote(
    twice: tuple[Run, Run, list[tuple[int, int]]],
) -> None:
    run, _, seen = twice
    assert sorted(p.name for p in run.folder.iterdir()) == [
        "figure.png",
        "figure.svg",
        "notebook.ipynb",
        "record.json",
        "report.html",
        "table.csv",
    ]
    assert [p.name for p in run.folder.parent.iterdir()] == [run.folder.name]
    record = run.record
    assert (record.notebook, record.status, record.error) == ("brief", "done", None)
    assert record.parameters == {"every": "month", "label": LABEL}
    assert repr(run).splitlines()[1].split() == ["file", "sha256"]
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    shown = json.loads((run.folder / "notebook.ipynb").read_text())["cells"][3]["outputs"]
    assert "".join(shown[0]["text"]) == ". ~/x SANCTLIB_STORE 0\n"


def test_the_same_input_gives_the_same_bytes_in_another_folder(
    twice: tuple[Run, Run, list[tuple[int, int]]],
) -> None:
    first, second, _ = twice
    assert first.folder.name == second.folder.name
    for path in first.folder.iterdir():
        if path.name != "record.json":
            assert path.read_bytes() == (second.folder / path.name).read_bytes(), path.name


def test_no_path_of_the_machine_is_in_notebook_or_page(
    twice: tuple[Run, Run, list[tuple[int, int]]],
) -> None:
    run, _, _ = twice
    home, checkout = str(Path.home()), str(Path(__file__).resolve().parents[1])
    for name in ("notebook.ipynb", "report.html", "figure.svg"):
        text = (run.folder / name).read_text()
        for private in (str(run.folder.parent), "/tmp/", "ipykernel_", checkout, f"{home}/"):
            assert private not in text, (name, private)


def test_the_record_tells_what_the_run_was_made_of(
    twice: tuple[Run, Run, list[tuple[int, int]]],
) -> None:
    run, _, _ = twice
    record = read_record(run.folder / "record.json")
    assert record.title == "Acts per week"
    assert record == run.record
    assert record.changed == {"every": "month", "label": LABEL}
    assert record.inputs == {}
    assert sorted(record.outputs) == [
        "figure.png",
        "figure.svg",
        "notebook.ipynb",
        "report.html",
        "table.csv",
    ]


def test_the_executed_notebook_keeps_no_times_and_holds_what_was_injected(
    twice: tuple[Run, Run, list[tuple[int, int]]],
) -> None:
    run, _, _ = twice
    text = (run.folder / "notebook.ipynb").read_text()
    assert "papermill" not in text
    notebook = json.loads(text)
    injected = notebook["cells"][1]
    assert injected["id"] == "injected-parameters"
    assert "".join(injected["source"]) == f"every = 'month'\nlabel = {LABEL!r}"
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    errors = notebook["cells"][4]["outputs"]
    assert "".join(errors[0]["text"]) == "<object object>\n"
    assert errors[1]["text"][0] == "[cell]:7: UserWarning: looked at\n"


FAILURES = {
    "raise ValueError('no such week')": (
        r"code cell 2 of 3 \(\"raise ValueError\('no such week'\)\"\) "
        r"raised ValueError: no such week"
    ),
    "import sys\nsys.exit(0)": r"code cell 2 of 3 \('import sys'\) raised SystemExit: 0",
    "import os\nos.kill(os.getpid(), 9)": (
        r"code cell 2 of 3 \('import os'\) did not run to its end: its process died"
    ),
    "while True: pass": (
        r"code cell 2 of 3 \('while True: pass'\) did not run to its end: the time allowed"
    ),
    "from pathlib import Path\nPath('t.csv').write_text(str(Path.cwd()))": (
        "the notebook wrote the path of its working folder into 't.csv'"
    ),
}


@pytest.mark.parametrize("cell", FAILURES)
def test_a_notebook_that_did_not_run_to_its_end_is_a_failure_and_is_kept(
    tmp_path: Path, cell: str
) -> None:
    final = tmp_path / "out" / "brief" / "default"
    final.mkdir(parents=True)
    (final / "report.html").write_text("the last good one")
    path = small_notebook(tmp_path / "brief.ipynb", cell, "1 + 1")
    timeout = 4 if cell.startswith("while") else 60
    with pytest.raises(NotebookError, match=FAILURES[cell]) as caught:
        run_notebook(path, parameters={}, out=tmp_path / "out", timeout=timeout)
    assert caught.value.run.record.status == "failed"
    assert caught.value.run.folder == final
    assert (final / "report.html").read_text() == "the last good one"
    assert sorted(p.name for p in final.iterdir()) == [
        "brief.failed.ipynb",
        "brief.failed.json",
        "report.html",
    ]
    assert read_record(final / "brief.failed.json").error == caught.value.run.record.error
    assert cell.splitlines()[-1] in "".join(
        json.loads((final / "brief.failed.ipynb").read_text())["cells"][1]["source"]
    )
    assert [p.name for p in final.parent.iterdir()] == ["default"]


def test_a_given_file_is_read_under_a_plain_name_and_hashed(tmp_path: Path) -> None:
    own = tmp_path / "secret place" / "own.csv"
    own.parent.mkdir()
    own.write_text("a\n1\n")
    path = small_notebook(
        tmp_path / "brief.ipynb",
        "print(file, file.read_text())",
        parameters="from pathlib import Path\nfile: Path | None = None  # own table",
    )
    run = run_notebook(path, parameters={"file": own}, out=tmp_path / "out")
    text = (run.folder / "notebook.ipynb").read_text()
    assert "given/file/own.csv a\\n" in text
    assert "secret place" not in text
    # printf 'a\n1\n' | sha256sum
    digest = "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc"
    hashed = read_record(run.folder / "record.json").inputs["given/file/own.csv"]
    assert hashed == digest
    assert not (run.folder / "given").exists()


def test_the_record_lists_the_datasets_that_cells_read_and_no_others(tmp_path: Path) -> None:
    path = small_notebook(
        tmp_path / "brief.ipynb",
        "import sanctlib as sl\nsl.load('un_ideal_points')\nsl.prepare(['ofac_sdn'], out='store')",
    )
    run = run_notebook(path, parameters={}, out=tmp_path / "out")
    known = shipped()
    assert read_record(run.folder / "record.json").inputs == {
        key: known[key].sha256 for key in ("ofac_sdn", "un_ideal_points")
    }


def test_the_words_of_a_failure_hold_no_path_of_the_machine(tmp_path: Path) -> None:
    own = tmp_path / "secret place" / "own.csv"
    own.parent.mkdir()
    own.write_text("a\n1\n")
    path = small_notebook(
        tmp_path / "brief.ipynb",
        "raise ValueError(f'{Path.cwd()}/x, {file.resolve()}')",
        parameters="from pathlib import Path\nfile: Path | None = None  # own table",
    )
    with pytest.raises(NotebookError, match=r"ValueError: \./x, given/file/own\.csv$") as caught:
        run_notebook(path, parameters={"file": own}, out=tmp_path / "out")
    failed = caught.value.run.folder
    assert str(tmp_path) not in read_record(failed / "brief.failed.json").error  # type: ignore[operator]
    assert str(tmp_path) not in (failed / "brief.failed.ipynb").read_text()


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test that starts a kernel."""

    def start(*_: object, **__: object) -> None:
        pytest.fail("a kernel was started")

    monkeypatch.setattr("papermill.execute_notebook", start)


@pytest.mark.usefixtures("no_kernel")
def test_bad_parameters_are_refused_before_a_kernel_starts(tmp_path: Path) -> None:
    path = small_notebook(tmp_path / "brief.ipynb", "1")
    with pytest.raises(ParameterError, match="Did you mean 'every'"):
        run_notebook(path, parameters={"evry": "week"}, out=tmp_path / "out")
    with pytest.raises(ParameterError, match="every must be week or month"):
        run_notebook(path, parameters={"every": False}, out=tmp_path / "out")
    bare = small_notebook(tmp_path / "bare.ipynb", "1", parameters=None)
    with pytest.raises(ParameterError, match="no code cell with the tag 'parameters'"):
        run_notebook(bare, parameters={}, out=tmp_path / "out")
    asking = small_notebook(tmp_path / "asking.ipynb", parameters="file: Path | None = None")
    with pytest.raises(ParameterError, match="file must be an existing file, got 'nowhere"):
        run_notebook(asking, parameters={"file": Path("nowhere.csv")}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_kernel")
def test_a_file_that_may_not_be_read_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "own.csv").write_text("a\n")
    path = small_notebook(tmp_path / "brief.ipynb", parameters="file: Path | None = None")
    monkeypatch.setattr("sanctlib.reports.run.sha256", refuse)
    with pytest.raises(ParameterError, match=r"own\.csv' cannot be read: Permission denied\."):
        run_notebook(path, parameters={"file": tmp_path / "own.csv"}, out=tmp_path / "out")


@pytest.mark.usefixtures("no_kernel")
def test_a_file_where_a_folder_should_be_is_refused_before_a_kernel_starts(tmp_path: Path) -> None:
    path = small_notebook(tmp_path / "brief.ipynb", "1")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ReportError, match=r"cannot write into .*file"):
        run_notebook(path, parameters={}, out=tmp_path / "file")
    (tmp_path / "out" / "brief").mkdir(parents=True)
    (tmp_path / "out" / "brief" / "default").write_text("x")
    with pytest.raises(ReportError, match="default' is a file"):
        run_notebook(path, parameters={}, out=tmp_path / "out")


@pytest.mark.usefixtures("no_kernel")
def test_a_read_only_folder_is_refused_before_a_kernel_starts(tmp_path: Path) -> None:
    path = small_notebook(tmp_path / "brief.ipynb", "1")
    (tmp_path / "out").mkdir(mode=0o555)
    if os.access(tmp_path / "out", os.W_OK):
        pytest.skip("this user (root?) may write into any folder")
    with pytest.raises(ReportError, match="cannot write into"):
        run_notebook(path, parameters={}, out=tmp_path / "out")


@pytest.mark.usefixtures("no_kernel")
def test_a_folder_the_system_refuses_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = small_notebook(tmp_path / "brief.ipynb", "1")
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ReportError, match=r"cannot write into .*: Permission denied\."):
        run_notebook(path, parameters={}, out=tmp_path / "out")


def test_a_missing_notebook_is_refused_with_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_notebook(tmp_path / "02_sanctions_over_time.ipynb")
    small_notebook(tmp_path / "01_prepare.ipynb")
    small_notebook(tmp_path / ".hidden.ipynb")
    monkeypatch.setattr("sanctlib.reports.run.notebooks_folder", lambda: tmp_path)
    assert available() == ["01_prepare", "02_sanctions_over_time"]
    assert find_notebook("01_prepare") == tmp_path / "01_prepare.ipynb"
    with pytest.raises(ReportError, match="Did you mean '02_sanctions_over_time'"):
        find_notebook("02_sanction_over_time")


def test_a_hidden_notebook_is_refused_whose_folder_would_lie_elsewhere(tmp_path: Path) -> None:
    for name in ("...ipynb", ".brief.ipynb"):
        path = small_notebook(tmp_path / name)
        with pytest.raises(ReportError, match="There is no notebook"):
            find_notebook(path)


def test_our_notebooks_lie_beside_the_package_in_a_checkout() -> None:
    assert notebooks_folder().name == "notebooks"


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "default"),
        ({"pair": ("RUS", "IRN"), "every": "month"}, "pair=RUS-IRN,every=month"),
        ({"start": date(2018, 1, 1), "limit": None}, "start=2018-01-01,limit=None"),
        ({"level": 0.9, "show": False}, "level=0.9,show=False"),
    ],
)
def test_the_folder_is_named_after_what_was_changed(changed: dict[str, object], name: str) -> None:
    assert folder_name(changed, contents={}) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"label": "../../etc"}, {"label": ".._.._etc"}),
        ({"label": "abc"}, {"label": "ABC d"}),
        ({"label": "RUS"}, {"label": "rus"}),
        ({"label": "none"}, {"label": None}),
        ({"states": []}, {"states": [""]}),
        ({"states": ["a-b"]}, {"states": ["a", "b"]}),
        ({"label": "x" * 300}, {"label": "x" * 301}),
        ({"label": "a/b\n:*?"}, {"label": "Ω"}),
    ],
)
def test_two_runs_never_share_a_folder_and_its_name_is_safe(
    one: dict[str, object], other: dict[str, object]
) -> None:
    names = [folder_name(one, contents={}), folder_name(other, contents={})]
    assert names[0].casefold() != names[1].casefold()
    for name in names:
        assert len(name) <= 80
        assert set(name) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=,-"
        )
        assert not name.startswith(".")


def test_a_finished_folder_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    final = tmp_path / "default"
    final.mkdir()
    (final / "gone.csv").write_text("old")
    with fresh_sibling(final) as fresh:
        (fresh / "new.csv").write_text("new")
        publish(fresh, final)
    assert [p.name for p in tmp_path.rglob("*")] == ["default", "new.csv"]


def test_of_two_runs_into_one_folder_the_last_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "default"
    final.mkdir()
    rename = Path.rename
    beaten: list[Path] = []

    def meanwhile(self: Path, target: Path) -> Path:
        if "running" in self.name and not beaten:
            beaten.append(self)
            final.mkdir()
            (final / "other.csv").write_text("of another run")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", meanwhile)
    with fresh_sibling(final) as fresh:
        (fresh / "new.csv").write_text("new")
        publish(fresh, final)
    assert beaten
    assert [p.name for p in tmp_path.rglob("*")] == ["default", "new.csv"]


def test_a_disk_that_refuses_leaves_the_earlier_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "default"
    final.mkdir()
    (final / "good.csv").write_text("old")
    rename = Path.rename

    def full(self: Path, target: Path) -> Path:
        if "running" in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with (
        pytest.raises(ReportError, match="No space left on device"),
        fresh_sibling(final) as fresh,
    ):
        publish(fresh, final)
    assert [p.name for p in tmp_path.rglob("*")] == ["default", "good.csv"]


def test_a_file_that_cannot_be_written_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "index.html"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReportError, match="No space left on device"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["index.html"]


def test_text_that_no_file_can_hold_is_a_clear_error(tmp_path: Path) -> None:
    # A file name that is no UTF-8 reaches a record as a lone surrogate.
    with pytest.raises(ReportError, match=r"record\.json' cannot be written: .*surrogates"):
        write_whole(tmp_path / "record.json", "\udcff.csv")
    assert list(tmp_path.iterdir()) == []


def code(outputs: list[dict[str, object]], *, count: int | None = 1) -> dict[str, object]:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": "x",
        "execution_count": count,
        "outputs": outputs,
    }


def test_a_cell_that_was_never_run_is_a_failure_without_any_error() -> None:
    done = {"cells": [code([]), code([], count=None)]}
    assert Executed(notebook=done, n_begun=1).failure == "code cell 2 of 2 ('x') was never run."
    good = {"cells": [code([])]}
    assert Executed(notebook=good, n_begun=1).failure is None
    late = Executed(notebook=good, n_begun=1, error=RuntimeError("late"))
    assert late.failure == "code cell 1 of 1 ('x') broke off: RuntimeError: late"
    early = Executed(notebook=good, error=RuntimeError())
    assert early.failure == "no cell ran: RuntimeError: no message"


def test_printed_pieces_are_joined_and_private_texts_replaced(tmp_path: Path) -> None:
    def piece(name: str, text: str) -> dict[str, object]:
        return {"output_type": "stream", "name": name, "text": text}

    outputs = [
        piece("stderr", "E1 "),
        piece("stdout", "/home/me/a /home/meme https://x.org/home/me "),
        piece("stderr", "E2"),
        piece("stdout", "<C at 0x7f00ab>"),
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {
                "text/html": "&lt;C at 0x7f00ab&gt;",
                "application/vnd.jupyter.widget-view+json": {"model_id": "random"},
            },
        },
        piece("stdout", "after"),
    ]
    plain = small_notebook(tmp_path / "brief.ipynb")
    planned = with_parameters(json.loads(plain.read_text()), {}, name="brief")
    executed = {"cells": [code(outputs)]}
    found = tidied(executed, planned, private={"/home/me": "~"})["cells"][0]["outputs"]
    assert found == [
        piece("stdout", "~/a /home/meme https://x.org/home/me <C>"),
        piece("stderr", "E1 E2"),
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": "&lt;C&gt;"}},
        piece("stdout", "after"),
    ]


def test_random_ids_of_styled_tables_are_named_after_their_content() -> None:
    def styled(first: str, second: str, cell: str = "1") -> str:
        return (
            f'<style>#{first}_row0 {{}}</style><table id="{first}"><td id="{first}_row0">'
            f'{cell}</td></table><table id="{second}"></table>'
        )

    one = without_traces(styled("T_b82d4", "T_0a1c2"), {})
    assert one == without_traces(styled("T_eff6d", "T_12345"), {})
    assert one != without_traces(styled("T_eff6d", "T_12345", cell="2"), {})
    assert one.count("T_") == 4
    assert "T_eff6d" in without_traces("the table T_eff6d", {})


def test_a_text_file_with_the_working_path_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("fine")
    assert leak(tmp_path) is None
    (tmp_path / "b.csv").write_text(f"{tmp_path.resolve()}/x")
    assert leak(tmp_path) == "the notebook wrote the path of its working folder into 'b.csv'."
