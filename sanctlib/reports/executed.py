"""Prepare and read notebooks: injected parameters, proof that cells ran, no trace of a machine."""

from __future__ import annotations

import hashlib
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sanctlib.reports.parameters import cell_source, parameters_cell, to_source

_TEXT_FILES = (".csv", ".tsv", ".txt", ".json", ".svg", ".html", ".md")
_TOO_LONG = "the time allowed for the notebook was over."
_IPYKERNEL = re.compile(r"(/[\w./+-]*)?/ipykernel_\d+/\d+\.py")
_MARKER = "papermill-error-cell-tag"
_STYLED = re.compile(r'<table id="(T_[0-9a-f]{5})"')
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+(?=>|&gt;)")


def with_parameters(
    notebook: Mapping[str, Any], values: Mapping[str, object], *, name: str
) -> dict[str, Any]:
    """Return a notebook without outputs, with an id in every cell, and `values` injected."""
    at = parameters_cell(notebook, name=name)
    cells = [_bare(cell, f"cell-{i}") for i, cell in enumerate(notebook["cells"], 1)]
    if values:
        tag = "injected-parameters"
        injected = {"cell_type": "code", "metadata": {"tags": [tag]}, "source": to_source(values)}
        cells.insert(at + 1, _bare(injected, tag))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def _bare(cell: Mapping[str, Any], number: str) -> dict[str, Any]:
    bare = {
        "cell_type": cell["cell_type"],
        "id": cell.get("id", number),
        "metadata": {k: v for k, v in cell.get("metadata", {}).items() if k == "tags"},
        "source": cell_source(cell),
    }
    bare |= {"attachments": cell["attachments"]} if "attachments" in cell else {}
    return bare | ({"execution_count": None, "outputs": []} if bare["cell_type"] == "code" else {})


def code_cells(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the code cells that hold anything to run."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code" and cell_source(c).strip()]


def failure(
    notebook: Mapping[str, Any],
    *,
    n_begun: int,
    error: BaseException | None,
    code: int | None = None,
) -> str | None:
    """
    Say which cell failed and why, or None when every code cell ran to its end.

    The notebook itself is asked, since the runner beneath reports success after
    `sys.exit(0)` and marks the cells of a killed kernel as completed. `n_begun` is the
    number of code cells sent to the kernel, which a killed one need not have answered; `code`
    is its exit code.
    """
    cells = code_cells(notebook)

    def cell_name(number: int) -> str:
        first = cell_source(cells[number - 1]).strip().splitlines()[0]
        return f"code cell {number} of {len(cells)} ({first[:60]!r})"

    stopped = {"DeadKernelError": _death(code), "CellTimeoutError": _TOO_LONG}
    if type(error).__name__ in stopped and n_begun:
        return f"{cell_name(n_begun)} did not run to its end: {stopped[type(error).__name__]}"
    for number, cell in enumerate(cells, 1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                what = f"{output['ename']}: {output['evalue']}".rstrip(": ")
                return f"{cell_name(number)} raised {what}"
    if error is not None:
        where = f"{cell_name(n_begun)} broke off" if n_begun else "no cell ran"
        return f"{where}: {type(error).__name__}: {str(error).strip() or 'no message'}"
    never = [i for i, cell in enumerate(cells, 1) if cell["execution_count"] is None]
    return f"{cell_name(never[0])} was never run." if never else None


def _death(code: int | None) -> str:
    if code is None or code == -9:  # the signal of a system that has no memory left
        return "its process died (killed, or out of memory)."
    if code >= 0:
        return f"its process ended with exit code {code}."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    return f"its process was ended by signal {-code} ({name})."


def tidied(
    executed: Mapping[str, Any], planned: Mapping[str, Any], *, private: Mapping[str, str]
) -> dict[str, Any]:
    """
    Return the executed notebook without timings and without traces of the machine.

    `private` maps texts such as the path of the working folder to what replaces them in every
    output. Addresses in memory and the random names of widgets go too: with them no two runs
    are equal.
    """
    # papermill writes cells of its own around an error.
    own = [c for c in executed["cells"] if _MARKER not in c["metadata"].get("tags", [])]
    cells = []
    for plan, done in zip(planned["cells"], own, strict=True):
        cell = dict(plan)
        if cell["cell_type"] == "code":
            cell["execution_count"] = done["execution_count"]
            cell["outputs"] = without_traces(_joined(done["outputs"]), private)
        cells.append(cell)
    return dict(planned) | {"cells": cells}


def _joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join printed pieces that follow each other, whose sizes and order are chance."""
    joined: list[dict[str, Any]] = []
    streams: dict[str, dict[str, Any]] = {}
    for output in [*outputs, None]:
        if output is not None and output["output_type"] == "stream":
            stream = streams.setdefault(output["name"], dict(output) | {"text": ""})
            stream["text"] += "".join(output["text"])
            continue
        joined.extend(streams[name] for name in ("stdout", "stderr") if name in streams)
        streams = {}
        joined.extend([] if output is None else [dict(output)])
    return joined


def without_traces(value: Any, private: Mapping[str, str]) -> Any:
    """Return a text, or the texts of an output, without what only this machine has."""
    if isinstance(value, str):
        return _with_steady_ids(_without_paths(value, private))
    if isinstance(value, list):
        return [without_traces(v, private) for v in value]
    if isinstance(value, Mapping):
        return {
            key: inner if key in ("image/png", "image/jpeg") else without_traces(inner, private)
            for key, inner in value.items()
            if not key.startswith("application/vnd.jupyter.widget")
        }
    return value


def _with_steady_ids(text: str) -> str:
    """Name the styled tables of pandas after their content: their own ids are random."""
    ids = dict.fromkeys(_STYLED.findall(text))
    for number, chance in enumerate(ids):
        text = text.replace(chance, f"T_\0{number}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return text.replace("\0", f"{digest}_") if ids else text


def _without_paths(text: str, private: Mapping[str, str]) -> str:
    text = _ADDRESS.sub("", _IPYKERNEL.sub("[cell]", text))
    for path, instead in private.items():
        # Only whole names: /root is not in /rooted, nor in https://example.org/root.
        whole = re.compile(rf"(?<![\w.:/-]){re.escape(path)}(?![\w-])")
        text = instead.join(whole.split(text))
    return text


def private_paths(work: Path, *, store: Path | None, given: Mapping[str, Path]) -> dict[str, str]:
    """Return the paths that no report may show, longest first, and what replaces each."""
    known = {".": work, "..": work.parent, **given}
    known |= {} if store is None else {"SANCTLIB_STORE": store}
    paths = {
        str(form): instead for instead, p in known.items() for form in (p.absolute(), p.resolve())
    }
    package = Path(__file__).resolve().parents[2]
    paths |= {str(package): "[package]", str(Path.cwd()): "[here]", str(Path.home()): "~"}
    if sys.prefix != sys.base_prefix:
        paths[sys.prefix] = "[python]"
    long = [(path, instead) for path, instead in paths.items() if len(path) > 3]
    return dict(sorted(long, key=lambda item: -len(item[0])))


def leak(folder: Path) -> str | None:
    """Say which text file in `folder` holds the folder's own path, or that it is gone."""
    if not folder.is_dir():
        return "the notebook removed its own working folder."
    needle = str(folder.resolve()).encode()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _TEXT_FILES and path.is_file() and needle in path.read_bytes():
            return f"the notebook wrote the path of its working folder into {path.name!r}."
    return None


def as_node(notebook: dict[str, Any]) -> Any:
    """Return a notebook as papermill and nbconvert take it."""
    import nbformat

    return nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]


def as_text(notebook: dict[str, Any]) -> str:
    """Return a notebook as it is written to a file."""
    import nbformat

    return f"{nbformat.writes(as_node(notebook))}\n"  # type: ignore[no-untyped-call]
