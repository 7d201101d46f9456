"""All notebooks: valid, without outputs, in plain words, and with public names only."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

import sanctlib as sl
from sanctlib.reports.run import available, find_notebook

BANNED = (
    *("told apart", "anew", "lately", "wholly", "foretell", "dealt out", "as it stands"),
    *("is none of", "of old", "befell", "parted by", "lived", "warmth", "without a word"),
    "told that",
)
PUBLIC = {"sanctlib", "sanctlib.query"}


def cells(name: str, kind: str) -> list[str]:
    return [c["source"] for c in read(name)["cells"] if c["cell_type"] == kind]


def read(name: str) -> Any:
    return nbformat.read(find_notebook(name), as_version=nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", available())
def test_a_notebook_is_valid_and_has_no_outputs(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    assert [c for c in code if c["outputs"] or c["execution_count"]] == []
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", available())
def test_a_notebook_has_one_title_and_states_question_sources_and_files(name: str) -> None:
    texts = cells(name, "markdown")
    titles = re.findall(r"^# .+", "\n".join(texts), flags=re.MULTILINE)
    assert len(titles) == 1
    for word in ("Question", "Reads", "Writes", "Parameters"):
        assert f"**{word}" in texts[0]


@pytest.mark.parametrize("name", available())
def test_a_notebook_uses_plain_words(name: str) -> None:
    text = "\n".join([*cells(name, "markdown"), *cells(name, "code")]).casefold()
    assert [word for word in BANNED if re.search(rf"\b{word}\b", text)] == []


@pytest.mark.parametrize("name", available())
def test_a_notebook_uses_public_names(name: str) -> None:
    tree = ast.parse("\n".join(cells(name, "code")))
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    ours = {m for m in modules if str(m).split(".")[0] == "sanctlib"}
    assert ours <= PUBLIC
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "sl" or node.attr in sl.__all__, node.attr


MOST_CELLS = {"country_brief": 13}
"""Where more than 12 code cells are needed: the brief has its parts for one state or for two."""


@pytest.mark.parametrize("name", available())
def test_a_notebook_is_short(name: str) -> None:
    """At most 12 code cells of at most 15 lines; a parameter has its own line."""
    code = [c for c in read(name)["cells"] if c["cell_type"] == "code"]
    assert len(code) <= MOST_CELLS.get(name, 12)
    long = [c for c in code if c["source"].count("\n") >= 15]
    assert [c["source"] for c in long if "parameters" not in c["metadata"].get("tags", [])] == []


@pytest.mark.parametrize("name", available())
def test_a_notebook_defines_no_function(name: str) -> None:
    tree = ast.parse("\n".join(cells(name, "code")))
    defined = (ast.FunctionDef, ast.ClassDef, ast.Try)
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, defined)] == []


def test_notebooks_are_those_of_the_folder() -> None:
    folder = Path(find_notebook(available()[0])).parent
    assert sorted(p.stem for p in folder.glob("*.ipynb")) == sorted(available())
