"""Small made tables that the tests of known faults share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

import sanctlib as sl

YEAR = sl.Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 12, 31))
DECADE = sl.Coverage(source="own", first=date(2010, 1, 1), last=date(2019, 12, 31))

_FAMILY = {"impose": "sanction", "verbal": "conflict"}


def events(rows: Sequence[tuple[str, str, str, str]], **columns: object) -> pd.DataFrame:
    """Return events: a row per (day, sender, target, action)."""
    table = pd.DataFrame(rows, columns=["date", "sender", "target", "action"])
    day = pd.to_datetime(table["date"]).astype("datetime64[us]")
    numbers = [str(i) for i in range(len(rows))]
    made = {"source": "own", "event_id": numbers, "act_id": numbers, "mutual": False}
    family = table["action"].map(_FAMILY).fillna("cooperation")
    return table.assign(date=day, date_last=day, family=family, **made | columns)


def year_of_events() -> pd.DataFrame:
    """Return one visit of Russia to Iran, one of Turkey, and one US sanction in each month."""
    rows = []
    for month in range(1, 13):
        rows += [
            (f"2018-{month:02d}-03", "RUS", "IRN", "visit"),
            (f"2018-{month:02d}-09", "TUR", "IRN", "economic"),
            (f"2018-{month:02d}-12", "RUS", "TUR", "consult"),
            (f"2018-{month:02d}-17", "USA", "IRN", "impose"),
            (f"2018-{month:02d}-21", "EU", "RUS", "impose"),
        ]
    return events(rows)


def cells_of_a_year() -> pd.DataFrame:
    """Return the same acts as monthly cells."""
    return frame_of_cells(
        [
            (f"2018-{month:02d}-01", sender, target, action, 1)
            for month in range(1, 13)
            for sender, target, action in [
                ("RUS", "IRN", "visit"),
                ("TUR", "IRN", "economic"),
                ("RUS", "TUR", "consult"),
                ("USA", "IRN", "impose"),
                ("EU", "RUS", "impose"),
            ]
        ]
    )


def frame_of_cells(rows: Sequence[tuple[str, str, str, str, float]]) -> pd.DataFrame:
    """Return cells: a row per (period, sender, target, action, acts)."""
    names = ["period", "sender", "target", "action", "n_acts"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(
        period=pd.to_datetime(table["period"]).astype("datetime64[us]"),
        mutual=False,
        family=table["action"].map(_FAMILY).fillna("cooperation"),
        n_rows=table["n_acts"],
    )


def cases(rows: Sequence[tuple[str, str, str, str | None]], **columns: object) -> pd.DataFrame:
    """Return cases: a row per (sender, target, first day, last day or None)."""
    table = pd.DataFrame(rows, columns=["sender", "target", "start", "end"])
    start = pd.to_datetime(table["start"]).astype("datetime64[us]")
    end = pd.to_datetime(table["end"]).astype("datetime64[us]")
    made: dict[str, Any] = {"source": "own", "case_id": [str(i) for i in range(len(rows))]}
    made |= {"start": start, "start_last": start, "end": end, "end_last": end}
    made |= {"ongoing": end.isna(), "imposed": True}
    return table.assign(**made | columns)


def listings(
    rows: Sequence[tuple[str, str, str, str | None]], *, name: str = "US SDN", **columns: object
) -> pd.DataFrame:
    """Return listings: a row per (entity, programme, day of listing, day of removal or None)."""
    table = pd.DataFrame(rows, columns=["entity_id", "programme", "listed", "delisted"])
    made: dict[str, Any] = {"source": "own", "list": name, "listing_id": table["entity_id"]}
    made |= {day: pd.to_datetime(table[day]).astype("datetime64[us]") for day in table.columns[2:]}
    return table.assign(entity_type="entity", **made | columns)


def own(rows: Sequence[Sequence[object]], names: str = "d s t", **options: Any) -> sl.Reading:
    """Read own rows of a day, a sender and a target as sanctions, or as `options` say."""
    options.setdefault("columns", {"date": "d", "sender": "s", "target": "t"})
    if not {"action", "code"} & set(options["columns"]):
        options.setdefault("constants", {"action": "impose"})
    return sl.read_table(pd.DataFrame(rows, columns=names.split()), **options)


def on_days(*days: str, **options: Any) -> sl.Reading:
    """Read one sanction of France on Iran per day."""
    return own([(day, "France", "Iran") for day in days], **options)


def panel(n: int = 35, n_periods: int = 6, seed: int = 0) -> pd.DataFrame:
    """Return a panel of pairs with a count `y` and a number `x` that has no effect."""
    rng = np.random.default_rng(seed)
    pairs = itertools.combinations([f"S{a:02d}" for a in range(n)], 2)
    rows = [(*p, pd.Timestamp(2010 + t, 1, 1)) for p in pairs for t in range(n_periods)]
    table = pd.DataFrame(rows, columns=["first", "second", "period"])
    y, x = rng.poisson(2, len(table)), rng.normal(size=len(table))
    return table.assign(y=y, x=x, covered=True)


def units(n: int = 8, n_periods: int = 20) -> pd.DataFrame:
    """Return yearly values of some units that differ in level and share a trend."""
    rng = np.random.default_rng(0)
    rows = [
        (f"U{i}", 2000 + t, float(i + t + rng.normal())) for i in range(n) for t in range(n_periods)
    ]
    return pd.DataFrame(rows, columns=["unit", "period", "y"])


def months(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return a monthly series of two independent counts."""
    rng = np.random.default_rng(seed)
    period = pd.date_range("2010-01-01", periods=n, freq="MS")
    return pd.DataFrame(
        {"period": period, "y": rng.poisson(8, n) * 1.0, "x": rng.poisson(5, n) * 1.0}
    )
