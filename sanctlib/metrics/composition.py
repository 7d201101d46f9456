"""What an intensity is made of: shares, the part of reporting, components and their weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics.intensity import ALL
from sanctlib.metrics.intervals import wilson_interval

_KEYS = ["period", "first", "second", "component"]
_PAIR = ["first", "second", "component"]
_FEWEST = 12


def intensity_shares(intensity: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """
    Return the share of the source's acts that are the pair's, and its log-odds.

    The interval is Wilson's, with the number of acts divided by the dispersion of the
    series, since reported acts come in bunches. Log-odds spread out what shares near zero
    press together: a step of 0.7 is a doubling of the odds.

    Parameters
    ----------
    intensity : DataFrame
        What `partnership_intensity` returned.
    level : float
        Of the interval, 0-1.

    Returns
    -------
    shares : DataFrame
        ``period``, ``first``, ``second``, ``component``, ``n_acts``, ``exposure``,
        ``share`` (0-1), ``lower``, ``upper``, ``log_odds`` with ``log_odds_lower`` and
        ``log_odds_upper`` (missing where the share or a bound is 0 or 1).

    Raises
    ------
    MissingColumnsError
        For another table.

    Examples
    --------
    >>> table = pd.DataFrame({"period": pd.to_datetime(["2018-01-01"]), "first": "IRN",
    ...     "second": "RUS", "component": "material", "n_acts": [5], "exposure": [10],
    ...     "dispersion": 1.0})
    >>> intensity_shares(table)[["share", "lower", "upper", "log_odds"]].round(4).to_dict("records")
    [{'share': 0.5, 'lower': 0.2366, 'upper': 0.7634, 'log_odds': 0.0}]
    """
    needed = [*_KEYS, "n_acts", "exposure", "dispersion"]
    check_columns(intensity, needed, needed_by="intensity_shares")
    counts, total = (
        intensity[c].astype("Float64").to_numpy("float64", na_value=np.nan)
        for c in ("n_acts", "exposure")
    )
    phi = intensity["dispersion"].fillna(1.0).to_numpy(dtype="float64")
    found = wilson_interval(counts / phi, total=total / phi, level=level)
    odds = {}
    for name, value in (
        ("log_odds", "share"),
        ("log_odds_lower", "lower"),
        ("log_odds_upper", "upper"),
    ):
        inside = found[value].where(found[value].gt(0) & found[value].lt(1))
        odds[name] = np.log(inside / (1 - inside))
    kept = intensity[[*_KEYS, "n_acts", "exposure"]].reset_index(drop=True)
    return pd.concat([kept, found, pd.DataFrame(odds)], axis=1)


def exposure_elasticity(intensity: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """
    Estimate by how much the acts of a pair grow when all reporting grows by one per cent.

    A rate per 1,000 acts supposes an elasticity of 1. Where reporting grows by adding
    sources that write of other things, it is less, and the rate falls though nothing
    happened. Estimated by Poisson regression of the acts on the logarithm of the exposure,
    with Pearson's dispersion; a trend of the pair itself goes into it as well, so it is a
    warning and no correction.

    Returns
    -------
    elasticities : DataFrame
        ``first``, ``second``, ``component``, ``n_periods``, ``elasticity``, ``lower``,
        ``upper``, ``flagged`` (the interval excludes 1) and ``reason``: why an estimate is
        missing, as with fewer than 12 covered periods.

    Raises
    ------
    MissingColumnsError
        For another table.
    """
    needed = [*_KEYS, "n_acts", "exposure", "covered"]
    check_columns(intensity, needed, needed_by="exposure_elasticity")
    rows = []
    for names, series in intensity.groupby(_PAIR, sort=False):
        whole = series["covered"].fillna(value=False).astype("bool")
        used = series[whole & series["n_acts"].notna() & series["exposure"].gt(0)]
        rows.append((*names, len(used), *_elasticity(used, level)))
    columns = [*_PAIR, "n_periods", "elasticity", "lower", "upper", "reason"]
    table = pd.DataFrame(rows, columns=columns)
    known = table["elasticity"].notna()
    outside = table["lower"].gt(1) | table["upper"].lt(1)
    table["reason"] = table["reason"].astype("str").mask(known)
    return table.assign(flagged=outside.astype("boolean").mask(~known))


def _elasticity(series: pd.DataFrame, level: float) -> tuple[float, float, float, str]:
    import statsmodels.api as sm

    n = series["n_acts"].to_numpy(dtype="float64")
    log_exposure = np.log(series["exposure"].to_numpy(dtype="float64"))
    for missing, reason in (
        (len(series) < _FEWEST, f"fewer than {_FEWEST} covered periods"),
        (n.sum() == 0, "no act"),
        (log_exposure.std() < 1e-3, "all reporting hardly changes"),
    ):
        if missing:
            return np.nan, np.nan, np.nan, reason
    design = sm.add_constant(log_exposure - log_exposure.mean())
    with warnings.catch_warnings():
        # A series without variation is fitted to the point: that is an answer, no fault.
        warnings.simplefilter("ignore")
        fit = sm.GLM(n, design, family=sm.families.Poisson()).fit()
    # Counts that vary less than Poisson's are taken for Poisson's.
    dispersion = max(1.0, fit.pearson_chi2 / fit.df_resid)
    half = NormalDist().inv_cdf((1 + level) / 2) * fit.bse[1] * dispersion**0.5
    elasticity = float(fit.params[1])
    return elasticity, elasticity - half, elasticity + half, ""


def decompose(
    intensity: pd.DataFrame,
    *,
    weights: Mapping[str, float] | None = None,
    spread: float = 0.5,
) -> pd.DataFrame:
    """
    Take an index of intensity apart: what each component adds, and what its weights decide.

    The index of a period is the weighted sum of the components' rates. Any weights are a
    judgement; so the table shows the index without each component in turn, and the band
    over all weights that lie within `spread` of those given, scaled to the same sum. A
    trend that turns inside the band is a matter of weights.

    Parameters
    ----------
    intensity : DataFrame
        What `partnership_intensity` returned, with two or more components.
    weights : mapping of component to weight, optional
        Not below 0; all 1 by default, so that the index is the rate of all acts.
    spread : float
        0-1: 0.5 lets each weight be half as much or half as much again.

    Returns
    -------
    parts : DataFrame
        A row per period, pair and component: ``rate``, ``weight``, ``part`` (of the index),
        ``index``, ``index_without`` (the component, weights scaled up to the same sum),
        ``weight_low`` and ``weight_high`` (of the index).

    Raises
    ------
    SanctlibError
        For fewer than two components, one without a weight, weights below 0 or all 0.
    UnknownChoiceError
        For the weight of another component.
    MissingColumnsError
        For another table.

    Examples
    --------
    >>> table = pd.DataFrame({"period": pd.Timestamp("2018-01-01"), "first": "IRN",
    ...     "second": "RUS", "component": ["material", "meetings"], "rate": [1.0, 3.0]})
    >>> decompose(table)[["component", "part", "index", "index_without"]].to_dict("records")
    [{'component': 'material', 'part': 1.0, 'index': 4.0, 'index_without': 6.0}, \
{'component': 'meetings', 'part': 3.0, 'index': 4.0, 'index_without': 2.0}]
    """
    who = "decompose"
    check_columns(intensity, [*_KEYS, "rate"], needed_by=who)
    table = intensity.loc[intensity["component"].ne(ALL), [*_KEYS, "rate"]]
    components = list(table["component"].unique())
    given = dict.fromkeys(components, 1.0) if weights is None else dict(weights)
    for component in given:
        check_choice(component, components, what="component", needed_by=f"{who}: weights")
    lacking = [c for c in components if c not in given]
    if len(components) < 2 or lacking:
        found = f"weights lack {lacking!r}" if lacking else f"the intensity holds {components!r}"
        raise SanctlibError(f"{who} needs two or more components and a weight for each: {found}.")
    if min(given.values()) < 0 or not sum(given.values()) or not 0 <= spread <= 1:
        msg = f"{who} needs weights from 0, not all 0, and a spread of 0-1, got {given!r}"
        raise SanctlibError(f"{msg} and {spread!r}.")
    wide = table.pivot_table("rate", ["period", "first", "second"], "component", sort=False)
    wide = wide.reindex(columns=components).rename_axis(columns=None)
    weight, rates = np.array([given[c] for c in components]), wide.to_numpy(dtype="float64")
    total = weight.sum()
    index = rates @ weight
    # A weighted mean is extreme at corners: each weight at its low or its high end.
    corners = np.array(np.meshgrid(*[(w * (1 - spread), w * (1 + spread)) for w in weight]))
    corners = corners.reshape(len(weight), -1)
    held = corners.sum(axis=0) > 0
    over_weights = total * (rates @ corners[:, held]) / corners[:, held].sum(axis=0)
    left = total - weight
    without = np.divide(
        total * (index[:, None] - rates * weight),
        left,
        out=np.full_like(rates, np.nan),
        where=left > 0,
    )
    n = len(components)
    parts = wide.reset_index()[["period", "first", "second"]].loc[lambda t: t.index.repeat(n)]
    return parts.reset_index(drop=True).assign(
        component=components * len(wide),
        rate=rates.ravel(),
        weight=np.tile(weight, len(wide)),
        part=(rates * weight).ravel(),
        index=np.repeat(index, n),
        index_without=without.ravel(),
        weight_low=np.repeat(over_weights.min(axis=1), n),
        weight_high=np.repeat(over_weights.max(axis=1), n),
    )
