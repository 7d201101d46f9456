"""Imports point down the list of the architecture page, and nothing heavy loads at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sanctlib as sl
from tests.conftest import ROOT

# Top to bottom: a module may import from its own layer or from one above it in this list.
LAYERS = (
    ("errors", "showing", "processes"),
    ("schema", "dates", "database"),
    ("codes",),
    ("checks", "coverage"),
    ("query",),
    ("reading", "writing"),
    ("result",),
    ("sources",),
    ("download",),
    ("store",),
    ("months",),
    ("engines",),
    ("cluster",),
    ("acts",),
    ("catalogue",),
    ("metrics",),
    ("models",),
    ("plots",),
    ("reports",),
    ("cli", "__main__"),
)
CALLED_LATE = {("result", "sanctlib.plots")}
"""`Result.plot` and `Result.save` call the pictures when they are needed."""
RANK = {name: i for i, layer in enumerate(LAYERS) for name in layer}
MODULES = sorted((ROOT / "sanctlib").rglob("*.py"))


def part_of(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down_the_layers(path: Path) -> None:
    own = path.relative_to(ROOT / "sanctlib").with_suffix("").parts[0]
    if own == "__init__":
        return
    assert own in RANK, f"{own} has no layer: give it one here and in docs/architecture.md"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if (own, name) in CALLED_LATE:
                continue
            if name.startswith("sanctlib."):
                assert RANK[part_of(name)] <= RANK[own], (
                    f"{path.name} imports {name}, a later layer"
                )


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "helpers", "core", "common", "misc"}
    assert not drawers & {p.stem for p in MODULES}


def test_import_loads_no_heavy_library() -> None:
    heavy = ["matplotlib", "statsmodels", "scipy", "duckdb", "narwhals", "papermill", "nbconvert"]
    heavy.append("pyfixest")
    code = "import sanctlib, sys; print('pandas' in sys.modules)\nfrom sanctlib import *\n"
    code += f"print([m for m in {heavy!r} if m in sys.modules], sanction_counts.__name__)"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert shown.stdout.splitlines() == ["False", "[] sanction_counts"]


def test_a_function_goes_before_a_module_of_its_name() -> None:
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in MODULES}
    assert not {f"sanctlib.{name}" for name in sl.__all__} & modules
