"""Test which of two series leads, and how one responds. Read a table; return a Fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.models._autoregressions import (
    Lags,
    check_distinct,
    check_lags,
    check_varies,
    integration_of,
    lag_order,
    replicated,
    same_period,
    solving,
    standardised,
    wald,
    with_past,
)
from sanctlib.models._inputs import (
    column_of,
    n_of,
    origin,
    p_in_words,
    series_of,
    sources_of,
    with_interval,
)
from sanctlib.query import ask, keys_of, whole_of
from sanctlib.result import Fit

_FEW_PULSES = 8


def lead_lag(
    table: object,
    *,
    x: str,
    y: str,
    controls: Sequence[str] = (),
    lags: Lags = "bic",
    integration: int | None = None,
    most: int = 6,
    n_replicates: int = 999,
    seed: int = 1,
) -> Fit:
    """
    Test whether the past of either of two series helps to predict the other.

    The test of Toda and Yamamoto (1995) holds with and without unit roots: the vector
    autoregression in levels has as many added lags as the highest order of integration, which
    the Wald statistic does not test. Its p-value is from a recursive bootstrap of the residuals
    without the tested lags (Hacker and Hatemi-J 2006), because the chi-squared one
    (``p_chi2``) rejects too often in short series. The series that leads need not be the
    cause: a third one (the volume of news, a war) can move both.

    Parameters
    ----------
    table : DataFrame or Result
        One row per ``period`` without gaps, with the columns named.
    x, y : str
        The two series.
    controls : sequence of str, default none
        Further series in the system, such as the volume of news.
    lags : int or {"aic", "bic"}, default "bic"
        Lags of the autoregression: a number from 1, or chosen by a criterion up to `most`.
        AIC chooses more, and both p-values are then too small.
    integration : {0, 1, 2}, optional
        Highest order of integration. By default the lowest at which, for every series, ADF
        rejects a unit root and KPSS does not reject stationarity (5 %).
    most : int, default 6
        Largest number of lags that a criterion may choose.
    n_replicates : int, default 999
        Replicates of the bootstrap.
    seed : int, default 1
        Of the bootstrap.

    Returns
    -------
    Fit
        Its table has a row per direction: ``cause``, ``effect``, ``lags``, ``added`` (lags),
        ``statistic`` (Wald), ``df``, ``sum`` (of the lags' coefficients: the sign),
        ``p_value`` (bootstrap), ``p_chi2``, ``n`` (periods used), ``n_replicates``. A response
        ``same period`` has its own row, with a chi-squared test of the residuals. `fitted` is
        the autoregression of statsmodels.

    Raises
    ------
    SanctlibError
        For gaps, a series that does not vary or follows from another, or fewer than four
        periods per coefficient.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=80)
    >>> y = np.roll(x, 1) + rng.normal(size=80)
    >>> table = pd.DataFrame({"period": range(80), "x": x, "y": y})
    >>> found = sl.models.lead_lag(table, x="x", y="y", lags=1, n_replicates=199).table
    >>> found[["cause", "effect", "p_value"]].head(2)
      cause effect  p_value
    0     x      y    0.005
    1     y      x    0.190
    """
    import statsmodels.api as sm
    from scipy.special import chdtrc

    check_lags(lags, most)
    whole_of(n_replicates, what="n_replicates", least=1)
    whole_of(seed, what="seed", least=0)
    if integration is not None:
        whole_of(integration, what="integration", least=0, most=2)
    names = [column_of(x, what="x"), column_of(y, what="y"), *keys_of(controls, what="controls")]
    data = series_of(table, names)
    named = {"x": x, "y": y, "controls": tuple(controls), "lags": lags, "integration": integration}
    query = ask(**data.given, **named, n_replicates=n_replicates, seed=seed)
    values, spread = standardised(data, names), data.numbers.std(axis=0)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    with solving(names):
        added = integration_of(values, names) if integration is None else integration
        p = lag_order(values, lags, most=most, added=added)
        check_distinct(values, names, lags=p + added)
        n = len(values) - p - added
        for cause, effect in ((0, 1), (1, 0)):
            without = replicated(values, p, (cause, effect), n_replicates, rng)
            (statistic, sums), (null, _) = (
                wald(series, lags=p, added=added, causes=[cause], effects=[effect])
                for series in (values, without)
            )
            rows.append(
                {"cause": names[cause], "effect": names[effect], "lags": p, "added": added}
                | {"statistic": float(statistic), "df": p}
                | {"sum": float(sums) * spread[effect] / spread[cause]}
                | {"p_value": (1 + int((null >= statistic).sum())) / (1 + n_replicates)}
                | {"p_chi2": float(chdtrc(p, statistic)), "n": n, "n_replicates": n_replicates}
            )
        fitted = sm.tsa.VAR(data.numbers).fit(p + added)
        # The test is on standardised values like the others: a high level would cost digits.
        residuals = sm.tsa.VAR(values).fit(p + added).resid
        at_once = same_period(np.asarray(residuals), causes=[0], effects=[1])
    of_residuals = {"cause": x, "effect": f"{y}, same period", "lags": p, "added": added, "n": n}
    of_residuals |= {"statistic": at_once, "df": 1, "p_chi2": float(chdtrc(1, at_once))}
    chosen = (
        f"chosen by {lags.upper()}, at most {most}" if isinstance(lags, str) else "as requested"
    )
    sources = sources_of(table)
    return Fit(
        table=pd.DataFrame([*rows, of_residuals | {"n_replicates": 0}]),
        name=f"Lead and lag of {x} and {y}",
        kind="tests",
        query=query,
        unit=data.unit,
        n=n,
        sources=sources,
        notes=(
            "The series that leads need not be the cause: a third one can move both.",
            f"The test of Toda and Yamamoto has {n_of(p, 'lag')}, {chosen}, and {added} added; "
            f"p-values are from {n_of(n_replicates, 'bootstrap replicate')}, seed {seed}.",
            data.note,
        ),
        findings=tuple(
            f"The past of {row['cause']} is {'' if row['p_value'] < 0.05 else 'not '}found to help "
            f"predict {row['effect']}, {p_in_words(row['p_value'])}, {data.span}{origin(sources)}."
            for row in rows
        ),
        fitted=fitted,
    )


def local_projection(
    table: object,
    *,
    dependent: str,
    impulse: str,
    horizons: int = 6,
    lags: Lags = "aic",
    most: int = 6,
    level: float = 0.95,
) -> Fit:
    """
    Estimate how a series responds to another, by horizon (Jordà 2005).

    At each horizon the dependent variable is regressed on the impulse now and on the past of
    both, with one lag more than the criterion chooses. The errors of White (HC3) then hold with
    and without unit roots and autocorrelation (Montiel Olea and Plagborg-Møller 2021). An
    association within the same period counts as a response to the impulse, never the reverse.

    Parameters
    ----------
    table : DataFrame or Result
        One row per ``period`` without gaps, with both columns.
    dependent : str
        The series that responds.
    impulse : str
        The series that it responds to.
    horizons : int, default 6
        Last horizon in periods; the first is 0, the same period.
    lags : int or {"aic", "bic"}, default "aic"
        Lags of the autoregression: a number from 1, or chosen by a criterion up to `most`.
    most : int, default 6
        Largest number of lags that a criterion may choose.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Its table has a row per ``horizon`` (periods): ``estimate`` (units of the dependent
        variable for a unit of the impulse that its past does not predict), ``lower``,
        ``upper`` (of one horizon), ``p_value``, ``n`` (periods). `fitted` is a list with
        the regression of each horizon.

    Raises
    ------
    SanctlibError
        For gaps, a series that does not vary or follows from the other, or fewer than four
        periods per coefficient.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=80)
    >>> y = 2 * np.roll(x, 1) + rng.normal(size=80)
    >>> table = pd.DataFrame({"period": range(80), "x": x, "y": y})
    >>> fit = sl.models.local_projection(table, dependent="y", impulse="x", horizons=1, lags=1)
    >>> fit.table["estimate"].round(1).tolist()
    [0.0, 2.2]
    """
    import statsmodels.api as sm

    check_lags(lags, most)
    whole_of(horizons, what="horizons", least=0)
    names = [column_of(impulse, what="impulse"), column_of(dependent, what="dependent")]
    data = series_of(table, names)
    named = {"dependent": dependent, "impulse": impulse, "horizons": horizons, "lags": lags}
    query = ask(**data.given, level=level, **named)
    values, n = data.numbers, len(data.periods)
    if horizons >= n:
        msg = f"horizons is {horizons}, and the series has {n} periods. It must be shorter:"
        raise SanctlibError(f"{msg} use fewer horizons.")
    shortened = standardised(data, names)[: n - horizons]
    where = f" of {n} that have all {horizons} horizons" if horizons else ""
    check_varies(shortened, names, where=f" in the {n - horizons} periods{where}")
    with solving(names):
        depth = lag_order(shortened, lags, most=most, added=1, where=where) + 1
        check_distinct(shortened, names, lags=depth)
        # The impulse now, a constant, and the past of both.
        design = np.column_stack([values[depth:, 0], with_past(values, depth)])
        fits = [
            sm.OLS(values[depth + h :, 1], design[: n - depth - h]).fit(cov_type="HC3", use_t=True)
            for h in range(horizons + 1)
        ]
        bounds = np.array([fit.conf_int(alpha=1 - query.level)[0] for fit in fits])
    if any(fit.model.rank < design.shape[1] for fit in fits):
        msg = f"{impulse!r}, {dependent!r} and their past are too close to combinations of each"
        raise SanctlibError(f"{msg} other. Subtract their means, or use changes.")
    if not np.isfinite(bounds).all():
        wide = int((~np.isfinite(bounds)).any(axis=1).argmax())
        msg = f"The response at horizon {wide} has no finite interval: changes of {impulse!r} are"
        raise SanctlibError(f"{msg} too rare, so that one period determines it. Use other series.")
    responses = pd.DataFrame(
        {
            "horizon": range(horizons + 1),
            "estimate": [float(fit.params[0]) for fit in fits],
            "lower": bounds[:, 0],
            "upper": bounds[:, 1],
            "p_value": [float(fit.pvalues[0]) for fit in fits],
            "n": [int(fit.nobs) for fit in fits],
        }
    )
    sources = sources_of(table)
    return Fit(
        table=responses,
        name=f"Response of {dependent} to {impulse}",
        kind="responses",
        query=query,
        unit=data.unit,
        n=int(fits[0].nobs),
        sources=sources,
        notes=(
            f"The responses are descriptive. They are effects only if the part of {impulse} that "
            f"the past does not predict moves {dependent} in no other way.",
            f"The local projections have {n_of(depth - 1, 'lag')} and one added, with HC3 errors. "
            f"Each {query.level:.0%} interval is of one horizon.",
            *_rare(values[:, 0], impulse),
            data.note,
        ),
        findings=tuple(
            f"After a unit more of {impulse}, {dependent} at horizon {row['horizon']} differs by "
            f"{with_interval(row['estimate'], row['lower'], row['upper'], query.level)}, "
            f"{p_in_words(row['p_value'])}, {data.span}{origin(sources)}."
            for row in responses.to_dict("records")
        ),
        fitted=fits,
    )


def _rare(values: NDArray[np.float64], impulse: str) -> list[str]:
    """Say that an impulse differs from its usual value in few periods only."""
    _, counts = np.unique(values, return_counts=True)
    n_unusual = int(len(values) - counts.max())
    if n_unusual > _FEW_PULSES:
        return []
    return [
        f"{impulse} differs from its usual value in {n_of(n_unusual, 'period')} only. P-values of "
        "so rare an impulse are too small: without any response, up to 32 % are below 0.05 with "
        "one such period, 22 % with two, 13 % with three to eight."
    ]
