"""Agreements: the stages each has reached, and those in force beside what fades."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.blocs import SIDES, expand_blocs
from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.frames import AnyTable, Opened, opened
from sanctlib.metrics.grid import covered_groups, periods_asked
from sanctlib.metrics.questions import check_parties_asked
from sanctlib.periods import PERIODS, Period, period_end, period_range, period_start
from sanctlib.schema import AGREEMENT_STAGES, STATUSES, Pair

Days = NDArray[np.datetime64]
Flags = NDArray[np.bool_]

WORDS = ("visit", "consult", "agree", "intend")
"""Acts that fade: visits, meetings, declarations and memoranda."""

_KEYS = ["source", "agreement_id", "first", "second"]
_SPOKEN = ("intended", "signed")
_TEXTS = ("title", "reference", "evidence", "status", "disputed")


def agreement_stages(events: AnyTable) -> pd.DataFrame:
    """
    Return when each agreement reached which stage: a row per agreement and pair.

    A signature is not an entry into force: the treaty of Russia and Iran was signed on 17
    January 2025 and bound them from 2 October. An agreement of many parties has a row for
    each of their pairs (`n_parties` tells it from one of two). Blocs stay whole: an accord
    of the Eurasian Economic Union with Iran is no act of Russia with Iran. Write its
    members out with `expand_blocs` before, if they should have rows.

    Parameters
    ----------
    events : frame, path or Reading
        Events with ``agreement_id`` and ``agreement_stage``. Rows without either are no
        stage of an agreement.

    Returns
    -------
    stages : DataFrame
        ``source``, ``agreement_id``, ``first``, ``second`` (in the order of the alphabet),
        ``title`` (of its first act), ``stage`` (the furthest reached), for each stage its
        earliest day and the latest that this day can have been (``signed``,
        ``signed_last``; missing where the stage is not in the table), so that it is in
        force from ``in_force`` until ``ended``; ``ratified_by`` (who took a step of
        ratification: the first step of one side is not yet ratification by both),
        ``n_parties``, ``n_acts``, ``status`` (of its least confirmed act), ``disputed``,
        ``reference`` and ``evidence`` (of all its acts). Days in force are those of
        effect where the table has them.

    Raises
    ------
    MissingColumnsError
        For a table without agreements.
    SanctlibError
        For a table that holds no events, or an agreement that ended before it began.

    Examples
    --------
    >>> import sanctlib as sl
    >>> stages = sl.agreement_stages(sl.load("russia_iran"))
    >>> treaty = stages[stages["agreement_id"].eq("strategic-treaty-2025")].iloc[0]
    >>> [str(treaty[day].date()) for day in ("signed", "ratified", "in_force")]
    ['2025-01-17', '2025-04-08', '2025-10-02']
    """
    who = "agreement_stages"
    with opened(events, needed_by=who) as source:
        return _staged(_acts(source, who), who)


def active_agreements(
    events: AnyTable,
    *,
    pair: Pair,
    every: Period,
    half_life: float,
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
) -> pd.DataFrame:
    """
    Return the agreements of a pair in force, and beside them what it said lately.

    An agreement counts in full from its entry into force to its end: nothing fades. Visits,
    meetings, declarations and memoranda bind nobody and fade: each counts
    ``2 ** (-age / half_life)``, a signature until its agreement is in force. The two are
    never added. Of a hand-picked list both are a timeline: a count of what is on the list,
    which grows where somebody looked, and never a rate. What was in force before the list
    begins is not on it, and what it does not say to have ended goes on.

    Parameters
    ----------
    events : frame, path or Reading
        Events with ``agreement_id`` and ``agreement_stage``.
    pair : tuple of two parties
        States or blocs; the order does not matter.
    half_life : float
        In periods of `every`, above 0. A choice, so it is required: show others beside it.
    start, end : date, optional
        They choose the periods returned; what was before counts.

    Returns
    -------
    active : DataFrame
        A row per period: ``period``, ``first``, ``second``, ``n_in_force`` (surely, at its
        end or the end of the coverage), ``n_possible`` (where a day is an interval),
        ``n_through_blocs`` (in force with a bloc of which the other is a member, and not
        among the pair's own), ``n_new`` (visits, meetings, declarations and memoranda of
        the period), ``recent`` (decayed), ``half_life``, ``n_unplaced`` (of those, wider
        than a period, over all), ``covered`` and ``basis``. Counts are missing outside the
        coverage, and for a pair that is not on a hand-picked list.

    Raises
    ------
    MissingColumnsError
        For a table without agreements.
    SanctlibError
        For a half-life not above 0, one party twice, or a table of which nobody said what
        it covers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> active = sl.active_agreements(
    ...     sl.load("russia_iran"), pair=("RUS", "IRN"), every="quarter", half_life=4
    ... )
    >>> active[["n_in_force", "n_through_blocs"]].iloc[-1].to_dict()
    {'n_in_force': 2, 'n_through_blocs': 6}
    """
    who = "active_agreements"
    check_choice(every, PERIODS, what="period", needed_by=who)
    check_parties_asked(pair, needed_by=who)
    if len(set(pair)) != 2 or not half_life > 0:
        msg = f"{who} needs two parties and a half-life above 0 periods, "
        raise SanctlibError(msg + f"got {pair!r} and half_life={half_life!r}.")
    with opened(events, needed_by=who, coverage=coverage) as source:
        rows, known = _acts(source, who), source.coverage
    if known is None:
        msg = f"{who} needs to know what {source.name!r} covers, to tell none from missing"
        raise SanctlibError(f"{msg}: pass coverage=….")
    two = sorted(pair)
    starts, whole = periods_asked(
        rows["date"].iloc[:0], every=every, start=start, end=end, coverage=known
    )
    ends = period_end(pd.Series(starts), every=every).to_numpy()
    own = _of_pair(rows, two)
    stages = _staged(own, who)
    sure = _in_force(stages, ends, from_="in_force_last", until="ended")
    possible = _in_force(stages, ends, from_="in_force", until="ended_last")
    # Blocs stay whole in the pair's own count: what binds it as a member stands beside.
    beside = _of_pair(_sided(expand_blocs(rows, sides=SIDES)), two)
    beside = beside[~beside["agreement_id"].isin(stages["agreement_id"])]
    through = _in_force(_staged(beside, who), ends, from_="in_force_last", until="ended")

    bound = stages[["source", "agreement_id", "in_force_last"]]
    words = _words(own).merge(bound, how="left", on=["source", "agreement_id"])
    at = period_start(words["date"], every=every)
    wide = at.ne(period_start(words["date_last"], every=every)).to_numpy()
    line = period_range(min([*at, starts[0]]), starts[-1], every=every)
    age = line.get_indexer(starts)[None, :] - np.array(line.searchsorted(at))[:, None]
    binds = words["in_force_last"].to_numpy()[:, None] <= ends[None, :]
    fading = (age >= 0) & ~binds & ~wide[:, None]
    named = pd.DataFrame([two], columns=["first", "second"])
    # A hand-picked list says nothing of a pair that is not on it: not even zero.
    picked = source.curated and own.empty and beside.empty
    told = covered_groups(named, coverage=known)[0] and not picked
    table = pd.DataFrame(
        {
            "period": starts,
            "first": two[0],
            "second": two[1],
            "n_in_force": sure.sum(axis=0),
            "n_possible": possible.sum(axis=0),
            "n_through_blocs": through.sum(axis=0),
            "n_new": ((age == 0) & ~wide[:, None]).sum(axis=0),
            "recent": np.where(fading, 2.0 ** (-age / half_life), 0.0).sum(axis=0),
            "half_life": float(half_life),
            "n_unplaced": int(wide.sum()),
            "covered": whole & told,
            "basis": "on a hand-picked list: a timeline, never a rate"
            if source.curated
            else "as the source lists them",
        }
    )
    # A period that is covered in part is told as far as it goes.
    inside = (ends >= np.datetime64(known.first)) & (starts <= pd.Timestamp(known.last)) & told
    counts = ["n_in_force", "n_possible", "n_through_blocs", "n_new"]
    types = {**dict.fromkeys(counts, "Int64"), "covered": "boolean"}
    types |= dict.fromkeys(("first", "second", "basis"), "str")
    table = table.astype(types)
    table.loc[~inside, [*counts, "recent"]] = pd.NA
    return table


def _acts(source: Opened, who: str) -> pd.DataFrame:
    if source.kind != "events":
        raise SanctlibError(f"{who} needs events, and {source.name!r} holds {source.kind}.")
    check_columns(source.columns, ["agreement_id", "agreement_stage"], needed_by=who)
    rows = source.small(needed_by=who)
    for text in _TEXTS:
        if text not in rows:
            rows[text] = pd.NA
    # What is announced binds from its day of effect.
    if "date_effective" in rows:
        bound = rows["agreement_stage"].isin(["in_force", "ended"])
        effect = rows["date_effective"].where(bound)
        for day in ("date", "date_last"):
            rows[day] = effect.fillna(rows[day])
    return _sided(rows)


def _sided(rows: pd.DataFrame) -> pd.DataFrame:
    """Name the two sides of each act in the order of the alphabet."""
    turned = rows["sender"].gt(rows["target"]).fillna(value=False).astype("bool")
    first = rows["sender"].mask(turned, rows["target"])
    return rows.assign(first=first, second=rows["target"].mask(turned, rows["sender"]))


def _of_pair(rows: pd.DataFrame, two: list[str]) -> pd.DataFrame:
    return rows[rows["first"].eq(two[0]) & rows["second"].eq(two[1])]


def _words(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the acts of a pair that fade, each once: no later step of an agreement."""
    stage = rows["agreement_stage"]
    kept = rows["family"].eq("cooperation") & (stage.isna() | stage.isin(_SPOKEN))
    spoken = rows["action"].isin(WORDS) | stage.isin(_SPOKEN)
    return rows[kept & spoken].drop_duplicates(["source", "act_id"])


def _in_force(stages: pd.DataFrame, ends: Days, *, from_: str, until: str) -> Flags:
    """Return whether each agreement is in force after each day, of shape (agreements, days)."""
    begun, over = (stages[c].to_numpy()[:, None] for c in (from_, until))
    return (begun <= ends[None, :]) & ~(over <= ends[None, :])


def _staged(rows: pd.DataFrame, who: str) -> pd.DataFrame:
    steps = rows[rows["agreement_id"].notna() & rows["agreement_stage"].notna()]
    steps = steps.sort_values(["date", "date_last", "event_id"], kind="stable")
    parties = pd.concat([steps.rename(columns={s: "party"}) for s in ("first", "second")])
    n_parties = parties.groupby(["source", "agreement_id"])["party"].nunique()
    days: dict[str, pd.Series] = {}
    for stage in AGREEMENT_STAGES:
        here = steps["agreement_stage"].eq(stage)
        days |= {stage: steps["date"].where(here), f"{stage}_last": steps["date_last"].where(here)}
    doubt = {status: i for i, status in enumerate(STATUSES)}
    reached = {stage: i for i, stage in enumerate(AGREEMENT_STAGES)}
    taken = steps["agreement_stage"].eq("ratified")
    both = steps["first"] + ";" + steps["second"]
    marked = steps.assign(
        **days,
        _stage=steps["agreement_stage"].map(reached),
        _doubt=steps["status"].map(doubt),
        _ratifies=both.where(steps["mutual"], steps["sender"]).where(taken),
    )
    groups = marked.groupby(_KEYS, dropna=False)
    table = groups.agg(
        title=("title", "first"),
        stage=("_stage", "max"),
        **{day: (day, "min") for day in days},
        ratified_by=("_ratifies", _joined(";")),
        n_acts=("act_id", "nunique"),
        status=("_doubt", "max"),
        disputed=("disputed", "max"),
        reference=("reference", _joined("; ")),
        evidence=("evidence", _joined("; ")),
    ).reset_index()
    table = table.join(n_parties.rename("n_parties"), on=["source", "agreement_id"])
    undone = table[table["ended_last"].lt(table["in_force"])]
    if len(undone):
        raise SanctlibError(f"{who}: {undone['agreement_id'].iloc[0]!r} ended before it began.")
    table["stage"] = table["stage"].map(dict(enumerate(AGREEMENT_STAGES)))
    table["status"] = table["status"].map(dict(enumerate(STATUSES)))
    columns = ["title", "stage", *days, "ratified_by", "n_parties", "n_acts", "status"]
    return table[[*_KEYS, *columns, "disputed", "reference", "evidence"]]


def _joined(mark: str) -> Callable[[pd.Series], object]:
    def join(values: pd.Series) -> object:
        parts = dict.fromkeys(p for text in values.dropna() for p in str(text).split(mark))
        return mark.join(parts) or pd.NA

    return join
