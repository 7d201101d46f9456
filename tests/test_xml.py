"""XML as rows: paths, joined values, nothing expanded, nothing too deep, nothing cut off."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from sanctlib.errors import SourceError
from sanctlib.sources.draft import Draft
from sanctlib.sources.listings import is_xml, read_xml

COLUMNS = {
    "kind": ".",
    "id": "@id",
    "place": "address/country",
    "code": "address/@iso",
    "note": "note",
}


def read(path: Path) -> tuple[Draft, dict[str, str]]:
    return read_xml(path, records=["person", "firm"], columns=COLUMNS, key=["id"], shown=["id"])


def write(folder: Path, text: str | bytes, name: str = "list.xml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


LIST = """<?xml version="1.0"?>
<list xmlns="urn:one" xmlns:x="urn:two" made="2024-02-29">
  <head><count> 2 </count></head>
  <people>
    <x:person x:id="7">
      <address iso="IR"><country>Iran</country></address>
      <address iso="LB"><country> Lebanon </country></address>
      <address iso="IR"><country>Iran</country><country/></address>
      <note>  </note><deep><address><country>Cuba</country></address></deep>
    </x:person>
    <firm id="8"/>
  </people>
</list>"""


def test_values_come_by_path_whatever_the_namespace_each_once(tmp_path: Path) -> None:
    draft, outside = read(write(tmp_path, LIST))
    assert draft.rows.drop(columns="_file").fillna("").to_dict("list") == {
        "kind": ["person", "firm"],
        "id": ["7", "8"],
        "place": ["Iran;Lebanon", ""],
        "code": ["IR;LB", ""],
        "note": ["", ""],
        "_line": [1, 2],
        "_raw": ["id=7", "id=8"],
    }
    assert outside == {"root": "list", "@made": "2024-02-29", "count": "2"}
    assert (draft.audit.n_read, draft.audit.n_kept) == (2, 2)


def test_a_record_inside_a_record_is_a_part_of_it(tmp_path: Path) -> None:
    draft, _ = read(write(tmp_path, "<l><firm id='1'><firm id='2'/></firm><firm id='3'/></l>"))
    assert draft.rows["id"].tolist() == ["1", "3"]


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE list>",
        "<!DOCTYPE list SYSTEM 'http://localhost/list.dtd'>",
        "<!DOCTYPE list [<!ENTITY a 'boom'>]>",
        "<!DOCTYPE list [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>",
        "<!DOCTYPE list [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>",
    ],
)
def test_document_types_and_entities_are_refused_before_they_are_expanded(
    tmp_path: Path, head: str
) -> None:
    entity = "&c;" if "ENTITY c" in head else "&a;" if "ENTITY" in head else ""
    body = f"<list><firm><note>{entity}</note></firm></list>"
    path = write(tmp_path, f"<?xml version='1.0'?>{head}{body}")
    with pytest.raises(SourceError, match=r"cannot be read as XML: (DTD|Entit)"):
        read(path)


def test_an_entity_that_nobody_declared_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="undefined entity"):
        read(write(tmp_path, "<list><firm><note>&a;</note></firm></list>"))


@pytest.mark.parametrize("cut", [10, 60, 200, len(LIST) - 8])
def test_a_file_cut_off_is_refused_whole(tmp_path: Path, cut: int) -> None:
    with pytest.raises(SourceError, match="cannot be read as XML"):
        read(write(tmp_path, LIST[:cut]))


def test_another_root_without_a_record_is_named(tmp_path: Path) -> None:
    match = r"'list\.xml' has no record <firm> or <person> in its <sdnList>"
    with pytest.raises(SourceError, match=match):
        read(write(tmp_path, "<sdnList><sdnEntry/></sdnList>"))


def test_text_of_ten_million_characters_is_read_and_shown_short(tmp_path: Path) -> None:
    long = "x" * 10_000_000
    text = f"<l><top>{long}</top><firm id='{long[:300]}'><note>{long}</note></firm></l>"
    draft, outside = read(write(tmp_path, text))
    assert draft.rows["note"].str.len().tolist() == [10_000_000]
    assert (len(outside["top"]), len(draft.rows["_raw"].iloc[0])) == (200, 203)


@pytest.mark.parametrize("inside", ["", "<firm>"])
def test_elements_a_hundred_thousand_deep_are_refused(tmp_path: Path, inside: str) -> None:
    path = write(tmp_path, "<l>" + inside + "<a>" * 100_000 + "</a>" * 100_000)
    with pytest.raises(SourceError, match="nests elements 101 deep"):
        read(path)


def test_a_record_of_a_million_elements_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "<l><firm>" + "<a/>" * 1_000_000 + "</firm></l>")
    with pytest.raises(SourceError, match="holds 100,001 in one record"):
        read(path)


def test_records_in_a_row_are_counted_each_for_itself(tmp_path: Path) -> None:
    path = write(tmp_path, "<l>" + ("<firm>" + "<a/>" * 60_000 + "</firm>") * 2 + "</l>")
    assert len(read(path)[0].rows) == 2


def test_elements_outside_records_do_not_pile_up(tmp_path: Path) -> None:
    path = write(tmp_path, "<l><firm id='1'/>" + "<a><b/></a>" * 100_000 + "</l>")
    tracemalloc.start()
    draft, _ = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(draft.rows) == 1
    assert peak < 20 << 20


def test_a_packed_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    text = b"<l><firm id='1'/>" + b" " * (70 << 20) + b"</l>"
    path = write(tmp_path, gzip.compress(text, 1), "list.xml.gz")
    with pytest.raises(SourceError, match="unpacks to far more than its size"):
        read(path)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"<list/>", True),
        (b"\xef\xbb\xbf\r\n <list/>", True),
        ("<list/>".encode("utf-16"), True),
        (b'36,"A <b>"\n', False),
        (b"\x00\x01\x02", False),
    ],
)
def test_xml_is_told_by_its_first_character(tmp_path: Path, start: bytes, expected: bool) -> None:
    assert is_xml(write(tmp_path, start, "list.csv")) is expected
    assert is_xml(write(tmp_path, gzip.compress(start), "list.csv.gz")) is expected
