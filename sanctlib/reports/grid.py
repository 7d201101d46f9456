"""Read the runs of a TOML or CSV file. Return requests, all checked before one starts."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import Any

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

    def value(self, name: str, raw: object, known: Mapping[str, Parameter]) -> object:
        """Return what the file holds as a value: text is read as after `-p`."""
        kind = named(name, known)
        return kind.check(self._beside(_read(raw, kind, what=name)), what=name)

    def _beside(self, value: object) -> object:
        """Return paths as seen from the file that holds them."""
        if isinstance(value, list):
            return [self._beside(v) for v in value]
        return self.path.parent / value if isinstance(value, Path) else value

    def ask(self, where: str, notebook: Path, parameters: Mapping[str, object]) -> None:
        with self.noting(where):
            run = request(notebook, parameters=parameters, out=self.out)
            earlier = self.runs.setdefault(run.folder, run)
            if earlier.notebook.resolve() != notebook.resolve():
                msg = f"Two notebooks are named {notebook.stem!r} and would share a folder."
                raise ReportError(f"{msg} Rename one.")


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

    Raises
    ------
    ReportError
        Listing everything that is wrong in the file, with place and suggestion.
    """
    reader = _Reader(path=path, out=out)
    try:
        if path.suffix.lower() == ".csv":
            _read_csv(reader)
        else:
            _read_toml(reader, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, csv.Error) as error:
        msg = f"The grid {str(path)!r} cannot be read: {error}"
        raise ReportError(msg) from error
    if not reader.runs and not reader.errors:
        reader.errors.append("it has no run")
    if reader.errors:
        n = len(reader.errors)
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
                known = declared(notebook)
                n_errors, values = len(reader.errors), {}
                for name, text in row.items():
                    if text:
                        with reader.noting(where):
                            values[name] = reader.value(name, text, known)
                if len(reader.errors) == n_errors:
                    reader.ask(where, notebook, values)


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
    return isinstance(value, kind) and not (
        isinstance(value, list) and any(not isinstance(v, dict) for v in value)
    )


def _read_table(reader: _Reader, table: dict[str, Any], *, where: str) -> None:
    n_errors = len(reader.errors)
    for key, value in table.items():
        if key not in _SHAPES or not _fits(value, _SHAPES[key][0]):
            wanted = ", ".join(f"{name} ({words})" for name, (_, words) in _SHAPES.items())
            hint = "" if key in _SHAPES else did_you_mean(key, _SHAPES)
            reader.errors.append(f"{where}{key}: a batch has {wanted}.{hint}")
    if len(reader.errors) > n_errors:
        return
    fixed, grid, listed = table.get("fixed", {}), table.get("grid", {}), table.get("run", [])
    if grid or not listed:
        with reader.noting(f"{where}notebook"):
            _read_product(reader, reader.notebook(table.get("notebook")), fixed, grid, where=where)
    for i, row in enumerate(listed, 1):
        place = f"{where}run {i}"
        with reader.noting(place):
            notebook = reader.notebook(row.pop("notebook", table.get("notebook")))
            known, n_errors = declared(notebook), len(reader.errors)
            axes = {name: [(place, raw)] for name, raw in (fixed | row).items()}
            values = {name: _checked(reader, name, axis, known) for name, axis in axes.items()}
            if len(reader.errors) == n_errors:
                reader.ask(place, notebook, {name: one for name, (one,) in values.items()})


def _read_product(
    reader: _Reader, notebook: Path, fixed: dict[str, Any], grid: dict[str, Any], *, where: str
) -> None:
    """Ask for every combination of the values of a grid."""
    known, n_errors = declared(notebook), len(reader.errors)
    axes: dict[str, list[tuple[str, object]]] = {
        name: [(f"{where}fixed", raw)] for name, raw in fixed.items()
    }
    if _AMONG in grid:
        others = {name: raws for name, raws in grid.items() if name != _AMONG}
        with reader.noting(f"{where}grid"):
            others = _pairs(grid[_AMONG], others, known) | others
        grid = others
    for name, raws in grid.items():
        place = f"{where}grid, {name}"
        if not isinstance(raws, list) or not raws or name in fixed:
            reader.errors.append(f"{place}: it must be a list of values, and not be in [fixed] too")
        else:
            axes[name] = [(f"{place}, value {i}", raw) for i, raw in enumerate(raws, 1)]
    values = {name: _checked(reader, name, axis, known) for name, axis in axes.items()}
    if len(reader.errors) == n_errors:
        for one in product(*values.values()):
            reader.ask(f"{where}grid", notebook, dict(zip(values, one, strict=True)))


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


def _checked(
    reader: _Reader,
    name: str,
    axis: Iterable[tuple[str, object]],
    known: Mapping[str, Parameter],
) -> list[object]:
    values = []
    for where, raw in axis:
        with reader.noting(where):
            values.append(reader.value(name, raw, known))
    return values


def only(runs: Iterable[Request], where: Iterable[str]) -> list[Request]:
    """
    Return the runs whose parameters have the values that `where` asks for.

    Each condition is ``name=value``, ``notebook=NAME`` among them. Conditions on one
    name are alternatives; those on different names must all hold.

    Raises
    ------
    ParameterError
        For a name that no notebook of the grid declares, or a value that none can have.
    """
    kept = list(runs)
    known = {run.notebook: declared(run.notebook) for run in kept}
    wanted: dict[str, list[str]] = {}
    for condition in where:
        name, equals, text = condition.partition("=")
        if not equals:
            msg = f"--where is {condition!r}. It must be NAME=VALUE."
            raise ParameterError(msg)
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
        kept = [
            run
            for run in kept
            if run.notebook in fitting and shown(run.values[name]) in fitting[run.notebook]
        ]
    return kept
