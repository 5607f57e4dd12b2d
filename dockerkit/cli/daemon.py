"""``dockerkit daemon start|stop|status``: the daemon of one data root, by hand. Starts it as a program; never imports it."""

from __future__ import annotations

import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from dockerkit.cli.word import Word
from dockerkit.errors import NotAllowed, TimedOut, Unavailable
from dockerkit.schema.endpoint import data_root, socket_path

if TYPE_CHECKING:
    from dockerkit.client.client import Client

NOT_RUNNING = 3
"""Exit code of ``status`` for a daemon that is not there, as LSB init scripts have it."""


@click.group()
def daemon() -> None:
    """Start, stop and look at the daemon of this data root (DOCKERKIT_ROOT, else /var/lib/dockerkit)."""


@daemon.command(cls=Word)
@click.option("--foreground", is_flag=True, help="Become the daemon, in this terminal; it never leaves for idleness.")
def start(foreground: bool) -> None:
    """Start the daemon in the background, and return when it is ready."""
    root = data_root()
    if foreground:
        os.execv(sys.executable, [sys.executable, "-m", "dockerkit.daemon", "--root", root])  # noqa: S606 (our own program)
    before = running(root)
    if before:
        click.echo(f"the daemon of {root} runs already, as process {before['DaemonPid']}")
        return
    from dockerkit.client.daemon import ensure

    ensure(root, idle=0)
    click.echo(f"the daemon of {root} listens on unix://{socket_path(root)}")


@daemon.command(cls=Word)
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for its end.")
def stop(timeout: float) -> None:
    """Stop the daemon, and return when it is gone. Containers keep running."""
    root = data_root()
    click.echo(f"the daemon of {root} is gone" if end(root, timeout) else f"no daemon runs for {root}")


@daemon.command(cls=Word)
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show where the daemon listens and what it runs; exit code 3 when it does not run."""
    root = data_root()
    info = running(root)
    if not info:
        click.echo(f"no daemon runs for {root}")
        ctx.exit(NOT_RUNNING)
    rows = {
        "url": f"unix://{socket_path(root)}",
        "process": info["DaemonPid"],
        "version": info["ServerVersion"],
        "data root": info["DockerRootDir"],
        "containers running": info["ContainersRunning"],
    }
    for name, value in rows.items():
        click.echo(f"{name + ':':<20}{value}")


def connected(root: str) -> Client:
    """Return a client that talks to the daemon of `root` and never starts one."""
    import dockerkit

    return dockerkit.connect(f"unix://{socket_path(root)}")


def running(root: str) -> dict[str, Any] | None:
    """Return what the daemon of `root` says of itself, None when nobody answers."""
    try:
        with connected(root) as client:
            return dict(client.info())
    except Unavailable:
        return None


def lock_holder(root: str) -> int:
    """Return the process that wrote itself into the data root's lock, which may be long dead; 0 when there is none."""
    try:
        with open(os.path.join(root, "daemon.lock"), encoding="ascii") as lock:
            return int(lock.read().strip() or "0")
    except (FileNotFoundError, ValueError):
        return 0


def end(root: str, timeout: float) -> bool:
    """Stop the daemon of `root` and wait until it is gone; return False when there was none.

    :raises Unavailable: a daemon is there, but does not answer.
    :raises NotAllowed: it belongs to another user.
    :raises TimedOut: it is still there after `timeout` seconds.
    """
    holder = lock_holder(root)
    try:
        pidfd = os.pidfd_open(holder) if holder else -1
    except ProcessLookupError:
        pidfd = -1
    if pidfd < 0:
        return False
    try:
        return _end(root, holder, pidfd, timeout)
    finally:
        os.close(pidfd)


def _end(root: str, holder: int, pidfd: int, timeout: float) -> bool:
    info = running(root)  # asked after the pidfd was opened: a number given away since then cannot be hit
    if not info or info.get("DaemonPid") != holder:
        if not is_daemon(holder):
            return False
        raise Unavailable(
            f"process {holder} holds {root} and does not answer",
            hint=f"{root}/daemon.log says what it did last; if it hangs: kill {holder}",
        )
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
    except PermissionError:
        raise NotAllowed(f"the daemon of {root} belongs to another user", hint="run as root") from None
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    if not poll.poll(timeout * 1000):
        raise TimedOut(f"the daemon of {root} is still there after {timeout:g} s", hint=f"{root}/daemon.log says why")
    return True


def is_daemon(pid: int) -> bool:
    """Whether a process is a dockerkit daemon, and not one that has been given a dead daemon's number."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            return b"dockerkit.daemon" in command.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
