"""What a night brings: killed processes, full disks, and notebooks that misbehave."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from sanctlib.errors import ReportError
from sanctlib.reports.batch import Event, Running, read_grid, run_batch
from sanctlib.reports.run import NotebookError, run_notebook
from tests.small_notebooks import small_notebook

posix = pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")
NOTE_PIDS = """\
import os
with open(os.environ["PIDS"], "a") as file:
    file.write(f"{os.getpid()} {os.getppid()}\\n")"""
TABLE = """\
from pathlib import Path
Path("table.csv").write_text(f"label,n\\n{label},{len(label)}\\n")"""
_LOOK = threading.Event()  # never set: waiting for it is a pause between two looks


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def all_gone(pids: Path) -> bool:
    """Wait until the noted processes have ended, for a while."""
    deadline = time.monotonic() + 60
    noted = [int(pid) for pid in pids.read_text().split()] if pids.is_file() else []
    while any(map(alive, noted)) and time.monotonic() < deadline:
        _LOOK.wait(0.05)
    return not any(map(alive, noted))


def contents(out: Path) -> dict[str, bytes]:
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != "record.json")
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}


class Runner:
    """A batch of its own process over four notebooks, three cells each."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.pids = home / "pids"
        small_notebook(home / "brief.ipynb", NOTE_PIDS, TABLE)
        (home / "briefs.toml").write_text(
            'notebook = "brief.ipynb"\ngrid.label = ["a", "b", "c", "d"]'
        )

    def start(self, *arguments: str, out: str = "out") -> subprocess.Popen[str]:
        code = "from sanctlib.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, "batch", "briefs.toml", "--out", out, "--jobs", "2",
             "--log", "json", *arguments],
            cwd=self.home,
            env=os.environ | {"PIDS": str(self.pids)},
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def run(self, *arguments: str, out: str = "out") -> dict[str, int]:
        """Run to the end and return its last line."""
        process = self.start(*arguments, out=out)
        told, _ = process.communicate()
        assert process.returncode == 0, told
        last: dict[str, int] = json.loads(told.splitlines()[-1])
        return last

    def first_noted(self) -> tuple[int, int]:
        """Wait for the first kernel that notes itself and its parent."""
        while not self.pids.is_file() or not self.pids.read_text().endswith("\n"):
            _LOOK.wait(0.05)
        kernel, parent = self.pids.read_text().splitlines()[-1].split()
        return int(kernel), int(parent)

    def left_over(self) -> list[Path]:
        return list((self.home / "out").glob("*/.*"))


@posix
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_processes_and_the_same_command_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    runner = Runner(tmp_path)
    process = runner.start()
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "done":
            break
    process.send_signal(number)
    told, _ = process.communicate()
    assert process.returncode == 128 + number
    end = json.loads(told.splitlines()[-1])
    assert (end["event"], end["n_failed"]) == ("end", 0)
    assert end["n_left"] >= 1
    assert all_gone(runner.pids)
    assert runner.left_over() == []
    assert not list(tmp_path.rglob("*.failed.*"))
    # A run that was done in the last moment, before we were told, is not done again either.
    assert runner.run()["n_done"] <= end["n_left"]
    assert len(list((tmp_path / "out").glob("brief/*/record.json"))) == 4


@posix
@pytest.mark.slow
def test_a_runner_killed_at_any_moment_leaves_no_process_and_no_other_byte(
    tmp_path: Path,
) -> None:
    runner = Runner(tmp_path)
    begun = time.monotonic()
    runner.run(out="undisturbed")
    whole = time.monotonic() - begun
    moments = random.Random(20231205)
    for _ in range(20):
        with runner.start("--force") as process:
            try:
                process.wait(timeout=moments.uniform(0, 1.2) * whole)
            except subprocess.TimeoutExpired:
                process.kill()
        assert all_gone(runner.pids)
    runner.run()
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    assert runner.left_over() == []


@posix
@pytest.mark.slow
def test_a_kernel_or_worker_killed_at_any_moment_costs_no_run_and_no_byte(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(out="undisturbed")
    moments = random.Random(20231205)
    for victim in (0, 1) * 3:  # kernel, worker
        runner.pids.unlink()
        with runner.start("--force") as process:
            runner.first_noted()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=moments.uniform(0, 0.5))
            pid = int(runner.pids.read_text().splitlines()[-1].split()[victim])
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
            process.communicate()
            assert process.returncode == 0
        assert all_gone(runner.pids)
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    assert runner.left_over() == []


@pytest.mark.slow
def test_a_worker_killed_while_it_waits_costs_nothing(tmp_path: Path) -> None:
    Runner(tmp_path)
    small_notebook(tmp_path / "brief.ipynb", TABLE)
    runs = read_grid(tmp_path / "briefs.toml", out=tmp_path / "out")
    seen: list[str] = []

    def tell(event: Event) -> None:
        seen.append(event.what)
        if event.what == "done":
            for worker in multiprocessing.active_children():
                worker.kill()
                worker.join()

    outcome = run_batch(runs[:2], Running(out=tmp_path / "out", retries=0), tell=tell)
    assert (len(outcome.done), outcome.failures) == (2, {})
    assert [what for what in seen if what != "cell"] == ["begun", "done"] * 2


@pytest.mark.slow
def test_two_batches_at_once_into_one_folder_both_end_well(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(out="undisturbed")
    both = [runner.start("--force") for _ in range(2)]
    for process in both:
        told, _ = process.communicate()
        assert process.returncode == 0, told
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    assert runner.left_over() == []


@posix
@pytest.mark.slow
def test_a_worker_that_gives_no_sign_is_killed_and_the_batch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_notebook(
        tmp_path / "brief.ipynb",
        "import os, signal\nif label == 'stuck': os.kill(os.getppid(), signal.SIGSTOP)",
    )
    grid = tmp_path / "briefs.toml"
    grid.write_text('notebook = "brief.ipynb"\ngrid.label = ["stuck", "plain"]')
    monkeypatch.setattr("sanctlib.reports.batch.GRACE", 1.0)
    runs = read_grid(grid, out=tmp_path / "out")
    outcome = run_batch(runs, Running(out=tmp_path / "out", timeout=30, retries=0))
    assert [run.values["label"] for run in outcome.done] == ["plain"]
    assert list(outcome.failures.values()) == [
        "its worker gave no sign for 1 s after the time allowed."
    ]


def test_what_a_cell_prints_without_end_is_cut_at_the_same_character(tmp_path: Path) -> None:
    cell = """\
import sys
for i in range(8):
    print(chr(97 + i) * 99_999)
    print("x" * 9_999, file=sys.stderr, flush=True)"""
    notebook = small_notebook(tmp_path / "brief.ipynb", cell, "print('after')")
    run = run_notebook(notebook, parameters={}, out=tmp_path / "out")
    cells = json.loads((run.folder / "notebook.ipynb").read_text())["cells"]
    out, err = ("".join(output["text"]) for output in cells[1]["outputs"])
    kept = "".join(letter * 99_999 + "\n" for letter in "abcde")
    assert out == kept + "\n[cut here: this cell printed more than 500,000 characters]\n"
    assert err == ("x" * 9_999 + "\n") * 8
    assert "".join(cells[2]["outputs"][0]["text"]) == "after\n"


@posix
@pytest.mark.slow
def test_a_hundred_megabytes_printed_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    notebook = small_notebook(
        tmp_path / "brief.ipynb", "for _ in range(1_000_000): print('x' * 99, flush=_ % 999 == 0)"
    )
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from sanctlib.reports.run import run_notebook\n"
        "run_notebook(sys.argv[1], parameters={}, out=Path(sys.argv[2]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, notebook, tmp_path / "out"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 600 * 2**20
    assert (tmp_path / "out" / "brief" / "default" / "notebook.ipynb").stat().st_size < 2**20


MISBEHAVING = [
    "import os, shutil\nshutil.rmtree(os.getcwd())",
    "import os, shutil\nshutil.rmtree(os.path.dirname(os.getcwd()))",
]


@pytest.mark.parametrize("cell", MISBEHAVING)
def test_a_notebook_that_removes_its_folder_fails_and_leaves_the_earlier_report(
    tmp_path: Path, cell: str
) -> None:
    good = tmp_path / "out" / "brief" / "default" / "report.html"
    good.parent.mkdir(parents=True)
    good.write_text("good")
    notebook = small_notebook(tmp_path / "brief.ipynb", cell, "1 + 1")
    with pytest.raises(NotebookError, match="failed: the notebook removed its own working folder"):
        run_notebook(notebook, parameters={}, out=tmp_path / "out")
    assert good.read_text() == "good"
    assert [p.name for p in good.parent.parent.iterdir()] == ["default"]


@posix
def test_what_a_notebook_forks_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    forks = """\
import signal
from pathlib import Path
child = os.fork()
if child == 0:
    signal.pause()
Path("pids").write_text(str(child))"""
    notebook = small_notebook(tmp_path / "brief.ipynb", NOTE_PIDS, forks)
    run = run_notebook(notebook, parameters={}, out=tmp_path / "out")
    child = int((run.folder / "pids").read_text())
    kernel = int((tmp_path / "pids").read_text().split()[0])
    (tmp_path / "pids").write_text(f"{child} {kernel}")
    assert all_gone(tmp_path / "pids")


def test_a_disk_that_fills_up_leaves_the_earlier_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = small_notebook(tmp_path / "brief.ipynb", TABLE)
    good = run_notebook(notebook, parameters={}, out=tmp_path / "out")
    before = contents(tmp_path / "out")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReportError, match="No space left on device"):
        run_notebook(notebook, parameters={}, out=tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert [p.name for p in good.folder.parent.iterdir()] == ["default"]


@posix
@pytest.mark.slow
def test_a_batch_on_a_small_disk_fails_in_words_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = ["-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(["mount", *size], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        small_notebook(
            tmp_path / "brief.ipynb",
            "from pathlib import Path\nPath('x.bin').write_bytes(bytes(len(label) * 50_000))",
        )
        grid = tmp_path / "briefs.toml"
        grid.write_text('notebook = "brief.ipynb"\ngrid.label = ["a", "bbbbbbbbbb"]')
        how = Running(out=disk)
        runs = read_grid(grid, out=disk)
        outcome = run_batch(runs, how)
        assert [run.values["label"] for run in outcome.done] == ["a"]
        (why,) = outcome.failures.values()
        assert "No space left on device" in why
        before = contents(disk / "brief" / "label=a")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        again = run_batch(runs[:1], how)
        assert list(again.failures) == ["brief/label=a"]
        assert contents(disk / "brief" / "label=a") == before
        filler.unlink()
        assert run_batch(runs[:1], how).failures == {}
        assert contents(disk / "brief" / "label=a") == before
        assert not list(disk.glob("*/.*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
