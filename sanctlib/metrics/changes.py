"""Compare measures before and after a date. Read Results of any measure; return a Result."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.dates import Day, Period, day_in_words, day_of, period_end
from sanctlib.errors import CoverageError, SanctlibError, check_columns
from sanctlib.metrics._pair_acts import in_names
from sanctlib.metrics.intervals import percent
from sanctlib.query import level_of, whole_of
from sanctlib.result import Result
from sanctlib.showing import listed

_COLUMNS = {"intensity": "exposure", "expected": "expected", "counts": "days", "gap": "periods"}
_PER = {
    "intensity": "acts per 1,000 of the denominator",
    "expected": "reported over expected acts",
    "counts": "per day",
    "gap": "mean per period",
}
_OF_DATES = "bounds of the dates"
_CENSUS = "Square marks: bounds of the dates of entries, no sampling interval."
_NOTES = (
    "Filled marks: the interval excludes 1. Without a line: no interval.",
    "A ratio shows when a level changed, not why. The interval allows for autocorrelation; with"
    " few periods it is still too narrow where rates move slowly.",
)


@dataclass(frozen=True)
class _Series:
    """A measure in order of time: amounts, what each is divided by, and their bounds."""

    kind: str
    every: Period
    starts: pd.Series
    ends: pd.Series
    amounts: NDArray[np.float64]
    exposures: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def before_after(
    measures: Mapping[str, Result],
    *,
    date: Day,
    level: float = 0.95,
    least: int = 3,
    start: Day | None = None,
) -> Result:
    """
    Compare the level of each measure after a date with its level before.

    Every measure becomes one ratio, so that measures of different units are on one axis. Only
    periods with a known value are compared, and the period that contains the date, but does
    not begin on it, is on neither side. The ratio shows when a level changed, not why. It is
    also computed for every other date on which a period begins: if many of them give as large
    a ratio, the chosen date is not special.

    Parameters
    ----------
    measures : mapping of str to Result
        Results of `partnership_intensity`, `observed_expected`, `sanction_counts` or
        `voting_gap` by the name that the picture shows. Each has one row per period: use
        ``filter``, such as ``.filter(component="material")``.
    date : day
        First day after, as ISO text, date, datetime, Timestamp, datetime64 or Period.
    level : float, default 0.95
        Of the intervals, between 0 and 1.
    least : int, default 3
        Periods that another date needs on each side, from 1.
    start : day, optional
        First day that is compared. By default the first of each measure.

    Returns
    -------
    Result
        Its table has a row per measure: ``measure``, ``every`` (length of its periods), ``ratio``,
        ``lower``, ``upper``, ``interval`` (what they are), ``level_before``, ``level_after``,
        ``per`` (their unit), ``n_before``, ``n_after`` (acts or entries; missing for means),
        ``periods_before``, ``periods_after``, ``dispersion_before``, ``dispersion_after``,
        ``n_dates`` (other possible dates) and ``n_as_large`` (those whose ratio is as far from
        1). ``tables["other_dates"]`` has ``measure``, ``date`` and ``ratio``.

    Raises
    ------
    SanctlibError
        For a result of another kind, of a hand-picked list, or with several rows per period.
    CoverageError
        When no measure has a covered period on both sides of the date. Measures without one
        are left out, and a note names them, if others have.

    Notes
    -----
    Reported acts: the interval takes acts as Poisson counts with one rate on each side and
    conditions on their sum. Each side is scaled by the dispersion of its periods around its
    rate, and both by the autocorrelation of the first order (gaps are skipped), with t, as of
    Welch, for the normal quantile. docs/inference.md has its measured size: with few periods
    it is too narrow where rates move slowly. Means: Welch's interval of the logarithm of two
    means, by the delta method. Entries of a list are a
    census: the bounds are those of the possible dates of the entries, and there is no
    sampling interval.

    Examples
    --------
    >>> import sanctlib as sl
    >>> days = pd.date_range("2022-01-01", periods=12, freq="MS")
    >>> n = [1, 3, 2, 1, 3, 2, 8, 10, 9, 8, 10, 9]
    >>> acts = {"period": days, "n": n, "exposure": 100.0, "covered": True}
    >>> talks = sl.Result(table=pd.DataFrame(acts), kind="intensity")
    >>> found = sl.metrics.before_after({"Talks": talks}, date="2022-07-01")
    >>> found.table[["ratio", "lower", "upper"]].round(2).values.tolist()
    [[4.5, 2.13, 10.75]]
    """
    if not isinstance(measures, Mapping) or not measures:
        msg = f"measures is {type(measures).__name__} without results by name."
        raise SanctlibError(f"{msg} Give a mapping such as {{'Talks': intensity}}.")
    day, tail = pd.Timestamp(day_of(date, what="date")), (1 - level_of(level)) / 2
    least = whole_of(least, what="least", least=1)
    first = None if start is None else day_of(start, what="start")
    rows, others, findings, left_out = [], [], [], []
    for name, result in measures.items():
        series = _series_of(result, name, first)
        dates = _other_dates(series, day, least=least)
        try:
            row = _compared(series, day, dates, name=name, tail=tail)
        except CoverageError as error:
            left_out.append(error)
            continue
        rows.append(row)
        others.append(dates.assign(measure=name))
        findings.append(_sentence(row, day))
    if not rows:
        raise left_out[0]
    table = pd.DataFrame(rows)
    pairs = {in_names(r.query.pairs) for r in measures.values() if r.query.pairs}
    whose = pairs.pop() if len(pairs) == 1 else "All measures"
    census = (_CENSUS,) if table["interval"].eq(_OF_DATES).any() else ()
    return Result(
        table=table,
        kind="before_after",
        name=f"Level since {day_in_words(day)} over the level before: {_verdict(table)}",
        sources=tuple({s.key: s for r in measures.values() for s in r.sources}.values()),
        notes=(
            "Filled marks: the interval excludes 1. Without a line: no interval.",
            *census,
            *_NOTES,
            *map(str, left_out),
        ),
        findings=(_in_short(table, day, whose), *findings),
        tables={"other_dates": pd.concat(others)[["measure", "date", "ratio"]]},
    )


def _series_of(result: object, name: str, first: datetime.date | None) -> _Series:
    """Return the covered periods of a measure, checked."""
    if not isinstance(result, Result) or result.kind not in _COLUMNS:
        msg = f"{name!r} is not a result of an intensity, of observed over expected, of counts"
        raise SanctlibError(f"{msg} or of voting gaps.")
    if any(source.curated for source in result.sources):
        msg = f"{name!r} is of a hand-picked list, so it has no level."
        raise SanctlibError(f"{msg} Use it as a timeline.")
    value = "value" if result.kind == "gap" else "n"
    check_columns(result.table, ["period", value])
    table = result.table[result.table["period"].notna() & result.table[value].notna()]
    table = table[table.get("covered", pd.Series(data=True, index=table.index)).astype("bool")]
    if first is not None:
        table = table[table["period"].ge(pd.Timestamp(first))]
    twice = table["period"][table["period"].duplicated()]
    if len(twice):
        msg = f"{name!r} has several rows for {twice.iloc[0]:%Y-%m-%d}."
        raise SanctlibError(f"{msg} Keep one, such as by .filter(component='material').")
    table = table.sort_values("period")
    every = result.query.every if "every" in result.query.given else _length(table)
    ends = period_end(table["period"], every=every)
    table = table.assign(days=(ends - table["period"]).dt.days + 1, periods=1)
    bounded = result.kind == "counts" and {"lower", "upper"} <= {*table}
    columns = [value, _COLUMNS[result.kind], *(("lower", "upper") if bounded else (value, value))]
    check_columns(table, columns)
    amounts, exposures, lower, upper = (
        np.asarray(table[column], dtype="float64") for column in columns
    )
    return _Series(result.kind, every, table["period"], ends, amounts, exposures, lower, upper)


def _length(table: pd.DataFrame) -> Period:
    """Return the length of periods that the days of a table show: years, quarters or shorter."""
    days = table["period"].diff().dt.days.min()
    shortest: list[tuple[Period, int]] = [("day", 1), ("week", 7), ("month", 31), ("quarter", 92)]
    return next((every for every, most in shortest if days <= most), "year")


def _sides(series: _Series, day: pd.Timestamp) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which periods end before a day, and which begin on it or later."""
    return series.ends.lt(day).to_numpy(), series.starts.ge(day).to_numpy()


def _ratio(series: _Series, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    levels = [series.amounts[side].sum() / series.exposures[side].sum() for side in (after, before)]
    return float(levels[0] / levels[1]) if levels[1] else np.inf if levels[0] else np.nan


def _compared(
    series: _Series, day: pd.Timestamp, dates: pd.DataFrame, *, name: str, tail: float
) -> dict[str, Any]:
    """Return the ratio of a measure at one date, with its interval and those of other dates."""
    before, after = _sides(series, day)
    for side, word in ((before, "before"), (after, "after")):
        if not series.exposures[side].sum() > 0:
            msg = f"{name!r} has no covered period {word} {day:%Y-%m-%d}."
            raise CoverageError(f"{msg} Choose a date inside its periods.")
    ratio = _ratio(series, before, after)
    words, bounds, dispersion = _interval(series, before, after, tail=tail)
    scale = 1000.0 if series.kind == "intensity" else 1.0
    totals = [float(series.amounts[side].sum()) for side in (before, after)]
    exposed = [float(series.exposures[side].sum()) for side in (before, after)]
    with np.errstate(divide="ignore"):  # a level of 0 is infinitely far from no change
        far = np.abs(np.log(dates["ratio"].to_numpy())) >= abs(np.log(ratio)) - 1e-9
    n_before, n_after = (np.nan, np.nan) if series.kind == "gap" else totals
    return {
        "measure": name,
        "every": series.every,
        "ratio": ratio,
        "lower": bounds[0],
        "upper": bounds[1],
        "interval": words,
        "level_before": scale * totals[0] / exposed[0],
        "level_after": scale * totals[1] / exposed[1],
        "per": _PER[series.kind],
        "n_before": n_before,
        "n_after": n_after,
        "periods_before": int(before.sum()),
        "periods_after": int(after.sum()),
        "dispersion_before": dispersion[0],
        "dispersion_after": dispersion[1],
        "n_dates": len(dates),
        "n_as_large": int(far.sum()),
    }


def _interval(
    series: _Series, before: NDArray[np.bool_], after: NDArray[np.bool_], *, tail: float
) -> tuple[str, tuple[float, float], tuple[float, float]]:
    """Return what an interval is, its bounds, and the dispersion of counts on each side."""
    level, none = percent(1 - 2 * tail), (np.nan, np.nan)
    if series.kind == "counts":
        # The fewest entries after over the most before, and the reverse.
        exposed = [series.exposures[side].sum() for side in (before, after)]
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = (
                (late[after].sum() / exposed[1]) / (early[before].sum() / exposed[0])
                for late, early in ((series.lower, series.upper), (series.upper, series.lower))
            )
        return _OF_DATES, (float(low), float(high)), none
    if series.kind == "gap":
        return f"means, {level}", _of_means(series, before, after, tail=tail), none
    return f"Poisson scaled by dispersion, {level}", *_of_counts(series, before, after, tail=tail)


def _of_means(
    series: _Series, before: NDArray[np.bool_], after: NDArray[np.bool_], *, tail: float
) -> tuple[float, float]:
    """Return Welch's interval for the ratio of two means, from the logarithm of each."""
    from scipy.stats import t

    values = [series.amounts[side] for side in (before, after)]
    means = [v.mean() for v in values]
    if min(map(len, values)) < 2 or min(means) <= 0:
        return np.nan, np.nan
    parts = [v.var(ddof=1) / len(v) / m**2 for v, m in zip(values, means, strict=True)]
    ratio = means[1] / means[0]
    if sum(parts) == 0:
        return float(ratio), float(ratio)
    freedom = sum(parts) ** 2 / sum(p**2 / (len(v) - 1) for p, v in zip(parts, values, strict=True))
    reach = t.ppf(1 - tail, freedom) * np.sqrt(sum(parts))
    return float(ratio * np.exp(-reach)), float(ratio * np.exp(reach))


def _of_counts(
    series: _Series, before: NDArray[np.bool_], after: NDArray[np.bool_], *, tail: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the interval of a ratio of rates and the dispersion of each side."""
    from scipy.special import betaincinv
    from scipy.stats import norm, t

    totals, exposed, periods, phi, residuals = [], [], [], [], []
    for side in (before, after):
        n, exposure = series.amounts[side], series.exposures[side]
        expected = n.sum() / exposure.sum() * exposure
        # Dispersion around the rate of its side: a step at the date is no dispersion.
        rest = (n - expected) / np.sqrt(np.where(expected > 0, expected, 1))
        own = max(1.0, float(rest @ rest) / max(1, len(n) - 1))
        residuals.append(rest / np.sqrt(own))
        totals.append(float(n.sum()))
        exposed.append(float(exposure.sum()))
        periods.append(len(n))
        phi.append(own)
    repeats = _persistence(np.concatenate(residuals))
    phi = [repeats * own for own in phi]
    if sum(totals) == 0:
        return (np.nan, np.nan), (phi[0], phi[1])
    # The dispersions are estimated: t, as of Welch, for the normal.
    parts = [own / max(total, 0.5) for own, total in zip(phi, totals, strict=True)]
    free = [max(1.0, n / repeats - 1) for n in periods]
    freedom = sum(parts) ** 2 / sum(p**2 / f for p, f in zip(parts, free, strict=True))
    tail = float(norm.sf(t.ppf(1 - tail, max(2.0, freedom))))
    # Acts over their dispersion are Poisson; given their sum, those after are binomial.
    early, late = (total / own for total, own in zip(totals, phi, strict=True))
    scale = (exposed[0] / phi[0]) / (exposed[1] / phi[1])
    low = betaincinv(late, early + 1, tail) if late > 0 else 0.0
    high = betaincinv(late + 1, early, 1 - tail) if early > 0 else 1.0
    lower, upper = (np.inf if x >= 1 else float(x / (1 - x) * scale) for x in (low, high))
    return (lower, upper), (phi[0], phi[1])


def _persistence(residuals: NDArray[np.float64]) -> float:
    """Return by how much autocorrelation of the first order multiplies the variance of a sum."""
    total, n = float(residuals @ residuals), len(residuals)
    if n < 4 or not total:
        return 1.0
    # Residuals of two fitted levels are correlated by -2 / n.
    first = float(residuals[1:] @ residuals[:-1]) / total + 2 / n
    first = min(max(first, 0.0), 0.95)
    return (1 + first) / (1 - first)


def _other_dates(series: _Series, day: pd.Timestamp, *, least: int) -> pd.DataFrame:
    """Return the ratio at every first day of a period with enough periods on each side."""
    starts = series.starts.to_numpy()
    # Sums up to each period give the sums on both sides of every date at once.
    amounts, exposures = (
        np.concatenate([[0.0], values.cumsum()]) for values in (series.amounts, series.exposures)
    )
    n_before = np.searchsorted(series.ends.to_numpy(), starts, side="left")
    begun = np.arange(len(starts))
    with np.errstate(divide="ignore", invalid="ignore"):
        before = amounts[n_before] / exposures[n_before]
        after = (amounts[-1] - amounts[begun]) / (exposures[-1] - exposures[begun])
        ratios = after / before
    enough = np.minimum(n_before, len(starts) - begun) >= least
    kept = enough & (starts != np.datetime64(day)) & ~np.isnan(ratios)
    return pd.DataFrame({"date": starts[kept], "ratio": ratios[kept]})


def _sentence(row: Mapping[str, Any], day: pd.Timestamp) -> str:
    """Return the result of one measure in words."""
    if row["n_before"] == row["n_after"] == 0:
        return f"{row['measure']}: no act before or after {day_in_words(day)}."
    sizes = []
    for side in ("before", "after"):
        n = row[f"periods_{side}"]
        sizes.append(f"{n} {row['every']}{'s' * (n != 1)} {side}")
    if not np.isnan(row["n_before"]):
        numbers = row["n_before"], row["n_after"]
        sizes = [f"{n:,.0f} in {size}" for n, size in zip(numbers, sizes, strict=True)]
    ratio, low, high = (_short(row[column]) for column in ("ratio", "lower", "upper"))
    times = f"{ratio} times" if np.isfinite(row["ratio"]) else "no finite multiple of"
    known = not np.isnan(row["lower"])
    of = _OF_DATES if row["interval"] == _OF_DATES else "interval"
    interval = f"{of} {low} to {high}; " if known else ""
    text = f"{row['measure']}: {times} the level before {day_in_words(day)}"
    text += f" ({interval}{sizes[0]}, {sizes[1]})."
    if known and row["lower"] <= 1 <= row["upper"]:
        text += " This is not distinguishable from no change."
    if n_dates := row["n_dates"]:
        text += f" {row['n_as_large']} of {n_dates} other possible dates give as large a ratio."
    return text


def _in_short(table: pd.DataFrame, day: pd.Timestamp, whose: str) -> str:
    """Return in one sentence which measures rose, fell, or did not change distinguishably."""
    none = table["n_before"].eq(0) & table["n_after"].eq(0)
    unknown = table["lower"].isna() & ~none
    rose, fell = table["lower"].gt(1), table["upper"].lt(1)
    groups = [
        ("higher", rose),
        ("lower", fell),
        ("no distinguishable change", ~(rose | fell | unknown | none)),
        ("no interval", unknown),
        ("no act on either side", none),
    ]
    found = (
        f"{word}: {listed([*table.loc[rows, 'measure']])}" for word, rows in groups if rows.any()
    )
    levels = f"levels since {day_in_words(day)} compared with those before"
    return f"{whose}, {levels}: {'; '.join(found)}."


def _short(number: float) -> str:
    if np.isinf(number):
        return "no upper bound"
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"


def _verdict(table: pd.DataFrame) -> str:
    """Return in words whether the measures agree."""
    rose, fell = table["lower"].gt(1), table["upper"].lt(1)
    if rose.all():
        return "all rose"
    if fell.all():
        return "all fell"
    if not (rose | fell).any():
        return "no change can be distinguished"
    return "it depends on the measure"
