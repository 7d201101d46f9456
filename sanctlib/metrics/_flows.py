"""Find what enters and leaves a stock, and when. Read spells or changes; return their flows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from sanctlib.coverage import Coverage
from sanctlib.dates import Period, period_end, period_range, period_start
from sanctlib.engines import Opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics._questions import by_target, cases_by, parts
from sanctlib.query import Query

FLOWS = ("added", "removed", "moved_in", "moved_out")
"""What enters and leaves a list."""

# Open ends and unknown beginnings as days, so that min and max order them.
NEVER = pd.Timestamp("9999-12-31")
_BEFORE = pd.Timestamp("0001-01-01")


def flows_of_changes(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """
    Return the flows of dated copies, in the periods of the copies before and after each change.

    Of entries that move between programme sets of one group, only the net enters or leaves it.
    """
    keys, column = list(query.by), "programmes"
    if "programme" in keys:
        table, column = parts(table, "programmes", name="programme"), "programme"
    rows = by_target(table, query, column=column)
    ids = ["source", "list", "programmes", "entity_type"]
    held = rows.sort_values("to", kind="stable").drop_duplicates([*dict.fromkeys([*ids, *keys])])
    intervals = rows.groupby([*keys, "from", "to"], dropna=False, sort=False)
    sums = intervals[[*FLOWS]].sum().reset_index()
    net = sums["moved_in"] - sums["moved_out"]
    sums = sums.assign(moved_in=net.clip(lower=0), moved_out=(-net).clip(lower=0))
    since = sums["from"] if query.between else after_version(sums["from"])
    late, early = (period_start(days, every=query.every) for days in (sums["to"], since))
    # By scenario: when what came has entered, and when what left has gone.
    scenarios = {"n": (late, late), "lower": (late, early), "upper": (early, late)}
    found = []
    for scenario, (enters, leaves) in scenarios.items():
        found.append(_flow(held[keys], scenario, "held", pd.NaT, held["opening"]))
        for flow in FLOWS:
            period = enters if flow in ("added", "moved_in") else leaves
            found.append(_flow(sums[keys], scenario, flow, period, sums[flow]))
    # What may lie in several periods, by the first and the last of them.
    wide = sums[early.lt(late)]
    for scenario, period in (("wide_from", early), ("wide_to", late)):
        found += [_flow(wide[keys], scenario, flow, period, wide[flow]) for flow in FLOWS]
    return pd.concat(found, ignore_index=True)


def flows_of_listings(table: pd.DataFrame, query: Query, coverage: Coverage | None) -> pd.DataFrame:
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
    return flows_of_spells(_joined(sure, entities), _joined(rows, entities), query, coverage)


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


def flows_of_spells(
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


def between_versions(table: pd.DataFrame, *, every: Period) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Move changes of a list into the periods between whose nearest versions they lie.

    An end of a period is known by the version nearest to it, if that is at most half a period
    away. Periods without such an end have one span of versions together, as the four years
    between two versions do. Returns the changes, from the first to the last of the periods in
    which each can lie, and per period the two versions (`from`, `to`).
    """
    versions = pd.concat([table["from"], table["to"]]).drop_duplicates().sort_values()
    periods = pd.Series(period_range(versions.iloc[0], versions.iloc[-1], every=every))
    after = period_end(periods.tail(1), every=every) + pd.Timedelta(days=1)
    # As numbers, the distance of each end to each side has one comparison.
    ends = pd.concat([periods, after]).to_numpy("datetime64[us]").astype("int64")
    seen = versions.to_numpy("datetime64[us]").astype("int64")
    right = np.searchsorted(seen, ends).clip(1, max(len(seen) - 1, 1)) - (len(seen) < 2)
    left = (right - 1).clip(0)
    near = seen[np.where(ends - seen[left] <= seen[right] - ends, left, right)]
    length = np.diff(ends)
    half = np.minimum(np.append(length, length[-1]), np.insert(length, 0, length[0])) / 2
    known = np.flatnonzero(np.abs(near - ends) <= half)
    edges = [(int(k), int(near[k])) for k in known]
    # The list begins and ends inside a period that may have no end near a version.
    edges = [(0, int(seen[0]))] * (0 not in known) + edges
    edges += [(len(periods), int(seen[-1]))] * (len(periods) not in known)
    place, day = (np.array(column, dtype="int64") for column in zip(*edges, strict=True))
    since, until = (table[c].to_numpy("datetime64[us]").astype("int64") for c in ("from", "to"))
    first = place[(np.searchsorted(day, since, side="right") - 1).clip(0, len(place) - 2)]
    last = place[np.searchsorted(day, until, side="left").clip(1, len(place) - 1)] - 1
    starts = periods.to_numpy("datetime64[us]")
    moved = table.assign(**{"from": starts[first], "to": starts[np.maximum(first, last)]})
    span = np.repeat(np.arange(len(place) - 1), np.diff(place))
    days = {"from": day[span].view("M8[us]"), "to": day[span + 1].view("M8[us]")}
    return moved, pd.DataFrame({"period": starts, **days})


def after_version(since: pd.Series) -> pd.Series:
    """Return when a change after a version can be: one without a time shows its whole day."""
    whole = since.eq(since.dt.normalize())
    return since.mask(whole, since + pd.Timedelta(days=1))


def with_versions(
    counts: pd.DataFrame, versions: pd.DataFrame, blank: Sequence[str]
) -> pd.DataFrame:
    """Add the two versions of each period; between one version and itself nothing is known."""
    dated = counts.merge(versions, on="period", how="left", validate="many_to_one")
    dated.index = counts.index
    unknown = dated["from"].eq(dated["to"]).to_numpy(dtype=bool)
    dated.loc[unknown, list(blank)] = pd.NA
    days = {c: dated[c].dt.normalize() for c in ("from", "to")}
    return dated.assign(**days)


def check_between(source: Opened, query: Query) -> None:
    """Check that only changes between versions are summed between versions."""
    if query.between is not None and source.kind != "list_changes":
        msg = f"between is {query.between!r}, and {source.name!r} holds {source.kind}."
        raise SanctlibError(f"{msg} Only changes between versions have versions: leave it out.")
