"""``exec``: a further program in a container that runs."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.completion import container_names
from dockerkit.cli.refusals import Failure, said
from dockerkit.cli.word import Word, client, container
from dockerkit.errors import ContainerFailed


@click.command("exec", cls=Word, context_settings={"allow_interspersed_args": False})
@click.option("-d", "--detach", is_flag=True, help="Do not wait for its end.")
@click.option("--detach-keys", default="", metavar="KEYS", help="Leave when these are typed; ctrl-p,ctrl-q without.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="Set an environment variable.")
@click.option("--env-file", multiple=True, metavar="FILE", help="Read environment variables from a file.")
@click.option("-i", "--interactive", is_flag=True, help="Give it standard input.")
@click.option("--privileged", is_flag=True, help="Give it every capability.")
@click.option("-t", "--tty", is_flag=True, help="Give it a terminal.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Run as this user.")
@click.option("-w", "--workdir", metavar="PATH", help="Run in this folder.")
@click.argument("name", metavar="CONTAINER", shell_complete=container_names(running=True))
@click.argument("command", nargs=-1, required=True, metavar="COMMAND [ARG...]", type=click.UNPROCESSED)
@click.pass_context
def exec_(ctx: click.Context, /, name: str, command: tuple[str, ...], **options: Any) -> None:
    """Execute a command in a running container."""
    from dockerkit.cli.executions import wanted_of
    from dockerkit.client.execution import Execution

    wanted = wanted_of(command, options)
    attached = not options["detach"]
    stdin = options["interactive"] and attached
    _check(options, stdin)
    try:
        execution = Execution(client().engine, container(name).id, wanted, stdin=stdin, stdout=attached, stderr=attached)
        if attached:
            ctx.exit(_talk(execution, options, stdin))
        else:
            client().engine.post(f"/exec/{execution.id}/start", json={"Detach": True, "Tty": options["tty"]})
    except ContainerFailed as error:
        click.echo(said(error), err=True)
        ctx.exit(error.completed.exit_code if error.completed else 126)


def _check(said: dict[str, Any], stdin: bool) -> None:
    from dockerkit.cli.detaching import read_keys
    from dockerkit.cli.talk import check_terminal

    read_keys(said["detach_keys"])
    check_terminal(tty=said["tty"], stdin=stdin)


def _talk(execution: Any, said: dict[str, Any], stdin: bool) -> int:
    """Talk to it until it ends; return its exit code."""
    from dockerkit.cli.talk import Manner, Talk

    stream = execution.start()
    try:
        talk = Talk(
            stream,
            Manner(
                tty=said["tty"],
                stdin=stdin,
                keys=said["detach_keys"],
                resize=lambda rows, columns: execution.engine.post(f"/exec/{execution.id}/resize", h=rows, w=columns),
            ),
        )
        with talk as conversation:
            talk.fit()
            ended = conversation.to_its_end()
    finally:
        stream.close()
    if not ended:
        raise Failure("read escape sequence")
    return int(execution.wait()["ExitCode"])
