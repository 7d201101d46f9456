"""Ideal points as gaps: the session's year, the interval, and codes that mean two states."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sanctlib.sources.ideal_points import read_gaps

HEAD = '"",ccode,session,NVotesAll,IdealPointAll,Q5%All,Q95%All,iso3c,Countryname\n'
ROWS = (
    '"1",365,77,86,-0.3,-0.5,-0.1,RUS,Russia\n'
    '"2",630,77,82,-1.9,-2.2,-1.6,IRN,Iran\n'
    '"3",678,44,80,-1.0,-1.2,-0.8,YAR,Yemen\n'
    '"4",680,44,80,-1.5,-1.7,-1.3,YAR,Yemen\n'
    '"5",365,44,86,-2.0,-2.2,-1.8,RUS,Soviet Union\n'
    '"6",630,44,82,-1.0,-1.2,-0.8,IRN,Iran\n'
)


def points(folder: Path) -> Path:
    path = folder / "points.csv"
    path.write_text(HEAD + ROWS, encoding="utf-8")
    return path


def test_a_gap_is_absolute_with_an_interval_from_both_quantiles(tmp_path: Path) -> None:
    table = read_gaps(points(tmp_path)).table
    row = table[table["first"].eq("IRN") & table["second"].eq("RUS")].iloc[0]
    # Half widths .2 and .3 add in quadrature: sqrt(.04 + .09) = .3606.
    assert (row["value"], row["lower"], row["upper"]) == (1.6, 1.2394, 1.9606)
    assert row["date"] == pd.Timestamp("2022-01-01")


def test_a_code_of_two_states_is_rejected_and_the_soviet_union_is_not_russia(
    tmp_path: Path,
) -> None:
    reading = read_gaps(points(tmp_path))
    assert reading.rejected["line"].tolist() == [4, 5]
    early = reading.table[reading.table["date"].eq(pd.Timestamp("1989-01-01"))]
    assert early[["first", "second"]].to_numpy().tolist() == [["IRN", "SUN"]]


def test_a_row_without_a_state_is_rejected_and_forms_no_pair(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    nobody = '"7",0,77,82,-1.0,-1.2,-0.8,,Nowhere\n"8",0,77,82,-1.0,-1.2,-0.8,NA,Nowhere\n'
    path.write_text(HEAD + ROWS + nobody, encoding="utf-8")
    reading = read_gaps(path)
    assert reading.rejected["reason"].tolist()[2:] == ["no state code: ''", "no state code: 'NA'"]
    pairs = reading.table[["first", "second"]].to_numpy().tolist()
    assert pairs == [["IRN", "RUS"], ["IRN", "SUN"]]


def test_the_gaps_of_the_real_file_are_the_known_ones(real_data: Path) -> None:
    reading = read_gaps(real_data / "partnership" / "un_ideal_points_2023-07.csv.gz")
    table = reading.table
    pair = table[table["first"].eq("IRN") & table["second"].eq("RUS")]
    gaps = pair.set_index(pair["date"].dt.year - 1945)["value"]
    assert gaps[[46, 65, 68, 73, 76, 77]].tolist() == [
        1.6756,
        2.0969,
        1.5323,
        2.0093,
        2.0452,
        1.6144,
    ]
    with_us = table[table["first"].eq("IRN") & table["second"].eq("USA")]
    assert with_us.set_index(with_us["date"].dt.year)["value"][2022] == 4.4244
    assert len(reading.rejected) == 46
