"""``rm --link``: a container forgets a neighbour it was linked to. The neighbour itself is never touched.

Source: moby ``daemon/delete.go``; words and effects proven on a real dockerd.
"""

from __future__ import annotations

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import hostfiles, linking
from dockerkit.errors import Conflict, NotFound


def unlink(core: Core, path: str) -> None:
    """Take a link out of a container's configuration, and of its ``hosts``.

    :param path: ``container/alias``.
    :raises NotFound: no such container, or no such link of it; in Docker's words.
    :raises Conflict: no alias was named.
    """
    ref, _, alias = path.strip("/").rpartition("/")
    if not ref:
        raise Conflict("Conflict, cannot remove the default link name of the container", hint="name it container/alias")
    missing = NotFound(f"No such container: {path}")
    try:
        entry = core.entries.resolve(ref)
    except NotFound:
        raise missing from None
    with entry.lock:
        record = entry.record
        links = record.host_config.links or []
        kept = [link for link in links if linking.parse(link)[1] != alias]
        if len(kept) == len(links):
            raise missing
        core.commit(entry, replace(record, host_config=replace(record.host_config, links=kept or None)))
        if record.alive:
            _forget(f"{core.directory(record.id)}/hosts", alias)


def _forget(hosts: str, alias: str) -> None:
    """Take the lines of a link out of ``hosts``: their first name is the alias."""
    hostfiles.remove(hosts, [line for line in hostfiles.read(hosts).splitlines() if line.split()[1:2] == [alias]])
