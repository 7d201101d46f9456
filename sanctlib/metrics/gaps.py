"""Measure the gap between the voting positions of states. Read gaps; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path

import pandas as pd

from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError
from sanctlib.metrics.pairs import in_names, way_in_names
from sanctlib.metrics.questions import check_kind
from sanctlib.query import Pair, ask, parties_of
from sanctlib.result import Result
from sanctlib.sources.ideal_points import MEASURE, SESSION_ZERO, read_gaps

_VALUES = ["value", "lower", "upper"]
_IN_FINDINGS = 5
"""Pairs about which the findings have a sentence."""


def voting_gap(
    gaps: AnyTable,
    *,
    pair: Pair | Sequence[Pair] | None = None,
    states: Sequence[str] | None = None,
) -> Result:
    """
    Measure how far apart states vote in the UN General Assembly, per session.

    The shipped table holds the gaps of China, Iran, Russia, the Soviet Union and the United
    States to all others. The producer's file (Bailey, Strezhnev and Voeten 2017) gives the
    gap of any pair: it cannot be computed from two other gaps, which have no sign. The
    interval, at 90 %, treats the two positions as independent. The scale is relative to all
    voters and moves with the agenda, so a narrower gap is not by itself friendship. The
    Soviet Union is not Russia.

    Parameters
    ----------
    gaps : Reading, Result, frame or path
        ``sl.load("un_ideal_points")``, what `sl.read` returns for the producer's file, or the
        path of that file.
    pair : tuple of two states, or several of them, optional
        Codes or names, in either order.
    states : sequence of str, optional
        In place of `pair`: all pairs of these states of which the table has a gap.

    Returns
    -------
    Result
        Its table has ``period`` (1 January of the year in which the session opens),
        ``session``, ``first``, ``second``, ``value`` (distance of ideal points) with
        ``lower`` and ``upper``: for each pair a row per session from its first to its last
        gap, missing where there was no vote (session 19), never 0.

    Raises
    ------
    UnknownChoiceError
        For a code or name that is no state's.
    SanctlibError
        If the table holds no gap of a pair, or is of another kind.
    SourceError, MissingColumnsError
        If the file is not the producer's.

    References
    ----------
    Bailey, M. A., Strezhnev, A. and Voeten, E. (2017). Estimating dynamic state preferences
    from United Nations voting data. Journal of Conflict Resolution 61.

    Examples
    --------
    >>> import sanctlib as sl
    >>> gap = sl.voting_gap(sl.load("un_ideal_points"), pair=("IRN", "RUS"))
    >>> gap.table[["session", "value", "lower", "upper"]].tail(1).to_dict("records")
    [{'session': 77, 'value': 1.6144, 'lower': 1.2759, 'upper': 1.9529}]
    """
    if (pair is None) == (states is None):
        raise SanctlibError("Name either pair=('IRN', 'RUS') or states=['IRN', 'RUS', 'USA'].")
    if states is not None:
        named = sorted(parties_of(states, what="states") or ())
        pair = list(combinations(named, 2))
    query = ask(pair=pair)
    pairs = query.pairs or ()
    if isinstance(gaps, str | Path) and Path(gaps).is_file() and Path(gaps).suffix != ".parquet":
        gaps = read_gaps(Path(gaps), focal=sorted({state for two in pairs for state in two}))
    with opened(gaps) as source:
        check_kind(source, "dyads")
        table = source.small()
    held = table[table["measure"].eq(MEASURE)]
    if states is not None:
        there = set(zip(held["first"], held["second"], strict=True))
        pairs = tuple(two for two in pairs if two in there)
        query = replace(query, pairs=pairs)
    none = held.iloc[:0].rename(columns={"date": "period"}).assign(session=0)
    none = none[["period", "session", "first", "second", *_VALUES]]
    each = [_of_pair(held, two, name=source.name) for two in pairs]
    found = pd.concat(each, ignore_index=True) if each else none
    blank = sorted({int(s) for s in found.loc[found["value"].isna(), "session"]})
    sessions = ", ".join(map(str, blank))
    missing = (f"Sessions without a value are missing: {sessions}.",) if blank else ()
    return Result(
        table=found,
        kind="gap",
        name=f"Gap between the voting positions of {in_names(query.pairs)}",
        query=query,
        unit="gaps, one per pair and session of the UN General Assembly",
        n=int(found["value"].notna().sum()),
        sources=(source.source,),
        notes=(
            "Interval: 90%, the two states treated as independent.",
            "The scale is relative to all voters and moves with the agenda.",
            *missing,
        ),
        findings=_findings(found, source.source.described()),
    )


def _of_pair(held: pd.DataFrame, two: Pair, *, name: str) -> pd.DataFrame:
    """Return a row per session from the first to the last gap of a pair."""
    first, second = two
    of_pair = held[held["first"].eq(first) & held["second"].eq(second)]
    if of_pair.empty:
        msg = f"{name!r} has no gap of {first} and {second}. The shipped table has those of China,"
        msg += " Iran, Russia, the Soviet Union and the United States to all others; for another"
        raise SanctlibError(f"{msg} pair pass the path of the producer's file.")
    of_session = of_pair.set_index(of_pair["date"].dt.year - SESSION_ZERO)[_VALUES]
    sessions = pd.RangeIndex(of_session.index.min(), of_session.index.max() + 1, name="session")
    gap = of_session.reindex(sessions).reset_index()
    year = (gap["session"] + SESSION_ZERO).astype("str")
    gap.insert(0, "period", pd.to_datetime(year + "-01-01").astype("datetime64[us]"))
    gap.insert(2, "first", first)
    gap.insert(3, "second", second)
    return gap.astype({"first": "str", "second": "str"})


def _findings(found: pd.DataFrame, source: str) -> tuple[str, ...]:
    """Return the first and the last gap of each of the first pairs, with their intervals."""
    sentences = []
    for way, rows in islice(found.groupby(["first", "second"], sort=False), _IN_FINDINGS):
        seen = rows[rows["value"].notna()]
        said = [
            f"{row['value']:.2f} in {row['period'].year} (90% interval {row['lower']:.2f} to "
            f"{row['upper']:.2f})"
            for row in seen.iloc[sorted({0, len(seen) - 1})].to_dict("records")
        ]
        whose = way_in_names(way, directed=False)
        sentences.append(f"{whose}: gap of {' and '.join(said)} ({source}).")
    return tuple(sentences)
