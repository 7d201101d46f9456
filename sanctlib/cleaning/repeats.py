"""Copies, repeats and mirrors: several rows that report one act become one, and are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.cleaning.draft import ORIGIN_COLUMNS, Draft

RepeatRule: TypeAlias = Literal["none", "one_a_day"]


def merge_copies(draft: Draft) -> Draft:
    """
    Merge rows given twice, and give every other row an ``event_id`` of its own.

    Files of one source overlap, so a row with the same id and the same content is one
    row, and one report. An id that stands for several contents keeps them all: the later
    ones, in the order of the files, become ``id#2``, ``id#3``. A row without an id is
    rejected.
    """
    ids = draft.rows["event_id"]
    reasons = pd.Series(pd.NA, index=ids.index, dtype="object")
    reasons[ids.isna()] = "no number of the event"
    draft = draft.reject(reasons, step="check numbers")
    rows = draft.rows
    data = [c for c in rows.columns if c not in ORIGIN_COLUMNS]
    rows = rows[~rows.duplicated(data)].copy()
    nth = rows.groupby("event_id").cumcount() + 1
    later = nth.gt(1)
    rows.loc[later, "event_id"] += "#" + nth[later].astype("str")
    return draft.merged_into(rows, step="merge rows given twice")


def deduplicate(
    draft: Draft,
    *,
    rule: RepeatRule = "one_a_day",
    what: Sequence[str] = ("code",),
    sides: Sequence[str] = ("sender", "target"),
    step: str = "merge repeats (one a day)",
) -> Draft:
    """
    Merge rows of one day, sender, target and code into one.

    That is the field's *one-a-day filter*: several outlets report one act, and a
    machine codes each. It also merges two true acts of one day; ask for ``"none"`` to
    keep every row. Rows with an unknown party are never merged: two unknowns need
    not be the same one. `sides` may name the actors as the source writes them in place of
    the parties: then persons and bodies without a state are merged too. ``n_reports``
    counts the rows merged into each.
    """
    rows = draft.rows
    if "n_reports" not in rows:
        rows = rows.assign(n_reports=1)
    if rule == "none":
        return draft.changed(rows, step="keep repeats")
    keys = ["date", "date_last", *sides, *what]
    known = rows[list(sides)].notna().all(axis=1)
    first = _first_of_each(rows[known], keys)
    return draft.merged_into(pd.concat([first, rows[~known]]).sort_index(), step=step)


def collapse_mirrors(draft: Draft, *, what: Sequence[str] = ("code",)) -> Draft:
    """
    Merge an act that both sides are reported to have done into one mutual row.

    A consultation of A with B is coded again as one of B with A on the same day: one
    act, written with ``mutual`` true and the sender before the target. A visit made
    and the same visit hosted stay directed, the guest first. Only actions marked
    ``_mirror`` are touched: two states that sanction each other on one day have
    committed two acts. Where repeats were kept, the first report of one side is merged
    with the first of the other, the second with the second: two reports of one side are
    never one act here.
    """
    rows = draft.rows.drop(columns="_mirror")
    two = rows["sender"].notna() & rows["target"].notna() & rows["sender"].ne(rows["target"])
    mirror = draft.rows["_mirror"] & two
    rows = rows.assign(mutual=False)
    part = rows[mirror].copy()
    visit = part["action"].eq("visit")
    forward = part["sender"].lt(part["target"])
    part["_low"] = part["sender"].where(forward, part["target"])
    part["_high"] = part["target"].where(forward, part["sender"])
    # A visit's two codes, made and hosted, are one act, but the two directions are not.
    part["_what"] = ""
    for column in what:
        part["_what"] += "|" + part[column].astype("str")
    part["_what"] = part["_what"].mask(visit, "visit:" + part["sender"].astype("str"))
    keys = ["date", "date_last", "_low", "_high", "_what", "_nth"]
    part["_nth"] = part.groupby(["date", "date_last", "sender", "target", *what]).cumcount()
    both = part.groupby(keys, dropna=False)["sender"].transform("nunique").gt(1)
    merged = _first_of_each(part.assign(mutual=both), keys)
    mutual = merged["mutual"].to_numpy()
    merged["sender"] = np.where(mutual, merged["_low"], merged["sender"])
    merged["target"] = np.where(mutual, merged["_high"], merged["target"])
    merged = merged.drop(columns=["_low", "_high", "_what", "_nth"])
    out = pd.concat([merged, rows[~mirror]]).sort_index()
    return draft.merged_into(out, step="merge mirrored reports")


def _first_of_each(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Keep the first row in file order of each group, with the reports of all."""
    reports = rows.groupby(keys, dropna=False)["n_reports"].transform("sum")
    return rows.assign(n_reports=reports).drop_duplicates(keys, keep="first")
