"""Compute the variance of an estimate whose rows are not independent. Read scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.metrics.panels import ordered_pairs
from sanctlib.query import keys_of

Floats = NDArray[np.float64]
Vcov: TypeAlias = Literal["dyadic"] | Sequence[str]

FEW = 40
FEWEST_STATES = 30
"""Dyadic-robust errors with fewer states are refused: they are far too small."""


def clustered(scores: Floats, bread: Floats, clusters: pd.DataFrame) -> tuple[Floats, int]:
    """
    Return the variance of an estimate whose rows depend within clusters, and their number G.

    With two columns, rows that share either of them depend on each other (Cameron, Gelbach and
    Miller 2011), and G is the smaller number. The variance is multiplied by G / (G - 1).
    """
    meat = sum((_meat(scores, clusters[name]) for name in clusters), np.zeros_like(bread))
    if clusters.shape[1] == 2:
        # Rows that share both columns are in the sum of both.
        meat = meat - _meat(scores, clusters.groupby(list(clusters), sort=False).ngroup())
    n_clusters = int(clusters.nunique().min())
    return _sandwich(meat, bread, n_clusters), n_clusters


def dyadic(
    scores: Floats, bread: Floats, first: pd.Series, second: pd.Series
) -> tuple[Floats, int]:
    """
    Return the variance of an estimate whose rows depend when they share a state, and G.

    The meat is that of Aronow, Samii and Assenova (2015): the products of the scores of all
    pairs of rows with a state in common, over all periods and directions. G counts states.
    """
    numbers, states = pd.factorize(pd.concat([first, second]))
    one, other = numbers.astype("int64").reshape(2, -1)
    distinct = one != other
    # The sum over states of the products of the rows with that state has the products of the
    # rows of one dyad twice, because both of its states contribute them.
    with_state = np.concatenate([scores, scores[distinct]])
    meat = _meat(with_state, np.concatenate([one, other[distinct]]))
    dyads = np.minimum(one, other) * len(states) + np.maximum(one, other)
    meat = meat - _meat(scores[distinct], dyads[distinct])
    return _sandwich(meat, bread, len(states)), len(states)


def not_below(variance: Floats, floor: Floats) -> Floats:
    """
    Return the variance raised to be no smaller than another in any direction.

    For one estimate this is the larger of two variances. For several it is the smallest such
    matrix in the scale of `floor`, and positive where `floor` is.
    """
    scale = np.sqrt(np.diag(floor))
    units = np.outer(scale, scale)
    units[units == 0] = 1.0
    # Only the directions (eigenvectors) in which the difference is positive are added.
    values, vectors = np.linalg.eigh((variance - floor) / units)
    return np.asarray(floor + units * (vectors * np.maximum(values, 0) @ vectors.T))


def _meat(scores: Floats, groups: pd.Series | NDArray[np.generic]) -> Floats:
    sums = pd.DataFrame(scores).groupby(np.asarray(groups), sort=False).sum().to_numpy()
    return np.asarray(sums.T @ sums)


def _sandwich(meat: Floats, bread: Floats, n_clusters: int) -> Floats:
    check_clusters(n_clusters)
    return np.asarray(bread @ meat @ bread * n_clusters / (n_clusters - 1))


def check_clusters(n_clusters: int) -> None:
    """Check that there are two clusters or more."""
    if n_clusters < 2:
        msg = f"The rows used have {n_clusters} cluster. Clustered errors need two or more:"
        raise SanctlibError(f"{msg} add rows, or cluster by another column.")


def check_vcov(vcov: Vcov) -> None:
    """Check that errors are dyadic, or clustered by one or two columns."""
    if vcov != "dyadic" and (
        isinstance(vcov, str) or len(keys_of(vcov, what="vcov")) not in (1, 2)
    ):
        msg = f"vcov is {vcov!r}. It must be 'dyadic' or a list of one or two columns, such as"
        raise SanctlibError(f"{msg} ['dyad'].")


def parts_of(name: str) -> list[str]:
    """Return the columns that a name such as ``first^period`` joins."""
    return ["first", "second"] if name == "dyad" else name.split("^")


def columns_of(names: Sequence[str], vcov: Vcov) -> list[str]:
    """Return the columns of fixed effects and clusters."""
    clusters = ["dyad"] if vcov == "dyadic" else vcov
    return list(dict.fromkeys(part for name in (*names, *clusters) for part in parts_of(name)))


def group_numbers(rows: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """Return the number of the group of each row, from 0; a dyad is the pair in both directions."""
    rows = ordered_pairs(rows) if name == "dyad" else rows
    return np.asarray(rows.groupby(parts_of(name), sort=False).ngroup(), dtype="int64")


def intervals(
    estimate: Floats, variances: Floats, n_clusters: int, level: float
) -> dict[str, Floats]:
    """Return estimates with t intervals; without one where the variance is not positive."""
    from scipy.special import stdtr, stdtrit

    error = np.sqrt(np.where(variances > 0, variances, np.nan))
    margin = stdtrit(n_clusters - 1, (1 + level) / 2) * error
    return {
        "estimate": estimate,
        "std_error": error,
        "p_value": 2 * stdtr(n_clusters - 1, -np.abs(estimate / error)),
        "lower": estimate - margin,
        "upper": estimate + margin,
    }


def variance_of(
    scores: Floats,
    bread: Floats,
    rows: pd.DataFrame,
    vcov: Vcov,
    *,
    n_deciding: int | None = None,
) -> tuple[Floats, int, list[str]]:
    """
    Return the variance, the number of clusters, and notes on both.

    Where only few clusters are ever treated, their number (`n_deciding`) is G; the errors then
    hold with few of them (`docs/inference.md`).
    """
    raised = ""
    if vcov == "dyadic":
        shared, n = dyadic(scores, bread, rows["first"], rows["second"])
        if n < FEWEST_STATES:
            msg = f"The rows used have {n} states. Dyadic-robust errors need {FEWEST_STATES}:"
            raise SanctlibError(f"{msg} add states, or use vcov=['dyad'] and report it.")
        dyads = pd.DataFrame({"dyad": group_numbers(rows, "dyad")})
        by_dyad = clustered(scores, bread, dyads)[0]
        variance = not_below(shared, by_dyad)
        plain = np.stack([np.sqrt(np.maximum(np.diag(of), 0)) for of in (shared, by_dyad)], 1)
        if not np.allclose(variance, shared):
            errors = "; ".join(f"{of_states:.4g} and {own:.4g}" for of_states, own in plain[:6])
            raised = (
                "The variance matrix was raised to be no smaller than the one clustered by dyad "
                "in any direction, so it is not that of Aronow, Samii and Assenova. Their errors "
                f"and those by dyad would be {errors}{'; …' * (len(plain) > 6)}."
            )
    else:
        groups = {name: group_numbers(rows, name) for name in vcov}
        variance, n = clustered(scores, bread, pd.DataFrame(groups))
    if n_deciding is not None and n_deciding < n:
        variance = variance * (n - 1) / n * n_deciding / max(n_deciding - 1, 1)
    kind, *more = vcov_notes(variance, n, vcov, n_deciding=n_deciding)
    if raised:
        kind = kind.replace("2015)", "2015), raised")
    notes = [kind, *filter(None, [raised]), *more]
    return variance, n if n_deciding is None else min(n, n_deciding), notes


def vcov_notes(
    variance: Floats, n_clusters: int, vcov: Vcov, *, n_deciding: int | None = None
) -> list[str]:
    """Return the notes on a variance: its kind, its factor, and whether it has few clusters."""
    kind = f"clustered by {' and '.join(vcov)}, {n_clusters} clusters"
    if vcov == "dyadic":
        kind = f"dyadic-robust (Aronow, Samii and Assenova 2015), {n_clusters} states"
    n = n_clusters
    if n_deciding is not None and n_deciding < n:
        kind += f", of which G = {n_deciding} have onsets"
        n = n_deciding
    notes = [f"Standard errors are {kind}; factor G / (G - 1), t with {n - 1} degrees of freedom."]
    if n_deciding is None and n < FEW:
        notes.append(f"There are fewer than {FEW} clusters, so the intervals are likely too short.")
    if (np.diag(variance) <= 0).any():
        notes.append("A variance is not positive: there are too few clusters for the regressors.")
    return notes
