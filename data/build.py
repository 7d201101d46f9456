"""Rebuild the shipped tables that are computed from real files (`make data`)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pandas as pd

import sanctlib as sl
from sanctlib.reading import Audit, sha256
from sanctlib.schema import TABLES, Table
from sanctlib.sources.chronology import COLUMNS
from sanctlib.sources.files import paths_of
from sanctlib.sources.listings import listing_counts
from sanctlib.writing import writing

ROOT = Path(__file__).resolve().parent
RAW = ROOT / "raw"
REAL = Path(os.environ.get("SANCTLIB_REAL_DATA", ROOT.parent.parent / "shared" / "data"))

FILES = {
    "icews_2018": "events/icews18_named.tsv.gz",
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
    "un_ideal_points": "partnership/un_ideal_points_2023-07.csv.gz",
}

UN = [f"lists/un_consolidated_{day}.xml.gz" for day in ("2018-10-29", "2025-04-19", "2026-02-27")]
"""Archived versions of one list, which are compared."""
ENTRY_DATES = "lists/sdn_advanced_entry_dates_partial_2024-03.csv.gz"
"""Entries of the US list with their own days of listing."""

FOLDERS = {key: "icews_2018_cells" if key == "icews_2018" else key for key in FILES}
FOLDERS["un_listings"] = "un_listings"


def main() -> None:
    """Compute the tables, write them, and note their hashes in each source.toml."""
    files = {key: [REAL / n for n in paths_of(names, what=key)] for key, names in FILES.items()}
    named = [path for paths in files.values() for path in paths]
    needed = [*named, REAL / ENTRY_DATES, *(REAL / name for name in UN)]
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
    events = read["icews_2018"]
    put(read["ofac_sdn"].table, "ofac_sdn", "list_changes.csv", TABLES["list_changes"])
    dates, steps = entry_dates(REAL / ENTRY_DATES)
    put(dates, "ofac_entry_dates", "listing_counts.csv", TABLES["listing_counts"])
    put_audit(steps, "ofac_entry_dates")
    changes = read["un_listings"].table.assign(source="un_listings")
    put(changes, "un_listings", "list_changes.csv", TABLES["list_changes"])
    schema, dated = TABLES["listing_counts"], {"eu_listings": ["measure", "basis"]}
    dated["uk_listings"] = ["basis"]
    for key, by in dated.items():
        put(listing_counts(read[key], every="day", by=by), key, "listing_counts.csv", schema)
    counts = listing_counts(read["canada_sema"], every="month")
    put(counts, "canada_sema", "listing_counts.csv", schema)
    put(read["us_by_address"].table, "us_by_address", "by_address.csv.gz", TABLES["dyads"])
    put(read["un_ideal_points"].table, "un_ideal_points", "gaps.csv.gz", TABLES["dyads"])
    for every, name in (("week", "weekly.csv.gz"), ("month", "monthly.csv.gz")):
        cells = sl.cells(events, every=every).assign(source="icews_2018")
        put(cells, "icews_2018_cells", name, TABLES["cells"])
    for key, folder in FOLDERS.items():
        put_audit(read[key].audit, folder)
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


def put_audit(audit: Audit, folder: str) -> None:
    """Write the steps from the producer's rows to the table."""
    with writing(RAW / folder) as into:
        audit.steps.to_csv(into / "audit.csv", index=False, lineterminator="\n")


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
