"""Our chronology of Russia and Iran: hand-picked acts, each with reference and status."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.codes.countries import existed, is_state_code
from sanctlib.coverage import Coverage
from sanctlib.dates import days_in
from sanctlib.reading import Provenance, Reading, sha256
from sanctlib.sources.draft import Draft, empty_to_null, mapped_actions
from sanctlib.sources.text import check_header, read_text

COLUMNS = {
    "act_id": "number of the act; a draft row that was two acts has a and b",
    "date": "day of the act, or the first day it can have happened",
    "date_last": "last day it can have happened",
    "date_announced": "day of the announcement, where it is another",
    "date_effective": "day of effect, where it is another",
    "date_basis": "which day `date` is",
    "sender": "who acts; several joined by ; each act alone, or together when mutual",
    "target": "who is acted on: the state of the legal programme; empty when mutual",
    "mutual": "yes for agreements and meetings that all senders do together",
    "family": "sanction, cooperation, conflict or other",
    "action": "what was done, in the vocabulary",
    "measures": "types of sanctions",
    "title": "what happened, in our words",
    "programme": "legal programme of the sender",
    "conduct": "states whose conduct the reasons name",
    "located_in": "places of the firms and persons listed: never targets",
    "reference": "official reference",
    "source": "stored sources that confirm the row",
    "status": "confirmed, partly or unconfirmed",
    "disputed": "yes where states disagree whether it has effect",
    "because_of_partnership": "whether a sanction was imposed because of the partnership",
    "because_reason": "why, in few words",
    "agreement_id": "shared by the stages of one agreement",
    "agreement_stage": "stage of the agreement",
    "note": "what is not confirmed, and conflicts between sources",
}


def read_chronology(path: Path, *, provenance: Provenance, coverage: Coverage) -> Reading:
    """
    Read the chronology into events: an act of several senders or targets is written out.

    All rows are kept, whatever their status; figures show the confirmed ones and mark
    the partly confirmed. The reading is curated: rows were chosen around known
    milestones, so it annotates and never is an outcome.

    Returns
    -------
    Reading
        Of kind ``"events"``, with ``curated=True``.

    Raises
    ------
    SourceError, MissingColumnsError, SchemaError
    """
    draft = read_text(path)
    check_header(draft, list(COLUMNS))
    rows = draft.rows.rename(columns={"source": "evidence"})
    draft = empty_to_null(replace(draft, rows=rows))
    action, family, unknown = mapped_actions(draft.rows["action"], draft.rows["family"])
    rows = draft.rows.assign(action=action, family=family)
    draft = replace(draft, rows=rows).reject(unknown, step="map actions")
    draft = _check_parties(_written_out(_with_days(draft)))
    table = draft.table.assign(source=provenance.key)
    table["disputed"] = table["disputed"].eq("yes")
    return Reading(
        kind="events",
        table=table,
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=replace(provenance, files={path.name: sha256(path)}),
        curated=True,
    )


def _with_days(draft: Draft) -> Draft:
    """Turn text into days; a row with a date that is none, or without the first, is rejected."""
    rows = draft.rows
    columns = ("date", "date_last", "date_announced", "date_effective")
    found, reasons = days_in(rows[list(columns)], ["%Y-%m-%d"])
    return replace(draft, rows=rows.assign(**found)).reject(reasons, step="check dates")


def _check_parties(draft: Draft) -> Draft:
    """Reject rows with an unknown code of a state, or a state that did not exist that day."""
    reasons = pd.Series(pd.NA, index=draft.rows.index, dtype="object")
    for side in ("sender", "target"):
        code = draft.rows[side]
        three = code.str.fullmatch(r"[A-Z]{3}").fillna(value=False)
        no_state = three & ~code.map(is_state_code, na_action="ignore").fillna(value=False)
        reasons[no_state] = side + " " + code[no_state].map(repr) + " is not a state code"
        there = existed(code, draft.rows["date"]) | existed(code, draft.rows["date_last"])
        gone = three & ~no_state & ~there
        reasons[gone] = side + " " + code[gone].map(repr) + " was not a state on that day"
    return draft.reject(reasons, step="check parties")


def _written_out(draft: Draft) -> Draft:
    draft = replace(draft, rows=draft.rows.assign(mutual=draft.rows["mutual"].eq("yes")))
    said = "it names no sender, or nobody but the sender"
    reasons = [None if _pairs(row) else said for row in _records(draft.rows)]
    alone = pd.Series(reasons, index=draft.rows.index, dtype="object")
    draft = draft.reject(alone, step="check sides")
    rows = draft.rows
    written: list[dict[str, Any]] = []
    for row in _records(rows):
        for sender, target in _pairs(row):
            many = ";" in str(row["sender"]) or ";" in str(row["target"])
            end = f":{sender}>{target}" if many or row["mutual"] else ""
            written.append(
                {**row, "event_id": f"{row['act_id']}{end}", "sender": sender, "target": target}
            )
    out = pd.DataFrame(written, columns=["event_id", *rows.columns])
    return draft.written_out(out, step="write out senders and targets")


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in record.items()} for record in rows.to_dict("records")]


def _pairs(row: dict[str, Any]) -> list[tuple[str, str | None]]:
    if pd.isna(row["sender"]):
        return []
    senders = sorted(str(row["sender"]).split(";"))
    if row["mutual"]:
        return [(a, b) for i, a in enumerate(senders) for b in senders[i + 1 :]]
    if pd.isna(row["target"]):
        return [(sender, None) for sender in senders]
    targets = str(row["target"]).split(";")
    return [(a, b) for a in senders for b in targets if a != b]
