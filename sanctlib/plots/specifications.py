"""The figure of a specification curve: estimates in order, above the choices that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_columns
from sanctlib.models.specifications import OWN
from sanctlib.plots.style import COLOURS, beside_axes, finish, floats, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_specifications(
    specifications: pd.DataFrame, *, caption: str, title: str
) -> list[tuple[Axes, Axes]]:
    """
    Draw one curve: estimates in order with their intervals, above the choices of each.

    Open marks are estimates of which p is 0.05 or more; the grey band is where 95% of the
    curves without effect lie at the same rank. Contaminated specifications stand in a panel
    apart. A choice of one option has no row.

    Parameters
    ----------
    specifications : DataFrame
        ``details["specifications"]`` of `specification_curve`, of one estimand.

    Returns
    -------
    axes : list of tuple of Axes
        The curve and its choices, for each panel.

    Raises
    ------
    MissingColumnsError
    SanctlibError
        For specifications of several estimands.
    """
    import matplotlib.pyplot as plt

    who = "plot_specifications"
    needed = ["estimate", "lower", "upper", "p_value", "null_lower", "null_upper", "contaminated"]
    check_columns(specifications, needed, needed_by=who)
    names = [c for c in specifications if c not in OWN or c == "sanctions"]
    distinct = {name: specifications[name].drop_duplicates() for name in names}
    options = [(name, o) for name in names for o in distinct[name] if len(distinct[name]) > 1]
    panels = [rows for _, rows in specifications.groupby("contaminated")]
    if not panels or any(not rows["estimate"].is_monotonic_increasing for rows in panels):
        raise SanctlibError(f"{who} draws one curve: choose the rows of one estimand.")
    _, axes = plt.subplots(
        2,
        len(panels),
        figsize=(9, 3 + 0.2 * len(options)),
        sharex="col",
        sharey="row",
        squeeze=False,
        height_ratios=[2.6, max(0.2 * len(options), 0.2)],
        width_ratios=[len(rows) + 3 for rows in panels],
        gridspec_kw={"hspace": 0.06, "wspace": 0.05},
    )
    for (above, below), rows in zip(axes.T, panels, strict=True):
        apart = bool(rows["contaminated"].iloc[0])
        above.tick_params(bottom=False)
        _draw_curve(above, rows, colour=COLOURS[1 if apart else 0])
        if apart:
            above.set_title("contaminated", loc="right", fontsize="small")
        for y, (name, option) in enumerate(options):
            at = np.flatnonzero(rows[name].eq(option))
            below.plot(at, np.full(len(at), y), "|", color="0.2", ms=7)
        for spine in ("top", "right"):
            below.spines[spine].set_visible(False)
        below.tick_params(bottom=False, labelbottom=False)
    below = axes[1, 0]
    below.set_yticks(range(len(options)), [plain(f"{name}: {option}") for name, option in options])
    below.tick_params(axis="y", labelsize="small")
    below.set_ylim(len(options) - 0.4, -0.6)
    axes[0, 0].set_ylabel("estimate\n(deviations)")
    finish(axes[0, 0], title=title, caption="")
    finish(below, title="", caption=caption, below=14)
    beside_axes(axes[0, -1])
    return [(above, below) for above, below in axes.T]


def _draw_curve(ax: Axes, rows: pd.DataFrame, *, colour: str) -> None:
    at, estimate = np.arange(len(rows)), floats(rows["estimate"])
    band = floats(rows["null_lower"]), floats(rows["null_upper"])
    ax.fill_between(at, *band, color="0.85", step="mid", lw=0, label="95% of curves without effect")
    ax.axhline(0, color="0.6", lw=0.8)
    ax.vlines(at, floats(rows["lower"]), floats(rows["upper"]), color=colour, lw=0.8, alpha=0.6)
    sure = rows["p_value"].lt(0.05).to_numpy()
    for held, face, label in ((sure, colour, "p below 0.05"), (~sure, "white", "p from 0.05")):
        ax.plot(at[held], estimate[held], "o", color=colour, mfc=face, ms=3.5, label=label)
    for spine in ("top", "right"):
        ax.spines[spine].set_visible(False)
