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

THIRD = SECOND.replace("\x1a", "") + entry(6, "IRAN") + "\x1a"
DAYS = ("2022-02-25T0900", "2022-02-26T0900", "2022-02-27T0900")


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


def test_copies_are_taken_in_order_of_their_times(tmp_path: Path) -> None:
    in_order = read_copies(archive(tmp_path, (DAYS[0], FIRST), (DAYS[1], SECOND), (DAYS[2], THIRD)))
    mixed = read_copies(archive(tmp_path, (DAYS[2], THIRD), (DAYS[0], FIRST), (DAYS[1], SECOND)))
    pd.testing.assert_frame_equal(mixed.table, in_order.table)


def test_two_copies_of_one_time_are_an_error_unless_they_are_equal(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not later than the copy before"):
        read_copies(archive(tmp_path, (DAYS[0], FIRST), (DAYS[0], SECOND)))
    twice = read_copies(archive(tmp_path, (DAYS[0], FIRST), (DAYS[0], FIRST)))
    assert (twice.audit.n_read, twice.audit.n_merged, twice.audit.n_kept) == (6, 3, 3)


def test_several_archives_are_one_row_of_copies(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    outer = archive(tmp_path / "a", (DAYS[0], FIRST), (DAYS[2], THIRD))
    inner = archive(tmp_path / "b", (DAYS[1], SECOND))
    whole = archive(tmp_path, (DAYS[0], FIRST), (DAYS[1], SECOND), (DAYS[2], THIRD))
    found = sl.read("ofac_sdn", [inner, outer])
    pd.testing.assert_frame_equal(found.table, read_copies(whole).table)


def test_an_old_copy_taken_later_is_set_aside(tmp_path: Path) -> None:
    path = archive(tmp_path, (DAYS[0], FIRST), (DAYS[1], SECOND), (DAYS[2], FIRST))
    reading = read_copies(path)
    assert reading.rejected["reason"].tolist() == [
        f"copy set aside: byte for byte 'sdn_{DAYS[0]}Z.csv', and the list had changed since"
    ]
    assert reading.coverage is not None
    assert str(reading.coverage.last) == DAYS[1][:10]


def test_a_programme_without_a_review_is_named_with_its_number(tmp_path: Path) -> None:
    strange = FIRST.replace("SDGT", "SDGT] [NEW-EO1")
    reading = read_copies(archive(tmp_path, (DAYS[0], strange)))
    assert reading.unmatched[["name", "n"]].to_numpy().tolist() == [["NEW-EO1", 1]]
    assert reading.audit.steps["step"].tolist()[-1] == "no reviewed programme: NEW-EO1 (1 entries)"


def numbers(folder: Path, **copies: str) -> Path:
    """Write copies of numbers alone, named by their days."""
    path = folder / "numbers.csv"
    rows = [f"{day[1:].replace('_', '-')},{n}" for day, ns in copies.items() for n in ns.split()]
    path.write_text("\n".join(["copy_seen,uid", *rows]) + "\n")
    return path


def test_numbers_alone_have_the_programmes_of_the_whole_copies_around_them(tmp_path: Path) -> None:
    # 1 stays; 2 gains a programme; 3 goes; 4 and 5 come; 9 comes and goes.
    whole = archive(tmp_path, ("2022-02-01T0900", FIRST), ("2022-05-01T0900", SECOND))
    alone = numbers(tmp_path, d2022_03_01="1 2 3 4 9", d2022_04_01="1 2 4 9")
    reading = sl.read("ofac_sdn", [whole, alone])
    later = reading.table[reading.table["from"].lt(reading.table["to"])]
    columns = ["from", "to", "programmes", "added", "removed", "moved_in", "moved_out", "closing"]
    rows = later.assign(**{c: later[c].dt.strftime("%m-%d") for c in ("from", "to")})[columns]
    both = "RUSSIA-EO14024;UKRAINE-EO13661"
    assert sorted(rows.itertuples(index=False, name=None)) == [
        ("02-01", "03-01", "RUSSIA-EO14024", 1, 0, 0, 0, 1),
        ("02-01", "03-01", "unknown", 1, 0, 0, 0, 1),
        # The change of programmes lies between the whole copies.
        ("02-01", "05-01", both, 0, 0, 1, 0, 1),
        ("02-01", "05-01", "UKRAINE-EO13661", 0, 0, 0, 1, 0),
        ("03-01", "04-01", "SDGT", 0, 1, 0, 0, 0),
        ("04-01", "05-01", "RUSSIA-EO14024", 1, 0, 0, 0, 2),
        ("04-01", "05-01", "unknown", 0, 1, 0, 0, 0),
    ]
    assert reading.audit.n_read == 3 + 5 + 4 + 4
    assert reading.unmatched[["name", "n"]].to_numpy().tolist() == [["unknown", 1]]


def test_a_number_given_twice_in_a_copy_of_numbers_is_an_error(tmp_path: Path) -> None:
    whole = archive(tmp_path, (DAYS[0], FIRST))
    with pytest.raises(SourceError, match=r"'numbers\.csv' has the number '2' on '2022-03-01'"):
        sl.read("ofac_sdn", [whole, numbers(tmp_path, d2022_03_01="1 2 2")])


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
def test_all_real_copies_give_the_shipped_changes(real_data: Path) -> None:
    names = list((real_data / "lists").glob("sdn_csv_*.tar.xz"))
    numbers_alone = real_data / "lists" / "sdn_ids_by_copy.csv.gz"
    if len(names) < 6 or not numbers_alone.is_file():
        pytest.skip("some archives of the US list are not among the real data")
    reading = sl.read("ofac_sdn", [*names, numbers_alone])
    assert reading.rejected["file"].tolist() == ["sdn_2021-07-07T0000Z.csv"]
    assert "'sdn_2021-06-29T0825Z.csv'" in reading.rejected["reason"].iloc[0]
    assert reading.unmatched[["name", "n"]].to_numpy().tolist() == [["unknown", 47]]
    pd.testing.assert_frame_equal(reading.table, sl.load("ofac_sdn").table)
