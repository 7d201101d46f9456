"""Count new sanctions per period and group. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, day_in_words, in_words
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import SanctlibError
from sanctlib.metrics._flows import between_versions, with_versions
from sanctlib.metrics._questions import (
    FLAGS,
    Flags,
    absent_from,
    check_covered,
    check_not_curated,
    check_one_measure,
    check_width,
    coded,
    coverage_of,
    covered_groups,
    group_codes,
    groups_that_existed,
    laid_out,
    named_groups,
    periods_asked,
    silent_on,
    uncoded_in,
)
from sanctlib.metrics.intervals import COVERS, Process, count_intervals
from sanctlib.metrics.units import basis_note, named, pieces_of
from sanctlib.query import (
    Between,
    Dated,
    Day,
    Query,
    TargetRule,
    Unit,
    ask,
    choices_of,
)
from sanctlib.result import Result
from sanctlib.schema import ACTIONS, COUNTED_SANCTIONS

Places: TypeAlias = NDArray[np.int64]

_LISTS = ("listings", "listing_counts", "list_changes")
CURATED = "Selected events; not a sample."
"""What is said of a hand-picked list."""


def sanction_counts(
    table: AnyTable,
    *,
    every: Period,
    unit: Unit,
    by: Sequence[str] = ("sender", "target"),
    actions: Sequence[str] = COUNTED_SANCTIONS,
    target_rule: TargetRule = "programme",
    dated: Dated = "date",
    between: Between | None = None,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    interval: Process | None = None,
    level: float = 0.95,
    seed: int = 1,
) -> Result:
    """
    Count new sanctions per period and group, in one unit.

    The same day gives different numbers by unit. On one day a government can publish one
    act that lists 40 firms (entities), three of them under two programmes (43
    designations). The unit also decides which tables can be counted:

    - ``act`` (events, cells): distinct acts of the sender;
    - ``dyad`` (events): acts counted once for each sender and target;
    - ``case`` (cases): cases by their first day; ``coalition``: cases of the same
      senders, targets and first days counted once;
    - ``entity`` (listings, list_changes): entries first on the list, once under however
      many programmes;
    - ``designation`` (listings, list_changes, listing_counts): entry and programme newly
      together, so an existing entry added to another programme counts.

    A change between two archived versions of a list lies on an unknown day between them: ``n``
    is missing where a change may lie in another period, ``lower`` counts those that surely lie
    in the period, and ``upper`` all that may. A complete register is a census: it has no
    sampling interval unless one is requested, and ``lower`` and ``upper`` are the band over
    the possible dates. A list of current entries covers nothing before its own day: its counts
    are lower bounds there, by the day of listing, and missing where it shows nothing. Entries
    under different measures, such as asset freezes and ships, are counted by ``measure`` or one
    at a time. For a curated list, only periods with acts are returned; no zeros are filled in.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events, cells, cases, listings, list_changes or listing_counts.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    unit : {"act", "dyad", "case", "coalition", "entity", "designation"}
        What is counted.
    by : sequence of str, default ("sender", "target")
        ``sender``, ``target``, ``measure``, ``objective``, ``trade_extent`` (of cases),
        ``programme``, ``action``, ``entity_type``, ``basis`` (of listing_counts), ``source`` or
        ``list``, as the table has them. May be empty.
    actions : sequence of str, default ("impose", "amend")
        Actions of sanction that count. With cases, ``impose`` or ``amend`` count those
        imposed and ``threaten`` those threatened. Lists hold only impositions.
    target_rule : {"programme", "conduct", "address"}, default "programme"
        Whom a sanction targets: the state at which the programme is directed, as reviewed
        in `programmes()`, those whose conduct the reasons name, or the place of the
        entity. A Belgian firm listed for supplying Russia counts for RUS, RUS and BEL.
        Entries of a list only under thematic programmes, such as terrorism, count for no state:
        a note has their number; without `targets` they are the row without a target.
    dated : {"date", "announced", "effective"}, default "date"
        The day of events that counts. An act without that day counts by its ``date``;
        ``n_fallback`` is the number of those.
    between : {"versions"}, optional
        With list_changes: count between the versions nearest to the ends of each period, at
        most half a period away. Periods without such versions keep their bounds.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. Without
        coverage only observed periods are returned, and no zeros.
    senders, targets : sequence of str, optional
        Only these states or bodies, as codes or names.
    interval : {"dispersion", "block_bootstrap"}, optional
        The process that could have given other counts: ``dispersion`` is Poisson's, widened
        by the dispersion of the group around its mean, for each period's expected count;
        ``block_bootstrap`` resamples blocks of consecutive periods, for the group's mean per
        period, the same in all its rows. Needs coverage.
    level : float, default 0.95
        Of the interval, between 0 and 1.
    seed : int, default 1
        Of the bootstrap.

    Returns
    -------
    Result
        Its table has ``period`` (first day), the keys, ``unit``, ``n``, ``lower``, ``upper``
        (Int64), ``n_unassigned`` (units dated more widely than a period: in the row of their
        group whose period is missing), ``covered`` (on every day of the period; elsewhere n is
        what was seen, and missing rather than 0) and ``additive`` (whether the groups add up
        to all units). If requested, ``from`` and ``to`` (the two versions), ``n_fallback``,
        and ``interval`` (the process in words), ``mean`` (of the group's covered periods),
        ``interval_lower``, ``interval_upper``.

    Raises
    ------
    SanctlibError
        When the table does not have the unit, the rule or the day, or an action is no
        sanction; when all cases are dated more widely than a period; for an interval of
        current entries or without coverage.
    CuratedError
        For an interval of a hand-picked list.
    MissingColumnsError
        When the table lacks a key.

    Examples
    --------
    >>> cells = pd.DataFrame({
    ...     "period": pd.to_datetime(["2018-01-01", "2018-03-01"]), "sender": "USA",
    ...     "target": "RUS", "mutual": False, "family": "sanction", "action": "impose",
    ...     "n_acts": [2, 1], "n_rows": [5, 1],
    ... })
    >>> known = Coverage(source="own", first="2018-01-01", last="2018-03-30")
    >>> counts = sanction_counts(cells, every="month", unit="act", coverage=known)
    >>> counts.table[["period", "sender", "target", "n", "covered"]]
          period sender target  n  covered
    0 2018-01-01    USA    RUS  2     True
    1 2018-02-01    USA    RUS  0     True
    2 2018-03-01    USA    RUS  1    False
    """
    choices_of(actions, ACTIONS["sanction"], what="actions")
    query = ask(
        every=every,
        by=by,
        unit=unit,
        actions=actions,
        target_rule=target_rule,
        dated=dated,
        between=between,
        start=start,
        end=end,
        senders=senders,
        targets=targets,
        level=level,
    )
    windows: pd.DataFrame | None = None
    with opened(table, coverage=coverage) as source:
        check_width(source, query)
        check_one_measure(source, query)
        pieces = pieces_of(source, query)
        # A dyad of an act with the states named in its reasons has no name but its target.
        by_name = unit == "dyad" and target_rule != "programme"
        parted = not source.acts_are_rows or target_rule != "programme"
        fewer = replace(query, by=("target",) if by_name else ())
        whole = pieces_of(source, fewer) if parted else pieces
        # A list whose rows were chosen covers nothing: what is not on it may have happened.
        known = None if source.curated else coverage_of(source)
        silent = absent_from(source, (query.senders or ()) + (query.targets or ()), pieces, query)
        if interval is not None:
            _check_interval(source)
        words, name = named(source, query)
        notes = (*_of_no_state(source, query, words), *basis_note(source, query))
        if between is not None:
            windows = between_versions(source.small(), every=query.every)[1]
    # An act on two states is in two groups; a measure is a flag.
    additive = not FLAGS.keys() & set(query.by) and _total(pieces) == _total(whole)
    versions = source.kind == "list_changes"
    counts = _counts(pieces, query, known, silent, wide=versions).assign(additive=additive)
    if windows is not None:
        counts = with_versions(counts, windows, ["n", "lower", "upper"])
    if interval is not None:
        counts = count_intervals(counts, by=query.by, process=interval, level=level, seed=seed)
    # Of changes between versions, all of the span count, whatever the period of each.
    placed = "inside" if versions else "counted"
    n = int(whole.loc[whole[placed], "n"].sum())
    return Result(
        table=counts,
        kind="counts",
        name=name,
        query=query,
        unit=words,
        n=n,
        sources=(source.source,),
        notes=(
            *notes,
            *silent_on(source, silent),
            *uncoded_in(source, query, query.actions),
            *notes_of(source, interval=interval is not None, between=between),
            *([COVERS[interval]] if interval is not None else []),
        ),
        findings=_findings(counts, pieces[pieces[placed]], query, words, source),
    )


def _of_no_state(source: Opened, query: Query, words: str) -> tuple[str, ...]:
    """Say how many entries of a list count for no state, where targets are asked for."""
    by_state = query.targets is not None or "target" in query.by
    if query.target_rule != "programme" or not by_state or source.kind not in _LISTS:
        return ()
    everyone = replace(query, by=("target",), targets=None)
    pieces = pieces_of(source, everyone)
    placed = pieces["inside" if source.kind == "list_changes" else "counted"]
    n = int(pieces.loc[pieces["target"].isna() & placed, "n"].sum())
    here = "they are the row without a target" if query.targets is None else "not in these rows"
    why = f"their programmes are on a theme or not reviewed; {here}"
    return (f"{n:,} {words} count for no state ({why}).",) if n else ()


def notes_of(
    source: Opened, *, interval: bool = False, between: Between | None = None
) -> tuple[str, ...]:
    """Return what the band of a count is, and what is not in it."""
    if source.curated:
        return (CURATED,)
    if (known := source.coverage) is not None and known.survivors:
        day = day_in_words(known.last)
        return (f"Entries removed before {day} are not included: lower bounds, no band.",)
    if source.kind == "list_changes":
        census = () if interval else ("A complete register: no sampling interval.",)
        if between:
            versions = "Between the archived versions nearest to the ends of each period."
            return (versions, *census)
        return ("Band: a change may lie anywhere between two archived versions.", *census)
    return ()


def _findings(
    counts: pd.DataFrame, pieces: pd.DataFrame, query: Query, words: str, source: Opened
) -> tuple[str, ...]:
    """Return the total of each group over the periods with a count, most first."""
    seen = counts[counts["lower"].notna() & counts["period"].notna()]
    if seen.empty:
        return (_nothing_seen(query, source),)
    span = in_words(seen["period"].min(), seen["period"].max(), every=query.every)
    nearest = ", between the versions nearest to its ends" if query.between else ""
    counted = f"{words}, {span}{nearest} ({source.source.described()})."
    if not query.by:
        return (f"{int(pieces['n'].sum()):,} {counted}",)
    # A group without any piece is a zero of its own.
    nothing = seen[list(query.by)].drop_duplicates().assign(n=0)
    totals = pd.concat([pieces[[*query.by, "n"]], nothing])
    totals = totals.groupby(list(query.by), dropna=False)["n"].sum().reset_index()
    rows = totals.sort_values("n", ascending=False, kind="stable").head(5)
    return tuple(
        f"{', '.join(map(name_of, key))}: {int(n):,} {counted}"
        for *key, n in rows.itertuples(index=False)
    )


def _nothing_seen(query: Query, source: Opened) -> str:
    """Say why no period has a count: no current entry, no version near, or no coverage."""
    known, described = source.coverage, source.source.described()
    within = known is not None and (query.start or known.first) <= known.last
    within = within and known is not None and (query.end or known.last) >= known.first
    if within and known is not None and known.survivors:
        return f"No such entry is still listed ({described})."
    if within and query.between is not None:
        return f"No versions are near enough to the ends of these periods ({described})."
    return f"What is requested is not covered (source: {source.source.name})."


def _check_interval(source: Opened) -> None:
    check_not_curated(source, what="interval")
    check_covered(source)
    if source.coverage is not None and source.coverage.survivors:
        msg = f"{source.name!r} holds only current entries, so its counts are lower bounds."
        raise SanctlibError(f"{msg} They have no interval.")


def _total(pieces: pd.DataFrame) -> int:
    return int(pieces.loc[pieces["counted"] | pieces["unplaced"], "n"].sum())


def _counts(
    pieces: pd.DataFrame,
    query: Query,
    coverage: Coverage | None,
    silent: Sequence[str],
    *,
    wide: bool,
) -> pd.DataFrame:
    """
    Return the counts of each group in each period, with the band of their possible dates.

    If `wide`, a count is missing where something dated more widely may lie in its period.
    """
    counted, unplaced, inside = (
        pieces[c].to_numpy(dtype=bool) for c in ("counted", "unplaced", "inside")
    )
    periods, covered = periods_asked(pieces.loc[counted, "last"], query, coverage)
    more = named_groups(query) if coverage is not None else None
    codes, groups = group_codes(pieces, query.by, more=more)
    sure = inside & pieces["first"].eq(pieces["last"]).to_numpy(dtype=bool)
    # Each group has a slot for every period, and one more for what has no period.
    slots = pd.DatetimeIndex([*periods, pd.NaT], dtype="datetime64[us]")
    base, n = codes * len(slots), pieces["n"].to_numpy(dtype=np.int64)
    # A unit is in the slots from `first` to before `after`; in any, where its period is not known.
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

    def in_last(chosen: Flags, amounts: Places = n) -> Places:
        return _held(at, last[chosen], after[chosen], amounts[chosen])

    def in_none(amounts: Places = n) -> Places:
        return _held(at, lost[unplaced], lost[unplaced] + 1, amounts[unplaced])

    held = in_last(counted)
    # Where all that is counted is sure, the least is the number.
    lower = held.copy() if np.array_equal(sure, counted) else in_last(sure)
    no_period = at % len(slots) == len(periods)
    here, unknown = ~no_period, np.ones(len(at), dtype=bool)
    if coverage is not None:
        told = covered_groups(groups, query, coverage, silent)
        there = groups_that_existed(groups, periods, every=query.every) & np.outer(told, covered)
        there &= coded(groups, query, periods, coverage)
        inside_of = np.column_stack([there, np.zeros(len(groups), dtype=bool)])
        # What was removed before the day of a list of survivors was listed too.
        gone = (slots < pd.Timestamp(coverage.last))[at % len(slots)] & coverage.survivors
        here, unknown = inside_of.ravel()[at] & ~gone, no_period
    upper = _held(at, first, after, n)
    unsure = (upper > held) & wide
    blank = no_period | (~here & (held == 0) & ~unsure)
    columns = {
        "n": pd.arrays.IntegerArray(held, blank | unsure),
        "lower": pd.arrays.IntegerArray(lower, blank),
        "upper": pd.arrays.IntegerArray(upper, no_period | ~(here | unsure)),
        "n_unassigned": in_none(),
    }
    if "n_fallback" in pieces:
        fell = pieces["n_fallback"].to_numpy(dtype=np.int64)
        columns["n_fallback"] = in_last(counted, fell) + in_none(fell)
    columns["covered"] = pd.arrays.BooleanArray(here, unknown)
    return laid_out(groups.assign(unit=query.unit), slots, at, columns)


def _held(at: Places, first: Places, after: Places, n: Places) -> Places:
    """Return the amounts in each slot of `at`: what has begun by it, less what is over by then."""
    change = np.zeros(len(at) + 1, dtype=np.int64)
    for places, step in ((first, n), (after, -n)):
        order = np.argsort(places)  # in order they are found fast
        np.add.at(change, np.searchsorted(at, places[order]), step[order])
    return change[:-1].cumsum()
