"""Readings add up, or refuse to exist."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.cleaning.draft import Draft
from sanctlib.errors import SanctlibError
from sanctlib.reading import Audit, Provenance, Reading, no_rejects
from tests.test_checks import event

PROVENANCE = Provenance(
    key="mine", title="Mine", producer="me", licence="mine", citation="Me (2026): Mine."
)


def draft(n: int) -> Draft:
    rows = pd.DataFrame(
        {
            "x": range(n),
            "_file": ["f.csv"] * n,
            "_line": range(2, n + 2),
            "_raw": [f"raw {i}" for i in range(n)],
        }
    )
    return Draft(rows=rows, audit=Audit.begin(n))


def test_a_step_that_loses_a_row_is_an_error() -> None:
    with pytest.raises(SanctlibError, match=r"'guess' does not add up: 3 in .* is not 2 out"):
        Audit.begin(3).then("guess", n_out=2)


def test_a_step_that_counts_below_zero_is_an_error() -> None:
    with pytest.raises(SanctlibError, match="counts less than nothing: 0 added, -1 merged"):
        Audit.begin(3).then("merge", n_merged=-1, n_out=4)


def test_a_rejected_row_keeps_file_line_raw_text_and_reason() -> None:
    start = draft(2)
    reasons = pd.Series([None, "odd"], index=start.rows.index, dtype="object")
    done = start.reject(reasons, step="check")
    assert done.rows["x"].tolist() == [0]
    assert done.rejected.to_dict("records") == [
        {"file": "f.csv", "line": 3, "raw": "raw 1", "reason": "odd"}
    ]


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.data())
def test_read_equals_kept_merged_and_rejected_less_added(
    wrong: list[bool], data: st.DataObject
) -> None:
    start = draft(len(wrong))
    reasons = pd.Series(["bad" if w else None for w in wrong], dtype="object")
    kept = start.reject(reasons, step="check")
    keep = data.draw(st.integers(0, len(kept.rows)))
    merged = kept.merged_into(kept.rows.head(keep), step="merge")
    doubled = merged.written_out(pd.concat([merged.rows, merged.rows]), step="write out")
    audit = doubled.audit
    assert audit.n_rejected == sum(wrong) == len(doubled.rejected)
    assert audit.n_read + audit.n_added == audit.n_kept + audit.n_merged + audit.n_rejected
    assert audit.n_kept == len(doubled.rows)


def test_names_without_a_code_are_counted_most_frequent_first() -> None:
    names = pd.DataFrame({"side": ["sender", "target", "sender"], "name": ["B", "A", "B"]})
    names["reason"] = "unknown name"
    start = Draft(rows=draft(1).rows, audit=Audit.begin(1), names=names)
    assert start.unmatched.to_dict("records") == [
        {"side": "sender", "name": "B", "reason": "unknown name", "n": 2},
        {"side": "target", "name": "A", "reason": "unknown name", "n": 1},
    ]


def test_a_reading_whose_table_is_not_its_audit_is_refused() -> None:
    with pytest.raises(SanctlibError, match="does not add up: 1 rows and 0 rejected"):
        Reading(
            kind="events",
            table=pd.DataFrame([event()]),
            rejected=no_rejects(),
            audit=Audit.begin(2),
            coverage=None,
            provenance=PROVENANCE,
        )


def test_a_reading_shows_its_counts_in_one_line() -> None:
    reading = Reading(
        kind="events",
        table=pd.DataFrame([event()]),
        rejected=no_rejects(),
        audit=Audit.begin(1),
        coverage=None,
        provenance=PROVENANCE,
    )
    said = "1 rows of events (1 read, 0 added, 0 merged, 0 rejected); coverage not said"
    assert repr(reading) == f"<Reading 'mine': {said}>"


def test_a_reading_says_how_many_acts_lack_a_party() -> None:
    rows = [
        event(event_id="1", act_id="1"),
        event(event_id="2", act_id="2", sender=None),
        event(event_id="3a", act_id="3", target=None),
        event(event_id="3b", act_id="3"),
    ]
    reading = Reading(
        kind="events",
        table=pd.DataFrame(rows),
        rejected=no_rejects(),
        audit=Audit.begin(4),
        coverage=None,
        provenance=PROVENANCE,
    )
    shown = reading._repr_html_()
    assert "<br>3 acts, 2 (66.7 %) of them without a sender or a target<br>" in shown
    assert "Cite: Me (2026): Mine." in shown
    cells = sl.load("icews_2018_weekly")
    n = cells.table["n_acts"].where(cells.table[["sender", "target"]].isna().any(axis=1), 0).sum()
    assert f"453,501 acts, {n:,} (91.6 %) of them without" in cells._repr_html_()
