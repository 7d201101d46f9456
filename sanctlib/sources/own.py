"""Tables that are in our own layout already: the ones we ship, or a user wrote before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sanctlib.cleaning import empty_to_null, type_columns
from sanctlib.coverage import Coverage
from sanctlib.reading import Provenance, Reading, sha256
from sanctlib.schema import TABLES, TableKind
from sanctlib.sources.text import check_header, read_text


def read_own(
    path: Path, *, kind: TableKind, provenance: Provenance, coverage: Coverage | None
) -> Reading:
    """
    Read a CSV file that is one of our tables; a cell of the wrong type rejects its row.

    Raises
    ------
    SourceError, MissingColumnsError, SchemaError
    """
    schema = TABLES[kind]
    draft = read_text(path)
    check_header(draft, schema.required)
    draft = empty_to_null(draft)
    draft = type_columns(draft, [c for c in schema.columns if c.name in draft.rows])
    return Reading(
        kind=kind,
        table=draft.table,
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=replace(provenance, files={path.name: sha256(path)}),
    )
