"""``container prune``, ``image prune`` and ``system prune``: what nothing uses goes, after a question; ``volume prune`` and
``network prune`` are with the other words of volumes and networks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from dockerkit.cli.ps import filter_flag, filters_json
from dockerkit.cli.sizes import precise
from dockerkit.cli.word import Word, client

_force = click.option("-f", "--force", is_flag=True, help="Do not ask.")
_filter = filter_flag("--filter")
_NETWORKS = "  - all networks not used by at least one container\n"
_every = click.option("-a", "--all", "all", is_flag=True, help="Remove all images that no container uses.")


def asked(force: bool, warning: str) -> None:
    """Ask whether to go on; anything but yes ends the program."""
    if force:
        return
    click.echo(f"WARNING! {warning}\nAre you sure you want to continue? [y/N] ", nl=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        click.get_current_context().exit(0)  # silently, as Docker's program


def post(kind: str, filters: str | None) -> dict[str, Any]:
    """Prune things of a kind; return what the engine says it did."""
    engine = client().engine
    import msgspec

    answer = engine.call("POST", f"/{kind}/prune", query={"filters": filters}, timeout=None)
    said: dict[str, Any] = msgspec.json.decode(answer.read())
    return said


def _containers(filters: tuple[str, ...]) -> tuple[list[str], int]:
    said = post("containers", filters_json(filters))
    gone = said.get("ContainersDeleted") or []
    return (["Deleted Containers:", *gone, ""] if gone else []), int(said.get("SpaceReclaimed") or 0)


def _images(filters: tuple[str, ...], all: bool) -> tuple[list[str], int]:
    said = post("images", filters_json((*filters, f"dangling={'false' if all else 'true'}")))
    gone = [f"{word.lower()}: {ref}" for step in said.get("ImagesDeleted") or () for word, ref in step.items() if ref]
    return (["Deleted Images:", *gone, ""] if gone else []), int(said.get("SpaceReclaimed") or 0)


def told(*done: tuple[Sequence[str], int]) -> None:
    """Say what went, and how many bytes it was."""
    for lines, _ in done:
        click.echo("".join(f"{line}\n" for line in lines), nl=False)
    click.echo(f"Total reclaimed space: {precise(sum(size for _, size in done))}")


@click.command("prune", cls=Word)
@_filter
@_force
def containers(filters: tuple[str, ...], force: bool) -> None:
    """Remove all stopped containers."""
    asked(force, "This will remove all stopped containers.")
    told(_containers(filters))


@click.command("prune", cls=Word)
@_every
@_filter
@_force
def images(filters: tuple[str, ...], force: bool, all: bool) -> None:
    """Remove unused images."""
    which = "all images without at least one container associated to them" if all else "all dangling images"
    asked(force, f"This will remove {which}.")
    told(_images(filters, all))


@click.command("prune", cls=Word)
@_every
@_filter
@_force
@click.option("--volumes", is_flag=True, help="Anonymous volumes too.")
def system(filters: tuple[str, ...], force: bool, all: bool, volumes: bool) -> None:
    """Remove unused data: stopped containers, networks, and images that nothing names (with --all: nothing uses)."""
    which = "all images without at least one container associated to them" if all else "all dangling images"
    unused = "  - all anonymous volumes not used by at least one container\n" if volumes else ""
    asked(force, f"This will remove:\n  - all stopped containers\n{_NETWORKS}{unused}  - {which}\n")
    told(_containers(filters), _networks(filters), _volumes(filters) if volumes else ([], 0), _images(filters, all))


def _networks(filters: tuple[str, ...]) -> tuple[list[str], int]:
    from dockerkit.cli.networks import pruned

    return pruned(filters), 0


def _volumes(filters: tuple[str, ...]) -> tuple[list[str], int]:
    from dockerkit.cli.volumes import pruned

    return pruned(tuple(each for each in filters if not each.startswith("until")))
