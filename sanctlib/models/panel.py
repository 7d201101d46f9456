"""Counts and values on panels of dyads: a Poisson model with effects."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sanctlib.models.clusters import Errors
from sanctlib.models.ppml import ppml
from sanctlib.models.result import Fit


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
