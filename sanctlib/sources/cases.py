"""Read the cases of GSDB, TIES and EUSANCT. Return readings of sanction cases."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.codes.countries import countries
from sanctlib.coverage import Coverage
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.schema import MEASURES, Column
from sanctlib.sources.draft import (
    ORIGIN_COLUMNS,
    Draft,
    as_cases,
    coded,
    dated,
    declared,
    empty_to_null,
    partial_date,
    type_columns,
    with_own_ids,
)
from sanctlib.sources.sheets import read_sheet
from sanctlib.sources.text import check_header

GSDB_COLUMNS = (
    *("case_id", "sanctioned_state", "sanctioning_state", "begin", "end"),
    *MEASURES,
    *("objective", "success"),
)
_EXTENT = "descr_trade"
SYNONYMS = {"begin_year": "begin", "end_year": "end"}
# Names that hold the comma which also separates names.
PROTECTED = (
    *("Korea, North", "Korea, South", "Yemen, North", "Yemen, South", "Gambia, The"),
    *("Egypt, Arab Rep.", "Congo, Democratic Republic of the"),
)
_HELD = {name: name.replace(", ", "\x00") for name in PROTECTED}


def read_gsdb(path: Path) -> Reading:
    """
    Read the case file: a row per case, sender and target, years as intervals.

    A case is a set of measures of one coalition against one or several targets, so a pair
    may have many at once (the United States against Iran 13): active cases and active
    pairs are different numbers. Names are those of the year in which the case begins,
    with ``succession="dominant"``: the file writes South Vietnam and North Yemen outside
    their years. Blocs stay whole: the EU and its members are listed side by
    side, and counting both counts twice. A name that is no party, such as a group of
    states or a terrorist organisation, is kept as a null party and listed, and so is a
    state of a year in which it was none (Mozambique in 1970, Montenegro beside the EU in
    1996).

    A case is ongoing where any of its objectives is. The last year of the release
    stands for an open end, so an ongoing case that ends in it has no end; an ongoing
    case that ends earlier keeps its end, since the file says both. The file has no
    threats: all cases are imposed. How a case ended is not stated, so there is no ``exit``.

    The names of the columns may differ in case and blanks, their order is free, and more
    of them are passed over (`target_mult`, `sender_mult`); `descr_trade` may lack, and is
    ``trade_extent``. The *dyadic* file
    of release R4 has a row per pair and year that joins several cases: no case can be seen
    from another in it, and it is refused.

    Returns
    -------
    Reading
        Of kind ``"cases"``.

    Raises
    ------
    SourceError, MissingColumnsError
        When the file is not the case file.
    """
    draft = empty_to_null(_named(read_sheet(path), path))
    rows = draft.rows.rename(columns={"begin": "start"})
    reasons = pd.Series(pd.NA, index=rows.index, dtype="object")
    for column in ("end", "sanctioned_state", "sanctioning_state"):
        reasons[rows[column].isna()] = f"no {column}"
    draft = replace(draft, rows=rows).reject(reasons, step="check cells")
    draft = dated(with_own_ids(draft), formats=())
    draft = type_columns(draft, [Column(name=m, kind="flag", meaning=m) for m in MEASURES])
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} has no case with a first and a last year.")
    rows = draft.rows
    last = rows["end_last"].max()
    ongoing = rows["success"].str.contains("ongoing", regex=False).fillna(value=False)
    is_open = ongoing & rows["end_last"].eq(last)
    cases = rows.assign(
        sender=rows["sanctioning_state"].map(split_names),
        target=rows["sanctioned_state"].map(split_names),
        end=rows["end"].mask(is_open),
        end_last=rows["end_last"].mask(is_open),
        ongoing=ongoing,
        imposed=True,
        measures=_flagged(rows),
        trade_extent=coded(rows[_EXTENT]) if _EXTENT in rows else None,
        objectives=coded(rows["objective"]),
        outcomes=coded(rows["success"]),
    )
    covered = Coverage(
        source="gsdb", first=rows["start"].min().date(), last=date(last.year, 12, 31)
    )
    return as_cases(replace(draft, rows=cases), key="gsdb", path=path, coverage=covered)


def split_names(text: str) -> list[str]:
    """Split a cell of names at its commas, but not inside a name that holds one."""
    for name, held in _HELD.items():
        text = text.replace(name, held)
    parts = (re.sub(r"\s+", " ", part.replace("\x00", ", ")).strip() for part in text.split(","))
    return [part for part in parts if part]


def _named(draft: Draft, path: Path) -> Draft:
    """Give the columns the names of release R3, and refuse the dyadic file."""
    found = list(draft.rows.columns)
    names: dict[str, str] = {}
    for column in found:
        folded = re.sub(r"[\s.-]+", "_", column.strip().casefold())
        name = SYNONYMS.get(folded, folded)
        if name in (*GSDB_COLUMNS, _EXTENT) and name not in found and name not in names.values():
            names[column] = name
    rows = draft.rows.rename(columns=names)
    if "year" in rows and "begin" not in rows:
        msg = (
            f"{path.name!r} is the dyadic file of the GSDB, a row per pair and year in which "
            "several cases are joined: read the case file of the same release (GSDB_V4.csv)."
        )
        raise SourceError(msg)
    draft = replace(draft, rows=rows)
    check_header(draft, GSDB_COLUMNS)
    return draft


def _flagged(rows: pd.DataFrame) -> pd.Series:
    flags = rows[list(MEASURES)].fillna(value=False)
    joined = [";".join(m for m in MEASURES if row[m]) or None for row in flags.to_dict("records")]
    return pd.Series(joined, index=rows.index, dtype="str")


_SENDERS = ("primarysender", *(f"sender{i}" for i in range(1, 6)))
_TIES_ISSUES = ("issue1", "issue2", "issue3")
TIES_COLUMNS = (
    *("caseid", "targetstate", "institutionid", "ongoingasofyear", "threat", "imposition"),
    *(f"{when}{part}" for when in ("start", "end") for part in ("year", "month", "day")),
    *(f"sancimpositionstart{part}" for part in ("year", "month", "day")),
    *(*_SENDERS, *_TIES_ISSUES, "sanctiontype", "finaloutcome"),
)
_INSTITUTION = "1000"
_TIES_COVERED = Coverage(source="ties", first=date(1945, 1, 1), last=date(2005, 12, 31))

# The file holds numbers; the users' manual explains them, of version 4 (2013).
# Types of sanctions imposed. Those threatened are numbered otherwise: there 4 is imports.
TIES_MEASURES = {
    "1": "financial;trade",  # total embargo: all economic exchange stops
    "2": "trade",  # partial embargo: some goods and services, both ways
    "3": "trade",  # import restriction
    "4": "trade",  # export restriction; arms are not distinguished
    "5": "trade",  # blockade: all states are kept from trading; no military aid is meant
    "6": "financial",  # asset freeze
    "7": "financial",  # foreign aid and loans, which the GSDB counts as financial too
    "8": "travel",  # travel ban
    "9": "other",  # suspension of an economic agreement, whatever it was about
    "10": "other",
}
TIES_ISSUES = {
    "1": "political_influence",
    "2": "military_behaviour",
    "3": "destabilise_regime",
    "4": "release_citizens_or_property",
    "5": "territorial_dispute",
    "6": "strategic_materials",
    "7": "alignment_choice",
    "8": "human_rights",
    "9": "proliferation",
    "10": "non_state_actors",
    "11": "drug_trafficking",
    "12": "environment",
    "13": "trade_practices",
    "14": "economic_reform",
    "15": "other",
}
OUTCOMES = {
    "1": "threat_target_gave_in_partly",
    "2": "threat_target_gave_in",
    "3": "threat_sender_gave_in",
    "4": "threat_stalemate",
    "5": "threat_nego_settlement",
    "6": "target_gave_in_partly",
    "7": "target_gave_in",
    "8": "sender_gave_in",
    "9": "stalemate",
    "10": "nego_settlement",
}


def read_ties(path: Path) -> Reading:
    """
    Read the TIES cases: a row per case, sender and target, dates as far as they are known.

    A case is a threat of sanctions, an imposition, or both, and most are about trade: of
    1,412 cases 567 were only threatened and 681 are disputes on trade practices, so cases
    are not sanctions. ``start`` is the first act of either kind; ``imposed_start`` is the
    day of imposition, by which imposed cases are counted.

    Dates without a day are a month, without a month a year; 31 June is June. Where the
    year of imposition is a sentence ("1949, sometime before this date"), it is that year.
    A case "ongoing as of" a year is ongoing, in a source that looked last in that year and
    not today. Of 286 cases nothing is said on their end: ``end`` and ``ongoing`` are both
    missing.

    Senders are the primary one and up to five more, each a row; the file does not say
    what each of them did, so dates and flags are those of the case. COW numbers are
    resolved by date: 365 is the Soviet Union until 1991, 260 and 255 are Germany.
    Code 1000 is an institution, and so is the sender of a case that names only an
    ``institutionid``: both are null parties, listed as ``institution 1653`` or, where the
    number is not given (all targets), ``institution 1000``. So TIES names no bloc:
    a count of cases of ``EU`` or ``UN`` is missing and not zero.

    ``measures`` are the types imposed, in the words of the GSDB by a mapping of ours
    (`MEASURES_OF`, with reasons): exports of arms are not separate from other exports, and aid
    is financial. Types threatened are not kept. Codes have their words from the manual of
    version 4. ``exit`` is not there: that a sender gave in is no date of lifting.

    Returns
    -------
    Reading
        Of kind ``"cases"``.

    Raises
    ------
    SourceError, MissingColumnsError
        When the file is not the case file (.xls, or its export as .csv).
    """
    draft = empty_to_null(read_sheet(path, needed=TIES_COLUMNS))
    rows = draft.rows
    cases = rows.rename(columns={"caseid": "case_id", "threat": "threatened"}).assign(
        start=_date(rows, "start"),
        end=_date(rows, "end"),
        imposed=rows["imposition"],
        imposed_start=_date(rows, "sancimpositionstart"),
        ongoing=_ongoing(rows),
        sender=_senders(rows),
        target=rows["targetstate"].mask(rows["targetstate"].eq(_INSTITUTION), "institution 1000"),
        measures=coded(rows["sanctiontype"], words=TIES_MEASURES),
        objectives=coded(*(rows[issue] for issue in _TIES_ISSUES), words=TIES_ISSUES),
        outcomes=coded(rows["finaloutcome"], words=OUTCOMES),
    )
    draft = with_own_ids(replace(draft, rows=cases))
    draft = dated(draft, ["start", "end", "imposed_start"], formats=["%Y-%m-%d"])
    draft = type_columns(draft, declared("threatened", "imposed", "measures"))
    known = replace(_TIES_COVERED, senders=frozenset(countries()["code"]))
    return as_cases(draft, key="ties", path=path, coverage=known, senders="cow", targets="cow")


def _date(rows: pd.DataFrame, when: str) -> pd.Series:
    year, month, day = (rows[f"{when}{part}"] for part in ("year", "month", "day"))
    # A sentence begins with its year; the month and day beside it are not of that day.
    said = year.str.extract(r"^\s*(\d{4})\b\D", expand=False)
    return partial_date(year, month, day).mask(said.notna(), said)


def _ongoing(rows: pd.DataFrame) -> pd.Series:
    """Tell a case with an end from one open when it was last looked at; missing for the rest."""
    ended = rows["endyear"].notna()
    return (~ended).astype("boolean").mask(~ended & rows["ongoingasofyear"].isna())


def _senders(rows: pd.DataFrame) -> pd.Series:
    institution = "institution " + rows["institutionid"].fillna(_INSTITUTION)
    alone = institution.where(rows["institutionid"].notna())
    named = (
        rows[list(_SENDERS)]
        .apply(lambda c: c.str.strip())
        .apply(lambda c: c.mask(c.eq(_INSTITUTION), institution))
    )
    listed = [list(dict.fromkeys(x for x in row if pd.notna(x))) for row in named.to_numpy()]
    pairs = zip(listed, alone, strict=True)
    return pd.Series([found or [only] for found, only in pairs], index=rows.index)


SENDERS = ("EU", "US", "UN")
_EUSANCT_ISSUES = ("issue1", "issue2", "issue3")
_OF_SENDER = {
    "startdate{}": "start",
    "startyear{}": "startyear",
    "enddate{}": "end",
    "endyear{}": "endyear",
    "threat{}": "threatened",
    "imposition{}": "imposed",
    "imposition{}_start": "imposed_start",
    "imposition{}_type": "measures",
}
_OF_CASE = {
    **{"caseid": "case_id", "targetstate": "target"},
    **{name: name for name in (*_EUSANCT_ISSUES, "finaloutcome", "success")},
}
EUSANCT_COLUMNS = (*_OF_CASE, *SENDERS, *(name.format(s) for s in SENDERS for name in _OF_SENDER))
_KEPT = ("case_id", "target", "objectives", "outcomes", *ORIGIN_COLUMNS)
_DATES = ("%d%b%Y", "%Y-%m-%d")
_EUSANCT_COVERED = Coverage(
    source="eusanct",
    first=date(1989, 1, 1),
    last=date(2015, 12, 31),
    senders=frozenset({"EU", "USA", "UN"}),
)
# An end before its start, 15mar2005, is none.
_WRONG_ENDS = {("2005031502", "US", "07sep2000")}

# The file holds numbers without their meaning. That 7 and 7b are targeted financial
# sanctions, 8 aid, 9 travel and 12 arms shows in its own scale (impositionXX_target) where
# they stand alone; the rest follows the order of TIES, which it extends, and known cases.
EUSANCT_MEASURES = {
    "1": "financial;trade",  # total embargo
    "2": "trade",  # partial embargo
    "3": "trade",  # import restriction
    "4": "trade",  # export restriction: alone against Iraq in 1984 and China in 1991
    "5": "trade",  # blockade: only within embargoes
    "6": "financial",  # loans and investment: India 1998, Russia 2014
    "7": "financial",  # assets of persons and bodies
    "7b": "financial",  # dealings with single firms: China 2001
    "8": "financial",  # aid, as in the GSDB
    "9": "travel",
    "10": "other",  # suspension of an agreement: Romania 1990
    "11": "other",  # diplomatic: Cuba 2003
    "12": "arms",
    "13": "other",
}
EUSANCT_ISSUES = {
    "1": "political_influence",
    "2": "military_behaviour",
    "3": "leadership_change",
    "4": "release_citizens_or_property",
    "5": "territorial_dispute",
    "6": "strategic_materials",
    "7": "alignment_choice",
    "8": "human_rights",
    "9": "proliferation",
    "10": "non_state_actors",
    "11": "drugs_or_corruption",
    "12": "constitutional_order",
    "13": "election_fraud",
    "14": "other",
}
SUCCESS = {"1": "success", "0": "no_success"}


def read_eusanct(path: Path) -> Reading:
    """
    Read the EUSANCT cases: a row per case and sender, with that sender's own dates.

    A case is a demand on one state by the EU, the US, the UN or several of them; in 90 of
    326 cases two or three senders began on different days, so that dates, flags and
    measures stand in the row of each. ``start`` is the sender's first threat or imposition,
    ``imposed_start`` the day of imposition, by which imposed cases are counted. The
    cases are those active in 1989-2015: some began in 1950, and a count of beginnings
    before 1989 is of survivors. One act may be many cases: 36 impositions by the US on
    2003-07-01 (aid cut where the Criminal Court could try Americans) are a fifth of all.

    An end is open where the date is the word ``ongoing``. Where only the year of an end
    is stated, it is that year. One end before its start is taken as not known. The EU stays
    ``EU`` before 1993-11 too, as the source names it, where the GSDB has IO-EEC. Targets
    are COW numbers, resolved by date: "Russia" of 1990 is the Soviet Union. Further senders
    (``sender2`` to ``sender5``, institutions) have no dates and no flags of their own, and
    are not written out: whether they imposed anything is not stated. A count of
    any sender but these three is missing.

    ``measures`` are the types imposed in the words of the GSDB, by a mapping of ours that
    is partly inferred (`MEASURES_OF`, with reasons). ``outcomes`` hold ``finaloutcome`` as
    its number, since its meaning could not be checked, and ``success`` or ``no_success``
    of the whole case. ``exit`` is not stated.

    Returns
    -------
    Reading
        Of kind ``"cases"``.

    Raises
    ------
    SourceError, MissingColumnsError
        When the file is not the case-level file (.xls, or its export as .csv).
    """
    draft = read_sheet(path, needed=EUSANCT_COLUMNS)
    draft = empty_to_null(draft, marks=("", "."))
    rows = draft.rows.rename(columns=_OF_CASE)
    rows = rows.assign(
        objectives=coded(*(rows[issue] for issue in _EUSANCT_ISSUES), words=EUSANCT_ISSUES),
        outcomes=coded(
            "finaloutcome_" + rows["finaloutcome"].str.strip(),
            coded(rows["success"], words=SUCCESS),
        ),
    )
    draft = _corrected(_by_sender(with_own_ids(replace(draft, rows=rows))))
    rows = draft.rows
    ongoing = rows["end"].str.strip().eq("ongoing").fillna(value=False)
    end = rows["end"].fillna(rows["endyear"]).mask(ongoing)
    rows = rows.assign(
        start=rows["start"].fillna(rows["startyear"]),
        end=end,
        ongoing=ongoing.astype("boolean").mask(~ongoing & end.isna()),
        measures=coded(rows["measures"], words=EUSANCT_MEASURES),
    )
    draft = dated(replace(draft, rows=rows), ["start", "end", "imposed_start"], formats=_DATES)
    draft = type_columns(draft, declared("threatened", "imposed", "measures"))
    return as_cases(draft, key="eusanct", path=path, coverage=_EUSANCT_COVERED, targets="cow")


def _by_sender(draft: Draft) -> Draft:
    """Write out each case by those of the three senders that take part in it."""
    draft = type_columns(draft, [Column(name=s, kind="flag", meaning=s) for s in SENDERS])
    part = draft.rows[list(SENDERS)].fillna(value=False).astype("bool")
    reasons = pd.Series("none of EU, US and UN takes part", index=part.index, dtype="object")
    draft = draft.reject(reasons.mask(part.any(axis=1)), step="check senders")
    written = []
    for sender in SENDERS:
        own = {name.format(sender): ours for name, ours in _OF_SENDER.items()}
        rows = draft.rows[part.loc[draft.rows.index, sender]]
        written.append(rows[[*_KEPT, *own]].rename(columns=own).assign(sender=sender))
    out = pd.concat(written).sort_index(kind="stable").reset_index(drop=True)
    return draft.written_out(out, step="write out the EU, the US and the UN")


def _corrected(draft: Draft) -> Draft:
    rows = draft.rows.copy()
    wrong = pd.Series(
        [tuple(key) in _WRONG_ENDS for key in rows[["case_id", "sender", "end"]].to_numpy()],
        index=rows.index,
        dtype="bool",
    )
    rows.loc[wrong, ["end", "endyear"]] = pd.NA
    return draft.changed(rows, step=f"take {int(wrong.sum())} end before its start as not known")
