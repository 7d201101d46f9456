"""Run batches in a shell: a grid of runs, its unfinished runs, and the check of a run."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from sanctlib.cli.report import (
    out_option,
    print_failures,
    show_cells,
    store_option,
    timeout_option,
)
from sanctlib.reports.batch import MOST_JOBS, Event, Outcome, Running, run_batch, usual_jobs
from sanctlib.reports.grid import only, read_grid
from sanctlib.reports.index import write_index
from sanctlib.reports.run import Request
from sanctlib.reports.verify import Standing, standing
from sanctlib.reports.verify import verify as verify_run


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
    _end(outcome, json_log=json_log, page=write_index(out))
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


def _end(outcome: Outcome, *, json_log: bool, page: Path) -> None:
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
