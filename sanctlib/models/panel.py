"""Fit Poisson models of panels of dyads with pyfixest. Read a panel; return a Fit."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError
from sanctlib.models._clusters import (
    Floats,
    Vcov,
    check_clusters,
    check_vcov,
    columns_of,
    group_numbers,
    intervals,
    parts_of,
    variance_of,
    vcov_notes,
)
from sanctlib.models._inputs import (
    check_labels,
    check_sides,
    column_of,
    covered,
    frame,
    numbers,
    origin,
    p_in_words,
    sources_of,
    with_interval,
)
from sanctlib.query import ask, keys_of
from sanctlib.result import Fit
from sanctlib.showing import listed

_PLAIN = re.compile(r"[A-Za-z]\w*( \w+)*")
"""Names that stay readable in the fitted model; others are numbered there."""
_ATTEMPTS = ((True, 1e-14), (True, 1e-8), (False, 1e-8))
"""Whether the fast way removes fixed effects, and the tolerance: 1e-8 leaves four digits exact."""
_SMALL = 1e-4
"""Below it, numbers that vary can look as if they did not."""
_LARGE = "If regressors hold very large numbers, use their logarithms or divide them."
_DYADS = (("first", "second"), ("sender", "target"))


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
    0 throughout, rows that are the only one of a group, and rows of 0 that are separated: the
    regressors predict that they are 0 (Correia, Guimarães and Zylkin 2019). Needs pyfixest
    (``pip install 'sanctlib[fixest]'``), which also computes the clustered errors;
    dyadic-robust errors are ours. Variances are multiplied by G / (G - 1), where G is the
    number of clusters, with two columns the smaller one. Other programs also multiply them by
    (n - 1) / (n - k).

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
        `fitted` is pyfixest's result, with the same errors if they are clustered; with
        ``vcov="dyadic"`` its own are heteroskedasticity-robust.

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
    check_vcov(vcov)
    column_of(dependent, what="dependent")
    terms = list(keys_of(regressors, what="regressors"))
    effects = list(keys_of(fixed_effects, what="fixed_effects"))
    if not terms:
        raise SanctlibError("regressors is empty. Name at least one column, such as ['sanctions'].")
    if not effects:
        msg = "fixed_effects is empty. Name at least one, such as ['first^second', 'period']."
        raise SanctlibError(msg)
    if dependent in terms:
        raise SanctlibError(f"{dependent!r} is dependent and a regressor. It cannot be both.")
    named = {"dependent": dependent, "regressors": tuple(terms), "fixed_effects": tuple(effects)}
    query = ask(level=level, **named, vcov=vcov)
    rows = frame(table, [dependent, *terms])
    rows = rows.assign(**numbers(rows, [dependent, *terms]))
    mirrored = any("state" in parts_of(name) for name in effects)
    rows, sides = _both_ways(rows, effects, vcov) if mirrored else (rows, effects)
    keys = columns_of(sides, vcov)
    rows = frame(rows, keys).reset_index(drop=True)
    for name in keys:
        check_labels(rows[name], what=name)
    if {"first", "second"} <= {*keys}:
        check_sides(rows)
    _check_once(rows, keys)
    known = rows[rows[[dependent, *terms, *keys]].notna().all(axis=1) & covered(rows)]
    if (known[dependent] < 0).any():
        msg = f"Column {dependent!r} has values below 0, such as {known[dependent].min():g}. A"
        raise SanctlibError(f"{msg} Poisson model needs values from 0.")
    model, used, excluded, complete = _fitted(known, dependent, terms, sides, vcov)
    counts = {"given": len(rows), "missing": len(rows) - len(known), **excluded, "used": len(used)}
    n = {name: count // (1 + mirrored) for name, count in counts.items()}
    note = (
        f"Of {n['given']:,} rows, {n['used']:,} are used: {n['missing']:,} lack a value or are not "
        f"covered, {n['zeros']:,} are in groups with zeros only, {n['single']:,} are the only row "
        f"of a group, {n['separated']:,} are separated (the regressors predict 0)."
    )
    if model is None:
        raise SanctlibError(f"No row is left. {note}")
    if not complete:
        note += " The check for separation did not end, so more rows can be separated."
    # pyfixest has no public names for scores and rows, and its own of the rest warn.
    if vcov == "dyadic":
        variance, n_clusters, notes = variance_of(model._scores, model._bread, used, vcov)
    else:
        n_clusters = min(len(np.unique(group_numbers(used, name))) for name in vcov)
        variance, notes = model._vcov, vcov_notes(model._vcov, n_clusters, vcov)
    estimate = pd.Series(model._beta_hat, model._coefnames)[_plain(terms)].to_numpy()
    estimates = pd.DataFrame(
        {"term": terms, **intervals(estimate, np.diag(variance), n_clusters, query.level)}
    ).assign(ratio=np.exp(estimate), n=n["used"], n_clusters=n_clusters)
    with np.errstate(over="ignore"):
        bounds = np.exp(estimates[["lower", "upper"]].to_numpy())
    sources = sources_of(table)
    return Fit(
        table=estimates,
        name=f"Poisson model of {dependent}",
        kind="estimates",
        query=query,
        unit="rows of the panel",
        n=n["used"],
        sources=sources,
        notes=(
            f"The estimates are associations within the fixed effects {listed(effects)}. "
            "They include everything that varies with a regressor within these.",
            note,
            *notes,
        ),
        findings=tuple(
            f"A unit more of {row['term']} goes with "
            f"{with_interval(row['ratio'], low, high, query.level)} times the mean of {dependent}, "
            f"{p_in_words(row['p_value'])}, {row['n']:,} rows{origin(sources)}."
            for row, (low, high) in zip(estimates.to_dict("records"), bounds, strict=True)
        ),
        fitted=model,
    )


def _check_once(rows: pd.DataFrame, keys: Sequence[str]) -> None:
    """Check that no dyad has two rows in a period."""
    unit = next((list(two) for two in _DYADS if {*two, "period"} <= {*rows} & {*keys}), None)
    repeated = rows[rows.duplicated([*unit, "period"])] if unit else rows.iloc[:0]
    if unit and len(repeated):
        named = " and ".join(map(str, repeated[unit].iloc[0]))
        msg = f"{named} have several rows in {str(repeated['period'].iloc[0])[:10]}. A dyad must"
        raise SanctlibError(f"{msg} have one row per period: keep one component or measure.")


def _both_ways(
    panel: pd.DataFrame, effects: Sequence[str], vcov: Vcov
) -> tuple[pd.DataFrame, list[str]]:
    """Repeat an undirected panel in the other direction; a state's effect is then of both sides."""
    panel = frame(panel, ["first", "second"])
    turned = panel.rename(columns={"first": "second", "second": "first"})
    pairs = [pd.MultiIndex.from_frame(rows[["first", "second"]]) for rows in (panel, turned)]
    if pairs[0].isin(pairs[1]).any():
        msg = "The fixed effect 'state' needs one row per pair, and the table has both directions."
        raise SanctlibError(f"{msg} Use 'first^period' and 'second^period'.")
    if any(part in ("first", "second") for name in vcov for part in name.split("^")):
        msg = f"vcov is {list(vcov)!r}, and the table has no directions. It must be 'dyadic' or"
        raise SanctlibError(f"{msg} ['dyad'].")
    sides = [
        "^".join(side if part == "state" else part for part in name.split("^"))
        for name in effects
        for side in ("first", "second")
    ]
    return pd.concat([panel, turned], ignore_index=True), list(dict.fromkeys(sides))


def _plain(terms: Sequence[str]) -> list[str]:
    """Return names that a formula can contain."""
    return [name if _PLAIN.fullmatch(name) else f"_x_{i}" for i, name in enumerate(terms)]


def _fitted(
    known: pd.DataFrame, dependent: str, terms: Sequence[str], effects: Sequence[str], vcov: Vcov
) -> tuple[Any, pd.DataFrame, dict[str, int], bool]:
    """Return pyfixest's fit, the rows used, counts of others, and whether all separated are out."""
    used, n, complete = known, {"zeros": 0, "single": 0, "separated": 0}, True
    # Without separated rows, groups can have zeros only or one row; without these, others can.
    while True:
        n_before = len(used)
        used, n_zeros = _deciding(used, dependent, effects)
        n["zeros"] += n_zeros
        n["single"] += n_before - len(used) - n_zeros
        if used.empty:
            return None, used, n, complete
        model, complete = _fit(used, dependent, terms, effects, vcov)
        left = used.loc[model._data["_row"]]
        if len(left) == len(used):
            return model, used, n, complete
        n["separated"] += len(used) - len(left)
        used = left


def _deciding(
    rows: pd.DataFrame, dependent: str, effects: Sequence[str]
) -> tuple[pd.DataFrame, int]:
    """Return the rows in groups with a count and several rows, and how many were in zeros only."""
    y = rows[dependent].to_numpy("float64")
    codes = [group_numbers(rows, name) for name in effects]
    kept, n_zeros, before = np.ones(len(y), dtype=bool), 0, -1
    # A row less in one group can be the last of another: until nothing changes.
    while before != kept.sum():
        before = kept.sum()
        for code in codes:
            zeros = kept & (np.bincount(code, weights=y * kept)[code] == 0)
            n_zeros += int(zeros.sum())
            kept &= ~zeros & (np.bincount(code, weights=kept)[code] > 1)
    return rows[kept], n_zeros


def _fit(
    used: pd.DataFrame, dependent: str, terms: Sequence[str], effects: Sequence[str], vcov: Vcov
) -> tuple[Any, bool]:
    """Return pyfixest's fit, without separated rows, and whether all of them were found."""
    x, y = used[list(terms)].to_numpy("float64"), used[dependent].to_numpy("float64")
    if np.ptp(y) == 0:
        msg = f"Column {dependent!r} has one value in all {len(y):,} rows used. It must vary."
        raise SanctlibError(msg)
    for name, values in zip(terms, x.T, strict=True):
        if not values.any():
            msg = f"{name!r} is 0 in all {len(y):,} rows used, so it has no estimate."
            raise SanctlibError(f"{msg} Drop {name!r}.")
    plain = dict(zip(_plain(terms), terms, strict=True))
    clusters = {f"_cluster_{i}": name for i, name in enumerate(vcov) if vcov != "dyadic"}
    held = {f"_effect_{i}": name for i, name in enumerate(effects)}
    groups = {column: group_numbers(used, name) for column, name in (clusters | held).items()}
    for column in clusters:
        check_clusters(len(np.unique(groups[column])))
    data = pd.DataFrame({**dict(zip(plain, x.T, strict=True)), "_outcome": y, **groups})
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")  # what pyfixest warns of is raised or counted here
        model, wrong = _attempted(data.assign(_row=used.index), [*plain], [*clusters], [*held])
    said = " ".join(str(warning.message) for warning in caught)
    if model is None and "collinear" not in str(wrong):
        msg = f"The estimate did not converge ({' '.join(str(wrong).split()).rstrip('.')})."
        raise SanctlibError(f"{msg} {_LARGE}") from wrong
    lost = [plain[name] for name in plain if model is None or name not in model._coefnames]
    if lost and "because of separation" in said:
        msg = f"{listed([*map(repr, lost)])} has no finite estimate: the regressors separate"
        msg = f"{msg} rows in which {dependent!r} is 0 from the others."
        raise SanctlibError(f"{msg} Drop {lost[-1]!r}, or combine it with another.")
    if lost:
        raise SanctlibError(_absorbed(lost, effects, used[lost].to_numpy("float64")))
    if not model.convergence:
        raise SanctlibError(f"The estimate did not converge. {_LARGE}")
    return model, "maximum number of iterations" not in said


def _attempted(
    data: pd.DataFrame, terms: Sequence[str], clusters: Sequence[str], effects: Sequence[str]
) -> tuple[Any, Exception | None]:
    """Return the first fit that converges, or the last one; and the last error of pyfixest."""
    try:
        from pyfixest import LsmrDemeaner, MapDemeaner, fepois, ssc
    except ImportError:
        msg = "The package pyfixest is not installed. Install it: pip install 'sanctlib[fixest]'."
        raise SanctlibError(msg) from None
    model: Any = None
    wrong: Exception | None = None
    for fast, close in _ATTEMPTS:
        if fast and wrong is not None:
            continue
        try:
            model = fepois(
                f"_outcome ~ {' + '.join(f'`{name}`' for name in terms)} | {' + '.join(effects)}",
                data,
                vcov={"CRV1": " + ".join(clusters)} if clusters else "hetero",
                ssc=ssc(k_adj=False, G_df="min"),
                fixef_rm="none",
                separation_check=["ir"],
                iwls_tol=close,
                demeaner=MapDemeaner(fixef_tol=1e-12) if fast else LsmrDemeaner(),
            )
        except (ValueError, np.linalg.LinAlgError) as error:
            model, wrong = None, error
        if "collinear" in str(wrong) or (model is not None and model.convergence):
            break
    return model, wrong


def _absorbed(terms: Sequence[str], effects: Sequence[str], x: Floats) -> str:
    """Return the message for regressors that do not vary within the fixed effects."""
    for name, most in zip(terms, np.abs(x).max(axis=0), strict=True):
        if most < _SMALL:
            msg = f"{name!r} holds very small numbers, at most {most:.1g}, as if it did not vary."
            return f"{msg} Change its scale: multiply it."
    names, within = listed([*map(repr, terms)]), listed(effects)
    if len(terms) == 1:
        msg = f"{names} does not vary within the fixed effects {within}, or is a combination"
        return f"{msg} of other regressors. Drop it."
    msg = f"{names} do not vary within the fixed effects {within}, or are combinations"
    return f"{msg} of other regressors. Drop one."
