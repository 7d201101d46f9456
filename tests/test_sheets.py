"""Sheets of workbooks: their cells as text, their exports, and what is neither."""

from __future__ import annotations

import gzip
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from sanctlib.errors import MissingColumnsError, SchemaError, SourceError
from sanctlib.sources.sheets import read_sheet
from tests.conftest import ROOT

TIES = ROOT / "tests" / "samples" / "ties" / "TIESv4-1.xls"


def test_whole_numbers_have_no_point_and_blanks_stay_as_text() -> None:
    rows = read_sheet(
        TIES, needed=["caseid", "endday", "sanctiontype", "settlementnaturesender"]
    ).rows
    assert rows.iloc[0].drop("_raw").to_dict() == {
        "caseid": "1952041701",
        "endday": "9",
        "sanctiontype": "3 5 6 9",
        "settlementnaturesender": "-9",
        "_file": "TIESv4-1.xls",
        "_line": 2,
    }
    assert rows["endday"].iloc[1] == ""
    assert rows["_raw"].iloc[0].split("\t")[:4] == ["1952041701", "4", "17", "1952"]


def test_an_export_as_csv_is_the_same_rows(tmp_path: Path) -> None:
    wanted = ["caseid", "startday", "otherissue", "finaloutcome"]
    sheet, text = (read_sheet(p, needed=wanted).rows for p in (TIES, TIES.with_suffix(".csv")))
    assert sheet[[*wanted, "_line"]].equals(text[[*wanted, "_line"]])
    with_points = tmp_path / "points.csv"
    with_points.write_text("a,b\n2.0,2.50\n-9.00,1.0.0\n", encoding="ascii")
    assert read_sheet(with_points).rows[["a", "b"]].to_numpy().tolist() == [
        ["2", "2.50"],
        ["-9", "1.0.0"],
    ]


def test_an_export_may_be_of_an_older_windows(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes("a,b\n1,café\n".encode("cp1252"))
    assert read_sheet(path).rows["b"].tolist() == ["café"]


def test_a_packed_sheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "TIESv4-1.xls.gz"
    path.write_bytes(gzip.compress(TIES.read_bytes()))
    assert len(read_sheet(path).rows) == 14


def sheet(path: Path, rows: list[list[object]]) -> Path:
    """Write rows into the first sheet of a workbook; days as days, times as times."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        first = book.add_worksheet()
        for i, cells in enumerate(rows):
            first.write_row(i, 0, cells)
        book.add_worksheet().write(0, 0, "other")
    return path


def test_a_newer_workbook_has_the_same_rows(tmp_path: Path) -> None:
    old = read_sheet(TIES).rows
    columns = [c for c in old if not c.startswith("_")]
    texts = [columns, *old[columns].to_numpy().tolist()]
    rows = read_sheet(sheet(tmp_path / "ties.xlsx", texts)).rows
    assert rows.drop(columns="_file").equals(old.drop(columns="_file"))
    hidden = tmp_path / "ties.dat"
    (tmp_path / "ties.xlsx").rename(hidden)
    assert read_sheet(hidden).rows[columns].equals(old[columns])


def test_cells_are_the_text_that_a_reader_sees(tmp_path: Path) -> None:
    rows = [
        ["day", "time", "whole", "part", "large", "flag", "text"],
        [datetime(2014, 3, 17), datetime(2014, 3, 17, 5, 30), 2.0, 2.5, 1e16, True, " NA "],
    ]
    cells = read_sheet(sheet(tmp_path / "cells.xlsx", rows)).rows.iloc[0]
    expected = ["2014-03-17", "2014-03-17 05:30:00", "2", "2.5", "1e+16", "1", " NA "]
    assert cells[rows[0]].tolist() == expected


def test_lines_are_those_of_the_sheet_and_merged_cells_have_one_value(tmp_path: Path) -> None:
    path = tmp_path / "gaps.xlsx"
    with xlsxwriter.Workbook(path) as book:
        first = book.add_worksheet()
        first.write_row(2, 0, ["a", "b"])
        first.merge_range(4, 0, 5, 0, "both")
        first.write_column(4, 1, ["x", "y"])
        first.write_row(7, 0, ["1", "2", "3"])
    draft = read_sheet(path)
    assert draft.rows[["a", "b", "_line"]].to_numpy().tolist() == [["both", "x", 5], ["", "y", 6]]
    assert draft.rejected[["line", "reason"]].to_numpy().tolist() == [
        [8, "3 fields where the header has 2"]
    ]


def test_a_column_of_codes_must_not_hold_numbers(tmp_path: Path) -> None:
    path = sheet(tmp_path / "codes.xlsx", [["what", "n"], ["040", 1], [40, 2]])
    assert read_sheet(path, code="n2").rows["what"].tolist() == ["040", "40"]
    with pytest.raises(SchemaError, match="Column 'what' holds numbers, so leading zeros are lost"):
        read_sheet(path, code="what")


@pytest.mark.parametrize("name", ["cases.xlsx", "cases.xls", "cases.ods"])
def test_a_zip_that_is_no_workbook_is_damaged(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as workbook:
        workbook.writestr("docProps/app.xml", "<Properties/>")
        workbook.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(SourceError, match="is damaged, locked or too large"):
        read_sheet(path)


def test_a_cell_far_away_is_an_error_and_ends_no_process(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as book:
        first = book.add_worksheet()
        first.write(0, 0, "a")
        first.write(1_048_575, 16_383, "z")
    with pytest.raises(SourceError, match=r"'far\.xlsx' is damaged, locked or too large"):
        read_sheet(path)


def test_text_under_the_name_of_a_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.xls"
    path.write_text("caseid\tstartyear\n1\t1990\n", encoding="ascii")
    with pytest.raises(SourceError, match=r"not a workbook: it begins with b'caseid.*csv"):
        read_sheet(path)


@pytest.mark.parametrize("size", [8, 512, 1536, 5000])
def test_a_sheet_that_is_cut_off_is_damaged(tmp_path: Path, size: int) -> None:
    path = tmp_path / "cases.xls"
    path.write_bytes(TIES.read_bytes()[:size])
    with pytest.raises(SourceError, match=r"'cases\.xls' is damaged"):
        read_sheet(path)


def test_a_file_larger_than_any_sheet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.xls"
    path.write_bytes(TIES.read_bytes() + b"\x00" * (32 << 20))
    with pytest.raises(SourceError, match="larger than 32 MiB, as no sheet is"):
        read_sheet(path)


def test_a_sheet_without_the_columns_is_refused() -> None:
    with pytest.raises(MissingColumnsError, match="no column 'casid'"):
        read_sheet(TIES, needed=["casid"])


def test_every_cell_of_a_real_sheet_is_text(real_data: Path) -> None:
    draft = read_sheet(real_data / "cases" / "TIESv4-1.xls")
    assert draft.rows.shape == (1412, 66 + 3)
    assert not draft.rows.drop(columns="_line").isna().any(axis=None)
    assert not draft.rows["caseid"].str.contains(".", regex=False).any()


def test_a_sheet_of_libreoffice_is_read(tmp_path: Path) -> None:
    path, space = tmp_path / "cases.ods", "urn:oasis:names:tc:opendocument:xmlns"
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    day = '<table:table-cell office:value-type="date" office:date-value="2014-03-17"/>'
    number = '<table:table-cell office:value-type="float" office:value="2"/>'
    rows = [cell.format("a") + cell.format("b") + cell.format("c"), cell.format("x") + day + number]
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    names = " ".join(f'xmlns:{n}="{space}:{n}:1.0"' for n in ("office", "table", "text"))
    content = f"<office:body><office:spreadsheet><table:table table:name='s'>{body}</table:table>"
    content = f"<office:document-content {names}>{content}</office:spreadsheet></office:body>"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("META-INF/manifest.xml", "<manifest:manifest xmlns:manifest='m'/>")
        book.writestr("content.xml", f"{content}</office:document-content>")
    assert read_sheet(path).rows[["a", "b", "c"]].to_numpy().tolist() == [["x", "2014-03-17", "2"]]
