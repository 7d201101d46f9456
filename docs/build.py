"""Write docs/reference.md and docs/tables.md from the docstrings and the schema (`make docs`)."""

from __future__ import annotations

import inspect
from pathlib import Path

import sanctlib as sl
from sanctlib.schema import ACTIONS, COMPONENTS, TABLES

DOCS = Path(__file__).resolve().parent


def main() -> None:
    """Write both pages."""
    (DOCS / "reference.md").write_text(reference(), encoding="utf-8")
    (DOCS / "tables.md").write_text(tables(), encoding="utf-8")


def reference() -> str:
    """Return the reference page: every public name with its signature and docstring."""
    parts = ["# Reference", "", "`import sanctlib as sl`. Written by `make docs`.", ""]
    for name in sl.__all__:
        thing = getattr(sl, name)
        if not callable(thing) or not inspect.getdoc(thing) or isinstance(thing, str):
            continue
        if inspect.isfunction(thing):
            head = f"sl.{name}{signature(thing)}"
        elif inspect.isclass(thing) and thing.__module__.startswith("sanctlib"):
            head = f"sl.{name}"
        else:
            continue
        parts += [f"## {name}", "", "```python", head, "```", "", "```text"]
        parts += [inspect.getdoc(thing) or "", "```", ""]
    return "\n".join(parts).rstrip() + "\n"


def signature(function: object) -> str:
    """Return a signature, one parameter a line."""
    found = inspect.signature(function)  # type: ignore[arg-type]
    lines, starred = [], False
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            lines.append("    *,")
            starred = True
        lines.append(f"    {parameter},")
    returns = found.return_annotation
    return "(\n" + "\n".join(lines) + f"\n) -> {returns}"


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


if __name__ == "__main__":
    main()
