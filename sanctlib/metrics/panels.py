"""Lay out dyads of states that existed, per period. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.acts import KEYS, cells_of
from sanctlib.codes.countries import resolve
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, period_start
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.metrics._pair_acts import ALL, both_ways, in_names
from sanctlib.metrics._questions import (
    absent_from,
    check_covered,
    check_kind,
    check_not_curated,
    check_span,
    groups_that_existed,
    periods_asked,
    silent_on,
)
from sanctlib.metrics.intensity import partnership_intensity
from sanctlib.query import (
    Day,
    Pair,
    Query,
    State,
    ask,
    choices_of,
    day_of,
    flag_of,
    one_pair,
    states_of,
)
from sanctlib.result import Result
from sanctlib.schema import ACTIONS, COMPONENTS, COUNTED_SANCTIONS

Absent: TypeAlias = Literal["zero", "missing"]
PanelSuccession: TypeAlias = Literal["strict", "dominant"]

PANEL_COLUMNS: Mapping[str, Sequence[str]] = {
    **COMPONENTS,
    "sanctions": COUNTED_SANCTIONS,
}
"""What is counted by default: the components of co-operation, and sanctions imposed."""

_KEYS = ["period", "first", "second"]


def dyad_panel(
    table: AnyTable,
    *,
    every: Period,
    states: Sequence[State],
    directed: bool = False,
    columns: Mapping[str, Sequence[str]] | None = None,
    absent: Absent = "missing",
    succession: PanelSuccession = "strict",
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Lay out every dyad of `states` in every period, for panel models.

    A dyad has a row in a period if both states existed on one of its days: two states of
    one year that never existed together have none. A count is 0 only where the source
    covers the whole period and both states. Elsewhere observed acts stay counted, as a lower
    bound, and other counts are missing; ``covered`` distinguishes these rows. Acts of unknown
    parties or of blocs are in no dyad: expand blocs first with `expand_blocs` if their members
    should have them.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events or cells (counts of acts), or dyads (values; each measure is a column).
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    states : sequence of str
        Two states or more, as codes or names: the panel holds their pairs.
    directed : bool, default False
        Whether each direction has a row, ``first`` towards ``second``, with mutual acts in
        both. Otherwise each pair has one row, ``first`` before ``second`` in the alphabet,
        and each act counts once. An undirected panel of directed dyads has the sum of both
        directions, missing where one is. Where both directions are coded from the same
        events, as in ICEWS dyad-years, that sum counts a meeting twice.
    columns : mapping of str to sequence of str, optional
        Names of columns and their actions, of events and cells. By default the four
        components of co-operation, and sanctions imposed or amended.
    absent : {"zero", "missing"}, default "missing"
        Of dyads: whether a pair that the table does not hold, inside its coverage, is 0
        (counts of events, as in ICEWS dyad-years) or not known (trade).
    succession : {"strict", "dominant"}, default "strict"
        Whether a successor is a new state, or continues the former one: with "dominant" the
        Soviet Union is RUS in all years.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. It must be
        known.

    Returns
    -------
    Result
        Its table is the panel: ``period`` (first day), ``first``, ``second`` (the keys of a
        directed panel too), a column each (Int64 for counts, Float64 for values) and
        ``covered``, sorted by pair and period.

    Raises
    ------
    UnknownChoiceError
        For an unknown state or action.
    CuratedError
        For a hand-picked list.
    CoverageError
        For a span of which the source covers no day.
    SanctlibError
        If the coverage is not known, the table is of another kind, or has values of other
        periods.

    Examples
    --------
    >>> from datetime import date
    >>> cells = pd.DataFrame({
    ...     "period": pd.to_datetime(["2018-01-01"]), "sender": "RUS", "target": "IRN",
    ...     "mutual": False, "family": "cooperation", "action": "visit", "n_acts": 3,
    ... })
    >>> known = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 2, 28))
    >>> dyad_panel(cells, every="month", states=["RUS", "IRN"], directed=True,
    ...            columns={"visits": ["visit"]}, coverage=known).table
          period first second  visits  covered
    0 2018-01-01   IRN    RUS       0     True
    1 2018-02-01   IRN    RUS       0     True
    2 2018-01-01   RUS    IRN       3     True
    3 2018-02-01   RUS    IRN       0     True
    """
    named, wanted = states_of(states, what="states"), _columns(columns)
    query = ask(
        every=every,
        start=start,
        end=end,
        states=named,
        directed=flag_of(directed, what="directed"),
        columns=wanted,
        absent=check_choice(absent, ("zero", "missing"), what="absent"),
        succession=check_choice(succession, ("strict", "dominant"), what="succession"),
    )
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="panel")
        check_kind(source, "events", "cells", "dyads")
        check_covered(source)
        check_span(source, query)
        counted, known = source.kind != "dyads", source.coverage
        if counted:
            long = _counts(source, query, wanted)
        else:
            long = _values(source, every, directed=directed)
        long = _carried_on(long, succession)
        silent = absent_from(source, named, long, query)
    periods, whole = periods_asked(long["period"].iloc[:0], query, known)
    long = long if directed else ordered_pairs(long)
    panel = _grid(sorted(named), periods, every, succession, directed=directed)
    covered = panel["period"].map(dict(zip(periods, whole, strict=True))).astype("bool")
    if known is not None and known.states is not None:
        covered &= panel[["first", "second"]].isin(known.states).all(axis=1)
    panel["covered"] = covered & ~panel[["first", "second"]].isin(silent).any(axis=1)
    names = list(wanted) if counted else sorted(long["column"].unique())
    for name in names:
        groups = long[long["column"].eq(name)].groupby(_KEYS)["value"]
        held = groups.sum()
        if not counted and not directed and absent == "missing":
            # The value of one direction is not that of the pair.
            held = held[groups.size().ge(long.loc[long["column"].eq(name), "sides"].max())]
        panel = panel.merge(held.rename(name).reset_index(), how="left", on=_KEYS)
        zero = panel["covered"] & (counted or absent == "zero")
        filled = panel[name].mask(panel[name].isna() & zero, 0)
        panel[name] = filled.astype("Int64" if counted else "Float64")
    panel = panel.sort_values(["first", "second", "period"], ignore_index=True)
    return _result(panel[[*_KEYS, *names, "covered"]], query, source, silent)


def _columns(columns: object) -> dict[str, tuple[str, ...]]:
    """Return the actions of each column, checked."""
    given = PANEL_COLUMNS if columns is None else columns
    if not isinstance(given, Mapping) or not given:
        example = "{'visits': ['visit']}"
        raise SanctlibError(f"columns is {given!r}. It must name columns and actions: {example}.")
    known = [action for actions in ACTIONS.values() for action in actions]
    for name in given:
        if not isinstance(name, str) or name in (*_KEYS, "covered"):
            msg = f"columns names {name!r}. A column is a text other than 'period', 'first'"
            raise SanctlibError(f"{msg}, 'second' and 'covered'.")
    return {n: choices_of(actions, known, what=f"columns[{n!r}]") for n, actions in given.items()}


def _result(panel: pd.DataFrame, query: Query, source: Opened, silent: Sequence[str]) -> Result:
    """Return the panel as a Result, with the number of its dyads and covered rows in words."""
    kind = "directed dyad" if query.options["directed"] else "dyad"
    n_dyads = len(panel[["first", "second"]].drop_duplicates())
    n_covered, n_periods = int(panel["covered"].sum()), panel["period"].nunique()
    finding = f"{n_dyads:,} {kind}{'' if n_dyads == 1 else 's'} in "
    finding += f"{n_periods:,} {query.every}{'' if n_periods == 1 else 's'}: "
    finding += f"{n_covered:,} of {len(panel):,} rows are covered in full"
    note = "A count is 0 only where the source covers the whole period and both states."
    if source.kind == "dyads":
        value = "0" if query.options["absent"] == "zero" else "missing"
        note = f"A pair that the source covers and does not list is {value}."
    return Result(
        table=panel,
        kind="panel",
        name=f"Panel of {kind}s per {query.every}",
        query=query,
        unit=f"{kind}-{query.every}s",
        n=len(panel),
        sources=(source.source,),
        notes=(*silent_on(source, silent), note),
        findings=(f"{finding} ({source.source.described()}).",),
    )


def _counts(source: Opened, query: Query, wanted: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    cells = cells_of(
        source,
        every=query.every,
        by=[key for key in KEYS if key != "family"],
        start=query.start,
        end=query.end,
        keep={"action": sorted({a for actions in wanted.values() for a in actions})},
    )
    cells = cells[cells["period"].notna() & cells[["sender", "target"]].notna().all(axis=1)]
    if query.options["directed"]:
        cells = both_ways(cells, directed=True)
    pieces = [
        cells[cells["action"].isin(actions)].assign(column=name) for name, actions in wanted.items()
    ]
    long = pd.concat(pieces, ignore_index=True)
    names = {"sender": "first", "target": "second", "n_acts": "value"}
    return long.rename(columns=names)[["period", "first", "second", "column", "value"]]


def _values(source: Opened, every: Period, *, directed: bool) -> pd.DataFrame:
    rows = source.small()
    begins, ends = (period_start(rows[c], every=every) for c in ("date", "date_last"))
    wide = rows[begins.ne(ends)]
    if len(wide):
        first, last = wide["date"].iloc[0].date(), wide["date_last"].iloc[0].date()
        msg = f"every is {every!r}, and {source.name!r} has a value of {first} to {last}."
        raise SanctlibError(f"{msg} Choose periods as long as its own.")
    rows = rows.assign(period=begins, column=rows["measure"])
    rows = rows[["period", "first", "second", "column", "value"]].assign(
        way=rows["directed"].fillna(value=False).astype("bool") if "directed" in rows else False
    )
    # A pair without direction is one value, however it is written; the larger where two differ.
    paired = ordered_pairs(rows[~rows["way"]]).sort_values("value")
    paired = paired.drop_duplicates([*_KEYS, "column"], keep="last")
    back = paired.rename(columns={"first": "second", "second": "first"})
    found = pd.concat([rows[rows["way"]], paired, *([back] if directed else [])])
    return found.assign(sides=found["way"].astype("int64") + 1)


def ordered_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return pairs with the first state before the second in the alphabet."""
    turned = rows["first"].gt(rows["second"])
    return rows.assign(
        first=rows["first"].mask(turned, rows["second"]),
        second=rows["second"].mask(turned, rows["first"]),
    )


def _carried_on(rows: pd.DataFrame, succession: PanelSuccession) -> pd.DataFrame:
    """Give the rows of a former state to the successor that continues it."""
    if succession == "strict":
        return rows
    codes = pd.Series(pd.unique(rows[["first", "second"]].to_numpy().ravel()), dtype="str")
    later = pd.Series(pd.Timestamp("2100-01-01"), index=codes.index)
    heirs = resolve(codes, dates=later, system="iso3", succession="dominant")["code"]
    named = dict(zip(codes, heirs.fillna(codes), strict=True))
    return rows.assign(first=rows["first"].map(named), second=rows["second"].map(named))


def _grid(
    states: list[str],
    periods: pd.DatetimeIndex,
    every: Period,
    succession: PanelSuccession,
    *,
    directed: bool,
) -> pd.DataFrame:
    """Return the dyads of states that both existed on some day of the period."""
    first, second = np.meshgrid(states, states, indexing="ij")
    wanted = first != second if directed else first < second
    names = {"first": first[wanted], "second": second[wanted]}
    pairs = pd.DataFrame(names, dtype="str")
    pair, period = np.nonzero(
        groups_that_existed(pairs, periods, every=every, succession=succession)
    )
    return pairs.iloc[pair].reset_index(drop=True).assign(period=periods.to_numpy()[period])


def pair_changes(
    table: AnyTable,
    *,
    pair: Pair,
    event_date: Day,
    every: Period,
    among: Sequence[State] | None = None,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Rank the change of a pair's co-operation at a date among all pairs.

    The change is the mean rate from the period of the date on, less the mean before. It is a
    placebo test in space: whatever moved the pair, pairs that the event did not concern show
    how large changes usually are. Pairs with less than one act a period are not compared.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events or cells: all acts of the source.
    pair : tuple of two states
        Codes or names, in either order.
    event_date : day
        As ISO text, date, datetime, Timestamp, datetime64 or Period. Its own period is the
        first one after.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    among : sequence of str, optional
        Only pairs of these states, as codes or names. By default of all states.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. It must be
        known.

    Returns
    -------
    Result
        Its table has ``first``, ``second`` and ``change`` (acts per 1,000 of the source), the
        largest rise first. ``tables["rank"]`` has one row: ``change`` of the pair,
        ``periods_before``, ``periods_after``, ``n_pairs``, ``n_rose`` and ``p_value``, the share
        of pairs (0-1) that changed by as much or more in either direction, its own included.

    Raises
    ------
    SanctlibError
        If the pair has less than one act a period, the date is outside the periods, or the
        coverage is not known.
    CuratedError
        For a hand-picked list.

    Examples
    --------
    >>> import sanctlib as sl
    >>> changes = sl.metrics.pair_changes(
    ...     sl.load("icews_monthly"), pair=("RUS", "IRN"), event_date="2018-05-08",
    ...     every="month", end="2018")
    >>> changes.tables["rank"][["periods_before", "periods_after", "n_pairs"]].values.tolist()
    [[4, 6, 361]]
    """
    day = pd.Timestamp(day_of(event_date, what="event_date"))
    query = ask(pair=pair, every=every, start=start, end=end, event_date=day.date())
    own = one_pair(query)
    with opened(table, coverage=coverage) as source:
        check_covered(source)
    everyone = partnership_intensity(
        table, pair=None, every=every, start=query.start, end=query.end, coverage=coverage
    )
    rates = everyone.filter(component=ALL, covered=True).table
    if among is not None:
        rates = rates[rates[["first", "second"]].isin(states_of(among, what="among")).all(axis=1)]
    periods, whole = periods_asked(everyone.table["period"], query, source.coverage, in_part=True)
    first_after = period_start(pd.Series([day]), every=every).iloc[0]
    n_periods, n_after = int(whole.sum()), int((whole & (periods >= first_after)).sum())
    n_before = n_periods - n_after
    n_of_pair = rates.groupby(["first", "second"])["n"].sum()
    compared = n_of_pair[n_of_pair.ge(n_periods)].index
    whose = in_names(query.pairs)
    if not n_before or not n_after or own not in compared:
        msg = f"{whose} have less than one act a {every}, or the event date is outside the span,"
        raise SanctlibError(f"{msg} so the change has no rank among pairs.")
    later = rates["period"].ge(first_after)
    sums = [rates[rows].groupby(["first", "second"])["rate"].sum() for rows in (~later, later)]
    before, after = (s.reindex(compared, fill_value=0) for s in sums)
    change = (after / n_after - before / n_before).rename("change").astype("float")
    own_change = float(change[own])
    share, n_rose = float((change.abs() >= abs(own_change)).mean()), int((change > 0).sum())
    rank = {"change": own_change, "periods_before": n_before, "periods_after": n_after}
    rank |= {"n_pairs": len(change), "n_rose": n_rose, "p_value": share}
    ranked = change.reset_index().sort_values("change", ascending=False, ignore_index=True)
    return Result(
        table=ranked,
        name=f"Change of reported co-operation at {day.date()}, by pair",
        kind="changes",
        query=query,
        unit="pairs of states",
        n=len(change),
        sources=everyone.sources,
        findings=(
            f"Mean rate of {whose} from the {every} of {day.date()} on, less the mean before: "
            f"{own_change:+.2f} acts per 1,000 of the source ({n_after} {every}s, {n_before} "
            f"before). Of {len(change)} pairs with an act a {every} or more, {share:.0%} changed "
            f"by as much or more, in either direction. {n_rose} of them rose.",
        ),
        tables={"rank": pd.DataFrame([rank])},
    )
