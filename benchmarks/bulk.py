"""Bulk cleaning beside a bare script; of more files by `python -m benchmarks.bulk FILES [FOLDER]`."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.made import ROWS, made_file
from benchmarks.measure import Spent, spent_by

ROUNDS = 3

# What costs least: inflate, cut into columns, write the same ones; no rule, no merging.
BARE = """
import io, sys, zipfile
import pyarrow.parquet as pq
from pyarrow import binary, csv
out, *paths = sys.argv[1:]
taken = [f"c{i}" for i in (0, 1, 5, 7, 8, 15, 17, 18, 26, 30, 56)]
writer = None
for path in paths:
    if path.endswith(".zip"):
        held = zipfile.ZipFile(path)
        content = held.read(held.namelist()[0])
    else:
        content = open(path, "rb").read()
    table = csv.read_csv(
        io.BytesIO(content),
        csv.ReadOptions(column_names=[f"c{i}" for i in range(58)], use_threads=False),
        csv.ParseOptions(delimiter="\\t", quote_char=False, invalid_row_handler=lambda row: "skip"),
        csv.ConvertOptions(include_columns=taken, column_types=dict.fromkeys(taken, binary())),
    )
    writer = writer or pq.ParquetWriter(out, table.schema)
    writer.write_table(table)
writer.close()
"""

OURS = """
import sys
import sanctlib as sl
if __name__ == "__main__":
    workers, out, *paths = sys.argv[1:]
    sl.prepare("gdelt", paths, out=out, workers=int(workers))
"""


def report(*, small: bool) -> list[str]:
    """Return what files of a month and of four cost, made for it."""
    sizes, rows = ((4, 16), 25_000) if small else ((34, 134), ROWS)
    with tempfile.TemporaryDirectory() as name:
        return [line for n in sizes for line in costs(n, Path(name) / f"{n}", rows=rows)]


def costs(n_files: int, folder: Path, *, rows: int = ROWS, rounds: int = ROUNDS) -> list[str]:
    """Make the files, run all ways in turns, check what was found against the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    # In processes of their own: a process counts the memory of the one that started it.
    with ProcessPoolExecutor(2) as pool:
        made = pool.map(partial(made_file, folder=folder, rows=rows), range(n_files))
        truth = sum(made, Counter[str]())
    paths = [str(p) for p in sorted(folder.iterdir())]
    gigabytes, millions = truth["bytes"] / 1e9, truth["rows"] / 1e6
    ways = {"bare script": (BARE, "bare.parquet")}
    ways |= {f"sanctlib, {n} worker{'s' * (n > 1)}": (OURS, str(n)) for n in (1, 2)}
    runs: dict[str, list[Spent]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "store"
        for _, (way, (code, first)) in product(range(rounds), ways.items()):
            shutil.rmtree(store, ignore_errors=True)
            to = [first, str(store)] if code is OURS else [str(Path(name) / first)]
            runs[way].append(spent_by(code, *to, *paths))
            if code is OURS:
                check(store, truth)
    lines = [
        f"### {millions:.1f} million rows, {gigabytes:.2f} GB in {n_files} files, a quarter zipped",
        "",
        "| way | CPU s | CPU : bare | CPU s a million rows | wall s | MB/s | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    bare = runs["bare script"]
    for way, spent in runs.items():
        cpu, wall = (statistics.median(getattr(s, w) for s in spent) for w in ("cpu", "wall"))
        ratio = statistics.median(s.cpu / b.cpu for s, b in zip(spent, bare, strict=True))
        peak = max(s.peak_mb for s in spent)
        lines.append(
            f"| {way} | {cpu:.1f} | {ratio:.2f} | {cpu / millions:.2f} | {wall:.1f} "
            f"| {1000 * gigabytes / wall:.0f} | {peak:.0f} |"
        )
    return [*lines, "", "The peak is that of the largest process.", ""]


def check(store: Path, truth: Counter[str]) -> None:
    """Fail where a planted fault was not found, or a row is not accounted for."""
    audit = json.loads((store / "gdelt.json").read_text(encoding="utf-8"))["audit"]
    at = {step: i for i, step in enumerate(audit["step"])}
    for step in ("split lines", "check dates", "map action codes", "check types"):
        if audit["n_rejected"][at[step]] != truth[step]:
            sys.exit(f"{step}: {audit['n_rejected'][at[step]]} rejected, {truth[step]} planted")
    copies = audit["n_merged"][at["merge rows given twice"]]
    if copies != truth["merge rows given twice"]:
        sys.exit(f"{copies} copies found, {truth['merge rows given twice']} planted")
    if audit["n_in"][0] != truth["rows"]:
        sys.exit(f"{audit['n_in'][0]} rows read of {truth['rows']}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        into = Path(sys.argv[2] if sys.argv[2:] else temporary)
        print("\n".join(costs(int(sys.argv[1]), into)))
