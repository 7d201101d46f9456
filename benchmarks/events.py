"""Made events in Parquet, seeded: `python -m benchmarks.events FOLDER ROWS LAYOUT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.programs import FIRST, LAST
from sanctlib.codes.countries import countries
from sanctlib.schema import ACTIONS

MONTHS = pd.date_range(FIRST, LAST, freq="MS")
ROWS_IN_GROUP = 20_000
_ALL = [(family, action) for family, actions in ACTIONS.items() for action in actions]
# About those of the ICEWS of 2018, as `sl.load("icews_monthly")` has them.
_SHARES = {"sanction": 0.0007, "cooperation": 0.39, "conflict": 0.27, "other": 0.337}
_IMPOSED = 0.0023


def make_events(folder: Path, rows: int, *, layout: str) -> None:
    """
    Write a file of events for each year, growing in number from month to month.

    Both layouts hold the same rows: "time" by day, "pairs" within each month by sender,
    target and day. States are drawn by rank (Zipf), among those of the whole span. A
    twentieth of senders and of targets is not known, a twentieth of acts is mutual, and one
    in two hundred is dated no closer than a quarter of a year. Each act has one row, and the
    manifest beside the folder says so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    growth = np.linspace(1, 4, len(MONTHS))
    in_month = np.diff(np.round(np.cumsum(growth) / growth.sum() * rows), prepend=0).astype(int)
    order = {"time": ["date"], "pairs": ["sender", "target", "date"]}[layout]
    begun = np.cumsum(in_month) - in_month
    for year, at in pd.Series(range(len(MONTHS))).groupby(MONTHS.year):
        writer = None
        for i in at:
            table = _month(i, in_month[i], begun[i])
            # Categories are sorted by their numbers, which follow the alphabet.
            keys = {c: table[c].chunk(0) for c in order}
            keys = {c: getattr(values, "indices", values) for c, values in keys.items()}
            by = [(c, "ascending") for c in order]
            table = table.take(pc.sort_indices(pa.table(keys), sort_keys=by))
            writer = writer or pq.ParquetWriter(
                folder / f"{year}.parquet", table.schema, compression="zstd", store_schema=False
            )
            writer.write_table(table, row_group_size=ROWS_IN_GROUP)
        writer.close()
    span = {"source": "made", "first": FIRST, "last": LAST}
    coverage = span | {"states": None, "gaps": [], "breaks": []}
    said = {"curated": False, "acts_are_rows": True, "coverage": coverage}
    folder.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")


def _month(i: int, n: int, begun: int) -> pa.Table:
    rng = np.random.default_rng((1, i))
    states = _states()
    weights = 1 / np.arange(1, len(states) + 1)
    ranked = np.random.default_rng(1).permutation(len(states))
    sender, target = (
        ranked[rng.choice(len(states), n, p=weights / weights.sum())] for _ in range(2)
    )
    target = np.where(sender == target, (target + 1) % len(states), target)
    share = np.array([_IMPOSED if a == "impose" else _SHARES[f] / len(ACTIONS[f]) for f, a in _ALL])
    what = rng.choice(len(_ALL), n, p=share / share.sum())
    mutual = rng.random(n) < 0.05
    # A mutual act has its sender before its target in the alphabet.
    sender, target = (
        np.where(mutual, np.minimum(sender, target), sender),
        np.where(mutual, np.maximum(sender, target), target),
    )
    unknown = [(rng.random(n) < 0.05) & ~mutual for _ in range(2)]
    day = rng.integers(0, MONTHS[i].days_in_month, n)
    date = MONTHS[i].to_numpy().astype("datetime64[D]") + day
    wide = rng.random(n) < 0.005
    name = pa.array(states, type=pa.string())
    sides = [
        pa.DictionaryArray.from_arrays(pa.array(codes.astype("int16"), mask=gone), name)
        for codes, gone in zip((sender, target), unknown, strict=True)
    ]
    act = pc.cast(pa.array(begun + np.arange(n)), pa.string())
    family, action = (
        pa.DictionaryArray.from_arrays(
            pa.array(places.astype("int16")), pa.array(list(values), type=pa.string())
        )
        for places, values in (
            (np.array([list(ACTIONS).index(f) for f, _ in _ALL])[what], ACTIONS),
            (what, [a for _, a in _ALL]),
        )
    )
    one = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype="int16")), pa.array(["made"]))
    return pa.table(
        {
            "source": one,
            "event_id": act,
            "act_id": act,
            "date": pa.array(date),
            "date_last": pa.array(np.where(wide, date + 90, date)),
            "sender": sides[0],
            "target": sides[1],
            "mutual": pa.array(mutual),
            "family": family,
            "action": action,
            "code": pc.cast(pa.array(what + 10), pa.string()),
            "goldstein": pa.array(rng.integers(-100, 101, n) / 10),
            "n_reports": pa.array(rng.geometric(0.6, n)),
        }
    )


def _states() -> list[str]:
    """Return the states of the whole span, in the order of the alphabet."""
    spells = countries().query("kind == 'state'")
    whole = spells["from"].isna() | spells["from"].le(pd.Timestamp(FIRST))
    return sorted(spells.loc[whole & spells["until"].isna(), "code"])


if __name__ == "__main__":
    make_events(Path(sys.argv[1]), int(sys.argv[2]), layout=sys.argv[3])
