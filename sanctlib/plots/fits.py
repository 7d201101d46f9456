"""Read what a model gave. Return its figure: the series and its fit, or the estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.dates import period_of
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.plots.style import (
    BLACK,
    EACH,
    PALETTE,
    Look,
    beside_axes,
    dated,
    empty,
    finish,
    floats,
    middles,
    parts_of,
    plain,
    say_empty,
    sized,
)
from sanctlib.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INTERVAL = ["estimate", "lower", "upper"]
_OF_CURVE = [*_INTERVAL, "p_value", "null_lower", "null_upper", "confounded"]
_OTHER = PALETTE[0]


def draw_series(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the values of a series, the fitted line and what the periods before predict."""
    series = _further(result, "series")
    check_columns(series, ["period", "value"])
    of_days = pd.api.types.is_datetime64_any_dtype(series["period"])
    every = period_of(series["period"]) if of_days else None
    at = middles(series["period"], every) if every else series["period"]
    ax.plot(at, series["value"], "o", color="0.55", ms=3, label="observed")
    lines = {"fitted": (BLACK, "-"), "expected": (_OTHER, "--")}
    for column, (colour, style) in lines.items():
        if column in series:
            line: Any = at, series[column]
            ax.plot(*line, color=colour, linestyle=style, drawstyle="steps-mid", label=column)
    if of_days:
        dated(ax)
    elif look.marks:
        msg = "marks needs an axis of dates, and the periods of this series are numbers."
        raise SanctlibError(f"{msg} Leave it out.")
    if series["value"].isna().all():
        say_empty(ax)
    ax.set_ylabel(_dependent(result))
    beside_axes(ax)
    return finish(ax, result, look)


def draw_responses(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the response at each horizon with its interval; the grey line is no response."""
    table = result.table
    check_columns(table, ["horizon", *_INTERVAL])
    if table.empty:
        say_empty(ax)
    ax.axhline(0, color="0.75")
    ax.fill_between(table["horizon"], table["lower"], table["upper"], color="0.85", lw=0)
    ax.plot(table["horizon"], table["estimate"], color=BLACK, marker="o", ms=4)
    ax.set_xticks(table["horizon"])
    ax.set_xlabel(f"{_periods(result)} later")
    ax.set_ylabel(f"response of\n{_dependent(result)}" if _dependent(result) else "response")
    return finish(ax, result, look, below=44)


def draw_event_study(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the estimate at each period since the onset; the reference period is open."""
    table = result.table
    check_columns(table, ["event_time", *_INTERVAL, "n_onsets", "n_targets"])
    ax.axhline(0, color="0.75")
    if table.empty:
        return empty(ax, result, look)
    known = table["lower"].notna()
    ax.axvline(-0.5, color="0.75", linestyle=":")
    ax.vlines(table["event_time"], table["lower"], table["upper"], color=BLACK)
    for rows, face in ((table[known], BLACK), (table[~known], "white")):
        ax.plot(rows["event_time"], rows["estimate"], "o", mfc=face, mec=BLACK, ms=5)
    ax.set_xticks(table["event_time"])
    ax.set_xlabel(f"{_periods(result)} since the onset (open mark: reference)")
    n_onsets, n_targets = table[["n_onsets", "n_targets"]].iloc[0]
    what = f"{_dependent(result)}, " if _dependent(result) else ""
    ax.set_ylabel(f"{what}difference to the reference,\n{n_onsets} onsets of {n_targets} targets")
    return finish(ax, result, look, below=44)


def draw_estimates(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw estimates below each other with their intervals; the grey line is no effect."""
    table = result.table
    check_columns(table, ["term", *_INTERVAL])
    if table.empty:
        return empty(ax, result, look)
    rows = table.iloc[::-1].reset_index(drop=True)
    sized(ax, look, 1.4 + 0.3 * len(rows))
    ratios = "scale" in rows and rows["scale"].str.endswith("ratio").all()
    names = rows[[c for c in ("term", "vcov") if c in rows]].astype("str").agg(", ".join, axis=1)
    at = np.arange(len(rows))
    ax.axvline(1 if ratios else 0, color="0.75")
    ax.hlines(at, rows["lower"], rows["upper"], color=BLACK)
    ax.plot(rows["estimate"], at, "o", color=BLACK, ms=5)
    ax.set_yticks(at, [plain(look.labels.get(name, name)) for name in names])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xscale("log" if ratios else "linear")
    ax.set_xlabel("ratio (log scale)" if ratios else "estimate")
    return finish(ax, result, look, below=44)


def draw_curve(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw a specification curve: estimates in order with intervals, above the choices of each.

    Open marks are estimates of which p is 0.05 or more. The grey band contains 95 % of the
    curves without effect at the same rank. Confounded specifications are a separate panel.
    A choice of one option has no row.
    """
    rows = _further(result, "specifications")
    check_columns(rows, _OF_CURVE)
    # All other columns are choices of the researcher.
    names = [c for c in rows if c not in (*_OF_CURVE, "p_shift")]
    # A filter of the curves, the rows of the result, is one of their specifications.
    keys = [c for c in result.table if c in names or c == "confounded"]
    if keys:
        rows = rows.merge(result.table[keys].drop_duplicates(), on=keys)
    distinct = {name: rows[name].drop_duplicates() for name in names}
    options = [(name, o) for name in names for o in distinct[name] if len(distinct[name]) > 1]
    panels = [part for _, part in rows.groupby("confounded")]
    if not panels:
        return empty(ax, result, look)
    if any(not part["estimate"].is_monotonic_increasing for part in panels):
        own = next((c for c in keys if c != "confounded"), "estimand")
        msg = f"The result has the curves of several options of {own!r}."
        raise SanctlibError(f"{msg} Keep one: .filter({own}=…).")
    sized(ax, look, 3 + 0.2 * len(options))
    heights = [2.6, max(0.2 * len(options), 0.2)]
    widths = [len(part) + 3 for part in panels]
    above, below = parts_of(ax, heights, widths, gap=0.05)
    for upper, lower, part in zip(above, below, panels, strict=True):
        confounded = bool(part["confounded"].iloc[0])
        upper.tick_params(bottom=False)
        _draw_specifications(upper, part, colour=_OTHER if confounded else BLACK)
        if confounded:
            upper.set_title("confounded", loc="right", fontsize="small")
        for y, (name, option) in enumerate(options):
            at = np.flatnonzero(part[name].eq(option))
            lower.plot(at, np.full(len(at), y), "|", color="0.2", ms=7)
        lower.tick_params(bottom=False, labelbottom=False)
    words = [plain(f"{name}: {option}") for name, option in options]
    below[0].set_yticks(range(len(options)), words)
    below[0].tick_params(axis="y", labelsize="small")
    below[0].set_ylim(len(options) - 0.4, -0.6)
    above[0].set_ylabel("estimate\n(standard deviations)")
    beside_axes(above[-1])
    finish(ax, result, look, below=14)
    return above[0]


def _draw_specifications(ax: Axes, rows: pd.DataFrame, *, colour: str) -> None:
    at, estimate = np.arange(len(rows)), floats(rows["estimate"])
    band = floats(rows["null_lower"]), floats(rows["null_upper"])
    label = "95 % of curves\nwithout effect"
    ax.fill_between(at, *band, color="0.85", step="mid", lw=0, label=label)
    ax.axhline(0, color="0.6", lw=0.8)
    ax.vlines(at, floats(rows["lower"]), floats(rows["upper"]), color=colour, lw=0.8, alpha=0.6)
    low = rows["p_value"].lt(0.05).to_numpy()
    for chosen, face, text in ((low, colour, "p below 0.05"), (~low, "white", "p from 0.05")):
        ax.plot(at[chosen], estimate[chosen], "o", color=colour, mfc=face, ms=3.5, label=text)


def _further(result: Result, name: str) -> pd.DataFrame:
    if name not in result.tables:
        held = ", ".join(map(repr, result.tables)) or "none"
        msg = f"The picture of this result needs its further table {name!r}."
        raise SanctlibError(f"{msg} Tables found: {held}.")
    return result.tables[name]


def _periods(result: Result) -> str:
    """Return the length of a step of the horizontal axis, where the result tells it."""
    if "every" in result.query.given:
        return f"{result.query.every}s"
    return result.unit if result.unit in {f"{every}s" for every in EACH} else "periods"


def _dependent(result: Result) -> str:
    """Return the dependent variable in words, empty where the query does not name it."""
    return str(result.query.options.get("dependent", "")).replace("_", " ")
