"""Return the spells of cases: how long they lasted and how they ended. Read cases."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics.outcomes import Several, described
from sanctlib.metrics.questions import (
    FLAGS,
    cases_by,
    check_covered,
    check_kind,
    check_not_curated,
    of_senders,
)
from sanctlib.metrics.spells import NEVER, spells_of_cases
from sanctlib.models.sentences import n_of
from sanctlib.periods import Period, period_number
from sanctlib.query import Query, ask, keys_of
from sanctlib.result import Result

_IDS = ["source", "case_id"]
_ENDS = ("outcomes", "state", "exit", "end", "end_last", "ongoing", "time", "ended")


def sanction_spells(
    table: AnyTable,
    *,
    every: Period,
    columns: Sequence[str] = (),
    success: Sequence[str] | None = None,
    several: Several = "any",
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Return how long each case of sanctions lasted, and how it ended.

    The table is for models of duration: Kaplan-Meier, competing risks and Cox are recipes with
    lifelines in `docs/recipes.md`. Open cases are censored on the last day of the coverage. The
    mean duration of ended cases is too short, because the longest ones are still open.

    A case lasts the periods that it touches, at least 1: one that begins and ends in 2014
    lasts a year. Excluded and counted are cases that began before the coverage (the source
    has only those of them that lasted), and cases with a day not known to the period.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Cases; those imposed are counted, each once.
    every : {"day", "week", "month", "quarter", "year"}
        Unit of duration. The GSDB is dated by year.
    columns : sequence of str, default none
        Columns of the case to add, with one value per case; ``stage`` or ``multilaterality``
        as in `sanction_outcomes`; or ``measure`` and ``objective``: a column of 0 and 1 for
        each value, of which a case may have several, missing where none is known.
    success : sequence of str, optional
        The outcomes that are success. By default, where the target gave in, as in
        `sanction_outcomes`.
    several : {"any", "all"}, default "any"
        Whether one of the outcomes of a case must be success, or each.
    senders, targets : sequence of str, optional
        Only cases of these states or bodies, as codes or names.
    coverage : Coverage, optional
        What the table covers; its last day is when open cases were last seen. By default
        that of the Reading or of the store.

    Returns
    -------
    Result
        Its table has a row per case: ``source``, ``case_id``, ``targets`` (sorted and joined
        by ``;``, by which errors can be clustered), ``time`` (periods), ``ended`` (1, or 0 for
        an open case), ``exit`` (success, failed or unknown; missing for an open case; only
        where outcomes are known), and `columns`.

    Raises
    ------
    SanctlibError
        For no case left, or a column that differs within a case or describes how a case ended.
    CuratedError
        For a hand-picked list.
    MissingColumnsError
        For a column that is missing.

    Examples
    --------
    >>> import sanctlib as sl
    >>> start = pd.to_datetime(["2001-01-01"] * 3)
    >>> end = pd.to_datetime(["2001-05-01", "2003-01-01", None])
    >>> cases = pd.DataFrame({
    ...     "source": "own", "case_id": [*"123"], "sender": "USA", "target": "IRN",
    ...     "start": start, "start_last": start, "end": end, "end_last": end,
    ...     "ongoing": [False, False, True]})
    >>> known = sl.Coverage(source="own", first="2001-01-01", last="2005-12-31")
    >>> spells = sl.models.sanction_spells(cases, every="year", coverage=known)
    >>> spells.table[["case_id", "time", "ended"]].to_dict("list")
    {'case_id': ['1', '2', '3'], 'time': [1, 3, 5], 'ended': [1, 1, 0]}
    """
    names = list(dict.fromkeys(keys_of(columns, what="columns")))
    check_choice(several, ("any", "all"), what="several")
    if success is not None and not keys_of(success, what="success"):
        raise SanctlibError("success is empty. Name at least one outcome, or omit it.")
    for name in names:
        if name in _ENDS:
            msg = f"{name!r} describes how or when a case ended, so open cases do not have it."
            raise SanctlibError(f"{msg} Omit it: the table has 'time', 'ended' and 'exit'.")
    query = ask(
        every=every,
        unit="case",
        senders=senders,
        targets=targets,
        columns=names,
        success=success,
        several=several,
    )
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate")
        check_kind(source, "cases")
        check_covered(source)
        cases, known = source.small(also=names), source.coverage
    if success is not None:
        check_columns(cases, ["outcomes"])
    if "outcomes" in cases:
        cases = described(cases, success=success, several=several)
    cases = cases_by(of_senders(cases, query), query)
    spells, note = _lasting(cases, query, known, names)  # type: ignore[arg-type]
    pieces: list[pd.DataFrame | pd.Series] = [spells[[*_IDS, "targets", "time", "ended"]]]
    if "state" in spells:
        known_end = spells["state"].isin(["success", "failed"])
        pieces.append(spells["state"].where(known_end, "unknown").where(spells["ended"].eq(1)))
    for name in names:
        if name in FLAGS:
            words = spells[FLAGS[name]]
            flags = words.str.get_dummies(";").astype("Int64").add_prefix(f"{name}_")
            pieces.append(flags.where(words.notna()))
        elif name not in pieces[0]:
            pieces.append(spells[name])
    found = pd.concat(pieces, axis=1).rename(columns={"state": "exit"})
    n_ended = int(found["ended"].sum())
    return Result(
        table=found,
        kind="table",
        name=f"Spells of sanctions in {every}s",
        query=query,
        unit="cases of sanctions",
        n=len(found),
        sources=(source.source,),
        notes=(
            "The spells are of cases that were imposed: what makes sanctions likely may also make "
            "them last. Models assume that open cases end like others of the same age.",
            note,
        ),
        findings=(
            f"{n_ended:,} of {n_of(len(found), 'case')} ended, and {len(found) - n_ended:,} are "
            f"open ({source.name}).",
        ),
    )


def _lasting(
    cases: pd.DataFrame, query: Query, known: Coverage, names: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Return a row per case, with its time, end, targets and columns; and a note."""
    spells = spells_of_cases(cases, query, coverage=known, legal=True)
    held = list(dict.fromkeys(FLAGS.get(name, name) for name in names))
    check_columns(cases, held)
    once = cases.groupby(_IDS)
    for name in held:
        if once[name].nunique(dropna=False).gt(1).any():
            msg = f"Some cases have several values of {name!r}. A case must have one: choose"
            raise SanctlibError(f"{msg} senders= or targets=, or reduce the column to one value.")
    constant = [name for name in [*held, "state"] if name in cases and name not in _IDS]
    targets = once["target"].agg(lambda states: ";".join(sorted(states.dropna().unique())))
    spells = spells.merge(once[constant].first().assign(targets=targets).reset_index(), on=_IDS)
    is_open = spells["finish"].eq(NEVER)
    end = spells["finish"].mask(is_open, pd.Timestamp(known.last))
    end_last = spells["possible_finish"].mask(is_open, pd.Timestamp(known.last))
    first, begin, finish, last = (
        period_number(day, every=query.every)
        for day in (spells["possible_begin"], spells["begin"], end, end_last)
    )
    before = spells["possible_begin"].lt(pd.Timestamp(known.first))
    endless = ~before & ~is_open & spells["possible_finish"].eq(NEVER)
    vague = ~before & ~endless & (first.ne(begin) | finish.ne(last) | finish.lt(begin))
    kept = spells.assign(time=finish - begin + 1, ended=(~is_open).astype("int64"))
    kept = kept[~(before | endless | vague)].reset_index(drop=True)
    counts = (
        f"Of {len(spells):,} cases imposed, {len(kept):,} are used: {before.sum():,} began before "
        f"the coverage, {endless.sum():,} have no end and are not marked as open, "
        f"{vague.sum():,} are dated more widely than a {query.every}."
    )
    if kept.empty:
        raise SanctlibError(f"No case is left. {counts}")
    n_ended = kept["ended"].sum()
    return kept, f"{counts} {n_ended:,} of them ended, and the others are open on {known.last}."
