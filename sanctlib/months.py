"""Clean many files of events in bounded memory. Return a folder of Parquet files by month."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from sanctlib.codes.actions import crosswalk
from sanctlib.codes.succession import read_codes
from sanctlib.database import Database
from sanctlib.errors import SourceError, check_choice
from sanctlib.processes import mapping
from sanctlib.query import whole_of
from sanctlib.reading import Audit, sha256
from sanctlib.schema import ACTIONS
from sanctlib.showing import progress_bar
from sanctlib.sources import rules
from sanctlib.sources.draft import unmatched
from sanctlib.sources.events import STREAMED, covered
from sanctlib.sources.files import check_same, check_there, expected, paths_of
from sanctlib.sources.producers import provenance
from sanctlib.sources.rules import EventSource
from sanctlib.sources.steps import FILE, Cleaning
from sanctlib.store import made_by, manifest
from sanctlib.writing import save_frame, writing

_MEMORY = "300MB"
"""What DuckDB may hold in a worker; beside it stand the interpreter and a block of lines."""
# Ids differ: a dictionary of them is given up early.
_GROUPS = "(FORMAT parquet, ROW_GROUP_SIZE 100000, DICTIONARY_SIZE_LIMIT 5000)"

_IDS = ["row", "part", "same", "id", "goldstein"]

Piece = tuple[int, str]
"""The place of a file among all, and the name of a part that was kept of it."""


def prepare_files(
    key: str,
    paths: Iterable[str | Path],
    *,
    out: str | Path,
    workers: int = 1,
    progress: bool = False,
) -> Path:
    """
    Clean files of coded acts, as `sl.read` does, into a folder of Parquet files by month.

    Each file is cleaned by itself and kept by its hash in the hidden folder ``.KEY``; then the
    rows of each month are merged. What the same version made of the same files is kept.
    """
    check_choice(key, STREAMED, what="key")
    whole_of(workers, what="workers", least=1)
    given = paths_of(list(paths), what="files")
    files: list[Path] = []
    for path in given:
        # What `sanctlib fetch` keeps beside the files of a folder is text.
        inside = sorted(path.iterdir()) if path.is_dir() else []
        inside = [p for p in inside if p.is_file() and p.suffix != ".txt" and p.name[0] != "."]
        files += inside if path.is_dir() else [path]
    if not files:
        raise SourceError(f"files has no file: the folder {given[0].name!r} is empty.")
    store = Path(out)
    kept = store / f".{key}"
    with writing(kept):
        pass  # a folder that cannot be written is an error before hours of work
    cleaned, merged = (partial(f, key=key, kept=kept) for f in (_clean, _merge))
    with mapping(workers) as mapped:
        tasks = list(expected(files))
        parts = list(_shown(mapped(cleaned, tasks), len(tasks), unit="file", progress=progress))
        wrong = [part["wrong"] for part in parts if "wrong" in part]
        if wrong:
            more = [f"… and {len(wrong) - 9} more."] if wrong[9:] else []
            raise SourceError("\n".join([*wrong[:9], *more, "All other files stay prepared."]))
        months = list(_months(key, parts, kept))
        merges = list(_shown(mapped(merged, months), len(months), unit="month", progress=progress))
    return _finish(key, files, parts, merges, store=store, kept=kept)


def _shown(results: Iterable[Any], n: int, *, unit: str, progress: bool) -> Iterator[Any]:
    """Pass on results under a bar of rows a second and time left."""
    n_rows = 0
    with progress_bar(n, name="prepare", unit=unit, progress=progress) as bar:
        for result in results:
            n_rows += result["n_rows"]
            seconds = bar.format_dict["elapsed"] or 1
            bar.set_postfix_str(f"{n_rows:,} rows, {n_rows / seconds:,.0f}/s", refresh=False)
            bar.update()
            yield result


def _clean(task: tuple[Path, str], *, key: str, kept: Path) -> dict[str, Any]:
    """Clean one file, or say why it cannot be read: one of thousands must not cost the others."""
    path, recorded = task
    try:
        check_there(path)
        digest = sha256(path)
        check_same(path, digest, recorded)
        name = f"{digest[:20]}-{made_by()}-{version('duckdb')}"
        about = _about(kept / f"{name}.json")
        if about is None:
            with writing(kept) as into:
                cleaning = _Piece(STREAMED[key], _engine(), into / name)
                cleaning.take(path)
                rejected = cleaning.rejected_rows()
                rejected.to_csv(into / f"{name}.rejected.csv", index=False, lineterminator="\n")
                about = {
                    "sha256": digest,
                    "name": name,
                    "n_rows": cleaning.n_read,
                    "audit": cleaning.audit().steps.to_dict("list"),
                    "names": cleaning.unmatched().to_dict("list"),
                    "stamps": sorted(cleaning.stamps),
                    "pieces": cleaning.pieces,
                }
                (into / f"{name}.json").write_text(json.dumps(about), encoding="utf-8")
    except SourceError as error:
        return {"n_rows": 0, "wrong": str(error)}
    return about | {"file": path.name}


class _Piece(Cleaning):
    """The rows of one file, kept as Arrow: two parts for each block of lines."""

    def __init__(self, source: EventSource, engine: Database, path: Path) -> None:
        super().__init__(source, engine)
        self.path = path
        self.pieces: dict[str, list[str]] = {}
        """The name of each part, and the months of its rows."""

    def keep(self, start: int) -> int:
        """Write the rows of a block, and their ids."""
        part = f"{self.path.name}-{self.n_blocks}"
        self.n_blocks += 1
        rows = ids = self.engine.table(rules.kept(self.source, start=start))
        if self.together:
            ids = self.engine.table(rules.IDS_OF_CODED.format(start=start, part=0))
        numbers = _numbers(ids["id"])
        if numbers is not None:
            ids = ids.set_column(ids.column_names.index("id"), "id", numbers)
            rows = rows.set_column(rows.column_names.index("id"), "id", _numbers(rows["id"]))
        _save(rows, self.path.with_name(f"{part}.rows"), compression="lz4")
        # Not compressed, they are read where they are.
        _save(ids.select(_IDS), self.path.with_name(f"{part}.ids"), compression=None)
        days = self.engine.rows(rules.DAYS)
        self.pieces[part] = sorted({f"{day:%Y-%m}" for (day,) in days})
        return len(ids)


def _numbers(ids: Any) -> Any:
    """Return ids as numbers, which take less room; None where one is no number or begins with 0."""
    import pyarrow as pa
    from pyarrow import compute as pc

    try:
        numbers = ids.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return numbers if pc.all(pc.equal(numbers.cast(pa.string()), ids)).as_py() else None


def _save(table: Any, path: Path, *, compression: str | None) -> None:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(path, table.schema, options=options) as file:
        file.write_table(table)


def _months(key: str, parts: Sequence[dict[str, Any]], kept: Path) -> Iterator[dict[str, Any]]:
    """Yield what each month is merged from: pieces, and the rows whose id was there before."""
    months = {(n, name): m for n, part in enumerate(parts) for name, m in part["pieces"].items()}
    again = _again(key, [piece for piece, of in months.items() if of], kept)
    for month in sorted({month for of in months.values() for month in of}):
        pieces = [piece for piece, of in months.items() if month in of]
        yield {"month": month, "pieces": pieces, "again": again.get(month, [])}


def _again(key: str, pieces: Sequence[Piece], kept: Path) -> dict[str, list[Any]]:
    """Return by month the rows with an id that other rows have, in whichever file."""
    later: dict[str, list[Any]] = {}
    if not pieces:
        return later
    with closing(Database(memory=_MEMORY)) as engine:
        each = list(enumerate(pieces))
        engine.show("every", _stored(each, kept, ".ids", columns=["id"]))
        engine.make("twice", "SELECT id FROM every GROUP BY id HAVING count(*) > 1")
        engine.show("every", _stored(each, kept, ".ids"))
        engine.make("ids", "SELECT * FROM every WHERE id IN (SELECT id FROM twice)")
        with_them = {part for (part,) in engine.rows("SELECT DISTINCT part FROM ids")}
        if not with_them:
            return later
        each = [(n, piece) for n, piece in each if n in with_them]
        engine.show("every", _stored(each, kept, ".rows"))
        engine.make("kept", "SELECT e.* FROM every AS e SEMI JOIN ids USING (part, same)")
        engine.make("again", rules.again(STREAMED[key], together=True))
        query = "SELECT strftime(k.day, '%Y-%m'), a.* FROM again AS a JOIN kept AS k"
        query += " ON a.of = k.row WHERE nth > 1 OR copied ORDER BY a.row"
        for month, *row in engine.rows(query):
            later.setdefault(month, []).append(row)
    return later


def _stored(
    pieces: Sequence[tuple[int, Piece]], kept: Path, suffix: str, *, columns: Sequence[str] = ()
) -> Any:
    """Return rows of pieces, numbered in the order of the files, to be read once."""
    import pyarrow as pa
    from pyarrow import compute as pc

    def opened(name: str) -> Any:
        return pa.ipc.open_file(pa.memory_map(str(kept / (name + suffix))))

    def read(part: int, number: int, name: str) -> Any:
        table = opened(name).read_all().select(columns or schema.names)
        if "row" in table.column_names:
            row, at = (table.column_names.index(c) for c in ("row", "part"))
            table = table.set_column(row, "row", pc.add(table["row"], number << FILE))
            table = table.set_column(at, "part", pa.repeat(part, len(table)))
        return table.cast(schema)

    schemas = [opened(name).schema for _, (_, name) in pieces]
    # Of ids that are numbers in one file, and other texts in another, all are texts.
    schema = max(schemas, key=lambda schema: schema.field("id").type == pa.string())
    schema = pa.schema([schema.field(c) for c in columns or schema.names])
    tables = (read(part, *piece) for part, piece in pieces)
    batches = (batch for table in tables for batch in table.to_batches())
    return pa.RecordBatchReader.from_batches(schema, batches)


def _merge(task: dict[str, Any], *, key: str, kept: Path) -> dict[str, Any]:
    """Merge the rows of one month, or take what was made of the same rows before."""
    month, pieces, again = task["month"], task["pieces"], task["again"]
    # Where files were added before, the rows are the same under other numbers.
    place = {n: i for i, n in enumerate(dict.fromkeys(n for n, _ in pieces))}
    rows = [
        (*((place.get(row >> FILE, -1), row & ((1 << FILE) - 1)) for row in (row, of)), *how)
        for row, of, *how in again
    ]
    stated = json.dumps([key, [(place[n], name) for n, name in pieces], rows])
    name = f"{month}-{hashlib.sha256(stated.encode()).hexdigest()[:20]}"
    if about := _about(kept / f"{name}.json"):
        return about
    source = STREAMED[key]
    engine = _engine()
    with writing(kept) as into:
        cleaning = Cleaning(source, engine)
        # Few texts are moved and compared faster as numbers.
        engine.run(f"CREATE OR REPLACE TYPE word AS {_words()}")
        coded = ["action", "sender", "target", *(["code"] if source.codes == "cameo" else [])]
        as_words = ", ".join(f"CAST({c} AS word) AS {c}" for c in coded)
        engine.show("every", _stored([(0, piece) for piece in pieces], kept, ".rows"))
        first = f"DATE '{month}-01'"
        within = f"day >= {first} AND day < {first} + INTERVAL 1 MONTH"
        engine.make("kept", f"SELECT * REPLACE ({as_words}) FROM every WHERE {within}")
        later = pd.DataFrame(again, columns=["row", "of", "nth", "copied"])
        numbers = dict.fromkeys(["row", "of", "nth"], "int64")
        engine.give("again", later.astype({**numbers, "copied": "bool"}))
        cleaning.merge(again=False)
        n_rows = engine.rows("SELECT CAST(sum(n) AS BIGINT) FROM kept")[0][0]
        kinds = dict.fromkeys(["date", "date_last"], "TIMESTAMP")
        kinds |= dict.fromkeys(["source", "date_basis"], "word")
        columns = ", ".join(f"CAST({c} AS {kind}) AS {c}" for c, kind in kinds.items())
        left_out = "row" if "score" in source.columns else "row, goldstein"
        query = rules.events(source, order="sender, target, day, row")
        path = into / f"{name}.parquet"
        table = f"SELECT * EXCLUDE ({left_out}) REPLACE ({columns}) FROM ({query})"
        to = str(path).replace("'", "''")
        engine.run(f"COPY ({table}) TO '{to}' {_GROUPS}")
        about = {
            "month": month,
            "parquet": path.name,
            "n_rows": n_rows,
            "audit": cleaning.merged(Audit.begin(n_rows)).steps.to_dict("list"),
        }
        (into / f"{name}.json").write_text(json.dumps(about), encoding="utf-8")
    return about


@cache
def _words() -> str:
    """Return the type of the parties, actions and codes that rows can have, in order."""
    words = {*read_codes("countries.csv")["code"], *read_codes("aliases.csv")["code"]}
    words |= {*crosswalk("cameo")["code"], *(a for actions in ACTIONS.values() for a in actions)}
    words |= {word for s in STREAMED.values() for word in (s.key, s.date_basis)}
    return f"ENUM ({', '.join(repr(word) for word in sorted(words))})"


@cache
def _engine() -> Database:
    """Return the engine of this process."""
    return Database(threads=1, memory=_MEMORY, as_written=True)


def _about(path: Path) -> dict[str, Any] | None:
    """Return what is stated about a part that was made before."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _finish(
    key: str,
    files: Sequence[Path],
    parts: Sequence[dict[str, Any]],
    months: Sequence[dict[str, Any]],
    *,
    store: Path,
    kept: Path,
) -> Path:
    if not months:
        raise SourceError(f"{files[0].name!r} and the files after it hold no act to keep.")
    audits = [Audit(pd.DataFrame(part["audit"])) for part in (*parts, *months)]
    cleaning, merging = (Audit.added(some) for some in (audits[: len(parts)], audits[len(parts) :]))
    steps = pd.concat([cleaning.steps, merging.steps[1:]], ignore_index=True)
    # The same content may come under another name the next time.
    rejected = [
        pd.read_csv(
            kept / f"{part['name']}.rejected.csv", dtype="str", keep_default_na=False
        ).assign(file=part["file"])
        for part in parts
    ]
    return put(
        STREAMED[key],
        {f"{month['month']}.parquet": kept / month["parquet"] for month in months},
        rejected=pd.concat(rejected),
        audit=Audit(steps),
        names=pd.concat([pd.DataFrame(part["names"]) for part in parts]),
        stamps=(stamp for part in parts for stamp in part["stamps"]),
        files=[(part["file"], part["sha256"]) for part in parts],
        store=store,
        kept=kept,
    )


def put(
    source: EventSource,
    tables: Mapping[str, Path],
    *,
    rejected: pd.DataFrame,
    audit: Audit,
    names: pd.DataFrame,
    stamps: Iterable[str],
    files: Iterable[tuple[str, str]],
    store: Path,
    kept: Path,
) -> Path:
    """Put Parquet files under their final names in a store, and write the manifest last."""
    table, new, old = store / source.key, kept / "new", kept / "old"
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir(parents=True)
    for name, path in tables.items():
        try:
            os.link(path, new / name)
        except OSError:  # not every file system has them
            shutil.copyfile(path, new / name)
    hashes = {f"{source.key}/{name}": sha256(new / name) for name in tables}
    (store / f"{source.key}.json").unlink(missing_ok=True)
    if table.exists():
        table.rename(old)
    new.rename(table)
    with writing(store) as into:
        path = into / f"{source.key}.rejected.csv"
        save_frame(rejected, path)
        text = manifest(
            kind="events",
            curated=False,
            acts_are_rows=not source.joined,
            hashes=hashes | {path.name: sha256(path)},
            audit=audit,
            unmatched=unmatched(names),
            coverage=covered(source, stamps),
            provenance=provenance(source.key, files),
        )
        (into / f"{source.key}.json").write_text(text, encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    return table
