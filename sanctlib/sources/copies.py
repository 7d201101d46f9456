"""Compare dated copies of a list. Return the entries that were added and removed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias

import pandas as pd

from sanctlib.codes.actions import programmes
from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.query import Day, day_of
from sanctlib.reading import Audit, Reading, named_apart, no_rejects

_Group: TypeAlias = tuple[str, str]
"""A whole set of programmes and a type."""
_Row: TypeAlias = tuple[pd.Timestamp, _Group]
"""A group, with the first day of the interval in which it changed."""
_FLOWS = ("added", "removed", "moved_in", "moved_out", "closing", "relisted")


class Entry(NamedTuple):
    """An entry of a copy: its whole programme set, its type, and a hash of its name."""

    programmes: str
    entity_type: str
    name: int = 0

    @property
    def group(self) -> _Group:
        """The programmes and the type."""
        return self.programmes, self.entity_type


_UNKNOWN = Entry("unknown", "unknown")
"""An entry known by its number alone, in no copy that has programmes."""


@dataclass(kw_only=True)
class Comparison:
    """
    Compare copies one after the other, in order of time, with one in memory.

    A copy of numbers alone waits for the next whole one. An entry of it has the programmes of
    the whole copy before, a new one those of the whole copy after. Whoever changed programmes
    between two whole copies did so on an unknown day between them: such moves are rows of
    their own, from the one whole copy to the other.

    A removal and an addition may be one entry under another number: an addition with the
    name and type of an entry removed in this interval or before is counted in ``relisted``,
    a part of ``added``. Namesakes that are listed at the same time are not.
    """

    changes: list[dict[str, object]] = field(default_factory=list)
    times: list[pd.Timestamp] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    n_entries: int = 0
    _gone: set[tuple[int, str]] = field(default_factory=set)
    _whole: tuple[pd.Timestamp, dict[str, Entry]] | None = None
    _waiting: list[tuple[pd.Timestamp, Collection[str]]] = field(default_factory=list)

    def take_numbers(self, name: str, taken: pd.Timestamp, numbers: Collection[str]) -> None:
        """Keep the numbers of a copy until the next one that has programmes."""
        self._check_later(name, taken)
        self._waiting.append((taken, numbers))

    def take(self, name: str, taken: pd.Timestamp, entries: dict[str, Entry]) -> None:
        """Compare the next copy with the one before."""
        self._check_later(name, taken)
        self.compare_waiting(entries)
        self._step(taken, entries)
        self._whole = taken, entries

    def compare_waiting(self, after: Mapping[str, Entry]) -> None:
        """Compare the copies of numbers alone that wait, with the programmes around them."""
        before = self._whole[1] if self._whole else {}
        for taken, numbers in self._waiting:
            # An entry keeps its programmes until a whole copy shows others.
            known = (self.entries, after, before)
            found = (next((part[n] for part in known if n in part), _UNKNOWN) for n in numbers)
            self._step(taken, dict(zip(numbers, found, strict=True)))
        self._waiting = []

    def _check_later(self, name: str, taken: pd.Timestamp) -> None:
        last = self._waiting[-1][0] if self._waiting else self.times[-1] if self.times else None
        if last is not None and taken <= last:
            raise SourceError(f"{name!r} is not later than the copy before it, {last}.")

    def _step(self, taken: pd.Timestamp, entries: dict[str, Entry]) -> None:
        if self.times:
            self.changes += self._flows(entries, taken)
        else:
            stock = Counter(entry.group for entry in entries.values())
            self.changes += [_row(group, n, taken, taken) for group, n in sorted(stock.items())]
        self.times.append(taken)
        self.entries = entries
        self.n_entries += len(entries)

    def _flows(self, after: dict[str, Entry], taken: pd.Timestamp) -> Iterator[dict[str, object]]:
        """Yield a row per group of entries in which something changed."""
        before = self.entries
        stock = Counter(entry.group for entry in before.values())
        # A move is known between whole copies; that may be further apart than these two.
        last = self.times[-1]
        moved = min(last, self._whole[0]) if self._whole else last
        flows: defaultdict[_Row, Counter[str]] = defaultdict(Counter)
        gained: defaultdict[_Row, Counter[str]] = defaultdict(Counter)
        lost: defaultdict[_Row, Counter[str]] = defaultdict(Counter)
        removed = [before[number] for number in before.keys() - after.keys()]
        self._gone |= {(e.name, e.entity_type) for e in removed if e.name}
        for entry in removed:
            flows[last, entry.group]["removed"] += 1
        for number in after.keys() - before.keys():
            entry = after[number]
            flows[last, entry.group]["added"] += 1
            flows[last, entry.group]["relisted"] += (entry.name, entry.entity_type) in self._gone
        for number in before.keys() & after.keys():
            old, new = before[number].group, after[number].group
            if old != new:
                flows[moved, new]["moved_in"] += 1
                flows[moved, old]["moved_out"] += 1
                had, has = set(old[0].split(";")), set(new[0].split(";"))
                gained[moved, new].update(has - had)
                lost[moved, old].update(had - has)
        # Of one group the narrow interval comes first: moves open with what it leaves.
        for key in sorted(flows, key=lambda key: (key[1], -key[0].value)):
            (since, group), flow = key, flows[key]
            net = flow["added"] - flow["removed"] + flow["moved_in"] - flow["moved_out"]
            yield _row(group, stock[group], since, taken) | {
                **flow,
                "closing": stock[group] + net,
                "programmes_added": _joined(gained[key]),
                "programmes_dropped": _joined(lost[key]),
            }
            stock[group] += net

    def audit(self, *, n_set_aside: int = 0, n_twice: int = 0) -> Audit:
        """Account for the entries of all copies; an excluded copy is one row."""
        audit = Audit.begin(self.n_entries + n_twice + n_set_aside)
        if n_set_aside:
            n_whole = self.n_entries + n_twice
            audit = audit.then("check copies", n_rejected=n_set_aside, n_out=n_whole)
        if n_twice:
            audit = audit.then("copies given twice", n_merged=n_twice, n_out=self.n_entries)
        # Short lists that change a lot have more rows of change than entries.
        n_out = len(self.changes)
        n_merged, n_added = max(self.n_entries - n_out, 0), max(n_out - self.n_entries, 0)
        return audit.then(
            "unchanged between versions", n_merged=n_merged, n_added=n_added, n_out=n_out
        )

    def coverage(self, source: str) -> Coverage:
        """Return the days from the first copy to the last."""
        return Coverage(source=source, first=self.times[0].date(), last=self.times[-1].date())


def compare_copies(copies: Sequence[Reading], *, dates: Sequence[Day] | None = None) -> Reading:
    """
    Return the changes between dated copies of one list.

    Only copies show removals: the day of listing that a list states is the same after a
    removal and a second listing. A change is known to lie between two copies, and not when.
    Entries are identified by the key of the list (`entity_id`).

    Parameters
    ----------
    copies : sequence of Reading
        Two or more readings of one list, of kind ``"listings"``, in order of time.
    dates : sequence of days, optional
        When each copy was made: ISO text, dates or datetimes; by default the last day of its
        coverage, which is that day for lists that print it.

    Returns
    -------
    Reading
        Of kind ``"list_changes"``: a row per interval between copies, set of programmes and
        type. Each row closes: closing = opening + added - removed + moved_in - moved_out.

    Raises
    ------
    SanctlibError
        For fewer than two copies, copies of several lists, a copy without a day, and a copy
        with rejected rows, whose entries would count as removed.
    SourceError
        For copies that are not in order of time.

    Examples
    --------
    >>> import sanctlib as sl, pathlib, tempfile
    >>> def copy_of(*items):
    ...     entry = "<record><Country>Iran</Country><Item>{}</Item>{}</record>"
    ...     rest = "<Entity>A firm</Entity><DateOfListing>2024-01-01</DateOfListing>"
    ...     with tempfile.TemporaryDirectory() as folder:
    ...         path = pathlib.Path(folder) / "list.xml"
    ...         _ = path.write_text(f"<a>{''.join(entry.format(i, rest) for i in items)}</a>")
    ...         return sl.read("canada_sema", path)
    >>> changes = compare_copies([copy_of(1, 2), copy_of(2, 3)], dates=["2024-02", "2024-03"])
    >>> changes.table[["opening", "added", "removed", "closing"]].iloc[-1].to_dict()
    {'opening': 2, 'added': 1, 'removed': 1, 'closing': 2}
    """
    copies = [copies] if isinstance(copies, Reading) else list(copies)
    wrong = next((copy for copy in copies if not isinstance(copy, Reading)), None)
    if wrong is not None:
        msg = f"copies holds {wrong!r:.80}. Read each copy first: sl.read('un', path)."
        raise SanctlibError(msg)
    if len(copies) < 2:
        raise SanctlibError(f"copies holds {len(copies)} readings. Give two or more of one list.")
    lists = sorted({str(x) for copy in copies for x in copy.table.get("list", ["no list"])})
    if len(lists) > 1 or any(copy.kind != "listings" for copy in copies):
        found = ", ".join(f"{copy.kind} of {copy.provenance.key!r}" for copy in copies)
        msg = f"copies holds {found}. They must be listings of one list, and are of"
        raise SanctlibError(f"{msg} {', '.join(map(repr, lists))}.")
    if dates is None:
        days = [pd.Timestamp(c.coverage.last) for c in copies if c.coverage]
        found = f"{len(copies) - len(days)} of the copies have no day of their own"
    else:
        days = [_time(day) for day in dates]
        found = f"dates has {len(days)} days for {len(copies)} copies"
    if len(days) != len(copies):
        raise SanctlibError(f"{found}. Give the day of each: dates=['2024-01-31', …].")
    comparison = Comparison()
    for copy, day in zip(copies, days, strict=True):
        name = ", ".join(copy.provenance.files) or copy.provenance.key
        if len(copy.rejected):
            msg = f"{name!r} has {len(copy.rejected)} rejected rows, whose entries would count as"
            raise SanctlibError(f"{msg} removed. Correct the file, or take another copy.")
        comparison.take(name, day, _entries(copy.table))
    first = copies[0].provenance
    # Copies of a list mostly have one name, each in the folder of its day.
    files = named_apart(item for copy in copies for item in copy.provenance.files.items())
    # A reading has no names, so additions cannot be compared with earlier entries.
    changes = pd.DataFrame(comparison.changes).drop(columns="relisted")
    return Reading(
        kind="list_changes",
        table=changes.assign(source=first.key, list=lists[0]),
        rejected=no_rejects(),
        audit=comparison.audit(),
        coverage=comparison.coverage(first.key),
        provenance=replace(first, files=files),
    )


def _time(value: object) -> pd.Timestamp:
    """Return when a copy was made: two of one day differ in the time of day."""
    if isinstance(value, datetime) and not pd.isna(value) and value.tzinfo is None:
        return pd.Timestamp(value)
    return pd.Timestamp(day_of(value, what="dates"))


def _entries(listings: pd.DataFrame) -> dict[str, Entry]:
    rows = listings.sort_values("programme").drop_duplicates(["entity_id", "programme"])
    programmes = rows.groupby("entity_id")["programme"].agg(";".join)
    types = listings.groupby("entity_id")["entity_type"].first()
    columns = (programmes.index, programmes, types)
    return {str(key): Entry(p, kind) for key, p, kind in zip(*columns, strict=True)}


def _row(
    group: _Group, opening: int, since: pd.Timestamp, taken: pd.Timestamp
) -> dict[str, object]:
    programmes, entity_type = group
    row = {"from": since, "to": taken, "programmes": programmes, "entity_type": entity_type}
    row |= {"opening": opening} | dict.fromkeys(_FLOWS, 0)
    return row | {"closing": opening, "programmes_added": None, "programmes_dropped": None}


def _joined(counts: Counter[str]) -> str | None:
    return ";".join(f"{name}:{n}" for name, n in sorted(counts.items())) or None


def unknown_programmes(changes: pd.DataFrame, *, list_name: str) -> pd.DataFrame:
    """Return the programmes without a review, and how many entries came under each."""
    reviewed = programmes().set_index("list")["programme"].loc[list_name]
    rows = changes.assign(name=changes["programmes"].str.split(";")).explode("name")
    rows = rows[~rows["name"].isin(reviewed)]
    first = rows["opening"].where(rows["from"].eq(rows["to"]), 0)
    rows = rows.assign(n=first + rows["added"] + rows["moved_in"])
    counts = rows.groupby("name")["n"].sum().reset_index()
    return counts.assign(side="programme", reason="not in programmes.csv")[
        ["side", "name", "reason", "n"]
    ]
