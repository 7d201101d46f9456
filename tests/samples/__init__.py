"""Hand-made files in the layout of each producer, read by the tests and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sanctlib.sources.registry import READERS

KEYS = tuple(READERS)
_COMPANIONS = ("add.csv", "alt.csv", "sdn_comments.csv")


@dataclass(frozen=True)
class Sample:
    """One file, the source it is read as, and the files that come with it."""

    key: str
    path: Path
    companions: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return f"{self.key}/{self.path.name}"

    @property
    def is_lines(self) -> bool:
        """Whether a record of it is a line."""
        return self.path.suffix not in (".xml", ".xls", ".gz", ".zip", ".xz") and (
            self.key != "opensanctions"
        )


def _samples() -> tuple[Sample, ...]:
    found = []
    for path in sorted(Path(__file__).parent.glob("*/*")):
        near = tuple(p for p in path.parent.iterdir() if p.name in _COMPANIONS)
        if path.name not in _COMPANIONS and not path.name.startswith("__"):
            with_them = near if path.suffix == ".csv" else ()
            found.append(Sample(path.parent.name, path, with_them))
    return tuple(found)


SAMPLES = _samples()
