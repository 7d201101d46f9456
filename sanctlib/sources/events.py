"""Event data: from a draft of coded acts to the events table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd

from sanctlib.cleaning.columns import type_columns
from sanctlib.cleaning.distinct import as_text, distinct_rows, is_category
from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.repeats import (
    check_numbers,
    collapse_mirrors,
    deduplicate,
    merge_copies,
    name_apart,
    tell_apart,
)
from sanctlib.cleaning.rules import map_cameo, parse_dates, resolve_parties
from sanctlib.codes.countries import System
from sanctlib.codes.labels import Succession
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.schema import EVENTS
from sanctlib.sources.producers import as_reading

ACTORS = ("_actor", "_acted_on")
"""The columns of a draft that keep both sides as the source itself writes them."""

_SIDES = ["sender", "target"]
_GOLDSTEIN = [c for c in EVENTS.columns if c.name == "goldstein"]
_WHAT = ("code", "action")


@dataclass(frozen=True, kw_only=True)
class EventSource:
    """A source of coded acts: how its files are read, and its rows made acts."""

    key: str
    drafts: Callable[[Path], Iterator[Draft]]
    """
    Reads a file, in blocks, into rows of text: ``event_id``, ``date``, ``code``, ``sender``
    and ``target`` to resolve, the same two sides in `ACTORS` as the source names them,
    ``goldstein`` where there is one. Without ``action`` the code is a CAMEO code. A column
    ``_stamp`` says when a row was coded, where that is not the day of its act: 8 digits or 14.
    """
    date_format: str = "%Y-%m-%d"
    date_basis: str = "coded"
    parties: System = "name"
    succession: Succession = "strict"
    not_yet: Literal["reject", "unknown"] = "unknown"
    joined: str | None = None
    """Parts several parties in one cell: such an act is written out under one ``act_id``, a
    state never against itself where it has another side."""
    files_a_day: int = 0
    """How many files of stamps with a time make a whole day."""
    breaks: Sequence[tuple[date, str]] = ()
    """Changes in how the source is made; those within its days become its coverage's."""


@dataclass(frozen=True, kw_only=True)
class Acts:
    """The acts of a file or a part of it, not yet merged, and the stamps its rows have."""

    draft: Draft
    stamps: pd.Series


def acts_of(draft: Draft, source: EventSource) -> Acts:
    """Check and resolve rows of text, each by itself; wrong rows are rejected."""
    stamps = _stamps(draft.rows) if "_stamp" in draft.rows else None
    draft = replace(draft, rows=draft.rows.drop(columns="_stamp", errors="ignore"))
    draft = parse_dates(draft, ["date"], formats=[source.date_format])
    draft = draft if "action" in draft.rows else map_cameo(draft)
    draft = type_columns(draft, _GOLDSTEIN) if "goldstein" in draft.rows else draft
    draft = check_numbers(draft)
    draft = replace(draft, rows=draft.rows.assign(act_id=draft.rows["event_id"], n_reports=1))
    draft = _written_out(draft, source.joined) if source.joined else draft
    draft = resolve_parties(
        draft, system=source.parties, succession=source.succession, not_yet=source.not_yet
    )
    if stamps is None:
        stamps = draft.rows["date"].drop_duplicates().dt.strftime("%Y%m%d")
    rows = draft.rows.drop(columns=["_file", "_raw"], errors="ignore")
    return Acts(draft=replace(draft, rows=rows, raw=None), stamps=stamps)


def _stamps(rows: pd.DataFrame) -> pd.Series:
    """Return each stamp once; a row without one is taken for coded on the day of its act."""
    few, _ = distinct_rows(rows, ["_stamp", "date"])
    return few["_stamp"].where(_days(few["_stamp"]).notna(), few["date"]).drop_duplicates()


def _days(stamps: pd.Series) -> pd.Series:
    # The parser also takes "2018011", cut short, for the first of January.
    text = stamps.str.slice(0, 8)
    return pd.to_datetime(text.where(text.str.len().eq(8)), format="%Y%m%d", errors="coerce")


def merged(draft: Draft) -> Draft:
    """
    Merge the reports of each act into one row, and count its reports.

    Rows are merged in steps, each in the audit: rows of one day, both actors as the source
    names them, and code; then of one day, both parties and code; then those that report
    the same act from its other side. An actor left empty counts as one actor in the second.
    """
    # An act with several senders or targets has one row for each pair.
    alike = (*_WHAT, *_SIDES)
    draft = deduplicate(draft, what=alike, sides=ACTORS, step="merge repeats of the source")
    draft = deduplicate(draft, what=_WHAT)
    return collapse_mirrors(draft, what=_WHAT)


def read_acts(source: EventSource, *paths: Path) -> Reading:
    """
    Read files of coded acts into events.

    Raises
    ------
    SourceError
        When a file cannot be read, or no row is left.
    """
    parts = [acts_of(draft, source) for path in paths for draft in source.drafts(path)]
    draft = merged(merge_copies(tell_apart(Draft.joined([part.draft for part in parts]))))
    if draft.rows.empty:
        why = f" The first: {draft.rejected['reason'].iloc[0]}." if len(draft.rejected) else ""
        raise SourceError(f"{paths[0].name!r} holds no act that can be kept.{why}")
    coverage = covered(source, pd.concat([part.stamps for part in parts]))
    rows = _as_text(name_apart(draft.rows)).assign(date_basis=source.date_basis)
    return as_reading(
        replace(draft, rows=rows), "events", key=source.key, paths=paths, coverage=coverage
    )


def _as_text(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype({name: "str" for name in rows if is_category(rows[name])})


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
    named = as_text(out["event_id"])
    out = out.assign(event_id=named.where(~several, named + pair))
    return draft.written_out(out, step="write out senders and targets")


def covered(source: EventSource, stamps: pd.Series) -> Coverage:
    """
    Cover the days from the first stamp to the last.

    Days without any row are gaps, never zeros, and so are those of which a file is missing.
    """
    stamps = stamps.drop_duplicates()
    days = _days(stamps)
    timed = stamps.str.fullmatch(r"\d{14}").fillna(value=False)
    files = days[timed].value_counts().sort_index()
    partial = [
        (day, day, f"{n} of {source.files_a_day} files of 15 minutes")
        for day, n in zip(pd.DatetimeIndex(files.index).date, files, strict=True)
        if n < source.files_a_day
    ]
    known = days.dropna().drop_duplicates().sort_values()
    following = known.shift(-1)
    one = pd.Timedelta(days=1)
    cut = following.sub(known).gt(one)
    ends = zip((known[cut] + one).dt.date, (following[cut] - one).dt.date, strict=True)
    first, last = known.iloc[0].date(), known.iloc[-1].date()
    gaps = [(start, end, "the files have no row of these days") for start, end in ends]
    return Coverage(
        source=source.key,
        first=first,
        last=last,
        gaps=tuple(sorted([*gaps, *partial])),
        breaks=tuple((day, why) for day, why in source.breaks if first <= day <= last),
    )
