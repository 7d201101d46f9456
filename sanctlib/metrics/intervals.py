"""Compute intervals of counts and shares under a named process. Read arrays; return frames."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import repr as shortened
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sanctlib.errors import SanctlibError, check_choice
from sanctlib.query import level_of, number_of

Floats = NDArray[np.float64]
Process: TypeAlias = Literal["dispersion", "block_bootstrap"]
_N_REPLICATES = 1999
COVERS: dict[Process, str] = {
    "dispersion": "Interval: conservative, since a real change of the counts widens it "
    "(docs/inference.md).",
    "block_bootstrap": "Interval of the mean: in simulated series of 60 to 240 periods with an "
    "autocorrelation of up to 0.6 it missed the mean 2 to 8 times in 100, with 0.8 11 to 15 times "
    "(docs/inference.md).",
}
"""What a simulation says of each interval."""


def poisson_interval(
    n: ArrayLike, *, exposure: ArrayLike = 1.0, level: float = 0.95, dispersion: float = 1.0
) -> pd.DataFrame:
    """
    Compute the rates of counts with their intervals.

    With ``dispersion=1`` the interval is exact for a Poisson process (Garwood 1936).
    Reported acts come in bunches, and then that interval is too narrow: with a
    dispersion phi, n / phi is treated as the Poisson count, and the bounds are multiplied
    by phi. An interval describes the process that made the counts; a complete register of
    listings has none.

    Parameters
    ----------
    n : array of float
        Counts, from 0. Missing counts give missing rates.
    exposure : array of float, or float, default 1.0
        What each count is divided by, above 0. Missing values give missing rates.
    level : float, default 0.95
        Of the interval, between 0 and 1.
    dispersion : float, default 1.0
        phi, at least 1. A missing phi gives missing bounds.

    Returns
    -------
    DataFrame
        ``rate``, ``lower`` and ``upper``, per unit of exposure, in the order of `n`.

    Raises
    ------
    SanctlibError
        For a count below 0, an exposure that is not above 0, a dispersion below 1, a level
        that is not between 0 and 1, or text.

    References
    ----------
    Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28.

    Examples
    --------
    >>> from sanctlib.metrics.intervals import poisson_interval
    >>> poisson_interval([196], exposure=280).round(6)
       rate     lower     upper
    0   0.7  0.605427  0.805157
    """
    from scipy.special import gammaincinv

    tail = (1 - level_of(level)) / 2
    counts, exposed = _broadcast(n, exposure, what="exposure")
    _check(counts < 0, counts, what="n", needed="A count is 0 or more.")
    _check(exposed <= 0, exposed, what="exposure", needed="An exposure is above 0.")
    if not (isinstance(dispersion, float) and np.isnan(dispersion)):
        dispersion = number_of(dispersion, what="dispersion", least=1)
    scaled = counts / dispersion
    # The bounds are halves of chi-squared quantiles, computed here as gamma quantiles.
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

    phi = sum of (n - m)^2 / m over the T periods, divided by T - 1, where m is the exposure
    times the overall rate. Growth and steps of the rate count as dispersion too.
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
    Compute shares with their intervals, for independent trials (Wilson 1927).

    Parameters
    ----------
    n : array of float
        Counts, from 0 to their total.
    total : array of float, or float
        Number of trials. A total of 0 gives a missing share.
    level : float, default 0.95
        Of the interval, between 0 and 1.

    Returns
    -------
    DataFrame
        ``share``, ``lower`` and ``upper``, between 0 and 1, in the order of `n`.

    Raises
    ------
    SanctlibError
        For a count below 0 or above its total, a level that is not between 0 and 1, or text.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical
    inference. Journal of the American Statistical Association 22.

    Examples
    --------
    >>> from sanctlib.metrics.intervals import wilson_interval
    >>> wilson_interval([0, 5], total=10).round(4)
       share   lower   upper
    0    0.0  0.0000  0.2775
    1    0.5  0.2366  0.7634
    """
    z = NormalDist().inv_cdf((1 + level_of(level)) / 2)
    counts, totals = _broadcast(n, total, what="total")
    wrong = (counts < 0) | (counts > totals)
    _check(wrong, counts, what="n", needed="A count lies between 0 and its total.")
    totals = np.where(totals > 0, totals, np.nan)
    share = counts / totals
    middle = (share + z**2 / (2 * totals)) / (1 + z**2 / totals)
    margin = z * np.sqrt(share * (1 - share) / totals + (z / (2 * totals)) ** 2)
    margin /= 1 + z**2 / totals
    return pd.DataFrame(
        {
            "share": share,
            "lower": np.where(counts == 0, share, middle - margin),
            "upper": np.where(counts == totals, share, middle + margin),
        }
    )


def block_interval(n: ArrayLike, *, level: float = 0.95, seed: int = 1) -> pd.DataFrame:
    """
    Compute the mean of consecutive counts with a circular block bootstrap interval.

    One month of acts brings the next, so blocks of consecutive periods are resampled; the last is
    followed by the first (Politis and Romano 1992). Blocks of twice the cube root of the number of
    periods covered best in `docs/inference.md`. A trend or a step widens the interval.
    """
    counts = _numbers(n, what="n")
    size, edges = len(counts), np.full(2, np.nan)
    mean = counts.mean() if size else np.nan
    if size > 1:
        length = _block(size)
        first = np.random.default_rng(seed).integers(
            size, size=(_N_REPLICATES, -(-size // length), 1)
        )
        drawn = ((first + np.arange(length)) % size).reshape(_N_REPLICATES, -1)[:, :size]
        edges = bootstrap_edges(mean, counts[drawn].mean(axis=1), size / length, level=level)
    return pd.DataFrame({"mean": [mean], "lower": edges[:1], "upper": edges[1:]})


def _block(size: int) -> int:
    return max(1, min(int(np.ceil(round(2 * size ** (1 / 3), 9))), size // 3))


def bootstrap_edges(
    estimate: float, replicates: Floats, n_blocks: float, *, level: float = 0.95
) -> Floats:
    """
    Return the bounds of a mean or ratio from replicates that resample `n_blocks` blocks.

    Resampled blocks vary too little, by the factor (n - 1) / n, and few of them do not give the
    normal distribution: quantiles are moved away from the estimate by the square root of
    n / (n - 1) and by t over normal. Counts are not below 0.
    """
    from scipy.special import stdtrit

    upper = (1 + level_of(level)) / 2
    wider = stdtrit(n_blocks - 1, upper) / NormalDist().inv_cdf(upper)
    wider *= np.sqrt(n_blocks / (n_blocks - 1))
    edges = np.nanquantile(replicates, [1 - upper, upper])
    return np.asarray(np.maximum(0.0, estimate + wider * (edges - estimate)))


def count_intervals(
    counts: pd.DataFrame,
    *,
    by: Sequence[str],
    process: Process,
    level: float = 0.95,
    seed: int = 1,
) -> pd.DataFrame:
    """
    Add to counts per period the interval of a process that could have given other counts.

    ``dispersion`` is of each period's expected count (`poisson_interval`), ``block_bootstrap``
    of the group's mean per period (`block_interval`). Both use only covered periods.
    """
    check_choice(process, ("dispersion", "block_bootstrap"), what="interval")
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
            words = f"of each count: Poisson with dispersion {phi:.2f}, {percent(level)}"
        else:
            edges = block_interval(n, level=level, seed=seed).iloc[[0] * len(n)]
            blocks = f"{(length := _block(len(n)))} period{'s' * (length > 1)}"
            words = f"of the mean: bootstrap over blocks of {blocks}, {percent(level)}"
        found.loc[n.index, columns] = edges.assign(mean=n.mean())[
            ["mean", "lower", "upper"]
        ].to_numpy()
        found.loc[n.index, "interval"] = words
    return found


def percent(level: float) -> str:
    """Return a level in words: 95%, 99.9%."""
    return f"{100 * level:.4g}%"


def _broadcast(n: ArrayLike, by: ArrayLike, *, what: str) -> tuple[Floats, Floats]:
    """Return counts and what goes with each, as numbers of one length."""
    counts, other = np.atleast_1d(_numbers(n, what="n")), _numbers(by, what=what)
    try:
        first, second = np.broadcast_arrays(counts, other)
    except ValueError:
        msg = f"n has {len(counts)} values and {what} has {other.size}."
        raise SanctlibError(f"{msg} Pass one for each count, or one for all.") from None
    return first, second


def _numbers(values: ArrayLike, *, what: str) -> Floats:
    try:
        numbers: Floats = np.asarray(values, dtype="float64")
    except (TypeError, ValueError):
        raise SanctlibError(f"{what} is {shortened(values)}. It must hold numbers.") from None
    if numbers.ndim > 1:
        raise SanctlibError(f"{what} has {numbers.ndim} dimensions. Pass one list of numbers.")
    return numbers


def _check(wrong: NDArray[np.bool_], values: Floats, *, what: str, needed: str) -> None:
    if wrong.any():
        raise SanctlibError(f"{what} holds {float(values[wrong][0]):g}. {needed}")
