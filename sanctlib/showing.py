"""Show tables and results: every text escaped, numbers in groups of three."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from html import escape
from numbers import Integral, Real
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

# JupyterLab sets every cell to the right, and breaks a day at its hyphens.
_LEFT = ' style="text-align:left"'
_DAY = ' style="text-align:left;white-space:nowrap"'


class Shown:
    """Show words and tables, the same in a notebook and in a console."""

    def _shown(self) -> Sequence[str | ShownTable]:
        """Return the parts in order; words of several lines are shown as such."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return "\n".join(str(part) for part in self._shown())

    def _repr_html_(self) -> str:
        return "\n".join(
            f"<p>{escape(part).replace(chr(10), '<br>')}</p>"
            if isinstance(part, str)
            else part._repr_html_()
            for part in self._shown()
        )


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    """Show a table in a notebook or page, the same in every run."""

    table: pd.DataFrame
    digits: int

    def __repr__(self) -> str:
        return self.table.to_string(index=False, float_format=f"{{:,.{self.digits}f}}".format)

    def _repr_html_(self) -> str:
        heads = "".join(
            f'<th scope="col"{"" if is_numeric_dtype(kind) else _LEFT}>{escape(str(name))}</th>'
            for name, kind in self.table.dtypes.items()
        )
        body = "\n".join(
            f"<tr>{''.join(map(self._cell, row))}</tr>"
            for row in self.table.itertuples(index=False, name=None)
        )
        head = f'<table class="shown"><thead><tr>{heads}</tr></thead>'
        return f"{head}\n<tbody>{body}</tbody></table>"

    def _cell(self, value: object) -> str:
        if pd.api.types.is_scalar(value) and pd.isna(value):  # type: ignore[call-overload]
            return '<td class="number">&ndash;</td>'
        if isinstance(value, Real) and not isinstance(value, bool):
            text = f"{value:,}" if isinstance(value, Integral) else f"{value:,.{self.digits}f}"
            return f'<td class="number">{text}</td>'
        if isinstance(value, date):
            # A day without a time of day is shown as a day.
            return f'<td class="day"{_DAY}>{str(value).removesuffix(" 00:00:00")}</td>'
        return f"<td{_LEFT}>{escape(str(value))}</td>"


def show_table(table: pd.DataFrame, *, digits: int = 2) -> ShownTable:
    """Show a table in a notebook without row numbers; text is escaped, a missing value a dash."""
    return ShownTable(table=table, digits=digits)


def progress_bar(n: int, *, name: str, unit: str, progress: bool) -> Any:
    """
    Return a bar of `n` steps, shown at a terminal and in a notebook if `progress` is set.

    In a notebook it is text too: a widget disappears when the notebook is opened again.
    """
    from tqdm import tqdm

    bar = partial(tqdm, total=n, desc=name, unit=unit)
    if progress and type(sys.stdout).__module__.startswith("ipykernel"):
        return bar(file=sys.stdout)
    # None: at a terminal only.
    return bar(leave=False, disable=None if progress else True)
