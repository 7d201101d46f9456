"""Tables are what they say they are, or an error says which row is not."""

from __future__ import annotations

import pandas as pd
import pytest

from sanctlib.checks import check_table, table_kind
from sanctlib.errors import MissingColumnsError, SchemaError
from sanctlib.schema import ACTIONS, CELLS, COMPONENTS, EVENTS, LIST_CHANGES


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
    return check_table(table, EVENTS, needed_by="the test")


def test_a_good_table_comes_back_in_its_types_and_order() -> None:
    checked = check(events(event(n_reports=2, mine="kept"))[["mine", *event(), "n_reports"]])
    assert list(checked.columns) == [*event(), "n_reports", "mine"]
    assert checked["date"].dtype == "datetime64[us]"
    assert checked["mutual"].dtype == bool
    assert checked["n_reports"].dtype == "int64"


def test_a_missing_column_is_named_with_the_closest() -> None:
    table = events(event()).rename(columns={"sender": "sendr"})
    with pytest.raises(MissingColumnsError, match=r"'sender'.*\n.*Did you mean 'sendr'"):
        check(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "sanktion"}, "'sanktion', which is not one of"),
        ({"action": "visit"}, "action of another family"),
        ({"date": "2018-05-09"}, "'date' after 'date_last'"),
        ({"date": None}, "has no 'date'"),
        ({"sender": "Usa"}, "no party in 'sender'"),
        ({"sender": "united states"}, "no party in 'sender'"),
        ({"mutual": True}, "sender not before target"),
        ({"measures": "trade;financial"}, "sort its parts"),
        ({"measures": "golf"}, "'golf', which is not one of"),
        ({"status": "sure"}, "'sure', which is not one of"),
        ({"date": "yesterday-ish"}, "should hold date values"),
        ({"n_reports": "many"}, "should hold integer values"),
    ],
)
def test_a_wrong_value_is_refused_with_the_row(change: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        check(events(event(**change)))


def test_a_repeated_key_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"2 of 2 rows wrong.*repeats the key"):
        check(events(event(), event()))


@pytest.mark.parametrize("party", ["EU", "UN", "IO-SCO", "NS-WAGNER", "UKR-CR", "XKX"])
def test_bodies_and_regions_are_parties(party: str) -> None:
    assert check(events(event(sender=party)))["sender"].tolist() == [party]


def test_an_unknown_party_is_null_and_stays() -> None:
    assert check(events(event(target=None)))["target"].isna().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mutual": "False"}, "'False' is neither true nor false"),
        ({"mutual": None}, "has no 'mutual'"),
        ({"mutual": float("nan")}, "has no 'mutual'"),
        ({"n_reports": 2.5}, "a count is a whole number"),
        ({"n_reports": -1}, "a count is a whole number"),
        ({"date": 20180508}, "20180508.* is a number"),
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
    rows = events(event(), event(event_id="2", sender="iran")).set_axis([0, 0])
    with pytest.raises(SchemaError, match="1 of 2 rows wrong, each has no party in 'sender'"):
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
    assert len(check_table(pd.DataFrame([row]), LIST_CHANGES, needed_by="the test")) == 1
    with pytest.raises(SchemaError, match="does not close"):
        check_table(pd.DataFrame([row | {"closing": 13}]), LIST_CHANGES, needed_by="the test")


def test_the_kind_of_a_table_is_told_by_its_columns() -> None:
    assert table_kind(EVENTS.required, needed_by="the test") == "events"
    assert table_kind(CELLS.required, needed_by="the test") == "cells"
    with pytest.raises(SchemaError, match="come closest to 'events', which also needs 'event_id'"):
        table_kind([c for c in event() if c != "event_id"], needed_by="the test")


def test_components_are_disjoint_parts_of_cooperation() -> None:
    parts = [action for actions in COMPONENTS.values() for action in actions]
    assert sorted(parts) == sorted(set(parts))
    assert set(parts) == set(ACTIONS["cooperation"])
