"""Run the benchmarks: `python -m benchmarks [PART…] [--small]`; what they print is kept."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

PARTS = {
    "imports": "What an import costs",
    "lookups": "Names and codes",
    "scan": "Events in Parquet",
    "bulk": "Raw files of GDELT to Parquet",
}
"""Modules of this folder with a function `report`, and what they are about."""

LIBRARIES = ("numpy", "pandas", "pyarrow", "duckdb", "polars", "pycountry")


def main(arguments: list[str]) -> None:
    """Run the parts asked for, all by default, and write what they found."""
    small = "--small" in arguments
    parts = [a for a in arguments if a != "--small"] or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"No part {sorted(unknown)}; there are {', '.join(PARTS)}.")
    out = Path(__file__).with_name("results-small.md" if small else "results.md")
    sections = _kept(out)
    for part in parts:
        lines = import_module(f"benchmarks.{part}").report(small=small)
        sections[PARTS[part]] = "\n".join([_machine(), "", *lines]).strip()
        print(f"## {PARTS[part]}\n\n{sections[PARTS[part]]}\n", flush=True)
        known = [
            f"## {title}\n\n{sections[title]}\n" for title in PARTS.values() if title in sections
        ]
        out.write_text("\n".join(["# Benchmarks\n", _HOW, *known]), encoding="utf-8")


_HOW = """Each program runs in a process of its own, in turns with the others, on the same seeded data,
and its answer is checked against ours. Medians of three runs, one run of 100 million rows; imports
are counted in. A ratio below 1 says that sanctlib needs less. `make bench` writes this page.
"""


def _kept(page: Path) -> dict[str, str]:
    """Return the sections of a page by their titles."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    pieces = [piece.partition("\n") for piece in text.split("\n## ")[1:]]
    return {title: content.strip() for title, _, content in pieces}


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    held = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, {memory:.0f} GB; {platform.python_implementation()} "
        f"{platform.python_version()}, {held}."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
