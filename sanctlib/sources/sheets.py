"""Read the first sheet of a workbook (.xls, .xlsx, .ods), or its export as .csv, as text."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sanctlib.cleaning import ORIGIN_COLUMNS, Draft
from sanctlib.codes.actions import numbers_for_codes
from sanctlib.errors import SourceError
from sanctlib.sources.files import UNREADABLE, open_bytes
from sanctlib.sources.records import Records
from sanctlib.sources.text import read_text

WORKBOOKS = (".xls", ".xlsx", ".ods")
_MARKS = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04")
# A full sheet of Excel 97 has 65,536 rows of 256 cells; the largest we know has 1,412 of 66.
_MAX_BYTES = 32 << 20
_SECONDS = 300
_ENCODINGS = ("utf-8", "cp1252")


def read_sheet(
    path: Path, *, needed: Sequence[str] = (), also: Sequence[str] = (), code: str | None = None
) -> Draft:
    """
    Read the first sheet of a workbook, or its export as .csv, into a draft of text columns.

    A number that is whole is written without a point ("2", not "2.0"), a day as
    ``2014-03-17``, a blank cell as empty text; text stays as it is. Of merged cells the first
    has the value. ``_line`` is the row of the sheet, ``_raw`` its cells joined by tabs. Other
    sheets are not looked at.

    Parameters
    ----------
    needed, also
        As in `read_text`.
    code : str, optional
        A column whose cells must not be numbers, because these lose leading zeros.

    Raises
    ------
    SourceError
        For a file that is damaged, or larger than any sheet.
    MissingColumnsError
        For a column of `needed` that is not there.
    SchemaError
        For a number in the column `code`.
    """
    with open_bytes(path, allowed=_MARKS[1]) as stream:
        try:
            content = stream.read(_MAX_BYTES + 1)
        except UNREADABLE as error:
            raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error
    named = any(suffix.lower() in WORKBOOKS for suffix in path.suffixes)
    if not named and not content.startswith(_MARKS):
        text = read_text(path, needed=needed, also=also, encoding=list(_ENCODINGS))
        return _whole_numbers(text)
    if len(content) > _MAX_BYTES:
        raise SourceError(f"{path.name!r} is larger than {_MAX_BYTES >> 20} MiB, as no sheet is.")
    if not content.startswith(_MARKS):
        msg = f"{path.name!r} is not a workbook: it begins with {content[:8]!r}. "
        raise SourceError(msg + "If it is text, name it .csv.")
    records = Records(name=path.name, needed=needed, also=also)
    for line, row in enumerate(_rows(path.name, content), start=1):
        if not row:
            continue
        cells = [cell[0] if isinstance(cell, list) else cell for cell in row]
        if not records.header:
            records.begin(cells)
            continue
        # A row ends with its last filled cell.
        cells += [""] * (len(records.header) - len(cells))
        records.take(line, "\t".join(cells), cells)
        at = records.header.index(code) if code in records.header else len(row)
        if any(isinstance(cell, list) for cell in row[at : at + 1]):
            raise numbers_for_codes(str(code))
    if not records.kept and not records.bad:
        raise SourceError(f"{path.name!r} holds no rows below a header in its first sheet.")
    return records.draft()


def _rows(name: str, content: bytes) -> Iterator[list[str | list[str]]]:
    """Return the rows of the first sheet; a number is a list with its text."""
    program = [sys.executable, "-P", str(Path(__file__).with_name("sheet_cells.py"))]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, with the file as its input
            program, input=content, capture_output=True, timeout=_SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        msg = f"{name!r} is damaged, locked or too large, and cannot be read as a workbook."
        raise SourceError(msg) from error
    return map(json.loads, done.stdout.splitlines())


def _whole_numbers(draft: Draft) -> Draft:
    """Write 2.0 as 2: programs that export a column with gaps make its numbers fractions."""
    columns = [c for c in draft.rows.columns if c not in ORIGIN_COLUMNS]
    rows = draft.rows.copy()
    rows[columns] = rows[columns].apply(
        lambda column: column.str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    )
    return replace(draft, rows=rows)
