"""Clean the entries of a list, and read them from XML. Return one row per designation."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pandas as pd

from sanctlib.codes.countries import System, resolve
from sanctlib.coverage import Coverage
from sanctlib.dates import Period, first_and_last, period_end, period_start
from sanctlib.errors import SourceError
from sanctlib.reading import Audit, Reading
from sanctlib.sources.draft import Draft, as_reading, empty_to_null, joined_once, mentions
from sanctlib.sources.files import UNREADABLE, head_of, open_bytes
from sanctlib.sources.text import keys_only

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NO_DAYS = "none: the list gives no days"
_KEY = ["listing_id", "programme"]
_OPTIONAL = ("listed", "entity_id", "entity_country")
# "Iraq (previous)" is Iraq; what "Congo (Democratic Republic)" adds in brackets is its name.
_REMARK = re.compile(
    r"\([^();]*(?:previous|former|current|listing|address|domicile|residence|location|prison|custody"
    r"|detain|detention|since|citizen|national|passport|revoked|as at|as of|by birth|born|\d{4})"
    r"[^();]*\)",
    re.IGNORECASE,
)
# No list is older, and a slip of the pen may name any year.
_POSSIBLE = (pd.Timestamp(1900, 1, 1), pd.Timestamp(2100, 1, 1))
# Lists go five elements deep, with some hundred in an entry.
_DEPTH, _SIZE = 100, 100_000


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

    The draft has ``listing_id``, ``entity_type`` (a key of `types`), ``programme`` and, where the
    list gives them, ``listed``, ``entity_id`` and ``entity_country``; values are joined by ``;``.
    """
    lacking = dict.fromkeys([c for c in _OPTIONAL if c not in draft.rows])
    draft = empty_to_null(draft.assign(**lacking), marks=nulls)
    _check_some(draft, paths[0])
    draft = _checked(draft, types, date_format)
    parts = draft.rows["programme"].map(joined_once).str.split(";")
    rows = draft.rows.assign(programme=parts).explode("programme", ignore_index=True)
    draft = draft.take(rows.astype({"programme": "str"}), step="expand programmes")
    draft = _countries(_merged(draft), countries, taken)
    _check_some(draft, paths[0])
    rows = draft.rows
    days = rows["listed"].dropna()
    last = taken or (None if days.empty else days.max().date())
    first = last if days.empty else days.min().date()
    coverage = None
    if first and last:
        coverage = Coverage(source=key, first=min(first, last), last=last, survivors=True)
    draft = draft.assign(
        list=list_name,
        date_basis=date_basis,
        delisted=pd.Series(pd.NaT, index=rows.index),
        entity_id=rows["entity_id"].fillna(rows["listing_id"]),
    )
    return as_reading(draft, "listings", key=key, paths=paths, coverage=coverage)


def without_remarks(cells: pd.Series) -> pd.Series:
    """Take the remarks in brackets off names of countries."""
    return cells.str.replace(_REMARK, "", regex=True)


def listing_counts(reading: Reading, *, every: Period, by: Sequence[str] = ()) -> pd.DataFrame:
    """
    Count listings per period, programme, entity type and `by`: the tables we ship.

    An entry without a day may be of any period: its row covers the whole coverage.
    """
    table, known = reading.table, reading.coverage
    first = period_start(table["listed"], every=every)
    rows = table.assign(date=first, date_last=period_end(first, every=every))
    rows = rows.rename(columns={"date_basis": "basis"})
    if known is not None:
        whole = {"date": pd.Timestamp(known.first), "date_last": pd.Timestamp(known.last)}
        rows = rows.fillna(whole)
    order = ["date", "date_last", "programme", "entity_type", *by]
    counts = rows.groupby(["source", "list", *order]).size().rename("n_listings")
    return counts.reset_index().sort_values(order, ignore_index=True)


def country_of(rows: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """
    Return for each row what its entry says, in any row, in the first of `columns` it fills.

    So an entry with a known nationality never gets its address too, though a list that writes a
    row per alias may leave the nationality out in some.
    """
    cells = pd.Series(pd.NA, index=rows.index, dtype="str")
    unknown = pd.Series(data=True, index=rows.index)
    for column in columns:
        filled = rows.groupby("listing_id")[column].transform("count").gt(0)
        cells = cells.mask(unknown & filled, rows[column])
        unknown &= ~filled
    return _union(cells, rows, ["listing_id"])


def latest_day(stamps: Sequence[str | None] | pd.Series, date_format: str) -> date | None:
    """Return the latest day on which the file says it was made; None where it says none."""
    days = _days(pd.Series(stamps, dtype="str").str.strip(), date_format).dropna()
    return None if days.empty else days.max().date()


def day_of_copy(text: str | None, *, form: str, path: Path) -> date:
    """Return the day a copy says it was made, for lists that print it."""
    made = latest_day([text], form)
    if made is None:
        shown = repr(text[:40]) if text else "nothing"
        msg = f"{path.name!r} does not say which day it was made: it has {shown} in its place."
        raise SourceError(msg)
    return made


def _days(text: pd.Series, date_format: str) -> pd.Series:
    days = first_and_last(text, [date_format], partial=False)["first"]
    return days.where(days.between(*_POSSIBLE))


def _check_some(draft: Draft, path: Path) -> None:
    if draft.rows.empty:
        lost = draft.rejected.iloc[0]
        msg = f"{path.name!r} holds no entry that can be kept; line {lost['line']}: "
        raise SourceError(f"{msg}{lost['reason']}.")


def _checked(draft: Draft, types: Mapping[str, str], date_format: str) -> Draft:
    rows = draft.rows
    written = rows["entity_type"].fillna("").str.strip()
    kind = written.map(types)
    text = rows["listed"].str.strip()
    days = _days(text, date_format)
    # A cell of nothing but separators names no programme.
    programme = rows["programme"].where(rows["programme"].str.strip("; ").ne("")).str.strip()
    ids = rows["listing_id"].str.strip()
    # Where columns are shifted, any cell may hold a name.
    shifted = kind.isna() & ~written.str.fullmatch(r"\w{0,30}")
    draft = draft.assign(
        entity_type=kind,
        listed=days,
        programme=programme,
        listing_id=ids,
        _raw=rows["_raw"].mask(shifted, ""),
    )
    return draft.reject(
        (kind.isna(), "unknown type of entry ", written),
        (days.isna() & text.notna(), "impossible day of listing: ", text.str.slice(0, 40)),
        (ids.isna(), "no listing_id"),
        (programme.isna(), "no programme"),
        (shifted, "its type is not one word: the cells of the row may be shifted"),
        step="check entries",
    )


def _merged(draft: Draft) -> Draft:
    """Merge the rows of one entry and programme, unless they state another day or type."""
    rows = draft.rows
    first = rows.groupby(_KEY, sort=False)[["listed", "entity_type"]].transform("first")
    other_day = rows["listed"].ne(first["listed"]) & rows["listed"].notna()
    other_type = rows["entity_type"].ne(first["entity_type"])
    draft = draft.reject(
        (other_day, "another day of listing than the first row of its entry and programme"),
        (other_type, "another type than the first row of its entry and programme"),
        step="check repeats",
    )
    rows = draft.rows
    rows = rows.assign(
        entity_country=_union(rows["entity_country"], rows, _KEY),
        listed=rows.groupby(_KEY, sort=False)["listed"].transform("first"),
    )
    return draft.take(rows.drop_duplicates(_KEY), step="merge rows of one entry")


def _union(cells: pd.Series, rows: pd.DataFrame, by: list[str]) -> pd.Series:
    """Join for each row the parts of all cells of its group, once each."""
    groups = rows.groupby(by, sort=False, dropna=False).ngroup()
    parts = cells.dropna().groupby(groups).agg(";".join).map(joined_once)
    return groups.map(parts).astype("str")


def _countries(draft: Draft, system: System, taken: date | None) -> Draft:
    """Resolve each entry's countries as of the day of the copy, and list those unknown."""
    parts = draft.rows["entity_country"].dropna().str.split(";").explode().astype("str")
    # For a list without its day, a name has the last meaning that it had.
    day = pd.Series(pd.Timestamp(taken or date(2100, 1, 1)), index=parts.index)
    parties = resolve(parts, dates=day, system=system, succession="dominant")
    unknown = parties["code"].isna()
    names = mentions("entity_country", parts[unknown], parties.loc[unknown, "reason"])
    codes = parties["code"].dropna().groupby(level=0).agg(";".join).map(joined_once)
    draft = replace(draft, names=pd.concat([draft.names, names], ignore_index=True))
    return draft.assign(entity_country=codes.reindex(draft.rows.index).astype("str"))


def is_xml(path: Path) -> bool:
    """Tell by its first character whether a file is XML, whatever its name."""
    # U+FFFD stands for the byte order mark of UTF-16, which is no UTF-8.
    return head_of(path).lstrip("\ufffd\0 \r\n\t").startswith("<")


def read_xml(
    path: Path,
    *,
    records: Collection[str],
    columns: Mapping[str, str],
    key: Sequence[str],
    needed: Sequence[str] = (),
    shown: Sequence[str],
) -> tuple[Draft, dict[str, str]]:
    """
    Read an XML file into a draft of text columns, and what is outside its records.

    `columns` gives each column its path below the record, by local names:
    ``"programList/program"``, ``"@logicalId"``, ``"."`` for the record's own name, ``"a|b"``
    for an element that was renamed. Several values are joined by ``;``, once each. Some record
    must have each column `needed`. Of records with one `key` only equal ones are kept. The
    columns `shown` are the raw text of a rejected row: never names. ``_line`` counts the
    records. Outside are ``root`` (its name), its attributes (``@name``) and other texts.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    if not is_xml(path):
        msg = f"{path.name!r} is not XML: {head_of(path)[:1]!r} is its first character."
        raise SourceError(f"{msg} Take the list as XML.")
    outside: dict[str, str] = {}
    try:
        with open_bytes(path) as file:
            rows = [
                [*(_joined(record, column) for column in columns.values()), _digest(record)]
                for record in _records(file, records, outside, path.name)
            ]
    # LookupError and ValueError: an encoding that does not exist, or that the parser lacks.
    except (ParseError, DefusedXmlException, LookupError, ValueError, *UNREADABLE) as error:
        raise SourceError(f"{path.name!r} cannot be read as XML: {error}") from error
    if not rows:
        wanted = " or ".join(f"<{r}>" for r in sorted(records))
        raise SourceError(f"{path.name!r} has no record {wanted} in its <{outside['root']}>.")
    table = pd.DataFrame(rows, columns=[*columns, "_digest"]).astype("str")
    for column in (c for c in needed if table[c].isna().all()):
        path_of = " or ".join(f"<{part}>" for part in columns[column].split("|"))
        msg = f"{path.name!r} has no {path_of} in any of its {len(table):,} records: it is of"
        raise SourceError(f"{msg} another layout.")
    table["_file"] = pd.Series(path.name, index=table.index, dtype="str")
    table["_line"] = range(1, len(table) + 1)
    table["_raw"] = keys_only(table, shown)
    draft = Draft(rows=table.drop(columns="_digest"), audit=Audit.begin(len(table)))
    return one_of_each(draft, key, table["_digest"]), outside


def one_of_each(draft: Draft, key: Sequence[str], content: pd.Series) -> Draft:
    """Reject a record whose key is that of an earlier one, unless their contents are equal."""
    keys = draft.rows[list(key)]
    first = content.groupby([keys[column].fillna("") for column in key]).transform("first")
    other = content.ne(first) & keys.notna().any(axis=1)
    reason = f"an earlier record, which differs, has the same {' and '.join(key)}"
    return draft.reject((other, reason), step="check keys")


def _digest(record: Element) -> str:
    """Return a number of all that a record holds, in which no name can be read."""
    parts = [(_local(e.tag), e.attrib, (e.text or "").strip()) for e in record.iter()]
    return str(hash(repr(parts)))


def _records(
    file: IO[bytes], records: Collection[str], outside: dict[str, str], name: str
) -> Iterator[Element]:
    """Yield each record, one in memory at a time; note what is outside of them."""
    from defusedxml.ElementTree import iterparse

    stack: list[Element] = []  # the elements that are open
    record: Element | None = None
    size = 0  # how many elements the record holds so far
    # A document type, an entity or an external reference is refused before it is expanded.
    for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
        tag = _local(element.tag)
        if event == "start":
            if not stack:
                outside["root"] = tag
                outside |= {f"@{_local(k)}": v for k, v in element.attrib.items()}
            stack.append(element)
            if record is None and tag in records:
                record, size = element, 0
            size += record is not None
            if len(stack) > _DEPTH or size > _SIZE:
                msg = f"{name!r} nests elements {len(stack)} deep and holds {size:,} in one record"
                raise SourceError(f"{msg}: it is not a list of records.")
            continue
        stack.pop()
        if record is None and element.text and element.text.strip():
            outside.setdefault(tag, element.text.strip()[:200])
        elif element is record:
            yield record
            record = None
        if record is None and stack:
            del stack[-1][:]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _joined(record: Element, path: str) -> str | None:
    """Return the values at a path below a record, each once."""
    if path == ".":
        return _local(record.tag)
    if "|" in path:
        return next(filter(None, (_joined(record, part) for part in path.split("|"))), None)
    way, _, attribute = path.partition("@")
    # {*} is any namespace, or none.
    elements = record.iterfind("/".join(f"{{*}}{name}" for name in way.split("/") if name) or ".")
    if attribute:
        values = [v for e in elements for k, v in e.attrib.items() if _local(k) == attribute]
    else:
        values = [e.text or "" for e in elements]
    return ";".join(dict.fromkeys(v.strip() for v in values if v.strip())) or None
