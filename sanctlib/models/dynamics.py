"""Dynamics: which of two series moves first, and how one follows the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sanctlib.metrics.intervals import check_level
from sanctlib.models.autoregression import (
    Lags,
    drawn,
    integration_of,
    lag_order,
    same_period,
    standardised,
    wald,
)
from sanctlib.models.result import Fit
from sanctlib.models.series import series_of


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
    values = standardised(data, names, who)
    added = integration_of(values) if integration is None else integration
    p = lag_order(values, lags, most=most, added=added, who=who)
    n = len(values) - p - added
    spread = data.numbers.std(axis=0)
    rng = np.random.default_rng(seed)
    rows = []
    for cause, effect in ((0, 1), (1, 0)):
        statistic, sums = wald(values, lags=p, added=added, causes=[cause], effects=[effect])
        without = drawn(values, p, cause, effect, n_draws, rng)
        null, _ = wald(without, lags=p, added=added, causes=[cause], effects=[effect])
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
    shortened = standardised(data, [x, y], who)[: len(data.periods) - horizons]
    depth = lag_order(shortened, lags, most=most, added=1, who=who) + 1
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
