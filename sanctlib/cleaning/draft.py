"""A draft: rows on their way from text to a table, with what was rejected so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from sanctlib.cleaning.distinct import Numbers, one_after_the_other
from sanctlib.reading import REJECTED_COLUMNS, Audit, no_rejects

ORIGIN_COLUMNS = ("_file", "_line", "_raw")
"""Where a row stands in its file; dropped when the draft becomes a reading."""


def mentions(
    side: str, names: pd.Series, why: pd.Series | str, n: Numbers | int = 1
) -> pd.DataFrame:
    """Say of names without a code how often each was met: ``side``, ``name``, ``reason``, ``n``."""
    said = {"side": side, "name": names, "reason": why, "n": n}
    return pd.DataFrame(said).astype({"side": "str", "name": "str", "reason": "str", "n": "int64"})


def unmatched(names: pd.DataFrame) -> pd.DataFrame:
    """Add up `mentions`: ``side``, ``name``, ``reason``, ``n``, the most frequent first."""
    keys = ["side", "name", "reason"]
    counted = names.groupby(keys)["n"].sum().reset_index()
    order = [False, True, True, True]
    return counted.sort_values(["n", *keys], ascending=order, ignore_index=True)


def _no_names() -> pd.DataFrame:
    return mentions("", pd.Series(dtype="str"), "")


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
    """Parties that no code was found for, as `mentions` counts them."""
    head: str = ""
    """What stood before the header line of the file."""
    raw: Callable[[Numbers], list[str]] | None = None
    """Tells the text of lines by their numbers, where the rows do not hold it themselves."""

    @classmethod
    def joined(cls, drafts: Sequence[Draft]) -> Draft:
        """Put drafts that went through the same steps one after the other."""
        if len(drafts) == 1:
            return drafts[0]
        return cls(
            rows=one_after_the_other([d.rows for d in drafts]),
            audit=Audit.added(d.audit for d in drafts),
            rejected=pd.concat([d.rejected for d in drafts], ignore_index=True),
            names=pd.concat([d.names for d in drafts], ignore_index=True),
        )

    def reject(self, reasons: pd.Series, *, step: str) -> Draft:
        """
        Set aside the rows that have a reason.

        `reasons` (str, indexed like the rows) is null for a row that stays.
        """
        out = reasons.notna().to_numpy()
        if not out.any():
            return replace(self, audit=self.audit.then(step, n_out=len(self.rows)))
        lost = self.rows[out]
        if self.raw is not None:
            texts = self.raw(lost["_line"].to_numpy())
            lost = lost.assign(_raw=pd.Series(texts, index=lost.index, dtype="str"))
        lost = lost[list(ORIGIN_COLUMNS)].assign(reason=reasons[out].astype("str"))
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
    def table(self) -> pd.DataFrame:
        """The rows without their origin."""
        return self.rows.drop(columns=list(ORIGIN_COLUMNS), errors="ignore")
