"""Read the counts of one span in every unit, or shared senders. Return their figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sanctlib.codes.countries import name_of
from sanctlib.errors import check_columns
from sanctlib.plots.style import (
    Look,
    add_marks,
    beside_axes,
    dated,
    every_of,
    finish,
    floats,
    groups_of,
    middles,
    plain,
    say_empty,
    sized,
)
from sanctlib.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
