"""JupyterLab in a real browser: each notebook opened, run from top to bottom and saved."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import sanctlib as sl
from sanctlib.reports.index import browser
from sanctlib.reports.run import available, find_notebook

pytestmark = pytest.mark.browser

OPTIONS = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_NEWS = "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
WHERE = """\
import sys
import sanctlib as sl
sl.prepare(["russia_iran"], out="again", progress=True)
sys.executable"""
# The indicator in the notebook says idle before there is a kernel, and Run All is then lost.
IDLE = """[...document.querySelectorAll('.jp-StatusBar-TextItem')]
  .some(item => item.textContent.includes('| Idle'))"""
# Run All ends on the last cell, which is then in the page however long the notebook is.
ENDED = """document.body.textContent.includes('Traceback (most recent call last)')
  || /\\[\\d+\\]/.test(
    [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].pop()?.textContent)"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """JupyterLab as `make lab` starts it: its folder of notebooks, and its address."""
    home = tmp_path_factory.mktemp("lab")
    sl.prepare(out=home / "store", progress=False)
    for name in available():
        (home / "notebooks" / name).mkdir(parents=True)
        notebook = json.loads(find_notebook(name).read_text("utf-8"))
        notebook["cells"].append(
            {"cell_type": "code", "id": "where", "source": WHERE, "metadata": {}}
            | {"outputs": [], "execution_count": None}
        )
        (home / "notebooks" / name / f"{name}.ipynb").write_text(json.dumps(notebook), "utf-8")
    (home / NO_NEWS).parent.mkdir(parents=True)
    (home / NO_NEWS).write_text('{"fetchNews": "false"}')
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own_of_lab = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    folders = {n: str(home / n.lower()) for n in own} | {
        n: str(home / f) for n, f in own_of_lab.items()
    }
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", str(home / "notebooks"), "--no-browser"]
    command += ["--ip=127.0.0.1", "--port=0", "--allow-root", f"--IdentityProvider.token={token}"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=os.environ | folders | {"SANCTLIB_STORE": str(home / "store")},
        )
        try:
            yield home / "notebooks", f"{address(home, server)}lab/tree/{{}}?token={token}&reset"
        finally:
            server.terminate()
            server.wait(20)


def address(home: Path, server: subprocess.Popen[bytes]) -> str:
    """Wait until the server says where it is."""
    for _ in range(600):
        for said in (home / "jupyter_runtime_dir").glob("jpserver-*.json"):
            return str(json.loads(said.read_text("utf-8"))["url"])
        assert server.poll() is None, (home / "log").read_text("utf-8")
        time.sleep(0.1)
    raise TimeoutError((home / "log").read_text("utf-8"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium without a window; the test is skipped where there is none."""
    program = browser()
    if program is None:
        pytest.skip("no Chromium: `.ci/run` brings it")
    with pytest.importorskip("playwright.sync_api").sync_playwright() as p:
        running = p.chromium.launch(executable_path=program, args=OPTIONS)
        yield running
        running.close()


def run_all_and_save(page: Any, url: str) -> None:
    page.goto(url)
    page.wait_for_function(IDLE)
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    page.wait_for_function(ENDED)
    page.wait_for_function(IDLE)
    with page.expect_response(lambda r: r.request.method == "PUT" and "/api/contents/" in r.url):
        page.keyboard.press("Control+s")


@pytest.mark.parametrize("name", available())
def test_a_notebook_runs_in_jupyterlab_and_is_saved_with_its_results(
    name: str, lab: tuple[Path, str], chromium: Any
) -> None:
    folder, url = lab[0] / name, lab[1].format(f"{name}/{name}.ipynb")
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    run_all_and_save(page, url)
    page.close()
    assert asked - {""} == {urlsplit(url).netloc}, "the network was asked"

    saved = json.loads((folder / f"{name}.ipynb").read_text("utf-8"))
    cells = [c for c in saved["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in cells] == list(range(1, len(cells) + 1))
    outputs = [o for c in cells for o in c["outputs"]]
    assert [o for o in outputs if o["output_type"] == "error"] == []
    shown = [kind for o in outputs for kind in o.get("data", {})]
    drawn = list(folder.glob("*.png"))
    assert shown.count("image/png") == len(drawn)
    assert drawn or name == "90_prepare"
    last = [(c["source"][-1], c) for c in cells]
    tables = [c for line, c in last if line.startswith("sl.Result(") and ".save(" not in line]
    assert all("text/html" in c["outputs"][-1]["data"] for c in tables)
    assert "text/html" in shown
    bar, where = cells[-1]["outputs"]
    assert bar["name"] == "stdout"
    assert "1/1 [" in bar["text"][-1]
    assert where["data"]["text/plain"] == [repr(sys.executable)]
