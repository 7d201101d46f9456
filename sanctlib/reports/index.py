"""The index page: every run in a folder of reports, with its numbers, figures and failures."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Iterator
from html import escape
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sanctlib.errors import ReportError
from sanctlib.reports.folders import write_whole
from sanctlib.reports.record import RECORD, Record, read_record
from sanctlib.reports.values import shown

HEADLINE = "headline.csv"
"""File that a notebook may write: its headline numbers, as columns label, value and unit."""

PDF = "report.pdf"

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_NUMBERS, _MOST_FIGURES = 10, 3
_FIGURES, _TABLES = (".png", ".svg"), (".csv", ".tsv", ".parquet")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
img-src 'self' file: data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; \
base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>Reports</title>
<style>
{style}</style>
</head>
<body class="index">
<main>
<h1>Reports</h1>
<p>{summary}</p>
<p id="controls" role="search" hidden>
<label for="search">Search</label> <input id="search" type="search">
<label for="order">Order</label> <select id="order">
<option value="">by name</option><option value="state">failures first</option></select>
<output id="told" for="search"></output>
</p>
{sections}
</main>
<script>{script}</script>
</body>
</html>
"""


class _Run(NamedTuple):
    """A folder of `out`: the record of its files, of a failure since, and what is damaged."""

    notebook: str
    name: str
    folder: Path
    done: Record | None
    failed: Record | None
    damaged: list[str]

    @property
    def state(self) -> str:
        return "damaged" if self.damaged else "failed" if self.failed else "good"

    def link(self, file: str) -> str:
        return quote(f"{self.notebook}/{self.name}/{file}")


def write_index(out: Path) -> Path:
    """
    Write ``out/index.html``, which links every run below `out`, and return its path.

    Runs are found by their records and stand in one table per notebook; a damaged record
    is a row that says so. All links are relative, so that the folder can be moved or sent.
    The page loads nothing from the network; its one script searches and sorts, and is the
    only one that the browser is allowed to run. Without it the page reads the same.

    Raises
    ------
    ReportError
        When the page cannot be written.
    """
    runs = list(_runs(out))
    parts = [f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}"]
    for state in ("failed", "damaged"):
        if n := sum(run.state == state for run in runs):
            parts.append(f'<span class="failed">{n} {state}</span>')
    by_notebook = groupby(runs, key=lambda run: run.notebook)
    sections = [_section(notebook, list(its)) for notebook, its in by_notebook]
    script = (_TEMPLATES / "index.js").read_text("utf-8")
    text = _PAGE.format(
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=(_TEMPLATES / "sanctlib" / "style.css").read_text("utf-8"),
        summary=", ".join(parts) + ".",
        sections="\n".join(sections) or "<p>No report yet.</p>",
        script=script,
    )
    page = out / "index.html"
    write_whole(page, text)
    return page


def _runs(out: Path) -> Iterator[_Run]:
    folders = {p.parent for form in (RECORD, "*.failed.json") for p in out.glob(f"*/*/{form}")}
    # The default run first, then by name: the order of a page should not depend on a disk.
    for folder in sorted(folders, key=lambda f: (f.parent.name, f.name != "default", f.name)):
        if folder.name.startswith("."):
            continue
        notebook, damaged = folder.parent.name, list[str]()
        done, failed = (
            _record(folder / name, damaged) for name in (RECORD, f"{notebook}.failed.json")
        )
        if done or failed or damaged:
            yield _Run(notebook, folder.name, folder, done, failed, damaged)


def _record(path: Path, damaged: list[str]) -> Record | None:
    try:
        return read_record(path)
    except ReportError:
        # A run that ends in this moment may take a record away: that is no damage.
        if path.is_file():
            damaged.append(path.name)
        return None


def _section(notebook: str, runs: list[_Run]) -> str:
    records = [run.done or run.failed for run in runs]
    title = next((record.title for record in records if record), notebook)
    heads = "".join(
        f'<th scope="col">{h}</th>' for h in ("Run", "Headline numbers", "Figures", "Files")
    )
    rows = "\n".join(_row(run) for run in runs)
    name = "" if title == notebook else f' <span class="quiet">{escape(notebook)}</span>'
    return (
        f"<section>\n<h2>{escape(title)}{name}</h2>\n"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Runs of {escape(notebook)}">\n'
        f'<table class="runs"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n'
        "</div>\n</section>"
    )


def _row(run: _Run) -> str:
    named = escape(_parameters(run))
    if run.done is not None or (run.folder / "report.html").is_file():
        named = f'<a href="{run.link("report.html")}">{named}</a>'
    cells = [f'<th scope="row">{named}{_trouble(run)}</th>']
    files = sorted(run.done.outputs) if run.done is not None else []
    cells += [f"<td>{part}</td>" for part in (_numbers(run, files), _figures(run, files))]
    cells.append(f"<td>{_files(run, files)}</td>")
    return f'<tr data-state="{run.state}">' + "\n".join(cells) + "</tr>"


def _parameters(run: _Run) -> str:
    record = run.done or run.failed
    if record is None:
        return run.name
    changed = [f"{n} = {shown(record.parameters[n])}" for n in record.changed]
    return ", ".join(changed) or "default parameters"


def _trouble(run: _Run) -> str:
    """Say what failed, in which cell, and what of the run can still be read."""
    parts = []
    for name in run.damaged:
        parts.append(
            f'<p><span class="failed">Damaged:</span> {escape(name)} is not the record of a '
            "run. Run it again.</p>"
        )
    if run.failed is not None:
        kept = run.link(f"{run.notebook}.failed.ipynb")
        stands = " The report linked above is of an earlier run." if run.done else ""
        why = escape((run.failed.error or "").rstrip("."))
        parts.append(
            f'<p><span class="failed">Failed:</span> {why}.{stands} '
            f'<a href="{kept}">The failed notebook</a>.</p>'
        )
    return "".join(parts)


def _numbers(run: _Run, files: list[str]) -> str:
    if HEADLINE not in files:
        return ""
    try:
        with (run.folder / HEADLINE).open(encoding="utf-8", newline="") as file:
            rows = list(islice(csv.DictReader(file, strict=True), _MOST_NUMBERS))
        terms = [_number(row["label"], row["value"], row["unit"]) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error):
        return f"{HEADLINE} does not hold label, value and unit."
    return f"<dl>{''.join(terms)}</dl>"


def _number(label: str, value: str, unit: str) -> str:
    try:
        number = float(value)
        text, key = f"{number:,.0f}" if number.is_integer() else f"{number:,.6g}", value
    except (ValueError, OverflowError):
        text, key = value, ""
    said = f"{escape(text)} {escape(unit)}" if value else "missing"
    return f'<div><dt>{escape(label)}</dt><dd data-value="{escape(key)}">{said}</dd></div>'


def _figures(run: _Run, files: list[str]) -> str:
    """Show the first figures small, each once: the PNG where there is one."""
    by_stem: dict[str, str] = {}
    for file in sorted(f for f in files if f.lower().endswith(_FIGURES)):
        by_stem.setdefault(file.rsplit(".", 1)[0], file)
    items = [
        f'<li><a href="{run.link(file)}"><img src="{run.link(file)}" alt="Figure {escape(stem)}" '
        'loading="lazy" width="150" height="70"></a></li>'
        for stem, file in list(by_stem.items())[:_MOST_FIGURES]
    ]
    return f'<ul class="thumbs">{"".join(items)}</ul>' if items else ""


def _files(run: _Run, files: list[str]) -> str:
    whole = {"notebook.ipynb": "notebook", PDF: "PDF"}
    # A page in print is made after the record: it is found by its name.
    there = [*files, *([PDF] if run.done and (run.folder / PDF).is_file() else [])]
    links = [f'<a href="{run.link(f)}">{name}</a>' for f, name in whole.items() if f in there]
    listed = [f for f in files if f.lower().endswith((*_TABLES, *_FIGURES))]
    if listed:
        items = "".join(f'<li><a href="{run.link(f)}">{escape(f)}</a></li>' for f in listed)
        n_tables = sum(f.lower().endswith(_TABLES) for f in listed)
        summary = f"tables: {n_tables}, figures: {len(listed) - n_tables}"
        links.append(f"<details><summary>{summary}</summary><ul>{items}</ul></details>")
    return "\n".join(links)
