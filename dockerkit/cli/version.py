"""``dockerkit version``: ours, and the engine's when one answers. Never starts a daemon."""

from __future__ import annotations

import platform

import click

from dockerkit import __version__
from dockerkit.schema.endpoint import API_VERSION, MIN_API_VERSION


@click.command()
def version() -> None:
    """Show the versions of client and engine."""
    click.echo(f"dockerkit {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    click.echo(f"Engine API {API_VERSION}, and {MIN_API_VERSION} from others")
