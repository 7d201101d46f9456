"""Resuming: what became of a run asked for earlier, and whether its record still holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from sanctlib.catalogue import read_now
from sanctlib.errors import ReportError
from sanctlib.reading import sha256
from sanctlib.reports.record import RECORD, Record, read_record, versions
from sanctlib.reports.request import GIVEN, Request
from sanctlib.reports.values import shown

State: TypeAlias = Literal["done", "stale", "failed before", "to do"]


class Standing(NamedTuple):
    """Where a run stands, and why it has to run again."""

    state: State
    why: str = ""


def standing(asked: Request, *, store: Path | None = None) -> Standing:
    """
    Say whether a run was done, and with what it would be done now.

    It is done when its record names the notebook, parameters, data and package
    versions of today, and every file it wrote is there with its recorded hash.
    """
    notebook, record = asked.failed[1], asked.folder / RECORD
    try:
        if notebook.is_file():
            return Standing("failed before", read_record(notebook).error or "")
        if not record.is_file():
            return Standing("to do")
        earlier = read_record(record)
    except ReportError:
        return Standing("stale", "its record is damaged")
    why = [*changes(earlier, asked, store=store), *damage(earlier, asked.folder)]
    return Standing("stale", "; ".join(why)) if why else Standing("done")


def changes(record: Record, asked: Request, *, store: Path | None) -> list[str]:
    """Name what a run was made of then and is not now: notebook, parameters, data, packages."""
    found = [] if record.notebook_sha256 == asked.notebook_sha256 else ["the notebook changed"]
    for name, now in asked.values.items():
        # Files are compared by content: the same one may lie elsewhere.
        then = record.parameters.get(name)
        if shown(then) != shown(now):
            found.append(f"{name}: {shown(then)} → {shown(now)}")
    for name in dict.fromkeys([*record.inputs, *asked.inputs]):
        then_hash, now_hash = record.inputs.get(name), _input_hash(name, asked, store)
        if then_hash != now_hash:
            what = "changed" if then_hash and now_hash else "is new" if now_hash else "is gone"
            found.append(f"{name.removeprefix(f'{GIVEN}/')} {what}")
    packages = versions()
    for name in dict.fromkeys([*record.versions, *packages]):
        version, now_version = record.versions.get(name, "none"), packages.get(name, "none")
        if version != now_version:
            found.append(f"{name} {version} → {now_version}")
    return found


def _input_hash(name: str, asked: Request, store: Path | None) -> str | None:
    if name in asked.inputs or name.startswith(f"{GIVEN}/"):
        return asked.inputs.get(name)
    return read_now(name, store)


def damage(record: Record, folder: Path) -> list[str]:
    """Name the files of a finished run that are missing or not as the run wrote them."""
    return list(_damage(record, folder))


def _damage(record: Record, folder: Path) -> Iterable[str]:
    for name, digest in record.outputs.items():
        try:
            if sha256(folder / name) != digest:
                yield f"{name} is not as the run wrote it"
        except OSError:
            yield f"{name} is missing"
