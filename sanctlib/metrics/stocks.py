"""Count the sanctions in force per period and group. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.typing import NaTType

from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, in_words, period_end, period_start
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics._questions import (
    FLAGS,
    by_target,
    cases_by,
    check_kind,
    check_one_measure,
    check_rule,
    check_width,
    coverage_of,
    covered_groups,
    group_codes,
    groups_that_existed,
    laid_out,
    named_groups,
    of_senders,
    parts,
    periods_asked,
    with_sender,
)
from sanctlib.metrics.counts import notes_of
from sanctlib.query import Day, Query, TargetRule, ask
from sanctlib.result import Result

At: TypeAlias = Literal["any_day", "end_of_period"]
Stock: TypeAlias = Literal["legal", "in_force"]

_FLOWS = ("added", "removed", "moved_in", "moved_out")
_COUNTS = ("n", "lower", "upper", "opening", *_FLOWS, "closing", "left_censored", "right_censored")
_SEEN = {"list_changes": ("to",), "listings": ("listed", "delisted"), "cases": ("start", "end")}
_SCENARIOS = ("n", "lower", "upper", "left_censored", "right_censored")

# Open ends and unknown beginnings as days, so that min and max order them.
NEVER = pd.Timestamp("9999-12-31")
_BEFORE = pd.Timestamp("0001-01-01")


def active_sanctions(
    table: AnyTable,
    *,
    every: Period,
    at: At = "any_day",
    by: Sequence[str] = ("target",),
    stock: Stock = "legal",
    target_rule: TargetRule = "programme",
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> Result:
    """
    Count the sanctions in force per period and group, with additions and removals.

    Two numbers have this name. On any day of a period t,
    ``any_day(t) = any_day(t-1) - removed(t-1) - moved_out(t-1) + added(t) + moved_in(t)``;
    after its last day,
    ``closing(t) = closing(t-1) + added(t) - removed(t) + moved_in(t) - moved_out(t)``.
    They differ by what ended within the period: the Global Sanctions Data Base counts a
    case that ended in March as active that year, and a list at New Year does not hold it.

    Parameters
    ----------
    table : frame, path, Reading or Result
        list_changes or listings (entities, once under however many programmes) or cases
        (those imposed).
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    at : {"any_day", "end_of_period"}, default "any_day"
        Whether ``n`` counts what was in force on any day of the period, or after its last.
    by : sequence of str, default ("target",)
        ``sender``, ``target``, ``measure``, ``objective``, ``programme``, ``entity_type``,
        ``source`` or ``list``, as the table has them. May be empty.
    stock : {"legal", "in_force"}, default "legal"
        For cases: one that was suspended stays in law, and is not in force.
    target_rule : {"programme", "conduct", "address"}, default "programme"
        Whom a sanction targets, as in `sanction_counts`: the state at which the
        programme is directed, or the place of the entity.
    start, end : day, optional
        First and last day of the periods returned, as ISO text ("2022", "2022-03",
        "2022-03-01"), date, datetime, Timestamp, datetime64 or Period. What began before
        counts.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. Without
        coverage only observed periods are returned, and no zeros.
    senders, targets : sequence of str, optional
        Only these states or bodies, as codes or names.

    Returns
    -------
    Result
        Its table has ``period`` (first day), the keys, ``unit``, ``at``, ``n`` with its
        bounds ``lower`` and ``upper``, then ``opening``, ``added``, ``removed``, ``moved_in``,
        ``moved_out``, ``closing`` (Int64). ``n`` counts what is certainly in force where days
        are known to a period; where an end is not known, it ends with the period it began in,
        and stays in ``upper``. With archived versions, a change counts in the period of the
        version that first shows it, and the bounds move it to any day since the version
        before. ``left_censored`` and ``right_censored`` count those in the stock that began
        before the coverage and that are open at its end (missing for archived versions,
        which do not say). ``covered`` and ``additive`` are as in `sanction_counts`. A list of
        current entries covers nothing before its own day: no ``upper``, no zeros. Where it
        has no days of listing, the stock of its own day is known, and ``added`` is not. In a
        period cut by the end of the coverage, it is the stock of the last day known.

    Raises
    ------
    SanctlibError
        When the table has no spells, all its cases are dated more widely than a period, or
        a list is asked what is suspended.
    MissingColumnsError
        When the table lacks a key.

    Examples
    --------
    >>> cases = pd.DataFrame({
    ...     "source": "own", "case_id": ["1", "2"], "sender": "USA", "target": "RUS",
    ...     "start": pd.to_datetime(["2019-03-01", "2020-01-01"]),
    ...     "start_last": pd.to_datetime(["2019-03-01", "2020-01-01"]),
    ...     "end": pd.to_datetime(["2020-05-01", None]),
    ...     "end_last": pd.to_datetime(["2020-05-01", None]), "ongoing": [False, True],
    ... })
    >>> known = Coverage(source="own", first="2019-01-01", last="2021-12-31")
    >>> stocks = active_sanctions(cases, every="year", at="any_day", coverage=known)
    >>> stocks.table[["period", "target", "n", "opening", "added", "removed", "closing"]]
          period target  n  opening  added  removed  closing
    0 2019-01-01    RUS  1        0      1        0        1
    1 2020-01-01    RUS  2        1      1        1        1
    2 2021-01-01    RUS  1        1      0        0        1
    """
    check_choice(at, ("any_day", "end_of_period"), what="at")
    check_choice(stock, ("legal", "in_force"), what="stock")
    with opened(table, coverage=coverage) as source:
        query = ask(
            every=every,
            by=by,
            unit="case" if source.kind == "cases" else "entity",
            target_rule=target_rule,
            start=start,
            end=end,
            senders=senders,
            targets=targets,
        )
        hint = " Acts have a day and no end: count them with sl.sanction_counts."
        check_kind(source, *_SEEN, hint=hint)
        check_rule(source, query)
        check_one_measure(source, query)
        check_width(source, query)
        if stock == "in_force" and source.kind != "cases":
            msg = f"stock is 'in_force', and {source.kind} do not state what is suspended."
            raise SanctlibError(f'{msg} Use stock="legal".')
        spells, known = with_sender(source.small()), coverage_of(source)
    seen = pd.concat([spells[c] for c in _SEEN[source.kind] if c in spells], ignore_index=True)
    seen = period_start(seen.dropna(), every=every)
    # Where nobody said what is covered, the days that the table names are what is known.
    # What began before the coverage is its opening stock, and makes no period of its own.
    periods, covered = periods_asked(seen if known is None else seen.iloc[:0], query, known)
    spells = of_senders(spells, query)
    flows = _flows(source, spells, query, stock)
    more = named_groups(query) if known is not None else None
    codes, groups = group_codes(flows, query.by, more=more)
    sums = _sums(flows, codes, periods, n_groups=len(groups), at=at)
    flows = _flows(source, spells, replace(query, by=()), stock)
    one = np.zeros(len(flows), dtype=np.int64)
    undivided = _sums(flows, one, periods, n_groups=1, at=at)["n"][0]
    told = covered_groups(groups, query, known)
    there = groups_that_existed(groups, periods, every=every)
    adds_up = np.array_equal(sums["n"].sum(axis=0), undivided)
    columns = {
        "at": at,
        **{name: pd.array(sums[name].ravel(), dtype="Int64") for name in _COUNTS},
        "covered": pd.array((np.outer(told, covered) & there).ravel(), dtype="boolean"),
        "additive": adds_up and not FLAGS.keys() & {*query.by},
    }
    everywhere = np.arange(len(groups) * len(periods))
    stocks = laid_out(groups.assign(unit=query.unit), periods, everywhere, columns)
    if source.kind == "list_changes":
        stocks[["left_censored", "right_censored"]] = pd.NA
    if known is None:
        stocks[["left_censored", "covered"]] = pd.NA
        stocks = stocks[stocks[["upper", *_FLOWS]].sum(axis=1).gt(0)]
    else:
        stocks = _known(stocks, seen, known, query, at)
    # On a list without days of listing, nobody knows which entries came in the period.
    undated = sums["held"].ravel()[stocks.index] > 0
    stocks.loc[undated, ["opening", "added", "left_censored"]] = pd.NA
    if {"sender", "target"} <= {*query.by}:
        # A state with itself is no pair, unless the data have one.
        stocks = stocks[stocks["sender"].ne(stocks["target"]) | stocks["upper"].gt(0)]
    types = {"covered": "boolean", "left_censored": "Int64", "right_censored": "Int64"}
    stocks = stocks.astype(types).reset_index(drop=True)
    words = "cases of sanctions in force" if query.unit == "case" else "entities on the list"
    words += " at the end of the period" if at == "end_of_period" else " on any day of the period"
    last = undivided[covered] if known is not None else undivided
    return Result(
        table=stocks,
        kind="stock",
        name=f"{words[0].upper()}{words[1:]}",
        query=query,
        unit=words,
        n=int(last[-1]) if len(last) else None,
        sources=(source.source,),
        notes=notes_of(source),
        findings=_findings(stocks, query, words, source),
    )


def _known(
    stocks: pd.DataFrame, seen: pd.Series, coverage: Coverage, query: Query, at: At
) -> pd.DataFrame:
    """Blank what the coverage does not tell: periods outside it, and what a list has lost."""
    last, days = pd.Timestamp(coverage.last), stocks["period"]
    nothing = stocks[["upper", "opening", *_FLOWS]].sum(axis=1).eq(0)
    changed = days.isin(seen)
    if coverage.survivors:
        # The list was seen on its own day, whether or not something changed that day.
        changed |= days.isin(period_start(pd.Series([last]), every=query.every))
    stocks.loc[~stocks["covered"] & (nothing | ~changed), list(_COUNTS)] = pd.NA
    if coverage.survivors:
        # Before the list's own day, what was removed since was there too.
        before = (days if at == "any_day" else period_end(days, every=query.every)).lt(last)
        stocks.loc[before, "upper"] = pd.NA
        stocks.loc[before, "covered"] = False
        stocks.loc[before & stocks["n"].eq(0), list(_COUNTS)] = pd.NA
    return stocks


def _findings(stocks: pd.DataFrame, query: Query, words: str, source: Opened) -> tuple[str, ...]:
    """Return the stock of each group in the last period that has one, largest first."""
    seen = stocks[stocks["n"].notna() & stocks["period"].notna()]
    if seen.empty:
        return (f"What is requested is not covered by {source.name}.",)
    last = seen[seen["period"].eq(seen["period"].max())]
    span = in_words(last["period"].max(), last["period"].max(), every=query.every)
    rows = last.sort_values("n", ascending=False, kind="stable").head(5)
    return tuple(
        f"{', '.join(name_of(row[key]) for key in query.by) or 'All'}: {int(row['n']):,} {words}, "
        f"{span} ({source.source.described()})."
        for row in rows.to_dict("records")
    )


def _flows(source: Opened, table: pd.DataFrame, query: Query, stock: Stock) -> pd.DataFrame:
    """Return what enters and leaves each group in each period, by scenario."""
    known = source.coverage
    if source.kind == "list_changes":
        return _flows_of_changes(table, query)
    if source.kind == "listings":
        return _flows_of_listings(table, query, known)
    spells = spells_of_cases(table, query, coverage=known, legal=stock == "legal")
    spells = spells.assign(held=False)
    # Dated so widely that it may be over before it surely began: nowhere sure.
    begun, over = (period_start(spells[c], every=query.every) for c in ("begin", "finish"))
    possible = spells.assign(begin=spells["possible_begin"], finish=spells["possible_finish"])
    return _flows_of_spells(spells[begun.le(over)], possible, query, known)


def _sums(
    flows: pd.DataFrame,
    codes: NDArray[np.int64],
    periods: pd.DatetimeIndex,
    *,
    n_groups: int,
    at: At,
) -> dict[str, NDArray[np.int64]]:
    """Return the sums of flows, and their stocks, of shape (groups, periods)."""
    # Column 0 holds what came before the first period: its opening.
    when = flows["period"].to_numpy()
    before = np.isnat(when) | (when < periods.min().to_datetime64())
    column = np.where(before, 0, np.searchsorted(periods.to_numpy(), when) + 1)
    kept = column <= len(periods)

    def total(scenario: str, *names: str) -> NDArray[np.int64]:
        chosen = kept & (flows["scenario"].eq(scenario) & flows["flow"].isin(names)).to_numpy(bool)
        sums = np.zeros((n_groups, len(periods) + 1), dtype=np.int64)
        amount = flows["amount"].to_numpy(dtype=np.int64)[chosen]
        np.add.at(sums, (codes[chosen], column[chosen]), amount)
        return sums

    sums = {name: total("n", name)[:, 1:] for name in ("held", *_FLOWS)}
    for scenario in _SCENARIOS:
        came = total(scenario, "held", "added", "moved_in").cumsum(axis=1)
        left = total(scenario, "removed", "moved_out").cumsum(axis=1)
        # On any day: what left in the period was still there on its first day.
        sums[scenario] = came[:, 1:] - (left[:, :-1] if at == "any_day" else left[:, 1:])
        if scenario == "n":
            closing = came - left
            sums |= {"opening": closing[:, :-1], "closing": closing[:, 1:]}
    # An entity that is possibly there all along may surely be there twice on any day.
    sums["upper"] = np.maximum(sums["upper"], sums["n"])
    return sums


def _flows_of_changes(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """
    Return the flows of dated copies: changes by the copy that first shows them.

    Of entries that move between programme sets of one group, only the net enters or leaves it.
    """
    keys, column = list(query.by), "programmes"
    if "programme" in keys:
        table, column = parts(table, "programmes", name="programme"), "programme"
    rows = by_target(table, query, column=column)
    ids = ["source", "list", "programmes", "entity_type"]
    held = rows.sort_values("to", kind="stable").drop_duplicates([*dict.fromkeys([*ids, *keys])])
    intervals = rows.groupby([*keys, "from", "to"], dropna=False, sort=False)
    sums = intervals[[*_FLOWS]].sum().reset_index()
    net = sums["moved_in"] - sums["moved_out"]
    sums = sums.assign(moved_in=net.clip(lower=0), moved_out=(-net).clip(lower=0))
    late, early = (period_start(sums[c], every=query.every) for c in ("to", "from"))
    # By scenario: when what came has entered, and when what left has gone.
    scenarios = {"n": (late, late), "lower": (late, early), "upper": (early, late)}
    found = []
    for scenario, (enters, leaves) in scenarios.items():
        found.append(_flow(held[keys], scenario, "held", pd.NaT, held["opening"]))
        for flow in _FLOWS:
            period = enters if flow in ("added", "moved_in") else leaves
            found.append(_flow(sums[keys], scenario, flow, period, sums[flow]))
    return pd.concat(found, ignore_index=True)


def _flows_of_listings(
    table: pd.DataFrame, query: Query, coverage: Coverage | None
) -> pd.DataFrame:
    """
    Return the flows of spells on a list, an entity once per group at any time.

    A listing without a first day is possibly there from the beginning, and surely never; in a
    list of survivors, surely on its last day (``held`` in its period, and not ``added``).
    """
    rows = by_target(table, query, column="programme")
    entities = list(dict.fromkeys([*query.by, "source", "list", "entity_id"]))
    rows = rows.assign(
        begin=rows["listed"].fillna(_BEFORE),
        finish=rows["delisted"].fillna(NEVER) if "delisted" in rows else NEVER,
        held=rows["listed"].isna(),
    )
    if coverage is not None and coverage.survivors:
        sure = rows.assign(begin=rows["listed"].fillna(pd.Timestamp(coverage.last)))
        sure = sure[sure["begin"].le(sure["finish"])]
    else:
        sure = rows[~rows["held"]]
    return _flows_of_spells(_joined(sure, entities), _joined(rows, entities), query, coverage)


def _joined(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return spells of one entity in one group that touch as one spell."""
    rows = rows.sort_values([*keys, "begin"], na_position="last")
    latest = rows.groupby(keys, dropna=False, sort=False)["finish"].cummax()
    before = latest.groupby([rows[c] for c in keys], dropna=False, sort=False).shift()
    rows["block"] = (before.isna() | rows["begin"].gt(before)).cumsum()
    blocks = rows.groupby([*keys, "block"], dropna=False, sort=False)
    ends = {"begin": ("begin", "min"), "finish": ("finish", "max"), "held": ("held", "first")}
    return blocks.agg(**ends).reset_index()


def spells_of_cases(
    table: pd.DataFrame, query: Query, *, coverage: Coverage | None, legal: bool
) -> pd.DataFrame:
    """
    Return when each case imposed begins and ends, surely and possibly, once per group.

    An end that is not known is possibly never (`NEVER`) and surely not before the first
    day. A case that its source marks as ongoing is open where it has no end, or one that
    the end of coverage cut: it surely never ends.
    """
    if "imposed" in table:
        table = table[table["imposed"].fillna(value=True).to_numpy(dtype=bool)]
    table = cases_by(table, query)
    if not legal:
        check_columns(table, ["exit"])
    end = table["end"] if "end" in table else pd.Series(pd.NaT, table.index, "datetime64[us]")
    end_last = table["end_last"].fillna(end) if "end_last" in table else end
    cut = end.isna()
    if coverage is not None:
        cut |= end_last.ge(pd.Timestamp(coverage.last))
    is_open = table["ongoing"].fillna(value=False).astype("bool") & cut
    if legal and "exit" in table:
        is_open |= table["exit"].eq("suspended").fillna(value=False).astype("bool")
    first, last = table["start"], table["start_last"]
    if "imposed_start" in table:
        first, last = table["imposed_start"].fillna(first), table["imposed_start_last"].fillna(last)
    rows = table.assign(
        begin=last,
        possible_begin=first,
        finish=end.fillna(last).mask(is_open, NEVER),
        possible_finish=end_last.fillna(NEVER).mask(is_open, NEVER),
    )
    group = list(dict.fromkeys([*query.by, "source", "case_id"]))
    spells = rows.groupby(group, dropna=False, sort=False).agg(
        begin=("begin", "min"),
        possible_begin=("possible_begin", "min"),
        finish=("finish", "max"),
        possible_finish=("possible_finish", "max"),
    )
    return spells.reset_index()


def _flows_of_spells(
    sure: pd.DataFrame, possible: pd.DataFrame, query: Query, coverage: Coverage | None
) -> pd.DataFrame:
    first = _BEFORE if coverage is None else pd.Timestamp(coverage.first)
    chosen = {
        "n": sure,
        "lower": sure,
        "upper": possible,
        "left_censored": sure[sure["begin"].lt(first)],
        "right_censored": sure[sure["finish"].eq(NEVER)],
    }
    found = []
    for scenario, spells in chosen.items():
        begun, over = (period_start(spells[c], every=query.every) for c in ("begin", "finish"))
        held, ends = spells["held"], spells["finish"].ne(NEVER)
        keys = spells[list(query.by)]
        found += [
            _flow(keys[held], scenario, "held", begun, 1),
            _flow(keys[~held], scenario, "added", begun, 1),
            _flow(keys[ends], scenario, "removed", over, 1),
        ]
    return pd.concat(found, ignore_index=True)


def _flow(
    keys: pd.DataFrame,
    scenario: str,
    flow: str,
    period: pd.Series | NaTType,
    amount: pd.Series | int,
) -> pd.DataFrame:
    when = pd.Series(period, index=keys.index, dtype="datetime64[us]")
    return keys.assign(scenario=scenario, flow=flow, period=when, amount=amount)
