"""Draw rows of marks: units, shared senders, partners and timelines of acts. Return axes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sanctlib.codes.countries import name_of
from sanctlib.dates import precision
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.plots.style import (
    BAND,
    BLACK,
    EACH,
    FEW,
    FIXED,
    Floats,
    Look,
    beside_axes,
    colours_of,
    dated,
    empty,
    every_of,
    finish,
    floats,
    groups_of,
    middles,
    names_of,
    parts_of,
    plain,
    say_empty,
    sized,
    wrapped,
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
MOST_LABELS = 25
"""How many labels one figure can hold."""
_LINE_INCHES = 0.17
_WRAP = 46
_PARTLY = "partly confirmed"


def draw_units(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw one span in every unit and target rule with its band; a lower bound is open."""
    check_columns(result.table, ["source", "unit", "target_rule", "n", "lower", "upper"])
    known = result.table[["n", "upper"]].notna().any(axis=1)
    rows = result.table[known].iloc[::-1].reset_index(drop=True)
    if rows.empty:
        return empty(ax, result, look)
    sized(ax, look, 1.2 + 0.32 * len(rows))
    low, high = (floats(rows[c]) for c in ("lower", "upper"))
    # Where only bounds are known, the mark is in their middle.
    n = floats(rows["n"].astype("Float64").fillna((rows["lower"] + rows["upper"]) / 2))
    at = np.arange(len(rows))
    for group in groups_of(rows, "source", look):
        here = group.rows.index.to_numpy()
        bounded = ~np.isnan(high[here])
        for chosen, face in ((bounded, group.colour), (~bounded, "white")):
            points = n[here][chosen], at[here][chosen]
            ax.plot(*points, group.mark, color=group.colour, markerfacecolor=face)
    ax.hlines(at, low, np.where(np.isnan(high), n, high), color="0.5", linewidth=1, zorder=0)
    for x, y, least, most in zip(n, at, low, high, strict=True):
        text: dict[str, Any] = {"xytext": (7, 0), "textcoords": "offset points", "va": "center"}
        said = f"{least:,.0f} to {most:,.0f}" if least < most else f"{x:,.0f}"
        ax.annotate(said, (x, y), fontsize="small", **text)
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
    ax.set_xlim(0, 8 * max(1.0, float(np.nanmax(n))))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("number, each in its own unit (log scale)")
    return finish(ax, result, look, below=44)


def draw_changes(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw the ratio of each measure with its interval; the grey line is no change."""
    check_columns(result.table, ["measure", "ratio", "lower", "upper", "interval"])
    rows = result.table[result.table["ratio"].notna()].iloc[::-1].reset_index(drop=True)
    if rows.empty:
        return empty(ax, result, look)
    sized(ax, look, 1.6 + 0.42 * len(rows))
    low, high = (rows[bound].fillna(rows["ratio"]) for bound in ("lower", "upper"))
    # What has no end, such as a ratio to a level of 0, goes to the edge of the picture.
    drawn = pd.concat([low, high, rows["ratio"], pd.Series([0.5, 2.0])])
    drawn = drawn[drawn.gt(0) & np.isfinite(drawn)]
    left, right = drawn.min() / 1.15, drawn.max() * 1.15
    at = np.arange(len(rows))
    ax.axvline(1, color="0.6", zorder=0)
    ax.hlines(at, low.clip(left, right), high.clip(left, right), color=BLACK, linewidth=1.4)
    excludes = rows["lower"].gt(1) | rows["upper"].lt(1)
    census = ~rows["interval"].str.contains("%")
    for y, ratio, filled, counted in zip(at, rows["ratio"], excludes, census, strict=True):
        shape = ">" if np.isinf(ratio) else "<" if ratio == 0 else "s" if counted else "o"
        x, face = min(max(ratio, left), right), BLACK if filled else "white"
        ax.plot([x], [y], shape, color=BLACK, markerfacecolor=face, ms=6, clip_on=False)
        text: dict[str, Any] = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center"}
        ax.annotate(f"{ratio:.2g}".replace("inf", "0 before"), (x, y), fontsize="small", **text)
    ax.set_yticks(at, [plain(look.labels.get(name, name)) for name in rows["measure"]])
    ax.set_ylim(-0.6, len(rows) - 0.3)
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    ticks = [t for t in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if left <= t <= right]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("level after over level before (log scale; 1 = no change)")
    return finish(ax, result, look, below=44)


def draw_by_sender(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw listings per year, a panel per target and sender; area is the number of entries."""
    check_columns(result.table, ["sender", "target", "period", "basis", "n", "upper", "counted"])
    if (table := result.table[result.table["period"].notna()]).empty:
        return empty(ax, result, look)
    heads = dict(zip(table["sender"], table["counted"], strict=True))
    targets = [*dict.fromkeys(table["target"])]
    sized(ax, look, 1.2 + 1.7 * len(targets))
    panels = parts_of(ax, [1.0] * len(targets), [1.0] * len(heads), gap=0.12)
    colours = colours_of(names_of(targets, "target", look))
    for row, target, colour in zip(panels, targets, colours, strict=True):
        for panel, sender in zip(row, heads, strict=True):
            here = table[table["sender"].eq(sender) & table["target"].eq(target)]
            _draw_areas(panel, here, colour)
        row[0].set_ylabel(f"{name_of(target)}\nentries per year", fontsize=9)
        row[0].yaxis.set_major_formatter("{x:,.0f}")
    first, last = table["from"].min(), table["to"].max()
    step = 1 + (last.year - first.year) * len(heads) // 16
    ticks = [pd.Timestamp(y, 1, 1) for y in range(first.year, last.year + 1) if y % step == 0]
    for panel, (sender, counted) in zip(panels[0], heads.items(), strict=True):
        panel.set_title(f"{name_of(sender)}\n{wrapped(counted, width=32)}", fontsize=8)
        panel.set_xticks([*map(_as_number, ticks)], [str(day.year) for day in ticks])
        panel.set_xlim(_as_number(first) - 200, _as_number(last) + 200)
    return finish(ax, result, look, above=34, below=28)


def _as_number(day: pd.Timestamp) -> float:
    """Return a day as the number that matplotlib gives it."""
    return (day - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)


def _draw_areas(ax: Axes, rows: pd.DataFrame, colour: str) -> None:
    """Draw a bar per interval, as wide as it is long, whose area is the number of entries."""
    ax.tick_params(labelsize=8, left=bool(ax.yaxis.get_tick_params()["labelleft"]))
    if rows.empty:
        say_empty(ax, "none")
        return
    low = pd.Series(0.0, index=rows["period"].unique())
    for row in rows.drop_duplicates(["from", "basis"]).to_dict("records"):
        days = (row["to"] - row["from"]).days + 1
        height = (row["upper"] if pd.isna(row["n"]) else row["n"]) / (days / 365.25)
        sure = row["basis"] in ("made", "listed")
        ax.bar(
            _as_number(row["from"]),
            height,
            width=0.92 * days,
            bottom=low[row["period"]],
            align="edge",
            color=colour,
            alpha=1.0 if sure else 0.35,
        )
        low[row["period"]] += height
        if days > 550:
            middle = _as_number(row["from"]) + days / 2
            ax.text(middle, height, f"{row['upper']:,.0f}", ha="center", va="bottom", fontsize=7)


def draw_shared(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw the senders that sanction both states: a row per sender, a mark per period and source.

    A mark is open where another source that covers the period does not name the sender.
    """
    table = result.table
    check_columns(table, ["source", "period", "shared", "disputed"])
    senders = {s for text in table["shared"].dropna() for s in text.split(";") if s}
    if not senders:
        return empty(ax, result, look)
    named = {sender: look.labels.get(sender, name_of(sender)) for sender in senders}
    ordered = sorted(senders, key=lambda sender: named[sender], reverse=True)
    place = {sender: i for i, sender in enumerate(ordered)}
    sized(ax, look, 1.4 + 0.24 * len(senders))
    groups = groups_of(table, "source", look)
    for i, group in enumerate(groups):
        # A row per period and sender, a little higher for each source.
        marks = group.rows.assign(
            sender=group.rows["shared"].fillna("").str.split(";"),
            disputed=group.rows["disputed"].fillna("").str.split(";"),
            at=middles(group.rows["period"], every_of(result)),
        )
        marks = marks.explode("sender")
        marks = marks[marks["sender"].ne("")]
        shift = 0.22 * (i - (len(groups) - 1) / 2)
        agreed = np.array(
            [s not in others for s, others in zip(marks["sender"], marks["disputed"], strict=True)],
            dtype="bool",
        )
        for chosen, face, name in (
            (agreed, group.colour, group.name),
            (~agreed, "white", f"{group.name}, not in another source"),
        ):
            ax.plot(
                marks["at"][chosen],
                [place[sender] + shift for sender in marks["sender"][chosen]],
                group.mark,
                color=group.colour,
                markerfacecolor=face,
                markersize=4,
                label=name if chosen.any() else None,
            )
    ax.set_yticks([*place.values()], [plain(named[sender]) for sender in place])
    ax.set_ylim(-0.7, len(senders) - 0.3)
    dated(ax)
    beside_axes(ax)
    return finish(ax, result, look)


def draw_partners(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw the partners of a state in order, the rate of each before its comparable pairs.

    The line is from the lowest to the highest period, the mark is the median one.
    """
    needed = ["partner", "n", "rate", "rate_low", "rate_high", "band_low", "band_high"]
    check_columns(result.table, [*needed, "too_few"])
    partners = result.table if look.top is None else result.table.nlargest(look.top, "n")
    if partners.empty:
        return empty(ax, result, look)
    rows = partners.iloc[::-1].reset_index(drop=True)
    sized(ax, look, 1.2 + 0.26 * len(rows))
    state = rows["state"].iloc[0] if "state" in rows else ""
    colour = FIXED.get(state, BLACK)
    at, width = np.arange(len(rows)), rows["band_high"] - rows["band_low"]
    ax.barh(at, width, left=rows["band_low"], height=0.7, color="0.87", label=BAND)
    ax.hlines(at, rows["rate_low"], rows["rate_high"], color=colour, linewidth=1)
    few = rows["too_few"].fillna(value=False).astype("bool")
    for chosen, face, label in ((~few, colour, "median"), (few, "white", f"median,\n{FEW}")):
        if chosen.any():
            here: Any = {"mfc": face, "mec": colour, "label": label}
            ax.plot(rows["rate"][chosen], at[chosen], "o", ms=5.5, **here)
    names = [look.labels.get(code, name_of(code)) for code in rows["partner"]]
    ax.set_yticks(at, [plain(f"{name} ({n:,})") for name, n in zip(names, rows["n"], strict=True)])
    ax.set_xlim(left=0)
    per = (
        "acts of co-operation between common states"
        if result.query.options.get("among")
        else "reported acts"
    )
    ax.set_xlabel(f"co-operation acts per 1,000 {per}, {EACH[every_of(result)]}")
    beside_axes(ax)
    return finish(ax, result, look, below=44)


def pages_of(result: Result, look: Look) -> list[tuple[Result, Look]]:
    """Return the parts of a timeline that fit into a figure each: whole years, where they do."""
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
    n = len(parts)
    if n < 2:
        return [(replace(result, table=acts), look)]
    return [
        (replace(result, table=part), replace(look, title=f"{look.title}, part {number} of {n}"))
        for number, part in enumerate(parts, 1)
    ]


def draw_timeline(result: Result, ax: Axes, look: Look) -> Axes:
    """
    Draw acts on a vertical time axis with labels that do not overlap, or in the view "rows".

    The column `side` has one or two values: the headings of the left and the right. A filled
    mark is a confirmed act, an open one partly confirmed. With more than 25 acts, the first
    25 are drawn; `Result.save` writes all parts.
    """
    if look.view == "rows":
        return _draw_rows(result, ax, look)
    from matplotlib import dates

    mdates: Any = dates  # matplotlib leaves this module untyped
    if not isinstance(result.table.get("side", pd.Series()).dtype, pd.CategoricalDtype):
        result, look = pages_of(result, look)[0]
    if look.marks:
        msg = "marks needs a horizontal axis of time, and this one is vertical."
        raise SanctlibError(f"{msg} Use view='rows', or leave marks out.")
    acts = result.table
    headings = list(acts["side"].cat.categories)
    if len(headings) > 2:
        named = ", ".join(map(repr, headings))
        msg = f"The column 'side' has {len(headings)} values: {named}. A timeline has one or two."
        raise SanctlibError(msg)
    if acts.empty:
        say_empty(ax, "no acts")
        ax.set_axis_off()
        return finish(ax, result, look)
    sides = [acts[acts["side"].eq(heading)] for heading in headings]
    labels = [[_label(row) for row in rows.to_dict("records")] for rows in sides]
    tallest = max(sum(map(_lines, texts)) for texts in labels)
    inches = max(2.3, tallest * _LINE_INCHES + 0.3)
    sized(ax, look, inches / ax.get_position().height, width=10)
    height = ax.get_window_extent().height / ax.figure.dpi
    first, last = _draw_years(ax, acts["date"], height)
    names, colours = names_of(headings, "side", look), colours_of(headings)
    for side, rows, texts, colour, name in zip(
        (-1, 1), sides, labels, colours, names, strict=False
    ):
        at = mdates.date2num(rows["date"])
        # The height of a label in days of the axis.
        heights = np.array([_lines(t) * _LINE_INCHES * ((last - first) / height) for t in texts])
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
    ax.xaxis.set_visible(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return finish(ax, result, look, above=18, below=10)


def _draw_years(ax: Axes, days: pd.Series, inches: float) -> tuple[float, float]:
    """Make a vertical axis of months or years, no more than fit; return its ends."""
    from matplotlib import dates

    mdates: Any = dates  # matplotlib leaves this module untyped
    start, end = days.min(), days.max()
    first, last = mdates.date2num(start) - 20, mdates.date2num(end) + 20
    ax.set_ylim(last, first)
    fits = max(1, int(inches / (2 * _LINE_INCHES)))
    years, months = end.year - start.year + 1, end.month - start.month + 1
    by_month = mdates.MonthLocator(interval=-(-months // fits))
    by_year = mdates.YearLocator(-(-years // fits))
    ax.yaxis.set_major_locator(by_month if years == 1 else by_year)
    ax.yaxis.set_major_formatter(mdates.DateFormatter("%b %Y" if years == 1 else "%Y"))
    return first, last


def _draw_rows(result: Result, ax: Axes, look: Look) -> Axes:
    """Draw acts as marks on a time axis, a row per sender, the one with most acts on top."""
    by = look.by or "sender"
    acts = result.table
    check_columns(acts, ["act_id", "date", "status", by])
    once = acts.drop_duplicates(["act_id", by])
    known = once[by].astype("str").fillna("not known")
    n_acts = known.value_counts()
    keys = sorted(n_acts.index, key=lambda key: (n_acts[key], key))
    keys = keys if look.top is None else keys[-look.top :]
    if not keys:
        return empty(ax, result, look)
    once, known = once[known.isin(keys)], known[known.isin(keys)]
    sized(ax, look, 1.0 + 0.2 * len(keys))
    place = known.map({key: i for i, key in enumerate(keys)})
    partly = once["status"].eq("partly")
    for chosen, face, label in ((~partly, BLACK, "confirmed"), (partly, "white", _PARTLY)):
        if chosen.any():
            mark: Any = {"ms": 5, "mfc": face, "mec": BLACK, "alpha": 0.8, "label": label}
            ax.plot(once["date"][chosen], place[chosen], "o", **mark)
    names = names_of(keys, by, look)
    named = [f"{name} ({n_acts[key]:,})" for key, name in zip(keys, names, strict=True)]
    ax.set_yticks(range(len(keys)), [plain(name) for name in named])
    ax.set_ylim(-0.6, len(keys) - 0.4)
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    dated(ax)
    beside_axes(ax)
    return finish(ax, result, look)


def _lines(text: str) -> float:
    """Return the lines that a label needs, with the space below it."""
    return text.count("\n") + 1.6


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
            (mean, n), (before, m) = pools.pop(), pools.pop()
            pools.append([(before * m + mean * n) / (m + n), m + n])
    base: Floats = np.concatenate([np.full(int(n), mean) for mean, n in pools])
    low, high = first + heights[0] / 2, last - heights[-1] / 2 - offsets[-1]
    places: Floats = np.clip(base, low, max(low, high)) + offsets
    return places
