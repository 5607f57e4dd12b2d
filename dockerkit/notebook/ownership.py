"""What a notebook made, and how it is removed: everything created from it carries a label that names the notebook.

The name is the notebook's path where the server tells it, so that what an earlier kernel made is found as well.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dockerkit.client.creation import MARKS
from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Conflict, NotFound

if TYPE_CHECKING:
    from dockerkit.client.client import Client

LABEL = "dockerkit.notebook"


def identity(names: Mapping[str, Any]) -> str:
    """Return what this notebook is called: host and path; without a path, host and process.

    :param names: the notebook's, among which VS Code puts the path.
    """
    path = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__") or f"process {os.getpid()}"
    return f"{socket.gethostname()}:{path}"


def mark(names: Mapping[str, Any]) -> None:
    """Label everything that this process creates from now on."""
    MARKS[LABEL] = identity(names)


def unmark() -> None:
    """Label nothing any more."""
    MARKS.pop(LABEL, None)


def reset(client: Client) -> Rows[Row]:
    """Remove what this notebook made, running or not; return what that was."""
    removed = []
    for container in client.containers.list(all=True, label=f"{LABEL}={MARKS[LABEL]}"):
        try:
            row = Row(removed=container.name, image=container.image)
            container.remove(force=True, volumes=True)
        except NotFound:
            continue  # it went by itself
        removed.append(row)
    return Rows([*removed, *_reset_networks(client), *_reset_volumes(client)], columns=("removed", "image"))


def _reset_networks(client: Client) -> list[Row]:
    removed = []
    for network in client.networks.list(label=f"{LABEL}={MARKS[LABEL]}"):
        with contextlib.suppress(NotFound):
            row = Row(removed=network.name, image="(a network)")
            network.remove(force=True)
            removed.append(row)
    return removed


def _reset_volumes(client: Client) -> list[Row]:
    removed = []
    for volume in client.volumes.list(label=f"{LABEL}={MARKS[LABEL]}"):
        with contextlib.suppress(NotFound, Conflict):  # it went by itself, or somebody else's container has it
            volume.remove()
            removed.append(Row(removed=volume.name, image="(a volume)"))
    return removed
