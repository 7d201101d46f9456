"""Event data: from a draft of coded acts to the events table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd

from sanctlib.cleaning.columns import type_columns
from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.repeats import collapse_mirrors, deduplicate, merge_copies
from sanctlib.cleaning.rules import map_cameo, parse_dates, resolve_parties
from sanctlib.codes.countries import System
from sanctlib.codes.labels import Succession
from sanctlib.coverage import Coverage, Span
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.schema import EVENTS
from sanctlib.sources.producers import as_reading

ACTORS = ("_actor", "_acted_on")
"""The columns of a draft that keep both sides as the source itself writes them."""

_SIDES = ["sender", "target"]
_GOLDSTEIN = [c for c in EVENTS.columns if c.name == "goldstein"]
_WHAT = ("code", "action")


def as_events(
    draft: Draft,
    *,
    key: str,
    paths: Sequence[Path],
    date_format: str = "%Y-%m-%d",
    date_basis: str = "coded",
    parties: System = "name",
    succession: Succession = "strict",
    not_yet: Literal["reject", "unknown"] = "unknown",
    joined: str | None = None,
    days: pd.Series | None = None,
    breaks: Sequence[tuple[date, str]] = (),
    partial: Sequence[Span] = (),
) -> Reading:
    """
    Turn coded acts into events: one row per act, its reports counted.

    The draft has ``event_id``, ``date`` and ``code`` as text, ``sender`` and ``target`` to
    resolve, the same two sides in `ACTORS` as the source names them, and ``goldstein``
    where there is one. Without ``action`` the code is a CAMEO code. Rows are merged in
    three steps that the audit tells apart: rows of one day, both actors as the source
    names them, and code; then of one day, both parties and code; then those that tell the
    same act from its other side. An actor left empty counts as one actor in the first.

    Parameters
    ----------
    joined : str, optional
        What parts several parties in one cell: such an act is written out under one
        ``act_id``, a state never against itself where it has another side.
    days : Series, optional
        The days the files speak of, where they are not those of the acts.
    breaks : sequence of (date, str)
        Changes in how the source is made; those within its days become its coverage's.

    Raises
    ------
    SourceError
        When no row is left.
    """
    draft = parse_dates(draft, ["date"], formats=[date_format])
    draft = draft if "action" in draft.rows else map_cameo(draft)
    draft = type_columns(draft, _GOLDSTEIN) if "goldstein" in draft.rows else draft
    draft = merge_copies(draft)
    draft = deduplicate(draft, what=_WHAT, sides=ACTORS, step="merge repeats of the source")
    rows = draft.rows.assign(act_id=draft.rows["event_id"])
    draft = replace(draft, rows=rows)
    draft = _written_out(draft, joined) if joined else draft
    draft = resolve_parties(draft, system=parties, succession=succession, not_yet=not_yet)
    draft = collapse_mirrors(deduplicate(draft, what=_WHAT), what=_WHAT)
    if draft.rows.empty:
        why = f" The first: {draft.rejected['reason'].iloc[0]}." if len(draft.rejected) else ""
        raise SourceError(f"{paths[0].name!r} holds no act that can be kept.{why}")
    rows = draft.rows.assign(date_basis=date_basis)
    coverage = _covered(key, rows["date"] if days is None else days, breaks, partial)
    return as_reading(replace(draft, rows=rows), "events", key=key, paths=paths, coverage=coverage)


def _written_out(draft: Draft, joined: str) -> Draft:
    rows = draft.rows
    lists = {
        side: rows[side].map(
            lambda cell: sorted({p.strip() for p in cell.split(joined)} - {""}), na_action="ignore"
        )
        for side in _SIDES
    }
    out = rows.assign(**lists).explode("sender").explode("target").reset_index(drop=True)
    out[_SIDES] = out[_SIDES].astype("str")
    itself = out["sender"].eq(out["target"]).fillna(value=False)
    out = out[~(itself & out.duplicated("act_id", keep=False))]
    pair = ":" + out["sender"].fillna("") + ">" + out["target"].fillna("")
    several = out.duplicated("act_id", keep=False)
    out = out.assign(event_id=out["event_id"].mask(several, out["event_id"] + pair))
    return draft.written_out(out, step="write out senders and targets")


def _covered(
    key: str, days: pd.Series, breaks: Sequence[tuple[date, str]], partial: Sequence[Span]
) -> Coverage:
    """Cover the days from the first to the last; days without any row are gaps, never zeros."""
    known = days.dropna().drop_duplicates().sort_values()
    following = known.shift(-1)
    one = pd.Timedelta(days=1)
    cut = following.sub(known).gt(one)
    ends = zip((known[cut] + one).dt.date, (following[cut] - one).dt.date, strict=True)
    first, last = known.iloc[0].date(), known.iloc[-1].date()
    gaps = [(start, end, "the files have no row of these days") for start, end in ends]
    return Coverage(
        source=key,
        first=first,
        last=last,
        gaps=tuple(sorted([*gaps, *partial])),
        breaks=tuple((day, why) for day, why in breaks if first <= day <= last),
    )
