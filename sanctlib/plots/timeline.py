"""Read dated acts. Return their figure: each act with its label, or a row of marks per sender."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.dates import precision
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.plots.style import (
    BLACK,
    Floats,
    Look,
    add_marks,
    beside_axes,
    colours_of,
    dated,
    finish,
    names_of,
    plain,
    say_empty,
    sized,
)
from sanctlib.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LABELS = 36
"""How many labels one figure can hold."""

_LINE_INCHES = 0.17
_WRAP = 46
_PARTLY = "partly confirmed"


def pages_of(result: Result, look: Look) -> list[tuple[Result, Look]]:
    """
    Return the parts of a timeline that fit into a figure each, in order of time.

    A part holds whole years where it can: a long quiet time before a dense year would press
    the lines of that year together.
    """
    if look.view == "rows":
        return [(result, look)]
    check_columns(result.table, ["act_id", "date", "title", "status", "side"])
    acts = result.table.drop_duplicates("act_id").sort_values("date", kind="stable")
    sides = list(result.table["side"].dropna().unique())
    # The headings of a part are those of the whole, also where it has acts of one only.
    acts = acts.assign(side=pd.Categorical(acts["side"], categories=sides))
    acts = acts[acts["side"].notna() & acts["date"].notna()]
    parts: list[pd.DataFrame] = []
    for _, year in [(0, acts)] if len(acts) <= MOST_LABELS else acts.groupby(acts["date"].dt.year):
        if parts and len(parts[-1]) + len(year) <= MOST_LABELS:
            parts[-1] = pd.concat([parts[-1], year])
        else:
            starts = range(0, max(len(year), 1), MOST_LABELS)
            parts += [year.iloc[start : start + MOST_LABELS] for start in starts]
    if len(parts) < 2:
        return [(replace(result, table=acts), look)]
    return [
        (
            replace(result, table=part),
            replace(look, title=f"{look.title}, part {number} of {len(parts)}"),
        )
        for number, part in enumerate(parts, 1)
    ]


def draw_timeline(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw acts on a vertical time axis with labels that do not overlap, or in the view "rows".

    The column `side` has one or two values: the headings of the left and the right. A filled
    mark is a confirmed act, an open one partly confirmed. With more than 36 acts, the first
    36 are drawn; `Result.save` writes all parts.
    """
    if look.view == "rows":
        return _draw_rows(result, ax, look)
    if not isinstance(result.table.get("side", pd.Series()).dtype, pd.CategoricalDtype):
        result, look = pages_of(result, look)[0]
    from matplotlib import dates

    mdates: Any = dates  # matplotlib leaves this module untyped
    if look.marks:
        msg = "marks needs a horizontal axis of time, and this one is vertical."
        raise SanctlibError(f"{msg} Use view='rows', or leave marks out.")
    acts = result.table
    headings = list(acts["side"].cat.categories)
    if len(headings) > 2:
        held = ", ".join(map(repr, headings))
        msg = f"The column 'side' has {len(headings)} values: {held}. A timeline has one or two."
        raise SanctlibError(msg)
    if acts.empty:
        say_empty(ax, "no acts")
        ax.set_axis_off()
        finish(ax, result, look)
        return ax
    shown = [acts[acts["side"].eq(heading)] for heading in headings]
    wrapped = [[_label(row) for row in rows.to_dict("records")] for rows in shown]
    tallest = max(sum(t.count("\n") + 1.6 for t in texts) for texts in wrapped)
    inches = max(2.3, tallest * _LINE_INCHES + 0.3)
    sized(ax, look, inches / ax.get_position().height, width=10)
    height = ax.get_window_extent().height / ax.figure.dpi
    days = acts["date"]
    first, last = mdates.date2num(days.min()) - 20, mdates.date2num(days.max()) + 20
    unit = (last - first) / height  # days to an inch of the axis
    names = names_of(headings, "side", look)
    colours = colours_of(headings)
    for side, rows, texts, colour, name in zip(
        (-1, 1), shown, wrapped, colours, names, strict=False
    ):
        at = mdates.date2num(rows["date"])
        heights = np.array([(t.count("\n") + 1.6) * _LINE_INCHES * unit for t in texts])
        places = _spread(at, heights, first, last)
        for day, place, text, status in zip(at, places, texts, rows["status"], strict=True):
            ax.plot([0, side * 0.06, side * 0.12], [day, place, place], color="0.7", lw=0.7)
            face = "white" if status == "partly" else colour
            ax.plot([0], [day], "o", ms=5, mfc=face, mec=colour, zorder=3)
            where: dict[str, Any] = {"ha": "right" if side < 0 else "left", "va": "center"}
            ax.text(side * 0.13, place, text, fontsize=7.5, linespacing=1.15, **where)
        ax.text(side * 0.55, first, plain(name), ha="center", va="bottom", fontweight="bold")
    ax.plot([0, 0], [first, last], color="0.3", lw=1, zorder=1)
    ax.set_xlim(-1.1, 1.1)
    ax.set_ylim(last, first)
    fits = max(1, int(height / (2 * _LINE_INCHES)))
    years = days.max().year - days.min().year + 1
    months = days.max().month - days.min().month + 1
    by_month = mdates.MonthLocator(interval=-(-months // fits))
    by_year = mdates.YearLocator(-(-years // fits))
    ax.yaxis.set_major_locator(by_month if years == 1 else by_year)
    ax.yaxis.set_major_formatter(mdates.DateFormatter("%b %Y" if years == 1 else "%Y"))
    ax.xaxis.set_visible(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    finish(ax, result, look, above=18, below=10)
    return ax


def _draw_rows(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw acts as marks on a time axis, a row per sender, the one with most acts on top.

    The density of the marks shows how closely the list was made; it is not a rate.
    """
    by = look.by or "sender"
    acts = result.table
    check_columns(acts, ["act_id", "date", "status", by])
    once = acts.drop_duplicates(["act_id", by])
    known = once[by].astype("str").fillna("not known")
    n_acts = known.value_counts()
    keys = sorted(n_acts.index, key=lambda key: (n_acts[key], key))
    keys = keys if look.top is None else keys[-look.top :]
    if not keys:
        say_empty(ax)
        finish(ax, result, look)
        return ax
    once, known = once[known.isin(keys)], known[known.isin(keys)]
    sized(ax, look, 1.0 + 0.2 * len(keys))
    place = known.map({key: i for i, key in enumerate(keys)})
    partly = once["status"].eq("partly")
    for chosen, face, label in ((~partly, BLACK, "confirmed"), (partly, "white", _PARTLY)):
        if chosen.any():
            ax.plot(
                once["date"][chosen], place[chosen], "o", ms=5, mfc=face, mec=BLACK,
                alpha=0.8, label=label,
            )  # fmt: skip
    names = names_of(keys, by, look)
    named = [f"{name} ({n_acts[key]:,})" for key, name in zip(keys, names, strict=True)]
    ax.set_yticks(range(len(keys)), [plain(name) for name in named])
    ax.set_ylim(-0.6, len(keys) - 0.4)
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    dated(ax)
    beside_axes(ax)
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax


def _label(row: Mapping[Any, Any]) -> str:
    doubt = f" ({_PARTLY})" if row["status"] == "partly" else ""
    text = plain(f"{_when(row)}  {row['title']}{doubt}")
    return "\n".join(textwrap.wrap(text, width=_WRAP, break_long_words=False))


def _when(row: Mapping[Any, Any]) -> str:
    """Return the day of an act, or no more of it than is known."""
    first, last = row["date"], row.get("date_last", row["date"])
    if pd.isna(last):
        last = first
    # month_name is English whatever the locale, as the rest of the figure is.
    days = [f"{day:%d} {day.month_name()[:3]} {day.year}" for day in (first, last)]
    known = precision(pd.Series([first]), pd.Series([last])).iloc[0]
    named = {"day": days[0], "month": days[0][3:], "year": days[0][-4:]}
    return str(named.get(known, f"{days[0]} to {days[1]}"))


def _spread(at: Floats, heights: Floats, first: float, last: float) -> Floats:
    """
    Return places for labels as near their days as they can be without overlapping.

    Labels that would overlap are pooled and centred on the mean of their days, as in
    isotonic regression; then all are moved inside the axis.
    """
    if not len(at):
        return at
    offsets = np.concatenate([[0], np.cumsum((heights[:-1] + heights[1:]) / 2)])
    pools: list[list[float]] = []  # [mean of day less offset, number of labels]
    for value in at - offsets:
        pools.append([float(value), 1])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            mean, n = pools.pop()
            pools[-1] = [
                (pools[-1][0] * pools[-1][1] + mean * n) / (pools[-1][1] + n),
                pools[-1][1] + n,
            ]
    base: Floats = np.concatenate([np.full(int(n), mean) for mean, n in pools])
    low, high = first + heights[0] / 2, last - heights[-1] / 2 - offsets[-1]
    places: Floats = np.clip(base, low, max(low, high)) + offsets
    return places
