"""Read Excel, OpenDocument and Stata files, or a frame. Return rows of text."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from sanctlib.codes.actions import numbers_for_codes
from sanctlib.errors import SourceError, check_flat, in_words
from sanctlib.reading import Audit, sha256
from sanctlib.sources.draft import Draft
from sanctlib.sources.files import UNREADABLE, open_bytes, paths_of
from sanctlib.sources.text import Records, delimiter_of, read_text

WORKBOOKS = (".xls", ".xlsx", ".ods")
_MARKS = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04")
# A full sheet of Excel 97 has 65,536 rows of 256 cells; the largest we know has 1,412 of 66.
_MAX_BYTES = 32 << 20
_SECONDS = 300


def read_sheet(
    path: Path, *, needed: Sequence[str] = (), also: Sequence[str] = (), code: str | None = None
) -> Draft:
    """
    Read the first sheet of a workbook, or its export as .csv, into a draft of text columns.

    Cells are the text that a reader sees: whole numbers without a point, days as 2014-03-17.
    ``_line`` is the row of the sheet; a number in the column `code` is an error.
    """
    with open_bytes(path, allowed=_MARKS[1]) as stream:
        try:
            content = stream.read(_MAX_BYTES + 1)
        except UNREADABLE as error:
            raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error
    named = any(suffix.lower() in WORKBOOKS for suffix in path.suffixes)
    if not named and not content.startswith(_MARKS):
        draft = read_text(path, needed=needed, also=also, encoding=("utf-8", "cp1252"))
        # Programs that export a column with gaps make its numbers fractions: 2.0 is 2.
        rows = draft.rows.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
        return replace(draft, rows=rows.assign(_raw=draft.rows["_raw"]))
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


def draft_of(
    data: Any, *, delimiter: str | None, encoding: str, code: str | None
) -> tuple[Draft, dict[str, str]]:
    """Return a table of one's own as a draft of text columns, and the sha256 of its file."""
    if not isinstance(data, str | Path):
        return _draft_of_frame(data, code=code), {}
    (path,) = paths_of(data, what="data")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        draft = _draft_of_frame(_frame_of(path, "Parquet", b"PAR1"), code=code, file=path.name)
    elif suffix == ".dta":
        frame = _frame_of(path, "Stata", b"<stata_dta>")
        # Whole numbers with gaps are fractions in Stata: 2 would become "2.0".
        draft = _draft_of_frame(frame.convert_dtypes(), code=code, file=path.name)
    elif suffix in WORKBOOKS:
        draft = read_sheet(path, code=code)
    else:
        delimiter = delimiter_of(path) if delimiter is None else delimiter
        draft = read_text(path, delimiter=delimiter, encoding=encoding)
    return draft, {path.name: sha256(path)}


def _frame_of(path: Path, kind: Literal["Parquet", "Stata"], mark: bytes) -> pd.DataFrame:
    """Return the frame that a file holds."""
    open_bytes(path, allowed=mark).close()
    try:
        return pd.read_stata(path) if kind == "Stata" else pd.read_parquet(path)
    # Of damaged bytes pandas raises whatever comes: struct.error, KeyError, ValueError, ...
    except Exception as error:
        raise SourceError(f"{path.name!r} cannot be read as {kind}: {error}") from error


def _draft_of_frame(data: Any, *, code: str | None, file: str = "frame") -> Draft:
    if isinstance(data, pd.DataFrame):
        check_flat(data.columns.nlevels, what="table")
    library, kind = type(data).__module__.split(".")[0], type(data).__name__
    if (library, kind) in (("polars", "DataFrame"), ("pyarrow", "Table")):
        data = data.to_pandas()
    if not isinstance(data, pd.DataFrame) or not data.columns.is_unique:
        msg = f"data is {_found(data)}. It must be a file, or a pandas, polars or pyarrow frame"
        raise SourceError(f"{msg} in memory.")
    frame = data.rename(columns=str).reset_index(drop=True)
    if code in frame and _has_numbers(frame[code]):
        raise numbers_for_codes(str(code))
    text = frame.apply(_as_text).astype("str") if len(frame) else frame.astype("str")
    rows = text.assign(_file=file, _line=text.index + 1).astype({"_file": "str", "_line": "int64"})
    raw = text.fillna("")
    return Draft(
        rows=rows, audit=Audit.begin(len(rows)), raw=lambda line: ",".join(raw.iloc[line - 1])
    )


def _found(data: object) -> str:
    """Return what was given instead of a table; no cell of it, which could be a name."""
    if isinstance(data, pd.DataFrame):
        return "a frame in which a name of a column occurs twice"
    if type(data).__name__ == "LazyFrame":
        return "a lazy frame: call its collect() first"
    if isinstance(getattr(data, "table", None), pd.DataFrame):
        return "a reading or result: pass its table"
    return in_words(data)


def _has_numbers(column: pd.Series) -> bool:
    values = column.dropna()
    if pd.api.types.is_numeric_dtype(values):
        return len(values) > 0
    return any(isinstance(value, Real) for value in values.unique())


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%d")
    return column.map(str, na_action="ignore")
