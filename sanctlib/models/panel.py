"""Fit Poisson models of panels of dyads. Read a panel; return a Fit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sanctlib.models.clusters import Vcov
from sanctlib.models.inputs import sources_of
from sanctlib.models.ppml import ppml
from sanctlib.models.sentences import listed, origin, p_in_words, ratio_with_interval
from sanctlib.query import ask, keys_of
from sanctlib.result import Fit


def count_panel(
    table: object,
    *,
    dependent: str,
    regressors: Sequence[str],
    fixed_effects: Sequence[str] = ("first^second", "period"),
    vcov: Vcov = "dyadic",
    level: float = 0.95,
) -> Fit:
    """
    Fit a Poisson model with fixed effects to a panel of dyads.

    Poisson pseudo-maximum likelihood needs only a correct mean: counts may be overdispersed,
    and values need not be counts (Gourieroux, Monfort and Trognon 1984). What Russia does to
    one state in a year is not independent of what it does to the next state. So two dyads
    with a state in common are not two independent observations: by default, errors are
    dyadic-robust (Aronow, Samii and Assenova 2015) and never smaller than those clustered by
    dyad.

    Excluded and counted are rows without a value or not ``covered``, rows of groups that are
    0 throughout, and rows that are the only one of a group. Needs pyfixest
    (``pip install 'sanctlib[fixest]'``).

    Parameters
    ----------
    table : DataFrame or Result
        A panel, such as from `dyad_panel`: ``first``, ``second``, ``period``, and the columns
        of the model.
    dependent : str
        Column of the dependent variable: counts or values from 0.
    regressors : sequence of str
        Columns of finite numbers, such as lagged sanctions.
    fixed_effects : sequence of str, default ("first^second", "period")
        Columns, or several joined by ``^``. ``first^second`` is an effect per dyad and
        direction, ``first^period`` one per first state and period. ``state^period``, for a
        panel with one row per pair, is one per state and period on either side.
    vcov : {"dyadic"} or sequence of str, default "dyadic"
        Standard errors: dyadic-robust, or clustered by one or two columns, written as the
        fixed effects; ``dyad`` is the pair in both directions.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Its table has a row per regressor: ``term``, ``estimate`` (of the logarithm of the
        mean), ``std_error``, ``p_value``, ``lower``, ``upper`` (t with G - 1 degrees of
        freedom), ``ratio`` (by which the mean is multiplied), ``n`` (rows) and ``n_clusters``.
        `fitted` is pyfixest's result; its own errors are heteroskedasticity-robust.

    Raises
    ------
    SanctlibError
        For fewer than 30 states (dyadic) or 2 clusters, a dependent variable below 0, or a
        regressor without a finite estimate.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import itertools
    >>> import numpy as np, pandas as pd
    >>> import sanctlib as sl
    >>> pairs = itertools.combinations(range(40), 2)
    >>> panel = pd.DataFrame(pairs, columns=["first", "second"])
    >>> panel = panel.merge(pd.DataFrame({"period": range(4)}), how="cross")
    >>> panel["sanctions"] = (panel["first"] + panel["period"]) % 3 == 0
    >>> panel["meetings"] = np.where(panel["sanctions"], 1, 2)
    >>> fit = sl.models.count_panel(panel, dependent="meetings", regressors=["sanctions"])
    >>> fit.table[["term", "ratio", "n", "n_clusters"]].round(3)
            term  ratio     n  n_clusters
    0  sanctions    0.5  3120          40
    """
    terms = keys_of(regressors, what="regressors")
    effects = keys_of(fixed_effects, what="fixed_effects")
    query = ask(
        level=level,
        dependent=dependent,
        regressors=terms,
        fixed_effects=effects,
        vcov=vcov,
    )
    found = ppml(
        table,
        dependent=dependent,
        regressors=terms,
        fixed_effects=effects,
        vcov=vcov,
    )
    estimates, sources = found.table(query.level), sources_of(table)
    return Fit(
        table=estimates,
        name=f"Poisson model of {dependent}",
        kind="estimates",
        query=query,
        unit="rows of the panel",
        n=len(found.rows),
        sources=sources,
        notes=(
            f"The estimates are associations within the fixed effects {listed(effects)}. "
            "They include everything that varies with a regressor within these.",
            *found.notes,
        ),
        findings=ratios_in_words(estimates, dependent, query.level, origin(sources)),
        fitted=found.model,
    )


def ratios_in_words(
    estimates: pd.DataFrame, dependent: str, level: float, of: str
) -> tuple[str, ...]:
    """Return a sentence per regressor: the ratio of means, its interval and its p-value."""
    return tuple(
        f"A unit more of {row['term']} goes with {ratio_with_interval(row, level)} times the mean "
        f"of {dependent}, {p_in_words(row['p_value'])}, {row['n']:,} rows{of}."
        for row in estimates.to_dict("records")
    )
