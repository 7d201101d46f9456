"""Exhibits for a paper: one span in every unit, flow and stock, who sanctions both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.errors import check_columns
from sanctlib.periods import Period, period_end
from sanctlib.plots.series import plot_stock
from sanctlib.plots.style import (
    COLOURS,
    axes_or_new,
    beside_axes,
    finish,
    groups_of,
    hatch_uncovered,
    say_empty,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = "osD^v<>"


def plot_units(units: pd.DataFrame, *, caption: str, title: str, ax: Axes | None = None) -> Axes:
    """
    Draw one span in every unit and under every target rule, each with its band.

    The axis is logarithmic: units differ by orders of magnitude, and none is the sum of
    others. A count that is not covered, or is only a lower bound, is an open mark.

    Parameters
    ----------
    units : DataFrame
        From `compare_units`.

    Raises
    ------
    MissingColumnsError
    """
    needed = ["source", "unit", "target_rule", "n", "lower", "upper"]
    check_columns(units, needed, needed_by="plot_units")
    rows = units[units["n"].notna()].iloc[::-1].reset_index(drop=True)
    ax = axes_or_new(ax)
    if rows.empty:
        say_empty(ax)
        return finish(ax, title=title, caption=caption)
    ax.figure.set_figheight(1.2 + 0.32 * len(rows))  # type: ignore[union-attr]
    names = rows["unit"] + " by " + rows["target_rule"] + ", " + rows["source"]
    n, low, high = (
        rows[c].astype("Float64").to_numpy("float64", na_value=np.nan)
        for c in ("n", "lower", "upper")
    )
    at = np.arange(len(rows))
    for i, (_, group) in enumerate(groups_of(rows, "source", needed_by="plot_units")):
        here = group.index.to_numpy()
        bounded = ~np.isnan(high[here])
        for closed, filled in ((bounded, COLOURS[i]), (~bounded, "white")):
            ax.plot(
                n[here][closed],
                at[here][closed],
                _MARKS[i],
                color=COLOURS[i],
                markerfacecolor=filled,
            )
    ax.hlines(at, low, np.where(np.isnan(high), n, high), color="0.5", linewidth=1, zorder=0)
    for x, y in zip(n, at, strict=True):
        text: dict[str, Any] = {"xytext": (7, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(f"{x:,.0f}", (x, y), fontsize="small", **text)
    ax.set_yticks(at, list(names))
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(0, 3 * max(1.0, float(np.nanmax(n))))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("how many, each in its own unit (logarithmic)")
    return finish(ax, title=title, caption=caption, below=44)


def plot_flow_and_stock(
    stocks: pd.DataFrame,
    *,
    by: str,
    every: Period,
    caption: str,
    title: str,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """
    Draw the stock in force above the flow that makes it, a line per group.

    The part of the stock that began before the source does is shaded: its first day is not
    known. Below, what was added stands upwards and what was removed downwards.

    Parameters
    ----------
    stocks : DataFrame
        From `active_sanctions`.
    axes : two Axes, optional
        For the stock and for the flow.

    Returns
    -------
    axes : tuple of Axes

    Raises
    ------
    MissingColumnsError
    SanctlibError
        When there are more groups than can be told apart (7).
    """
    who = "plot_flow_and_stock"
    check_columns(stocks, ["added", "removed", "left_censored"], needed_by=who)
    if axes is None:
        import matplotlib.pyplot as plt

        _, (above, below) = plt.subplots(
            2, 1, figsize=(9, 5.4), sharex=True, height_ratios=[3, 2], layout="constrained"
        )
    else:
        above, below = axes
    plot_stock(stocks, by=by, every=every, caption="", title=title, ax=above)
    days = {"day": 1, "week": 7, "month": 28, "quarter": 88, "year": 360}[every]
    groups = groups_of(stocks[stocks["period"].notna()], by, needed_by=who)
    width = days / max(len(groups), 1)
    for i, (_, rows) in enumerate(groups):
        ends = period_end(rows["period"], every=every) + pd.Timedelta(days=1)
        censored = rows["left_censored"].astype("Float64").fillna(0).to_numpy("float64")
        edges = [*rows["period"], ends.iloc[-1]]
        if censored.any():
            above.fill_between(
                edges,
                [*censored, censored[-1]],
                step="post",
                color=COLOURS[i],
                alpha=0.15,
                hatch="...",
                linewidth=0,
                label="began before the data" if i == 0 else None,
            )
        middle = rows["period"] + pd.Timedelta(days=width * (i + 0.5))
        added, removed = (rows[c].astype("Float64").fillna(0) for c in ("added", "removed"))
        below.bar(middle, added, width=width, color=COLOURS[i])
        below.bar(middle, -removed, width=width, color=COLOURS[i], alpha=0.5)
    beside_axes(above)
    hatch_uncovered(below, stocks[stocks["period"].notna()], every=every)
    below.axhline(0, color="0.4", linewidth=0.8)
    below.set_ylabel(f"added (up) and\nremoved, per {every}")
    finish(below, title="", caption=caption)
    return above, below


def plot_shared(
    shared: pd.DataFrame, *, every: Period, caption: str, title: str, ax: Axes | None = None
) -> Axes:
    """
    Draw who sanctions both states: a row per sender, a mark per period and source.

    A mark is open where another source that covers the period does not say so.

    Parameters
    ----------
    shared : DataFrame
        From `shared_sanctioners`.

    Raises
    ------
    MissingColumnsError
    SanctlibError
        When there are more sources than can be told apart (7).
    """
    check_columns(shared, ["source", "period", "shared", "disputed"], needed_by="plot_shared")
    ax = axes_or_new(ax)
    senders = sorted({s for text in shared["shared"].dropna() for s in text.split(";") if s})
    place = {sender: i for i, sender in enumerate(reversed(senders))}
    if not senders:
        say_empty(ax)
        return finish(ax, title=title, caption=caption)
    ax.figure.set_figheight(1.4 + 0.24 * len(senders))  # type: ignore[union-attr]
    groups = groups_of(shared, "source", needed_by="plot_shared")
    for i, (source, rows) in enumerate(groups):
        middle = rows["period"] + (period_end(rows["period"], every=every) - rows["period"]) / 2
        shift = 0.22 * (i - (len(groups) - 1) / 2)
        for agreed, filled in ((True, COLOURS[i]), (False, "white")):
            points = [
                (when, place[sender] + shift)
                for when, held, against in zip(
                    middle, rows["shared"].fillna(""), rows["disputed"].fillna(""), strict=True
                )
                for sender in held.split(";")
                if sender and (sender not in against.split(";")) == agreed
            ]
            label = source if agreed or not points else f"{source}, not in another source"
            ax.plot(
                [when for when, _ in points],
                [at for _, at in points],
                _MARKS[i],
                color=COLOURS[i],
                markerfacecolor=filled,
                markersize=4,
                label=label if points else None,
            )
    ax.set_yticks(list(place.values()), list(place))
    ax.set_ylim(-0.7, len(senders) - 0.3)
    beside_axes(ax)
    return finish(ax, title=title, caption=caption)
