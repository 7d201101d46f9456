"""The Global Sanctions Data Base (GSDB), case file of release R3."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.rules import empty_to_null, resolve_parties
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.schema import MEASURES
from sanctlib.sources.producers import provenance
from sanctlib.sources.text import check_header, read_text

COLUMNS = (
    *("case_id", "sanctioned_state", "sanctioning_state", "begin", "end"),
    *MEASURES,
    *("objective", "success"),
)
# Names that hold the comma which also separates names.
PROTECTED = (
    *("Korea, North", "Korea, South", "Yemen, North", "Yemen, South", "Gambia, The"),
    *("Egypt, Arab Rep.", "Congo, Democratic Republic of the"),
)
_HELD = {name: name.replace(", ", "\x00") for name in PROTECTED}
_YEARS = (1900, 2100)


def read_cases(path: Path) -> Reading:
    """
    Read the case file: a row per case, sender and target, years as intervals.

    Names are resolved at the end of the year in which the case begins, with
    ``succession="dominant"``: the file writes South Vietnam and North Yemen outside
    their years. Blocs stay whole: the EU and its members are listed side by side, and
    counting both counts twice. A name that is no party, such as a group of states or
    a terrorist organisation, is kept as a null party and listed, and so is a state of a
    year in which it was none (Mozambique in 1970, Montenegro beside the EU in 1996).

    A case is ongoing where any of its objectives is. The last year of the release
    stands for an open end, so an ongoing case that ends in it has no end; an ongoing
    case that ends earlier keeps its end, since the file says both. The file has no
    threats: all cases are imposed.

    Returns
    -------
    Reading
        Of kind ``"cases"``.

    Raises
    ------
    SourceError, MissingColumnsError
        When the file is not the case file.
    """
    path = Path(path)
    draft = read_text(path)
    needed_by = "The reader of GSDB"
    check_header(draft, COLUMNS, needed_by=needed_by)
    draft = _years(empty_to_null(draft))
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} has no case with a first and a last year.")
    release = int(draft.rows["end"].max())
    draft = resolve_parties(_written_out(draft), succession="dominant", not_yet="unknown")
    rows = draft.rows
    ongoing = rows["success"].str.contains("ongoing", regex=False).fillna(value=False)
    is_open = ongoing & rows["end"].eq(release)
    table = pd.DataFrame(
        {
            "source": "gsdb",
            "case_id": rows["case_id"],
            "sender": rows["sender"],
            "target": rows["target"],
            "start": rows["date"],
            "start_last": rows["date_last"],
            "end": _day(rows["end"], "-01-01").mask(is_open),
            "end_last": _day(rows["end"], "-12-31").mask(is_open),
            "ongoing": ongoing,
            "imposed": True,
            "measures": _flagged(rows),
            "objectives": rows["objective"].map(_parts, na_action="ignore"),
            "outcomes": rows["success"].map(_parts, na_action="ignore"),
        }
    )
    return Reading(
        kind="cases",
        table=table,
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=Coverage(
            source="gsdb", first=rows["date"].min().date(), last=date(release, 12, 31)
        ),
        provenance=provenance("gsdb", path),
        unmatched=draft.unmatched,
    )


def split_names(text: str) -> list[str]:
    """
    Split a cell of names at its commas, but not inside a name that holds one.

    Examples
    --------
    >>> split_names("Korea, North, Poland,Hungary")
    ['Korea, North', 'Poland', 'Hungary']
    """
    for name, held in _HELD.items():
        text = text.replace(name, held)
    parts = (re.sub(r"\s+", " ", part.replace("\x00", ", ")).strip() for part in text.split(","))
    return [part for part in parts if part]


def _years(draft: Draft) -> Draft:
    rows = draft.rows.copy()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    for column in ("begin", "end"):
        year = pd.to_numeric(rows[column], errors="coerce")
        wrong = ~(year.between(*_YEARS) & year.mod(1).eq(0))
        reasons[wrong] = f"{column} is no year: " + rows[column][wrong].map(repr)
        rows[column] = year
    reasons[rows["begin"].gt(rows["end"]) & reasons.isna()] = "ends before it begins"
    for column in ("case_id", "sanctioned_state", "sanctioning_state"):
        reasons[rows[column].isna()] = f"no {column}"
    reasons[rows["case_id"].duplicated(keep="first")] = "case_id of an earlier row"
    return replace(draft, rows=rows).reject(reasons, step="check years and ids")


def _written_out(draft: Draft) -> Draft:
    rows = draft.rows.assign(
        sender=draft.rows["sanctioning_state"].map(split_names),
        target=draft.rows["sanctioned_state"].map(split_names),
    )
    rows = rows.explode("sender").explode("target").reset_index(drop=True)
    dated = rows.assign(
        sender=rows["sender"].astype("str"),
        target=rows["target"].astype("str"),
        date=_day(rows["begin"], "-01-01"),
        date_last=_day(rows["begin"], "-12-31"),
    )
    return draft.written_out(dated, step="write out senders and targets")


def _day(years: pd.Series, day: str) -> pd.Series:
    days = pd.to_datetime(years.astype("int64").astype("str") + day)
    return days.astype("datetime64[us]")


def _flagged(rows: pd.DataFrame) -> pd.Series:
    flags = rows[list(MEASURES)].apply(lambda column: column.str.strip().eq("1"))
    joined = [";".join(m for m in MEASURES if row[m]) or None for row in flags.to_dict("records")]
    return pd.Series(joined, index=rows.index, dtype="str")


def _parts(text: str) -> str:
    return ";".join(sorted({part.strip() for part in text.split(",")} - {""}))
