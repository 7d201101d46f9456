"""Estimate how long sanctions last and how they end. Read cases; return a Fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics.outcomes import Several, described
from sanctlib.metrics.questions import (
    FLAGS,
    cases_by,
    check_covered,
    check_kind,
    check_not_curated,
    of_senders,
)
from sanctlib.metrics.spells import NEVER, spells_of_cases
from sanctlib.models.clusters import few_clusters
from sanctlib.models.inputs import column_of
from sanctlib.models.sentences import n_of, origin, p_in_words, ratio_with_interval, with_interval
from sanctlib.models.survival import cox, incidence, median, survival
from sanctlib.periods import Period, period_number
from sanctlib.query import Query, ask, keys_of
from sanctlib.result import Fit, Source

_IDS = ["source", "case_id"]
_ENDS = ("outcomes", "state", "exit", "end", "end_last", "ongoing", "time", "ended")


def duration(
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
    Estimate how long sanctions stay imposed, with open cases as censored.

    The mean of ended cases is too short, because the longest ones are still open. Survival is
    that of Kaplan and Meier (1958). With `regressors`, hazards of ending are those of Cox
    (1972), with ties after Efron and errors clustered by target. Where outcomes are known,
    success and other ends compete: ``incidence`` is the share ended in each way (Aalen and
    Johansen 1978), not the share of success if nothing else ended sanctions.

    A case lasts the periods that it touches, at least 1: one that begins and ends in 2014
    lasts a year. Excluded and counted are cases that began before the coverage (the source
    has only those of them that lasted), and cases with a day not known to the period.

    Parameters
    ----------
    table : frame, path, Reading or Result
        Cases; those imposed are counted, each once.
    every : {"day", "week", "month", "quarter", "year"}
        Unit of duration. The GSDB is dated by year.
    by : str, optional
        A column of the case, or its ``stage`` or ``multilaterality`` as in
        `sanction_outcomes`, whose groups are compared.
    regressors : sequence of str, default none
        Columns of finite numbers; of text, which become columns of 0 and 1 with the first
        text in the alphabet as reference; or ``measure`` and ``objective``, a column for
        each value, of which a case may have several.
    success : sequence of str, optional
        The outcomes that are success. By default, where the target gave in, as in
        `sanction_outcomes`.
    several : {"any", "all"}, default "any"
        Whether one of the outcomes of a case must be success, or each.
    senders, targets : sequence of str, optional
        Only cases of these states or bodies, as codes or names.
    coverage : Coverage, optional
        What the table covers; its last day is when open cases were last seen. By default
        that of the Reading or of the store.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Without regressors, its table has a row per group: ``n``, ``n_ended``,
        ``n_censored`` (cases), ``median`` with ``lower`` and ``upper`` (periods; missing
        where too few ended). With them, a row per ``term``: ``estimate`` (of the logarithm
        of the hazard), ``std_error``, ``p_value``, ``lower``, ``upper``, ``ratio`` (of
        hazards, above 1 if the case ends sooner), ``p_proportional`` (small if the ratio
        changes with time), ``n``, ``n_ended``, ``n_clusters``. Its `tables` are
        ``"survival"``, and where possible ``"incidence"`` and ``"logrank"``. `fitted` is the
        Cox model of statsmodels.

    Raises
    ------
    SanctlibError
        For fewer than 10 ended cases per regressor, no case left, or a column that differs
        within a case, has one value or describes how a case ended.
    CuratedError
        For a hand-picked list.
    MissingColumnsError, SchemaError
        For a column that is missing or holds infinite numbers or days.

    Examples
    --------
    >>> import sanctlib as sl
    >>> start = pd.to_datetime(["2001-01-01"] * 4)
    >>> end = pd.to_datetime(["2001-05-01", "2003-01-01", "2003-01-01", None])
    >>> cases = pd.DataFrame({
    ...     "source": "own", "case_id": [*"1234"], "sender": "USA", "target": "IRN",
    ...     "start": start, "start_last": start, "end": end, "end_last": end,
    ...     "ongoing": [False, False, False, True]})
    >>> known = sl.Coverage(source="own", first="2001-01-01", last="2005-12-31")
    >>> found = sl.models.duration(cases, every="year", coverage=known).tables["survival"]
    >>> found[["time", "at_risk", "n_ended", "survival"]]
       time  at_risk  n_ended  survival
    0     1        4        1      0.75
    1     3        3        2      0.25
    """
    terms = keys_of(regressors, what="regressors")
    check_choice(several, ("any", "all"), what="several")
    if by is not None:
        column_of(by, what="by")
    if success is not None and not keys_of(success, what="success"):
        raise SanctlibError("success is empty. Name at least one outcome, or omit it.")
    _check_known(by, terms)
    query = ask(
        every=every,
        by=[] if by is None else [by],
        unit="case",
        senders=senders,
        targets=targets,
        level=level,
        regressors=terms,
        success=success,
        several=several,
    )
    columns = [*query.by, *terms]
    with opened(table, coverage=coverage) as source:
        check_not_curated(source, what="rate")
        check_kind(source, "cases")
        check_covered(source)
        cases, known = source.small(also=columns), source.coverage
    if success is not None:
        check_columns(cases, ["outcomes"])
    if "outcomes" in cases:
        cases = described(cases, success=success, several=several)
    whole = replace(query, by=())
    cases = cases_by(of_senders(cases, whole), whole)
    spells, note = _lasting(cases, whole, known, columns)  # type: ignore[arg-type]
    groups = {str(name): rows for name, rows in spells.groupby(by)} if query.by else {"all": spells}
    level = query.level
    tables = {"survival": _stacked({name: survival(g, level) for name, g in groups.items()}, by)}
    if "state" in spells and spells["ended"].any():
        found = {name: incidence(g, level) for name, g in groups.items() if g["ended"].any()}
        tables["incidence"] = _stacked(found, by)
    first_end = spells["time"].where(spells["ended"].eq(1)).min()
    if by and spells.loc[spells["time"].ge(first_end), by].nunique() == len(groups) > 1:
        tables["logrank"] = _compared(spells, by)
    notes = [
        "The estimates describe cases that were imposed: what makes sanctions likely may also "
        "make them last. Open cases are assumed to end like others of the same age.",
        note,
    ]
    if terms:
        result, model = cox(spells, terms, level)
        notes.append(
            "Hazard ratios are associations; with a small p_proportional, the ratio changes with "
            "time."
        )
        notes += few_clusters(int(result["n_clusters"].iloc[0]))
    else:
        result, model = _stacked({name: median(g, level) for name, g in groups.items()}, by), None
    return Fit(
        table=result,
        name=f"Duration of sanctions in {every}s",
        kind="estimates" if terms else "table",
        query=query,
        unit="cases of sanctions",
        n=len(spells),
        sources=(source.source,),
        notes=tuple(notes),
        findings=_findings(result, query, source.source),
        tables=tables,
        fitted=model,
    )


def _findings(result: pd.DataFrame, query: Query, source: Source) -> tuple[str, ...]:
    """Return a sentence per group or per regressor."""
    of, level = origin([source]), query.level
    if "term" in result:
        return tuple(
            f"{row['term']}: the hazard of ending is multiplied by "
            f"{ratio_with_interval(row, level)}, {p_in_words(row['p_value'])}, "
            f"{row['n']:,} cases{of}."
            for row in result.to_dict("records")
        )
    found = []
    for row in result.to_dict("records"):
        group = "".join(f" of {row[key]}" for key in query.by)
        cases = n_of(row["n"], "case")
        if row["median"] == row["median"]:
            years = with_interval(row["median"], row["lower"], row["upper"], level)
            found.append(f"Median duration{group}: {years} {query.every}s, {cases}{of}.")
        else:
            found.append(f"No median duration{group}: fewer than half of {cases} ended{of}.")
    return tuple(found)


def _compared(spells: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the log-rank test of equal survival in all groups."""
    from statsmodels.duration.survfunc import survdiff

    try:
        chi2, p = survdiff(spells["time"], spells["ended"], spells[by])
    except np.linalg.LinAlgError:
        msg = f"The groups of {by!r} cannot be compared, because their cases all last equally long"
        raise SanctlibError(f"{msg}. Use a shorter period, or omit by=.") from None
    return pd.DataFrame([{"chi2": chi2, "df": spells[by].nunique() - 1, "p_value": p}])


def _check_known(by: str | None, regressors: Sequence[str]) -> None:
    """Check that each column is known while a case lasts, and that groups do not overlap."""
    joined = {column: key for key, column in FLAGS.items()}
    for name in [*regressors, *([] if by is None else [by])]:
        if name in _ENDS:
            msg = f"{name!r} describes how or when a case ended, so open cases do not have it."
            raise SanctlibError(f"{msg} The ways to end are in tables['incidence'].")
        key = joined.get(name, name)
        if key in FLAGS and (name == by or key != name):
            msg = f"A case can have several values in {FLAGS[key]!r}, so groups would overlap."
            raise SanctlibError(f"{msg} Use regressors=[{key!r}], which has a column for each.")


def _lasting(
    cases: pd.DataFrame, query: Query, known: Coverage, columns: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Return a row per case, with ``time``, ``ended``, ``parties`` and `columns`; and a note."""
    spells = spells_of_cases(cases, query, coverage=known, legal=True)
    held = list(dict.fromkeys(FLAGS.get(name, name) for name in columns))
    check_columns(cases, held)
    once = cases.groupby(_IDS)
    for name in held:
        if once[name].nunique(dropna=False).gt(1).any():
            msg = f"Some cases have several values of {name!r}. A case must have one: choose"
            raise SanctlibError(f"{msg} senders= or targets=, or reduce the column to one value.")
    constant = [name for name in [*held, "state"] if name in cases and name not in _IDS]
    parties = once["target"].agg(lambda states: ";".join(sorted(states.dropna().unique())))
    spells = spells.merge(once[constant].first().assign(parties=parties).reset_index(), on=_IDS)
    is_open = spells["finish"].eq(NEVER)
    end = spells["finish"].mask(is_open, pd.Timestamp(known.last))
    end_last = spells["possible_finish"].mask(is_open, pd.Timestamp(known.last))
    first, begin, finish, last = (
        period_number(day, every=query.every)
        for day in (spells["possible_begin"], spells["begin"], end, end_last)
    )
    before = spells["possible_begin"].lt(pd.Timestamp(known.first))
    endless = ~before & ~is_open & spells["possible_finish"].eq(NEVER)
    vague = ~before & ~endless & (first.ne(begin) | finish.ne(last) | finish.lt(begin))
    empty = ~before & ~endless & ~vague & spells[held].isna().any(axis=1)
    kept = spells.assign(time=finish - begin + 1, ended=(~is_open).astype("int64"))
    kept = kept[~(before | endless | vague | empty)].reset_index(drop=True)
    counts = (
        f"Of {len(spells):,} cases imposed, {len(kept):,} are used: {before.sum():,} began before "
        f"the coverage, {endless.sum():,} have no end and are not marked as open, "
        f"{vague.sum():,} are dated more widely than a {query.every}, {empty.sum():,} lack a "
        "column."
    )
    if kept.empty:
        raise SanctlibError(f"No case is left. {counts}")
    n_ended = kept["ended"].sum()
    return kept, f"{counts} {n_ended:,} of them ended, and the others are open on {known.last}."


def _stacked(tables: dict[str, pd.DataFrame], by: str | None) -> pd.DataFrame:
    if by is None:
        return tables["all"]
    return pd.concat(tables, names=[by]).reset_index(level=0).reset_index(drop=True)
