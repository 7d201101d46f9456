"""Estimate how co-operation responds to sanctions in many ways. Read rates; return a Fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from sanctlib.codes.countries import name_of, names_of
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.models._inputs import frame, p_in_words, sources_of
from sanctlib.models.dynamics import local_projection
from sanctlib.models.specifications import specification_curve
from sanctlib.query import Day, day_of, keys_of, whole_of
from sanctlib.result import Fit, Result

FEWEST_PERIODS = 20
"""Periods after the event date that are enough for specifications of their own."""


def response_curve(
    rates: object,
    *,
    sanctions: object,
    event_date: Day | None = None,
    components: Sequence[str] = ("all_cooperation", "meetings"),
    horizons: Sequence[int] = (1, 2),
    n_replicates: int = 499,
    seed: int = 1,
) -> Fit:
    """
    Estimate how a pair's co-operation responds to sanctions, in many ways.

    The specifications combine sanctions on each target and on both, the components, the
    denominators of `rates`, one or two periods later, and the span: all periods, or only those
    after `event_date` if there are 20 or more. Each is a `local_projection` with one lag.
    Effects are in standard deviations of the rate, for one standard deviation of the sanctions.

    Specifications whose periods include the event date are confounded, because the event can
    have moved both series: they form a separate curve. The curves are compared with curves of
    sanctions shifted in time (`specification_curve`). All of them ask one question about the
    same periods, so they are not independent answers.

    Parameters
    ----------
    rates : DataFrame or Result
        Rates of one pair from `partnership_intensity`, with one denominator or several:
        ``period``, ``component``, ``denominator``, ``rate``. Rows that are not ``covered`` are
        excluded.
    sanctions : DataFrame or Result
        ``target``, ``period`` and ``n``, from `sanction_counts` by target. Targets without a
        difference between periods are excluded.
    event_date : day, optional
        What may have moved both series. By default there is no such date.
    components : sequence of str, default ("all_cooperation", "meetings")
        Components of co-operation.
    horizons : sequence of int, default (1, 2)
        Periods after the sanctions, each from 0.
    n_replicates : int, default 499
        Number of shifts, each used once; all of them where there are fewer.
    seed : int, default 1
        Of the selection of shifts.

    Returns
    -------
    Fit
        As of `specification_curve`. The choices in ``tables["specifications"]`` are
        ``sanctions`` ("on Iran", "on both"), ``component``, ``denominator``, ``window`` and
        ``horizon``.

    Raises
    ------
    SanctlibError
        For sanctions that do not vary, rates of several pairs, or too few periods.
    UnknownChoiceError
        For a component that the rates do not have.
    MissingColumnsError, SchemaError
        For a column that is missing or does not hold finite numbers.

    Examples
    --------
    >>> import sanctlib as sl
    >>> news, asked = sl.load("icews_weekly"), {"every": "week", "end": "2018-10-28"}
    >>> rates = sl.partnership_intensity(news, pair=("RUS", "IRN"), band=False, **asked)
    >>> on_both = sl.sanction_counts(
    ...     news, by=["target"], unit="act", targets=["RUS", "IRN"], **asked)
    >>> fit = sl.models.response_curve(rates, sanctions=on_both, n_replicates=99)
    >>> fit.table["n_specifications"].tolist()
    [12]
    """
    needed = ["period", "component", "denominator", "rate"]
    rows = _covered(frame(rates, needed))
    if rows.duplicated(needed[:3]).any():
        raise SanctlibError("The rates are of several pairs. Keep one: rates.filter(first=…).")
    for name in keys_of(components, what="components"):
        check_choice(name, rows["component"].unique(), what="components")
    for horizon in horizons:
        whole_of(horizon, what="horizons", least=0)
    parts = {
        str(divisor): part.pivot_table("rate", "period", "component", aggfunc="first")
        for divisor, part in rows.groupby("denominator", sort=False)
    }
    periods = pd.Series(sorted(rows["period"].unique()))
    pressure = _pressure(sanctions, periods)
    windows, has_event = {"all periods": periods.min()}, False
    if event_date is not None:
        day = pd.Timestamp(day_of(event_date, what="event_date"))
        has_event = bool(periods.min() < day <= periods.max())
        later = periods[periods > day]
        if len(later) >= FEWEST_PERIODS:
            windows["after the event date"] = later.min()

    def response(
        sanctions: pd.Series, *, component: str, denominator: str, window: str, horizon: int
    ) -> pd.Series:
        rate = parts[denominator][component].astype("float64")
        used = pd.DataFrame({"x": sanctions, "y": rate / rate.std()}).loc[windows[window] :]
        used = used.rename_axis("period").reset_index()
        fit = local_projection(used, dependent="y", impulse="x", horizons=horizon, lags=1)
        return fit.table.iloc[-1]

    choices: dict[str, Sequence[object]] = {
        "component": list(components),
        "denominator": list(parts),
        "window": list(windows),
        "horizon": list(horizons),
    }
    fit = specification_curve(
        response,
        choices,
        sanctions=pressure,
        confounded={"window": ["all periods"]} if has_event and len(windows) > 1 else None,
        n_replicates=n_replicates,
        seed=seed,
    )
    findings = tuple(
        f"The median of {row['n_specifications']} {'confounded ' * row['confounded']}"
        f"specifications is {row['median']:+.2f} standard deviations, joint "
        f"{p_in_words(row['p_median'])} (compared with curves in which sanctions have no effect)."
        for row in fit.table.to_dict("records")
    )
    return replace(fit, sources=sources_of(rates), findings=findings)


def _covered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of periods that the source covers; all where it is not stated."""
    if "covered" not in rows:
        return rows
    return rows[rows["covered"].fillna(value=True).astype("bool")]


def _pressure(sanctions: object, periods: pd.Series) -> dict[str, pd.Series]:
    """Return the sanctions on each target and on both, by period, without those that are equal."""
    rows = _covered(frame(sanctions, ["target", "period", "n"])).dropna(subset="n")
    wide = rows.pivot_table("n", "period", "target", aggfunc="sum")
    if isinstance(sanctions, Result):
        wide = wide[[target for target in sanctions.query.targets or wide if target in wide]]
    wide = wide.reindex(pd.DatetimeIndex(periods, name="period")).astype("float64")
    named = {f"on {name_of(target)}": wide[target] for target in wide}
    if len(named) > 1:
        named["on both" if len(named) == 2 else "on all"] = wide.sum(axis=1)
    varying = {name: values for name, values in named.items() if values.min() < values.max()}
    if not varying:
        msg = f"The sanctions on {names_of(wide)} do not vary between periods."
        raise SanctlibError(f"{msg} Choose other senders, or a longer span.")
    return varying
