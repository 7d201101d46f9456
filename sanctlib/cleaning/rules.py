"""Turn names into parties, words into actions and text into days. Return the draft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from sanctlib.cleaning.distinct import distinct, distinct_rows, is_now, shown, spread, swapped
from sanctlib.cleaning.draft import Draft, mentions
from sanctlib.codes.actions import map_codes
from sanctlib.codes.countries import System, existed, is_state_code, resolve
from sanctlib.codes.labels import NO_STATE, Succession
from sanctlib.errors import UnknownChoiceError, did_you_mean
from sanctlib.schema import ACTIONS

_DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y")
_PARTIAL = {4: ("%Y", "Y"), 7: ("%Y-%m", "M")}


def empty_to_null(draft: Draft, *, marks: Sequence[str] = ("",)) -> Draft:
    """Turn the source's own null marks, and only those, into missing values."""
    marks = [marks] if isinstance(marks, str) else marks
    rows = draft.rows.copy(deep=False)
    data = [c for c in rows.columns if not c.startswith("_") and rows[c].dtype != "int64"]
    for name in data:
        places, values = distinct(rows[name])
        null = np.array([isinstance(v, str) and v.strip() in marks for v in values], dtype="bool")
        if null.any():
            rows[name] = spread(values.mask(null), places, like=rows[name])
    return replace(draft, rows=rows)


def parse_dates(
    draft: Draft, columns: Sequence[str], *, formats: Sequence[str] = _DATE_FORMATS
) -> Draft:
    """
    Turn text into days; a row whose date is impossible, or missing, is rejected.

    The first of `columns` must be there and be filled. It becomes ``date``, with
    ``date_last``: equal for a day, the last day for a month (``2022-08``) or a year
    (``2022``). The other columns may be empty; a ``date_last`` before ``date`` rejects
    the row.

    `formats` are tried one by one, and each text must fit one in full. `%d/%m/%Y`
    is read day first; pass the format of a file that is written month first.
    """
    rows = draft.rows.copy(deep=False)
    forms = [formats] if isinstance(formats, str) else formats
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    ends: dict[str, pd.Series] = {}
    for i, column in enumerate(columns):
        text = rows[column]
        places, values = distinct(text)
        partial = i == 0 or column == "date_last"
        found = first_and_last(values.astype("str").str.strip(), forms, partial=partial)
        rows[column], ends[column] = (spread(each, places, like=text) for each in found)
        if i == 0:
            reasons[text.isna()] = f"no {column}"
        wrong = rows[column].isna() & text.notna()
        reasons[wrong] = (f"impossible {column}: " + shown(text[wrong])).to_numpy()
    rows["date_last"] = ends.get("date_last", ends[columns[0]]).fillna(ends[columns[0]])
    before = rows["date_last"].lt(rows[columns[0]]) & reasons.isna()
    reasons[before] = "date_last is before " + columns[0]
    return replace(draft, rows=rows).reject(reasons, step="check dates")


def first_and_last(
    text: pd.Series, formats: Sequence[str], *, partial: bool = True
) -> tuple[pd.Series, pd.Series]:
    """
    Return the first and the last day that each text can mean; missing where it means none.

    With `partial`, text as ``2022-08`` or ``2022`` is a month or a year.
    """
    day = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    for form in formats:
        missing = day.isna() & text.notna() & ~is_now(text)
        # The parser also takes "2018011", cut short, for the first of January.
        missing &= text.str.len().eq(8) if form == "%Y%m%d" else True
        try:
            found = pd.to_datetime(text[missing], format=form, errors="coerce")
        except ValueError:  # several offsets from UTC: the day is that of the place
            local = [_local(value, form) for value in text[missing]]
            found = pd.Series(local, index=text[missing].index, dtype="datetime64[us]")
        day[missing] = found.dt.tz_localize(None).dt.normalize()
    last = day.copy()
    if partial:
        for length, (form, unit) in _PARTIAL.items():
            part = day.isna() & text.str.fullmatch(r"[\d-]+").fillna(value=False)
            part &= text.str.len().eq(length)
            if not part.any():
                continue
            day[part] = pd.to_datetime(text[part], format=form, errors="coerce")
            end = day[part].dt.to_period(unit).dt.end_time.dt.normalize()
            last[part] = end.astype("datetime64[us]")
    return day, last


def _local(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=None)
    except ValueError:
        return None


def check_formats(formats: object) -> list[str]:
    """
    Return formats of days, one or several, each checked.

    Raises
    ------
    UnknownChoiceError
        For text without a directive, an unknown directive, a year of two digits, and two
        formats that read the same text as two days.
    """
    several = isinstance(formats, Iterable) and not isinstance(formats, str)
    given: list[Any] = list(formats) if several else [formats]  # type: ignore[call-overload]
    if not all(isinstance(form, str) for form in given):
        raise UnknownChoiceError(f"date_formats is {formats!r}. {_FORMAT_NEEDED}")
    for form in given:
        found = f"date_formats holds {form!r}"
        if "%y" in form.replace("%%", ""):
            raise UnknownChoiceError(f"{found}, whose year has two digits. Use '%Y', with four.")
        try:
            datetime.strptime("", form)
        except ValueError as error:
            if "%" not in form or "directive" in str(error) or "stray" in str(error):
                raise UnknownChoiceError(f"{found}. {_FORMAT_NEEDED}") from None
    for one, other in combinations(given, 2):
        day = datetime(2018, 3, 4, tzinfo=UTC)
        if _local(day.strftime(one), other) not in (None, _local(day.strftime(one), one)):
            msg = f"date_formats holds {one!r} and {other!r}, which read one text as two days."
            raise UnknownChoiceError(f"{msg} Give the one that the column is written in.")
    return given


_FORMAT_NEEDED = "A format is text with directives such as '%d/%m/%Y'."


def resolve_parties(
    draft: Draft,
    sides: Sequence[str] = ("sender", "target"),
    *,
    system: System = "name",
    succession: Succession = "strict",
    not_yet: Literal["reject", "unknown"] = "reject",
    at: Literal["first", "last"] = "first",
) -> Draft:
    """
    Turn the names or codes of `sides` into parties, each at the row's own ``date``.

    A name that is no party is unknown: its side becomes null, the row stays, the name
    is listed. A state that did not exist on any day that the row allows is an error of
    the source, and the row is rejected: South Sudan in "2011" is one, founded in July.
    With ``not_yet="unknown"`` it is an unknown party too: a register of cases must not
    lose the case of a colony. With ``at="last"`` a row of several days, such as a year, is
    asked at its ``date_last`` first: Russia of 1991 is then RUS, not SUN.
    """
    rows = draft.rows.copy(deep=False)
    ends = ["date", "date_last"] if at == "first" else ["date_last", "date"]
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    names = [draft.names]
    asked = partial(resolve, system=system, succession=succession)
    for side in sides:
        few, group = distinct_rows(rows, [side, *ends])
        text, (lead, other) = few[side].str.strip(), (few[end] for end in ends)
        found = asked(text, dates=lead)
        wide = found["reason"].eq(NO_STATE) & lead.ne(other)
        if wide.any():
            found.loc[wide] = asked(text[wide], dates=other[wide])
        gone = found["reason"].eq(NO_STATE) & (not_yet == "reject")
        if gone.any():
            why = side + " " + shown(text) + " was not a state on " + lead.dt.strftime("%Y-%m-%d")
            lost = gone.to_numpy()[group]
            reasons[lost] = why.to_numpy()[group[lost]]
        unknown = found["code"].isna() & text.notna() & ~gone
        n = np.bincount(group)[unknown]
        names.append(mentions(side, text[unknown], found.loc[unknown, "reason"], n))
        rows[side] = spread(found["code"], group, like=rows[side])
    listed = pd.concat(names, ignore_index=True)
    return replace(draft, rows=rows, names=listed).reject(reasons, step="resolve parties")


def check_parties(draft: Draft, sides: Sequence[str] = ("sender", "target")) -> Draft:
    """Reject rows with an unknown code of a state, or a state that did not exist that day."""
    reasons = pd.Series(pd.NA, index=draft.rows.index, dtype="object")
    for side in sides:
        code = draft.rows[side]
        three = code.str.fullmatch(r"[A-Z]{3}").fillna(value=False)
        no_state = three & ~code.map(is_state_code, na_action="ignore").fillna(value=False)
        reasons[no_state] = side + " " + code[no_state].map(repr) + " is not a state code"
        there = existed(code, draft.rows["date"]) | existed(code, draft.rows["date_last"])
        gone = three & ~no_state & ~there
        reasons[gone] = side + " " + code[gone].map(repr) + " was not a state on that day"
    return draft.reject(reasons, step="check parties")


def map_cameo(draft: Draft, *, column: str = "code") -> Draft:
    """
    Give each row its family and action by the CAMEO crosswalk.

    An unknown code is rejected. Hosting a visit is turned round: the guest is the
    sender. The column ``_mirror`` marks the codes that the other side may report too.
    """
    rows = draft.rows.copy(deep=False)
    places, codes = distinct(rows[column])
    mapped = map_codes(codes.astype("str").str.strip(), system="cameo")
    taken = {name: spread(found, places, like=rows[column]) for name, found in mapped.items()}
    unknown = taken["action"].isna()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[unknown] = ("unknown action code " + shown(rows[column][unknown])).to_numpy()
    rows["family"], rows["action"] = taken["family"], taken["action"]
    rows["_mirror"] = taken["mirror"].fillna(value=False).astype("bool")
    turned = taken["reverse"].fillna(value=False).astype("bool")
    rows = swapped(rows, turned.to_numpy())
    return replace(draft, rows=rows).reject(reasons, step="map action codes")


def map_actions(draft: Draft, *, words: Mapping[str, str] | None = None) -> Draft:
    """Reject unknown actions, or of another family; `words` maps the file's words to ours."""
    rows = draft.rows.copy(deep=False)
    action = rows["action"].str.strip()
    if words:
        action = action.map(lambda w: words.get(w, w), na_action="ignore")
    # "material" and "other" belong to one family each, so the action names the family.
    family_of = {a: family for family, actions in ACTIONS.items() for a in actions}
    family = action.map(family_of)
    given = rows["family"].str.strip() if "family" in rows else family
    unknown = ~action.isin(list(family_of))
    hints = {
        a: "unknown action: the cell is empty"
        if pd.isna(a)
        else f"unknown action {a!r}.{did_you_mean(a, family_of)}"
        for a in action[unknown].unique()
    }
    reasons = action.map(hints, na_action=None).where(unknown)
    other = ~unknown & given.notna() & given.ne(family)
    belongs = action + " is an action of " + family + ", not " + given
    reasons = reasons.astype("object").where(~other, belongs)
    rows["action"], rows["family"] = action, family
    return replace(draft, rows=rows).reject(reasons, step="map actions")
