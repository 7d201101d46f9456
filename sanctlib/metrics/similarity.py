"""Compare votes and portfolios of two states. Return their distance or similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from reprlib import repr as shortened

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import name_of
from sanctlib.engines import AnyTable, opened
from sanctlib.errors import SanctlibError, SchemaError, check_choice, check_columns
from sanctlib.metrics._pair_acts import in_names, rows_by_pair
from sanctlib.metrics._questions import check_kind
from sanctlib.query import Pair, Query, ask, keys_of, number_of, parties_of
from sanctlib.result import Result, Source, frame_of
from sanctlib.sources.ideal_points import MEASURE, SESSION_ZERO, VOTES, read_gaps

Values = NDArray[np.float64]


def portfolio_similarity(
    ties: AnyTable,
    *,
    pair: Pair | Sequence[Pair],
    top: float,
    states: Sequence[str] | None = None,
    self_tie: float | None = None,
    weights: pd.Series | Mapping[str, float] | None = None,
) -> Result:
    """
    Measure how similar the ties of two states with all others are, per period.

    There are four measures, because they disagree. S by absolute and by squared distance
    (Signorino and Ritter 1999) does not correct for chance, and rises with the number of
    states that have no tie to either. Quadratically weighted kappa (Cohen 1968) and Scott's
    pi (Scott 1955) correct for it, and can be below 0 for the same portfolios (Häge 2011).
    A state outside `states` is in no portfolio. A tie that the table does not hold is 0, so
    `states` must be those that the source covers on that date.

    Parameters
    ----------
    ties : frame, Reading, Result or path
        Dyads of one measure: ``first``, ``second``, ``date``, ``value`` between 0 and `top`.
        Where ``directed`` is false or absent, a tie counts for both states.
    pair : tuple of two states, or several of them
        Codes or names, in either order.
    top : float
        The strongest tie that the scale allows: 3 for a defence pact on a scale of 0 to 3.
    states : sequence of str, optional
        The system. By default all states that any row of the date names.
    self_tie : float, optional
        A state's tie with itself. By default `top`, as is the convention.
    weights : Series, or mapping of str to float, optional
        Weight of each state in S, by code, such as a share of capabilities. By default all
        are equal.

    Returns
    -------
    Result
        Its table has ``period`` (the ``date`` of the ties), ``first``, ``second``,
        ``n_states`` (in the system), ``s_absolute``, ``s_squared`` (-1 to 1), ``kappa``,
        ``pi`` and ``pi_nominal`` (at most 1; missing where both portfolios are constant and
        equal). Kappa and pi weight by squared distances; ``pi_nominal`` asks only whether two
        ties are equal.

    Raises
    ------
    MissingColumnsError
        If the table lacks a column.
    SanctlibError
        If a value is not between 0 and `top`, the table holds several measures, a state of
        the system has no weight, or one of the pair is neither in a tie nor in `states`.

    Examples
    --------
    >>> ties = pd.DataFrame({"first": ["AUT", "FRA"], "second": ["DEU", "RUS"],
    ...     "date": pd.Timestamp("1914-01-01"), "value": [3, 3]})
    >>> found = portfolio_similarity(ties, pair=("DEU", "RUS"), top=3)
    >>> found.table[["n_states", "s_absolute", "kappa"]].to_dict("records")
    [{'n_states': 4, 's_absolute': -1.0, 'kappa': -1.0}]
    """
    query = ask(
        pair=pair,
        top=number_of(top, what="top", least=0, above=True),
        states=None if states is None else keys_of(states, what="states"),
        self_tie=top if self_tie is None else number_of(self_tie, what="self_tie", least=0),
    )
    if states is not None and not query.options["states"]:
        raise SanctlibError("states is empty. Name the states of the system, or leave it out.")
    if query.pairs is None:
        raise SanctlibError("pair is None. Name one pair of states or more: ('IRN', 'RUS').")
    rows, source = _ties(ties, top)
    covered = {*rows["first"], *rows["second"], *(query.options["states"] or ())}  # type: ignore[misc]
    for state in {state: None for two in query.pairs for state in two}:
        if state not in covered:
            msg = f"{state} is in no tie. A state without ties would be like any other such state:"
            raise SanctlibError(f"{msg} name it in states=, if the source covers it.")
    weighting = None if weights is None else _as_numbers(weights)
    found = [
        _compared(of_day, day, two, query, weighting)
        for two in query.pairs
        for day, of_day in rows.groupby("date", sort=True)
    ]
    columns = ["period", "first", "second", "n_states", "s_absolute", "s_squared", "kappa", "pi"]
    columns.append("pi_nominal")
    table = pd.DataFrame(found, columns=columns).astype({"first": "str", "second": "str"})
    findings = []
    for whose, of_pair in rows_by_pair(table):
        last = of_pair.iloc[-1]
        text = f"{whose}, {last['period']:%Y-%m-%d}: S {last['s_absolute']:.2f}, kappa "
        text += f"{last['kappa']:.2f}, pi {last['pi']:.2f} over {last['n_states']} states"
        findings.append(f"{text} ({source.described()}).")
    return Result(
        table=table,
        kind="similarity",
        name=f"Similarity of the ties of {in_names(query.pairs)}",
        query=query,
        unit="portfolios compared, one per pair and period",
        n=len(table),
        sources=(source,),
        notes=(
            "S does not correct for chance: it rises with states that have no tie to either.",
            "A tie that the source does not hold is 0.",
        ),
        findings=tuple(findings),
    )


def _ties(ties: AnyTable, top: float) -> tuple[pd.DataFrame, Source]:
    """Return the ties and their source. A frame needs fewer columns than a table of dyads."""
    frame, known = frame_of(ties), Source(key="own table")
    if not isinstance(frame, pd.DataFrame):
        with opened(ties) as source:
            check_kind(source, "dyads")
            frame, known = source.small(), source.source
    check_columns(frame, ["first", "second", "date", "value"])
    if not pd.api.types.is_datetime64_any_dtype(frame["date"]):
        msg = f"Column 'date' holds {frame['date'].iloc[0]!r}. " if len(frame) else ""
        raise SchemaError(f"{msg}It must hold days: pd.to_datetime(table['date']).")
    if not pd.api.types.is_numeric_dtype(frame["value"]):
        raise SchemaError("Column 'value' must hold numbers.")
    if "date_last" in frame and frame.groupby("date")["date_last"].nunique().gt(1).any():
        msg = "The ties of one date have several last days in 'date_last'. Keep those of equal"
        raise SanctlibError(f"{msg} periods, so that a pair has one tie per date.")
    measures = list(frame["measure"].unique()) if "measure" in frame else []
    if len(measures) > 1:
        msg = f"The ties have the measures {', '.join(map(repr, measures))}. Keep one of them,"
        raise SanctlibError(f"{msg} such as ties[ties['measure'].eq({measures[0]!r})].")
    wrong = frame.loc[~frame["value"].between(0, top), "value"]
    if len(wrong):
        msg = f"Column 'value' holds {wrong.iloc[0]}. A tie must lie between 0 and {top:g}."
        raise SanctlibError(msg)
    return frame, known


def _as_numbers(weights: pd.Series | Mapping[str, float]) -> pd.Series:
    try:
        return pd.Series(weights, dtype="float64")
    except (TypeError, ValueError):
        msg = f"weights is {shortened(weights)}. It must hold a number for each state"
        raise SanctlibError(f"{msg}: {{'IRN': 0.4, 'RUS': 0.6}}.") from None


def _compared(
    ties: pd.DataFrame, day: object, two: Pair, query: Query, weights: pd.Series | None
) -> dict[str, object]:
    """Return the similarity of a pair on one date."""
    states, top = query.options["states"], float(query.options["top"])  # type: ignore[arg-type]
    self_tie = float(query.options["self_tie"])  # type: ignore[arg-type]
    system = sorted(set(ties["first"]) | set(ties["second"]) if states is None else states)  # type: ignore[call-overload]
    x, y = (_portfolio(ties, state, system, self_tie) for state in two)
    weight = _weights(weights, system)
    apart = np.abs(x - y) / top
    levels = np.unique(np.concatenate([x, y, [0.0, top]]))
    return {
        "period": day,
        "first": two[0],
        "second": two[1],
        "n_states": len(system),
        "s_absolute": 1 - 2 * float(weight @ apart),
        "s_squared": 1 - 2 * float(weight @ apart**2),
        "kappa": _agreement(x, y, levels, pooled=False),
        "pi": _agreement(x, y, levels, pooled=True),
        "pi_nominal": _agreement(x, y, levels, pooled=True, nominal=True),
    }


def _portfolio(ties: pd.DataFrame, state: str, system: list[str], self_tie: float) -> Values:
    directed = ties["directed"].fillna(value=False).astype("bool") if "directed" in ties else False
    out = ties[ties["first"].eq(state)].set_index("second")["value"]
    back = ties[ties["second"].eq(state) & ~directed].set_index("first")["value"]
    # A pair listed in both orders is one tie: the stronger one where they differ.
    held = pd.concat([out, back]).groupby(level=0).max()
    values: Values = np.array(held.reindex(system).fillna(0.0), dtype="float64")
    if state in system:
        values[system.index(state)] = self_tie
    return values


def _weights(weights: pd.Series | None, system: list[str]) -> Values:
    if weights is None:
        return np.full(len(system), 1 / len(system))
    missing = [s for s in system if s not in weights.index]
    if missing:
        msg = f"weights has no {', '.join(map(repr, missing))}."
        raise SanctlibError(f"{msg} Give each state of the system a weight, or name states.")
    chosen = weights.loc[system].to_numpy(dtype="float64")
    if not (np.isfinite(chosen).all() and (chosen >= 0).all() and chosen.sum() > 0):
        raise SanctlibError("weights must be numbers from 0, and not all 0.")
    return np.asarray(chosen / chosen.sum(), dtype="float64")


def _agreement(
    x: Values, y: Values, levels: Values, *, pooled: bool, nominal: bool = False
) -> float:
    """Return kappa, or with `pooled` margins Scott's pi: of squared distances, or of equality."""
    of_x, of_y = (np.searchsorted(levels, v) for v in (x, y))
    joint = np.zeros((len(levels), len(levels)))
    np.add.at(joint, (of_x, of_y), 1 / len(x))
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    if pooled:
        rows = columns = (rows + columns) / 2
    cost = (levels[:, None] - levels[None, :]) ** 2
    if nominal:
        cost = 1.0 - np.eye(len(levels))
    expected = float((cost * np.outer(rows, columns)).sum())
    return 1 - float((cost * joint).sum()) / expected if expected else float("nan")


_VALUES = ["value", "lower", "upper"]
_OF_GAP = ["period", "session", "release", "first", "second", *_VALUES]


def voting_gap(
    gaps: AnyTable,
    *,
    pair: Pair | Sequence[Pair] | None = None,
    states: Sequence[str] | None = None,
    release: str | None = None,
) -> Result:
    """
    Measure how far apart states vote in the UN General Assembly, per session.

    The answer depends on the release of the estimates: for Iran and Russia in 2022 it is 1.61
    (2023-07), 1.42 (2024-06), 0.42 (2025-07, all votes) or 0.72 (2025-07, final passage). The
    default is the final passage of 2025-07: only it covers 2024, and it counts as many votes as
    the releases before. All votes of 2025-07 include those on paragraphs, twice as many.

    The shipped table holds the gaps of China, Iran, Russia, the Soviet Union and the United
    States to all others. The producer's file (Bailey, Strezhnev and Voeten 2017) gives the
    gap of any pair: it cannot be computed from two other gaps, which have no sign. The
    interval, at 90 %, treats the two positions as independent. The scale is relative to all
    voters and moves with the agenda, so a narrower gap is not by itself friendship. The
    Soviet Union is not Russia.

    Parameters
    ----------
    gaps : Reading, Result, frame or path
        ``sl.load("un_ideal_points")``, what `sl.read` returns for the producer's file, or the
        path of that file.
    pair : tuple of two states, or several of them, optional
        Codes or names, in either order.
    states : sequence of str, optional
        In place of `pair`: all pairs of these states of which the table has a gap.
    release : str, optional
        "2023-07", "2024-06", "2025-07 all votes" or "2025-07 final passage" of the shipped
        table; "all votes" or "final passage" of a file; or "all" for each of them. By default
        the newest estimate from final passage, else the newest.

    Returns
    -------
    Result
        Its table has ``period`` (1 January of the year in which the session opens),
        ``session``, ``release``, ``first``, ``second``, ``value`` (distance of ideal points) with
        ``lower`` and ``upper``: for each pair and release a row per session from its first to
        its last gap, missing where there was no vote (session 19), never 0.

    Raises
    ------
    UnknownChoiceError
        For a code or name that is no state's, and an unknown release.
    SanctlibError
        If the table holds no gap of a pair, or is of another kind.
    SourceError, MissingColumnsError
        If the file is not the producer's.

    References
    ----------
    Bailey, M. A., Strezhnev, A. and Voeten, E. (2017). Estimating dynamic state preferences
    from United Nations voting data. Journal of Conflict Resolution 61.

    Examples
    --------
    >>> import sanctlib as sl
    >>> gap = sl.voting_gap(sl.load("un_ideal_points"), pair=("IRN", "RUS"))
    >>> gap.table[["session", "release", "value"]].tail(1).to_dict("records")
    [{'session': 79, 'release': '2025-07 final passage', 'value': 0.6768}]
    """
    if (pair is None) == (states is None):
        raise SanctlibError("Name either pair=('IRN', 'RUS') or states=['IRN', 'RUS', 'USA'].")
    if states is not None:
        named = sorted(parties_of(states, what="states") or ())
        pair = list(combinations(named, 2))
    query = ask(pair=pair)
    pairs = query.pairs or ()
    if isinstance(gaps, str | Path) and Path(gaps).is_file() and Path(gaps).suffix != ".parquet":
        gaps = read_gaps(Path(gaps), focal=sorted({state for two in pairs for state in two}))
    with opened(gaps) as source:
        check_kind(source, "dyads")
        table = source.small()
    measured = table[table["measure"].str.startswith(MEASURE)]
    names = measured["measure"].str.removeprefix(MEASURE).str.strip().replace("", "not named")
    measured = measured.assign(release=names)
    releases = sorted(measured["release"].unique())
    chosen = [max(releases, key=lambda r: (r.endswith(VOTES["fp"]), r))] if releases else []
    if release is not None:
        check_choice(release, [*releases, "all"], what="release")
        chosen = releases if release == "all" else [release]
    query = replace(query, options={"release": release or "".join(chosen)})
    spread = _spread(measured, pairs) if releases[1:] else ()
    measured = measured[measured["release"].isin(chosen)]
    if states is not None:
        there = set(zip(measured["first"], measured["second"], strict=True))
        pairs = tuple(two for two in pairs if two in there)
        query = replace(query, pairs=pairs)
    none = measured.iloc[:0].rename(columns={"date": "period"}).assign(session=0)
    none = none[_OF_GAP]
    each = [
        _of_pair(rows, two, name=source.name).assign(release=named)[_OF_GAP]
        for two in pairs
        for named, rows in measured.groupby("release")
    ]
    found = pd.concat(each, ignore_index=True) if each else none
    blank = sorted({int(s) for s in found.loc[found["value"].isna(), "session"]})
    sessions = ", ".join(map(str, blank))
    missing = (f"Sessions without a value are missing: {sessions}.",) if blank else ()
    return Result(
        table=found,
        kind="gap",
        name=f"Gap between the voting positions of {in_names(query.pairs)}",
        query=query,
        unit="gaps, one per pair and session of the UN General Assembly",
        n=int(found["value"].notna().sum()),
        sources=(source.source,),
        notes=(
            f"Release of the estimates: {', '.join(chosen) or 'none'}.",
            *spread,
            "Interval: 90%, the two states treated as independent.",
            "The scale is relative to all voters and moves with the agenda.",
            *missing,
        ),
        findings=_gap_findings(found, source.source.described()),
    )


def _of_pair(gaps: pd.DataFrame, two: Pair, *, name: str) -> pd.DataFrame:
    """Return a row per session from the first to the last gap of a pair."""
    first, second = two
    of_pair = gaps[gaps["first"].eq(first) & gaps["second"].eq(second)]
    if of_pair.empty:
        msg = f"{name!r} has no gap of {first} and {second}. The shipped table has those of China,"
        msg += " Iran, Russia, the Soviet Union and the United States to all others; for another"
        raise SanctlibError(f"{msg} pair pass the path of the producer's file.")
    of_session = of_pair.set_index(of_pair["date"].dt.year - SESSION_ZERO)[_VALUES]
    if not of_session.index.is_unique:
        msg = f"Column 'date' has several days of one year for {first} and {second}. Keep one gap"
        raise SanctlibError(f"{msg} per session.")
    sessions = pd.RangeIndex(of_session.index.min(), of_session.index.max() + 1, name="session")
    of_session = of_session.reindex(sessions).reset_index()
    year = (of_session["session"] + SESSION_ZERO).astype("str")
    period = pd.to_datetime(year + "-01-01").astype("datetime64[us]")
    named = of_session.assign(period=period, first=first, second=second)
    return named.astype({"first": "str", "second": "str"})


def _gap_findings(found: pd.DataFrame, source: str) -> tuple[str, ...]:
    """Return the first and the last gap of each of the first pairs, with their intervals."""
    sentences = []
    of_release = (
        (whose, named, of)
        for whose, rows in rows_by_pair(found)
        for named, of in rows.groupby("release", sort=False)
    )
    for whose, named, rows in of_release:
        seen = rows[rows["value"].notna()]
        gaps = [
            f"{row['value']:.2f} in {row['period'].year} (90% interval {row['lower']:.2f} to "
            f"{row['upper']:.2f})"
            for row in seen.iloc[sorted({0, len(seen) - 1})].to_dict("records")
        ]
        gap = f"gap of {' and '.join(gaps)}"
        sentences.append(f"{whose}: {gap} (release {named}; {source}).")
    return tuple(sentences)


def _spread(gaps: pd.DataFrame, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Say how far the releases are apart on the first pair, in the last year that all have."""
    named = f"Other releases differ: {', '.join(sorted(gaps['release'].unique()))}."
    for first, second in pairs[:1]:
        of_pair = gaps[gaps["first"].eq(first) & gaps["second"].eq(second)]
        values = of_pair.pivot_table("value", "date", "release").dropna()
        if len(values) and values.shape[1] > 1:
            year, last = values.index[-1].year, values.iloc[-1]
            named = f"In {year} the {len(last)} releases put the gap of {name_of(first)} and "
            named += f"{name_of(second)} between {last.min():.2f} and {last.max():.2f}."
    return (named,)
