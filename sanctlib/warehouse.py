"""Turn GDELT's public table in a warehouse into events, counted where it is stored."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd

from sanctlib.codes.actions import crosswalk
from sanctlib.codes.countries import countries, read_codes, resolve
from sanctlib.errors import SchemaError, check_columns
from sanctlib.schema import ACTIONS
from sanctlib.sources.gdelt import WITHOUT_COUNTRY

_BEGIN = pd.Timestamp("1979-01-01")
_NEEDED = (
    *("GLOBALEVENTID", "SQLDATE", "EventCode"),
    *(f"Actor{n}{part}" for n in (1, 2) for part in ("Code", "CountryCode", "KnownGroupCode")),
)


def gdelt_events(table: Any) -> Any:
    """
    Return a table of GDELT's own columns, in an engine of Ibis, as our events.

    Actions, parties on each day and merging are those of ``sl.read("gdelt", …)``, written
    as one query that runs when a measure needs it. Rows that the reader rejects, for an
    impossible date or an unknown code, are left out: there is no audit, no list of
    unmatched actors and no coverage, so pass a coverage to the measure.

    Merging groups all rows of `table`, because all of them can report an act. If the table
    has partitions, filter by these first; the filters of a measure come after the merging.

    Parameters
    ----------
    table : Ibis table
        With the columns ``GLOBALEVENTID``, ``SQLDATE``, ``EventCode`` and, of both actors,
        ``Code``, ``CountryCode`` and ``KnownGroupCode``. No others are read.

    Returns
    -------
    events : Ibis table
        The required columns of events and ``n_reports`` (rows merged into the act, which
        is named by the lowest of their numbers).

    Raises
    ------
    MissingColumnsError
        For a column that the table does not have.
    SchemaError
        For codes that are numbers, so that leading zeros are lost.
    """
    check_columns(table.columns, _NEEDED)
    if not table.EventCode.type().is_string():
        msg = "Column 'EventCode' holds numbers, so leading zeros are lost (010 became 10)."
        raise SchemaError(f"{msg} Load it as text into the warehouse.")
    return _merged(_coded(table))


def _coded(table: Any) -> Any:
    """Return each row with its day, action and parties."""
    codes = crosswalk("cameo")
    day = table.SQLDATE.cast("string")
    day = (day.substr(0, 4) + "-" + day.substr(4, 2) + "-" + day.substr(6, 2)).try_cast("date")
    rows = table.select(
        number=table.GLOBALEVENTID,
        date=day,
        code=table.EventCode,
        action=_mapped(table.EventCode, dict(zip(codes["code"], codes["action"], strict=True))),
        actor_1=table.Actor1Code.fill_null(""),
        actor_2=table.Actor2Code.fill_null(""),
        label_1=_label(table, 1),
        label_2=_label(table, 2),
    ).filter(lambda t: t.date.notnull() & t.action.notnull())
    rows = rows.mutate(
        party_1=_party(rows.label_1, rows.date), party_2=_party(rows.label_2, rows.date)
    )
    turned = rows.code.isin(_marked("reverse"))
    return rows.mutate(
        sender=turned.ifelse(rows.party_2, rows.party_1),
        target=turned.ifelse(rows.party_1, rows.party_2),
    )


def _merged(rows: Any) -> Any:
    """Return the acts: repeats are one, and so is what both sides are reported to have done."""
    import ibis

    known = rows.sender.notnull() & rows.target.notnull()
    mirrored = known & (rows.sender != rows.target) & rows.code.isin(_marked("mirror"))
    visit = mirrored & (rows.action == "visit")
    both = mirrored & ~visit
    acts = rows.group_by(
        date=rows.date,
        known=known,
        one=ibis.cases(
            (both, ibis.least(rows.sender, rows.target)), (known, rows.sender), else_=rows.actor_1
        ),
        two=ibis.cases(
            (both, ibis.greatest(rows.sender, rows.target)),
            (known, rows.target),
            else_=rows.actor_2,
        ),
        what=visit.ifelse("visit", rows.code),
        action=rows.action,
    ).aggregate(
        number=rows.number.min().cast("string"),
        sender=rows.sender.min(),
        other=rows.sender.max(),
        target=rows.target.min(),
        n_reports=rows.count(),
    )
    mutual = acts.known & (acts.sender != acts.other)
    family = {action: family for family, actions in ACTIONS.items() for action in actions}
    return acts.select(
        source=ibis.literal("gdelt"),
        event_id=acts.number,
        act_id=acts.number,
        date=acts.date,
        date_last=acts.date,
        sender=acts.sender,
        target=mutual.ifelse(acts.other, acts.target),
        mutual=mutual,
        family=_mapped(acts.action, family),
        action=acts.action,
        n_reports=acts.n_reports,
    )


def _label(table: Any, n: int) -> Any:
    """Return what names the party: its country, or the body where there is none."""
    code, country, body = (
        table[f"Actor{n}{part}"].nullif("") for part in ("Code", "CountryCode", "KnownGroupCode")
    )
    start = code.substr(0, 3)
    country = country.coalesce(start.isin(WITHOUT_COUNTRY).ifelse(start, None))
    labels = sorted(_spells()["label"].unique())
    return (country.isin(labels) | body.isnull()).ifelse(country, body)


def _party(label: Any, day: Any) -> Any:
    """Return the party that a label names on a day."""
    import ibis

    spells = _spells()
    same = spells["label"].eq(spells["code"]) & ~spells["label"].duplicated(keep=False)
    found = [(label.isin(spells.loc[same, "label"].tolist()), label)]
    # The latest comes first, so that a day is compared with the first day of its spell only.
    rest = spells[~same].iloc[::-1]
    for name, since, code in zip(rest["label"], rest["since"], rest["code"], strict=True):
        held = (label == name) & (day >= ibis.date(since.date().isoformat()))
        found.append((held, ibis.null("string") if pd.isna(code) else code))
    return ibis.cases(*found)


@cache
def _spells() -> pd.DataFrame:
    """Return from which day on each of GDELT's codes means which party, if any."""
    states, aliases = countries(), read_codes("aliases.csv", dates=("from", "until"))
    aliases = aliases[aliases["system"].eq("cameo")]
    begun = pd.concat([states["from"], aliases["from"]])
    over = pd.concat([states["until"], aliases["until"]]) + pd.Timedelta(days=1)
    turns = pd.concat([begun, over]).dropna()
    days = sorted({_BEGIN, *turns[turns.gt(_BEGIN)]})
    labels = sorted({*states["cameo"], *aliases["name"]} - {""})
    grid = pd.MultiIndex.from_product([labels, days], names=["label", "since"])
    spells = grid.to_frame(index=False)
    found = resolve(spells["label"], dates=spells["since"], system="cameo", succession="dominant")
    code = found["code"].fillna("")
    turned = code.ne(code.groupby(spells["label"]).shift())
    return spells.assign(code=found["code"])[turned].reset_index(drop=True)


def _mapped(values: Any, mapping: dict[str, str]) -> Any:
    """Return what each value means, null where it means nothing."""
    import ibis

    of: dict[str, list[str]] = {}
    for value, meaning in mapping.items():
        of.setdefault(meaning, []).append(value)
    return ibis.cases(*((values.isin(held), meaning) for meaning, held in of.items()))


def _marked(flag: str) -> list[str]:
    codes = crosswalk("cameo")
    marked: list[str] = codes.loc[codes[flag].eq("yes"), "code"].tolist()
    return marked
