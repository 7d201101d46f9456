"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sanctlib.errors import SanctlibError


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """
    Give a folder to write into; its files move to `folder` when all went well.

    Nothing half-written ever stands under a final name; a ``.json`` manifest moves last.

    Raises
    ------
    SanctlibError
        When `folder` is a file, or it or a file in it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as name:
            into = Path(name)
            yield into
            for file in sorted(into.iterdir(), key=lambda p: (p.suffix == ".json", p.name)):
                # Windows flushes only what is open for writing.
                with file.open("r+b") as handle:
                    os.fsync(handle.fileno())
                file.replace(folder / file.name)
    except OSError as error:
        name = Path(error.filename2 or folder).name
        msg = f"{name!r} cannot be written ({error.strerror}). Choose another folder."
        raise SanctlibError(msg) from error
