"""``start``: containers that exist, in the background; or one, in this terminal."""

from __future__ import annotations

import sys

import click

from dockerkit.cli.completion import containers_argument
from dockerkit.cli.refusals import Failure, said
from dockerkit.cli.run import resize
from dockerkit.cli.word import Word, container
from dockerkit.errors import ContainerFailed, DockerkitError

_WRONG = 1


@click.command(cls=Word)
@click.option("-a", "--attach", is_flag=True, help="Show its output, hand signals on, and exit as it does.")
@click.option("--detach-keys", default="", metavar="KEYS", help="Leave when these are typed; ctrl-p,ctrl-q without.")
@click.option("-i", "--interactive", is_flag=True, help="Give it standard input.")
@containers_argument()
@click.pass_context
def start(ctx: click.Context, containers: tuple[str, ...], attach: bool, interactive: bool, detach_keys: str) -> None:
    """Start one or more stopped containers."""
    if attach or interactive:
        if len(containers) > 1:
            raise Failure("you cannot start and attach multiple containers at once")
        try:
            ctx.exit(_in_this_terminal(containers[0], interactive, detach_keys))
        except ContainerFailed as error:
            click.echo(f"{said(error)}\nError: failed to start containers: {containers[0]}", err=True)
            ctx.exit(error.completed.exit_code if error.completed else _WRONG)
    failed = [name for name in containers if not _started(name)]
    if failed:
        raise Failure(f"Error: failed to start containers: {', '.join(failed)}")


def _started(name: str) -> bool:
    try:
        container(name).start()
    except DockerkitError as error:
        click.echo(said(error), err=True)
        return False
    click.echo(name)
    return True


def _in_this_terminal(name: str, interactive: bool, keys: str) -> int:
    from dockerkit.cli.talk import Manner, Talk, check_terminal

    one = container(name)
    record = one.inspect()
    config = record["Config"]
    stdin = interactive and bool(config.get("OpenStdin"))
    check_terminal(tty=bool(config.get("Tty")), stdin=stdin)
    sys.stdout.flush()
    manner = Manner(
        tty=bool(config.get("Tty")),
        stdin=stdin,
        keys=keys,
        resize=lambda rows, columns: resize(one, rows, columns),
        forward=one.kill,
    )
    condition = "removed" if record["HostConfig"].get("AutoRemove") else "next-exit"
    stream = one.engine.upgrade(f"{one.path}/attach", stream=True, stdin=stdin, stdout=True, stderr=True)
    try:
        with one.engine.call("POST", f"{one.path}/wait", query={"condition": condition}, timeout=None) as waiting:
            one.start()
            talk = Talk(stream, manner)
            with talk as conversation:
                talk.fit()
                return conversation.exit_code(waiting) if conversation.to_its_end() else 0
    finally:
        stream.close()
