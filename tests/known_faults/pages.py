"""Run a notebook in this process and keep what its page would show."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from tests.conftest import ROOT

Page = Callable[..., "Shown"]


# The last cells that the tests look at, to save the time of those after them.
NEEDED = {
    "02_sanctions_over_time": 'units.save("units"',
    "country_brief": 'imposed.save("acts"',
}


@dataclass
class Shown:
    """What a page shows: its words, the words of each figure, and the files it wrote."""

    folder: Path
    words: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The words of the page outside its figures."""
        return " ".join(" ".join(self.words).split())

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv")


@cache
def source(name: str) -> str:
    """Return all words of a notebook: its cells, one after the other."""
    return "\n".join("".join(cell["source"]) for cell in _cells(name))


def run(
    name: str, folder: Path, patch: pytest.MonkeyPatch, *, until: str = "", **parameters: object
) -> Shown:
    """
    Run the cells of a notebook in `folder` and return what they show.

    The cells after the first one that contains `until` are left out, to save time.
    """
    shown = Shown(folder)

    def show(*values: Any, **_: object) -> None:
        said = [getattr(value, "data", value) for value in values]
        shown.words += [str(value) for value in said if not isinstance(value, bytes)]

    def savefig(figure: Figure, path: Any, **_: Any) -> None:
        texts = [text.get_text() for text in figure.findobj(Text)]
        shown.figures[Path(str(path)).name] = "\n".join(filter(None, texts))
        Path(path).touch()  # only its words are read

    patch.setattr("IPython.display.display", show)
    patch.setattr(Figure, "savefig", savefig)
    patch.chdir(folder)
    names: dict[str, Any] = {"__name__": "__main__", "display": show}
    for cell in _cells(name):
        text = "".join(cell["source"])
        if cell["cell_type"] != "code":
            shown.words.append(text)
            continue
        body = ast.parse(text)
        last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
        exec(compile(body, name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), names)
            if value is not None:
                show(value)
        if "parameters" in cell["metadata"].get("tags", []):
            names |= parameters
        if until and until in text:
            break
    plt.close("all")
    return shown


def _cells(name: str) -> list[dict[str, Any]]:
    path = ROOT / "notebooks" / f"{name}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))["cells"]
