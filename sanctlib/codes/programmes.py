"""Programmes: which state the law behind a listing is about, reviewed one by one."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.resources import files

import pandas as pd

from sanctlib.errors import check_choice

_OFAC_NULL = "-0-"


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
    >>> from sanctlib.codes.programmes import programmes
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
    programme of a set is unknown, so is the answer: see `unknown_programmes`.

    Parameters
    ----------
    programmes : Series of str
        Sets of programmes joined by ``;``.
    list : str, optional
        Name of the list, as in `programmes`. By default a programme of any list is
        known; no name means two things in two lists.

    Returns
    -------
    states : Series of str
        Aligned: codes sorted and joined by ``;``, empty where only thematic programmes
        stand, null where a programme is unknown or missing.

    Raises
    ------
    UnknownChoiceError
        For a list that is not in the table.

    Examples
    --------
    >>> import pandas as pd
    >>> from sanctlib.codes.programmes import states_of
    >>> sets = pd.Series(["RUSSIA-EO14024;IRAN-CON-ARMS-EO", "SDGT", "NEWTAG;IRAN"])
    >>> states_of(sets, list="US SDN")
    0    IRN;RUS
    1
    2        NaN
    Name: programme_state, dtype: str
    """
    known = _states(_check_list(list, needed_by="states_of"))
    answers = {text: _join(text, known) for text in programmes.dropna().unique()}
    states: pd.Series = programmes.map(answers, na_action="ignore").astype("str")
    return states.rename("programme_state")


def unknown_programmes(series: pd.Series, *, list: str | None = None) -> pd.DataFrame:
    """
    List the programmes that the table lacks.

    Parameters
    ----------
    series : Series of str
        Sets of programmes joined by ``;``.
    list : str, optional
        Name of the list; all lists by default.

    Returns
    -------
    unknown : DataFrame
        ``programme`` and ``n``, the rows that name it, most frequent first.

    Raises
    ------
    UnknownChoiceError
        For a list that is not in the table.

    Examples
    --------
    >>> import pandas as pd
    >>> from sanctlib.codes.programmes import unknown_programmes
    >>> unknown_programmes(pd.Series(["NEWTAG;IRAN", "IRAN", "NEWTAG"]), list="US SDN")
      programme  n
    0    NEWTAG  2
    """
    known = _states(_check_list(list, needed_by="unknown_programmes"))
    counts: Counter[str] = Counter()
    for text, n in series.value_counts().items():
        for programme in _parts(str(text)):
            if programme not in known:
                counts[programme] += int(n)
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    table = pd.DataFrame(rows, columns=["programme", "n"])
    return table.astype({"programme": "str", "n": "int64"})


def split_programmes(text: str) -> tuple[str, ...]:
    """
    Split the programmes of one entry of the US list, as its csv file writes them.

    Returns
    -------
    programmes : tuple of str
        Sorted, once each; empty for the file's null mark.

    Examples
    --------
    >>> from sanctlib.codes.programmes import split_programmes
    >>> split_programmes("IRAN] [SDGT] [CAATSA - RUSSIA")
    ('CAATSA - RUSSIA', 'IRAN', 'SDGT')
    >>> split_programmes("-0- ")
    ()
    """
    if text.strip() in ("", _OFAC_NULL):
        return ()
    # The file leaves out the outer brackets; the web page of the list does not.
    parts = text.strip().removeprefix("[").removesuffix("]").split("] [")
    return tuple(sorted({part.strip() for part in parts if part.strip()}))


def _check_list(name: str | None, *, needed_by: str) -> str | None:
    if name is not None:
        check_choice(name, _table()["list"].unique(), what="list", needed_by=needed_by)
    return name


def _parts(text: str) -> set[str]:
    return {part.strip() for part in text.split(";") if part.strip()}


def _join(text: str, known: dict[str, str]) -> str | None:
    parts = _parts(text)
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
    with files("sanctlib.codes").joinpath("programmes.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype="str", keep_default_na=False)
