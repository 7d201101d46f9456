"""Files as they come: unpacked, told by their content, and bounded in size."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from sanctlib.errors import SourceError

UNREADABLE = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)
"""What a damaged packed file raises while it is read."""
# Further, before the first byte of it: a locked zip, a method unknown, names that are no text.
_UNOPENED = (*UNREADABLE, RuntimeError, ValueError, struct.error)

_HINTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (b"<!doctype html", "a saved web page, not the file itself: download it again"),
    (b"<html", "a saved web page, not the file itself: download it again"),
    (b"<stata_dta>", "a Stata file: save it as .csv"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"\x1f\x8b", "packed with gzip: its name must end in .gz"),
)
_HEAD = 8192
_WORKBOOK = (b"[content_types].xml", b"docprops/", b"_rels/", b"xl/")
# A table packs 5 to 30 times; zeros pack 1,000 times. Small files may do as they like.
_RATIO, _SMALL = 100, 64 << 20


class Bounded(io.RawIOBase):
    """A stream that is read on up to `limit` bytes and then refused; ``seen`` may be set back."""

    def __init__(self, stream: BinaryIO, name: str, *, limit: int) -> None:
        self._stream = stream
        self._name = name
        self._limit = limit
        self.seen = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer, or refuse what is no table."""
        view = memoryview(cast("bytearray", buffer))
        chunk = self._stream.read(len(view))
        view[: len(chunk)] = chunk
        self.seen += len(chunk)
        if self.seen > self._limit:
            msg = (
                f"{self._name!r} unpacks to far more than its size or its files: that is no "
                "table. Unpack it yourself if you know what it holds."
            )
            raise SourceError(msg)
        return len(chunk)

    def close(self) -> None:
        """Close the packed stream too."""
        self._stream.close()
        super().close()


def open_bytes(path: Path, *, archive: bool = False) -> BinaryIO:
    """
    Open a file for reading, unpacking .gz, .xz and a .zip that holds one file.

    Nothing is written while unpacking, so a name inside an archive leads nowhere. A file
    that unpacks to more than 100 times its size (and 64 MiB) is refused, unless it is an
    `archive` of many like files, which its reader bounds file by file.

    Raises
    ------
    SourceError
        When there is no such file, or a folder, an empty file, a saved web page or a
        Git LFS pointer in its place.
    """
    try:
        check_there(path)
        packed = _opened(path)
        stream = packed or path.open("rb")
    except _UNOPENED as error:
        raise SourceError(f"{path.name[:80]!r} cannot be opened: {error}") from error
    try:
        head = stream.read(512)
        stream.seek(0)
    except _UNOPENED as error:
        stream.close()
        raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error
    what = _mistake(head)
    if head[257:262] == b"ustar" and not archive:
        what = "an archive of several files: unpack it and name one"
    if what:
        stream.close()
        raise SourceError(f"{path.name!r} is {what}.")
    if packed is None or archive:
        return stream
    limit = max(_SMALL, _RATIO * path.stat().st_size)
    return io.BufferedReader(Bounded(packed, path.name, limit=limit))


def check_there(path: Path) -> None:
    """
    Check that a path is that of a file.

    Raises
    ------
    SourceError
        Saying what lies there, or near.
    """
    if path.is_dir():
        msg = f"{path.name or str(path)!r} is a folder; a file is needed, or a list of files where "
        raise SourceError(msg + "a source is read from several.")
    if path.exists():
        return
    near = f" There is no folder {path.parent.name!r} either."
    if path.parent.is_dir():
        known = sorted(p.name for p in path.parent.glob("*"))
        near = f" The folder holds: {', '.join(known[:8])}." if known else ""
    if set("*?[") & set(path.name):
        near = f" A pattern is no path: give sorted(Path(…).glob({path.name!r}))."
    raise SourceError(f"There is no file {path.name!r}.{near}")


def head_of(path: Path) -> str:
    """
    Return the first 8 KiB of a file as text: enough to tell one layout from another.

    Raises
    ------
    SourceError
        When it cannot be opened or unpacked.
    """
    with open_bytes(path) as stream:
        try:
            return stream.read(_HEAD).decode("utf-8-sig", errors="replace")
        except UNREADABLE as error:
            raise SourceError(f"{path.name!r} cannot be unpacked: {error}") from error


def _mistake(head: bytes) -> str:
    """Say what stands in place of a table, by its first bytes; nothing where it may be one."""
    if not head.strip(b"\xef\xbb\xbf \r\n\t\x1a"):
        return "empty: an empty file is an error, never 'no records'"
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith(b"pk\x03\x04") and any(part in start for part in _WORKBOOK):
        return "an Excel workbook of the .xlsx kind: save its sheet as .xls (Excel 97) or .csv"
    return next((hint for mark, hint in _HINTS if start.startswith(mark.lower())), "")


def _opened(path: Path) -> BinaryIO | None:
    """Open a packed file by its ending; None for a plain one."""
    openers: dict[str, Callable[..., object]] = {".gz": gzip.open, ".xz": lzma.open}
    suffix = path.suffix.lower()
    if suffix in openers:
        return cast("BinaryIO", openers[suffix](path, "rb"))
    if suffix != ".zip":
        return None
    with zipfile.ZipFile(path) as held:
        # macOS adds a folder of `._name` files.
        names = [n for n in held.namelist() if not n.endswith("/") and "__MACOSX" not in n]
        if len(names) != 1:
            msg = f"{path.name!r} holds {len(names)} files where one is needed: unpack it first."
            raise SourceError(msg)
        return cast("BinaryIO", held.open(names[0]))
