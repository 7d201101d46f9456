"""The figure of a fit: the series and what was fitted, or the estimates with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError
from sanctlib.models.result import Fit
from sanctlib.plots.style import COLOURS, axes_or_new, beside_axes, dated, finish, plain, say_empty

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_fit(fit: Fit, *, caption: str, title: str, ax: Axes | None = None) -> Axes:
    """
    Draw what a model gave.

    A fit of a series shows its values, the fitted line and what the periods before would
    have led to expect; responses are drawn by horizon, event studies by periods since the
    onset; other estimates below each other, each with its interval. The grey line is no
    effect: 0, or 1 of ratios.

    Parameters
    ----------
    fit : Fit
        With a series in its `details`, or ``estimate``, ``lower``, ``upper`` in its `table`.

    Raises
    ------
    SanctlibError
        When the fit has neither, as `lead_lag`: its numbers are tests.
    """
    table = fit.table
    if "series" not in fit.details and not {"estimate", "lower", "upper"} <= set(table):
        raise SanctlibError(f"plot_fit finds no series and no estimates in {fit.name!r}.")
    ax = axes_or_new(ax)
    if "series" in fit.details:
        _draw_series(ax, fit.details["series"])
    elif table.empty:
        say_empty(ax)
    elif "event_time" in table:
        _draw_events(ax, table)
    elif "horizon" in table:
        ax.axhline(0, color="0.75")
        ax.fill_between(table["horizon"], table["lower"], table["upper"], alpha=0.2, lw=0)
        ax.plot(table["horizon"], table["estimate"], color=COLOURS[0], marker="o", ms=4)
        ax.set_xticks(table["horizon"])
        ax.set_xlabel("periods later")
        ax.set_ylabel("response")
    else:
        _draw_estimates(ax, table)
    return finish(ax, title=title, caption=caption, below=44)


def _draw_series(ax: Axes, series: pd.DataFrame) -> None:
    ax.plot(series["period"], series["value"], "o", color="0.55", ms=3, label="value")
    for i, (column, style) in enumerate({"fitted": "-", "expected": "--"}.items()):
        if column in series:
            line = series["period"], series[column]
            ax.plot(*line, color=COLOURS[i], linestyle=style, drawstyle="steps-mid", label=column)
    if pd.api.types.is_datetime64_dtype(series["period"]):
        dated(ax)
    beside_axes(ax)


def _draw_events(ax: Axes, table: pd.DataFrame) -> None:
    known = table["lower"].notna()
    ax.axhline(0, color="0.75")
    ax.axvline(-0.5, color="0.75", linestyle=":")
    ax.vlines(table["event_time"], table["lower"], table["upper"], color=COLOURS[0])
    for rows, face in ((table[known], COLOURS[0]), (table[~known], "white")):
        ax.plot(rows["event_time"], rows["estimate"], "o", mfc=face, mec=COLOURS[0], ms=5)
    ax.set_xticks(table["event_time"])
    ax.set_xlabel("periods since the onset (open: compared with)")
    n_onsets, n_targets = table[["n_onsets", "n_targets"]].iloc[0]
    ax.set_ylabel(f"effect, {n_onsets} onsets of {n_targets} targets")


def _draw_estimates(ax: Axes, table: pd.DataFrame) -> None:
    rows = table.iloc[::-1].reset_index(drop=True)
    ratios = "scale" in rows and rows["scale"].str.endswith("ratio").all()
    names = rows[[c for c in ("term", "errors") if c in rows]].astype("str").agg(", ".join, axis=1)
    at = np.arange(len(rows))
    ax.axvline(1 if ratios else 0, color="0.75")
    ax.hlines(at, rows["lower"], rows["upper"], color=COLOURS[0])
    ax.plot(rows["estimate"], at, "o", color=COLOURS[0], ms=5)
    ax.set_yticks(at, [plain(name) for name in names])
    ax.set_xscale("log" if ratios else "linear")
    ax.set_xlabel("ratio (logarithmic)" if ratios else "estimate")
