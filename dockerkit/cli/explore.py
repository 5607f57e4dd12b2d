"""``image explore``: what is in an image, layer by layer, and what is wasted. Ours: docker has no word for it."""

from __future__ import annotations

import click

from dockerkit.cli.completion import image_names
from dockerkit.cli.word import Word, client

WASTED = 10


@click.command(cls=Word)
@click.option("--layer", type=int, metavar="NUMBER", help="List what this layer adds, changes and removes.")
@click.argument("name", metavar="IMAGE", shell_complete=image_names)
def explore(name: str, layer: int | None) -> None:
    """Look into an image: its layers, and the files that nobody can see any more."""
    from dockerkit.client.rows import Rows
    from dockerkit.errors import Invalid
    from dockerkit.schema.units import human_size

    found = client().images.get(name).explore()
    if layer is None:
        click.echo(repr(found))
        if found.wasted:
            click.echo(f"\n{found.wasted[:WASTED]!r}")
        return
    if not 0 <= layer < len(found.layers):
        raise Invalid(f"image {name} has no layer {layer}", hint=f"0 to {len(found.layers) - 1}, lowest first")
    rows = [row for row in found.files if row["layer"] == layer]
    click.echo(repr(Rows(rows, columns=("kind", "path", "size", "type"), shown={"size": human_size})))
