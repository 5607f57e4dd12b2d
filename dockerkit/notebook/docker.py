"""``%docker …``: docker's words and flags in a notebook, and objects for answers: ``rows = %docker ps -a``.

The words are those of the ``dockerkit`` command, read by its own parsers. What the client has as an object is returned as one
(:mod:`dockerkit.notebook.verbs`); everything else, and whatever is asked in docker's own layout (``-q``, ``--format``), is
the command's text.
"""

from __future__ import annotations

import contextlib
import io
import shlex

import click

from dockerkit.errors import Failed
from dockerkit.notebook import ownership, verbs
from dockerkit.notebook.magic import Magic, client, docker_context
from dockerkit.notebook.text import Text

_STREAMS = frozenset({"events", "bootstrap"})
"""Words whose text is worth seeing before the end."""


class DockerLine(Magic):
    """``%docker``."""

    name = "docker"
    kind = "line"

    def act(self, said: list[str], cell: str = "") -> object:
        """Do what docker does with these words: %docker ps -a. %docker reset removes what this notebook made."""
        if said == ["reset"]:
            return ownership.reset(client())
        with docker_context() as root:
            try:
                with _resolved(root, said) as ctx:
                    return _answer(ctx)
            except click.exceptions.Exit as ended:
                if ended.exit_code == 0:
                    return None
                raise Failed(f"docker {shlex.join(said)}: failed, as said above") from None


def _resolved(ctx: click.Context, said: list[str]) -> click.Context:
    """Return the context of the command that the words lead to, with its flags read.

    :raises click.UsageError: they lead nowhere.
    """
    group = ctx.command
    while isinstance(group, click.Group):
        word = said[0] if said else "--help"
        if word in ("-h", "--help"):
            click.echo(ctx.get_help())
            ctx.exit()
        command = group.get_command(ctx, word)
        if command is None:
            raise click.UsageError(f"unknown word: {ctx.command_path} {word}")
        said = said[1:]
        if isinstance(command, click.Group):
            ctx = click.Context(command, info_name=word, parent=ctx)
        else:
            ctx = command.make_context(word, said, parent=ctx)
        group = command
    return ctx


def _answer(ctx: click.Context) -> object:
    command = ctx.command
    act = verbs.of(command)
    if act is not None and not ctx.params.get("format") and not ctx.params.get("quiet"):
        return act(client(), ctx.params)
    if command.name in _STREAMS:
        command.invoke(ctx)
        return None
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            command.invoke(ctx)
    except click.exceptions.Exit:
        click.echo(printed.getvalue(), nl=False)
        raise
    return Text(printed.getvalue()) or None
