"""Draw measures over time: counts, stocks, gaps, co-operation and agreements. Return axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.codes.countries import name_of
from sanctlib.dates import Period, period_range
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.plots.style import (
    BAND,
    BLACK,
    EACH,
    FEW,
    PALETTE,
    Floats,
    Group,
    Look,
    after,
    beside_axes,
    check_one_row,
    colour_of_all,
    dated,
    empty,
    every_of,
    finish,
    fit_periods,
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

ALL = "all_cooperation"
_DAYS = {"day": 1, "week": 7, "month": 28, "quarter": 88, "year": 360}
_DAYS_ON_AVERAGE = {"day": 1.0, "week": 7.0, "month": 30.44, "quarter": 91.31, "year": 365.25}
_PER = {
    "all": "reported acts",
    "either": "reported acts of either state",
    "no_war": "reported acts without material conflict",
}
_PANEL_INCHES = 2.1
_ACTS = {
    ALL: "co-operation acts",
    "material": "acts of material co-operation",
    "other_cooperation": "other co-operation acts",
}


def draw_lines(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw a measure per period, a line per group before the band of possible dates."""
    if look.view == "flows":
        return _draw_flows(result, ax, look)
    still_listed = result.coverage is not None and result.coverage.survivors
    if result.kind == "counts" and (still_listed or result.query.between is not None):
        return _draw_bars(result, ax, look)
    _draw_groups(result, ax, look)
    return finish(ax, result, look)


def _measure(result: Result) -> tuple[str, str]:
    """Return the column that is drawn, and its unit in words."""
    if result.kind == "counts":
        return "n", f"{result.unit or 'n'} per {every_of(result)}"
    if result.kind == "stock":
        return "n", result.unit or "n in force"
    if result.kind == "recent":
        return "recent", f"{result.unit or 'sanctions'}, decayed"
    unit = result.unit or "sanctions in force"
    return ("pressure", f"weighted sum of {unit}") if "pressure" in result.table else ("n", unit)


def _draw_groups(result: Result, ax: Axes, look: Look) -> list[Group]:
    """Draw the lines of all groups with their bands, and return the groups."""
    column, unit = _measure(result)
    by = key_of(result, look)
    check_columns(result.table, ["period", *([by] if by else []), column, "covered"])
    placed = result.table[result.table["period"].notna()]
    check_one_row(placed, by)
    if by is not None:
        groups = groups_of(placed, by, look, value=column)
    else:
        line = Group(
            key="", name="", rows=placed, colour=colour_of_all(result), style="-", mark="o"
        )
        groups = [line] if len(placed) else []
    bounds = [column, *({"upper"} & set(placed))] if column == "n" else [column]
    if all(group.rows[bounds].isna().all(axis=None) for group in groups):
        outside = len(placed) and placed["covered"].eq(other=False).all()
        say_empty(ax, f"no values{': the source does not cover these periods' * bool(outside)}")
        return groups
    blank: set[pd.Timestamp] = set()
    for group in groups:
        blank |= _draw_steps(ax, group.rows, column, every_of(result), group)
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


def _draw_steps(
    ax: Axes, rows: pd.DataFrame, column: str, every: Period, line: Group
) -> set[pd.Timestamp]:
    """Draw a column as steps before its band, and return the periods without a value: its gaps."""
    # A period without a row has no value, and not that of the period before.
    all_periods = period_range(rows["period"].min(), rows["period"].max(), every=every)
    rows = rows.set_index("period").reindex(all_periods).rename_axis("period").reset_index()
    edges = pd.concat([rows["period"], after(rows["period"].tail(1), every)]).to_numpy()
    # The band is that of n: a weighted or decayed sum has none.
    if {"lower", "upper"} <= set(rows) and rows["lower"].notna().any():
        low, high = _extended(rows["lower"]), _extended(rows["upper"])
        band: Any = {"facecolor": (line.colour, 0.2), "edgecolor": (line.colour, 0.6)}
        ax.fill_between(edges, low, high, step="post", linewidth=0.7, **band)
    ax.plot(
        edges,
        _extended(rows[column]),
        color=line.colour,
        linestyle=line.style,
        drawstyle="steps-post",
        label=plain(line.name) or None,
    )
    # Where only bounds are known, the band is drawn and no line.
    bounded = rows["upper"].notna() if column == "n" and "upper" in rows else False
    return set(rows.loc[rows[column].isna() & ~pd.Series(bounded, index=rows.index), "period"])


def _extended(values: pd.Series) -> Floats:
    """Return the values with the last one repeated, so that its step has a width."""
    known = floats(values)
    return np.concatenate([known, known[-1:]])


def _draw_bars(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw new entries: a bar per period, or between versions one as wide as their interval.

    The area of a wide bar is its count, which is above it. Each group has a panel.
    """
    by, every = key_of(result, look), every_of(result)
    check_columns(result.table, ["period", "n", "upper", *([by] if by else [])])
    rows = result.table[result.table["period"].notna()]
    check_one_row(rows, by)
    if whole := "from" not in rows:
        rows = rows.assign(**{"from": rows["period"], "to": after(rows["period"], every)})
    rows = rows.assign(count=floats(rows["n"].fillna(rows["upper"])))
    rows = rows[rows["count"].notna() & rows["from"].lt(rows["to"])]
    if rows.empty:
        return empty(ax, result, look)
    one = [Group(key="", name="", rows=rows, colour=colour_of_all(result), style="-", mark="o")]
    groups = groups_of(rows, by, look, value="count") if by else one
    sized(ax, look, 1.1 + 1.5 * len(groups))
    panels = [part for (part,) in parts_of(ax, [1.0] * len(groups))]
    for panel, group in zip(panels, groups, strict=True):
        spans = group.rows.drop_duplicates(["from", "to"])
        days = (spans["to"] - spans["from"]).dt.days.to_numpy(dtype="float64")
        height = floats(spans["count"]) / (1 if whole else days / _DAYS_ON_AVERAGE[every])
        edge: Any = {"edgecolor": group.colour, "linewidth": 0.6, "alpha": 0.55, "align": "edge"}
        panel.bar(spans["from"], height, width=days, color=group.colour, **edge)
        for since, width, top, n in zip(spans["from"], days, height, spans["count"], strict=True):
            if width > 3 * _DAYS_ON_AVERAGE["month"] and width > 1.5 * _DAYS_ON_AVERAGE[every]:
                middle: Any = since + pd.Timedelta(days=width / 2)
                panel.text(middle, top, f"{n:,.0f}", ha="center", va="bottom", fontsize="x-small")
        panel.set_ylim(0, 1.15 * max(float(height.max()), 1e-9))
        panel.set_title(plain(group.name), loc="left", fontsize="small", pad=3)
        per = f"entries per {every}" if whole else f"average per {every}\n(area: count)"
        panel.set_ylabel(per, fontsize="small")
        dated(panel)
    return finish(ax, result, look, parts=panels, above=18)


def _draw_flows(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the stock, with the part that began before the coverage, above what changes it."""
    check_columns(result.table, ["added", "removed", "left_censored"])
    sized(ax, look, 5.4)
    (above,), (below,) = parts_of(ax, [3, 2])
    groups = _draw_groups(result, above, look)
    every = every_of(result)
    width = _DAYS[every] / max(len(groups), 1)
    label: str | None = "began before the data"
    for i, group in enumerate(groups):
        starts, flows = group.rows["period"], ["left_censored", "added", "removed"]
        censored, added, removed = (group.rows[c].astype("Float64").fillna(0) for c in flows)
        if censored.any():
            edges: Any = [*starts, after(starts.tail(1), every).iloc[0]]
            shaded: Any = {"color": group.colour, "alpha": 0.15, "hatch": "...", "label": label}
            above.fill_between(edges, _extended(censored), step="post", linewidth=0, **shaded)
            label = None
        middle = starts + pd.Timedelta(days=width * (i + 0.5))
        below.bar(middle, added, width=width, color=group.colour)
        below.bar(middle, -removed, width=width, color=group.colour, alpha=0.5)
    beside_axes(above)
    hatch_uncovered(below, result, result.table[result.table["period"].notna()])
    below.axhline(0, color="0.4", linewidth=0.8)
    below.set_ylabel(f"added (up) and\nremoved, per {every}")
    dated(below)
    finish(ax, result, look, parts=[above, below])
    return above


def draw_gap(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the gap between the voting positions of pairs over the years, with its interval."""
    check_columns(result.table, ["first", "second", "period", "value", "lower", "upper"])
    named = result.table.assign(
        pair=result.table["first"] + "-" + result.table["second"],
        year=result.table["period"].dt.year.astype("int64"),
    )
    if "release" in named and len({*named["release"]}) > 1:
        named["pair"] += ", " + named["release"]
    if named.duplicated(["pair", "year"]).any():
        raise several_rows("year", "pair")
    both = {
        pair: f"{name_of(first)} and {name_of(second)}" + pair[len(f"{first}-{second}") :]
        for pair, first, second in named[["pair", "first", "second"]].drop_duplicates().to_numpy()
    }
    groups = groups_of(named, "pair", replace(look, labels={**both, **look.labels}), value="value")
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
        # A year between two gaps is no line: it is a mark.
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
    return finish(ax, result, look, in_years=True)


def draw_intensity(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw the rate of reported co-operation with its interval, before the comparable pairs.

    Of several components their sum is drawn; `by` draws a panel per denominator or component.
    """
    _check_one_pair(result.table)
    needed = ["period", "component", "rate", "lower", "upper", "band_low", "band_high"]
    check_columns(result.table, [*needed, "too_few", "denominator"])
    rows = result.table.sort_values("period", kind="stable")
    panels = ("denominator", "component")
    if look.by is not None:
        check_choice(look.by, panels, what="by")
    if look.by != "component":
        rows = rows[rows["component"].eq(_component(list(rows["component"].unique())))]
    divisors = list(rows["denominator"].unique())
    if look.by != "denominator" and len(divisors) > 1:
        held = ", ".join(map(repr, divisors))
        msg = f"The result has the denominators {held}. Pass by='denominator' for one panel each,"
        raise SanctlibError(f"{msg} or keep one: .filter(denominator='all').")
    if look.by is None or rows.empty:
        _draw_rates(ax, result, rows)
        return finish(ax, result, look)
    # In the order of the table, not of its periods.
    values = [v for v in result.table[look.by].unique() if rows[look.by].eq(v).any()]
    sized(ax, look, 0.9 + _PANEL_INCHES * len(values))
    axes = [row[0] for row in parts_of(ax, [1] * len(values), gap=0.2 / len(values))]
    for part, value in zip(axes, values, strict=True):
        _draw_rates(part, result, rows[rows[look.by].eq(value)], panel=True)
    beside_axes(axes[0])
    finish(ax, result, look, parts=axes)
    return axes[0]


def _component(names: Sequence[str]) -> str:
    """Return the component that is drawn: the sum, or the only one."""
    if len(names) > 1 and ALL not in names:
        msg = f"The result has the components {', '.join(map(repr, names))}, and not their sum."
        raise SanctlibError(f"{msg} Keep one: .filter(component={names[0]!r}).")
    return names[0] if len(names) == 1 else ALL


def ways_of(table: pd.DataFrame) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the columns that hold the two states, and the pairs that the table has."""
    two = ["sender", "target"] if "sender" in table else ["first", "second"]
    check_columns(table, two)
    return two, [(a, b) for a, b in table[two].drop_duplicates().to_numpy()]


def _way_in_words(way: tuple[str, str], two: list[str]) -> str:
    joint = "towards" if two[0] == "sender" else "and"
    return f"{name_of(way[0])} {joint} {name_of(way[1])}"


def _check_one_pair(table: pd.DataFrame) -> None:
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
    if "n" in rows and (n := int(rows["n"].sum())) <= 1:
        say_empty(ax, f"{n} act{'s' * (n != 1)}: nothing to show")
        return
    every = every_of(result)
    middle = middles(rows["period"], every)
    band = floats(rows["band_low"]), floats(rows["band_high"])
    if not np.isnan(band).all():
        ax.fill_between(middle, *band, color="0.85", linewidth=0, label=BAND)
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
    per = _PER[divisor]
    if result.query and result.query.options.get("among"):
        side = " of either state" * (divisor == "either")
        per = f"acts of co-operation{side} between common states"
    unit = f"{_ACTS.get(component, component)} per 1,000 {per}, {EACH[every]}"
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
    """Draw acts over those expected, with the interval, on a logarithmic axis around 1."""
    from matplotlib.ticker import LogLocator, NullLocator

    check_columns(result.table, ["period", "ratio", "lower", "upper", "covered"])
    _check_one_pair(result.table)
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
    return finish(ax, result, look)


def draw_agreements(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw agreements in force, with their upper bound, and recent declarations, which decay."""
    table = result.table
    needed = ["period", "n_in_force", "n_possible", "n_through_blocs", "recent", "half_life"]
    check_columns(table, [*needed, "covered"])
    every = every_of(result)
    if table["recent"].isna().all():
        return empty(ax, result, look)
    half_life = table["half_life"].iloc[0]
    plural = "" if half_life == 1 else "s"
    decay = f"visits, declarations, memoranda,\nhalf-life {half_life:g} {every}{plural}"
    bounded = table.assign(lower=table["n_in_force"], upper=table["n_possible"])
    for column, rows, colour, style, name in (
        ("n_in_force", bounded, BLACK, "-", "known to be in force"),
        ("n_through_blocs", table, PALETTE[0], "--", "in force through a bloc"),
        ("recent", table, PALETTE[1], "-.", decay),
    ):
        line = Group(key=column, name=name, rows=rows, colour=colour, style=style, mark="o")
        _draw_steps(ax, rows, column, every, line)
    top = max(ax.get_ylim()[1], 1.0)
    ax.set_ylim(-0.02 * top, top)
    curated = any(source.curated for source in result.sources)
    ax.set_ylabel("number on the hand-picked list" if curated else "number")
    hatch_uncovered(ax, result, table)
    dated(ax)
    beside_axes(ax)
    return finish(ax, result, look)
