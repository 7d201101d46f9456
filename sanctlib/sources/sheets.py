"""A sheet of a workbook as text: Excel 97 (.xls) itself, or its export as .csv."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import xlrd

from sanctlib.cleaning import ORIGIN_COLUMNS, Draft
from sanctlib.errors import SourceError
from sanctlib.sources.files import UNREADABLE, open_bytes
from sanctlib.sources.records import Records
from sanctlib.sources.text import read_text

_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A full sheet of Excel 97 has 65,536 rows of 256 cells; the largest we know has 1,412 of 66.
_MAX_BYTES = 32 << 20
# Above it a float has no exact whole number, and its digits would be invented.
_EXACT = 1e15
_ENCODINGS = ("utf-8", "cp1252")


def read_sheet(path: Path, *, needed: Sequence[str] = (), also: Sequence[str] = ()) -> Draft:
    """
    Read the first sheet of a workbook, or its export as .csv, into a draft of text columns.

    A number that is whole is written without a point ("2", not "2.0"), a day as
    ``2014-03-17``, a blank cell as empty text; text stays as it is. ``_line`` is the
    row of the sheet, ``_raw`` its cells joined by tabs. Other sheets are not looked at.

    Parameters
    ----------
    needed, also
        As in `read_text`.

    Raises
    ------
    SourceError
        For a file that is damaged, larger than any sheet, or a workbook of the .xlsx kind.
    MissingColumnsError
        For a column of `needed` that is not there.
    """
    with open_bytes(path) as stream:
        try:
            content = stream.read(_MAX_BYTES + 1)
        except UNREADABLE as error:
            raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error
    if ".xls" not in (s.lower() for s in path.suffixes) and not content.startswith(_MARK):
        text = read_text(path, needed=needed, also=also, encoding=list(_ENCODINGS))
        return _whole_numbers(text)
    if len(content) > _MAX_BYTES:
        raise SourceError(f"{path.name!r} is larger than {_MAX_BYTES >> 20} MiB, as no sheet is.")
    if not content.startswith(_MARK):
        msg = f"{path.name!r} is not a workbook of Excel 97: it begins with {content[:8]!r}. "
        raise SourceError(msg + "If it is text, name it .csv.")
    records = Records(name=path.name, needed=needed, also=also)
    for line, cells in enumerate(_cells(path.name, content), start=1):
        while cells and not cells[-1].strip():
            cells.pop()
        if not cells:
            continue
        if not records.header:
            records.begin(cells)
            continue
        # A row ends with its last filled cell.
        cells += [""] * (len(records.header) - len(cells))
        records.take(line, "\t".join(cells), cells)
    if not records.kept and not records.bad:
        raise SourceError(f"{path.name!r} holds no rows below a header in its first sheet.")
    return records.draft()


def _cells(name: str, content: bytes) -> list[list[str]]:
    try:
        # Its warnings about odd bytes would be printed.
        book = xlrd.open_workbook(
            file_contents=content, logfile=io.StringIO(), on_demand=True, ragged_rows=True
        )
        sheet = book.sheet_by_index(0)
        return [[_text(c, book.datemode) for c in sheet.row(r)] for r in range(sheet.nrows)]
    # On damaged bytes it raises whatever comes: IndexError, struct.error, AssertionError, ...
    except Exception as error:
        raise SourceError(f"{name!r} is damaged and cannot be read as a workbook.") from error


def _text(cell: xlrd.sheet.Cell, datemode: int) -> str:
    value = cell.value
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(value, value))
    if cell.ctype == xlrd.XL_CELL_DATE:
        day: datetime = xlrd.xldate_as_datetime(value, datemode)
        return day.strftime("%Y-%m-%d") if day.time() == day.min.time() else day.isoformat(" ")
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def _whole_numbers(draft: Draft) -> Draft:
    """Write 2.0 as 2: programs that export a column with gaps make its numbers fractions."""
    columns = [c for c in draft.rows.columns if c not in ORIGIN_COLUMNS]
    rows = draft.rows.copy()
    rows[columns] = rows[columns].apply(
        lambda column: column.str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    )
    return replace(draft, rows=rows)
