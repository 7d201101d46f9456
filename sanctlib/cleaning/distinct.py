"""Distinct values: a rule of text is applied once to each, however many rows have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import union_categoricals

Numbers: TypeAlias = npt.NDArray[np.int64]

_ROOM = 1 << 62


def constant(value: str, n: int) -> pd.Categorical[str]:
    """Return one value n times."""
    return pd.Categorical.from_codes(np.zeros(n, dtype="int8"), pd.Index([value]))


def by_value(column: pd.Series, of: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """
    Apply a function of text to a column, once to each of its values where it is categories.

    Categories stay categories where the function gives text; what is missing stays missing.
    """
    if not is_category(column):
        return of(column)
    places, values = distinct(column)
    return spread(of(values), places, like=column)


def distinct(column: pd.Series) -> tuple[Numbers, pd.Series]:
    """Return the place of each row's value, below zero where it is missing, and the values."""
    if is_category(column):
        places = column.cat.codes.to_numpy().astype("int64")
        return places, pd.Series(column.cat.categories, dtype="str")
    places, values = pd.factorize(column)
    return places, pd.Series(values)


def spread(found: pd.Series, places: Numbers, *, like: pd.Series) -> pd.Series:
    """Give each row of `like` the value found at its place, none where that is below zero."""
    if is_category(like) and isinstance(found.dtype, pd.StringDtype):
        numbers, values = pd.factorize(found)
        taken = np.append(numbers, -1)[places]
        return pd.Series(pd.Categorical.from_codes(taken, values), index=like.index)
    return pd.Series(found.array.take(places, allow_fill=True), index=like.index)


def shown(text: pd.Series) -> pd.Series:
    """Return text as a reason shows it."""
    return text.astype("str").str.strip().map(repr)


def is_now(text: pd.Series) -> pd.Series:
    """Return which texts pandas would read as the day of the run."""
    return text.str.strip().str.casefold().isin(["now", "today"])


def is_category(column: pd.Series) -> bool:
    """Tell whether a column holds numbers of its few values."""
    return isinstance(column.dtype, pd.CategoricalDtype)


def whole(text: pd.Series) -> pd.Series:
    """Return numbers as integers where all of them are, and are written as integers are."""
    import pyarrow as pa

    cells = pa.array(text)
    try:
        numbers = cells.cast(pa.int64())
    except pa.ArrowInvalid:
        return text
    # "007" is another number than "7".
    same = not numbers.null_count and numbers.cast(cells.type).equals(cells)
    return pd.Series(numbers.to_numpy(), index=text.index) if same else text


def as_text(numbers: pd.Series) -> pd.Series:
    """Return what `whole` may have made integers as text again."""
    if numbers.dtype != "int64":
        return numbers.astype("str")
    import pyarrow as pa

    text: pd.Series = pa.array(numbers).cast(pa.large_string()).to_pandas()
    return text.astype("str").set_axis(numbers.index)


def numbered(rows: pd.DataFrame, columns: Sequence[str]) -> Numbers:
    """Return the number of each distinct row of these columns, from 0, as they appear."""
    key, size = np.zeros(len(rows), dtype="int64"), 1
    for name in columns:
        places, values = distinct(rows[name])
        n = len(values) + 1
        if size * n > _ROOM:
            key, keys = pd.factorize(key)
            size = len(keys)
        key, size = key * n + places + 1, size * n
    return pd.factorize(key)[0]


def distinct_rows(rows: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, Numbers]:
    """Return each row of these columns once, as text or days, and which of them each row is."""
    numbers = numbered(rows, columns)
    at = firsts(numbers)
    few = pd.DataFrame({name: rows[name].array.take(at) for name in columns})
    return few.astype({name: "str" for name in few if is_category(few[name])}), numbers


def firsts(numbers: Numbers) -> Numbers:
    """Return the place of the first row of each group that `numbered` made."""
    found = np.empty(numbers.max(initial=-1) + 1, dtype="int64")
    # Of several writes to one place the last stays.
    found[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return found


def one_after_the_other(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of the same columns one after the other; categories stay categories."""
    first = frames[0]
    if len(frames) == 1:
        return first
    if not any(is_category(first[name]) for name in first):
        return pd.concat(frames, ignore_index=True)
    columns = {}
    for name in first.columns:
        parts = [frame[name] for frame in frames]
        if is_category(first[name]):
            together = union_categoricals([p.astype("category") for p in parts])
            columns[name] = pd.Series(together)
        elif len({p.dtype for p in parts}) > 1:
            columns[name] = pd.concat([as_text(p) for p in parts], ignore_index=True)
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns)


def in_one_order(*columns: pd.Series) -> tuple[list[Numbers], pd.Index]:
    """Return columns as places of their values, and the values of all, sorted."""
    found = [distinct(column) for column in columns]
    values = pd.Index(sorted({v for _, few in found for v in few}), dtype="str")
    places = [
        np.append(values.get_indexer(pd.Index(few, dtype="str")), -1)[numbers]
        for numbers, few in found
    ]
    return places, values


def swapped(rows: pd.DataFrame, where: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Exchange sender and target of some rows."""
    if not where.any():
        return rows
    (sender, target), values = in_one_order(rows["sender"], rows["target"])
    sides = {"sender": np.where(where, target, sender), "target": np.where(where, sender, target)}
    found = {side: pd.Categorical.from_codes(places, values) for side, places in sides.items()}
    out = rows.assign(**found)
    return out if is_category(rows["sender"]) else out.astype(dict.fromkeys(found, "str"))
