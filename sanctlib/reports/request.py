"""Requests: a run that was asked for, checked and with its folder, before anything is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sanctlib.errors import ParameterError
from sanctlib.reading import sha256
from sanctlib.reports.folders import folder_name
from sanctlib.reports.parameters import check, declared

GIVEN = "given"
"""The folder in which a notebook finds the files it was given, under plain names."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One run that was asked for: its notebook, its values, the folder it will have."""

    notebook: Path
    notebook_sha256: str
    changed: dict[str, object]
    """The values that are not the defaults."""
    values: dict[str, object]
    """All values the notebook will run with."""
    named: dict[str, object]
    """`changed`, with plain names in the place of paths."""
    given: dict[str, Path]
    """The file of each plain name."""
    inputs: dict[str, str]
    """The sha256 of each plain name."""
    folder: Path

    @property
    def name(self) -> str:
        """Notebook and folder, as on the index page."""
        return f"{self.notebook.stem}/{self.folder.name}"

    @property
    def failed(self) -> tuple[Path, Path]:
        """Where the notebook and the record of a failure are kept."""
        stem = self.notebook.stem
        return self.folder / f"{stem}.failed.ipynb", self.folder / f"{stem}.failed.json"


def request(notebook: Path, *, parameters: Mapping[str, object], out: Path) -> Request:
    """
    Check the parameters of a run and name its folder; nothing is executed or written.

    Raises
    ------
    ParameterError
        For an unknown name, a value of another type, no state, and a file that cannot
        be read.
    ReportError
        When the notebook cannot be read.
    """
    known = declared(notebook)
    changed = check(parameters, known)
    named, given, inputs = _with_aliases(changed)
    return Request(
        notebook=notebook,
        notebook_sha256=sha256(notebook),
        changed=changed,
        values={name: changed.get(name, p.default) for name, p in known.items()},
        named=named,
        given=given,
        inputs=inputs,
        folder=(out / notebook.stem / folder_name(named, contents=inputs)).absolute(),
    )


def _with_aliases(
    changed: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, Path], dict[str, str]]:
    """Return the values with plain names for paths, and the file and sha256 of each name."""
    given: dict[str, Path] = {}
    contents: dict[str, str] = {}

    def alias(name: str, value: object) -> object:
        if isinstance(value, list):
            return [alias(name, v) for v in value]
        if not isinstance(value, Path):
            return value
        plain = f"{GIVEN}/{name}/{value.name}"
        if given.setdefault(plain, value.absolute()) != value.absolute():
            msg = f"{name} holds two files named {value.name!r}. Rename one of them."
            raise ParameterError(msg)
        try:
            if not value.is_file():
                msg = f"{name} must be an existing file, got {str(value)!r}."
                raise ParameterError(msg)
            contents[plain] = sha256(value)
        except OSError as error:
            msg = f"{name}: {str(value)!r} cannot be read: {error.strerror}."
            raise ParameterError(msg) from error
        return Path(plain)

    named = {name: alias(name, value) for name, value in changed.items()}
    return named, given, contents
