"""Poisson pseudo-maximum likelihood with effects: what panels and gravity estimate by."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_columns, check_list
from sanctlib.models.clusters import (
    PARTS,
    Errors,
    Floats,
    check_errors,
    group_numbers,
    quantile,
    variance_of,
)


@dataclass(frozen=True, kw_only=True)
class Ppml:
    """An estimate: `rows` are those used, with the fitted ``mean``."""

    terms: list[str]
    estimate: Floats
    variance: Floats
    n_clusters: int
    rows: pd.DataFrame
    notes: tuple[str, ...]
    model: Any

    def table(self, level: float) -> pd.DataFrame:
        """Return a row per term, with its interval."""
        from scipy.special import stdtr

        variances = np.diag(self.variance)
        error = np.sqrt(np.where(variances > 0, variances, np.nan))
        reach = quantile(level, self.n_clusters) * error
        return pd.DataFrame(
            {
                "term": self.terms,
                "estimate": self.estimate,
                "std_error": error,
                "p_value": 2 * stdtr(self.n_clusters - 1, -np.abs(self.estimate / error)),
                "lower": self.estimate - reach,
                "upper": self.estimate + reach,
                "ratio": np.exp(self.estimate),
                "n": len(self.rows),
                "n_clusters": self.n_clusters,
            }
        )


def ppml(
    panel: pd.DataFrame,
    *,
    outcome: str,
    regressors: Sequence[str],
    effects: Sequence[str],
    errors: Errors,
    needed_by: str,
) -> Ppml:
    """Return the estimate; parameters and errors are those of `fit_count_panel`."""
    try:
        from pyfixest.estimation import demean, fepois
    except ImportError:
        msg = f"{needed_by} needs the package pyfixest: pip install 'sanctlib[fixest]'."
        raise SanctlibError(msg) from None
    check_errors(errors, needed_by=needed_by)
    check_list(regressors, what="regressors", needed_by=needed_by)
    check_list(effects, what="effects", needed_by=needed_by)
    terms = list(regressors)
    if not terms:
        raise SanctlibError(f"{needed_by} needs a regressor: effects alone are no model.")
    rows, effects, mirrored = _both_ways(panel, effects, errors, needed_by)
    groups = [*effects, *(["dyad"] if errors == "dyadic" else errors)]
    parts = [part for name in groups for part in PARTS.get(name, name).split("^")]
    if outcome in terms:
        raise SanctlibError(f"{needed_by}: {outcome!r} cannot explain itself.")
    needed = list(dict.fromkeys([outcome, *terms, *parts]))
    check_columns(rows, needed, needed_by=needed_by)
    known = rows[rows[needed].notna().all(axis=1)]
    if "covered" in known:
        known = known[known["covered"].fillna(value=False).astype("bool")]
    y = known[outcome].to_numpy(dtype="float64")
    if (y < 0).any():
        raise SanctlibError(f"{needed_by} needs an outcome from 0; {outcome!r} has {y.min()}.")
    codes = [group_numbers(known, name) for name in effects]
    kept, n_zeros = _deciding(y, codes)
    used, y, codes = known[kept], y[kept], [pd.factorize(code[kept])[0] for code in codes]
    x = used[terms].to_numpy(dtype="float64")
    for name, values in zip(terms, x.T, strict=True):
        if not y[values != 0].any():
            msg = f"{needed_by}: {outcome!r} is zero wherever {name!r} is not, or {name!r} is zero"
            raise SanctlibError(f"{msg} in all {len(y)} rows used: it has no finite estimate.")
    held = {f"_effect_{i}": code for i, code in enumerate(codes)}
    data = pd.DataFrame(dict(zip(terms, x.T, strict=True)) | {"_outcome": y} | held)
    formula = f"_outcome ~ {' + '.join(f'`{name}`' for name in terms)} | {' + '.join(held)}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of is raised or counted here
        try:
            model: Any = fepois(formula, data, vcov="hetero", fixef_rm="none", separation_check=[])
        except ValueError as wrong:
            if "collinear" in str(wrong):
                raise SanctlibError(_held(terms, effects, needed_by)) from wrong
            msg = f"{needed_by} found no estimate: {' '.join(str(wrong).split())} Regressors of "
            raise SanctlibError(f"{msg}very large numbers are best in logarithms.") from wrong
    absorbed = [name for name in terms if name not in model.coef().index]
    if absorbed:
        raise SanctlibError(_held(absorbed, effects, needed_by))
    mean = model.predict(type="response")
    within, met = demean(x, np.column_stack(codes).astype("uint64"), mean, tol=1e-8)
    if not (model.convergence and met):
        raise SanctlibError(f"{needed_by}: the estimate did not converge.")
    bread = np.linalg.inv(within.T @ (within * mean[:, None]))
    variance, n, said = variance_of(within * (y - mean)[:, None], bread, used, errors, needed_by)
    n_out = len(known) - len(used) - n_zeros
    counts = [len(rows), len(rows) - len(known), n_zeros, n_out, len(used)]
    if mirrored:
        counts = [count // 2 for count in counts]
        used = used.iloc[: len(used) // 2]
    given, missing, zeros, alone, left = counts
    return Ppml(
        terms=terms,
        estimate=model.coef()[terms].to_numpy(),
        variance=variance,
        n_clusters=n,
        rows=used.assign(mean=mean[: len(used)]),
        notes=(
            f"Of {given} rows {missing} lack a value or are not covered, {zeros} are in groups of "
            f"zeros alone, {alone} alone in a group; {left} are used.",
            *said,
        ),
        model=model,
    )


def _held(terms: Sequence[str], effects: Sequence[str], who: str) -> str:
    names = " and ".join(map(repr, terms))
    return (
        f"{who}: {names} does not vary within the effects {', '.join(effects)}, or adds nothing "
        "to the other regressors. Leave it out."
    )


def _both_ways(
    panel: pd.DataFrame, effects: Sequence[str], errors: Errors, who: str
) -> tuple[pd.DataFrame, list[str], bool]:
    """Write an undirected panel out in both directions where an effect is a state's."""
    if not any("state" in name.split("^") for name in effects):
        return panel, list(effects), False
    check_columns(panel, ["first", "second"], needed_by=who)
    turned = panel.rename(columns={"first": "second", "second": "first"})
    pairs = [pd.MultiIndex.from_frame(rows[["first", "second"]]) for rows in (panel, turned)]
    if pairs[0].isin(pairs[1]).any():
        msg = f"{who}: a directed panel has the effects 'first^period' and 'second^period', and"
        raise SanctlibError(f"{msg} 'state^period' is for one row per pair.")
    if any(part in ("first", "second") for name in errors for part in name.split("^")):
        msg = f"{who}: a panel without directions has the errors 'dyadic' or ['dyad'], not those"
        raise SanctlibError(f"{msg} of the state that happens to be written first or second.")
    sides = [
        "^".join(side if part == "state" else part for part in name.split("^"))
        for name in effects
        for side in ("first", "second")
    ]
    both = pd.concat([panel, turned], ignore_index=True)
    return both, list(dict.fromkeys(sides)), True


def _deciding(y: Floats, codes: list[NDArray[np.int64]]) -> tuple[NDArray[np.bool_], int]:
    """Return the rows in no group of zeros and in none of one row, and how many were zeros."""
    kept, n_zeros = np.ones(len(y), dtype=bool), 0
    before = -1
    while before != kept.sum():
        before = kept.sum()
        for code in codes:
            zeros = kept & (np.bincount(code, weights=y * kept)[code] == 0)
            n_zeros += int(zeros.sum())
            kept &= ~zeros & (np.bincount(code, weights=kept)[code] > 1)
    return kept, n_zeros
