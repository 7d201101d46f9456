"""A series is read from a tidy table: what is not covered has no value, gaps are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.dates import period_of
from sanctlib.errors import MissingColumnsError, SanctlibError, SchemaError
from sanctlib.models._inputs import series_of


def monthly(n: list[float | None], covered: list[bool | None] | None = None) -> pd.DataFrame:
    periods = pd.date_range("2022-01-01", periods=len(n), freq="MS")
    table = pd.DataFrame({"period": periods, "n": pd.array(n, dtype="Float64")})
    return table if covered is None else table.assign(covered=pd.array(covered, dtype="boolean"))


def test_periods_not_covered_at_the_ends_are_dropped_and_counted() -> None:
    table = monthly([None, 1, 2, 3, 4], [True, True, True, True, False])
    data = series_of(table.iloc[::-1], ["n"])
    assert data.numbers.ravel().tolist() == [1, 2, 3]
    assert (data.dropped, data.every) == (2, "month")
    assert data.note == (
        "The series has 3 months, February 2022 to April 2022. "
        "Periods at its ends without a value or full coverage: 2."
    )


def test_both_coverages_of_a_merged_table_are_read() -> None:
    table = monthly([1, 2, 3]).assign(covered_x=[True, True, True], covered_y=[False, True, True])
    data = series_of(table, ["n"])
    assert data.numbers.ravel().tolist() == [2, 3]


def test_a_row_of_acts_without_a_period_is_none_of_the_series() -> None:
    table = pd.concat([monthly([1, 2]), pd.DataFrame({"period": [pd.NaT], "n": [7.0]})])
    data = series_of(table, ["n"])
    assert data.numbers.ravel().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (monthly([1, None, 3]), "'2022-02-01' has no value"),
        (
            monthly([1, 2, 3], [True, False, True]),
            "'2022-02-01' has no value or is not fully covered",
        ),
        (monthly([1, 2, 3], [None, None, None]), "known to be covered"),
        (monthly([1, 2, 3]).drop(index=1), "are not in a row"),
        (pd.concat([monthly([1]), monthly([2])]), "'2022-01-01' has several rows"),
        (pd.DataFrame({"period": [1, 2, 4], "n": 1.0}), "are not in a row"),
    ],
)
def test_what_is_no_series_is_refused(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(SanctlibError, match=message):
        series_of(table, ["n"])


def test_a_reading_and_a_missing_column_are_refused() -> None:
    with pytest.raises(SanctlibError, match=r"must be a pandas table or a Result. Pass its .table"):
        series_of(sl.load("ofac_sdn"), ["n"])
    with pytest.raises(MissingColumnsError, match="Did you mean 'n'"):
        series_of(monthly([1, 2]), ["N"])


def test_counts_of_a_hand_picked_list_are_no_series() -> None:
    counts = sl.sanction_counts(sl.load("russia_iran"), every="year", unit="act", by=[])
    with pytest.raises(SanctlibError, match="hand-picked"):
        sl.models.interrupted_series(counts, dependent="n", onset="2022-02-24")


@pytest.mark.parametrize(
    ("freq", "every"), [("D", "day"), ("W-MON", "week"), ("MS", "month"), ("QS", "quarter")]
)
def test_the_length_of_periods_is_read_from_their_first_days(freq: str, every: str) -> None:
    assert period_of(pd.Series(pd.date_range("2020-01-06", periods=9, freq=freq))) == every
    assert period_of(pd.Series(pd.to_datetime(["2020-01-01", "2020-01-05", "2021-01-01"]))) is None


def test_a_date_has_the_place_of_the_period_that_holds_it() -> None:
    data = series_of(monthly([1, 2, 3]), ["n"])
    days = [date(2022, 1, 31), date(2022, 2, 1), "2022-02", pd.Timestamp("2022-03-31")]
    assert [data.place(day) for day in days] == [0, 1, 1, 2]
    assert [data.place(day) for day in (pd.Period("2022-03"), np.datetime64("2022"))] == [2, 0]
    with pytest.raises(SanctlibError, match=r"onset is 2022. A number can be a year"):
        data.place(2022)


@pytest.mark.parametrize("day", [date(2021, 12, 31), "2022-04", "2030"])
def test_a_day_outside_the_periods_is_refused(day: str | date) -> None:
    data = series_of(monthly([1, 2, 3]), ["n"])
    with pytest.raises(SanctlibError, match=r"must lie in the periods .*2022-01-01 to 2022-03-31"):
        data.place(day)
    numbered = series_of(pd.DataFrame({"period": [1, 2, 3], "n": 1.0}), ["n"])
    with pytest.raises(SanctlibError, match=r"onset is 4. It must lie in the periods .* 1 to 3"):
        numbered.place(4)
    with pytest.raises(SanctlibError, match=r"onset is '2022'. It must be a whole number"):
        numbered.place("2022")


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.dt.strftime("%Y-%m-%d"),
        lambda p: p.dt.strftime("%Y-%m"),
        lambda p: p.dt.strftime("%Y-%m-%d 00:00:00"),
        lambda p: p.dt.date,
        lambda p: p.dt.to_period("M"),
        lambda p: p.astype("category"),
        lambda p: p.astype("datetime64[s]"),
    ],
)
def test_periods_of_any_form_are_days(change: Callable[[pd.Series], pd.Series]) -> None:
    table = monthly([1, 2, 3])
    data = series_of(table.assign(period=change(table["period"])), ["n"])
    assert data.every == "month"
    assert data.periods.eq(table["period"]).all()


def test_a_series_read_back_from_its_file_is_the_same() -> None:
    table = monthly([None, 2, 3], [False, True, True])
    read = pd.read_csv(StringIO(table.to_csv(index=False)))
    assert series_of(read, ["n"]).numbers.ravel().tolist() == [2, 3]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("period", pd.date_range("2022", periods=3, freq="MS", tz="UTC"), "the time zone UTC"),
        ("period", ["01/01/2022", "01/02/2022", "01/03/2022"], "period is '01/01/2022'. Write"),
        ("n", ["1", "2", "3"], "'n' holds text. It must hold numbers"),
        ("n", [1.0, np.inf, -np.inf], "'n' is infinite in 2 of 3 rows"),
        ("n", [1e101, 1, 2], "'n' holds numbers beyond 1e.100"),
        ("n", pd.date_range("2022", periods=3), "'n' holds days. It must hold numbers"),
        ("n", [1 + 1j, 2, 3], "'n' holds complex numbers"),
        ("covered", ["True", "False", "True"], "'covered' holds text"),
    ],
)
def test_what_is_no_day_or_number_is_refused(column: str, values: object, message: str) -> None:
    with pytest.raises(SanctlibError, match=message):
        series_of(monthly([1, 2, 3]).assign(**{column: values}), ["n"])


def test_columns_of_several_levels_or_of_one_name_are_refused() -> None:
    table = monthly([1, 2, 3])
    levels = table.set_axis(pd.MultiIndex.from_product([["a"], table]), axis=1)
    with pytest.raises(SchemaError, match=r"columns of 2 levels. Join them"):
        series_of(levels, ["n"])
    with pytest.raises(SchemaError, match="several columns 'n'"):
        series_of(pd.concat([table, table[["n"]]], axis=1), ["n"])
