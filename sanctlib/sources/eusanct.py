"""EUSANCT: cases of sanctions threatened or imposed by the EU, the US and the UN, 1989-2015."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import ORIGIN_COLUMNS, Draft, empty_to_null, type_columns
from sanctlib.coverage import Coverage
from sanctlib.reading import Reading
from sanctlib.schema import Column
from sanctlib.sources.cases import as_cases, coded, dated, declared, with_own_ids
from sanctlib.sources.sheets import read_sheet

SENDERS = ("EU", "US", "UN")
_ISSUES = ("issue1", "issue2", "issue3")
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
    **{name: name for name in (*_ISSUES, "finaloutcome", "success")},
}
COLUMNS = (*_OF_CASE, *SENDERS, *(name.format(s) for s in SENDERS for name in _OF_SENDER))
_KEPT = ("case_id", "target", "objectives", "outcomes", *ORIGIN_COLUMNS)
_DATES = ("%d%b%Y", "%Y-%m-%d")
_COVERED = Coverage(
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
MEASURES_OF = {
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
ISSUES = {
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


def read_cases(path: Path) -> Reading:
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
    draft = read_sheet(path, needed=COLUMNS)
    draft = empty_to_null(draft, marks=("", "."))
    rows = draft.rows.rename(columns=_OF_CASE)
    rows = rows.assign(
        objectives=coded(*(rows[issue] for issue in _ISSUES), words=ISSUES),
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
        measures=coded(rows["measures"], words=MEASURES_OF),
    )
    draft = dated(replace(draft, rows=rows), ["start", "end", "imposed_start"], formats=_DATES)
    draft = type_columns(draft, declared("threatened", "imposed", "measures"))
    return as_cases(draft, key="eusanct", path=path, coverage=_COVERED, targets="cow")


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
