"""Find, open and check the files of a source. Return paths, streams and checksums."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from sanctlib.errors import SourceError
from sanctlib.reading import sha256
from sanctlib.writing import writing

UNREADABLE = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)
"""What a damaged packed file raises while it is read."""
# Further, before the first byte of it: a locked zip, a method unknown, names that are no text.
_UNOPENED = (*UNREADABLE, RuntimeError, ValueError, struct.error)

_HINTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (b"<!doctype html", "a saved web page, not the file itself: download it again"),
    (b"<html", "a saved web page, not the file itself: download it again"),
    (b"<stata_dta>", "a Stata file: save it as .csv"),
    (b"ARROW1", "a Feather file: save it as .csv"),
    (b"PAR1", "a Parquet file: its name must end in .parquet"),
    (b"\x80\x04\x95", "a pickle of Python: pass pd.read_pickle(path) to sl.read_table"),
    (b"\x80\x05\x95", "a pickle of Python: pass pd.read_pickle(path) to sl.read_table"),
    (b"BZh", "packed with bzip2: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"Rar!", "a rar archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd: unpack it first"),
    (b"\xfd7zXZ", "packed with xz: its name must end in .xz"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"\x1f\x8b", "packed with gzip: its name must end in .gz"),
)
_R = ("an R file", "what the package pyreadr reads")
_PICKLE = ("a pickle of Python", "pd.read_pickle(path)")
_FOREIGN = {
    ".feather": ("a Feather file", "pd.read_feather(path)"),
    ".json": ("a JSON file", "pd.read_json(path, dtype=False)"),
    **dict.fromkeys((".pickle", ".pkl"), _PICKLE),
    **dict.fromkeys((".rda", ".rdata", ".rds"), _R),
    **dict.fromkeys((".sav", ".zsav"), ("an SPSS file", "pd.read_spss(path)")),
    **dict.fromkeys((".sas7bdat", ".xpt"), ("a SAS file", "pd.read_sas(path)")),
    **dict.fromkeys(
        (".jsonl", ".ndjson"), ("a JSON file", "pd.read_json(path, lines=True, dtype=False)")
    ),
}
"""Formats that are no text, by suffix: what the file is, and the frame to pass instead."""

_HEAD = 8192
_NAME_SHOWN = 80
_WORKBOOK = (b"[content_types].xml", b"docprops/", b"_rels/", b"xl/")
# A table packs 5 to 30 times; zeros pack 1,000 times. Small files may do as they like.
_RATIO, _SMALL = 100, 64 << 20
LARGEST = 64 << 20
"""No file in an archive of lists has more bytes."""


class Bounded(io.RawIOBase):
    """A stream that is refused after `limit` bytes; ``seen`` may be set back."""

    def __init__(self, stream: BinaryIO, name: str, *, limit: int) -> None:
        self._stream = stream
        self._name = name
        self._limit = limit
        self.seen = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer, or refuse a file that is too large."""
        view = memoryview(cast("bytearray", buffer))
        chunk = self._stream.read(len(view))
        view[: len(chunk)] = chunk
        self.seen += len(chunk)
        if self.seen > self._limit:
            msg = (
                f"{self._name!r} unpacks to far more than its size or its files, as no table "
                "does. Unpack it yourself if you know what it holds."
            )
            raise SourceError(msg)
        return len(chunk)

    def close(self) -> None:
        """Close the packed stream too."""
        self._stream.close()
        super().close()


def paths_of(value: object, *, what: str) -> list[Path]:
    """Return the paths that an argument names, one or several."""
    one = isinstance(value, str | bytes | os.PathLike) or hasattr(value, "columns")
    given: list[Any] = [value] if one or not isinstance(value, Iterable) else list(value)
    needed = "the path of a file, or a list of them"
    if not given:
        raise SourceError(f"{what} is empty. It must be {needed}.")
    for path in given:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
        if not text or not isinstance(text, str):
            table = " A table of your own is read by sl.read_table." * hasattr(path, "columns")
            shown = "a table" if table else repr(path)
            raise SourceError(f"{what} is {shown:.{_NAME_SHOWN}}. It must be {needed}.{table}")
        if "://" in text:
            msg = f"{what} is the address {text!r}. Download the file first; `sanctlib fetch`"
            raise SourceError(f"{msg} lists those that it can.")
        try:
            Path(text).stat()
        except FileNotFoundError:
            pass  # the reader says which files are there
        except (OSError, ValueError) as error:
            raise _unopened(text, error) from error
    return [Path(path) for path in given]


def _unopened(name: str, error: Exception) -> SourceError:
    shown = name if len(name) <= _NAME_SHOWN else f"{name[:_NAME_SHOWN]}…"
    return SourceError(f"{shown!r} cannot be opened: {getattr(error, 'strerror', None) or error}.")


def open_bytes(path: Path, *, archive: bool = False, allowed: bytes = b"") -> BinaryIO:
    """
    Open a file, and unpack .gz, .xz and a .zip that holds one file, but only into memory.

    Refused are formats that are no text, but for one that begins with `allowed`, and a file that
    unpacks to more than 100 times its size, unless it is an `archive` of many like files.
    """
    try:
        check_there(path)
        packed = _opened(path)
        stream = packed or path.open("rb")
    except _UNOPENED as error:
        raise _unopened(path.name, error) from error
    try:
        head = stream.read(512)
        stream.seek(0)
    except _UNOPENED as error:
        stream.close()
        raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error
    what, frame = _FOREIGN.get(path.suffix.lower(), ("", ""))
    if what:
        what += f": pass {frame} to sl.read_table, or save it as .csv"
    elif head[257:262] == b"ustar" and not archive:
        what = "an archive of several files: unpack it and give one of them"
    elif not (allowed and head.startswith(allowed)):
        what = _mistake(head)
    if what:
        stream.close()
        raise SourceError(f"{path.name!r} is {what}.")
    if packed is None or archive:
        return stream
    limit = max(_SMALL, _RATIO * path.stat().st_size)
    return io.BufferedReader(Bounded(packed, path.name, limit=limit))


def members(path: Path) -> Iterator[tuple[tarfile.TarInfo, Callable[[], bytes]]]:
    """Yield each member of an archive in order, and what returns its content while it is next."""
    try:
        with (
            Bounded(open_bytes(path, archive=True), path.name, limit=2 * LARGEST) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                stream.seen = 0
                yield member, partial(_content, archive, member)
            # tarfile takes a damaged header for the end, and never meets the checksum.
            while rest := stream.read(1 << 20):
                if rest.strip(b"\0"):
                    msg = f"{path.name!r} is a damaged archive: it cannot be read to its end."
                    raise SourceError(msg)
    except (tarfile.TarError, *UNREADABLE) as error:
        raise SourceError(f"{path.name!r} cannot be read as an archive: {error}") from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > LARGEST:
        raise SourceError(f"{Path(member.name).name!r} has {member.size:,} bytes, as no copy has.")
    file = archive.extractfile(member) if member.isfile() else None
    return file.read() if file is not None else b""


def check_there(path: Path) -> None:
    """Check that a path is that of a file."""
    if path.is_dir():
        msg = f"{path.name or str(path)!r} is a folder. Give a file, or a list of files of a source"
        raise SourceError(f"{msg} that has several.")
    if path.exists():
        return
    near = f" There is no folder {path.parent.name!r} either."
    if path.parent.is_dir():
        names = sorted(p.name for p in path.parent.glob("*"))
        near = f" The folder holds: {', '.join(names[:8])}." if names else ""
    if set("*?[") & set(path.name):
        near = f" A pattern is not a path: give sorted(Path(…).glob({path.name!r}))."
    raise SourceError(f"There is no file {path.name!r}.{near}")


def head_of(path: Path) -> str:
    """Return the first 8 KiB of a file as text, which show its layout."""
    with open_bytes(path) as stream:
        try:
            return stream.read(_HEAD).decode("utf-8-sig", errors="replace")
        except UNREADABLE as error:
            raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error


def _mistake(head: bytes) -> str:
    """Return what a file is instead of a table, by its first bytes; nothing if it may be one."""
    if not head.strip(b"\xef\xbb\xbf \r\n\t\x1a"):
        return "empty: an empty file is an error, never 'no records'"
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith(b"pk\x03\x04") and any(part in start for part in _WORKBOOK):
        return "an Excel workbook: save its sheet as .csv"
    return next((hint for mark, hint in _HINTS if start.startswith(mark.lower())), "")


def _opened(path: Path) -> BinaryIO | None:
    """Open a packed file by its ending; None for a plain one."""
    suffix = path.suffix.lower()
    if suffix in (".gz", ".xz"):
        return cast("BinaryIO", (gzip if suffix == ".gz" else lzma).open(path, "rb"))
    if suffix != ".zip":
        return None
    with zipfile.ZipFile(path) as archive:
        # macOS adds a folder of `._name` files.
        names = [n for n in archive.namelist() if not n.endswith("/") and "__MACOSX" not in n]
        if len(names) != 1:
            msg = f"{path.name!r} holds {len(names)} files, and one is needed. Unpack it first."
            raise SourceError(msg)
        return cast("BinaryIO", archive.open(names[0]))


CHECKSUMS = "checksums.txt"
"""The file of a folder that holds them, as `sha256sum` writes it: `sha256sum -c` reads it."""

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def recorded(folder: Path) -> dict[str, str]:
    """Return the sha256 recorded in a folder, by file name; lines of another form are not read."""
    path = folder / CHECKSUMS
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SourceError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return {line[2]: line[1].lower() for line in matches if line}


def record(folder: Path, hashes: Mapping[str, str]) -> None:
    """Add hashes to those that a folder holds by now, whoever recorded them."""
    if hashes:
        every = sorted((recorded(folder) | dict(hashes)).items())
        text = "".join(f"{sha}  {name}\n" for name, sha in every)
        with writing(folder) as into:
            (into / CHECKSUMS).write_text(text, encoding="utf-8", newline="\n")


def expected(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each file with the checksum that its folder records, empty where it does not."""
    sums: dict[Path, dict[str, str]] = {}
    for path in paths:
        # A year of GDELT 2.0 is 35,000 files in one folder: its record is read once.
        if path.parent not in sums:
            sums[path.parent] = recorded(path.parent)
        yield path, sums[path.parent].get(path.name, "")


def check_recorded(paths: Iterable[Path]) -> None:
    """Check files against the checksums that their folders record, where they do."""
    for path, sha in expected(paths):
        if sha and path.is_file():
            check_same(path, sha256(path), sha)


def check_same(path: Path, sha: str, recorded_as: str) -> None:
    """Check the checksum of a file against the one recorded, where there is one."""
    if recorded_as and sha != recorded_as:
        msg = (
            f"{path.name!r} is not the file that was fetched: its sha256 is not the one in "
            f"{CHECKSUMS!r} beside it. Fetch it again (`sanctlib fetch NAME --again`), or, if "
            "you changed it on purpose, save it under another name."
        )
        raise SourceError(msg)
