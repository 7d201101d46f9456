"""Read a panel and its onsets as arrays. Return effects at event times with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.dates import Period, in_words, period_of, period_range, period_start
from sanctlib.errors import SanctlibError
from sanctlib.models._clusters import Vcov, check_vcov, parts_of, quantile, variance_of
from sanctlib.models._inputs import are_days, covered, days, frame, labels, numbers, with_periods


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
    def n_targets(self) -> int:
        """How many targets have an onset."""
        return int(self.onsets.any(axis=1).sum())

    def row(self, weights: Floats, level: float) -> dict[str, float]:
        """Return a sum of effects with its interval; with one target there is none."""
        from scipy.special import stdtr

        value, spread = float(weights @ self.estimate), float(weights @ self.variance @ weights)
        error = spread**0.5 if spread > 0 and self.n_targets > 1 else float("nan")
        reach = quantile(level, self.n_targets) * error if self.n_targets > 1 else error
        return {
            "estimate": value,
            "std_error": error,
            "p_value": float(2 * stdtr(self.n_targets - 1, -abs(value / error))),
            "lower": value - reach,
            "upper": value + reach,
            "n_onsets": int(self.onsets.sum()),
            "n_targets": self.n_targets,
        }


@dataclass(frozen=True, kw_only=True)
class Design:
    """A panel as arrays, its units, targets and periods, and how errors cluster."""

    layout: Layout
    units: pd.DataFrame
    targets: pd.Index
    periods: pd.Index
    every: Period | None
    vcov: Vcov

    @property
    def span(self) -> str:
        """The first to the last period, in words."""
        first, last = self.periods[0], self.periods[-1]
        if self.every is None:
            return f"periods {first} to {last}"
        return in_words(first, last, every=self.every)

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
        self,
        doses: Floats,
        *,
        chosen: Bools | None = None,
        layout: Layout | None = None,
        weights: Floats | None = None,
    ) -> Effects | None:
        """Return the effects at event times, or their weighted sum; None without a stack."""
        layout = layout or self.layout
        stacks = stacked(layout, doses, chosen)
        if not stacks:
            return None
        estimate, scores = combined(stacks, len(self.units))
        onsets = onsets_used(layout, doses if chosen is None else doses * chosen, stacks)
        if weights is not None:
            estimate, scores = estimate @ weights[:, None], scores @ weights[:, None]
        # Event time -1 is 0 by construction, and has no variance.
        times = np.flatnonzero(scores.any(axis=0))
        found, _, notes = variance_of(
            scores[:, times],
            np.eye(len(times)),
            self.units,
            self.vcov,
            n_deciding=int(onsets.any(axis=1).sum()),
        )
        variance = np.zeros((len(estimate), len(estimate)))
        variance[np.ix_(times, times)] = found
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
    pair = ["first", "second"]
    if vcov is None:
        vcov = "dyadic" if len(target_columns) > 1 else list(target_columns)
    check_vcov(vcov)
    rows = frame(table, ["period", dependent, *target_columns])
    keys = pair if set(pair) <= set(rows) else list(target_columns)
    clustered = [
        p for name in (["dyad"] if vcov == "dyadic" else vcov) for p in parts_of(name, keys)
    ]
    rows = frame(rows, [*keys, *clustered])
    if dependent in [*keys, *target_columns, "period"]:
        msg = f"dependent is {dependent!r}, a column that names units or periods. It must be"
        raise SanctlibError(f"{msg} a column of values.")
    if "period" in clustered:
        msg = f"vcov is {vcov!r}. An event study has one row per unit, so it cannot be clustered"
        raise SanctlibError(f"{msg} by period: name columns of the units.")
    rows = with_periods(rows.assign(**numbers(rows, [dependent])))
    named_by = list(dict.fromkeys([*keys, *target_columns, *clustered]))
    for name in named_by:
        labels(rows[name], what=name, filled=True)
    twice = rows.duplicated([*keys, "period"])
    if twice.any():
        name = ", ".join(str(v)[:10] for v in rows.loc[twice, [*keys, "period"]].iloc[0])
        msg = f"{name} has several rows. A unit must have one row per period: keep one component"
        raise SanctlibError(f"{msg} or group of the table first.")
    periods, every = periods_in_a_row(rows)
    rows = rows[rows[dependent].notna() & covered(rows)]
    units = rows[named_by].drop_duplicates(keys, ignore_index=True)
    numbered = pd.MultiIndex.from_frame(units[keys])
    at = numbered.get_indexer(pd.MultiIndex.from_frame(rows[keys]))
    laid = np.full((len(units), 1 + len(periods)), np.nan)
    when = 1 + periods.get_indexer(pd.Index(rows["period"]))
    laid[at, when] = rows[dependent].to_numpy("float64")
    names = pd.Index(np.unique(units[list(target_columns)].to_numpy("object").ravel()))
    sides = np.column_stack([names.get_indexer(units[side]) for side in target_columns])
    return Design(
        layout=Layout(
            dependent=laid,
            sides=sides,
            before=window[0],
            after=window[1],
            repeats=repeats,
            controls=controls,
        ),
        units=units,
        targets=names,
        periods=periods,
        every=every,
        vcov=vcov,
    )


def periods_in_a_row(rows: pd.DataFrame) -> tuple[pd.Index, Period | None]:
    """
    Return all periods of a panel in order, and their length where they are days.

    Raises
    ------
    SanctlibError
        For days that are not the first ones of periods without gaps.
    """
    named = rows["period"].drop_duplicates().sort_values()
    every = period_of(named) if are_days(named) and len(named) else None
    if every:
        return period_range(named.iloc[0], named.iloc[-1], every=every), every
    if pd.api.types.is_integer_dtype(named) and len(named):
        return pd.RangeIndex(named.iloc[0], named.iloc[-1] + 1), None
    shown = ", ".join(str(p)[:10] for p in named.head(3))
    msg = f"The periods {shown or '(none)'} are not in a row. They must be the first days of"
    raise SanctlibError(f"{msg} weeks, months, quarters or years without gaps, or numbers.")


def reverse(design: Design, doses: Floats, level: float) -> pd.DataFrame:
    """Return how the probability of an onset varies with the dependent variable before it."""
    from scipy.special import stdtr

    layout, parts = design.layout, []
    stacks = stacked(layout, doses)
    for s in stacks:
        units = np.concatenate([s.treated, s.controls])
        past = layout.dependent[units, s.period - layout.before : s.period]
        columns = np.column_stack(
            [units, units < 0, past.mean(axis=1), past[:, -1] - past[:, 0]]
        ).astype("float64")
        columns[: len(s.treated), 1] = 1
        columns[:, 1:] -= columns[:, 1:].mean(axis=0)
        parts.append(columns)
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
    variances = np.diag(variance)
    error = np.sqrt(np.where(variances > 0, variances, np.nan))
    reach = quantile(level, n) * error
    return pd.DataFrame(
        {
            "term": np.array(["level", "change"])[terms],
            "estimate": estimate,
            "std_error": error,
            "p_value": 2 * stdtr(n - 1, -np.abs(estimate / error)),
            "lower": estimate - reach,
            "upper": estimate + reach,
            "n": len(rows),
        }
    )


Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Repeats: TypeAlias = Literal["drop", "first", "keep"]
Controls: TypeAlias = Literal["not_yet", "never", "quiet"]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """
    A panel as arrays, with the rules of the design.

    `dependent` is units x periods, missing where it is not known. Its first column is all the
    time before the panel, for which only onsets are known. `sides` is units x sides: the
    number of the target on that side.
    """

    dependent: Floats
    sides: Integers
    before: int
    after: int
    repeats: Repeats
    controls: Controls


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


def stacked(layout: Layout, doses: Floats, chosen: Bools | None = None) -> list[Stack]:
    """
    Return a stack per period with treated units and clean controls.

    All units have a value in every period of the window, so each event time has the same
    units. A unit has a quiet time where it has no other onset in the window or in the `after`
    periods before it, because the effect of that onset may last into the window. Treated are
    units with a quiet time ("drop"), without an earlier onset ("first"), or all ("keep").
    Controls are units without an onset up to the end of the window ("not_yet"), without any
    ("never"), or with a quiet time ("quiet").
    """
    of_units = doses[layout.sides].max(axis=1)
    wanted = of_units if chosen is None else (doses * chosen)[layout.sides].max(axis=1)
    on = of_units > 0
    past = np.pad(on.cumsum(axis=1), ((0, 0), (1, 0)))
    found = []
    for period in range(layout.before, on.shape[1] - layout.after):
        window = slice(period - layout.before, period + layout.after + 1)
        since = max(0, window.start - layout.after)
        known = ~np.isnan(layout.dependent[:, window]).any(axis=1)
        quiet = past[:, window.stop] - past[:, since] == on[:, period]
        fit = {"drop": quiet, "first": past[:, period] == 0, "keep": known}[layout.repeats]
        struck = known & fit & (wanted[:, period] > 0)
        none = {"not_yet": past[:, window.stop] == 0, "never": past[:, -1] == 0, "quiet": quiet}
        free = known & none[layout.controls] & ~on[:, period]
        treated, controls = np.flatnonzero(struck), np.flatnonzero(free)
        if len(treated) and len(controls):
            change = layout.dependent[:, window] - layout.dependent[:, [period - 1]]
            usual = change[controls].mean(axis=0)
            found.append(
                Stack(
                    period=period,
                    treated=treated,
                    controls=controls,
                    doses=wanted[treated, period],
                    gaps=change[treated] - usual,
                    deviations=change[controls] - usual,
                )
            )
    return found


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


def onsets_used(layout: Layout, doses: Floats, stacks: list[Stack]) -> Bools:
    """Return the onsets (targets x periods) of treated units."""
    used = np.zeros(doses.shape, dtype=bool)
    for s in stacks:
        used[layout.sides[s.treated], s.period] = True
    return used & (doses > 0)
