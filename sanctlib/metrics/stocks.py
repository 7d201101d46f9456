"""Count the sanctions in force per period and group. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, in_words, period_end, period_start
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.metrics._flows import (
    FLOWS,
    between_versions,
    check_between,
    flows_of_changes,
    flows_of_listings,
    flows_of_spells,
    spells_of_cases,
    with_versions,
)
from sanctlib.metrics._questions import (
    FLAGS,
    Flags,
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
    periods_asked,
    with_sender,
)
from sanctlib.metrics.counts import notes_of
from sanctlib.query import Between, Day, Query, TargetRule, ask
from sanctlib.result import Result

At: TypeAlias = Literal["any_day", "end_of_period"]
Stock: TypeAlias = Literal["legal", "in_force"]

_COUNTS = ("n", "lower", "upper", "opening", *FLOWS, "closing", "left_censored", "right_censored")
_SEEN = {"list_changes": ("to",), "listings": ("listed", "delisted"), "cases": ("start", "end")}
_WHEN = {"end_of_period": "at the end", "any_day": "on any day"}
_SCENARIOS = ("n", "lower", "upper", "left_censored", "right_censored")


_TYPES = {"covered": "boolean", "left_censored": "Int64", "right_censored": "Int64"}


def active_sanctions(
    table: AnyTable,
    *,
    every: Period,
    at: At = "any_day",
    by: Sequence[str] = ("target",),
    stock: Stock = "legal",
    target_rule: TargetRule = "programme",
    between: Between | None = None,
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
    between : {"versions"}, optional
        With list_changes: the stock of the version nearest to the end of each period, at most
        half a period away, and what changed since the one nearest to its beginning.
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
        and stays in ``upper``. With archived versions, a change may lie on any day between
        two of them: what that leaves open is missing, and ``lower`` and ``upper`` bound ``n``.
        Where only the numbers of entries are known, the bounds are the stock by the
        programmes of the last whole version, and by those of the next. With `between`,
        ``from`` and ``to`` are the two versions. ``left_censored`` and ``right_censored``
        count those in the stock that began before the coverage and that are open at its end
        (missing for archived versions, which do not say). ``covered`` and ``additive`` are as
        in `sanction_counts`. A list of
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
            between=between,
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
        check_between(source, query)
        if stock == "in_force" and source.kind != "cases":
            msg = f"stock is 'in_force', and {source.kind} do not state what is suspended."
            raise SanctlibError(f'{msg} Use stock="legal".')
        spells, known = with_sender(source.small()), coverage_of(source)
    if query.between is not None:
        spells, versions = between_versions(spells, every=query.every)
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
    whole = _flows(source, spells, replace(query, by=()), stock)
    undivided = _sums(whole, np.zeros(len(whole), np.int64), periods, n_groups=1, at=at)["n"][0]
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
        stocks = _blanked(stocks, _unsure(flows, codes, sums, periods))
    if query.between is not None:
        stocks = with_versions(stocks, versions, FLOWS)
    if known is None:
        stocks[["left_censored", "covered"]] = pd.NA
        stocks = stocks[stocks[["upper", *FLOWS]].sum(axis=1).gt(0)]
    else:
        stocks = _known(stocks, seen, known, query, at)
    # On a list without days of listing, nobody knows which entries came in the period.
    undated = sums["held"].ravel()[stocks.index] > 0
    stocks.loc[undated, ["opening", "added", "left_censored"]] = pd.NA
    if {"sender", "target"} <= {*query.by}:
        # A state with itself is no pair, unless the data have one.
        stocks = stocks[stocks["sender"].ne(stocks["target"]) | stocks["upper"].gt(0)]
    stocks = stocks.astype(_TYPES).reset_index(drop=True)
    what = "cases of sanctions in force" if query.unit == "case" else "entities on the list"
    words = f"{what} {_WHEN[at]} of the period"
    last = undivided if known is None else undivided[covered]
    return Result(
        table=stocks,
        kind="stock",
        name=f"{words[0].upper()}{words[1:]}",
        query=query,
        unit=words,
        n=int(last[-1]) if len(last) else None,
        sources=(source.source,),
        notes=notes_of(source, between=between),
        findings=_findings(stocks, query, words, source),
    )


def _blanked(stocks: pd.DataFrame, unsure: Mapping[str, Flags]) -> pd.DataFrame:
    """Blank what versions of a list do not tell: when entries came, and what lies between two."""
    stocks[["left_censored", "right_censored"]] = pd.NA
    for name, where in unsure.items():
        stocks.loc[where.ravel(), name] = pd.NA
    return stocks


def _known(
    stocks: pd.DataFrame, seen: pd.Series, coverage: Coverage, query: Query, at: At
) -> pd.DataFrame:
    """Blank what the coverage does not tell: periods outside it, and what a list has lost."""
    last, days = pd.Timestamp(coverage.last), stocks["period"]
    nothing = stocks[["upper", "opening", *FLOWS]].sum(axis=1).eq(0)
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
        return (f"What is requested is not covered (source: {source.source.name}).",)
    last = seen[seen["period"].eq(seen["period"].max())]
    span = in_words(last["period"].max(), last["period"].max(), every=query.every)
    span += ", by the version nearest to its end" if query.between else ""
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
        return flows_of_changes(table, query)
    if source.kind == "listings":
        return flows_of_listings(table, query, known)
    spells = spells_of_cases(table, query, coverage=known, legal=stock == "legal")
    spells = spells.assign(held=False)
    # Dated so widely that it may be over before it surely began: nowhere sure.
    begun, over = (period_start(spells[c], every=query.every) for c in ("begin", "finish"))
    possible = spells.assign(begin=spells["possible_begin"], finish=spells["possible_finish"])
    return flows_of_spells(spells[begun.le(over)], possible, query, known)


def _totals(
    flows: pd.DataFrame, codes: NDArray[np.int64], periods: pd.DatetimeIndex, *, n_groups: int
) -> Callable[..., NDArray[np.int64]]:
    """Return what sums the flows of a scenario, of shape (groups, periods + 1)."""
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

    return total


def _unsure(
    flows: pd.DataFrame,
    codes: NDArray[np.int64],
    sums: Mapping[str, NDArray[np.int64]],
    periods: pd.DatetimeIndex,
) -> dict[str, Flags]:
    """Return where stocks and flows are not known: a change may lie in several periods."""
    total = _totals(flows, codes, periods, n_groups=len(sums["n"]))
    unsure = {"n": sums["lower"] < sums["upper"]}
    for end in ("opening", "closing"):
        unsure[end] = sums[f"{end}_lower"] != sums[f"{end}_upper"]
    for flow in FLOWS:
        begun, over = (total(side, flow).cumsum(axis=1) for side in ("wide_from", "wide_to"))
        unsure[flow] = begun[:, 1:] > over[:, :-1]
    return unsure


def _sums(
    flows: pd.DataFrame,
    codes: NDArray[np.int64],
    periods: pd.DatetimeIndex,
    *,
    n_groups: int,
    at: At,
) -> dict[str, NDArray[np.int64]]:
    """Return the sums of flows, and their stocks, of shape (groups, periods)."""
    total = _totals(flows, codes, periods, n_groups=n_groups)
    sums = {name: total("n", name)[:, 1:] for name in ("held", *FLOWS)}
    for scenario in _SCENARIOS:
        came = total(scenario, "held", "added", "moved_in").cumsum(axis=1)
        left = total(scenario, "removed", "moved_out").cumsum(axis=1)
        # On any day: what left in the period was still there on its first day.
        sums[scenario] = came[:, 1:] - (left[:, :-1] if at == "any_day" else left[:, 1:])
        closing = came - left
        end = "" if scenario == "n" else f"_{scenario}"
        sums |= {f"opening{end}": closing[:, :-1], f"closing{end}": closing[:, 1:]}
    # An entity that is possibly there all along may surely be there twice on any day.
    sums["upper"] = np.maximum(sums["upper"], sums["n"])
    return sums
