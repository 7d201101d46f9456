"""Map the codes of event data to our words of action, by our own judgement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal, TypeAlias

import pandas as pd

from sanctlib.codes.countries import read_codes
from sanctlib.errors import SchemaError, check_choice

CodeSystem: TypeAlias = Literal["cameo", "plover"]

_SYSTEMS: tuple[CodeSystem, ...] = ("cameo", "plover")


def crosswalk(system: CodeSystem) -> pd.DataFrame:
    """Return a whole crosswalk with the reason for each row."""
    check_choice(system, _SYSTEMS, what="system")
    return _table(system).copy()


def numbers_for_codes(column: str) -> SchemaError:
    """Return the error for a column of CAMEO codes that are numbers."""
    msg = f"Column {column!r} holds numbers, so leading zeros are lost (010 became 10). Read it"
    return SchemaError(f'{msg} as text: pd.read_csv(path, dtype={{"{column}": str}}).')


def map_codes(codes: pd.Series, *, system: Literal["cameo"]) -> pd.DataFrame:
    """
    Map CAMEO codes to our families and actions.

    Codes are text: ``"040"`` is a consultation, ``"40"`` is unknown. "Administrative
    sanctions" (172, 132, 081 and their kin) are curbs at home, not sanctions between
    states; appeals and demands are not co-operation, whatever they ask for.
    """
    check_choice(system, ("cameo",), what="system")
    if pd.api.types.is_numeric_dtype(codes) and codes.notna().any():
        raise numbers_for_codes(str(codes.name or "code"))
    table = _table("cameo")
    # Looked up by place: re-indexing millions of rows costs several times as much.
    places = pd.Index(table["code"]).get_indexer(pd.Index(codes))
    flags = {c: table[c].eq("yes").astype("boolean") for c in ("reverse", "mirror")}
    columns = {"family": table["family"], "action": table["action"], **flags}
    return pd.DataFrame(
        {name: values.array.take(places, allow_fill=True) for name, values in columns.items()},
        index=codes.index,
    )


def act_meanings(texts: Sequence[str], *, system: CodeSystem) -> pd.DataFrame:
    """Return what codes mean, or why they mean nothing."""
    text = pd.Series(texts, dtype="str")
    if system == "cameo":
        code = text.str.strip()
        mapped = map_codes(code, system="cameo")
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
    found = {"text": text, "code": code.where(known), "action": mapped["action"]}
    found |= {"mirror": mirror, "turned": turned, "why": why.mask(empty, missing).where(~known)}
    kinds = dict.fromkeys(("text", "code", "action", "why"), "str")
    return pd.DataFrame(found).astype(kinds | {"mirror": "bool", "turned": "bool"})


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
    asked = pd.DataFrame({"event_type": types, "mode": modes, "context": contexts})
    asked = asked.astype("object").fillna("")
    distinct = asked.drop_duplicates()
    rows = list(_table("plover").itertuples(index=False, name=None))
    found = [_first_fit(rows, *triple) for triple in distinct.itertuples(index=False, name=None)]
    answers = distinct.assign(
        family=pd.Series([f for f, _ in found], index=distinct.index, dtype="str"),
        action=pd.Series([a for _, a in found], index=distinct.index, dtype="str"),
    )
    mapped = asked.merge(answers, how="left", on=["event_type", "mode", "context"])
    return mapped[["family", "action"]].set_axis(types.index)


def _first_fit(
    rows: list[tuple[str, ...]], event_type: str, mode: str, contexts: str
) -> tuple[str | None, str | None]:
    stated = {context.strip() for context in contexts.split(";")}
    for row_type, row_mode, row_context, family, action, _ in rows:
        fits = row_type == event_type.strip() and row_mode in ("", mode.strip())
        if fits and (not row_context or row_context in stated):
            return family, action
    return None, None


@cache
def _table(system: CodeSystem) -> pd.DataFrame:
    return read_codes(f"{system}.csv")
