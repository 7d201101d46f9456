"""What a source reports on states and pairs: tables worked by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import CuratedError, MissingColumnsError, SanctlibError

SPRING = sl.Coverage(source="own", first=date(2018, 1, 1), last=date(2018, 3, 31))
MONTHLY = {"every": "month", "coverage": SPRING}
VISIT, QUARREL = ("cooperation", "visit"), ("conflict", "verbal")
IMPOSE = ("sanction", "impose")

# Acts in all: 10 in January, 5 in February, 4 in March.
ACTS = [
    (1, "IRN", "RUS", VISIT, 2),
    (1, "CHN", "RUS", VISIT, 3),
    (1, "USA", None, QUARREL, 4),
    (1, "USA", "RUS", IMPOSE, 1),
    (2, "IRN", "RUS", VISIT, 4),
    (2, "USA", "IRN", IMPOSE, 1),
    (3, "CHN", "RUS", VISIT, 1),
    (3, "CHN", "IRN", VISIT, 2),
    (3, "RUS", "IO-SCO", VISIT, 1),
]


def cells(acts: list[tuple] = ACTS) -> pd.DataFrame:
    rows = [
        {
            "period": pd.Timestamp(2018, month, 1),
            "sender": sender,
            "target": target,
            "mutual": False,
            "family": family,
            "action": action,
            "n_acts": n,
        }
        for month, sender, target, (family, action), n in acts
    ]
    return pd.DataFrame(rows)


def test_states_are_counted_on_either_side_and_bodies_are_none() -> None:
    found = sl.metrics.reported_states(cells(), **MONTHLY)
    assert found.table.to_dict("list") == {
        "state": ["RUS", "IRN", "CHN"],
        "n": [11, 8, 6],
        "n_per_period": [11 / 3, 8 / 3, 2.0],
    }
    assert found.tables["totals"].to_dict("list") == {
        "what": [
            "months covered",
            "acts of the source in them",
            "of these between two coded parties",
        ],
        "n": [3, 19, 15],
        "unit": ["months", "acts", "acts"],
    }
    assert found.summary()[0].startswith("79% of 19 reported acts are between two coded parties.")
    assert found.n == 13


def test_only_periods_that_are_covered_in_full_count() -> None:
    found = sl.metrics.reported_states(cells(), start="2018-01-02", **MONTHLY)
    assert found.tables["totals"]["n"].tolist() == [2, 9, 9]


def test_coverage_must_be_known_and_a_list_gives_no_rate() -> None:
    with pytest.raises(SanctlibError, match="not known what"):
        sl.metrics.reported_states(cells(), every="month")
    with pytest.raises(CuratedError):
        sl.metrics.reported_states(sl.load("russia_iran"), every="month")


def test_the_series_of_a_pair_has_its_acts_and_the_sanctions_on_each() -> None:
    pair = ("RUS", "IRN")
    rates = sl.partnership_intensity(cells(), pair=pair, band=False, **MONTHLY)
    asked = {"unit": "act", "by": ["target"], "targets": pair, "senders": ["USA"]}
    on_pair = sl.sanction_counts(cells(), **asked, **MONTHLY)
    found = sl.metrics.pair_series(rates, on_pair)
    assert found.table.drop(columns="period").to_dict("list") == {
        "n": [2, 4, 0],
        "exposure": [10, 5, 4],
        "rate": [200.0, 800.0, 0.0],
        "RUS": [1.0, 0.0, 0.0],
        "IRN": [0.0, 1.0, 0.0],
        "sanctions": [1.0, 1.0, 0.0],
    }
    assert found.tables["totals"]["what"].tolist() == [
        "co-operation of Iran and Russia",
        "sanctions on Russia (sender: United States)",
        "sanctions on Iran (sender: United States)",
    ]
    assert found.tables["totals"]["n"].tolist() == [6, 1, 1]
    assert found.summary()[0] == "Reported co-operation of Iran and Russia: 6 acts in 3 months."
    assert found.caption.startswith("n = 6 reported acts of co-operation. ")


def test_a_series_needs_a_covered_period_one_pair_and_results_of_that_kind() -> None:
    rates = sl.partnership_intensity(cells(), pair=("RUS", "IRN"), band=False, **MONTHLY)
    counts = sl.sanction_counts(cells(), unit="act", by=["target"], **MONTHLY)
    none = sl.Result(table=rates.table.assign(covered=False), query=rates.query)
    with pytest.raises(SanctlibError, match="covers no full month"):
        sl.metrics.pair_series(none, counts)
    two = sl.partnership_intensity(
        cells(), pair=[("RUS", "IRN"), ("CHN", "RUS")], band=False, **MONTHLY
    )
    with pytest.raises(SanctlibError, match="several pairs or denominators"):
        sl.metrics.pair_series(two, counts)
    with pytest.raises(MissingColumnsError):
        sl.metrics.pair_series(counts, counts)


def test_partners_are_ranked_by_acts_and_say_their_period() -> None:
    found = sl.metrics.partners(cells(), state="RUS", every="quarter", coverage=SPRING)
    # Of 19 acts in the quarter, 2 + 4 are with Iran and 3 + 1 with China.
    assert found.table[["partner", "n", "rate"]].to_dict("list") == {
        "partner": ["IRN", "CHN"],
        "n": [6, 4],
        "rate": pytest.approx([6000 / 19, 4000 / 19]),
    }
    assert found.query.every == "quarter"
    assert "lowest to highest quarter" in found.caption


def changes(pair: tuple[str, str], **asked: object) -> sl.Result:
    asked = {"event_date": "2018-02-15"} | asked
    return sl.metrics.pair_changes(cells(), pair=pair, **asked, **MONTHLY)  # type: ignore[arg-type]


def test_a_change_is_ranked_among_the_pairs_with_an_act_a_period() -> None:
    """Iran and Russia: (800 + 0) / 2 - 200. China and Russia: (0 + 250) / 2 - 300."""
    found = changes(("RUS", "IRN"))
    assert found.table.to_dict("list") == {
        "first": ["IRN", "CHN"],
        "second": ["RUS", "RUS"],
        "change": pytest.approx([200, -175]),
    }
    assert found.tables["rank"].to_dict("records") == [
        {
            "change": pytest.approx(200),
            "periods_before": 1,
            "periods_after": 2,
            "n_pairs": 2,
            "n_rose": 1,
            "p_value": 0.5,
        }
    ]
    assert found.summary() == [
        "Mean rate of Iran and Russia from the month of 2018-02-15 on, less the mean before: "
        "+200.00 acts per 1,000 of the source (2 months, 1 before). Of 2 pairs with an act a month "
        "or more, 50% changed by as much or more, in either direction. 1 of them rose."
    ]
    assert changes(("CHN", "RUS")).tables["rank"]["p_value"].tolist() == [1.0]
    among = changes(("RUS", "IRN"), among=["Iran", "RUS"])
    assert among.tables["rank"]["n_pairs"].tolist() == [1]


@pytest.mark.parametrize(
    ("pair", "event_date"),
    [
        (("CHN", "IRN"), "2018-02-15"),
        (("RUS", "IRN"), "2018-01-15"),
        (("RUS", "IRN"), "2018-05-01"),
    ],
)
def test_few_acts_or_a_date_outside_have_no_rank(pair: tuple[str, str], event_date: str) -> None:
    with pytest.raises(SanctlibError, match="so the change has no rank among pairs"):
        changes(pair, event_date=event_date)


def test_a_timeline_of_a_pair_and_senders_has_their_sanctions_and_statements() -> None:
    acts, year = sl.load("russia_iran"), {"start": "2018", "end": "2018"}
    pair = ("RUS", "IRN")
    both = sl.metrics.timeline(acts, pair=pair, senders=["USA"], **year).table
    assert both["side"].value_counts().to_dict() == {
        "Sanctions and statements": 9,
        "Iran and Russia": 2,
    }
    towards = both[both["side"].ne("Iran and Russia")]
    assert set(towards["sender"]) == {"USA"}
    assert set(towards["target"]) <= {*pair}
    with pytest.raises(SanctlibError, match="senders needs pair="):
        sl.metrics.timeline(acts, targets=["IRN"], senders=["USA"])


BLC = [("USA", "BLR", 1), ("USA", "CHN", 2), ("USA", "FRA", 1), ("EU", "LBY", 1), ("USA", "LBY", 1)]


def imposed(by: list[str]) -> sl.Result:
    """One act in January on Belarus and France, two on China, one by each of two on Libya."""
    acts = cells([(1, sender, target, IMPOSE, n) for sender, target, n in BLC])
    return sl.sanction_counts(acts, unit="act", by=by, **MONTHLY)


def test_one_reported_act_is_no_onset_unless_a_source_lists_its_target() -> None:
    found = sl.models.confirmed_onsets(imposed(["target"]), listed=["Belarus"])
    assert found.tables["targets"].set_index("target").to_dict("index") == {
        "CHN": {"n": 2, "n_onsets": 1, "confirmed": "2 acts"},
        "LBY": {"n": 2, "n_onsets": 1, "confirmed": "2 acts"},
        "BLR": {"n": 1, "n_onsets": 1, "confirmed": "listed"},
        "FRA": {"n": 1, "n_onsets": 0, "confirmed": "not confirmed"},
    }
    assert (found.table["target"].tolist(), found.n) == (["BLR", "CHN", "LBY"], 5)
    assert "Not confirmed, and no onsets: France (fewer than 2 acts" in found.summary()[1]
    # Rows of several senders are kept, and count together.
    of_senders = sl.models.confirmed_onsets(imposed(["sender", "target"]))
    assert of_senders.table[["sender", "target"]].to_numpy().tolist() == [
        ["EU", "LBY"],
        ["USA", "CHN"],
        ["USA", "LBY"],
    ]
    assert sl.models.confirmed_onsets(imposed(["target"]), least=1).n == 6
    assert sl.models.confirmed_onsets(imposed(["target"]), least=3).table.empty


def test_what_confirms_no_onset_is_refused() -> None:
    with pytest.raises(SanctlibError, match="'Belaruss', which is no state"):
        sl.models.confirmed_onsets(imposed(["target"]), listed=["Belaruss"])
    with pytest.raises(SanctlibError, match="least is 0"):
        sl.models.confirmed_onsets(imposed(["target"]), least=0)
    with pytest.raises(MissingColumnsError):
        sl.models.confirmed_onsets(imposed(["sender"]))
