"""The US list 2014-2026: every interval of two independent counts comes out."""

from __future__ import annotations

import pandas as pd
import pytest

import sanctlib as sl

# Counted twice from the dated copies by other programs: end of the interval, entries, added,
# removed, then added, removed and stock of Iran and of Russia by the tags (IRAN, IRGC, IFSR,
# IFCA, FSE-IR, HRIT-IR; RUSSIA, UKRAINE). Where a copy has numbers alone, the stocks by the
# programmes of the whole copy before and after it stand with "-".
INTERVALS = """
2015-01-17  5876  348  400 |  22   2  787       |   53  0  117
2019-01-15  7379 2927 1424 | 668 238 1220       |  280  0  397
2020-03-07  8100  796   75 | 201   0 1463       |   30  3  424
2020-06-11  8224  180   56 |  67   2 1528       |   11  0  435
2021-04-25  8890  746   80 | 265   0 1794       |   58  0  494
2021-06-29  8976  150   64 |   1   5 1790       |    0  0  494
2021-08-18  9083  110    3 |   1   3 1788       |    0  0  494
2021-12-30  9008  313  388 |  31   2 1817       |    3  0  499
2022-12-28 11430 2555  133 | 151   5 1963       | 1803  6 2299
2023-12-28 13821 2685  294 | 244  13 2198       | 1682 12 3973
2024-05-03 14965 1256  112 |  97   0 2295       |  923 15 4883
2024-07-02 15443  535   57 |  70   0 2365       |  384 11 5256
2024-12-19 16951 1539   31 | 119   1 2483-2489  |  971 11 6216-6243
2025-01-04 16989   38    0 |  19   0 2502-2508  |    3  0 6219-6246
2025-12-24 18494 2184  679 | 851  48 3305-3311  |  637 22 6834-6861
2026-05-30 19014  651  131 | 378   1 3682-3688  |    7 35 6806-6833
2026-07-11 19143  156   27 |  51   0 3739       |    0 18 6815
2026-08-20 19249  263  157 | 113   1 3853       |    0  6 6809
"""
TAGS = {
    "iran": "IRAN|IRGC|IFSR|IFCA|FSE-IR|HRIT-IR",
    "russia": "RUSSIA|(?:^|;)UKRAINE",
}


@pytest.fixture(scope="module")
def changes() -> pd.DataFrame:
    table = sl.load("ofac_sdn").table
    groups = {name: table["programmes"].str.contains(tags) for name, tags in TAGS.items()}
    first = table["from"].eq(table["to"])
    net = (table["closing"] - table["opening"]).mask(first, table["closing"])
    days = {"since": table["from"].dt.normalize(), "until": table["to"].dt.normalize()}
    return table.assign(all=True, net=net, first=first, **groups, **days)


def stock(changes: pd.DataFrame, group: str, day: pd.Timestamp) -> str:
    """Return the stock after a day; by the whole copy before it and after it, if they differ."""
    rows = changes[changes[group]]
    by_last = int(rows.loc[rows["until"].le(day), "net"].sum())
    moving = rows["since"].lt(day) & rows["until"].gt(day)
    by_next = by_last + int(rows.loc[moving, "net"].sum())
    return f"{by_last}-{by_next}" if by_next != by_last else str(by_last)


def test_every_interval_has_the_counted_flows_and_stocks(changes: pd.DataFrame) -> None:
    before = pd.Timestamp("2014-05-27")
    assert [stock(changes, group, before) for group in ("all", "iran", "russia")] == [
        "5928",
        "767",
        "64",
    ]
    for line in INTERVALS.strip().splitlines():
        (end, entries, *flows), *states = (part.split() for part in line.split("|"))
        day = pd.Timestamp(end)
        inside = changes[changes["since"].ge(before) & changes["until"].le(day)]
        inside = inside[~inside["first"]]
        assert [stock(changes, "all", day), *sums(inside)] == [entries, *flows]
        for group, (added, removed, held) in zip(("iran", "russia"), states, strict=True):
            found = [*sums(inside[inside[group]]), stock(changes, group, day)]
            assert found == [added, removed, held], (end, group)
        before = day


def sums(rows: pd.DataFrame) -> list[str]:
    return [str(rows[flow].sum()) for flow in ("added", "removed")]


def test_every_row_closes_and_every_group_goes_on_from_where_it_closed(
    changes: pd.DataFrame,
) -> None:
    came, went = changes["added"] + changes["moved_in"], changes["removed"] + changes["moved_out"]
    assert (changes["opening"] + came - went).eq(changes["closing"]).all()
    # By the programmes of the last whole copy: moves between whole copies come at their end.
    for _, rows in changes.groupby(["programmes", "entity_type"]):
        ordered = rows.sort_values(["to", "from"], ascending=[True, False])
        begun = ordered["opening"].where(~ordered["first"], 0)
        assert begun.iloc[1:].tolist() == ordered["closing"].iloc[:-1].tolist()
    # By those of the next: the same moves come at their beginning, and no stock is below 0.
    ends = pd.Timestamp("2024-07-02"), pd.Timestamp("2026-07-11")
    moves = changes["since"].eq(ends[0]) & changes["until"].eq(ends[1])
    assert moves.sum() == 107
    assert changes.loc[moves, ["added", "removed"]].eq(0).all(axis=None)
    when = changes["to"].mask(moves, changes["from"])
    by_next = changes.assign(when=when).sort_values("when", kind="stable")
    running = by_next.groupby(["programmes", "entity_type"])["net"].cumsum()
    last = by_next.assign(running=running).groupby(["programmes", "entity_type", "when"]).last()
    assert last["running"].ge(0).all()
    assert by_next["net"].sum() == 19249


def test_entries_that_no_whole_copy_has_are_named_unknown(changes: pd.DataFrame) -> None:
    unknown = changes[changes["programmes"].eq("unknown")]
    added = unknown.groupby("until")["added"].sum()
    assert added[added.gt(0)].to_dict() == {
        pd.Timestamp("2024-12-19"): 41,
        pd.Timestamp("2025-12-24"): 6,
    }


def test_four_years_stay_one_interval(changes: pd.DataFrame) -> None:
    inside = changes[changes["until"].gt("2015-01-17") & changes["until"].le("2019-01-15")]
    assert set(inside["since"]) == {pd.Timestamp("2015-01-17")}
    assert set(inside["until"]) == {pd.Timestamp("2019-01-15")}


def test_entries_with_their_own_days_are_counted_beside_and_survive() -> None:
    reading = sl.load("ofac_entry_dates")
    assert reading.coverage is not None
    assert reading.coverage.survivors
    assert reading.table["n_listings"].sum() == 5557
    assert reading.upstream is not None
    assert reading.upstream["n_in"].iloc[0] == 10760
    found = sl.sanction_counts(
        reading, every="year", unit="designation", by=["target"], targets=["IRN", "RUS"]
    ).table
    seen = found[found["n"].gt(0)]
    assert seen["upper"].isna().all()
    assert not seen["covered"].any()
    # The day is that of the entry, the programmes are those of 2024: an entry of 2007 is under
    # a Russian programme that did not exist then.
    assert seen.loc[seen["target"].eq("RUS"), "period"].dt.year.min() == 2007
