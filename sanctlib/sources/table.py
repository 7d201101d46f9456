"""Read a table of your own, a file or a frame, into the events table. Return a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import pandas as pd

from sanctlib.cleaning.columns import type_columns, typed
from sanctlib.cleaning.distinct import Numbers
from sanctlib.cleaning.draft import ORIGIN_COLUMNS, Draft, unmatched
from sanctlib.cleaning.repeats import RepeatRule, collapse_mirrors, deduplicate
from sanctlib.cleaning.rules import (
    check_formats,
    empty_to_null,
    first_and_last,
    map_actions,
    map_cameo,
    parse_dates,
    resolve_parties,
)
from sanctlib.codes.actions import crosswalk, numbers_for_codes
from sanctlib.codes.countries import SYSTEMS, System, countries, resolve
from sanctlib.coverage import Coverage
from sanctlib.errors import (
    MissingColumnsError,
    SourceError,
    UnknownChoiceError,
    check_choice,
    check_columns,
    check_flat,
    did_you_mean,
    in_words,
)
from sanctlib.reading import Audit, Provenance, Reading, sha256
from sanctlib.schema import EVENTS
from sanctlib.sources.files import check_text, open_bytes, paths_of
from sanctlib.sources.text import delimiter_of, read_text

Codes: TypeAlias = Literal["vocabulary", "cameo"]

# Filled here: a mapped column would be overwritten without a message.
_OWN = {"vocabulary": ("source",), "cameo": ("source", "family", "action", "mutual")}
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
    date_formats: Sequence[str] = ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y"),
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
        Delimited text (``.csv``, ``.tsv``, also ``.gz`` or ``.xz``), a Parquet file, or a
        pandas, polars or pyarrow frame in memory.
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
        "2018" is the whole year and "2018-05" the whole month.
    nulls : sequence of str, default ("",)
        Your marks of a missing value. "NA" is not one by default: it is Namibia.
    coverage : Coverage, optional
        What your table covers.
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
        that did not exist on that day, or a cell that its column cannot have are in
        ``rejected``, with file, line and reason.

    Raises
    ------
    MissingColumnsError, UnknownChoiceError
        For a column that is not there or not mapped, and an unknown column, option or constant.
    SchemaError
        For CAMEO codes that are numbers, and your own `event_id` in two rows.
    SourceError
        For a file that cannot be read.

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
    draft, files = _draft(data, delimiter=delimiter, encoding=encoding, code=columns.get("code"))
    found = [c for c in draft.rows.columns if c not in ORIGIN_COLUMNS]
    check_columns(found, columns.values())
    name = source or next(iter(files), "own table")
    picked = {ours: draft.rows[yours] for ours, yours in columns.items()}
    picked |= {c: draft.rows[c] for c in ORIGIN_COLUMNS if c in draft.rows}
    rows = pd.DataFrame(picked, index=draft.rows.index)
    rows = rows.assign(**{c: pd.Series(v, index=rows.index, dtype="str") for c, v in fixed.items()})
    what = ["code"] if codes == "cameo" else ["action", "mutual"]
    draft = empty_to_null(replace(draft, rows=rows), marks=marks)
    draft = map_cameo(draft) if codes == "cameo" else map_actions(draft, words=words)
    draft = parse_dates(draft, [c for c in _DATES if c in rows], formats=formats)
    draft = resolve_parties(draft, system=parties, succession=succession)
    draft = type_columns(draft, [c for c in _REST if c.name in rows])
    draft = draft if codes == "cameo" else _mutual(draft)
    draft = deduplicate(draft, rule=repeats, what=what)
    draft = collapse_mirrors(draft, what=what) if codes == "cameo" else draft
    return Reading(
        kind="events",
        table=_with_ids(draft.table, draft.rows["_line"], source=name),
        rejected=draft.rejected,
        audit=draft.audit,
        coverage=coverage,
        provenance=Provenance(
            key=name,
            title=name,
            producer="the user",
            licence="as its producer says",
            citation=citation,
            files=files,
        ),
        unmatched=unmatched(draft.names),
    )


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
    what = f"constants[{name!r}]"
    column = next(c for c in EVENTS.columns if c.name == name)
    if name == "action":
        check_choice(text, dict.fromkeys([*words, *column.choices]), what=what)
    elif name == "code" and codes == "cameo":
        if text not in set(crosswalk("cameo")["code"]):
            raise UnknownChoiceError(f"{what} is {text!r}. It must be a CAMEO code, such as '040'.")
    elif name in ("sender", "target"):
        if resolve(pd.Series([text], dtype="str"), system=parties)["code"].isna().all():
            known = countries()[{"name": "name", "iso3": "code"}.get(parties, parties)]
            msg = f"{what} is {text!r}. It must be a state or bloc (parties={parties!r})."
            raise UnknownChoiceError(msg + did_you_mean(text, known.dropna().astype("str")))
    elif name in _DATES:
        if first_and_last(pd.Series([text], dtype="str"), formats)[0].isna().all():
            raise UnknownChoiceError(f"{what} is {text!r}. It must be a day in date_formats.")
    elif column.choices:
        for part in text.split(";") if column.joined else [text]:
            check_choice(part.strip(), column.choices, what=what)
    elif typed(pd.Series([text], dtype="str"), column).isna().all():
        raise UnknownChoiceError(f"{what} is {text!r}. It must be a {column.kind}.")


def _draft(
    data: Any, *, delimiter: str | None, encoding: str, code: str | None
) -> tuple[Draft, dict[str, str]]:
    if not isinstance(data, str | Path):
        return _draft_of_frame(data, code=code), {}
    (path,) = paths_of(data, what="data")
    if path.suffix.lower() == ".parquet":
        draft = _draft_of_frame(_parquet(path), code=code, file=path.name)
        return draft, {path.name: sha256(path)}
    check_text(path)
    delimiter = delimiter_of(path) if delimiter is None else delimiter
    draft = read_text(path, delimiter=delimiter, encoding=encoding)
    return draft, {path.name: sha256(path)}


def _parquet(path: Path) -> pd.DataFrame:
    open_bytes(path).close()
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError, NotImplementedError) as error:
        raise SourceError(f"{path.name!r} cannot be read as Parquet: {error}") from error


def _draft_of_frame(data: Any, *, code: str | None, file: str = "frame") -> Draft:
    if isinstance(data, pd.DataFrame):
        check_flat(data.columns.nlevels, what="table")
    library, kind = type(data).__module__.split(".")[0], type(data).__name__
    if (library, kind) in (("polars", "DataFrame"), ("pyarrow", "Table")):
        data = data.to_pandas()
    if not isinstance(data, pd.DataFrame) or not data.columns.is_unique:
        msg = f"data is {_found(data)}. It must be a file, or a pandas, polars or pyarrow frame"
        raise SourceError(f"{msg} in memory.")
    frame = data.rename(columns=str)
    if code in frame and _has_numbers(frame[code]):
        raise numbers_for_codes(str(code))
    n = len(frame)
    text = frame.apply(_as_text).astype("str") if n else frame.astype("str")
    rows = text.reset_index(drop=True).assign(
        _file=pd.Series([file] * n, dtype="str"), _line=pd.Series(range(1, n + 1), dtype="int64")
    )
    whole = text.fillna("").reset_index(drop=True)

    def raw(lines: Numbers) -> list[str]:
        return [",".join(cells) for cells in whole.iloc[lines - 1].itertuples(index=False)]

    return Draft(rows=rows, audit=Audit.begin(n), raw=raw)


def _found(data: object) -> str:
    """Return what was given instead of a table; no cell of it, which could be a name."""
    if isinstance(data, pd.DataFrame):
        return "a frame in which a name of a column occurs twice"
    if type(data).__name__ == "LazyFrame":
        return "a lazy frame: call its collect() first"
    if isinstance(getattr(data, "table", None), pd.DataFrame):
        return "a reading or result: pass its table"
    return in_words(data)


def _has_numbers(column: pd.Series) -> bool:
    values = column.dropna()
    if pd.api.types.is_numeric_dtype(values):
        return len(values) > 0
    return any(isinstance(value, Real) for value in values.unique())


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%d")
    return column.map(str, na_action="ignore")


def _mutual(draft: Draft) -> Draft:
    if "mutual" not in draft.rows:
        return replace(draft, rows=draft.rows.assign(mutual=False))
    mutual = draft.rows["mutual"].fillna(value=False).astype("bool")
    rows = draft.rows.assign(mutual=mutual)
    turned = mutual & rows["sender"].gt(rows["target"]).fillna(value=False)
    rows.loc[turned, ["sender", "target"]] = rows.loc[turned, ["target", "sender"]].to_numpy()
    alone = mutual & rows["sender"].eq(rows["target"]).fillna(value=False)
    reasons = ("a mutual act of " + rows["sender"] + " with itself").where(alone)
    return replace(draft, rows=rows).reject(reasons, step="check mutual acts")


def _with_ids(table: pd.DataFrame, line: pd.Series, *, source: str) -> pd.DataFrame:
    by_line = "L" + line.astype("str")
    event = table.get("event_id", by_line)
    act = table.get("act_id", event)
    return table.assign(source=source, event_id=event, act_id=act)
