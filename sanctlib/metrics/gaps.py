"""Gaps: how far apart two states vote, session by session."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sanctlib.errors import SanctlibError
from sanctlib.frames import AnyTable, opened
from sanctlib.metrics.pairs import check_pair
from sanctlib.schema import Pair
from sanctlib.sources.ideal_points import MEASURE, SESSION_ZERO, read_gaps

_VALUES = ["value", "lower", "upper"]


def ideal_point_gap(gaps: AnyTable, *, pair: Pair) -> pd.DataFrame:
    """
    Return the gap between the voting positions of two states, per session of the UN.

    The table we ship holds the gaps of four states to all others. From the producer's file
    (Bailey, Strezhnev and Voeten 2017) any pair has one: a gap cannot be had from two other
    gaps, which have lost their signs. The interval, at 90 %, takes the two positions for
    independent. The scale is relative to all voters and moves with the agenda: a narrower
    gap is not by itself a warmer relation. The Soviet Union is not Russia.

    Parameters
    ----------
    gaps : Reading, frame or path
        ``sl.load("un_ideal_points")``, what `sl.read` made of the producer's file, or the
        path of that file.
    pair : tuple of two states
        The order does not matter.

    Returns
    -------
    gap : DataFrame
        ``session``, ``date`` (1 January of the year it opens), ``first``, ``second``,
        ``value``, ``lower``, ``upper``: a row per session from the first to the last with a
        gap, missing where there was no vote (session 19), never zero.

    Raises
    ------
    UnknownChoiceError
        For a code that is no state's.
    SanctlibError
        When the table holds no gap of the pair, or is of another kind.
    SourceError, MissingColumnsError
        When the file is not the producer's.

    Examples
    --------
    >>> import sanctlib as sl
    >>> gap = sl.ideal_point_gap(sl.load("un_ideal_points"), pair=("RUS", "IRN"))
    >>> gap[["session", "value", "lower", "upper"]].tail(1).to_dict("records")
    [{'session': 77, 'value': 1.6144, 'lower': 1.2759, 'upper': 1.9529}]
    """
    who = "ideal_point_gap"
    check_pair(pair, needed_by=who)
    first, second = sorted(pair)
    from_file = isinstance(gaps, str | Path) and Path(gaps).is_file()
    if from_file and Path(str(gaps)).suffix != ".parquet":
        gaps = read_gaps(Path(str(gaps)), focal=pair)
    with opened(gaps, needed_by=who) as source:
        if source.kind != "dyads":
            raise SanctlibError(f"{who} needs dyads, and {source.name!r} holds {source.kind}.")
        table = source.small(needed_by=who)
    held = table[table["measure"].eq(MEASURE)]
    of_pair = held[held["first"].eq(first) & held["second"].eq(second)]
    if of_pair.empty:
        msg = f"{who}: there is no gap of {first} and {second} in {source.name!r}. What we ship"
        msg += " has those of China, Iran, Russia, the Soviet Union and the United States to all;"
        raise SanctlibError(
            f"{msg} with the path of the producer's file any two that met have one."
        )
    of_session = of_pair.set_index(of_pair["date"].dt.year - SESSION_ZERO)[_VALUES]
    sessions = pd.RangeIndex(of_session.index.min(), of_session.index.max() + 1, name="session")
    gap = of_session.reindex(sessions).reset_index()
    year = (gap["session"] + SESSION_ZERO).astype("str")
    gap.insert(1, "date", pd.to_datetime(year + "-01-01").astype("datetime64[us]"))
    gap.insert(2, "first", first)
    gap.insert(3, "second", second)
    return gap.astype({"first": "str", "second": "str"})
