"""Counts of sanctions: per period and key, in a named unit, with the band of their dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, SanctlibError, check_choice, check_list
from sanctlib.frames import AnyTable, Opened, opened
from sanctlib.metrics.grid import covered_groups, group_codes, laid_out, lived_groups, periods_asked
from sanctlib.metrics.intervals import Process, count_intervals
from sanctlib.metrics.questions import (
    FLAGS,
    Dated,
    Question,
    TargetRule,
    Unit,
    check_width,
    keys_of,
    wanted,
)
from sanctlib.metrics.tallies import pieces_of
from sanctlib.periods import PERIODS, Period
from sanctlib.schema import ACTIONS, COUNTED_SANCTIONS

Places: TypeAlias = NDArray[np.int64]


def sanction_counts(
    table: AnyTable,
    *,
    every: Period,
    unit: Unit,
    by: Sequence[str] = ("sender", "target"),
    actions: Sequence[str] = COUNTED_SANCTIONS,
    target_rule: TargetRule = "programme",
    dated: Dated = "date",
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    interval: Process | None = None,
    level: float = 0.95,
    seed: int = 1,
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
    interval unless one is asked for, and ``lower`` and ``upper`` are the band over the
    dates that can be defended. A list as it stands holds survivors: what was removed is
    not in it, so before its own day nothing is covered: what it shows is a lower bound, and
    where it shows nothing the count is missing. Of a hand-picked list the periods with acts
    are returned: its silence is no zero.

    Parameters
    ----------
    table : frame, path or Reading
        Events, cells, cases, listings, list_changes or listing_counts.
    by : sequence of str
        ``sender``, ``target``, ``measure``, ``objective``, ``trade_extent`` (of cases),
        ``programme``, ``action``, ``entity_type``, ``source`` or ``list``, as the table has
        them. May be empty.
    actions : sequence of str
        Actions of sanction that count. Of cases: ``impose`` or ``amend`` count those
        imposed, ``threaten`` those threatened. Lists hold impositions alone.
    target_rule : {"programme", "conduct", "address"}
        Whom a sanction targets: the state of the legal programme, those whose conduct
        the reasons name, or the place of the entity. A Belgian firm listed for
        supplying Russia counts for RUS, RUS and BEL.
    dated : {"date", "announced", "effective"}
        Of events: the day that counts. An act without that day counts by its ``date``;
        how many those are is ``n_fallback``. `compare_dates` shows all three.
    coverage : Coverage, optional
        By default that of the Reading or of the store. Without any, observed cells
        alone are returned, and ``covered`` is missing.
    interval : {"dispersion", "block_bootstrap"}, optional
        The process that could have given other counts: ``dispersion`` is Poisson's, widened
        by the dispersion of the group around its mean, for each period's expected count;
        ``block_bootstrap`` draws blocks of consecutive periods, for the group's mean per
        period, the same in all its rows. Needs coverage.
    level, seed
        Of the interval, 0-1, and of its draws.

    Returns
    -------
    counts : DataFrame
        ``period``, the keys, ``unit``, ``n``, ``lower``, ``upper`` (Int64), then
        ``n_unplaced`` (things wider than a period: in the row of their group whose
        period is missing), ``covered`` (its states existed, the source can name its
        sender, and source and span hold every day of the period; where not, n is what was
        seen, and missing rather than 0) and
        ``additive`` (the groups add up to the things counted). If asked for,
        ``n_fallback``, and ``interval`` (the process in words), ``mean`` (of the group's
        covered periods), ``interval_lower``, ``interval_upper``.

    Raises
    ------
    SanctlibError
        When the table does not have the unit, the rule or the day, or an action is no
        sanction; when all cases are dated more widely than a period; for an interval of
        survivors or without coverage.
    CuratedError
        For an interval of a hand-picked list.
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
    check_list(actions, what="actions", needed_by="sanction_counts")
    for action in actions:
        check_choice(action, ACTIONS["sanction"], what="sanction", needed_by="sanction_counts")
    with opened(table, needed_by="sanction_counts", coverage=coverage) as source:
        question = Question(
            every=every,
            by=keys_of(source, by, needed_by="sanction_counts"),
            unit=unit,
            actions=actions,
            target_rule=target_rule,
            dated=dated,
            start=start,
            end=end,
            senders=senders,
            targets=targets,
        )
        check_width(source, question)
        pieces = pieces_of(source, question)
        # A dyad of an act with the states named in its reasons has no name but its target.
        named = unit == "dyad" and target_rule != "programme"
        parted = not source.acts_are_rows or target_rule != "programme"
        fewer = replace(question, by=("target",) if named else ())
        whole = pieces_of(source, fewer) if parted else pieces
        # A list whose rows were chosen covers nothing: what is not on it may have been.
        known = None if source.curated else source.coverage
        if interval is not None:
            _check_interval(source, known)
    # An act on two states is in two groups; a measure is a flag and no part of anything.
    additive = not FLAGS.keys() & set(question.by) and _total(pieces) == _total(whole)
    counts = _counts(pieces, question, known).assign(additive=additive)
    if interval is None:
        return counts
    keys = question.by
    return count_intervals(counts, by=keys, process=interval, level=level, seed=seed)


def _check_interval(source: Opened, coverage: Coverage | None) -> None:
    who = "The interval of sanction_counts"
    if source.curated:
        raise CuratedError(f"{who} cannot use {source.name!r}: a hand-picked list has no interval.")
    if coverage is None:
        msg = f"{who} needs to know what {source.name!r} covers: outside it a zero is not known."
        raise SanctlibError(f"{msg} Pass coverage=….")
    if coverage.survivors:
        msg = f"{who} cannot use {source.name!r}: what was removed from the list is not in it,"
        raise SanctlibError(f"{msg} so its counts are lower bounds.")


def _total(pieces: pd.DataFrame) -> int:
    return int(pieces.loc[pieces["counted"] | pieces["unplaced"], "n"].sum())


def _counts(pieces: pd.DataFrame, question: Question, coverage: Coverage | None) -> pd.DataFrame:
    counted, unplaced, inside = (
        pieces[c].to_numpy(dtype=bool) for c in ("counted", "unplaced", "inside")
    )
    periods, covered = periods_asked(
        pieces.loc[counted, "last"],
        every=question.every,
        start=question.start,
        end=question.end,
        coverage=coverage,
    )
    more = wanted(question) if coverage is not None else None
    codes, groups = group_codes(pieces, question.by, more=more)
    sure = inside & pieces["first"].eq(pieces["last"]).to_numpy(dtype=bool)
    # Each group has a slot for every period, and one more for what has no period.
    slots = pd.DatetimeIndex([*periods, pd.NaT], dtype="datetime64[us]")
    base, n = codes * len(slots), pieces["n"].to_numpy(dtype=np.int64)
    # Things whose periods are not known can lie in any.
    known = pieces["first"].notna().to_numpy()
    first = np.searchsorted(periods.to_numpy(), pieces["first"].to_numpy())
    after = np.searchsorted(periods.to_numpy(), pieces["last"].to_numpy(), side="right")
    first, after = base + np.where(known, first, 0), base + np.where(known, after, len(periods))
    last, lost = after - 1, base + len(periods)
    at = np.unique(np.concatenate([last[counted & (n > 0)], lost[unplaced & (n > 0)]]))
    if coverage is not None:
        shown = np.ones((len(groups), len(slots)), dtype=bool)
        shown[:, -1] = False
        shown.flat[at] = True
        at = np.flatnonzero(shown)
    held = {
        "n": _held(at, last[counted], after[counted], n[counted]),
        "upper": _held(at, first, after, n),
    }
    # Where all that is counted is sure, the least is the number.
    same = np.array_equal(sure, counted)
    held["lower"] = held["n"].copy() if same else _held(at, last[sure], after[sure], n[sure])
    n_unplaced = _held(at, lost[unplaced], lost[unplaced] + 1, n[unplaced])
    more_n = {}
    if "n_fallback" in pieces:
        fell = pieces["n_fallback"].to_numpy(dtype=np.int64)
        own = _held(at, last[counted], after[counted], fell[counted])
        own += _held(at, lost[unplaced], lost[unplaced] + 1, fell[unplaced])
        more_n = {"n_fallback": own}
    no_period = at % len(slots) == len(periods)
    here = ~no_period
    if coverage is not None:
        asked = {"senders": question.senders, "targets": question.targets}
        told = covered_groups(groups, coverage=coverage, **asked)
        there = lived_groups(groups, periods, every=question.every)
        inside_of = np.column_stack([np.outer(told, covered) & there, np.zeros(len(groups), bool)])
        # What was removed before the day of a list of survivors was listed too.
        gone = (slots < pd.Timestamp(coverage.last))[at % len(slots)] & coverage.survivors
        here = inside_of.ravel()[at] & ~gone
    blank = no_period | (~here & (held["n"] == 0))
    blanks = {"n": blank, "lower": blank.copy(), "upper": no_period | ~here}
    unknown = no_period if coverage is not None else np.ones(len(at), dtype=bool)
    columns = {
        **{
            name: pd.arrays.IntegerArray(held[name], blanks[name])
            for name in ("n", "lower", "upper")
        },
        "n_unplaced": n_unplaced,
        **more_n,
        "covered": pd.arrays.BooleanArray(here, unknown),
    }
    return laid_out(groups.assign(unit=question.unit), slots, at, columns)


def _held(at: Places, first: Places, after: Places, n: Places) -> Places:
    # What has begun by each slot, less what is over by then.
    change = np.zeros(len(at) + 1, dtype=np.int64)
    for places, step in ((first, n), (after, -n)):
        order = np.argsort(places)  # in order they are found fast
        np.add.at(change, np.searchsorted(at, places[order]), step[order])
    return change[:-1].cumsum()
