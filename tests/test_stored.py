"""Counts of a prepared store are those of its files, and a report knows which store it read."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import CoverageError, SanctlibError, SourceError, UnknownChoiceError
from sanctlib.months import prepare_files
from sanctlib.reading import sha256
from sanctlib.reports.folders import read_record
from sanctlib.reports.run import request, run_notebook
from sanctlib.reports.verify import standing
from tests.small_notebooks import small_notebook
from tests.test_bulk import GDELT, files

KEYS = ["period", "sender", "target", "mutual", "family", "action"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    for key in ("gdelt", "icews", "polecat"):
        prepare_files(key, files(key), out=folder)
    return folder


@pytest.mark.parametrize("key", ["gdelt", "icews"])
def test_the_cells_are_those_of_the_folder_and_their_audit_adds_up(store: Path, key: str) -> None:
    reading = sl.load(key, every="year", store=store)
    expected = sl.cells(store / key, every="year")
    pd.testing.assert_frame_equal(
        reading.table[[*KEYS, "n_acts", "n_rows"]], expected.drop(columns="n_unassigned")
    )
    assert reading.table["source"].eq(key).all()
    events = sl.read(key, files(key))
    n = events.table["act_id"].nunique()
    assert (reading.audit.n_read, reading.audit.n_kept) == (n, len(expected))
    assert reading.audit.n_merged == n - len(expected)
    assert (reading.kind, reading.coverage) == ("cells", events.coverage)
    assert reading.provenance.files == events.provenance.files


@pytest.mark.parametrize("key", ["gdelt", "icews"])
@pytest.mark.parametrize("every", ["day", "month"])
def test_a_measure_gives_what_it_gives_of_the_folder(store: Path, key: str, every: str) -> None:
    tables = [sl.load(key, every=every, store=store), store / key]
    for by in ([], ["target"], ["sender", "target"]):
        counts = [sl.sanction_counts(t, every=every, unit="act", by=by).table for t in tables]
        assert counts[0]["n"].sum() > 0
        pd.testing.assert_frame_equal(*counts)
    pair = ("IRN", "RUS")
    rates = [sl.partnership_intensity(t, pair=pair, every=every).table for t in tables]
    assert rates[0]["rate"].sum() > 0
    pd.testing.assert_frame_equal(*rates)


def test_coverage_ends_with_the_span_and_zeros_stand_inside_it_alone(store: Path) -> None:
    first, last = date(2018, 6, 1), date(2018, 6, 3)
    reading = sl.load("icews", every="day", start=first, end=last, store=store)
    assert reading.coverage is not None
    assert (reading.coverage.first, reading.coverage.last) == (first, last)
    days = sl.read("icews", files("icews")).table["date"]
    assert reading.audit.n_read == days.between("2018-06-01", "2018-06-03").sum() < len(days)
    # The files have no row of the third: that day is a gap, not a zero.
    found = sl.sanction_counts(reading, every="day", unit="act", by=["target"]).table
    by_day = found.groupby("target")["n"].agg(lambda n: " ".join(map(str, n)))
    assert by_day.to_dict() == {"IRN": "1 0 <NA>", "SSD": "0 1 <NA>"}
    # A month that the span cuts is not covered, and has no zero.
    months = sl.load("icews", every="month", start=first, end=last, store=store)
    assert not sl.sanction_counts(months, every="month", unit="act").table["covered"].any()


def test_a_span_beyond_the_files_ends_with_them(store: Path) -> None:
    whole = sl.load("gdelt", every="day", store=store)
    wide = {"start": date(1950, 1, 1), "end": date(2030, 1, 1)}
    found = sl.load("gdelt", every="day", store=store, **wide)
    assert found.coverage == whole.coverage
    assert found.table.equals(whole.table)


def test_what_cannot_be_counted_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownChoiceError, match="gsdb"):
        sl.load("gsdb", every="year", store=store)
    with pytest.raises(SourceError, match=r"has no 'gdelt'.*sanctlib prepare gdelt"):
        sl.load("gdelt", every="year", store=tmp_path)
    with pytest.raises(
        CoverageError, match="covers 1985-05-01 to 2018-05-08, which has no day of 2019"
    ):
        sl.load("gdelt", every="year", start=date(2019, 1, 1), store=store)
    with pytest.raises(CoverageError, match="no day of its first day to 1979-12-31"):
        sl.load("gdelt", every="year", end=date(1979, 12, 31), store=store)


def test_acts_of_several_parties_are_refused_which_cells_would_count_for_each(store: Path) -> None:
    acts = sl.read("polecat", files("polecat")).table["act_id"]
    assert acts.nunique() < sl.cells(store / "polecat", every="year")["n_acts"].sum()
    with pytest.raises(SourceError, match=r"several parties.*Pass the folder"):
        sl.load("polecat", every="year", store=store)


def test_prepared_acts_are_loaded_as_cells_only(store: Path, tmp_path: Path) -> None:
    with pytest.raises(SanctlibError, match=r"every is None.*sl.load\('gdelt', every='month'\)"):
        sl.load("gdelt", store=store)
    with pytest.raises(UnknownChoiceError, match="'gdelt' is not shipped: get it"):
        sl.load("gdelt", store=tmp_path)
    with pytest.raises(SanctlibError, match=r"'ofac_sdn' is shipped\. Leave them out"):
        sl.load("ofac_sdn", every="month")


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    prepare_files("gdelt", GDELT[:1], out=tmp_path)
    manifest = tmp_path / "gdelt.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": 0}))
    with pytest.raises(SourceError, match="another version"):
        sl.load("gdelt", every="year", store=tmp_path)


def test_a_report_is_stale_when_the_store_it_counted_changed(tmp_path: Path) -> None:
    store = tmp_path / "store"
    prepare_files("gdelt", GDELT[:2], out=store)
    path = small_notebook(
        tmp_path / "brief.ipynb",
        "import sanctlib as sl\nlen(sl.load('gdelt', every='year').table)",
    )
    run = run_notebook(path, parameters={}, out=tmp_path / "out", store=store)
    record = read_record(run.folder / "record.json")
    assert record.inputs == {"gdelt": sha256(store / "gdelt.json")}
    asked = request(path, parameters={}, out=tmp_path / "out")
    assert standing(asked, store=store) == ("done", "")
    prepare_files("gdelt", GDELT[:2], out=store)
    assert standing(asked, store=store) == ("done", "")
    prepare_files("gdelt", GDELT, out=store)
    assert standing(asked, store=store) == ("stale", "gdelt changed")
    (store / "gdelt.json").unlink()
    assert standing(asked, store=store) == ("stale", "gdelt is gone")


def test_real_icews_counts_are_those_of_the_file(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = real_data / "events" / "icews_events_2018_sample.tab"
    if not path.is_file():
        pytest.skip("no sample of ICEWS events")
    prepare_files("icews", [path], out=tmp_path)
    monkeypatch.setenv("SANCTLIB_STORE", str(tmp_path))
    stored, events = sl.load("icews", every="day"), sl.read("icews", path)
    assert stored.audit.n_read == len(events.table) > 1000
    ways = {"every": "day", "unit": "act", "by": ["sender", "target"]}
    pd.testing.assert_frame_equal(
        sl.sanction_counts(stored, **ways).table, sl.sanction_counts(events, **ways).table
    )
    shares = [sl.partnership_intensity(t, pair=None, every="day").table for t in (stored, events)]
    pd.testing.assert_frame_equal(*shares)
