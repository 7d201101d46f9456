"""Whatever bytes come, a reader ends in a Reading that adds up or in a SanctlibError."""

from __future__ import annotations

import gzip
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import sanctlib as sl
from sanctlib.errors import SanctlibError, SourceError
from sanctlib.reading import Reading
from tests.samples import KEYS, SAMPLES, Sample

BIG = 10_000_000
PACKED = (".gz", ".xz", ".zip", ".xls")


def outcome(key: str, path: Path) -> Reading | SanctlibError:
    """Read; any other exception than ours fails the test."""
    try:
        return sl.read(key, path)
    except SanctlibError as error:
        return error


def flip(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(max(3, len(content) // 400)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def cut_off(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(1, len(content))]


def lines_cut(content: bytes, dice: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    for _ in range(3):
        at = dice.randrange(len(lines))
        lines[at] = lines[at][: dice.randrange(len(lines[at]))].rstrip(b"\r\n") + b"\n"
    return b"".join(lines)


def column_added(content: bytes, dice: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    for at in dice.sample(range(len(lines)), min(3, len(lines))):
        mark = max(b",;\t", key=lambda byte: lines[at].count(bytes([byte])))
        lines[at] = bytes([mark]) + lines[at]
    return b"".join(lines)


def column_missing(content: bytes, dice: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    for at in dice.sample(range(len(lines)), min(3, len(lines))):
        mark = bytes([max(b",;\t", key=lambda byte: lines[at].count(bytes([byte])))])
        lines[at] = lines[at].replace(mark, b"", 1)
    return b"".join(lines)


def quotes(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + b'"' + content[at:]


def big_field(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + b"x" * BIG + content[at:]


def control_bytes(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + b"\x00\x1a\x0b\x85" + content[at:]


def utf_16(content: bytes, _: random.Random) -> bytes:
    return content.decode("latin-1").encode("utf-16")


def latin_1(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + "Côte d'Ivoire".encode("latin-1") + content[at:]


def byte_order_mark(content: bytes, _: random.Random) -> bytes:
    return b"\xef\xbb\xbf" + content


def carriage_returns(content: bytes, _: random.Random) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r")


def twice(content: bytes, _: random.Random) -> bytes:
    return content + b"\n" + content


def shuffled(content: bytes, dice: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    dice.shuffle(lines)
    return b"".join(lines)


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(flip, cut_off, lines_cut, column_added, column_missing, quotes, big_field),
    *(control_bytes, utf_16, latin_1, byte_order_mark, carriage_returns, twice, shuffled),
)


def mutated(sample: Sample, change: Callable[..., bytes], seed: int, folder: Path) -> Path:
    """Write the sample with its bytes changed, beside the companions it comes with."""
    for companion in sample.companions:
        (folder / companion.name).write_bytes(companion.read_bytes())
    dice = random.Random(f"{sample.path.name}{change.__name__}{seed}")
    path = folder / sample.path.name
    path.write_bytes(change(sample.path.read_bytes(), dice))
    return path


def test_every_reader_has_a_sample() -> None:
    assert {s.key for s in SAMPLES} == set(KEYS)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_sample_reads_and_adds_up(sample: Sample) -> None:
    reading = sl.read(sample.key, sample.path)
    audit = reading.audit
    assert len(reading.table) > 0
    assert audit.n_read + audit.n_added == audit.n_kept + audit.n_merged + audit.n_rejected
    assert reading.rejected["reason"].ne("").all()
    assert reading.provenance.citation
    assert all(re.fullmatch(r"[0-9a-f]{64}", h) for h in reading.provenance.files.values())


@pytest.mark.parametrize("change", MUTATIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_changed_bytes_end_in_a_reading_or_an_error_of_ours(
    sample: Sample, change: Callable[..., bytes], tmp_path: Path
) -> None:
    outcome(sample.key, mutated(sample, change, 1, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_many_changed_bytes_end_in_a_reading_or_an_error_of_ours(
    sample: Sample, tmp_path: Path
) -> None:
    for change in MUTATIONS:
        for seed in range(2, 4 if change is big_field else 40):
            outcome(sample.key, mutated(sample, change, seed, tmp_path))


TEXT = [s for s in SAMPLES if s.is_lines]


@pytest.mark.parametrize("change", [lines_cut, column_missing, column_added, latin_1, big_field])
@pytest.mark.parametrize("sample", TEXT, ids=str)
def test_no_row_is_lost_when_a_line_is_damaged(
    sample: Sample, change: Callable[..., bytes], tmp_path: Path
) -> None:
    """Damage to the second half of a file of lines: no fewer rows are read than before."""
    whole = sl.read(sample.key, sample.path).audit.n_read
    content = sample.path.read_bytes()
    half = content.index(b"\n", len(content) // 2) + 1
    damaged = change(content[half:].rstrip(b"\r\n\x1a"), random.Random(7)) + b"\n"
    # A line emptied altogether is no row; bytes that are no text refuse the file.
    if any(not line.strip(b" \t\r") for line in damaged.splitlines()):
        pytest.skip("the damage emptied a line")
    for companion in sample.companions:
        (tmp_path / companion.name).write_bytes(companion.read_bytes())
    path = tmp_path / sample.path.name
    path.write_bytes(content[:half] + damaged)
    read = outcome(sample.key, path)
    # A record of several lines, cut, is read as several.
    assert isinstance(read, SanctlibError) or read.audit.n_read >= whole


WRONG_FILES = {
    "page.html": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
    "empty": b"",
    "blank": b"\r\n\r\n \t\n",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07pandas\x94.",
    "other.csv": b"fruit,weight\napple,3\npear,4\n",
    "other.xml": b"<?xml version='1.0'?><menu><dish>soup</dish></menu>",
}


@pytest.mark.parametrize("name", WRONG_FILES)
@pytest.mark.parametrize("key", KEYS)
def test_another_file_is_refused(key: str, name: str, tmp_path: Path) -> None:
    suffix = next(s.path for s in SAMPLES if s.key == key).suffix
    path = tmp_path / f"file{suffix if suffix not in PACKED else '.csv'}"
    path.write_bytes(WRONG_FILES[name])
    assert isinstance(outcome(key, path), SanctlibError)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.path.suffix not in PACKED], ids=str)
def test_the_file_of_another_source_is_refused(sample: Sample) -> None:
    for key in KEYS:
        if key != sample.key:
            read = outcome(key, sample.path)
            assert isinstance(read, SanctlibError), f"read as {key!r}"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "path is None. It must be the path of a file, or a list of them."),
        (5, "path is 5. It must be"),
        ([], "path is empty. It must be"),
        ("", "path is ''. It must be"),
        ("x" * 5000, "xxx…' cannot be opened: File name too long"),
        (b"acts.csv", "path is b'acts.csv'. It must be"),
        (
            pd.DataFrame({"a.csv": [1]}),
            "A table of your own is read by sl.read_table",
        ),
        (
            "https://example.org/GSDB_V3.csv",
            "path is the address 'https://example.org/GSDB_V3.csv'",
        ),
        (["a.csv", "b.csv"], "path names 2 files. 'gsdb' is read from one file"),
    ],
)
def test_what_is_no_path_is_named(path: object, message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)):
        sl.read("gsdb", path)  # type: ignore[arg-type]


def test_the_workbook_of_another_source_is_named() -> None:
    book = next(s.path for s in SAMPLES if s.path.name == "TIESv4-1.xls")
    with pytest.raises(SourceError, match=r"\nIt looks like Threat .*sl\.read\('ties'"):
        sl.read("gsdb", book)


ENTITIES = {
    "expansion": "<!DOCTYPE d [<!ENTITY a 'x'><!ENTITY b '" + "&a;" * 99 + "'>]>",
    "external": "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>",
    "external type": "<!DOCTYPE d SYSTEM 'http://127.0.0.1/x.dtd'>",
}


@pytest.mark.parametrize("what", ENTITIES)
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.path.suffix == ".xml"], ids=str)
def test_a_document_type_is_refused_before_it_is_expanded(
    sample: Sample, what: str, tmp_path: Path
) -> None:
    text = sample.path.read_text(encoding="utf-8")
    declaration = re.match(r"<\?xml[^>]*\?>\s*", text)
    head = declaration[0] if declaration else ""
    path = tmp_path / sample.path.name
    path.write_text(head + ENTITIES[what] + text[len(head) :], encoding="utf-8")
    error = outcome(sample.key, path)
    assert isinstance(error, SanctlibError)
    assert "cannot be read as XML" in str(error)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.path.suffix not in PACKED], ids=str)
def test_a_packed_file_reads_like_the_plain_one_and_writes_nothing(
    sample: Sample, tmp_path: Path
) -> None:
    if sample.companions:
        pytest.skip("a file with companions is read from its folder")
    plain = sl.read(sample.key, sample.path)
    inside = tmp_path / "inside"
    inside.mkdir()
    zipped = inside / f"{sample.path.name}.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("../../climbs.csv", sample.path.read_bytes())
    packed = inside / f"{sample.path.name}.gz"
    packed.write_bytes(gzip.compress(sample.path.read_bytes()))
    for path in (zipped, packed):
        read = sl.read(sample.key, path)
        assert read.audit.n_read == plain.audit.n_read
        assert len(read.table) == len(plain.table)
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(
        ["inside", zipped.name, packed.name]
    )


@pytest.mark.parametrize("packing", ["gz", "zip"])
@pytest.mark.parametrize("key", KEYS)
def test_a_bomb_is_refused_before_it_fills_the_memory(
    key: str, packing: str, tmp_path: Path
) -> None:
    sample = next(s for s in SAMPLES if s.key == key)
    suffix = "".join(s for s in sample.path.suffixes if s not in PACKED) or ".csv"
    path = tmp_path / f"bomb{suffix}.{packing}"
    lines = (b"0," * 31 + b"\n") * (1 << 14)
    if packing == "gz":
        path.write_bytes(gzip.compress(lines) * 1024)  # 1 GiB in a few hundred kilobytes
    else:
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("bomb.csv", "w", force_zip64=True) as inside,
        ):
            for _ in range(200):
                inside.write(lines)
    code = (
        "import resource, sys, sanctlib as sl\n"
        f"try: sl.read({key!r}, {str(path)!r}); print('read')\n"
        "except sl.SanctlibError as error: print('refused')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, peak = shown.stdout.split()
    assert said == "refused"
    assert int(peak) < 1_500_000, "kilobytes"
