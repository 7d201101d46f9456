"""List the datasets in a shell, and whom to cite."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import get_args

import click
import pandas as pd

from sanctlib.catalogue import Style, datasets, load
from sanctlib.catalogue import cite as cite_keys
from sanctlib.errors import check_choice
from sanctlib.shipped import shipped

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
