"""Sheets of workbooks: Excel 97 as text, its export, and what is neither."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from sanctlib.errors import MissingColumnsError, SourceError
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


@pytest.mark.parametrize("name", ["cases.xlsx", "cases.xls"])
def test_a_newer_workbook_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as workbook:
        workbook.writestr("docProps/app.xml", "<Properties/>")
        workbook.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(SourceError, match=r"\.xlsx kind: save its sheet as \.xls"):
        read_sheet(path)


def test_text_under_the_name_of_a_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.xls"
    path.write_text("caseid\tstartyear\n1\t1990\n", encoding="ascii")
    with pytest.raises(
        SourceError, match=r"not a workbook of Excel 97: it begins with b'caseid.*csv"
    ):
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
