"""Tables are what they say they are, or an error says which row is not."""

from __future__ import annotations

import pandas as pd
import pytest

from sanctlib.checks import check_table, table_kind
from sanctlib.errors import MissingColumnsError, SchemaError
from sanctlib.schema import ACTIONS, CASES, CELLS, COMPONENTS, EVENTS, LIST_CHANGES


def event(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "source": "mine",
        "event_id": "1",
        "act_id": "1",
        "date": "2018-05-08",
        "date_last": "2018-05-08",
        "sender": "USA",
        "target": "IRN",
        "mutual": False,
        "family": "sanction",
        "action": "impose",
    }
    return row | changes


def events(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def check(table: pd.DataFrame) -> pd.DataFrame:
    return check_table(table, EVENTS)


def test_a_good_table_comes_back_in_its_types_and_order() -> None:
    checked = check(events(event(n_reports=2, mine="kept"))[["mine", *event(), "n_reports"]])
    assert list(checked.columns) == [*event(), "n_reports", "mine"]
    assert checked["date"].dtype == "datetime64[us]"
    assert checked["mutual"].dtype == bool
    assert checked["n_reports"].dtype == "int64"


def test_a_missing_column_is_named_with_the_closest() -> None:
    table = events(event()).rename(columns={"sender": "sendr"})
    with pytest.raises(MissingColumnsError, match=r"'sender'.*Did you mean 'sendr'"):
        check(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "sanktion"}, "'sanktion'. It must be one of"),
        ({"action": "visit"}, "Its family is 'cooperation'"),
        ({"date": "2018-05-09"}, "'date' after 'date_last'"),
        ({"date": None}, "has no 'date'"),
        ({"sender": "Usa"}, "'Usa', which is no code of a party"),
        ({"sender": "united states"}, "'united states', which is no code"),
        ({"mutual": True}, "sender not before target"),
        ({"measures": "trade;financial"}, "Its parts must be sorted"),
        ({"measures": "golf"}, "'golf'. It must be one of"),
        ({"status": "sure"}, "'sure'. It must be one of"),
        ({"date": "yesterday-ish"}, "another kind. It must hold days"),
        ({"n_reports": "many"}, "It must hold whole numbers from 0"),
    ],
)
def test_a_wrong_value_is_refused_with_the_row(change: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        check(events(event(**change)))


def test_a_repeated_key_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"2 of 2 rows are wrong: each repeats the key"):
        check(events(event(), event()))


@pytest.mark.parametrize("party", ["EU", "UN", "IO-SCO", "NS-WAGNER", "UKR-CR", "XKX"])
def test_bodies_and_regions_are_parties(party: str) -> None:
    assert check(events(event(sender=party)))["sender"].tolist() == [party]


def test_an_unknown_party_is_null_and_stays() -> None:
    assert check(events(event(target=None)))["target"].isna().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mutual": "False"}, "the text 'False'. It must hold true or false"),
        ({"mutual": None}, "has no 'mutual'"),
        ({"mutual": float("nan")}, "has no 'mutual'"),
        ({"n_reports": 2.5}, "the number 2.5. It must hold whole numbers"),
        ({"n_reports": -1}, "the number -1. It must hold whole numbers"),
        ({"date": 20180508}, "the number 20180508. It must hold days"),
        ({"event_id": ""}, "has no 'event_id'"),
    ],
)
def test_no_value_is_bent_into_its_type(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        check(events(event(**changes)))


def test_columns_of_one_name_are_an_error() -> None:
    table = events(event())
    with pytest.raises(SchemaError, match="several columns named 'sender'"):
        check(pd.concat([table, table[["sender"]]], axis=1))


def test_wrong_rows_are_counted_once_whatever_the_index() -> None:
    rows = events(event(), event(event_id="2", date="2018-05-09")).set_axis([0, 0])
    with pytest.raises(SchemaError, match="1 of 2 rows are wrong: each has 'date' after"):
        check(rows)


def test_list_changes_must_close_in_every_row() -> None:
    row = {
        "source": "ofac_sdn",
        "list": "US SDN",
        "from": "2022-02-25",
        "to": "2022-02-26",
        "programmes": "RUSSIA-EO14024",
        "entity_type": "individual",
        "opening": 10,
        "added": 3,
        "removed": 1,
        "moved_in": 2,
        "moved_out": 0,
        "closing": 14,
    }
    assert len(check_table(pd.DataFrame([row]), LIST_CHANGES)) == 1
    with pytest.raises(SchemaError, match="does not close"):
        check_table(pd.DataFrame([row | {"closing": 13}]), LIST_CHANGES)


def test_the_kind_of_a_table_is_told_by_its_columns() -> None:
    assert table_kind(EVENTS.required) == "events"
    assert table_kind(CELLS.required) == "cells"
    with pytest.raises(SchemaError, match="closest is 'events', which also needs 'event_id'"):
        table_kind([c for c in event() if c != "event_id"])


def test_components_are_disjoint_parts_of_cooperation() -> None:
    parts = [action for actions in COMPONENTS.values() for action in actions]
    assert sorted(parts) == sorted(set(parts))
    assert set(parts) == set(ACTIONS["cooperation"])


def test_no_cell_that_can_be_a_name_is_in_a_message() -> None:
    rows = events(
        event(title="John Doe sanctioned", note="J. D."), event(title="Jane Doe", note="J. D.")
    )
    with pytest.raises(SchemaError) as caught:
        check(rows)
    assert str(caught.value) == (
        "2 of 2 rows are wrong: each repeats the key (source, event_id). The first has source "
        "'mine', event_id '1', date 2018-05-08, date_last 2018-05-08."
    )
    with pytest.raises(SchemaError) as caught:
        check(events(event(goldstein="John Doe", date="2018-05-08")))
    assert "Doe" not in str(caught.value)


def test_a_case_that_ends_before_it_starts_is_refused() -> None:
    case = {"source": "own", "case_id": "1", "sender": "USA", "target": "IRN", "ongoing": False}
    days = {"start": "2012", "start_last": "2012", "end": "2010", "end_last": "2010"}
    with pytest.raises(SchemaError, match=r"has 'start' after 'end_last'.*'USA'.*start 2012-01-01"):
        check_table(pd.DataFrame([case | days]), CASES)
    days = {"start": "2012-05-01", "start_last": "2012-05-01", "end": "2012-01-01"}
    wide = pd.DataFrame([case | days | {"end_last": "2012-12-31"}])
    assert len(check_table(wide, CASES)) == 1
