"""Results of models: a tidy table, what it identifies and what not, the library's own fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sanctlib.showing import Shown, ShownTable, show_table


@dataclass(frozen=True, kw_only=True, repr=False)
class Fit(Shown):
    """
    What a model gave.

    `table` has one row per estimate or test, `notes` say what is identified and what is
    description, `details` hold further tables by name (``series`` is what `plot_fit` draws),
    `fitted` the library's own object.
    """

    name: str
    table: pd.DataFrame
    notes: tuple[str, ...]
    fitted: Any = None
    details: dict[str, pd.DataFrame] = field(default_factory=dict)

    def _shown(self) -> list[str | ShownTable]:
        notes = "\n".join(f"- {note}" for note in self.notes)
        return [self.name, show_table(self.table, digits=4), notes]
