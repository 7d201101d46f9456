"""Counts and intensities of events in Parquet, beside pandas, polars and DuckDB by hand."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.compare import in_turns, table_of
from benchmarks.measure import spent_by
from benchmarks.programs import COUNTS, INTENSITY, SPAN

MEASURES = {"sanction_counts": COUNTS, "partnership_intensity": INTENSITY}
_KEYS = {
    "sanction_counts": "period, sender, target, n",
    "partnership_intensity": "period, first, second, component, n, exposure, round(rate, 6)",
}

_SAME = """
import sys, duckdb
keys, one, other = sys.argv[1:]
a, b = (f"SELECT {keys.replace('period', 'period::DATE')} FROM '{path}'" for path in (one, other))
print(duckdb.sql(f"(({a}) EXCEPT ALL ({b})) UNION ALL (({b}) EXCEPT ALL ({a}))").count("*").fetchall()[0][0])
"""

_ONE_PAIR = """
import sys, sanctlib as sl
pairs = [("CHN", "IRN")] if sys.argv[2] == "one" else None
print(sl.cells(sys.argv[1], every="month", by=["family"], pairs=pairs)["n_acts"].sum())
"""

_IN_MEMORY = """
import resource, sys, time, pandas as pd, sanctlib as sl
from pathlib import Path
def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
columns = ["source", "event_id", "act_id", "date", "date_last", "sender", "target", "mutual", "family", "action"]
events = pd.read_parquet(sys.argv[1], columns=columns)
events[["date", "date_last"]] = events[["date", "date_last"]].apply(pd.to_datetime)
frame, before = events.memory_usage(deep=True).sum() / 1e6, held()
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
begun = time.process_time()
side, what = sys.argv[2:]
if side == "ours" and what == "sanctions":
    n = sl.sanction_counts(events, every="month", unit="act").table["n"].sum()
elif side == "ours":
    n = sl.cells(events, every="month", by=["sender", "target"])["n_acts"].sum()
else:
    if what == "sanctions":
        events = events[events["family"].eq("sanction") & events["action"].isin(["impose", "amend"])]
    month, last = (events[c].dt.to_period("M") for c in ("date", "date_last"))
    one = events.assign(month=month)[month.eq(last)]
    n = one.groupby(["month", "sender", "target"], dropna=False)["act_id"].nunique().sum()
spent = time.process_time() - begun
high = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1e3
print(spent, high - before, frame, n)
"""


def report(*, small: bool) -> list[str]:
    """Return the tables of all measures and sizes, of filters, a small limit and a frame."""
    lines = []
    sizes = (100_000, 1_000_000) if small else (1_000_000, 10_000_000, 100_000_000)
    growth: dict[str, list[str]] = {name: [] for name in MEASURES}
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for rows in sizes:
            folder = home / f"{rows}"
            _make(folder, rows)
            for measure, programs in MEASURES.items():
                # The first of pandas at this size takes most of a machine's memory.
                rounds = 1 if rows > 10_000_000 else 3
                runs = in_turns(_spanned(programs), str(folder), rounds=rounds)
                growth[measure].append(f"{min(s.cpu for s in runs['sanctlib']):.2f}")
                lines += [f"### {measure}, {rows / 1e6:g} million rows", "", *table_of(runs), ""]
            if rows == sizes[0]:
                _check_same(folder, home)
            if rows == sizes[1]:
                lines += [*_bare(folder), *_filters(folder, home, rows), *_in_memory(folder)]
            if rows == sizes[-1]:
                lines += _limited(folder)
        lines += ["### CPU seconds of sanctlib as rows grow", ""]
        lines += [f"| million rows | {' | '.join(f'{n / 1e6:g}' for n in sizes)} |"]
        lines += ["|---" * (len(sizes) + 1) + "|"]
        lines += [f"| {measure} | {' | '.join(spent)} |" for measure, spent in growth.items()]
    return lines


def _make(folder: Path, rows: int, layout: str = "pairs") -> None:
    # In a process of its own: a process counts the memory of the one that started it.
    command = [sys.executable, "-m", "benchmarks.events", str(folder), str(rows), layout]
    subprocess.run(command, check=True)


def _spanned(programs: dict[str, str]) -> dict[str, str]:
    return {side: f"{SPAN}\n{code}" for side, code in programs.items()}


def _check_same(folder: Path, home: Path) -> None:
    """Stop where a side's table is not ours, row by row."""
    for measure, programs in MEASURES.items():
        for side, code in _spanned(programs).items():
            kept = home / f"{side}.parquet"
            spent_by(code, str(folder), str(kept))
            ours = str(home / "sanctlib.parquet")
            n = int(spent_by(_SAME, _KEYS[measure], ours, str(kept)).printed)
            if n:
                sys.exit(f"{measure}: {side} has {n} rows that are not those of sanctlib.")


def _bare(folder: Path) -> list[str]:
    """Return what a folder without manifest costs, where each act must be told from others."""
    manifest = folder.with_suffix(".json")
    said = manifest.read_text(encoding="utf-8")
    counted = "count(DISTINCT (source, act_id))"
    by_hand = INTENSITY["DuckDB"].replace("count(*)", counted)
    by_hand = by_hand.replace(
        "sender, target, family, action", "source, act_id, sender, target, family, action"
    )
    manifest.unlink()
    runs = in_turns(
        _spanned({"sanctlib": INTENSITY["sanctlib"], "DuckDB": by_hand}), str(folder), rounds=1
    )
    manifest.write_text(said, encoding="utf-8")
    return [
        "### partnership_intensity, the same folder without manifest: acts counted as distinct",
        "",
        *table_of(runs),
        "",
    ]


def _filters(folder: Path, home: Path, rows: int) -> list[str]:
    in_time = home / "in_time"
    _make(in_time, rows, "time")
    lines = [
        "### One pair asked for",
        "",
        "| order of the rows | acts of the pair | CPU s, one | CPU s, all | ratio |",
        "|---|---|---|---|---|",
    ]
    start = min(
        spent_by("import duckdb, sanctlib as sl; sl.cells, sl.sanction_counts").cpu
        for _ in range(3)
    )
    for name, path in (("month, sender, target", folder), ("day", in_time)):
        one, every = (
            min((spent_by(_ONE_PAIR, str(path), which) for _ in range(3)), key=lambda s: s.cpu)
            for which in ("one", "all")
        )
        share = int(one.printed) / int(every.printed)
        ratio = (one.cpu - start) / (every.cpu - start)
        lines.append(
            f"| {name} | {share:.2%} | {one.cpu - start:.2f} | {every.cpu - start:.2f} | {ratio:.2f} |"
        )
    return [*lines, "", "Without the CPU of the imports.", ""]


def _limited(folder: Path) -> list[str]:
    size = sum(p.stat().st_size for p in folder.iterdir())
    lines = [
        "### A limit of memory an eighth of the data on disk",
        "",
        f"{size / 1e6:.0f} MB on disk.",
        "",
    ]
    lines += ["| SANCTLIB_MEMORY | CPU s | wall s | peak MB |", "|---|---|---|---|"]
    printed = set()
    for limit in ("2GB", f"{max(size // 8_000_000, 16)}MB"):
        code = f"import os; os.environ['SANCTLIB_MEMORY'] = {limit!r}\n{INTENSITY['sanctlib']}"
        spent = spent_by(code, str(folder))
        printed.add(spent.printed)
        lines.append(f"| {limit} | {spent.cpu:.2f} | {spent.wall:.2f} | {spent.peak_mb:.0f} |")
    if len(printed) > 1:
        sys.exit(f"The limit of memory changes the answer: {printed}")
    return [
        *lines,
        "",
        "The peak holds the answer and the libraries too, which are outside the limit.",
        "",
    ]


def _in_memory(folder: Path) -> list[str]:
    lines = ["### A pandas frame in memory", ""]
    lines += [
        "| counted | program | CPU s | MB beside the frame | frame MB |",
        "|---|---|---|---|---|",
    ]
    for what in ("sanctions", "all acts"):
        answers = set()
        for name, side in (("sanctlib", "ours"), ("pandas groupby, nunique", "theirs")):
            runs = [spent_by(_IN_MEMORY, str(folder), side, what).printed.split() for _ in range(3)]
            spent, beside, frame, n = min([float(v) for v in run] for run in runs)
            lines.append(f"| {what} | {name} | {spent:.2f} | {beside:.0f} | {frame:.0f} |")
            answers.add(n)
        if len(answers) > 1:
            sys.exit(f"The counts of a frame in memory differ: {answers}")
    return [*lines, ""]
