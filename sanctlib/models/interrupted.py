"""Test whether a series changed at a date. Read a table; return a Fit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models._inputs import (
    Floats,
    Series,
    column_of,
    origin,
    p_in_words,
    series_of,
    sources_of,
    with_interval,
)
from sanctlib.query import Day, ask, flag_of, whole_of
from sanctlib.result import Fit

Model: TypeAlias = Literal["linear", "poisson", "negative_binomial"]

_SEASON = {"day": 365.25, "week": 365.25 / 7, "month": 12.0, "quarter": 4.0}  # periods a year


def interrupted_series(
    table: object,
    *,
    dependent: str,
    onset: Day | int,
    model: Model = "linear",
    exposure: str | None = None,
    slope: bool = True,
    harmonics: int = 0,
    window: int = 3,
    level: float = 0.95,
) -> Fit:
    """
    Fit level and slope of a series before and after a date, with placebo dates.

    The headline is ``jump``: the `window` periods from the onset on compared with as many
    before it, less the trend (and season) fitted to the periods before it. Its p-value is its
    rank among the jumps at all earlier dates, the placebo dates. So it assumes only that the
    past is a fair sample of the errors. It cannot be below 1 over the number of placebo dates
    plus 1, and it misses slow changes. A longer window has fewer independent placebo dates:
    beyond 3, with fewer than some 100 periods before the onset, the test rejects too often.

    ``level`` and ``slope`` are those of the segmented regression on the whole series (Wagner
    and others 2002), with the errors of the model, and again with those of Newey and West
    (1987), which are too small in short series. The page on inference has the false-positive
    rate of each. The period that holds the onset is the first one after it.

    Parameters
    ----------
    table : DataFrame or Result
        One row per ``period`` without gaps, such as one group of `sanction_counts` or
        `partnership_intensity`.
    dependent : str
        Column of the series; counts from 0 for the models of counts.
    onset : day or int
        When the interruption begins, as ISO text ("2022", "2022-03", "2022-03-01"), date,
        datetime, Timestamp, datetime64 or Period; a number where the periods are numbers.
    model : {"linear", "poisson", "negative_binomial"}, default "linear"
        ``linear``: AR(1) errors by GLSAR. ``poisson``: errors scaled by the dispersion of
        Pearson where it is above 1. ``negative_binomial``: its own dispersion, by maximum
        likelihood. Estimates of the last two are rate ratios.
    exposure : str, optional
        Column of what the counts are relative to (all events, persons), above 0; its logarithm
        is the offset. Without it, growth of the total counts as growth of the series.
    slope : bool, default True
        Whether the slope may change too.
    harmonics : int, default 0
        Pairs of sine and cosine per year.
    window : int, default 3
        Periods compared on either side of the onset.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Its table has ``term`` (jump, level, slope per period), ``scale`` (difference or rate
        ratio), ``estimate``, ``lower``, ``upper``, ``p_value``, ``n`` (placebo dates, or
        periods) and ``vcov`` (the errors). Its `tables` are ``"series"`` (``period``,
        ``value``, ``fitted``, ``expected`` without the interruption) and ``"placebo"``
        (``period``, ``jump``; for counts, of Pearson residuals). `fitted` is the result of
        statsmodels.

    Raises
    ------
    SanctlibError
        For gaps, an onset outside the periods, too few periods on either side, nothing to
        compare, a negative count or exposure, harmonics of years, or counts without
        overdispersion under ``negative_binomial``.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> months = pd.date_range("2019-01-01", periods=48, freq="MS")
    >>> n = 20 + np.tile([0, 2, -1, 1, -2], 10)[:48] + np.where(months >= "2022-02-01", 9, 0)
    >>> table = pd.DataFrame({"period": months, "n": n})
    >>> fit = sl.models.interrupted_series(table, dependent="n", onset="2022-02-24")
    >>> fit.table[["term", "estimate", "p_value", "n"]].head(2).round(3)
        term  estimate  p_value   n
    0   jump     8.333     0.03  32
    1  level     8.841     0.00  47
    """
    check_choice(model, ("linear", "poisson", "negative_binomial"), what="model")
    flag_of(slope, what="slope")
    whole_of(window, what="window", least=1)
    columns = [column_of(dependent, what="dependent")]
    if exposure is not None:
        columns.append(column_of(exposure, what="exposure"))
    data = series_of(table, columns)
    named = {"dependent": dependent, "onset": onset, "model": model, "exposure": exposure}
    named |= {"slope": slope, "harmonics": harmonics, "window": window}
    query = ask(**data.given, level=level, **named)
    y, exposed = _counted(data, dependent, exposure, model)
    start, before = data.place(onset), _trend_and_season(data, harmonics)
    _check_comparable(data, dependent, start, window, model, n_terms=before.shape[1])
    # After the onset the level may change, and the slope.
    time = np.arange(len(y), dtype="float64")
    after = (time >= start).astype("float64")
    changes = {"level": after, "slope": after * (time - start)} if slope else {"level": after}
    design = np.column_stack([before, *changes.values()])
    with np.errstate(all="ignore"):
        try:
            fits, alpha = _fits(y, design, exposed, model)
            usual = _usual(y, before, exposed, start, model)
        except (ValueError, np.linalg.LinAlgError) as error:
            msg = f"The model has no finite estimate ({error!s:.100}). Check for numbers of very"
            raise SanctlibError(f"{msg} different size.") from error
    if (y[:start] - usual[:start]).std() < 1e-9 * y[:start].std():
        msg = f"Column {dependent!r} follows its trend exactly before the onset. There are no"
        raise SanctlibError(f"{msg} errors to compare with.")
    dates = np.array([*range(window, start - window + 1), start])
    jumps = _jumps(y, usual, dates, window, alpha)
    size = np.abs(jumps)
    jump: dict[str, Any] = {
        "term": "jump",
        "estimate": jumps[-1] if model == "linear" else _ratio(y, usual, start, window),
        "p_value": float(np.mean(size >= size[-1] - 1e-12)),
        "n": len(dates) - 1,
        "vcov": "placebo dates",
    }
    places = dict(zip(changes, range(before.shape[1], design.shape[1]), strict=True))
    rows = [jump, *_terms(fits, places, dependent, model, query.level)]
    scale = "difference" if model == "linear" else "rate ratio"
    order = ["term", "scale", "estimate", "lower", "upper", "p_value", "n", "vcov"]
    params, back = fits[0][1].params, _back(model)
    fitted, expected = (exposed * back(part @ params[: part.shape[1]]) for part in (design, before))
    sources, first_after = sources_of(table), data.named(data.periods[start])
    of = f"{data.span}{origin(sources)}"
    return Fit(
        table=pd.DataFrame(rows).assign(scale=scale)[order],
        name=f"{dependent} before and after {first_after}",
        kind="series",
        query=query,
        unit=data.unit,
        n=len(y),
        sources=sources,
        notes=(
            "The estimates are descriptive: other events of the same date have the same effect on "
            "them, and no other series shows what would have happened.",
            f"The headline p-value is the rank among {len(dates) - 1} placebo dates before the "
            f"onset; it cannot be below {1 / len(dates):.3f}.",
            "HAC errors are too small in series of this length and are given for comparison.",
            f"The first period after the onset is the one that holds it, {first_after}.",
            data.note,
        ),
        findings=(
            f"Jump in {first_after}: {scale} {jump['estimate']:,.3g}, "
            f"{p_in_words(jump['p_value'])} by rank among {jump['n']} placebo dates, {of}.",
            *(
                f"Change of the {row['term']} from {first_after} on: {scale} "
                f"{with_interval(row['estimate'], row['lower'], row['upper'], query.level)}, "
                f"{p_in_words(row['p_value'])}, {of}."
                for row in rows[1 : 1 + len(changes)]
            ),
        ),
        fitted=fits[0][1],
        tables={
            "series": pd.DataFrame(
                {
                    "period": data.periods,
                    "value": y,
                    "fitted": fitted,
                    "expected": np.where(after, expected, np.nan),
                }
            ),
            "placebo": pd.DataFrame({"period": data.periods.to_numpy()[dates], "jump": jumps}),
        },
    )


def _counted(
    data: Series, dependent: str, exposure: str | None, model: Model
) -> tuple[Floats, Floats]:
    """Return the series and its exposure (1 where none is given), checked."""
    y = data.numbers[:, 0]
    exposed = np.ones(len(y)) if exposure is None else data.numbers[:, 1]
    if model == "linear" and exposure is not None:
        msg = f"exposure is {exposure!r}, which only models of counts use. Choose model='poisson'."
        raise SanctlibError(msg)
    if model != "linear":
        for name, wrong, span in (
            (dependent, y[y < 0], "from 0"),
            (exposure, exposed[exposed <= 0], "above 0"),
        ):
            if len(wrong):
                msg = f"Column {name!r} holds {wrong[0]:g}. A model of counts needs values"
                raise SanctlibError(f"{msg} {span}.")
    return y, exposed


def _trend_and_season(data: Series, harmonics: int) -> Floats:
    """Return a constant, time, and pairs of sine and cosine per year."""
    season = _SEASON.get(data.every or "")
    if whole_of(harmonics, what="harmonics", least=0) and season is None:
        msg = f"harmonics is {harmonics}, and the {data.unit} of the series have no season."
        raise SanctlibError(f"{msg} Use harmonics=0.")
    if season is not None:
        whole_of(harmonics, what="harmonics", least=0, most=int(np.ceil(season / 2)) - 1)
    time = np.arange(len(data.periods), dtype="float64")
    waves = [2 * np.pi * k * time / (season or 1.0) for k in range(1, harmonics + 1)]
    return np.column_stack([np.ones(len(time)), time, *map(np.sin, waves), *map(np.cos, waves)])


def _check_comparable(
    data: Series, dependent: str, start: int, window: int, model: Model, *, n_terms: int
) -> None:
    """Check that there are enough periods on either side of the onset, and that they vary."""
    y = data.numbers[:, 0]
    least, n_after = max(4 * window, 3 * n_terms), len(y) - start
    if start < least or n_after < max(window, 3):
        msg = f"The series has {start} {data.unit} before the onset and {n_after} from it on. It"
        msg = f"{msg} must have {least} and {max(window, 3)}, with a window of {window}:"
        raise SanctlibError(f"{msg} use a longer series or a shorter window.")
    if np.ptp(y[:start]) == 0 or (model != "linear" and not y[start:].any()):
        msg = f"Column {dependent!r} does not vary before the onset, or has only 0 after it."
        raise SanctlibError(f"{msg} There is nothing to compare.")


def _back(model: Model) -> Any:
    """Return the function from the scale of the model to that of its estimates."""
    return np.asarray if model == "linear" else np.exp


def _terms(
    fits: list[tuple[str, Any]],
    places: dict[str, int],
    dependent: str,
    model: Model,
    level: float,
) -> list[dict[str, Any]]:
    """Return the estimate of each term with the errors of each fit."""
    rows = []
    for vcov, fit in fits:
        with np.errstate(all="ignore"):
            bounds = _back(model)(fit.conf_int(alpha=1 - level))
            estimates = _back(model)(fit.params)
        for term, i in places.items():
            row = {"estimate": estimates[i], "lower": bounds[i][0], "upper": bounds[i][1]}
            row |= {"p_value": fit.pvalues[i]}
            if not np.isfinite(list(row.values())).all():
                msg = f"The change of the {term} has no finite interval: column {dependent!r} has"
                msg = f"{msg} too few different values, or very small counts. Use another model"
                raise SanctlibError(f"{msg} or a longer series.")
            rows.append(row | {"term": term, "n": int(fit.nobs), "vcov": vcov})
    return rows


def _fits(
    y: Floats, design: Floats, exposed: Floats, model: Model
) -> tuple[list[tuple[str, Any]], float | None]:
    """Return the fit of the model and the HAC one, each with its errors in words, and alpha."""
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
    if not robust[1].converged:
        # Counts that are 0 from some period on: the slope goes to minus infinity.
        raise ValueError("the fit did not converge")
    if model == "negative_binomial":
        return [(f"negative binomial, alpha {alpha:.3f}", glm.fit()), robust], alpha
    fit = glm.fit(scale="X2")
    phi = max(float(fit.scale), 1.0)
    return [(f"Poisson, dispersion {phi:.2f}", fit if phi > 1 else glm.fit()), robust], alpha


def _alpha(y: Floats, design: Floats, offset: Floats) -> float:
    """Return the dispersion of highest likelihood; a bounded search always ends."""
    import statsmodels.api as sm
    from scipy.optimize import minimize_scalar

    def loss(log_alpha: float) -> float:
        family = sm.families.NegativeBinomial(alpha=np.exp(log_alpha))
        return -float(sm.GLM(y, design, family=family, offset=offset).fit().llf)

    alpha = float(np.exp(minimize_scalar(loss, bounds=(-12, 4), method="bounded").x))
    if alpha < 1e-4:
        msg = "The counts vary no more than those of a Poisson model, so a negative binomial cannot"
        raise SanctlibError(f"{msg} be fitted. Choose model='poisson'.")
    return alpha


def _usual(y: Floats, before: Floats, exposed: Floats, start: int, model: Model) -> Floats:
    """Return the trend and season of the periods before the onset, for all periods."""
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
    """Return the mean change of the residuals (Pearson's, for counts) at each date."""
    variance = 1.0 if alpha is None else usual * (1 + alpha * usual)
    sums = np.concatenate([[0.0], ((y - usual) / np.sqrt(variance)).cumsum()])
    changes: Floats = sums[dates + window] - 2 * sums[dates] + sums[dates - window]
    return changes / window


def _ratio(y: Floats, usual: Floats, start: int, window: int) -> float:
    """Return observed over expected counts after the onset, relative to those before it."""
    new, old = slice(start, start + window), slice(start - window, start)
    seen, foreseen = y[new].sum() * usual[old].sum(), y[old].sum() * usual[new].sum()
    return float(seen / foreseen) if foreseen else float("nan")
