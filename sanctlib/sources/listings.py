"""A list of designations: from a draft of its entries to the listings table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import ORIGIN_COLUMNS, Draft, empty_to_null, resolve_parties
from sanctlib.codes.countries import System
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Audit, Reading
from sanctlib.sources.producers import as_reading

_KEY = ["listing_id", "programme"]
# No list is older, and a slip of the pen may name any year.
_POSSIBLE = (pd.Timestamp(1900, 1, 1), pd.Timestamp(2100, 1, 1))


def as_listings(
    draft: Draft,
    *,
    key: str,
    list_name: str,
    paths: Sequence[Path],
    types: Mapping[str, str],
    date_basis: str,
    date_format: str = "%Y-%m-%d",
    taken: date | None = None,
    countries: System = "name",
    nulls: Sequence[str] = ("",),
) -> Reading:
    """
    Turn the entries of a list into listings, one row per entry and programme.

    The draft has ``listing_id``, ``entity_type`` (a key of `types`), ``programme``
    (several joined by ``;``) and, where the list gives them, ``listed``, ``entity_id`` and
    ``entity_country`` (several joined by ``;``). Rows of one entry and programme are
    merged when they say the same day: lists write a row per alias. Those that say another
    are rejected, since nobody could tell which is right. A list without days leaves
    ``listed`` null. What it does not do is find one entity under two keys.
    """
    rows = draft.rows
    for column in ("listed", "entity_id", "entity_country"):
        if column not in rows:
            rows = rows.assign(**{column: pd.Series(pd.NA, index=rows.index, dtype="str")})
    draft = empty_to_null(replace(draft, rows=rows), marks=nulls)
    _check_some(draft, paths[0])
    draft = _checked(draft, types, date_format)
    draft = _written_out(draft)
    draft = _merged(draft)
    draft = _countries(draft, countries, taken)
    _check_some(draft, paths[0])
    rows = draft.rows.assign(
        list=list_name,
        date_basis=date_basis,
        delisted=pd.Series(pd.NaT, index=draft.rows.index),
        entity_id=draft.rows["entity_id"].fillna(draft.rows["listing_id"]),
    )
    days = rows["listed"].dropna()
    last = taken or (None if days.empty else days.max().date())
    first = last if days.empty else days.min().date()
    coverage = None
    if first and last:
        coverage = Coverage(source=key, first=min(first, last), last=last, survivors=True)
    draft = replace(draft, rows=rows)
    return as_reading(draft, "listings", key=key, paths=paths, coverage=coverage)


def country_of(rows: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """
    Return for each row what its entry says, in any row, in the first of `columns` it fills.

    Nationality before address, say: an entry of which one is known is never given the other
    too, though a list that writes a row per alias may leave it out in some. Several values
    are joined by ``;``.
    """
    found = pd.Series(pd.NA, index=rows.index, dtype="str")
    unknown = pd.Series(data=True, index=rows.index)
    for column in columns:
        filled = rows.groupby("listing_id")[column].transform("count").gt(0)
        found = found.mask(unknown & filled, rows[column])
        unknown &= ~filled
    return _union(found, rows, ["listing_id"])


def latest_day(said: pd.Series, date_format: str) -> date | None:
    """Return the latest day on which the file says it was made; None where it says none."""
    days = _days(said.str.strip(), date_format).dropna()
    return None if days.empty else days.max().date()


def _days(text: pd.Series, date_format: str) -> pd.Series:
    days = pd.to_datetime(text, format=date_format, errors="coerce").astype("datetime64[us]")
    return days.where(days.between(*_POSSIBLE))


def _check_some(draft: Draft, path: Path) -> None:
    if draft.rows.empty:
        lost = draft.rejected.iloc[0]
        msg = f"{path.name!r} holds no entry that can be kept; line {lost['line']}: "
        raise SourceError(f"{msg}{lost['reason']}.")


def day_of_copy(text: str | None, *, form: str, path: Path) -> date:
    """Return the day a copy says it was made, for lists that print it."""
    made = latest_day(pd.Series([text], dtype="str"), form)
    if made is None:
        found = repr(text[:40]) if text else "nothing"
        msg = f"{path.name!r} does not say which day it was made: it has {found} in its place."
        raise SourceError(msg)
    return made


def _checked(draft: Draft, types: Mapping[str, str], date_format: str) -> Draft:
    rows = draft.rows.copy()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    kind = rows["entity_type"].fillna("").str.strip()
    rows["entity_type"] = kind.map(types)
    reasons[rows["entity_type"].isna()] = "unknown type of entry " + kind.map(repr)
    text = rows["listed"].str.strip()
    days = _days(text, date_format)
    wrong = days.isna() & text.notna()
    reasons[wrong] = "impossible day of listing: " + text[wrong].str.slice(0, 40).map(repr)
    rows["listed"] = days
    # A cell of separators alone names no programme.
    rows["programme"] = rows["programme"].where(rows["programme"].str.strip("; ").ne(""))
    for column in _KEY:
        rows[column] = rows[column].str.strip()
        reasons[rows[column].isna()] = f"no {column}"
    # Where columns are shifted, any cell may hold a name.
    shifted = rows["entity_type"].isna() & ~kind.str.fullmatch(r"\w{0,30}")
    rows["_raw"] = rows["_raw"].mask(shifted, "")
    reasons[shifted] = "its type is not one word: the cells of the row may be shifted"
    return replace(draft, rows=rows).reject(reasons, step="check entries")


def _written_out(draft: Draft) -> Draft:
    rows = draft.rows
    parts = rows["programme"].map(lambda text: sorted({p.strip() for p in text.split(";")} - {""}))
    out = rows.assign(programme=parts).explode("programme", ignore_index=True)
    out["programme"] = out["programme"].astype("str")
    return draft.written_out(out, step="write out programmes")


def _merged(draft: Draft) -> Draft:
    rows = draft.rows
    first = rows.groupby(_KEY, sort=False)[["listed", "entity_type"]].transform("first")
    same = rows["listed"].eq(first["listed"]) | rows["listed"].isna()
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    reasons[~same] = "another day of listing than the first row of its entry and programme"
    other = rows["entity_type"].ne(first["entity_type"])
    reasons[other] = "another type than the first row of its entry and programme"
    draft = draft.reject(reasons, step="check repeats")
    rows = draft.rows
    rows = rows.assign(
        entity_country=_union(rows["entity_country"], rows, _KEY),
        listed=rows.groupby(_KEY, sort=False)["listed"].transform("first"),
    )
    return draft.merged_into(rows.drop_duplicates(_KEY), step="merge rows of one entry")


def _union(texts: pd.Series, rows: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Join for each row the parts of all rows of its group, once each."""
    # By hand: a function called by pandas for each of 6,500 groups takes ten seconds.
    groups = rows.groupby(list(by), sort=False, dropna=False).ngroup()
    parts: defaultdict[int, set[str]] = defaultdict(set)
    for group, text in zip(groups, texts.fillna(""), strict=True):
        parts[group].update(part.strip() for part in text.split(";"))
    joined = {group: ";".join(sorted(found - {""})) or None for group, found in parts.items()}
    return groups.map(joined).astype("str")


def _countries(draft: Draft, system: System, taken: date | None) -> Draft:
    """Resolve each entry's countries as of the day of the copy, and list those unknown."""
    rows = draft.rows
    said = rows["entity_country"]
    if said.isna().all():
        return draft
    parts = said.dropna().str.split(";").explode().rename("entity_country").to_frame()
    # Of a list without its day, today's meaning of a name is the last one it had.
    day = pd.Timestamp(taken or date(2100, 1, 1))
    parts = parts.reset_index(names="_row").assign(date=day, date_last=day)
    named = resolve_parties(
        Draft(
            rows=parts.assign(**dict.fromkeys(ORIGIN_COLUMNS, "")), audit=Audit.begin(len(parts))
        ),
        ["entity_country"],
        system=system,
        succession="dominant",
        not_yet="unknown",
    )
    codes = named.rows.dropna(subset="entity_country").groupby("_row")["entity_country"]
    joined = codes.agg(lambda c: ";".join(sorted(set(c)))).reindex(rows.index).astype("str")
    names = pd.concat([draft.names, named.names], ignore_index=True)
    return replace(draft, rows=rows.assign(entity_country=joined), names=names)
