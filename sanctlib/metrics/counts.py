"""Counts of sanctions: per period and key, in a named unit, with the band of their dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.frames import AnyTable, Opened, opened
from sanctlib.metrics.grid import (
    Days,
    covered_groups,
    covered_periods,
    grid_periods,
    group_codes,
    laid_out,
)
from sanctlib.metrics.tallies import Question, TargetRule, Unit, pieces_of
from sanctlib.periods import PERIODS, Period
from sanctlib.schema import ACTIONS, COUNTED_SANCTIONS


def sanction_counts(
    table: AnyTable,
    *,
    every: Period,
    unit: Unit,
    by: Sequence[str] = ("sender", "target"),
    actions: Sequence[str] = COUNTED_SANCTIONS,
    target_rule: TargetRule = "programme",
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Count new sanctions per period and group, in one unit.

    The same day gives different numbers by unit: on one day a government can publish
    one act, listing 40 firms (entities), three of them under two programmes (43
    designations). The unit fixes the table:

    - ``act`` (events, cells): distinct acts of the sender;
    - ``dyad`` (events): acts counted once for each sender and target;
    - ``case`` (cases): cases by their first day; ``coalition``: cases of the same
      senders, targets and first days counted once;
    - ``entity`` (listings, list_changes): entries first on the list, once under however
      many programmes;
    - ``designation`` (listings, list_changes, listing_counts): entry and programme newly
      together, so an entry of old that gains a programme counts.

    A change between two dated copies of a list counts in the period of the copy that
    first shows it. A list has one sender: without a column ``sender``, the column
    ``list`` stands in its place. A complete register is a census: there is no sampling
    interval, and ``lower`` and ``upper`` are the band over the dates that can be
    defended.

    Parameters
    ----------
    table : frame, path or Reading
        Events, cells, cases, listings, list_changes or listing_counts.
    by : sequence of str
        ``sender``, ``target``, ``measure``, ``programme``, ``action``, ``entity_type``,
        ``source`` or ``list``, as the table has them. May be empty.
    actions : sequence of str
        Actions of sanction that count. Of cases: ``impose`` or ``amend`` count those
        imposed, ``threaten`` those threatened. Lists hold impositions alone.
    target_rule : {"programme", "conduct", "address"}
        Whom a sanction targets: the state of the legal programme, those whose conduct
        the reasons name, or the place of the entity. A Belgian firm listed for
        supplying Russia counts for RUS, RUS and BEL.
    coverage : Coverage, optional
        By default that of the Reading or of the store. Without any, observed cells
        alone are returned, and ``covered`` is missing.

    Returns
    -------
    counts : DataFrame
        ``period``, the keys, ``unit``, ``n``, ``lower``, ``upper`` (Int64), then
        ``n_unplaced`` (things wider than a period: in the row of their group whose
        period is missing), ``covered`` (the source and the span hold every day of the
        period; where not, n is what was seen, and missing rather than 0) and
        ``additive`` (the groups add up to the things counted).

    Raises
    ------
    SanctlibError
        When the table does not have the unit or the rule, or an action is no sanction.
    MissingColumnsError
        When the table lacks a key.

    Examples
    --------
    >>> from datetime import date
    >>> import pandas as pd
    >>> from sanctlib.coverage import Coverage
    >>> from sanctlib.metrics.counts import sanction_counts
    >>> cells = pd.DataFrame({
    ...     "period": pd.to_datetime(["2018-01-01", "2018-03-01"]), "sender": "USA",
    ...     "target": "RUS", "mutual": False, "family": "sanction", "action": "impose",
    ...     "n_acts": [2, 1], "n_rows": [5, 1],
    ... })
    >>> known = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 3, 30))
    >>> counts = sanction_counts(cells, every="month", unit="act", coverage=known)
    >>> counts[["period", "sender", "target", "n", "covered"]]
          period sender target  n  covered
    0 2018-01-01    USA    RUS  2     True
    1 2018-02-01    USA    RUS  0     True
    2 2018-03-01    USA    RUS  1    False
    """
    check_choice(every, PERIODS, what="period", needed_by="sanction_counts")
    for action in actions:
        check_choice(action, ACTIONS["sanction"], what="sanction", needed_by="sanction_counts")
    if len(set(by)) < len(by):
        msg = f"sanction_counts needs each key once, and was asked for {tuple(by)!r}."
        raise SanctlibError(msg)
    with opened(table, needed_by="sanction_counts", coverage=coverage) as source:
        question = Question(
            every=every,
            by=tuple(dict.fromkeys(_key(key, source) for key in by)),
            unit=unit,
            actions=tuple(actions),
            target_rule=target_rule,
            start=start,
            end=end,
            senders=None if senders is None else tuple(senders),
            targets=None if targets is None else tuple(targets),
        )
        pieces = pieces_of(source, question)
        whole = pieces_of(source, replace(question, by=_undivided(question)))
        known = source.coverage
    counts = _counts(pieces, question, known)
    # An act on two states is in two groups; a measure is a flag and no part of anything.
    additive = "measure" not in question.by and _total(pieces) == _total(whole)
    return counts.assign(additive=additive)


def _key(key: str, source: Opened) -> str:
    is_list = source.kind in ("listings", "list_changes", "listing_counts")
    return "list" if key == "sender" and is_list and key not in source.columns else key


def _undivided(question: Question) -> tuple[str, ...]:
    # A dyad of an act with the states named in its reasons has no name but its target.
    named = question.unit == "dyad" and question.target_rule != "programme"
    return ("target",) if named else ()


def _total(pieces: pd.DataFrame) -> int:
    return int(pieces.loc[pieces["counted"] | pieces["unplaced"], "n"].sum())


def _counts(pieces: pd.DataFrame, question: Question, coverage: Coverage | None) -> pd.DataFrame:
    days = Days(every=question.every, start=question.start, end=question.end)
    counted = pieces["counted"].to_numpy(dtype=bool)
    periods = grid_periods(pieces.loc[counted, "last"], coverage=coverage, **days)
    more = _wanted(question) if coverage is not None else None
    codes, groups = group_codes(pieces, question.by, more=more)
    n = _at(pieces, codes, counted, periods, len(groups))
    sure = pieces["sure"].to_numpy(dtype=bool)
    lower = _at(pieces, codes, sure, periods, len(groups))
    upper = _over(pieces, codes, periods, len(groups))
    table = laid_out(groups, periods, {"n": n, "lower": lower, "upper": upper})
    counts = ["n", "lower", "upper"]
    table[counts] = table[counts].astype("Int64")
    asked = (question.senders, question.targets)
    covered = covered_periods(periods, coverage=coverage, **days)
    if coverage is None:
        table["covered"] = pd.Series(pd.NA, index=table.index, dtype="boolean")
        table = table[table["n"].gt(0)]
    else:
        told = covered_groups(groups, coverage=coverage, asked=asked)
        table["covered"] = np.outer(told, covered.to_numpy(dtype=bool)).ravel()
        table["covered"] = table["covered"].astype("boolean")
        table.loc[~table["covered"] & table["n"].eq(0), ["n", "lower"]] = pd.NA
        table.loc[~table["covered"], "upper"] = pd.NA
    table = table.assign(n_unplaced=0)
    lost = pieces["unplaced"].to_numpy(dtype=bool)
    n_lost = np.bincount(codes[lost], pieces["n"].to_numpy()[lost], minlength=len(groups))
    unplaced = groups[n_lost > 0].assign(n_unplaced=n_lost[n_lost > 0].astype("int64"))
    for name in ("period", *counts, "covered"):
        unplaced[name] = pd.Series(pd.NA, index=unplaced.index).astype(table[name].dtype)
    table = pd.concat([table, unplaced]) if len(unplaced) else table
    table = table.assign(unit=question.unit)
    order = ["period", *question.by, "unit", *counts, "n_unplaced", "covered"]
    keys = [*question.by, "period"]
    return table[order].sort_values(keys, na_position="last", ignore_index=True)


def _wanted(question: Question) -> pd.DataFrame | None:
    lists = {"sender": question.senders, "target": question.targets}
    asked = [lists.get(key) for key in question.by]
    if not question.by or any(names is None for names in asked):
        return None
    rows = list(product(*(names or () for names in asked)))
    return pd.DataFrame(rows, columns=list(question.by), dtype="str")


def _at(
    pieces: pd.DataFrame,
    codes: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    periods: pd.DatetimeIndex,
    n_groups: int,
) -> NDArray[np.int64]:
    counts = np.zeros((n_groups, len(periods)), dtype=np.int64)
    where = periods.get_indexer(pd.DatetimeIndex(pieces["last"]))
    kept = chosen & (where >= 0)
    np.add.at(counts, (codes[kept], where[kept]), pieces["n"].to_numpy()[kept])
    return counts


def _over(
    pieces: pd.DataFrame, codes: NDArray[np.int64], periods: pd.DatetimeIndex, n_groups: int
) -> NDArray[np.int64]:
    # n enters in the first period it can lie in and leaves after the last; a thing whose
    # periods are not known can lie in any.
    steps = np.zeros((n_groups, len(periods) + 1), dtype=np.int64)
    known = pieces["first"].notna().to_numpy()
    begins = np.searchsorted(periods.to_numpy(), pieces["first"].to_numpy())
    ends = np.searchsorted(periods.to_numpy(), pieces["last"].to_numpy(), side="right")
    n = pieces["n"].to_numpy()
    np.add.at(steps, (codes, np.where(known, begins, 0)), n)
    np.add.at(steps, (codes, np.where(known, ends, len(periods))), -n)
    return steps.cumsum(axis=1)[:, :-1]
