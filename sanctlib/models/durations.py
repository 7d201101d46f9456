"""Durations: how long sanctions last, how they end, and what goes with an early end."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import CuratedError, SanctlibError, check_choice, check_columns, check_list
from sanctlib.frames import AnyTable, opened
from sanctlib.metrics.outcomes import Several, described
from sanctlib.metrics.questions import FLAGS, Question, cases_by, of_senders
from sanctlib.metrics.spells import NEVER, spells_of_cases
from sanctlib.models.clusters import few_clusters
from sanctlib.models.result import Fit
from sanctlib.models.survival import cox, incidence, median, survival
from sanctlib.periods import PERIODS, Period, period_number

_IDS = ["source", "case_id"]
_ENDS = ("outcomes", "state", "exit", "end", "end_last", "ongoing", "time", "ended")


def fit_duration(
    table: AnyTable,
    *,
    every: Period,
    by: str | None = None,
    regressors: Sequence[str] = (),
    success: Sequence[str] | None = None,
    several: Several = "any",
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    coverage: Coverage | None = None,
    level: float = 0.95,
) -> Fit:
    """
    Estimate how long sanctions stay imposed, cases still open counted as lasting longer.

    A mean of the cases that ended is too short, since the long ones are still open.
    Survival is Kaplan and Meier's (1958); with `regressors`, hazards of ending are Cox's
    (1972), ties after Efron, errors clustered by target. Where outcomes are told, success
    and other ends compete: ``incidence`` is the share ended in each way (Aalen and
    Johansen 1978), and not what success would be if nothing else ended sanctions.

    A case lasts the periods it touches, from 1 on: one of 2014 alone lasts a year. Left
    out and counted are cases that began before the coverage (a source has only those of
    them that lasted), and those of which a day is not known to the period.

    Parameters
    ----------
    table : frame, path or Reading
        Cases; those imposed are counted, each once.
    every : {"year", "quarter", "month", "week", "day"}
        The unit of duration; the GSDB knows years.
    by : str, optional
        A column of the case, or its ``stage`` or ``multilaterality`` as in
        `sanction_outcomes`, to compare (log-rank test in `details`).
    regressors : sequence of str
        Numbers; texts, as columns of 0 and 1 beside the first in the alphabet; or
        ``measure`` and ``objective``, a column for each, of which a case may have several.
    success, several
        As in `sanction_outcomes`.
    senders, targets : sequence of str, optional
        Only cases of these.
    coverage : Coverage, optional
        Of a frame that does not bring one: its last day is when open cases were last seen.
    level : float
        Of the intervals, 0-1.

    Returns
    -------
    Fit
        Without regressors `table` has a row per group: ``n``, ``n_ended``, ``n_censored``
        cases, ``median`` with ``lower`` and ``upper`` in periods (missing where too few
        ended). With them a row per ``term``: ``estimate`` (of the logarithm of the hazard),
        ``std_error``, ``p_value``, ``lower``, ``upper``, ``ratio`` (of hazards, above 1:
        ends sooner), ``p_proportional`` (small: the ratio changes with time), ``n``,
        ``n_ended``, ``n_clusters``. `details` hold ``"survival"``, ``"incidence"``,
        ``"logrank"``, where there are such.

    Raises
    ------
    SanctlibError
        For fewer than 10 ended cases per regressor, no case left, a column that differs
        within a case, is one of several or tells how it ended, or another table than cases.
    CuratedError
        For a hand-picked list.

    Examples
    --------
    >>> from datetime import date
    >>> import pandas as pd
    >>> from sanctlib.coverage import Coverage
    >>> from sanctlib.models.durations import fit_duration
    >>> start = pd.to_datetime(["2001-01-01"] * 4)
    >>> end = pd.to_datetime(["2001-05-01", "2003-01-01", "2003-01-01", None])
    >>> cases = pd.DataFrame({
    ...     "source": "own", "case_id": [*"1234"], "sender": "USA", "target": "IRN",
    ...     "start": start, "start_last": start, "end": end, "end_last": end,
    ...     "ongoing": [False, False, False, True],
    ... })
    >>> known = Coverage(source="own", first=date(2001, 1, 1), last=date(2005, 12, 31))
    >>> fit_duration(cases, every="year", coverage=known).details["survival"][
    ...     ["time", "at_risk", "n_ended", "survival"]]
       time  at_risk  n_ended  survival
    0     1        4        1      0.75
    1     3        3        2      0.25
    """
    from statsmodels.duration.survfunc import survdiff

    who = "fit_duration"
    check_choice(every, PERIODS, what="period", needed_by=who)
    check_list(regressors, what="regressors", needed_by=who)
    _check_told(by, regressors, who)
    with opened(table, needed_by=who, coverage=coverage) as source:
        if source.curated:
            raise CuratedError(f"{who} cannot use {source.name!r}: a hand-picked list has no rate.")
        if source.kind != "cases" or source.coverage is None:
            msg = f"{who} needs cases and what they cover (coverage=…); {source.name!r} holds"
            raise SanctlibError(f"{msg} {source.kind}, covering {source.coverage}.")
        columns = [*([by] if by else []), *regressors]
        cases, known = source.small(needed_by=who, also=columns), source.coverage
    question = Question(
        every=every, by=(), unit="case", senders=senders, targets=targets, needed_by=who
    )
    if "outcomes" in cases:
        cases = described(cases, success=success, several=several)
    cases = cases_by(of_senders(cases, question), question)
    spells, said = _lasting(cases, question, known, columns)
    groups = {str(name): rows for name, rows in spells.groupby(by)} if by else {"all": spells}
    details = {"survival": _stacked({name: survival(g, level) for name, g in groups.items()}, by)}
    if "state" in spells and spells["ended"].any():
        found = {name: incidence(g, level) for name, g in groups.items() if g["ended"].any()}
        details["incidence"] = _stacked(found, by)
    first_end = spells["time"].where(spells["ended"].eq(1)).min()
    if by and spells.loc[spells["time"].ge(first_end), by].nunique() == len(groups) > 1:
        chi2, p = survdiff(spells["time"], spells["ended"], spells[by])
        row = {"chi2": chi2, "df": len(groups) - 1, "p_value": p}
        details["logrank"] = pd.DataFrame([row])
    notes = [
        "Description of cases that came to be: what makes sanctions likely may make them last. "
        "Open cases are taken to end like those of the same age.",
        said,
    ]
    if regressors:
        result, model = cox(spells, regressors, level, who)
        notes.append("Hazard ratios are associations; a small p_proportional: not one number.")
        notes += few_clusters(int(result["n_clusters"].iloc[0]))
    else:
        found = {name: median(g, level) for name, g in groups.items()}
        result, model = _stacked(found, by), None
    return Fit(
        name=f"Duration of sanctions in {every}s",
        table=result,
        notes=tuple(notes),
        fitted=model,
        details=details,
    )


def _check_told(by: str | None, regressors: Sequence[str], who: str) -> None:
    """Check that each is known while a case lasts, and groups hold a case once."""
    joined = {column: key for key, column in FLAGS.items()}
    for name in [*regressors, *([by] if by else [])]:
        if name in _ENDS:
            msg = f"{who}: {name!r} is how or when a case ended, and tells no cases apart that"
            raise SanctlibError(f"{msg} last. Ways to end are in details['incidence'].")
        key = joined.get(name, name)
        if key in FLAGS and (name == by or key != name):
            msg = f"{who}: a case may have several in {FLAGS[key]!r}, and groups would overlap"
            raise SanctlibError(f"{msg}: use regressors=[{key!r}], a column for each.")


def _lasting(
    cases: pd.DataFrame, question: Question, known: Coverage, columns: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Return a row per case, with ``time``, ``ended``, ``parties`` and `columns`; who is left."""
    who = question.needed_by
    spells = spells_of_cases(cases, question, coverage=known, legal=True)
    held = list(dict.fromkeys(FLAGS.get(name, name) for name in columns))
    check_columns(cases, held, needed_by=who)
    once = cases.groupby(_IDS)
    for name in held:
        if once[name].nunique(dropna=False).gt(1).any():
            msg = f"{who} needs one {name!r} per case, and some cases have several: ask for senders"
            raise SanctlibError(f"{msg} or targets, or reduce the column to one.")
    told = [name for name in [*held, "state"] if name in cases and name not in _IDS]
    parties = once["target"].agg(lambda states: ";".join(sorted(states.dropna().unique())))
    spells = spells.merge(once[told].first().assign(parties=parties).reset_index(), on=_IDS)
    is_open = spells["finish"].eq(NEVER)
    end = spells["finish"].mask(is_open, pd.Timestamp(known.last))
    end_last = spells["possible_finish"].mask(is_open, pd.Timestamp(known.last))
    first, begin, finish, last = (
        period_number(day, every=question.every)
        for day in (spells["possible_begin"], spells["begin"], end, end_last)
    )
    before = spells["possible_begin"].lt(pd.Timestamp(known.first))
    endless = ~before & ~is_open & spells["possible_finish"].eq(NEVER)
    vague = ~before & ~endless & (first.ne(begin) | finish.ne(last) | finish.lt(begin))
    empty = ~before & ~endless & ~vague & spells[held].isna().any(axis=1)
    kept = spells.assign(time=finish - begin + 1, ended=(~is_open).astype("int64"))
    kept = kept[~(before | endless | vague | empty)].reset_index(drop=True)
    if kept.empty:
        raise SanctlibError(f"{who} finds no case imposed of which begin and end are known.")
    return kept, (
        f"Of {len(spells)} cases imposed {before.sum()} began before the coverage, "
        f"{endless.sum()} have no end and are not marked open, {vague.sum()} are dated more "
        f"widely than a {question.every}, {empty.sum()} lack a column; of the {len(kept)} used "
        f"{kept['ended'].sum()} ended and the others are open on {known.last}."
    )


def _stacked(tables: dict[str, pd.DataFrame], by: str | None) -> pd.DataFrame:
    if by is None:
        return tables["all"]
    return pd.concat(tables, names=[by]).reset_index(level=0).reset_index(drop=True)
