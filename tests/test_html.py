import base64
import re
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

from sanctlib.reports.page import markdown_html, mathml, render, title_of

PIXEL = base64.b64encode(b"not really a picture").decode()


def markdown(source: str) -> dict[str, Any]:
    return {
        "cell_type": "markdown",
        "metadata": {},
        "source": source,
    }


def output(**data: str) -> dict[str, Any]:
    kinds = {key.replace("_", "/", 1): value for key, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": kinds}


def code(*outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": "secret_source()",
        "execution_count": 1,
        "outputs": list(outputs),
    }


def page(*cells: dict[str, Any], **options: Any) -> BeautifulSoup:
    numbered = [cell | {"id": f"cell-{i}"} for i, cell in enumerate(cells)]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": numbered}
    settings = {"name": "brief", "parameters": {}} | options
    return BeautifulSoup(render(notebook, **settings), "html.parser")


def test_the_page_has_language_title_index_link_and_no_code() -> None:
    soup = page(markdown("## Before\n\n# *Russia* & Iran"), code(output(text_plain="shown")))
    assert soup.html is not None
    assert soup.html["lang"] == "en"
    assert soup.title is not None
    assert soup.title.text == "Russia & Iran"
    link = soup.select_one("nav a")
    assert link is not None
    assert link["href"] == "../../index.html"
    assert "secret_source" not in soup.text
    assert "shown" in soup.text


def test_the_title_is_the_first_heading_of_the_first_level_outside_code() -> None:
    notebook = {"cells": [markdown("```\n# a comment\n```\n## Two\n\n# One #")]}
    assert title_of(notebook, otherwise="brief") == "One"
    assert title_of({"cells": [markdown("text")]}, otherwise="brief") == "brief"


def test_formulas_are_drawn_by_the_browser_itself() -> None:
    soup = page(markdown("Rate $n/t < 1$.\n\n$$\\sum_i x_i$$\n\n\\begin{align}a&=b\\end{align}"))
    kinds = [math["display"] for math in soup.select("main math")]
    assert kinds == ["inline", "block", "block"]
    assert "$" not in soup.text
    assert [mo.text for mo in soup.select("math[display=inline] mo")] == ["/", "<"]


def test_a_formula_that_cannot_be_read_stays_as_text() -> None:
    assert mathml("a<b_1_2") == "<code>a&lt;b_1_2</code>"


def test_a_latex_output_is_drawn() -> None:
    soup = page(code(output(text_latex="$x^2$")))
    assert len(soup.select("main msup")) == 1


HOSTILE = """
<script>alert(1)</script><p onclick="alert(2)">kept</p>
<img src="https://example.org/a.png" alt="far"><img src="file:///etc/passwd" alt="near">
<iframe src="https://example.org"></iframe><link rel="stylesheet" href="https://example.org/x.css">
<style>@import "https://example.org/y.css";</style><style>p { color: red }</style>
<p style="background: url(https://example.org/z.png)">styled</p>
<a href="javascript:alert(3)">bad link</a> <a href="https://example.org/text">a link in text</a>
<a href="java\tscript:alert(4)">split link</a>
<svg><image xlink:href="https://example.org/b.png"></image></svg>
<svg><image href="https://example.org/c.png"></image><use href="#own"></use></svg>
<object data="https://example.org/o"></object><meta http-equiv="refresh" content="0;url=https://a.b">
"""


def test_outputs_can_neither_run_nor_load_anything() -> None:
    soup = page(markdown(f"# T\n\n{HOSTILE}"), code(output(text_html=HOSTILE)))
    assert soup.select("script, iframe, object, link, main meta") == []
    for tag in soup.select("*"):
        for name, value in tag.attrs.items():
            assert not name.startswith("on")
            if name in ("src", "xlink:href", "data", "style") or tag.name == "image":
                assert "example.org" not in str(value)
                assert "passwd" not in str(value)
    assert "@import" not in str(soup)
    assert "javascript:" not in str(soup)
    assert "kept" in soup.text
    assert [use["href"] for use in soup.select("use")] == ["#own", "#own"]
    links = [a["href"] for a in soup.select("main a[href]")]
    assert set(links) == {"https://example.org/text"}
    policy = soup.select_one("meta[http-equiv=Content-Security-Policy]")
    assert policy is not None
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:")


def test_names_from_data_are_shown_as_text() -> None:
    name = "<b>\"A\" & 'B'</b><script>alert(1)</script>"
    soup = page(
        code(
            output(text_plain=name),
            {"output_type": "stream", "name": "stdout", "text": name},
        ),
        parameters={"label": name},
        files=["<i>.csv"],
        name=name,
    )
    assert [pre.text for pre in soup.select("main pre")] == [name, name]
    assert soup.select("b, script, i") == []
    label = soup.select_one("dd")
    assert label is not None
    assert label.text == name
    assert soup.title is not None
    assert soup.title.text == name
    link = soup.select_one("footer a")
    assert link is not None
    assert (link.text, link["href"]) == ("<i>.csv", "%3Ci%3E.csv")


def test_the_page_says_the_command_that_was_run_and_not_the_defaults() -> None:
    changed = {"pair": ("IRN", "CHN"), "own": Path("/home/me/my file.csv")}
    values = changed | {"level": 0.95}
    soup = page(markdown("# A"), parameters=values, changed=changed, name="country_brief")
    said = soup.select_one("p.command code")
    assert said is not None
    assert said.text == "sanctlib report country_brief -p pair=IRN,CHN -p 'own=my file.csv'"
    assert "/home" not in str(soup)
    of_another = page(markdown("# One"), name="mine").select_one("p.command code")
    assert of_another is not None
    assert of_another.text == "sanctlib report mine.ipynb"


def test_figures_are_inside_the_page_with_words_for_those_who_cannot_see_them() -> None:
    own = output(image_png=PIXEL) | {"metadata": {"image/png": {"alt": 'Meetings "per" week'}}}
    svg = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "no"},
    }
    soup = page(
        markdown("# Title"),
        code(output(image_png=PIXEL)),
        markdown("## Meetings\n\ntext"),
        code(output(image_png=PIXEL), svg, own),
    )
    images = soup.select("main figure img")
    assert [image["alt"] for image in images] == [
        "Figure: Title",
        "Figure: Meetings",
        "Figure: Meetings (2)",
        'Meetings "per" week',
    ]
    assert images[0]["src"] == f"data:image/png;base64,{PIXEL}"
    assert str(images[2]["src"]).startswith("data:image/svg+xml;base64,")
    assert "no" not in [pre.text for pre in soup.select("pre")]


def test_every_table_scrolls_in_a_box_of_its_own_and_names_its_headers() -> None:
    table = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><th>0</th><td>1</td></tr></tbody>"
    soup = page(
        markdown("| x |\n|---|\n| 1 |"), code(output(text_html=f"{table}</table>", text_plain="t"))
    )
    boxes = soup.select("main div.scroll[tabindex='0'][role=region]")
    assert [box["aria-label"] for box in boxes] == ["Table 1", "Table 2"]
    assert [th["scope"] for th in boxes[1].select("th")] == ["col", "row"]


def test_light_dark_and_print_have_their_styles() -> None:
    text = str(page(markdown("# T")))
    assert "@media (prefers-color-scheme: dark)" in text
    assert "@media print" in text
    # Nothing is loaded: the only addresses are names of XML vocabularies.
    assert re.findall(r"(?:src|url\()[=\"' ]*https?:", text) == []


def test_the_same_notebook_gives_the_same_page() -> None:
    cells = [markdown("# T\n\n$x$"), code(output(image_png=PIXEL), output(text_html="<p>x</p>"))]
    assert str(page(*cells)) == str(page(*cells))


def test_colour_codes_of_terminals_are_dropped() -> None:
    stream = {"output_type": "stream", "name": "stderr", "text": "\x1b[31mred\x1b[0m"}
    assert page(code(stream)).select("pre.stderr")[0].text == "red"


def test_an_attached_picture_is_inside_the_page() -> None:
    html = markdown_html("![a map](attachment:m.png)", attachments={"m.png": {"image/png": PIXEL}})
    assert f'src="data:image/png;base64,{PIXEL}"' in html
