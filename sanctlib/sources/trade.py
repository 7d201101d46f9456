"""Bilateral trade in the layout of the IMF's Direction of Trade Statistics."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.reading import Reading
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft, empty_to_null
from sanctlib.sources.dyads import DyadLayout, dyad_reading
from sanctlib.sources.text import check_header, read_text

EXPORTS, IMPORTS = "exports_reported_by_exporter", "imports_reported_by_importer"
INDICATORS = {
    "TXG_FOB_USD": ("Goods, Value of Exports, Free on board (FOB), US Dollars", EXPORTS),
    "TMG_CIF_USD": (
        "Goods, Value of Imports, Cost, Insurance, Freight (CIF), US Dollars",
        IMPORTS,
    ),
    "TMG_FOB_USD": (
        "Goods, Value of Imports, Free on board (FOB), US Dollars",
        "imports_fob_reported_by_importer",
    ),
    "TBG_USD": ("Goods, Value of Trade Balance, US Dollars", "balance_reported_by_first"),
}
MEASURES = {code: measure for code, (_, measure) in INDICATORS.items()}
YEARS = [str(year) for year in range(1945, 2101)]
_PANEL = {f"{name} ({code})": code for code, (name, _) in INDICATORS.items()}
_IDS = ("Country Name", "Counterpart Country Name")
_ROW = ("Indicator Code", "Time Period", "Attribute")
_RAW = 200
# "Kazakhstan, Rep. of": the title goes, but not where it alone tells two states apart.
_TITLE = re.compile(
    r"(?!Korea|Congo)(.+), (?:(?:The|Republica?|Rep|Democratic|Islamic|Arab|Federal|Federated|"
    r"States?|Kingdom|Principality|United|Union|Bolivariana|SFR|Netherlands|of|the|de)\s*)+"
)

LAYOUT = DyadLayout(
    key="trade",
    sides={_IDS: True},
    year="Time Period",
    measures={"value": "value"},
    system="name",
    holds="number",
)


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
    also = [*_ROW, "Value", *YEARS, *_PANEL]
    draft = read_text(path, needed=_IDS, also=also)
    # What no column is named after, a column of its own must say.
    instead = {"Time Period": YEARS, "Indicator Code": _PANEL, "Value": (*YEARS, *_PANEL)}
    missing = [c for c, names in instead.items() if set(draft.rows).isdisjoint(names)]
    check_header(draft, missing)
    draft = _flows(_cells(_without_status(empty_to_null(draft))))
    return dyad_reading(draft, LAYOUT, directed=True, path=path)


def _without_status(draft: Draft) -> Draft:
    if "Attribute" not in draft.rows:
        return draft
    attribute = draft.rows["Attribute"].str.strip()
    kept = draft.rows[attribute.isna() | attribute.eq("Value")]
    return draft.merged_into(kept, step="merge rows of status into their values")


def _cells(draft: Draft) -> Draft:
    """Write out every cell with a value: its year or its indicator is the name of its column."""
    columns = [c for c in draft.rows if c == "Value" or c in YEARS or c in _PANEL]
    reasons = pd.Series(pd.NA, index=draft.rows.index, dtype="object")
    reasons[draft.rows[columns].isna().all(axis=1)] = "no value"
    draft = draft.reject(reasons, step="check values")
    # A row of all years is long, and would be kept once for each of them.
    rows = draft.rows.assign(_raw=draft.rows["_raw"].str.slice(0, _RAW))
    ids = [c for c in (*_IDS, *_ROW, *ORIGIN_COLUMNS) if c in rows]
    cells = rows.melt(id_vars=ids, value_vars=columns, var_name="column").dropna(subset="value")
    cells = cells.reset_index(drop=True)
    column = cells["column"].astype("str")
    cells["year"] = column.where(column.isin(YEARS), cells.get("Time Period"))
    cells["code"] = column.map(_PANEL).fillna(cells.get("Indicator Code"))
    return draft.written_out(cells, step="write out years and indicators")


def _flows(draft: Draft) -> Draft:
    rows = draft.rows
    code = rows["code"].str.strip()
    measure = code.map(MEASURES)
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[measure.isna()] = "unknown indicator " + code[measure.isna()].map(repr)
    reasons[code.isna()] = "no indicator"
    below = pd.to_numeric(rows["value"], errors="coerce").lt(0)
    reasons[below & measure.isin([EXPORTS, IMPORTS])] = "a flow below zero"
    imports = measure.str.startswith("imports", na=False)
    reporter, partner = _plain(rows[_IDS[0]]), _plain(rows[_IDS[1]])
    flows = rows[[*ORIGIN_COLUMNS, "year", "value"]].assign(
        measure=measure,
        first=partner.where(imports, reporter),
        second=reporter.where(imports, partner),
    )
    return replace(draft, rows=flows).reject(reasons, step="check indicators")


def _plain(names: pd.Series) -> pd.Series:
    """Return the Fund's names without its short forms and titles."""

    def plain(name: str) -> str:
        text = name.strip().replace("Rep.", "Republic").replace("Dem.", "Democratic")
        text = text.removeprefix("China, P.R.: ").replace("Mainland", "China")
        titled = _TITLE.fullmatch(text)
        return titled[1] if titled else text

    return names.map({name: plain(name) for name in names.dropna().unique()})
