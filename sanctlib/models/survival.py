"""Estimate survival, competing ends and hazards. Read spells; return tables."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from sanctlib.errors import SanctlibError
from sanctlib.metrics.questions import FLAGS
from sanctlib.models.inputs import numbers
from sanctlib.models.sentences import n_of

FEWEST_ENDS = 10
"""Ended cases per regressor below which a Cox model is refused (Peduzzi and others 1995)."""
Floats = NDArray[np.float64]


def median(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return a row: cases, ended cases, and the periods until half of them had ended."""
    n, ended, curve = len(rows), int(rows["ended"].sum()), _curve(rows)
    with np.errstate(divide="ignore", invalid="ignore"):  # logarithms of 0 at the end
        edges = curve.quantile_ci(0.5, alpha=1 - level) if ended else (np.nan, np.nan)
    found = {
        "n": n,
        "n_ended": ended,
        "n_censored": n - ended,
        "median": curve.quantile(0.5) if ended else np.nan,
        "lower": edges[0],
        "upper": edges[1],
    }
    return pd.DataFrame([found]).replace(np.inf, np.nan)


def survival(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return survival where cases ended, with intervals on the log(-log) scale."""
    curve = _curve(rows)
    lower, upper = _log_log(curve.surv_prob, curve.surv_prob_se, level)
    return pd.DataFrame(
        {
            "time": curve.surv_times.astype("int64"),
            "at_risk": curve.n_risk.astype("int64"),
            "n_ended": curve.n_events.astype("int64"),
            "survival": curve.surv_prob,
            "lower": lower,
            "upper": upper,
        }
    )


def _curve(rows: pd.DataFrame) -> Any:
    from statsmodels.duration.survfunc import SurvfuncRight

    return SurvfuncRight(rows["time"], rows["ended"])


def incidence(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return the share of cases ended in each way by each time."""
    from statsmodels.duration.survfunc import CumIncidenceRight

    ended = rows["ended"].eq(1)
    exits = rows["state"].where(rows["state"].isin(["success", "failed"]), "unknown").where(ended)
    ways = sorted(exits.dropna().unique())
    code = exits.map({way: i for i, way in enumerate(ways, start=1)}).fillna(0).astype("int64")
    with np.errstate(divide="ignore", invalid="ignore"):  # no error after the last end
        found = CumIncidenceRight(rows["time"].to_numpy(), code.to_numpy())
    pieces = []
    for way, share, error in zip(ways, found.cinc, found.cinc_se, strict=True):
        upper, lower = (1 - edge for edge in _log_log(1 - share, error, level))
        columns = {"exit": way, "time": found.times, "incidence": share}
        pieces.append(pd.DataFrame(columns | {"lower": lower, "upper": upper}))
    return pd.concat(pieces, ignore_index=True)


def _log_log(share: Floats, error: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the interval of a share of survivors, inside 0-1; missing at 0 and 1."""
    from scipy.special import ndtri

    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(share)
        reach = ndtri((1 + level) / 2) * error / np.abs(share * log)
        lower, upper = share ** np.exp(reach), share ** np.exp(-reach)
    inside = (share > 0) & (share < 1)
    return np.where(inside, lower, np.nan), np.where(inside, upper, np.nan)


def cox(spells: pd.DataFrame, regressors: Sequence[str], level: float) -> tuple[pd.DataFrame, Any]:
    """
    Return Cox's hazards, a row per term, and statsmodels' fit.

    Raises
    ------
    SanctlibError
        For fewer than 10 ended cases per term, or a regressor that is constant, a
        combination of others, a day or infinite.
    """
    from scipy.stats import pearsonr
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    held = {name: spells[FLAGS.get(name, name)] for name in regressors}
    numeric = [name for name in held if not types.is_string_dtype(held[name].dtype)]
    for name in numeric:
        numbers(pd.DataFrame({name: held[name]}), [name])
    flat = [name for name, values in held.items() if values.nunique() < 2]
    x = pd.DataFrame(index=spells.index) if flat else _columns(spells, regressors)
    ended = int(spells["ended"].sum())
    if ended < FEWEST_ENDS * x.shape[1]:
        msg = f"{ended} cases ended, too few for {n_of(x.shape[1], 'column')} of regressors. At"
        msg = f"{msg} least {FEWEST_ENDS * x.shape[1]} are needed ({FEWEST_ENDS} per column): use"
        raise SanctlibError(f"{msg} fewer regressors.")
    flat = flat or [str(name) for name in x if x[name].nunique() < 2]
    if flat:
        raise SanctlibError(f"Column {flat[0]!r} has one value in the cases used. Drop it.")
    if np.linalg.matrix_rank(x - x.mean()) < x.shape[1]:
        columns = ", ".join(map(repr, x))
        raise SanctlibError(f"One of the columns {columns} is a combination of others. Drop it.")
    parties = pd.factorize(spells["parties"])[0]
    model = PHReg(spells["time"], x, status=spells["ended"], ties="efron")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", ConvergenceWarning)
            fitted = model.fit(groups=parties)
    except ConvergenceWarning as error:
        msg = "The hazards did not converge. Divide regressors with very large numbers, or use"
        raise SanctlibError(f"{msg} fewer regressors.") from error
    except np.linalg.LinAlgError as error:
        msg = "The hazards have no estimate: a regressor does not vary among cases that last as"
        raise SanctlibError(f"{msg} long as each other. Use a shorter period.") from error
    edges = fitted.conf_int(alpha=1 - level)
    residuals = fitted.schoenfeld_residuals
    at = ~np.isnan(residuals).any(axis=1)
    order = spells["time"].rank().to_numpy()[at]
    return (
        pd.DataFrame(
            {
                "term": x.columns,
                "estimate": fitted.params,
                "std_error": fitted.bse,
                "p_value": fitted.pvalues,
                "lower": edges[:, 0],
                "upper": edges[:, 1],
                "ratio": np.exp(fitted.params),
                "p_proportional": [pearsonr(order, r).pvalue for r in residuals[at].T],
                "n": len(spells),
                "n_ended": ended,
                "n_clusters": len(np.unique(parties)),
            }
        ),
        fitted,
    )


def _columns(spells: pd.DataFrame, regressors: Sequence[str]) -> pd.DataFrame:
    """Return the regressors as numbers, texts as columns of 0 and 1."""
    pieces = []
    for name in regressors:
        if name in FLAGS:
            pieces.append(spells[FLAGS[name]].str.get_dummies(";").add_prefix(f"{name}_"))
        elif pd.api.types.is_numeric_dtype(spells[name]):
            pieces.append(spells[[name]])
        else:
            pieces.append(pd.get_dummies(spells[name], prefix=name, drop_first=True))
    return pd.concat(pieces, axis=1).astype("float64")
