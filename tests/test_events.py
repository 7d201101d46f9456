"""Event studies: published results, cases worked by hand, known effects, chance, refusals."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError, SchemaError
from sanctlib.models._design import combined, design_of, stacked
from sanctlib.models.events import relative_bounds
from sanctlib.query import ask
from sanctlib.result import Fit, Source

STATES = [f"{a}{b}Q" for a in "ABCDEFGH" for b in "ABCDE"]


def made(n_states: int = 20, n_periods: int = 10, seed: int = 1) -> pd.DataFrame:
    """States with a level each and shocks of the period, nothing else."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        itertools.product(STATES[:n_states], range(n_periods)), columns=["target", "period"]
    )
    values = rng.normal(size=n_states)[:, None] * 3 + rng.normal(size=n_periods) * 2
    return rows.assign(y=(values + rng.normal(size=values.shape)).ravel())


def quiet(changes: list[float], n_controls: int = 10) -> pd.DataFrame:
    """States that change by so much in period 2 of 4, and controls that never change."""
    of = dict(zip(STATES, [*changes, *([0.0] * n_controls)], strict=False))
    rows = pd.DataFrame(itertools.product(of, range(4)), columns=["target", "period"])
    rows["y"] = rows["target"].map(of) * rows["period"].ge(2)
    return rows


def study(panel: object, onsets: object, **changed: object) -> Fit:
    usual = {
        "dependent": "y",
        "before": 2,
        "after": 1,
        "target_columns": ["target"],
        "n_replicates": 19,
    }
    return sl.models.event_study(panel, onsets=onsets, **usual | changed)


def test_weights_are_those_of_the_published_regression(real_data: Path) -> None:
    """R15: fixest's sunab on base_stagg, ATT -1.133749 (.194764), x1 .994678 (.018823), iid."""
    rows = pd.read_csv(real_data / "series" / "base_stagg.csv").rename(columns={"year": "period"})
    cohorts = ["year_treated", "period"]
    onsets = rows[rows["year_treated"].lt(10_000)].drop_duplicates("id")
    onsets = pd.DataFrame({"target": onsets["id"], "period": onsets["year_treated"].astype(int)})

    def average(values: pd.Series) -> float:
        """The mean over all treated rows, each horizon with the cohorts that reach it."""
        found = []
        for after in range(9):
            design = design_of(
                rows.assign(y=values),
                "y",
                target_columns=["id"],
                window=(1, after),
                repeats="first",
                controls="never",
                vcov=None,
            )
            doses = design.placed(onsets, pd.Series(1.0, onsets.index), what="onsets")
            stacks = stacked(design, doses)
            n = sum(len(s.treated) for s in stacks)
            found.append((combined(stacks, len(design.units))[0][-1] * n, n))
        effects, sizes = zip(*found, strict=True)
        return sum(effects) / sum(sizes)

    within = {
        name: rows[name]
        - rows.groupby("id")[name].transform("mean")
        - rows.groupby(cohorts)[name].transform("mean")
        + rows.groupby("year_treated")[name].transform("mean")
        for name in ("y", "x1")
    }
    spread = (within["x1"] ** 2).sum()
    slope = (within["x1"] * within["y"]).sum() / spread
    sigma2 = ((within["y"] - slope * within["x1"]) ** 2).sum() / (950 - 186)
    effect = average(rows["y"] - slope * rows["x1"])
    assert [slope, effect] == pytest.approx([0.994678, -1.133749], abs=5e-7)
    # The weight of a row is the average of 1 there and 0 elsewhere; units of a cohort are alike.
    firsts = rows.drop_duplicates(cohorts)
    weights = pd.Series(
        [average(pd.Series(rows.index == i, rows.index, dtype="float64")) for i in firsts.index],
        pd.MultiIndex.from_frame(firsts[cohorts]),
    ).reindex(pd.MultiIndex.from_frame(rows[cohorts]))
    weights = weights.to_numpy() - average(rows["x1"]) * within["x1"].to_numpy() / spread
    errors = [np.sqrt(sigma2 / spread), np.sqrt(sigma2 * (weights**2).sum())]
    assert errors == pytest.approx([0.018823, 0.194764], abs=5e-7)


def test_one_period_of_onsets_is_a_t_interval_of_the_changes() -> None:
    """Changes 1, 2, 3, 4, 5 beside controls that stand still: mean 3, error sqrt(2.5 / 5)."""
    onsets = pd.DataFrame({"target": STATES[:5], "period": 2})
    fit = study(quiet([1, 2, 3, 4, 5]), onsets)
    expected = stats.ttest_1samp([1, 2, 3, 4, 5], 0)
    bounds = expected.confidence_interval()
    for time in (0, 1):
        row = fit.table.set_index("event_time").loc[time]
        assert row[["estimate", "std_error"]].tolist() == pytest.approx([3, 0.5**0.5])
        assert row[["p_value", "lower", "upper"]].tolist() == pytest.approx(
            [expected.pvalue, bounds.low, bounds.high]
        )
    assert fit.table["estimate"].tolist()[:2] == [0, 0]
    assert (
        fit.table[["n_onsets", "n_targets", "n_treated", "n_controls"]]
        .eq([5, 5, 5, 10])
        .all(axis=None)
    )


def test_stacks_weigh_as_many_treated_as_they_have() -> None:
    """Three change by 1 in period 2, two by 6 in period 4: (3 x 1 + 2 x 6) / 5, not their mean.

    Those of period 4 are controls in period 2, where they stand still; those of period 2 no
    controls in period 4, where they go on to grow.
    """
    rows = pd.DataFrame(itertools.product(STATES[:8], range(6)), columns=["target", "period"])
    early, late = rows["target"].isin(STATES[:3]), rows["target"].isin(STATES[3:5])
    since = rows["period"] - np.where(early, 2, 4) + 1
    rows["y"] = np.where(since > 0, since, 0) * np.select([early, late], [1.0, 6.0], 0.0)
    onsets = pd.DataFrame({"target": STATES[:5], "period": [2, 2, 2, 4, 4]})
    fit = study(rows, onsets)
    assert fit.table["estimate"].tolist() == pytest.approx([0, 0, 3, 6])
    assert fit.table["n_controls"].tolist() == [5] * 4


def test_growing_effects_are_found_where_the_usual_regression_is_wrong() -> None:
    """Effects of 1, 2, 3, 4 since the onset; two-way effects mix earlier treated into controls."""
    rows = made(40, 12)
    starts = dict(zip(STATES, [*np.repeat([3, 5, 7], 12), *[99] * 4], strict=True))
    since = rows["period"] - rows["target"].map(starts) + 1
    rows["y"] += since.clip(lower=0)
    onsets = pd.DataFrame({"target": STATES[:36], "period": list(starts.values())[:36]})
    fit = study(rows, onsets, before=3, after=3)
    found = fit.table.set_index("event_time")
    truth = pd.Series([1.0, 2.0, 3.0, 4.0])
    assert (found["estimate"].loc[0:].to_numpy() - truth).abs().max() < 0.6
    assert found["lower"].loc[0:].lt(truth).all()
    assert found["upper"].loc[0:].gt(truth).all()
    on = since.gt(0) * 1.0
    within = [
        v
        - v.groupby(rows["target"]).transform("mean")
        - v.groupby(rows["period"]).transform("mean")
        for v in (on - on.mean(), rows["y"] - rows["y"].mean())
    ]
    usual = (within[0] * within[1]).sum() / (within[0] ** 2).sum()
    mean_effect = since[since.gt(0)].mean()
    assert usual < 0.5 * mean_effect


@pytest.mark.parametrize(("repeats", "n_onsets"), [("drop", 7), ("first", 7), ("keep", 9)])
def test_repeats_follow_the_rule_that_is_named(repeats: str, n_onsets: int) -> None:
    """A is hit in 3 and 5, in one window; B in 3 and 9; five more in 3; eight never.

    drop leaves out both of A; first leaves out the second of A and of B; the two targets'
    other periods are no controls under any rule.
    """
    onsets = pd.DataFrame(
        {"target": [*STATES[:5], *STATES[5:7] * 2], "period": [3, 3, 3, 3, 3, 3, 3, 5, 9]}
    )
    fit = study(made(15, 12), onsets, after=2, repeats=repeats)
    assert fit.table["n_onsets"].unique().tolist() == [n_onsets]
    near = {"drop": 2, "first": 2, "keep": 0}[repeats]
    assert f"{near} follow or are close to another one (repeats={repeats!r})." in fit.notes[1]


def test_controls_follow_the_rule_that_is_named() -> None:
    """Five of 15 are hit in 3, three in 8, one before the panel begins.

    not_yet: six never hit, and the three of 8 in period 3; quiet: in 8 those of 3 as well.
    """
    onsets = pd.DataFrame({"target": STATES[:9], "period": [3] * 5 + [8] * 3 + [-4]})
    n = [
        study(made(15, 12), onsets, controls=rule).table["n_controls"][0]
        for rule in ("not_yet", "never", "quiet")
    ]
    assert n == [9, 6, 15]


def test_a_dose_is_taken_for_proportional() -> None:
    """Changes of 2 per dose; a dose of 0 is no onset, and its state a control."""
    doses = [1.0, 2.0, 3.0, 4.0, 5.0, 0.0]
    onsets = pd.DataFrame({"target": STATES[:6], "period": 2, "n": doses})
    fit = study(quiet([2 * d for d in doses]), onsets, dose="n")
    assert fit.table["estimate"].tolist() == pytest.approx([0, 0, 2, 2])
    assert fit.table["n_controls"].unique().tolist() == [11]


def test_onsets_near_wars_and_because_of_the_outcome_stand_apart() -> None:
    """Two of six have a war in their window; three others were for the partnership."""
    onsets = pd.DataFrame(
        {"target": STATES[:6], "period": 2, "partner": [False, False, False, True, True, True]}
    )
    wars = pd.DataFrame({"target": [*STATES[:2], STATES[9]], "period": [0, 3, 2]})
    fit = study(quiet([9, 7, 1, 2, 3, 4]), onsets, wars=wars, because="partner")
    apart = fit.tables["subsets"].set_index("onsets")
    assert apart.index.tolist()[1:3] == ["war of the target in the window", "no war in the window"]
    assert apart["estimate"].tolist() == pytest.approx([26 / 6, 8, 2.5, 3, 17 / 3])
    assert apart["n_onsets"].tolist() == [6, 2, 4, 3, 3]


def test_each_target_is_left_out_in_turn() -> None:
    onsets = pd.DataFrame({"target": STATES[:6], "period": 2})
    fit = study(quiet([1, 1, 1, 1, 1, 7]), onsets)
    found = fit.tables["leave_one_out"].set_index("without")["estimate"]
    assert found.tolist() == pytest.approx([2.2] * 5 + [1])
    assert found.index.tolist() == STATES[:6]


def test_dates_are_put_in_their_periods_and_uncovered_values_are_none() -> None:
    """Of six onsets on days of 2004 one lacks a covered year in its window."""
    rows = made(20, 8)
    rows["period"] = pd.to_datetime((rows["period"] + 2001).astype("str") + "-01-01")
    rows["covered"] = ~(rows["target"].eq(STATES[0]) & rows["period"].eq("2005-01-01"))
    onsets = pd.DataFrame({"target": STATES[:6], "period": pd.Timestamp("2004-03-17")})
    onsets = pd.concat([onsets, onsets.tail(1)])
    fit = study(rows, onsets)
    assert fit.table["n_onsets"].unique().tolist() == [5]
    assert "Of 6 onsets in the panel, 1 lack a full window" in fit.notes[1]


def test_a_pair_is_treated_by_an_onset_on_either_side() -> None:
    """36 states, five hit in period 3: 5 x 31 pairs with one of them, 10 with two; 465 without."""
    rows = pd.DataFrame(itertools.combinations(STATES[:36], 2), columns=["first", "second"])
    rows = rows.merge(pd.DataFrame({"period": range(6)}), how="cross")
    rng = np.random.default_rng(1)
    rows["y"] = rng.normal(size=len(rows))
    hit = rows[["first", "second"]].isin(STATES[:5]).any(axis=1) & rows["period"].ge(3)
    onsets = pd.DataFrame({"target": STATES[:5], "period": 3})
    fit = sl.models.event_study(
        rows.assign(y=rows["y"] + 2 * hit),
        dependent="y",
        onsets=onsets,
        before=2,
        after=2,
        n_replicates=39,
    )
    assert fit.table[["n_onsets", "n_targets", "n_treated", "n_controls"]].iloc[0].tolist() == [
        5,
        5,
        165,
        465,
    ]
    average = fit.tables["average"].iloc[0]
    assert average["lower"] < 2 < average["upper"]
    assert average["p_placebo"] == 1 / 40
    assert any("36 states, of which G = 5 have onsets" in note for note in fit.notes)


def test_the_reverse_direction_sees_what_the_outcome_did_before() -> None:
    """Onsets fall on the states whose outcome rose most in the two periods before."""
    rows = made(40, 8)
    wide = rows.pivot_table("y", "target", "period")
    growth = (wide[3] - wide[2]).sort_values()
    onsets = pd.DataFrame({"target": growth.index[-10:], "period": 4})
    reverse = study(rows, onsets).tables["reverse"].set_index("term")
    assert reverse.loc["change", "estimate"] > 0
    assert reverse.loc["change", "p_value"] < 0.01


def test_placebos_reject_as_often_as_they_say_where_nothing_happens() -> None:
    """60 panels, 8 targets of 20: p is at most 0.2 in 12 of them, give or take 9."""
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        onsets = pd.DataFrame({"target": STATES[:8], "period": rng.integers(3, 7, 8)})
        fit = study(made(20, 10, seed), onsets)
        p.append(fit.tables["average"]["p_placebo"][0])
    assert 3 <= np.sum(np.array(p) <= 0.2) <= 21


def test_bounds_are_the_plain_interval_at_0_and_wider_from_there() -> None:
    rows = made()
    rows["y"] += 4 * (rows["target"].isin(STATES[:8]) & rows["period"].ge(4))
    fit = study(rows, pd.DataFrame({"target": STATES[:8], "period": 4}), before=3)
    average, bounds = fit.tables["average"].iloc[0], fit.tables["bounds"]
    assert bounds.loc[0, ["mbar", "lower", "upper"]].tolist() == pytest.approx(
        [0, average["lower"], average["upper"]]
    )
    assert bounds["lower"].is_monotonic_decreasing
    assert bounds["upper"].is_monotonic_increasing
    assert 0 < average["breakdown_mbar"] < 5
    assert f"by {average['breakdown_mbar']:.2f} times the largest step" in fit.notes[3]


def test_a_bound_without_errors_is_arithmetic() -> None:
    """One step of 1 before, effects of 4 and 6: 5 less M (1 + 2) / 2, gone at M = 10 / 3."""
    bounds, breakdown = relative_bounds(
        np.array([-1.0, 0.0, 4.0, 6.0]), np.zeros((4, 4)), before=2, reach=2.0, grid=[0, 1, 4]
    )
    assert bounds["lower"].tolist() == pytest.approx([5, 3.5, -1])
    assert bounds["upper"].tolist() == pytest.approx([5, 6.5, 11])
    assert breakdown == pytest.approx(10 / 3)


def test_one_period_before_gives_no_bound() -> None:
    fit = study(made(), pd.DataFrame({"target": STATES[:8], "period": 4}), before=1)
    assert "bounds" not in fit.tables
    assert "so there is no bound" in fit.notes[3]


def test_a_fit_says_what_it_is_of() -> None:
    panel = sl.Result(table=made(), sources=(Source(key="own"),))
    fit = study(panel, pd.DataFrame({"target": STATES[:8], "period": 4}), level=0.9)
    assert (fit.kind, fit.n, fit.unit) == ("event_study", 8, "onsets of sanctions")
    assert fit.name == "y around onsets of sanctions"
    assert fit.query.level == 0.9
    average = fit.tables["average"].iloc[0]
    assert fit.findings[0] == (
        f"Over event times 0 to 1, y differs from its controls by {average['estimate']:.3g} "
        f"(90% interval {average['lower']:.3g} to {average['upper']:.3g}) on average, placebo "
        f"p = {average['p_placebo']:.2f}, 8 onsets of 8 targets, periods 0 to 9 (own, period not "
        "stated)."
    )
    of_targets = made()["target"].isin(STATES[:8])
    sizes = fit.tables["leave_one_out"]["estimate"]
    level, change = fit.tables["reverse"].to_dict("records")
    assert fit.findings[1:4] == (
        f"The mean of y over the units of these targets is {made()['y'][of_targets].mean():.3g}.",
        f"Targets with an onset: {sl.names_of(STATES[:8])}. Without one target at a time, the "
        f"average is {sizes.min():+.4f} to {sizes.max():+.4f}.",
        "Difference of the probability of an onset: where y had been one standard deviation higher "
        f"{level['estimate']:+.4f} (p = {level['p_value']:.2f}), where the growth had been one "
        f"standard deviation higher {change['estimate']:+.4f} (p = {change['p_value']:.2f}).",
    )
    assert fit.findings[4] == fit.notes[3]


def test_a_result_of_counts_gives_the_onsets_that_have_an_act() -> None:
    """Rows whose n is 0 or missing are not onsets; without n every row is one."""
    few = pd.DataFrame({"target": STATES[:8], "period": 4, "n": 1})
    others = pd.DataFrame({"target": STATES[8:12], "period": 4, "n": [0, 0, None, 0]})
    both = pd.concat([few, others], ignore_index=True)
    plain = study(made(), few)
    for onsets in (both, sl.Result(table=both, kind="counts")):
        pd.testing.assert_frame_equal(study(made(), onsets).table, plain.table)
    assert study(made(), both.drop(columns="n")).n == 12


def reported(n: list[int]) -> sl.Result:
    """Counts of reported acts on the first states, all in period 4."""
    rows = pd.DataFrame({"target": STATES[: len(n)], "period": 4, "n": n})
    return sl.Result(table=rows, kind="counts", query=ask(unit="act"))


def test_one_reported_act_is_no_onset_by_default() -> None:
    fit = study(made(), reported([2] * 6 + [1] * 4))
    plain = pd.DataFrame({"target": STATES[:6], "period": 4})
    pd.testing.assert_frame_equal(fit.table, study(made(), plain).table)
    assert "Not confirmed, and no onsets: " in " ".join(fit.notes)
    with pytest.raises(SanctlibError, match=r"Of 0 onsets.*Not confirmed, and no onsets: AAQ"):
        study(made(), reported([1] * 8))


def test_the_average_without_allies_is_that_of_the_other_onsets() -> None:
    rows = quiet([1.0, 2.0, 3.0, 4.0, 5.0, 9.0])
    onsets = pd.DataFrame({"target": STATES[:6], "period": 2})
    fit = study(rows, onsets, allies=[STATES[5], "not in the panel"])
    subsets = fit.tables["subsets"].set_index("onsets")
    assert subsets["estimate"].to_dict() == pytest.approx(
        {"all": 4.0, "allies of the sender": 9.0, "without allies": 3.0}
    )
    assert subsets["n_onsets"].tolist() == [6, 1, 5]
    assert "Without allies of the sender, 5 onsets: 3 (95% interval" in " ".join(fit.summary())
    one = study(rows, onsets, allies=STATES[5]).tables["subsets"]
    pd.testing.assert_frame_equal(one, fit.tables["subsets"])


def test_periods_as_text_are_days() -> None:
    rows = made()
    rows["period"] = (rows["period"] + 2001).astype("str")
    onsets = pd.DataFrame({"target": STATES[:8], "period": "2005-03-17"})
    fit = study(rows, onsets)
    assert fit.n == 8
    assert fit.query.every == "year"
    pd.testing.assert_frame_equal(
        fit.table, study(made(), pd.DataFrame({"target": STATES[:8], "period": 4})).table
    )


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"dependent": "z"}, MissingColumnsError, "The table has no column 'z'"),
        ({"dependent": "target"}, SanctlibError, "a column that names units or periods"),
        ({"dependent": "word"}, SchemaError, "'word' holds text. It must hold numbers"),
        ({"dependent": "log"}, SchemaError, "'log' is infinite in 1 of 200 rows"),
        ({"before": 0}, SanctlibError, "before is 0. It must be a whole number from 1"),
        ({"after": -1}, SanctlibError, "after is -1. It must be a whole number from 0"),
        ({"before": 6}, SanctlibError, "Of 8 onsets in the panel, those of 0 targets have values"),
        ({"target_columns": "target"}, SanctlibError, "target_columns is 'target'"),
        ({"target_columns": []}, SanctlibError, "target_columns is empty"),
        ({"repeats": "some"}, SanctlibError, "repeats is 'some'"),
        ({"controls": "clean"}, SanctlibError, "controls is 'clean'"),
        ({"dose": "n"}, MissingColumnsError, "In onsets: The table has no column 'n'"),
        ({"dose": "below"}, SanctlibError, "'below' is missing or below 0 in 8 rows of onsets"),
        ({"because": "said"}, SchemaError, "'said' holds text. It must hold True or False"),
        ({"wars": pd.DataFrame({"target": ["AAQ"]})}, MissingColumnsError, "In wars: The table"),
        ({"vcov": "dyad"}, SanctlibError, "vcov is 'dyad'. It must be 'dyadic' or a list"),
        ({"vcov": ["period"]}, SanctlibError, "cannot be clustered by period"),
        ({"n_replicates": 0}, SanctlibError, "n_replicates is 0"),
        ({"seed": 1.5}, SanctlibError, "seed is 1.5"),
        ({"level": 95}, SanctlibError, "level is 95.* Did you mean 0.95"),
    ],
)
def test_what_is_no_study_is_said(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    onsets = pd.DataFrame({"target": STATES[:8], "period": 4, "below": -1, "said": "yes"})
    panel = made().assign(word="a", log=lambda rows: rows["y"].where(rows.index != 5, -np.inf))
    with pytest.raises(error, match=message):
        study(panel, onsets, **changed)


def test_onsets_of_all_leave_no_controls() -> None:
    onsets = pd.DataFrame({"target": STATES[:20], "period": 4})
    with pytest.raises(SanctlibError, match="Of 20 onsets in the panel, those of 0 targets"):
        study(made(), onsets)


def test_a_unit_twice_in_a_period_and_dates_beside_numbers_are_refused() -> None:
    onsets = pd.DataFrame({"target": STATES[:8], "period": 4})
    with pytest.raises(SanctlibError, match=r"AAQ, 0 has several rows\. A unit must have one"):
        study(pd.concat([made(), made()]), onsets)
    with pytest.raises(SanctlibError, match="periods of onsets are days, and those of the table"):
        study(made(), onsets.assign(period=pd.Timestamp("2004-01-01")))
    with pytest.raises(SanctlibError, match="'target' is missing in 10 rows"):
        study(made().assign(target=lambda rows: rows["target"].where(rows.index > 9)), onsets)
