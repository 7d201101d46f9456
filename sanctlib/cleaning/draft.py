"""A draft: rows on their way from text to a table, with what was rejected so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from sanctlib.reading import REJECTED_COLUMNS, Audit, no_rejects

ORIGIN_COLUMNS = ("_file", "_line", "_raw")
"""Where a row stands in its file; dropped when the draft becomes a reading."""


def _no_names() -> pd.DataFrame:
    return pd.DataFrame({c: pd.Series(dtype="str") for c in ("side", "name", "reason")})


@dataclass(frozen=True, kw_only=True)
class Draft:
    """
    Rows with their origin (``_file``, ``_line``, ``_raw``), the rejected ones, the audit.

    Every step returns a new draft whose audit has one more line. Rows are never
    dropped but by `reject` and `merged_into`, so nothing is lost unsaid.
    """

    rows: pd.DataFrame
    audit: Audit
    rejected: pd.DataFrame = field(default_factory=no_rejects)
    names: pd.DataFrame = field(default_factory=_no_names)
    """``side``, ``name`` and ``reason`` of every party without a code, a row per mention."""
    head: str = ""
    """What stood before the header line of the file."""

    @classmethod
    def joined(cls, drafts: Sequence[Draft]) -> Draft:
        """Put the drafts of several files, fresh from reading, one after the other."""
        if len(drafts) == 1:
            return drafts[0]
        n_bad = sum(len(d.rejected) for d in drafts)
        rows = pd.concat([d.rows for d in drafts], ignore_index=True)
        audit = Audit.begin(len(rows) + n_bad)
        if n_bad:
            audit = audit.then("split lines", n_rejected=n_bad, n_out=len(rows))
        rejected = pd.concat([d.rejected for d in drafts], ignore_index=True)
        return cls(rows=rows, audit=audit, rejected=rejected, head=drafts[0].head)

    def reject(self, reasons: pd.Series, *, step: str) -> Draft:
        """
        Set aside the rows that have a reason.

        `reasons` (str, indexed like the rows) is null for a row that stays.
        """
        out = reasons.notna()
        lost = self.rows.loc[out, list(ORIGIN_COLUMNS)].assign(reason=reasons[out])
        lost.columns = pd.Index(REJECTED_COLUMNS)
        kept = self.rows[~out]
        return replace(
            self,
            rows=kept,
            rejected=pd.concat([self.rejected, lost], ignore_index=True),
            audit=self.audit.then(step, n_rejected=int(out.sum()), n_out=len(kept)),
        )

    def changed(self, rows: pd.DataFrame, *, step: str) -> Draft:
        """Take rows that a step changed without adding, merging or rejecting any."""
        return replace(self, rows=rows, audit=self.audit.then(step, n_out=len(rows)))

    def merged_into(self, rows: pd.DataFrame, *, step: str) -> Draft:
        """Take the fewer rows that stand for all."""
        merged = len(self.rows) - len(rows)
        audit = self.audit.then(step, n_merged=merged, n_out=len(rows))
        return replace(self, rows=rows, audit=audit)

    def written_out(self, rows: pd.DataFrame, *, step: str) -> Draft:
        """Take the more rows that an act with several senders or targets is written as."""
        added = len(rows) - len(self.rows)
        return replace(self, rows=rows, audit=self.audit.then(step, n_added=added, n_out=len(rows)))

    @property
    def unmatched(self) -> pd.DataFrame:
        """Names without a code: ``side``, ``name``, ``reason``, ``n``, the most frequent first."""
        keys = ["side", "name", "reason"]
        counted = self.names.value_counts(keys).rename("n").reset_index()
        order = [False, True, True, True]
        return counted.sort_values(["n", *keys], ascending=order, ignore_index=True)

    @property
    def table(self) -> pd.DataFrame:
        """The rows without their origin."""
        return self.rows.drop(columns=list(ORIGIN_COLUMNS), errors="ignore")
