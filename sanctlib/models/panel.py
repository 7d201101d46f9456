"""Counts and values on panels of dyads: Poisson pseudo-maximum likelihood with effects."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_columns, check_list
from sanctlib.metrics.panels import ordered_pairs
from sanctlib.models.clusters import clustered, dyadic, few_clusters, not_below
from sanctlib.models.result import Fit

Floats = NDArray[np.float64]
Errors: TypeAlias = Literal["dyadic"] | Sequence[str]

FEWEST_STATES = 30
"""Dyadic-robust errors of fewer states are refused: they are far too small."""
_PARTS = {"dyad": "first^second"}


def fit_count_panel(
    panel: pd.DataFrame,
    *,
    outcome: str,
    regressors: Sequence[str],
    effects: Sequence[str] = ("first^second", "period"),
    errors: Errors = "dyadic",
    level: float = 0.95,
) -> Fit:
    """
    Fit a Poisson model with effects to a panel of dyads, its errors robust to shared states.

    Poisson pseudo-maximum likelihood needs the mean to be right and nothing else: the
    counts may be overdispersed, and values need not be counts (Gourieroux, Monfort and
    Trognon 1984). What Russia does to one state in a year is not independent of what it
    does to the next, so two dyads with a state in common are no two observations: errors
    are dyadic-robust (Aronow, Samii and Assenova 2015), and never smaller than those
    clustered by dyad, unless clusters are named.

    Rows that decide nothing are left out and counted: those without a value or not
    ``covered`` (a period seen in part has the acts seen, and no zeros), those of a group of
    zeros alone (the effect takes them to minus infinity), and those alone in their group.
    Needs pyfixest (``pip install 'sanctlib[fixest]'``).

    Parameters
    ----------
    panel : DataFrame
        As from `dyad_panel`: ``first``, ``second``, ``period``, with columns joined to it.
    outcome : str
        The column explained, from 0.
    regressors : sequence of str
        Numbers, such as lagged sanctions; take logarithms before.
    effects : sequence of str
        Columns, or several joined by ``^``: ``first^second`` is an effect per dyad and
        direction, ``first^period`` one per first state and period. ``state^period``, of a
        panel without directions, is one per state and period on whichever side it stands.
    errors : {"dyadic"} or sequence of str
        Or the one or two columns to cluster by, written as effects; ``dyad`` is the pair in
        both directions.
    level : float
        Of the intervals, 0-1.

    Returns
    -------
    Fit
        `table` has a row per regressor: ``term``, ``estimate`` (of the logarithm of the
        mean), ``std_error``, ``p_value``, ``lower``, ``upper`` (t with G - 1 degrees of
        freedom), ``ratio`` (the mean is multiplied by it), ``n`` rows and ``n_clusters``.
        `fitted` is pyfixest's, with errors of its own (heteroskedastic).

    Raises
    ------
    SanctlibError
        For fewer than 30 states (dyadic) or 2 clusters, negative outcomes, a regressor
        that the effects or the others hold already, or one that is zero wherever the
        outcome is not.
    MissingColumnsError
        When the panel lacks a column.

    Examples
    --------
    >>> import itertools
    >>> import numpy as np, pandas as pd
    >>> from sanctlib.models.panel import fit_count_panel
    >>> pairs = itertools.product(range(40), range(40), range(4))
    >>> panel = pd.DataFrame(pairs, columns=["first", "second", "period"])
    >>> panel = panel[panel["first"].lt(panel["second"])]
    >>> panel["sanctions"] = (panel["first"] + panel["period"]) % 3 == 0
    >>> panel["meetings"] = np.where(panel["sanctions"], 1, 2)
    >>> fit_count_panel(panel, outcome="meetings", regressors=["sanctions"]).table[
    ...     ["term", "ratio", "n", "n_clusters"]].round(3)
            term  ratio     n  n_clusters
    0  sanctions    0.5  3120          40
    """
    found = ppml(
        panel,
        outcome=outcome,
        regressors=regressors,
        effects=effects,
        errors=errors,
        needed_by="fit_count_panel",
    )
    return Fit(
        name=f"Poisson model of {outcome}",
        table=found.table(level),
        notes=(
            f"Association, net of the effects {', '.join(effects)}: what moves with a regressor "
            "within them is not told apart from it.",
            *found.notes,
        ),
        fitted=found.model,
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


def quantile(level: float, n_clusters: int) -> float:
    """Return how many standard errors an interval of this level reaches to either side."""
    from scipy.special import stdtrit

    return float(stdtrit(n_clusters - 1, (1 + level) / 2))


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
    parts = [part for name in groups for part in _PARTS.get(name, name).split("^")]
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


def check_errors(errors: Errors, *, needed_by: str) -> None:
    """Check that errors are dyadic, or clustered by one or two columns."""
    if errors != "dyadic" and (isinstance(errors, str) or not 1 <= len(errors) <= 2):
        msg = f"{needed_by} needs errors='dyadic' or a list of one or two columns, got {errors!r}."
        raise SanctlibError(msg)


def group_numbers(rows: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """Return the number of the group of each row, from 0."""
    rows = ordered_pairs(rows) if name in _PARTS else rows
    parts = _PARTS.get(name, name).split("^")
    return np.asarray(rows.groupby(parts, sort=False).ngroup(), dtype="int64")


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


def variance_of(
    scores: Floats,
    bread: Floats,
    rows: pd.DataFrame,
    errors: Errors,
    who: str,
    *,
    n_deciding: int | None = None,
) -> tuple[Floats, int, list[str]]:
    """
    Return the variance, the number of clusters and what a reader must know of both.

    Of treatments that few clusters ever have, those (`n_deciding`) are the number that counts;
    errors then hold with few of them (`docs/inference.md`).
    """
    n_raised = 0
    if errors == "dyadic":
        shared, n = dyadic(scores, bread, rows["first"], rows["second"])
        if n < FEWEST_STATES:
            msg = f"{who}: dyadic-robust errors need {FEWEST_STATES} states, and the rows used have"
            raise SanctlibError(f"{msg} {n}. Cluster by errors=['dyad'] and say so, or add states.")
        dyads = pd.DataFrame({"dyad": group_numbers(rows, "dyad")})
        apart = clustered(scores, bread, dyads)[0]
        variance = not_below(shared, apart)
        n_raised = int((np.diag(shared) < np.diag(apart)).sum())
        said = [f"Dyadic-robust errors (Aronow, Samii and Assenova 2015), {n} states"]
    else:
        groups = {name: group_numbers(rows, name) for name in errors}
        variance, n = clustered(scores, bread, pd.DataFrame(groups))
        said = [f"Errors clustered by {' and '.join(errors)}, {n} clusters"]
    if n_deciding is not None and n_deciding < n:
        variance = variance * (n - 1) / n * n_deciding / max(n_deciding - 1, 1)
        said[0] += f", of which {n_deciding} with onsets are G"
        n = n_deciding
    said[0] += f", factor G / (G - 1), t with {n - 1} degrees of freedom."
    if n_raised:
        said.append(
            f"Of {len(variance)} variances {n_raised} would be below those clustered by dyad, "
            "which is chance: the larger ones stand."
        )
    said += few_clusters(n) if n_deciding is None else []
    if (np.diag(variance) <= 0).any():
        said.append("A variance is not positive: too few clusters for these regressors.")
    return variance, n, said
