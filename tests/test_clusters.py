"""Clustered errors: the published formulas on cases worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError
from sanctlib.models._clusters import clustered, dyadic, not_below
from sanctlib.models.sanctioned_pairs import _read
from tests.news import news_of_2018

ONE = np.ones((1, 1))


def test_dyads_that_share_a_state_depend_on_each_other() -> None:
    """Scores 1, 3, 2 of AB, BC, CD: 1 + 9 + 4, twice 1 x 3 and twice 3 x 2; AB, CD never meet."""
    variance, n = dyadic(
        np.array([[1.0], [3.0], [2.0]]), ONE, pd.Series([*"ABC"]), pd.Series([*"BCD"])
    )
    assert n == 4
    assert variance.item() == pytest.approx(32 * 4 / 3)


def test_the_sum_over_states_is_the_sum_over_all_pairs_of_rows() -> None:
    """Aronow, Samii and Assenova 2015, as a double loop; both directions, years, domestic rows."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"first": rng.choice([*"ABCDE"], 60), "second": rng.choice([*"ABCDE"], 60)})
    scores = rng.normal(size=(60, 2))
    pairs = [set(pair) for pair in rows.to_numpy().tolist()]
    meat = sum(
        np.outer(scores[i], scores[j]) for i in range(60) for j in range(60) if pairs[i] & pairs[j]
    )
    bread = np.array([[2.0, 0.5], [0.5, 1.0]])
    variance, _ = dyadic(scores, bread, rows["first"], rows["second"])
    assert variance == pytest.approx(bread @ meat @ bread * 5 / 4)


def test_two_ways_are_both_less_their_overlap() -> None:
    """Rows a1, a2, b1 with scores 1, 2, 4: (3, 4) and (5, 2) squared, less 1 + 4 + 16."""
    clusters = pd.DataFrame({"x": [*"aab"], "y": [1, 2, 1]})
    variance, n = clustered(np.array([[1.0], [2.0], [4.0]]), ONE, clusters)
    assert (n, variance.item()) == (2, (25 + 29 - 21) * 2)


def test_rows_of_their_own_give_the_published_robust_variance(real_data: Path) -> None:
    """R12: HC0 of Greene's public schools, sandwich's reference output."""
    schools = pd.read_csv(real_data / "series" / "public_schools.csv").dropna()
    income = schools["Income"].to_numpy() * 1e-4
    x = np.column_stack([np.ones(len(income)), income, income**2])
    y = schools["Expenditure"].to_numpy(dtype="float64")
    bread = np.linalg.inv(x.T @ x)
    residuals = y - x @ (bread @ x.T @ y)
    variance, n = clustered(x * residuals[:, None], bread, pd.DataFrame({"row": range(len(y))}))
    errors = np.sqrt(np.diag(variance) * (n - 1) / n)
    assert errors.round(4).tolist() == [460.8917, 1243.0430, 829.9927]


def test_one_cluster_is_refused() -> None:
    with pytest.raises(SanctlibError, match=r"have 1 cluster. Clustered errors need two or more"):
        clustered(np.ones((2, 1)), ONE, pd.DataFrame({"x": ["a", "a"]}))


def test_the_larger_variance_stands_in_every_direction() -> None:
    """Alone the larger of two; diagonals 4, 1 and 1, 9 give 4, 9; and never below either."""
    assert not_below(np.array([[-1.0]]), np.array([[2.0]])).item() == pytest.approx(2)
    assert not_below(np.array([[3.0]]), np.array([[2.0]])).item() == pytest.approx(3)
    raised = not_below(np.diag([4.0, 1.0]), np.diag([1.0, 9.0]))
    assert raised == pytest.approx(np.diag([4.0, 9.0]))
    one, other = np.array([[2.0, 1.5], [1.5, 2.0]]), np.array([[3.0, -1.0], [-1.0, 1.0]])
    for below in (one, other):
        assert np.linalg.eigvalsh(not_below(one, other) - below).min() > -1e-12


def test_raised_errors_are_not_called_those_of_aronow_samii_and_assenova() -> None:
    """The panel of notebook 04, every reported act a sanction: a matrix that is not positive."""
    news, asked = news_of_2018("week"), {"every": "week", "end": "2018-10-28"}
    often = sl.metrics.reported_states(news, **asked).table.query("n_per_period >= 2")["state"]
    kinds = ["intend", "consult", "visit", "agree", "diplomatic", "economic", "military"]
    together = {"acts": [*kinds, "judicial", "intelligence", "aid", "arms"]}
    states = sorted({*often, "IRN", "RUS"} - {"USA"})
    dyads = sl.dyad_panel(news, states=states, columns=together, **asked)
    acts = sl.sanction_counts(news, unit="act", by=["target"], senders=["USA"], **asked).table
    panel, hit = _read(dyads, "acts", acts, 4)
    fit = panel.fitted(hit)
    assert fit.table["std_error"].round(4).tolist() == [0.0720, 0.1382]
    assert "would be 0.05593 and 0.06668; 0.125 and 0.1204." in " ".join(fit.notes)
    assert "(Aronow, Samii and Assenova 2015), raised" in " ".join(fit.notes)
