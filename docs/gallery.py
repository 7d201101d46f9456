"""Run docs/gallery.md and write what its calls print and draw into it (`make gallery`)."""

from __future__ import annotations

import io
import os
import re
from contextlib import chdir, redirect_stdout
from pathlib import Path

import matplotlib as mpl
from PIL import Image

DOCS = Path(__file__).resolve().parent
REAL = Path(os.environ.get("SANCTLIB_REAL_DATA", DOCS.parent.parent / "shared" / "data"))
GSDB = REAL / "cases" / "GSDB_V3.csv"

_BLOCK = re.compile(
    r"```python\n(?P<code>.*?)```\n(?:\n```text\n.*?```\n)?(?P<figure>\n!\[.*?\]\(figures/(?P<name>.*?)\)\n)?",
    flags=re.DOTALL,
)


def run(page: str, *, into: Path) -> str:
    """
    Return the page with what each block prints; figures and files go `into` a folder.

    Blocks on GSDB stay as they are where there is no copy of it.
    """
    mpl.use("Agg")
    names: dict[str, object] = {}

    def again(found: re.Match[str]) -> str:
        code = found["code"]
        if "gsdb" in code and not GSDB.is_file():
            return found[0]
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(code.replace("GSDB_V3.csv", str(GSDB)), "gallery.md", "exec"), names)  # noqa: S102
        text = f"\n```text\n{printed.getvalue()}```\n" if printed.getvalue() else ""
        if found["name"]:
            _save(into / found["name"])
        return f"```python\n{code}```\n{text}{found['figure'] or ''}"

    with chdir(into):
        return _BLOCK.sub(again, page)


def _save(path: Path) -> None:
    from matplotlib import pyplot as plt

    drawn = io.BytesIO()
    plt.gcf().savefig(drawn, dpi=100, bbox_inches="tight")
    plt.close("all")
    # Few colours take a third of the bytes, and these are within 2 of 256 of those drawn.
    Image.open(drawn).convert("RGB").quantize(
        128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    ).save(path, optimize=True)


if __name__ == "__main__":
    page = DOCS / "gallery.md"
    page.write_text(run(page.read_text(encoding="utf-8"), into=DOCS / "figures"), encoding="utf-8")
