"""Files prepared one by one give the table that reading them together gives."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib import months
from sanctlib.errors import SanctlibError, SourceError, UnknownChoiceError
from sanctlib.months import prepare_files
from sanctlib.sources import lines
from sanctlib.sources.events import STREAMED
from sanctlib.sources.steps import Cleaning

SAMPLES = Path(__file__).parent / "samples"
GDELT = sorted((SAMPLES / "gdelt").iterdir())


def files(key: str) -> list[Path]:
    return sorted(p for p in (SAMPLES / key).iterdir() if p.suffix != ".toml")


def table(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).sort_values("event_id", ignore_index=True)


def same(prepared: Path, reading: sl.Reading) -> None:
    expected = reading.table.sort_values("event_id", ignore_index=True)
    found = table(prepared)
    pd.testing.assert_frame_equal(found[list(expected)], expected)
    said = json.loads(prepared.with_name(f"{prepared.name}.json").read_text(encoding="utf-8"))
    assert said["audit"] == reading.audit.steps.to_dict("list")
    assert said["unmatched"] == reading.unmatched.to_dict("list")
    assert said["provenance"]["files"] == reading.provenance.files
    assert reading.coverage is not None
    assert said["coverage"]["gaps"] == [
        [a.isoformat(), b.isoformat(), why] for a, b, why in reading.coverage.gaps
    ]
    rejected = pd.read_csv(
        prepared.with_name(f"{prepared.name}.rejected.csv"), dtype="str", keep_default_na=False
    )
    pd.testing.assert_frame_equal(rejected.astype({"line": "int64"}), reading.rejected)


def test_a_file_without_lists_does_not_cost_the_acts_written_out_of_another(
    tmp_path: Path,
) -> None:
    whole = files("polecat")[0]
    head, *rows = whole.read_text(encoding="latin-1").splitlines()
    place = head.split("\t").index("Recipient Country")
    plain = tmp_path / "plain.txt"
    single = [row for row in rows if ";" not in row.split("\t")[place]][:1]
    plain.write_text("\n".join([head, *single]) + "\n", encoding="latin-1")
    paths = [plain, whole]
    same(prepare_files("polecat", paths, out=tmp_path / "out"), sl.read("polecat", paths))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("key", STREAMED)
def test_the_table_is_that_of_reading_the_files_together(
    tmp_path: Path, key: str, workers: int
) -> None:
    prepared = prepare_files(key, files(key), out=tmp_path, workers=workers)
    same(prepared, sl.read(key, files(key)))


def test_a_row_of_two_files_is_one_and_a_number_of_two_acts_is_two_in_any_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers are distinguished across months, also where each is in a block of its own."""
    whole = GDELT[-1].read_text(encoding="utf-8")
    line = whole.splitlines()[0].split("\t")
    other = [line[0], "20180409", *line[2:]]
    third = [line[0], "20180509", *line[2:]]
    again = tmp_path / "again.csv"
    again.write_text("\n".join("\t".join(cells) for cells in (other, line, third)) + "\n")
    paths = [GDELT[-1], again]
    reading = sl.read("gdelt", paths)
    assert {f"{line[0]}#2", f"{line[0]}#3"} <= set(reading.table["act_id"])
    assert reading.audit.steps.set_index("step").loc["merge rows given twice", "n_merged"] == 2
    same(prepare_files("gdelt", paths, out=tmp_path / "a"), reading)
    monkeypatch.setattr(lines, "BLOCK", 600)
    same(prepare_files("gdelt", paths, out=tmp_path / "b"), reading)


def test_a_number_is_one_in_files_of_numbers_and_in_files_of_text(tmp_path: Path) -> None:
    """A file in which one number is no integer keeps all of its numbers as text."""
    kept = sl.read("gdelt", GDELT[-1]).table["act_id"].to_list()
    every = [line.split("\t") for line in GDELT[-1].read_text(encoding="utf-8").splitlines()]
    line = next(c for c in every if c[0] in kept and [c[0] for c in every].count(c[0]) == 1)
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("\n".join("\t".join(c) for c in (["0" + line[0], *line[1:]], line)) + "\n")
    reading = sl.read("gdelt", [GDELT[-1], mixed])
    # The sample has a copy of its own.
    assert reading.audit.steps.set_index("step").loc["merge rows given twice", "n_merged"] == 2
    same(prepare_files("gdelt", [GDELT[-1], mixed], out=tmp_path / "out"), reading)


@pytest.mark.parametrize("key", STREAMED)
def test_small_blocks_and_little_memory_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    reading = sl.read(key, files(key))
    monkeypatch.setattr(lines, "BLOCK", 1000)
    monkeypatch.setattr(months, "_MEMORY", "50MB")
    same(prepare_files(key, files(key), out=tmp_path), reading)
    assert list((tmp_path / f".{key}").glob("*-1.rows")), "no file has several blocks"
    pd.testing.assert_frame_equal(sl.read(key, files(key)).table, reading.table)


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> list[Cleaning]:
    """What was merged in this process, a month each."""
    found: list[Cleaning] = []
    merge = Cleaning.merge

    def noted(self: Cleaning, **options: Any) -> None:
        found.append(self)
        merge(self, **options)

    monkeypatch.setattr(Cleaning, "merge", noted)
    return found


def test_what_was_done_before_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, merged: list[Cleaning]
) -> None:
    read: list[str] = []
    take = Cleaning.take

    def noted_take(self: Cleaning, path: Path, **options: Any) -> None:
        read.append(path.name)
        take(self, path, **options)

    monkeypatch.setattr(Cleaning, "take", noted_take)
    prepare_files("gdelt", GDELT[:2], out=tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / ".gdelt").glob("*.parquet")}
    assert (read, len(merged)) == ([p.name for p in GDELT[:2]], 3)
    prepared = prepare_files("gdelt", GDELT, out=tmp_path)
    assert (read, len(merged)) == ([p.name for p in GDELT], 6)
    # The new files have no row of the months before, whose parts stay as they are.
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / ".gdelt").glob("*.parquet")}
    assert {name: after[name] for name in before} == before
    assert [p.stem for p in sorted(prepared.iterdir())] == [
        "1985-05", "2013-03", "2013-04", "2014-01", "2017-05", "2018-05",
    ]  # fmt: skip
    prepare_files("gdelt", GDELT, out=tmp_path)
    assert (len(read), len(merged)) == (4, 6)
    same(prepared, sl.read("gdelt", GDELT))


def test_a_file_given_first_costs_no_merging_of_months_that_it_has_no_row_of(
    tmp_path: Path, merged: list[Cleaning]
) -> None:
    """Rows get other numbers when files are added before; the months are the same."""
    prepare_files("gdelt", GDELT[2:], out=tmp_path)
    merged.clear()
    prepared = prepare_files("gdelt", GDELT, out=tmp_path)
    assert len(merged) == 3
    same(prepared, sl.read("gdelt", GDELT))


def test_a_wrong_file_is_named_nothing_is_shown_and_the_others_stay(tmp_path: Path) -> None:
    wrong = tmp_path / "gkg.csv"
    wrong.write_text("\t".join(["1"] * 27) + "\n")
    with pytest.raises(SourceError, match=r"'gkg\.csv' holds no row of a GDELT event file"):
        prepare_files("gdelt", [wrong, *GDELT], out=tmp_path)
    assert not (tmp_path / "gdelt").exists()
    assert not (tmp_path / "gdelt.json").exists()
    assert len(list((tmp_path / ".gdelt").glob("*.json"))) == len(GDELT)


@pytest.mark.parametrize("workers", [1, 2])
def test_damaged_files_cost_themselves_and_are_named_together(tmp_path: Path, workers: int) -> None:
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(GDELT[0].read_bytes())[:-200])
    zeros = tmp_path / "zeros.csv"
    zeros.write_bytes(b"\0" * 5000)
    said = r"(?s)'cut\.csv\.gz' cannot be unpacked.*\n'zeros\.csv' .*\nAll other files stay"
    with pytest.raises(SourceError, match=said):
        prepare_files("gdelt", [cut, GDELT[0], zeros, *GDELT[1:]], out=tmp_path, workers=workers)
    assert len(list((tmp_path / ".gdelt").glob("*.json"))) == len(GDELT)
    same(prepare_files("gdelt", GDELT, out=tmp_path), sl.read("gdelt", GDELT))


def test_a_measure_takes_the_folder_with_its_coverage(tmp_path: Path) -> None:
    prepared = prepare_files("gdelt", GDELT, out=tmp_path)
    ways = {"every": "day", "unit": "act", "by": ["sender", "target"]}
    counted = sl.sanction_counts(prepared, **ways).table
    pd.testing.assert_frame_equal(
        counted, sl.sanction_counts(sl.read("gdelt", GDELT), **ways).table
    )
    assert counted["covered"].any()


def test_a_folder_stands_for_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for path in GDELT:
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    prepared = prepare_files("gdelt", [folder], out=tmp_path)
    assert table(prepared).equals(table(prepare_files("gdelt", GDELT, out=tmp_path / "b")))


def test_a_worker_that_is_killed_costs_no_more_than_its_file(tmp_path: Path) -> None:
    big = tmp_path / "big.csv"
    lines = GDELT[-1].read_bytes()
    big.write_bytes(lines * (40_000_000 // len(lines)))
    killed: list[int] = []

    def kill() -> None:
        while not killed:
            for child in multiprocessing.active_children():
                if any((tmp_path / "out" / ".gdelt").glob("*.json")):
                    os.kill(child.pid or 0, signal.SIGKILL)
                    killed.append(child.pid or 0)
                    break
            time.sleep(0.01)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    paths = [GDELT[0], big]
    with pytest.raises(SanctlibError, match="A worker process ended early"):
        prepare_files("gdelt", paths, out=tmp_path / "out", workers=2)
    thread.join()
    assert not (tmp_path / "out" / "gdelt").exists()
    same(prepare_files("gdelt", paths, out=tmp_path / "out"), sl.read("gdelt", paths))


def test_a_file_that_changed_since_it_was_fetched_or_is_not_there_is_refused(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "gdelt"
    folder.mkdir()
    (folder / GDELT[0].name).write_bytes(GDELT[0].read_bytes())
    (folder / "checksums.txt").write_text(f"{'0' * 64}  {GDELT[0].name}\n")
    with pytest.raises(SourceError, match="not the file that was fetched"):
        prepare_files("gdelt", [folder], out=tmp_path / "out")
    with pytest.raises(SourceError, match=r"There is no file 'none\.csv'"):
        prepare_files("gdelt", [folder / "none.csv"], out=tmp_path / "out")


def test_an_unknown_source_and_no_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UnknownChoiceError, match="gdelt"):
        prepare_files("gdlet", GDELT, out=tmp_path)
    with pytest.raises(SourceError, match="files is empty"):
        prepare_files("gdelt", [], out=tmp_path)
