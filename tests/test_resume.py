from datetime import UTC, datetime
from pathlib import Path

import pytest

from sanctlib.reports.folders import (
    Record,
    fresh_sibling,
    output_hashes,
    read_record,
    sweep,
    versions,
    write_record,
)
from sanctlib.reports.parameters import to_json
from sanctlib.reports.run import Request, request
from sanctlib.reports.verify import standing
from sanctlib.store import Dataset, shipped
from tests.small_notebooks import small_notebook

PARAMETERS = """\
from pathlib import Path
every: Literal["week", "month"] = "week"  # length of a period
own: Path | None = None  # a table"""


@pytest.fixture
def asked(tmp_path: Path) -> Request:
    """A run with a file of its own, done with the dataset `ofac_sdn`."""
    (tmp_path / "own.csv").write_text("a\n1\n")
    notebook = small_notebook(tmp_path / "brief.ipynb", "1 + 1", parameters=PARAMETERS)
    run = ask(notebook, tmp_path / "own.csv")
    run.folder.mkdir(parents=True)
    (run.folder / "table.csv").write_text("n\n1\n")
    write(run, record(run))
    return run


def ask(notebook: Path, own: Path) -> Request:
    parameters = {"every": "month", "own": own}
    return request(notebook, parameters=parameters, out=notebook.parent / "out")


def record(run: Request) -> Record:
    now = datetime(2024, 1, 2, tzinfo=UTC)
    return Record(
        notebook="brief",
        notebook_sha256=run.notebook_sha256,
        title="Brief",
        status="done",
        parameters=to_json(run.values),
        changed={"every": "month", "own": "own.csv"},
        inputs=run.inputs | {"ofac_sdn": shipped()["ofac_sdn"].sha256},
        started=now,
        finished=now,
        outputs=output_hashes(run.folder),
    )


def changed(made: Record, **other: object) -> Record:
    return made.model_copy(update=other)


def write(run: Request, made: Record) -> None:
    write_record(made, run.folder / "record.json")


def test_a_run_is_done_while_nothing_it_was_made_of_changed(asked: Request) -> None:
    assert standing(asked) == ("done", "")


def test_a_file_is_the_same_wherever_it_lies(asked: Request, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "own.csv"
    moved.parent.mkdir()
    (tmp_path / "own.csv").rename(moved)
    again = ask(asked.notebook, moved)
    assert again.folder == asked.folder
    assert standing(again) == ("done", "")


def test_files_of_a_list_are_the_same_wherever_they_lie(tmp_path: Path) -> None:
    cell = "from pathlib import Path\nown: list[Path] = []"
    notebook = small_notebook(tmp_path / "brief.ipynb", parameters=cell)
    names = ["a.csv", "b.csv"]
    found = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        for name in names:
            (tmp_path / place / name).write_text("a\n1\n")
        files = [tmp_path / place / name for name in names]
        found.append(request(notebook, parameters={"own": files}, out=tmp_path / "out"))
    one, two = found
    one.folder.mkdir(parents=True)
    inputs = record(one).inputs
    write(one, changed(record(one), inputs={k: v for k, v in inputs.items() if k != "ofac_sdn"}))
    assert two.folder == one.folder
    assert standing(two) == ("done", "")


def test_a_run_never_asked_for_is_to_do(asked: Request) -> None:
    other = request(asked.notebook, parameters={}, out=asked.notebook.parent / "out")
    assert standing(other) == ("to do", "")


def test_another_notebook_is_named(asked: Request, tmp_path: Path) -> None:
    small_notebook(asked.notebook, "1 + 2", parameters=PARAMETERS)
    again = ask(asked.notebook, tmp_path / "own.csv")
    assert standing(again) == ("stale", "the notebook changed")


def test_another_file_of_the_same_name_is_another_run(asked: Request, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("a\n2\n")
    again = ask(asked.notebook, tmp_path / "own.csv")
    assert again.folder != asked.folder
    assert standing(again).state == "to do"


def test_changed_data_are_named(
    asked: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Moved(Dataset):
        path = tmp_path / "own.csv"

    dataset = shipped()["ofac_sdn"]
    fake = {"ofac_sdn": Moved(**vars(dataset))}
    monkeypatch.setattr("sanctlib.catalogue.shipped", lambda: fake)
    assert standing(asked, store=tmp_path) == ("stale", "ofac_sdn changed")
    monkeypatch.setattr("sanctlib.catalogue.shipped", dict)
    assert standing(asked, store=tmp_path) == ("stale", "ofac_sdn is gone")


def test_changed_parameters_and_packages_are_named_with_both_values(asked: Request) -> None:
    made = record(asked)
    older = made.versions | {"pandas": "3.0.0"}
    write(asked, changed(made, versions=older, parameters=made.parameters | {"every": "week"}))
    assert standing(asked) == (
        "stale",
        f"every: week → month; pandas 3.0.0 → {versions()['pandas']}",
    )


def test_files_that_are_missing_or_changed_are_named(asked: Request) -> None:
    (asked.folder / "table.csv").write_text("n\n2\n")
    assert standing(asked) == ("stale", "table.csv is not as the run wrote it")
    (asked.folder / "table.csv").unlink()
    assert standing(asked) == ("stale", "table.csv is missing")


def test_a_damaged_record_is_no_record(asked: Request) -> None:
    (asked.folder / "record.json").write_text("{")
    assert standing(asked) == ("stale", "its record is damaged")


def test_a_run_that_failed_runs_again_even_where_an_earlier_one_was_good(asked: Request) -> None:
    failed = changed(record(asked), status="failed", error="code cell 2 raised ValueError")
    write_record(failed, asked.folder / "brief.failed.json")
    assert standing(asked) == ("failed before", "code cell 2 raised ValueError")


def test_our_version_tells_the_code_apart_between_releases(asked: Request) -> None:
    assert "+" in versions()["sanctlib"]
    assert read_record(asked.folder / "record.json").versions == versions()


def test_what_killed_runs_left_is_swept_and_live_runs_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    final = out / "brief" / "default"
    with fresh_sibling(final) as live:
        (live / "work").mkdir()
        for left in (".default.running-0", ".other.running-1/work"):
            (final.parent / left).mkdir(parents=True)
        sweep(out)
        assert list(final.parent.iterdir()) == [live]
    assert list(out.iterdir()) == []


def test_a_good_report_that_was_moved_aside_goes_back_to_its_place(tmp_path: Path) -> None:
    aside = tmp_path / "brief" / ".default.earlier-0"
    aside.mkdir(parents=True)
    (aside / "report.html").write_text("good")
    sweep(tmp_path)
    assert (tmp_path / "brief" / "default" / "report.html").read_text() == "good"
    # Where a newer one took its place, it goes.
    (tmp_path / "brief" / ".default.earlier-1").mkdir()
    sweep(tmp_path)
    assert [p.name for p in (tmp_path / "brief").iterdir()] == ["default"]
