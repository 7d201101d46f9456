"""Bound what the cells of a notebook print; kernels load this module, so it imports little."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ipykernel.iostream import OutStream

LONGEST_PRINT = 500_000
"""Characters kept of what one cell prints: some hundred pages."""


class BoundedStream(OutStream):
    """What cells print, cut at the same character in every run."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self._n_printed: Counter[str] = Counter()
        super().__init__(*given, **options)  # type: ignore[no-untyped-call]

    def write(self, string: str) -> int:
        """Write what the bound of the cell leaves of a text."""
        cell = self.parent_header.get("msg_id", "")
        left = LONGEST_PRINT - self._n_printed[cell]
        self._n_printed[cell] += len(string)
        if len(string) > left >= 0:
            bound = f"\n[cut here: this cell printed more than {LONGEST_PRINT:,} characters]\n"
            super().write(string[:left] + bound)
        elif left >= 0:
            super().write(string)
        return len(string)
