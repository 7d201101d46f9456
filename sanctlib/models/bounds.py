"""Bound an average effect under different trends. Read estimates; return intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FAR = 1e6


def relative_bounds(
    estimate: Floats, variance: Floats, *, before: int, reach: float, grid: Sequence[float]
) -> tuple[pd.DataFrame, float]:
    """
    Return the interval of the average effect if trends differ after the onset, by how much.

    From one period to the next, the trends of treated and controls differ by at most M times
    the largest such difference between two periods before the onset (relative magnitudes,
    Rambachan and Roth 2023). So the error of the average over event times 0 to k is at most
    M (k + 2) / 2 of these steps. The interval contains those of all sums of the average and
    this multiple of one step, up or down, each with its own error. It is conservative,
    whichever step is the largest: shorter intervals exist.
    """
    from scipy.optimize import brentq

    n_after = len(estimate) - before
    average = np.r_[np.zeros(before), np.full(n_after, 1 / n_after)]
    steps = np.diff(np.eye(len(estimate)), axis=0)[: before - 1] * (n_after + 1) / 2

    def furthest(m: float, side: int) -> float:
        sums = average + m * np.concatenate([steps, -steps])
        spread = np.sqrt(np.maximum(np.einsum("ik,kl,il->i", sums, variance, sums), 0))
        return float((side * (sums @ estimate) + reach * spread).max()) * side

    side = -int(np.sign(average @ estimate))
    breakdown = 0.0
    if side * furthest(0.0, side) < 0:
        ends = 1.0
        while side * furthest(ends, side) < 0 and ends < _FAR:
            ends *= 2
        found = ends < _FAR
        breakdown = brentq(furthest, 0.0, ends, args=(side,)) if found else float("inf")
    rows = [{"mbar": m, "lower": furthest(m, -1), "upper": furthest(m, 1)} for m in grid]
    return pd.DataFrame(rows), float(breakdown)
