"""Figures over time: counts and stocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.errors import check_columns
from sanctlib.periods import Period, period_end, period_range
from sanctlib.plots.style import (
    COLOURS,
    STYLES,
    Floats,
    axes_or_new,
    beside_axes,
    dated,
    finish,
    floats,
    groups_of,
    hatch_uncovered,
    plain,
    say_breaks,
    say_empty,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_counts(
    counts: pd.DataFrame,
    *,
    by: str,
    every: Period,
    caption: str,
    title: str,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """
    Draw new sanctions per period, a line per group, the band of defensible dates behind.

    Periods that the source does not wholly cover are hatched: what stands there is a
    lower bound. A missing value is a gap in the line, never a zero.

    Parameters
    ----------
    counts : DataFrame
        From `sanction_counts`: ``period``, `by`, ``n``, ``lower``, ``upper``, ``covered``.

    Raises
    ------
    MissingColumnsError
    SanctlibError
        When there are more groups than can be told apart (7).
    """
    ax = _drawn(counts, by=by, every=every, ax=ax, labels=labels, needed_by="plot_counts")
    ax.set_ylabel(f"new {_units(counts)} per {every}")
    return finish(ax, title=title, caption=caption)


def plot_stock(
    stock: pd.DataFrame,
    *,
    by: str,
    every: Period,
    caption: str,
    title: str,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """
    Draw the active stock per period, a line per group.

    Parameters
    ----------
    stock : DataFrame
        From `active_sanctions`: ``period``, `by`, ``n``, ``lower``, ``upper``, ``covered``.

    Raises
    ------
    MissingColumnsError
    SanctlibError
        When there are more groups than can be told apart (7).
    """
    ax = _drawn(stock, by=by, every=every, ax=ax, labels=labels, needed_by="plot_stock")
    ax.set_ylabel(f"{_units(stock)} in force")
    return finish(ax, title=title, caption=caption)


def plot_partners(
    partners: pd.DataFrame, *, caption: str, title: str, ax: Axes | None = None
) -> Axes:
    """
    Draw the partners of states in order, the rate of each before its comparable pairs.

    The line reaches from the lowest to the highest period, the mark is the median one; it is
    open where the acts are too few to trend. The grey bar is the band of comparable pairs.

    Parameters
    ----------
    partners : DataFrame
        A row per partner: ``partner``, ``n_acts``, ``rate``, ``rate_low``, ``rate_high``,
        ``band_low``, ``band_high``, ``too_few``.

    Raises
    ------
    MissingColumnsError
    """
    needed = ["partner", "n_acts", "rate", "rate_low", "rate_high", "band_low", "band_high"]
    check_columns(partners, [*needed, "too_few"], needed_by="plot_partners")
    ax = axes_or_new(ax)
    if partners.empty:
        say_empty(ax)
        return finish(ax, title=title, caption=caption)
    rows = partners.iloc[::-1].reset_index(drop=True)
    ax.figure.set_figheight(1.2 + 0.26 * len(rows))  # type: ignore[union-attr]
    at, width = np.arange(len(rows)), rows["band_high"] - rows["band_low"]
    band = "comparable pairs,\n10th to 90th percentile"
    ax.barh(at, width, left=rows["band_low"], height=0.7, color="0.87", label=band)
    ax.hlines(at, rows["rate_low"], rows["rate_high"], color=COLOURS[0], linewidth=1)
    few = rows["too_few"].fillna(value=False).astype("bool")
    for chosen, face, label in ((~few, COLOURS[0], "median"), (few, "white", "too few to trend")):
        if chosen.any():
            here: Any = {"mfc": face, "mec": COLOURS[0], "label": label}
            ax.plot(rows["rate"][chosen], at[chosen], "o", ms=5.5, **here)
    names = [
        plain(f"{name} ({n:,})") for name, n in zip(rows["partner"], rows["n_acts"], strict=True)
    ]
    ax.set_yticks(at, names)
    ax.set_xlim(left=0)
    ax.set_xlabel("reported acts per 1,000 of the source's, by period")
    beside_axes(ax)
    return finish(ax, title=title, caption=caption, below=44)


def _drawn(
    table: pd.DataFrame,
    *,
    by: str,
    every: Period,
    ax: Axes | None,
    labels: Mapping[str, str] | None,
    needed_by: str,
) -> Axes:
    check_columns(table, ["period", by, "n", "covered"], needed_by=needed_by)
    placed = table[table["period"].notna()]
    ax = axes_or_new(ax)
    for i, (group, rows) in enumerate(groups_of(placed, by, needed_by=needed_by)):
        draw_steps(ax, rows, "n", every=every, index=i, label=(labels or {}).get(group, group))
    # A little room below zero: a line of zeros is a line, not the axis.
    top = max(ax.get_ylim()[1], 1.0)
    ax.set_ylim(-0.02 * top, top)
    hatch_uncovered(ax, placed, every=every)
    if placed["n"].isna().any():
        say_breaks(ax)
    dated(ax)
    beside_axes(ax)
    if placed.empty:
        say_empty(ax)
    return ax


def draw_steps(
    ax: Axes, rows: pd.DataFrame, column: str, *, every: Period, index: int, label: str
) -> None:
    """Draw a column as steps, with a gap where a period has no value, its band behind."""
    # Every period has its place: one without a row is a gap, not the value before it.
    all_periods = period_range(rows["period"].min(), rows["period"].max(), every=every)
    rows = rows.set_index("period").reindex(all_periods).rename_axis("period").reset_index()
    last = period_end(rows["period"].tail(1), every=every) + pd.Timedelta(days=1)
    edges = pd.concat([rows["period"], last]).to_numpy()
    colour, style = COLOURS[index], STYLES[index]
    if {"lower", "upper"} <= set(rows) and rows["lower"].notna().any():
        low, high = _held(rows["lower"]), _held(rows["upper"])
        ax.fill_between(edges, low, high, color=colour, alpha=0.2, step="post", linewidth=0)
    ax.plot(
        edges,
        _held(rows[column]),
        color=colour,
        linestyle=style,
        drawstyle="steps-post",
        label=plain(label),
    )


def _held(values: pd.Series) -> Floats:
    """Return the values with the last one again, so that its step has a width."""
    known = floats(values)
    return np.concatenate([known, known[-1:]])


def _units(table: pd.DataFrame) -> str:
    unit = str(table["unit"].iloc[0]) if "unit" in table and len(table) else "thing"
    return unit[:-1] + "ies" if unit.endswith("y") else unit + "s"
