"""Keep a table with its query, unit and sources. Return captions, pictures and files of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

import pandas as pd

from sanctlib.codes.countries import countries
from sanctlib.coverage import Coverage
from sanctlib.dates import day_in_words
from sanctlib.errors import SchemaError, check_choice, check_columns, in_words
from sanctlib.query import Query, day_of, listed, party_of
from sanctlib.reading import Provenance, Reading
from sanctlib.showing import Files, Sentences, Shown, ShownTable, short_and_rest, show_table
from sanctlib.writing import save_frame, writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATES = ("sender", "target", "first", "second", "partner", "state")
"""Columns of results that hold a state."""

CODES = ("cow", "iso2", "cameo", "fips")
"""Systems of codes that `Result.to_frame` can add."""

TABLES = (".csv", ".xlsx", ".dta", ".parquet", ".tex")
PICTURES = (".png", ".svg", ".pdf")
EVERYTHING = (".csv", ".xlsx", ".bib", ".png", ".svg", ".pdf")
"""What `Result.save` writes where the path has no suffix."""

DPI = 200


_TARGETS = {
    "programme": "the state at which the programme is directed, as reviewed",
    "conduct": "the state whose conduct is the reason",
    "address": "the state of the address",
}
"""The rules of targets, in words."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the numbers of a result come from: a dataset, what it covers and who made it."""

    key: str
    coverage: Coverage | None = None
    curated: bool = False
    provenance: Provenance | None = None

    @property
    def name(self) -> str:
        """The title of the dataset up to its colon, or its key."""
        return self.provenance.title.partition(":")[0] if self.provenance else self.key

    def described(self, *, short: bool = False) -> str:
        """Return name and period in words, for captions; with `short` only its end."""
        known = self.coverage
        if known is None:
            return f"{self.name}, period not stated"
        first, last = day_in_words(known.first), day_in_words(known.last)
        if short:
            return f"{self.name}, to {last}"
        still = f", entries still listed on {last}" if known.survivors else ""
        return f"{self.name}, {first} to {last}{still}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Shown):
    """
    A tidy table that knows its query, unit and sources.

    Every measure returns one. It draws, captions, saves and cites itself, and every function
    that takes a table also takes a Result. Wrap a frame of your own, or a Reading, to use the
    same methods: ``sl.Result(table=frame, name="Visits", unit="visits")``.

    Attributes
    ----------
    table : DataFrame
        One row per period and key.
    name : str
        What it is, in words: the title of its picture.
    kind : str
        Which picture it has: "counts", "stock", "intensity", … ; "table" has none.
    query : Query
        The arguments of the call, checked.
    unit : str
        What is counted, in words and in the plural.
    n : int, optional
        How many of these units are in the table, each counted once; None where that is not
        known, as of periods that the source does not cover.
    sources : tuple of Source
        The datasets, with their coverage.
    notes : tuple of str
        What the numbers count, what the band is, what they do not show.
    findings : tuple of str
        Sentences with number, interval, source and date; `summary` returns them.
    tables : mapping of str to DataFrame
        Further tables by name.

    Examples
    --------
    >>> visits = Result(table=pd.DataFrame({"year": [2022], "n": [3]}), unit="visits", n=3)
    >>> visits.caption
    'n = 3 visits.'
    """

    table: pd.DataFrame
    name: str = ""
    kind: str = "table"
    query: Query = field(default_factory=Query)
    unit: str = ""
    n: int | None = None
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        given: object = self.table
        if isinstance(given, Reading):
            made, coverage = given.provenance, given.coverage
            source = Source(key=made.key, coverage=coverage, curated=given.curated, provenance=made)
            object.__setattr__(self, "table", given.table)
            object.__setattr__(self, "sources", self.sources or (source,))
        elif not isinstance(given, pd.DataFrame):
            msg = f"The table is {in_words(given)}. It must be a pandas table or a Reading."
            raise SchemaError(msg)
        if self.n == 0 and self._uncovered:
            object.__setattr__(self, "n", None)

    @property
    def _uncovered(self) -> bool:
        """Whether the source covers no row of the table: what it does not show may exist."""
        covered = self.table.get("covered")
        return covered is not None and len(covered) > 0 and bool(covered.isin([False]).all())

    @property
    def coverage(self) -> Coverage | None:
        """What the only source covers; None with several, or where it is not known."""
        return self.sources[0].coverage if len(self.sources) == 1 else None

    @property
    def caption(self) -> str:
        """The sentences under a figure: n and unit, target rule, sources, notes."""
        unknown = f"{self.unit}: not covered" if self._uncovered and self.unit else self.unit
        counted = unknown if self.n is None else f"n = {self.n:,} {self.unit}"
        if "target_rule" in self.query.given:
            counted += f"; target: {_TARGETS[self.query.target_rule]}"
        # With many sources, the end of the data of each says enough.
        short = len({source.key for source in self.sources}) > 2
        described = (source.described(short=short) for source in self.sources)
        sources = "; ".join(dict.fromkeys(described))
        parts = [counted and f"{counted}.", sources and f"Source: {sources}.", *self.notes]
        return " ".join(part.strip() for part in parts if part)

    def __len__(self) -> int:
        return len(self.table)

    def _shown(self) -> list[str | ShownTable]:
        most = pd.get_option("display.max_rows") or len(self.table)
        rows = show_table(self.table.head(most), digits=self._digits())
        more = f"{len(self.table) - most:,} more rows in .table" if len(self.table) > most else ""
        return [part for part in (self.name, rows, more, self.caption) if part]

    def _digits(self) -> int:
        return 2

    def filter(self, **equal: object) -> Self:
        """
        Return the result with only the rows whose columns have these values.

        Parameters
        ----------
        **equal : value or list of values
            By column: ``intensity.filter(component="material")``. States may be names, and
            days are given as in `sanction_counts`.

        Returns
        -------
        Result
            Of the same kind; `n` is not known any more, and the findings are left out.

        Raises
        ------
        MissingColumnsError
            For a column that the table does not have.
        SanctlibError
            For what is no state, or no day.

        Examples
        --------
        >>> both = Result(table=pd.DataFrame({"target": ["IRN", "RUS"], "n": [1, 2]}))
        >>> both.filter(target="RUS").table["n"].tolist()
        [2]
        """
        check_columns(self.table, equal)
        kept = self.table
        for column, values in equal.items():
            wanted = listed(values)
            if pd.api.types.is_datetime64_any_dtype(kept[column]):
                wanted = [pd.Timestamp(day_of(value, what=column)) for value in wanted]
            elif column in STATES:
                wanted = [party_of(value, what=column) for value in wanted]
            kept = kept[kept[column].isin(wanted)]
        return replace(self, table=kept.reset_index(drop=True), n=None, findings=())

    def summary(self) -> Sentences:
        """
        Return the result in sentences, each with its number, source and date.

        Returns
        -------
        Sentences
            A list of str: the findings, the main one first, or the caption where there are none.
            A notebook lists them.
        """
        return Sentences(self.findings or [self.caption])

    def plot(
        self,
        ax: Axes | None = None,
        *,
        title: str | None = None,
        labels: Mapping[str, str] | None = None,
        marks: Iterable[tuple[object, str]] = (),
        by: str | None = None,
        top: int | None = None,
        view: str | None = None,
    ) -> Axes:
        """
        Plot the result with its caption, and return the axes.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.
        title : str, optional
            By default the result's `name`.
        labels : mapping of str to str, optional
            The name of each group in the legend; no two may be equal.
        marks : iterable of (day, text), default none
            Days to mark with a dashed line, with what happened. Days outside the figure are
            not drawn.
        by : str, optional
            The column whose values are the lines; needed where several could be. Of an
            intensity "denominator" or "component", which has a panel each.
        top : int, optional
            Only the groups with the largest totals, this many.
        view : str, optional
            Another picture of the same kind: "flows" of a stock, "rows" of a timeline.

        Returns
        -------
        Axes
            Of the figure; of the upper part where it has several.

        Raises
        ------
        SanctlibError
            For a kind of result without a picture, several rows per period and group, or
            more groups than can be distinguished (7).
        """
        from sanctlib.plots import drawn

        return drawn(self, ax, title=title, labels=labels, marks=marks, by=by, top=top, view=view)

    def save(
        self,
        path: str | Path,
        *,
        title: str | None = None,
        labels: Mapping[str, str] | None = None,
        marks: Iterable[tuple[object, str]] = (),
        by: str | None = None,
        top: int | None = None,
        view: str | None = None,
    ) -> Files:
        """
        Save the table, its picture or both, as the suffix says.

        Text that a spreadsheet would run as a formula gets an apostrophe before it in CSV,
        and is written as text in XLSX. The same result gives the same bytes.

        Parameters
        ----------
        path : path
            ``.csv``, ``.xlsx``, ``.dta``, ``.parquet``, ``.tex`` save the table, ``.png``,
            ``.svg``, ``.pdf`` the picture, ``.bib`` the citations. Without one of these
            suffixes all of ``.csv .xlsx .bib`` are written, and ``.png .svg .pdf`` where the
            result has one picture (several keys have one if `by` chooses a key). A timeline of
            more than 25 acts has several pictures: ``NAME_1.png``, ``NAME_2.png``.
        title, by, view : str, optional
            Of the picture, as in `plot`.
        labels : mapping of str to str, optional
            Of the picture, as in `plot`.
        marks : iterable of (day, text), default none
            Of the picture, as in `plot`.
        top : int, optional
            Of the picture, as in `plot`.

        Returns
        -------
        Files
            The paths written; a notebook shows the pictures among them.

        Raises
        ------
        SanctlibError
            For an unknown suffix, a result without a picture, or a folder that cannot be
            written.

        Examples
        --------
        >>> import tempfile
        >>> changes = Result(table=pd.DataFrame({"name": ["=1+1", "Iran"], "n": [-5, 3]}))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(changes.save(f"{folder}/changes.csv")[0].read_text())
        name,n
        '=1+1,-5
        Iran,3
        <BLANKLINE>
        """
        target = Path(path)
        known = (*TABLES, *PICTURES, ".bib")
        whole = target.suffix not in known
        if whole and re.fullmatch(r"\.[a-z]{2,7}", target.suffix):
            check_choice(target.suffix, known, what="the suffix of path")
        from sanctlib.plots import can_draw, picture

        stem = target.name if whole else target.name.removesuffix(target.suffix)
        suffixes = EVERYTHING if whole else (target.suffix,)
        pictures = [s for s in suffixes if s in PICTURES and (not whole or can_draw(self, by=by))]
        with writing(target.parent) as into:
            written = [into / f"{stem}{s}" for s in suffixes if s not in PICTURES]
            for file in written:
                if file.suffix == ".bib":
                    file.write_text(self.cite("bibtex") + "\n", encoding="utf-8")
                else:
                    save_frame(self.table, file, caption=self.caption)
            if pictures:
                drawn = partial(picture, self, [into / f"{stem}{s}" for s in pictures], dpi=DPI)
                written += drawn(title=title, labels=labels, marks=marks, by=by, top=top, view=view)
        files = Files(target.with_name(file.name) for file in written)
        files.alt = ". ".join(filter(None, [self.name if title is None else title, self.caption]))
        files.rest = short_and_rest(self.caption)[1]
        return files

    def to_frame(self, *, names: bool = False, codes: Iterable[str] = ()) -> pd.DataFrame:
        """
        Return a copy of the table, with names or other codes of its states if wanted.

        Parameters
        ----------
        names : bool, default False
            Add ``sender_name``, ``target_name``, … in English.
        codes : sequence of {"cow", "iso2", "cameo", "fips"}, default none
            Add ``sender_cow``, … Missing for parties that are no state.

        Returns
        -------
        DataFrame

        Raises
        ------
        UnknownChoiceError
            For another system of codes.

        Examples
        --------
        >>> counts = Result(table=pd.DataFrame({"target": ["IRN"], "n": [3]}))
        >>> counts.to_frame(names=True, codes=["cow"]).to_dict("records")
        [{'target': 'IRN', 'n': 3, 'target_name': 'Iran', 'target_cow': 630}]
        """
        wanted = [check_choice(code, CODES, what="codes") for code in codes]
        frame = self.table.copy()
        # The last spell of a state has its present name and codes.
        states = countries().drop_duplicates("code", keep="last").set_index("code")
        for column in (c for c in STATES if c in frame):
            for suffix in [*(["name"] if names else []), *wanted]:
                frame[f"{column}_{suffix}"] = frame[column].map(states[suffix])
                if suffix == "cow":
                    frame[f"{column}_cow"] = frame[f"{column}_cow"].astype("Int64")
        return frame

    def cite(self, style: Literal["text", "bibtex"] = "text") -> str:
        """
        Return whom to cite for the data, one entry per source.

        Parameters
        ----------
        style : {"text", "bibtex"}, default "text"

        Returns
        -------
        str

        Raises
        ------
        UnknownChoiceError
            For another style.
        """
        check_choice(style, ("text", "bibtex"), what="style")
        made = [source.provenance for source in self.sources if source.provenance is not None]
        entries = [p.citation if style == "text" else p.bibtex() for p in made]
        return "\n".join(dict.fromkeys(entries))


@dataclass(frozen=True, kw_only=True, repr=False)
class Fit(Result):
    """
    What a model gave: a Result with a row per estimate or test.

    Attributes
    ----------
    fitted : object
        The estimating library's own result, where there is one.
    """

    fitted: Any = None

    def _digits(self) -> int:
        return 4


def frame_of(table: object) -> object:
    """Return the table of a Result, and anything else as it is."""
    return table.table if isinstance(table, Result) else table
