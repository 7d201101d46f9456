"""Write the index page of a folder of reports, and print the page of a run as PDF."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from urllib.parse import quote

from sanctlib.errors import ReportError
from sanctlib.reports.folders import RECORD, Record, read_record, write_whole
from sanctlib.reports.run import PAGE
from sanctlib.writing import writing

ANSWER = "answer.json"
"""File that a notebook may write: the sentences of its answer, the first one in short."""
HEADLINE = "headline.csv"
"""File that a notebook may write: its headline numbers, as columns label, value and unit."""

PDF = "report.pdf"
TEMPLATES = Path(__file__).parent / "templates"

_BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    *("chrome", "msedge"),
)
_QUIET = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-pdf-header-footer"),
    # No name is found: nothing can be asked of the network, by the page or by the browser.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

_MOST_SENTENCES = 12
_MOST_NUMBERS, _MOST_FIGURES = 10, 3
_FIGURES, _TABLES = (".png", ".svg"), (".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class _Run:
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

    @property
    def record(self) -> Record | None:
        return self.done or self.failed

    @property
    def files(self) -> list[str]:
        return sorted(self.done.outputs) if self.done is not None else []

    @property
    def listed(self) -> list[str]:
        return [f for f in self.files if f.lower().endswith((*_TABLES, *_FIGURES))]

    @property
    def n_tables(self) -> int:
        return sum(f.lower().endswith(_TABLES) for f in self.files)

    @property
    def figures(self) -> dict[str, str]:
        """The first figures by their names, each once: the PNG where there is one."""
        by_stem: dict[str, str] = {}
        for file in (f for f in self.files if f.lower().endswith(_FIGURES)):
            by_stem.setdefault(file.rsplit(".", 1)[0], file)
        return dict(islice(by_stem.items(), _MOST_FIGURES))

    @property
    def numbers(self) -> list[tuple[str, str, str]] | None:
        """The headline numbers: label, what is shown, what is sorted by; None for a wrong file."""
        if HEADLINE not in self.files:
            return []
        try:
            with (self.folder / HEADLINE).open(encoding="utf-8", newline="") as file:
                rows = list(islice(csv.DictReader(file, strict=True), _MOST_NUMBERS))
            cells = [(row["label"], row["value"], row["unit"]) for row in rows]
        except (OSError, ValueError, KeyError, csv.Error):
            return None
        whole = all(isinstance(cell, str) for row in cells for cell in row)
        return [_number(*row) for row in cells] if whole else None

    @property
    def answer(self) -> list[str]:
        """The sentences of the answer; none for a wrong file."""
        try:
            found = json.loads((self.folder / ANSWER).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        texts = isinstance(found, list) and all(isinstance(text, str) for text in found)
        return found[:_MOST_SENTENCES] if texts and ANSWER in self.files else []

    def link(self, file: str) -> str:
        return quote(f"{self.notebook}/{self.name}/{file}")

    def has(self, file: str) -> bool:
        """Whether a page is there: one in print is made after the record."""
        return (self.folder / file).is_file()


def _number(label: str, value: str, unit: str) -> tuple[str, str, str]:
    try:
        number = float(value)
        text, key = f"{number:,.0f}" if number.is_integer() else f"{number:,.6g}", value
    except (ValueError, OverflowError):
        text, key = value, ""
    return label, f"{text} {unit}" if value else "missing", key


def write_index(out: Path) -> Path:
    """
    Write ``out/index.html``, which links every run below `out`, and return its path.

    It loads nothing from the network; the browser may only run its one script, which sorts.
    """
    from jinja2 import Environment, FileSystemLoader

    runs = list(_runs(out))
    script = (TEMPLATES / "index.js").read_text("utf-8")
    template = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("reports.html.j2")
    text = template.render(
        runs=runs,
        by_notebook=[(name, list(its)) for name, its in groupby(runs, lambda run: run.notebook)],
        states=[(s, n) for s in ("failed", "damaged") if (n := sum(r.state == s for r in runs))],
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        script=script,
        headline=HEADLINE,
        pdf=PDF,
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


def browser() -> str | None:
    """Return the program that prints, or None where there is none."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def print_pdf(folder: Path, *, timeout: int = 120) -> Path:
    """
    Print the page of a run as ``report.pdf`` next to it, whole or not at all.

    It has the time in it, so it is not part of the record of the run.
    """
    program = browser()
    if program is None:
        raise ReportError(f"No Chromium or Chrome was found. Install one to print {PDF}.")
    # A browser of root's needs its sandbox off; the page has no script and loads nothing.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    page, name = (folder / PAGE).absolute().as_uri(), Path(program).name
    with writing(folder) as into, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
        target = into / PDF
        command = [program, *_QUIET, *root, f"--user-data-dir={own}"]
        try:
            done = subprocess.run(  # noqa: S603 - a browser found by name, a page of ours
                [*command, f"--print-to-pdf={target.absolute()}", page],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ReportError(f"{PDF} was not printed: {name} took over {timeout} s.") from error
        if not target.is_file() or not target.read_bytes().startswith(b"%PDF"):
            raise ReportError(f"{PDF} was not printed: {name} ended with {done.returncode}.")
    return folder / PDF
