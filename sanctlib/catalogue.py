"""List, load, prepare and cite the datasets. Return readings, citations and a data appendix."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import pandas as pd

from sanctlib.acts import cells
from sanctlib.coverage import Coverage
from sanctlib.dates import Period
from sanctlib.errors import (
    SanctlibError,
    SourceError,
    UnknownChoiceError,
    check_choice,
    did_you_mean,
)
from sanctlib.months import prepare_files
from sanctlib.query import Day, ask, listed
from sanctlib.reading import (
    Audit,
    Provenance,
    Reading,
    no_rejects,
    note_used,
    sha256,
    used,
)
from sanctlib.schema import TABLES
from sanctlib.showing import progress_bar
from sanctlib.sources.chronology import read_chronology
from sanctlib.sources.draft import empty_to_null, type_columns
from sanctlib.sources.events import STREAMED
from sanctlib.sources.producers import producers, provenance
from sanctlib.sources.text import check_header, read_text
from sanctlib.store import (
    Dataset,
    OtherVersionError,
    load_stored,
    manifest_of,
    save,
    shipped,
)

_COUNTS = ("n_read", "n_added", "n_merged", "n_rejected", "n_kept")

Style: TypeAlias = Literal["text", "bibtex"]

STORE_VARIABLE, STORE = "SANCTLIB_STORE", "data/processed"
"""The environment variable that names the folder of prepared tables, and its default."""

NOTES_VARIABLE = "SANCTLIB_NOTES"
"""The environment variable of a folder that gets a file per dataset read, with its sha256."""


def datasets() -> pd.DataFrame:
    """
    List the datasets: those shipped and those read from a producer's file.

    Shipped datasets are loaded by `sl.load(key)`; of the others sanctlib has a reader, and
    `sl.read(key, path)` reads the producer's file. Some keys are both and have one row.

    Returns
    -------
    DataFrame
        A row per key: ``key``, ``title``, ``kind`` (of table), ``shipped`` (bool), ``first``,
        ``last`` (days covered, of those shipped), ``curated`` (bool: a hand-picked list),
        ``status`` of the reader ("real file": tested on one; "layout only": on hand-made
        files; "provisional": the layout itself is not certain; "no reader here": ``how`` says
        what to do instead; empty where only the table shipped is there),
        ``tested`` (on what), ``fetch`` (its name in `sl.fetch`, empty where that is not
        possible), ``licence``, ``how`` (how the shipped table was made, or what to do without a
        reader), ``where`` (to get the producer's file).

    Examples
    --------
    >>> table = datasets().set_index("key")
    >>> table.loc[["ofac_sdn", "gdelt"], ["kind", "shipped", "fetch"]].to_dict("index")
    {'ofac_sdn': {'kind': 'list_changes', 'shipped': True, 'fetch': ''}, \
'gdelt': {'kind': 'events', 'shipped': False, 'fetch': 'gdelt'}}
    """
    table = pd.DataFrame([_row(key) for key in dict.fromkeys([*shipped(), *producers()])])
    types = dict.fromkeys(table, "str") | {"shipped": "bool", "curated": "bool"}
    return table.astype(types | dict.fromkeys(("first", "last"), "datetime64[us]"))


def _row(key: str) -> dict[str, object]:
    ours, theirs = shipped().get(key), producers().get(key)
    kinds = dict.fromkeys(source.kind for source in (ours, theirs) if source is not None)
    made = ours.provenance if ours else provenance(key, ())
    return {
        "key": key,
        "title": made.title,
        "kind": " (sl.read: ".join(kinds) + ")" * (len(kinds) - 1),
        "shipped": ours is not None,
        "first": ours and ours.coverage.first,
        "last": ours and ours.coverage.last,
        "curated": ours is not None and ours.curated,
        "status": theirs.status if theirs else "",
        "tested": theirs.tested if theirs else "",
        "fetch": key if theirs and theirs.fetch else "",
        "licence": made.licence,
        "how": ours.how if ours else theirs.instead if theirs else "",
        "where": theirs.where if theirs else "",
    }


def load(
    key: str,
    *,
    every: Period | None = None,
    start: Day | None = None,
    end: Day | None = None,
    store: str | Path | None = None,
) -> Reading:
    """
    Return a shipped dataset, cleaned, or counts of the acts you prepared.

    A shipped dataset is cleaned now, or taken from the store if it was prepared from the same
    file; the result is equal. Acts that `sl.prepare` cleaned from your files stay on disk:
    `every` counts them into cells, which every measure of acts takes.

    Parameters
    ----------
    key : str
        A key of `sl.datasets()` that is shipped; or "gdelt" or "icews", prepared from files.
        Not "polecat": its acts may have several parties, and its cells would not add up to acts.
    every : {"day", "week", "month", "quarter", "year"}, optional
        Length of a period. Needed for prepared acts, and only for them.
    start, end : day, optional
        First and last day of prepared acts: ISO text, a date or a datetime. The coverage of the
        reading ends there, and a period that one of them interrupts is not covered.
    store : path, optional
        The folder that `sl.prepare` wrote; by default the one that the environment variable
        SANCTLIB_STORE names. Without it, prepared acts are searched in ``data/processed``.

    Returns
    -------
    Reading
        The table with its coverage, audit and citation; ``upstream`` has the audit of the
        producer's rows where the table was computed from them. Of prepared acts, cells by
        sender, target, mutual, family and action; the audit counts acts read, and merges them.

    Raises
    ------
    UnknownChoiceError
        For an unknown key.
    SourceError
        For a shipped file that was changed, a store without the table or with one of another
        version, and acts that may have several parties.
    CoverageError
        For days that the prepared source does not cover.
    SanctlibError
        For prepared acts without `every`, and a shipped dataset with it.

    Examples
    --------
    >>> int(load("ofac_sdn").table["added"].sum())
    17432
    """
    asked = any(value is not None for value in (every, start, end))
    if key in STREAMED and (asked or (store_folder(store) / f"{key}.json").is_file()):
        if every is None:
            msg = f"every is None. The acts of {key!r} stay on disk and are counted into cells:"
            raise SanctlibError(f"{msg} sl.load({key!r}, every='month').")
        return _counted(key, every, start, end, store_folder(store))
    theirs = producers().get(key)
    hint = f" The file of {key!r} is not shipped: get it ({theirs.where})" if theirs else ""
    hint += f" and read it with sl.read({key!r}, path)." if theirs else ""
    if theirs and theirs.instead:
        hint = f" {key!r} has no reader here. {theirs.instead}"
    check_choice(key, shipped(), what="key", hint=hint)
    if asked:
        msg = f"every, start and end are for acts prepared from files, and {key!r} is shipped."
        raise SanctlibError(f"{msg} Leave them out.")
    dataset = shipped()[key]
    note_read(dataset.key, dataset.sha256)
    named, reading = store or os.environ.get(STORE_VARIABLE), None
    if named and (Path(named) / f"{key}.json").is_file():
        # What another version stored is cleaned again: it may have cleaned in another way.
        with suppress(OtherVersionError):
            reading = load_stored(key, Path(named))
    if reading is None or reading.provenance.files != {dataset.file: dataset.sha256}:
        reading = _clean(dataset)
    note_used(dataset.provenance)
    # Of a table that we computed: the steps from the producer's rows.
    steps = dataset.path.with_name("audit.csv")
    return replace(reading, upstream=pd.read_csv(steps)) if steps.is_file() else reading


def _counted(key: str, every: Period, start: Day | None, end: Day | None, folder: Path) -> Reading:
    """Count the prepared acts of a source, however many, into a reading of cells."""
    query = ask(every=every, start=start, end=end)
    stated = manifest_of(key, folder)
    if not stated["acts_are_rows"]:
        msg = f"An act of {key!r} may have several parties, and cells would count it once for each."
        raise SourceError(f"{msg} Pass the folder {str(folder / key)!r} to the measure.")
    provenance, known = Provenance(**stated["provenance"]), Coverage(**stated["coverage"])
    coverage = known.between(query.start, query.end)
    found = cells(folder / key, every=query.every, start=query.start, end=query.end)
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


def prepare(
    keys: str | Iterable[str] | None = None,
    files: str | Path | Iterable[str | Path] | None = None,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    progress: bool = False,
) -> pd.DataFrame:
    """
    Clean datasets into a store of Parquet files, from which `sl.load` is faster.

    Without `files`, shipped datasets are prepared. With `files`, those of one event source are
    cleaned into one table, within bounded memory; an interrupted call goes on where it stopped.
    Its rows are those of ``sl.read(key, files)``, by sender, target and day within each month.

    Parameters
    ----------
    keys : str or sequence of str, optional
        Shipped datasets; all by default. With `files` one of {"gdelt", "icews", "polecat"}.
    files : path or sequence of paths, optional
        Files of the producer, compressed or not, or folders of them. Of rows given twice, the
        first in this order is kept.
    out : path, optional
        The folder of the store; by default the one that the environment variable
        SANCTLIB_STORE names, else ``data/processed``.
    workers : int, default 1
        Processes that clean `files`. The result does not depend on their number.
    progress : bool, default False
        Show a bar, at a terminal or in a notebook.

    Returns
    -------
    DataFrame
        A row per dataset: ``key``, ``kind``, ``n_read``, ``n_added``, ``n_merged``,
        ``n_rejected``, ``n_kept`` (rows), ``path`` (of the table, which every measure takes).

    Raises
    ------
    UnknownChoiceError
        For an unknown key.
    SourceError
        For a file that is not one of this source; the others stay prepared.
    SanctlibError
        For a folder that cannot be written, or a worker process that ended early.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     prepare("ofac_sdn", out=folder)[["key", "n_read", "n_kept"]].to_dict("records")
    [{'key': 'ofac_sdn', 'n_read': 2208, 'n_kept': 2208}]
    """
    folder = store_folder(out)
    if files is not None:
        (source, *more) = _keys(keys, STREAMED)
        if more:
            msg = f"keys is {keys!r}. With files it must be one of"
            raise UnknownChoiceError(f"{msg} {', '.join(map(repr, STREAMED))}.")
        table = prepare_files(source, listed(files), out=folder, workers=workers, progress=progress)
        audit = Audit(pd.DataFrame(manifest_of(source, folder)["audit"]))
        return pd.DataFrame([_prepared(source, "events", audit, table)])
    wanted = _keys(keys, shipped(), others=STREAMED)
    rows = []
    with progress_bar(len(wanted), name="prepare", unit="dataset", progress=progress) as bar:
        for key in wanted:
            note_read(key, shipped()[key].sha256)
            reading = _clean(shipped()[key])
            rows.append(_prepared(key, reading.kind, reading.audit, save(reading, folder)))
            bar.update()
    return pd.DataFrame(rows)


def _prepared(key: str, kind: str, audit: Audit, path: Path) -> dict[str, object]:
    counts = {n: getattr(audit, n) for n in _COUNTS}
    return {"key": key, "kind": kind, **counts, "path": str(path)}


def _keys(
    keys: str | Iterable[str] | None, known: Iterable[str], *, others: Iterable[str] = ()
) -> list[str]:
    """Return the keys requested, one or several; all that are known by default."""
    if keys is None:
        return list(known)
    given = list(dict.fromkeys(listed(keys)))
    for key in given:
        # A source of events is known too, but needs its files.
        near = did_you_mean(str(key), others)
        hint = f"{near} Its files are needed too: files=[…]." if near else ""
        check_choice(key, known, what="keys", hint=hint)
    return given


def cite(keys: str | Iterable[str] | None = None, *, style: Style = "text") -> str:
    """
    Return whom to cite for datasets, one entry each.

    Parameters
    ----------
    keys : str or sequence of str, optional
        Keys of `sl.datasets()`; by default all that this process has read or loaded, in the
        order of first use.
    style : {"text", "bibtex"}, default "text"
        Sentences, one a line, or entries for a BibTeX file.

    Returns
    -------
    str

    Raises
    ------
    UnknownChoiceError
        For an unknown key or style.

    Examples
    --------
    >>> print(cite("ofac_sdn")[:70])
    US Department of the Treasury, Office of Foreign Assets Control: Speci
    """
    check_choice(style, get_args(Style), what="style")
    known = {key: provenance(key, ()) for key in producers()}
    known |= {key: dataset.provenance for key, dataset in shipped().items()}
    chosen = used() if keys is None else [known[key] for key in _keys(keys, known)]
    entries = [p.citation if style == "text" else p.bibtex() for p in chosen]
    return "\n".join(dict.fromkeys(entries))


def data_appendix(*readings: Reading) -> pd.DataFrame:
    """
    Return the data appendix of a paper: rows, days, files and citations.

    Parameters
    ----------
    *readings : Reading
        What `sl.load`, `sl.read` and `sl.read_table` returned.

    Returns
    -------
    DataFrame
        A row per reading: ``source``, ``title``, ``kind``, ``n_read``, ``n_added``,
        ``n_merged``, ``n_rejected``, ``n_filtered`` (left out by `Reading.filter`), ``n_kept``
        (all in rows; the rows read and added are those merged, rejected, filtered and kept),
        ``n_unmatched`` (mentions of names without a code), ``first``, ``last`` (days covered),
        ``curated``, ``files`` (name and the first 12 digits of its sha256), ``licence``,
        ``citation``, ``sanctlib`` (version).

    Raises
    ------
    SanctlibError
        For what is no reading.

    Examples
    --------
    >>> import sanctlib as sl
    >>> data_appendix(sl.load("ofac_sdn"))[["n_read", "n_rejected", "n_kept"]].to_dict("records")
    [{'n_read': 2208, 'n_rejected': 0, 'n_kept': 2208}]
    """
    for reading in readings:
        if not isinstance(reading, Reading):
            msg = f"One of the readings is {reading!r:.80}. It must be a Reading, such as"
            raise SanctlibError(f"{msg} sl.load('ofac_sdn').")
    counts = ("n_read", "n_added", "n_merged", "n_rejected", "n_filtered", "n_kept")
    rows = [
        {
            "source": r.provenance.key,
            "title": r.provenance.title,
            "kind": r.kind,
            **{c: getattr(r.audit, c) for c in counts},
            "n_unmatched": int(r.unmatched["n"].sum()),
            "first": r.coverage and r.coverage.first,
            "last": r.coverage and r.coverage.last,
            "curated": r.curated,
            "files": "; ".join(f"{f} {h[:12]}" for f, h in sorted(r.provenance.files.items())),
            "licence": r.provenance.licence,
            "citation": r.provenance.citation,
            "sanctlib": version("sanctlib"),
        }
        for r in readings
    ]
    return pd.DataFrame(rows)


def store_folder(named: str | Path | None) -> Path:
    """Return the folder of the store: the one named, else that of SANCTLIB_STORE or the default."""
    return Path(named or os.environ.get(STORE_VARIABLE) or STORE)


def note_read(key: str, digest: str) -> None:
    """Note for the run of a notebook which dataset it read, by its sha256."""
    if folder := os.environ.get(NOTES_VARIABLE):
        (Path(folder) / key).write_text(digest, encoding="utf-8")


def read_now(key: str, store: Path | None) -> str | None:
    """Return the sha256 that `note_read` would note of a key today, if it is there."""
    path = shipped()[key].path if key in shipped() else store_folder(store) / f"{key}.json"
    return sha256(path) if path.is_file() else None


def _clean(dataset: Dataset) -> Reading:
    found = sha256(dataset.path)
    if found != dataset.sha256:
        msg = (
            f"{dataset.file!r} of {dataset.key!r} has the sha256 {found[:12]}…, and source.toml "
            f"names {dataset.sha256[:12]}…. The file was changed; `make data` writes both again."
        )
        raise SourceError(msg)
    path, provenance, coverage = dataset.path, dataset.provenance, dataset.coverage
    if dataset.curated and dataset.kind == "events":
        return read_chronology(path, provenance=provenance, coverage=coverage)
    # The file is one of our tables; a cell of the wrong type rejects its row.
    schema = TABLES[dataset.kind]
    draft = read_text(path)
    check_header(draft, schema.required)
    draft = empty_to_null(draft)
    draft = type_columns(draft, [c for c in schema.columns if c.name in draft.rows])
    return Reading(
        kind=dataset.kind,
        table=draft.table,
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=replace(provenance, files={path.name: found}),
        curated=dataset.curated,
    )
