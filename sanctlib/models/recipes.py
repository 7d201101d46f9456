"""Make tables for the recipes: sanction dummies of a panel, and spells of sanctions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.dates import Period, period_number
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics._flows import NEVER, spells_of_cases
from sanctlib.metrics._questions import (
    FLAGS,
    cases_by,
    check_covered,
    check_kind,
    check_not_curated,
    of_senders,
)
from sanctlib.metrics.outcomes import Several, described
from sanctlib.models._inputs import (
    are_days,
    check_sides,
    frame,
    n_of,
    numbers,
    sources_of,
    with_periods,
)
from sanctlib.query import Query, ask, flag_of, keys_of, whole_of
from sanctlib.result import Result

_KEYS = ["period", "first", "second"]


def sanction_dummies(
    table: object,
    *,
    sanctions: object,
    types: Sequence[str] = ("measure",),
    directed: bool = False,
    leads: int = 0,
) -> Result:
    """
    Add sanctions in force to a panel of dyads, as columns of 0 and 1.

    A column is 1 where a sanction of its type is in force between the two states.
    With these columns a gravity model of trade is a `count_panel` with fixed effects of
    exporter and period, importer and period, and directed pair (`docs/recipes.md`). Its
    coefficients compare the trade of sender and target with the trade of both with third
    parties, so they cannot distinguish trade lost from trade diverted.

    Parameters
    ----------
    table : DataFrame or Result
        A panel, such as from `dyad_panel`: ``period``, ``first`` (the exporter), ``second``.
    sanctions : DataFrame or Result
        Such as from `active_sanctions` by sender, target and `types`, on the periods of the
        panel and of its leads. Expand bodies with `expand_blocs` first.
    types : sequence of str, default ("measure",)
        Columns of `sanctions` that name a type, such as ``measure``, or ``trade_extent`` for
        complete and partial ones (``no_trade_extent`` where it is missing). Types without a
        row in the panel have no column.
    directed : bool, default False
        Separate columns for what the sender exports to the target and what it imports; or one
        column for both, 1 whichever of the two imposed it.
    leads : int, default 0
        Periods ahead for which there is also a column: ``trade_sanctions_lead1`` is 1 where a
        sanction is in force one period later. A lead with an estimate that differs from 0 is
        not an effect: trade fell before, or the sanction was expected.

    Returns
    -------
    Result
        Its table is the panel with a column per type and lead (0 or 1; missing in periods that
        `sanctions` does not have) and ``relation``: ``sender and target``; ``target and
        third`` and ``sender and third``, where one of the two is under or imposes a sanction
        on another state in that period; or ``third parties``.

    Raises
    ------
    SanctlibError
        When no pair of the panel is sanctioned, or the panel has one direction and `directed`
        is True.
    MissingColumnsError, SchemaError
        For a column that is missing, or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> panel = pd.DataFrame({"period": 2014, "first": ["RUS", "RUS"], "second": ["USA", "IRN"]})
    >>> held = pd.DataFrame({
    ...     "period": [2014], "sender": "USA", "target": "RUS", "measure": "trade", "n": 1})
    >>> sl.models.sanction_dummies(panel, sanctions=held).table
       period first second  trade_sanctions           relation
    0    2014   RUS    USA              1.0  sender and target
    1    2014   RUS    IRN              0.0   target and third
    """
    kinds = keys_of(types, what="types")
    if not kinds:
        raise SanctlibError("types is empty. Name at least one column, such as ['measure'].")
    flag_of(directed, what="directed")
    whole_of(leads, what="leads", least=0)
    query = ask(types=kinds, directed=directed, leads=leads)
    panel = with_periods(frame(table, _KEYS)).reset_index(drop=True)
    check_sides(panel)
    both = panel.dropna(subset=["first", "second"])
    if directed and not both["first"].gt(both["second"]).any():
        msg = "The panel has one direction of each pair. Columns by direction need both: use"
        raise SanctlibError(f"{msg} sl.dyad_panel(…, directed=True).")
    active, periods = _active(sanctions, kinds, panel, directed=directed)
    if leads >= max(len(periods), 1):
        msg = f"leads is {leads}, and sanctions has {len(periods)} periods. It must be smaller."
        raise SanctlibError(msg)
    now = _between(panel, active, panel["period"].where(panel["period"].isin(periods)))
    now = now.loc[:, now.eq(1).any()]
    if now.empty or now.columns.empty:
        msg = "No pair of the panel is sanctioned in its periods. Check the codes and periods of"
        raise SanctlibError(f"{msg} sanctions.")
    pieces = [panel, now]
    for lead in range(1, leads + 1):
        # A row has as its lead what is in force `lead` known periods later.
        ahead = dict(zip(periods, periods[lead:], strict=False))
        later = _between(panel, active, panel["period"].map(ahead))
        pieces.append(later.loc[:, later.eq(1).any()].add_suffix(f"_lead{lead}"))
    flows = active[_KEYS].drop_duplicates()
    n_placed = len(flows.merge(panel[_KEYS], on=_KEYS))
    return Result(
        table=pd.concat([*pieces, _relations(panel, active, now)], axis=1),
        name="Panel with sanctions in force",
        query=query,
        unit="rows of the panel",
        n=len(panel),
        sources=sources_of(table, sanctions),
        notes=(
            f"Of {len(flows):,} sanctioned flows, {n_placed:,} are in the panel; those of bodies "
            "that are not states are not.",
        ),
    )


def _active(
    sanctions: object, types: Sequence[str], panel: pd.DataFrame, *, directed: bool
) -> tuple[pd.DataFrame, pd.Index]:
    """Return a row per sanctioned flow and kind, and the periods that are known."""
    columns = ["period", "sender", "target", *types, "n"]
    given = with_periods(frame(sanctions, columns, what="sanctions", curated=True))
    if are_days(given["period"]) != are_days(panel["period"]):
        msg = "The periods of sanctions and of the table are of two kinds. Both must be days, or"
        raise SanctlibError(f"{msg} both numbers.")
    given = given.assign(**numbers(given, ["n"])).dropna(subset="n")
    names = given[list(types)].astype("str").fillna({name: f"no_{name}" for name in types})
    kinds = names.agg("_".join, axis=1) + "_sanctions" if len(names) else pd.Series(dtype="str")
    there = given.assign(kind=kinds, first=given["sender"], second=given["target"])
    there = there[there["n"].gt(0)]
    # What the sender exports to the target, and what it imports from it.
    back = there.rename(columns={"first": "second", "second": "first"})
    if directed:
        there["kind"], back["kind"] = there["kind"] + "_exports", back["kind"] + "_imports"
    periods = pd.Index(given["period"].drop_duplicates().sort_values())
    return pd.concat([there, back], ignore_index=True), periods


def _between(rows: pd.DataFrame, active: pd.DataFrame, periods: pd.Series) -> pd.DataFrame:
    """Return a column per kind: 1 where it is in force then; missing where no period is known."""
    in_force = active.assign(one=1.0).pivot_table("one", _KEYS, "kind", "max").reset_index()
    dummies = rows[_KEYS].assign(period=periods).merge(in_force, how="left", on=_KEYS)
    return dummies.drop(columns=_KEYS).fillna(0.0).where(periods.notna(), axis=0)


def _relations(rows: pd.DataFrame, active: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """Return whether a row is of sender and target, of one of them, or of third parties."""
    ends = [pd.MultiIndex.from_frame(rows[["period", end]]) for end in ("first", "second")]
    target, sender = (
        np.logical_or(
            *(end.isin(pd.MultiIndex.from_frame(active[["period", side]])) for end in ends)
        )
        for side in ("target", "sender")
    )
    relation = np.select(
        [now.eq(1).any(axis=1), target, sender],
        ["sender and target", "target and third", "sender and third"],
        "third parties",
    )
    return pd.Series(relation, index=rows.index, name="relation", dtype="str")


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
    asked = {"every": every, "unit": "case", "senders": senders, "targets": targets}
    query = ask(**asked, columns=names, success=success, several=several)
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
        exits = spells["state"].where(spells["state"].isin(["success", "failed"]), "unknown")
        pieces.append(exits.where(spells["ended"].eq(1)).rename("exit"))
    for name in names:
        if name in FLAGS:
            words = spells[FLAGS[name]]
            dummies = words.str.get_dummies(";").astype("Int64").add_prefix(f"{name}_")
            pieces.append(dummies.where(words.notna()))
        elif name not in pieces[0]:
            pieces.append(spells[name])
    n, n_ended = len(spells), int(spells["ended"].sum())
    return Result(
        table=pd.concat(pieces, axis=1),
        kind="table",
        name=f"Spells of sanctions in {every}s",
        query=query,
        unit="cases of sanctions",
        n=n,
        sources=(source.source,),
        notes=(
            "The spells are of cases that were imposed: what makes sanctions likely may also make "
            "them last. Models assume that open cases end like others of the same age.",
            note,
        ),
        findings=(
            f"{n_ended:,} of {n_of(n, 'case')} ended, and {n - n_ended:,} are open "
            f"({source.name}).",
        ),
    )


def _lasting(
    cases: pd.DataFrame, query: Query, known: Coverage, names: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Return a row per case, with its time, end, targets and columns; and a note."""
    spells = spells_of_cases(cases, query, coverage=known, legal=True)
    wanted = list(dict.fromkeys(FLAGS.get(name, name) for name in names))
    check_columns(cases, wanted)
    once = cases.groupby(_IDS)
    for name in wanted:
        if once[name].nunique(dropna=False).gt(1).any():
            msg = f"Some cases have several values of {name!r}. A case must have one: choose"
            raise SanctlibError(f"{msg} senders= or targets=, or reduce the column to one value.")
    constant = [name for name in [*wanted, "state"] if name in cases and name not in _IDS]
    targets = once["target"].agg(lambda states: ";".join(sorted(states.dropna().unique())))
    spells = spells.merge(once[constant].first().assign(targets=targets).reset_index(), on=_IDS)
    # Open cases are censored on the last day of the coverage.
    is_open = spells["finish"].eq(NEVER)
    ends = spells[["finish", "possible_finish"]].mask(is_open, pd.Timestamp(known.last), axis=0)
    days = spells[["possible_begin", "begin"]].join(ends)
    first, begin, finish, last = (period_number(days[day], every=query.every) for day in days)
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
