"""Collect the p-values of several results. Read Results; return a Result."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.query import number_of
from sanctlib.result import Result

_TESTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "curve": (("", "p_median"), ("", "p_share"), ("", "p_stouffer")),
    "event_study": (("average", "p_placebo"), ("reverse", "p_value")),
    "tests": (("", "p_value"), ("", "p_chi2")),
    "pairs": (("", "p_value"), ("placebo", "p_value")),
    "changes": (("rank", "p_value"),),
}
"""Tables and columns of p-values by kind of result, "" for its own; elsewhere ``p_value``."""


def p_values(results: Mapping[str, Result], *, alpha: float = 0.05) -> Result:
    """
    Collect the p-values of several results, and correct them for their number.

    A page with 20 tests has a p-value below 0.05 by chance in two of three cases. Holm's
    correction bounds the probability of one false rejection among all of them, however they
    depend on each other. Of an event study the p-values of the average and of the reverse are
    taken, and not those of single event times; of a test in two versions (a bootstrap and a
    chi-squared distribution) the first.

    Parameters
    ----------
    results : mapping of str to Result
        Results of models, or of `metrics.pair_changes`, by name.
    alpha : float, default 0.05
        The level below which a p-value is called small, above 0 and below 1.

    Returns
    -------
    Result
        Its table has ``result`` (the name), ``p_value`` and ``p_holm`` (corrected), in the
        given order. Its finding states their number and how many are below `alpha` before and
        after the correction.

    Raises
    ------
    MissingColumnsError
        For a result without p-values.
    SanctlibError
        For an `alpha` outside 0 to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> import sanctlib as sl
    >>> fit = sl.Result(table=pd.DataFrame({"term": ["level", "slope"], "p_value": [0.2, 0.04]}))
    >>> sl.models.p_values({"jump": fit}).table.values.tolist()
    [['jump', 0.2, 0.2], ['jump', 0.04, 0.08]]
    """
    if number_of(alpha, what="alpha", least=0, above=True) >= 1:
        raise SanctlibError(f"alpha is {alpha!r}. It must lie between 0 and 1.")
    rows: list[tuple[str, float]] = []
    for name, result in results.items():
        found = _of(result)
        rows += [(name, float(p)) for p in found.dropna()]
    table, n = pd.DataFrame(rows, columns=["result", "p_value"]), len(rows)
    # Holm: the i-th smallest times the number of those not smaller, never decreasing, at most 1.
    in_order = table["p_value"].sort_values(kind="stable")
    factors = pd.Series(range(n, 0, -1), index=in_order.index, dtype="float64")
    table["p_holm"] = (in_order * factors).cummax().clip(upper=1.0)
    small = [int(table[column].lt(alpha).sum()) for column in ("p_value", "p_holm")]
    return Result(
        table=table,
        name="All p-values",
        unit="p-values",
        n=n,
        findings=(
            f"Of {n} p-values and ranks, {small[0]} are below {alpha:g}, and {small[1]} after "
            "Holm's correction for their number.",
        ),
    )


def _of(result: Result) -> pd.Series:
    """Return the p-values of a result, one per test."""
    columns = []
    for table, column in _TESTS.get(result.kind, (("", "p_value"),)):
        rows = result.tables[table] if table else result.table
        check_columns(rows, [column])
        columns.append(rows[column])
    found: pd.Series = pd.concat(columns)
    if result.kind == "tests":
        found = columns[0].fillna(columns[1])
    return found
