"""Clean a list, cases or values of pairs, given as rows of text. Return a reading."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from sanctlib.codes.countries import System, resolve
from sanctlib.codes.labels import NO_STATE, Succession
from sanctlib.coverage import Coverage
from sanctlib.dates import first_and_last
from sanctlib.errors import SourceError, did_you_mean
from sanctlib.reading import REJECTED_COLUMNS, Audit, Reading, no_rejects, sha256
from sanctlib.schema import ACTIONS, CASES, TABLES, Column, TableKind
from sanctlib.sources.producers import provenance

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
ORIGIN_COLUMNS = ("_file", "_line", "_raw")
"""Where a row stands in its file; dropped when the draft becomes a reading."""


def mentions(
    side: str, names: pd.Series, why: pd.Series | str, n: pd.Series | int = 1
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
    raw: Callable[[int], str] | None = None
    """Tells the text of a line by its number, where the rows do not hold it themselves."""

    @classmethod
    def joined(cls, drafts: Sequence[Draft]) -> Draft:
        """Put drafts that went through the same steps one after the other."""
        if len(drafts) == 1:
            return drafts[0]
        return cls(
            rows=pd.concat([d.rows for d in drafts], ignore_index=True),
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


def shown(text: pd.Series) -> pd.Series:
    """Return text as a reason shows it."""
    return text.astype("str").str.strip().map(repr)


def empty_to_null(draft: Draft, *, marks: Sequence[str] = ("",)) -> Draft:
    """Turn the source's own null marks, and only those, into missing values."""
    marks = [marks] if isinstance(marks, str) else marks
    data = [
        str(c) for c in draft.rows if not str(c).startswith("_") and draft.rows[c].dtype != "int64"
    ]
    text = {c: draft.rows[c].astype("str") for c in data}
    rows = draft.rows.assign(**{c: t.mask(t.str.strip().isin(marks)) for c, t in text.items()})
    return replace(draft, rows=rows)


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
    Turn the names or codes of `sides` into parties, each at the row's own ``date``.

    A name that is no party is unknown: its side becomes null, the row stays, the name
    is listed. A state that did not exist on any day that the row allows is an error of
    the source, and the row is rejected: South Sudan in "2011" is one, founded in July.
    With ``not_yet="unknown"`` it is an unknown party too: a register of cases must not
    lose the case of a colony. With ``at="last"`` a row of several days, such as a year, is
    asked at its ``date_last`` first: Russia of 1991 is then RUS, not SUN.
    """
    rows = draft.rows.copy(deep=False)
    ends = ["date", "date_last"] if at == "first" else ["date_last", "date"]
    lead, other = (rows[end] for end in ends)
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    names = [draft.names]
    for side in sides:
        text = rows[side].astype("str").str.strip()
        found = resolve(text, dates=lead, system=system, succession=succession)
        wide = found["reason"].eq(NO_STATE) & lead.ne(other)
        if wide.any():
            found.loc[wide] = resolve(
                text[wide], dates=other[wide], system=system, succession=succession
            )
        gone = found["reason"].eq(NO_STATE) & (not_yet == "reject")
        day = lead[gone].dt.strftime("%Y-%m-%d")
        reasons[gone] = side + " " + shown(text[gone]) + " was not a state on " + day
        unknown = found["code"].isna() & text.notna() & ~gone
        names.append(mentions(side, text[unknown], found.loc[unknown, "reason"]))
        rows[side] = found["code"]
    listed = pd.concat(names, ignore_index=True)
    return replace(draft, rows=rows, names=listed).reject(reasons, step="resolve parties")


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
    """
    Give text columns their declared types; a row with a wrong cell is rejected.

    A flag is yes, true or 1, or no, false or 0. Joined values are sorted, once each. A
    missing cell is wrong only where the column must be filled.
    """
    values, reasons = typed_columns(draft.rows, columns)
    return replace(draft, rows=draft.rows.assign(**values)).reject(reasons, step="check types")


def typed_columns(
    rows: pd.DataFrame, columns: Sequence[Column]
) -> tuple[dict[str, pd.Series], pd.Series]:
    """Return columns of text as their declared types, and why a row has a wrong cell."""
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    found: dict[str, pd.Series] = {}
    for column in columns:
        text = rows[column.name]
        values = typed(text, column)
        wrong = values.isna() & text.notna()
        reasons[wrong] = (f"{column.name} is no {column.kind}: " + shown(text[wrong])).to_numpy()
        if column.choices:
            reasons = reasons.where(reasons.notna(), _unknown(values, column))
        if column.filled:
            reasons[text.isna()] = f"no {column.name}"
        found[column.name] = values
    return found, reasons


def typed(text: pd.Series, column: Column) -> pd.Series:
    """Return text as values of a column, missing where it is none."""
    text = text.str.strip()
    return _sorted_parts(text) if column.joined else _parse(text, column)


def _parse(text: pd.Series, column: Column) -> pd.Series:
    if column.kind == "date":
        now = text.str.casefold().isin(["now", "today"])
        days = pd.to_datetime(text.where(~now), format="ISO8601", errors="coerce")
        return days.astype("datetime64[us]")
    if column.kind == "flag":
        return text.str.casefold().map(_FLAGS).astype("boolean")
    if column.kind in ("integer", "number"):
        numbers = pd.to_numeric(text, errors="coerce")
        count = numbers.mod(1).eq(0) & numbers.ge(0)
        if column.kind == "number":
            return numbers.astype("float64").where(numbers.abs().lt(math.inf))
        return numbers.where(numbers.abs().lt(math.inf) & count)
    return text


def _sorted_parts(text: pd.Series) -> pd.Series:
    def ordered(value: str) -> str | None:
        return ";".join(sorted({part.strip() for part in value.split(";")} - {""})) or None

    return text.map({value: ordered(value) for value in text.dropna().unique()}).astype("str")


def _unknown(text: pd.Series, column: Column) -> pd.Series:
    """Return a reason for each value that is not one of the column's choices."""

    def reason(value: str) -> str | None:
        for part in value.split(";") if column.joined else [value]:
            if part not in column.choices:
                hint = did_you_mean(part, column.choices)
                return f"{column.name} does not know {part!r}.{hint}"
        return None

    return text.map({value: reason(value) for value in text.dropna().unique()}).astype("object")


_KEY = ["case_id", "sender", "target"]
_FIRST, _LAST = pd.Timestamp("1900-01-01"), pd.Timestamp("2100-12-31")
_SHOWN = 60


def declared(*names: str) -> list[Column]:
    """Return the columns of the table of cases with these names."""
    return [c for c in CASES.columns if c.name in names]


def with_own_ids(draft: Draft) -> Draft:
    """Reject the rows without a ``case_id``, or with that of an earlier row."""
    rows = draft.rows.assign(case_id=draft.rows["case_id"].str.strip())
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[rows["case_id"].duplicated(keep="first")] = "case_id of an earlier row"
    reasons[rows["case_id"].isna()] = "no case_id"
    return replace(draft, rows=rows).reject(reasons, step="check ids")


def partial_date(year: pd.Series, month: pd.Series, day: pd.Series) -> pd.Series:
    """
    Return dates as text, as far as they are known: ``1951-06-22``, ``1951-06`` or ``1951``.

    A day that its month does not have, as in 31 June, leaves the month: the case is
    not lost for it. A day without a month says nothing, and a "?" stands for a missing one.
    """
    month, day = (part.mask(part.str.strip().eq("?")) for part in (month, day))
    to_month = year.str.strip() + "-" + month.str.strip().str.zfill(2)
    to_day = to_month + "-" + day.str.strip().str.zfill(2)
    exists = pd.to_datetime(to_day, format="%Y-%m-%d", errors="coerce").notna()
    no_such_day = ~exists & day.str.fullmatch(r"\s*(29|30|31)\s*").fillna(value=False)
    return to_day.mask(no_such_day).fillna(to_month).fillna(year)


def dated(
    draft: Draft, columns: Sequence[str] = ("start", "end"), *, formats: Sequence[str]
) -> Draft:
    """
    Turn the text of `columns` into intervals: ``start`` and ``start_last``, and so on.

    A month or a year is an interval of all its days. A row without a start, with text that
    is no date, or that ends before it begins is rejected.
    """
    rows = draft.rows.copy()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    for column in columns:
        text = rows[column].astype("str").str.strip()
        first, last = (first_and_last(text, formats)[end] for end in ("first", "last"))
        wrong = text.notna() & ~first.between(_FIRST, _LAST)
        reasons[wrong] = f"impossible {column}: " + text[wrong].str.slice(0, _SHOWN).map(repr)
        rows[column], rows[f"{column}_last"] = first, last
        if column == "start":
            reasons[text.isna()] = "no start"
    reasons[rows["end_last"].lt(rows["start"]) & reasons.isna()] = "ends before it begins"
    return replace(draft, rows=rows).reject(reasons, step="check dates")


def coded(*columns: pd.Series, words: Mapping[str, str] | None = None) -> pd.Series:
    """
    Return the codes of one or several columns as sorted words, once each.

    Codes in a cell are separated by commas, semicolons or blanks. A word may be several,
    joined by ``;``; a code that has no word is kept as it is.
    """
    known = words or {}

    def worded(cell: str) -> str | None:
        codes = [code for code in re.split(r"[;,\s]+", cell) if code]
        found = {word for code in codes for word in known.get(code, code).split(";")}
        return ";".join(sorted(found)) or None

    text = columns[0].fillna("")
    for column in columns[1:]:
        text = text + " " + column.fillna("")
    return text.map({cell: worded(cell) for cell in text.unique()}).astype("str")


def as_reading(
    draft: Draft, kind: TableKind, *, key: str, paths: Sequence[Path], coverage: Coverage | None
) -> Reading:
    """Return a draft that is done as the reading of its source, with the columns of the table."""
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


def as_cases(
    draft: Draft,
    *,
    key: str,
    path: Path,
    coverage: Coverage,
    senders: System = "name",
    targets: System = "name",
) -> Reading:
    """
    Write out a draft of cases by sender and target, and return the table.

    ``sender`` and ``target`` may be lists, in the systems `senders` and `targets`. States
    are resolved by the first day of the case, or its last where that is not known to a day,
    under ``succession="dominant"``; what is no party, or none yet, is kept as a null party
    and listed. Two names that mean one party that day are one row.
    """
    rows = draft.rows.explode("sender").explode("target", ignore_index=True)
    rows = rows.astype({"sender": "str", "target": "str"})
    rows = rows.assign(date=rows["start"], date_last=rows["start_last"])
    draft = draft.written_out(rows, step="write out senders and targets")
    for side, system in (("sender", senders), ("target", targets)):
        draft = resolve_parties(
            draft, [side], system=system, succession="dominant", not_yet="unknown"
        )
    rows = draft.rows
    known = rows["sender"].notna() & rows["target"].notna()
    one = rows[~(rows.duplicated(_KEY) & known)]
    draft = draft.merged_into(one, step="merge rows of one case, sender and target")
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} holds no case that can be kept.")
    return as_reading(draft, "cases", key=key, paths=[path], coverage=coverage)
