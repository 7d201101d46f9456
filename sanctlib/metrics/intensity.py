"""Rate the reported co-operation of pairs per period. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.acts import ACT, KEYS, cells_of, counted_rows
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, in_words
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import check_choice
from sanctlib.metrics._grid import (
    between,
    check_span,
    covered_groups,
    existed_together,
    groups_that_existed,
    in_names,
    periods_asked,
    periods_of,
    way_columns,
    way_in_names,
)
from sanctlib.metrics._pair_acts import (
    ALL,
    DENOMINATOR_WORDS,
    DIVIDED_BY,
    EVERY_COMPONENT,
    PER,
    Component,
    Counts,
    Covers,
    Denominator,
    acts_of,
    band_of,
    placed_acts,
    rates_of_all,
)
from sanctlib.metrics._questions import absent_from, check_kind, check_not_curated, silent_on
from sanctlib.metrics.composition import Intensity
from sanctlib.metrics.intervals import percent, poisson_dispersion, poisson_interval
from sanctlib.query import Day, Pair, Query, ask, choices_of, flag_of, number_of
from sanctlib.schema import COMPONENTS

TOO_FEW = 5
_IN_FINDINGS = 5
"""Pairs about which the findings have sentences."""
# Weeks and months are compared with the same pairs.
_MONTHS = {"day": 12 / 365.25, "week": 84 / 365.25, "month": 1.0, "quarter": 3.0, "year": 12.0}


def partnership_intensity(
    table: AnyTable,
    *,
    pair: Pair | Sequence[Pair] | None,
    every: Period,
    components: Sequence[Component] = EVERY_COMPONENT,
    denominator: Denominator | Sequence[Denominator] = "all",
    directed: bool = False,
    level: float = 0.95,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
    band: bool = True,
    comparable_from: float = 1.0,
    dispersion: bool = True,
) -> Intensity:
    """
    Count and rate the reported co-operation of pairs of states per period.

    The measure is of reporting: a pair in the news is reported more. So the rate is per
    1,000 acts of the same source in the same period, with the band of comparable pairs (each
    of the two states with any third state). The denominator changes the trend: a war that
    fills the news lowers every rate per ``all`` acts. Sanctions and requests are not
    co-operation, and blocs stay whole.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events, or cells of the same periods with sender, target, mutual, family and
        action: all acts of the source, not only those of the pair. Acts are added up over
        parties, which is right where an act has one row, as in machine-coded sources.
    pair : tuple of two states, several of them, or None
        Codes or names, in either order. With several pairs, each gets the same result as in
        a call of its own. None gives counts and rates of all pairs of states, without
        intervals and band, and only rows where a component has acts.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    components : sequence of {"material", "meetings", "agreements", "other_cooperation"}
        Default all four. Each has a row per period; ``all_cooperation`` is their sum.
    denominator : {"all", "either", "no_war"} or several, default "all"
        Acts that rates are per 1,000 of: all acts, also of unknown parties; those with either
        state as a party; or all but material conflict. With several, each has its own rows.
    directed : bool, default False
        Whether each direction has rows, ``sender`` towards ``target``; a mutual act then
        counts in both. Otherwise each act counts once.
    level : float, default 0.95
        Of the interval, between 0 and 1.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. Without
        coverage only periods with acts are returned, and no interval.
    band : bool, default True
        Whether to compute the band; its columns are missing otherwise.
    comparable_from : float, default 1.0
        Acts of co-operation a month, on average, from which a pair of either state with a
        third is comparable. With 0 all pairs with an act count, and the band is close to 0.
    dispersion : bool, default True
        Whether to widen the interval by the dispersion of the series around a constant
        rate. Reported acts come in bunches: without it the interval is too narrow.

    Returns
    -------
    Intensity
        A Result with the methods `shares`, `elasticity` and `decompose`. Its table has
        ``period`` (first day), ``first`` and ``second`` (directed: ``sender`` and
        ``target``), ``component``, ``n`` (acts), ``exposure`` (acts in the denominator),
        ``rate`` with ``lower`` and ``upper`` (per 1,000), ``interval`` (in words),
        ``dispersion``, ``too_few`` (fewer than 5 acts a covered period on average: no trend
        can be read), ``band_low`` and ``band_high`` (10th and 90th percentile of the rates
        of ``n_comparable`` pairs), ``denominator``, ``n_unassigned`` (acts of the component
        dated more widely than a period, over the whole span) and ``covered``. For all pairs:
        ``period`` to ``rate``, ``denominator`` and ``covered``.

    Raises
    ------
    CuratedError
        For a hand-picked list.
    CoverageError
        For a span of which the source covers no day.
    SanctlibError
        For a table of another kind, or two states that did not both exist in the span.

    Examples
    --------
    >>> cells = pd.DataFrame({
    ...     "period": pd.to_datetime(["2018-01-01", "2018-01-01", "2018-02-01"]),
    ...     "sender": ["RUS", "USA", "RUS"], "target": ["IRN", "IRN", "CHN"],
    ...     "mutual": False, "family": ["cooperation", "conflict", "cooperation"],
    ...     "action": ["visit", "verbal", "agree"], "n_acts": [2, 38, 10],
    ... })
    >>> rates = partnership_intensity(cells, pair=("IRN", "RUS"), every="month")
    >>> rates.filter(component="meetings").table[["period", "n", "exposure", "rate"]]
          period  n  exposure  rate
    0 2018-01-01  2        40  50.0
    """
    if not isinstance(denominator, str):
        chosen = choices_of(denominator, tuple(DIVIDED_BY), what="denominator")
        same = {
            "pair": pair, "every": every, "components": components, "directed": directed,
            "level": level, "start": start, "end": end, "coverage": coverage, "band": band,
            "comparable_from": comparable_from, "dispersion": dispersion,
        }  # fmt: skip
        parts = [partnership_intensity(table, denominator=d, **same) for d in chosen]  # type: ignore[arg-type]
        rows = pd.concat([part.table for part in parts], ignore_index=True)
        options = {**parts[0].query.options, "denominator": chosen}
        query = replace(parts[0].query, options=MappingProxyType(options))
        return replace(parts[0], table=rows, query=query)
    query = ask(
        pair=pair,
        every=every,
        start=start,
        end=end,
        level=level,
        components=choices_of(components, EVERY_COMPONENT, what="components"),
        denominator=check_choice(denominator, tuple(DIVIDED_BY), what="denominator"),
        directed=flag_of(directed, what="directed"),
        band=flag_of(band, what="band"),
        comparable_from=number_of(comparable_from, what="comparable_from", least=0),
        dispersion=flag_of(dispersion, what="dispersion"),
    )
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate, interval or test")
        check_kind(source, "events", "cells")
        check_span(source, query)
        known, span = source.coverage, {"every": every, "start": query.start, "end": query.end}
        # All acts are in the denominator; only those of the pair need their kind.
        dividing = cells_of(source, by=DIVIDED_BY[denominator], distinct=(*ACT, *KEYS), **span)  # type: ignore[arg-type]
        periods, whole = periods_asked(
            dividing["period"], every=every, start=query.start, end=query.end, coverage=known
        )

        def covers(pairs: pd.DataFrame) -> NDArray[np.bool_]:
            there = groups_that_existed(pairs, periods, every=every)
            told = covered_groups(pairs, coverage=known)
            told &= ~pairs.isin(silent).any(axis=1).to_numpy(dtype=bool)
            return whole & there & told[:, None]

        silent: list[str] = []
        if query.pairs is None:
            kept = {"family": ["cooperation"], "action": _kinds(query)}
            keys = {key: key for key in KEYS if key != "family"}
            found, n = rates_of_all(
                counted_rows(source, keys=keys, keep=kept, **span),  # type: ignore[arg-type]
                dividing,
                periods=periods,
                components=_components(query),
                denominator=denominator,
                directed=directed,
                covers=None if known is None else covers,
            )
            return _result(found, query, n, source)
        states = sorted({state for two in query.pairs for state in two})
        acts = cells_of(source, by=KEYS, touching=states, **span)  # type: ignore[arg-type]
        silent = absent_from(source, states, acts)
    # A state that did not exist in any period of the span has no zero.
    existed_together(query.pairs, periods, every=every)
    asked = _Asked(query, periods, dividing, None if known is None else covers)
    rates = asked.rated(
        placed_acts(acts, periods=periods, components=_components(query), directed=directed)
    )
    if known is None:
        rates = rates[rates["n"].gt(0)].reset_index(drop=True)
    result = _result(rates, query, _acts_once(acts, query, periods), source)
    return replace(result, notes=(*silent_on(source, silent), *result.notes))


@dataclass(frozen=True)
class _Asked:
    """A query for pairs, with its periods, the cells of its denominator and its coverage."""

    query: Query
    periods: pd.DatetimeIndex
    dividing: pd.DataFrame
    covers: Covers | None

    def rated(self, acts: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of each pair, or of both its directions."""
        query, options = self.query, self.query.options
        directed, components = bool(options["directed"]), _components(query)
        pairs = query.pairs or ()
        ways = [way for two in pairs for way in ([two, two[::-1]] if directed else [two])]
        named = pd.DataFrame(ways, columns=["first", "second"])
        covered = [None] * len(ways) if self.covers is None else self.covers(named)
        least = float(options["comparable_from"]) * _MONTHS[query.every]  # type: ignore[arg-type]
        columns = way_columns(directed=directed)
        rows = []
        for way, inside in zip(ways, covered, strict=True):
            found = acts_of(
                acts,
                self.dividing,
                way,
                periods=self.periods,
                components=components,
                denominator=_denominator(query),
            )
            edges, n_comparable = band_of(found, from_mean=least if options["band"] else np.inf)
            for i, component in enumerate([*components, ALL]):
                frame = _rated(
                    found.n[0, i],
                    found.exposure[0],
                    inside,
                    level=query.level,
                    dispersion=bool(options["dispersion"]),
                )
                fixed: dict[str, Any] = dict(zip(columns, way, strict=True))
                rows.append(
                    frame.assign(
                        period=self.periods,
                        **fixed,
                        component=component,
                        band_low=edges[0, i],
                        band_high=edges[1, i],
                        n_comparable=n_comparable if options["band"] else None,
                        denominator=_denominator(query),
                        n_unassigned=found.unassigned[i],
                    )
                )
        table = pd.concat(rows, ignore_index=True)
        text = (*columns, "component", "interval", "denominator")
        types = {**dict.fromkeys(text, "str"), "n_comparable": "Int64"}
        return table[["period", *columns, *_COLUMNS]].astype(types)


_COLUMNS = (
    *("component", "n", "exposure", "rate", "lower", "upper", "interval", "dispersion"),
    *("too_few", "band_low", "band_high", "n_comparable", "denominator", "n_unassigned"),
    "covered",
)


def _components(query: Query) -> tuple[Component, ...]:
    return query.options["components"]  # type: ignore[return-value]


def _kinds(query: Query) -> list[str]:
    return [action for c in _components(query) for action in COMPONENTS[c]]


def _denominator(query: Query) -> Denominator:
    return query.options["denominator"]  # type: ignore[return-value]


def _acts_once(acts: pd.DataFrame, query: Query, periods: pd.DatetimeIndex) -> int:
    """Return the acts between the pairs, each counted once also where it is mutual."""
    counted = acts["family"].eq("cooperation") & acts["action"].isin(_kinds(query))
    counted &= between(acts, query.pairs or ()) & acts["period"].isin(periods)
    return int(acts.loc[counted, "n_acts"].sum())


def _rated(
    counts: Counts,
    exposure: Counts,
    covered: NDArray[np.bool_] | None,
    *,
    level: float,
    dispersion: bool,
) -> pd.DataFrame:
    # Without coverage every period counts.
    inside = np.ones(len(counts), dtype=bool) if covered is None else covered
    # A period that is not covered and has no act is missing.
    blank = (counts == 0) & ~inside if covered is not None else counts == 0
    n = np.where(blank, np.nan, counts)
    exposed = np.where(blank | (exposure == 0), np.nan, exposure)
    phi = poisson_dispersion(n[inside], exposure=exposed[inside]) if dispersion else 1.0
    frame = poisson_interval(n, exposure=exposed, level=level, dispersion=phi)
    scaled = "Poisson scaled by dispersion" if dispersion else "exact Poisson"
    name = f"{scaled}, {percent(level)}"
    if covered is None:
        frame[["lower", "upper"]] = np.nan
        phi, name = float("nan"), "none: coverage not known"
    elif np.isnan(phi):
        name = "none: one period has no dispersion"
    frame[["rate", "lower", "upper"]] *= PER
    few = float(counts[inside].mean()) < TOO_FEW if inside.any() else pd.NA
    return frame.assign(
        n=pd.array(n, dtype="Int64"),
        exposure=pd.array(np.where(blank & (exposure == 0), np.nan, exposure), dtype="Int64"),
        interval=name,
        dispersion=phi,
        too_few=pd.array([few] * len(n), dtype="boolean"),
        covered=pd.array([pd.NA] * len(n) if covered is None else covered, dtype="boolean"),
    )


def _result(table: pd.DataFrame, query: Query, n: int, source: Opened) -> Intensity:
    components = _components(query)
    unit = "reported acts of co-operation"
    if len(components) < len(EVERY_COMPONENT):
        unit += f" ({', '.join(c.replace('_', ' ') for c in components)})"
    directed = bool(query.options["directed"])
    return Intensity(
        table=table,
        kind="intensity",
        name=f"Reported co-operation of {in_names(query.pairs, directed=directed)}",
        query=query,
        unit=unit,
        n=n,
        sources=(source.source,),
        notes=_notes(table, query),
        findings=_findings(table, query, unit, source),
    )


def _notes(table: pd.DataFrame, query: Query) -> tuple[str, ...]:
    """Return what the rate, the band and the interval are, and what is not in them."""
    divided = DENOMINATOR_WORDS[_denominator(query)]
    notes = [f"Rates are per {PER:,} {divided} in the same period, the pair's own included."]
    if query.pairs is not None and query.options["band"] and table["band_low"].notna().any():
        lowest, highest = table["n_comparable"].min(), table["n_comparable"].max()
        others = f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
        least = f"{query.options['comparable_from']:g}"
        least += " act" if least == "1" else " acts"
        notes.append(
            f"Band: 10th to 90th percentile of {others} comparable pairs (each of the two states "
            f"with a third, at least {least} of co-operation a month on average)."
        )
    if query.pairs is not None and table["lower"].notna().any():
        words = "; ".join(t for t in table["interval"].unique() if not t.startswith("none"))
        wide = " A real change of the rate widens it." if query.options["dispersion"] else ""
        notes.append(f"Interval: {words}.{wide}")
    return (*notes, "Co-operation that is not reported is not counted.")


def _findings(table: pd.DataFrame, query: Query, unit: str, source: Opened) -> tuple[str, ...]:
    """Return for each of the first pairs its acts and rate, and how it compares with the band."""
    if query.pairs is None:
        return ()
    if table.empty:
        return (f"{source.name} has no {unit} of the pairs requested.",)
    directed = bool(query.options["directed"])
    of_all = table[table["component"].eq(ALL)]
    sentences = []
    groups = of_all.groupby(way_columns(directed=directed), sort=False)
    for way, rows in islice(groups, _IN_FINDINGS):
        whose = way_in_names(way, directed=directed)
        seen = rows[rows["covered"].fillna(value=source.coverage is None).astype("bool")]
        if seen.empty:
            sentences.append(f"{whose}: {source.name} covers no {query.every} in full.")
            continue
        sentences.append(f"{whose}: {_total(seen, query, unit, source)}")
        if seen["band_high"].notna().any():
            above = seen["rate"].gt(seen["band_high"])
            clear = int((above & seen["lower"].gt(seen["band_high"])).sum())
            sentences.append(
                f"{whose}: in {int(above.sum())} of {periods_of(seen, query)} the rate is above "
                f"the band of {seen['n_comparable'].iloc[0]} comparable pairs; in {clear} of "
                "these the whole interval is above the band."
            )
    return tuple(sentences)


def _total(seen: pd.DataFrame, query: Query, unit: str, source: Opened) -> str:
    """Return the acts over the covered periods, and their rate with its interval, in words."""
    n, exposure = int(seen["n"].sum()), int(seen["exposure"].sum())
    span = in_words(seen["period"].min(), seen["period"].max(), every=query.every)
    whole = f" in {periods_of(seen, query)} covered in full" if source.coverage else ""
    text = f"{n:,} {unit}{whole}, {span}"
    if exposure:
        phi = float(seen["dispersion"].iloc[0])
        rate = PER * poisson_interval([n], exposure=exposure, level=query.level, dispersion=phi)
        found = rate.iloc[0]
        text += f"; {found['rate']:.2f} per {PER:,} {DENOMINATOR_WORDS[_denominator(query)]}"
        if not np.isnan(found["lower"]):
            text += (
                f", {percent(query.level)} interval {found['lower']:.2f} to {found['upper']:.2f}"
            )
    return f"{text} ({source.source.described()})."
