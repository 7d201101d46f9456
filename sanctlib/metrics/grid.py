"""The grid: periods and groups laid out, with zeros inside coverage and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.coverage import Coverage
from sanctlib.periods import Period, period_end, period_range


class Days(TypedDict):
    """The periods asked for, and the first and last day."""

    every: Period
    start: date | None
    end: date | None


def grid_periods(
    observed: pd.Series,
    *,
    every: Period,
    start: date | None,
    end: date | None,
    coverage: Coverage | None,
) -> pd.DatetimeIndex:
    """
    Return the periods of a result, in order.

    With coverage: all periods of the span asked for, by default those of the coverage
    and of anything observed. Without: the observed ones alone.
    """
    seen = pd.DatetimeIndex(observed.dropna().drop_duplicates().sort_values(), name="period")
    if coverage is None:
        return seen
    first, last = pd.Timestamp(coverage.first), pd.Timestamp(coverage.last)
    if len(seen):
        first, last = min(first, seen[0]), max(last, seen[-1])
    first = first if start is None else pd.Timestamp(start)
    last = last if end is None else pd.Timestamp(end)
    return period_range(min(first, last), last, every=every)


def covered_periods(
    periods: pd.DatetimeIndex,
    *,
    every: Period,
    start: date | None,
    end: date | None,
    coverage: Coverage | None,
) -> pd.Series:
    """
    Tell which periods lie wholly in the coverage and in the span asked for.

    Returns
    -------
    covered : Series of boolean
        Missing where nobody said what the source covers.
    """
    starts = pd.Series(periods)
    if coverage is None:
        return pd.Series(pd.NA, index=starts.index, dtype="boolean")
    inside = coverage.covers(starts, every=every)
    if start is not None:
        inside &= starts.ge(pd.Timestamp(start))
    if end is not None:
        inside &= period_end(starts, every=every).le(pd.Timestamp(end))
    return inside.astype("boolean")


def covered_groups(
    groups: pd.DataFrame,
    *,
    coverage: Coverage | None,
    asked: Sequence[Sequence[str] | None] = (),
) -> NDArray[np.bool_]:
    """
    Tell which groups a source speaks of: one of their parties is a state it covers.

    `asked` are the senders and the targets that the question was narrowed to: where the
    source covers all of one of them, it covers every group of the answer.
    """
    states = None if coverage is None else coverage.states
    parties = [c for c in ("sender", "target", "first", "second") if c in groups]
    narrowed = [set(names) for names in asked if names]
    if states is None or not parties or any(names <= states for names in narrowed):
        return np.ones(len(groups), dtype=bool)
    known = pd.DataFrame({c: groups[c].isin(states) for c in parties})
    return known.any(axis=1).to_numpy()


def group_codes(
    table: pd.DataFrame, by: Sequence[str], *, more: pd.DataFrame | None = None
) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """
    Give each group of a table a number, in the order of the keys, missing last.

    Returns
    -------
    codes, groups
        The number of each row's group, and one row of keys per number. `more` are
        groups that are wanted even if no row has them. No keys make one group.
    """
    if not by:
        return np.zeros(len(table), dtype=np.int64), pd.DataFrame(index=range(1))
    keys = list(by)
    found = table[keys].drop_duplicates()
    if more is not None:
        found = pd.concat([found, more[keys].astype(found.dtypes.to_dict())]).drop_duplicates()
    groups = found.sort_values(keys, na_position="last", ignore_index=True)
    # A merge on missing keys matches them with each other, as a group-by does.
    numbered = groups.assign(_code=np.arange(len(groups)))
    codes = table[keys].merge(numbered, on=keys, how="left", validate="many_to_one")["_code"]
    return codes.to_numpy(dtype=np.int64), groups


def laid_out(
    groups: pd.DataFrame, periods: pd.DatetimeIndex, values: dict[str, NDArray[np.int64]]
) -> pd.DataFrame:
    """Return one row per group and period from arrays of shape (groups, periods)."""
    n_groups, n_periods = len(groups), len(periods)
    frame = groups.loc[np.repeat(np.arange(n_groups), n_periods)].reset_index(drop=True)
    frame.insert(0, "period", np.tile(periods.to_numpy(), n_groups))
    return frame.assign(**{name: array.ravel() for name, array in values.items()})
