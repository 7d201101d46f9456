"""What `sanctlib prepare` made of a producer's files, counted into a reading of cells."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from sanctlib.counting import cells
from sanctlib.datasets import note_read, store_folder
from sanctlib.errors import CoverageError, SourceError, check_choice
from sanctlib.periods import Period
from sanctlib.reading import Audit, Provenance, Reading, no_rejects, note_used, sha256
from sanctlib.sources.registry import STREAMED
from sanctlib.store import coverage_from, manifest_of


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
    key : {"gdelt", "icews"}
        The source whose files `sl.prepare_files` or ``sanctlib prepare`` cleaned. Not POLECAT:
        its acts may have several parties, and cells of them would not add up to acts.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period.
    start, end : date, optional
        First and last day; the coverage of the reading ends there, and a period cut by one
        is not covered.
    store : path, optional
        Folder of the store: by default the one that SANCTLIB_STORE names, else
        ``data/processed``. A notebook of a report leaves it out: whether the report is stale
        is asked of the store that the run was given.

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
        When the store has no such table, it was written by another version, or its acts may
        have several parties.
    CoverageError
        When it covers no day of the span.
    """
    check_choice(key, STREAMED, what="source", needed_by="sl.stored_cells")
    folder = store_folder(store)
    said = manifest_of(key, folder)
    if not said["acts_are_rows"]:
        msg = f"An act of {key!r} may have several parties, and cells would count it once for each"
        raise SourceError(f"{msg}: call the measure on the folder {str(folder / key)!r}.")
    provenance, known = Provenance(**said["provenance"]), coverage_from(said["coverage"])
    first, last = max(start or known.first, known.first), min(end or known.last, known.last)
    if first > last:
        asked = f"{start or 'the first'} to {end or 'the last'}"
        raise CoverageError(f"{key!r} covers {known.first} to {known.last}, and no day of {asked}.")
    found = cells(folder / key, every=every, start=start, end=end)
    table = found.drop(columns="n_unplaced").assign(source=key)
    n_read = int(table["n_acts"].sum())
    note_read(key, sha256(folder / f"{key}.json"))
    note_used(provenance)
    return Reading(
        kind="cells",
        table=table,
        rejected=no_rejects(),
        audit=Audit.begin(n_read).then("count", n_out=len(table), n_merged=n_read - len(table)),
        coverage=replace(known, first=first, last=last),
        provenance=provenance,
    )
