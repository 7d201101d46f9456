"""Synthetic controls: one treated unit beside a weighted mean of units that were not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.models.result import Fit
from sanctlib.models.series import series_of

Floats = NDArray[np.float64]

_DID = "difference in differences"
_SC = "synthetic control"
_SDID = "synthetic difference in differences"


def fit_synthetic_control(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    onset: date | int,
    unit: str,
    period: str = "period",
) -> Fit:
    """
    Estimate what a sanction did to one state or dyad, from those that were not sanctioned.

    Three answers to what would have been, which differ in whom the treated unit is set
    against: all others alike (difference in differences); the weighted mean of others that
    ran closest to it before (synthetic control, of outcomes alone: Abadie, Diamond and
    Hainmueller 2010); or weighted others, level aside, compared with the weighted periods
    that foretell the later ones best (Arkhangelsky and others 2021).

    Chance is judged by placebos: each other unit takes the place of the treated one, which
    is set aside, and ``p_value`` is the rank of the treated unit's effect in size. It asks
    that sanctions could have fallen on any of them. A unit that runs rougher than others has
    larger effects by chance: ``p_ratio`` ranks effects over the error before the onset, and
    holds its size there (page on inference).

    It identifies an effect if nothing else happened to the treated unit alone from the onset
    on, nothing came of the sanction before it, and nothing of it reached the others: leave
    out states that were sanctioned, too, or through which trade was led round.

    Parameters
    ----------
    panel : DataFrame
        A row per unit and period. Of `dyad_panel`, join ``first`` and ``second`` to a column.
    outcome : str
        The column explained. Of counts, take a rate or a logarithm: levels are compared.
    treated : str
        The one unit that is treated from the onset on.
    onset : date or int
        The period that holds it is the first one treated; a number where periods are numbers.
    unit, period : str
        The columns that name them.

    Returns
    -------
    Fit
        `table` has a row per answer (``term``): ``estimate`` (mean difference over the
        periods from the onset on, in units of the outcome), ``p_value``, ``p_ratio``,
        ``rmse_before`` (distance before the onset, level aside but for the synthetic
        control), ``n`` units.
        `details` hold ``"weights"`` (``term``, ``unit``, ``weight``), ``"placebo"``
        (``term``, ``unit``, ``estimate``) and ``"series"``, the treated unit (``value``) and
        its synthetic control (``expected``).

    Raises
    ------
    SanctlibError
        For fewer than 3 periods before the onset, none from it on, or fewer than 3 others.

    Examples
    --------
    >>> rows = {"A": [1, 2, 3, 9], "B": [1, 2, 3, 4], "C": [5, 5, 6, 6], "D": [0, 4, 1, 4]}
    >>> panel = pd.DataFrame(rows, index=pd.Index(range(2011, 2015), name="year"))
    >>> panel = panel.reset_index().melt("year", var_name="state", value_name="trade")
    >>> fit = fit_synthetic_control(
    ...     panel, outcome="trade", treated="A", onset=2014, unit="state", period="year"
    ... )
    >>> fit.table[["term", "estimate", "p_value"]].round(2).head(2)
                            term  estimate  p_value
    0  difference in differences      5.33     0.25
    1          synthetic control      5.00     0.25
    """
    who = "fit_synthetic_control"
    check_columns(panel, [unit, period, outcome], needed_by=who)
    check_choice(treated, sorted(set(panel[unit])), what=unit, needed_by=who)
    own = series_of(panel[panel[unit].eq(treated)], [outcome], period=period, needed_by=who)
    start, n_periods = own.place(onset, needed_by=who), len(own.periods)
    rows = panel
    if "covered" in panel:
        rows = panel[panel["covered"].fillna(value=False).astype("bool")]
    if rows.duplicated([unit, period]).any():
        raise SanctlibError(f"{who} needs one row per {unit} and {period}, and some have several.")
    wide = rows.set_index([unit, period])[outcome].astype("float64").unstack(period)  # noqa: PD010
    wide = wide.reindex(columns=own.periods)
    n_partial = int(wide.isna().any(axis=1).sum())
    others = wide.dropna().drop(index=treated)
    if start < 3 or start >= n_periods or len(others) < 3:
        msg = f"{who} needs 3 periods before the onset, one from it on and 3 other units with a"
        raise SanctlibError(
            f"{msg} value in each; got {start}, {n_periods - start} and {len(others)}."
        )
    y, donors = wide.loc[treated].to_numpy(), others.to_numpy()
    found = _effects(y, donors, start)
    placebo = {
        name: _effects(donors[i], np.delete(donors, i, axis=0), start)
        for i, name in enumerate(others.index)
    }
    table, weights, placebos = [], [], []
    for term, (effect, _, shares, rmse) in found.items():
        drawn = pd.Series({name: of[term][0] for name, of in placebo.items()})
        errors = np.array([rmse, *(of[term][3] for of in placebo.values())])
        size = np.abs([effect, *drawn])
        ratio = size / np.maximum(errors, 1e-9 * donors.std())  # some fit without error
        p_value, p_ratio = (float(np.mean(s >= s[0] - 1e-12)) for s in (size, ratio))
        row = {"term": term, "estimate": effect, "p_value": p_value, "p_ratio": p_ratio}
        table.append(row | {"rmse_before": rmse, "n": len(size)})
        weights.append(pd.DataFrame({"term": term, "unit": others.index, "weight": shares}))
        placebos.append(pd.DataFrame({"term": term, "unit": drawn.index, "estimate": drawn}))
    notes = [
        "Identifies an effect if nothing else befell the treated unit alone, and nothing of the "
        "sanction came early or reached the others.",
        f"p: rank among {1 + len(others)} units; it cannot be below {1 / (1 + len(others)):.3f}.",
        f"{start} periods before the onset, {n_periods - start} from it on; {n_partial} units "
        "left out that lack a period.",
    ]
    if found[_SC][3] < 1e-6 * donors.std():
        notes.append("The synthetic control fits without error: other weights may fit as well.")
    return Fit(
        name=f"{outcome} of {treated} from {onset!s} on, beside units not treated",
        table=pd.DataFrame(table),
        notes=tuple(notes),
        details={
            "weights": pd.concat(weights, ignore_index=True),
            "placebo": pd.concat(placebos, ignore_index=True),
            "series": pd.DataFrame({"period": own.periods, "value": y, "expected": found[_SC][1]}),
        },
    )


def _effects(
    y: Floats, donors: Floats, start: int
) -> dict[str, tuple[float, Floats, Floats, float]]:
    """Return by answer the effect, the weighted donors, their weights, and the error before."""
    n, n_after = len(donors), len(y) - start
    before, after = donors[:, :start], donors[:, start:]
    # Noise, and by it how far weights are spread: Arkhangelsky and others 2021, (5).
    noise = float(np.diff(before, axis=1).std(ddof=1))
    ridge = n_after**0.25 * noise * np.sqrt(start)
    level = before - before.mean(axis=1, keepdims=True)
    unit_weights = {
        _DID: np.full(n, 1 / n),
        _SC: _simplex(before.T, y[:start]),
        _SDID: _simplex(level.T, y[:start] - y[:start].mean(), ridge=ridge),
    }
    means = before.mean(axis=0)
    foretold = after.mean(axis=1)
    of_periods = _simplex(before - means, foretold - foretold.mean(), ridge=1e-6 * noise)
    period_weights = {_DID: np.full(start, 1 / start), _SC: np.zeros(start), _SDID: of_periods}
    found = {}
    for term, shares in unit_weights.items():
        expected = shares @ donors
        gap, times = y - expected, period_weights[term]
        effect = float(gap[start:].mean() - times @ gap[:start])
        apart = gap[:start] - times.sum() * gap[:start].mean()
        found[term] = (effect, expected, shares, float(np.sqrt((apart**2).mean())))
    return found


def _simplex(x: Floats, y: Floats, *, ridge: float = 0.0) -> Floats:
    """
    Return the weights, from 0 and of sum 1, of which `x` times them comes closest to `y`.

    With weights of sum 1 the distance is that of ``(x - y) w`` from 0. Nonnegative least
    squares of it beside the one equation ``sum(u) = 1`` trades both off, but at a multiple
    of the same weights, since the distance grows with the square of the multiple.
    """
    from scipy.optimize import nnls

    apart = np.vstack([x - y[:, None], ridge * np.eye(x.shape[1])])
    scale = np.abs(apart).max() or 1.0
    target = np.append(np.zeros(len(apart)), 1.0)
    solved, _ = nnls(np.vstack([apart / scale, np.ones(x.shape[1])]), target)
    return np.asarray(solved / solved.sum())
