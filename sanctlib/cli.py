"""The command line: fetch and prepare data, list and cite datasets, run and verify reports."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
import pandas as pd

from sanctlib import catalogue
from sanctlib.catalogue import STORE, STORE_VARIABLE, Style, datasets, load
from sanctlib.cluster import events_sql
from sanctlib.download import FETCHED, MOST_JOBS, fetch
from sanctlib.errors import ParameterError, SanctlibError, check_choice
from sanctlib.months import prepare_files
from sanctlib.processes import signals
from sanctlib.reports import batch as batches
from sanctlib.reports.folders import sweep
from sanctlib.reports.index import PDF, browser, print_pdf, write_index
from sanctlib.reports.parameters import Parameter, as_text, declared, named
from sanctlib.reports.run import (
    NotebookError,
    Progress,
    Run,
    available,
    find_notebook,
    run_notebook,
)
from sanctlib.reports.verify import standing
from sanctlib.reports.verify import verify as verify_run
from sanctlib.showing import progress_bar
from sanctlib.sources.events import STREAMED
from sanctlib.sources.producers import fetchables
from sanctlib.store import manifest_of, shipped

SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}
PATH = click.Path(path_type=Path)
STORED: dict[str, Any] = {"type": PATH, "default": STORE, "show_envvar": True}
STORED["envvar"] = STORE_VARIABLE
out_option = click.option("--out", type=PATH, default="reports")
store_option = click.option("--store", **STORED, help="Folder of the prepared data.")
timeout_option = click.option(
    "--timeout", type=click.IntRange(1), default=900, help="Seconds for a whole notebook."
)


class _Commands(click.Group):
    """A group whose commands end in one message where sanctlib raises on purpose."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SanctlibError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings=SETTINGS)
@click.version_option(package_name="sanctlib", message="sanctlib %(version)s")
def main() -> None:
    """Count sanctions and dealings between states, from raw data to reports."""


@main.command()
@click.argument("keys", nargs=-1, metavar="[KEYS]... | SOURCE FILES...")
@click.option("--out", **STORED, help="Folder of the prepared tables.")
@click.option("--workers", type=click.IntRange(1), default=1, help="Processes that clean FILES.")
def prepare(keys: tuple[str, ...], out: Path, workers: int) -> None:
    """
    Clean datasets into a folder of Parquet files.

    KEYS are shipped datasets, all by default. With SOURCE (gdelt, icews or polecat), FILES are
    files of the producer, or folders of them, however many. Finished parts are kept in
    OUT/.SOURCE, so an interrupted run goes on where it stopped.
    """
    if keys[:1] and keys[0] in STREAMED:
        path = prepare_files(keys[0], keys[1:], out=out, workers=workers, progress=True)
        audit = pd.DataFrame(manifest_of(keys[0], out)["audit"])
        click.echo(audit.to_string(index=False))
        click.echo(f"{_from_here(path.absolute())}: the table, for any measure")
        return
    summary = catalogue.prepare(keys or None, out=out, progress=True)
    click.echo(summary.drop(columns="path").to_string(index=False))


@main.command()
@click.argument("source", type=click.Choice(["gdelt"]))
@click.option("--dialect", default="bigquery", help="A dialect of sqlglot.")
@click.option(
    "--table", default="gdelt-bq.gdeltv2.events", help="The table with the producer's columns."
)
@click.option("--out", default="events", help="The table that it makes.")
def sql(source: str, dialect: str, table: str, out: str) -> None:
    """Print the script that makes events of the producer's table SOURCE in a warehouse."""
    click.echo(events_sql(source, table=table, dialect=dialect, out=out), nl=False)


@main.command("fetch")
@click.argument("name", required=False)
@click.option("--from", "first", metavar="DAY", help="First day, such as 2018-01-01.")
@click.option("--to", "last", metavar="DAY", help="Last day, included.")
@click.option(
    "--version",
    type=click.Choice(["1", "2"]),
    default="1",
    help="Of GDELT: 1 by day, 2 by 15 minutes.",
)
@click.option("--out", type=PATH, help=f"Folder  [default: {FETCHED}/NAME]")
@click.option("--jobs", type=click.IntRange(1, MOST_JOBS), default=2)
@click.option("--again", is_flag=True, help="Download existing files again.")
@click.option("--quiet", is_flag=True, help="Print nothing while fetching.")
def fetch_files(*, name: str | None, version: str, quiet: bool, **how: Any) -> None:
    """
    Fetch the files of the producer NAME; without NAME, list what can be fetched.

    Existing files with their checksum are not fetched again, so an interrupted call goes on
    where it stopped. Lists that change go into a folder for each day.
    """
    if name is None:
        for source in fetchables().values():
            click.echo(f"{source.name:<15} {source.title}\n{'':<15} from {', '.join(source.hosts)}")
        return
    files = fetch(name, version=2 if version == "2" else 1, progress=not quiet, **how)
    counts = ", ".join(f"{n} {status}" for status, n in files["status"].value_counts().items())
    click.echo(f"{name}: {counts}, in {_from_here(Path(files['file'][0]).absolute().parent)}")
    gaps = [Path(f).name for f in files["file"][files["status"].eq("not published")]]
    if gaps:
        more = f" and {len(gaps) - 10} more" if len(gaps) > 10 else ""
        click.echo(f"Not published, gaps and not zeros: {', '.join(gaps[:10])}{more}")
    if note := fetchables()[name].note:
        click.echo(note)


@main.command("datasets")
@click.argument("keys", nargs=-1)
def list_datasets(keys: tuple[str, ...]) -> None:
    """List the datasets that are shipped or can be read; with KEYS, show all about these."""
    table = datasets()
    if not keys:
        ours = table[table["shipped"]].assign(kind=lambda t: t["kind"].str.partition(" (")[0])
        ours["days"] = (
            ours["first"].dt.strftime("%Y-%m") + " to " + ours["last"].dt.strftime("%Y-%m")
        )
        listed = _listed(ours, ["key", "kind", "days", "licence"])
        click.echo(f"Shipped: sl.load(KEY)\n\n{listed}")
        none = table["status"].eq("no reader here")
        kind = table["kind"].str.extract(r"(\w+)\)?$", expand=False)
        read = table.assign(kind=kind)[table["status"].ne("") & ~none]
        readable = _listed(read, ["key", "kind", "status", "licence"])
        click.echo(f"\nRead from a producer's file: sl.read(KEY, path)\n\n{readable}")
        click.echo(f"\nNo reader here: {', '.join(table.loc[none, 'key'])}")
        click.echo("\nAll about one: sanctlib datasets KEY")
    for key in keys:
        check_choice(key, table["key"], what="key")
        (row,) = table[table["key"].eq(key)].to_dict("records")
        if row["shipped"]:
            row |= {"first": f"{row['first']:%Y-%m-%d}", "last": f"{row['last']:%Y-%m-%d}"}
            row["rows"] = f"{len(load(key)):,}"
            click.echo(f"Shipped: sl.load({key!r})")
        if row["status"] not in ("", "no reader here"):
            click.echo(f"Read from a producer's file: sl.read({key!r}, path)")
        for name, value in row.items():
            if not pd.isna(value) and value != "":
                text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
                click.echo(_wrapped(f"{name}: {text}"))
        click.echo(_wrapped(f"cite: {catalogue.cite(key)}") + "\n")


@main.command()
@click.argument("keys", nargs=-1)
@click.option("--style", type=click.Choice(get_args(Style)), default="text")
def cite(keys: tuple[str, ...], style: Style) -> None:
    """Print the citations of the datasets KEYS; without any, of all shipped, by key."""
    if keys or style != "text":
        click.echo(catalogue.cite(keys or shipped(), style=style))
        return
    for key in shipped():
        click.echo(_wrapped(f"{key}: {catalogue.cite(key)}"))


def _listed(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return lines for each row: `columns`, one below the other, the last wrapped; the title."""
    cells = table[list(columns)].astype("str")
    aligned = [cells[c].str.ljust(int(cells[c].str.len().max())) for c in columns]
    before = " " * sum(len(column.iloc[0]) + 2 for column in aligned[:-1])
    heads = pd.concat(aligned, axis=1).agg("  ".join, axis=1).map(_wrapped, indent=before)
    return "\n".join(heads + "\n    " + table["title"])


def _wrapped(text: str, *, indent: str = "    ") -> str:
    return textwrap.fill(text, width=100, subsequent_indent=indent, break_on_hyphens=False)


def _from_here(folder: Path) -> Path:
    """Return a path as seen from the working folder, if it is below it."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


@main.command(add_help_option=False)
@click.argument("name", required=False)
@click.option("-p", "given", multiple=True, metavar="KEY=VALUE", help="Set a parameter.")
@click.option("--all", "run_all", is_flag=True, help="Run every notebook on its defaults.")
@click.option("--list", "list_names", is_flag=True, help="List the notebooks.")
@out_option
@store_option
@timeout_option
@click.option("--pdf", is_flag=True, help="Also save report.pdf (needs Chromium).")
@click.option("-h", "--help", "help_wanted", is_flag=True, help="Show this, and NAME's parameters.")
def report(
    *,
    name: str | None,
    given: tuple[str, ...],
    run_all: bool,
    list_names: bool,
    out: Path,
    pdf: bool,
    help_wanted: bool,
    **how: Any,
) -> None:
    """
    Run the notebook NAME, or a notebook file, and write its page.

    A pair is written RUS,IRN, a day 2022-02-24, a list with commas. `report NAME
    --help` prints the parameters of that notebook.
    """
    if help_wanted:
        _print_help(name)
        return
    if list_names:
        for notebook in available():
            click.echo(f"{notebook}  {', '.join(declared(find_notebook(notebook)))}")
        return
    msg = "" if run_all == (name is None) else "Give the NAME of one notebook, or --all."
    if run_all and given:
        msg = "-p sets a parameter of one notebook. Give its NAME; --all uses the defaults."
    if msg:
        raise click.UsageError(msg)
    if pdf and browser() is None:
        click.echo(f"No Chromium or Chrome was found, so {PDF} is not saved.", err=True)
        pdf = False
    names = available() if name is None else [name]
    sweep(out)
    with signals(lambda number: sys.exit(128 + number)):
        failures = _run_all(names, given, out=out, pdf=pdf, **how)
        page = write_index(out)
    _print_failures(failures, n_runs=len(names))
    click.echo(page)
    sys.exit(1 if failures else 0)


def _print_help(name: str | None) -> None:
    click.echo(click.get_current_context().get_help())
    if name is None:
        return
    click.echo(f"\nParameters of {name}:")
    for key, parameter in declared(find_notebook(name)).items():
        click.echo(f"  {key}: {parameter.kind.name} (default: {as_text(parameter.default)})")
        if parameter.help:
            click.echo(f"      {parameter.help}")


def _run_all(
    names: Sequence[str], given: Iterable[str], *, pdf: bool, **how: Any
) -> dict[str, str]:
    """Run one notebook after the other, and return why some failed."""
    failures: dict[str, str] = {}
    for name in names:
        run: Run | None = None
        try:
            values = _values(given, declared(find_notebook(name)))
            with _show_cells(name) as progress:
                run = run_notebook(name, parameters=values, progress=progress, **how)
            done = f"{run.record.notebook}: done in {run.record.seconds:.0f} s"
            click.echo(f"{done}, {_from_here(run.folder)}", err=True)
            if pdf:
                print_pdf(run.folder)
        except NotebookError as error:
            failures[name] = str(error.run.record.error)
            click.echo(f"{name}: failed", err=True)
        except SanctlibError as error:
            # A single notebook that cannot start is a plain error.
            if len(names) == 1 and run is None:
                raise
            failures[name] = str(error)
    return failures


def _values(given: Iterable[str], known: Mapping[str, Parameter]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            msg = f"-p is {text!r}. It must be KEY=VALUE."
            raise click.UsageError(msg)
        if key in values:
            raise ParameterError(f"-p gives the parameter {key!r} twice. Give it once.")
        values[key] = named(key, known).parse(value, what=key)
    return values


def _print_failures(failures: Mapping[str, str], *, n_runs: int) -> None:
    if failures:
        width = max(map(len, failures))
        lines = "".join(f"\n  {name:<{width}}  {why}" for name, why in failures.items())
        click.echo(f"\n{len(failures)} of {n_runs} failed:{lines}", err=True)


@contextmanager
def _show_cells(name: str) -> Iterator[Progress]:
    """Show the cells done: a bar at a terminal, elsewhere a line when the first begins."""
    with progress_bar(0, name=name, unit="cell", progress=True) as bar:

        def show(n_done: int, n_all: int) -> None:
            if n_done == 0 and bar.disable:
                click.echo(f"{name}: running {n_all} cells", err=True)
            bar.total, bar.n = n_all, n_done
            bar.refresh()

        yield show


@main.command()
@click.argument("grid", type=PATH)
@out_option
@store_option
@timeout_option
@click.option("--where", multiple=True, metavar="NAME=VALUE", help="Only runs with that value.")
@click.option("--dry-run", is_flag=True, help="Print which runs would start, and why.")
@click.option("--force", is_flag=True, help="Run finished reports again.")
@click.option("--jobs", type=click.IntRange(1, batches.MOST_JOBS), help="Notebooks side by side.")
@click.option("--retries", type=click.IntRange(0), default=1, help="Of a run whose process died.")
@click.option("--quiet", is_flag=True, help="Print failures and the index page only.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text")
def batch(
    *,
    grid: Path,
    out: Path,
    store: Path,
    where: tuple[str, ...],
    dry_run: bool,
    force: bool,
    jobs: int | None,
    quiet: bool,
    log: str,
    **how: Any,
) -> None:
    """
    Run every notebook of a GRID, a TOML or CSV file, in parallel.

    A finished run is kept if its notebook, parameters, data, packages and files are the
    same; all others run. docs/batch.md shows grids.
    """
    runs = batches.only(batches.read_grid(grid, out=out), where)
    plan = [(run, standing(run, store=store)) for run in runs]
    n_runs = f"{len(runs)} run{'s' * (len(runs) != 1)}"
    if dry_run:
        for run, found in plan:
            click.echo(f"{run.name}  {found.state}{': ' * bool(found.why)}{found.why}")
        states = Counter(found.state for _, found in plan)
        click.echo(f"{n_runs}: " + ", ".join(f"{n} {state}" for state, n in states.items()))
        return
    left = [run for run, found in plan if force or found.state != "done"]
    if log == "json":
        _log("plan", n_runs=len(runs), n_done=len(runs) - len(left), n_left=len(left))
    elif not quiet:
        click.echo(f"{n_runs}, {len(runs) - len(left)} done before", err=True)
    with _progress(len(left), quiet=quiet or log == "json") as show:
        outcome = batches.run_batch(
            left,
            batches.Running(out=out, store=store, jobs=jobs or batches.usual_jobs(), **how),
            tell=_log_event if log == "json" else show,
        )
    n_left, failures, signal = outcome.n_left, outcome.failures, outcome.stopped_by
    if log == "json":
        counts = {"n_done": len(outcome.done), "n_failed": len(failures), "n_left": n_left}
        _log("end", **counts, index=str(write_index(out)))
    else:
        _print_failures(failures, n_runs=len(left))
        page = write_index(out)
        if signal is not None:
            click.echo(f"Stopped, {n_left} left. The same command goes on.", err=True)
        click.echo(page)
    sys.exit(int(bool(failures)) if signal is None else 128 + signal)


def _log_event(event: batches.Event) -> None:
    if event.what != "cell":
        more = {"seconds": round(event.seconds, 1), "error": event.error}
        _log(event.what, run=event.run.name, **{k: v for k, v in more.items() if v})


def _log(what: str, **content: object) -> None:
    """Print a line of JSON."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    click.echo(json.dumps({"time": now, "event": what} | content, ensure_ascii=False))
    sys.stdout.flush()


@contextmanager
def _progress(n_runs: int, *, quiet: bool) -> Iterator[Callable[[batches.Event], None]]:
    """Show a bar of the notebooks and the cells of those that run, or a line for each."""
    from tqdm import tqdm

    at_terminal = sys.stderr.isatty()
    cells: dict[str, str] = {}
    n_failed = 0
    with tqdm(total=n_runs, unit="notebook", disable=quiet or not at_terminal) as bar:

        def show(event: batches.Event) -> None:
            nonlocal n_failed
            name = event.run.name
            cells.pop(name, None)
            if event.what in ("begun", "cell"):
                cells[name] = f"{event.run.folder.name[:30]} {event.n_done}/{event.n_cells or '?'}"
            else:
                n_failed += event.what == "failed"
                bar.update(event.what != "again")
                words = {"again": "tried again", "failed": "failed"}.get(event.what)
                done = f"{name}: {words or f'done in {event.seconds:.0f} s'}"
                if not quiet and not (at_terminal and event.what == "done"):
                    # Above the bar, where there is one.
                    tqdm.write(f"{done}{', ' * bool(event.error)}{event.error}", file=sys.stderr)
            failed = f"{n_failed} failed; " if n_failed else ""
            bar.set_postfix_str(failed + ", ".join(cells.values()))

        yield show


@main.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--notebook", type=PATH, help="Its file, if it was moved.")
@store_option
@timeout_option
def verify(*, run: Path, **how: Any) -> None:
    """
    Execute a RUN again, given by its folder, and compare every file with it.

    Ends with 0 when all are equal, else with 1 and the first difference of each file.
    """
    with _show_cells(f"{run.absolute().parent.name}/{run.name}") as progress:
        verdict = verify_run(run, progress=progress, **how)
    click.echo(verdict)
    sys.exit(0 if verdict.equal else 1)
