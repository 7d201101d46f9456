"""The shipped counts of reported acts, of one window."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import sanctlib as sl


def news_of_2018(every: str) -> sl.Reading:
    """Return the counts per week or month of the window of 2018, with what it covers."""
    reading, last = sl.load(f"icews_{every}ly"), date(2018, 10, 31)
    known, kept = reading.coverage, reading.table["period"].dt.date.le(last)
    assert known is not None
    n = int(kept.sum())
    return replace(
        reading,
        table=reading.table[kept],
        audit=reading.audit.then("filter", n_out=n, n_filtered=len(reading) - n),
        coverage=known.between(None, last),
    )
