"""UN General Assembly ideal points: one position per state and session, with quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from sanctlib.cleaning.draft import Draft
from sanctlib.codes.countries import is_state_code
from sanctlib.coverage import Coverage
from sanctlib.reading import Reading
from sanctlib.sources.producers import provenance
from sanctlib.sources.text import check_header, read_text

COLUMNS = ("ccode", "session", "IdealPointAll", "Q5%All", "Q95%All", "iso3c")
LEVEL = 0.90
_Z = 1.6448536269514722  # the 95 % quantile of the normal distribution
_USSR_LAST_SESSION = 46  # the seat passed to Russia in December 1991, within session 46


def read_gaps(path: Path, *, focal: Sequence[str] = ("CHN", "IRN", "RUS", "USA")) -> Reading:
    """
    Read ideal points as gaps: the absolute distance of each pair with a focal state.

    The unit is the General Assembly session, dated by the year it opens, 1945 + session;
    session 19 (1964) took no votes and is missing. The file gives quantiles for each state
    alone. The interval of a gap, at 90 %, treats the two positions as independent and
    roughly normal; it ends at zero below. The scale is relative to all voters and moves
    with the agenda, so a narrower gap is not by itself a warmer relation.

    Rows of a code that stands for two states in one session (the two Yemens as ``YAR``)
    are rejected: nobody could tell which is meant. The file calls the Soviet Union
    ``RUS``; up to session 45 it is ``SUN`` here.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, measure ``ideal_point_gap``, ``first`` < ``second``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    path = Path(path)
    draft = read_text(path)
    check_header(draft, COLUMNS, needed_by="The reader of UN ideal points")
    draft = _positions(draft)
    pairs = _gaps(draft.rows, focal)
    draft = _as_pairs(draft, pairs)
    table = draft.rows
    return Reading(
        kind="dyads",
        table=table,
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=Coverage(
            source="un_ideal_points",
            first=table["date"].min().date(),
            last=table["date_last"].max().date(),
        ),
        provenance=provenance("un_ideal_points", path),
    )


def _positions(draft: Draft) -> Draft:
    rows = draft.rows.copy()
    for column in ("session", "IdealPointAll", "Q5%All", "Q95%All"):
        rows[column] = pd.to_numeric(rows[column], errors="coerce")
    numbers = rows[["session", "IdealPointAll", "Q5%All", "Q95%All"]]
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[numbers.isna().any(axis=1)] = "not a number"
    nobody = ~rows["iso3c"].map(is_state_code)
    reasons[nobody] = "no state code: " + rows["iso3c"][nobody].map(repr)
    ussr = rows["iso3c"].eq("RUS") & rows["session"].lt(_USSR_LAST_SESSION)
    rows.loc[ussr, "iso3c"] = "SUN"
    twice = rows.duplicated(["iso3c", "session"], keep=False) & reasons.isna()
    reasons[twice] = "the code stands for two states in this session"
    return replace(draft, rows=rows).reject(reasons, step="check positions")


def _gaps(rows: pd.DataFrame, focal: Sequence[str]) -> pd.DataFrame:
    wanted = [*focal, "SUN"] if "RUS" in focal else list(focal)
    sd = (rows["Q95%All"] - rows["Q5%All"]) / (2 * _Z)
    points = pd.DataFrame(
        {
            "state": rows["iso3c"],
            "session": rows["session"].astype("int64"),
            "x": rows["IdealPointAll"],
            "sd": sd,
        }
    )
    pairs = points[points["state"].isin(wanted)].merge(points, on="session", suffixes=("", "_b"))
    pairs = pairs[pairs["state"].ne(pairs["state_b"])]
    low = pairs[["state", "state_b"]].min(axis=1)
    high = pairs[["state", "state_b"]].max(axis=1)
    gap = (pairs["x"] - pairs["x_b"]).abs()
    half = _Z * np.hypot(pairs["sd"], pairs["sd_b"])
    year = (1945 + pairs["session"]).astype("str")
    out = pd.DataFrame(
        {
            "source": "un_ideal_points",
            "measure": "ideal_point_gap",
            "first": low,
            "second": high,
            "date": pd.to_datetime(year + "-01-01"),
            "date_last": pd.to_datetime(year + "-12-31"),
            "value": gap.round(4),
            "lower": (gap - half).clip(lower=0).round(4),
            "upper": (gap + half).round(4),
        }
    )
    out = out.drop_duplicates(["first", "second", "date"])
    return out.sort_values(["first", "second", "date"], ignore_index=True)


def _as_pairs(draft: Draft, pairs: pd.DataFrame) -> Draft:
    n = len(draft.rows)
    step = "form pairs with the focal states"
    if len(pairs) >= n:
        return draft.written_out(pairs, step=step)
    return draft.merged_into(pairs, step=step)
