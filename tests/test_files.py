"""Files as they come: unpacked within bounds, and what is no table refused by name."""

from __future__ import annotations

import gzip
import lzma
import tracemalloc
import zipfile
from functools import partial
from pathlib import Path

import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.sources.files import open_bytes
from sanctlib.sources.text import read_text

TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(500))


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as held:
        for name, content in members.items():
            held.writestr(name, content)
    return path


def content(path: Path) -> bytes:
    with open_bytes(path) as stream:
        return stream.read()


def test_plain_and_packed_files_give_the_same_bytes(tmp_path: Path) -> None:
    for name, data in (
        ("t.csv", TABLE),
        ("t.csv.gz", gzip.compress(TABLE)),
        ("t.CSV.GZ", gzip.compress(TABLE)),
        ("t.csv.xz", lzma.compress(TABLE)),
    ):
        (tmp_path / name).write_bytes(data)
        assert content(tmp_path / name) == TABLE
    assert content(zipped(tmp_path / "t.zip", **{"folder/": b"", "folder/t.csv": TABLE})) == TABLE


def test_what_macos_adds_to_a_zip_is_no_second_file(tmp_path: Path) -> None:
    members = {"t.csv": TABLE, "__MACOSX/._t.csv": b"\0\5\x16\7"}
    assert content(zipped(tmp_path / "t.zip", **members)) == TABLE


@pytest.mark.parametrize(("names", "n"), [((), 0), (("a.csv", "b.csv"), 2)])
def test_a_zip_of_none_or_of_two_is_refused(tmp_path: Path, names: list[str], n: int) -> None:
    path = zipped(tmp_path / "t.zip", **dict.fromkeys(names, TABLE))
    with pytest.raises(SourceError, match=f"holds {n} files, and one is needed"):
        open_bytes(path)


def test_a_name_that_climbs_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = zipped(folder / "t.zip", **{"../../out.csv": TABLE})
    assert content(path) == TABLE
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "t.zip"]


def test_a_locked_zip_is_an_error(tmp_path: Path) -> None:
    path = zipped(tmp_path / "t.zip", **{"t.csv": TABLE})
    data = bytearray(path.read_bytes())
    # The mark of encryption, in the member's own header and in the directory.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"'t\.zip' cannot be opened: .*encrypted"):
        open_bytes(path)


def test_a_name_in_a_zip_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = zipped(tmp_path / "t.zip", **{"täble.csv": TABLE})
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(SourceError, match="cannot be opened"):
        open_bytes(path)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.xz", "t.zip"])
def test_a_file_that_unpacks_without_end_is_refused_in_little_memory(
    tmp_path: Path, name: str
) -> None:
    path, zeros = tmp_path / name, b"1,2\n" * (24 << 20)
    if name.endswith("zip"):
        zipped(path, **{"t.csv": zeros})
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(zeros, compresslevel=1))
    else:
        path.write_bytes(lzma.compress(zeros, preset=0))
    del zeros
    tracemalloc.start()
    with open_bytes(path) as stream, pytest.raises(SourceError, match="unpacks to far more than"):
        sum(len(chunk) for chunk in iter(partial(stream.read, 1 << 16), b""))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.xz", "t.zip"])
def test_a_damaged_packed_file_is_an_error_never_a_shorter_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("zip"):
        zipped(path, **{"t.csv": TABLE})
    else:
        path.write_bytes((gzip if name.endswith("gz") else lzma).compress(TABLE))
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            n = len(read_text(path).rows)
        except SanctlibError:
            continue
        # What is changed in a header, such as a time, is no part of the table.
        assert n == 500
    for cut in (1, 5, 20, len(whole) // 2):
        path.write_bytes(whole[:-cut])
        with pytest.raises(
            SourceError, match=r"cannot be (opened|unpacked)|is truncated after line"
        ):
            read_text(path)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.xz", "t.zip"])
def test_a_damaged_file_read_by_key_is_one_message(tmp_path: Path, name: str) -> None:
    rows = b"".join(b"%d,%d\n" % (i * 7919 % 10007, i) for i in range(20_000))
    path = tmp_path / name
    if name.endswith("zip"):
        zipped(path, **{"t.csv": rows})
    else:
        path.write_bytes((gzip if name.endswith("gz") else lzma).compress(rows))
    data = bytearray(path.read_bytes())
    data[600:660] = bytes(range(60))
    path.write_bytes(data)
    for key in ("gsdb", "ofac", "un", "ofac_sdn", "canada_sema"):
        with pytest.raises(SourceError):
            sl.read(key, path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\r\n\x1a", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE HTML><html>", "a saved web page"),
        (b"<HTML lang='en'>", "a saved web page"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x1f\x8b\x08rest", "packed with gzip"),
        (b"a.csv".ljust(257, b"\0") + b"ustar\0" + b"00", "an archive of several files"),
    ],
)
def test_what_stands_in_place_of_a_table_is_named(
    tmp_path: Path, data: bytes, message: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message):
        open_bytes(path)


def test_a_folder_and_a_missing_file_are_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "sdn.csv").write_bytes(TABLE)
    with pytest.raises(SourceError, match=r"is a folder. Give a file"):
        open_bytes(tmp_path)
    with pytest.raises(SourceError, match=r"no file 'snd\.csv'\. The folder holds: sdn\.csv"):
        open_bytes(tmp_path / "snd.csv")
    with pytest.raises(SourceError, match=r"no file 'sdn\.csv'\. There is no folder 'lists'"):
        open_bytes(tmp_path / "lists" / "sdn.csv")
    with pytest.raises(SourceError, match=r"give sorted\(Path\(…\)\.glob\('\*\.csv'\)\)"):
        open_bytes(tmp_path / "*.csv")
    with pytest.raises(SourceError, match=r"'xxx.*cannot be opened: .*too long"):
        open_bytes(tmp_path / ("x" * 500))
