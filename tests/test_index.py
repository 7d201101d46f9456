import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from sanctlib.errors import ReportError
from sanctlib.reports.folders import Record, write_record
from sanctlib.reports.index import write_index

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
RECORD = Record(
    notebook="brief",
    notebook_sha256="ab" * 32,
    title="Russia & <Iran>",
    status="done",
    parameters={"pair": ["RUS", "IRN"], "start": "2018-01-01", "label": HOSTILE},
    changed={"pair": "RUS, IRN"},
    inputs={},
    started=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
    finished=datetime(2024, 1, 2, 3, 4, 7, tzinfo=UTC),
    outputs={
        "a, b.csv": "e",
        "fig.png": "f",
        "fig.svg": "0",
        "notebook.ipynb": "2",
        "report.html": "1",
    },
    versions={},
)


def replace(record: Record, **other: object) -> Record:
    return record.model_copy(update=other)


FAILED = replace(RECORD, status="failed", error="code cell 2 raised <X>", outputs={})


def put(out: Path, record: Record, *, folder: str = "default", name: str = "record.json") -> None:
    write_record(record, out / record.notebook / folder / name)


def put_headline(out: Path, text: str) -> None:
    put(out, replace(RECORD, outputs={"headline.csv": "0"}))
    (out / "brief" / "default" / "headline.csv").write_text(text, encoding="utf-8")


def index(out: Path) -> BeautifulSoup:
    return BeautifulSoup(write_index(out).read_text(encoding="utf-8"), "html.parser")


def links(soup: BeautifulSoup, css: str) -> list[str]:
    return [str(a["href"]) for a in soup.select(css)]


def test_each_run_is_a_row_with_its_page_figures_and_files(tmp_path: Path) -> None:
    put(tmp_path, RECORD, folder="pair=RUS-IRN")
    put(tmp_path, replace(RECORD, changed={}))
    soup = index(tmp_path)
    assert [h.text for h in soup.select("h2")] == ["Russia & <Iran> brief"]
    assert [a.text for a in soup.select("th[scope=row] a")] == [
        "default parameters",
        "pair = RUS, IRN",
    ]
    assert links(soup, "th[scope=row] a") == [
        "brief/default/report.html",
        "brief/pair%3DRUS-IRN/report.html",
    ]
    first = soup.select("tbody tr")[0]
    assert [i["alt"] for i in first.select("img")] == ["Figure fig"]
    assert [(i["src"], i["loading"]) for i in first.select("img")] == [
        ("brief/default/fig.png", "lazy")
    ]
    assert links(soup, "tbody tr:first-child td:last-child a") == [
        "brief/default/notebook.ipynb",
        "brief/default/a%2C%20b.csv",
        "brief/default/fig.png",
        "brief/default/fig.svg",
    ]
    assert all("://" not in str(tag.get("href", "")) for tag in soup.select("*"))


def test_runs_are_grouped_by_notebook(tmp_path: Path) -> None:
    put(tmp_path, replace(RECORD, notebook="other", title="other"))
    put(tmp_path, RECORD)
    put(tmp_path, RECORD, folder="x")
    soup = index(tmp_path)
    assert [h.text for h in soup.select("h2")] == ["Russia & <Iran> brief", "other"]
    assert [len(s.select("tbody tr")) for s in soup.select("section")] == [2, 1]
    assert soup.select("main > p")[0].text == "3 runs."


def test_a_page_in_print_is_linked_where_it_lies(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    assert "PDF" not in index(tmp_path).text
    (tmp_path / "brief" / "default" / "report.pdf").write_bytes(b"%PDF")
    assert "brief/default/report.pdf" in links(index(tmp_path), "td a")


def test_headline_numbers_are_shown_and_can_be_sorted_by(tmp_path: Path) -> None:
    put_headline(tmp_path, "label,value,unit\nnew,4119,entities\nratio,2.5,times\nheld,,acts\n")
    soup = index(tmp_path)
    assert [dt.text for dt in soup.select("dt")] == ["new", "ratio", "held"]
    assert [dd.text for dd in soup.select("dd")] == ["4,119 entities", "2.5 times", "missing"]
    assert [dd["data-value"] for dd in soup.select("dd")] == ["4119", "2.5", ""]


@pytest.mark.parametrize("text", ["", "label\nx\n", "label,value,unit\nx,1\n", 'label,"\n'])
def test_headline_numbers_that_are_none_stop_nothing(tmp_path: Path, text: str) -> None:
    put_headline(tmp_path, text)
    cell = index(tmp_path).select("tbody td")[0].text
    assert cell in ("", "headline.csv does not hold label, value and unit.")


def put_answer(out: Path, text: str) -> None:
    put(out, replace(RECORD, outputs={"answer.json": "0", "report.html": "1"}))
    (out / "brief" / "default" / "answer.json").write_text(text, encoding="utf-8")


def test_the_answer_of_the_first_report_is_on_top_and_its_first_sentence_in_its_row(
    tmp_path: Path,
) -> None:
    put_answer(tmp_path, '["It rose & <fell>.", "In 2022 151."]')
    soup = index(tmp_path)
    assert [li.text for li in soup.select(".answer li")] == ["It rose & <fell>.", "In 2022 151."]
    assert links(soup, ".answer a") == ["brief/default/report.html"]
    assert [p.text for p in soup.select("tbody td > p")] == ["It rose & <fell>."]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"a": "b"}', "not json", '"text"'])
def test_an_answer_that_is_none_stops_nothing(tmp_path: Path, text: str) -> None:
    put_answer(tmp_path, text)
    assert not index(tmp_path).select(".answer")


def test_names_from_data_are_text_in_every_place(tmp_path: Path) -> None:
    hostile = replace(
        RECORD,
        notebook="n <b>",
        title=HOSTILE,
        changed={"label": HOSTILE},
        outputs={"headline.csv": "", f"{HOSTILE.replace('/', '')}.png": "", "<b>.csv": ""},
    )
    put(tmp_path, hostile)
    put(tmp_path, replace(hostile, status="failed", error=HOSTILE), name="n <b>.failed.json")
    text = f"label,value,unit\n{HOSTILE.replace(chr(34), '')},{HOSTILE.replace(chr(34), '')},<i>\n"
    (tmp_path / "n <b>" / "default" / "headline.csv").write_text(text)
    soup = index(tmp_path)
    assert soup.select("b, i, img[src=x], [onerror]") == []
    assert len(soup.select("script")) == 1
    assert soup.select_one("h2").text == f"{HOSTILE} n <b>"  # type: ignore[union-attr]


def test_failures_stand_beside_the_last_good_run(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    put(tmp_path, FAILED, name="brief.failed.json")
    put(tmp_path, FAILED, folder="every=week", name="brief.failed.json")
    soup = index(tmp_path)
    assert soup.select("main > p")[0].text == "2 runs, 2 failed."
    both, only = soup.select("tbody tr")
    assert "code cell 2 raised <X>. The report linked above is of an earlier run." in both.text
    assert [a["href"] for a in only.select("a")] == ["brief/every%3Dweek/brief.failed.ipynb"]
    assert [tr["data-state"] for tr in (both, only)] == ["failed", "failed"]


def test_a_damaged_record_is_a_row_that_says_so(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    put(tmp_path, RECORD, folder="torn")
    (tmp_path / "brief" / "torn" / "record.json").write_text('{"notebook": "brief"')
    soup = index(tmp_path)
    assert soup.select("main > p")[0].text == "2 runs, 1 damaged."
    torn = soup.select("tbody tr")[1]
    assert "Damaged: record.json is not the record of a run. Run it again." in torn.text
    assert torn["data-state"] == "damaged"


def test_a_run_whose_record_is_taken_away_meanwhile_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    gone = tmp_path / "brief" / "every=week" / "record.json"
    gone.parent.mkdir()
    # Found by its name, and not there when it is read.
    gone.symlink_to(tmp_path / "nowhere")
    assert index(tmp_path).select("main > p")[0].text == "1 run."


def test_the_one_script_is_the_only_one_the_browser_may_run(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    soup = index(tmp_path)
    (script,) = soup.select("script")
    assert list(script.attrs) == []
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    policy = str(soup.select_one("meta[http-equiv=Content-Security-Policy]")["content"])  # type: ignore[index]
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    # What needs the script is hidden until it runs.
    assert soup.select_one("#controls").has_attr("hidden")  # type: ignore[union-attr]


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "brief" / ".default.running-0" / "work").mkdir(parents=True)
    assert "No report yet." in index(tmp_path).text


def test_the_page_is_the_same_whatever_the_times(tmp_path: Path) -> None:
    put(tmp_path, RECORD)
    before = write_index(tmp_path).read_bytes()
    put(tmp_path, replace(RECORD, finished=datetime(2025, 1, 1, tzinfo=UTC)))
    assert write_index(tmp_path).read_bytes() == before


def test_a_page_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(ReportError, match=r"index\.html' cannot be written"):
        write_index(tmp_path / "out")
