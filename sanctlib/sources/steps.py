"""Run the rules of events over the lines of files. Return the acts, and where each line went."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.codes.actions import act_meanings
from sanctlib.codes.countries import spells_of
from sanctlib.dates import days_of
from sanctlib.reading import REJECTED_COLUMNS, Audit
from sanctlib.schema import ACTIONS
from sanctlib.sources import rules
from sanctlib.sources.lines import JOIN, Lines
from sanctlib.sources.rules import EventSource

FILE = 32
"""The number of a row is that of its file, then that of its line in so many bits."""
Origin: TypeAlias = tuple[str, int, str]
"""The file of a line, its number there, and its text."""


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
        self._resolved: set[str] = set()
        engine.give("families", families())
        engine.give("names", self._names([]))
        engine.empty("kept", rules.ROWS.format(actor_key=engine.key_type))
        engine.empty("ids", rules.IDS)

    def take(self, path: Path, *, number: int = 0) -> None:
        """Take the lines of a file; `number` is its place among the files."""
        n_before = self.n_kept
        for block in Lines(self.source, path).blocks():
            # Texts that are stored once are compared as numbers.
            for i, cell in enumerate(block.table.column_names):
                if cell not in ("id", "row"):
                    words = block.table[cell].dictionary_encode().combine_chunks()
                    block.table = block.table.set_column(i, cell, words)
            self.take_lines(
                block.table,
                others=block.rejected,
                origin=partial(self._origin, path.name, block.line),
                start=(number << FILE) + (self.n_kept - n_before if self.source.joined else 0),
            )

    def take_lines(
        self,
        lines: Any,
        *,
        others: Sequence[tuple[int, str]],
        origin: Callable[[list[int]], list[Origin]],
        start: int = 0,
    ) -> None:
        """Take lines, and those that are no records; `origin` returns where lines stand."""
        engine = self.engine
        engine.show("lines", lines)
        ((n_lines,),) = engine.rows("SELECT count(*) FROM lines")
        self.code()
        lost = engine.rows(rules.lost(self.source))
        self.n_lost.update(step for _, step, _ in lost)
        bad = sorted([*others, *((row, why) for row, _, why in lost)])
        origins = origin([row for row, _ in bad])
        self.rejected += [(*of, why) for of, (_, why) in zip(origins, bad, strict=True)]
        self.n_read += n_lines + len(others)
        self.n_split += len(others)
        n_kept = self.keep(start)
        self.n_added += n_kept - (n_lines - len(lost))
        self.n_kept += n_kept
        for side, name, why, n in engine.rows(rules.UNKNOWN_NAMES):
            self.names[side, name.strip(), why] += n
        if "stamp" in self.source.columns:
            self.stamps |= {
                stamp if day_of_stamp(stamp) else day
                for stamp, day in engine.rows("SELECT DISTINCT stamp, date FROM lines")
            }
        else:
            self.stamps |= {f"{day:%Y%m%d}" for (day,) in engine.rows(rules.DAYS)}

    def _origin(
        self, file: str, line: Callable[[int], bytes], numbers: Sequence[int]
    ) -> list[Origin]:
        return [(file, number, self.raw(line(number))) for number in numbers]

    def raw(self, line: bytes) -> str:
        """Return a line as the rejected rows show it."""
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
            lists = [
                (cell, part)
                for (cell,) in engine.rows(rules.lists(source))
                for part in sorted({part.strip() for part in cell.split(source.joined)} - {""})
            ]
            engine.give("lists", pd.DataFrame(lists, columns=["text", "part"], dtype="str"))
        names = "SELECT part FROM lists" if source.joined else rules.texts(source)
        new = {text for (text,) in engine.rows(names) if text} - self._resolved
        self._resolved |= new
        engine.give("more", self._names(sorted(new)))
        engine.make("names", "SELECT * FROM names UNION ALL SELECT * FROM more")
        engine.make("parties", rules.parties(source, ordered=engine.ordered))
        engine.number_words()
        same = "r.row"
        if self.together:
            ((n_sides,),) = engine.rows("SELECT count(*) FROM parties")
            same = rules.same(n_sides=n_sides, n_codes=len(codes))
        engine.make("coded", rules.coded(source, same=same))
        engine.make("said", rules.TOGETHER if self.together else rules.ALONE)

    def _names(self, labels: Sequence[str]) -> pd.DataFrame:
        return spells_of(labels, system=self.source.system, succession=self.source.succession)

    def days(self, text: pd.Series) -> pd.DataFrame:
        """Return ``day`` and ``last`` of texts that are days, or ``why`` they are none."""
        meanings = days_of(text.where(text.str.strip().ne("")), self.source.formats[:1])
        return meanings.rename(columns={"first": "day"})

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

    def _meant(self, column: str, meaning: Callable[[pd.Series], pd.DataFrame]) -> pd.DataFrame:
        """Return what the texts of a column mean; those of the source's null marks are empty."""
        texts = [text for (text,) in self.engine.rows(f"SELECT DISTINCT {column} FROM lines")]
        nulls = self.source.nulls
        filled = [
            JOIN.join("" if part.strip() in nulls else part for part in text.split(JOIN))
            for text in texts
        ]
        meanings = meaning(pd.Series(filled, dtype="str")).assign(text=texts)
        return meanings.astype({"text": "str", "why": "str"})

    def keep(self, start: int) -> int:
        """Keep the rows of a block, numbered from `start`, and return how many they are."""
        at = {"start": start, "part": self.n_blocks}
        self.n_blocks += 1
        n: int = self.engine.run(f"INSERT INTO kept {rules.kept(self.source, **at)}")
        if self.together:
            n = self.engine.run(f"INSERT INTO ids {rules.IDS_OF_CODED.format(**at)}")
        return n

    def merge(self, *, again: bool = True) -> None:
        """Merge the rows of ``kept`` that report one act; `again` finds ids given twice first."""
        if again:
            self.engine.make("again", rules.again(self.source, together=self.together))
        self.engine.make("repeats", rules.REPEATS)
        self.engine.make("acts", rules.acts())

    def rejected_rows(self) -> pd.DataFrame:
        """Return the lines that are rejected, each with its text and the reason."""
        rows = pd.DataFrame(self.rejected, columns=list(REJECTED_COLUMNS), dtype="object")
        return rows.astype({c: "int64" if c == "line" else "str" for c in rows})

    def unmatched(self) -> pd.DataFrame:
        """Return the names without a code, and how often each was met."""
        each = pd.DataFrame(list(self.names), columns=["side", "name", "reason"], dtype="str")
        return each.assign(n=pd.Series(list(self.names.values()), dtype="int64"))

    def audit(self, *, split: bool = True) -> Audit:
        """Return the account of all rows, by step; `split` has that of the lines."""
        audit = Audit.begin(self.n_read)
        if split:
            n_out = self.n_read - self.n_split
            audit = audit.then("split lines", n_rejected=self.n_split, n_out=n_out)
        for step in dict.fromkeys([*self.source.checks, "resolve parties"]):
            if step == "resolve parties" and self.source.joined:
                n_out = audit.n_kept + self.n_added
                step_out = "expand senders and targets"
                audit = audit.then(step_out, n_added=self.n_added, n_out=n_out)
            n = self.n_lost[step]
            audit = audit.then(step, n_rejected=n, n_out=audit.n_kept - n)
        return audit

    def merged(self, audit: Audit, steps: Sequence[str] = tuple(rules.MERGED)) -> Audit:
        """Add steps of `merge` to an account."""
        for step in steps:
            n_out = self.engine.rows(rules.MERGED[step])[0][0] or 0
            audit = audit.then(step, n_merged=audit.n_kept - n_out, n_out=n_out)
        return audit


def families() -> pd.DataFrame:
    """Return the family of each action."""
    pairs = [(a, family) for family, actions in ACTIONS.items() for a in actions]
    return pd.DataFrame(pairs, columns=["action", "family"])


def day_of_stamp(stamp: str) -> date | None:
    """Return the day of a stamp of 8 digits or 14; None where it is none."""
    try:
        return datetime.strptime(stamp[:8], "%Y%m%d").date() if len(stamp) >= 8 else None
    except ValueError:
        return None
