"""List blocs and their dated members, and expand blocs into members."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from functools import cache
from typing import Literal, TypeAlias, cast

import pandas as pd

from sanctlib.codes.succession import read_codes
from sanctlib.errors import check_choice, check_columns

Side: TypeAlias = Literal["sender", "target"]
SIDES: tuple[Side, ...] = ("sender", "target")
_NEEDED = ("event_id", "act_id", "date", "sender", "target", "mutual", "family")
_OF_CASES = ("case_id", "start", "sender", "target")


def blocs() -> pd.DataFrame:
    """
    Return the table of blocs: unions, organisations and informal groups.

    Returns
    -------
    DataFrame
        A row per bloc: ``code``, ``name``, ``kind`` (union, universal, organisation,
        informal), ``can_sanction`` (bool: its own acts can bind its members, so it counts as
        one sender), ``note``.

    Examples
    --------
    >>> table = blocs()
    >>> table.loc[table["code"].eq("IO-G7"), "can_sanction"].to_list()
    [False]
    """
    return _blocs().copy()


@cache
def _blocs() -> pd.DataFrame:
    table = read_codes("blocs.csv")
    table["can_sanction"] = table["can_sanction"].eq("yes")
    return table[table["kind"].ne("region")].reset_index(drop=True)


@cache
def _memberships() -> pd.DataFrame:
    table = read_codes("members.csv", dates=("from", "until", "sanctions_until"))
    table["sanctions_until"] = table["sanctions_until"].fillna(table["until"])
    return table


def members(bloc: str, *, day: date | pd.Timestamp, for_sanctions: bool = False) -> list[str]:
    """Return the members of a bloc on a day; a suspended member is a member."""
    check_choice(bloc, _blocs()["code"], what="bloc")
    table = _memberships()
    table = table[table["bloc"].eq(bloc)]
    last = table["sanctions_until" if for_sanctions else "until"]
    at = pd.Timestamp(day)
    inside = table["from"].le(at) & (last.isna() | last.ge(at))
    return sorted(table.loc[inside, "state"])


def expand_blocs(
    events: pd.DataFrame,
    *,
    sides: Sequence[Side] = ("sender",),
    only: Collection[str] | None = None,
) -> pd.DataFrame:
    """
    Expand blocs into their members of the day, one row per member.

    `act_id` or `case_id` is kept, so the act still counts once; counts of rows, senders and
    dyads change by an order of magnitude. A member that the act also names, or that two blocs
    of the act share, has one row; a member gets no row against itself. For sanctions, the
    members are the states that the sanctions bind: the EU's bound the United Kingdom until
    the end of 2020. A row whose bloc has no dated member on that day is kept as it is. The
    day is the first day of an act, or of the start of a case: later changes of membership
    are not followed.

    Parameters
    ----------
    events : DataFrame
        A table of events, or of cases: of a reading, its ``table``.
    sides : sequence of {"sender", "target"}, default ("sender",)
        Which parties to expand.
    only : sequence of str, optional
        Codes of the blocs to expand; all by default.

    Returns
    -------
    DataFrame
        The columns of `events`, rows in the order of `events` and then of the members.
        In events, ``event_id`` ends in ``:SENDER>TARGET`` where a row was expanded.

    Raises
    ------
    MissingColumnsError
        For a column of events or cases that is absent.
    SchemaError
        For what is not a pandas table.
    UnknownChoiceError
        For another side, or a code in `only` that is not a bloc's.

    Examples
    --------
    >>> act = {"event_id": "7", "act_id": "7", "date": pd.Timestamp("2022-02-25"),
    ...        "sender": "IO-E3", "target": "RUS", "mutual": False, "family": "sanction"}
    >>> expand_blocs(pd.DataFrame([act]))["event_id"].to_list()
    ['7:DEU>RUS', '7:FRA>RUS', '7:GBR>RUS']
    """
    cases = hasattr(events, "columns") and "case_id" in events.columns
    check_columns(events, _OF_CASES if cases else _NEEDED)
    # One side or bloc may be named without brackets.
    sides = (cast("Side", sides),) if isinstance(sides, str) else sides
    only = (only,) if isinstance(only, str) else only
    for side in sides:
        check_choice(side, SIDES, what="sides")
    known = sorted(_blocs()["code"])
    for bloc in only or ():
        check_choice(bloc, known, what="only")
    chosen = set(known if only is None else only)
    work = events.reset_index(drop=True)
    if cases:
        # A case is one of sanctions, and its rows get ids as those of an act do.
        ids = work["case_id"].astype("str") + _pair(work["sender"], work["target"])
        work = work.assign(date=work["start"], family="sanction", mutual=False, event_id=ids)
    work = work.astype({"event_id": "str"})
    # The parties before writing out, to find the suffix that the reader may have given.
    work["_was_sender"], work["_was_target"] = work["sender"], work["target"]
    for side in sides:
        work = _write_out(work, side, chosen=chosen)
    return _finished(work)[list(events.columns)]


def _write_out(work: pd.DataFrame, side: Side, *, chosen: set[str]) -> pd.DataFrame:
    work = work.assign(_row=range(len(work)))
    rows = work.loc[work[side].isin(chosen), ["_row", side, "date", "family"]]
    pairs = rows.merge(_memberships(), left_on=side, right_on="bloc")
    last = pairs["until"]
    if side == "sender":
        last = last.mask(pairs["family"].eq("sanction"), pairs["sanctions_until"])
    inside = pairs["from"].le(pairs["date"]) & (last.isna() | last.ge(pairs["date"]))
    pairs = pairs.loc[inside, ["_row", "state"]].sort_values(["_row", "state"])
    pairs = pairs.rename(columns={"state": "_state"})
    joined = work.merge(pairs, on="_row", how="left")
    joined[side] = joined["_state"].fillna(joined[side])
    itself = joined["_state"].notna() & joined["sender"].eq(joined["target"]).fillna(value=False)
    return joined[~itself].drop(columns=["_row", "_state"])


def _finished(work: pd.DataFrame) -> pd.DataFrame:
    changed = work["sender"].ne(work["_was_sender"]) & work["sender"].notna()
    changed |= work["target"].ne(work["_was_target"]) & work["target"].notna()
    swap = changed & work["mutual"] & work["sender"].gt(work["target"]).fillna(value=False)
    sender = work["sender"].mask(swap, work["target"])
    work = work.assign(target=work["target"].mask(swap, work["sender"]), sender=sender)
    # Few rows name a bloc: only these get a new key.
    new = work[changed]
    before = _pair(new["_was_sender"], new["_was_target"])
    bare = [str(key).removesuffix(old) for key, old in zip(new["event_id"], before, strict=True)]
    written = pd.Series(bare, index=new.index, dtype="str")
    work.loc[changed, "event_id"] = written + _pair(new["sender"], new["target"])
    # Where the act also names the member itself, or two blocs share it, it stays once.
    key = [c for c in ("source", "event_id") if c in work.columns]
    own_first = work[key].assign(changed=changed).sort_values("changed", kind="stable")
    repeated = own_first.duplicated(key) & own_first["changed"]
    return work[~repeated.reindex(work.index)].reset_index(drop=True)


def _pair(sender: pd.Series, target: pd.Series) -> pd.Series:
    return ":" + sender.astype("str").fillna("") + ">" + target.astype("str").fillna("")
