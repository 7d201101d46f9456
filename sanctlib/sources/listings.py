"""Read the entries of a list, also from XML. Return one row per designation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanctlib.codes.countries import System
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Audit, Reading
from sanctlib.sources.draft import ORIGIN_COLUMNS, Draft, as_reading, empty_to_null, resolve_parties
from sanctlib.sources.files import UNREADABLE, head_of, open_bytes
from sanctlib.sources.text import keys_only

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


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


# Lists go five elements deep, with some hundred in an entry.
_DEPTH, _SIZE = 100, 100_000


def is_xml(path: Path) -> bool:
    """Tell by its first character whether a file is XML, whatever its name."""
    # U+FFFD stands for the byte order mark of UTF-16, which is no UTF-8.
    return head_of(path).lstrip("\ufffd\0 \r\n\t").startswith("<")


def read_xml(
    path: Path, *, records: Collection[str], columns: Mapping[str, str], shown: Sequence[str]
) -> tuple[Draft, dict[str, str]]:
    """
    Read an XML file into a draft of text columns, and what stands outside its records.

    Names are local: producers change their namespace and nothing else. A document type,
    an entity of its own or an external reference is refused before it is expanded. One
    record is in memory at a time; a truncated file is refused, because the number of missing
    records is not known.

    Each element whose local name is in `records` is a row; ``_line`` counts them. `columns`
    gives each column its path below the record: ``"programList/program"``, ``"@logicalId"``,
    ``"."`` for the record's own name. Several values are joined by ``;``, in order, once
    each; none is null. The columns `shown` are the raw text of a rejected row: never names.
    Outside records stand ``root`` (its name), its attributes (``@name``) and other texts.

    Raises
    ------
    SourceError
        For a file that is not XML, is truncated, or has no such record.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    rows: list[list[str | None]] = []
    outside: dict[str, str] = {}
    stack: list[Element] = []  # the elements that are open
    record: Element | None = None
    size = 0  # how many elements the record holds so far
    try:
        with open_bytes(path) as file:
            for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
                name = _local(element.tag)
                if event == "start":
                    if not stack:
                        outside["root"] = name
                        outside |= {f"@{_local(k)}": v for k, v in element.attrib.items()}
                    stack.append(element)
                    if record is None and name in records:
                        record, size = element, 0
                    size += record is not None
                    if len(stack) > _DEPTH or size > _SIZE:
                        msg = f"{path.name!r} nests elements {len(stack)} deep and holds {size:,}"
                        raise SourceError(f"{msg} in one record: it is not a list of records.")
                    continue
                stack.pop()
                if record is not None and element is not record:
                    continue
                if record is not None:
                    rows.append([_joined(record, column) for column in columns.values()])
                    record = None
                elif element.text and element.text.strip():
                    outside.setdefault(name, element.text.strip()[:200])
                if stack:
                    del stack[-1][:]
    # LookupError and ValueError: an encoding that there is not, or that the parser has not.
    except (ParseError, DefusedXmlException, LookupError, ValueError, *UNREADABLE) as error:
        raise SourceError(f"{path.name!r} cannot be read as XML: {error}") from error
    if not rows:
        wanted = " or ".join(f"<{r}>" for r in sorted(records))
        raise SourceError(f"{path.name!r} has no record {wanted} in its <{outside['root']}>.")
    table = pd.DataFrame(rows, columns=list(columns)).astype("str")
    table["_file"] = pd.Series(path.name, index=table.index, dtype="str")
    table["_line"] = range(1, len(table) + 1)
    table["_raw"] = keys_only(table, shown)
    return Draft(rows=table, audit=Audit.begin(len(table))), outside


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _joined(record: Element, path: str) -> str | None:
    """Return the values at a path below a record, each once."""
    if path == ".":
        return _local(record.tag)
    way, _, attribute = path.partition("@")
    # {*} is any namespace, or none.
    found = record.iterfind("/".join(f"{{*}}{name}" for name in way.split("/") if name) or ".")
    if attribute:
        values = [v for e in found for k, v in e.attrib.items() if _local(k) == attribute]
    else:
        values = [e.text or "" for e in found]
    return ";".join(dict.fromkeys(v.strip() for v in values if v.strip())) or None
