"""Read the runs of a TOML or CSV file. Return requests, all checked before one starts."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import Any, TypeAlias
from sanctlib.errors import ParameterError, ReportError, SanctlibError, did_you_mean
from sanctlib.reports.parameters import Kind, Parameter, declared, kind_of, named, shown
from sanctlib.reports.run import Request, available, find_notebook, request


_SHAPES: dict[str, tuple[type, str]] = {
    "notebook": (str, "name or path"),
    "fixed": (dict, "values by name"),
    "grid": (dict, "lists of values by name"),
    "run": (list, "[[run]] tables"),
}
_AMONG = "pairs_among"

_Axes: TypeAlias = dict[str, list[tuple[str, object]]]
"""The values of each parameter as the file holds them, each with its place."""


@dataclass(kw_only=True)
class _Reader:
    """One file being read: what it asks for, and everything that is wrong with it."""

    path: Path
    out: Path
    runs: dict[Path, Request] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        try:
            yield
        except SanctlibError as error:
            self.errors.append(f"{where}: {error}")

    def notebook(self, name: object) -> Path:
        if not isinstance(name, str) or not name:
            msg = "The key 'notebook' must name one of our notebooks or an .ipynb file."
            raise ReportError(msg)
        return find_notebook(name if name in available() else self.path.parent / name)

    def ask(self, where: str, notebook: Path, axes: _Axes) -> None:
        """Ask for every combination of the values, once all of them are right."""
        known, n_errors = declared(notebook), len(self.errors)
        values: dict[str, list[object]] = {name: [] for name in axes}
        for name, axis in axes.items():
            for place, raw in axis:
                with self.noting(place):
                    kind = named(name, known)
                    value = self._beside(_read(raw, kind, what=name))
                    values[name].append(kind.check(value, what=name))
        for one in product(*values.values()) if len(self.errors) == n_errors else ():
            with self.noting(where):
                parameters = dict(zip(values, one, strict=True))
                run = request(notebook, parameters=parameters, out=self.out)
                earlier = self.runs.setdefault(run.folder, run)
                if earlier.notebook.resolve() != notebook.resolve():
                    msg = f"Two notebooks are named {notebook.stem!r} and would share a folder."
                    raise ReportError(f"{msg} Rename one.")

    def _beside(self, value: object) -> object:
        """Return paths as seen from the file that holds them."""
        if isinstance(value, list):
            return [self._beside(v) for v in value]
        return self.path.parent / value if isinstance(value, Path) else value


def _read(raw: object, kind: Kind, *, what: str) -> object:
    """Return a value of the file, in which text may stand for any type."""
    if isinstance(raw, str):
        return kind.parse(raw, what=what)
    if kind.item is None or not isinstance(raw, list):
        return raw
    return [_read(v, kind.item, what=what) for v in raw]


def read_grid(path: Path, *, out: Path) -> list[Request]:
    """
    Read a grid of runs, check every value of it, and name the folder of each run.

    A TOML file names a `notebook`; ``[fixed]`` holds values of every run and ``[grid]``
    lists of values, of which every combination runs; ``pairs_among = ["RUS", …]`` in it
    stands for all pairs among those states. ``[[run]]`` tables list single runs, and
    ``[[batch]]`` tables several notebooks. A CSV file has a column `notebook` and a
    column per parameter, in the text form of the command line; an empty cell is the
    default. A run asked for twice is one run. Paths are seen from the file.
    """
    reader = _Reader(path=path, out=out)
    try:
        if path.suffix.lower() == ".csv":
            _read_csv(reader)
        else:
            _read_toml(reader, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, csv.Error) as error:
        raise ReportError(f"The grid {str(path)!r} cannot be read: {error}") from error
    if not reader.runs and not reader.errors:
        reader.errors.append("it has no run")
    if n := len(reader.errors):
        lines = "\n".join(f"  {line}" for line in reader.errors)
        msg = f"{path.name!r} has {n} error{'s' * (n > 1)}, nothing was run:\n{lines}"
        raise ReportError(msg)
    return list(reader.runs.values())


def _read_csv(reader: _Reader) -> None:
    with reader.path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        for row in rows:
            where = f"line {rows.line_num}"
            with reader.noting(where):
                if None in row or None in row.values():
                    n = len(rows.fieldnames or ())
                    msg = f"The row has more or fewer cells than the header, which has {n}."
                    raise ReportError(msg)
                notebook = reader.notebook(row.pop("notebook", ""))
                axes: _Axes = {name: [(where, text)] for name, text in row.items() if text}
                reader.ask(where, notebook, axes)


def _read_toml(reader: _Reader, content: dict[str, Any]) -> None:
    batches = content.pop("batch", None)
    if batches is None:
        _read_table(reader, content, where="")
    elif content or not _fits(batches, list):
        reader.errors.append("batch: it must be [[batch]] tables, with no other key next to them")
    else:
        for i, table in enumerate(batches, 1):
            _read_table(reader, table, where=f"batch {i}, ")


def _fits(value: object, kind: type) -> bool:
    tables = not isinstance(value, list) or all(isinstance(v, dict) for v in value)
    return isinstance(value, kind) and tables


def _read_table(reader: _Reader, table: dict[str, Any], *, where: str) -> None:
    wrong = [k for k, v in table.items() if k not in _SHAPES or not _fits(v, _SHAPES[k][0])]
    wanted = ", ".join(f"{name} ({words})" for name, (_, words) in _SHAPES.items())
    for key in wrong:
        hint = "" if key in _SHAPES else did_you_mean(key, _SHAPES)
        reader.errors.append(f"{where}{key}: a batch has {wanted}.{hint}")
    if wrong:
        return
    fixed, listed = table.get("fixed", {}), table.get("run", [])
    if table.get("grid") or not listed:
        with reader.noting(f"{where}notebook"):
            _read_product(reader, reader.notebook(table.get("notebook")), table, where=where)
    for i, row in enumerate(listed, 1):
        place = f"{where}run {i}"
        with reader.noting(place):
            notebook = reader.notebook(row.pop("notebook", table.get("notebook")))
            axes: _Axes = {name: [(place, raw)] for name, raw in (fixed | row).items()}
            reader.ask(place, notebook, axes)


def _read_product(reader: _Reader, notebook: Path, table: dict[str, Any], *, where: str) -> None:
    """Ask for every combination of the values of a grid."""
    fixed, grid = table.get("fixed", {}), dict(table.get("grid", {}))
    axes: _Axes = {name: [(f"{where}fixed", raw)] for name, raw in fixed.items()}
    with reader.noting(f"{where}grid"):
        if _AMONG in grid:
            states = grid.pop(_AMONG)
            grid = _pairs(states, grid, declared(notebook)) | grid
    for name, raws in grid.items():
        place = f"{where}grid, {name}"
        if not isinstance(raws, list) or not raws or name in fixed:
            reader.errors.append(f"{place}: it must be a list of values, and not be in [fixed] too")
        else:
            axes[name] = [(f"{place}, value {i}", raw) for i, raw in enumerate(raws, 1)]
    reader.ask(f"{where}grid", notebook, axes)


def _pairs(
    states: object, others: Iterable[str], known: Mapping[str, Parameter]
) -> dict[str, list[list[str]]]:
    """Write out `pairs_among` as the values of the one parameter that is a pair."""
    names = [name for name, p in known.items() if p.kind.name == "Pair"]
    if len(names) != 1 or names[0] in others:
        msg = f"{_AMONG!r} is for a notebook with one parameter that is a pair, without its list."
        raise ParameterError(msg)
    texts = [str(s) for s in states] if isinstance(states, list) else []
    if len(set(texts)) < max(len(texts), 2):
        msg = f"{_AMONG} must be a list of two or more states, each once, got {states!r}."
        raise ParameterError(msg)
    kind_of("list[State]").check(texts, what=_AMONG)
    return {names[0]: [list(pair) for pair in combinations(texts, 2)]}


def only(runs: Iterable[Request], where: Iterable[str]) -> list[Request]:
    """
    Return the runs whose parameters have the values that `where` asks for.

    Each condition is ``name=value``, ``notebook=NAME`` among them. Conditions on one
    name are alternatives; those on different names must all hold.
    """
    kept = list(runs)
    known = {run.notebook: declared(run.notebook) for run in kept}
    wanted: dict[str, list[str]] = {}
    for condition in where:
        name, equals, text = condition.partition("=")
        if not equals:
            raise ParameterError(f"--where is {condition!r}. It must be NAME=VALUE.")
        if name != "notebook":
            named(name, {n: p for names in known.values() for n, p in names.items()})
        wanted.setdefault(name, []).append(text)
    for name, texts in wanted.items():
        if name == "notebook":
            kept = [run for run in kept if run.notebook.stem in texts]
            continue
        fitting = {
            notebook: {shown(names[name].kind.parse(text, what=name)) for text in texts}
            for notebook, names in known.items()
            if name in names
        }
        kept = [r for r in kept if shown(r.values.get(name)) in fitting.get(r.notebook, ())]
    return kept
