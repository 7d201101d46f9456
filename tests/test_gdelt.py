"""GDELT: three layouts, who is a party, what is one act, and the known counts of a real file."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SourceError
from sanctlib.reading import Reading
from sanctlib.sources.events import LAYOUTS
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "samples" / "gdelt"
TWO = SAMPLES / "20180508120000.export.CSV"
MIXED = SAMPLES / "20130401.export.CSV"
HISTORY = SAMPLES / "1985.csv"
CTRL_A = SAMPLES / "20140102.export.CSV"


def acts(reading: Reading) -> list[tuple[str, ...]]:
    """Day, parties, action and reports of each act, in words."""
    table = reading.table.assign(date=reading.table["date"].dt.strftime("%Y-%m-%d"))
    columns = ["date", "sender", "target", "action", "n_reports"]
    return list(table[columns].fillna("-").itertuples(index=False, name=None))


def test_the_layouts_have_57_58_and_61_columns() -> None:
    assert {width: len(names) for width, names in LAYOUTS.items()} == {57: 57, 58: 58, 61: 61}
    assert (LAYOUTS[58][51], LAYOUTS[61][53], LAYOUTS[61][59]) == (
        "ActionGeo_CountryCode",
        "ActionGeo_CountryCode",
        "DATEADDED",
    )


def test_rows_of_2_0_become_acts_with_their_reports_counted() -> None:
    assert acts(sl.read("gdelt", TWO)) == [
        ("2018-05-08", "USA", "IRN", "impose", 3),
        ("2018-05-08", "RUS", "IRN", "visit", 2),
        ("2018-05-08", "IRN", "RUS", "consult", 2),
        ("2018-05-08", "EU", "IRN", "ease", 1),
        ("2018-05-07", "UN", "PRK", "impose", 1),
        ("2018-05-08", "ROU", "USA", "statement", 1),
        ("2017-05-08", "-", "-", "statement", 1),
        ("2018-05-08", "USA", "USA", "domestic", 1),
        ("2018-05-08", "NAM", "RUS", "agree", 1),
        ("2018-05-08", "-", "-", "verbal", 1),
        ("2018-05-08", "-", "RUS", "verbal", 1),
    ]


def test_each_kind_of_merging_is_a_step_of_its_own_and_all_adds_up() -> None:
    audit = sl.read("gdelt", TWO).audit
    merged = audit.steps.set_index("step")["n_merged"]
    assert merged[merged.gt(0)].to_dict() == {
        "merge rows given twice": 1,
        "merge repeats of the source": 1,
        "merge repeats (one a day)": 1,
        "merge mirrored reports": 2,
    }
    assert audit.n_read == audit.n_kept + audit.n_merged + audit.n_rejected == 20


def test_wrong_rows_are_rejected_with_their_line_and_reason() -> None:
    rejected = sl.read("gdelt", TWO).rejected
    assert dict(zip(rejected["line"], rejected["reason"], strict=True)) == {
        16: "impossible date: '20180230'",
        17: "unknown action code '999'",
        18: "goldstein is no number: 'minus two'",
        19: "60 fields where there should be 57 or 58 or 61",
    }
    assert rejected["line"].tolist() == [16, 17, 18, 19]


def test_an_actor_of_no_state_is_listed_by_its_code_and_a_people_is_no_state() -> None:
    unmatched = sl.read("gdelt", TWO).unmatched
    assert list(zip(unmatched["side"], unmatched["name"], strict=True)) == [
        ("sender", "ALQ"),
        ("sender", "GOV"),
        ("sender", "ukr"),
        ("target", "AFR"),
    ]


def test_rows_of_57_and_58_columns_stand_in_one_file() -> None:
    reading = sl.read("gdelt", MIXED)
    assert acts(reading) == [
        ("2013-03-31", "USA", "IRN", "impose", 1),
        ("2013-04-01", "EU", "SYR", "impose", 1),
        ("2013-04-01", "CHN", "RUS", "agree", 1),
        ("2013-03-31", "RUS", "CHN", "intend", 1),
        ("2013-04-03", "SSD", "SDN", "consult", 1),
    ]
    assert len(reading.rejected) == 0


def test_codes_of_today_stand_for_the_state_and_the_body_of_the_day() -> None:
    assert acts(sl.read("gdelt", HISTORY)) == [
        ("1985-05-01", "USA", "NIC", "impose", 1),
        ("1985-05-02", "SUN", "CUB", "aid", 1),
        ("1985-05-02", "IO-EEC", "ZAF", "threaten", 1),
        ("1985-05-05", "-", "DEU", "consult", 1),
    ]


def test_what_is_covered_are_days_of_coding_but_days_of_acts_in_files_of_history() -> None:
    daily, history = sl.read("gdelt", TWO).coverage, sl.read("gdelt", HISTORY).coverage
    assert daily is not None
    assert history is not None
    # An act of 2017 stands in the file of one day of 2018: 2017 is not covered.
    assert (daily.first, daily.last) == (date(2018, 5, 8), date(2018, 5, 8))
    # Nor is the day of which one file of 96 is there.
    assert [why for _, _, why in daily.gaps] == ["1 of 96 files of 15 minutes"]
    assert (history.first, history.last) == (date(1985, 5, 1), date(1985, 5, 5))
    assert history.gaps == (
        (date(1985, 5, 3), date(1985, 5, 4), "the files have no row of these days"),
    )


def test_several_files_are_one_reading_and_missing_days_are_a_gap() -> None:
    reading = sl.read("gdelt", [MIXED, CTRL_A, TWO])
    assert len(reading.table) == 5 + 3 + 11
    assert list(reading.provenance.files) == [p.name for p in (MIXED, CTRL_A, TWO)]
    coverage = reading.coverage
    assert coverage is not None
    assert [day for day, _ in coverage.breaks] == [date(2013, 4, 1), date(2015, 2, 18)]
    assert (date(2014, 1, 3), date(2018, 5, 7)) in [(a, b) for a, b, _ in coverage.gaps]


def test_a_file_parted_by_ctrl_a_is_read() -> None:
    reading = sl.read("gdelt", CTRL_A)
    assert [a[1:4] for a in acts(reading)] == [
        ("USA", "RUS", "intend"),
        ("RUS", "USA", "verbal"),
        ("IO-NATO", "RUS", "consult"),
    ]
    assert reading.rejected["line"].tolist() == [4]


@pytest.mark.parametrize("packed", ["zip", "gz"])
def test_a_packed_file_gives_the_same_table(tmp_path: Path, packed: str) -> None:
    path = tmp_path / f"{TWO.name}.{packed}"
    if packed == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(TWO, TWO.name)
    else:
        path.write_bytes(gzip.compress(TWO.read_bytes()))
    pd.testing.assert_frame_equal(sl.read("gdelt", path).table, sl.read("gdelt", TWO).table)


def test_a_damaged_place_name_does_not_cost_the_file(tmp_path: Path) -> None:
    path = tmp_path / TWO.name
    path.write_bytes(TWO.read_bytes().replace("ô".encode(), b"\xf4", 1))
    assert acts(sl.read("gdelt", path)) == acts(sl.read("gdelt", TWO))


def changed(folder: Path, **cells: str) -> Path:
    """Write the first two rows of the sample, the second with other cells."""
    first, second = (line.split("\t") for line in TWO.read_text(encoding="utf-8").split("\n")[:2])
    for name, text in cells.items():
        second[LAYOUTS[61].index(name)] = text
    path = folder / "changed.csv"
    path.write_text("\n".join(["\t".join(first), "\t".join(second)]), encoding="utf-8")
    return path


def test_a_row_without_a_code_says_so_and_is_shown_in_its_own_encoding(tmp_path: Path) -> None:
    rejected = sl.read("gdelt", changed(tmp_path, EventCode="", Actor1Name="CÔTE")).rejected
    assert rejected[["line", "reason"]].to_numpy().tolist() == [[2, "no action code"]]
    assert "\tCÔTE\t" in rejected["raw"].iloc[0]


def test_the_guest_of_a_hosted_visit_is_listed_as_its_sender(tmp_path: Path) -> None:
    guest = {"Actor2Code": "ALQ", "Actor2CountryCode": ""}
    reading = sl.read("gdelt", changed(tmp_path, EventCode="043", **guest))
    assert reading.unmatched[["side", "name"]].to_numpy().tolist() == [["sender", "ALQ"]]
    # A row that is rejected counts no name.
    reading = sl.read("gdelt", changed(tmp_path, SQLDATE="20180230", **guest))
    assert reading.unmatched.empty


@pytest.mark.parametrize("day", ["15991231", "21000101"])
def test_a_year_that_no_act_of_the_news_can_have_is_rejected(tmp_path: Path, day: str) -> None:
    rejected = sl.read("gdelt", changed(tmp_path, SQLDATE=day)).rejected
    (reason,) = rejected["reason"]
    assert reason.startswith(f"date {day!r} is outside the years 1600 to 2099")


@pytest.mark.parametrize(("what", "width"), [("mentions", 16), ("gkg", 27)])
def test_files_of_gdelt_that_hold_no_events_are_refused(
    tmp_path: Path, what: str, width: int
) -> None:
    path = tmp_path / f"20180508120000.{what}.csv"
    path.write_text("\t".join(["1"] * width) + "\n")
    message = rf"holds no row of a GDELT event file: {width} fields where there should be 57 or"
    with pytest.raises(SourceError, match=message):
        sl.read("gdelt", [TWO, path])


def test_another_source_is_told_by_its_header() -> None:
    icews = SAMPLES.parent / "icews" / "events.2018.20190104.tab"
    with pytest.raises(SourceError, match=r"looks like ICEWS coded .*read it with .*'icews'"):
        sl.read("gdelt", icews)


def test_a_file_of_rejected_rows_alone_is_an_error_that_gives_a_reason(tmp_path: Path) -> None:
    path = tmp_path / TWO.name
    path.write_text(TWO.read_text(encoding="utf-8").splitlines()[16] + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"can be kept\. The first: unknown action code"):
        sl.read("gdelt", path)


def test_no_file_is_an_error() -> None:
    with pytest.raises(SourceError, match="path is empty"):
        sl.read("gdelt", [])


@pytest.fixture(scope="module")
def real(real_data: Path) -> Path:
    return real_data / "events" / "20180101000000.export.CSV.zip"


@pytest.fixture(scope="module")
def raw(real: Path) -> pd.DataFrame:
    """The cells of the file as text, without the reader."""
    with zipfile.ZipFile(real) as archive:
        (name,) = archive.namelist()
        text = archive.read(name).decode("utf-8")
    rows = [line.split("\t") for line in text.split("\n") if line]
    return pd.DataFrame(rows, columns=LAYOUTS[len(rows[0])], dtype="str")


def test_the_real_file_has_the_known_rows_before_any_merging(raw: pd.DataFrame) -> None:
    one, two = raw["Actor1CountryCode"], raw["Actor2CountryCode"]
    both = one.ne("") & two.ne("")
    russia, iran = (one.eq(s) | two.eq(s) for s in ("RUS", "IRN"))
    assert (len(raw), both.sum(), (both & one.ne(two)).sum()) == (2414, 594, 467)
    assert (russia.sum(), iran.sum(), (russia & iran).sum()) == (36, 81, 1)
    coded, act = (
        pd.to_datetime(raw[c].str.slice(0, 8), format="%Y%m%d") for c in ("DATEADDED", "SQLDATE")
    )
    lag = coded.sub(act).dt.days
    assert lag[lag.ne(0)].value_counts().to_dict() == {1: 15, 30: 6, 7: 2}


def test_the_real_file_has_the_known_codes(raw: pd.DataFrame) -> None:
    codes = raw["EventCode"]
    asked = ["163", "1312", "172", "081", "1721", "1724", "042", "043", "040", "057"]
    assert codes.value_counts()[asked].tolist() == [5, 1, 29, 14, 2, 1, 263, 241, 111, 18]
    assert "085" not in set(codes)
    roots = codes.str.slice(0, 2).value_counts().sort_index()
    expected = [359, 157, 61, 657, 167, 40, 79, 78, 57, 23, 125, 49, 41, 43, 15, 118, 57, 288]
    assert roots.tolist() == expected
    assert not {"15", "20"} & set(roots.index)


def test_the_971_known_repeats_are_merged_and_no_row_is_lost(real: Path) -> None:
    reading = sl.read("gdelt", real)
    steps = reading.audit.steps.set_index("step")
    assert steps.loc["merge repeats of the source", "n_merged"] == 971
    assert steps.loc["merge rows given twice", "n_merged"] == 0
    table = reading.table
    assert (table["n_reports"].sum(), reading.audit.n_rejected) == (2414, 0)
    by_code = table.groupby("code")["n_reports"].sum()
    assert by_code[["163", "1312", "172", "057"]].tolist() == [5, 1, 29, 18]
    assert by_code[["042", "043"]].sum() == 263 + 241


def test_the_real_file_has_north_korea_as_a_sender_of_sanctions(real: Path) -> None:
    table = sl.read("gdelt", real).table
    imposed = table[table["code"].eq("163")]
    assert imposed.groupby("sender")["n_reports"].sum().to_dict() == {"PRK": 3}
    assert {"EU", "UN", "IO-NATO", "IO-ECOWAS", "ROU"} <= set(table["sender"]) | set(
        table["target"]
    )
