"""Rebuild the shipped tables that are computed from real files (`make data`)."""

from __future__ import annotations

import os
import re
import sys
from datetime import date
from pathlib import Path

import pandas as pd

import sanctlib as sl
from sanctlib.acts import KEYS
from sanctlib.dates import Period, period_end
from sanctlib.reading import Audit, sha256
from sanctlib.schema import TABLES, Table
from sanctlib.sources.chronology import COLUMNS
from sanctlib.sources.files import paths_of
from sanctlib.sources.ideal_points import MEASURE
from sanctlib.sources.listings import listing_counts
from sanctlib.writing import writing

ROOT = Path(__file__).resolve().parent
RAW = ROOT / "raw"
REAL = Path(os.environ.get("SANCTLIB_REAL_DATA", ROOT.parent.parent / "shared" / "data"))

AUDIT = "audit.csv"

FILES = {
    "ofac_sdn": (
        "lists/sdn_csv_2014-05-27.tar.xz",
        "lists/sdn_csv_early_2015-01_2021-07.tar.xz",
        "lists/sdn_csv_2021-05_2021-08.tar.xz",
        "lists/sdn_csv_all308_2021-08_2024-05.tar.xz",
        "lists/sdn_csv_2024-05_2024-07.tar.xz",
        "lists/sdn_ids_by_copy.csv.gz",
        "lists/sdn_csv_2026-07_2026-08.tar.xz",
    ),
    "canada_sema": "lists/canada_sema_2025.xml.gz",
    "eu_listings": "lists/eu_journal_consolidated_2026-08.tar.xz",
    "uk_listings": "lists/uk_subjects_2026-05.csv.gz",
    "us_by_address": "lists/ofac_panel_address_country_2022-04_2026-03.csv.gz",
}

UN = [f"lists/un_consolidated_{day}.xml.gz" for day in ("2018-10-29", "2025-04-19", "2026-02-27")]
"""Archived versions of one list, which are compared."""
ENTRY_DATES = "lists/sdn_advanced_entry_dates_partial_2024-03.csv.gz"
"""Entries of the US list with their own days of listing."""

RELEASES = {
    "2023-07": "partnership/un_ideal_points_2023-07.csv.gz",
    "2024-06": "partnership/un_ideal_points_2024-06.csv.gz",
    "2025-07": "partnership/un_ideal_points_2025-07.dta",
}
"""The releases of the UN ideal points. The last has two estimates."""

SCORES = "events/gdelt_daily_selected_pairs.csv"
SCORED = {
    "rus_irn": ("IRN", "RUS"),
    "rus_chn": ("CHN", "RUS"),
    "usa_irn": ("IRN", "USA"),
    "usa_rus": ("RUS", "USA"),
}
"""A third party's daily scores, and its columns of the pairs; ``abs`` is of all pairs."""

ICEWS = (
    "events/icews18_named.tsv.gz",
    "events/icews_2021-01-01_2021-08-31_zrllm.tsv.gz",
    "events/icews_2022-01-01_2022-08-31_zrllm_999entities.tsv.gz",
    "events/icews_2022-10-11_2022-12-31_tame.tsv.gz",
    "events/icews_2023-01-01_2023-04-10_tame.tsv.gz",
)
"""The windows of ICEWS, in order. They have no day in common."""

USUAL_DAYS, QUIET = 29, 1 / 4
"""A day with fewer rows than this share of the median day around it is a gap."""
HALF_YEAR = pd.Timedelta(days=181)
"""From this day of a window on, two of them have relations that they lack before."""


def main() -> None:
    """Compute the tables, write them, and note their hashes in each source.toml."""
    files = {key: [REAL / n for n in paths_of(names, what=key)] for key, names in FILES.items()}
    named = [path for paths in files.values() for path in paths]
    needed = [
        *named,
        REAL / ENTRY_DATES,
        *(REAL / name for name in (*UN, *RELEASES.values(), SCORES, *ICEWS)),
    ]
    missing = [path.name for path in needed if not path.is_file()]
    if missing:
        sys.exit(
            f"make data needs the producers' files, and {len(missing)} are absent: "
            f"{', '.join(missing)}. Put them into one folder and name it in SANCTLIB_REAL_DATA. "
            "The shipped tables stay as they are."
        )
    read = {key: sl.read(key, paths) for key, paths in files.items()}
    read["un_listings"] = sl.compare_copies([sl.read("un", REAL / name) for name in UN])
    for reading in read.values():
        print(reading)
    write_icews()
    write_gaps()
    write_scores()
    put(read["ofac_sdn"].table, "ofac_sdn", "list_changes.csv", TABLES["list_changes"])
    dates, steps = entry_dates(REAL / ENTRY_DATES)
    put(dates, "ofac_entry_dates", "listing_counts.csv", TABLES["listing_counts"])
    write_audit("ofac_entry_dates", steps)
    changes = read["un_listings"].table.assign(source="un_listings")
    put(changes, "un_listings", "list_changes.csv", TABLES["list_changes"])
    schema, dated = TABLES["listing_counts"], {"eu_listings": ["measure", "basis"]}
    dated["uk_listings"] = ["basis"]
    for key, by in dated.items():
        put(listing_counts(read[key], every="day", by=by), key, "listing_counts.csv", schema)
    counts = listing_counts(read["canada_sema"], every="month")
    put(counts, "canada_sema", "listing_counts.csv", schema)
    put(read["us_by_address"].table, "us_by_address", "by_address.csv.gz", TABLES["dyads"])
    for key, reading in read.items():
        write_audit(key, reading.audit)
    write_dictionary("russia_iran", "one act; several senders and targets stand joined", COLUMNS)
    for folder in sorted(RAW.iterdir()):
        note_hashes(folder)


def entry_dates(path: Path) -> tuple[pd.DataFrame, Audit]:
    """
    Count the entries of the US list by year of their own day, and programme.

    Of the rows per entry and measure, those that name a programme of the list itself count.
    Names are not in the file. The last entry is cut before its programme.
    """
    rows = pd.read_csv(path, dtype="str", keep_default_na=False)
    on_list = rows[rows["ListID"].eq("1550")]
    named = on_list[on_list["SanctionsMeasureComment"].ne("")]
    once = named.drop_duplicates(["ProfileID", "SanctionsMeasureComment", "Year"])
    counts = once.groupby(["Year", "SanctionsMeasureComment"]).size().reset_index(name="n_listings")
    year = pd.to_datetime(counts["Year"], format="%Y")
    table = pd.DataFrame(
        {
            "source": "ofac_entry_dates",
            "list": "US SDN",
            "date": year,
            "date_last": year + pd.offsets.YearEnd(),
            "programme": counts["SanctionsMeasureComment"],
            "entity_type": "unknown",
            "n_listings": counts["n_listings"],
        }
    )
    audit = Audit.begin(len(rows))
    n_other = len(rows) - len(on_list)
    audit = audit.then("entries of other lists", n_rejected=n_other, n_out=len(on_list))
    n_unnamed = len(on_list) - len(named)
    audit = audit.then("measures without a programme", n_rejected=n_unnamed, n_out=len(named))
    n_merged = len(named) - len(table)
    return table, audit.then("count by year and programme", n_merged=n_merged, n_out=len(table))


def write_gaps() -> None:
    """Put the gaps between ideal points of all releases into one table, each a measure."""
    read = {of: sl.read("un_ideal_points", REAL / name) for of, name in RELEASES.items()}
    tables = []
    for of, reading in read.items():
        print(reading)
        measures = reading.table["measure"]
        # A release with one estimate needs no word for its votes.
        votes = measures.str.removeprefix(MEASURE) if len({*measures}) > 1 else ""
        tables.append(reading.table.assign(measure=f"{MEASURE} {of}" + votes))
    put(pd.concat(tables), "un_ideal_points", "gaps.csv.gz", TABLES["dyads"])
    write_audit("un_ideal_points", Audit.added(reading.audit for reading in read.values()))


def write_scores() -> None:
    """Add up the daily scores of pairs by month, and state the days without a score."""
    daily = pd.read_csv(REAL / SCORES, dtype={"d": "str"})
    days = pd.to_datetime(daily["d"])
    months = daily.groupby(days.dt.to_period("M"))
    tables = []
    for name, (first, second) in SCORED.items():
        for measure, column in (("gdelt_pair_score", name), ("gdelt_score_of_all_pairs", "abs")):
            sums = months[column].sum().round(1).rename("value").rename_axis("month").reset_index()
            begin = sums["month"].dt.start_time
            tables.append(
                sums.assign(
                    source="gdelt_pair_scores",
                    measure=measure,
                    first=first,
                    second=second,
                    date=begin,
                    date_last=begin + pd.offsets.MonthEnd(0),
                    lower=None,
                    upper=None,
                )
            )
    table = pd.concat(tables).sort_values(["measure", "first", "second", "date"])
    put(table, "gdelt_pair_scores", "scores.csv", TABLES["dyads"])
    read = Audit.begin(len(daily))
    added = read.then(
        "take each pair, and all pairs",
        n_added=len(daily) * (len(SCORED) * 2 - 1),
        n_out=len(daily) * len(SCORED) * 2,
    )
    n_merged = added.n_kept - len(table)
    write_audit(
        "gdelt_pair_scores", added.then("add up by month", n_merged=n_merged, n_out=len(table))
    )
    first, last = days.min(), days.max() + pd.offsets.MonthEnd(0)
    none = pd.date_range(first, last).difference(pd.DatetimeIndex(days)).to_series()
    gaps = runs(none, "no score of these days")
    note_coverage(RAW / "gdelt_pair_scores", day(first), day(last), {"gaps": gaps})


def write_icews() -> None:
    """Count the acts of all windows of ICEWS, and state what they cover."""
    audits, spans = [], []
    counts: dict[Period, list[pd.DataFrame]] = {"week": [], "month": []}
    for name in ICEWS:
        events = sl.read("icews_2018", REAL / name)
        print(events)
        audits.append(events.audit)
        spans.append(window(REAL / name, events.table))
        for every, of_windows in counts.items():
            of_windows.append(sl.cells(events, every=every))
    stated = {key: [row for span in spans for row in span[key]] for key in spans[0]}
    between = zip(stated["windows"], stated["windows"][1:], strict=False)
    none = [(day(a[1], 1), day(b[0], -1), "no public copy of these days") for a, b in between]
    stated["gaps"] = sorted([*stated["gaps"], *(gap for gap in none if gap[0] <= gap[1])])
    first, last = stated["windows"][0][0], stated["windows"][-1][1]
    known = sl.Coverage(source="icews", first=first, last=last, gaps=stated["gaps"])
    for every, of_windows in counts.items():
        # Two windows meet within a week.
        sums = pd.concat(of_windows).groupby(["period", *KEYS], dropna=False)[["n_acts", "n_rows"]]
        cells = sums.sum().reset_index().assign(source="icews")
        n_days = known.days(cells["period"], period_end(cells["period"], every=every))
        put(cells.assign(n_days=n_days), "icews_cells", f"{every}ly.csv.gz", TABLES["cells"])
    write_audit("icews_cells", Audit.added(audits))
    note_coverage(RAW / "icews_cells", first, last, stated)


def window(path: Path, events: pd.DataFrame) -> dict[str, list[tuple[object, ...]]]:
    """Return what one file covers: its days and actors, quiet days, and what begins late."""
    rows = pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False, quoting=3)
    days = pd.to_datetime(rows["date"])
    first, last = days.min(), days.max()
    n_rows = days.value_counts().reindex(pd.date_range(first, last), fill_value=0)
    usual = n_rows.rolling(USUAL_DAYS, center=True, min_periods=1).median()
    quiet = n_rows.index[n_rows < QUIET * usual].to_series()
    # Relations that two files lack in their first half-year, and the actions that only these have.
    half = first + HALF_YEAR
    begun = days.groupby(rows["relation"]).min()
    late = begun.index[begun >= half]
    breaks, uncoded = [], []
    if len(late) > len(begun) / 10:
        share = rows["relation"].isin(late).sum() / (days >= half).sum()
        text = f"{len(late)} rare relations, {share:.1%} of the rows, occur only from this day on"
        breaks = [(day(half), text)]
        before = events["date"].lt(half)
        new = {*events.loc[~before, "action"]} - {*events.loc[before, "action"]}
        uncoded = [(day(first), day(half, -1), action) for action in sorted(new)]
    return {
        "windows": [(day(first), day(last), len({*rows["source"], *rows["target"]}))],
        "gaps": runs(quiet, "fewer rows than a quarter of the usual day"),
        "breaks": breaks,
        "uncoded": uncoded,
    }


def runs(days: pd.Series, why: str) -> list[tuple[object, ...]]:
    """Return days in order as spans without a break, each with the reason."""
    spans = days.groupby(days.diff().ne(pd.Timedelta(days=1)).cumsum())
    return [(day(span.iloc[0]), day(span.iloc[-1]), why) for _, span in spans]


def day(of: date | pd.Timestamp, more: int = 0) -> date:
    """Return a day, or one some days later."""
    return (pd.Timestamp(of) + pd.Timedelta(days=more)).date()


def write_audit(folder: str, audit: Audit) -> None:
    """Write the steps from the producer's rows to those that were counted."""
    with writing(RAW / folder) as into:
        audit.steps.to_csv(into / AUDIT, index=False, lineterminator="\n")


def note_coverage(folder: Path, first: date, last: date, stated: dict[str, list]) -> None:
    """Write what the files cover over the same statements of a source.toml."""
    lines = [f"first = {first}", f"last = {last}"]
    for name, spans in stated.items():
        cells = ([str(c) if isinstance(c, date | int) else f'"{c}"' for c in s] for s in spans)
        lines += [f"{name} = [", *(f"  [{', '.join(row)}]," for row in cells), "]"]
    path = folder / "source.toml"
    text = path.read_text(encoding="utf-8")
    head, tables = text[: text.index("first = ")], text[text.index("\n[tables.") :]
    path.write_text(head + "\n".join(lines) + "\n" + tables, encoding="utf-8")


def put(table: pd.DataFrame, folder: str, name: str, schema: Table) -> None:
    """Write one table and its data dictionary."""
    columns = [c for c in schema.names if c in table]
    form = "%Y-%m-%dT%H:%M" if schema.kind == "list_changes" else "%Y-%m-%d"
    packed = {"method": "gzip", "mtime": 0} if name.endswith(".gz") else None
    with writing(RAW / folder) as into:
        table[columns].to_csv(
            into / name, index=False, lineterminator="\n", compression=packed, date_format=form
        )
    meanings = {c.name: c.meaning for c in schema.columns if c.name in columns}
    write_dictionary(folder, schema.row, meanings)


def write_dictionary(folder: str, row: str, meanings: dict[str, str]) -> None:
    """Write the data dictionary of a folder; the rules below its table stay as they are."""
    path = RAW / folder / "DICTIONARY.md"
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    rules = old[old.index("\n## ") :] if "\n## " in old else ""
    lines = [
        f"# Columns of {folder}",
        "",
        f"One row: {row}.",
        "",
        "| column | meaning |",
        "|---|---|",
    ]
    lines += [f"| {name} | {meaning} |" for name, meaning in meanings.items()]
    path.write_text("\n".join(lines) + "\n" + rules, encoding="utf-8")


def note_hashes(folder: Path) -> None:
    """Set each table's sha256 in a source.toml to that of its file."""
    path = folder / "source.toml"
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r'^file = "(.+)"$', text, flags=re.MULTILINE):
        table = rf'(file = "{re.escape(name)}"(?:\n.+)*?\nsha256 = ")[0-9a-f]*'
        text = re.sub(table, rf"\g<1>{sha256(folder / name)}", text)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
