"""Fetching from a server on this machine that misbehaves as producers' servers do."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import sanctlib as sl
from sanctlib.cli import main
from sanctlib.errors import FetchError, SanctlibError, SourceError
from sanctlib.sources.files import CHECKSUMS, record, recorded
from sanctlib.sources.producers import Fetchable, Series, fetchables
from tests.conftest import ROOT
from tests.web import Handler, Web, data, fetch_from, redirect, running, stall, status

CANADA = b"""<?xml version='1.0'?><data-set><record><Country>Russia / Russie</Country>
<LastName>Alpha</LastName><Schedule>1</Schedule><Item>1</Item>
<DateOfListing>2022-02-24</DateOfListing></record></data-set>
"""
DAYS = ("20180101", "20180102", "20180103")
TODAY = datetime.now(UTC).date()


def day_file(day: str) -> bytes:
    return f"{day}\tUSA\tIRN\t163\n".encode() * 50


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server with three days of a series, on which proxies of the environment have no say."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as server:
        for day in DAYS:
            server.says(f"/{day}.csv", day_file(day))
        yield server


def daily(address: str, **changed: Any) -> Fetchable:
    series = Series(address=f"{address}/%Y%m%d.csv", every="D", first=date(2018, 1, 1))
    source = Fetchable(name="days", title="Days", series=(series,), pause=0)
    return replace(source, **changed)


def listed(address: str, *files: str) -> Fetchable:
    lists = {file: f"{address}/{file}" for file in files}
    return Fetchable(name="lists", title="Lists", lists=lists, pause=0)


def fetch_days(web: Web, out: Path, *, last: str = "2018-01-03", **how: Any) -> pd.DataFrame:
    to = date.fromisoformat(last)
    return fetch_from(daily(web.address), out=out, first=date(2018, 1, 1), last=to, **how)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_files_come_with_their_checksums_and_are_not_fetched_again(
    web: Web, tmp_path: Path
) -> None:
    out = tmp_path / "a" / "days"
    first = fetch_days(web, out)
    sums = [hashlib.sha256(day_file(day)).hexdigest() for day in DAYS]
    assert first.to_dict("list") == {
        "file": [str(out / f"{day}.csv") for day in DAYS],
        "url": [f"{web.address}/{day}.csv" for day in DAYS],
        "bytes": [1050] * 3,
        "sha256": sums,
        "status": ["fetched"] * 3,
    }
    assert names(out) == ["20180101.csv", "20180102.csv", "20180103.csv", CHECKSUMS]
    lines = [f"{sha}  {day}.csv\n" for sha, day in zip(sums, DAYS, strict=True)]
    assert (out / CHECKSUMS).read_text() == "".join(lines)
    assert web.n_requests == 3
    second = fetch_days(web, out)
    assert second["status"].tolist() == ["already there"] * 3
    assert second["sha256"].tolist() == sums
    assert web.n_requests == 3
    assert fetch_days(web, out, again=True)["status"].tolist() == ["fetched"] * 3
    assert web.n_requests == 6
    (agent,) = web.agents
    assert agent.startswith(f"sanctlib/{sl.__version__} ")


def test_sha256sum_reads_the_checksums(web: Web, tmp_path: Path) -> None:
    fetch_days(web, tmp_path)
    done = subprocess.run(["sha256sum", "-c", CHECKSUMS], cwd=tmp_path, check=False)
    assert done.returncode == 0


def test_a_file_without_a_checksum_is_replaced(web: Web, tmp_path: Path) -> None:
    (tmp_path / "20180101.csv").write_text("half of a day, from a run that was killed")
    assert fetch_days(web, tmp_path)["status"].tolist() == ["fetched"] * 3
    assert (tmp_path / "20180101.csv").read_bytes() == day_file("20180101")


def test_a_file_that_is_gone_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    fetch_days(web, tmp_path)
    (tmp_path / "20180102.csv").unlink()
    again = fetch_days(web, tmp_path)
    assert again["status"].tolist() == ["already there", "fetched", "already there"]


def test_a_file_that_changed_is_named_and_nothing_is_fetched(web: Web, tmp_path: Path) -> None:
    fetch_days(web, tmp_path, last="2018-01-02")
    (tmp_path / "20180102.csv").write_text("changed")
    with pytest.raises(
        SanctlibError, match=r"'20180102\.csv' in .* changed after fetching.*--again"
    ):
        fetch_days(web, tmp_path)
    assert web.n_requests == 2
    fetch_days(web, tmp_path, again=True)
    assert (tmp_path / "20180102.csv").read_bytes() == day_file("20180102")


def test_a_day_not_published_is_a_gap_and_is_asked_for_again(web: Web, tmp_path: Path) -> None:
    web.says("/20180102.csv", status(404), b"late\n")
    table = fetch_days(web, tmp_path)
    assert table["status"].tolist() == ["fetched", "not published", "fetched"]
    assert table["bytes"].isna().tolist() == [False, True, False]
    assert table["sha256"].isna().tolist() == [False, True, False]
    assert len(web.requests["/20180102.csv"]) == 1
    assert (tmp_path / "missing.txt").read_text() == "20180102.csv\n"
    later = fetch_days(web, tmp_path)
    assert later["status"].tolist() == ["already there", "fetched", "already there"]
    assert not (tmp_path / "missing.txt").exists()


def test_a_range_of_which_nothing_is_published_is_an_error(web: Web, tmp_path: Path) -> None:
    web.answers.clear()
    with pytest.raises(FetchError, match=r"has none of the 3 files requested.*0101\.csv"):
        fetch_days(web, tmp_path)
    assert names(tmp_path) == ["missing.txt"]


def test_a_redirect_is_followed(web: Web, tmp_path: Path) -> None:
    web.says("/20180101.csv", redirect("/moved.csv"))
    web.says("/moved.csv", b"moved\n")
    fetch_days(web, tmp_path)
    assert (tmp_path / "20180101.csv").read_bytes() == b"moved\n"


def test_a_redirect_to_a_file_of_this_machine_is_refused(web: Web, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    web.says("/20180101.csv", redirect(secret.as_uri()))
    with pytest.raises(FetchError, match="neither http nor https"):
        fetch_days(web, tmp_path / "out", last="2018-01-01")
    assert len(web.requests["/20180101.csv"]) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fault", [data(b"half", length=1000), status(500), status(503), stall])
def test_a_fault_that_passes_is_tried_again(fault: Any, web: Web, tmp_path: Path) -> None:
    web.says("/20180101.csv", fault, day_file("20180101"))
    source = daily(web.address, timeout=0.2)
    table = fetch_from(source, out=tmp_path, first=date(2018, 1, 1), last=date(2018, 1, 1))
    assert table["status"].tolist() == ["fetched"]
    assert len(web.requests["/20180101.csv"]) == 2
    assert (tmp_path / "20180101.csv").read_bytes() == day_file("20180101")


@pytest.mark.parametrize(
    ("fault", "message", "n_asked"),
    [
        (data(b"half", length=1000), "the connection was interrupted", 4),
        (status(500), "the server answered 500 Internal Server Error", 4),
        (stall, r"did not answer for 0\.2 s", 4),
        (status(403), "the server answered 403 Forbidden", 1),
        (data(b"<!DOCTYPE html><html>Sorry</html>"), "no data came: .* a saved web page", 1),
        (data(b"\n<html>Log in</html>"), "no data came: .* a saved web page", 1),
        (data(b""), "no data came: .* is empty", 1),
    ],
)
def test_a_fault_that_stays_leaves_nothing_and_the_rest_goes_on(
    fault: Any, message: str, n_asked: int, web: Web, tmp_path: Path
) -> None:
    web.says("/20180101.csv", fault)
    source = daily(web.address, timeout=0.2)
    with pytest.raises(FetchError, match=message) as caught:
        fetch_from(source, out=tmp_path, first=date(2018, 1, 1), last=date(2018, 1, 3))
    assert str(caught.value).startswith("1 of 3 files of days could not be fetched")
    assert len(web.requests["/20180101.csv"]) == n_asked
    assert names(tmp_path) == ["20180102.csv", "20180103.csv", CHECKSUMS]
    assert recorded(tmp_path).keys() == {"20180102.csv", "20180103.csv"}
    web.says("/20180101.csv", day_file("20180101"))
    table = fetch_days(web, tmp_path)
    assert table["status"].tolist() == ["fetched", "already there", "already there"]


def trickle(handler: Handler) -> None:
    """Send a byte at a time, without end and without a size."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.released.wait(0.02):
        handler.wfile.write(b"x" * (1 << 16))


@pytest.mark.parametrize(
    ("answer", "limit", "message"),
    [
        (data(b"x" * 3_000_000), {"most_bytes": 2_000_000}, "it is larger than 2 MB"),
        (data(b"x", length=3_000_000), {"most_bytes": 2_000_000}, "it is larger than 2 MB"),
        (trickle, {"most_bytes": 2_000_000}, "it is larger than 2 MB"),
        (trickle, {"most_seconds": 0.2}, "it took longer than 0 s"),
    ],
)
def test_a_file_that_is_too_large_or_too_slow_is_refused(
    answer: Any, limit: dict[str, float], message: str, web: Web, tmp_path: Path
) -> None:
    web.says("/20180101.csv", answer)
    source = daily(web.address, **limit)
    with pytest.raises(FetchError, match=message):
        fetch_from(source, out=tmp_path, first=date(2018, 1, 1), last=date(2018, 1, 2))
    assert len(web.requests["/20180101.csv"]) == 1
    assert names(tmp_path) == ["20180102.csv", CHECKSUMS]


def test_a_file_that_cannot_be_fetched_again_leaves_the_earlier_one(
    web: Web, tmp_path: Path
) -> None:
    fetch_days(web, tmp_path)
    web.says("/20180102.csv", data(b"half", length=1000))
    with pytest.raises(FetchError, match="the connection was interrupted"):
        fetch_days(web, tmp_path, again=True)
    assert (tmp_path / "20180102.csv").read_bytes() == day_file("20180102")
    assert fetch_days(web, tmp_path)["status"].tolist() == ["already there"] * 3


def test_many_failures_are_counted_not_listed(web: Web, tmp_path: Path) -> None:
    web.says("/20180115.csv", status(403))
    for day in range(1, 32):
        web.says(f"/201801{day:02}.csv", status(401 if day == 15 else 403))
    with pytest.raises(FetchError) as caught:
        fetch_days(web, tmp_path, last="2018-01-31")
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[0].startswith("31 of 31 files of days could not be fetched")
    assert lines[-1].startswith("  and 11 more; most often (30 times): the server answered 403")


def test_a_machine_that_cannot_be_reached_is_one_line(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FetchError) as caught:
        fetch_from(
            daily(f"http://127.0.0.1:{port}"),
            out=Path("data/fetched/days"),
            first=date(2018, 1, 1),
            last=date(2018, 12, 31),
        )
    assert str(caught.value) == (f"days: 127.0.0.1:{port} cannot be reached. No file was changed.")
    assert names(tmp_path) == []
    assert web.n_requests == 0


def test_one_of_two_machines_down_does_not_keep_the_other(web: Web, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    web.says("/a.xml", CANADA)
    source = listed(web.address, "a.xml")
    both = replace(source, lists={**source.lists, "b.xml": f"http://127.0.0.1:{port}/b.xml"})
    with pytest.raises(FetchError, match=r"1 of 2 files.*\n  b\.xml  127.*cannot be reached"):
        fetch_from(both, out=tmp_path)
    assert names(tmp_path / TODAY.isoformat()) == ["a.xml", CHECKSUMS]


def test_no_more_connections_than_jobs_are_open(web: Web, tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def together(handler: Handler) -> None:
        both.wait(20)
        data(b"a day\n")(handler)

    for day in range(1, 11):
        web.says(f"/201801{day:02}.csv", together)
    table = fetch_days(web, tmp_path, last="2018-01-10", jobs=2)
    assert table["status"].tolist() == ["fetched"] * 10
    assert web.most_open == 2
    with pytest.raises(SanctlibError, match=r"jobs is .* from 1 to 4"):
        fetch_days(web, tmp_path, jobs=5)


def test_lists_lie_in_a_folder_for_each_day(web: Web, tmp_path: Path) -> None:
    earlier = tmp_path / "2020-01-01"
    earlier.mkdir()
    (earlier / "list.xml").write_text("as it was")
    web.says("/list.xml", CANADA)
    source = listed(web.address, "list.xml")
    table = fetch_from(source, out=tmp_path)
    assert table["file"].tolist() == [str(tmp_path / TODAY.isoformat() / "list.xml")]
    assert fetch_from(source, out=tmp_path)["status"].tolist() == ["already there"]
    assert (earlier / "list.xml").read_text() == "as it was"


def test_a_list_that_is_not_there_has_moved_and_is_no_gap(web: Web, tmp_path: Path) -> None:
    web.says("/a.xml", CANADA)
    with pytest.raises(FetchError, match=r"1 of 2 .*\n  b\.xml  not published \(404\)"):
        fetch_from(listed(web.address, "a.xml", "b.xml"), out=tmp_path)
    assert names(tmp_path / TODAY.isoformat()) == ["a.xml", CHECKSUMS]


def test_a_list_takes_no_days(web: Web, tmp_path: Path) -> None:
    with pytest.raises(SanctlibError, match="published as the current list only"):
        fetch_from(listed(web.address, "a.xml"), out=tmp_path, first=date(2018, 1, 1))
    assert web.n_requests == 0


def test_reading_checks_what_was_fetched(web: Web, tmp_path: Path) -> None:
    web.says("/sema-lmes.xml", CANADA)
    (file,) = fetch_from(listed(web.address, "sema-lmes.xml"), out=tmp_path)["file"]
    assert len(sl.read("canada_sema", file).table) == 1
    Path(file).write_bytes(CANADA.replace(b"2022", b"2023"))
    with pytest.raises(SourceError, match=r"'sema-lmes\.xml' is not the file that was fetched"):
        sl.read("canada_sema", file)
    copy = Path(file).with_name("mine.xml")
    Path(file).rename(copy)
    assert len(sl.read("canada_sema", copy).table) == 1


def test_checksums_of_someone_else_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / CHECKSUMS
    path.write_bytes(b"\xff\xfe\n# md5 of ours\nd41d8cd98f00b204e9800998ecf8427e  a.csv\n")
    assert recorded(tmp_path) == {}
    path.write_text("A" * 64 + " *a.csv\n" + "b" * 64 + "  b c.csv\n")
    assert recorded(tmp_path) == {"a.csv": "a" * 64, "b c.csv": "b" * 64}
    record(tmp_path, {"a.csv": "c" * 64})
    assert path.read_text() == "c" * 64 + "  a.csv\n" + "b" * 64 + "  b c.csv\n"


def test_the_sums_a_producer_publishes_are_checked(web: Web, tmp_path: Path) -> None:
    good = hashlib.md5(day_file("20180101")).hexdigest()
    web.says("/md5sums", f"{good}  20180101.csv\n{'0' * 32}  20180102.csv\n".encode())
    source = daily(web.address)
    source = replace(
        source, series=(source.series[0]._replace(checksums=f"{web.address}/md5sums"),)
    )
    days = {"first": date(2018, 1, 1), "last": date(2018, 1, 3)}
    with pytest.raises(FetchError, match=r"20180102\.csv  its checksum is not.*md5:0{32}"):
        fetch_from(source, out=tmp_path, **days)
    assert names(tmp_path) == ["20180101.csv", "20180103.csv", CHECKSUMS]
    assert len(web.requests["/20180102.csv"]) == 1
    web.says("/md5sums", status(404))
    assert fetch_from(source, out=tmp_path, **days)["status"].tolist().count("fetched") == 1
    web.says("/md5sums", status(500))
    with pytest.raises(FetchError, match=r"/md5sums: the server answered 500.*No file was changed"):
        fetch_from(source, out=tmp_path, **days)


DATASET = "/api/datasets/:persistentId/?persistentId=doi:10.1/X"


def dataverse(web: Web, *entries: dict[str, Any]) -> Fetchable:
    files = [{"label": "x", "restricted": False, "dataFile": entry} for entry in entries]
    body = {"status": "OK", "data": {"latestVersion": {"files": files}}}
    web.says(DATASET, json.dumps(body).encode())
    return Fetchable(
        name="events",
        title="Events",
        dataset="doi:10.1/X",
        server=web.address,
        pick=r"events\.(?P<year>\d{4})\.",
        pause=0,
    )


def deposited(number: int, filename: str, body: bytes, **more: Any) -> dict[str, Any]:
    md5 = hashlib.md5(body).hexdigest()
    checksum = {"type": "MD5", "value": md5}
    return {"id": number, "filename": filename, "md5": md5, "checksum": checksum, **more}


def test_a_dataset_gives_the_files_of_the_years_with_their_md5(web: Web, tmp_path: Path) -> None:
    source = dataverse(
        web,
        deposited(1, "codebook.pdf", b"pdf"),
        deposited(2, "events.2017.20180710.tab", b"2017\n"),
        deposited(3, "Events.2018.20200427.tab", b"2018\n"),
        deposited(4, "events.2019.20200427.tab", b"2019\n"),
    )
    web.says("/api/access/datafile/3", redirect("/store/3"))
    web.says("/store/3", b"2018\n")
    table = fetch_from(source, out=tmp_path, first=date(2018, 6, 1), last=date(2018, 6, 2))
    assert names(tmp_path) == ["Events.2018.20200427.tab", CHECKSUMS]
    assert table["url"].tolist() == [f"{web.address}/api/access/datafile/3"]
    web.says("/api/access/datafile/2", b"2017\n")
    web.says("/api/access/datafile/4", b"something else\n")
    with pytest.raises(FetchError, match=r"events\.2019\.20200427\.tab  its checksum is not"):
        fetch_from(source, out=tmp_path)
    assert len(names(tmp_path)) == 3
    with pytest.raises(SanctlibError, match=r"no file of 'events' for these days. It has: codeb"):
        fetch_from(source, out=tmp_path, first=date(2021, 1, 1))


def test_a_table_that_dataverse_changed_is_fetched_as_it_was_deposited(
    web: Web, tmp_path: Path
) -> None:
    more = {"originalFileFormat": "text/csv", "originalFileName": "events.2018.csv"}
    source = dataverse(web, deposited(7, "events.2018.tab", b"a,b\n", **more))
    web.says("/api/access/datafile/7?format=original", b"a,b\n")
    fetch_from(source, out=tmp_path)
    assert names(tmp_path) == [CHECKSUMS, "events.2018.csv"]


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"not json", b'{"data": {"latestVersion": 3}}'])
def test_a_list_of_files_that_is_none_is_refused(body: bytes, web: Web, tmp_path: Path) -> None:
    source = dataverse(web)
    web.says(DATASET, body)
    with pytest.raises(SourceError, match="is not a list of files as Dataverse writes it"):
        fetch_from(source, out=tmp_path / "out")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["events.2018./../../x", "events.2018.\\x", "events.2018.\n"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, web: Web, tmp_path: Path) -> None:
    source = dataverse(web, deposited(1, name, b"x"))
    with pytest.raises(SourceError, match="is not a plain file name"):
        fetch_from(source, out=tmp_path)


def urls(first: str, last: str, version: int = 1) -> list[str]:
    found = fetchables()["gdelt"].wanted(
        date.fromisoformat(first),
        date.fromisoformat(last),
        version=version,
        today=date(2026, 11, 24),
        get=lambda _: b"a" * 32 + b"  20130401.export.CSV.zip\n",
    )
    return [w.url.removeprefix("http://data.gdeltproject.org/") for w in found]


def test_gdelt_has_files_of_years_then_months_then_days() -> None:
    assert urls("2005-11-30", "2006-02-01") == [
        "events/2005.zip",
        "events/200601.zip",
        "events/200602.zip",
    ]
    assert urls("2013-03-30", "2013-04-02") == [
        "events/201303.zip",
        "events/20130401.export.CSV.zip",
        "events/20130402.export.CSV.zip",
    ]
    assert len(urls("2018-01-01", "2018-12-31")) == 365
    assert urls("1979-01-01", "1979-01-01") == ["events/1979.zip"]


def test_gdelt_2_has_96_files_a_day_from_its_first_evening() -> None:
    assert urls("2015-02-18", "2015-02-18", 2) == [
        f"gdeltv2/20150218{hour}.export.CSV.zip"
        for hour in ("230000", "231500", "233000", "234500")
    ]
    day = urls("2018-01-01", "2018-01-01", 2)
    assert (len(day), day[0], day[-1]) == (
        96,
        "gdeltv2/20180101000000.export.CSV.zip",
        "gdeltv2/20180101234500.export.CSV.zip",
    )


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"first": "2018-01-01"}, "Give the first and the last day"),
        ({"first": "2018-01-02", "last": "2018-01-01"}, "first must not be after last"),
        (
            {"first": "2018-01-01", "last": "2199-01-01"},
            "last is 2199-01-01. It must not be after today",
        ),
        (
            {"first": "2010-01-01", "last": "2010-01-02", "version": 2},
            "Its files begin on 2015-02-18",
        ),
        (
            {"first": "01/02/2018", "last": "2018-01-01"},
            "first is '01/02/2018'. Write a day",
        ),
        (
            {"first": "2018-01-01", "last": "2018-01-02", "version": 3},
            "version is 3. 'gdelt' has version 1 and 2",
        ),
    ],
)
def test_days_that_do_not_fit_are_refused_before_anything_is_asked(
    how: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SanctlibError, match=message):
        sl.fetch("gdelt", out=tmp_path / "new", **how)
    assert names(tmp_path) == []


def test_every_declared_source_has_a_name_and_https_or_gdelt() -> None:
    assert list(fetchables()) == [
        "gdelt",
        "icews",
        "ofac",
        "un",
        "uk",
        "eu",
        "canada_sema",
        "un_ideal_points",
    ]
    for source in fetchables().values():
        kinds = [bool(source.series), bool(source.lists), bool(source.dataset and source.pick)]
        assert kinds.count(True) == 1
        assert all(url.startswith("https://") for url in source.lists.values())
        assert (source.timeout, source.retries, source.pause) == (30, 3, 1)
    assert set(sl.datasets()["fetch"]) == {*fetchables(), ""}


def test_a_folder_that_cannot_be_made_is_one_message(web: Web, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(SanctlibError, match=r"'.*taken' cannot be written"):
        fetch_days(web, tmp_path / "taken")
    assert web.n_requests == 0


def test_a_folder_in_the_place_of_a_file_is_one_failure(web: Web, tmp_path: Path) -> None:
    (tmp_path / "20180102.csv").mkdir()
    with pytest.raises(FetchError, match=r"20180102\.csv  it cannot be put in its place"):
        fetch_days(web, tmp_path)
    assert recorded(tmp_path).keys() == {"20180101.csv", "20180103.csv"}


def test_an_interrupted_run_keeps_and_records_what_came(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr("tqdm.tqdm.set_postfix_str", stop)
        with pytest.raises(Stopped):
            fetch_days(web, tmp_path, jobs=1)
    assert len(recorded(tmp_path)) == 1
    assert not list(tmp_path.glob(".*"))
    assert fetch_days(web, tmp_path)["status"].tolist().count("already there") == 1


@pytest.fixture
def command(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The command, with the addresses of two sources on this machine."""
    ours = {"gdelt": replace(daily(web.address), name="gdelt")}
    ours["un"] = replace(listed(web.address, "consolidated.xml"), name="un", note="A note.")
    for module in ("sanctlib.cli", "sanctlib.download"):
        monkeypatch.setattr(f"{module}.fetchables", lambda: ours)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["fetch", *arguments])

    return call


def test_the_command_says_what_it_did_and_where(web: Web, command: Any) -> None:
    web.says("/20180102.csv", status(404))
    done = command("gdelt", "--from", "2018-01-01", "--to", "2018-01-03")
    assert (done.exit_code, done.stderr) == (0, "gdelt: 3 to fetch, 0 already there\n")
    assert done.stdout == (
        "gdelt: 2 fetched, 1 not published, in data/fetched/gdelt\n"
        "Not published, gaps and not zeros: 20180102.csv\n"
    )
    again = command("gdelt", "--from", "2018-01-01", "--to", "2018-01-01", "--quiet")
    assert (again.stdout, again.stderr) == (
        "gdelt: 1 already there, in data/fetched/gdelt\n",
        "",
    )


def test_the_command_names_ten_gaps_and_counts_the_others(command: Any) -> None:
    # The server has the first three days of January, so 10 or 12 days are gaps.
    few = command("gdelt", "--from", "2018-01-01", "--to", "2018-01-13")
    gaps = ", ".join(f"201801{day:02}.csv" for day in range(4, 14))
    assert few.stdout.splitlines()[1] == f"Not published, gaps and not zeros: {gaps}"
    many = command("gdelt", "--from", "2018-01-01", "--to", "2018-01-15")
    assert many.stdout.splitlines()[1] == f"Not published, gaps and not zeros: {gaps} and 2 more"


def test_the_command_ends_with_one_where_something_failed(web: Web, command: Any) -> None:
    web.says("/20180102.csv", status(403))
    failed = command("gdelt", "--from", "2018-01-01", "--to", "2018-01-03", "--out", "x", "--quiet")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr == (
        "Error: 1 of 3 files of gdelt could not be fetched. The same call without "
        "--again fetches only these:\n  20180102.csv  the server answered 403 Forbidden\n"
    )
    assert Path("x/20180101.csv").is_file()


def test_the_command_prints_the_note_of_a_list(web: Web, command: Any) -> None:
    web.says("/consolidated.xml", CANADA)
    done = command("un", "--jobs", "4", "--again")
    assert done.stdout == f"un: 1 fetched, in data/fetched/un/{TODAY}\nA note.\n"


def test_without_a_name_the_command_lists_what_can_be_fetched() -> None:
    shown = CliRunner().invoke(main, ["fetch"])
    assert shown.exit_code == 0
    assert "gdelt           GDELT event database" in shown.stdout
    assert "from sanctionslist.fcdo.gov.uk, ofsistorage.blob.core.windows.net" in shown.stdout
    unknown = CliRunner().invoke(main, ["fetch", "ofack"])
    assert (unknown.exit_code, "Did you mean 'ofac'" in unknown.stderr) == (1, True)


def test_the_network_is_not_loaded_at_import() -> None:
    code = "import sanctlib.cli, sys; print(sorted({'pooch', 'requests'} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "[]\n"


def test_what_must_be_asked_for_by_hand_is_said_with_where() -> None:
    with pytest.raises(
        SanctlibError, match=r"'gsdb' cannot be fetched. Download it by hand: .*on request\."
    ):
        sl.fetch("gsdb")
