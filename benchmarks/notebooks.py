"""Country briefs by the dozen: a plain papermill loop, our runner, one warm process."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

STATES = "RUS IRN CHN SYR PRK VEN BLR CUB IRQ TUR IND KAZ SRB PAK UKR ISR SAU EGY LBY ZAF".split()  # noqa: SIM905
BRIEFS = [
    brief
    for first, second in zip(STATES, STATES[1:] + STATES[:1], strict=True)
    for brief in ([first], [first, second])
]
NAME = "country_brief"
JOBS = "2"

LOOP = """
import json, os, sys, papermill
notebook, briefs = sys.argv[1], json.loads(sys.argv[2])
for number, states in enumerate(briefs):
    os.mkdir(str(number))
    papermill.execute_notebook(notebook, f"{number}/notebook.ipynb", parameters={"states": states},
        kernel_name="python3", progress_bar=False, cwd=str(number))
"""

OURS = """
import sys
from pathlib import Path
from sanctlib.cli import main
Path("briefs.toml").write_text(f'notebook = "country_brief"\\n[grid]\\nstates = {sys.argv[2]}\\n')
main(["batch", "briefs.toml", "--out", "out", "--quiet", "--jobs", *sys.argv[3:]])
"""

WARM = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats
notebook, briefs = json.load(open(sys.argv[1])), json.loads(sys.argv[2])
cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
shell = InteractiveShell.instance()
spent = []
for states in [briefs[0], *briefs]:
    begun = time.process_time()
    shell.reset(new_session=False)
    for number, cell in enumerate(cells):
        shell.run_cell(cell + f"\\nstates = {states!r}" * (number == 0)).raise_error()
    spent.append(time.process_time() - begun)
    if len(spent) == 1:
        select_figure_formats(shell, {"png"})
print("\\n" + str(sum(spent[1:])))
"""

SPLIT = """
import json, statistics, sys, time
from pathlib import Path
from jupyter_client.asynchronous import AsyncKernelClient
from sanctlib.reports import execution, run
marks = []
def marked(call):
    def wrapped(*given, **options):
        result = call(*given, **options)
        marks.append(time.perf_counter())
        return result
    return wrapped
async def ready(client, timeout=None, wait=AsyncKernelClient._async_wait_for_ready):
    await wait(client, timeout)
    marks.append(time.perf_counter())
AsyncKernelClient.wait_for_ready = ready
execution.execute, run._lay_out = marked(execution.execute), marked(run._lay_out)
seen = []
for states in json.loads(sys.argv[2]):
    marks.clear(); done = []; begun = time.perf_counter()
    run.run_notebook("country_brief", parameters={"states": states}, out=Path("out"),
        progress=lambda n_done, n_all: done.append(time.perf_counter()))
    laid_out, ready_at, executed = marks
    first = done[3]  # parameters, those of the run, imports and data
    seen.append([laid_out - begun, ready_at - laid_out, first - ready_at, done[-1] - first,
        executed - done[-1], time.perf_counter() - executed])
names = ["checks", "kernel", "imports and data", "other cells", "shutdown", "page and record"]
print("\\n" + ", ".join(f"{name} {statistics.median(column):.2f}" for name, column in zip(names, zip(*seen[1:]))))
"""

SIDES = {"loop": (LOOP,), "ours": (OURS, JOBS), "warm": (WARM,)}


def main(n_briefs: int = len(BRIEFS), rounds: int = 1) -> None:
    """Run `n_briefs` briefs on each side in turns, `rounds` times, and print ratios."""
    briefs = BRIEFS[:n_briefs]
    # Processes whose parents are gone become our children: their CPU seconds count, too.
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SANCTLIB_STORE"] = str(Path(folder, "store"))
        run("from sanctlib import prepare; prepare()", [], folder)
        found: dict[str, list[tuple[float, float, str]]] = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side, (code, *more) in SIDES.items():
                found[side].append(run(code, briefs, folder, *more))
        split = run(SPLIT, BRIEFS[:5], folder)[2]
    wall = {side: statistics.median(f[0] for f in found[side]) for side in SIDES}
    cpu = {side: statistics.median(f[1] for f in found[side]) for side in SIDES}
    cpu["warm"] = statistics.median(float(f[2]) for f in found["warm"])
    print(f"{len(briefs)} country briefs, {JOBS} jobs:")
    print(
        f"  ours: {wall['loop'] / wall['ours']:.2f} x the plain papermill loop "
        f"({wall['ours']:.0f} s / {wall['loop']:.0f} s); CPU per notebook "
        f"{cpu['ours'] / cpu['warm']:.2f} x one warm process, {cpu['ours'] / cpu['loop']:.2f} x "
        "the loop"
    )
    each = ", ".join(f"{side} {cpu[side] / len(briefs):.2f}" for side in SIDES)
    print(f"  CPU seconds per notebook: {each}")
    print(f"  seconds of one notebook alone: {split}")


def run(code: str, briefs: list[list[str]], folder: str, *more: str) -> tuple[float, float, str]:
    """Run code in an empty folder; return wall and CPU seconds and its last printed line."""
    notebook = Path(__file__).parents[1] / "notebooks" / f"{NAME}.ipynb"
    begun, before = time.perf_counter(), spent()
    with tempfile.TemporaryDirectory(dir=folder) as work:
        command = [sys.executable, "-c", code, str(notebook), json.dumps(briefs), *more]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        wall = time.perf_counter() - begun
        with suppress(ChildProcessError):
            while True:
                os.wait()
    if done.returncode:
        sys.exit(done.stderr)
    return wall, spent() - before, (done.stdout.splitlines() or [""])[-1]


def spent() -> float:
    """Return the CPU seconds of all processes that have ended and were waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
