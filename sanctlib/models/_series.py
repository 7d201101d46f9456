"""Prepare series of periods and fit vector autoregressions. Return arrays and statistics."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.dates import Period, in_words, period_end, period_of
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models._inputs import (
    COVERED,
    are_days,
    flags,
    frame,
    moment_of,
    n_of,
    numbers,
    with_periods,
)
from sanctlib.query import Day, whole_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Series:
    """
    Columns of a table in order of time.

    `numbers` are n x columns, `every` is the length of the periods (None where they are
    numbered), `dropped` how many periods at the ends had no value.
    """

    periods: pd.Series
    numbers: Floats
    every: Period | None
    dropped: int

    @property
    def unit(self) -> str:
        """What the periods are, in the plural."""
        return f"{self.every}s" if self.every else "periods"

    @property
    def span(self) -> str:
        """The first to the last period, in words."""
        first, last = self.periods.iloc[0], self.periods.iloc[-1]
        if self.every is None:
            return f"periods {first} to {last}"
        return in_words(first, last, every=self.every)

    def place(self, value: Day | int, *, what: str = "onset") -> int:
        """Return the number, from 0, of the period that holds a day."""
        moment = moment_of(value, dated=self.every is not None, what=what)
        first, last = self.periods.iloc[0], self.periods.iloc[-1]
        if self.every is not None:
            last = period_end(self.periods.iloc[[-1]], every=self.every).iloc[0]
        if not first <= moment <= last:
            msg = f"{what} is {moment!s}. It must lie in the periods that have values,"
            raise SanctlibError(f"{msg} {first!s:.10} to {last!s:.10}.")
        return int(np.searchsorted(self.periods.to_numpy(), moment, side="right")) - 1

    def named(self, period: Any) -> str:
        """Return one of the periods in words."""
        if self.every is None:
            return f"period {period}"
        text = in_words(period, period, every=self.every)
        return f"the {text}" if self.every == "week" else text

    def arguments(self) -> dict[str, Any]:
        """Return the length of the periods as an argument of `ask`, where they have one."""
        return {"every": self.every} if self.every else {}

    def note(self) -> str:
        """Return the sentence on what was read."""
        span = self.span.removeprefix("periods ")
        text = f"The series has {n_of(len(self.periods), self.unit[:-1])}, {span}."
        if self.dropped:
            text += f" Periods at its ends without a value or full coverage: {self.dropped}."
        return text


def series_of(table: object, columns: Sequence[str]) -> Series:
    """
    Return columns of a table as one series each.

    A period that the source does not fully cover (``covered``, or ``covered_x`` and
    ``covered_y`` of merged tables) has no value, because its count is a lower bound. At the
    ends such periods are dropped and counted; between others they are refused.
    """
    rows = with_periods(frame(table, ["period", *columns]))
    rows = rows.sort_values("period").reset_index(drop=True)
    twice = rows.loc[rows["period"].duplicated(), "period"]
    if len(twice):
        msg = f"Period {str(twice.iloc[0])[:10]!r} has several rows. It must have one:"
        raise SanctlibError(f"{msg} keep one group of the table first.")
    values = numbers(rows, columns)[list(columns)]
    for name in (c for c in rows if c in COVERED):
        values = values[flags(rows[name], what=name)].reindex(values.index)
    known = values.notna().all(axis=1).to_numpy()
    if not known.any():
        msg = "No period has a value that is known to be covered. A table made without coverage,"
        raise SanctlibError(f"{msg} or of a hand-picked list, is not a series.")
    first, after = int(known.argmax()), len(known) - int(known[::-1].argmax())
    inside = slice(first, after)
    periods = rows["period"].iloc[inside].reset_index(drop=True)
    if not known[inside].all():
        at = str(periods[int(known[inside].argmin())])[:10]
        msg = f"Period {at!r} has no value or is not fully covered. A series has no gaps:"
        raise SanctlibError(f"{msg} choose a span without this period.")
    dated = are_days(periods)
    every = period_of(periods) if dated else None
    if every is None and (dated or not periods.diff().iloc[1:].eq(1).all()):
        shown = ", ".join(str(p)[:10] for p in periods.head(3))
        msg = f"The periods {shown} are not in a row. They must be days, weeks, months, quarters"
        raise SanctlibError(f"{msg} or years without gaps, or whole numbers.")
    return Series(
        periods=periods,
        numbers=np.asarray(values.iloc[inside], dtype="float64"),
        every=every,
        dropped=len(known) - (after - first),
    )


Lags: TypeAlias = int | Literal["aic", "bic"]

_COMBINED = "is an exact combination of the other columns and of the past. Drop it, or use changes."


@contextmanager
def solving(names: Sequence[str]) -> Iterator[None]:
    """Let a regression that has no solution fail in words."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # a matrix without full rank is refused in words
            yield
    except np.linalg.LinAlgError as error:
        listed = ", ".join(map(repr, names))
        raise SanctlibError(f"One of the columns {listed} {_COMBINED}") from error


def check_distinct(values: Floats, names: Sequence[str], *, lags: int) -> None:
    """Check that no series follows exactly from the others and from the past of all."""
    n, k = values.shape
    if n - lags <= 1 + k * (1 + lags):
        return
    # A constant, the series now, and their lags: linearly independent unless one is redundant.
    all_lags = [values[lags - lag : n - lag] for lag in range(lags + 1)]
    design = np.column_stack([np.ones(n - lags), *all_lags])
    rank = np.linalg.matrix_rank(design)
    if rank == design.shape[1]:
        return
    for j, name in enumerate(names, start=1):
        if np.linalg.matrix_rank(np.delete(design, j, axis=1)) == rank:
            raise SanctlibError(f"Column {name!r} {_COMBINED}")
    raise SanctlibError(f"One of the columns {', '.join(map(repr, names))} {_COMBINED}")


def wald(
    values: Floats, *, lags: int, added: int, causes: Sequence[int], effects: Sequence[int]
) -> tuple[Floats, Floats]:
    """
    Return the Wald statistic of no lag of `causes` helping `effects`, and the lags' sum.

    `values` are (..., n, k); the regression has a constant and ``lags + added`` lags, of
    which the last `added` are not tested. Divided by ``lags * len(causes) * len(effects)``
    the statistic is the F of Lütkepohl (2005).
    """
    n, k = values.shape[-2:]
    depth = lags + added
    past = [values[..., depth - lag : n - lag, :] for lag in range(1, depth + 1)]
    design = np.concatenate([np.ones((*values.shape[:-2], n - depth, 1)), *past], axis=-1)
    turned = np.swapaxes(design, -1, -2)
    inverse = np.linalg.inv(turned @ design)
    coefficients = inverse @ (turned @ values[..., depth:, :])
    residuals = values[..., depth:, :] - design @ coefficients
    degrees = n - depth - design.shape[-1]
    variance = np.swapaxes(residuals, -1, -2) @ residuals / degrees
    rows = [1 + lag * k + cause for lag in range(lags) for cause in causes]
    tested = coefficients[..., rows, :][..., effects]
    # vec(b)' (S x V)^-1 vec(b) is the trace of S^-1 b' V^-1 b.
    left = np.linalg.solve(variance[..., effects, :][..., effects], np.swapaxes(tested, -1, -2))
    right = np.linalg.solve(inverse[..., rows, :][..., rows], tested)
    return np.trace(left @ right, axis1=-2, axis2=-1), tested.sum(axis=(-2, -1))


def same_period(residuals: Floats, *, causes: Sequence[int], effects: Sequence[int]) -> float:
    """Return the Wald statistic that residuals are uncorrelated (Lütkepohl 2005, 3.6.3)."""
    s = residuals.T @ residuals / len(residuals)
    pairs = [(a, i) for a in causes for i in effects]
    tested = np.array([s[pair] for pair in pairs])
    variance = [[s[a, b] * s[i, j] + s[a, j] * s[i, b] for b, j in pairs] for a, i in pairs]
    return float(len(residuals) * tested @ np.linalg.solve(np.array(variance), tested))


def replicated(
    values: Floats, lags: int, cause: int, effect: int, n_replicates: int, rng: np.random.Generator
) -> Floats:
    """Return bootstrap series (n_replicates, n, k) in which `cause` does not help `effect`."""
    n, k = values.shape
    past = [values[lags - lag : n - lag] for lag in range(1, lags + 1)]
    design = np.column_stack([np.ones(n - lags), *past])
    coefficients = np.zeros((design.shape[1], k))
    residuals = np.empty((n - lags, k))
    for j in range(k):
        kept = np.ones(design.shape[1], dtype=bool)
        kept[1 + cause :: k] = j != effect
        q, r = np.linalg.qr(design[:, kept])
        coefficients[kept, j] = np.linalg.solve(r, q.T @ values[lags:, j])
        residuals[:, j] = values[lags:, j] - design @ coefficients[:, j]
        residuals[:, j] /= np.sqrt(1 - (q**2).sum(axis=1))  # a fitted residual is too small
    residuals -= residuals.mean(axis=0)
    made = np.empty((n_replicates, n, k))
    made[:, :lags] = values[:lags]
    shocks = residuals[rng.integers(n - lags, size=(n_replicates, n - lags))]
    for t in range(lags, n):
        before = made[:, t - lags : t][:, ::-1].reshape(n_replicates, -1)
        made[:, t] = coefficients[0] + before @ coefficients[1:] + shocks[:, t - lags]
    return made


def standardised(data: Series, names: Sequence[str]) -> Floats:
    """Return the columns with mean 0 and standard deviation 1: no statistic depends on either."""
    for name in names:
        if list(names).count(name) > 1:
            msg = f"Column {name!r} is named twice. Name another column: a series cannot explain"
            raise SanctlibError(f"{msg} itself.")
    check_varies(data.numbers, names)
    scaled: Floats = (data.numbers - data.numbers.mean(axis=0)) / data.numbers.std(axis=0)
    check_distinct(scaled, names, lags=1)
    return scaled


def check_varies(values: Floats, names: Sequence[str], *, where: str = "") -> None:
    """Check that each column has two values or more."""
    for name, column in zip(names, values.T, strict=True):
        if np.ptp(column) == 0 or column.std() == 0:
            raise SanctlibError(f"Column {name!r} has one value{where}. A series must vary.")


def lags_of(lags: object) -> Lags:
    """Return the number of lags, or the criterion that chooses it."""
    if isinstance(lags, str):
        return check_choice(lags, ("aic", "bic"), what="lags")  # type: ignore[return-value]
    return whole_of(lags, what="lags", least=1)


def lag_order(values: Floats, lags: Lags, *, most: int, added: int, where: str = "") -> int:
    """Return the number of lags: the given one if it fits, or the criterion's, at least 1."""
    import statsmodels.api as sm

    n, k = len(values), len(values.T)

    def needed(p: int) -> int:
        return p + added + 4 * (1 + k * (p + added))

    least = lags if isinstance(lags, int) else 1
    if needed(least) > n:
        msg = f"The series has {n} periods{where}. {n_of(least, 'lag')} and {added} added need"
        raise SanctlibError(f"{msg} {needed(least)} (four per coefficient): use a longer series.")
    if isinstance(lags, int):
        return lags
    longest = [p for p in range(1, most + 1) if needed(p) <= n][-1]
    try:
        chosen: int = sm.tsa.VAR(values).select_order(longest).selected_orders[lags]
    except (ValueError, np.linalg.LinAlgError) as error:
        msg = f"Up to {longest} lags cannot be compared, because a series varies in too few periods"
        raise SanctlibError(f"{msg} or follows from the others. Choose lags=1.") from error
    return max(1, int(chosen))


def integration_of(values: Floats, names: Sequence[str]) -> int:
    """Return the highest order of integration of the columns."""
    orders = []
    for name, column in zip(names, values.T, strict=True):
        try:
            orders.append(_order(column))
        except (ValueError, np.linalg.LinAlgError) as error:
            msg = f"The order of integration of {name!r} cannot be tested ({error!s:.100})."
            raise SanctlibError(f"{msg} Choose it: integration=0, 1 or 2.") from error
    return max(orders)


def _order(series: Floats) -> int:
    from statsmodels.tsa.stattools import adfuller, kpss

    for order in (0, 1):
        differenced = np.diff(series, order)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of a p-value beyond the table, among others
            stationary: Any = kpss(differenced, result_object=True)
            root: Any = adfuller(differenced, result_object=True)
        if root.pvalue < 0.05 < stationary.pvalue:
            return order
    return 2
