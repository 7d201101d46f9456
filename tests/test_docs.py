"""The docs say what the code says: pages are current, examples run, links lead somewhere."""

from __future__ import annotations

import doctest
import inspect
import re
import runpy
import tomllib
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest
import yaml

import sanctlib as sl
from sanctlib.metrics.composition import Intensity
from sanctlib.plots import PICTURES
from sanctlib.result import EVERYTHING, TABLES, Result
from sanctlib.result import PICTURES as PICTURE_FILES
from sanctlib.store import shipped
from tests.conftest import ROOT
from tests.test_layers import LAYERS

BANNED = (
    "told apart|anew|lately|wholly|foretell|dealt out|as it stands|is none of|of old|befell|"
    "parted by|lived|warmth|without a word|told that"
)
GONE = """
    Audit Fit Pair Provenance State active_agreements agreement_stages caption catalogue check_asked
    compare_dates decompose event_study exposure_elasticity find_breaks fit_count_panel fit_duration
    fit_gravity fit_interrupted_series fit_local_projection fit_synthetic_control gdelt_events
    ideal_point_gap intensity_shares lead_lag plot_acts plot_agreements plot_counts plot_fit
    plot_flow_and_stock plot_gap plot_intensity plot_partners plot_ratio plot_shared
    plot_specifications plot_stock plot_timeline plot_units poisson_interval prepare_files readers
    recent_sanctions show_table specification_curve stored_cells upstream_audit wilson_interval
    write
"""  # the public names of 0.1.0 that 0.2.0 does not have
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


def code_of(page: Path) -> str:
    """The blocks of Python of a page, as one program."""
    return "\n".join(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; the figures drawn in the test are closed after it."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    from matplotlib import pyplot as plt

    plt.close("all")


def test_the_lines_of_python_in_the_readme_run(folder: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec(compile(code_of(ROOT / "README.md"), "README.md", "exec"), names)
    assert [p.name for p in folder.iterdir()] == ["new_us_entities.png"]
    # What is printed there is what the result prints.
    printed = re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL)
    assert [block.split() for block in printed] == [repr(names["new"]).split()]
    assert f'"{names["new"].caption.split(";")[0]}; …"' in text
    assert f"# {names['counts'].table['n'].tolist()}" in text
    (beginning,) = re.findall(r"summary\(\)\[0\]\)  # (.*) …", text)
    assert names["pair"].summary()[0].startswith(beginning)


def test_the_lines_of_python_on_the_pages_of_results_and_guide_run(folder: Path) -> None:
    names: dict[str, object] = {}
    page = code_of(ROOT / "docs" / "results.md")
    exec(compile(page, "results.md", "exec"), names)
    assert f"# {names['russia'].table['n'].sum()}\n" in page
    suffixes = {p.suffix for p in folder.iterdir()}
    assert suffixes == set(EVERYTHING)
    exec(compile(code_of(ROOT / "docs" / "guide.md"), "guide.md", "exec"), {})


def table_under(page: str, heading: str) -> list[list[str]]:
    """The cells of the rows of the first table under a heading."""
    section = (ROOT / page).read_text("utf-8").split(f"# {heading}\n")[1]
    lines = section.split("\n|", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def first_cells(text: str) -> list[str]:
    """The first cell of each row of a table that begins with a name."""
    return re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)


def words(cell: str) -> list[str]:
    """The names in a cell."""
    return re.findall(r"`([\w.]+)`", cell)


def test_the_readme_lists_the_datasets_we_ship() -> None:
    listed = [key for row in table_under("README.md", "The data we ship") for key in words(row[0])]
    assert sorted(listed) == sorted(shipped())


def test_the_readme_lists_every_public_name_once() -> None:
    rows = table_under("README.md", "Public names")
    spaces = {"`sl.models`": sl.models, "`sl.metrics`": sl.metrics}
    for group, names in rows:
        if group in spaces:
            assert sorted(words(names)) == sorted(spaces[group].__all__)
    top = [name for group, names in rows if group not in spaces for name in words(names)]
    assert sorted([*top, "metrics", "models"]) == sorted(sl.__all__)


def test_the_page_on_results_has_every_attribute_method_suffix_and_picture() -> None:
    text = (ROOT / "docs" / "results.md").read_text("utf-8")
    told = set(re.findall(r"(?<![\w.])`(?:\w+\.)?(\w+)[(`]", text))
    told |= {name for cell in first_cells(text) for name in words(cell)}
    own = {n for n in vars(Result) if not n.startswith("_")} | {*Result.__dataclass_fields__}
    assert own - told == set()
    assert {n for n in vars(Intensity) if not n.startswith("_")} <= told
    rows = table_under("docs/results.md", "Saving")
    suffixes = [suffix for row in rows for suffix in re.findall(r"`(\.\w+)`", row[0])]
    assert suffixes == [*TABLES, *PICTURE_FILES, ".bib"]
    found = {
        words(kind)[0]: (words(views), words(uses))
        for kind, _, views, uses in table_under("docs/results.md", "Pictures")
    }
    pictures = {kind: ([*p.views], [*p.uses]) for kind, p in PICTURES.items()}
    assert {k: (v, sorted(u)) for k, (v, u) in found.items()} == {
        k: (v, sorted(u)) for k, (v, u) in pictures.items()
    }


def test_the_changes_name_every_public_name_that_is_gone() -> None:
    entry = (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n## ")[1]
    assert entry.startswith("0.2.0")
    new = {*sl.__all__, *sl.models.__all__, *sl.metrics.__all__}
    gone = GONE.split()
    assert [name for name in gone if name in sl.__all__] == []
    assert [name for name in gone if not re.search(rf"`{name}\b", entry)] == []
    table = entry.split("### Public names")[1].split("###")[0]
    old = {name for cell in first_cells(table) for name in re.findall(r"`(\w+)", cell)}
    assert old - set(gone) == set()
    calls = set(re.findall(r"`(?:models\.|metrics\.)?(\w+)\(", entry)) - set(gone)
    methods = {n for kind in (Result, Intensity) for n in vars(kind)}
    assert calls - new - methods - {"print"} == set()


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
    rows = [set(words(row[0])) for row in table_under("docs/architecture.md", "Architecture")]
    assert rows == [set(layer) for layer in LAYERS]
    assert parts | {"__main__"} == set().union(*rows)
    assert len(text.splitlines()) <= 60


def test_the_page_on_designs_has_every_model_with_its_call_and_the_numbers_it_gives() -> None:
    page = (ROOT / "docs" / "designs.md").read_text(encoding="utf-8")
    public = {*sl.__all__, *sl.models.__all__}
    called = set()
    for section in page.split("\n## ")[2:]:
        calls = dict(re.findall(r"`sl\.([\w.]+)\((.*?)\)`", section))
        for name, arguments in calls.items():
            known = inspect.signature(attrgetter(name)(sl)).parameters
            used = {*re.findall(r"(\w+)=", arguments), arguments.split(",")[0]}
            assert used <= known.keys(), name
        told = {word for n in calls for word in re.findall(r"\w+", attrgetter(n)(sl).__doc__)}
        named = re.findall(r'`(?:tables\[")?(\w+)(?:"\])?`', section)
        assert [w for w in named if w not in public and w not in told] == [], section[:40]
        called |= calls.keys()
    assert called == {f"models.{n}" for n in sl.models.__all__} | {"sanction_outcomes"}


def test_every_public_function_has_a_docstring() -> None:
    spaces = (sl, sl.models, sl.metrics)
    things = {f"{s.__name__}.{n}": getattr(s, n) for s in spaces for n in s.__all__}
    assert [n for n, thing in things.items() if not inspect.getdoc(thing)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_page_has_a_word_that_readers_stumble_over(page: Path) -> None:
    found = re.findall(rf"\b(?:{BANNED})\b", page.read_text("utf-8"), flags=re.IGNORECASE)
    assert found == []


@pytest.mark.parametrize("lock", ["run", "dev", "spark", "uv"])
def test_no_lock_bears_an_index_or_download_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert not re.search(r"https?:|--index-url|--extra-index|--find-links", text)


def test_what_a_report_needs_is_pinned_alike_for_development_and_has_no_tests_in_it() -> None:
    run, dev = (
        set(re.findall(r"^[\w.-]+==[\w.]+", text, flags=re.MULTILINE))
        for text in (
            (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8") for lock in ("run", "dev")
        )
    )
    assert run < dev
    names = {pin.partition("==")[0] for pin in run}
    assert not names & {"pytest", "mypy", "ruff", "hypothesis", "jupyterlab", "pyspark"}


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
