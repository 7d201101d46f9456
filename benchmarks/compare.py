"""Several programs that answer the same, run in turns: medians and ratios as a table."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence

from benchmarks.measure import Spent, spent_by

OURS = "sanctlib"


def in_turns(
    programs: Mapping[str, str], *arguments: str, rounds: int, same: bool = True
) -> dict[str, list[Spent]]:
    """Run each program once a round, and stop where two of them print something else."""
    runs: dict[str, list[Spent]] = {side: [] for side in programs}
    for _ in range(rounds):
        for side, code in programs.items():
            runs[side].append(spent_by(code, *arguments))
            if same and runs[side][-1].printed != runs[OURS][0].printed:
                found = {s: r[-1].printed for s, r in runs.items() if r}
                sys.exit(f"The programs differ: {found}")
    return runs


def table_of(runs: Mapping[str, Sequence[Spent]]) -> list[str]:
    """Return a row per side: medians, and how many times its CPU, time and memory ours are."""
    lines = [
        "| program | CPU s | wall s | peak MB | ours : CPU | ours : wall | ours : memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for side, spent in runs.items():
        own = [statistics.median(getattr(s, w) for s in spent) for w in _WHAT]
        ratios = [
            statistics.median(
                getattr(a, w) / getattr(b, w) for a, b in zip(runs[OURS], spent, strict=True)
            )
            for w in _WHAT
        ]
        cells = [f"{own[0]:.2f}", f"{own[1]:.2f}", f"{own[2]:.0f}", *(f"{r:.2f}" for r in ratios)]
        lines.append(f"| {side} | {' | '.join(cells)} |")
    return lines


_WHAT = ("cpu", "wall", "peak_mb")
