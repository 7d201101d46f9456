"""ICEWS quadruples: who is a state, what is one act, and the known counts of 2018."""

from __future__ import annotations

from pathlib import Path

import pytest

from sanctlib.errors import MissingColumnsError
from sanctlib.reading import Reading
from sanctlib.sources.icews import read_quadruples

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
    table = read_quadruples(quadruples(tmp_path)).table
    signed = table[table["code"].eq("057")]
    assert signed[["sender", "target", "mutual", "n_reports"]].to_numpy().tolist() == [
        ["IRN", "RUS", True, 2]
    ]


def test_a_labelled_body_is_its_state_only_when_asked(tmp_path: Path) -> None:
    path = quadruples(tmp_path)
    criticised = {
        actors: read_quadruples(path, actors=actors).table.query("code == '111'")["sender"]
        for actors in ("state", "label")
    }
    assert criticised["label"].tolist() == ["RUS"]
    assert criticised["state"].isna().tolist() == [True]


def test_a_person_is_unknown_and_an_unknown_code_is_rejected(tmp_path: Path) -> None:
    reading = read_quadruples(quadruples(tmp_path))
    assert "Vladimir Putin" in reading.unmatched["name"].tolist()
    assert reading.rejected["line"].tolist() == [6]
    audit = reading.audit
    assert (audit.n_read, audit.n_kept, audit.n_merged, audit.n_rejected) == (5, 3, 1, 1)


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError, match="'cameo'"):
        read_quadruples(quadruples(tmp_path, "a\tb\n1\t2\n"))


@pytest.fixture(scope="module")
def year_2018(real_data: Path) -> Reading:
    return read_quadruples(real_data / "events" / "icews18_named.tsv.gz")


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
