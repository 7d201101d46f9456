"""Read the cases of GSDB, TIES and EUSANCT. Return readings of sanction cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.codes.countries import System, countries
from sanctlib.codes.succession import read_codes
from sanctlib.coverage import Coverage
from sanctlib.dates import first_and_last
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.schema import CASES, MEASURES, Column
from sanctlib.sources.draft import (
    ORIGIN_COLUMNS,
    Draft,
    Fault,
    as_reading,
    empty_to_null,
    resolve_parties,
    type_columns,
)
from sanctlib.sources.sheets import read_sheet
from sanctlib.sources.text import check_header

_KEY = ["case_id", "sender", "target"]
_FIRST, _LAST = pd.Timestamp("1900-01-01"), pd.Timestamp("2100-12-31")
_IMPOSED = [c for c in CASES.columns if c.name in ("threatened", "imposed", "measures")]

_EXTENT = "descr_trade"
_GSDB = (
    *("case_id", "sanctioned_state", "sanctioning_state", "begin", "end"),
    *MEASURES,
    *("objective", "success"),
)
_SYNONYMS = {"begin_year": "begin", "end_year": "end"}
# A comma separates names, but not in "Korea, North", "Gambia, The" or "Egypt, Arab Rep.".
_COMMA = re.compile(r",(?! (?:North|South|The|Arab Rep\.|Democratic Republic of the)\s*(?:,|$))")


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
    unfilled = [
        (rows[c].isna(), f"no {c}") for c in ("end", "sanctioned_state", "sanctioning_state")
    ]
    draft = replace(draft, rows=rows).reject(*unfilled, step="check cells")
    draft = _dated(_with_own_ids(draft), formats=())
    draft = type_columns(draft, [Column(name=m, kind="flag", meaning=m) for m in MEASURES])
    if draft.rows.empty:
        raise SourceError(f"{path.name!r} has no case with a first and a last year.")
    rows = draft.rows
    last = rows["end_last"].max()
    ongoing = rows["success"].str.contains("ongoing", regex=False).fillna(value=False)
    is_open = ongoing & rows["end_last"].eq(last)
    draft = draft.assign(
        sender=rows["sanctioning_state"].map(split_names),
        target=rows["sanctioned_state"].map(split_names),
        end=rows["end"].mask(is_open),
        end_last=rows["end_last"].mask(is_open),
        ongoing=ongoing,
        imposed=True,
        measures=_coded(*(rows[m].map({True: m}) for m in MEASURES)),
        trade_extent=_coded(rows[_EXTENT]) if _EXTENT in rows else None,
        objectives=_coded(rows["objective"]),
        outcomes=_coded(rows["success"]),
    )
    first, last = rows["start"].min().date(), date(last.year, 12, 31)
    return _reading(draft, path=path, coverage=Coverage(source="gsdb", first=first, last=last))


def split_names(text: str) -> list[str]:
    """Split a cell of names at its commas, but not inside a name that holds one."""
    names = (re.sub(r"\s+", " ", name).strip() for name in _COMMA.split(text))
    return [name for name in names if name]


def _named(draft: Draft, path: Path) -> Draft:
    """Give the columns the names of release R3, and refuse the dyadic file."""
    names: dict[str, str] = {}
    for column in reversed(draft.rows.columns):
        folded = re.sub(r"[\s.-]+", "_", column.strip().casefold())
        names[_SYNONYMS.get(folded, folded)] = column
    wanted = {*_GSDB, _EXTENT} - set(draft.rows.columns)
    rows = draft.rows.rename(columns={names[c]: c for c in wanted & names.keys()})
    if "year" in rows and "begin" not in rows:
        msg = f"{path.name!r} is the dyadic file of the GSDB, a row per pair and year in which"
        msg += " several cases are joined: read the case file of the same release (GSDB_V4.csv)."
        raise SourceError(msg)
    draft = replace(draft, rows=rows)
    check_header(draft, _GSDB)
    return draft


_ISSUES = ("issue1", "issue2", "issue3")
_TIES_SENDERS = ("primarysender", *(f"sender{i}" for i in range(1, 6)))
_TIES = (
    *("caseid", "targetstate", "institutionid", "ongoingasofyear", "threat", "imposition"),
    *(f"{when}{part}" for when in ("start", "end") for part in ("year", "month", "day")),
    *(f"sancimpositionstart{part}" for part in ("year", "month", "day")),
    *(*_TIES_SENDERS, *_ISSUES, "sanctiontype", "finaloutcome"),
)
_INSTITUTION = "1000"


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
    (`codes/cases.csv`, with reasons): exports of arms are not separate from other exports, and aid
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
    draft = empty_to_null(read_sheet(path, needed=_TIES))
    rows = draft.rows
    words = _words("ties")
    ended = rows["endyear"].notna()
    cases = rows.rename(columns={"caseid": "case_id", "threat": "threatened"}).assign(
        start=_partial_date(rows, "start"),
        end=_partial_date(rows, "end"),
        imposed=rows["imposition"],
        imposed_start=_partial_date(rows, "sancimpositionstart"),
        ongoing=(~ended).astype("boolean").mask(~ended & rows["ongoingasofyear"].isna()),
        sender=_senders(rows),
        target=rows["targetstate"].mask(rows["targetstate"].eq(_INSTITUTION), "institution 1000"),
        measures=_coded(rows["sanctiontype"], words=words["measures"]),
        objectives=_coded(*(rows[issue] for issue in _ISSUES), words=words["objectives"]),
        outcomes=_coded(rows["finaloutcome"], words=words["outcomes"]),
    )
    draft = _with_own_ids(replace(draft, rows=cases))
    draft = _dated(draft, ["start", "end", "imposed_start"], formats=["%Y-%m-%d"])
    coverage = Coverage(
        source="ties",
        first=date(1945, 1, 1),
        last=date(2005, 12, 31),
        senders=frozenset(countries()["code"]),
    )
    draft = type_columns(draft, _IMPOSED)
    return _reading(draft, path=path, coverage=coverage, senders="cow", targets="cow")


def _partial_date(rows: pd.DataFrame, when: str) -> pd.Series:
    """
    Return dates as text, as far as they are known: ``1951-06-22``, ``1951-06`` or ``1951``.

    A day that its month does not have, as in 31 June, leaves the month. A "?" is a missing part.
    """
    year = rows[f"{when}year"]
    month, day = (rows[f"{when}{part}"].str.strip() for part in ("month", "day"))
    to_month = year.str.strip() + "-" + month.mask(month.eq("?")).str.zfill(2)
    to_day = to_month + "-" + day.mask(day.eq("?")).str.zfill(2)
    exists = pd.to_datetime(to_day, format="%Y-%m-%d", errors="coerce").notna()
    no_such_day = ~exists & day.isin(["29", "30", "31"])
    known = to_day.mask(no_such_day).fillna(to_month).fillna(year)
    # A sentence begins with its year; the month and day next to it are not of that day.
    of_sentence = year.str.extract(r"^\s*(\d{4})\b\D", expand=False)
    return known.mask(of_sentence.notna(), of_sentence)


def _senders(rows: pd.DataFrame) -> pd.Series:
    institution = "institution " + rows["institutionid"].fillna(_INSTITUTION)
    only = institution.where(rows["institutionid"].notna())
    named = rows[list(_TIES_SENDERS)].apply(lambda cells: cells.str.strip())
    named = named.apply(lambda cells: cells.mask(cells.eq(_INSTITUTION), institution))
    senders = [list(dict.fromkeys(row[pd.notna(row)])) for row in named.to_numpy()]
    pairs = zip(senders, only, strict=True)
    return pd.Series([of_case or [alone] for of_case, alone in pairs], index=rows.index)


_SENDERS = ("EU", "US", "UN")
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
_EUSANCT = (
    *("caseid", "targetstate", *_ISSUES, "finaloutcome", "success", *_SENDERS),
    *(name.format(sender) for sender in _SENDERS for name in _OF_SENDER),
)


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
    are not expanded: whether they imposed anything is not stated. A count of
    any sender but these three is missing.

    ``measures`` are the types imposed in the words of the GSDB, by a mapping of ours that
    is partly inferred (`codes/cases.csv`, with reasons). ``outcomes`` hold ``finaloutcome`` as
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
    draft = read_sheet(path, needed=_EUSANCT)
    draft = empty_to_null(draft, marks=("", "."))
    words = _words("eusanct")
    rows = draft.rows.rename(columns={"caseid": "case_id", "targetstate": "target"})
    rows = rows.assign(
        objectives=_coded(*(rows[issue] for issue in _ISSUES), words=words["objectives"]),
        outcomes=_coded(
            "finaloutcome_" + rows["finaloutcome"].str.strip(),
            _coded(rows["success"], words=words["outcomes"]),
        ),
    )
    draft = _by_sender(_with_own_ids(replace(draft, rows=rows)))
    rows = draft.rows
    ongoing = rows["end"].str.strip().eq("ongoing").fillna(value=False)
    end = rows["end"].fillna(rows["endyear"]).mask(ongoing)
    draft = draft.assign(
        start=rows["start"].fillna(rows["startyear"]),
        end=end,
        ongoing=ongoing.astype("boolean").mask(~ongoing & end.isna()),
        measures=_coded(rows["measures"], words=words["measures"]),
    )
    draft = _dated(draft, ["start", "end", "imposed_start"], formats=["%d%b%Y", "%Y-%m-%d"])
    coverage = Coverage(
        source="eusanct",
        first=date(1989, 1, 1),
        last=date(2015, 12, 31),
        senders=frozenset({"EU", "USA", "UN"}),
    )
    return _reading(type_columns(draft, _IMPOSED), path=path, coverage=coverage, targets="cow")


def _by_sender(draft: Draft) -> Draft:
    """Write out each case by those of the three senders that take part in it."""
    draft = type_columns(draft, [Column(name=s, kind="flag", meaning=s) for s in _SENDERS])
    part = draft.rows[list(_SENDERS)].fillna(value=False).astype("bool")
    draft = draft.reject(
        (~part.any(axis=1), "none of EU, US and UN takes part"), step="check senders"
    )
    written = []
    for sender in _SENDERS:
        columns = ["case_id", "target", "objectives", "outcomes", *ORIGIN_COLUMNS]
        own = {name.format(sender): ours for name, ours in _OF_SENDER.items()}
        rows = draft.rows.loc[part[sender], [*columns, *own]]
        written.append(rows.rename(columns=own).assign(sender=sender))
    rows = pd.concat(written).sort_index(kind="stable").reset_index(drop=True)
    draft = draft.take(rows, step="expand the EU, the US and the UN")
    # This end is before the start of its case, 15mar2005.
    wrong = rows["case_id"].eq("2005031502") & rows["sender"].eq("US") & rows["end"].eq("07sep2000")
    ends = {column: rows[column].mask(wrong) for column in ("end", "endyear")}
    step = f"take {int(wrong.sum())} end before its start as not known"
    return draft.take(rows.assign(**ends), step=step)


def _words(source: str) -> dict[str, dict[str, str]]:
    """Return by column the words for the numbers of a file."""
    # The manual of version 4 (2013) explains the numbers of TIES; types threatened differ.
    # EUSANCT explains none: 7 to 9 and 12 show in its own scale (impositionXX_target) where they
    # are the only type; the rest follows the order of TIES, which it extends, and known cases.
    table = read_codes("cases.csv")
    columns = table[table["source"].eq(source)].groupby("column")
    return {str(c): dict(zip(of["code"], of["words"], strict=True)) for c, of in columns}


def _coded(*columns: pd.Series, words: Mapping[str, str] | None = None) -> pd.Series:
    """
    Return the codes of one or several columns as sorted words, once each.

    Codes in a cell are separated by commas, semicolons or blanks. A code without words stays.
    """
    of_code = words or {}

    def worded(cell: str) -> str | None:
        codes = re.findall(r"[^;,\s]+", cell)
        return ";".join(sorted({w for c in codes for w in of_code.get(c, c).split(";")})) or None

    first, *others = (column.astype("str").fillna("") for column in columns)
    cells = first.str.cat(pd.concat(others, axis=1), sep=" ") if others else first
    return cells.map(worded).astype("str")


def _with_own_ids(draft: Draft) -> Draft:
    """Reject the rows without a ``case_id``, or with that of an earlier row."""
    ids = draft.rows["case_id"].str.strip()
    earlier = (ids.duplicated(keep="first"), "case_id of an earlier row")
    return draft.assign(case_id=ids).reject(earlier, (ids.isna(), "no case_id"), step="check ids")


def _dated(
    draft: Draft, columns: Sequence[str] = ("start", "end"), *, formats: Sequence[str]
) -> Draft:
    """
    Turn the text of `columns` into intervals: ``start`` and ``start_last``, and so on.

    A row without a start, with text that is not a date, or that ends before it begins is rejected.
    """
    days: dict[str, pd.Series] = {}
    faults: list[Fault] = []
    for column in columns:
        text = draft.rows[column].astype("str").str.strip()
        ends = first_and_last(text, formats)
        days |= {column: ends["first"], f"{column}_last": ends["last"]}
        wrong = text.notna() & ~ends["first"].between(_FIRST, _LAST)
        faults.append((wrong, f"impossible {column}: ", text.str.slice(0, 60)))
        if column == "start":
            faults.append((text.isna(), "no start"))
    backwards = (days["end_last"].lt(days["start"]), "ends before it begins")
    return draft.assign(**days).reject(backwards, *faults, step="check dates")


def _reading(
    draft: Draft,
    *,
    path: Path,
    coverage: Coverage,
    senders: System = "name",
    targets: System = "name",
) -> Reading:
    """
    Write out cases by their lists of senders and targets, and return the reading.

    Parties are resolved by the first day of the case, or its last where that is not known to a
    day. Two names that mean one party that day are one row.
    """
    rows = draft.rows.explode("sender").explode("target", ignore_index=True)
    rows = rows.astype({"sender": "str", "target": "str"})
    rows = rows.assign(date=rows["start"], date_last=rows["start_last"])
    draft = draft.take(rows, step="expand senders and targets")
    for side, system in (("sender", senders), ("target", targets)):
        draft = resolve_parties(
            draft, [side], system=system, succession="dominant", not_yet="unknown"
        )
    known = draft.rows["sender"].notna() & draft.rows["target"].notna()
    once = draft.rows[~(draft.rows.duplicated(_KEY) & known)]
    draft = draft.take(once, step="merge rows of one case, sender and target")
    if once.empty:
        raise SourceError(f"{path.name!r} holds no case that can be kept.")
    return as_reading(draft, "cases", key=coverage.source, paths=[path], coverage=coverage)
