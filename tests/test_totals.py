"""Totals of counts and stocks, and what is next to each other: tables worked by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SanctlibError, UnknownChoiceError
from sanctlib.query import ask
from sanctlib.result import Source

# period, sender, target, n
ROWS = [
    (2021, "USA", "RUS", 5),
    (2022, "USA", "RUS", 7),
    (2021, "USA", "IRN", 4),
    (2022, "USA", "IRN", None),
    (2022, "CHE", "RUS", 9),
    (2022, "CHE", "IRN", 0),
]


def result(kind: str = "counts", **more: object) -> sl.Result:
    table = pd.DataFrame(ROWS, columns=["period", "sender", "target", "n"])
    return sl.Result(table=table.astype({"n": "Int64"}), kind=kind, **more)  # type: ignore[arg-type]


def test_counts_are_summed_and_of_a_stock_the_last_known_number_is_taken() -> None:
    counts = sl.metrics.totals(result(), by="target")
    assert counts.table.to_dict("list") == {"target": ["RUS", "IRN"], "n": [21, 4]}
    stock = sl.metrics.totals(result("stock"), by="target")
    assert stock.table.to_dict("list") == {"target": ["RUS"], "n": [16]}
    of_usa = sl.metrics.totals(result("stock").filter(sender="USA"), by="target")
    assert of_usa.table.to_dict("list") == {"target": ["RUS", "IRN"], "n": [7, 4]}
    assert counts.summary() == ["Russia 21; Iran 4."]
    assert sl.metrics.totals(result(), by="target", top=1).summary() == ["Russia 21; 1 more."]
    none = sl.Result(table=result().table.iloc[:0])
    assert sl.metrics.totals(none, by="target").summary() == ["none."]


def test_programmes_get_the_states_that_they_are_on() -> None:
    rows = {"programme": ["BALKANS", "IFSR", "SDGT"], "n": [2, 3, 1]}
    by_programme = sl.Result(table=pd.DataFrame(rows), query=ask(targets=["IRN"]))
    found = sl.metrics.totals(by_programme, by="programme", programmes_of="US SDN")
    states = found.table.set_index("programme")["states"]
    assert states["IFSR"] == "IRN"
    assert not states["SDGT"]
    names = sl.names_of(states["BALKANS"].split(";"))
    assert found.summary() == [
        f"IFSR 3; BALKANS 2 (on {names}); SDGT 1.",
        "An entity under a programme on several states counts for each.",
    ]


def test_wrong_arguments_of_totals_are_refused() -> None:
    with pytest.raises(MissingColumnsError):
        sl.metrics.totals(result(), by="measure")
    with pytest.raises(UnknownChoiceError, match="programmes_of"):
        sl.metrics.totals(result(), by="target", programmes_of="US list")
    with pytest.raises(SanctlibError, match="top is 0"):
        sl.metrics.totals(result(), by="target", top=0)


def test_senders_of_several_sources_come_first() -> None:
    own = pd.DataFrame({"sender": ["CHE", "EU"], "target": ["RUS", "RUS"], "n": [1, 30]})
    counts = {"entities": result(), "acts": sl.Result(table=own)}
    found = sl.metrics.senders(counts, targets=["RUS", "Iran"])
    assert found.table.to_dict("list") == {
        "sender": ["United States", "Switzerland", "European Union"],
        "entities": ["12 / 4", "9 / -", "- / -"],
        "acts": ["- / -", "1 / -", "30 / -"],
    }
    assert found.notes == (
        "A dash: none reported, or the source does not cover this sender.",
        "Senders in all: 3.",
        "In a cell: Russia / Iran.",
    )
    assert found.tables["all"].to_dict("list") == {
        "sender": ["CHE", "USA", "USA", "CHE", "EU"],
        "target": ["RUS", "IRN", "RUS", "RUS", "RUS"],
        "n": [9, 4, 12, 1, 30],
        "counted": ["entities", "entities", "entities", "acts", "acts"],
    }


def test_the_senders_of_one_state_are_numbers_and_none_is_said() -> None:
    found = sl.metrics.senders({"acts": result()}, targets=["RUS"], top=1)
    assert found.table.to_dict("list") == {"sender": ["United States"], "acts": [12]}
    none = sl.metrics.senders({"acts": sl.Result(table=result().table.iloc[:0])}, targets=["BRA"])
    assert none.summary() == ["No source names a sender of sanctions on Brazil."]
    assert len(none) == len(none.tables["all"]) == 0


def test_key_figures_are_next_to_each_other_and_missing_on_the_own_list() -> None:
    figures = [
        ("together", "acts", 5),
        ("on the list", "entities", result("stock")),
        ("visits", "acts", {"RUS": 2, "USA": 1}),
    ]
    found = sl.metrics.key_figures(figures, states=["RUS", "USA"], own_list={"on the list": "USA"})
    assert found.table["label"].tolist() == [
        "together",
        "Russia: on the list",
        "United States: on the list",
        "Russia: visits",
        "United States: visits",
    ]
    assert found.table["value"].dropna().tolist() == [5, 16, 2, 1]
    assert found.tables["by_state"].to_dict("list") == {
        "": ["on the list", "visits"],
        "Russia": [16, 2],
        "United States": [None, 1],
        "unit": ["entities", "acts"],
    }


def test_a_state_without_a_row_has_0_in_the_coverage_and_elsewhere_no_number() -> None:
    known = sl.Coverage(source="own", first=date(2020, 1, 1), last=date(2022, 12, 31))
    for start, value in (("2021", 0), ("2023", None)):
        sources = (Source(key="own", coverage=known),)
        figure = result(query=ask(start=start, end="2024"), sources=sources)
        found = sl.metrics.key_figures([("new", "acts", figure)], states=["BRA"])
        assert found.table.to_dict("records") == [{"label": "new", "value": value, "unit": "acts"}]
