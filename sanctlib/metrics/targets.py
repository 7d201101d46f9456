"""Targets of listings: an entry written out by programme and by the state it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from sanctlib.errors import check_columns


@dataclass(frozen=True, kw_only=True)
class SplitBy:
    """The keys of a count of listings, its target rule and the targets it keeps."""

    by: tuple[str, ...]
    address: bool
    targets: tuple[str, ...] | None
    needed_by: str


def by_programme(table: pd.DataFrame, *, also: str | None = None) -> pd.DataFrame:
    """
    Write out entries under a set of programmes: one row per programme, each with all n.

    `also` names a column of "PROGRAMME:n;PROGRAMME:n", whose counts become rows too.
    """
    rows = table.assign(programme=table["programmes"].str.split(";")).explode("programme")
    if also is None or also not in table.columns:
        return rows
    named = table.assign(pair=table[also].str.split(";")).dropna(subset="pair").explode("pair")
    # A programme's name may hold a colon; its number is behind the last.
    parts = named["pair"].str.rsplit(":", n=1)
    gained = named.assign(programme=parts.str[0], n=parts.str[1].astype("int64"))
    return pd.concat([rows, gained.drop(columns="pair")], ignore_index=True)


def by_target(
    table: pd.DataFrame, split: SplitBy, *, states: Literal["rows", "sets"]
) -> pd.DataFrame:
    """
    Keep the entries about the targets asked for, one row per target where it is a key.

    An entry about two states has a row for each: such rows do not add up. Entries about
    no state, or under a programme that is not known, have a missing target.

    Parameters
    ----------
    states : {"rows", "sets"}
        Look up the row's ``programme``, or the whole set in ``programmes``.

    Raises
    ------
    MissingColumnsError
        When the table lacks a key, or ``entity_country`` under the rule "address".
    """
    wanted = [c for c in split.by if c != "target"]
    check_columns(table.columns, wanted, needed_by=split.needed_by)
    if "target" not in split.by and split.targets is None:
        return table
    named = _states(table, address=split.address, column=_COLUMN[states])
    table = table.reset_index(drop=True).assign(target=named.to_numpy())
    table["target"] = table["target"].str.split(";")
    rows = table.explode("target")
    rows["target"] = rows["target"].astype("str").mask(rows["target"].eq(""))
    if split.targets is not None:
        rows = rows[rows["target"].isin(split.targets)]
    # Where the target is no key, an entry about two of the states asked for is one entry.
    return rows if "target" in split.by else rows[~rows.index.duplicated()]


_COLUMN = {"rows": "programme", "sets": "programmes"}


def _states(table: pd.DataFrame, *, address: bool, column: str) -> pd.Series:
    if address:
        check_columns(table.columns, ["entity_country"], needed_by="The target rule 'address'")
        return table["entity_country"]
    if "programme_state" in table.columns:
        return table["programme_state"]
    from sanctlib.codes.programmes import states_of

    named = pd.Series(pd.NA, index=range(len(table)), dtype="str")
    names = table["list"].reset_index(drop=True)
    sets = table[column].reset_index(drop=True)
    for name in names.unique():
        here = names.eq(name)
        named[here] = states_of(sets[here], list=str(name))
    return named
