"""Add up results over their periods, also next to each other. Read Results; return a Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pandas as pd

from sanctlib.codes.actions import programmes
from sanctlib.codes.countries import name_of, names_of
from sanctlib.dates import Day, day_in_words
from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics.counts import sanction_counts
from sanctlib.query import State, parties_of, whole_of
from sanctlib.reading import Reading
from sanctlib.result import Result, Source

Figure: TypeAlias = tuple[str, str, Result | Mapping[str, float] | float]
"""What is counted, its unit, and a result by target, numbers by state, or one number."""


def totals(
    result: Result, *, by: str, top: int | None = None, programmes_of: str | None = None
) -> Result:
    """
    Add up counts over their periods, or take the last known stock, by one key.

    A stock is not summed: an entry that is listed for a year would count twelve times in
    months. Its total is the number at the end of the last period in which it is known. Other
    keys of the result are summed: an entry under two programmes counts twice.

    Parameters
    ----------
    result : Result
        Counts or a stock with ``n``, such as from `sanction_counts` or `active_sanctions`.
    by : str
        A key of the result, such as "target", "programme" or "measure".
    top : int, optional
        How many groups the sentence names, from 1. By default all.
    programmes_of : str, optional
        Name of the list in `programmes`, such as "US SDN": adds the states of each programme.

    Returns
    -------
    Result
        Its table has the key and ``n`` above 0, the largest first, and with `programmes_of`
        ``states``: the codes, joined by ``;``. Its first finding is a list in words.

    Raises
    ------
    MissingColumnsError
        For a key that the result does not have.
    UnknownChoiceError
        For another name of a list.

    Examples
    --------
    >>> import pandas as pd
    >>> import sanctlib as sl
    >>> days = pd.to_datetime(["2022-01-01", "2022-02-01"])
    >>> counts = pd.DataFrame({"period": days, "target": ["RUS", "RUS"], "n": [5, 7]})
    >>> sl.metrics.totals(sl.Result(table=counts, kind="counts"), by="target").summary()
    ['Russia 12.']
    >>> sl.metrics.totals(sl.Result(table=counts, kind="stock"), by="target").summary()
    ['Russia 7.']
    """
    check_columns(result.table, [by, "n"])
    n = _by_keys(result, [by])
    n = n[n.gt(0)].sort_values(ascending=False, kind="stable")
    table, more = n.rename("n").reset_index(), []
    named = [name_of(key) for key in table[by]]
    texts = [f"{name} {int(number):,}" for name, number in zip(named, n, strict=True)]
    if programmes_of is not None:
        reviewed = programmes()
        check_choice(programmes_of, reviewed["list"].unique(), what="programmes_of")
        reviewed = reviewed[reviewed["list"].eq(programmes_of)].set_index("programme")
        table["states"] = table[by].map(reviewed["states"])
        own = result.query.targets or ()
        for i, codes in enumerate(table["states"]):
            if not pd.isna(codes) and codes and codes not in own:
                texts[i] += f" (on {names_of(codes.split(';'))})"
        if table["states"].str.contains(";").any():
            more.append("An entity under a programme on several states counts for each.")
    most = len(texts) if top is None else whole_of(top, what="top", least=1)
    rest = [f"{len(texts) - most} more"] if len(texts) > most else []
    return Result(
        table=table,
        name=result.name,
        query=result.query,
        unit=result.unit,
        sources=result.sources,
        notes=result.notes,
        findings=(f"{'; '.join([*texts[:most], *rest]) or 'none'}.", *more),
    )


def senders(counts: Mapping[str, Result], *, targets: Sequence[State], top: int = 9) -> Result:
    """
    Put next to each other who sanctions some states, by several sources.

    The sources count in different units, so their numbers do not add up; a sender that several
    sources name comes first. Counts are summed over their periods; of a stock the last known
    number is taken.

    Parameters
    ----------
    counts : mapping of str to Result
        Counts or stocks with ``sender``, ``target`` and ``n``, by the heading of their column.
    targets : sequence of str
        States or bodies, as codes or names: the order of the numbers in a cell.
    top : int, default 9
        At most so many senders, from 1.

    Returns
    -------
    Result
        Its table has ``sender`` (in words) and a column per heading: a number, or with several
        targets the numbers as text, such as "25 / 16". ``tables["all"]`` has ``sender``,
        ``target``, ``n`` and ``counted`` (the heading) of all senders.

    Raises
    ------
    MissingColumnsError
        For a result without these columns.
    SanctlibError
        For targets that are no state or body.

    Examples
    --------
    >>> import pandas as pd
    >>> import sanctlib as sl
    >>> rows = {"period": 2022, "sender": ["USA", "USA", "CHE"], "target": ["RUS", "IRN", "RUS"]}
    >>> counts = {"acts": sl.Result(table=pd.DataFrame({**rows, "n": [25, 16, 3]}))}
    >>> sl.metrics.senders(counts, targets=["RUS", "IRN"]).table.values.tolist()
    [['United States', '25 / 16'], ['Switzerland', '3 / -']]
    """
    states = list(parties_of(targets, what="targets") or ())
    most = whole_of(top, what="top", least=1)
    parts = []
    for heading, result in counts.items():
        check_columns(result.table, ["sender", "target", "n"])
        n = _by_keys(result, ["sender", "target"]).rename("n").reset_index()
        parts.append(n[n["n"].gt(0)].assign(counted=heading))
    columns = ["sender", "target", "n", "counted"]
    every = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    wide = every.pivot_table("n", "sender", ["counted", "target"], aggfunc="sum", sort=False)
    rank = pd.DataFrame({"sources": wide.notna().sum(axis=1), "n": wide.sum(axis=1)})
    shown = wide.loc[rank.sort_values(["sources", "n"], ascending=False).index].head(most)
    table = pd.DataFrame({"sender": [name_of(code) for code in shown.index]})
    for heading in every["counted"].unique():
        of_state = shown[heading].reindex(columns=states).astype("Int64")
        texts = of_state.map(lambda n: "-" if pd.isna(n) else f"{n:,}").agg(" / ".join, axis=1)
        table[heading] = texts.array if len(states) > 1 else of_state[states[0]].array
    whose = names_of(states)
    notes = ["A dash: none reported, or the source does not cover this sender."]
    notes.append(f"Senders in all: {len(wide)}.")
    if len(states) > 1:
        notes.append(f"In a cell: {' / '.join(name_of(state) for state in states)}.")
    found = [f"Most sources name sanctions of {names_of(shown.index[:3])} on {whose}."]
    none = [f"No source names a sender of sanctions on {whose}."]
    return Result(
        table=table,
        sources=tuple(source for result in counts.values() for source in result.sources),
        notes=tuple(notes) if len(table) else (),
        findings=tuple(found if len(table) else none),
        tables={"all": every[columns]},
    )


_LAST_YEARS = 5
"""A sentence names so many years; the table has all."""


def listings_by_sender(
    lists: Sequence[Reading],
    *,
    targets: Sequence[State],
    start: Day | None = None,
    end: Day | None = None,
) -> Result:
    """
    Put new listings by several senders next to each other, per target and year.

    Archived versions show all entries that were made between two of them. A list of current
    entries shows only those still on it, by the day of their listing: a lower bound, and more
    so for early years. So the senders are shown next to each other and are never added up. Of
    lists with several measures the asset freezes are taken.

    Parameters
    ----------
    lists : sequence of Reading
        Lists as `load` or `read` return them: changes between versions, listings or their
        counts.
    targets : sequence of str
        States at which the programmes are directed, as codes or names.
    start, end : day, optional
        First and last day, as ISO text ("2022", "2022-03", "2022-03-01"), date, datetime,
        Timestamp, datetime64 or Period. By default those of each list.

    Returns
    -------
    Result
        Its table has ``sender``, ``target``, ``period`` (first day of the year; missing for
        entries without a day), ``basis`` ("made", or what the day of a current entry is), ``n``
        (entities, or entries by programme), ``lower``, ``upper``, ``from`` and ``to`` (the two
        versions, or the ends of the year) and ``counted`` (in words). A row with ``n`` missing
        is a year inside a longer interval between two versions, whose entries are ``upper``.

    Raises
    ------
    SanctlibError
        For no list, a table that is no list, or states that are misspelt.

    Examples
    --------
    >>> import sanctlib as sl
    >>> found = sl.metrics.listings_by_sender(
    ...     [sl.load("uk_listings")], targets=["Russia"], start="2022", end="2023")
    >>> found.table[["sender", "target", "basis", "n"]].values.tolist()
    [['GBR', 'RUS', 'listed', 1383], ['GBR', 'RUS', 'listed', 328]]
    """
    if not isinstance(lists, Sequence) or not lists:
        raise SanctlibError("lists holds no list. Give one or more, such as [sl.load('ofac_sdn')].")
    whose = names_of(parties_of(targets, what="targets") or ())
    parts: list[pd.DataFrame] = []
    sources: list[Source] = []
    findings: list[str] = []
    for reading in lists:
        rows, result = _listed(reading, targets, start, end)
        parts.append(rows)
        sources += result.sources
        findings += _years_in_words(rows, result.sources[0])
    columns = [
        "sender",
        "target",
        "period",
        "basis",
        "n",
        "lower",
        "upper",
        "from",
        "to",
        "counted",
    ]
    return Result(
        table=pd.concat(parts, ignore_index=True)[columns],
        kind="by_sender",
        name=f"New listings on {whose}, by sender",
        sources=tuple(sources),
        notes=(
            "Area is the count: a wide bar is one interval between two versions.",
            "Still listed: early years are lower bounds. Pale: carried over or restored.",
            "Senders count by different rules.",
        ),
        findings=tuple(findings) or (f"No entry on {whose} in these lists.",),
    )


def _listed(
    reading: Reading, targets: Sequence[State], start: Day | None, end: Day | None
) -> tuple[pd.DataFrame, Result]:
    """Return the listings of one list per sender, target, year and basis."""
    if not isinstance(reading, Reading):
        msg = f"lists holds {type(reading).__name__}. It must hold readings, as sl.load returns."
        raise SanctlibError(msg)
    if "measure" in reading.columns:
        reading = reading.filter(measure="asset_freeze")
    versions, based = reading.kind == "list_changes", "basis" in reading.columns
    result = sanction_counts(
        reading,
        every="year",
        unit="entity" if versions else "designation",
        by=["sender", "target", *(["basis"] if based else [])],
        between="versions" if versions else None,
        targets=targets,
        start=start,
        end=end,
    )
    rows = result.table[result.table["n"].fillna(0).gt(0) | result.table["upper"].fillna(0).gt(0)]
    if versions:
        rows = rows[rows["period"].notna()].assign(basis="made", counted="all entries made")
        return rows, result
    day = day_in_words(result.coverage.last) if result.coverage else "the day of the list"
    rows = rows.assign(counted=f"still listed on {day}", basis=rows.get("basis", "listed"))
    ends = rows["period"] + pd.offsets.YearEnd()
    return rows.assign(**{"from": rows["period"], "to": ends}), result


def _years_in_words(rows: pd.DataFrame, source: Source) -> list[str]:
    """Return a sentence per sender: the numbers of the last years with entries, by target."""
    sentences = []
    for sender, of_sender in rows.groupby("sender", sort=False):
        texts = []
        for target, of_pair in of_sender.groupby("target", sort=False):
            dated = of_pair[of_pair["n"].notna() & of_pair["period"].notna()]
            years = dated.assign(year=dated["period"].dt.year).sort_values(["year", "basis"])
            years = years[years["year"].isin(years["year"].drop_duplicates().tail(_LAST_YEARS))]
            said = []
            for row in years.to_dict("records"):
                basis = "" if row["basis"] in ("made", "listed") else f" {row['basis']}"
                said.append(f"{row['year']} {row['n']:,}{basis.replace('_', ' ')}")
            texts.append(f"on {name_of(target)} {', '.join(said)}")
        counted = of_sender["counted"].iloc[0]
        start = f"{name_of(sender)}, new entries ({counted})"
        sentences.append(f"{start}: {'; '.join(texts)} ({source.described(short=True)}).")
    return sentences


def key_figures(
    figures: Sequence[Figure],
    *,
    states: Sequence[State],
    own_list: Mapping[str, State] | None = None,
) -> Result:
    """
    Put the key figures of one state or of several next to each other.

    Parameters
    ----------
    figures : sequence of (str, str, Result, mapping or number)
        What is counted, its unit, and the numbers: a Result with ``target`` and ``n`` (counts
        are summed over their periods, of a stock the last known number is taken; a state
        without a row has 0 where the source covers the span), numbers by state, or one number
        about all states together.
    states : sequence of str
        States, as codes or names.
    own_list : mapping of str to str, optional
        The sender of a figure. A state's own list does not apply to it, so there its number is
        missing.

    Returns
    -------
    Result
        Its table has ``label``, ``value`` and ``unit``, as the index page of reports reads
        them; with several states a label begins with the name of the state.
        ``tables["by_state"]`` has a row per figure and a column per state.

    Raises
    ------
    MissingColumnsError
        For a result without these columns.
    SanctlibError
        For states that are no states.

    Examples
    --------
    >>> import sanctlib as sl
    >>> figures = [("on the list", "entities", {"RUS": 12, "IRN": 3}), ("together", "acts", 5)]
    >>> sl.metrics.key_figures(figures, states=["RUS", "IRN"]).table[["label", "value"]].values
    array([['Russia: on the list', 12],
           ['Iran: on the list', 3],
           ['together', 5]], dtype=object)
    """
    codes, own = list(parties_of(states, what="states") or ()), dict(own_list or {})
    rows: list[tuple[str, object, str]] = []
    by_state: list[dict[str, object]] = []
    for what, unit, values in figures:
        if not isinstance(values, Result | Mapping):
            rows.append((what, values, unit))
            continue
        known = _by_state(values, codes)
        numbers = {code: pd.NA if own.get(what) == code else known[code] for code in codes}
        for code, number in numbers.items():
            whose = f"{name_of(code)}: " if len(codes) > 1 else ""
            rows.append((whose + what, number, unit))
        by_name = {name_of(code): number for code, number in numbers.items()}
        by_state.append({"": what, **by_name, "unit": unit})
    return Result(
        table=pd.DataFrame(rows, columns=["label", "value", "unit"]),
        name=f"Key figures of {names_of(codes)}",
        tables={"by_state": pd.DataFrame(by_state)},
    )


def _by_state(values: Result | Mapping[str, float], states: Sequence[str]) -> dict[str, object]:
    """Return a number per state; without a row 0 in the coverage, and elsewhere missing."""
    if not isinstance(values, Result):
        return {state: values.get(state, pd.NA) for state in states}
    check_columns(values.table, ["target", "n"])
    n = _by_keys(values, ["target"])
    known, query = values.coverage, values.query
    outside = known is not None and (
        (query.start is not None and query.start > known.last)
        or (query.end is not None and query.end < known.first)
    )
    return {state: pd.NA if outside else int(n.get(state, 0)) for state in states}


def _by_keys(result: Result, keys: Sequence[str]) -> pd.Series:
    """Return the sum of counts, or the last known stock, by keys."""
    table = result.table
    if result.kind == "counts" and "n_unassigned" in table:
        # Units dated more widely than a period are in the row without one.
        wide = table["n_unassigned"].where(table["period"].isna() & table["n_unassigned"].gt(0))
        table = table.assign(n=table["n"].fillna(wide))
    rows = table.dropna(subset="n")
    if result.kind == "stock":
        check_columns(rows, ["period"])
        rows = rows[rows["period"].eq(rows.groupby(list(keys))["period"].transform("max"))]
    found: pd.Series = rows.groupby(list(keys))["n"].sum()
    return found
