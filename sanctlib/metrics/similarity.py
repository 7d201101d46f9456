"""Similarity: how alike two states' portfolios of ties are, in any set of dyad-years."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.schema import Pair

Values = NDArray[np.float64]

_COLUMNS = ("first", "second", "date", "value")


def portfolio_similarity(
    ties: pd.DataFrame,
    *,
    pair: Pair,
    top: float,
    states: Sequence[str] | None = None,
    self_tie: float | None = None,
    weights: pd.Series | None = None,
) -> pd.DataFrame:
    """
    Return how alike the ties of two states with all others are, per period.

    Four answers, since they disagree and a referee will ask: S by absolute and by squared
    distance (Signorino and Ritter 1999), which do not correct for chance and rise with the
    number of states that have no tie to either; quadratically weighted kappa (Cohen 1968)
    and Scott's pi (Scott 1955), which do, and so can lie below zero for the same portfolios
    (Häge 2011). A state outside `states` is not in a portfolio; a tie that the table does
    not hold is 0, so `states` must be those the source covers on that date.

    Parameters
    ----------
    ties : DataFrame
        Of kind dyads, one measure: ``first``, ``second``, ``date``, ``value`` between 0 and
        `top`; where ``directed`` is false or absent, a tie counts both ways.
    pair : tuple of two states
    top : float
        The strongest tie that the scale allows: 3 for a defence pact on a scale of 0 to 3.
    states : sequence of str, optional
        The system; by default all states that any row of the date names.
    self_tie : float, optional
        A state's tie with itself, by convention `top` (the default).
    weights : Series, optional
        Weight of each state in S, by code, such as a share of capabilities.

    Returns
    -------
    similarity : DataFrame
        ``date``, ``first``, ``second``, ``n_states``, ``s_absolute``, ``s_squared`` (-1 to 1),
        ``kappa``, ``pi`` (at most 1; missing where both portfolios are constant and equal).

    Raises
    ------
    MissingColumnsError
        When the table lacks a column.
    SanctlibError
        When a value lies outside 0 to `top`, the table holds several measures, or a state
        of `states` has no weight.

    Examples
    --------
    >>> ties = pd.DataFrame({"first": ["AUT", "FRA"], "second": ["DEU", "RUS"],
    ...     "date": pd.Timestamp("1914-01-01"), "value": [3, 3]})
    >>> found = portfolio_similarity(ties, pair=("DEU", "RUS"), top=3)
    >>> found[["n_states", "s_absolute", "kappa"]].to_dict("records")
    [{'n_states': 4, 's_absolute': -1.0, 'kappa': -1.0}]
    """
    who = "portfolio_similarity"
    check_columns(ties, _COLUMNS, needed_by=who)
    measures = list(ties["measure"].unique()) if "measure" in ties else []
    if len(measures) > 1:
        found = ", ".join(repr(m) for m in measures)
        raise SanctlibError(f"{who} needs ties of one measure, and found {found}.")
    wrong = ~ties["value"].between(0, top)
    if wrong.any():
        shown = ties.loc[wrong, "value"].iloc[0]
        raise SanctlibError(f"{who} needs values between 0 and {top}, and found {shown!r}.")
    rows = []
    for day, of_day in ties.groupby("date", sort=True):
        named = set(of_day["first"]) | set(of_day["second"])
        system = sorted(named if states is None else states)
        x, y = (_portfolio(of_day, s, system, top if self_tie is None else self_tie) for s in pair)
        weight = _weights(weights, system, who)
        apart = np.abs(x - y) / top
        levels = np.unique(np.concatenate([x, y, [0.0, top]]))
        rows.append(
            {
                "date": day,
                "first": pair[0],
                "second": pair[1],
                "n_states": len(system),
                "s_absolute": 1 - 2 * float(weight @ apart),
                "s_squared": 1 - 2 * float(weight @ apart**2),
                "kappa": _agreement(x, y, levels, pooled=False),
                "pi": _agreement(x, y, levels, pooled=True),
            }
        )
    columns = ["date", "first", "second", "n_states", "s_absolute", "s_squared", "kappa", "pi"]
    return pd.DataFrame(rows, columns=columns)


def _portfolio(ties: pd.DataFrame, state: str, system: list[str], self_tie: float) -> Values:
    directed = ties["directed"].fillna(value=False).astype("bool") if "directed" in ties else False
    out = ties[ties["first"].eq(state)].set_index("second")["value"]
    back = ties[ties["second"].eq(state) & ~directed].set_index("first")["value"]
    # A pair written in both orders is one tie; the stronger one where they differ.
    held = pd.concat([out, back]).groupby(level=0).max()
    values: Values = np.array(held.reindex(system).fillna(0.0), dtype="float64")
    if state in system:
        values[system.index(state)] = self_tie
    return values


def _weights(weights: pd.Series | None, system: list[str], who: str) -> Values:
    if weights is None:
        return np.full(len(system), 1 / len(system))
    missing = [s for s in system if s not in weights.index]
    if missing:
        raise SanctlibError(f"{who} needs a weight for {', '.join(missing)}.")
    chosen = weights.loc[system].to_numpy(dtype="float64")
    return np.asarray(chosen / chosen.sum(), dtype="float64")


def _agreement(x: Values, y: Values, levels: Values, *, pooled: bool) -> float:
    """Return weighted kappa, or with `pooled` margins and no weights Scott's pi."""
    of_x, of_y = (np.searchsorted(levels, v) for v in (x, y))
    joint = np.zeros((len(levels), len(levels)))
    np.add.at(joint, (of_x, of_y), 1 / len(x))
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    if pooled:
        rows = columns = (rows + columns) / 2
        cost = 1.0 - np.eye(len(levels))
    else:
        cost = (levels[:, None] - levels[None, :]) ** 2
    expected = float((cost * np.outer(rows, columns)).sum())
    return 1 - float((cost * joint).sum()) / expected if expected else float("nan")
