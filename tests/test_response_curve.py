"""The curve of a pair's response, the collected p-values, and what a page shows of refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, UnknownChoiceError

WEEKS = pd.date_range("2018-01-01", periods=50, freq="W-MON")
RNG = np.random.default_rng(3)


def rates(denominators: tuple[str, ...] = ("all",)) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"period": WEEKS, "component": part, "denominator": divisor, "rate": values})
        for part in ("all_cooperation", "meetings")
        for divisor in denominators
        for values in [RNG.normal(5, 1, len(WEEKS))]
    ]
    return pd.concat(parts, ignore_index=True)


def sanctions(**on: list[int]) -> pd.DataFrame:
    rows = [pd.DataFrame({"period": WEEKS, "target": t, "n": n}) for t, n in on.items()]
    return pd.concat(rows, ignore_index=True)


TURNS = [int(n) for n in RNG.poisson(2.0, 50)]


def test_the_curve_has_every_combination_and_marks_those_with_the_event() -> None:
    """On each and both, 2 components, 2 denominators, 2 windows, 2 horizons."""
    on_both = sanctions(RUS=TURNS, IRN=TURNS[::-1])
    fit = sl.models.response_curve(
        rates(("all", "either")), sanctions=on_both, event_date="2018-05-08", n_replicates=5
    )
    assert fit.table["n_specifications"].tolist() == [24, 24]
    rows = fit.tables["specifications"]
    assert {*rows["sanctions"]} == {"on Russia", "on Iran", "on both"}
    marked = rows.groupby("window")["confounded"].unique().map(list).to_dict()
    assert marked == {"all periods": [True], "after the event date": [False]}


def test_an_estimate_is_the_local_projection_in_standard_deviations() -> None:
    table = rates()
    fit = sl.models.response_curve(
        table, sanctions=sanctions(IRN=TURNS), components=["meetings"], horizons=[1], n_replicates=2
    )
    values = table.loc[table["component"].eq("meetings"), "rate"].to_numpy()
    x = (np.array(TURNS) - np.mean(TURNS)) / np.std(TURNS)
    plain = pd.DataFrame({"period": WEEKS, "x": x, "y": values / values.std(ddof=1)})
    own = sl.models.local_projection(plain, dependent="y", impulse="x", horizons=1, lags=1)
    only = fit.tables["specifications"].iloc[0]
    assert only["estimate"] == pytest.approx(own.table["estimate"].iloc[-1])
    assert not only["confounded"]


def test_a_late_event_has_no_window_of_its_own() -> None:
    fit = sl.models.response_curve(
        rates(), sanctions=sanctions(IRN=TURNS), event_date="2018-11-01", n_replicates=2
    )
    assert {*fit.tables["specifications"]["window"]} == {"all periods"}


def test_sanctions_that_do_not_vary_are_excluded_or_refused() -> None:
    none = [0] * 50
    fit = sl.models.response_curve(
        rates(), sanctions=sanctions(IRN=TURNS, RUS=none), n_replicates=2
    )
    assert {*fit.tables["specifications"]["sanctions"]} == {"on Iran", "on both"}
    with pytest.raises(SanctlibError, match="sanctions on Russia do not vary between periods"):
        sl.models.response_curve(rates(), sanctions=sanctions(RUS=none))


def test_wrong_rates_are_refused() -> None:
    with pytest.raises(UnknownChoiceError, match="components"):
        sl.models.response_curve(rates(), sanctions=sanctions(IRN=TURNS), components=["visits"])
    with pytest.raises(SanctlibError, match="of several pairs"):
        sl.models.response_curve(pd.concat([rates()] * 2), sanctions=sanctions(IRN=TURNS))
    with pytest.raises(SanctlibError, match="horizons is -1"):
        sl.models.response_curve(rates(), sanctions=sanctions(IRN=TURNS), horizons=[-1])


def made(kind: str, table: dict, **tables: dict) -> sl.Result:
    frames = {name: pd.DataFrame(t) for name, t in tables.items()}
    return sl.Result(table=pd.DataFrame(table), kind=kind, tables=frames)


def test_p_values_are_collected_by_kind_of_result() -> None:
    results = {
        "jump": made("series", {"p_value": [0.2, None]}),
        "order": made("tests", {"p_value": [0.3, None], "p_chi2": [0.31, 0.4]}),
        "pairs": made("pairs", {"p_value": [0.01]}, placebo={"p_value": [0.02]}),
        "onsets": made(
            "event_study",
            {"p_value": [0.9, 0.8]},
            average={"p_placebo": [0.6]},
            reverse={"p_value": [0.1, 0.7]},
        ),
        "changes": made("changes", {"change": [1.0]}, rank={"p_value": [0.5]}),
        "curve": made("curve", {"p_median": [0.5], "p_share": [1.0], "p_stouffer": [0.8]}),
    }
    found = sl.models.p_values(results)
    named = found.table[["result", "p_value"]]
    assert list(named.itertuples(index=False, name=None)) == [
        ("jump", 0.2),
        ("order", 0.3),
        ("order", 0.4),
        ("pairs", 0.01),
        ("pairs", 0.02),
        ("onsets", 0.6),
        ("onsets", 0.1),
        ("onsets", 0.7),
        ("changes", 0.5),
        ("curve", 0.5),
        ("curve", 1.0),
        ("curve", 0.8),
    ]
    # Holm: 12 times the smallest, 11 times the second, and so on, never less than before.
    assert found.table["p_holm"].round(2).tolist()[:7] == [1.0, 1.0, 1.0, 0.12, 0.22, 1.0, 1.0]
    said = "Of 12 p-values and ranks, 2 are below 0.05, and 0 after Holm's correction"
    assert said in found.summary()[0]
    assert "2 are below 0.1, and 0 after" in sl.models.p_values(results, alpha=0.1).summary()[0]
    with pytest.raises(SanctlibError, match="alpha is 1"):
        sl.models.p_values(results, alpha=1)
    with pytest.raises(SanctlibError, match="p_value"):
        sl.models.p_values({"counts": made("counts", {"n": [1]})})


def test_a_refusal_is_shown_and_any_other_error_stops(capsys: pytest.CaptureFixture[str]) -> None:
    with sl.if_possible(otherwise="No curve."):
        raise SanctlibError("Too few periods.")
    with sl.if_possible(otherwise=""):
        raise SanctlibError("Too few pairs.")
    assert capsys.readouterr().out == "No curve. Too few periods.\nToo few pairs.\n"
    with pytest.raises(ZeroDivisionError), sl.if_possible(otherwise="No curve."):
        raise ZeroDivisionError


def test_one_sentence_is_a_paragraph_and_several_are_a_list() -> None:
    one = sl.Result(table=pd.DataFrame({"n": [1]}), findings=("Russia: 1 act.",)).summary()
    assert one == ["Russia: 1 act."]
    assert one._repr_markdown_() == "Russia: 1 act."
    assert sl.Sentences(["a", "b"])._repr_markdown_() == "- a\n- b"
    assert sl.names_of(["IRN", "XYZ", "EU"]) == "Iran, XYZ and European Union"
    assert sl.names_of([]) == ""
