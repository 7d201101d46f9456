"""The checks that every table passes: columns, types, values, keys, order of dates, sums."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from sanctlib.errors import SchemaError, check_columns, did_you_mean
from sanctlib.schema import ACTIONS, TABLES, Column, Table, TableKind


def table_kind(columns: Iterable[str], *, needed_by: str) -> TableKind:
    """
    Tell which of our tables a frame is, by its columns.

    Raises
    ------
    SchemaError
        When the columns are those of none, with the columns missing for the closest.
    """
    have = set(columns)
    lacking = {kind: [c for c in t.required if c not in have] for kind, t in TABLES.items()}
    for kind, missing in lacking.items():
        if not missing:
            return kind
    closest = min(lacking, key=lambda kind: len(lacking[kind]) / len(TABLES[kind].required))
    missing = lacking[closest]
    msg = (
        f"{needed_by} needs one of our tables ({', '.join(TABLES)}). The columns found, "
        f"{', '.join(repr(c) for c in sorted(have))}, come closest to {closest!r}, "
        f"which also needs {', '.join(repr(c) for c in missing)}."
    )
    raise SchemaError(msg + did_you_mean(missing[0], have))


def check_table(table: pd.DataFrame, schema: Table, *, needed_by: str) -> pd.DataFrame:
    """
    Return the table in its declared types and column order, or say what is wrong.

    Columns that the table does not declare are kept at the end, untouched.

    Raises
    ------
    MissingColumnsError
        When a required column is absent.
    SchemaError
        When a value, a key, an order of dates or a sum is not what was declared; the
        message counts the rows and shows the first.
    """
    check_columns(table, schema.required, needed_by=needed_by)
    repeated = sorted({str(c) for c in table.columns[table.columns.duplicated()]})
    if repeated:
        names = ", ".join(repr(c) for c in repeated)
        raise SchemaError(f"{needed_by}: the table has several columns named {names}.")
    declared = [c for c in schema.columns if c.name in table.columns]
    rest = [c for c in table.columns if c not in set(schema.names)]
    checked = table[[c.name for c in declared] + rest].copy()
    for column in declared:
        checked[column.name] = _typed(checked[column.name], column, needed_by=needed_by)
        _check_values(checked, column, needed_by=needed_by)
    _check_key(checked, schema, needed_by=needed_by)
    if schema.kind in ("events", "cells"):
        _check_events(checked, needed_by=needed_by)
    elif schema.kind == "list_changes":
        total = checked["opening"] + checked["added"] - checked["removed"]
        total = total + checked["moved_in"] - checked["moved_out"]
        _refuse(checked, total.ne(checked["closing"]), "does not close", needed_by=needed_by)
    for first, last in (("date", "date_last"), ("start", "start_last"), ("from", "to")):
        if first in checked and last in checked:
            wrong = checked[first].gt(checked[last])
            _refuse(checked, wrong, f"has {first!r} after {last!r}", needed_by=needed_by)
    return checked


def _typed(values: pd.Series, column: Column, *, needed_by: str) -> pd.Series:
    try:
        if column.kind == "date":
            return _days(values)
        if column.kind == "flag":
            return _flags(values)
        if column.kind == "integer":
            return _counts(values)
        if column.kind == "number":
            return values.astype("float64")
        return values.astype("str")
    except (TypeError, ValueError) as error:
        msg = f"{needed_by}: the column {column.name!r} should hold {column.kind} values: {error}"
        raise SchemaError(msg) from error


def _days(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values) and values.notna().any():
        # 20180508 would be 20 milliseconds of 1970.
        raise ValueError(f"{values.dropna().iloc[0]!r} is a number")
    return pd.to_datetime(values).astype("datetime64[us]")


def _counts(values: pd.Series) -> pd.Series:
    whole = values.astype("int64")
    if pd.to_numeric(values).ne(whole).any() or whole.lt(0).any():
        raise ValueError("a count is a whole number, zero or more")
    return whole


def _flags(values: pd.Series) -> pd.Series:
    # As a plain bool a missing value would be true, and so would the word "False".
    found = values.dropna().unique()
    wrong = [v for v in found if isinstance(v, str) or v not in (True, False)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is neither true nor false")
    return values.astype("object").where(values.notna(), None).astype("boolean")


def _check_values(table: pd.DataFrame, column: Column, *, needed_by: str) -> None:
    values = table[column.name]
    if column.filled:
        empty = values.isna()
        if column.kind == "text":
            empty |= values.eq("")
        _refuse(table, empty, f"has no {column.name!r}", needed_by=needed_by)
        if column.kind == "flag":
            table[column.name] = values.astype("bool")
    if not column.choices and not column.joined:
        return
    for value in values.dropna().unique():
        parts = str(value).split(";") if column.joined else [str(value)]
        if column.joined and parts != sorted(set(parts)):
            msg = f"{needed_by}: {column.name!r} holds {value!r}: sort its parts, once each."
            raise SchemaError(msg)
        for part in parts:
            if column.choices and part not in column.choices:
                known = ", ".join(column.choices)
                msg = f"{needed_by}: {column.name!r} holds {part!r}, which is not one of: {known}."
                raise SchemaError(msg + did_you_mean(part, column.choices))


def _check_key(table: pd.DataFrame, schema: Table, *, needed_by: str) -> None:
    key = [c for c in schema.key if c in table.columns]
    repeated = table.duplicated(key, keep=False)
    if schema.kind == "cases":
        # Two unknown parties of one case need not be the same one.
        repeated &= table[["sender", "target"]].notna().all(axis=1)
    _refuse(table, repeated, f"repeats the key {tuple(key)}", needed_by=needed_by)


def _check_events(table: pd.DataFrame, *, needed_by: str) -> None:
    family_of = {action: family for family, actions in ACTIONS.items() for action in actions}
    # "material" is an action of conflict alone: a component of co-operation has no such action.
    wrong = table["action"].map(family_of).ne(table["family"])
    _refuse(table, wrong, "has an action of another family", needed_by=needed_by)
    for side in ("sender", "target"):
        known = table[side].dropna()
        shaped = known.str.fullmatch(r"[A-Z]{3}|[A-Z]{2}|[A-Z0-9]+(-[A-Za-z0-9_]+)+")
        bad = table[side].notna()
        bad[bad] = ~shaped
        _refuse(table, bad, f"has no party in {side!r}", needed_by=needed_by)
    disordered = table["mutual"] & table["sender"].ge(table["target"]).fillna(value=False)
    _refuse(table, disordered, "is mutual with sender not before target", needed_by=needed_by)


def _refuse(table: pd.DataFrame, wrong: pd.Series, what: str, *, needed_by: str) -> None:
    n = int(wrong.sum())
    if n:
        first = {k: v for k, v in table[wrong].iloc[0].to_dict().items() if not pd.isna(v)}
        msg = f"{needed_by}: {n} of {len(table)} rows wrong, each {what}. The first: {first!r}"
        raise SchemaError(msg)
