"""Readings add up, or refuse to exist."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sanctlib as sl
from sanctlib.coverage import Coverage
from sanctlib.errors import (
    CoverageError,
    MissingColumnsError,
    SanctlibError,
    UnknownChoiceError,
)
from sanctlib.reading import Audit, Provenance, Reading, no_rejects
from sanctlib.sources.draft import Draft, mentions, unmatched
from tests.news import news_of_2018
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
    with pytest.raises(SanctlibError, match=r"'guess' does not add up: 3 in, .* 2 out"):
        Audit.begin(3).then("guess", n_out=2)


def test_a_step_that_counts_below_zero_is_an_error() -> None:
    with pytest.raises(SanctlibError, match=r"counts 0 added, -1 merged.* must not be below 0"):
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
    merged = kept.take(kept.rows.head(keep), step="merge")
    doubled = merged.take(pd.concat([merged.rows, merged.rows]), step="write out")
    audit = doubled.audit
    assert audit.n_rejected == sum(wrong) == len(doubled.rejected)
    assert audit.n_read + audit.n_added == audit.n_kept + audit.n_merged + audit.n_rejected
    assert audit.n_kept == len(doubled.rows)


SAID = (("sender", "B"), ("target", "A"), ("sender", "B"))


def test_names_without_a_code_are_counted_most_frequent_first() -> None:
    said = [mentions(side, pd.Series([name]), "unknown name") for side, name in SAID]
    assert unmatched(pd.concat(said)).to_dict("records") == [
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
    said = "1 rows of events (1 read, 0 added, 0 merged, 0 rejected); coverage not stated"
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
    cells = news_of_2018("week")
    n = cells.table["n_acts"].where(cells.table[["sender", "target"]].isna().any(axis=1), 0).sum()
    assert f"453,501 acts, {n:,} (91.6 %) of them without" in cells._repr_html_()


def own(*rows: dict[str, object], coverage: Coverage | None = None) -> Reading:
    return Reading(
        kind="events",
        table=pd.DataFrame(rows),
        rejected=no_rejects(),
        audit=Audit.begin(len(rows)),
        coverage=coverage,
        provenance=PROVENANCE,
        curated=True,
    )


ACTS = own(
    event(event_id="1", act_id="1", measures="financial;travel"),
    event(event_id="2", act_id="2", date="2018-01-01", date_last="2018-12-31", sender="EU"),
    event(event_id="3", act_id="3", date="2019-02-01", date_last="2019-02-01", target="RUS"),
    event(event_id="4", act_id="4", target=None),
    coverage=Coverage(
        source="mine", first="2018", last="2019", gaps=[("2018-02-01", "2018-02-02", "down")]
    ),
)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"target": "IRN"}, "12"),
        ({"target": "Iran"}, "12"),
        ({"target": ["IRN", None]}, "124"),
        ({"sender": ["EU", "USA"], "target": ["RUS"]}, "3"),
        ({"measures": "travel"}, "1"),
        ({"action": "impose", "mutual": False}, "1234"),
        ({"date": "2018-05-08"}, "14"),
        ({"start": "2018-06"}, "23"),
        ({"end": "2018-01-01"}, "2"),
        ({"start": "2018-05", "end": "2018-05-08"}, "124"),
    ],
)
def test_a_filter_keeps_the_rows_of_its_values_and_days(wanted: dict[str, Any], ids: str) -> None:
    found = ACTS.filter(**wanted)
    assert "".join(found.table["event_id"]) == ids
    assert len(found) == len(ids)
    assert (found.curated, found.provenance, found.rejected.empty) == (True, PROVENANCE, True)
    audit = found.audit
    assert audit.n_read == audit.n_kept + audit.n_filtered == 4
    assert audit.steps["step"].tolist() == ["read", "filter"]
    assert len(ACTS) == 4


def test_a_filter_of_a_filter_counts_each_row_once() -> None:
    audit = ACTS.filter(target="IRN").filter(sender="EU").audit
    assert (audit.n_kept, audit.n_filtered, audit.n_rejected) == (1, 3, 0)
    assert audit.steps["n_filtered"].tolist() == [0, 2, 1]
    (row,) = sl.data_appendix(ACTS.filter(target="IRN")).to_dict("records")
    assert row["n_read"] + row["n_added"] == row["n_kept"] + row["n_filtered"]
    assert "2 filtered" in repr(ACTS.filter(target="IRN"))
    assert "the filter left no row" in repr(ACTS.filter(target="CHN"))


def test_a_filter_narrows_the_coverage_so_that_no_zero_is_invented() -> None:
    coverage = ACTS.filter(start="2018-03", end="2018-12").coverage
    assert coverage is not None
    assert (coverage.first, coverage.last) == (date(2018, 3, 1), date(2018, 12, 31))
    assert coverage.gaps == ()
    senders = ACTS.filter(sender="USA").coverage
    assert senders is not None
    assert senders.senders == {"USA"}
    with pytest.raises(CoverageError, match="covers 2018-01-01 to 2019-12-31, which has no day of"):
        ACTS.filter(start="2020")
    asked = {"every": "month", "unit": "act", "by": ["target"], "targets": ["IRN", "RUS"]}
    news = news_of_2018("month")
    whole, part = (sl.sanction_counts(t, **asked).table for t in (news, news.filter(target="IRN")))
    of_iran = [table[table["target"].eq("IRN")]["n"].tolist() for table in (whole, part)]
    assert of_iran[0] == of_iran[1]
    others = part[part["target"].eq("RUS")]
    assert not others["covered"].any()
    assert others["n"].isna().all()


def test_days_of_a_filter_and_of_a_measure_are_the_same_days() -> None:
    acts, span = sl.load("russia_iran"), {"start": "2018-03", "end": "2020"}
    asked = {"every": "month", "unit": "act", "by": ["sender"]}
    counts = [sl.sanction_counts(t, **asked, **span).table for t in (acts, acts.filter(**span))]
    pd.testing.assert_frame_equal(*counts)


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"targt": "IRN"}, MissingColumnsError, "Did you mean 'target'"),
        ({"target": "IRM"}, UnknownChoiceError, "Did you mean .*'IRN'"),
        ({"action": "imposed"}, UnknownChoiceError, "Did you mean 'impose'"),
        ({"start": 2018}, SanctlibError, "start is 2018. A number can be a year"),
        ({"start": "2019", "end": "2018"}, SanctlibError, "start must not be after end"),
    ],
)
def test_a_filter_of_what_cannot_be_is_refused(
    wanted: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ACTS.filter(**wanted)
    with pytest.raises(MissingColumnsError, match="cells has no column 'date' for start and end"):
        news_of_2018("week").filter(start="2018-02")


def test_a_reading_has_a_length_columns_and_first_rows() -> None:
    assert ACTS.columns == list(ACTS.table.columns)
    pd.testing.assert_frame_equal(ACTS.head(2), ACTS.table.head(2))
    assert len(ACTS.head()) == 4


def test_an_appendix_of_something_else_is_refused() -> None:
    with pytest.raises(SanctlibError, match="It must be a Reading"):
        sl.data_appendix("ofac_sdn")  # type: ignore[arg-type]
