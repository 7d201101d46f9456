"""Results of models: a tidy table, what it identifies and what not, the library's own fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Fit:
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

    def __repr__(self) -> str:
        notes = "\n".join(f"- {note}" for note in self.notes)
        return f"{self.name}\n{self.table.to_string(index=False)}\n{notes}"

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        table = self.table.to_html(index=False, escape=True)
        return f"<p><b>{escape(self.name)}</b></p>{table}<ul>{notes}</ul>"
