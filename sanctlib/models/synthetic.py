"""Compare one treated unit with weighted units that were not treated. Return a Fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, UnknownChoiceError, did_you_mean
from sanctlib.models._inputs import (
    Floats,
    check_labels,
    column_of,
    covered,
    frame,
    numbers,
    origin,
    p_in_words,
    series_of,
    sources_of,
    with_periods,
)
from sanctlib.query import Day, ask
from sanctlib.result import Fit

_DID = "difference in differences"
_SC = "synthetic control"
_SDID = "synthetic difference in differences"


def synthetic_control(
    table: object,
    *,
    dependent: str,
    units: str,
    treated: str | int,
    onset: Day | int,
) -> Fit:
    """
    Estimate the effect of a sanction on one unit from units without sanctions.

    Three answers differ in the comparison: all other units with equal weights (difference in
    differences); the weighted mean of other units that was closest before the onset
    (synthetic control, of the dependent variable only: Abadie, Diamond and Hainmueller 2010);
    or weighted units, apart from their level, over the weighted periods that best predict the
    later ones (Arkhangelsky and others 2021).

    Placebos give the p-values: each other unit takes the place of the treated one, and
    ``p_value`` is the rank of the effect of the treated unit in size. It assumes that any of
    the units could have been sanctioned. A unit with more noise has larger effects by chance:
    ``p_ratio`` ranks effects over the error before the onset, and its false-positive rate stays
    correct then (page on inference).

    The estimate is an effect if nothing else happened to the treated unit, the sanction was not
    anticipated, and the others were not affected. Exclude states that were sanctioned too, or
    through which trade was rerouted.

    Parameters
    ----------
    table : DataFrame or Result
        One row per unit and ``period``. With `dyad_panel`, join ``first`` and ``second`` to
        one column first.
    dependent : str
        Column of the dependent variable. For counts use a rate or a logarithm, because levels
        are compared.
    units : str
        Column that names the units, such as the state or dyad.
    treated : str or int
        The one unit that is treated from the onset on, as in the column `units`.
    onset : day or int
        First treated period is the one that holds it: ISO text ("2022", "2022-03",
        "2022-03-01"), date, datetime, Timestamp, datetime64 or Period; a number where the
        periods are numbers.

    Returns
    -------
    Fit
        Its table has a row per answer: ``term``, ``estimate`` (mean difference over the
        periods from the onset on, in units of the dependent variable), ``p_value``,
        ``p_ratio``, ``rmse_before`` (error before the onset; without the level, except for
        the synthetic control), ``n`` (units). Its `tables` are ``"weights"`` (``term``,
        ``control``, ``weight``), ``"placebo"`` (``term``, ``control``, ``estimate``) and
        ``"series"`` (``period``, ``value`` of the treated unit, ``expected`` from its
        synthetic control).

    Raises
    ------
    SanctlibError
        For an onset outside the periods, fewer than 3 periods before it, or fewer than 3
        other units.
    UnknownChoiceError
        For a `treated` unit that the table does not have.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> rows = {"A": [1, 2, 3, 9], "B": [1, 2, 3, 4], "C": [5, 5, 6, 6], "D": [0, 4, 1, 4]}
    >>> panel = pd.DataFrame(rows, index=pd.Index(range(2011, 2015), name="period"))
    >>> panel = panel.reset_index().melt("period", var_name="state", value_name="trade")
    >>> fit = sl.models.synthetic_control(
    ...     panel, dependent="trade", units="state", treated="A", onset=2014)
    >>> fit.table[["term", "estimate", "p_value"]].round(2).head(2)
                            term  estimate  p_value
    0  difference in differences      5.33     0.25
    1          synthetic control      5.00     0.25
    """
    columns = [column_of(units, what="units"), "period", column_of(dependent, what="dependent")]
    rows = frame(table, columns)
    if len(set(columns)) < 3:
        msg = f"dependent is {dependent!r} and units is {units!r}. They and 'period' must be"
        raise SanctlibError(f"{msg} three columns.")
    rows = with_periods(rows.assign(**numbers(rows, [dependent])))
    check_labels(rows[units], what=units)
    _check_known(treated, rows[units], units)
    own = series_of(rows[rows[units].eq(treated)], [dependent])
    query = ask(**own.given, dependent=dependent, units=units, treated=treated, onset=onset)
    start = own.place(onset)
    rows = rows[covered(rows)]
    repeated = rows.loc[rows.duplicated([units, "period"]), [units, "period"]]
    if len(repeated):
        unit, period = (str(value)[:10] for value in repeated.iloc[0])
        msg = f"{unit} has several rows in {period}. It must have one row per {units} and period:"
        raise SanctlibError(f"{msg} keep one group of the table first.")
    # A pivot_table would lose units without any value, which are counted.
    wide = rows.set_index([units, "period"])[dependent].unstack("period")  # noqa: PD010
    wide = wide.reindex(columns=own.periods)
    n_partial = int(wide.isna().any(axis=1).sum())
    others = wide.dropna().drop(index=treated)
    if start < 3 or len(others) < 3:
        msg = f"The table has {start} periods before the onset, and {len(others)} other units with"
        msg = f"{msg} a value in all periods of {treated}. Each must be at least 3:"
        raise SanctlibError(f"{msg} use a longer panel or more units.")
    y, donors = wide.loc[treated].to_numpy(), others.to_numpy()
    if np.ptp(donors) == 0:
        msg = f"Column {dependent!r} has one value in all units but {treated}. There is nothing to"
        raise SanctlibError(f"{msg} compare.")
    # The treated unit against all others, then each other unit against the rest of them.
    answers = [_effects(y, donors, start)]
    answers += [
        _effects(donors[i], np.delete(donors, i, axis=0), start) for i in range(len(donors))
    ]
    estimates: list[dict[str, Any]] = []
    weights, placebos = [], []
    for term, (effect, _, shares, rmse) in answers[0].items():
        effects, errors = (np.array([answer[term][at] for answer in answers]) for at in (0, 3))
        size = np.abs(effects)
        ratio = size / np.maximum(errors, 1e-9 * donors.std())  # some fit without error
        p_value, p_ratio = (float(np.mean(s >= s[0] - 1e-12)) for s in (size, ratio))
        row = {"term": term, "estimate": effect, "p_value": p_value, "p_ratio": p_ratio}
        estimates.append(row | {"rmse_before": rmse, "n": len(size)})
        of_others = {"term": term, "control": others.index}
        weights.append(pd.DataFrame({**of_others, "weight": shares}))
        placebos.append(pd.DataFrame({**of_others, "estimate": effects[1:]}))
    sources, first_after = sources_of(table), own.named(own.periods[start])
    notes = [
        "The estimates are effects if nothing else happened to the treated unit, and the sanction "
        "was neither anticipated nor affected the other units.",
        f"The p-values are ranks among {1 + len(others)} units; they cannot be below "
        f"{1 / (1 + len(others)):.3f}.",
        f"The series has {start} {own.unit} before the onset and {len(y) - start} from it on; "
        f"{n_partial} units that lack a period are excluded.",
    ]
    _, expected, _, rmse = answers[0][_SC]
    if rmse < 1e-6 * donors.std():
        notes.append("The synthetic control fits without error, so other weights may fit as well.")
    return Fit(
        table=pd.DataFrame(estimates),
        name=f"{dependent} of {treated} and its synthetic control from {first_after} on",
        kind="series",
        query=query,
        unit="units",
        n=1 + len(others),
        sources=sources,
        notes=tuple(notes),
        findings=tuple(
            f"{row['term'][0].upper()}{row['term'][1:]}: {dependent} of {treated} differs by "
            f"{row['estimate']:,.3g} from {first_after} on, placebo {p_in_words(row['p_value'])}, "
            f"{row['n']} units, {own.span}{origin(sources)}."
            for row in estimates
        ),
        tables={
            "weights": pd.concat(weights, ignore_index=True),
            "placebo": pd.concat(placebos, ignore_index=True),
            "series": pd.DataFrame({"period": own.periods, "value": y, "expected": expected}),
        },
    )


def _check_known(treated: Any, names: pd.Series, units: str) -> None:
    """Check that the column has the treated unit."""
    known = {str(name): name for name in sorted(names.dropna().unique().tolist())}
    if any(treated is name or treated == name for name in known.values()):
        return
    msg = f"treated is {treated!r}. It must be one of the values of {units!r}."
    if str(treated) in known:
        raise UnknownChoiceError(f"{msg} Did you mean {known[str(treated)]!r}?")
    raise UnknownChoiceError(msg + did_you_mean(str(treated), known))


def _effects(
    y: Floats, donors: Floats, start: int
) -> dict[str, tuple[float, Floats, Floats, float]]:
    """Return by answer the effect, the weighted controls, their weights, and the error before."""
    n, n_after = len(donors), len(y) - start
    before, later = donors[:, :start], donors[:, start:].mean(axis=1)
    # The noise sets how far weights are spread: Arkhangelsky and others 2021, (5).
    noise = float(np.diff(before, axis=1).std(ddof=1))
    ridge = n_after**0.25 * noise * np.sqrt(start)
    level = before - before.mean(axis=1, keepdims=True)
    unit_weights = {
        _DID: np.full(n, 1 / n),
        _SC: _simplex(before.T, y[:start]),
        _SDID: _simplex(level.T, y[:start] - y[:start].mean(), ridge=ridge),
    }
    # Periods get the weights with which they best predict the later ones in the other units.
    centred = before - before.mean(axis=0)
    of_periods = _simplex(centred, later - later.mean(), ridge=1e-6 * noise)
    period_weights = {_DID: np.full(start, 1 / start), _SC: np.zeros(start), _SDID: of_periods}
    answers = {}
    for term, shares in unit_weights.items():
        expected = shares @ donors
        gap, times = y - expected, period_weights[term]
        effect = float(gap[start:].mean() - times @ gap[:start])
        errors = gap[:start] - times.sum() * gap[:start].mean()
        answers[term] = (effect, expected, shares, float(np.sqrt((errors**2).mean())))
    return answers


def _simplex(x: Floats, y: Floats, *, ridge: float = 0.0) -> Floats:
    """
    Return the weights, from 0 and with sum 1, whose weighted `x` is closest to `y`.

    With weights of sum 1 the distance is that of ``(x - y) w`` from 0. Nonnegative least
    squares with the additional equation ``sum(u) = 1`` trades off both, at a multiple of the
    same weights, because the distance grows with the square of the multiple.
    """
    from scipy.optimize import nnls

    distances = np.vstack([x - y[:, None], ridge * np.eye(x.shape[1])])
    scale = np.abs(distances).max() or 1.0
    target = np.append(np.zeros(len(distances)), 1.0)
    solved, _ = nnls(np.vstack([distances / scale, np.ones(x.shape[1])]), target)
    return np.asarray(solved / solved.sum())
