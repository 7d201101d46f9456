"""Clean events elsewhere by the same rules: on a Spark cluster, or by a script in a warehouse."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.codes.actions import act_meanings, crosswalk
from sanctlib.codes.countries import spells_of, texts_of
from sanctlib.database import arrow_of
from sanctlib.engines import in_words_of, literal, quoted
from sanctlib.errors import SourceError, check_choice
from sanctlib.months import put
from sanctlib.reading import sha256
from sanctlib.sources import rules
from sanctlib.sources.events import GDELT, STREAMED
from sanctlib.sources.files import check_there, paths_of
from sanctlib.sources.lines import Lines
from sanctlib.sources.rules import CELLS
from sanctlib.sources.steps import FILE, Cleaning, Origin, families
from sanctlib.writing import writing

_LINES = ", ".join([*(f"{cell} string" for cell in CELLS), "row long", "why string"])


def prepare_on_spark(
    session: Any, key: str, paths: Iterable[str | Path], *, out: str | Path
) -> Path:
    """
    Clean files of coded acts, as `sl.prepare` does, on a Spark cluster.

    Its workers need sanctlib, and see the files and `out` under the same paths as this process.
    What is lost with a worker is made again, and is the same.
    """
    check_choice(key, STREAMED, what="key")
    files, store = paths_of(list(paths), what="paths"), Path(out)
    kept = store / f".{key}"
    for path in files:
        check_there(path)
    cleaning = _OnSpark(STREAMED[key], _Spark(session))
    cleaning.take_files([path.absolute() for path in files])
    if not cleaning.n_kept:
        raise SourceError(f"{files[0].name!r} and the files after it hold no act to keep.")
    cleaning.merge()
    with writing(kept):
        pass  # a folder that cannot be written is an error
    shutil.rmtree(kept / "spark", ignore_errors=True)
    left_out = ["row", *([] if "score" in cleaning.source.columns else ["goldstein"])]
    query = rules.events(cleaning.source, order="sender, target, day, row")
    cleaning.engine.query(query).drop(*left_out).write.parquet(str(kept / "spark"))
    parts = sorted((kept / "spark").glob("*.parquet"))
    table = put(
        cleaning.source,
        {f"{n:05}.parquet": part for n, part in enumerate(parts)},
        rejected=cleaning.rejected_rows(),
        audit=cleaning.merged(cleaning.audit()),
        names=cleaning.unmatched(),
        stamps=cleaning.stamps,
        files=[(path.name, sha256(path)) for path in files],
        store=store,
        kept=kept,
    )
    shutil.rmtree(kept / "spark", ignore_errors=True)
    return table


class _Spark:
    """A session of Spark with the methods of a `Database`: its tables are views of the cluster."""

    ordered = True
    key_type = "STRING"

    def __init__(self, session: Any) -> None:
        self.session = session

    def query(self, text: str) -> Any:
        """Return the rows of a query, where they are."""
        return self.session.sql(in_words_of("spark", text))

    def show(self, name: str, frame: Any) -> None:
        """Let queries read a frame of Spark."""
        frame.createOrReplaceTempView(name)

    def give(self, name: str, table: Any) -> None:
        """Make a frame of pandas a table."""
        self.show(name, self.session.createDataFrame(arrow_of(table)))

    def empty(self, name: str, columns: str) -> None:
        """Make a table without rows."""
        self.show(name, self.session.createDataFrame([], columns.replace("VARCHAR", "STRING")))

    def make(self, name: str, query: str) -> None:
        """Make the rows of a query a table."""
        self.show(name, self.query(query).cache())

    def rows(self, query: str) -> list[Any]:
        """Return the rows of a query here."""
        return [tuple(row) for row in self.query(query).collect()]

    def number_words(self) -> None:
        """Leave words as they are."""


class _OnSpark(Cleaning):
    """Lines of all files at once on their way to events."""

    together = False

    def take_files(self, files: Sequence[Path]) -> None:
        """Take the lines of files; the place of each file is in the number of its rows."""
        each = self.engine.session.createDataFrame(
            [(n, str(path)) for n, path in enumerate(files)], "number long, path string"
        ).repartition(len(files))
        key = self.source.key
        every = each.mapInArrow(lambda some: _parsed(some, key), _LINES).cache()
        lines, others = every.where("why IS NULL").drop("why"), every.where("why IS NOT NULL")
        self.take_lines(
            lines,
            others=[(row["row"], row["why"]) for row in others.select("row", "why").collect()],
            origin=partial(self._origins, files),
        )

    def keep(self, start: int) -> int:
        """Keep the rows of all files, and return how many they are."""
        self.engine.make("kept", rules.kept(self.source, start=start))
        n: int = self.engine.rows("SELECT count(*) FROM kept")[0][0]
        return n

    def _origins(self, files: Sequence[Path], rows: list[int]) -> list[Origin]:
        """Return files, numbers and texts of lines, which the cluster reads again."""
        mask = (1 << FILE) - 1
        wanted: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            wanted[row >> FILE].append(row & mask)
        texts: dict[int, str] = {}
        if wanted:
            given = [(n, str(files[n]), lines) for n, lines in wanted.items()]
            session, key = self.engine.session, self.source.key
            each = session.createDataFrame(given, "number long, path string, lines array<long>")
            lines = each.repartition(len(given)).mapInArrow(
                lambda some: _read_again(some, key), "row long, line binary"
            )
            texts = {row["row"]: self.raw(bytes(row["line"])) for row in lines.collect()}
        return [(files[row >> FILE].name, row & mask, texts[row]) for row in rows]


def _parsed(batches: Iterable[Any], key: str) -> Iterator[Any]:
    """Read files on a worker: their records, and the other lines with the reason."""
    import pyarrow as pa

    kinds = dict.fromkeys(CELLS, pa.string()) | {"row": pa.int64(), "why": pa.string()}
    for file in (file for batch in batches for file in batch.to_pylist()):
        start = file["number"] << FILE
        for block in Lines(STREAMED[key], Path(file["path"])).blocks():
            table = block.table.to_pandas()
            others = pd.DataFrame(block.rejected, columns=["row", "why"]).astype({"row": "int64"})
            for part in (table, others):
                part = part.assign(row=part["row"] + start).reindex(columns=list(kinds))
                rows = pa.Table.from_pandas(part, pa.schema(kinds), preserve_index=False)
                yield from rows.to_batches()


def _read_again(batches: Iterable[Any], key: str) -> Iterator[Any]:
    """Read lines of files on a worker, by their numbers."""
    import pyarrow as pa

    for file in (file for batch in batches for file in batch.to_pylist()):
        wanted = set(file["lines"])
        for block in Lines(STREAMED[key], Path(file["path"])).blocks():
            inside = [n for n in wanted if block.n_before < n <= block.n_before + len(block.ends)]
            rows = [n + (file["number"] << FILE) for n in inside]
            lines = [block.line(n) for n in inside]
            schema = pa.schema([("row", pa.int64()), ("line", pa.binary())])
            yield pa.RecordBatch.from_pydict({"row": rows, "line": lines}, schema)


def events_sql(key: str, *, table: str, dialect: str, out: str = "events") -> str:
    """
    Return the script that makes events of a producer's own table in a warehouse.

    It is the statements of `sl.prepare` in the words of `dialect`, with our code tables in it.
    """
    check_choice(key, [GDELT.key], what="key")
    source = GDELT
    cells = {c: f"coalesce(CAST({source.columns[c]} AS VARCHAR), '')" for c in source.columns}
    lines = ", ".join(f"{text} AS {c}" for c, text in cells.items())
    day = "concat(left(date, 4), '-', substr(date, 5, 2), '-', right(date, 2))"
    day = f"TRY_CAST(CASE WHEN length(date) = 8 THEN {day} END AS DATE)"
    why = "CASE WHEN {0} IS NULL THEN '{1}' END AS why"
    codes = act_meanings(crosswalk("cameo")["code"].to_list(), system="cameo")
    names = spells_of(texts_of(source.system), system=source.system, succession=source.succession)
    value = "TRY_CAST(score AS DOUBLE)"
    steps = {
        "lines": f"SELECT row_number() OVER (ORDER BY {source.columns['id']}) AS row, {lines}"
        f" FROM {_named(table)}",
        "days": f"SELECT DISTINCT date AS text, {day} AS day, {day} AS last,"
        f" {why.format(day, 'impossible date')} FROM lines",
        "scores": f"SELECT DISTINCT score AS text, {value} AS value, CASE WHEN score <> '' AND"
        f" {value} IS NULL THEN 'goldstein is no number' END AS why FROM lines",
        "known_codes": _values(codes.assign(n=range(len(codes)))),
        "codes": "SELECT * FROM known_codes UNION ALL SELECT DISTINCT code AS text, NULL AS code,"
        " NULL AS action, FALSE AS mirror, FALSE AS turned, 'unknown action code' AS why, -1 AS n"
        " FROM lines WHERE code NOT IN (SELECT text FROM known_codes)",
        "names": _values(names),
        "families": _values(families()),
        "sides": rules.sides(source),
        "parties": rules.parties(source, ordered=True),
        "coded": rules.coded(source),
        "said": rules.ALONE,
        "kept": rules.kept(source, start=0),
        "again": rules.again(source, together=False),
        "repeats": rules.REPEATS,
        "acts": rules.acts(),
    }
    made = [f"CREATE TEMP TABLE {name} AS {query}" for name, query in steps.items()]
    made.append(f"CREATE TABLE {_named(out)} AS {rules.events(source)}")
    return ";\n".join(in_words_of(dialect, statement) for statement in made) + ";\n"


def _named(table: str) -> str:
    return ".".join(quoted(part) for part in table.split("."))


def _values(table: pd.DataFrame) -> str:
    """Return a table as a query that has its rows in it."""
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in table.itertuples(index=False))
    return f"SELECT * FROM (VALUES {rows}) AS v({', '.join(table.columns)})"
