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
from dockerkit.errors import DockerkitError

STOPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "A daemon, started because somebody asked",
        ("import dockerkit as dk", 'dk.version()["ApiVersion"], dk.info()["DaemonPid"]'),
    ),
    (
        "A program, contained; its image is obtained first",
        (
            'done = dk.run("busybox", "echo", "hi")',
            "done.stdout, done.exit_code",
            "dk.images.list()",
            'dk.images["busybox"].labels',
        ),
    ),
    (
        "What it sees of this machine",
        ('print(dk.run("busybox", "sh", "-c", "hostname; id -un; ps; grep CapEff /proc/self/status", hostname="box").stdout)',),
    ),
    (
        "How programs end",
        (
            'dk.run("busybox", "sh", "-c", "echo almost >&2; exit 3")',
            'dk.run("busybox", "sh", "-c", "tail /dev/zero", memory="16m").oom_killed',
            'dk.run("busybox", "no-such-program")',
        ),
    ),
    (
        "The life of a container",
        (
            'box = dk.container("busybox", "sh", "-c", "echo working; sleep 0.5; exit 7").name("worker").create()',
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
        "Owned: gone when the block ends, even by kill -9",
        (
            'with dk.start("busybox", "sleep", "60") as sleeper: print(sleeper.status)',
            "sleeper.id in dk.containers",
        ),
    ),
)


@click.command()
def main() -> None:
    """Show what dockerkit does, and leave nothing."""
    click.secho("dockerkit: Docker in pure Python, on this machine\n", bold=True)
    try:
        with own_root() as root:
            click.echo(f"in a data root of its own, {root}\n")
            began = perf_counter()
            tour()
            click.echo(f"That took {perf_counter() - began:.1f} s, and nothing is left of it.")
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
    for number, (title, lines) in enumerate(STOPS, 1):
        click.secho(f"{number}. {title}", fg="cyan", bold=True)
        for line in lines:
            click.secho(f">>> {line}", dim=True)
            show(line, names)
        click.echo()


def show(line: str, names: dict[str, Any]) -> None:
    """Run one line as the interactive interpreter would: an expression's value is printed, an error is one line."""
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
