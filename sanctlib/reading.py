"""Keep the table that a source gave, its rejected rows, audit, coverage and citation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.checks import check_table
from sanctlib.coverage import Coverage
from sanctlib.errors import (
    MissingColumnsError,
    SanctlibError,
    check_choice,
    check_columns,
)
from sanctlib.query import Day, ask, day_of, listed, party_of
from sanctlib.schema import TABLES, Column, Table, TableKind
from sanctlib.showing import Shown, ShownTable, show_table

REJECTED_COLUMNS = ("file", "line", "raw", "reason")
_PARTIES = ("sender", "target", "first", "second")
_STEP_COLUMNS = ("step", "n_in", "n_added", "n_merged", "n_rejected", "n_out")


@dataclass(frozen=True, repr=False)
class Audit(Shown):
    """
    Account for every row, in steps from rows read to rows kept.

    `steps` has one row per step: ``n_in + n_added - n_merged - n_rejected == n_out``,
    and each step begins with the rows that the one before it left. `n_added` counts the rows
    added where one act has several senders or targets. Only the steps of a filtered reading
    have a further column, ``n_filtered``: rows that `Reading.filter` left out. They are not
    wrong, so they are not among the rejected; they are subtracted in the same way.
    """

    steps: pd.DataFrame

    def _shown(self) -> list[ShownTable]:
        return [show_table(self.steps)]

    @classmethod
    def begin(cls, n_read: int) -> Audit:
        """Start with the number of rows read."""
        row = ("read", n_read, 0, 0, 0, n_read)
        return cls(pd.DataFrame([row], columns=list(_STEP_COLUMNS)))

    @classmethod
    def added(cls, audits: Iterable[Audit]) -> Audit:
        """Add up the audits of parts; a step that one of them lacks passes its rows on."""
        parts = [audit.steps.set_index("step") for audit in audits]
        order = max(parts, key=len).index
        if any(len(part.index.difference(order)) for part in parts):
            raise SanctlibError("The parts have different steps. Audits of the same steps add up.")
        aligned = [part.reindex(order) for part in parts]
        filled = [part.fillna(dict.fromkeys(_STEP_COLUMNS[2:5], 0)).ffill() for part in aligned]
        whole = pd.concat(filled).groupby(level="step", sort=False).sum()
        n_in = whole["n_out"].shift(fill_value=whole["n_in"].iloc[0])
        return cls(whole.assign(n_in=n_in).astype("int64").reset_index())

    @property
    def n_read(self) -> int:
        """Rows read."""
        return int(self.steps["n_in"].iloc[0])

    @property
    def n_kept(self) -> int:
        """Rows that the last step left."""
        return int(self.steps["n_out"].iloc[-1])

    @property
    def n_rejected(self) -> int:
        """Rows rejected over all steps."""
        return int(self.steps["n_rejected"].sum())

    @property
    def n_merged(self) -> int:
        """Rows merged into others over all steps."""
        return int(self.steps["n_merged"].sum())

    @property
    def n_added(self) -> int:
        """Rows added for further senders and targets over all steps."""
        return int(self.steps["n_added"].sum())

    @property
    def n_filtered(self) -> int:
        """Rows that `Reading.filter` left out."""
        return int(self.steps["n_filtered"].sum()) if "n_filtered" in self.steps else 0

    def then(
        self,
        step: str,
        *,
        n_out: int,
        n_added: int = 0,
        n_merged: int = 0,
        n_rejected: int = 0,
        n_filtered: int = 0,
    ) -> Audit:
        """Return the audit with one more step."""
        n_in = self.n_kept
        counts = {"added": n_added, "merged": n_merged, "rejected": n_rejected, "out": n_out}
        counts |= {"filtered": n_filtered} if n_filtered else {}
        shown = ", ".join(f"{n} {name}" for name, n in counts.items())
        if min(counts.values()) < 0:
            raise SanctlibError(f"The step {step!r} counts {shown}. A count must not be below 0.")
        if n_in + n_added - n_merged - n_rejected - n_filtered != n_out:
            msg = f"The step {step!r} does not add up: {n_in} in, {shown}. Every row must be"
            raise SanctlibError(f"{msg} counted once.")
        values = (step, n_in, n_added, n_merged, n_rejected, n_out)
        row = dict(zip(_STEP_COLUMNS, values, strict=True))
        row |= {"n_filtered": n_filtered} if n_filtered else {}
        steps = pd.concat([self.steps, pd.DataFrame([row])], ignore_index=True)
        whole = {c: "int64" for c in steps if c != "step"}
        return Audit(steps.fillna(dict.fromkeys(whole, 0)).astype(whole))


@dataclass(frozen=True, kw_only=True, repr=False)
class Provenance(Shown):
    """State where a table comes from: producer, licence, citation, hashes of its files."""

    key: str
    title: str
    producer: str
    licence: str
    citation: str
    files: dict[str, str] = field(default_factory=dict)
    """Plain file names (never a path) and their sha256."""

    def bibtex(self) -> str:
        """Return the source as an entry of BibTeX; its note holds the citation in full."""
        return (
            f"@misc{{{self.key},\n  title = {{{self.title}}},\n"
            f"  author = {{{{{self.producer}}}}},\n  note = {{{self.citation}}}\n}}"
        )

    def _shown(self) -> list[str | ShownTable]:
        words = (self.title, self.producer, f"Licence: {self.licence}", f"Cite: {self.citation}")
        files = pd.DataFrame(self.files.items(), columns=["file", "sha256"])
        return ["\n".join(words), show_table(files)]


_used: dict[str, Provenance] = {}


def note_used(provenance: Provenance) -> None:
    """Remember that a source was read in this process, for `cite`."""
    _used[provenance.key] = provenance


def used() -> list[Provenance]:
    """Return what was read in this process, in the order of first use."""
    return list(_used.values())


@dataclass(frozen=True, kw_only=True, repr=False)
class Reading(Shown):
    """
    Keep a table with its coverage, its rejected rows and its citation.

    `sl.read`, `sl.read_table` and `sl.load` return one, and every measure takes one: the
    coverage tells it where a count of 0 is a zero. A frame taken out of the reading
    (`reading.table[...]`) loses the coverage; `filter` keeps it.

    Attributes
    ----------
    kind : str
        Which table it is: "events", "cases", "listings", "list_changes", "listing_counts",
        "cells" or "dyads".
    table : DataFrame
        The table, checked.
    rejected : DataFrame
        ``file``, ``line`` (of the raw file, from 1), ``raw`` (its text), ``reason``.
    audit : Audit
        Rows read + added = kept + merged + rejected (+ filtered), step by step.
    coverage : Coverage, optional
        What the source covers; without it no zero is filled in.
    provenance : Provenance
        Where the table comes from and whom to cite.
    unmatched : DataFrame
        ``side``, ``name``, ``reason`` (as in `resolve`), ``n``: names without a code, whose
        rows are kept with a missing party.
    curated : bool, default False
        Whether it is a hand-picked list: for timelines, never for rates, intervals, tests or
        models.
    upstream : DataFrame, optional
        Of a shipped table of counts: the audit of the producer's rows before we counted them,
        with the columns of ``audit.steps``.
    """

    kind: TableKind
    table: pd.DataFrame
    rejected: pd.DataFrame
    audit: Audit
    coverage: Coverage | None
    provenance: Provenance
    unmatched: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["side", "name", "reason", "n"])
    )
    curated: bool = False
    upstream: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        checked = check_table(self.table, self.schema)
        object.__setattr__(self, "table", checked.reset_index(drop=True))
        if len(self.table) != self.audit.n_kept or len(self.rejected) != self.audit.n_rejected:
            msg = (
                f"The reading of {self.provenance.key!r} does not add up: {len(self.table)} rows "
                f"and {len(self.rejected)} rejected, but its audit ends with "
                f"{self.audit.n_kept} and {self.audit.n_rejected}."
            )
            raise SanctlibError(msg)

    @property
    def schema(self) -> Table:
        """The declaration of the table."""
        return TABLES[self.kind]

    @property
    def columns(self) -> list[str]:
        """The names of the columns of the table."""
        return [str(c) for c in self.table.columns]

    def __len__(self) -> int:
        return len(self.table)

    def head(self, n: int = 5) -> pd.DataFrame:
        """
        Return the first rows of the table, to look at.

        A frame, not a reading: a count of some first rows would show zeros that are none.

        Parameters
        ----------
        n : int, default 5
            How many rows.

        Returns
        -------
        DataFrame
            With the columns of the table.
        """
        return self.table.head(n)

    def filter(
        self, *, start: Day | None = None, end: Day | None = None, **equal: object
    ) -> Reading:
        """
        Return the reading with only the rows of these days and values.

        Coverage, citation and the mark of a hand-picked list are kept. The coverage is
        narrowed to the days requested, and to the senders or targets requested: the
        reading no longer knows about the others, so their counts are missing and not 0. For
        other columns a count of 0 means "no row with these values". The audit gets a step
        "filter"; the rows left out are counted there as ``n_filtered``, not as rejected.

        Parameters
        ----------
        start, end : day, optional
            First and last day, for tables with the column ``date``. Acts that can lie in
            these days are kept (as measures with `start` and `end` do), of counts per period
            only those inside.
        **equal : value or list of values
            By column: ``reading.filter(target="IRN", action=["impose", "amend"])``. States may
            be codes or names. Where cells hold several values joined by ";", one of them is
            enough. None selects missing values.

        Returns
        -------
        Reading

        Raises
        ------
        MissingColumnsError
            For a column that the table does not have, or days where it has no ``date``.
        UnknownChoiceError
            For a state or a word that the column cannot have.
        CoverageError
            For days that the source does not cover.

        Examples
        --------
        >>> import sanctlib as sl
        >>> acts = sl.load("russia_iran").filter(target="Iran", action="impose", end="2012")
        >>> len(acts), acts.coverage.last.isoformat(), acts.curated
        (7, '2012-12-31', True)
        """
        query, table = ask(start=start, end=end), self.table
        check_columns(table, equal)
        kept = self._in_span(query.start, query.end)
        declared = {column.name: column for column in self.schema.columns}
        wanted = {name: listed(values) for name, values in equal.items()}
        for name, values in wanted.items():
            wanted[name] = [_understood(v, name, declared.get(name)) for v in values]
            kept &= _holds(table[name], wanted[name], declared.get(name))
        n_out = int(kept.sum())
        return replace(
            self,
            table=table[kept],
            audit=self.audit.then("filter", n_out=n_out, n_filtered=len(table) - n_out),
            coverage=self._narrowed(query.start, query.end, wanted),
        )

    def _in_span(self, start: date | None, end: date | None) -> pd.Series:
        """Return which rows can lie in the days, and of counts per period which must."""
        inside = pd.Series(data=True, index=self.table.index)
        if start is None and end is None:
            return inside
        if "date" not in self.table:
            msg = f"A table of {self.kind} has no column 'date' for start and end."
            raise MissingColumnsError(f"{msg} Measures of it take start and end themselves.")
        first, last = self.table["date"], self.table["date_last"]
        if self.kind in ("dyads", "listing_counts"):
            first, last = last, first
        if start is not None:
            inside &= last.ge(pd.Timestamp(start))
        if end is not None:
            # Days can have a time: the end is the morning after.
            inside &= first.lt(pd.Timestamp(end) + pd.Timedelta(days=1))
        return inside

    def _narrowed(
        self, start: date | None, end: date | None, wanted: Mapping[str, list[object]]
    ) -> Coverage | None:
        known = self.coverage
        if known is None:
            return None
        senders = _only(known.senders, wanted.get("sender"))
        states = _only(known.states, wanted.get("target"))
        return replace(known.between(start, end), senders=senders, states=states)

    def __repr__(self) -> str:
        audit = self.audit
        covered = self.coverage.describe() if self.coverage else "coverage not stated"
        filtered = f", {audit.n_filtered:,} filtered" if audit.n_filtered else ""
        why = "the filter left no row" if filtered else "no row was kept, see .rejected"
        nothing = "" if len(self) else f"; {why}"
        return (
            f"<Reading {self.provenance.key!r}: {len(self):,} rows of {self.kind} "
            f"({audit.n_read:,} read, {audit.n_added:,} added, {audit.n_merged:,} merged, "
            f"{audit.n_rejected:,} rejected{filtered}){nothing}; {covered}"
            f"{', hand-picked' if self.curated else ''}>"
        )

    def _shown(self) -> list[str | ShownTable]:
        lines = [repr(self), self._acts(), f"Cite: {self.provenance.citation}"]
        return ["\n".join(filter(None, lines)), show_table(self.audit.steps)]

    def _acts(self) -> str:
        """Return how many acts or cases there are, and how many lack a party."""
        word, key = {"cases": ("cases", "case_id")}.get(self.kind, ("acts", "act_id"))
        table = self.table
        if "sender" not in table:
            return ""
        unknown = table["sender"].isna() | table["target"].isna()
        if self.kind == "cells":
            n, n_unknown = int(table["n_acts"].sum()), int(table.loc[unknown, "n_acts"].sum())
        else:
            of_act = unknown.groupby([table["source"], table[key]], sort=False).any()
            n, n_unknown = len(of_act), int(of_act.sum())
        share = f" ({100 * n_unknown / n:.1f} %)" if n_unknown else ""
        return f"{n:,} {word}, {n_unknown:,}{share} of them without a sender or a target"


def _only(known: frozenset[str] | None, wanted: list[object] | None) -> frozenset[str] | None:
    if wanted is None:
        return known
    chosen = frozenset(str(value) for value in wanted if value is not None)
    return chosen if known is None else chosen & known


def _understood(value: object, name: str, column: Column | None) -> object:
    """Return a value as the column has it: a state's code, a known word, a day."""
    if value is None or value is pd.NA or column is None:
        return None if value is pd.NA else value
    if name in _PARTIES:
        return party_of(value, what=name)
    if column.choices:
        return check_choice(value, column.choices, what=name)
    return pd.Timestamp(day_of(value, what=name)) if column.kind == "date" else value


def _holds(cells: pd.Series, values: list[object], column: Column | None) -> pd.Series:
    """Return which cells have one of the values; of joined values, one part is enough."""
    if column is not None and column.joined:
        wanted = set(values)
        found = {c: bool({c, *c.split(";")} & wanted) for c in cells.dropna().unique()}
        held = cells.map(found).eq(other=True).fillna(value=False).astype("bool")
    else:
        held = cells.isin([v for v in values if v is not None])
    return held | cells.isna() if None in values else held


def sha256(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def named_apart(files: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return hashes by file name; a second file of one name is ``name#2``, and so on."""
    found: dict[str, str] = {}
    for name, sha in files:
        free, n = name, 1
        while found.get(free, sha) != sha:
            n += 1
            free = f"{name}#{n}"
        found[free] = sha
    return found


def no_rejects() -> pd.DataFrame:
    """Return an empty table of rejected rows."""
    return pd.DataFrame(columns=list(REJECTED_COLUMNS), dtype="str").astype({"line": "int64"})
