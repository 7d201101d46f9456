"""Clustered errors: variances of an estimate when its rows are not independent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError

Floats = NDArray[np.float64]
FEW = 40


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
