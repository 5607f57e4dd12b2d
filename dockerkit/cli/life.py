"""What is done to containers by name: stop, kill, restart, pause, rm, wait, rename, and looking at processes and ports."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.completion import container_argument, containers_argument
from dockerkit.cli.portlist import joined
from dockerkit.cli.refusals import Absent, Failure, said
from dockerkit.cli.tables import laid_out, natural
from dockerkit.cli.word import Word, container, each
from dockerkit.errors import DockerkitError, NotFound

_time = click.option("-t", "--timeout", "--time", "timeout", type=int, metavar="SECONDS", help="Wait so long before the kill.")
_signal = click.option("-s", "--signal", metavar="SIGNAL", help="Send this signal.")


def _end(word: str, name: str, timeout: int | None, signal: str | None) -> None:
    """Stop or restart, with an own signal if wanted, for which the client has no word."""
    one = container(name)
    one.engine.call("POST", f"{one.path}/{word}", query={"t": timeout, "signal": signal}, timeout=None).read()


@click.command(cls=Word)
@_signal
@_time
@containers_argument(running=True)
def stop(containers: tuple[str, ...], timeout: int | None, signal: str | None) -> None:
    """Stop one or more running containers."""
    each(containers, lambda name: _end("stop", name, timeout, signal))


@click.command(cls=Word)
@_signal
@_time
@containers_argument()
def restart(containers: tuple[str, ...], timeout: int | None, signal: str | None) -> None:
    """Restart one or more containers."""
    each(containers, lambda name: _end("restart", name, timeout, signal))


@click.command(cls=Word)
@click.option("-s", "--signal", default="KILL", metavar="SIGNAL", help="Send this signal.")
@containers_argument(running=True)
def kill(containers: tuple[str, ...], signal: str) -> None:
    """Kill one or more running containers."""
    each(containers, lambda name: container(name).kill(signal) and None)


@click.command(cls=Word)
@containers_argument(running=True)
def pause(containers: tuple[str, ...]) -> None:
    """Pause all processes within one or more containers."""
    each(containers, lambda name: container(name).pause() and None)


@click.command(cls=Word)
@containers_argument(running=True)
def unpause(containers: tuple[str, ...]) -> None:
    """Unpause all processes within one or more containers."""
    each(containers, lambda name: container(name).unpause() and None)


@click.command(cls=Word)
@click.option("-f", "--force", is_flag=True, help="Kill it first, when it runs.")
@click.option("-v", "--volumes", is_flag=True, help="Remove its anonymous volumes too.")
@click.option("-l", "--link", is_flag=True, hidden=True)
@containers_argument()
def rm(containers: tuple[str, ...], force: bool, volumes: bool, link: bool) -> None:
    """Remove one or more containers."""
    if link:
        raise Failure("links between containers are not offered")

    def remove(name: str) -> None:
        try:
            container(name.strip("/")).remove(force=force, volumes=volumes)
        except NotFound as error:
            if not force:
                raise
            raise Absent(error.message) from None

    each(containers, remove)


@click.command(cls=Word)
@containers_argument()
def wait(containers: tuple[str, ...]) -> None:
    """Block until one or more containers stop, then print their exit codes."""
    each(containers, lambda name: container(name).wait())


@click.command(cls=Word)
@container_argument()
@click.argument("new_name", metavar="NEW_NAME")
def rename(name: str, new_name: str) -> None:
    """Rename a container."""
    if not name.strip() or not new_name.strip():
        raise Failure("Error: Neither old nor new names may be empty")
    try:
        container(name).rename(new_name)
    except DockerkitError as error:
        raise Failure(f"{said(error)}\nError: failed to rename container named {name}") from None


@click.command(cls=Word, context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
@container_argument(running=True)
@click.argument("ps_options", nargs=-1, metavar="[ps OPTIONS]", type=click.UNPROCESSED)
def top(name: str, ps_options: tuple[str, ...]) -> None:
    """Display the running processes of a container."""
    rows = container(name).top(" ".join(ps_options) or None)
    lines = ["\t".join(map(str, line)) for line in (rows.columns, *rows.table())]
    click.echo(laid_out("\n".join(lines), minimum=20))


@click.command(cls=Word)
@container_argument(running=True)
@click.argument("wanted", required=False, metavar="[PRIVATE_PORT[/PROTO]]")
def port(name: str, wanted: str | None) -> None:
    """List port mappings or a specific mapping for the container."""
    bound: dict[str, Any] = container(name).inspect()["NetworkSettings"].get("Ports") or {}
    if wanted:
        key = _port_key(wanted)
        if not bound.get(key):
            raise Failure(f"Error: No public port '{wanted}' published for {name}")
        lines = [_address(one) for one in bound[key]]
    else:
        lines = [f"{inside} -> {_address(one)}" for inside in bound for one in bound[inside] or ()]
    click.echo("".join(f"{line}\n" for line in sorted(lines, key=natural)), nl=False)


def _port_key(wanted: str) -> str:
    """Return a container's port as inspect has it.

    :raises Failure: it is none; in Docker's words.
    """
    number, _, protocol = wanted.partition("/")
    if not (number.isascii() and number.isdecimal()):
        raise Failure(f'Error: invalid port ({number}): strconv.ParseUint: parsing "{number}": invalid syntax')
    if int(number) >= 2**16:
        raise Failure(f'Error: invalid port ({number}): strconv.ParseUint: parsing "{number}": value out of range')
    return f"{number}/{protocol or 'tcp'}"


def _address(binding: dict[str, str]) -> str:
    return joined(binding.get("HostIp", ""), binding["HostPort"])
