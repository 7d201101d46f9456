"""Count the acts that `sl.prepare` stored. Return a reading of cells."""

from __future__ import annotations

from pathlib import Path

from sanctlib.acts import cells
from sanctlib.catalogue import note_read, store_folder
from sanctlib.errors import SourceError, check_choice
from sanctlib.periods import Period
from sanctlib.query import Day, ask
from sanctlib.reading import Audit, Provenance, Reading, no_rejects, note_used, sha256
from sanctlib.sources.registry import STREAMED
from sanctlib.store import coverage_from, manifest_of


def stored_cells(
    key: str,
    *,
    every: Period,
    start: Day | None = None,
    end: Day | None = None,
    store: str | Path | None = None,
) -> Reading:
    """
    Count all acts of a source in the store into cells.

    The events stay on disk, however many; the cells fit in memory, and every measure takes
    them.

    Parameters
    ----------
    key : {"gdelt", "icews"}
        The source whose files `sl.prepare` cleaned. Not POLECAT: its acts may have several
        parties, and its cells would not add up to acts.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period.
    start, end : day, optional
        First and last day: ISO text, a date or a datetime. The coverage of the reading ends
        there, and a period that one of them interrupts is not covered.
    store : path, optional
        Folder of the store: by default the one that SANCTLIB_STORE names, else
        ``data/processed``. Notebooks leave it out, because a run compares its reports with
        the store it was given.

    Returns
    -------
    Reading
        Of cells, by sender, target, mutual, family and action. Its audit counts acts read, and
        merges them.

    Raises
    ------
    UnknownChoiceError
        For another key.
    SourceError
        For a store without such a table, or with one of another version, and for acts that
        may have several parties.
    CoverageError
        For days that the source does not cover.
    """
    check_choice(key, STREAMED, what="key")
    query = ask(every=every, start=start, end=end)
    folder = store_folder(store)
    stated = manifest_of(key, folder)
    if not stated["acts_are_rows"]:
        msg = f"An act of {key!r} may have several parties, and cells would count it once for each."
        raise SourceError(f"{msg} Pass the folder {str(folder / key)!r} to the measure.")
    provenance, known = Provenance(**stated["provenance"]), coverage_from(stated["coverage"])
    coverage = known.between(query.start, query.end)
    found = cells(folder / key, every=every, start=query.start, end=query.end)
    table = found.drop(columns="n_unassigned").assign(source=key)
    n_read = int(table["n_acts"].sum())
    note_read(key, sha256(folder / f"{key}.json"))
    note_used(provenance)
    return Reading(
        kind="cells",
        table=table,
        rejected=no_rejects(),
        audit=Audit.begin(n_read).then("count", n_out=len(table), n_merged=n_read - len(table)),
        coverage=coverage,
        provenance=provenance,
    )
