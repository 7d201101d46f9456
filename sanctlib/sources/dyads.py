"""Read values of pairs: ICEWS dyad-years, SIPRI, COW alliances, ATOP. Return readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sanctlib.codes.countries import System
from sanctlib.codes.labels import fold
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft, as_reading, empty_to_null, resolve_parties
from sanctlib.sources.text import check_header, read_text

_FIRST_YEAR, _LAST_YEAR = 1945, 2100  # `countries.csv` does not date states before 1945


@dataclass(frozen=True, kw_only=True)
class DyadLayout:
    """How a file of dyad-years is laid out, and what its cells may hold."""

    key: str
    sides: Mapping[tuple[str, str], bool | None]
    """The two columns of states, and whether the first acts on the second; the pairs are
    tried in turn. None: it does where most dyads stand in both orders."""
    year: str
    measures: Mapping[str, str]
    """Column and measure; a row may name its measure itself, in a column `measure`."""
    optional: Sequence[str] = ()
    system: System
    holds: Literal["flag", "count", "amount", "number"]
    """What a value may be: 0 or 1; whole and not below 0; not below 0; any."""
    repeats: Literal["same", "max", "sum"] = "same"
    """What rows of one dyad-year are: repeats of one value, or parts of it."""
    header_starts: str | None = None
    encodings: Sequence[str] = field(default=("utf-8",))


ICEWS = DyadLayout(
    key="icews_dyad_years",
    sides={("i_iso3c", "j_iso3c"): True},
    year="year",
    measures={
        "verbCoop": "verbal_cooperation",
        "matlCoop": "material_cooperation",
        "verbConf": "verbal_conflict",
        "matlConf": "material_conflict",
    },
    system="iso3",
    holds="count",
)


def read_icews(path: Path) -> Reading:
    """
    Read counts of ICEWS events per directed dyad and year, four measures of each.

    The file holds the dyad-years with any event: an absent row is zero within its states
    and years (`Coverage.states`), and missing outside. States are joined by their codes, as
    some names hold commas. Verbal co-operation is forty times material co-operation: never
    add them unweighted. The counts are directed but built from events that are coded from
    both sides: adding both directions counts a meeting twice.

    Returns
    -------
    Reading
        Of kind ``"dyads"``: ``verbal_cooperation``, ``material_cooperation``,
        ``verbal_conflict``, ``material_conflict``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    return read_layout(path, ICEWS)


def read_layout(path: Path, layout: DyadLayout) -> Reading:
    """
    Read a file of dyad-years as its layout declares it.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    draft, directed = dyad_draft(path, layout)
    return dyad_reading(draft, layout, directed=directed, path=path)


def dyad_draft(path: Path, layout: DyadLayout) -> tuple[Draft, bool | None]:
    """Return the rows with ``first``, ``second`` and ``year``, and whether they are directed."""
    draft = read_text(
        path,
        needed=[layout.year, *(c for c in layout.measures if c not in layout.optional)],
        also=[*layout.optional, *(c for pair in layout.sides for c in pair)],
        header_starts=layout.header_starts,
        encoding=layout.encodings,
    )
    found = [pair for pair in layout.sides if set(pair) <= set(draft.rows)]
    first, second = found[0] if found else next(iter(layout.sides))
    check_header(draft, (first, second))
    rows = draft.rows.rename(columns={first: "first", second: "second", layout.year: "year"})
    return replace(draft, rows=rows), layout.sides[first, second]


def dyad_reading(draft: Draft, layout: DyadLayout, *, directed: bool | None, path: Path) -> Reading:
    """
    Clean rows with ``first``, ``second``, ``year`` and the columns of the layout.

    A row is rejected for an impossible year or value, a party that has no code or did not
    exist, a state with itself, and a value other than that of an earlier row of the same
    dyad-year. A party is resolved at the year's last day, or at its first where it did
    not see the last.
    """
    columns = [c for c in layout.measures if c in draft.rows]
    draft = _values(_years(empty_to_null(draft)), columns, layout)
    draft = _parties(draft, layout.system)
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} has no dyad-year that can be read.")
    if directed is None:
        directed = _stands_both_ways(draft.rows)
    keys = ["first", "second", "date", "date_last", *(["measure"] * ("measure" in draft.rows))]
    draft = _one_of_each(draft if directed else _in_order(draft), keys, columns, layout)
    draft = _melted(draft, keys, layout)
    rows = draft.rows.sort_values(["measure", "first", "second", "date"])
    coverage = Coverage(
        source=layout.key,
        first=rows["date"].min().date(),
        last=rows["date_last"].max().date(),
        states=frozenset(rows["first"]) | frozenset(rows["second"]),
    )
    rows = rows.assign(directed=directed, lower=np.nan, upper=np.nan)
    draft = replace(draft, rows=rows)
    return as_reading(draft, "dyads", key=layout.key, paths=[path], coverage=coverage)


def _years(draft: Draft) -> Draft:
    text = draft.rows["year"]
    year = pd.to_numeric(text, errors="coerce")
    early = year.between(0, _FIRST_YEAR - 1)
    wrong = ~(year.between(_FIRST_YEAR, _LAST_YEAR) & year.mod(1).eq(0))
    reasons = pd.Series(pd.NA, index=text.index, dtype="object")
    reasons[wrong] = "no year: " + text[wrong].fillna("").map(repr)
    reasons[early] = "before 1945, when our codes of states begin: " + text[early].map(repr)
    draft = draft.reject(reasons, step="check years")
    kept = year[~wrong].astype("int64").astype("str")
    dates = {
        "date": pd.to_datetime(kept + "-01-01").astype("datetime64[us]"),
        "date_last": pd.to_datetime(kept + "-12-31").astype("datetime64[us]"),
    }
    return replace(draft, rows=draft.rows.drop(columns="year").assign(**dates))


def _values(draft: Draft, columns: Sequence[str], layout: DyadLayout) -> Draft:
    rows = draft.rows.copy()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[rows[list(columns)].isna().all(axis=1)] = "no value"
    for column in columns:
        text = rows[column]
        number = pd.to_numeric(text, errors="coerce").astype("float64")
        good = number.abs().lt(np.inf)
        if layout.holds == "flag":
            good &= number.isin([0, 1])
        elif layout.holds != "number":
            good &= number.ge(0) & (number.mod(1).eq(0) | (layout.holds == "amount"))
        wrong = ~good & text.notna()
        reasons[wrong] = f"{column} is no {layout.holds}: " + text[wrong].map(repr)
        rows[column] = number
    return replace(draft, rows=rows).reject(reasons, step="check values")


def _parties(draft: Draft, system: System) -> Draft:
    given = draft.rows[["first", "second"]].apply(lambda side: side.str.strip())
    # A code of a non-state that its reader has given stays: no table lists them.
    others = given.where(given.apply(lambda side: side.str.startswith("NS-", na=False)))
    rows = draft.rows.assign(**given.mask(others.notna()))
    draft = resolve_parties(
        replace(draft, rows=rows), ("first", "second"), system=system, at="last"
    )
    rows = draft.rows.fillna(others.loc[draft.rows.index])
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[rows["first"].eq(rows["second"])] = "a state with itself"
    for side in ("second", "first"):
        nobody = rows[side].isna()
        names = given.loc[rows.index, side].fillna("")
        reasons[nobody] = f"{side} is no party: " + names[nobody].map(repr)
    return replace(draft, rows=rows).reject(reasons, step="check parties")


def _stands_both_ways(rows: pd.DataFrame) -> bool:
    year = rows["date"].dt.year.astype("str")
    one, other = rows["first"] + rows["second"] + year, rows["second"] + rows["first"] + year
    return bool(one.isin(other).mean() > 0.5)


def _in_order(draft: Draft) -> Draft:
    rows, sides = draft.rows, draft.rows[["first", "second"]]
    ordered = rows.assign(first=sides.min(axis=1), second=sides.max(axis=1))
    return replace(draft, rows=ordered)


def _one_of_each(
    draft: Draft, keys: list[str], columns: Sequence[str], layout: DyadLayout
) -> Draft:
    step = f"merge rows of one dyad-year ({layout.repeats})"
    rows = draft.rows
    if layout.repeats != "same":
        whole = rows.groupby(keys, sort=False)[list(columns)].transform(layout.repeats)
        return draft.merged_into(rows.assign(**whole).drop_duplicates(keys), step=step)
    draft = draft.merged_into(rows.drop_duplicates([*keys, *columns]), step=step)
    other = draft.rows.duplicated(keys)
    reasons = pd.Series(pd.NA, index=other.index, dtype="object")
    reasons[other] = "another value than an earlier row of this dyad-year"
    return draft.reject(reasons, step="check repeats")


def _melted(draft: Draft, keys: list[str], layout: DyadLayout) -> Draft:
    rows = draft.rows.drop(columns=list(ORIGIN_COLUMNS))
    if "measure" not in rows:
        rows = rows.rename(columns=dict(layout.measures))
        rows = rows.melt(id_vars=keys, var_name="measure").dropna(subset="value")
    return draft.written_out(rows, step="write out measures")


REGISTER = DyadLayout(
    key="sipri",
    sides={("Supplier", "Recipient"): True},
    year="Delivery year",
    measures={"TIV delivery values": "arms_deliveries_tiv"},
    system="name",
    holds="amount",
    repeats="sum",
    header_starts="SIPRI AT Database ID",
    encodings=("utf-8", "cp1252"),
)


def read_register(path: Path) -> Reading:
    """
    Read arms deliveries per supplier, recipient and year, in trend-indicator values.

    A row of the register is an order and a year of delivery: the values of a year's rows
    are added, whether SIPRI marks number and year as estimates or not. The unit is a million
    TIV: a volume of capability, never money. Lines that are equal in all cells are one line,
    so two searches put together count nothing twice.

    A dyad-year that is not there means that none was identified in the search that made the
    file: a search by supplier says nothing about others. SIPRI marks non-states with
    ``*``; they are parties of their own (``NS-HEZBOLLAH-LEBANON``), not the state they sit in.
    Organisations, marked ``**``, keep their code. Unknown suppliers and recipients are
    rejected and listed.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, measure ``arms_deliveries_tiv``, the supplier first.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    draft, directed = dyad_draft(path, REGISTER)
    rows = draft.rows.assign(
        first=_marked(draft.rows["first"]), second=_marked(draft.rows["second"])
    )
    draft = replace(draft, rows=rows).merged_into(
        rows.drop_duplicates("_raw"), step="merge lines that are alike"
    )
    return dyad_reading(draft, REGISTER, directed=directed, path=path)


def _marked(names: pd.Series) -> pd.Series:
    """Return the names with the codes of non-states in place of theirs, without marks."""
    text = names.str.strip()
    bare = text.str.rstrip("*")
    words = bare.map({name: fold(name) for name in bare.dropna().unique()})
    non_state = text.str.endswith("*", na=False) & ~text.str.endswith("**", na=False)
    codes = "NS-" + words.str.replace(" ", "-", regex=False).str.upper()
    return bare.where(~(non_state & words.ne("")), codes)


COW_ALLIANCES = DyadLayout(
    key="cow_alliances",
    sides={("ccode1", "ccode2"): None},
    year="year",
    measures={
        "defense": "alliance_defence",
        "neutrality": "alliance_neutrality",
        "nonaggression": "alliance_nonaggression",
        "entente": "alliance_entente",
    },
    system="cow",
    holds="flag",
    repeats="max",
)

ATOP = DyadLayout(
    key="atop",
    sides={("stateA", "stateB"): True, ("mem1", "mem2"): False},
    year="year",
    measures={
        "atopally": "alliance_any",
        "defense": "alliance_defence",
        "offense": "alliance_offence",
        "neutral": "alliance_neutrality",
        "nonagg": "alliance_nonaggression",
        "consul": "alliance_consultation",
        "shareob": "alliance_shared_obligation",
    },
    optional=("shareob",),
    system="cow",
    holds="flag",
    repeats="max",
)


def read_cow_alliances(path: Path) -> Reading:
    """
    Read the formal alliances of the Correlates of War, by dyad and year, directed or not.

    A row of the file is a treaty: several of one dyad-year are one dyad-year here, with 1
    where any of them has the pledge. Both files of the producer have the same columns, so a
    file is directed where most of its dyads stand in both orders; otherwise the pair is
    written in the order of the alphabet, and must be looked up so. The file names allies
    only: an absent dyad is no alliance among its states and years, but a state that never
    allied is not among them and is missing. Years before 1945 are rejected, since our codes
    do not date the states of those days.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, value 0 or 1: ``alliance_defence``, ``alliance_neutrality``,
        ``alliance_nonaggression``, ``alliance_entente``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    return read_layout(path, COW_ALLIANCES)


def read_atop(path: Path) -> Reading:
    """
    Read alliance obligations of ATOP by dyad and year, directed (ddyr) or not (dy).

    In the directed file ``first`` has the obligation towards ``second``; they differ
    where an alliance is asymmetric, so look up both orders. ``alliance_any`` can be 1 with
    no obligation of the first at all. In the other file the pair is in the order of the
    alphabet. The data end in 2018: later years are missing, not zero. Years before 1945
    are rejected, since our codes do not date the states of those days.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, value 0 or 1: ``alliance_any``, ``alliance_defence``,
        ``alliance_offence``, ``alliance_neutrality``, ``alliance_nonaggression``,
        ``alliance_consultation`` and, where the file has it, ``alliance_shared_obligation``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    return read_layout(path, ATOP)
