"""Lists of the EU, the UK and the UN by day, and US listings by address: the files and the tables.

Expected numbers were counted from the real files by two independent programs.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.text import Text

import sanctlib as sl
from sanctlib.codes.actions import programmes
from sanctlib.codes.succession import read_codes
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.reading import Reading
from sanctlib.schema import BASES
from sanctlib.sources.listings import listing_counts
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples"
FILES = {
    "eu_listings": "lists/eu_journal_consolidated_2026-08.tar.xz",
    "uk_listings": "lists/uk_subjects_2026-05.csv.gz",
    "us_by_address": "lists/ofac_panel_address_country_2022-04_2026-03.csv.gz",
}
VERSIONS = ("2018-10-29", "2025-04-19", "2026-02-27")

EU_YEARS = {
    "269/2014": "2014 143 2015 24 2016 6 2017 7 2018 20 2019 8 2020 13 2021 10 2022 1284 2023 387 "
    "2024 404 2025 286 2026 209",
    "833/2014": "2014 9 2022 386 2023 202 2024 194 2025 735 2026 139",
    "2024/1485": "2024 20 2025 45 2026 40",
    "2024/2642": "2024 19 2025 57 2026 24",
    "765/2006": "2004 4 2020 91 2021 113 2022 24 2023 41 2024 55 2025 45 2026 4",
    "359/2011": "2011 55 2012 13 2013 9 2021 10 2022 67 2023 112 2025 9 2026 46",
    "267/2012": "2006 22 2007 43 2008 37 2010 65 2011 50 2012 16 2014 1 2025 103 2026 2",
    "2023/1529": "2023 10 2024 26 2026 13",
}
EU_UNDATED = {"269/2014": 1, "833/2014": 81, "765/2006": 31}
UK_YEARS = {
    "RUS": "2020 226 2022 1383 2023 328 2024 275 2025 743 2026 297",
    "IRN": "2020 79 2022 42 2023 60 2024 54 2025 8 2026 11",
    "INU": "2020 111 2023 78 2025 114",
    "BEL": "2020 67 2021 51 2022 6 2023 24 2024 10 2025 9",
}
UN_STOCKS = {
    "2018-10-29": {"Al-Qaida": 347, "Iraq": 238, "DPRK": 155, "Taliban": 140, "Iran": 84}
    | {"DRC": 44, "Libya": 29, "Somalia": 16, "CAR": 13, "GB": 10, "SouthSudan": 8}
    | {"Yemen": 5, "Sudan": 4},
    "2025-04-19": {"Al-Qaida": 343, "DPRK": 155, "Taliban": 140, "Iraq": 76, "DRC": 53}
    | {"Libya": 30, "Somalia": 24, "CAR": 15, "Yemen": 11, "GB": 10, "SouthSudan": 8}
    | {"Haiti": 7, "Sudan": 5},
}


def years(text: str) -> dict[int, int]:
    numbers = [int(word) for word in text.split()]
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


def by_year(table: pd.DataFrame, programme: str) -> dict[int, int]:
    """Sum the listings of a programme per year, but for those without a day."""
    rows = table[table["programme"].eq(programme) & table["basis"].ne("undated")]
    return rows.groupby(rows["date"].dt.year)["n_listings"].sum().to_dict()


@pytest.fixture(scope="module", params=["shipped", "real"])
def tables(request: pytest.FixtureRequest) -> dict[str, pd.DataFrame]:
    """The tables as they are shipped, and as the real files give them again."""
    if request.param == "shipped":
        return {key: sl.load(key).table for key in (*FILES, "un_listings")}
    real_data: Path = request.getfixturevalue("real_data")
    read = {key: sl.read(key, real_data / name) for key, name in FILES.items()}
    copies = [sl.read("un", real_data / f"lists/un_consolidated_{d}.xml.gz") for d in VERSIONS]
    return {
        "eu_listings": listing_counts(read["eu_listings"], every="day", by=["measure", "basis"]),
        "uk_listings": listing_counts(read["uk_listings"], every="day", by=["basis"]),
        "us_by_address": read["us_by_address"].table,
        "un_listings": sl.compare_copies(copies).table.assign(source="un_listings"),
    }


@pytest.mark.parametrize("key", [*FILES, "un_listings"])
def test_the_shipped_table_is_that_of_the_real_file(
    key: str, tables: dict[str, pd.DataFrame]
) -> None:
    ours = sl.load(key).table
    pd.testing.assert_frame_equal(
        tables[key][ours.columns].reset_index(drop=True), ours, check_dtype=False
    )


@pytest.mark.parametrize("act", EU_YEARS)
def test_the_eu_has_the_known_entries_by_act_and_year(
    act: str, tables: dict[str, pd.DataFrame]
) -> None:
    table = tables["eu_listings"]
    assert by_year(table, act) == years(EU_YEARS[act])
    undated = table[table["programme"].eq(act) & table["basis"].eq("undated")]
    assert undated["n_listings"].sum() == EU_UNDATED.get(act, 0)


def test_the_eu_has_302_entries_without_a_day_and_37_acts(
    tables: dict[str, pd.DataFrame],
) -> None:
    table = tables["eu_listings"]
    assert table["n_listings"].sum() == 8017
    assert table["programme"].nunique() == 37
    assert table.groupby("basis")["n_listings"].sum().to_dict() == {
        "earlier": 636,
        "listed": 6976,
        "restored": 103,
        "undated": 302,
    }
    measures = table.groupby("measure")["n_listings"].sum().to_dict()
    assert measures == {
        "asset_freeze": 6199,
        "export_control": 947,
        "finance": 145,
        "investment": 11,
        "services": 32,
        "transport": 683,
    }


# Persons and other entries of 269/2014; the published sizes of packages are 106 + 88, 48 + 35,
# 17 + 58, 69 + 47, 71 + 33 and 141 + 49.
@pytest.mark.parametrize(
    ("day", "persons", "others"),
    [
        ("2024-02-23", 106, 88),
        ("2025-02-24", 48, 35),
        ("2025-05-20", 17, 58),
        ("2024-06-24", 70, 47),
        ("2023-06-23", 69, 33),
        ("2022-12-16", 136, 49),
    ],
)
def test_packages_of_the_eu_have_nearly_their_published_size(
    day: str, persons: int, others: int, tables: dict[str, pd.DataFrame]
) -> None:
    table = tables["eu_listings"]
    rows = table[table["programme"].eq("269/2014") & table["date_last"].eq(pd.Timestamp(day))]
    person = rows["entity_type"].eq("individual")
    found = rows.loc[person, "n_listings"].sum(), rows.loc[~person, "n_listings"].sum()
    assert found == (persons, others)


@pytest.mark.parametrize("regime", UK_YEARS)
def test_the_uk_has_the_known_subjects_by_regime_and_year(
    regime: str, tables: dict[str, pd.DataFrame]
) -> None:
    assert by_year(tables["uk_listings"], regime) == years(UK_YEARS[regime])


def test_days_that_are_no_uk_listing_are_marked(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["uk_listings"]
    assert table["n_listings"].sum() == 6046
    bases = table.groupby(["programme", "basis"])["n_listings"].sum()
    assert bases["INU"].to_dict() == {"carried_over": 189, "restored": 114}
    assert bases["RUS"].to_dict() == {"carried_over": 226, "listed": 3026}
    assert bases["GHR"].to_dict() == {"carried_over": 3, "listed": 171}
    assert bases["AFG"].to_dict() == {"earlier": 140}
    last_day = table["date"].eq(pd.Timestamp("2020-12-31"))
    assert set(table.loc[last_day, "basis"]) == {"carried_over"}


@pytest.mark.parametrize("day", UN_STOCKS)
def test_the_un_list_has_the_known_entries_per_version(day: str) -> None:
    stock = sl.active_sanctions(
        sl.load("un_listings"),
        every="day",
        at="end_of_period",
        by=["programme"],
        start=day,
        end=day,
    ).table
    found = stock.set_index("programme")["n"]
    assert found[found.gt(0)].to_dict() == UN_STOCKS[day]


def test_the_un_list_lost_iran_and_has_it_again(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["un_listings"]
    iran = table[table["programmes"].eq("Iran")].groupby("to")
    assert iran["closing"].sum().tolist() == [84, 0, 121]
    assert iran["added"].sum().tolist() == [0, 0, 121]
    assert iran["removed"].sum().tolist() == [0, 84, 0]
    changes = table.groupby("to")[["added", "removed"]].sum()
    assert changes.iloc[1].to_dict() == {"added": 65, "removed": 281}
    opening = table.loc[table["from"].eq(table["to"]), "closing"].sum()
    net = (table["added"] - table["removed"]).groupby(table["to"]).sum()
    assert (opening + net.cumsum()).tolist() == [1093, 877, 1003]


def test_the_day_that_the_un_states_survives_a_removal(real_data: Path) -> None:
    iran = sl.read("un", real_data / "lists/un_consolidated_2026-02-27.xml.gz").table
    iran = iran[iran["programme"].eq("Iran")]
    assert iran["entity_type"].value_counts().to_dict() == {"entity": 78, "individual": 43}
    stated = iran["listed"].dt.year.value_counts().to_dict()
    assert stated == {2006: 22, 2007: 28, 2008: 25, 2010: 41, 2012: 5}


def test_us_listings_by_address_have_the_known_numbers(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["us_by_address"]
    assert table["second"].nunique() == 180
    assert not table.duplicated(["measure", "second", "date"]).any()
    added = table[table["measure"].eq("added_by_address")]
    sums = added.groupby(["second", added["date"].dt.year])["value"].sum()
    assert sums["RUS"].tolist() == [768, 1219, 1681, 318, 6]
    assert sums["IRN"].tolist() == [86, 140, 135, 154, 26]
    levels = table[table["measure"].eq("listed_by_address")].set_index(["second", "date"])["value"]
    assert levels["RUS"].iloc[[0, -1]].tolist() == [1469, 5419]
    assert levels["IRN"].iloc[-1] == 1519
    assert len(levels) == 8640


def both_us_tables(state: str) -> pd.DataFrame:
    """The months from May 2022 to April 2024 whose additions are known in both US tables."""
    programme = sl.sanction_counts(
        sl.load("ofac_sdn"),
        every="month",
        unit="entity",
        by=["target"],
        targets=[state],
        start="2022-05",
        end="2024-04",
    ).table.set_index("period")["n"]
    table = sl.load("us_by_address").filter(second=state, measure="added_by_address").table
    known = programme.dropna().astype("float64")
    address = table.set_index("date")["value"].reindex(known.index)
    return pd.DataFrame({"programme": known, "address": address})


def test_the_two_us_tables_agree_on_russia_more_than_on_iran() -> None:
    """The numbers of docs/what_is_counted.md."""
    russia, iran = both_us_tables("RUS"), both_us_tables("IRN")
    assert (len(russia), len(iran)) == (15, 21)
    correlations = [table["programme"].corr(table["address"]) for table in (russia, iran)]
    assert correlations == pytest.approx([0.976, 0.723], abs=0.001)
    assert iran.sum().tolist() == [452, 289]


def test_a_list_by_address_is_no_table_of_sanctions() -> None:
    with pytest.raises(SanctlibError, match="holds dyads"):
        sl.sanction_counts(sl.load("us_by_address"), every="year", unit="entity")


@pytest.mark.parametrize("key", ["eu_listings", "uk_listings"])
def test_counts_of_current_entries_say_so(key: str) -> None:
    reading = sl.load(key)
    found = sl.sanction_counts(
        reading, every="year", unit="designation", by=["target"], targets=["IRN"]
    )
    day = f"{reading.coverage.last:%-d %B %Y}" if reading.coverage else ""
    assert found.name.startswith(f"Entries still on the list on {day}, by the day of their listing")
    assert "The day is not that of a new listing: " in found.caption
    assert "lower bounds, no band" in found.caption
    assert found.table["upper"].isna().all()
    texts = " ".join(text.get_text() for text in found.plot().findobj(Text))
    assert "Entries still on the list" in texts
    with pytest.raises(SanctlibError, match="holds listing_counts"):
        sl.active_sanctions(reading, every="year", at="any_day")


def test_ships_and_asset_freezes_are_never_one_number() -> None:
    reading = sl.load("eu_listings")
    asked = {"every": "year", "unit": "designation", "targets": ["RUS"]}
    with pytest.raises(SanctlibError, match=r"'transport', which do not add up\. Add 'measure'"):
        sl.sanction_counts(reading, by=["target"], **asked)
    with pytest.raises(SanctlibError, match="which do not add up"):
        sl.compare_units([reading], start="2022", end="2022", targets=["RUS"])
    apart = sl.sanction_counts(reading, by=["measure"], **asked).table
    ships = apart[apart["measure"].eq("transport")].set_index("period")["n"]
    assert ships[pd.Timestamp("2025-01-01")] == 523
    one = sl.sanction_counts(reading.filter(measure="asset_freeze"), by=["target"], **asked).table
    assert one.set_index("period")["n"][pd.Timestamp("2025-01-01")] == 286 + 45 + 57


def test_an_entry_without_a_day_is_counted_but_not_dated() -> None:
    counts = sl.sanction_counts(
        sl.load("eu_listings"), every="year", unit="designation", by=["measure"], targets=["IRQ"]
    ).table
    assert counts["n_unassigned"].sum() == 75
    assert counts["n"].sum() == 0


def test_every_regime_of_the_tables_is_reviewed() -> None:
    known = programmes().set_index("list")["programme"]
    for key, name in (("eu_listings", "EU"), ("uk_listings", "UK subjects")):
        assert set(sl.load(key).table["programme"]) <= set(known[name])
    assert len(known["UK subjects"]) == 31
    acts = programmes().query("list == 'EU' and why.str.startswith('CELEX')")
    assert len(acts) == 45


def test_every_basis_has_a_reason() -> None:
    table = read_codes("bases.csv", dates=("first", "last", "reviewed"))
    assert table["why"].str.len().gt(20).all()
    assert set(table["basis"]) == set(BASES) - {"undated"}
    assert (table["first"].isna() | table["first"].le(table["last"])).all()
    known = {*(programmes()["list"] + programmes()["programme"]), "UK subjects"}
    assert set(table["list"] + table["programme"]) <= known


@pytest.fixture(scope="module")
def annexes() -> Reading:
    return sl.read("eu_listings", SAMPLES / "eu_listings" / "annexes.tar.gz")


def test_both_spellings_of_a_day_are_read_and_amending_acts_are_not(annexes: Reading) -> None:
    table = annexes.table.set_index("listing_id")
    assert table.loc["32014R0833|IV|line 2|LegalEntity", "listed"] == pd.Timestamp("2022-03-12")
    assert table.loc["32014R0833|IV|line 3|LegalEntity", "listed"] == pd.Timestamp("2023-06-23")
    assert sorted(table["programme"].unique()) == ["267/2012", "269/2014", "833/2014"]
    assert annexes.rejected["reason"].tolist() == [
        "unknown measure 'Tariff'",
        "impossible day of listing: '31.6.2024'",
    ]
    assert "Alpha" not in annexes.table.to_csv() + annexes.rejected.to_csv()


def test_an_archive_of_other_files_is_refused(tmp_path: Path) -> None:
    archive = SAMPLES / "ofac_sdn" / "sdn_copies.tar.gz"
    with pytest.raises(SourceError, match=r"holds no entry in a file such as 32014R0269\.csv"):
        sl.read("eu_listings", archive)
    damaged = tmp_path / "annexes.tar.gz"
    damaged.write_bytes((SAMPLES / "eu_listings" / "annexes.tar.gz").read_bytes()[:200])
    with pytest.raises(SourceError, match="cannot be read as an archive"):
        sl.read("eu_listings", damaged)


def test_the_regime_of_a_uk_subject_is_its_letters() -> None:
    reading = sl.read("uk_listings", SAMPLES / "uk_listings" / "subjects.csv")
    found = reading.table.set_index("listing_id")[["programme", "date_basis"]]
    assert found.loc["INU0001"].tolist() == ["INU", "carried_over"]
    assert found.loc["INU0002"].tolist() == ["INU", "restored"]
    assert found.loc["GHR0001"].tolist() == ["GHR", "listed"]
    assert found.loc["AFG0001"].tolist() == ["AFG", "earlier"]
    assert reading.audit.n_rejected == 3


def test_the_first_month_of_a_panel_has_no_changes() -> None:
    table = sl.read("us_by_address", SAMPLES / "us_by_address" / "panel.csv").table
    assert table[table["date"].eq(table["date"].min())]["measure"].unique().tolist() == [
        "listed_by_address"
    ]
    assert set(table["first"]) == {"USA"}
    assert "PRK" in set(table["second"])
