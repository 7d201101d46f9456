"""A result captions, saves, cites and filters itself; the same result is the same bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.dates import day_in_words
from sanctlib.errors import MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.result import Result
from sanctlib.writing import without_formulas
from tests.news import news_of_2018

SPAN = {"every": "month", "start": "2021-09", "end": "2024-04", "between": "versions"}


@pytest.fixture(scope="module")
def new_us() -> Result:
    us = sl.load("ofac_sdn")
    return sl.sanction_counts(us, unit="entity", by=["target"], targets=["RUS", "IRN"], **SPAN)


def test_a_result_keeps_what_was_asked_and_where_it_comes_from(new_us: Result) -> None:
    assert new_us.query.targets == ("RUS", "IRN")
    assert (new_us.kind, new_us.query.every, new_us.unit) == (
        "counts",
        "month",
        "entities first listed",
    )
    assert [s.key for s in new_us.sources] == ["ofac_sdn"]
    assert new_us.coverage == sl.load("ofac_sdn").coverage
    # Some entities are under programmes of both states: n counts each once.
    whole = sl.sanction_counts(
        sl.load("ofac_sdn"), unit="entity", by=[], targets=["RUS", "IRN"], **SPAN
    )
    assert new_us.n == int(whole.table["n"].sum()) == whole.n


def test_the_caption_has_n_unit_rule_source_period_and_band(new_us: Result) -> None:
    everyone = sl.sanction_counts(sl.load("ofac_sdn"), unit="entity", by=["target"], **SPAN).table
    n_none = int(everyone.loc[everyone["target"].isna(), "n"].sum())
    assert new_us.caption == (
        f"n = {new_us.n:,} entities first listed; target: the state at which the "
        "programme is directed, as reviewed. "
        "Source: US SDN list, 27 May 2014 to 20 August 2026. "
        f"{n_none:,} entities first listed count for no state "
        "(their programmes are on a theme or not reviewed; not in these rows). "
        "Between the archived versions nearest to the ends of each period. "
        "A complete register: no sampling interval."
    )


def test_findings_name_the_states_with_their_number_and_period(new_us: Result) -> None:
    sums = new_us.table.groupby("target")["n"].sum()
    first = f"Russia: {sums['RUS']:,} entities first listed, September 2021 to April 2024"
    assert new_us.summary()[0].startswith(first)
    assert "Iran: " in new_us.summary()[1]


def test_a_list_of_current_entries_says_that_removals_are_missing() -> None:
    canada = sl.load("canada_sema")
    found = sl.sanction_counts(canada, every="year", unit="designation", by=[])
    assert f"entries still listed on {day_in_words(canada.coverage.last)}" in found.caption
    assert "lower bounds" in found.caption


def test_a_hand_picked_list_is_no_sample() -> None:
    found = sl.sanction_counts(sl.load("russia_iran"), every="year", unit="act", by=[])
    assert "Selected events; not a sample." in found.caption


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".dta", ".parquet", ".tex", ".bib"])
def test_a_file_is_what_its_suffix_says(new_us: Result, tmp_path: Path, suffix: str) -> None:
    (path,) = new_us.save(tmp_path / f"new{suffix}")
    table = new_us.table
    if suffix == ".csv":
        again = pd.read_csv(path, parse_dates=["period"])
        assert again["n"].astype("Int64").tolist() == table["n"].tolist()
    elif suffix == ".xlsx":
        # Its parts are XML with the numbers as they are.
        with zipfile.ZipFile(path) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
            strings = book.read("xl/sharedStrings.xml").decode()
        assert sheet.count("<row ") == len(table) + 1
        assert "2021-09-01" in strings
    elif suffix == ".dta":
        again = pd.read_stata(path)
        assert again["period"].tolist() == table["period"].tolist()
        assert again["n"].sum() == table["n"].sum()
    elif suffix == ".parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(path), table)
    elif suffix == ".tex":
        text = path.read_text(encoding="utf-8")
        assert text.count(r"\\") == len(table) + 1
        assert r"n\_unassigned" in text
        assert r"\toprule" in text
        assert "US SDN list, 27 May 2014" in text
        assert r"n\_unassigned" in text
    else:
        assert path.read_text(encoding="utf-8").startswith("@misc{ofac_sdn,")


def test_without_a_suffix_table_citation_and_picture_are_saved(
    new_us: Result, tmp_path: Path
) -> None:
    files = new_us.save(tmp_path / "new")
    names = [f"new{s}" for s in (".csv", ".xlsx", ".bib", ".png", ".svg", ".pdf")]
    assert [p.name for p in files] == names
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)


def test_a_notebook_shows_the_pictures_saved_with_their_words(
    new_us: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[bytes, str]] = []
    below: list[str] = []

    def display(image: Any, metadata: Any = None) -> None:
        if metadata is None:
            below.extend(image)
        else:
            shown.append((image.data, metadata["image/png"]["alt"]))

    monkeypatch.setattr("IPython.display.display", display)
    files = new_us.save(tmp_path / "new", title="New entries")
    files._ipython_display_()
    assert shown == [((tmp_path / "new.png").read_bytes(), f"New entries. {new_us.caption}")]
    # What does not fit into three lines is below the picture.
    assert all(new_us.caption.endswith(text) for text in below)
    new_us.save(tmp_path / "new.csv")._ipython_display_()
    assert len(shown) == 1


def test_a_result_without_a_picture_saves_the_rest(tmp_path: Path) -> None:
    bare = Result(table=pd.DataFrame({"x": [1]}))
    assert [p.suffix for p in bare.save(tmp_path / "bare")] == [".csv", ".xlsx", ".bib"]
    with pytest.raises(SanctlibError, match="no picture"):
        bare.save(tmp_path / "bare.png")
    with pytest.raises(SanctlibError, match="no picture"):
        bare.plot()


def test_saved_twice_is_the_same_to_the_byte(new_us: Result, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        new_us.save(folder / "new")
        new_us.save(folder / "new.dta")
        new_us.save(folder / "new.tex")
    for path in sorted(first.iterdir()):
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_an_unknown_suffix_is_refused_and_a_point_in_a_name_is_not(
    new_us: Result, tmp_path: Path
) -> None:
    with pytest.raises(UnknownChoiceError, match=r"the suffix of path is '.docx'"):
        new_us.save(tmp_path / "new.docx")
    assert list(tmp_path.iterdir()) == []
    (path,) = new_us.filter(target="RUS").save(tmp_path / "v1.2.csv")
    assert path.name == "v1.2.csv"


def test_filter_keeps_query_and_sources_but_not_n(new_us: Result) -> None:
    iran = new_us.filter(target="IRN")
    assert iran.table["target"].unique().tolist() == ["IRN"]
    assert (iran.n, iran.query, iran.sources) == (None, new_us.query, new_us.sources)
    assert len(new_us.filter(target=["IRN", "RUS"])) == len(new_us)
    assert len(new_us.filter(target="Iran", period="2023-03-01")) == 1
    with pytest.raises(SanctlibError, match="no state"):
        new_us.filter(target="Irann")
    with pytest.raises(MissingColumnsError, match="'targets'"):
        new_us.filter(targets="IRN")


def test_names_and_codes_are_added_next_to_ours(new_us: Result) -> None:
    frame = new_us.to_frame(names=True, codes=["cow", "iso2"])
    by_code = frame.drop_duplicates("target").set_index("target")
    assert by_code["target_name"].to_dict() == {"IRN": "Iran", "RUS": "Russia"}
    assert by_code["target_cow"].to_dict() == {"IRN": 630, "RUS": 365}
    assert by_code["target_iso2"].to_dict() == {"IRN": "IR", "RUS": "RU"}
    assert "target_name" not in new_us.table
    with pytest.raises(UnknownChoiceError, match="codes is 'wb'"):
        new_us.to_frame(codes=["wb"])


def test_a_result_cites_its_sources(new_us: Result) -> None:
    assert new_us.cite() == sl.load("ofac_sdn").provenance.citation
    assert new_us.cite("bibtex").startswith("@misc{ofac_sdn,\n  title = {")
    with pytest.raises(UnknownChoiceError, match="style is 'apa'"):
        new_us.cite("apa")  # type: ignore[arg-type]


def test_a_notebook_shows_name_rows_and_caption_with_text_escaped() -> None:
    names = pd.DataFrame({"name": [f"<b>{i}</b>" for i in range(25)]})
    with pd.option_context("display.max_rows", 20):
        html = Result(table=names, name="<i>Names</i>", unit="names", n=25)._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;19" in html
    assert "&lt;b&gt;20" not in html
    assert "5 more rows in .table" in html
    assert "n = 25 names." in html


def test_functions_that_take_a_table_take_a_result() -> None:
    news = news_of_2018("month")
    acts = Result(table=news.table)
    asked = {"every": "month", "unit": "act", "targets": ["IRN"], "by": ["target"]}
    found = sl.sanction_counts(acts, **asked).table
    pd.testing.assert_frame_equal(found, sl.sanction_counts(acts.table, **asked).table)


def test_a_result_passed_on_keeps_coverage_sources_and_the_mark_of_a_curated_list() -> None:
    votes = sl.voting_gap(sl.load("un_ideal_points"), pair=("IRN", "RUS"))
    assert votes.coverage == sl.load("un_ideal_points").coverage
    acts = sl.metrics.timeline(sl.load("russia_iran"), pair=("IRN", "RUS"))
    again = sl.metrics.timeline(acts, pair=("IRN", "RUS"))
    assert again.caption == acts.caption
    assert again.sources[0].curated


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    told = ["=1+1", "+cmd", "-x", "@SUM", "\t=1", "\uff1d1", "-5", "1e3", "Iran"]
    frame = pd.DataFrame({"=name": told, "n": range(len(told))})
    (path,) = Result(table=frame).save(tmp_path / "odd.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "'=name,n"
    read = [line.rsplit(",", 1)[0].strip('"') for line in lines[1:]]
    assert read == ["'=1+1", "'+cmd", "'-x", "'@SUM", "'\t=1", "'\uff1d1", "-5", "1e3", "Iran"]
    assert without_formulas(frame).index.equals(frame.index)


def test_no_text_of_a_sheet_is_a_formula_or_a_link(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["=1+1", "https://example.org", "=HYPERLINK(1)"]})
    (path,) = Result(table=frame).save(tmp_path / "odd.xlsx")
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet.lower()
