"""Pages: an executed notebook as one HTML file that asks the network for nothing."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape, unescape
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from sanctlib.reports.parameters import declared_in
from sanctlib.reports.values import as_text, shown
from sanctlib.shipped import shipped_path

TEMPLATES = Path(__file__).parent / "templates"

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_FORBIDDEN = (
    "script", "iframe", "frame", "object", "embed", "applet", "form", "link", "meta", "base",
    "audio", "video",
)  # fmt: skip
_LOADING = ("src", "srcset", "poster", "background", "data", "href", "xlink:href")
_RUN_BY_LINK = re.compile("(javascript|vbscript|data):", re.IGNORECASE)
_LOADED_BY_STYLE = re.compile(r"@import|url\(\s*['\"]?(?!data:|#)", re.IGNORECASE)


def mathml(tex: str, *, display: str = "inline") -> str:
    """
    Turn TeX into MathML, which browsers draw themselves; what cannot be read stays text.

    Examples
    --------
    >>> "<msup>" in mathml("x^2")
    True
    """
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
    """Turn Markdown with formulas into HTML."""
    renderer = _Renderer(
        escape=False, exclude_anchor_links=True, attachments=dict(attachments or {})
    )
    html: str = MarkdownWithMath(renderer=renderer).render(text)
    return html


def _tex_html(text: str) -> str:
    return mathml(text.strip().strip("$").strip(), display="block")


class OfflineExporter(HTMLExporter):
    """nbconvert's exporter with our template: outputs only, no script, no address to load."""

    def __init__(self) -> None:
        super().__init__(template_name="sanctlib", extra_template_basedirs=[str(TEMPLATES)])  # type: ignore[no-untyped-call]

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Add ours to nbconvert's filters."""
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield "markdown_html", markdown_html
        yield "tex_html", _tex_html


def title_of(notebook: Mapping[str, Any], *, otherwise: str) -> str:
    """Return the text of the first heading of the first level."""
    texts = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    found = (text for source in texts for level, text in _headings(source) if level == 1)
    return next(found, otherwise)


def _headings(source: str) -> Iterator[tuple[int, str]]:
    for marks, text in _HEADING.findall(_FENCED.sub("", source)):
        plain = re.sub(r"<[^>]*>", "", markdown_html(text))
        yield len(marks), unescape(plain).strip()


def _with_alt_texts(notebook: dict[str, Any], *, title: str) -> dict[str, Any]:
    """
    Give each figure the words that stand for it where it cannot be seen.

    They are the figure's own (``alt`` in the metadata of the output), else the last
    heading before it, numbered where several figures share one.
    """
    heading, n_figures = title, 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for _, text in _headings(cell["source"]):
                heading, n_figures = text, 0
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            kinds = [kind for kind in data if kind.startswith("image/")]
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
    files: Sequence[str] = (),
) -> str:
    """
    Return an executed notebook as a page that needs no network.

    Code is hidden; formulas are MathML; figures are inside the page, each with a text
    of its own; every table scrolls in a box of its own; `files` are linked from the
    foot. Scripts and whatever would load an address are taken out of the outputs, and
    the page forbids the browser both.
    """
    title = title_of(notebook, otherwise=name)
    described = _with_alt_texts(copy.deepcopy(dict(notebook)), title=title)
    content = nbformat.from_dict(described)  # type: ignore[no-untyped-call]
    page = {
        "title": title,
        "command": _command(notebook, name, parameters),
        "parameters": {key: shown(value) for key, value in parameters.items()},
        "files": list(files),
    }
    html, _ = OfflineExporter().from_notebook_node(content, resources={"page": page})
    return _offline(html)


def _command(notebook: Mapping[str, Any], name: str, parameters: Mapping[str, object]) -> str:
    """Return the command of a run: its values that are not the defaults, files by name alone."""
    ours = (shipped_path("notebooks") / f"{name}.ipynb").is_file()
    words = ["sanctlib", "report", name if ours else f"{name}.ipynb"]
    known = declared_in(notebook, name=name) if parameters else {}
    for key, value in parameters.items():
        if value != known[key].default:
            words += ["-p", f"{key}={as_text(_by_name(value))}"]
    return shlex.join(words)


def _by_name(value: object) -> object:
    if isinstance(value, list):
        return [_by_name(v) for v in value]
    return value.name if isinstance(value, Path) else value


def _offline(html: str) -> str:
    soup = BeautifulSoup(html, "html.parser")
    main = soup.find("main")
    if isinstance(main, Tag):
        for tag in main.find_all(_FORBIDDEN):
            tag.decompose()
        for tag in main.select("*"):
            _disarm(tag)
        for number, table in enumerate(main.find_all("table"), 1):
            _box(soup, table, number)
    return str(soup)


def _disarm(tag: Tag) -> None:
    for name in list(tag.attrs):
        # A browser ignores blanks and line ends inside the scheme of an address.
        value = re.sub(r"[\x00-\x20]+", "", str(tag.attrs[name]))
        if name == "href" and tag.name in ("a", "area"):
            wrong = _RUN_BY_LINK.match(value) is not None
        elif name in _LOADING:
            wrong = not value.startswith(("data:", "#"))
        else:
            wrong = name.startswith("on")
            wrong |= name == "style" and _LOADED_BY_STYLE.search(value) is not None
        if wrong:
            del tag.attrs[name]
    if tag.name == "style" and _LOADED_BY_STYLE.search(tag.text):
        tag.decompose()


def _box(soup: BeautifulSoup, table: Tag, number: int) -> None:
    box = soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "region"})
    box.attrs["aria-label"] = f"Table {number}"
    table.wrap(box)
    for cell in table.find_all("th"):
        if "scope" not in cell.attrs:
            cell.attrs["scope"] = "col" if cell.find_parent("thead") else "row"
