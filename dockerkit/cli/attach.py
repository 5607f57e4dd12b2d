"""``attach``: this terminal at a container that runs."""

from __future__ import annotations

import sys

import click

from dockerkit.cli import terminal
from dockerkit.cli.completion import container_argument
from dockerkit.cli.refusals import Failure
from dockerkit.cli.run import resize
from dockerkit.cli.word import Word, container


@click.command(cls=Word)
@click.option("--detach-keys", default="", metavar="KEYS", help="Leave when these are typed; ctrl-p,ctrl-q without.")
@click.option("--no-stdin", is_flag=True, help="Do not give it standard input.")
@click.option("--sig-proxy/--no-sig-proxy", default=True, help="Hand signals on to the program.")
@container_argument(running=True)
@click.pass_context
def attach(ctx: click.Context, name: str, detach_keys: str, no_stdin: bool, sig_proxy: bool) -> None:
    """Attach local standard input, output, and error streams to a running container."""
    from dockerkit.cli.talk import Manner, Talk, check_terminal

    one = container(name)
    record = one.inspect()
    _check(record["State"])
    tty, stdin = bool(record["Config"].get("Tty")), bool(record["Config"].get("OpenStdin")) and not no_stdin
    check_terminal(tty=tty, stdin=stdin)
    manner = Manner(
        tty=tty,
        stdin=stdin,
        keys=detach_keys,
        resize=lambda rows, columns: resize(one, rows, columns),
        forward=one.kill if sig_proxy and not tty else None,
    )
    condition = "removed" if record["HostConfig"].get("AutoRemove") else "next-exit"
    with one.engine.call("POST", f"{one.path}/wait", query={"condition": condition}, timeout=None) as waiting:
        stream = one.engine.upgrade(f"{one.path}/attach", stream=True, stdin=stdin, stdout=True, stderr=True)
        try:
            talk = Talk(stream, manner)
            with talk as conversation:
                if (size := terminal.size(sys.stdout.fileno())) and tty:
                    resize(one, size[0] + 1, size[1])  # another size first: the program draws itself anew
                talk.fit()
                ended = conversation.to_its_end()
                code = conversation.exit_code(waiting) if ended else 0
        finally:
            stream.close()
    if not ended:
        raise Failure("read escape sequence")
    ctx.exit(code)


def _check(state: dict[str, bool]) -> None:
    if not state["Running"]:
        raise Failure("You cannot attach to a stopped container, start it first")
    for word, verb in (("Paused", "unpause it first"), ("Restarting", "wait until it is running")):
        if state.get(word):
            raise Failure(f"You cannot attach to a {word.lower()} container, {verb}")
