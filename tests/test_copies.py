"""Copies of any list compared: what came, went and moved; copies that cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.reading import REJECTED_COLUMNS, Audit, Provenance, Reading, no_rejects

# An entry: its programmes and its type.
Entries = dict[str, tuple[str, str]]
FIRST: Entries = {
    "a": ("IRAN", "entity"),
    "b": ("IRAN;SDGT", "individual"),
    "c": ("SYRIA", "vessel"),
    "d": ("IRAN", "entity"),
}
SECOND: Entries = {
    "a": ("IRAN", "entity"),
    "b": ("IRAN;RUSSIA", "individual"),
    "d": ("IRAN", "individual"),
    "e": ("IRAN", "entity"),
    "f": ("RUSSIA;SDGT", "vessel"),
}


def copy_of(
    entries: Entries,
    *,
    day: date | None = None,
    name: str = "L",
    bad: int = 0,
    listed: str | None = None,
) -> Reading:
    rows = [
        (number, number, kind, programme)
        for number, (programmes, kind) in entries.items()
        for programme in programmes.split(";")
    ]
    table = pd.DataFrame(rows, columns=["listing_id", "entity_id", "entity_type", "programme"])
    lost = pd.DataFrame([("l.csv", i, "", "cut") for i in range(bad)], columns=REJECTED_COLUMNS)
    audit = Audit.begin(len(table) + bad)
    if bad:
        audit = audit.then("check", n_rejected=bad, n_out=len(table))
    return Reading(
        kind="listings",
        table=table.assign(source="own", list=name, listed=pd.to_datetime(listed)),
        rejected=lost if bad else no_rejects(),
        audit=audit,
        coverage=day and sl.Coverage(source="own", first=day, last=day),
        provenance=Provenance(
            key="own", title="", producer="", licence="", citation="", files={f"{day}.csv": "0"}
        ),
    )


MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)


def flows(reading: Reading) -> dict[tuple[str, str], list[int]]:
    later = reading.table[reading.table["from"].lt(reading.table["to"])]
    columns = ["opening", "added", "removed", "moved_in", "moved_out", "closing"]
    found = later.set_index(["programmes", "entity_type"])[columns]
    return {key: list(row) for key, row in found.T.items()}


def test_what_came_went_and_moved_by_whole_set_and_type() -> None:
    reading = sl.compare_copies([copy_of(FIRST, day=MAY), copy_of(SECOND, day=JUNE)])
    assert flows(reading) == {
        ("IRAN", "entity"): [2, 1, 0, 0, 1, 2],
        ("IRAN", "individual"): [0, 0, 0, 1, 0, 1],
        ("IRAN;RUSSIA", "individual"): [0, 0, 0, 1, 0, 1],
        ("IRAN;SDGT", "individual"): [1, 0, 0, 0, 1, 0],
        ("RUSSIA;SDGT", "vessel"): [0, 1, 0, 0, 0, 1],
        ("SYRIA", "vessel"): [1, 0, 1, 0, 0, 0],
    }
    table = reading.table
    assert table["from"].min() == pd.Timestamp(MAY)
    moved = table.set_index(["programmes", "entity_type"])
    assert moved.loc[("IRAN;RUSSIA", "individual"), "programmes_added"] == "RUSSIA:1"
    assert moved.loc[("IRAN;SDGT", "individual"), "programmes_dropped"].dropna().tolist() == [
        "SDGT:1",
    ]


def test_each_copy_closes_on_the_entries_of_the_last() -> None:
    days = [date(2024, month, 1) for month in (5, 6, 7, 8)]
    copies = [copy_of(e, day=day) for e, day in zip([FIRST, SECOND] * 2, days, strict=True)]
    reading = sl.compare_copies(copies)
    opening = reading.table["from"].eq(reading.table["to"])
    added, removed = (int(reading.table[c].sum()) for c in ("added", "removed"))
    assert int(reading.table.loc[opening, "closing"].sum()) + added - removed == len(SECOND)
    assert reading.table["moved_in"].sum() == reading.table["moved_out"].sum()
    assert reading.audit.n_read == 2 * (len(FIRST) + len(SECOND))
    span = reading.coverage
    assert span is not None
    assert (span.first, span.last) == (days[0], days[-1])
    assert list(reading.provenance.files) == [f"{day}.csv" for day in days]


def test_the_day_of_listing_hides_a_removal_and_copies_show_it() -> None:
    there, gone = {"a": ("IRAN", "entity"), "b": ("SYRIA", "entity")}, {"b": ("SYRIA", "entity")}
    days = [date(2024, month, 1) for month in (5, 6, 7)]
    copies = [
        copy_of(entries, day=day, listed="2006-12-23")
        for entries, day in zip((there, gone, there), days, strict=True)
    ]
    found = sl.compare_copies(copies).table
    iran = found[found["programmes"].eq("IRAN")]
    assert iran[["added", "removed", "closing"]].to_numpy().tolist() == [
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 1],
    ]


def test_the_days_given_stand_for_those_the_copies_lack() -> None:
    copies = [copy_of(FIRST), copy_of(SECOND)]
    for days in ([MAY, JUNE], pd.DatetimeIndex(["2024-05-01", "2024-06-01"])):
        assert sl.compare_copies(copies, dates=days).table["to"].max() == pd.Timestamp(JUNE)


def test_a_reading_without_names_does_not_say_which_entries_came_back() -> None:
    reading = sl.compare_copies([copy_of(FIRST, day=MAY), copy_of(SECOND, day=JUNE)])
    assert "relisted" not in reading.table


def test_copies_that_are_equal_change_nothing() -> None:
    reading = sl.compare_copies([copy_of(FIRST, day=MAY), copy_of(FIRST, day=JUNE)])
    assert flows(reading) == {}
    assert reading.coverage is not None
    assert reading.coverage.last == JUNE


def test_counts_and_stocks_take_the_changes() -> None:
    listings = {"a": ("Iran", "entity"), "b": ("DPRK", "entity")}
    later = {"b": ("DPRK", "entity"), "c": ("DPRK", "individual")}
    first, last = date(2024, 1, 1), date(2024, 12, 31)
    changes = sl.compare_copies(
        [copy_of(listings, day=first, name="UN"), copy_of(later, day=last, name="UN")]
    )
    start = date(2024, 1, 1)
    asked = {"every": "year", "by": ["target"], "targets": ["IRN", "PRK"], "start": start}
    stocks = sl.active_sanctions(changes, at="end_of_period", **asked).table.set_index("target")
    assert stocks[["opening", "added", "removed", "closing"]].T.to_dict("list") == {
        "IRN": [1, 0, 1, 0],
        "PRK": [1, 1, 0, 2],
    }
    counts = sl.sanction_counts(changes, unit="designation", **asked).table.set_index("target")
    assert counts["n"].to_dict() == {"IRN": 0, "PRK": 1}


@pytest.mark.parametrize(
    ("copies", "message"),
    [
        ([], "holds 0 readings. Give two or more"),
        ([copy_of(FIRST, day=MAY)], "holds 1 readings. Give two or more"),
        (
            [copy_of(FIRST, day=MAY), copy_of(SECOND, day=JUNE, name="M")],
            "listings of 'own', listings of 'own'. They must be listings of one list",
        ),
        (
            [copy_of(FIRST, day=MAY), sl.load("ofac_sdn")],
            "holds listings of 'own', list_changes of",
        ),
        ([copy_of(FIRST, day=MAY), copy_of(SECOND)], "Give the day of each"),
        (
            [copy_of(FIRST, day=MAY), copy_of(SECOND, day=JUNE, bad=2)],
            r"'2024-06-01\.csv' has 2 rejected rows, whose entries would count as removed",
        ),
    ],
)
def test_copies_that_cannot_be_compared_are_refused(copies: list[Reading], message: str) -> None:
    with pytest.raises(SanctlibError, match=message):
        sl.compare_copies(copies)


def test_days_that_are_too_few_or_missing_are_refused() -> None:
    copies = [copy_of(FIRST, day=MAY), copy_of(SECOND, day=JUNE)]
    for days in ([], [MAY], [MAY, pd.NaT]):
        with pytest.raises(SanctlibError, match=r"Give the day of each|dates is NaT"):
            sl.compare_copies(copies, dates=days)


@pytest.mark.parametrize("days", [(JUNE, MAY), (MAY, MAY)])
def test_copies_out_of_order_or_of_one_day_are_refused(days: tuple[date, date]) -> None:
    first, last = (copy_of(e, day=d) for e, d in zip((FIRST, SECOND), days, strict=True))
    with pytest.raises(SourceError, match="is not later than the copy before it"):
        sl.compare_copies([first, last])


def test_copies_of_one_name_are_all_in_the_provenance() -> None:
    days = [date(2024, month, 1) for month in (5, 6, 7)]
    copies = [
        replace(c, provenance=replace(c.provenance, files={"un.xml": sha}))
        for c, sha in zip([copy_of(FIRST, day=d) for d in days], "aba", strict=True)
    ]
    reading = sl.compare_copies(copies)
    assert reading.provenance.files == {"un.xml": "a", "un.xml#2": "b"}


def test_what_was_not_read_cannot_be_compared() -> None:
    with pytest.raises(SanctlibError, match=r"copies holds 'a\.xml'. Read each copy first"):
        sl.compare_copies(["a.xml", "b.xml"])  # type: ignore[list-item]
