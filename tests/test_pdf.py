import os
from pathlib import Path

import pytest

from sanctlib.errors import ReportError
from sanctlib.reports.index import browser, print_pdf

PAGE = "<!DOCTYPE html><title>T</title><p>One page."


def program(folder: Path, script: str) -> None:
    """Put a program named chromium on the way."""
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    (made / "report.html").write_text(PAGE)
    return made


def test_without_a_browser_it_says_so(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert browser() is None
    with pytest.raises(ReportError, match="No Chromium or Chrome was found"):
        print_pdf(folder)


def test_a_browser_that_fails_leaves_the_earlier_page_alone(fake: Path, folder: Path) -> None:
    (folder / "report.pdf").write_bytes(b"%PDF earlier")
    half = 'for a; do case $a in --print-to-pdf=*) echo half > "${a#*=}";; esac; done'
    for script in ("exit 7", half):
        program(fake, script)
        with pytest.raises(ReportError, match=r"not printed: chromium ended with [70]"):
            print_pdf(folder)
    program(fake, "exec sleep 9")
    with pytest.raises(ReportError, match="took over 1 s"):
        print_pdf(folder, timeout=1)
    assert (folder / "report.pdf").read_bytes() == b"%PDF earlier"
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "report.pdf"]


def test_the_browser_is_given_no_network(fake: Path, folder: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program(
        fake,
        f'for a; do echo "$a" >> {said}; '
        'case $a in --print-to-pdf=*) printf %%PDF > "${a#*=}";; esac; done',
    )
    assert print_pdf(folder).read_bytes() == b"%PDF"
    told = said.read_text().splitlines()
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in told
    assert told[-1] == (folder / "report.html").as_uri()


@pytest.mark.skipif(browser() is None, reason="needs Chromium")
def test_a_page_is_printed(folder: Path) -> None:
    assert print_pdf(folder).read_bytes()[:5] == b"%PDF-"
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "report.pdf"]
