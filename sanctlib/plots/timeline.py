"""Timelines: acts of a list in order, each with its label, or a row of marks per sender."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.periods import precision
from sanctlib.plots.style import COLOURS, axes_or_new, beside_axes, finish, plain, say_empty

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
_LINE_INCHES = 0.17
_WRAP = 46


def plot_timeline(
    acts: pd.DataFrame, *, sides: Mapping[str, Sequence[bool]], caption: str, title: str
) -> Axes:
    """
    Draw acts on a vertical time axis with labels on both sides that do not overlap.

    A filled mark is a confirmed act, an open one partly confirmed. The height of the
    figure follows the number of labels.

    Parameters
    ----------
    acts : DataFrame
        Events: ``act_id``, ``date``, ``sender``, ``target``, ``title``, ``status``; an
        act of several rows is drawn once.
    sides : mapping of str to sequence of bool
        One or two headings, left and right, each with the rows of `acts` it holds.

    Raises
    ------
    MissingColumnsError
    SanctlibError
        When more than two sides are given.
    """
    import matplotlib.pyplot as plt
    from matplotlib import dates

    mdates: Any = dates  # matplotlib leaves this module untyped
    check_columns(acts, ["act_id", "date", "title", "status"], needed_by="plot_timeline")
    if not isinstance(sides, Mapping) or not 1 <= len(sides) <= 2:
        got = len(sides) if isinstance(sides, Mapping) else repr(sides)
        msg = "plot_timeline needs a heading with its rows for the left side, and may have one for"
        raise SanctlibError(f"{msg} the right, like {{'acts': acts['date'].notna()}}, got {got}.")
    for heading, mask in sides.items():
        if len(mask) != len(acts):
            msg = f"plot_timeline: {heading!r} marks {len(mask)} rows, and there are {len(acts)}."
            raise SanctlibError(msg)
    shown = [
        (heading, acts[np.asarray(mask, dtype=bool)].drop_duplicates("act_id").sort_values("date"))
        for heading, mask in sides.items()
    ]
    wrapped = [[_label(row) for row in rows.to_dict("records")] for _, rows in shown]
    tallest = max((sum(t.count("\n") + 1.6 for t in texts) for texts in wrapped), default=0)
    height = max(3.0, tallest * _LINE_INCHES + 1.2)
    _, ax = plt.subplots(figsize=(10, height))
    days = pd.concat([rows["date"] for _, rows in shown])
    if days.empty:
        ax.text(0.5, 0.5, "no act on our list", ha="center", transform=ax.transAxes)
        ax.set_axis_off()
        return finish(ax, title=title, caption=caption)
    first, last = mdates.date2num(days.min()) - 20, mdates.date2num(days.max()) + 20
    unit = (last - first) / (height - 1.2)  # days per inch of the axis
    for side, (heading, rows), texts in zip((-1, 1), shown, wrapped, strict=False):
        at = mdates.date2num(rows["date"])
        heights = np.array([(t.count("\n") + 1.6) * _LINE_INCHES * unit for t in texts])
        places = _spread(at, heights, first, last)
        for day, place, text, status in zip(at, places, texts, rows["status"], strict=True):
            ax.plot([0, side * 0.06, side * 0.12], [day, place, place], color="0.7", lw=0.7)
            face = "white" if status == "partly" else COLOURS[0 if side < 0 else 1]
            edge = COLOURS[0 if side < 0 else 1]
            ax.plot([0], [day], "o", ms=5, mfc=face, mec=edge, zorder=3)
            where: dict[str, Any] = {"ha": "right" if side < 0 else "left", "va": "center"}
            ax.text(side * 0.13, place, text, fontsize=7.5, linespacing=1.15, **where)
        ax.text(side * 0.55, first, heading, ha="center", va="bottom", fontweight="bold")
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
    return finish(ax, title=title, caption=caption, above=18)


def plot_acts(
    acts: pd.DataFrame,
    *,
    caption: str,
    title: str,
    by: str = "sender",
    ax: Axes | None = None,
) -> Axes:
    """
    Draw the acts of a list as marks on a time axis, a row per sender, the busiest on top.

    A filled mark is a confirmed act, an open one partly confirmed. How dense the marks are
    is how closely the list was made, and no rate.

    Parameters
    ----------
    acts : DataFrame
        Events: ``act_id``, ``date``, ``status`` and `by`; an act counts once in a row.
    by : str
        The column that makes the rows.

    Raises
    ------
    MissingColumnsError
    """
    check_columns(acts, ["act_id", "date", "status", by], needed_by="plot_acts")
    ax = axes_or_new(ax)
    once = acts.drop_duplicates(["act_id", by])
    known = once[by].astype("str").fillna("not known")
    n_acts = known.value_counts()
    names = sorted(n_acts.index, key=lambda name: (n_acts[name], name))
    if not names:
        say_empty(ax)
        return finish(ax, title=title, caption=caption)
    ax.figure.set_figheight(1.0 + 0.2 * len(names))  # type: ignore[union-attr]
    place = known.map({name: i for i, name in enumerate(names)})
    partly = once["status"].eq("partly")
    for chosen, face, label in ((~partly, COLOURS[0], "confirmed"), (partly, "white", "partly")):
        if chosen.any():
            ax.plot(
                once["date"][chosen], place[chosen], "o", ms=5, mfc=face, mec=COLOURS[0],
                alpha=0.8, label=label,
            )  # fmt: skip
    ax.set_yticks(range(len(names)), [plain(f"{name} ({n_acts[name]})") for name in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    beside_axes(ax)
    return finish(ax, title=title, caption=caption)


def _label(row: Mapping[Any, Any]) -> str:
    doubt = " (partly confirmed)" if row["status"] == "partly" else ""
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
