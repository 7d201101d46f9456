"""Event studies: what an outcome did around onsets of sanctions, beside clean controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_choice, check_columns, check_list
from sanctlib.metrics.intervals import check_level
from sanctlib.models.bounds import relative_bounds
from sanctlib.models.clusters import Errors, quantile
from sanctlib.models.design import Design, design_of, reverse
from sanctlib.models.result import Fit
from sanctlib.models.stacks import Bools, Controls, Floats, Repeats

FEWEST_TARGETS = 5
"""Onsets of fewer targets are cases, and no study: what their errors would be is not known."""
MBARS = (0.0, 0.5, 1.0, 1.5, 2.0)


def event_study(
    panel: pd.DataFrame,
    *,
    outcome: str,
    onsets: pd.DataFrame,
    before: int = 4,
    after: int = 4,
    targets: Sequence[str] = ("first", "second"),
    dose: str | None = None,
    repeats: Repeats = "drop",
    controls: Controls = "not_yet",
    wars: pd.DataFrame | None = None,
    because: str | None = None,
    errors: Errors | None = None,
    n_placebos: int = 199,
    seed: int = 1,
    level: float = 0.95,
) -> Fit:
    """
    Follow an outcome around onsets of sanctions, each beside units without one.

    Onsets of one period are a stack: the units they fall on, and as clean controls the units
    on which none falls up to the end of the window. What the treated changed by since the
    period before the onset, less what the controls did, is averaged over treated units. So no
    state sanctioned earlier serves as a control for one sanctioned later, which makes the
    usual regression with effects of unit and period wrong where effects grow or differ
    (Cengiz and others 2019; Sun and Abraham 2021; Wing, Freedman and Hollingsworth 2024). All
    units are seen in the whole window: no event time is of other units than the next.

    It is the number of onsets, a target in a period, that decides, and not that of rows: a
    hundred partners of one target are one event. Errors are clustered by target, and t has as
    many degrees of freedom as targets have onsets, less one.

    Parameters
    ----------
    panel : DataFrame
        ``period`` and one row per unit and period, as from `dyad_panel`, or of
        `partnership_intensity` one component. Where it is not ``covered``, there is no value.
    outcome : str
        A column; take logarithms before, if effects are in per cent.
    onsets : DataFrame
        ``target`` and ``period`` (a date is put in its period), such as the rows of
        `sanction_counts` by target with ``n`` above 0. Several of a target in a period are one.
        Those before the panel count as earlier ones: pass them too.
    before, after : int
        Periods of the window on either side; the onset is in period 0, -1 is compared with.
    targets : sequence of str
        The columns of the panel in which a target may stand; ``["second"]`` where only the
        second state of a dyad counts as sanctioned. Units are its ``first`` and ``second``,
        or where it has none, these.
    dose : str, optional
        A column of `onsets`, from 0 (no onset): effects are then per unit of it, taken for
        proportional.
    repeats : {"drop", "first", "keep"}
        An onset with another in its window, or `after` periods before it, is left out; or of
        each target the first alone stands, with what follows it; or all are kept, so that
        effects run into each other.
    controls : {"not_yet", "never", "quiet"}
        Units without an onset up to the end of the window; without any; or without one in the
        window and `after` periods before it, which supposes that effects have settled by then.
    wars : DataFrame, optional
        ``target`` and ``period`` of the first days of wars of targets themselves.
    because : str, optional
        A column of `onsets`, true where the sanction was imposed because of the outcome.
    errors : {"dyadic"} or sequence of str, optional
        As in `fit_count_panel`; by default clusters of the one column of `targets`, dyadic
        with two.
    n_placebos : int
        How often the onsets of targets are dealt out anew among all targets of the panel.
    level : float
        Of the intervals, 0-1.

    Returns
    -------
    Fit
        `table` has a row per event time: ``event_time``, ``estimate``, ``std_error``,
        ``p_value``, ``lower``, ``upper``, ``n_onsets``, ``n_targets``, ``n_treated``
        (units and onsets) and ``n_controls`` (units). `details`:

        - ``"average"`` over 0 to `after`, with ``p_placebo`` and ``breakdown_mbar``;
        - ``"apart"``, the average of all onsets, of those with a war of the target in the
          window and without, imposed because of the outcome and not;
        - ``"leave_one_out"``, the average without the onsets of each target;
        - ``"placebo"``, estimate and t of each deal: ``p_placebo`` is the rank of t;
        - ``"bounds"``, of the average where trends differ after the onset by up to ``mbar``
          times the largest difference from one period to the next before it;
        - ``"reverse"``, by how much an onset is more probable where the outcome was higher
          before (``level``), and where it had grown (``change``), per standard deviation.

    Raises
    ------
    SanctlibError
        For onsets of fewer than 5 targets with a whole window and clean controls, for no
        period before, for a unit twice in a period, or for other than these columns.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sanctlib.models.events import event_study
    >>> states = [f"{a}{b}Q" for a in "ABCD" for b in "ABCDE"]
    >>> rng = np.random.default_rng(1)
    >>> panel = pd.DataFrame({
    ...     "target": np.repeat(states, 10), "period": [*range(2001, 2011)] * 20,
    ...     "trade": rng.normal(size=200).round(1),
    ... })
    >>> onsets = pd.DataFrame({"target": states[:8], "period": 2006})
    >>> hit = panel["target"].isin(states[:8]) & panel["period"].ge(2006)
    >>> fit = event_study(
    ...     panel.assign(trade=panel["trade"] - 3 * hit), outcome="trade", onsets=onsets,
    ...     before=2, after=2, targets=["target"], n_placebos=99)
    >>> fit.table[["event_time", "estimate", "n_onsets", "n_controls"]].round(1)
       event_time  estimate  n_onsets  n_controls
    0          -2       0.4         8          12
    1          -1       0.0         8          12
    2           0      -2.3         8          12
    3           1      -2.2         8          12
    4           2      -2.7         8          12
    """
    who = "event_study"
    check_list(targets, what="columns of targets", needed_by=who)
    check_choice(repeats, ("drop", "first", "keep"), what="rule of repeats", needed_by=who)
    check_choice(controls, ("not_yet", "never", "quiet"), what="rule of controls", needed_by=who)
    check_level(level)
    if before < 1 or after < 0:
        msg = f"{who} needs a period before the onset to compare with, and the onset's own:"
        raise SanctlibError(f"{msg} before from 1, after from 0, got {before} and {after}.")
    design = design_of(
        panel,
        outcome,
        targets=targets,
        window=(before, after),
        repeats=repeats,
        controls=controls,
        errors=errors,
    )
    check_columns(onsets, [c for c in (dose, because) if c], needed_by=f"{who}: onsets")
    amounts = pd.Series(1.0, onsets.index) if dose is None else onsets[dose].astype("Float64")
    if amounts.isna().any() or amounts.lt(0).any():
        raise SanctlibError(f"{who} needs a dose from 0 of every onset; {dose!r} has others.")
    doses = design.placed(onsets, amounts, what="onsets")
    doses = doses if dose else np.minimum(doses, 1.0)
    found, n_given = design.effects(doses), int((doses[:, 1:] > 0).sum())
    if found is None or found.n_targets < FEWEST_TARGETS:
        n = 0 if found is None else found.n_targets
        raise SanctlibError(
            f"{who} needs onsets of {FEWEST_TARGETS} targets with values {before} periods before "
            f"and {after} after, no other onset near, and controls without any. Of {n_given} "
            f"onsets in the panel those of {n} targets are such: shorten the window, add states, "
            "or read each with fit_interrupted_series."
        )
    times = np.arange(-before, after + 1)
    average = np.where(times < 0, 0.0, 1 / (after + 1))
    placebo = _placebos(design, doses, average, n_placebos, seed)
    mean = found.row(average, level)
    t = abs(mean["estimate"] / mean["std_error"])
    n_as_far = int((placebo["t"].abs() >= t - 1e-12).sum())
    mean["p_placebo"] = (1 + n_as_far) / (1 + len(placebo)) if t > 0 else float("nan")
    details = {"placebo": placebo}
    said = "One period before shows nothing of trends, and no bound can be given."
    if before > 1:
        reach = quantile(level, found.n_targets)
        details["bounds"], breakdown = relative_bounds(
            found.estimate, found.variance, before=before, reach=reach, grid=MBARS
        )
        mean["breakdown_mbar"] = breakdown
        said = (
            f"The average stays off 0 while they differ after it by less than {breakdown:.2f} "
            "times the largest step before it (Rambachan and Roth 2023, relative magnitudes)."
            if breakdown
            else "The average is not told apart from 0 even if they were."
        )
        said = f"Estimates near 0 before the onset do not show that trends were alike. {said}"
    parts: dict[str, Bools | None] = {"all": None}
    if wars is not None:
        starts = design.placed(wars, pd.Series(1.0, wars.index), what="wars") > 0
        padded = np.pad(starts, ((0, 0), (before, after)))
        near = np.lib.stride_tricks.sliding_window_view(padded, len(times), 1).max(axis=2)
        parts |= {"war of the target in the window": near, "no war in the window": ~near}
    if because is not None:
        flags = onsets[because].astype("boolean")
        meant, other = (
            design.placed(onsets, which.fillna(value=False).astype("float64"), what="onsets") > 0
            for which in (flags, ~flags)
        )
        parts |= {"because of the outcome": meant, "for other reasons": other & ~meant}
    deciding = np.flatnonzero(found.onsets.any(axis=1)).tolist()
    every = np.arange(len(design.targets))
    without = {str(design.targets[i]): (every != i)[:, None] & (doses > 0) for i in deciding}
    kept = design.effects(doses, layout=replace(design.layout, repeats="keep"))
    n_used = int(found.onsets.sum())
    n_kept = n_used if kept is None else int(kept.onsets.sum())
    details |= {
        "average": pd.DataFrame([mean]),
        "apart": _averages(design, doses, average, level, parts),
        "leave_one_out": _averages(design, doses, average, level, without).rename(
            columns={"onsets": "without"}
        ),
        "reverse": reverse(design, doses, level),
    }
    return Fit(
        name=f"Event study of {outcome}",
        table=pd.DataFrame(
            {"event_time": int(time)} | found.row(weights, level)
            for time, weights in zip(times, np.eye(len(times)), strict=True)
        ).assign(n_treated=found.n_treated, n_controls=found.n_controls),
        notes=(
            "An effect if, without the onset, the treated would have moved as their controls did, "
            "nobody acted on it before period -1, and the controls felt nothing of it. The data "
            "test none of the three, and what fell on the same period is in it.",
            f"Effective n: {n_used} onsets of {found.n_targets} targets. Of {n_given} in the panel "
            f"{n_given - n_kept} lack a whole window or clean controls, {n_kept - n_used} follow "
            f"or are near another (repeats={repeats!r}).",
            f"Average of event times 0 to {after}: {mean['estimate']:.4g}, rank p "
            f"{mean['p_placebo']:.3f} among {len(placebo)} deals of the onsets among all targets.",
            said,
            *found.notes,
        ),
        details=details,
    )


def _placebos(
    design: Design, doses: Floats, average: Floats, n_placebos: int, seed: int
) -> pd.DataFrame:
    """Return estimate and t of the average, the histories of targets dealt out anew."""
    rng, rows = np.random.default_rng(seed), []
    for deal in range(n_placebos):
        found = design.effects(rng.permutation(doses), weights=average)
        if found is not None:
            row = found.row(np.ones(1), 0.95)
            row |= {"deal": deal, "t": row["estimate"] / row["std_error"]}
            rows.append(row)
    return pd.DataFrame(rows, columns=["deal", "estimate", "t", "n_onsets", "n_targets"])


def _averages(
    design: Design,
    doses: Floats,
    average: Floats,
    level: float,
    parts: Mapping[str, Bools | None],
) -> pd.DataFrame:
    rows = []
    for name, chosen in parts.items():
        found = design.effects(doses, chosen=chosen)
        row = {"n_onsets": 0, "n_targets": 0} if found is None else found.row(average, level)
        rows.append({"onsets": name} | row)
    return pd.DataFrame(rows)
