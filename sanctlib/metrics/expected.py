"""Observed and expected: acts of a pair against what the activity of both alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.counting import cells_of
from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, SanctlibError, check_choice
from sanctlib.frames import AnyTable, opened
from sanctlib.metrics.grid import periods_asked
from sanctlib.metrics.pairs import lived_together, pairs_of
from sanctlib.periods import PERIODS, Period, period_end, period_start
from sanctlib.schema import COMPONENTS, Pair

Floats = NDArray[np.float64]

_ITERATIONS, _CLOSE = 2000, 1e-9
# Of fewer blocks drawn anew the spread is far too narrow.
FEWEST_BLOCKS = 10


def observed_expected(
    table: AnyTable,
    *,
    pair: Pair | Sequence[Pair],
    every: Period,
    block: Period,
    components: Sequence[str] = tuple(COMPONENTS),
    directed: bool = False,
    n_draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
) -> pd.DataFrame:
    """
    Return the acts of a pair over those expected if all states chose partners alike.

    Two busy states meet often whatever they think of each other. Expected are the acts
    of a quasi-independence model (Goodman 1968): the activity of one times that of the
    other, fitted to the margins of all pairs of states, no state paired with itself. A
    ratio of 2 means twice as many as the activity of both explains. It is relative to all
    other pairs of the period: it can rise because others meet less.

    The interval is a bootstrap over blocks (days, weeks), which keeps what is reported
    together together. It describes the process of reporting, not a sample of states.

    Parameters
    ----------
    table : frame, path or Reading
        Events, or cells of `block`.
    pair : tuple of two states, or several
        Of several, each has the rows it has alone: the same blocks are drawn.
    block : {"day", "week", "month", "quarter"}
        What is drawn, shorter than `every`. A block belongs to the period it begins in:
        with weeks, a month has other days than `partnership_intensity` gives it, and is
        covered where all its weeks are.
    components : sequence of str
        Components of reported co-operation whose acts are counted together.
    directed : bool
        Acts of first towards second, in the order of `pair`, against both their margins
        (mutual acts in both directions); otherwise each act once.
    n_draws, seed, level
        Of the bootstrap: the same seed gives the same interval.

    Returns
    -------
    ratios : DataFrame
        ``period``, ``first``, ``second``, ``n_acts``, ``expected``, ``ratio``, ``lower``,
        ``upper``, ``n_blocks``, ``n_states`` (that acted with another), ``interval`` and
        ``covered``. The ratio is missing where the model has no solution (one state is in
        more than half of all acts), or expects nothing; the interval too with fewer than
        10 blocks, whose spread is too narrow. Where no act was seen, it is the exact one of
        Poisson.

    Raises
    ------
    CuratedError
        For a hand-picked list.
    UnknownChoiceError
        For an unknown component, period or state.
    SanctlibError
        For blocks not shorter than the periods, one state or pair twice, or two states that
        did not both exist in the span.

    Examples
    --------
    >>> days = pd.date_range("2018-01-01", "2018-01-30")
    >>> two = lambda a, b, n: pd.DataFrame({"period": days, "sender": a, "target": b,
    ...     "mutual": True, "family": "cooperation", "action": "agree", "n_acts": n})
    >>> acts = pd.concat([two("CHN", "IRN", 1), two("CHN", "RUS", 1), two("IRN", "RUS", 1),
    ...     two("CHN", "USA", 1), two("IRN", "USA", 1), two("RUS", "USA", 1)])
    >>> found = observed_expected(acts, pair=("RUS", "IRN"), every="month", block="day")
    >>> found[["n_acts", "expected", "ratio", "lower", "upper"]].round(6).to_dict("records")
    [{'n_acts': 30, 'expected': 30.0, 'ratio': 1.0, 'lower': 1.0, 'upper': 1.0}]
    """
    who = "observed_expected"
    for length in (every, block):
        check_choice(length, PERIODS, what="period", needed_by=who)
    for component in components:
        check_choice(component, COMPONENTS, what="component", needed_by=who)
    pairs = pairs_of(pair, needed_by=who)
    if PERIODS.index(block) >= PERIODS.index(every):
        msg = f"{who} needs blocks shorter than the periods, "
        raise SanctlibError(msg + f"got block={block!r} and every={every!r}.")
    with opened(table, needed_by=who, coverage=coverage) as source:
        if source.curated:
            raise CuratedError(f"{who} cannot use {source.name!r}: a hand-picked list has no rate.")
        cells = cells_of(
            source,
            every=block,
            by=("sender", "target", "mutual", "family", "action"),
            start=start,
            end=end,
            keep={"action": [a for c in components for a in COMPONENTS[c]]},
            needed_by=who,
        )
        known = source.coverage
    cells = cells[cells["period"].notna() & cells["family"].eq("cooperation")]
    starts = period_start(cells["period"], every=every)
    periods, whole = periods_asked(starts, every=every, start=start, end=end, coverage=known)
    if known is not None:
        whole = whole & _blocks_covered(periods, known, every=every, block=block)
    there = lived_together(pairs, periods, every=every, needed_by=who)
    acts = _between_states(cells.assign(block=cells["period"], period=starts), directed=directed)
    draw = np.random.default_rng(seed)
    rows = []
    for i, period in enumerate(periods):
        of_period = acts[acts["period"].eq(period)]
        found = _ratios(of_period, pairs, draw, n_draws=n_draws, level=level)
        for (first, second), of_pair, lived in zip(pairs, found, there, strict=True):
            covered = pd.NA if known is None else whole[i] & lived[i]
            rows.append(of_pair | {"first": first, "second": second, "covered": covered})
            rows[-1]["period"] = period
    rows = [row for k in range(len(pairs)) for row in rows[k :: len(pairs)]]
    columns = ["period", "first", "second", "n_acts", "expected", "ratio", "lower", "upper"]
    table = pd.DataFrame(rows, columns=[*columns, "n_blocks", "n_states", "covered"])
    drawn = f"bootstrap over {block}s, {level:.0%}, {n_draws} draws"
    exact = f"exact Poisson, {level:.0%}"
    table.insert(len(columns), "interval", np.where(table["n_acts"] > 0, drawn, exact))
    return table.astype({"n_acts": "Int64", "covered": "boolean", "interval": "str"})


def _blocks_covered(
    periods: pd.DatetimeIndex, known: Coverage, *, every: Period, block: Period
) -> NDArray[np.bool_]:
    """Tell which periods have all the blocks that begin in them inside the coverage."""
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
    *,
    n_draws: int,
    level: float,
) -> list[dict[str, object]]:
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
    # Row 0 is what was observed; the others draw as many blocks with replacement.
    times = np.ones((1, len(blocks)))
    if len(blocks) > 1:
        share = np.full(len(blocks), 1 / len(blocks))
        times = np.vstack([times, draw.multinomial(len(blocks), share, size=n_draws)])
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
        rows.append(_against(times, own, expected, level=level) | of_all)
    return rows


def _against(times: Floats, own: Floats, expected: Floats, *, level: float) -> dict[str, object]:
    """Return the acts of a pair over those expected, and the interval of the draws."""
    ratios = np.divide(times @ own, expected, out=np.full(len(times), np.nan), where=expected > 0)
    edges = np.full(2, np.nan)
    if not own.sum() and expected[0] > 0:
        # Blocks without an act have no spread: what Poisson allows where none was seen.
        edges = np.array([0, -np.log((1 - level) / 2) / expected[0]])
    elif len(own) >= FEWEST_BLOCKS and not np.isnan(ratios).all():
        edges = np.nanquantile(ratios[1:], [(1 - level) / 2, (1 + level) / 2])
    return {
        "n_acts": int(own.sum()),
        "expected": expected[0],
        "ratio": ratios[0],
        "lower": edges[0],
        "upper": edges[1],
    }


def _fitted(sent: Floats, received: Floats) -> tuple[Floats, Floats]:
    """
    Return the activity of each state on either side under quasi-independence, a row per draw.

    The expectation is a_i * b_j off the diagonal; a and b are scaled in turn until both
    margins fit. Missing where they never do.
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
