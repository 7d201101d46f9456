"""Account for rows from those read to those kept, step by step. Return the steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from sanctlib.errors import SanctlibError
from sanctlib.showing import Shown, ShownTable, show_table

_STEP_COLUMNS = ("step", "n_in", "n_added", "n_merged", "n_rejected", "n_out")


@dataclass(frozen=True, repr=False)
class Audit(Shown):
    """
    Account for every row, in steps from rows read to rows kept.

    `steps` has one row per step: ``n_in + n_added - n_merged - n_rejected == n_out``,
    and each step begins with the rows that the one before it left. `n_added` counts the rows
    added where one act has several senders or targets. Only the steps of a filtered reading
    have a further column, ``n_filtered``: rows that `Reading.filter` left out. They are not
    wrong, so they are not among the rejected; they are subtracted in the same way.
    """

    steps: pd.DataFrame

    def _shown(self) -> list[ShownTable]:
        return [show_table(self.steps)]

    @classmethod
    def begin(cls, n_read: int) -> Audit:
        """Start with the number of rows read."""
        row = ("read", n_read, 0, 0, 0, n_read)
        return cls(pd.DataFrame([row], columns=list(_STEP_COLUMNS)))

    @classmethod
    def added(cls, audits: Iterable[Audit]) -> Audit:
        """Add up the audits of parts; a step that one of them lacks passes its rows on."""
        parts = [audit.steps.set_index("step") for audit in audits]
        order = max(parts, key=len).index
        if any(len(part.index.difference(order)) for part in parts):
            raise SanctlibError("The parts have different steps. Audits of the same steps add up.")
        aligned = [part.reindex(order) for part in parts]
        filled = [part.fillna(dict.fromkeys(_STEP_COLUMNS[2:5], 0)).ffill() for part in aligned]
        whole = pd.concat(filled).groupby(level="step", sort=False).sum()
        n_in = whole["n_out"].shift(fill_value=whole["n_in"].iloc[0])
        whole = whole.assign(n_in=n_in).astype("int64").reset_index()
        return cls(whole)

    @property
    def n_read(self) -> int:
        """Rows read."""
        return int(self.steps["n_in"].iloc[0])

    @property
    def n_kept(self) -> int:
        """Rows that the last step left."""
        return int(self.steps["n_out"].iloc[-1])

    @property
    def n_rejected(self) -> int:
        """Rows rejected over all steps."""
        return int(self.steps["n_rejected"].sum())

    @property
    def n_merged(self) -> int:
        """Rows merged into others over all steps."""
        return int(self.steps["n_merged"].sum())

    @property
    def n_added(self) -> int:
        """Rows added for further senders and targets over all steps."""
        return int(self.steps["n_added"].sum())

    @property
    def n_filtered(self) -> int:
        """Rows that `Reading.filter` left out."""
        return int(self.steps["n_filtered"].sum()) if "n_filtered" in self.steps else 0

    def then(
        self,
        step: str,
        *,
        n_out: int,
        n_added: int = 0,
        n_merged: int = 0,
        n_rejected: int = 0,
        n_filtered: int = 0,
    ) -> Audit:
        """Return the audit with one more step."""
        n_in = self.n_kept
        counts = {"added": n_added, "merged": n_merged, "rejected": n_rejected, "out": n_out}
        counts |= {"filtered": n_filtered} if n_filtered else {}
        shown = ", ".join(f"{n} {name}" for name, n in counts.items())
        if min(counts.values()) < 0:
            raise SanctlibError(f"The step {step!r} counts {shown}. A count must not be below 0.")
        if n_in + n_added - n_merged - n_rejected - n_filtered != n_out:
            msg = f"The step {step!r} does not add up: {n_in} in, {shown}. Every row must be"
            raise SanctlibError(f"{msg} counted once.")
        row = {"step": step, "n_in": n_in, "n_added": n_added, "n_merged": n_merged}
        row |= {"n_rejected": n_rejected, "n_out": n_out}
        steps = pd.concat([self.steps, pd.DataFrame([row])], ignore_index=True)
        if n_filtered:
            before = steps.get("n_filtered", pd.Series(0, index=steps.index)).fillna(0)
            steps["n_filtered"] = before.astype("int64")
            steps.loc[len(steps) - 1, "n_filtered"] = n_filtered
        return Audit(steps)
