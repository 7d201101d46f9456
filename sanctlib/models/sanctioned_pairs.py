"""Compare pairs of states after sanctions on one or both. Read a panel; return a Fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.codes.countries import name_of, names_of
from sanctlib.dates import period_start
from sanctlib.errors import SanctlibError
from sanctlib.models._design import periods_in_a_row
from sanctlib.models._inputs import (
    are_days,
    check_sides,
    column_of,
    confirmed,
    covered,
    frame,
    n_of,
    numbers,
    p_number,
    sources_of,
    with_periods,
)
from sanctlib.models.panel import count_panel
from sanctlib.query import ask, listed, whole_of
from sanctlib.result import Fit

_SIDES = ["first", "second"]
_LAGS = ("one_lag", "both_lag")
_LEADS = ("one_lead", "both_lead")
_BY_PERIOD = ("first^second", "period")
_BY_STATE = ("first^second", "state^period")
_SHOWN = ["fixed_effects", "term", "ratio", "lower", "upper", "p_value", "n", "n_clusters"]


def sanctioned_pairs(
    table: object,
    *,
    dependent: str,
    sanctions: object,
    around: int = 4,
    allies: Sequence[object] = (),
    n_shifts: int = 59,
    seed: int = 1,
    level: float = 0.95,
) -> Fit:
    """
    Compare counts of pairs after sanctions on one or on both of their states.

    A state counts as sanctioned in a period if it was sanctioned in any of the `around`
    periods before it; the present period is not one of them. Three Poisson models of
    `count_panel` follow, with dyadic-robust errors. The first compares a pair with itself at
    other times (fixed effects per pair and per period). The second has a fixed effect per
    state and period: it removes what a state does with all its partners at once. The third
    adds leads, which are sanctions in the `around` periods after. Ratios of leads should be
    close to 1; otherwise counts changed before the sanctions.

    Two checks of the first model follow. Each sanctioned state is left out in turn. And all
    sanctions are shifted in time, their end continuing at the start, which keeps the states
    and the number of sanctions, and randomises their dates: all states by one step
    (``together``), or each by a step of its own (``each by itself``). Estimates are
    associations: sanctions can respond to co-operation.

    Parameters
    ----------
    table : DataFrame or Result
        A panel with one row per pair and period, such as from `dyad_panel`: ``first``,
        ``second``, ``period`` and the dependent variable. Rows that are
        not ``covered`` are excluded.
    dependent : str
        Column of the dependent variable: counts or values from 0.
    sanctions : DataFrame or Result
        ``target`` and ``period`` (a day counts in its period), such as from
        `confirmed_onsets`. Rows whose ``n`` is 0 or missing are not sanctions, nor is one
        reported act of `sanction_counts`.
    around : int, default 4
        Number of periods before, and of leads after, from 1.
    allies : sequence, default ()
        Targets that are allies of the sender: the ratio is estimated without their pairs too.
    n_shifts : int, default 59
        Number of shifts in time in each of the two ways, from 1. Together there are no more
        than periods less 1.
    seed : int, default 1
        Of the shifts.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Its table has a row per model and regressor: ``fixed_effects`` (in words), ``term``
        (``one_lag``, ``both_lag``, ``one_lead``, ``both_lead``), ``ratio`` (by which the mean
        is multiplied), ``lower``, ``upper`` (of the ratio), ``p_value``, ``n``,
        ``n_clusters``. A model without an estimate has no row, and a note says why. Its
        `tables` are:

        - ``"estimates"``: the same rows as logarithms, with ``std_error``, as `count_panel`
          returns them;
        - ``"without_one"``: the ``ratio`` of ``both_lag`` without the pairs of ``state``;
        - ``"without_allies"``: the first model without the pairs of allies, if they are given;
        - ``"shifted"``: ``estimate`` and ``std_error`` of each ``replicate`` of a ``shift``;
        - ``"placebo"``: per ``shift``, ``n_shifts`` with an estimate and ``p_value``, the rank
          of t of ``both_lag`` among them;
        - ``"panel"``: the rows used, with the indicators ``one_lag`` to ``both_lead`` (missing
          where a period before or after is unknown).

    Raises
    ------
    SanctlibError
        For a first model without an estimate, such as a panel without a pair of two
        sanctioned states, or one of fewer than 30 states.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import itertools, numpy as np, pandas as pd
    >>> import sanctlib as sl
    >>> pairs = pd.DataFrame(itertools.combinations(range(30), 2), columns=["first", "second"])
    >>> panel = pairs.merge(pd.DataFrame({"period": range(6)}), how="cross")
    >>> both = panel["second"].lt(9) & panel["period"].eq(3)
    >>> panel["meetings"] = np.random.default_rng(1).poisson(np.where(both, 6, 2))
    >>> sanctions = pd.DataFrame({"target": range(9), "period": 2})
    >>> fit = sl.models.sanctioned_pairs(
    ...     panel, dependent="meetings", sanctions=sanctions, around=1, n_shifts=2)
    >>> fit.table[["fixed_effects", "term", "ratio"]].head(2).round(1)
      fixed_effects      term  ratio
    0  pair, period   one_lag    1.0
    1  pair, period  both_lag    2.5
    """
    column_of(dependent, what="dependent")
    whole_of(around, what="around", least=1)
    whole_of(n_shifts, what="n_shifts", least=1)
    whole_of(seed, what="seed", least=0)
    friends = listed(allies)
    query = ask(
        dependent=dependent,
        around=around,
        allies=friends,
        n_shifts=n_shifts,
        seed=seed,
        level=level,
    )
    sanctions, confirmations = confirmed(sanctions)
    panel, hit = _read(table, dependent, sanctions, around)
    word = panel.every or "period"
    designs: dict[str, tuple[Sequence[str], Sequence[str]]] = {
        f"pair, {word}": (_LAGS, _BY_PERIOD),
        f"pair, state and {word}": (_LAGS[1:], _BY_STATE),
        f"pair, {word}; with leads": ((*_LAGS, *_LEADS), _BY_PERIOD),
    }
    fits, failed = {}, []
    for name, (regressors, effects) in designs.items():
        try:
            fits[name] = panel.fitted(hit, regressors, effects, level=query.level)
        except SanctlibError as error:
            if not fits:
                raise
            failed.append(f"No model with fixed effects of {name}. {error}")
    main, *_ = fits.values()
    own = main.table.set_index("term")
    estimates = pd.concat([f.table.assign(fixed_effects=name) for name, f in fits.items()])
    estimates = estimates.reset_index(drop=True)
    ratios = estimates.assign(lower=np.exp(estimates["lower"]), upper=np.exp(estimates["upper"]))
    without = _without_one(panel, hit)
    apart = panel.estimates(hit, without=friends) if friends else None
    shifted, placebo = _shifted(panel, hit, own, n_shifts, seed)
    used = panel.rows.assign(**panel.indicators(hit))
    sources = sources_of(table, sanctions)
    n_pairs, n_all = used.groupby(_SIDES).ngroups, panel.n_pairs
    both = used[used["both_lag"].eq(1)]
    targets = hit.columns[hit.eq(1).any()]
    return Fit(
        table=ratios[_SHOWN],
        name=f"{dependent} after sanctions on one or both states of a pair",
        kind="pairs",
        query=query,
        unit=main.unit,
        n=main.n,
        sources=sources,
        notes=(
            *main.notes,
            f"Pairs with a value above 0: {n_pairs:,} of {n_all:,}.",
            *failed,
            *confirmations,
        ),
        findings=(
            _association(ratios, designs, placebo, dependent, query.level),
            f"States sanctioned at all: {len(targets)} ({names_of(targets)}).",
            f"Pairs with a value above 0 and with both states sanctioned in the previous "
            f"{n_of(around, word)}: {both.groupby(_SIDES).ngroups}, in {len(both):,} of "
            f"{len(used):,} rows.",
            *_leave_one_out(without, float(own["ratio"]["both_lag"])),
            *([f"Without allies: {apart['ratio']['both_lag']:.2f}."] if apart is not None else []),
            *(
                f"Sanctions shifted, {row['shift']}: rank p of its t {p_number(row['p_value'])} "
                f"among {row['n_shifts']} shifts. It cannot be below "
                f"{1 / (1 + row['n_shifts']):.3f}."
                for row in placebo.to_dict("records")
            ),
        ),
        tables={
            "estimates": estimates,
            "without_one": without,
            **({} if apart is None else {"without_allies": apart.reset_index(names="term")}),
            "shifted": shifted,
            "placebo": placebo,
            "panel": used.reset_index(drop=True),
        },
        fitted=main.fitted,
    )


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """Rows of pairs with a value above 0, and where they are among the periods and states."""

    rows: pd.DataFrame
    dependent: str
    around: int
    every: str | None
    n_pairs: int
    at: NDArray[np.intp]
    sides: tuple[NDArray[np.intp], NDArray[np.intp]]

    def indicators(self, hit: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
        """Return where one or both states were sanctioned before and after, NaN if unknown."""
        found = {}
        for when, step in (("lag", 1), ("lead", -1)):
            window = hit[::step].shift(1).rolling(self.around).max()[::step].to_numpy()
            n = window[self.at, self.sides[0]] + window[self.at, self.sides[1]]
            for i, name in ((1, "one"), (2, "both")):
                found[f"{name}_{when}"] = np.where(n >= 0, n == i, np.nan)
        return found

    def fitted(
        self,
        hit: pd.DataFrame,
        regressors: Sequence[str] = _LAGS,
        effects: Sequence[str] = _BY_PERIOD,
        *,
        without: Sequence[object] = (),
        level: float = 0.95,
    ) -> Fit:
        """Return the Poisson model, if wished without the pairs of some states."""
        table = self.rows.assign(**self.indicators(hit))
        table = table[~table[_SIDES].isin([*without]).any(axis=1)]
        return count_panel(
            table,
            dependent=self.dependent,
            regressors=regressors,
            fixed_effects=effects,
            level=level,
        )

    def estimates(self, hit: pd.DataFrame, *, without: Sequence[object] = ()) -> pd.DataFrame:
        """Return the estimates of the first model by term, missing where it has none."""
        try:
            return self.fitted(hit, without=without).table.set_index("term")
        except SanctlibError:
            return pd.DataFrame(np.nan, _LAGS, ["estimate", "std_error", "ratio"])


def _read(
    table: object, dependent: str, sanctions: object, around: int
) -> tuple[_Panel, pd.DataFrame]:
    """Return the panel, and a table of periods by states that is 1 where one was sanctioned."""
    rows = with_periods(frame(table, [*_SIDES, "period", dependent]))
    rows = rows.assign(**numbers(rows, [dependent]))
    check_sides(rows)
    rows = rows[covered(rows)]
    times, every = periods_in_a_row(rows["period"].drop_duplicates().sort_values())
    states = pd.Index(sorted({*rows["first"], *rows["second"]}))
    given = with_periods(frame(sanctions, ["target", "period"], what="sanctions", curated=True))
    if "n" in given:
        given = given[numbers(given, ["n"])["n"].gt(0)]
    at = given["period"]
    if every is not None and are_days(at):
        at = period_start(at, every=every)
    i, t = states.get_indexer(pd.Index(given["target"])), times.get_indexer(pd.Index(at))
    inside = (i >= 0) & (t >= 0)
    values = np.where(times.isin(rows["period"]), 0.0, np.nan)[:, None] + np.zeros(len(states))
    values[t[inside], i[inside]] = 1
    used = rows[rows["period"].isin(times[around:])]
    groups = used.groupby(_SIDES)
    n_pairs = groups.ngroups
    # Pairs without a value above 0 drop out of the models, which are faster without them.
    used = used[groups[dependent].transform("sum").gt(0)]
    panel = _Panel(
        rows=used,
        dependent=dependent,
        around=around,
        every=every,
        n_pairs=n_pairs,
        at=times.get_indexer(pd.Index(used["period"])),
        sides=(states.get_indexer(used["first"]), states.get_indexer(used["second"])),
    )
    return panel, pd.DataFrame(values, times, states)


def _without_one(panel: _Panel, hit: pd.DataFrame) -> pd.DataFrame:
    """Return the ratio of both without the pairs of each sanctioned state in turn."""
    targets = hit.columns[hit.eq(1).any()]
    found = [panel.estimates(hit, without=[state]) for state in targets]
    ratios = [rows["ratio"]["both_lag"] for rows in found]
    return pd.DataFrame({"state": targets, "ratio": ratios})


def _shifted(
    panel: _Panel, hit: pd.DataFrame, own: pd.DataFrame, n_shifts: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the estimates with shifted sanctions, and the rank of the own t among them."""
    rng, (n_times, n_states) = np.random.default_rng(seed), hit.shape
    steps = {
        "together": rng.permutation(np.arange(1, n_times))[:n_shifts, None],
        "each by itself": rng.integers(n_times, size=(n_shifts, n_states)),
    }
    found = {}
    for way, replicates in steps.items():
        for replicate, step in enumerate(replicates):
            at = (np.arange(n_times)[:, None] - step + np.zeros(n_states, int)) % n_times
            values = np.take_along_axis(hit.to_numpy(), at, axis=0)
            found[way, replicate] = panel.estimates(pd.DataFrame(values, hit.index, hit.columns))
    shifted = pd.concat(found, names=["shift", "replicate"])[["estimate", "std_error"]]
    shifted = shifted.rename_axis(["shift", "replicate", "term"]).reset_index()
    t = shifted["estimate"].div(shifted["std_error"]).abs()
    t, own_t = t[shifted["term"].eq("both_lag")], abs(own["estimate"] / own["std_error"])
    groups = t.groupby(shifted["shift"], sort=False)
    n = groups.count()
    as_far = t.ge(own_t["both_lag"]).groupby(shifted["shift"], sort=False).sum()
    placebo = pd.DataFrame({"n_shifts": n, "p_value": (1 + as_far) / (1 + n)})
    return shifted, placebo.reset_index()


def _association(
    ratios: pd.DataFrame,
    designs: Iterable[str],
    placebo: pd.DataFrame,
    dependent: str,
    level: float,
) -> str:
    """Return the sentence on the estimates of the first two models."""
    first, second, *_ = designs
    rows = {(row["fixed_effects"], row["term"]): row for row in ratios.to_dict("records")}

    def times(model: str, term: str) -> str:
        row = rows[model, term]
        return (
            f"{row['ratio']:.2f} times the {dependent} ({level:.0%} interval {row['lower']:.3f} "
            f"to {row['upper']:.3f})"
        )

    placebos = placebo.to_dict("records")
    ranks = ", ".join(f"{p_number(row['p_value'])} {row['shift']}" for row in placebos)
    text = (
        f"All pairs, an association: after sanctions on one of the two states "
        f"{times(first, 'one_lag')}, after sanctions on both {times(first, 'both_lag')}. "
        f"Rank p for both, with sanctions shifted in time: {ranks}."
    )
    if (second, "both_lag") in rows:
        per = second.removeprefix("pair, ")
        text += f" With a fixed effect per {per}, after sanctions on both "
        text += f"{times(second, 'both_lag')}."
    return text


def _leave_one_out(without: pd.DataFrame, ratio: float) -> list[str]:
    """Return the sentence on the range of the ratio without one state at a time."""
    known = without.dropna(subset="ratio")
    if known.empty:
        return []
    lowest = known["state"].iloc[int(known["ratio"].argmin())]
    return [
        f"Ratio for both: {ratio:.2f}. Without one state at a time: {known['ratio'].min():.2f} to "
        f"{known['ratio'].max():.2f}, lowest without {name_of(lowest)}."
    ]
