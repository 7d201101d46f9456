"""List programmes and the state that the law behind each is about, as reviewed."""

from __future__ import annotations

from functools import cache

import pandas as pd

from sanctlib.codes.countries import read_codes
from sanctlib.errors import check_choice


def programmes() -> pd.DataFrame:
    """
    Return all programmes with their states and the reason.

    The state is the one whose conduct the law answers, not the one it is named after,
    nor the one whose soil it protects: the orders and regulations called "Ukraine" that
    answer Russia's war are about Russia. Nor is it the state of those listed: a Belgian
    firm listed for supplying Russia is under a Russian programme.

    Returns
    -------
    programmes : DataFrame
        All text: ``list``, ``programme``, ``states`` (ISO 3166-1 alpha-3, joined by
        ``;``, empty for a thematic programme), ``kind`` (country: the law is about
        these states; mixed: about a theme or a region, set in these states; thematic:
        no state), ``why`` and ``reviewed`` (day of the review).

    Examples
    --------
    >>> table = programmes().set_index(["list", "programme"])
    >>> table.loc[("US SDN", "PEESA-EO14039"), "states"]
    'RUS'
    >>> table.loc[("UN", "GB"), "why"]
    'Resolution 2048: Guinea-Bissau, not Great Britain.'
    """
    return _table().copy()


def states_of(programmes: pd.Series, *, list: str | None = None) -> pd.Series:
    """
    Return the states that sets of programmes are about.

    An entry under a Russian and an Iranian programme is about both; one under a
    thematic programme alone is about none, which is not the same as not known. If one
    programme of a set is unknown, so is the answer.
    """
    if list is not None:
        check_choice(list, _table()["list"].unique(), what="list")
    known = _states(list)
    answers = {text: _join(text, known) for text in programmes.dropna().unique()}
    states: pd.Series = programmes.map(answers, na_action="ignore").astype("str")
    return states.rename("programme_state")


def _join(text: str, known: dict[str, str]) -> str | None:
    parts = {part.strip() for part in text.split(";") if part.strip()}
    if not parts or not parts <= known.keys():
        return None
    return ";".join(sorted({state for part in parts for state in known[part].split(";") if state}))


@cache
def _states(name: str | None) -> dict[str, str]:
    table = _table()
    if name is not None:
        table = table[table["list"].eq(name)]
    return dict(zip(table["programme"], table["states"], strict=True))


@cache
def _table() -> pd.DataFrame:
    return read_codes("programmes.csv")


_SENDERS = {
    "Canada SEMA": "CAN",
    "EU": "EU",
    "UK ConList": "GBR",
    "UK Sanctions List": "GBR",
    "UN": "UN",
    "US SDN": "USA",
}


def sender_of(lists: pd.Series) -> pd.Series:
    """Return the party whose list it is, by the name of the list; missing where not known."""
    return lists.map(_SENDERS).astype("str")
