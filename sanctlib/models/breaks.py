"""Breaks: when the mean of a series changed, how many times, and how surely."""

from __future__ import annotations

import itertools
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models.result import Fit

Criterion: TypeAlias = Literal["bic", "lwz"]
Floats = NDArray[np.float64]


def find_breaks(
    series: pd.Series,
    *,
    shortest: float = 0.15,
    most: int = 5,
    criterion: Criterion = "bic",
    level: float = 0.95,
) -> Fit:
    """
    Find the breaks in the mean of a series (Bai and Perron 1998, 2003).

    All partitions into segments of at least `shortest` are searched, so the dates are
    those of least squares, not of a guess. How many there are is chosen by BIC, or by the
    stricter LWZ (Liu, Wu and Zidek 1997), since BIC finds breaks in autocorrelated series
    that have none. A break says when, never why: what else happened in that month
    competes with any cause. A date chosen by looking cannot be tested as if it had been
    given.

    The interval of a date is Bai's (1997), for one variance in the whole series and errors
    without autocorrelation; with both it is too short.

    Parameters
    ----------
    series : Series
        Numbers in order of time, without gaps; its index names the dates.
    shortest : float or int
        Least length of a segment: a share of the series, or from 1 on observations.
    most : int
        Greatest number of breaks considered.
    level : float
        Of the intervals, 0-1.

    Returns
    -------
    Fit
        `table` has a row per break of the number chosen: ``break_after`` (the last date of
        the old mean), ``position`` (its number, from 1), ``lower``, ``upper`` (dates),
        ``mean_before``, ``mean_after``. `details` hold ``"numbers"``: ``n_breaks``, ``rss``,
        ``bic``, ``lwz``, ``positions``, ``chosen``; ``"series"``: ``period``, ``value``,
        ``fitted`` (the mean of the segment).

    Raises
    ------
    SanctlibError
        For missing values, a series too short for two segments, or what is no Series.

    Examples
    --------
    >>> values = pd.Series([1.0, 1.2, 0.8, 1.1, 0.9, 5.0, 5.2, 4.8, 5.1, 4.9],
    ...                    index=range(2010, 2020))
    >>> found = find_breaks(values, shortest=3, most=1)
    >>> found.table[["break_after", "mean_before", "mean_after"]].to_dict("records")
    [{'break_after': 2014, 'mean_before': 1.0, 'mean_after': 5.0}]
    """
    who = "find_breaks"
    check_choice(criterion, ("bic", "lwz"), what="criterion", needed_by=who)
    if not isinstance(series, pd.Series) or not pd.api.types.is_numeric_dtype(series):
        named = ", ".join(map(repr, series)) if isinstance(series, pd.DataFrame) else ""
        got = f"table with the columns {named}" if named else type(series).__name__
        msg = f"{who} needs one Series of numbers, its index the dates, and got a {got}. From a"
        raise SanctlibError(f'{msg} table of one group that is table.set_index("period")["n"].')
    values: Floats = np.asarray(series, dtype="float64")
    n = len(values)
    least = round(shortest) if shortest >= 1 else max(2, int(np.floor(shortest * n)))
    if np.isnan(values).any() or n < 2 * least or not 0 < level < 1:
        msg = f"{who} needs at least {2 * least} values without gaps and a level of 0-1, got "
        raise SanctlibError(f"{msg}{n} values, {int(np.isnan(values).sum())} missing.")
    partitions = _partitions(values, least, min(most, n // least - 1))
    numbers = pd.DataFrame(
        [_criteria(rss, len(ends), n) | {"positions": ends} for rss, ends in partitions]
    )
    best = int(numbers[criterion].to_numpy().argmin())
    numbers = numbers.assign(chosen=numbers.index == best)
    positions = partitions[best][1]
    bounds = [0, *positions, n]
    segments = [values[a:b] for a, b in itertools.pairwise(bounds)]
    variance = partitions[best][0] / max(n - len(segments), 1)
    rows = []
    for i, at in enumerate(positions):
        before, after = float(segments[i].mean()), float(segments[i + 1].mean())
        reach = _reach(after - before, variance, level)
        low, high = max(at - reach, 1), min(at + reach, n)
        rows.append(
            {
                "break_after": series.index[at - 1],
                "position": at,
                "lower": series.index[low - 1],
                "upper": series.index[high - 1],
                "mean_before": before,
                "mean_after": after,
            }
        )
    means = np.concatenate([np.full(len(part), part.mean()) for part in segments])
    drawn = pd.DataFrame({"period": series.index, "value": values, "fitted": means})
    columns = ["break_after", "position", "lower", "upper", "mean_before", "mean_after"]
    return Fit(
        name=f"Breaks in the mean, {len(positions)} by {criterion.upper()}",
        table=pd.DataFrame(rows, columns=columns),
        notes=(
            "Description: when the mean changed, not why.",
            f"Segments of at least {least} of {n} values; up to {len(partitions) - 1} breaks.",
            f"{level:.0%} intervals of Bai (1997): one variance, no autocorrelation.",
        ),
        details={"numbers": numbers, "series": drawn},
    )


def _partitions(values: Floats, least: int, most: int) -> list[tuple[float, list[int]]]:
    """Return for 0 to `most` breaks the least sum of squares and the ends of the segments."""
    n = len(values)
    sums, squares = (np.concatenate([[0.0], np.cumsum(v)]) for v in (values, values**2))
    starts, ends = np.arange(n)[:, None], np.arange(n + 1)[None, :]
    length = ends - starts
    total = sums[None, :] - sums[:-1, None]
    cost = squares[None, :] - squares[:-1, None] - total**2 / np.where(length > 0, length, 1)
    cost = np.where(length >= least, np.maximum(cost, 0.0), np.inf)
    best = cost[0].copy()  # of the first j values as one segment
    back: list[NDArray[np.int64]] = []
    found: list[tuple[float, list[int]]] = [(float(best[n]), [])]
    for _ in range(most):
        # The last segment begins at i: all that came before it is as good as can be.
        tries = best[:n, None] + cost
        back.append(tries.argmin(axis=0))
        best = tries.min(axis=0)
        if not np.isfinite(best[n]):
            break
        at, positions = n, []
        for step in reversed(back):
            at = int(step[at])
            positions.append(at)
        found.append((float(best[n]), positions[::-1]))
    return found


def _criteria(rss: float, m: int, n: int) -> dict[str, float | int]:
    log_rss = np.log(rss) if rss > 0 else -np.inf
    bic = n * (log_rss + 1 - np.log(n) + np.log(2 * np.pi)) + np.log(n) * 2 * (m + 1)
    penalty = 0.299 * np.log(n) ** 2.1
    lwz = log_rss - np.log(n) + (2 * m + 1) * penalty / n
    return {"n_breaks": m, "rss": rss, "bic": float(bic), "lwz": float(lwz)}


def _reach(shift: float, variance: float, level: float) -> int:
    """Return by how many observations the interval of a date reaches to either side."""
    if shift == 0:
        return np.iinfo(np.int32).max
    return int(_quantile(level) * variance / shift**2) + 1


def _quantile(level: float) -> float:
    """Return the quantile of the place where a two-sided Brownian motion with drift peaks."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def over(x: float) -> float:
        root = np.sqrt(x)
        below = (
            1
            + np.sqrt(x / (2 * np.pi)) * np.exp(-x / 8)
            - (x + 5) / 2 * ndtr(-root / 2)
            + 1.5 * np.exp(x) * ndtr(-1.5 * root)
        )
        return float(below - (1 + level) / 2)

    return float(brentq(over, 1e-9, 200))
