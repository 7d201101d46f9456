"""What there is from a shell: datasets, readers, and whom to cite."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import click
import pandas as pd

from sanctlib import datasets
from sanctlib.errors import check_choice

SHIPPED = "Shipped: sl.load({})"
READ = "Read from a producer's file: sl.read({}, path)"
_WIDTH = 100


@click.command("datasets")
@click.argument("keys", nargs=-1)
def list_datasets(keys: tuple[str, ...]) -> None:
    """List what is shipped and what can be read; of the datasets KEYS, say all."""
    shipped, readers = datasets.catalogue(), datasets.readers()
    if not keys:
        days = zip(shipped["first"], shipped["last"], strict=True)
        covered = [f"{first:%Y-%m} to {last:%Y-%m}" for first, last in days]
        click.echo(f"{SHIPPED.format('KEY')}\n")
        click.echo(_listed(shipped.assign(days=covered), ["key", "kind", "days", "licence"]))
        click.echo(f"\n{READ.format('KEY')}\n")
        click.echo(_listed(readers, ["key", "kind", "status", "licence"]))
        click.echo("\nAll of one: sanctlib datasets KEY")
    for key in keys:
        known = dict.fromkeys([*shipped["key"], *readers["key"]])
        check_choice(key, known, what="dataset", needed_by="sanctlib datasets")
        for heading, table in ((SHIPPED, shipped), (READ, readers)):
            for row in table[table["key"].eq(key)].to_dict("records"):
                if table is shipped:
                    row["rows"] = f"{len(datasets.load(key).table):,}"
                click.echo(heading.format(repr(key)))
                click.echo("\n".join(_wrapped(f"{k}: {v}") for k, v in row.items() if v != ""))
        click.echo(_wrapped(f"cite: {datasets.cite([key])}") + "\n")


@click.command()
@click.argument("keys", nargs=-1)
def cite(keys: tuple[str, ...]) -> None:
    """Print the citations of the datasets KEYS; without any, of all shipped, by key."""
    if keys:
        click.echo(datasets.cite(keys))
        return
    for key in datasets.shipped():
        click.echo(_wrapped(f"{key}: {datasets.cite([key])}"))


def _listed(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return two lines for each row: `columns`, one below the other, and the title."""
    cells = table[list(columns)].astype("str")
    aligned = [cells[c].str.ljust(int(cells[c].str.len().max())) for c in columns]
    heads = pd.concat(aligned, axis=1).agg("  ".join, axis=1).str.rstrip()
    return "\n".join(heads + "\n    " + table["title"])


def _wrapped(text: str) -> str:
    return textwrap.fill(text, width=_WIDTH, subsequent_indent="    ", break_on_hyphens=False)
