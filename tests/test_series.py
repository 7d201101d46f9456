"""A series is read from a tidy table: what is not covered has no value, gaps are refused."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.models.series import series_of
from sanctlib.periods import period_of


def monthly(n: list[float | None], covered: list[bool | None] | None = None) -> pd.DataFrame:
    periods = pd.date_range("2022-01-01", periods=len(n), freq="MS")
    table = pd.DataFrame({"period": periods, "n": pd.array(n, dtype="Float64")})
    return table if covered is None else table.assign(covered=pd.array(covered, dtype="boolean"))


def test_periods_not_covered_at_the_ends_are_dropped_and_counted() -> None:
    table = monthly([None, 1, 2, 3, 4], [True, True, True, True, False])
    data = series_of(table.iloc[::-1], ["n"], period="period", needed_by="a test")
    assert data.numbers.ravel().tolist() == [1, 2, 3]
    assert (data.dropped, data.every) == (2, "month")
    assert data.note().startswith("3 periods, 2022-02-01 to 2022-04-01; 2 at the ends dropped")


def test_both_coverages_of_a_merged_table_are_read() -> None:
    table = monthly([1, 2, 3]).assign(covered_x=[True, True, True], covered_y=[False, True, True])
    data = series_of(table, ["n"], period="period", needed_by="a test")
    assert data.numbers.ravel().tolist() == [2, 3]


def test_a_row_of_acts_without_a_period_is_none_of_the_series() -> None:
    table = pd.concat([monthly([1, 2]), pd.DataFrame({"period": [pd.NaT], "n": [7.0]})])
    data = series_of(table, ["n"], period="period", needed_by="a test")
    assert data.numbers.ravel().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (monthly([1, None, 3]), "'2022-02-01' has no value"),
        (monthly([1, 2, 3], [True, False, True]), "'2022-02-01' has no value or is not wholly"),
        (monthly([1, 2, 3], [None, None, None]), "known to be covered"),
        (monthly([1, 2, 3]).drop(index=1), "in a row, or numbers"),
        (pd.concat([monthly([1]), monthly([2])]), "'2022-01-01' has several"),
        (pd.DataFrame({"period": [1, 2, 4], "n": 1.0}), "in a row, or numbers"),
    ],
)
def test_what_is_no_series_is_refused(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(SanctlibError, match=message):
        series_of(table, ["n"], period="period", needed_by="a test")


def test_a_reading_and_a_missing_column_are_refused() -> None:
    with pytest.raises(SanctlibError, match=r"row per period.*got a Reading"):
        series_of(sl.load("ofac_sdn"), ["n"], period="period", needed_by="a test")  # type: ignore[arg-type]
    with pytest.raises(MissingColumnsError, match="Did you mean 'n'"):
        series_of(monthly([1, 2]), ["N"], period="period", needed_by="a test")


def test_counts_of_a_hand_picked_list_are_no_series() -> None:
    counts = sl.sanction_counts(sl.load("russia_iran"), every="year", unit="act", by=[])
    with pytest.raises(SanctlibError, match="hand-picked"):
        sl.fit_interrupted_series(counts, value="n", at=date(2022, 2, 24))


@pytest.mark.parametrize(
    ("freq", "every"), [("D", "day"), ("W-MON", "week"), ("MS", "month"), ("QS", "quarter")]
)
def test_the_length_of_periods_is_read_from_their_first_days(freq: str, every: str) -> None:
    assert period_of(pd.Series(pd.date_range("2020-01-06", periods=9, freq=freq))) == every
    assert period_of(pd.Series(pd.to_datetime(["2020-01-01", "2020-01-05", "2021-01-01"]))) is None


def test_a_date_has_the_place_of_the_period_that_holds_it() -> None:
    data = series_of(monthly([1, 2, 3]), ["n"], period="period", needed_by="a test")
    days = [date(2021, 12, 31), date(2022, 1, 31), date(2022, 2, 1), date(2030, 1, 1)]
    assert [data.place(day, needed_by="a test") for day in days] == [-1, 0, 1, 2]
    with pytest.raises(SanctlibError, match="needs a date"):
        data.place(2022, needed_by="a test")
