"""Rank the partners of a state by reported co-operation. Read acts; return a Result."""

from __future__ import annotations

import pandas as pd

from sanctlib.acts import cells_of
from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period
from sanctlib.engines import AnyTable, opened
from sanctlib.metrics._pair_acts import ALL
from sanctlib.metrics._questions import check_kind, check_not_curated
from sanctlib.metrics.intensity import partnership_intensity
from sanctlib.query import Day, ask, state_of, whole_of
from sanctlib.result import Result

_COLUMNS = ("state", "partner", "n", "rate", "rate_low", "rate_high")
_MORE = ("band_low", "band_high", "too_few")


def partners(
    table: AnyTable,
    *,
    state: str,
    every: Period,
    top: int = 8,
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
    SanctlibError
        For a table that holds neither events nor cells.

    Examples
    --------
    >>> import sanctlib as sl
    >>> news = sl.load("icews_2018_monthly")
    >>> partners(news, state="IRN", every="month", top=2).table[["partner", "n"]].values.tolist()
    [['RUS', 303], ['TUR', 199]]
    """
    query = ask(every=every, start=start, end=end, state=state_of(state, what="state"))
    own, most = str(query.options["state"]), whole_of(top, what="top", least=1)
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate")
        check_kind(source, "events", "cells")
        acts = cells_of(
            source,
            by=["sender", "target"],
            keep={"family": ["cooperation"]},
            touching=[own],
            every=every,
            start=query.start,
            end=query.end,
        )
    everyone = _of_each(acts, own)
    n_periods = int(acts["period"].nunique())
    often = everyone[everyone["n"].ge(max(n_periods, 1))].head(most)
    rates = pd.DataFrame(columns=["period", "partner"])
    rows = pd.DataFrame(columns=[*_COLUMNS, *_MORE])
    notes: tuple[str, ...] = ()
    if len(often):
        found = partnership_intensity(
            table,
            pair=[(own, other) for other in often["partner"]],
            every=every,
            start=query.start,
            end=query.end,
            coverage=coverage,
        )
        whole = found.table[found.table["component"].eq(ALL)]
        rates = whole[whole["covered"].fillna(value=True).astype("bool")]
        rates = rates.assign(partner=rates["second"].where(rates["first"].eq(own), rates["first"]))
        medians = rates.groupby("partner").agg(
            n=("n", "sum"),
            rate=("rate", "median"),
            rate_low=("rate", "min"),
            rate_high=("rate", "max"),
            band_low=("band_low", "median"),
            band_high=("band_high", "median"),
            too_few=("too_few", "first"),
        )
        rows = often[["partner"]].merge(medians.reset_index(), on="partner").assign(state=own)
        rows = rows[[*_COLUMNS, *_MORE]]
        notes = (
            f"Per 1,000 acts. Line: lowest to highest {every}, no sampling interval.",
            "Band: 10th to 90th percentile of comparable pairs.",
        )
    first = rows.iloc[0] if len(rows) else None
    return Result(
        table=rows,
        kind="partners",
        name=f"{name_of(own)}: most reported partners of {len(everyone)}",
        query=query,
        unit="reported acts of co-operation with the partners shown",
        n=int(rows["n"].sum()),
        sources=(source.source,),
        notes=notes,
        findings=(
            f"{name_of(own)} is reported to co-operate most with {name_of(first['partner'])}: "
            f"{int(first['n']):,} acts ({source.source.described()}).",
        )
        if first is not None
        else (f"No partner of {name_of(own)} has one reported act a {every} on average.",),
        tables={"all": everyone, "intensity": rates},
    )


def _of_each(acts: pd.DataFrame, own: str) -> pd.DataFrame:
    """Return the acts of co-operation with each other state, most first."""
    other = acts["target"].where(acts["sender"].eq(own), acts["sender"])
    state = other.str.fullmatch("[A-Z]{3}").fillna(value=False).astype("bool") & other.ne(own)
    n = acts[state].groupby(other[state])["n_acts"].sum().sort_values(ascending=False)
    return n.rename_axis("partner").rename("n").reset_index()
