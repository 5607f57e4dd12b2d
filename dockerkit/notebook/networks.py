"""The words of docker that are about networks, whose answer is an object; see :mod:`dockerkit.notebook.verbs`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dockerkit.client.creation import MARKS
from dockerkit.client.networks import make
from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Invalid, NotFound
from dockerkit.notebook.images import Act, Said, filters_of
from dockerkit.schema.network import NetworkConnect

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.network import Network


def _create(client: Client, said: Said) -> Network:
    """Create a network that belongs to this notebook; return it."""
    from dockerkit.cli.networks import wish  # noqa: PLC0415 (the flags' own reader, which the command line loads too)

    request = wish(said["network"], said)
    request.labels = {**MARKS, **request.labels}
    return make(client, request)


def _connect(client: Client, said: Said) -> Network:
    """Connect a container; return the network."""
    from dockerkit.cli.networks import place  # noqa: PLC0415

    network = client.networks.get(said["network"])
    body = NetworkConnect(container=said["container"], endpoint_config=place(said))
    client.engine.post(f"/networks/{network.id}/connect", json=body)
    return network


def _disconnect(client: Client, said: Said) -> Network:
    """Disconnect a container; return the network."""
    network = client.networks.get(said["network"])
    network.disconnect(said["container"], force=said["force"])
    return network


def _rm(client: Client, said: Said) -> Rows[Row]:
    """Remove networks; return what that was. With force, one that is not there is no failure, as docker has it."""
    removed = []
    for name in said["names"]:
        with contextlib.suppress(*([NotFound] if said["force"] else [])):
            network = client.networks.get(name)
            row = Row(removed=network.name, driver=network.driver)
            network.remove()
            removed.append(row)
    return Rows(removed, columns=("removed", "driver"))


def _prune(client: Client, said: Said) -> Rows[Row]:
    """Remove networks that nobody is on; return which."""
    if not said["force"]:
        raise Invalid("network prune: a notebook cannot be asked whether it means it", hint="%docker network prune -f")
    gone = client.networks.prune(**filters_of(said["filters"])).get("NetworksDeleted") or []
    return Rows([Row(removed=name) for name in gone], columns=("removed",))


ACTS: dict[str, Act] = {
    "networks:ls": lambda client, said: client.networks.list(all=True, **filters_of(said["filters"])),
    "networks:create": _create,
    "networks:inspect": lambda client, said: [client.networks.get(name).inspect() for name in said["names"]],
    "networks:connect": _connect,
    "networks:disconnect": _disconnect,
    "networks:rm": _rm,
    "networks:prune": _prune,
}
"""``module:word`` of the command → what it does here."""
