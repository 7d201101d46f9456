"""Write the pages made from docstrings, the schema and the sources (`make docs`)."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # the hand-made files lie with the tests

import sanctlib as sl  # noqa: E402
from sanctlib.metrics.composition import Intensity  # noqa: E402
from sanctlib.result import Fit  # noqa: E402
from sanctlib.schema import ACTIONS, COMPONENTS, TABLES  # noqa: E402
from sanctlib.sources.producers import producers  # noqa: E402
from sanctlib.sources.registry import READERS  # noqa: E402
from tests.samples import SAMPLES, Sample  # noqa: E402


def main() -> None:
    """Write the pages."""
    (DOCS / "reference.md").write_text(reference(), encoding="utf-8")
    (DOCS / "tables.md").write_text(tables(), encoding="utf-8")
    (DOCS / "sources").mkdir(exist_ok=True)
    for name, text in sources().items():
        (DOCS / "sources" / name).write_text(text, encoding="utf-8")


def reference() -> str:
    """Return the reference page: every public name with its signature and docstring."""
    parts = ["# Reference", "", "`import sanctlib as sl`. Written by `make docs`.", ""]
    for name in sl.__all__:
        parts += entry(f"sl.{name}", getattr(sl, name))
    for space in ("models", "metrics"):
        for name in getattr(sl, space).__all__:
            parts += entry(f"sl.{space}.{name}", getattr(getattr(sl, space), name))
    for kind in (Intensity, Fit):
        parts += entry(kind.__name__, kind)
    return "\n".join(parts).rstrip() + "\n"


def entry(name: str, thing: object) -> list[str]:
    """Return the lines of one function, or of a class with its own public methods."""
    if inspect.ismodule(thing) or not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return []
    head = name + (signature(thing) if inspect.isfunction(thing) else "")
    hashes = "###" if name.count(".") and not name.startswith("sl.") else "##"
    lines = [f"{hashes} {name}", "", "```python", head, "```", "", "```text"]
    lines += [inspect.getdoc(thing) or "", "```", ""]
    methods = [] if inspect.isfunction(thing) else vars(thing).items()
    for method, function in methods:
        if inspect.isfunction(function) and not method.startswith("_"):
            lines += entry(f"{name.removeprefix('sl.')}.{method}", function)
    return lines


def signature(function: object) -> str:
    """Return a signature, one parameter a line."""
    found = inspect.signature(function)  # type: ignore[arg-type]
    lines, starred = [], False
    for parameter in found.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            lines.append("    *,")
            starred = True
        lines.append(f"    {parameter},")
    returns = found.return_annotation
    body = "(\n" + "\n".join(lines) + "\n)" if lines else "()"
    return f"{body} -> {returns}"


def tables() -> str:
    """Return the page of tables: the vocabulary and every column with its meaning."""
    parts = ["# Tables and words", "", "Written by `make docs` from `sanctlib/schema.py`.", ""]
    parts += ["## Vocabulary of actions", "", "| family | actions |", "|---|---|"]
    parts += [f"| {family} | {', '.join(actions)} |" for family, actions in ACTIONS.items()]
    parts += ["", "Components of reported co-operation:", ""]
    parts += [f"- **{name}**: {', '.join(actions)}" for name, actions in COMPONENTS.items()]
    for table in TABLES.values():
        parts += ["", f"## {table.kind}", "", f"One row: {table.row}. Key: {', '.join(table.key)}."]
        parts += ["", "| column | type | must be there | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            must = "yes" if column.required else ""
            kind = column.kind + (", `;`-joined" if column.joined else "")
            words = f" ({', '.join(column.choices)})" if 0 < len(column.choices) < 9 else ""
            parts.append(f"| {column.name} | {kind} | {must} | {column.meaning}{words} |")
    return "\n".join(parts) + "\n"


def sources() -> dict[str, str]:
    """Return a page per source, and their list, by file name."""
    pages = {f"{key}.md": source(key) for key in READERS}
    lines = [
        "# Sources",
        "",
        "`sl.read(key, path)` reads a producer's file, or several of events. Written by "
        "`make docs`.",
    ]
    lines += ["", "| key | what | table | tried on |", "|---|---|---|---|"]
    for key in READERS:
        p = producers()[key]
        lines.append(f"| [{key}]({key}.md) | {p.title} | {p.kind} | {p.status}: {p.tested} |")
    return pages | {"README.md": "\n".join(lines) + "\n"}


def source(key: str) -> str:
    """Return the page of one source: what it is, its traps, and a run on a hand-made file."""
    p = producers()[key]
    facts = {
        "table": p.kind,
        "producer": p.producer,
        "licence": p.licence,
        "where": p.where + (f"; `sanctlib fetch {p.key}`" if p.fetch else ""),
        "tried on": f"{p.status}: {p.tested}",
        "cite": p.citation,
    }
    paths = "[path, …]" if "*paths" in str(inspect.signature(READERS[key])) else "path"
    parts = [f"# {p.title}", "", f"`sl.read({key!r}, {paths})`", "", "| | |", "|---|---|"]
    parts += [f"| {name} | {value} |" for name, value in facts.items()]
    parts += ["", "## What it counts, and its traps", "", "```text"]
    parts += [inspect.getdoc(READERS[key]) or "", "```", "", "## A run"]
    parts += [
        "",
        "On hand-made files in the producer's layout (`tests/samples`), with planted traps.",
    ]
    for sample in (s for s in SAMPLES if s.key == key):
        parts += ["", *_run(sample)]
    return "\n".join(parts) + "\n"


def _run(sample: Sample) -> list[str]:
    reading = sl.read(sample.key, sample.path)
    shown = reading.table.dropna(axis="columns", how="all").drop(columns="source").head(4)
    rejected = reading.rejected[["line", "reason"]].head(4)
    wide = {"index": False, "max_colwidth": 40, "line_width": 100}
    # Double quotes: the formatter reads these blocks too.
    lines = ["```pycon", f'>>> reading = sl.read("{sample.key}", "{sample.path.name}")']
    lines += [">>> reading", repr(reading), ">>> reading.audit.steps"]
    lines += [reading.audit.steps.to_string(index=False), ">>> reading.table.head(4)"]
    lines += [shown.to_string(**wide)]
    if len(rejected):
        lines += ['>>> reading.rejected[["line", "reason"]].head(4)']
        lines += [rejected.to_string(index=False, max_colwidth=90)]
    if len(reading.unmatched):
        lines += [">>> reading.unmatched.head(4)"]
        lines += [reading.unmatched.head(4).to_string(index=False)]
    return [*(line.rstrip() for text in lines for line in text.splitlines()), "```"]


if __name__ == "__main__":
    main()
