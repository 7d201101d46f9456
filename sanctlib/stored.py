"""What `sanctlib prepare` made of a producer's files, counted into a reading of cells."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

from sanctlib.counting import cells
from sanctlib.datasets import STORE, STORE_VARIABLE, note_read
from sanctlib.errors import CoverageError, SourceError, check_choice
from sanctlib.periods import Period
from sanctlib.reading import Audit, Provenance, Reading, no_rejects, note_used, sha256
from sanctlib.sources.registry import STREAMED
from sanctlib.store import coverage_from


def stored_cells(
    key: str,
    *,
    every: Period,
    start: date | None = None,
    end: date | None = None,
    store: str | Path | None = None,
) -> Reading:
    """
    Count all acts of a source in the store, as the shipped counts of ICEWS 2018 are.

    The events, however many, stay where they are; what comes back fits in memory, and every
    measure of cells takes it.

    Parameters
    ----------
    key : {"gdelt", "icews", "polecat"}
        The source whose files `sl.prepare_files` or ``sanctlib prepare`` cleaned.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period.
    start, end : date, optional
        First and last day; the coverage of the reading ends there.
    store : path, optional
        Folder of the store: by default the one that SANCTLIB_STORE names, else
        ``data/processed``.

    Returns
    -------
    Reading
        Of cells, by sender, target, mutual, family and action: the acts of these sources have
        one day each. Its audit counts acts as read, and merges them.

    Raises
    ------
    UnknownChoiceError
        For another key.
    SourceError
        When the store has no such table.
    CoverageError
        When it covers no day of the span.
    """
    check_choice(key, STREAMED, what="source", needed_by="sl.stored_cells")
    folder = Path(store or os.environ.get(STORE_VARIABLE) or STORE)
    manifest = folder / f"{key}.json"
    if not manifest.is_file():
        raise SourceError(f"The store has no {key!r}. `sanctlib prepare {key} FILES…` makes it.")
    said = json.loads(manifest.read_text(encoding="utf-8"))
    provenance, known = Provenance(**said["provenance"]), coverage_from(said["coverage"])
    first, last = max(start or known.first, known.first), min(end or known.last, known.last)
    if first > last:
        msg = f"{key!r} covers {known.first} to {known.last}, and no day of {start} to {end}."
        raise CoverageError(msg)
    found = cells(folder / key, every=every, start=start, end=end)
    table = found.drop(columns="n_unplaced").assign(source=key)
    n_read = int(table["n_acts"].sum())
    note_read(key, sha256(manifest))
    note_used(provenance)
    return Reading(
        kind="cells",
        table=table,
        rejected=no_rejects(),
        audit=Audit.begin(n_read).then("count", n_out=len(table), n_merged=n_read - len(table)),
        coverage=replace(known, first=first, last=last),
        provenance=provenance,
    )
