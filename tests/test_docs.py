"""The docs say what the code says: pages are current, examples run, links lead somewhere."""

from __future__ import annotations

import doctest
import re
import runpy
from pathlib import Path

import pytest

import sanctlib as sl
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", ["reference", "tables"])
def test_a_generated_page_is_what_make_docs_writes(page: str) -> None:
    build = runpy.run_path(str(ROOT / "docs" / "build.py"))
    written = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert written == build[page](), "run `make docs`"


def test_the_page_of_each_source_is_what_make_docs_writes() -> None:
    build = runpy.run_path(str(ROOT / "docs" / "build.py"))
    pages = build["sources"]()
    folder = ROOT / "docs" / "sources"
    assert sorted(p.name for p in folder.iterdir()) == sorted(pages)
    for name, text in pages.items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"run `make docs` for {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_lines_of_python_in_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    assert "import sanctlib as sl" in code
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


def test_the_architecture_page_names_every_part() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = {p.stem for p in (ROOT / "sanctlib").iterdir() if not p.name.startswith(("_", "py."))}
    assert [p for p in sorted(parts) if f"`{p}" not in text] == []
    assert len(text.splitlines()) <= 60


def test_every_public_function_has_a_docstring() -> None:
    assert [n for n in sl.__all__ if callable(getattr(sl, n)) and not getattr(sl, n).__doc__] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-spark.lock"])
def test_no_lock_bears_an_index_or_download_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert not re.search(r"https?:|--index-url|--extra-index|--find-links", text)


def test_the_cases_on_what_is_counted_run() -> None:
    text = (ROOT / "docs" / "what_is_counted.md").read_text(encoding="utf-8")
    examples = doctest.DocTestParser().get_examples(
        "\n".join(re.findall(r"```pycon\n(.*?)```", text, flags=re.DOTALL)).replace("\\\n", "")
    )
    assert len(examples) > 25
    test = doctest.DocTest(examples, {}, "what_is_counted.md", None, 0, None)
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert failed == 0


def test_the_gallery_prints_and_draws_what_its_page_shows(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    gallery = runpy.run_path(str(ROOT / "docs" / "gallery.py"))
    assert gallery["run"](page, into=tmp_path) == page, "run `make gallery`"
    named = {n for n in re.findall(r"\]\(figures/([^)]+)\)", page) if "gsdb" not in n}
    assert len(named) >= 9
    assert named <= {p.name for p in tmp_path.iterdir()}
    figures = (ROOT / "docs" / "figures").glob("gallery_*.png")
    assert [p.name for p in figures if p.stat().st_size > 60_000] == []
