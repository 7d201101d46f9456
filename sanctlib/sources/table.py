"""Anyone's own table: a file or frame, and which of its columns is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import pandas as pd

from sanctlib.cleaning.columns import type_columns
from sanctlib.cleaning.draft import ORIGIN_COLUMNS, Draft, unmatched
from sanctlib.cleaning.repeats import RepeatRule, collapse_mirrors, deduplicate
from sanctlib.cleaning.rules import (
    empty_to_null,
    map_actions,
    map_cameo,
    parse_dates,
    resolve_parties,
)
from sanctlib.codes.countries import System
from sanctlib.coverage import Coverage
from sanctlib.errors import (
    MissingColumnsError,
    SourceError,
    UnknownChoiceError,
    check_choice,
    check_columns,
    did_you_mean,
)
from sanctlib.reading import Audit, Provenance, Reading, sha256
from sanctlib.schema import EVENTS
from sanctlib.sources.files import open_bytes
from sanctlib.sources.text import delimiter_of, read_text

Codes: TypeAlias = Literal["vocabulary", "cameo"]

# What read_table works out itself: a mapped column would be overwritten unsaid.
_OWN = {"vocabulary": ("source",), "cameo": ("source", "family", "action", "mutual")}
_DATES = ("date", "date_last", "date_announced", "date_effective")
# A cell left empty under `mutual` says that nobody called the act mutual.
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

    Without `coverage` no zero is ever written: nobody but you knows whether a day
    without a row means "nothing happened" or "not collected".

    Parameters
    ----------
    data : path or DataFrame
        Delimited text (``.csv``, ``.tsv``, either also ``.gz`` or ``.xz``), a Parquet
        file, or a pandas, polars or pyarrow frame.
    columns : mapping
        Our column name to yours: ``{"date": "when", "sender": "from"}``. ``date``,
        ``sender``, ``target`` and, by `codes`, ``action`` or ``code`` are needed, here
        or in `constants`; every other column of the events table may be given.
    constants : mapping, optional
        Columns with one value for all rows: ``{"action": "impose"}``.
    codes : {"vocabulary", "cameo"}
        Whether actions are words of our vocabulary (or of `actions`), or CAMEO codes.
    actions : mapping, optional
        Your word for an action to ours: ``{"Sanction imposed": "impose"}``.
    parties : {"name", "iso3", "iso2", "cow", "cameo", "fips"}
        How senders and targets are written. Whole labels are matched, never parts.
    repeats : {"none", "one_a_day"}
        Whether rows of one day, sender, target and action are one act.
    nulls : sequence of str
        Your null marks. ``NA`` is not one unless you say so: it is Namibia.

    Returns
    -------
    Reading
        Of kind ``"events"``. Rows with an impossible date, an unknown action, a state
        that did not exist on that day, or a cell that its column cannot hold are in
        `rejected`, with file, line and reason.

    Raises
    ------
    MissingColumnsError, SourceError, UnknownChoiceError
    SchemaError
        When your own `event_id` names two rows.

    Examples
    --------
    >>> import pandas as pd
    >>> mine = pd.DataFrame(
    ...     {
    ...         "when": ["2018-05-08", "2018-02-30"],
    ...         "who": ["United States", "France"],
    ...         "whom": ["Iran", "Iran"],
    ...     }
    ... )
    >>> reading = read_table(
    ...     mine,
    ...     columns={"date": "when", "sender": "who", "target": "whom"},
    ...     constants={"action": "impose"},
    ... )
    >>> reading.table[["sender", "target", "action"]].to_dict("records")
    [{'sender': 'USA', 'target': 'IRN', 'action': 'impose'}]
    >>> reading.rejected["reason"].tolist()
    ["impossible date: '2018-02-30'"]
    """
    fixed = {ours: str(value) for ours, value in (constants or {}).items()}
    check_choice(codes, get_args(Codes), what="codes", needed_by="read_table")
    check_choice(repeats, get_args(RepeatRule), what="rule of repeats", needed_by="read_table")
    # "all" names several states for one party: an act would need to be written out.
    check_choice(succession, ("strict", "dominant"), what="succession", needed_by="read_table")
    _check_mapping(columns, fixed, codes)
    draft, files = _draft(data, delimiter=delimiter, encoding=encoding)
    found = [c for c in draft.rows.columns if c not in ORIGIN_COLUMNS]
    check_columns(found, [str(yours) for yours in columns.values()], needed_by="read_table")
    name = source or next(iter(files), "own table")
    picked = {ours: draft.rows[str(yours)] for ours, yours in columns.items()}
    rows = pd.DataFrame(picked, index=draft.rows.index).assign(
        **fixed, **{c: draft.rows[c] for c in ORIGIN_COLUMNS}
    )
    what = ["code"] if codes == "cameo" else ["action", "mutual"]
    draft = empty_to_null(replace(draft, rows=rows), marks=nulls)
    draft = map_cameo(draft) if codes == "cameo" else map_actions(draft, words=actions)
    draft = parse_dates(draft, [c for c in _DATES if c in rows], formats=date_formats)
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


def _check_mapping(columns: Mapping[str, str], fixed: Mapping[str, str], codes: Codes) -> None:
    given = [*columns, *fixed]
    action = "code" if codes == "cameo" else "action"
    for name in given:
        if name not in EVENTS.names:
            msg = f"read_table maps to {name!r}, which the events table does not have."
            raise UnknownChoiceError(msg + did_you_mean(name, EVENTS.names))
        if name in _OWN[codes]:
            msg = f"read_table fills {name!r} itself with codes={codes!r}: do not map to it."
            hint = " Name the source with source='…'." if name == "source" else ""
            raise UnknownChoiceError(msg + hint)
        if given.count(name) > 1:
            raise UnknownChoiceError(f"read_table got {name!r} both as a column and as a constant.")
    for needed in ("date", "sender", "target", action):
        if needed not in given:
            msg = (
                f"read_table needs to know your column for {needed!r}. Mapped so far: "
                f"{', '.join(repr(g) for g in given) or 'none'}."
            )
            raise MissingColumnsError(msg)


def _draft(data: Any, *, delimiter: str | None, encoding: str) -> tuple[Draft, dict[str, str]]:
    if not isinstance(data, str | Path):
        return _draft_of_frame(data), {}
    path = Path(data)
    if path.suffix.lower() == ".parquet":
        return _draft_of_frame(_parquet(path), file=path.name), {path.name: sha256(path)}
    delimiter = delimiter_of(path) if delimiter is None else delimiter
    draft = read_text(path, delimiter=delimiter, encoding=encoding)
    return draft, {path.name: sha256(path)}


def _parquet(path: Path) -> pd.DataFrame:
    open_bytes(path).close()
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError, NotImplementedError) as error:
        raise SourceError(f"{path.name!r} cannot be read as Parquet: {error}") from error


def _draft_of_frame(data: Any, *, file: str = "frame") -> Draft:
    import narwhals as nw
    from narwhals.exceptions import NarwhalsError

    try:
        frame = nw.from_native(data, eager_only=True).to_pandas().rename(columns=str)
    except (TypeError, NarwhalsError) as error:
        msg = f"read_table needs a file, or a pandas, polars or pyarrow frame in memory: {error}"
        raise SourceError(msg) from error
    n = len(frame)
    text = frame.apply(_as_text).astype("str") if n else frame.astype("str")
    raw = text.fillna("").agg(",".join, axis=1) if n else pd.Series(dtype="str")
    rows = text.reset_index(drop=True).assign(
        _file=pd.Series([file] * n, dtype="str"),
        _line=pd.Series(range(1, n + 1), dtype="int64"),
        _raw=raw.reset_index(drop=True),
    )
    return Draft(rows=rows, audit=Audit.begin(n))


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
