"""Draw the figures of docs/gallery.md from the calls that stand in it (`make gallery`)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import matplotlib as mpl

DOCS = Path(__file__).resolve().parent
REAL = Path(os.environ.get("SANCTLIB_REAL_DATA", DOCS.parent.parent / "shared" / "data"))


def main() -> None:
    """Run each block of the page in one namespace, in a folder where its files lie."""
    mpl.use("Agg")
    names: dict[str, object] = {"GSDB": str(REAL / "cases" / "GSDB_V3.csv")}
    os.chdir(DOCS / "figures")
    for code in blocks():
        exec(compile(code, "gallery.md", "exec"), names)  # noqa: S102


def blocks() -> list[str]:
    """Return the calls of the page, those of one's own copy of GSDB as it lies here."""
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    found = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    return [code.replace('"GSDB_V3.csv"', "GSDB") for code in found]


if __name__ == "__main__":
    main()
