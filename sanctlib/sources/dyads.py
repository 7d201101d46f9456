"""Read values of pairs: ICEWS dyad-years, SIPRI, COW, ATOP and trade. Return readings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sanctlib.codes.countries import System, fold
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft, as_reading, empty_to_null, resolve_parties
from sanctlib.sources.text import check_header, read_text

_FIRST_YEAR, _LAST_YEAR = 1945, 2100  # `countries.csv` does not date states before 1945


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How a file of dyad-years is laid out, and what its cells may hold."""

    key: str
    sides: Mapping[tuple[str, str], bool | None]
    """The two columns of states, and whether the first acts on the second; the pairs are
    tried in turn. None: it does where most dyads are there in both orders."""
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
    encodings: Sequence[str] = ("utf-8",)


_ICEWS = _Layout(
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
_SIPRI = _Layout(
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
_COW_ALLIANCES = _Layout(
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
_ATOP = _Layout(
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
_EXPORTS, _IMPORTS = "exports_reported_by_exporter", "imports_reported_by_importer"
_INDICATORS = {
    "Exports, Free on board (FOB)": ("TXG_FOB_USD", _EXPORTS),
    "Imports, Cost, Insurance, Freight (CIF)": ("TMG_CIF_USD", _IMPORTS),
    "Imports, Free on board (FOB)": ("TMG_FOB_USD", "imports_fob_reported_by_importer"),
    "Trade Balance": ("TBG_USD", "balance_reported_by_first"),
}
_PANEL = {
    f"Goods, Value of {name}, US Dollars ({code})": code for name, (code, _) in _INDICATORS.items()
}
_YEARS = [str(year) for year in range(_FIRST_YEAR, _LAST_YEAR + 1)]
_STATES = ("Country Name", "Counterpart Country Name")
_ROW = ("Indicator Code", "Time Period", "Attribute")
_TRADE = _Layout(
    key="trade",
    sides={_STATES: True},
    year="Time Period",
    measures={"value": "value"},
    system="name",
    holds="number",
)
# "Kazakhstan, Rep. of": the title goes, but not where only it distinguishes two states.
_TITLE = re.compile(
    r"(?!Korea|Congo)(.+), (?:(?:The|Republica?|Rep|Democratic|Islamic|Arab|Federal|Federated|"
    r"States?|Kingdom|Principality|United|Union|Bolivariana|SFR|Netherlands|of|the|de)\s*)+"
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
    return _read(path, _ICEWS)


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
    draft, directed = _rows(path, _SIPRI)
    draft = draft.assign(first=_marked(draft.rows["first"]), second=_marked(draft.rows["second"]))
    draft = draft.take(draft.rows.drop_duplicates("_raw"), step="merge lines that are alike")
    return _reading(draft, _SIPRI, directed=directed, path=path)


def _marked(names: pd.Series) -> pd.Series:
    """Return the names with the codes of non-states in place of theirs, without marks."""
    text = names.str.strip()
    bare = text.str.rstrip("*")
    words = bare.map({name: fold(name) for name in bare.dropna().unique()})
    non_state = text.str.endswith("*", na=False) & ~text.str.endswith("**", na=False)
    codes = "NS-" + words.str.replace(" ", "-", regex=False).str.upper()
    return bare.where(~(non_state & words.ne("")), codes)


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
    return _read(path, _COW_ALLIANCES)


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
    return _read(path, _ATOP)


def read_trade(path: Path) -> Reading:
    """
    Read trade in goods per exporter, importer and year, as each side reports it.

    The same flow stands twice and the two are never merged: exports free on board, as the
    exporter reports them, and imports with insurance and freight, as the importer does.
    They differ by the cost of transport and by what one side does not say: a sanctioned
    state that stops reporting is still in the reports of its partners. The exporter is
    first in both. A trade balance has the reporting state first.

    Values are US dollars in the scale of the file, which has no column for it (the portal
    wrote dollars, the service of the same data millions): check one known flow. An empty
    cell and an absent row are missing, not zero. Only years are read: columns of months and
    quarters are left, rows of them are rejected. The world, regions and groups of states have
    no code: their rows are rejected and listed; the European Union is kept as ``EU``, and
    counts its members twice where both are summed. States are known by name, since the
    file's numbers are the Fund's own.

    The three layouts of the portal are read: a column per year (rows of another
    ``Attribute`` than ``Value`` say how sure a value is and are merged into it), a row
    per value, and a column per indicator.

    Returns
    -------
    Reading
        Of kind ``"dyads"``: ``exports_reported_by_exporter``,
        ``imports_reported_by_importer``, ``imports_fob_reported_by_importer``,
        ``balance_reported_by_first``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    draft = read_text(path, needed=_STATES, also=[*_ROW, "Value", *_YEARS, *_PANEL])
    # What no column is named after, a column of its own must say.
    instead = {"Time Period": _YEARS, "Indicator Code": _PANEL, "Value": (*_YEARS, *_PANEL)}
    check_header(draft, [c for c, names in instead.items() if set(draft.rows).isdisjoint(names)])
    draft = empty_to_null(draft)
    if "Attribute" in draft.rows:
        attribute = draft.rows["Attribute"].str.strip()
        values = draft.rows[attribute.isna() | attribute.eq("Value")]
        draft = draft.take(values, step="merge rows of status into their values")
    return _reading(_flows(_cells(draft)), _TRADE, directed=True, path=path)


def _cells(draft: Draft) -> Draft:
    """Write out every cell with a value: its year or its indicator is the name of its column."""
    columns = [c for c in draft.rows if c == "Value" or c in _YEARS or c in _PANEL]
    empty = draft.rows[columns].isna().all(axis=1)
    draft = draft.reject((empty, "no value"), step="check values")
    # A row of all years is long, and would be kept once for each of them.
    rows = draft.rows.assign(_raw=draft.rows["_raw"].str.slice(0, 200))
    ids = [c for c in (*_STATES, *_ROW, *ORIGIN_COLUMNS) if c in rows]
    cells = rows.melt(id_vars=ids, value_vars=columns, var_name="column")
    cells = cells.dropna(subset="value", ignore_index=True)
    column = cells["column"].astype("str")
    cells["year"] = column.where(column.isin(_YEARS), cells.get("Time Period"))
    cells["code"] = column.map(_PANEL).fillna(cells.get("Indicator Code"))
    return draft.take(cells, step="write out years and indicators")


def _flows(draft: Draft) -> Draft:
    """Name the measure and put the exporter first."""
    rows = draft.rows
    code = rows["code"].str.strip()
    measure = code.map(dict(_INDICATORS.values()))
    below = pd.to_numeric(rows["value"], errors="coerce").lt(0)
    imports = measure.str.startswith("imports", na=False)
    reporter, partner = (_plain(rows[names]) for names in _STATES)
    flows = rows[[*ORIGIN_COLUMNS, "year", "value"]].assign(
        measure=measure,
        first=partner.where(imports, reporter),
        second=reporter.where(imports, partner),
    )
    return replace(draft, rows=flows).reject(
        (measure.isna(), "unknown indicator ", code),
        (code.isna(), "no indicator"),
        (below & measure.isin([_EXPORTS, _IMPORTS]), "a flow below zero"),
        step="check indicators",
    )


def _plain(names: pd.Series) -> pd.Series:
    """Return the Fund's names without its short forms and titles."""

    def plain(name: str) -> str:
        text = name.strip().replace("Rep.", "Republic").replace("Dem.", "Democratic")
        text = text.removeprefix("China, P.R.: ").replace("Mainland", "China")
        titled = _TITLE.fullmatch(text)
        return titled[1] if titled else text

    return names.map({name: plain(name) for name in names.dropna().unique()})


def _read(path: Path, layout: _Layout) -> Reading:
    draft, directed = _rows(path, layout)
    return _reading(draft, layout, directed=directed, path=path)


def _rows(path: Path, layout: _Layout) -> tuple[Draft, bool | None]:
    """Return the rows with ``first``, ``second`` and ``year``, and whether they are directed."""
    draft = read_text(
        path,
        needed=[layout.year, *(c for c in layout.measures if c not in layout.optional)],
        also=[*layout.optional, *(c for pair in layout.sides for c in pair)],
        header_starts=layout.header_starts,
        encoding=layout.encodings,
    )
    there = [pair for pair in layout.sides if set(pair) <= set(draft.rows)]
    first, second = (there or list(layout.sides))[0]
    check_header(draft, (first, second))
    names = {first: "first", second: "second", layout.year: "year"}
    return replace(draft, rows=draft.rows.rename(columns=names)), layout.sides[first, second]


def _reading(draft: Draft, layout: _Layout, *, directed: bool | None, path: Path) -> Reading:
    """Clean rows with ``first``, ``second``, ``year`` and the columns of the layout."""
    columns = [c for c in layout.measures if c in draft.rows]
    draft = _values(_years(empty_to_null(draft)), columns, layout)
    draft = _parties(draft, layout.system)
    rows = draft.rows
    if rows.empty:
        raise SourceError(f"{path.name!r} has no dyad-year that can be read.")
    if directed is None:
        # It is, where most dyads are there in both orders.
        year = rows["date"].dt.year.astype("str")
        reverse = rows["second"] + rows["first"] + year
        directed = bool(reverse.isin(rows["first"] + rows["second"] + year).mean() > 0.5)
    if not directed:
        sides = rows[["first", "second"]]
        draft = draft.assign(first=sides.min(axis=1), second=sides.max(axis=1))
    keys = ["first", "second", "date", "date_last", *(["measure"] * ("measure" in rows))]
    draft = _one_of_each(draft, keys, columns, layout)
    rows = draft.rows[[*keys, *columns]]
    if "measure" not in rows:
        rows = rows.rename(columns=layout.measures)
        rows = rows.melt(id_vars=keys, var_name="measure").dropna(subset="value")
    draft = draft.take(rows, step="write out measures")
    rows = rows.sort_values(["measure", "first", "second", "date"])
    coverage = Coverage(
        source=layout.key,
        first=rows["date"].min().date(),
        last=rows["date_last"].max().date(),
        states=frozenset(rows["first"]) | frozenset(rows["second"]),
    )
    draft = replace(draft, rows=rows.assign(directed=directed, lower=np.nan, upper=np.nan))
    return as_reading(draft, "dyads", key=layout.key, paths=[path], coverage=coverage)


def _years(draft: Draft) -> Draft:
    text = draft.rows["year"]
    year = pd.to_numeric(text, errors="coerce")
    valid = year.between(_FIRST_YEAR, _LAST_YEAR) & year.mod(1).eq(0)
    early = year.between(0, _FIRST_YEAR - 1)
    draft = draft.reject(
        (~valid, "no year: ", text),
        (early, "before 1945, when our codes of states begin: ", text),
        step="check years",
    )
    kept = year[valid].astype("int64").astype("str")
    return draft.assign(
        date=pd.to_datetime(kept + "-01-01").astype("datetime64[us]"),
        date_last=pd.to_datetime(kept + "-12-31").astype("datetime64[us]"),
    )


def _values(draft: Draft, columns: Sequence[str], layout: _Layout) -> Draft:
    cells = draft.rows[list(columns)]
    values = cells.apply(pd.to_numeric, errors="coerce").astype("float64")
    valid = values.abs().lt(np.inf)
    if layout.holds == "flag":
        valid &= values.isin([0, 1])
    elif layout.holds != "number":
        valid &= values.ge(0) & (values.mod(1).eq(0) | (layout.holds == "amount"))
    wrong = ~valid & cells.notna()
    return draft.assign(**values).reject(
        (cells.isna().all(axis=1), "no value"),
        *((wrong[c], f"{c} is no {layout.holds}: ", cells[c]) for c in columns),
        step="check values",
    )


def _parties(draft: Draft, system: System) -> Draft:
    """Resolve a party at the year's last day, or at its first where it did not see the last."""
    given = draft.rows[["first", "second"]].apply(lambda side: side.str.strip())
    # A code of a non-state that its reader has given stays: no table lists them.
    others = given.where(given.apply(lambda side: side.str.startswith("NS-", na=False)))
    draft = draft.assign(**given.mask(others.notna()))
    draft = resolve_parties(draft, ("first", "second"), system=system, at="last")
    draft = draft.assign(**draft.rows[["first", "second"]].fillna(others))
    rows, given = draft.rows, given.loc[draft.rows.index]
    return draft.reject(
        (rows["first"].eq(rows["second"]), "a state with itself"),
        *((rows[s].isna(), f"{s} is no party: ", given[s]) for s in ("second", "first")),
        step="check parties",
    )


def _one_of_each(draft: Draft, keys: list[str], columns: Sequence[str], layout: _Layout) -> Draft:
    rows, step = draft.rows, f"merge rows of one dyad-year ({layout.repeats})"
    if layout.repeats != "same":
        whole = rows.groupby(keys, sort=False)[list(columns)].transform(layout.repeats)
        return draft.take(rows.assign(**whole).drop_duplicates(keys), step=step)
    draft = draft.take(rows.drop_duplicates([*keys, *columns]), step=step)
    other = (draft.rows.duplicated(keys), "another value than an earlier row of this dyad-year")
    return draft.reject(other, step="check repeats")
