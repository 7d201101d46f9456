"""Threat and Imposition of Economic Sanctions (TIES), version 4: cases of 1945 to 2005."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from sanctlib.cleaning import empty_to_null, type_columns
from sanctlib.codes.countries import countries
from sanctlib.coverage import Coverage
from sanctlib.reading import Reading
from sanctlib.sources.cases import as_cases, coded, dated, declared, partial_date, with_own_ids
from sanctlib.sources.sheets import read_sheet

_SENDERS = ("primarysender", *(f"sender{i}" for i in range(1, 6)))
_ISSUES = ("issue1", "issue2", "issue3")
COLUMNS = (
    *("caseid", "targetstate", "institutionid", "ongoingasofyear", "threat", "imposition"),
    *(f"{when}{part}" for when in ("start", "end") for part in ("year", "month", "day")),
    *(f"sancimpositionstart{part}" for part in ("year", "month", "day")),
    *(*_SENDERS, *_ISSUES, "sanctiontype", "finaloutcome"),
)
_INSTITUTION = "1000"
_COVERED = Coverage(source="ties", first=date(1945, 1, 1), last=date(2005, 12, 31))

# The file holds numbers; the users' manual explains them, of version 4 (2013).
# Types of sanctions imposed. Those threatened are numbered otherwise: there 4 is imports.
MEASURES_OF = {
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
ISSUES = {
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


def read_cases(path: Path) -> Reading:
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
    draft = empty_to_null(read_sheet(path, needed=COLUMNS))
    rows = draft.rows
    cases = rows.rename(columns={"caseid": "case_id", "threat": "threatened"}).assign(
        start=_date(rows, "start"),
        end=_date(rows, "end"),
        imposed=rows["imposition"],
        imposed_start=_date(rows, "sancimpositionstart"),
        ongoing=_ongoing(rows),
        sender=_senders(rows),
        target=rows["targetstate"].mask(rows["targetstate"].eq(_INSTITUTION), "institution 1000"),
        measures=coded(rows["sanctiontype"], words=MEASURES_OF),
        objectives=coded(*(rows[issue] for issue in _ISSUES), words=ISSUES),
        outcomes=coded(rows["finaloutcome"], words=OUTCOMES),
    )
    draft = with_own_ids(replace(draft, rows=cases))
    draft = dated(draft, ["start", "end", "imposed_start"], formats=["%Y-%m-%d"])
    draft = type_columns(draft, declared("threatened", "imposed", "measures"))
    known = replace(_COVERED, senders=frozenset(countries()["code"]))
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
