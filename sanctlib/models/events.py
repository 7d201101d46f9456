"""Follow a variable around onsets of sanctions. Read a panel and onsets; return a Fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from sanctlib.codes.countries import names_of
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models._clusters import Vcov
from sanctlib.models._design import (
    Bools,
    Controls,
    Design,
    Effects,
    Floats,
    Repeats,
    design_of,
    reverse,
)
from sanctlib.models._inputs import (
    column_of,
    confirmed,
    covered,
    flags,
    frame,
    numbers,
    origin,
    p_in_words,
    sources_of,
    with_interval,
)
from sanctlib.query import ask, keys_of, listed, whole_of
from sanctlib.result import Fit

FEWEST_TARGETS = 5
"""Onsets of fewer targets are case studies: the size of their errors is not known."""
MBARS, _FAR = (0.0, 0.5, 1.0, 1.5, 2.0), 1e6


def event_study(
    table: object,
    *,
    dependent: str,
    onsets: object,
    before: int = 4,
    after: int = 4,
    target_columns: Sequence[str] = ("first", "second"),
    dose: str | None = None,
    repeats: Repeats = "drop",
    controls: Controls = "not_yet",
    wars: object | None = None,
    because: str | None = None,
    allies: Sequence[object] = (),
    vcov: Vcov | None = None,
    n_replicates: int = 199,
    seed: int = 1,
    level: float = 0.95,
) -> Fit:
    """
    Follow a variable around onsets of sanctions, compared with clean controls.

    The onsets of one period form a stack: the units with an onset, and as clean controls the
    units without one up to the end of the window. The change of the treated since the period
    before the onset, less that of the controls, is averaged over treated units. A state
    sanctioned earlier is never a control for one sanctioned later. With such controls, the
    usual regression with fixed effects of unit and period is biased where effects grow or
    differ (Cengiz and others 2019; Sun and Abraham 2021; Wing, Freedman and Hollingsworth
    2024). All units have values in the whole window, so all event times have the same units.

    The precision depends on the number of onsets (a target in a period), not of rows: a
    hundred partners of one target are one event. Errors are clustered by target, and the
    degrees of freedom of t are the number of targets with onsets, less one.

    Parameters
    ----------
    table : DataFrame or Result
        A panel with ``period`` and one row per unit and period, such as from `dyad_panel`, or
        one component of `partnership_intensity`. Rows that are not ``covered`` have no value.
    dependent : str
        Column of the dependent variable. Take logarithms first for effects in per cent.
    onsets : DataFrame or Result
        ``target`` and ``period`` (a day counts in its period), such as from
        `confirmed_onsets`. Rows whose ``n`` is 0 or missing are not onsets, nor is one reported
        act of `sanction_counts`. Several onsets of a target in a period are one. Those before
        the panel count as earlier onsets, so include them.
    before, after : int, default 4
        Periods of the window on either side. The onset is in period 0, and period -1 is the
        reference.
    target_columns : sequence of str, default ("first", "second")
        The columns of the panel that can hold a target; ``["second"]`` if only the second
        state of a dyad counts as sanctioned. Units are its ``first`` and ``second``, or
        without these, the target columns.
    dose : str, optional
        Column of `onsets` with numbers from 0 (no onset). Effects are then per unit of it,
        assumed to be proportional.
    repeats : {"drop", "first", "keep"}, default "drop"
        ``drop`` excludes an onset with another one in its window or in the `after` periods
        before it; ``first`` keeps only the first onset of each target; ``keep`` keeps all, so
        effects overlap.
    controls : {"not_yet", "never", "quiet"}, default "not_yet"
        Units without an onset up to the end of the window; without any; or without one in the
        window and in the `after` periods before it, which assumes that effects have settled.
    wars : DataFrame or Result, optional
        ``target`` and ``period`` of the first days of wars of the targets.
    because : str, optional
        Column of `onsets`, True where the sanction was imposed because of the dependent
        variable.
    allies : sequence, default ()
        Targets that are allies of the sender, for an average without their onsets.
    vcov : {"dyadic"} or sequence of str, optional
        Standard errors: dyadic-robust, or clustered by one or two columns; ``dyad`` is the
        pair in both directions. By default clustered by the one target column, or dyadic
        with two.
    n_replicates : int, default 199
        Number of permutations of the onsets across targets.
    seed : int, default 1
        Of the permutations.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Its table has a row per ``event_time``: ``estimate``, ``std_error``, ``p_value``,
        ``lower``, ``upper``, ``n_onsets``, ``n_targets``, ``n_treated`` (pairs of unit and
        onset) and ``n_controls`` (units). Its `tables` are:

        - ``"average"`` over event times 0 to `after`, with ``p_placebo`` and
          ``breakdown_mbar``;
        - ``"subsets"``: the average of all onsets, of those with and without a war of the
          target in the window, of those imposed because of the dependent variable or not, and
          of allies of the sender or not;
        - ``"leave_one_out"``: the average without the onsets of each target;
        - ``"placebo"``: estimate and t of each permutation; ``p_placebo`` is the rank of t;
        - ``"bounds"``: of the average if trends differ after the onset by up to ``mbar``
          times the largest difference between two periods before it;
        - ``"reverse"``: how much more probable an onset is, per standard deviation, where
          the dependent variable was higher before (``level``) or had grown (``change``).

    Raises
    ------
    SanctlibError
        For onsets of fewer than 5 targets with a full window and clean controls, a window
        without a period before, or a unit twice in a period.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import sanctlib as sl
    >>> panel = pd.DataFrame({"target": np.repeat(range(20), 9), "period": [*range(9)] * 20})
    >>> treated = panel["target"].lt(8) & panel["period"].ge(5)
    >>> panel["trade"] = np.random.default_rng(1).normal(size=180) - 3 * treated
    >>> fit = sl.models.event_study(
    ...     panel, dependent="trade", onsets=pd.DataFrame({"target": range(8), "period": 5}),
    ...     before=2, after=2, target_columns=["target"], n_replicates=99)
    >>> fit.table[["event_time", "estimate", "n_onsets", "n_controls"]].round(1)
       event_time  estimate  n_onsets  n_controls
    0          -2       0.2         8          12
    1          -1       0.0         8          12
    2           0      -2.3         8          12
    3           1      -3.1         8          12
    4           2      -3.0         8          12
    """
    check_choice(repeats, ("drop", "first", "keep"), what="repeats")
    check_choice(controls, ("not_yet", "never", "quiet"), what="controls")
    columns = list(keys_of(target_columns, what="target_columns"))
    if not columns:
        raise SanctlibError("target_columns is empty. Name at least one, such as ['target'].")
    counts = {"before": before, "after": after, "n_replicates": n_replicates, "seed": seed}
    for name, value in counts.items():
        whole_of(value, what=name, least=int(name in ("before", "n_replicates")))
    design = design_of(
        table,
        column_of(dependent, what="dependent"),
        target_columns=columns,
        window=(before, after),
        repeats=repeats,
        controls=controls,
        vcov=vcov,
    )
    query = ask(
        **({"every": design.every} if design.every else {}),
        level=level,
        dependent=dependent,
        before=before,
        after=after,
        target_columns=columns,
        dose=dose,
        repeats=repeats,
        controls=controls,
        because=because,
        allies=allies,
        vcov=design.vcov,
        n_replicates=n_replicates,
        seed=seed,
    )
    onsets, confirmations = confirmed(onsets)
    given, doses = _doses(design, onsets, dose, because)
    n_given = int((doses[:, 1:] > 0).sum())
    effects = design.effects(doses)
    if effects is None or effects.n_targets < FEWEST_TARGETS:
        n_targets = 0 if effects is None else effects.n_targets
        raise SanctlibError(
            f"Of {n_given} onsets in the panel, those of {n_targets} targets have values {before} "
            f"periods before and {after} after, no other onset nearby, and controls. At least "
            f"{FEWEST_TARGETS} targets are needed: use a shorter window or more states, or study "
            f"each onset with sl.models.interrupted_series. {' '.join(confirmations[2:])}".strip()
        )
    weights = np.where((times := np.arange(-before, after + 1)) < 0, 0.0, 1 / (after + 1))
    average = effects.row(weights, query.level)
    placebo = _placebos(design, doses, weights, n_replicates, seed)
    t = abs(average["estimate"] / average["std_error"])
    rank = 1 + int(placebo["t"].abs().ge(t - 1e-12).sum())
    p_placebo = rank / (1 + len(placebo)) if t > 0 else float("nan")
    bounds, breakdown, trends = _bounds(effects, before=before, level=query.level)
    subsets = _subsets(design, given, wars, because)
    if friends := listed(allies):
        of_allies = np.isin(design.targets, friends)[:, None] & (doses > 0)
        subsets |= {"allies of the sender": of_allies, "without allies": ~of_allies}
    without = {
        str(design.targets[i]): (np.arange(len(doses)) != i)[:, None] & (doses > 0)
        for i in np.flatnonzero(effects.onsets.any(axis=1)).tolist()
    }
    averages = partial(_averages, design, doses, weights, level=query.level)
    kept = replace(design, repeats="keep").effects(doses) or effects
    sources, n_used = sources_of(table, onsets), effects.n_onsets
    tables = {
        "placebo": placebo,
        **bounds,
        "average": pd.DataFrame([average | {"p_placebo": p_placebo} | breakdown]),
        "subsets": averages(key="onsets", subsets=subsets),
        "leave_one_out": averages(key="without", subsets=without),
        "reverse": reverse(design, doses, query.level),
    }
    return Fit(
        table=pd.DataFrame(
            {"event_time": int(time)} | effects.row(one, query.level)
            for time, one in zip(times, np.eye(len(times)), strict=True)
        ).assign(n_treated=effects.n_treated, n_controls=effects.n_controls),
        name=f"{dependent} around onsets of sanctions",
        kind="event_study",
        query=query,
        unit="onsets of sanctions",
        n=n_used,
        sources=sources,
        notes=(
            "The estimates are effects under three assumptions: without the onset, treated and "
            "controls would have changed alike; nobody anticipated it before period -1; the "
            "controls were not affected. The data cannot test them, and anything else that "
            "happened in the same period is included.",
            f"The {n_used} onsets are of {effects.n_targets} targets. Of {n_given} onsets in the "
            f"panel, {n_given - kept.n_onsets} lack a full window or clean controls, and "
            f"{kept.n_onsets - n_used} follow or are close to another one (repeats={repeats!r}).",
            f"The average of event times 0 to {after} has a placebo p-value of {p_placebo:.3f}, "
            f"from {len(placebo)} permutations of the onsets across targets.",
            trends,
            *confirmations,
            *effects.notes,
        ),
        findings=(
            f"Over event times 0 to {after}, {dependent} differs from its controls by "
            f"{with_interval(average['estimate'], average['lower'], average['upper'], query.level)}"
            f" on average, placebo {p_in_words(p_placebo)}, {n_used} onsets of "
            f"{effects.n_targets} targets, {design.span}{origin(sources)}.",
            *_checks(tables, _mean_of(table, dependent, columns, without), dependent, query.level),
            trends,
        ),
        tables=tables,
    )


def _doses(
    design: Design, onsets: object, dose: str | None, because: str | None
) -> tuple[pd.DataFrame, Floats]:
    """Return the rows of onsets, and their doses (targets x periods); without `dose` 0 or 1."""
    named = {"dose": dose, "because": because}
    more = [column_of(name, what=what) for what, name in named.items() if name is not None]
    given = frame(onsets, ["target", "period", *more], what="onsets", curated=True)
    if dose is None:
        if "n" in given:
            given = given[numbers(given, ["n"])["n"].gt(0)]
        return given, np.minimum(
            design.placed(given, pd.Series(1.0, given.index), what="onsets"), 1.0
        )
    amounts = numbers(given, [dose])[dose]
    n_wrong = int((~amounts.ge(0)).sum())
    if n_wrong:
        msg = f"Column {dose!r} is missing or below 0 in {n_wrong:,} rows of onsets. A dose is a"
        raise SanctlibError(f"{msg} number from 0.")
    return given, design.placed(given, amounts, what="onsets")


def _subsets(
    design: Design, given: pd.DataFrame, wars: object | None, because: str | None
) -> dict[str, Bools | None]:
    """Return which onsets (targets x periods) are in each subset; None for all."""
    subsets: dict[str, Bools | None] = {"all": None}
    if wars is not None:
        fought = frame(wars, ["target", "period"], what="wars", curated=True)
        starts = design.placed(fought, pd.Series(1.0, fought.index), what="wars") > 0
        # A war is near an onset if it starts in one of the periods of its window.
        padded = np.pad(starts, ((0, 0), (design.before, design.after)))
        length = design.before + 1 + design.after
        near = np.lib.stride_tricks.sliding_window_view(padded, length, 1).max(axis=2)
        subsets |= {"war of the target in the window": near, "no war in the window": ~near}
    if because is not None:
        marked, known = flags(given[because], what=because), given[because].notna()
        meant, other = (
            design.placed(given, which.astype("float64"), what="onsets") > 0
            for which in (marked & known, ~marked & known)
        )
        subsets |= {"because of the dependent variable": meant, "for other reasons": other & ~meant}
    return subsets


def _mean_of(
    table: object, dependent: str, columns: Sequence[str], targets: Iterable[str]
) -> float:
    """Return the mean of the dependent variable over the units with one of these targets."""
    rows = frame(table, [dependent, *columns])
    chosen = rows[columns].astype("str").isin([*targets]).any(axis=1) & covered(rows)
    return float(numbers(rows[chosen], [dependent])[dependent].mean())


def _checks(
    tables: Mapping[str, pd.DataFrame], mean: float, dependent: str, level: float
) -> list[str]:
    """Return sentences on the size of the average, on single targets and on the reverse."""
    sizes = (left_out := tables["leave_one_out"])["estimate"]
    back = {
        row["term"]: f"{row['estimate']:+.4f} ({p_in_words(row['p_value'])})"
        for row in tables["reverse"].to_dict("records")
    }
    found = [
        f"The mean of {dependent} over the units of these targets is {mean:,.3g}.",
        f"Targets with an onset: {names_of(left_out['without'])}. Without one target at a time, "
        f"the average is {sizes.min():+.4f} to {sizes.max():+.4f}.",
    ]
    for row in tables["subsets"].query("onsets == 'without allies'").to_dict("records"):
        average = with_interval(row["estimate"], row["lower"], row["upper"], level)
        found.append(f"Without allies of the sender, {row['n_onsets']} onsets: {average}.")
    texts = {
        "level": f"where {dependent} had been one standard deviation higher",
        "change": "where the growth had been one standard deviation higher",
    }
    if reverse := [f"{text} {back[term]}" for term, text in texts.items() if term in back]:
        found.append(f"Difference of the probability of an onset: {', '.join(reverse)}.")
    return found


def _placebos(
    design: Design, doses: Floats, weights: Floats, n_replicates: int, seed: int
) -> pd.DataFrame:
    """Return estimate and t of the average, with the histories of targets permuted."""
    rng, rows = np.random.default_rng(seed), []
    for replicate in range(n_replicates):
        effects = design.effects(rng.permutation(doses), weights=weights)
        if effects is not None:
            row = effects.row(np.ones(1), 0.95)
            rows.append(row | {"replicate": replicate, "t": row["estimate"] / row["std_error"]})
    return pd.DataFrame(rows, columns=["replicate", "estimate", "t", "n_onsets", "n_targets"])


def _averages(
    design: Design,
    doses: Floats,
    weights: Floats,
    *,
    key: str,
    subsets: Mapping[str, Bools | None],
    level: float,
) -> pd.DataFrame:
    """Return the average effect of each subset of the onsets."""
    rows = []
    for name, chosen in subsets.items():
        effects = design.effects(doses, chosen=chosen)
        none = {"n_onsets": 0, "n_targets": 0}
        rows.append({key: name} | (effects.row(weights, level) if effects else none))
    return pd.DataFrame(rows)


def _bounds(
    effects: Effects, *, before: int, level: float
) -> tuple[dict[str, pd.DataFrame], dict[str, float], str]:
    """Return the table of bounds, the breakdown value, and the note on both."""
    if before == 1:
        note = "With one period before the onset, nothing is known about trends, so there is no"
        return {}, {}, f"{note} bound."
    from scipy.special import stdtrit

    table, breakdown = relative_bounds(
        effects.estimate,
        effects.variance,
        before=before,
        reach=float(stdtrit(effects.n_targets - 1, (1 + level) / 2)),
        grid=MBARS,
    )
    tolerated = "does not differ from 0 even under parallel trends."
    if breakdown:
        tolerated = (
            f"differs from 0 unless trends differ after the onset by {breakdown:.2f} times the "
            "largest step before it or more (Rambachan and Roth 2023, relative magnitudes)."
        )
    note = "Estimates near 0 before the onset do not show that trends were parallel. The average"
    return {"bounds": table}, {"breakdown_mbar": breakdown}, f"{note} {tolerated}"


def relative_bounds(
    estimate: Floats, variance: Floats, *, before: int, reach: float, grid: Sequence[float]
) -> tuple[pd.DataFrame, float]:
    """
    Return the interval of the average effect if trends differ after the onset, by how much.

    From one period to the next, the trends of treated and controls differ by at most M times
    the largest such difference between two periods before the onset (relative magnitudes,
    Rambachan and Roth 2023). So the error of the average over event times 0 to k is at most
    M (k + 2) / 2 of these steps. The interval contains those of all sums of the average and
    this multiple of one step, up or down, each with its own error. It is conservative,
    whichever step is the largest: shorter intervals exist.
    """
    from scipy.optimize import brentq

    n_after = len(estimate) - before
    average = np.r_[np.zeros(before), np.full(n_after, 1 / n_after)]
    # A row per step between two periods before the onset, as weights of the effects.
    steps = np.diff(np.eye(len(estimate)), axis=0)[: before - 1] * (n_after + 1) / 2

    def furthest(m: float, side: int) -> float:
        sums = average + m * np.concatenate([steps, -steps])
        spread = np.sqrt(np.maximum(np.einsum("ik,kl,il->i", sums, variance, sums), 0))
        return float((side * (sums @ estimate) + reach * spread).max()) * side

    # The breakdown is the M at which the bound on the side of 0 reaches it.
    side = -int(np.sign(average @ estimate))
    breakdown = 0.0
    if side * furthest(0.0, side) < 0:
        largest = 1.0
        while side * furthest(largest, side) < 0 and largest < _FAR:
            largest *= 2
        crosses = largest < _FAR
        breakdown = brentq(furthest, 0.0, largest, args=(side,)) if crosses else float("inf")
    rows = [{"mbar": m, "lower": furthest(m, -1), "upper": furthest(m, 1)} for m in grid]
    return pd.DataFrame(rows), float(breakdown)
