"""Bulk cleaning beside a bare script: `python -m benchmarks.bulk FILES [FOLDER]`."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.made import made_file
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
    sl.prepare_files("gdelt", paths, out=out, workers=int(workers))
"""


def main(n_files: int, folder: Path) -> None:
    """Make the files, run both in turns, check what was found against the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    # In processes of their own: a process counts the memory of the one that started it.
    with ProcessPoolExecutor(2) as pool:
        made = pool.map(partial(made_file, folder=folder), range(n_files))
        truth = sum(made, Counter[str]())
    paths = [str(p) for p in sorted(folder.iterdir())]
    gigabytes, millions = truth["bytes"] / 1e9, truth["rows"] / 1e6
    print(f"{millions:.1f} million rows, {gigabytes:.2f} GB in {n_files} files, a quarter zipped")
    sides: dict[str, list[Spent]] = {}
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        for _ in range(ROUNDS):
            ways = {"bare script": (BARE, str(out / "bare.parquet"))}
            ways |= {f"sanctlib, {n} worker{'s' * (n > 1)}": (OURS, str(n)) for n in (1, 2)}
            for way, (code, first) in ways.items():
                shutil.rmtree(out / "store", ignore_errors=True)
                rest = [str(out / "store")] if code is OURS else []
                sides.setdefault(way, []).append(spent_by(code, first, *rest, *paths))
                if code is OURS:
                    check(out / "store", truth)
    bare = statistics.median(s.cpu for s in sides["bare script"])
    print(f"{'':22}{'CPU s':>8}{'ratio':>7}{'wall s':>8}{'MB/s':>7}{'peak MB':>9}")
    for way, runs in sides.items():
        cpu, wall = (statistics.median(getattr(s, w) for s in runs) for w in ("cpu", "wall"))
        peak = max(s.peak_mb for s in runs)
        speed = 1000 * gigabytes / wall
        print(f"{way:22}{cpu:8.1f}{cpu / bare:7.2f}{wall:8.1f}{speed:7.0f}{peak:9.0f}")


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
        main(int(sys.argv[1]), Path(sys.argv[2] if sys.argv[2:] else temporary))
