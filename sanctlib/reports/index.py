"""The index page: every run in a folder of reports, with its tables, figures and failures."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sanctlib.errors import ReportError
from sanctlib.reports.folders import write_whole
from sanctlib.reports.record import RECORD, Record, read_record
from sanctlib.reports.values import shown

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
img-src 'self' file: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>Reports</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>Reports</h1>
<p>{summary}</p>
{sections}
</main>
</body>
</html>
"""


class _Entry(NamedTuple):
    folder: str
    record: Record
    done: Record | None
    failed: Record | None


def write_index(out: Path) -> Path:
    """
    Write ``out/index.html``, which links every run below `out`, and return its path.

    Runs are found by their records. All links are relative, so that the folder can be
    moved or sent; the page has no script and loads nothing from the network.

    Raises
    ------
    ReportError
        When a record is damaged or the page cannot be written.
    """
    entries = list(_entries(out))
    n_failed = sum(entry.failed is not None for entry in entries)
    summary = f"{len(entries)} {'run' if len(entries) == 1 else 'runs'}"
    if n_failed:
        summary += f', <span class="failed">{n_failed} failed</span>'
    style = (Path(__file__).parent / "templates" / "sanctlib" / "style.css").read_text("utf-8")
    sections = "\n".join(_section(entry) for entry in entries) or "<p>No report yet.</p>"
    page = out / "index.html"
    write_whole(page, _PAGE.format(style=style, summary=summary + ".", sections=sections))
    return page


def _entries(out: Path) -> Iterable[_Entry]:
    folders = {p.parent for form in (RECORD, "*.failed.json") for p in out.glob(f"*/*/{form}")}
    # The default run first, then by name: the order of a page should not depend on a disk.
    for folder in sorted(folders, key=lambda f: (f.parent.name, f.name != "default", f.name)):
        if not folder.name.startswith("."):
            name = folder.parent.name
            done, failed = _record(folder / RECORD), _record(folder / f"{name}.failed.json")
            if latest := done or failed:
                yield _Entry(f"{name}/{folder.name}", latest, done, failed)


def _record(path: Path) -> Record | None:
    try:
        return read_record(path)
    except ReportError:
        # A run that ends in this moment may take a record away.
        if path.is_file():
            raise
        return None


def _section(entry: _Entry) -> str:
    title = escape(entry.record.title)
    if entry.done is not None:
        title = f'<a href="{_link(entry, "report.html")}">{title}</a>'
    lines = ["<section>", f"<h2>{title}</h2>", f'<p class="quiet">{_run_with(entry.record)}</p>']
    if entry.failed is not None:
        kept = _link(entry, f"{entry.record.notebook}.failed.ipynb")
        stands = " The report linked above is of an earlier run." if entry.done else ""
        why = escape((entry.failed.error or "").rstrip("."))
        lines.append(
            f'<p><span class="failed">Failed:</span> {why}.'
            f'{stands} <a href="{kept}">The failed notebook</a>.</p>'
        )
    files = list(entry.done.outputs) if entry.done is not None else []
    figures = [f for f in files if f.lower().endswith((".png", ".svg"))]
    tables = [f for f in files if f.lower().endswith((".csv", ".tsv", ".parquet"))]
    if tables:
        links = ", ".join(f'<a href="{_link(entry, f)}">{escape(f)}</a>' for f in tables)
        lines.append(f"<p>Tables: {links}</p>")
    lines += _figures(entry, figures)
    return "\n".join([*lines, "</section>"])


def _run_with(record: Record) -> str:
    changed = ", ".join(f"{n} = {shown(record.parameters[n])}" for n in record.changed)
    return escape(f"{record.notebook}: {changed or 'default parameters'}")


def _figures(entry: _Entry, files: list[str]) -> list[str]:
    """Show each figure once: the PNG, and a link to the SVG of the same name."""
    by_stem: dict[str, list[str]] = {}
    for file in sorted(files):
        by_stem.setdefault(file.rsplit(".", 1)[0], []).append(file)
    if not by_stem:
        return []
    items = []
    for stem, same in by_stem.items():
        first = _link(entry, same[0])
        image = f'<img src="{first}" alt="Figure {escape(stem)}" loading="lazy">'
        links = ", ".join(f'<a href="{_link(entry, f)}">{escape(f)}</a>' for f in same)
        items.append(f'<li><a href="{first}">{image}</a><br>{links}</li>')
    return ['<ul class="thumbs">', *items, "</ul>"]


def _link(entry: _Entry, file: str) -> str:
    return quote(f"{entry.folder}/{file}")
