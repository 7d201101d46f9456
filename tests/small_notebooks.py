"""Small notebooks that tests write and run."""

import json
from pathlib import Path

PARAMETERS = """\
from typing import Literal
every: Literal["week", "month"] = "week"  # length of a period
label: str = "plain"  # words"""


def small_notebook(path: Path, *cells: str, parameters: str | None = PARAMETERS) -> Path:
    """Write a notebook: cells of code, or of Markdown where they begin with a `#` and a space."""
    written: list[dict[str, object]] = []
    if parameters is not None:
        tags = {"tags": ["parameters"]}
        written.append({"cell_type": "code", "metadata": tags, "source": parameters})
    for cell in cells:
        kind = "markdown" if cell.startswith("# ") else "code"
        written.append({"cell_type": kind, "metadata": {}, "source": cell})
    for cell_written in written:
        if cell_written["cell_type"] == "code":
            cell_written |= {"outputs": [], "execution_count": None}
    content = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": written}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path
