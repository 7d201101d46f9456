"""Intensity of a partnership: reported co-operation of a pair, against comparable pairs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.counting import ACT, KEYS, cells_of, counted_rows
from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, SanctlibError, check_choice, check_list
from sanctlib.frames import AnyTable, opened
from sanctlib.metrics.allpairs import rates_of_all
from sanctlib.metrics.bands import (
    DIVIDED_BY,
    PER,
    Counts,
    Denominator,
    acts_of,
    band_of,
    placed_acts,
)
from sanctlib.metrics.grid import covered_groups, lived_groups, periods_asked
from sanctlib.metrics.intervals import poisson_dispersion, poisson_interval
from sanctlib.metrics.pairs import lived_together, pairs_of
from sanctlib.periods import PERIODS, Period
from sanctlib.schema import COMPONENTS, Pair

ALL = "all_cooperation"
TOO_FEW = 5
# So that weeks and months are compared with the same pairs.
_MONTHS = {"day": 12 / 365.25, "week": 84 / 365.25, "month": 1.0, "quarter": 3.0, "year": 12.0}


def partnership_intensity(
    table: AnyTable,
    *,
    pair: Pair | Sequence[Pair] | None,
    every: Period,
    components: Sequence[str] = tuple(COMPONENTS),
    denominator: Denominator = "all",
    directed: bool = False,
    level: float = 0.95,
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
    band: bool = True,
    comparable_from: float = 1.0,
    dispersion: bool = True,
) -> pd.DataFrame:
    """
    Return the reported co-operation of two states per period, as counts and rates.

    What is measured is reporting: a pair in the news is reported more, so the rate is
    per 1,000 acts of the same source in the same period, and stands beside the band of
    comparable pairs (each of the two states with any third state). Which acts divide is
    a choice that moves the trend, so it is named: ``all`` acts, unknown parties too;
    those with ``either`` state on any side; or all but material conflict
    (``no_war``), since a war that fills the news lowers every other rate. Sanctions
    never feed the measure, blocs stay whole, and requests are not co-operation.

    Parameters
    ----------
    table : frame, path or Reading
        Events, or cells of the same periods with sender, target, mutual, family and
        action. All acts of the source, not those of the pair alone. Acts are added up
        over parties: right where an act has one row, as in machine-coded sources.
    pair : tuple of two states, or several
        The order does not matter; of several, each has the rows it has alone. None takes all
        pairs of states at once, their counts and rates alone: no interval and no band, and
        rows where a component has acts.
    components : sequence of {"material", "meetings", "agreements", "other_cooperation"}
        Each is a row per period, and ``all_cooperation`` their sum.
    directed : bool
        Rows for both directions, `first` towards `second`; an act done by both together
        counts in each. Otherwise one row, and each act of the table once: the acts of
        either towards the other. Our readers of news merge a meeting that is coded from
        both sides; in a table where it is two acts, one number counts it twice.
    level : float
        Of the interval, 0-1.
    band : bool
        Whether to compute the band; its columns are missing otherwise.
    comparable_from : float
        Acts of co-operation a month, on average, from which a pair of either state with
        a third is comparable. Most pairs are hardly ever reported together: with 0 they
        all count, and the band lies at zero.
    dispersion : bool
        Whether to widen the interval by the dispersion of the series around a constant
        rate. Reported acts come in bunches: without it the interval is too narrow.

    Returns
    -------
    intensity : DataFrame
        ``period``, ``first``, ``second``, ``component``, ``n_acts``, ``exposure`` (acts
        that divide), ``rate``, ``lower``, ``upper`` (per 1,000), ``interval`` (the
        process it describes), ``dispersion``, ``too_few`` (fewer than 5 acts a covered
        period on average: no trend can be read; missing where none is covered),
        ``band_low``, ``band_high`` (10th and 90th percentile of the rates of
        ``n_comparable`` pairs with at least one act of any kind in the span),
        ``denominator``, ``n_unplaced`` (acts of the component wider than a period, over
        the whole span) and ``covered``. Without coverage, periods with acts alone, and no
        interval. Of all pairs: ``period`` to ``rate``, ``denominator`` and ``covered``.

    Raises
    ------
    CuratedError
        For a hand-picked list.
    UnknownChoiceError
        For an unknown component, period, denominator or state.
    SanctlibError
        For a pair that is not two states, one named twice, or two states that did not both
        exist in the span.

    Examples
    --------
    >>> from datetime import date
    >>> import pandas as pd
    >>> from sanctlib.coverage import Coverage
    >>> from sanctlib.metrics.intensity import partnership_intensity
    >>> cells = pd.DataFrame({
    ...     "period": pd.to_datetime(["2018-01-01", "2018-01-01", "2018-02-01"]),
    ...     "sender": ["RUS", "USA", "RUS"], "target": ["IRN", "IRN", "CHN"],
    ...     "mutual": False, "family": ["cooperation", "conflict", "cooperation"],
    ...     "action": ["visit", "verbal", "agree"], "n_acts": [2, 38, 10],
    ... })
    >>> known = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 2, 28))
    >>> rates = partnership_intensity(cells, pair=("RUS", "IRN"), every="month",
    ...                               components=["meetings"], coverage=known)
    >>> rates.loc[rates["component"].eq("meetings"), ["period", "n_acts", "exposure", "rate"]]
          period  n_acts  exposure  rate
    0 2018-01-01       2        40  50.0
    1 2018-02-01       0        10   0.0
    """
    who = "partnership_intensity"
    check_choice(every, PERIODS, what="period", needed_by=who)
    check_choice(denominator, ("all", "either", "no_war"), what="denominator", needed_by=who)
    check_list(components, what="components", needed_by=who)
    for component in components:
        check_choice(component, COMPONENTS, what="component", needed_by=who)
    if not components:
        raise SanctlibError(f"{who} needs one component or more.")
    pairs = None if pair is None else pairs_of(pair, needed_by=who, ordered=False)
    with opened(table, needed_by=who, coverage=coverage) as source:
        if source.curated:
            msg = "acts on a hand-picked list support a timeline, not a rate, interval or test"
            raise CuratedError(f"{who} cannot use {source.name!r}: {msg}.")
        if source.kind not in ("events", "cells"):
            msg = f"{who} needs events or cells; {source.name!r} holds {source.kind}."
            raise SanctlibError(msg)
        known = source.coverage
        # All acts divide; which they were is asked of those of the pair alone.
        ask: dict[str, Any] = {"every": every, "start": start, "end": end, "needed_by": who}
        divided_by = DIVIDED_BY[denominator]
        dividing = cells_of(source, by=divided_by, distinct=(*ACT, *KEYS), **ask)
        periods, whole = periods_asked(
            dividing["period"], every=every, start=start, end=end, coverage=known
        )

        def covers(pairs: pd.DataFrame) -> NDArray[np.bool_]:
            there = lived_groups(pairs, periods, every=every)
            return whole & there & covered_groups(pairs, coverage=known)[:, None]

        if pairs is None:
            kept = {
                "family": ["cooperation"],
                "action": [a for c in components for a in COMPONENTS[c]],
            }
            keys = {key: key for key in KEYS if key != "family"}
            return rates_of_all(
                counted_rows(source, keys=keys, keep=kept, **ask),
                dividing,
                periods=periods,
                components=components,
                denominator=denominator,
                directed=directed,
                covers=None if known is None else covers,
            )
        asked = sorted({state for two in pairs for state in two})
        acts = cells_of(source, by=KEYS, touching=asked, **ask)
    # Where one of the two was no state yet, or no more, nothing is zero.
    lived_together(pairs, periods, every=every, needed_by=who)
    ways = [way for two in pairs for way in ([two, two[::-1]] if directed else [two])]
    named = pd.DataFrame(ways, columns=["first", "second"])
    covered = [None] * len(ways) if known is None else covers(named)
    acts = placed_acts(acts, periods=periods, components=components, directed=directed)
    rows = []
    for (first, second), inside in zip(ways, covered, strict=True):
        found = acts_of(
            acts,
            dividing,
            (first, second),
            periods=periods,
            components=components,
            denominator=denominator,
        )
        from_mean = comparable_from * _MONTHS[every] if band else np.inf
        edges, n_comparable = band_of(found, from_mean=from_mean)
        for i, component in enumerate([*components, ALL]):
            frame = _rated(
                found.n[0, i], found.exposure[0], inside, level=level, dispersion=dispersion
            )
            rows.append(
                frame.assign(
                    period=periods,
                    first=first,
                    second=second,
                    component=component,
                    band_low=edges[0, i],
                    band_high=edges[1, i],
                    n_comparable=n_comparable if band else None,
                    denominator=denominator,
                    n_unplaced=found.unplaced[i],
                )
            )
    table = pd.concat(rows, ignore_index=True)
    if known is None:
        table = table[table["n_acts"].gt(0)].reset_index(drop=True)
    text = ("first", "second", "component", "interval", "denominator")
    types = {**dict.fromkeys(text, "str"), "n_comparable": "Int64"}
    return table[list(_COLUMNS)].astype(types)


_COLUMNS = (
    *("period", "first", "second", "component", "n_acts", "exposure"),
    *("rate", "lower", "upper", "interval", "dispersion", "too_few"),
    *("band_low", "band_high", "n_comparable", "denominator", "n_unplaced", "covered"),
)


def _rated(
    counts: Counts,
    exposure: Counts,
    covered: NDArray[np.bool_] | None,
    *,
    level: float,
    dispersion: bool,
) -> pd.DataFrame:
    # Where nobody said what is covered, every period counts.
    inside = np.ones(len(counts), dtype=bool) if covered is None else covered
    # A period that is not covered and shows nothing says nothing.
    blank = (counts == 0) & ~inside if covered is not None else counts == 0
    n = np.where(blank, np.nan, counts)
    exposed = np.where(blank | (exposure == 0), np.nan, exposure)
    phi = poisson_dispersion(n[inside], exposure=exposed[inside]) if dispersion else 1.0
    frame = poisson_interval(n, exposure=exposed, level=level, dispersion=phi)
    scaled = "Poisson scaled by dispersion" if dispersion else "exact Poisson"
    name = f"{scaled}, {level:.0%}"
    if covered is None:
        frame[["lower", "upper"]] = np.nan
        phi, name = float("nan"), "none: coverage not said"
    elif np.isnan(phi):
        name = "none: one period shows no dispersion"
    frame[["rate", "lower", "upper"]] *= PER
    few = float(counts[inside].mean()) < TOO_FEW if inside.any() else pd.NA
    return frame.assign(
        n_acts=pd.array(n, dtype="Int64"),
        exposure=pd.array(np.where(blank & (exposure == 0), np.nan, exposure), dtype="Int64"),
        interval=name,
        dispersion=phi,
        too_few=pd.array([few] * len(n), dtype="boolean"),
        covered=pd.array([pd.NA] * len(n) if covered is None else covered, dtype="boolean"),
    )
