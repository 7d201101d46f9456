import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from sanctlib.errors import ReportError
from sanctlib.reports.index import write_index
from sanctlib.reports.record import (
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
    parameters={"pair": ("RUS", "IRN"), "start": date(2018, 1, 1), "file": Path("own.csv")},
    changed=("pair",),
    inputs={"ofac_sdn": "cd" * 32},
    started=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
    finished=datetime(2024, 1, 2, 3, 4, 7, 500000, tzinfo=UTC),
    outputs={"a, b.csv": "e", "fig.png": "f", "fig.svg": "0", "report.html": "1"},
    versions={"python": "3.11.7"},
)


def put(out: Path, record: Record, *, folder: str = "default", name: str = "record.json") -> None:
    write_record(record, out / record.notebook / folder / name)


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == RECORD
    content = json.loads((tmp_path / "record.json").read_text())
    assert content["seconds"] == 2.5
    assert content["parameters"]["pair"] == {"tuple": ["RUS", "IRN"]}
    assert content["parameters"]["start"] == {"date": "2018-01-01"}


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


def test_versions_name_python_and_the_packages_that_make_numbers() -> None:
    found = versions()
    assert found["python"].startswith("3.")
    for package in ("sanctlib", "pandas", "numpy", "pyarrow", "duckdb", "statsmodels", "papermill"):
        assert found[package][0].isdigit(), package


def index(out: Path) -> BeautifulSoup:
    return BeautifulSoup(write_index(out).read_text(encoding="utf-8"), "html.parser")


def test_the_index_links_every_run_its_tables_and_its_figures(tmp_path: Path) -> None:
    put(tmp_path, RECORD, folder="pair=RUS-IRN")
    put(tmp_path, replace(RECORD, changed=()))
    soup = index(tmp_path)
    assert [a["href"] for a in soup.select("h2 a")] == [
        "brief/default/report.html",
        "brief/pair%3DRUS-IRN/report.html",
    ]
    assert soup.select_one("h2").text == "Russia & <Iran>"  # type: ignore[union-attr]
    runs = [p.text for p in soup.select("p.quiet")]
    assert runs == ["brief: default parameters", "brief: pair = RUS, IRN"]
    first = soup.select("section")[0]
    assert [a["href"] for a in first.select("p a")] == ["brief/default/a%2C%20b.csv"]
    assert [a["href"] for a in first.select("li a")] == [
        "brief/default/fig.png",
        "brief/default/fig.png",
        "brief/default/fig.svg",
    ]
    assert [i["alt"] for i in first.select("img")] == ["Figure fig"]
    assert soup.select("script") == []
    assert all("://" not in str(tag.get("href", "")) for tag in soup.select("*"))


def test_the_index_shows_failures_beside_the_last_good_run(tmp_path: Path) -> None:
    failed = replace(RECORD, status="failed", error="code cell 2 raised <X>", outputs={})
    put(tmp_path, RECORD)
    put(tmp_path, failed, name="brief.failed.json")
    put(tmp_path, failed, folder="every=week", name="brief.failed.json")
    soup = index(tmp_path)
    assert soup.select("main > p")[0].text == "2 runs, 2 failed."
    both, only = soup.select("section")
    assert both.select_one("h2 a") is not None
    assert "code cell 2 raised <X>. The report linked above is of an earlier run." in both.text
    assert only.select_one("h2 a") is None
    assert [a["href"] for a in only.select("a")] == ["brief/every%3Dweek/brief.failed.ipynb"]


def test_the_index_leaves_out_a_run_whose_record_is_taken_away_meanwhile(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    gone = tmp_path / "brief" / "every=week" / "record.json"
    gone.parent.mkdir()
    # Found by its name, and not there when it is read.
    gone.symlink_to(tmp_path / "nowhere")
    assert index(tmp_path).select("main > p")[0].text == "1 run."


def test_the_index_of_an_empty_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "brief" / ".default.running-0" / "work").mkdir(parents=True)
    assert "No report yet." in index(tmp_path).text


def test_the_index_is_the_same_whatever_the_times(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    before = write_index(tmp_path).read_bytes()
    put(tmp_path, replace(RECORD, finished=datetime(2025, 1, 1, tzinfo=UTC)))
    assert write_index(tmp_path).read_bytes() == before


def test_an_index_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(ReportError, match=r"index\.html' cannot be written"):
        write_index(tmp_path / "out")
