"""Text files: whatever is wrong with one, a clear error or a rejected line says it."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from sanctlib.errors import SourceError, UnknownChoiceError
from sanctlib.sources.text import read_text


def file(folder: Path, content: bytes, name: str = "acts.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_nothing_is_interpreted_while_reading(tmp_path: Path) -> None:
    draft = read_text(file(tmp_path, b"code,iso2,empty\n040,NA,\n"))
    assert draft.table.to_dict("records") == [{"code": "040", "iso2": "NA", "empty": ""}]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert list(read_text(file(tmp_path, b"\xef\xbb\xbfdate,n\n1,2\n")).table) == ["date", "n"]


def test_lines_are_physical_lines_even_after_a_break_inside_quotes(tmp_path: Path) -> None:
    draft = read_text(file(tmp_path, b'a,b\n1,"two\nlines"\n3,4\n5\n'))
    assert draft.rows["_line"].tolist() == [2, 4]
    assert draft.rejected.to_dict("records") == [
        {"file": "acts.csv", "line": 5, "raw": "5", "reason": "1 fields where the header has 2"}
    ]
    assert (draft.audit.n_read, draft.audit.n_kept, draft.audit.n_rejected) == (3, 2, 1)


def test_a_quote_that_is_never_closed_rejects_each_line_it_took(tmp_path: Path) -> None:
    draft = read_text(file(tmp_path, b'a,b\n1,2\n3,"open\n5,6\n7,8\n'))
    assert draft.table.to_dict("records") == [{"a": "1", "b": "2"}]
    assert draft.rejected["line"].tolist() == [3, 4, 5]
    assert draft.audit.n_read == 4


def test_a_header_repeated_inside_the_data_is_rejected(tmp_path: Path) -> None:
    draft = read_text(file(tmp_path, b"a,b\n1,2\na,b\n3,4\n"))
    assert draft.rejected["reason"].tolist() == ["the header line, repeated inside the data"]


def test_latin_1_is_named_with_the_line_and_read_when_said(tmp_path: Path) -> None:
    path = file(tmp_path, "name\nIran\nCôte d'Ivoire\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"not utf-8.*0xf4.*'cp1252' or 'latin-1'.*encoding="):
        read_text(path)
    assert read_text(path, encoding="latin-1").table["name"].tolist() == ["Iran", "Côte d'Ivoire"]


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is empty"):
        read_text(file(tmp_path, b"\n \n"))


def test_a_header_without_records_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a header line and no records"):
        read_text(file(tmp_path, b"a,b\n"))


def test_a_folder_for_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        read_text(tmp_path)


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    file(tmp_path, b"a\n1\n", "acts.csv")
    with pytest.raises(SourceError, match=r"no file 'act\.csv'.*acts\.csv"):
        read_text(tmp_path / "act.csv")


def test_a_truncated_gzip_is_an_error_that_says_where(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(9999)))
    path = file(tmp_path, whole[: len(whole) // 2], "acts.csv.gz")
    with pytest.raises(SourceError, match=r"is truncated after line \d+"):
        read_text(path)


def test_a_file_that_is_no_gzip_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be unpacked"):
        read_text(file(tmp_path, b"a,b\n1,2\n", "acts.csv.gz"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>", "a saved web page"),
        (b"\n<html><body>", "a saved web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"PK\x03\x04rest", "a zip archive"),
    ],
)
def test_what_is_no_text_table_is_told_by_its_content(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        read_text(file(tmp_path, content))


def test_a_repeated_column_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="one name in columns 1 and 2"):
        read_text(file(tmp_path, b"a,a\n1,2\n"))


def test_a_field_of_ten_megabytes_is_rejected_and_the_rest_read(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    draft = read_text(file(tmp_path, b"a,b\n1," + b"x" * 10_000_000 + b"\n3,4\n"))
    assert draft.table.to_dict("records") == [{"a": "3", "b": "4"}]
    assert draft.rejected["line"].tolist() == [2]
    assert draft.rejected["raw"].str.len().tolist() == [2000]
    assert csv.field_size_limit() == limit, "the process keeps its own"


def test_a_closing_mark_is_no_part_of_the_last_cell(tmp_path: Path) -> None:
    draft = read_text(file(tmp_path, b"a,b\n1,2\n3,4\x1a"))
    assert draft.table["b"].tolist() == ["2", "4"]


def test_a_line_of_tabs_is_a_record_where_tabs_part_the_cells(tmp_path: Path) -> None:
    path = file(tmp_path, b"a\tb\n1\t2\n\t\n\n", "acts.tsv")
    assert read_text(path, delimiter="\t").audit.n_read == 2


def test_a_header_that_cannot_be_read_is_an_error_not_the_next_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"header line of 'acts\.csv', line 1, is not"):
        read_text(file(tmp_path, b'a,"b"c\n1,2\n3,4\n'))


def test_the_ending_of_a_name_is_read_in_either_case(tmp_path: Path) -> None:
    path = file(tmp_path, gzip.compress(b"a\n1\n"), "ACTS.CSV.GZ")
    assert read_text(path).table["a"].tolist() == ["1"]


def test_an_encoding_or_a_delimiter_there_is_not_is_an_error(tmp_path: Path) -> None:
    path = file(tmp_path, b"a\n1\n")
    with pytest.raises(UnknownChoiceError, match="encoding is 'utf-99'"):
        read_text(path, encoding="utf-99")
    with pytest.raises(UnknownChoiceError, match=r"delimiter is '\|\|'. It must be one character"):
        read_text(path, delimiter="||")
