"""Compare acts of a pair with those its activity predicts. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.acts import cells_of
from sanctlib.coverage import Coverage
from sanctlib.dates import PERIODS, Period, in_words, period_end, period_start
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.metrics._grid import (
    between,
    check_span,
    existed_together,
    in_names,
    periods_asked,
    way_columns,
    way_in_names,
)
from sanctlib.metrics._pair_acts import EVERY_COMPONENT, Component
from sanctlib.metrics._questions import absent_from, check_kind, check_not_curated, silent_on
from sanctlib.metrics.intervals import percent
from sanctlib.query import Day, Pair, Query, ask, choices_of, flag_of, whole_of
from sanctlib.result import Result
from sanctlib.schema import COMPONENTS

Floats = NDArray[np.float64]

_ITERATIONS, _CLOSE = 2000, 1e-9
FEWEST_BLOCKS = 10
"""Blocks from which there is an interval: the spread of fewer is far too narrow."""

_IN_FINDINGS = 8
"""Pairs about which the findings have a sentence."""


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
        `partnership_intensity`, and is covered if all its weeks are.
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
        (that acted with another) and ``covered``. The ratio is missing where the model has
        no solution (one state is in more than half of all acts), or expects no acts. The
        bounds are missing too with fewer than 10 blocks. Without an act of the pair, they
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
    pairs = _pairs(query)
    if PERIODS.index(block) >= PERIODS.index(every):
        msg = f"block is {block!r} and every is {every!r}. A block must be shorter than a period."
        raise SanctlibError(msg)
    kinds = [a for c in _components(query) for a in COMPONENTS[c]]
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate, interval or test")
        check_kind(source, "events", "cells")
        check_span(source, query)
        cells = cells_of(
            source,
            every=block,
            by=("sender", "target", "mutual", "family", "action"),
            start=query.start,
            end=query.end,
            keep={"action": kinds},
        )
        known = source.coverage
        silent = absent_from(source, {state for two in pairs for state in two}, cells)
    cells = cells[cells["period"].notna() & cells["family"].eq("cooperation")]
    starts = period_start(cells["period"], every=every)
    periods, whole = periods_asked(
        starts, every=every, start=query.start, end=query.end, coverage=known
    )
    if known is not None:
        whole = whole & _blocks_covered(periods, known, every=every, block=block)
    there = existed_together(pairs, periods, every=every)
    cells = cells.assign(block=cells["period"], period=starts)
    acts = _between_states(cells, directed=directed)
    # Each pair has a row, or one for each direction; both exist where the pair does.
    ways = [way for two in pairs for way in ([two, two[::-1]] if directed else [two])]
    there = np.repeat(there, 2, axis=0) if directed else there
    draw = np.random.default_rng(seed)
    columns, rows = way_columns(directed=directed), []
    for i, period in enumerate(periods):
        of_period = acts[acts["period"].eq(period)]
        found = _ratios(of_period, ways, draw, query)
        for way, of_way, existed in zip(ways, found, there, strict=True):
            told = not {*way} & {*silent}
            covered = pd.NA if known is None else whole[i] & existed[i] & told
            named = dict(zip(columns, way, strict=True))
            if not told:
                of_way = of_way | {"n": pd.NA, "expected": pd.NA}
            rows.append({"period": period, **named, **of_way, "covered": covered})
    rows = [row for k in range(len(ways)) for row in rows[k :: len(ways)]]
    numbers = ["n", "expected", "ratio", "lower", "upper", "interval", "n_blocks", "n_states"]
    ratios = pd.DataFrame(rows, columns=["period", *columns, *numbers, "covered"])
    types = {"n": "Int64", "covered": "boolean", **dict.fromkeys(("interval", *columns), "str")}
    counted = between(cells, pairs) & cells["period"].isin(periods)
    n = int(cells.loc[counted, "n_acts"].sum())
    result = _result(ratios.astype(types), query, n, source)
    return replace(result, notes=(*silent_on(source, silent), *result.notes))


def _components(query: Query) -> tuple[Component, ...]:
    return query.options["components"]  # type: ignore[return-value]


def _pairs(query: Query) -> tuple[Pair, ...]:
    if query.pairs is None:
        raise SanctlibError("pair is None. Name one pair of states or more: ('IRN', 'RUS').")
    return query.pairs


def _result(ratios: pd.DataFrame, query: Query, n: int, source: Opened) -> Result:
    directed, block = bool(query.options["directed"]), query.options["block"]
    notes = [
        "Expected: acts if all states chose partners in proportion to their activity "
        "(quasi-independence, no state paired with itself).",
        "The ratio is relative to all other pairs: it can rise because others meet less.",
    ]
    if ratios["lower"].notna().any():
        words = f"bootstrap over {block}s, {percent(query.level)}, {query.options['n_replicates']}"
        notes.insert(1, f"Interval: {words} replicates; of reporting, not of a sample of states.")
    return Result(
        table=ratios,
        kind="expected",
        name=f"Observed over expected co-operation of {in_names(query.pairs, directed=directed)}",
        query=query,
        unit="reported acts of co-operation",
        n=n,
        sources=(source.source,),
        notes=tuple(notes),
        findings=_findings(ratios, query, source),
    )


def _findings(ratios: pd.DataFrame, query: Query, source: Opened) -> tuple[str, ...]:
    """Return for each of the first pairs its ratio in the last period that has one."""
    directed = bool(query.options["directed"])
    columns = way_columns(directed=directed)
    sentences = []
    for way, rows in islice(ratios.groupby(columns, sort=False), _IN_FINDINGS):
        whose = way_in_names(way, directed=directed)
        seen = rows[rows["ratio"].notna()]
        covered = seen[seen["covered"].fillna(value=False).astype("bool")]
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


def _blocks_covered(
    periods: pd.DatetimeIndex, known: Coverage, *, every: Period, block: Period
) -> NDArray[np.bool_]:
    """Return which periods have all the blocks that begin in them inside the coverage."""
    last_days = period_end(pd.Series(periods), every=every)
    last_blocks = period_start(last_days, every=block)
    over = period_end(last_blocks, every=block).le(pd.Timestamp(known.last))
    return over.to_numpy(dtype=bool)


def _between_states(cells: pd.DataFrame, *, directed: bool) -> pd.DataFrame:
    """Return acts between two different states: both ways each, or as they are directed."""
    for side in ("sender", "target"):
        cells = cells[cells[side].str.fullmatch("[A-Z]{3}").fillna(value=False).astype("bool")]
    cells = cells[cells["sender"].ne(cells["target"])]
    back = cells.rename(columns={"sender": "target", "target": "sender"})
    return pd.concat([cells, back[back["mutual"].astype("bool") | (not directed)]])


def _ratios(
    acts: pd.DataFrame,
    pairs: Sequence[Pair],
    draw: np.random.Generator,
    query: Query,
) -> list[dict[str, object]]:
    """Return observed and expected acts of each pair or direction in one period."""
    n_replicates = int(query.options["n_replicates"])  # type: ignore[call-overload]
    asked = {state for pair in pairs for state in pair}
    states = sorted({*acts["sender"].unique(), *acts["target"].unique(), *asked})
    blocks = np.sort(acts["block"].unique())
    at = np.searchsorted(blocks, acts["block"])
    n = acts["n_acts"].to_numpy(dtype="float64")
    margins = []
    for side in ("sender", "target"):
        of_side = np.zeros((len(blocks), len(states)))
        np.add.at(of_side, (at, pd.Index(states).get_indexer(acts[side])), n)
        margins.append(of_side)
    # Row 0 is what was observed; the others are as many blocks, resampled with replacement.
    times = np.ones((1, len(blocks)))
    if len(blocks) > 1:
        share = np.full(len(blocks), 1 / len(blocks))
        times = np.vstack([times, draw.multinomial(len(blocks), share, size=n_replicates)])
    sent, received = (times @ of_side for of_side in margins)
    fitted = _fitted(sent, received)
    of_all = {
        "n_blocks": len(blocks),
        "n_states": int(((margins[0] + margins[1]).sum(axis=0) > 0).sum()),
    }
    rows = []
    for pair in pairs:
        own = np.zeros(len(blocks))
        ours = (acts["sender"].eq(pair[0]) & acts["target"].eq(pair[1])).to_numpy()
        np.add.at(own, at[ours], n[ours])
        first, second = (states.index(state) for state in pair)
        expected = fitted[0][:, first] * fitted[1][:, second]
        rows.append(_against(times, own, expected, query) | of_all)
    return rows


def _against(times: Floats, own: Floats, expected: Floats, query: Query) -> dict[str, object]:
    """Return the acts of a pair over those expected, with the interval of the replicates."""
    level, options = query.level, query.options
    ratios = np.divide(times @ own, expected, out=np.full(len(times), np.nan), where=expected > 0)
    edges, words = np.full(2, np.nan), f"bootstrap over {options['block']}s, {percent(level)}"
    words += f", {options['n_replicates']} replicates"
    if not own.sum() and expected[0] > 0:
        # Blocks without an act have no spread: the interval is Poisson's of no act.
        words = f"exact Poisson, {percent(level)}"
        edges = np.array([0, -np.log((1 - level) / 2) / expected[0]])
    elif len(own) >= FEWEST_BLOCKS and not np.isnan(ratios).all():
        edges = np.nanquantile(ratios[1:], [(1 - level) / 2, (1 + level) / 2])
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
