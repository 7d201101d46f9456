"""Show tables and results: every text escaped, numbers in groups of three."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from html import escape
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from sanctlib.errors import SanctlibError

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


class Sentences(list[str]):
    """
    Sentences of a page, such as `Result.summary` returns them: a notebook lists them.

    Parameters
    ----------
    iterable : iterable of str, default ()
        Plain text or Markdown.

    Examples
    --------
    >>> import sanctlib as sl
    >>> sl.Sentences(["Russia: 65 acts.", "Iran: 57 acts."])
    ['Russia: 65 acts.', 'Iran: 57 acts.']
    """

    def save(self, path: str | Path) -> Sentences:
        """Write the sentences as JSON; the index of reports shows those of ``answer.json``."""
        text = json.dumps(list(self), indent=1, ensure_ascii=False) + "\n"
        Path(path).write_text(text, encoding="utf-8")
        return self

    def _repr_markdown_(self) -> str:
        return "\n".join(f"- {line}" for line in self) if len(self) > 1 else "".join(self)


@contextmanager
def if_possible(*, otherwise: str) -> Iterator[None]:
    """
    Run a part of a page, or show why it is not possible and go on.

    A page for any pair and span has parts that some of them do not allow: a series too short,
    a model without an estimate. Only refusals of sanctlib are shown; every other error stops.

    Parameters
    ----------
    otherwise : str
        What the page says before the reason, as a sentence.

    Returns
    -------
    context manager
        For a ``with`` statement.

    Examples
    --------
    >>> import sanctlib as sl
    >>> with sl.if_possible(otherwise="No event study."):
    ...     raise sl.SanctlibError("Of 5 onsets, none has a full window.")
    No event study. Of 5 onsets, none has a full window.
    """
    try:
        yield
    except SanctlibError as error:
        reason = f"{otherwise} {error}".strip()
        ipython: Any = sys.modules.get("IPython")
        if ipython is not None and ipython.get_ipython() is not None:
            ipython.display.display(Sentences([reason]))
        else:
            print(reason)


def short_and_rest(caption: str, *, most: int = 264) -> tuple[str, str]:
    """Divide a caption into whole sentences for three lines of a picture, and the others."""
    sentences = re.split(r"(?<=[.?!]) (?=[A-Z0-9])", caption)
    n = 1
    while n < len(sentences) and len(" ".join(sentences[: n + 1])) <= most:
        n += 1
    return " ".join(sentences[:n]), " ".join(sentences[n:])


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words: "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def progress_bar(n: int, *, name: str, unit: str, progress: bool) -> Any:
    """
    Return a bar of `n` steps, shown at a terminal and in a notebook if `progress` is set.

    In a notebook it is text too: a widget disappears when the notebook is opened again.
    """
    from tqdm import tqdm

    bar = partial(tqdm, total=n, desc=name, unit=unit)
    if progress and _in_notebook():
        return bar(file=sys.stdout)
    # None: at a terminal only.
    return bar(leave=False, disable=None if progress else True)


def _in_notebook() -> bool:
    return type(sys.stdout).__module__.startswith("ipykernel")


class Files(list[Path]):
    """The files that `Result.save` wrote. A notebook shows the pictures among them."""

    alt = ""
    """Title and caption: the words of the picture where it cannot be seen."""
    rest = ""
    """The sentences of the caption that do not fit into the picture: a notebook shows them."""

    def _ipython_display_(self) -> None:
        from IPython import display

        show: Any = display  # IPython leaves this module untyped
        metadata = {"image/png": {"alt": self.alt}}
        for path in self:
            if path.suffix == ".png":
                show.display(show.Image(path.read_bytes()), metadata=metadata)
        if self.rest and any(path.suffix == ".png" for path in self):
            show.display(Sentences([self.rest]))
