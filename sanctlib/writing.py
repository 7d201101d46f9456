"""Write files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api import types

from sanctlib.errors import SanctlibError

_LONG_AGO = datetime(2000, 1, 1)
"""The time in every file: the same results are the same bytes."""

# Full-width signs too: spreadsheets of East Asia read them alike. Blanks before are dropped.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d[\d,]*)?\.?\d*([eE][+-]?\d+)?%?")


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """
    Give a folder to write into; its files move to `folder` at the end.

    No final name is ever that of an incomplete file; a ``.json`` manifest moves last. What a
    killed process left there is removed first.
    """
    try:
        sweep_dead(folder.glob(".writing-*"))
        into, lock = claimed(folder, ".writing-")
        try:
            yield into
            for file in sorted(into.iterdir(), key=lambda p: (p.suffix == ".json", p.name)):
                # Windows flushes only what is open for writing.
                with file.open("r+b") as handle:
                    os.fsync(handle.fileno())
                file.replace(folder / file.name)
        finally:
            remove_claimed(into, lock)
    except OSError as error:
        name = Path(error.filename2 or folder).name
        msg = f"{name!r} cannot be written ({error.strerror}). Choose another folder."
        raise SanctlibError(msg) from error


def claimed(parent: Path, prefix: str) -> tuple[Path, int | None]:
    """Make a folder that no other process takes for one left behind."""
    while True:
        parent.mkdir(parents=True, exist_ok=True)
        fresh = parent / f"{prefix}{secrets.token_hex(4)}"
        # In this very moment a sweep may take the folder, and the end of a run the parent.
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            fresh.mkdir(mode=0o700)
            lock = _lock(fresh)
            if fresh.exists():
                return fresh, lock
            remove_claimed(fresh, lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder and return the handle that holds it, or None where nothing locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise
        return None  # some network disks
    return handle


def remove_claimed(folder: Path, lock: int | None) -> None:
    """Remove a claimed folder and end the claim."""
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def sweep_dead(folders: Iterable[Path]) -> None:
    """Remove the claimed folders whose process ended; where nothing locks, all stay."""
    for folder in folders:
        with contextlib.suppress(OSError):
            if (lock := _lock(folder)) is not None:
                remove_claimed(folder, lock)


def save_frame(frame: pd.DataFrame, path: Path, *, caption: str = "") -> None:
    """Write a frame as the suffix of `path` says, without its index."""
    if path.suffix == ".csv":
        without_formulas(frame).to_csv(path, index=False, lineterminator="\n")
    elif path.suffix == ".xlsx":
        _save_sheet(frame, path)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".dta":
        _save_stata(frame, path)
    else:
        plain = _days_as_text(frame)
        styled = plain.style.hide(axis="index").format(escape="latex", na_rep="--")
        styled = styled.format_index(escape="latex", axis=1)
        text = styled.to_latex(hrules=True, caption=_latex(caption) or None)
        path.write_text(text, encoding="utf-8")


def _save_sheet(frame: pd.DataFrame, path: Path) -> None:
    # No text is a formula or a link.
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
        book.book.set_properties({"created": _LONG_AGO})
        _days_as_text(frame).to_excel(book, index=False)


def _save_stata(frame: pd.DataFrame, path: Path) -> None:
    plain = frame.copy()
    for name, values in plain.items():
        if types.is_bool_dtype(values) or (types.is_integer_dtype(values) and values.isna().any()):
            plain[name] = values.astype("float64")
        elif _holds_text(values.dtype):
            plain[name] = values.astype("object").where(values.notna(), "")
    try:
        plain.to_stata(path, write_index=False, version=118, time_stamp=_LONG_AGO)
    except (ValueError, TypeError) as error:
        raise SanctlibError(f"{path.name!r} cannot be a Stata file: {error}.") from error


def _days_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose days are ISO text: a sheet would show them with a time."""
    plain = frame.copy()
    for name, values in plain.items():
        if types.is_datetime64_any_dtype(values):
            plain[name] = values.dt.strftime("%Y-%m-%d").astype("object")
        elif values.dtype == "object":
            plain[name] = values.map(lambda v: v.isoformat() if isinstance(v, date) else v)
    return plain


def _latex(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """
    Return a table of which a spreadsheet runs no cell: text as ``=1`` gets an apostrophe.

    So do names of columns. Numbers stay as they are, -5 among them, even where they are text.
    """
    # By place, not by name: two columns may share one.
    columns = {
        i: column.astype("object").map(_as_text) if _holds_text(column.dtype) else column
        for i, (_, column) in enumerate(table.items())
    }
    plain = pd.DataFrame(columns, index=table.index)
    return plain.set_axis([_as_text(c) for c in table.columns], axis=1)


def _holds_text(dtype: Any) -> bool:
    return types.is_string_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype)


def _as_text(value: Any) -> Any:
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
