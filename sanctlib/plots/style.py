"""Read a Result and a Look. Return its groups, colours, marks, title and caption."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import name_of
from sanctlib.dates import Period, period_end, period_of
from sanctlib.errors import SanctlibError
from sanctlib.query import day_of, whole_of
from sanctlib.result import STATES, Result
from sanctlib.showing import short_and_rest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

BLACK = "#000000"
FIXED = {"IRN": "#0072B2", "RUS": "#D55E00", "IRN-RUS": BLACK}
"""The colours of Iran, Russia and the pair in every figure."""

# The other colours of Okabe and Ito, then three of Tol: distinct to colour-blind readers.
PALETTE = ("#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#882255", "#999933", "#777777")
STYLES: tuple[Any, ...] = (
    *("-", "--", "-.", ":"),
    *((0, (7, 2)), (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3))),
)
"""Styles of lines and, below, marks: they distinguish the groups in grey."""
MARKS = "osD^v<>"
MOST = len(PALETTE)

EACH = {
    "day": "daily",
    "week": "weekly",
    "month": "monthly",
    "quarter": "quarterly",
    "year": "yearly",
}
FEW = "fewer than 5 acts a period"
UNCOVERED = "not fully covered: a blank is not 0"
BAND = "comparable pairs,\n10th to 90th percentile"
GAP = "gap in a line: no value, not 0"

_UNKNOWN = "not known"
_CAPTION, _TITLE = 15.8, 12.9  # characters to an inch
_SMALL = 7.5
_ROOM = 10.0  # points of a row of marks' texts


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a picture is to look: the arguments of `Result.plot`, checked."""

    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[tuple[date, str], ...] = ()
    by: str | None = None
    top: int | None = None
    view: str | None = None
    own: bool = False
    """Whether the figure was made for this picture, so that its size may follow the content."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The rows of one group, and how they are drawn."""

    key: str
    name: str
    rows: pd.DataFrame
    colour: str
    style: Any
    mark: str


def look_of(
    *,
    title: str,
    labels: Mapping[str, str] | None,
    marks: Iterable[tuple[object, str]],
    by: str | None,
    top: int | None,
    view: str | None,
    own: bool,
) -> Look:
    """Return the arguments of `Result.plot` in one form."""
    if labels is not None and not isinstance(labels, Mapping):
        msg = f"labels is {labels!r}. It must map values to names, such as {{'IRN': 'Iran'}}."
        raise SanctlibError(msg)
    return Look(
        title=title,
        labels={str(key): str(name) for key, name in (labels or {}).items()},
        marks=_marks(marks),
        by=by,
        top=None if top is None else whole_of(top, what="top", least=1),
        view=view,
        own=own,
    )


def _marks(marks: object) -> tuple[tuple[date, str], ...]:
    given = list(marks) if isinstance(marks, Iterable) and not isinstance(marks, str) else [marks]
    dated = []
    for mark in given:
        match mark:
            case (day, str(text)):
                dated.append((day_of(day, what="marks"), text))
            case _:
                msg = f"marks holds {mark!r}. A mark is a day and its text,"
                raise SanctlibError(f"{msg} such as ('2022-02-24', 'Invasion of Ukraine').")
    return tuple(sorted(dated))


def every_of(result: Result) -> Period:
    """Return the length of the result's periods, read from its table if the query has none."""
    if "every" in result.query.given or "period" not in result.table:
        return result.query.every
    starts = pd.Series(result.table["period"].dropna().unique()).sort_values()
    return (len(starts) > 1 and period_of(starts)) or result.query.every


def key_of(result: Result, look: Look) -> str | None:
    """Return the column whose values are the lines; None where all is one line."""
    keys = result.query.by
    if look.by is not None or len(keys) < 2:
        return look.by or (keys[0] if keys else None)
    placed = result.table.dropna(subset=["period"])
    named = " and ".join([", ".join(map(repr, keys[:-1])), repr(keys[-1])])
    for key in keys:
        if not placed.duplicated(["period", key]).any():
            msg = f"by is not given, and the result has the keys {named}."
            raise SanctlibError(f"{msg} Choose the lines: plot(by={key!r}).")
    raise several_rows("period", keys[0])


def check_one_row(table: pd.DataFrame, by: str | None) -> None:
    """Check that there is one row per period and group."""
    if table.duplicated(["period", *([by] if by else [])]).any():
        raise several_rows("period", by)


def several_rows(period: str, by: str | None) -> SanctlibError:
    """Return the error for a table in which a line would have several values at once."""
    if by is None:
        msg = f"There are several rows per {period}, and by is not given."
        return SanctlibError(f"{msg} Name the column whose values are the lines: plot(by=…).")
    msg = f"There are several rows per {period} and {by}: plot(by={by!r}) needs one key."
    return SanctlibError(f"{msg} Count by {by} alone.")


def groups_of(table: pd.DataFrame, by: str, look: Look, *, value: str | None = None) -> list[Group]:
    """
    Return the groups of a table in its own order, named and coloured.

    With `top`, only those with the largest totals of the column `value`.
    """
    keys = table[by].astype("str").fillna(_UNKNOWN)
    wanted = list(keys.unique())
    if look.top is not None and value is not None:
        totals = table[value].astype("Float64").groupby(keys, sort=False).sum()
        largest = set(totals.sort_values(ascending=False, kind="stable").head(look.top).index)
        wanted = [key for key in wanted if key in largest]
    if len(wanted) > MOST:
        shown = ", ".join([*wanted[:MOST], "…"])
        msg = f"There are {len(wanted)} groups of {by!r}, and a figure can distinguish {MOST}"
        raise SanctlibError(f"{msg}: {shown} Pass top={MOST}, or filter the result.")
    names = names_of(wanted, by, look)
    looks = zip(colours_of(wanted), styles_of(wanted), MARKS, strict=False)
    return [
        Group(key=key, name=name, rows=table[keys.eq(key)], colour=colour, style=style, mark=mark)
        for key, name, (colour, style, mark) in zip(wanted, names, looks, strict=True)
    ]


def names_of(keys: Sequence[str], by: str, look: Look) -> list[str]:
    """Return the names of groups: those of `labels`, countries by name, others as they are."""
    states = by in STATES
    names = [look.labels.get(key, name_of(key) if states else key) for key in keys]
    for i, name in enumerate(names):
        if name in names[:i]:
            msg = f"labels gives {keys[names.index(name)]!r} and {keys[i]!r} the same name,"
            raise SanctlibError(f"{msg} {name!r}. Give each its own.")
    return names


def colours_of(keys: Iterable[str]) -> list[str]:
    """Return a colour per group: a state's own, or the next of the palette."""
    iran, russia = name_of("IRN"), name_of("RUS")
    named = {iran: "IRN", russia: "RUS", f"{iran} and {russia}": "IRN-RUS"}
    others = iter(PALETTE)
    return [FIXED.get(named.get(key, key)) or next(others) for key in keys]


def styles_of(keys: Sequence[str]) -> list[Any]:
    """Return a style of line per group; that of Iran and of Russia is theirs in every figure."""
    fixed = {"IRN": STYLES[0], "RUS": STYLES[1], "IRN-RUS": STYLES[0]}
    others = iter([style for style in STYLES if style not in [fixed.get(key) for key in keys]])
    return [fixed.get(key) or next(others) for key in keys]


def colour_of_all(result: Result) -> str:
    """Return the colour of a figure's only line: that of its only target, else black."""
    targets = result.query.targets or ()
    return FIXED.get(targets[0], BLACK) if len(targets) == 1 else BLACK


def plain(text: str) -> str:
    """Return text that is drawn unchanged: two dollar signs are amounts, not a formula."""
    return text.replace("$", r"\$")


def say_empty(ax: Axes, text: str = "no values") -> None:
    """Say in the middle of empty axes that there is nothing to draw."""
    ax.text(0.5, 0.5, text, ha="center", color="0.35", transform=ax.transAxes)
    ax.tick_params(bottom=False, labelbottom=False, left=False, labelleft=False)


def empty(ax: Axes, result: Result, look: Look) -> Axes:
    """Finish a figure that has nothing to draw."""
    say_empty(ax)
    return finish(ax, result, look)


def hatch(ax: Axes, left: Any, right: Any, *, label: str) -> None:
    """Hatch a span of the axis where a blank is not a zero; the legend says so once."""
    new = label not in ax.get_legend_handles_labels()[1]
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": "0.75", "hatch": "///"}
    ax.axvspan(left, right, linewidth=0, label=label if new else None, **look)


def hatch_uncovered(ax: Axes, result: Result, table: pd.DataFrame) -> set[pd.Timestamp]:
    """
    Hatch the periods that the source does not fully cover, and return them.

    A list of current entries is not hatched: it covers nothing before its own day, and its
    caption says so.
    """
    current = any(s.coverage is not None and s.coverage.survivors for s in result.sources)
    if current or "covered" not in table or table["covered"].isna().all():
        return set()
    covered = table["covered"].astype("boolean").groupby(table["period"]).any()
    uncovered = covered.index[~covered.fillna(value=False).astype("bool")]
    for start in uncovered:
        hatch(ax, start, after(pd.Series([start]), every_of(result)).iloc[0], label=UNCOVERED)
    return set(uncovered)


def say_breaks(ax: Axes, *, label: str = GAP) -> None:
    """Say in the legend what a blank means where nothing is hatched."""
    ax.plot([], [], linestyle="none", label=label)


def dated(ax: Axes) -> None:
    """Write dates along the axis, no more than fit."""
    from matplotlib import dates

    mdates: Any = dates  # matplotlib leaves this module untyped
    first, last = (mdates.num2date(edge) for edge in ax.get_xlim())
    # A year axis wants years; left to itself it looks for months, and warns.
    years = (last - first).days / 365.25
    if years > 4:
        locator = mdates.YearLocator(max(1, round(years / 8)))
    else:
        locator = mdates.AutoDateLocator(maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))


def after(starts: pd.Series, every: Period) -> pd.Series:
    """Return the first day after each period."""
    return period_end(starts, every=every) + pd.Timedelta(days=1)


def fit_periods(ax: Axes, starts: pd.Series, *, every: Period) -> None:
    """Let the axis contain whole periods: a single one would leave it without a width."""
    edges: Any = (starts.min(), after(starts, every).max())  # matplotlib's types know no dates
    ax.set_xlim(*edges)


def middles(starts: pd.Series, every: Period) -> pd.DatetimeIndex:
    """Return the middle of each period."""
    ends = period_end(starts, every=every)
    return pd.DatetimeIndex(starts + (ends - starts) / 2)


def floats(values: pd.Series) -> Floats:
    """Return values as numbers, NaN where missing."""
    return np.asarray(values.astype("Float64").to_numpy("float64", na_value=np.nan), np.float64)


def wrapped(text: str, *, width: int = 36) -> str:
    """Return the text of an axis in lines of about the same length that fit."""
    wrap = partial(textwrap.wrap, plain(text), break_long_words=False, break_on_hyphens=False)
    lines = wrap(width=width)
    even = -(-len(text) // max(len(lines), 1)) + 4
    balanced = wrap(width=min(even, width))
    return "\n".join(balanced if len(balanced) == len(lines) else lines)


def beside_axes(ax: Axes) -> None:
    """Put the legend beside the axes, where it hides no value."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize="small")


def sized(ax: Axes, look: Look, height: float, *, width: float = 9.0) -> None:
    """Give a figure that was made for the picture the size that its content needs."""
    if look.own:
        ax.figure.set_size_inches(width, height)  # type: ignore[union-attr]


def parts_of(
    ax: Axes, heights: Sequence[float], widths: Sequence[float] = (1.0,), *, gap: float = 0.06
) -> list[list[Axes]]:
    """Divide axes into rows and columns, each row sharing y and each column sharing x."""
    ax.set_axis_off()
    down = np.asarray(heights) / sum(heights) * (1 - gap * (len(heights) - 1))
    across = np.asarray(widths) / sum(widths) * (1 - gap * (len(widths) - 1) / 2)
    grid: list[list[Axes]] = []
    bottom = 1.0
    for height in down:
        bottom -= height
        left = 0.0
        row: list[Axes] = []
        for i, width in enumerate(across):
            part = ax.inset_axes((left, max(bottom, 0.0), width, height))
            if grid:
                part.sharex(grid[0][i])
                grid[-1][i].tick_params(labelbottom=False)
            if row:
                part.sharey(row[0])
                part.tick_params(labelleft=False)
            for side in ("top", "right"):
                part.spines[side].set_visible(False)
            row.append(part)
            left += width + gap / 2
        grid.append(row)
        bottom -= gap
    return grid


def _add_marks(axes: Sequence[Axes], look: Look, *, in_years: bool) -> float:
    """
    Draw the days marked as dashed lines, their texts above the first axes.

    Days outside the axes are not drawn. Returns the points that the texts need.
    """
    if not look.marks:
        return 0.0
    from matplotlib import dates

    mdates: Any = dates
    left, right = axes[0].get_xlim()
    width = _inches(axes[0]) * 72
    taken: list[float] = []
    for day, text in look.marks:
        x = float(mdates.date2num(day))
        if in_years:
            x = day.year + (day.timetuple().tm_yday - 1) / 365.25
        if not left <= x <= right:
            continue
        for ax in axes:
            ax.axvline(x, color="0.3", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        middle, half = (x - left) / (right - left) * width, 0.27 * _SMALL * len(text) + 3
        # The lowest row in which the text meets no other.
        row = next((i for i, end in enumerate(taken) if middle - half > end), len(taken))
        taken[row : row + 1] = [middle + half]
        axes[0].annotate(
            plain(text),
            xy=(x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3 + row * _ROOM),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=_SMALL,
            color="0.2",
            annotation_clip=False,
        )
    for ax in axes:
        ax.set_xlim(left, right)
    return _ROOM * len(taken)


def _inches(ax: Axes) -> float:
    return float(ax.get_window_extent().width / ax.figure.dpi)


def finish(
    ax: Axes,
    result: Result,
    look: Look,
    *,
    parts: Sequence[Axes] = (),
    above: float = 8,
    below: float = 34,
    in_years: bool = False,
) -> Axes:
    """
    Add marks, title and caption, take away the frame, and return the axes.

    The marks cross all `parts`. Title and caption are `above` and `below` the axes, in points.
    """
    room = _add_marks(parts or [ax], look, in_years=in_years)
    inches = _inches(ax)
    wrap = partial(textwrap.wrap, break_on_hyphens=False)
    heading = wrap(plain(look.title), width=max(30, int(_TITLE * inches)))
    style: dict[str, Any] = {"fontsize": "medium", "fontweight": "bold", "pad": above + room}
    ax.set_title("\n".join(heading), loc="left", **style)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    caption = wrap(plain(short_and_rest(result.caption)[0]), width=max(40, int(_CAPTION * inches)))
    ax.annotate(
        "\n".join(caption),
        xy=(0, 0),
        xycoords="axes fraction",
        xytext=(0, -below),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=8.5,
        color="0.35",
        annotation_clip=False,
    )
    return ax
