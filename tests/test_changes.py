"""`before_after`: one ratio per measure, its interval, and the ratio at other dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sanctlib as sl
from sanctlib.query import Query
from sanctlib.result import Source
from tests.conftest import ROOT

MONTHS = pd.date_range("2022-01-01", periods=8, freq="MS")


def acts(n: list[int], *, exposure: float = 100.0, kind: str = "intensity") -> sl.Result:
    column = "expected" if kind == "expected" else "exposure"
    table = pd.DataFrame({"period": MONTHS[: len(n)], "n": n, column: exposure, "covered": True})
    return sl.Result(table=table, kind=kind, query=Query(every="month", given=frozenset({"every"})))


def entries(n: list[int], lower: list[int], upper: list[int]) -> sl.Result:
    table = {"period": MONTHS[: len(n)], "n": n, "lower": lower, "upper": upper, "covered": True}
    query = Query(every="month", given=frozenset({"every"}))
    return sl.Result(table=pd.DataFrame(table), kind="counts", query=query)


def gaps(values: list[float]) -> sl.Result:
    years = pd.to_datetime([f"{2018 + i}-01-01" for i in range(len(values))])
    table = pd.DataFrame({"period": years, "value": values})
    return sl.Result(table=table, kind="gap", query=Query(every="year", given=frozenset({"every"})))


def row(result: sl.Result, date: str, **options: object) -> dict[str, object]:
    found = sl.metrics.before_after({"it": result}, date=date, **options)  # type: ignore[arg-type]
    return dict(found.table.iloc[0])


def tail_of(freedom: float) -> float:
    """The share outside 95 % of t, as a share of the normal."""
    return float(stats.norm.sf(stats.t.ppf(0.975, freedom)))


def welch(phi: tuple[float, float], n: tuple[int, int], free: tuple[float, float]) -> float:
    """Welch's degrees of freedom of a logarithm of two rates."""
    parts = [own / total for own, total in zip(phi, n, strict=True)]
    return sum(parts) ** 2 / sum(p**2 / f for p, f in zip(parts, free, strict=True))


def test_counts_without_dispersion_have_the_exact_binomial_interval() -> None:
    found = row(acts([5, 5, 5, 9, 9, 9]), "2022-04-01")
    tail = tail_of(welch((1, 1), (15, 27), (2, 2)))
    share = stats.binomtest(27, 42).proportion_ci(1 - 2 * tail, "exact")
    assert (found["dispersion_before"], found["dispersion_after"]) == (1, 1)
    assert found["ratio"] == pytest.approx(27 / 15)
    odds = [share.low / (1 - share.low), share.high / (1 - share.high)]
    assert [found["lower"], found["upper"]] == pytest.approx(odds)
    assert (found["level_before"], found["level_after"]) == (50, 90)
    assert (found["n_before"], found["n_after"]) == (15, 27)


def test_the_dispersion_of_each_side_scales_its_acts() -> None:
    n = [0, 10, 5, 0, 18, 9]
    found = row(acts(n), "2022-04-01")
    before, after = 2 * 25 / 5 / 2, 2 * 81 / 9 / 2
    # Residuals over their deviations: -1, 1, 0, -1, 1, 0 times the root of 1; lag 1 is -2 of 4.
    assert found["dispersion_before"] == pytest.approx(before)
    assert found["dispersion_after"] == pytest.approx(after)
    tail = tail_of(welch((before, after), (15, 27), (2, 2)))
    share = stats.beta(27 / after, 15 / before + 1).ppf(tail)
    assert found["lower"] == pytest.approx(share / (1 - share) * after / before)


def test_autocorrelation_widens_the_interval() -> None:
    # Around 10 on both sides, by 4: together +, +, -, -, and alternating +, -.
    together = row(acts([14, 14, 6, 6, 14, 14, 6, 6]), "2022-05-01")
    own = 4 * 1.6 / 3
    # Of eight equal squares, four products are positive and three negative; 2 / 8 are added.
    first = 1 / 8 + 2 / 8
    assert together["dispersion_before"] == pytest.approx(own * (1 + first) / (1 - first))
    apart = row(acts([14, 6, 14, 6, 14, 6, 14, 6]), "2022-05-01")
    assert apart["dispersion_before"] == pytest.approx(own)
    assert together["lower"] < apart["lower"]  # type: ignore[operator]


def test_a_step_at_the_date_is_no_dispersion() -> None:
    found = row(acts([1, 1, 1, 90, 90, 90]), "2022-04-01")
    assert (found["dispersion_before"], found["dispersion_after"]) == (1, 1)


def test_an_unequal_exposure_divides_each_side() -> None:
    result = acts([4, 4, 4, 4])
    table = result.table.assign(exposure=[100.0, 100.0, 200.0, 200.0])
    found = row(sl.Result(table=table, kind="intensity", query=result.query), "2022-03-01")
    assert found["ratio"] == pytest.approx(0.5)


def test_no_act_before_has_a_lower_bound_and_no_ratio() -> None:
    found = sl.metrics.before_after({"Arms": acts([0, 0, 0, 3, 4, 2])}, date="2022-04-01")
    only = found.table.iloc[0]
    assert np.isinf(only["ratio"])
    assert np.isinf(only["upper"])
    # No act has a dispersion of 1, and counts as half an act among the degrees of freedom.
    parts = 1 / 0.5, only["dispersion_after"] / 9
    freedom = sum(parts) ** 2 / sum(part**2 / 2 for part in parts)
    share = stats.beta(9 / only["dispersion_after"], 1).ppf(tail_of(freedom))
    scale = only["dispersion_after"] / only["dispersion_before"]
    assert only["lower"] == pytest.approx(share / (1 - share) * scale)
    assert "no finite multiple" in found.summary()[1]
    assert "no upper bound" in found.summary()[1]


@pytest.mark.parametrize(("day", "before", "after"), [("2022-04-01", 3, 5), ("2022-04-02", 3, 4)])
def test_the_period_that_contains_the_date_is_on_neither_side(
    day: str, before: int, after: int
) -> None:
    found = row(acts([1, 2, 3, 4, 5, 6, 7, 8]), day)
    assert (found["periods_before"], found["periods_after"]) == (before, after)


def test_periods_that_are_not_covered_are_left_out() -> None:
    result = acts([1, 2, 3, 4, 5, 6])
    table = result.table.assign(covered=[True, True, False, True, True, False])
    found = row(sl.Result(table=table, kind="intensity", query=result.query), "2022-04-01")
    assert (found["periods_before"], found["periods_after"]) == (2, 2)


def test_entries_have_bounds_of_their_dates_and_no_sampling_interval() -> None:
    found = row(entries([10, 10, 30, 30], [8, 10, 30, 30], [10, 12, 32, 30]), "2022-03-01")
    days = (31 + 28) / (31 + 30)
    assert found["ratio"] == pytest.approx(60 / 20 * days)
    assert found["lower"] == pytest.approx(60 / 22 * days)
    assert found["upper"] == pytest.approx(62 / 18 * days)
    assert found["interval"] == "bounds of the dates"


def test_means_have_the_interval_of_welch_for_their_logarithms() -> None:
    early, late = [2.0, 1.8, 2.2, 2.0], [1.0, 1.2, 0.8]
    found = row(gaps([*early, *late]), "2022-01-01")
    parts = [np.var(v, ddof=1) / len(v) / np.mean(v) ** 2 for v in (early, late)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 2)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(sum(parts))
    assert found["ratio"] == pytest.approx(0.5)
    assert found["upper"] == pytest.approx(0.5 * np.exp(reach))
    assert np.isnan(found["n_before"])  # type: ignore[call-overload]


def test_one_year_on_a_side_has_no_interval() -> None:
    assert np.isnan(row(gaps([2.0, 1.9, 1.0]), "2020-01-01")["lower"])  # type: ignore[call-overload]


def test_other_dates_have_enough_periods_on_each_side() -> None:
    found = sl.metrics.before_after({"it": acts([2] * 6 + [6, 6])}, date="2022-07-01", least=2)
    others = found.tables["other_dates"].set_index("date")["ratio"]
    assert [str(day.date()) for day in others.index] == [
        "2022-03-01",
        "2022-04-01",
        "2022-05-01",
        "2022-06-01",
    ]
    assert others["2022-06-01"] == pytest.approx((2 + 6 + 6) / 3 / 2)
    assert found.table["n_dates"].tolist() == [4]
    assert found.table["n_as_large"].tolist() == [0]


@pytest.mark.parametrize(
    ("late", "verdict"),
    [
        ([[90, 90, 90], [90, 90, 90]], "all rose"),
        ([[1, 1, 1], [1, 1, 1]], "all fell"),
        ([[10, 10, 10], [11, 9, 10]], "no change can be distinguished"),
        ([[90, 90, 90], [10, 10, 10]], "it depends on the measure"),
    ],
)
def test_the_title_says_whether_the_measures_agree(late: list[list[int]], verdict: str) -> None:
    measures = {f"measure {i}": acts([10, 10, 10, *n]) for i, n in enumerate(late)}
    found = sl.metrics.before_after(measures, date="2022-04-01")
    assert found.name == f"Level since 1 April 2022 over the level before: {verdict}"


def test_a_sentence_says_when_no_change_can_be_distinguished() -> None:
    same = sl.metrics.before_after({"it": acts([10, 10, 10, 11, 9, 10])}, date="2022-04-01")
    rise = sl.metrics.before_after({"it": acts([10, 10, 10, 90, 90, 90])}, date="2022-04-01")
    assert "not distinguishable from no change" in same.summary()[1]
    assert "not distinguishable" not in rise.summary()[1]


def curated() -> sl.Result:
    result = entries([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4])
    source = Source(key="mine", curated=True)
    return sl.Result(table=result.table, kind="counts", query=result.query, sources=(source,))


@pytest.mark.parametrize(
    ("measures", "date", "message"),
    [
        ({}, "2022-04-01", "without results by name"),
        (acts([1, 2, 3]), "2022-02-01", "without results by name"),
        ({"x": 3}, "2022-04-01", "'x' is not a result of an intensity"),
        ({"x": curated()}, "2022-03-01", "hand-picked list"),
        ({"x": acts([1, 2, 3])}, "2023-04-01", "no covered period after 2023-04-01"),
        ({"x": acts([1, 2, 3])}, "2022-01-01", "no covered period before 2022-01-01"),
        ({"x": acts([1, 2, 3])}, 2022, "date is"),
    ],
)
def test_what_has_no_level_is_refused(measures: object, date: object, message: str) -> None:
    with pytest.raises(sl.SanctlibError, match=message):
        sl.metrics.before_after(measures, date=date)  # type: ignore[arg-type]


def test_a_measure_that_ends_before_the_date_is_left_out_and_named() -> None:
    measures = {"ended": acts([1, 2, 3]), "it": acts([1, 2, 3, 4, 5, 6])}
    found = sl.metrics.before_after(measures, date="2022-05-01")
    assert found.table["measure"].tolist() == ["it"]
    assert "'ended' has no covered period after 2022-05-01." in found.caption


def test_several_rows_a_period_are_refused_with_the_fix() -> None:
    table = pd.concat([acts([1, 2, 3]).table] * 2)
    twice = sl.Result(table=table, kind="intensity")
    with pytest.raises(sl.SanctlibError, match=r"several rows for 2022-01-01.*filter"):
        sl.metrics.before_after({"x": twice}, date="2022-02-01")


def test_the_picture_fills_the_marks_whose_interval_excludes_one() -> None:
    measures = {"rise": acts([10, 10, 10, 90, 90, 90]), "same": acts([10, 10, 10, 11, 9, 10])}
    measures["never before"] = acts([0, 0, 0, 9, 8, 9, 9, 8])
    ax = sl.metrics.before_after(measures, date="2022-04-01").plot()
    drawn = {
        line.get_ydata()[0]: (line.get_marker(), line.get_markerfacecolor() != "white")  # type: ignore[index]
        for line in ax.lines
        if line.get_marker() != "None"
    }
    assert drawn == {2: ("o", True), 1: ("o", False), 0: (">", True)}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["never before", "same", "rise"]
    assert "0 before" in {text.get_text() for text in ax.texts}


def test_no_act_on_either_side_is_said_and_is_no_finding() -> None:
    found = sl.metrics.before_after(
        {"Arms": acts([0, 0, 0, 0]), "Talks": acts([9, 9, 90, 90])}, date="2022-03-01"
    )
    assert found.summary()[:2] == [
        "All measures, levels since 1 March 2022 compared with those before: higher: Talks; no act "
        "on either side: Arms.",
        "Arms: no act before or after 1 March 2022.",
    ]
    assert found.table.loc[0, ["ratio", "lower", "upper"]].isna().all()


def test_periods_before_the_first_day_are_left_out() -> None:
    found = row(acts([90, 1, 1, 3, 3, 3]), "2022-04-01", start="2022-02-01")
    assert (found["periods_before"], found["ratio"]) == (2, 3)


def test_the_answer_in_the_readme_is_what_the_data_give() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    asked: dict[str, Any] = {"every": "month", "among": "common_states"}
    rates = sl.partnership_intensity(sl.load("icews_monthly"), pair=("IRN", "RUS"), **asked)
    parts = {part: rates.filter(component=part) for part in ("material", "meetings")}
    table = sl.metrics.before_after(parts, date="2022-02-24").table
    material, talks = table[["ratio", "lower", "upper"]].to_numpy().tolist()
    assert (
        "is {:.1f} times its earlier level (95% interval {:.1f} to {:.0f}".format(*material) in text
    )
    assert "are {:.2f} times theirs ({:.2f} to {:.2f})".format(*talks) in text
    listed = sl.metrics.listings_by_sender([sl.load("ofac_sdn")], targets=["RUS", "IRN"]).table
    n = listed.assign(year=listed["period"].dt.year).set_index(["target", "year"])["n"]
    told = f"{n['RUS', 2022]:,} entries on Russia in 2022 and {n['RUS', 2025]:,} in 2025, and "
    assert f"{told}{n['IRN', 2022]:,} and {n['IRN', 2025]:,} on Iran" in text
