"""Compare acts of a pair with those its activity predicts. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.acts import KEYS, cells_of
from sanctlib.coverage import Coverage
from sanctlib.dates import PERIODS, Period, in_words, period_end, period_start
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.metrics._pair_acts import (
    EVERY_COMPONENT,
    Component,
    actions_of,
    acts_once,
    both_ways,
    existed_together,
    in_names,
    rows_by_pair,
    way_columns,
    ways_of,
)
from sanctlib.metrics._questions import (
    absent_from,
    are_states,
    check_kind,
    check_not_curated,
    check_span,
    periods_asked,
    silent_on,
)
from sanctlib.metrics.intervals import bootstrap_edges, percent
from sanctlib.query import Day, Pair, Query, ask, choices_of, flag_of, whole_of
from sanctlib.result import Result

Floats = NDArray[np.float64]

_ITERATIONS, _CLOSE = 2000, 1e-9
_UNKNOWN = dict.fromkeys(("n", "expected", "ratio", "lower", "upper", "interval"))
"""What is known of a pair in a period without any day covered, and of a state not named."""
_FEWEST_BLOCKS = 10
"""Blocks from which there is an interval: the spread of fewer is far too narrow."""


def observed_expected(
    table: AnyTable,
    *,
    pair: Pair | Sequence[Pair],
    every: Period,
    block: Period,
    components: Sequence[Component] = EVERY_COMPONENT,
    directed: bool = False,
    n_replicates: int = 500,
    seed: int = 1,
    level: float = 0.95,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Compare the acts of a pair with those that the activity of both would predict.

    Two busy states meet often whatever their relation. The expected acts are those of a
    quasi-independence model (Goodman 1968): the activity of one times that of the other,
    fitted to the margins of all pairs of states, without pairs of a state with itself. A
    ratio of 2 means twice as many acts as the activity of both predicts. It is relative to
    all other pairs of the period: it can rise because others meet less.

    The interval is a bootstrap over blocks (days, weeks), so acts that are reported together
    stay together. It describes the process of reporting, not a sample of states.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events, or cells of `block`: all acts of the source, not only those of the pair.
    pair : tuple of two states, or several of them
        Codes or names, in either order. With several pairs, each gets the same result as in
        a call of its own.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    block : {"day", "week", "month", "quarter"}
        Length of a resampled block, shorter than `every`. A block belongs to the period in
        which it begins: with weeks, a month has other days than in
        `partnership_intensity`.
    components : sequence of {"material", "meetings", "agreements", "other_cooperation"}
        Default all four. Their acts are counted together.
    directed : bool, default False
        Whether each direction has a row, ``sender`` towards ``target``, against the acts
        that each sends and receives; a mutual act counts in both. Otherwise each act counts
        once.
    n_replicates : int, default 500
        Replicates of the bootstrap.
    seed : int, default 1
        Of the bootstrap: the same seed gives the same interval.
    level : float, default 0.95
        Of the interval, between 0 and 1.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. Without
        coverage only observed periods are returned.

    Returns
    -------
    Result
        Its table has ``period`` (first day), ``first`` and ``second`` (directed: ``sender``
        and ``target``), ``n`` (acts), ``expected``, ``ratio`` with ``lower`` and ``upper``,
        ``interval`` (in words; missing where the bounds are), ``n_blocks``, ``n_states``
        (that acted with another), ``n_days`` (days of the period that the source covers) and
        ``covered`` (it covers a day, and none outside the span). The ratio is missing where the
        model has no solution (one state is in more than half of all acts), or expects no acts.
        The bounds are missing too with fewer than 10 blocks. Without an act of the pair, they
        are those of an exact Poisson interval.

    Raises
    ------
    CuratedError
        For a hand-picked list.
    CoverageError
        For a span of which the source covers no day.
    SanctlibError
        For blocks that are not shorter than the periods, a table of another kind, or two
        states that did not both exist in the span.

    Examples
    --------
    >>> days = pd.date_range("2018-01-01", "2018-01-30")
    >>> two = lambda a, b, n: pd.DataFrame({"period": days, "sender": a, "target": b,
    ...     "mutual": True, "family": "cooperation", "action": "agree", "n_acts": n})
    >>> acts = pd.concat([two("CHN", "IRN", 1), two("CHN", "RUS", 1), two("IRN", "RUS", 1),
    ...     two("CHN", "USA", 1), two("IRN", "USA", 1), two("RUS", "USA", 1)])
    >>> found = observed_expected(acts, pair=("IRN", "RUS"), every="month", block="day")
    >>> found.table[["n", "expected", "ratio", "lower", "upper"]].round(6).to_dict("records")
    [{'n': 30, 'expected': 30.0, 'ratio': 1.0, 'lower': 1.0, 'upper': 1.0}]
    """
    query = ask(
        pair=pair,
        every=every,
        start=start,
        end=end,
        level=level,
        block=check_choice(block, PERIODS, what="block"),
        components=choices_of(components, EVERY_COMPONENT, what="components"),
        directed=flag_of(directed, what="directed"),
        n_replicates=whole_of(n_replicates, what="n_replicates", least=1),
        seed=whole_of(seed, what="seed", least=0),
    )
    if query.pairs is None:
        raise SanctlibError("pair is None. Name one pair of states or more: ('IRN', 'RUS').")
    if PERIODS.index(block) >= PERIODS.index(every):
        msg = f"block is {block!r} and every is {every!r}. A block must be shorter than a period."
        raise SanctlibError(msg)
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate, interval or test")
        check_kind(source, "events", "cells")
        check_span(source, query)
        cells = cells_of(
            source,
            every=block,
            by=KEYS,
            start=query.start,
            end=query.end,
            keep={"action": actions_of(query)},
        )
        known = source.coverage
        states = {state for two in query.pairs for state in two}
        silent = absent_from(source, states, cells, replace(query, every=block))
    cells = cells[cells["period"].notna() & cells["family"].eq("cooperation")]
    cells = cells.assign(block=cells["period"], period=period_start(cells["period"], every=every))
    periods, whole = periods_asked(cells["period"], query, known, in_part=True)
    starts = pd.Series(periods)
    n_days = [] if known is None else list(known.days(starts, period_end(starts, every=every)))
    there = existed_together(query.pairs, periods, every=every)
    there = np.repeat(there, 2, axis=0) if directed else there
    between = are_states(cells["sender"]) & are_states(cells["target"])
    acts = both_ways(cells[between & cells["sender"].ne(cells["target"])], directed=directed)
    ways, columns = ways_of(query.pairs, directed=directed), way_columns(directed=directed)
    draw, rows = np.random.default_rng(seed), []
    for i, period in enumerate(periods):
        found = _ratios(acts[acts["period"].eq(period)], ways, draw, query)
        for way, of_way, existed in zip(ways, found, there, strict=True):
            named = not {*way} & {*silent}
            row = {"period": period, **dict(zip(columns, way, strict=True)), **of_way}
            covered = pd.NA if known is None else bool(whole[i] & existed[i] & named)
            if not named or (covered is False and not row["n"]):
                row |= _UNKNOWN
            rows.append(row | {"n_days": pd.NA if known is None else n_days[i], "covered": covered})
    rows = [row for k in range(len(ways)) for row in rows[k :: len(ways)]]
    numbers = ["n", "expected", "ratio", "lower", "upper", "interval", "n_blocks", "n_states"]
    ratios = pd.DataFrame(rows, columns=["period", *columns, *numbers, "n_days", "covered"])
    types = {"n": "Int64", "n_days": "Int64", "covered": "boolean"}
    types |= dict.fromkeys(("interval", *columns), "str")
    ratios = ratios.astype(types)
    notes = [
        *silent_on(source, silent),
        "Expected: acts if all states chose partners in proportion to their activity "
        "(quasi-independence, no state paired with itself).",
        "The ratio is relative to all other pairs: it can rise because others meet less.",
    ]
    if ratios["lower"].notna().any():
        words = f"{_bootstrap(query)} replicates; of reporting, not of a sample of states. "
        words += f"It is too narrow if acts in one {block} bring those in the next."
        notes.insert(-1, f"Interval: {words}")
    return Result(
        table=ratios,
        kind="expected",
        name=f"Observed over expected co-operation of {in_names(query.pairs, directed=directed)}",
        query=query,
        unit="reported acts of co-operation",
        n=acts_once(cells, query, periods),
        sources=(source.source,),
        notes=tuple(notes),
        findings=_findings(ratios, query, source),
    )


def _bootstrap(query: Query) -> str:
    block, n = query.options["block"], query.options["n_replicates"]
    return f"bootstrap over {block}s, {percent(query.level)}, {n}"


def _findings(ratios: pd.DataFrame, query: Query, source: Opened) -> tuple[str, ...]:
    """Return for each of the first pairs its ratio in the last whole period that has one."""
    sentences = []
    for whose, rows in rows_by_pair(ratios, directed=bool(query.options["directed"])):
        seen = rows[rows["ratio"].notna()]
        ends = period_end(seen["period"], every=query.every)
        whole = seen["n_days"].eq((ends - seen["period"]).dt.days + 1) & seen["covered"]
        covered = seen[whole.fillna(value=False).astype("bool")]
        if seen.empty:
            sentences.append(f"{whose}: no ratio can be computed ({source.source.described()}).")
            continue
        last = (seen if covered.empty else covered).iloc[-1]
        when = in_words(last["period"], last["period"], every=query.every)
        text = f"{whose}, {when}: {last['n']:,} acts, {last['ratio']:.1f} times those expected"
        if pd.notna(last["lower"]):
            bounds = f"{last['lower']:.1f} to {last['upper']:.1f}"
            text += f" ({percent(query.level)} interval {bounds})"
        sentences.append(f"{text} ({source.source.described()}).")
    return tuple(sentences)


def _ratios(
    acts: pd.DataFrame, ways: Sequence[Pair], draw: np.random.Generator, query: Query
) -> list[dict[str, object]]:
    """Return observed and expected acts of each pair or direction in one period."""
    n_replicates = int(query.options["n_replicates"])  # type: ignore[call-overload]
    named = {state for way in ways for state in way}
    states = pd.Index(sorted({*acts["sender"], *acts["target"], *named}))
    blocks = np.sort(acts["block"].unique())
    at = np.searchsorted(blocks, acts["block"])
    n = acts["n_acts"].to_numpy(dtype="float64")
    margins = np.zeros((2, len(blocks), len(states)))
    for of_side, side in zip(margins, ("sender", "target"), strict=True):
        np.add.at(of_side, (at, states.get_indexer(pd.Index(acts[side]))), n)
    # Row 0 is what was observed; the others are as many blocks, resampled with replacement.
    times = np.ones((1, len(blocks)))
    if len(blocks) > 1:
        share = np.full(len(blocks), 1 / len(blocks))
        times = np.vstack([times, draw.multinomial(len(blocks), share, size=n_replicates)])
    as_sender, as_target = _fitted(*(times @ of_side for of_side in margins))
    n_states = int((margins.sum(axis=(0, 1)) > 0).sum())
    rows = []
    for way in ways:
        own = np.zeros(len(blocks))
        ours = (acts["sender"].eq(way[0]) & acts["target"].eq(way[1])).to_numpy()
        np.add.at(own, at[ours], n[ours])
        first, second = states.get_indexer(pd.Index(way))
        of_way = _against(times, own, as_sender[:, first] * as_target[:, second], query)
        rows.append(of_way | {"n_blocks": len(blocks), "n_states": n_states})
    return rows


def _against(times: Floats, own: Floats, expected: Floats, query: Query) -> dict[str, object]:
    """Return the acts of a pair over those expected, with the interval of the replicates."""
    tail = (1 - query.level) / 2
    ratios = np.divide(times @ own, expected, out=np.full(len(times), np.nan), where=expected > 0)
    edges, words = np.full(2, np.nan), f"{_bootstrap(query)} replicates"
    if not own.sum() and expected[0] > 0:
        # Blocks without an act have no spread: the interval is Poisson's of no act.
        words = f"exact Poisson, {percent(query.level)}"
        edges = np.array([0, -np.log(tail) / expected[0]])
    elif len(own) >= _FEWEST_BLOCKS and not np.isnan(ratios).all():
        edges = bootstrap_edges(ratios[0], ratios[1:], len(own), level=query.level)
    return {
        "n": int(own.sum()),
        "expected": expected[0],
        "ratio": ratios[0],
        "lower": edges[0],
        "upper": edges[1],
        "interval": None if np.isnan(edges).all() else words,
    }


def _fitted(sent: Floats, received: Floats) -> tuple[Floats, Floats]:
    """
    Return the activity of each state as sender and as target, a row per replicate.

    Under quasi-independence the expectation is a_i * b_j off the diagonal; a and b are scaled
    in turn until both margins fit. They are missing where they never do.
    """
    a, b = sent.copy(), np.where(received > 0, 1.0, 0.0)
    for _ in range(_ITERATIONS):
        a = _over(sent, b.sum(axis=1, keepdims=True) - b)
        b = _over(received, a.sum(axis=1, keepdims=True) - a)
        off = np.abs(a * (b.sum(axis=1, keepdims=True) - b) - sent).max(axis=1)
        fits = off <= _CLOSE * np.maximum(sent.sum(axis=1), 1)
        if fits.all():
            break
    a[~fits] = np.nan
    return a, b


def _over(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
