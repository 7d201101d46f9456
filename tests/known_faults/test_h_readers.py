"""Kind H: readers and real files."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import fault, given, outcome, params, refused

SAMPLES = ROOT / "tests" / "samples"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# SIPRI's register: seller, buyer and year of delivery, as the producer writes them.
REGISTER = (
    "SIPRI AT Database ID,Supplier,Recipient,Designation,Description,Armament category,"
    "Order date,Order date is estimate,Numbers delivered,Numbers delivered is estimate,"
    "Delivery year,Delivery year is estimate,Status,SIPRI estimate,TIV deal unit,"
    "TIV delivery values,Local production\n"
)
DELIVERIES = {
    ("SUN", "VDR", 1965): ("Soviet Union", "Viet Nam", 10.0),
    ("YUG", "MMR", 2001): ("Serbia", "Myanmar", 8.1),
    ("USA", "VNM", 2017): ("United States", "Viet Nam", 5.0),
    ("FRA", "YAR", 1980): ("France", "Yemen Arab Republic (North Yemen)", 3.0),
}


@pytest.mark.parametrize(
    "codes", params({"-".join(map(str, c)): c for c in DELIVERIES},
                    {"SUN-VDR-1965", "YUG-MMR-2001", "FRA-YAR-1980"},
                    "H1: a name of today for the past is rejected")
)  # fmt: skip
def test_a_name_of_today_in_the_register_is_the_state_of_that_year(
    codes: tuple[str, str, int], tmp_path: Path
) -> None:
    seller, buyer, value = DELIVERIES[codes]
    year = codes[2]
    row = f"9,{seller},{buyer},Z-9,ship,Ships,{year},No,1,No,{year},No,New,1,1,{value},No\n"
    other = "8,Italy,Peru,Z-8,ship,Ships,2009,No,1,No,2010,No,New,1,1,2,No\n"
    reading = given(lambda: sl.read("sipri", write(tmp_path, "r.csv", REGISTER + row + other)))
    table = reading.table
    found = table[table["date"].dt.year.eq(year)]
    assert found[["first", "second", "value"]].to_numpy().tolist() == [[*codes[:2], value]]


EXPORT = """\
Transfers of major conventional arms from All countries to All countries

Source: SIPRI Arms Transfers Database (c) SIPRI.
Data generated: 1 Mar 2025 10:00:00 AM
Recipient,Supplier,Year of order, ,Number ordered, ,Weapon designation,Weapon description,\
Number delivered, ,Year(s) of delivery,status,Comments,SIPRI TIV per unit,\
SIPRI TIV for total order,SIPRI TIV of delivered weapons
Iran,Russia,2007,,5,,Z-1,SAM system,5,,2016,New,,30,150,150
Iran,Russia,2005,,4,?,Z-2,guided missile,4,?,2006; 2007,New,,1,4,4
"""


@fault("H2: the export that the docs name is refused by a header it does not have")
def test_the_export_of_the_trade_register_is_read_or_refused_by_its_name(tmp_path: Path) -> None:
    found = outcome(lambda: sl.read("sipri", write(tmp_path, "trade-register.csv", EXPORT)))
    if isinstance(found, sl.SanctlibError):
        assert "trade register" in str(found).casefold()
        assert "export" in str(found).casefold()
    else:
        one_year = found.table[found.table["date"].dt.year.eq(2016)]
        assert one_year[["first", "second", "value"]].to_numpy().tolist() == [["RUS", "IRN", 150]]


@fault("H2: the export that the docs name is refused")
def test_the_real_export_has_the_deliveries_of_russia_to_iran(real_data: Path) -> None:
    path = real_data / "partnership" / "sipri_trade_register_2025-10-23.csv.gz"
    table = given(lambda: sl.read("sipri", path)).table
    pair = table[table["first"].eq("RUS") & table["second"].eq("IRN")]
    assert pair.loc[pair["date"].dt.year.eq(2016), "value"].sum() == pytest.approx(409)


NON_SDN = """\
<?xml version="1.0" standalone="yes"?>
<sdnList xmlns="https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/XML">
  <publshInformation><Publish_Date>03/28/2025</Publish_Date><Record_Count>2</Record_Count>
  </publshInformation>
  <sdnEntry><uid>71</uid><lastName>OSCAR BANK</lastName><sdnType>Entity</sdnType>
    <programList><program>UKRAINE-EO13662</program></programList></sdnEntry>
  <sdnEntry><uid>72</uid><lastName>PAPA</lastName><sdnType>Individual</sdnType>
    <programList><program>NS-PLC</program></programList></sdnEntry>
</sdnList>
"""


@fault("H3: the non-SDN list is returned as US SDN")
def test_the_list_of_others_than_sdns_has_its_own_name(tmp_path: Path) -> None:
    found = outcome(lambda: sl.read("ofac", write(tmp_path, "consolidated.xml", NON_SDN)))
    if isinstance(found, sl.SanctlibError):
        assert "non-SDN" in str(found)
    else:
        (name,) = set(found.table["list"])
        assert "non-SDN" in name


@fault("H3: copies of two lists are compared")
def test_copies_of_two_lists_are_not_compared(tmp_path: Path) -> None:
    def compared() -> Any:
        others = sl.read("ofac", write(tmp_path, "consolidated.xml", NON_SDN))
        sdn = NON_SDN.replace("UKRAINE-EO13662", "IRAN").replace("NS-PLC", "SDGT")
        sdn = sdn.replace("03/28/2025", "03/27/2025")
        return sl.compare_copies([sl.read("ofac", write(tmp_path, "sdn.xml", sdn)), others])

    refused(compared, match="several lists|non-SDN")


OTHERS_OF_OFAC = {
    "SDN_ENHANCED.XML": (
        '<?xml version="1.0"?><sanctionsData xmlns="https://sanctionslistservice.ofac.treas.gov/'
        'api/PublicationPreview/exports/ENHANCED_XML"><publicationInfo><dataAsOf>2025-03-28'
        '</dataAsOf></publicationInfo><entities><entity id="71"><generalInfo><entityType '
        'refId="600">Entity</entityType></generalInfo></entity></entities></sanctionsData>\n'
    ),
    "sdnlist.txt": (
        "OFFICE OF FOREIGN ASSETS CONTROL\n\nSPECIALLY DESIGNATED NATIONALS AND BLOCKED PERSONS\n"
        "\nOSCAR BANK, Example, Iran; Additional Sanctions Information [IRAN].\n\n"
        'PAPA, Paul (a.k.a. "P"), Example, Cuba [CUBA] (individual).\n'
    ),
}


@pytest.mark.parametrize("name", OTHERS_OF_OFAC)
@fault("H4: refused without the file to take")
def test_another_file_of_ofac_is_read_or_the_one_to_take_is_named(
    name: str, tmp_path: Path
) -> None:
    found = outcome(lambda: sl.read("ofac", write(tmp_path, name, OTHERS_OF_OFAC[name])))
    if isinstance(found, sl.SanctlibError):
        assert "sdn.xml" in str(found) or "sdn.csv" in str(found)


@fault("H5: one entity fewer, and nothing said")
def test_two_entries_with_one_number_and_two_names_are_rejected(tmp_path: Path) -> None:
    text = (SAMPLES / "ofac" / "sdn.xml").read_text(encoding="utf-8")
    before = given(lambda: sl.read("ofac", SAMPLES / "ofac" / "sdn.xml"))
    twice = text.replace("<uid>103</uid>", "<uid>102</uid>", 1)
    found = outcome(lambda: sl.read("ofac", write(tmp_path, "sdn.xml", twice)))
    if isinstance(found, sl.SanctlibError):
        assert "102" in str(found)
    else:
        assert len(found.rejected) > len(before.rejected)
        assert found.rejected["reason"].str.contains("share|same|key|number").any()


@fault("H6: a list without days cannot be read")
def test_canadas_list_of_2020_has_entries_without_a_day(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<data-set>\n'
        "<record><Country>Russia / Russie</Country><LastName>Quebec</LastName>"
        "<DateOfBirth>1960</DateOfBirth><Schedule>1, Part 1</Schedule><Item>1</Item></record>\n"
        "<record><Country>Iran</Country><Entity>Romeo Trading</Entity><Schedule>1</Schedule>"
        "<Item>2</Item></record>\n</data-set>\n"
    )
    table = given(lambda: sl.read("canada_sema", write(tmp_path, "list.xml", text))).table
    assert table["programme"].tolist() == ["Russia", "Iran"]
    assert table["listed"].isna().all()


@fault("H7: the header that is there is called missing")
def test_a_header_with_one_cell_more_than_its_rows_is_called_shifted(tmp_path: Path) -> None:
    rows = (SAMPLES / "uk" / "ConList_2016.csv").read_text("cp1252").splitlines()
    text = "\n".join(f",{row}" if row.startswith("Name 6") else row for row in rows[:5])
    refused(lambda: sl.read("uk", write(tmp_path, "ConList.csv", text)), match="shift")


TAIL = ",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n"


def archive(folder: Path, kind: bytes) -> Path:
    """Four copies of a list, the third a link to the second; the fourth has an entry more."""
    one, two = (f'{n},"SIERRA {n}",-0- ,"IRAN"{TAIL}'.encode() for n in (1, 2))
    path = folder / "copies.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for stamp, content in (
            ("2022-01-01T0000Z", one),
            ("2022-05-01T0000Z", one),
            ("2022-06-01T0000Z", None),
            ("2022-07-01T0000Z", one + two),
        ):
            member = tarfile.TarInfo(f"sdn_{stamp}.csv")
            if content is None:
                member.type, member.linkname = kind, "sdn_2022-05-01T0000Z.csv"
            else:
                member.size = len(content)
            tar.addfile(member, None if content is None else io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "kind", [tarfile.LNKTYPE, tarfile.SYMTYPE], ids=["hard link", "symbolic link"]
)
def test_a_copy_that_is_a_link_inside_the_archive_is_a_copy(kind: bytes, tmp_path: Path) -> None:
    table = given(lambda: sl.read("ofac_sdn", archive(tmp_path, kind))).table
    added = table[table["added"].gt(0)]
    assert added[["from", "to"]].astype("str").to_numpy().tolist() == [["2022-06-01", "2022-07-01"]]


def test_a_member_that_is_no_file_is_rejected_by_name(tmp_path: Path) -> None:
    found = outcome(lambda: sl.read("ofac_sdn", archive(tmp_path, tarfile.CHRTYPE)))
    said = str(found) if isinstance(found, sl.SanctlibError) else "".join(found.rejected["file"])
    assert "sdn_2022-06-01T0000Z.csv" in said


REMARKS = {"Indonesia (as at Dec. 2003)": "IDN", "Libya (in custody)": "LBY"}


@pytest.mark.parametrize("name", REMARKS)
@fault("H9: a nationality with a remark is unknown")
def test_a_nationality_with_a_remark_is_the_state(name: str, tmp_path: Path) -> None:
    text = (SAMPLES / "un" / "consolidated.xml").read_text(encoding="utf-8")
    text = text.replace("<VALUE>Guinea-Bissau</VALUE>", f"<VALUE>{name}</VALUE>")
    table = given(lambda: sl.read("un", write(tmp_path, "consolidated.xml", text))).table
    of_it = table[table["listing_id"].eq("GBi.901")]
    assert of_it["entity_country"].tolist() == [REMARKS[name]]


ACTS = pd.DataFrame({"d": ["2018-05-08"], "s": ["France"], "t": ["Iran"]})
MAPPED: dict[str, Any] = {
    "columns": {"date": "d", "sender": "s", "target": "t"},
    "constants": {"action": "impose"},
}
FORMATS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a.dta": (lambda p: ACTS.to_stata(p, write_index=False), "Stata.*read_stata"),
    "a.json": (lambda p: ACTS.to_json(p, orient="records"), "JSON.*read_json"),
    "a.feather": (lambda p: ACTS.to_feather(p), "Feather.*read_feather"),
    "a.pkl": (lambda p: ACTS.to_pickle(p), "pickle.*read_pickle"),
    "a.rda": (lambda p: p.write_bytes(b"RDX3\nX\n\x00\x00\x00\x03\x00\x04\x01\x02"), r"\bR\b"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_another_program_is_read_or_named(name: str, tmp_path: Path) -> None:
    save, message = FORMATS[name]
    save(tmp_path / name)
    found = outcome(lambda: sl.read_table(tmp_path / name, **MAPPED))
    if isinstance(found, sl.SanctlibError):
        assert "\\x00" not in str(found)
        refused(lambda: sl.read_table(tmp_path / name, **MAPPED), match=message)
    else:
        assert found.table["sender"].tolist() == ["FRA"]


def workbook(path: Path) -> Path:
    """Write the least that is a workbook: one sheet, its cells as text."""
    space = "http://schemas.openxmlformats.org"
    main, office = f"{space}/spreadsheetml/2006/main", f"{space}/officeDocument/2006/relationships"
    package = f"{space}/package/2006"
    cells = [list(ACTS), *ACTS.to_numpy().tolist()]
    rows = "".join(
        f'<row r="{i}">'
        + "".join(
            f'<c r="{"ABC"[j]}{i}" t="inlineStr"><is><t>{text}</t></is></c>'
            for j, text in enumerate(row)
        )
        + "</row>"
        for i, row in enumerate(cells, start=1)
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default '
        'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/><Override '
        f'PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet '
        'name="acts" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData>'
        "</worksheet>",
    }
    with zipfile.ZipFile(path, "w") as book:
        for name, text in parts.items():
            book.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def test_a_workbook_is_read(tmp_path: Path) -> None:
    found = given(lambda: sl.read_table(workbook(tmp_path / "acts.xlsx"), **MAPPED))
    assert found.table[["sender", "target"]].to_numpy().tolist() == [["FRA", "IRN"]]


@fault("H11: the first row of data is shown as columns")
def test_a_message_shows_no_cell_of_a_file_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path, "people.csv", "Tango Person,France,Iran\nUniform Person,Italy,Iran\n")
    error = refused(lambda: sl.read_table(path, **MAPPED))
    assert "Tango Person" not in str(error)


def test_an_extract_with_another_delimiter_is_named_by_it(tmp_path: Path) -> None:
    text = (SAMPLES / "icews" / "events.2018.20190104.tab").read_text(encoding="utf-8")
    path = write(tmp_path, "events.2018.tab", text.replace("\t", ","))
    refused(lambda: sl.read("icews", path), match="comma|','")


OLD_GDELT = ["20130401.export.CSV", "20140102.export.CSV", "1985.csv"]


@pytest.mark.parametrize("name", OLD_GDELT)
@pytest.mark.parametrize("key", ["icews", "gsdb"])
@fault("H12: GDELT 1.0 is not recognised")
def test_a_file_of_gdelt_1_under_another_key_is_recognised(key: str, name: str) -> None:
    refused(lambda: sl.read(key, SAMPLES / "gdelt" / name), match="GDELT")


@pytest.mark.parametrize("key", ["gsdb", "uk", "icews"])
@fault("H12: OpenSanctions before program_ids is not recognised")
def test_an_older_file_of_opensanctions_under_another_key_is_recognised(
    key: str, tmp_path: Path
) -> None:
    rows = pd.read_csv(SAMPLES / "opensanctions" / "targets.simple.csv", dtype="str")
    path = tmp_path / "targets.simple.csv"
    rows.drop(columns="program_ids").to_csv(path, index=False, quoting=1)
    refused(lambda: sl.read(key, path), match="OpenSanctions")


@fault("H12: the break of 2.0 in a file of 1.0")
def test_the_break_of_another_version_is_not_in_the_coverage(tmp_path: Path) -> None:
    text = (SAMPLES / "gdelt" / "20140102.export.CSV").read_text(encoding="utf-8")
    text = text.replace("20140102", "20150218").replace("20140101", "20150217")
    reading = given(lambda: sl.read("gdelt", write(tmp_path, "20150218.export.CSV", text)))
    assert not [why for _, why in reading.coverage.breaks if "2.0" in why]


@fault("H13: two keys for one source")
def test_a_source_has_one_key_for_fetching_and_reading() -> None:
    table = sl.datasets()
    fetched = table[table["fetch"].notna() & table["fetch"].ne("")]
    assert fetched["fetch"].tolist() == fetched["key"].tolist()


@pytest.mark.parametrize("name", ["SECO", "DFAT", "CSL", "BIS", "un_votes"])
@fault("H15: not named as a source without a reader")
def test_a_source_without_a_reader_is_named(name: str) -> None:
    listed = sl.datasets()
    assert listed.map(lambda cell: name in str(cell)).any(axis=None)


# Counts of one real file each, by another program.
def test_the_lists_of_the_united_nations_have_their_entries(real_data: Path) -> None:
    counts = {"2018-10-29": (1093, 84), "2025-04-19": (877, 0)}
    for day, (n, on_iran) in counts.items():
        path = real_data / "lists" / f"un_consolidated_{day}.xml.gz"
        table = given(lambda path=path: sl.read("un", path)).table
        assert len(table) == n
        assert int(table["programme"].eq("Iran").sum()) == on_iran


def test_the_list_of_the_united_nations_after_the_snapback_has_its_entries(
    real_data: Path,
) -> None:
    path = real_data / "lists" / "un_consolidated_2026-02-27.xml.gz"
    table = given(lambda: sl.read("un", path)).table
    iran = table[table["programme"].eq("Iran")]
    assert len(table) == 1003
    assert iran["entity_type"].value_counts().to_dict() == {"entity": 78, "individual": 43}


def test_canadas_list_has_its_entries(real_data: Path) -> None:
    table = given(
        lambda: sl.read("canada_sema", real_data / "lists" / "canada_sema_2025.xml.gz")
    ).table
    found = table["programme"].value_counts()
    assert found[["Russia", "Ukraine", "Iran", "Belarus"]].tolist() == [2426, 553, 460, 320]
