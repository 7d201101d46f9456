"""Estimate Poisson models with fixed effects. Read a panel; return estimates and variance."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.models.clusters import (
    Floats,
    Vcov,
    check_vcov,
    group_numbers,
    parts_of,
    quantile,
    variance_of,
)
from sanctlib.models.inputs import check_sides, column_of, covered, frame, labels, numbers
from sanctlib.models.sentences import listed
from sanctlib.query import keys_of

_PLAIN = re.compile(r"[A-Za-z]\w*( \w+)*")
"""Names that stay readable in the fitted model; others are numbered there."""
_SMALL = 1e-4
"""Below it, numbers that vary can look as if they did not."""
_LARGE = "If regressors hold very large numbers, use their logarithms or divide them."


@dataclass(frozen=True, kw_only=True)
class Ppml:
    """An estimate; `rows` are those used, with the fitted ``mean``."""

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
    table: object,
    *,
    dependent: str,
    regressors: Sequence[str],
    fixed_effects: Sequence[str],
    vcov: Vcov,
) -> Ppml:
    """Return the estimate; the arguments are those of `count_panel`."""
    try:
        from pyfixest.estimation import demean, fepois
    except ImportError:
        msg = "The package pyfixest is not installed. Install it: pip install 'sanctlib[fixest]'."
        raise SanctlibError(msg) from None
    check_vcov(vcov)
    terms, effects = _names(dependent, regressors, fixed_effects)
    given = frame(table, [dependent, *terms])
    given = given.assign(**numbers(given, [dependent, *terms]))
    rows, effects, mirrored = _both_ways(given, effects, vcov)
    groups = [*effects, *(["dyad"] if vcov == "dyadic" else vcov)]
    parts = list(dict.fromkeys(p for name in groups for p in parts_of(name, rows.columns)))
    rows = frame(rows, parts)
    for name in parts:
        labels(rows[name], what=name)
    if {"first", "second"} <= {*parts}:
        check_sides(rows)
    needed = list(dict.fromkeys([dependent, *terms, *parts]))
    known = rows[rows[needed].notna().all(axis=1) & covered(rows)]
    y = known[dependent].to_numpy(dtype="float64")
    if (y < 0).any():
        msg = f"Column {dependent!r} has values below 0, such as {y.min():g}. A Poisson model"
        raise SanctlibError(f"{msg} needs values from 0.")
    codes = [group_numbers(known, name) for name in effects]
    kept, n_zeros = _deciding(y, codes)
    used, y, codes = known[kept], y[kept], [pd.factorize(code[kept])[0] for code in codes]
    n_out = len(known) - len(used) - n_zeros
    counts = [len(rows), len(rows) - len(known), n_zeros, n_out, len(used)]
    if mirrored:
        counts = [count // 2 for count in counts]
    n_given, missing, zeros, single, n_left = counts
    note = (
        f"Of {n_given:,} rows, {n_left:,} are used: {missing:,} lack a value or are not covered, "
        f"{zeros:,} are in groups with zeros only, {single:,} are the only row of a group."
    )
    if used.empty:
        raise SanctlibError(f"No row is left. {note}")
    if np.ptp(y) == 0:
        msg = f"Column {dependent!r} has one value in all {n_left:,} rows used. It must vary."
        raise SanctlibError(msg)
    x = used[terms].to_numpy(dtype="float64")
    for name, values in zip(terms, x.T, strict=True):
        if not values.any():
            msg = f"{name!r} is 0 in all {n_left:,} rows used, so it has no estimate."
            raise SanctlibError(f"{msg} Drop {name!r}.")
        if not y[values != 0].any():
            msg = f"{name!r} has no finite estimate: {dependent!r} is 0 in every row with"
            raise SanctlibError(f"{msg} {name!r} not 0. Drop {name!r}.")
    held = {f"_effect_{i}": code for i, code in enumerate(codes)}
    # A formula cannot contain every name that a column can have.
    plain = [name if _PLAIN.fullmatch(name) else f"_x_{i}" for i, name in enumerate(terms)]
    data = pd.DataFrame(dict(zip(plain, x.T, strict=True)) | {"_outcome": y} | held)
    formula = f"_outcome ~ {' + '.join(f'`{name}`' for name in plain)} | {' + '.join(held)}"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what it warns of is raised or counted here
        try:
            model: Any = fepois(formula, data, vcov="hetero", fixef_rm="none", separation_check=[])
        except (ValueError, np.linalg.LinAlgError) as wrong:
            if "collinear" in str(wrong):
                raise SanctlibError(_absorbed(terms, effects, x)) from wrong
            msg = f"The estimate did not converge ({' '.join(str(wrong).split()).rstrip('.')})."
            raise SanctlibError(f"{msg} {_LARGE}") from wrong
    absorbed = [t for t, name in zip(terms, plain, strict=True) if name not in model.coef().index]
    if absorbed:
        raise SanctlibError(_absorbed(absorbed, effects, used[absorbed].to_numpy("float64")))
    mean = model.predict(type="response")
    within, met = demean(x, np.column_stack(codes).astype("uint64"), mean, tol=1e-8)
    if not (model.convergence and met):
        raise SanctlibError(f"The estimate did not converge. {_LARGE}")
    try:
        bread = np.linalg.inv(within.T @ (within * mean[:, None]))
    except np.linalg.LinAlgError as wrong:
        raise SanctlibError(_absorbed(terms, effects, x)) from wrong
    variance, n, notes = variance_of(within * (y - mean)[:, None], bread, used, vcov)
    if mirrored:
        used = used.iloc[: len(used) // 2]
    return Ppml(
        terms=terms,
        estimate=model.coef()[plain].to_numpy(),
        variance=variance,
        n_clusters=n,
        rows=used.assign(mean=mean[: len(used)]),
        notes=(note, *notes),
        model=model,
    )


def _names(
    dependent: str, regressors: Sequence[str], fixed_effects: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the regressors and fixed effects, checked."""
    column_of(dependent, what="dependent")
    terms = list(keys_of(regressors, what="regressors"))
    effects = list(keys_of(fixed_effects, what="fixed_effects"))
    if not terms:
        raise SanctlibError("regressors is empty. Name at least one column, such as ['sanctions'].")
    if not effects:
        msg = "fixed_effects is empty. Name at least one, such as ['first^second', 'period']."
        raise SanctlibError(msg)
    if dependent in terms:
        raise SanctlibError(f"{dependent!r} is dependent and a regressor. It cannot be both.")
    return terms, effects


def _absorbed(terms: Sequence[str], effects: Sequence[str], x: Floats) -> str:
    for name, most in zip(terms, np.abs(x).max(axis=0), strict=True):
        if most < _SMALL:
            msg = f"{name!r} holds very small numbers, at most {most:.1g}, as if it did not vary."
            return f"{msg} Change its scale: multiply it."
    names, within = listed([*map(repr, terms)]), listed(effects)
    if len(terms) == 1:
        msg = f"{names} does not vary within the fixed effects {within}, or is a combination"
        return f"{msg} of other regressors. Drop it."
    msg = f"{names} do not vary within the fixed effects {within}, or are combinations"
    return f"{msg} of other regressors. Drop one."


def _both_ways(
    panel: pd.DataFrame, effects: Sequence[str], vcov: Vcov
) -> tuple[pd.DataFrame, list[str], bool]:
    """Repeat an undirected panel in the other direction where a fixed effect is a state's."""
    if not any("state" in parts_of(name, panel.columns) for name in effects):
        return panel, list(effects), False
    check_columns(panel, ["first", "second"])
    panel = frame(panel, ["first", "second"])
    turned = panel.rename(columns={"first": "second", "second": "first"})
    pairs = [pd.MultiIndex.from_frame(rows[["first", "second"]]) for rows in (panel, turned)]
    if pairs[0].isin(pairs[1]).any():
        msg = "The fixed effect 'state' needs one row per pair, and the table has both directions."
        raise SanctlibError(f"{msg} Use 'first^period' and 'second^period'.")
    if any(part in ("first", "second") for name in vcov for part in name.split("^")):
        msg = f"vcov is {list(vcov)!r}, and the table has no directions. It must be 'dyadic' or"
        raise SanctlibError(f"{msg} ['dyad'].")
    sides = [
        "^".join(side if part == "state" else part for part in name.split("^"))
        for name in effects
        for side in ("first", "second")
    ]
    both = pd.concat([panel, turned], ignore_index=True)
    return both, list(dict.fromkeys(sides)), True


def _deciding(y: Floats, codes: list[NDArray[np.int64]]) -> tuple[NDArray[np.bool_], int]:
    """Return the rows in groups with a count and several rows, and how many were in zeros only."""
    kept, n_zeros = np.ones(len(y), dtype=bool), 0
    before = -1
    while before != kept.sum():
        before = kept.sum()
        for code in codes:
            zeros = kept & (np.bincount(code, weights=y * kept)[code] == 0)
            n_zeros += int(zeros.sum())
            kept &= ~zeros & (np.bincount(code, weights=kept)[code] > 1)
    return kept, n_zeros
