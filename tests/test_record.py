import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sanctlib.errors import ReportError
from sanctlib.reports.folders import (
    Record,
    output_hashes,
    read_record,
    versions,
    write_record,
)

RECORD = Record(
    notebook="brief",
    notebook_sha256="ab" * 32,
    title="Russia & <Iran>",
    status="done",
    parameters={"pair": ["RUS", "IRN"], "start": "2018-01-01", "file": "own.csv"},
    changed={"pair": "RUS, IRN"},
    inputs={"ofac_sdn": "cd" * 32},
    started=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
    finished=datetime(2024, 1, 2, 3, 4, 7, 500000, tzinfo=UTC),
    outputs={"a, b.csv": "e", "fig.png": "f", "fig.svg": "0", "report.html": "1"},
    versions={"python": "3.11.7"},
)


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == RECORD
    content = json.loads((tmp_path / "record.json").read_text())
    assert content["seconds"] == 2.5
    assert content["parameters"]["pair"] == ["RUS", "IRN"]
    assert content["parameters"]["start"] == "2018-01-01"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seconds": 1}', '"x"'])
def test_a_damaged_record_is_a_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ReportError, match="is not the record of a run"):
        read_record(path)


def test_outputs_are_hashed_below_the_folder_and_the_record_left_out(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_bytes(b"abc")
    (tmp_path / "record.json").write_text("{}")
    # The sha256 of "abc" is the first test vector of FIPS 180-2.
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert output_hashes(tmp_path) == {"tables/a.csv": digest}


def test_the_version_of_sanctlib_changes_with_its_own_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "sanctlib"
    (package / "reports").mkdir(parents=True)
    monkeypatch.setattr("sanctlib.reports.folders.__file__", str(package / "reports" / "x.py"))
    (package / "cli.py").write_text("one")
    first = versions.__wrapped__()["sanctlib"]
    (tmp_path / "README.md").write_text("beside the package")
    assert versions.__wrapped__()["sanctlib"] == first
    (package / "cli.py").write_text("two")
    assert versions.__wrapped__()["sanctlib"] != first


def test_versions_name_python_and_the_packages_that_make_numbers() -> None:
    found = versions()
    assert found["python"].startswith("3.")
    for package in ("sanctlib", "pandas", "numpy", "pyarrow", "duckdb", "statsmodels", "papermill"):
        assert found[package][0].isdigit(), package
