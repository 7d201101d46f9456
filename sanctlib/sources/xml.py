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
