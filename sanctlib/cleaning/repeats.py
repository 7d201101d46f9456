"""Copies, repeats and mirrors: several rows that report one act become one, and are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sanctlib.cleaning.distinct import Numbers, as_text, firsts, in_one_order, numbered, swapped
from sanctlib.cleaning.draft import ORIGIN_COLUMNS, Draft

PARTIES = ("sender", "target")

RepeatRule: TypeAlias = Literal["none", "one_a_day"]


def check_numbers(draft: Draft) -> Draft:
    """Reject rows without an ``event_id``."""
    ids = draft.rows["event_id"]
    reasons = pd.Series(pd.NA, index=ids.index, dtype="object")
    reasons[ids.isna()] = "no number of the event"
    return draft.reject(reasons, step="check numbers")


def tell_apart(draft: Draft) -> Draft:
    """
    Say in ``_nth`` which act of its ``act_id`` each row has, in the order of the rows.

    Files of one source overlap, so a row with the same id and the same content has the
    same act, and is a copy, 0, where the parties are the same too. An id that stands for
    several contents stands for several acts.
    """
    rows = draft.rows
    act = numbered(rows, ["act_id"])
    nth = np.ones(len(rows), dtype="int32")
    if act.max(initial=-1) + 1 < len(rows):
        content = numbered(rows.assign(act_id=act), ["act_id", *content_columns(rows)])
        nth = nth_acts(act, content, numbered(rows.assign(act_id=content), ["act_id", *PARTIES]))
    return replace(draft, rows=rows.assign(_nth=nth))


def nth_acts(act: Numbers, content: Numbers, row: Numbers) -> npt.NDArray[np.int32]:
    """Return which content of its act each row has, from 1, and 0 for a row that was before."""
    nth = _nth(act[firsts(content)])[content].astype("int32") + 1
    again = np.ones(len(row), dtype="bool")
    again[firsts(row)] = False
    return np.where(again, np.int32(0), nth)


def content_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns that tell one act from another: of one written out, not the parties."""
    others = {*ORIGIN_COLUMNS, "event_id", "act_id", *PARTIES}
    return [str(c) for c in rows if c not in others]


def merge_copies(draft: Draft) -> Draft:
    """Merge rows given twice, as `tell_apart` has them."""
    rows = draft.rows
    again = rows["_nth"].eq(0)
    return draft.merged_into(rows[~again] if again.any() else rows, step="merge rows given twice")


def name_apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Write ``act_id`` and ``event_id`` as text, ``id#2`` and on for later acts of one id."""
    later = rows["_nth"].gt(1)
    tail = "#" + rows.loc[later, "_nth"].astype("str")
    named: dict[str, pd.Series] = {}
    for name in ("act_id", "event_id"):
        if named and rows["event_id"].equals(rows["act_id"]):
            named["event_id"] = named["act_id"]
            continue
        ids = as_text(rows[name])
        if len(tail):
            ids = ids.copy()
            ids[later] += tail
        named[name] = ids
    return rows.drop(columns="_nth").assign(**named)


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
    group = numbered(rows, ["date", "date_last", *sides, *what])
    unknown = rows[list(sides)].isna().any(axis=1).to_numpy()
    # A group of its own for each.
    group[unknown] = group.max(initial=-1) + 1 + np.arange(unknown.sum())
    return draft.merged_into(_first_of_each(rows, pd.factorize(group)[0]), step=step)


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
    (sender, target), _ = in_one_order(rows["sender"], rows["target"])
    both_known = (sender >= 0) & (target >= 0) & (sender != target)
    at = np.flatnonzero(draft.rows["_mirror"].to_numpy() & both_known)
    part = rows.iloc[at]
    keys = part[["date", "date_last"]].assign(
        low=np.minimum(sender, target)[at],
        high=np.maximum(sender, target)[at],
        # A visit's two codes, made and hosted, are one act, but the two directions are not.
        what=np.where(part["action"].eq("visit"), -1 - sender[at], numbered(part, what)),
        nth=_nth(numbered(part, ["date", "date_last", "sender", "target", *what])),
    )
    group = numbered(keys, keys.columns.tolist())
    forward = (sender < target)[at]
    n_forward = np.bincount(group, weights=forward)
    mutual = np.zeros(len(rows), dtype="bool")
    mutual[at] = ((n_forward > 0) & (n_forward < np.bincount(group)))[group]
    every = np.arange(len(rows), dtype="int64")
    every[at] = len(rows) + group
    rows = swapped(rows.assign(mutual=mutual), mutual & (sender > target))
    out = _first_of_each(rows, pd.factorize(every)[0])
    return draft.merged_into(out, step="merge mirrored reports")


def _nth(group: Numbers) -> Numbers:
    """Return the place of each row in its group, from 0."""
    return np.asarray(pd.Series(group).groupby(group).cumcount(), dtype="int64")


def _first_of_each(rows: pd.DataFrame, group: Numbers) -> pd.DataFrame:
    """Keep the first row in file order of each group, with the reports of all."""
    reports = np.bincount(group, weights=rows["n_reports"]).astype("int64")
    return rows.iloc[firsts(group)].assign(n_reports=reports)
