"""Read a Result and how it is to look. Return its picture, or write it to files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanctlib.errors import SanctlibError, check_choice
from sanctlib.plots.fits import (
    draw_curve,
    draw_estimates,
    draw_event_study,
    draw_responses,
    draw_series,
)
from sanctlib.plots.lines import (
    draw_agreements,
    draw_expected,
    draw_gap,
    draw_intensity,
    draw_lines,
    ways_of,
)
from sanctlib.plots.rows import (
    draw_by_sender,
    draw_changes,
    draw_partners,
    draw_shared,
    draw_timeline,
    draw_units,
    pages_of,
)
from sanctlib.plots.style import Look, look_of
from sanctlib.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (9.0, 3.8)
# Files of the same result are the same bytes: they have no day and no random names.
_MARGIN = 0.1
"""Inches of white around a picture."""
_UNDATED: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
    ".png": {},
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """How a kind of result is drawn, and which arguments of `Result.plot` that uses."""

    draw: Callable[[Result, Axes, Look], Axes]
    uses: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    fits: Callable[[Result, str | None], bool] = lambda _result, _by: True
    """Whether a result, with this `by`, is of one picture and not of several."""


def _of_one_key(result: Result, by: str | None) -> bool:
    return by is not None or len(result.query.by) < 2


def _of_one_pair(result: Result, by: str | None) -> bool:
    table = result.table
    one = by is not None or "denominator" not in table or len(set(table["denominator"])) < 2
    return one and len(ways_of(table)[1]) < 2


_LINES = ("labels", "marks", "by", "top")
PICTURES: dict[str, Picture] = {
    "counts": Picture(draw=draw_lines, uses=_LINES, fits=_of_one_key),
    "stock": Picture(draw=draw_lines, uses=_LINES, views=("stock", "flows"), fits=_of_one_key),
    "pressure": Picture(draw=draw_lines, uses=_LINES, fits=_of_one_key),
    "recent": Picture(draw=draw_lines, uses=_LINES, fits=_of_one_key),
    "by_sender": Picture(draw=draw_by_sender, uses=("labels",)),
    "before_after": Picture(draw=draw_changes, uses=("labels",)),
    "units": Picture(draw=draw_units, uses=("labels",)),
    "shared": Picture(draw=draw_shared, uses=("labels", "marks")),
    "intensity": Picture(draw=draw_intensity, uses=("marks", "by"), fits=_of_one_pair),
    "expected": Picture(draw=draw_expected, uses=("marks",), fits=_of_one_pair),
    "gap": Picture(draw=draw_gap, uses=("labels", "marks", "top")),
    "agreements": Picture(draw=draw_agreements, uses=("marks",)),
    "partners": Picture(draw=draw_partners, uses=("labels", "top")),
    "timeline": Picture(draw=draw_timeline, uses=_LINES, views=("labels", "rows")),
    "series": Picture(draw=draw_series, uses=("marks",)),
    "responses": Picture(draw=draw_responses),
    "event_study": Picture(draw=draw_event_study),
    "curve": Picture(draw=draw_curve),
    "estimates": Picture(draw=draw_estimates, uses=("labels",)),
}
"""The picture of each kind of result; other kinds have none."""


def can_draw(result: Result, *, by: str | None = None) -> bool:
    """Tell whether a result has a picture; of several keys or pairs, only with the one to draw."""
    return result.kind in PICTURES and PICTURES[result.kind].fits(result, by)


def drawn(
    result: Result,
    ax: Axes | None,
    *,
    title: str | None,
    labels: Mapping[str, str] | None,
    marks: Iterable[tuple[object, str]],
    by: str | None,
    top: int | None,
    view: str | None,
) -> Axes:
    """Draw the picture of a result on `ax`, or on the axes of a new figure, and return the axes."""
    asked = {"labels": labels, "marks": marks, "by": by, "top": top, "view": view}
    look = _look(result, title, asked, own=ax is None)
    draw = PICTURES[result.kind].draw
    if ax is not None:
        return draw(result, ax, look)
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=_SIZE)
    try:
        return draw(result, ax, look)
    except Exception:
        plt.close(figure)
        raise


def picture(
    result: Result,
    files: list[Path],
    *,
    dpi: int,
    title: str | None,
    labels: Mapping[str, str] | None,
    marks: Iterable[tuple[object, str]],
    by: str | None,
    top: int | None,
    view: str | None,
) -> list[Path]:
    """
    Write the picture of a result to each file, and return the files written.

    A timeline of several parts gives a file for each: NAME_1.png, NAME_2.png.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    asked = {"labels": labels, "marks": marks, "by": by, "top": top, "view": view}
    look = _look(result, title, asked, own=True)
    pages = pages_of(result, look) if result.kind == "timeline" else [(result, look)]
    several = len(pages) > 1
    written: dict[Path, list[Path]] = {file: [] for file in files}
    for number, (page, page_look) in enumerate(pages, 1):
        # Without pyplot there is no window, no display and nothing to close.
        figure = Figure(figsize=_SIZE)
        with rc_context({"svg.hashsalt": "sanctlib"}):
            PICTURES[result.kind].draw(page, figure.add_subplot(), page_look)
            # The edges of all that is drawn are measured once, not for each format.
            canvas = FigureCanvasAgg(figure)
            figure.draw_without_rendering()
            renderer: Any = canvas.get_renderer()  # type: ignore[no-untyped-call]
            edges = figure.get_tightbbox(renderer).padded(_MARGIN)
            for file in files:
                path = file.with_stem(f"{file.stem}_{number}") if several else file
                metadata = _UNDATED[file.suffix]
                figure.savefig(path, dpi=dpi, bbox_inches=edges, metadata=metadata)
                written[file].append(path)
    return [path for paths in written.values() for path in paths]


def _look(result: Result, title: str | None, asked: Mapping[str, Any], *, own: bool) -> Look:
    if result.kind not in PICTURES:
        name = repr(result.name) if result.name else f"A result of the kind {result.kind!r}"
        raise SanctlibError(f"{name} has no picture; its table is in .table.")
    known = PICTURES[result.kind]
    # An iterator of marks is read once.
    look = look_of(title=result.name if title is None else title, own=own, **asked)
    for name in ("labels", "marks", "by", "top"):
        if getattr(look, name) and name not in known.uses:
            raise SanctlibError(f"This picture does not use {name}. Leave it out.")
    if look.view is not None:
        if not known.views:
            raise SanctlibError(
                f"view is {look.view!r}, and this result has only one picture. Leave it out."
            )
        check_choice(look.view, known.views, what="view")
    titles = {source.key: source.name for source in result.sources}
    view = look.view or next(iter(known.views), None)
    return replace(look, view=view, labels={**titles, **look.labels})
