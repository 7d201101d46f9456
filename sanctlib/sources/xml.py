"""XML as text: one row per record, the columns named by paths, nothing expanded or fetched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanctlib.cleaning import Draft
from sanctlib.errors import SourceError
from sanctlib.reading import Audit
from sanctlib.sources.files import UNREADABLE, head_of, open_bytes
from sanctlib.sources.records import keys_only

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Lists go five elements deep, with some hundred in an entry.
_DEPTH, _SIZE = 100, 100_000


def is_xml(path: Path) -> bool:
    """
    Tell by its first character whether a file is XML, whatever its name.

    Raises
    ------
    SourceError
        When it cannot be opened.
    """
    # U+FFFD stands for the byte order mark of UTF-16, which is no UTF-8.
    return head_of(path).lstrip("\ufffd\0 \r\n\t").startswith("<")


def read_xml(
    path: Path,
    *,
    records: Collection[str],
    columns: Mapping[str, str],
    shown: Sequence[str],
) -> tuple[Draft, dict[str, str]]:
    """
    Read an XML file into a draft of text columns, and what stands outside its records.

    Names are local: producers change their namespace and nothing else. A document type,
    an entity of its own or an external reference is refused before it is expanded. One
    record is in memory at a time; a truncated file is refused, because the number of missing
    records is not known.

    Parameters
    ----------
    records : collection of str
        Local names of the elements that are a row each. ``_line`` counts them.
    columns : mapping
        Column to path below the record: ``"programList/program"``, ``"@logicalId"``,
        ``"."`` for the record's own name. Several values are joined by ``;``, in order,
        once each; none is null.
    shown : sequence of str
        The columns that stand as the raw text of a rejected row: never names.

    Returns
    -------
    draft : Draft
    outside : dict
        ``root`` (its name), its attributes (``@name``) and the text of elements outside records.

    Raises
    ------
    SourceError
        For a file that is not XML, is truncated, or has no such record.
    """
    rows, outside = _parsed(path, set(records), columns)
    if not rows:
        wanted = " or ".join(f"<{r}>" for r in sorted(records))
        msg = f"{path.name!r} has no record {wanted} in its <{outside.get('root', '?')}>."
        raise SourceError(msg)
    table = pd.DataFrame(rows, columns=list(columns)).astype("str")
    table = table.assign(
        _file=pd.Series([path.name] * len(rows), dtype="str"),
        _line=pd.Series(range(1, len(rows) + 1), dtype="int64"),
    )
    table["_raw"] = keys_only(table, shown)
    return Draft(rows=table, audit=Audit.begin(len(table))), outside


def _parsed(
    path: Path, records: set[str], columns: Mapping[str, str]
) -> tuple[list[list[str | None]], dict[str, str]]:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    rows: list[list[str | None]] = []
    outside: dict[str, str] = {}
    # The elements that are open, the record among them, and how much stands in it so far.
    stack: list[Element] = []
    record: Element | None = None
    size = 0
    try:
        with open_bytes(path) as file:
            for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
                name = _local(element.tag)
                if event == "start":
                    stack.append(element)
                    if len(stack) == 1:
                        outside["root"] = name
                        outside |= {f"@{_local(k)}": v for k, v in element.attrib.items()}
                    if record is None and name in records:
                        record, size = element, 0
                    size += 1
                    _check_size(path, depth=len(stack), size=size if record is not None else 0)
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
    return rows, outside


def _check_size(path: Path, *, depth: int, size: int) -> None:
    if depth > _DEPTH or size > _SIZE:
        msg = f"{path.name!r} nests elements {depth} deep and holds {size:,} in one record: "
        raise SourceError(msg + "it is not a list of records.")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _joined(record: Element, path: str) -> str | None:
    if path == ".":
        return _local(record.tag)
    *parents, last = path.split("/")
    found = [record]
    for name in parents:
        found = [child for element in found for child in element if _local(child.tag) == name]
    if last.startswith("@"):
        values = [v for e in found for k, v in e.attrib.items() if _local(k) == last[1:]]
    else:
        values = [c.text or "" for e in found for c in e if _local(c.tag) == last]
    return ";".join(dict.fromkeys(v.strip() for v in values if v.strip())) or None
