"""Run reports in a shell: one notebook, or all on their defaults."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from sanctlib.catalogue import STORE, STORE_VARIABLE
from sanctlib.errors import ParameterError, SanctlibError
from sanctlib.processes import signals
from sanctlib.reports.batch import MOST_JOBS, Event, Outcome, Running, run_batch, usual_jobs
from sanctlib.reports.combinations import only, read_grid
from sanctlib.reports.folders import sweep
from sanctlib.reports.index import PDF, write_index
from sanctlib.reports.parameters import Parameter, as_text, declared, named
from sanctlib.reports.run import (
    NotebookError,
    Progress,
    Request,
    available,
    find_notebook,
    run_notebook,
)
from sanctlib.reports.verify import Standing, standing
from sanctlib.reports.verify import verify as verify_run

out_option = click.option(
    "--out", type=click.Path(path_type=Path), default="reports", show_default=True
)
store_option = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=STORE,
    envvar=STORE_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="Folder of the prepared data.",
)
timeout_option = click.option(
    "--timeout",
    type=click.IntRange(min=1),
    default=900,
    show_default=True,
    help="Seconds for a whole notebook.",
)


@click.command(add_help_option=False)
@click.argument("name", required=False)
@click.option("-p", "given", multiple=True, metavar="KEY=VALUE", help="Set a parameter.")
@click.option("--all", "run_all", is_flag=True, help="Run every notebook on its defaults.")
@click.option("--list", "list_names", is_flag=True, help="List the notebooks.")
@out_option
@store_option
@timeout_option
@click.option("--pdf", is_flag=True, help="Also save report.pdf (needs Chromium).")
@click.option("-h", "--help", "help_wanted", is_flag=True, help="Show this, and NAME's parameters.")
@click.pass_context
def report(
    ctx: click.Context,
    *,
    name: str | None,
    given: tuple[str, ...],
    run_all: bool,
    list_names: bool,
    out: Path,
    store: Path,
    timeout: int,
    pdf: bool,
    help_wanted: bool,
) -> None:
    """
    Run the notebook NAME, or a notebook file, and write its page.

    A pair is written RUS,IRN, a day 2022-02-24, a list with commas. `report NAME
    --help` prints the parameters of that notebook.
    """
    if help_wanted:
        _print_help(ctx, name)
        return
    if list_names:
        for notebook in available():
            click.echo(f"{notebook}  {', '.join(declared(find_notebook(notebook)))}")
        return
    if run_all == (name is not None):
        msg = "Give the NAME of one notebook, or --all."
        raise click.UsageError(msg, ctx)
    if run_all and given:
        msg = "-p sets a parameter of one notebook. Give its NAME; --all uses the defaults."
        raise click.UsageError(msg, ctx)
    names = available() if name is None else [name]
    if pdf and not _can_print():
        click.echo(f"No Chromium or Chrome was found, so {PDF} is not saved.", err=True)
        pdf = False
    sweep(out)
    with signals(_end):
        page, failures = _run_all(names, given, out=out, store=store, timeout=timeout, pdf=pdf)
    if failures:
        print_failures(failures, n_runs=len(names))
    click.echo(page)
    ctx.exit(1 if failures else 0)


def _end(number: int) -> None:
    """End this process with the code of a signal, when all that is open is closed."""
    sys.exit(128 + number)


def _can_print() -> bool:
    from sanctlib.reports.page import browser

    return browser() is not None


def _print_help(ctx: click.Context, name: str | None) -> None:
    click.echo(ctx.get_help())
    if name is None:
        return
    click.echo(f"\nParameters of {name}:")
    for key, parameter in declared(find_notebook(name)).items():
        click.echo(f"  {key}: {parameter.kind.name} (default: {as_text(parameter.default)})")
        if parameter.help:
            click.echo(f"      {parameter.help}")


def _values(given: Iterable[str], known: Mapping[str, Parameter]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            msg = f"-p is {text!r}. It must be KEY=VALUE."
            raise click.UsageError(msg)
        if key in values:
            msg = f"-p gives the parameter {key!r} twice. Give it once."
            raise ParameterError(msg)
        values[key] = named(key, known).parse(value, what=key)
    return values


def _run_all(
    names: list[str],
    given: tuple[str, ...],
    *,
    out: Path,
    store: Path,
    timeout: int,
    pdf: bool,
) -> tuple[Path, dict[str, str]]:
    """Run one notebook after the other; return the index page and the failures by name."""
    failures: dict[str, str] = {}
    for name in names:
        try:
            values = _values(given, declared(find_notebook(name)))
            with show_cells(name) as progress:
                run = run_notebook(
                    name,
                    parameters=values,
                    out=out,
                    timeout=timeout,
                    store=store,
                    progress=progress,
                )
            done = f"{run.record.notebook}: done in {run.record.seconds:.0f} s"
            click.echo(f"{done}, {from_here(run.folder)}", err=True)
            if pdf:
                failures |= _printed(name, run.folder)
        except NotebookError as error:
            failures[name] = str(error.run.record.error)
            click.echo(f"{name}: failed", err=True)
        except SanctlibError as error:
            # A single notebook that cannot start is a plain error.
            if len(names) == 1:
                raise
            failures[name] = str(error)
    return write_index(out), failures


def _printed(name: str, folder: Path) -> dict[str, str]:
    """Print the page of a run; return why it could not be printed, if so."""
    from sanctlib.reports.page import print_pdf

    try:
        print_pdf(folder)
    except SanctlibError as error:
        return {name: str(error)}
    return {}


def from_here(folder: Path) -> Path:
    """Return a path as seen from the working folder, if it is below it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def print_failures(failures: Mapping[str, str], *, n_runs: int) -> None:
    """Print a line for each failure, as the last thing seen."""
    click.echo(f"\n{len(failures)} of {n_runs} failed:", err=True)
    width = max(len(name) for name in failures)
    for name, why in failures.items():
        click.echo(f"  {name:<{width}}  {why}", err=True)


@contextmanager
def show_cells(name: str) -> Iterator[Progress]:
    """Show the cells done: a bar at a terminal, elsewhere a line when the first begins."""
    if not sys.stderr.isatty():

        def say(n_done: int, n_all: int) -> None:
            if n_done == 0:
                click.echo(f"{name}: running {n_all} cells", err=True)

        yield say
        return
    from tqdm import tqdm

    with tqdm(desc=name, unit="cell", leave=False) as bar:

        def show(n_done: int, n_all: int) -> None:
            bar.total = n_all
            bar.n = n_done
            bar.refresh()

        yield show


@click.command()
@click.argument("grid", type=click.Path(path_type=Path))
@out_option
@store_option
@timeout_option
@click.option("--where", multiple=True, metavar="NAME=VALUE", help="Only runs with that value.")
@click.option("--dry-run", is_flag=True, help="Print which runs would start, and why.")
@click.option("--force", is_flag=True, help="Run finished reports again.")
@click.option("--jobs", type=click.IntRange(1, MOST_JOBS), help="Notebooks side by side.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Of a run whose process died.",
)
@click.option("--quiet", is_flag=True, help="Print failures and the index page only.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def batch(
    ctx: click.Context,
    *,
    grid: Path,
    out: Path,
    where: tuple[str, ...],
    dry_run: bool,
    force: bool,
    quiet: bool,
    log: str,
    store: Path,
    timeout: int,
    retries: int,
    jobs: int | None,
) -> None:
    """
    Run every notebook of a GRID, a TOML or CSV file, in parallel.

    A finished run is kept if its notebook, parameters, data, packages and files are the
    same; all others run. docs/batch.md shows grids.
    """
    runs = only(read_grid(grid, out=out), where)
    plan = [(run, standing(run, store=store)) for run in runs]
    if dry_run:
        _print_plan(plan)
        return
    left = [run for run, found in plan if force or found.state != "done"]
    how = Running(out=out, store=store, timeout=timeout, retries=retries, jobs=jobs or usual_jobs())
    json_log = log == "json"
    if json_log:
        _line("plan", n_runs=len(runs), n_done=len(runs) - len(left), n_left=len(left))
    elif not quiet:
        click.echo(f"{_n_runs(runs)}, {len(runs) - len(left)} done before", err=True)
    with _json_lines() if json_log else _progress(len(left), quiet=quiet) as tell:
        outcome = run_batch(left, how, tell=tell)
    if outcome.failures and not json_log:
        print_failures(outcome.failures, n_runs=len(left))
    _end_of_batch(outcome, json_log=json_log, page=write_index(out))
    if outcome.stopped_by is not None:
        ctx.exit(128 + outcome.stopped_by)
    ctx.exit(1 if outcome.failures else 0)


def _print_plan(plan: Sequence[tuple[Request, Standing]]) -> None:
    counts = Counter(found.state for _, found in plan)
    for run, found in plan:
        why = f": {found.why}" if found.why else ""
        click.echo(f"{run.name}  {found.state}{why}")
    click.echo(f"{_n_runs(plan)}: " + ", ".join(f"{n} {s}" for s, n in counts.items()))


def _n_runs(runs: Sequence[object]) -> str:
    return f"{len(runs)} run{'s' * (len(runs) != 1)}"


def _end_of_batch(outcome: Outcome, *, json_log: bool, page: Path) -> None:
    if json_log:
        counts = {"n_done": len(outcome.done), "n_failed": len(outcome.failures)}
        _line("end", **counts, n_left=outcome.n_left, index=str(page))
        return
    if outcome.stopped_by is not None:
        click.echo(f"Stopped, {outcome.n_left} left. The same command goes on.", err=True)
    click.echo(page)


@contextmanager
def _json_lines() -> Iterator[Callable[[Event], None]]:
    """Print a line for each event of a run."""

    def tell(event: Event) -> None:
        if event.what != "cell":
            more = {"seconds": round(event.seconds, 1)} if event.seconds else {}
            why = {"error": event.error} if event.error else {}
            _line(event.what, run=event.run.name, **more, **why)

    yield tell


def _line(what: str, **content: object) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    click.echo(json.dumps({"time": now, "event": what} | content, ensure_ascii=False))
    sys.stdout.flush()


@contextmanager
def _progress(n_runs: int, *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Show a bar of the notebooks and the cells of those that run, or a line for each."""
    from tqdm import tqdm

    at_terminal = sys.stderr.isatty()
    cells: dict[str, str] = {}
    n_ended: Counter[str] = Counter()
    with tqdm(total=n_runs, unit="notebook", disable=quiet or not at_terminal) as bar:

        def tell(event: Event) -> None:
            name = event.run.name
            cells.pop(name, None)
            if event.what in ("begun", "cell"):
                cells[name] = f"{event.run.folder.name[:30]} {event.n_done}/{event.n_cells or '?'}"
            else:
                n_ended[event.what] += 1
                bar.update(event.what != "again")
                words = {"again": "tried again", "failed": "failed"}.get(event.what)
                done = f"{name}: {words or f'done in {event.seconds:.0f} s'}"
                if not quiet and not (at_terminal and event.what == "done"):
                    _say(f"{done}{', ' + event.error if event.error else ''}", bar=at_terminal)
            failed = f"{n_ended['failed']} failed; " if n_ended["failed"] else ""
            bar.set_postfix_str(failed + ", ".join(cells.values()))

        yield tell


def _say(text: str, *, bar: bool) -> None:
    if bar:
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)
    else:
        click.echo(text, err=True)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--notebook", type=click.Path(path_type=Path), help="Its file, if it was moved.")
@store_option
@timeout_option
@click.pass_context
def verify(
    ctx: click.Context, *, run: Path, notebook: Path | None, store: Path, timeout: int
) -> None:
    """
    Execute a RUN again, given by its folder, and compare every file with it.

    Ends with 0 when all are equal, else with 1 and the first difference of each file.
    """
    with show_cells(f"{run.absolute().parent.name}/{run.name}") as progress:
        verdict = verify_run(
            run, notebook=notebook, store=store, timeout=timeout, progress=progress
        )
    click.echo(verdict)
    ctx.exit(0 if verdict.equal else 1)
