"""POLECAT: acts of several states, the crosswalk of PLOVER, and made-up samples refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SourceError
from sanctlib.reading import Reading
from tests.conftest import ROOT

SAMPLE = ROOT / "tests" / "samples" / "polecat" / "ngecEventsDV-2022-Jan.txt"


@pytest.fixture(scope="module")
def sample() -> Reading:
    return sl.read("polecat", SAMPLE)


def test_acts_are_told_by_type_mode_and_context_and_written_out_by_state(sample: Reading) -> None:
    columns = ["event_id", "act_id", "sender", "target", "mutual", "family", "action"]
    assert sample.table[columns].fillna("-").to_numpy().tolist() == [
        ["P1", "P1", "USA", "IRN", False, "sanction", "impose"],
        ["P3", "P3", "USA", "IRN", False, "conflict", "material"],
        ["P4:DEU>RUS", "P4", "DEU", "RUS", False, "conflict", "material"],
        ["P4:FRA>RUS", "P4", "FRA", "RUS", False, "conflict", "material"],
        ["P5:IRN>RUS", "P5", "IRN", "RUS", True, "cooperation", "consult"],
        ["P6", "P6", "RUS", "IRN", False, "cooperation", "military"],
        ["P7", "P7", "XKX", "-", False, "cooperation", "intend"],
        ["P8", "P8", "-", "PRK", False, "conflict", "verbal"],
        ["P9", "P9", "NAM", "NAM", False, "other", "domestic"],
        ["P10", "P10", "-", "SYR", False, "conflict", "material"],
        ["P11", "P11", "USA", "IRN", False, "sanction", "threaten"],
    ]
    assert "goldstein" not in sample.table


def test_rows_written_out_are_added_and_all_adds_up(sample: Reading) -> None:
    audit = sample.audit
    assert (audit.n_read, audit.n_added, audit.n_merged, audit.n_rejected) == (14, 2, 2, 3)
    assert audit.n_kept == len(sample.table) == 11
    assert sample.table.groupby("act_id")["n_reports"].first()[["P1", "P4"]].tolist() == [2, 1]


def test_codes_that_are_no_states_are_listed(sample: Reading) -> None:
    assert sample.unmatched.to_dict("records") == [
        {"side": "sender", "name": "JAP", "reason": "unknown name", "n": 1},
        {"side": "target", "name": "IGO", "reason": "unknown name", "n": 1},
    ]


def test_wrong_rows_are_rejected_with_their_line_and_reason(sample: Reading) -> None:
    rejected = sample.rejected
    assert dict(zip(rejected["line"], rejected["reason"], strict=True)) == {
        13: "event type in small letters, as in made-up samples: POLECAT writes capitals",
        14: "unknown event type 'FIGHT'",
        15: "impossible date: '2022-01-32'",
    }


HEAD = "Event ID\tEvent Date\tEvent Type\tEvent Mode\tContexts\tActor Name\tActor Country\t"
HEAD += "Recipient Name\tRecipient Country\n"


def act(folder: Path, *sides: tuple[str, str], kind: str = "CONSULT") -> Reading:
    """Read acts of one id, whose actors and recipients are lists of countries."""
    rows = [f"1\t2022-01-01\t{kind}\tphone\tdiplomatic\tA\t{a}\tB\t{b}\n" for a, b in sides]
    path = folder / "acts.txt"
    path.write_text(HEAD + "".join(rows), encoding="latin-1")
    return sl.read("polecat", path)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        (("RUS", "IRN"), [["1", "1", "RUS", "IRN"]]),
        (("RUS;CHN", "IRN"), [["1:CHN>IRN", "1", "CHN", "IRN"], ["1:RUS>IRN", "1", "RUS", "IRN"]]),
        (("RUS;IRN", "IRN;RUS"), [["1:IRN>RUS", "1", "IRN", "RUS"]]),
        (("RUS;RUS", "IRN"), [["1", "1", "RUS", "IRN"]]),
        (("RUS", "RUS;IRN"), [["1", "1", "RUS", "IRN"]]),
        (("RUS", "RUS"), [["1", "1", "RUS", "RUS"]]),
    ],
)
def test_an_act_is_named_by_its_pair_where_it_has_several(
    tmp_path: Path, sides: tuple[str, str], expected: list[list[str]]
) -> None:
    reading = act(tmp_path, sides)
    columns = ["event_id", "act_id", "sender", "target"]
    assert reading.table[columns].to_numpy().tolist() == expected
    assert len(reading.rejected) == 0


def test_a_line_of_a_state_with_itself_is_kept_next_to_others(tmp_path: Path) -> None:
    columns = ["event_id", "sender", "target"]
    assert act(tmp_path, ("RUS", "RUS"), ("RUS", "IRN")).table[columns].to_numpy().tolist() == [
        ["1", "RUS", "RUS"],
        ["1#2", "RUS", "IRN"],
    ]


def test_a_row_without_an_event_type_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="The first: no event type"):
        act(tmp_path, ("RUS", "IRN"), kind="")


def test_a_made_up_sample_in_small_letters_is_refused_and_told_so(tmp_path: Path) -> None:
    head, *rows = SAMPLE.read_text(encoding="latin-1").splitlines()
    small = [row.lower() for row in rows]
    path = tmp_path / SAMPLE.name
    path.write_text("\n".join([head, *small]), encoding="latin-1")
    with pytest.raises(SourceError, match=r"no act that can be kept.*made-up samples"):
        sl.read("polecat", path)


def test_columns_are_found_by_name_and_one_that_lacks_is_named(tmp_path: Path) -> None:
    head, *rows = SAMPLE.read_text(encoding="latin-1").splitlines()
    turned = ["\t".join(reversed(row.split("\t"))) for row in (head, *rows)]
    path = tmp_path / SAMPLE.name
    path.write_text("\n".join(turned), encoding="latin-1")
    assert len(sl.read("polecat", path).table) == 11
    path.write_text("\n".join([head.replace("Event Mode", "Mode"), *rows]), encoding="latin-1")
    with pytest.raises(MissingColumnsError, match="no column 'Event Mode'"):
        sl.read("polecat", path)
