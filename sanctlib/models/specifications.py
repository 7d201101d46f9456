"""Estimate an effect under every specification. Read a function and choices; return a Fit."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import pickle
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from sanctlib.dates import period_end
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models._inputs import (
    Floats,
    column_of,
    n_of,
    origin,
    p_in_words,
    series_of,
    sources_of,
)
from sanctlib.processes import mapping
from sanctlib.query import ask, flag_of, whole_of
from sanctlib.result import Fit, Result
from sanctlib.showing import progress_bar
from sanctlib.store import made_by
from sanctlib.writing import writing

Choices: TypeAlias = Mapping[str, Sequence[object]] | Sequence[Mapping[str, object]]

READ = ("estimate", "lower", "upper", "p_value")
"""The numbers taken from each estimate, in this order."""
OWN = ("sanctions", *READ, "p_shift", "null_lower", "null_upper", "confounded")
"""Columns of the specifications that are not choices of the researcher."""
_ALPHA = 0.05


def specification_curve(
    estimate: Callable[..., Any],
    choices: Choices,
    *,
    sanctions: object,
    estimand: str | None = None,
    confounded: Mapping[str, Sequence[object]] | None = None,
    n_replicates: int = 499,
    seed: int = 1,
    workers: int = 1,
    folder: str | Path | None = None,
    progress: bool = False,
) -> Fit:
    """
    Estimate one effect under every defensible choice, and test them at once.

    All combinations of the contested choices (measure, denominator, lags, window, model) are
    estimated. Their curve is compared with curves in which sanctions have no effect
    (Simonsohn, Simmons and Nelson 2020). For these, the sanction series is shifted in time,
    and its end continues at its start: it keeps its autocorrelation and loses its relation
    to the dependent variable. All specifications have the same shift, so estimates that
    share data vary together, as in the observed curve.

    All effects of a curve must have one unit. `estimate` gets the sanctions with mean 0 and
    standard deviation 1, and should standardise its dependent variable too. Specifications
    whose window contains another cause, such as a war, can be marked as confounded: they form
    a separate curve. Biased estimates can agree, so a curve is only as good as its designs.

    A trend does not survive the shift, and a trend shared with sanctions is treated as an
    effect. Use new sanctions or differences, not a stock that grows.

    Parameters
    ----------
    estimate : function
        ``estimate(sanctions, **choices)`` gets a Series by period, named as the series, and
        one specification. It returns a row of a table or a dict with ``estimate`` and
        ``p_value``, and with ``lower`` and ``upper`` where they exist.
    choices : mapping of str to list, or sequence of mappings
        All combinations of these options, or the combinations themselves.
    sanctions : Series, DataFrame or Result, or mapping of str to these
        By period, without gaps: a Series, or a table with ``period`` and ``n``. Several are
        another choice, ``sanctions``: other measures, or months and quarters of one span,
        which are shifted by the same share of it.
    estimand : str, optional
        The choice whose options are different questions: each has its own curve.
    confounded : mapping of str to list, optional
        The options that make a specification confounded.
    n_replicates : int, default 499
        Number of shifts, each used once; all of them where there are fewer.
    seed : int, default 1
        Of the selection of shifts.
    workers : int, default 1
        Processes; the result does not depend on their number. With several, `estimate` must
        be from a module, its data bound by `functools.partial`.
    folder : path, optional
        Where to store finished replicates, so that the same call continues from them. They
        are recognised by the text of `estimate`, its bound data, choices and series; use
        another folder if anything else has changed.
    progress : bool, default False
        Whether to show a progress bar.

    Returns
    -------
    Fit
        Its table has a row per curve: the estimand, ``confounded``, ``n_specifications``,
        ``median``, ``share`` (0-1, of specifications with p below 0.05 and the sign of the
        median), ``z`` (Stouffer's), ``p_median``, ``p_share``, ``p_stouffer`` (the share of
        shifts with a statistic as far from 0, in either direction), ``n_replicates``. Its
        `tables` are ``"specifications"``, sorted by ``estimate``: the choices, ``lower``,
        ``upper``, ``p_value``, ``p_shift`` (of this specification, by shifts),
        ``null_lower``, ``null_upper`` (95 % of the curves without an effect, at this rank),
        ``confounded``.

    Raises
    ------
    SanctlibError
        For series of different spans or with gaps, a specification without an estimate, a
        function that other processes cannot import, or a worker that ended.

    Examples
    --------
    >>> from scipy.stats import pearsonr
    >>> months = pd.period_range("2015-01", periods=60, freq="M").start_time
    >>> rng = np.random.default_rng(1)
    >>> new = pd.Series(rng.poisson(2.0, 60), index=months, dtype="float64")
    >>> meetings = 0.5 * new.shift(1) + rng.normal(size=60)
    >>> def estimate(sanctions, lag):
    ...     r, p = pearsonr(*pd.concat([sanctions.shift(lag), meetings], axis=1).dropna().T.values)
    ...     return {"estimate": r, "p_value": p}
    >>> fit = specification_curve(estimate, {"lag": [1, 2]}, sanctions=new)
    >>> fit.table[["n_specifications", "median", "share", "p_median"]].round(2)
       n_specifications  median  share  p_median
    0                 2    0.26    0.5      0.03
    """
    if not callable(estimate):
        msg = f"estimate is {estimate!r:.80}. It must be a function:"
        raise SanctlibError(f"{msg} estimate(sanctions, **choices).")
    for name, value in {"n_replicates": n_replicates, "seed": seed, "workers": workers}.items():
        whole_of(value, what=name, least=int(name != "seed"))
    flag_of(progress, what="progress")
    if folder is not None and not isinstance(folder, str | Path):
        raise SanctlibError(f"folder is {folder!r:.80}. It must be the path of a folder.")
    query = ask(estimand=estimand, n_replicates=n_replicates, seed=seed)
    series = _series(sanctions)
    specifications = _specifications(choices, list(series))
    named = [name for name in specifications[0] if name != "sanctions" or len(series) > 1]
    if estimand is not None:
        check_choice(estimand, named, what="estimand")
    marked = _confounded(specifications, confounded, named)
    least = min(map(len, series.values()))
    shifts = np.arange(1, least)
    if n_replicates < len(shifts):
        shifts = np.sort(np.random.default_rng(seed).choice(shifts, n_replicates, replace=False))
    work = Work(estimate=estimate, specifications=specifications, series=series)
    numbers = _replicates(
        work, [0, *shifts.tolist()], workers=workers, folder=folder, progress=progress
    )
    rows = pd.DataFrame([{k: _cell(v) for k, v in s.items()} for s in specifications])[named]
    rows[list(READ)] = numbers[0]
    rows["confounded"] = marked
    # Replicates x specifications, without the shifts for which one of them has no estimate.
    complete = ~np.isnan(numbers[:, :, [0, 3]]).any(axis=(1, 2))
    effects, p_values = numbers[complete][:, :, 0], numbers[complete][:, :, 3]
    size = np.abs(effects)
    rows["p_shift"] = (size >= size[0] - 1e-12).mean(axis=0)
    keys = [*([estimand] if estimand else []), "confounded"]
    curves, parts = [], []
    for key, at in rows.groupby(keys, sort=False).indices.items():
        options = dict(zip(keys, key if isinstance(key, tuple) else (key,), strict=True))
        curves.append(options | _joint(effects[:, at], p_values[:, at]))
        # Each curve without an effect is sorted too: the band is of one rank.
        curve = rows.iloc[at].sort_values("estimate", kind="stable")
        null = np.sort(effects[1:, at], axis=1)
        edges = np.quantile(null, [0.025, 0.975], axis=0) if len(null) else np.nan
        curve[["null_lower", "null_upper"]] = np.transpose(edges)
        parts.append(curve)
    table = pd.DataFrame(curves).sort_values(keys, kind="stable", ignore_index=True)
    n_kept = len(effects) - 1
    times = {name: np.corrcoef(values, range(len(values)))[0, 1] for name, values in series.items()}
    grown = ", ".join(f"{name} {r:.2f}" for name, r in times.items())
    sources = sources_of(*(sanctions.values() if isinstance(sanctions, Mapping) else [sanctions]))
    return Fit(
        table=table,
        name="Estimates of all specifications",
        kind="curve",
        query=query,
        unit="specifications",
        n=len(rows),
        sources=sources,
        notes=(
            "The estimates are descriptive unless each specification identifies the effect: a bias "
            "that all share remains.",
            f"The curves without an effect shift the sanctions in time, by the same share of the "
            f"span in all specifications: {len(shifts)} of {least - 1} shifts, seed {seed}. A "
            f"p-value cannot be below {1 / (1 + n_kept):.3f}.",
            f"A trend does not survive a shift, and a shared trend is treated as an effect. "
            f"Correlation of sanctions with time: {grown}.",
            f"Shifts excluded because a specification had no estimate: {len(shifts) - n_kept}.",
            f"Confounded specifications, which form a separate curve: {sum(marked)}.",
        ),
        findings=tuple(
            f"Median estimate{f' of {row[estimand]}' if estimand else ''} over "
            f"{n_of(row['n_specifications'], 'confounded ' * row['confounded'] + 'specification')}"
            f": {row['median']:,.3g}, joint {p_in_words(row['p_median'])}{origin(sources)}."
            for row in table.to_dict("records")
        ),
        tables={"specifications": pd.concat(parts, ignore_index=True)},
    )


def _confounded(
    specifications: list[dict[str, Any]],
    confounded: Mapping[str, Sequence[object]] | None,
    named: Sequence[str],
) -> list[bool]:
    """Return which specifications have an option that makes them confounded."""
    if confounded is not None and not isinstance(confounded, Mapping):
        msg = f"confounded is {confounded!r:.80}. It must name options by choice, such as"
        raise SanctlibError(f"{msg} {{'window': ['to 2024']}}.")
    for name, marked in (confounded or {}).items():
        check_choice(name, named, what="A choice of confounded")
        options = [choice[name] for choice in specifications]
        unknown = [option for option in _options(name, marked) if option not in options]
        if unknown:
            msg = f"confounded has {unknown[0]!r} for {name!r}, which is not an option of it:"
            raise SanctlibError(f"{msg} {', '.join(map(repr, dict.fromkeys(map(str, options))))}.")
    return [
        any(choice[name] in options for name, options in (confounded or {}).items())
        for choice in specifications
    ]


def _series(sanctions: object) -> dict[str, pd.Series]:
    """Return the series by name, with mean 0 and standard deviation 1, all of one span."""
    if isinstance(sanctions, pd.Series):
        sanctions = {str(sanctions.name or "sanctions"): sanctions}
    elif not isinstance(sanctions, Mapping):
        sanctions = {"sanctions": sanctions}
    if not sanctions:
        raise SanctlibError("sanctions is empty. Name at least one series.")
    named, spans = {}, {}
    for key, given in sanctions.items():
        name = column_of(key, what="The name of a sanction series")
        if not isinstance(given, pd.Series | pd.DataFrame | Result):
            msg = f"sanctions holds {given!r:.80}. It must be a series by period, or a table with"
            raise SanctlibError(f"{msg} the columns 'period' and 'n'.")
        table, column = given, "n"
        if isinstance(given, pd.Series):
            table, column = pd.DataFrame({"period": given.index, name: given.to_numpy()}), name
        data = series_of(table, [column])
        values, last = data.numbers[:, 0], data.periods.iloc[[-1]]
        if np.ptp(values) == 0:
            raise SanctlibError(f"The sanction series {name!r} has one value. It must vary.")
        scaled = (values - values.mean()) / values.std()
        named[name] = pd.Series(scaled, index=pd.Index(data.periods, name="period"), name=name)
        end = period_end(last, every=data.every) if data.every else last
        spans[name] = f"{data.periods.iloc[0]!s:.10} to {end.iloc[0]!s:.10}"
    if len(set(spans.values())) > 1:
        found = "; ".join(f"{name!r} {span}" for name, span in spans.items())
        msg = f"The sanction series have several spans: {found}. They must have one:"
        raise SanctlibError(f"{msg} restrict them to the span that all have.")
    return named


def _options(name: str, options: object) -> list[object]:
    """Return the options of a choice: anything but a text or a single value."""
    if isinstance(options, str | Mapping) or not isinstance(options, Iterable):
        example = repr(options) if isinstance(options, str) else "1, 2"
        msg = f"The options of {name!r} are {options!r:.80}. They must be a list, such as"
        raise SanctlibError(f"{msg} [{example}].")
    return list(options)


def _specifications(choices: Choices, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return every specification, the name of its sanction series first."""
    if isinstance(choices, Mapping):
        listed = {name: _options(name, options) for name, options in choices.items()}
        combined = itertools.product(*listed.values())
        choices = [dict(zip(listed, options, strict=True)) for options in combined]
    given = [] if isinstance(choices, str) or not isinstance(choices, Iterable) else list(choices)
    if not given or any(
        not isinstance(choice, Mapping) or list(choice) != list(given[0]) for choice in given
    ):
        msg = "choices has no specification, or specifications with different choices. It must be"
        raise SanctlibError(f"{msg} options by name, such as {{'lag': [1, 2]}}.")
    for name in given[0]:
        column_of(name, what="The name of a choice")
    taken = sorted(set(given[0]) & set(OWN))
    if taken:
        msg = f"choices has {taken[0]!r}, which is a column of the result. Rename the choice."
        raise SanctlibError(msg)
    return [{"sanctions": name, **choice} for choice in given for name in names]


def _cell(value: object) -> object:
    return value if pd.api.types.is_scalar(value) else str(value)


def _joint(effects: Floats, p_values: Floats) -> dict[str, float | int]:
    """Return the three statistics of the observed curve (the first row), and their p-values."""
    from scipy.special import ndtri

    medians = np.median(effects, axis=1)
    agreeing = np.sign(effects) == np.sign(medians)[:, None]
    shares = (agreeing & (p_values < _ALPHA)).mean(axis=1)
    z = -np.sign(effects) * ndtri(np.clip(p_values, 1e-300, 1) / 2)
    sums = z.sum(axis=1) / np.sqrt(effects.shape[1])
    found: dict[str, float | int] = {"n_specifications": effects.shape[1]}
    found |= {"median": medians[0], "share": shares[0], "z": sums[0]}
    for name, statistic in {"median": medians, "share": shares, "stouffer": sums}.items():
        size = np.abs(statistic)
        found[f"p_{name}"] = float((size >= size[0] - 1e-12).mean())
    return found | {"n_replicates": len(effects) - 1}


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a process needs for one replicate; each specification names its series first."""

    estimate: Callable[..., Any]
    specifications: list[dict[str, Any]]
    series: dict[str, pd.Series]

    def __call__(self, shift: int) -> list[list[float]]:
        """Return estimate, bounds and p of each specification, sanctions shifted by `shift`."""
        least = min(map(len, self.series.values()))
        moved = {
            name: pd.Series(np.roll(s, round(shift * len(s) / least)), index=s.index, name=name)
            for name, s in self.series.items()
        }
        return [self._effect(moved, shift, **choice) for choice in self.specifications]

    def _effect(
        self, moved: dict[str, pd.Series], shift: int, *, sanctions: str, **choice: object
    ) -> list[float]:
        named = {"sanctions": sanctions, **choice}
        chosen = ", ".join(f"{name}={value!r}" for name, value in named.items())
        try:
            found = self.estimate(moved[sanctions], **choice)
        except Exception as error:
            # Shifted sanctions may not vary within a short window.
            if shift and isinstance(error, SanctlibError):
                return [np.nan] * len(READ)
            error.add_note(f"In the specification {chosen}, sanctions shifted by {shift} periods.")
            raise
        if not hasattr(found, "get") or not {"estimate", "p_value"} <= {*found.keys()}:
            msg = f"estimate returned {found!r:.80} for {chosen}. It must return a row or a mapping"
            raise SanctlibError(f"{msg} with 'estimate' and 'p_value'.")
        try:
            values = [float(found.get(name, np.nan)) for name in READ]
        except (TypeError, ValueError):
            msg = f"estimate returned a value that is not a number for {chosen}."
            raise SanctlibError(f"{msg} All of {', '.join(READ)} must be numbers.") from None
        if shift == 0 and (not np.isfinite(values[0]) or not 0 <= values[3] <= 1):
            msg = f"estimate returned {values[0]:g} with p {values[3]:g} for {chosen}. It must"
            raise SanctlibError(f"{msg} return a finite estimate and a p-value from 0 to 1.")
        return values


def _replicates(
    work: Work, shifts: list[int], *, workers: int, folder: str | Path | None, progress: bool
) -> Floats:
    """Return replicates x specifications x numbers; with a folder, each replicate is stored."""
    if workers > 1:
        _check_sendable(work.estimate)
    stored = None if folder is None else Path(folder) / _key(work)
    files = {shift: stored / f"{shift}.json" for shift in shifts} if stored else {}
    done = {
        shift: json.loads(file.read_text(encoding="utf-8"))
        for shift, file in files.items()
        if file.is_file()
    }
    todo = [shift for shift in shifts if shift not in done]
    with (
        mapping(workers) as mapped,
        progress_bar(len(todo), name="replicates", unit="replicate", progress=progress) as bar,
    ):
        for shift, numbers in zip(todo, mapped(work, todo), strict=True):
            done[shift] = numbers
            if stored:
                with writing(stored) as into:
                    (into / f"{shift}.json").write_text(json.dumps(numbers), encoding="utf-8")
            bar.update()
    return np.array([done[shift] for shift in shifts], dtype="float64")


def _key(work: Work) -> str:
    """Return a name for what a replicate depends on: function, bound data, choices, series."""
    function, bound = _unbound(work.estimate)
    try:
        text, data = inspect.getsource(function), pickle.dumps(bound)
    except (OSError, TypeError, AttributeError, pickle.PicklingError) as error:
        msg = "The text of estimate or its data cannot be read, so stored replicates could not be"
        raise SanctlibError(f"{msg} found again. Write it into a file, or omit folder=.") from error
    digest = hashlib.sha256(f"{made_by()}{work.specifications!r}".encode() + data)
    digest.update(text.encode())
    for series in work.series.values():
        digest.update(pd.util.hash_pandas_object(series).to_numpy().tobytes())
    return digest.hexdigest()[:20]


def _unbound(estimate: Callable[..., Any]) -> tuple[Callable[..., Any], object]:
    """Return the function, and what `functools.partial` binds to it."""
    if isinstance(estimate, partial):
        return estimate.func, (estimate.args, estimate.keywords)
    return estimate, None


def _check_sendable(estimate: Callable[..., Any]) -> None:
    function, _ = _unbound(estimate)
    main = sys.modules["__main__"]
    local = function.__module__ == "__main__" and not hasattr(main, "__file__")
    try:
        pickle.dumps(estimate)
    except (pickle.PicklingError, AttributeError, TypeError):
        local = True
    if local:
        name = getattr(function, "__name__", repr(function))
        msg = f"estimate is {name!r}, which other processes cannot import. Write it into a file,"
        raise SanctlibError(f"{msg} bind its data by functools.partial, or use workers=1.")
