"""Units and days side by side: the same acts in every unit, and by every day that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError
from sanctlib.frames import AnyTable, Opened, fetched, opened
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.questions import (
    DATES,
    RULES,
    TARGET_COLUMN,
    UNITS,
    Question,
    TargetRule,
    Unit,
)
from sanctlib.metrics.tallies import pieces_of
from sanctlib.periods import PERIODS, Period, period_end, period_start
from sanctlib.reading import Reading
from sanctlib.schema import COUNTED_SANCTIONS

_RULE = {
    ("events", "act"): "acts of a sender; an act against three targets counts once",
    ("events", "dyad"): "acts, once for each sender and target",
    ("cells", "act"): "acts of a sender, added up over the days and pairs of the cells",
    ("cases", "case"): "cases, by their first day",
    ("cases", "coalition"): (
        "distinct senders, targets and first days: a case begun on three days is three"
    ),
    ("listings", "entity"): (
        "persons, firms, ships first listed; an entry under three programmes counts once"
    ),
    ("listings", "designation"): "entries under a programme; one under three counts three times",
    ("list_changes", "entity"): (
        "persons, firms, ships new to the list; an entry under three programmes counts once; "
        "dated by the copy that first shows it"
    ),
    ("list_changes", "designation"): (
        "entry and programme newly together, also for an entry of old; dated by the copy that "
        "first shows it"
    ),
    ("listing_counts", "designation"): "entries under a programme, by the list's own dates",
}
_TARGET = {
    "programme": "targets: the states the law is about",
    "conduct": "targets: the states whose conduct the reasons name",
    "address": "targets: the places of those listed, sanctioned or not",
}


def compare_units(
    readings: Mapping[str, AnyTable] | Sequence[Reading],
    *,
    start: date,
    end: date,
    targets: Sequence[str],
) -> pd.DataFrame:
    """
    Count the sanctions on `targets` in one span, in every unit and under every rule.

    The numbers are all right and all different: that is the point of the table. Each
    counts what concerns any of the targets once. Cells whose periods the span cuts are
    left out.

    Parameters
    ----------
    readings : mapping of name to table, or sequence of Reading
        Anything that `sanction_counts` takes.
    start, end : date
        First and last day of the span.

    Returns
    -------
    units : DataFrame
        ``source``, ``unit``, ``target_rule``, ``n``, ``lower``, ``upper`` (the band of
        the dates that can be defended), ``covered`` (the source speaks of the whole
        span, which a hand-picked list never does; missing when nobody said; where not,
        nothing seen is missing, not zero) and ``rule``, in words. A list of survivors has
        no ``upper`` before its own day.

    Raises
    ------
    SanctlibError
        When a table holds nothing that counts.

    Examples
    --------
    >>> from datetime import date
    >>> import pandas as pd
    >>> from sanctlib.metrics.units import compare_units
    >>> listings = pd.DataFrame({
    ...     "source": "own", "list": "L", "listing_id": ["1", "1"], "entity_id": "A",
    ...     "entity_type": "entity", "programme": ["P", "Q"], "programme_state": "RUS",
    ...     "listed": pd.Timestamp("2023-12-05"), "delisted": pd.NaT,
    ... })
    >>> month = dict(start=date(2023, 12, 1), end=date(2023, 12, 31), targets=["RUS"])
    >>> compare_units({"own": listings}, **month)[["source", "unit", "n"]]
      source         unit  n
    0    own       entity  1
    1    own  designation  2
    """
    if isinstance(readings, Reading):
        readings = [readings]
    named = readings if isinstance(readings, Mapping) else _named(readings)
    rows = []
    for name, table in named.items():
        with opened(table, needed_by="compare_units") as source:
            units = UNITS.get(source.kind, ())
            if not units:
                msg = f"compare_units: {name!r} holds {source.kind}, which count no sanctions."
                raise SanctlibError(msg)
            for unit in units:
                for rule in _rules(source):
                    question = Question(
                        every=_grid(source),
                        by=("target",) if unit == "dyad" else (),
                        unit=unit,
                        target_rule=rule,
                        start=start,
                        end=end,
                        targets=targets,
                        needed_by="compare_units",
                    )
                    known = source.coverage
                    told = _covered(known, start, end, every=question.every)
                    # What is not on a hand-picked list may have been all the same.
                    told = False if source.curated else told
                    row = {"source": name, "covered": told, **_row(source, question)}
                    if known is not None and known.survivors and start < known.last:
                        # What was removed before the day of the list is not in it.
                        row |= {"upper": pd.NA, "rule": f"{row['rule']}; survivors only"}
                    rows.append(row)
    table = pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)
    # Where the source does not speak of the whole span, nothing seen is not nothing.
    cut = ~table["covered"].fillna(value=True)
    table.loc[cut & table["n"].eq(0), ["n", "lower"]] = pd.NA
    table.loc[cut, "upper"] = pd.NA
    return table


def compare_dates(
    table: AnyTable,
    *,
    every: Period,
    unit: Unit = "act",
    by: Sequence[str] = (),
    actions: Sequence[str] = COUNTED_SANCTIONS,
    target_rule: TargetRule = "programme",
    start: date | None = None,
    end: date | None = None,
    coverage: Coverage | None = None,
    senders: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Count acts of sanction by their own day, the day announced and the day of effect.

    A law announced in May and effective in August is an act of May or of August: a curve
    that peaks before an event by one day may peak after it by another. Where acts lack a
    day the three agree by default and not by finding, so read ``n_fallback`` first.

    Parameters
    ----------
    table : frame, path or Reading
        Events with ``date_announced`` and ``date_effective``.
    every, unit, by, actions, target_rule, start, end, coverage, senders, targets
        As in `sanction_counts`.

    Returns
    -------
    counts : DataFrame
        ``dated`` (date, announced, effective) and the columns of `sanction_counts`, with
        ``n_fallback``: acts that lack the day and count by their ``date``.

    Raises
    ------
    MissingColumnsError
        When the table lacks one of the days.
    SanctlibError
        As `sanction_counts`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sanctlib.metrics.units import compare_dates
    >>> day = pd.Timestamp("2018-08-07")
    >>> acts = pd.DataFrame({
    ...     "source": "own", "event_id": ["1", "2"], "act_id": ["1", "2"], "date": day,
    ...     "date_last": day, "date_announced": [pd.Timestamp("2018-05-08"), pd.NaT],
    ...     "date_effective": pd.NaT, "sender": "USA", "target": "IRN", "mutual": False,
    ...     "family": "sanction", "action": "impose",
    ... })
    >>> compare_dates(acts, every="month")[["dated", "period", "n", "n_fallback"]]
           dated     period  n  n_fallback
    0       date 2018-08-01  2           0
    1  announced 2018-05-01  1           0
    2  announced 2018-08-01  1           1
    3  effective 2018-08-01  2           2
    """
    found = [
        sanction_counts(
            table,
            every=every,
            unit=unit,
            by=by,
            actions=actions,
            target_rule=target_rule,
            dated=dated,
            start=start,
            end=end,
            coverage=coverage,
            senders=senders,
            targets=targets,
        ).assign(dated=dated)
        for dated in DATES
    ]
    rows = pd.concat([counts.assign(n_fallback=counts.get("n_fallback", 0)) for counts in found])
    columns = [c for c in found[-1] if c != "dated"]
    return rows[["dated", *columns]].astype({"dated": "str"}).reset_index(drop=True)


_TYPES = {
    **dict.fromkeys(("source", "unit", "target_rule"), "str"),
    **dict.fromkeys(("n", "lower", "upper"), "Int64"),
    "covered": "boolean",
    "rule": "str",
}


def _named(readings: Sequence[Reading]) -> dict[str, AnyTable]:
    keys = [reading.provenance.key for reading in readings]
    if len(set(keys)) < len(keys):
        msg = f"compare_units needs readings of different keys, got {keys}: name them in a mapping."
        raise SanctlibError(msg)
    return dict(zip(keys, readings, strict=True))


def _rules(source: Opened) -> list[TargetRule]:
    known = RULES[source.kind]
    if source.kind == "events":
        return [rule for rule in known if TARGET_COLUMN[rule] in source.columns]
    return [rule for rule in known if rule != "address" or _addressed(source)]


def _addressed(source: Opened) -> bool:
    """Tell whether any entry of a list has an address: a column without any says nothing."""
    if "entity_country" not in source.columns:
        return False
    rows = source.relation(["entity_country"], needed_by="compare_units")
    countries = fetched(rows.project("entity_country").distinct())
    return bool(countries["entity_country"].notna().any())


def _grid(source: Opened) -> Period:
    if source.kind != "cells":
        return "day"
    rows = source.relation(["period"], needed_by="compare_units")
    known = fetched(rows.project("period::DATE AS period").distinct())["period"].dropna()
    return next(p for p in reversed(PERIODS) if known.eq(period_start(known, every=p)).all())


def _covered(coverage: Coverage | None, start: date, end: date, *, every: Period) -> bool | None:
    if coverage is None:
        return None
    # Cells that the span cuts are left out, unless the source itself ends there.
    first, last = (pd.Series([pd.Timestamp(day)]) for day in (start, end))
    begins = period_start(first, every=every).eq(first).iloc[0] or start <= coverage.first
    ends = period_end(period_start(last, every=every), every=every).eq(last).iloc[0]
    if not begins or not (ends or end >= coverage.last):
        return False
    cut = any(first <= end and last >= start for first, last, _ in coverage.gaps)
    return coverage.first <= start and end <= coverage.last and not cut


def _row(source: Opened, question: Question) -> dict[str, object]:
    pieces = pieces_of(source, question)
    # Over the whole span, a thing wider than a day has its place all the same.
    inside = pieces["inside"].to_numpy(dtype=bool)
    counted = inside | pieces["counted"].to_numpy(dtype=bool)
    target = _TARGET[question.target_rule]
    if source.kind in ("events", "cells", "cases") and not source.curated:
        target = "targets: the states the source names" if "law" in target else target
    rule = f"{_RULE[source.kind, question.unit]}; {target}"
    if source.curated:
        rule = f"on our list, a timeline, not an outcome: {rule}"
    return {
        "unit": question.unit,
        "target_rule": question.target_rule,
        "n": int(pieces.loc[counted, "n"].sum()),
        "lower": int(pieces.loc[inside, "n"].sum()),
        "upper": int(pieces["n"].sum()),
        "rule": rule,
    }
