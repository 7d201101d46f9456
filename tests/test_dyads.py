"""Dyad-years: directions, repeats, reports of both sides, parties, and the known ICEWS sums."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SourceError
from sanctlib.reading import Reading
from sanctlib.result import Result
from sanctlib.store import load_stored, save

SAMPLES = Path(__file__).parent / "samples"
VERBAL = [888, 1195, 979, 1125, 2894, 2879, 1022, 1052, 970, 1178, 1141, 1714, 2247]
MATERIAL = [31, 25, 10, 27, 32, 32, 39, 46, 27, 10, 21, 11, 16]
VERBAL_CONFLICT = [17, 33, 18, 76, 240, 147, 49, 78, 121, 51, 72, 41, 19]
MATERIAL_CONFLICT = [13, 17, 14, 5, 71, 45, 44, 52, 108, 31, 30, 22, 9]


def sample(key: str, name: str) -> Reading:
    return sl.read(key, SAMPLES / key / name)


def values(reading: Reading, measure: str) -> dict[str, float]:
    table = reading.table[reading.table["measure"].eq(measure)]
    year = table["date"].dt.year.astype("str")
    names = table["first"] + ">" + table["second"] + " " + year
    return dict(zip(names, table["value"], strict=True))


def reasons(reading: Reading) -> dict[int, str]:
    return dict(zip(reading.rejected["line"], reading.rejected["reason"], strict=True))


@pytest.fixture(scope="module")
def icews_years(real_data: Path) -> Reading:
    return sl.read(
        "icews_dyad_years", real_data / "partnership" / "icews_dyad_year_2002_2014.csv.gz"
    )


@pytest.fixture(scope="module")
def icews_small() -> Reading:
    return sample("icews_dyad_years", "icews_dyad_year.csv")


def test_each_direction_has_its_own_counts_and_zero_is_kept(icews_small: Reading) -> None:
    assert values(icews_small, "material_cooperation") == {
        "IRN>RUS 2012": 2,
        "NAM>KOR 2012": 0,
        "RUS>CHN 2012": 4,
        "RUS>IRN 2012": 1,
        "RUS>IRN 2013": 0,
        "SDN>SSD 2011": 1,
    }
    assert icews_small.table["directed"].all()
    assert icews_small.table[["lower", "upper"]].isna().all(axis=None)


def test_impossible_counts_states_before_their_time_and_other_values_are_rejected(
    icews_small: Reading,
) -> None:
    assert reasons(icews_small) == {
        8: "another value than an earlier row of this dyad-year",
        9: "matlCoop is no count: '-1'",
        11: "second 'SSD' was not a state on 2010-12-31",
    }
    audit = icews_small.audit
    assert (audit.n_read, audit.n_merged, audit.n_rejected) == (10, 1, 3)
    assert audit.n_read + audit.n_added == audit.n_kept + audit.n_merged + audit.n_rejected


def test_coverage_names_the_states_the_file_speaks_of(icews_small: Reading) -> None:
    coverage = icews_small.coverage
    assert coverage is not None
    assert coverage.states == {"CHN", "IRN", "KOR", "NAM", "RUS", "SDN", "SSD"}
    assert (coverage.first, coverage.last) == (date(2011, 1, 1), date(2013, 12, 31))


def test_several_treaties_are_one_dyad_year_and_the_two_directions_differ() -> None:
    reading = sample("cow_alliances", "alliance_v4.1_by_directed_yearly.csv")
    assert values(reading, "alliance_nonaggression") == {
        "DEU>USA 1990": 0,
        "IRN>RUS 1991": 0,
        "IRN>SUN 1990": 0,
        "RUS>IRN 1991": 1,
        "SUN>IRN 1990": 1,
        "USA>DEU 1990": 0,
    }
    # One treaty of 1991 is an entente and the other is not; 260 and 255 are both DEU.
    assert values(reading, "alliance_entente")["RUS>IRN 1991"] == 1
    assert values(reading, "alliance_defence")["USA>DEU 1990"] == 1
    assert reading.table["directed"].all()
    assert set(reasons(reading)) == {8, 9}


def test_years_before_our_codes_are_rejected_with_that_reason() -> None:
    reading = sample("cow_alliances", "alliance_v4.1_by_directed_yearly.csv")
    assert reasons(reading)[8] == "before 1945, when our codes of states begin: '1914'"


def test_a_file_of_pairs_without_direction_is_written_in_the_order_of_the_alphabet() -> None:
    reading = sample("cow_alliances", "alliance_v4.1_by_dyad_yearly.csv")
    assert values(reading, "alliance_entente") == {"CAN>USA 1992": 0, "IRN>RUS 1992": 1}
    assert not reading.table["directed"].any()
    assert reasons(reading) == {5: "second is no party: '999'"}
    assert reading.unmatched.to_numpy().tolist() == [["second", "999", "unknown name", 1]]


def test_atop_says_who_owes_what_to_whom() -> None:
    reading = sample("atop", "atop5_1ddyr.csv")
    assert values(reading, "alliance_consultation") == {
        "EGY>SUN 1957": 0,
        "IRN>RUS 2001": 0,
        "RUS>IRN 2001": 1,
        "SUN>EGY 1957": 0,
    }
    # An empty cell is no zero.
    assert "SUN>EGY 1957" not in values(reading, "alliance_shared_obligation")
    assert reasons(reading)[6] == "defense is no flag: '2'"


def test_the_undirected_file_of_atop_has_other_columns_and_no_direction() -> None:
    reading = sample("atop", "atop5_1dy.csv")
    assert values(reading, "alliance_nonaggression") == {"CAN>USA 2001": 0, "IRN>RUS 2001": 1}
    assert not reading.table["directed"].any()
    assert reasons(reading) == {4: "a state with itself"}


@pytest.mark.parametrize("name", ["DOT_timeSeries.csv", "DOT_compact.csv", "DOT_panel.csv"])
def test_a_flow_has_two_reports_with_the_exporter_first_in_both(name: str) -> None:
    reading = sample("trade", name)
    flow = "RUS>IRN 2019"
    assert values(reading, "exports_reported_by_exporter")[flow] == 1000
    assert values(reading, "imports_reported_by_importer")[flow] == 1100.5
    assert reading.table["directed"].all()


def test_empty_cells_of_trade_are_missing_and_months_are_left() -> None:
    reading = sample("trade", "DOT_timeSeries.csv")
    assert values(reading, "imports_reported_by_importer") == {
        "IRN>RUS 2019": 400,
        "IRN>RUS 2020": 50,
        "RUS>IRN 2019": 1100.5,
    }
    assert values(reading, "exports_reported_by_exporter") == {
        "CHN>KAZ 2019": 5,
        "NAM>KOR 2019": 7,
        "RUS>IRN 2019": 1000,
        "RUS>IRN 2020": 0,
    }
    assert values(reading, "balance_reported_by_first")["RUS>IRN 2020"] == -50


def test_the_world_and_rows_without_a_value_are_rejected_and_listed() -> None:
    reading = sample("trade", "DOT_timeSeries.csv")
    assert reasons(reading) == {
        7: "second is no party: 'World'",
        9: "no value",
        10: "a flow below zero",
    }
    assert reading.unmatched.to_numpy().tolist() == [["second", "World", "unknown name", 2]]


def test_months_and_unknown_indicators_of_trade_are_rejected() -> None:
    assert reasons(sample("trade", "DOT_compact.csv")) == {
        3: "no year: '2019M01'",
        5: "no value",
        6: "unknown indicator 'TXX_USD'",
        7: "first is no party: 'Euro Area'",
    }


def test_deliveries_of_a_year_are_added_and_lines_alike_are_one() -> None:
    reading = sample("sipri", "trade-register.csv")
    # 27 and 3.25 in 2016, the second line twice.
    assert values(reading, "arms_deliveries_tiv") == {
        "IRN>NS-HEZBOLLAH-LEBANON 2016": 2,
        "RUS>IO-NATO 2016": 1,
        "RUS>IRN 2016": 30.25,
        "RUS>IRN 2017": 13.5,
        "SUN>DDR 1985": 6,
        "SUN>YAR 1985": 9,
        "TUR>ARE 2018": 0,
    }


def test_unknown_recipients_years_and_values_are_rejected_by_their_line() -> None:
    assert reasons(sample("sipri", "trade-register.csv")) == {
        19: "second is no party: 'unknown recipient(s)'",
        22: "no year: ''",
        23: "no value",
    }


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("icews_dyad_years", "icews_dyad_year.csv"),
        ("cow_alliances", "alliance_v4.1_by_dyad_yearly.csv"),
        ("sipri", "trade-register.csv"),
    ],
)
def test_a_file_of_another_source_is_refused_with_its_right_key(key: str, name: str) -> None:
    with pytest.raises((SourceError, MissingColumnsError), match=f"sl.read\\('{key}'"):
        sl.read("atop", SAMPLES / key / name)


@pytest.mark.parametrize(
    ("head", "needed"),
    [
        ("Country Name,Counterpart Country Name,Time Period,Value", "Indicator Code"),
        ("Country Name,Counterpart Country Name,Indicator Code,Value", "Time Period"),
        ("Country Name,Counterpart Country Name,Indicator Code,Time Period", "Value"),
    ],
)
def test_trade_without_a_column_it_needs_is_refused(tmp_path: Path, head: str, needed: str) -> None:
    (tmp_path / "dot.csv").write_text(head + "\nx,y,z,w\n")
    with pytest.raises(MissingColumnsError, match=f"no column '{needed}'"):
        sl.read("trade", tmp_path / "dot.csv")


def test_a_file_without_any_row_that_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(
        "i_iso3c,j_iso3c,year,verbCoop,matlCoop,verbConf,matlConf\nRUS,RUS,2002,1,1,1,1"
    )
    with pytest.raises(SourceError, match="no dyad-year that can be read"):
        sl.read("icews_dyad_years", path)


def test_a_directed_table_is_stored_and_drawn(tmp_path: Path, icews_small: Reading) -> None:
    save(icews_small, tmp_path)
    stored = load_stored("icews_dyad_years", tmp_path)
    pd.testing.assert_frame_equal(stored.table, icews_small.table)
    assert stored.coverage == icews_small.coverage
    mpl.use("Agg")
    verbal = stored.table[stored.table["measure"].eq("verbal_cooperation")]
    of_russia = verbal[verbal["first"].eq("RUS")].rename(columns={"date": "period"})
    ax = Result(table=of_russia, kind="gap", name="Co-operation", unit="acts").plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Russia and China",
        "Russia and Iran",
    ]


def test_every_row_of_the_real_icews_dyad_years_is_kept(icews_years: Reading) -> None:
    audit, coverage = icews_years.audit, icews_years.coverage
    assert (audit.n_read, audit.n_rejected, audit.n_merged) == (130_401, 0, 0)
    assert audit.n_kept == 4 * 130_401
    assert coverage is not None
    assert coverage.states is not None
    n = len(coverage.states)
    n_years = coverage.last.year - coverage.first.year + 1
    assert (n, n * (n - 1) * n_years) == (152, 298_376)


def test_a_panel_of_the_real_icews_dyad_years_holds_the_known_series(icews_years: Reading) -> None:
    panel = sl.dyad_panel(
        icews_years, every="year", states=["RUS", "IRN"], directed=True, absent="zero"
    ).table
    assert panel["covered"].all()
    there = panel[panel["first"].eq("RUS")]
    assert there["period"].dt.year.tolist() == list(range(2002, 2015))
    assert there["verbal_cooperation"].tolist() == VERBAL
    assert there["material_cooperation"].tolist() == MATERIAL
    assert there["verbal_conflict"].tolist() == VERBAL_CONFLICT
    assert there["material_conflict"].tolist() == MATERIAL_CONFLICT
    back = panel[panel["first"].eq("IRN")].set_index("period").loc["2014-01-01"]
    kinds = ["verbal_cooperation", "material_cooperation", "verbal_conflict", "material_conflict"]
    assert back[kinds].tolist() == [2447, 24, 13, 2]


def test_the_sums_of_the_real_icews_dyad_years_are_the_known_ones(icews_years: Reading) -> None:
    assert icews_years.table.groupby("measure")["value"].sum().to_dict() == {
        "material_conflict": 438_910,
        "material_cooperation": 143_231,
        "verbal_conflict": 447_500,
        "verbal_cooperation": 5_703_143,
    }


def test_russia_towards_iran_is_the_known_series_and_iran_towards_russia_another(
    icews_years: Reading,
) -> None:
    table = icews_years.table
    there = table[table["first"].eq("RUS") & table["second"].eq("IRN")]
    series = {m: rows["value"].tolist() for m, rows in there.groupby("measure")}
    assert series == {
        "material_conflict": MATERIAL_CONFLICT,
        "material_cooperation": MATERIAL,
        "verbal_conflict": VERBAL_CONFLICT,
        "verbal_cooperation": VERBAL,
    }
    back = table[table["first"].eq("IRN") & table["second"].eq("RUS")]
    last = back[back["date"].dt.year.eq(2014)].set_index("measure")["value"]
    order = ["verbal_cooperation", "material_cooperation", "verbal_conflict", "material_conflict"]
    assert last[order].tolist() == [2447, 24, 13, 2]
