"""Stocks: the sanctions in force on any day of a period, or after its last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.frames import AnyTable, Opened, opened
from sanctlib.metrics.grid import (
    Days,
    covered_groups,
    covered_periods,
    grid_periods,
    group_codes,
    laid_out,
)
from sanctlib.metrics.spells import (
    FLOWS,
    SCENARIOS,
    flows_of_cases,
    flows_of_changes,
    flows_of_listings,
)
from sanctlib.metrics.tallies import RULES, TargetRule
from sanctlib.metrics.targets import SplitBy
from sanctlib.periods import PERIODS, Period, period_start

At: TypeAlias = Literal["any_day", "end_of_period"]
Stock: TypeAlias = Literal["legal", "in_force"]

_COUNTS = ("n", "lower", "upper", "opening", *FLOWS, "closing", "left_censored", "right_censored")
_SEEN = {"list_changes": ("to",), "listings": ("listed", "delisted"), "cases": ("start", "end")}


def active_sanctions(
    table: AnyTable,
    *,
    every: Period,
    at: At,
    by: Sequence[str] = ("target",),
    stock: Stock = "legal",
    target_rule: TargetRule = "programme",
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Count the sanctions in force per period and group, beside the flows that make them.

    Two numbers carry the name. On any day of a period t,
    ``any_day(t) = any_day(t-1) - removed(t-1) - moved_out(t-1) + added(t) + moved_in(t)``;
    after its last day,
    ``closing(t) = closing(t-1) + added(t) - removed(t) + moved_in(t) - moved_out(t)``.
    They differ by what ended within the period: the Global Sanctions Data Base counts a
    case that ended in March as active that year, a list at New Year does not hold it.

    Parameters
    ----------
    table : frame, path or Reading
        list_changes or listings (entities, once under however many programmes) or cases
        (those imposed).
    at : {"any_day", "end_of_period"}
    stock : {"legal", "in_force"}
        Of cases: one that was suspended stays in law, and is not in force.
    by, target_rule, start, end, coverage, senders, targets
        As in `sanction_counts`. `start` and `end` choose the periods returned; what
        began before counts.

    Returns
    -------
    stocks : DataFrame
        ``period``, the keys, ``unit``, ``at``, ``n`` with its bounds ``lower`` and
        ``upper``, then ``opening``, ``added``, ``removed``, ``moved_in``, ``moved_out``,
        ``closing`` (Int64). ``n`` counts what is surely in force where days are known to
        a period; where an end is not known, it ends with the period it began in, and
        stays in ``upper``. For dated copies, a change counts in the period of the copy
        that first shows it, and the bounds move it to any day since the copy before.
        ``left_censored`` and ``right_censored`` count those in the stock that began
        before the coverage and that are open at its end (missing for dated copies, which
        do not say). ``covered`` and ``additive`` as in `sanction_counts`.

    Raises
    ------
    SanctlibError
        When the table has no spells, or lists are asked what is suspended.
    MissingColumnsError
        When the table lacks a key.

    Examples
    --------
    >>> from datetime import date
    >>> import pandas as pd
    >>> from sanctlib.coverage import Coverage
    >>> from sanctlib.metrics.stocks import active_sanctions
    >>> cases = pd.DataFrame({
    ...     "source": "own", "case_id": ["1", "2"], "sender": "USA", "target": "RUS",
    ...     "start": pd.to_datetime(["2019-03-01", "2020-01-01"]),
    ...     "start_last": pd.to_datetime(["2019-03-01", "2020-01-01"]),
    ...     "end": pd.to_datetime(["2020-05-01", None]),
    ...     "end_last": pd.to_datetime(["2020-05-01", None]), "ongoing": [False, True],
    ... })
    >>> known = Coverage(source="own", first=date(2019, 1, 1), last=date(2021, 12, 31))
    >>> stocks = active_sanctions(cases, every="year", at="any_day", coverage=known)
    >>> stocks[["period", "target", "n", "opening", "added", "removed", "closing"]]
          period target  n  opening  added  removed  closing
    0 2019-01-01    RUS  1        0      1        0        1
    1 2020-01-01    RUS  2        1      1        1        1
    2 2021-01-01    RUS  1        1      0        0        1
    """
    check_choice(every, PERIODS, what="period", needed_by="active_sanctions")
    check_choice(at, ("any_day", "end_of_period"), what="stock", needed_by="active_sanctions")
    check_choice(stock, ("legal", "in_force"), what="stock", needed_by="active_sanctions")
    with opened(table, needed_by="active_sanctions", coverage=coverage) as source:
        _check(source, stock, target_rule)
        spells = source.small(needed_by="active_sanctions")
    known, unit = source.coverage, "case" if source.kind == "cases" else "entity"
    keys = tuple(dict.fromkeys(_key(key, source) for key in by))
    columns = [c for c in _SEEN[source.kind] if c in spells]
    # Where nobody said what is covered, the days that the table names are what is known.
    seen = pd.concat([spells[c] for c in columns], ignore_index=True).dropna()
    if senders is not None:
        check_columns(spells.columns, ["sender"], needed_by="The choice of senders")
        spells = spells[spells["sender"].isin(senders)]
    asked = partial(
        _flows,
        source,
        spells,
        every=every,
        stock=stock,
        target_rule=target_rule,
        targets=targets,
    )
    flows, whole = asked(keys), asked(())
    days = Days(every=every, start=start, end=end)
    periods = _periods(seen, days, known)
    codes, groups = group_codes(flows, keys)
    sums = _sums(flows, codes, periods, n_groups=len(groups), at=at)
    one = np.zeros(len(whole), dtype=np.int64)
    undivided = _sums(whole, one, periods, n_groups=1, at=at)["n"]
    told = covered_groups(groups, coverage=known, asked=(senders, targets))
    stocks = laid_out(groups, periods, {name: sums[name] for name in _COUNTS})
    stocks[list(_COUNTS)] = stocks[list(_COUNTS)].astype("Int64")
    if source.kind == "list_changes":
        stocks[["left_censored", "right_censored"]] = pd.NA
    additive = "measure" not in keys and np.array_equal(sums["n"].sum(axis=0), undivided[0])
    stocks = stocks.assign(unit=unit, at=at, additive=additive)
    covered = covered_periods(periods, coverage=known, **days)
    order = ["period", *keys, "unit", "at", *_COUNTS, "covered", "additive"]
    if known is None:
        stocks["left_censored"] = pd.NA
        stocks["covered"] = pd.NA
        stocks = stocks[stocks[["upper", *FLOWS]].sum(axis=1).gt(0)]
    else:
        stocks["covered"] = np.outer(told, covered.to_numpy(dtype=bool)).ravel()
        here = period_start(seen, every=every).unique()
        blank = ~stocks["covered"] & ~stocks["period"].isin(here)
        stocks.loc[blank, list(_COUNTS)] = pd.NA
    types = {"covered": "boolean", "left_censored": "Int64", "right_censored": "Int64"}
    return stocks[order].astype(types).reset_index(drop=True)


def _key(key: str, source: Opened) -> str:
    is_list = source.kind in ("listings", "list_changes")
    return "list" if key == "sender" and is_list and key not in source.columns else key


def _flows(
    source: Opened,
    table: pd.DataFrame,
    keys: tuple[str, ...],
    *,
    every: Period,
    stock: Stock,
    target_rule: TargetRule,
    targets: Sequence[str] | None,
) -> pd.DataFrame:
    split = SplitBy(
        by=keys,
        address=target_rule == "address",
        targets=None if targets is None else tuple(targets),
        needed_by="active_sanctions",
    )
    known, legal = source.coverage, stock == "legal"
    if source.kind == "list_changes":
        return flows_of_changes(table, split, every=every)
    if source.kind == "listings":
        return flows_of_listings(table, split, every=every, coverage=known)
    return flows_of_cases(table, split, every=every, coverage=known, legal=legal)


def _check(source: Opened, stock: Stock, target_rule: TargetRule) -> None:
    who = "active_sanctions"
    if source.kind not in _SEEN:
        msg = f"{who} needs {' or '.join(_SEEN)}, and {source.name!r} holds {source.kind}."
        raise SanctlibError(f"{msg} Acts have a day, and no end.")
    if target_rule not in RULES[source.kind]:
        msg = f"{who}: {source.kind} know their targets by {' or '.join(RULES[source.kind])}"
        raise SanctlibError(f"{msg}, not by {target_rule!r}.")
    if stock == "in_force" and source.kind != "cases":
        msg = f"{who}: {source.kind} do not say what is suspended: they hold the stock in law."
        raise SanctlibError(f'{msg} Ask for stock="legal".')


def _periods(seen: pd.Series, days: Days, coverage: Coverage | None) -> pd.DatetimeIndex:
    every = days["every"]
    # What began before the coverage is its opening stock, and makes no period of its own.
    known = seen if coverage is None else seen.iloc[:0]
    periods = grid_periods(period_start(known, every=every), coverage=coverage, **days)
    first = pd.Series([days["start"], days["end"]]).astype("datetime64[us]")
    asked = period_start(first, every=every)
    if days["start"] is not None:
        periods = periods[periods >= asked[0]]
    return periods if days["end"] is None else periods[periods <= asked[1]]


def _sums(
    flows: pd.DataFrame,
    codes: NDArray[np.int64],
    periods: pd.DatetimeIndex,
    *,
    n_groups: int,
    at: At,
) -> dict[str, NDArray[np.int64]]:
    # Column 0 holds what came before the first period: its opening.
    when = flows["period"].to_numpy()
    where = np.searchsorted(periods.to_numpy(), when)
    column = np.where((where == 0) & ~np.isin(when, periods.to_numpy()), 0, where + 1)
    column = np.where(flows["period"].isna(), 0, column)
    amount = flows["amount"].to_numpy(dtype=np.int64)
    inside = column <= len(periods)

    def total(scenario: str, names: Sequence[str]) -> NDArray[np.int64]:
        sums = np.zeros((n_groups, len(periods) + 1), dtype=np.int64)
        chosen = flows["scenario"].eq(scenario) & flows["flow"].isin(names)
        picked = inside & chosen.to_numpy(dtype=bool)
        np.add.at(sums, (codes[picked], column[picked]), amount[picked])
        return sums

    found = {}
    for scenario in SCENARIOS:
        came = total(scenario, ("held", "added", "moved_in")).cumsum(axis=1)
        left = total(scenario, ("removed", "moved_out")).cumsum(axis=1)
        # On any day: what left in the period was still there on its first day.
        found[scenario] = came[:, 1:] - (left[:, :-1] if at == "any_day" else left[:, 1:])
        if scenario == "n":
            closing = came - left
            found |= {"opening": closing[:, :-1], "closing": closing[:, 1:]}
    return found | {name: total("n", (name,))[:, 1:] for name in FLOWS}
