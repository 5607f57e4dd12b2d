"""``dockerkit run``: a program in a new container, in this terminal, to its end. Output comes as it is written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from dockerkit.errors import ContainerFailed, DockerkitError

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.spec import ContainerSpec

DAEMON_REFUSED = 125
"""Docker's exit code for a container that the engine did not make."""


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--rm", is_flag=True, help="Remove the container when it has ended, or when this program is killed.")
@click.option("-i", "--interactive", is_flag=True, help="Read standard input to its end, and hand it on.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="Set an environment variable.")
@click.option("-w", "--workdir", metavar="PATH", help="Run in this folder.")
@click.option("-u", "--user", metavar="USER", help="Run as this user.")
@click.option("-m", "--memory", metavar="SIZE", help="Allow so much memory.")
@click.option("--name", metavar="NAME", help="Call it so.")
@click.argument("image")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run(ctx: click.Context, /, rm: bool, interactive: bool, image: str, command: tuple[str, ...], **options: Any) -> None:
    """Run COMMAND in a new container of IMAGE; exit as it did (125, 126 and 127 as Docker).

    Ctrl-C ends a container that has --rm, and leaves another one running.
    """
    import dockerkit
    from dockerkit.client.containers import wished

    said = {word: list(value) if word == "env" else value for word, value in options.items() if value}
    try:
        with dockerkit.connect() as client:
            spec = wished(client, image, command, said)
            ctx.exit(foreground(client, spec, owned=rm, data=sys.stdin.buffer.read() if interactive else None))
    except ContainerFailed as error:
        click.echo(f"dockerkit: {error}", err=True)
        ctx.exit(error.completed.exit_code if error.completed else DAEMON_REFUSED)
    except DockerkitError as error:
        click.echo(f"dockerkit: {error}", err=True)
        ctx.exit(DAEMON_REFUSED)


def foreground(client: Client, spec: ContainerSpec, *, owned: bool, data: bytes | None) -> int:
    """Create, attach, start, copy output to this terminal, and return the exit code.

    :param owned: the container goes with this program, at the latest.
    :raises ContainerFailed: the program could not be started.
    """
    from dockerkit.client.containers import Container
    from dockerkit.client.creation import create, request_for
    from dockerkit.client.exchange import exchange

    request = request_for(client.engine, spec)
    request.attach_stdout = request.attach_stderr = True
    request.open_stdin = request.stdin_once = request.attach_stdin = data is not None
    made = create(client.engine, spec, request, session=client.session if owned else None)
    container = Container(client, made.id)
    path = f"/containers/{made.id}/attach"
    stream = client.engine.upgrade(path, stream=True, stdout=True, stderr=True, stdin=data is not None)
    try:
        container.start()
        exchange(stream, data, Terminal().write)
        return container.wait()
    finally:
        stream.close()
        if owned:
            container.remove(force=True, volumes=True)


class Terminal:
    """Takes a container's framed output apart, onto this program's own standard output and error."""

    def __init__(self) -> None:
        from dockerkit.client.streams import Demultiplexer

        self._split = Demultiplexer()

    def write(self, data: bytes) -> None:
        """Write what arrived, each piece where it belongs, and at once."""
        for stream, piece in self._split.feed(data):
            target = sys.stdout.buffer if stream == 1 else sys.stderr.buffer
            target.write(piece)
            target.flush()
