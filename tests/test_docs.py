"""The docs say what the code says: pages are current, examples run, links lead somewhere."""

from __future__ import annotations

import doctest
import inspect
import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

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
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    # The result that a comment promises of one's own table.
    counts = sl.sanction_counts(names["reading"], every="quarter", unit="act")["n"].tolist()
    assert f"# {counts}" in text


def test_the_readme_lists_the_datasets_we_ship() -> None:
    table = (ROOT / "README.md").read_text("utf-8").split("## The data we ship")[1].split("##")[0]
    listed = [key for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
              for key in re.findall(r"`(\w+)`", row)]  # fmt: skip
    assert sorted(listed) == sorted(sl.catalogue()["key"])


def test_the_citation_file_says_what_the_package_says() -> None:
    # Names and requirements: schema of the Citation File Format 1.2.0.
    allowed = {"abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi"}
    allowed |= {"identifiers", "keywords", "license", "license-url", "message", "repository"}
    allowed |= {"preferred-citation", "references", "repository-artifact", "repository-code"}
    allowed |= {"title", "type", "url", "version"}
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= cited.keys() <= allowed
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    for name in ("version", "authors", "keywords"):
        assert cited[name] == package[name], name
    assert package["license"].startswith(f"{cited['license']} AND ")
    assert all(isinstance(cited[name], str) for name in ("abstract", "message", "title"))


def test_the_architecture_page_names_every_part() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = {p.stem for p in (ROOT / "sanctlib").iterdir() if not p.name.startswith(("_", "py."))}
    assert [p for p in sorted(parts) if f"`{p}" not in text] == []
    assert len(text.splitlines()) <= 60


def test_the_page_on_designs_has_every_model_with_its_call_and_the_numbers_it_gives() -> None:
    page = (ROOT / "docs" / "designs.md").read_text(encoding="utf-8")
    models = {n for n in sl.__all__ if getattr(sl, n).__module__.startswith("sanctlib.models")}
    called = set()
    for section in page.split("\n## ")[2:]:
        calls = dict(re.findall(r"`sl\.(\w+)\((.*?)\)`", section))
        for name, arguments in calls.items():
            known = inspect.signature(getattr(sl, name)).parameters
            assert set(re.findall(r"(\w+)=", arguments)) <= known.keys(), name
        told = {word for n in calls for word in re.findall(r"\w+", getattr(sl, n).__doc__)}
        words = re.findall(r'`(?:details\[")?(\w+)(?:"\])?`', section)
        assert [w for w in words if w not in sl.__all__ and w not in told] == [], section[:40]
        called |= calls.keys()
    assert called == models - {"Fit"} | {"sanction_outcomes"}


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
