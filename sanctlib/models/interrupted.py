"""Interrupted series: whether a series jumped at a date more than at dates without a cause."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_choice
from sanctlib.metrics.intervals import check_level
from sanctlib.models.result import Fit
from sanctlib.models.series import series_of

Model: TypeAlias = Literal["linear", "poisson", "negative_binomial"]
Floats = NDArray[np.float64]

_SEASON = {"day": 365.25, "week": 365.25 / 7, "month": 12.0, "quarter": 4.0}  # periods a year


def fit_interrupted_series(
    table: pd.DataFrame,
    *,
    value: str,
    at: date | int,
    model: Model = "linear",
    exposure: str | None = None,
    slope: bool = True,
    harmonics: int = 0,
    window: int = 3,
    period: str = "period",
    level: float = 0.95,
) -> Fit:
    """
    Fit level and slope of a series before and after a date, beside dates without a cause.

    The first row is the headline. ``jump`` compares the `window` periods from the date on
    with as many before it, after taking off the trend (and season) fitted to the periods
    before the date. Its p-value is the rank of its size among the jumps at all dates before,
    the placebo dates, so it asks nothing of the errors but that the past is a fair sample of
    them. It cannot be smaller than one over the number of dates and one, and does not see a
    change that comes slowly. The longer the window, the fewer independent dates there are:
    beyond 3, with fewer than some 100 periods before, it rejects too often.

    ``level`` and ``slope`` are of the segmented regression on the whole series (Wagner and
    others 2002), with the errors that the model names, and again with those of Newey and
    West (1987), which are too small in samples of this size. How often each rejects where
    nothing happened is on the page on inference. The period that holds the date is the
    first one after.

    Parameters
    ----------
    table : DataFrame
        A row per period, as `sanction_counts` or `partnership_intensity` return for one group.
    value : str
        Column of the series; counts for the models of counts.
    at : date or int
        Of the interruption; a number where periods are numbered.
    model : {"linear", "poisson", "negative_binomial"}
        ``linear``: errors AR(1), by GLSAR. ``poisson``: errors scaled by Pearson's
        dispersion, where that is above 1. ``negative_binomial``: its own dispersion, by
        maximum likelihood. Estimates of the last two are rate ratios.
    exposure : str, optional
        Column of what counts are relative to (all events, persons), above 0; its logarithm
        is the offset. Without one, growth of the whole passes for growth of the series.
    slope : bool
        Whether the slope may change, too.
    harmonics : int
        Pairs of sine and cosine per year.

    Returns
    -------
    Fit
        `table`: ``term`` (jump, level, slope per period), ``scale`` (difference or rate
        ratio), ``estimate``, ``lower``, ``upper``, ``p_value``, ``n`` (placebo dates;
        periods), ``errors``. `details`: ``"series"`` (``period``, ``value``, ``fitted``,
        ``expected`` without the interruption), ``"placebo"`` (``period``, ``jump``: of
        counts, of Pearson residuals). `fitted` is statsmodels' result.

    Raises
    ------
    SanctlibError
        For gaps, too few periods on either side or nothing to compare in them, a negative
        count or exposure, harmonics of years, or counts without overdispersion under
        ``negative_binomial``.

    Examples
    --------
    >>> import numpy as np
    >>> months = pd.date_range("2019-01-01", periods=48, freq="MS")
    >>> n = 20 + np.tile([0, 2, -1, 1, -2], 10)[:48] + np.where(months >= "2022-02-01", 9, 0)
    >>> fit = fit_interrupted_series(
    ...     pd.DataFrame({"period": months, "n": n}), value="n", at=date(2022, 2, 24)
    ... )
    >>> fit.table[["term", "estimate", "p_value", "n"]].head(2).round(3)
        term  estimate  p_value   n
    0   jump     8.333     0.03  32
    1  level     8.841     0.00  48
    """
    who = "fit_interrupted_series"
    check_choice(model, ("linear", "poisson", "negative_binomial"), what="model", needed_by=who)
    check_level(level)
    columns = [value] if exposure is None else [value, exposure]
    data = series_of(table, columns, period=period, needed_by=who)
    y, n = data.numbers[:, 0], len(data.periods)
    exposed = np.ones(n) if exposure is None else data.numbers[:, 1]
    if model == "linear" and exposure is not None:
        raise SanctlibError(f"{who} uses an exposure with counts: choose model='poisson'.")
    if model != "linear" and ((y < 0).any() or (exposed <= 0).any()):
        raise SanctlibError(f"{who} needs counts from 0 and an exposure above 0.")
    if harmonics and data.every not in _SEASON:
        raise SanctlibError(f"{who} finds no season in years or numbers: harmonics=0.")
    start, time = data.place(at, needed_by=who), np.arange(n, dtype="float64")
    waves = [2 * np.pi * k * time / _SEASON[data.every or ""] for k in range(1, harmonics + 1)]
    before = np.column_stack([np.ones(n), time, *map(np.sin, waves), *map(np.cos, waves)])
    least = max(4 * window, 3 * before.shape[1])
    if window < 1 or start < least or n - start < max(window, 3):
        msg = f"{who} needs at least {least} periods before the date and {max(window, 3)} from it"
        raise SanctlibError(f"{msg} on (window {window}), got {start} and {n - start}.")
    if np.ptp(y[:start]) == 0 or (model != "linear" and not y[start:].any()):
        msg = f"{who} needs values that vary before the date, and counts above 0 after it"
        raise SanctlibError(f"{msg}: there is nothing to compare.")
    after = (time >= start).astype("float64")
    changes = {"level": after, "slope": after * (time - start)} if slope else {"level": after}
    design = np.column_stack([before, *changes.values()])
    fits, alpha = _fits(y, design, exposed, model)
    dates = np.array([*range(window, start - window + 1), start])
    usual = _usual(y, before, exposed, start, model)
    jumps = _jumps(y, usual, dates, window, alpha)
    size = np.abs(jumps)
    back: Any = np.asarray if model == "linear" else np.exp
    rows: list[dict[str, object]] = [
        {
            "term": "jump",
            "estimate": jumps[-1] if model == "linear" else _ratio(y, usual, start, window),
            "p_value": float(np.mean(size >= size[-1] - 1e-12)),
            "n": len(dates) - 1,
            "errors": "placebo dates",
        }
    ]
    for errors, fit in fits:
        bounds = back(fit.conf_int(alpha=1 - level))
        for i, term in enumerate(changes, start=before.shape[1]):
            found = {"term": term, "estimate": float(back(fit.params[i])), "n": n}
            found |= {"lower": float(bounds[i][0]), "upper": float(bounds[i][1])}
            rows.append(found | {"p_value": float(fit.pvalues[i]), "errors": errors})
    scale = "difference" if model == "linear" else "rate ratio"
    order = ["term", "scale", "estimate", "lower", "upper", "p_value", "n", "errors"]
    params = fits[0][1].params
    fitted, expected = (exposed * back(part @ params[: part.shape[1]]) for part in (design, before))
    return Fit(
        name=f"Interrupted series of {value} at {at!s}, {model.replace('_', ' ')}",
        table=pd.DataFrame(rows).assign(scale=scale)[order],
        notes=(
            "Description: a date is shared with all else that happened then, and no other series "
            "says what would have been.",
            f"Headline p: rank among {len(dates) - 1} placebo dates before the date; "
            f"it cannot be below {1 / len(dates):.3f}.",
            "HAC errors are too small in samples of this size, and stand here to be compared.",
            f"The first period after is the one that holds the date: {data.periods[start]!s:.10}.",
            data.note(),
        ),
        fitted=fits[0][1],
        details={
            "series": pd.DataFrame(
                {
                    "period": data.periods,
                    "value": y,
                    "fitted": fitted,
                    "expected": np.where(time >= start, expected, np.nan),
                }
            ),
            "placebo": pd.DataFrame({"period": data.periods.to_numpy()[dates], "jump": jumps}),
        },
    )


def _fits(
    y: Floats, design: Floats, exposed: Floats, model: Model
) -> tuple[list[tuple[str, Any]], float | None]:
    """Return the model's fit and the HAC one, each with its errors in words, and alpha."""
    import statsmodels.api as sm

    # Newey and West's (1994) rule for the number of lags.
    lags = int(4 * (len(y) / 100) ** (2 / 9))
    hac: dict[str, Any] = {"cov_type": "HAC", "cov_kwds": {"maxlags": lags, "use_correction": True}}
    words = f"HAC, {lags} lags: too small"
    if model == "linear":
        own = sm.GLSAR(y, design, rho=1)
        fit = own.iterative_fit(maxiter=50)
        robust = sm.OLS(y, design).fit(**hac, use_t=True)
        return [(f"AR(1), rho {own.rho.item():.2f}", fit), (words, robust)], None
    offset, alpha = np.log(exposed), 0.0
    family = sm.families.Poisson()
    if model == "negative_binomial":
        alpha = _alpha(y, design, offset)
        family = sm.families.NegativeBinomial(alpha=alpha)
    glm = sm.GLM(y, design, family=family, offset=offset)
    robust = words, glm.fit(**hac)
    if model == "negative_binomial":
        return [(f"negative binomial, alpha {alpha:.3f}", glm.fit()), robust], alpha
    fit = glm.fit(scale="X2")
    phi = max(float(fit.scale), 1.0)
    return [(f"Poisson, dispersion {phi:.2f}", fit if phi > 1 else glm.fit()), robust], alpha


def _alpha(y: Floats, design: Floats, offset: Floats) -> float:
    """Return the dispersion of highest likelihood: the search is safe where Newton's is not."""
    import statsmodels.api as sm
    from scipy.optimize import minimize_scalar

    def loss(log_alpha: float) -> float:
        family = sm.families.NegativeBinomial(alpha=np.exp(log_alpha))
        return -float(sm.GLM(y, design, family=family, offset=offset).fit().llf)

    alpha = float(np.exp(minimize_scalar(loss, bounds=(-12, 4), method="bounded").x))
    if alpha < 1e-4:
        msg = "The counts vary no more than Poisson's, and a negative binomial has nothing to fit"
        raise SanctlibError(f"{msg}: choose model='poisson'.")
    return alpha


def _usual(y: Floats, before: Floats, exposed: Floats, start: int, model: Model) -> Floats:
    """Return what trend and season of the periods before the date give for all."""
    import statsmodels.api as sm

    past = slice(0, start)
    if model == "linear":
        return np.asarray(before @ sm.OLS(y[past], before[past]).fit().params)
    poisson, offset = sm.families.Poisson(), np.log(exposed[past])
    fit = sm.GLM(y[past], before[past], family=poisson, offset=offset).fit()
    return np.asarray(exposed * np.exp(before @ fit.params))


def _jumps(
    y: Floats, usual: Floats, dates: NDArray[np.int64], window: int, alpha: float | None
) -> Floats:
    """Return by how much residuals (of counts, Pearson's) change at each date, on average."""
    variance = 1.0 if alpha is None else usual * (1 + alpha * usual)
    sums = np.concatenate([[0.0], ((y - usual) / np.sqrt(variance)).cumsum()])
    changes: Floats = sums[dates + window] - 2 * sums[dates] + sums[dates - window]
    return changes / window


def _ratio(y: Floats, usual: Floats, start: int, window: int) -> float:
    """Return observed to usual counts after the date, relative to those before it."""
    new, old = slice(start, start + window), slice(start - window, start)
    seen, foreseen = y[new].sum() * usual[old].sum(), y[old].sum() * usual[new].sum()
    return float(seen / foreseen) if foreseen else float("nan")
