"""The tables: the vocabulary, the columns of each table and what each means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Literal, TypeAlias

import pandas as pd

from sanctlib.showing import Shown, ShownTable, show_table

TableKind: TypeAlias = Literal[
    "events", "cases", "listings", "list_changes", "listing_counts", "cells", "dyads"
]
ColumnKind: TypeAlias = Literal["text", "date", "flag", "integer", "number"]

# The vocabulary of actions. `cooperation` never holds requests, appeals or concessions;
# `other` holds what is neither: counted in volumes, never in a measure.
ACTIONS: dict[str, tuple[str, ...]] = {
    family: tuple(actions.split())
    for family, actions in {
        "sanction": "threaten authorise impose amend extend ease lift appeal_ease refuse_ease",
        "cooperation": "intend consult visit agree diplomatic economic military judicial "
        "intelligence aid arms",
        "conflict": "verbal material",
        "other": "statement request concession domestic un_procedure countermeasure other",
    }.items()
}

COUNTED_SANCTIONS = ("impose", "amend")
"""The actions that enter counts and stocks of sanctions unless others are asked for."""

COMPONENTS: dict[str, tuple[str, ...]] = {
    "material": ("economic", "military", "judicial", "intelligence", "aid", "arms"),
    "meetings": ("consult", "visit"),
    "agreements": ("agree",),
    "other_cooperation": ("intend", "diplomatic"),
}
"""The parts of reported co-operation, disjoint from each other and from the sanctions."""

MEASURES = ("arms", "financial", "military", "other", "trade", "travel")
TRADE_EXTENTS = ("exp_compl", "exp_part", "imp_compl", "imp_part")
"""The types of sanctions, in the words of the Global Sanctions Data Base."""

PARTNERSHIP = ("IRN", "RUS")
"""The two states whose partnership the column ``because_of_partnership`` is about."""

STATUSES = ("confirmed", "partly", "unconfirmed")
DATE_BASES = ("announced", "adopted", "signed", "effective", "listed", "occurred", "coded")
AGREEMENT_STAGES = ("intended", "signed", "ratified", "in_force", "delivered", "ended")
EXITS = ("lifted", "expired", "suspended", "superseded", "unknown")
ENTITY_TYPES = ("individual", "entity", "vessel", "aircraft", "unknown")
LISTED_UNDER = (
    "asset_freeze",
    "export_control",
    "finance",
    "investment",
    "services",
    "transport",
)
"""What an entry of a list is under; entries under different measures are never added up."""

BASES = ("listed", "earlier", "carried_over", "restored", "undated")
"""What the day of an entry is, as `bases.csv` in the codes has it with the reasons."""


@dataclass(frozen=True)
class Column:
    """One column: its type, whether it must be there and be filled, and its values."""

    name: str
    meaning: str
    kind: ColumnKind
    required: bool = False
    filled: bool = False
    choices: tuple[str, ...] = ()
    joined: bool = False
    """Values are `;`-joined, sorted and without repeats."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Table(Shown):
    """A table: its columns in order and the columns that name a row."""

    kind: TableKind
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def _shown(self) -> list[str | ShownTable]:
        columns = pd.DataFrame(
            [(c.name, c.kind, c.required, c.meaning) for c in self.columns],
            columns=["column", "kind", "required", "meaning"],
        )
        return [f"{self.kind}, a row is {self.row}", show_table(columns)]

    @property
    def names(self) -> list[str]:
        """All column names, in order."""
        return [c.name for c in self.columns]

    @property
    def required(self) -> list[str]:
        """The names of the columns that must be there."""
        return [c.name for c in self.columns if c.required]


_text = partial(Column, kind="text")
_day = partial(Column, kind="date")
_flag = partial(Column, kind="flag")
_number = partial(Column, kind="number")
_count = partial(Column, kind="integer", required=True, filled=True)
_MUST: dict[str, Any] = {"required": True, "filled": True}

_SOURCE = _text("source", "key of the dataset", **_MUST)
_SENDER = _text("sender", "the party that acts; null when not known", required=True)
_TARGET = _text("target", "the party acted on; null when not known", required=True)
_FAMILY = _text(
    "family", "sanction, cooperation, conflict or other", choices=tuple(ACTIONS), **_MUST
)
_ACTION = _text(
    "action", "what was done, in the vocabulary", choices=tuple(chain(*ACTIONS.values())), **_MUST
)
_MUTUAL = _flag(
    "mutual", "done by both together: one row, sender before target in the alphabet", **_MUST
)
_LIST = _text("list", "name of the list", **_MUST)
_PROGRAMME = _text("programme", "legal programme", **_MUST)
_ENTITY_TYPE = _text("entity_type", "what is listed", choices=ENTITY_TYPES, **_MUST)
_LISTED_UNDER = _text("measure", "what the entry is under", choices=LISTED_UNDER)
_MEASURES = _text("measures", "types of sanctions", choices=MEASURES, joined=True)
_FIRST_DAY = _day("date", "first day of the period", **_MUST)
_LAST_DAY = _day("date_last", "last day of the period", **_MUST)

EVENTS = Table(
    kind="events",
    row="one act, one sender and one target",
    key=("source", "event_id"),
    columns=(
        _SOURCE,
        _text("event_id", "native id, with :SENDER>TARGET where an act was expanded", **_MUST),
        _text("act_id", "shared by all rows of one act; acts are counted as distinct", **_MUST),
        _day("date", "earliest day the act can have happened", **_MUST),
        _day("date_last", "latest day; equal to `date` when the day is known", **_MUST),
        _day("date_announced", "day of the announcement"),
        _day("date_effective", "day of effect"),
        _text("date_basis", "which day `date` is", choices=DATE_BASES),
        _SENDER,
        _TARGET,
        _MUTUAL,
        _FAMILY,
        _ACTION,
        _MEASURES,
        _text("code", "native code, as text"),
        _number("goldstein", "the row's own Goldstein score, -10 to 10"),
        _text("title", "what happened, in our words"),
        _text("programme", "legal programme of the sender"),
        _text("conduct", "states whose conduct the reasons name", joined=True),
        _text("located_in", "places of the firms and persons listed: never targets", joined=True),
        _text("reference", "official reference"),
        _text("evidence", "stored sources that confirm the row"),
        _text("status", "how far the row is confirmed", choices=STATUSES),
        _flag("disputed", "states disagree whether it has effect"),
        _text(
            "because_of_partnership",
            "imposed because of the partnership",
            choices=("yes", "partly", "no"),
        ),
        _text("because_reason", "the reason for `because_of_partnership`"),
        _text("agreement_id", "shared by the stages of one agreement"),
        _text("agreement_stage", "stage of the agreement", choices=AGREEMENT_STAGES),
        _count("n_reports", "rows of the source that report this act", required=False),
        _text("note", "what is not confirmed, and conflicts between sources"),
    ),
)

CASES = Table(
    kind="cases",
    row="one case, one sender and one target",
    key=("source", "case_id", "sender", "target"),
    columns=(
        _SOURCE,
        _text("case_id", "native number of the case", **_MUST),
        _SENDER,
        _TARGET,
        _day("start", "earliest first day", **_MUST),
        _day("start_last", "latest first day", **_MUST),
        _day("end", "earliest last day; null when not known"),
        _day("end_last", "latest last day; null when not known"),
        _flag("ongoing", "open by the source's own marks", required=True),
        _flag("threatened", "threatened"),
        _flag("imposed", "imposed"),
        _day("imposed_start", "earliest day of imposition, where stated apart from the threat"),
        _day("imposed_start_last", "latest day of imposition"),
        _MEASURES,
        _text(
            "trade_extent",
            "what of the trade a sanction stops: the sender's exports or imports, whole or in part",
            choices=TRADE_EXTENTS,
            joined=True,
        ),
        _text("objectives", "objectives", joined=True),
        _text("outcomes", "outcomes", joined=True),
        _text("exit", "how the case ended", choices=EXITS),
    ),
)

LISTINGS = Table(
    kind="listings",
    row="one spell of one entity under one programme",
    key=("source", "listing_id", "programme"),
    columns=(
        _SOURCE,
        _LIST,
        _text("listing_id", "native key of the entry", **_MUST),
        _text("entity_id", "shared by all entries of one entity", **_MUST),
        _ENTITY_TYPE,
        _PROGRAMME,
        _text("programme_state", "states the programme is about, reviewed", joined=True),
        _text("entity_country", "country of the entity's address or nationality", joined=True),
        _LISTED_UNDER,
        _day("listed", "day of listing", required=True),
        _day("delisted", "day of removal; null while listed"),
        _text("date_basis", "whether the days are the list's own or bounds from dated copies"),
    ),
)

LIST_CHANGES = Table(
    kind="list_changes",
    row="one interval between dated copies, whole programme set and entity type, with a change",
    key=("source", "list", "from", "to", "programmes", "entity_type"),
    columns=(
        _SOURCE,
        _LIST,
        _day("from", "time of the copy before; equal to `to` for the first copy", **_MUST),
        _day("to", "time of the copy that first shows the change", **_MUST),
        _text("programmes", "the whole set of programmes of an entry", joined=True, **_MUST),
        _ENTITY_TYPE,
        _count("opening", "entries before"),
        _count("added", "entries that were not on the list"),
        _count("removed", "entries no longer on the list"),
        _count("moved_in", "entries that were listed under another programme set or type"),
        _count("moved_out", "entries now listed under another programme set or type"),
        _count("closing", "opening + added - removed + moved_in - moved_out"),
        _count(
            "relisted",
            "of those added, entries with the name and type of one removed before or meanwhile",
            required=False,
        ),
        _text("programmes_added", "PROGRAMME:n, new to the entries moved in"),
        _text("programmes_dropped", "PROGRAMME:n, lost by the entries moved out"),
    ),
)

LISTING_COUNTS = Table(
    kind="listing_counts",
    row="one period, programme and entity type, and where stated measure and basis",
    key=("source", "list", "date", "date_last", "programme", "entity_type", "measure", "basis"),
    columns=(
        _SOURCE,
        _LIST,
        _FIRST_DAY,
        _LAST_DAY,
        _PROGRAMME,
        _ENTITY_TYPE,
        _LISTED_UNDER,
        _text(
            "basis",
            "what the day is: of listing; of a listing under earlier law or by the UN (earlier); "
            "on which another law took over the entry (carried_over); on which lists came back "
            "(restored); not stated (undated: the period is the whole coverage)",
            choices=BASES,
        ),
        _count("n_listings", "entries listed in the period, by the list's own dates"),
    ),
)

CELLS = Table(
    kind="cells",
    row="one period, sender, target and action",
    key=("period", "sender", "target", "mutual", "family", "action"),
    columns=(
        _text("source", "key of the dataset"),
        _day("period", "first day of the period", **_MUST),
        _SENDER,
        _TARGET,
        _MUTUAL,
        _FAMILY,
        _ACTION,
        _count("n_acts", "distinct acts"),
        _count("n_rows", "rows of the source that report them"),
        _count("n_days", "days of the period that the source covers", required=False),
    ),
)

DYADS = Table(
    kind="dyads",
    row="one pair of states in one period, a measured value with its interval",
    key=("source", "measure", "first", "second", "date", "date_last"),
    columns=(
        _SOURCE,
        _text("measure", "what is measured", **_MUST),
        _text("first", "one state", **_MUST),
        _text("second", "the other state", **_MUST),
        _FIRST_DAY,
        _LAST_DAY,
        _flag("directed", "first acts on second; otherwise the pair has no direction"),
        _number("value", "the value", required=True, filled=True),
        _number("lower", "lower bound of the interval", required=True),
        _number("upper", "upper bound of the interval", required=True),
    ),
)

TABLES: dict[TableKind, Table] = {
    t.kind: t for t in (EVENTS, CASES, LISTINGS, LIST_CHANGES, LISTING_COUNTS, CELLS, DYADS)
}
