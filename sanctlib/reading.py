"""A reading: the table a source gave, the rows it lost and where, and whom to cite."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from sanctlib.checks import check_table
from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError
from sanctlib.schema import TABLES, Table, TableKind
from sanctlib.showing import Shown, ShownTable, show_table

REJECTED_COLUMNS = ("file", "line", "raw", "reason")
_STEP_COLUMNS = ("step", "n_in", "n_added", "n_merged", "n_rejected", "n_out")


@dataclass(frozen=True, repr=False)
class Audit(Shown):
    """
    The steps from rows read to rows kept; every row is accounted for.

    `steps` has one row per step: ``n_in + n_added - n_merged - n_rejected == n_out``,
    and each step begins with what the one before left. `n_added` counts the rows
    written out when one act has several senders or targets.
    """

    steps: pd.DataFrame

    def _shown(self) -> list[ShownTable]:
        return [show_table(self.steps)]

    @classmethod
    def begin(cls, n_read: int) -> Audit:
        """Start with the number of rows read."""
        row = ("read", n_read, 0, 0, 0, n_read)
        return cls(pd.DataFrame([row], columns=list(_STEP_COLUMNS)))

    @property
    def n_read(self) -> int:
        """Rows read."""
        return int(self.steps["n_in"].iloc[0])

    @property
    def n_kept(self) -> int:
        """Rows that came out of the last step."""
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
        """Rows written out for further senders and targets over all steps."""
        return int(self.steps["n_added"].sum())

    def then(
        self, step: str, *, n_out: int, n_added: int = 0, n_merged: int = 0, n_rejected: int = 0
    ) -> Audit:
        """
        Return the audit with one more step.

        Raises
        ------
        SanctlibError
            When the step does not add up, a row being lost or invented, or counts
            below zero.
        """
        n_in = self.n_kept
        if min(n_out, n_added, n_merged, n_rejected) < 0:
            msg = (
                f"The step {step!r} counts less than nothing: {n_added} added, {n_merged} merged, "
                f"{n_rejected} rejected, {n_out} out."
            )
            raise SanctlibError(msg)
        if n_in + n_added - n_merged - n_rejected != n_out:
            msg = (
                f"The step {step!r} does not add up: {n_in} in + {n_added} added "
                f"- {n_merged} merged - {n_rejected} rejected is not {n_out} out."
            )
            raise SanctlibError(msg)
        row = pd.DataFrame(
            [(step, n_in, n_added, n_merged, n_rejected, n_out)], columns=list(_STEP_COLUMNS)
        )
        return Audit(pd.concat([self.steps, row], ignore_index=True))


@dataclass(frozen=True, kw_only=True, repr=False)
class Provenance(Shown):
    """Where a table comes from: producer, licence, citation, and the hashes of its files."""

    key: str
    title: str
    producer: str
    licence: str
    citation: str
    files: dict[str, str] = field(default_factory=dict)
    """Plain file names (never a path) and their sha256."""

    def _shown(self) -> list[str | ShownTable]:
        words = (self.title, self.producer, f"Licence: {self.licence}", f"Cite: {self.citation}")
        files = pd.DataFrame(self.files.items(), columns=["file", "sha256"])
        return ["\n".join(words), show_table(files)]


_used: dict[str, str] = {}


def note_used(provenance: Provenance) -> None:
    """Remember that a source was read in this process, for `sl.cite`."""
    _used[provenance.key] = provenance.citation


def used() -> dict[str, str]:
    """Return the citations of what was read in this process, by key, in order of first use."""
    return dict(_used)


@dataclass(frozen=True, kw_only=True, repr=False)
class Reading(Shown):
    """
    What `sl.read`, `sl.read_table` and `sl.load` return.

    Attributes
    ----------
    table : DataFrame
        One of our tables, checked (`kind` says which).
    rejected : DataFrame
        ``file``, ``line`` (1-based, of the raw file), ``raw`` (its text), ``reason``.
    audit : Audit
        Rows read = kept + merged + rejected - added, step by step.
    coverage : Coverage or None
        What the source speaks of; None when nobody said, and then no zero is written.
    provenance : Provenance
        Where the table comes from and whom to cite.
    unmatched : DataFrame
        ``side``, ``name``, ``reason`` (as in `resolve`), ``n``: names no code was found for,
        kept with a null party.
    curated : bool
        A hand-picked list: for timelines, never for rates, intervals, tests or models.
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

    def __post_init__(self) -> None:
        checked = check_table(self.table, self.schema, needed_by=f"Reading {self.provenance.key!r}")
        object.__setattr__(self, "table", checked.reset_index(drop=True))
        if len(self.table) != self.audit.n_kept or len(self.rejected) != self.audit.n_rejected:
            msg = (
                f"The reading of {self.provenance.key!r} does not add up: {len(self.table)} rows "
                f"and {len(self.rejected)} rejected, where the audit ends with "
                f"{self.audit.n_kept} and {self.audit.n_rejected}."
            )
            raise SanctlibError(msg)

    @property
    def schema(self) -> Table:
        """The declaration of the table."""
        return TABLES[self.kind]

    def __repr__(self) -> str:
        audit = self.audit
        covered = self.coverage.describe() if self.coverage else "coverage not said"
        return (
            f"<Reading {self.provenance.key!r}: {len(self.table):,} rows of {self.kind} "
            f"({audit.n_read:,} read, {audit.n_added:,} added, {audit.n_merged:,} merged, "
            f"{audit.n_rejected:,} rejected); {covered}{', hand-picked' if self.curated else ''}>"
        )

    def _shown(self) -> list[str | ShownTable]:
        lines = [repr(self), self._acts(), f"Cite: {self.provenance.citation}"]
        return ["\n".join(filter(None, lines)), show_table(self.audit.steps)]

    def _acts(self) -> str:
        """Say how many acts or cases there are, and how many lack a party: no pair counts them."""
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


def data_appendix(*readings: Reading) -> pd.DataFrame:
    """
    Return what a paper's data appendix says of each source: rows, days, files, citation.

    Returns
    -------
    appendix : DataFrame
        A row per reading: ``source``, ``title``, ``kind``, ``n_read``, ``n_added``,
        ``n_merged``, ``n_rejected``, ``n_kept`` (rows), ``n_unmatched`` (names without a
        code, mentions), ``first``, ``last`` (days covered), ``curated``, ``files`` (name and
        the first 12 digits of its sha256), ``licence``, ``citation``, ``sanctlib`` (version).

    Examples
    --------
    >>> import sanctlib as sl
    >>> data_appendix(sl.load("ofac_sdn"))[["n_read", "n_rejected", "n_kept"]].to_dict("records")
    [{'n_read': 1294, 'n_rejected': 0, 'n_kept': 1294}]
    """
    rows = [
        {
            "source": r.provenance.key,
            "title": r.provenance.title,
            "kind": r.kind,
            **{c: getattr(r.audit, c) for c in ("n_read", "n_added", "n_merged", "n_rejected")},
            "n_kept": r.audit.n_kept,
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


def sha256(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def named_apart(files: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return hashes by file name; of other files with a name that was, ``name#2`` and on."""
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
    empty = pd.DataFrame({c: pd.Series(dtype="str") for c in REJECTED_COLUMNS})
    return empty.astype({"line": "int64"})
