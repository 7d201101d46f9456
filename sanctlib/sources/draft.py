"""Clean a list, cases or values of pairs, given as rows of text. Return a reading."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd

from sanctlib.codes.countries import NO_STATE, Succession, System, resolve
from sanctlib.coverage import Coverage
from sanctlib.errors import did_you_mean
from sanctlib.reading import REJECTED_COLUMNS, Audit, Reading, no_rejects, sha256
from sanctlib.schema import ACTIONS, TABLES, Column, TableKind
from sanctlib.sources.producers import provenance

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
ORIGIN_COLUMNS = ("_file", "_line", "_raw")
"""Where a row is in its file; dropped when the draft becomes a reading."""

Fault: TypeAlias = pd.Series | tuple[pd.Series, pd.Series | str] | tuple[pd.Series, str, pd.Series]
"""Reasons, null for rows without; or which rows, the reason, and the cells that it shows."""


def mentions(side: str, names: pd.Series, why: pd.Series | str) -> pd.DataFrame:
    """Return one mention of each name without a code: ``side``, ``name``, ``reason``, ``n``."""
    table = pd.DataFrame({"side": side, "name": names, "reason": why, "n": 1})
    return table.astype({"side": "str", "name": "str", "reason": "str", "n": "int64"})


def unmatched(names: pd.DataFrame) -> pd.DataFrame:
    """Add up `mentions`, the most frequent first."""
    keys = ["side", "name", "reason"]
    counts = names.groupby(keys)["n"].sum().reset_index()
    order = [False, True, True, True]
    return counts.sort_values(["n", *keys], ascending=order, ignore_index=True)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """
    Rows of text with their origin, the rejected ones, and the audit.

    Every step returns a new draft with one more line in the audit.
    """

    rows: pd.DataFrame
    audit: Audit
    rejected: pd.DataFrame = field(default_factory=no_rejects)
    names: pd.DataFrame = field(default_factory=lambda: mentions("", pd.Series(dtype="str"), ""))
    """Parties without a code, as `mentions` has them."""
    head: str = ""
    """The lines before the header line of the file."""
    raw: Callable[[int], str] | None = None
    """Returns the text of a line by its number, where the rows do not have it themselves."""

    @classmethod
    def joined(cls, drafts: Sequence[Draft]) -> Draft:
        """Put drafts that went through the same steps one after the other."""
        return cls(
            rows=pd.concat([d.rows for d in drafts], ignore_index=True),
            audit=Audit.added(d.audit for d in drafts),
            rejected=pd.concat([d.rejected for d in drafts], ignore_index=True),
        )

    def assign(self, **columns: Any) -> Draft:
        """Give columns other values; this is not a step of the audit."""
        return replace(self, rows=self.rows.assign(**columns))

    def take(self, rows: pd.DataFrame, *, step: str) -> Draft:
        """Replace the rows: fewer are merged ones, more are added ones."""
        n_more = len(rows) - len(self.rows)
        n_added, n_merged = max(n_more, 0), max(-n_more, 0)
        audit = self.audit.then(step, n_added=n_added, n_merged=n_merged, n_out=len(rows))
        return replace(self, rows=rows, audit=audit)

    def reject(self, *faults: Fault, step: str) -> Draft:
        """Reject the rows that have a fault; of several, the last is the reason."""
        reasons = pd.Series(pd.NA, index=self.rows.index, dtype="object")
        for fault in faults:
            where, reason, *cells = fault if isinstance(fault, tuple) else (fault.notna(), fault)
            if cells:
                reason = reason + cells[0][where].fillna("").astype("str").map(repr)
            reasons = reasons.mask(where, reason)
        out = reasons.notna().to_numpy()
        if not out.any():
            return replace(self, audit=self.audit.then(step, n_out=len(self.rows)))
        lost = self.rows[out]
        if self.raw is not None:
            lost = lost.assign(_raw=lost["_line"].map(self.raw).astype("str"))
        lost = lost[list(ORIGIN_COLUMNS)].assign(reason=reasons[out].astype("str"))
        lost.columns = pd.Index(REJECTED_COLUMNS)
        kept = self.rows[~out]
        return replace(
            self,
            rows=kept,
            rejected=pd.concat([self.rejected, lost], ignore_index=True),
            audit=self.audit.then(step, n_rejected=int(out.sum()), n_out=len(kept)),
        )

    @property
    def table(self) -> pd.DataFrame:
        """The rows without their origin."""
        return self.rows.drop(columns=list(ORIGIN_COLUMNS), errors="ignore")


def empty_to_null(draft: Draft, *, marks: Sequence[str] = ("",)) -> Draft:
    """Turn the source's own null marks, and only those, into missing values."""
    text = draft.table.astype("str")
    return draft.assign(**text.mask(text.apply(lambda cells: cells.str.strip().isin(marks))))


def resolve_parties(
    draft: Draft,
    sides: Sequence[str] = ("sender", "target"),
    *,
    system: System = "name",
    succession: Succession = "strict",
    not_yet: Literal["reject", "unknown"] = "reject",
    at: Literal["first", "last"] = "first",
) -> Draft:
    """
    Turn the names or codes of `sides` into parties at the row's ``date`` (``date_last`` for `at`).

    A name without a code becomes null and is listed. A state that did not exist on either day
    is an error of the source, whose row is rejected, or (`not_yet`) a name without a code.
    """
    rows, faults, names = draft.rows, [], [draft.names]
    lead, other = (
        rows[c] for c in (("date", "date_last") if at == "first" else ("date_last", "date"))
    )
    codes: dict[str, pd.Series] = {}
    for side in sides:
        text = rows[side].astype("str").str.strip()
        parties = resolve(text, dates=lead, system=system, succession=succession)
        wide = parties["reason"].eq(NO_STATE) & lead.ne(other)
        if wide.any():
            parties.loc[wide] = resolve(
                text[wide], dates=other[wide], system=system, succession=succession
            )
        gone = parties["reason"].eq(NO_STATE) & (not_yet == "reject")
        day = lead[gone].dt.strftime("%Y-%m-%d")
        faults.append((gone, side + " " + text[gone].map(repr) + " was not a state on " + day))
        unknown = parties["code"].isna() & text.notna() & ~gone
        names.append(mentions(side, text[unknown], parties.loc[unknown, "reason"]))
        codes[side] = parties["code"]
    draft = replace(draft, names=pd.concat(names, ignore_index=True))
    # Two steps of an audit have two names.
    step = "resolve parties" if len(sides) > 1 else f"resolve {sides[0]}"
    return draft.assign(**codes).reject(*faults, step=step)


def mapped_actions(
    words: pd.Series, families: pd.Series | None, *, of: Mapping[str, str] | None = None
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """
    Return the action and the family of each word, and why it has none.

    `families` are what a table itself says of them; `of` maps its words to ours.
    """
    action = words.str.strip()
    if of:
        action = action.map(lambda w: of.get(w, w), na_action="ignore")
    # "material" and "other" belong to one family each, so the action names the family.
    family_of = {a: family for family, actions in ACTIONS.items() for a in actions}
    family = action.map(family_of)
    given = family if families is None else families.str.strip()
    unknown = ~action.isin(list(family_of))
    hints = {
        a: "unknown action: the cell is empty"
        if pd.isna(a)
        else f"unknown action {a!r}.{did_you_mean(a, family_of)}"
        for a in action[unknown].unique()
    }
    reasons = action.map(hints, na_action=None).where(unknown)
    other = ~unknown & given.notna() & given.ne(family)
    belongs = action + " is an action of " + family + ", not " + given
    return action, family, reasons.astype("object").where(~other, belongs)


def type_columns(draft: Draft, columns: Sequence[Column]) -> Draft:
    """Give text columns their declared types, and reject the rows with a wrong cell."""
    values, reasons = typed_columns(draft.rows, columns)
    return draft.assign(**values).reject(reasons, step="check types")


def typed_columns(
    rows: pd.DataFrame, columns: Sequence[Column]
) -> tuple[dict[str, pd.Series], pd.Series]:
    """Return columns of text as their declared types, and why a row has a wrong cell."""
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    typed_as: dict[str, pd.Series] = {}
    for column in columns:
        text = rows[column.name]
        values = typed(text, column)
        wrong = text[values.isna() & text.notna()]
        reasons[wrong.index] = f"{column.name} is no {column.kind}: " + wrong.str.strip().map(repr)
        if column.choices:
            reasons = reasons.where(reasons.notna(), _unknown(values, column))
        if column.filled:
            reasons[text.isna()] = f"no {column.name}"
        typed_as[column.name] = values
    return typed_as, reasons


def typed(text: pd.Series, column: Column) -> pd.Series:
    """Return text as values of a column, missing where it is not one; joined values sorted."""
    text = text.str.strip()
    if column.joined:
        return text.map(joined_once, na_action="ignore").astype("str")
    if column.kind == "date":
        days = text.mask(text.str.casefold().isin(["now", "today"]))
        return pd.to_datetime(days, format="ISO8601", errors="coerce").astype("datetime64[us]")
    if column.kind == "flag":
        return text.str.casefold().map(_FLAGS).astype("boolean")
    if column.kind in ("integer", "number"):
        numbers = pd.to_numeric(text, errors="coerce")
        numbers = numbers.where(numbers.abs().lt(math.inf))
        if column.kind == "number":
            return numbers.astype("float64")
        return numbers.where(numbers.mod(1).eq(0) & numbers.ge(0))
    return text


def joined_once(text: str) -> str | None:
    """Return the parts of a text joined by ``;``, sorted, once each; None where there is none."""
    return ";".join(sorted({part.strip() for part in text.split(";")} - {""})) or None


def _unknown(text: pd.Series, column: Column) -> pd.Series:
    """Return a reason for each value that is not one of the column's choices."""

    def reason(value: str) -> str | None:
        for part in value.split(";") if column.joined else [value]:
            if part not in column.choices:
                hint = did_you_mean(part, column.choices)
                return f"{column.name} does not know {part!r}.{hint}"
        return None

    return text.map({value: reason(value) for value in text.dropna().unique()}).astype("object")


def as_reading(
    draft: Draft, kind: TableKind, *, key: str, paths: Sequence[Path], coverage: Coverage | None
) -> Reading:
    """Return a clean draft as the reading of its source, with the columns of the table."""
    table = draft.table.assign(source=key)
    return Reading(
        kind=kind,
        table=table[[c for c in TABLES[kind].names if c in table]],
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=provenance(key, ((path.name, sha256(path)) for path in paths)),
        unmatched=unmatched(draft.names),
    )
