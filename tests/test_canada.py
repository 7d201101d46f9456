"""Canada's list: regimes, types and months of listing, without a name."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sanctlib.errors import SourceError
from sanctlib.sources.listings import listing_counts
from sanctlib.sources.lists import read_canada

RECORDS = """
<record><Country>Russia / Russie</Country><LastName>A</LastName><Schedule>1</Schedule>
<Item>1</Item><DateOfListing>2022-02-24</DateOfListing></record>
<record><Country>Russia / Russie</Country><EntityOrShip>B</EntityOrShip>
<ShipIMONumber>1</ShipIMONumber><Schedule>1.1</Schedule><Item>2</Item>
<DateOfListing>2022-02-28</DateOfListing></record>
<record><Country>Venezuela </Country><EntityOrShip>C</EntityOrShip>
<Item>3</Item><DateOfListing>2022-02-30</DateOfListing></record>
"""


def xml(folder: Path, body: str, head: str = "<?xml version='1.0'?>") -> Path:
    path = folder / "list.xml"
    path.write_text(f"{head}<data-set>{body}</data-set>", encoding="utf-8")
    return path


def test_regime_type_and_day_are_read_and_an_impossible_day_is_rejected(tmp_path: Path) -> None:
    reading = read_canada(xml(tmp_path, RECORDS))
    table = reading.table
    assert table["programme"].tolist() == ["Russia", "Russia"]
    assert table["entity_type"].tolist() == ["individual", "vessel"]
    assert reading.rejected["line"].tolist() == [3]
    assert reading.audit.n_read == 3


def test_listings_are_counted_per_month_regime_and_type(tmp_path: Path) -> None:
    counts = listing_counts(read_canada(xml(tmp_path, RECORDS)), every="month")
    assert counts[["programme", "entity_type", "n_listings"]].to_dict("records") == [
        {"programme": "Russia", "entity_type": "individual", "n_listings": 1},
        {"programme": "Russia", "entity_type": "vessel", "n_listings": 1},
    ]
    assert counts["date_last"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2022-02-28"]


def test_an_entity_declared_in_the_file_is_refused(tmp_path: Path) -> None:
    head = "<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a 'boom'>]>"
    with pytest.raises(SourceError, match="cannot be read as XML"):
        read_canada(xml(tmp_path, RECORDS, head))


def test_another_xml_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'list\.xml' has no record <record>"):
        read_canada(xml(tmp_path, "<sdnEntry/>"))


def test_records_that_nothing_tells_apart_are_rejected_never_merged(tmp_path: Path) -> None:
    first = RECORDS.split("</record>")[0] + "</record>"
    no_item, no_country = first.replace("<Item>1<", "<Item><"), first.replace("Russia / Russie", "")
    another = first.replace(">A<", ">B<")
    reading = read_canada(xml(tmp_path, first + first + no_item + no_country + another))
    assert (len(reading.table), reading.audit.n_merged) == (1, 1)
    nameless = "no country or no item: nothing tells the record from others"
    assert sorted(reading.rejected["reason"]) == [
        "an earlier record, which differs, has the same Country and Schedule and Item",
        nameless,
        nameless,
    ]


@pytest.mark.parametrize("encoding", ["utf-99", "gbk"])
def test_an_encoding_the_parser_has_not_is_an_error(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(SourceError, match="cannot be read as XML"):
        read_canada(xml(tmp_path, RECORDS, f"<?xml version='1.0' encoding='{encoding}'?>"))


def test_a_damaged_gzip_file_is_an_error(tmp_path: Path) -> None:
    items = "".join(RECORDS.replace(">1<", f">{i}<") for i in range(2000))
    packed = bytearray(gzip.compress(xml(tmp_path, items).read_bytes()))
    packed[500:560] = bytes(range(60))
    path = tmp_path / "list.xml.gz"
    path.write_bytes(packed)
    with pytest.raises(SourceError, match="cannot be read as XML"):
        read_canada(path)


def test_the_real_list_has_the_known_counts(real_data: Path) -> None:
    reading = read_canada(real_data / "lists" / "canada_sema_2025.xml.gz")
    programmes = reading.table["programme"].value_counts()
    assert len(reading.table) == 4759
    assert programmes[["Russia", "Ukraine", "Iran", "Belarus"]].tolist() == [2426, 553, 460, 320]
    years = reading.table[reading.table["programme"].eq("Russia")]["listed"].dt.year.value_counts()
    assert years[[2014, 2022, 2023]].tolist() == [110, 1188, 595]
