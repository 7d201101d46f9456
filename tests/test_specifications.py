"""The specification curve: a case counted by hand, its size and power, processes and resuming."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

import sanctlib as sl
from benchmarks.size import cell
from sanctlib.errors import SanctlibError
from sanctlib.models.specifications import Work, _key
from sanctlib.processes import mapping
from sanctlib.result import Fit

OUTCOMES = {"a": [-3, -1, 1, 3], "b": [1, -2, 0, 1]}
CHANCE = {0: 1.0, 1: 0.25, 2: 1 / 16, 3: 1 / 64}
LAST = pd.Series([0.0, 0, 0, 1], index=pd.date_range("2020-01-01", periods=4, freq="MS"))


def at_the_sanction(sanctions: pd.Series, *, outcome: str) -> dict[str, float]:
    """The outcome of the month that has the sanction."""
    value = OUTCOMES[outcome][int(sanctions.to_numpy().argmax())]
    return {"estimate": value, "p_value": CHANCE[abs(value)]}


def slope(sanctions: pd.Series, *, lag: int, outcomes: pd.DataFrame, outcome: str) -> pd.Series:
    """A row of a fit on the outcome, its data bound."""
    rows = pd.DataFrame({"x": sanctions, "y": outcomes[outcome]}).reset_index()
    return sl.models.local_projection(
        rows, dependent="y", impulse="x", horizons=1, lags=lag
    ).table.loc[1]


@pytest.fixture
def bound() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    months = pd.date_range("2016-01-01", periods=40, freq="MS", name="period")
    outcomes = pd.DataFrame(rng.normal(size=(40, 2)), index=months, columns=["trade", "visits"])
    return {
        "estimate": partial(slope, outcomes=outcomes),
        "choices": {"lag": [1, 2], "outcome": ["trade", "visits"]},
        "sanctions": pd.Series(rng.poisson(2.0, 40), index=months, name="acts"),
    }


def test_two_specifications_are_counted_by_hand() -> None:
    """
    Estimates (a, b) of the sanction in its month and moved by 1, 2, 3 months.

    (3, 1), (-3, 1), (-1, -2), (1, 0): medians 2, -1, -1.5, 0.5; shares significant with the
    sign of the median 1/2, 1/2, 0, 0.
    """
    fit = sl.models.specification_curve(at_the_sanction, {"outcome": ["a", "b"]}, sanctions=LAST)
    row = fit.table.iloc[0]
    assert row[["n_specifications", "median", "share", "n_replicates"]].tolist() == [2, 2, 0.5, 3]
    z = {size: -ndtri(p / 2) for size, p in CHANCE.items()}
    assert row["z"] == pytest.approx((z[3] + z[1]) / 2**0.5)
    assert row[["p_median", "p_share", "p_stouffer"]].tolist() == [1 / 4, 2 / 4, 1 / 4]
    rows = fit.tables["specifications"]
    assert rows[["outcome", "estimate", "p_shift"]].to_numpy().tolist() == [
        ["b", 1, 3 / 4],
        ["a", 3, 2 / 4],
    ]
    # Curves without effect, sorted: (-3, 1), (-2, -1), (0, 1); 2.5% of the way from -3 to -2 to 0.
    assert rows["null_lower"].tolist() == pytest.approx([-2.95, -0.9])
    assert rows["null_upper"].tolist() == pytest.approx([-0.1, 1.0])
    assert "3 of 3 shifts, seed 1. A p-value cannot be below 0.250" in fit.notes[1]
    assert fit.notes[2].endswith("Correlation of sanctions with time: sanctions 0.77.")


def test_windows_that_hold_a_war_and_other_estimands_have_curves_of_their_own() -> None:
    def estimate(sanctions: pd.Series, *, outcome: str, window: str) -> dict[str, float]:
        found = at_the_sanction(sanctions, outcome=outcome)
        return found | {"estimate": found["estimate"] + 10 * (window == "to 2024")}

    choices = {"outcome": ["a", "b"], "window": ["to 2021", "to 2024"]}
    fit = sl.models.specification_curve(
        estimate,
        choices,
        sanctions=LAST,
        estimand="outcome",
        confounded={"window": ["to 2024"]},
    )
    assert fit.table[["outcome", "confounded", "median"]].to_numpy().tolist() == [
        ["a", False, 3],
        ["a", True, 13],
        ["b", False, 1],
        ["b", True, 11],
    ]
    assert fit.notes[4] == "Confounded specifications, which form a separate curve: 2."
    assert fit.findings[1] == (
        "Median estimate of a over 1 confounded specification: 13, joint p = 0.25."
    )
    assert (fit.kind, fit.n, fit.unit) == ("curve", 4, "specifications")


def test_a_shift_moves_months_and_quarters_by_the_same_time() -> None:
    """What falls into a quarter, added up, is the quarterly series moved."""
    months = pd.date_range("2018-01-01", periods=24, freq="MS")
    monthly = pd.Series(np.random.default_rng(1).poisson(3.0, 24), index=months)
    seen: dict[str, list[np.ndarray]] = {"monthly": [], "quarterly": []}

    def estimate(sanctions: pd.Series) -> dict[str, float]:
        seen[str(sanctions.name)].append(sanctions.to_numpy())
        return {"estimate": 0.0, "p_value": 1.0}

    both = {"monthly": monthly, "quarterly": monthly.resample("QS").sum()}
    fit = sl.models.specification_curve(estimate, {}, sanctions=both)
    assert fit.tables["specifications"]["sanctions"].tolist() == ["monthly", "quarterly"]
    assert len(seen["monthly"]) == 8
    for moved, quarters in zip(seen["monthly"], seen["quarterly"], strict=True):
        assert np.corrcoef(moved.reshape(8, 3).sum(axis=1), quarters)[0, 1] == pytest.approx(1)
    assert seen["monthly"][0].mean() == pytest.approx(0)
    assert seen["monthly"][0].std() == pytest.approx(1)


def test_chance_is_found_as_often_as_it_says_and_an_effect_mostly() -> None:
    """60 periods, autocorrelation 0.6, 8 specifications: within 3 Monte Carlo errors of 5%."""
    runs = 100
    rejects = cell("specifications", 60, 0.6, runs).set_index("test")["rejects"]
    for statistic in ("median", "share", "stouffer"):
        assert rejects[f"curve, {statistic}: size"] <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
    assert rejects["curve, median: power"] > 0.2


def test_processes_and_order_of_drawing_change_nothing(bound: dict[str, Any]) -> None:
    one, two = (sl.models.specification_curve(**bound, n_replicates=12, workers=w) for w in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, two.tables[name], check_exact=True)


called: list[str] = []
most: list[int] = []


def counted(sanctions: pd.Series, *, outcome: str) -> dict[str, float]:
    """As above, until it is killed."""
    called.append(outcome)
    if most and len(called) > most[0]:
        raise KeyboardInterrupt
    return at_the_sanction(sanctions, outcome=outcome)


def test_what_was_killed_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    called.clear()
    curve: Callable[..., Fit] = partial(
        sl.models.specification_curve, counted, {"outcome": ["a", "b"]}, sanctions=LAST
    )
    whole = curve(folder=tmp_path / "whole")
    called.clear()
    most[:] = [5]
    with pytest.raises(KeyboardInterrupt):
        curve(folder=tmp_path / "cut")
    most.clear()
    called.clear()
    again = curve(folder=tmp_path / "cut")
    assert len(called) == 4, "two of four draws were kept"
    pd.testing.assert_frame_equal(again.table, whole.table, check_exact=True)
    files = [
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.json")}
        for folder in (tmp_path / "whole", tmp_path / "cut")
    ]
    assert files[0] == files[1] != {}
    curve(folder=tmp_path / "cut")
    assert len(called) == 4
    sl.models.specification_curve(
        counted, {"outcome": ["a", "b"]}, sanctions=LAST[::-1].set_axis(LAST.index),
        folder=tmp_path / "cut",
    )  # fmt: skip
    assert len(called) == 12, "another series is another work"


def test_another_process_knows_the_same_work(bound: dict[str, Any]) -> None:
    work = Work(
        estimate=bound["estimate"],
        specifications=[{"sanctions": "acts", "lag": 1, "outcome": "trade"}],
        series={"acts": bound["sanctions"]},
    )
    with mapping(2) as mapped:
        assert list(mapped(_key, [work])) == [_key(work)]


def test_a_shift_without_an_estimate_is_left_out_and_counted() -> None:
    def estimate(sanctions: pd.Series) -> dict[str, float]:
        if sanctions.to_numpy().argmax() == 0:
            raise SanctlibError("no sanctions in the window")
        return at_the_sanction(sanctions, outcome="a")

    fit = sl.models.specification_curve(estimate, {}, sanctions=LAST)
    assert fit.table[["p_median", "n_replicates"]].to_numpy().tolist() == [[1 / 3, 2]]
    assert fit.notes[3] == "Shifts excluded because a specification had no estimate: 1."


def test_an_error_says_in_which_specification(bound: dict[str, Any]) -> None:
    with pytest.raises(KeyError) as error:
        sl.models.specification_curve(**bound | {"choices": {"lag": [1], "outcome": ["aid"]}})
    note = "In the specification sanctions='acts', lag=1, outcome='aid', sanctions shifted by 0"
    assert error.value.__notes__ == [f"{note} periods."]


def nothing(_: pd.Series, **__: object) -> dict[str, float]:
    return {"estimate": float("nan"), "p_value": 1.0}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sanctions": [1, 2]}, r"sanctions holds \[1, 2\]\. It must be a series by period"),
        ({"sanctions": LAST * 0}, "The sanction series 'sanctions' has one value"),
        ({"sanctions": LAST.iloc[[0, 2, 3]]}, "are not in a row"),
        ({"sanctions": LAST.replace(1, np.inf)}, "'sanctions' is infinite in 1 of 4 rows"),
        ({"sanctions": {}}, "sanctions is empty"),
        (
            {"sanctions": {"m": LAST, "q": LAST.resample("QS").sum()}},
            "'m' 2020-01-01 to 2020-04-30; 'q' 2020-01-01 to 2020-06-30",
        ),
        ({"choices": {"lag": "one"}}, "The options of 'lag' are 'one'. They must be a list"),
        ({"choices": []}, "choices has no specification"),
        ({"choices": [{"lag": 1}, {"window": 1}]}, "or specifications with different choices"),
        ({"choices": {"estimate": [1]}}, "choices has 'estimate', .* Rename the choice"),
        ({"estimand": "outcom"}, "Did you mean 'outcome'"),
        ({"confounded": {"window": [1]}}, "A choice of confounded is 'window'"),
        ({"confounded": {"outcome": ["c"]}}, "confounded has 'c' for 'outcome', which is not"),
        ({"confounded": {"outcome": "a"}}, "The options of 'outcome' are 'a'. They must be a list"),
        ({"confounded": ["outcome"]}, r"confounded is \['outcome'\]. It must name options"),
        ({"estimate": 5}, "estimate is 5. It must be a function"),
        (
            {"estimate": lambda *_, **__: (1, 2)},
            r"returned \(1, 2\) .* must return a row or a mapping",
        ),
        ({"estimate": nothing}, "returned nan with p 1 for sanctions='sanctions', outcome='a'"),
        (
            {"estimate": lambda *_, **__: 1, "workers": 2},
            "'<lambda>', which other processes cannot",
        ),
        ({"n_replicates": 0}, "n_replicates is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"folder": 5}, "folder is 5. It must be the path"),
    ],
)
def test_what_cannot_be_a_curve_is_said(changed: dict[str, Any], message: str) -> None:
    asked = {"estimate": at_the_sanction, "choices": {"outcome": ["a"]}, "sanctions": LAST}
    with pytest.raises(SanctlibError, match=message):
        sl.models.specification_curve(**asked | changed)


def test_a_table_of_counts_or_a_result_is_a_series_of_sanctions() -> None:
    table = LAST.rename_axis("period").reset_index(name="n")
    named = {"outcome": ["a", "b"]}
    plain = sl.models.specification_curve(at_the_sanction, named, sanctions=LAST)
    for sanctions in (table, sl.Result(table=table), {"acts": table.assign(covered=True)}):
        fit = sl.models.specification_curve(at_the_sanction, named, sanctions=sanctions)
        pd.testing.assert_frame_equal(fit.table, plain.table)
