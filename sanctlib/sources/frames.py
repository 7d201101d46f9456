"""Read a file or a frame of your own. Return it as a draft of text columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.cleaning import Draft
from sanctlib.codes.actions import numbers_for_codes
from sanctlib.errors import SourceError, check_flat, in_words
from sanctlib.reading import Audit, sha256
from sanctlib.sources.files import check_text, open_bytes, paths_of
from sanctlib.sources.sheets import WORKBOOKS, read_sheet
from sanctlib.sources.text import delimiter_of, read_text

_FRAMES: Mapping[str, tuple[str, bytes, Callable[[Path], pd.DataFrame]]] = {
    ".parquet": ("Parquet", b"PAR1", pd.read_parquet),
    ".dta": ("Stata", b"<stata_dta>", pd.read_stata),
}


def draft_of(
    data: Any, *, delimiter: str | None, encoding: str, code: str | None
) -> tuple[Draft, dict[str, str]]:
    """Return a table of one's own as a draft of text columns, and the sha256 of its file."""
    if not isinstance(data, str | Path):
        return _draft_of_frame(data, code=code), {}
    (path,) = paths_of(data, what="data")
    suffix = path.suffix.lower()
    if suffix in _FRAMES:
        draft = _draft_of_frame(_frame_of(path), code=code, file=path.name)
    elif suffix in WORKBOOKS:
        draft = read_sheet(path, code=code)
    else:
        check_text(path)
        delimiter = delimiter_of(path) if delimiter is None else delimiter
        draft = read_text(path, delimiter=delimiter, encoding=encoding)
    return draft, {path.name: sha256(path)}


def _frame_of(path: Path) -> pd.DataFrame:
    """Return the frame that a file holds."""
    kind, mark, read = _FRAMES[path.suffix.lower()]
    open_bytes(path, allowed=mark).close()
    try:
        # Whole numbers with gaps are fractions in Stata: 2 would become "2.0".
        return read(path).convert_dtypes() if kind == "Stata" else read(path)
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
    frame = data.rename(columns=str)
    if code in frame and _has_numbers(frame[code]):
        raise numbers_for_codes(str(code))
    n = len(frame)
    text = frame.apply(_as_text).astype("str") if n else frame.astype("str")
    rows = text.reset_index(drop=True).assign(
        _file=pd.Series([file] * n, dtype="str"), _line=pd.Series(range(1, n + 1), dtype="int64")
    )
    whole = text.fillna("").reset_index(drop=True)

    def raw(line: int) -> str:
        return ",".join(whole.iloc[line - 1])

    return Draft(rows=rows, audit=Audit.begin(n), raw=raw)


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
