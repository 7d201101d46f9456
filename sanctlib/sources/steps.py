"""Run the rules of events over the lines of files. Return the acts, and where each line went."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.codes.actions import act_meanings
from sanctlib.codes.countries import spells_of
from sanctlib.dates import days_of, first_and_last
from sanctlib.errors import SourceError
from sanctlib.reading import REJECTED_COLUMNS, Audit
from sanctlib.schema import ACTIONS
from sanctlib.sources import rules
from sanctlib.sources.files import head_of
from sanctlib.sources.lines import JOIN, Block, Lines
from sanctlib.sources.rules import CELLS, EventSource

FILE = 32
"""The number of a row is that of its file, then that of its line in so many bits."""


def blocks_of(source: EventSource, path: Path) -> Iterator[Block]:
    """Read a file in blocks; all of `CELLS` are there, days in the first format of the source."""
    lines = _lines(source, path)
    form = _form(source, path) if len(source.formats) > 1 else ""
    first = ""
    for block in lines.blocks():
        first = first or next((why for _, why in block.rejected), "")
        block.table = _all_cells(block.table)
        if form and form != source.formats[0]:
            block.table = _in_form(block.table, form, source.formats[0])
        yield block
    if source.layouts and not lines.n_kept:
        what = f"a {source.key.upper()} event file"
        msg = f"{path.name!r} holds no row of {what}: {first}."
        raise SourceError(f"{msg} Mentions and GKG files hold no events.")


def _lines(source: EventSource, path: Path, cells: Sequence[str] = CELLS) -> Lines:
    head = head_of(path) if len(source.delimiters) > 1 else ""
    every = {c: source.columns[c] for c in CELLS if c in source.columns}
    every |= {name: name for name in source.also}
    columns = {c: names if isinstance(names, tuple) else (names,) for c, names in every.items()}
    return Lines(
        path,
        {c: names for c, names in columns.items() if c in cells or c in source.also},
        layouts=dict(source.layouts),
        delimiter=max(source.delimiters, key=head.count),
        encodings=source.encodings,
        needed=[name for names in columns.values() for name in names],
    )


def _form(source: EventSource, path: Path) -> str:
    """Return the format that most days of the file have: a day alone may fit two."""
    days: Counter[str] = Counter()
    for block in _lines(source, path, ("date",)).blocks():
        for found in block.table["date"].value_counts().to_pylist():
            days[found["values"]] += found["counts"]
    text, n = pd.Series(list(days), dtype="str"), pd.Series(list(days.values()), dtype="int64")
    fits = {
        form: int(n[first_and_last(text, [form], partial=False)["first"].notna()].sum())
        for form in source.formats
    }
    return max(fits, key=lambda form: fits[form])


def _in_form(table: Any, form: str, new: str) -> Any:
    """Write the days of a table in another format, and leave what is none."""
    import pyarrow as pa

    held = table["date"].combine_chunks().dictionary_encode()
    text = pd.Series(held.dictionary.to_pylist(), dtype="str")
    days = first_and_last(text, [form], partial=False)["first"]
    turned = pa.DictionaryArray.from_arrays(
        held.indices, pa.array(days.dt.strftime(new).fillna(text), pa.string())
    )
    at = table.column_names.index("date")
    return table.set_column(at, "date", turned.cast(pa.string()))


def _in_words(table: Any) -> Any:
    """Hold each text once: texts are then compared as numbers."""
    import pyarrow as pa

    left = ("id", "row")
    columns = {
        c: table[c] if c in left else table[c].dictionary_encode().combine_chunks()
        for c in table.column_names
    }
    return pa.table(columns)


def _all_cells(table: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute as pc

    if "id" not in table.column_names:
        line = pc.binary_join_element_wise("L", table["row"].cast(pa.string()), "")
        table = table.append_column("id", line)
    for name in CELLS:
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat("", len(table)))
    return table.select([*CELLS, "row"])


class Cleaning:
    """Lines on their way to events: what is kept, and an account of all else."""

    together = True
    """Whether lines of a block that say the same are kept once, with their number."""

    def __init__(self, source: EventSource, engine: Any) -> None:
        self.source, self.engine = source, engine
        self.together = type(self).together and not source.joined
        self.n_blocks = self.n_read = self.n_split = self.n_added = self.n_kept = 0
        self.n_lost: Counter[str] = Counter()
        self.names: Counter[tuple[str, str, str]] = Counter()
        self.stamps: set[str] = set()
        self.rejected: list[tuple[str, int, str, str]] = []
        self._asked: set[str] = set()
        families = [(a, family) for family, actions in ACTIONS.items() for a in actions]
        engine.give("families", pd.DataFrame(families, columns=["action", "family"]))
        engine.give("names", self._names([]))
        engine.empty("kept", rules.ROWS.format(told=engine.told))
        engine.empty("ids", rules.IDS)

    def take(self, path: Path, *, number: int = 0) -> None:
        """Take the lines of a file; `number` is its place among the files."""
        n_before = self.n_kept
        for block in blocks_of(self.source, path):
            self.take_lines(
                _in_words(block.table),
                others=block.rejected,
                line=block.line,
                file=path.name,
                start=(number << FILE) + (self.n_kept - n_before if self.source.joined else 0),
            )

    def take_lines(
        self,
        lines: Any,
        *,
        others: Sequence[tuple[int, str]],
        line: Callable[[int], bytes],
        file: str,
        start: int = 0,
    ) -> None:
        """Take lines of a file, and those that are no records."""
        self.engine.show("lines", lines)
        self.code()
        lost = self.engine.rows(rules.lost(self.source))
        self.n_lost.update(step for _, step, _ in lost)
        every = sorted([*others, *((row, why) for row, _, why in lost)])
        self.rejected += [(file, n, self._raw(line(n)), why) for n, why in every]
        self.n_read += len(lines) + len(others)
        self.n_split += len(others)
        n_kept = self.keep(start)
        self.n_added += n_kept - (len(lines) - len(lost))
        self.n_kept += n_kept
        self._account()

    def _raw(self, line: bytes) -> str:
        for encoding in self.source.encodings:
            with suppress(UnicodeDecodeError):
                return line.decode(encoding)[: self.source.shown]
        return line.decode(errors="replace")[: self.source.shown]

    def code(self) -> None:
        """Say of the texts in `lines` what they mean, and of each line what it is."""
        source, engine = self.source, self.engine
        engine.give("days", self._meant("date", self.days))
        codes = self._meant("code", self.acts)
        engine.give("codes", codes.assign(n=range(len(codes))))
        engine.give("scores", self._meant("score", self.scores))
        engine.make("sides", rules.sides(source))
        if source.joined:
            lists = [(c, p) for (c,) in engine.rows(rules.lists(source)) for p in self._parts(c)]
            engine.give("lists", pd.DataFrame(lists, columns=["text", "part"], dtype="str"))
        names = "SELECT part FROM lists" if source.joined else rules.texts(source)
        asked = {text for (text,) in engine.rows(names) if text} - self._asked
        self._asked |= asked
        engine.give("more", self._names(sorted(asked)))
        engine.make("names", "SELECT * FROM names UNION ALL SELECT * FROM more")
        engine.make("parties", rules.parties(source, ordered=engine.ordered))
        engine.number_words()
        engine.make("coded", rules.coded(source, same=self.same(n_codes=len(codes))))
        engine.make("said", rules.TOGETHER if self.together else rules.ALONE)

    def same(self, *, n_codes: int) -> str:
        """Return what lines share that say the same."""
        if not self.together:
            return "r.row"
        n_sides = self.engine.rows("SELECT count(*) FROM parties")[0][0]
        return rules.same(n_sides=n_sides, n_codes=n_codes)

    def _names(self, labels: Sequence[str]) -> pd.DataFrame:
        return spells_of(labels, system=self.source.system, succession=self.source.succession)

    def days(self, text: pd.Series) -> pd.DataFrame:
        """Return ``day`` and ``last`` of texts that are days, or ``why`` they are none."""
        found = days_of(text.where(text.str.strip().ne("")), self.source.formats[:1])
        return found.rename(columns={"first": "day"})

    def acts(self, text: pd.Series) -> pd.DataFrame:
        """Return the meaning of texts that are codes of acts."""
        return act_meanings(text.to_list(), system=self.source.codes)

    def scores(self, text: pd.Series) -> pd.DataFrame:
        """Return ``value`` of texts that are numbers, or ``why`` they are none."""
        text = text.str.strip()
        value = pd.to_numeric(text, errors="coerce").astype("float64")
        value = value.where(value.abs().lt(math.inf))
        why = "goldstein is no number: " + text.map(repr)
        return pd.DataFrame({"value": value, "why": why.where(value.isna() & text.ne(""))})

    def _parts(self, text: str) -> list[str]:
        return sorted({part.strip() for part in text.split(self.source.joined)} - {""})

    def _meant(self, column: str, meaning: Callable[[pd.Series], pd.DataFrame]) -> pd.DataFrame:
        """Return what the texts of a column mean; those of the source's null marks are empty."""
        text = pd.Series([t for (t,) in self.engine.rows(f"SELECT DISTINCT {column} FROM lines")])
        text = text.astype("str")
        held = text.str.split(JOIN).map(lambda parts: JOIN.join(map(self._not_null, parts)))
        found = meaning(held.astype("str")).assign(text=text)
        return found.astype({"text": "str", "why": "str"})

    def _not_null(self, text: str) -> str:
        return "" if text.strip() in self.source.nulls else text

    def keep(self, start: int) -> int:
        """Keep the rows of a block, numbered from `start`, and return how many they are."""
        at = {"start": start, "part": self.n_blocks}
        self.n_blocks += 1
        n: int = self.engine.run(f"INSERT INTO kept {rules.kept(self.source, **at)}")
        if self.together:
            n = self.engine.run(f"INSERT INTO ids {rules.IDS_OF_CODED.format(**at)}")
        return n

    def _account(self) -> None:
        """Note the names of a block that are no party, and the stamps of its rows."""
        engine = self.engine
        for *name, n in engine.rows(rules.UNKNOWN_NAMES):
            self.names[name[0], name[1].strip(), name[2]] += n
        if "stamp" in self.source.columns:
            self.stamps |= {
                stamp if day_of_stamp(stamp) else day
                for stamp, day in engine.rows("SELECT DISTINCT stamp, date FROM lines")
            }
        else:
            self.stamps |= {f"{day:%Y%m%d}" for (day,) in engine.rows(rules.DAYS)}

    def merge(self, *, again: bool = True) -> None:
        """Merge the rows of ``kept`` that report one act; `again` finds ids given twice first."""
        for name, query in rules.merging(self.source, together=self.together).items():
            if again or name != "again":
                self.engine.make(name, query)

    def rejected_rows(self) -> pd.DataFrame:
        """Return the lines that are rejected, each with its text and the reason."""
        rows = pd.DataFrame(self.rejected, columns=list(REJECTED_COLUMNS))
        return rows.astype(dict.fromkeys(["file", "raw", "reason"], "str") | {"line": "int64"})

    def unmatched(self) -> pd.DataFrame:
        """Return the names without a code, and how often each was met."""
        rows = [(*name, n) for name, n in self.names.items()]
        return pd.DataFrame(rows, columns=["side", "name", "reason", "n"]).astype(
            {"side": "str", "name": "str", "reason": "str", "n": "int64"}
        )

    def audit(self, *, split: bool = True) -> Audit:
        """Return the account of all rows, by step; `split` has that of the lines."""
        audit = Audit.begin(self.n_read)
        if split:
            n_out = self.n_read - self.n_split
            audit = audit.then("split lines", n_rejected=self.n_split, n_out=n_out)
        steps = [*self.source.checks, "resolve parties"]
        for step in dict.fromkeys(steps):
            if step == "resolve parties" and self.source.joined:
                n_out = audit.n_kept + self.n_added
                audit = audit.then(
                    "write out senders and targets", n_added=self.n_added, n_out=n_out
                )
            n = self.n_lost[step]
            audit = audit.then(step, n_rejected=n, n_out=audit.n_kept - n)
        return audit

    def merged(self, audit: Audit, steps: Sequence[str] = tuple(rules.MERGED)) -> Audit:
        """Add steps of `merge` to an account."""
        for step in steps:
            n_out = self.engine.rows(rules.MERGED[step])[0][0] or 0
            audit = audit.then(step, n_merged=audit.n_kept - n_out, n_out=n_out)
        return audit


def day_of_stamp(stamp: str) -> date | None:
    """Return the day of a stamp of 8 digits or 14; None where it is none."""
    try:
        return datetime.strptime(stamp[:8], "%Y%m%d").date() if len(stamp) >= 8 else None
    except ValueError:
        return None
