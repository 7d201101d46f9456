"""Fit vector autoregressions to series. Read arrays; return lags, statistics and replicates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import numpy as np

from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models._inputs import Floats, Series, n_of
from sanctlib.query import whole_of

Lags: TypeAlias = int | Literal["aic", "bic"]

_COMBINED = "is an exact combination of the other columns and of the past. Drop it, or use changes."


@contextmanager
def solving(names: Sequence[str]) -> Iterator[None]:
    """Let a regression that has no solution fail in words."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # a matrix without full rank is refused in words
            yield
    except np.linalg.LinAlgError as error:
        raise _no_solution(names) from error


def _no_solution(names: Sequence[str]) -> SanctlibError:
    return SanctlibError(f"One of the columns {', '.join(map(repr, names))} {_COMBINED}")


def with_past(values: Floats, depth: int) -> Floats:
    """Return a constant and `depth` lags of series (..., n, k), for all but the first periods."""
    n = values.shape[-2]
    past = [values[..., depth - lag : n - lag, :] for lag in range(1, depth + 1)]
    return np.concatenate([np.ones((*values.shape[:-2], n - depth, 1)), *past], axis=-1)


def check_distinct(values: Floats, names: Sequence[str], *, lags: int) -> None:
    """Check that no series follows exactly from the others and from the past of all."""
    n, k = values.shape
    if n - lags <= 1 + k * (1 + lags):
        return
    # The series now, a constant, and their lags: linearly independent unless one is redundant.
    design = np.column_stack([values[lags:], with_past(values, lags)])
    rank = np.linalg.matrix_rank(design)
    if rank == design.shape[1]:
        return
    for j, name in enumerate(names):
        if np.linalg.matrix_rank(np.delete(design, j, axis=1)) == rank:
            raise SanctlibError(f"Column {name!r} {_COMBINED}")
    raise _no_solution(names)


def wald(
    values: Floats, *, lags: int, added: int, causes: Sequence[int], effects: Sequence[int]
) -> tuple[Floats, Floats]:
    """
    Return the Wald statistic of no lag of `causes` helping `effects`, and the lags' sum.

    `values` are (..., n, k); the regression has a constant and ``lags + added`` lags, of
    which the last `added` are not tested. Divided by ``lags * len(causes) * len(effects)``
    the statistic is the F of Lütkepohl (2005).
    """
    n, k = values.shape[-2:]
    depth = lags + added
    design, now = with_past(values, depth), values[..., depth:, :]
    turned = np.swapaxes(design, -1, -2)
    inverse = np.linalg.inv(turned @ design)
    coefficients = inverse @ (turned @ now)
    residuals = now - design @ coefficients
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


def replicated(
    values: Floats,
    lags: int,
    tested: tuple[int, int],
    n_replicates: int,
    rng: np.random.Generator,
) -> Floats:
    """Return bootstrap series (n_replicates, n, k) in which the cause does not help the effect."""
    n, k = values.shape
    cause, effect = tested
    design = with_past(values, lags)
    coefficients = np.zeros((design.shape[1], k))
    residuals = np.empty((n - lags, k))
    for j in range(k):
        # The equation of the effect is without the lags of the cause.
        kept = np.ones(design.shape[1], dtype=bool)
        kept[1 + cause :: k] = j != effect
        q, r = np.linalg.qr(design[:, kept])
        coefficients[kept, j] = np.linalg.solve(r, q.T @ values[lags:, j])
        residuals[:, j] = values[lags:, j] - design @ coefficients[:, j]
        residuals[:, j] /= np.sqrt(1 - (q**2).sum(axis=1))  # a fitted residual is too small
    residuals -= residuals.mean(axis=0)
    # Each replicate begins as the series did, and continues with resampled residuals.
    made = np.empty((n_replicates, n, k))
    made[:, :lags] = values[:lags]
    shocks = residuals[rng.integers(n - lags, size=(n_replicates, n - lags))]
    for t in range(lags, n):
        before = made[:, t - lags : t][:, ::-1].reshape(n_replicates, -1)
        made[:, t] = coefficients[0] + before @ coefficients[1:] + shocks[:, t - lags]
    return made


def standardised(data: Series, names: Sequence[str]) -> Floats:
    """Return the columns with mean 0 and standard deviation 1: no statistic depends on either."""
    for name in names:
        if names.count(name) > 1:
            msg = f"Column {name!r} is named twice. Name another column: a series cannot explain"
            raise SanctlibError(f"{msg} itself.")
    check_varies(data.numbers, names)
    scaled: Floats = (data.numbers - data.numbers.mean(axis=0)) / data.numbers.std(axis=0)
    check_distinct(scaled, names, lags=1)
    return scaled


def check_varies(values: Floats, names: Sequence[str], *, where: str = "") -> None:
    """Check that each column has two values or more."""
    for name, column in zip(names, values.T, strict=True):
        if np.ptp(column) == 0 or column.std() == 0:
            raise SanctlibError(f"Column {name!r} has one value{where}. A series must vary.")


def check_lags(lags: object, most: int) -> None:
    """Check the number of lags, or the criterion that chooses it, and the largest number."""
    if isinstance(lags, str):
        check_choice(lags, ("aic", "bic"), what="lags")
    else:
        whole_of(lags, what="lags", least=1)
    whole_of(most, what="most", least=1)


def lag_order(values: Floats, lags: Lags, *, most: int, added: int, where: str = "") -> int:
    """Return the number of lags: the given one if it fits, or the criterion's, at least 1."""
    import statsmodels.api as sm

    n, k = len(values), len(values.T)

    def needed(p: int) -> int:
        return p + added + 4 * (1 + k * (p + added))

    least = 1 if isinstance(lags, str) else int(lags)
    if needed(least) > n:
        msg = f"The series has {n} periods{where}. {n_of(least, 'lag')} and {added} added need"
        raise SanctlibError(f"{msg} {needed(least)} (four per coefficient): use a longer series.")
    if not isinstance(lags, str):
        return least
    longest = max(p for p in range(1, most + 1) if needed(p) <= n)
    try:
        chosen: int = sm.tsa.VAR(values).select_order(longest).selected_orders[lags]
    except (ValueError, np.linalg.LinAlgError) as error:
        msg = f"Up to {longest} lags cannot be compared, because a series varies in too few periods"
        raise SanctlibError(f"{msg} or follows from the others. Choose lags=1.") from error
    return max(1, int(chosen))


def integration_of(values: Floats, names: Sequence[str]) -> int:
    """Return the highest order of integration of the columns."""
    orders = []
    for name, column in zip(names, values.T, strict=True):
        try:
            orders.append(_order(column))
        except (ValueError, np.linalg.LinAlgError) as error:
            msg = f"The order of integration of {name!r} cannot be tested ({error!s:.100})."
            raise SanctlibError(f"{msg} Choose it: integration=0, 1 or 2.") from error
    return max(orders)


def _order(series: Floats) -> int:
    from statsmodels.tsa.stattools import adfuller, kpss

    for order in (0, 1):
        differenced = np.diff(series, order)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of a p-value beyond the table, among others
            stationary: Any = kpss(differenced, result_object=True)
            root: Any = adfuller(differenced, result_object=True)
        if root.pvalue < 0.05 < stationary.pvalue:
            return order
    return 2
