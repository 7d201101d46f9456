"""ICEWS, raw and quadruples: who is a state, what is one act, the known counts of 2018."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SourceError, UnknownChoiceError
from sanctlib.reading import Reading
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples"
RAW = SAMPLES / "icews" / "events.2018.20190104.tab"
RAW_AMERICAN = SAMPLES / "icews" / "Events.2017.20180710.tab"

HEAD = "date\tsource\tcameo\trelation\ttarget\n"
ROWS = (
    "2018-02-01\tRussia\t057\tSign formal agreement\tIran\n"
    "2018-02-01\tIran\t057\tSign formal agreement\tRussia\n"
    "2018-02-01\tCitizen (Russia)\t111\tCriticize\tIran\n"
    "2018-02-01\tVladimir Putin\t010\tMake statement\tIran\n"
    "2018-02-01\tRussia\t999\tNo such code\tIran\n"
)


def quadruples(folder: Path, text: str = HEAD + ROWS) -> Path:
    path = folder / "quadruples.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_agreement_reported_by_both_is_one_mutual_act(tmp_path: Path) -> None:
    table = sl.read("icews_2018", quadruples(tmp_path)).table
    signed = table[table["code"].eq("057")]
    assert signed[["sender", "target", "mutual", "n_reports"]].to_numpy().tolist() == [
        ["IRN", "RUS", True, 2]
    ]


def test_a_labelled_body_is_its_state_only_when_asked(tmp_path: Path) -> None:
    path = quadruples(tmp_path)
    criticised = {
        actors: sl.read("icews_2018", path, actors=actors).table.query("code == '111'")["sender"]
        for actors in ("state", "label")
    }
    assert criticised["label"].tolist() == ["RUS"]
    assert criticised["state"].isna().tolist() == [True]


def test_a_person_is_unknown_and_an_unknown_code_is_rejected(tmp_path: Path) -> None:
    reading = sl.read("icews_2018", quadruples(tmp_path))
    assert "Vladimir Putin" in reading.unmatched["name"].tolist()
    assert reading.rejected["line"].tolist() == [6]
    audit = reading.audit
    assert (audit.n_read, audit.n_kept, audit.n_merged, audit.n_rejected) == (5, 3, 1, 1)


def test_a_damaged_cell_that_is_not_needed_costs_nothing(tmp_path: Path) -> None:
    path = quadruples(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"Criticize", b"Critici\xe9e"))
    assert len(sl.read("icews_2018", path).table) == 3


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError, match="'cameo'"):
        sl.read("icews_2018", quadruples(tmp_path, "a\tb\n1\t2\n"))


def test_raw_rows_become_acts_with_their_reports_counted() -> None:
    reading = sl.read("icews", RAW)
    columns = ["event_id", "sender", "target", "mutual", "action", "n_reports"]
    assert reading.table[columns].fillna("-").to_numpy().tolist() == [
        ["50000001", "USA", "IRN", False, "impose", 3],
        ["50000004", "RUS", "IRN", False, "visit", 2],
        ["50000006", "IRN", "RUS", True, "agree", 2],
        ["50000008", "UN", "SSD", False, "impose", 1],
        ["50000009", "EU", "IRN", False, "ease", 1],
        ["50000010", "NPL", "NPL", False, "threaten", 1],
        ["50000011", "MDA", "MKD", False, "verbal", 1],
        ["50000012", "-", "PSE", False, "domestic", 1],
        ["50000013", "-", "NAM", False, "statement", 1],
        ["50000001#2", "USA", "IRN", False, "verbal", 1],
    ]
    assert reading.table["goldstein"].tolist()[:3] == [-8.0, 1.9, 8.0]
    assert reading.unmatched["name"].tolist() == ["Africa", "Unspecified Actor"]


def test_wrong_raw_rows_are_rejected_with_their_line_and_reason() -> None:
    reading = sl.read("icews", RAW)
    rejected = reading.rejected
    assert dict(zip(rejected["line"], rejected["reason"], strict=True)) == {
        16: "impossible date: '2018-06-31'",
        17: "unknown action code '40'",
        18: "no number of the event",
        19: "21 fields where the header has 20",
    }
    assert rejected["line"].tolist() == [16, 17, 18, 19]
    audit = reading.audit
    assert audit.n_read == audit.n_kept + audit.n_merged + audit.n_rejected == 18


def test_a_code_is_kept_without_the_blanks_around_it(tmp_path: Path) -> None:
    path = tmp_path / "events.tab"
    path.write_bytes(RAW.read_bytes().replace(b"\t163\t", b"\t 163 \t"))
    pd.testing.assert_frame_equal(sl.read("icews", path).table, sl.read("icews", RAW).table)


def test_american_dates_are_told_by_the_file_and_a_13th_month_is_rejected() -> None:
    reading = sl.read("icews", RAW_AMERICAN)
    days = reading.table["date"].dt.strftime("%Y-%m-%d").tolist()
    assert days == ["2017-12-01", "2017-12-02", "2017-12-31"]
    assert reading.table["sender"].tolist() == ["RUS", "EU", "IRN"]
    assert reading.table["target"].tolist() == ["CIV", "COD", "RUS"]
    assert reading.rejected["reason"].tolist() == ["impossible date: '31/12/2017'"]


def test_a_file_that_writes_most_days_with_a_13th_month_is_read_day_first(tmp_path: Path) -> None:
    text = RAW_AMERICAN.read_text(encoding="utf-8")
    path = tmp_path / "events.tab"
    path.write_text(text.replace("12/1/", "1/12/").replace("12/2/", "29/11/"), encoding="utf-8")
    days = sl.read("icews", path).table["date"].dt.strftime("%Y-%m-%d").tolist()
    assert days == ["2017-12-01", "2017-11-29", "2017-12-31"]


def test_files_of_two_forms_are_one_reading_and_days_between_them_are_a_gap() -> None:
    reading = sl.read("icews", [RAW_AMERICAN, RAW, RAW])
    assert len(reading.table) == 3 + 10
    copies = reading.audit.steps.set_index("step").loc["merge rows given twice", "n_merged"]
    # 18 rows less four rejected are given twice; reports are not counted twice.
    assert copies == 14
    assert reading.table["n_reports"].sum() == 3 + 14
    coverage = reading.coverage
    assert coverage is not None
    assert (date(2018, 1, 1), date(2018, 5, 31)) in [(a, b) for a, b, _ in coverage.gaps]


@pytest.mark.parametrize("n", [1, 2])
def test_a_file_whose_lines_are_not_utf_8_is_refused_with_the_line(tmp_path: Path, n: int) -> None:
    head, *rows = RAW.read_bytes().splitlines(keepends=True)
    rows = [row.replace(b"\tUnited States\t", b"\t\xc9tats-Unis\t") for row in rows[:n]]
    path = tmp_path / "events.tab"
    path.write_bytes(b"".join([head, *rows]))
    with pytest.raises(SourceError, match=r"'events\.tab' is not utf-8 near line 2: .*\(byte 0xc9"):
        sl.read("icews", path)


def test_the_quadruples_are_not_taken_for_raw_events() -> None:
    with pytest.raises(SourceError, match=r"(?s)no column 'Event ID'.*'icews_2018'"):
        sl.read("icews", SAMPLES / "icews_2018" / "icews18_named.tsv")


@pytest.fixture(scope="module")
def two_days(real_data: Path) -> Path:
    return real_data / "events" / "icews_events_2018_sample.tab"


@pytest.fixture(scope="module")
def raw(two_days: Path) -> pd.DataFrame:
    """The cells of the file as text, without the reader."""
    return pd.read_csv(two_days, sep="\t", dtype="str", quoting=3, keep_default_na=False)


def test_the_raw_sample_has_the_known_rows_before_any_merging(raw: pd.DataFrame) -> None:
    assert raw["Event Date"].value_counts().to_dict() == {"2018-06-01": 2359, "2018-06-02": 1346}
    codes = raw["CAMEO Code"]
    assert (codes.nunique(), codes.eq("163").sum(), codes.eq("1312").sum()) == (122, 1, 1)
    assert (codes.str.startswith("0").sum(), codes.eq("085").sum()) == (2608, 0)
    one, two = raw["Source Country"], raw["Target Country"]
    known = one.ne("NA") & two.ne("NA")
    assert (known & one.eq(two)).sum() == 1596
    assert (known & one.ne(two)).sum() == 1741
    russia, iran = (one.eq(s) | two.eq(s) for s in ("Russian Federation", "Iran"))
    assert (russia.sum(), iran.sum(), (russia & iran).sum()) == (333, 33, 4)


def test_the_971_known_repeats_of_the_raw_sample_are_merged(two_days: Path) -> None:
    reading = sl.read("icews", two_days)
    steps = reading.audit.steps.set_index("step")
    assert steps.loc["merge repeats of the source", "n_merged"] == 971
    table = reading.table
    assert (table["n_reports"].sum(), reading.audit.n_rejected) == (3705, 0)
    # Domestic rows stay; they and the rows of a state come out as reports.
    home = table["sender"].eq(table["target"]).fillna(value=False)
    russia, iran = (
        (table["sender"].eq(s) | table["target"].eq(s)).fillna(value=False) for s in ("RUS", "IRN")
    )
    reports = table["n_reports"]
    assert [reports[x].sum() for x in (home, russia, iran, russia & iran)] == [1596, 333, 33, 4]
    sanctions = table[table["code"].isin(["163", "1312"])].sort_values("code")
    assert sanctions[["sender", "target", "action"]].to_numpy().tolist() == [
        ["NPL", "NPL", "threaten"],
        ["UN", "SSD", "impose"],
    ]


def test_mirrored_rows_of_the_raw_sample_are_the_known_ones(raw: pd.DataFrame) -> None:
    # Same sentence, sides exchanged.
    where = ["Story ID", "Sentence Number"]
    told = set(raw[["CAMEO Code", *where, "Source Name", "Target Name"]].itertuples(index=False))
    found = {}
    for code, other in (("042", "043"), ("040", "040"), ("057", "057"), ("046", "046")):
        part = raw.loc[raw["CAMEO Code"].eq(code), [*where, "Target Name", "Source Name"]]
        found[code] = (
            sum((other, *row) in told for row in part.itertuples(index=False)),
            len(part),
        )
    assert found == {"042": (148, 149), "040": (492, 492), "057": (56, 57), "046": (120, 121)}


@pytest.fixture(scope="module")
def year_2018(real_data: Path) -> Reading:
    return sl.read("icews_2018", real_data / "events" / "icews18_named.tsv.gz")


@pytest.mark.slow
def test_russia_and_iran_cooperate_in_561_rows_of_2018(year_2018: Reading) -> None:
    table = year_2018.table
    pair = table["sender"].isin(["RUS", "IRN"]) & table["target"].isin(["RUS", "IRN"])
    acts = table[pair & table["sender"].ne(table["target"]) & table["family"].eq("cooperation")]
    by_month = acts.groupby(acts["date"].dt.month)["n_reports"].sum()
    assert by_month.tolist() == [37, 54, 65, 100, 42, 33, 52, 46, 97, 35]
    # 561 rows are 315 distinct (day, code, pair); 12 of these are the hosted side of a visit.
    assert (acts["n_reports"].sum(), len(acts)) == (561, 315 - 12)


@pytest.mark.slow
def test_every_row_of_2018_is_accounted_for(year_2018: Reading) -> None:
    audit = year_2018.audit
    assert audit.n_read == 468558
    assert audit.n_read == audit.n_kept + audit.n_merged + audit.n_rejected
    assert year_2018.table["n_reports"].sum() == audit.n_kept + audit.n_merged
    imposed = year_2018.table.query("action == 'impose'")
    assert imposed["n_reports"].sum() == 1050


@pytest.mark.slow
def test_reports_by_root_and_sanctions_by_month_are_the_known_ones(year_2018: Reading) -> None:
    table = year_2018.table
    month = table["date"].dt.month
    by_month = {
        code: table[table["code"].isin(code.split("+"))].groupby(month)["n_reports"].sum().tolist()
        for code in ("163", "1312", "085+0354")
    }
    assert by_month == {
        "163": [114, 81, 111, 121, 132, 75, 84, 158, 81, 93],
        "1312": [3, 13, 6, 13, 31, 11, 14, 16, 17, 8],
        "085+0354": [3, 2, 1, 6, 4, 16, 12, 5, 1, 18],
    }
    codes = table.groupby("code")["n_reports"].sum()
    asked = ["085", "0354", "0254", "1054", "1244"]
    assert codes[asked].tolist() == [45, 23, 28, 5, 57]
    administrative = ["172", "081", "0251", "0351", "1241", "132", "1051"]
    assert codes[administrative].tolist() == [954, 811, 107, 65, 49, 27, 4]


@pytest.mark.slow
def test_the_rows_of_2018_are_the_known_ones_before_any_merging(real_data: Path) -> None:
    path = real_data / "events" / "icews18_named.tsv.gz"
    rows = pd.read_csv(path, sep="\t", dtype="str", quoting=3, keep_default_na=False)
    months = [46562, 45658, 53197, 52799, 48237, 44295, 45722, 41616, 44316, 46156]
    assert rows["date"].str.slice(0, 7).value_counts().sort_index().tolist() == months
    roots = [94611, 30324, 44882, 103722, 37414, 2618, 4352, 4753, 5898, 8290]
    roots += [38744, 8121, 5275, 13067, 1466, 4454, 26532, 14664, 19285, 86]
    assert rows["cameo"].str.slice(0, 2).value_counts().sort_index().tolist() == roots
    names = pd.concat([rows["source"], rows["target"]])
    assert (names.nunique(), rows["cameo"].nunique()) == (23033, 256)
    assert not rows.duplicated(["date", "source", "cameo", "target"]).any()
    imposed = rows[rows["cameo"].eq("163")]
    assert imposed["source"].value_counts().head(6).to_dict() == {
        "United States": 369,
        "European Union": 83,
        "Donald Trump": 74,
        "Department of the Treasury": 54,
        "UN Security Council": 45,
        "Government (United States)": 35,
    }
    assert imposed["target"].value_counts()[["Russia", "Iran"]].tolist() == [165, 102]
    label = r"\(([^()]*)\)\s*$"
    one, two = (imposed[c].str.extract(label, expand=False) for c in ("source", "target"))
    assert one.eq(two).sum() == 43
    told = set(rows[["date", "cameo", "source", "target"]].itertuples(index=False, name=None))
    mirrored = {}
    for code, other in {
        "040": "040",
        "042": "043",
        "057": "057",
        "036": "036",
        "163": "163",
    }.items():
        part = rows.loc[rows["cameo"].eq(code), ["date", "target", "source"]]
        sides = part.itertuples(index=False, name=None)
        mirrored[code] = (sum((d, other, t, s) in told for d, t, s in sides), len(part))
    assert mirrored == {
        "040": (49704, 49705),
        "042": (19883, 19901),
        "057": (8400, 8590),
        "036": (5474, 26074),
        "163": (4, 1050),
    }


@pytest.mark.slow
def test_labels_give_the_known_rows_of_russia_and_iran(real_data: Path) -> None:
    path = real_data / "events" / "icews18_named.tsv.gz"
    table = sl.read("icews_2018", path, actors="label").table
    russia, iran = (
        (table["sender"].eq(s) | table["target"].eq(s)).fillna(value=False) for s in ("RUS", "IRN")
    )
    reports = table["n_reports"]
    assert [reports[x].sum() for x in (russia, iran, russia & iran)] == [26024, 10704, 755]
    imposed = table[table["code"].eq("163")]
    by_target = imposed.groupby("target")["n_reports"].sum()
    assert by_target[["RUS", "IRN"]].tolist() == [280, 128]
    # 43 rows have the label of one state on both sides; 32 more have the state itself on one.
    home = imposed["sender"].eq(imposed["target"]).fillna(value=False)
    assert imposed.loc[home, "n_reports"].sum() == 75


def test_actors_are_a_choice_of_the_quadruples_alone(tmp_path: Path) -> None:
    path = tmp_path / "quadruples.tsv"
    head = "date\tsource\tcameo\trelation\ttarget\n"
    path.write_text(head + "2018-01-01\tCitizen (Russia)\t112\tAccuse\tIran\n", encoding="utf-8")
    by_label = sl.read("icews_2018", path, actors="label").table
    assert by_label["sender"].tolist() == ["RUS"]
    assert sl.read("icews_2018", path).table["sender"].isna().all()
    with pytest.raises(UnknownChoiceError, match="only 'icews_2018' has a choice of actors"):
        sl.read("gsdb", path, actors="label")
