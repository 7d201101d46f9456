"""ICEWS, the named quadruples of 2018: date, source, CAMEO code, relation, target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal, TypeAlias

import pandas as pd

from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.repeats import collapse_mirrors, deduplicate
from sanctlib.cleaning.rules import map_cameo, parse_dates, resolve_parties
from sanctlib.coverage import Coverage
from sanctlib.reading import Reading
from sanctlib.sources.producers import provenance
from sanctlib.sources.text import check_header, read_text

Actors: TypeAlias = Literal["state", "label"]
"""`state`: the actor is named as the state itself; `label`: also ``… (Russia)``."""

COLUMNS = ("date", "source", "cameo", "relation", "target")


def read_quadruples(path: Path, *, actors: Actors = "state") -> Reading:
    """
    Read the named quadruples into events, one row per act.

    Which names are a state is a choice: ``actors="state"`` takes only the state named
    as such ("Russia"), ``"label"`` also its labelled people and bodies ("Citizen
    (Russia)"). A person or a ministry without a label is unknown and stays as a row
    with a null party, which volumes need. The file holds no repeats of its own, so a
    row is an act on a day, never a report.

    Returns
    -------
    Reading
        Of kind ``"events"``; ``n_reports`` is the number of rows merged into an act.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    path = Path(path)
    draft = read_text(path, delimiter="\t", quoted=False)
    check_header(draft, COLUMNS, needed_by="The reader of ICEWS quadruples")
    rows = draft.rows.rename(columns={"source": "sender", "cameo": "code"})
    draft = replace(draft, rows=rows.drop(columns="relation"))
    draft = parse_dates(draft, ["date"], formats=["%Y-%m-%d"])
    draft = map_cameo(draft)
    draft = resolve_parties(_labels(draft) if actors == "label" else draft)
    draft = deduplicate(draft)
    draft = collapse_mirrors(draft)
    ids = "L" + draft.rows["_line"].astype("str")
    table = draft.table.assign(source="icews_2018", event_id=ids, act_id=ids, date_basis="coded")
    return Reading(
        kind="events",
        table=table,
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=Coverage(
            source="icews_2018",
            first=_day(table["date"].min),
            last=_day(table["date_last"].max),
        ),
        provenance=provenance("icews_2018", path),
        unmatched=draft.unmatched,
    )


def _labels(draft: Draft) -> Draft:
    rows = draft.rows.copy()
    for side in ("sender", "target"):
        # The last bracket names the country: "Citizen (Russia)".
        label = rows[side].str.extract(r"\(([^()]*)\)\s*$", expand=False)
        rows[side] = label.fillna(rows[side])
    return replace(draft, rows=rows)


def _day(bound: Callable[[], pd.Timestamp]) -> date:
    return bound().date()
