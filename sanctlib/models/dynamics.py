"""Dynamics: which of two series moves first, and how one follows the other."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.metrics.intervals import check_level
from sanctlib.models.result import Fit
from sanctlib.models.series import Series, series_of

Floats = NDArray[np.float64]
Lags: TypeAlias = int | Literal["aic", "bic"]


def lead_lag(
    table: pd.DataFrame,
    *,
    x: str,
    y: str,
    controls: Sequence[str] = (),
    lags: Lags = "bic",
    integration: int | None = None,
    most: int = 6,
    n_draws: int = 999,
    seed: int = 1,
    period: str = "period",
) -> Fit:
    """
    Test whether the past of one series helps to foretell another, in both directions.

    Toda and Yamamoto's (1995) test holds whether or not the series have unit roots: a
    vector autoregression in levels has more lags than needed, by the highest order of
    integration, and the Wald statistic leaves the added ones out. Its p-value is that of a
    recursive bootstrap of residuals without the tested lags (Hacker and Hatemi-J 2006),
    since the chi-squared one (``p_chi2``) rejects too often in short series.

    To come first is not to cause: a third series (the volume of news, a war) can move both,
    and what answers within the same period shows in the third row alone.

    Parameters
    ----------
    table : DataFrame
        A row per period with both columns.
    controls : sequence of str
        Further series in the system, such as the volume of news.
    lags : int or {"aic", "bic"}
        Of the autoregression: given, or up to `most` by a criterion, and at least 1. AIC
        takes more, and takes those that happen to fit: then both p-values are too small.
    integration : int, optional
        Highest order of integration. By default the lowest at which, of every series, ADF
        rejects a unit root and KPSS does not reject stationarity (5%); at most 2.

    Returns
    -------
    Fit
        `table`: ``cause``, ``effect``, ``lags``, ``added`` (lags), ``statistic`` (Wald),
        ``df``, ``sum`` (of the lags' coefficients: the direction of the relation),
        ``p_value`` (bootstrap), ``p_chi2``, ``n`` (periods in the regression), ``n_draws``.
        The row ``same period`` is of the residuals, chi-squared alone. `fitted` is
        statsmodels' autoregression.

    Raises
    ------
    SanctlibError
        For gaps, a series that does not vary, or fewer than four periods a coefficient.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=80)
    >>> y = np.roll(x, 1) + rng.normal(size=80)
    >>> table = pd.DataFrame({"period": range(80), "x": x, "y": y})
    >>> found = lead_lag(table, x="x", y="y", lags=1, n_draws=199).table
    >>> found[["cause", "effect", "p_value"]].head(2)
      cause effect  p_value
    0     x      y    0.005
    1     y      x    0.190
    """
    import statsmodels.api as sm
    from scipy.special import chdtrc

    who = "lead_lag"
    names = [x, y, *controls]
    data = series_of(table, names, period=period, needed_by=who)
    values = _standardised(data, names, who)
    added = _integration(values) if integration is None else integration
    p = _lags(values, lags, most=most, added=added, who=who)
    n = len(values) - p - added
    spread = data.numbers.std(axis=0)
    rng = np.random.default_rng(seed)
    rows = []
    for cause, effect in ((0, 1), (1, 0)):
        statistic, sums = wald(values, lags=p, added=added, causes=[cause], effects=[effect])
        drawn = _drawn(values, p, cause, effect, n_draws, rng)
        null, _ = wald(drawn, lags=p, added=added, causes=[cause], effects=[effect])
        rows.append(
            {
                "cause": names[cause],
                "effect": names[effect],
                "lags": p,
                "added": added,
                "statistic": float(statistic),
                "df": p,
                "sum": float(sums) * spread[effect] / spread[cause],
                "p_value": (1 + int((null >= statistic).sum())) / (1 + n_draws),
                "p_chi2": float(chdtrc(p, statistic)),
                "n": n,
                "n_draws": n_draws,
            }
        )
    fitted = sm.tsa.VAR(data.numbers).fit(p + added)
    at_once = same_period(np.asarray(fitted.resid), causes=[0], effects=[1])
    both = {
        "cause": x,
        "effect": f"{y}, same period",
        "lags": p,
        "added": added,
        "n": n,
        "n_draws": 0,
    }
    rows.append(both | {"statistic": at_once, "df": 1, "p_chi2": float(chdtrc(1, at_once))})
    chosen = "given" if isinstance(lags, int) else f"by {lags.upper()}, at most {most}"
    return Fit(
        name=f"Lead and lag of {x} and {y} (Toda and Yamamoto)",
        table=pd.DataFrame(rows),
        notes=(
            "Description: what comes first need not be the cause; a third series can move both.",
            f"Lags: {p}, {chosen}, and {added} added; p-values of {n_draws} draws, seed {seed}.",
            data.note(),
        ),
        fitted=fitted,
    )


def fit_local_projection(
    table: pd.DataFrame,
    *,
    x: str,
    y: str,
    horizons: int = 6,
    lags: Lags = "aic",
    most: int = 6,
    period: str = "period",
    level: float = 0.95,
) -> Fit:
    """
    Fit how one series follows a unit more of another, period by period (Jordà 2005).

    At each horizon y is regressed on x of today and on the past of both, with one lag more
    than the criterion asks for: the errors of White (HC3) then hold with and without unit
    roots (Montiel Olea and Plagborg-Møller 2021), and none for autocorrelation are needed.
    What x does within the period counts as x moving y, and never the other way round.

    Parameters
    ----------
    table : DataFrame
        A row per period with both columns.
    horizons : int
        The last one; the first is 0, the same period.
    lags : int or {"aic", "bic"}
        Of the autoregression of both: given, or up to `most` by a criterion.

    Returns
    -------
    Fit
        `table`: ``horizon`` (periods), ``estimate`` (units of y for one of x that its past
        does not foretell), ``lower``, ``upper`` (of each horizon alone), ``p_value``, ``n``.
        `fitted` holds statsmodels' result per horizon.

    Raises
    ------
    SanctlibError
        For gaps, a series that does not vary, or fewer than four periods a coefficient.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=80)
    >>> y = 2 * np.roll(x, 1) + rng.normal(size=80)
    >>> fit = fit_local_projection(
    ...     pd.DataFrame({"period": range(80), "x": x, "y": y}), x="x", y="y", horizons=1, lags=1
    ... )
    >>> fit.table["estimate"].round(1).tolist()
    [0.0, 2.2]
    """
    import statsmodels.api as sm

    who = "fit_local_projection"
    check_level(level)
    data = series_of(table, [x, y], period=period, needed_by=who)
    shortened = _standardised(data, [x, y], who)[: len(data.periods) - horizons]
    depth = _lags(shortened, lags, most=most, added=1, who=who) + 1
    values, n = data.numbers, len(data.periods)
    past = [values[depth - lag : n - lag] for lag in range(1, depth + 1)]
    design = np.column_stack([values[depth:, 0], np.ones(n - depth), *past])
    fits = [
        sm.OLS(values[depth + h :, 1], design[: n - depth - h]).fit(cov_type="HC3", use_t=True)
        for h in range(horizons + 1)
    ]
    bounds = [fit.conf_int(alpha=1 - level)[0] for fit in fits]
    return Fit(
        name=f"Response of {y} to {x} (local projection)",
        table=pd.DataFrame(
            {
                "horizon": range(horizons + 1),
                "estimate": [float(fit.params[0]) for fit in fits],
                "lower": [float(low) for low, _ in bounds],
                "upper": [float(high) for _, high in bounds],
                "p_value": [float(fit.pvalues[0]) for fit in fits],
                "n": [int(fit.nobs) for fit in fits],
            }
        ),
        notes=(
            f"Description, unless what moves {x} beyond the past moves {y} through it alone.",
            f"Lags: {depth - 1}, and one added; HC3; a {level:.0%} interval is of one horizon.",
            data.note(),
        ),
        fitted=fits,
    )


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


def _drawn(
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


def _standardised(data: Series, names: Sequence[str], who: str) -> Floats:
    """Return the columns with mean 0 and deviation 1, which no statistic here depends on."""
    if len(set(names)) < len(names):
        raise SanctlibError(f"{who} needs each column once, and got {', '.join(names)}.")
    spread = data.numbers.std(axis=0)
    if (spread == 0).any():
        msg = f"{who} needs series that vary, and {names[int(spread.argmin())]!r} does not."
        raise SanctlibError(msg)
    standardised: Floats = (data.numbers - data.numbers.mean(axis=0)) / spread
    return standardised


def _lags(values: Floats, lags: Lags, *, most: int, added: int, who: str) -> int:
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


def _integration(values: Floats) -> int:
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
