"""Read values of pairs: ICEWS dyad-years, SIPRI, COW, ATOP and trade. Return readings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sanctlib.codes.countries import Succession, System, fold
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft, as_reading, empty_to_null, resolve_parties
from sanctlib.sources.files import head_of
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
    repeats: Literal["same", "max", "sum"] = "same"  # or parts of one value
    header_starts: str | tuple[str, ...] = ()
    encodings: Sequence[str] = ("utf-8",)
    succession: Succession = "strict"  # "dominant": a name of today is the state of that year


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
    succession="dominant",
)
_TIV = "SIPRI TIV of delivered weapons"
_EXPORT = re.compile(r'^"?(?:Recipient|Supplier)"?[,;\t]', re.MULTILINE)
_SIPRI_EXPORT = replace(
    _SIPRI,
    year="Year(s) of delivery",
    measures={_TIV: "arms_deliveries_tiv"},
    header_starts=("Recipient", "Supplier"),
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
    and years (`Coverage.states`), and missing outside. Verbal co-operation is forty times
    material co-operation: never add them unweighted. The counts are directed but built from
    events coded from both sides: adding both directions counts a meeting twice.

    Returns
    -------
    Reading
        Of kind ``"dyads"``: ``verbal_cooperation``, ``material_cooperation``,
        ``verbal_conflict``, ``material_conflict``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    draft, directed = _rows(path, _ICEWS)
    return _reading(draft, _ICEWS, directed=directed, path=path)


def read_register(path: Path) -> Reading:
    """
    Read arms deliveries per supplier, recipient and year, in trend-indicator values.

    Two layouts are read. In one a row is an order and a year of delivery. In the export of the
    trade register (``Recipient, Supplier, Year of order, …``) it is an order, with one value
    for all its years: ``date`` to ``date_last``, which `dyad_panel` refuses to assign to a
    year. Values of the same years are added, estimates too. The unit is a million TIV: a
    volume of capability, never money. Lines that are equal in all cells are one line, so two
    searches put together count nothing twice; the export has no number of the order.

    SIPRI writes names of today for the past: "Viet Nam" in 1965 is North Vietnam (VDR), Serbia
    in 2001 is Yugoslavia. A territory that was not a state in that year is rejected.

    A search by supplier says nothing about others. Non-states, marked ``*``, are parties of
    their own (``NS-HEZBOLLAH-LEBANON``); organisations, marked ``**``, keep their code. Unknown
    suppliers and recipients are rejected and listed.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, measure ``arms_deliveries_tiv``, the supplier first.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    layout = _SIPRI_EXPORT if _EXPORT.search(head_of(path)) else _SIPRI
    draft, directed = _rows(path, layout)
    draft = draft.assign(**draft.rows[["first", "second"]].apply(_marked))
    draft = draft.take(draft.rows.drop_duplicates("_raw"), step="merge lines that are alike")
    return _reading(draft, layout, directed=directed, path=path)


def _marked(names: pd.Series) -> pd.Series:
    """Return the names with the codes of non-states in place of theirs, without marks."""
    text = names.str.strip()
    bare = text.str.rstrip("*")
    words = bare.map(fold, na_action="ignore")
    non_state = text.str.endswith("*", na=False) & ~text.str.endswith("**", na=False)
    codes = "NS-" + words.str.replace(" ", "-", regex=False).str.upper()
    return bare.where(~(non_state & words.ne("")), codes)


def read_cow_alliances(path: Path) -> Reading:
    """
    Read the formal alliances of the Correlates of War, by dyad and year, directed or not.

    A row of the file is a treaty: several of one dyad-year are one dyad-year here, with 1
    where any of them has the pledge. Both files have the same columns, so a file is directed
    where most of its dyads are in both orders; otherwise the pair is in the order of the
    alphabet. The file names allies only: an absent dyad is no alliance among its states and
    years, and a state that never allied is missing. Years before 1945 are rejected.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, value 0 or 1: ``alliance_defence``, ``alliance_neutrality``,
        ``alliance_nonaggression``, ``alliance_entente``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    draft, directed = _rows(path, _COW_ALLIANCES)
    return _reading(draft, _COW_ALLIANCES, directed=directed, path=path)


def read_atop(path: Path) -> Reading:
    """
    Read alliance obligations of ATOP by dyad and year, directed (ddyr) or not (dy).

    In the directed file ``first`` has the obligation towards ``second``: look up both orders.
    ``alliance_any`` can be 1 with no obligation of the first at all. In the other file the pair
    is in the order of the alphabet. Years after 2018 are missing; those before 1945 rejected.

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
    draft, directed = _rows(path, _ATOP)
    return _reading(draft, _ATOP, directed=directed, path=path)


def read_trade(path: Path) -> Reading:
    """
    Read trade in goods per exporter, importer and year, as each side reports it.

    The same flow is reported twice and the two are never merged: exports free on board by the
    exporter, and imports with insurance and freight by the importer. A sanctioned state that
    stops reporting is still in the reports of its partners. The exporter is first in both. A
    trade balance has the reporting state first.

    Values are US dollars in the scale of the file, which has no column for it (the portal
    wrote dollars, the service of the same data millions): check one known flow. An empty
    cell and an absent row are missing, not zero. Only years are read: columns of months and
    quarters are not read, rows of them are rejected. Rows of the world, regions and groups are
    rejected and listed; ``EU`` counts its members twice where both are summed.

    The three layouts of the portal are read: a column per year (rows of another ``Attribute``
    than ``Value`` are merged into it), a row per value, and a column per indicator.

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
    return draft.take(cells, step="expand years and indicators")


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
    text = names.str.strip().str.replace("Rep.", "Republic").str.replace("Dem.", "Democratic")
    text = text.str.removeprefix("China, P.R.: ").str.replace("Mainland", "China")
    return text.str.replace(f"^{_TITLE.pattern}$", r"\1", regex=True)


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
    draft = _parties(draft, layout)
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
    draft = draft.take(rows, step="expand measures")
    rows = rows.sort_values(["measure", *keys[:4]])
    coverage = Coverage(
        source=layout.key,
        first=rows["date"].min().date(),
        last=rows["date_last"].max().date(),
        states=frozenset(rows["first"]) | frozenset(rows["second"]),
    )
    draft = replace(draft, rows=rows.assign(directed=directed, lower=np.nan, upper=np.nan))
    return as_reading(draft, "dyads", key=layout.key, paths=[path], coverage=coverage)


def _years(draft: Draft) -> Draft:
    """Give each row its first and last day; several years are joined by ``;``."""
    text = draft.rows["year"]
    years = text.str.split(";", expand=True).apply(pd.to_numeric, errors="coerce")
    first, last = years.min(axis=1), years.max(axis=1)
    whole = years.mod(1).fillna(0).eq(0).all(axis=1)
    written = whole & years.notna().sum(axis=1).eq(text.str.count(";") + 1)
    valid = first.ge(_FIRST_YEAR) & last.le(_LAST_YEAR) & written
    early = first.between(0, _FIRST_YEAR - 1)
    draft = draft.reject(
        (~valid, "no year: ", text),
        (early, "before 1945, when our codes of states begin: ", text),
        step="check years",
    )
    first, last = (end[valid].astype("int64").astype("str") for end in (first, last))
    return draft.assign(
        date=pd.to_datetime(first + "-01-01").astype("datetime64[us]"),
        date_last=pd.to_datetime(last + "-12-31").astype("datetime64[us]"),
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


def _parties(draft: Draft, layout: _Layout) -> Draft:
    """Resolve a party at the year's last day, or at its first where it did not see the last."""
    given = draft.rows[["first", "second"]].apply(lambda side: side.str.strip())
    # A code of a non-state that its reader has given stays: no table lists them.
    others = given.where(given.apply(lambda side: side.str.startswith("NS-", na=False)))
    draft = draft.assign(**given.mask(others.notna()))
    sides, system, succession = ("first", "second"), layout.system, layout.succession
    draft = resolve_parties(draft, sides, system=system, succession=succession, at="last")
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
