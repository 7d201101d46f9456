"""Measure the sanctions on a state or on both of a pair. Read tables; return a Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, period_start
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics._questions import absent_from, check_covered, check_not_curated, silent_on
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.stocks import At, active_sanctions
from sanctlib.query import Between, Day, Pair, Query, TargetRule, Unit, ask, number_of, one_pair
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
    between: Between | None = None,
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
    between : {"versions"}, optional
        With list_changes: from the versions nearest to the ends of each period, as in
        `sanction_counts` and `active_sanctions`. Otherwise ``n`` is missing where a change may
        lie in another period.
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
        the period), ``recent`` (missing from the first period that is not covered; with
        list_changes it begins again after the last gap), ``half_life``, ``unseen`` (what one
        sanction of the day before the coverage or gap would
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
    >>> us, iran = sl.load("ofac_sdn"), {"every": "year", "targets": ["IRN"], "start": "2021"}
    >>> iran |= {"end": "2023", "between": "versions"}
    >>> sanction_pressure(us, at="end_of_period", **iran).table["n"].tolist()
    [1818, 1964, 2199]
    >>> recent = sanction_pressure(us, half_life=1, unit="entity", **iran)
    >>> recent.table["recent"].round().tolist()
    [249.0, 276.0, 382.0]
    """
    asked: dict[str, Any] = {
        "every": every,
        "target_rule": target_rule,
        "between": between,
        "coverage": coverage,
        "senders": senders,
        "targets": targets,
    }
    span = ask(start=start, end=end)
    if half_life is not None:
        if unit is None:
            msg = "half_life counts new sanctions. Pass their unit, such as unit='act'."
            raise SanctlibError(msg)
        half_life = number_of(half_life, what="half_life", least=0, above=True)
        return _recent(table, half_life, span, {**asked, "unit": unit, "actions": actions})
    if unit is not None:
        msg = f"unit is {unit!r}, and without half_life the unit is what the table holds in force."
        raise SanctlibError(f"{msg} Leave it out, or pass half_life.")
    found, whole = (
        active_sanctions(table, at=at, by=by, start=span.start, end=span.end, **asked)
        for by in (["sender", "target"], ["target"])
    )
    # A stock between two bounds is one of the sender all the same.
    stocks = found.table.assign(held=found.table["n"].fillna(found.table["lower"]).gt(0))
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


def _recent(table: AnyTable, half_life: float, span: Query, asked: Mapping[str, Any]) -> Result:
    """Return the decayed flow of new sanctions on each target."""
    with opened(table, coverage=asked["coverage"]) as source:
        check_not_curated(source, what="flow")
        check_covered(source)
        of_versions = source.kind == "list_changes"
    # What is recent in a span depends on what came before it, so all periods are counted.
    new, every = sanction_counts(table, by=["target"], **asked), asked["every"]
    counts = new.table[new.table["period"].notna()]
    counts = counts.sort_values(["target", "period"], na_position="last", ignore_index=True)
    periods = counts["period"].drop_duplicates().sort_values()
    covered = counts["covered"].fillna(value=False).astype("bool")
    # Groups are laid out on the same periods: a row of the square is a group.
    square = counts["n"].where(covered).to_numpy("float64", na_value=np.nan)
    keep = 2 ** (-1 / half_life)
    flow = square.reshape(-1, max(len(periods), 1))
    if of_versions:
        # Where versions are years apart nothing is known: what follows begins anew.
        known = np.flatnonzero(~np.isnan(flow).any(axis=0))
        gaps = np.setdiff1d(np.arange(known.max(initial=0)), known)
        begun = int(gaps.max(initial=-1)) + 1
        flow[:, :begun] = np.nan
        covered &= counts["period"].isin(periods.iloc[begun:])
    recent = _decayed(flow, keep)
    first = counts.loc[covered, "period"].min()
    age = np.searchsorted(periods, counts["period"]) - np.searchsorted(periods, first) + 1
    found = counts.assign(recent=recent.ravel(), half_life=half_life, unseen=keep**age)
    days = pd.Series([span.start, span.end], dtype="datetime64[us]")
    low, high = period_start(days, every=every)
    after, before = (pd.isna(low) | found["period"].ge(low)), found["period"].le(high)
    found = found[after & (pd.isna(high) | before)]
    columns = ["period", "target", "unit", "n", "recent", "half_life", "unseen", "covered"]
    return replace(
        new,
        table=found[columns].reset_index(drop=True),
        kind="recent",
        name=f"Recent sanctions, half-life {half_life:g} {every}s",
        query=replace(new.query, start=span.start, end=span.end),
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


def shared_sanctioners(
    tables: AnyTable | Mapping[str, AnyTable],
    *,
    pair: Pair,
    every: Period,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Name the senders that sanction both states of a pair, per period and source.

    Of cases and lists: those with a sanction in force on any day of the period. Of events:
    those that imposed one in the period, since an act has no end. A bloc counts once under
    its own code; expand it first with `expand_blocs` to count its members of that day (of a
    reading its ``table``, and pass on its ``coverage``): for
    Iran and Russia in 2022 the two answers differ by an order of magnitude. Sources
    disagree, so give several: ``disputed`` names what one says and another that covers the
    period does not, though it names that sender elsewhere: a source of three senders does
    not deny the others.

    Parameters
    ----------
    tables : table, or mapping of name to table
        Cases, events, cells, listings or list_changes.
    pair : tuple of two states
        Codes or names, in either order.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        Of one table; readings bring their own.

    Returns
    -------
    Result
        Its table has ``source``, ``period``, ``first``, ``second``, ``n_first``, ``n_second``,
        ``n_shared``, ``jaccard`` (0-1; missing where neither is sanctioned), ``shared`` and
        ``disputed`` (senders joined by ``;``), ``covered``. Counts of periods that are not
        covered, and show nothing, are missing, and so are those of a state without a sender
        on a hand-picked list.

    Raises
    ------
    SanctlibError
        For one state twice, or a table that holds no sanctions.

    Examples
    --------
    >>> cells = pd.DataFrame({
    ...     "period": pd.Timestamp("2018-01-01"), "sender": ["USA", "USA", "CAN"],
    ...     "target": ["RUS", "IRN", "RUS"], "mutual": False, "family": "sanction",
    ...     "action": "impose", "n_acts": 1,
    ... })
    >>> found = shared_sanctioners(cells, pair=("IRN", "RUS"), every="year")
    >>> found.table[["n_first", "n_second", "n_shared", "jaccard", "shared"]].to_dict("records")
    [{'n_first': 1, 'n_second': 2, 'n_shared': 1, 'jaccard': 0.5, 'shared': 'USA'}]
    """
    query = ask(pair=pair, every=every, start=start, end=end)
    first, second = one_pair(query)
    span = {"every": every, "start": query.start, "end": query.end, "coverage": coverage}
    found, sources = {}, []
    named_by: dict[str, set[str]] = {}
    notes = ["A bloc counts once, under its own code."]
    named = tables if isinstance(tables, Mapping) else {None: tables}
    for name, table in named.items():
        with opened(table, coverage=coverage) as source:
            label = source.name if name is None else name
            silent = absent_from(source, (first, second), pd.DataFrame(), query)
            notes += silent_on(source, silent)
        by = {"by": ["sender", "target"], "targets": [first, second], **span}
        if source.kind in ("events", "cells"):
            counts = sanction_counts(table, unit="act", **by).table  # type: ignore[arg-type]
            counts = counts[counts["period"].notna()]
        else:
            counts = active_sanctions(table, at="any_day", **by).table  # type: ignore[arg-type]
            # Who surely had one in force is named, also where the number is not known.
            counts["n"] = counts["n"].fillna(counts["lower"])
        found[label] = _on_both(counts, (first, second), silent, curated=source.curated)
        named_by[label] = {*counts["sender"].dropna()}
        sources.append(source.source)
    rows = pd.concat(found, names=["source"]).reset_index("source").reset_index(drop=True)
    rows["disputed"] = _disputed(rows, named_by)
    rows = rows.assign(first=first, second=second)
    for column in ("shared", "disputed"):
        rows[column] = rows[column].map(";".join, na_action="ignore")
    numbers = ["n_first", "n_second", "n_shared"]
    types = {**dict.fromkeys(numbers, "Int64"), "jaccard": "Float64"}
    types |= dict.fromkeys(("source", "shared", "disputed"), "str")
    columns = ["source", "period", "first", "second", *numbers]
    table = rows[[*columns, "jaccard", "shared", "disputed", "covered"]].astype(types)
    everyone = {sender for text in table["shared"].dropna() for sender in text.split(";") if sender}
    words = f"enders that sanction both {name_of(first)} and {name_of(second)}"
    return Result(
        table=table,
        kind="shared",
        name=f"S{words}",
        query=query,
        unit=f"s{words}",
        n=len(everyone),
        sources=tuple(sources),
        notes=tuple(notes),
    )


def _on_both(
    counts: pd.DataFrame, pair: Pair, absent: Sequence[str], *, curated: bool
) -> pd.DataFrame:
    """Return per period the senders on each state of the pair, and on both."""
    rows = []
    for period, group in counts.groupby("period", sort=True):
        held = group[group["n"].gt(0) & group["sender"].notna()]
        on_first, on_second = ({*held.loc[held["target"].eq(s), "sender"]} for s in pair)
        both, either = sorted(on_first & on_second), on_first | on_second
        blank = group["n"].isna().all()
        # A hand-picked list that has no sender on a state does not say that there is none.
        sides = zip(pair, (on_first, on_second), strict=True)
        silent = [blank or s in absent or (curated and not senders) for s, senders in sides]
        rows.append(
            {
                "period": period,
                "n_first": pd.NA if silent[0] else len(on_first),
                "n_second": pd.NA if silent[1] else len(on_second),
                "n_shared": pd.NA if any(silent) else len(both),
                "jaccard": len(both) / len(either) if either and not any(silent) else pd.NA,
                "shared": None if any(silent) else both,
                "covered": not absent and group["covered"].all()
                if group["covered"].notna().all()
                else pd.NA,
            }
        )
    columns = ["period", "n_first", "n_second", "n_shared", "jaccard", "shared", "covered"]
    types = {"period": "datetime64[us]", "covered": "boolean"}
    return pd.DataFrame(rows, columns=columns).astype(types)


def _disputed(rows: pd.DataFrame, named_by: Mapping[str, set[str]]) -> pd.Series:
    """Return the senders that another source, which covers the period and names them, does not."""
    disputed: list[list[str] | None] = []
    covered = rows["covered"].fillna(value=False)
    for row in rows.to_dict("records"):
        others = rows[covered & rows["period"].eq(row["period"]) & rows["source"].ne(row["source"])]
        denied: set[str] = set()
        for source, shared in zip(others["source"], others["shared"], strict=True):
            denied |= ({*(row["shared"] or ())} & named_by[source]) - {*(shared or ())}
        disputed.append(None if row["shared"] is None else sorted(denied))
    return pd.Series(disputed, index=rows.index, dtype="object")
