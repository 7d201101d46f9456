"""Run reports in a shell: one notebook, or all on their defaults."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from sanctlib.catalogue import STORE, STORE_VARIABLE
from sanctlib.errors import ParameterError, SanctlibError
from sanctlib.processes import signals
from sanctlib.reports.folders import sweep
from sanctlib.reports.index import PDF, write_index
from sanctlib.reports.parameters import Parameter, as_text, declared, named
from sanctlib.reports.run import NotebookError, Progress, available, find_notebook, run_notebook

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
