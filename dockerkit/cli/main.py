"""The command group: which words there are, and how an error is shown. Never does a command's work itself."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.daemon import daemon
from dockerkit.cli.doctor import doctor
from dockerkit.cli.run import run
from dockerkit.cli.version import version
from dockerkit.errors import DockerkitError


class Words(click.Group):
    """A group that shows our errors as two lines, subject and hint, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command; a :class:`~dockerkit.errors.DockerkitError` ends the program with its message and code 1."""
        try:
            return super().invoke(ctx)
        except DockerkitError as error:
            click.echo(f"dockerkit: {error}", err=True)
            ctx.exit(1)


@click.group(cls=Words, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Docker in Python: containers from the command line, a notebook or a test."""


for command in (daemon, doctor, run, version):
    main.add_command(command)
