"""The UN list: regimes, days with a zone, countries, and what two copies show."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import sanctlib as sl
from sanctlib.codes.actions import states_of
from sanctlib.errors import SourceError
from tests.conftest import ROOT

SAMPLE = ROOT / "tests" / "samples" / "un" / "consolidated.xml"


def test_key_type_regime_day_and_countries_are_read() -> None:
    table = sl.read("un", SAMPLE).table.fillna({"entity_country": ""})
    day = table["listed"].dt.strftime("%Y-%m-%d")
    found = table.assign(listed=day).set_index("listing_id")
    columns = ["entity_type", "programme", "listed", "entity_country"]
    assert {key: list(row) for key, row in found[columns].T.items()} == {
        "KPi.901": ["individual", "DPRK", "2016-11-30", "PRK"],
        "KPi.902": ["individual", "DPRK", "2016-11-30", "CHN;PRK"],
        "QDi.901": ["individual", "Al-Qaida", "2015-04-14", "IRQ;SAU;YEM"],
        "GBi.901": ["individual", "GB", "2012-05-18", "GNB"],
        "TAi.901": ["individual", "Taliban", "2001-02-23", "AFG"],
        "QDi.903": ["individual", "Al-Qaida", "2011-01-01", ""],
        "IRe.901": ["entity", "Iran", "2006-12-23", "IRN"],
        "IRe.902": ["entity", "Iran", "2007-03-24", ""],
        "KPe.901": ["entity", "DPRK", "2009-04-24", "PRK"],
        "IQe.901": ["entity", "Iraq", "2004-04-26", "IRQ;JOR"],
        "QDe.901": ["entity", "Al-Qaida", "2001-10-06", "LBY"],
    }


def test_bad_rows_are_rejected_without_a_name_and_unknown_places_are_listed() -> None:
    reading = sl.read("un", SAMPLE)
    assert reading.rejected[["line", "raw", "reason"]].to_numpy().tolist() == [
        [6, "listing_id=QDi.902; programme=Al-Qaida; listed=2010-02-30",
         "impossible day of listing: '2010-02-30'"],
        [8, "listing_id=; programme=Iraq; listed=2003-06-27", "no listing_id"],
    ]  # fmt: skip
    assert reading.unmatched["name"].tolist() == ["Sudanese by birth"]
    shown = reading.table.to_csv() + reading.rejected.to_csv() + reading.unmatched.to_csv()
    assert not [n for n in ("ALPHA", "ADAM", "BETA") if n in shown]


def test_the_day_of_the_copy_ends_the_coverage_and_is_needed(tmp_path: Path) -> None:
    reading = sl.read("un", SAMPLE)
    assert reading.coverage is not None
    assert reading.coverage.last == date(2018, 10, 29)
    text = SAMPLE.read_text(encoding="utf-8")
    path = tmp_path / "un.xml"
    for found, shown in (("dateMade=", "nothing"), ('dateGenerated="x', "'x2018-10-29'")):
        start = 'dateGenerated="' if '"' in found else "dateGenerated="
        path.write_text(text.replace(start, found), encoding="utf-8")
        with pytest.raises(SourceError, match=f"which day it was made: it has {shown}"):
            sl.read("un", path)


def test_the_regime_gb_is_guinea_bissau() -> None:
    counts = sl.sanction_counts(
        sl.read("un", SAMPLE), every="year", unit="entity", by=["target"], targets=["GNB", "GBR"]
    ).table
    assert counts.groupby("target")["n"].sum().to_dict() == {"GBR": 0, "GNB": 1}


def test_stocks_and_units_read_the_list_by_the_states_of_its_regimes() -> None:
    reading = sl.read("un", SAMPLE)
    stocks = sl.active_sanctions(
        reading, every="year", at="end_of_period", by=["target"], targets=["IRN", "PRK"]
    ).table
    by_year = stocks.pivot(index="period", columns="target", values="n")
    assert by_year.loc["2009-01-01"].to_dict() == {"IRN": 2, "PRK": 1}
    assert by_year.loc["2017-01-01"].to_dict() == {"IRN": 2, "PRK": 3}
    span = {"start": date(2016, 1, 1), "end": date(2016, 12, 31), "targets": ["PRK", "CHN"]}
    units = sl.compare_units([reading], **span).table.set_index(["unit", "target_rule"])["n"]
    assert units.to_dict() == {
        ("entity", "programme"): 2, ("entity", "address"): 2,
        ("designation", "programme"): 2, ("designation", "address"): 2,
    }  # fmt: skip


@pytest.fixture(scope="module")
def real_lists(real_data: Path) -> list[sl.Reading]:
    folder = real_data / "lists"
    days = ("2018-10-29", "2025-04-19")
    return [sl.read("un", folder / f"un_consolidated_{day}.xml.gz") for day in days]


REGIMES = (
    {"Al-Qaida": 347, "Iraq": 238, "DPRK": 155, "Taliban": 140, "Iran": 84, "DRC": 44,
     "Libya": 29, "Somalia": 16, "CAR": 13, "GB": 10, "SouthSudan": 8, "Yemen": 5, "Sudan": 4},
    {"Al-Qaida": 343, "DPRK": 155, "Taliban": 140, "Iraq": 76, "DRC": 53, "Libya": 30,
     "Somalia": 24, "CAR": 15, "Yemen": 11, "GB": 10, "SouthSudan": 8, "Haiti": 7, "Sudan": 5},
)  # fmt: skip


def test_the_real_lists_have_the_known_entries_by_type_and_regime(
    real_lists: list[sl.Reading],
) -> None:
    for reading, (persons, bodies), regimes in zip(
        real_lists, ((703, 390), (684, 193)), REGIMES, strict=True
    ):
        kinds = reading.table["entity_type"].value_counts()
        assert kinds.to_dict() == {"individual": persons, "entity": bodies}
        assert reading.table["programme"].value_counts().to_dict() == regimes
        assert reading.rejected.empty
    assert "Iran" not in REGIMES[1]
    assert len(real_lists[0].unmatched) == 7


def test_every_regime_of_the_real_lists_is_reviewed(real_lists: list[sl.Reading]) -> None:
    for reading in real_lists:
        known = states_of(reading.table["programme"], list="UN")
        assert known.notna().all()


def test_the_real_lists_compared_show_what_came_and_went(real_lists: list[sl.Reading]) -> None:
    changes = sl.compare_copies(real_lists)
    span = changes.coverage
    assert span is not None
    assert (span.first, span.last) == (date(2018, 10, 29), date(2025, 4, 19))
    flows = changes.table[changes.table["from"].lt(changes.table["to"])]
    regimes = flows.groupby("programmes")[["added", "removed"]].sum()
    assert regimes["added"][regimes["added"].gt(0)].to_dict() == {
        "Al-Qaida": 26, "DRC": 9, "Somalia": 8, "Yemen": 8, "Haiti": 7, "CAR": 3, "Sudan": 2,
        "Libya": 2,
    }  # fmt: skip
    assert regimes["removed"][regimes["removed"].gt(0)].to_dict() == {
        "Iraq": 162, "Iran": 84, "Al-Qaida": 30, "Yemen": 2, "Libya": 1, "CAR": 1, "Sudan": 1,
    }  # fmt: skip
    assert flows[["added", "removed", "moved_in"]].sum().tolist() == [65, 281, 0]


def test_counts_by_the_day_of_listing_show_no_gap_and_copies_do(
    real_lists: list[sl.Reading],
) -> None:
    asked = {"every": "year", "at": "end_of_period", "by": ["target"], "targets": ["IRN"]}
    before, after = (sl.active_sanctions(reading, **asked).table for reading in real_lists)
    # The later list knows nothing of the 84 that stood there, and says no more than "at least 0".
    assert before.set_index("period")["n"]["2017-01-01"] == 84
    assert after["n"].dropna().eq(0).all()
    assert after["upper"].isna().all()
    changes = sl.compare_copies(real_lists)
    span = {"start": date(2018, 10, 29), "end": date(2025, 4, 19)}
    stocks = sl.active_sanctions(changes, **(asked | {"every": "day"} | span)).table
    assert stocks["closing"].dropna().tolist() == [84, 0]
    assert stocks["closing"].iloc[[0, -1]].tolist() == [84, 0]
    # Between the versions the list may have had any number of the 84.
    between = stocks.iloc[1:-1]
    assert (between["lower"].unique().tolist(), between["upper"].unique().tolist()) == ([0], [84])
    assert "relisted" not in changes.table
