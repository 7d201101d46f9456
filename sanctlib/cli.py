"""The command line: fetch and prepare data, run reports, list and cite datasets."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sanctlib import datasets
from sanctlib.errors import ParameterError, SanctlibError
from sanctlib.fetching.fetch import FETCHED, MOST_JOBS, fetch
from sanctlib.fetching.fetchable import fetchables
from sanctlib.reports.index import PDF, write_index
from sanctlib.reports.parameters import Parameter, check_name, declared
from sanctlib.reports.pdf import browser, print_pdf
from sanctlib.reports.run import NotebookError, Progress, available, find_notebook, run_notebook
from sanctlib.reports.values import parse


class _Commands(click.Group):
    """A group whose commands end in one message where sanctlib raises on purpose."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SanctlibError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sanctlib", message="sanctlib %(version)s")
def main() -> None:
    """Count sanctions and dealings between states, from raw data to reports."""


@main.command()
@click.argument("keys", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), default=datasets.STORE, show_default=True)
def prepare(keys: tuple[str, ...], out: Path) -> None:
    """Clean the shipped datasets KEYS (all by default) into a folder of Parquet files."""
    summary = datasets.prepare(keys or None, out=out, progress=sys.stderr.isatty())
    click.echo(summary.to_string(index=False))


@main.command("datasets")
def list_datasets() -> None:
    """List what is shipped, and what can be read from a producer's file."""
    click.echo("Shipped: sl.load(key)\n")
    click.echo(datasets.catalogue().to_string(index=False, max_colwidth=60))
    click.echo("\nRead from a producer's file: sl.read(key, path)\n")
    click.echo(datasets.readers().to_string(index=False, max_colwidth=60))


@main.command()
@click.argument("keys", nargs=-1)
def cite(keys: tuple[str, ...]) -> None:
    """Print the citations of the datasets KEYS (all shipped ones by default)."""
    click.echo(datasets.cite(keys or datasets.shipped()))


@main.command("fetch")
@click.argument("name", required=False)
@click.option("--from", "first", metavar="DAY", help="First day, such as 2018-01-01.")
@click.option("--to", "last", metavar="DAY", help="Last day, included.")
@click.option(
    "--version",
    type=click.Choice(["1", "2"]),
    default="1",
    show_default=True,
    help="Of GDELT: 1 by day, 2 by 15 minutes.",
)
@click.option("--out", type=click.Path(path_type=Path), help=f"Folder  [default: {FETCHED}/NAME]")
@click.option("--jobs", type=click.IntRange(1, MOST_JOBS), default=2, show_default=True)
@click.option("--again", is_flag=True, help="Fetch what is there too.")
@click.option("--quiet", is_flag=True, help="Say nothing while fetching.")
def fetch_files(*, name: str | None, version: str, quiet: bool, **how: Any) -> None:
    """
    Fetch the files of the producer NAME; without NAME, list what can be fetched.

    Files that are there with their checksum are not fetched again, so a call that was cut
    goes on. Lists that change go into a folder for each day.
    """
    if name is None:
        for source in fetchables().values():
            click.echo(f"{source.name:<13} {source.title}\n{'':<13} from {', '.join(source.hosts)}")
        return
    files = fetch(name, version=2 if version == "2" else 1, progress=not quiet, **how)
    gaps = files["status"].eq("not published")
    counts = ", ".join(f"{n} {status}" for status, n in files["status"].value_counts().items())
    folder = _from_here(Path(files["file"][0]).absolute().parent)
    click.echo(f"{name}: {counts}, in {folder}")
    if gaps.any():
        shown = [Path(f).name for f in files["file"][gaps].head(10)]
        more = f" and {gaps.sum() - 10} more" if gaps.sum() > 10 else ""
        click.echo(f"Not published, gaps and not zeros: {', '.join(shown)}{more}")
    if fetchables()[name].note:
        click.echo(fetchables()[name].note)


@main.command(add_help_option=False)
@click.argument("name", required=False)
@click.option("-p", "given", multiple=True, metavar="KEY=VALUE", help="Set a parameter.")
@click.option("--all", "run_all", is_flag=True, help="Run every notebook on its defaults.")
@click.option("--list", "list_names", is_flag=True, help="List the notebooks.")
@click.option("--out", type=click.Path(path_type=Path), default="reports", show_default=True)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=datasets.STORE,
    show_default=True,
    help="Folder of the prepared data.",
)
@click.option("--timeout", type=click.IntRange(min=1), default=900, show_default=True)
@click.option("--pdf", is_flag=True, help="Print report.pdf too, by the Chromium that is here.")
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
        msg = "report needs the NAME of one notebook, or --all."
        raise click.UsageError(msg, ctx)
    if run_all and given:
        msg = "-p goes with the NAME of one notebook: --all runs each on its defaults."
        raise click.UsageError(msg, ctx)
    names = available() if name is None else [name]
    if pdf and browser() is None:
        click.echo(f"No Chromium or Chrome was found: {PDF} is left out.", err=True)
        pdf = False
    page, failures = _run_all(names, given, out=out, store=store, timeout=timeout, pdf=pdf)
    if failures:
        _print_failures(failures, n_runs=len(names))
    click.echo(page)
    ctx.exit(1 if failures else 0)


def _print_help(ctx: click.Context, name: str | None) -> None:
    click.echo(ctx.get_help())
    if name is None:
        return
    click.echo(f"\nParameters of {name}:")
    for key, parameter in declared(find_notebook(name)).items():
        click.echo(f"  {key}: {parameter.type} (default: {_as_typed(parameter.default)})")
        if parameter.help:
            click.echo(f"      {parameter.help}")


def _as_typed(value: object) -> str:
    """Return a value as one would type it after `-p key=`."""
    if isinstance(value, list):
        pairs = any(isinstance(v, tuple) for v in value)
        return (";" if pairs else ",").join(_as_typed(v) for v in value)
    if isinstance(value, tuple):
        return ",".join(str(v) for v in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def _values(given: Iterable[str], known: Mapping[str, Parameter]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            msg = f"-p needs KEY=VALUE, found {text!r}."
            raise click.UsageError(msg)
        if key in values:
            msg = f"The parameter {key!r} is given twice."
            raise ParameterError(msg)
        check_name(key, known)
        try:
            values[key] = parse(value, known[key].type)
        except ParameterError as error:
            msg = f"The parameter {key!r}: {error}"
            raise ParameterError(msg) from error
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
            with _progress(name) as progress:
                run = run_notebook(
                    name,
                    parameters=values,
                    out=out,
                    timeout=timeout,
                    store=store,
                    progress=progress,
                )
            done = f"{run.record.notebook}: done in {run.record.seconds:.0f} s"
            click.echo(f"{done}, {_from_here(run.folder)}", err=True)
            if pdf:
                failures |= _printed(name, run.folder)
        except NotebookError as error:
            failures[name] = str(error.run.record.error)
            click.echo(f"{name}: failed", err=True)
        except SanctlibError as error:
            # One notebook asked for that cannot even start is a plain error.
            if len(names) == 1:
                raise
            failures[name] = str(error)
    return write_index(out), failures


def _printed(name: str, folder: Path) -> dict[str, str]:
    """Print the page of a run; return why it could not be, if so. The run itself stands."""
    try:
        print_pdf(folder)
    except SanctlibError as error:
        return {name: str(error)}
    return {}


def _from_here(folder: Path) -> Path:
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _print_failures(failures: Mapping[str, str], *, n_runs: int) -> None:
    click.echo(f"\n{len(failures)} of {n_runs} failed:", err=True)
    width = max(len(name) for name in failures)
    for name, why in failures.items():
        click.echo(f"  {name:<{width}}  {why}", err=True)


@contextmanager
def _progress(name: str) -> Iterator[Progress]:
    """Show the cells done: a bar at a terminal, a line when the first begins elsewhere."""
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
