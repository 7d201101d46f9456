"""Spells: when sanctions surely and possibly begin and end, as flows per period."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import check_columns
from sanctlib.metrics.targets import SplitBy, by_programme, by_target
from sanctlib.periods import Period, period_start

FLOWS = ("added", "removed", "moved_in", "moved_out")
SCENARIOS = ("n", "lower", "upper", "left_censored", "right_censored")

# Open ends and unknown beginnings as days, so that min and max order them.
_NEVER = pd.Timestamp("9999-12-31")
_BEFORE = pd.Timestamp("0001-01-01")


def flows_of_changes(table: pd.DataFrame, split: SplitBy, *, every: Period) -> pd.DataFrame:
    """
    Return the flows of dated copies: changes by the copy that first shows them.

    Entries that move between programme sets of one group have not moved: only the net
    of a group in an interval enters or leaves it.

    Returns
    -------
    flows : DataFrame
        The keys, ``scenario`` (n, lower, upper), ``flow`` (``held`` for what was there
        before the first copy, or one of `FLOWS`), ``period`` and ``amount``.
    """
    if "programme" in split.by:
        rows = by_target(by_programme(table), split, states="rows")
    else:
        rows = by_target(table, split, states="sets")
    keys = list(split.by)
    ids = ["source", "list", "programmes", "entity_type"]
    ordered = rows.sort_values("to", kind="stable").reset_index(drop=True)
    held = ordered[~ordered.duplicated(list(dict.fromkeys([*ids, *keys])))]
    intervals = rows.groupby([*keys, "from", "to"], dropna=False, sort=False)
    sums = intervals[[*FLOWS]].sum().reset_index()
    net = sums["moved_in"] - sums["moved_out"]
    sums = sums.assign(moved_in=net.clip(lower=0), moved_out=(-net).clip(lower=0))
    late, early = period_start(sums["to"], every=every), period_start(sums["from"], every=every)
    parts = [_flow(held, keys, s, "held", None, held["opening"]) for s in SCENARIOS[:3]]
    for flow in FLOWS:
        enters = flow in ("added", "moved_in")
        periods = {
            "n": late,
            "lower": late if enters else early,
            "upper": early if enters else late,
        }
        parts += [_flow(sums, keys, s, flow, period, sums[flow]) for s, period in periods.items()]
    return pd.concat(parts, ignore_index=True)


def flows_of_listings(
    table: pd.DataFrame, split: SplitBy, *, every: Period, coverage: Coverage | None
) -> pd.DataFrame:
    """
    Return the flows of spells on a list, an entity once per group at any time.

    Spells of one entity in one group that touch are one spell. An entity whose first
    day is not known is possibly there from the beginning, and surely never.
    """
    rows = by_target(table, split, states="rows")
    who = [*split.by, "source", "list", "entity_id"]
    who = list(dict.fromkeys(who))
    rows = rows.assign(
        begin=rows["listed"].fillna(_BEFORE),
        finish=rows["delisted"].fillna(_NEVER) if "delisted" in rows else _NEVER,
    ).sort_values([*who, "begin"], na_position="last")
    known = rows.groupby(who, dropna=False, sort=False)
    latest = known["finish"].cummax()
    before = latest.groupby([rows[c] for c in who], dropna=False, sort=False).shift()
    rows["block"] = (before.isna() | rows["begin"].gt(before)).cumsum()
    blocks = rows.groupby([*who, "block"], dropna=False, sort=False)
    spells = blocks.agg(begin=("begin", "min"), finish=("finish", "max")).reset_index()
    unknown = spells["begin"].eq(_BEFORE)
    spells = spells.assign(
        possible_begin=spells["begin"],
        begin=spells["begin"].mask(unknown, _NEVER),
        possible_finish=spells["finish"],
    )
    return _flows_of_spells(spells, split.by, every=every, coverage=coverage)


def flows_of_cases(
    table: pd.DataFrame,
    split: SplitBy,
    *,
    every: Period,
    coverage: Coverage | None,
    legal: bool,
) -> pd.DataFrame:
    """
    Return the flows of cases, each once per group from its first to its last day.

    An end that is not known is possibly never and surely not before the first day. A
    case that its source marks as ongoing is open where it has no end, or one that the
    end of coverage cut.
    """
    if "imposed" in table:
        table = table[table["imposed"].fillna(value=True).to_numpy(dtype=bool)]
    if split.targets is not None:
        table = table[table["target"].isin(split.targets)]
    if "measure" in split.by:
        check_columns(table.columns, ["measures"], needed_by="The key 'measure'")
        table = table.assign(measure=table["measures"].str.split(";")).explode("measure")
    check_columns(table.columns, split.by, needed_by=split.needed_by)
    end = table["end"] if "end" in table else pd.Series(pd.NaT, table.index)
    end_last = table["end_last"].fillna(end) if "end_last" in table else end
    cut = end.isna()
    if coverage is not None:
        cut |= end_last.ge(pd.Timestamp(coverage.last))
    opened = table["ongoing"].fillna(value=False).astype("bool") & cut
    if legal and "exit" in table:
        opened |= table["exit"].eq("suspended").fillna(value=False).astype("bool")
    if not legal:
        check_columns(table.columns, ["exit"], needed_by='The stock "in_force"')
    rows = table.assign(
        begin=table["start_last"],
        possible_begin=table["start"],
        finish=end.fillna(table["start_last"]).mask(opened, _NEVER),
        possible_finish=end_last.fillna(_NEVER).mask(opened, _NEVER),
    )
    group = list(dict.fromkeys([*split.by, "source", "case_id"]))
    spells = rows.groupby(group, dropna=False, sort=False).agg(
        begin=("begin", "min"),
        possible_begin=("possible_begin", "min"),
        finish=("finish", "max"),
        possible_finish=("possible_finish", "max"),
    )
    return _flows_of_spells(spells.reset_index(), split.by, every=every, coverage=coverage)


def _flows_of_spells(
    spells: pd.DataFrame, by: Sequence[str], *, every: Period, coverage: Coverage | None
) -> pd.DataFrame:
    days = ("begin", "finish", "possible_begin", "possible_finish")
    at = {day: period_start(spells[day], every=every) for day in days}
    # Dated so widely that it may be over before it surely began: nowhere sure.
    sure = at["begin"].le(at["finish"]) & spells["begin"].ne(_NEVER)
    censored = pd.Series(data=False, index=spells.index)
    if coverage is not None:
        censored = sure & spells["begin"].lt(pd.Timestamp(coverage.first))
    chosen = {
        "n": sure,
        "lower": sure,
        "left_censored": censored,
        "right_censored": sure & spells["finish"].eq(_NEVER),
        "upper": pd.Series(data=True, index=spells.index),
    }
    parts = []
    for scenario, mask in chosen.items():
        begin, finish = "begin", "finish"
        if scenario == "upper":
            begin, finish = "possible_begin", "possible_finish"
        there = spells[mask].assign(amount=1)
        before = there[begin].eq(_BEFORE)
        ends = there[finish].ne(_NEVER)
        for flow, rows, period in (
            ("held", there[before], None),
            ("added", there[~before], at[begin]),
            ("removed", there[ends], at[finish]),
        ):
            parts.append(_flow(rows, list(by), scenario, flow, period, rows["amount"]))
    return pd.concat(parts, ignore_index=True)


def _flow(
    rows: pd.DataFrame,
    keys: Sequence[str],
    scenario: str,
    flow: str,
    period: pd.Series | None,
    amount: pd.Series,
) -> pd.DataFrame:
    never = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    when = never if period is None else period.loc[rows.index]
    return rows[list(keys)].assign(scenario=scenario, flow=flow, period=when, amount=amount)
