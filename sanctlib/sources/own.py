"""Tables that are in our own layout already: the ones we ship, or a user wrote before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.rules import empty_to_null
from sanctlib.coverage import Coverage
from sanctlib.reading import Provenance, Reading, sha256
from sanctlib.schema import TABLES, Column, TableKind
from sanctlib.sources.text import check_header, read_text

_FLAGS = {"True": True, "False": False}


def read_own(
    path: Path, *, kind: TableKind, provenance: Provenance, coverage: Coverage | None
) -> Reading:
    """
    Read a CSV file that is one of our tables; a cell of the wrong type rejects its row.

    Raises
    ------
    SourceError, MissingColumnsError, SchemaError
    """
    path = Path(path)
    schema = TABLES[kind]
    draft = read_text(path)
    check_header(draft, schema.required, needed_by=f"The table {provenance.key!r} ({kind})")
    draft = empty_to_null(draft)
    draft = _typed(draft, [c for c in schema.columns if c.name in draft.rows])
    return Reading(
        kind=kind,
        table=draft.table,
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=replace(provenance, files={path.name: sha256(path)}),
    )


def _typed(draft: Draft, columns: list[Column]) -> Draft:
    rows = draft.rows.copy()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    for column in columns:
        text = rows[column.name]
        typed = _parse(text, column)
        wrong = typed.isna() & text.notna()
        reasons[wrong] = f"{column.name} is no {column.kind}: " + text[wrong].map(repr)
        if column.filled:
            reasons[text.isna()] = f"no {column.name}"
        rows[column.name] = typed
    return replace(draft, rows=rows).reject(reasons, step="check types")


def _parse(text: pd.Series, column: Column) -> pd.Series:
    if column.kind == "date":
        return pd.to_datetime(text, format="ISO8601", errors="coerce").astype("datetime64[us]")
    if column.kind == "flag":
        return text.map(_FLAGS)
    if column.kind == "integer":
        numbers = pd.to_numeric(text, errors="coerce")
        return numbers.where(numbers.mod(1).eq(0))
    if column.kind == "number":
        return pd.to_numeric(text, errors="coerce")
    return text
