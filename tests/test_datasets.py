"""The shipped datasets: whole, cited, free of names, and equal to what they were made from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.catalogue import prepare
from sanctlib.errors import SourceError, UnknownChoiceError
from sanctlib.schema import TABLES
from sanctlib.sources.chronology import COLUMNS
from sanctlib.sources.listings import listing_counts
from sanctlib.sources.registry import READERS
from sanctlib.store import Dataset, shipped, shipped_path
from tests.conftest import ROOT

KEYS = sorted(shipped())


@pytest.fixture(scope="module")
def acts() -> pd.DataFrame:
    """The chronology as its file has it: one row per act."""
    path = shipped()["russia_iran"].path
    return pd.read_csv(path, dtype="str", keep_default_na=False)


def on(acts: pd.DataFrame, day: str, **values: str) -> pd.DataFrame:
    found = acts[acts["date"].eq(day)]
    for column, value in values.items():
        found = found[found[column].eq(value)]
    return found


@pytest.mark.parametrize("key", KEYS)
def test_a_dataset_loads_adds_up_and_names_its_file(key: str) -> None:
    reading = sl.load(key)
    audit = reading.audit
    assert audit.n_read + audit.n_added == audit.n_kept + audit.n_merged + audit.n_rejected
    assert audit.n_rejected == 0
    assert reading.provenance.files == {shipped()[key].file: shipped()[key].sha256}
    assert reading.provenance.citation
    assert reading.provenance.licence


@pytest.mark.parametrize("key", KEYS)
def test_a_dataset_lies_within_its_coverage(key: str) -> None:
    reading = sl.load(key)
    assert reading.coverage is not None
    last = {"cells": "period", "list_changes": "to"}.get(reading.kind, "date_last")
    first = {"cells": "period", "list_changes": "from"}.get(reading.kind, "date")
    table = reading.table
    if key == "russia_iran":  # the opening balance lies before its first day, or reaches it
        opening = table["date"].lt(pd.Timestamp(reading.coverage.first))
        assert table.loc[opening, "agreement_stage"].eq("in_force").all()
        assert table.loc[opening, "date_last"].eq(pd.Timestamp(reading.coverage.first)).all()
        table = table[~opening]
    assert table[first].min().date() >= reading.coverage.first.replace(day=1)
    if last != "date_last" or reading.kind != "listing_counts":
        assert table[last].max().date() <= reading.coverage.last


@pytest.mark.parametrize(
    "folder", sorted(p.parent.name for p in shipped_path("raw").glob("*/source.toml"))
)
def test_every_folder_has_a_dictionary_of_exactly_its_columns(folder: str) -> None:
    path = shipped_path("raw") / folder
    source = tomllib.loads((path / "source.toml").read_text(encoding="utf-8"))
    assert set(source) >= {"producer", "licence", "citation", "how", "tables"}
    text = (path / "DICTIONARY.md").read_text(encoding="utf-8")
    named = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:]
    for table in source["tables"].values():
        assert list(pd.read_csv(path / table["file"], nrows=1).columns) == named
        kind = table["kind"]
        meant = {*TABLES[kind].names} | ({*COLUMNS} if kind == "events" else set())
        # Each figure of ours that others published has its unit, basis, reference and status.
        more = {"unit", "basis", "reference", "status"} if source.get("curated") else set()
        assert set(named) <= meant | more


def test_the_producers_rows_are_accounted_for_before_they_were_counted() -> None:
    read = {}
    for key in KEYS:
        steps = sl.load(key).upstream
        if steps is not None:
            gone = steps["n_in"] + steps["n_added"] - steps["n_merged"] - steps["n_rejected"]
            assert gone.equals(steps["n_out"])
            read[key] = steps.set_index("step").loc["read", "n_out"]
    assert read == {
        "canada_sema": 4759,
        "eu_listings": 8017,
        "gdelt_pair_scores": 2149,
        "icews_monthly": 1265992,
        "icews_weekly": 1265992,
        "ofac_entry_dates": 10760,
        "ofac_sdn": 4354214,
        "uk_listings": 6046,
        "un_ideal_points": 11045 + 11238 + 11440,
        "un_listings": 2973,
        "us_by_address": 8640,
    }


def test_only_what_may_be_shipped_is_shipped() -> None:
    names = sorted(p.name for p in shipped_path("raw").rglob("*") if p.is_file())
    tables = [
        "chronology.csv",
        "figures.csv",
        "gaps.csv.gz",
        "list_changes.csv",
        "listing_counts.csv",
    ]
    tables += ["by_address.csv.gz", "monthly.csv.gz", "scores.csv", "weekly.csv.gz"]
    assert sorted(set(names)) == sorted(["DICTIONARY.md", "audit.csv", "source.toml", *tables])
    people = {"name", "entity_name", "LastName", "title"}
    for key in KEYS:
        if key != "russia_iran":
            assert not people & set(sl.load(key).table.columns)


def test_the_published_figures_of_arms_are_directed_and_have_their_basis() -> None:
    table = sl.load("russia_iran_figures").table
    arms = table[table["measure"].eq("arms_deliveries")]
    assert arms[["first", "second", "value"]].to_numpy().tolist() == [
        ["IRN", "RUS", 493.0],
        ["RUS", "IRN", 409.0],
        ["RUS", "IRN", 63.0],
    ]
    assert table[["unit", "basis", "reference", "status"]].notna().all(axis=None)
    assert len(table) == 15


def test_the_published_figures_of_arms_come_out_of_the_register(real_data: Path) -> None:
    table = sl.load("russia_iran_figures").table
    arms = table[table["measure"].eq("arms_deliveries")]
    register = real_data / "partnership/sipri_trade_register_2025-10-23.csv.gz"
    read = sl.read("sipri", register).table
    for row in arms.to_dict("records"):
        same = read["first"].eq(row["first"]) & read["second"].eq(row["second"])
        span = read["date"].ge(row["date"]) & read["date_last"].le(row["date_last"])
        assert read.loc[same & span, "value"].sum() == row["value"]


def test_the_us_list_opens_and_closes_with_the_known_totals() -> None:
    table = sl.load("ofac_sdn").table
    opening = table.loc[table["from"].eq(table["to"]), "closing"].sum()
    added, removed = table["added"].sum(), table["removed"].sum()
    assert (opening, added, removed, opening + added - removed) == (5928, 17432, 4111, 19249)
    assert table["moved_in"].sum() == table["moved_out"].sum()


def test_each_programme_set_of_the_us_list_opens_where_it_closed() -> None:
    # Moves across copies of numbers alone come last among the changes of their day.
    table = sl.load("ofac_sdn").table.sort_values(["to", "from"], ascending=[True, False])
    groups = table.groupby(["programmes", "entity_type"])
    before = groups["closing"].shift().fillna(0)
    first_copy = table["from"].eq(table["to"])
    assert table.loc[~first_copy, "opening"].eq(before[~first_copy]).all()


def test_additions_of_2022_are_the_published_count_of_persons() -> None:
    table = sl.load("ofac_sdn").table
    year = table[table["to"].dt.year.eq(2022)]
    by_type = year.groupby("entity_type")["added"].sum()
    assert by_type.to_dict() == {"aircraft": 14, "entity": 924, "individual": 1351, "vessel": 266}
    assert by_type["individual"] + by_type["entity"] == 2275


def test_canadas_listings_sum_to_the_list() -> None:
    table = sl.load("canada_sema").table
    assert table["n_listings"].sum() == 4759
    by_programme = table.groupby("programme")["n_listings"].sum()
    assert by_programme[["Russia", "Iran", "Ukraine"]].tolist() == [2426, 460, 553]


def test_weeks_and_months_of_the_news_hold_the_same_acts() -> None:
    weekly, monthly = (sl.load(f"icews_{k}ly").table for k in ("week", "month"))
    # Of 1,265,992 rows read, 441 have no action in our crosswalk, and a state of one did not exist.
    assert weekly["n_rows"].sum() == monthly["n_rows"].sum() == 1265992 - 442
    assert weekly["n_acts"].sum() == monthly["n_acts"].sum()
    pair = monthly[monthly["sender"].isin(["RUS", "IRN"]) & monthly["target"].isin(["RUS", "IRN"])]
    pair = pair[pair["sender"].ne(pair["target"]) & pair["family"].eq("cooperation")]
    rows = pair.groupby("period")["n_rows"].sum()
    assert rows.tolist()[:10] == [37, 54, 65, 100, 42, 33, 52, 46, 97, 35]


def test_the_gap_of_russia_and_iran_is_the_known_one() -> None:
    table = sl.load("un_ideal_points").table
    pair = table[table["first"].eq("IRN") & table["second"].eq("RUS")].set_index("date")
    values = pair.set_index("measure", append=True)["value"][pd.Timestamp("2022-01-01")]
    assert values["ideal_point_gap 2023-07"] == 1.6144
    assert len(values) == 4


def test_every_event_of_the_article_of_5_december_2023_is_in_the_chronology(
    acts: pd.DataFrame,
) -> None:
    declaration = on(acts, "2023-12-05", action="agree")
    assert declaration[["sender", "mutual", "status"]].to_numpy().tolist() == [
        ["IRN;RUS", "yes", "confirmed"]
    ]
    listed = on(acts, "2023-12-05", programme="RUSSIA-EO14024")
    assert listed[["sender", "target"]].to_numpy().tolist() == [["USA", "RUS"]]
    places = set(listed["located_in"].iloc[0].split(";"))
    assert {"BEL", "SWE", "HKG"} <= places
    assert len(on(acts, "2023-09-19", action="visit", sender="RUS", target="IRN")) == 1
    assert len(on(acts, "2023-12-07", action="visit", sender="IRN", target="RUS")) == 1
    assert "nuclear deal" in on(acts, "2018-05-08")["title"].iloc[0]
    back = acts[acts["date_announced"].eq("2018-05-08") & acts["action"].eq("impose")]
    assert back["date"].tolist() == ["2018-08-07", "2018-11-05"]
    first_days = acts[acts["date"].between("2022-02-22", "2022-02-28") & acts["target"].eq("RUS")]
    text = " ".join(first_days["title"])
    assert "Putin" in text
    assert "VTB" in text
    drones = acts["title"].str.contains("drone", case=False)
    assert set(acts.loc[drones, "sender"]) >= {"USA", "EU", "GBR", "AUS"}


def test_a_place_of_a_firm_is_never_a_target_in_the_chronology(acts: pd.DataFrame) -> None:
    sanctions = acts[acts["family"].eq("sanction")]
    targets = set(";".join(sanctions["target"]).split(";"))
    assert not {"BEL", "SWE", "HKG", "ARE", "CYP", "NLD"} & targets


def test_every_act_has_a_status_a_source_and_known_words(acts: pd.DataFrame) -> None:
    assert acts["act_id"].is_unique
    assert set(acts["status"]) <= {"confirmed", "partly"}
    assert acts["source"].ne("").all()
    partly = acts[acts["status"].eq("partly")]
    assert partly["note"].ne("").all(), "a partly confirmed row says what is not"
    assert {"sanction", "cooperation", "conflict", "other"} == set(acts["family"])
    assert {"ease", "lift", "extend"} <= set(acts["action"])
    senders = set(";".join(acts.loc[acts["family"].eq("sanction"), "sender"]).split(";"))
    assert {"USA", "EU", "UN", "GBR", "CAN", "JPN", "CHE", "AUS", "RUS"} <= senders


def test_what_we_chose_by_hand_is_curated_and_the_rest_is_not() -> None:
    curated = [key for key in KEYS if sl.load(key).curated]
    assert curated == ["russia_iran", "russia_iran_figures"]


def test_an_unknown_dataset_is_an_error_with_a_hint() -> None:
    with pytest.raises(UnknownChoiceError, match=r"Did you mean 'ofac_sdn'"):
        sl.load("ofac_snd")


def test_a_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shipped()["ofac_sdn"]
    changed = Dataset(**{**vars(real), "sha256": "0" * 64})
    monkeypatch.setitem(shipped(), "ofac_sdn", changed)
    with pytest.raises(SourceError, match="The file was changed"):
        sl.load("ofac_sdn")


def test_a_prepared_table_is_the_table_cleaned_now(tmp_path: Path) -> None:
    summary = sl.prepare(["russia_iran", "canada_sema"], out=tmp_path)
    assert summary["key"].tolist() == ["russia_iran", "canada_sema"]
    read, added = summary["n_read"], summary["n_added"]
    assert (read + added).equals(summary["n_kept"] + summary["n_merged"] + summary["n_rejected"])
    for key in summary["key"]:
        stored, fresh = sl.load(key, store=tmp_path), sl.load(key)
        pd.testing.assert_frame_equal(stored.table, fresh.table)
        assert stored.coverage == fresh.coverage


def test_citations_come_once_each() -> None:
    both = sl.cite(["icews_weekly", "icews_monthly"])
    assert both.count("Boschee") == 1
    assert sl.cite(shipped()).count("\n") == 11
    assert sl.cite("ofac_sdn") == sl.cite(["ofac_sdn"])
    with pytest.raises(UnknownChoiceError, match="Did you mean 'ofac_sdn'"):
        sl.cite("ofac_sdm")


def test_citations_can_go_into_a_bibtex_file() -> None:
    entry = sl.cite("gsdb", style="bibtex")
    assert entry.startswith("@misc{gsdb,\n  title = {Global Sanctions Data Base")
    assert "note = {Felbermayr" in entry
    with pytest.raises(UnknownChoiceError, match="style is 'apa'"):
        sl.cite("gsdb", style="apa")  # type: ignore[arg-type]


def test_canada_was_computed_from_the_real_list(real_data: Path) -> None:
    read = sl.read("canada_sema", real_data / "lists" / "canada_sema_2025.xml.gz")
    real = listing_counts(read, every="month")
    ours = sl.load("canada_sema").table
    pd.testing.assert_frame_equal(real[ours.columns], ours, check_dtype=False)


def test_without_keys_what_was_used_is_cited() -> None:
    sl.load("ofac_sdn")
    assert "27 May 2014 to 20 August 2026" in sl.cite()


def test_a_source_that_can_be_read_is_cited_by_its_key() -> None:
    assert sl.cite(["gsdb"]).startswith("Felbermayr")


def test_every_reader_says_its_status_licence_and_where_to_get_it() -> None:
    table = sl.datasets()
    assert table["key"].is_unique
    without = table["status"].eq("no reader here")
    assert table.loc[without, ["title", "how", "licence", "where"]].ne("").all().all()
    read = table[table["status"].ne("") & ~without]
    assert set(read["key"]) == set(READERS)
    assert read["status"].isin(["real file", "layout only", "provisional"]).all()
    assert read[["title", "tested", "licence", "where"]].ne("").all().all()


def test_every_shipped_dataset_has_its_days_licence_and_how_it_was_made() -> None:
    table = sl.datasets().set_index("key")
    ours = table[table["shipped"]]
    assert sorted(ours.index) == sorted(shipped())
    assert ours[["first", "last"]].notna().all().all()
    assert table.loc[~table["shipped"], ["first", "last"]].isna().all().all()
    assert ours[["title", "licence", "how"]].ne("").all().all()
    assert ours.index[ours["curated"]].tolist() == ["russia_iran", "russia_iran_figures"]
    assert table.loc["ofac_sdn", ["kind", "status"]].tolist() == ["list_changes", "real file"]
    assert table.loc["canada_sema", "kind"] == "listing_counts (sl.read: listings)"


def test_files_of_a_source_are_prepared_by_the_same_function(tmp_path: Path) -> None:
    path = next((ROOT / "tests/samples/gdelt").glob("*.csv"))
    (row,) = sl.prepare("gdelt", path, out=tmp_path).to_dict("records")
    audit = sl.read("gdelt", path).audit
    assert (row["n_read"], row["n_kept"]) == (audit.n_read, audit.n_kept)
    assert len(pd.read_parquet(row["path"])) == audit.n_kept
    with pytest.raises(UnknownChoiceError, match="Its files are needed too"):
        sl.prepare("gdelt", out=tmp_path)
    with pytest.raises(UnknownChoiceError, match="It must be one of 'gdelt', 'icews', 'polecat'"):
        sl.prepare("ofac_sdn", path, out=tmp_path)
    with pytest.raises(UnknownChoiceError, match=r"With files it must be one of"):
        sl.prepare(["gdelt", "icews"], path, out=tmp_path)
    with pytest.raises(SourceError, match="files is empty"):
        sl.prepare("gdelt", [], out=tmp_path)


def test_a_store_of_another_version_is_not_taken(tmp_path: Path) -> None:
    prepare(["canada_sema"], out=tmp_path)
    manifest = tmp_path / "canada_sema.json"
    said = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(said | {"version": "0.0.1-1", "kind": "cases"}))
    assert sl.load("canada_sema", store=tmp_path).kind == "listing_counts"


# Sum of the score of Russia and Iran per 1,000 of the absolute scores of all pairs, by year.
SCORES = {2018: 5.48, 2019: 4.04, 2020: 2.18, 2021: 3.68, 2022: 4.42, 2023: 3.13, 2024: 2.62}


def test_the_score_of_a_third_party_has_no_lasting_rise() -> None:
    reading = sl.load("gdelt_pair_scores")
    assert "third party" in reading.provenance.title
    pair = reading.table[reading.table["first"].eq("IRN") & reading.table["second"].eq("RUS")]
    year = pair["date"].dt.year.rename("year")
    sums = pair.pivot_table("value", year, "measure", aggfunc="sum")
    shares = 1000 * sums["gdelt_pair_score"] / sums["gdelt_score_of_all_pairs"]
    assert shares.round(2).to_dict() == SCORES
    pairs = reading.table[["first", "second"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [["CHN", "RUS"], ["IRN", "RUS"], ["IRN", "USA"], ["RUS", "USA"]]
    known = reading.coverage
    assert known is not None
    # Days without a score: 3, 11, 1, 13 and 68 from 2019 to 2023.
    starts = pd.Series(pd.to_datetime([f"{y}-01-01" for y in range(2019, 2024)]))
    ends = starts + pd.offsets.YearEnd(0)
    gone = (ends - starts).dt.days + 1 - known.days(starts, ends)
    assert gone.tolist() == [3, 11, 1, 13, 68]


def test_the_shipped_tables_stay_small() -> None:
    sizes = [p.stat().st_size for p in shipped_path("raw").rglob("*") if p.is_file()]
    assert sum(sizes) < 6_000_000


def test_the_scores_are_sums_of_the_real_file(real_data: Path) -> None:
    daily = pd.read_csv(real_data / "events" / "gdelt_daily_selected_pairs.csv", dtype={"d": "str"})
    ours = sl.load("gdelt_pair_scores").table
    ours = ours[ours["measure"].eq("gdelt_pair_score") & ours["second"].eq("USA")]
    sums = daily.groupby(daily["d"].str[:6])[["usa_irn", "usa_rus"]].sum()
    assert ours["value"].tolist() == pytest.approx(sums.T.to_numpy().ravel(), abs=0.05001)
