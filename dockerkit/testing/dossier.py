"""What is known of a container when a test has failed: state, exit code, last lines, and how to enter it when it is kept.

Never raises for what the engine says: a report of a failure must not become another failure.
"""

from __future__ import annotations

from dockerkit.client.container import Container
from dockerkit.client.endpoint import resolve
from dockerkit.errors import DockerkitError, NotFound
from dockerkit.schema.container import ContainerState

LINES = 20
"""Lines of the log that are shown."""


def dossier(container: Container, fixture: str, *, lines: int = LINES) -> str:
    """Return a few lines of text: what it is, how it is, what it wrote last."""
    try:
        state, image = container.state, container.image
        said = container.logs(tail=lines).splitlines()[-lines:]
    except NotFound:
        return f"{fixture}: container {container.short_id} has been removed"
    except DockerkitError as error:
        return f"{fixture}: container {container.short_id}: {error.message}"
    head = f"{fixture}: container {container.short_id} of {image} {how_it_is(state)}"
    if not said:
        return f"{head}; it wrote nothing"
    return "\n".join([f"{head}; its last lines:", *(f"    {line}" for line in said)])


def how_it_is(state: ContainerState) -> str:
    """Return a state in words: ``runs``, ``ended with exit code 137 (out of memory)`` …"""
    if state.status == "running":
        return "runs"
    if state.status in ("exited", "dead"):
        reason = "out of memory" if state.oom_killed else state.error
        return f"ended with exit code {state.exit_code}{f' ({reason})' if reason else ''}"
    was = "was not started" if state.status == "created" else f"is {state.status}"
    return f"{was} ({state.error})" if state.error else was


def how_to_enter(container: Container, fixture: str) -> str:
    """Return the commands that enter and remove a container that is kept."""
    try:
        running = container.status in ("running", "paused")
    except DockerkitError:
        return f"{fixture}: container {container.short_id} could not be kept: it has gone"
    docker = _command(container)
    look = f"{docker} exec -it {container.short_id} sh" if running else f"{docker} logs {container.short_id}"
    return f"{fixture}: {look}\n    remove it: {docker} rm -f {container.short_id}"


def _command(container: Container) -> str:
    """Return the command line that reaches its engine from the shell that started the tests."""
    engine = container.engine
    if engine.foreign:
        return f"docker -H {engine.url}"
    return "dockerkit" if resolve().url == engine.url else f"DOCKERKIT_HOST={engine.url} dockerkit"
