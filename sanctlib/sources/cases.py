"""Cases of sanctions: from a draft, one row per case, to one row per case, sender and target."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import Draft, resolve_parties
from sanctlib.codes.countries import System
from sanctlib.coverage import Coverage
from sanctlib.dates import first_and_last
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.schema import CASES, Column
from sanctlib.sources.producers import as_reading

_KEY = ["case_id", "sender", "target"]
_FIRST, _LAST = pd.Timestamp("1900-01-01"), pd.Timestamp("2100-12-31")
_SHOWN = 60


def declared(*names: str) -> list[Column]:
    """Return the columns of the table of cases with these names."""
    return [c for c in CASES.columns if c.name in names]


def with_own_ids(draft: Draft) -> Draft:
    """Reject the rows without a ``case_id``, or with that of an earlier row."""
    rows = draft.rows.assign(case_id=draft.rows["case_id"].str.strip())
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[rows["case_id"].duplicated(keep="first")] = "case_id of an earlier row"
    reasons[rows["case_id"].isna()] = "no case_id"
    return replace(draft, rows=rows).reject(reasons, step="check ids")


def partial_date(year: pd.Series, month: pd.Series, day: pd.Series) -> pd.Series:
    """
    Return dates as text, as far as they are known: ``1951-06-22``, ``1951-06`` or ``1951``.

    A day that its month does not have, as in 31 June, leaves the month: the case is
    not lost for it. A day without a month says nothing, and a "?" stands for a missing one.
    """
    month, day = (part.mask(part.str.strip().eq("?")) for part in (month, day))
    to_month = year.str.strip() + "-" + month.str.strip().str.zfill(2)
    to_day = to_month + "-" + day.str.strip().str.zfill(2)
    exists = pd.to_datetime(to_day, format="%Y-%m-%d", errors="coerce").notna()
    no_such_day = ~exists & day.str.fullmatch(r"\s*(29|30|31)\s*").fillna(value=False)
    return to_day.mask(no_such_day).fillna(to_month).fillna(year)


def dated(
    draft: Draft, columns: Sequence[str] = ("start", "end"), *, formats: Sequence[str]
) -> Draft:
    """
    Turn the text of `columns` into intervals: ``start`` and ``start_last``, and so on.

    A month or a year is an interval of all its days. A row without a start, with text that
    is no date, or that ends before it begins is rejected.
    """
    rows = draft.rows.copy()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    for column in columns:
        text = rows[column].astype("str").str.strip()
        first, last = (first_and_last(text, formats)[end] for end in ("first", "last"))
        wrong = text.notna() & ~first.between(_FIRST, _LAST)
        reasons[wrong] = f"impossible {column}: " + text[wrong].str.slice(0, _SHOWN).map(repr)
        rows[column], rows[f"{column}_last"] = first, last
        if column == "start":
            reasons[text.isna()] = "no start"
    reasons[rows["end_last"].lt(rows["start"]) & reasons.isna()] = "ends before it begins"
    return replace(draft, rows=rows).reject(reasons, step="check dates")


def coded(*columns: pd.Series, words: Mapping[str, str] | None = None) -> pd.Series:
    """
    Return the codes of one or several columns as sorted words, once each.

    Codes in a cell are separated by commas, semicolons or blanks. A word may be several,
    joined by ``;``; a code that has no word is kept as it is.
    """
    known = words or {}

    def worded(cell: str) -> str | None:
        codes = [code for code in re.split(r"[;,\s]+", cell) if code]
        found = {word for code in codes for word in known.get(code, code).split(";")}
        return ";".join(sorted(found)) or None

    text = columns[0].fillna("")
    for column in columns[1:]:
        text = text + " " + column.fillna("")
    return text.map({cell: worded(cell) for cell in text.unique()}).astype("str")


def as_cases(
    draft: Draft,
    *,
    key: str,
    path: Path,
    coverage: Coverage,
    senders: System = "name",
    targets: System = "name",
) -> Reading:
    """
    Write out a draft of cases by sender and target, and return the table.

    ``sender`` and ``target`` may be lists, in the systems `senders` and `targets`. States
    are resolved by the first day of the case, or its last where that is not known to a day,
    under ``succession="dominant"``; what is no party, or none yet, is kept as a null party
    and listed. Two names that mean one party that day are one row.
    """
    rows = draft.rows.explode("sender").explode("target", ignore_index=True)
    rows = rows.astype({"sender": "str", "target": "str"})
    rows = rows.assign(date=rows["start"], date_last=rows["start_last"])
    draft = draft.written_out(rows, step="write out senders and targets")
    for side, system in (("sender", senders), ("target", targets)):
        draft = resolve_parties(
            draft, [side], system=system, succession="dominant", not_yet="unknown"
        )
    rows = draft.rows
    known = rows["sender"].notna() & rows["target"].notna()
    one = rows[~(rows.duplicated(_KEY) & known)]
    draft = draft.merged_into(one, step="merge rows of one case, sender and target")
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} holds no case that can be kept.")
    return as_reading(draft, "cases", key=key, paths=[path], coverage=coverage)
