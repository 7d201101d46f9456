"""The five windows of ICEWS: what they cover, the unit of an act, and rates between windows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.acts import KEYS
from sanctlib.errors import CoverageError
from tests.news import news_of_2018

PAIR = ("IRN", "RUS")
LASTS = ["2018-10-31", "2021-08-31", "2022-08-31", "2022-12-31", "2023-04-10"]
FILES = (
    "icews18_named.tsv.gz",
    "icews_2021-01-01_2021-08-31_zrllm.tsv.gz",
    "icews_2022-01-01_2022-08-31_zrllm_999entities.tsv.gz",
    "icews_2022-10-11_2022-12-31_tame.tsv.gz",
    "icews_2023-01-01_2023-04-10_tame.tsv.gz",
)


def days(*texts: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)))


def cells(*rows: tuple[str, str, str, str, str, int]) -> pd.DataFrame:
    named = ["period", "sender", "target", "family", "action", "n_acts"]
    table = pd.DataFrame(rows, columns=named).assign(mutual=False)
    return table.astype({"period": "datetime64[us]"})


TWO = sl.Coverage(
    source="own",
    first="2018-01",
    last="2019-02",
    gaps=[("2018-03", "2018-12", "none"), ("2019-02-10", "2019-02-12", "off")],
    windows=[("2018-01", "2018-02", 900), ("2019-01", "2019-02", 90)],
    uncoded=[("2018-01", "2018-01", "threaten")],
)
ACTS = cells(
    ("2018-01-01", "IRN", "RUS", "cooperation", "agree", 4),
    ("2018-01-01", "CHN", "RUS", "cooperation", "agree", 12),
    ("2018-01-01", "CHN", "CIV", "cooperation", "agree", 30),
    ("2018-01-01", "CHN", "RUS", "conflict", "verbal", 30),
    ("2018-02-01", "USA", "RUS", "sanction", "threaten", 2),
    ("2019-01-01", "IRN", "RUS", "cooperation", "agree", 2),
    ("2019-01-01", "CHN", "USA", "cooperation", "agree", 6),
)


def test_covered_days_are_counted_without_gaps() -> None:
    found = TWO.days(
        days("2018-02-20", "2019-02-01", "2018-05-01", "2017-12-31"),
        days("2018-03-05", "2019-02-28", "2018-05-31", "2019-12-31"),
    )
    assert found.tolist() == [9, 25, 0, 59 + 31 + 25]
    assert TWO.days(days("2018-01-05"), days("2018-01-04")).tolist() == [0]
    assert TWO.covers(days("2019-01-01", "2019-02-01"), every="month").tolist() == [True, False]


def test_rates_per_all_acts_of_windows_with_different_actors_are_refused() -> None:
    message = (
        "names 900 actors from 2018-01-01 to 2018-02-28 and 90 actors from 2019-01-01 to "
        "2019-02-28, so rates per all its acts cannot be compared. Use among='common_states', or "
        "start and end in one window."
    )
    asked: dict[str, Any] = {"every": "month", "coverage": TWO}
    for pair in (PAIR, None):
        with pytest.raises(CoverageError, match=re.escape(message)):
            sl.partnership_intensity(ACTS, pair=pair, **asked)
    assert len(sl.partnership_intensity(ACTS, pair=PAIR, end="2018-02", **asked))
    with pytest.raises(sl.SanctlibError, match="Leave one of them out"):
        sl.partnership_intensity(
            ACTS, pair=PAIR, denominator="no_war", among="common_states", **asked
        )
    with pytest.raises(CoverageError, match=r"Côte d'Ivoire \(CIV\) is not a party of an act"):
        sl.partnership_intensity(ACTS, pair=("CHN", "CIV"), among="common_states", **asked)


def test_rates_between_windows_divide_by_co_operation_of_common_states() -> None:
    # By hand: 4 of 16 acts of co-operation among China, Iran, Russia and the US; then 2 of 8.
    found = sl.partnership_intensity(
        ACTS, pair=PAIR, every="month", among="common_states", coverage=TWO, band=False
    )
    assert found.tables["common_states"]["state"].tolist() == ["CHN", "IRN", "RUS", "USA"]
    rows = found.filter(component="all_cooperation", covered=True).table
    assert rows["n"].tolist() == [4, 0, 2, 0]
    assert rows["rate"].tolist()[::2] == [250.0, 250.0]
    assert rows["n_days"].tolist() == [31, 28, 31, 25]
    gap = found.filter(component="all_cooperation", covered=False).table
    assert (len(gap), gap["n"].count(), gap["n_days"].sum()) == (10, 0, 0)
    assert "4 months covered, 1 of them in part" in found.summary()[0]
    assert "between 4 common states" in found.caption
    everyone = sl.partnership_intensity(
        ACTS, pair=None, every="month", among="common_states", coverage=TWO
    )
    assert "CIV" not in {*everyone.table["second"]}


def test_an_action_that_is_not_coded_has_no_zero() -> None:
    asked: dict[str, Any] = {"every": "month", "unit": "act", "coverage": TWO}
    asked |= {"senders": ["USA"], "targets": ["RUS"], "end": "2018-02"}
    counts = sl.sanction_counts(ACTS, actions=["threaten"], **asked)
    assert counts.table["n"].isna().tolist() == [True, False]
    note = (
        "own table does not code the action threaten from 1 January 2018 to 31 January 2018: such"
    )
    assert any(text.startswith(note) for text in counts.notes)
    assert sl.sanction_counts(ACTS, actions=["impose"], **asked).table["n"].tolist() == [0, 0]
    by = sl.sanction_counts(ACTS, actions=["impose", "threaten"], by=["action"], **asked)
    assert by.filter(action="threaten").table["n"].isna().tolist() == [True, False]


def test_a_period_without_a_covered_day_has_no_ratio() -> None:
    known = sl.Coverage(
        source="own", first="2018-01", last="2018-03", gaps=[("2018-02", "2018-02", "none")]
    )
    week = pd.date_range("2018-01-01", "2018-03-26", freq="7D").strftime("%Y-%m-%d")
    week = week[(week < "2018-02-01") | (week > "2018-02-28")]
    rows = [
        (w, a, b, "cooperation", "agree", 1)
        for w in week
        for a, b in [("IRN", "RUS"), ("CHN", "RUS"), ("CHN", "IRN"), ("CHN", "USA")]
    ]
    found = sl.observed_expected(
        cells(*rows), pair=PAIR, every="month", block="week", coverage=known, n_replicates=5
    ).table
    assert found["covered"].tolist() == [True, False, True]
    assert found["n"].isna().tolist() == [False, True, False]
    assert found["n_days"].tolist() == [31, 0, 31]


def of_pair(table: pd.DataFrame) -> pd.DataFrame:
    ours = table[table["sender"].isin(PAIR) & table["target"].isin(PAIR)]
    return ours[ours["sender"].ne(ours["target"])]


def test_the_shipped_windows_are_covered_with_their_gaps() -> None:
    for every in ("week", "month"):
        reading = sl.load(f"icews_{every}ly")
        known = reading.coverage
        assert known is not None
        n = [n for *_, n in known.windows]
        assert n == [23033, 18205, 999, 11822, 13076]
        assert [f"{last}" for _, last, _ in known.windows] == LASTS
        starts = reading.table["period"]
        lasts = starts + (pd.offsets.MonthEnd(0) if every == "month" else pd.Timedelta(days=6))
        assert reading.table["n_days"].equals(known.days(starts, lasts))
        assert not reading.table.duplicated(["period", *KEYS]).any()
    # Of 304, 243, 243, 82 and 100 days.
    whole = known.days(days("2018", "2021", "2022"), days("2018-12-31", "2021-12-31", "2022-12-31"))
    assert whole.tolist() == [304, 243 - 11, 243 - 2 + 82 - 4]
    assert known.days(days("2023-01-01"), days("2023-04-10")).tolist() == [99]


def test_the_shipped_windows_hold_the_acts_of_the_pair() -> None:
    # reference.md (d): the third unit of an act, 145, 212, 165 and 126 in the later windows.
    for every in ("week", "month"):
        pair = of_pair(sl.load(f"icews_{every}ly").table)
        window = pd.DatetimeIndex(LASTS).searchsorted(pd.DatetimeIndex(pair["period"]))
        counts = pair.groupby(window)["n_acts"].sum().tolist()
        if every == "month":
            assert counts == [368, 145, 212, 165, 126]
        # A week of two windows counts in the first here.
        assert sum(counts) == 1016


def test_july_2022_is_not_twice_september_2018() -> None:
    news, two = sl.load("icews_monthly"), ["2018-09-01", "2022-07-01"]
    found = sl.partnership_intensity(
        news, pair=PAIR, every="month", among="common_states", band=False
    )
    assert len(found.tables["common_states"]) == 145
    rates = found.filter(component="all_cooperation").table.set_index("period").loc[two]
    assert rates["n"].tolist() == [53, 58]
    assert rates["rate"].round(1).tolist() == [28.0, 26.9]
    # Per all acts of the files it would seem twice as high: 2.42 against 1.24.
    everything = news.table.groupby("period")["n_acts"].sum()
    assert (1000 * rates["n"] / everything[two]).round(2).tolist() == [1.24, 2.42]


def test_threats_of_early_2021_are_missing_and_not_zero() -> None:
    asked: dict[str, Any] = {"every": "month", "unit": "act", "start": "2021-02", "end": "2021-07"}
    news = sl.load("icews_monthly")
    counts = sl.sanction_counts(
        news, actions=["threaten"], senders=["USA"], targets=["IRN"], **asked
    )
    assert counts.table["n"].isna().tolist() == [True] * 5 + [False]


def test_one_window_has_the_rates_it_had() -> None:
    asked: dict[str, Any] = {"pair": PAIR, "every": "month"}
    narrowed = sl.partnership_intensity(news_of_2018("month"), **asked).table
    whole = sl.partnership_intensity(sl.load("icews_monthly"), end="2018-10-31", **asked).table
    pd.testing.assert_frame_equal(narrowed, whole)


@pytest.fixture(scope="module")
def raw(real_data: Path) -> list[pd.DataFrame]:
    """The rows of the five files."""
    found = []
    for name in FILES:
        path = real_data / "events" / name
        if not path.is_file():
            pytest.skip(f"no {name} among the real files")
        found.append(pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False, quoting=3))
    return found


def test_three_ways_of_counting_an_act_give_three_numbers(raw: list[pd.DataFrame]) -> None:
    names, rows, acts = {"Russia", "Iran"}, [], []
    monthly: list[int] = []
    for table in raw:
        ours = table[table["source"].isin(names) & table["target"].isin(names)]
        ours = ours[ours["source"].ne(ours["target"])]
        once = ours.drop_duplicates(["date", "cameo"])
        rows.append(len(ours))
        acts.append(len(once))
        monthly += once.groupby(once["date"].str[:7]).size().tolist()
    assert rows == [626, 234, 363, 217, 189]
    assert acts == [370, 142, 223, 167, 128]
    assert monthly[:10] == [28, 35, 35, 61, 41, 22, 36, 28, 65, 19]
    assert monthly[10:26] == [13, 34, 21, 26, 7, 14, 15, 12, 29, 10, 33, 13, 14, 18, 68, 38]


def test_the_files_have_the_known_rows_names_and_sanctions(raw: list[pd.DataFrame]) -> None:
    assert [len(table) for table in raw] == [468558, 326354, 220753, 108721, 141606]
    assert [len({*t["source"], *t["target"]}) for t in raw] == [23033, 18205, 999, 11822, 13076]
    assert [int(table["cameo"].eq("").sum()) for table in raw] == [0, 217, 54, 84, 86]
    imposed = [t.loc[t["cameo"].eq("163"), "target"].value_counts() for t in raw]
    assert [int(n["Russia"]) for n in imposed] == [165, 154, 838, 78, 110]
    assert [int(n["Iran"]) for n in imposed] == [102, 90, 43, 53, 31]


def test_the_gaps_are_the_days_below_a_quarter_of_the_usual_day(raw: list[pd.DataFrame]) -> None:
    # reference.md names 2022-01-01 too: 236 rows, a quarter of the median of the whole window.
    quiet: list[str] = []
    for table in raw:
        n = table["date"].value_counts().sort_index()
        usual = n.rolling(29, center=True, min_periods=1).median()
        quiet += n.index[n < usual / 4].tolist()
    known = sl.load("icews_weekly").coverage
    assert known is not None
    days_off = [
        str(day.date())
        for first, last, why in known.gaps
        if "quarter" in why
        for day in pd.date_range(first, last)
    ]
    assert quiet == days_off
    assert len(quiet) == 18


def test_a_state_cut_out_of_a_file_is_missing_and_not_zero(real_data: Path) -> None:
    path = real_data / "events" / "icews14_named.tsv.gz"
    if not path.is_file():
        pytest.skip("no icews14_named.tsv.gz among the real files")
    rows = pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False, quoting=3)
    named = pd.concat([rows["source"], rows["target"]]).value_counts()
    assert (named.get("Russia", 0), named["Iran"]) == (0, 4926)
    reading = sl.read("icews_2018", path)
    found = sl.partnership_intensity(reading, pair=PAIR, every="month", band=False)
    assert found.table["n"].isna().all()
    assert not found.table["covered"].any()
    assert any("Russia (RUS) is a party of no act" in note for note in found.notes)
