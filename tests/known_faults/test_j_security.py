"""Kind J: hostile folders, outputs, servers and files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.web import Handler, fetch_from, running

SAMPLES = ROOT / "tests" / "samples"


def test_workers_run_nothing_of_the_working_folder(tmp_path: Path) -> None:
    bait, elsewhere = tmp_path / "bait", tmp_path / "elsewhere"
    bait.mkdir()
    elsewhere.mkdir()
    for name in ("types", "socket", "select"):
        (bait / f"{name}.py").write_text(f"open('ran_{name}', 'w').close()\n")
    # A script puts its own folder first on the path, and not the working folder.
    script = elsewhere / "prepare.py"
    script.write_text("from sanctlib.cli import main\n\nif __name__ == '__main__':\n    main()\n")
    files = str(SAMPLES / "gdelt" / "20140102.export.CSV")
    subprocess.run(
        [sys.executable, script, "prepare", "gdelt", files, "--workers", "2", "--out", "store"],
        cwd=bait,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert sorted(path.name for path in bait.glob("ran_*")) == []


def displayed(html: str) -> str:
    """Return the page of a notebook with one output of HTML."""
    from sanctlib.reports.page import render

    cell = {
        "id": "cell-1",
        "cell_type": "code",
        "metadata": {},
        "source": "",
        "execution_count": 1,
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"text/html": html}}],
    }
    notebook: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    return render(notebook | {"cells": [cell]}, name="brief", parameters={})


ACTIVE = '<meta http-equiv="refresh" content="0;url=https://example.org/"><script>1</script>'


@pytest.mark.parametrize("before", ["", "<!-->", "<svg><!-->", "</main>", "</main></body></html>"])
def test_an_output_brings_no_script_and_no_redirection(before: str) -> None:
    text = displayed(f"<p>a</p>{before}{ACTIVE}")
    assert 'http-equiv="refresh"' not in text
    assert "<script>1" not in text


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as server:
        yield server


def test_the_words_of_a_server_are_printed_without_escapes(web: Any, tmp_path: Path) -> None:
    from sanctlib.sources.producers import Fetchable, Series

    def answer(handler: Handler) -> None:
        handler.send_response(418, "\x1b[31mred\x1b[0m \x07")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.says("/20180101.csv", answer)
    series = Series(address=f"{web.address}/%Y%m%d.csv", every="D", first=date(2018, 1, 1))
    source = Fetchable(name="days", title="Days", series=(series,), pause=0)
    with pytest.raises(sl.SanctlibError) as caught:
        fetch_from(source, out=tmp_path, first=date(2018, 1, 1), last=date(2018, 1, 1))
    assert "418" in str(caught.value)
    assert str(caught.value).replace("\n", " ").isprintable()


def test_rejected_rows_hold_no_formula(tmp_path: Path) -> None:
    text = (SAMPLES / "icews" / "events.2018.20190104.tab").read_text(encoding="utf-8")
    head, row, *rest = text.splitlines()
    wrong = "\t".join(["=cmd|'/c calc'!A1", "no day", *row.split("\t")[2:]])
    path = tmp_path / "events.2018.20190104.tab"
    path.write_text("\n".join([head, wrong, *rest]) + "\n", encoding="utf-8")
    sl.prepare("icews", [path], out=tmp_path / "store")
    saved = (tmp_path / "store" / "icews.rejected.csv").read_text(encoding="utf-8")
    assert "=cmd|" in saved
    assert not [line for line in saved.replace('"', ",").splitlines() if ",=cmd" in line]
