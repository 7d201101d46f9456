"""Draw counts as lines and bars, units side by side, and shared senders. Return axes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.codes.countries import name_of
from sanctlib.dates import Period, period_end, period_range
from sanctlib.errors import check_columns
from sanctlib.plots.style import (
    BLACK,
    Floats,
    Group,
    Look,
    add_marks,
    beside_axes,
    check_one_row,
    colour_of_all,
    dated,
    every_of,
    finish,
    floats,
    groups_of,
    hatch,
    hatch_uncovered,
    key_of,
    middles,
    parts_of,
    plain,
    say_breaks,
    say_empty,
    several_rows,
    sized,
    wrapped,
)
from sanctlib.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_DAYS = {"day": 1, "week": 7, "month": 28, "quarter": 88, "year": 360}


def draw_counts(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw new sanctions per period, a line per group before the band of possible dates."""
    _draw_lines(result, ax, look, "n", f"{result.unit or 'n'} per {every_of(result)}")
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax


def draw_stock(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the sanctions in force, a line per group; the view "flows" adds what changed them."""
    if look.view == "flows":
        return _draw_flows(result, ax, look)
    _draw_lines(result, ax, look, "n", result.unit or "n in force")
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax


def draw_pressure(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the sanctions in force on each target, weighted by sender where weights are known."""
    weighted = "pressure" in result.table
    column, unit = ("pressure", "weighted sum of ") if weighted else ("n", "")
    _draw_lines(result, ax, look, column, f"{unit}{result.unit or 'sanctions in force'}")
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax


def draw_recent(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the new sanctions, each of which decays, on each target."""
    _draw_lines(result, ax, look, "recent", f"{result.unit or 'sanctions'}, decayed")
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax


def _draw_lines(result: Result, ax: Axes, look: Look, column: str, unit: str) -> list[Group]:
    by = key_of(result, look)
    check_columns(result.table, ["period", *([by] if by else []), column, "covered"])
    placed = result.table[result.table["period"].notna()]
    check_one_row(placed, by)
    groups = _groups(result, placed, by, look, column)
    if all(group.rows[column].isna().all() for group in groups):
        outside = len(placed) and placed["covered"].eq(other=False).all()
        say_empty(ax, f"no values{': the source does not cover these periods' * bool(outside)}")
        return groups
    blank: set[pd.Timestamp] = set()
    for group in groups:
        blank |= draw_steps(
            ax,
            group.rows,
            column,
            every=every_of(result),
            colour=group.colour,
            style=group.style,
            label=group.name,
        )
    # A little room below zero: a line of zeros is a line, not the axis.
    top = ax.get_ylim()[1]
    whole = column == "n" or not any(group.rows[column].gt(0).any() for group in groups)
    top = max(top, 1.0) if whole else top
    ax.set_ylim(-0.02 * top, top)
    if blank - hatch_uncovered(ax, result, placed):
        say_breaks(ax)
    ax.set_ylabel(wrapped(unit))
    dated(ax)
    beside_axes(ax)
    return groups


def _groups(
    result: Result, placed: pd.DataFrame, by: str | None, look: Look, value: str
) -> list[Group]:
    if by is not None:
        return groups_of(placed, by, look, value=value)
    if placed.empty:
        return []
    colour = colour_of_all(result)
    return [Group(key="", name="", rows=placed, colour=colour, style="-", mark="o")]


def draw_steps(
    ax: Axes,
    rows: pd.DataFrame,
    column: str,
    *,
    every: Period,
    colour: str,
    style: Any,
    label: str,
) -> set[pd.Timestamp]:
    """
    Draw a column as steps before its band, and return the periods without a value.

    They are gaps in the line.
    """
    # A period without a row has no value, and not that of the period before.
    all_periods = period_range(rows["period"].min(), rows["period"].max(), every=every)
    rows = rows.set_index("period").reindex(all_periods).rename_axis("period").reset_index()
    last = period_end(rows["period"].tail(1), every=every) + pd.Timedelta(days=1)
    edges = pd.concat([rows["period"], last]).to_numpy()
    # The band is that of n: a weighted or decayed sum has none.
    if {"lower", "upper"} <= set(rows) and rows["lower"].notna().any():
        low, high = _extended(rows["lower"]), _extended(rows["upper"])
        ax.fill_between(edges, low, high, color=colour, alpha=0.2, step="post", linewidth=0)
    ax.plot(
        edges,
        _extended(rows[column]),
        color=colour,
        linestyle=style,
        drawstyle="steps-post",
        label=plain(label) or None,
    )
    return set(rows.loc[rows[column].isna(), "period"])


def _extended(values: pd.Series) -> Floats:
    """Return the values with the last one repeated, so that its step has a width."""
    known = floats(values)
    return np.concatenate([known, known[-1:]])


def _draw_flows(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw the stock in force above the flows that change it.

    The part of the stock that began before the coverage is shaded. Below, additions point
    upwards and removals downwards.
    """
    check_columns(result.table, ["added", "removed", "left_censored"])
    sized(ax, look, 5.4)
    (above,), (below,) = parts_of(ax, [3, 2])
    groups = _draw_lines(result, above, look, "n", result.unit or "n in force")
    every = every_of(result)
    width = _DAYS[every] / max(len(groups), 1)
    shaded = False
    for i, group in enumerate(groups):
        rows = group.rows
        ends = period_end(rows["period"], every=every) + pd.Timedelta(days=1)
        censored = rows["left_censored"].astype("Float64").fillna(0).to_numpy("float64")
        edges = [*rows["period"], ends.iloc[-1]]
        if censored.any():
            above.fill_between(
                edges,
                [*censored, censored[-1]],
                step="post",
                color=group.colour,
                alpha=0.15,
                hatch="...",
                linewidth=0,
                label=None if shaded else "began before the data",
            )
            shaded = True
        middle = rows["period"] + pd.Timedelta(days=width * (i + 0.5))
        added, removed = (rows[c].astype("Float64").fillna(0) for c in ("added", "removed"))
        below.bar(middle, added, width=width, color=group.colour)
        below.bar(middle, -removed, width=width, color=group.colour, alpha=0.5)
    beside_axes(above)
    hatch_uncovered(below, result, result.table[result.table["period"].notna()])
    below.axhline(0, color="0.4", linewidth=0.8)
    below.set_ylabel(f"added (up) and\nremoved, per {every}")
    dated(below)
    finish(ax, result, look, above=8 + add_marks([above, below], look))
    return above


def draw_gap(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the gap between the voting positions of pairs over the years, with its interval."""
    check_columns(result.table, ["first", "second", "period", "value", "lower", "upper"])
    rows = result.table
    named = rows.assign(
        pair=rows["first"] + "-" + rows["second"], year=rows["period"].dt.year.astype("int64")
    )
    if named.duplicated(["pair", "year"]).any():
        raise several_rows("year", "pair")
    both = {
        f"{first}-{second}": f"{name_of(first)} and {name_of(second)}"
        for first, second in named[["first", "second"]].drop_duplicates().to_numpy()
    }
    named_look = Look(labels={**both, **look.labels}, top=look.top)
    groups = groups_of(named, "pair", named_look, value="value")
    missing: set[int] = set()
    for group in groups:
        colour = group.colour if len(groups) > 1 else BLACK
        yearly = group.rows.set_index("year")[["value", "lower", "upper"]]
        # A year without a value is a gap in the line.
        full = yearly.reindex(range(int(yearly.index.min()), int(yearly.index.max()) + 1))
        ax.fill_between(full.index, full["lower"], full["upper"], color=colour, alpha=0.15, lw=0)
        label = plain(group.name)
        ax.plot(full.index, full["value"], color=colour, linestyle=group.style, label=label)
        value = full["value"]
        missing |= set(full.index[value.isna()])
        lone = full[value.notna() & value.shift().isna() & value.shift(-1).isna()]
        bars = np.vstack([lone["value"] - lone["lower"], lone["upper"] - lone["value"]])
        ax.errorbar(lone.index, lone["value"], yerr=bars.clip(min=0), fmt="o", ms=4, color=colour)
    ax.set_ylabel("gap between ideal points")
    ax.set_ylim(bottom=0)
    valued = set(named.loc[named["value"].notna(), "year"])
    if not valued:
        say_empty(ax)
    blank = set(range(min(valued, default=0), max(valued, default=0))) - valued
    for year in blank:
        hatch(ax, year - 0.5, year + 0.5, label="no value: a blank is not 0")
    if missing - blank:
        say_breaks(ax)
    beside_axes(ax)
    finish(ax, result, look, above=8 + add_marks([ax], look, place=_in_years))
    return ax


def _in_years(day: date) -> float:
    return day.year + (day.timetuple().tm_yday - 1) / 365.25


_UNITS = {
    "act": "acts",
    "dyad": "acts per sender and target",
    "case": "cases",
    "coalition": "cases per coalition and day",
    "entity": "entities",
    "designation": "designations",
}


def draw_units(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw one span in every unit and under every target rule, each with its band.

    The axis is logarithmic: units differ by orders of magnitude, and none is the sum of
    others. A count without an upper bound is an open mark.
    """
    check_columns(result.table, ["source", "unit", "target_rule", "n", "lower", "upper"])
    rows = result.table[result.table["n"].notna()].iloc[::-1].reset_index(drop=True)
    if rows.empty:
        say_empty(ax)
        finish(ax, result, look)
        return ax
    sized(ax, look, 1.2 + 0.32 * len(rows))
    n, low, high = (floats(rows[c]) for c in ("n", "lower", "upper"))
    at = np.arange(len(rows))
    for group in groups_of(rows, "source", look):
        here = group.rows.index.to_numpy()
        bounded = ~np.isnan(high[here])
        for chosen, face in ((bounded, group.colour), (~bounded, "white")):
            points = n[here][chosen], at[here][chosen]
            ax.plot(*points, group.mark, color=group.colour, markerfacecolor=face)
    ax.hlines(at, low, np.where(np.isnan(high), n, high), color="0.5", linewidth=1, zorder=0)
    for x, y in zip(n, at, strict=True):
        text: dict[str, Any] = {"xytext": (7, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(f"{x:,.0f}", (x, y), fontsize="small", **text)
    # An open mark without an explanation would look like a style.
    if np.isnan(high).any():
        ax.plot([], [], "o", color="0.4", markerfacecolor="white", label="lower bound")
        beside_axes(ax)
    names = [
        f"{_UNITS.get(unit, unit)}, by {rule} ({look.labels.get(source, source)})"
        for unit, rule, source in rows[["unit", "target_rule", "source"]].to_numpy()
    ]
    ax.set_yticks(at, [plain(name) for name in names])
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(0, 3 * max(1.0, float(np.nanmax(n))))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("number, each in its own unit (log scale)")
    finish(ax, result, look, below=44)
    return ax


def draw_shared(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw the senders that sanction both states: a row per sender, a mark per period and source.

    A mark is open where another source that covers the period does not name the sender.
    """
    table = result.table
    check_columns(table, ["source", "period", "shared", "disputed"])
    senders = {s for text in table["shared"].dropna() for s in text.split(";") if s}
    if not senders:
        say_empty(ax)
        finish(ax, result, look)
        return ax
    named = {sender: look.labels.get(sender, name_of(sender)) for sender in senders}
    ordered = sorted(senders, key=lambda sender: named[sender], reverse=True)
    place = {sender: i for i, sender in enumerate(ordered)}
    sized(ax, look, 1.4 + 0.24 * len(senders))
    groups = groups_of(table, "source", look)
    for i, group in enumerate(groups):
        rows = group.rows
        middle = middles(rows["period"], every_of(result))
        shift = 0.22 * (i - (len(groups) - 1) / 2)
        for agreed, face in ((True, group.colour), (False, "white")):
            points: list[Any] = [
                (when, place[sender] + shift)
                for when, both, against in zip(
                    middle, rows["shared"].fillna(""), rows["disputed"].fillna(""), strict=True
                )
                for sender in both.split(";")
                if sender and (sender not in against.split(";")) == agreed
            ]
            label = group.name if agreed else f"{group.name}, not in another source"
            ax.plot(
                [when for when, _ in points],
                [at for _, at in points],
                group.mark,
                color=group.colour,
                markerfacecolor=face,
                markersize=4,
                label=label if points else None,
            )
    ax.set_yticks([*place.values()], [plain(named[sender]) for sender in place])
    ax.set_ylim(-0.7, len(senders) - 0.3)
    dated(ax)
    beside_axes(ax)
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax
