"""Read UN General Assembly ideal points. Return a reading of gaps between states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft, as_reading, resolve_parties
from sanctlib.sources.sheets import draft_of
from sanctlib.sources.text import check_header, delimiter_of

_KEY = "un_ideal_points"
COLUMNS = ("ccode", "session", "IdealPointAll", "Q5%All", "Q95%All")
MEASURE = "ideal_point_gap"
VOTES = {"all": "all votes", "fp": "final passage"}
"""The votes of an estimate, by the end of its column: since 2025 a file has both."""
SESSION_ZERO = 1945
"""Session s opens in the year 1945 + s."""
_Z = 1.6448536269514722  # the 95 % quantile of the normal distribution


def read_gaps(path: Path, *, focal: Sequence[str] = ("CHN", "IRN", "RUS", "USA")) -> Reading:
    """
    Read ideal points as gaps: the absolute distance of each pair with a focal state.

    The unit is the General Assembly session, dated by the year it opens, 1945 + session;
    session 19 (1964) took no votes and is missing. The file gives quantiles for each state
    alone. The interval of a gap, at 90 %, treats the two positions as independent and
    roughly normal; it ends at zero below. The scale is relative to all voters and moves
    with the agenda, so a narrower gap is not by itself a warmer relation.

    States are known by their Correlates of War number at the end of the year, or by the end
    of the session where they joined during it: the file's ISO codes call the Soviet Union
    ``RUS``, Serbia ``YUG`` and both Yemens ``YAR``. A state that was gone by then counts
    as its successor, as its seat did.

    Later releases hold a year in place of the session, and two estimates: from all votes, and
    from votes on the final passage of resolutions (``IdealPointFP``). Each is a measure of its
    own, since the answer depends on it.

    Returns
    -------
    Reading
        Of kind ``"dyads"``, measures ``ideal_point_gap all votes`` and ``… final passage``,
        ``first`` < ``second``.

    Raises
    ------
    SourceError, MissingColumnsError
    """
    draft, _ = draft_of(path, delimiter=delimiter_of(path), encoding="utf-8", code=None)
    draft = _estimates(draft)
    check_header(draft, COLUMNS)
    draft = _positions(draft)
    pairs = _gaps(draft.rows, focal)
    if pairs.empty:
        raise SourceError(f"{path.name!r} has no session with two states to compare.")
    draft = draft.take(pairs, step="form pairs with the focal states")
    years = pairs["date"].dt.year
    silent = sorted(set(range(years.min(), years.max())) - set(years))
    coverage = Coverage(
        source=_KEY,
        first=pairs["date"].min().date(),
        last=pairs["date_last"].max().date(),
        gaps=tuple((date(y, 1, 1), date(y, 12, 31), "no votes in the file") for y in silent),
    )
    return as_reading(draft, "dyads", key=_KEY, paths=[path], coverage=coverage)


def _estimates(draft: Draft) -> Draft:
    """Give each estimate of a row a row of its own, with columns named as in 2023."""
    rows = draft.rows
    plain = {c.lower().replace("%", ""): c for c in reversed(rows.columns)}
    if "session" not in plain and "year" in plain:
        year = pd.to_numeric(rows[plain["year"]], errors="coerce")
        rows, plain["session"] = rows.assign(session=(year - SESSION_ZERO).astype("str")), "session"
    parts = []
    for votes, words in VOTES.items():
        theirs = {c: c.lower().replace("%", "").replace("all", votes) for c in COLUMNS}
        names = {plain[told]: ours for ours, told in theirs.items() if told in plain}
        if f"idealpoint{votes}" in plain:
            origin = [c for c in ORIGIN_COLUMNS if c in rows]
            parts.append(rows[[*names, *origin]].rename(columns=names).assign(votes=words))
    if len(parts) < 2:
        return replace(draft, rows=parts[0] if parts else rows)
    # A row without an estimate stays once, to be rejected.
    blank = [part["IdealPointAll"].fillna("").str.strip().eq("") for part in parts]
    kept = [part[~no] for part, no in zip(parts, blank, strict=True)]
    kept.append(parts[0][np.logical_and.reduce(blank)])
    return draft.take(pd.concat(kept, ignore_index=True), step="give each estimate a row")


def _positions(draft: Draft) -> Draft:
    """Give the positions as numbers, each with its state and the days of its session."""
    cells = draft.rows[list(COLUMNS[1:])]
    numbers = cells.apply(pd.to_numeric, errors="coerce").astype("float64")
    valid = numbers.abs().lt(np.inf)
    valid["session"] &= numbers["session"].between(1, 155) & numbers["session"].mod(1).eq(0)
    draft = draft.assign(**numbers).reject(
        *((~valid[c], f"no {c}: ", cells[c]) for c in cells), step="check positions"
    )
    year = (SESSION_ZERO + draft.rows["session"]).astype("int64")
    # A state that joined during the session is one by its end, in the next September.
    draft = draft.assign(
        date=pd.to_datetime(year.astype("str") + "-12-31"),
        date_last=pd.to_datetime((year + 1).astype("str") + "-09-15"),
        state=draft.rows["ccode"],
    )
    draft = resolve_parties(draft, ("state",), system="cow", succession="dominant")
    rows = draft.rows
    nobody = rows["state"].isna()
    twice = rows.duplicated(["state", "session", "votes"], keep=False) & ~nobody
    return draft.reject(
        (nobody, "no state number: ", rows["ccode"]),
        (twice, "two rows of one state in this session"),
        step="check states",
    )


def _gaps(rows: pd.DataFrame, focal: Sequence[str]) -> pd.DataFrame:
    """Return the distances of the focal states to all others, with intervals."""
    wanted = [*focal, "SUN"] if "RUS" in focal else list(focal)
    points = pd.DataFrame(
        {
            "state": rows["state"],
            "session": rows["session"].astype("int64"),
            "votes": rows["votes"],
            "x": rows["IdealPointAll"],
            "sd": (rows["Q95%All"] - rows["Q5%All"]) / (2 * _Z),
        }
    )
    pairs = points[points["state"].isin(wanted)].merge(
        points, on=["session", "votes"], suffixes=("", "_b")
    )
    pairs = pairs[pairs["state"].ne(pairs["state_b"])]
    states = pairs[["state", "state_b"]]
    gap = (pairs["x"] - pairs["x_b"]).abs()
    margin = _Z * np.hypot(pairs["sd"], pairs["sd_b"])
    year = (SESSION_ZERO + pairs["session"]).astype("str")
    out = pd.DataFrame(
        {
            "measure": MEASURE + " " + pairs["votes"],
            "first": states.min(axis=1),
            "second": states.max(axis=1),
            "date": pd.to_datetime(year + "-01-01"),
            "date_last": pd.to_datetime(year + "-12-31"),
            "value": gap.round(4),
            "lower": (gap - margin).clip(lower=0).round(4),
            "upper": (gap + margin).round(4),
        }
    )
    keys = ["measure", "first", "second", "date"]
    return out.drop_duplicates(keys).sort_values(keys, ignore_index=True)
