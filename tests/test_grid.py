import re
from datetime import date
from pathlib import Path

import pytest

from sanctlib.errors import ParameterError, ReportError
from sanctlib.reports.batch import only, read_grid
from sanctlib.reports.run import Request
from tests.conftest import ROOT
from tests.small_notebooks import small_notebook

PARAMETERS = """\
from datetime import date
from pathlib import Path
pair: Pair = ("RUS", "IRN")  # two states
start: date = date(2018, 1, 1)  # first day
every: Literal["week", "month"] = "week"  # length of a period
senders: list[State] = []  # who
level: float = 0.95  # of intervals
limit: int | None = None  # rows
own: Path | None = None  # a table
label: str = ""  # words"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_notebook(tmp_path / "nb" / "brief.ipynb", parameters=PARAMETERS)
    small_notebook(tmp_path / "nb" / "counts.ipynb")
    (tmp_path / "own.csv").write_text("a\n")
    return tmp_path


def grid(folder: Path, text: str, *, name: str = "briefs.toml") -> list[Request]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_grid(path, out=folder / "out")


def errors(folder: Path, text: str, *, name: str = "briefs.toml") -> list[str]:
    with pytest.raises(ReportError) as caught:
        grid(folder, text, name=name)
    first, *lines = str(caught.value).splitlines()
    assert re.fullmatch(rf"'{name}' has \d+ errors?, nothing was run:", first), first
    assert not (folder / "out").exists()
    return [line.strip() for line in lines]


def names(runs: list[Request]) -> list[str]:
    return [run.folder.name for run in runs]


def test_every_combination_of_a_grid_is_a_run_with_the_fixed_values(folder: Path) -> None:
    runs = grid(
        folder,
        """
        notebook = "nb/brief.ipynb"
        [fixed]
        level = 0.9
        [grid]
        pair = [["RUS", "IRN"], ["RUS", "CHN"]]
        start = [2018-01-01, 2018-06-01]
        """,
    )
    assert [run.values["pair"] for run in runs] == [("RUS", "IRN")] * 2 + [("RUS", "CHN")] * 2
    assert names(runs) == [
        "level=0.9",
        "start=2018-06-01,level=0.9",
        "pair=RUS-CHN,level=0.9",
        "pair=RUS-CHN,start=2018-06-01,level=0.9",
    ]
    assert runs[1].changed == {"start": date(2018, 6, 1), "level": 0.9}
    assert runs[0].folder == folder / "out" / "brief" / "level=0.9"


def test_all_pairs_among_states_are_written_out(folder: Path) -> None:
    runs = grid(
        folder,
        'notebook = "nb/brief.ipynb"\n[grid]\npairs_among = ["RUS", "IRN", "CHN", "NOR"]',
    )
    assert [run.values["pair"] for run in runs] == [
        ("RUS", "IRN"),
        ("RUS", "CHN"),
        ("RUS", "NOR"),
        ("IRN", "CHN"),
        ("IRN", "NOR"),
        ("CHN", "NOR"),
    ]


def test_runs_are_listed_one_by_one_beside_a_grid_or_alone(folder: Path) -> None:
    runs = grid(
        folder,
        """
        notebook = "nb/brief.ipynb"
        [fixed]
        level = 0.9
        [[run]]
        pair = "IRN,CHN"
        [[run]]
        level = 0.8
        senders = ["NOR", "USA"]
        own = "own.csv"
        limit = "none"
        """,
    )
    assert runs[0].changed == {"pair": ("IRN", "CHN"), "level": 0.9}
    assert runs[1].changed == {"level": 0.8, "senders": ["NOR", "USA"], "own": folder / "own.csv"}
    assert runs[1].given == {"given/own/own.csv": folder / "own.csv"}
    alone = grid(folder, '[[run]]\nnotebook = "nb/counts.ipynb"')
    assert [run.name for run in alone] == ["counts/default"]


def test_several_notebooks_are_batches_and_a_run_asked_for_twice_is_one(folder: Path) -> None:
    runs = grid(
        folder,
        """
        [[batch]]
        notebook = "nb/counts.ipynb"
        grid = { every = ["week", "month"], label = ["NO", "NO"] }
        [[batch]]
        notebook = "nb/brief.ipynb"
        [[batch]]
        notebook = "nb/brief.ipynb"
        fixed = { level = 0.95 }
        """,
    )
    assert [run.notebook.stem for run in runs] == ["counts", "counts", "brief"]
    assert [run.values["every"] for run in runs] == ["week", "month", "week"]
    assert runs[0].changed == {"label": "NO"}


def test_a_table_has_a_row_per_run_in_the_text_form_of_the_command_line(folder: Path) -> None:
    runs = grid(
        folder,
        "\ufeffnotebook,pair,start,senders,label,own\r\n"
        'nb/brief.ipynb,"IRN,NOR",2018-06-01,"NOR,USA","say ""hi""\nNO <b>Ω</b>",own.csv\r\n'
        "nb/counts.ipynb,,,,NO,\r\n",
        name="briefs.csv",
    )
    assert runs[0].changed == {
        "pair": ("IRN", "NOR"),
        "start": date(2018, 6, 1),
        "senders": ["NOR", "USA"],
        "own": folder / "own.csv",
        "label": 'say "hi"\nNO <b>Ω</b>',
    }
    assert runs[1].changed == {"label": "NO"}


def test_all_errors_of_a_grid_are_listed_at_once_with_place_and_suggestion(folder: Path) -> None:
    found = errors(
        folder,
        """
        notebook = "nb/brief.ipynb"
        [fixed]
        levl = 0.9
        start = 2018-01-01T00:00:00
        [grid]
        pair = [["RUS", "IRM"], ["RUS", "CHN"], ["RUS"]]
        every = ["week", "weak"]
        limit = 3
        [[run]]
        notebook = "nb/countz.ipynb"
        """,
    )
    wanted = [
        "fixed: There is no parameter 'levl'.*Did you mean 'level'",
        "fixed: start must be a day",
        "grid, pair, value 1: .*'IRM'.*Did you mean 'I",
        "grid, pair, value 3: pair must be a pair of states",
        "grid, every, value 2: every must be week or month",
        "grid, limit: it must be a list of values",
        "run 1: There is no notebook .*countz",
    ]
    for want in wanted:
        assert any(re.match(want, line) for line in found), (want, found)
    assert len(found) == len(wanted)


def test_all_errors_of_a_table_are_listed_with_their_lines(folder: Path) -> None:
    found = errors(
        folder,
        "notebook,every,level\n"
        "nb/counts.ipynb,weak,\n"
        "nb/counts.ipynb,week,0.9\n"
        "nb/brief.ipynb,year,high\n"
        "nb/brief.ipynb,week\n"
        ",week,\n",
        name="briefs.csv",
    )
    wanted = [
        "line 2: every must be",
        "line 3: There is no parameter 'level'",
        "line 4: every must be",
        "line 4: level must be a number, got 'high'",
        "line 5: The row has more or fewer cells than the header, which has 3",
        "line 6: The key 'notebook' must name",
    ]
    assert len(found) == len(wanted)
    for want, line in zip(wanted, found, strict=True):
        assert re.match(want, line), (want, line)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "notebook: The key 'notebook' must name"),
        ("notebok = 'a'", "notebok: a batch has .*Did you mean 'notebook'"),
        ("notebook = 'nb/brief.ipynb'\ngrid = 3", r"grid: a batch has .*grid \(lists of values"),
        ("notebook = 'nb/brief.ipynb'\nrun = [3]", r"run: a batch has .*run \(\[\[run\]\] tables"),
        ("batch = 3", r"batch: it must be \[\[batch\]\] tables"),
        ("[[batch]]\n[fixed]\na = 1", "batch: it must be .*no other key"),
        (
            "notebook = 'nb/brief.ipynb'\nfixed.own = 'nowhere.csv'",
            "grid: own must be an existing file, got .*nowhere.csv'",
        ),
        (
            "notebook = 'nb/brief.ipynb'\ngrid.pairs_among = ['RUS', 'IRM']",
            "grid: pairs_among.*'IRM'.*Did you mean 'I",
        ),
        (
            "notebook = 'nb/brief.ipynb'\ngrid.pairs_among = ['RUS', 'RUS']",
            "grid: pairs_among must be a list of two or more states, each once",
        ),
        (
            "notebook = 'nb/counts.ipynb'\ngrid.pairs_among = ['RUS', 'IRN']",
            "grid: 'pairs_among' is for a notebook with one parameter that is a pair",
        ),
        ("notebook = 'nb/brief.ipynb'\nfixed.level = nan", "fixed: level must be a number"),
    ],
)
def test_a_wrong_grid_is_refused_with_its_place(folder: Path, text: str, message: str) -> None:
    (found,) = errors(folder, text)
    assert re.match(message, found), found


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("briefs.toml", b"notebook = "),
        ("briefs.toml", b"\xff"),
        ("briefs.csv", b'notebook\n"open'),
        ("briefs.csv", b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_is_no_grid_is_a_clear_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReportError, match=rf"The grid .*{name}' cannot be read: "):
        read_grid(tmp_path / name, out=tmp_path)
    with pytest.raises(ReportError, match=r"cannot be read: .*No such file"):
        read_grid(tmp_path / "nothing.toml", out=tmp_path)


def test_two_notebooks_of_one_name_may_not_share_a_folder(folder: Path) -> None:
    small_notebook(folder / "other" / "counts.ipynb")
    (found,) = errors(
        folder, '[[run]]\nnotebook = "nb/counts.ipynb"\n[[run]]\nnotebook = "other/counts.ipynb"'
    )
    assert found.startswith("run 2: Two notebooks are named 'counts'")


def test_a_part_of_a_grid_is_chosen_by_values(folder: Path) -> None:
    runs = grid(
        folder,
        """
        [[batch]]
        notebook = "nb/brief.ipynb"
        grid = { pairs_among = ["RUS", "IRN", "CHN"], every = ["week", "month"] }
        [[batch]]
        notebook = "nb/counts.ipynb"
        """,
    )
    assert len(runs) == 7
    month = only(runs, ["pair=RUS,IRN", "pair=IRN,CHN", "every=month"])
    assert names(month) == ["every=month", "pair=IRN-CHN,every=month"]
    assert len(only(runs, ["every=week"])) == 4
    assert names(only(runs, ["notebook=counts"])) == ["default"]
    assert only(runs, ["start=2019-01-01"]) == []
    assert only(runs, []) == runs


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("evry=week", "no parameter 'evry'.*Did you mean 'every'"),
        ("level=high", "level must be a number, got 'high'"),
        ("every", "--where is 'every'. It must be NAME=VALUE"),
    ],
)
def test_a_condition_that_no_run_can_meet_is_refused(
    folder: Path, condition: str, message: str
) -> None:
    runs = grid(folder, 'notebook = "nb/brief.ipynb"')
    with pytest.raises(ParameterError, match=message):
        only(runs, [condition])


def test_the_grids_of_the_docs_are_grids(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    found = re.findall(r"```(toml|csv)\n(.*?)```", text, flags=re.DOTALL)
    counts = [len(grid(tmp_path, code, name=f"briefs.{kind}")) for kind, code in found]
    assert counts == [45, 3, 2]
