"""Read reported co-operation, its expectation, agreements or partners. Return their figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.codes.countries import name_of
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.plots.lines import draw_steps
from sanctlib.plots.style import (
    BLACK,
    EACH,
    FEW,
    FIXED,
    PALETTE,
    Look,
    add_marks,
    beside_axes,
    dated,
    every_of,
    finish,
    fit_periods,
    floats,
    hatch_uncovered,
    middles,
    parts_of,
    plain,
    say_breaks,
    say_empty,
    sized,
    wrapped,
)
from sanctlib.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALL = "all_cooperation"
_PER = {
    "all": "reported acts",
    "either": "reported acts of either state",
    "no_war": "reported acts without material conflict",
}
_BAND = "comparable pairs,\n10th to 90th percentile"
_PANEL_INCHES = 2.1
_ACTS = {
    ALL: "co-operation acts",
    "material": "acts of material co-operation",
    "other_cooperation": "other co-operation acts",
}


def draw_intensity(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw the rate of reported co-operation with its interval, before the comparable pairs.

    Of several components, their sum is drawn. `by` draws one panel per denominator or
    component. Where fewer than 5 acts fall into a period on average, there is no line.
    """
    check_one_pair(result.table)
    needed = ["period", "component", "rate", "lower", "upper", "band_low", "band_high"]
    check_columns(result.table, [*needed, "too_few", "denominator"])
    rows = result.table.sort_values("period", kind="stable")
    panels = ("denominator", "component")
    if look.by is not None:
        check_choice(look.by, panels, what="by")
    if look.by != "component":
        rows = rows[rows["component"].eq(_component(rows))]
    divisors = list(rows["denominator"].unique())
    if look.by != "denominator" and len(divisors) > 1:
        held = ", ".join(map(repr, divisors))
        msg = f"The result has the denominators {held}. Pass by='denominator' for one panel each,"
        raise SanctlibError(f"{msg} or keep one: .filter(denominator='all').")
    if look.by is None or rows.empty:
        _draw_rates(ax, result, rows)
        finish(ax, result, look, above=8 + add_marks([ax], look))
        return ax
    # In the order of the table, not of its periods.
    values = [v for v in result.table[look.by].unique() if rows[look.by].eq(v).any()]
    sized(ax, look, 0.9 + _PANEL_INCHES * len(values))
    axes = [row[0] for row in parts_of(ax, [1] * len(values), gap=0.2 / len(values))]
    for part, value in zip(axes, values, strict=True):
        _draw_rates(part, result, rows[rows[look.by].eq(value)], panel=True)
    beside_axes(axes[0])
    finish(ax, result, look, above=8 + add_marks(axes, look))
    return axes[0]


def _component(rows: pd.DataFrame) -> str:
    known = list(rows["component"].unique())
    if len(known) > 1 and ALL not in known:
        named = ", ".join(map(repr, known))
        msg = f"The result has the components {named}, and not their sum. Keep one:"
        raise SanctlibError(f"{msg} .filter(component={known[0]!r}).")
    return ALL if ALL in known else next(iter(known), ALL)


def ways_of(table: pd.DataFrame) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the columns that hold the two states, and the pairs that the table has."""
    two = ["sender", "target"] if "sender" in table else ["first", "second"]
    check_columns(table, two)
    return two, [(a, b) for a, b in table[two].drop_duplicates().to_numpy()]


def _way_in_words(way: tuple[str, str], two: list[str]) -> str:
    joint = "towards" if two[0] == "sender" else "and"
    return f"{name_of(way[0])} {joint} {name_of(way[1])}"


def check_one_pair(table: pd.DataFrame) -> None:
    """Check that a table is of one pair, in one direction."""
    two, ways = ways_of(table)
    if len(ways) > 1:
        named = "; ".join(_way_in_words(way, two) for way in ways[:5])
        more = "; …" if len(ways) > 5 else ""
        kept = f"{two[0]}={ways[0][0]!r}, {two[1]}={ways[0][1]!r}"
        msg = f"A figure shows one pair, and the result has {len(ways)}: {named}{more}."
        raise SanctlibError(f"{msg} Keep one: .filter({kept}).")


def _draw_rates(ax: Axes, result: Result, rows: pd.DataFrame, *, panel: bool = False) -> None:
    if rows["rate"].isna().all():
        say_empty(ax)
        return
    every = every_of(result)
    middle = middles(rows["period"], every)
    band = floats(rows["band_low"]), floats(rows["band_high"])
    if not np.isnan(band).all():
        ax.fill_between(middle, *band, color="0.85", linewidth=0, label=_BAND)
    rate = floats(rows["rate"])
    below, above = rate - floats(rows["lower"]), floats(rows["upper"]) - rate
    few = bool(rows["too_few"].fillna(value=False).any())
    bounded = not np.isnan(below).all()
    two, ways = ways_of(rows)
    whose = _way_in_words(ways[0], two)
    ax.errorbar(
        middle,
        rate,
        yerr=np.vstack([below, above]).clip(min=0) if bounded else None,
        fmt="o",
        linestyle="none" if few else "-",
        color=BLACK,
        markersize=4,
        elinewidth=0.9,
        label=f"{whose},\nwith interval" if bounded else whose,
    )
    component, divisor = rows[["component", "denominator"]].iloc[0]
    unit = f"{_ACTS.get(component, component)} per 1,000 {_PER[divisor]}, {EACH[every]}"
    if panel:
        ax.set_ylabel(wrapped(unit, width=24), fontsize="small")
    else:
        ax.set_ylabel(wrapped(unit))
    ax.set_ylim(bottom=0)
    if few:
        style: dict[str, Any] = {"ha": "left", "va": "top", "color": "0.3", "style": "italic"}
        ax.text(0.01, 0.97, FEW, transform=ax.transAxes, **style)
    hatch_uncovered(ax, result, rows)
    dated(ax)
    fit_periods(ax, rows["period"], every=every)
    if not panel:
        beside_axes(ax)


def draw_expected(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw acts over those expected, with the interval, on a logarithmic axis around 1.

    At 1 the two did as much together as the activity of both explains. A period without a
    mark has no value, which is not a ratio of 0.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    check_columns(result.table, ["period", "ratio", "lower", "upper", "covered"])
    check_one_pair(result.table)
    every = every_of(result)
    rows = result.table.sort_values("period")
    ratio, low, high = (floats(rows[c]) for c in ("ratio", "lower", "upper"))
    ax.axhline(1, color="0.4", linewidth=1, linestyle=":", label="as the activity of both explains")
    # This axis has no 0: a ratio of 0 is an open mark at the lower edge.
    shown = np.isfinite(ratio)
    edge = 0.5 * min([1.0, *ratio[shown & (ratio > 0)], *low[np.isfinite(low) & (low > 0)]])
    at = middles(rows["period"], every)
    drawn, bottom = np.maximum(ratio, edge), np.maximum(low, edge)
    ax.vlines(at, bottom, high, color=BLACK, linewidth=1)
    label = "observed over expected, with interval"
    ax.plot(at, drawn, "o", color=BLACK, markersize=5, label=label)
    none = shown & (ratio == 0)
    if none.any():
        ax.plot(at[none], drawn[none], "o", mfc="white", mec=BLACK, label="0: no act")
    if not shown.any():
        say_empty(ax)
    elif not shown.all():
        say_breaks(ax, label="no mark: no value, not 0")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_ylabel(f"observed over expected acts,\n{EACH[every]} (log scale)")
    hatch_uncovered(ax, result, rows)
    dated(ax)
    if len(rows):
        fit_periods(ax, rows["period"], every=every)
    beside_axes(ax)
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax


def draw_agreements(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw agreements in force and, next to them, recent declarations, which decay.

    The shade above the first line is the upper bound, where a day is not known.
    """
    table = result.table
    needed = ["period", "n_in_force", "n_possible", "n_through_blocs", "recent", "half_life"]
    check_columns(table, [*needed, "covered"])
    every = every_of(result)
    if table["recent"].isna().all():
        say_empty(ax)
        finish(ax, result, look)
        return ax
    half_life = table["half_life"].iloc[0]
    bounded = table.assign(lower=table["n_in_force"], upper=table["n_possible"])
    plural = "" if half_life == 1 else "s"
    decay = f"visits, declarations, memoranda,\nhalf-life {half_life:g} {every}{plural}"
    lines = {
        "n_in_force": (bounded, BLACK, "-", "known to be in force"),
        "n_through_blocs": (table, PALETTE[0], "--", "in force through a bloc"),
        "recent": (table, PALETTE[1], "-.", decay),
    }
    for column, (rows, colour, style, label) in lines.items():
        draw_steps(ax, rows, column, every=every, colour=colour, style=style, label=label)
    top = max(ax.get_ylim()[1], 1.0)
    ax.set_ylim(-0.02 * top, top)
    curated = any(source.curated for source in result.sources)
    ax.set_ylabel("number on the hand-picked list" if curated else "number")
    hatch_uncovered(ax, result, table)
    dated(ax)
    beside_axes(ax)
    finish(ax, result, look, above=8 + add_marks([ax], look))
    return ax


def draw_partners(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw the partners of a state in order, the rate of each before its comparable pairs.

    The line is from the lowest to the highest period, the mark is the median one; it is
    open where the acts are too few for a trend. The grey bar is the band of comparable pairs.
    """
    needed = ["partner", "n", "rate", "rate_low", "rate_high", "band_low", "band_high"]
    check_columns(result.table, [*needed, "too_few"])
    partners = result.table if look.top is None else result.table.nlargest(look.top, "n")
    if partners.empty:
        say_empty(ax)
        finish(ax, result, look)
        return ax
    rows = partners.iloc[::-1].reset_index(drop=True)
    sized(ax, look, 1.2 + 0.26 * len(rows))
    state = rows["state"].iloc[0] if "state" in rows else ""
    colour = FIXED.get(state, BLACK)
    at, width = np.arange(len(rows)), rows["band_high"] - rows["band_low"]
    ax.barh(at, width, left=rows["band_low"], height=0.7, color="0.87", label=_BAND)
    ax.hlines(at, rows["rate_low"], rows["rate_high"], color=colour, linewidth=1)
    few = rows["too_few"].fillna(value=False).astype("bool")
    for chosen, face, label in ((~few, colour, "median"), (few, "white", f"median,\n{FEW}")):
        if chosen.any():
            here: Any = {"mfc": face, "mec": colour, "label": label}
            ax.plot(rows["rate"][chosen], at[chosen], "o", ms=5.5, **here)
    names = [look.labels.get(code, name_of(code)) for code in rows["partner"]]
    ax.set_yticks(at, [plain(f"{name} ({n:,})") for name, n in zip(names, rows["n"], strict=True)])
    ax.set_xlim(left=0)
    ax.set_xlabel(f"co-operation acts per 1,000 reported acts, {EACH[every_of(result)]}")
    beside_axes(ax)
    finish(ax, result, look, below=44)
    return ax
