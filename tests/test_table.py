"""Anyone's own table: every bad cell is a rejected row or a clear error, and all adds up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import sanctlib as sl
from sanctlib.errors import MissingColumnsError, SchemaError, SourceError, UnknownChoiceError
from sanctlib.reading import Reading

COLUMNS = {"date": "when", "sender": "who", "target": "whom", "action": "what"}


def frame(*rows: tuple[str | None, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(COLUMNS.values()), dtype="str")


def read(*rows: tuple[str | None, ...], **options: Any) -> Reading:
    reading = sl.read_table(frame(*rows), columns=COLUMNS, **options)
    audit = reading.audit
    assert audit.n_read == len(rows)
    assert audit.n_read == audit.n_kept + audit.n_merged + audit.n_rejected
    return reading


GOOD = ("2018-05-08", "United States", "Iran", "impose")


def parties(reading: Reading) -> list[tuple[str, str]]:
    return list(reading.table[["sender", "target"]].itertuples(index=False, name=None))


def test_names_become_codes_and_days_become_dates() -> None:
    reading = read(GOOD)
    assert parties(reading) == [("USA", "IRN")]
    assert reading.table["date"].tolist() == [pd.Timestamp("2018-05-08")]
    assert reading.table["family"].tolist() == ["sanction"]
    assert reading.coverage is None


def test_a_missing_column_is_an_error_with_a_hint() -> None:
    with pytest.raises(MissingColumnsError, match=r"'whom'.*Did you mean 'whomm'"):
        sl.read_table(frame(GOOD).rename(columns={"whom": "whomm"}), columns=COLUMNS)


def test_an_unmapped_need_is_an_error() -> None:
    with pytest.raises(MissingColumnsError, match="columns has no 'target'"):
        sl.read_table(frame(GOOD), columns={"date": "when", "sender": "who", "action": "what"})


def test_a_column_we_do_not_have_is_an_error_with_a_hint() -> None:
    with pytest.raises(UnknownChoiceError, match=r"'sendr'.*Did you mean 'sender'"):
        sl.read_table(frame(GOOD), columns={**COLUMNS, "sendr": "who"})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("2018-05-08", "United States", "Iran", "impoze"), "Did you mean 'impose'"),
        (("2018-05-08", "United States", "Iran", None), "unknown action"),
        (("2018-02-30", "United States", "Iran", "impose"), "impossible date: '2018-02-30'"),
        (("2018-13-01", "United States", "Iran", "impose"), "impossible date"),
        ((None, "United States", "Iran", "impose"), "no date"),
        (("2000-01-01", "Soviet Union", "Iran", "impose"), "was not a state on 2000-01-01"),
        (("2005-01-01", "United States", "South Sudan", "impose"), "was not a state on 2005-01-01"),
    ],
)
def test_a_bad_cell_rejects_its_row_with_file_line_and_reason(
    row: tuple[str | None, ...], reason: str
) -> None:
    reading = read(GOOD, row)
    assert parties(reading) == [("USA", "IRN")]
    assert reading.rejected[["file", "line"]].to_dict("records") == [{"file": "frame", "line": 2}]
    assert reason in reading.rejected["reason"].iloc[0]


def test_na_is_namibia_unless_said_otherwise() -> None:
    row = ("2018-05-08", "NA", "IR", "impose")
    assert parties(read(row, parties="iso2")) == [("NAM", "IRN")]
    assert read(row, parties="iso2", nulls=("", "NA")).table["sender"].isna().all()


def test_a_name_that_is_no_state_is_null_kept_and_listed() -> None:
    reading = read(GOOD, ("2018-05-08", "Wiranto", "Iran", "impose"))
    assert reading.table["sender"].isna().tolist() == [False, True]
    assert reading.unmatched.to_dict("records") == [
        {"side": "sender", "name": "Wiranto", "reason": "unknown name", "n": 1}
    ]


def test_a_month_and_a_year_are_intervals() -> None:
    reading = read(("2022-08", "Iran", "Russia", "arms"), ("2022", "Iran", "Russia", "arms"))
    days = reading.table[["date", "date_last"]].apply(lambda c: c.dt.strftime("%Y-%m-%d"))
    assert days.to_numpy().tolist() == [["2022-08-01", "2022-08-31"], ["2022-01-01", "2022-12-31"]]


def test_your_own_words_for_actions_are_mapped() -> None:
    reading = read(("2018-05-08", "USA", "Iran", "SANCTIONED"), actions={"SANCTIONED": "impose"})
    assert reading.table["action"].tolist() == ["impose"]


def test_one_a_day_merges_repeats_and_counts_them() -> None:
    reading = read(GOOD, GOOD, repeats="one_a_day")
    assert reading.table["n_reports"].tolist() == [2]
    assert reading.audit.n_merged == 1


def test_cameo_visits_are_turned_and_merged_and_sanctions_are_not() -> None:
    rows = [
        ("2018-09-07", "Russia", "Iran", "042"),
        ("2018-09-07", "Iran", "Russia", "043"),
        ("2018-09-07", "Russia", "Iran", "040"),
        ("2018-09-07", "Iran", "Russia", "040"),
        ("2018-09-07", "Russia", "Ukraine", "163"),
        ("2018-09-07", "Ukraine", "Russia", "163"),
        ("2018-09-07", "Russia", "Ukraine", "40"),
    ]
    mapping = {"date": "when", "sender": "who", "target": "whom", "code": "what"}
    reading = sl.read_table(frame(*rows), columns=mapping, codes="cameo", repeats="one_a_day")
    found = reading.table[["sender", "target", "mutual", "action", "n_reports"]]
    assert sorted(found.itertuples(index=False, name=None)) == [
        ("IRN", "RUS", True, "consult", 2),
        ("RUS", "IRN", False, "visit", 2),
        ("RUS", "UKR", False, "impose", 1),
        ("UKR", "RUS", False, "impose", 1),
    ]
    assert reading.rejected["reason"].tolist() == ["unknown action code '40'"]


@pytest.mark.parametrize(
    "convert",
    [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas],
    ids=["pandas", "polars", "pyarrow"],
)
def test_any_frame_gives_the_same_table(convert: Any) -> None:
    source = frame(GOOD, ("2018-05-09", "EU", "Iran", "ease"))
    reading = sl.read_table(convert(source), columns=COLUMNS)
    assert parties(reading) == [("USA", "IRN"), ("EU", "IRN")]


def test_real_dates_in_a_frame_are_taken_as_days() -> None:
    source = frame(GOOD).assign(when=pd.to_datetime(["2018-05-08"]))
    assert sl.read_table(source, columns=COLUMNS).table["date"].tolist() == [
        pd.Timestamp("2018-05-08")
    ]


@pytest.mark.parametrize("name", ["acts.csv", "acts.tsv", "acts.csv.gz", "acts.parquet"])
def test_files_give_the_same_table(tmp_path: Path, name: str) -> None:
    path, source = tmp_path / name, frame(GOOD)
    if name.endswith(".parquet"):
        source.to_parquet(path)
    else:
        source.to_csv(path, index=False, sep="\t" if ".tsv" in name else ",")
    reading = sl.read_table(path, columns=COLUMNS)
    assert parties(reading) == [("USA", "IRN")]
    assert list(reading.provenance.files) == [name]


def test_a_file_of_rejected_rows_only_is_an_empty_table_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "acts.csv"
    frame(("2018-02-30", "USA", "Iran", "impose")).to_csv(path, index=False)
    reading = sl.read_table(path, columns=COLUMNS)
    assert (len(reading.table), len(reading.rejected)) == (0, 1)


def test_a_folder_for_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        sl.read_table(tmp_path, columns=COLUMNS)


@pytest.mark.parametrize(
    ("ours", "cells", "reason"),
    [
        ("date_last", ["2018-05-08", "2018-05-01"], "date_last is before date"),
        ("goldstein", ["-5", "1,5"], "goldstein is no number: '1,5'"),
        ("measures", ["trade;arms", "arms;embargo"], "measures does not know 'embargo'."),
        ("status", ["partly", "party"], "Did you mean 'partly'"),
        ("disputed", ["yes", "perhaps"], "disputed is no flag: 'perhaps'"),
        ("mutual", [None, "maybe"], "mutual is no flag: 'maybe'"),
        ("n_reports", ["3", "2.5"], "n_reports is no integer: '2.5'"),
        ("event_id", ["a", None], "no event_id"),
        ("family", [None, "conflict"], "impose is an action of sanction, not conflict"),
    ],
)
def test_a_cell_its_column_cannot_hold_rejects_that_row_alone(
    ours: str, cells: list[str | None], reason: str
) -> None:
    source = frame(GOOD, GOOD).assign(extra=pd.Series(cells, dtype="str"))
    reading = sl.read_table(source, columns={**COLUMNS, ours: "extra"})
    assert parties(reading) == [("USA", "IRN")]
    assert reading.rejected["line"].tolist() == [2]
    assert reason in reading.rejected["reason"].iloc[0]


def test_joined_words_are_sorted_and_flags_and_numbers_typed() -> None:
    source = frame(GOOD).assign(m="trade; arms", f="yes", g="-5")
    mapped = {**COLUMNS, "measures": "m", "disputed": "f", "goldstein": "g"}
    row = sl.read_table(source, columns=mapped).table.iloc[0]
    assert (row["measures"], row["disputed"], row["goldstein"]) == ("arms;trade", True, -5.0)


def test_an_empty_last_day_is_that_of_the_date_and_a_month_ends_on_its_last() -> None:
    source = frame(GOOD, ("2018", "Iran", "Russia", "arms")).assign(end=[None, "2018-05"])
    reading = sl.read_table(source, columns={**COLUMNS, "date_last": "end"})
    last = reading.table["date_last"].dt.strftime("%Y-%m-%d")
    assert last.tolist() == ["2018-05-08", "2018-05-31"]


def test_a_state_founded_within_the_days_of_a_row_is_one() -> None:
    reading = read(("2011", "United States", "South Sudan", "impose"))
    assert parties(reading) == [("USA", "SSD")]


def test_times_are_taken_off_so_that_one_day_is_one_day() -> None:
    rows = [("2018-05-08 09:00", *GOOD[1:]), ("2018-05-08 17:30", *GOOD[1:])]
    reading = read(*rows, date_formats=["%Y-%m-%d %H:%M"], repeats="one_a_day")
    assert reading.table[["date", "n_reports"]].to_numpy().tolist() == [
        [pd.Timestamp("2018-05-08"), 2]
    ]


def test_reports_given_by_the_source_are_added_up_as_numbers() -> None:
    source = frame(GOOD, GOOD).assign(reports=["1", "2"])
    mapped = {**COLUMNS, "n_reports": "reports"}
    reading = sl.read_table(source, columns=mapped, repeats="one_a_day")
    assert reading.table["n_reports"].tolist() == [3]


def test_a_mutual_act_told_from_both_sides_is_one_a_day() -> None:
    there, back = (
        ("2018-05-08", "Iran", "Russia", "agree"),
        ("2018-05-08", "Russia", "Iran", "agree"),
    )
    source = frame(there, back).assign(both="yes")
    reading = sl.read_table(source, columns={**COLUMNS, "mutual": "both"}, repeats="one_a_day")
    assert reading.table[["sender", "target", "mutual", "n_reports"]].to_numpy().tolist() == [
        ["IRN", "RUS", True, 2]
    ]


def test_a_mutual_act_with_itself_is_rejected() -> None:
    source = frame(("2018-05-08", "Iran", "Iran", "agree")).assign(both="yes")
    reading = sl.read_table(source, columns={**COLUMNS, "mutual": "both"})
    assert reading.rejected["reason"].tolist() == ["a mutual act of IRN with itself"]


def test_kept_repeats_of_one_side_are_not_taken_for_the_other() -> None:
    call = ("2018-09-07", "Russia", "Iran", "040")
    mapping = {"date": "when", "sender": "who", "target": "whom", "code": "what"}
    reading = sl.read_table(frame(call, call), columns=mapping, codes="cameo", repeats="none")
    assert reading.table["mutual"].tolist() == [False, False]
    assert reading.audit.n_merged == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": "one_per_day"}, "repeats is 'one_per_day'.*'one_a_day'"),
        ({"codes": "CAMEO"}, "codes is 'CAMEO'.*Did you mean 'cameo'"),
        ({"succession": "all"}, "succession is 'all'"),
        ({"constants": {"action": "lift"}}, "'action' is in columns and in constants"),
        ({"constants": {"source": "mine"}}, "'source' cannot be mapped.*source='…'"),
    ],
)
def test_an_option_that_would_be_ignored_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownChoiceError, match=message):
        sl.read_table(frame(GOOD), columns=COLUMNS, **options)


def test_one_null_mark_one_format_and_constants_that_are_no_text_are_understood() -> None:
    source = frame(("08.05.2018", "United States", "NA", "impose"))
    options: dict[str, Any] = {"nulls": "NA", "date_formats": "%d.%m.%Y"}
    reading = sl.read_table(source, columns=COLUMNS, constants={"disputed": True}, **options)
    row = reading.table[["target", "disputed"]].iloc[0]
    assert pd.isna(row["target"])
    assert row["disputed"]


def test_an_own_number_of_an_act_that_names_two_rows_is_an_error() -> None:
    source = frame(GOOD, GOOD).assign(number="1")
    with pytest.raises(SchemaError, match="2 of 2 rows are wrong: each repeats the key"):
        sl.read_table(source, columns={**COLUMNS, "event_id": "number"})


@pytest.mark.parametrize(
    "data",
    [{"when": []}, None, pl.LazyFrame({"when": []}), pd.DataFrame([[1, 2]], columns=["a", "a"])],
    ids=["dict", "none", "lazy", "repeated names"],
)
def test_what_is_no_table_in_memory_is_an_error(data: Any) -> None:
    with pytest.raises(SourceError, match="must be a file, or a pandas, polars or pyarrow frame"):
        sl.read_table(data, columns=COLUMNS)


def test_a_parquet_file_that_is_missing_empty_or_cut_off_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no file 'no\.parquet'"):
        sl.read_table(tmp_path / "no.parquet", columns=COLUMNS)
    path = tmp_path / "acts.parquet"
    path.write_bytes(b"")
    with pytest.raises(SourceError, match="is empty"):
        sl.read_table(path, columns=COLUMNS)
    frame(GOOD).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SourceError, match=r"'acts\.parquet' cannot be read as Parquet"):
        sl.read_table(path, columns=COLUMNS)


def test_columns_with_numbers_for_names_can_be_mapped() -> None:
    source = frame(GOOD).set_axis([0, 1, 2, 3], axis=1)
    numbered: Any = {"date": 0, "sender": 1, "target": 2, "action": 3}
    assert parties(sl.read_table(source, columns=numbered)) == [("USA", "IRN")]


ACLED = (
    "event_id_cnty,event_date,event_type,sub_event_type,actor1,actor2,country,source,notes\n"
    'SYR1,01 June 2018,Battles,Armed clash,Russia,"Rebels (Syria)",Syria,Invented News,'
    '"A clash near ""Town"", then\nanother, over two lines."\n'
    "SYR2,02 June 2018,Strategic developments,Agreement,Russia,Turkey,Syria,Invented News,Signed.\n"
    "SYR3,02 June 2018,Protests,Peaceful protest,Protesters (Syria),,Syria,Invented News,None.\n"
    "SYR4,31 June 2018,Battles,Armed clash,Syria,Turkey,Syria,Invented News,No such day.\n"
)


def test_a_table_in_the_layout_of_acled_is_read_and_its_groups_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "acled.csv"
    path.write_text(ACLED, encoding="utf-8")
    reading = sl.read_table(
        path,
        columns={
            "event_id": "event_id_cnty",
            "date": "event_date",
            "sender": "actor1",
            "target": "actor2",
            "action": "sub_event_type",
            "located_in": "country",
            "reference": "source",
            "note": "notes",
        },
        actions={"Armed clash": "material", "Agreement": "agree"},
        date_formats=["%d %B %Y"],
    )
    columns = ["event_id", "sender", "target", "family", "action", "located_in"]
    assert reading.table[columns].fillna("-").to_numpy().tolist() == [
        ["SYR1", "RUS", "-", "conflict", "material", "Syria"],
        ["SYR2", "RUS", "TUR", "cooperation", "agree", "Syria"],
    ]
    assert reading.table["note"].iloc[0].endswith("another, over two lines.")
    # A record of two lines is named by its first, and those after it by their own.
    assert dict(zip(reading.rejected["line"], reading.rejected["reason"], strict=True)) == {
        5: "unknown action 'Peaceful protest'.",
        6: "impossible date: '31 June 2018'",
    }
    assert reading.unmatched["name"].tolist() == ["Rebels (Syria)"]


def test_a_cameo_table_of_other_column_names_is_read_and_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "coded.tab"
    path.write_text(
        "day\tfrom\tto\tevent\tscore\tid\n"
        "20180601\tRUS\tIRN\t043\t2.8\ta\n"
        "20180601\tIRN\tRUS\t042\t1.9\tb\n"
        "20180601\tROM\tUNO\t010\t0\tc\n"
        "20180601\tUSA\tUSA\t172\t-5\td\n"
        "20180601\tUSA\tWST\t163\t-8\te\n"
        "2018061\tUSA\tIRN\t163\t-8\tf\n",
        encoding="utf-8",
    )
    reading = sl.read_table(
        path,
        columns={
            "date": "day",
            "sender": "from",
            "target": "to",
            "code": "event",
            "goldstein": "score",
            "event_id": "id",
        },
        codes="cameo",
        parties="cameo",
        repeats="one_a_day",
    )
    columns = ["event_id", "sender", "target", "action", "goldstein", "n_reports"]
    assert reading.table[columns].fillna("-").to_numpy().tolist() == [
        ["a", "IRN", "RUS", "visit", 2.8, 2],
        ["c", "ROU", "UN", "statement", 0.0, 1],
        ["d", "USA", "USA", "domestic", -5.0, 1],
        ["e", "USA", "-", "impose", -8.0, 1],
    ]
    # A day cut short is no day: not the first of June.
    assert reading.rejected["reason"].tolist() == ["date '2018061' is in none of the date_formats"]
    assert reading.unmatched["name"].tolist() == ["WST"]
    audit = reading.audit
    assert audit.n_read == audit.n_kept + audit.n_merged + audit.n_rejected == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"when": "date", "who": "sender"}}, "{'date': 'when', 'sender': 'who'}"),
        ({"columns": {"When": "date"}}, "the mapping is reversed: {'date': 'When'}"),
        ({"columns": ["when"]}, "columns is ['when']. It must be a mapping"),
        ({"parties": "iso"}, "parties is 'iso'"),
        ({"date_formats": ["dd/mm/yyyy"]}, "date_formats holds 'dd/mm/yyyy'. A format is text"),
        ({"date_formats": ["%YQ%q"]}, "date_formats holds '%YQ%q'. A format is text"),
        ({"date_formats": ["%d-%m-%y"]}, "whose year has two digits"),
        ({"date_formats": ["%d/%m/%Y", "%m/%d/%Y"]}, "which read one text as two days"),
        ({"date_formats": [2018]}, "date_formats is [2018]. A format is text"),
    ],
)
def test_a_wrong_option_is_answered_with_what_is_right(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnknownChoiceError, match=re.escape(message)):
        sl.read_table(frame(GOOD), **{"columns": COLUMNS, **options})


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"action": "trade"}, "constants['action'] is 'trade'. It must be one of 'threaten'"),
        ({"action": "imposed"}, "Did you mean 'impose'?"),
        ({"sender": "Irann"}, "constants['sender'] is 'Irann'. It must be a state or bloc"),
        ({"date": "2018-02-30"}, "constants['date'] is '2018-02-30'. It must be a day"),
        ({"status": "sure"}, "constants['status'] is 'sure'. It must be one of 'confirmed'"),
        ({"measures": "trade;golf"}, "constants['measures'] is 'golf'"),
        ({"disputed": "perhaps"}, "constants['disputed'] is 'perhaps'. It must be a flag"),
    ],
)
def test_a_constant_that_rejects_every_row_is_refused(
    constants: dict[str, Any], message: str
) -> None:
    columns = {ours: yours for ours, yours in COLUMNS.items() if ours not in constants}
    with pytest.raises(UnknownChoiceError, match=re.escape(message)):
        sl.read_table(frame(GOOD), columns=columns, constants=constants)


def test_constants_in_your_own_words_or_missing_are_taken() -> None:
    columns = {"date": "when", "target": "whom"}
    reading = sl.read_table(
        frame(GOOD),
        columns=columns,
        constants={"action": "SANCTIONED", "sender": None},
        actions={"SANCTIONED": "impose"},
    )
    assert reading.table["action"].tolist() == ["impose"]
    assert reading.table["sender"].isna().all()


CAMEO = {"date": "when", "sender": "who", "target": "whom", "code": "what"}


@pytest.mark.parametrize(
    "codes",
    [[10, 163], [163.0, None], pd.array([10, 163], dtype="Int64"), [163, "040"]],
    ids=["int", "float", "Int64", "object"],
)
@pytest.mark.parametrize("convert", [pd.DataFrame, pa.Table.from_pandas, "parquet"])
def test_codes_that_are_numbers_are_refused(codes: Any, convert: Any, tmp_path: Path) -> None:
    data: Any = frame(GOOD, GOOD).assign(what=codes)
    if isinstance(codes, list) and "040" in codes and convert is not pd.DataFrame:
        pytest.skip("a column of Arrow has one type")
    if convert == "parquet":
        data.to_parquet(tmp_path / "acts.parquet")
        data = tmp_path / "acts.parquet"
    else:
        data = convert(data)
    message = "Column 'what' holds numbers, so leading zeros are lost (010 became 10)"
    with pytest.raises(SchemaError, match=re.escape(message)):
        sl.read_table(data, columns=CAMEO, codes="cameo")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acts.json", r"is a JSON file: pass pd\.read_json"),
        ("acts.rda", "is an R file"),
        ("acts.RData", "is an R file"),
        ("acts.feather", r"is a Feather file: pass pd\.read_feather"),
        ("acts.pkl", r"is a pickle of Python: pass pd\.read_pickle"),
    ],
)
def test_a_file_of_another_format_is_named_with_the_frame_to_pass(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / name).write_bytes(b"\x00\x01\x02")
    with pytest.raises(SourceError, match=message):
        sl.read_table(tmp_path / name, columns=COLUMNS)
    with pytest.raises(SourceError, match="There is no file"):
        sl.read_table(tmp_path / f"other-{name}", columns=COLUMNS)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "data is ''. It must be the path of a file"),
        ("x" * 5000, "xxx…' cannot be opened: File name too long."),
        (".", "'.' is a folder"),
        ("https://example.org/acts.csv", "data is the address 'https://example.org/acts.csv'"),
    ],
)
def test_what_is_no_path_of_a_table_is_named(path: str, message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)):
        sl.read_table(path, columns=COLUMNS)


def test_a_reading_without_rows_says_so() -> None:
    reading = read(("2018-02-30", "USA", "Iran", "impose"))
    assert "no row was kept, see .rejected" in repr(reading)


def test_a_table_without_rows_is_read() -> None:
    reading = read()
    assert (len(reading.table), len(reading.rejected), reading.audit.n_read) == (0, 0, 0)
    assert {"date", "sender", "target", "action", "n_reports"} <= set(reading.table)


def test_a_file_of_damaged_lines_alone_says_of_each_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "acts.csv"
    path.write_text("date,sender,target,action\nx\ny,z\n", encoding="utf-8")
    columns = {c: c for c in ("date", "sender", "target", "action")}
    rejected = sl.read_table(path, columns=columns).rejected
    assert rejected.to_dict("records") == [
        {"file": "acts.csv", "line": 2, "raw": "x", "reason": "1 fields where the header has 4"},
        {"file": "acts.csv", "line": 3, "raw": "y,z", "reason": "2 fields where the header has 4"},
    ]


def test_a_control_character_in_a_cell_does_not_make_two_cells_of_it() -> None:
    reading = read(
        ("2018-01-01\x1f2018-01-05", "USA", "Iran", "impose"),
        ("2018-01-01", "USA", "Iran", "impose\x1fsanction"),
    )
    assert len(reading.table) == 0
    assert reading.rejected["reason"].str.contains("2018-01-05|unknown action").all()


def test_the_word_today_is_no_day() -> None:
    reading = read(("today", "USA", "Iran", "impose"), ("Now", "USA", "Iran", "impose"))
    assert reading.rejected["reason"].tolist() == [
        "date 'today' is in none of the date_formats",
        "date 'Now' is in none of the date_formats",
    ]


@pytest.mark.parametrize(
    ("form", "text", "impossible"),
    [
        ("%d %B %Y", "31 June 2018", True),
        ("%d %B %Y", "30 Jun 2018", False),
        ("%d %B %Y", "30/06/2018", False),
        ("%d/%m/%Y", "31/6/2018", True),
        ("%d/%m/%Y", "1/6/18", False),
        ("%Y-%m-%d %H:%M%z", "2018-02-30 23:30-0500", True),
        ("%Y-%m-%d %H:%M%z", "2018-02-28 23h30", False),
    ],
)
def test_a_day_is_impossible_only_if_a_format_has_its_form(
    form: str, text: str, impossible: bool
) -> None:
    reading = read((text, *GOOD[1:]), date_formats=[form])
    reason = f"impossible date: {text!r}" if impossible else f"date {text!r} is in none of the "
    assert reading.rejected["reason"].iloc[0].startswith(reason)


@pytest.mark.parametrize(
    ("formats", "days", "fix"),
    [
        (["%d/%m/%Y"], ["05/08/2018", "05/13/2018"], "'05/13/2018'.* month first.*'%m/%d/%Y'"),
        (["%m/%d/%Y"], ["08/05/2018", "13/05/2018"], "'13/05/2018'.* day first.*'%d/%m/%Y'"),
    ],
)
def test_a_column_that_fits_only_the_other_order_is_refused_with_its_format(
    formats: list[str], days: list[str], fix: str
) -> None:
    with pytest.raises(SourceError, match=fix):
        read(*((day, *GOOD[1:]) for day in days), date_formats=formats)


def test_one_wrong_day_among_right_ones_is_rejected_alone() -> None:
    days = ["05/13/2018", "13/05/2018", "14/05/2018"]
    reading = read(*((day, *GOOD[1:]) for day in days))
    assert reading.rejected["reason"].tolist() == ["impossible date: '05/13/2018'"]


def test_rejected_rows_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "acts.csv"
    lines = ["2018-01-99,USA,Iran,impose", "x", "2018-01-01,USA,Iran,no such act"]
    path.write_text("\n".join(["date,sender,target,action", *lines]), encoding="utf-8")
    columns = {c: c for c in ("date", "sender", "target", "action")}
    rejected = sl.read_table(path, columns=columns).rejected
    assert rejected["line"].tolist() == [2, 3, 4]
    assert rejected["raw"].tolist() == lines


def test_days_of_two_offsets_are_those_of_the_place() -> None:
    rows = [("2018-03-24 23:30+0100", *GOOD[1:]), ("2018-03-26 00:30+0200", *GOOD[1:])]
    reading = read(*rows, date_formats=["%Y-%m-%d %H:%M%z"])
    assert reading.table["date"].dt.strftime("%m-%d").tolist() == ["03-24", "03-26"]


def test_a_rejected_row_of_a_frame_shows_its_cells() -> None:
    reading = read(GOOD, ("2018-02-30", "USA", "Iran", "impose"))
    assert reading.rejected[["line", "raw"]].to_numpy().tolist() == [
        [2, "2018-02-30,USA,Iran,impose"]
    ]


@pytest.mark.parametrize("name", ["acts.xlsx", "acts.dta"])
def test_workbooks_and_stata_files_give_the_same_table(tmp_path: Path, name: str) -> None:
    plain = sl.read_table(frame(GOOD, GOOD), columns=COLUMNS)
    if name == "acts.dta":
        frame(GOOD, GOOD).to_stata(tmp_path / name, write_index=False)
    else:
        frame(GOOD, GOOD).to_excel(tmp_path / name, index=False, engine="xlsxwriter")
    found = sl.read_table(tmp_path / name, columns=COLUMNS)
    columns = ["date", "sender", "target", "action"]
    pd.testing.assert_frame_equal(found.table[columns], plain.table[columns])


def test_whole_numbers_of_stata_with_gaps_have_no_point(tmp_path: Path) -> None:
    data = frame(GOOD, GOOD).assign(who=[2.0, None])
    data.to_stata(tmp_path / "acts.dta", write_index=False)
    columns = {ours: yours for ours, yours in COLUMNS.items() if ours != "target"}
    found = sl.read_table(
        tmp_path / "acts.dta", columns=columns, constants={"target": "630"}, parties="cow"
    )
    assert found.table["sender"].fillna("").tolist() == ["USA", ""]
    assert found.unmatched.empty


def test_a_bad_row_of_a_workbook_is_rejected_by_its_row_of_the_sheet(tmp_path: Path) -> None:
    rows = frame(GOOD, ("2018-02-30", *GOOD[1:]))
    rows.to_excel(tmp_path / "acts.xlsx", index=False, engine="xlsxwriter")
    rejected = sl.read_table(tmp_path / "acts.xlsx", columns=COLUMNS).rejected
    assert rejected[["file", "line"]].to_numpy().tolist() == [["acts.xlsx", 3]]


def test_codes_that_are_numbers_in_a_workbook_are_refused(tmp_path: Path) -> None:
    data = frame(GOOD, GOOD).assign(what=[10, 163])
    data.to_excel(tmp_path / "acts.xlsx", index=False, engine="xlsxwriter")
    with pytest.raises(SchemaError, match="Column 'what' holds numbers, so leading zeros are lost"):
        sl.read_table(tmp_path / "acts.xlsx", columns=CAMEO, codes="cameo")


@pytest.mark.parametrize("name", ["acts.xlsx", "acts.xls", "acts.ods", "acts.dta"])
def test_a_damaged_workbook_or_stata_file_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x00\x01\x02")
    message = "cannot be read as Stata" if name == "acts.dta" else "is not a workbook"
    with pytest.raises(SourceError, match=message):
        sl.read_table(tmp_path / name, columns=COLUMNS)
