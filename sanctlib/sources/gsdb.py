"""The Global Sanctions Data Base (GSDB), case file of releases R2 to R4."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import Draft, empty_to_null, type_columns
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.schema import MEASURES, Column
from sanctlib.sources.cases import as_cases, coded, dated, with_own_ids
from sanctlib.sources.sheets import read_sheet
from sanctlib.sources.text import check_header

COLUMNS = (
    *("case_id", "sanctioned_state", "sanctioning_state", "begin", "end"),
    *MEASURES,
    *("objective", "success"),
)
_EXTENT = "descr_trade"
SYNONYMS = {"begin_year": "begin", "end_year": "end"}
# Names that hold the comma which also separates names.
PROTECTED = (
    *("Korea, North", "Korea, South", "Yemen, North", "Yemen, South", "Gambia, The"),
    *("Egypt, Arab Rep.", "Congo, Democratic Republic of the"),
)
_HELD = {name: name.replace(", ", "\x00") for name in PROTECTED}


def read_cases(path: Path) -> Reading:
    """
    Read the case file: a row per case, sender and target, years as intervals.

    A case is a set of measures of one coalition against one or several targets, so a pair
    may have many at once (the United States against Iran 13): active cases and active
    pairs are different numbers. Names are those of the year in which the case begins,
    with ``succession="dominant"``: the file writes South Vietnam and North Yemen outside
    their years. Blocs stay whole: the EU and its members are listed side by
    side, and counting both counts twice. A name that is no party, such as a group of
    states or a terrorist organisation, is kept as a null party and listed, and so is a
    state of a year in which it was none (Mozambique in 1970, Montenegro beside the EU in
    1996).

    A case is ongoing where any of its objectives is. The last year of the release
    stands for an open end, so an ongoing case that ends in it has no end; an ongoing
    case that ends earlier keeps its end, since the file says both. The file has no
    threats: all cases are imposed. How a case ended is not stated, so there is no ``exit``.

    The names of the columns may differ in case and blanks, their order is free, and more
    of them are passed over (`target_mult`, `sender_mult`); `descr_trade` may lack, and is
    ``trade_extent``. The *dyadic* file
    of release R4 has a row per pair and year that joins several cases: no case can be seen
    from another in it, and it is refused.

    Returns
    -------
    Reading
        Of kind ``"cases"``.

    Raises
    ------
    SourceError, MissingColumnsError
        When the file is not the case file.
    """
    draft = empty_to_null(_named(read_sheet(path), path))
    rows = draft.rows.rename(columns={"begin": "start"})
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    for column in ("end", "sanctioned_state", "sanctioning_state"):
        reasons[rows[column].isna()] = f"no {column}"
    draft = replace(draft, rows=rows).reject(reasons, step="check cells")
    draft = dated(with_own_ids(draft), formats=())
    draft = type_columns(draft, [Column(name=m, kind="flag", meaning=m) for m in MEASURES])
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} has no case with a first and a last year.")
    rows = draft.rows
    last = rows["end_last"].max()
    ongoing = rows["success"].str.contains("ongoing", regex=False).fillna(value=False)
    is_open = ongoing & rows["end_last"].eq(last)
    cases = rows.assign(
        sender=rows["sanctioning_state"].map(split_names),
        target=rows["sanctioned_state"].map(split_names),
        end=rows["end"].mask(is_open),
        end_last=rows["end_last"].mask(is_open),
        ongoing=ongoing,
        imposed=True,
        measures=_flagged(rows),
        trade_extent=coded(rows[_EXTENT]) if _EXTENT in rows else None,
        objectives=coded(rows["objective"]),
        outcomes=coded(rows["success"]),
    )
    covered = Coverage(
        source="gsdb", first=rows["start"].min().date(), last=date(last.year, 12, 31)
    )
    return as_cases(replace(draft, rows=cases), key="gsdb", path=path, coverage=covered)


def split_names(text: str) -> list[str]:
    """Split a cell of names at its commas, but not inside a name that holds one."""
    for name, held in _HELD.items():
        text = text.replace(name, held)
    parts = (re.sub(r"\s+", " ", part.replace("\x00", ", ")).strip() for part in text.split(","))
    return [part for part in parts if part]


def _named(draft: Draft, path: Path) -> Draft:
    """Give the columns the names of release R3, and refuse the dyadic file."""
    found = list(draft.rows.columns)
    names: dict[str, str] = {}
    for column in found:
        folded = re.sub(r"[\s.-]+", "_", column.strip().casefold())
        name = SYNONYMS.get(folded, folded)
        if name in (*COLUMNS, _EXTENT) and name not in found and name not in names.values():
            names[column] = name
    rows = draft.rows.rename(columns=names)
    if "year" in rows and "begin" not in rows:
        msg = (
            f"{path.name!r} is the dyadic file of the GSDB, a row per pair and year in which "
            "several cases are joined: read the case file of the same release (GSDB_V4.csv)."
        )
        raise SourceError(msg)
    draft = replace(draft, rows=rows)
    check_header(draft, COLUMNS)
    return draft


def _flagged(rows: pd.DataFrame) -> pd.Series:
    flags = rows[list(MEASURES)].fillna(value=False)
    joined = [";".join(m for m in MEASURES if row[m]) or None for row in flags.to_dict("records")]
    return pd.Series(joined, index=rows.index, dtype="str")
