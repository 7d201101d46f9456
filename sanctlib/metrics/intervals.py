"""Intervals: what a count or a share could have been under a named process."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sanctlib.errors import SanctlibError, check_choice

Floats = NDArray[np.float64]
Process: TypeAlias = Literal["dispersion", "block_bootstrap"]
N_DRAWS = 1999


def poisson_interval(
    n: ArrayLike, *, exposure: ArrayLike = 1.0, level: float = 0.95, dispersion: float = 1.0
) -> pd.DataFrame:
    """
    Return the rates of counts with their intervals.

    With ``dispersion=1`` the interval is exact (Garwood 1936) for a Poisson process.
    Reported acts come in bunches, and that interval is then too narrow: with a
    dispersion phi, n / phi is taken for the Poisson count, and the bounds are
    multiplied by phi. An interval describes the process that made the counts; a
    complete register of listings has none.

    Parameters
    ----------
    n : array of counts
    exposure : array or number
        What each count is divided by, above 0; missing gives missing.
    level : float
        Between 0 and 1.
    dispersion : float
        phi, at least 1; see `poisson_dispersion`. Missing gives missing bounds.

    Returns
    -------
    intervals : DataFrame
        ``rate``, ``lower`` and ``upper``, per unit of exposure.

    Raises
    ------
    SanctlibError
        For a negative count, an exposure not above 0, a level outside 0-1, or a
        dispersion below 1.

    Examples
    --------
    >>> from sanctlib.metrics.intervals import poisson_interval
    >>> poisson_interval([196], exposure=280).round(6)
       rate     lower     upper
    0   0.7  0.605427  0.805157
    """
    from scipy.special import gammaincinv

    tail = _tail(level)
    counts, exposed = np.broadcast_arrays(
        np.atleast_1d(np.asarray(n, dtype="float64")), np.asarray(exposure, dtype="float64")
    )
    if (counts < 0).any() or (exposed <= 0).any() or dispersion < 1:
        msg = "poisson_interval needs counts from 0, an exposure above 0 and a dispersion from 1"
        raise SanctlibError(f"{msg}, got {n!r}, {exposure!r} and {dispersion!r}.")
    scaled = counts / dispersion
    # The bounds are halves of chi-squared quantiles: gamma quantiles, without scipy.stats.
    # The lower one of a count of 0 is 0: a gamma of shape 0 is a point.
    lower = np.where(scaled > 0, gammaincinv(np.where(scaled > 0, scaled, 1.0), tail), 0.0)
    lower = np.where(np.isnan(scaled), np.nan, lower)
    upper = gammaincinv(scaled + 1, 1 - tail)
    return pd.DataFrame(
        {
            "rate": counts / exposed,
            "lower": dispersion * lower / exposed,
            "upper": dispersion * upper / exposed,
        }
    )


def poisson_dispersion(n: ArrayLike, *, exposure: ArrayLike = 1.0) -> float:
    """
    Return Pearson's dispersion of counts around one constant rate, at least 1.

    phi = sum of (n - m)^2 / m over the T periods, divided by T - 1, where m is the
    exposure times the overall rate. Growth and steps of the rate count as dispersion
    too, so the intervals made with it are wide rather than narrow. Counts that vary
    less than Poisson's give 1. Periods without a count or an exposure are left out.

    Returns
    -------
    phi : float
        Missing for fewer than two periods; 1 where all counts are 0.

    Examples
    --------
    >>> from sanctlib.metrics.intervals import poisson_dispersion
    >>> poisson_dispersion([0, 10, 0, 10])
    6.666666666666667
    """
    counts, exposed = np.broadcast_arrays(
        np.asarray(n, dtype="float64"), np.asarray(exposure, dtype="float64")
    )
    known = ~np.isnan(counts) & (exposed > 0)
    counts, exposed = counts[known], exposed[known]
    if len(counts) < 2:
        return float("nan")
    if counts.sum() == 0:
        return 1.0
    expected = exposed * counts.sum() / exposed.sum()
    return max(1.0, float(((counts - expected) ** 2 / expected).sum() / (len(counts) - 1)))


def wilson_interval(n: ArrayLike, *, total: ArrayLike, level: float = 0.95) -> pd.DataFrame:
    """
    Return shares with their intervals (Wilson 1927), for independent trials.

    Returns
    -------
    intervals : DataFrame
        ``share``, ``lower`` and ``upper``, between 0 and 1; missing where `total` is 0.

    Raises
    ------
    SanctlibError
        When a count is below 0 or above its total, or the level outside 0-1.

    Examples
    --------
    >>> from sanctlib.metrics.intervals import wilson_interval
    >>> wilson_interval([0, 5], total=10).round(4)
       share   lower   upper
    0    0.0  0.0000  0.2775
    1    0.5  0.2366  0.7634
    """
    z = NormalDist().inv_cdf(1 - _tail(level))
    counts, totals = np.broadcast_arrays(
        np.atleast_1d(np.asarray(n, dtype="float64")), np.asarray(total, dtype="float64")
    )
    if (counts < 0).any() or (counts > totals).any():
        raise SanctlibError(f"wilson_interval needs counts from 0 to their total, got {n!r}.")
    totals = np.where(totals > 0, totals, np.nan)
    share = counts / totals
    middle = (share + z**2 / (2 * totals)) / (1 + z**2 / totals)
    half = z * np.sqrt(share * (1 - share) / totals + (z / (2 * totals)) ** 2)
    half /= 1 + z**2 / totals
    return pd.DataFrame(
        {
            "share": share,
            "lower": np.where(counts == 0, share, middle - half),
            "upper": np.where(counts == totals, share, middle + half),
        }
    )


def block_interval(n: ArrayLike, *, level: float = 0.95, seed: int = 1) -> pd.DataFrame:
    """
    Return the mean of consecutive counts with its interval by a circular block bootstrap.

    Acts come in packages, and one month of them brings the next: drawn alone, periods
    would give too narrow an interval. So blocks of about the cube root of their number
    (Hall, Horowitz and Jing 1995) are drawn, the last period being followed by the first
    (Politis and Romano 1992), which leaves the mean of the draws that of the counts. The
    counts are taken for a stretch of one unchanging process: a trend or a step makes the
    interval wide, and it means little for fewer than some twenty periods.

    Returns
    -------
    intervals : DataFrame
        One row: ``mean``, ``lower``, ``upper``; bounds missing for fewer than two counts.

    Examples
    --------
    >>> from sanctlib.metrics.intervals import block_interval
    >>> block_interval([3, 3, 3, 3])
       mean  lower  upper
    0   3.0    3.0    3.0
    """
    tail = _tail(level)
    counts = np.asarray(n, dtype="float64")
    size, edges = len(counts), [np.nan, np.nan]
    if size > 1:
        length = _block(size)
        first = np.random.default_rng(seed).integers(size, size=(N_DRAWS, -(-size // length), 1))
        drawn = ((first + np.arange(length)) % size).reshape(N_DRAWS, -1)[:, :size]
        edges = [float(x) for x in np.quantile(counts[drawn].mean(axis=1), [tail, 1 - tail])]
    mean = counts.mean() if size else np.nan
    return pd.DataFrame({"mean": [mean], "lower": edges[:1], "upper": edges[1:]})


def _block(size: int) -> int:
    return int(np.ceil(round(size ** (1 / 3), 9)))


def count_intervals(
    counts: pd.DataFrame,
    *,
    by: Sequence[str],
    process: Process,
    level: float = 0.95,
    seed: int = 1,
) -> pd.DataFrame:
    """
    Return counts per period with the interval of a process that could have made others.

    What is uncertain is not the register, which is complete, but what else the same
    conditions could have brought. ``dispersion`` is the interval of each period's expected
    count: Poisson's, widened by the dispersion of the group around its mean
    (`poisson_interval`). ``block_bootstrap`` is the interval of the group's mean per
    period, the same in all its rows (`block_interval`). Both read covered periods alone.

    Parameters
    ----------
    counts : DataFrame
        From `sanction_counts`: ``period``, the keys `by`, ``n``, ``covered``.

    Returns
    -------
    DataFrame
        `counts` with ``interval`` (the process in words), ``mean``, ``interval_lower`` and
        ``interval_upper``, missing where a period is not covered or a group has fewer than
        two that are.
    """
    check_choice(process, ("dispersion", "block_bootstrap"), what="interval", needed_by="A count")
    known = counts["covered"].fillna(value=False).astype("bool") & counts["n"].notna()
    columns = ["mean", "interval_lower", "interval_upper"]
    found = counts.assign(interval=pd.Series(pd.NA, counts.index, dtype="str"))
    found[columns] = np.nan
    groups = counts[known].groupby(list(by), dropna=False) if by else [((), counts[known])]
    for _, rows in groups:
        n = rows.sort_values("period")["n"].astype("float64")
        if len(n) < 2:
            continue
        if process == "dispersion":
            phi = poisson_dispersion(n)
            edges = poisson_interval(n, level=level, dispersion=phi)
            words = f"of each count: Poisson with dispersion {phi:.2f}, {level:.0%}"
        else:
            edges = block_interval(n, level=level, seed=seed).iloc[[0] * len(n)]
            words = f"of the mean: bootstrap over blocks of {_block(len(n))} periods, {level:.0%}"
        edges = edges.assign(mean=n.mean())
        found.loc[n.index, columns] = edges[["mean", "lower", "upper"]].to_numpy()
        found.loc[n.index, "interval"] = words
    return found


def check_level(level: float) -> None:
    """
    Check the level of an interval: 0.95, not 95.

    Raises
    ------
    SanctlibError
    """
    if not 0 < level < 1:
        raise SanctlibError(f"The level of an interval lies between 0 and 1, got {level!r}.")


def _tail(level: float) -> float:
    check_level(level)
    return (1 - level) / 2
