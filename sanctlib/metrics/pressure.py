"""Measure the pressure of sanctions: in force, or recent. Read a table; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.coverage import Coverage
from sanctlib.dates import Period, period_start
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics._questions import check_covered, check_not_curated
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.stocks import At, active_sanctions
from sanctlib.query import Day, TargetRule, Unit, ask, number_of
from sanctlib.result import Result
from sanctlib.schema import COUNTED_SANCTIONS


def sanction_pressure(
    table: AnyTable,
    *,
    every: Period,
    targets: Sequence[str] | None = None,
    senders: Sequence[str] | None = None,
    half_life: float | None = None,
    unit: Unit | None = None,
    actions: Sequence[str] = COUNTED_SANCTIONS,
    at: At = "any_day",
    weights: pd.DataFrame | None = None,
    target_rule: TargetRule = "programme",
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Measure how much sanctions pressure each target is under, in force or recent.

    Without `half_life`: the sanctions in force, which count in full until they are lifted.
    Unweighted, each case or entity counts the same whoever its sender; with `weights` each
    counts by its sender's weight for that target, such as the share of the target's trade
    before the sanctions (after them, trade has fallen because of them). Blocs stay whole and
    need a weight of their own.

    With `half_life`: the new sanctions, each of which decays:
    ``recent(t) = recent(t-1) * 2 ** (-1 / half_life) + n(t)``. This measures news of
    sanctions and not their weight: an old ban still in force counts fully as pressure, but
    has decayed as news. Show other half-lives next to the one chosen.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Cases, listings or list_changes; with `half_life` anything that `sanction_counts`
        takes.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    targets, senders : sequence of str, optional
        Only these states or bodies, as codes or names.
    half_life : float, optional
        In periods of `every`, above 0.
    unit : {"act", "dyad", "case", "coalition", "entity", "designation"}, optional
        What is counted; needed with `half_life`, and only then.
    actions : sequence of str, default ("impose", "amend")
        With `half_life`: actions of sanction that count.
    at : {"any_day", "end_of_period"}, default "any_day"
        Without `half_life`: whether ``n`` counts what was in force on any day of the period,
        or after its last.
    weights : DataFrame, optional
        Without `half_life`: ``sender``, ``target``, ``weight`` (0-1), and ``date`` where it
        changes: the weight of a date applies until the next. A sender without a weight is
        counted in ``n_unweighted`` and adds nothing.
    target_rule : {"programme", "conduct", "address"}, default "programme"
        Whom a sanction targets, as in `sanction_counts`.
    start, end : day, optional
        First and last day of the periods returned, as ISO text ("2022", "2022-03",
        "2022-03-01"), date, datetime, Timestamp, datetime64 or Period. What was before counts.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store.

    Returns
    -------
    Result
        Without `half_life` its table has ``period``, ``target``, ``unit``, ``n`` (in force; a
        case of three senders is one), ``n_senders``, with `weights` also ``pressure`` (the
        weighted sum, in which such a case has a part per sender) and ``n_unweighted`` (those
        parts), and ``covered``. With it: ``period``, ``target``, ``unit``, ``n`` (imposed in
        the period), ``recent`` (missing from the first period that is not covered),
        ``half_life``, ``unseen`` (what one sanction of the day before the coverage would
        still count) and ``covered``.

    Raises
    ------
    CuratedError
        With `half_life`, for a hand-picked list.
    SanctlibError
        For a half-life not above 0 or without a unit, weights outside 0-1, or with
        `half_life` a table whose coverage is not known.
    MissingColumnsError
        When `weights` lacks a column.

    Examples
    --------
    >>> import sanctlib as sl
    >>> us, iran = sl.load("ofac_sdn"), {"every": "year", "targets": ["IRN"], "start": "2022"}
    >>> sanction_pressure(us, at="end_of_period", **iran).table["n"].tolist()
    [1964, 2199, 2296]
    >>> sanction_pressure(us, half_life=1, unit="entity", **iran).table["recent"].tolist()
    [151.0, 319.5, nan]
    """
    if half_life is not None:
        return _recent(
            table,
            every=every,
            unit=unit,
            half_life=number_of(half_life, what="half_life", least=0, above=True),
            actions=actions,
            target_rule=target_rule,
            start=start,
            end=end,
            coverage=coverage,
            senders=senders,
            targets=targets,
        )
    if unit is not None:
        msg = f"unit is {unit!r}, and without half_life the unit is what the table holds in force."
        raise SanctlibError(f"{msg} Leave it out, or pass half_life.")
    found, whole = (
        active_sanctions(
            table,
            every=every,
            at=at,
            by=by,
            target_rule=target_rule,
            start=start,
            end=end,
            coverage=coverage,
            senders=senders,
            targets=targets,
        )
        for by in (["sender", "target"], ["target"])
    )
    stocks = found.table.assign(held=found.table["n"].gt(0))
    keys = ["period", "target", "unit"]
    sums: dict[str, Any] = {"n_senders": ("held", "sum")}
    if weights is not None:
        stocks["weight"] = _weight(stocks, weights)
        stocks["pressure"] = stocks["n"].astype("Float64") * stocks["weight"].fillna(0.0)
        stocks["n_unweighted"] = stocks["n"].where(stocks["weight"].isna(), 0)
        sums |= {"pressure": ("pressure", _sum), "n_unweighted": ("n_unweighted", _sum)}
    of_target = stocks.groupby(keys, sort=True, dropna=False).agg(**sums).reset_index()
    rows = whole.table[[*keys, "n", "covered"]].merge(of_target, how="left", on=keys)
    more = ["pressure", "n_unweighted"] if weights is not None else []
    # A state that nobody sanctions has no sender: inside coverage its pressure is zero.
    for column in ("n_senders", *more):
        rows[column] = rows[column].fillna(0).where(rows["n"].notna())
    rows = rows.astype({"n_senders": "Int64"})
    rows = rows.sort_values(["period", "target"], ignore_index=True)
    weighted = ("Weighted by sender.",) if weights is not None else ()
    return replace(
        whole,
        table=rows[[*keys, "n", "n_senders", *more, "covered"]],
        kind="pressure",
        name="Sanctions in force on each target",
        notes=(*whole.notes, *weighted),
    )


def _recent(
    table: AnyTable,
    *,
    every: Period,
    unit: Unit | None,
    half_life: float,
    actions: Sequence[str],
    target_rule: TargetRule,
    start: Day | None,
    end: Day | None,
    coverage: Coverage | None,
    senders: Sequence[str] | None,
    targets: Sequence[str] | None,
) -> Result:
    """Return the decayed flow of new sanctions on each target."""
    if unit is None:
        raise SanctlibError("half_life counts new sanctions. Pass their unit, such as unit='act'.")
    query = ask(start=start, end=end)
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="flow")
        check_covered(source)
    # What is recent in a span depends on what came before it, so all periods are counted.
    new = sanction_counts(
        table,
        every=every,
        unit=unit,
        by=["target"],
        actions=actions,
        target_rule=target_rule,
        coverage=coverage,
        senders=senders,
        targets=targets,
    )
    counts = new.table[new.table["period"].notna()]
    counts = counts.sort_values(["target", "period"], na_position="last", ignore_index=True)
    periods = counts["period"].drop_duplicates().sort_values()
    covered = counts["covered"].fillna(value=False).astype("bool")
    # Groups are laid out on the same periods: a row of the square is a group.
    square = counts["n"].where(covered).to_numpy("float64", na_value=np.nan)
    keep = 2 ** (-1 / half_life)
    recent = _decayed(square.reshape(-1, max(len(periods), 1)), keep)
    first = counts.loc[covered, "period"].min()
    age = np.searchsorted(periods, counts["period"]) - np.searchsorted(periods, first) + 1
    found = counts.assign(recent=recent.ravel(), half_life=half_life, unseen=keep**age)
    for day, low in ((query.start, True), (query.end, False)):
        if day is not None:
            bound = period_start(pd.Series([pd.Timestamp(day)]), every=every).iloc[0]
            found = found[found["period"].ge(bound) if low else found["period"].le(bound)]
    columns = ["period", "target", "unit", "n", "recent", "half_life", "unseen", "covered"]
    return replace(
        new,
        table=found[columns].reset_index(drop=True),
        kind="recent",
        name=f"Recent sanctions, half-life {half_life:g} {every}s",
        query=replace(new.query, start=query.start, end=query.end),
        notes=(f"Each sanction loses half its weight in {half_life:g} {every}s.", *new.notes),
        findings=(),
    )


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


def _weight(stocks: pd.DataFrame, weights: pd.DataFrame) -> pd.Series:
    """Return the weight of each row's sender for its target, as of its period."""
    check_columns(weights, ["sender", "target", "weight"])
    if not weights["weight"].between(0, 1).all():
        raise SanctlibError("weights has a weight below 0 or above 1. A weight is a share.")
    pairs = ["sender", "target"]
    if "date" not in weights:
        return stocks[pairs].merge(weights, how="left", validate="many_to_one")["weight"]
    dated = weights.assign(period=pd.to_datetime(weights["date"]).astype("datetime64[us]"))
    rows = stocks[["period", *pairs]].reset_index().sort_values("period")
    joined = pd.merge_asof(
        rows, dated.sort_values("period")[["period", *pairs, "weight"]], on="period", by=pairs
    )
    return joined.set_index("index")["weight"].reindex(stocks.index)
