"""
Run the benchmarks (`make bench`): each side in turns, the median ratio of CPU seconds.

`python -m benchmarks notebooks` runs 40 country briefs, `notebooks 6 3` six of them, three times.
"""

from __future__ import annotations

import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import notebooks

ROUNDS = 7

MAKE = """
import numpy as np, pandas as pd, sys
rng = np.random.default_rng(1)
n = 3_000_000
states = np.array([f"{a}{b}A" for a in "ABCDEFGHIJKLM" for b in "ABCDEFGHIJKLM"])
day = pd.Timestamp("2000-01-01") + pd.to_timedelta(rng.integers(0, 7300, n), unit="D")
family = rng.choice(["sanction", "cooperation", "other"], n, p=[.05, .45, .5])
action = pd.Series(family).map({"sanction": "impose", "cooperation": "consult", "other": "statement"})
ids = np.arange(n).astype(str)
frame = pd.DataFrame({"source": "made", "event_id": ids, "act_id": ids, "date": day, "date_last": day,
    "sender": rng.choice(states, n), "target": rng.choice(states, n), "mutual": False,
    "family": family, "action": action.to_numpy()})
frame.to_parquet(sys.argv[1])
"""

OURS = """
import sys, sanctlib as sl
counts = sl.sanction_counts(sys.argv[1], every="month", unit="act", by=["sender", "target"])
print(int(counts["n"].sum()))
"""

PANDAS = """
import sys, pandas as pd
frame = pd.read_parquet(sys.argv[1])
frame = frame[frame["family"].eq("sanction") & frame["action"].isin(["impose", "amend"])]
frame["period"] = frame["date"].dt.to_period("M")
counts = frame.groupby(["period", "sender", "target"])["act_id"].nunique().reset_index(name="n")
print(int(counts["n"].sum()))
"""


def main() -> None:
    """Print a table of ratios."""
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    report("import sanctlib / import pandas", "import sanctlib", "import pandas")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "made.parquet")
        run(MAKE, path)
        report("sanction_counts / pandas, 3 million rows in Parquet", OURS, PANDAS, path)


def report(name: str, ours: str, theirs: str, *arguments: str) -> None:
    """Run both in turns, check that they answer the same, print the ratio of CPU seconds."""
    run(ours, *arguments)
    run(theirs, *arguments)
    pairs = [(run(ours, *arguments), run(theirs, *arguments)) for _ in range(ROUNDS)]
    if any(a[1] != b[1] for a, b in pairs):
        sys.exit(f"{name}: the two sides differ: {pairs[0]}")
    ratios = [a[0] / b[0] for a, b in pairs]
    mine, other = (statistics.median(p[i][0] for p in pairs) for i in (0, 1))
    print(f"{name}: {statistics.median(ratios):.2f} ({mine:.2f} s / {other:.2f} s CPU)")


def run(code: str, *arguments: str) -> tuple[float, str]:
    """Run code in a fresh process; return its CPU seconds and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, *arguments]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, printed


if __name__ == "__main__":
    if sys.argv[1:2] == ["notebooks"]:
        notebooks.main(*map(int, sys.argv[2:]))
    else:
        main()
