"""Check a table: columns, types, values, keys, order of dates and sums. Return it typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

import pandas as pd

from sanctlib.codes.countries import is_party_code, party_meant
from sanctlib.errors import SchemaError, check_columns, did_you_mean
from sanctlib.schema import ACTIONS, TABLES, Column, ColumnKind, Table, TableKind

Relation: TypeAlias = Callable[[Iterable[str]], Any]

_FAMILIES = {action: family for family, actions in ACTIONS.items() for action in actions}
_WORDS = (["family", "action"], ["sender"], ["target"])
"""The columns whose distinct values `check_words` checks together."""
_IN_ORDER = (
    ("date", "date_last"),
    ("from", "to"),
    ("listed", "delisted"),
    ("start", "start_last"),
    ("end", "end_last"),
    ("start", "end_last"),
)
"""Days of one row, the earlier column first."""


def table_kind(columns: Iterable[str]) -> TableKind:
    """Return which of our tables a frame is, by its columns."""
    have = set(columns)
    lacking = {kind: [c for c in t.required if c not in have] for kind, t in TABLES.items()}
    closest = min(lacking, key=lambda kind: len(lacking[kind]) / len(TABLES[kind].required))
    missing = lacking[closest]
    if not missing:
        return closest
    msg = (
        f"The columns {', '.join(repr(c) for c in sorted(map(str, have)))} are those of no table "
        f"of sanctlib ({', '.join(TABLES)}). The closest is {closest!r}, which also needs "
        f"{', '.join(repr(c) for c in missing)}."
    )
    raise SchemaError(msg + did_you_mean(missing[0], have))


def check_names(columns: Sequence[str]) -> None:
    """Check that no two columns have the same name."""
    repeated = sorted({c for c in columns if columns.count(c) > 1})
    if repeated:
        names = ", ".join(map(repr, repeated))
        raise SchemaError(f"The table has several columns named {names}. Keep one of each.")


def check_table(table: pd.DataFrame, schema: Table) -> pd.DataFrame:
    """Return the table in its declared types and order of columns; others stay at the end."""
    check_columns(table, schema.required)
    check_names([str(c) for c in table.columns])
    declared = [c for c in schema.columns if c.name in table.columns]
    rest = [c for c in table.columns if c not in set(schema.names)]
    checked = table[[c.name for c in declared] + rest].copy()
    for column in declared:
        values = checked[column.name] = _typed(checked[column.name], column)
        if column.filled:
            empty = values.isna()
            if column.kind == "text":
                empty |= values.eq("")
            _refuse(checked, schema, empty, f"has no {column.name!r}")
            if column.kind == "flag":
                checked[column.name] = values.astype("bool")
        _check_choices(values, column)
    for wrong, what in _wrong_rows(checked, schema):
        _refuse(checked, schema, wrong, what)
    return checked


class _WrongValueError(ValueError):
    """A value that cannot be of the type of its column, in words that name no person."""


def _typed(values: pd.Series, column: Column) -> pd.Series:
    typed, needed = _TYPES[column.kind]
    try:
        return typed(values)
    except _WrongValueError as error:
        found = str(error)
    except (TypeError, ValueError):
        found = "a value of another kind"
    raise SchemaError(f"Column {column.name!r} holds {found}. It must hold {needed} only.")


def _days(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values) and values.notna().any():
        # 20180508 would be 20 milliseconds of 1970.
        raise _WrongValueError(f"the number {values.dropna().iloc[0]!s}")
    return pd.to_datetime(values).astype("datetime64[us]")


def _counts(values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values)
    for wrong in numbers[numbers.mod(1).ne(0) | numbers.lt(0)]:
        raise _WrongValueError("a missing value" if pd.isna(wrong) else f"the number {wrong!s}")
    return values.astype("int64")


def _flags(values: pd.Series) -> pd.Series:
    # As a plain bool a missing value would be true, and so would the word "False".
    for value in values.dropna().unique():
        if isinstance(value, str) and value.casefold() in ("true", "false", "yes", "no", "0", "1"):
            raise _WrongValueError(f"the text {value!r}")
        if isinstance(value, str) or value not in (True, False):
            raise ValueError
    return values.astype("object").where(values.notna(), None).astype("boolean")


_TYPES: dict[ColumnKind, tuple[Callable[[pd.Series], pd.Series], str]] = {
    "text": (lambda values: values.astype("str"), "text"),
    "date": (_days, "days such as 2018-05-08"),
    "flag": (_flags, "true or false"),
    "integer": (_counts, "whole numbers from 0"),
    "number": (lambda values: values.astype("float64"), "numbers"),
}


def _check_choices(values: pd.Series, column: Column) -> None:
    if not column.choices and not column.joined:
        return
    for value in values.dropna().unique():
        parts = value.split(";") if column.joined else [value]
        if column.joined and parts != sorted(set(parts)):
            right = ";".join(sorted(set(parts)))
            msg = f"Column {column.name!r} holds {value!r}. Its parts must be sorted, each once"
            raise SchemaError(f"{msg}: {right!r}.")
        for part in parts:
            _check_word(column.name, part, column.choices or parts)


def _wrong_rows(table: pd.DataFrame, schema: Table) -> Iterator[tuple[pd.Series, str]]:
    """Return which rows are wrong, and why, check by check."""
    key = [c for c in schema.key if c in table.columns]
    repeated = table.duplicated(key, keep=False)
    if schema.kind == "cases":
        # Two unknown parties of one case need not be the same one.
        repeated &= table[["sender", "target"]].notna().all(axis=1)
    yield repeated, f"repeats the key ({', '.join(key)})"
    for names in _WORDS:
        if set(names) <= set(schema.names):
            check_words(table[names].drop_duplicates())
    if "mutual" in schema.names:
        disordered = table["mutual"] & table["sender"].ge(table["target"]).fillna(value=False)
        yield disordered, "is mutual with sender not before target"
    if "lower" in schema.names:
        yield table["lower"].gt(table["upper"]), "has 'lower' above 'upper'"
    if "closing" in schema.names:
        closing = table["opening"] + table["added"] - table["removed"]
        closing += table["moved_in"] - table["moved_out"]
        yield closing.ne(table["closing"]), "does not close"
    for first, last in _IN_ORDER:
        if first in table and last in table:
            yield table[first].gt(table[last]), f"has {first!r} after {last!r}"


def check_acts(
    kind: TableKind, types: Mapping[str, str], relation: Relation, *, rows: bool, keys: bool
) -> None:
    """
    Check a large table of events or cells in DuckDB, as `check_table` checks a small one.

    Words and types always; numbers and days of all rows with `rows`, keys with `keys`.
    """
    check_dates(types, [c for c in ("date", "date_last", "period") if c in types])
    if _NUMBER.fullmatch(types.get("code", "")):
        msg = "Column 'code' holds numbers, so leading zeros are lost (010 became 10). Read it"
        raise SchemaError(f'{msg} as text: pd.read_csv(path, dtype={{"code": str}}).')
    for names in _WORDS:
        if held := [c for c in names if c in types]:
            words = ", ".join(f"{c}::VARCHAR AS {c}" for c in held)
            check_words(relation(held).aggregate(words, ", ".join(held)).df())
    if not rows:
        return
    wrong = _wrong_acts(types, TABLES[kind])
    sums = [f"count(*) FILTER (WHERE {c})" for c in wrong.values()]
    ((n_rows, *each),) = relation(types).aggregate(", ".join(["count(*)", *sums]), "").fetchall()
    for what, n in zip(wrong, each, strict=True):
        if n:
            raise SchemaError(f"{n:,} of {n_rows:,} rows are wrong: each {what}.")
    key = ", ".join(c for c in TABLES[kind].key if c in types)
    if keys and key:
        repeated = relation(types).aggregate(f"{key}, count(*) AS n", key).filter("n > 1")
        ((again,),) = repeated.aggregate("coalesce(sum(n), 0)", "").fetchall()
        if again:
            msg = f"{again:,} of {n_rows:,} rows repeat the key ({key})."
            raise SchemaError(f"{msg} Keep one row for each.")


def _wrong_acts(types: Mapping[str, str], schema: Table) -> dict[str, str]:
    """Return what can be wrong with a row of events or cells, in words and in SQL."""
    wrong = {}
    for column in schema.columns:
        name, held = column.name, types.get(column.name)
        # Acts without a known day are counted too, as not assigned to a period.
        if held and column.filled and column.required and column.kind != "date":
            empty = f" OR {name}::VARCHAR = ''" if column.kind == "text" else ""
            wrong[f"has no {name!r}"] = f"{name} IS NULL{empty}"
        if held and column.kind == "integer":
            if not _NUMBER.fullmatch(held):
                msg = f"Column {name!r} holds {held}. It must hold whole numbers from 0."
                raise SchemaError(msg)
            number = f"{name}::DOUBLE"
            wrong[f"has a number in {name!r} that is not a whole number from 0"] = (
                f"{number} < 0 OR {number} > {_MOST} OR {number} <> floor({number})"
            )
    if {"date", "date_last"} <= types.keys():
        wrong["has 'date' after 'date_last'"] = "date > date_last"
    if {"mutual", "sender", "target"} <= types.keys():
        wrong["is mutual with sender not before target"] = "mutual::BOOLEAN AND sender >= target"
    return wrong


_MOST = 1 << 53
"""The greatest count that is exact as a float; infinity is above it."""
# As DuckDB, PySpark and Ibis name them: BIGINT, UINTEGER, INT, INT64, FLOAT64, DECIMAL(18,3).
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?\d*|FLOAT\d*|DOUBLE|DECIMAL.*")


def check_dates(types: Mapping[str, str], columns: Iterable[str]) -> None:
    """Check that these columns hold dates without a time zone."""
    for column in columns:
        held = types[column]
        if held != "DATE" and not (held.startswith("TIMESTAMP") and "ZONE" not in held):
            msg = f"Column {column!r} holds {held}. It must hold days without a time zone."
            raise SchemaError(f"{msg} sl.read_table parses and checks them.")


def check_words(distinct: pd.DataFrame) -> None:
    """Check the distinct families with their actions, or the distinct parties, of a table."""
    for name in distinct.columns:
        for word in distinct[name].dropna().astype("str").unique():
            if name in ("family", "action"):
                _check_word(name, word, ACTIONS if name == "family" else _FAMILIES)
            elif not is_party_code(word):
                msg = f"Column {name!r} holds {word!r}, which is no code of a party, such as 'IRN'"
                msg = f"{msg} or 'EU'.{party_meant(word)} sl.resolve turns names into codes."
                raise SchemaError(msg)
    if {"family", "action"} <= set(distinct.columns):
        # "material" is an action of conflict alone: a component of co-operation has no such action.
        wrong = distinct[distinct["action"].map(_FAMILIES).ne(distinct["family"])].dropna()
        for family, action in wrong[["family", "action"]].itertuples(index=False):
            msg = f"The action {action!r} has the family {family!r}. Its family is"
            raise SchemaError(f"{msg} {_FAMILIES[action]!r}.")


def _check_word(column: str, word: str, known: Iterable[str]) -> None:
    if word not in known:
        msg = f"Column {column!r} holds {word!r}. It must be one of {', '.join(map(repr, known))}."
        raise SchemaError(msg + did_you_mean(word.strip(), known))


def _refuse(table: pd.DataFrame, schema: Table, wrong: pd.Series, what: str) -> None:
    n = int(wrong.sum())
    if n:
        days = [c.name for c in schema.columns if c.kind == "date"]
        safe = [c for c in dict.fromkeys([*schema.key, *days]) if c in table]
        first = table.loc[wrong, safe].iloc[0].dropna()
        shown = ", ".join(f"{name} {_as_shown(value)}" for name, value in first.items())
        msg = f"{n:,} of {len(table):,} rows are wrong: each {what}. The first has {shown}."
        raise SchemaError(msg)


def _as_shown(value: object) -> str:
    return str(value).removesuffix(" 00:00:00") if isinstance(value, date) else repr(value)
