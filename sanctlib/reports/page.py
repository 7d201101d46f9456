"""Render an executed notebook as one HTML page that asks the network for nothing; print it."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape, unescape
from typing import Any

import nbformat
import nh3
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from sanctlib.reports.index import TEMPLATES
from sanctlib.reports.parameters import as_text, shown
from sanctlib.store import shipped_path

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
    | {tag: {"href", "xlink:href"} for tag in ("use", "image")},
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
    Return an executed notebook as a page without code, which needs no network and runs no script.

    `files` are linked from the foot; the command names the values of `changed`.
    """
    title = title_of(notebook, otherwise=name)
    ours = (shipped_path("notebooks") / f"{name}.ipynb").is_file()
    words = ["sanctlib", "report", name if ours else f"{name}.ipynb"]
    for key, value in (changed or {}).items():
        words += ["-p", f"{key}={as_text(value)}"]
    page = {
        "title": title,
        "command": shlex.join(words),
        "parameters": {key: shown(value) for key, value in parameters.items()},
        "files": list(files),
    }
    described = _with_alt_texts(copy.deepcopy(dict(notebook)), title=title)
    node = nbformat.from_dict(described)  # type: ignore[no-untyped-call]
    html, _ = _Exporter().from_notebook_node(node, resources={"page": page})
    return str(html)
