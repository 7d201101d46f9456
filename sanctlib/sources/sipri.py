"""Arms transfers: the trade register of the Stockholm International Peace Research Institute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from sanctlib.codes.labels import fold
from sanctlib.reading import Reading
from sanctlib.sources.dyads import DyadLayout, dyad_draft, dyad_reading

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
