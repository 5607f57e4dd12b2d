"""Shell completion: the script, and the names of containers and images. Asks only an engine that runs; never starts one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from dockerkit.cli.word import Word
from dockerkit.errors import DockerkitError

if TYPE_CHECKING:
    from dockerkit.client.client import Client

_SECONDS = 2.0
"""So long an engine may take: nobody waits for a completion."""
Complete = Callable[[click.Context, click.Parameter, str], list[str]]


@click.command(cls=Word)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell: `source <(dockerkit completion bash)`."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    root = ctx.find_root()
    name = root.info_name or "dockerkit"
    if kind is not None:
        click.echo(kind(root.command, {}, name, f"_{name.replace('-', '_')}_complete".upper()).source())


def container_names(*, running: bool = False) -> Complete:
    """Return a completion with the names of the containers: all, or those that run."""

    def names(client: Client) -> list[str]:
        found = client.engine.get("/containers/json", all=not running)
        return [name.removeprefix("/") for one in found for name in one.get("Names") or ()]

    return _asking(names)


def _images(client: Client) -> list[str]:
    return [tag for one in client.engine.get("/images/json") for tag in one.get("RepoTags") or () if tag != "<none>:<none>"]


def _networks(client: Client) -> list[str]:
    return [str(one["Name"]) for one in client.engine.get("/networks")]


def _volumes(client: Client) -> list[str]:
    return [str(one["Name"]) for one in client.engine.get("/volumes").get("Volumes") or ()]


def _asking(names: Callable[[Client], list[str]]) -> Complete:
    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            with running_engine(ctx.find_root().params.get("host")) as client:
                return sorted(name for name in names(client) if name.startswith(incomplete))
        except (DockerkitError, OSError):
            return []  # a shell is waiting: no names are better than an error between the prompt and the cursor

    return complete


def running_engine(host: str | None) -> Client:
    """Return a client of the engine that would be used, if it runs; none is started.

    :raises Unavailable: it does not run.
    """
    import dockerkit
    from dockerkit.schema.endpoint import data_root, socket_path

    named = host or os.environ.get("DOCKERKIT_HOST") or (os.environ.get("DOCKER_HOST") and "docker")
    return dockerkit.connect(named or f"unix://{socket_path(data_root())}", timeout=_SECONDS)


image_names = _asking(_images)
"""A completion with the names of the images."""
network_names = _asking(_networks)
"""A completion with the names of the networks."""
volume_names = _asking(_volumes)
"""A completion with the names of the volumes."""


def containers_argument(
    *, running: bool = False, required: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the argument ``CONTAINER [CONTAINER...]``, completed with names."""
    complete = container_names(running=running)
    return click.argument(
        "containers", nargs=-1, required=required, metavar="CONTAINER [CONTAINER...]", shell_complete=complete
    )


def container_argument(*, running: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the argument ``CONTAINER``, completed with names."""
    return click.argument("name", metavar="CONTAINER", shell_complete=container_names(running=running))
