"""``run``: a new container in this terminal, to its end; or detached.

The acts are named steps: create, attach, wait (its answer begins before the start), start, talk, exit as the program did.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from dockerkit.cli import terminal
from dockerkit.cli.completion import image_names
from dockerkit.cli.create import Wanted, refused
from dockerkit.cli.flags import container_flags
from dockerkit.cli.further import further_flags
from dockerkit.cli.refusals import WRONG_FLAG, Failure
from dockerkit.cli.word import Word, client
from dockerkit.errors import ContainerFailed, DockerkitError, NotFound

if TYPE_CHECKING:
    from dockerkit.client.container import Container

_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}


@click.command(cls=Word, context_settings={"allow_interspersed_args": False, "help_option_names": ["--help"]})
@click.option("-d", "--detach", is_flag=True, help="Do not wait for its end; print its id.")
@click.option("--detach-keys", default="", metavar="KEYS", help="Leave when these are typed; ctrl-p,ctrl-q without.")
@click.option("--sig-proxy/--no-sig-proxy", default=True, help="Hand signals on to the program.")
@container_flags
@further_flags
@click.argument("image", shell_complete=image_names)
@click.argument("command", nargs=-1, metavar="[COMMAND] [ARG...]", type=click.UNPROCESSED)
@click.pass_context
def run(ctx: click.Context, /, image: str, command: tuple[str, ...], **options: Any) -> None:
    """Run COMMAND in a new container of IMAGE; exit as it did (125, 126 and 127 as Docker).

    A container that has --rm goes with this program, should that be killed.
    """
    try:
        _check(options)
        wanted = Wanted(image, command, options)
        code = _detached(wanted) if options["detach"] else _foreground(wanted)
    except ContainerFailed as error:
        refused(ctx, error, error.completed.exit_code if error.completed else WRONG_FLAG)
    except DockerkitError as error:
        refused(ctx, error)
    else:
        ctx.exit(code)


def _check(said: dict[str, Any]) -> None:
    """Refuse what contradicts itself.

    :raises Failure: in Docker's words.
    """
    if said["detach"] and said["attach"]:
        raise Failure("conflicting options: cannot specify both --attach and --detach")
    if said["rm"] and said["restart"] not in (None, "", "no"):
        raise Failure("conflicting options: cannot specify both --restart and --rm", code=WRONG_FLAG)
    for stream in said["attach"]:
        if stream.lower() not in _NUMBERS:
            raise Failure(
                f'invalid argument "{stream}" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR', code=125
            )
    if not said["detach"]:
        from dockerkit.cli.detaching import read_keys
        from dockerkit.cli.talk import check_terminal

        read_keys(said["detach_keys"])
        check_terminal(tty=said["tty"], stdin=said["interactive"])


def _detached(wanted: Wanted) -> int:
    container = wanted.create(wanted.request())
    try:
        container.start()
    except DockerkitError:
        _drop(wanted, container)
        raise
    click.echo(container.id)
    return 0


def _attached(said: dict[str, Any]) -> frozenset[str]:
    named = {stream.lower() for stream in said["attach"]}
    usual = {"stdout", "stderr", *(["stdin"] if said["interactive"] else [])}
    return frozenset(named or usual)


def _foreground(wanted: Wanted) -> int:
    """Create, attach, wait, start and talk; return the exit code."""
    from dockerkit.cli.talk import Manner, Talk

    said, attached = wanted.options, _attached(wanted.options)
    request = wanted.request(attached=attached)
    if said["tty"] and (size := terminal.size(sys.stdout.fileno())):
        request.host_config.console_size = list(size)
    container = wanted.create(request, owned=said["rm"])
    engine = container.engine
    asked: dict[str, Any] = dict.fromkeys(attached, True)
    stream = engine.upgrade(f"{container.path}/attach", stream=True, **asked)
    manner = Manner(
        tty=said["tty"],
        stdin="stdin" in attached,
        keys=said["detach_keys"],
        resize=lambda rows, columns: resize(container, rows, columns),
        forward=container.kill if said["sig_proxy"] else None,
        streams=frozenset(_NUMBERS[name] for name in attached),
    )
    condition = "removed" if said["rm"] else "next-exit"
    try:
        with engine.call("POST", f"{container.path}/wait", query={"condition": condition}, timeout=None) as waiting:
            _started(wanted, container)
            talk = Talk(stream, manner)
            with talk as conversation:
                talk.fit()
                if not conversation.to_its_end():
                    _keep(wanted, container)
                    return 0
                return conversation.exit_code(waiting)
    finally:
        stream.close()


def _started(wanted: Wanted, container: Container) -> None:
    try:
        container.start()
    except DockerkitError:
        _drop(wanted, container)
        raise


def _drop(wanted: Wanted, container: Container) -> None:
    """Remove what has ``--rm`` and could not be started, unless the engine did."""
    if wanted.options["rm"]:
        with suppress(NotFound):
            container.remove(force=True, volumes=True)


def _keep(wanted: Wanted, container: Container) -> None:
    """The container goes on without this program: take it out of the session that would remove it."""
    engine = container.engine
    if wanted.options["rm"] and not engine.foreign:
        path = f"/sessions/{client().session.id()}/containers/{container.id}"
        engine.delete(engine.extension(path, word="a session"))


def resize(container: Container, rows: int, columns: int) -> None:
    """Tell the container's terminal how big it is."""
    container.engine.post(f"{container.path}/resize", h=rows, w=columns)
