"""Map codes of events to actions, and programmes of lists to states, as we reviewed them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal, TypeAlias, get_args

import pandas as pd

from sanctlib.codes.succession import read_codes
from sanctlib.errors import SchemaError, check_choice

CodeSystem: TypeAlias = Literal["cameo", "plover"]


def crosswalk(system: CodeSystem) -> pd.DataFrame:
    """Return a whole crosswalk with the reason for each row."""
    check_choice(system, get_args(CodeSystem), what="system")
    return _table(system).copy()


def numbers_for_codes(column: str) -> SchemaError:
    """Return the error for a column of CAMEO codes that are numbers."""
    msg = f"Column {column!r} holds numbers, so leading zeros are lost (010 became 10). Read it"
    return SchemaError(f'{msg} as text: pd.read_csv(path, dtype={{"{column}": str}}).')


def map_cameo(codes: pd.Series) -> pd.DataFrame:
    """
    Map CAMEO codes to our families and actions: ``"040"`` is a consultation, ``"40"`` is unknown.

    "Administrative sanctions" (172, 132, 081 and their kin) are curbs at home, not sanctions
    between states; appeals and demands are not co-operation, whatever they ask for.
    """
    if pd.api.types.is_numeric_dtype(codes) and codes.notna().any():
        raise numbers_for_codes(str(codes.name or "code"))
    table = _table("cameo").set_index("code")
    flags = {c: table[c].eq("yes").astype("boolean") for c in ("reverse", "mirror")}
    meanings = table[["family", "action"]].assign(**flags)
    return meanings.reindex(pd.Index(codes)).set_axis(codes.index)


def act_meanings(texts: Sequence[str], *, system: CodeSystem) -> pd.DataFrame:
    """Return what codes mean, or why they mean nothing."""
    text = pd.Series(texts, dtype="str")
    if system == "cameo":
        code = text.str.strip()
        mapped = map_cameo(code)
        why = "unknown action code " + code.map(repr)
        mirror, turned = (
            mapped[c].fillna(value=False).astype("bool") for c in ("mirror", "reverse")
        )
        empty, missing = code.eq(""), "no action code"
    else:
        parts = text.str.split("\x1f", expand=True, n=2).reindex(columns=range(3), fill_value="")
        kind, mode, contexts = (parts[c].fillna("").str.strip() for c in range(3))
        code = kind + (", " + mode).where(mode.ne(""), "")
        mapped = map_plover(kind, modes=mode, contexts=contexts)
        why = "unknown event type " + kind.map(repr)
        small = kind.str.islower()
        why = why.mask(
            small, "event type in small letters, as in made-up samples: POLECAT writes capitals"
        )
        mapped = mapped.mask(small)
        # As in the crosswalk of CAMEO: co-operation may be told from either side.
        mirror = mapped["family"].eq("cooperation").fillna(value=False)
        turned = pd.Series(data=False, index=text.index)
        empty, missing = kind.eq(""), "no event type"
    known = mapped["action"].notna()
    meanings = {"text": text, "code": code.where(known), "action": mapped["action"]}
    meanings |= {"mirror": mirror, "turned": turned, "why": why.mask(empty, missing).where(~known)}
    kinds = dict.fromkeys(("text", "code", "action", "why"), "str")
    return pd.DataFrame(meanings).astype(kinds | {"mirror": "bool", "turned": "bool"})


def map_plover(types: pd.Series, *, modes: pd.Series, contexts: pd.Series) -> pd.DataFrame:
    """
    Map PLOVER event types, modes and contexts to our families and actions.

    ``SANCTION`` is reduced relations despite its name, and ``COERCE, restrict`` alone
    may be a curfew or a blockade: neither is counted as a sanction. The rows that do
    give a sanction rest on how CAMEO codes are converted and are provisional, as their
    ``why`` in `crosswalk` says.
    """
    if not (types.index.equals(modes.index) and types.index.equals(contexts.index)):
        msg = f"types, modes and contexts have {len(types)}, {len(modes)} and {len(contexts)} rows,"
        raise SchemaError(f"{msg} or other indexes. They must be on the same index.")
    columns = [cells.astype("object").fillna("") for cells in (types, modes, contexts)]
    triples = list(zip(*columns, strict=True))
    fits = {triple: _first_fit(*triple) for triple in set(triples)}
    rows = [fits[triple] for triple in triples]
    return pd.DataFrame(rows, columns=["family", "action"], index=types.index).astype("str")


def _first_fit(event_type: str, mode: str, contexts: str) -> tuple[str | None, str | None]:
    """Return the family and action of the first row of the crosswalk that fits."""
    stated = {context.strip() for context in contexts.split(";")}
    columns = _table("plover")[["event_type", "mode", "context", "family", "action"]]
    for row_type, row_mode, row_context, family, action in columns.to_numpy().tolist():
        fits = row_type == event_type.strip() and row_mode in ("", mode.strip())
        if fits and (not row_context or row_context in stated):
            return family, action
    return None, None


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
    return _table("programmes").copy()


def states_of(programmes: pd.Series, *, list: str | None = None) -> pd.Series:
    """
    Return the states that sets of programmes are about, joined by ``;``.

    A set of thematic programmes has none, which is not the same as not known: if one programme
    of a set is unknown, so is the answer.
    """
    table = _table("programmes")
    if list is not None:
        check_choice(list, table["list"].unique(), what="list")
        table = table[table["list"].eq(list)]
    states_by_programme = dict(zip(table["programme"], table["states"], strict=True))

    def states(text: str) -> str | None:
        parts = {part.strip() for part in text.split(";")} - {""}
        if not parts or not parts <= states_by_programme.keys():
            return None
        return ";".join(
            sorted({s for p in parts for s in states_by_programme[p].split(";")} - {""})
        )

    answers = {text: states(text) for text in programmes.dropna().unique()}
    return programmes.map(answers).astype("str").rename("programme_state")


_SENDERS = {
    "Canada SEMA": "CAN",
    "EU": "EU",
    "UK ConList": "GBR",
    "UK Sanctions List": "GBR",
    "UK subjects": "GBR",
    "UN": "UN",
    "US SDN": "USA",
    "US non-SDN": "USA",
}


def sender_of(lists: pd.Series) -> pd.Series:
    """Return the party whose list it is, by the name of the list; missing where not known."""
    return lists.map(_SENDERS).astype("str")


@cache
def _table(name: str) -> pd.DataFrame:
    return read_codes(f"{name}.csv")
