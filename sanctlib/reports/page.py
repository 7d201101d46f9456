"""Render an executed notebook as one HTML page that asks the network for nothing; print it."""

from __future__ import annotations

import copy
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape, unescape
from pathlib import Path
from typing import Any

import nh3
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from sanctlib.errors import ReportError
from sanctlib.reports.executed import as_node
from sanctlib.reports.index import PDF, TEMPLATES
from sanctlib.reports.parameters import as_text, shown
from sanctlib.reports.run import PAGE
from sanctlib.store import shipped_path
from sanctlib.writing import writing

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_STYLE = re.compile(r"<style\b[^>]*>.*?</style>", re.DOTALL)
# A backslash can hide both words.
_LOADING = re.compile(r"@import|url\(\s*['\"]?(?!data:image/|#)|\\", re.IGNORECASE)
_TABLE = re.compile(r"<table\b.*?</table\s*>", re.DOTALL | re.IGNORECASE)
_HEAD = re.compile(r"<thead\b.*?</thead\s*>", re.DOTALL | re.IGNORECASE)
_UNSCOPED = re.compile(r"<th(?=[\s>])(?![^>]*\bscope=)", re.IGNORECASE)

_SVG = (
    "svg g defs use path rect circle ellipse line polyline polygon text tspan clipPath marker "
    "linearGradient radialGradient stop image title desc"
)
_MATH = (
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle merror mpadded mphantom menclose "
    "msub msup msubsup munder mover munderover mmultiscripts mprescripts none mtable mtr mtd"
)
_TAGS = nh3.ALLOWED_TAGS | {*_SVG.split(), *_MATH.split(), "style", "section"}
_ATTRIBUTES = (
    "class id style title lang dir role tabindex scope colspan rowspan align valign width height "
    "border alt aria-label aria-hidden open start type checked disabled for "
    "x y x1 y1 x2 y2 dx dy cx cy r rx ry d points viewBox preserveAspectRatio transform fill "
    "fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-linecap "
    "stroke-linejoin opacity offset stop-color stop-opacity clip-path text-anchor font-size "
    "font-family font-weight marker-end marker-start gradientUnits gradientTransform xmlns "
    "display mathvariant stretchy fence separator form lspace rspace accent accentunder "
    "columnalign rowspacing columnspacing linethickness displaystyle scriptlevel notation minsize "
    "maxsize movablelimits largeop symmetric mathcolor mathsize depth voffset"
)
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


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return the value of an attribute, or None for one that would load something."""
    if name in ("href", "src", "xlink:href"):
        inside = value.startswith(("data:image/", "#"))
        return value if inside or (tag == "a" and not value.startswith("data:")) else None
    in_words = name in ("alt", "title", "aria-label", "id", "class")
    return None if not in_words and _LOADING.search(value) else value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script"},
    attributes={"*": {*_ATTRIBUTES.split()}, "a": {"href"}, "img": {"src"}}
    | dict.fromkeys(("use", "image"), {"href", "xlink:href"}),
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto", "data"},
    link_rel=None,
)


def clean(html: str) -> str:
    """Return HTML without whatever could run a script or load an address."""
    kept = _CLEANER.clean(html)
    if "<style" in kept and _LOADING.search(kept):
        # What was kept is well formed, so that each style is found; the last word has nh3.
        kept = _CLEANER.clean(_STYLE.sub(lambda s: "" if _LOADING.search(s[0]) else s[0], kept))
    return str(kept)


def mathml(tex: str, *, display: str = "inline") -> str:
    """Turn TeX into MathML, which browsers draw themselves; what cannot be read stays text."""
    try:
        drawn: str = convert(tex, display=display)
    except Exception:  # the converter raises a dozen kinds on bad TeX
        return f"<code>{escape(tex)}</code>"
    return drawn


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return mathml(body, display="block")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")


def markdown_html(text: str, *, attachments: Mapping[str, Any] | None = None) -> str:
    """Turn Markdown with formulas into HTML, which is not clean yet."""
    renderer = _Renderer(
        escape=False, exclude_anchor_links=True, attachments=dict(attachments or {})
    )
    html: str = MarkdownWithMath(renderer=renderer).render(text)
    return html


class _Exporter(HTMLExporter):
    """nbconvert's exporter with our template: outputs only, no script, no address to load."""

    def __init__(self) -> None:
        super().__init__(template_name="sanctlib", extra_template_basedirs=[str(TEMPLATES)])  # type: ignore[no-untyped-call]
        self._n_tables = 0

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Add ours to nbconvert's filters."""
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield "markdown_html", lambda text, **more: self._boxed(markdown_html(text, **more))
        yield "tex_html", lambda text: mathml(text.strip().strip("$").strip(), display="block")
        yield "boxed", self._boxed

    def _boxed(self, html: str) -> str:
        """Return clean HTML whose tables scroll in boxes of their own and name their headers."""

        def box(found: re.Match[str]) -> str:
            self._n_tables += 1
            label = f'role="region" aria-label="Table {self._n_tables}"'
            table = _HEAD.sub(lambda head: _UNSCOPED.sub('<th scope="col"', head[0]), found[0])
            table = _UNSCOPED.sub('<th scope="row"', table)
            return f'<div class="scroll" tabindex="0" {label}>{table}</div>'

        return clean(_TABLE.sub(box, html))


def title_of(notebook: Mapping[str, Any], *, otherwise: str) -> str:
    """Return the text of the first heading of the first level."""
    texts = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    found = (text for source in texts for level, text in _headings(source) if level == 1)
    return next(found, otherwise)


def _headings(source: str) -> Iterator[tuple[int, str]]:
    for marks, text in _HEADING.findall(_FENCED.sub("", source)):
        yield len(marks), unescape(nh3.clean(markdown_html(text), tags=set())).strip()


def _with_alt_texts(notebook: dict[str, Any], *, title: str) -> dict[str, Any]:
    """Give each figure words: its own, or the heading before it, numbered where they share one."""
    heading, n_figures = title, 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for _, text in _headings(cell["source"]):
                heading, n_figures = text, 0
        for output in cell.get("outputs", []):
            kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            if not kinds:
                continue
            n_figures += 1
            meta = output.setdefault("metadata", {})
            own = [meta.get(kind, {}).get("alt") for kind in kinds] + [meta.get("alt")]
            number = f" ({n_figures})" if n_figures > 1 else ""
            meta["alt"] = next((a for a in own if a), f"Figure: {heading}{number}")
    return notebook


def render(
    notebook: Mapping[str, Any],
    *,
    name: str,
    parameters: Mapping[str, object],
    changed: Mapping[str, object] | None = None,
    files: Sequence[str] = (),
) -> str:
    """
    Return an executed notebook as a page that needs no network.

    Code is hidden; formulas are MathML; figures are inside the page, each with a text
    of its own; every table scrolls in a box of its own; `files` are linked from the
    foot; the command names the values of `changed`. Scripts and whatever would load an address
    are taken out of the outputs, and the page forbids the browser both.
    """
    title = title_of(notebook, otherwise=name)
    ours = (shipped_path("notebooks") / f"{name}.ipynb").is_file()
    words = ["sanctlib", "report", name if ours else f"{name}.ipynb"]
    for key, value in (changed or {}).items():
        words += ["-p", f"{key}={as_text(_by_name(value))}"]
    page = {
        "title": title,
        "command": shlex.join(words),
        "parameters": {key: shown(value) for key, value in parameters.items()},
        "files": list(files),
    }
    described = as_node(_with_alt_texts(copy.deepcopy(dict(notebook)), title=title))
    html, _ = _Exporter().from_notebook_node(described, resources={"page": page})
    return str(html)


def _by_name(value: object) -> object:
    if isinstance(value, list):
        return [_by_name(v) for v in value]
    return value.name if isinstance(value, Path) else value


def browser() -> str | None:
    """Return the program that prints, or None where there is none."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def print_pdf(folder: Path, *, timeout: int = 120) -> Path:
    """
    Print the page of a run as ``report.pdf`` next to it, whole or not at all.

    The bytes differ by day and by browser, which writes the time into each file: the PDF is
    not part of the record of a run, and is removed when the run is repeated. A ReportError is
    raised without a browser, or if it prints nothing in `timeout` seconds.
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
