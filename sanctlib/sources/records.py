"""Take the records of one file and the lines that are none. Return them as a draft."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

import pandas as pd

from sanctlib.cleaning import Draft
from sanctlib.errors import MissingColumnsError, SourceError, check_columns
from sanctlib.reading import REJECTED_COLUMNS, Audit, no_rejects

_RAW_LIMIT = 2000
_NONE_OF = 10_000

Layouts: TypeAlias = Mapping[int, Sequence[str]]
"""The names of a file without a header line, by the number of fields of a record."""


@dataclass(kw_only=True)
class Records:
    """The records of a file, and the lines that are no records."""

    name: str
    layouts: Layouts = field(default_factory=dict)
    needed: Sequence[str] = ()
    also: Sequence[str] = ()
    header: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    kept: list[tuple[int, str, list[str | None]]] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    _places: dict[int, list[int]] = field(default_factory=dict)

    def begin(self, header: list[str]) -> None:
        """Take the header line: check it, and find the columns that are wanted."""
        self.header = checked_header(header, self.needed, name=self.name)
        wanted = {*self.needed, *self.also}
        self.names = [h for h in self.header if not self.needed or h in wanted]
        self._places = {len(header): [self.header.index(n) for n in self.names]}

    def begin_without_header(self) -> None:
        """Take the names from the layouts: those asked for, or all of the widest."""
        widest = self.layouts[max(self.layouts)]
        self.names = [n for n in widest if not self.needed or n in {*self.needed, *self.also}]
        self._places = {
            width: [names.index(n) if n in names else -1 for n in self.names]
            for width, names in ((w, list(ns)) for w, ns in self.layouts.items())
        }

    def take(self, line: int, raw: str, fields: list[str]) -> None:
        """Keep a record, or note a line that is no record."""
        places = self._places.get(len(fields))
        if fields == self.header:
            self.bad.append((line, raw, "the header line, repeated inside the data"))
        elif places is None:
            reason = f"{len(fields)} fields where the header has {len(self.header)}"
            if self.layouts:
                widths = " or ".join(str(w) for w in sorted(self.layouts))
                reason = f"{len(fields)} fields where there should be {widths}"
            self.bad.append((line, raw, reason))
            if not self.kept and len(self.bad) == _NONE_OF:
                # A file of zeros, or of something else: its lines are not worth keeping.
                msg = f"None of the first {_NONE_OF:,} lines of {self.name!r} is a record; line "
                raise SourceError(f"{msg}{line}: {reason}.")
        else:
            self.kept.append((line, raw, [fields[p] if p >= 0 else None for p in places]))

    def draft(self, *, head: str = "", shown: Sequence[str] | None = None) -> Draft:
        """Return the records as a draft; lines that are no records are rejected."""
        kept, bad = self.kept, self.bad
        rows = pd.DataFrame([fields for _, _, fields in kept], columns=self.names, dtype="str")
        rows = rows.assign(
            _file=pd.Series([self.name] * len(kept), dtype="str"),
            _line=pd.Series([line for line, _, _ in kept], dtype="int64"),
            _raw=pd.Series([raw for _, raw, _ in kept], dtype="str"),
        )
        if shown is not None:
            rows["_raw"] = keys_only(rows, shown)
            bad = [(line, "", reason) for line, _, reason in bad]
        lost = pd.DataFrame(
            [(self.name, line, raw[:_RAW_LIMIT], reason) for line, raw, reason in bad],
            columns=list(REJECTED_COLUMNS),
        )
        audit = Audit.begin(len(rows) + len(bad))
        if bad:
            audit = audit.then("split lines", n_rejected=len(bad), n_out=len(rows))
        return Draft(rows=rows, audit=audit, rejected=lost if bad else no_rejects(), head=head)


def checked_header(header: Sequence[str], needed: Iterable[str], *, name: str) -> list[str]:
    """Return the names of a header line without blanks around them."""
    names = [text.strip() for text in header]
    repeated = sorted(text for text, n in Counter(names).items() if text and n > 1)
    if repeated:
        shown = ", ".join(repr(text) for text in repeated)
        raise SourceError(f"The header line of {name!r} repeats {shown}: name columns once.")
    try:
        check_columns(names, needed)
    except MissingColumnsError as error:
        raise MissingColumnsError(f"{name!r}: {error}") from None
    return names


def keys_only(rows: pd.DataFrame, shown: Sequence[str]) -> pd.Series:
    """Return ``column=value`` of the columns `shown`: raw text that names nobody."""
    found = [c for c in shown if c in rows]
    if not found or rows.empty:
        return pd.Series("", index=rows.index, dtype="str")
    parts = [f"{c}=" + rows[c].fillna("").str.slice(0, 200) for c in found]
    return reduce(lambda before, part: before + "; " + part, parts).astype("str")
