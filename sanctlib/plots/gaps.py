"""The figure of a measured distance between two states over the years."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.plots.style import (
    COLOURS,
    STYLES,
    axes_or_new,
    beside_axes,
    finish,
    groups_of,
    hatch,
    say_breaks,
    say_empty,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_gap(gaps: pd.DataFrame, *, caption: str, title: str, ax: Axes | None = None) -> Axes:
    """
    Draw a measured distance of pairs over time, with its interval.

    Parameters
    ----------
    gaps : DataFrame
        A dyads table: ``first``, ``second``, ``date``, ``value``, ``lower``, ``upper``.

    Raises
    ------
    MissingColumnsError
    SanctlibError
        When there are more pairs than can be told apart (7).
    """
    needed = ["first", "second", "date", "value", "lower", "upper"]
    check_columns(gaps, needed, needed_by="plot_gap")
    named = gaps.assign(pair=gaps["first"] + "-" + gaps["second"])
    ax = axes_or_new(ax)
    if named.assign(year=named["date"].dt.year).duplicated(["pair", "year"]).any():
        msg = "plot_gap draws one value per pair and year, and got several: choose a measure."
        raise SanctlibError(msg)
    missing: set[int] = set()
    for i, (pair, rows) in enumerate(groups_of(named, "pair", needed_by="plot_gap")):
        yearly = rows.set_index(rows["date"].dt.year)[["value", "lower", "upper"]]
        # A year without a value is a gap in the line.
        full = yearly.reindex(range(int(yearly.index.min()), int(yearly.index.max()) + 1))
        colour = COLOURS[i]
        ax.fill_between(full.index, full["lower"], full["upper"], color=colour, alpha=0.15, lw=0)
        ax.plot(full.index, full["value"], color=colour, linestyle=STYLES[i], label=pair)
        value = full["value"]
        missing |= set(full.index[value.isna()])
        lone = full[value.notna() & value.shift().isna() & value.shift(-1).isna()]
        bars = np.vstack([lone["value"] - lone["lower"], lone["upper"] - lone["value"]])
        ax.errorbar(lone.index, lone["value"], yerr=bars.clip(min=0), fmt="o", ms=4, color=colour)
    ax.set_ylabel("gap (ideal points)")
    ax.set_ylim(bottom=0)
    valued = set(named.loc[named["value"].notna(), "date"].dt.year)
    if not valued:
        say_empty(ax)
    blank = set(range(min(valued, default=0), max(valued, default=0))) - valued
    for year in blank:
        hatch(ax, year - 0.5, year + 0.5, label="no value: blank is not zero")
    if missing - blank:
        say_breaks(ax)
    beside_axes(ax)
    return finish(ax, title=title, caption=caption)
