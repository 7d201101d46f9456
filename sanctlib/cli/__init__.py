"""Fetch and prepare data, run reports, list and cite datasets on a command line."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click
import pandas as pd

from sanctlib import catalogue
from sanctlib.catalogue import Style, datasets, load
from sanctlib.catalogue import cite as cite_keys
from sanctlib.cli.report import batch, from_here, report, verify
from sanctlib.cluster import events_sql
from sanctlib.download import FETCHED, MOST_JOBS, fetch
from sanctlib.errors import SanctlibError, check_choice
from sanctlib.months import prepare_files
from sanctlib.sources.events import STREAMED
from sanctlib.sources.producers import fetchables
from sanctlib.store import shipped


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
@click.argument("keys", nargs=-1, metavar="[KEYS]... | SOURCE FILES...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=catalogue.STORE,
    envvar=catalogue.STORE_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="Folder of the prepared tables.",
)
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
        stated = json.loads((out / f"{keys[0]}.json").read_text(encoding="utf-8"))
        click.echo(pd.DataFrame(stated["audit"]).to_string(index=False))
        click.echo(f"{from_here(path.absolute())}: the table, for any measure")
        return
    summary = catalogue.prepare(keys or None, out=out, progress=True)
    click.echo(summary.drop(columns="path").to_string(index=False))


@main.command()
@click.argument("source", type=click.Choice(["gdelt"]))
@click.option("--dialect", default="bigquery", show_default=True, help="A dialect of sqlglot.")
@click.option(
    "--table",
    default="gdelt-bq.gdeltv2.events",
    show_default=True,
    help="The table with the producer's columns.",
)
@click.option("--out", default="events", show_default=True, help="The table that it makes.")
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
    show_default=True,
    help="Of GDELT: 1 by day, 2 by 15 minutes.",
)
@click.option("--out", type=click.Path(path_type=Path), help=f"Folder  [default: {FETCHED}/NAME]")
@click.option("--jobs", type=click.IntRange(1, MOST_JOBS), default=2, show_default=True)
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
            click.echo(f"{source.name:<13} {source.title}\n{'':<13} from {', '.join(source.hosts)}")
        return
    files = fetch(name, version=2 if version == "2" else 1, progress=not quiet, **how)
    gaps = files["status"].eq("not published")
    counts = ", ".join(f"{n} {status}" for status, n in files["status"].value_counts().items())
    folder = from_here(Path(files["file"][0]).absolute().parent)
    click.echo(f"{name}: {counts}, in {folder}")
    if gaps.any():
        shown = [Path(f).name for f in files["file"][gaps].head(10)]
        more = f" and {gaps.sum() - 10} more" if gaps.sum() > 10 else ""
        click.echo(f"Not published, gaps and not zeros: {', '.join(shown)}{more}")
    if fetchables()[name].note:
        click.echo(fetchables()[name].note)


SHIPPED = "Shipped: sl.load({})"
READ = "Read from a producer's file: sl.read({}, path)"
_WIDTH = 100


@click.command("datasets")
@click.argument("keys", nargs=-1)
def list_datasets(keys: tuple[str, ...]) -> None:
    """List the datasets that are shipped or can be read; with KEYS, show all about these."""
    table = datasets()
    if not keys:
        ours = table[table["shipped"]]
        days = zip(ours["first"], ours["last"], strict=True)
        covered = [f"{first:%Y-%m} to {last:%Y-%m}" for first, last in days]
        click.echo(f"{SHIPPED.format('KEY')}\n")
        ours = ours.assign(days=covered, kind=ours["kind"].str.partition(" (")[0])
        click.echo(_listed(ours, ["key", "kind", "days", "licence"]))
        click.echo(f"\n{READ.format('KEY')}\n")
        read = table[table["status"].ne("")]
        read = read.assign(kind=read["kind"].str.extract(r"(\w+)\)?$", expand=False))
        click.echo(_listed(read, ["key", "kind", "status", "licence"]))
        click.echo("\nAll about one: sanctlib datasets KEY")
    for key in keys:
        check_choice(key, table["key"], what="key")
        (row,) = table[table["key"].eq(key)].to_dict("records")
        if row["shipped"]:
            row |= {"first": f"{row['first']:%Y-%m-%d}", "last": f"{row['last']:%Y-%m-%d}"}
            row["rows"] = f"{len(load(key)):,}"
            click.echo(SHIPPED.format(repr(key)))
        if row["status"]:
            click.echo(READ.format(repr(key)))
        known = {k: v for k, v in row.items() if not pd.isna(v) and v != ""}
        click.echo("\n".join(_wrapped(f"{k}: {_word(v)}") for k, v in known.items()))
        click.echo(_wrapped(f"cite: {cite_keys(key)}") + "\n")


@click.command()
@click.argument("keys", nargs=-1)
@click.option("--style", type=click.Choice(get_args(Style)), default="text", show_default=True)
def cite(keys: tuple[str, ...], style: Style) -> None:
    """Print the citations of the datasets KEYS; without any, of all shipped, by key."""
    if keys or style != "text":
        click.echo(cite_keys(keys or shipped(), style=style))
        return
    for key in shipped():
        click.echo(_wrapped(f"{key}: {cite_keys(key)}"))


def _listed(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return two lines for each row: `columns`, one below the other, and the title."""
    cells = table[list(columns)].astype("str")
    aligned = [cells[c].str.ljust(int(cells[c].str.len().max())) for c in columns]
    heads = pd.concat(aligned, axis=1).agg("  ".join, axis=1).str.rstrip()
    return "\n".join(heads + "\n    " + table["title"])


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, width=_WIDTH, subsequent_indent="    ", break_on_hyphens=False)


for _command in (list_datasets, cite, report, batch, verify):
    main.add_command(_command)
