"""The errors sanctlib raises: what was needed, what was found, the likely fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches
from numbers import Real

_SHOWN = 12


class SanctlibError(Exception):
    """The root of every error that sanctlib raises on purpose."""


class MissingColumnsError(SanctlibError):
    """A table lacks a column that the caller needs; `columns` are those of a file."""

    columns: tuple[str, ...] = ()


class SchemaError(SanctlibError):
    """A table has the columns, but not the types, values or keys it should have."""


class UnknownChoiceError(SanctlibError):
    """A name, code or option that is not one of the known ones."""


class SourceError(SanctlibError):
    """A file that cannot be read as what it is said to be."""


class FetchError(SanctlibError):
    """A file that could not be fetched from its producer."""


class NotPublishedError(FetchError):
    """A file that its producer answers it does not have."""


class UnreachableError(FetchError):
    """A producer whose machine cannot be reached."""


class CoverageError(SanctlibError):
    """A question about days or states that the source does not cover."""


class CuratedError(SanctlibError):
    """A rate, interval, test or model asked of a hand-picked list."""


class ParameterError(SanctlibError):
    """A notebook parameter that is unknown, missing or of the wrong type."""


class ReportError(SanctlibError):
    """A notebook that did not run to its end, or a page that cannot be written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """
    Return " Did you mean '…'?" for a name close to a known one, else nothing.

    Of names as close as each other it offers up to three. The comparison ignores case, since
    the most frequent slip is a lower-case code.
    """
    by_folded = {k.casefold(): k for k in known}
    meant = name.casefold()
    close = get_close_matches(meant, by_folded, n=len(by_folded) or 1, cutoff=0.6)

    def nearness(near: str) -> tuple[float, bool, bool]:
        # Of equally close names, the slip is rarely in the first letters: IRM is IRN, not VIR.
        ratio = SequenceMatcher(None, near, meant).ratio()
        return ratio, near[:2] == meant[:2], near[:1] == meant[:1]

    best = max(map(nearness, close), default=None)
    tied = sorted(by_folded[near] for near in close if nearness(near) == best)[:3]
    return f" Did you mean {' or '.join(map(repr, tied))}?" if tied else ""


def check_choice(value: object, known: Iterable[str], *, what: str, hint: str = "") -> str:
    """Return `value` when it is one of `known`."""
    choices = list(known)
    if isinstance(value, str) and value in choices:
        return value
    shown = ", ".join(repr(c) for c in choices)
    msg = f"{what} is {value!r}. It must be one of {shown}."
    raise UnknownChoiceError(msg + did_you_mean(str(value), choices) + hint)


def in_words(value: object) -> str:
    """Return what was given in place of a table; no cell of it, which can be a person's name."""
    return repr(value) if value is None or isinstance(value, str | Real) else "something else"


def check_flat(levels: int, *, what: str) -> None:
    """Check that the columns of a pandas table have one level of names."""
    if levels > 1:
        msg = f"The {what} has columns of {levels} levels. Join them to one:"
        raise SchemaError(f'{msg} table.columns = ["_".join(name) for name in table.columns].')


def check_columns(table: object, needed: Iterable[str]) -> None:
    """Check that a pandas table, or a list of the names of columns, has the columns `needed`."""
    names = table.columns if hasattr(table, "columns") and hasattr(table, "loc") else table
    wrong = isinstance(names, str | Mapping) or hasattr(names, "columns")
    if wrong or not isinstance(names, Iterable):
        hint = ": pass its .table" if hasattr(table, "table") else ""
        raise SchemaError(f"The table is {in_words(table)}. It must be a pandas table{hint}.")
    have = [str(c) for c in names]
    missing = [c for c in needed if c not in have]
    if not missing:
        return
    lacking = " and no column ".join(repr(c) for c in missing)
    msg = (
        f"The table has no column {lacking}. "
        f"Columns found: {', '.join(repr(c) for c in have[:_SHOWN]) or 'none'}"
        f"{f' and {len(have) - _SHOWN} more' if len(have) > _SHOWN else ''}."
    )
    for mark in ";,\t|":
        if len(have) == 1 and missing[0] in have[0].replace('"', "").split(mark):
            msg += f" That is one cell, separated by {mark!r}: the file has another delimiter."
    raise MissingColumnsError(msg + did_you_mean(missing[0], have))
