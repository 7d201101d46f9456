"""Panels: every dyad of states that existed, every period, with zeros inside coverage alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.codes.countries import check_states, resolve
from sanctlib.counting import cells_of
from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, SanctlibError, check_choice
from sanctlib.frames import AnyTable, Opened, opened
from sanctlib.metrics.grid import lived_groups, periods_asked
from sanctlib.periods import PERIODS, Period, period_start
from sanctlib.schema import ACTIONS, COMPONENTS, COUNTED_SANCTIONS

PanelSuccession: TypeAlias = Literal["strict", "dominant"]

PANEL_COLUMNS: Mapping[str, Sequence[str]] = {
    **COMPONENTS,
    "sanctions": COUNTED_SANCTIONS,
}
"""What is counted by default: the components of co-operation, and sanctions imposed."""


def dyad_panel(
    table: AnyTable,
    *,
    every: Period,
    states: Sequence[str],
    directed: bool,
    columns: Mapping[str, Sequence[str]] | None = None,
    absent: Literal["zero", "missing"] = "missing",
    succession: PanelSuccession = "strict",
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
) -> pd.DataFrame:
    """
    Lay out every dyad of `states` in every period: what a panel model needs.

    A dyad has a row in a period if both states existed on one of its days: two states of
    one year that never met are no dyad. A count is zero only where the source
    covers the period whole and speaks of both states. Elsewhere acts that were seen stay
    counted, as a lower bound, and none is missing; ``covered`` tells these rows apart.
    Acts of unknown parties or of blocs are in no dyad: write blocs out first with
    `expand_blocs` if their members should have them.

    Parameters
    ----------
    table : frame, path or Reading
        Events or cells (counts of acts), or dyads (values; each measure is a column).
    states : sequence of str
        The states whose pairs are wanted.
    directed : bool
        A row for each direction, `first` towards `second`, acts done by both together in
        each; or one row per pair, `first` before `second`, each act once. Of dyads that are
        directed in the table, an undirected panel has the sum, missing where one is: where
        both directions are coded from the same events, as in ICEWS dyad-years, one number
        counts a meeting twice, and half of it is no count of meetings either.
    columns : mapping of name to actions, optional
        Of events and cells; `PANEL_COLUMNS` by default.
    absent : {"zero", "missing"}
        Of dyads: whether a pair that the table does not hold, inside its coverage, is a
        zero (counts of events, as ICEWS dyad-years) or not known (trade).
    succession : {"strict", "dominant"}
        Whether a state that took another's place is a new state, or carries it on: with
        "dominant" the Soviet Union is RUS, all years.
    start, end : date, optional
        First and last day; by default those of the coverage.

    Returns
    -------
    panel : DataFrame
        ``period``, ``first``, ``second``, a column each (Int64 for counts, Float64 for
        values) and ``covered``, sorted by pair and period.

    Raises
    ------
    UnknownChoiceError
        For a code that is no state's, or an unknown action.
    CuratedError
        For a hand-picked list.
    SanctlibError
        When nobody said what the table covers, it is of another kind, or `states` are not two.

    Examples
    --------
    >>> cells = pd.DataFrame({
    ...     "period": pd.to_datetime(["2018-01-01"]), "sender": "RUS", "target": "IRN",
    ...     "mutual": False, "family": "cooperation", "action": "visit", "n_acts": 3,
    ... })
    >>> known = Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 2, 28))
    >>> dyad_panel(cells, every="month", states=["RUS", "IRN"], directed=True,
    ...            columns={"visits": ["visit"]}, coverage=known)
          period first second  visits  covered
    0 2018-01-01   IRN    RUS       0     True
    1 2018-02-01   IRN    RUS       0     True
    2 2018-01-01   RUS    IRN       3     True
    3 2018-02-01   RUS    IRN       0     True
    """
    who = "dyad_panel"
    check_choice(every, PERIODS, what="period", needed_by=who)
    check_choice(absent, ("zero", "missing"), what="rule", needed_by=who)
    check_choice(succession, ("strict", "dominant"), what="succession", needed_by=who)
    check_states(states, needed_by=who)
    if len(set(states)) < 2:
        msg = f"{who} needs two states or more, whose pairs it lays out, and got {list(states)!r}."
        raise SanctlibError(msg)
    wanted = PANEL_COLUMNS if columns is None else columns
    for action in (a for actions in wanted.values() for a in actions):
        known = [a for actions in ACTIONS.values() for a in actions]
        check_choice(action, known, what="action", needed_by=who)
    with opened(table, needed_by=who, coverage=coverage) as source:
        if source.curated:
            msg = f"{who} cannot use {source.name!r}: a hand-picked list is a timeline, no panel."
            raise CuratedError(msg)
        if source.coverage is None:
            msg = f"{who} needs to know what {source.name!r} covers, to tell zero from missing"
            raise SanctlibError(f"{msg}: pass coverage=….")
        known_of = source.coverage
        if source.kind == "dyads":
            long = _values(source, every, directed=directed, who=who)
        else:
            long = _counts(source, every, wanted, start, end, directed=directed, who=who)
    periods, whole = periods_asked(
        long["period"].iloc[:0], every=every, start=start, end=end, coverage=known_of
    )
    long = _carried_on(long, succession)
    long = long if directed else ordered_pairs(long)
    panel = _grid(sorted(set(states)), periods, every, succession, directed=directed)
    covered = panel["period"].map(dict(zip(periods, whole, strict=True))).astype("bool")
    if known_of.states is not None:
        covered &= panel[["first", "second"]].isin(known_of.states).all(axis=1)
    panel["covered"] = covered
    keys, counted = ["period", "first", "second"], source.kind != "dyads"
    names = list(wanted) if counted else sorted(long["column"].unique())
    for name in names:
        groups = long[long["column"].eq(name)].groupby(keys)["value"]
        held = groups.sum()
        if not counted and not directed and absent == "missing":
            # Half of what two states do to each other is not what they do together.
            held = held[groups.size().ge(long.loc[long["column"].eq(name), "sides"].max())]
        panel = panel.merge(held.rename(name).reset_index(), how="left", on=keys)
        zero = panel["covered"] & (counted or absent == "zero")
        filled = panel[name].mask(panel[name].isna() & zero, 0)
        panel[name] = filled.astype("Int64" if counted else "Float64")
    panel = panel.sort_values(["first", "second", "period"], ignore_index=True)
    return panel[[*keys, *names, "covered"]]


def _counts(
    source: Opened,
    every: Period,
    wanted: Mapping[str, Sequence[str]],
    start: date | None,
    end: date | None,
    *,
    directed: bool,
    who: str,
) -> pd.DataFrame:
    cells = cells_of(
        source,
        every=every,
        by=("sender", "target", "mutual", "action"),
        start=start,
        end=end,
        keep={"action": sorted({a for actions in wanted.values() for a in actions})},
        needed_by=who,
    )
    cells = cells[cells["period"].notna() & cells[["sender", "target"]].notna().all(axis=1)]
    if directed:
        back = cells[cells["mutual"].astype("bool")]
        cells = pd.concat([cells, back.rename(columns={"sender": "target", "target": "sender"})])
    pieces = [
        cells[cells["action"].isin(actions)].assign(column=name) for name, actions in wanted.items()
    ]
    long = pd.concat(pieces, ignore_index=True)
    names = {"sender": "first", "target": "second", "n_acts": "value"}
    return long.rename(columns=names)[["period", "first", "second", "column", "value"]]


def _values(source: Opened, every: Period, *, directed: bool, who: str) -> pd.DataFrame:
    rows = source.small(needed_by=who)
    begins, ends = (period_start(rows[c], every=every) for c in ("date", "date_last"))
    wide = rows[begins.ne(ends)]
    if len(wide):
        first, last = wide["date"].iloc[0].date(), wide["date_last"].iloc[0].date()
        msg = f"{who} was asked for every {every!r}, and {source.name!r} has values of {first} to "
        raise SanctlibError(f"{msg}{last}: ask for periods as long as its own.")
    rows = rows.assign(period=begins, column=rows["measure"])
    rows = rows[["period", "first", "second", "column", "value"]].assign(
        way=rows["directed"].fillna(value=False).astype("bool") if "directed" in rows else False
    )
    # A pair without direction is one value, however it is written; the larger where two differ.
    keys = ["period", "first", "second", "column"]
    paired = (
        ordered_pairs(rows[~rows["way"]]).sort_values("value").drop_duplicates(keys, keep="last")
    )
    back = paired.rename(columns={"first": "second", "second": "first"})
    found = pd.concat([rows[rows["way"]], paired, *([back] if directed else [])])
    return found.assign(sides=found["way"].astype("int64") + 1)


def ordered_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return pairs with the first state before the second in the alphabet."""
    turned = rows["first"].gt(rows["second"])
    return rows.assign(
        first=rows["first"].mask(turned, rows["second"]),
        second=rows["second"].mask(turned, rows["first"]),
    )


def _carried_on(rows: pd.DataFrame, succession: PanelSuccession) -> pd.DataFrame:
    """Give the rows of a state that is gone to the one that carries it on."""
    if succession == "strict":
        return rows
    heirs = {}
    for side in ("first", "second"):
        codes = pd.Series(rows[side].unique(), dtype="str")
        today = pd.Series(pd.Timestamp("2100-01-01"), index=codes.index)
        found = resolve(codes, dates=today, system="iso3", succession="dominant")["code"]
        heirs[side] = dict(zip(codes, found.fillna(codes), strict=True))
    return rows.assign(**{side: rows[side].map(heirs[side]) for side in heirs})


def _grid(
    states: list[str],
    periods: pd.DatetimeIndex,
    every: Period,
    succession: PanelSuccession,
    *,
    directed: bool,
) -> pd.DataFrame:
    """Return the dyads of states that both existed on some day of the period."""
    first, second = np.meshgrid(states, states, indexing="ij")
    wanted = first != second if directed else first < second
    names = {"first": first[wanted], "second": second[wanted]}
    pairs = pd.DataFrame(names, dtype="str")
    pair, period = np.nonzero(lived_groups(pairs, periods, every=every, succession=succession))
    return pairs.iloc[pair].reset_index(drop=True).assign(period=periods.to_numpy()[period])
