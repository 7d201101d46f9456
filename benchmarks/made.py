"""Made files of GDELT's layout: seeded, with its kinds of dirt, and the truth about each."""

from __future__ import annotations

import io
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from sanctlib.codes.actions import crosswalk
from sanctlib.codes.countries import countries
from sanctlib.sources.events import LAYOUTS

ROWS = 150_000
"""Rows of a file, about those of a day of 2018."""

FIRST = np.datetime64("2016-01-01")
_NAMES = LAYOUTS[58]
_SHORT, _DATE, _SCORE, _CODE, _NO_TEXT, _COPY, _REUSED = range(1, 8)
_SHARES = {_SHORT: 0.001, _DATE: 0.003, _SCORE: 0.002, _CODE: 0.002, _NO_TEXT: 0.001}
_SHARES |= {_COPY: 0.005, _REUSED: 0.001}
_TYPES = np.array(["GOV", "MIL", "OPP", "CVL", "BUS", "MED", "COP", "REB", "", "", ""])


def made_file(number: int, folder: Path, *, rows: int = ROWS) -> Counter[str]:
    """
    Write the file of one day and return how many rows of each kind it has.

    Every fourth file is zipped. Two fifths of the rows repeat an act of the same file under
    a number of their own. Some are a row of the day before given
    again, byte for byte, and some have the number of a row of the day before and another
    content. Acts are of the day, and a tenth of a day, a month or a year before.
    """
    ours = _table(number, rows)
    before = _table(number - 1, rows) if number else ours
    rng = np.random.default_rng((number, 1))
    dirt = rng.choice([0, *_SHARES], rows, p=[1 - sum(_SHARES.values()), *_SHARES.values()])
    dirt[: rows // 100] = 0  # the rows that others copy stay clean
    if not number:
        dirt[dirt >= _COPY] = 0
    frame = ours
    for kind, column, values in (
        (_DATE, "SQLDATE", ["20161301", "0", "", "20160230", "2016-05-01"]),
        (_SCORE, "GoldsteinScale", ["abc", "NULL", "1,5"]),
        (_CODE, "EventCode", ["---", "", "99X", "X"]),
    ):
        at = np.flatnonzero(dirt == kind)
        frame.loc[at, column] = rng.choice(values, len(at))
    early = rng.permutation(rows // 100)
    given, reused = (np.flatnonzero(dirt == kind)[: rows // 200] for kind in (_COPY, _REUSED))
    dirt[np.setdiff1d(np.flatnonzero(dirt >= _COPY), [*given, *reused])] = 0
    frame.loc[given] = before.iloc[early[: len(given)]].to_numpy()
    others = early[len(given) : len(given) + len(reused)]
    frame.loc[reused, "GLOBALEVENTID"] = before["GLOBALEVENTID"].iloc[others].to_numpy()
    lines = _lines(frame)
    for at in np.flatnonzero(dirt == _SHORT):
        lines[at] = b"\t".join(lines[at].split(b"\t")[:30])
    for at in np.flatnonzero(dirt == _NO_TEXT):
        cells = lines[at].split(b"\t")
        lines[at] = b"\t".join([*cells[:6], b"CAF\xc9 M\xfcNCHEN", *cells[7:]])
    day = str(FIRST + number).replace("-", "")
    content, name = b"\n".join(lines) + b"\n", f"{day}.export.CSV"
    if number % 4 == 3:
        with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
    else:
        (folder / name).write_bytes(content)
    n = np.bincount(dirt, minlength=8)
    return Counter(
        {
            "rows": rows,
            "bytes": len(content),
            "split lines": int(n[_SHORT]),
            "check dates": int(n[_DATE]),
            "map action codes": int(n[_CODE]),
            "check types": int(n[_SCORE]),
            "merge rows given twice": int(n[_COPY]),
            "numbers of two acts": int(n[_REUSED]),
        }
    )


def _table(number: int, rows: int) -> pd.DataFrame:
    """Return the clean rows of a day, the same whenever they are asked for."""
    rng = np.random.default_rng((number, 0))
    n_acts = int(rows * 0.6)
    of = np.r_[np.arange(n_acts), rng.integers(0, n_acts, rows - n_acts)]
    states = countries().query("until.isna() and cameo.notna()")["cameo"].to_numpy(dtype="str")
    weights = 1 / np.arange(1, len(states) + 1) ** 1.05
    codes = crosswalk("cameo")["code"].to_numpy(dtype="str")
    usual = 1 / np.arange(1, len(codes) + 1)
    code = rng.permutation(codes)[rng.choice(len(codes), n_acts, p=usual / usual.sum())]
    ago = rng.choice([0, 1, 30, 365], n_acts, p=[0.9, 0.06, 0.02, 0.02])
    day = pd.Series(FIRST + number - ago).dt.strftime("%Y%m%d").to_numpy()
    columns = dict.fromkeys(_NAMES, np.full(n_acts, "", dtype="object"))
    columns |= {"SQLDATE": day, "MonthYear": pd.Series(day).str.slice(0, 6).to_numpy()}
    for n in (1, 2):
        country = states[rng.choice(len(states), n_acts, p=weights / weights.sum())].astype(
            "object"
        )
        country[rng.random(n_acts) < 0.45] = ""
        kind = rng.choice(_TYPES, n_acts).astype("object")
        columns[f"Actor{n}Code"] = country + kind
        columns[f"Actor{n}CountryCode"] = country
        columns[f"Actor{n}Type1Code"] = kind
        columns[f"Actor{n}Name"] = _words(rng, n_acts, 20)
    score = np.round(rng.normal(0, 4, n_acts).clip(-10, 10), 1).astype("str")
    columns |= {"EventCode": code, "EventBaseCode": code, "GoldsteinScale": score}
    columns |= {"IsRootEvent": rng.integers(0, 2, n_acts).astype("str"), "QuadClass": "1"}
    for place in ("Actor1Geo", "Actor2Geo", "ActionGeo"):
        columns[f"{place}_FullName"] = _words(rng, n_acts, 26)
        columns[f"{place}_Lat"] = columns[f"{place}_Long"] = _numbers(rng, n_acts)
    columns["AvgTone"] = _numbers(rng, n_acts)
    frame = pd.DataFrame(columns)[list(_NAMES)].iloc[of].reset_index(drop=True)
    ids = 500_000_000 + number * rows + np.arange(rows)
    url = "https://www.example.org/" + pd.Series(ids * 7919).astype("str") + _words(rng, rows, 60)
    stamp = str(FIRST + number).replace("-", "")
    return frame.assign(GLOBALEVENTID=ids.astype("str"), SOURCEURL=url, DATEADDED=stamp)


def _words(rng: np.random.Generator, n: int, length: int) -> pd.Series:
    pool = [
        "".join(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ     "), length)) for _ in range(500)
    ]
    return pd.Series(np.array(pool, dtype="object")[rng.integers(0, len(pool), n)])


def _numbers(rng: np.random.Generator, n: int) -> pd.Series:
    return pd.Series(
        np.round(rng.uniform(-180, 180, 2000), 4).astype("str")[rng.integers(0, 2000, n)]
    )


def _lines(frame: pd.DataFrame) -> list[bytes]:
    out = io.BytesIO()
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), out, options)
    return out.getvalue().split(b"\n")[:-1]


if __name__ == "__main__":
    into, n_files = Path(sys.argv[1]), int(sys.argv[2])
    into.mkdir(parents=True, exist_ok=True)
    print(sum((made_file(i, into) for i in range(n_files)), Counter()))
