"""Gravity: known coefficients come back, totals are held, what is lost is said by relation."""

from __future__ import annotations

import itertools
from datetime import date

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError, UnknownChoiceError

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


def test_the_truth_comes_back_by_type() -> None:
    """Travel alone is a bloc's, and is left out."""
    fit = sl.models.gravity(struck(made()), dependent="value", sanctions=in_force())
    assert fit.table["term"].tolist() == ["arms_sanctions", "trade_sanctions"]
    assert fit.table["ratio"].tolist() == pytest.approx([0.8, 0.5], abs=1e-6)
    assert any("Of 12 sanctioned flows, 10 are in the rows used" in n for n in fit.notes)


def test_with_effects_held_trade_lost_is_what_the_coefficients_say() -> None:
    """Without its sanctions AGO trades twice as much with AFG, and as much with all others."""
    rows = struck(made())
    fit = sl.models.gravity(rows, dependent="value", sanctions=in_force(), targets=["AGO"])
    lost = fit.tables["trade"].query("rule == 'effects_held'").set_index(["period", "relation"])
    pair = rows["first"].isin(["AFG", "AGO"]) & rows["second"].isin(["AFG", "AGO"])
    for year in YEARS[1:]:
        traded = rows.loc[pair & rows["period"].eq(year), "value"].sum()
        row = lost.loc[(year, "sender and target")]
        assert [row["n"], row["fitted"]] == pytest.approx([2, traded], rel=1e-6)
        assert row["change"] == pytest.approx(-traded, rel=1e-6)
    others = lost.query("relation != 'sender and target'")
    assert others["change"].abs().max() == pytest.approx(0)
    assert lost.loc[YEARS[0]].index.tolist() == ["third parties"]


def test_with_totals_held_what_is_lost_is_diverted() -> None:
    """All exports of a year stay the same, and so does what each of the two parties trades."""
    fit = sl.models.gravity(
        struck(made()), dependent="value", sanctions=in_force(), targets=["AGO"]
    )
    found = fit.tables["trade"]
    held = found[found["rule"].eq("totals_held") & found["period"].eq(YEARS[3])]
    change = held.set_index("relation")["change"]
    assert change.sum() == pytest.approx(0, abs=1e-6)
    assert change["sender and target"] < 0
    for side in ("sender", "target"):
        assert change[f"{side} and third"] == pytest.approx(-change["sender and target"], rel=1e-6)
    assert held["lower"].le(held["change"]).all()
    assert held["upper"].ge(held["change"]).all()


def test_a_direction_has_a_term_of_its_own() -> None:
    """What AFG, the sender, exports to AGO is halved; what it imports is as it was."""
    rows = made()
    hit = rows["first"].eq("AFG") & rows["second"].eq("AGO") & rows["period"].ge("2002")
    rows["value"] *= np.where(hit, 0.5, 1)
    trade = in_force().query("measure == 'trade'")
    fit = sl.models.gravity(rows, dependent="value", sanctions=trade, directed=True)
    ratios = fit.table.set_index("term")["ratio"]
    assert ratios["trade_sanctions_exports"] == pytest.approx(0.5, abs=1e-6)
    assert ratios["trade_sanctions_imports"] == pytest.approx(1, abs=1e-6)


def test_a_lead_is_looked_up_a_period_ahead_and_the_last_year_has_none() -> None:
    """Trade is halved in 2002 and whole again in 2003, when it is sanctioned."""
    rows = made()
    pair = rows[["first", "second"]].isin(["AFG", "AGO"]).all(axis=1)
    rows["value"] *= np.where(pair & rows["period"].eq(YEARS[1]), 0.5, 1)
    later = in_force().query("measure == 'trade' and sender == 'AFG'")
    later = later.assign(n=later["n"].mask(later["period"].eq(YEARS[1]), 0))
    fit = sl.models.gravity(rows, dependent="value", sanctions=later, leads=1)
    assert fit.table["term"].tolist() == ["trade_sanctions", "trade_sanctions_lead1"]
    assert fit.table["ratio"].tolist() == pytest.approx([2, 0.5], abs=1e-6)
    assert fit.table["n"].unique().tolist() == [30 * 29 * 3]


def test_no_sanctioned_pair_is_said() -> None:
    with pytest.raises(SanctlibError, match="No pair of the panel is sanctioned"):
        sl.models.gravity(made(), dependent="value", sanctions=in_force().assign(target="ZWE"))


def test_a_panel_without_directions_is_refused() -> None:
    panel = pd.DataFrame({"first": ["A"], "second": ["B"], "period": [1], "trade": [1.0]})
    sanctions = pd.DataFrame(columns=["period", "sender", "target", "measure", "n"])
    with pytest.raises(SanctlibError, match=r"one direction of each pair. Trade needs both"):
        sl.models.gravity(panel, dependent="trade", sanctions=sanctions)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"dependent": "valu"}, MissingColumnsError, "Did you mean 'value'"),
        ({"types": ["measures"]}, MissingColumnsError, "In sanctions: The table has no column"),
        ({"types": "measure"}, SanctlibError, r"types is 'measure'\. It must be a list"),
        ({"types": []}, SanctlibError, "types is empty"),
        ({"leads": -1}, SanctlibError, "leads is -1"),
        ({"leads": 4}, SanctlibError, "leads is 4, and sanctions has 4 periods"),
        ({"directed": 1}, SanctlibError, r"directed is 1\. It must be True or False"),
        ({"targets": ["XXQ"]}, UnknownChoiceError, "targets holds 'XXQ', which is no state"),
        ({"vcov": ["first", "second", "dyad"]}, SanctlibError, "a list of one or two columns"),
        ({"level": 95}, SanctlibError, "Did you mean 0.95"),
    ],
)
def test_what_cannot_be_asked_is_said(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    asked = {"dependent": "value", "sanctions": in_force(), **changed}
    with pytest.raises(error, match=message):
        sl.models.gravity(made(), **asked)  # type: ignore[arg-type]


def test_periods_of_two_kinds_and_infinite_trade_are_refused() -> None:
    rows = made()
    numbered = rows.assign(period=rows["period"].dt.year)
    with pytest.raises(SanctlibError, match="periods of sanctions and of the table are of two"):
        sl.models.gravity(numbered, dependent="value", sanctions=in_force())
    infinite = rows.assign(value=rows["value"].where(rows.index != 7, np.inf))
    with pytest.raises(SanctlibError, match="'value' is infinite in 1 of 3,480 rows"):
        sl.models.gravity(infinite, dependent="value", sanctions=in_force())


def test_results_and_text_periods_give_the_same() -> None:
    rows = struck(made())
    plain = sl.models.gravity(rows, dependent="value", sanctions=in_force())
    text = rows.assign(
        period=rows["period"].dt.strftime("%Y"), first=rows["first"].astype("category")
    )
    sanctions = sl.Result(table=in_force())
    fit = sl.models.gravity(sl.Result(table=text), dependent="value", sanctions=sanctions)
    assert fit.table["ratio"].tolist() == pytest.approx(plain.table["ratio"].tolist(), rel=1e-6)
    assert (fit.kind, fit.n, fit.unit) == ("estimates", 3480, "trade flows")
    assert fit.name == "Gravity model of value under sanctions"
