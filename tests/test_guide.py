"""The guide: the table of what each measure takes is what the measures do."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from operator import attrgetter

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.dates import Period
from sanctlib.errors import SanctlibError
from sanctlib.metrics._questions import UNITS
from sanctlib.metrics.composition import Intensity
from sanctlib.schema import AGREEMENT_STAGES, TABLES
from sanctlib.sources.producers import producers
from sanctlib.store import shipped as shipped_datasets
from tests.conftest import ROOT
from tests.news import news_of_2018
from tests.samples import SAMPLES

Call = Callable[[object, str], object]
GUIDE = (ROOT / "docs" / "guide.md").read_text("utf-8")
PAIR, SPAN = ("IRN", "RUS"), {"start": "2018", "end": "2018"}


def frame(table: object) -> pd.DataFrame:
    return table.table if isinstance(table, sl.Reading | sl.Result) else table  # type: ignore[return-value]


def unit(kind: str) -> str:
    return UNITS.get("events" if kind == "hand-picked" else kind, ("act",))[0]


def period(kind: str) -> Period:
    return "year" if kind == "cases" else "month"


def named(measure: str) -> object:
    """The function of a name such as "metrics.partners" or "agreements(pair=…)"."""
    return attrgetter(measure.partition("(")[0])(sl)


CALLS: dict[str, Call] = {
    "sanction_counts": lambda t, k: sl.sanction_counts(
        t, every=period(k), unit=unit(k), by=["target"]
    ),
    "compare_units": lambda t, _: sl.compare_units({"own": t}, targets=["RUS"], **SPAN),
    "active_sanctions": lambda t, k: sl.active_sanctions(t, every=period(k), at="any_day"),
    "sanction_pressure": lambda t, k: sl.sanction_pressure(t, every=period(k), targets=["RUS"]),
    "sanction_pressure(half_life=…)": lambda t, k: sl.sanction_pressure(
        t, every=period(k), unit=unit(k), half_life=12
    ),
    "sanction_outcomes": lambda t, _: sl.sanction_outcomes(t),
    "models.sanction_spells": lambda t, _: sl.models.sanction_spells(t, every="year"),
    "shared_sanctioners": lambda t, k: sl.shared_sanctioners(
        {"own": t}, pair=PAIR, every=period(k)
    ),
    "partnership_intensity": lambda t, _: sl.partnership_intensity(t, pair=PAIR, every="month"),
    "metrics.partners": lambda t, _: sl.metrics.partners(t, state="IRN", every="month"),
    "metrics.reported_states": lambda t, _: sl.metrics.reported_states(t, every="month"),
    "metrics.pair_changes": lambda t, k: sl.metrics.pair_changes(
        t, pair=PAIR, every="year" if k == "events" else "month", event_date="2018-05-08"
    ),
    "observed_expected": lambda t, _: sl.observed_expected(
        t, pair=PAIR, every="year", block="month", n_replicates=20
    ),
    "agreements": lambda t, _: sl.agreements(t),
    "agreements(pair=…)": lambda t, _: sl.agreements(t, pair=PAIR, every="month", half_life=12),
    "metrics.timeline": lambda t, _: sl.metrics.timeline(t, pair=PAIR),
    "voting_gap": lambda t, _: sl.voting_gap(t, pair=PAIR),
    "portfolio_similarity": lambda t, _: sl.portfolio_similarity(t, pair=PAIR, top=10),
    "dyad_panel": lambda t, k: sl.dyad_panel(
        t, every="year" if k == "dyads" else "month", states=["RUS", "IRN"]
    ),
    "cells": lambda t, _: sl.cells(t, every="month"),
    "expand_blocs": lambda t, _: sl.expand_blocs(frame(t)),
}


@cache
def table_of(kind: str) -> sl.Reading:
    sample = {s.key: s.path for s in SAMPLES}
    if kind == "events":
        # With every optional column, and not hand-picked.
        return replace(sl.load("russia_iran"), curated=False)
    if kind in ("cases", "listings"):
        key = {"cases": "gsdb", "listings": "eu"}[kind]
        return sl.read(key, sample[key])
    if kind == "cells":
        return news_of_2018("month")
    if kind == "dyads":
        # Of one release: the table has four.
        return sl.load("un_ideal_points").filter(measure="ideal_point_gap 2023-07")
    shipped = {"hand-picked": "russia_iran", "list_changes": "ofac_sdn"}
    return sl.load(shipped.get(kind, "canada_sema"))


def runs(call: Call, table: object, kind: str) -> bool:
    try:
        call(table, kind)
    except SanctlibError:
        return False
    return True


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading."""
    lines = GUIDE.split(f"\n| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


KINDS = tuple(row[0].strip("`") for row in rows_under("kind"))
COLUMNS = (KINDS[0], "hand-picked", *KINDS[1:])
MATRIX = {row[0].strip("`"): row[1:] for row in rows_under("measure")}


@pytest.mark.parametrize("measure", CALLS)
def test_a_measure_takes_the_tables_that_the_guide_says(measure: str) -> None:
    found = []
    for kind in COLUMNS:
        call, reading = CALLS[measure], table_of(kind)
        alone = {True: "yes", False: "covered"}
        found.append(alone[runs(call, frame(reading), kind)] if runs(call, reading, kind) else "")
    assert found == MATRIX[measure]


def test_the_guide_has_every_measure() -> None:
    modules = ("sanctlib.metrics", "sanctlib.acts")
    top = {
        name
        for name in sl.__all__
        if inspect.isfunction(getattr(sl, name))
        and getattr(sl, name).__module__.startswith(modules)
    }
    inner = {f"metrics.{n}" for n in sl.metrics.__all__ if not n.endswith("_interval")}
    of_results = {
        f"metrics.{name}"
        for name in (
            "before_after",
            "listings_by_sender",
            "key_figures",
            "pair_series",
            "senders",
            "totals",
        )
    }
    models = {f"models.{n}" for n in sl.models.__all__}
    assert CALLS.keys() == MATRIX.keys()
    rows = {measure.partition("(")[0] for measure in MATRIX}
    assert rows == top | inner - of_results | {"expand_blocs", "models.sanction_spells"}
    asked = set(re.findall(r"`([\w.]+)`", GUIDE.split("## By table")[0]))
    asked -= {"covered"}  # a column
    assert asked == (top - {"cells"}) | inner | models | {"expand_blocs", "compare_copies"}
    for method in re.findall(r"`(\w+)\(\)`", GUIDE):
        assert inspect.isfunction(getattr(Intensity, method))


def test_results_go_where_the_guide_says() -> None:
    rates = sl.partnership_intensity(table_of("cells"), pair=PAIR, every="month")
    for found in (rates.decompose(), rates.shares(), rates.elasticity(), rates.components()):
        assert len(found) > 0
    one = rates.filter(component="all_cooperation", covered=True)
    assert len(sl.models.breaks(one, dependent="rate").tables["numbers"]) > 0


@pytest.mark.parametrize("row", rows_under("kind"), ids=lambda row: row[0])
def test_the_kinds_are_those_of_the_schema_the_readers_and_the_shipped_data(row: list[str]) -> None:
    kind, one_row, units, shipped, read = row
    key = kind.strip("`")
    names = [re.findall(r"`(\w+)`", cell) for cell in (shipped, read)]
    assert one_row == TABLES[key].row
    assert units == ", ".join(UNITS.get(key, ()))
    kinds = (
        {k: dataset.kind for k, dataset in shipped_datasets().items()},
        {k: producer.kind for k, producer in producers().items() if not producer.instead},
    )
    for listed, of_kind in zip(names, kinds, strict=True):
        assert sorted(listed) == sorted(k for k, found in of_kind.items() if found == key)


def test_the_guide_has_every_kind_of_table() -> None:
    assert sorted(KINDS) == sorted(TABLES)


def returned(measure: str) -> set[str]:
    """The columns that a docstring promises."""
    text = inspect.getdoc(named(measure)) or ""
    return set(re.findall(r"``(\w+)``", text.partition("Returns\n")[2].partition("Raises\n")[0]))


def test_every_column_of_a_result_has_its_meaning_in_the_docs() -> None:
    columns: dict[str, set[str]] = {}
    for measure, call in CALLS.items():
        kind = COLUMNS[next(i for i, mark in enumerate(MATRIX[measure]) if mark)]
        columns[measure] = returned(measure) | set(frame(call(table_of(kind), kind)))
    for name in (f"models.{n}" for n in sl.models.__all__):
        columns[name] = returned(name)
    for name in ("metrics.poisson_interval", "metrics.wilson_interval"):
        columns[name] = returned(name)
    rates = sl.partnership_intensity(table_of("cells"), pair=PAIR, every="month")
    for name in ("components", "shares", "elasticity", "decompose"):
        columns[name] = set(getattr(rates, name)().table)
    pages = "".join((ROOT / "docs" / f"{p}.md").read_text("utf-8") for p in ("glossary", "tables"))
    words = re.findall(r"`(\w+)`", pages) + re.findall(r"^\| ([\w, ]+) \|", pages, re.MULTILINE)
    known = {part for word in words for part in word.split(", ")}
    known |= {f"{stage}_last" for stage in AGREEMENT_STAGES}
    unknown = {m: sorted(found - known) for m, found in columns.items() if found - known}
    assert unknown == {}
