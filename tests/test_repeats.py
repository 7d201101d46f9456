"""Repeats and mirrors against a slow reference that forms the acts one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TypeAlias

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.cleaning.draft import Draft
from sanctlib.cleaning.repeats import (
    RepeatRule,
    check_numbers,
    collapse_mirrors,
    deduplicate,
    merge_copies,
    name_apart,
    tell_apart,
)
from sanctlib.reading import Audit

Report: TypeAlias = tuple[str, str | None, str | None, str]
Act: TypeAlias = tuple[str, str | None, str | None, str, bool, int]

# 042 and 043 are one visit, made and hosted (already turned: the guest is the sender);
# 040 has a mirror; 163 has none.
_ACTION = {"040": "consult", "057": "agree", "042": "visit", "043": "visit", "163": "impose"}
_PARTIES = st.sampled_from(["RUS", "IRN", "SYR", None])
_DAYS = st.sampled_from(["2018-01-01", "2018-01-02", "2018-01"])
_REPORTS = st.lists(
    st.tuples(_DAYS, _PARTIES, _PARTIES, st.sampled_from(sorted(_ACTION))), max_size=14
)


def draft(reports: list[Report]) -> Draft:
    rows = pd.DataFrame(reports, columns=["day", "sender", "target", "code"], dtype="str")
    n = len(rows)
    day = pd.to_datetime(rows["day"], format="ISO8601")
    last = day.where(rows["day"].str.len().eq(10), day + pd.offsets.MonthEnd(0))
    action = rows["code"].map(_ACTION).astype("str")
    rows = rows.drop(columns="day").assign(date=day, date_last=last, action=action)
    rows["_mirror"] = action.ne("impose")
    rows = rows.assign(_file=["f"] * n, _line=range(n), _raw=["r"] * n)
    return Draft(rows=rows, audit=Audit.begin(n))


def reference(reports: list[Report], rule: RepeatRule) -> Counter[Act]:
    """Form the acts as the docstrings say, a report at a time."""
    heard: list[tuple[Report, int]] = []
    for report in reports:
        same = [i for i, (other, _) in enumerate(heard) if other == report]
        if rule == "one_a_day" and same and None not in report:
            heard[same[0]] = (report, heard[same[0]][1] + 1)
        else:
            heard.append((report, 1))
    acts: Counter[Act] = Counter()
    while heard:
        (day, sender, target, code), n = heard.pop(0)
        visit = _ACTION[code] == "visit"
        sides = (sender, target) if visit else (target, sender)
        others = {"042": "043", "043": "042"} if visit else {code: code}
        twin = (day, *sides, others[code])
        known = sender is not None and target is not None and sender != target
        at = next((i for i, (other, _) in enumerate(heard) if other == twin), None)
        if at is None or not known or code == "163":
            acts[day, sender, target, _ACTION[code], False, n] += 1
            continue
        n += heard.pop(at)[1]
        if visit or sender is None or target is None:
            acts[day, sender, target, _ACTION[code], False, n] += 1
        else:
            acts[day, min(sender, target), max(sender, target), _ACTION[code], True, n] += 1
    return acts


def found(done: Draft) -> Counter[Act]:
    acts: Counter[Act] = Counter()
    for row in done.rows.to_dict("records"):
        wide = row["date"] != row["date_last"]
        day = f"{row['date']:%Y-%m}" if wide else f"{row['date']:%Y-%m-%d}"
        sender, target = (None if pd.isna(row[s]) else str(row[s]) for s in ("sender", "target"))
        acts[day, sender, target, row["action"], bool(row["mutual"]), int(row["n_reports"])] += 1
    return acts


@settings(deadline=None, derandomize=True, max_examples=150)
@given(_REPORTS, st.sampled_from(["none", "one_a_day"]))
def test_acts_are_those_of_the_reference_and_no_report_is_lost(
    reports: list[Report], rule: RepeatRule
) -> None:
    done = collapse_mirrors(deduplicate(draft(reports), rule=rule))
    assert found(done) == reference(reports, rule)
    assert done.rows["n_reports"].sum() == len(reports)
    assert done.audit.n_read == len(done.rows) + done.audit.n_merged


@settings(deadline=None, derandomize=True, max_examples=25)
@given(_REPORTS)
def test_the_order_of_the_reports_does_not_change_the_acts(reports: list[Report]) -> None:
    mixed = sorted(reports, key=repr, reverse=True)
    assert found(collapse_mirrors(deduplicate(draft(reports)))) == found(
        collapse_mirrors(deduplicate(draft(mixed)))
    )


def test_a_row_given_twice_is_one_and_an_id_of_two_contents_is_two() -> None:
    ids = ["1", "2", "1", None, "1", "1"]
    rows = draft([("2018-01-01", "RUS", "IRN", "163")] * 6).rows.assign(event_id=ids, act_id=ids)
    rows["code"] = ["163", "163", "163", "163", "040", "057"]
    told = tell_apart(check_numbers(Draft(rows=rows, audit=Audit.begin(6))))
    done = merge_copies(told)
    done = replace(done, rows=name_apart(done.rows))
    assert done.rows["event_id"].tolist() == ["1", "2", "1#2", "1#3"]
    assert done.rows["code"].tolist() == ["163", "163", "040", "057"]
    assert done.rejected["reason"].tolist() == ["no number of the event"]
    assert (done.audit.n_merged, done.audit.n_rejected) == (1, 1)


def test_repeats_by_the_names_of_the_source_merge_actors_without_a_state() -> None:
    reports: list[Report] = [("2018-01-01", None, "IRN", "163")] * 3
    rows = draft(reports).rows.assign(_actor=["A", "A", "B"], _acted_on="Iran")
    named = ("_actor", "_acted_on")
    done = deduplicate(Draft(rows=rows, audit=Audit.begin(3)), sides=named, step="by name")
    assert done.rows["_actor"].tolist() == ["A", "B"]
    assert done.rows["n_reports"].tolist() == [2, 1]
    assert done.audit.steps["step"].tolist() == ["read", "by name"]
    # By party nobody knows whether these two are one.
    assert deduplicate(done).rows["n_reports"].tolist() == [2, 1]


def test_a_draft_without_rows_passes_all_steps() -> None:
    empty = draft([("2018-01-01", "RUS", "IRN", "040")])
    empty = Draft(rows=empty.rows.assign(event_id="1", act_id="1")[:0], audit=Audit.begin(0))
    what = ("code", "action")
    done = collapse_mirrors(deduplicate(merge_copies(tell_apart(empty)), what=what), what=what)
    assert len(done.rows) == 0
