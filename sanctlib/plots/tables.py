"""Tables as a page shows them: every text escaped, numbers in groups of three."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from html import escape
from numbers import Integral, Real

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    """A table in a notebook or page: text as it stands, and nothing that changes by run."""

    table: pd.DataFrame
    digits: int

    def __repr__(self) -> str:
        return self.table.to_string(index=False)

    def _repr_html_(self) -> str:
        heads = "".join(f'<th scope="col">{escape(str(c))}</th>' for c in self.table)
        rows = [
            "<tr>" + "".join(self._cell(value) for value in row) + "</tr>"
            for row in self.table.itertuples(index=False, name=None)
        ]
        body = "\n".join(rows)
        return (
            f'<table class="shown"><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table>'
        )

    def _cell(self, value: object) -> str:
        missing = pd.api.types.is_scalar(value) and bool(pd.isna(value))  # type: ignore[call-overload]
        if missing:
            return '<td class="number">&ndash;</td>'
        if isinstance(value, Real) and not isinstance(value, bool):
            text = f"{value:,}" if isinstance(value, Integral) else f"{value:,.{self.digits}f}"
            return f'<td class="number">{text}</td>'
        if isinstance(value, date):
            # A day without a time of day is shown as a day.
            return f'<td class="day">{str(value).removesuffix(" 00:00:00")}</td>'
        return f"<td>{escape(str(value))}</td>"


def show_table(table: pd.DataFrame, *, digits: int = 2) -> ShownTable:
    """
    Show a table in a notebook as it should stand in a page, without row numbers.

    Every text is escaped, in cells and headings: a name from anyone's data that holds HTML
    is shown and does nothing. A missing value is a dash, never an empty cell.

    Parameters
    ----------
    digits : int
        Digits after the point of numbers that are not whole.

    Examples
    --------
    >>> shown = show_table(pd.DataFrame({"name": ["<b>A</b>"], "n": [4680]}))
    >>> "&lt;b&gt;A&lt;/b&gt;" in shown._repr_html_(), "4,680" in shown._repr_html_()
    (True, True)
    """
    return ShownTable(table=table, digits=digits)
