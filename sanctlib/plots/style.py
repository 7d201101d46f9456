"""What all figures share: colours, captions, titles."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.periods import Period, period_end
from sanctlib.reading import Reading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

# Okabe and Ito's colours, told apart by colour-blind eyes; line styles tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", "-.", ":", "-", "--", "-.")
_MANY = len(COLOURS)


def caption(
    *readings: Reading,
    unit: str,
    target_rule: str | None = None,
    n: int | None = None,
    note: str = "",
) -> str:
    """
    Return the sentence under a figure: n and unit, target rule, source, end of the data.

    A list as it stands says so: what was removed from it before is not counted.

    Parameters
    ----------
    readings : Reading
        Where the figure's numbers come from.
    unit : str
        What is counted, in words.
    target_rule : str, optional
        By which rule a sanction counts for a state.
    n : int, optional
        How many are in the figure.
    """
    counted = f"Unit: {unit}" if n is None else f"n = {n:,} {unit}"
    parts = [counted] if target_rule is None else [counted, f"target rule: {target_rule}"]
    sources = []
    for reading in readings:
        covered = reading.coverage
        span = f", {covered.first} to {covered.last}" if covered else ", coverage not said"
        span += ", survivors only" if covered and covered.survivors else ""
        sources.append(reading.provenance.key + span)
    text = "; ".join(parts) + f". Source: {'; '.join(dict.fromkeys(sources))}."
    return f"{text} {note}".strip()


def groups_of(table: pd.DataFrame, by: str, *, needed_by: str) -> list[tuple[str, pd.DataFrame]]:
    """
    Return the groups of a table in its own order, the unknown one named.

    Raises
    ------
    SanctlibError
        When there are more than can be told apart.
    """
    named = table.assign(**{by: table[by].astype("str").fillna("not known")})
    groups = [(str(name), rows) for name, rows in named.groupby(by, sort=False)]
    if len(groups) > _MANY:
        names = ", ".join(name for name, _ in groups)
        msg = f"{needed_by} can tell {_MANY} groups apart, and got {len(groups)}: {names}. Choose."
        raise SanctlibError(msg)
    return groups


def plain(text: str) -> str:
    """Return text that is drawn as it stands: two dollar signs are amounts, not a formula."""
    return text.replace("$", r"\$")


def say_empty(ax: Axes) -> None:
    """Say in the middle of empty axes that there is nothing to draw."""
    ax.text(0.5, 0.5, "no values", ha="center", color="0.35", transform=ax.transAxes)
    ax.tick_params(bottom=False, labelbottom=False, left=False, labelleft=False)


def hatch(ax: Axes, left: Any, right: Any, *, label: str) -> None:
    """Hatch a span of the axis where a blank is not a zero; the legend says so once."""
    new = label not in ax.get_legend_handles_labels()[1]
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": "0.75", "hatch": "///"}
    ax.axvspan(left, right, linewidth=0, label=label if new else None, **look)


def hatch_uncovered(ax: Axes, table: pd.DataFrame, *, every: Period) -> None:
    """Hatch the periods that the source does not wholly cover."""
    if "covered" not in table or table["covered"].isna().all():
        return
    told = table.groupby("period")["covered"].any()
    for start in told.index[~told.astype("bool")]:
        end = period_end(pd.Series([start]), every=every).iloc[0] + pd.Timedelta(days=1)
        hatch(ax, start, end, label="not wholly covered: blank is not zero")


def say_breaks(ax: Axes, *, label: str = "break in a line: no value, not zero") -> None:
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


def fit_periods(ax: Axes, starts: pd.Series, *, every: Period) -> None:
    """Let the axis hold the periods whole: one alone would leave it without a width."""
    ends = period_end(starts, every=every) + pd.Timedelta(days=1)
    edges: Any = (starts.min(), ends.max())  # matplotlib's types know no dates
    ax.set_xlim(*edges)


def middles(starts: pd.Series, every: Period) -> pd.DatetimeIndex:
    """Return the middle of each period."""
    ends = period_end(starts, every=every)
    return pd.DatetimeIndex(starts + (ends - starts) / 2)


def floats(values: pd.Series) -> Floats:
    """Return values as numbers, NaN where missing."""
    filled = values.astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
    return np.asarray(filled, dtype=np.float64)


def axes_or_new(ax: Axes | None) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(9, 3.8))[1]


def beside_axes(ax: Axes) -> None:
    """Put the legend beside the axes, where it hides no value."""
    if not ax.get_legend_handles_labels()[0]:
        return
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize="small")


def finish(ax: Axes, *, title: str, caption: str, above: float = 8, below: float = 34) -> Axes:
    """Set title and caption, `above` and `below` the axes in points; take away the frame."""
    heading = "\n".join(textwrap.wrap(plain(title), width=90))
    ax.set_title(heading, loc="left", fontsize="medium", fontweight="bold", pad=above)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    wrapped = "\n".join(textwrap.wrap(plain(caption), width=110))
    ax.annotate(
        wrapped,
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
