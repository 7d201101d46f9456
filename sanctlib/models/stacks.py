"""Compare onsets of one period with clean controls. Read arrays; return stacks and averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
