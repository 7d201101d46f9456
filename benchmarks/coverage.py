"""Count how often 95 % intervals cover the truth where states share shocks."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import sanctlib as sl
from sanctlib.models._clusters import Vcov

TRUTH = 0.3
VCOVS: dict[str, Vcov] = {
    "dyadic": "dyadic",
    "first and second": ["first", "second"],
    "dyad": ["dyad"],
    "first": ["first"],
}


def main(n_runs: int) -> None:
    """Print a page: how often intervals cover, and the mean error over the estimates' spread."""
    rows = [
        {"states": n, "design": design} | coverage(n, n_runs, design=design)
        for design in ("shocks", "none", "rare")
        for n in (30, 36, 50, 100)
    ]
    table = pd.DataFrame(rows).round(2)
    lines = [table.columns, ["---"] * table.shape[1], *table.to_numpy().tolist()]
    print("# Coverage of 95 % intervals where dyads share states\n")
    print(
        f"`python -m benchmarks.coverage {n_runs}`: {n_runs} panels of undirected dyads, 3 periods,"
    )
    print(
        f"overdispersed counts, fixed effects of dyad and period, true coefficient {TRUTH}. With shocks,"
    )
    print(
        "regressor and outcome have a part of each state and period; a rare regressor is 1 in 3 of"
    )
    print(
        "100 rows, by chance, else 0. Share of intervals that cover; mean standard error over the"
    )
    print(
        "estimates' standard deviation. A variance that is not positive gives no interval, and does"
    )
    print("not cover. Dyadic errors are the larger of the dyadic-robust and those by dyad.\n")
    print("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def coverage(n_states: int, n_runs: int, *, design: str) -> dict[str, float]:
    """Return by kind of errors how often the interval covers, and its error over the spread."""
    estimates, errors, covers = [], [], []
    for run in range(n_runs):
        panel = made(n_states, np.random.default_rng([run, n_states]), design=design)
        found = [
            sl.models.count_panel(panel, dependent="y", regressors=["x"], vcov=kind).table.iloc[0]
            for kind in VCOVS.values()
        ]
        estimates.append(found[0]["estimate"])
        errors.append([row["std_error"] for row in found])
        covers.append([row["lower"] < TRUTH < row["upper"] for row in found])
    shares = np.mean(covers, axis=0), np.nanmean(errors, axis=0) / np.std(estimates)
    return {
        f"{name}{what}": share
        for values, what in zip(shares, ("", ", error"), strict=True)
        for name, share in zip(VCOVS, values, strict=True)
    }


def made(n_states: int, rng: np.random.Generator, *, design: str) -> pd.DataFrame:
    """Make a panel of pairs whose regressor and outcome share shocks of states, or do not."""
    first, second = np.triu_indices(n_states, 1)
    rows = pd.DataFrame(
        {
            "first": np.repeat(first, 3),
            "second": np.repeat(second, 3),
            "period": np.tile(range(3), len(first)),
        }
    )
    i, j, t = (rows[c].to_numpy() for c in rows)
    seen, done = rng.normal(scale=0.5 * (design == "shocks"), size=(2, n_states, 3))
    x = rng.normal(scale=0.5, size=len(rows)) + seen[i, t] + seen[j, t]
    if design == "rare":
        x = (rng.random(len(rows)) < 0.03) * 1.0
    mean = np.exp(0.5 + TRUTH * x + done[i, t] + done[j, t])
    return rows.assign(x=x, y=rng.poisson(mean * rng.gamma(2, 0.5, len(rows))))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
