"""Read our chronology of Russia and Iran, hand-picked acts. Return a reading of events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.codes.countries import existed
from sanctlib.codes.succession import is_state_code
from sanctlib.coverage import Coverage
from sanctlib.dates import days_in
from sanctlib.reading import Provenance, Reading, sha256
from sanctlib.sources.draft import Draft, Fault, empty_to_null, mapped_actions
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
    Read the chronology into events: an act of several senders or targets is expanded.

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
    draft = draft.assign(action=action, family=family).reject(unknown, step="map actions")
    texts = draft.rows[["date", "date_last", "date_announced", "date_effective"]]
    days, impossible = days_in(texts, ["%Y-%m-%d"])
    draft = draft.assign(**days).reject(impossible, step="check dates")
    draft = _check_parties(_written_out(draft))
    return Reading(
        kind="events",
        table=draft.table.assign(source=provenance.key, disputed=draft.rows["disputed"].eq("yes")),
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=replace(provenance, files={path.name: sha256(path)}),
        curated=True,
    )


def _check_parties(draft: Draft) -> Draft:
    """Reject rows with an unknown code of a state, or a state that did not exist that day."""
    faults: list[Fault] = []
    for side in ("sender", "target"):
        code = draft.rows[side]
        three = code.str.fullmatch(r"[A-Z]{3}").fillna(value=False)
        no_state = three & ~code.map(is_state_code, na_action="ignore").fillna(value=False)
        there = existed(code, draft.rows["date"]) | existed(code, draft.rows["date_last"])
        text = side + " " + code.astype("str").fillna("").map(repr)
        faults.append((no_state, text + " is not a state code"))
        faults.append((three & ~no_state & ~there, text + " was not a state on that day"))
    return draft.reject(*faults, step="check parties")


def _written_out(draft: Draft) -> Draft:
    """Write out each act by its senders and targets."""
    draft = draft.assign(mutual=draft.rows["mutual"].eq("yes"))
    pairs = draft.rows[["sender", "target", "mutual"]].apply(_pairs, axis=1)
    nobody = (pairs.str.len().eq(0), "it names no sender, or nobody but the sender")
    draft = draft.assign(_pair=pairs).reject(nobody, step="check sides")
    rows = draft.rows
    many = rows["mutual"] | (rows["sender"] + rows["target"].fillna("")).str.contains(";")
    rows = rows.assign(_many=many).explode("_pair", ignore_index=True)
    sender, target = (rows["_pair"].str[i] for i in (0, 1))
    end = (":" + sender + ">" + target.astype("str").fillna("None")).where(rows["_many"], "")
    rows = rows.assign(sender=sender, target=target).drop(columns=["_pair", "_many"])
    rows.insert(0, "event_id", rows["act_id"] + end)
    return draft.take(rows, step="expand senders and targets")


def _pairs(act: pd.Series) -> list[tuple[str, str | None]]:
    if pd.isna(act["sender"]):
        return []
    senders = sorted(act["sender"].split(";"))
    if act["mutual"]:
        return [(a, b) for i, a in enumerate(senders) for b in senders[i + 1 :]]
    if pd.isna(act["target"]):
        return [(sender, None) for sender in senders]
    targets = act["target"].split(";")
    return [(a, b) for a in senders for b in targets if a != b]
