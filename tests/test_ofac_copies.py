"""Dated copies of the US list: what changed between them, and copies that lie."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.ofac import read_copies
from tests.conftest import ROOT

TAIL = ",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n"


def entry(number: int, programmes: str, kind: str = "-0- ") -> str:
    return f'{number},"SOME, NAME",{kind},"{programmes}"{TAIL}'


def archive(folder: Path, *copies: tuple[str, str]) -> Path:
    path = folder / "copies.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        for stamp, content in copies:
            member = tarfile.TarInfo(f"sdn_{stamp}Z.csv")
            data = content.encode("ascii")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


FIRST = entry(1, "IRAN") + entry(2, "UKRAINE-EO13661", '"individual"') + entry(3, "SDGT") + "\x1a"
SECOND = (
    entry(1, "IRAN")
    + entry(2, "UKRAINE-EO13661] [RUSSIA-EO14024", '"individual"')
    + entry(4, "RUSSIA-EO14024", '"vessel"')
    + entry(5, "RUSSIA-EO14024", '"vessel"')
    + "\x1a"
)


def flows(reading: Reading) -> list[tuple[object, ...]]:
    columns = ["programmes", "entity_type", "opening", "added", "removed", "moved_in", "moved_out"]
    table = reading.table
    later = table[table["from"].lt(table["to"])]
    return list(later[[*columns, "closing"]].itertuples(index=False, name=None))


def test_two_copies_give_additions_removals_and_programme_changes(tmp_path: Path) -> None:
    path = archive(tmp_path, ("2022-02-25T0900", FIRST), ("2022-02-26T0901", SECOND))
    reading = read_copies(path)
    both = "RUSSIA-EO14024;UKRAINE-EO13661"
    assert flows(reading) == [
        ("RUSSIA-EO14024", "vessel", 0, 2, 0, 0, 0, 2),
        (both, "individual", 0, 0, 0, 1, 0, 1),
        ("SDGT", "entity", 1, 0, 1, 0, 0, 0),
        ("UKRAINE-EO13661", "individual", 1, 0, 0, 0, 1, 0),
    ]
    moved = reading.table[reading.table["programmes"].eq(both)]
    assert moved["programmes_added"].tolist() == ["RUSSIA-EO14024:1"]
    assert reading.audit.n_read == 3 + 4


def test_the_first_copy_is_the_opening_balance(tmp_path: Path) -> None:
    reading = read_copies(archive(tmp_path, ("2022-02-25T0900", FIRST)))
    table = reading.table
    assert table["from"].eq(table["to"]).all()
    assert table["closing"].sum() == table["opening"].sum() == 3


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "it is empty"),
        ("\x1a", "it is empty"),
        (FIRST + '9,"CUT OFF', "unexpected end of data"),
        (FIRST.replace("\x1a", "") + "9,short\r\n", "2 fields where there should be 12"),
        (entry(1, "IRAN") + "\x1a", "1 entries after 3: the copy is cut off"),
        (FIRST.replace("\x1a", "") + entry(3, "SDGT"), "its number is that of an earlier row"),
        (FIRST.replace("\x1a", "") + entry(9, "-0- "), "it has no programme"),
        (entry(1, "IRAN") + entry(3, "SDGT"), "no closing mark, which the copy before it has"),
    ],
)
def test_a_copy_that_is_not_whole_is_set_aside_whole(tmp_path: Path, bad: str, reason: str) -> None:
    copies = [("2022-02-25T0900", FIRST), ("2022-02-25T2100", bad), ("2022-02-26T0901", SECOND)]
    reading = read_copies(archive(tmp_path, *copies))
    assert reading.table["removed"].sum() == 1
    assert reading.rejected["reason"].str.contains(reason).tolist() == [True]
    assert reading.rejected["file"].tolist() == ["sdn_2022-02-25T2100Z.csv"]


def test_copies_may_be_in_any_order_and_twice(tmp_path: Path) -> None:
    copies = [("2022-02-25T0900", FIRST), ("2022-02-26T0900", SECOND)]
    expected = read_copies(archive(tmp_path, *copies)).table
    again = read_copies(archive(tmp_path, *reversed(copies), copies[0])).table
    pd.testing.assert_frame_equal(again, expected)


def test_two_copies_of_one_time_that_differ_are_an_error(tmp_path: Path) -> None:
    path = archive(tmp_path, ("2022-02-25T0900", FIRST), ("2022-02-25T0900", SECOND))
    with pytest.raises(SourceError, match="is not later than the copy before"):
        read_copies(path)


def test_an_archive_cut_off_is_an_error(tmp_path: Path) -> None:
    path = archive(tmp_path, ("2022-02-25T0900", FIRST * 200))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SourceError, match="cannot be read as an archive"):
        read_copies(path)


def test_an_archive_damaged_inside_is_an_error_not_a_shorter_one(tmp_path: Path) -> None:
    path = archive(tmp_path, ("2022-02-25T0900", FIRST), ("2022-02-26T0900", SECOND))
    plain = bytearray(lzma.decompress(path.read_bytes()))
    plain[1024:1032] = b"\xff" * 8
    plain += b"x" * (1 << 16)
    damaged = tmp_path / "copies.tar"
    damaged.write_bytes(plain)
    with pytest.raises(SourceError, match="is a damaged archive"):
        read_copies(damaged)


def test_a_name_that_is_no_time_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"'sdn_2022-13-45T0900Z\.csv' has a day or time that does not exist"
    ):
        read_copies(archive(tmp_path, ("2022-13-45T0900", FIRST)))


def test_more_rows_of_change_than_entries_are_added_not_merged_below_zero(tmp_path: Path) -> None:
    one, two = entry(1, "IRAN") + entry(2, "SDGT"), entry(1, "RUSSIA-EO14024")
    audit = read_copies(archive(tmp_path, ("2022-02-25T0900", one), ("2022-02-26T0900", two))).audit
    assert (audit.n_read, audit.n_added, audit.n_merged, audit.n_kept) == (3, 2, 0, 5)


def test_an_archive_without_copies_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no readable copy"):
        read_copies(archive(tmp_path))


def test_the_sample_of_three_copies_and_an_empty_capture() -> None:
    reading = sl.read("ofac_sdn", ROOT / "tests" / "samples" / "ofac_sdn" / "sdn_copies.tar.gz")
    table = reading.table
    opening = table.loc[table["from"].eq(table["to"]), "closing"].sum()
    assert (opening, table["added"].sum(), table["removed"].sum()) == (8, 4, 2)
    assert reading.rejected["reason"].tolist() == ["copy set aside: it is empty"]
    # MIXER, 3, comes back as 30 on the day it goes, under one programme more.
    again = table[table["relisted"].gt(0)]
    assert again[["programmes", "relisted"]].to_numpy().tolist() == [["CYBER2;DPRK3", 1]]


@pytest.mark.parametrize(
    ("bad", "raw"),
    [
        (entry(9, "IRAN").replace("SOME", "ALPHA").replace("-0- ", "firm", 1), "ent_num=9"),
        ('9,"ALPHA, Adam",short\r\n', "ent_num=9"),
        ('"ALPHA, Adam",short\r\n', ""),
        ('9,"ALPHA, Adam\r\n', ""),
    ],
)
def test_a_row_set_aside_shows_its_number_and_no_name(tmp_path: Path, bad: str, raw: str) -> None:
    whole, cut = FIRST, FIRST.replace("\x1a", "") + bad
    path = archive(tmp_path, ("2022-02-25T0900", whole), ("2022-02-26T0900", cut + "\x1a"))
    reading = read_copies(path)
    assert reading.rejected[["line", "raw"]].to_numpy().tolist() == [[4, raw]]
    assert "ALPHA" not in reading.rejected.to_csv() + reading.table.to_csv()


def test_a_header_that_unpacks_without_end_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "copies.tar.gz"
    bomb = tarfile.TarInfo("sdn_2022-02-25T0900Z.csv")
    bomb.type, bomb.size = tarfile.GNUTYPE_LONGNAME, 4 << 30
    tracemalloc.start()
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(bomb.tobuf())
        for _ in range(136):
            file.write(bytes(1 << 20))
    with pytest.raises(SourceError, match="unpacks to far more than its size or its files"):
        read_copies(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 << 20


@pytest.mark.slow
def test_the_308_real_copies_close(real_data: Path) -> None:
    reading = read_copies(real_data / "lists" / "sdn_csv_all308_2021-08_2024-05.tar.xz")
    table = reading.table
    opening = table.loc[table["from"].eq(table["to"]), "closing"].sum()
    assert (opening, table["added"].sum(), table["removed"].sum()) == (9083, 6809, 927)
    assert table["moved_in"].sum() == table["moved_out"].sum() == 280
    by_day = table.groupby(table["to"].dt.strftime("%Y-%m-%d"))["added"].sum()
    assert by_day["2024-02-23"] == 553
    assert table["relisted"].sum() == 2
    assert reading.rejected.empty
    pd.testing.assert_frame_equal(table, sl.load("ofac_sdn").table)
