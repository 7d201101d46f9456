"""Kernels forked from a process that has imported the libraries: as fresh, as equal, as mortal."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from sanctlib.cli import main
from sanctlib.reports import forks
from sanctlib.reports.run import NotebookError, available, run_notebook
from tests.small_notebooks import small_notebook
from tests.test_faults import NOTE_PIDS, TABLE, Runner, all_gone, contents

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks kernels on Linux only")

# What an import decides once, and what a process has of its own.
SETTINGS = """\
import gc, locale, multiprocessing, os, signal, sys, threading, time, warnings
import duckdb, matplotlib as mpl, matplotlib.pyplot, numpy as np, pandas as pd
import pyarrow.parquet, sanctlib, scipy.stats
print({name: pd.get_option(name) for name in ("display.max_columns", "display.width")})
print(duckdb.sql("select current_setting('enable_progress_bar')"))
print({name: str(value) for name, value in mpl.rcParams.items()})
print(sorted(str(filter) for filter in warnings.filters))
print(sys.flags, sys.path, sys.argv[0], sys.stdin, hash("a"), time.tzname, os.getcwd())
own = ("JPY_PARENT_PID", "IPYTHONDIR", "MATPLOTLIBRC", "SANCTLIB_NOTES")
print({name: value for name, value in os.environ.items() if name not in own})
print([str(signal.getsignal(number)) for number in signal.valid_signals()])
print(os.getpgid(0) == os.getsid(0) == os.getpid(), sorted(os.listdir("/proc/self/fd"))[:3])
print(threading.current_thread() is threading.main_thread(), gc.get_threshold(), gc.isenabled())
print(locale.getlocale(), multiprocessing.get_start_method(), __name__, sys.excepthook)
%precision"""
FIGURE = """\
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2], [1, 3])
figure.savefig("figure.png")
figure.savefig("figure.svg")
pd.DataFrame({f"column {i}": [i] for i in range(30)})"""


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """All tests here share one server, which the first kernel starts."""
    yield
    assert forks.refused() == ""
    assert forks.Provisioner.server is not None
    forks.Provisioner.server.end()


def run_both_ways(
    notebook: Path, folder: Path, *, timeout: int = 60
) -> list[str | dict[str, bytes]]:
    """Return what the ordinary and the forked kernel gave: files, or words of failure."""
    gave: list[str | dict[str, bytes]] = []
    for fast in (False, True):
        out = folder / str(fast)
        try:
            run_notebook(notebook, parameters={}, out=out, timeout=timeout, fast=fast)
        except NotebookError as error:
            gave.append(f"{error}, kernel died: {error.kernel_died}")
        else:
            gave.append(contents(out))
    return gave


def test_a_forked_kernel_finds_what_an_ordinary_one_finds(tmp_path: Path) -> None:
    notebook = small_notebook(tmp_path / "brief.ipynb", TABLE, SETTINGS, FIGURE)
    ordinary, forked = run_both_ways(notebook, tmp_path)
    assert isinstance(ordinary, dict)
    assert b"image/png" in ordinary["brief/default/notebook.ipynb"]
    assert {"brief/default/figure.png", "brief/default/figure.svg"} < set(ordinary)
    assert forked == ordinary


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in available() if n != "01_prepare"])
def test_our_notebooks_have_the_same_bytes_both_ways(name: str, tmp_path: Path) -> None:
    for fast in (False, True):
        run_notebook(name, parameters={}, out=tmp_path / str(fast), fast=fast)
    assert contents(tmp_path / "True") == contents(tmp_path / "False")


def test_a_kernel_sees_nothing_of_the_one_before_it(tmp_path: Path) -> None:
    look = """\
import os, sys
import matplotlib, numpy as np, pandas as pd
from pathlib import Path
seen = [matplotlib.rcParams["figure.dpi"], pd.DataFrame.to_csv is None, "left" in sys.modules]
Path("seen").write_text(f"{seen} {os.environ.get('LEFT')}")
Path("chance").write_text(f"{os.getppid()} {np.random.random()}")"""
    leave = """\
matplotlib.rcParams["figure.dpi"] = 7
pd.DataFrame.to_csv = None
sys.modules["left"] = sys
os.environ["LEFT"] = "yes"
np.random.seed(1)"""
    notebook = small_notebook(tmp_path / "brief.ipynb", look, leave)
    runs = [
        run_notebook(notebook, parameters={}, out=tmp_path / str(i), fast=True) for i in range(2)
    ]
    assert [(run.folder / "seen").read_text() for run in runs] == ["[100.0, False, False] None"] * 2
    one, two = ((run.folder / "chance").read_text().split() for run in runs)
    assert one[0] == two[0]  # both are children of the server
    assert one[1] != two[1]


MISBEHAVING = [
    "import sys\nsys.exit(0)",
    "1 / 0",
    "import os\nos._exit(0)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "import os, shutil\nshutil.rmtree(os.getcwd())",
    "import os, shutil\nshutil.rmtree(os.path.dirname(os.getcwd()))",
    "import signal\nsignal.pause()",
    "import atexit\natexit.register(lambda: open('late.txt', 'w').close())",
    "import subprocess\nsubprocess.run('echo out; echo err >&2', shell=True)\ninput()",
    "import os\nif os.fork() == 0: os._exit(0)\nos.wait()[1]",
    "from multiprocessing import Pool\nwith Pool(2) as pool: print(pool.map(abs, [-1]))",
]


@pytest.mark.slow
@pytest.mark.parametrize("cell", MISBEHAVING)
def test_what_a_cell_does_to_its_kernel_ends_the_same_way(cell: str, tmp_path: Path) -> None:
    notebook = small_notebook(tmp_path / "brief.ipynb", cell, "1 + 1")
    timeout = 2 if "pause" in cell else 60
    ordinary, forked = run_both_ways(notebook, tmp_path, timeout=timeout)
    assert forked == ordinary


def test_what_a_cell_forks_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    fork = """\
import signal
child = os.fork()
if child == 0: signal.pause()
with open(os.environ["PIDS"], "w") as file: file.write(f"{child} {os.getpid()}")"""
    notebook = small_notebook(tmp_path / "brief.ipynb", NOTE_PIDS, fork)
    run_notebook(notebook, parameters={}, out=tmp_path / "out", fast=True)
    assert all_gone(tmp_path / "pids")


def test_a_killed_server_costs_one_try_and_the_next_kernel_has_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    kill = """\
if not os.path.exists(os.environ["PIDS"] + ".killed"):
    open(os.environ["PIDS"] + ".killed", "w").close()
    os.kill(os.getppid(), 9)
    __import__("time").sleep(60)  # until the kernel follows it"""
    notebook = small_notebook(tmp_path / "brief.ipynb", NOTE_PIDS, kill)
    with pytest.raises(NotebookError, match="its process died") as caught:
        run_notebook(notebook, parameters={}, out=tmp_path / "out", fast=True)
    assert caught.value.kernel_died
    assert all_gone(tmp_path / "pids")
    run_notebook(notebook, parameters={}, out=tmp_path / "out", fast=True)
    lines = (tmp_path / "pids").read_text().splitlines()
    first, second = (line.split()[1] for line in lines)
    assert first != second
    assert forks.refused() == ""


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server was started in this process so far."""
    monkeypatch.setattr(forks.Provisioner, "server", None)
    monkeypatch.setattr(forks.Provisioner, "refused", "")


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("why", ["it needs Linux", "its process ended or gave no sign"])
def test_where_no_server_runs_kernels_start_as_ever(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "Linux" in why:
        monkeypatch.setattr(forks, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(forks, "SERVER", "1 / 0")
    notebook = small_notebook(tmp_path / "brief.ipynb", TABLE)
    run = run_notebook(notebook, parameters={}, out=tmp_path / "out", fast=True)
    assert (run.folder / "table.csv").is_file()
    assert forks.refused() == why


@pytest.mark.slow
def test_a_batch_says_once_that_it_is_not_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duckdb.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    small_notebook(tmp_path / "brief.ipynb", TABLE)
    (tmp_path / "briefs.toml").write_text('notebook = "brief.ipynb"\ngrid.label = ["a", "b", "c"]')
    monkeypatch.chdir(tmp_path)
    paths = [str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    result = CliRunner().invoke(main, ["batch", "briefs.toml", "--fast", "--jobs", "2"])
    assert result.exit_code == 0, result.output
    said = "--fast is off, a library runs threads of its own: kernels start one by one"
    assert result.stderr.splitlines().count(said) == 1
    assert sum(": done in " in line for line in result.stderr.splitlines()) == 3


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What ordinary kernels give that nobody kills."""
    home = tmp_path_factory.mktemp("undisturbed")
    Runner(home).run()
    return contents(home / "out")


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["kernel", "server", "worker", "runner"])
def test_whoever_is_killed_leaves_no_process_and_no_other_byte(
    victim: str, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    runner = Runner(tmp_path)
    with runner.start("--fast") as process:
        kernel, server = runner.first_noted()
        worker = int(Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
        pids = {"kernel": kernel, "server": server, "worker": worker, "runner": process.pid}
        with suppress(ProcessLookupError):
            os.kill(pids[victim], signal.SIGKILL)
        process.communicate()
        assert process.returncode == (-signal.SIGKILL if victim == "runner" else 0)
    assert all_gone(runner.pids)
    runner.run("--fast")
    assert contents(tmp_path / "out") == undisturbed
    assert runner.left_over() == []
