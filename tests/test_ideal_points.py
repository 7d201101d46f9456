"""Ideal points as gaps: the session's year, the interval, the states behind the numbers."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.metrics.similarity import voting_gap
from sanctlib.sources.ideal_points import read_gaps

SAMPLES = Path(__file__).parent / "samples" / "un_ideal_points"
# The gap of Russia and Iran by session, counted from the file by another program.
GAPS = {46: 1.6756, 65: 2.0969, 68: 1.5323, 69: 1.8034, 70: 1.6711, 73: 2.0093, 74: 1.8096}
GAPS |= {75: 1.8506, 76: 2.0452, 77: 1.6144}

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


def test_the_two_yemens_are_two_states_and_the_soviet_union_is_not_russia(
    tmp_path: Path,
) -> None:
    reading = read_gaps(points(tmp_path))
    assert reading.rejected.empty
    early = reading.table[reading.table["date"].eq(pd.Timestamp("1989-01-01"))]
    assert dict(zip(early["first"] + "-" + early["second"], early["value"], strict=True)) == {
        "IRN-SUN": 1.0,
        "IRN-YAR": 0.0,
        "IRN-YMD": 0.5,
        "SUN-YAR": 1.0,
        "SUN-YMD": 0.5,
    }


def test_a_row_without_a_state_is_rejected_and_forms_no_pair(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    nobody = '"7",0,77,82,-1.0,-1.2,-0.8,,Nowhere\n"8",,77,82,-1.0,-1.2,-0.8,NA,Nowhere\n'
    path.write_text(HEAD + ROWS + nobody, encoding="utf-8")
    reading = read_gaps(path)
    assert reading.rejected["reason"].tolist() == ["no state number: '0'", "no state number: ''"]
    pairs = set(reading.table["first"]) | set(reading.table["second"])
    assert pairs == {"IRN", "RUS", "SUN", "YAR", "YMD"}


def test_states_that_join_or_end_during_a_session_are_known_by_its_end() -> None:
    table = sl.read("un_ideal_points", SAMPLES / "Idealpointestimates.csv").table
    pairs = table.assign(year=table["date"].dt.year)
    # West Germany ended in October 1990, Ghana came in March 1957, Serbia is no Yugoslavia.
    assert pairs[["year", "first", "second"]].to_numpy().tolist()[:4] == [
        [1990, "DEU", "SUN"],
        [1956, "GHA", "SUN"],
        [2022, "IRN", "RUS"],
        [2022, "IRN", "SRB"],
    ]


def test_later_releases_have_years_and_estimates_from_final_passage() -> None:
    reading = sl.read("un_ideal_points", SAMPLES / "Idealpoints.tab")
    table = reading.table
    assert table[["first", "second", "value"]].to_numpy().tolist() == [
        ["IRN", "RUS", 1.5],
        ["IRN", "SUN", 1.0],
        ["IRN", "USA", 5.0],
        ["RUS", "USA", 3.5],
    ]
    assert table["date"].dt.year.tolist() == [2024, 1990, 2024, 2024]
    assert reading.rejected["reason"].tolist() == ["no session: '46.5'"]
    assert set(table["measure"]) == {"ideal_point_gap final passage"}


def test_a_file_with_two_estimates_gives_two_measures_that_are_never_mixed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "points.csv"
    head = "ccode,year,IdealPointFP,Q5%FP,Q95%FP,IdealPointAll,Q5%All,Q95%All\n"
    rows = "365,2023,-0.5,-0.7,-0.3,-1,-1.2,-0.8\n630,2023,-1.5,-1.7,-1.3,-1.2,-1.4,-1\n"
    # The second year has one estimate; the last row has none, and is rejected.
    rows += "365,2024,-0.5,-0.7,-0.3,,,\n630,2024,-1.3,-1.5,-1.1,,,\n2,2024,,,,,,\n"
    path.write_text(head + rows, encoding="utf-8")
    reading = read_gaps(path)
    found = reading.table[["measure", "value"]].to_numpy().tolist()
    both = ["ideal_point_gap all votes", "ideal_point_gap final passage"]
    assert found == [[both[0], 0.2], [both[1], 1.0], [both[1], 0.8]]
    assert (reading.audit.n_read, len(reading.rejected)) == (5, 1)
    gap = voting_gap(path, pair=("RUS", "IRN"))
    assert gap.table["release"].tolist() == ["final passage"] * 2
    every = voting_gap(path, pair=("RUS", "IRN"), release="all")
    assert every.table["value"].tolist() == [0.2, 1.0, 0.8]
    panel = sl.dyad_panel(reading, every="year", states=["IRN", "RUS"], absent="missing").table
    assert panel[both].astype("float").fillna(-1).to_numpy().tolist() == [[0.2, 1.0], [-1, 0.8]]


# Session + 1945; reference.md (d), computed from the files by another program.
BY_RELEASE = {
    "2023-07": [2.203, 1.738, 2.009, 1.810, 1.851, 2.045, 1.614],
    "2024-06": [2.206, 1.711, 2.015, 1.764, 1.842, 2.045, 1.421, 1.213],
    "2025-07 all votes": [1.291, 1.681, 1.370, 1.593, 1.335, 1.237, 0.423, 0.270],
    "2025-07 final passage": [2.156, 1.459, 1.728, 1.588, 1.547, 1.840, 0.721, 0.979, 0.677],
}


@pytest.mark.parametrize("release", BY_RELEASE)
def test_each_release_has_the_known_gaps_of_iran_and_russia(release: str) -> None:
    gap = voting_gap(sl.load("un_ideal_points"), pair=("IRN", "RUS"), release=release)
    since = gap.table[gap.table["period"].ge("2016")]
    assert since["value"].round(3).tolist() == pytest.approx(BY_RELEASE[release], abs=0.00101)
    assert all(f"(release {release}; " in sentence for sentence in gap.summary())
    assert gap.notes[0] == f"Release of the estimates: {release}."
    assert release in gap.caption


def test_the_newest_final_passage_is_the_default_and_all_releases_are_shown_when_asked() -> None:
    shipped, pair = sl.load("un_ideal_points"), ("IRN", "RUS")
    chosen = voting_gap(shipped, pair=pair)
    assert set(chosen.table["release"]) == {"2025-07 final passage"}
    assert "In 2022 the 4 releases put the gap of Iran and Russia between 0.42 and 1.61." in (
        chosen.notes
    )
    every = voting_gap(shipped, pair=pair, release="all")
    assert every.table["release"].unique().tolist() == sorted(BY_RELEASE)
    assert [s.split("(release ")[1].split(";")[0] for s in every.summary()] == sorted(BY_RELEASE)
    labels = [line.get_label() for line in every.plot().lines]
    assert "Iran and Russia, 2023-07" in labels
    with pytest.raises(SanctlibError, match=r"release is '2025-07'\. .*Did you mean"):
        voting_gap(shipped, pair=pair, release="2025-07")


def test_the_releases_are_those_of_the_real_files(real_data: Path) -> None:
    folder = real_data / "partnership"
    frame = pd.read_stata(folder / "un_ideal_points_2025-07.dta").set_index(["iso3c", "year"])
    russia, iran = frame.loc["RUS"], frame.loc["IRN"]
    shipped = sl.load("un_ideal_points")
    # What the release of 2025 calls legacy is the release of 2024.
    columns = {"2024-06": "legacy", "2025-07 all votes": "all", "2025-07 final passage": "fp"}
    for release, column in columns.items():
        gap = (russia[f"idealpoint{column}"] - iran[f"idealpoint{column}"]).abs().dropna()
        table = voting_gap(shipped, pair=("IRN", "RUS"), release=release).table
        found = table.set_index(table["period"].dt.year)["value"].dropna()
        assert found.to_numpy() == pytest.approx(gap.loc[1991:].to_numpy(), abs=0.0001)
    # The default counts as many votes as the releases before; all votes are twice as many.
    votes = russia.loc[2022, ["nvotesfp", "nvotesall", "nvotesLegacy"]]
    assert votes.tolist() == [88, 194, 88]


def test_a_file_without_two_states_to_compare_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(HEAD + ROWS.splitlines()[0])
    with pytest.raises(SourceError, match="no session with two states"):
        read_gaps(tmp_path / "one.csv")


def test_the_gaps_of_the_real_file_are_the_known_ones(real_data: Path) -> None:
    reading = read_gaps(real_data / "partnership" / "un_ideal_points_2023-07.csv.gz")
    table = reading.table
    pair = table[table["first"].eq("IRN") & table["second"].eq("RUS")]
    gaps = pair.set_index(pair["date"].dt.year - 1945)["value"]
    assert gaps.to_dict().items() >= GAPS.items()
    with_us = table[table["first"].eq("IRN") & table["second"].eq("USA")]
    assert with_us.set_index(with_us["date"].dt.year)["value"][2022] == 4.4244
    assert (reading.audit.n_read, len(reading.rejected)) == (11045, 0)
    sessions = set(range(1, 78)) - set(table["date"].dt.year - 1945)
    assert sessions == {19}
    assert [gap[:2] for gap in reading.coverage.gaps] == [(date(1964, 1, 1), date(1964, 12, 31))]


def test_every_state_of_the_real_file_is_known_by_its_number(real_data: Path) -> None:
    table = read_gaps(real_data / "partnership" / "un_ideal_points_2023-07.csv.gz").table
    with_us = table[table["second"].eq("USA")].assign(year=table["date"].dt.year)
    years = with_us.groupby("first")["year"].agg(["min", "max"])
    assert years.loc[["RUS", "SCG", "SUN"]].to_numpy().tolist() == [
        [1991, 2022],
        [2003, 2005],
        [1946, 1990],
    ]
    other = table[table["first"].eq("USA")].assign(year=table["date"].dt.year)
    years = other.groupby("second")["year"].agg(["min", "max", "size"])
    assert years.loc[["YMD"]].to_numpy().tolist() == [[1967, 1989, 23]]
    assert "YUG" not in set(table.loc[table["date"].dt.year.gt(2002), "second"])


def test_any_pair_has_its_gap_from_the_file_and_a_session_without_votes_is_missing(
    tmp_path: Path,
) -> None:
    spain = "".join(f",230,{n},80,-1.0,-1.2,-0.8,ESP,Spain\n" for n in (44, 46))
    path = tmp_path / "points.csv"
    path.write_text(HEAD + ROWS + spain + ",630,46,80,-1.4,-1.6,-1.2,IRN,Iran\n", encoding="utf-8")
    # Half widths .2 and .2 add in quadrature: .2828. No row of session 45.
    gap = voting_gap(path, pair=("IRN", "ESP")).table
    assert set(gap.pop("release")) == {"all votes"}
    assert gap.fillna(-1).to_dict("list") == {
        "period": list(pd.to_datetime(["1989-01-01", "1990-01-01", "1991-01-01"])),
        "session": [44, 45, 46],
        "first": ["ESP"] * 3,
        "second": ["IRN"] * 3,
        "value": [0.0, -1, 0.4],
        "lower": [0.0, -1, 0.1172],
        "upper": [0.2828, -1, 0.6828],
    }


def test_a_pair_without_a_gap_is_told_where_to_find_one() -> None:
    shipped = sl.load("un_ideal_points")
    with pytest.raises(SanctlibError, match=r"no gap of DEU and FRA\. .*the producer's file"):
        voting_gap(shipped, pair=[("RUS", "IRN"), ("FRA", "DEU")])
    with pytest.raises(SanctlibError, match=r"'russia_iran' holds events\. It must hold dyads"):
        voting_gap(sl.load("russia_iran"), pair=("RUS", "IRN"))
    with pytest.raises(SanctlibError, match="Name either pair="):
        voting_gap(shipped, pair=None)  # type: ignore[arg-type]


def test_several_pairs_have_the_gaps_each_has_alone() -> None:
    shipped = sl.load("un_ideal_points")
    pairs = [("RUS", "IRN"), ("USA", "IRN")]
    found = voting_gap(shipped, pair=pairs)
    alone = [voting_gap(shipped, pair=pair).table for pair in pairs]
    pd.testing.assert_frame_equal(found.table, pd.concat(alone, ignore_index=True))
    names = ["period", "session", "release", "first", "second", "value", "lower", "upper"]
    assert list(found.table) == names
    assert (found.kind, found.n) == ("gap", found.table["value"].notna().sum())
    assert found.findings[0] == (
        "Iran and Russia: gap of 1.59 in 1991 (90% interval 1.12 to 2.05) and 0.68 in 2024 "
        "(90% interval 0.43 to 0.92) (release 2025-07 final passage; UN General Assembly, "
        "1 January 1946 to 31 December 2024)."
    )
    assert "Sessions without a value are missing: 19." in found.notes


def test_the_shipped_gap_is_that_of_the_real_file(real_data: Path) -> None:
    path = real_data / "partnership" / "un_ideal_points_2023-07.csv.gz"
    gap = voting_gap(path, pair=("RUS", "IRN")).table
    assert gap.set_index("session")["value"].to_dict().items() >= GAPS.items()
    assert gap["value"].between(gap["lower"], gap["upper"]).all()
    ours = voting_gap(sl.load("un_ideal_points"), pair=("RUS", "IRN"), release="2023-07").table
    pd.testing.assert_frame_equal(gap.drop(columns="release"), ours.drop(columns="release"))
    # A pair that we do not ship; no session 19.
    others = voting_gap(path, pair=("FRA", "GBR")).table
    assert others.loc[others["value"].isna(), "session"].tolist() == [19]
    assert (others["session"].min(), others["session"].max()) == (1, 77)
