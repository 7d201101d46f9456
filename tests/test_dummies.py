"""Sanctions as columns of a panel: types, directions, leads, relations, refusals."""

from __future__ import annotations

import itertools
from datetime import date

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError

STATES = [
    *("AFG", "AGO", "ALB", "ARE", "ARG", "AUS", "AUT", "BEL", "BGD", "BGR", "BHR", "BOL", "BRA"),
    *("CAN", "CHE", "CHL", "CHN", "COL", "CUB", "DEU", "DNK", "DZA", "ECU", "EGY", "ESP", "FIN"),
    *("FRA", "GBR", "GRC", "HUN"),
]
YEARS = pd.to_datetime(["2001-01-01", "2002-01-01", "2003-01-01", "2004-01-01"])


def made() -> pd.DataFrame:
    """Trade that follows gravity without a residual."""
    rng = np.random.default_rng(1)
    pairs = itertools.product(range(30), range(30), range(4))
    rows = pd.DataFrame(pairs, columns=["i", "j", "t"]).query("i != j").reset_index(drop=True)
    i, j, t = (rows[c].to_numpy() for c in "ijt")
    out, into, pair = (rng.normal(size=(30, n)) for n in (4, 4, 30))
    rows["value"] = np.exp(out[i, t] + into[j, t] + pair[i, j])
    names = np.array(STATES)
    return rows.assign(first=names[i], second=names[j], period=YEARS[t]).drop(columns=[*"ijt"])


def in_force() -> pd.DataFrame:
    """Trade of AFG and AGO from 2002 on, arms of AFG with two more in 2003; a bloc's."""
    cases = pd.DataFrame(
        {
            "source": "own",
            "case_id": [*"1234"],
            "sender": ["AFG", "ALB", "ARE", "EU"],
            "target": ["AGO", "AFG", "AFG", "AGO"],
            "start": pd.to_datetime(["2002-01-01", "2003-01-01", "2003-01-01", "2003-01-01"]),
            "end": pd.to_datetime([None, "2003-12-31", "2003-12-31", "2003-12-31"]),
            "ongoing": [True, False, False, False],
            "measures": ["trade", "arms", "arms", "arms;travel"],
        }
    )
    cases = cases.assign(start_last=cases["start"], end_last=cases["end"])
    known = sl.Coverage(source="own", first=date(2001, 1, 1), last=date(2004, 12, 31))
    keys = ["sender", "target", "measure"]
    found = sl.active_sanctions(cases, every="year", at="any_day", by=keys, coverage=known)
    return found.table


def struck(rows: pd.DataFrame) -> pd.DataFrame:
    """Trade falls to a half under trade sanctions, to four fifths under arms."""
    pair = rows[["first", "second"]].apply(frozenset, axis=1)
    trade = pair.eq(frozenset(["AFG", "AGO"])) & rows["period"].ge("2002")
    arms = pair.isin([frozenset(["AFG", "ALB"]), frozenset(["AFG", "ARE"])])
    arms &= rows["period"].eq("2003-01-01")
    return rows.assign(value=rows["value"] * np.where(trade, 0.5, np.where(arms, 0.8, 1)))


def added(rows: pd.DataFrame, sanctions: object, **options: object) -> pd.DataFrame:
    """The panel with its columns; its keys are the index."""
    found = sl.models.sanction_dummies(rows, sanctions=sanctions, **options)  # type: ignore[arg-type]
    return found.table.set_index(["first", "second", "period"])


def test_a_type_is_1_for_both_directions_in_its_periods() -> None:
    """Travel is only a bloc's, and has no column."""
    found = sl.models.sanction_dummies(made(), sanctions=in_force())
    assert [c for c in found.table if "_sanctions" in c] == ["arms_sanctions", "trade_sanctions"]
    held = found.table.set_index(["first", "second", "period"])
    for sides in (("AFG", "AGO"), ("AGO", "AFG")):
        assert held.loc[sides, "trade_sanctions"].tolist() == [0, 1, 1, 1]
    assert held.loc[("ALB", "AFG"), "arms_sanctions"].tolist() == [0, 0, 1, 0]
    assert held["trade_sanctions"].sum() == 6
    assert held["arms_sanctions"].sum() == 4
    assert found.notes[0].startswith("Of 12 sanctioned flows, 10 are in the panel")


def test_a_relation_says_whose_flow_it_is() -> None:
    """AFG is a sender from 2002 on, and a target in 2003; 28 other states, two directions."""
    trade = in_force().query("measure == 'trade' and sender == 'AFG'")
    found = added(made(), trade)["relation"].reset_index()
    found = pd.crosstab(found["period"], found["relation"])
    assert found.loc[YEARS[0]].to_dict() == {
        "sender and target": 0,
        "sender and third": 0,
        "target and third": 0,
        "third parties": 870,
    }
    assert found.loc[YEARS[1]].to_dict() == {
        "sender and target": 2,
        "sender and third": 56,
        "target and third": 56,
        "third parties": 756,
    }


def test_a_direction_has_a_column_of_its_own() -> None:
    """AFG, the sender, exports to AGO and imports from it."""
    trade = in_force().query("measure == 'trade'")
    found = added(made(), trade, directed=True)
    exports, imports = "trade_sanctions_exports", "trade_sanctions_imports"
    assert found.loc[("AFG", "AGO"), exports].tolist() == [0, 1, 1, 1]
    assert found.loc[("AFG", "AGO"), imports].tolist() == [0, 0, 0, 0]
    assert found.loc[("AGO", "AFG"), imports].tolist() == [0, 1, 1, 1]


def test_a_lead_is_looked_up_a_period_ahead_and_the_last_year_has_none() -> None:
    found = added(made(), in_force().query("measure == 'trade'"), leads=1)
    lead = found["trade_sanctions_lead1"]
    assert lead.loc[("AFG", "AGO")].tolist()[:3] == [1, 1, 1]
    assert lead.loc[("AFG", "ALB")].tolist()[:3] == [0, 0, 0]
    assert lead.xs(YEARS[3], level="period").isna().all()
    assert found["trade_sanctions"].notna().all()


def test_a_period_that_sanctions_does_not_have_is_missing() -> None:
    found = added(made(), in_force().query("period >= '2002'"))["trade_sanctions"]
    assert found.xs(YEARS[0], level="period").isna().all()
    assert found.notna().sum() == 870 * 3


def test_no_sanctioned_pair_is_said() -> None:
    with pytest.raises(SanctlibError, match="No pair of the panel is sanctioned"):
        sl.models.sanction_dummies(made(), sanctions=in_force().assign(target="ZWE"))


def test_a_panel_without_directions_is_refused() -> None:
    panel = pd.DataFrame({"first": ["A"], "second": ["B"], "period": [1], "trade": [1.0]})
    sanctions = pd.DataFrame(columns=["period", "sender", "target", "measure", "n"])
    with pytest.raises(SanctlibError, match=r"one direction of each pair. Columns by direction"):
        sl.models.sanction_dummies(panel, sanctions=sanctions, directed=True)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"types": ["measures"]}, MissingColumnsError, "In sanctions: The table has no column"),
        ({"types": "measure"}, SanctlibError, r"types is 'measure'\. It must be a list"),
        ({"types": []}, SanctlibError, "types is empty"),
        ({"leads": -1}, SanctlibError, "leads is -1"),
        ({"leads": 4}, SanctlibError, "leads is 4, and sanctions has 4 periods"),
        ({"directed": 1}, SanctlibError, r"directed is 1\. It must be True or False"),
        ({"sanctions": in_force().drop(columns="n")}, MissingColumnsError, "no column 'n'"),
    ],
)
def test_what_cannot_be_asked_is_said(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    asked = {"sanctions": in_force(), **changed}
    with pytest.raises(error, match=message):
        sl.models.sanction_dummies(made(), **asked)  # type: ignore[arg-type]


def test_periods_of_two_kinds_and_infinite_counts_are_refused() -> None:
    numbered = made().assign(period=made()["period"].dt.year)
    with pytest.raises(SanctlibError, match="periods of sanctions and of the table are of two"):
        sl.models.sanction_dummies(numbered, sanctions=in_force())
    rows = in_force()
    infinite = rows.assign(n=rows["n"].astype("float64").where(rows.index != 7, np.inf))
    with pytest.raises(SanctlibError, match="'n' is infinite in 1 of"):
        sl.models.sanction_dummies(made(), sanctions=infinite)


def test_results_and_text_periods_give_the_same() -> None:
    rows = made()
    plain = sl.models.sanction_dummies(rows, sanctions=in_force())
    text = rows.assign(
        period=rows["period"].dt.strftime("%Y"), first=rows["first"].astype("category")
    )
    found = sl.models.sanction_dummies(sl.Result(table=text), sanctions=sl.Result(table=in_force()))
    columns = ["arms_sanctions", "trade_sanctions", "relation"]
    pd.testing.assert_frame_equal(found.table[columns], plain.table[columns])
    assert (found.kind, found.n, found.unit) == ("table", 3480, "rows of the panel")
