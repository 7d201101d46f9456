"""Figures of a partnership: reported co-operation, its expectation, agreements in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.periods import Period
from sanctlib.plots.series import draw_steps
from sanctlib.plots.style import (
    COLOURS,
    axes_or_new,
    beside_axes,
    dated,
    finish,
    fit_periods,
    floats,
    hatch_uncovered,
    middles,
    say_breaks,
    say_empty,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PER = {"all": "of the source's", "either": "of either state's", "no_war": "without war"}


def plot_intensity(
    intensity: pd.DataFrame,
    *,
    component: str,
    every: Period,
    caption: str,
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """
    Draw the rate of reported co-operation with its interval, before the comparable pairs.

    Where fewer than 5 acts fall into a period on average, the figure says "too few to
    trend" and draws points without a line.

    Parameters
    ----------
    intensity : DataFrame
        From `partnership_intensity`; the rows of `component` are drawn.

    Raises
    ------
    MissingColumnsError
    SanctlibError
        When the table has no such component, or several denominators.
    """
    needed = ["period", "component", "rate", "lower", "upper", "band_low", "band_high"]
    check_columns(intensity, [*needed, "too_few"], needed_by="plot_intensity")
    rows = intensity[intensity["component"].eq(component)].sort_values("period")
    if rows.empty:
        known = ", ".join(intensity["component"].unique())
        raise SanctlibError(f"plot_intensity has no component {component!r}. Known: {known}.")
    ways = rows[["first", "second"]].drop_duplicates() if "first" in rows else rows.iloc[:1]
    if len(ways) > 1:
        named = ", ".join(f"{a} towards {b}" for a, b in ways.to_numpy())
        raise SanctlibError(f"plot_intensity draws one pair, and the table holds {named}. Choose.")
    divisors = list(rows["denominator"].unique()) if "denominator" in rows else ["all"]
    if len(divisors) > 1:
        raise SanctlibError(f"plot_intensity draws one denominator, and got {divisors}: choose.")
    ax = axes_or_new(ax)
    middle = middles(rows["period"], every)
    ax.fill_between(
        middle,
        floats(rows["band_low"]),
        floats(rows["band_high"]),
        color="0.85",
        linewidth=0,
        label="comparable pairs,\n10th to 90th percentile",
    )
    rate = floats(rows["rate"])
    below, above = rate - floats(rows["lower"]), floats(rows["upper"]) - rate
    few = bool(rows["too_few"].any())
    ax.errorbar(
        middle,
        rate,
        yerr=np.vstack([below, above]).clip(min=0),
        fmt="o",
        linestyle="none" if few else "-",
        color=COLOURS[0],
        markersize=4,
        elinewidth=0.9,
        label="the pair, with interval",
    )
    ax.set_ylabel(f"reported acts per 1,000\n{_PER[divisors[0]]}, by {every}")
    ax.set_ylim(bottom=0)
    if few:
        said: dict[str, Any] = {"ha": "left", "va": "top", "color": "0.3", "style": "italic"}
        ax.text(0.01, 0.97, "too few to trend", transform=ax.transAxes, **said)
    hatch_uncovered(ax, rows, every=every)
    dated(ax)
    fit_periods(ax, rows["period"], every=every)
    beside_axes(ax)
    return finish(ax, title=title, caption=caption)


def plot_ratio(
    ratios: pd.DataFrame, *, every: Period, caption: str, title: str, ax: Axes | None = None
) -> Axes:
    """
    Draw acts over those expected, with the interval, on a logarithmic axis around 1.

    At 1 the two did as much together as the activity of both explains. A period without a
    mark has no answer, which is not a ratio of 0.

    Parameters
    ----------
    ratios : DataFrame
        From `observed_expected`, of one pair and direction.

    Raises
    ------
    MissingColumnsError
    """
    from matplotlib.ticker import LogLocator, NullLocator

    needed = ["period", "ratio", "lower", "upper", "covered"]
    check_columns(ratios, needed, needed_by="plot_ratio")
    rows = ratios.sort_values("period")
    ratio, low, high = (floats(rows[c]) for c in ("ratio", "lower", "upper"))
    ax = axes_or_new(ax)
    ax.axhline(1, color="0.4", linewidth=1, label="as the activity of both explains")
    # On this axis 0 lies nowhere: a ratio of 0 is drawn at the lower edge, and an open mark.
    shown = np.isfinite(ratio)
    edge = 0.5 * min([1.0, *ratio[shown & (ratio > 0)], *low[np.isfinite(low) & (low > 0)]])
    at = middles(rows["period"], every)
    drawn, bottom = np.maximum(ratio, edge), np.maximum(low, edge)
    ax.vlines(at, bottom, high, color=COLOURS[0], linewidth=1)
    label = "observed over expected, with interval"
    ax.plot(at, drawn, "o", color=COLOURS[0], markersize=5, label=label)
    none = shown & (ratio == 0)
    if none.any():
        ax.plot(at[none], drawn[none], "o", mfc="white", mec=COLOURS[0], label="0: no act")
    if not shown.any():
        say_empty(ax)
    elif not shown.all():
        say_breaks(ax, label="no mark: no answer, not zero")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_ylabel(f"acts over those expected,\nby {every} (logarithmic)")
    hatch_uncovered(ax, rows, every=every)
    dated(ax)
    if len(rows):
        fit_periods(ax, rows["period"], every=every)
    beside_axes(ax)
    return finish(ax, title=title, caption=caption)


def plot_agreements(
    active: pd.DataFrame, *, every: Period, caption: str, title: str, ax: Axes | None = None
) -> Axes:
    """
    Draw agreements in force and, beside them, what was said lately and fades.

    The shade above the first line is what is possibly in force, where a day is not known.

    Parameters
    ----------
    active : DataFrame
        From `active_agreements`.

    Raises
    ------
    MissingColumnsError
    """
    needed = ["period", "n_in_force", "n_possible", "n_through_blocs", "recent", "half_life"]
    check_columns(active, [*needed, "covered"], needed_by="plot_agreements")
    ax = axes_or_new(ax)
    if not active["recent"].notna().any():
        say_empty(ax)
        return finish(ax, title=title, caption=caption)
    sure = active.assign(lower=active["n_in_force"], upper=active["n_possible"])
    fades = f"visits, declarations, memoranda,\nhalf-life {active['half_life'].iloc[0]:g} {every}s"
    lines = {
        "n_in_force": (sure, "agreements in force"),
        "n_through_blocs": (active, "in force through a bloc"),
        "recent": (active, fades),
    }
    for i, (column, (rows, label)) in enumerate(lines.items()):
        draw_steps(ax, rows, column, every=every, index=i, label=label)
    top = max(ax.get_ylim()[1], 1.0)
    ax.set_ylim(-0.02 * top, top)
    ax.set_ylabel("how many, on our list" if _picked(active) else "how many")
    hatch_uncovered(ax, active, every=every)
    dated(ax)
    beside_axes(ax)
    return finish(ax, title=title, caption=caption)


def _picked(active: pd.DataFrame) -> bool:
    return "basis" in active and bool(active["basis"].str.contains("hand-picked").any())
