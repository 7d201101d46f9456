"""Kind M: claims of the documentation that are false."""

from __future__ import annotations

import inspect
import re
from functools import cache

import numpy as np
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import functions
from tests.known_faults.made import panel
from tests.known_faults.pages import source


@cache
def words(name: str) -> str:
    """Return the text of a page or a notebook on one line."""
    path = ROOT / name
    text = path.read_text(encoding="utf-8") if path.suffix == ".md" else source(path.stem)
    return " ".join(text.split())


# "A count is 0 only where the source covers the period" was false and is true: test_c_zeros.
CLAIMS = [
    pytest.param("README.md", "for any pair of states"),
    pytest.param("README.md", "rows read = kept + merged + rejected"),
    pytest.param("README.md", "`sl.compare_units` prints them"),
    pytest.param("04_pressure_and_partnership.ipynb", "by chance four times in ten"),
    pytest.param("02_sanctions_over_time.ipynb", "Both are complete registers"),
    pytest.param("replications.ipynb", "Both are right: the units differ"),
    pytest.param("replications.ipynb", "is enough for a difference of one"),
]


@pytest.mark.parametrize(("page", "claim"), CLAIMS)
def test_a_false_claim_is_gone(page: str, claim: str) -> None:
    assert claim not in words(page)


def test_a_reading_adds_up_with_the_rows_that_were_added() -> None:
    steps = sl.load("russia_iran").audit.steps
    added = steps["n_in"] + steps["n_added"]
    assert added.eq(steps["n_merged"] + steps["n_rejected"] + steps["n_out"]).all()


def test_the_readme_shows_lines_of_a_result() -> None:
    # A line of a printed table of counts: a day and a state.
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^\s*20\d\d-\d\d-\d\d\s+[A-Z]{3}\b", text, flags=re.MULTILINE)


def test_the_number_of_tests_on_a_page_is_counted() -> None:
    text = source("04_pressure_and_partnership")
    assert "Some ten stand" not in text
    assert "sl.models.p_values(" in text


def test_the_note_on_raised_variances_is_true() -> None:
    rows = panel(32, 4)
    rows["z"] = np.random.default_rng(0).normal(size=len(rows))
    fit = sl.models.count_panel(rows, dependent="y", regressors=["x", "z"])
    assert "the larger ones stand" not in " ".join(fit.notes)


def documented(name: str) -> set[str]:
    """Return the parameters that the docstring lists in its section on them."""
    text = inspect.getdoc(functions()[name]) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?:^\w+\n-+\n|\Z)", text, flags=re.M | re.S)
    lines = re.findall(
        r"^(\*{0,2}\w[\w, *]*?) ?(?::.*)?$", section[1] if section else "", flags=re.M
    )
    return {word.strip(" *") for line in lines for word in line.split(",")}


@pytest.mark.parametrize("name", functions())
def test_each_parameter_is_in_the_docstring(name: str) -> None:
    parameters = inspect.signature(functions()[name]).parameters
    assert set(parameters) - documented(name) == set()


def test_the_docstring_of_read_table_says_what_a_year_is() -> None:
    assert re.search("whole year", inspect.getdoc(sl.read_table) or "")


@pytest.mark.parametrize(
    "word",
    [
        "Cox",
        "observed_expected",
        "block_bootstrap",
    ],
)
def test_the_page_on_inference_covers_each_default(word: str) -> None:
    assert word in words("docs/inference.md")
