"""Date the stages of agreements and count those in force. Read events; return a Result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.blocs import SIDES, expand_blocs
from sanctlib.codes.countries import name_of
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, in_words, period_end, period_range, period_start
from sanctlib.engines import AnyTable, Opened, opened
from sanctlib.errors import SanctlibError, check_columns
from sanctlib.metrics._questions import (
    check_covered,
    check_kind,
    check_span,
    covered_groups,
    periods_asked,
)
from sanctlib.query import Day, Pair, Query, ask, number_of, parties_of
from sanctlib.result import Result
from sanctlib.schema import AGREEMENT_STAGES, STATUSES

Days = NDArray[np.datetime64]
Flags = NDArray[np.bool_]

WORDS = ("visit", "consult", "agree", "intend")
"""Acts that decay: visits, meetings, declarations and memoranda."""

_KEYS = ["source", "agreement_id", "first", "second"]
_SPOKEN = ("intended", "signed")
_TEXTS = ("title", "reference", "evidence", "status", "disputed")
_CURATED = "Selected events; not a sample."


def agreements(
    events: AnyTable,
    *,
    pair: Pair | None = None,
    every: Period | None = None,
    half_life: float | None = None,
    start: Day | None = None,
    end: Day | None = None,
    coverage: Coverage | None = None,
) -> Result:
    """
    Date the stages of agreements, or count those of a pair that are in force.

    A signature is not an entry into force: the treaty of Iran and Russia was signed on 17
    January 2025 and in force from 2 October. Without `pair` the result has a row per
    agreement and pair of its parties.

    With `pair` it has a row per period. An agreement counts in full from its entry into force
    to its end. Visits, meetings, declarations and memoranda bind nobody and decay: each
    counts ``2 ** (-age / half_life)``, a signature until its agreement is in force. The two
    are never added. What was in force before the source begins counts if the source lists it,
    and an agreement without an end in the source continues.

    Blocs stay whole: an accord of the Eurasian Economic Union with Iran is not an agreement
    of Russia. A separate column counts those. Expand its members first with `expand_blocs`
    if they should have rows.

    Parameters
    ----------
    events : frame, path, Reading or Result
        Events with ``agreement_id`` and ``agreement_stage``. Rows without either are no
        stage of an agreement.
    pair : tuple of two parties, optional
        States or blocs, as codes or names, in either order.
    every : {"day", "week", "month", "quarter", "year"}, optional
        Length of a period. Weeks begin on Monday. Required with `pair`.
    half_life : float, optional
        In periods of `every`, above 0. It is a choice, so it is required with `pair`: compare
        others.
    start, end : day, optional
        First and last day of the periods returned, as ISO text ("2022", "2022-03",
        "2022-03-01"), date, datetime, Timestamp, datetime64 or Period. What began before
        counts. Only with `pair`.
    coverage : Coverage, optional
        What the table covers. By default that of the Reading or of the store. It must be
        known with `pair`.

    Returns
    -------
    Result
        Without `pair` (kind "stages") its table has ``source``, ``agreement_id``, ``first``,
        ``second``, ``title`` (of its first act), ``stage`` (the furthest reached), for each
        stage its earliest day and the latest that this day can have been (``signed``,
        ``signed_last``; missing where the stage is not in the table), ``ratified_by`` (who
        took a step of ratification: the first step of one side is not yet ratification by
        both), ``n_parties``, ``n`` (acts), ``status`` (of its least confirmed act),
        ``disputed``, ``reference`` and ``evidence``. An agreement is in force from
        ``in_force`` until ``ended``, by the days of effect where the table has them.

        With `pair` (kind "agreements") it has ``period`` (first day), ``first``, ``second``,
        ``n_in_force`` (certainly, at the end of the period or of the coverage),
        ``n_possible`` (where a day is an interval), ``n_through_blocs`` (in force with a bloc
        of which the other is a member, not among the pair's own), ``n_new`` (visits,
        meetings, declarations and memoranda of the period), ``recent`` (decayed),
        ``half_life``, ``n_unassigned`` (of these, dated more widely than a period, over the
        whole table), ``covered`` and ``basis``. Counts are missing outside the coverage, and
        for a pair of which a curated list holds no agreement of the two alone. Its
        ``tables["stages"]`` holds the stages of the agreements of the pair, and of an
        organisation of which the one is a member with the other.

    Raises
    ------
    MissingColumnsError
        For a table without agreements.
    CoverageError
        For a span of which the source covers no day.
    SanctlibError
        For a table that holds no events, an agreement that ended before it began, `pair`
        without `every` and `half_life`, or coverage that is not known.

    Examples
    --------
    >>> import sanctlib as sl
    >>> acts = sl.load("russia_iran")
    >>> treaty = sl.agreements(acts).filter(agreement_id="strategic-treaty-2025").table.iloc[0]
    >>> [str(treaty[day].date()) for day in ("signed", "in_force")]
    ['2025-01-17', '2025-10-02']
    >>> active = sl.agreements(acts, pair=("IRN", "RUS"), every="quarter", half_life=4)
    >>> active.table[["n_in_force", "n_through_blocs"]].iloc[-1].to_dict()
    {'n_in_force': 1, 'n_through_blocs': 4}
    """
    if pair is None:
        _check_unused(every=every, half_life=half_life, start=start, end=end)
        with opened(events, coverage=coverage) as source:
            stages = _staged(_acts(source))
        return _of_stages(stages, source)
    if every is None or half_life is None:
        lacking = "every" if every is None else "half_life"
        msg = f"{lacking} is None. With a pair, agreements are counted per period"
        raise SanctlibError(f"{msg}: pass every='month' and half_life=12, or other values.")
    half_life = number_of(half_life, what="half_life", least=0, above=True)
    query = ask(every=every, start=start, end=end, half_life=half_life)
    query = replace(query, pairs=(_two_parties(pair),), given=(*query.given, "pairs"))
    with opened(events, coverage=coverage) as source:
        rows = _acts(source)
        check_covered(source)
        check_span(source, query)
    return _of_pair_per_period(rows, query, half_life, source)


def _check_unused(**arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None:
            msg = f"{name} is {value!r}, and without a pair there are no periods."
            raise SanctlibError(f"{msg} Pass a pair too: pair=('IRN', 'RUS').")


def _two_parties(pair: object) -> Pair:
    """Return two states or blocs in alphabetical order."""
    parts = list(pair) if isinstance(pair, list | tuple) else []
    found = parties_of(parts, what="pair") or ()
    if not len(parts) == len(found) == 2:
        msg = f"pair is {pair!r}. It must be two different states or blocs"
        raise SanctlibError(f"{msg}, such as ('IRN', 'RUS') or ('IO-EAEU', 'IRN').")
    first, second = sorted(found)
    return first, second


def _of_stages(stages: pd.DataFrame, source: Opened) -> Result:
    """Return the stages of all agreements."""
    each = stages.drop_duplicates(["source", "agreement_id"])
    in_force = each["in_force"].notna() & each["ended"].isna()
    finding = f"{int(in_force.sum())} of {len(each)} agreements are known to be in force"
    return Result(
        table=stages,
        kind="stages",
        name="Agreements by stage",
        query=ask(),
        unit="agreements",
        n=len(each),
        sources=(source.source,),
        notes=(
            "A row is an agreement and a pair of its parties.",
            "Ratified is the first step of ratification by either side.",
            *([_CURATED] if source.curated else []),
        ),
        findings=(f"{finding} ({source.source.described()}).",),
    )


def _of_pair_per_period(
    rows: pd.DataFrame, query: Query, half_life: float, source: Opened
) -> Result:
    """Return the agreements of a pair in force per period, with what decays."""
    every, known, two = query.every, source.coverage, list((query.pairs or ())[0])
    starts, whole = periods_asked(rows["date"].iloc[:0], query, known)
    ends = period_end(pd.Series(starts), every=every).to_numpy()
    own = _of_pair(rows, two)
    stages = _staged(own)
    sure = _in_force(stages, ends, from_="in_force_last", until="ended")
    possible = _in_force(stages, ends, from_="in_force", until="ended_last")
    # Blocs stay whole in the pair's own count: what binds it as a member has its own column.
    beside = _of_pair(_sided(expand_blocs(rows, sides=SIDES)), two)
    joint = {*stages["agreement_id"], *beside["agreement_id"]}
    beside = beside[~beside["agreement_id"].isin(stages["agreement_id"])]
    through = _in_force(_staged(beside), ends, from_="in_force_last", until="ended")

    bound = stages[["source", "agreement_id", "in_force_last"]]
    words = _words(own).merge(bound, how="left", on=["source", "agreement_id"])
    at = period_start(words["date"], every=every)
    wide = at.ne(period_start(words["date_last"], every=every)).to_numpy()
    line = period_range(min([*at, starts[0]]), starts[-1], every=every)
    age = line.get_indexer(starts)[None, :] - np.array(line.searchsorted(at))[:, None]
    binds = words["in_force_last"].to_numpy()[:, None] <= ends[None, :]
    decaying = (age >= 0) & ~binds & ~wide[:, None]
    named = pd.DataFrame([two], columns=["first", "second"])
    # A curated list covers a pair of which it holds an agreement of the two alone.
    every_stage = _staged(rows)
    of_two = every_stage[every_stage["n_parties"].eq(2)]["agreement_id"]
    picked = source.curated and not stages["agreement_id"].isin(of_two).any()
    told = covered_groups(named, query, known)[0] and not picked
    table = pd.DataFrame(
        {
            "period": starts,
            "first": two[0],
            "second": two[1],
            "n_in_force": sure.sum(axis=0),
            "n_possible": possible.sum(axis=0),
            "n_through_blocs": through.sum(axis=0),
            "n_new": ((age == 0) & ~wide[:, None]).sum(axis=0),
            "recent": np.where(decaying, 2.0 ** (-age / half_life), 0.0).sum(axis=0),
            "half_life": half_life,
            "n_unassigned": int(wide.sum()),
            "covered": whole & told,
            "basis": "on a hand-picked list: a timeline, never a rate"
            if source.curated
            else "as the source lists them",
        }
    )
    counts = ["n_in_force", "n_possible", "n_through_blocs", "n_new"]
    types = {**dict.fromkeys(counts, "Int64"), "covered": "boolean"}
    types |= dict.fromkeys(("first", "second", "basis"), "str")
    table = table.astype(types)
    if known is not None:
        # A period that is covered in part counts what is known of it.
        inside = (ends >= np.datetime64(known.first)) & (starts <= pd.Timestamp(known.last)) & told
        table.loc[~inside, [*counts, "recent"]] = pd.NA
    of_both = " and ".join(map(name_of, two))
    return Result(
        table=table,
        kind="agreements",
        name=f"Agreements of {of_both} in force, and recent visits and declarations",
        query=query,
        unit="visits, meetings, declarations and memoranda",
        n=int(table["n_new"].sum()) if table["n_new"].notna().any() else None,
        sources=(source.source,),
        notes=(
            "An agreement counts from its entry into force to its end.",
            f"Visits, meetings, declarations and memoranda lose half their weight in "
            f"{half_life:g} {every}s.",
            "What was in force before the source begins is included only if the source lists it.",
            *([_CURATED] if source.curated else []),
        ),
        findings=_findings(table, query, of_both, source),
        tables={"stages": _related(every_stage[every_stage["agreement_id"].isin(joint)], two)},
    )


def _related(stages: pd.DataFrame, two: list[str]) -> pd.DataFrame:
    """Return the agreements of exactly the pair, and of a bloc of the one with the other."""
    sides = [stages[side] for side in ("first", "second")]
    named = [side.isin(two) for side in sides]
    known = [ours | side.str.startswith("IO-") for side, ours in zip(sides, named, strict=True)]
    return stages[known[0] & known[1] & (named[0] | named[1])].reset_index(drop=True)


def _findings(table: pd.DataFrame, query: Query, whose: str, source: Opened) -> tuple[str, ...]:
    """Return how many agreements are in force in the last period that is known."""
    seen = table[table["n_in_force"].notna()]
    if seen.empty:
        return (
            f"{source.name} has no agreement of {whose} alone, so their agreements are not known.",
        )
    last = seen.iloc[-1]
    when = in_words(last["period"], last["period"], every=query.every)
    n, possible = int(last["n_in_force"]), int(last["n_possible"])
    more = f" (up to {possible}, where a day is not known)" if possible > n else ""
    noun = "agreement" if n == 1 else "agreements"
    text = f"{whose}, {when}: {n} {noun} known to be in force{more},"
    text += f" and {int(last['n_through_blocs'])} through a bloc"
    return (f"{text} ({source.source.described()}).",)


def _acts(source: Opened) -> pd.DataFrame:
    """Return the events, with the days from which they bind and their two sides."""
    check_kind(source, "events")
    check_columns(source.columns, ["agreement_id", "agreement_stage"])
    rows = source.small()
    for text in _TEXTS:
        if text not in rows:
            rows[text] = pd.NA
    # What is announced is in force from its day of effect.
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
    """Return the acts of a pair that decay, each once, without later steps of agreements."""
    stage = rows["agreement_stage"]
    kept = rows["family"].eq("cooperation") & (stage.isna() | stage.isin(_SPOKEN))
    spoken = rows["action"].isin(WORDS) | stage.isin(_SPOKEN)
    return rows[kept & spoken].drop_duplicates(["source", "act_id"])


def _in_force(stages: pd.DataFrame, ends: Days, *, from_: str, until: str) -> Flags:
    """Return whether each agreement is in force after each day, of shape (agreements, days)."""
    begun, over = (stages[c].to_numpy()[:, None] for c in (from_, until))
    return (begun <= ends[None, :]) & ~(over <= ends[None, :])


def _staged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per agreement and pair of its parties, with the days of its stages."""
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
        n=("act_id", "nunique"),
        status=("_doubt", "max"),
        disputed=("disputed", "max"),
        reference=("reference", _joined("; ")),
        evidence=("evidence", _joined("; ")),
    ).reset_index()
    table = table.join(n_parties.rename("n_parties"), on=["source", "agreement_id"])
    undone = table[table["ended_last"].lt(table["in_force"])]
    if len(undone):
        name, begun, over = undone.iloc[0][["agreement_id", "in_force", "ended_last"]]
        msg = f"The agreement {name!r} ended before it began ({over:%Y-%m-%d}, {begun:%Y-%m-%d})."
        raise SanctlibError(f"{msg} Correct the days of its rows.")
    table["stage"] = table["stage"].map(dict(enumerate(AGREEMENT_STAGES)))
    table["status"] = table["status"].map(dict(enumerate(STATUSES)))
    columns = ["title", "stage", *days, "ratified_by", "n_parties", "n", "status"]
    return table[[*_KEYS, *columns, "disputed", "reference", "evidence"]]


def _joined(mark: str) -> Callable[[pd.Series], object]:
    def join(values: pd.Series) -> object:
        parts = dict.fromkeys(p for text in values.dropna() for p in str(text).split(mark))
        return mark.join(parts) or pd.NA

    return join
