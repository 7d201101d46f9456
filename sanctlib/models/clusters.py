"""Clustered errors: variances of an estimate when its rows are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.metrics.panels import ordered_pairs

Floats = NDArray[np.float64]
Errors: TypeAlias = Literal["dyadic"] | Sequence[str]

FEW = 40
FEWEST_STATES = 30
"""Dyadic-robust errors of fewer states are refused: they are far too small."""
PARTS = {"dyad": "first^second"}
"""Names of groups, and the columns they stand for."""


def clustered(scores: Floats, bread: Floats, clusters: pd.DataFrame) -> tuple[Floats, int]:
    """
    Return the variance of an estimate whose rows depend within clusters, and G.

    With two columns, rows depend that share either (Cameron, Gelbach and Miller 2011).
    The variance is multiplied by G / (G - 1), where G is the smaller number of clusters,
    and by nothing else: other programs multiply by (n - 1) / (n - k) too.

    Parameters
    ----------
    scores : array of shape (n, k)
        Regressors times residuals.
    bread : array of shape (k, k)
        The inverse of the Hessian.
    clusters : DataFrame of n rows
        One or two columns.
    """
    one = [_meat(scores, clusters[name].to_numpy()) for name in clusters]
    meat = sum(one, np.zeros_like(bread))
    if len(one) == 2:
        meat = meat - _meat(scores, clusters.groupby(list(clusters), sort=False).ngroup())
    return _sandwich(meat, bread, n_clusters := int(clusters.nunique().min())), n_clusters


def dyadic(
    scores: Floats, bread: Floats, first: pd.Series, second: pd.Series
) -> tuple[Floats, int]:
    """
    Return the variance of an estimate whose rows depend when they share a state, and G.

    The meat of Aronow, Samii and Assenova (2015): the products of the scores of all
    pairs of rows of which the dyads have a state in common, over all periods and both
    directions. It is the sum over states of those of the rows with that state, less those
    of the rows of one dyad, which both its states have brought. G is the number of
    states; the factor G / (G - 1) is as in `clustered`.

    Parameters
    ----------
    scores, bread
        As in `clustered`.
    first, second : Series of n states
        A row of a state with itself (domestic trade) shares that state alone.
    """
    ends = [first.to_numpy(dtype="object"), second.to_numpy(dtype="object")]
    apart = ends[0] != ends[1]
    twice = np.concatenate([scores, scores[apart]])
    states = np.concatenate([ends[0], ends[1][apart]])
    dyads = pd.DataFrame(np.sort(np.column_stack(ends)[apart].astype("str"), axis=1))
    meat = _meat(twice, states) - _meat(scores[apart], dyads.groupby([0, 1]).ngroup())
    return _sandwich(meat, bread, n_states := len(np.unique(states))), n_states


def not_below(variance: Floats, floor: Floats) -> Floats:
    """
    Return the variance raised to where it is in no direction below another.

    Of one estimate the larger of two variances; of several a matrix that exceeds neither by
    more than it must, and is positive where `floor` is.
    """
    scale = np.sqrt(np.diag(floor))
    units = np.outer(scale, scale)
    units[units == 0] = 1.0
    values, vectors = np.linalg.eigh((variance - floor) / units)
    return np.asarray(floor + units * (vectors * np.maximum(values, 0) @ vectors.T))


def few_clusters(n_clusters: int) -> list[str]:
    """Return the note that a model of few clusters bears, or none."""
    if n_clusters >= FEW:
        return []
    return [f"Fewer than {FEW} clusters: the intervals are likely too short."]


def _meat(scores: Floats, groups: pd.Series | NDArray[np.generic]) -> Floats:
    sums = pd.DataFrame(scores).groupby(np.asarray(groups), sort=False).sum().to_numpy()
    return np.asarray(sums.T @ sums)


def _sandwich(meat: Floats, bread: Floats, n_clusters: int) -> Floats:
    if n_clusters < 2:
        raise SanctlibError(f"Clustered errors need two clusters or more, got {n_clusters}.")
    return np.asarray(bread @ meat @ bread * n_clusters / (n_clusters - 1))


def check_errors(errors: Errors, *, needed_by: str) -> None:
    """Check that errors are dyadic, or clustered by one or two columns."""
    if errors != "dyadic" and (isinstance(errors, str) or not 1 <= len(errors) <= 2):
        msg = f"{needed_by} needs errors='dyadic' or a list of one or two columns, got {errors!r}."
        raise SanctlibError(msg)


def group_numbers(rows: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """Return the number of the group of each row, from 0."""
    rows = ordered_pairs(rows) if name in PARTS else rows
    parts = PARTS.get(name, name).split("^")
    return np.asarray(rows.groupby(parts, sort=False).ngroup(), dtype="int64")


def quantile(level: float, n_clusters: int) -> float:
    """Return how many standard errors an interval of this level reaches to either side."""
    from scipy.special import stdtrit

    return float(stdtrit(n_clusters - 1, (1 + level) / 2))


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
