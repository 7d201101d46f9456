"""Describe what a source reports on states and pairs. Read acts or results; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sanctlib.acts import cells_of
from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics._pair_acts import ALL, Among, common_states, in_names
from sanctlib.metrics._questions import (
    absent_from,
    are_states,
    check_covered,
    check_kind,
    check_not_curated,
    periods_asked,
    silent_on,
)
from sanctlib.metrics.counts import CURATED
from sanctlib.metrics.intensity import partnership_intensity
from sanctlib.query import (
    Day,
    Pair,
    ask,
    one_pair,
    state_of,
    whole_of,
)
from sanctlib.result import Result
from sanctlib.schema import COUNTED_SANCTIONS, PARTNERSHIP

_KEYS = ["first", "second"]


def reported_states(
    table: AnyTable,
    *,
    every: Period,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Count the reported co-operation of each state.

    Use it to choose the states of a panel: pairs of states that are hardly reported have only
    zeros. A machine cannot code a person, ministry or firm that the text names without its
    state. Such acts are in no pair, so the share of acts with two coded parties shows how much
    of the source a count of pairs can use.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events or cells: all acts of the source. An act counts once per pair of parties.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. It must be
        known.

    Returns
    -------
    Result
        Its table has ``state``, ``n`` (acts of co-operation in which it is a party, in periods
        that the source covers in full) and ``n_per_period``, most first. ``tables["totals"]``
        has ``what``, ``n`` and ``unit``: the periods, the acts, and those between two coded
        parties.

    Raises
    ------
    CuratedError
        For a hand-picked list.
    SanctlibError
        For a table that holds neither events nor cells, or whose coverage is not known.

    Examples
    --------
    >>> import sanctlib as sl
    >>> news = sl.load("icews_monthly")
    >>> states = sl.metrics.reported_states(news, every="month", end="2018")
    >>> states.table.head(2)[["state", "n"]].values.tolist()
    [['USA', 8281], ['RUS', 7222]]
    """
    query = ask(every=every, start=start, end=end)
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate")
        check_kind(source, "events", "cells")
        check_covered(source)
        span = {"start": query.start, "end": query.end}
        acts = cells_of(source, every=every, by=["sender", "target", "family"], **span)
    periods, whole = periods_asked(acts["period"], query, source.coverage, in_part=True)
    inside = acts[acts["period"].isin(periods[whole])]
    known = inside["sender"].notna() & inside["target"].notna()
    n_all, n_known = int(inside["n_acts"].sum()), int(inside.loc[known, "n_acts"].sum())
    acts = inside[inside["family"].eq("cooperation")]
    sides = [acts.rename(columns={side: "state"})[["state", "n_acts"]] for side in _PARTIES]
    n = pd.concat(sides).groupby("state")["n_acts"].sum()
    n = n[n.index.str.fullmatch("[A-Z]{3}")].sort_values(ascending=False, kind="stable")
    states = n.rename("n").reset_index()
    n_periods = int(whole.sum())
    rows = [
        (f"{every}s covered", n_periods, f"{every}s"),
        ("acts of the source in them", n_all, "acts"),
        ("of these between two coded parties", n_known, "acts"),
    ]
    share = f"{n_known / n_all:.0%} of {n_all:,}" if n_all else "None of 0"
    return Result(
        table=states.assign(n_per_period=states["n"] / max(n_periods, 1)),
        name="Reported co-operation by state",
        query=query,
        unit="reported acts of co-operation",
        n=int(acts["n_acts"].sum()),
        sources=(source.source,),
        notes=("An act of two states counts for each of them.",),
        findings=(
            f"{share} reported acts are between two coded parties. Persons, ministries and firms "
            "named without their state have no code, so their acts are in no pair.",
        ),
        tables={"totals": _totals(rows)},
    )


_PARTIES = ("sender", "target")


def _totals(rows: Sequence[tuple[str, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["what", "n", "unit"])


def pair_series(rates: Result, sanctions: Result) -> Result:
    """
    Join the co-operation of a pair and the sanctions on its states.

    Models of time series take the result. It has only periods that the source covers in full:
    in others counts are lower bounds.

    Parameters
    ----------
    rates : Result
        Of `partnership_intensity`, for one pair and one denominator.
    sanctions : Result
        Of `sanction_counts` by target, for periods of the same length.

    Returns
    -------
    Result
        Its table has ``period``, ``n`` (acts of co-operation), ``exposure``, ``rate``, a column
        per target with the number of sanctions, in the order of ``sanctions.query.targets``,
        and ``sanctions``, their sum. ``tables["totals"]`` has ``what``, ``n`` and ``unit``.

    Raises
    ------
    MissingColumnsError
        For results of another kind.
    SanctlibError
        If no period is covered in full, or a period has several rows.

    Examples
    --------
    >>> import sanctlib as sl
    >>> news, pair = sl.load("icews_monthly"), ("RUS", "IRN")
    >>> asked = {"every": "month", "end": "2018"}
    >>> rates = sl.partnership_intensity(news, pair=pair, **asked)
    >>> on_pair = sl.sanction_counts(news, unit="act", by=["target"], targets=pair, **asked)
    >>> sl.metrics.pair_series(rates, on_pair).table[["n", "RUS", "IRN", "sanctions"]].head(2)
        n   RUS  IRN  sanctions
    0  21  10.0  7.0       17.0
    1  29  11.0  7.0       18.0
    """
    check_columns(rates.table, ["period", "component", "covered", "n", "exposure", "rate"])
    check_columns(sanctions.table, ["period", "target", "covered", "n"])
    query, source = rates.query, rates.sources[0].key if rates.sources else "the table"
    whole = rates.filter(component=ALL, covered=True).table
    if whole.empty:
        span = f"from {query.start} to {query.end}"
        raise SanctlibError(f"{source!r} covers no full {query.every} {span}.")
    if whole["period"].duplicated().any():
        raise SanctlibError("The rates are of several pairs or denominators. Keep one: .filter(…).")
    on_each = sanctions.filter(covered=True).table
    targets = list(sanctions.query.targets or sorted(on_each["target"].unique()))
    wide = on_each.pivot_table("n", "period", "target", aggfunc="first").reindex(columns=targets)
    joint = whole[["period", "n", "exposure", "rate"]].merge(wide.reset_index(), on="period")
    joint = joint.astype(dict.fromkeys(["rate", *targets], "float"))
    joint["sanctions"] = joint[targets].sum(axis=1)
    whose = in_names(query.pairs)
    senders = [name_of(sender) for sender in sanctions.query.senders or ()]
    by = f" (sender{'s' * (len(senders) > 1)}: {', '.join(senders)})" if senders else ""
    rows = [
        (f"co-operation of {whose}", int(joint["n"].sum()), "acts"),
        *((f"sanctions on {name_of(t)}{by}", int(joint[t].sum()), "acts") for t in targets),
    ]
    return Result(
        table=joint,
        name=f"Reported co-operation and sanctions of {whose}",
        query=query,
        unit="reported acts of co-operation",
        n=int(joint["n"].sum()),
        sources=rates.sources,
        findings=tuple(
            f"Reported {what}: {n:,} {unit} in {len(joint)} {query.every}s."
            for what, n, unit in rows
        ),
        tables={"totals": _totals(rows)},
    )


def timeline(
    events: AnyTable,
    *,
    pair: Pair | None = None,
    targets: Sequence[str] | None = None,
    senders: Sequence[str] | None = None,
    start: Day | None = None,
    end: Day | None = None,
) -> Result:
    """
    Choose the acts of two states together, or the sanctions on some states.

    With `pair`: what the two did with or to each other, and, for the partnership that the
    list was made for (Iran and Russia), the sanctions that their senders imposed because of
    it, in whole or in part. With `pair` and `senders`: what the two did with or to each other,
    and the sanctions and statements of these senders towards either. With `targets`: acts of
    sanction (impose, amend) on these states.
    A hand-picked list is denser where it was made more closely: its timeline is no rate.

    Parameters
    ----------
    events : frame, path, Reading or Result
        Events with ``title`` and ``status``.
    pair : tuple of two states, optional
        Codes or names, in either order.
    targets : sequence of str, optional
        States or bodies, as codes or names. Either `pair` or `targets` is needed.
    senders : sequence of str, optional
        States or bodies, as codes or names. Only together with `pair`.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default all.

    Returns
    -------
    Result
        Its table has the columns of `events` and ``side``, the heading under which an act is
        shown: the names of the pair or "Sanctions because of the partnership" (a row per
        act), "Sanctions and statements" of senders, "Acts of sanction" for targets (a row per
        act, sender and target).

    Raises
    ------
    SanctlibError
        For a table that holds no events, or both or none of `pair` and `targets`, or `senders`
        without a pair.

    Examples
    --------
    >>> import sanctlib as sl
    >>> january = {"start": "2025-01", "end": "2025-01"}
    >>> acts = timeline(sl.load("russia_iran"), pair=("IRN", "RUS"), **january)
    >>> acts.table[["date", "side", "action"]].to_dict("records")
    [{'date': Timestamp('2025-01-17 00:00:00'), 'side': 'Iran and Russia', 'action': 'agree'}]
    """
    query = ask(pair=pair, targets=targets, senders=senders, start=start, end=end)
    if (query.pairs is None) == (query.targets is None):
        raise SanctlibError("A timeline is of a pair or on targets. Pass pair=… or targets=….")
    if query.senders is not None and query.pairs is None:
        raise SanctlibError("senders needs pair=…: a timeline on targets has all their senders.")
    with opened(events) as source:
        check_kind(source, "events")
        check_columns(source.columns, ["title", "status"])
        rows = source.small()
    low = pd.Timestamp(query.start) if query.start else rows["date"].min()
    high = pd.Timestamp(query.end) if query.end else rows["date"].max()
    rows = rows[rows["date"].between(low, high)].sort_values("date", kind="stable")
    states = query.targets or one_pair(query)
    whose = " and ".join(map(name_of, states))
    if query.targets is not None:
        name, side = f"Acts of sanction on {whose}", "Acts of sanction"
        imposed = rows["family"].eq("sanction") & rows["action"].isin(COUNTED_SANCTIONS)
        rows = rows[imposed & rows["target"].isin(states)].assign(side=side)
    else:
        name = f"Acts of {whose}"
        sides = pd.Series(pd.NA, index=rows.index, dtype="str")
        if query.senders is not None:
            meant = rows["family"].eq("sanction") | rows["action"].eq("statement")
            towards = rows["sender"].isin(query.senders) & rows["target"].isin(states)
            sides[towards & meant] = "Sanctions and statements"
        elif states == PARTNERSHIP and "because_of_partnership" in rows:
            because = rows["because_of_partnership"].isin(["yes", "partly"])
            sides[because & rows["family"].eq("sanction")] = "Sanctions because of the partnership"
        sides[rows["sender"].isin(states) & rows["target"].isin(states)] = whose
        rows = rows.assign(side=sides)[sides.notna()].drop_duplicates("act_id")
    n = int(rows["act_id"].nunique())
    silent = ": a hand-picked list, so this is not a count" if source.curated and not n else ""
    return Result(
        table=rows.reset_index(drop=True),
        kind="timeline",
        name=name,
        query=query,
        unit="acts",
        n=n,
        sources=(source.source,),
        notes=(CURATED,) if source.curated else (),
        findings=(f"{name}: {n:,} acts ({source.source.described()}){silent}.",),
    )


_OF_PARTNER = {
    "n": ("n", "sum"),
    "rate": ("rate", "median"),
    "rate_low": ("rate", "min"),
    "rate_high": ("rate", "max"),
    "band_low": ("band_low", "median"),
    "band_high": ("band_high", "median"),
    "too_few": ("too_few", "first"),
}


def partners(
    table: AnyTable,
    *,
    state: str,
    every: Period,
    top: int = 8,
    among: Among | None = None,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Rank the states with which a state is reported to co-operate most.

    Partners have at least one act of co-operation a period on average, so that their rates
    can be compared with the band of comparable pairs. States that are reported more rarely
    are counted in ``tables["all"]``: a high observed over expected ratio of a small partner
    cannot appear among the partners.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Events or cells: all acts of the source.
    state : str
        A code or name.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period. Weeks begin on Monday.
    top : int, default 8
        At most so many partners, from 1.
    among : {"common_states"}, optional
        Divide only by acts of co-operation between states that are a party of an act in every
        window of the coverage, as in `partnership_intensity`.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of the coverage.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store.

    Returns
    -------
    Result
        Its table has ``state``, ``partner``, ``n`` (acts in covered periods), the median
        ``rate`` per period with the lowest and highest (``rate_low``, ``rate_high``), the
        median ``band_low`` and ``band_high`` of comparable pairs (all per 1,000 acts) and
        ``too_few`` (fewer than 5 acts a period on average). ``tables["all"]`` has ``partner``
        and ``n`` of every state, ``tables["intensity"]`` the rates per period.

    Raises
    ------
    UnknownChoiceError
        For a code or name that is no state's.
    CuratedError
        For a hand-picked list.
    CoverageError
        For a span with windows of different actors, without `among`.
    SanctlibError
        For a table that holds neither events nor cells.

    Examples
    --------
    >>> import sanctlib as sl
    >>> asked = {"state": "IRN", "every": "month", "top": 2, "end": "2018"}
    >>> partners(sl.load("icews_monthly"), **asked).table[["partner", "n"]].values.tolist()
    [['RUS', 303], ['TUR', 199]]
    """
    own_state = state_of(state, what="state")
    query = ask(every=every, start=start, end=end, state=own_state, among=among)
    own, most = own_state, whole_of(top, what="top", least=1)
    span: dict[str, Any] = {"start": query.start, "end": query.end}
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate")
        check_kind(source, "events", "cells")
        kept: dict[str, Any] = {"keep": {"family": ["cooperation"]}, "touching": [own]}
        acts = cells_of(source, by=_PARTIES, every=every, **kept, **span)
        notes = silent_on(source, absent_from(source, [own], acts, query))
        common = common_states(source, query, among, ())
    other = acts["target"].where(acts["sender"].eq(own), acts["sender"])
    others = acts[are_states(other) & other.ne(own)].groupby(other)["n_acts"].sum()
    everyone = others.sort_values(ascending=False).rename_axis("partner").reset_index(name="n")
    often = everyone[everyone["n"].ge(max(acts["period"].nunique(), 1))]
    often = often[often["partner"].isin(common or often["partner"])].head(most)
    rates = pd.DataFrame(columns=["period", "partner"])
    rows = pd.DataFrame(columns=["state", "partner", *_OF_PARTNER])
    finding = f"No partner of {name_of(own)} has one reported act a {every} on average."
    if len(often):
        of_pairs = partnership_intensity(
            table,
            pair=[(own, partner) for partner in often["partner"]],
            every=every,
            among=among,
            coverage=coverage,
            **span,
        )
        found = of_pairs.table
        covered = found["covered"].fillna(value=True).astype("bool")
        rates = found[found["component"].eq(ALL) & covered]
        rates = rates.assign(partner=rates["second"].where(rates["first"].eq(own), rates["first"]))
        medians = rates.groupby("partner").agg(**_OF_PARTNER)
        rows = often[["partner"]].merge(medians.reset_index(), on="partner").assign(state=own)
        rows = rows[["state", "partner", *_OF_PARTNER]]
        notes = (
            of_pairs.notes[0],
            f"Line: lowest to highest {every}, no sampling interval.",
            "Band: 10th to 90th percentile of comparable pairs.",
        )
    if len(rows):
        first, n = name_of(rows["partner"].iloc[0]), int(rows["n"].iloc[0])
        finding = f"{name_of(own)} is reported to co-operate most with {first}: {n:,} acts"
        finding += f" ({source.source.described()})."
    return Result(
        table=rows,
        kind="partners",
        name=f"{name_of(own)}: most reported partners of {len(everyone)}",
        query=query,
        unit="reported acts of co-operation with the partners shown",
        n=int(rows["n"].sum()),
        sources=(source.source,),
        notes=notes,
        findings=(finding,),
        tables={"all": everyone, "intensity": rates},
    )
