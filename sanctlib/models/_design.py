"""Read a panel and its onsets as arrays. Return effects at event times with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.dates import Period, period_of, period_range, period_start
from sanctlib.errors import SanctlibError
from sanctlib.models._clusters import Vcov, check_vcov, columns_of, intervals, variance_of
from sanctlib.models._inputs import (
    are_days,
    check_labels,
    covered,
    days,
    frame,
    numbers,
    span_of,
    with_periods,
)

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Repeats: TypeAlias = Literal["drop", "first", "keep"]
Controls: TypeAlias = Literal["not_yet", "never", "quiet"]


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Effects at event times, their variance, and their onsets (targets x periods)."""

    estimate: Floats
    variance: Floats
    onsets: Bools
    n_treated: int
    n_controls: int
    notes: tuple[str, ...]

    @property
    def n_onsets(self) -> int:
        """How many onsets the effects are of."""
        return int(self.onsets.sum())

    @property
    def n_targets(self) -> int:
        """How many targets have an onset."""
        return int(self.onsets.any(axis=1).sum())

    def row(self, weights: Floats, level: float) -> dict[str, float]:
        """Return a sum of effects with its interval; with one target there is none."""
        spread = weights @ self.variance @ weights if self.n_targets > 1 else 0.0
        sums = intervals(weights @ self.estimate, np.asarray(spread), self.n_targets, level)
        counts = {"n_onsets": self.n_onsets, "n_targets": self.n_targets}
        return {name: float(value) for name, value in sums.items()} | counts


@dataclass(frozen=True, kw_only=True)
class Design:
    """
    A panel as arrays, with the rules of the design and how errors cluster.

    `dependent` is units x periods, missing where it is not known. Its first column is all the
    time before the panel, for which only onsets are known. `sides` is units x sides: the
    number of the target on that side.
    """

    dependent: Floats
    sides: Integers
    units: pd.DataFrame
    targets: pd.Index
    periods: pd.Index
    every: Period | None
    before: int
    after: int
    repeats: Repeats
    controls: Controls
    vcov: Vcov

    @property
    def span(self) -> str:
        """The first to the last period, in words."""
        return span_of(self.periods, self.every)

    def placed(self, table: pd.DataFrame, values: pd.Series, *, what: str) -> Floats:
        """Return sums of values by target and period; those before the panel are in the first."""
        rows = frame(table, ["target", "period"], what=what, curated=True)
        periods = days(rows["period"], what=f"period of {what}")
        if are_days(periods) != (self.every is not None):
            kinds = ("days", "numbers") if self.every is None else ("numbers", "days")
            msg = f"The periods of {what} are {kinds[0]}, and those of the table are {kinds[1]}."
            raise SanctlibError(f"{msg} Both must be of one kind.")
        if self.every is not None:
            periods = period_start(periods, every=self.every)
        i = self.targets.get_indexer(pd.Index(rows["target"]))
        t = self.periods.get_indexer(pd.Index(periods)) + 1
        early = periods.lt(self.periods[0]).fillna(value=False).to_numpy(dtype=bool)
        inside = (i >= 0) & ((t > 0) | early)
        sums = np.zeros((len(self.targets), 1 + len(self.periods)))
        np.add.at(sums, (i[inside], t[inside]), values.to_numpy("float64")[inside])
        return sums

    def effects(
        self, doses: Floats, *, chosen: Bools | None = None, weights: Floats | None = None
    ) -> Effects | None:
        """Return the effects at event times, or their weighted sum; None without a stack."""
        stacks = stacked(self, doses, chosen)
        if not stacks:
            return None
        estimate, scores = combined(stacks, len(self.units))
        onsets = np.zeros(doses.shape, dtype=bool)
        for s in stacks:
            onsets[self.sides[s.treated], s.period] = True
        onsets &= (doses if chosen is None else doses * chosen) > 0
        if weights is not None:
            estimate, scores = estimate @ weights[:, None], scores @ weights[:, None]
        # Event time -1 is 0 by construction, and has no variance.
        times = np.flatnonzero(scores.any(axis=0))
        of_times, _, notes = variance_of(
            scores[:, times],
            np.eye(len(times)),
            self.units,
            self.vcov,
            n_deciding=int(onsets.any(axis=1).sum()),
        )
        variance = np.zeros((len(estimate), len(estimate)))
        variance[np.ix_(times, times)] = of_times
        return Effects(
            estimate=estimate,
            variance=variance,
            onsets=onsets,
            n_treated=sum(len(s.treated) for s in stacks),
            n_controls=len(np.unique(np.concatenate([s.controls for s in stacks]))),
            notes=tuple(notes),
        )


def design_of(
    table: object,
    dependent: str,
    *,
    target_columns: Sequence[str],
    window: tuple[int, int],
    repeats: Repeats,
    controls: Controls,
    vcov: Vcov | None,
) -> Design:
    """Return a panel as arrays."""
    sides = list(target_columns)
    if vcov is None:
        vcov = "dyadic" if len(sides) > 1 else sides
    check_vcov(vcov)
    rows = frame(table, ["period", dependent, *sides])
    keys = ["first", "second"] if {"first", "second"} <= {*rows} else sides
    clustered = columns_of([], vcov)
    rows = frame(rows, clustered)
    if dependent in [*keys, *sides, "period"]:
        msg = f"dependent is {dependent!r}, a column that names units or periods. It must be"
        raise SanctlibError(f"{msg} a column of values.")
    if "period" in clustered:
        msg = f"vcov is {vcov!r}. An event study has one row per unit, so it cannot be clustered"
        raise SanctlibError(f"{msg} by period: name columns of the units.")
    rows = with_periods(rows.assign(**numbers(rows, [dependent])))
    named = list(dict.fromkeys([*keys, *sides, *clustered]))
    for name in named:
        check_labels(rows[name], what=name, filled=True)
    repeated = rows.loc[rows.duplicated([*keys, "period"]), [*keys, "period"]]
    if len(repeated):
        msg = f"{', '.join(str(value)[:10] for value in repeated.iloc[0])} has several rows."
        msg = f"{msg} A unit must have one row per period: keep one component"
        raise SanctlibError(f"{msg} or group of the table first.")
    periods, every = periods_in_a_row(rows["period"].drop_duplicates().sort_values())
    # Lay out the dependent variable as units x periods, with an empty first column.
    rows = rows[rows[dependent].notna() & covered(rows)]
    units = rows[named].drop_duplicates(keys, ignore_index=True)
    at = pd.MultiIndex.from_frame(units[keys]).get_indexer(pd.MultiIndex.from_frame(rows[keys]))
    values = np.full((len(units), 1 + len(periods)), np.nan)
    values[at, 1 + periods.get_indexer(pd.Index(rows["period"]))] = rows[dependent]
    targets = pd.Index(np.unique(units[sides].to_numpy("object").ravel()))
    return Design(
        dependent=values,
        sides=np.column_stack([targets.get_indexer(units[side]) for side in sides]),
        units=units,
        targets=targets,
        periods=periods,
        every=every,
        before=window[0],
        after=window[1],
        repeats=repeats,
        controls=controls,
        vcov=vcov,
    )


def periods_in_a_row(periods: pd.Series) -> tuple[pd.Index, Period | None]:
    """Return all periods from the first to the last, and their length."""
    every = period_of(periods) if are_days(periods) and len(periods) else None
    if every:
        return period_range(periods.iloc[0], periods.iloc[-1], every=every), every
    if pd.api.types.is_integer_dtype(periods) and len(periods):
        return pd.RangeIndex(periods.iloc[0], periods.iloc[-1] + 1), None
    shown = ", ".join(str(period)[:10] for period in periods.head(3)) or "(none)"
    msg = f"The periods {shown} are not in a row. They must be the first days of"
    raise SanctlibError(f"{msg} weeks, months, quarters or years without gaps, or numbers.")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """
    The onsets of one period: the treated units, their doses, and the controls.

    `gaps` (treated x event times) is the change of each treated unit since the period before
    the onset, less the mean change of the controls. `deviations` (controls x event times) is
    the difference of each control from that mean.
    """

    period: int
    treated: Integers
    controls: Integers
    doses: Floats
    gaps: Floats
    deviations: Floats


def stacked(design: Design, doses: Floats, chosen: Bools | None = None) -> list[Stack]:
    """
    Return a stack per period with treated units and clean controls.

    All units have a value in every period of the window, so each event time has the same
    units. A unit has a quiet time where it has no other onset in the window or in the `after`
    periods before it, because the effect of that onset may last into the window. Treated are
    units with a quiet time ("drop"), without an earlier onset ("first"), or all ("keep").
    Controls are units without an onset up to the end of the window ("not_yet"), without any
    ("never"), or with a quiet time ("quiet").
    """
    before, after = design.before, design.after
    # A unit has the dose of the target on either of its sides.
    of_units = doses[design.sides].max(axis=1)
    wanted = of_units if chosen is None else (doses * chosen)[design.sides].max(axis=1)
    on = of_units > 0
    past = np.pad(on.cumsum(axis=1), ((0, 0), (1, 0)))  # onsets before each period
    stacks = []
    for period in range(before, on.shape[1] - after):
        window = slice(period - before, period + after + 1)
        since = max(0, window.start - after)
        known = ~np.isnan(design.dependent[:, window]).any(axis=1)
        quiet = past[:, window.stop] - past[:, since] == on[:, period]
        fit = {"drop": quiet, "first": past[:, period] == 0, "keep": known}[design.repeats]
        none = {"not_yet": past[:, window.stop] == 0, "never": past[:, -1] == 0, "quiet": quiet}
        treated = np.flatnonzero(known & fit & (wanted[:, period] > 0))
        controls = np.flatnonzero(known & none[design.controls] & ~on[:, period])
        if len(treated) and len(controls):
            change = design.dependent[:, window] - design.dependent[:, [period - 1]]
            usual = change[controls].mean(axis=0)
            stacks.append(
                Stack(
                    period=period,
                    treated=treated,
                    controls=controls,
                    doses=wanted[treated, period],
                    gaps=change[treated] - usual,
                    deviations=change[controls] - usual,
                )
            )
    return stacks


def combined(stacks: list[Stack], n_units: int) -> tuple[Floats, Floats]:
    """
    Return the effect per dose at each event time, and the score of each unit.

    The effect is the regression of the gaps on the doses through 0; with doses of 1 it is the
    mean over treated units. This is the stacked regression with fixed effects of unit and
    period in each stack, and controls weighted to the treated (Wing, Freedman and
    Hollingsworth 2024). Its variance is the sum of the products of `scores` (units x event
    times) over units that depend on each other; a unit in several stacks has one row.
    """
    total = sum(float((s.doses**2).sum()) for s in stacks)
    estimate = np.asarray(sum(s.doses @ s.gaps for s in stacks) / total)
    scores = np.zeros((n_units, len(estimate)))
    for s in stacks:
        scores[s.treated] += s.doses[:, None] * (s.gaps - np.outer(s.doses, estimate)) / total
        scores[s.controls] -= s.deviations * s.doses.sum() / total / len(s.controls)
    return estimate, scores


def reverse(design: Design, doses: Floats, level: float) -> pd.DataFrame:
    """Return how the probability of an onset varies with the dependent variable before it."""
    parts = []
    for s in stacked(design, doses):
        units = np.concatenate([s.treated, s.controls])
        past = design.dependent[units, s.period - design.before : s.period]
        onset = np.arange(len(units)) < len(s.treated)
        columns = np.column_stack([onset, past.mean(axis=1), past[:, -1] - past[:, 0]])
        # Less their means, the columns are compared within a stack.
        parts.append(np.column_stack([units, columns - columns.mean(axis=0)]))
    rows = np.concatenate(parts)
    units, onset, x = rows[:, 0].astype("int64"), rows[:, 1], rows[:, 2:]
    terms = np.flatnonzero(x.std(axis=0) > 0)
    x = x[:, terms] / x[:, terms].std(axis=0)
    try:
        bread = np.linalg.inv(x.T @ x)
    except np.linalg.LinAlgError:
        # Level and change are the same before every onset: only the level has an estimate.
        terms, x = terms[:1], x[:, :1]
        bread = np.linalg.inv(x.T @ x)
    estimate = bread @ x.T @ onset
    scores = x * (onset - x @ estimate)[:, None]
    variance, n, _ = variance_of(scores, bread, design.units.iloc[units], design.vcov)
    names = np.array(["level", "change"])[terms]
    found = intervals(estimate, np.diag(variance), n, level)
    return pd.DataFrame({"term": names, **found, "n": len(rows)})
