"""Read a table of your own, a file or a frame, into the events table. Return a reading."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import partial, reduce
from typing import Any, Literal, TypeAlias, get_args

import pandas as pd

from sanctlib.codes.actions import crosswalk
from sanctlib.codes.countries import SYSTEMS, System, countries, resolve
from sanctlib.coverage import Coverage, check_coverage
from sanctlib.database import Database
from sanctlib.dates import check_formats, check_order, days_in, first_and_last
from sanctlib.errors import (
    MissingColumnsError,
    UnknownChoiceError,
    check_choice,
    did_you_mean,
)
from sanctlib.reading import Audit, Provenance, Reading
from sanctlib.schema import EVENTS
from sanctlib.sources.draft import (
    Draft,
    mapped_actions,
    typed,
    typed_columns,
    unmatched,
)
from sanctlib.sources.lines import JOIN
from sanctlib.sources.rules import CELLS, MUTUAL, OWN_ROWS, EventSource, acts, events
from sanctlib.sources.sheets import draft_of
from sanctlib.sources.steps import Cleaning, Origin
from sanctlib.sources.text import check_header

RepeatRule: TypeAlias = Literal["none", "one_a_day"]
Codes: TypeAlias = Literal["vocabulary", "cameo"]

_TYPES = ("check dates", "resolve parties", "check types")
_CHECKS = {
    "vocabulary": ("map actions", *_TYPES, "check pairs"),
    "cameo": ("map action codes", *_TYPES),
}
# Filled here: a mapped column would be overwritten without a message.
_OWN = {"vocabulary": ("source",), "cameo": ("source", "family", "action", "mutual")}
_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y")
_DATES = ("date", "date_last", "date_announced", "date_effective")
# An empty cell in `mutual` means that nobody called the act mutual.
_REST = [
    replace(c, filled=c.filled and c.name != "mutual")
    for c in EVENTS.columns
    if c.name not in (*_DATES, "sender", "target", "family", "action")
]


def read_table(
    data: Any,
    *,
    columns: Mapping[str, str],
    constants: Mapping[str, object] | None = None,
    codes: Codes = "vocabulary",
    actions: Mapping[str, str] | None = None,
    parties: System = "name",
    succession: Literal["strict", "dominant"] = "strict",
    repeats: RepeatRule = "none",
    date_formats: Sequence[str] = _FORMATS,
    nulls: Sequence[str] = ("",),
    coverage: Coverage | None = None,
    source: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    citation: str = "",
) -> Reading:
    r"""
    Read your own table of acts between states into the events table.

    Without `coverage` no zeros are filled in: only you know whether a day without a row means
    "no act" or "not collected". Every row is kept, merged into another or rejected.

    Parameters
    ----------
    data : path or DataFrame
        Delimited text (``.csv``, ``.tsv``, also ``.gz`` or ``.xz``), the first sheet of a
        workbook (``.xlsx``, ``.xls``, ``.ods``), a Stata file (``.dta``) or a Parquet file; or
        a pandas, polars or pyarrow frame in memory.
    columns : mapping of str to str
        Our name of each column to yours: ``{"date": "when", "sender": "from"}``. Needed, here
        or in `constants`, are ``date``, ``sender``, ``target``, and ``action`` or ``code`` (by
        `codes`); other columns of the events table may be given.
    constants : mapping of str to value, optional
        Columns with one value in all rows: ``{"action": "impose"}``.
    codes : {"vocabulary", "cameo"}, default "vocabulary"
        Whether the acts are in words of our vocabulary (or of `actions`), or in CAMEO codes.
    actions : mapping of str to str, optional
        Your word of each action to ours: ``{"Sanction imposed": "impose"}``.
    parties : {"name", "iso3", "iso2", "cow", "cameo", "fips"}, default "name"
        How senders and targets are written. Whole labels are compared, never parts of them.
    succession : {"strict", "dominant"}, default "strict"
        Whether a former state on a later day is rejected, or stands for its dominant successor.
    repeats : {"none", "one_a_day"}, default "none"
        Whether rows of the same day, sender, target and action are one act.
    date_formats : sequence of str, default ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y")
        Formats of a day, tried in this order; each text must fit one in full. In addition
        "2018" is the whole year, "2018-05" the whole month, and of "2018-05-08T23:30+02:00" the
        day is read. By default a column with "05/08/2018" needs a day that shows the order.
    nulls : sequence of str, default ("",)
        Your marks of a missing value. "NA" is not one by default: it is Namibia.
    coverage : Coverage, optional
        What your table covers. A row on a day outside it is rejected.
    source : str, optional
        The name of the source; by default the name of the file, or "own table".
    delimiter : str, optional
        The character between cells; by default a tab for ``.tsv`` and ``.tab``, else a comma.
    encoding : str, default "utf-8"
        The encoding of a file of text.
    citation : str, default ""
        Whom to cite.

    Returns
    -------
    Reading
        Of kind ``"events"``. Rows with an impossible date, an unknown action, a state
        that did not exist on that day, two names in one cell, a sanction or co-operation of a
        state with itself, or a cell that its column cannot have are in
        ``rejected``, with file, line and reason.

    Raises
    ------
    MissingColumnsError, UnknownChoiceError
        For a column that is not there or not mapped, and an unknown column, option or constant.
    SchemaError
        For CAMEO codes that are numbers, and your own `event_id` in two rows.
    SourceError
        For a file that cannot be read, and days written month first.

    Examples
    --------
    >>> import pandas as pd
    >>> mine = pd.DataFrame({"when": ["2018-05-08", "2018-02-30"], "who": ["USA", "France"]})
    >>> reading = read_table(
    ...     mine,
    ...     columns={"date": "when", "sender": "who"},
    ...     constants={"target": "Iran", "action": "impose"},
    ... )
    >>> reading.table[["sender", "target", "action"]].to_dict("records")
    [{'sender': 'USA', 'target': 'IRN', 'action': 'impose'}]
    >>> reading.rejected["reason"].tolist()
    ["impossible date: '2018-02-30'"]
    """
    check_choice(codes, get_args(Codes), what="codes")
    check_choice(parties, SYSTEMS, what="parties")
    check_choice(repeats, get_args(RepeatRule), what="repeats")
    # "all" names several states for one party: an act would need one row for each.
    check_choice(succession, ("strict", "dominant"), what="succession")
    check_coverage(coverage)
    formats = check_formats(date_formats)
    columns = {ours: str(yours) for ours, yours in _mapping(columns, "columns").items()}
    words = {str(k): str(v) for k, v in _mapping(actions or {}, "actions").items()}
    fixed = {
        ours: None if value is None else str(value)
        for ours, value in _mapping(constants or {}, "constants").items()
    }
    _check_mapping(columns, fixed, codes)
    marks = [nulls] if isinstance(nulls, str) else nulls
    for ours, text in fixed.items():
        if text is not None and text.strip() not in marks:
            _check_constant(ours, text, codes=codes, words=words, parties=parties, formats=formats)
    draft, files = draft_of(data, delimiter=delimiter, encoding=encoding, code=columns.get("code"))
    check_header(draft, list(columns.values()))
    name = source or next(iter(files), "own table")
    rows = pd.DataFrame({ours: draft.rows[yours] for ours, yours in columns.items()})
    rows = rows.assign(**{c: pd.Series(v, index=rows.index, dtype="str") for c, v in fixed.items()})
    rows = rows.mask(rows.apply(lambda text: text.str.strip().isin(marks))).astype("str")
    for column in (c for c in _DATES if c in rows):
        check_order(rows[column].drop_duplicates(), formats, guessed=formats == list(_FORMATS))
    own = EventSource(
        key="own",
        columns={"actor1": "sender", "actor2": "target"},
        formats=formats,
        system=parties,
        succession=succession,
        label="actor",
        checks=_CHECKS[codes],
        must_exist=True,
    )
    with closing(Database(as_written=True)) as engine:
        span = None if coverage is None else (coverage.first, coverage.last)
        cleaning = _OwnTable(own, engine, words=None if codes == "cameo" else words, within=span)
        table = cleaning.clean(rows, draft, one_a_day=repeats == "one_a_day")
        audit = cleaning.steps(one_a_day=repeats == "one_a_day")
    return Reading(
        kind="events",
        table=table.assign(source=name),
        rejected=cleaning.rejected_rows(),
        audit=audit,
        coverage=coverage,
        provenance=Provenance(
            key=name,
            title=name,
            producer="the user",
            licence="as its producer says",
            citation=citation,
            files=files,
        ),
        unmatched=unmatched(cleaning.unmatched()),
    )


class _OwnTable(Cleaning):
    """Rows of a table of one's own on their way to events."""

    together = False

    def __init__(
        self,
        source: EventSource,
        engine: Database,
        *,
        words: Mapping[str, str] | None,
        within: tuple[date, date] | None,
    ) -> None:
        super().__init__(source, engine)
        self.words, self.within = words, within

    def clean(self, rows: pd.DataFrame, draft: Draft, *, one_a_day: bool) -> pd.DataFrame:
        """Return the events that rows of text are; see `steps`."""
        import pyarrow as pa

        line = draft.rows["_line"].reset_index(drop=True)
        rows = rows.reset_index(drop=True)
        values, wrong = typed_columns(rows, [c for c in _REST if c.name in rows])
        for side in ("sender", "target"):
            several = _several(rows[side], self.source.system)
            wrong = wrong.where(wrong.notna(), several)
        mutual = values.get("mutual", pd.Series(data=False, index=rows.index)).fillna(value=False)
        words = rows.assign(_mutual=mutual.map({True: MUTUAL, False: ""}))
        cells = {
            "id": "L" + line.astype("str"),
            "date": _joined(rows, _DATES),
            "code": rows["code"] if self.words is None else _joined(words, _WORDS),
            "score": wrong.astype("str"),
            "actor1": rows["sender"],
            "actor2": rows["target"],
        }
        text = pd.DataFrame(cells).reindex(columns=list(CELLS)).astype("str").fillna("")
        self.take_lines(
            pa.Table.from_pandas(text.assign(row=line), preserve_index=False),
            others=list(zip(draft.rejected["line"], draft.rejected["reason"], strict=True)),
            origin=partial(_origin, draft),
        )
        reports = values.get("n_reports", pd.Series(1, index=rows.index)).fillna(0)
        self.engine.give("reports", pd.DataFrame({"row": line, "n": reports.astype("int64")}))
        self.engine.empty("again", "row BIGINT, of BIGINT, nth BIGINT, copied BOOLEAN")
        self.engine.make("repeats", OWN_ROWS)
        self.engine.make("acts", acts(one_a_day=one_a_day))
        table = self.engine.frame(events(self.source))
        # The other columns of an act are those of its first row.
        days = {
            column: first_and_last(rows[column], self.source.formats)["first"]
            for column in _DATES[2:]
            if column in rows
        }
        own = (
            pd.DataFrame(values | days).set_axis(line).reindex(table["row"]).reset_index(drop=True)
        )
        own["event_id"] = own.get("event_id", table["event_id"])
        own["act_id"] = own.get("act_id", own["event_id"])
        own["mutual"] = table["mutual"] | table["code"].eq(MUTUAL)
        not_ours = ["row", "date_basis", "goldstein", *([] if self.words is None else ["code"])]
        given = ["n_reports", *(["code"] if self.words is None else [])]
        cleaned: pd.DataFrame = table.drop(columns=not_ours).assign(
            **own.drop(columns=given, errors="ignore")
        )
        return cleaned

    def steps(self, *, one_a_day: bool) -> Audit:
        """Return the account of all rows, by step."""
        audit = self.audit(split=self.n_split > 0)
        if not one_a_day:
            audit = audit.then("keep repeats", n_out=audit.n_kept)
        of_codes = self.words is None
        merged = {"merge repeats (one a day)": one_a_day, "merge mirrored reports": of_codes}
        return self.merged(audit, [step for step, done in merged.items() if done])

    def days(self, text: pd.Series) -> pd.DataFrame:
        """Return ``day`` and ``last`` of rows whose dates are days, or ``why`` they are none."""
        parts = _parts(text, len(_DATES)).set_axis(list(_DATES), axis=1)
        rows = parts.replace("", None)
        days, why = days_in(rows, self.source.formats, named=True, within=self.within)
        return pd.DataFrame({"day": days["date"], "last": days["date_last"], "why": why})

    def acts(self, text: pd.Series) -> pd.DataFrame:
        """Return the meaning of words of our vocabulary, or of those that stand for them."""
        if self.words is None:
            return super().acts(text)
        parts = _parts(text, len(_WORDS))
        word, family = (parts[i].where(parts[i].ne("")) for i in (0, 1))
        action, _, why = mapped_actions(word, family, of=self.words)
        meanings = {"code": parts[2], "action": action.where(why.isna()), "why": why}
        flags = {"mirror": False, "turned": False}
        return pd.DataFrame(meanings).assign(**flags).astype({"action": "str", "code": "str"})

    def scores(self, text: pd.Series) -> pd.DataFrame:
        """Return what is wrong with the other cells of a row: its text says it."""
        return pd.DataFrame({"value": math.nan, "why": text.where(text.ne(""))})


_WORDS = ("action", "family", "_mutual")
_BETWEEN = r"\s*[;,/&+|\n]\s*(?:and\s+)?|\s+and\s+|\s+[-\u2013]\s+"


def _several(names: pd.Series, system: System) -> pd.Series:
    """Return the reason why a cell that holds several names, and is none itself, is wrong."""
    distinct = names.dropna().drop_duplicates()
    unknown = distinct[resolve(distinct, system=system)["code"].isna()]
    parts = unknown.str.strip().str.split(_BETWEEN, regex=True).explode()
    found = resolve(parts, system=system)["code"].notna().groupby(level=0).agg(["all", "size"])
    several = unknown[found["all"].reindex(unknown.index) & found["size"].gt(1)]
    fix = {
        name: f"{names.name} {name.strip()!r} is {'two' if n == 2 else n} names: give one row each"
        for name, n in zip(several, found["size"].reindex(several.index), strict=True)
    }
    return names.map(fix)


def _joined(rows: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Return several columns as one text; those that are not there are empty."""
    # The mark between them is no part of a cell: it would make two cells of it.
    cells = rows.reindex(columns=list(columns)).astype("str").fillna("")
    cells = cells.replace(JOIN, "\ufffd", regex=True)
    return reduce(lambda before, part: before + JOIN + part, (cells[c] for c in columns))


def _parts(text: pd.Series, n: int) -> pd.DataFrame:
    """Return what `_joined` joined."""
    return text.str.split(JOIN, expand=True).reindex(columns=range(n)).astype("str")


def _origin(draft: Draft, numbers: Sequence[int]) -> list[Origin]:
    """Return the file and the text of lines."""
    file = next(iter([*draft.rows["_file"][:1], *draft.rejected["file"][:1]]), "")
    raw = dict(zip(draft.rejected["line"], draft.rejected["raw"], strict=True))
    if draft.raw is None:
        raw |= dict(zip(draft.rows["_line"], draft.rows["_raw"], strict=True))
    tell = draft.raw or raw.__getitem__
    return [(file, number, tell(number)[: EventSource.shown]) for number in numbers]


def _mapping(value: object, what: str) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    msg = f"{what} is {value!r:.80}. It must be a mapping of our names to yours, such as"
    raise UnknownChoiceError(f"{msg} {{'date': 'when'}}.")


def _check_mapping(columns: Mapping[str, str], fixed: Mapping[str, object], codes: Codes) -> None:
    given = [*columns, *fixed]
    action = "code" if codes == "cameo" else "action"
    for name in given:
        if name not in EVENTS.names:
            if columns.get(name) in EVENTS.names:
                turned = {yours: ours for ours, yours in columns.items() if yours in EVENTS.names}
                raise UnknownChoiceError(f"columns: the mapping is reversed: {turned!r}.")
            msg = f"{name!r} is not a column of the events table."
            raise UnknownChoiceError(msg + did_you_mean(str(name), EVENTS.names))
        if name in _OWN[codes]:
            msg = f"{name!r} is filled from the codes. Leave it out."
            hint = "'source' cannot be mapped. Name the source with source='…'."
            raise UnknownChoiceError(hint if name == "source" else msg)
        if given.count(name) > 1:
            msg = f"{name!r} is in columns and in constants. Give it in one of them."
            raise UnknownChoiceError(msg)
    for needed in ("date", "sender", "target", action):
        if needed not in given:
            msg = f"columns has no {needed!r}; it has {', '.join(map(repr, given)) or 'nothing'}."
            raise MissingColumnsError(f"{msg} Add {{{needed!r}: your column}}.")


def _check_constant(
    name: str,
    text: str,
    *,
    codes: Codes,
    words: Mapping[str, str],
    parties: System,
    formats: Sequence[str],
) -> None:
    """Check a value of all rows: what would reject every row, or leave every party unknown."""
    what, one = f"constants[{name!r}]", pd.Series([text], dtype="str")
    column = next(c for c in EVENTS.columns if c.name == name)
    if column.choices:
        own = words if name == "action" else ()
        for part in text.split(";") if column.joined else [text]:
            check_choice(part.strip(), dict.fromkeys([*own, *column.choices]), what=what)
        return
    hint = ""
    if name in ("sender", "target"):
        value, needed = resolve(one, system=parties)["code"], f"state or bloc (parties={parties!r})"
        names = countries()[{"name": "name", "iso3": "code"}.get(parties, parties)]
        hint = did_you_mean(text, names.dropna().astype("str"))
    elif name in _DATES:
        value, needed = first_and_last(one, formats)["first"], "day in date_formats"
    elif name == "code" and codes == "cameo":
        value, needed = one.where(one.isin(crosswalk("cameo")["code"])), "CAMEO code, such as '040'"
    else:
        value, needed = typed(one, column), column.kind
    if value.isna().all():
        raise UnknownChoiceError(f"{what} is {text!r}. It must be a {needed}.{hint}")
