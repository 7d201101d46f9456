"""Designs: a panel and its onsets as arrays, and the effects estimated on them with errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.models.clusters import Errors, check_errors, quantile, variance_of
from sanctlib.models.stacks import (
    Bools,
    Controls,
    Floats,
    Layout,
    Repeats,
    combined,
    onsets_used,
    stacked,
)
from sanctlib.periods import Period, period_of, period_range, period_start


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Effects at event times, their variance, and the onsets (targets x periods) they are of."""

    estimate: Floats
    variance: Floats
    onsets: Bools
    n_treated: int
    n_controls: int
    notes: tuple[str, ...]

    @property
    def n_targets(self) -> int:
        """How many targets the onsets are of."""
        return int(self.onsets.any(axis=1).sum())

    def row(self, weights: Floats, level: float) -> dict[str, float]:
        """Return a sum of effects with its interval; of one target there is none."""
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
    """A panel as arrays, the names of its units, targets and periods, and how errors cluster."""

    layout: Layout
    units: pd.DataFrame
    targets: pd.Index
    periods: pd.Index
    every: Period | None
    errors: Errors

    def placed(self, table: pd.DataFrame, values: pd.Series, *, what: str) -> Floats:
        """Return the sums of values by target and period, those before the panel in the first."""
        check_columns(table, ["target", "period"], needed_by=f"event_study: {what}")
        periods = table["period"]
        if pd.api.types.is_datetime64_dtype(periods) != (self.every is not None):
            msg = f"event_study: periods of the {what} are dates where those of the panel are,"
            raise SanctlibError(
                f"{msg} else numbers, got {periods.dtype} and {self.periods.dtype}."
            )
        if self.every is not None:
            periods = period_start(periods, every=self.every)
        i = self.targets.get_indexer(pd.Index(table["target"]))
        t = self.periods.get_indexer(pd.Index(periods)) + 1
        inside = (i >= 0) & ((t > 0) | periods.lt(self.periods[0]).to_numpy())
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
        found, _, said = variance_of(
            scores[:, times],
            np.eye(len(times)),
            self.units,
            self.errors,
            "event_study",
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
            notes=tuple(said),
        )


def design_of(
    panel: pd.DataFrame,
    outcome: str,
    *,
    targets: Sequence[str],
    window: tuple[int, int],
    repeats: Repeats,
    controls: Controls,
    errors: Errors | None,
) -> Design:
    """
    Return a panel as arrays.

    Raises
    ------
    SanctlibError
        For a unit twice in a period, or periods that are none.
    MissingColumnsError
    """
    who, pair = "event_study", ["first", "second"]
    check_columns(panel, ["period", outcome, *targets], needed_by=who)
    keys = pair if set(pair) <= set(panel) else list(targets)
    if outcome in [*keys, *targets, "period"]:
        raise SanctlibError(f"{who}: {outcome!r} says of whom a row is, and is no outcome.")
    rows = panel[panel["period"].notna()]
    twice = rows.duplicated([*keys, "period"])
    if twice.any():
        name = ", ".join(str(v)[:10] for v in rows.loc[twice, [*keys, "period"]].iloc[0])
        msg = f"{who} needs one row per unit and period, and {name} has several: choose one"
        raise SanctlibError(f"{msg} component or group of the table first.")
    named = rows["period"].drop_duplicates().sort_values()
    every = period_of(named) if pd.api.types.is_datetime64_dtype(named) else None
    if every:
        periods: pd.Index = period_range(named.iloc[0], named.iloc[-1], every=every)
    elif pd.api.types.is_integer_dtype(named):
        periods = pd.RangeIndex(named.iloc[0], named.iloc[-1] + 1)
    else:
        msg = f"{who} needs periods without gaps, the first days of months or years, or numbers"
        raise SanctlibError(f"{msg}, got {', '.join(str(p)[:10] for p in named.iloc[:3])}.")
    known = rows[outcome].notna()
    if "covered" in rows:
        known &= rows["covered"].fillna(value=False).astype("bool")
    rows = rows[known]
    units = rows[list(dict.fromkeys([*keys, *targets]))].drop_duplicates(keys, ignore_index=True)
    numbers = pd.MultiIndex.from_frame(units[keys])
    at = numbers.get_indexer(pd.MultiIndex.from_frame(rows[keys]))
    laid = np.full((len(units), 1 + len(periods)), np.nan)
    when = 1 + periods.get_indexer(pd.Index(rows["period"]))
    laid[at, when] = rows[outcome].to_numpy("float64")
    names = pd.Index(np.unique(units[list(targets)].to_numpy("object").ravel()))
    sides = np.column_stack([names.get_indexer(units[side]) for side in targets])
    if errors is None:
        errors = "dyadic" if len(targets) > 1 else list(targets)
    check_errors(errors, needed_by=who)
    return Design(
        layout=Layout(
            outcome=laid,
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
        errors=errors,
    )


def reverse(design: Design, doses: Floats, level: float) -> pd.DataFrame:
    """Return how the outcome before differs the chance of an onset, in each stack of its own."""
    from scipy.special import stdtr

    layout, parts = design.layout, []
    stacks = stacked(layout, doses)
    for s in stacks:
        units = np.concatenate([s.treated, s.controls])
        past = layout.outcome[units, s.period - layout.before : s.period]
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
    bread = np.linalg.inv(x.T @ x)
    estimate = bread @ x.T @ onset
    scores = x * (onset - x @ estimate)[:, None]
    variance, n, _ = variance_of(scores, bread, design.units.iloc[units], design.errors, "reverse")
    error = np.sqrt(np.diag(variance))
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
