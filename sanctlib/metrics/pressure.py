"""Pressure: sanctions in force undecayed, and the decayed flow of recent ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, SanctlibError, check_columns
from sanctlib.frames import AnyTable, opened
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.questions import TargetRule, Unit
from sanctlib.metrics.stocks import At, active_sanctions
from sanctlib.periods import Period, period_start
from sanctlib.schema import COUNTED_SANCTIONS


def sanction_pressure(
    table: AnyTable,
    *,
    every: Period,
    targets: Sequence[str],
    at: At = "any_day",
    weights: pd.DataFrame | None = None,
    target_rule: TargetRule = "programme",
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
) -> pd.DataFrame:
    """
    Return the stock of sanctions in force on each target, undecayed, of all senders.

    A sanction presses until it is lifted: nothing fades. Unweighted, each case or entity
    counts the same whoever its sender, which says how many there are and not how much they
    hurt. With `weights` each counts by its sender's weight for that target, such as the
    share of the target's trade before the sanctions (after them, trade has fallen because
    of them). Blocs stay whole and need a weight of their own.

    Parameters
    ----------
    table : frame, path or Reading
        Cases, listings or list_changes.
    targets : sequence of str
        The states that are pressed.
    weights : DataFrame, optional
        ``sender``, ``target``, ``weight`` (0-1), and ``date`` where it changes: the weight
        of a date holds until the next. A sender without a weight is counted in
        ``n_unweighted`` and adds nothing.
    every, at, target_rule, start, end, coverage
        As in `active_sanctions`.

    Returns
    -------
    pressure : DataFrame
        ``period``, ``target``, ``unit``, ``n`` (in force; a case of three senders is one),
        ``n_senders``, with `weights` also ``pressure`` (the weighted sum, in which such a case
        has a part per sender) and ``n_unweighted`` (those parts), and ``covered``.

    Raises
    ------
    SanctlibError
        When weights are asked of a list, whose one sender has no code, or lie outside 0-1.
    MissingColumnsError
        When `weights` lacks a column.

    Examples
    --------
    >>> cases = pd.DataFrame({
    ...     "source": "own", "case_id": ["1", "2"], "sender": ["USA", "EU"], "target": "RUS",
    ...     "start": pd.to_datetime(["2019-03-01", "2020-01-01"]),
    ...     "start_last": pd.to_datetime(["2019-03-01", "2020-01-01"]),
    ...     "end": pd.NaT, "end_last": pd.NaT, "ongoing": True,
    ... })
    >>> known = Coverage(source="own", first=date(2019, 1, 1), last=date(2020, 12, 31))
    >>> share = pd.DataFrame({"sender": ["USA", "EU"], "target": "RUS", "weight": [0.05, 0.45]})
    >>> found = sanction_pressure(
    ...     cases, every="year", targets=["RUS"], weights=share, coverage=known
    ... )
    >>> found[["period", "n", "n_senders", "pressure"]]
          period  n  n_senders  pressure
    0 2019-01-01  1          1      0.05
    1 2020-01-01  2          2       0.5
    """
    who = "sanction_pressure"
    stocks, whole = (
        active_sanctions(
            table,
            every=every,
            at=at,
            by=by,
            target_rule=target_rule,
            start=start,
            end=end,
            coverage=coverage,
            targets=targets,
        )
        for by in (["sender", "target"], ["target"])
    )
    sender = next(c for c in ("sender", "list") if c in stocks)
    stocks = stocks.assign(held=stocks["n"].gt(0))
    keys = ["period", "target", "unit"]
    sums: dict[str, Any] = {"n_senders": ("held", "sum")}
    if weights is not None:
        if sender != "sender":
            raise SanctlibError(f"{who} weighs senders, and a list names none: weigh cases.")
        stocks["weight"] = _weight(stocks, weights, who)
        stocks["pressure"] = stocks["n"].astype("Float64") * stocks["weight"].fillna(0.0)
        stocks["n_unweighted"] = stocks["n"].where(stocks["weight"].isna(), 0)
        sums |= {"pressure": ("pressure", _sum), "n_unweighted": ("n_unweighted", _sum)}
    found = stocks.groupby(keys, sort=True, dropna=False).agg(**sums).reset_index()
    found = whole[[*keys, "n", "covered"]].merge(found, how="left", on=keys)
    more = ["pressure", "n_unweighted"] if weights is not None else []
    # A state that nobody sanctions has no sender: inside coverage its pressure is zero.
    for column in ("n_senders", *more):
        found[column] = found[column].fillna(0).where(found["n"].notna())
    found = found.astype({"n_senders": "Int64"})
    found = found.sort_values(["period", "target"], ignore_index=True)
    return found[[*keys, "n", "n_senders", *more, "covered"]]


def recent_sanctions(
    table: AnyTable,
    *,
    every: Period,
    unit: Unit,
    half_life: float,
    by: Sequence[str] = ("target",),
    actions: Sequence[str] = COUNTED_SANCTIONS,
    target_rule: TargetRule = "programme",
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Return the decayed flow of new sanctions: how much was imposed lately.

    ``recent(t) = recent(t-1) * 2 ** (-1 / half_life) + n(t)``. It measures news of
    sanctions and not their weight: a ban of old that still holds has faded here, and
    counts in full in `sanction_pressure`. The half-life is a choice, so it is required;
    print 3, 6 and 24 months beside 12. What was imposed before the coverage is not known:
    ``unseen`` is what one sanction of the day before it would still count.

    Parameters
    ----------
    half_life : float
        In periods of `every`, above 0.
    table, every, unit, by, actions, target_rule, start, end, coverage, senders, targets
        As in `sanction_counts`. `start` and `end` choose the periods returned.

    Returns
    -------
    recent : DataFrame
        ``period``, the keys, ``unit``, ``n`` (imposed in the period), ``recent``, missing
        from the first period that is not covered on, ``half_life``, ``unseen`` and
        ``covered``. Without coverage it cannot be computed.

    Raises
    ------
    CuratedError
        For a hand-picked list.
    SanctlibError
        For a half-life not above 0, or a table of which nobody said what it covers.

    Examples
    --------
    >>> cells = pd.DataFrame({
    ...     "period": pd.to_datetime(["2018-01-01"]), "sender": "USA", "target": "RUS",
    ...     "mutual": False, "family": "sanction", "action": "impose", "n_acts": 1,
    ... })
    >>> known = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 10, 31))
    >>> found = recent_sanctions(cells, every="month", unit="act", half_life=3, coverage=known)
    >>> found["recent"].iloc[[0, 3, 6, 9]].round(6).tolist()
    [1.0, 0.5, 0.25, 0.125]
    """
    who = "recent_sanctions"
    if not half_life > 0:
        raise SanctlibError(f"{who} needs a half-life above 0 periods, got {half_life!r}.")
    with opened(table, needed_by=who) as source:
        if source.curated:
            raise CuratedError(f"{who} cannot use {source.name!r}: a hand-picked list has no flow.")
    # The stock of a span needs what came before it, so the whole coverage is counted.
    counts = sanction_counts(
        table,
        every=every,
        unit=unit,
        by=by,
        actions=actions,
        target_rule=target_rule,
        coverage=coverage,
        senders=senders,
        targets=targets,
    )
    counts = counts[counts["period"].notna()]
    if counts.empty or counts["covered"].isna().all():
        msg = f"{who} needs to know what the table covers: outside it a zero is not known."
        raise SanctlibError(msg + " Pass coverage=….")
    keys = list(counts.columns[1 : counts.columns.get_loc("unit")])
    counts = counts.sort_values([*keys, "period"], na_position="last", ignore_index=True)
    periods = counts["period"].drop_duplicates().sort_values()
    covered = counts["covered"].fillna(value=False).astype("bool")
    # Groups are laid out on the same periods: a row of the square is a group.
    square = counts["n"].where(covered).to_numpy("float64", na_value=np.nan)
    keep = 2 ** (-1 / half_life)
    recent = _decayed(square.reshape(-1, len(periods)), keep)
    first = counts.loc[covered, "period"].min()
    age = np.searchsorted(periods, counts["period"]) - np.searchsorted(periods, first) + 1
    found = counts.assign(recent=recent.ravel(), half_life=half_life, unseen=keep**age)
    for day, low in ((start, True), (end, False)):
        if day is not None:
            bound = period_start(pd.Series([pd.Timestamp(day)]), every=every).iloc[0]
            found = found[found["period"].ge(bound) if low else found["period"].le(bound)]
    columns = ["period", *keys, "unit", "n", "recent", "half_life", "unseen", "covered"]
    return found[columns].reset_index(drop=True)


def _decayed(flow: NDArray[np.float64], keep: float) -> NDArray[np.float64]:
    """Return the decayed stock of each row; missing before it is known and after a gap."""
    stock = np.full_like(flow, np.nan)
    run = np.full(len(flow), np.nan)
    begun = np.zeros(len(flow), dtype=bool)
    for i, new in enumerate(flow.T):
        run = np.where(begun, run * keep + new, new)
        begun |= ~np.isnan(new)
        stock[:, i] = run
    return stock


def _sum(values: pd.Series) -> object:
    return values.sum(min_count=1)


def _weight(stocks: pd.DataFrame, weights: pd.DataFrame, who: str) -> pd.Series:
    """Return the weight of each row's sender for its target, as of its period."""
    check_columns(weights, ["sender", "target", "weight"], needed_by=f"{who}: weights")
    if not weights["weight"].between(0, 1).all():
        raise SanctlibError(f"{who} needs weights between 0 and 1.")
    pairs = ["sender", "target"]
    if "date" not in weights:
        return stocks[pairs].merge(weights, how="left", validate="many_to_one")["weight"]
    dated = weights.assign(period=pd.to_datetime(weights["date"]).astype("datetime64[us]"))
    rows = stocks[["period", *pairs]].reset_index().sort_values("period")
    joined = pd.merge_asof(
        rows, dated.sort_values("period")[["period", *pairs, "weight"]], on="period", by=pairs
    )
    return joined.set_index("index")["weight"].reindex(stocks.index)
