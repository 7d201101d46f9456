"""A million names and codes resolved at once, beside looking each up."""

from __future__ import annotations

from benchmarks.compare import in_turns

_MAKE = """
import sys, numpy as np, pandas as pd, sanctlib as sl
rng = np.random.default_rng(1)
states = sl.countries().query("kind == 'state' and until.isna()")
held = states["name"].to_numpy() if sys.argv[2] == "name" else states["code"].to_numpy()
weights = 1 / np.arange(1, len(held) + 1)
names = pd.Series(rng.choice(held, int(sys.argv[1]), p=weights / weights.sum()), dtype="str")
"""

_OURS = """
system = "name" if sys.argv[2] == "name" else "iso3"
sl.resolve(names[:1], system=system)  # opens our tables
begun = time.process_time()
codes = sl.resolve(names, system=system)["code"]
print(time.process_time() - begun)
"""

# pycountry has no lookup of many: each value is looked up as its users do, and a name that is
# not ISO's ("Democratic Republic of the Congo") is searched for.
_PYCOUNTRY = """
import pycountry
def one(name):
    try:
        return pycountry.countries.lookup(name).alpha_3
    except LookupError:
        if sys.argv[2] == "code":
            return None
        try:
            return pycountry.countries.search_fuzzy(name)[0].alpha_3
        except LookupError:
            return None
one("IRN")  # opens its tables
begun = time.process_time()
codes = names.map(one)
print(time.process_time() - begun)
"""

_ONE_BY_ONE = """
begun = time.process_time()
codes = [sl.resolve(pd.Series([name]))["code"].iloc[0] for name in names]
print(time.process_time() - begun)
"""


def report(*, small: bool) -> list[str]:
    """Return the CPU seconds of the lookups alone, without imports and opening the tables."""
    n, some, few = (100_000, 10_000, 2_000) if small else (1_000_000, 50_000, 10_000)
    lines = ["| values | sanctlib s | pycountry s | ratio | one by one s | ratio |"]
    lines += ["|---|---|---|---|---|---|"]
    for kind in ("name", "code"):

        def spent(code: str, rows: int, rounds: int, kind: str = kind) -> float:
            programs = {"": f"import time\n{_MAKE}{code}"}
            runs = in_turns(programs, str(rows), kind, rounds=rounds, same=False)[""]
            return min(float(run.printed) for run in runs) * n / rows

        ours = spent(_OURS, n, 3)
        theirs, alone = spent(_PYCOUNTRY, some, 3), spent(_ONE_BY_ONE, few, 1)
        lines.append(
            f"| {n:,} {kind}s | {ours:.3f} | {theirs:.2f} (from {some:,}) | {theirs / ours:.0f} | "
            f"{alone:.0f} (from {few:,}) | {alone / ours:.0f} |"
        )
    return lines
