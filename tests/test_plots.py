"""Figures show what the table holds: every group, gaps where values are missing, no overlap."""

from __future__ import annotations

import io
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError
from sanctlib.plots import (
    caption,
    plot_acts,
    plot_agreements,
    plot_counts,
    plot_fit,
    plot_gap,
    plot_intensity,
    plot_partners,
    plot_ratio,
    plot_stock,
    plot_timeline,
)
from sanctlib.plots.timeline import _spread

mpl.use("Agg")
WORDS = {"caption": "n = 3 acts.", "title": "Acts"}


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def counts(n: list[int | None], *, covered: list[bool] | None = None) -> pd.DataFrame:
    periods = pd.date_range("2022-01-01", periods=len(n), freq="MS")
    return pd.DataFrame(
        {
            "period": periods,
            "target": "RUS",
            "unit": "act",
            "n": pd.array(n, dtype="Int64"),
            "lower": pd.array(n, dtype="Int64"),
            "upper": pd.array(n, dtype="Int64"),
            "covered": pd.array(covered or [True] * len(n), dtype="boolean"),
        }
    )


def test_a_caption_names_n_unit_rule_source_and_end_of_the_data() -> None:
    text = caption(
        sl.load("ofac_sdn"), unit="entities", target_rule="programme", n=4961, note="Census."
    )
    assert text == (
        "n = 4,961 entities; target rule: programme. "
        "Source: ofac_sdn, 2021-08-18 to 2024-05-03. Census."
    )


def test_counts_are_drawn_as_steps_with_a_gap_where_a_value_is_missing() -> None:
    ax = plot_counts(counts([1, None, 3]), by="target", every="month", **WORDS)
    drawn = np.asarray(ax.lines[0].get_ydata(), dtype="float64")
    assert np.isnan(drawn).tolist() == [False, True, False, False]
    assert ax.get_ylabel() == "new acts per month"
    assert ax.get_title(loc="left") == "Acts"
    assert "n = 3 acts." in [t.get_text() for t in ax.texts]


def test_a_period_outside_coverage_is_hatched() -> None:
    ax = plot_counts(counts([1, 2], covered=[False, True]), by="target", every="month", **WORDS)
    hatched = [p for p in ax.patches if p.get_hatch()]
    assert len(hatched) == 1


def test_a_stock_says_that_it_is_in_force() -> None:
    table = counts([4, 5]).assign(unit="entity")
    assert (
        plot_stock(table, by="target", every="month", **WORDS).get_ylabel() == "entities in force"
    )


def test_more_groups_than_colours_are_refused_with_their_names() -> None:
    many = pd.concat([counts([1]).assign(target=f"S{i:02}") for i in range(8)])
    with pytest.raises(SanctlibError, match="7 groups apart, and got 8: S00, S01"):
        plot_counts(many, by="target", every="month", **WORDS)


def test_a_table_of_something_else_is_refused() -> None:
    with pytest.raises(MissingColumnsError, match="plot_counts needs the column 'covered'"):
        plot_counts(counts([1]).drop(columns="covered"), by="target", every="month", **WORDS)


def intensity(*, too_few: bool) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "period": pd.date_range("2018-01-01", periods=3, freq="W-MON"),
            "component": "material",
            "rate": [1.0, 2.0, 3.0],
            "lower": [0.5, 1.0, 2.0],
            "upper": [2.0, 3.0, 4.0],
            "band_low": 0.1,
            "band_high": 1.5,
            "too_few": too_few,
            "covered": True,
        }
    )


@pytest.mark.parametrize("too_few", [True, False])
def test_few_acts_are_points_without_a_line_and_said_to_be_few(*, too_few: bool) -> None:
    table = intensity(too_few=too_few)
    ax = plot_intensity(table, component="material", every="week", **WORDS)
    assert ("too few to trend" in [t.get_text() for t in ax.texts]) is too_few
    assert ax.lines[0].get_linestyle() == ("None" if too_few else "-")


def test_an_unknown_component_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SanctlibError, match=r"no component 'arms'\. Known: material"):
        plot_intensity(intensity(too_few=False), component="arms", every="week", **WORDS)


def test_a_year_without_votes_is_a_gap_in_the_line() -> None:
    table = sl.load("un_ideal_points").table
    pair = table[table["first"].eq("IRN") & table["second"].eq("USA")]
    line = plot_gap(pair, **WORDS).lines[0]
    years = np.asarray(line.get_xdata(), dtype="int64")
    values = np.asarray(line.get_ydata(), dtype="float64")
    assert years[np.isnan(values)].tolist() == [1964]


def test_an_act_of_several_rows_is_one_label_and_partly_confirmed_ones_are_open() -> None:
    acts = pd.DataFrame(
        {
            "act_id": ["1", "1", "2"],
            "date": pd.to_datetime(["2022-02-25", "2022-02-25", "2022-03-01"]),
            "title": ["First act", "First act", "Second act"],
            "status": ["confirmed", "confirmed", "partly"],
        }
    )
    ax = plot_timeline(acts, sides={"left": [True, True, True]}, **WORDS)
    labels = [t.get_text() for t in ax.texts]
    assert sum("First act" in t for t in labels) == 1
    assert any("Second act (partly" in t.replace("\n", " ") for t in labels)
    marks = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    assert marks.count("white") == 1


def test_a_timeline_without_acts_says_so() -> None:
    acts = pd.DataFrame({"act_id": [], "date": pd.to_datetime([]), "title": [], "status": []})
    ax = plot_timeline(acts, sides={"left": []}, **WORDS)
    assert "no act on our list" in [t.get_text() for t in ax.texts]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=25), st.data())
def test_labels_keep_their_order_and_never_overlap(days: list[float], data: st.DataObject) -> None:
    at = np.sort(np.asarray(days))
    size = st.floats(0.5, 4)
    heights = np.asarray(data.draw(st.lists(size, min_size=len(at), max_size=len(at))))
    places = _spread(at, heights, 0.0, 100.0)
    apart = np.diff(places) - (heights[:-1] + heights[1:]) / 2
    assert (apart >= -1e-9).all()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=12, unique=True))
def test_labels_with_room_stay_at_their_days(days: list[int]) -> None:
    at = np.sort(np.asarray(days, dtype="float64")) * 10 + 5
    places = _spread(at, np.full(len(at), 2.0), 0.0, 520.0)
    assert np.allclose(places, at)


def test_dollars_are_amounts_not_a_formula() -> None:
    told = {"caption": "$1 and $2.", "title": "Drones for $1.7bn and $2bn_x"}
    ax = plot_counts(counts([1, 2]), by="target", every="month", labels={"RUS": "$a$"}, **told)
    shown = [ax.get_title(loc="left"), *(t.get_text() for t in ax.texts)]
    shown += [t.get_text() for t in ax.get_legend().get_texts()]
    assert [t.count("\\$") for t in shown] == [2, 2, 2]


def test_a_long_title_is_broken_into_lines() -> None:
    words = WORDS | {"title": "a long title " * 12}
    ax = plot_counts(counts([1]), by="target", every="month", **words)
    assert max(len(line) for line in ax.get_title(loc="left").split("\n")) <= 90


def test_an_empty_table_says_so() -> None:
    ax = plot_counts(counts([]), by="target", every="month", **WORDS)
    assert "no values" in [t.get_text() for t in ax.texts]
    ax.figure.savefig(io.BytesIO())
    assert not any(t.get_visible() for t in ax.get_xticklabels() if t.get_text())
    gap = plot_gap(gaps([]), **WORDS)
    assert "no values" in [t.get_text() for t in gap.texts]


def gaps(years: list[int]) -> pd.DataFrame:
    days = pd.to_datetime([f"{year}-01-01" for year in years])
    table = pd.DataFrame({"date": days, "value": 1.0, "lower": 0.5, "upper": 2.0})
    return table.assign(first="IRN", second="RUS").astype({"first": "str", "second": "str"})


def test_a_year_between_gaps_is_a_mark_with_its_interval() -> None:
    ax = plot_gap(gaps([2000, 2001, 2005]), **WORDS)
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert [list(map(int, np.asarray(line.get_xdata()))) for line in marks] == [[2005]]


def test_two_values_of_one_pair_and_year_are_an_error() -> None:
    with pytest.raises(SanctlibError, match="one value per pair and year"):
        plot_gap(gaps([2000, 2000]), **WORDS)


def test_a_line_of_zeros_is_told_from_the_axis_and_from_fractions() -> None:
    bottom, top = plot_counts(counts([0, 0]), by="target", every="month", **WORDS).get_ylim()
    assert bottom < 0
    assert top == 1


def test_one_period_of_co_operation_has_a_width() -> None:
    table = pd.DataFrame({"period": pd.to_datetime(["2018-01-01"]), "component": "meetings"})
    numbers = {"rate": 3.0, "lower": 2.0, "upper": 7.0, "band_low": 0.1, "band_high": 2.0}
    table = table.assign(**numbers, too_few=False, covered=True)
    ax = plot_intensity(table, component="meetings", every="week", **WORDS)
    left, right = ax.get_xlim()
    assert right - left == 7
    ax.figure.savefig(io.BytesIO())


def test_a_timeline_claims_no_day_that_is_not_known() -> None:
    first = ["2022-08-01", "2022-01-01", "2022-08-19", "2022-08-18"]
    last = ["2022-08-31", "2022-12-31", "2022-08-19", "2022-08-20"]
    acts = pd.DataFrame({"act_id": list("abcd"), "title": "drones", "status": "confirmed"})
    acts = acts.assign(date=pd.to_datetime(first), date_last=pd.to_datetime(last))
    ax = plot_timeline(acts, sides={"all": [True] * 4}, **WORDS)
    labels = [t.get_text().replace("\n", " ") for t in ax.texts if "drones" in t.get_text()]
    assert sorted(labels) == [
        "18 Aug 2022 to 20 Aug 2022  drones",
        "19 Aug 2022  drones",
        "2022  drones",
        "Aug 2022  drones",
    ]


def test_a_timeline_within_a_year_has_its_months_on_the_axis() -> None:
    acts = pd.DataFrame({"act_id": ["a", "b"], "title": "act", "status": "confirmed"})
    acts = acts.assign(date=pd.to_datetime(["2023-09-10", "2023-12-05"]))
    ax = plot_timeline(acts, sides={"all": [True, True]}, **WORDS)
    ax.figure.canvas.draw()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert {"Oct 2023", "Nov 2023", "Dec 2023"} <= set(labels)


def test_a_timeline_of_decades_has_no_more_years_than_fit() -> None:
    acts = pd.DataFrame({"act_id": ["a", "b"], "title": "act", "status": "confirmed"})
    acts = acts.assign(date=pd.to_datetime(["1979-01-01", "2018-01-01"]))
    ax = plot_timeline(acts, sides={"all": [True, True]}, **WORDS)
    assert 2 <= len(ax.get_yticks()) <= 12


def test_a_side_that_marks_other_rows_is_an_error() -> None:
    acts = pd.DataFrame({"act_id": ["a"], "title": "act", "status": "confirmed"})
    acts = acts.assign(date=pd.to_datetime(["1979-01-01"]))
    with pytest.raises(SanctlibError, match="'all' marks 2 rows, and there are 1"):
        plot_timeline(acts, sides={"all": [True, True]}, **WORDS)


def legend(ax: object) -> list[str]:
    return [t.get_text() for t in ax.get_legend().get_texts()]  # type: ignore[attr-defined]


def test_every_figure_says_in_its_legend_what_a_blank_means() -> None:
    uncovered = "not wholly covered: blank is not zero"
    table = intensity(too_few=False).assign(covered=[True, False, False])
    assert (
        legend(plot_intensity(table, component="material", every="week", **WORDS)).count(uncovered)
        == 1
    )
    assert uncovered not in legend(
        plot_intensity(intensity(too_few=False), component="material", every="week", **WORDS)
    )
    cut = counts([1, None, 3], covered=[True, False, True])
    told = legend(plot_counts(cut, by="target", every="month", **WORDS))
    assert told == ["RUS", uncovered, "break in a line: no value, not zero"]
    assert legend(plot_counts(counts([0, 0]), by="target", every="month", **WORDS)) == ["RUS"]
    votes = sl.load("un_ideal_points").table
    pair = votes[votes["first"].eq("IRN") & votes["second"].eq("USA")]
    assert legend(plot_gap(pair, **WORDS)) == ["IRN-USA", "no value: blank is not zero"]
    # A year that one pair lacks and another has is a break in a line, and not hatched.
    one = pd.concat([gaps([2000, 2002]), gaps([2000, 2001, 2002]).assign(second="USA")])
    assert legend(plot_gap(one, **WORDS))[-1] == "break in a line: no value, not zero"


def test_a_rate_names_what_divides_it_and_two_divisors_are_refused() -> None:
    table = intensity(too_few=False).assign(denominator="either")
    ax = plot_intensity(table, component="material", every="week", **WORDS)
    assert ax.get_ylabel() == "reported acts per 1,000\nof either state's, by week"
    both = pd.concat([table, table.assign(denominator="all")])
    with pytest.raises(SanctlibError, match="draws one denominator, and got"):
        plot_intensity(both, component="material", every="week", **WORDS)


def ratios(ratio: list[float | None]) -> pd.DataFrame:
    periods = pd.date_range("2018-01-01", periods=len(ratio), freq="QS")
    table = pd.DataFrame({"period": periods, "ratio": pd.Series(ratio, dtype="float64")})
    return table.assign(lower=table["ratio"] / 2, upper=table["ratio"] + 1, covered=True)


def test_a_ratio_is_drawn_around_one_and_none_is_told_from_zero() -> None:
    ax = plot_ratio(ratios([2.0, None, 0.0]), every="quarter", **WORDS)
    assert ax.get_yscale() == "log"
    assert legend(ax) == [
        "as the activity of both explains",
        "observed over expected, with interval",
        "0: no act",
        "no mark: no answer, not zero",
    ]
    low, high = ax.get_ylim()
    assert 0 < low < 1 < high
    ax.figure.savefig(io.BytesIO())
    empty = plot_ratio(ratios([None]), every="quarter", **WORDS)
    assert "no values" in [t.get_text() for t in empty.texts]


def test_agreements_in_force_and_what_fades_are_two_lines() -> None:
    found = sl.active_agreements(
        sl.load("russia_iran"), pair=("RUS", "IRN"), every="year", half_life=1
    )
    ax = plot_agreements(found, every="year", **WORDS)
    assert legend(ax)[:3] == [
        "agreements in force",
        "in force through a bloc",
        "visits, declarations, memoranda,\nhalf-life 1 years",
    ]
    assert np.asarray(ax.lines[0].get_ydata(), dtype="float64")[-2:].tolist() == [2, 2]
    assert ax.get_ylabel() == "how many, on our list"
    nobody = plot_agreements(found.assign(recent=np.nan), every="year", **WORDS)
    assert "no values" in [t.get_text() for t in nobody.texts]


def test_acts_are_a_row_of_marks_per_sender_the_busiest_on_top() -> None:
    acts = pd.DataFrame(
        {
            "act_id": ["1", "1", "2", "3"],
            "date": pd.to_datetime(["2022-02-24", "2022-02-24", "2022-03-01", "2022-04-01"]),
            "sender": ["USA", "USA", "USA", "EU"],
            "status": ["confirmed", "confirmed", "partly", "confirmed"],
        }
    )
    ax = plot_acts(acts, **WORDS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["EU (1)", "USA (2)"]
    confirmed, partly = ax.lines
    assert list(confirmed.get_ydata()) == [1, 0]
    assert list(partly.get_ydata()) == [1]
    assert partly.get_markerfacecolor() == "white"
    assert "no values" in [text.get_text() for text in plot_acts(acts.iloc[:0], **WORDS).texts]
    with pytest.raises(MissingColumnsError, match="plot_acts needs"):
        plot_acts(acts.drop(columns="status"), **WORDS)


def test_partners_stand_before_their_band_and_few_acts_are_open() -> None:
    partners = pd.DataFrame(
        {
            "partner": ["China", "Chad"],
            "n_acts": [1225, 11],
            "rate": [0.5, 0.1],
            "rate_low": [0.2, 0.0],
            "rate_high": [0.9, 0.3],
            "band_low": [0.0, 0.0],
            "band_high": [0.3, 0.2],
            "too_few": [False, True],
        }
    )
    ax = plot_partners(partners, **WORDS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Chad (11)", "China (1,225)"]
    assert [patch.get_width() for patch in ax.patches] == [0.2, 0.3]
    assert [(line.get_xdata()[0], line.get_markerfacecolor()) for line in ax.lines] == [
        (0.5, "#0072B2"),
        (0.1, "white"),
    ]
    plot_partners(partners.assign(too_few=pd.NA), **WORDS)
    assert "no values" in [t.get_text() for t in plot_partners(partners.iloc[:0], **WORDS).texts]


def step() -> pd.DataFrame:
    y = np.random.default_rng(1).normal(size=40) + 5.0 * (np.arange(40) >= 25)
    return pd.DataFrame({"period": pd.date_range("2020-01-01", periods=40, freq="MS"), "y": y})


def test_a_fit_of_a_series_is_drawn_with_what_would_have_been_expected() -> None:
    fit = sl.fit_interrupted_series(step(), value="y", at=pd.Timestamp("2022-02-01").date())
    ax = plot_fit(fit, **WORDS)
    assert [line.get_label() for line in ax.lines] == ["value", "fitted", "expected"]
    expected = np.asarray(ax.lines[2].get_ydata(), dtype="float64")
    assert np.isnan(expected).sum() == 25
    assert len(plot_fit(sl.find_breaks(step().set_index("period")["y"]), **WORDS).lines) == 2


def test_responses_are_drawn_by_horizon_and_estimates_below_each_other() -> None:
    table = step().assign(x=np.random.default_rng(2).normal(size=40))
    ax = plot_fit(sl.fit_local_projection(table, x="x", y="y", horizons=3, lags=1), **WORDS)
    assert np.asarray(ax.lines[1].get_xdata()).tolist() == [0, 1, 2, 3]
    rows = pd.DataFrame({"term": ["a", "b"], "estimate": [1.0, 2.0], "lower": 0.5, "upper": 3.0})
    ax = plot_fit(sl.Fit(name="own", table=rows.assign(scale="rate ratio"), notes=()), **WORDS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "ratio (logarithmic)")


def test_a_fit_without_estimates_is_not_drawn() -> None:
    with pytest.raises(SanctlibError, match="no series and no estimates"):
        plot_fit(sl.Fit(name="tests", table=pd.DataFrame({"p_value": [0.1]}), notes=()), **WORDS)
