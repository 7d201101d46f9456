"""Checksums of what was fetched: kept beside the files, checked whenever one is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sanctlib.errors import SourceError
from sanctlib.reading import sha256
from sanctlib.writing import writing

CHECKSUMS = "checksums.txt"
"""The file of a folder that holds them, as `sha256sum` writes it: `sha256sum -c` reads it."""

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def recorded(folder: Path) -> dict[str, str]:
    """
    Return the sha256 recorded in a folder, by file name; nothing where none is.

    Lines of another form are left alone: a `checksums.txt` may be someone else's.
    """
    path = folder / CHECKSUMS
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SourceError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {line[2]: line[1].lower() for line in found if line}


def record(folder: Path, hashes: Mapping[str, str]) -> None:
    """
    Add hashes to those a folder holds; a cut between leaves the file as it was.

    Another process may have recorded files meanwhile: what is there is read again.
    """
    if hashes:
        every = sorted((recorded(folder) | dict(hashes)).items())
        text = "".join(f"{sha}  {name}\n" for name, sha in every)
        with writing(folder) as into:
            (into / CHECKSUMS).write_text(text, encoding="utf-8", newline="\n")


def expected(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each file with the checksum that its folder records, empty where it does not."""
    known: dict[Path, dict[str, str]] = {}
    for path in paths:
        # A year of GDELT 2.0 is 35,000 files in one folder: its record is read once.
        if path.parent not in known:
            known[path.parent] = recorded(path.parent)
        yield path, known[path.parent].get(path.name, "")


def check_recorded(paths: Iterable[Path]) -> None:
    """Check files against the checksums that their folders record, where they do."""
    for path, sha in expected(paths):
        if sha and path.is_file():
            check_same(path, sha256(path), sha)


def check_same(path: Path, found: str, recorded_as: str) -> None:
    """Check the checksum of a file against the one recorded, where there is one."""
    if recorded_as and found != recorded_as:
        msg = (
            f"{path.name!r} is not the file that was fetched: its sha256 is not the one in "
            f"{CHECKSUMS!r} beside it. Fetch it again (`sanctlib fetch NAME --again`), or, if "
            "you changed it on purpose, save it under another name."
        )
        raise SourceError(msg)
