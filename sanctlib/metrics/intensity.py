"""Rate the reported co-operation of pairs per period. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sanctlib.acts import ACT, KEYS, cells_of, counted_rows
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, in_words, period_end
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.metrics._pair_acts import (
    ALL,
    DIVIDED_BY,
    EVERY_COMPONENT,
    PER,
    Among,
    Component,
    Denominator,
    actions_of,
    acts_once,
    common_states,
    existed_together,
    in_names,
    rates_of_all,
    rates_of_pairs,
    rows_by_pair,
    words_of,
)
from sanctlib.metrics._questions import (
    Flags,
    absent_from,
    check_kind,
    check_not_curated,
    check_span,
    covered_groups,
    groups_that_existed,
    periods_asked,
    silent_on,
    uncoded_in,
)
from sanctlib.metrics.composition import Intensity
from sanctlib.metrics.intervals import percent, poisson_interval
from sanctlib.query import (
    Day,
    Pair,
    Query,
    ask,
    choices_of,
    flag_of,
    number_of,
)


def partnership_intensity(
    table: AnyTable,
    *,
    pair: Pair | Sequence[Pair] | None,
    every: Period,
    components: Sequence[Component] = EVERY_COMPONENT,
    denominator: Denominator | Sequence[Denominator] = "all",
    among: Among | None = None,
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
    among : {"common_states"}, optional
        Divide only by acts of co-operation between states that are a party of an act in every
        window of the coverage (``tables["common_states"]``). Needed where windows of the span
        name different actors; only those states are then compared.
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
        rate. Reported acts come in bunches: without it the interval is too narrow. Real
        change of the rate counts as dispersion too: with it the interval is conservative.

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
        dated more widely than a period, over the whole span), ``n_days`` (days of the period
        that the source covers) and ``covered`` (it covers a day, and none outside the span).
        For all pairs: ``period`` to ``rate``, ``denominator``, ``n_days`` and ``covered``.

    Raises
    ------
    CuratedError
        For a hand-picked list.
    CoverageError
        For a span of which the source covers no day, or with windows of different actors.
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
    single = isinstance(denominator, str)
    chosen = [denominator] if single else denominator
    divided: tuple[Denominator, ...] = choices_of(chosen, [*DIVIDED_BY], what="denominator")  # type: ignore[assignment]
    query = ask(
        pair=pair,
        every=every,
        start=start,
        end=end,
        level=level,
        components=choices_of(components, EVERY_COMPONENT, what="components"),
        denominator=denominator if single else divided,
        among=among,
        directed=flag_of(directed, what="directed"),
        band=flag_of(band, what="band"),
        comparable_from=number_of(comparable_from, what="comparable_from", least=0),
        dispersion=flag_of(dispersion, what="dispersion"),
    )
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate, interval or test")
        check_kind(source, "events", "cells")
        check_span(source, query)
        known = source.coverage
        span: dict[str, Any] = {"every": every, "start": query.start, "end": query.end}
        common = common_states(source, query, among, divided)
        divisor: dict[str, Any] = {"denominator": divided[0], "common": common}
        between = {} if common is None else {"sender": common, "target": common}
        # All acts are in the denominator; only those of the pair need their kind.
        dividing = {d: _dividing(source, d, between, span) for d in divided}
        periods, whole = periods_asked(dividing[divided[0]]["period"], query, known, in_part=True)
        silent: list[str] = []

        def covers(pairs: pd.DataFrame) -> Flags:
            told = covered_groups(pairs, query, known, silent)
            return whole & told[:, None] & groups_that_existed(pairs, periods, every=every)

        inside = None if known is None else covers
        if query.pairs is None:
            kept = {"family": ["cooperation"], "action": actions_of(query), **between}
            keys = {key: key for key in KEYS if key != "family"}
            acts = counted_rows(source, keys=keys, keep=kept, **span)
            rates, n = rates_of_all(acts, dividing, query, periods, inside)
            rates = _with_days(rates, query, known)
            return _result(rates, query, source, n=n, **divisor)
        states = sorted({state for two in query.pairs for state in two})
        acts = cells_of(source, by=KEYS, touching=states, keep=between, **span)
        silent = absent_from(source, states, acts, query)
    # A state that did not exist in any period of the span has no zero.
    existed_together(query.pairs, periods, every=every)
    rates = rates_of_pairs(acts, dividing, query, periods, inside)
    if known is None:
        rates = rates[rates["n"].gt(0)].reset_index(drop=True)
    rates, n = _with_days(rates, query, known), acts_once(acts, query, periods)
    result = _result(rates, query, source, n=n, **divisor)
    return replace(result, notes=(*silent_on(source, silent), *result.notes))


def _dividing(
    source: Opened, denominator: Denominator, between: dict[str, list[str]], span: dict[str, Any]
) -> pd.DataFrame:
    """Return the acts that rates are divided by: all, or co-operation of some states."""
    if not between:
        return cells_of(source, by=DIVIDED_BY[denominator], distinct=(*ACT, *KEYS), **span)
    kept = {"family": ["cooperation"], **between}
    cells = cells_of(source, by=DIVIDED_BY["either"], distinct=(*ACT, *KEYS), keep=kept, **span)
    return cells[cells["sender"].ne(cells["target"])]


def _with_days(rates: pd.DataFrame, query: Query, known: Coverage | None) -> pd.DataFrame:
    """Add the number of days of each period that the source covers."""
    n = pd.Series(pd.NA, index=rates.index, dtype="Int64")
    if known is not None:
        n = known.days(rates["period"], period_end(rates["period"], every=query.every))
    rates = rates.assign(n_days=n.astype("Int64"))
    return rates[[*(c for c in rates if c != "covered"), "covered"]]


def _result(
    table: pd.DataFrame,
    query: Query,
    source: Opened,
    *,
    n: int,
    denominator: Denominator,
    common: Sequence[str] | None,
) -> Intensity:
    """Return the rates as a Result, with sentences about those of the first denominator."""
    components, unit = query.options["components"], "reported acts of co-operation"
    if len(components) < len(EVERY_COMPONENT):  # type: ignore[arg-type]
        unit += f" ({', '.join(c.replace('_', ' ') for c in components)})"  # type: ignore[attr-defined]
    directed = bool(query.options["directed"])
    notes = [
        f"Rates are per {PER:,} {words_of(denominator, common)} in the same period, "
        "the pair's own included.",
        *uncoded_in(source, query, actions_of(query)),
    ]
    findings: list[str] = []
    if query.pairs is not None:
        rows = table[table["denominator"].eq(denominator)]
        notes += _notes(rows, query)
        outside = rows["component"].eq(ALL) & ~rows["covered"].fillna(value=False)
        cut = int(rows["n"][outside].sum())
        if source.coverage is not None and cut and not directed:
            which = f"a part-{query.every}, which is not covered in full"
            notes.append(f"{cut} of the acts are in {which}: no sum or median includes them.")
        findings = [f"{source.name} has no {unit} of the pairs requested."]
        if len(rows):
            divided, findings = words_of(denominator, common), []
            for whose, of_pair in rows_by_pair(rows[rows["component"].eq(ALL)], directed=directed):
                sentences = _sentences(of_pair, query, unit, divided, source)
                findings += [f"{whose}: {sentence}" for sentence in sentences]
    return Intensity(
        table=table,
        kind="intensity",
        name=f"Reported co-operation of {in_names(query.pairs, directed=directed)}",
        query=query,
        unit=unit,
        n=n,
        sources=(source.source,),
        notes=(*notes, "Co-operation that is not reported is not counted."),
        findings=tuple(findings),
        tables={} if common is None else {"common_states": pd.DataFrame({"state": common})},
    )


def _notes(rows: pd.DataFrame, query: Query) -> list[str]:
    """Return what the band and the interval are."""
    notes = []
    if query.options["band"] and rows["band_low"].notna().any():
        lowest, highest = rows["n_comparable"].min(), rows["n_comparable"].max()
        others = f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
        least = f"{query.options['comparable_from']:g}"
        least += " act" if least == "1" else " acts"
        notes.append(
            f"Band: 10th to 90th percentile of {others} comparable pairs (each of the two states "
            f"with a third, at least {least} of co-operation a month on average)."
        )
    if rows["lower"].notna().any():
        words = "; ".join(t for t in rows["interval"].unique() if not t.startswith("none"))
        wide = " It is conservative: a real change of the rate widens it."
        notes.append(f"Interval: {words}.{wide if query.options['dispersion'] else ''}")
    return notes


def _sentences(
    rows: pd.DataFrame, query: Query, unit: str, divided: str, source: Opened
) -> list[str]:
    """Return the acts of a pair, their rate, and how it compares with the band, in words."""
    seen = rows[rows["covered"].fillna(value=source.coverage is None).astype("bool")]
    if seen.empty:
        return [f"{source.name} covers no {query.every} in full."]
    n, exposure = int(seen["n"].sum()), int(seen["exposure"].sum())
    span = in_words(seen["period"].min(), seen["period"].max(), every=query.every)
    n_periods = f"{len(seen):,} {query.every}{'' if len(seen) == 1 else 's'}"
    ends = period_end(seen["period"], every=query.every)
    n_part = int(seen["n_days"].lt((ends - seen["period"]).dt.days + 1).sum())
    how = f", {n_part} of them in part" if n_part else " in full"
    whole = f" in {n_periods} covered{how}" if source.coverage else ""
    if n <= 1:  # one act makes no rate
        few = f"{n} act{'s' * (n != 1)}, so there is nothing to show"
        return [f"{few} ({unit}{whole}, {span}; {source.source.described()})."]
    text = f"{n:,} {unit}{whole}, {span}"
    if exposure:
        phi = float(seen["dispersion"].iloc[0])
        found = poisson_interval([n], exposure=exposure, level=query.level, dispersion=phi)
        rate, lower, upper = PER * found.iloc[0]
        text += f"; {rate:.2f} per {PER:,} {divided}"
        if not np.isnan(lower):
            text += f", {percent(query.level)} interval {lower:.2f} to {upper:.2f}"
    sentences = [f"{text} ({source.source.described()})."]
    if seen["band_high"].notna().any():
        above = seen["rate"].gt(seen["band_high"])
        clear = int((above & seen["lower"].gt(seen["band_high"])).sum())
        sentences.append(
            f"in {int(above.sum())} of {n_periods} the rate is above the band of "
            f"{seen['n_comparable'].iloc[0]} comparable pairs; in {clear} of these the whole "
            "interval is above the band."
        )
    return sentences
