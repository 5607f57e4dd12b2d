"""The words of docker that are about volumes, whose answer is an object; see :mod:`dockerkit.notebook.verbs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Invalid
from dockerkit.notebook.images import Act, Said, filters_of

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.volume import Volume


def _create(client: Client, said: Said) -> Volume:
    """Make a volume that belongs to this notebook, or find the one of this name; return it."""
    if said["name"] and said["named"]:
        raise Invalid("volume create: it was named twice, by --name and by itself")
    options = dict(option.partition("=")[::2] for option in said["opt"])
    name = said["name"] or said["named"] or None
    return client.volumes.create(name, driver=said["driver"], labels=said["label"], options=options)


def _rm(client: Client, said: Said) -> Rows[Row]:
    """Remove volumes; return what that was. With force, one that is not there is no failure, as docker has it."""
    from dockerkit.client.volume import Volume  # noqa: PLC0415 (only who removes needs it)

    for name in said["names"]:
        Volume(client, name).remove(force=said["force"])
    return Rows([Row(removed=name) for name in said["names"]], columns=("removed",))


ACTS: dict[str, Act] = {
    "volumes:ls": lambda client, said: client.volumes.list(all=True, **filters_of(said["filters"])),
    "volumes:create": _create,
    "volumes:inspect": lambda client, said: [client.volumes.get(name).inspect() for name in said["names"]],
    "volumes:rm": _rm,
}
"""``module:word`` of the command → what it does here."""
