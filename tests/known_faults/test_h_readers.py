"""Kind H: readers and real files."""

from __future__ import annotations

import bz2
import gzip
import io
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from tests.conftest import ROOT
from tests.known_faults import given, outcome, params, refused

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


@pytest.mark.parametrize("codes", params({"-".join(map(str, c)): c for c in DELIVERIES}))
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


def test_the_export_of_the_trade_register_is_read_or_refused_by_its_name(tmp_path: Path) -> None:
    found = outcome(lambda: sl.read("sipri", write(tmp_path, "trade-register.csv", EXPORT)))
    if isinstance(found, sl.SanctlibError):
        assert "trade register" in str(found).casefold()
        assert "export" in str(found).casefold()
    else:
        one_year = found.table[found.table["date"].dt.year.eq(2016)]
        assert one_year[["first", "second", "value"]].to_numpy().tolist() == [["RUS", "IRN", 150]]


def test_the_real_export_has_the_deliveries_of_russia_to_iran(real_data: Path) -> None:
    path = real_data / "partnership" / "sipri_trade_register_2025-10-23.csv.gz"
    table = given(lambda: sl.read("sipri", path)).table
    pair = table[table["first"].eq("RUS") & table["second"].eq("IRN")]
    assert pair.loc[pair["date"].dt.year.eq(2016), "value"].sum() == pytest.approx(409)


def test_an_order_of_several_years_keeps_its_years(tmp_path: Path) -> None:
    reading = given(lambda: sl.read("sipri", write(tmp_path, "trade-register.csv", EXPORT)))
    days = reading.table[["date", "date_last", "value"]].astype("str").to_numpy().tolist()
    assert days == [
        ["2006-01-01", "2007-12-31", "4.0"],
        ["2016-01-01", "2016-12-31", "150.0"],
    ]
    asked = {"states": ["IRN", "RUS"], "every": "year", "directed": True}
    refused(lambda: sl.dyad_panel(reading, **asked), match="2006-01-01 to 2007-12-31")
    text = EXPORT.replace("2006; 2007", "2016; 2017")
    ties = given(lambda: sl.read("sipri", write(tmp_path, "trade-register.csv", text)))
    similar = {"pair": ("IRN", "RUS"), "top": 1000}
    refused(lambda: sl.portfolio_similarity(ties, **similar), match="several last days")


YEARS = ["2006; ", ";", "2006; x", "2006.5", "0", "2006;2007;1944", "in 2006"]


@pytest.mark.parametrize("years", YEARS)
def test_years_of_delivery_that_are_none_are_rejected(years: str, tmp_path: Path) -> None:
    path = write(tmp_path, "trade-register.csv", EXPORT.replace("2006; 2007", years))
    reading = given(lambda: sl.read("sipri", path))
    assert reading.rejected["reason"].str.contains("year|1945").tolist() == [True]
    assert len(reading.table) == 1


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


def test_the_list_of_others_than_sdns_has_its_own_name(tmp_path: Path) -> None:
    found = outcome(lambda: sl.read("ofac", write(tmp_path, "consolidated.xml", NON_SDN)))
    if isinstance(found, sl.SanctlibError):
        assert "non-SDN" in str(found)
    else:
        (name,) = set(found.table["list"])
        assert "non-SDN" in name


def test_copies_of_two_lists_are_not_compared(tmp_path: Path) -> None:
    def compared() -> Any:
        others = sl.read("ofac", write(tmp_path, "consolidated.xml", NON_SDN))
        sdn = NON_SDN.replace("UKRAINE-EO13662", "IRAN").replace("NS-PLC", "SDGT")
        sdn = sdn.replace("03/28/2025", "03/27/2025")
        return sl.compare_copies([sl.read("ofac", write(tmp_path, "sdn.xml", sdn)), others])

    refused(compared, match="several lists|non-SDN")


CONS_PRIM = f'71,"OSCAR BANK",-0- ,"UKRAINE-EO13662"{",-0- " * 8}\r\n'
TAGS = {
    "of the other list": ("sdn.csv", "NS-PLC", "US non-SDN"),
    "several of the other list": ("sdn.csv", "FSE-IR] [561-Related", "US non-SDN"),
    "of both, named as published": ("cons_prim.csv", "UKRAINE-EO13662", "US non-SDN"),
    "next to one of SDNs": ("sdn.csv", "SDGT] [NS-PLC", "US SDN"),
    "ending alike": ("sdn.csv", "BALKANS-EO14033", "US SDN"),
}


@pytest.mark.parametrize("case", TAGS)
def test_the_csv_of_either_list_has_its_own_name(case: str, tmp_path: Path) -> None:
    name, tags, expected = TAGS[case]
    write(tmp_path, "cons_add.csv", '71,1,"Quay 1","Minsk","Belarus",-0- \r\n')
    text = CONS_PRIM.replace("UKRAINE-EO13662", tags)
    table = given(lambda: sl.read("ofac", write(tmp_path, name, text))).table
    assert set(table["list"]) == {expected}
    joined = name == "cons_prim.csv"
    assert table["entity_country"].dropna().tolist() == ["BLR"] * joined


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
def test_another_file_of_ofac_is_read_or_the_one_to_take_is_named(
    name: str, tmp_path: Path
) -> None:
    found = outcome(lambda: sl.read("ofac", write(tmp_path, name, OTHERS_OF_OFAC[name])))
    if isinstance(found, sl.SanctlibError):
        assert "sdn.xml" in str(found) or "sdn.csv" in str(found)


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


CANADA = """<data-set><record><Country>Iran</Country><LastName>Alfa</LastName><Item>1</Item>
</record><record><Country>Iran</Country><LastName>Beta</LastName><Item>2</Item></record></data-set>
"""
UN = (SAMPLES / "un" / "consolidated.xml").read_text(encoding="utf-8")
EU = '<WHOLE Date="11/02/2016">{}{}</WHOLE>'
ENTITY = '<ENTITY Id="{}" Type="E" programme="IRQ"><NAME><WHOLENAME>{}</WHOLENAME></NAME></ENTITY>'
TARGETS = (
    '"id","schema","name","countries","program_ids","dataset"\n"{}","Person","{}","ir","P","D"\n'
)
TWO = {
    "canada_sema": (CANADA, CANADA.replace(">2<", ">1<")),
    "eu": (
        EU.format(ENTITY.format(1, "A"), ENTITY.format(2, "B")),
        EU.format(ENTITY.format(1, "A"), ENTITY.format(1, "B")),
    ),
    "opensanctions": tuple(
        TARGETS.format("x-1", "A") + TARGETS.format(number, "B").partition("\n")[2]
        for number in ("x-2", "x-1")
    ),
}


@pytest.mark.parametrize("key", TWO)
def test_two_records_of_one_number_are_one_only_if_equal(key: str, tmp_path: Path) -> None:
    apart, alike = TWO[key]
    reading = given(lambda: sl.read(key, write(tmp_path, "list.txt", apart)))
    assert (len(reading.table), len(reading.rejected)) == (2, 0)
    reading = given(lambda: sl.read(key, write(tmp_path, "list.txt", alike)))
    assert len(reading.table) == 1
    assert reading.rejected["reason"].str.contains("an earlier record, which differs").all()
    equal = re.sub('Beta|B(?=[<"])', lambda m: {"Beta": "Alfa", "B": "A"}[m[0]], alike)
    reading = given(lambda: sl.read(key, write(tmp_path, "list.txt", equal)))
    assert (len(reading.table), len(reading.rejected), reading.audit.n_merged) == (1, 0, 1)


RENAMED = {
    "canada_sema": (CANADA, "LastName", "<LastName> or <EntityOrShip> or <Entity>"),
    "un": (UN, "REFERENCE_NUMBER", "no <REFERENCE_NUMBER>"),
    "ofac": (NON_SDN, "sdnType", "no <sdnType>"),
}


@pytest.mark.parametrize("key", RENAMED)
def test_an_element_that_was_renamed_is_named(key: str, tmp_path: Path) -> None:
    text, element, message = RENAMED[key]
    path = write(tmp_path, "list.xml", text.replace(element, "Other"))
    refused(lambda: sl.read(key, path), match=message)


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


def test_a_header_with_one_cell_more_than_its_rows_is_called_shifted(tmp_path: Path) -> None:
    rows = (SAMPLES / "uk" / "ConList_2016.csv").read_text("cp1252").splitlines()
    text = "\n".join(f",{row}" if row.startswith("Name 6") else row for row in rows[:5])
    refused(lambda: sl.read("uk", write(tmp_path, "ConList.csv", text)), match="shift")


@pytest.mark.parametrize("mark", [",", '"",', "Extra,"])
@pytest.mark.parametrize("key", ["uk", "opensanctions", "gsdb"])
def test_a_header_wider_than_its_rows_shows_no_row(key: str, mark: str, tmp_path: Path) -> None:
    name, encoding = {
        "uk": ("uk/ConList_2016.csv", "cp1252"),
        "opensanctions": ("opensanctions/targets.simple.csv", "utf-8"),
        "gsdb": ("gsdb/GSDB_V3.csv", "utf-8"),
    }[key]
    lines = (SAMPLES / name).read_text(encoding).splitlines()
    at = 1 if key == "uk" else 0
    lines[at] = mark + lines[at]
    error = refused(lambda: sl.read(key, write(tmp_path, "list.csv", "\n".join(lines))))
    if mark != "Extra," or key != "uk":
        assert "shifted" in str(error)
    words = {word for line in lines[at + 1 :] for word in re.findall("[A-Z][a-z]{4,}", line)}
    assert not {word for word in words if word in str(error)} - set(re.findall(r"\w+", lines[at]))


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


@pytest.mark.parametrize("name", ["sdn_2022-06-01.csv", "sdn.csv", "README.txt", "x/sdn.csv.gz"])
def test_a_member_of_another_name_is_rejected_by_its_name(name: str, tmp_path: Path) -> None:
    path = archive(tmp_path, tarfile.LNKTYPE).with_suffix("")
    path.write_bytes(gzip.decompress(path.with_suffix(".tar.gz").read_bytes()))
    with tarfile.open(path, "a") as tar:
        tar.addfile(tarfile.TarInfo(name))
        tar.addfile(tarfile.TarInfo(f"__MACOSX/._{Path(name).name}"))
    reading = given(lambda: sl.read("ofac_sdn", path))
    assert reading.rejected["file"].tolist() == [Path(name).name]
    assert reading.rejected["reason"].str.contains("sdn_YYYY").all()


def test_a_copy_of_the_other_list_in_an_archive_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "copies.tar"
    entry = f'1,"SIERRA",-0- ,"IRAN"{TAIL}'
    texts = [entry, entry + entry.replace("1,", "2,", 1).replace("IRAN", "NS-PLC"), entry]
    with tarfile.open(path, "w") as tar:
        for day, text in enumerate(texts, start=1):
            member = tarfile.TarInfo(f"sdn_2022-01-0{day}T0000Z.csv")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    reading = given(lambda: sl.read("ofac_sdn", path))
    assert reading.table["added"].sum() == 0
    assert reading.rejected["reason"].str.contains("non-SDN").tolist() == [True]


REMARKS = {
    "Indonesia (as at Dec. 2003)": "IDN",
    "Libya (in custody)": "LBY",
    "Iraq (previous)": "IRQ",
    "Yemen (2014)": "YEM",
    "Democratic Republic of the Congo": "COD",
    "Congo (Democratic Republic)": "COD",
}


@pytest.mark.parametrize("name", REMARKS)
def test_a_nationality_with_a_remark_is_the_state(name: str, tmp_path: Path) -> None:
    text = (SAMPLES / "un" / "consolidated.xml").read_text(encoding="utf-8")
    text = text.replace("<VALUE>Guinea-Bissau</VALUE>", f"<VALUE>{name}</VALUE>")
    table = given(lambda: sl.read("un", write(tmp_path, "consolidated.xml", text))).table
    of_it = table[table["listing_id"].eq("GBi.901")]
    assert of_it["entity_country"].tolist() == [REMARKS[name]]


@pytest.mark.parametrize("name", REMARKS)
def test_the_list_of_the_uk_has_the_same_rule_of_remarks(name: str, tmp_path: Path) -> None:
    text = (SAMPLES / "uk" / "ConList_2016.csv").read_text("cp1252").splitlines()
    cells = text[2].split(",")
    cells[10] = name
    reading = given(
        lambda: sl.read(
            "uk", write(tmp_path, "ConList.csv", "\n".join([*text[:2], ",".join(cells)]))
        )
    )
    assert reading.table["entity_country"].tolist() == [REMARKS[name]]


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
def test_a_file_of_gdelt_1_under_another_key_is_recognised(key: str, name: str) -> None:
    refused(lambda: sl.read(key, SAMPLES / "gdelt" / name), match="GDELT")


@pytest.mark.parametrize("key", ["gsdb", "uk", "icews"])
def test_an_older_file_of_opensanctions_under_another_key_is_recognised(
    key: str, tmp_path: Path
) -> None:
    rows = pd.read_csv(SAMPLES / "opensanctions" / "targets.simple.csv", dtype="str")
    path = tmp_path / "targets.simple.csv"
    rows.drop(columns="program_ids").to_csv(path, index=False, quoting=1)
    refused(lambda: sl.read(key, path), match="OpenSanctions")


def test_the_break_of_another_version_is_not_in_the_coverage(tmp_path: Path) -> None:
    text = (SAMPLES / "gdelt" / "20140102.export.CSV").read_text(encoding="utf-8")
    text = text.replace("20140102", "20150218").replace("20140101", "20150217")
    reading = given(lambda: sl.read("gdelt", write(tmp_path, "20150218.export.CSV", text)))
    assert not [why for _, why in reading.coverage.breaks if "2.0" in why]


def test_a_source_has_one_key_for_fetching_and_reading() -> None:
    table = sl.datasets()
    fetched = table[table["fetch"].notna() & table["fetch"].ne("")]
    assert fetched["fetch"].tolist() == fetched["key"].tolist()


@pytest.mark.parametrize("name", ["SECO", "DFAT", "CSL", "BIS", "un_votes"])
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


# Our own attack: neighbours and older layouts, wrong encodings, files of other programs.
ADVANCED = '<Sanctions xmlns="https://x.treas.gov/ADVANCED_XML"><DateOfIssue/></Sanctions>'
SECO = '<swiss-sanctions-list date="2025-01-01"><program ssid="1"/></swiss-sanctions-list>'
EU_1_0 = "Entity_logical_id;Subject_type;Leba_numtitle;Programme;Naal_wholename\n1;P;x;IRQ;Zulu\n"
CSL = "_id,source,entity_number,type,name,federal_register_notice\nabc,SDN,1,Individual,Zulu,\n"
NEIGHBOURS: dict[str, tuple[str, bytes, str]] = {
    "advanced": ("ofac", ADVANCED.encode(), "advanced XML.*sdn.xml"),
    "pip": ("ofac", CONS_PRIM.replace(",", "|").encode(), "delimiter.*sdn.csv"),
    "csl": ("ofac", CSL.encode(), "Consolidated Screening List"),
    "seco": ("eu", SECO.encode(), "SECO.*ch_seco_sanctions"),
    "eu csv 1.0": ("eu", EU_1_0.encode(), "csv 1.0, an older layout"),
    "conlist xml": ("uk", b"<ArrayOfFinancialSanctionsTarget/>", "Take ConList.csv"),
    "utf-16": ("uk", "Name 6,Name 1\nZulu,B\n".encode("utf-16"), "UTF-16"),
    "tiv": ("sipri", b"TIV of arms exports from Peru\n\n,2000\nIran,1\n", "trade register"),
    "votes": ("un_ideal_points", b"rcid,country,country_code,vote\n3,Iran,IR,yes\n", "unvotes"),
    "mentions": ("gdelt", b"7\t20171225000000\t20180101000000\t1\tb\n", "mentions"),
    "csv for xml": ("canada_sema", b"Country,LastName\nIran,Zulu\n", "is not XML"),
    "bzip2": ("ofac_sdn", bz2.compress(b"x"), "bzip2"),
    "pickle": ("gsdb", pickle.dumps(["Zulu"] * 3), "pickle"),
    "json": ("gsdb", b'{"name": "Zulu"}\n', "JSON"),
    "old stata": ("gsdb", b"\x72\x02\x01\x00" + b"\0" * 300, "not text"),
    "both lists": (
        "ofac",
        (
            CONS_PRIM
            + CONS_PRIM.replace("71", "72").replace("UKRAINE-EO13662", "NS-PLC")
            + CONS_PRIM.replace("71", "73").replace("UKRAINE-EO13662", "SDGT")
        ).encode(),
        "entries of the SDN list and of the non-SDN",
    ),
    "renamed": (
        "sipri",
        EXPORT.replace("SIPRI TIV of delivered weapons", "TIV").encode(),
        "no column 'SIPRI TIV of delivered weapons'.*Columns found: 'Recipient'",
    ),
    "names twice": ("gsdb", b"Zulu,Zulu,Iran\na,b,c\n", "header"),
    "tabs": ("trade", b"Zulu\tFrance\tIran\nA\tB\tC\n", "delimiter"),
}


@pytest.mark.parametrize("case", NEIGHBOURS)
def test_a_neighbour_is_refused_by_its_name_and_shows_no_person(case: str, tmp_path: Path) -> None:
    key, content, message = NEIGHBOURS[case]
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    error = refused(lambda: sl.read(key, path), match=message)
    assert "Zulu" not in str(error)
