"""What ``make try`` runs: a first container, and the life of one, on a daemon and a data root of its own.

A tour is a list of stops, and a stop a list of lines of Python: what is shown is what runs. It leaves nothing: the daemon
is stopped and the data root removed, whatever happens on the way. Never touches the user's own data root.
"""

from __future__ import annotations

import ast
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import click

from dockerkit.cli.daemon import end
from dockerkit.errors import Damaged, DockerkitError, NotFound, Unavailable

STOPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "A daemon, started because somebody asked",
        ("import dockerkit as dk", 'dk.version()["ApiVersion"], dk.info()["DaemonPid"]'),
    ),
    (
        "A first image, made of what this machine or its distribution has",
        ('image = dk.images.bootstrap("IMAGE")', "image.labels", "dk.images.list()"),
    ),
    (
        "A program, contained",
        ('done = dk.run("IMAGE", "echo", "hi")', "done.stdout, done.exit_code"),
    ),
    (
        "What it sees of this machine",
        (
            'seen = dk.run("IMAGE", "sh", "-c", "hostname; id -un; ps -e; grep CapEff /proc/1/status", hostname="box")',
            'print(seen.stdout, end="")',
        ),
    ),
    (
        "How programs end",
        (
            'dk.run("IMAGE", "sh", "-c", "echo almost >&2; exit 3")',
            'dk.run("IMAGE", "sh", "-c", "tail /dev/zero", memory="16m").oom_killed',
            'dk.run("IMAGE", "no-such-program")',
        ),
    ),
    (
        "The life of a container",
        (
            'box = dk.container("IMAGE", "sh", "-c", "echo working; sleep 0.5; exit 7").name("worker").create()',
            "box.status",
            "box.start()",
            "dk.containers.list()",
            "box.wait()",
            "box.status, box.exit_code, box.logs()",
            "dk.containers.list(all=True)",
            "box.remove()",
            '"worker" in dk.containers',
        ),
    ),
    (
        "How long one takes, from asking to gone, in milliseconds",
        (
            "from timeit import repeat",
            'sorted(round(1000 * took, 1) for took in repeat(lambda: dk.run("IMAGE", "echo", "hi"), number=1, repeat=10))',
        ),
    ),
    (
        "Owned: gone when the block ends, even by kill -9",
        (
            'with dk.start("IMAGE", "sleep", "60") as sleeper: print(sleeper.status)',
            "sleeper.id in dk.containers",
        ),
    ),
)
"""What is shown, in order; IMAGE is whichever first image can be had."""


@click.command()
def main() -> None:
    """Show what dockerkit does, and leave nothing."""
    click.secho("dockerkit: Docker in pure Python, on this machine\n", bold=True)
    try:
        began, forwarded = perf_counter(), forwards()
        with own_root() as root:
            click.echo(f"in a data root of its own, {root}\n")
            tour()
        click.echo(f"That took {perf_counter() - began:.1f} s; the daemon is stopped, and nothing is left of it.")
        if forwards() != forwarded:
            click.echo("One thing stays, as after Docker: net.ipv4.ip_forward=1, which networks of containers need.")
    except DockerkitError as error:
        click.secho(f"\ndockerkit: {error}", fg="red", err=True)
        click.echo("what this machine allows, and the next step: .venv/bin/dockerkit doctor", err=True)
        sys.exit(1)
    click.echo("Go on: .venv/bin/python, and docs/run.md. What this machine allows: .venv/bin/dockerkit doctor")


@contextmanager
def own_root() -> Iterator[str]:
    """Make a data root, and name it in the environment; afterwards stop its daemon and remove it."""
    root = tempfile.mkdtemp(prefix="dockerkit-try-")
    os.environ["DOCKERKIT_ROOT"] = root
    for name in ("DOCKERKIT_HOST", "DOCKER_HOST"):
        os.environ.pop(name, None)
    try:
        yield root
    finally:
        end(root, timeout=30)
        shutil.rmtree(root)


def tour() -> None:
    """Walk through the stops."""
    names: dict[str, Any] = {}
    image = obtainable()
    for number, (title, lines) in enumerate(STOPS, 1):
        click.secho(f"{number}. {title}", fg="cyan", bold=True)
        for line in lines:
            show(line.replace("IMAGE", image), names)
        click.echo()


def forwards() -> str:
    """Return whether this machine leads packets from one network to another, as the kernel says it."""
    try:
        with open("/proc/sys/net/ipv4/ip_forward", encoding="ascii") as file:
            return file.read()
    except OSError:  # not to be read here: then it is not changed either
        return ""


def obtainable() -> str:
    """Return the name of an image that can be had here: busybox, else the machine's own programs, and say why."""
    import dockerkit

    try:
        dockerkit.images.bootstrap("busybox")
    except (NotFound, Unavailable, Damaged) as error:
        click.echo(f"no busybox here: {error}\nso it is this machine's own programs\n")
        return "host"
    return "busybox"


def show(line: str, names: dict[str, Any]) -> None:
    """Run one line as the interactive interpreter would: an expression's value is printed, an error is one line."""
    click.secho(f">>> {line}", dim=True)
    expression = isinstance(ast.parse(line).body[0], ast.Expr)
    try:
        sys.displayhook = display
        exec(compile(line, "<tour>", "single" if expression else "exec"), names)  # noqa: S102 (the lines above, nothing else)
    except DockerkitError as error:
        if not expected(error):
            raise
        click.echo(f"{type(error).__name__}: {error}")
    finally:
        sys.displayhook = sys.__displayhook__


def display(value: object) -> None:
    """Print a value as the interpreter does."""
    if value is not None:
        click.echo(repr(value))


def expected(error: DockerkitError) -> bool:
    """Whether the tour means to show this error, and not to end with it."""
    return "no-such-program" in error.message


if __name__ == "__main__":
    main()
