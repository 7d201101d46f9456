"""Specifications: every defensible answer to one question, and how often chance gives as much."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_choice, check_list
from sanctlib.models.draws import READ, Work, found_by
from sanctlib.models.result import Fit
from sanctlib.models.series import series_of
from sanctlib.periods import period_end

Floats = NDArray[np.float64]
Choices: TypeAlias = Mapping[str, Sequence[object]] | Sequence[Mapping[str, object]]

_WHO = "specification_curve"
OWN = ("sanctions", *READ, "p_shift", "null_lower", "null_upper", "contaminated")
"""Columns of the specifications that are not choices of the researcher."""
_ALPHA = 0.05


def specification_curve(
    estimate: Callable[..., Any],
    choices: Choices,
    *,
    sanctions: pd.Series | Mapping[str, pd.Series],
    estimand: str | None = None,
    contaminated: Mapping[str, Sequence[object]] | None = None,
    n_draws: int = 499,
    seed: int = 1,
    workers: int = 1,
    folder: str | Path | None = None,
    progress: bool = False,
) -> Fit:
    """
    Estimate one effect under every defensible choice, and test the whole curve at once.

    The choices that a referee would contest (measure, denominator, lags, window, model) are
    all made, and the curve of estimates is compared with curves in which sanctions do
    nothing (Simonsohn, Simmons and Nelson 2020). For those the sanction series is moved
    round its calendar, what falls off its end coming back at its start: it keeps its
    autocorrelation and loses its tie to the outcome. One shift is made in all specifications
    alike, so that estimates which share data vary together, as they do in the observed curve.

    Effects of one curve must be in one unit. `estimate` gets the sanctions with mean 0 and
    deviation 1; it should put its outcome in deviations, too. Specifications of which the
    window holds a war, say, that moved sanctions and outcome both, are a panel apart with
    numbers of its own. Many biased estimates agree: a curve is as good as its designs.

    A trend does not survive the shift, and one that sanctions and outcome share passes for an
    effect. Give sanctions newly imposed or differences, not a stock that grows.

    Parameters
    ----------
    estimate : function
        ``estimate(sanctions, **choices)`` gets a Series by period, its name that of the
        series, and one specification; it returns a row of a fit's table, or a dict, with
        ``estimate`` and ``p_value``, and ``lower`` and ``upper`` if there are such.
    choices : mapping of name to options, or sequence of mappings
        All combinations of the options, or the combinations themselves.
    sanctions : Series, or mapping of name to Series
        By period, without gaps. Several are one more choice, ``sanctions``: of other
        measures, or of months and quarters of the same span, which a shift moves by the
        same share of it.
    estimand : str, optional
        The choice whose options are different questions: each has a curve of its own.
    contaminated : mapping of name to options, optional
        The options that put a specification into the panel apart.
    n_draws : int
        Shifts drawn, each once; all of them where there are no more.
    workers : int
        Processes; the result does not depend on their number. More than one need an
        `estimate` from a module, its data bound by `functools.partial`.
    folder : path, optional
        Finished draws are kept there, and not done again by the same call. Kept ones are
        known by the text of `estimate`, what is bound to it, choices and series; if what it
        calls or reads has changed, take another folder.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Fit
        `table` has a row per curve: the estimand, ``contaminated``, ``n_specifications``,
        ``median``, ``share`` (of specifications with p below 0.05 and the sign of the
        median), ``z`` (Stouffer's), and for these three ``p_median``, ``p_share``,
        ``p_stouffer``: how often chance gives as much, in either direction; ``n_draws``.
        `details` hold ``"specifications"``, sorted by ``estimate``: the choices, ``lower``,
        ``upper``, ``p_value``, ``p_shift`` (by shifts, of this specification alone),
        ``null_lower``, ``null_upper`` (where 95% of the curves without effect lie at this
        rank), ``contaminated``.

    Raises
    ------
    SanctlibError
        For series of other spans or with gaps, an observed specification without an
        estimate, a function that other processes cannot have, or a worker killed.

    Examples
    --------
    >>> months = pd.period_range("2015-01", periods=60, freq="M").start_time
    >>> rng = np.random.default_rng(1)
    >>> new = pd.Series(rng.poisson(2.0, 60), index=months, dtype="float64")
    >>> meetings = 0.5 * new.shift(1) + rng.normal(size=60)
    >>> def estimate(sanctions, lag):
    ...     from scipy.stats import linregress
    ...     pair = pd.DataFrame({"x": sanctions.shift(lag), "y": meetings}).dropna()
    ...     line = linregress(pair["x"], pair["y"] / pair["y"].std())
    ...     return {"estimate": line.slope, "p_value": line.pvalue}
    >>> fit = specification_curve(estimate, {"lag": [1, 2]}, sanctions=new)
    >>> fit.table[["n_specifications", "median", "share", "p_median", "n_draws"]].round(2)
       n_specifications  median  share  p_median  n_draws
    0                 2    0.26    0.5      0.03       59
    """
    series = _series(sanctions)
    specifications = _specifications(choices, list(series))
    made = list(specifications[0])
    known = [name for name in made if name != "sanctions" or len(series) > 1]
    for name in [*(contaminated or ()), *([estimand] if estimand else [])]:
        check_choice(name, known, what="choice", needed_by=_WHO)
    for name, marked in (contaminated or {}).items():
        check_list(marked, what=f"options of {name}", needed_by=_WHO)  # type: ignore[arg-type]
        options = [choice[name] for choice in specifications]
        if strange := [option for option in marked if option not in options]:
            msg = f"{_WHO}: no specification has the contaminated {name} {strange[0]!r}."
            raise SanctlibError(msg)
    least = min(map(len, series.values()))
    shifts = np.arange(1, least)
    if n_draws < len(shifts):
        shifts = np.sort(np.random.default_rng(seed).choice(shifts, n_draws, replace=False))
    work = Work(estimate=estimate, specifications=specifications, series=series)
    found = found_by(work, [0, *shifts.tolist()], workers=workers, folder=folder, progress=progress)
    whole = ~np.isnan(found[:, :, [0, 3]]).any(axis=(1, 2))
    rows = pd.DataFrame([{k: _cell(v) for k, v in s.items()} for s in specifications])[known]
    rows[list(READ)] = found[0]
    flags = [
        any(s[name] in options for name, options in (contaminated or {}).items())
        for s in specifications
    ]
    rows["contaminated"] = flags
    effects, p_values = found[whole][:, :, 0], found[whole][:, :, 3]
    size = np.abs(effects)
    rows["p_shift"] = (size >= size[0] - 1e-12).mean(axis=0)
    keys = [*([estimand] if estimand else []), "contaminated"]
    curves, parts = [], []
    for key, at in rows.groupby(keys, sort=False).indices.items():
        named = dict(zip(keys, key if isinstance(key, tuple) else (key,), strict=True))
        curves.append(named | _joint(effects[:, at], p_values[:, at]))
        curve = rows.iloc[at].sort_values("estimate", kind="stable")
        null = np.sort(effects[1:, at], axis=1)
        edges = np.quantile(null, [0.025, 0.975], axis=0) if len(null) else np.nan
        curve[["null_lower", "null_upper"]] = np.transpose(edges)
        parts.append(curve)
    n_kept = len(effects) - 1
    times = {name: np.corrcoef(values, range(len(values)))[0, 1] for name, values in series.items()}
    grown = ", ".join(f"{name} {r:.2f}" for name, r in times.items())
    return Fit(
        name=f"Specification curve, {len(rows)} specifications",
        table=pd.DataFrame(curves).sort_values(keys, kind="stable", ignore_index=True),
        notes=(
            "Description, unless each specification identifies: biases that all share stay in all.",
            f"Without effect: sanctions moved round their calendar by the same share of it in all "
            f"specifications, {len(shifts)} of {least - 1} shifts, seed {seed}; a p-value cannot "
            f"be below {1 / (1 + n_kept):.3f}.",
            f"A trend does not survive a shift, and a shared one passes for an effect; correlation "
            f"of sanctions with time: {grown}.",
            f"{len(shifts) - n_kept} shifts left out, in which some specification had no estimate.",
            f"Contaminated, in a panel apart: {sum(flags)} specifications.",
        ),
        details={"specifications": pd.concat(parts, ignore_index=True)},
    )


def _series(sanctions: object) -> dict[str, pd.Series]:
    """Return the series by name, with mean 0 and deviation 1, all of one span."""
    if isinstance(sanctions, pd.Series):
        sanctions = {str(sanctions.name or "sanctions"): sanctions}
    if not isinstance(sanctions, Mapping) or not sanctions:
        msg = f"{_WHO} needs sanctions as a Series by period, or several by name, and got a"
        raise SanctlibError(f"{msg} {type(sanctions).__name__}.")
    named, spans = {}, {}
    for name, series in sanctions.items():
        table = pd.DataFrame({"period": series.index, name: series.to_numpy()})
        data = series_of(table, [name], period="period", needed_by=_WHO)
        values, last = data.numbers[:, 0], data.periods.iloc[[-1]]
        if np.ptp(values) == 0:
            raise SanctlibError(f"{_WHO} needs sanctions that vary, and {name!r} does not.")
        scaled = (values - values.mean()) / values.std()
        named[name] = pd.Series(scaled, index=pd.Index(data.periods, name="period"), name=name)
        end = period_end(last, every=data.every) if data.every else last
        spans[name] = f"{data.periods.iloc[0]!s:.10} to {end.iloc[0]!s:.10}"
    if len(set(spans.values())) > 1:
        told = "; ".join(f"{name!r} {span}" for name, span in spans.items())
        msg = f"{_WHO} moves all series by one share of one span, and they have several: {told}"
        raise SanctlibError(f"{msg}. Cut them to the span that all have.")
    return named


def _specifications(choices: Choices, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return every specification, the name of its sanction series first."""
    if isinstance(choices, Mapping):
        for name, options in choices.items():
            check_list(options, what=f"options of {name}", needed_by=_WHO)  # type: ignore[arg-type]
        combined = itertools.product(*choices.values())
        choices = [dict(zip(choices, options, strict=True)) for options in combined]
    if not choices or any(list(choice) != list(choices[0]) for choice in choices):
        raise SanctlibError(f"{_WHO} needs specifications, each with the same choices.")
    taken = sorted(set(choices[0]) & set(OWN))
    if taken:
        raise SanctlibError(f"{_WHO} has a column {taken[0]!r} of its own: rename the choice.")
    return [{"sanctions": name, **choice} for choice in choices for name in names]


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
    return found | {"n_draws": len(effects) - 1}
