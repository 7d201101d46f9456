"""Find the breaks in the mean of a series. Read a table; return a Fit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models._inputs import Floats, column_of, n_of, origin, series_of, sources_of
from sanctlib.query import ask, number_of, whole_of
from sanctlib.result import Fit

Criterion: TypeAlias = Literal["bic", "lwz"]

_MOST_PERIODS = 4000


def breaks(
    table: object,
    *,
    dependent: str,
    shortest: float = 0.15,
    most: int = 5,
    criterion: Criterion = "bic",
    level: float = 0.95,
) -> Fit:
    """
    Find the breaks in the mean of a series (Bai and Perron 1998, 2003).

    Of all partitions into segments of at least `shortest`, the one with the least sum of
    squares gives the dates. Their number is chosen by BIC, or by the stricter LWZ (Liu, Wu and
    Zidek 1997): in autocorrelated series without breaks, BIC often finds some. The interval of
    a date (Bai 1997) assumes one variance and no autocorrelation; otherwise it is too short.
    Breaks are descriptive and identify no effect. A date found this way cannot be tested as if
    it had been known before.

    Parameters
    ----------
    table : DataFrame or Result
        One row per ``period`` without gaps: the first days of periods, or whole numbers.
    dependent : str
        The column of the series.
    shortest : float, default 0.15
        Shortest segment: a share of the series, or from 1 on a number of periods.
    most : int, default 5
        Largest number of breaks considered.
    criterion : {"bic", "lwz"}, default "bic"
        What chooses the number of breaks.
    level : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Fit
        Its table has a row per break: ``break_after`` (last period with the old mean),
        ``position`` (its number in the series, from 1), ``lower``, ``upper`` (periods),
        ``mean_before``, ``mean_after``. Its `tables` are ``"numbers"`` (``n_breaks``,
        ``rss``, ``bic``, ``lwz``, ``positions``, ``chosen``) and ``"series"`` (``period``,
        ``value``, ``fitted``: the mean of the segment).

    Raises
    ------
    SanctlibError
        For gaps, a series too short for two segments, or one of more than 4,000 periods.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> values = [1.0, 1.2, 0.8, 1.1, 0.9, 5.0, 5.2, 4.8, 5.1, 4.9]
    >>> rates = pd.DataFrame({"period": range(2010, 2020), "rate": values})
    >>> found = sl.models.breaks(rates, dependent="rate", shortest=3, most=1)
    >>> found.table[["break_after", "mean_before", "mean_after"]].to_dict("records")
    [{'break_after': 2014, 'mean_before': 1.0, 'mean_after': 5.0}]
    """
    check_choice(criterion, ("bic", "lwz"), what="criterion")
    number_of(shortest, what="shortest", least=0, most=1e9, above=True)
    whole_of(most, what="most", least=1)
    data = series_of(table, [column_of(dependent, what="dependent")])
    named = {"dependent": dependent, "shortest": shortest, "most": most, "criterion": criterion}
    query = ask(**data.given, level=level, **named)
    values, n = data.numbers[:, 0], len(data.periods)
    if n > _MOST_PERIODS:
        msg = f"The series has {n:,} {data.unit}, and the search takes the square of it in memory."
        raise SanctlibError(f"{msg} At most {_MOST_PERIODS:,} are searched: use longer periods.")
    least = round(shortest) if shortest >= 1 else max(2, int(np.floor(shortest * n)))
    if n < 2 * least:
        msg = f"The series has {n} periods. Two segments of {least} need at least {2 * least}:"
        raise SanctlibError(f"{msg} use a smaller shortest=.")
    partitions = _partitions(values, least, min(most, n // least - 1))
    numbers = pd.DataFrame([_criteria(rss, positions, n) for rss, positions in partitions])
    best = int(numbers[criterion].to_numpy().argmin())
    rss, positions = partitions[best]
    segments = np.split(values, positions)
    means = [float(segment.mean()) for segment in segments]
    dates = np.array(positions, dtype="int64")
    margins = _margins(np.diff(means), rss / max(n - len(segments), 1), query.level)
    periods = data.periods.to_numpy()
    found = pd.DataFrame(
        {
            "break_after": periods[dates - 1],
            "position": dates,
            "lower": periods[np.maximum(dates - margins, 1) - 1],
            "upper": periods[np.minimum(dates + margins, n) - 1],
            "mean_before": means[:-1],
            "mean_after": means[1:],
        }
    )
    sources = sources_of(table)
    return Fit(
        table=found,
        name=f"Breaks in the mean of {dependent}",
        kind="series",
        query=query,
        unit=data.unit,
        n=n,
        sources=sources,
        notes=(
            "Breaks describe when the mean changed, not why.",
            f"{criterion.upper()} chose {n_of(len(positions), 'break')} of at most "
            f"{len(partitions) - 1}, with segments of at least {least} {data.unit}.",
            f"The {query.level:.0%} intervals of the dates (Bai 1997) assume one variance and no "
            "autocorrelation.",
            data.note,
        ),
        findings=tuple(
            f"The mean of {dependent} changed from {row['mean_before']:,.3g} to "
            f"{row['mean_after']:,.3g} after {data.named(row['break_after'])} (interval "
            f"{data.named(row['lower'])} to {data.named(row['upper'])}){origin(sources)}."
            for row in found.to_dict("records")
        )
        or (f"No break was found in the mean of {dependent}, {data.span}{origin(sources)}.",),
        tables={
            "numbers": numbers.assign(chosen=numbers.index == best),
            "series": pd.DataFrame(
                {
                    "period": data.periods,
                    "value": values,
                    "fitted": np.repeat(means, [len(segment) for segment in segments]),
                }
            ),
        },
    )


def _partitions(values: Floats, least: int, most: int) -> list[tuple[float, list[int]]]:
    """Return for 0 to `most` breaks the least sum of squares and the ends of the segments."""
    n = len(values)
    # The sum of squares of a segment from i to j is a difference of running sums. Around the
    # mean they are small, so that a high level does not cost digits.
    centred = values - values.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(v)]) for v in (centred, centred**2))
    length = np.arange(n + 1)[None, :] - np.arange(n)[:, None]
    total = sums[None, :] - sums[:-1, None]
    cost = squares[None, :] - squares[:-1, None] - total**2 / np.where(length > 0, length, 1)
    cost = np.where(length >= least, np.maximum(cost, 0.0), np.inf)
    best = cost[0].copy()  # of the first j values as one segment
    back: list[NDArray[np.int64]] = []
    partitions: list[tuple[float, list[int]]] = [(float(best[n]), [])]
    for _ in range(most):
        # The last segment begins at i; the best partition of what is before it is known.
        tries = best[:n, None] + cost
        back.append(tries.argmin(axis=0))
        best = tries.min(axis=0)
        if not np.isfinite(best[n]):
            break
        # From the end backwards, each segment says where the one before it ends.
        at, positions = n, []
        for step in reversed(back):
            at = int(step[at])
            positions.append(at)
        partitions.append((float(best[n]), positions[::-1]))
    return partitions


def _criteria(rss: float, positions: list[int], n: int) -> dict[str, Any]:
    m, log_rss = len(positions), np.log(rss) if rss > 0 else -np.inf
    bic = n * (log_rss + 1 - np.log(n) + np.log(2 * np.pi)) + np.log(n) * 2 * (m + 1)
    penalty = 0.299 * np.log(n) ** 2.1
    # Liu, Wu and Zidek (1997) divide by the degrees of freedom left: means and dates are estimated.
    n_parameters = 2 * m + 1
    left = n - n_parameters
    lwz = log_rss - np.log(left) + n_parameters * penalty / n if left > 0 else np.inf
    return {"n_breaks": m, "rss": rss, "bic": float(bic), "lwz": float(lwz), "positions": positions}


def _margins(shifts: Floats, variance: float, level: float) -> NDArray[np.int64]:
    """Return the margin of error of each date, in observations."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def over(x: float) -> float:
        """Compare with `level` the distribution of the maximum's place of a Brownian motion."""
        root = np.sqrt(x)
        below = (
            1
            + np.sqrt(x / (2 * np.pi)) * np.exp(-x / 8)
            - (x + 5) / 2 * ndtr(-root / 2)
            + 1.5 * np.exp(x) * ndtr(-1.5 * root)
        )
        return float(below - (1 + level) / 2)

    quantile = brentq(over, 1e-9, 200)
    with np.errstate(divide="ignore", invalid="ignore"):
        margins = quantile * variance / shifts**2
    return np.where(shifts == 0, np.iinfo(np.int32).max, margins).astype("int64") + 1
