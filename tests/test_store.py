"""The store: whole or not at all, and the same bytes each time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sanctlib.coverage import Coverage
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.reading import Audit, Reading
from sanctlib.result import save_frame
from sanctlib.store import load_stored, save
from sanctlib.writing import writing
from tests.test_checks import event
from tests.test_reading import PROVENANCE


def reading() -> Reading:
    lost = pd.DataFrame([{"file": "f.csv", "line": 3, "raw": 'a,"b"', "reason": "odd"}])
    return Reading(
        kind="events",
        table=pd.DataFrame([event(target=None, measures="arms;trade")]),
        rejected=lost,
        audit=Audit.begin(2).then("check", n_rejected=1, n_out=1),
        coverage=Coverage(
            source="mine",
            first=date(2018, 1, 1),
            last=date(2018, 12, 31),
            states=frozenset({"USA", "IRN"}),
            senders=frozenset({"USA", "EU"}),
            gaps=((date(2018, 2, 1), date(2018, 2, 2), "down"),),
            breaks=((date(2018, 6, 1), "new coder"),),
        ),
        provenance=PROVENANCE,
        unmatched=pd.DataFrame(
            [{"side": "target", "name": "Wiranto", "reason": "unknown name", "n": 1}]
        ),
        curated=True,
    )


def test_what_is_saved_comes_back_the_same(tmp_path: Path) -> None:
    saved = reading()
    save(saved, tmp_path)
    back = load_stored("mine", tmp_path)
    pd.testing.assert_frame_equal(back.table, saved.table)
    pd.testing.assert_frame_equal(back.rejected, saved.rejected, check_dtype=False)
    pd.testing.assert_frame_equal(back.audit.steps, saved.audit.steps, check_dtype=False)
    assert (back.coverage, back.provenance, back.curated) == (
        saved.coverage,
        saved.provenance,
        saved.curated,
    )
    assert back.unmatched["name"].tolist() == ["Wiranto"]


def test_two_saves_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        save(reading(), tmp_path / folder)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_changed_table_is_told_from_the_one_the_manifest_names(tmp_path: Path) -> None:
    path = save(reading(), tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SourceError, match=r"'mine\.parquet' in the store is not the file"):
        load_stored("mine", tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    save(reading(), tmp_path)
    manifest = tmp_path / "mine.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": 0}))
    with pytest.raises(SourceError, match="another version"):
        load_stored("mine", tmp_path)


def test_what_is_not_in_the_store_is_said_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="sanctlib prepare mine"):
        load_stored("mine", tmp_path)


def test_a_failure_while_writing_leaves_the_old_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")

    def write_half() -> None:
        with writing(tmp_path) as into:
            (into / "a.csv").write_text("half")
            raise ValueError("disk full")

    with pytest.raises(ValueError, match="disk full"):
        write_half()
    assert (tmp_path / "a.csv").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with (
        pytest.raises(SanctlibError, match="'taken' cannot be written"),
        writing(tmp_path / "taken"),
    ):
        pass


def test_a_folder_that_may_not_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permission bits do not bind every user (root), so the refusal is the system's own error.
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(SanctlibError, match=r"cannot be written \(Permission denied\)"):
        save(reading(), tmp_path)


def test_a_full_disk_is_an_error_and_leaves_the_earlier_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = save(reading(), tmp_path).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SanctlibError, match="No space left on device"):
        save(reading(), tmp_path)
    assert (tmp_path / "mine.parquet").read_bytes() == before
    assert not list(tmp_path.glob(".writing-*"))


def test_rejected_text_is_no_formula_in_the_store_and_comes_back_as_it_was(tmp_path: Path) -> None:
    raw = ["=cmd|' /C calc'!A0", "-2+3", "-5", "2018,USA"]
    lost = pd.DataFrame({"file": "f.csv", "line": range(3, 7), "raw": raw, "reason": "odd"})
    audit = Audit.begin(5).then("check", n_rejected=4, n_out=1)
    save(replace(reading(), rejected=lost, audit=audit), tmp_path)
    lines = (tmp_path / "mine.rejected.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[2] for line in lines[1:4]] == ["'=cmd|' /C calc'!A0", "'-2+3", "-5"]
    assert load_stored("mine", tmp_path).rejected["raw"].tolist() == raw


def test_a_written_result_holds_no_formula_and_every_number(tmp_path: Path) -> None:
    names = [
        "=1+1",
        "+A1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\uff1d1",
        "-5",
        "+1.5e3",
        "-",
        "Iran",
    ]
    day = pd.Timestamp("2022-02-24")
    table = pd.DataFrame({"=name": names, "change": -5, "share": -0.5, "day": day, "gone": None})
    table["kind"] = pd.Categorical(["=2"] * len(names))
    save_frame(table, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "'=name,change,share,day,gone,kind"
    assert [line.split(",")[0] for line in lines[1:]] == [
        "'=1+1",
        "'+A1",
        "'-2+3",
        "'@SUM(A1)",
        "'\t=1",
        "' =1",
        "'\uff1d1",
        "-5",
        "+1.5e3",
        "-",
        "Iran",
    ]
    assert {line.split(",", 1)[1] for line in lines[1:]} == {"-5,-0.5,2022-02-24,,'=2"}
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert table["=name"].tolist() == names


def test_two_columns_of_one_name_are_written_as_they_are(tmp_path: Path) -> None:
    table = pd.DataFrame([["=a", 1]], columns=["x", "x"])
    save_frame(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "x,x\n'=a,1\n"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_manifest_that_is_none_is_an_error_with_the_command(tmp_path: Path, text: str) -> None:
    save(reading(), tmp_path)
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(SourceError, match=r"'mine\.json' in the store is not a manifest"):
        load_stored("mine", tmp_path)


def test_a_table_replaced_while_it_is_read_is_never_taken_for_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(reading(), tmp_path)
    parse = pd.read_csv

    def replaced(*args: Any, **options: Any) -> pd.DataFrame:
        pd.DataFrame([event()]).head(0).to_parquet(path)
        table: pd.DataFrame = parse(*args, **options)
        return table

    monkeypatch.setattr(pd, "read_csv", replaced)
    assert len(load_stored("mine", tmp_path).table) == 1


def test_a_folder_under_the_name_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine.parquet").mkdir()
    with pytest.raises(SanctlibError, match=r"'mine\.parquet' cannot be written"):
        save(reading(), tmp_path)
