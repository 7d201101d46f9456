"""Count how many cases of sanctions succeeded. Read cases; return a Result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics._questions import (
    FLAGS,
    are_states,
    cases_by,
    check_kind,
    check_not_curated,
    group_codes,
    of_senders,
    parts,
)
from sanctlib.metrics.intervals import wilson_interval
from sanctlib.query import ask
from sanctlib.result import Result

Several: TypeAlias = Literal["any", "all"]
Ongoing: TypeAlias = Literal["apart", "as_coded"]

# The target gave in, wholly or in part. EUSANCT's own flag is one for exactly those two
# outcomes, threatened or imposed, and none for a settlement by negotiation.
SUCCESS = {
    "gsdb": ("success_part", "success_total"),
    "ties": (
        "target_gave_in",
        "target_gave_in_partly",
        "threat_target_gave_in",
        "threat_target_gave_in_partly",
    ),
    "eusanct": ("success",),
}
_OPEN = "ongoing"
_NUMBERED = "finaloutcome_"
_IDS = ["source", "case_id"]
_COUNTS = ["n_cases", "n_ongoing", "n_unknown", "n_decided", "n"]


def sanction_outcomes(
    table: AnyTable,
    *,
    by: Sequence[str] = ("stage",),
    success: Sequence[str] | None = None,
    several: Several = "any",
    ongoing: Ongoing = "apart",
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    interval: Literal["wilson"] | None = None,
    level: float = 0.95,
) -> Result:
    """
    Count how many cases of sanctions succeeded, and their share of those decided.

    Success is what a source's coders saw: the target did what was asked, whether or not
    because of the sanctions. Three choices move the share, so each is an argument: whether
    a settlement by negotiation counts (by default not), what a case of several outcomes
    is, and what an open case is. An open case is no failure: by default it is in no
    denominator. ``lower`` and ``upper`` say what the share would be if all cases without a
    known outcome had failed, or succeeded (Manski 1989).

    A register of cases is a census: the share has no sampling interval unless one is asked
    for. The share describes cases that came to be: targets that would have yielded are
    rarely sanctioned, and mostly threatened, so stages are separated by default.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Cases with ``outcomes``.
    by : sequence of str, default ("stage",)
        ``stage`` (threatened, imposed, threatened_and_imposed), ``multilaterality`` of the
        whole case (``one`` state, ``several`` states, ``bloc``: a body such as the EU or
        the UN is among the senders, alone or not; missing where one is not known),
        ``target``, ``sender``, ``measure``, ``objective``, ``source``; ``outcome`` counts
        the cases with each outcome in place of success. May be empty.
    success : sequence of str, optional
        The outcomes that are success. By default, where the target gave in: of the GSDB
        ``success_total`` and ``success_part``, of TIES ``target_gave_in`` and
        ``target_gave_in_partly`` (with ``threat_`` before, upon the threat), of EUSANCT its
        own flag. ``nego_settlement`` (GSDB, TIES) is not among them.
    several : {"any", "all"}, default "any"
        Whether one of the outcomes of a case must be success, or each. The GSDB has one
        for each objective, and the table joins and sorts both: which belongs to which is
        lost, so by ``objective`` a case's outcome counts under each.
    ongoing : {"apart", "as_coded"}, default "apart"
        With ``as_coded``, an open case of which the source tells an outcome so far counts
        by it (EUSANCT: 43 of 326).
    senders, targets : sequence of str, optional
        Only cases of these states or bodies, as codes or names.
    interval : {"wilson"}, optional
        The interval for independent cases of one chance of success (Wilson 1927).
    level : float, default 0.95
        Of the interval, between 0 and 1.

    Returns
    -------
    Result
        Its table has the keys, ``n_cases``, ``n_ongoing``, ``n_unknown`` (neither open nor with an
        outcome), ``n_decided`` (the rest), ``n`` (of these, with success), ``share`` (0-1;
        missing where none is decided), ``lower``, ``upper``, ``additive`` (the groups add
        up to the cases), and if asked for ``interval``, ``interval_lower``,
        ``interval_upper``.

    Raises
    ------
    SanctlibError
        For a table that has no cases, or is of a source whose outcomes are not classified.
    UnknownChoiceError
        For an outcome that the table does not have.
    CuratedError
        For a hand-picked list.

    Examples
    --------
    >>> from sanctlib.metrics.outcomes import sanction_outcomes
    >>> day = pd.Timestamp("2001-01-01")
    >>> cases = pd.DataFrame({
    ...     "source": "gsdb", "case_id": ["1", "2", "3", "4"], "sender": "USA",
    ...     "target": "IRN", "start": day, "start_last": day, "ongoing": [False] * 3 + [True],
    ...     "outcomes": ["success_total", "failed", "failed;success_part", "ongoing"],
    ... })
    >>> found = sanction_outcomes(cases, by=[])
    >>> found.table[["n_cases", "n_ongoing", "n", "share", "lower", "upper"]].round(2)
       n_cases  n_ongoing  n  share  lower  upper
    0        4          1  2   0.67    0.5   0.75
    """
    check_choice(several, ("any", "all"), what="several")
    check_choice(ongoing, ("apart", "as_coded"), what="ongoing")
    if interval is not None:
        check_choice(interval, ("wilson",), what="interval")
    with opened(table) as source:
        check_not_curated(source, what="rate")
        check_kind(source, "cases")
        check_columns(source.columns, ["outcomes"])
        cases = source.small()
    whole = ask(by=by, unit="case", senders=senders, targets=targets, level=level)
    keys = [key for key in whole.by if key != "outcome"]
    query = replace(whole, by=tuple(keys))
    outcomes = _outcomes(cases)
    cases = described(cases, success=success, several=several, ongoing=ongoing)
    cases = of_senders(cases, query)
    once = cases_by(cases, query).drop_duplicates([*keys, *_IDS])
    codes, groups = group_codes(once, keys)
    states = {"n_ongoing": "ongoing", "n_unknown": "unknown", "n": "success"}
    flags = pd.DataFrame({n: once["state"].eq(state) for n, state in states.items()})
    sums = flags.assign(n_cases=1).groupby(codes).sum().reindex(range(len(groups)), fill_value=0)
    sums["n_decided"] = sums["n_cases"] - sums["n_ongoing"] - sums["n_unknown"]
    found = pd.concat([groups, sums], axis=1)
    n_cases = len(cases_by(cases, replace(query, by=(), senders=None)).drop_duplicates(_IDS))
    additive = not FLAGS.keys() & {*keys} and sums["n_cases"].sum() == n_cases
    if "outcome" in by:
        decided = once.assign(group=codes)[~flags["n_ongoing"] & ~flags["n_unknown"]]
        words = outcomes[outcomes["outcome"].ne(_OPEN)].merge(decided[[*_IDS, "group"]], on=_IDS)
        n = words.groupby(["group", "outcome"]).size().rename("n").reset_index()
        found = n.merge(found.drop(columns="n"), left_on="group", right_index=True)
        keys, additive = [*keys, "outcome"], False
    found = found[[*keys, *_COUNTS]].reset_index(drop=True).astype(dict.fromkeys(_COUNTS, "int64"))
    open_or_unknown = found["n_ongoing"] + found["n_unknown"]
    found["share"] = found["n"] / found["n_decided"].where(found["n_decided"].gt(0))
    found["lower"] = found["n"] / found["n_cases"]
    found["upper"] = (found["n"] + open_or_unknown) / found["n_cases"]
    found["additive"] = bool(additive)
    if interval is not None:
        edges = wilson_interval(found["n"], total=found["n_decided"], level=level)
        found["interval"] = f"Wilson, independent cases of one chance, {level:.0%}"
        found[["interval_lower", "interval_upper"]] = edges[["lower", "upper"]].to_numpy()
    n_decided, n_good = int(found["n_decided"].sum()), int(found["n"].sum())
    share = f"{n_good / n_decided:.0%}" if n_decided else "no share"
    return Result(
        table=found,
        kind="outcomes",
        name="Outcomes of cases of sanctions",
        query=whole,
        unit="cases of sanctions",
        n=n_cases,
        sources=(source.source,),
        notes=("Share of cases with a known outcome in which the target gave in.",)
        if success is None
        else (f"Success: {', '.join(success)}.",),
        findings=()
        if "outcome" in by
        else (f"{n_good:,} of {n_decided:,} decided cases succeeded, {share} ({source.name}).",),
    )


def _outcomes(cases: pd.DataFrame) -> pd.DataFrame:
    """Return a row per case and outcome."""
    outcomes = parts(cases, "outcomes", name="outcome")
    return outcomes[[*_IDS, "outcome"]].dropna().drop_duplicates()


def described(
    cases: pd.DataFrame,
    *,
    success: Sequence[str] | None,
    several: Several,
    ongoing: Ongoing = "apart",
) -> pd.DataFrame:
    """Return the cases with ``stage``, ``multilaterality`` and ``state`` of the whole case."""
    outcomes = _outcomes(cases)
    outcomes = outcomes.assign(good=_succeeded(outcomes, success))
    at = cases.groupby(_IDS, sort=False).ngroup()
    outcomes = outcomes.merge(cases[_IDS].assign(at=at).drop_duplicates(), on=_IDS)
    is_open = outcomes["outcome"].eq(_OPEN)
    # EUSANCT says each outcome twice, as a number and as a flag: one of them is read.
    numbered = outcomes["outcome"].str.startswith(_NUMBERED)
    by_number = any(word.startswith(_NUMBERED) for word in success or ())
    good = outcomes[~is_open & numbered.eq(by_number)].groupby("at")["good"]
    decided = at.map(good.any() if several == "any" else good.all())
    coded_open = at.isin(outcomes.loc[is_open, "at"])
    open_ = cases["ongoing"].fillna(value=False).astype("bool") | coded_open
    open_ = open_.groupby(at).transform("any")
    if ongoing == "as_coded":
        open_ &= decided.isna()
    state = decided.map({True: "success", False: "failed"}).fillna("unknown")

    def flag(column: str, *, unsaid: bool) -> pd.Series:
        if column not in cases:
            return pd.Series(unsaid, index=cases.index)
        return cases[column].fillna(value=unsaid).astype("bool").groupby(at).transform("any")

    # A source of sanctions imposed, like the GSDB, does not say so in each row.
    threatened, imposed = flag("threatened", unsaid=False), flag("imposed", unsaid=True)
    stages = {
        "threatened_and_imposed": threatened & imposed,
        "threatened": threatened,
        "imposed": imposed,
    }
    sender = cases["sender"]
    body = sender.notna() & ~are_states(sender)
    sizes = {
        "bloc": body.groupby(at).transform("any"),
        "": sender.isna().groupby(at).transform("any"),
        "several": sender.groupby(at).transform("nunique").gt(1),
    }
    return cases.assign(
        stage=_first_true(stages, default=""),
        multilaterality=_first_true(sizes, default="one"),
        state=state.mask(open_, "ongoing"),
    )


def _succeeded(outcomes: pd.DataFrame, success: Sequence[str] | None) -> pd.Series:
    """Return which outcomes of cases are success."""
    outcome, source = outcomes["outcome"], outcomes["source"]
    if success is not None:
        known = {*outcome, *(word for words in SUCCESS.values() for word in words)}
        for word in success:
            check_choice(word, sorted(known), what="outcome")
        return outcome.isin(success)
    strange = sorted({*source} - SUCCESS.keys())
    if strange:
        msg = f"It is not known which outcomes of {strange[0]!r} are success. Outcomes found:"
        raise SanctlibError(f"{msg} {', '.join(sorted({*outcome}))}. Pass success=[…].")
    good = pd.MultiIndex.from_arrays([source, outcome])
    return pd.Series(good.isin([(s, w) for s in SUCCESS for w in SUCCESS[s]]), outcomes.index)


def _first_true(choices: dict[str, pd.Series], *, default: str) -> pd.Series:
    """Return the name of the first choice that holds in each row; an empty name is missing."""
    found = np.select([mask.to_numpy(dtype=bool) for mask in choices.values()], [*choices], default)
    named = pd.Series(found, index=next(iter(choices.values())).index, dtype="str")
    return named.mask(named.eq(""))
