"""Autoregressions of several series: their lags, what a past adds, draws without it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.models.series import Series

Floats = NDArray[np.float64]
Lags: TypeAlias = int | Literal["aic", "bic"]


def wald(
    values: Floats, *, lags: int, added: int, causes: Sequence[int], effects: Sequence[int]
) -> tuple[Floats, Floats]:
    """
    Return the Wald statistic that no lag of `causes` helps `effects`, and the lags' sum.

    `values` are (..., n, k); the regression has a constant and ``lags + added`` lags, of
    which the last `added` are not tested. Divided by ``lags * len(causes) * len(effects)``
    the statistic is the F of Lütkepohl (2005).
    """
    n, k = values.shape[-2:]
    depth = lags + added
    past = [values[..., depth - lag : n - lag, :] for lag in range(1, depth + 1)]
    design = np.concatenate([np.ones((*values.shape[:-2], n - depth, 1)), *past], axis=-1)
    turned = np.swapaxes(design, -1, -2)
    inverse = np.linalg.inv(turned @ design)
    coefficients = inverse @ (turned @ values[..., depth:, :])
    residuals = values[..., depth:, :] - design @ coefficients
    degrees = n - depth - design.shape[-1]
    variance = np.swapaxes(residuals, -1, -2) @ residuals / degrees
    rows = [1 + lag * k + cause for lag in range(lags) for cause in causes]
    tested = coefficients[..., rows, :][..., effects]
    # vec(b)' (S x V)^-1 vec(b) is the trace of S^-1 b' V^-1 b.
    left = np.linalg.solve(variance[..., effects, :][..., effects], np.swapaxes(tested, -1, -2))
    right = np.linalg.solve(inverse[..., rows, :][..., rows], tested)
    return np.trace(left @ right, axis1=-2, axis2=-1), tested.sum(axis=(-2, -1))


def same_period(residuals: Floats, *, causes: Sequence[int], effects: Sequence[int]) -> float:
    """Return the Wald statistic that residuals are uncorrelated (Lütkepohl 2005, 3.6.3)."""
    s = residuals.T @ residuals / len(residuals)
    pairs = [(a, i) for a in causes for i in effects]
    tested = np.array([s[pair] for pair in pairs])
    variance = [[s[a, b] * s[i, j] + s[a, j] * s[i, b] for b, j in pairs] for a, i in pairs]
    return float(len(residuals) * tested @ np.linalg.solve(np.array(variance), tested))


def drawn(
    values: Floats, lags: int, cause: int, effect: int, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Return series (n_draws, n, k) drawn step by step, in which `cause` moves no `effect`."""
    n, k = values.shape
    past = [values[lags - lag : n - lag] for lag in range(1, lags + 1)]
    design = np.column_stack([np.ones(n - lags), *past])
    coefficients = np.zeros((design.shape[1], k))
    residuals = np.empty((n - lags, k))
    for j in range(k):
        kept = np.ones(design.shape[1], dtype=bool)
        kept[1 + cause :: k] = j != effect
        q, r = np.linalg.qr(design[:, kept])
        coefficients[kept, j] = np.linalg.solve(r, q.T @ values[lags:, j])
        residuals[:, j] = values[lags:, j] - design @ coefficients[:, j]
        residuals[:, j] /= np.sqrt(1 - (q**2).sum(axis=1))  # a fitted residual is too small
    residuals -= residuals.mean(axis=0)
    drawn = np.empty((n_draws, n, k))
    drawn[:, :lags] = values[:lags]
    shocks = residuals[rng.integers(n - lags, size=(n_draws, n - lags))]
    for t in range(lags, n):
        before = drawn[:, t - lags : t][:, ::-1].reshape(n_draws, -1)
        drawn[:, t] = coefficients[0] + before @ coefficients[1:] + shocks[:, t - lags]
    return drawn


def standardised(data: Series, names: Sequence[str], who: str) -> Floats:
    """Return the columns with mean 0 and deviation 1, which no statistic here depends on."""
    if len(set(names)) < len(names):
        raise SanctlibError(f"{who} needs each column once, and got {', '.join(names)}.")
    spread = data.numbers.std(axis=0)
    if (spread == 0).any():
        msg = f"{who} needs series that vary, and {names[int(spread.argmin())]!r} does not."
        raise SanctlibError(msg)
    scaled: Floats = (data.numbers - data.numbers.mean(axis=0)) / spread
    return scaled


def lag_order(values: Floats, lags: Lags, *, most: int, added: int, who: str) -> int:
    """Return the number of lags: the given one if it fits, or the criterion's, at least 1."""
    import statsmodels.api as sm

    n, k = len(values), len(values.T)

    def needed(p: int) -> int:
        return p + added + 4 * (1 + k * (p + added))

    fitting = [p for p in range(1, most + 1) if needed(p) <= n]
    asked = lags if isinstance(lags, int) else 1
    if asked < 1 or needed(asked) > n:
        msg = (
            f"{who} needs at least 1 lag, and {needed(asked)} periods for {asked} and {added} added"
        )
        raise SanctlibError(f"{msg} (four a coefficient), got {n}.")
    if isinstance(lags, int):
        return lags
    chosen: int = sm.tsa.VAR(values).select_order(fitting[-1]).selected_orders[lags]
    return max(1, int(chosen))


def integration_of(values: Floats) -> int:
    """Return the highest order of integration of the columns."""
    return max(_order(column) for column in values.T)


def _order(series: Floats) -> int:
    from statsmodels.tools.sm_exceptions import InterpolationWarning
    from statsmodels.tsa.stattools import adfuller, kpss

    for order in (0, 1):
        differenced = np.diff(series, order)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InterpolationWarning)  # a p-value beyond the table
            stationary: Any = kpss(differenced, result_object=True)
        if adfuller(differenced, result_object=True).pvalue < 0.05 < stationary.pvalue:
            return order
    return 2
