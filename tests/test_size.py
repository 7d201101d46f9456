"""The study of size: its cells are drawn again alike, and the headline test holds its level."""

from __future__ import annotations

import pytest

from benchmarks.size import STUDIES, cell


def test_the_headline_test_rejects_about_as_often_as_it_says() -> None:
    """120 periods, autocorrelation 0.6: within 2 points of 5%, and 3 Monte Carlo errors."""
    runs = 150
    rejects = cell("interrupted", 120, 0.6, runs).set_index("test")["rejects"]
    reach = 0.02 + 3 * (0.05 * 0.95 / runs) ** 0.5
    assert rejects["jump, placebo dates: size"] == pytest.approx(0.05, abs=reach)
    assert rejects["jump, placebo dates: power"] > 0.3
    assert rejects["level, HAC: size"] > rejects["level, AR(1): size"]


@pytest.mark.parametrize("study", STUDIES)
def test_a_cell_is_drawn_again_alike(study: str) -> None:
    first, again = (cell(study, 60, 0.3, 2) for _ in range(2))
    assert first.equals(again)
    shares = first.set_index("test")["rejects"].dropna()
    assert shares.between(0, 1).all()
    # Many calls with one impulse are refused; where both are, there is no share.
    refused = set(first["test"]) - set(shares.index)
    assert refused <= {f"1 pulses, horizon {h}" for h in range(4)}
